"""Refused requests: why they were refused, and how they are taken after all."""

import base64
import time

import pytest

from hub import eventually
from incoming import SECRET, events_of, github, send, source, stripe

STRIPE = "whsec_" + "s" * 32


def kept(hub, count=1, **query):
    """The rejections, once there are so many."""

    def look():
        rows = hub.pages("/v1/rejections", order="asc", **query)
        return rows if len(rows) >= count else None

    rows = eventually(look, f"{count} rejections")
    assert len(rows) == count, rows
    return rows


def accept(hub, **document):
    answer = hub.api("POST", "/v1/rejections/accept", document)
    assert answer.status == 200, answer
    return answer.json


def bad_signature(hub):
    return send(hub, "gh", b'{"a":1}', github(b'{"a":1}', secret="wrong secret, long enough")), 401, "bad_signature"


def missing_header(hub):
    return send(hub, "gh", b"{}", {"Content-Type": "application/json"}), 401, "missing_header"


def stale_timestamp(hub):
    return send(hub, "st", b"{}", stripe(b"{}", STRIPE, at=int(time.time()) - 3600)), 401, "stale_timestamp"


def unknown_source(hub):
    return send(hub, "nobody", b"{}"), 404, "unknown_source"


def disabled(hub):
    return send(hub, "off", b"{}", github(b"{}")), 404, "disabled"


def too_large(hub):
    return send(hub, "small", b"x" * 2000, github(b"x" * 2000)), 413, "too_large"


def malformed(hub):
    return send(hub, "gh", b"{}", {**github(b"{}"), "Content-Encoding": "gzip"}), 415, "malformed"


def rate_limited(hub):
    assert send(hub, "slow", b"1", github(b"1", delivery="1")).status == 200
    return send(hub, "slow", b"2", github(b"2", delivery="2")), 429, "rate_limited"


@pytest.mark.parametrize(
    "provoke", [bad_signature, missing_header, stale_timestamp, unknown_source, disabled, too_large, malformed, rate_limited]
)
def test_each_reason_is_told_to_the_admin(hub, provoke):
    names = {
        "gh": source(hub, uid="gh"),
        "st": source(hub, "stripe", uid="st", secret=STRIPE),
        "off": source(hub, uid="off", enabled=False),
        "small": source(hub, uid="small", max_body_bytes=1024),
        "slow": source(hub, uid="slow", rate={"limit": 1, "per_ms": 3600000}),
    }
    answer, status, reason = provoke(hub)
    assert answer.status == status, answer
    (row,) = kept(hub)
    assert row["reason"] == reason and row["meaning"]
    assert row["source"] == (names[row["name"]]["id"] if row["name"] in names else None)
    assert row["remote"] == "127.0.0.1" and row["method"] == "POST" and row["event"] is None
    assert row["cut"] == (reason in ("too_large", "malformed"))  # no body was taken
    assert kept(hub, reason=reason) == [row]
    assert hub.pages("/v1/rejections", reason="disabled" if reason != "disabled" else "too_large") == []


def test_whole_request_is_shown_but_its_passwords(hub):
    source(hub, uid="gh")
    headers = {**github(b'{"a":"\xc3\xa9"}', secret="wrong secret, long enough"), "Authorization": "Bearer hidden-one", "X-Api-Key": "hidden-two",
        "Cookie": "hidden-three"}
    send(hub, "gh", b'{"a":"\xc3\xa9"}', headers, query="?access_token=hidden-four")
    (row,) = kept(hub)
    answer = hub.api("GET", f"/v1/rejections/{row['id']}")
    shown = answer.json
    assert shown["body"] == '{"a":"é"}' and shown["body_base64"] is None and shown["path"] == "/in/gh"
    values = {h["name"].lower(): h["value"] for h in shown["headers"]}
    assert values["x-github-event"] == "push" and values["authorization"] == "(hidden)"
    assert b"hidden-" not in answer.body
    send(hub, "gh", b"\xff\x00", github(b"x"))
    row = kept(hub, 2)[-1]
    assert base64.b64decode(hub.got(f"/v1/rejections/{row['id']}")["body_base64"]) == b"\xff\x00"


def test_list_is_filtered_and_paged(hub):
    one = source(hub, uid="one")
    source(hub, uid="two")
    for i in range(5):
        send(hub, "one", b"%d" % i)
        send(hub, "two", b"%d" % i)
    send(hub, "nobody", b"x")
    rows = kept(hub, 11)
    assert [r["id"] for r in hub.pages("/v1/rejections", limit=2, order="asc")] == [r["id"] for r in rows]
    assert [r["id"] for r in hub.pages("/v1/rejections", limit=3)] == [r["id"] for r in reversed(rows)]
    assert len(hub.pages("/v1/rejections", source="one")) == 5 == len(hub.pages("/v1/rejections", source=one["id"]))
    assert [r["name"] for r in hub.pages("/v1/rejections", source="")] == ["nobody"]
    assert len(hub.pages("/v1/rejections", remote="127.0.0.1")) == 11 and hub.pages("/v1/rejections", remote="192.0.2.1") == []
    assert len(hub.pages("/v1/rejections", since="-1h")) == 11 and hub.pages("/v1/rejections", until="-1h") == []
    assert hub.api("GET", "/v1/rejections?reason=nonsense").status == 422


def test_wrong_secret_loses_nothing(hub, sink):
    made = source(hub, uid="gh", secret="not the one of the provider")
    hub.endpoint(sink.url("/hook"))
    bodies = [b'{"n":%d}' % i for i in range(5)]
    for i, body in enumerate(bodies):
        assert send(hub, "gh", body, github(body, delivery=str(i))).status == 401
    rows = kept(hub, 5)
    tried = accept(hub, filter={"source": "gh"})
    assert (tried["accepted"], tried["refused"]) == (0, 5) and {o["reason"] for o in tried["data"]} == {"bad_signature"}
    hub.api("PATCH", "/v1/sources/gh", {"secret": SECRET})
    dry = accept(hub, filter={"source": "gh"}, dry_run=True)
    assert (dry["accepted"], dry["refused"]) == (5, 0) and events_of(hub, made) == []
    done = accept(hub, filter={"source": "gh", "reason": "bad_signature"})
    assert (done["accepted"], done["refused"], done["next_after"]) == (5, 0, None)
    assert sorted(r.body for r in sink.wait_for(5, "/hook")) == bodies
    events = {e["id"] for e in events_of(hub, made)}
    assert events == {o["event"] for o in done["data"]}
    assert {r["event"] for r in hub.pages("/v1/rejections")} == events and hub.pages("/v1/rejections", accepted="false") == []
    again = accept(hub, ids=[r["id"] for r in rows])
    assert (again["accepted"], {o["reason"] for o in again["data"]}) == (0, {"accepted_before"})
    assert accept(hub, filter={})["data"] == []
    assert len(events_of(hub, made)) == 5
    assert "rejection.accept" in [r["action"] for r in hub.pages("/v1/audit")]


def test_what_came_meanwhile_is_not_published_twice(hub):
    made = source(hub, uid="gh", secret="not the one of the provider")
    assert send(hub, "gh", b"{}", github(b"{}")).status == 401
    kept(hub)
    hub.api("PATCH", "/v1/sources/gh", {"secret": SECRET})
    assert send(hub, "gh", b"{}", github(b"{}")).status == 200  # the provider tried again
    (outcome,) = accept(hub, filter={})["data"]
    assert outcome["accepted"] and outcome["duplicate"]
    assert len(events_of(hub, made)) == 1


def test_age_is_no_hindrance_but_the_signature_is(hub):
    made = source(hub, "stripe", uid="st", secret=STRIPE)
    body = b'{"id":"evt_1","type":"a.b"}'
    old = int(time.time()) - 4000
    assert send(hub, "st", body, stripe(body, STRIPE, at=old)).status == 401
    assert send(hub, "st", body + b" ", stripe(body, STRIPE, at=old)).status == 401
    kept(hub, 2)
    done = accept(hub, filter={})
    assert [o["accepted"] for o in done["data"]] == [True, False] and done["data"][1]["reason"] == "bad_signature"
    assert [e["type"] for e in events_of(hub, made)] == ["stripe.a.b"]


def test_source_that_was_made_too_late_still_gets_its_requests(hub):
    assert send(hub, "gh", b"{}", github(b"{}")).status == 404
    kept(hub)
    made = source(hub, uid="gh")
    assert accept(hub, filter={"source": ""})["accepted"] == 1
    assert len(events_of(hub, made)) == 1


def test_what_was_turned_away_before_its_body_is_never_accepted_without_it(hub):
    made = source(hub, "none", uid="open")
    off = source(hub, "none", uid="off", enabled=False)
    plain = {"Content-Type": "application/json"}
    assert send(hub, "open", b"{}", {**plain, "Content-Encoding": "gzip"}).status == 415
    assert send(hub, "off", b"x" * 100_000, plain).status == 404
    assert send(hub, "off", b"\x1f\x8b", {**plain, "Content-Encoding": "gzip"}).status == 404
    rows = kept(hub, 3)
    assert [r["cut"] for r in rows] == [True, True, False]
    done = accept(hub, filter={})
    assert done["accepted"] == 0 and [o["reason"] for o in done["data"]] == ["cut", "cut", "malformed"], done
    assert "Content-Encoding" in done["data"][2]["detail"]
    assert events_of(hub, made) == [] == events_of(hub, off)


def test_method_that_the_source_does_not_take_is_said(hub):
    assert send(hub, "late", b"", {}, method="GET").status == 404
    kept(hub)
    source(hub, "none", uid="late")
    (outcome,) = accept(hub, filter={})["data"]
    assert (outcome["accepted"], outcome["reason"], outcome["detail"]) == (False, "malformed", "This source takes POST, HEAD")


def test_accept_by_pages(hub):
    source(hub, uid="gh")
    for i in range(3):
        send(hub, "gh", b"%d" % i, github(b"no"))
    rows = kept(hub, 3)
    assert [o["id"] for o in accept(hub, filter={"after": rows[0]["id"]})["data"]] == [r["id"] for r in rows[1:]]


@pytest.mark.parametrize(
    "document, pointer",
    [
        ({}, ""),
        ({"ids": [], "filter": {}}, ""),
        ({"ids": []}, "/ids"),
        ({"ids": ["evt_01hv3k5z8w7qc"]}, "/ids/0"),
        ({"filter": {"colour": "red"}}, "/filter/colour"),
        ({"filter": {"reason": "gone"}}, "/filter/reason"),
        ({"filter": {"since": "yesterday"}}, "/filter/since"),
        ({"filter": {"source": "nobody"}}, "/filter/source"),
        ({"filter": {"after": "x"}}, "/filter/after"),
        ({"filter": {}, "dry_run": "yes"}, "/dry_run"),
    ],
)
def test_bad_acceptance_is_refused(shared_hub, document, pointer):
    answer = shared_hub.api("POST", "/v1/rejections/accept", document)
    assert answer.status in (404, 422) and answer.pointers == [pointer], answer


def test_of_each_source_the_newest_are_kept(make_hub):
    hub = make_hub("--rejections-per-source", "10")
    source(hub, uid="one")
    source(hub, uid="two")
    send(hub, "two", b"the one of the other source")
    kept(hub)
    for i in range(25):
        send(hub, "one", b"%d" % i)
        if i % 5 == 4:
            eventually(lambda: _newest(hub) == b"%d" % i)
    assert [_body(hub, r) for r in hub.pages("/v1/rejections", source="one", order="asc")] == [b"%d" % i for i in range(15, 25)]
    assert len(hub.pages("/v1/rejections", source="two")) == 1
    hub.restart()
    send(hub, "one", b"25")
    eventually(lambda: _newest(hub) == b"25")
    assert len(hub.pages("/v1/rejections", source="one")) == 10, "what is kept is counted across a restart"


def test_bytes_are_bounded_and_the_source_with_most_gives(make_hub):
    hub = make_hub("--rejections-bytes", "1MiB")
    source(hub, uid="flood")
    source(hub, uid="quiet")
    send(hub, "quiet", b"x" * 1000)
    kept(hub)
    for i in range(20):
        send(hub, "flood", b"%02d" % i + b"x" * 200000)
        eventually(lambda: _newest(hub, "flood").startswith(b"%02d" % i))
    assert len(hub.pages("/v1/rejections", source="quiet")) == 1
    assert 3 <= len(hub.pages("/v1/rejections", source="flood")) <= 5
    send(hub, "flood", b"y" * 600000)  # more than its share: not kept whole
    row = eventually(lambda: [r for r in hub.pages("/v1/rejections", source="flood") if r["body_bytes"] == 600000])[0]
    assert row["cut"] is True
    (outcome,) = accept(hub, ids=[row["id"]])["data"]
    assert outcome["reason"] == "cut"


def test_rejections_outlive_a_stop(hub):
    source(hub, uid="gh")
    for i in range(30):
        send(hub, "gh", b"%d" % i)
    hub.restart()
    assert len(hub.pages("/v1/rejections")) == 30


def _body(hub, row):
    return hub.got(f"/v1/rejections/{row['id']}")["body"].encode()


def _newest(hub, name="one"):
    rows = hub.got(f"/v1/rejections?limit=1&source={name}")["data"]
    return _body(hub, rows[0]) if rows else b""
