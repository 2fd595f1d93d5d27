"""Understanding: why an event reached an endpoint or not and what its delivery waits for; what patterns would match; the overview's numbers."""

import pytest

from hub import eventually
from sink import Reply

NEVER = "http://127.0.0.1:9/"
LATER = "2099-01-01T00:00:00Z"


def explain(hub, event, endpoint, **query):
    return hub.got(f"/v1/events/{event['id']}/explain", endpoint=endpoint["id"] if isinstance(endpoint, dict) else endpoint, **query)


def passed(answer):
    return {s["check"]: s["passed"] for s in answer["steps"]}


def detail(answer, check):
    return next(s["detail"] for s in answer["steps"] if s["check"] == check)


# Why it arrived or not.


def test_delivery_is_explained_step_by_step(hub, sink):
    endpoint = hub.endpoint(sink.url(), types=["invoice.*", "order.*", "order.created"], uid="billing")
    event = hub.publish("order.created", uid="order-1001")
    delivery = hub.wait_delivery(event, "delivered")
    answer = hub.got("/v1/events/order-1001/explain", endpoint="billing")
    assert (answer["event"], answer["endpoint"], answer["matched"]) == (event["id"], endpoint["id"], True)
    assert [s["check"] for s in answer["steps"]] == ["subscriber", "existed", "status", "event_types", "delivery"]
    assert all(s["passed"] is True and s["detail"] for s in answer["steps"])
    patterns = next(s for s in answer["steps"] if s["check"] == "event_types")["patterns"]
    assert patterns == [{"pattern": "invoice.*", "matched": False}, {"pattern": "order.*", "matched": True}, {"pattern": "order.created", "matched": True}]
    assert answer["delivery"] == {k: v for k, v in delivery.items() if k != "attempts"}
    assert answer["waiting"] is None
    assert delivery["id"] in detail(answer, "delivery")


def test_type_that_no_pattern_matches(hub):
    endpoint = hub.endpoint(NEVER, types=["invoice.*", "order"])
    answer = explain(hub, hub.publish("order.created"), endpoint)
    assert answer["matched"] is False
    assert passed(answer) == {"subscriber": True, "existed": True, "status": True, "event_types": False, "delivery": False}
    assert "order.created" in detail(answer, "event_types")
    assert (answer["delivery"], answer["waiting"]) == (None, None)


def test_rule_of_the_subscriber(hub):
    hub.subscriber("acme")
    hub.subscriber("other")
    unowned, own, foreign = (hub.endpoint(NEVER, **{"subscriber": s} if s else {}) for s in (None, "acme", "other"))
    plain, owned, everyone = hub.publish(), hub.publish(subscriber="acme"), hub.publish(subscriber="*")
    for event, reached in ((plain, [unowned]), (owned, [own]), (everyone, [unowned, own, foreign])):
        for endpoint in (unowned, own, foreign):
            answer = explain(hub, event, endpoint)
            assert answer["matched"] == (endpoint in reached)
            assert passed(answer)["subscriber"] == (endpoint in reached)
    assert "acme" in detail(explain(hub, owned, foreign), "subscriber")
    assert '"*"' in detail(explain(hub, everyone, foreign), "subscriber")


def test_addressed_event_goes_to_its_endpoint_alone_whatever_the_types(hub):
    addressed, other = hub.endpoint(NEVER, types=["invoice.*"]), hub.endpoint(NEVER, types=["order.*"])
    event = hub.publish("order.created", endpoint=addressed["id"])
    answer = explain(hub, event, addressed)
    assert answer["matched"] is True
    assert passed(answer) == {"addressed": True, "existed": True, "status": True, "delivery": True}
    answer = explain(hub, event, other)
    assert answer["matched"] is False
    assert passed(answer) == {"addressed": False, "existed": True, "status": True, "delivery": False}
    assert addressed["id"] in detail(answer, "addressed")


def test_endpoint_that_was_made_afterwards(hub):
    event = hub.publish()
    endpoint = hub.endpoint(NEVER)
    answer = explain(hub, event, endpoint)
    assert (answer["matched"], passed(answer)["existed"], passed(answer)["event_types"]) == (False, False, True)
    assert endpoint["created_at"] in detail(answer, "existed")
    resent = hub.api("POST", f"/v1/events/{event['id']}/resend", {"endpoints": [endpoint["id"]]})
    assert resent.status in (200, 202), resent
    answer = explain(hub, event, endpoint)
    assert (answer["matched"], passed(answer)["existed"], passed(answer)["delivery"]) == (True, False, True)


def test_endpoint_that_is_disabled(hub):
    endpoint = hub.endpoint(NEVER)
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    event = hub.publish()
    answer = explain(hub, event, endpoint)
    assert (answer["matched"], passed(answer)["status"]) == (False, False)
    assert "by_hand" in detail(answer, "status")
    # Once it is enabled again, what it was before is not known any more, and that is what the answer says.
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    answer = explain(hub, event, endpoint)
    assert (answer["matched"], passed(answer)["status"]) == (False, None)
    assert "not kept" in detail(answer, "status")
    assert "after the event" in detail(answer, "delivery")


def test_endpoint_that_was_changed_afterwards_says_so(hub):
    endpoint = hub.endpoint(NEVER, types=["order.*"])
    event = hub.publish("order.created")
    hub.wait_delivery(event, "pending")
    before = detail(explain(hub, event, endpoint), "event_types")
    changed = hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"event_types": ["invoice.*"]}).json
    answer = explain(hub, event, endpoint)
    assert "changed after the event" not in before
    assert answer["matched"] is True
    assert passed(answer)["event_types"] is False
    assert changed["updated_at"] in detail(answer, "event_types")


def test_deleted_endpoint_is_explained_by_its_id(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.wait_delivery(before := hub.publish(), "delivered")
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    after = hub.publish()
    answer = explain(hub, before, endpoint)
    assert (answer["matched"], passed(answer)["existed"], answer["delivery"]["state"]) == (True, True, "delivered")
    assert "deleted at" in detail(answer, "existed")
    answer = explain(hub, after, endpoint)
    assert (answer["matched"], passed(answer)["existed"], answer["delivery"]) == (False, False, None)


# What it waits for.


def test_waiting_for_deliver_at(hub):
    endpoint = hub.endpoint(NEVER)
    answer = explain(hub, hub.publish(deliver_at=LATER), endpoint)
    assert (answer["waiting"]["for"], answer["waiting"]["until"]) == ("deliver_at", "2099-01-01T00:00:00.000Z")


def test_waiting_for_a_retry(hub, sink):
    sink.on("/", 503)
    endpoint = hub.endpoint(sink.url(), retry={"schedule_ms": [3600000]})
    event = hub.publish()
    delivery = hub.wait_delivery(event, "pending", where=lambda d: d["attempt_count"] == 1)
    answer = explain(hub, event, endpoint)
    assert (answer["waiting"]["for"], answer["waiting"]["until"]) == ("retry", delivery["due_at"])
    assert answer["waiting"]["detail"] == "attempt 1 failed: the endpoint answered with a status other than 2xx"


def test_waiting_for_a_paused_endpoint(hub):
    endpoint = hub.endpoint(NEVER)
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    answer = explain(hub, hub.publish(), endpoint)
    assert answer["matched"] is True
    assert (answer["waiting"]["for"], answer["waiting"]["until"]) == ("pause", None)


def test_waiting_in_order_and_for_the_window(hub, sink):
    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    ordered = hub.endpoint(sink.url("/"), types=["o.*"], ordered=True)
    narrow = hub.endpoint(sink.url("/"), types=["n.*"], max_in_flight=2)
    head, held = (hub.publish("o.1", ordering_key="k") for _ in range(2))
    rows = [hub.publish("n.1") for _ in range(5)]
    sink.wait_for(3)
    answer = explain(hub, held, ordered)
    assert (answer["delivery"]["state"], answer["waiting"]["for"]) == ("held", "order")
    assert hub.delivery(head)["id"] in answer["waiting"]["detail"]
    assert explain(hub, head, ordered)["waiting"]["for"] == "attempt"
    assert [explain(hub, event, narrow)["waiting"]["for"] for event in rows] == ["attempt"] * 2 + ["window"] * 3
    assert "4 deliveries" in explain(hub, rows[4], narrow)["waiting"]["detail"]
    one = hub.endpoint(sink.url("/"), types=["one.*"], max_in_flight=1)
    first, second = (hub.publish("one.1") for _ in range(2))
    assert explain(hub, first, one)["waiting"]["for"] == "attempt"
    assert explain(hub, second, one)["waiting"]["detail"] == "1 delivery of this endpoint is due before it, and at most 1 is sent at a time"
    gate.set()
    hub.wait_delivery(held, "delivered")
    assert explain(hub, held, ordered)["waiting"] is None


def test_waiting_for_the_rate(hub, sink):
    slow = hub.endpoint(sink.url("/"), rate={"limit": 2, "per_ms": 3600000}, max_in_flight=2)
    rows = [hub.publish() for _ in range(5)]
    sink.wait_for(1)
    hub.wait_delivery(rows[0], "delivered", slow)
    assert explain(hub, rows[1], slow)["waiting"]["for"] == "attempt", "the next one"
    waiting = [explain(hub, event, slow)["waiting"] for event in rows[2:]]
    assert [w["for"] for w in waiting] == ["rate"] * 3 and {w["until"] for w in waiting} == {None}
    assert waiting[0]["detail"] == "1 delivery of this endpoint is due before it, and its rate is 2 in 3600 s"
    assert waiting[2]["detail"] == "3 deliveries of this endpoint are due before it, and its rate is 2 in 3600 s"


# Bad questions.


def test_bad_questions_are_refused(hub):
    hub.subscriber("acme")
    hub.subscriber("other")
    own, foreign = (hub.endpoint(NEVER, subscriber=s, uid="hook") for s in ("acme", "other"))
    event, others = hub.publish(subscriber="acme"), hub.publish(subscriber="other")
    path = f"/v1/events/{event['id']}/explain"
    for query, status, pointers in [
        ("", 422, ["?endpoint"]),
        ("?endpoint=", 404, ["?endpoint"]),
        ("?endpoint=nobody", 404, ["?endpoint"]),
        ("?endpoint=ep_0000000000001", 404, ["?endpoint"]),
        (f"?endpoint={event['id']}", 404, ["?endpoint"]),
        ("?endpoint=hook&colour=red", 422, ["?colour"]),
    ]:
        answer = hub.api("GET", path + query)
        assert (answer.status, answer.pointers) == (status, pointers), (query, answer)
    assert hub.api("GET", f"/v1/events/nothing/explain?endpoint={own['id']}").status == 404
    assert explain(hub, event, "hook")["endpoint"] == own["id"], "a uid is the event's subscriber's first"
    assert explain(hub, hub.publish(subscriber="*"), own)["matched"] is True
    answer = hub.api("GET", f"/v1/events/{hub.publish()['id']}/explain?endpoint=hook")
    assert (answer.status, answer.code, answer.pointers) == (409, "ambiguous_uid", ["?endpoint"])

    key = hub.key("read", subscriber="acme")
    assert hub.got(path, key=key, endpoint="hook")["matched"] is True
    for query in (f"{path}?endpoint={foreign['id']}", f"/v1/events/{others['id']}/explain?endpoint={own['id']}"):
        answer = hub.api("GET", query, key=key)
        assert (answer.status, answer.code) == (404, "not_found"), query
        assert "other" not in answer.json["detail"].replace("another", "")


# What patterns would have matched.


def match(hub, types, **fields):
    answer = hub.api("POST", "/v1/match", {"event_types": types, **fields})
    assert answer.status == 200, answer
    return answer.json


def test_match_counts_the_types_that_patterns_would_have_matched(hub):
    assert hub.api("POST", "/v1/match", {"event_types": ["*"]}).json == {"examined": 0, "matched": 0, "types": [], "since": None}
    first = hub.publish("order.created")
    for type, count in (("order.created", 2), ("order.paid", 1), ("order.line.added", 4), ("invoice.paid", 1)):
        for _ in range(count):
            hub.publish(type)
    answer = match(hub, ["order.*", "invoice.paid"])
    assert (answer["examined"], answer["matched"]) == (9, 5)
    assert answer["types"] == [{"type": "order.created", "count": 3}, {"type": "invoice.paid", "count": 1}, {"type": "order.paid", "count": 1}]
    assert answer["since"] == hub.got(f"/v1/events/{first['id']}")["time"]
    assert match(hub, ["order.**"])["matched"] == 8
    assert match(hub, ["no.such"])["matched"] == 0


def test_match_examines_what_such_an_endpoint_would_be_asked_about(hub):
    for name in ("acme", "other"):
        hub.subscriber(name)
    endpoint = hub.endpoint(NEVER, subscriber="acme", types=["never.*"])
    hub.publish("plain.one")
    hub.publish("acme.one", subscriber="acme")
    hub.publish("other.one", subscriber="other")
    hub.publish("all.one", subscriber="*")
    hub.publish("addressed.one", endpoint=endpoint["id"])

    def types(answer):
        return sorted(t["type"] for t in answer["types"])

    assert types(match(hub, ["*"])) == ["all.one", "plain.one"]
    assert types(match(hub, ["*"], subscriber="")) == ["all.one", "plain.one"]
    assert types(match(hub, ["*"], subscriber="acme")) == ["acme.one", "all.one"]
    assert types(match(hub, ["*"], subscriber="*")) == ["acme.one", "all.one", "other.one", "plain.one"]
    key = hub.key("read", subscriber="acme")
    own = hub.api("POST", "/v1/match", {"event_types": ["*"]}, key=key).json
    assert (types(own), own["examined"]) == (["acme.one", "all.one"], 2)
    for subscriber in ("other", "*", "nobody", ""):
        answer = hub.api("POST", "/v1/match", {"event_types": ["*"], "subscriber": subscriber}, key=key)
        assert (answer.status, answer.pointers) == (404, ["/subscriber"])


def test_match_examines_the_last_thousand(hub):
    old = [{"type": "old.one", "data": n} for n in range(500)]
    new = [{"type": "new.one", "data": n} for n in range(800)]
    assert hub.api("POST", "/v1/events", old).status == hub.api("POST", "/v1/events", new).status == 202
    answer = match(hub, ["*"])
    assert (answer["examined"], answer["matched"]) == (1000, 1000)
    assert answer["types"] == [{"type": "new.one", "count": 800}, {"type": "old.one", "count": 200}]


@pytest.mark.parametrize(
    "body, status, pointers",
    [
        ({}, 422, ["/event_types"]),
        ({"event_types": "order.*"}, 422, ["/event_types"]),
        ({"event_types": []}, 422, ["/event_types"]),
        ({"event_types": ["a"] * 201}, 422, ["/event_types"]),
        ({"event_types": ["a.*.b", "ok", 7, "a..b"]}, 422, ["/event_types/0", "/event_types/2", "/event_types/3"]),
        ({"event_types": ["a", "a"]}, 422, ["/event_types/1"]),
        ({"event_types": ["a"], "subscriber": 7}, 422, ["/subscriber"]),
        ({"event_types": ["a"], "subscriber": "nobody"}, 404, ["/subscriber"]),
        ({"event_types": ["a"], "colour": "red"}, 422, ["/colour"]),
        ({"event_types": ["a"], "filter": {}}, 422, ["/filter"]),
        ([], 422, [""]),
    ],
)
def test_bad_match_is_refused(shared_hub, body, status, pointers):
    answer = shared_hub.api("POST", "/v1/match", body)
    assert (answer.status, answer.pointers) == (status, pointers), answer


def test_broken_match_is_refused(shared_hub):
    assert shared_hub.api("POST", "/v1/match", body=b"{").code == "unparsable"
    assert shared_hub.api("POST", "/v1/match", body=b"").code == "unparsable"


# The numbers of an overview.


def test_stats_are_the_numbers_of_the_hub_or_of_a_subscriber(make_hub, sink):
    hub = make_hub("--operational-events=no")  # which are events like any other
    empty = hub.got("/v1/stats")
    assert empty.pop("at")
    assert empty == {
        "deliveries": {"pending": 0, "due": 0, "oldest_pending_ms": None, "held": 0, "dead": 0},
        "events": {"last_minute": 0, "last_hour": 0},
        "endpoints": {"active": 0, "paused": 0, "disabled": 0},
        "operations": {"running": 0},
        "paused": False,
        "lower_bounds": [],
    }
    hub.subscriber("acme")
    sink.on("/bad", 500)
    sink.on("/slow", Reply(gate=sink.gate()))
    hub.endpoint(sink.url("/bad"), types=["bad.*"], retry={"schedule_ms": [1]})
    hub.endpoint(sink.url("/slow"), types=["slow.*"], ordered=True, subscriber="acme")
    hub.endpoint(NEVER, types=["later.*"])
    paused, disabled = hub.endpoint(NEVER, types=["paused.*"]), hub.endpoint(NEVER, types=["never.*"])
    hub.api("POST", f"/v1/endpoints/{paused['id']}/pause")
    hub.api("POST", f"/v1/endpoints/{disabled['id']}/disable")
    hub.publish("paused.one")
    for _ in range(3):
        hub.publish("slow.one", subscriber="acme")
    hub.publish("later.one", deliver_at=LATER)
    for _ in range(2):
        hub.publish("bad.one")
    hub.wait_dead(2)
    eventually(lambda: hub.got("/v1/operations", state="running")["data"] == [])
    stats = hub.got("/v1/stats")
    age_ms = stats["deliveries"].pop("oldest_pending_ms")
    assert 0 <= age_ms < 600000
    assert stats["deliveries"] == {"pending": 3, "due": 2, "held": 2, "dead": 2}
    assert stats["events"] == {"last_minute": 7, "last_hour": 7}
    assert stats["endpoints"] == {"active": 3, "paused": 1, "disabled": 1}
    assert stats["operations"] == {"running": 0}
    assert stats["lower_bounds"] == []

    own = hub.got("/v1/stats", key=hub.key("read", subscriber="acme"))
    own["deliveries"].pop("oldest_pending_ms")
    assert own["deliveries"] == {"pending": 1, "due": 1, "held": 2, "dead": 0}
    assert own["events"] == {"last_minute": 3, "last_hour": 3}
    assert own["endpoints"] == {"active": 1, "paused": 0, "disabled": 0}
