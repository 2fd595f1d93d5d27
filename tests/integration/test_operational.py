"""Operational events: what the hub publishes about itself, to whom, and that it never feeds itself."""

import json

import pytest

from hub import eventually
from incoming import github, send, source
from sink import Reply, Sink

DISABLED, RECOVERED, DEAD, FAILING, CIRCUIT = (
    "grapnel.endpoint.disabled", "grapnel.endpoint.recovered", "grapnel.delivery.dead", "grapnel.source.failing", "grapnel.circuit.opened")
ONE_TRY = {"max_attempts": 1}
NOT_AGAIN = ("--operational-interval", "1h")


def told(hub, type="grapnel.**", **query):
    """What the log holds, oldest first, with the data."""
    rows = hub.pages("/v1/events", type=type, order="asc", **query)
    return [{**row, "data": json.loads(hub.api("GET", f"/v1/events/{row['id']}/payload").body)} for row in rows if row["type"] != "grapnel.test"]


def types(hub):
    return [event["type"] for event in told(hub)]


def heard(sink, path="/ops"):
    return [(r.headers["grapnel-event-type"], json.loads(r.body)) for r in sink.received(path)]


@pytest.fixture
def listener(hub, sink):
    return hub.endpoint(sink.url("/ops"), ["grapnel.**"], uid="ops")


def kill(hub, sink, count=1, endpoint=None, path="/dying"):
    """An endpoint, at which so many deliveries die one by one."""
    sink.on(path, 500)
    endpoint = endpoint or hub.endpoint(sink.url(path), ["order.*"], uid="dying", retry=ONE_TRY)
    for _ in range(count):
        hub.wait_delivery(hub.publish("order.created", endpoint=endpoint["id"]), "dead")
    return endpoint


def act(hub, endpoint, what):
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/{what}")
    assert answer.status == 200, answer


def about(endpoint, subscriber=None):
    return {"id": endpoint["id"], "uid": endpoint["uid"], "subscriber": subscriber}


# Each fact arrives, signed.


def test_endpoint_that_is_gone_is_told(hub, sink, listener):
    sink.on("/gone", 410)
    endpoint = hub.endpoint(sink.url("/gone"), ["order.*"], uid="billing")
    hub.publish("order.created")
    received = {r.headers["grapnel-event-type"]: r for r in sink.wait_for(2, "/ops")}
    assert set(received) == {DISABLED, DEAD}
    assert all(r.signed_with(listener["secret"]) for r in received.values())
    data = json.loads(received[DISABLED].body)
    assert (data["endpoint"], data["reason"], data["at"]) == (about(endpoint), "gone", hub.got("/v1/endpoints/billing")["status_since"])
    assert json.loads(received[DEAD].body)["reasons"] == {"gone": 1}
    assert hub.got("/v1/endpoints/ops")["status"] == "active"


def test_disabling_and_enabling_by_hand_is_told(hub, sink, listener):
    endpoint = hub.endpoint(sink.url("/x"), ["order.*"], uid="billing")
    act(hub, endpoint, "disable")
    since = hub.got("/v1/endpoints/billing")["status_since"]
    act(hub, endpoint, "disable")
    act(hub, endpoint, "resume")
    act(hub, endpoint, "pause")
    act(hub, endpoint, "resume")
    act(hub, endpoint, "disable")
    act(hub, endpoint, "resume")
    assert types(hub) == [DISABLED, RECOVERED, DISABLED, RECOVERED], "each once, and neither pausing nor resuming what is paused"
    sink.wait_for(4, "/ops")
    assert sorted(type for type, _ in heard(sink)) == sorted([DISABLED, RECOVERED] * 2)
    recovered = told(hub, RECOVERED)[0]
    assert recovered["data"] | {"at": 0} == {"endpoint": about(endpoint), "was": "disabled", "since": since, "at": 0}
    assert recovered["subject"] == endpoint["id"]


def test_death_is_told_in_its_transaction(hub, sink, listener):
    endpoint = kill(hub, sink)
    (dead,) = hub.dead_letters()
    (event,) = told(hub, DEAD)
    data = event["data"]
    assert (data["endpoint"], data["count"], data["reasons"], data["delivery"]) == (about(endpoint), 1, {"exhausted": 1}, dead["id"])
    assert data["since"] <= dead["ended_at"] and data["since"] <= data["at"]
    sink.wait_for(1, "/ops")
    assert [type for type, _ in heard(sink)] == [DEAD]


def test_deaths_in_quick_succession_are_told_together_and_survive_a_crash(make_hub, sink):
    hub = make_hub(*NOT_AGAIN)
    kill(hub, sink, 4)
    assert [e["data"]["count"] for e in told(hub, DEAD)] == [1]
    hub.kill9()
    hub.start()
    eventually(lambda: len(told(hub, DEAD)) == 2, "what was left to be told")
    event = told(hub, DEAD)[1]
    assert (event["data"]["count"], event["data"]["reasons"]) == (3, {"exhausted": 3})
    assert event["data"]["delivery"] == hub.dead_letters()[0]["id"], "the last one"
    hub.restart()
    assert len(told(hub, DEAD)) == 2


def test_deaths_are_told_again_when_the_interval_is_over(make_hub, sink):
    hub = make_hub("--operational-interval", "100ms")
    kill(hub, sink, 5)
    eventually(lambda: sum(e["data"]["count"] for e in told(hub, DEAD)) == 5, "all of them")


def test_many_deaths_at_once_are_few_events(make_hub, sink):
    hub = make_hub(*NOT_AGAIN)
    many = hub.endpoint(sink.url("/many"), ["bulk"], uid="many")
    few = hub.endpoint(sink.url("/few"), ["bulk.few"], uid="few")
    act(hub, many, "pause")
    act(hub, few, "pause")
    for _ in range(3):
        batch = [{"type": "bulk", "data": i} for i in range(1000)]
        assert hub.api("POST", "/v1/events", batch).status == 202
    hub.publish("bulk.few")
    act(hub, many, "disable")
    act(hub, few, "disable")
    eventually(lambda: not hub.got("/v1/operations", state="running")["data"], "the end of both drains")
    hub.restart()
    counts = eventually(lambda: (lambda c: c if sum(c) == 3001 else None)([e["data"]["count"] for e in told(hub, DEAD)]), "all of them")
    assert len(counts) == 3, "one at once and one for the rest; one of the other endpoint"
    assert {r for e in told(hub, DEAD) for r in e["data"]["reasons"]} == {"endpoint_disabled"}


def test_circuit_that_opens_and_closes_is_told(hub, sink, listener):
    sink.on("/shaky", 500)
    endpoint = hub.endpoint(sink.url("/shaky"), ["order.*"], uid="shaky", breaker={"max_failures": 2, "wait_ms": 3600000}, retry={"schedule_ms": [1] * 9})
    event = hub.publish("order.created")
    sink.wait_for(1, "/ops")
    (opened,) = told(hub, CIRCUIT)
    assert (opened["data"]["endpoint"], opened["subject"]) == (about(endpoint), endpoint["id"])
    assert "2 attempts failed in a row" in opened["data"]["detail"]
    sink.on("/shaky", 200)
    act(hub, endpoint, "resume")
    hub.wait_delivery(event, "delivered")
    sink.wait_for(2, "/ops")
    assert [type for type, _ in heard(sink)] == [CIRCUIT, RECOVERED]
    recovered = heard(sink)[1][1]
    assert (recovered["endpoint"], recovered["was"]) == (about(endpoint), "circuit_open") and recovered["since"] < recovered["at"]
    assert types(hub) == [CIRCUIT, RECOVERED]


def test_endpoint_that_fails_for_too_long_is_told_once(make_hub, sink):
    hub = make_hub("--disable-after", "1ms", "--disable-attempts", "3")
    hub.endpoint(sink.url("/ops"), ["grapnel.**"], uid="ops")
    sink.on("/down", 500)
    hub.endpoint(sink.url("/down"), ["order.*"], uid="down", retry={"schedule_ms": [5] * 9})
    hub.publish("order.created")
    eventually(lambda: hub.got("/v1/endpoints/down")["status"] == "disabled", "that it is disabled")
    assert [e["data"]["reason"] for e in told(hub, DISABLED)] == ["failing"]
    assert RECOVERED not in types(hub), "its breaker is reset, and nothing has recovered"


def test_listener_whose_circuit_opens_is_not_told_of_it(hub, sink):
    sink.on("/ops", 500)
    sink.on("/other", 200)
    listener = hub.endpoint(sink.url("/ops"), ["grapnel.**"], uid="ops", breaker={"max_failures": 1, "wait_ms": 3600000}, retry={"schedule_ms": [1] * 9})
    hub.endpoint(sink.url("/other"), ["grapnel.circuit.*"], uid="other")
    kill(hub, sink)
    sink.wait_for(1, "/other")
    (event,) = told(hub, CIRCUIT)
    assert event["data"]["endpoint"] == about(listener)
    assert [d["endpoint"] for d in hub.deliveries(event)] == [hub.got("/v1/endpoints/other")["id"]]
    assert sorted(types(hub)) == [CIRCUIT, DEAD]


def test_deaths_by_deletion_are_told(hub, sink, listener):
    endpoint = hub.endpoint(sink.url("/x"), ["order.*"], uid="billing")
    act(hub, endpoint, "pause")
    hub.publish("order.created")
    assert hub.api("DELETE", "/v1/endpoints/billing").status == 204
    sink.wait_for(1, "/ops")
    ((type, data),) = heard(sink)
    assert (type, data["endpoint"], data["reasons"]) == (DEAD, about(endpoint) | {"uid": None}, {"endpoint_deleted": 1})


# Sources.


def refuse(hub, count):
    """Bad requests, and waits until they are kept, with what is told of them."""
    before = len(hub.pages("/v1/rejections"))
    for i in range(count):
        assert send(hub, "gh", b"{}", github(b"{}", secret="wrong secret, long enough")).status == 401
    eventually(lambda: len(hub.pages("/v1/rejections")) == before + count, "that they are kept")


def verify(hub, delivery):
    assert send(hub, "gh", b"{}", github(b"{}", delivery=delivery)).status == 200


def test_source_that_refuses_in_a_row_is_told_once_until_it_verifies(hub, sink, listener):
    made = source(hub, uid="gh")
    refuse(hub, 9)
    verify(hub, "1")
    refuse(hub, 9)
    assert types(hub) == []
    refuse(hub, 1)
    (event,) = told(hub)
    data = event["data"]
    assert data["source"] == {"id": made["id"], "uid": "gh", "scheme": "github"}
    assert (data["rejections"], data["reason"], event["subject"], event["subscriber"]) == (10, "bad_signature", made["id"], None)
    assert data["since"] < data["at"] and data["detail"]
    sink.wait_for(1, "/ops")
    assert [type for type, _ in heard(sink)] == [FAILING]
    refuse(hub, 12)
    hub.restart()
    refuse(hub, 12)
    assert types(hub) == [FAILING], "also after a restart"
    verify(hub, "2")
    refuse(hub, 10)
    assert types(hub) == [FAILING, FAILING]
    verify(hub, "3")
    refuse(hub, 10)
    assert types(hub) == [FAILING, FAILING], "who mixes good and bad requests makes no flood of events"


def test_source_that_is_limited_or_unknown_does_not_fail(hub):
    source(hub, uid="gh", rate={"limit": 1, "per_ms": 3600000})
    verify(hub, "1")
    for i in range(12):
        assert send(hub, "gh", b"{}", github(b"{}", delivery=f"x{i}")).status == 429
        assert send(hub, "nobody", b"{}").status == 404
    eventually(lambda: len(hub.pages("/v1/rejections")) == 24, "that they are kept")
    assert types(hub) == []


def test_source_that_fails_is_told_of_after_as_many_as_the_option_says(make_hub):
    hub = make_hub("--operational-source-after", "2")
    source(hub, uid="gh")
    refuse(hub, 2)
    assert [e["data"]["rejections"] for e in told(hub)] == [2]
    off = make_hub("--operational-source-after", "0")
    source(off, uid="gh")
    refuse(off, 11)
    assert types(off) == []


# Whom they reach.


def test_only_patterns_of_the_hubs_own_match(hub, sink):
    patterns = {"/all": ["*"], "/deep": ["**"], "/exact": [DEAD], "/one": ["grapnel.endpoint.*"], "/every": ["grapnel.**", "*"]}
    for path, chosen in patterns.items():
        hub.endpoint(sink.url(path), chosen)
    endpoint = kill(hub, sink)
    act(hub, endpoint, "disable")
    sink.wait_for(1, "/exact")
    sink.wait_for(1, "/one")
    sink.wait_until(lambda all: len([r for r in all if r.path == "/every" and r.headers["grapnel-event-type"].startswith("grapnel.")]) == 2)
    end = hub.publish("order.end")
    for path in ("/all", "/deep"):
        sink.wait_for(1, path, where=lambda r: r.webhook_id == end["id"])
        assert not any(r.headers["grapnel-event-type"].startswith("grapnel.") for r in sink.received(path))
    assert [type for type, _ in heard(sink, "/exact")] == [DEAD]
    assert [type for type, _ in heard(sink, "/one")] == [DISABLED]


def test_subscriber_hears_of_its_own_alone(hub, sink):
    for name in ("acme", "other"):
        hub.subscriber(name)
        hub.endpoint(sink.url(f"/{name}"), ["grapnel.**"], subscriber=name)
    hub.endpoint(sink.url("/operator"), ["grapnel.**"])
    mine = hub.endpoint(sink.url("/mine"), ["order.*"], uid="mine", subscriber="acme")
    act(hub, mine, "disable")
    nobodys = hub.endpoint(sink.url("/nobodys"), ["order.*"], uid="nobodys")
    act(hub, nobodys, "disable")
    sink.wait_for(1, "/acme")
    sink.wait_for(2, "/operator")
    assert [data["endpoint"] for _, data in heard(sink, "/acme")] == [about(mine, "acme")]
    assert sorted(data["endpoint"]["uid"] for _, data in heard(sink, "/operator")) == ["mine", "nobodys"]
    assert sink.received("/other") == []
    # In the log: the operator's, and that of the subscriber who listens; each reads his own.
    assert sorted((e["subscriber"] or "", e["deliveries"]) for e in told(hub)) == [("", 1), ("", 1), ("acme", 1)]
    assert [e["type"] for e in hub.got("/v1/events", key=hub.key("read", subscriber="acme"))["data"]] == [DISABLED]
    assert hub.got("/v1/events", key=hub.key("read", subscriber="other"))["data"] == []


def test_subscriber_is_not_told_more_of_a_circuit_than_of_an_attempt(hub, sink):
    hub.subscriber("acme")
    hub.endpoint(sink.url("/acme"), ["grapnel.**"], subscriber="acme")
    nothing = Sink()
    url = nothing.url()
    nothing.close()
    hub.endpoint(url, ["order.*"], subscriber="acme", uid="mine", breaker={"max_failures": 1, "wait_ms": 3600000})
    hub.publish("order.created", subscriber="acme")
    sink.wait_for(1, "/acme")
    ((type, data),) = heard(sink, "/acme")
    assert type == CIRCUIT and "there is no way to the endpoint" in data["detail"] and "127.0.0.1" not in data["detail"] and "connect" not in data["detail"]
    theirs = hub.key("read", subscriber="acme")
    assert hub.got("/v1/endpoints/mine", key=theirs)["breaker"]["why"] == data["detail"]
    # Those who run the hub see what it was, in the page and in their own event.
    true = hub.got("/v1/endpoints/mine")["breaker"]["why"]
    assert true.startswith("1 attempt failed in a row; the last: no connection: refused, or no route")
    operators = [e["id"] for e in hub.pages("/v1/events", type=CIRCUIT) if e["subscriber"] is None]
    assert [hub.api("GET", f"/v1/events/{event}/payload").json["detail"] for event in operators] == [true]
    assert hub.api("GET", f"/v1/events/{operators[0]}/payload", key=theirs).status == 404


def test_subscriber_who_does_not_listen_gets_no_event_of_its_own(hub, sink):
    hub.subscriber("acme")
    mine = hub.endpoint(sink.url("/mine"), ["order.*"], uid="mine", subscriber="acme")
    act(hub, mine, "disable")
    assert [(e["subscriber"], e["data"]["endpoint"]["subscriber"]) for e in told(hub)] == [(None, "acme")]


def test_nobody_misses_what_nobody_listens_to(hub, sink):
    kill(hub, sink)
    lost = hub.publish("lost.event")
    assert [e["id"] for e in hub.got("/v1/events", unmatched="true")["data"]] == [lost["id"]]
    assert [e["type"] for e in hub.got("/v1/events", unmatched="true", type="grapnel.**")["data"]] == [DEAD]


# Never in a circle.


def test_dead_operational_event_makes_none(hub, sink, listener):
    sink.on("/ops", 500)
    hub.api("PATCH", "/v1/endpoints/ops", {"retry": {"strategy": "exponential", "max_attempts": 1}})
    kill(hub, sink)
    hub.wait_dead(2)
    assert types(hub) == [DEAD]
    # By hand, too; and what else dies there is told, to others.
    for letter in hub.dead_letters(endpoint="ops"):
        hub.api("POST", f"/v1/deliveries/{letter['id']}/retry")
    eventually(lambda: [d["round"] for d in hub.dead_letters(endpoint="ops")] == [2], "its second death")
    assert types(hub) == [DEAD]
    hub.wait_delivery(hub.publish("order.other", endpoint="ops"), "dead")
    assert [e["data"]["endpoint"]["uid"] for e in told(hub)] == ["dying", "ops"]
    assert [d["endpoint"] for d in hub.deliveries(told(hub)[1])] == [], "not to the endpoint that it is about"


def test_listeners_that_fail_tell_of_each_other_and_no_further(hub, sink):
    sink.on("/a", 410)
    sink.on("/b", 410)
    first, second = hub.endpoint(sink.url("/a"), ["grapnel.**"], uid="a"), hub.endpoint(sink.url("/b"), ["grapnel.**"], uid="b")
    kill(hub, sink)
    eventually(lambda: all(hub.got(f"/v1/endpoints/{uid}")["status"] == "disabled" for uid in "ab"), "that both are disabled")
    eventually(lambda: not hub.got("/v1/operations", state="running")["data"], "the end of both drains")
    assert sorted(types(hub)) == [DEAD, DISABLED, DISABLED]
    for event in told(hub, DISABLED):
        reached = {d["endpoint"] for d in hub.deliveries(event)}
        assert event["data"]["endpoint"]["id"] not in reached and reached <= {first["id"], second["id"]}
    assert not [d for d in hub.pages("/v1/deliveries") if d["state"] == "pending"]


def test_deaths_at_a_deleted_listener_are_not_told_of_operational_events(hub, sink, listener):
    act(hub, listener, "pause")
    kill(hub, sink)
    assert [d["endpoint"] for d in hub.deliveries(told(hub)[0])] == [listener["id"]]
    hub.api("DELETE", "/v1/endpoints/ops")
    hub.wait_dead(2)
    assert types(hub) == [DEAD]


# Beside.


def test_operational_events_can_be_turned_off(make_hub, sink):
    hub = make_hub("--operational-events=no")
    act(hub, kill(hub, sink), "disable")
    source(hub, uid="gh")
    refuse(hub, 11)
    assert types(hub) == []
    assert not [row for row in hub.got("/v1/event-types")["data"] if row["type"].startswith("grapnel.")]


def test_operational_types_are_described(hub, sink):
    rows = {row["type"]: row for row in hub.got("/v1/event-types")["data"]}
    assert {DISABLED, RECOVERED, DEAD, FAILING, CIRCUIT} <= set(rows)
    assert all(rows[type]["described"] and rows[type]["owner"] == "grapnel" for type in rows)
    act(hub, kill(hub, sink), "disable")
    source(hub, uid="gh")
    refuse(hub, 10)
    hub.api("POST", "/v1/endpoints/dying/resume")
    for event in told(hub):
        example = rows[event["type"]]["example"]
        assert set(event["data"]) == set(example), f"the example of {event['type']} has every member"
        assert {n: type(v) for n, v in event["data"].items()} == {n: type(v) for n, v in example.items()}
    hub.endpoint(sink.url("/dying"), ["shaky"], breaker={"max_failures": 1}, retry={"schedule_ms": [1] * 9})
    hub.publish("shaky")
    (opened,) = eventually(lambda: told(hub, CIRCUIT), "an open circuit")
    assert set(opened["data"]) == set(rows[CIRCUIT]["example"])
    assert len({event["type"] for event in told(hub)}) == 5
    eventually(lambda: hub.got(f"/v1/event-types/{DEAD}")["count"] > 0, "that it is counted")


def test_description_of_ones_own_stays(hub):
    path = f"/v1/event-types/{DEAD}"
    assert hub.api("PUT", path, {"description": "Call the night shift"}).status == 200
    hub.restart()
    assert hub.got(path)["description"] == "Call the night shift"
    assert hub.api("DELETE", path).status == 204
    hub.restart()
    eventually(lambda: hub.api("GET", path).status == 200, "the hub's own description")
    assert hub.got(path)["owner"] == "grapnel"


def test_operational_events_cannot_be_published(hub):
    for type in (DISABLED, DEAD, "grapnel.anything"):
        assert hub.publish(type, status=422)["code"] == "invalid"


def test_listener_that_is_down_gets_them_later(hub, sink):
    sink.on("/ops", Reply(503), 200)
    listener = hub.endpoint(sink.url("/ops"), ["grapnel.**"])
    kill(hub, sink)
    assert [r.attempt for r in sink.wait_for(2, "/ops")] == [1, 2]
    hub.wait_delivery(told(hub)[0], "delivered", listener)
