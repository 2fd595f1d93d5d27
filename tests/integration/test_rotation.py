"""Rotation of an endpoint's secret: both sign during the overlap, the old one no longer after it."""

import time
from datetime import datetime

import pytest

from hub import eventually, new_secret


def next_request(hub, sink):
    event = hub.publish()
    (received,) = sink.wait_for(1, where=lambda r: r.webhook_id == event["id"])
    return received


def rotate(hub, endpoint, **fields):
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/secret/rotate", fields)
    assert answer.status == 200, answer
    return answer.json


def test_old_and_new_secret_both_sign_during_the_overlap(hub, sink):
    endpoint = hub.endpoint(sink.url())
    assert next_request(hub, sink).signed_with(endpoint["secret"])
    rotated = rotate(hub, endpoint)
    assert rotated["secret"] not in (None, endpoint["secret"])
    assert [p["secret"] for p in rotated["previous"]] == [endpoint["secret"]]
    assert rotated == hub.got(f"/v1/endpoints/{endpoint['id']}/secret")
    received = next_request(hub, sink)
    assert received.signed_with(rotated["secret"]) and received.signed_with(endpoint["secret"])
    assert len(received.headers["webhook-signature"].split(" ")) == 2


def test_without_an_overlap_the_old_secret_ends_at_once(hub, sink):
    endpoint = hub.endpoint(sink.url())
    rotated = rotate(hub, endpoint, overlap_ms=0)
    assert rotated["previous"] == []
    received = next_request(hub, sink)
    assert received.signed_with(rotated["secret"]) and not received.signed_with(endpoint["secret"])


def test_old_secret_stops_signing_when_the_overlap_is_over(hub, sink):
    endpoint = hub.endpoint(sink.url())
    rotated = rotate(hub, endpoint, overlap_ms=500)
    eventually(lambda: not next_request(hub, sink).signed_with(endpoint["secret"]), "the end of the overlap")
    assert next_request(hub, sink).signed_with(rotated["secret"])
    assert hub.got(f"/v1/endpoints/{endpoint['id']}/secret")["previous"] == []


def test_given_secret_becomes_the_new_one(hub, sink):
    endpoint = hub.endpoint(sink.url())
    secret = new_secret()
    assert rotate(hub, endpoint, secret=secret)["secret"] == secret
    assert next_request(hub, sink).signed_with(secret)


def test_rotated_secrets_survive_a_crash(hub, sink):
    endpoint = hub.endpoint(sink.url())
    rotated = rotate(hub, endpoint)
    hub.kill9()
    hub.start()
    received = next_request(hub, sink)
    assert received.signed_with(rotated["secret"]) and received.signed_with(endpoint["secret"])


def test_several_rotations_keep_the_overlapping_ones(hub, sink):
    endpoint = hub.endpoint(sink.url())
    secrets = [endpoint["secret"]] + [rotate(hub, endpoint)["secret"] for _ in range(2)]
    received = next_request(hub, sink)
    assert all(received.signed_with(s) for s in secrets)


def test_rotation_that_would_end_an_overlap_early_is_refused_and_says_until_when(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature={"versions": ["v1", "v1a"]})
    path = f"/v1/endpoints/{endpoint['id']}/secret/rotate"
    secrets = [endpoint["secret"]] + [rotate(hub, endpoint, overlap_ms=3600_000)["secret"] for _ in range(3)]
    before = hub.got(path.removesuffix("/rotate"))
    answer = hub.api("POST", path, {})
    assert (answer.status, answer.code) == (409, "conflict"), answer
    assert min(p["until"] for p in before["previous"])[:16] in answer.json["detail"]
    assert "overlap_ms" in answer.json["detail"]
    assert hub.got(path.removesuffix("/rotate")) == before
    received = next_request(hub, sink)
    assert all(received.signed_with(s) for s in secrets)
    assert rotate(hub, endpoint, overlap_ms=0)["previous"] == []


def test_longest_overlap_is_thirty_days(hub, sink):
    endpoint = hub.endpoint(sink.url())
    month = 30 * 24 * 3600 * 1000
    (previous,) = rotate(hub, endpoint, overlap_ms=month)["previous"]
    assert previous["secret"] == endpoint["secret"]
    assert abs(datetime.fromisoformat(previous["until"].replace("Z", "+00:00")).timestamp() - time.time() - month / 1000) < 60
    received = next_request(hub, sink)
    assert received.signed_with(endpoint["secret"])
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/secret/rotate", {"overlap_ms": month + 1})
    assert (answer.status, answer.pointers) == (422, ["/overlap_ms"])
    assert "2592000000" in answer.json["detail"]


@pytest.mark.parametrize(
    "body, pointer", [({"secret": "short"}, "/secret"), ({"overlap_ms": -1}, "/overlap_ms"), ({"overlap_ms": "1h"}, "/overlap_ms"),
    ({"overlap": 5}, "/overlap")]
)
def test_bad_rotation_is_refused_and_changes_nothing(hub, body, pointer):
    endpoint = hub.endpoint("http://127.0.0.1:9/")
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/secret/rotate", body)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert hub.got(f"/v1/endpoints/{endpoint['id']}/secret") == {
        "secret": endpoint["secret"],
        "previous": [],
        "public_key": None,
        "previous_public_keys": [],
    }
