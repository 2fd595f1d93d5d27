"""Sources as resources: made, shown, changed, rotated, removed."""

import os
import re

import pytest

from hub import run
from incoming import SECRET, github, send, source

READ_ONLY = {"updated_at"}


def test_made_source_says_what_to_paste_where(hub):
    answer = hub.api("POST", "/v1/sources", {"uid": "gh", "scheme": "github", "secret": SECRET})
    assert answer.status == 201, answer
    made = answer.json
    assert answer.headers["location"] == f"/v1/sources/{made['id']}" and made["id"].startswith("src_")
    assert made["url"] == f"http://127.0.0.1:{hub.port}/in/gh"
    assert made["url"] in made["paste"]
    assert (made["event_type"], made["dedupe"], made["enabled"], made["max_body_bytes"]) == ("{type}", "{id}", True, 25 << 20)
    assert made["insecure"] is False and made["subscriber"] is None and made["tolerance_s"] is None
    assert SECRET not in answer.body.decode()
    assert hub.got("/v1/sources/gh") == {k: v for k, v in made.items() if k != "secret"}
    assert hub.got("/v1/sources/gh/secret") == {"secret": SECRET, "previous": []}


def test_hub_makes_a_secret_that_may_be_chosen(hub):
    made = hub.made("/v1/sources", {"scheme": "github", "uid": "gh"})
    assert len(made["secret"]) >= 24
    assert hub.got("/v1/sources/gh/secret")["secret"] == made["secret"]
    assert send(hub, "gh", b"{}", github(b"{}", secret=made["secret"])).status == 200


@pytest.mark.parametrize("scheme", ["gitlab", "azure-event-grid", "bearer", "api-key", "okta"])
def test_made_secret_can_stand_where_the_scheme_wants_it(hub, scheme):
    made = hub.made("/v1/sources", {"scheme": scheme, "uid": "x"})
    assert re.fullmatch("[0-9a-z]{40,}", made["secret"])
    assert run("trigger", scheme, "--source", "x", "--data", hub.data).returncode == 0
    assert re.fullmatch("[0-9a-z]{40,}", hub.api("POST", "/v1/sources/x/secret/rotate", {}).json["secret"])


def test_url_is_that_of_the_outside(make_hub):
    hub = make_hub("--public-url", "https://hooks.example.com/grapnel/")
    assert source(hub, uid="gh")["url"] == "https://hooks.example.com/grapnel/in/gh"
    assert source(hub, uid="own", public_url="https://other.example.com/x")["url"] == "https://other.example.com/x"
    without = source(hub)
    assert without["url"] == f"https://hooks.example.com/grapnel/in/{without['id']}"


def test_secrets_are_sealed(hub):
    source(hub, uid="gh")
    hub.terminate()
    for name in os.listdir(hub.data):
        path = os.path.join(hub.data, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert SECRET.encode() not in file.read(), name


def test_put_makes_then_replaces_and_what_get_shows_can_be_put_back(hub):
    hub.subscriber("acme")
    first = hub.api("PUT", "/v1/sources/gh", {"scheme": "github", "secret": SECRET, "subscriber": "acme", "rate": {"limit": 5, "per_ms": 1000},
        "response": {"status": 202, "body": "ok"}, "metadata": {"a": "b"}, "tolerance_s": 60})
    assert first.status == 201, first
    shown = hub.got("/v1/sources/gh")
    again = hub.api("PUT", "/v1/sources/gh", shown)
    assert again.status == 200, again
    assert {k: v for k, v in again.json.items() if k not in READ_ONLY} == {k: v for k, v in shown.items() if k not in READ_ONLY}
    assert hub.got("/v1/sources/gh/secret")["secret"] == SECRET, "an absent secret stays"
    replaced = hub.api("PUT", "/v1/sources/gh", {"scheme": "github"})
    assert replaced.status == 200 and replaced.json["rate"] is None and replaced.json["uid"] == "gh"


def test_patch_merges_and_conditions_hold(hub):
    made = source(hub, uid="gh")
    tag = hub.api("GET", "/v1/sources/gh").headers["etag"]
    patched = hub.api("PATCH", "/v1/sources/gh", {"enabled": False}, headers={"If-Match": tag})
    assert patched.status == 200 and patched.json["enabled"] is False and patched.json["id"] == made["id"]
    late = hub.api("PATCH", "/v1/sources/gh", {"enabled": True}, headers={"If-Match": tag})
    assert late.status == 412, late
    assert hub.api("GET", "/v1/sources/gh", headers={"If-None-Match": patched.headers["etag"]}).status == 304


def test_deleted_source_is_gone_and_its_events_stay(hub):
    made = source(hub, uid="gh")
    assert send(hub, "gh", b"{}", github(b"{}")).status == 200
    assert hub.api("DELETE", "/v1/sources/gh").status == 204
    assert hub.api("GET", "/v1/sources/gh").status == 404
    assert send(hub, "gh", b"{}", github(b"{}")).status == 404
    assert len(hub.pages("/v1/events", source=made["id"])) == 1
    assert source(hub, uid="gh")["id"] != made["id"], "its uid is free"


def test_list_and_filters(hub):
    for uid in ("a", "b", "c"):
        source(hub, uid=uid)
    source(hub, "none", uid="open")
    assert [s["uid"] for s in hub.pages("/v1/sources", limit=2, order="asc")] == ["a", "b", "c", "open"]
    assert [s["uid"] for s in hub.pages("/v1/sources", scheme="none")] == ["open"]
    assert [s["uid"] for s in hub.pages("/v1/sources", q="B")] == ["b"]


def test_catalogue_lists_schemes_with_their_settings(hub):
    rows = {row["name"]: row for row in hub.got("/v1/schemes")["data"]}
    assert {"github", "stripe", "slack", "standard", "hmac", "none"} <= set(rows)
    assert rows["none"]["insecure"] and not rows["github"]["insecure"]
    assert rows["hmac"]["settings"] and all({"name", "type", "required", "summary"} <= set(s) for s in rows["hmac"]["settings"])
    assert "{url}" in rows["github"]["paste"] and rows["github"]["samples"]


@pytest.mark.parametrize(
    "document, pointer",
    [
        ({}, "/scheme"),
        ({"scheme": "gitub"}, "/scheme"),
        ({"scheme": 3}, "/scheme"),
        ({"scheme": "github", "secret": ""}, "/secret"),
        ({"scheme": "github", "secret": "short"}, "/secret"),
        ({"scheme": "github", "secrets": [SECRET, "short"]}, "/secrets/1"),
        ({"scheme": "github", "secrets": []}, "/secrets"),
        ({"scheme": "github", "secret": SECRET, "secrets": [SECRET]}, "/secrets"),
        ({"scheme": "github", "secret": SECRET, "settings": {"foo": 1}}, "/settings/foo"),
        ({"scheme": "api-key"}, None),
        ({"scheme": "github", "secret": SECRET, "event_type": ""}, "/event_type"),
        ({"scheme": "github", "secret": SECRET, "event_type": "a{"}, "/event_type"),
        ({"scheme": "github", "secret": SECRET, "event_type": "{tipe}"}, "/event_type"),
        ({"scheme": "github", "secret": SECRET, "dedupe": "{json:a}"}, "/dedupe"),
        ({"scheme": "github", "secret": SECRET, "enabled": "yes"}, "/enabled"),
        ({"scheme": "github", "secret": SECRET, "tolerance_s": -1}, "/tolerance_s"),
        ({"scheme": "github", "secret": SECRET, "max_body_bytes": 1}, "/max_body_bytes"),
        ({"scheme": "github", "secret": SECRET, "rate": {"limit": 0, "per_ms": 1000}}, "/rate/limit"),
        ({"scheme": "github", "secret": SECRET, "rate": {"limit": 1}}, "/rate/per_ms"),
        ({"scheme": "github", "secret": SECRET, "rate": {"limit": 1, "per_ms": 1, "x": 1}}, "/rate/x"),
        ({"scheme": "github", "secret": SECRET, "response": {"status": 500}}, "/response/status"),
        ({"scheme": "github", "secret": SECRET, "response": {"status": 204, "body": "x"}}, "/response/body"),
        ({"scheme": "github", "secret": SECRET, "public_url": "ftp://x"}, "/public_url"),
        ({"scheme": "github", "secret": SECRET, "public_url": "https://x/?a=b"}, "/public_url"),
        ({"scheme": "github", "secret": SECRET, "uid": "src_01hv3k5z8w7qc"}, "/uid"),
        ({"scheme": "github", "secret": SECRET, "subscriber": "nobody"}, "/subscriber"),
        ({"scheme": "github", "secret": SECRET, "color": "red"}, "/color"),
        ({"scheme": "none", "secret": SECRET}, "/secret"),
    ],
)
def test_bad_documents_are_refused_by_name(shared_hub, document, pointer):
    answer = shared_hub.api("POST", "/v1/sources", document)
    if pointer is None:
        assert answer.status in (201, 422), answer
        return
    assert answer.status in (404, 422), answer
    assert pointer in answer.pointers, answer
    assert shared_hub.pages("/v1/sources", scheme="github") == []


def test_uid_is_unique(hub):
    source(hub, uid="gh")
    answer = hub.api("POST", "/v1/sources", {"scheme": "github", "secret": SECRET, "uid": "gh"})
    assert (answer.status, answer.code) == (409, "uid_taken")


def test_rotation_overlaps(hub):
    source(hub, uid="gh")
    other = "another secret of enough length"
    rotated = hub.api("POST", "/v1/sources/gh/secret/rotate", {"secret": other, "overlap_ms": 60000})
    assert rotated.status == 200, rotated
    assert rotated.json["secret"] == other and [p["secret"] for p in rotated.json["previous"]] == [SECRET]
    assert send(hub, "gh", b"1", github(b"1", delivery="1")).status == 200
    assert send(hub, "gh", b"2", github(b"2", delivery="2", secret=other)).status == 200
    assert hub.api("POST", "/v1/sources/gh/secret/rotate", {"secret": other + "!", "overlap_ms": 0}).status == 200
    assert send(hub, "gh", b"3", github(b"3", delivery="3")).status == 401
    assert send(hub, "gh", b"4", github(b"4", delivery="4", secret=other)).status == 401
    assert send(hub, "gh", b"5", github(b"5", delivery="5", secret=other + "!")).status == 200
    hub.restart()
    assert send(hub, "gh", b"6", github(b"6", delivery="6", secret=other + "!")).status == 200


def test_secret_that_the_provider_makes_must_be_given_to_rotate(hub):
    source(hub, "stripe", uid="st", secret="whsec_" + "a" * 32)
    answer = hub.api("POST", "/v1/sources/st/secret/rotate", {})
    assert (answer.status, answer.pointers) == (422, ["/secret"])


def test_changes_are_in_the_audit_without_secrets(hub):
    made = source(hub, uid="gh")
    hub.api("PATCH", "/v1/sources/gh", {"description": "x"})
    hub.api("POST", "/v1/sources/gh/secret/rotate", {})
    hub.api("DELETE", "/v1/sources/gh")
    rows = hub.got("/v1/audit", resource=made["id"], order="asc")["data"]
    assert [r["action"] for r in rows] == ["source.create", "source.update", "source.rotate_secret", "source.delete"]
    assert SECRET not in str(rows)


def test_idempotency_key_makes_one_source(hub):
    document = {"scheme": "github", "uid": "gh"}
    first = hub.api("POST", "/v1/sources", document, headers={"Idempotency-Key": "k"})
    again = hub.api("POST", "/v1/sources", document, headers={"Idempotency-Key": "k"})
    assert (first.status, again.status) == (201, 201) and first.json == again.json
    assert len(hub.pages("/v1/sources")) == 1


def test_bound_key_sees_no_sources(hub):
    hub.subscriber("acme")
    key = hub.key("read", "manage", subscriber="acme")
    source(hub, uid="gh")
    for method, path in (("GET", "/v1/sources"), ("GET", "/v1/sources/gh"), ("GET", "/v1/rejections"), ("DELETE", "/v1/sources/gh")):
        assert hub.api(method, path, key=key).status == 403, path


def test_subscriber_with_sources_is_not_deleted(hub):
    hub.subscriber("acme")
    source(hub, uid="gh", subscriber="acme")
    assert hub.api("DELETE", "/v1/subscribers/acme").status == 409
    hub.api("PATCH", "/v1/sources/gh", {"subscriber": None})
    assert hub.api("DELETE", "/v1/subscribers/acme").status == 204


def test_another_master_key_is_refused_at_the_start(hub):
    source(hub, uid="gh")
    hub.terminate()
    key = os.path.join(hub.data, "master.key")
    with open(key, "w", encoding="ascii") as file:
        file.write("ab" * 32 + "\n")
    hub.spawn()
    assert hub.process.wait(30) != 0
    hub.process = None
    assert "master key is not the one" in hub.log()
