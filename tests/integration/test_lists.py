"""Lists: filters, cursors, both orders; stable while rows arrive; nothing of others. Bad values: test_filters.py."""

import json
import threading

import pytest

from hub import eventually
from sink import Reply

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def ids(rows):
    return [r["id"] for r in rows]


# Stable while rows arrive.


class Publisher:
    """Publishes in the background until it is stopped; `ids` are those that were acknowledged, in order."""

    def __init__(self, hub):
        self.hub, self.ids, self.stop = hub, [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stop.is_set():
            batch = [{"type": "busy.one", "data": n} for n in range(5)]
            self.ids += [e["id"] for e in self.hub.api("POST", "/v1/events", batch).json["data"]]

    def __enter__(self):
        self.thread.start()
        eventually(lambda: len(self.ids) >= 20, "the first events")
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_have_no_gap_and_no_repetition_while_events_arrive(make_hub, order):
    hub = make_hub("--operational-events=no")  # the breaker that opens is not among what is published here
    hub.endpoint("http://127.0.0.1:9/", types=["busy.*"], retry={"schedule_ms": [3600000]})
    with Publisher(hub) as publisher:
        before = list(publisher.ids)
        events, deliveries = [], []
        for path, rows in (("/v1/events", events), ("/v1/deliveries", deliveries)):
            cursor = None
            for _ in range(500):
                page = hub.got(path, order=order, limit=7, **({"cursor": cursor} if cursor else {}))
                rows += page["data"]
                cursor = page["next_cursor"]
                # Upwards the end runs away as long as rows arrive: it is let go when what was there has come.
                seen = {r["id"] if path == "/v1/events" else r["event"] for r in rows}
                if not cursor or (order == "asc" and set(before) <= seen):
                    break
    for key, rows in (("id", events), ("event", deliveries)):
        order_of_ids = [r["id"] for r in rows]
        assert order_of_ids == sorted(set(order_of_ids), reverse=order == "desc"), "in order, each once"
        listed = [r[key] for r in rows]
        assert set(before) <= set(listed), "what was there at the start comes"
        first, last = min(listed), max(listed)
        assert set(listed) == {i for i in publisher.ids if first <= i <= last}, "no gap"


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_dead_letters_have_no_gap_while_deliveries_die(hub, sink, order):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), max_in_flight=50, retry={"schedule_ms": [1]})
    for n in range(40):
        hub.publish(data=n)
    hub.wait_dead(40)
    first = set(ids(hub.dead_letters()))
    with_more = threading.Thread(target=lambda: [hub.publish(data=n) for n in range(60)])
    with_more.start()
    rows, cursor = [], None
    while True:
        page = hub.got("/v1/dead-letters", order=order, limit=3, endpoint=endpoint["id"], **({"cursor": cursor} if cursor else {}))
        rows += page["data"]
        cursor = page["next_cursor"] or cursor
        if not page["next_cursor"] and (order == "desc" or not with_more.is_alive()):
            break
        if not page["next_cursor"]:
            rows = rows[: len(rows) - len(page["data"])]  # the same page again: it has grown meanwhile
    with_more.join()
    listed = ids(rows)
    assert len(set(listed)) == len(listed)
    assert first <= set(listed)
    assert [r["ended_at"] for r in rows] == sorted((r["ended_at"] for r in rows), reverse=order == "desc")


# Cursors.

LISTS = ["/v1/events", "/v1/deliveries", "/v1/dead-letters", "/v1/endpoints", "/v1/subscribers", "/v1/keys", "/v1/operations"]


@pytest.fixture(scope="module")
def filled(shared_hub, shared_sink):
    """A hub with three or more of everything."""
    hub = shared_hub
    shared_sink.on("/dead", 500)
    for n in range(3):
        hub.subscriber(f"sub-{n}")
        hub.endpoint(shared_sink.url("/good"), types=["good.*"], uid=f"good-{n}", description=f"number {n}")
        hub.key("read")
    hub.endpoint(shared_sink.url("/dead"), types=["bad.*"], uid="bad", retry={"schedule_ms": [1]})
    for n in range(3):
        event = hub.publish("good.one", subject=f"s-{n}", uid=f"good-event-{n}")
        hub.publish("bad.one")
    hub.wait_dead(3)
    eventually(lambda: all(d["state"] == "delivered" for d in hub.deliveries(event)))
    for _ in range(3):
        hub.wait_operation(hub.api("POST", "/v1/dead-letters/discard", {"filter": {"q": "no such text"}}).json)
    return hub


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_list_comes_in_both_orders_page_by_page(filled, path, order):
    whole = filled.got(path, order=order, limit=500)
    assert whole["next_cursor"] is None
    assert len(whole["data"]) >= 3
    assert ids(filled.pages(path, order=order, limit=2)) == ids(whole["data"])
    assert ids(filled.got(path, limit=500)["data"]) == ids(whole["data"] if order == "desc" else whole["data"][::-1])


@pytest.mark.parametrize("path", LISTS)
def test_cursor_of_another_list_or_order_is_refused(filled, path):
    cursor = filled.got(path, limit=1)["next_cursor"]
    assert cursor
    refused = [f"{p}?cursor={cursor}" for p in LISTS if p != path] + [f"{path}?order=asc&cursor={cursor}", f"{path}?cursor={cursor[:-1]}",
                                                                     f"{path}?cursor={cursor}A", f"{path}?cursor="]
    for query in refused:
        answer = filled.api("GET", query)
        assert (answer.status, answer.pointers) == (422, ["?cursor"]), query
    assert filled.api("GET", f"{path}?cursor={cursor}&order=desc&limit=500").status == 200


@pytest.mark.parametrize(
    "path, query, other",
    [
        ("/v1/events", "type=good.*", "type=bad.*"),
        ("/v1/events", "type=good.*", ""),
        ("/v1/events", "", "since=-1h"),
        ("/v1/deliveries", "state=delivered", "state=dead"),
        ("/v1/deliveries", "state=delivered", "state=delivered&type=good.*"),
        ("/v1/dead-letters", "q=bad", "q=one"),
        ("/v1/endpoints", "status=active", ""),
        ("/v1/endpoints", "q=good", "q=goo"),
        ("/v1/operations", "state=done", "state=running"),
    ],
)
def test_cursor_with_other_filters_is_refused(filled, path, query, other):
    cursor = filled.got(f"{path}?{query}{'&' if query else ''}limit=1")["next_cursor"]
    assert cursor, filled.got(f"{path}?{query}")
    answer = filled.api("GET", f"{path}?{other}&cursor={cursor}" if other else f"{path}?cursor={cursor}")
    assert (answer.status, answer.pointers) == (422, ["?cursor"]), answer
    assert filled.api("GET", f"{path}?cursor={cursor}&{query}" if query else f"{path}?cursor={cursor}").status == 200


def test_cursor_of_another_events_deliveries_is_refused(hub):
    for n in range(2):
        hub.endpoint("http://127.0.0.1:9/", types=["a.*"], uid=f"e{n}")
    one, two = hub.publish("a.b"), hub.publish("a.b")
    cursor = hub.got(f"/v1/events/{one['id']}/deliveries", limit=1)["next_cursor"]
    answer = hub.api("GET", f"/v1/events/{two['id']}/deliveries?cursor={cursor}")
    assert (answer.status, answer.pointers) == (422, ["?cursor"])
    assert len(hub.pages(f"/v1/events/{one['id']}/deliveries", limit=1)) == 2


# Filters.


def test_events_by_each_filter(hub):
    nobody = hub.publish("order.created", subject="orders/1", uid="Order-1001")
    hub.subscriber("acme")
    for more in ({}, {"subscriber": "acme"}):
        made = hub.endpoint("http://127.0.0.1:9/", types=["order.*"], **more)
        assert hub.api("POST", f"/v1/endpoints/{made['id']}/pause").status == 200  # no breaker opens, of which the hub would tell in events
    reached = hub.publish("order.paid", subject="orders/10")
    owned = hub.publish("order.paid", subscriber="acme", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    other = hub.publish("invoice.paid")
    everything = [nobody["id"], reached["id"], owned["id"], other["id"]]
    time_of_owned = hub.got(f"/v1/events/{owned['id']}")["time"]
    for query, wanted in [
        ({}, everything),
        ({"type": "order.*"}, everything[:3]),
        ({"type": "invoice.paid"}, [other["id"]]),
        ({"subscriber": "acme"}, [owned["id"]]),
        ({"source": ""}, everything),
        ({"subject": "orders/1"}, [nobody["id"]]),
        ({"trace_id": TRACE}, [owned["id"]]),
        ({"trace_id": TRACE.replace("4", "5")}, []),
        ({"unmatched": "true"}, [nobody["id"], other["id"]]),
        ({"unmatched": "false"}, [reached["id"], owned["id"]]),
        ({"q": "order-1001"}, [nobody["id"]]),
        ({"q": "ORDERS/1"}, [nobody["id"], reached["id"]]),
        ({"q": "paid", "unmatched": "false", "type": "order.**"}, [reached["id"], owned["id"]]),
        ({"since": "-1h"}, everything),
        ({"until": "-1h"}, []),
        ({"since": "2100-01-01T00:00:00Z"}, []),
    ]:
        assert ids(hub.got("/v1/events", order="asc", **query)["data"]) == wanted, query
        assert ids(hub.pages("/v1/events", order="desc", limit=1, **query)) == wanted[::-1], query
    assert owned["id"] in ids(hub.got("/v1/events", since=time_of_owned)["data"])
    assert owned["id"] not in ids(hub.got("/v1/events", until=time_of_owned)["data"])


def test_deliveries_by_each_filter(hub, sink):
    hub.subscriber("acme")
    gate = sink.gate()
    sink.on("/bad", 500)
    sink.on("/slow", Reply(gate=gate))
    good = hub.endpoint(sink.url("/good"), types=["good.*"], uid="good")
    bad = hub.endpoint(sink.url("/bad"), types=["bad.*"], uid="bad", retry={"schedule_ms": [1]})
    slow = hub.endpoint(sink.url("/slow"), types=["slow.*"], subscriber="acme", ordered=True)
    hub.wait_delivery(delivered := hub.publish("good.one"), "delivered")
    hub.wait_delivery(dead := hub.publish("bad.one"), "dead")
    pending, held = hub.publish("slow.one", subscriber="acme"), hub.publish("slow.two", subscriber="acme")
    cancelled = hub.publish("good.two", deliver_at="2099-01-01T00:00:00Z")
    row = hub.deliveries(cancelled)[0]
    assert hub.api("POST", f"/v1/deliveries/{row['id']}/cancel").status == 200
    everything = [e["id"] for e in (delivered, dead, pending, held, cancelled)]
    sink.wait_for(1, "/slow")
    for query, wanted in [
        ({}, everything),
        ({"state": "pending"}, [pending["id"]]),
        ({"state": "held"}, [held["id"]]),
        ({"state": "delivered"}, [delivered["id"]]),
        ({"state": "dead"}, [dead["id"]]),
        ({"state": "cancelled"}, [cancelled["id"]]),
        ({"endpoint": "good"}, [delivered["id"], cancelled["id"]]),
        ({"endpoint": slow["id"]}, [pending["id"], held["id"]]),
        ({"endpoint": slow["id"], "state": "pending"}, [pending["id"]]),
        ({"endpoint": slow["id"], "state": "held"}, [held["id"]]),
        ({"endpoint": bad["id"], "state": "dead"}, [dead["id"]]),
        ({"endpoint": good["id"], "state": "dead"}, []),
        ({"subscriber": "acme"}, [pending["id"], held["id"]]),
        ({"type": "good.*"}, [delivered["id"], cancelled["id"]]),
        ({"type": "slow.two", "state": "held"}, [held["id"]]),
        ({"reason": "exhausted"}, [dead["id"]]),
        ({"reason": "cancelled"}, [cancelled["id"]]),
        ({"reason": "gone", "state": "pending"}, []),
        ({"since": "-1h"}, everything),
        ({"until": "-1h"}, []),
    ]:
        rows = hub.got("/v1/deliveries", order="asc", **query)["data"]
        assert [r["event"] for r in rows] == wanted, query
        assert ids(hub.pages("/v1/deliveries", limit=1, **query)) == ids(rows)[::-1], query
    rows = hub.got("/v1/deliveries", order="asc")["data"]
    assert rows[0] == {k: v for k, v in hub.delivery(delivered).items() if k != "attempts"}, "as it is shown alone"


def test_an_empty_subscriber_means_those_without_one(make_hub, sink):
    hub = make_hub("--operational-events=no")  # the log holds these two events and no others
    hub.subscriber("acme")
    sink.on("/", 500)
    ours = hub.endpoint(sink.url(), uid="twin", retry={"schedule_ms": [1]})
    theirs = hub.endpoint(sink.url(), uid="twin", retry={"schedule_ms": [1]}, subscriber="acme")
    event, foreign = hub.publish(), hub.publish(subscriber="acme")
    delivery, other = (d["id"] for d in (hub.wait_delivery(event, "dead"), hub.wait_delivery(foreign, "dead")))
    hub.key("read", subscriber="acme")
    lists = {
        "/v1/events": ([event["id"]], [foreign["id"]]),
        "/v1/deliveries": ([delivery], [other]),
        "/v1/dead-letters": ([delivery], [other]),
        "/v1/endpoints": ([ours["id"]], [theirs["id"]]),
    }
    for path, (nobodys, acmes) in lists.items():
        for order in ("asc", "desc"):
            assert ids(hub.got(path, subscriber="", order=order)["data"]) == nobodys, path
            assert ids(hub.got(path, subscriber="acme", order=order)["data"]) == acmes, path
            assert sorted(ids(hub.pages(path, order=order))) == sorted(nobodys + acmes), path
    assert {k["subscriber"] for k in hub.pages("/v1/keys", subscriber="")} == {None}
    assert {k["subscriber"] for k in hub.pages("/v1/keys")} == {None, "acme"}
    lines = hub.api("GET", "/v1/dead-letters/export?subscriber=").body.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [delivery]
    for path in ("/v1/deliveries", "/v1/dead-letters"):  # whose uid, where two have it
        assert ids(hub.got(path, subscriber="", endpoint="twin")["data"]) == [delivery]
        assert hub.api("GET", f"{path}?subscriber=&endpoint={theirs['id']}").pointers == ["?endpoint"]
    first = hub.got("/v1/endpoints", limit=1)["next_cursor"]
    assert hub.api("GET", f"/v1/endpoints?subscriber=&cursor={first}").pointers == ["?cursor"], "another list than the one without the filter"


def test_bulk_work_takes_the_filter_of_those_without_a_subscriber(hub, sink):
    hub.subscriber("acme")
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [1]})
    theirs = hub.endpoint(sink.url(), retry={"schedule_ms": [1]}, subscriber="acme")
    event, foreign = hub.publish(), hub.publish(subscriber="acme")
    hub.wait_delivery(event, "dead")
    hub.wait_delivery(foreign, "dead")
    body = {"filter": {"subscriber": ""}}
    assert hub.api("POST", "/v1/dead-letters/discard", {**body, "dry_run": True}).json == {"count": 1}
    begun = hub.api("POST", "/v1/dead-letters/discard", body)
    assert (begun.status, begun.json["total"], begun.json["filter"]) == (202, 1, {"subscriber": ""})
    assert hub.wait_operation(begun.json)["done"] == 1
    assert hub.delivery(event)["state"] == "cancelled"
    assert ids(hub.dead_letters()) == [hub.delivery(foreign, theirs)["id"]]


def test_an_empty_subscriber_shows_a_bound_key_nothing_more(hub):
    hub.subscriber("acme")
    hub.endpoint("http://127.0.0.1:9/")
    bound = hub.key("manage", subscriber="acme")
    for path in ("/v1/events", "/v1/deliveries", "/v1/dead-letters", "/v1/endpoints"):
        answer = hub.api("GET", path + "?subscriber=", key=bound)
        assert (answer.status, answer.pointers) == (404, ["?subscriber"]), path
    answer = hub.api("POST", "/v1/dead-letters/retry", {"filter": {"subscriber": ""}}, key=bound)
    assert (answer.status, answer.pointers) == (404, ["/filter/subscriber"])


def test_endpoints_subscribers_keys_and_operations_by_each_filter(hub):
    hub.subscriber("acme", **{"metadata": {}})
    hub.subscriber("other")
    active = hub.endpoint("http://127.0.0.1:9/billing", uid="one")
    paused = hub.endpoint("http://127.0.0.1:9/", uid="two", subscriber="acme", description="Billing of acme")
    disabled = hub.endpoint("http://127.0.0.1:9/", uid="three")
    hub.api("POST", "/v1/endpoints/two/pause")
    hub.api("POST", "/v1/endpoints/three/disable")
    for query, wanted in [
        ({}, [active, paused, disabled]),
        ({"status": "active"}, [active]),
        ({"status": "paused"}, [paused]),
        ({"status": "disabled"}, [disabled]),
        ({"status": "paused", "subscriber": "acme"}, [paused]),
        ({"status": "active", "subscriber": "acme"}, []),
        ({"q": "billing"}, [active, paused]),
        ({"q": "THREE"}, [disabled]),
        ({"q": "billing", "status": "paused"}, [paused]),
    ]:
        assert ids(hub.got("/v1/endpoints", order="asc", **query)["data"]) == ids(wanted), query
        assert ids(hub.pages("/v1/endpoints", limit=1, **query)) == ids(wanted)[::-1], query
    assert [s["uid"] for s in hub.got("/v1/subscribers", q="ACM")["data"]] == ["acme"]
    bound = hub.made("/v1/keys", {"scopes": ["read"], "subscriber": "acme"})
    assert ids(hub.got("/v1/keys", subscriber="acme")["data"]) == [bound["id"]]
    assert hub.got("/v1/keys", subscriber="other")["data"] == []
    discarding = hub.api("POST", "/v1/dead-letters/discard", {"filter": {}}).json
    hub.wait_operation(discarding)
    draining = eventually(lambda: hub.got("/v1/operations", state="done", order="asc")["data"])
    assert discarding["id"] in ids(draining)
    assert hub.got("/v1/operations", state="running")["data"] == []
    assert hub.got("/v1/operations", state="cancelled")["data"] == []


def test_dead_letters_of_a_deleted_endpoint_are_found_by_its_id(hub, sink):
    sink.on("/", 500)
    hub.subscriber("acme")
    hub.subscriber("other")
    endpoint = hub.endpoint(sink.url(), retry={"schedule_ms": [1]}, subscriber="acme")
    hub.publish(subscriber="acme")
    letter = hub.wait_dead(1)[0]
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    assert ids(hub.dead_letters(endpoint=endpoint["id"])) == [letter["id"]]
    assert ids(hub.got("/v1/deliveries", endpoint=endpoint["id"], state="dead")["data"]) == [letter["id"]]
    own, foreign = hub.key("manage", subscriber="acme"), hub.key("manage", subscriber="other")
    assert ids(hub.got("/v1/dead-letters", key=own, endpoint=endpoint["id"])["data"]) == [letter["id"]]
    for path in ("/v1/dead-letters", "/v1/deliveries"):
        answer = hub.api("GET", f"{path}?endpoint={endpoint['id']}", key=foreign)
        assert (answer.status, answer.code, answer.pointers) == (404, "not_found", ["?endpoint"])
        answer = hub.api("GET", f"{path}?endpoint={endpoint['id']}&subscriber=other")
        assert (answer.status, answer.pointers) == (404, ["?endpoint"]), "of another subscriber than the filter's"
    discarding = hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": endpoint["id"]}}, key=own).json
    assert hub.wait_operation(discarding)["done"] == 1
    assert hub.dead_letters(endpoint=endpoint["id"]) == []


# Bound keys.


def test_bound_key_sees_only_its_own_in_every_list(hub, sink):
    sink.on("/", 500)
    for name in ("acme", "other"):
        hub.subscriber(name)
        hub.endpoint(sink.url(), subscriber=name, uid="hook", retry={"schedule_ms": [1]})
        hub.publish(subscriber=name, uid="event-1")
    hub.wait_dead(2)
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {"subscriber": "other"}}).json)
    hub.wait_dead(2)
    key = hub.key("manage", subscriber="acme")
    for path in ("/v1/events", "/v1/deliveries", "/v1/dead-letters", "/v1/endpoints"):
        rows = hub.pages(path, key=key)
        assert [r["subscriber"] for r in rows] == ["acme"], path
        answer = hub.api("GET", f"{path}?subscriber=other", key=key)
        assert (answer.status, answer.pointers) == (404, ["?subscriber"]), path
    assert [s["uid"] for s in hub.pages("/v1/subscribers", key=key)] == ["acme"]
    assert hub.pages("/v1/operations", key=key) == []
    assert hub.api("GET", "/v1/keys", key=key).status == 403
    own = hub.got("/v1/endpoints", subscriber="acme")["data"][0]
    foreign = hub.got("/v1/endpoints", subscriber="other")["data"][0]
    assert len(hub.pages("/v1/deliveries", key=key, endpoint=own["id"])) == 1
    for state in ("", "&state=dead", "&state=pending"):
        answer = hub.api("GET", f"/v1/deliveries?endpoint={foreign['id']}{state}", key=key)
        assert (answer.status, answer.pointers) == (404, ["?endpoint"])
    discarding = hub.api("POST", "/v1/dead-letters/discard", {"filter": {}}, key=key).json
    assert ids(hub.pages("/v1/operations", key=key)) == [discarding["id"]]
    stats = hub.got("/v1/stats", key=key)
    assert stats["events"] == {"last_minute": 1, "last_hour": 1}
    assert stats["endpoints"] == {"active": 1, "paused": 0, "disabled": 0}
