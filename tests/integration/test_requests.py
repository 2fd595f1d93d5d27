"""What an endpoint's requests are: method, content type, the names of the signed headers, and a legacy signature beside ours. Signatures are
judged by Python's hmac, and by the schemes that judge incoming webhooks."""

import base64
import hashlib
import hmac
import sqlite3
import time

import pytest

from hub import new_secret
from providers import Request
from sink import Reply
from test_rotation import next_request, rotate
from test_schemes import OK, verify

URL = "http://127.0.0.1:9/hook"
OLD = "the old secret of 2019"
NAMES = {"id": "X-Acme-Id", "timestamp": "X-Acme-Time", "signature": "X-Acme-Signature"}
HMAC = {"style": "hmac", "header": "X-Signature"}


def request_of(received):
    return Request(received.body, received.headers, method=received.method)


def judged(scheme, received, secret, settings=None):
    return verify(scheme, request_of(received), [secret], settings or {}, now=int(time.time()), expect=OK)


def legacy(hub, sink, secret=None, **fields):
    return hub.endpoint(sink.url(), signature={"legacy": {**fields, **({"secret": secret} if secret else {})}})


def refused(hub, pointer, **fields):
    answer = hub.api("POST", "/v1/endpoints", {"url": URL, "event_types": ["*"], **fields})
    assert answer.status == 422 and pointer in answer.pointers, answer
    return answer


# ---- Method and content type ----


def test_post_is_the_method_unless_the_endpoint_says_put(hub, sink):
    endpoint = hub.endpoint(sink.url())
    assert (endpoint["method"], endpoint["content_type"]) == ("POST", None)
    assert next_request(hub, sink).method == "POST"
    path = f"/v1/endpoints/{endpoint['id']}"
    assert hub.api("PATCH", path, {"method": "PUT"}).json["method"] == "PUT"
    received = next_request(hub, sink)
    assert received.method == "PUT" and received.signed_with(endpoint["secret"]) and received.body == b"{}"
    assert hub.api("PATCH", path, {"method": None}).json["method"] == "POST"
    assert next_request(hub, sink).method == "POST"


def test_endpoints_of_both_methods_share_a_worker(hub, sink):
    """The handle that sends is used again for another endpoint: nothing of one may reach the other."""
    hub.endpoint(sink.url("/put"), ["a"], method="PUT", content_type="text/csv")
    hub.endpoint(sink.url("/post"), ["b"])
    for _ in range(5):
        hub.publish(type="a")
        hub.publish(type="b")
    sink.wait_for(10)
    assert {r.method for r in sink.received("/put")} == {"PUT"}
    assert {(r.method, r.headers["content-type"]) for r in sink.received("/post")} == {("POST", "application/json")}
    assert {r.headers["content-type"] for r in sink.received("/put")} == {"text/csv"}


@pytest.mark.parametrize("format", ["raw", "standard", "thin", "cloudevents-binary"])
def test_content_type_of_the_endpoint_stands_in_for_the_formats(hub, sink, format):
    endpoint = hub.endpoint(sink.url(), format=format, content_type="application/vnd.acme+json; v=2")
    assert endpoint["content_type"] == "application/vnd.acme+json; v=2"
    received = next_request(hub, sink)
    assert received.head.lower().count(b"content-type:") == 1
    assert received.headers["content-type"] == "application/vnd.acme+json; v=2" and received.signed_with(endpoint["secret"])


@pytest.mark.parametrize(
    "pointer, fields",
    [
        ("/method", {"method": "GET"}),
        ("/method", {"method": "put"}),
        ("/method", {"method": 1}),
        ("/content_type", {"content_type": "text"}),
        ("/content_type", {"content_type": "text/plain\r\nX-A: 1"}),
        ("/content_type", {"content_type": ""}),
        ("/content_type", {"content_type": "text/" + "x" * 300}),
        ("/content_type", {"content_type": "text/plain", "format": "cloudevents-structured"}),
    ],
)
def test_other_methods_and_content_types_are_refused(shared_hub, pointer, fields):
    refused(shared_hub, pointer, **fields)


# ---- Names of the signed headers ----


def test_a_prefix_renames_the_three_headers(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature={"headers": {"prefix": "svix-"}})
    assert endpoint["signature"] == {"versions": ["v1"], "headers": {"prefix": "svix-"}}
    event = hub.publish()
    (received,) = sink.wait_for(1)
    assert received.headers["svix-id"] == event["id"]
    assert not [name for name in received.headers if name.startswith("webhook-")]
    judged("standard", received, endpoint["secret"])


def test_names_are_sent_as_they_are_given(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature={"headers": NAMES, "versions": ["v1", "v1a"]})
    event = hub.publish()
    (received,) = sink.wait_for(1)
    assert all(f"\r\n{name}: ".encode() in received.head for name in NAMES.values())
    signed = b".".join([event["id"].encode(), received.headers["x-acme-time"].encode(), received.body])
    key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert received.headers["x-acme-signature"].split(" ")[0] == wanted


def test_one_name_alone_leaves_the_others(hub, sink):
    hub.endpoint(sink.url(), signature={"headers": {"signature": "X-Sig"}})
    received = next_request(hub, sink)
    assert {"webhook-id", "webhook-timestamp", "x-sig"} <= set(received.headers)
    assert "webhook-signature" not in received.headers


def test_a_patch_goes_over_from_a_prefix_to_names_and_back(hub):
    path = f"/v1/endpoints/{hub.endpoint(URL, signature={'headers': {'prefix': 'svix-'}})['id']}"
    named = hub.api("PATCH", path, {"signature": {"headers": {"id": "X-Id"}}})
    assert named.json["signature"]["headers"] == {"id": "X-Id"}
    prefixed = hub.api("PATCH", path, {"signature": {"headers": {"prefix": "old-"}}})
    assert prefixed.json["signature"]["headers"] == {"prefix": "old-"}
    assert "headers" not in hub.api("PATCH", path, {"signature": {"headers": None}}).json["signature"]


@pytest.mark.parametrize(
    "pointer, headers",
    [
        ("/signature/headers", "svix-"),
        ("/signature/headers", {}),
        ("/signature/headers", {"prefix": "svix-", "id": "X-Id"}),
        ("/signature/headers", {"id": "X-Same", "signature": "x-same"}),
        ("/signature/headers", {"id": "webhook-signature"}),
        ("/signature/headers/prefix", {"prefix": ""}),
        ("/signature/headers/prefix", {"prefix": "x y"}),
        ("/signature/headers/prefix", {"prefix": "grapnel-"}),
        ("/signature/headers/prefix", {"prefix": "x" * 65}),
        ("/signature/headers/id", {"id": "X:Id"}),
        ("/signature/headers/id", {"id": ""}),
        ("/signature/headers/id", {"id": None}),
        ("/signature/headers/id", {"id": "Host"}),
        ("/signature/headers/id", {"id": "transfer-encoding"}),
        ("/signature/headers/id", {"id": "Authorization"}),
        ("/signature/headers/signature", {"signature": "ce-id"}),
        ("/signature/headers/sign", {"sign": "X-Sign"}),
    ],
)
def test_names_that_cannot_be_are_refused(shared_hub, pointer, headers):
    refused(shared_hub, pointer, signature={"headers": headers})


def test_a_name_that_stands_among_the_endpoints_headers_is_refused(shared_hub):
    refused(shared_hub, "/signature/headers", headers={"x-acme-id": "7"}, signature={"headers": NAMES})
    refused(shared_hub, "/signature/legacy/header", headers={"x-signature": "7"}, signature={"legacy": HMAC})
    refused(shared_hub, "/signature/legacy/header", signature={"headers": NAMES, "legacy": {**HMAC, "header": "x-acme-id"}})


# ---- Legacy signatures ----


def test_github_style(hub, sink):
    endpoint = legacy(hub, sink, OLD, style="github")
    assert endpoint["signature"]["legacy"] == {"style": "github", "header": "X-Hub-Signature-256", "own_secret": True}
    received = next_request(hub, sink)
    assert received.headers["x-hub-signature-256"] == "sha256=" + hmac.new(OLD.encode(), received.body, hashlib.sha256).hexdigest()
    assert received.signed_with(endpoint["secret"]), "ours stands beside it"
    received.headers.update({"x-github-event": "push", "x-github-delivery": "1"})
    judged("github", received, OLD)


def test_stripe_style(hub, sink):
    endpoint = legacy(hub, sink, OLD, style="stripe", header="Stripe-Signature")
    received = next_request(hub, sink)
    sent_at = received.headers["webhook-timestamp"]
    wanted = hmac.new(OLD.encode(), sent_at.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    assert received.headers["stripe-signature"] == f"t={sent_at},v1={wanted}"
    assert received.signed_with(endpoint["secret"])
    judged("stripe", received, OLD)


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sum="])
def test_hmac_of_the_body(hub, sink, algorithm, encoding, prefix):
    legacy(hub, sink, OLD, **HMAC, algorithm=algorithm, encoding=encoding, prefix=prefix)
    received = next_request(hub, sink)
    digest = hmac.new(OLD.encode(), received.body, algorithm)
    wanted = digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()
    assert received.headers["x-signature"] == prefix + wanted
    settings = {"header": "X-Signature", "hash": algorithm, "encoding": encoding, **({"prefix": prefix} if prefix else {})}
    judged("hmac", received, OLD, settings)


def test_without_a_secret_of_its_own_the_endpoints_present_one_signs(hub, sink):
    endpoint = legacy(hub, sink, style="github")
    assert endpoint["signature"]["legacy"]["own_secret"] is False
    received = next_request(hub, sink)
    received.headers.update({"x-github-event": "push", "x-github-delivery": "1"})
    judged("github", received, endpoint["secret"])
    rotated = rotate(hub, endpoint)["secret"]
    received = next_request(hub, sink)
    received.headers.update({"x-github-event": "push", "x-github-delivery": "1"})
    judged("github", received, rotated)


def test_own_secret_stays_until_it_is_replaced_or_given_back(hub, sink):
    endpoint = legacy(hub, sink, OLD, **HMAC)
    path = f"/v1/endpoints/{endpoint['id']}"

    def signs(secret):
        received = next_request(hub, sink)
        return received.headers["x-signature"] == hmac.new(secret.encode(), received.body, hashlib.sha256).hexdigest()

    shown = hub.got(path)
    assert hub.api("PUT", path, shown).json["signature"] == shown["signature"] and signs(OLD), "GET, then PUT, changes nothing"
    hub.api("PATCH", path, {"description": "x"})
    assert signs(OLD)
    hub.restart()
    assert signs(OLD)
    replaced = new_secret()
    assert hub.api("PATCH", path, {"signature": {"legacy": {"secret": replaced}}}).json["signature"]["legacy"]["own_secret"] and signs(replaced)
    given_back = hub.api("PATCH", path, {"signature": {"legacy": {"secret": None}}}).json
    assert not given_back["signature"]["legacy"]["own_secret"] and signs(endpoint["secret"])
    gone = hub.api("PATCH", path, {"signature": {"legacy": None}}).json
    assert "legacy" not in gone["signature"] and "x-signature" not in next_request(hub, sink).headers


def test_own_secret_is_sealed_and_never_shown(hub, sink):
    secret = "kept-" + new_secret().removeprefix("whsec_")[:30].replace("/", "_")
    endpoint = legacy(hub, sink, secret, style="github")
    path = f"/v1/endpoints/{endpoint['id']}"
    hub.api("PATCH", path, {"signature": {"legacy": {"secret": secret}}})
    for shown in (path, path + "/secret", "/v1/endpoints", "/v1/audit"):
        assert secret not in hub.api("GET", shown).body.decode()
    next_request(hub, sink)
    hub.terminate()
    assert secret not in hub.log()
    with sqlite3.connect(f"{hub.data}/grapnel.db") as db:
        (sealed,) = db.execute("SELECT sealed FROM endpoint_legacy").fetchone()
        assert secret.encode() not in sealed
        assert not [row for row in db.execute("SELECT doc FROM endpoints") if secret in row[0]]
        assert not [row for row in db.execute("SELECT * FROM audit") if secret in str(row)]
    hub.start()


def test_deleting_the_endpoint_deletes_the_secret(hub, sink):
    endpoint = legacy(hub, sink, OLD, style="github")
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    hub.terminate()
    with sqlite3.connect(f"{hub.data}/grapnel.db") as db:
        assert db.execute("SELECT count(*) FROM endpoint_legacy").fetchone() == (0,)
    hub.start()


def test_another_style_begins_anew(hub, sink):
    endpoint = legacy(hub, sink, OLD, **HMAC, algorithm="sha1")
    path = f"/v1/endpoints/{endpoint['id']}"
    changed = hub.api("PATCH", path, {"signature": {"legacy": {"style": "github"}}})
    assert changed.json["signature"]["legacy"] == {"style": "github", "header": "X-Hub-Signature-256", "own_secret": True}
    assert hub.api("PATCH", path, {"signature": {"legacy": {"style": "stripe"}}}).pointers == ["/signature/legacy/header"]


@pytest.mark.parametrize("escape", [lambda s: s, lambda s: s.replace("/", "\\/"), lambda s: s.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D")])
def test_a_legacy_signature_that_is_reflected_is_not_kept(hub, sink, escape):
    legacy(hub, sink, OLD, **HMAC, encoding="base64", algorithm="sha512")
    sink.on("/", lambda r: Reply(400, body=f"before {escape(r.headers['x-signature'])} behind".encode()))
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert [a["response"] for a in delivery["attempts"]] == ["before [redacted] behind"] * 3


@pytest.mark.parametrize(
    "pointer, given",
    [
        ("/signature/legacy", "github"),
        ("/signature/legacy/style", {}),
        ("/signature/legacy/style", {"style": "gitlab"}),
        ("/signature/legacy/header", {"style": "stripe"}),
        ("/signature/legacy/header", {"style": "hmac"}),
        ("/signature/legacy/header", {"style": "hmac", "header": "Host"}),
        ("/signature/legacy/header", {"style": "hmac", "header": "a b"}),
        ("/signature/legacy/header", {"style": "hmac", "header": 7}),
        ("/signature/legacy/header", {"style": "hmac", "header": "webhook-signature"}),
        ("/signature/legacy/algorithm", {"style": "github", "algorithm": "sha1"}),
        ("/signature/legacy/algorithm", {**HMAC, "algorithm": "md5"}),
        ("/signature/legacy/encoding", {**HMAC, "encoding": "base32"}),
        ("/signature/legacy/prefix", {**HMAC, "prefix": "a\r\nb"}),
        ("/signature/legacy/prefix", {**HMAC, "prefix": "x" * 65}),
        ("/signature/legacy/secret", {**HMAC, "secret": ""}),
        ("/signature/legacy/secret", {**HMAC, "secret": "x" * 257}),
        ("/signature/legacy/secret", {**HMAC, "secret": 7}),
        ("/signature/legacy/key", {**HMAC, "key": "x"}),
    ],
)
def test_legacy_signatures_that_cannot_be_are_refused(shared_hub, pointer, given):
    refused(shared_hub, pointer, signature={"legacy": given})
