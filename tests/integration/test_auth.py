"""How the hub shows itself to an endpoint: basic, bearer, an API key, headers; and where the secrets of it are, and are not."""

import base64
import glob
import json
import os

import pytest

from hub import run
from sink import Reply

URL = "https://hooks.example.com/in"
SECRET = "correct-horse/battery+staple"

BASIC = {"type": "basic", "username": "ada", "password": SECRET}
BEARER = {"type": "bearer", "token": SECRET}
API_KEY = {"type": "api_key", "header": "X-Api-Key", "value": SECRET}
OAUTH2 = {"type": "oauth2", "token_url": "http://127.0.0.1:9/token", "client_id": "grapnel", "client_secret": SECRET}

AS_SENT = {
    "basic": (BASIC, "authorization", "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()),
    "bearer": (BEARER, "authorization", f"Bearer {SECRET}"),
    "api_key": (API_KEY, "x-api-key", SECRET),
    "header": ({}, "authorization", f"Token {SECRET}"),
}


def redacted(auth):
    return {name: "***" if value == SECRET else value for name, value in auth.items()}


def next_received(hub, sink, path="/"):
    before = len(sink.received(path))
    hub.publish()
    return sink.wait_for(before + 1, path)[-1]


def stored(hub):
    """All the bytes that the hub has in files: database, WAL, log."""
    content = b""
    for name in [*glob.glob(f"{hub.data}/*"), hub.log_path]:
        if os.path.isfile(name):
            with open(name, "rb") as file:
                content += file.read()
    return content


@pytest.mark.parametrize("kind", AS_SENT)
def test_each_kind_is_sent_shown_to_nobody_and_sealed(hub, sink, kind):
    auth, name, value = AS_SENT[kind]
    fields = {"auth": auth} if auth else {"headers": {"Authorization": f"Token {SECRET}"}}
    sink.on("/", lambda received: Reply(500, body=json.dumps(received.headers).encode()), Reply())
    endpoint = hub.endpoint(sink.url(), uid="e", **fields)
    event = hub.publish()
    assert sink.wait_for(1)[0].headers[name] == value
    delivery = hub.wait_delivery(event, "delivered")
    assert sink.received()[1].headers[name] == value, "each attempt has it"
    told = delivery["attempts"][0]["response"]
    assert "[redacted]" in told and "grapnel-event-type" in told, "an answer that repeats it is kept without it"
    shown = hub.got("/v1/endpoints/e")
    if auth:
        assert shown["auth"] == redacted(auth)
    else:
        assert shown["headers"] == {"Authorization": "***"}
    encoded = value.split(" ")[-1]
    answers = [endpoint, shown, hub.got("/v1/endpoints"), hub.got("/v1/audit"), delivery, hub.got("/v1/endpoints/e/secret")]
    for secret in (SECRET, encoded):
        assert secret not in json.dumps(answers)
        assert secret.encode() not in stored(hub)
    hub.terminate()
    assert encoded.encode() not in stored(hub)


def test_get_then_put_leaves_the_secret_as_it_is(hub, sink):
    hub.endpoint(sink.url(), uid="e", auth=BASIC, headers={"X-Token": "abracadabra", "X-Plain": "p"})
    shown = hub.got("/v1/endpoints/e")
    assert shown["headers"] == {"X-Token": "***", "X-Plain": "p"}
    assert hub.api("PUT", "/v1/endpoints/e", shown).status == 200
    received = next_received(hub, sink)
    assert received.headers["authorization"] == AS_SENT["basic"][2]
    assert (received.headers["x-token"], received.headers["x-plain"]) == ("abracadabra", "p")


@pytest.mark.parametrize("auth", [BASIC, BEARER, API_KEY], ids=lambda auth: auth["type"])
def test_an_absent_secret_stays_and_patch_replaces_it(hub, sink, auth):
    hub.endpoint(sink.url(), uid="e", auth=auth)
    secret = next(name for name, value in auth.items() if value == SECRET)
    without = {name: value for name, value in auth.items() if name != secret}
    put = hub.api("PUT", "/v1/endpoints/e", {"url": sink.url(), "event_types": ["*"], "auth": without})
    assert put.status == 200 and put.json["auth"] == redacted(auth)
    _, header, value = AS_SENT[auth["type"]]
    assert next_received(hub, sink).headers[header] == value
    assert hub.api("PATCH", "/v1/endpoints/e", {"auth": {secret: "another-one"}}).json["auth"] == redacted(auth)
    assert "another-one" in next_received(hub, sink).headers[header] or auth is BASIC
    assert next_received(hub, sink).headers[header] != value
    assert hub.api("PATCH", "/v1/endpoints/e", {"auth": None}).json["auth"] is None
    assert header not in next_received(hub, sink).headers
    assert b"another-one" not in stored(hub)


def test_another_type_begins_anew(hub, sink):
    hub.endpoint(sink.url(), uid="e", auth={**OAUTH2, "scope": "a b"})
    patched = hub.api("PATCH", "/v1/endpoints/e", {"auth": BEARER})
    assert patched.status == 200 and patched.json["auth"] == redacted(BEARER)
    assert next_received(hub, sink).headers["authorization"] == f"Bearer {SECRET}"
    back = hub.api("PATCH", "/v1/endpoints/e", {"auth": {"type": "basic", "username": "ada"}})
    assert (back.status, back.pointers) == (422, ["/auth/password"]), "the secret of the type before is none of this one"


def test_what_is_kept_goes_nowhere_else(hub, sink):
    """Who may write an endpoint but never saw its secret cannot lead it to a server of his own."""
    hub.endpoint(sink.url("/a"), uid="e", auth=BASIC, headers={"X-Token": "abracadabra"})
    assert hub.api("PATCH", "/v1/endpoints/e", {"url": sink.url("/b")}).status == 200, "the same host"
    elsewhere = hub.api("PATCH", "/v1/endpoints/e", {"url": "http://127.0.0.1:9/b"})
    assert (elsewhere.status, elsewhere.pointers) == (422, ["/auth/password"])
    assert "again" in elsewhere.json["detail"]
    given = {"url": "http://127.0.0.1:9/b", "auth": {"password": "new"}}
    assert hub.api("PATCH", "/v1/endpoints/e", given).pointers == ["/headers/X-Token"]
    assert hub.api("PATCH", "/v1/endpoints/e", {**given, "headers": {"X-Token": "new"}}).status == 200
    hub.endpoint(sink.url("/o"), uid="o", auth=OAUTH2)
    taken = hub.api("PATCH", "/v1/endpoints/o", {"url": "http://127.0.0.1:9/b"})
    assert (taken.status, taken.pointers) == (422, ["/auth/client_secret"]), "a token is worth as much as the secret that it was given for"
    leads = hub.api("PATCH", "/v1/endpoints/o", {"auth": {"token_url": "http://127.0.0.1:10/token"}})
    assert (leads.status, leads.pointers) == (422, ["/auth/client_secret"])
    assert hub.api("PATCH", "/v1/endpoints/o", {"auth": {"token_url": "http://127.0.0.1:9/other"}}).status == 200


WRONG = [
    ({"auth": "Bearer x"}, "/auth"),
    ({"auth": {"token": "x"}}, "/auth/type"),
    ({"auth": {"type": "digest"}}, "/auth/type"),
    ({"auth": {"type": "basic", "username": "u"}}, "/auth/password"),
    ({"auth": {"type": "basic", "password": "p"}}, "/auth/username"),
    ({"auth": {**BASIC, "username": "a:b"}}, "/auth/username"),
    ({"auth": {**BASIC, "token": "x"}}, "/auth/token"),
    ({"auth": {**BASIC, "password": 5}}, "/auth/password"),
    ({"auth": {**BASIC, "password": "a\nb"}}, "/auth/password"),
    ({"auth": {"type": "bearer", "token": "***"}}, "/auth/token"),
    ({"auth": {"type": "bearer", "token": ""}}, "/auth/token"),
    ({"auth": {"type": "bearer", "token": "a b"}}, "/auth/token"),
    ({"auth": {"type": "bearer", "token": "a\r\nX: y"}}, "/auth/token"),
    ({"auth": {**API_KEY, "header": "Host"}}, "/auth/header"),
    ({"auth": {**API_KEY, "header": "webhook-id"}}, "/auth/header"),
    ({"auth": {**API_KEY, "header": "a b"}}, "/auth/header"),
    ({"auth": {**API_KEY, "value": "a\r\nX: y"}}, "/auth/value"),
    ({"auth": {**API_KEY, "value": ""}}, "/auth/value"),
    ({"auth": {**OAUTH2, "token_url": "ftp://a/b"}}, "/auth/token_url"),
    ({"auth": {**OAUTH2, "token_url": "https://u:p@example.com/"}}, "/auth/token_url"),
    ({"auth": {**OAUTH2, "style": "query"}}, "/auth/style"),
    ({"auth": {**OAUTH2, "client_id": ""}}, "/auth/client_id"),
    ({"auth": {**OAUTH2, "scope": 5}}, "/auth/scope"),
    ({"auth": {**OAUTH2, "token_url": "http://10.1.2.3/token"}}, "/auth/token_url"),
    ({"auth": BEARER, "headers": {"authorization": "x"}}, "/headers/authorization"),
    ({"auth": API_KEY, "headers": {"x-api-key": "x"}}, "/headers/x-api-key"),
    ({"headers": {"X-Token": "***"}}, "/headers/X-Token"),
    ({"headers": {"X-Token": "a\nb"}}, "/headers/X-Token"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_wrong_is_named_and_no_secret_repeated(shared_hub, number):
    fields, pointer = WRONG[number]
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["*"], **fields})
    assert (answer.status, answer.pointers) == (422, [pointer]), answer
    assert SECRET not in answer.body.decode()


def test_readers_see_who_but_no_secret(hub):
    hub.subscriber("acme")
    hub.endpoint(URL, uid="e", subscriber="acme", auth=OAUTH2)
    for key in (hub.key("read"), hub.key("read", subscriber="acme"), hub.key("manage", subscriber="acme"), hub.admin):
        shown = hub.got("/v1/endpoints/e", key=key)["auth"]
        assert shown == {**redacted(OAUTH2), "style": "header"}


def test_the_audit_says_that_a_secret_changed_not_which(hub):
    hub.endpoint(URL, uid="e", auth=BASIC)
    hub.api("PATCH", "/v1/endpoints/e", {"auth": {"password": "another-one"}})
    hub.api("PATCH", "/v1/endpoints/e", {"description": "d"})
    hub.api("PATCH", "/v1/endpoints/e", {"auth": {"password": "another-one"}})
    rows = hub.pages("/v1/audit", action="endpoint.update", order="asc")
    assert [row["after"]["auth"]["password"] for row in rows] == ["(hidden, changed)", "(hidden)", "(hidden)"]
    assert rows[0]["before"]["auth"] == {"type": "basic", "username": "ada", "password": "(hidden)"}


def test_it_lives_through_a_restart_a_pause_and_a_restored_backup(hub, sink, tmp_path):
    hub.endpoint(sink.url(), uid="e", auth=BEARER)
    hub.restart()
    assert next_received(hub, sink).headers["authorization"] == f"Bearer {SECRET}"
    for what in ("pause", "resume", "disable", "resume", "secret/rotate"):
        assert hub.api("POST", f"/v1/endpoints/e/{what}").status == 200
    assert next_received(hub, sink).headers["authorization"] == f"Bearer {SECRET}"
    copy = tmp_path / "copy.db"
    assert run("backup", copy, "--data", hub.data).returncode == 0
    assert SECRET.encode() not in copy.read_bytes()
    key = f"{hub.data}/master.key"
    hub.terminate()
    restored = tmp_path / "restored"
    done = run("restore", copy, "--data", restored, "--master-key", key)
    assert done.returncode == 0, done.stderr
    hub.data = str(restored)
    hub.start()
    assert hub.api("POST", "/v1/hub/resume").status == 200
    assert next_received(hub, sink).headers["authorization"] == f"Bearer {SECRET}"


def test_a_test_is_sent_with_it(hub, sink):
    hub.endpoint(sink.url(), uid="e", auth=API_KEY)
    assert hub.api("POST", "/v1/endpoints/e/test", {}).status == 200
    assert sink.received()[0].headers["x-api-key"] == SECRET


def test_deleting_takes_the_secret_away(hub):
    hub.endpoint(URL, uid="e", auth=BEARER)
    assert hub.api("DELETE", "/v1/endpoints/e").status == 204
    again = hub.api("PUT", "/v1/endpoints/e", {"url": URL, "event_types": ["*"], "auth": {"type": "bearer", "token": "***"}})
    assert (again.status, again.pointers) == (422, ["/auth/token"])


def test_two_endpoints_of_one_host_have_their_own(hub, sink):
    hub.endpoint(sink.url("/a"), auth=BASIC)
    hub.endpoint(sink.url("/b"), auth=BEARER)
    hub.endpoint(sink.url("/c"))
    for _ in range(3):
        hub.publish()
    sink.wait_for(9)
    assert {r.headers["authorization"] for r in sink.received("/a")} == {AS_SENT["basic"][2]}
    assert {r.headers["authorization"] for r in sink.received("/b")} == {f"Bearer {SECRET}"}
    assert not any("authorization" in r.headers for r in sink.received("/c"))
