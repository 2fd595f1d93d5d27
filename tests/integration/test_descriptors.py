"""A hub that is short of file descriptors: it serves what it can, no delivery pays for it, and all goes on once there are some.

The limit of the running process is lowered and raised by prlimit(): below the number of what is open, nothing more can be opened.
"""

import http.client
import json
import os
import resource
import socket
import subprocess

import pytest

import hub as hubs
from hub import eventually, sanitizer
from sink import Reply

pytestmark = pytest.mark.skipif(sanitizer() == "tsan", reason="the sanitizer needs descriptors of its own")

NONE = 3


def limit_of(hub):
    return resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE)


def set_limit(hub, soft):
    resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE, (soft, limit_of(hub)[1]))


def start_limited(make_hub, monkeypatch, soft, hard):
    """A hub that was given these limits by whoever started it."""
    hub = make_hub(start=False)
    hard = min(hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    class Limited(subprocess.Popen):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, preexec_fn=limit, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(hubs.subprocess, "Popen", Limited)
        hub.spawn()
    return hub.wait_ready()


class Kept:
    """A connection to the hub that stays, so that it can be asked when it accepts no other."""

    def __init__(self, hub):
        self.hub = hub
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
        self.api("GET", "/healthz")

    def api(self, method, path, body=None):
        self.connection.request(method, path, body=json.dumps(body) if body else None,
            headers={"Authorization": f"Bearer {self.hub.admin}", "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def test_soft_limit_is_raised_to_the_hard_one(make_hub, monkeypatch):
    hub = start_limited(make_hub, monkeypatch, 128, 16384)
    soft, hard = limit_of(hub)
    assert soft == hard > 128
    if hard == 16384:
        assert "files may be open" not in hub.log()


def test_what_does_not_fit_is_lowered_with_a_warning(make_hub, monkeypatch):
    hub = start_limited(make_hub, monkeypatch, 256, 256)
    warning = next(line for line in hub.log().splitlines() if "files may be open" in line)
    assert "WARN" in warning and "256" in warning
    assert "http.connections is held to" in warning and "delivery.live to" in warning


def test_silent_endpoints_leave_descriptors_for_a_healthy_one(make_hub, sink, monkeypatch):
    hub = start_limited(make_hub, monkeypatch, 256, 256)
    sink.on("/silent", Reply(then="never"))
    for _ in range(2):
        hub.endpoint(sink.url("/silent"), ["silent.*"], max_in_flight=1000, timeout_ms=500)
    healthy = hub.endpoint(sink.url("/healthy"), ["healthy.*"], retry={"schedule_ms": [10]})
    for _ in range(10):
        answer = hub.api("POST", "/v1/events", [{"type": "silent.x", "data": n} for n in range(20)])
        assert answer.status == 202, answer
    events = [hub.publish("healthy.x") for _ in range(20)]
    for event in events:
        assert len(hub.wait_delivery(event, "delivered", healthy)["attempts"]) == 1
    assert "no file descriptor" not in hub.log()


def test_delivery_without_a_socket_uses_up_no_attempt(hub, sink):
    endpoint = hub.endpoint(sink.url("/in"), retry={"schedule_ms": [10]})
    kept = Kept(hub)
    soft = limit_of(hub)[0]
    set_limit(hub, NONE)
    status, event = kept.api("POST", "/v1/events", {"type": "a.b", "data": 1})
    assert status == 202, event
    eventually(lambda: hub.log().count("no file descriptor") >= 2, "a warning that comes again")
    status, rows = kept.api("GET", f"/v1/events/{event['id']}/deliveries")
    assert status == 200 and [(d["state"], d["attempt_count"]) for d in rows["data"]] == [("pending", 0)], rows
    set_limit(hub, soft)
    delivery = hub.wait_delivery(event, "delivered", endpoint)
    assert [a["status"] for a in delivery["attempts"]] == [200]


def test_backlog_that_cannot_be_sent_rests_and_is_sent_whole(hub, sink):
    """More rows than a lane keeps in memory: they must not be read and tried again without a pause."""
    hub.endpoint(sink.url("/in"), retry={"schedule_ms": [10]}, max_in_flight=100)
    kept = Kept(hub)
    soft = limit_of(hub)[0]
    set_limit(hub, NONE)
    status, answer = kept.api("POST", "/v1/events", [{"type": "a.b", "data": n} for n in range(800)])
    assert status == 202, answer
    eventually(lambda: hub.log().count("no file descriptor") >= 1, "a warning")
    before, looks = processor_ticks(hub), hub.log().count("no file descriptor")
    eventually(lambda: hub.log().count("no file descriptor") >= looks + 3, "three more warnings")
    assert processor_ticks(hub) - before < 2 * os.sysconf("SC_CLK_TCK"), "it is busy with what it cannot send"
    set_limit(hub, soft)
    sink.wait_for(800, "/in")
    assert hub.dead_letters() == []


def processor_ticks(hub):
    with open(f"/proc/{hub.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def answers(connection):
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    return connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def connect_in_vain(hub, kept):
    """A connection that the hub cannot accept; its answer on another one tells that it has tried."""
    soft = limit_of(hub)[0]
    set_limit(hub, NONE)
    waiting = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
    kept.api("GET", "/healthz")
    set_limit(hub, soft)
    return waiting


def test_hub_accepts_again_when_a_connection_has_ended(hub):
    kept = Kept(hub)
    idle = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
    assert answers(idle)
    with connect_in_vain(hub, kept) as waiting:
        idle.close()
        assert answers(waiting)
    assert hub.got("/readyz", key=None)


def test_hub_accepts_again_although_no_connection_ends(hub):
    kept = Kept(hub)
    with connect_in_vain(hub, kept) as waiting:
        assert answers(waiting)
        assert kept.api("GET", "/healthz")[0] == 200
    assert hub.got("/readyz", key=None)


def test_all_connections_used_by_idle_clients_that_leave(make_hub, monkeypatch):
    """As many as the limit allows and more: once they are gone, the hub answers as ever."""
    hub = start_limited(make_hub, monkeypatch, 128, 128)
    hub.admin
    idle = [socket.create_connection(("127.0.0.1", hub.port), timeout=30) for _ in range(200)]
    assert answers(idle[0])
    for one in idle:
        one.close()
    assert hub.api("GET", "/readyz", key=None).status == 200
    assert hub.publish()["id"]
