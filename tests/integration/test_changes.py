"""ETag, If-Match, If-None-Match: two who change the same thing do not undo each other's work."""

import threading

import pytest

URL = "http://127.0.0.1:9/hook"
ENDPOINT = {"url": URL, "event_types": ["order.*"]}
PLACES = {"endpoint": "/v1/endpoints", "subscriber": "/v1/subscribers", "key": "/v1/keys"}
NEW = {"endpoint": ENDPOINT, "subscriber": {"name": "A"}, "key": {"scopes": ["read"]}}

# Every route that takes If-Match: kind, method, what follows the thing's path, body, status.
CHANGES = [
    ("endpoint", "PUT", "", ENDPOINT, 200),
    ("endpoint", "PATCH", "", {"timeout_ms": 2000}, 200),
    ("endpoint", "POST", "/pause", None, 200),
    ("endpoint", "POST", "/resume", None, 200),
    ("endpoint", "POST", "/disable", None, 200),
    ("endpoint", "POST", "/secret/rotate", {}, 200),
    ("endpoint", "DELETE", "", None, 204),
    ("subscriber", "PUT", "", {"name": "B"}, 200),
    ("subscriber", "PATCH", "", {"name": "B"}, 200),
    ("subscriber", "DELETE", "", None, 204),
    ("key", "DELETE", "", None, 204),
]
IDS = [f"{kind} {method} {below}" for kind, method, below, _, _ in CHANGES]


def make(hub, kind):
    """A thing's path and its ETag."""
    answer = hub.api("POST", PLACES[kind], NEW[kind])
    assert answer.status == 201, answer
    return answer.headers["location"], answer.headers["etag"]


def etag(hub, path):
    return hub.api("GET", path).headers["etag"]


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_made_and_what_is_read_have_the_same_tag(shared_hub, kind):
    path, tag = make(shared_hub, kind)
    assert tag.startswith('"') and tag.endswith('"') and len(tag) > 2
    assert etag(shared_hub, path) == tag
    assert etag(shared_hub, path) == tag, "reading changes nothing"


@pytest.mark.parametrize("kind, method, below, body, status", CHANGES, ids=IDS)
def test_if_match_decides(shared_hub, kind, method, below, body, status):
    path, tag = make(shared_hub, kind)
    before = shared_hub.got(path)
    for stale in ('"stale"', f"W/{tag}", '"a", "b"'):
        answer = shared_hub.api(method, path + below, body, headers={"If-Match": stale})
        assert (answer.status, answer.code) == (412, "precondition_failed"), answer
        assert shared_hub.got(path) == before, "a refused change leaves nothing behind"
    answer = shared_hub.api(method, path + below, body, headers={"If-Match": f'"other", {tag}'})
    assert answer.status == status, answer


@pytest.mark.parametrize("kind, method, below, body, status", CHANGES, ids=IDS)
def test_if_match_star_wants_that_it_is_there(shared_hub, kind, method, below, body, status):
    path, _ = make(shared_hub, kind)
    assert shared_hub.api(method, path + below, body, headers={"If-Match": "*"}).status == status


@pytest.mark.parametrize("kind, method, below, body, status", CHANGES, ids=IDS)
def test_a_malformed_condition_is_said(shared_hub, kind, method, below, body, status):
    path, tag = make(shared_hub, kind)
    for bad in ("3", '"open', tag + tag, f"*, {tag}", "", '"a b"', 'w/"a"', ",", ", ".join(f'"{i}"' for i in range(17))):
        for header in ("If-Match", "If-None-Match"):
            answer = shared_hub.api(method, path + below, body, headers={header: bad})
            assert (answer.status, answer.code) == (400, "bad_request"), (bad, answer)
            assert header in answer.json["detail"]
    assert etag(shared_hub, path) == tag


def test_every_change_makes_another_tag(hub):
    path, _ = make(hub, "endpoint")
    seen = [etag(hub, path)]
    for method, below, body in (
        ("PATCH", "", {"timeout_ms": 1000}),
        ("PUT", "", ENDPOINT),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/secret/rotate", None),
        ("POST", "/disable", None),
    ):
        answer = hub.api(method, path + below, body)
        assert answer.status == 200
        now = etag(hub, path)
        assert now not in seen, f"{method} {below}"
        if "etag" in answer.headers:
            assert answer.headers["etag"] == now
        seen.append(now)
    assert hub.api("POST", path + "/disable").headers["etag"] == seen[-1], "it is disabled already"


def test_an_automatic_disable_makes_another_tag(hub, sink):
    sink.on("/", 410)
    made = hub.endpoint(sink.url())
    tag = etag(hub, f"/v1/endpoints/{made['id']}")
    hub.wait_delivery(hub.publish(), "dead")
    assert hub.api("PATCH", f"/v1/endpoints/{made['id']}", {}, headers={"If-Match": tag}).status == 412


def test_put_can_ask_for_something_new(hub):
    for path, doc in (("/v1/endpoints/mine", ENDPOINT), ("/v1/subscribers/mine", {"name": "M"})):
        assert hub.api("PUT", path, doc, headers={"If-Match": "*"}).code == "precondition_failed", "nothing is there yet"
        assert hub.api("PUT", path, doc, headers={"If-Match": '"1"'}).status == 412
        made = hub.api("PUT", path, doc, headers={"If-None-Match": "*"})
        assert made.status == 201 and made.headers["etag"] == etag(hub, path)
        assert hub.api("PUT", path, doc, headers={"If-None-Match": "*"}).status == 412
        assert hub.api("PUT", path, doc, headers={"If-Match": made.headers["etag"]}).status == 200


def test_the_tag_of_a_deleted_thing_is_not_that_of_its_successor(hub):
    first = hub.api("PUT", "/v1/endpoints/mine", ENDPOINT).headers["etag"]
    hub.api("DELETE", "/v1/endpoints/mine")
    assert hub.api("PUT", "/v1/endpoints/mine", ENDPOINT).status == 201
    assert hub.api("PUT", "/v1/endpoints/mine", ENDPOINT, headers={"If-Match": first}).status == 412


@pytest.mark.parametrize("kind", PLACES)
def test_if_none_match_on_get_saves_the_answer(shared_hub, kind):
    path, tag = make(shared_hub, kind)
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = shared_hub.api("GET", path, headers={"If-None-Match": sent})
        assert (answer.status, answer.body) == (304, b""), answer
        assert answer.headers["etag"] == tag and "x-request-id" in answer.headers
    assert shared_hub.api("GET", path, headers={"If-None-Match": '"x"'}).status == 200
    assert shared_hub.api("GET", path, headers={"If-None-Match": "x"}).status == 400
    assert shared_hub.api("GET", path, headers={"If-Match": '"x"'}).status == 412
    assert shared_hub.api("GET", path, headers={"If-Match": tag}).status == 200


def test_several_lines_of_a_condition_count_together(hub):
    path, tag = make(hub, "endpoint")
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {hub.admin}\r\n"
    two = hub.raw(f'{head}If-None-Match: "x"\r\nIf-None-Match: {tag}\r\n\r\n'.encode())
    assert two.startswith(b"HTTP/1.1 304"), two


def test_a_condition_where_nothing_has_a_tag_is_refused(hub):
    for method, path, body in (
        ("POST", "/v1/endpoints", ENDPOINT),
        ("POST", "/v1/subscribers", {"name": "A"}),
        ("PUT", "/v1/event-types/a.b", {}),
    ):
        answer = hub.api(method, path, body, headers={"If-Match": '"1"'})
        assert (answer.status, answer.code) == (400, "bad_request"), answer


def test_what_is_not_there_stays_404(hub):
    for method in ("PATCH", "DELETE"):
        assert hub.api(method, "/v1/endpoints/none", {} if method == "PATCH" else None, headers={"If-Match": "*"}).status == 404


def test_of_many_who_read_the_same_one_wins(hub):
    """The condition is judged where changes are made, one after the other: not on what somebody read a moment ago."""
    path, tag = make(hub, "endpoint")
    statuses, together = [], threading.Barrier(8)

    def change(number):
        together.wait()
        statuses.append(hub.api("PATCH", path, {"timeout_ms": 1000 + number}, headers={"If-Match": tag}).status)

    hub.admin  # made before the threads ask for it
    threads = [threading.Thread(target=change, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7
