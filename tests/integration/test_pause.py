"""The pause of the whole hub: events are taken in, nothing is sent until somebody resumes it; a restored hub begins with it."""

import os
import shutil
from datetime import datetime, timedelta, timezone

import pytest

from hub import run
from sink import Reply

OK = 0


def paused(hub):
    return hub.got("/v1/hub")["paused"]


def deliver_marker(hub, sink):
    """A test is sent all the same; when it is there, whatever was to be sent before has had its turn."""
    before = len(sink.received("/hook"))
    answer = hub.api("POST", "/v1/endpoints/hook/test")
    assert answer.status == 200, answer
    return [r for r in sink.received("/hook")[before:]]


def test_events_are_taken_in_and_wait(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.wait_delivery(hub.publish(uid="before"), "delivered")
    answer = hub.api("POST", "/v1/hub/pause")
    assert "hub.pause; " in hub.log()
    assert (answer.status, answer.json["paused"], answer.json["reason"], answer.json["backup_at"]) == (200, True, "operator", None)
    assert hub.api("POST", "/v1/hub/pause").json == answer.json, "paused already: nothing changes"
    event = hub.publish(uid="meanwhile")
    assert event["deliveries"] == 1
    sent = deliver_marker(hub, sink)
    assert len(sent) == 1, "the test, and nothing else"
    assert hub.api("GET", "/readyz").status == hub.api("GET", "/healthz").status == 200
    assert hub.got("/v1/stats")["paused"] is True
    explained = hub.got(f"/v1/events/{event['id']}/explain?endpoint=hook")
    assert explained["waiting"]["for"] == "hub_pause", explained["waiting"]
    assert hub.deliveries(event)[0]["state"] == "pending"
    assert hub.api("POST", "/v1/hub/resume").json == {"paused": False, "since": None, "reason": None, "backup_at": None}
    hub.wait_delivery(event, "delivered")
    assert hub.got("/v1/stats")["paused"] is False
    audit = [c["action"] for c in hub.got("/v1/audit?resource=hub")["data"]]
    assert audit == ["hub.resume", "hub.pause"]


def test_it_lasts_over_a_restart(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.api("POST", "/v1/hub/pause")
    event = hub.publish()
    hub.restart()
    assert "WARN hub: paused since" in hub.log()
    assert paused(hub) and len(deliver_marker(hub, sink)) == 1
    hub.kill9()
    hub.start()
    assert paused(hub) and hub.deliveries(event)[0]["state"] == "pending"
    hub.api("POST", "/v1/hub/resume")
    hub.wait_delivery(event, "delivered")
    hub.restart()
    assert not paused(hub)


def test_what_expires_meanwhile_ends(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.api("POST", "/v1/hub/pause")
    soon = datetime.now(timezone.utc) + timedelta(milliseconds=300)
    event = hub.publish(expires_at=soon.isoformat())
    hub.wait_delivery(event, "dead")
    assert hub.deliveries(event)[0]["reason"] == "expired"
    assert not sink.received("/hook")


def test_what_is_resent_or_retried_by_hand_waits(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    event = hub.publish()
    hub.wait_delivery(event, "delivered")
    hub.api("POST", "/v1/hub/pause")
    assert hub.api("POST", f"/v1/events/{event['id']}/resend", {}).status == 200
    deliver_marker(hub, sink)
    assert hub.deliveries(event)[0]["state"] == "pending"
    hub.api("POST", "/v1/hub/resume")
    hub.wait_delivery(event, "delivered")


def test_the_command_line_pauses_a_hub_that_runs_and_one_that_does_not(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    done = run("pause", "--data", hub.data)
    assert done.returncode == OK and "operator" in done.stdout, done
    assert paused(hub)
    done = run("resume", "--data", hub.data, "--json")
    assert done.stdout == '{"paused":false,"since":null,"reason":null,"backup_at":null}\n'
    hub.terminate()
    done = run("pause", "--data", hub.data)
    assert (done.returncode, done.stderr) == (OK, "")
    hub.start()
    assert paused(hub)
    assert hub.got("/v1/audit?resource=hub")["data"][0]["actor"]["kind"] == "local"


def test_verification_is_asked_for_when_somebody_wants_it_and_else_after_the_pause(hub, sink):
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.api("POST", "/v1/hub/pause")
    gate = sink.gate()
    sink.on("/asked", Reply(200, gate=gate), Reply(200))
    hub.endpoint(sink.url("/asked"), ["*"], uid="asked", verification={"type": "challenge"})
    sink.wait_for(1, "/asked")
    hub.kill9()
    gate.set()
    hub.start()
    deliver_marker(hub, sink)
    assert len(sink.received("/asked")) == 1, "a start asks nobody while the hub is paused"
    hub.api("POST", "/v1/hub/resume")
    sink.wait_for(2, "/asked")


def backup_of(hub, folder):
    folder.mkdir()
    assert run("backup", folder / "grapnel.db", "--data", hub.data).returncode == OK
    shutil.copy(os.path.join(hub.data, "master.key"), folder / "master.key")
    return folder


def test_a_restored_hub_sends_nothing_that_was_delivered_after_the_backup(hub, make_hub, sink, tmp_path):
    """The case for all of this: the event is pending in the backup, is delivered afterwards, and the machine dies."""
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.api("POST", "/v1/endpoints/hook/pause")
    event = hub.publish(uid="once")
    kept = backup_of(hub, tmp_path / "kept")
    hub.api("POST", "/v1/endpoints/hook/resume")
    hub.wait_delivery(event, "delivered")
    hub.kill9()
    copy = make_hub(start=False)
    copy._admin = hub._admin
    done = run("restore", kept / "grapnel.db", "--master-key", kept / "master.key", "--data", copy.data)
    assert (done.returncode, done.stderr) == (OK, ""), done
    assert "the backup ends at 20" in done.stdout and "deliveries pending: 1, held behind them: 0" in done.stdout and "grapnel resume" in done.stdout
    copy.start()
    assert "restored from a backup that ends at 20" in copy.log()
    state = copy.got("/v1/hub")
    assert state["paused"] and state["reason"] == "restore" and state["backup_at"] in done.stdout
    copy.subscriber("acme")
    bound = copy.api("GET", "/v1/hub", key=copy.key("read", subscriber="acme")).json
    assert bound == {"paused": True, "since": state["since"], "reason": None, "backup_at": None}, "what happened to the hub is the operator's"
    copy.api("POST", "/v1/endpoints/hook/resume")
    assert len(deliver_marker(copy, sink)) == 1, "the test alone"
    delivery = copy.deliveries(event)[0]
    assert delivery["state"] == "pending"
    assert copy.api("POST", f"/v1/deliveries/{delivery['id']}/cancel").status == 200
    copy.api("POST", "/v1/hub/resume")
    copy.wait_delivery(copy.publish(uid="new"), "delivered")
    ids = [r.webhook_id for r in sink.received("/hook")]
    assert ids.count(event["id"]) == 1
    assert [c["action"] for c in copy.got("/v1/audit?resource=hub")["data"]] == ["hub.resume", "hub.restore"]


def test_a_master_key_elsewhere_is_put_there(hub, make_hub, sink, tmp_path):
    kept = backup_of(hub, tmp_path / "kept")
    copy = make_hub("--master-key-file", tmp_path / "the.key", start=False)
    options = ["restore", kept / "grapnel.db", "--master-key", kept / "master.key", "--data", copy.data, "--master-key-file", tmp_path / "the.key"]
    (tmp_path / "the.key").write_text("5a" * 32 + "\n")
    done = run(*options)
    assert done.returncode == 1 and f"cp {kept / 'master.key'} {tmp_path / 'the.key'}" in done.stderr, done
    assert not os.path.exists(os.path.join(copy.data, "grapnel.db"))
    os.unlink(tmp_path / "the.key")
    assert run(*options).returncode == OK
    assert not os.path.exists(os.path.join(copy.data, "master.key"))
    copy.start()
    assert paused(copy)


def test_files_of_root_belong_to_whom_the_folder_belongs_to(hub, tmp_path):
    """As on a packaged machine: the folder is the hub's, the command is root's."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    kept = backup_of(hub, tmp_path / "kept")
    data = tmp_path / "packaged"
    data.mkdir(mode=0o710)
    os.chown(data, 4711, 4712)
    assert run("restore", kept / "grapnel.db", "--master-key", kept / "master.key", "--data", data).returncode == OK
    for name in os.listdir(data):
        status = os.stat(data / name)
        assert (status.st_uid, status.st_gid) == (4711, 4712), name
