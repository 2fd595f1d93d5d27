"""Ordered endpoints: n+1 never starts before n is delivered or dead."""

import json

import pytest

from sink import Reply


def numbers(received):
    return [json.loads(r.body)["n"] for r in received]


def publish(hub, count, **fields):
    return [hub.publish(data={"n": n}, **fields) for n in range(count)]


def first_tries(received):
    seen, order = set(), []
    for r in received:
        if r.webhook_id not in seen:
            seen.add(r.webhook_id)
            order.append(r)
    return order


def test_ordered_endpoint_gets_events_one_after_the_other(hub, sink):
    hub.endpoint(sink.url(), ordered=True)
    publish(hub, 50)
    assert numbers(sink.wait_for(50)) == list(range(50))
    assert sink.peak["/"] == 1


def test_batch_is_delivered_in_its_order(hub, sink):
    hub.endpoint(sink.url(), ordered=True)
    hub.api("POST", "/v1/events", [{"type": "a.b", "data": {"n": n}} for n in range(200)])
    assert numbers(sink.wait_for(200)) == list(range(200))


def test_a_failing_one_holds_its_successors(hub, sink):
    gate = sink.gate()
    sink.on("/", 500, Reply(500, gate=gate), 200)
    hub.endpoint(sink.url(), ordered=True)
    events = publish(hub, 3)
    sink.wait_for(2)
    assert [hub.delivery(e)["state"] for e in events] == ["pending", "held", "held"]
    assert numbers(sink.received()) == [0, 0]
    gate.set()
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert numbers(sink.received()) == [0, 0, 0, 1, 2]


def test_a_dead_one_lets_its_successors_go(hub, sink):
    sink.on("/", lambda r: Reply(500 if json.loads(r.body)["n"] == 0 else 200))
    hub.endpoint(sink.url(), ordered=True)
    events = publish(hub, 3)
    hub.wait_delivery(events[2], "delivered")
    assert hub.delivery(events[0])["state"] == "dead"
    assert numbers(sink.received()) == [0, 0, 0, 1, 2]


def test_a_cancelled_one_lets_its_successors_go(hub, sink):
    sink.on("/", 500, 200)
    hub.endpoint(sink.url(), ordered=True, retry={"schedule_ms": [3_600_000]})
    events = publish(hub, 2)
    head = hub.wait_delivery(events[0], "pending", where=lambda d: d["attempt_count"] == 1)
    assert hub.api("POST", f"/v1/deliveries/{head['id']}/cancel").status == 200
    hub.wait_delivery(events[1], "delivered")


def test_keys_are_independent_of_each_other(hub, sink):
    gate = sink.gate()
    sink.on("/", lambda r: Reply(gate=gate if json.loads(r.body)["k"] == "slow" else None))
    hub.endpoint(sink.url(), ordered=True)
    slow = [hub.publish(data={"k": "slow", "n": n}, ordering_key="slow") for n in range(3)]
    fast = [hub.publish(data={"k": "fast", "n": n}, ordering_key="fast") for n in range(10)]
    for event in fast:
        hub.wait_delivery(event, "delivered")
    assert [json.loads(r.body)["n"] for r in sink.received() if json.loads(r.body)["k"] == "fast"] == list(range(10))
    assert len([r for r in sink.received() if json.loads(r.body)["k"] == "slow"]) == 1
    gate.set()
    for event in slow:
        hub.wait_delivery(event, "delivered")
    assert [json.loads(r.body)["n"] for r in sink.received() if json.loads(r.body)["k"] == "slow"] == [0, 1, 2]


def test_an_expired_one_lets_its_successors_go(hub, sink):
    from test_delivery import later

    sink.on("/", 500, 200)
    hub.endpoint(sink.url(), ordered=True, retry={"schedule_ms": [3_600_000]})
    head = hub.publish(data={"n": 0}, expires_at=later(milliseconds=800))
    second = hub.publish(data={"n": 1})
    assert hub.wait_delivery(head, "dead")["reason"] == "expired"
    hub.wait_delivery(second, "delivered")


def test_future_deliver_at_holds_its_successors(hub, sink):
    from test_delivery import later

    hub.endpoint(sink.url(), ordered=True)
    hub.publish(data={"n": 0}, deliver_at=later(milliseconds=700))
    hub.publish(data={"n": 1})
    assert numbers(sink.wait_for(2)) == [0, 1]


def test_unordered_endpoint_goes_on_past_a_failing_one(hub, sink):
    sink.on("/", lambda r: Reply(500 if json.loads(r.body)["n"] == 0 else 200))
    hub.endpoint(sink.url(), retry={"schedule_ms": [3_600_000]})
    events = publish(hub, 3)
    for event in events[1:]:
        hub.wait_delivery(event, "delivered")
    assert hub.delivery(events[0])["state"] == "pending"


@pytest.mark.parametrize("stop", ["terminate", "kill9"])
def test_order_holds_over_a_restart(hub, sink, stop):
    gate = sink.gate()
    sink.on("/", Reply(500), Reply(500, gate=gate), Reply(200))
    hub.endpoint(sink.url(), ordered=True, retry={"schedule_ms": [1] * 20})
    publish(hub, 10)
    sink.wait_for(2)
    if stop == "terminate":
        gate.set()
    getattr(hub, stop)()
    gate.set()
    hub.start()
    assert sink.wait_until(lambda all: len({r.webhook_id for r in all}) == 10)
    assert numbers(first_tries(sink.received())) == list(range(10))


def test_retrying_a_dead_one_keeps_the_others_in_order(hub, sink):
    bad = [True]
    sink.on("/", lambda r: Reply(500 if bad[0] and json.loads(r.body)["n"] == 0 else 200))
    hub.endpoint(sink.url(), ordered=True)
    events = publish(hub, 3)
    dead = hub.wait_delivery(events[0], "dead")
    hub.wait_delivery(events[2], "delivered")
    bad[0] = False
    assert hub.api("POST", f"/v1/deliveries/{dead['id']}/retry").status == 200
    hub.wait_delivery(events[0], "delivered")
    assert numbers(sink.received())[-1] == 0
