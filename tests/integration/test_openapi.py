"""The description of the API is that of this hub: served, whole, and right about fields, ranges and defaults."""

import json
import os

import pytest

from schema import Schemas
from sink import Reply

URL = "http://127.0.0.1:9/hook"
PATH = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "openapi.json")

with open(PATH, encoding="utf-8") as file:
    SCHEMAS = Schemas(json.load(file))


def described(answer, method, path):
    """Every member of the answer is described, and what is described is there."""
    schema = SCHEMAS.answer(method, path, answer.status)
    if schema is None:
        assert answer.body == b""
        return answer
    assert SCHEMAS.findings(answer.json, schema) == []
    return answer


@pytest.fixture
def ask(hub):
    """ask(METHOD, "/v1/things/{id}", status, id=…, json=…, **query): the answer, compared with its description."""

    def one(method, path, status, json=None, key=hub.admin, body=None, query="", **values):
        answer = hub.api(method, path.format(**values) + query, json, key=key, body=body)
        assert answer.status == status, answer
        return described(answer, method, path).json if answer.body else None

    return one


def test_description_is_served_to_everybody(hub):
    answer = hub.api("GET", "/openapi.json", key=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == SCHEMAS.document


def test_comparison_finds_what_is_wrong():
    good = {"type": "about:blank", "title": "t", "status": 404, "code": "not_found", "request_id": "req_0"}
    schema = {"$ref": "#/components/schemas/Problem"}
    assert SCHEMAS.findings(good, schema) == []
    assert SCHEMAS.findings({**good, "status": "404"}, schema)
    assert SCHEMAS.findings({**good, "code": "lost"}, schema)
    assert SCHEMAS.findings({**good, "more": 1}, schema)
    assert SCHEMAS.findings({k: v for k, v in good.items() if k != "title"}, schema)
    page = SCHEMAS.answer("GET", "/v1/endpoints", 200)
    assert SCHEMAS.findings({"data": [], "next_cursor": None}, page) == []
    assert SCHEMAS.findings({"data": [{}], "next_cursor": None}, page)


def test_subscribers_and_keys_have_the_described_fields(hub, ask):
    made = ask("POST", "/v1/subscribers", 201, {"uid": "acme", "name": "Acme", "metadata": {"a": "b"}})
    ask("GET", "/v1/subscribers/{id}", 200, id=made["id"])
    ask("PUT", "/v1/subscribers/{id}", 200, {"name": "Acme"}, id="acme")
    ask("PUT", "/v1/subscribers/{id}", 201, {"name": "New"}, id="new")
    ask("PATCH", "/v1/subscribers/{id}", 200, {"uid": None}, id="new")
    ask("GET", "/v1/subscribers", 200, query="?limit=1")
    key = ask("POST", "/v1/keys", 201, {"name": "n", "scopes": ["read"], "subscriber": "acme", "expires_at": "2100-01-01T00:00:00Z"})
    ask("GET", "/v1/keys/{id}", 200, id=key["id"])
    ask("GET", "/v1/keys", 200)
    ask("DELETE", "/v1/keys/{id}", 204, id=key["id"])
    ask("DELETE", "/v1/subscribers/{id}", 204, id="acme")


def test_endpoints_have_the_described_fields(hub, ask):
    hub.subscriber("acme")
    made = ask("POST", "/v1/endpoints", 201, {"url": URL, "event_types": ["order.*"], "subscriber": "acme", "signature": {"versions": ["v1a"]}})
    ask("PUT", "/v1/endpoints/{id}", 201, {"url": URL, "event_types": ["*"], "retry": {"schedule_ms": [0, 5]}, "headers": {"A": "b"}}, id="mine")
    ask("PUT", "/v1/endpoints/{id}", 200, {"url": URL, "event_types": ["*"]}, id="mine")
    ask("PATCH", "/v1/endpoints/{id}", 200, {"description": "d", "metadata": {"k": "v"}}, id="mine")
    ask("GET", "/v1/endpoints/{id}", 200, id=made["id"])
    ask("GET", "/v1/endpoints", 200)
    ask("POST", "/v1/endpoints/{id}/secret/rotate", 200, {"overlap_ms": 60000}, id=made["id"])
    ask("POST", "/v1/endpoints/{id}/secret/rotate", 200, id="mine")
    ask("GET", "/v1/endpoints/{id}/secret", 200, id=made["id"])
    for step in ("pause", "resume", "disable"):
        ask("POST", f"/v1/endpoints/{{id}}/{step}", 200, id="mine")
    ask("POST", "/v1/endpoints/{id}/pause", 409, id="mine")
    ask("DELETE", "/v1/endpoints/{id}", 204, id="mine")
    ask("GET", "/v1/endpoints/{id}", 404, id="mine")


def test_events_deliveries_and_operations_have_the_described_fields(hub, sink, ask):
    sink.on("/bad", Reply(500, body=b"no"))
    sink.on("/good", Reply(200))
    hub.endpoint(sink.url("/bad"), ["bad"], retry={"schedule_ms": [1]})
    hub.endpoint(sink.url("/good"), ["good"], uid="good")
    full = {"type": "bad", "data": {}, "uid": "u", "subject": "s", "ordering_key": "k", "attributes": {"a": "b"}, "expires_at": "2100-01-01T00:00:00Z"}
    event = ask("POST", "/v1/events", 202, full)
    ask("POST", "/v1/events", 200, full)
    good = ask("POST", "/v1/events", 202, {"type": "good", "data": 1})
    assert ask("POST", "/v1/events", 202, {"type": "none", "data": 1})["deliveries"] == 0
    ask("POST", "/v1/events", 202, [{"type": "good", "data": 1}, {**full, "data": 2}])
    ask("POST", "/v1/events", 422, {**full, "data": 2})
    ask("POST", "/v1/events", 422, {"type": ".", "more": 1})
    ask("GET", "/v1/events", 200)
    ask("GET", "/v1/events/{id}", 200, id="u")
    (dead,) = hub.wait_dead(1)
    ask("GET", "/v1/events/{id}/deliveries", 200, id=event["id"])
    assert len(ask("GET", "/v1/deliveries/{id}", 200, id=dead["id"])["attempts"]) == 2
    ask("GET", "/v1/deliveries/{id}", 200, id=hub.wait_delivery(good, "delivered")["id"])
    ask("POST", "/v1/deliveries/{id}/cancel", 409, id=dead["id"])
    ask("POST", "/v1/deliveries/{id}/retry", 200, id=dead["id"])
    hub.wait_dead(1)
    assert ask("GET", "/v1/dead-letters", 200)["data"]
    ask("POST", "/v1/dead-letters/retry", 200, {"filter": {"reason": "exhausted"}, "dry_run": True})
    operation = ask("POST", "/v1/dead-letters/discard", 202, {"ids": [dead["id"]]})
    hub.wait_operation(operation)
    ask("GET", "/v1/operations/{id}", 200, id=operation["id"])
    ask("GET", "/v1/operations", 200)
    ask("DELETE", "/v1/operations/{id}", 409, id=operation["id"])
    ask("GET", "/healthz", 200, key=None)
    ask("GET", "/readyz", 200, key=None)


def test_cloudevents_have_the_described_fields(hub, ask):
    event = {"specversion": "1.0", "id": "A1", "source": "/shop", "type": "order.created", "data": {"order": 1}, "region": "eu", "priority": 1}
    request = {"body": json.dumps(event).encode(), "headers": {"Content-Type": "application/cloudevents+json"}}
    made = described(hub.api("POST", "/v1/events", **request), "POST", "/v1/events")
    assert made.status == 202
    assert ask("GET", "/v1/events/{id}", 200, id=made.json["id"])["cloudevent"]["region"] == "eu"
    structured = SCHEMAS.resolve({"$ref": "#/components/schemas/CloudEvent"})
    assert SCHEMAS.findings(event, structured) == []
    assert SCHEMAS.findings({**event, "region": []}, structured)


def test_repair_has_the_described_fields(hub, sink, ask):
    sink.on("/bad", Reply(500))
    endpoint = hub.endpoint(sink.url("/bad"), ["bad"], uid="bad", retry={"schedule_ms": [1]})
    event = hub.publish("bad", attributes={"a": "b"})
    hub.wait_dead(1)
    exported = hub.api("GET", "/v1/dead-letters/export")
    content = SCHEMAS.document["paths"]["/v1/dead-letters/export"]["get"]["responses"]["200"]["content"]
    assert exported.headers["content-type"] in content
    lines = [json.loads(line) for line in exported.body.splitlines()]
    assert len(lines) == 1
    assert SCHEMAS.findings(lines[0], content["application/x-ndjson"]["x-line"]) == []
    ask("POST", "/v1/endpoints/{id}/recover", 200, {"since": "-1h", "dry_run": True}, id="bad")
    ask("POST", "/v1/endpoints/{id}/recover", 200, {"since": "-1h", "states": ["delivered"], "dry_run": True}, id="bad")
    operation = ask("POST", "/v1/endpoints/{id}/recover", 202, {"since": "-1h", "types": ["bad"]}, id="bad")
    hub.wait_operation(operation)
    ask("GET", "/v1/operations/{id}", 200, id=operation["id"])
    sent = ask("POST", "/v1/events/{id}/resend", 200, {"endpoints": ["bad"]}, id=event["id"])
    assert [s["endpoint"] for s in sent["data"]] == [endpoint["id"]]
    hub.api("POST", "/v1/endpoints/bad/disable")
    ask("POST", "/v1/events/{id}/resend", 409, {"endpoints": ["bad"]}, id=event["id"])


def test_lists_explain_match_and_stats_have_the_described_fields(hub, sink, ask):
    sink.on("/bad", Reply(500))
    endpoint = hub.endpoint(sink.url("/bad"), ["order.*"], uid="bad", retry={"schedule_ms": [60000]})
    event = hub.publish("order.created", uid="u")
    other = hub.publish("other")
    hub.wait_delivery(event, "pending", where=lambda delivery: delivery["attempt_count"] == 1)
    assert ask("GET", "/v1/deliveries", 200, query="?state=pending&endpoint=bad")["data"]
    ask("GET", "/v1/deliveries", 422, query="?state=lost")
    ask("GET", "/v1/events", 200, query="?unmatched=true&q=other")
    waiting = ask("GET", "/v1/events/{id}/explain", 200, id="u", query="?endpoint=bad")
    assert waiting["waiting"]["for"] == "retry"
    assert ask("GET", "/v1/events/{id}/explain", 200, id=other["id"], query="?endpoint=bad")["delivery"] is None
    ask("GET", "/v1/events/{id}/explain", 422, id="u")
    assert ask("POST", "/v1/match", 200, {"event_types": ["order.**"]})["types"]
    ask("GET", "/v1/stats", 200)
    ask("GET", "/v1/endpoints", 200, query="?status=active&q=bad")
    ask("GET", "/v1/operations", 200, query="?state=running")
    ask("GET", "/v1/keys", 404, query="?subscriber=nobody")
    tested = ask("POST", "/v1/endpoints/{id}/test", 200, {"type": "order.test", "data": [1]}, id=endpoint["id"])
    assert tested["state"] == "cancelled"
    ask("GET", "/v1/deliveries/{id}", 200, id=tested["delivery"])
    assert len(hub.pages("/v1/deliveries", limit=1)) == 2


def test_conditions_and_repetitions_are_answered_as_described(hub):
    path, body = "/v1/endpoints", {"url": URL, "event_types": ["*"]}
    once = {"headers": {"Idempotency-Key": "k"}}
    made = described(hub.api("POST", path, body, **once), "POST", path)
    again = described(hub.api("POST", path, body, **once), "POST", path)
    assert (made.status, again.status, again.json["id"]) == (201, 201, made.json["id"])
    assert described(hub.api("POST", path, {**body, "ordered": True}, **once), "POST", path).status == 422
    one, shape = f"{path}/{made.json['id']}", path + "/{id}"
    tag = made.headers["etag"]
    assert described(hub.api("GET", one, headers={"If-None-Match": tag}), "GET", shape).status == 304
    assert described(hub.api("PATCH", one, {"ordered": True}, headers={"If-Match": tag}), "PATCH", shape).status == 200
    for method, json_body in (("PATCH", {"ordered": False}), ("PUT", body), ("DELETE", None), ("GET", None)):
        assert described(hub.api(method, one, json_body, headers={"If-Match": tag}), method, shape).status == 412, method


def numbers():
    """(pointer, schema) of every number that an endpoint is written with."""
    for name, schema in SCHEMAS.document["components"]["schemas"]["EndpointWrite"]["properties"].items():
        schema = SCHEMAS.resolve(schema)
        members = schema.get("properties", {}) if schema.get("type") == "object" else {}
        for pointer, number in [((name,), schema), *(((name, k), SCHEMAS.resolve(v)) for k, v in members.items())]:
            if number.get("type") in ("integer", "number"):
                yield pytest.param(pointer, number, id="/".join(pointer))


def written(pointer, value):
    for name in reversed(pointer):
        value = {name: value}
    return {"url": URL, "event_types": ["*"], **value}


@pytest.mark.parametrize("pointer, schema", numbers())
def test_range_and_default_of_a_number_are_as_described(shared_hub, pointer, schema):
    for value in (schema["minimum"], schema["maximum"]):
        assert shared_hub.api("POST", "/v1/endpoints", written(pointer, value)).status == 201, value
    for value in (schema["minimum"] - 1, schema["maximum"] + 1, str(schema["minimum"])):
        answer = shared_hub.api("POST", "/v1/endpoints", written(pointer, value))
        assert (answer.status, answer.pointers) == (422, ["/" + "/".join(pointer)]), value
    shown = shared_hub.endpoint(URL, retry={})
    for name in pointer:
        shown = shown[name]
    assert shown == schema["default"]


def test_every_default_of_an_endpoint_is_as_described(shared_hub):
    made = shared_hub.made("/v1/endpoints", {"url": URL, "event_types": ["*"]})
    for name, schema in SCHEMAS.document["components"]["schemas"]["EndpointWrite"]["properties"].items():
        schema = SCHEMAS.resolve(schema)
        if "default" in schema:
            assert made[name] == schema["default"], name
    assert made["signature"] == {"versions": SCHEMAS.document["components"]["schemas"]["SignatureVersions"]["default"]}


def test_limits_of_lists_are_as_described(shared_hub):
    limit = SCHEMAS.document["components"]["parameters"]["Limit"]["schema"]
    for value, status in ((limit["minimum"], 200), (limit["maximum"], 200), (limit["minimum"] - 1, 422), (limit["maximum"] + 1, 422)):
        assert shared_hub.api("GET", f"/v1/endpoints?limit={value}").status == status, value


def test_event_types_and_the_audit_have_the_described_fields(hub, ask):
    doc = {"description": "d", "owner": "o", "example": {"a": 1}, "deprecated": True}
    ask("PUT", "/v1/event-types/{type}", 201, doc, type="order.created")
    ask("PUT", "/v1/event-types/{type}", 200, doc, type="order.created")
    ask("PUT", "/v1/event-types/{type}", 422, {"owner": 1}, type="order.created")
    ask("GET", "/v1/event-types/{type}", 200, type="order.created")
    ask("GET", "/v1/event-types", 200)
    hub.subscriber("acme")
    ask("GET", "/v1/event-types", 200, key=hub.key("read", subscriber="acme"))
    endpoint = hub.endpoint(URL, uid="e", subscriber="acme")
    answer = hub.api("PATCH", "/v1/endpoints/e", {}, headers={"If-Match": '"x"'})
    assert answer.status == 412
    described(answer, "PATCH", "/v1/endpoints/{id}")
    tag = hub.api("GET", "/v1/endpoints/e").headers["etag"]
    described(hub.api("GET", "/v1/endpoints/e", headers={"If-None-Match": tag}), "GET", "/v1/endpoints/{id}")
    assert len(ask("GET", "/v1/audit", 200)["data"]) > 4
    assert ask("GET", "/v1/audit", 200, query=f"?resource={endpoint['id']}")["data"][0]["action"] == "endpoint.create"
    ask("GET", "/v1/audit", 422, query="?actor=me")
    ask("DELETE", "/v1/event-types/{type}", 204, type="order.created")
