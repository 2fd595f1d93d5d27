"""Bad input: each gets its status, its stable code and, where a field is to blame, that field's pointer; never a 500, never a crash."""

import json

import pytest

GOOD = {"type": "a.b", "data": 1}
ENDPOINT = {"url": "http://127.0.0.1:9/", "event_types": ["*"]}


def without(document, *names):
    return {k: v for k, v in document.items() if k not in names}


# name: (body, pointer). All are 422 "invalid" on POST /v1/events.
EVENTS = {
    "no type": (without(GOOD, "type"), "/type"),
    "no data": (without(GOOD, "data"), "/data"),
    "type is a number": ({**GOOD, "type": 7}, "/type"),
    "type is empty": ({**GOOD, "type": ""}, "/type"),
    "type with a space": ({**GOOD, "type": "a b"}, "/type"),
    "type with an empty segment": ({**GOOD, "type": "a..b"}, "/type"),
    "type that ends in a dot": ({**GOOD, "type": "a."}, "/type"),
    "type with a wildcard": ({**GOOD, "type": "a.*"}, "/type"),
    "type beyond ascii": ({**GOOD, "type": "bestellung.geprüft"}, "/type"),
    "type of 256 characters": ({**GOOD, "type": "a" * 256}, "/type"),
    "type of the hub's own": ({**GOOD, "type": "grapnel.endpoint.disabled"}, "/type"),
    "unknown field": ({**GOOD, "typ": "x"}, "/typ"),
    "unknown field with odd characters": ({**GOOD, "a/b~c": 1}, "/a~1b~0c"),
    "uid is a number": ({**GOOD, "uid": 7}, "/uid"),
    "uid is empty": ({**GOOD, "uid": ""}, "/uid"),
    "uid with a slash": ({**GOOD, "uid": "a/b"}, "/uid"),
    "uid of 256 characters": ({**GOOD, "uid": "u" * 256}, "/uid"),
    "uid shaped like our id": ({**GOOD, "uid": "evt_0123456789abc"}, "/uid"),
    "subject is an object": ({**GOOD, "subject": {}}, "/subject"),
    "subject too long": ({**GOOD, "subject": "s" * 1025}, "/subject"),
    "ordering_key is an array": ({**GOOD, "ordering_key": []}, "/ordering_key"),
    "ordering_key too long": ({**GOOD, "ordering_key": "k" * 256}, "/ordering_key"),
    "deliver_at is no time": ({**GOOD, "deliver_at": "tomorrow"}, "/deliver_at"),
    "deliver_at is a number": ({**GOOD, "deliver_at": 1700000000}, "/deliver_at"),
    "deliver_at is no date": ({**GOOD, "deliver_at": "2024-02-30T00:00:00Z"}, "/deliver_at"),
    "expires_at is no time": ({**GOOD, "expires_at": "never"}, "/expires_at"),
    "expires_at has passed": ({**GOOD, "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
    "attributes hold a number": ({**GOOD, "attributes": {"a": 5}}, "/attributes"),
    "expires_at before deliver_at": ({**GOOD, "deliver_at": "2099-01-02T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}, "/expires_at"),
    "attributes is an array": ({**GOOD, "attributes": []}, "/attributes"),
    "subscriber is a number": ({**GOOD, "subscriber": 5}, "/subscriber"),
    "endpoint is an object": ({**GOOD, "endpoint": {}}, "/endpoint"),
}

# name: (change of a good endpoint, pointer). All are 422 "invalid" on POST /v1/endpoints.
ENDPOINTS = {
    "no url": (None, "/url"),
    "url is a number": ({"url": 7}, "/url"),
    "url without a scheme": ({"url": "example.com/hook"}, "/url"),
    "url of another scheme": ({"url": "ftp://example.com/"}, "/url"),
    "url of a file": ({"url": "file:///etc/passwd"}, "/url"),
    "url of javascript": ({"url": "javascript:alert(1)"}, "/url"),
    "url without a host": ({"url": "http:///path"}, "/url"),
    "url with a user": ({"url": "http://user:secret@example.com/"}, "/url"),
    "url with a space": ({"url": "http://example.com/a b"}, "/url"),
    "url with a control character": ({"url": "http://example.com/\r\nX: y"}, "/url"),
    "url with a bad port": ({"url": "http://example.com:99999/"}, "/url"),
    "url with a host beyond ascii": ({"url": "http://bücher.example/"}, "/url"),
    "url too long": ({"url": "http://example.com/" + "a" * 2048}, "/url"),
    "event_types is a string": ({"event_types": "order.*"}, "/event_types"),
    "event_types is empty": ({"event_types": []}, "/event_types"),
    "event_types holds a number": ({"event_types": ["a", 7]}, "/event_types/1"),
    "pattern with a wildcard inside": ({"event_types": ["a.*.b"]}, "/event_types/0"),
    "pattern with a half wildcard": ({"event_types": ["ord*"]}, "/event_types/0"),
    "pattern with an empty segment": ({"event_types": ["x", "a..b"]}, "/event_types/1"),
    "pattern that is empty": ({"event_types": [""]}, "/event_types/0"),
    "unknown field": ({"event_type": "x"}, "/event_type"),
    "field of a feature that is not built": ({"filter": {}}, "/filter"),
    "pattern that stands there twice": ({"event_types": ["a", "a"]}, "/event_types/1"),
    "headers is an array": ({"headers": []}, "/headers"),
    "header value is a number": ({"headers": {"X-A": 5}}, "/headers/X-A"),
    "header name with a space": ({"headers": {"X A": "b"}}, "/headers/X A"),
    "header value with a line break": ({"headers": {"X-A": "b\r\nX-Evil: c"}}, "/headers/X-A"),
    "header Host": ({"headers": {"Host": "other.example"}}, "/headers/Host"),
    "header Content-Length": ({"headers": {"content-length": "0"}}, "/headers/content-length"),
    "header Transfer-Encoding": ({"headers": {"Transfer-Encoding": "chunked"}}, "/headers/Transfer-Encoding"),
    "header Connection": ({"headers": {"Connection": "close"}}, "/headers/Connection"),
    "header webhook-signature": ({"headers": {"Webhook-Signature": "v1,x"}}, "/headers/Webhook-Signature"),
    "header of the hub's own": ({"headers": {"grapnel-attempt": "1"}}, "/headers/grapnel-attempt"),
    "retry is a number": ({"retry": 5}, "/retry"),
    "retry with an unknown field": ({"retry": {"tries": 5}}, "/retry/tries"),
    "retry schedule of none": ({"retry": {"schedule_ms": []}}, "/retry/schedule_ms"),
    "retry schedule of 65": ({"retry": {"schedule_ms": [1] * 65}}, "/retry/schedule_ms"),
    "retry attempts of 0": ({"retry": {"max_attempts": 0}}, "/retry/max_attempts"),
    "retry attempts of 101": ({"retry": {"max_attempts": 101}}, "/retry/max_attempts"),
    "retry factor below 1": ({"retry": {"factor": 0.5}}, "/retry/factor"),
    "retry jitter above 1": ({"retry": {"jitter": 1.5}}, "/retry/jitter"),
    "retry schedule with a negative wait": ({"retry": {"schedule_ms": [5, -1]}}, "/retry/schedule_ms/1"),
    "retry schedule with text": ({"retry": {"schedule_ms": ["5s"]}}, "/retry/schedule_ms/0"),
    "timeout too short": ({"timeout_ms": 99}, "/timeout_ms"),
    "timeout too long": ({"timeout_ms": 120001}, "/timeout_ms"),
    "timeout in words": ({"timeout_ms": "15s"}, "/timeout_ms"),
    "max_in_flight of 0": ({"max_in_flight": 0}, "/max_in_flight"),
    "max_in_flight of 1001": ({"max_in_flight": 1001}, "/max_in_flight"),
    "a rate of nothing": ({"rate": {"limit": 0, "per_ms": 5}}, "/rate/limit"),
    "half a rate": ({"rate": {"limit": 5}}, "/rate"),
    "a rate in words": ({"rate": "fast"}, "/rate"),
    "a breaker that is true": ({"breaker": True}, "/breaker"),
    "a ratio of 2": ({"breaker": {"ratio": 2}}, "/breaker/ratio"),
    "a longest wait below the first": ({"breaker": {"wait_ms": 5, "max_wait_ms": 1}}, "/breaker/max_wait_ms"),
    "an unknown member of a breaker": ({"breaker": {"threshold": 1}}, "/breaker/threshold"),
    "ordered in words": ({"ordered": "yes"}, "/ordered"),
    "metadata is a string": ({"metadata": "x"}, "/metadata"),
    "metadata value is a number": ({"metadata": {"a": 1}}, "/metadata/a"),
    "secret without its prefix": ({"secret": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}, "/secret"),
    "secret that is no base64": ({"secret": "whsec_!!!!"}, "/secret"),
    "secret that is too short": ({"secret": "whsec_c2hvcnQ="}, "/secret"),
    "uid with a question mark": ({"uid": "a?b"}, "/uid"),
    "uid shaped like our id": ({"uid": "ep_0123456789abc"}, "/uid"),
    "description is a number": ({"description": 5}, "/description"),
}

SUBSCRIBERS = {
    "no name": ({}, "/name"),
    "name is a number": ({"name": 5}, "/name"),
    "name is empty": ({"name": ""}, "/name"),
    "name too long": ({"name": "n" * 256}, "/name"),
    "unknown field": ({"name": "a", "nam": "b"}, "/nam"),
    "metadata is an array": ({"name": "a", "metadata": []}, "/metadata"),
    "uid with a space": ({"name": "a", "uid": "a b"}, "/uid"),
}

KEYS = {
    "no scopes": ({"name": "k"}, "/scopes"),
    "scopes is empty": ({"name": "k", "scopes": []}, "/scopes"),
    "scopes is a string": ({"name": "k", "scopes": "admin"}, "/scopes"),
    "unknown scope": ({"name": "k", "scopes": ["read", "root"]}, "/scopes/1"),
    "expires_at is no time": ({"name": "k", "scopes": ["read"], "expires_at": "soon"}, "/expires_at"),
    "expires_at has passed": ({"name": "k", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
    "unknown field": ({"name": "k", "scopes": ["read"], "scope": "x"}, "/scope"),
    "name too long": ({"name": "k" * 101, "scopes": ["read"]}, "/name"),
}


def refused(hub, path, document, status, code, pointer):
    answer = hub.api("POST", path, document)
    assert (answer.status, answer.code) == (status, code), answer
    assert pointer in answer.pointers, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["title"] and problem["detail"] and problem["request_id"] == answer.headers["x-request-id"]
    assert all(e["detail"] for e in problem["errors"])


@pytest.mark.parametrize("name", EVENTS)
def test_bad_event_is_refused_by_field(shared_hub, name):
    document, pointer = EVENTS[name]
    refused(shared_hub, "/v1/events", document, 422, "invalid", pointer)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_bad_endpoint_is_refused_by_field(shared_hub, name):
    change, pointer = ENDPOINTS[name]
    refused(shared_hub, "/v1/endpoints", without(ENDPOINT, "url") if change is None else {**ENDPOINT, **change}, 422, "invalid", pointer)


@pytest.mark.parametrize("name", SUBSCRIBERS)
def test_bad_subscriber_is_refused_by_field(shared_hub, name):
    document, pointer = SUBSCRIBERS[name]
    refused(shared_hub, "/v1/subscribers", document, 422, "invalid", pointer)


@pytest.mark.parametrize("name", KEYS)
def test_bad_key_is_refused_by_field(shared_hub, name):
    document, pointer = KEYS[name]
    refused(shared_hub, "/v1/keys", document, 422, "invalid", pointer)


@pytest.mark.parametrize("mixed", [{"strategy": "exponential", "schedule_ms": [1]}, {"base_ms": 5, "schedule_ms": [1]}])
def test_a_retry_policy_of_two_forms_is_refused(shared_hub, mixed):
    answer = shared_hub.api("POST", "/v1/endpoints", {**ENDPOINT, "retry": mixed})
    assert (answer.status, answer.code) == (422, "invalid"), answer
    assert answer.pointers and answer.pointers[0].startswith("/retry")


def test_all_bad_fields_are_named_at_once(shared_hub):
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": "nope", "event_types": ["a..b"], "timeout_ms": 1, "colour": "red"})
    assert {"/url", "/event_types/0", "/timeout_ms", "/colour"} <= set(answer.pointers)


def test_the_answer_names_the_accepted_range(shared_hub):
    answer = shared_hub.api("POST", "/v1/endpoints", {**ENDPOINT, "timeout_ms": 1})
    assert "100" in answer.json["errors"][0]["detail"] and "120000" in answer.json["errors"][0]["detail"].replace(",", "")


BROKEN = {
    "empty body": b"",
    "white space": b" \n",
    "half an object": b'{"type": "a.b", "data": ',
    "single quotes": b"{'type': 'a.b', 'data': 1}",
    "trailing comma": b'{"type": "a.b", "data": 1,}',
    "comment": b'{"type": "a.b", /* x */ "data": 1}',
    "two documents": b'{"type": "a.b", "data": 1} {"type": "a.b", "data": 1}',
    "leading zero": b'{"type": "a.b", "data": 01}',
    "NaN": b'{"type": "a.b", "data": NaN}',
    "bad utf-8": b'{"type": "a.b", "data": "\xff\xfe"}',
    "overlong utf-8": b'{"type": "a.b", "data": "\xc0\x80"}',
    "raw control character": b'{"type": "a.b", "data": "\x01"}',
    "bad escape": b'{"type": "a.b", "data": "\\x41"}',
    "byte order mark": b'\xef\xbb\xbf{"type": "a.b", "data": 1}',
    "utf-16": '{"type": "a.b", "data": 1}'.encode("utf-16"),
    "not json at all": b"<event><type>a.b</type></event>",
    "NUL byte": b'{"type": "a.b", "data": 1}\x00',
    "513 levels": b'{"type": "a.b", "data": ' + b"[" * 513 + b"]" * 513 + b"}",
    "100,000 levels": b'{"type": "a.b", "data": ' + b"[" * 100000 + b"]" * 100000 + b"}",
    "60,000 levels unclosed": b"[" * 60000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_json_is_unparsable(shared_hub, name):
    answer = shared_hub.api("POST", "/v1/events", body=BROKEN[name])
    assert (answer.status, answer.code) == (400, "unparsable"), answer


@pytest.mark.parametrize("path", ["/v1/endpoints", "/v1/subscribers", "/v1/keys"])
@pytest.mark.parametrize("name", ["empty body", "half an object", "single quotes", "bad utf-8", "60,000 levels unclosed",
    "not json at all"])
def test_broken_json_is_unparsable_everywhere(shared_hub, path, name):
    answer = shared_hub.api("POST", path, body=BROKEN[name])
    assert (answer.status, answer.code) == (400, "unparsable"), answer


@pytest.mark.parametrize("document", ["text", 7, True, None])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/endpoints", "/v1/subscribers", "/v1/keys", "/v1/dead-letters/retry"])
def test_json_of_the_wrong_kind_is_refused(shared_hub, path, document):
    answer = shared_hub.api("POST", path, body=json.dumps(document).encode())
    assert (answer.status, answer.code) == (422, "invalid"), answer


def test_a_million_keys_are_taken_in_linear_time(shared_hub):
    data = b"{" + b",".join(b'"%d":0' % n for n in range(100_000)) + b"}"
    shared_hub.publish_raw(data, "many.keys")


@pytest.mark.parametrize(
    "path",
    ["/v1/events/evt_0000000000001", "/v1/events/nope", "/v1/events/nope/payload", "/v1/events/nope/deliveries", "/v1/endpoints/nope",
     "/v1/endpoints/ep_0000000000001", "/v1/endpoints/nope/secret", "/v1/subscribers/nope", "/v1/deliveries/dlv_0000000000001",
     "/v1/deliveries/nope", "/v1/operations/op_0000000000001", "/v1/operations/nope", "/v1/endpoints/%00",
     "/v1/endpoints/evt_0000000000001"],
)
def test_unknown_id_is_not_found(shared_hub, path):
    answer = shared_hub.api("GET", path)
    assert (answer.status, answer.code) in ((404, "not_found"), (400, "bad_request")), answer
    if "%00" not in path:
        assert answer.status == 404


@pytest.mark.parametrize("field", ["subscriber", "endpoint"])
def test_event_for_an_unknown_one_is_refused_by_field(shared_hub, field):
    answer = shared_hub.api("POST", "/v1/events", {**GOOD, field: "nobody"})
    assert (answer.status, answer.code, answer.pointers) == (404, "not_found", [f"/{field}"])


def test_endpoint_of_an_unknown_subscriber_is_refused_by_field(shared_hub):
    answer = shared_hub.api("POST", "/v1/endpoints", {**ENDPOINT, "subscriber": "nobody"})
    assert (answer.status, answer.code, answer.pointers) == (404, "not_found", ["/subscriber"])


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=ten", "limit=-1", "order=up", "since=yesterday", "until=-1x", "cursor=garbage", "colour=red",
    "type=a..b",
     "limit=1&limit=2", "since=%ff"],
)
def test_bad_query_is_refused(shared_hub, query):
    answer = shared_hub.api("GET", f"/v1/events?{query}")
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["?" + query.split("=")[0]])


@pytest.mark.parametrize(
    "query, status", [("reason=tired", 422), ("endpoint=nobody", 404), ("subscriber=nobody", 404), ("colour=red", 422), ("limit=x", 422),
    ("q=", 422)]
)
def test_bad_filter_of_dead_letters_is_refused(shared_hub, query, status):
    answer = shared_hub.api("GET", f"/v1/dead-letters?{query}")
    assert (answer.status, answer.pointers) == (status, ["?" + query.split("=")[0]])


@pytest.mark.parametrize(
    "body, status, pointer",
    [({}, 422, ""), ({"ids": []}, 422, "/ids"), ({"ids": "all"}, 422, "/ids"), ({"ids": ["nope"]}, 422, "/ids/0"),
     ({"ids": ["dlv_0000000000001"]}, 404, "/ids/0"), ({"ids": ["dlv_0000000000001"], "filter": {}}, 422, ""),
     ({"filter": {"colour": "red"}}, 422, "/filter/colour"), ({"filter": {"since": "yesterday"}}, 422, "/filter/since"),
     ({"filter": {"endpoint": "nobody"}}, 404, "/filter/endpoint"), ({"filter": {}, "dry_run": "yes"}, 422, "/dry_run"),
     ({"filter": 7}, 422, "/filter")],
)
@pytest.mark.parametrize("what", ["retry", "discard"])
def test_bad_bulk_work_is_refused(shared_hub, what, body, status, pointer):
    answer = shared_hub.api("POST", f"/v1/dead-letters/{what}", body)
    assert (answer.status, answer.pointers) == (status, [pointer]), answer


def test_the_hub_still_works_after_all_of_this(shared_hub):
    assert shared_hub.publish("a.b")["id"]
    assert shared_hub.api("GET", "/readyz", key=None).status == 200
