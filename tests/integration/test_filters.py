"""Parameters with bad values: each parameter of each route of routes.def says which one is bad and what is accepted, each good value is
taken, and a cursor is good for its own list alone. A parameter without values here fails."""

from urllib.parse import quote

import pytest

from hub import eventually
from incoming import source
from tables import REASONS, REJECTIONS, ROUTES, STATES
from wire import Wire

URL = "http://127.0.0.1:9/hook"
ENDPOINT = {"url": URL, "event_types": ["never.published"]}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
DEADLY = ["exhausted", "gone", "expired", "endpoint_disabled", "endpoint_deleted", "corrupt"]

# Bodies of the routes that take parameters and a body.
BODIES = {
    "PUT /v1/endpoints/{id}": ENDPOINT,
    "PATCH /v1/endpoints/{id}": {"description": "d"},
    "POST /v1/endpoints/{id}/recover": {"since": "-1h", "dry_run": True},
}

# Where a word means another thing than elsewhere: (route or None, parameter) → the words that are accepted.
ENUMS = {
    ("GET /v1/deliveries", "state"): STATES,
    ("GET /v1/operations", "state"): ["running", "done", "cancelled"],
    ("GET /v1/deliveries", "reason"): REASONS,
    ("GET /v1/dead-letters", "reason"): DEADLY,
    ("GET /v1/dead-letters/export", "reason"): DEADLY,
    ("GET /v1/rejections", "reason"): REJECTIONS,
    ("GET /v1/rejections", "accepted"): ["false"],
    ("GET /v1/endpoints", "status"): ["active", "paused", "disabled"],
    ("GET /v1/events", "unmatched"): ["true", "false"],
    ("DELETE /v1/events/{id}/payload", "cancel"): ["true", "false"],
    ("DELETE /v1/subscribers/{id}", "erase"): ["true", "false"],
    (None, "order"): ["asc", "desc"],
}

TIMES = ["", "now", "yesterday", "0", "1700000000", "2030-01-01", "2030-01-31T08:00:00", "2030-02-30T00:00:00Z", "2030-01-31 08:00:00+01:00",
         "-1", "-h", "-1x", "1h", "--1h", "-1.5h", "-9999999999d", "-1h -1h"]  # fmt: skip
# parameter: (good values, bad values, words that the refusal must have)
VALUES = {
    "type": (["a.b", "a.*", "a.**", "*", "a/b.c"], ["", "a..b", ".a", "a.", "a.*.b", "ord*", "***", "a b", "\xff", "a" * 256], ""),
    "subject": (["s", "orders/1 ü"], ["", "\xff", "x" * 1025], "1 to 1024 bytes"),
    "trace_id": ([TRACE], ["", TRACE[1:], TRACE + "0", TRACE.upper(), "0" * 32, "g" * 32], "32 hex digits in lower case"),
    "q": (["x", "ü", "x" * 200], ["", "x" * 201, "\xff", "\xc0\x80"], "1 to 200 bytes of UTF-8"),
    "since": (["-1h", "-90s", "-30m", "-7d", "2020-01-31T08:00:00Z", "2020-01-31T08:00:00.5+01:00"], TIMES, "RFC 3339"),
    "until": (["-1h", "2099-01-31T08:00:00Z"], TIMES, "-30m, -1h, -7d"),
    "limit": (["1", "500"], ["", "0", "501", "-1", "+1", "1.0", "ten", "0x1", "1 ", "99999999999999999999"], "1 to 500"),
    "cursor": ([], ["", "garbage", "A" * 32, "A" * 31, "A" * 33, "\xff" * 32, "=" * 32], "next_cursor of this very list"),
    "wait_ms": (["0&order=asc"], ["&order=asc", "-1&order=asc", "30001&order=asc", "1s&order=asc"], "from 0 to 30000"),
    "actor": (["local", "hub", "key_0000000000001", "adm_0000000000001"], ["", "ada", "Local", "ep_0000000000001", "key_1"], "local (the admin socket)"),
    "action": (["endpoint.create", "key.revoke"], ["", "create", "endpoint", "endpoint.", "endpoint.fly", "Endpoint.create"], "endpoint.create"),
    "resource": (["ep_0000000000001", "order.created"], ["", "a..b", "a b", "\xff"], "must be an id, such as ep_…"),
    "scheme": (["github", "hmac", "x"], ["", "y", "GitHub", "github ", "\xff"], "GET /v1/schemes lists them"),
    "remote": (["127.0.0.1", "2001:db8::7", "local"], ["", "x", "127.0.0", "127.0.0.1/8", "::1%lo", "Local", "\xff"], "192.0.2.7 or 2001:db8::7, or local"),
    "after": (["evt_0000000000001&order=asc&wait_ms=0"], [f"{v}&order=asc&wait_ms=0" for v in ("", "nobody", "ep_0000000000001", "evt_1")], "evt_…"),
}  # fmt: skip
# Those that name a thing: what is not there is 404.
THINGS = {
    "endpoint": ["", "nobody", "ep_0000000000001", "evt_0000000000001", "\xff", "a b"],
    "subscriber": ["nobody", "sub_0000000000001", "ep_0000000000001", "\xff", "*"],
    "source": ["api", "src_0000000000001"],
}
# The page reads it; to the hub it is any text.
ANY = {("GET /login", "token")}

# "*": what a provider sends to its door is the scheme's to judge.
CASES = [(r, p) for r in ROUTES for p in r.query if p != "*" and (r.name, p) not in ANY]
LISTS = [r for r in ROUTES if r.is_list]


class World:
    def __init__(self, hub):
        self.hub, self.wire, self.key = hub, Wire(hub), {"Authorization": f"Bearer {hub.admin}"}
        for n in range(3):
            hub.subscriber(f"sub-{n}")
            hub.key("read")
        made = hub.endpoint(URL, ["some.*"], uid="one")
        hub.api("POST", "/v1/endpoints/one/pause")
        hub.endpoint(URL, ["some.*"], uid="two")
        hub.api("POST", "/v1/endpoints/two/pause")
        gone = hub.endpoint(URL, ["dead.*"])
        hub.api("POST", f"/v1/endpoints/{gone['id']}/pause")
        events = [hub.publish("some.one")["id"] for _ in range(3)] + [hub.publish("dead.one")["id"] for _ in range(3)]
        hub.api("DELETE", f"/v1/endpoints/{gone['id']}")
        hub.wait_dead(3)
        for _ in range(3):
            hub.wait_operation(hub.api("POST", "/v1/dead-letters/discard", {"filter": {"q": "nothing has this"}}).json)
        eventually(lambda: len(hub.pages("/v1/event-types")) >= 2, "the types")
        for n in range(3):
            source(hub, uid=f"source-{n}")
            assert hub.api("POST", f"/in/source-{n}", body=b"{}", key=None).status == 401
        eventually(lambda: len(hub.pages("/v1/rejections")) >= 3, "the rejections")
        self.paths = {"events": events[0], "endpoints": made["id"]}
        # What a request takes away is made for it.
        self.fresh = {"events": lambda: hub.publish("no.body.waits")["id"], "subscribers": lambda: hub.api("POST", "/v1/subscribers", {"name": "gone soon"}).json["id"]}

    def path(self, route):
        """The route's path, of things that are there."""
        kind = route.path.split("/")[2]
        name = self.fresh[kind]() if route.method == "DELETE" and kind in self.fresh else self.paths.get(kind, "none")
        path = route.path.replace("{id}", name)
        assert "{" not in path and "none" not in path, f"{route}: what shall its path name?"
        return path

    def ask(self, route, *parameters):
        """`parameters` are ready for the query."""
        query = [*parameters]
        if route.path.endswith("/explain") and not any(p.startswith("endpoint=") for p in query):
            query.append("endpoint=one")
        return self.wire.ask(route.method, self.path(route) + "?" + "&".join(query), BODIES.get(route.name), self.key)


@pytest.fixture(scope="module")
def world(shared_hub):
    one = World(shared_hub)
    yield one
    one.wire.close()


def enum_of(route, parameter):
    return ENUMS.get((route.name, parameter)) or ENUMS.get((None, parameter))


def text(value):
    """A value as it stands in a query; what follows an & are other parameters. A character of one byte is that byte."""
    first, *rest = value.split("&")
    raw = first.encode("latin-1") if any("\x80" <= c <= "\xff" for c in first) and "ü" not in first else first.encode()
    return "&".join([quote(raw, safe=""), *rest])


def refused(answer, parameter, status=422):
    assert (answer.status, answer.code) == (status, "invalid" if status == 422 else "not_found"), answer
    assert answer.pointers == [f"?{parameter}"], answer
    (error,) = answer.json["errors"]
    assert f"?{parameter}: {error['detail']}" == answer.json["detail"], "the whole says it, too"
    return error["detail"]


@pytest.mark.parametrize("route, parameter", CASES, ids=str)
def test_bad_values_are_refused_and_good_ones_taken(world, route, parameter):
    words = enum_of(route, parameter)
    if words:
        for word in words:
            assert world.ask(route, f"{parameter}={word}").status in (200, 202, 204), word
        for bad in {"", "x", words[0].upper(), words[0] + "x", words[0][:-1], *STATES, *REASONS} - set(words):
            detail = refused(world.ask(route, f"{parameter}={bad}"), parameter)
            assert all(word in detail for word in words), f"{bad}: {detail}"
    elif parameter in THINGS:
        for bad in THINGS[parameter]:
            detail = refused(world.ask(route, f"{parameter}={text(bad)}"), parameter, 404)
            assert f"there is no such {parameter}; " in detail
    else:
        good, bad_ones, says = VALUES[parameter]
        for value in good:
            assert world.ask(route, f"{parameter}={text(value)}").status == 200, value
        for value in bad_ones:
            assert says in refused(world.ask(route, f"{parameter}={text(value)}"), parameter), value


@pytest.mark.parametrize("route, parameter", CASES, ids=str)
def test_parameter_that_is_no_text_or_given_twice_is_refused(world, route, parameter):
    for bad in (f"{parameter}=%zz", f"{parameter}=%", f"{parameter}=%0", f"{parameter}=%00", f"{parameter}={'x' * 2049}", f"{parameter}=x&{parameter}=x"):
        others = ["order=asc", "wait_ms=0"] if parameter == "after" else []
        assert "once, percent-encoded, without NUL, with at most 2048 bytes" in refused(world.ask(route, bad, *others), parameter), bad


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope not in ("PUBLIC", "LOCAL")], ids=str)
def test_unknown_parameter_is_refused_with_those_that_are_known(world, route):
    path = route.path.replace("{id}", "none").replace("{type}", "none")
    for name in ("colour", "Limit", "limit[]", "", "x" * 300):
        body = {} if route.body != "NONE" else None
        answer = world.wire.ask(route.method, f"{path}?{name}=1", body, world.key)
        assert (answer.status, answer.code) == (422, "invalid"), answer
        assert answer.pointers == [f"?{name[:80]}"], answer
        assert all(p in answer.json["errors"][0]["detail"] for p in route.query or ["no parameters are taken"]), answer


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_cursor_is_good_for_its_own_list_alone(world, route):
    cursor = world.ask(route, "limit=1").json["next_cursor"]
    assert cursor, "the list has several rows"
    assert world.ask(route, f"cursor={cursor}").status == 200
    for other in LISTS:
        if other != route:
            assert "next_cursor of this very list" in refused(world.ask(other, f"cursor={cursor}"), "cursor"), other
    for bad in (cursor[:-1], cursor + "A", cursor[:-4] + "AAAA", "AAAA" + cursor[4:], cursor + "&order=asc"):
        refused(world.ask(route, f"cursor={bad}"), "cursor")


def test_every_parameter_has_values(world):
    words = {p for _, p in ENUMS} | set(VALUES) | set(THINGS)
    assert {p for _, p in CASES} == words, "none is missing, none is left over"
    names = {r.name for r in ROUTES}
    assert all(route is None or route in names for route, _ in ENUMS) and ANY <= {(r.name, p) for r in ROUTES for p in r.query}
    assert set(DEADLY) < set(REASONS)
    assert len(CASES) >= 90 and len(LISTS) >= 9


# Filters in bodies.

EXPORT = next(r for r in ROUTES if r.name == "GET /v1/dead-letters/export")
IN_BODIES = [(f"/v1/dead-letters/{what}", p) for what in ("retry", "discard") for p in EXPORT.query]


def refused_member(answer, pointer, status=422):
    assert (answer.status, answer.pointers) == (status, [pointer]), answer
    return answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("path, member", IN_BODIES)
def test_bad_filter_in_a_body(world, path, member):
    def ask(value):
        return world.wire.ask("POST", path, {"filter": {member: value}, "dry_run": True}, world.key)

    words, things = enum_of(EXPORT, member), THINGS.get(member)
    good, bad_ones, says = VALUES.get(member) or (words or [], [*STATES, *sorted(set(REASONS) - set(DEADLY)), "", "x"], DEADLY[0])
    for value in good:
        assert ask(value).status == 200, value
    for value in things or bad_ones:
        if "\xff" not in value and "\xc0" not in value and value not in good:
            detail = refused_member(ask(value), f"/filter/{member}", 404 if things else 422)
            assert ("give its id or uid" if things else says.replace("(a + is written %2B), ", "")) in detail, value
    for value in (7, True, [], {}, ["x"]):
        assert refused_member(ask(value), f"/filter/{member}") == "must be a string"


@pytest.mark.parametrize(
    "member, bad_ones, says",
    [
        ("since", [*TIMES, 7, [], None], "RFC 3339"),
        ("until", [*TIMES, 7, []], "RFC 3339"),
        ("states", ["dead", [], ["pending"], ["dead", "x"], [7], 7, {}], "delivered"),
        ("types", ["a.b", [7], ["a..b"], ["a", "ord*"], 7, {}, ["a.*"] * 51], ""),
        ("dry_run", ["yes", 1, []], "true or false"),
    ],
)
def test_bad_member_of_a_recovery(world, member, bad_ones, says):
    for bad in bad_ones:
        answer = world.wire.ask("POST", "/v1/endpoints/one/recover", {"since": "-1h", "dry_run": True, member: bad}, world.key)
        assert answer.status == 422 and answer.pointers[0].startswith(f"/{member}"), (bad, answer)
        assert says in answer.json["errors"][0]["detail"], (bad, answer)


# Ids in paths.

IDS = [r for r in ROUTES if "{id}" in r.path]


@pytest.mark.parametrize("route", IDS, ids=str)
def test_bad_id_in_a_path(world, route):
    body = BODIES.get(route.name, {"name": "x"} if "subscribers" in route.path else {}) if route.body != "NONE" else None
    kind = route.path.split("/")[2]
    for bad in ("nobody", "evt_0000000000001", "sub_0000000000001", "dlv_0000000000001", "x_1", "a%20b", "%FF", "..%2F..", "x" * 300):
        if route.method == "PUT" and not bad[3:].endswith("_0000000000001"):
            continue  # that makes a thing, or says what a uid is made of
        answer = world.wire.ask(route.method, route.path.replace("{id}", bad) + ("?endpoint=one" if "explain" in route.path else ""), body, world.key)
        assert (answer.status, answer.code) == (404, "not_found"), (bad, answer)
        if kind in ("deliveries", "operations", "keys") and bad == "nobody":
            prefix = {"deliveries": "dlv", "operations": "op", "keys": "key"}[kind]
            assert f"give its id, {prefix}_" in answer.json["detail"]
    for broken in ("%zz", "%", "%00"):
        answer = world.wire.ask(route.method, route.path.replace("{id}", broken), body, world.key)
        assert (answer.status, answer.code) == (400, "bad_request") and "percent-encoding" in answer.json["detail"], (broken, answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_bad_event_type_in_a_path(world, method):
    for bad in ("a..b", ".a", "a.", "a%20b", "%FF", "a.*"):
        answer = world.wire.ask(method, f"/v1/event-types/{bad}", {"owner": "x"} if method == "PUT" else None, world.key)
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["/type"]), (bad, answer)
        assert "segment" in answer.json["detail"]
