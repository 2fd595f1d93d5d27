"""Sending again: one event (resend), what an endpoint missed (recover), dead letters as a file (export), a trial (test)."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from hub import ADMIN, eventually
from sink import Reply


def resend(hub, event, endpoints=None, key=ADMIN, status=200):
    answer = hub.api("POST", f"/v1/events/{event['id']}/resend", None if endpoints is None else {"endpoints": endpoints}, key=key)
    assert answer.status == status, answer
    return answer.json["data"] if status == 200 else answer


# Resend.


def test_resend_sends_what_ended_once_more_with_the_same_id(hub, sink):
    sink.on("/bad", *[500] * 3, 200)
    good, bad = hub.endpoint(sink.url("/good")), hub.endpoint(sink.url("/bad"))
    event = hub.publish()
    hub.wait_delivery(event, "delivered", good)
    dead = hub.wait_delivery(event, "dead", bad)
    rows = resend(hub, event)
    assert {(r["endpoint"], r["action"]) for r in rows} == {(good["id"], "reopened"), (bad["id"], "reopened")}
    assert dead["id"] in {r["delivery"] for r in rows}
    again = hub.wait_delivery(event, "delivered", bad)
    assert (again["id"], again["round"], again["attempt_count"]) == (dead["id"], 2, 4)
    assert {r.webhook_id for r in sink.wait_for(6)} == {event["id"]}
    hub.wait_delivery(event, "delivered", good, where=lambda d: d["round"] == 2)


def test_resend_makes_what_an_endpoint_did_not_have(hub, sink):
    event = hub.publish("order.created", {"n": 1})
    assert event["deliveries"] == 0
    late = hub.endpoint(sink.url("/late"), ["order.*"])
    (row,) = resend(hub, event)
    assert (row["endpoint"], row["action"]) == (late["id"], "made")
    assert hub.wait_delivery(event, "delivered", late)["id"] == row["delivery"]
    assert json.loads(sink.wait_for(1)[0].body) == {"n": 1}
    assert hub.got(f"/v1/events/{event['id']}")["deliveries"] == 1
    other = hub.endpoint(sink.url("/other"), ["invoice.*"], uid="other")
    assert [r["action"] for r in resend(hub, event, ["other"])] == ["made"]
    hub.wait_delivery(event, "delivered", other)


def test_resend_hastens_what_waits(hub, sink):
    hub.endpoint(sink.url())
    event = hub.publish(deliver_at="2099-01-01T00:00:00Z")
    assert [r["action"] for r in resend(hub, event)] == ["hastened"]
    delivery = hub.wait_delivery(event, "delivered")
    assert (delivery["round"], delivery["attempt_count"]) == (1, 1)


def test_resend_names_what_refuses_it_and_does_nothing(hub, sink):
    good, off = hub.endpoint(sink.url("/good"), uid="good"), hub.endpoint(sink.url("/off"), uid="off")
    event = hub.publish()
    hub.wait_delivery(event, "delivered", good)
    hub.wait_delivery(event, "delivered", off)
    hub.api("POST", "/v1/endpoints/off/disable")
    refusal = resend(hub, event, ["good", "off"], status=409)
    assert (refusal.code, refusal.pointers) == ("endpoint_disabled", ["/endpoints/1"])
    assert off["id"] in refusal.json["detail"]
    refusal = resend(hub, event, status=409)
    assert refusal.code == "endpoint_disabled" and off["id"] in refusal.json["detail"]
    hub.api("DELETE", "/v1/endpoints/off")
    refusal = resend(hub, event, status=409)
    assert refusal.code == "wrong_state" and "deleted" in refusal.json["detail"]
    assert hub.delivery(event, good)["round"] == 1
    assert [r["action"] for r in resend(hub, event, ["good"])] == ["reopened"]


def test_resend_of_an_expired_event_is_refused(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    soon = (datetime.now(timezone.utc) + timedelta(milliseconds=300)).isoformat()
    event = hub.publish(expires_at=soon)
    hub.wait_delivery(event, "dead")
    assert resend(hub, event, status=409).code == "expired"


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({"endpoints": []}, "/endpoints"),
        ({"endpoints": "billing"}, "/endpoints"),
        ({"endpoints": [7]}, "/endpoints/0"),
        ({"endpoints": ["one", "one"]}, "/endpoints/1"),
        ({"endpoint": "one"}, "/endpoint"),
    ],
)
def test_bad_resend_is_refused_with_its_pointer(hub, sink, body, pointer):
    hub.endpoint(sink.url(), uid="one")
    event = hub.publish()
    answer = hub.api("POST", f"/v1/events/{event['id']}/resend", body)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer])


def test_resend_of_or_to_what_is_not_there(hub, sink):
    hub.endpoint(sink.url(), uid="one")
    event = hub.publish()
    answer = hub.api("POST", f"/v1/events/{event['id']}/resend", {"endpoints": ["one", "two"]})
    assert (answer.status, answer.pointers) == (404, ["/endpoints/1"])
    assert hub.api("POST", "/v1/events/evt_0000000000000/resend").status == 404
    assert hub.api("POST", "/v1/events/no-such-uid/resend").status == 404


def test_resend_stays_within_a_subscriber(hub, sink):
    hub.subscriber("acme")
    hub.subscriber("other")
    ours = hub.endpoint(sink.url("/ours"), subscriber="acme", uid="hook")
    theirs = hub.endpoint(sink.url("/theirs"), subscriber="other", uid="hook")
    event = hub.publish(subscriber="acme")
    hub.wait_delivery(event, "delivered", ours)
    answer = hub.api("POST", f"/v1/events/{event['id']}/resend", {"endpoints": [theirs["id"]]})
    assert (answer.status, answer.pointers) == (404, ["/endpoints/0"])
    assert [r["endpoint"] for r in resend(hub, event, ["hook"])] == [ours["id"]]
    key = hub.key("manage", subscriber="acme")
    assert [r["endpoint"] for r in resend(hub, event, key=key)] == [ours["id"]]
    foreign = hub.key("manage", subscriber="other")
    assert resend(hub, event, key=foreign, status=404).code == "not_found"
    assert resend(hub, event, [theirs["id"]], key=key, status=404).code == "not_found"
    assert sink.received("/theirs") == []


# Recover.


def recover(hub, endpoint, key=ADMIN, **body):
    return hub.api("POST", f"/v1/endpoints/{endpoint['id']}/recover", {"since": "-1h", **body}, key=key)


def recovered(hub, endpoint, **body):
    answer = recover(hub, endpoint, **body)
    assert answer.status == 202, answer
    assert answer.json["kind"] == "recover"
    assert answer.headers["location"] == f"/v1/operations/{answer.json['id']}"
    return hub.wait_operation(answer.json)


def test_recover_sends_what_died_and_what_was_missed(hub, sink):
    before = hub.publish("order.created", {"n": 0})
    sink.on("/hook", *[500] * 3, 200)
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"])
    died = hub.publish("order.created", {"n": 1})
    hub.wait_delivery(died, "dead")
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    while_off = hub.publish("order.created", {"n": 2})
    foreign = hub.publish("invoice.paid")
    assert recover(hub, endpoint).code == "endpoint_disabled"
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    came = hub.publish("order.created", {"n": 3})
    hub.wait_delivery(came, "delivered")
    dry = recover(hub, endpoint, dry_run=True)
    assert dry.status == 200
    assert dry.json == {"count": 3, "by_state": {"dead": 1, "missing": 2}, "complete": True}
    done = recovered(hub, endpoint)
    assert (done["state"], done["done"], done["skipped"], done["total"]) == ("done", 3, 0, 3)
    assert done["filter"]["endpoint"] == endpoint["id"]
    assert done["filter"]["states"] == ["dead", "missing"]
    for event in (before, died, while_off):
        hub.wait_delivery(event, "delivered", endpoint)
    assert hub.delivery(died)["round"] == 2
    assert hub.delivery(came)["round"] == 1
    assert hub.deliveries(foreign) == []
    assert recover(hub, endpoint, dry_run=True).json["count"] == 0
    assert recover(hub, endpoint, states=["delivered"], dry_run=True).json == {"count": 4, "by_state": {"delivered": 4}, "complete": True}
    assert recovered(hub, endpoint, states=["delivered"], types=["order.**"])["done"] == 4
    hub.wait_delivery(came, "delivered", where=lambda d: d["round"] == 2)


def test_recover_survives_a_kill_and_sends_each_once_to_the_outbox(hub, sink):
    count = 6000
    for at in range(0, count, 1000):
        assert hub.api("POST", "/v1/events", [{"type": "missed", "data": {"n": n}} for n in range(at, at + 1000)]).status == 202
    endpoint = hub.endpoint(sink.url("/hook"), max_in_flight=64)
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    operation = recover(hub, endpoint).json
    hub.kill9()
    hub.start()
    done = hub.wait_operation(operation)
    assert (done["state"], done["total"], done["done"], done["skipped"]) == ("done", count, count, 0)
    assert recover(hub, endpoint, dry_run=True).json["count"] == 0, "each has its delivery"
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    assert sink.wait_until(lambda all: len({r.webhook_id for r in all}) == count)
    assert len(sink.received()) == count


def test_recover_of_an_ordered_endpoint_keeps_the_order(hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"), ordered=True, max_in_flight=8)
    path = f"/v1/endpoints/{endpoint['id']}"
    hub.api("POST", f"{path}/disable")
    events = [hub.publish("order.step", {"n": n}, ordering_key="k")["id"] for n in range(20)]
    hub.api("POST", f"{path}/resume")
    assert recovered(hub, endpoint)["done"] == 20
    got = sink.wait_for(20)
    assert [r.webhook_id for r in got] == events
    assert sink.peak["/hook"] == 1


def test_recover_stays_within_the_audience(hub, sink):
    hub.subscriber("acme")
    hub.subscriber("other")
    ours = hub.publish(subscriber="acme")
    everybodys = hub.publish(subscriber="*")
    for event in ({"subscriber": "other"}, {}):
        hub.publish(**event)
    endpoint = hub.endpoint(sink.url("/hook"), subscriber="acme")
    key = hub.key("manage", subscriber="acme")
    foreign = hub.key("manage", subscriber="other")
    assert recover(hub, endpoint, key=foreign).status == 404
    operation = recover(hub, endpoint, key=key)
    assert operation.status == 202
    assert hub.wait_operation(operation.json)["done"] == 2
    assert {r.webhook_id for r in sink.wait_for(2)} == {ours["id"], everybodys["id"]}
    assert hub.api("GET", f"/v1/operations/{operation.json['id']}", key=key).status == 200
    assert hub.api("GET", f"/v1/operations/{operation.json['id']}", key=foreign).status == 404


def test_recover_can_be_cancelled(hub, sink):
    for at in range(0, 8000, 1000):
        hub.api("POST", "/v1/events", [{"type": "missed", "data": n} for n in range(at, at + 1000)])
    endpoint = hub.endpoint(sink.url("/hook"))
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    operation = recover(hub, endpoint).json
    assert hub.api("DELETE", f"/v1/operations/{operation['id']}").status in (204, 409)
    done = hub.wait_operation(operation)
    assert done["state"] in ("cancelled", "done"), "it may have been faster"
    assert recover(hub, endpoint, dry_run=True).json["count"] == 8000 - done["done"]


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({"since": None}, "/since"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2099-01-01T00:00:00Z"}, "/since"),
        ({"since": 7}, "/since"),
        ({"until": "-2h"}, "/until"),
        ({"until": "soon"}, "/until"),
        ({"states": []}, "/states"),
        ({"states": "dead"}, "/states"),
        ({"states": ["dead", "pending"]}, "/states/1"),
        ({"types": []}, "/types"),
        ({"types": ["order.*", "*.order"]}, "/types/1"),
        ({"types": [1]}, "/types/0"),
        ({"dry_run": "yes"}, "/dry_run"),
        ({"sinse": "-1h"}, "/sinse"),
    ],
)
def test_bad_recovery_is_refused_with_its_pointer(shared_hub, shared_sink, body, pointer):
    endpoint = shared_hub.endpoint(shared_sink.url())
    answer = recover(shared_hub, endpoint, **body)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer])
