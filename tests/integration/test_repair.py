"""Sending again: one event (resend), what an endpoint missed (recover), dead letters as a file (export), a trial (test)."""

import http.client
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest

from hub import ADMIN, eventually, sanitizer
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


# Export.


def export(hub, key=ADMIN, **query):
    answer = hub.api("GET", "/v1/dead-letters/export" + ("?" + urlencode(query) if query else ""), key=key)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.body == b"" or answer.body.endswith(b"\n")
    return answer.body.splitlines()


def dead_backlog(hub, sink, count, data=lambda n: {"n": n}, path="/backlog"):
    """Many dead letters quickly: they die when their paused endpoint is disabled."""
    endpoint = hub.endpoint(sink.url(path), [f"backlog.{path[1:]}"])
    where = f"/v1/endpoints/{endpoint['id']}"
    hub.api("POST", f"{where}/pause")
    for at in range(0, count, 100):
        batch = [{"type": f"backlog.{path[1:]}", "data": data(n)} for n in range(at, min(at + 100, count))]
        assert hub.api("POST", "/v1/events", batch).status == 202
    hub.api("POST", f"{where}/disable")
    dry = {"filter": {"endpoint": endpoint["id"]}, "dry_run": True}
    eventually(lambda: hub.api("POST", "/v1/dead-letters/discard", dry).json["count"] == count, "the end of the whole backlog")
    return endpoint


def memory_kib(hub):
    """The most memory that the process ever had."""
    with open(f"/proc/{hub.process.pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM:")).split()[1])


def test_exported_line_has_the_dead_letter_and_its_event(hub, sink):
    sink.on("/", 503)
    endpoint = hub.endpoint(sink.url(), retry={"max_attempts": 1})
    payload = b'{"b": 1.10,\n "a": 1e400, "a": "\\u0000",\r\n"big": 12345678901234567890}'
    body = b'{"type":"order.created","uid":"o-1","subject":"s/1","attributes":{"region":"eu"},"data":' + payload + b"}"
    event = hub.api("POST", "/v1/events", body=body).json
    (row,) = hub.wait_dead(1)
    (line,) = export(hub)
    assert b'"data":' + payload.replace(b"\n", b" ").replace(b"\r", b" ") + b"}" in line
    got = json.loads(line)
    assert {k: got[k] for k in row if k != "age_ms"} == {k: v for k, v in row.items() if k != "age_ms"}
    assert (got["event"], got["endpoint"], got["event_uid"]) == (event["id"], endpoint["id"], "o-1")
    assert (got["content_type"], got["attributes"]) == ("application/json", {"region": "eu"})
    assert got["event_time"] and got["reason"] == "exhausted"


def test_export_filters_like_the_list(hub, sink):
    hub.subscriber("acme")
    sink.on("/a", 500)
    sink.on("/b", 410)
    a = hub.endpoint(sink.url("/a"), ["order.*"], uid="a")
    hub.endpoint(sink.url("/b"), ["bill.*"], subscriber="acme")
    order, bill = hub.publish("order.created"), hub.publish("bill.sent", subscriber="acme")
    hub.wait_dead(2)

    def events(**query):
        return [json.loads(line)["event"] for line in export(hub, **query)]

    assert sorted(events()) == sorted([order["id"], bill["id"]])
    assert events(endpoint="a") == events(type="order.*") == events(reason="exhausted") == events(q="order.") == [order["id"]]
    assert events(subscriber="acme", since="-1h") == [bill["id"]]
    assert events(until="-1h") == []
    key = hub.key("read", subscriber="acme")
    assert [json.loads(line)["event"] for line in export(hub, key=key)] == [bill["id"]]
    refused = hub.api("GET", f"/v1/dead-letters/export?endpoint={a['id']}", key=key)
    assert (refused.status, refused.pointers) == (404, ["?endpoint"])
    for query in ("reason=tired", "since=soon", "q=%FF", "limit=5"):
        refused = hub.api("GET", f"/v1/dead-letters/export?{query}")
        assert (refused.status, refused.pointers) == (422, ["?" + query.split("=")[0]]), query


def test_large_export_has_every_one_once_in_bounded_memory(hub, sink):
    count, filler = 3000, "x" * 40000
    endpoint = dead_backlog(hub, sink, count, lambda n: {"n": n, "filler": filler})
    before = memory_kib(hub)
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
    connection.request("GET", f"/v1/dead-letters/export?endpoint={endpoint['id']}", headers={"Authorization": f"Bearer {hub.admin}"})
    answer = connection.getresponse()
    seen, total = [], 0
    for line in answer:
        total += len(line)
        seen.append(json.loads(line)["data"]["n"])
    connection.close()
    assert sorted(seen) == list(range(count))
    assert total > 100 * 1024 * 1024
    if not sanitizer():
        assert memory_kib(hub) - before < 64 * 1024, "32 MiB of it are the page caches of the readers"


def test_client_that_leaves_an_export_is_forgotten(hub, sink):
    dead_backlog(hub, sink, 1000, lambda n: {"filler": "x" * 20000})
    request = f"GET /v1/dead-letters/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.admin}\r\n\r\n".encode()
    for _ in range(40):  # more than may be under way at once
        with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as client:
            client.sendall(request)
            # The ones before may not have been noticed yet; in the end they are.
            head = client.recv(4096)
            assert b" 200 OK" in head or b" 503 " in head, head
    files = f"/proc/{hub.process.pid}/fd"

    def sockets():
        return sum(os.path.exists(f"{files}/{fd}") and os.readlink(f"{files}/{fd}").startswith("socket:") for fd in os.listdir(files))

    eventually(lambda: len(export(hub)) == 1000 if hub.api("HEAD", "/v1/dead-letters/export").status == 200 else False)
    eventually(lambda: sockets() < 20, "the closing of the connections")


def test_export_that_is_cut_by_a_stop_is_seen_as_incomplete(hub, sink):
    dead_backlog(hub, sink, 1000, lambda n: {"filler": "x" * 20000})
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
    connection.request("GET", "/v1/dead-letters/export", headers={"Authorization": f"Bearer {hub.admin}"})
    answer = connection.getresponse()
    assert json.loads(answer.readline())["reason"] == "endpoint_disabled"
    hub.terminate()
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


def test_head_of_an_export_is_its_head_alone(hub, sink):
    """Not even the last chunk of a body comes after it: that would stand before the next answer."""
    dead_backlog(hub, sink, 3)
    answer = hub.raw(hub.head("HEAD", "/v1/dead-letters/export", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1, answer
    answer = hub.raw(hub.head("HEAD", "/v1/dead-letters/export") + hub.head("GET", "/healthz", "Connection: close"))
    assert answer.count(b"\r\n\r\n") == answer.count(b"HTTP/1.1 200 OK\r\n") and b"\r\n0\r\n" not in answer, answer


def test_export_of_nothing_is_empty(hub):
    assert export(hub) == []


# Test.


def trial(hub, endpoint, body=None, key=ADMIN, bound=60):
    return hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", body, key=key, bound=bound)


def test_trial_that_succeeds_answers_with_the_attempt(hub, sink):
    sink.on("/", Reply(201, body=b"thank you"))
    endpoint = hub.endpoint(sink.url(), ["order.*"])
    answer = trial(hub, endpoint)
    assert answer.status == 200, answer
    (request,) = sink.received()
    assert request.headers["grapnel-event-type"] == "grapnel.test"
    assert request.headers["grapnel-attempt"] == "1"
    assert request.webhook_id == answer.json["event"]
    assert request.signed_with(endpoint["secret"])
    assert json.loads(request.body)["endpoint"] == endpoint["id"]
    assert answer.json["state"] == "delivered"
    attempt = answer.json["attempt"]
    assert (attempt["number"], attempt["status"], attempt["failure"], attempt["response"]) == (1, 201, None, "thank you")
    delivery = hub.got(f"/v1/deliveries/{answer.json['delivery']}")
    assert delivery["attempts"] == [attempt]
    assert (delivery["state"], delivery["event"], delivery["type"]) == ("delivered", answer.json["event"], "grapnel.test")


def test_trial_with_a_type_and_data_of_ones_own(hub, sink):
    endpoint = hub.endpoint(sink.url())
    data = b'{"n":  1.10, "big": 12345678901234567890}'
    path = f"/v1/endpoints/{endpoint['id']}/test"
    answer = hub.api("POST", path, body=b'{"type": "order.created", "data": ' + data + b"}")
    assert answer.status == 200, answer
    (request,) = sink.received()
    assert (request.headers["grapnel-event-type"], request.body) == ("order.created", data)
    assert trial(hub, endpoint, {"type": "grapnel.test", "data": None}).status == 200
    assert sink.received()[1].body == b"null"


@pytest.mark.parametrize("reply, status, failure", [(500, 500, "http_status"), (410, 410, "http_status"), (Reply(then="close"), None, "connection_closed")])
def test_trial_that_fails_is_sent_once_and_is_no_dead_letter(hub, sink, reply, status, failure):
    sink.on("/", reply)
    endpoint = hub.endpoint(sink.url())
    answer = trial(hub, endpoint)
    assert (answer.status, answer.json["state"]) == (200, "cancelled")
    assert (answer.json["attempt"]["status"], answer.json["attempt"]["failure"]) == (status, failure)
    delivery = hub.got(f"/v1/deliveries/{answer.json['delivery']}")
    assert (delivery["reason"], delivery["attempt_count"]) == ("test_failed", 1)
    assert hub.dead_letters() == []
    assert hub.got(f"/v1/endpoints/{endpoint['id']}")["status"] == "active"
    # A real event afterwards shows that nothing of the test is still to come.
    sink.on("/", 200)
    hub.wait_delivery(hub.publish(), "delivered")
    assert len(sink.received()) == 2


def test_trial_against_what_hangs_ends_with_its_timeout(hub, sink):
    sink.on("/", Reply(then="never"))
    endpoint = hub.endpoint(sink.url(), timeout_ms=300)
    answer = trial(hub, endpoint)
    assert (answer.json["state"], answer.json["attempt"]["failure"]) == ("cancelled", "timeout")
    assert answer.json["attempt"]["duration_ms"] >= 250


def test_trial_that_hangs_holds_up_nothing_else(hub, sink):
    gate = sink.gate()
    sink.on("/slow", Reply(gate=gate))
    slow, quick = hub.endpoint(sink.url("/slow"), timeout_ms=60000), hub.endpoint(sink.url("/quick"))
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(trial, hub, slow) for _ in range(16)]
        sink.wait_for(16, "/slow")
        refused = trial(hub, quick)
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "unavailable", "1")
        # More of them than the API has threads: they wait on none.
        assert hub.got("/v1/endpoints")["data"]
        hub.wait_delivery(hub.publish(endpoint=quick["id"]), "delivered")
        gate.set()
        assert [t.result().json["state"] for t in waiting] == ["delivered"] * 16
    assert trial(hub, quick).json["state"] == "delivered"


def test_trial_goes_beside_pause_order_and_window(hub, sink):
    gate = sink.gate()
    sink.on("/hook", Reply(gate=gate), 200)
    endpoint = hub.endpoint(sink.url("/hook"), ordered=True, max_in_flight=1)
    head, second = hub.publish(), hub.publish()
    sink.wait_for(1)
    assert trial(hub, endpoint).json["state"] == "delivered", "although the window is full"
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    assert trial(hub, endpoint).json["state"] == "delivered", "although it is paused"
    assert hub.delivery(second)["state"] == "held"
    gate.set()
    hub.wait_delivery(head, "delivered")
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    hub.wait_delivery(second, "delivered")


def test_trial_of_a_disabled_endpoint_is_refused(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    answer = trial(hub, endpoint)
    assert (answer.status, answer.code) == (409, "endpoint_disabled")
    hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}")
    assert trial(hub, endpoint).status == 404
    assert sink.received() == []


def test_trial_that_waits_is_answered_when_the_hub_stops(hub, sink):
    sink.on("/", Reply(then="never"))
    endpoint = hub.endpoint(sink.url(), timeout_ms=120000)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(trial, hub, endpoint)
        sink.wait_for(1)
        hub.terminate()
        assert (waiting.result().status, waiting.result().code) == (503, "unavailable")


def test_trial_stays_within_a_subscriber(hub, sink):
    hub.subscriber("acme")
    hub.subscriber("other")
    endpoint = hub.endpoint(sink.url(), subscriber="acme")
    assert trial(hub, endpoint, key=hub.key("manage", subscriber="other")).status == 404
    key = hub.key("manage", subscriber="acme")
    answer = trial(hub, endpoint, key=key)
    assert answer.json["state"] == "delivered"
    assert hub.got(f"/v1/events/{answer.json['event']}", key=key)["type"] == "grapnel.test"
    assert trial(hub, endpoint, key=hub.key("read", subscriber="acme")).status == 403


@pytest.mark.parametrize(
    "body, status, pointer",
    [
        (b'{"type": "grapnel.other"}', 422, "/type"),
        (b'{"type": "no spaces"}', 422, "/type"),
        (b'{"type": 7}', 422, "/type"),
        (b'{"type": "a", "type": "b"}', 422, "/type"),
        (b'{"data": 1, "data": 2}', 422, "/data"),
        (b'{"colour/s": 1}', 422, "/colour~1s"),
        (b"[]", 422, ""),
        (b'{"data": ', 400, None),
        (b'{"data": 1} x', 400, None),
    ],
)
def test_bad_trial_is_refused_with_its_pointer(shared_hub, shared_sink, body, status, pointer):
    endpoint = shared_hub.endpoint(shared_sink.url())
    answer = shared_hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", body=body)
    assert answer.status == status, answer
    if pointer is not None:
        assert answer.pointers == [pointer]


def test_published_tests_stay_refused(hub):
    assert hub.publish("grapnel.test", status=422)["code"] == "invalid"
