"""Handshakes through the door: what providers ask before they send, answered by the source's scheme, with nothing published."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from hub import eventually
from incoming import SECRET, hexdigest, send, slack, source

QUERY_SECRET = "a-secret-of-the-query-0123456789"


def mac(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256)


def nothing_published(hub, name):
    return hub.pages("/v1/events", source=name) == []


def test_zoom_url_validation(hub):
    source(hub, "zoom", uid="zoom", secret=SECRET)
    body, at = b'{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1,"event":"endpoint.url_validation"}', int(time.time())
    headers = {"Content-Type": "application/json", "x-zm-request-timestamp": str(at), "x-zm-signature": "v0=" + hexdigest(SECRET, b"v0:%d:" % at + body)}
    answer = send(hub, "zoom", body, headers)
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    assert answer.json == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": mac(SECRET, "qgg8vlvZRS6UYooatFL8Aw").hexdigest()}
    assert nothing_published(hub, "zoom")


def test_x_crc(hub):
    source(hub, "x", uid="x", secret=SECRET)
    answer = send(hub, "x", method="GET", query="?crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553&nonce=1")
    digest = base64.b64encode(mac(SECRET, "9b4507b3-9040-4669-9ca3-6b94edb50553").digest()).decode()
    assert (answer.status, answer.json) == (200, {"response_token": "sha256=" + digest})
    assert nothing_published(hub, "x")


def test_meta_verification(hub):
    source(hub, "meta", uid="meta", secret=SECRET, settings={"verify_token": "my-token"})
    query = "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    answer = send(hub, "meta", method="GET", query=query + "my-token")
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert send(hub, "meta", method="GET", query=query + "another").status == 401
    (row,) = eventually(lambda: hub.pages("/v1/rejections", source="meta"))
    assert (row["reason"], row["method"]) == ("bad_signature", "GET")


def test_dropbox_challenge(hub):
    source(hub, "dropbox", uid="dropbox", secret=SECRET)
    answer = send(hub, "dropbox", method="GET", query="?challenge=%3Cscript%3E")
    assert (answer.status, answer.body) == (200, b"<script>")
    assert answer.headers["content-type"] == "text/plain" and answer.headers["x-content-type-options"] == "nosniff"


def test_okta_challenge(hub):
    source(hub, "okta", uid="okta", secret=SECRET)
    answer = send(hub, "okta", method="GET", headers={"X-Okta-Verification-Challenge": "abc-123"})
    assert (answer.status, answer.json) == (200, {"verification": "abc-123"})


def test_microsoft_graph_validation_token(hub):
    source(hub, "microsoft-graph", uid="graph", secret=SECRET)
    answer = send(hub, "graph", b"", query="?validationToken=Validation%3A+Testing%20client")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"Validation: Testing client", "text/plain")
    assert nothing_published(hub, "graph")


def test_event_grid_validation(hub):
    source(hub, "azure-event-grid", uid="grid", secret=QUERY_SECRET)
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    body = json.dumps([{"id": "1", "eventType": kind, "data": {"validationCode": "512d38b6-c7b8"}}]).encode()
    headers = {"aeg-event-type": "SubscriptionValidation", "Content-Type": "application/json"}
    answer = send(hub, "grid", body, headers, query=f"?code={QUERY_SECRET}")
    assert (answer.status, answer.json) == (200, {"validationResponse": "512d38b6-c7b8"})
    assert send(hub, "grid", body, headers).status == 401
    (row,) = eventually(lambda: hub.pages("/v1/rejections", source="grid"))
    shown = hub.api("GET", f"/v1/rejections/{row['id']}").body
    assert QUERY_SECRET.encode() not in shown


def test_cloudevents_options_and_events(hub):
    source(hub, "cloudevents", uid="ce", secret=QUERY_SECRET)
    answer = send(hub, "ce", method="OPTIONS", headers={"WebHook-Request-Origin": "sender.example", "WebHook-Request-Rate": "120"})
    assert answer.status == 200 and answer.headers["webhook-allowed-origin"] == "sender.example"
    body = b'{"specversion":"1.0","id":"1","source":"/s","type":"com.example.made","data":{"a":1}}'
    bearer = {"Authorization": f"Bearer {QUERY_SECRET}", "Content-Type": "application/cloudevents+json"}
    assert send(hub, "ce", body, bearer).status == 200
    assert send(hub, "ce", body, {"Content-Type": "application/cloudevents+json"}).status == 401
    (event,) = hub.pages("/v1/events", source="ce")
    assert event["type"] == "com.example.made" and "authorization" not in event["attributes"]


def test_notion_token_becomes_the_secret_once_and_is_shown_to_the_admin(hub):
    made = source(hub, "notion", uid="notion")
    assert made["secret_missing"] is True and "secret" not in made
    token = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
    body = b'{"verification_token":"%s"}' % token.encode()
    assert send(hub, "notion", body, {"Content-Type": "application/json"}).status == 200
    assert hub.got("/v1/sources/notion/secret")["secret"] == token
    assert hub.got("/v1/sources/notion")["secret_missing"] is False
    assert send(hub, "notion", body.replace(b"tMrl", b"evil"), {"Content-Type": "application/json"}).status == 401
    assert hub.got("/v1/sources/notion/secret")["secret"] == token, "nobody replaces it"
    event = b'{"id":"1","type":"page.created"}'
    signed = {"Content-Type": "application/json", "X-Notion-Signature": "sha256=" + hexdigest(token, event)}
    assert send(hub, "notion", event, signed).status == 200
    assert [e["type"] for e in hub.pages("/v1/events", source="notion")] == ["notion.page.created"]
    hub.restart()
    assert hub.got("/v1/sources/notion/secret")["secret"] == token
    (row,) = hub.pages("/v1/audit", action="source.keep_secret")
    assert row["actor"]["kind"] == "hub" and token not in json.dumps(row)


def test_slack_challenge_is_a_whole_answer_also_with_a_response_of_the_source(hub):
    source(hub, "slack", uid="sl", secret=SECRET, response={"status": 202, "body": "own"})
    challenge, event = b'{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}', b'{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}'
    assert send(hub, "sl", challenge, slack(challenge, SECRET)).body == b"3eZbrw1aBm2rZgRNFdxV"
    answer = send(hub, "sl", event, slack(event, SECRET))
    assert (answer.status, answer.body) == (202, b"own")


def test_adyen_wants_its_own_answer(hub):
    key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
    source(hub, "adyen", uid="adyen", secret=key)
    item = {"pspReference": "P1", "originalReference": "", "merchantAccountCode": "M", "merchantReference": "R", "amount": {"value": 100, "currency": "EUR"},
        "eventCode": "AUTHORISATION", "success": "true"}
    content = "P1::M:R:100:EUR:AUTHORISATION:true"
    item["additionalData"] = {"hmacSignature": base64.b64encode(hmac.new(bytes.fromhex(key), content.encode(), hashlib.sha256).digest()).decode()}
    body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).encode()
    answer = send(hub, "adyen", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.body) == (200, b"[accepted]"), answer
    assert len(hub.pages("/v1/events", source="adyen")) == 1


@pytest.mark.parametrize("type", ["Notification", "SubscriptionConfirmation"])
def test_what_sns_signs_waits_for_its_certificate_and_nothing_is_lost(make_hub, type):
    # Nobody answers for the name server: the certificate cannot be had, and SNS is told to try again.
    hub = make_hub("--dns-servers", "127.0.0.1:1")
    arn = "arn:aws:sns:us-east-1:123456789012:MyTopic"
    source(hub, "aws-sns", uid="sns", settings={"topic_arn": arn})
    message = {"Type": type, "MessageId": "1", "TopicArn": arn, "Message": "m", "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "SignatureVersion": "2", "Signature": base64.b64encode(b"x" * 256).decode(), "SigningCertURL": "https://sns.us-east-1.amazonaws.com/a.pem",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription", "Token": "t"}
    answer = send(hub, "sns", json.dumps(message).encode(), {"x-amz-sns-message-type": type, "Content-Type": "text/plain"})
    assert answer.status == 503 and "retry-after" in answer.headers
    assert "the certificate cannot be fetched" in hub.log()
    elsewhere = {**message, "SigningCertURL": "https://sns.us-east-1.amazonaws.com.evil.example/a.pem"}
    assert send(hub, "sns", json.dumps(elsewhere).encode(), {"x-amz-sns-message-type": type}).status == 401
    assert nothing_published(hub, "sns")
