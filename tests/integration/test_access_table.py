"""Who may what: every route of routes.def × every kind of caller, with the exact status and code of each.

What is expected follows from the scope that routes.def declares for a route, from INCLUDES (what a scope includes), and from the exceptions
below; SAMPLES says what is asked and what it answers to who may. A route without a sample fails.
"""

import os
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import combinations
from typing import NamedTuple

import pytest

from hub import Hub, eventually
from tables import INCLUDES, ROUTES, SCOPES
from wire import Wire

URL = "http://127.0.0.1:9/hook"
API = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "API.md")
STALE = {"If-Match": '"stale"'}  # what would change something is found, and refused with 412
OPEN, FOREIGN = "open", "foreign"

# Beside the scope, these need a key of no subscriber.
OPERATORS = {"/v1/sources", "/v1/sources/{id}", "/v1/sources/{id}/secret", "/v1/sources/{id}/secret/rotate", "/v1/rejections", "/v1/rejections/{id}", "/v1/rejections/accept"}
WHOLE_HUB = {"GET /metrics", "GET /v1/retention", "POST /v1/subscribers", "DELETE /v1/subscribers/{id}", "PUT /v1/event-types/{type}", "DELETE /v1/event-types/{type}", "POST /v1/hub/pause", "POST /v1/hub/resume"}
# Their path names no thing of a subscriber, so that a foreign key finds what its own finds.
SHARED = {"/v1/event-types/{type}", "/assets/{name}", *OPERATORS}
# Without a scope, but a session's cookie alone changes nothing there either.
OF_A_SESSION = {"POST /logout"}


class Sample(NamedTuple):
    status: int  # for who may
    path: str = None  # routes.def's, unless a parameter must be filled in
    json: object = None
    headers: dict = {}
    code: str = None  # of a problem


class Caller(NamedTuple):
    name: str
    headers: dict = {}
    scopes: frozenset = None  # None: nobody
    bound: str = None
    csrf: bool = True  # False: a session that does not show its token
    local: bool = False


def samples(w):
    """What is asked of each route. All of it can be asked again and again: what would be used up has a condition that fails."""
    endpoint = {"url": URL, "event_types": ["never.published"]}
    event, hook, spare = f"/v1/events/{w.event}", f"/v1/endpoints/{w.endpoint}", f"/v1/endpoints/{w.spare}"
    return {
        "GET /healthz": Sample(200),
        "GET /readyz": Sample(200),
        "GET /openapi.json": Sample(200),
        "GET /": Sample(200),
        "GET /assets/{name}": Sample(200, "/assets/main.js"),
        "GET /login": Sample(200),
        "POST /login": Sample(422, json={"name": "ada"}, code="invalid"),
        "POST /logout": Sample(204),
        "GET /session": Sample(200),
        "POST /v1/events": Sample(202, json={"type": "never.matched", "data": {}}),
        "GET /v1/events": Sample(200),
        "GET /v1/events/{id}": Sample(200, event),
        "GET /v1/events/{id}/payload": Sample(200, event + "/payload"),
        "DELETE /v1/events/{id}/payload": Sample(409, event + "/payload", code="wrong_state"),
        "GET /v1/events/{id}/deliveries": Sample(200, event + "/deliveries"),
        "POST /v1/events/{id}/resend": Sample(200, event + "/resend", {"endpoints": [w.endpoint]}),
        "GET /v1/events/{id}/explain": Sample(200, f"{event}/explain?endpoint={w.endpoint}"),
        "GET /v1/deliveries": Sample(200),
        "GET /v1/deliveries/{id}": Sample(200, f"/v1/deliveries/{w.delivery}"),
        "POST /v1/deliveries/{id}/retry": Sample(200, f"/v1/deliveries/{w.delivery}/retry"),
        "POST /v1/deliveries/{id}/cancel": Sample(409, f"/v1/deliveries/{w.cancelled}/cancel", code="wrong_state"),
        "GET /v1/dead-letters": Sample(200),
        "GET /v1/dead-letters/export": Sample(200),
        "POST /v1/dead-letters/retry": Sample(200, json={"filter": {}, "dry_run": True}),
        "POST /v1/dead-letters/discard": Sample(200, json={"filter": {}, "dry_run": True}),
        "POST /v1/match": Sample(200, json={"event_types": ["*"]}),
        "GET /v1/stats": Sample(200),
        "GET /v1/retention": Sample(200),
        "POST /v1/retention/confirm": Sample(200),
        "GET /v1/hub": Sample(200),
        "POST /v1/hub/pause": Sample(200),
        "POST /v1/hub/resume": Sample(200),
        "GET /metrics": Sample(200),
        "GET /v1/operations": Sample(200),
        "GET /v1/operations/{id}": Sample(200, f"/v1/operations/{w.operation}"),
        "DELETE /v1/operations/{id}": Sample(409, f"/v1/operations/{w.operation}", code="wrong_state"),
        "GET /v1/subscribers": Sample(200),
        "POST /v1/subscribers": Sample(201, json={"name": "one more"}),
        "GET /v1/subscribers/{id}": Sample(200, "/v1/subscribers/own"),
        "PUT /v1/subscribers/{id}": Sample(200, "/v1/subscribers/own", {"name": "Own"}),
        "PATCH /v1/subscribers/{id}": Sample(200, "/v1/subscribers/own", {"metadata": {}}),
        "DELETE /v1/subscribers/{id}": Sample(409, "/v1/subscribers/own", code="conflict"),
        "GET /v1/endpoints": Sample(200),
        "POST /v1/endpoints": Sample(201, json=endpoint),
        "GET /v1/endpoints/{id}": Sample(200, hook),
        "PUT /v1/endpoints/{id}": Sample(412, hook, endpoint, STALE, "precondition_failed"),
        "PATCH /v1/endpoints/{id}": Sample(200, hook, {}),
        "DELETE /v1/endpoints/{id}": Sample(412, hook, headers=STALE, code="precondition_failed"),
        "GET /v1/endpoints/{id}/secret": Sample(200, hook + "/secret"),
        "POST /v1/endpoints/{id}/secret/rotate": Sample(200, spare + "/secret/rotate", {"overlap_ms": 0}),
        "POST /v1/endpoints/{id}/pause": Sample(200, hook + "/pause"),
        "POST /v1/endpoints/{id}/resume": Sample(200, spare + "/resume"),
        "POST /v1/endpoints/{id}/disable": Sample(200, spare + "/disable"),
        "POST /v1/endpoints/{id}/test": Sample(200, hook + "/test"),
        "POST /v1/endpoints/{id}/verify": Sample(409, hook + "/verify", code="wrong_state"),
        "POST /v1/endpoints/{id}/recover": Sample(200, hook + "/recover", {"since": "-1h", "dry_run": True}),
        "GET /v1/keys": Sample(200),
        "POST /v1/keys": Sample(201, json={"scopes": ["read"]}),
        "GET /v1/keys/{id}": Sample(200, f"/v1/keys/{w.key}"),
        "DELETE /v1/keys/{id}": Sample(412, f"/v1/keys/{w.key}", headers=STALE, code="precondition_failed"),
        "GET /v1/event-types": Sample(200),
        "GET /v1/event-types/{type}": Sample(200, "/v1/event-types/described.one"),
        "PUT /v1/event-types/{type}": Sample(200, "/v1/event-types/described.one", {"owner": "us"}),
        "DELETE /v1/event-types/{type}": Sample(404, "/v1/event-types/described.not", code="not_found"),
        "GET /v1/audit": Sample(200),
        "POST /in/{source}": Sample(200, "/in/open", {}),
        "GET /in/{source}": Sample(200, "/in/dropbox?challenge=x"),
        "OPTIONS /in/{source}": Sample(200, "/in/cloud", headers={"WebHook-Request-Origin": "example.com"}),
        "GET /v1/schemes": Sample(200),
        "GET /v1/sources": Sample(200),
        "POST /v1/sources": Sample(201, json={"scheme": "none"}),
        "GET /v1/sources/{id}": Sample(200, "/v1/sources/open"),
        "PUT /v1/sources/{id}": Sample(412, "/v1/sources/open", {"scheme": "none"}, STALE, "precondition_failed"),
        "PATCH /v1/sources/{id}": Sample(200, "/v1/sources/open", {}),
        "DELETE /v1/sources/{id}": Sample(412, "/v1/sources/open", headers=STALE, code="precondition_failed"),
        "GET /v1/sources/{id}/secret": Sample(200, "/v1/sources/cloud/secret"),
        "POST /v1/sources/{id}/secret/rotate": Sample(200, "/v1/sources/cloud/secret/rotate", {"overlap_ms": 0}),
        "GET /v1/rejections": Sample(200),
        "GET /v1/rejections/{id}": Sample(200, f"/v1/rejections/{w.rejection}"),
        "POST /v1/rejections/accept": Sample(200, json={"filter": {}, "dry_run": True}),
        "POST /local/reload": Sample(200, json={"dry_run": True}),
        "POST /local/restored": Sample(200),
        "POST /local/backup": Sample(422, json={"path": "relative.db"}, code="invalid"),
        "GET /local/admins": Sample(200),
        "POST /local/admins": Sample(422, json={"name": "ada"}, code="invalid"),
        "POST /local/admins/{name}/disable": Sample(404, "/local/admins/nobody/disable", code="not_found"),
        "POST /local/login-link": Sample(201),
        "GET /local/check": Sample(200),
    }


def expected(route, caller, sample):
    """(status, code of the problem or None) by the rules; `OPEN` stands for what the sample says."""
    if route.scope == "LOCAL":
        return OPEN if caller.local else (404, "no_such_route")
    changes = route.method not in ("GET", "HEAD")
    if not caller.csrf and changes and (route.scope != "PUBLIC" or route.name in OF_A_SESSION):
        return (403, "csrf_failed")
    if route.scope == "PUBLIC":
        return OPEN
    if caller.scopes is None:
        return (401, "unauthenticated")
    if route.scope.lower() not in set().union(*(INCLUDES[s] for s in caller.scopes)):
        return (403, "missing_scope")
    if caller.bound == FOREIGN and route.addressed and route.path not in SHARED:
        return (404, "not_found")
    if caller.bound and (route.name in WHOLE_HUB or route.path in OPERATORS):
        return (403, "missing_scope")
    return OPEN


# The world: what there is belongs to the subscriber `own`.


class World:
    def __init__(self, hub):
        self.hub, self.wires = hub, {False: Wire(hub), True: Wire(hub, local=True)}
        for uid in ("own", FOREIGN):
            hub.subscriber(uid)
        # Paused, so that what waits there goes on waiting.
        self.endpoint = hub.endpoint(URL, types=["some.*"], subscriber="own")["id"]
        self.spare = hub.endpoint(URL, types=["spare.*"], subscriber="own")["id"]
        hub.api("POST", f"/v1/endpoints/{self.endpoint}/pause")
        self.event = hub.publish("some.one", subscriber="own")["id"]
        self.delivery = hub.got(f"/v1/events/{self.event}/deliveries")["data"][0]["id"]
        self.cancelled = hub.deliveries(hub.publish("some.two", subscriber="own"))[0]["id"]
        assert hub.api("POST", f"/v1/deliveries/{self.cancelled}/cancel").status == 200
        own = hub.key("manage", subscriber="own")
        work = hub.api("POST", "/v1/dead-letters/discard", {"filter": {}}, key=own)
        assert work.status == 202, work
        self.operation = hub.wait_operation(work.json)["id"]
        self.key = hub.made("/v1/keys", {"scopes": ["read"], "subscriber": "own"})["id"]
        assert hub.api("PUT", "/v1/event-types/described.one", {"owner": "us"}).status == 201
        for uid, fields in {"open": {"scheme": "none"}, "cloud": {"scheme": "cloudevents"}, "dropbox": {"scheme": "dropbox", "secret": "a secret of dropbox"}}.items():
            hub.made("/v1/sources", {"uid": uid, **fields})
        assert hub.api("POST", "/in/nothing", body=b"x", key=None).status == 404
        self.rejection = eventually(lambda: hub.got("/v1/rejections")["data"], "the rejection")[0]["id"]
        self.samples = samples(self)
        self.callers = self._callers()

    def session(self):
        """(cookie, CSRF token) of somebody who logged in."""
        link = self.wires[True].ask("POST", "/local/login-link").json["path"]
        answer = self.wires[False].ask("POST", "/login", {"token": link.split("token=")[1]})
        assert answer.status == 200, answer
        return answer.headers["set-cookie"].split(";")[0], answer.json["csrf_token"]

    def _callers(self):
        self.cookie, csrf = self.session()
        session = {"Cookie": self.cookie, "X-Grapnel-CSRF": csrf}
        everything = frozenset(SCOPES)
        read = bearer(self.hub.key("read"))
        callers = [
            Caller("nobody"),
            Caller("an unknown key", bearer("gk_" + "0" * 32)),
            Caller("a malformed key", bearer("gk_0")),
            Caller("no key at all", {"Authorization": "Bearer "}),
            Caller("another scheme", {"Authorization": "Basic YTpi"}),
            Caller("a revoked key", bearer(self._revoked())),
            Caller("an expired key", bearer(self._expired())),
            Caller("the key of a subscriber that is gone", bearer(self._orphan())),
            Caller("a made-up session", {"Cookie": "grapnel_session=" + "0" * 52, "X-Grapnel-CSRF": csrf}),
            Caller("a session", session, everything),
            Caller("a session without CSRF", {"Cookie": self.cookie}, everything, csrf=False),
            Caller("a session with another CSRF", {"Cookie": self.cookie, "X-Grapnel-CSRF": "0" * 32}, everything, csrf=False),
            Caller("a session with a key, which counts", {**session, **read}, frozenset(["read"])),
            Caller("a session with a bad key, which counts", {**session, **bearer("gk_" + "0" * 32)}),
            Caller("the admin socket", scopes=everything, local=True),
            Caller("the admin socket with a weak key", read, everything, local=True),
        ]
        for count in range(1, len(SCOPES) + 1):
            for scopes in combinations(SCOPES, count):
                callers.append(self._holder(scopes, None))
                if "admin" not in scopes:  # a bound key cannot have it: test_access.py
                    callers += [self._holder(scopes, "own"), self._holder(scopes, FOREIGN)]
        return callers

    def _holder(self, scopes, bound):
        whose = f" of {bound}" if bound else ""
        return Caller("+".join(scopes) + whose, bearer(self.hub.key(*scopes, subscriber=bound)), frozenset(scopes), bound)

    def _revoked(self):
        made = self.hub.made("/v1/keys", {"scopes": list(SCOPES)})
        assert self.hub.api("DELETE", f"/v1/keys/{made['id']}").status == 204
        return made["key"]

    def _expired(self):
        soon = datetime.now(timezone.utc) + timedelta(milliseconds=400)
        key = self.hub.key(*SCOPES, expires_at=soon.isoformat().replace("+00:00", "Z"))
        eventually(lambda: self.hub.api("GET", "/v1/events", key=key).status == 401, "the key's expiry")
        return key

    def _orphan(self):
        self.hub.subscriber("short-lived")
        key = self.hub.key("publish", "manage", subscriber="short-lived")
        assert self.hub.api("DELETE", "/v1/subscribers/short-lived").status == 204
        return key

    def ask(self, method, caller, route, sample):
        headers = {**sample.headers, **caller.headers}
        if route.name in OF_A_SESSION and caller.csrf and headers.get("Cookie") == self.cookie:
            headers["Cookie"], headers["X-Grapnel-CSRF"] = self.session()  # one that may end
        return self.wires[caller.local].ask(method, sample.path or route.path, sample.json, headers)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    hub = Hub(tmp_path_factory.mktemp("access"), "--http-key-failures-per-ip", "0")
    one = World(hub)
    yield one
    for wire in one.wires.values():
        wire.close()
    hub.close()


def methods(route):
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_route_answers_each_caller_as_its_scope_says(world, route):
    sample, wrong = world.samples[route.name], []
    for caller in world.callers:
        wanted = expected(route, caller, sample)
        wanted = (sample.status, sample.code) if wanted is OPEN else wanted
        for method in methods(route):
            answer = world.ask(method, caller, route, sample)
            code = answer.code if answer.headers.get("content-type") == "application/problem+json" and answer.body else None
            if (answer.status, code) != (wanted[0], wanted[1] if method != "HEAD" else None):
                wrong.append(f"{method} by {caller.name}: {answer}, not {wanted}")
            elif code == "missing_scope" and route.name not in WHOLE_HUB and route.path not in OPERATORS and route.scope.lower() not in answer.json["detail"]:
                wrong.append(f"{method} by {caller.name}: {answer} does not say which scope is missing")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_whole(world):
    assert set(world.samples) == {r.name for r in ROUTES}, "each route has a sample, and each sample a route"
    assert len(world.samples) == len(ROUTES)
    names = {r.name for r in ROUTES}
    assert WHOLE_HUB | OF_A_SESSION <= names and SHARED <= {r.path for r in ROUTES}, "no exception is left over"
    cells = [(r, c.name) for r in ROUTES for c in world.callers]
    assert len(set(cells)) == len(cells) >= 1000
    outcomes = Counter(expected(r, c, world.samples[r.name]) for r in ROUTES for c in world.callers)
    assert all(count >= 10 for count in outcomes.values()) and len(outcomes) >= 6, outcomes


def test_scopes_are_those_that_the_documentation_promises():
    """Read from there, so that a slip in routes.def is not taken for what is wanted."""
    with open(API, encoding="utf-8") as file:
        promised = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (\w+) \|", file.read(), flags=re.M))
    for route in ROUTES:
        if route.scope != "LOCAL":
            assert promised.get(route.name) == route.scope.lower().replace("public", "none"), route


def test_what_the_table_asked_for_has_changed_nothing_of_others(world):
    assert world.hub.got(f"/v1/endpoints/{world.endpoint}")["status"] == "paused"
    assert world.hub.got("/v1/subscribers/own")["name"] == "Own"
    assert world.hub.got(f"/v1/keys/{world.key}")["scopes"] == ["read"]
    assert {e["subscriber"] for e in world.hub.pages("/v1/endpoints", subscriber=FOREIGN)} == {FOREIGN}
