"""Incoming schemes: handshakes, published vectors, URLs that are signed, certificates, and what else is the providers' own."""

import base64
import copy
import hashlib
import json
from urllib.parse import quote

import pytest

import providers as p
from providers import NOW, SECRET, URL, Request
from test_schemes import FAILED, OK, refused, verify

BY_NAME = {}
for provider in p.PROVIDERS:
    BY_NAME.setdefault(provider.name, provider)


def get(scheme, query, secrets=(SECRET,), settings=None, headers=None, **more):
    return verify(scheme, Request(b"", headers or {}, f"{URL}?{query}" if query else URL, "GET"), secrets, settings, **more)


# ---- Vectors ----

CONTENT_ID, CONTENT_TIME, CONTENT_BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'


@pytest.mark.parametrize(
    "secret, signature",
    [
        (p.STANDARD, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        ),
    ],
)
def test_the_vectors_of_standard_webhooks(secret, signature):
    headers = {"webhook-id": CONTENT_ID, "webhook-timestamp": CONTENT_TIME, "webhook-signature": signature}
    for names in ("webhook", "svix"):
        named = {k.replace("webhook", names): v for k, v in headers.items()}
        assert verify("standard", Request(CONTENT_BODY, named), [secret], now=CONTENT_TIME, expect=OK)["dedupe"] == CONTENT_ID
    both = {**headers, "webhook-signature": "v1,AAAA v1a,BBBB v2,xyz " + signature}
    verify("standard", Request(CONTENT_BODY, both), [secret], now=CONTENT_TIME, expect=OK)


def test_the_vector_of_github():
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify("github", Request(b"Hello, World!", {"X-Hub-Signature-256": "sha256=" + digest}), ["It's a Secret to Everybody"], expect=OK)


def test_the_vector_of_slack():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&"
        b"user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "X-Slack-Request-Timestamp": "1531420618",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    verdict = verify("slack", Request(body, headers), ["8f742231b10e8888abcd99yyyzzz85a5"], now=1531420618, expect=OK)
    assert verdict["type"] == "slack.command" and verdict["dedupe"].startswith("398738663015.") and verdict["subject"] == "T1DC2JH3J"


TWILIO_BODY = b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE"
TWILIO_URL = "https://mycompany.com{}/myapp.php?foo=1&bar=2"


@pytest.mark.parametrize("signature", ["RSOYDt4T1cUTdK1PDd93/VVr8B8=", "kvajT1Ptam85bY51eRf/AJRuM3w="])
@pytest.mark.parametrize("port", ["", ":443"])
def test_the_vectors_of_twilio_with_and_without_port(signature, port):
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = Request(TWILIO_BODY, headers, TWILIO_URL.format(port))
    assert verify("twilio", request, ["12345"], expect=OK)["type"] == "twilio.call"
    request.url = TWILIO_URL.format(":8443")
    assert (verify("twilio", request, ["12345"])["exit"] == OK) == (signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    request.url = TWILIO_URL.format(port).replace("foo=1", "foo=2")
    assert verify("twilio", request, ["12345"], expect=FAILED)["reason"] == "bad_signature"


def test_the_vector_of_x():
    secret, token = "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu", "9b4507b3-9040-4669-9ca3-6b94edb50553"
    verdict = get("x", "crc_token=" + token, [secret], expect=OK)
    assert verdict["verdict"] == "answered"
    assert json.loads(verdict["body"]) == {"response_token": "sha256=Cytd4Sq+NvEcV3MMrXxWJGJx5A+y/lXzzU2Maartkx8="}


# ---- Handshakes ----


def test_slack_challenge_is_echoed_when_it_is_signed():
    provider = BY_NAME["slack"]
    body = b'{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}'
    verdict = verify("slack", provider.made(body=body), [SECRET], expect=OK)
    assert (verdict["verdict"], verdict["status"], verdict["body"]) == ("answered", 200, "3eZbrw1aBm2rZgRNFdxV")
    assert verdict["headers"]["Content-Type"] == "text/plain" and verdict["headers"]["X-Content-Type-Options"] == "nosniff"
    unsigned = Request(body, p.JSON)
    assert verify("slack", unsigned, [SECRET], expect=FAILED)["reason"] == "missing_header"


def test_slack_interactions_are_typed_by_their_payload():
    provider = BY_NAME["slack"]
    payload = quote(json.dumps({"type": "block_actions", "trigger_id": "t.1", "team": {"id": "T1"}}))
    request = provider.made(body=b"payload=" + payload.encode())
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    verdict = verify("slack", request, [SECRET], expect=OK)
    assert (verdict["type"], verdict["dedupe"], verdict["subject"]) == ("slack.block_actions", "t.1", "T1")


def test_zoom_proves_that_it_knows_the_secret():
    body = b'{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1,"event":"endpoint.url_validation"}'
    verdict = verify("zoom", BY_NAME["zoom"].made(body=body), [SECRET], expect=OK)
    answer = json.loads(verdict["body"])
    assert answer == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": p.mac(SECRET, "qgg8vlvZRS6UYooatFL8Aw").hex()}
    forged = body.replace(b"qgg8vlvZRS6UYooatFL8Aw", b"v0:1700000000:{}")
    assert verify("zoom", BY_NAME["zoom"].made(body=forged), [SECRET], expect=FAILED)["reason"] == "malformed"


def test_x_answers_no_token_that_could_be_a_body():
    for token in ('{"for_user_id":1}', "a b", "x" * 257, ""):
        assert get("x", "crc_token=" + quote(token), expect=FAILED)["reason"] == "malformed"
    assert get("x", "", expect=FAILED)["reason"] == "missing_header"
    token = "abc"
    signed = Request(token.encode(), {"x-twitter-webhooks-signature": "sha256=" + base64.b64encode(p.mac(SECRET, token)).decode()})
    assert verify("x", signed, [SECRET], expect=FAILED)["reason"] == "malformed"


def test_meta_challenge_needs_the_verify_token():
    settings = {"verify_token": "my token"}
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    verdict = get("meta", query + "my%20token", settings=settings, expect=OK)
    assert (verdict["verdict"], verdict["body"]) == ("answered", "1158201444")
    assert get("meta", query + "another", settings=settings, expect=FAILED)["reason"] == "bad_signature"
    assert get("meta", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=my+token", settings=settings, expect=FAILED)["reason"] == "missing_header"
    assert get("meta", "hub.mode=subscribe&hub.verify_token=my+token", settings=settings, expect=FAILED)["reason"] == "malformed"


def test_dropbox_challenge_is_echoed_as_harmless_text():
    verdict = get("dropbox", "challenge=%3Cscript%3E", expect=OK)
    assert verdict["body"] == "<script>"
    assert verdict["headers"] == {"Content-Type": "text/plain", "X-Content-Type-Options": "nosniff"}
    assert get("dropbox", "", expect=FAILED)["reason"] == "missing_header"


def test_okta_challenge_is_answered():
    verdict = get("okta", "", headers={"X-Okta-Verification-Challenge": "abc-123"}, expect=OK)
    assert json.loads(verdict["body"]) == {"verification": "abc-123"}
    assert get("okta", "", expect=FAILED)["reason"] == "missing_header"
    assert get("okta", "", headers={"X-Okta-Verification-Challenge": 'a","b":"c'}, expect=FAILED)["reason"] == "malformed"


def test_okta_takes_the_header_that_is_set():
    request = Request(BY_NAME["okta"].body, {"X-My-Key": SECRET})
    assert verify("okta", request, [SECRET], {"header": "X-My-Key"}, expect=OK)["type"] == "okta.user.session.start"


def test_microsoft_graph_validation_token_is_echoed_decoded():
    verdict = verify("microsoft-graph", Request(b"", {}, URL + "?validationToken=Validation%3A+Testing%20client"), [SECRET], expect=OK)
    assert (verdict["verdict"], verdict["body"], verdict["headers"]["Content-Type"]) == ("answered", "Validation: Testing client", "text/plain")


def test_microsoft_graph_every_notification_is_looked_at():
    provider = BY_NAME["microsoft-graph"]
    request = provider.made(body=b'{"value":[{"id":"1","changeType":"created"},{"id":"2","changeType":"updated"}]}')
    verdict = verify("microsoft-graph", request, [SECRET], expect=OK)
    assert verdict["type"] == "microsoft-graph.notifications" and verdict["dedupe"] == "sha256:" + hashlib.sha256(b"1\n2").hexdigest()
    document = json.loads(request.body)
    document["value"][1]["clientState"] = "forged"
    request.body = json.dumps(document).encode()
    refused(provider, request, "bad_signature")
    del document["value"][1]["clientState"]
    request.body = json.dumps(document).encode()
    refused(provider, request, "missing_header")
    refused(provider, Request(b'{"value":[]}'), "malformed")
    refused(provider, Request(b"[]"), "malformed")
    lifecycle = provider.made(body=b'{"value":[{"lifecycleEvent":"missed"}]}')
    assert verify("microsoft-graph", lifecycle, [SECRET], expect=OK)["type"] == "microsoft-graph.missed"


def test_notion_token_is_kept_once():
    body = b'{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}'
    verdict = verify("notion", Request(body), [], expect=OK)
    assert verdict["verdict"] == "answered" and verdict["keep_secret"].startswith("secret_tMrl")
    assert verify("notion", Request(body), [SECRET], expect=FAILED)["reason"] == "missing_header"
    assert verify("notion", Request(b'{"type":"page.created"}'), [], expect=FAILED)["reason"] == "missing_header"
    assert verify("notion", BY_NAME["notion"].made(), [], expect=FAILED)["reason"] == "bad_signature"


def test_discord_ping_is_answered_when_it_is_signed():
    provider = BY_NAME["discord"]
    verdict = verify("discord", provider.made(body=b'{"version":1,"type":0}'), [provider.secret], expect=OK)
    assert (verdict["verdict"], verdict["status"]) == ("answered", 204)
    refused(provider, provider.made(body=b'{"version":1,"type":0}'), "bad_signature", secrets=[provider.other])


GRID = "Microsoft.EventGrid.SubscriptionValidationEvent"


def test_event_grid_subscription_is_validated():
    body = json.dumps([{"id": "1", "eventType": GRID, "data": {"validationCode": "512d38b6-c7b8"}}]).encode()
    request = Request(body, {"aeg-event-type": "SubscriptionValidation"}, f"{URL}?code={SECRET}")
    assert json.loads(verify("azure-event-grid", request, [SECRET], expect=OK)["body"]) == {"validationResponse": "512d38b6-c7b8"}
    request.url = URL + "?code=" + "x" * 20
    assert verify("azure-event-grid", request, [SECRET], expect=FAILED)["reason"] == "bad_signature"
    options = Request(b"", {"WebHook-Request-Origin": "eventgrid.azure.net"}, f"{URL}?code={SECRET}", "OPTIONS")
    assert verify("azure-event-grid", options, [SECRET], expect=OK)["headers"]["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    options.url = URL
    assert verify("azure-event-grid", options, [SECRET], expect=FAILED)["reason"] == "missing_header"


def test_event_grid_in_the_cloudevents_schema_is_typed():
    one = Request(b'{"specversion":"1.0","type":"Microsoft.Storage.BlobCreated","source":"/s","id":"c-1"}', {}, f"{URL}?code={SECRET}")
    verdict = verify("azure-event-grid", one, [SECRET], expect=OK)
    assert (verdict["type"], verdict["dedupe"]) == ("azure-event-grid.Microsoft.Storage.BlobCreated", "c-1")


def test_cloudevents_consents_to_an_origin():
    options = Request(b"", {"WebHook-Request-Origin": "sender.example", "WebHook-Request-Rate": "120"}, method="OPTIONS")
    headers = verify("cloudevents", options, [SECRET], expect=OK)["headers"]
    assert headers["WebHook-Allowed-Origin"] == "sender.example" and headers["WebHook-Allowed-Rate"] == "*"
    headers = verify("cloudevents", options, [SECRET], {"allowed_rate": 60, "allowed_origin": "sender.example"}, expect=OK)["headers"]
    assert headers["WebHook-Allowed-Rate"] == "60"
    assert verify("cloudevents", options, [SECRET], {"allowed_origin": "other.example"}, expect=FAILED)["reason"] == "bad_signature"
    assert verify("cloudevents", Request(b"", method="OPTIONS"), [SECRET], expect=FAILED)["reason"] == "missing_header"


def test_cloudevents_in_every_mode():
    bearer = {"Authorization": "Bearer " + SECRET}
    structured = {"specversion": "1.0", "id": "1", "source": "/s", "type": "com.example/v1:made", "subject": "x"}

    def structured_of(document):
        return Request(json.dumps(document).encode(), {**bearer, "Content-Type": "application/cloudevents+json; charset=utf-8"})

    verdict = verify("cloudevents", structured_of(structured), [SECRET], expect=OK)
    assert (verdict["type"], verdict["dedupe"], verdict["subject"]) == ("com.example/v1:made", "/s|1", "x")
    for name in ("id", "source", "type", "specversion"):
        without = {k: v for k, v in structured.items() if k != name}
        assert name in verify("cloudevents", structured_of(without), [SECRET], expect=FAILED)["why"]
    reserved = verify("cloudevents", structured_of({**structured, "type": "grapnel.endpoint.disabled"}), [SECRET], expect=OK)
    assert reserved["type"] == "cloudevents.grapnel.endpoint.disabled"
    batch = Request(json.dumps([structured, structured]).encode(), {**bearer, "Content-Type": "application/cloudevents-batch+json"})
    assert "batches are not taken" in verify("cloudevents", batch, [SECRET], expect=FAILED)["why"]
    query = Request(json.dumps(structured).encode(), {"Content-Type": "application/cloudevents+json"}, f"{URL}?access_token={SECRET}")
    verify("cloudevents", query, [SECRET], expect=OK)
    assert verify("cloudevents", Request(b"{}", bearer), [SECRET], expect=FAILED)["reason"] == "malformed"


CHALLENGE = {"header": "X-Sig"}


@pytest.mark.parametrize(
    "challenge, request_, body",
    [
        ({"from": "query", "name": "echo"}, Request(b"", {}, URL + "?echo=abc%20d", "GET"), "abc d"),
        ({"from": "json", "name": "data.token", "reply": '{"challenge":"{value}"}'}, Request(b'{"data":{"token":"abc"}}'), '{"challenge":"abc"}'),
        ({"from": "header", "name": "X-Hook-Secret", "reply": "{value}!"}, Request(b"", {"X-Hook-Secret": "abc"}), "abc!"),
    ],
)
def test_a_challenge_that_nobody_listed(challenge, request_, body):
    verdict = verify("hmac", request_, [SECRET], {**CHALLENGE, "challenge": challenge}, expect=OK)
    assert (verdict["verdict"], verdict["body"]) == ("answered", body) and "keep_secret" not in verdict
    kept = verify("hmac", request_, [], {**CHALLENGE, "challenge": {**challenge, "keep_as_secret": True}}, expect=OK)
    assert kept["keep_secret"] == body.strip("!") if "{" not in body else "abc"
    assert "keep_secret" not in verify("hmac", request_, [SECRET], {**CHALLENGE, "challenge": {**challenge, "keep_as_secret": True}}, expect=OK)


def test_an_event_that_is_signed_is_no_challenge():
    settings = {**CHALLENGE, "challenge": {"from": "json", "name": "token"}}
    body = b'{"token":"abc"}'
    signed = Request(body, {"X-Sig": p.mac(SECRET, body).hex()})
    assert verify("hmac", signed, [SECRET], settings, expect=OK)["verdict"] == "accepted"
    forged = Request(body, {"X-Sig": p.mac(p.OTHER, body).hex()})
    assert verify("hmac", forged, [SECRET], settings, expect=FAILED)["reason"] == "bad_signature"
    breaking = Request(b'{"token":"a\\"b"}')
    settings["challenge"]["reply"] = '{"challenge":"{value}"}'
    assert verify("hmac", breaking, [SECRET], settings, expect=FAILED)["reason"] == "malformed"


@pytest.mark.parametrize("name", sorted(BY_NAME) + ["none"])
def test_head_is_answered_and_other_methods_are_refused(name):
    provider = BY_NAME.get(name)
    secrets = [provider.secret] if provider and provider.secret else []
    settings = provider.settings if provider else {}
    assert verify(name, Request(b"", method="HEAD"), secrets, settings, expect=OK)["status"] == 200
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "post"):
        assert verify(name, Request(b"", method=method), secrets, settings, expect=FAILED)["reason"] == "malformed"
    assert verify(name, Request(b"", method="GET"), secrets, settings, expect=FAILED)["verdict"] == "refused"


def test_none_accepts_everything():
    verdict = verify("none", Request(b"\xff"), expect=OK)
    assert verdict["type"] == "none.event" and "secret" not in verdict


# ---- Certificates ----


def without_pin(name):
    provider = copy.deepcopy(BY_NAME[name])
    del provider.settings["certificate"]
    return provider


@pytest.mark.parametrize("name, url", [("paypal", "https://api.paypal.com/v1/notifications/certs/CERT-360caa42"), ("aws-sns", p.SNS_CERTIFICATE)])
def test_a_certificate_is_asked_for_and_then_used(name, url, tmp_path):
    provider = without_pin(name)
    request = provider.made()
    verdict = verify(name, request, [], provider.settings, expect=FAILED)
    assert (verdict["verdict"], verdict["certificate_url"]) == ("certificate", url)
    for pem, code, why in ((p.RSA_PEM, OK, ""), (p.OTHER_RSA_PEM, FAILED, "does not fit"), (p.EXPIRED_PEM, FAILED, "expired"), ("no PEM", FAILED, "PEM")):
        (tmp_path / "pem").write_text(pem)
        verdict = verify(name, request, [], provider.settings, more=["--certificate", tmp_path / "pem"], expect=code)
        assert why in verdict.get("why", "")
    (tmp_path / "pem").write_text(p.OTHER_RSA_PEM)
    pinned = f"certificate=@{tmp_path / 'pem'}"
    assert "pinned" in verify(name, request, [], provider.settings, more=["--setting", pinned], expect=FAILED)["why"]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../../evil",
        "https://api.paypal.com/other/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com",
        "x",
    ],
)
def test_paypal_certificates_of_other_places_are_not_fetched(url):
    provider = without_pin("paypal")
    request = provider.made()
    request.headers["PAYPAL-CERT-URL"] = url
    refused(provider, request, "bad_signature")
    if "sandbox" in url:
        verdict = verify("paypal", request, [], {**provider.settings, "environment": "sandbox"}, expect=FAILED)
        assert verdict["verdict"] == "certificate"


@pytest.mark.parametrize("name", ["PAYPAL-TRANSMISSION-ID", "PAYPAL-TRANSMISSION-TIME", "PAYPAL-CERT-URL", "PAYPAL-AUTH-ALGO"])
def test_every_header_of_paypal_is_needed(name):
    request = BY_NAME["paypal"].made()
    del request.headers[name]
    refused(BY_NAME["paypal"], request, "missing_header")


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.crt",
        "https://sns.us-east-1.amazonaws.com/a.pem#x",
        "https://sns.us_east.amazonaws.com/a.pem",
        "https://sns.us.amazonaws.com/a.pem",
        "https://snsXus-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.s3.amazonaws.com/a.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com:444/a.pem",
        "https://a@sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com\\@evil.example/a.pem",
    ],
)
def test_sns_certificates_of_other_places_are_not_fetched(url):
    provider = without_pin("aws-sns")
    request = provider.made()
    document = json.loads(request.body)
    document["SigningCertURL"] = url
    request.body = json.dumps(document).encode()
    refused(provider, request, "bad_signature")


def test_sns_certificates_of_china_are_fetched():
    provider = without_pin("aws-sns")
    request = provider.made()
    document = json.loads(request.body)
    document["SigningCertURL"] = "https://sns.cn-north-1.amazonaws.com.cn/a.pem"
    request.body = json.dumps(document).encode()
    assert verify("aws-sns", request, [], provider.settings, expect=FAILED)["verdict"] == "certificate"


def test_sns_subscription_is_confirmed_when_it_is_signed():
    provider = BY_NAME["aws-sns"]
    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1"
    body = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Token": "1", "Message": "You have chosen", "SubscribeURL": url}
    verdict = verify("aws-sns", provider.made(body=json.dumps(body).encode()), [], provider.settings, expect=OK)
    assert (verdict["verdict"], verdict["confirm_url"]) == ("answered", url)
    evil = provider.made(body=json.dumps({**body, "SubscribeURL": "https://evil.example/"}).encode())
    refused(provider, evil, "malformed")
    changed = provider.made(body=json.dumps(body).encode())
    changed.body = changed.body.replace(b"Token=1", b"Token=2")
    refused(provider, changed, "bad_signature")
    goodbye = provider.made(body=json.dumps({**body, "Type": "UnsubscribeConfirmation"}).encode())
    assert verify("aws-sns", goodbye, [], provider.settings, expect=OK)["type"] == "aws-sns.UnsubscribeConfirmation"


def test_sns_takes_its_own_topic_alone_and_no_field_twice():
    provider = BY_NAME["aws-sns"]
    request = provider.made()
    refused(provider, request, "bad_signature", settings={"topic_arn": p.ARN + "2"})
    twice = copy.deepcopy(request)
    twice.body = request.body[:-1] + b', "Message": "forged"}'
    refused(provider, twice, "malformed")
    escaped = copy.deepcopy(request)
    escaped.body = request.body[:-1] + b', "Mess\\u0061ge": "forged"}'
    refused(provider, escaped, "malformed")
    raw = copy.deepcopy(request)
    raw.headers["x-amz-sns-rawdelivery"] = "true"
    assert "raw message delivery" in refused(provider, raw, "malformed")["why"]
    old = copy.deepcopy(request)
    old.body = request.body.replace(b'"SignatureVersion": "2"', b'"SignatureVersion": "1"')
    refused(provider, old, "bad_signature")
    third = copy.deepcopy(request)
    third.body = request.body.replace(b'"SignatureVersion": "2"', b'"SignatureVersion": "3"')
    refused(provider, third, "bad_signature")


# ---- What else is their own ----


def test_stripe_secret_is_not_decoded():
    """A library that takes the base64 behind whsec_ for the key fails here."""
    provider = BY_NAME["stripe"]
    raw = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    request = Request(b"{}", {"Stripe-Signature": f"t={NOW},v1={p.mac(raw, f'{NOW}.'.encode() + b'{}').hex()}"})
    refused(provider, request, "bad_signature", secrets=[p.STANDARD])
    request = Request(b"{}", {"Stripe-Signature": f"t={NOW},v1={p.mac(p.STANDARD, f'{NOW}.'.encode() + b'{}').hex()}"})
    verify("stripe", request, [p.STANDARD], expect=OK)


def test_stripe_without_or_with_two_timestamps_is_refused():
    provider = BY_NAME["stripe"]
    signature = provider.made().headers["Stripe-Signature"]
    refused(provider, Request(provider.body, {"Stripe-Signature": signature.split(",", 1)[1]}), "missing_header")
    refused(provider, Request(provider.body, {"Stripe-Signature": f"t={NOW - 1000}," + signature}), "malformed")


def test_gitlab_secret_decides_how_it_is_verified():
    token, signing = [i for i in p.PROVIDERS if i.name == "gitlab"]
    both = signing.made()
    both.headers["X-Gitlab-Token"] = SECRET
    verify("gitlab", both, [p.STANDARD], expect=OK)
    assert verify("gitlab", token.made(), [p.STANDARD], expect=FAILED)["reason"] == "missing_header"
    leaked = Request(b"{}", {"X-Gitlab-Token": p.STANDARD})
    assert verify("gitlab", leaked, [p.STANDARD], expect=FAILED)["reason"] == "missing_header"
    verify("gitlab", token.made(), [p.STANDARD, SECRET], expect=OK)


def test_shopify_empty_body_is_refused():
    request = BY_NAME["shopify"].made(body=b"")
    assert verify("shopify", request, [SECRET], expect=FAILED)["reason"] == "malformed"


def test_sendgrid_crlf_is_part_of_what_is_signed():
    provider = BY_NAME["sendgrid"]
    request = provider.made()
    request.body = request.body.rstrip(b"\r\n")
    refused(provider, request, "bad_signature")


def test_square_other_url_is_refused():
    provider = BY_NAME["square"]
    request = provider.made()
    request.url = URL + "/"
    refused(provider, request, "bad_signature")


def test_twilio_json_must_be_the_one_of_the_digest():
    request = p.twilio_json(b'{"a":1}', NOW, SECRET)
    verify("twilio", request, [SECRET], expect=OK)
    request.body = b'{"a":2}'
    assert verify("twilio", request, [SECRET], expect=FAILED)["reason"] == "bad_signature"
    plain = Request(b'{"a":1}', {"X-Twilio-Signature": base64.b64encode(p.mac(SECRET, URL, "sha1")).decode()})
    assert verify("twilio", plain, [SECRET], expect=FAILED)["reason"] == "missing_header"


def test_hubspot_version_is_the_source_s_choice():
    old = p.hubspot_v1(b"[]", NOW, SECRET)
    assert verify("hubspot", old, [SECRET], expect=FAILED)["reason"] == "missing_header"
    assert verify("hubspot", old, [SECRET], {"signature_version": "v2"}, expect=FAILED)["reason"] == "bad_signature"


def test_zendesk_signed_the_other_way_round_is_refused():
    time = p.rfc3339(NOW)
    digest = base64.b64encode(p.mac(SECRET, b"{}" + time.encode())).decode()
    request = Request(b"{}", {"X-Zendesk-Webhook-Signature": digest, "X-Zendesk-Webhook-Signature-Timestamp": time})
    refused(BY_NAME["zendesk"], request, "bad_signature")


def test_adyen_wants_its_answer_and_every_item_signed():
    provider = BY_NAME["adyen"]
    request = provider.made()
    verdict = verify("adyen", request, [provider.secret], expect=OK)
    assert (verdict["body"], verdict["headers"]["Content-Type"]) == ("[accepted]", "text/plain")
    document = json.loads(request.body)
    second = copy.deepcopy(document["notificationItems"][0])
    second["NotificationRequestItem"]["amount"]["value"] = 1
    document["notificationItems"].append(second)
    refused(provider, Request(json.dumps(document).encode()), "bad_signature")
    refused(provider, Request(b'{"notificationItems":[]}'), "malformed")
    for field in ("pspReference", "merchantReference", "eventCode", "success"):
        changed = json.loads(request.body)
        changed["notificationItems"][0]["NotificationRequestItem"][field] += "x"
        refused(provider, Request(json.dumps(changed).encode()), "bad_signature")
    twice = request.body.replace(b'"success": "true"', b'"success": "true", "success": "false"')
    assert twice != request.body
    refused(provider, Request(twice), "malformed")


def test_docusign_any_header_may_match_but_not_a_hundred():
    provider = BY_NAME["docusign"]
    request = provider.made()
    del request.headers["X-DocuSign-Signature-1"]
    verify("docusign", request, [SECRET], expect=OK)
    request.headers.update({f"X-DocuSign-Signature-{n}": "x" for n in range(3, 40)})
    refused(provider, request, "malformed")
    refused(provider, Request(provider.body), "missing_header")


def test_linear_without_any_time_is_refused():
    body = b'{"type":"Issue"}'
    request = Request(body, {"Linear-Signature": p.mac(SECRET, body).hex()})
    refused(BY_NAME["linear"], request, "missing_header")


def test_github_forms_are_typed_by_their_payload():
    body = b"payload=" + quote('{"action":"closed"}').encode()
    headers = {"X-Hub-Signature-256": "sha256=" + p.mac(SECRET, body).hex(), "X-GitHub-Event": "issues", "Content-Type": "application/x-www-form-urlencoded"}
    assert verify("github", Request(body, headers), [SECRET], expect=OK)["type"] == "github.issues.closed"


@pytest.mark.parametrize(
    "said, type",
    [
        ("order..paid", "stripe.order._paid"),
        (".x.", "stripe._x_"),
        ("grüße an/alle:jetzt!", "stripe.gr__e_an.alle.jetzt_"),
        ("x" * 400, "stripe." + "x" * 248),
        ("", "stripe.event"),
    ],
)
def test_types_are_brought_into_the_grammar(said, type):
    provider = BY_NAME["stripe"]
    body = json.dumps({"type": said, "id": "i"}, ensure_ascii=False).encode()
    assert verify("stripe", provider.made(body=body), [provider.secret], expect=OK)["type"] == type


def test_ids_that_are_no_keys_are_replaced_by_their_digest():
    provider = BY_NAME["stripe"]
    for said in ("a b", "é", "x" * 256):
        body = json.dumps({"type": "t", "id": said}).encode()
        verdict = verify("stripe", provider.made(body=body), [provider.secret], expect=OK)
        assert verdict["dedupe"] == "sha256:" + hashlib.sha256(said.encode()).hexdigest()


def test_the_key_can_stand_in_the_query():
    request = Request(b"{}", {}, f"{URL}?k={quote(SECRET)}&x=1")
    verify("api-key", request, [SECRET], {"query": "k"}, expect=OK)
    refused(BY_NAME["api-key"], Request(b"{}", {}, URL), "missing_header", settings={"query": "k"})


def test_basic_wants_the_right_name_too():
    provider = BY_NAME["basic"]
    assert "name" in refused(provider, provider.made(), "bad_signature", settings={"username": "eve"})["why"]


def test_samples_of_other_kinds_of_batches():
    sendgrid = BY_NAME["sendgrid"]
    body = b'[{"event":"open","sg_event_id":"1"},{"event":"click","sg_event_id":"2"}]'
    verdict = verify("sendgrid", sendgrid.made(body=body), [sendgrid.secret], expect=OK)
    assert verdict["type"] == "sendgrid.events" and verdict["dedupe"] == "sha256:" + hashlib.sha256(b"1\n2").hexdigest()
    body = b'[{"event":"open","sg_event_id":"1"},{"event":"open"}]'
    verdict = verify("sendgrid", sendgrid.made(body=body), [sendgrid.secret], expect=OK)
    assert verdict["type"] == "sendgrid.open" and "dedupe" not in verdict


@pytest.mark.parametrize("name", ["aws-sns", "adyen"])
def test_what_is_parsed_before_it_is_known_is_bounded(name):
    provider = BY_NAME[name]
    request = provider.made()
    request.body = request.body[:-1] + b', "x": "' + b"x" * (4 << 20) + b'"}'
    verdict = verify(name, request, [provider.secret] if provider.secret else [], provider.settings, expect=FAILED)
    assert (verdict["reason"], verdict["status"]) == ("too_large", 413)
