"""docs/snippets/import-endpoints.py reads endpoints and secrets of other systems (here servers that answer as their documentation shows), and
receivers verify what they get from grapnel as before."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from hub import environment
from sink import BOUND

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "snippets", "import-endpoints.py")
OLD = "whsec_" + base64.b64encode(b"the old secret, 24 bytes").decode()


@pytest.fixture
def other():
    """A system that answers by path: other(path, answer), or a function of the query."""
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            asked.append((url.path, self.headers["Authorization"]))
            answer = answers.get(url.path)
            answer = answer(parse_qs(url.query)) if callable(answer) else answer
            self.send_response(200 if answer is not None else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", answers, asked
    server.shutdown()
    server.server_close()


def script(*arguments, input=None, **env):
    return subprocess.run(["/usr/bin/python3", SCRIPT, *arguments], input=input, capture_output=True, text=True, timeout=BOUND, env=environment(env))


def load(hub, lines):
    return script("load", input=lines, GRAPNEL_URL=f"http://127.0.0.1:{hub.port}", GRAPNEL_KEY=hub.key("manage"))


def test_endpoints_of_svix_come_with_their_secrets(hub, sink, other):
    url, answers, asked = other
    apps = [{"id": "app_1", "uid": "acme", "name": "Acme Ltd"}, {"id": "app_2", "uid": None, "name": "Globex"}]
    answers["/api/v1/app"] = lambda query: {"data": apps[1:], "done": True, "iterator": None} if "iterator" in query else {"data": apps[:1], "done": False, "iterator": "app_1"}
    one = {"id": "ep_1", "uid": "hook", "url": sink.url("/acme"), "filterTypes": ["order.created"], "description": "", "disabled": False, "channels": None, "metadata": {}}
    two = {"id": "ep_2", "uid": None, "url": sink.url("/globex"), "filterTypes": None, "description": "all", "disabled": False, "channels": ["eu"], "metadata": {}}
    for app, endpoint, key, headers in (("app_1", one, OLD, {"x-team": "red"}), ("app_2", two, "whsk_AAAA", {})):
        at = f"/api/v1/app/{app}/endpoint"
        answers[at] = {"data": [endpoint], "done": True, "iterator": None}
        answers[f"{at}/{endpoint['id']}/secret"] = {"key": key}
        answers[f"{at}/{endpoint['id']}/headers"] = {"headers": headers, "sensitive": []}
    read = script("svix", url, "token")
    assert read.returncode == 0, read.stderr
    assert "channels ['eu']" in read.stderr and "no whsec_" in read.stderr
    assert {authorization for _, authorization in asked} == {"Bearer token"}
    for _ in range(2):
        done = load(hub, read.stdout)
        assert done.returncode == 0, done.stderr
    assert [e["uid"] for e in hub.got("/v1/endpoints", order="asc")["data"]] == ["hook", "svix_2"]
    hub.publish("order.created", {"a": 1}, subscriber="acme")
    received, = sink.wait_for(1, "/acme")
    content = f"{received.headers['svix-id']}.{received.headers['svix-timestamp']}.".encode() + received.body
    right = base64.b64encode(hmac.new(b"the old secret, 24 bytes", content, hashlib.sha256).digest()).decode()
    assert (received.headers["svix-signature"], received.headers["x-team"]) == ("v1," + right, "red")
    hub.publish("anything.else", subscriber="svix_2")
    sink.wait_for(1, "/globex")


def test_endpoints_of_convoy_keep_their_simple_signature(hub, sink, other):
    url, answers, _ = other
    base = "/api/v1/projects/prj"
    simple = {"uid": "01H0", "url": sink.url("/simple"), "name": "Simple", "owner_id": "acme", "status": "active", "advanced_signatures": False,
        "secrets": [{"value": "old", "expires_at": "2030-01-01T00:00:00Z"}, {"value": "present", "expires_at": None}]}
    advanced = {**simple, "uid": "01H1", "url": sink.url("/advanced"), "owner_id": "", "advanced_signatures": True, "status": "paused"}
    pages = {None: ([simple], True), "next": ([advanced], False)}

    def endpoints(query):
        content, more = pages[query.get("next_page_cursor", [None])[0]]
        return {"status": True, "message": "", "data": {"content": content, "pagination": {"has_next_page": more, "next_page_cursor": "next"}}}

    answers[base + "/endpoints"] = endpoints
    filters = {"event_types": ["order.created"], "filter": {"body": {"a": 1}, "headers": {}}}
    answers[base + "/subscriptions"] = lambda query: {"data": {"content": [{"filter_config": filters}] if query["endpointId"] == ["01H0"] else None, "pagination": {"has_next_page": False}}}
    read = script("convoy", url, "token", "prj", "X-Acme-Signature", "sha512", "base64")
    assert read.returncode == 0, read.stderr
    for told in ("filters by body", "advanced signatures", "is paused there"):
        assert told in read.stderr, read.stderr
    assert load(hub, read.stdout).returncode == 0
    hub.publish("order.created", {"a": 1}, subscriber="acme")
    received, = sink.wait_for(1, "/simple")
    right = base64.b64encode(hmac.new(b"present", received.body, hashlib.sha512).digest()).decode()
    assert received.headers["x-acme-signature"] == right
    assert hub.got("/v1/endpoints/01H1")["signature"] == {"versions": ["v1"]}


def test_line_that_is_refused_is_named_and_the_others_are_loaded(hub, sink):
    lines = [{"subscriber": None, "endpoint": {"uid": "bad", "url": "http://10.0.0.1/", "event_types": ["*"]}},
        {"subscriber": "acme", "name": "Acme", "endpoint": {"uid": "good", "url": sink.url(), "event_types": ["*"], "secret": OLD}}]
    done = load(hub, "".join(json.dumps(line) + "\n" for line in lines))
    assert done.returncode == 1 and "line 1: bad http://10.0.0.1/: /url:" in done.stderr, done
    assert hub.got("/v1/endpoints/good/secret", subscriber="acme")["secret"] == OLD
