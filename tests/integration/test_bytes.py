"""Payload bytes: what is delivered is what was published, to the byte."""

import hashlib
import os

import pytest

from fixtures import DATA

WHITE = b" \t\r\n"
GITHUB = os.path.join(DATA, "github-payloads")
REAL = sorted(f for f in os.listdir(GITHUB) if f.endswith(".json"))

ODD = {
    "big integer": b"123456789012345678901234567890",
    "integer beyond doubles": b'{"id":9007199254740993}',
    "number spellings": b"[1.10, 1e400, -0, -0.0, 1E+2, 1e-0007, 0.10000000000000000000001]",
    "duplicate keys": b'{"a":1,"a":2,"a":{"a":3,"a":3}}',
    "key order": b'{"z":1,"a":2,"m":3,"":4}',
    "spacing inside": b'{ "a"\t:\r\n[ 1 ,2\n]  , "b" : { } }',
    "escapes": b'"\\u0041\\/\\u0000\\ud83d\\ude00 \\ud800 \\"\\\\ \\b\\f\\n\\r\\t"',
    "raw utf-8": '{"Zoë":"日本語 🪝 \u2028"}'.encode(),
    "delete character": b'"\x7f"',
    "empty object": b"{}",
    "empty array": b"[]",
    "empty string": b'""',
    "string": b'"text"',
    "number": b"0",
    "true": b"true",
    "false": b"false",
    "null": b"null",
    "looks like an envelope": b'{"type":"x","data":{"type":"y","data":1},"uid":"z"}',
    "deep": b"[" * 500 + b"]" * 500,
}


@pytest.fixture(scope="module")
def wire(shared_hub, shared_sink):
    shared_hub.endpoint(shared_sink.url("/bytes"), ["*"])
    return shared_hub, shared_sink


def through(wire, payload, type="bytes.test"):
    """Publishes and returns what arrived; the stored copy is compared on the way."""
    hub, sink = wire
    event = hub.publish_raw(payload, type)
    (received,) = sink.wait_for(1, "/bytes", where=lambda r: r.webhook_id == event["id"])
    assert received.headers["content-length"] == str(len(received.body))
    stored = hub.api("GET", f"/v1/events/{event['id']}/payload").body
    assert hashlib.sha256(stored).hexdigest() == hashlib.sha256(received.body).hexdigest()
    return received.body


@pytest.mark.parametrize("name", REAL)
def test_real_payload_arrives_with_the_same_sha256(wire, name):
    with open(os.path.join(GITHUB, name), "rb") as file:
        payload = file.read().strip(WHITE)  # white space around a value is not part of it
    assert hashlib.sha256(through(wire, payload, "github.event")).hexdigest() == hashlib.sha256(payload).hexdigest()


@pytest.mark.parametrize("name", ODD)
def test_odd_json_arrives_as_it_was_written(wire, name):
    assert through(wire, ODD[name]) == ODD[name]


def test_white_space_around_the_value_is_left_out(wire):
    assert through(wire, b' \r\n\t{"a" : 1}\n ') == b'{"a" : 1}'


def test_a_payload_of_nearly_a_mebibyte_arrives_whole(wire):
    payload = b'{"text":"' + bytes(32 + n % 90 if 32 + n % 90 not in (34, 92) else 46 for n in range(1024 * 1024 - 1000)) + b'"}'
    assert hashlib.sha256(through(wire, payload)).hexdigest() == hashlib.sha256(payload).hexdigest()


def test_batches_keep_the_bytes_of_each_item(wire):
    hub, sink = wire
    payloads = [ODD["number spellings"], ODD["spacing inside"].replace(b"\r\n", b" ").replace(b"\n", b" "), ODD["raw utf-8"]]
    items = [b'{"type":"bytes.batch","data":' + p + b"}" for p in payloads]
    for body, media in [(b"[" + b" , ".join(items) + b"]", "application/json"), (b"\n".join(items) + b"\n", "application/x-ndjson")]:
        answer = hub.api("POST", "/v1/events", body=body, headers={"Content-Type": media})
        assert answer.status == 202, answer
        for item, payload in zip(answer.json["data"], payloads):
            (received,) = sink.wait_for(1, "/bytes", where=lambda r: r.webhook_id == item["id"])
            assert received.body == payload


def test_retried_and_restarted_deliveries_keep_the_bytes(hub, sink):
    gate = sink.gate()
    from sink import Reply

    sink.on("/", 500, Reply(gate=gate, then="close"), 200)
    hub.endpoint(sink.url("/"), ["*"], retry={"schedule_ms": [1, 1, 1, 1]})
    event = hub.publish_raw(ODD["number spellings"])
    sink.wait_for(2)
    hub.kill9()
    gate.set()
    hub.start()
    received = sink.wait_for(3)
    hub.wait_delivery(event, "delivered")
    assert {r.body for r in received} == {ODD["number spellings"]}
    assert {r.webhook_id for r in received} == {event["id"]}
