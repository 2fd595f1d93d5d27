"""Event types: seen, counted, described."""

import pytest

from hub import eventually

URL = "http://127.0.0.1:9/hook"


def seen(hub, type, count):
    """Counts are written about once a second: waits until this one is."""
    path = f"/v1/event-types/{type}"
    return eventually(lambda: (lambda a: a.json if a.status == 200 and a.json["count"] >= count else None)(hub.api("GET", path)), f"{count} of {type}")


def others(hub, **query):
    """All types but the hub's own."""
    return [row for row in hub.pages("/v1/event-types", **query) if not row["type"].startswith("grapnel.")]


def test_published_types_are_seen_and_counted(hub):
    for _ in range(3):
        hub.publish("order.created")
    hub.publish("order.paid", uid="p")
    hub.publish("order.paid", uid="p", status=200)
    created = seen(hub, "order.created", 3)
    assert created["count"] == 3
    assert created["first_seen"] <= created["last_seen"]
    assert {k: v for k, v in created.items() if k not in ("first_seen", "last_seen")} == {
        "type": "order.created", "described": False, "description": None, "owner": None, "example": None, "deprecated": False,
        "updated_at": None, "count": 3,
    }  # fmt: skip
    assert seen(hub, "order.paid", 1)["count"] == 1, "a repetition is no further event"
    hub.publish("order.created")
    later = seen(hub, "order.created", 4)
    assert later["first_seen"] == created["first_seen"] and later["last_seen"] >= created["last_seen"]
    assert [t["type"] for t in others(hub, order="asc")] == ["order.created", "order.paid"]
    assert hub.pages("/v1/event-types", limit=1) == hub.pages("/v1/event-types", order="asc")[::-1]


def test_counts_survive_a_stop_exactly(hub):
    batch = [{"type": f"batch.t{n % 7}", "data": n} for n in range(700)]
    assert hub.api("POST", "/v1/events", batch).status == 202
    hub.restart()
    types = {t["type"]: t["count"] for t in others(hub)}
    assert types == {f"batch.t{n}": 100 for n in range(7)}
    hub.publish("batch.t0")
    hub.restart()
    assert hub.got("/v1/event-types/batch.t0")["count"] == 101


def test_a_kill_loses_no_more_than_what_was_not_written(hub):
    hub.publish("order.created")
    seen(hub, "order.created", 1)
    hub.kill9()
    hub.start()
    assert hub.got("/v1/event-types/order.created")["count"] == 1


def test_a_refused_event_is_not_counted(hub):
    hub.api("POST", "/v1/events", [{"type": "a.good", "data": 1}, {"type": "a..bad", "data": 1}])
    hub.publish("a.other")
    seen(hub, "a.other", 1)
    assert [t["type"] for t in others(hub)] == ["a.other"]


def test_a_type_is_described_replaced_and_forgotten(hub):
    doc = {"description": "An order was placed", "owner": "shop", "example": {"order": 1, "lines": [1.5, None]}, "deprecated": True}
    made = hub.api("PUT", "/v1/event-types/order.created", doc)
    assert made.status == 201, made
    assert {k: made.json[k] for k in doc} == doc
    assert (made.json["described"], made.json["count"], made.json["first_seen"]) == (True, 0, None)
    assert hub.got("/v1/event-types/order.created") == made.json
    again = hub.api("PUT", "/v1/event-types/order.created", {"owner": "sales"})
    assert again.status == 200
    assert (again.json["owner"], again.json["description"], again.json["deprecated"]) == ("sales", None, False), "PUT replaces"
    hub.publish("order.created")
    assert seen(hub, "order.created", 1)["owner"] == "sales"
    assert hub.api("DELETE", "/v1/event-types/order.created").status == 204
    left = hub.got("/v1/event-types/order.created")
    assert (left["described"], left["owner"], left["count"]) == (False, None, 1), "what was seen stays"
    assert hub.api("DELETE", "/v1/event-types/order.created").status == 404
    hub.api("PUT", "/v1/event-types/never.seen", {})
    assert hub.api("DELETE", "/v1/event-types/never.seen").status == 204
    assert hub.api("GET", "/v1/event-types/never.seen").status == 404


def test_what_get_shows_can_be_put_back(hub):
    hub.api("PUT", "/v1/event-types/a.b", {"description": "d", "example": [1]})
    shown = hub.got("/v1/event-types/a.b")
    after = hub.api("PUT", "/v1/event-types/a.b", shown)
    assert after.status == 200, after
    assert {k: v for k, v in after.json.items() if k != "updated_at"} == {k: v for k, v in shown.items() if k != "updated_at"}


def test_a_type_with_a_slash_is_written_encoded(hub):
    assert hub.api("PUT", "/v1/event-types/com%2Facme.order", {"owner": "x"}).json["type"] == "com/acme.order"
    assert hub.got("/v1/event-types/com%2Facme.order")["owner"] == "x"


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({"owner": 3}, "/owner"),
        ({"owner": "x" * 256}, "/owner"),
        ({"description": ["x"]}, "/description"),
        ({"description": "x" * 4097}, "/description"),
        ({"deprecated": "yes"}, "/deprecated"),
        ({"example": "x" * 32769}, "/example"),
        ({"title": "x"}, "/title"),
        ([], ""),
    ],
)
def test_bad_descriptions_are_said(shared_hub, body, pointer):
    answer = shared_hub.api("PUT", "/v1/event-types/a.bad", body)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer]), answer
    assert shared_hub.api("GET", "/v1/event-types/a.bad").status == 404


@pytest.mark.parametrize("type", ["a..b", ".a", "a%20b", "a%00b", "%zz", "x" * 256, "x" * 3000, "%C3%A9"])
def test_bad_types_are_said(shared_hub, type):
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        answer = shared_hub.api(method, f"/v1/event-types/{type}", body)
        assert answer.status in (400, 422), answer


def test_a_bound_key_sees_descriptions_without_counts(hub):
    hub.subscriber("acme")
    hub.publish("secret.business")
    hub.publish("order.created")
    hub.api("PUT", "/v1/event-types/order.created", {"description": "d"})
    seen(hub, "secret.business", 1)
    bound = hub.key("read", "manage", subscriber="acme")
    rows = others(hub, key=bound)
    assert [r["type"] for r in rows] == ["order.created"]
    assert rows[0]["description"] == "d"
    assert not {"count", "first_seen", "last_seen"} & set(rows[0])
    assert hub.got("/v1/event-types/order.created", key=bound) == rows[0]
    assert hub.api("GET", "/v1/event-types/secret.business", key=bound).status == 404
    assert hub.api("PUT", "/v1/event-types/order.created", {}, key=bound).status == 403
    assert hub.api("DELETE", "/v1/event-types/order.created", key=bound).status == 403
    assert hub.got("/v1/event-types/order.created")["description"] == "d"


def test_scopes(shared_hub):
    read, publish = shared_hub.key("read"), shared_hub.key("publish")
    assert shared_hub.api("GET", "/v1/event-types", key=read).status == 200
    assert shared_hub.api("GET", "/v1/event-types", key=publish).status == 403
    assert shared_hub.api("PUT", "/v1/event-types/a.b", {}, key=read).status == 403
