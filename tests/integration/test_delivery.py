"""Delivery: what an endpoint receives, and what its answers lead to."""

import contextlib
import re
import socket
import threading
from datetime import datetime, timedelta, timezone

import pytest

from hub import FAST_RETRY, eventually, free_port
from sink import Reply

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def later(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_request_carries_the_standard_headers_and_a_true_signature(hub, sink):
    endpoint = hub.endpoint(sink.url("/in?token=a%20b"))
    event = hub.publish("order.created", {"n": 1})
    (received,) = sink.wait_for(1)
    assert received.method == "POST"
    assert received.path == "/in?token=a%20b"
    headers = received.headers
    assert headers["webhook-id"] == event["id"]
    assert abs(int(headers["webhook-timestamp"]) - datetime.now().timestamp()) < 60
    assert headers["grapnel-event-type"] == "order.created"
    assert headers["grapnel-delivery-id"] == hub.deliveries(event)[0]["id"]
    assert headers["grapnel-attempt"] == "1"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"127.0.0.1:{sink.port}"
    assert headers["user-agent"].startswith("grapnel/")
    assert "expect" not in headers and "transfer-encoding" not in headers
    assert "accept-encoding" not in headers
    assert received.signed_with(endpoint["secret"])
    other = hub.endpoint(sink.url("/other"), ["never"])
    assert not received.signed_with(other["secret"])


def test_trace_context_is_passed_on(hub, sink):
    hub.endpoint(sink.url())
    hub.publish(headers={"traceparent": TRACEPARENT, "tracestate": "vendor=1"})
    (received,) = sink.wait_for(1)
    version, trace, parent, flags = received.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
    assert re.fullmatch("[0-9a-f]{16}", parent)
    assert received.headers["tracestate"] == "vendor=1"


@pytest.mark.parametrize("bad", ["garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01", TRACEPARENT.upper()])
def test_malformed_trace_context_is_not_passed_on(hub, sink, bad):
    hub.endpoint(sink.url())
    hub.publish(headers={"traceparent": bad})
    (received,) = sink.wait_for(1)
    assert bad not in received.headers.get("traceparent", "")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_succeeds_at_once(hub, sink, status):
    sink.on("/", status)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert [a["status"] for a in delivery["attempts"]] == [status]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 429, 500, 503, 599])
def test_every_other_status_is_retried(hub, sink, status):
    sink.on("/", status, 200)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert [a["status"] for a in delivery["attempts"]] == [status, 200]
    assert delivery["attempts"][0]["failure"] == "http_status"
    first, second = sink.received()
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.webhook_id == second.webhook_id
    assert first.body == second.body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_never_followed(hub, sink, status):
    sink.on("/", Reply(status, {"Location": sink.url("/trap")}))
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert [a["failure"] for a in delivery["attempts"]] == ["redirect"] * 3
    assert [a["status"] for a in delivery["attempts"]] == [status] * 3
    assert sink.received("/trap") == []


@pytest.mark.parametrize("then, failure", [("close", "connection_closed"), ("reset", "connection_closed")])
def test_broken_connection_is_retried(hub, sink, then, failure):
    sink.on("/", Reply(then=then), 200)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert delivery["attempts"][0]["failure"] == failure
    assert delivery["attempts"][0]["status"] in (None, 0)


def test_refused_connection_is_retried_until_exhausted(hub):
    hub.endpoint(f"http://127.0.0.1:{free_port()}/")
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert delivery["reason"] == "exhausted"
    assert [a["failure"] for a in delivery["attempts"]] == ["connect"] * 3


@pytest.mark.parametrize(
    "raw", [b"garbage\r\n\r\n", b"HTTP/1.1 000 Zero\r\n\r\n", b"\x16\x03\x01\x00\x00",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
def test_an_answer_that_is_not_http_never_harms_the_hub(hub, sink, raw):
    sink.on("/", Reply(raw=raw), 200)
    hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "delivered")


@pytest.mark.parametrize("line", [b"HTTP/one.one OK 200", b"HTTP/1.1 200OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 2000 Many", b"HTTP/1.1 20", b"HTTP/7 200 OK", b"ICY 200 OK"])
def test_an_answer_without_a_status_line_delivers_nothing(hub, sink, line):
    sink.on("/", Reply(raw=line + b"\r\nContent-Length: 0\r\n\r\n"))
    hub.endpoint(sink.url(), retry={"max_attempts": 1})
    (attempt,) = hub.wait_delivery(hub.publish(), "dead")["attempts"]
    assert attempt["failure"] == "protocol"


def test_interim_answers_are_passed_over(hub, sink):
    sink.on("/", Reply(raw=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"))
    hub.endpoint(sink.url(), retry={"max_attempts": 1})
    hub.wait_delivery(hub.publish(), "delivered")


def test_an_answer_of_nothing_but_chunk_extensions_ends_by_itself(hub):
    """Nobody is shown them, and they may be endless: the headers decide, long before the time is up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def flood():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
                while True:
                    connection.sendall(b"x" * 65536)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        hub.endpoint(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_ms=120000, retry={"max_attempts": 1})
        hub.wait_delivery(hub.publish(), "delivered")


def test_attempts_tell_what_happened(hub, sink):
    sink.on("/", Reply(500, body=b"database is down"), 200)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    first, second = delivery["attempts"]
    assert (first["number"], second["number"]) == (1, 2)
    assert first["response"] == "database is down"
    assert "500" in first["detail"]
    assert moment(first["started_at"]) <= moment(second["started_at"])
    assert first["duration_ms"] >= 0


@pytest.mark.parametrize("size, kept", [(4096, 4096), (4097, 4096), (300_000, 4096)])
def test_response_is_captured_up_to_4_kib(hub, sink, size, kept):
    sink.on("/", Reply(500, body=b"x" * size), 200)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert delivery["attempts"][0]["response"] == "x" * kept


def test_response_that_is_not_text_does_not_break_the_answer(hub, sink):
    sink.on("/", Reply(500, body=bytes(range(256))), 200)
    hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert "response" in delivery["attempts"][0]


def test_exhausted_delivery_becomes_a_dead_letter(hub, sink):
    sink.on("/", 503)
    hub.endpoint(sink.url(), retry={"schedule_ms": [5, 5, 5]})
    event = hub.publish()
    delivery = hub.wait_delivery(event, "dead")
    assert (delivery["reason"], delivery["attempt_count"]) == ("exhausted", 4)
    assert len(sink.received()) == 4
    (letter,) = hub.dead_letters()
    assert letter["id"] == delivery["id"]
    assert letter["last_attempt"]["status"] == 503


def test_exponential_policy_gives_up_after_its_attempts(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"base_ms": 1, "factor": 2, "max_attempts": 5, "max_delay_ms": 10, "jitter": 0})
    assert hub.wait_delivery(hub.publish(), "dead")["attempt_count"] == 5


def test_waits_follow_the_schedule(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [50, 300]})
    attempts = hub.wait_delivery(hub.publish(), "dead")["attempts"]
    gaps = [(moment(b["started_at"]) - moment(a["started_at"])).total_seconds() for a, b in zip(attempts, attempts[1:])]
    assert gaps[0] >= 0.049 and gaps[1] >= 0.299


def test_pending_delivery_says_when_it_is_due(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [3_600_000]})
    delivery = hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempt_count"] == 1)
    wait = moment(delivery["due_at"]) - datetime.now(timezone.utc)
    assert timedelta(minutes=58) < wait < timedelta(minutes=61)


def test_gone_disables_the_endpoint(hub, sink):
    sink.on("/", 410)
    endpoint = hub.endpoint(sink.url())
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert (delivery["reason"], delivery["attempt_count"]) == ("gone", 1)
    shown = hub.got(f"/v1/endpoints/{endpoint['id']}")
    assert (shown["status"], shown["status_reason"]) == ("disabled", "gone")
    assert hub.publish()["deliveries"] == 0


@pytest.mark.parametrize("value", ["1", "date"])
def test_retry_after_is_waited_for(hub, sink, value):
    if value == "date":
        at = datetime.now(timezone.utc) + timedelta(seconds=2)
        value = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    sink.on("/", Reply(503, {"Retry-After": value}), 200)
    hub.endpoint(sink.url(), retry={"schedule_ms": [1, 1]})
    first, second = hub.wait_delivery(hub.publish(), "delivered")["attempts"]
    gap = moment(second["started_at"]) - moment(first["started_at"])
    assert gap >= timedelta(seconds=0.9) if value == "1" else moment(second["started_at"]) >= at.replace(microsecond=0)


@pytest.mark.parametrize("status", [301, 429, 500])
def test_retry_after_counts_on_any_status_and_is_clamped(hub, sink, status):
    sink.on("/", Reply(status, {"Retry-After": "86400"}), 200)
    hub.endpoint(sink.url(), retry={"base_ms": 1, "max_delay_ms": 20, "jitter": 0})
    hub.wait_delivery(hub.publish(), "delivered")


@pytest.mark.parametrize("value", ["-1", "1e99", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 50_000, "1.5", ""])
def test_senseless_retry_after_does_no_harm(hub, sink, value):
    sink.on("/", Reply(503, {"Retry-After": value}), 200)
    hub.endpoint(sink.url(), retry={"base_ms": 1, "max_delay_ms": 20, "jitter": 0})
    hub.wait_delivery(hub.publish(), "delivered")


def test_three_endpoints_of_which_one_fails(hub, sink):
    sink.on("/bad", 500)
    endpoints = {path: hub.endpoint(sink.url(path)) for path in ("/one", "/bad", "/two")}
    event = hub.publish()
    assert event["deliveries"] == 3
    for path in ("/one", "/two"):
        assert hub.wait_delivery(event, "delivered", endpoints[path])["attempt_count"] == 1
    assert hub.wait_delivery(event, "dead", endpoints["/bad"])["attempt_count"] == 3
    assert [len(sink.received(p)) for p in ("/one", "/bad", "/two")] == [1, 3, 1]
    assert len({r.headers["grapnel-delivery-id"] for r in sink.received()}) == 3
    assert {r.webhook_id for r in sink.received()} == {event["id"]}


def test_endpoint_that_never_answers_delays_nobody(hub, sink):
    sink.on("/silent", Reply(then="never"))
    hub.endpoint(sink.url("/silent"))
    healthy = hub.endpoint(sink.url("/healthy"))
    events = [hub.publish(data=n) for n in range(50)]
    for event in events:
        hub.wait_delivery(event, "delivered", healthy)
    assert len(sink.received("/silent")) == 8, "the default window"


def test_endpoint_that_never_accepts_delays_nobody(hub, sink):
    """A listener whose queue is full: connecting to it hangs."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        hub.endpoint(f"http://127.0.0.1:{full.getsockname()[1]}/")
        healthy = hub.endpoint(sink.url())
        for event in [hub.publish(data=n) for n in range(30)]:
            hub.wait_delivery(event, "delivered", healthy)
        for filler in fillers:
            filler.close()


def test_attempt_ends_at_the_timeout(hub, sink):
    sink.on("/", Reply(then="never"), 200)
    hub.endpoint(sink.url(), timeout_ms=200)
    first = hub.wait_delivery(hub.publish(), "delivered")["attempts"][0]
    assert first["failure"] == "timeout"
    assert 190 <= first["duration_ms"]


@pytest.mark.parametrize("status, state", [(200, "delivered"), (500, "dead")])
def test_timeout_covers_a_body_that_never_ends(hub, status, state):
    """The headers come at once, a byte of the body now and then for ever. The headers decide what it was; the slot is free again."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 %d Dripping\r\nContent-Length: 100000\r\n\r\n" % status)
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        hub.endpoint(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_ms=300, retry={"max_attempts": 1})
        delivery = hub.wait_delivery(hub.publish(), state)
        stop.set()
        thread.join()
    (attempt,) = delivery["attempts"]
    assert attempt["status"] == status
    assert attempt["duration_ms"] >= 290


@pytest.mark.parametrize("window", [1, 3])
def test_no_more_are_in_flight_than_the_window_allows(hub, sink, window):
    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    hub.endpoint(sink.url(), max_in_flight=window)
    events = [hub.publish(data=n) for n in range(12)]
    sink.wait_for(window)
    probe = hub.endpoint(sink.url("/probe"), ["probe"])
    hub.wait_delivery(hub.publish("probe"), "delivered", probe)
    assert len(sink.received("/")) == window
    gate.set()
    sink.wait_for(12, "/")
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert sink.peak["/"] <= window


def test_connections_are_reused(hub, sink):
    hub.endpoint(sink.url(), max_in_flight=1)
    for n in range(10):
        hub.wait_delivery(hub.publish(data=n), "delivered")
    assert len({r.connection for r in sink.received()}) == 1


def test_deliver_at_is_waited_for(hub, sink):
    hub.endpoint(sink.url())
    at = later(milliseconds=700)
    event = hub.publish(deliver_at=at)
    soon = hub.publish(data="soon")
    hub.wait_delivery(soon, "delivered")
    assert hub.delivery(event)["state"] == "pending" or moment(at) <= datetime.now(timezone.utc)
    delivery = hub.wait_delivery(event, "delivered")
    assert moment(delivery["attempts"][0]["started_at"]) >= moment(at)


def test_deliver_at_survives_a_restart(hub, sink):
    hub.endpoint(sink.url())
    at = later(seconds=2)
    event = hub.publish(deliver_at=at)
    hub.restart()
    delivery = hub.wait_delivery(event, "delivered")
    assert moment(delivery["attempts"][0]["started_at"]) >= moment(at)


def test_expires_at_ends_a_delivery_that_keeps_failing(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [60_000]})
    delivery = hub.wait_delivery(hub.publish(expires_at=later(milliseconds=800)), "dead")
    assert delivery["reason"] == "expired"
    assert delivery["attempt_count"] == 1


def test_expires_at_ends_a_delivery_that_waits_at_a_paused_endpoint(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    delivery = hub.wait_delivery(hub.publish(expires_at=later(milliseconds=800)), "dead")
    assert (delivery["reason"], delivery["attempt_count"]) == ("expired", 0)
    assert sink.received() == []


def test_max_age_ends_a_delivery(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"base_ms": 100, "factor": 1, "max_attempts": 100, "jitter": 0, "max_age_ms": 1000})
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert delivery["reason"] == "expired"
    assert 1 <= delivery["attempt_count"] <= 12


def test_cancelled_delivery_is_not_sent(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [3_600_000]})
    event = hub.publish()
    delivery = hub.wait_delivery(event, "pending", where=lambda d: d["attempt_count"] == 1)
    answer = hub.api("POST", f"/v1/deliveries/{delivery['id']}/cancel")
    assert (answer.status, answer.json["state"]) == (200, "cancelled"), answer
    assert hub.wait_delivery(event, "cancelled")["reason"] == "cancelled"
    again = hub.api("POST", f"/v1/deliveries/{delivery['id']}/cancel")
    assert (again.status, again.code) == (409, "wrong_state")
    assert len(sink.received()) == 1


def test_pending_delivery_can_be_hastened_by_hand(hub, sink):
    sink.on("/", 500, 200)
    hub.endpoint(sink.url(), retry={"schedule_ms": [3_600_000]})
    event = hub.publish()
    delivery = hub.wait_delivery(event, "pending", where=lambda d: d["attempt_count"] == 1)
    assert hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry").status == 200
    assert hub.wait_delivery(event, "delivered")["attempt_count"] == 2


def test_retry_by_hand_reopens_the_same_delivery(hub, sink):
    sink.on("/", 500, 500, 500, 500, 200)
    hub.endpoint(sink.url(), retry=FAST_RETRY)
    event = hub.publish()
    dead = hub.wait_delivery(event, "dead")
    assert hub.api("POST", f"/v1/deliveries/{dead['id']}/retry").status == 200
    delivery = hub.wait_delivery(event, "delivered")
    assert delivery["id"] == dead["id"]
    assert [a["number"] for a in delivery["attempts"]] == [1, 2, 3, 4, 5]
    assert {r.webhook_id for r in sink.received()} == {event["id"]}
    assert [r.attempt for r in sink.received()] == [1, 2, 3, 4, 5]


def test_delivered_one_can_be_sent_again_by_hand(hub, sink):
    hub.endpoint(sink.url())
    event = hub.publish()
    delivery = hub.wait_delivery(event, "delivered")
    assert hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry").status == 200
    sink.wait_for(2)
    assert hub.wait_delivery(event, "delivered", where=lambda d: d["attempt_count"] == 2)["id"] == delivery["id"]


def test_retry_past_its_expiry_is_an_error(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), retry={"schedule_ms": [60_000]})
    event = hub.publish(expires_at=later(milliseconds=500))
    delivery = hub.wait_delivery(event, "dead")
    retry = f"/v1/deliveries/{delivery['id']}/retry"
    refused = eventually(lambda: (lambda a: a if a.status != 200 else None)(hub.api("POST", retry)), "the event's expiry")
    assert (refused.status, refused.code) == (409, "expired")


def test_retry_towards_a_disabled_or_deleted_endpoint_is_an_error(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url())
    event = hub.publish()
    delivery = hub.wait_delivery(event, "dead")
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    answer = hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry")
    assert (answer.status, answer.code) == (409, "endpoint_disabled")
    hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}")
    answer = hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry")
    assert (answer.status, answer.code) == (409, "wrong_state"), answer
    assert hub.delivery(event)["state"] == "dead"


def test_name_that_does_not_resolve_is_retried(hub):
    hub.endpoint("http://does-not-exist.invalid/", retry={"schedule_ms": [3_600_000]})
    delivery = hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempt_count"] == 1)
    assert delivery["attempts"][0]["failure"] == "dns"


def test_https_to_a_server_without_tls_is_a_tls_failure_and_never_falls_back(hub, sink):
    hub.endpoint(sink.url().replace("http://", "https://"))
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert {a["failure"] for a in delivery["attempts"]} == {"tls"}
    assert sink.received() == []
