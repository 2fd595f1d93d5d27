"""Endpoints and subscribers as resources: made, shown, changed, removed."""

import re

import pytest

from hub import eventually
from sink import Reply

URL = "http://127.0.0.1:9/hook"


def test_created_endpoint_is_shown_with_its_defaults(hub):
    answer = hub.api("POST", "/v1/endpoints", {"url": URL, "event_types": ["order.*"]})
    assert answer.status == 201
    made = answer.json
    assert answer.headers["location"] == f"/v1/endpoints/{made['id']}"
    assert made["id"].startswith("ep_")
    assert made["status"] == "active"
    assert made["timeout_ms"] == 15000
    assert made["max_in_flight"] == 8
    assert made["ordered"] is False
    assert (made["retry"]["base_ms"], made["retry"]["factor"], made["retry"]["max_attempts"]) == (5000, 3.5, 12)
    assert made["retry"]["max_delay_ms"] == 24 * 3600 * 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made["created_at"])
    shown = hub.got(f"/v1/endpoints/{made['id']}")
    assert "secret" not in shown
    assert shown == {k: v for k, v in made.items() if k != "secret"}


def test_secret_is_made_by_the_server_and_shown_again_on_request(hub):
    made = hub.endpoint(URL)
    assert made["secret"].startswith("whsec_")
    shown = hub.got(f"/v1/endpoints/{made['id']}/secret")
    assert shown == {"secret": made["secret"], "previous": [], "public_key": None, "previous_public_keys": []}
    assert hub.endpoint(URL)["secret"] != made["secret"]


def test_secret_may_be_given(hub):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = hub.endpoint(URL, secret=secret)
    assert made["secret"] == secret
    assert hub.got(f"/v1/endpoints/{made['id']}/secret")["secret"] == secret


def test_secrets_are_not_readable_in_the_data_folder(hub):
    import base64
    import os

    made = hub.endpoint(URL)
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    hub.terminate()
    for name in os.listdir(hub.data):
        path = os.path.join(hub.data, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                content = file.read()
            assert key not in content and made["secret"].encode() not in content, name


def test_put_by_uid_makes_then_replaces(hub):
    first = hub.api("PUT", "/v1/endpoints/mine", {"url": URL, "event_types": ["a.b"], "timeout_ms": 1000})
    assert first.status == 201
    again = hub.api("PUT", "/v1/endpoints/mine", {"url": URL + "2", "event_types": ["a.b"]})
    assert again.status == 200
    shown = hub.got("/v1/endpoints/mine")
    assert shown["id"] == first.json["id"] and shown["uid"] == "mine"
    assert shown["url"] == URL + "2"
    assert shown["timeout_ms"] == 15000, "PUT replaces: what is absent gets its default"
    assert hub.got("/v1/endpoints/mine/secret")["secret"] == first.json["secret"], "an absent secret stays"


def test_what_get_shows_can_be_put_back(hub):
    hub.subscriber("acme")
    made = hub.endpoint(URL, uid="mine", subscriber="acme", headers={"X-Key": "1"}, metadata={"a": "b"}, description="d", ordered=True)
    shown = hub.got(f"/v1/endpoints/{made['id']}")
    answer = hub.api("PUT", f"/v1/endpoints/{made['id']}", shown)
    assert answer.status == 200, answer
    after = hub.got(f"/v1/endpoints/{made['id']}")
    assert {k: v for k, v in after.items() if k != "updated_at"} == {k: v for k, v in shown.items() if k != "updated_at"}


def test_patch_merges(hub):
    made = hub.endpoint(URL, metadata={"a": "1", "b": "2"}, headers={"X-A": "1"})
    answer = hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"metadata": {"a": None, "c": "3"}, "timeout_ms": 5000})
    assert answer.status == 200
    assert answer.json["metadata"] == {"b": "2", "c": "3"}
    assert answer.json["timeout_ms"] == 5000
    assert answer.json["url"] == URL
    assert answer.json["headers"] == {"X-A": "1"}


def test_patch_goes_over_from_one_kind_of_retry_to_the_other(hub):
    path = f"/v1/endpoints/{hub.endpoint(URL, retry={'base_ms': 7000, 'max_attempts': 3, 'max_age_ms': 9000})['id']}"
    answer = hub.api("PATCH", path, {"retry": {"schedule_ms": [10, 20]}})
    assert (answer.status, answer.json["retry"]) == (200, {"schedule_ms": [10, 20], "max_age_ms": 9000}), answer
    answer = hub.api("PATCH", path, {"retry": {"base_ms": 8000}})
    assert answer.status == 200, answer
    assert (answer.json["retry"]["base_ms"], answer.json["retry"]["max_attempts"], answer.json["retry"]["max_age_ms"]) == (8000, 12, 9000)
    both = hub.api("PATCH", path, {"retry": {"schedule_ms": [10], "base_ms": 1}})
    assert (both.status, both.pointers) == (422, ["/retry/base_ms"]), "what is given together is still refused"


def test_bad_patch_changes_nothing(hub):
    made = hub.endpoint(URL)
    answer = hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"url": URL + "2", "timeout_ms": 1})
    assert (answer.status, answer.pointers) == (422, ["/timeout_ms"])
    assert hub.got(f"/v1/endpoints/{made['id']}")["url"] == URL


def test_uid_that_is_taken_is_a_conflict(hub):
    hub.endpoint(URL, uid="mine")
    answer = hub.api("POST", "/v1/endpoints", {"url": URL, "event_types": ["*"], "uid": "mine"})
    assert (answer.status, answer.code) == (409, "uid_taken")


def test_deleted_endpoint_is_gone_and_its_uid_is_free(hub):
    made = hub.endpoint(URL, uid="mine")
    assert hub.api("DELETE", "/v1/endpoints/mine").status == 204
    assert hub.api("GET", "/v1/endpoints/mine").status == 404
    assert hub.api("GET", f"/v1/endpoints/{made['id']}").status == 404
    assert hub.api("DELETE", "/v1/endpoints/mine").status == 404
    assert hub.publish()["deliveries"] == 0
    assert hub.endpoint(URL, uid="mine")["id"] != made["id"]


def test_endpoints_are_listed_by_page_and_subscriber(hub):
    hub.subscriber("acme")
    ids = {hub.endpoint(URL, subscriber="acme" if n % 2 else None)["id"] for n in range(5)}
    assert {e["id"] for e in hub.pages("/v1/endpoints", limit=2)} == ids
    assert len(hub.pages("/v1/endpoints", subscriber="acme")) == 2
    assert all("secret" not in e for e in hub.pages("/v1/endpoints"))


def test_paused_endpoint_collects_and_resumed_delivers(hub, sink):
    endpoint = hub.endpoint(sink.url())
    paused = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    assert (paused.status, paused.json["status"]) == (200, "paused")
    events = [hub.publish(data=n) for n in range(3)]
    assert [e["deliveries"] for e in events] == [1, 1, 1]
    probe = hub.endpoint(sink.url("/probe"), ["probe"])
    hub.wait_delivery(hub.publish("probe"), "delivered", probe)
    assert sink.received("/") == []
    assert hub.delivery(events[0])["state"] == "pending"
    resumed = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    assert resumed.json["status"] == "active"
    for event in events:
        hub.wait_delivery(event, "delivered", endpoint)


def test_pausing_survives_a_restart(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    event = hub.publish()
    hub.restart()
    probe = hub.endpoint(sink.url("/probe"), ["probe"])
    hub.wait_delivery(hub.publish("probe"), "delivered", probe)
    assert sink.received("/") == []
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    hub.wait_delivery(event, "delivered", endpoint)


def test_disabling_ends_what_waits_and_makes_no_more(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    events = [hub.publish() for _ in range(3)]
    disabled = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    assert (disabled.status, disabled.json["status"]) == (200, "disabled")
    assert disabled.json["status_reason"] and disabled.json["status_since"]
    for event in events:
        assert hub.wait_delivery(event, "dead")["reason"] == "endpoint_disabled"
    assert hub.publish()["deliveries"] == 0
    assert sink.received() == []
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/resume")
    assert hub.publish()["deliveries"] == 1
    sink.wait_for(1)


def test_event_addressed_to_a_disabled_endpoint_is_refused(hub):
    hub.endpoint(URL, uid="mine")
    hub.api("POST", "/v1/endpoints/mine/disable")
    answer = hub.api("POST", "/v1/events", {"type": "a.b", "data": 1, "endpoint": "mine"})
    assert (answer.status, answer.code) == (409, "endpoint_disabled")


def test_deleting_an_endpoint_ends_its_pending_deliveries_with_that_reason(hub, sink):
    endpoint = hub.endpoint(sink.url())
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    events = [hub.publish() for _ in range(5)]
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    for event in events:
        assert hub.wait_delivery(event, "dead")["reason"] == "endpoint_deleted"
    assert sink.received() == []


def test_deleting_an_endpoint_during_an_attempt_lets_nothing_more_through(hub, sink):
    gate = sink.gate()
    sink.on("/", Reply(500, gate=gate))
    endpoint = hub.endpoint(sink.url())
    event = hub.publish()
    sink.wait_for(1)
    assert hub.api("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 204
    gate.set()
    assert hub.wait_delivery(event, "dead")["reason"] == "endpoint_deleted"
    assert len(sink.received()) == 1


def test_a_new_url_is_used_by_the_next_attempt(hub, sink):
    gate = sink.gate()
    sink.on("/old", Reply(500, gate=gate))
    endpoint = hub.endpoint(sink.url("/old"), retry={"schedule_ms": [1] * 5})
    event = hub.publish()
    sink.wait_for(1, "/old")
    hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"url": sink.url("/new")})
    gate.set()
    hub.wait_delivery(event, "delivered")
    assert [r.path for r in sink.received()] == ["/old", "/new"]


def test_custom_headers_are_sent(hub, sink):
    hub.endpoint(sink.url(), headers={"Authorization": "Bearer tok", "X-Tenant": "Zurich"})
    hub.publish()
    (received,) = sink.wait_for(1)
    assert received.headers["authorization"] == "Bearer tok"
    assert received.headers["x-tenant"] == "Zurich"


def test_subscriber_is_made_changed_and_removed(hub):
    made = hub.api("POST", "/v1/subscribers", {"uid": "acme", "name": "Acme", "metadata": {"plan": "gold"}})
    assert made.status == 201
    assert made.json["id"].startswith("sub_")
    assert hub.got("/v1/subscribers/acme") == hub.got(f"/v1/subscribers/{made.json['id']}")
    assert hub.api("PATCH", "/v1/subscribers/acme", {"name": "Acme Ltd"}).json["metadata"] == {"plan": "gold"}
    put = hub.api("PUT", "/v1/subscribers/acme", {"name": "Acme Inc"})
    assert (put.status, put.json["id"]) == (200, made.json["id"])
    assert hub.api("PUT", "/v1/subscribers/new", {"name": "New"}).status == 201
    assert {s["uid"] for s in hub.pages("/v1/subscribers", limit=1)} == {"acme", "new"}
    assert hub.api("DELETE", "/v1/subscribers/acme").status == 204
    assert hub.api("GET", "/v1/subscribers/acme").status == 404


def test_subscriber_uid_that_is_taken_is_a_conflict(hub):
    hub.subscriber("acme")
    assert hub.api("POST", "/v1/subscribers", {"uid": "acme", "name": "x"}).code == "uid_taken"


def test_configuration_survives_restart_and_crash(hub, sink):
    hub.subscriber("acme")
    made = hub.endpoint(sink.url("/acme"), ["order.*"], uid="mine", subscriber="acme", headers={"X-A": "1"})
    shown = hub.got("/v1/endpoints/mine")
    for stop in (hub.terminate, hub.kill9):
        stop()
        hub.start()
        assert hub.got("/v1/endpoints/mine") == shown
        event = hub.publish("order.created", subscriber="acme")
        received = sink.wait_for(1, "/acme", where=lambda r: r.webhook_id == event["id"])[0]
        assert received.signed_with(made["secret"])


def test_etag_guards_against_a_lost_update(hub):
    made = hub.endpoint(URL)
    path = f"/v1/endpoints/{made['id']}"
    tag = hub.api("GET", path).headers.get("etag")
    if tag is None:
        pytest.skip("this build has no ETag yet")
    assert hub.api("PATCH", path, {"description": "a"}, headers={"If-Match": tag}).status == 200
    assert hub.api("PATCH", path, {"description": "b"}, headers={"If-Match": tag}).status == 412


def test_many_changes_at_once_are_all_applied(hub):
    from concurrent.futures import ThreadPoolExecutor

    made = hub.endpoint(URL)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"metadata": {f"k{n}": str(n)}}), range(40)))
    assert {a.status for a in answers} == {200}
    assert eventually(lambda: hub.got(f"/v1/endpoints/{made['id']}")["metadata"]) == {f"k{n}": str(n) for n in range(40)}
