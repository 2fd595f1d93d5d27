"""grapnel listen: events as they come, passed on to a local program, and nothing missed while the hub is away."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from hub import BINARY, check_reports, environment, new_secret, run
from sink import BOUND, Reply


class Listener:
    """grapnel listen as a process; what it prints is waited for, line by line."""

    def __init__(self, hub, *options, env=None):
        where = ["--data", hub.data] if env is None else []
        self._changed = threading.Condition()
        self.out, self.err = [], []
        self.process = subprocess.Popen([BINARY, "listen", *map(str, options), *where], env=environment(env), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._threads = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def _wait(self, lines, holds, what, bound):
        with self._changed:
            found = self._changed.wait_for(lambda: holds(lines), bound)
            assert found, f"{what} did not come within {bound} s; out: {self.out}, err: {self.err}"

    def wait_out(self, count, bound=BOUND):
        self._wait(self.out, lambda lines: len(lines) >= count, f"{count} lines", bound)
        return list(self.out)

    def wait_state(self, pattern, times=1, bound=BOUND):
        self._wait(self.err, lambda lines: sum(bool(re.search(pattern, l)) for l in lines) >= times, pattern, bound)
        return self

    def wait_listening(self):
        return self.wait_state("listening")

    def end(self, code=0, with_signal=signal.SIGINT):
        if self.process.poll() is None and with_signal:
            self.process.send_signal(with_signal)
        ended = self.process.wait(BOUND)
        for thread in self._threads:
            thread.join(BOUND)
        self.process.stdout.close()
        self.process.stderr.close()
        check_reports("\n".join(self.err))
        assert ended == code, (ended, self.err)
        return self


@pytest.fixture
def listen(request):
    """Starts listeners on a hub; they are ended before the hub is."""
    request.getfixturevalue("make_hub")
    made = []

    def start(hub, *options, **keywords):
        made.append(Listener(hub, *options, **keywords))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.end()


def ids(lines):
    return [re.search(r"evt_[0-9a-z]{13}", line).group() for line in lines]


def test_a_published_event_is_shown_within_a_second(hub, listen):
    listener = listen(hub).wait_listening()
    for n in range(3):
        event = hub.publish("order.created", {"n": n}, uid=f"u{n}")
        begun = time.monotonic()
        line = listener.wait_out(n + 1)[n]
        assert time.monotonic() - begun < 1
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT[0-9:.]+Z  order\.created  {event['id']}  u{n}  8 B", line), line
    listener.end()
    assert "3 events" in listener.err[-1]


def test_only_what_an_endpoint_with_these_types_would_get(hub, listen):
    hub.subscriber("acme")
    some = listen(hub, "--types", "order.*,user.made", "--json").wait_listening()
    acme = listen(hub, "--subscriber", "acme", "--json").wait_listening()
    every = listen(hub, "--subscriber", "*", "--types", "order.**", "--json").wait_listening()
    wanted = [hub.publish("order.created"), hub.publish("user.made")]
    hub.publish("order.line.added")
    hub.publish("bill.sent")
    hers = hub.publish("order.created", subscriber="acme")
    last = hub.publish("order.paid")
    assert [json.loads(l)["id"] for l in some.wait_out(3)] == [e["id"] for e in (*wanted, last)]
    assert [json.loads(l)["id"] for l in acme.wait_out(1)] == [hers["id"]]
    assert [json.loads(l)["type"] for l in every.wait_out(4)] == ["order.created", "order.line.added", "order.created", "order.paid"]
    for listener in (some, acme, every):
        listener.end()
    assert len(some.out) == 3 and len(acme.out) == 1 and len(every.out) == 4
    assert any("--subscriber acme" in l for l in some.err), "that something is not shown must be said"


def test_since_replays_what_was_published_before(hub, listen):
    before = [hub.publish("a.b", {"n": n})["id"] for n in range(5)]
    fresh = listen(hub).wait_listening()
    since = listen(hub, "--since", "-1h").wait_listening()
    assert ids(since.wait_out(5)) == before
    assert any("replaying 5" in l for l in since.err)
    after = hub.publish("a.b")["id"]
    assert ids(since.wait_out(6)) == [*before, after]
    assert ids(fresh.wait_out(1)) == [after]


def test_json_lines_are_the_hubs_own_events(hub, listen):
    listener = listen(hub, "--json").wait_listening()
    hub.publish("a.b", uid="u")
    assert json.loads(listener.wait_out(1)[0]) == hub.got("/v1/events")["data"][0]


def test_each_event_is_passed_on_as_a_delivery(hub, listen, sink):
    sink.on("/in", Reply(200), Reply(500), Reply(204))
    listener = listen(hub, "--forward", sink.url("/in"), "--json").wait_listening()
    (secret,) = [re.search(r"whsec_\S+", l).group() for l in listener.err if "whsec_" in l]
    payload = b'{"n": 1.10, "n":12345678901234567890}'
    events = [hub.publish_raw(payload, type="order.created") for _ in range(3)]
    received = sink.wait_for(3, "/in")
    for event, request in zip(events, received):
        assert (request.method, request.body, request.webhook_id) == ("POST", payload, event["id"])
        assert request.headers["grapnel-event-type"] == "order.created"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["grapnel-delivery-id"] == event["id"].replace("evt_", "dlv_")
        assert request.attempt == 1
        assert request.signed_with(secret) and not request.signed_with(new_secret())
    results = [json.loads(l)["forward"] for l in listener.wait_out(3)]
    assert [r["status"] for r in results] == [200, 500, 204]
    assert all(r["duration_ms"] >= 0 for r in results)
    listener.end()
    assert "2 taken by the program, 1 not" in listener.err[-1]
    assert hub.got("/v1/endpoints")["data"] == [], "nothing was registered"


def test_ones_own_secret_signs(hub, listen, sink):
    secret = new_secret()
    listener = listen(hub, "--forward", sink.url("/"), "--secret", secret).wait_listening()
    hub.publish("a.b")
    assert sink.wait_for(1)[0].signed_with(secret)
    assert re.search(r"  -> 200 in \d+ ms$", listener.wait_out(1)[0])


def test_a_program_that_is_not_there_is_said_in_the_line(hub, listen):
    listener = listen(hub, "--forward", "http://127.0.0.1:9/").wait_listening()
    hub.publish("a.b")
    assert "-> failed: " in listener.wait_out(1)[0]


@pytest.mark.parametrize("stop", ["kill9", "terminate"])
def test_what_was_missed_while_the_hub_was_away_is_replayed(hub, listen, sink, stop):
    listener = listen(hub, "--forward", sink.url("/")).wait_listening()
    sent = [hub.publish("a.b", {"n": 0})["id"]]
    listener.wait_out(1)
    begun = time.monotonic()
    getattr(hub, stop)()
    assert time.monotonic() - begun < 10, "a request that waits does not hold up the end of the hub"
    listener.wait_state("lost: ")
    # Into the outbox, while no hub runs: the lock must be free.
    for n in range(3):
        done = run("send", "--type", "a.b", json.dumps({"n": n}), "--data", hub.data)
        assert done.returncode == 0, done.stderr
        sent.append(done.stdout.split()[0])
    hub.start()
    listener.wait_state("connected again: replaying 3 missed")
    listener.wait_state("listening again")
    sent.append(hub.publish("a.b", {"n": 4})["id"])
    assert ids(listener.wait_out(5)) == sent
    listener.end()
    assert ids(listener.out) == sent == [r.webhook_id for r in sink.received()], "each once, in order"
    assert "lost 1 time" in listener.err[-1]


def test_a_hub_that_dies_in_the_middle_of_a_page_repeats_nothing(hub, listen, sink):
    sent = [hub.publish("a.b", {"n": n})["id"] for n in range(3)]
    killed = threading.Event()

    def kill(received):
        if not killed.is_set():
            hub.kill9()
            killed.set()
        return Reply(200)

    sink.on("/", kill)
    listener = listen(hub, "--since", "-1h", "--forward", sink.url("/")).wait_state(": no hub runs|did not answer")
    assert killed.is_set()
    hub.start()
    listener.wait_listening()
    assert ids(listener.wait_out(3)) == sent
    listener.end()
    assert ids(listener.out) == sent == [r.webhook_id for r in sink.received()]


def test_a_hub_that_is_not_there_yet_is_waited_for(make_hub, listen):
    hub = make_hub(start=False)
    os.mkdir(hub.data, 0o700)
    listener = listen(hub).wait_state("no hub runs")
    hub.start()
    listener.wait_listening()
    event = hub.publish("a.b")
    assert ids(listener.wait_out(1)) == [event["id"]]


def test_over_the_network_with_a_key(hub, listen, sink):
    env = {"GRAPNEL_URL": f"http://127.0.0.1:{hub.port}", "GRAPNEL_KEY": hub.key("read")}
    listener = listen(hub, "--forward", sink.url("/"), env=env).wait_listening()
    event = hub.publish("a.b")
    assert ids(listener.wait_out(1)) == [event["id"]]
    hub.kill9()
    listener.wait_state("lost: ")
    hub.start()
    listener.wait_state("listening again")


def test_a_key_that_is_revoked_ends_it(hub, listen):
    made = hub.made("/v1/keys", {"scopes": ["read"]})
    listener = listen(hub, env={"GRAPNEL_URL": f"http://127.0.0.1:{hub.port}", "GRAPNEL_KEY": made["key"]}).wait_listening()
    assert hub.api("DELETE", f"/v1/keys/{made['id']}").status == 204
    hub.publish("a.b")
    listener.end(code=1, with_signal=None)
    assert listener.out == []


def test_a_full_log_is_caught_up_page_by_page(hub, listen):
    for at in range(0, 1300, 650):
        assert hub.api("POST", "/v1/events", [{"type": "a.b", "data": n} for n in range(at, at + 650)]).status == 202
    listener = listen(hub, "--since", "-1h", "--json").wait_listening()
    shown = [json.loads(l)["id"] for l in listener.wait_out(1300)]
    assert shown == [e["id"] for e in hub.pages("/v1/events", order="asc", limit=500)]


@pytest.mark.parametrize("arguments, named", [(("--types", "a..b"), "--types"), (("--forward", "127.0.0.1:9"), "--forward"), (("--secret", "x"), "--forward"),
                                              (("--forward", "http://127.0.0.1:9", "--secret", "x"), "whsec_"), (("order.*",), "order.*")])
def test_wrong_usage_says_what(hub, arguments, named):
    done = run("listen", *arguments, "--data", hub.data)
    assert done.returncode == 2 and named in done.stderr, done.stderr


@pytest.mark.parametrize("arguments, named", [(("--subscriber", "nobody"), "subscriber"), (("--since", "soon"), "?since")])
def test_what_the_hub_refuses_ends_it(hub, arguments, named):
    done = run("listen", *arguments, "--data", hub.data)
    assert done.returncode == 1 and named in done.stderr, done.stderr


def test_a_reader_that_leaves_ends_it(hub, listen):
    listener = subprocess.Popen([BINARY, "listen", "--since", "-1h", "--data", hub.data], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    hub.publish("a.b")
    assert b"evt_" in listener.stdout.readline()
    listener.stdout.close()
    hub.publish("a.b")
    assert listener.wait(BOUND) == 1
