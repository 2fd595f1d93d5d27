"""CloudEvents through a source: they are what they were when they leave, in either mode, and what is none is refused with the reason."""

import base64
import json

import pytest

from hub import eventually
from incoming import events_of, send, source

TOKEN = "a token that is long enough"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ATTRIBUTES = {"specversion": "1.0", "id": "A-1", "source": "/orders?x=1", "type": "com.example.made", "subject": "1001", "time": "2030-01-31T08:00:00Z", "region": "eu"}
STRUCTURED = {**BEARER, "Content-Type": "application/cloudevents+json; charset=utf-8"}


def binary(**changes):
    attributes = {**ATTRIBUTES, **changes}
    return {**BEARER, "Content-Type": "application/json", **{f"ce-{n}": v for n, v in attributes.items() if v is not ...}}


def structured(**changes):
    return json.dumps({k: v for k, v in {**ATTRIBUTES, "data": {"order": 1001}, **changes}.items() if v is not ...}).encode()


@pytest.fixture
def wire(hub, sink):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    for format in ("raw", "cloudevents-structured", "cloudevents-binary"):
        hub.endpoint(sink.url(f"/{format}"), types=["com.example.**"], format=format)
    return hub, sink, made


def refused(hub, body, headers, detail):
    before = {r["id"] for r in hub.pages("/v1/rejections", source="ce")}
    assert send(hub, "ce", body, headers).status == 400
    (row,) = eventually(lambda: [r for r in hub.pages("/v1/rejections", source="ce") if r["id"] not in before])
    assert row["reason"] == "malformed" and detail in row["detail"], row
    return row


@pytest.mark.parametrize("mode", ["structured", "binary", "access_token"])
def test_it_leaves_with_the_attributes_that_it_came_with(wire, mode):
    hub, sink, made = wire
    data = b'{"order" : 1001}'
    if mode == "binary":
        answer = send(hub, "ce", data, binary())
    else:
        body = structured(data=...)[:-1] + b',"datacontenttype":"application/json","data":' + data + b"}"
        query = "" if mode == "structured" else "?access_token=" + TOKEN.replace(" ", "%20")
        answer = send(hub, "ce", body, STRUCTURED if not query else {"Content-Type": "application/cloudevents+json"}, query=query)
    assert (answer.status, answer.body) == (200, b"")
    (raw,) = sink.wait_for(1, "/raw")
    assert raw.body == data and raw.headers["content-type"] == "application/json"
    (whole,) = sink.wait_for(1, "/cloudevents-structured")
    assert json.loads(whole.body) == {**ATTRIBUTES, "datacontenttype": "application/json", "data": {"order": 1001}}
    assert whole.body.count(b"specversion") == 1 and data in whole.body
    (headers,) = sink.wait_for(1, "/cloudevents-binary")
    assert {n[3:]: v for n, v in headers.headers.items() if n.lower().startswith("ce-")} == ATTRIBUTES and headers.body == data
    (event,) = events_of(hub, made)
    assert (event["type"], event["subject"]) == ("com.example.made", "1001")
    assert hub.got(f"/v1/events/{event['id']}")["cloudevent"]["region"] == "eu"


def test_bytes_in_base64_leave_as_bytes(wire):
    hub, sink, _ = wire
    data = bytes(range(256))
    assert send(hub, "ce", structured(data=..., data_base64=base64.b64encode(data).decode(), datacontenttype="image/png"), STRUCTURED).status == 200
    (raw,) = sink.wait_for(1, "/raw")
    assert raw.body == data and raw.headers["content-type"] == "image/png"


def test_source_and_id_are_the_key_in_every_mode(wire):
    hub, _, made = wire
    assert send(hub, "ce", structured(), STRUCTURED).status == 200
    assert send(hub, "ce", b'{"order": 1001}', binary()).status == 200
    assert send(hub, "ce", structured(source="/others"), STRUCTURED).status == 200
    assert send(hub, "ce", structured(id="A-2"), STRUCTURED).status == 200
    assert len(events_of(hub, made)) == 3


def test_a_type_that_is_no_type_of_ours_leaves_as_it_was(hub, sink):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    hub.endpoint(sink.url("/hook"), format="cloudevents-structured")
    assert send(hub, "ce", structured(type="com.example.made (really)"), STRUCTURED).status == 200
    (received,) = sink.wait_for(1, "/hook")
    assert json.loads(received.body)["type"] == "com.example.made (really)"
    (event,) = events_of(hub, made)
    assert event["type"].startswith("com.example.made_")


@pytest.mark.parametrize(
    "changes, detail",
    [
        ({"id": ...}, "has no id"),
        ({"specversion": "0.3"}, "specversion is not 1.0"),
        ({"source": "not a uri"}, "/source"),
        ({"time": "yesterday"}, "/time"),
        ({"dataschema": "relative"}, "/dataschema"),
        ({"Extension": "x"}, "/Extension"),
        ({"nested": {}}, "/nested"),
        ({"data_base64": "AAAA"}, "/data_base64"),
        ({"grapnelsubscriber": "somebody"}, "/grapnelsubscriber: is not taken through a source"),
        ({"grapnelother": "x"}, "/grapnelother"),
    ],
)
def test_what_is_no_cloudevent_is_a_rejection_that_says_why(hub, changes, detail):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    refused(hub, structured(**changes), STRUCTURED, detail)
    assert events_of(hub, made) == []


def test_binary_mode_is_checked_too(hub):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    refused(hub, b"{}", binary(time="yesterday"), "ce-time")
    refused(hub, b"{}", binary(subject="100%"), "ce-subject")
    refused(hub, b"{}", binary(grapnelendpoint="x"), "ce-grapnelendpoint: is not taken through a source")
    refused(hub, b"{broken", binary(), "Content-Type")
    refused(hub, structured() + b"x", STRUCTURED, "")
    refused(hub, b"{}", {**BEARER, "Content-Type": "application/json"}, "no CloudEvent")
    assert events_of(hub, made) == []


def test_a_batch_is_refused_and_says_what_to_do(hub):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    refused(hub, b"[" + structured() + b"]", {**BEARER, "Content-Type": "application/cloudevents-batch+json"}, "batches are not taken")
    assert events_of(hub, made) == []


def test_a_rejected_one_that_is_none_is_not_accepted_later(hub):
    made = source(hub, "cloudevents", uid="ce", secret=TOKEN)
    bad = refused(hub, structured(time="yesterday"), STRUCTURED, "/time")
    assert send(hub, "ce", structured(), {**STRUCTURED, "Authorization": "Bearer another token, as long"}).status == 401
    eventually(lambda: len(hub.pages("/v1/rejections", source="ce")) == 2)
    assert hub.api("PATCH", "/v1/sources/ce", {"secrets": ["another token, as long", TOKEN]}).status == 200
    for dry_run in (True, False):
        answer = hub.api("POST", "/v1/rejections/accept", {"filter": {"source": "ce"}, "dry_run": dry_run}).json
        fates = {row["id"]: row for row in answer["data"]}
        assert len(fates) == 2 and not fates[bad["id"]].get("accepted"), answer
        assert answer["accepted"] == 1, answer
    (event,) = events_of(hub, made)
    assert hub.got(f"/v1/events/{event['id']}")["cloudevent"]["id"] == "A-1"
