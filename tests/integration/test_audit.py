"""Every change says who made it, and secrets are never part of it."""

import json
import os
import re

import pytest

from hub import run

URL = "http://127.0.0.1:9/hook"
ENDPOINT = {"url": URL, "event_types": ["order.*"]}


def audit(hub, **query):
    """Rows, oldest first."""
    return hub.pages("/v1/audit", order="asc", **query)


def key_id(hub, name):
    return next(k["id"] for k in hub.pages("/v1/keys") if k["name"] == name)


def test_a_change_says_who_what_when_from_where(hub):
    mine = hub.made("/v1/keys", {"name": "deploy", "scopes": ["manage"]})
    made = hub.api("POST", "/v1/endpoints", {**ENDPOINT, "uid": "billing"}, key=mine["key"])
    path = made.headers["location"]
    hub.api("PATCH", path, {"timeout_ms": 2000}, key=mine["key"])
    create, update = audit(hub, resource=made.json["id"])
    assert (create["action"], update["action"]) == ("endpoint.create", "endpoint.update")
    assert create["actor"] == {"kind": "key", "id": mine["id"], "name": "deploy"}
    assert create["address"] == "127.0.0.1"
    assert create["request_id"] == made.headers["x-request-id"]
    assert create["id"].startswith("aud_")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", create["at"])
    assert create["before"] is None
    assert create["after"]["uid"] == "billing" and create["after"]["timeout_ms"] == 15000
    assert (update["before"]["timeout_ms"], update["after"]["timeout_ms"]) == (15000, 2000)


def test_every_kind_of_change_is_there(hub, sink):
    sink.on("/bad", 500)
    actions = lambda: [r["action"] for r in audit(hub)]
    hub.admin
    began = len(actions())
    hub.subscriber("acme")
    hub.api("PUT", "/v1/subscribers/acme", {"name": "Acme"})
    hub.api("PATCH", "/v1/subscribers/acme", {"name": "ACME"})
    key = hub.made("/v1/keys", {"scopes": ["read"], "subscriber": "acme"})
    hub.api("PUT", "/v1/endpoints/e", ENDPOINT)
    hub.api("PUT", "/v1/endpoints/e", ENDPOINT)
    hub.api("PATCH", "/v1/endpoints/e", {})
    for what in ("pause", "pause", "resume", "secret/rotate", "disable", "disable"):
        assert hub.api("POST", f"/v1/endpoints/e/{what}").status == 200
    hub.api("DELETE", "/v1/endpoints/e")
    hub.api("DELETE", f"/v1/keys/{key['id']}")
    hub.api("DELETE", "/v1/subscribers/acme")
    hub.api("PUT", "/v1/event-types/a.b", {})
    hub.api("DELETE", "/v1/event-types/a.b")
    assert actions()[began:] == [
        "subscriber.create", "subscriber.update", "subscriber.update", "key.create", "endpoint.create", "endpoint.update", "endpoint.update",
        "endpoint.pause", "endpoint.resume", "endpoint.rotate_secret", "endpoint.disable", "endpoint.delete", "key.revoke", "subscriber.delete",
        "event_type.describe", "event_type.forget",
    ]  # fmt: skip
    hub.endpoint(sink.url("/bad"), uid="bad")
    dead = hub.wait_delivery(hub.publish(), "dead")
    began = len(actions())
    hub.api("POST", f"/v1/deliveries/{dead['id']}/retry")
    hub.wait_dead(1)
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {}}).json)
    hub.wait_dead(1)
    hub.api("POST", "/v1/endpoints/bad/pause")
    waiting = hub.publish()
    hub.api("POST", f"/v1/deliveries/{hub.delivery(waiting)['id']}/cancel")
    assert actions()[began:] == ["delivery.retry", "operation.create", "endpoint.pause", "delivery.cancel"]
    rows = audit(hub, resource=dead["id"])
    assert [(r["before"]["state"], r["before"]["round"], r["after"]["state"], r["after"]["round"]) for r in rows] == [("dead", 1, "pending", 2)]


def test_numbers_are_written_as_they_were_given(hub):
    made = hub.endpoint(URL, retry={"jitter": 0.3, "factor": 1.7})
    (row,) = audit(hub, resource=made["id"])
    assert row["after"]["retry"]["jitter"] == 0.3
    text = hub.api("GET", f"/v1/audit?resource={made['id']}").body.decode()
    assert '"jitter":0.3,' in text.replace(" ", "") or '"jitter":0.3}' in text.replace(" ", ""), text
    assert not re.search(r"\d\.\d{12,}", text), text


def test_what_the_hub_does_by_itself_is_there(hub, sink):
    sink.on("/", 410)
    made = hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "dead")
    row = audit(hub, actor="hub")[0]
    assert (row["action"], row["resource"]) == ("endpoint.disable", made["id"])
    assert row["actor"] == {"kind": "hub", "id": None, "name": None}
    assert (row["before"]["status"], row["after"]["status"], row["after"]["status_reason"]) == ("active", "disabled", "gone")
    assert (row["address"], row["request_id"]) == (None, None)


def test_the_command_line_is_local(hub):
    hub.admin  # made before
    made = run("key", "create", "--data", hub.data, "--scope", "read", "--name", "by-hand")
    assert made.returncode == 0
    row = audit(hub, actor="local", action="key.create")[-1]
    assert row["actor"] == {"kind": "local", "id": None, "name": f"uid {os.getuid()}"}
    assert row["after"]["name"] == "by-hand"
    assert row["resource"] == key_id(hub, "by-hand")


def test_the_command_line_without_a_hub_is_local_too(hub):
    hub.admin
    hub.terminate()
    assert run("key", "create", "--data", hub.data, "--scope", "read", "--name", "offline").returncode == 0
    hub.start()
    row = audit(hub, actor="local", action="key.create")[-1]
    assert row["after"]["name"] == "offline" and row["actor"]["name"] == f"uid {os.getuid()}"


def test_a_revoked_keys_name_stays(hub):
    mine = hub.made("/v1/keys", {"name": "gone soon", "scopes": ["admin"]})
    assert hub.api("DELETE", f"/v1/keys/{mine['id']}", key=mine["key"]).status == 204
    row = audit(hub, action="key.revoke")[0]
    assert row["actor"] == {"kind": "key", "id": mine["id"], "name": "gone soon"}
    assert row["before"]["name"] == "gone soon" and row["after"] is None


def test_no_secret_is_ever_in_it(hub):
    secrets = []
    hub.subscriber("acme")
    given = "whsec_" + "Q3VjdW1iZXI" * 4
    made = hub.endpoint(URL, uid="e", subscriber="acme", headers={"Authorization": "Bearer opensesame", "X-Token": "swordfish"})
    secrets += [made["secret"], "opensesame", "swordfish"]
    hub.api("PATCH", "/v1/endpoints/e", {"headers": {"X-Token": "shibboleth"}})
    secrets += ["shibboleth"]
    rotated = hub.api("POST", "/v1/endpoints/e/secret/rotate", headers={"Idempotency-Key": "r"})
    secrets += [rotated.json["secret"]]
    assert hub.api("POST", "/v1/endpoints/e/secret/rotate", {"secret": given}).status == 200
    assert hub.api("PATCH", "/v1/endpoints/e", {"secret": given[:-4] + "AAAA"}).status == 200
    secrets += [given, given[:-4] + "AAAA"]
    for n in range(3):
        key = hub.api("POST", "/v1/keys", {"scopes": ["read"], "subscriber": "acme"}, headers={"Idempotency-Key": f"k{n}"}).json
        secrets += [key["key"]]
    hub.api("DELETE", "/v1/endpoints/e")
    hub.api("DELETE", "/v1/subscribers/acme")
    text = json.dumps(audit(hub)).encode()
    assert b"X-Token" in text and b"(hidden, changed)" in text, "names are shown"
    hub.terminate()
    with open(f"{hub.data}/grapnel.db", "rb") as file:
        stored = file.read()
    assert b"endpoint.rotate_secret" in stored
    for secret in secrets:
        bare = secret.removeprefix("whsec_").removeprefix("gk_")
        assert bare.encode() not in text, secret
        assert bare.encode() not in stored, secret


def test_filters_and_pages(hub):
    first, second = hub.endpoint(URL), hub.endpoint(URL)
    for _ in range(3):
        hub.api("POST", f"/v1/endpoints/{first['id']}/pause")
        hub.api("POST", f"/v1/endpoints/{first['id']}/resume")
    rows = audit(hub)
    assert hub.pages("/v1/audit", limit=2) == rows[::-1]
    assert hub.pages("/v1/audit", limit=3, order="asc") == rows
    assert [r["resource"] for r in audit(hub, resource=second["id"])] == [second["id"]]
    assert len(audit(hub, resource=first["id"], action="endpoint.pause", limit=2)) == 3
    assert audit(hub, since=rows[2]["at"]) == [r for r in rows if r["at"] >= rows[2]["at"]]
    assert audit(hub, until=rows[2]["at"]) == [r for r in rows if r["at"] < rows[2]["at"]]
    assert audit(hub, until="-1h") == []
    assert audit(hub, since="-1h") == rows
    admin = rows[-1]["actor"]["id"]
    assert all(r["actor"]["id"] == admin for r in audit(hub, actor=admin))
    assert {r["actor"]["kind"] for r in audit(hub, actor="local")} == {"local"}
    assert hub.got("/v1/audit", resource="ep_0000000000001")["data"] == []


@pytest.mark.parametrize(
    "query, pointer",
    [
        ("actor=me", "?actor"),
        ("actor=ep_0000000000001", "?actor"),
        ("action=endpoint.explode", "?action"),
        ("resource=a%20b", "?resource"),
        ("since=yesterday", "?since"),
        ("until=1", "?until"),
        ("limit=0", "?limit"),
        ("cursor=abc", "?cursor"),
        ("order=up", "?order"),
        ("who=me", "?who"),
    ],
)
def test_bad_filters_are_said(shared_hub, query, pointer):
    answer = shared_hub.api("GET", f"/v1/audit?{query}")
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer]), answer


def test_a_cursor_of_another_list_is_refused(shared_hub):
    for _ in range(2):
        shared_hub.endpoint(URL)
    cursor = shared_hub.got("/v1/endpoints", limit=1)["next_cursor"]
    assert shared_hub.api("GET", f"/v1/audit?cursor={cursor}").pointers == ["?cursor"]


def test_only_admins_read_it(shared_hub):
    for scope in ("publish", "read", "manage"):
        assert shared_hub.api("GET", "/v1/audit", key=shared_hub.key(scope)).status == 403
    assert shared_hub.api("GET", "/v1/audit", key=None).status == 401


def test_what_was_refused_is_not_in_it(hub):
    made = hub.endpoint(URL)
    before = audit(hub)
    assert hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"timeout_ms": 1}).status == 422
    assert hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"timeout_ms": 1000}, headers={"If-Match": '"x"'}).status == 412
    assert hub.api("DELETE", "/v1/endpoints/none").status == 404
    assert audit(hub) == before
