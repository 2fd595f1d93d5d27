"""Batches: parsed whole before anything is stored, decided item by item in order."""

import json

import pytest

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(events):
    return "\n".join(json.dumps(e) for e in events).encode()


def events(count, **fields):
    return [{"type": "batch.item", "data": {"n": n}, **fields} for n in range(count)]


def test_array_publishes_every_item_in_order(hub, sink):
    hub.endpoint(sink.url(), ["*"])
    answer = hub.api("POST", "/v1/events", events(5))
    assert answer.status == 202
    rows = answer.json["data"]
    assert [r["deliveries"] for r in rows] == [1] * 5
    assert [r["duplicate"] for r in rows] == [False] * 5
    assert [r["id"] for r in rows] == sorted(r["id"] for r in rows)
    bodies = {r.webhook_id: r.body for r in sink.wait_for(5)}
    assert [json.loads(bodies[r["id"]]) for r in rows] == [{"n": n} for n in range(5)]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\n\n"])
def test_ndjson_publishes_every_line(hub, ending):
    answer = hub.api("POST", "/v1/events", body=lines(events(3)) + ending, headers=NDJSON)
    assert answer.status == 202, answer
    assert len(answer.json["data"]) == 3


def test_a_thousand_events_are_taken_and_one_more_is_not(hub):
    answer = hub.api("POST", "/v1/events", events(1000))
    assert answer.status == 202
    assert len({r["id"] for r in answer.json["data"]}) == 1000
    refused = hub.api("POST", "/v1/events", events(1001))
    assert (refused.status, refused.code) == (413, "too_large")
    assert len(hub.pages("/v1/events", limit=500)) == 1000


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_one_bad_item_refuses_the_batch_before_anything_is_stored(hub, form):
    bad = events(2) + [{"type": "bad type", "data": 1}] + events(1)
    if form == "array":
        answer = hub.api("POST", "/v1/events", bad)
        assert answer.pointers == ["/2/type"]
    else:
        answer = hub.api("POST", "/v1/events", body=lines(bad), headers=NDJSON)
        assert answer.pointers == ["/2/type"]
    assert (answer.status, answer.code) == (422, "invalid")
    assert hub.got("/v1/events")["data"] == []


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_broken_json_at_the_end_refuses_the_batch(hub, form):
    body = lines(events(2)) + b'\n{"type": "a.b", "data": ' if form == "ndjson" else json.dumps(events(2)).encode()[:-1]
    answer = hub.api("POST", "/v1/events", body=body, headers=NDJSON if form == "ndjson" else None)
    assert (answer.status, answer.code) == (400, "unparsable")
    assert hub.got("/v1/events")["data"] == []


def test_equal_keys_in_one_batch_are_decided_in_order(hub):
    one = {"type": "a.b", "data": 1, "uid": "same"}
    answer = hub.api("POST", "/v1/events", [one, one, {**one, "data": 2}, {"type": "a.b", "data": 3}])
    assert answer.status == 202
    first, second, third, fourth = answer.json["data"]
    assert first["duplicate"] is False
    assert second["duplicate"] is True and second["id"] == first["id"]
    assert third["error"]["code"] == "idempotency_key_reused" and third["uid"] == "same"
    assert fourth["duplicate"] is False
    assert len(hub.got("/v1/events")["data"]) == 2


def test_an_empty_array_is_answered_without_a_crash(hub):
    answer = hub.api("POST", "/v1/events", [])
    assert answer.status in (202, 422), answer
    assert hub.got("/v1/events")["data"] == []


def test_items_may_be_for_different_subscribers(hub, sink):
    for uid in ("a", "b"):
        hub.subscriber(uid)
        hub.endpoint(sink.url(f"/{uid}"), ["*"], subscriber=uid)
    answer = hub.api("POST", "/v1/events", events(1, subscriber="a") + events(1, subscriber="b") + events(1))
    assert [r["deliveries"] for r in answer.json["data"]] == [1, 1, 0]
    ids = [r["id"] for r in answer.json["data"]]
    assert sink.wait_for(1, "/a")[0].webhook_id == ids[0]
    assert sink.wait_for(1, "/b")[0].webhook_id == ids[1]
