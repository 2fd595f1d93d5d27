"""Idempotency-Key on every POST: carried out once, however often it is sent, also over a kill -9."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub import eventually
from sink import Reply

URL = "http://127.0.0.1:9/hook"
ENDPOINT = {"url": URL, "event_types": ["order.*"]}


def post(hub, path, body=None, key="k", by=None, **more):
    return hub.api("POST", path, body, headers={"Idempotency-Key": key}, **({"key": by} if by else {}), **more)


def same(first, again):
    """The second one is the first one's answer, and says so."""
    assert (again.status, again.body) == (first.status, first.body), (first, again)
    for name in ("location", "etag", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


@pytest.mark.parametrize(
    "path, body, list",
    [
        ("/v1/endpoints", ENDPOINT, "/v1/endpoints"),
        ("/v1/subscribers", {"name": "A"}, "/v1/subscribers"),
        ("/v1/keys", {"scopes": ["read"], "name": "mine"}, "/v1/keys"),
    ],
)
def test_a_repeated_creation_gives_the_first_answer_with_its_secret(hub, path, body, list):
    before = len(hub.pages(list))
    first = post(hub, path, body)
    assert first.status == 201
    same(first, post(hub, path, body))
    assert len(hub.pages(list)) == before + 1
    made = first.headers["location"]
    if path != "/v1/keys":
        assert hub.api("PATCH", made, {"metadata": {"a": "b"}}).status == 200
    same(first, post(hub, path, body))
    hub.api("DELETE", made)
    same(first, post(hub, path, body))
    hub.restart()
    same(first, post(hub, path, body))
    assert len(hub.pages(list)) == before


def test_a_repeated_keys_text_works(hub):
    first = post(hub, "/v1/keys", {"scopes": ["read"]})
    again = post(hub, "/v1/keys", {"scopes": ["read"]})
    assert hub.got("/v1/endpoints", key=again.json["key"])["data"] == []
    assert first.json["key"] == again.json["key"]


def test_a_rotation_is_done_once(hub):
    made = hub.endpoint(URL)
    first = post(hub, f"/v1/endpoints/{made['id']}/secret/rotate")
    same(first, post(hub, f"/v1/endpoints/{made['id']}/secret/rotate"))
    assert len(hub.got(f"/v1/endpoints/{made['id']}/secret")["previous"]) == 1


@pytest.mark.parametrize("what", ["pause", "resume", "disable"])
def test_a_status_change_is_done_once(hub, what):
    made = hub.endpoint(URL)
    path = f"/v1/endpoints/{made['id']}"
    first = post(hub, f"{path}/{what}")
    assert first.status == 200
    hub.api("POST", f"{path}/{'pause' if what == 'resume' else 'resume'}")
    changed = hub.got(path)["status"]
    same(first, post(hub, f"{path}/{what}"))
    assert hub.got(path)["status"] == changed, "the repetition changed nothing"


def test_repair_is_done_once(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url(), uid="bad")
    deliveries = [hub.wait_delivery(hub.publish(), "dead") for _ in range(2)]
    path = f"/v1/deliveries/{deliveries[0]['id']}/retry"
    first = post(hub, path)
    assert first.status == 200
    sink.wait_for(9)
    hub.wait_dead(2)
    same(first, post(hub, path))
    assert hub.got(f"/v1/deliveries/{deliveries[0]['id']}")["round"] == 2
    bulk = post(hub, "/v1/dead-letters/discard", {"filter": {"endpoint": "bad"}})
    assert bulk.status == 202
    hub.wait_operation(bulk.json)
    same(bulk, post(hub, "/v1/dead-letters/discard", {"filter": {"endpoint": "bad"}}))
    assert len(hub.pages("/v1/operations")) == 1


def test_sending_again_is_done_once(hub, sink):
    hub.endpoint(sink.url(), uid="e")
    event = hub.publish()
    delivered = hub.wait_delivery(event, "delivered")
    first = post(hub, f"/v1/events/{event['id']}/resend")
    assert first.status == 200 and len(first.json["data"]) == 1
    same(first, post(hub, f"/v1/events/{event['id']}/resend"))
    recover = {"since": "-1h", "states": ["delivered"]}
    hub.wait_delivery(event, "delivered", where=lambda d: d["round"] == 2)
    begun = post(hub, "/v1/endpoints/e/recover", recover)
    assert begun.status == 202
    hub.wait_operation(begun.json)
    same(begun, post(hub, "/v1/endpoints/e/recover", recover))
    hub.wait_delivery(event, "delivered", where=lambda d: d["round"] == 3)
    assert len(sink.received()) == 3
    assert [r["action"] for r in hub.pages("/v1/audit", order="asc")][-2:] == ["event.resend", "endpoint.recover"]
    resent = hub.got("/v1/audit", resource=event["id"])["data"][0]
    assert resent["after"] == {"deliveries": [{"endpoint": delivered["endpoint"], "delivery": delivered["id"], "action": "reopened"}]}


def test_an_endpoints_test_is_sent_once(hub, sink):
    made = hub.endpoint(sink.url())
    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    path, answers = f"/v1/endpoints/{made['id']}/test", []
    hub.admin
    thread = threading.Thread(target=lambda: answers.append(post(hub, path)))
    thread.start()
    sink.wait_for(1)
    busy = post(hub, path)
    assert (busy.status, busy.code, busy.headers["retry-after"]) == (409, "in_progress", "1"), busy
    gate.set()
    thread.join()
    assert answers[0].status == 200 and answers[0].json["state"] == "delivered"
    same(answers[0], post(hub, path))
    assert post(hub, path, {"data": 1}).code == "idempotency_key_reused"
    assert len(sink.received()) == 1
    assert post(hub, path, key="other").json["state"] == "delivered"
    assert len(sink.received()) == 2


def test_what_changes_nothing_is_remembered_too(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url())
    count = {"filter": {}, "dry_run": True}
    first = post(hub, "/v1/dead-letters/retry", count)
    assert first.json == {"count": 0}
    hub.wait_delivery(hub.publish(), "dead")
    same(first, post(hub, "/v1/dead-letters/retry", count))


def test_the_same_key_for_another_request_is_refused(hub):
    first, second = hub.endpoint(URL), hub.endpoint(URL)
    assert post(hub, "/v1/endpoints", ENDPOINT).status == 201
    for body in ({**ENDPOINT, "timeout_ms": 1000}, {"event_types": ["order.*"], "url": URL}):
        answer = post(hub, "/v1/endpoints", body)
        assert (answer.status, answer.code) == (422, "idempotency_key_reused"), answer
    assert post(hub, f"/v1/endpoints/{first['id']}/pause").status == 200
    answer = post(hub, f"/v1/endpoints/{second['id']}/pause")
    assert (answer.status, answer.code) == (422, "idempotency_key_reused"), answer
    assert hub.got(f"/v1/endpoints/{second['id']}")["status"] == "active"


def test_keys_belong_to_a_route_and_a_subscriber(hub):
    for uid in "ab":
        hub.subscriber(uid)
    keys = {uid: hub.key("manage", subscriber=uid) for uid in "ab"}
    made = [post(hub, "/v1/endpoints", ENDPOINT, by=keys[uid]) for uid in "ab"] + [post(hub, "/v1/endpoints", ENDPOINT)]
    assert [m.status for m in made] == [201] * 3
    assert len({m.json["id"] for m in made}) == 3
    assert len({m.json["secret"] for m in made}) == 3
    assert post(hub, "/v1/subscribers", {"name": "A"}).status == 201, "another route"
    other = hub.key("manage", subscriber="a")
    assert post(hub, "/v1/endpoints", ENDPOINT, by=other).json["id"] == made[0].json["id"], "another key of the same subscriber"
    weak = hub.key("read", subscriber="a")
    assert post(hub, "/v1/endpoints", ENDPOINT, by=weak).status == 403, "what the key may do is asked first"


def test_an_error_is_not_remembered(hub):
    bad = post(hub, "/v1/endpoints", {**ENDPOINT, "url": "nonsense"})
    assert bad.status == 422
    hub.endpoint(URL, uid="taken")
    assert post(hub, "/v1/endpoints", {**ENDPOINT, "uid": "taken"}).code == "uid_taken"
    hub.api("DELETE", "/v1/endpoints/taken")
    made = post(hub, "/v1/endpoints", {**ENDPOINT, "uid": "taken"})
    assert made.status == 201, "the key is free for another try"
    assert "idempotent-replayed" not in made.headers


def test_a_malformed_key_is_said(hub):
    for bad in ("", "x" * 256):
        answer = post(hub, "/v1/endpoints", ENDPOINT, key=bad)
        assert (answer.status, answer.code) == (400, "bad_request"), answer
        assert "Idempotency-Key" in answer.json["detail"]
    assert post(hub, "/v1/endpoints", ENDPOINT, key="x" * 255).status == 201


def test_publishing_keeps_its_own_answer(hub):
    first = post(hub, "/v1/events", {"type": "a.b", "data": {}})
    again = post(hub, "/v1/events", {"type": "a.b", "data": {}})
    assert (first.status, again.status) == (202, 200)
    assert again.json["duplicate"] is True and again.json["id"] == first.json["id"]


def test_concurrent_twins_make_one_thing(hub):
    hub.admin
    for number in range(5):
        together = threading.Barrier(8)

        def create(_, key=f"twin-{number}", together=together):
            together.wait()
            return post(hub, "/v1/endpoints", {**ENDPOINT, "description": key}, key=key)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(create, range(8)))
        made = [a for a in answers if a.status == 201]
        busy = [a for a in answers if a.status != 201]
        assert made and len({a.body for a in made}) == 1, answers
        assert all((a.status, a.code, a.headers["retry-after"]) == (409, "in_progress", "1") for a in busy), answers
        same(next(a for a in made if "idempotent-replayed" not in a.headers), post(hub, "/v1/endpoints", {**ENDPOINT, "description": f"twin-{number}"}, key=f"twin-{number}"))
    assert len(hub.pages("/v1/endpoints")) == 5


def test_secrets_of_remembered_answers_are_not_in_the_files(hub):
    made = post(hub, "/v1/endpoints", ENDPOINT).json["secret"]
    key = post(hub, "/v1/keys", {"scopes": ["read"]}).json["key"]
    for name in ("grapnel.db", "grapnel.db-wal"):
        with open(f"{hub.data}/{name}", "rb") as file:
            content = file.read()
        assert made.encode() not in content and key.encode() not in content, name


def test_kill_9_makes_no_second_thing(hub):
    """Requests are cut off at any moment by a kill; repeated afterwards, each has made one thing, and every answer that came is the one."""
    dice = random.Random(1)
    admin = hub.admin
    answered, sent, lock = {}, [], threading.Lock()
    for cycle in range(4):
        stop = threading.Event()

        def create(worker, cycle=cycle, stop=stop):
            for number in range(10**6):
                key = f"c{cycle}-w{worker}-{number}"
                with lock:
                    if stop.is_set():
                        return
                    sent.append(key)
                try:
                    answer = post(hub, "/v1/endpoints", {**ENDPOINT, "uid": key}, key=key, by=admin)
                except OSError:
                    return
                except Exception as error:  # http.client: the connection ended in the midst of an answer
                    assert type(error).__module__ == "http.client", error
                    return
                if answer.status == 201:
                    with lock:
                        answered[key] = answer
                else:
                    assert answer.status == 503, answer

        threads = [threading.Thread(target=create, args=(w,)) for w in range(3)]
        for thread in threads:
            thread.start()
        goal = len(answered) + dice.randrange(20, 120)
        eventually(lambda: len(answered) >= goal, "enough creations")
        hub.kill9()
        stop.set()
        for thread in threads:
            thread.join()
        hub.start()
    for key in sent:
        again = post(hub, "/v1/endpoints", {**ENDPOINT, "uid": key}, key=key)
        assert again.status == 201, (key, again)  # a second creation would be 409 uid_taken
        if key in answered:
            first = answered[key]
            assert (again.json["id"], again.json["secret"]) == (first.json["id"], first.json["secret"])
        assert hub.got(f"/v1/endpoints/{again.json['id']}/secret")["secret"] == again.json["secret"]
    assert len(hub.pages("/v1/endpoints", limit=500)) == len(sent)
