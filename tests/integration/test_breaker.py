"""Endpoints that fail are left alone and tried now and then; endpoints have rates; who fails for too long is disabled."""

import re

from hub import eventually, run
from sink import Reply

FAILURES = 10  # in a row open a breaker
NEVER = ("--breaker-wait", "1h")
SOON = ("--breaker-wait", "50ms", "--breaker-max-wait", "50ms")
LATER = {"schedule_ms": [3600000]}


def breaker(hub, endpoint):
    return hub.got(f"/v1/endpoints/{endpoint['id']}")["breaker"]


def wait_state(hub, endpoint, state):
    return eventually(lambda: (lambda now: now if now["state"] == state else None)(breaker(hub, endpoint)), f"a breaker that is {state}")


def make_open(hub, sink, path="/down", **fields):
    """An endpoint whose breaker is open, after one attempt of each of FAILURES deliveries."""
    sink.on(path, 503)
    fields.setdefault("retry", LATER)
    endpoint = hub.endpoint(sink.url(path), ["down"], **fields)
    for _ in range(FAILURES):
        hub.publish("down")
    wait_state(hub, endpoint, "open")
    return endpoint


def test_nothing_is_sent_while_a_breaker_is_open(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    event = hub.publish("down")
    hub.endpoint(sink.url("/well"), ["well"])
    hub.publish("well")
    sink.wait_for(1, "/well")
    assert len(sink.received("/down")) == FAILURES
    shown = breaker(hub, endpoint)
    assert shown["failures"] == FAILURES and shown["since"] and shown["next_probe_at"] > shown["since"]
    assert shown["why"] == "10 attempts failed in a row; the last: HTTP 503"
    assert hub.got("/v1/endpoints")["data"][1]["breaker"] == shown
    delivery = hub.delivery(event)
    assert (delivery["state"], delivery["attempt_count"]) == ("pending", 0)
    waiting = hub.got(f"/v1/events/{event['id']}/explain", endpoint=endpoint["id"])["waiting"]
    assert waiting["for"] == "breaker" and waiting["until"] == shown["next_probe_at"]
    assert "HTTP 503" in waiting["detail"]
    # What was shown can be written.
    answer = hub.api("PUT", f"/v1/endpoints/{endpoint['id']}", hub.got(f"/v1/endpoints/{endpoint['id']}"))
    assert answer.status == 200, answer


def test_a_probe_that_succeeds_brings_all_that_waits(make_hub, sink):
    hub = make_hub(*SOON)
    endpoint = make_open(hub, sink, retry={"schedule_ms": [1] * 60})
    events = [hub.publish("down") for _ in range(30)]
    sink.wait_for(FAILURES + 3, "/down")  # probes, one at a time
    assert sink.peak["/down"] <= 8
    sink.on("/down", 200)
    for event in events:
        hub.wait_delivery(event, "delivered")
    shown = wait_state(hub, endpoint, "closed")
    assert shown["failures"] == 0 and shown["since"] is None and shown["next_probe_at"] is None and shown["why"] is None
    assert "takes deliveries again" in hub.log()


def test_resume_tries_at_once(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    event = hub.publish("down")
    sink.on("/down", 200)
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    assert answer.status == 200 and answer.json["status"] == "active", answer
    hub.wait_delivery(event, "delivered")
    wait_state(hub, endpoint, "closed")


def test_the_command_line_shows_and_tries(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink, uid="billing")
    event = hub.publish("down")
    shown = run("endpoints", "show", "billing", "--data", hub.data).stdout
    assert re.search(r"^breaker +open$", shown, re.M) and re.search(r"^because +10 attempts failed in a row; the last: HTTP 503$", shown, re.M)
    assert re.search(r"^next try +2\d{3}-", shown, re.M)
    assert re.search(r"\bactive +- +open\b", run("endpoints", "list", "--data", hub.data).stdout)
    sink.on("/down", 200)
    assert run("endpoints", "resume", "billing", "--data", hub.data).returncode == 0
    hub.wait_delivery(event, "delivered")
    wait_state(hub, endpoint, "closed")


def test_a_change_of_the_endpoint_tries_at_once(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    event = hub.publish("down")
    assert hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"url": sink.url("/moved")}).status == 200
    hub.wait_delivery(event, "delivered")


def test_a_delivery_by_hand_passes_an_open_breaker(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    events = [hub.publish("down") for _ in range(3)]
    delivery = hub.delivery(events[1])
    assert hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry").status == 200
    retried = hub.wait_delivery(events[1], "pending", where=lambda d: d["attempt_count"] == 1)
    assert retried["attempts"][0]["status"] == 503
    answer = hub.api("POST", f"/v1/events/{events[2]['id']}/resend", {"endpoints": [endpoint["id"]]})
    assert answer.status == 200, answer
    hub.wait_delivery(events[2], "pending", where=lambda d: d["attempt_count"] == 1)
    assert hub.delivery(events[0])["attempt_count"] == 0
    assert breaker(hub, endpoint)["state"] == "open"


def test_a_test_that_is_delivered_closes_the_breaker(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    event = hub.publish("down")
    failed = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test")
    assert failed.json["state"] == "cancelled" and breaker(hub, endpoint)["state"] == "open", failed
    sink.on("/down", 200)
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test").json["state"] == "delivered"
    hub.wait_delivery(event, "delivered")


def test_bulk_retry_of_an_endpoint_tries_at_once(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink, retry={"max_attempts": 1})
    hub.wait_dead(FAILURES)
    sink.on("/down", 200)
    retry = hub.api("POST", "/v1/dead-letters/retry", {"filter": {"endpoint": endpoint["id"]}})
    assert retry.status == 202, retry
    eventually(lambda: not hub.dead_letters(), "no dead letters")
    wait_state(hub, endpoint, "closed")


def test_an_endpoint_can_do_without(make_hub, sink):
    hub = make_hub(*NEVER)
    sink.on("/down", 503)
    endpoint = hub.endpoint(sink.url("/down"), breaker=False, retry={"schedule_ms": [1] * 30})
    assert endpoint["breaker"] is False
    hub.publish()
    assert len(sink.wait_for(31, "/down")) == 31
    changed = hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"breaker": {"max_failures": 3}}).json["breaker"]
    assert changed["max_failures"] == 3 and changed["wait_ms"] == 3600000
    assert hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"breaker": None}).json["breaker"]["max_failures"] == FAILURES


def test_a_start_begins_with_closed_breakers(make_hub, sink):
    hub = make_hub(*NEVER)
    endpoint = make_open(hub, sink)
    event = hub.publish("down")
    sink.on("/down", 200)
    hub.restart()
    hub.wait_delivery(event, "delivered")
    assert breaker(hub, endpoint)["state"] == "closed"


def test_a_rate_is_kept(hub, sink):
    limit, count = 50, 80
    endpoint = hub.endpoint(sink.url("/slowly"), rate={"limit": limit, "per_ms": 1000}, max_in_flight=100)
    assert endpoint["rate"] == {"limit": limit, "per_ms": 1000}
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    hub.api("POST", "/v1/events", [{"type": "t", "data": i} for i in range(count)])
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    times = [r.at for r in sink.wait_for(count, "/slowly")]
    # Never faster; how much slower it is, is the machine's affair.
    assert times[-1] - times[0] > (count - 1) / limit * 0.9
    assert hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"rate": None}).json["rate"] is None


def test_who_fails_for_too_long_is_disabled_once(make_hub, sink):
    hub = make_hub("--disable-after", "1ms", "--disable-attempts", "5")
    sink.on("/down", 503)
    endpoint = hub.endpoint(sink.url("/down"), ["down"], retry={"schedule_ms": [20] * 60})
    waits = hub.publish("down", deliver_at="2099-01-01T00:00:00Z")
    hub.publish("down")
    disabled = eventually(lambda: (lambda e: e if e["status"] == "disabled" else None)(hub.got(f"/v1/endpoints/{endpoint['id']}")), "it is disabled")
    assert disabled["status_reason"] == "failing"
    assert len(sink.received("/down")) >= 5
    assert f"the endpoint is disabled; endpoint={endpoint['id']} reason=failing" in hub.log()
    assert hub.wait_delivery(waits, "dead")["reason"] == "endpoint_disabled"
    lines = hub.got("/v1/audit", action="endpoint.disable")["data"]
    assert [(line["actor"]["kind"], line["after"]["status_reason"]) for line in lines] == [("hub", "failing")]
    # Resumed, it has as long again.
    sink.on("/down", 200)
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume").status == 200
    hub.wait_delivery(hub.publish("down"), "delivered")


def test_endpoints_that_never_answer_do_not_stop_the_others(make_hub, sink):
    """More of them than may be in flight together: there is a place left for whoever has nothing in flight."""
    hub = make_hub("--delivery-live", "32")
    gate = sink.gate()
    sink.on("/hung", Reply(gate=gate))
    for _ in range(12):
        hub.endpoint(sink.url("/hung"), ["hang"], timeout_ms=120000)
    for _ in range(8):
        hub.publish("hang")
    sink.wait_for(16, "/hung")
    hub.endpoint(sink.url("/well"), ["well"])
    for i in range(20):
        hub.wait_delivery(hub.publish("well"), "delivered")
    assert len(sink.received("/hung")) < 32
    gate.set()
