"""Deliveries are verified by the official library of Standard Webhooks (the one for JavaScript, as a receiver would use it). The CloudEvents SDK
is in test_cloudevents.py."""

import json
import os
import subprocess

import pytest

import official
from hub import new_secret
from sink import BOUND
from test_rotation import next_request, rotate

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standardwebhooks.cjs")
DATA = {"order": 1001, "customer": "Zoë ☃ \"O'Brien\"", "lines": [1.50, None, True]}
REFUSED = {"error": "WebhookVerificationError: No matching signature found"}


@pytest.fixture(scope="module")
def verify():
    """verify(secret, received, **changes): what the library says of a request that came; `changes` are headers, or `body`, put in its place."""
    node = subprocess.Popen(["node", PROGRAM], env=official.node("standardwebhooks"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(secret, received, body=None, **headers):
        headers = {**received.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        node.stdin.write(json.dumps({"secret": secret, "headers": headers, "body": received.body.decode() if body is None else body}) + "\n")
        node.stdin.flush()
        return json.loads(node.stdout.readline())

    yield ask
    node.stdin.close()
    node.stdout.close()
    assert node.wait(BOUND) == 0


def received_by(hub, sink, format, **fields):
    endpoint = hub.endpoint(sink.url("/" + format), ["order.*"], format=format, **fields)
    hub.publish("order.created", DATA, uid=f"for-{format}")
    return endpoint["secret"], sink.wait_for(1, "/" + format)[0]


@pytest.mark.parametrize("format", ["raw", "standard", "thin", "cloudevents-binary", "cloudevents-structured"])
def test_the_library_accepts_every_format(hub, sink, verify, format):
    secret, received = received_by(hub, sink, format)
    event = verify(secret, received)["event"]
    assert event == json.loads(received.body)
    if format != "thin":
        assert (event if format in ("raw", "cloudevents-binary") else event["data"]) == DATA


def test_the_library_accepts_a_body_that_is_empty(hub, sink, verify):
    secret = hub.endpoint(sink.url(), ["*"])["secret"]
    answer = hub.api("POST", "/v1/events", {"specversion": "1.0", "id": "1", "source": "/x", "type": "ping"}, headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status == 202
    received = sink.wait_for(1)[0]
    assert received.body == b""
    assert verify(secret, received) == {}


def test_the_library_refuses_what_was_changed_on_the_way(hub, sink, verify):
    secret, received = received_by(hub, sink, "raw")
    assert "event" in verify(secret, received)
    assert verify(new_secret(), received) == REFUSED
    assert verify(secret, received, body=received.body.decode() + " ") == REFUSED
    assert verify(secret, received, webhook_id="evt_0") == REFUSED
    a_second_before = str(int(received.headers["webhook-timestamp"]) - 1)
    assert verify(secret, received, webhook_timestamp=a_second_before) == REFUSED
    an_hour_before = str(int(received.headers["webhook-timestamp"]) - 3600)
    assert "too old" in verify(secret, received, webhook_timestamp=an_hour_before)["error"]


def test_the_library_accepts_every_attempt(hub, sink, verify):
    sink.on("/raw", 500, 503, 204)
    secret, _ = received_by(hub, sink, "raw")
    attempts = sink.wait_for(3, "/raw")
    assert [r.attempt for r in attempts] == [1, 2, 3]
    assert all(verify(secret, r) == {"event": DATA} for r in attempts)


def test_the_library_accepts_both_secrets_during_a_rotation(hub, sink, verify):
    endpoint = hub.endpoint(sink.url())
    fresh = rotate(hub, endpoint, overlap_ms=3600000)["secret"]
    received = next_request(hub, sink)
    assert len(received.signatures) == 2
    assert all("event" in verify(secret, received) for secret in (fresh, endpoint["secret"]))
    ended = rotate(hub, endpoint, overlap_ms=0)["secret"]
    received = next_request(hub, sink)
    assert "event" in verify(ended, received)
    assert verify(fresh, received) == verify(endpoint["secret"], received) == REFUSED


def test_the_library_accepts_a_secret_of_ones_own(hub, sink, verify):
    secret = new_secret()
    _, received = received_by(hub, sink, "raw", secret=secret)
    assert verify(secret, received) == {"event": DATA}


def test_the_library_finds_its_signature_beside_an_ed25519_one(hub, sink, verify):
    secret, received = received_by(hub, sink, "raw", signature={"versions": ["v1", "v1a"]})
    assert len(received.signatures) == 2
    assert verify(secret, received) == {"event": DATA}
    _, v1a = received.signatures
    assert verify(secret, received, webhook_signature=v1a) == REFUSED
