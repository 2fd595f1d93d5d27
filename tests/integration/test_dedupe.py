"""Dedupe: a key that was given once makes one event."""

from concurrent.futures import ThreadPoolExecutor

import pytest

EVENT = {"type": "order.created", "data": {"n": 1}}


def post(hub, event, key=None, **keywords):
    return hub.api("POST", "/v1/events", event, headers={"Idempotency-Key": key} if key else None, **keywords)


@pytest.mark.parametrize("by", ["uid", "header"])
def test_same_key_and_content_gives_the_first_answer_again(hub, sink, by):
    hub.endpoint(sink.url(), ["*"])
    event, key = ({**EVENT, "uid": "order-1"}, None) if by == "uid" else (EVENT, "order-1")
    first, second = post(hub, event, key), post(hub, event, key)
    assert first.status == 202
    assert second.status == 200
    assert second.json["duplicate"] is True
    assert second.json["id"] == first.json["id"]
    assert second.json["deliveries"] == first.json["deliveries"] == 1
    assert "duplicate" not in first.json or first.json["duplicate"] is False
    hub.wait_delivery(first.json, "delivered")
    assert len(hub.got("/v1/events")["data"]) == 1
    assert len(sink.received()) == 1


@pytest.mark.parametrize("by", ["uid", "header"])
@pytest.mark.parametrize("other", [{"data": {"n": 2}}, {"type": "order.paid"}, {"subject": "s"}, {"attributes": {"a": "b"}}])
def test_same_key_with_other_content_is_refused(hub, by, other):
    extra, key = ({"uid": "order-1"}, None) if by == "uid" else ({}, "order-1")
    assert post(hub, {**EVENT, **extra}, key).status == 202
    refused = post(hub, {**EVENT, **extra, **other}, key)
    assert (refused.status, refused.code) == (422, "idempotency_key_reused")
    assert len(hub.got("/v1/events")["data"]) == 1


def test_keys_of_different_subscribers_do_not_meet(hub):
    hub.subscriber("a")
    hub.subscriber("b")
    ids = {post(hub, {**EVENT, "uid": "1", "subscriber": s}).json["id"] for s in ("a", "b")}
    ids.add(post(hub, {**EVENT, "uid": "1"}).json["id"])
    assert len(ids) == 3


def test_a_uid_and_an_idempotency_key_of_the_same_text_do_not_meet(hub):
    first, second = post(hub, {**EVENT, "uid": "same"}), post(hub, EVENT, "same")
    assert (first.status, second.status) == (202, 202)
    assert first.json["id"] != second.json["id"]


def test_key_is_remembered_over_a_restart_and_a_crash(hub):
    first = post(hub, {**EVENT, "uid": "order-1"}).json
    hub.restart()
    assert post(hub, {**EVENT, "uid": "order-1"}).json["id"] == first["id"]
    hub.kill9()
    hub.start()
    assert post(hub, {**EVENT, "uid": "order-1"}).json["id"] == first["id"]


def test_publishers_that_race_with_one_key_make_one_event(hub, sink):
    hub.endpoint(sink.url(), ["*"])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(hub, {**EVENT, "uid": "race"}), range(64)))
    assert sorted(a.status for a in answers) == [200] * 63 + [202]
    assert len({a.json["id"] for a in answers}) == 1
    hub.wait_delivery(answers[0].json, "delivered")
    assert len(sink.received()) == 1


def test_events_without_a_key_are_never_duplicates(hub):
    assert post(hub, EVENT).json["id"] != post(hub, EVENT).json["id"]


def test_a_whole_batch_repeated_under_one_idempotency_key_makes_no_new_events(hub):
    batch = [{**EVENT, "data": n} for n in range(3)]
    first, second = post(hub, batch, "batch-1"), post(hub, batch, "batch-1")
    assert first.status == 202
    assert [i["id"] for i in second.json["data"]] == [i["id"] for i in first.json["data"]]
    assert all(i["duplicate"] for i in second.json["data"])
    assert len(hub.got("/v1/events")["data"]) == 3


def test_a_refused_event_does_not_use_up_its_key(hub):
    assert post(hub, {**EVENT, "uid": "k", "type": "bad type"}).status == 422
    assert post(hub, {**EVENT, "uid": "k"}).status == 202
