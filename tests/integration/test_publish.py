"""Publishing: what the answer says, whom an event reaches, and how it is found again."""

import pytest

from hub import eventually


def test_published_event_arrives_at_its_endpoint(hub, sink):
    endpoint = hub.endpoint(sink.url("/orders"), ["order.created"])
    answer = hub.publish("order.created", {"number": 7})
    assert answer["id"].startswith("evt_")
    assert answer["uid"] is None
    assert answer["deliveries"] == 1
    assert "everyone_would_reach" not in answer
    (received,) = sink.wait_for(1, "/orders")
    assert received.method == "POST"
    assert received.body == b'{"number": 7}'
    delivery = hub.wait_delivery(answer, "delivered")
    assert delivery["endpoint"] == endpoint["id"]
    assert delivery["attempt_count"] == 1


def test_event_for_nobody_is_accepted_and_says_so(hub):
    answer = hub.publish("nobody.listens")
    assert answer["deliveries"] == 0
    assert "everyone_would_reach" not in answer, "there is nobody at all"
    assert hub.deliveries(answer) == []


@pytest.mark.parametrize(
    "pattern, matching, others",
    [
        ("order.created", ["order.created"], ["order", "order.created.eu", "Order.created", "order.create"]),
        ("order.*", ["order.created", "order.paid"], ["order", "order.created.eu", "orders.created"]),
        ("order.**", ["order.created", "order.created.eu.west"], ["order", "orders.created"]),
        ("*", ["order", "order.created", "a.b.c.d"], []),
        ("**", ["order", "order.created", "a.b.c.d"], []),
    ],
)
def test_type_patterns_select_endpoints(hub, sink, pattern, matching, others):
    hub.endpoint(sink.url(), [pattern])
    for type in matching:
        assert hub.publish(type)["deliveries"] == 1, type
    for type in others:
        assert hub.publish(type)["deliveries"] == 0, type
    got = sorted(r.headers["grapnel-event-type"] for r in sink.wait_for(len(matching)))
    assert got == sorted(matching)


def test_several_patterns_of_one_endpoint_make_one_delivery(hub, sink):
    hub.endpoint(sink.url(), ["order.*", "order.created", "*"])
    assert hub.publish("order.created")["deliveries"] == 1


def test_event_addressed_to_an_endpoint_goes_there_alone(hub, sink):
    hub.endpoint(sink.url("/other"), ["*"])
    hub.endpoint(sink.url("/chosen"), ["something.else"], uid="chosen")
    answer = hub.publish("order.created", endpoint="chosen")
    assert answer["deliveries"] == 1
    hub.wait_delivery(answer, "delivered")
    assert [r.path for r in sink.received()] == ["/chosen"]


def test_event_is_shown_with_everything_it_was_given(hub):
    answer = hub.publish(
        "order.created", {"a": 1}, uid="shop-1", subject="orders/1", ordering_key="k", attributes={"tenant": "x"},
        expires_at="2099-01-01T00:00:00Z",
    )
    event = hub.got(f"/v1/events/{answer['id']}")
    assert event["id"] == answer["id"]
    assert event["uid"] == "shop-1"
    assert event["type"] == "order.created"
    assert event["subject"] == "orders/1"
    assert event["ordering_key"] == "k"
    assert event["attributes"] == {"tenant": "x"}
    assert event["expires_at"].startswith("2099-01-01T00:00:00")
    assert hub.got("/v1/events/shop-1")["id"] == answer["id"], "a uid stands for the id"
    payload = hub.api("GET", f"/v1/events/{answer['id']}/payload")
    assert (payload.status, payload.body) == (200, b'{"a": 1}')
    assert payload.headers["content-type"] == "application/json"


def test_events_are_listed_newest_first_and_page_by_page(hub):
    ids = [hub.publish(f"type.{n % 2}")["id"] for n in range(7)]
    rows = hub.got("/v1/events")["data"]
    assert [r["id"] for r in rows] == ids[::-1]
    assert [r["id"] for r in hub.pages("/v1/events", limit=3)] == ids[::-1]
    assert [r["id"] for r in hub.pages("/v1/events", limit=3, order="asc")] == ids
    assert [r["id"] for r in hub.pages("/v1/events", type="type.1", limit=1)] == ids[1::2][::-1]
    assert hub.got("/v1/events", since="-1h", type="type.*")["data"] == rows
    assert hub.got("/v1/events", until="-1h")["data"] == []


@pytest.mark.parametrize(
    "pattern, wanted",
    [("order", {"order"}), ("order.*", {"order.paid"}), ("order.**", {"order.paid", "order.paid.late"}), ("order.paid", {"order.paid"}),
     ("*", {"order", "order.paid", "order.paid.late", "orders.paid"}), ("order.p", set())],
)
def test_events_are_listed_by_type_pattern(shared_hub, pattern, wanted):
    for type in ("order", "order.paid", "order.paid.late", "orders.paid"):
        shared_hub.publish(type)
    assert {e["type"] for e in shared_hub.pages("/v1/events", type=pattern, limit=500)} == wanted


def test_uid_in_the_body_and_idempotency_key_in_the_header_are_both_accepted(hub):
    answer = hub.publish("a.b", uid="u-1", headers={"Idempotency-Key": "key-1"})
    assert answer["uid"] == "u-1"


def test_every_answer_carries_a_request_id_of_its_own(hub):
    seen = {hub.api(method, path).headers["x-request-id"] for method, path in
            [("GET", "/healthz"), ("GET", "/v1/events"), ("GET", "/nowhere"), ("DELETE", "/v1/events"), ("POST", "/v1/events")]}
    assert len(seen) == 5


def test_health_and_readiness_need_no_key(hub):
    assert hub.api("GET", "/healthz", key=None).status == 200
    assert hub.api("GET", "/readyz", key=None).status == 200


def test_a_change_of_an_endpoint_acts_on_the_very_next_event(hub, sink):
    endpoint = hub.endpoint(sink.url("/one"), ["a.one"])
    for n in range(20):
        path, type = (f"/at{n}", f"a.t{n}")
        assert hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"url": sink.url(path), "event_types": [type]}).status == 200
        assert hub.publish(type)["deliveries"] == 1
        assert hub.publish("a.one")["deliveries"] == 0
        sink.wait_for(1, path)


def test_many_publishers_at_once_lose_nothing(hub, sink):
    from concurrent.futures import ThreadPoolExecutor

    hub.endpoint(sink.url(), ["*"])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: hub.publish("load.test", {"n": n}), range(200)))
    assert len({a["id"] for a in answers}) == 200
    received = sink.wait_for(200)
    assert {r.webhook_id for r in received} == {a["id"] for a in answers}
    eventually(lambda: all(d["state"] == "delivered" for a in answers[-5:] for d in hub.deliveries(a)))
    assert len(sink.received()) == 200
