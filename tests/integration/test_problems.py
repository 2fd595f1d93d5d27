"""Every problem code of errors.def: each is provoked from outside, with its status and title, and is such as openapi.yaml describes."""

import json
import os
import threading
from datetime import datetime, timedelta, timezone

import pytest

from hub import Answer, eventually
from schema import Schemas
from sink import Reply
from tables import PROBLEMS

URL = "http://127.0.0.1:9/hook"
ENDPOINT = {"url": URL, "event_types": ["never.published"]}
KIB = 1024
RETRIED = {"in_progress", "too_many_attempts", "unavailable"}  # with Retry-After

# Those that no test here can provoke, and why; or the file that does, by the words that it must hold.
UNREACHABLE = {"internal": "it says that the hub itself is wrong: what would provoke it is a bug to mend"}
ELSEWHERE = {"storage_unavailable": ("../fault/test_disk.py", '(503, "storage_unavailable")')}

HERE = os.path.dirname(__file__)
with open(os.path.join(HERE, "..", "..", "docs", "openapi.json"), encoding="utf-8") as file:
    SCHEMAS = Schemas(json.load(file))


def raw(hub, request):
    """The answer to a request that no client library would send."""
    head, _, body = hub.raw(request).partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return Answer(int(status.split(" ")[1]), [tuple(h.split(": ", 1)) for h in headers], body)


def paused(hub, **fields):
    made = hub.endpoint(URL, **fields)
    assert hub.api("POST", f"/v1/endpoints/{made['id']}/pause").status == 200
    return made


def disabled(hub):
    made = hub.endpoint(URL, ["never.published"])
    assert hub.api("POST", f"/v1/endpoints/{made['id']}/disable").status == 200
    return made


# Each gives the answer with the problem of its name.


def unparsable(hub, sink):
    return hub.api("POST", "/v1/events", body=b"{")


def bad_request(hub, sink):
    return hub.api("GET", "/v1/events/%zz")


def unauthenticated(hub, sink):
    return hub.api("GET", "/v1/events", key=None)


def login_failed(hub, sink):
    return hub.api("POST", "/login", {"name": "nobody", "password": "a guess"}, key=None)


def missing_scope(hub, sink):
    return hub.api("GET", "/v1/events", key=hub.key("publish"))


def csrf_failed(hub, sink):
    return hub.api("POST", "/login", {"name": "ada", "password": "x"}, key=None, headers={"Sec-Fetch-Site": "cross-site"})


def not_found(hub, sink):
    return hub.api("GET", "/v1/endpoints/nobody")


def no_such_route(hub, sink):
    return hub.api("GET", "/v1/nothing")


def method_not_allowed(hub, sink):
    return hub.api("DELETE", "/v1/events")


def conflict(hub, sink):
    hub.subscriber("busy")
    hub.endpoint(URL, ["never.published"], subscriber="busy")
    return hub.api("DELETE", "/v1/subscribers/busy")


def ambiguous_uid(hub, sink):
    for name in ("one", "two"):
        hub.subscriber(name)
        hub.endpoint(URL, ["never.published"], subscriber=name, uid="shared")
    return hub.api("GET", "/v1/endpoints/shared")


def uid_taken(hub, sink):
    hub.endpoint(URL, ["never.published"], uid="taken")
    return hub.api("POST", "/v1/endpoints", {**ENDPOINT, "uid": "taken"})


def endpoint_disabled(hub, sink):
    return hub.api("POST", f"/v1/endpoints/{disabled(hub)['id']}/test")


def wrong_state(hub, sink):
    endpoint = paused(hub, types=["state.one"])
    delivery = hub.delivery(hub.publish("state.one"), endpoint)["id"]
    assert hub.api("POST", f"/v1/deliveries/{delivery}/cancel").status == 200
    return hub.api("POST", f"/v1/deliveries/{delivery}/cancel")


def expired(hub, sink):
    paused(hub, types=["short.lived"])
    soon = (datetime.now(timezone.utc) + timedelta(milliseconds=300)).isoformat().replace("+00:00", "Z")
    event = hub.publish("short.lived", expires_at=soon)
    return eventually(lambda: (lambda a: a if a.status != 200 else None)(hub.api("POST", f"/v1/events/{event['id']}/resend")), "the expiry")


def payload_erased(hub, sink):
    event = hub.publish("erased.one")
    assert hub.api("DELETE", f"/v1/events/{event['id']}/payload").status == 200
    return hub.api("GET", f"/v1/events/{event['id']}/payload")


def in_progress(hub, sink):
    gate, path = sink.gate(), f"/v1/endpoints/{hub.endpoint(sink.url('/busy'), ['never.published'])['id']}/test"
    sink.on("/busy", Reply(gate=gate))
    key = {"Idempotency-Key": "twice"}
    first = threading.Thread(target=lambda: hub.api("POST", path, {}, headers=key))
    first.start()
    sink.wait_for(1, "/busy")
    answer = hub.api("POST", path, {}, headers=key)
    gate.set()
    first.join()
    return answer


def precondition_failed(hub, sink):
    made = hub.endpoint(URL, ["never.published"])
    return hub.api("DELETE", f"/v1/endpoints/{made['id']}", headers={"If-Match": '"stale"'})


def too_large(hub, sink):
    return hub.api("POST", "/v1/endpoints", {**ENDPOINT, "description": "x" * 65 * KIB})


def uri_too_long(hub, sink):
    return raw(hub, b"GET /v1/events?q=" + b"a" * 12 * KIB + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")


def unsupported_media_type(hub, sink):
    return hub.api("POST", "/v1/endpoints", body=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})


def expectation_failed(hub, sink):
    return raw(hub, hub.head("POST", "/v1/endpoints", "Expect: the-impossible", "Content-Length: 2", "Connection: close") + b"{}")


def invalid(hub, sink):
    return hub.api("POST", "/v1/endpoints", {**ENDPOINT, "timeout_ms": 1})


def idempotency_key_reused(hub, sink):
    hub.publish("never.matched", 1, uid="once")
    return hub.api("POST", "/v1/events", {"type": "never.matched", "data": 2, "uid": "once"})


def too_many_attempts(hub, sink):
    for _ in range(20):
        answer = hub.api("POST", "/login", {"name": "nobody", "password": "a guess"}, key=None)
        if answer.status != 401:
            return answer
    raise AssertionError("guesses are not slowed down")


def headers_too_large(hub, sink):
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 300) for n in range(60))
    return raw(hub, b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + lines + b"Connection: close\r\n\r\n")


def unavailable(hub, sink):
    """More tests than may be under way at once."""
    gate = sink.gate()
    sink.on("/hang", Reply(gate=gate))
    path = f"/v1/endpoints/{hub.endpoint(sink.url('/hang'), ['never.published'], timeout_ms=60000)['id']}/test"
    hub.admin
    threads = [threading.Thread(target=lambda: hub.api("POST", path)) for _ in range(16)]
    for thread in threads:
        thread.start()
    sink.wait_for(16, "/hang")
    answer = hub.api("POST", path)
    gate.set()
    for thread in threads:
        thread.join()
    return answer


def unverified(hub, sink):
    assert hub.api("PUT", "/v1/sources/gh", {"scheme": "github"}).status in (200, 201)
    return hub.api("POST", "/in/gh", body=b"{}", key=None)


def rate_limited(hub, sink):
    assert hub.api("PUT", "/v1/sources/slow", {"scheme": "none", "rate": {"limit": 1, "per_ms": 86400000}}).status in (200, 201)
    assert hub.api("POST", "/in/slow", body=b"{}", key=None).status == 200
    return hub.api("POST", "/in/slow", body=b"{}", key=None)


PROVOKED = {
    f.__name__: f
    for f in (
        unparsable, bad_request, unauthenticated, login_failed, missing_scope, csrf_failed, not_found, no_such_route, method_not_allowed,
        conflict, ambiguous_uid, uid_taken, endpoint_disabled, wrong_state, expired, in_progress, payload_erased, precondition_failed, too_large,
        uri_too_long, unsupported_media_type, expectation_failed, invalid, idempotency_key_reused, too_many_attempts, headers_too_large,
        unavailable, unverified, rate_limited,
    )
}  # fmt: skip


@pytest.mark.parametrize("code", PROVOKED)
def test_problem_is_provoked_with_its_status_and_title(shared_hub, shared_sink, code):
    answer = PROVOKED[code](shared_hub, shared_sink)
    status, title = PROBLEMS[code]
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json
    assert (answer.status, problem["code"], problem["status"], problem["title"]) == (status, code, status, title), answer
    assert problem["detail"] and problem["detail"] != title, "it says more than its title"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert SCHEMAS.findings(problem, {"$ref": "#/components/schemas/Problem"}) == []
    assert (code in RETRIED) <= ("retry-after" in answer.headers), answer.headers
    assert code != "method_not_allowed" or answer.headers["allow"]
    assert code != "unauthenticated" or answer.headers["www-authenticate"].startswith("Bearer")


def test_each_code_is_provoked_here_or_elsewhere_or_cannot_be():
    groups = [set(PROVOKED), set(ELSEWHERE), set(UNREACHABLE)]
    assert set().union(*groups) == set(PROBLEMS), "a code that errors.def gains gets its test here"
    assert sum(map(len, groups)) == len(PROBLEMS), "each stands in one place"
    for path, words in ELSEWHERE.values():
        with open(os.path.join(HERE, path), encoding="utf-8") as file:
            assert words in file.read(), path
