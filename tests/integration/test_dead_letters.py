"""Dead letters: seen with their reason, found by filters, repaired one by one and in bulk."""

import json

import pytest

from hub import eventually
from sink import Reply


def kill_some(hub, sink, count, path="/", **fields):
    """Publishes events that die at once at this path; returns the endpoint and the dead letters' ids."""
    sink.on(path, Reply(500, body=b"broken"))
    endpoint = hub.endpoint(sink.url(path), retry={"max_attempts": 1}, **fields)
    events = [hub.publish("dead.test", {"n": n}, endpoint=endpoint["id"]) for n in range(count)]
    return endpoint, [hub.wait_delivery(e, "dead", endpoint)["id"] for e in events]


def test_dead_letter_shows_why_and_since_when(hub, sink):
    sink.on("/", Reply(503, body=b"closed for today"))
    hub.endpoint(sink.url(), uid="shop")
    event = hub.publish("order.created", uid="order-7", subject="orders/7")
    delivery = hub.wait_delivery(event, "dead")
    (letter,) = hub.dead_letters()
    assert letter["id"] == delivery["id"]
    assert letter["event"] == event["id"]
    assert letter["state"] == "dead"
    assert letter["reason"] == "exhausted"
    assert letter["last_attempt"]["status"] == 503
    assert letter["last_attempt"]["failure"] == "http_status"
    assert "503" in letter["last_attempt"]["detail"]
    assert letter["age_ms"] >= 0
    assert letter["attempt_count"] == 3
    assert letter["type"] == "order.created"
    assert letter["ended_at"]


def test_retry_towards_a_deleted_endpoint_is_refused(hub, sink):
    endpoint, (letter,) = kill_some(hub, sink, 1)
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    one = hub.api("POST", f"/v1/deliveries/{letter}/retry")
    answer = hub.api("POST", "/v1/dead-letters/retry", {"ids": [letter]})
    assert (answer.status, answer.code, answer.pointers) == (one.status, one.code, ["/ids/0"]) == (409, "wrong_state", ["/ids/0"]), answer
    assert "deleted" in answer.json["errors"][0]["detail"]
    assert hub.api("POST", "/v1/dead-letters/discard", {"ids": [letter]}).status == 202


def test_filters_narrow_the_list(hub, sink):
    hub.subscriber("acme")
    sink.on("/a", 500)
    sink.on("/b", 410)
    sink.on("/c", 500)
    a = hub.endpoint(sink.url("/a"), ["order.*"], uid="a")
    hub.endpoint(sink.url("/b"), ["bill.*"], uid="b")
    hub.endpoint(sink.url("/c"), ["*"], uid="c", subscriber="acme")
    order = hub.publish("order.created", subject="orders/4711")
    hub.wait_delivery(order, "dead", a)
    bill = hub.publish("bill.sent")
    hub.wait_delivery(bill, "dead")
    ours = hub.publish("order.paid", subscriber="acme")
    hub.wait_delivery(ours, "dead")

    def events(**query):
        return {r["event"] for r in hub.dead_letters(**query)}

    assert events() == {order["id"], bill["id"], ours["id"]}
    assert events(endpoint="a") == events(endpoint=a["id"]) == {order["id"]}
    assert events(subscriber="acme") == {ours["id"]}
    assert events(reason="gone") == {bill["id"]}
    assert events(reason="exhausted") == {order["id"], ours["id"]}
    assert events(type="order.*") == {order["id"], ours["id"]}
    assert events(type="bill.sent") == {bill["id"]}
    assert events(q="4711") == {order["id"]}
    assert events(q="ORDER.") == {order["id"], ours["id"]}
    assert events(q="410") == {bill["id"]}
    assert events(since="-1h") == {order["id"], bill["id"], ours["id"]}
    assert events(until="-1h") == set()
    assert events(type="order.*", endpoint="c", subscriber="acme") == {ours["id"]}


def test_pages_cover_every_dead_letter_once(hub, sink):
    _, ids = kill_some(hub, sink, 7)
    for order in ("asc", "desc"):
        rows = [r["id"] for r in hub.dead_letters(limit=2, order=order)]
        assert sorted(rows) == sorted(ids) and len(set(rows)) == 7


@pytest.mark.parametrize("what, state", [("retry", "delivered"), ("discard", "cancelled")])
@pytest.mark.parametrize("by", ["ids", "filter"])
def test_bulk_work_by_ids_and_by_filter(hub, sink, what, state, by):
    endpoint, ids = kill_some(hub, sink, 6)
    _, others = kill_some(hub, sink, 2, "/other")
    sink.on("/", 200)
    chosen = ids[:4] if by == "ids" else ids
    body = {"ids": chosen} if by == "ids" else {"filter": {"endpoint": endpoint["id"], "type": "dead.*", "reason": "exhausted",
        "since": "-1h"}}
    assert hub.api("POST", f"/v1/dead-letters/{what}", {**body, "dry_run": True}).json == {"count": len(chosen)}
    assert len(hub.dead_letters()) == 8, "a dry run changes nothing"
    answer = hub.api("POST", f"/v1/dead-letters/{what}", body)
    assert answer.status == 202
    assert answer.json["id"].startswith("op_")
    done = hub.wait_operation(answer.json)
    assert (done["state"], done["total"], done["done"], done["skipped"]) == ("done", len(chosen), len(chosen), 0)
    for id in chosen:
        eventually(lambda: hub.got(f"/v1/deliveries/{id}")["state"] == state, f"{id} being {state}")
    assert {r["id"] for r in hub.dead_letters()} == set(others) | (set(ids) - set(chosen))
    if what == "discard":
        assert hub.got(f"/v1/deliveries/{chosen[0]}")["reason"] == "discarded"


def test_bulk_retry_gives_each_a_fresh_budget(hub, sink):
    sink.on("/", *[500] * 5, 200)
    hub.endpoint(sink.url())
    event = hub.publish()
    hub.wait_delivery(event, "dead")
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {}}).json)
    delivery = hub.wait_delivery(event, "delivered")
    assert [a["number"] for a in delivery["attempts"]] == [1, 2, 3, 4, 5, 6]


def test_retried_ones_that_die_again_are_dead_letters_again_and_not_retried_twice(hub, sink):
    _, ids = kill_some(hub, sink, 5)
    done = hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {}}).json)
    assert done["done"] == 5
    for id in ids:
        eventually(lambda: (lambda d: d["state"] == "dead" and d["attempt_count"] == 2)(hub.got(f"/v1/deliveries/{id}")))
    assert len(sink.received()) == 10


def test_bulk_retry_towards_a_disabled_endpoint_is_skipped_and_visible(hub, sink):
    endpoint, ids = kill_some(hub, sink, 3)
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    answer = hub.api("POST", "/v1/dead-letters/retry", {"ids": ids})
    if answer.status == 202:
        done = hub.wait_operation(answer.json)
        assert (done["done"], done["skipped"]) == (0, 3)
    else:
        assert (answer.status, answer.code) == (409, "endpoint_disabled")
    named = hub.api("POST", "/v1/dead-letters/retry", {"filter": {"endpoint": endpoint["id"]}})
    assert (named.status, named.code) == (409, "endpoint_disabled")
    assert len(hub.dead_letters()) == 3


def test_discarded_one_can_still_be_retried_by_hand(hub, sink):
    _, (id,) = kill_some(hub, sink, 1)
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/discard", {"ids": [id]}).json)
    sink.on("/", 200)
    assert hub.api("POST", f"/v1/deliveries/{id}/retry").status == 200
    eventually(lambda: hub.got(f"/v1/deliveries/{id}")["state"] == "delivered")


def backlog(hub, sink, count):
    """Many dead letters quickly: they die when their paused endpoint is disabled, which is then made active again."""
    endpoint = hub.endpoint(sink.url("/backlog"), ["backlog"], max_in_flight=64)
    path = f"/v1/endpoints/{endpoint['id']}"
    hub.api("POST", f"{path}/pause")
    for at in range(0, count, 1000):
        batch = [{"type": "backlog", "data": {"n": n}} for n in range(at, min(at + 1000, count))]
        assert hub.api("POST", "/v1/events", batch).status == 202
    hub.api("POST", f"{path}/disable")
    dry = {"filter": {"endpoint": endpoint["id"]}, "dry_run": True}
    eventually(lambda: hub.api("POST", "/v1/dead-letters/discard", dry).json["count"] == count, "the end of the whole backlog")
    assert hub.api("POST", f"{path}/resume").json["status"] == "active"
    return endpoint


@pytest.mark.parametrize("stop", ["terminate", "kill9"])
def test_operation_goes_on_after_a_restart(hub, sink, stop):
    count = 8000
    endpoint = backlog(hub, sink, count)
    operation = hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": endpoint["id"]}}).json
    getattr(hub, stop)()
    hub.start()
    done = hub.wait_operation(operation)
    assert (done["state"], done["total"], done["done"], done["skipped"]) == ("done", count, count, 0)
    assert hub.dead_letters(limit=1) == []


def test_bulk_retry_of_a_backlog_delivers_every_one_of_it(hub, sink):
    count = 2000
    endpoint = backlog(hub, sink, count)
    operation = hub.api("POST", "/v1/dead-letters/retry", {"filter": {"endpoint": endpoint["id"]}}).json
    hub.kill9()
    hub.start()
    assert hub.wait_operation(operation)["done"] == count
    assert sink.wait_until(lambda all: len(all) >= count and len({r.webhook_id for r in all}) == count)
    assert {json.loads(r.body)["n"] for r in sink.received()} == set(range(count))


def test_operation_can_be_cancelled(hub, sink):
    endpoint = backlog(hub, sink, 8000)
    operation = hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": endpoint["id"]}}).json
    answer = hub.api("DELETE", f"/v1/operations/{operation['id']}")
    assert answer.status in (200, 202, 204, 409), answer
    done = hub.wait_operation(operation)
    assert done["state"] in ("cancelled", "done"), "it may have been faster"
    left = hub.api("POST", "/v1/dead-letters/discard", {"filter": {}, "dry_run": True}).json["count"]
    # Not by `total`: counting at the start is cut short, so that is the least there is until the operation has seen more.
    assert left == 8000 - done["done"]
    if done["state"] == "cancelled":
        assert left > 0


def test_filter_is_frozen_when_the_operation_starts(hub, sink):
    """What dies later is not touched: the work never chases its own results."""
    endpoint, ids = kill_some(hub, sink, 3)
    done = hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {"endpoint": endpoint["id"]}}).json)
    assert done["total"] == done["done"] == 3
    rows = hub.wait_dead(3)
    eventually(lambda: all(r["attempt_count"] == 2 for r in hub.dead_letters()))
    assert {r["id"] for r in rows} == set(ids)
    assert len(sink.received()) == 6
