"""The door of a source: what comes in is verified, typed, told from repetitions, and delivered byte for byte."""

import base64
import hashlib
import json
import os
import threading

import pytest

from hub import eventually
from incoming import SECRET, events_of, github, hexdigest, send, shopify, slack, source, standard, stripe

PAYLOADS = os.path.join(os.path.dirname(__file__), "..", "data", "github-payloads")


def test_github_payloads_come_in_typed_and_are_delivered_byte_for_byte(hub, sink):
    made = source(hub, uid="gh")
    hub.endpoint(sink.url("/hook"), types=["github.**"])
    sent = {}
    names = sorted(n for n in os.listdir(PAYLOADS) if n.endswith(".payload.json"))
    assert len(names) >= 20
    for number, name in enumerate(names):
        with open(os.path.join(PAYLOADS, name), "rb") as file:
            body = file.read()
        event = name.split(".")[0]
        answer = send(hub, "gh", body, github(body, event=event, delivery=str(number)))
        assert (answer.status, answer.body) == (200, b""), (name, answer)
        sent[hashlib.sha256(body).hexdigest()] = event
    received = sink.wait_for(len(names), "/hook")
    assert {hashlib.sha256(r.body).hexdigest() for r in received} == set(sent)
    for one in received:
        event = sent[hashlib.sha256(one.body).hexdigest()]
        action = json.loads(one.body).get("action")
        assert one.headers["grapnel-event-type"] in (f"github.{event}", f"github.{event}.{action}"), one.headers
        assert one.headers["content-type"] == "application/json"
    rows = events_of(hub, made)
    assert len(rows) == len(names)
    assert {r["attributes"]["x-github-event"] for r in rows} == set(sent.values())
    assert not any("signature" in key for r in rows for key in r["attributes"])


def test_head_is_answered_and_publishes_nothing(hub):
    made = source(hub, uid="gh")
    answer = send(hub, "gh", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert send(hub, "nobody", method="HEAD").status == 404
    assert events_of(hub, made) == []


def test_methods_without_a_handshake_are_refused(hub):
    source(hub, uid="gh")
    answer = send(hub, "gh", method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, HEAD")
    assert send(hub, "gh", method="OPTIONS").status == 405
    assert send(hub, "gh", method="PUT").status == 405


def test_repeated_id_is_answered_and_not_delivered_twice(hub, sink):
    made = source(hub, uid="gh")
    hub.endpoint(sink.url("/hook"))
    for body in (b'{"a":1}', b'{"a":1}', b'{"a":1,"sent_again":true}'):
        assert send(hub, "gh", body, github(body, delivery="same")).status == 200
    assert send(hub, "gh", b"{}", github(b"{}", delivery="other")).status == 200
    sink.wait_for(2, "/hook")
    assert len(events_of(hub, made)) == 2
    assert sorted(r.body for r in sink.received("/hook")) == [b'{"a":1}', b"{}"]


def test_same_id_at_two_sources_are_two_events(hub):
    one, other = source(hub, uid="one"), source(hub, uid="other")
    for name in ("one", "other"):
        assert send(hub, name, b"{}", github(b"{}", delivery="same")).status == 200
    assert len(events_of(hub, one)) == len(events_of(hub, other)) == 1


@pytest.mark.parametrize(
    "content_type, body",
    [
        ("application/json", b'{"b" : 1.10,\r\n "b": 12345678901234567890}'),
        ("application/x-www-form-urlencoded", b"payload=%7B%22a%22%3A1%7D&x=+"),
        ("application/xml; charset=utf-8", b'<?xml version="1.0"?>\n<a b="c">\xc3\xa9</a>\n'),
        ("text/plain", b"hello\r\n"),
        ("application/octet-stream", bytes(range(256)) * 40),
        ("image/png", b"\x89PNG\r\n\x1a\n\x00"),
    ],
)
def test_any_body_is_delivered_as_it_came_with_its_content_type(shared_hub, shared_sink, content_type, body):
    hub, path = shared_hub, f"/{hashlib.sha256(body).hexdigest()[:12]}"
    made = source(hub, "none", event_type=f"bytes.{path[1:]}")
    endpoint = hub.endpoint(shared_sink.url(path), types=[f"bytes.{path[1:]}"])
    structured = hub.endpoint(shared_sink.url(path + "-structured"), types=[f"bytes.{path[1:]}"], format="cloudevents-structured")
    assert send(hub, made["id"], body, {"Content-Type": content_type}).status == 200
    (one,) = shared_sink.wait_for(1, path)
    assert one.body == body and one.headers["content-type"] == content_type
    (other,) = shared_sink.wait_for(1, path + "-structured")
    if content_type == "application/json":
        assert body in other.body
    else:
        document = json.loads(other.body)
        assert base64.b64decode(document["data_base64"]) == body and document["datacontenttype"] == content_type
    for made in (endpoint, structured):
        hub.api("DELETE", f"/v1/endpoints/{made['id']}")


def test_events_of_a_source_belong_to_its_subscriber(hub, sink):
    hub.subscriber("acme")
    hub.endpoint(sink.url("/acme"), subscriber="acme")
    hub.endpoint(sink.url("/nobody"))
    made = source(hub, uid="gh", subscriber="acme")
    assert send(hub, "gh", b"{}", github(b"{}")).status == 200
    sink.wait_for(1, "/acme")
    assert sink.received("/nobody") == []
    (event,) = events_of(hub, made)
    assert event["subscriber"] == "acme" and event["source"] == made["id"]
    assert hub.pages("/v1/events", source="gh") == [event]
    assert hub.pages("/v1/events", source="") == []


def test_type_and_dedupe_by_template(hub):
    made = source(hub, "none", uid="t", event_type="shop.{header.x-kind}.{json:/order/state}", dedupe="{json:/order/id}-{query.n}")
    body = b'{"order": {"id": 7, "state": "paid~in full"}}'

    def post(headers=None, query="?n=1", body=body):
        assert send(hub, "t", body, {"Content-Type": "application/json", **(headers or {})}, query=query).status == 200

    post({"X-Kind": "eu"})
    post({"X-Kind": "eu"})  # the same key
    post({"X-Kind": "eu"}, query="?n=2")
    post(query="?n=3")  # no header: "unknown" in the type
    post(body=b"not JSON")  # no key: never a repetition
    post(body=b"not JSON")
    types = [e["type"] for e in events_of(hub, made)]
    assert types == ["shop.eu.paid_in_full", "shop.eu.paid_in_full", "shop.unknown.paid_in_full", "shop.unknown.unknown", "shop.unknown.unknown"]


def test_own_response(hub):
    source(hub, uid="gh", response={"status": 202, "content_type": "application/json", "body": '{"taken":true}'})
    answer = send(hub, "gh", b"{}", github(b"{}"))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (202, b'{"taken":true}', "application/json")


def test_25_mib_are_taken_and_a_byte_more_is_not(hub, sink):
    made = source(hub, uid="gh")
    hub.endpoint(sink.url("/hook"))
    body = os.urandom(25 << 20)
    assert send(hub, "gh", body, {**github(body), "Content-Type": "application/octet-stream"}).status == 200
    (one,) = sink.wait_for(1, "/hook")
    assert hashlib.sha256(one.body).digest() == hashlib.sha256(body).digest()
    body += b"x"
    refused = hub.raw(hub.head("POST", "/in/gh", f"Content-Length: {len(body)}"))
    assert refused.startswith(b"HTTP/1.1 413"), refused[:200]
    assert len(events_of(hub, made)) == 1


def test_limit_of_a_source_is_its_own(hub):
    source(hub, uid="gh", max_body_bytes=2000)
    body = b"x" * 2000
    assert send(hub, "gh", body, github(body)).status == 200
    chunked = b"POST /in/gh HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n" + b"x" * 2001 + b"\r\n0\r\n\r\n"
    assert hub.raw(chunked).startswith(b"HTTP/1.1 413")


def test_disabled_source_is_as_unknown(hub):
    source(hub, uid="gh", enabled=False)
    known, unknown = send(hub, "gh", b"{}", github(b"{}")), send(hub, "nobody", b"{}", github(b"{}"))
    strip = lambda answer: {k: v for k, v in answer.json.items() if k != "request_id"}
    assert known.status == unknown.status == 404 and strip(known) == strip(unknown)


def test_bad_signature_says_nothing_of_what_was_wrong(hub):
    source(hub, uid="gh")
    good = github(b"{}")
    flipped = good["X-Hub-Signature-256"][:-1] + ("0" if good["X-Hub-Signature-256"][-1] != "0" else "1")
    answers = [
        send(hub, "gh", b"{}", {**good, "X-Hub-Signature-256": value})
        for value in (flipped, "sha256=", "sha256=00", "sha1=" + good["X-Hub-Signature-256"][7:], good["X-Hub-Signature-256"][:-2])
    ]
    answers += [send(hub, "gh", b"{ }", good), send(hub, "gh", b"{}", {})]
    problems = {json.dumps({k: v for k, v in a.json.items() if k != "request_id"}, sort_keys=True) for a in answers if a.status == 401}
    assert {a.status for a in answers} <= {400, 401} and len(problems) == 1
    assert answers[0].code == "unverified" and "www-authenticate" not in answers[0].headers


def test_rate_of_a_source(hub):
    made = source(hub, uid="gh", rate={"limit": 3, "per_ms": 3600000})
    statuses = [send(hub, "gh", b"{}", github(b"{}", delivery=str(i))) for i in range(4)]
    assert [s.status for s in statuses] == [200, 200, 200, 429]
    late = statuses[-1]
    assert late.code == "rate_limited" and 1100 <= int(late.headers["retry-after"]) <= 1201
    assert late.headers["ratelimit-policy"] == '"source";q=3;w=3600' and late.headers["ratelimit"].startswith('"source";r=0;t=')
    assert statuses[0].headers["ratelimit"].startswith('"source";r=2;')
    assert len(events_of(hub, made)) == 3
    bad = [send(hub, "gh", b"{}", github(b"{}", secret="x")).status for _ in range(3)]
    assert bad == [401] * 3, "what does not verify uses nothing up, and is told nothing of the rate"


def test_stale_timestamps_and_the_tolerance_of_a_source(hub):
    import time

    secret = "whsec_" + "s" * 32
    source(hub, "stripe", uid="st", secret=secret)
    source(hub, "stripe", uid="patient", secret=secret, tolerance_s=100000)
    body, old = b'{"id":"evt_1","type":"invoice.paid"}', int(time.time()) - 4000
    assert send(hub, "st", body, stripe(body, secret)).status == 200
    assert send(hub, "st", body, stripe(body, secret, at=old)).status == 401
    assert send(hub, "patient", body, stripe(body, secret, at=old)).status == 200
    (event,) = hub.pages("/v1/events", source="patient")
    assert event["type"] == "stripe.invoice.paid"


def test_shopify_topic_becomes_a_type(hub):
    secret = "shpss_" + "a" * 32
    source(hub, "shopify", uid="shop", secret=secret)
    assert send(hub, "shop", b'{"id":1}', shopify(b'{"id":1}', secret)).status == 200
    (event,) = hub.pages("/v1/events", source="shop")
    assert event["type"] == "shopify.orders.create"


def test_standard_webhooks_of_another_hub_come_in(hub):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    source(hub, "standard", uid="std", secret=secret)
    body = b'{"type":"user.created","data":{}}'
    assert send(hub, "std", body, standard(body, secret)).status == 200
    assert send(hub, "std", body, standard(body, secret)).status == 200
    (event,) = hub.pages("/v1/events", source="std")
    assert event["type"].endswith("user.created")


def test_slack_handshake_is_answered(hub):
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    made = source(hub, "slack", uid="sl", secret=secret)
    body = b'{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}'
    answer = send(hub, "sl", body, slack(body, secret))
    assert answer.status == 200 and b"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" in answer.body
    assert send(hub, "sl", body, slack(body, "other" + secret)).status == 401
    assert events_of(hub, made) == []


def test_kill_9_after_200_loses_nothing(hub, sink):
    sink.on("/hook", 503)
    made = source(hub, uid="gh")
    hub.endpoint(sink.url("/hook"), retry={"schedule_ms": [3600000]})
    for i in range(20):
        assert send(hub, "gh", b"%d" % i, github(b"%d" % i, delivery=str(i))).status == 200
    hub.kill9()
    hub.start()
    assert len(events_of(hub, made)) == 20
    assert send(hub, "gh", b"0", github(b"0", delivery="0")).status == 200
    assert len(events_of(hub, made)) == 20, "repetitions are still known"


def test_flood_of_bad_requests_leaves_publishing_alive(hub, sink):
    source(hub, uid="gh")
    hub.endpoint(sink.url("/hook"), types=["alive"])
    stop = threading.Event()
    refused = [0] * 4

    def flood(number):
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
        body = b"x" * 20000
        while not stop.is_set():
            connection.request("POST", "/in/gh", body, {"X-Hub-Signature-256": "sha256=" + "0" * 64})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 401
            refused[number] += 1

    threads = [threading.Thread(target=flood, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: min(refused) > 50)
        for i in range(100):
            hub.publish("alive", {"n": i})
            assert send(hub, "gh", b"%d" % i, github(b"%d" % i, delivery=str(i))).status == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    sink.wait_for(100, "/hook")
    assert len(hub.pages("/v1/events", source="gh", limit=500)) == 100
    kept = hub.pages("/v1/rejections", source="gh", limit=500)
    assert 0 < len(kept) <= 1000
