"""Endpoints that are to be verified get nothing but the question until they answer it: the CloudEvents handshake, or a challenge."""

import json
import re
import socket

import pytest

from hub import eventually, run
from sink import Reply
from test_rotation import next_request

CHALLENGE = {"type": "challenge"}
CLOUDEVENTS = {"type": "cloudevents"}


def challenge_of(received):
    return json.loads(received.body)["data"]["challenge"]


def echo(received):
    """A receiver that passes: it answers the challenge, and takes everything else."""
    if received.headers.get("grapnel-event-type") == "grapnel.challenge":
        return Reply(200, body=challenge_of(received).encode())
    return Reply(204)


def consent(**headers):
    return Reply(204, headers={"WebHook-Allowed-Origin": "*", **headers})


def asked(sink, path="/"):
    return [r for r in sink.received(path) if r.method == "OPTIONS" or r.headers.get("grapnel-event-type") == "grapnel.challenge"]


def wait_state(hub, endpoint, state):
    return eventually(
        lambda: (lambda now: now if now["state"] == state else None)(hub.got(f"/v1/endpoints/{endpoint['id']}")["verification"]),
        f"a verification that is {state}",
    )


def verify(hub, endpoint, status=202):
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/verify")
    assert answer.status == status, answer
    return answer


# ---- Nobody who does not ask for it ----


def test_nothing_is_asked_unless_the_endpoint_or_the_hub_says_so(hub, sink):
    endpoint = hub.endpoint(sink.url())
    assert endpoint["verification"] == {"type": "none"}
    assert next_request(hub, sink) and len(sink.received()) == 1
    assert verify(hub, endpoint, 409).code == "wrong_state"


# ---- The challenge ----


@pytest.mark.parametrize(
    "answer",
    [
        lambda c: c.encode(),
        lambda c: b"  " + c.encode() + b"\r\n",
        lambda c: json.dumps({"challenge": c, "more": [1]}).encode(),
    ],
)
def test_an_endpoint_that_echoes_the_challenge_is_verified(hub, sink, answer):
    sink.on("/", lambda r: Reply(200, body=answer(challenge_of(r))))
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    assert endpoint["verification"]["type"] == "challenge" and endpoint["verification"]["state"] in ("pending", "verified")
    shown = wait_state(hub, endpoint, "verified")
    assert shown["detail"] is None and shown["allowed_per_minute"] is None and shown["since"]
    (received,) = sink.received()
    assert received.method == "POST" and received.headers["content-type"] == "application/json"
    assert received.signed_with(endpoint["secret"]) and received.webhook_id.startswith("chl_")
    assert json.loads(received.body)["type"] == "grapnel.challenge"
    assert "grapnel-delivery-id" not in received.headers


@pytest.mark.parametrize("format", ["standard", "thin", "cloudevents-structured", "cloudevents-binary"])
def test_the_challenge_is_the_same_in_every_format(hub, sink, format):
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), format=format, verification=CHALLENGE, method="PUT", headers={"X-Team": "7"})
    wait_state(hub, endpoint, "verified")
    (received,) = sink.received()
    assert set(json.loads(received.body)) == {"type", "timestamp", "data"} and received.signed_with(endpoint["secret"])
    assert received.method == "PUT" and received.headers["x-team"] == "7"


@pytest.mark.parametrize(
    "answer, word",
    [
        (Reply(200), "challenge"),
        (Reply(200, body=b"ok"), "challenge"),
        (lambda r: Reply(200, body=r.body), "challenge"),  # who reflects everything has not understood it
        (lambda r: Reply(200, body=b"<p>" + challenge_of(r).encode() + b"</p>"), "challenge"),
        (lambda r: Reply(200, body=b'{"challenge": "' + challenge_of(r).encode() + b'", "challenge": 1}'), "challenge"),
        (lambda r: Reply(500, body=challenge_of(r).encode()), "500"),
        (lambda r: Reply(302, body=challenge_of(r).encode(), headers={"Location": "/"}), "302"),
        (Reply(then="close"), "the connection ended"),
    ],
)
def test_other_answers_fail_and_say_why(hub, sink, answer, word):
    sink.on("/", answer)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    shown = wait_state(hub, endpoint, "failed")
    assert word in shown["detail"] and len(sink.received()) == 1


def test_an_endpoint_that_does_not_listen_fails(hub):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = hub.endpoint(f"http://127.0.0.1:{free.getsockname()[1]}/", verification=CHALLENGE)
        assert wait_state(hub, endpoint, "failed")["detail"].startswith("no connection: refused")


def test_a_subscriber_learns_no_more_than_that_nothing_is_reached(hub):
    hub.subscriber("acme")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        endpoints = [hub.endpoint(url, subscriber="acme", verification=CHALLENGE) for url in (f"http://127.0.0.1:{port}/", "http://nobody.invalid/")]
        said = {wait_state(hub, endpoint, "failed")["detail"] for endpoint in endpoints}
    assert len(said) == 1 and said.pop().startswith("there is no way to the endpoint now")


def test_the_address_policy_holds_for_the_question(make_hub, sink):
    hub = make_hub(allow=None)
    endpoint = hub.endpoint("http://localhost.test.invalid/", verification=CHALLENGE)
    assert wait_state(hub, endpoint, "failed")["detail"].startswith("the host name could not be resolved: ")
    refused = hub.api("POST", "/v1/endpoints", {"url": sink.url(), "event_types": ["*"], "verification": CHALLENGE})
    assert refused.status == 422 and not sink.received()


# ---- Until then ----


def test_deliveries_are_made_and_wait_until_it_is_verified(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE, ordered=True)
    wait_state(hub, endpoint, "failed")
    events = [hub.publish(data={"n": n}) for n in range(3)]
    assert [e["deliveries"] for e in events] == [1, 1, 1]
    explained = hub.got(f"/v1/events/{events[0]['id']}/explain", endpoint=endpoint["id"])
    assert explained["waiting"]["for"] == "verification"
    for event in events:
        assert hub.delivery(event)["state"] in ("pending", "held")
    sink.on("/", echo)
    assert verify(hub, endpoint).json["verification"]["state"] in ("pending", "verified")
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert [r.webhook_id for r in sink.received()][-3:] == [e["id"] for e in events]
    assert len(asked(sink)) == 2 and len(sink.received()) == 5


def test_a_test_is_refused_until_then(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test")
    assert (answer.status, answer.code) == (409, "wrong_state") and "verified" in answer.json["detail"]
    assert len(sink.received()) == 1
    sink.on("/", echo)
    verify(hub, endpoint)
    wait_state(hub, endpoint, "verified")
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test").json["state"] == "delivered"


def test_retrying_by_hand_does_not_pass_it_by(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    delivery = hub.delivery(hub.publish())
    hub.api("POST", f"/v1/deliveries/{delivery['id']}/retry")
    verify(hub, endpoint)  # it fails again; what is asked comes after what is due
    eventually(lambda: len(asked(sink)) == 2, "the second question")
    wait_state(hub, endpoint, "failed")
    assert sink.received() == asked(sink)


def test_another_url_is_verified_anew(hub, sink):
    sink.on("/a", echo)
    sink.on("/b", Reply(500))
    endpoint = hub.endpoint(sink.url("/a"), verification=CHALLENGE)
    wait_state(hub, endpoint, "verified")
    path = f"/v1/endpoints/{endpoint['id']}"
    assert hub.api("PATCH", path, {"description": "x"}).json["verification"]["state"] == "verified"
    assert hub.api("PATCH", path, {"url": sink.url("/b")}).json["verification"]["state"] in ("pending", "failed")
    wait_state(hub, endpoint, "failed")
    hub.publish()
    hub.api("PATCH", path, {"url": sink.url("/a")})
    wait_state(hub, endpoint, "verified")
    sink.wait_for(1, "/a", where=lambda r: r.webhook_id.startswith("evt_"))
    assert sink.received("/b") == asked(sink, "/b") and len(asked(sink, "/a")) == 2


def test_the_answer_of_the_old_url_does_not_count_for_the_new_one(hub, sink):
    gate = sink.gate()
    sink.on("/slow", lambda r: Reply(200, body=challenge_of(r).encode(), gate=gate))
    sink.on("/new", Reply(500))
    endpoint = hub.endpoint(sink.url("/slow"), verification=CHALLENGE)
    sink.wait_for(1, "/slow")
    hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"url": sink.url("/new")})
    gate.set()
    wait_state(hub, endpoint, "failed")
    assert len(asked(sink, "/new")) == 1


def test_taking_the_verification_away_sends_what_waited(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    event = hub.publish()
    sink.on("/", 204)
    assert hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"verification": None}).json["verification"] == {"type": "none"}
    hub.wait_delivery(event, "delivered")


def test_get_then_put_keeps_it_verified(hub, sink):
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "verified")
    shown = hub.got(f"/v1/endpoints/{endpoint['id']}")
    assert hub.api("PUT", f"/v1/endpoints/{endpoint['id']}", shown).json["verification"] == shown["verification"]
    assert len(sink.received()) == 1


# ---- CloudEvents ----


def test_the_cloudevents_handshake(make_hub, sink):
    hub = make_hub("--endpoints-origin", "hooks.example.com")
    sink.on("/hook?a=b", lambda r: consent() if r.method == "OPTIONS" else Reply(204))
    endpoint = hub.endpoint(sink.url("/hook?a=b"), verification=CLOUDEVENTS)
    assert wait_state(hub, endpoint, "verified")["allowed_per_minute"] is None
    event = hub.publish()
    hub.wait_delivery(event, "delivered")
    handshake, delivery = sink.received("/hook?a=b")
    assert handshake.method == "OPTIONS" and handshake.headers["webhook-request-origin"] == "hooks.example.com"
    assert handshake.body == b"" and "webhook-signature" not in handshake.headers and "content-type" not in handshake.headers
    assert delivery.method == "POST" and delivery.webhook_id == event["id"]


@pytest.mark.parametrize("status", [200, 204, 405, 500])
@pytest.mark.parametrize("origin", ["*", "grapnel", "GRAPNEL"])
def test_consent_is_the_header_and_not_the_status(hub, sink, status, origin):
    sink.on("/", Reply(status, headers={"WebHook-Allowed-Origin": origin}))
    wait_state(hub, hub.endpoint(sink.url(), verification=CLOUDEVENTS), "verified")


def test_the_host_of_public_url_is_the_origin(make_hub, sink):
    hub = make_hub("--public-url", "https://hub.example.com:8443/in")
    sink.on("/", lambda r: consent(**{"WebHook-Allowed-Origin": r.headers["webhook-request-origin"]}))
    wait_state(hub, hub.endpoint(sink.url(), verification=CLOUDEVENTS), "verified")
    assert sink.received()[0].headers["webhook-request-origin"] == "hub.example.com"


@pytest.mark.parametrize("answer", [Reply(200), consent(**{"WebHook-Allowed-Origin": "other.example.com"}), Reply(then="reset")])
def test_without_consent_it_fails(hub, sink, answer):
    sink.on("/", answer)
    endpoint = hub.endpoint(sink.url(), verification=CLOUDEVENTS)
    assert wait_state(hub, endpoint, "failed")["detail"]
    hub.publish()
    verify(hub, endpoint)
    eventually(lambda: len(sink.received()) == 2, "the second question")
    assert {r.method for r in sink.received()} == {"OPTIONS"}


@pytest.mark.parametrize("given, shown", [("120", 120), ("*", None), ("99999999999999999999", 1000000000)])
def test_the_allowed_rate_is_kept(hub, sink, given, shown):
    sink.on("/", consent(**{"WebHook-Allowed-Rate": given}))
    endpoint = hub.endpoint(sink.url(), verification=CLOUDEVENTS)
    assert wait_state(hub, endpoint, "verified")["allowed_per_minute"] == shown
    hub.restart()
    assert hub.got(f"/v1/endpoints/{endpoint['id']}")["verification"]["allowed_per_minute"] == shown


@pytest.mark.parametrize("own", [None, {"limit": 1000, "per_ms": 1000}])
def test_the_allowed_rate_is_kept_to(hub, sink, own):
    sink.on("/", lambda r: consent(**{"WebHook-Allowed-Rate": "600"}) if r.method == "OPTIONS" else Reply(204))
    endpoint = hub.endpoint(sink.url(), verification=CLOUDEVENTS, **({"rate": own} if own else {}))
    wait_state(hub, endpoint, "verified")
    assert hub.got(f"/v1/endpoints/{endpoint['id']}")["rate"] == own
    assert sink.received()[0].headers.get("webhook-request-rate") == ("60000" if own else None)
    for _ in range(12):
        hub.publish()
    times = [r.at for r in sink.wait_for(12, where=lambda r: r.method == "POST")]
    assert times[-1] - times[0] >= 11 * 0.1 * 0.9, "600 a minute are ten a second"


def test_the_endpoints_own_rate_counts_where_it_is_less(hub, sink):
    sink.on("/", lambda r: consent(**{"WebHook-Allowed-Rate": "60000"}) if r.method == "OPTIONS" else Reply(204))
    endpoint = hub.endpoint(sink.url(), verification=CLOUDEVENTS, rate={"limit": 10, "per_ms": 1000})
    wait_state(hub, endpoint, "verified")
    for _ in range(8):
        hub.publish()
    times = [r.at for r in sink.wait_for(8, where=lambda r: r.method == "POST")]
    assert times[-1] - times[0] >= 7 * 0.1 * 0.9


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "1 2"])
def test_a_rate_that_is_none_is_no_consent(hub, sink, given):
    sink.on("/", consent(**{"WebHook-Allowed-Rate": given}))
    assert "Rate" in wait_state(hub, hub.endpoint(sink.url(), verification=CLOUDEVENTS), "failed")["detail"]


def test_a_source_of_another_hub_consents(make_hub):
    receiver, hub = make_hub(), make_hub()
    receiver.made("/v1/sources", {"uid": "door", "scheme": "cloudevents", "secret": "a token of some length", "settings": {"allowed_rate": 600}})
    endpoint = hub.endpoint(f"http://127.0.0.1:{receiver.port}/in/door?access_token=x", verification=CLOUDEVENTS)
    wait_state(hub, endpoint, "verified")


# ---- Crashes, and many ----


def test_state_survives_a_restart(hub, sink):
    sink.on("/good", echo)
    sink.on("/bad", 500)
    good, bad = (hub.endpoint(sink.url(path), verification=CHALLENGE) for path in ("/good", "/bad"))
    wait_state(hub, good, "verified"), wait_state(hub, bad, "failed")
    hub.kill9()
    hub.start()
    assert hub.got(f"/v1/endpoints/{good['id']}")["verification"]["state"] == "verified"
    assert hub.got(f"/v1/endpoints/{bad['id']}")["verification"]["state"] == "failed"
    event = hub.publish()
    hub.wait_delivery(event, "delivered", good)
    assert [len(asked(sink, path)) for path in ("/good", "/bad")] == [1, 1] and len(sink.received("/bad")) == 1


@pytest.mark.parametrize("stop", ["kill9", "terminate"])
def test_what_was_not_answered_is_asked_again_after_a_restart(hub, sink, stop):
    sink.on("/", Reply(then="never"))
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    event = hub.publish()
    sink.wait_for(1)
    getattr(hub, stop)()
    sink.on("/", echo)
    hub.start()
    wait_state(hub, endpoint, "verified")
    hub.wait_delivery(event, "delivered")


def test_endpoints_that_never_answer_delay_no_other_subscribers(hub, sink):
    """More of one subscriber than are asked at a time."""
    sink.on("/never", Reply(then="never"))
    sink.on("/good", echo)
    hub.subscriber("hostile"), hub.subscriber("honest")
    for n in range(100):
        hub.endpoint(sink.url("/never"), subscriber="hostile", verification=CHALLENGE, timeout_ms=120000)
    good = hub.endpoint(sink.url("/good"), subscriber="honest", verification=CHALLENGE)
    wait_state(hub, good, "verified")
    assert len(sink.received("/never")) <= 8


def test_many_of_one_subscriber_are_all_asked(hub, sink):
    sink.on("/", echo)
    hub.subscriber("acme")
    made = [hub.endpoint(sink.url(), subscriber="acme", verification=CHALLENGE) for _ in range(40)]
    for endpoint in made:
        wait_state(hub, endpoint, "verified")
    assert len(sink.received()) == 40


def test_deleted_and_disabled_ones(hub, sink):
    sink.on("/", Reply(500))
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    path = f"/v1/endpoints/{endpoint['id']}"
    hub.api("POST", path + "/disable")
    sink.on("/", echo)
    verify(hub, endpoint)
    wait_state(hub, endpoint, "verified")
    assert hub.got(path)["status"] == "disabled"
    assert hub.api("DELETE", path).status == 204
    assert hub.api("POST", path + "/verify").status == 404


def test_the_condition_of_a_request_holds(hub, sink):
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "verified")
    path = f"/v1/endpoints/{endpoint['id']}/verify"
    assert hub.api("POST", path, headers={"If-Match": '"0-0"'}).status == 412
    first = hub.api("POST", path, headers={"Idempotency-Key": "k"})
    assert first.status == 202
    wait_state(hub, endpoint, "verified")
    again = hub.api("POST", path, headers={"Idempotency-Key": "k"})
    assert (again.status, again.body) == (202, first.body)
    assert len(sink.received()) == 2, "it is asked once"


def test_the_command_line_shows_and_mends_it(hub, sink):
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url(), uid="billing", verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    shown = run("endpoints", "show", "billing", "--data", hub.data).stdout
    assert "failed" in shown and "it answered 500 to the challenge" in shown
    assert " failed " in run("endpoints", "list", "--data", hub.data).stdout
    sink.on("/", echo)
    done = run("endpoints", "verify", "billing", "--data", hub.data)
    assert done.returncode == 0 and done.stdout.split()[-1] in ("pending", "verified")
    wait_state(hub, endpoint, "verified")


# ---- The hub's option ----


def test_the_option_is_for_endpoints_that_say_nothing(make_hub, sink):
    hub = make_hub("--endpoints-verify", "challenge")
    sink.on("/", echo)
    sink.on("/ce", consent())
    endpoint = hub.endpoint(sink.url())
    assert endpoint["verification"]["type"] == "challenge"
    wait_state(hub, endpoint, "verified")
    assert hub.endpoint(sink.url("/ce"), verification=CLOUDEVENTS)["verification"]["type"] == "cloudevents"
    assert hub.endpoint(sink.url(), verification={"type": "none"})["verification"] == {"type": "none"}


def test_endpoints_of_before_the_option_go_on_until_their_url_changes(make_hub, sink):
    hub = make_hub()
    endpoint = hub.endpoint(sink.url())
    path = f"/v1/endpoints/{endpoint['id']}"
    hub.restart("--endpoints-verify", "challenge")
    hub.wait_delivery(hub.publish(), "delivered")
    assert hub.api("PATCH", path, {"timeout_ms": 1000}).json["verification"] == {"type": "none"}
    assert hub.api("PUT", path, hub.got(path)).json["verification"] == {"type": "none"}
    assert hub.api("PATCH", path, {"verification": None}).json["verification"] == {"type": "none"}
    sink.on("/new", echo)
    assert hub.api("PATCH", path, {"url": sink.url("/new")}).json["verification"]["type"] == "challenge"
    wait_state(hub, endpoint, "verified")


def test_a_subscribers_own_key_cannot_do_without_it(make_hub, sink):
    hub = make_hub("--endpoints-verify", "challenge")
    hub.subscriber("acme")
    key = hub.key("manage", subscriber="acme")
    refused = hub.api("POST", "/v1/endpoints", {"url": sink.url(), "event_types": ["*"], "verification": {"type": "none"}}, key=key)
    assert refused.status == 422 and refused.pointers == ["/verification/type"]
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), key=key)
    wait_state(hub, endpoint, "verified")
    path = f"/v1/endpoints/{endpoint['id']}"
    assert hub.api("PATCH", path, {"verification": {"type": "none"}}, key=key).status == 422
    assert hub.api("PATCH", path, {"verification": None}, key=key).json["verification"]["type"] == "challenge"
    assert hub.api("POST", path + "/verify", key=key).status == 202


def test_every_change_is_in_the_audit(hub, sink):
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "verified")
    verify(hub, endpoint)
    eventually(lambda: hub.got("/v1/audit", action="endpoint.verified")["data"][1:], "the second answer")
    actions = [(row["action"], row["actor"]["kind"] == "hub") for row in hub.pages("/v1/audit", resource=endpoint["id"], order="asc")]
    assert actions == [("endpoint.create", False), ("endpoint.verified", True), ("endpoint.verify", False), ("endpoint.verified", True)]


@pytest.mark.parametrize(
    "pointer, given",
    [
        ("/verification", "challenge"),
        ("/verification/type", {}),
        ("/verification/type", {"type": "email"}),
        ("/verification/type", {"type": None}),
        ("/verification/secret", {"type": "challenge", "secret": "x"}),
    ],
)
def test_other_verifications_are_refused(shared_hub, pointer, given):
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["*"], "verification": given})
    assert answer.status == 422 and answer.pointers == [pointer], answer


# ---- The command line ----


def verified_by_hand(hub, endpoint, *options):
    return run("endpoints", "verify", endpoint["id"], "--data", hub.data, *options)


def test_the_command_waits_for_what_comes_of_it(hub, sink):
    sink.on("/", Reply(204))
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "failed")
    done = verified_by_hand(hub, endpoint)
    assert done.returncode == 1 and re.search(r"^verification +failed$", done.stdout, re.M) and re.search(r"^why +\S", done.stdout, re.M), done
    sink.on("/", echo)
    done = verified_by_hand(hub, endpoint)
    assert done.returncode == 0 and re.search(r"^verification +verified$", done.stdout, re.M), done
    sink.on("/", Reply(then="never"))
    done = verified_by_hand(hub, endpoint, "--wait", "200ms")
    assert done.returncode == 1 and "pending" in done.stdout and "not answered yet" in done.stderr, done
    assert verified_by_hand(hub, endpoint, "--wait", "long").returncode == 2


def test_without_a_hub_the_command_does_not_wait(hub, sink):
    sink.on("/", echo)
    endpoint = hub.endpoint(sink.url(), verification=CHALLENGE)
    wait_state(hub, endpoint, "verified")
    hub.terminate()
    done = run("endpoints", "verify", endpoint["id"], "--data", hub.data, "--egress-allow", "127.0.0.0/8")
    assert done.returncode == 1 and "pending" in done.stdout and "no hub runs" in done.stderr, done
