"""CloudEvents 1.0 in each mode in, every format out."""

import base64
import http.client
import json

import pytest

import official
from hub import BOUND, Answer
from sink import Reply

JSON = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01"
HOP = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = {"specversion": "1.0", "id": "A234-1234-1234", "source": "/mycontext", "type": "com.example.someevent"}
HEADERS = {f"ce-{name}": value for name, value in EVENT.items()}
FORMATS = ["raw", "standard", "thin", "cloudevents-binary", "cloudevents-structured"]

try:
    from cloudevents.core.bindings import http as sdk
    from cloudevents.core.v1.event import CloudEvent as SdkEvent
except ImportError:
    sdk = None


@pytest.fixture
def needs_sdk():
    if not sdk:
        official.missing("the CloudEvents SDK for Python")


def sdk_read(received):
    read = sdk.from_http_event(sdk.HTTPMessage(received.headers, received.body))
    return read.get_attributes(), read.get_data()


def sdk_make(attributes, data):
    """(event's attributes, headers, body) in structured and in binary mode."""
    for to_http in (sdk.to_structured_event, sdk.to_binary_event):
        made = SdkEvent(dict(attributes), data)
        message = to_http(made)
        yield made.get_attributes(), message.headers, message.body


def post(hub, body, media, headers=None, **keywords):
    sent = {**({"Content-Type": media} if media else {}), **(headers or {})}
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hub.api("POST", "/v1/events", body=body, headers=sent, **keywords)


def structured(hub, status=202, **changes):
    answer = post(hub, {k: v for k, v in {**EVENT, **changes}.items() if v is not ...}, JSON)
    assert answer.status == status, answer
    return answer.json


def binary(hub, body=b"", media=None, status=202, **headers):
    answer = post_without_default_type(hub, body, {**HEADERS, **({"Content-Type": media} if media else {}), **{f"ce-{n}": v for n, v in headers.items()}})
    assert answer.status == status, answer
    return answer.json


def post_without_default_type(hub, body, headers):
    """Hub.api says application/json where the test says nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=BOUND)
    try:
        connection.request("POST", "/v1/events", body=body, headers={"Authorization": f"Bearer {hub.admin}", **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def event(hub, published):
    return hub.got(f"/v1/events/{published['id']}")


def payload_of(hub, published):
    return hub.api("GET", f"/v1/events/{published['id']}/payload").body


@pytest.fixture(scope="module")
def wire(shared_hub, shared_sink):
    """One endpoint of each format at /<format>, with their secrets."""
    secrets = {f: shared_hub.endpoint(shared_sink.url("/" + f), ["*"], format=f, uid=f)["secret"] for f in FORMATS}
    return shared_hub, shared_sink, secrets


def arrived(wire, published):
    """What came of an event, by format; every signature is checked."""
    hub, sink, secrets = wire
    found = {}
    for one in FORMATS:
        (found[one],) = sink.wait_for(1, "/" + one, where=lambda r: r.webhook_id == published["id"])
        assert found[one].signed_with(secrets[one]), one
    return found


def ce_headers(received):
    return {n: v for n, v in received.headers.items() if n.startswith("ce-")}


# In.


def test_structured_event_is_taken_apart(hub):
    published = structured(hub, subject="orders/1", time="2018-04-05T17:31:00Z", ext="Zoë 🪝", number=-5, flag=True, unset=None, data={"n": 1})
    assert published["uid"] == EVENT["id"]
    shown = event(hub, published)
    assert (shown["type"], shown["uid"], shown["subject"]) == (EVENT["type"], EVENT["id"], "orders/1")
    assert shown["content_type"] == "application/json"
    assert shown["cloudevent"] == {**EVENT, "subject": "orders/1", "time": "2018-04-05T17:31:00Z", "ext": "Zoë 🪝", "number": -5, "flag": True}
    assert hub.got(f"/v1/events/{EVENT['id']}")["id"] == published["id"]


def test_an_event_of_our_own_envelope_has_no_cloudevent(hub):
    assert event(hub, hub.publish())["cloudevent"] is None


def test_data_keep_their_bytes(hub):
    data = b'{ "n" : 1.10, "n":12345678901234567890, "s": "\\u0041" }'
    body = json.dumps(EVENT).encode()[:-1] + b',"data": ' + data + b" }"
    assert payload_of(hub, post(hub, body, JSON).json) == data
    assert payload_of(hub, binary(hub, b" " + data + b"\n", "application/json", id="2")) == b" " + data + b"\n"
    assert payload_of(hub, structured(hub, id="3", datacontenttype="image/png", data_base64=base64.b64encode(PNG).decode())) == PNG
    assert payload_of(hub, structured(hub, id="4", datacontenttype="text/plain", data='a\n"b" ☃')) == 'a\n"b" ☃'.encode()
    assert payload_of(hub, structured(hub, id="5", data=None)) == b"null"
    assert payload_of(hub, structured(hub, id="6")) == b""
    escaped = json.dumps({**EVENT, "id": "7"}).encode()[:-1] + b',"data_base64":"\\/\\/8="}'
    assert payload_of(hub, post(hub, escaped, JSON).json) == b"\xff\xff"


def test_binary_headers_are_decoded_once(hub):
    published = binary(hub, PNG, "image/png", subject="Euro%20%E2%82%AC%20%f0%9f%98%80", quoted='"a \\"b\\" 100%2525"', UPPER="x")
    shown = event(hub, published)
    assert shown["subject"] == "Euro € 😀"
    assert shown["content_type"] == "image/png"
    assert shown["cloudevent"] == {**EVENT, "datacontenttype": "image/png", "subject": "Euro € 😀", "quoted": 'a "b" 100%25', "upper": "x"}
    assert payload_of(hub, published) == PNG


def test_binary_mode_needs_neither_body_nor_type(hub):
    assert event(hub, binary(hub))["content_type"] is None
    untyped = binary(hub, b"\x00", id="2")
    assert event(hub, untyped)["content_type"] == "application/octet-stream"
    assert payload_of(hub, untyped) == b"\x00"


def test_media_type_decides_the_mode_before_the_headers(hub):
    inside = post(hub, {**EVENT, "id": "inside"}, "Application/CloudEvents+JSON; charset=UTF-8", {**HEADERS, "ce-id": "outside"})
    assert inside.json["uid"] == "inside"
    batched = post(hub, [{**EVENT, "id": "b1"}], "application/cloudevents-batch+json", {**HEADERS, "ce-id": "outside"})
    assert [i["uid"] for i in batched.json["data"]] == ["b1"]
    enveloped = post(hub, {"type": "a", "data": 1}, "application/json", HEADERS)
    assert payload_of(hub, enveloped.json) == b'{"type": "a", "data": 1}'


@pytest.mark.parametrize("media", ["application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch", "application/cloudevents-batch+xml"])
def test_other_event_formats_are_415(shared_hub, media):
    for headers in ({}, HEADERS):
        answer = post(shared_hub, EVENT, media, headers)
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
        assert JSON in answer.json["detail"]


def test_batch_is_answered_in_order_and_may_be_empty(hub):
    batch = [{**EVENT, "id": str(n), "data": n} for n in range(3)]
    answer = post(hub, [*batch, batch[0]], BATCH)
    assert answer.status == 202
    assert [(i["uid"], i["duplicate"]) for i in answer.json["data"]] == [("0", False), ("1", False), ("2", False), ("0", True)]
    assert post(hub, [], BATCH).json == {"data": []}


def test_an_id_that_is_no_uid_still_leaves_as_ce_id(wire):
    hub, _, _ = wire
    for number, odd in enumerate(["a/b?c", "evt_0123456789abc", "Zoë 1", "i" * 300]):
        published = structured(hub, id=odd, source=f"/odd/{number}")
        assert published["uid"] is None
        assert event(hub, published)["cloudevent"]["id"] == odd
        assert json.loads(arrived(wire, published)["cloudevents-structured"].body)["id"] == odd


# Repetitions.


def test_source_and_id_are_the_key(hub):
    first = structured(hub, data={"n": 1}, traceparent=TRACE)
    again = structured(hub, 200, data={"n": 1})  # a repetition is traced as it likes
    assert (again["id"], again["duplicate"]) == (first["id"], True)
    assert structured(hub, source="/other", data={"n": 1})["id"] != first["id"]
    assert hub.publish(EVENT["type"], {"n": 1}, uid=EVENT["id"])["id"] != first["id"]  # a uid is another kind of key
    refused = post(hub, {**EVENT, "data": {"n": 2}}, JSON)
    assert (refused.status, refused.code) == (422, "idempotency_key_reused")
    refused = post(hub, {**EVENT, "data": {"n": 1}, "ext": "x"}, JSON)
    assert (refused.status, refused.code) == (422, "idempotency_key_reused")
    assert len(hub.got("/v1/events")["data"]) == 3


def test_the_key_holds_between_modes_over_restarts_and_in_batches(hub):
    first = binary(hub, b'{"n":1}', "application/json", a="x", b="y")
    hub.kill9()
    hub.start()
    same = {"datacontenttype": "application/json", "b": "y", "a": "x"}
    body = json.dumps({**EVENT, **same}).encode()[:-1] + b',"data":{"n":1}}'
    assert post(hub, body, JSON).json["id"] == first["id"]
    answer = post(hub, b"[" + body + b"]", BATCH).json["data"]
    assert [(i["id"], i["duplicate"]) for i in answer] == [(first["id"], True)]


def test_an_id_of_one_source_cannot_be_made_to_look_like_anothers(hub):
    assert structured(hub, source="/a", id="b1")["id"] != structured(hub, source="/ab", id="1")["id"]


def test_idempotency_key_works_beside_it(hub):
    first = post(hub, EVENT, JSON, {"Idempotency-Key": "k"})
    other = post(hub, {**EVENT, "id": "2"}, JSON, {"Idempotency-Key": "k"})
    assert (first.status, other.status, other.code) == (202, 422, "idempotency_key_reused")


# Routing.


def test_the_hubs_attributes_route_and_stay_here(hub, sink):
    hub.subscriber("acme")
    theirs = hub.endpoint(sink.url("/theirs"), ["*"], subscriber="acme", format="cloudevents-structured")
    hub.endpoint(sink.url("/ours"), ["*"], format="cloudevents-binary")
    published = structured(hub, grapnelsubscriber="acme", grapnelorderingkey="k", grapnelexpiresat="2099-01-01T00:00:00Z", ext="x")
    assert published["deliveries"] == 1
    (received,) = sink.wait_for(1, "/theirs")
    assert json.loads(received.body) == {**EVENT, "ext": "x"}
    shown = event(hub, published)
    assert (shown["subscriber"], shown["ordering_key"], shown["expires_at"]) == ("acme", "k", "2099-01-01T00:00:00.000Z")
    assert shown["cloudevent"] == {**EVENT, "ext": "x"}
    only = binary(hub, b"", None, grapnelendpoint=theirs["id"], grapneldeliverat="2098-01-01T00:00:00Z", id="2")
    assert hub.delivery(only)["due_at"] == "2098-01-01T00:00:00.000Z"
    everyone = structured(hub, id="3", grapnelsubscriber="*")
    assert everyone["deliveries"] == 2
    assert "ce-grapnelsubscriber" not in sink.wait_for(1, "/ours")[0].headers


def test_a_bound_key_is_bound_here_too(hub):
    hub.subscriber("acme")
    hub.subscriber("beta")
    key = hub.key("publish", subscriber="acme")
    answer = post(hub, {**EVENT, "grapnelsubscriber": "beta"}, JSON, key=key)
    assert (answer.status, answer.pointers) == (404, ["/grapnelsubscriber"])
    assert event(hub, post(hub, EVENT, JSON, key=key).json)["subscriber"] == "acme"


# Out.


def test_json_data_in_every_format(wire):
    data = b'{ "n" : 1.10, "n":12345678901234567890, "t": "\\u00e9" }'
    body = json.dumps({**EVENT, "id": "json", "subject": 'Zoë "1" 100%', "time": "2018-04-05T17:31:00+02:00", "ext": "a b", "num": 7, "flag": False}).encode()
    published = post(wire[0], body[:-1] + b',"data":' + data + b"}", JSON).json
    got = arrived(wire, published)
    assert got["raw"].body == got["cloudevents-binary"].body == data
    assert got["raw"].headers["content-type"] == got["cloudevents-binary"].headers["content-type"] == "application/json"
    assert ce_headers(got["raw"]) == {}
    head = b'{"id":"%s","type":"com.example.someevent","timestamp":"2018-04-05T17:31:00+02:00"' % published["id"].encode()
    assert got["standard"].body == head + b',"data":' + data + b"}"
    assert got["thin"].body == head + b"}"
    assert got["standard"].headers["content-type"] == got["thin"].headers["content-type"] == "application/json"
    assert ce_headers(got["cloudevents-binary"]) == {
        **HEADERS,
        "ce-id": "json",
        "ce-subject": "Zo%C3%AB%20%221%22%20100%25",
        "ce-time": "2018-04-05T17:31:00+02:00",
        "ce-ext": "a%20b",
        "ce-num": "7",
        "ce-flag": "false",
    }
    whole = got["cloudevents-structured"]
    assert whole.headers["content-type"] == JSON
    assert whole.body.endswith(b',"data":' + data + b"}")
    attributes = {k: v for k, v in json.loads(whole.body).items() if k != "data"}
    assert attributes == {**EVENT, "id": "json", "subject": 'Zoë "1" 100%', "time": "2018-04-05T17:31:00+02:00", "ext": "a b", "num": 7, "flag": False}
    assert {r.headers["grapnel-event-type"] for r in got.values()} == {EVENT["type"]}


def test_other_data_in_every_format(wire):
    published = binary(wire[0], PNG, "image/png", id="png", ext="x")
    got = arrived(wire, published)
    for one in ("raw", "cloudevents-binary"):
        assert got[one].body == PNG
        assert got[one].headers["content-type"] == "image/png"
    standard = json.loads(got["standard"].body)
    assert sorted(standard) == ["data_base64", "id", "timestamp", "type"]
    assert base64.b64decode(standard["data_base64"]) == PNG
    assert sorted(json.loads(got["thin"].body)) == ["id", "timestamp", "type"]
    assert json.loads(got["cloudevents-structured"].body) == {
        **EVENT,
        "id": "png",
        "ext": "x",
        "datacontenttype": "image/png",
        "data_base64": base64.b64encode(PNG).decode(),
    }
    assert ce_headers(got["cloudevents-binary"]) == {**HEADERS, "ce-id": "png", "ce-ext": "x"}


def test_an_event_without_data_in_every_format(wire):
    got = arrived(wire, structured(wire[0], id="none"))
    assert got["raw"].body == got["cloudevents-binary"].body == b""
    assert sorted(json.loads(got["standard"].body)) == ["id", "timestamp", "type"]
    assert json.loads(got["cloudevents-structured"].body) == {**EVENT, "id": "none"}


def test_events_of_our_own_leave_as_cloudevents(wire):
    hub = wire[0]
    published = hub.publish("order.created", {"n": 1}, uid="order-1", subject="orders/1 ☃")
    got = arrived(wire, published)
    when = event(hub, published)["time"]
    assert json.loads(got["cloudevents-structured"].body) == {
        "specversion": "1.0",
        "id": "order-1",
        "source": "/grapnel",
        "type": "order.created",
        "datacontenttype": "application/json",
        "subject": "orders/1 ☃",
        "time": when,
        "data": {"n": 1},
    }
    assert ce_headers(got["cloudevents-binary"]) == {
        "ce-specversion": "1.0",
        "ce-id": "order-1",
        "ce-source": "/grapnel",
        "ce-type": "order.created",
        "ce-subject": "orders/1%20%E2%98%83",
        "ce-time": when,
    }
    nameless = hub.publish("order.created", {"n": 1})
    assert arrived(wire, nameless)["cloudevents-binary"].headers["ce-id"] == nameless["id"]


def test_the_source_of_our_own_events_is_an_option(make_hub, sink):
    hub = make_hub("--cloudevents-source", "https://shop.example/events")
    hub.endpoint(sink.url(), ["*"], format="cloudevents-binary")
    hub.publish()
    assert sink.wait_for(1)[0].headers["ce-source"] == "https://shop.example/events"


def test_a_bad_source_option_stops_the_start(make_hub):
    hub = make_hub("--cloudevents-source", "not a uri", start=False)
    hub.spawn()
    hub.process.wait(BOUND)
    code, hub.process = hub.process.returncode, None
    assert code not in (0, None)
    assert "cloudevents.source must be a URI" in hub.log()


@pytest.mark.parametrize("one", FORMATS)
def test_retries_and_restarts_send_the_same_bytes(hub, sink, one):
    gate = sink.gate()
    sink.on("/", 500, Reply(gate=gate, then="close"), 200)
    secret = hub.endpoint(sink.url(), ["*"], format=one, retry={"schedule_ms": [1, 1, 1, 1]})["secret"]
    published = binary(hub, PNG, "image/png", ext="Zo%C3%AB")
    sink.wait_for(2)
    hub.kill9()
    gate.set()
    hub.start()
    received = sink.wait_for(3)
    hub.wait_delivery(published, "delivered")
    assert len({r.body for r in received}) == 1
    assert len({tuple(sorted(ce_headers(r).items())) for r in received}) == 1
    assert {r.headers["content-type"] for r in received if r} == {received[0].headers["content-type"]}
    assert all(r.signed_with(secret) for r in received)


def test_sixty_four_extensions_survive(wire):
    many = {f"ext{n}": f"v{n} ☃" for n in range(64)}
    got = arrived(wire, structured(wire[0], id="many", **many))
    body = json.loads(got["cloudevents-structured"].body)
    assert {k: v for k, v in body.items() if k.startswith("ext")} == many
    assert {n for n in ce_headers(got["cloudevents-binary"]) if n.startswith("ce-ext")} == {f"ce-{n}" for n in many}


def test_a_large_extension_survives(wire):
    large = "ä" * 20000
    got = arrived(wire, structured(wire[0], id="large", large=large))
    assert json.loads(got["cloudevents-structured"].body)["large"] == large
    assert got["cloudevents-binary"].headers["ce-large"] == "%C3%A4" * 20000


def test_an_endpoint_shows_its_format_and_changes_it(hub, sink):
    made = hub.endpoint(sink.url(), ["*"])
    assert made["format"] == "raw"
    changed = hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"format": "thin"})
    assert (changed.status, changed.json["format"]) == (200, "thin")
    assert [e["format"] for e in hub.got("/v1/endpoints")["data"]] == ["thin"]
    assert hub.api("PUT", f"/v1/endpoints/{made['id']}", {**changed.json, "format": "standard"}).json["format"] == "standard"
    hub.publish(data=5)
    assert json.loads(sink.wait_for(1)[0].body)["data"] == 5


@pytest.mark.parametrize("bad", ["cloudevents", "RAW", "", 5, None, ["raw"]])
def test_an_unknown_format_is_refused_with_those_there_are(shared_hub, shared_sink, bad):
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": shared_sink.url(), "event_types": ["*"], "format": bad})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["/format"])
    assert all(one in answer.json["errors"][0]["detail"] for one in FORMATS)


def test_ce_headers_of_ones_own_are_refused(shared_hub, shared_sink):
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": shared_sink.url(), "event_types": ["*"], "headers": {"Ce-Id": "1"}})
    assert (answer.status, answer.pointers) == (422, ["/headers/Ce-Id"])


def test_a_dead_letter_is_exported_with_its_context(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), ["*"], retry={"max_attempts": 1})
    binary(hub, PNG, "image/png", ext="x\u2028".encode().decode("latin-1"))
    hub.publish(data=1)
    hub.wait_dead(2)
    lines = [json.loads(line) for line in hub.api("GET", "/v1/dead-letters/export").body.splitlines()]
    exported = {line["type"]: line for line in lines}
    theirs = exported[EVENT["type"]]
    assert theirs["cloudevent"] == {**EVENT, "datacontenttype": "image/png", "ext": "x\u2028"}
    assert base64.b64decode(theirs["data_base64"]) == PNG
    assert exported["test.event"]["cloudevent"] is None


# Tracing. name: (extensions, headers, traceparent and tracestate that arrive, those of the context).
TRACES = {
    "neither": ({}, {}, (None, None), (None, None)),
    "header": ({}, {"traceparent": HOP, "tracestate": "h=1"}, (HOP, "h=1"), (None, None)),
    "extension": ({"traceparent": TRACE, "tracestate": "e=1"}, {}, (TRACE, "e=1"), (TRACE, "e=1")),
    "both": ({"traceparent": TRACE}, {"traceparent": HOP, "tracestate": "h=1"}, (TRACE, None), (TRACE, None)),
    "both alike": ({"traceparent": HOP}, {"traceparent": HOP, "tracestate": "h=1"}, (HOP, "h=1"), (HOP, None)),
    "bad extension": ({"traceparent": TRACE.upper(), "tracestate": "e=1"}, {"traceparent": HOP}, (HOP, None), (None, None)),
    "bad header": ({"traceparent": TRACE}, {"traceparent": "00-x"}, (TRACE, None), (TRACE, None)),
}


@pytest.mark.parametrize("name", TRACES)
def test_extension_and_header_of_tracing_agree(wire, name):
    extensions, headers, wanted, kept = TRACES[name]
    answer = post(wire[0], {**EVENT, "source": "/trace/" + name.replace(" ", "-"), **extensions}, JSON, headers)
    got = arrived(wire, answer.json)
    for received in got.values():
        assert (received.headers.get("traceparent"), received.headers.get("tracestate")) == wanted
    binary_one, whole = got["cloudevents-binary"].headers, json.loads(got["cloudevents-structured"].body)
    assert (binary_one.get("ce-traceparent"), (binary_one.get("ce-tracestate") or "").replace("%20", " ") or None) == kept
    assert (whole.get("traceparent"), whole.get("tracestate")) == kept


# Bad input. name: (change of a good event, pointer); ... takes a member out. All are 422.
BAD_MEMBERS = {
    "no specversion": ({"specversion": ...}, "/specversion"),
    "specversion of another version": ({"specversion": "0.3"}, "/specversion"),
    "specversion is a number": ({"specversion": 1.0}, "/specversion"),
    "no id": ({"id": ...}, "/id"),
    "id is empty": ({"id": ""}, "/id"),
    "id is null": ({"id": None}, "/id"),
    "no source": ({"source": ...}, "/source"),
    "source is no uri": ({"source": "a b"}, "/source"),
    "no type": ({"type": ...}, "/type"),
    "type beyond our grammar": ({"type": "com.example geprüft"}, "/type"),
    "type of the hub's own": ({"type": "grapnel.endpoint.disabled"}, "/type"),
    "time is no time": ({"time": "tomorrow"}, "/time"),
    "subject is empty": ({"subject": ""}, "/subject"),
    "subject too long": ({"subject": "s" * 1025}, "/subject"),
    "dataschema is relative": ({"dataschema": "schema"}, "/dataschema"),
    "datacontenttype is none": ({"datacontenttype": "json"}, "/datacontenttype"),
    "datacontenttype with a line break": ({"datacontenttype": "a/b;\r\nx: y"}, "/datacontenttype"),
    "extension with upper case": ({"myExt": "x"}, "/myExt"),
    "extension with a dash": ({"my-ext": "x"}, "/my-ext"),
    "extension is an object": ({"ext": {}}, "/ext"),
    "extension is a fraction": ({"ext": 1.5}, "/ext"),
    "extension beyond 32 bits": ({"ext": 2**31}, "/ext"),
    "extension with a control character": ({"ext": "a\nb"}, "/ext"),
    "extension of the hub's that is none": ({"grapnelsubscribers": "acme"}, "/grapnelsubscribers"),
    "subscriber that is none": ({"grapnelsubscriber": "nobody"}, "/grapnelsubscriber"),
    "deliver_at is no time": ({"grapneldeliverat": "soon"}, "/grapneldeliverat"),
    "data twice": ({"data": 1, "data_base64": "aGk="}, "/data_base64"),
    "data_base64 is none": ({"data_base64": "!"}, "/data_base64"),
    "data of text that are none": ({"data": {}, "datacontenttype": "text/plain"}, "/data"),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_bad_members_are_named(shared_hub, name):
    change, pointer = BAD_MEMBERS[name]
    bad = {k: v for k, v in {**EVENT, **change}.items() if v is not ...}
    answer = post(shared_hub, bad, JSON)
    assert answer.status == (404 if "nobody" in change.values() else 422), answer
    assert answer.pointers == [pointer]
    batched = post(shared_hub, [EVENT, bad], BATCH)
    assert (batched.status, batched.pointers) == (answer.status, ["/1" + pointer])


# name: (headers, Content-Type, body, status, pointer)
BAD_HEADERS = {
    "no id": ({"ce-id": None}, "a/b", b"", 422, "ce-id"),
    "id in bad utf-8": ({"ce-id": "%C0%A0"}, "a/b", b"", 422, "ce-id"),
    "value with a lone percent": ({"ce-ext": "100%"}, "a/b", b"", 422, "ce-ext"),
    "value with an open quote": ({"ce-ext": '"a'}, "a/b", b"", 422, "ce-ext"),
    "type beyond our grammar": ({"ce-type": "a%20b"}, "a/b", b"", 422, "ce-type"),
    "ce-datacontenttype": ({"ce-datacontenttype": "a/b"}, "a/b", b"", 422, "ce-datacontenttype"),
    "extension with a dash": ({"ce-my-ext": "x"}, "a/b", b"", 422, "ce-my-ext"),
    "another version": ({"ce-specversion": "2.0"}, "a/b", b"", 422, "ce-specversion"),
    "no media type": ({}, "nothing", b"", 422, "Content-Type"),
    "body that is not its json": ({}, "application/json", b'{"a":', 400, None),
    "body that is not its kind of json": ({}, "application/vnd.x+json; a=b", b"\xff", 400, None),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_bad_headers_are_named(shared_hub, name):
    headers, media, body, status, pointer = BAD_HEADERS[name]
    sent = {k: v for k, v in {**HEADERS, **headers, "Content-Type": media}.items() if v is not None}
    answer = post_without_default_type(shared_hub, body, sent)
    assert (answer.status, answer.pointers) == (status, [pointer] if pointer else []), answer


@pytest.mark.parametrize(
    "body,media,status",
    [(b"[]", JSON, 422), (b"{}", BATCH, 422), (b"", JSON, 400), (b"", BATCH, 400), (b"{", JSON, 400), (b"[{]", BATCH, 400), (b"7", JSON, 422), (b"[7]", BATCH, 422)],
)
def test_what_is_no_event_is_refused(shared_hub, body, media, status):
    assert post(shared_hub, body, media).status == status


def test_an_item_over_its_limit_is_413_in_every_mode(make_hub):
    hub = make_hub("--limits-item", "2KiB")
    large = "x" * 2048
    assert post(hub, {**EVENT, "data": large}, JSON).status == 413
    assert post(hub, [{**EVENT, "data": large}], BATCH).status == 413
    assert post_without_default_type(hub, b"x" * 2049, {**HEADERS, "Content-Type": "a/b"}).status == 413
    assert binary(hub, b"x" * 2048, "a/b")


# The official SDK.


@pytest.mark.usefixtures("needs_sdk")
def test_the_sdk_reads_what_goes_out(wire):
    published = binary(wire[0], PNG, "image/png", id="sdk", subject="Zo%C3%AB%20%221%22", time="2018-04-05T17:31:00Z", ext="x")
    got = arrived(wire, published)
    for one in ("cloudevents-binary", "cloudevents-structured"):
        attributes, data = sdk_read(got[one])
        wanted = {**EVENT, "id": "sdk", "subject": 'Zoë "1"', "datacontenttype": "image/png", "ext": "x"}
        assert {name: attributes[name] for name in wanted} == wanted
        assert str(attributes["time"]).replace("T", " ").startswith("2018-04-05 17:31:00")
        assert data == PNG
    ours = wire[0].publish("order.created", {"n": [1, 2]}, uid="sdk-2")
    got = arrived(wire, ours)
    for one in ("cloudevents-binary", "cloudevents-structured"):
        attributes, data = sdk_read(got[one])
        assert (attributes["id"], attributes["type"], data) == ("sdk-2", "order.created", {"n": [1, 2]})


@pytest.mark.usefixtures("needs_sdk")
@pytest.mark.parametrize("data,media", [({"n": 1}, "application/json"), (PNG, "image/png"), (None, None)])
def test_the_sdk_makes_what_comes_in(hub, data, media):
    attributes = {"type": "com.example.sdk", "source": "https://example.com/sdk", "ext": "x", "subject": "orders/1"}
    if media:
        attributes["datacontenttype"] = media
    for made, headers, body in sdk_make(attributes, data):
        answer = post_without_default_type(hub, body, headers)
        assert answer.status == 202, answer
        shown = event(hub, answer.json)["cloudevent"]
        assert {name: shown[name] for name in ("id", *attributes)} == {name: made[name] for name in ("id", *attributes)}
        if isinstance(data, bytes):
            assert payload_of(hub, answer.json) == data
        elif data is not None:
            assert json.loads(payload_of(hub, answer.json)) == data
