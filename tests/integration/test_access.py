"""Access: keys, scopes, expiry, revocation; and that a refusal tells nothing."""

from datetime import datetime, timedelta, timezone

import pytest

from hub import eventually

# Every route with the least scope that opens it, and a body that would be accepted as far as access is concerned.
ROUTES = [
    ("POST", "/v1/events", "publish", {"type": "a.b", "data": 1}),
    ("GET", "/v1/events", "read", None),
    ("GET", "/v1/events/nope", "read", None),
    ("GET", "/v1/events/nope/payload", "read", None),
    ("GET", "/v1/events/nope/deliveries", "read", None),
    ("GET", "/v1/events/nope/explain", "read", None),
    ("POST", "/v1/match", "read", {"event_types": ["*"]}),
    ("GET", "/v1/stats", "read", None),
    ("GET", "/v1/deliveries", "read", None),
    ("GET", "/v1/deliveries/nope", "read", None),
    ("POST", "/v1/deliveries/nope/retry", "manage", None),
    ("POST", "/v1/deliveries/nope/cancel", "manage", None),
    ("GET", "/v1/dead-letters", "read", None),
    ("POST", "/v1/dead-letters/retry", "manage", {"filter": {}, "dry_run": True}),
    ("POST", "/v1/dead-letters/discard", "manage", {"filter": {}, "dry_run": True}),
    ("GET", "/v1/operations/nope", "read", None),
    ("DELETE", "/v1/operations/nope", "manage", None),
    ("GET", "/v1/endpoints", "read", None),
    ("POST", "/v1/endpoints", "manage", {"url": "http://127.0.0.1:9/", "event_types": ["never.used"]}),
    ("GET", "/v1/endpoints/nope", "read", None),
    ("PUT", "/v1/endpoints/nope2", "manage", {"url": "nope"}),
    ("PATCH", "/v1/endpoints/nope", "manage", {}),
    ("DELETE", "/v1/endpoints/nope", "manage", None),
    ("GET", "/v1/endpoints/nope/secret", "manage", None),
    ("POST", "/v1/endpoints/nope/secret/rotate", "manage", {}),
    ("POST", "/v1/endpoints/nope/pause", "manage", None),
    ("POST", "/v1/endpoints/nope/resume", "manage", None),
    ("POST", "/v1/endpoints/nope/disable", "manage", None),
    ("GET", "/v1/subscribers", "read", None),
    ("POST", "/v1/subscribers", "manage", {"name": "x"}),
    ("GET", "/v1/subscribers/nope", "read", None),
    ("PUT", "/v1/subscribers/nope2", "manage", {"name": ""}),
    ("PATCH", "/v1/subscribers/nope", "manage", {}),
    ("DELETE", "/v1/subscribers/nope", "manage", None),
    ("GET", "/v1/keys", "admin", None),
    ("POST", "/v1/keys", "admin", {"name": "x", "scopes": []}),
    ("DELETE", "/v1/keys/nope", "admin", None),
]
HOLDS = {"publish": {"publish"}, "read": {"read"}, "manage": {"manage", "read"}, "admin": {"admin", "manage", "read", "publish"}}


@pytest.fixture(scope="module")
def keys(shared_hub):
    return {scope: shared_hub.key(scope) for scope in HOLDS}


@pytest.mark.parametrize("method, path, needed, body", ROUTES, ids=lambda v: v if isinstance(v, str) else "")
def test_route_opens_to_exactly_the_scopes_that_it_needs(shared_hub, keys, method, path, needed, body):
    for scope, key in keys.items():
        answer = shared_hub.api(method, path, body, key=key)
        if needed in HOLDS[scope]:
            assert answer.status not in (401, 403, 405, 500), (scope, answer)
        else:
            assert (answer.status, answer.code) == (403, "missing_scope"), (scope, answer)
            assert needed in answer.json["detail"], "it says which scope is missing"
    assert shared_hub.api(method, path, body, key=None).status == 401


def test_several_scopes_add_up(shared_hub):
    key = shared_hub.key("publish", "read")
    assert shared_hub.api("POST", "/v1/events", {"type": "a.b", "data": 1}, key=key).status == 202
    assert shared_hub.api("GET", "/v1/events", key=key).status == 200
    assert shared_hub.api("GET", "/v1/keys", key=key).status == 403


def test_key_is_shown_once_and_listed_without_its_text(shared_hub):
    made = shared_hub.made("/v1/keys", {"name": "ci", "scopes": ["publish"]})
    assert made["key"].startswith("gk_") and len(made["key"]) == 35
    rows = shared_hub.pages("/v1/keys", limit=2)
    (row,) = [r for r in rows if r["id"] == made["id"]]
    assert (row["name"], row["scopes"]) == ("ci", ["publish"])
    assert made["key"] not in str(rows)


def test_keys_are_stored_as_hashes_only(make_hub):
    import os

    hub = make_hub()
    text = hub.key("read")
    hub.terminate()
    for name in os.listdir(hub.data):
        path = os.path.join(hub.data, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert text.encode()[3:] not in file.read(), name
    assert text not in hub.log() and hub.admin not in hub.log()


def test_revoked_key_is_refused_at_once(shared_hub):
    made = shared_hub.made("/v1/keys", {"name": "short", "scopes": ["read"]})
    assert shared_hub.api("GET", "/v1/events", key=made["key"]).status == 200
    assert shared_hub.api("DELETE", f"/v1/keys/{made['id']}").status == 204
    assert shared_hub.api("GET", "/v1/events", key=made["key"]).status == 401
    assert shared_hub.api("DELETE", f"/v1/keys/{made['id']}").status == 404


def test_revoked_key_stays_refused_after_a_restart_and_the_others_work(make_hub):
    hub = make_hub()
    gone, stays = (hub.made("/v1/keys", {"name": n, "scopes": ["read"]}) for n in ("gone", "stays"))
    hub.api("DELETE", f"/v1/keys/{gone['id']}")
    hub.kill9()
    hub.start()
    assert hub.api("GET", "/v1/events", key=gone["key"]).status == 401
    assert hub.api("GET", "/v1/events", key=stays["key"]).status == 200


def test_expired_key_is_refused(shared_hub):
    soon = (datetime.now(timezone.utc) + timedelta(milliseconds=600)).isoformat().replace("+00:00", "Z")
    key = shared_hub.key("read", expires_at=soon)
    eventually(lambda: shared_hub.api("GET", "/v1/events", key=key).status == 401, "the key's expiry")


def test_every_bad_key_gets_the_same_401(shared_hub):
    revoked = shared_hub.made("/v1/keys", {"name": "r", "scopes": ["read"]})
    shared_hub.api("DELETE", f"/v1/keys/{revoked['id']}")
    good = shared_hub.key("read")
    bad = {
        "none": {},
        "revoked": {"Authorization": f"Bearer {revoked['key']}"},
        "unknown": {"Authorization": "Bearer gk_" + "0" * 32},
        "one character off": {"Authorization": f"Bearer {good[:-1]}{'0' if good[-1] != '0' else '1'}"},
        "cut": {"Authorization": f"Bearer {good[:-1]}"},
        "longer": {"Authorization": f"Bearer {good}0"},
        "no prefix": {"Authorization": f"Bearer {good[3:]}"},
        "empty": {"Authorization": "Bearer "},
        "other scheme": {"Authorization": f"Basic {good}"},
        "bare": {"Authorization": good},
        "very long": {"Authorization": "Bearer gk_" + "a" * 4000},
    }
    answers = {name: shared_hub.api("GET", "/v1/events", key=None, headers=headers) for name, headers in bad.items()}
    bodies = {name: {k: v for k, v in a.json.items() if k != "request_id"} for name, a in answers.items()}
    assert all(body == bodies["none"] for body in bodies.values()), bodies
    assert {a.status for a in answers.values()} == {401}
    assert {a.code for a in answers.values()} == {"unauthenticated"}
    assert {a.headers["www-authenticate"] for a in answers.values()} == {answers["none"].headers["www-authenticate"]}
    assert shared_hub.api("GET", "/v1/events", key=good).status == 200


def test_bearer_is_not_case_sensitive(shared_hub):
    assert shared_hub.api("GET", "/v1/events", key=None, headers={"Authorization": f"bearer {shared_hub.admin}"}).status == 200


def test_key_in_the_query_is_not_taken(shared_hub):
    assert shared_hub.api("GET", f"/v1/events?key={shared_hub.admin}", key=None).status == 401


def test_unknown_routes_tell_nothing_to_strangers(shared_hub):
    assert shared_hub.api("GET", "/v1/nothing", key=None).status == 404


def test_key_that_is_bound_to_a_subscriber_cannot_have_admin(make_hub):
    hub = make_hub()
    hub.subscriber("acme")
    answer = hub.api("POST", "/v1/keys", {"name": "wide", "scopes": ["admin"], "subscriber": "acme"})
    assert (answer.status, answer.pointers) == (422, ["/scopes"])
    bound = hub.key("manage", "publish", "read", subscriber="acme")
    for scopes in (["admin"], ["publish"]):
        assert hub.api("POST", "/v1/keys", {"name": "wide", "scopes": scopes}, key=bound).status == 403
