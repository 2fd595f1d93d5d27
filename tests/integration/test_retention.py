"""Retention: what is old and has ended goes by itself; what has not, stays."""

import json
import sqlite3

from hub import FAST_RETRY, PATIENCE, eventually, run

SOON = ["--retention-events", "2s", "--retention-attempts", "2s"]


def gone(hub, event):
    return hub.api("GET", f"/v1/events/{event['id']}").status == 404


def publish_many(hub, count, type="many.one", **fields):
    body = b"\n".join(json.dumps({"type": type, "data": {"n": n, "fill": "x" * 500}, **fields}).encode() for n in range(count))
    answer = hub.api("POST", "/v1/events", body=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 202, answer


def test_what_has_ended_goes_and_the_rest_stays(make_hub, sink):
    hub = make_hub(*SOON)
    sink.on("/dead", 500)
    hub.endpoint(sink.url("/hook"), types=["ends.*"])
    hub.endpoint(sink.url("/dead"), types=["dies.*"], retry=FAST_RETRY)
    paused = hub.endpoint(sink.url("/paused"), types=["waits.*"])["id"]
    hub.api("POST", f"/v1/endpoints/{paused}/pause")
    ends, dies, waits, nobody = (hub.publish(type) for type in ("ends.so", "dies.so", "waits.so", "nobody.so"))
    hub.wait_delivery(ends, "delivered")
    hub.wait_delivery(dies, "dead")
    eventually(lambda: gone(hub, ends) and gone(hub, nobody), "retention")
    assert not gone(hub, dies) and not gone(hub, waits)
    assert hub.api("GET", f"/v1/events/{dies['id']}/payload").status == 200, "a dead letter keeps its payload"
    status = eventually(lambda: (lambda r: r if r["deleted_since_start"]["events"] >= 2 else None)(hub.got("/v1/retention")), "the end of the run")
    assert status["last_run"]["ended_at"] and status["oldest_event"]
    assert status["settings"] == {"events_ms": 2000, "attempts_ms": 2000, "dead_letters_ms": 90 * 86400000, "rejections_ms": 7 * 86400000,
                                  "audit_ms": 365 * 86400000, "size_bytes": None}  # fmt: skip


def test_rejections_go_even_when_no_more_come(make_hub):
    hub = make_hub("--retention-rejections", "1s")
    assert hub.api("PUT", "/v1/sources/gh", {"scheme": "github", "secret": "a secret that is long enough"}).status == 201
    assert hub.api("POST", "/in/gh", {}, key=None).status == 401
    eventually(lambda: hub.got("/v1/rejections")["data"] == [] and hub.got("/v1/retention")["deleted_since_start"]["rejections"] == 1, "retention")


def test_a_size_is_kept_and_pages_are_given_back(make_hub):
    hub = make_hub("--retention-size", "8MiB", "--retention-attempts", "1s")
    for _ in range(40):
        publish_many(hub, 1000)

    def kept():
        answer = hub.got("/v1/retention")
        return answer if answer["deleted_since_start"]["events"] and answer["database"]["used_bytes"] <= 8 << 20 else None

    database = eventually(kept, "a database of this size", 120 * PATIENCE)["database"]
    assert not database["over"] and database["gives_back"]


def test_a_database_of_before_gives_nothing_back_until_it_is_rewritten(make_hub):
    hub = make_hub()
    event = hub.publish("kept.one", {"n": 1})
    hub.terminate()
    path = hub.data + "/grapnel.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    hub.start("--retention-attempts", "1s")
    eventually(lambda: hub.got("/v1/retention")["last_run"]["ended_at"], "a run")
    assert hub.got("/v1/retention")["database"]["gives_back"] is False
    hub.terminate()
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")
    hub.start("--retention-attempts", "1s")
    eventually(lambda: hub.got("/v1/retention")["last_run"]["ended_at"], "a run")
    assert hub.got("/v1/retention")["database"]["gives_back"] is True
    assert hub.api("GET", f"/v1/events/{event['id']}/payload").json == {"n": 1}


def test_a_kill_in_the_midst_loses_nothing_that_is_unfinished(make_hub, sink):
    hub = make_hub(*SOON)
    hub.endpoint(sink.url("/hook"), types=["ends.*"])
    paused = hub.endpoint(sink.url("/paused"), types=["waits.*"])["id"]
    hub.api("POST", f"/v1/endpoints/{paused}/pause")
    for _ in range(3):
        publish_many(hub, 1000, "nobody.one")
        publish_many(hub, 50, "waits.one")
        before = hub.got("/v1/retention")["deleted_since_start"]["events"]
        eventually(lambda: hub.got("/v1/retention")["state"] == "runs" or hub.got("/v1/retention")["deleted_since_start"]["events"] > before, "a pass under way")
        hub.kill9()
        hub.start(*SOON)
    assert hub.got("/v1/stats")["deliveries"]["pending"] == 150
    hub.api("POST", f"/v1/endpoints/{paused}/resume")
    sink.wait_for(150, "/paused")
    hub.terminate()
    with sqlite3.connect(hub.data + "/grapnel.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check = run("check", "--data", hub.data)
    assert check.returncode == 0, check.stdout


def test_confirming_a_clock_that_is_right_changes_nothing(hub):
    answer = hub.api("POST", "/v1/retention/confirm")
    assert answer.status == 200 and answer.json["state"] == "rests" and answer.json["clock_jump_ms"] == 0
    assert hub.got("/v1/audit", action="retention.confirm")["data"] == []


def test_a_reload_takes_other_limits(make_hub):
    hub = make_hub()
    event = hub.publish()
    with open(hub.data + "/grapnel.conf", "w") as file:
        file.write("[retention]\nevents = 1s\n")
    assert run("reload", "--data", hub.data).returncode == 0
    eventually(lambda: gone(hub, event), "retention")
    assert hub.got("/v1/retention")["settings"]["events_ms"] == 1000


def test_the_command_shows_it_in_words(make_hub):
    options = ("--retention-events", "36h", "--retention-audit", "0", "--retention-size", "3GiB")
    hub = make_hub(*options)
    hub.publish()
    eventually(lambda: hub.got("/v1/retention")["last_run"]["ended_at"], "a run")
    shown = run("retention", "show", "--data", hub.data)
    lines = dict(line.split("  ", 1) for line in shown.stdout.splitlines())
    lines = {name: value.strip() for name, value in lines.items()}
    assert lines["events"] == "36 hours" and lines["dead letters"] == "90 days" and lines["audit"] == "for ever", shown
    assert lines["size at most"] == "3.0 GiB" and "KiB" in lines["in use"] and lines["deleted then"] == "nothing was old enough"
    assert "{" not in shown.stdout and lines == {**lines, "state": "rests"}
    hub.terminate()
    shown = run("retention", "show", "--data", hub.data, *options)
    assert "the hub does not run" in shown.stdout and "36 hours" in shown.stdout and "90 days" in shown.stdout, shown
    assert "database" not in shown.stdout and "last run" not in shown.stdout
