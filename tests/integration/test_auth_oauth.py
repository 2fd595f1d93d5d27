"""OAuth 2 client credentials: the token endpoint is a Sink; what it is asked, how often, and what becomes of its failures."""

import base64
import json
import socket
from urllib.parse import parse_qs

import pytest

from hub import eventually
from sink import Reply

SECRET = "s3cret/with+all:of&it="


class Issuer:
    """A token endpoint on a sink: gives token-1, token-2, …"""

    def __init__(self, sink, path="/token", **answer):
        self.sink, self.path, self.answer = sink, path, answer
        self.given = 0
        sink.on(path, self._give)

    def _give(self, received):
        self.given += 1
        body = {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": 3600, **self.answer}
        return Reply(200, {"content-type": "application/json"}, json.dumps(body).encode())

    @property
    def asked(self):
        return self.sink.received(self.path)


@pytest.fixture
def issuer(sink):
    return Issuer(sink)


def oauth(sink, **more):
    return {"type": "oauth2", "token_url": sink.url("/token"), "client_id": "hub & co", "client_secret": SECRET, **more}


def tokens(sink, path="/in"):
    return [r.headers.get("authorization") for r in sink.received(path)]


def failure(delivery):
    attempt = delivery["attempts"][-1]
    return attempt["failure"], attempt["detail"]


def test_the_client_shows_itself_by_http_basic(hub, sink, issuer):
    hub.endpoint(sink.url("/in"), auth=oauth(sink, scope="hooks:write more", audience="https://api.example.com/"))
    hub.wait_delivery(hub.publish(), "delivered")
    (asked,) = issuer.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    wanted = base64.b64encode(b"hub+%26+co:s3cret%2Fwith%2Ball%3Aof%26it%3D").decode()
    assert asked.headers["authorization"] == f"Basic {wanted}", "both are form-encoded first (RFC 6749, 2.3.1)"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"], "scope": ["hooks:write more"], "audience": ["https://api.example.com/"]}
    assert not any(name.startswith(("webhook-", "grapnel-")) for name in asked.headers)
    assert tokens(sink) == ["Bearer token-1"]


def test_or_by_the_form(hub, sink, issuer):
    hub.endpoint(sink.url("/in"), auth=oauth(sink, style="body"))
    hub.wait_delivery(hub.publish(), "delivered")
    (asked,) = issuer.asked
    assert "authorization" not in asked.headers
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "client_id": ["hub & co"], "client_secret": [SECRET]}


def test_a_token_is_used_until_it_ends(hub, sink, issuer):
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    for _ in range(5):
        hub.wait_delivery(hub.publish(), "delivered")
    assert len(issuer.asked) == 1 and set(tokens(sink)) == {"Bearer token-1"}


def test_an_ended_one_is_renewed(hub, sink):
    issuer = Issuer(sink, expires_in=0)
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    for _ in range(3):
        hub.wait_delivery(hub.publish(), "delivered")
    assert len(issuer.asked) == 3 and tokens(sink) == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


def test_it_is_renewed_before_it_ends(hub, sink):
    issuer = Issuer(sink, expires_in="1")
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    ends = {}

    def renewed():
        hub.wait_delivery(hub.publish(), "delivered")
        for received in sink.received("/in"):
            ends.setdefault(received.headers["authorization"], []).append(received.at)
        return issuer.given >= 2

    eventually(renewed, "a second token")
    asked = [r.at for r in issuer.asked]
    assert max(ends["Bearer token-1"]) - asked[0] < 1.0, "never sent when it is over"


def test_concurrent_deliveries_wait_for_one_request(hub, sink):
    gate = sink.gate()
    sink.on("/token", Reply(200, gate=gate, body=json.dumps({"access_token": "the-one", "token_type": "bearer"}).encode()))
    hub.endpoint(sink.url("/in"), auth=oauth(sink), max_in_flight=20)
    events = [hub.publish() for _ in range(20)]
    sink.wait_for(1, "/token")
    assert sink.received("/in") == []
    gate.set()
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert len(sink.received("/token")) == 1 and set(tokens(sink)) == {"Bearer the-one"}


def test_a_refused_token_is_replaced_once_in_an_attempt(hub, sink, issuer):
    sink.on("/in", 200, Reply(401), 200)
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    hub.wait_delivery(hub.publish(), "delivered")
    delivery = hub.wait_delivery(hub.publish(), "delivered")
    assert tokens(sink) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert delivery["attempts_made"] == 1 if "attempts_made" in delivery else len(delivery["attempts"]) <= 1
    second, third = sink.received("/in")[1:]
    assert (second.webhook_id, second.attempt, second.body) == (third.webhook_id, third.attempt, third.body)
    hub.wait_delivery(hub.publish(), "delivered")
    assert tokens(sink)[-1] == "Bearer token-2", "the new one is kept"


def test_who_refuses_every_token_is_asked_twice_in_an_attempt(hub, sink, issuer):
    sink.on("/in", 401)
    hub.endpoint(sink.url("/in"), auth=oauth(sink), retry={"schedule_ms": [1]})
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert [a["status"] for a in delivery["attempts"]] == [401, 401]
    assert len(sink.received("/in")) == 4 and len(set(tokens(sink))) == 3


def test_another_status_does_not_cost_the_token(hub, sink, issuer):
    sink.on("/in", 403, 500, 200)
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    hub.wait_delivery(hub.publish(), "delivered")
    assert tokens(sink) == ["Bearer token-1"] * 3 and len(issuer.asked) == 1


def test_a_new_secret_is_used_at_once(hub, sink, issuer):
    hub.endpoint(sink.url("/in"), uid="e", auth=oauth(sink, style="body"))
    hub.wait_delivery(hub.publish(), "delivered")
    assert hub.api("PATCH", "/v1/endpoints/e", {"auth": {"client_secret": "rotated"}}).status == 200
    hub.wait_delivery(hub.publish(), "delivered")
    assert parse_qs(issuer.asked[-1].body.decode())["client_secret"] == ["rotated"]
    assert tokens(sink)[-1] == "Bearer token-2"


def test_tokens_are_each_endpoints_own(hub, sink, issuer):
    hub.endpoint(sink.url("/a"), auth=oauth(sink))
    hub.endpoint(sink.url("/b"), auth=oauth(sink))
    for _ in range(2):
        hub.publish()
    sink.wait_for(2, "/a"), sink.wait_for(2, "/b")
    assert len(issuer.asked) == 2
    assert set(tokens(sink, "/a")) != set(tokens(sink, "/b")) and len(set(tokens(sink, "/a"))) == 1


def problem(code, description=None):
    return json.dumps({"error": code, **({"error_description": description} if description else {})}).encode()


FAILURES = {
    "refused": (Reply(401, body=problem("invalid_client", "no such client")), "answered 401 (invalid_client: no such client)"),
    "refused without a word": (Reply(503), "answered 503"),
    "redirect": (Reply(302, {"location": "/elsewhere"}), "answered 302; redirects are not followed"),
    "no token": (Reply(200, body=b"{}"), "without a usable access_token"),
    "no JSON": (Reply(200, body=b"<html>"), "without a usable access_token"),
    "nothing": (Reply(200), "without a usable access_token"),
    "a token that splits the header": (Reply(200, body=b'{"access_token": "a\\r\\nX-Evil: 1"}'), "without a usable access_token"),
    "another type": (Reply(200, body=b'{"access_token": "a", "token_type": "mac"}'), "not Bearer"),
    "huge": (Reply(200, body=b'{"access_token": "a", "x": "' + b"x" * 200000 + b'"}'), "too large"),
    "huge headers": (Reply(200, {f"x-{n}": "y" * 1000 for n in range(90)}, b'{"access_token": "a"}'), "too large"),
    "closed": (Reply(then="close"), "token endpoint: "),
    "no HTTP": (Reply(raw=b"\x00\x01\x02\r\n\r\n"), "token endpoint: "),
    "echo": (lambda r: Reply(400, body=problem("bad", f"what is {SECRET} and {r.headers['authorization']}?")), "[redacted]"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_request_is_a_failed_attempt_that_says_why(hub, sink, kind):
    reply, says = FAILURES[kind]
    sink.on("/token", reply)
    hub.endpoint(sink.url("/in"), auth=oauth(sink), retry={"schedule_ms": [60000]})
    event = hub.publish()
    delivery = hub.wait_delivery(event, "pending", where=lambda d: d["attempts"])
    code, detail = failure(delivery)
    assert code == "token" and says in detail, detail
    assert sink.received("/in") == [] and len(sink.received("/token")) == 1 and sink.received("/elsewhere") == []
    for secret in (SECRET, base64.b64encode(b"hub+%26+co:s3cret%2Fwith%2Ball%3Aof%26it%3D").decode()):
        assert secret not in json.dumps(delivery) and secret not in hub.log()


def test_one_that_never_answers_costs_the_attempts_time(hub, sink):
    sink.on("/token", Reply(then="never"))
    slow = hub.endpoint(sink.url("/in"), auth=oauth(sink), timeout_ms=300, retry={"schedule_ms": [60000]})
    hub.endpoint(sink.url("/healthy"))
    events = [hub.publish() for _ in range(3)]
    assert len(sink.wait_for(3, "/healthy")) == 3, "nobody else waits"
    durations = []
    for event in events:
        (attempt,) = eventually(lambda: hub.delivery(event, slow)["attempts"], "a failed attempt")
        assert (attempt["failure"], attempt["detail"]) == ("token", "the token endpoint cannot be reached, or did not answer in time")
        durations.append(attempt["duration_ms"])
    assert 300 <= max(durations) < 5000, "who came later ends with the first"
    assert sink.received("/in") == []


def test_it_recovers_with_the_next_attempt(hub, sink):
    good = Reply(200, body=json.dumps({"access_token": "good"}).encode())
    sink.on("/token", Reply(500), good)
    hub.endpoint(sink.url("/in"), auth=oauth(sink), retry={"schedule_ms": [1100]})
    hub.wait_delivery(hub.publish(), "delivered")
    assert tokens(sink) == ["Bearer good"]


def test_a_failure_stands_a_moment_for_all_who_ask(hub, sink):
    sink.on("/token", 500)
    hub.endpoint(sink.url("/in"), auth=oauth(sink), retry={"schedule_ms": [1, 1]})
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert {a["failure"] for a in delivery["attempts"]} == {"token"} and len(delivery["attempts"]) == 3
    assert len(sink.received("/token")) == 1, "no storm on a token endpoint that is in trouble"


def test_the_address_policy_holds_for_it(make_hub, sink):
    """Allowed when it was registered, denied when the token is fetched."""
    hub = make_hub(allow="127.0.0.1/32,127.0.0.2/32")
    auth = {**oauth(sink), "token_url": f"http://127.0.0.2:{sink.port}/token"}
    hub.endpoint(sink.url("/in"), auth=auth, retry={"schedule_ms": [60000]})
    hub.terminate()
    hub.allow = "127.0.0.1/32"
    hub.start()
    delivery = hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempts"])
    assert failure(delivery) == ("token", "the token endpoint cannot be reached, or did not answer in time"), "a subscriber learns nothing of the network by it"
    assert "127.0.0.0/8" in hub.log() and "the token endpoint of the endpoint" in hub.log()
    assert sink.received() == []


def test_a_test_fetches_a_token_too(hub, sink, issuer):
    hub.endpoint(sink.url("/in"), uid="e", auth=oauth(sink))
    assert hub.api("POST", "/v1/endpoints/e/test", {}).status == 200
    assert tokens(sink) == ["Bearer token-1"]


def test_a_stop_while_a_token_is_awaited_uses_up_no_attempt(hub, sink):
    sink.on("/token", Reply(then="never"))
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    event = hub.publish()
    sink.wait_for(1, "/token")
    hub.terminate()
    Issuer(sink)
    hub.start()
    hub.wait_delivery(event, "delivered")
    assert sink.received("/in")[0].attempt == 1


def test_tokens_are_never_written_down(hub, sink):
    Issuer(sink, access_token="tok-swordfish-0123456789")
    sink.on("/in", lambda r: Reply(500, body=json.dumps(r.headers).encode()))
    hub.endpoint(sink.url("/in"), auth=oauth(sink))
    delivery = hub.wait_delivery(hub.publish(), "dead")
    assert tokens(sink)[0] == "Bearer tok-swordfish-0123456789" and "[redacted]" in delivery["attempts"][0]["response"]
    hub.terminate()
    for name in (f"{hub.data}/grapnel.db", hub.log_path):
        with open(name, "rb") as file:
            assert b"swordfish" not in file.read()


def test_a_new_secret_does_not_wait_for_the_request_with_the_old_one(hub, sink):
    def give(received):
        old = parse_qs(received.body.decode())["client_secret"] == [SECRET]
        return Reply(then="never") if old else Reply(200, body=b'{"access_token": "new"}')

    sink.on("/token", give)
    hub.endpoint(sink.url("/in"), uid="e", auth=oauth(sink, style="body"), timeout_ms=60000)
    first = hub.publish()
    sink.wait_for(1, "/token")
    assert hub.api("PATCH", "/v1/endpoints/e", {"auth": {"client_secret": "rotated"}}).status == 200
    hub.wait_delivery(hub.publish(), "delivered")
    assert tokens(sink) == ["Bearer new"] and hub.delivery(first)["state"] == "pending"
    assert hub.api("DELETE", "/v1/endpoints/e").status == 204


@pytest.fixture
def silent():
    """A name server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_name_that_is_not_resolved_costs_the_attempts_time(make_hub, sink, silent):
    hub = make_hub("--dns-servers", silent)
    auth = {**oauth(sink), "token_url": "http://id.example/token"}
    hub.endpoint(sink.url("/in"), uid="e", auth=auth, timeout_ms=300, retry={"schedule_ms": [60000]})
    delivery = hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempts"])
    assert failure(delivery)[0] == "token" and "in time" in failure(delivery)[1]
    hub.publish()  # and the hub stops while it looks the name up
