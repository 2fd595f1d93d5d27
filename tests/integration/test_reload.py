"""A reload: what a running hub takes of changed options, what it says of the others, and that an error changes nothing."""

import http.client
import json
import os
import re
import signal
import threading

import pytest

from hub import eventually, run
from sink import Reply

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3
TABLE = os.path.join(os.path.dirname(__file__), "..", "..", "src", "conf", "options.def")


class Options:
    """The option file of a hub, written anew for each reload."""

    def __init__(self, hub):
        self.hub, self.path = hub, os.path.join(hub.data, "grapnel.conf")

    def write(self, text):
        with open(self.path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self

    def reload(self, text, *arguments):
        """By the command line; the exit code and the report."""
        self.write(text)
        done = run("reload", "--data", self.hub.data, "--json", *arguments)
        return done.returncode, json.loads(done.stdout)

    def takes(self, text, *changed, restart=()):
        code, report = self.reload(text)
        assert (code, report["findings"], report["reloaded"]) == (OK, [], True), report
        assert (set(report["changed"]), set(report["restart"])) == (set(changed), set(restart)), report


@pytest.fixture
def options(make_hub):
    hub = make_hub(allow=None)
    return Options(hub)


def test_limits_count_at_once(options):
    hub = options.hub
    event = {"type": "a", "data": "x" * 3000}
    assert hub.api("POST", "/v1/events", event).status == 202
    options.takes("[limits]\nitem = 2KiB\nbatch = 2\ndepth = 3\n", "limits.item", "limits.batch", "limits.depth")
    assert hub.api("POST", "/v1/events", event).status == 413
    small = {"type": "a", "data": 1}
    assert hub.api("POST", "/v1/events", [small] * 3).status in (413, 422)
    assert hub.api("POST", "/v1/events", {"type": "a", "data": [[[[1]]]]}).status >= 400
    options.takes("[limits]\nrequest = 1KiB\n", "limits.item", "limits.batch", "limits.depth", "limits.request")
    assert hub.api("POST", "/v1/events", event).status == 413
    options.takes("", "limits.request")
    assert hub.api("POST", "/v1/events", [event] * 3).status == 202


def test_log_level_and_format(options):
    hub = options.hub
    options.takes("[log]\nlevel = error\n", "log.level")
    seen = len(hub.log())
    options.takes("[log]\nlevel = info\nformat = json\n", "log.level", "log.format")
    said = [json.loads(line) for line in hub.log()[seen:].splitlines()]
    assert said[0]["message"] == "reloaded: log.level, log.format"


def test_rates_of_addresses_begin_and_end(options):
    hub = options.hub
    options.takes("[http]\nrequests_per_ip = 1\nkey_failures_per_ip = 1\n", "http.requests_per_ip", "http.key_failures_per_ip")
    answers = [hub.api("GET", "/v1/stats") for _ in range(5)]
    assert 429 in [a.status for a in answers]
    assert "more than 1 requests" in next(a for a in answers if a.status == 429).json["detail"]
    options.takes("[http]\nkey_failures_per_ip = 1\n", "http.requests_per_ip")
    assert {hub.api("GET", "/v1/stats").status for _ in range(20)} == {200}
    assert [hub.api("GET", "/v1/stats", key="gk_wrong").status for _ in range(2)] == [401, 429]
    options.takes("", "http.key_failures_per_ip")
    assert hub.api("GET", "/v1/stats", key="gk_wrong").status == 401


def test_trusted_proxies(options):
    hub = options.hub

    def address():
        hub.made("/v1/keys", {"scopes": ["read"]})
        answer = hub.api("POST", "/v1/keys", {"scopes": ["read"]}, headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status == 201
        return hub.got("/v1/audit?limit=1")["data"][0]["address"]

    assert address() == "127.0.0.1"
    options.takes("[http]\ntrusted_proxies = 127.0.0.1\n", "http.trusted_proxies")
    assert address() == "203.0.113.9"
    options.takes("", "http.trusted_proxies")
    assert address() == "127.0.0.1"


def test_connections_of_an_address(options):
    hub = options.hub
    options.takes("[http]\nconnections_per_ip = 1\n", "http.connections_per_ip")
    one, two = hub.connect(), hub.connect()
    one.request("GET", "/healthz")
    assert one.getresponse().read()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        two.request("GET", "/healthz")
        two.getresponse()
    one.close()
    two.close()
    options.takes("", "http.connections_per_ip")


def test_allow_lists_open_and_close(options, sink):
    hub = options.hub
    refused = hub.api("POST", "/v1/endpoints", {"url": sink.url("/hook"), "event_types": ["*"]})
    assert refused.status == 422
    options.takes("[egress]\nallow = 127.0.0.0/8\n", "egress.allow")
    hub.endpoint(sink.url("/hook"), uid="hook", retry={"schedule_ms": [1]})
    hub.wait_delivery(hub.publish(), "delivered")
    options.takes("[egress]\nallow = 127.0.0.0/8\ndeny = 127.0.0.1\n", "egress.deny")
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert delivery["last_attempt"]["failure"] == "address_denied", delivery
    options.takes("[egress]\nallow = 127.0.0.0/8\n", "egress.deny")
    hub.wait_delivery(hub.publish(), "delivered")


def test_rejections_and_disabling(options, sink):
    hub = options.hub
    hub.made("/v1/sources", {"uid": "door", "scheme": "github", "secret": "the secret of github"})
    options.takes(
        "[rejections]\nper_source = 0\n[egress]\nallow = 127.0.0.0/8\n[disable]\nafter = 1ms\nattempts = 2\n[breaker]\nwait = 0ms\n",
        "rejections.per_source", "egress.allow", "disable.after", "disable.attempts")
    assert hub.api("POST", "/in/door", {}, key=None).status in (400, 401, 403)
    sink.on("/bad", 500)
    hub.endpoint(sink.url("/bad"), uid="bad", retry={"schedule_ms": [5, 5, 5, 5]}, breaker=False)
    hub.publish()
    eventually(lambda: hub.got("/v1/endpoints/bad")["status"] == "disabled", "the endpoint is disabled")
    assert hub.got("/v1/rejections")["data"] == []
    options.takes("[egress]\nallow = 127.0.0.0/8\n", "rejections.per_source", "disable.after", "disable.attempts")
    assert hub.api("POST", "/in/door", {}, key=None).status in (400, 401, 403)
    eventually(lambda: hub.got("/v1/rejections")["data"], "the refused request is kept")


def test_defaults_of_endpoints_that_leave_them_unset(options, sink):
    hub = options.hub
    options.takes("[egress]\nallow = 127.0.0.0/8\n", "egress.allow")
    sink.on("/bad", 500)
    hub.made("/v1/endpoints", {"uid": "plain", "url": sink.url("/bad"), "event_types": ["*"]})
    hub.endpoint(sink.url("/bad"), uid="own", timeout_ms=5000, max_in_flight=3, retry={"max_attempts": 7}, breaker={"max_failures": 99})
    options.takes(
        "[egress]\nallow = 127.0.0.0/8\n[delivery]\ntimeout = 7s\nmax_in_flight = 2\n[retry]\nmax_attempts = 2\nbase = 1ms\n[breaker]\nfailures = 50\n",
        "delivery.timeout", "delivery.max_in_flight", "retry.max_attempts", "retry.base", "breaker.failures")
    plain, own = hub.got("/v1/endpoints/plain"), hub.got("/v1/endpoints/own")
    assert (plain["timeout_ms"], plain["max_in_flight"], plain["retry"]["max_attempts"], plain["breaker"]["max_failures"]) == (7000, 2, 2, 50)
    assert (own["timeout_ms"], own["max_in_flight"], own["retry"]["max_attempts"], own["breaker"]["max_failures"]) == (5000, 3, 7, 99)
    delivery = hub.wait_delivery(hub.publish(), "dead", endpoint=plain)
    assert (delivery["reason"], len(delivery["attempts"])) == ("exhausted", 2)
    options.takes("[egress]\nallow = 127.0.0.0/8\n", "delivery.timeout", "delivery.max_in_flight", "retry.max_attempts", "retry.base", "breaker.failures")
    assert hub.got("/v1/endpoints/plain")["timeout_ms"] == 15000


def test_a_wider_window_lets_more_begin(options, sink):
    hub = options.hub
    gate = sink.gate()
    sink.on("/slow", Reply(200, gate=gate))
    options.takes("[egress]\nallow = 127.0.0.0/8\n[delivery]\nmax_in_flight = 1\n", "egress.allow", "delivery.max_in_flight")
    hub.endpoint(sink.url("/slow"), uid="slow")
    for _ in range(4):
        hub.publish()
    sink.wait_for(1, "/slow")
    options.takes("[egress]\nallow = 127.0.0.0/8\n[delivery]\nmax_in_flight = 3\n", "delivery.max_in_flight")
    sink.wait_for(3, "/slow")
    gate.set()
    sink.wait_for(4, "/slow")


def test_what_needs_a_start_is_named_and_waits(options):
    hub = options.hub
    options.takes("[session]\nidle = 2h\n[log]\nlevel = debug\n", "log.level", restart=["session.idle"])
    assert "changed, and taken at the next start: session.idle" in hub.log()
    options.takes("[session]\nidle = 2h\n[log]\nlevel = debug\n", restart=["session.idle"])
    options.takes("[log]\nlevel = debug\n")
    audit = hub.got("/v1/audit?action=hub.reload&order=asc")["data"]
    assert audit[0]["after"] == {"changed": ["log.level"], "restart": ["session.idle"]} and audit[0]["actor"]["kind"] == "local"


@pytest.mark.parametrize(
    "text, finding",
    [
        ("[limits]\nitem = 2KiB\nitme = 3KiB\n", "grapnel.conf:3: unknown option limits.itme; did you mean limits.item?"),
        ("[limits]\nitem = 2KiB\nbatch = many\n", 'grapnel.conf:3: limits.batch cannot be "many"'),
        (b"[limits]\nitem = 2KiB\nbatch = \xff\n", 'grapnel.conf:3: limits.batch cannot be "\\xff"'),
        ("[limits]\nitem = 2KiB\n[egress]\nallow = 10.0.0.0/99\n", "egress.allow"),
        ("[limits]\nitem = 2KiB\n[http]\ntrusted_proxies = nobody\n", "http.trusted_proxies"),
        ("[limits]\nitem = 2KiB\n[tls]\ncertificate = none.pem\nkey = none.key\n", "tls.certificate: none.pem cannot be used"),
    ],
)
def test_an_error_changes_nothing_and_is_told(options, text, finding):
    hub = options.hub
    assert hub.admin, "made while the file is good"
    event = {"type": "a", "data": "x" * 3000}
    code, report = options.reload(text)
    assert code == FAILED and report["reloaded"] is False and len(report["findings"]) == 1, report
    assert finding in report["findings"][0]
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: "nothing was reloaded" in hub.log(), "the refusal in the log")
    assert finding in hub.log()
    assert hub.api("POST", "/v1/events", event).status == 202, "limits.item is what it was"
    assert not hub.got("/v1/audit?action=hub.reload")["data"]
    done = run("reload", "--data", hub.data)
    assert done.returncode == FAILED and finding in done.stderr and done.stdout == ""
    options.takes("")


def test_everything_that_is_wrong_is_told_at_once(options):
    _, report = options.reload("[limits]\nitem = 0\nbatch = no\nwhat = 1\n[log]\nlevel = loud\n")
    assert len(report["findings"]) == 4


def test_a_signal_does_the_same(options):
    hub = options.hub
    options.write("[limits]\nitem = 2KiB\n")
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reloaded: limits.item" in hub.log(), "the line of the reload")
    assert hub.api("POST", "/v1/events", {"type": "a", "data": "x" * 3000}).status == 413
    eventually(lambda: [c["actor"]["kind"] for c in hub.got("/v1/audit?action=hub.reload")["data"]] == ["hub"], "the audit")
    options.write("[limits]\nitem = 2\n")
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: "nothing was reloaded" in hub.log(), "the refusal")


def test_a_file_that_is_gone_changes_nothing(options):
    """Or egress.allow and all else would be the default in silence."""
    hub = options.hub
    options.takes("[limits]\nitem = 2KiB\n", "limits.item")
    os.unlink(options.path)
    done = run("reload", "--data", hub.data)
    assert done.returncode == FAILED and f"{options.path} is gone" in done.stderr
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: hub.log().count("nothing was reloaded") == 2, "the refusal in the log")
    assert hub.api("POST", "/v1/events", {"type": "a", "data": "x" * 3000}).status == 413
    options.takes("", "limits.item")


def test_a_pipe_as_option_file_is_refused_and_stops_nothing(options):
    hub = options.hub
    os.mkfifo(options.path)
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: f"{options.path} is no regular file" in hub.log(), "the refusal in the log")
    hub.terminate()


def test_arguments_go_before_the_file_in_a_reload_too(make_hub):
    hub = make_hub("--limits-item", "1MiB")
    Options(hub).takes("[limits]\nitem = 2KiB\nbatch = 5\n", "limits.batch")
    assert hub.api("POST", "/v1/events", {"type": "a", "data": "x" * 3000}).status == 202


def test_dry_run_changes_nothing(options):
    code, report = options.reload("[limits]\nitem = 2KiB\n[session]\nidle = 2h\n", "--dry-run")
    assert (code, report["reloaded"], report["changed"], report["restart"]) == (OK, False, ["limits.item"], ["session.idle"])
    assert options.hub.api("POST", "/v1/events", {"type": "a", "data": "x" * 3000}).status == 202
    said = run("reload", "--dry-run", "--data", options.hub.data)
    assert said.stdout == "a reload would take: limits.item\nchanged, and taken at the next start: session.idle\n"


def test_without_a_hub_there_is_nothing_to_reload(hub):
    hub.terminate()
    done = run("reload", "--data", hub.data)
    assert done.returncode == UNAVAILABLE, done


def test_every_option_is_taken_or_named(options):
    """Each gets another value; those of OPTION_LIVE are taken, the others are named. The file is read as a whole, so one reload does for all."""
    other = {"NUMBER": "17", "MILLISECONDS": "90s", "BYTES": "17MiB", "REAL": "0.5"}
    special = {"egress.allow": "10.0.0.0/8", "egress.deny": "192.0.2.0/24", "egress.ports": "443", "egress.proxy": "http://proxy.example:3128", "egress.source": "127.0.0.1",
               "http.trusted_proxies": "192.0.2.1", "retry.factor": "2", "dedupe.keys": "2000000", "endpoints.origin": "hooks.example.com", "cloudevents.source": "/other"}
    left_out = {"data", "config", "url", "key", "listen", "tls.certificate", "tls.key", "master_key.file", "egress.authorities"}
    rows = []
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            row = re.match(r'(OPTION|OPTION_LIVE)\(\w+, "([^"]+)", (\w+), "([^"]*)", "([^"]*)"', line)
            if row:
                rows.append(row.groups())
    lines, live, start = {}, set(), set()
    for kind, name, type, default, accepted in rows:
        if name in left_out or name == "stop.deadline":
            continue
        value = special.get(name) or other.get(type)
        if type == "SWITCH":
            value = "no" if default == "yes" else "yes"
        elif type == "CHOICE":
            value = next(w for w in accepted.split(" | ") if w != default)
        elif value is None and name.startswith("listen."):
            value = "127.0.0.1:1" + str(len(name))
        elif value is None:
            continue
        section, key = name.rsplit(".", 1) if "." in name else ("", name)
        lines.setdefault(section, []).append(f"{key} = {value}")
        (live if kind == "OPTION_LIVE" else start).add(name)
    text = "".join((f"[{section}]\n" if section else "") + "\n".join(found) + "\n" for section, found in sorted(lines.items()))
    code, report = options.reload(text)
    assert report["findings"] == [], report
    given = {"breaker.wait"}  # by the arguments of the tests' hub
    assert set(report["changed"]) == live - given
    assert set(report["restart"]) == start - given


def test_reloads_beside_traffic(make_hub, sink):
    """What is changed is read at the same time by all threads: here for ThreadSanitizer."""
    hub = make_hub()
    hub.endpoint(sink.url("/hook"), uid="hook")
    options = Options(hub)
    stop, wrong = threading.Event(), []

    def publish():
        while not stop.is_set():
            answer = hub.api("POST", "/v1/events", {"type": "a", "data": "x" * 500})
            if answer.status not in (202, 413, 429):
                wrong.append(answer)

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(10):
        code, report = options.reload(f"[limits]\nitem = {i + 1}KiB\ndepth = {100 + i}\n[http]\ntrusted_proxies = 192.0.2.{i}\nrequests_per_ip = {10000 + i}\ndeadline = {20 + i}s\n"
                                      f"[egress]\ndeny = 192.0.2.{i}\n[retention]\nrejections = {i + 1}h\n[disable]\nafter = {i + 1}h\n[operational]\ninterval = {i + 1}s\n[delivery]\ntimeout = {i + 1}s\nmax_in_flight = {i + 1}\n[retry]\nbase = {i + 1}s\n[breaker]\nfailures = {i + 5}\n[log]\nlevel = {'debug' if i % 2 else 'warn'}\n")
        assert code == OK, report
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
