"""Access: keys, scopes, expiry, revocation; and that a refusal tells nothing. Every route × every caller: test_access_table.py."""

from datetime import datetime, timedelta, timezone

from hub import eventually


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
