"""Isolation: one subscriber's data never reaches another, neither by delivery nor by looking."""

import pytest

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def two(hub, sink):
    """Subscribers a and b with an endpoint each, and an endpoint that has none; all take every type."""
    hub.a, hub.b = (hub.subscriber(uid) for uid in "ab")
    hub.of_a, hub.of_b = (hub.endpoint(sink.url(f"/{uid}"), uid=f"hook-{uid}", subscriber=uid) for uid in "ab")
    hub.of_none = hub.endpoint(sink.url("/none"), uid="hook-none")
    return hub


def reached(hub, sink, event, count):
    assert event["deliveries"] == count
    return sorted(r.path for r in sink.wait_for(count, where=lambda r: r.webhook_id == event["id"]))


def test_event_for_a_subscriber_reaches_only_its_endpoints(two, sink):
    assert reached(two, sink, two.publish(subscriber="a"), 1) == ["/a"]
    assert reached(two, sink, two.publish(subscriber=two.b["id"]), 1) == ["/b"]


def test_event_without_a_subscriber_reaches_only_endpoints_without_one(two, sink):
    assert reached(two, sink, two.publish(), 1) == ["/none"]


def test_star_reaches_everybody(two, sink):
    assert reached(two, sink, two.publish(subscriber="*"), 3) == ["/a", "/b", "/none"]


def test_a_forgotten_subscriber_is_pointed_out(two):
    two.api("DELETE", f"/v1/endpoints/{two.of_none['id']}")
    answer = two.publish()
    assert answer["deliveries"] == 0
    assert answer["everyone_would_reach"] == 2


def test_event_addressed_to_an_endpoint_of_a_subscriber_needs_no_subscriber(two, sink):
    answer = two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "endpoint": two.of_a["id"], "subscriber": "a"})
    assert answer.status == 202, answer
    assert reached(two, sink, answer.json, 1) == ["/a"]


def test_event_addressed_to_another_subscribers_endpoint_is_refused(two):
    answer = two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "endpoint": two.of_a["id"], "subscriber": "b"})
    assert (answer.status, answer.pointers) == (404, ["/endpoint"]), answer


def test_bound_key_publishes_to_its_own_subscriber_without_saying_so(two, sink):
    key = two.key("publish", subscriber="a")
    assert reached(two, sink, two.publish(key=key), 1) == ["/a"]
    assert reached(two, sink, two.publish(key=key, subscriber="a"), 1) == ["/a"]


@pytest.mark.parametrize("subscriber", ["b", "nobody", "*"])
def test_bound_key_cannot_publish_to_others(two, subscriber):
    key = two.key("publish", subscriber="a")
    answer = two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "subscriber": subscriber}, key=key)
    assert (answer.status, answer.code, answer.pointers) == (404, "not_found",
        ["/subscriber"]), "a foreign subscriber looks like an unknown one"


def test_bound_key_cannot_publish_to_a_foreign_endpoint(two):
    key = two.key("publish", subscriber="a")
    foreign, unknown = (
        two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "endpoint": id}, key=key) for id in (two.of_b["id"], "ep_0000000000001")
    )
    assert foreign.status == unknown.status == 404
    assert foreign.json["errors"] == unknown.json["errors"]


def same_answer(hub, method, foreign, unknown, key, json=None):
    """A foreign thing and an unknown one must not be told apart."""
    one, other = hub.api(method, foreign, json, key=key), hub.api(method, unknown, json, key=key)
    assert (one.status, one.code) == (404, "not_found"), one
    without_id = [{k: v for k, v in a.json.items() if k != "request_id"} for a in (one, other)]
    assert without_id[0] == without_id[1]


def test_foreign_ids_answer_like_unknown_ones(two):
    key = two.key("manage", "publish", subscriber="a")
    event = two.publish(subscriber="b")
    delivery = two.deliveries(event)[0]
    patch = {"description": "mine now"}
    for foreign, unknown in [
        (f"/v1/endpoints/{two.of_b['id']}", "/v1/endpoints/ep_0000000000001"),
        ("/v1/endpoints/hook-b", "/v1/endpoints/hook-x"),
        ("/v1/endpoints/hook-none", "/v1/endpoints/hook-x"),
    ]:
        same_answer(two, "GET", foreign, unknown, key)
        same_answer(two, "PATCH", foreign, unknown, key, patch)
        same_answer(two, "DELETE", foreign, unknown, key)
        same_answer(two, "GET", foreign + "/secret", unknown + "/secret", key)
        for action in ("pause", "resume", "disable", "secret/rotate"):
            same_answer(two, "POST", f"{foreign}/{action}", f"{unknown}/{action}", key)
    same_answer(two, "GET", f"/v1/events/{event['id']}", "/v1/events/evt_0000000000001", key)
    same_answer(two, "GET", f"/v1/events/{event['id']}/payload", "/v1/events/evt_0000000000001/payload", key)
    same_answer(two, "GET", f"/v1/events/{event['id']}/deliveries", "/v1/events/evt_0000000000001/deliveries", key)
    same_answer(two, "GET", f"/v1/deliveries/{delivery['id']}", "/v1/deliveries/dlv_0000000000001", key)
    for action in ("retry", "cancel"):
        same_answer(two, "POST", f"/v1/deliveries/{delivery['id']}/{action}", f"/v1/deliveries/dlv_0000000000001/{action}", key)
    same_answer(two, "GET", "/v1/subscribers/b", "/v1/subscribers/x", key)
    assert two.got("/v1/endpoints/hook-b")["status"] == "active", "and nothing was changed"


def test_lists_of_a_bound_key_hold_only_its_own(two):
    key = two.key("read", subscriber="a")
    mine = two.publish(subscriber="a")
    two.publish(subscriber="b")
    two.publish()
    assert [e["id"] for e in two.pages("/v1/endpoints", key=key)] == [two.of_a["id"]]
    assert [e["id"] for e in two.pages("/v1/events", key=key)] == [mine["id"]]
    assert [s["id"] for s in two.pages("/v1/subscribers", key=key)] == [two.a["id"]]


def test_bound_key_sees_its_own_delivery_of_a_broadcast_and_no_others(two):
    key = two.key("read", subscriber="a")
    event = two.publish(subscriber="*")
    answer = two.api("GET", f"/v1/events/{event['id']}/deliveries", key=key)
    if answer.status == 200:
        assert {d["endpoint"] for d in answer.json["data"]} <= {two.of_a["id"], "hook-a"}
    else:
        assert answer.status == 404


def test_bound_key_makes_endpoints_of_its_own_subscriber_only(two):
    key = two.key("manage", subscriber="a")
    made = two.endpoint(URL, key=key)
    assert two.got(f"/v1/endpoints/{made['id']}")["subscriber"] == "a"
    answer = two.api("POST", "/v1/endpoints", {"url": URL, "event_types": ["*"], "subscriber": "b"}, key=key)
    assert (answer.status, answer.pointers) == (404, ["/subscriber"]), answer
    moved = two.api("PATCH", f"/v1/endpoints/{made['id']}", {"subscriber": "b"}, key=key)
    assert (moved.status, moved.pointers) == (404, ["/subscriber"]), moved
    assert two.got(f"/v1/endpoints/{made['id']}")["subscriber"] == "a"
    assert len(two.pages("/v1/endpoints", subscriber="b")) == 1


def test_bound_key_sees_and_repairs_only_its_own_dead_letters(two, sink):
    for path in ("/a", "/b"):
        sink.on(path, 500)
    two.publish(subscriber="*")
    rows = two.wait_dead(2)
    key = two.key("manage", subscriber="a")
    seen = two.pages("/v1/dead-letters", key=key)
    assert len(seen) == 1
    foreign = next(r["id"] for r in rows if r["id"] != seen[0]["id"])
    assert two.api("POST", "/v1/dead-letters/retry", {"filter": {}, "dry_run": True}, key=key).json == {"count": 1}
    answer = two.api("POST", "/v1/dead-letters/discard", {"ids": [foreign]}, key=key)
    if answer.status == 202:
        two.wait_operation(answer.json)
    assert two.got(f"/v1/deliveries/{foreign}")["state"] == "dead"


def test_bound_key_cannot_take_another_uid(two):
    key = two.key("manage", subscriber="a")
    id = two.a["id"]
    for uid in ("newcustomer", "b", None):  # free, another subscriber's, none: the refusals do not differ
        for method, body in (("PATCH", {"uid": uid}), ("PUT", {"name": "A", "uid": uid})):
            answer = two.api(method, f"/v1/subscribers/{id}", body, key=key)
            assert (answer.status, answer.code, answer.pointers) == (403, "missing_scope", ["/uid"]), answer
            assert two.b["id"] not in str(answer.body)
    assert two.got("/v1/subscribers/a")["name"] == "a"
    for method, path, body in [
        ("PATCH", id, {"name": "A", "uid": "a"}),
        ("PUT", id, {"name": "A", "uid": "a"}),
        ("PUT", id, {"name": "A"}),
        ("PUT", "a", {"name": "A"}),
    ]:
        answer = two.api(method, f"/v1/subscribers/{path}", body, key=key)
        assert (answer.status, answer.json["uid"], answer.json["name"]) == (200, "a", "A"), answer
    assert two.api("PATCH", f"/v1/subscribers/{id}", {"uid": "renamed"}).status == 200, "the operator may"


@pytest.mark.parametrize("uid", ["*", ".", ".."])
def test_uid_that_could_not_be_addressed_is_refused(shared_hub, uid):
    answer = shared_hub.api("POST", "/v1/subscribers", {"uid": uid, "name": "x"})
    assert (answer.status, answer.pointers) == (422, ["/uid"]), answer
    if uid == "*":
        answer = shared_hub.api("PUT", "/v1/subscribers/*", {"name": "x"})
        assert (answer.status, answer.pointers) == (422, ["/uid"]), answer
        return
    for path, body in (
        ("/v1/endpoints", {"uid": uid, "url": URL, "event_types": ["never.used"]}),
        ("/v1/events", {"uid": uid, "type": "a.b", "data": 1}),
    ):
        answer = shared_hub.api("POST", path, body)
        assert (answer.status, answer.pointers) == (422, ["/uid"]), answer


def test_the_same_uid_may_be_used_by_two_subscribers(two):
    first = two.endpoint(URL, uid="same", subscriber="a")
    second = two.endpoint(URL, uid="same", subscriber="b")
    ambiguous = two.api("GET", "/v1/endpoints/same")
    assert (ambiguous.status, ambiguous.code) == (409, "ambiguous_uid")
    assert "subscriber" in ambiguous.json["detail"]
    assert two.got("/v1/endpoints/same", subscriber="a")["id"] == first["id"]
    assert two.got("/v1/endpoints/same", subscriber="b")["id"] == second["id"]
    assert two.got("/v1/endpoints/same", key=two.key("read", subscriber="b"))["id"] == second["id"]


def test_no_subscriber_can_make_a_uid_without_one_ambiguous(two, sink):
    for uid in "ab":
        two.endpoint(sink.url("/theirs"), uid="hook-none", subscriber=uid, types=["never.used"])
        two.publish(uid="mine", subscriber=uid)
    assert reached(two, sink, two.publish(endpoint="hook-none"), 1) == ["/none"]
    assert two.got("/v1/endpoints/hook-none")["id"] == two.of_none["id"]
    put = two.api("PUT", "/v1/endpoints/hook-none", {"url": sink.url("/none"), "event_types": ["a.*"]})
    assert (put.status, put.json["id"]) == (200, two.of_none["id"]), put
    assert two.got("/v1/dead-letters", endpoint="hook-none")["data"] == []
    assert two.api("GET", "/v1/events/mine").code == "ambiguous_uid", "nobody's is not there: several match"
    event = two.publish(uid="mine")
    assert two.got("/v1/events/mine")["id"] == event["id"]


def test_empty_subscriber_means_without_one(two, sink):
    assert reached(two, sink, two.publish(subscriber=""), 1) == ["/none"]
    assert reached(two, sink, two.publish(subscriber="", endpoint="hook-none"), 1) == ["/none"]
    answer = two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "subscriber": "", "endpoint": "hook-a"})
    assert (answer.status, answer.pointers) == (404, ["/endpoint"]), answer
    assert two.api("GET", "/v1/endpoints/hook-a?subscriber=").status == 404
    answer = two.api("POST", "/v1/events", {"type": "a.b", "data": 1, "subscriber": ""}, key=two.key("publish", subscriber="a"))
    assert (answer.status, answer.pointers) == (404, ["/subscriber"]), answer


def test_deleting_a_subscriber_takes_its_endpoints_along_or_is_refused(two):
    answer = two.api("DELETE", "/v1/subscribers/a")
    if answer.status == 409:
        assert two.got("/v1/endpoints/hook-a")["status"] == "active"
    else:
        assert answer.status == 204
        assert two.api("GET", "/v1/endpoints/hook-a").status == 404
    assert two.got("/v1/endpoints/hook-b")["status"] == "active"
