"""Tenants: what a key that is bound to one subscriber is told about the things of others, route by route from routes.def.

Wherever a request can name a thing (in its path, its query, its body) a thing of another subscriber, or of none, gets the answer that an
unknown one gets: 404, equal in status, headers and body. Places that nobody classified here fail.
"""

import json
import os
from typing import NamedTuple

import pytest

from hub import eventually
from tables import ROUTES
from wire import Wire

URL = "http://127.0.0.1:9/hook"
DESCRIPTION = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "openapi.json")

# What the paths of subscribers' things name, by the word after /v1/. The others name nothing of a subscriber:
KINDS = {"events": "event", "deliveries": "delivery", "operations": "operation", "subscribers": "subscriber", "endpoints": "endpoint"}
NOT_OF_SUBSCRIBERS = {
    "keys": "the scope admin, which no bound key has (test_access.py)",
    "sources": "sources are the operator's: a bound key gets 403 (test_access_table.py)",
    "rejections": "likewise",
    "retention": "the whole hub's: a bound key gets 403 (test_access_table.py)",
    "event-types": "types are common to all; what is counted of them is not, see below",
}
# Parameters that name a thing, by kind; and those that do not.
NAMES = {"endpoint": "endpoint", "subscriber": "subscriber", "endpoints": "endpoint", "ids": "delivery"}
PLAIN_PARAMETERS = {
    "type", "source", "subject", "trace_id", "unmatched", "q", "since", "until", "limit", "cursor", "order", "after", "wait_ms", "state",
    "reason", "status", "actor", "cancel", "erase", "action", "resource", "token", "scheme", "remote", "accepted", "*",
}  # fmt: skip
# Members of bodies, as openapi.json describes them, that name nothing.
PLAIN_MEMBERS = {
    "type", "data", "uid", "subject", "ordering_key", "deliver_at", "expires_at", "attributes", "id", "source", "specversion", "time",
    "datacontenttype", "dataschema", "data_base64", "filter", "dry_run", "reason", "since", "until", "q", "states", "types", "event_types",
    "name", "scopes", "metadata", "url", "description", "headers", "secret", "timeout_ms", "max_in_flight", "ordered", "retry", "strategy", "base_ms",
    "factor", "max_delay_ms", "max_attempts", "max_age_ms", "jitter", "schedule_ms", "signature", "versions", "format", "overlap_ms",
    "status", "status_reason", "status_since", "created_at", "updated_at", "public_key", "owner", "example", "deprecated",
    "described", "count", "first_seen", "last_seen", "scheme", "settings", "secrets", "event_type", "dedupe", "enabled", "tolerance_s", "response", "content_type",
    "body", "public_url", "max_body_bytes", "rate", "limit", "per_ms", "insecure", "drill", "secret_missing", "paste", "remote", "after",
    "auth", "username", "password", "token", "header", "value", "token_url", "client_id", "client_secret", "scope", "audience", "style",
    "tls", "client_certificate", "client_key", "ca", "verify", "min_version",
    "breaker", "state", "since", "failures", "max_failures", "ratio", "window_ms", "wait_ms", "max_wait_ms", "next_probe_at", "why",
    "timestamp", "prefix", "legacy", "style", "header", "algorithm", "encoding", "own_secret", "method", "http2", "verification", "state", "detail",
    "allowed_per_minute",
}  # fmt: skip

ENDPOINT = {"url": URL, "event_types": ["never.published"]}
EVENT = {"type": "never.matched", "data": 1}
CLOUDEVENT = {"specversion": "1.0", "id": "c-1", "source": "/s", "type": "never.matched"}

# A body for each route that takes one, with which it would succeed for a thing of one's own.
BODIES = {
    "POST /v1/events": EVENT,
    "POST /v1/events/{id}/resend": {},
    "POST /v1/dead-letters/retry": {"filter": {}},
    "POST /v1/dead-letters/discard": {"filter": {}},
    "POST /v1/match": {"event_types": ["*"]},
    "POST /v1/subscribers": {"name": "x"},
    "PUT /v1/subscribers/{id}": {"name": "x"},
    "PATCH /v1/subscribers/{id}": {"name": "x"},
    "POST /v1/endpoints": ENDPOINT,
    "PUT /v1/endpoints/{id}": ENDPOINT,
    "PATCH /v1/endpoints/{id}": {"description": "x"},
    "POST /v1/endpoints/{id}/secret/rotate": {},
    "POST /v1/endpoints/{id}/test": {},
    "POST /v1/endpoints/{id}/recover": {"since": "-1h"},
    "PUT /v1/event-types/{type}": {"owner": "x"},
    "POST /in/{source}": {},
    "POST /v1/sources": {"scheme": "none"},
    "PUT /v1/sources/{id}": {"scheme": "none"},
    "PATCH /v1/sources/{id}": {"description": "x"},
    "POST /v1/sources/{id}/secret/rotate": {},
    "POST /v1/rejections/accept": {"filter": {}},
}


class Body(NamedTuple):
    """A place in a body where a thing is named."""

    route: str
    member: str  # of NAMES
    pointer: str  # "" where the answer has none
    make: object  # of the name and of one's own things
    media: str = "application/json"
    headers: object = None  # of the name


def _filters(route):
    for member in ("endpoint", "subscriber"):
        for dry in (True, False):
            yield Body(route, member, f"/filter/{member}", lambda v, own, m=member, d=dry: {"filter": {m: v}, "dry_run": d})
    for dry in (True, False):
        yield Body(route, "ids", "/ids/0", lambda v, own, d=dry: {"ids": [v], "dry_run": d})
        yield Body(route, "ids", "/ids/1", lambda v, own, d=dry: {"ids": [own["delivery"], v], "dry_run": d})


def _publishing():
    route = "POST /v1/events"
    for member in ("subscriber", "endpoint"):
        yield Body(route, member, f"/{member}", lambda v, own, m=member: {**EVENT, m: v})
        yield Body(route, member, f"/1/{member}", lambda v, own, m=member: [EVENT, {**EVENT, m: v}])
        lines = "application/x-ndjson"
        yield Body(route, member, f"/1/{member}", lambda v, own, m=member: [EVENT, {**EVENT, m: v}], lines)
        extension, cloud = f"grapnel{member}", "application/cloudevents"
        yield Body(route, member, f"/{extension}", lambda v, own, e=extension: {**CLOUDEVENT, e: v}, f"{cloud}+json")
        yield Body(route, member, f"/0/{extension}", lambda v, own, e=extension: [{**CLOUDEVENT, e: v}], f"{cloud}-batch+json")
        attributes = {f"ce-{n}": v for n, v in CLOUDEVENT.items()}
        yield Body(route, member, f"ce-{extension}", lambda v, own: {}, headers=lambda v, e=extension: {**attributes, f"ce-{e}": v})


PLACES = [
    *_publishing(),
    Body("POST /v1/events/{id}/resend", "endpoints", "/endpoints/0", lambda v, own: {"endpoints": [v]}),
    Body("POST /v1/events/{id}/resend", "endpoints", "/endpoints/1", lambda v, own: {"endpoints": [own["endpoint"], v]}),
    *_filters("POST /v1/dead-letters/retry"),
    *_filters("POST /v1/dead-letters/discard"),
    Body("POST /v1/match", "subscriber", "/subscriber", lambda v, own: {"event_types": ["*"], "subscriber": v}),
    Body("POST /v1/endpoints", "subscriber", "/subscriber", lambda v, own: {**ENDPOINT, "subscriber": v}),
    Body("PUT /v1/endpoints/{id}", "subscriber", "/subscriber", lambda v, own: {**ENDPOINT, "subscriber": v}),
    Body("PATCH /v1/endpoints/{id}", "subscriber", "/subscriber", lambda v, own: {"subscriber": v}),
]
# Members that name things where no bound key comes.
NOT_FOR_BOUND = {("POST /v1/keys", "subscriber"), *((f"{method} /v1/sources{place}", "subscriber") for method, place in (("POST", ""), ("PUT", "/{id}"), ("PATCH", "/{id}"))), ("POST /v1/rejections/accept", "ids")}

# Conditions and repetitions must not tell either.
CONDITIONS = [{}, {"If-Match": "*"}, {"If-Match": '"1-1"'}, {"If-None-Match": "*"}, {"If-None-Match": '"1-1"'}]


class World:
    """Everything there is, three times: of `tenant-a`, which asks; of `tenant-b`; and of nobody. Unknown names beside."""

    UNKNOWN = {"event": "evt", "delivery": "dlv", "operation": "op", "subscriber": "sub", "endpoint": "ep"}

    def __init__(self, hub):
        self.hub, self.wire, self.number = hub, Wire(hub), 0
        for name in ("tenant-a", "tenant-b"):
            hub.subscriber(name)
        self.things = {name: self._make(name) for name in ("tenant-a", "tenant-b", None)}
        self.key = {"Authorization": f"Bearer {hub.key('publish', 'manage', subscriber='tenant-a')}"}
        self.own = {kind: names[0] for kind, names in self.things["tenant-a"].items()}
        self.broadcast = hub.publish("all.one", subscriber="*", uid="all")["id"]
        # The counts of types are written a little later.
        eventually(lambda: self.hub.api("GET", "/v1/event-types/secret-tenant-b.hook").status == 200, "the count of a type")
        self.newest = hub.publish("secret-tenant-b.newest", subscriber="tenant-b")["id"]
        self.before = self.state()

    def _make(self, name):
        """kind: the names of it; the first one an id."""
        hub, whose = self.hub, {"subscriber": name} if name else {}
        made = hub.endpoint(URL, ["*"], uid=f"hook-{name}", description=f"secret-{name}", **whose)
        hub.api("POST", f"/v1/endpoints/{made['id']}/pause")
        gone = hub.endpoint(URL, [f"gone-{name}.*"], **whose)
        hub.api("POST", f"/v1/endpoints/{gone['id']}/pause")
        dead = hub.publish(f"gone-{name}.hook", uid=f"dead-{name}", endpoint=gone["id"], **whose)
        assert hub.api("DELETE", f"/v1/endpoints/{gone['id']}").status == 204
        dead = hub.wait_delivery(dead, "dead")["id"]
        event = hub.publish(f"secret-{name}.hook", subject=f"secret-{name}", uid=f"event-{name}", data={"s": f"secret-{name}"}, **whose)["id"]
        hub.publish(f"secret-{name}.two", **whose)
        delivery = next(d["id"] for d in hub.got(f"/v1/events/{event}/deliveries")["data"] if d["endpoint"] == made["id"])
        key = {"key": hub.key("manage", subscriber=name)} if name else {}
        begun = [hub.api("POST", "/v1/dead-letters/discard", {"filter": {"q": f"secret-{name}"}}, **key) for _ in range(2)]
        work = [hub.wait_operation(answer.json)["id"] for answer in begun]
        return {
            "event": [event, f"event-{name}"],
            "delivery": [delivery, dead],
            "operation": work,
            "subscriber": [hub.got(f"/v1/subscribers/{name}")["id"], name] if name else [],
            "endpoint": [made["id"], f"hook-{name}", gone["id"]],
        }

    def foreign(self, kind):
        """(a name of a foreign thing, an unknown name of the same shape), each."""
        for name in ("tenant-b", None):
            for text in self.things[name][kind]:
                yield text, f"{self.UNKNOWN[kind]}_0000000000001" if "_" in text else "tenant-x"

    def ask(self, method, path, json=None, headers=None, body=None):
        sent = {**self.key, **(headers or {})}
        if method == "POST" and headers is not None and "Idempotency-Key" in headers:
            self.number += 1
            sent["Idempotency-Key"] = f"key-{self.number}"
        return self.wire.ask(method, path, json, sent, body)

    def state(self):
        """All that is not of `tenant-a`, as the administrator sees it."""
        found = {}
        for name in ("tenant-b", None):
            for kind, names in self.things[name].items():
                path = next(p for p, k in KINDS.items() if k == kind)
                found.update({n: self.hub.api("GET", f"/v1/{path}/{n}").body.split(b'"request_id"')[0] for n in names})
        for path in ("events", "endpoints", "deliveries", "dead-letters", "operations"):
            found[path] = {r["id"] for r in self.hub.pages(f"/v1/{path}") if r.get("subscriber") != "tenant-a"}
        return found


@pytest.fixture(scope="module")
def world(shared_hub):
    one = World(shared_hub)
    yield one
    one.wire.close()


def shown(answer, name):
    """An answer without what differs between any two, and without the name that was asked for."""
    headers = sorted((n.lower(), v) for n, v in answer.header_list if n.lower() not in ("date", "x-request-id", "content-length"))
    body = answer.json if answer.body else {}
    body.pop("request_id", None)
    return answer.status, json.loads(json.dumps([headers, body]).replace(name, "…"))


def kind_of(route):
    """The kind of the thing that the path names; None: of no subscriber's."""
    if route.path.startswith("/v1/") and route.addressed:
        word = route.path.split("/")[2]
        assert word in KINDS or word in NOT_OF_SUBSCRIBERS, f"{route}: whose is what its path names?"
        return KINDS.get(word)
    return None


def own_path(world, route):
    path = route.path
    kind = kind_of(route)
    path = path.replace("{id}", world.own[kind]) if kind else path
    return path + (f"?endpoint={world.own['endpoint']}" if path.endswith("/explain") else "")


def made_by_uid(route, name):
    """A PUT with a uid that is not there makes the thing: uids of endpoints are each subscriber's own."""
    return route.name == "PUT /v1/endpoints/{id}" and "_" not in name


OF_THINGS = [r for r in ROUTES if kind_of(r)]


@pytest.mark.parametrize("route", OF_THINGS, ids=str)
def test_foreign_thing_in_the_path(world, route):
    body = BODIES[route.name] if route.body != "NONE" else None
    repeated = [{"Idempotency-Key": "yes"}] if route.method == "POST" else []
    explains = f"?endpoint={world.own['endpoint']}" if route.path.endswith("/explain") else ""
    asked = 0
    for foreign, unknown in world.foreign(kind_of(route)):
        if made_by_uid(route, foreign):
            continue
        for headers in CONDITIONS + repeated:
            one, other = (world.ask(route.method, route.path.replace("{id}", n) + explains, body, headers) for n in (foreign, unknown))
            assert shown(one, foreign) == shown(other, unknown), (foreign, headers)
            if not headers or repeated == [headers]:
                assert (one.status, one.code) == (404, "not_found"), (foreign, one)
            assert 400 <= one.status < 500, one
            asked += 1
        one, other = (world.ask(route.method, route.path.replace("{id}", n), {"colour": "red"}) for n in (foreign, unknown))
        assert shown(one, foreign) == shown(other, unknown) and 400 <= one.status < 500, (foreign, one)
    assert asked >= 10


PARAMETERS = [(r, p) for r in ROUTES for p in r.query if p in NAMES and r.scope != "ADMIN"]


@pytest.mark.parametrize("route, parameter", PARAMETERS, ids=str)
def test_foreign_thing_in_the_query(world, route, parameter):
    body = BODIES[route.name] if route.body != "NONE" else None
    path, asked = own_path(world, route), 0
    path = path.split("?")[0] if parameter == "endpoint" else path
    for foreign, unknown in world.foreign(NAMES[parameter]):
        one, other = (world.ask(route.method, f"{path}{'&' if '?' in path else '?'}{parameter}={n}", body) for n in (foreign, unknown))
        assert shown(one, foreign) == shown(other, unknown), foreign
        assert (one.status, one.code, one.pointers) == (404, "not_found", [f"?{parameter}"]), one
        asked += 1
    assert asked >= 2


def body_of(place, world, name):
    made = place.make(name, world.own)
    if place.media == "application/x-ndjson":
        return "\n".join(map(json.dumps, made)).encode()
    return json.dumps(made).encode()


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p.route} {p.pointer} {p.media}")
def test_foreign_thing_in_the_body(world, place):
    route = next(r for r in ROUTES if r.name == place.route)
    for foreign, unknown in world.foreign(NAMES[place.member]):
        answers = []
        for name in (foreign, unknown):
            headers = {"Content-Type": place.media, **(place.headers(name) if place.headers else {})}
            answers.append(world.ask(route.method, own_path(world, route), None, headers, body_of(place, world, name)))
        assert shown(answers[0], foreign) == shown(answers[1], unknown), foreign
        assert (answers[0].status, answers[0].code) == (404, "not_found"), answers[0]
        assert place.pointer in answers[0].pointers or place.pointer in answers[0].body.decode(), answers[0]


def test_every_place_where_a_thing_can_be_named_is_classified():
    for route in ROUTES:
        assert set(route.query) <= set(NAMES) | PLAIN_PARAMETERS, f"{route}: does a parameter name a thing?"
        assert route.body == "NONE" or route.scope in ("PUBLIC", "LOCAL", "ADMIN") or route.name in BODIES, f"{route}: give a body"
    assert set(BODIES) <= {r.name for r in ROUTES} and {p.route for p in PLACES} <= {r.name for r in ROUTES}
    covered = {(p.route, p.member) for p in PLACES} | NOT_FOR_BOUND
    for route, members in described_bodies().items():
        for member in members & set(NAMES):
            assert (route, member) in covered, f"{route}: {member} in its body is not tested"
        assert members <= set(NAMES) | PLAIN_MEMBERS, f"{route}: does {members - set(NAMES) - PLAIN_MEMBERS} name a thing?"


def described_bodies():
    """route: the members of its body at any depth, of /v1."""
    with open(DESCRIPTION, encoding="utf-8") as file:
        document = json.load(file)

    def resolve(node):
        while "$ref" in node:
            target = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def members(node):
        node = resolve(node)
        found = set(node.get("properties", {}))
        below = [*node.get("properties", {}).values(), *(c for w in ("oneOf", "anyOf", "allOf") for c in node.get(w, []))]
        return found.union(*map(members, below + ([node["items"]] if "items" in node else [])))

    found = {}
    for route in ROUTES:
        operation = document["paths"].get(route.path, {}).get(route.method.lower(), {})
        if route.path.startswith("/v1/") and "requestBody" in operation:
            content = resolve(operation["requestBody"])["content"].values()
            found[route.name] = set().union(*(members(c["schema"]) for c in content if "schema" in c))
    assert found
    return found


# Answers.


def foreign_texts(world):
    texts = {t for name in ("tenant-b", None) for names in world.things[name].values() for t in names}
    return texts | {world.newest, "secret-tenant-b", "secret-None", "gone-tenant-b", "gone-None", "dead-tenant-b", "dead-None"}


OPERATORS = ("/v1/sources", "/v1/rejections", "/v1/retention", "/metrics")  # a bound key gets 403
READING = [r for r in ROUTES if r.method == "GET" and r.scope == "READ" and not r.path.startswith(OPERATORS)]
VARIANTS = {"GET /v1/events": ["order=asc&wait_ms=0", "q=secret", "unmatched=false"], "GET /v1/dead-letters": ["q=gone"]}


@pytest.mark.parametrize("route", READING, ids=str)
def test_no_answer_tells_of_others(world, route):
    path = own_path(world, route).replace("{type}", "described")
    for query in ["limit=500"] * route.is_list + VARIANTS.get(route.name, []) or [""]:
        answer = world.ask("GET", path + ("?" + query if query else ""))
        assert answer.status in (200, 404 if "{type}" in route.path else 200), answer
        text = answer.body.decode()
        assert [t for t in foreign_texts(world) if t in text] == [], query
        mine = world.hub.api("GET", path + ("?" + query if query else ""))
        if route.is_list and query == "limit=500" and not route.addressed and route.path != "/v1/event-types":
            assert any(t in mine.body.decode() for t in foreign_texts(world)), "there would be something to tell"


def test_deliveries_of_a_broadcast_are_told_to_their_owners_alone(world):
    event = world.broadcast
    assert len(world.hub.pages(f"/v1/events/{event}/deliveries")) == 3
    for path in (f"/v1/events/{event}", f"/v1/events/{event}/deliveries", f"/v1/events/{event}/explain?endpoint={world.own['endpoint']}"):
        answer = world.ask("GET", path)
        assert [t for t in foreign_texts(world) if t in answer.body.decode()] == [], answer
    explained = world.ask("GET", f"/v1/events/{event}/explain?endpoint={world.things['tenant-b']['endpoint'][0]}")
    assert explained.status == 404, explained


def test_a_type_that_only_others_used_is_unknown(world):
    answers = [world.ask("GET", f"/v1/event-types/{t}") for t in ("secret-tenant-b.hook", "unknown.hook")]
    assert shown(answers[0], "secret-tenant-b.hook") == shown(answers[1], "unknown.hook")
    assert answers[0].status == 404
    for method in ("PUT", "DELETE"):
        body = {"owner": "x"} if method == "PUT" else None
        answers = [world.ask(method, f"/v1/event-types/{t}", body) for t in ("secret-tenant-b.hook", "unknown.hook")]
        assert shown(answers[0], "secret-tenant-b.hook") == shown(answers[1], "unknown.hook")
        assert answers[0].status == 403


def test_nothing_of_others_was_changed_by_all_of_this(world):
    after = world.state()
    assert {k: (world.before[k], v) for k, v in after.items() if world.before[k] != v} == {}


# What is each subscriber's own. From here on there are new things of others, too.


def test_uids_and_keys_of_others_are_free(world):
    """Had they been taken, that would tell of them."""
    for uid in ("hook-tenant-b", "hook-None", "free"):
        made = world.ask("PUT", f"/v1/endpoints/{uid}", ENDPOINT)
        assert (made.status, made.json["subscriber"]) == (201, "tenant-a"), made
        assert world.ask("GET", f"/v1/endpoints/{uid}").json["id"] == made.json["id"]
    for n, uid in enumerate(("event-tenant-b", "event-None", "free")):
        made = world.ask("POST", "/v1/events", {**EVENT, "uid": uid, "data": {"n": n}})
        assert (made.status, made.json.get("duplicate")) == (202, None), made
        assert world.ask("GET", f"/v1/events/{uid}").json["id"] == made.json["id"]


def test_idempotency_keys_and_cloudevents_of_others_are_others(world):
    hub = world.hub
    structured = {"Content-Type": "application/cloudevents+json"}
    event = {**CLOUDEVENT, "id": "same"}
    for key, wanted in ((hub.key("publish", subscriber="tenant-b"), 202), (hub.key("publish", "manage", subscriber="tenant-a"), 202)):
        answer = hub.api("POST", "/v1/events", body=json.dumps({**event, "data": key[:8]}).encode(), key=key, headers=structured)
        assert answer.status == wanted, answer
        answer = hub.api("POST", "/v1/events", {**EVENT, "data": key[:9]}, key=key, headers={"Idempotency-Key": "same"})
        assert answer.status == wanted, answer
    work = [hub.api("POST", "/v1/dead-letters/retry", {"filter": {}, "dry_run": True}, key=hub.key("manage", subscriber=s),
                    headers={"Idempotency-Key": "same"}) for s in ("tenant-a", "tenant-b")]
    assert [a.status for a in work] == [200, 200] and "idempotent-replayed" not in work[1].headers


def test_cursor_of_others_is_refused(world):
    theirs, tried = world.hub.key("manage", subscriber="tenant-b"), 0
    for route in ROUTES:
        if not route.is_list or route.addressed or route.scope != "READ" or route.path.startswith(OPERATORS):
            continue
        for key in (theirs, world.hub.admin):
            cursor = world.hub.got(route.path, key=key, limit=1)["next_cursor"]
            if not cursor:
                continue
            tried += 1
            answer = world.ask("GET", f"{route.path}?cursor={cursor}")
            assert (answer.status, answer.pointers) == (422, ["?cursor"]), answer
    assert tried >= 8


def test_log_that_a_bound_key_follows_is_whole_and_repeats_nothing(world):
    query = "/v1/events?order=asc&wait_ms=0&after="
    after, seen, mine = world.ask("GET", "/v1/events?order=asc&wait_ms=0&limit=500").json["after"], [], []
    for n in range(12):
        mine.append(world.ask("POST", "/v1/events", {**EVENT, "data": n}).json["id"])
        theirs = [world.hub.publish("secret-tenant-b.more", subscriber="tenant-b")["id"] for _ in range(2)]
        answer = world.ask("GET", query + after).json
        seen, after = seen + [e["id"] for e in answer["data"]], answer["after"]
        assert after not in theirs
        after = world.ask("GET", query + after).json["after"]
        assert after not in theirs
    assert seen == mine
