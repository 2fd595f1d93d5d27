"""A grapnel hub as a process, driven only by what a user can reach: the command line, the HTTP API, signals.

GRAPNEL_BIN names the binary. A Hub owns a data folder and a port; it can be stopped, killed and started again on both. Whatever
stops it also looks at how it ended: an unexpected exit code or a sanitizer's report in the log fails the test.
"""

import base64
import http.client
import json as jsonlib
import os
import random
import signal
import socket
import subprocess
import time
from urllib.parse import quote, urlencode

from sink import BOUND, PATIENCE

BINARY = os.path.abspath(os.environ.get("GRAPNEL_BIN", "build/grapnel"))
ADMIN = object()  # "the hub's own admin key", the default of every call
REPORTS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Sanitizer:DEADLYSIGNAL")
LOOPBACK = "127.0.0.0/8"
FAST_RETRY = {"schedule_ms": [20, 20]}  # three attempts, at once


def sanitizer():
    """Which sanitizer the binary was built with: "asan", "tsan" or ""."""
    with open(BINARY, "rb") as file:
        content = file.read()
    return "asan" if b"__asan_init" in content else "tsan" if b"__tsan_init" in content else ""


def free_port():
    """A port outside the range that the kernel gives to clients, so that nobody takes it between two starts of a hub."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def environment(extra=None):
    """The tests' environment without any GRAPNEL_ option, so that a developer's own settings change nothing."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRAPNEL_")}
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":abort_on_error=0:exitcode=99"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1:exitcode=99"
    env["TSAN_OPTIONS"] = env.get("TSAN_OPTIONS", "") + ":halt_on_error=0:exitcode=99:second_deadlock_stack=1"
    env.update(extra or {})
    return env


def run(*arguments, env=None, input=None, bound=BOUND):
    """Runs one grapnel command to its end; stdout and stderr as text."""
    done = subprocess.run([BINARY, *map(str, arguments)], env=environment(env), input=input, capture_output=True, timeout=bound, text=True)
    check_reports(done.stderr)
    return done


def check_reports(log):
    for report in REPORTS:
        if report in log:
            at = log.index(report)
            raise AssertionError("a sanitizer reported:\n" + log[max(0, at - 200) : at + 6000])


def eventually(look, what="it", bound=BOUND):
    """Calls look() until it gives something true and returns that: for states that only asking shows."""
    end = time.monotonic() + bound
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not happen within {bound} s"
        time.sleep(0.01)


class Answer:
    """An HTTP answer: status, headers (lower-case names), body; json, code and pointers of a problem."""

    def __init__(self, status, headers, body):
        self.status = status
        self.header_list = headers
        self.headers = {n.lower(): v for n, v in headers}
        self.body = body

    @property
    def json(self):
        return jsonlib.loads(self.body)

    @property
    def code(self):
        return self.json["code"]

    @property
    def pointers(self):
        return [e["pointer"] for e in self.json.get("errors", [])]

    def __repr__(self):
        return f"{self.status} {self.body[:1500]!r}"


class Hub:
    # What fails is tried again as its retry policy says, however often; tests of breakers give options of their own.
    STANDING = ["--breaker-wait", "0ms"]
    WRAP = []  # a program and its arguments that runs the hub
    pass_fds = ()

    def __init__(self, folder, *options, env=None, allow=LOOPBACK, start=True):
        self.data = os.path.join(str(folder), "data")
        self.log_path = os.path.join(str(folder), "hub.log")
        self.port = free_port()
        self.options = [str(o) for o in options]
        self.env = env or {}
        self.allow = allow
        self.process = None
        self._admin = None
        self._log_seen = 0
        if start:
            self.start()

    # The process.

    def spawn(self, *options, env=None):
        """Starts the process without waiting for it to be ready."""
        command = [*self.WRAP, BINARY, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--stop-deadline", "3s"]
        command += ["--egress-allow", self.allow] if self.allow else []
        command += self.STANDING
        log = open(self.log_path, "ab")
        with log:
            self.process = subprocess.Popen(
                command + self.options + [str(o) for o in options],
                env=environment({**self.env, **(env or {})}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=self.pass_fds,
            )
        return self

    def start(self, *options, env=None):
        self.spawn(*options, env=env)
        return self.wait_ready()

    def wait_ready(self):
        eventually(self._ready_or_dead, "GET /readyz answering 200")
        assert self.process.poll() is None, f"the hub ended with {self.process.returncode} at its start:\n{self.log()[-3000:]}"
        return self

    def _ready_or_dead(self):
        if self.process.poll() is not None:
            return True
        try:
            return self.api("GET", "/readyz", key=None, bound=5 * PATIENCE).status == 200
        except OSError:
            return False

    def terminate(self, code=0, bound=BOUND):
        """SIGTERM; the hub must end with this exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit(code, bound)

    def wait_exit(self, code, bound=BOUND):
        try:
            ended = self.process.wait(bound)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"the hub did not end within {bound} s:\n{self.log()[-3000:]}") from None
        self.process = None
        check_reports(self.log())
        assert ended == code, f"the hub ended with {ended}, not {code}:\n{self.log()[-3000:]}"

    def kill9(self):
        assert self.process.poll() is None, f"the hub had ended with {self.process.returncode} by itself:\n{self.log()[-3000:]}"
        self.process.kill()
        self.process.wait()
        self.process = None
        check_reports(self.log())

    def restart(self, *options, env=None):
        if self.process is not None:
            self.terminate()
        return self.start(*options, env=env)

    def close(self):
        """The end of a test: a hub that still runs must stop cleanly."""
        if self.process is not None and self.process.poll() is None:
            self.terminate()
        elif self.process is not None:
            code, self.process = self.process.returncode, None
            check_reports(self.log())
            raise AssertionError(f"the hub ended by itself with {code}:\n{self.log()[-3000:]}")
        check_reports(self.log())

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode("utf-8", "replace")

    # Keys.

    @property
    def admin(self):
        if self._admin is None:
            made = run("key", "create", "--data", self.data, "--scope", "admin")
            assert made.returncode == 0, made.stderr
            self._admin = made.stdout.strip()
        return self._admin

    def key(self, *scopes, subscriber=None, **fields):
        """A new key's text."""
        if subscriber is not None:
            fields["subscriber"] = subscriber
        return self.made("/v1/keys", {"name": "a test's key", "scopes": list(scopes), **fields})["key"]

    # The API.

    def api(self, method, path, json=None, *, body=None, key=ADMIN, headers=None, bound=BOUND):
        """One request on a connection of its own. `json` is sent as application/json; `body` are bytes, sent as they are."""
        sent = dict(headers or {})
        if key is ADMIN:
            key = self.admin
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key}")
        if json is not None:
            body = jsonlib.dumps(json).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect(bound)
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def connect(self, bound=BOUND, port=None):
        return http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=bound)

    def head(self, method, path, *headers):
        """The bytes of a request's head, with the admin's key, up to and including the empty line."""
        lines = [f"{method} {path} HTTP/1.1", "Host: h", "Content-Type: application/json", f"Authorization: Bearer {self.admin}", *headers]
        return "".join(line + "\r\n" for line in [*lines, ""]).encode()

    def raw(self, request, bound=BOUND):
        """Sends bytes as they are and returns all that comes until the hub closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=bound) as connection:
            connection.sendall(request)
            answer = b""
            while True:
                try:
                    more = connection.recv(65536)
                except ConnectionResetError:
                    return answer
                if not more:
                    return answer
                answer += more

    def got(self, path, key=ADMIN, **query):
        """GET that must succeed; `query` with names like since="-1h"."""
        if query:
            path += "?" + urlencode(query)
        answer = self.api("GET", path, key=key)
        assert answer.status == 200, answer
        return answer.json

    def made(self, path, json, key=ADMIN):
        """POST that must make something."""
        answer = self.api("POST", path, json, key=key)
        assert answer.status == 201, answer
        return answer.json

    def pages(self, path, key=ADMIN, **query):
        """All rows of a list, page by page."""
        rows, cursor = [], None
        while True:
            page = self.got(path, key=key, **query, **({"cursor": cursor} if cursor else {}))
            rows += page["data"]
            cursor = page["next_cursor"]
            if not cursor:
                return rows

    def subscriber(self, uid, key=ADMIN, **fields):
        return self.made("/v1/subscribers", {"uid": uid, "name": uid, **fields}, key=key)

    def endpoint(self, url, types=("*",), key=ADMIN, **fields):
        """A new endpoint that retries at once (FAST_RETRY) unless the test says otherwise."""
        fields.setdefault("retry", FAST_RETRY)
        return self.made("/v1/endpoints", {"url": url, "event_types": list(types), **fields}, key=key)

    def publish(self, type="test.event", data=None, *, key=ADMIN, status=202, headers=None, **fields):
        answer = self.api("POST", "/v1/events", {"type": type, "data": data if data is not None else {}, **fields}, key=key,
            headers=headers)
        assert answer.status == status, answer
        return answer.json

    def publish_raw(self, payload, type="test.event", status=202):
        """Publishes the payload's exact bytes as `data`."""
        answer = self.api("POST", "/v1/events", body=b'{"type":"%s","data":' % type.encode() + payload + b"}")
        assert answer.status == status, answer
        return answer.json

    def deliveries(self, event):
        return self.got(f"/v1/events/{quote(event['id'])}/deliveries")["data"]

    def delivery(self, event, endpoint=None):
        """The one delivery of an event (at this endpoint), with its attempts."""
        rows = [d for d in self.deliveries(event) if endpoint is None or d["endpoint"] in (endpoint["id"], endpoint.get("uid"))]
        assert len(rows) == 1, rows
        return self.got(f"/v1/deliveries/{rows[0]['id']}")

    def wait_delivery(self, event, state, endpoint=None, where=lambda delivery: True):
        """Waits until the event's one delivery (at this endpoint) is in this state; returns it."""
        last = {}

        def look():
            last.update(self.delivery(event, endpoint))
            return last["state"] == state and where(last)

        try:
            eventually(look, f"a delivery that is {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {last}") from None
        return last

    def dead_letters(self, **query):
        return self.pages("/v1/dead-letters", **query)

    def wait_dead(self, count, **query):
        def look():
            rows = self.dead_letters(**query)
            return rows if len(rows) >= count else None

        rows = eventually(look, f"{count} dead letters")
        assert len(rows) == count, rows
        return rows

    def wait_operation(self, operation):
        done = eventually(
            lambda: (lambda now: now if now["state"] != "running" else None)(self.got(f"/v1/operations/{operation['id']}")),
            "the end of an operation",
        )
        return done


def new_secret():
    """A secret as a user would bring his own."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()
