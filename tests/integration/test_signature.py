"""v1a: ed25519 signatures for endpoints that ask for them; verified with the openssl command, never with the code under test."""

import base64
import os
import re

import pytest

from hub import eventually
from test_rotation import next_request, rotate

URL = "http://127.0.0.1:9/hook"
BOTH = {"versions": ["v1", "v1a"]}
ALONE = {"versions": ["v1a"]}


def test_hmac_is_the_default_and_needs_no_key_pair(hub, sink):
    endpoint = hub.endpoint(sink.url())
    assert (endpoint["signature"], endpoint["public_key"]) == ({"versions": ["v1"]}, None)
    assert [s[:3] for s in next_request(hub, sink).signatures] == ["v1,"]


def test_v1a_is_signed_with_the_key_that_is_shown(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=ALONE)
    assert re.fullmatch(r"whpk_[A-Za-z0-9+/]{43}=", endpoint["public_key"])
    received = next_request(hub, sink)
    assert len(received.signatures) == 1
    assert received.signed_by(endpoint["public_key"])
    assert not received.signed_with(endpoint["secret"])
    other = "whpk_" + base64.b64encode(os.urandom(32)).decode()
    assert not received.signed_by(other)
    received.body += b" "
    assert not received.signed_by(endpoint["public_key"])


def test_both_versions_stand_in_one_header(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=BOTH)
    received = next_request(hub, sink)
    assert [s.split(",")[0] for s in received.signatures] == ["v1", "v1a"]
    assert received.signed_with(endpoint["secret"]) and received.signed_by(endpoint["public_key"])


def test_opting_in_later_makes_the_pair_and_opting_out_keeps_it(hub, sink):
    path = f"/v1/endpoints/{hub.endpoint(sink.url())['id']}"
    opted = hub.api("PATCH", path, {"signature": BOTH}).json
    assert next_request(hub, sink).signed_by(opted["public_key"])
    out = hub.api("PATCH", path, {"signature": None}).json
    assert (out["signature"], out["public_key"]) == ({"versions": ["v1"]}, None)
    assert len(next_request(hub, sink).signatures) == 1
    assert hub.got(path + "/secret")["public_key"] is None
    again = hub.api("PATCH", path, {"signature": ALONE}).json
    assert again["public_key"] == opted["public_key"]
    assert next_request(hub, sink).signed_by(opted["public_key"])


def test_rotation_replaces_secret_and_pair_with_the_same_overlap(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=BOTH)
    rotated = rotate(hub, endpoint, overlap_ms=3600000)
    assert rotated["public_key"] not in (None, endpoint["public_key"])
    (secret,), (pair,) = rotated["previous"], rotated["previous_public_keys"]
    assert (secret["secret"], pair["public_key"]) == (endpoint["secret"], endpoint["public_key"])
    assert secret["until"] == pair["until"]
    received = next_request(hub, sink)
    assert [s.split(",")[0] for s in received.signatures] == ["v1", "v1", "v1a", "v1a"]
    assert all(received.signed_with(s) for s in (rotated["secret"], endpoint["secret"]))
    assert all(received.signed_by(k) for k in (rotated["public_key"], endpoint["public_key"]))
    assert hub.got(f"/v1/endpoints/{endpoint['id']}")["public_key"] == rotated["public_key"]


def test_without_an_overlap_the_old_pair_ends_at_once(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=ALONE)
    rotated = rotate(hub, endpoint, overlap_ms=0)
    assert rotated["previous_public_keys"] == []
    received = next_request(hub, sink)
    assert received.signed_by(rotated["public_key"]) and not received.signed_by(endpoint["public_key"])


def test_old_pair_stops_signing_when_the_overlap_is_over(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=ALONE)
    rotate(hub, endpoint, overlap_ms=300)
    eventually(lambda: len(next_request(hub, sink).signatures) == 1, "the end of the overlap")
    shown = hub.got(f"/v1/endpoints/{endpoint['id']}/secret")
    assert shown["previous_public_keys"] == []
    assert next_request(hub, sink).signed_by(shown["public_key"])


def test_subscriber_reads_the_public_key_and_no_secret(hub):
    hub.subscriber("acme")
    endpoint = hub.endpoint(URL, subscriber="acme", signature=BOTH)
    foreign = hub.endpoint(URL, signature=BOTH)
    reader = hub.key("read", subscriber="acme")
    path = f"/v1/endpoints/{endpoint['id']}"
    shown = hub.got(path, key=reader)
    assert shown["public_key"] == endpoint["public_key"]
    assert "secret" not in shown
    assert [e["public_key"] for e in hub.pages("/v1/endpoints", key=reader)] == [endpoint["public_key"]]
    assert hub.api("GET", path + "/secret", key=reader).code == "missing_scope"
    assert hub.api("GET", f"/v1/endpoints/{foreign['id']}", key=reader).status == 404


def test_pair_survives_a_crash(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature=ALONE)
    hub.kill9()
    hub.start()
    assert hub.got(f"/v1/endpoints/{endpoint['id']}")["public_key"] == endpoint["public_key"]
    assert next_request(hub, sink).signed_by(endpoint["public_key"])


def test_public_key_is_read_only(hub):
    endpoint = hub.endpoint(URL, signature=BOTH)
    shown = hub.got(f"/v1/endpoints/{endpoint['id']}")
    answer = hub.api("PUT", f"/v1/endpoints/{endpoint['id']}", {**shown, "public_key": "whpk_x"})
    assert (answer.status, answer.json["public_key"]) == (200, endpoint["public_key"])


@pytest.mark.parametrize(
    "signature, pointer",
    [
        ("v1a", "/signature"),
        (None, "/signature"),
        ({"versions": []}, "/signature/versions"),
        ({"versions": "v1"}, "/signature/versions"),
        ({"versions": ["v1", "v2"]}, "/signature/versions/1"),
        ({"versions": ["v1a", "v1a"]}, "/signature/versions/1"),
        ({"version": ["v1"]}, "/signature/version"),
    ],
)
def test_bad_signature_says_which_field_and_what_is_accepted(hub, signature, pointer):
    answer = hub.api("POST", "/v1/endpoints", {"url": URL, "event_types": ["*"], "signature": signature})
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert hub.got("/v1/endpoints")["data"] == []
