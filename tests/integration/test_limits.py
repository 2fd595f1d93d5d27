"""Limits of the HTTP side: sizes, methods, routes, media types, and requests that are not quite HTTP."""

import http.client
import json
import socket

import pytest

KIB, MIB = 1024, 1024 * 1024


def event_of(size):
    head, tail = b'{"type":"a.b","data":"', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def test_event_of_exactly_one_mebibyte_is_taken_and_one_byte_more_is_not(shared_hub):
    assert shared_hub.api("POST", "/v1/events", body=event_of(MIB)).status == 202
    answer = shared_hub.api("POST", "/v1/events", body=event_of(MIB + 1))
    assert (answer.status, answer.code) == (413, "too_large")
    assert "1048576" in answer.body.decode().replace(",", "") or "1 MiB" in answer.body.decode()


def test_big_item_in_a_batch_is_too_large_and_nothing_is_stored(shared_hub):
    before = shared_hub.got("/v1/events", limit=1)["data"]
    answer = shared_hub.api("POST", "/v1/events", body=b"[" + event_of(100) + b"," + event_of(MIB + 1) + b"]")
    assert (answer.status, answer.code) == (413, "too_large")
    assert shared_hub.got("/v1/events", limit=1)["data"] == before


def test_batch_of_nearly_eight_mebibytes_is_taken_and_more_is_not(shared_hub):
    item = event_of(MIB - 2)
    assert shared_hub.api("POST", "/v1/events", body=b"[" + b",".join([item] * 7) + b"]").status == 202
    answer = shared_hub.api("POST", "/v1/events", body=b"[" + b",".join([item] * 9) + b"]")
    assert (answer.status, answer.code) == (413, "too_large")


def test_too_large_is_answered_before_the_body_is_read(shared_hub):
    """Only the head is sent: the answer must not wait for eight megabytes that never come."""
    head = shared_hub.head("POST", "/v1/events", f"Content-Length: {9 * MIB}")
    with socket.create_connection(("127.0.0.1", shared_hub.port), timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def chunked(hub, body, path="/v1/events"):
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
    try:
        connection.request("POST", path, body=iter([body[i : i + 65536] for i in range(0, len(body), 65536)]), encode_chunked=True,
                           headers={"Authorization": f"Bearer {hub.admin}", "Content-Type": "application/json",
                           "Transfer-Encoding": "chunked"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_chunked_body_is_taken(shared_hub):
    status, body = chunked(shared_hub, event_of(300 * KIB))
    assert status == 202, body
    payload = shared_hub.api("GET", f"/v1/events/{json.loads(body)['id']}/payload").body
    assert len(payload) == 300 * KIB - len(b'{"type":"a.b","data":') - 1


def test_chunked_body_over_the_limit_is_too_large(shared_hub):
    try:
        status, _ = chunked(shared_hub, b"[" + b",".join([event_of(MIB - 2)] * 20) + b"]")
    except (BrokenPipeError, ConnectionResetError):
        return  # it was cut off while it still sent
    assert status == 413


def test_small_limits_of_other_resources(shared_hub):
    answer = shared_hub.api("POST", "/v1/endpoints", body=b'{"description":"' + b"x" * (9 * MIB) + b'"}')
    assert answer.status == 413


@pytest.mark.parametrize(
    "method, path, allowed",
    [("DELETE", "/v1/events", {"GET", "HEAD", "POST"}), ("POST", "/v1/events/evt_0000000000001", {"GET", "HEAD"}),
     ("PUT", "/v1/endpoints", {"GET", "HEAD", "POST"}),
     ("POST", "/v1/endpoints/x", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}), ("GET", "/v1/endpoints/x/pause", {"POST"}),
     ("POST", "/healthz", {"GET", "HEAD"}),
     ("GET", "/v1/dead-letters/retry", {"POST"})],
)
def test_wrong_method_is_405_with_allow(shared_hub, method, path, allowed):
    answer = shared_hub.api(method, path)
    assert (answer.status, answer.code) == (405, "method_not_allowed"), answer
    assert {m.strip() for m in answer.headers["allow"].split(",")} | {"HEAD"} == allowed | {"HEAD"}


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/", "/v1/eventz", "/v2/events", "/v1/events/a/b/c", "/v1/endpoints/a/fly",
    "//v1/events", "/v1/events/"])
def test_unknown_route_is_404(shared_hub, path):
    answer = shared_hub.api("GET", path)
    assert answer.status == 404, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.code in ("no_such_route", "not_found")


def test_head_answers_like_get_without_a_body(shared_hub):
    answer = shared_hub.api("HEAD", "/v1/events")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "json", ""])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/endpoints"])
def test_other_media_types_are_415(shared_hub, path, media):
    answer = shared_hub.api("POST", path, body=b"{}", headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "unsupported_media_type"), answer


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_media_types_are_taken(shared_hub, media):
    answer = shared_hub.api("POST", "/v1/events", body=b'{"type":"a.b","data":1}', headers={"Content-Type": media})
    assert answer.status == 202, answer


def test_long_target_is_414(shared_hub):
    answer = shared_hub.raw(b"GET /" + b"a" * 40 * KIB + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 414 ", b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")), answer[:200]


@pytest.mark.parametrize("headers", [b"X-Long: " + b"a" * 40 * KIB + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(1000))])
def test_too_many_or_too_long_headers_are_431(shared_hub, headers):
    answer = shared_hub.raw(b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + headers + b"Connection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")), answer[:200]


SMUGGLING = {
    "TE and CL": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two CL": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "CL list": b"Content-Length: 5, 5\r\n\r\nabcde",
    "negative CL": b"Content-Length: -1\r\n\r\n",
    "CL with plus": b"Content-Length: +5\r\n\r\nabcde",
    "CL overflow": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "TE xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE chunked, identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "TE with space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "two hosts": b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "obs-fold": b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n",
    "space in a name": b"X A: b\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling_form_gets_one_refusal_and_the_connection_closes(shared_hub, name):
    second = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    request = shared_hub.head("POST", "/v1/events")[: -len(b"\r\n")]
    answer = shared_hub.raw(request + SMUGGLING[name] + second)
    statuses = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert len(set(statuses)) <= 1, answer
    assert all(s.split(b" ")[1] in (b"400", b"413", b"501") for s in statuses), answer
    assert shared_hub.api("GET", "/healthz", key=None).status == 200


@pytest.mark.parametrize("line", [b"BREW /v1/events HTTP/1.1", b"get /healthz HTTP/1.1", b"GET http://evil.example/v1/events HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
                                  b"CONNECT a:1 HTTP/1.1", b"TRACE /healthz HTTP/1.1", b"GET /healthz HTTP/9.9", b"garbage",
                                  b"GET /he\x00althz HTTP/1.1",
                                  b"\x16\x03\x01\x02\x00\x01\x00"])
def test_odd_request_line_is_refused(shared_hub, line):
    answer = shared_hub.raw(line + b"\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert not answer.startswith(b"HTTP/1.1 2"), answer[:200]
    assert b" 500 " not in answer[:20]
    assert shared_hub.api("GET", "/healthz", key=None).status == 200


def test_keep_alive_serves_many_requests_on_one_connection(shared_hub):
    connection = http.client.HTTPConnection("127.0.0.1", shared_hub.port, timeout=30)
    headers = {"Authorization": f"Bearer {shared_hub.admin}", "Content-Type": "application/json"}
    connection.connect()
    first = connection.sock
    for n in range(50):
        connection.request("POST", "/v1/events", body=b'{"type":"a.b","data":%d}' % n, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202
        assert connection.sock is first
    connection.close()


def test_pipelined_requests_are_answered_in_order(shared_hub):
    request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answer = shared_hub.raw(request * 5 + last)
    assert answer.count(b"HTTP/1.1 200 ") == 5
    assert answer.rfind(b"HTTP/1.1 404 ") > answer.rfind(b"HTTP/1.1 200 ")


def test_client_that_leaves_in_the_middle_does_no_harm(shared_hub):
    request = shared_hub.head("POST", "/v1/events", "Content-Length: 1000") + b"{"
    for cut in (10, 60, len(request)):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", shared_hub.port), timeout=30) as connection:
                connection.sendall(request[:cut])
    whole = b'{"type":"a.b","data":1}'
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", shared_hub.port), timeout=30) as connection:
            connection.sendall(request.replace(b"1000", b"%d" % len(whole))[:-1] + whole)
    assert shared_hub.publish()["id"]


def test_five_hundred_connections_at_once(shared_hub):
    connections = [http.client.HTTPConnection("127.0.0.1", shared_hub.port, timeout=60) for _ in range(500)]
    try:
        for connection in connections:
            connection.request("GET", "/healthz")
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
    finally:
        for connection in connections:
            connection.close()


def test_slow_request_is_cut_off_at_the_deadline_and_others_are_served(make_hub):
    hub = make_hub("--http-deadline", "1s")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as slow:
        slow.sendall(b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Le")
        assert hub.publish()["id"]
        rest = b""
        while True:
            try:
                more = slow.recv(4096)
            except ConnectionResetError:
                break
            if not more:
                break
            rest += more
        assert b" 2" not in rest[:12]


def test_connections_of_one_address_are_capped(make_hub):
    hub = make_hub("--http-connections-per-ip", "20")
    held = [socket.create_connection(("127.0.0.1", hub.port), timeout=30) for _ in range(40)]
    alive = 0
    for one in held:
        try:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            alive += one.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            pass
    for one in held:
        one.close()
    assert 1 <= alive <= 20


def test_body_with_a_content_encoding_is_415(shared_hub):
    for path in ("/v1/events", "/v1/endpoints"):
        answer = shared_hub.api("POST", path, {"type": "a.b", "data": 1}, headers={"Content-Encoding": "gzip"})
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), answer
        assert "Content-Encoding" in answer.json["detail"]
    identity = shared_hub.api("POST", "/v1/events", {"type": "a.b", "data": 1}, headers={"Content-Encoding": "identity"})
    assert identity.status == 202, identity


def test_merge_patch_is_a_media_type_of_patch(shared_hub):
    media = {"Content-Type": "application/merge-patch+json"}
    made = shared_hub.endpoint("http://127.0.0.1:9/", ["never.used"])
    answer = shared_hub.api("PATCH", f"/v1/endpoints/{made['id']}", {"description": "x"}, headers=media)
    assert (answer.status, answer.json["description"]) == (200, "x"), answer
    assert shared_hub.api("POST", "/v1/endpoints", {}, headers=media).status == 415


def test_nesting_beyond_the_limit_names_the_limit(shared_hub):
    for depth, status in ((512, 202), (513, 400)):
        answer = shared_hub.api("POST", "/v1/events", body=b'{"type": "a.b", "data": ' + b"[" * depth + b"]" * depth + b"}")
        assert answer.status == status, answer
    assert "512" in answer.json["detail"] and "limits.depth" in answer.json["detail"]


@pytest.mark.parametrize("path", ["/v1/endpoints/a%2Fb", "/v1/events/a%2Fb", "/v1/subscribers/a%2Fb"])
def test_id_that_cannot_be_is_not_found(shared_hub, path):
    assert shared_hub.api("GET", path).code == "not_found"
    assert shared_hub.api("GET", path[:-4] + "%zz").code == "bad_request"


def test_two_authorization_headers_are_refused(shared_hub):
    request = shared_hub.head("GET", "/v1/events", "Authorization: Bearer gk_other", "Connection: close")
    assert shared_hub.raw(request).startswith(b"HTTP/1.1 400 ")
