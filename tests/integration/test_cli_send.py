"""grapnel send FILE: a fate for each line, progress, and a hub that goes away in the middle."""

import json
import os
import subprocess

import pytest

from hub import BINARY, environment, eventually, run
from sink import BOUND

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3


def line(n, **fields):
    return json.dumps({"type": "a.b", "data": n, "uid": f"u{n}", **fields}) + "\n"


def send(hub, *arguments, **keywords):
    return run("send", *arguments, "--data", hub.data, **keywords)


def write(path, lines):
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("running", [True, False])
def test_a_file_is_published_once_however_often_it_is_sent(hub, tmp_path, running):
    hub.admin
    if not running:
        hub.terminate()
    path = write(tmp_path / "events", [line(n) for n in range(2500)])
    done = send(hub, path)
    assert (done.returncode, done.stdout) == (OK, "2500 published, 0 duplicates, 0 refused\n"), done.stderr
    assert "2500 of 2500 lines sent" in done.stderr.splitlines()
    assert send(hub, path).stdout == "0 published, 2500 duplicates, 0 refused\n"
    if not running:
        hub.start()
    assert len(hub.pages("/v1/events", limit=500)) == 2500


def test_lines_come_from_a_pipe(hub):
    done = send(hub, "-", input=line(1) + "\n" + line(2).rstrip())
    assert (done.returncode, done.stdout) == (OK, "2 published, 0 duplicates, 0 refused\n"), done.stderr
    assert [e["uid"] for e in hub.got("/v1/events")["data"]] == ["u2", "u1"]


def test_bad_lines_are_named_and_the_others_are_published(hub, tmp_path):
    lines = [line(n) for n in range(40)]
    lines[3] = "{broken\n"
    lines[7] = line(7, type="bad type")
    lines[11] = line(11, subscriber="nobody")
    lines[13] = "[]\n"
    lines[17] = json.dumps({"type": "a.b"}) + "\n"
    lines[19] = line(19, colour="red")
    lines[23] = '{"type":"a.b","data":' + "[" * 600 + "]" * 600 + "}\n"
    lines[29] = line(29, data="x" * (1 << 20))
    lines[31] = line(30, data="other")
    done = send(hub, write(tmp_path / "events", lines))
    assert (done.returncode, done.stdout) == (FAILED, "31 published, 0 duplicates, 9 refused\n"), done.stderr
    named = {int(l.split(":")[0][5:]): l for l in done.stderr.splitlines() if l.startswith("line ")}
    assert sorted(named) == [4, 8, 12, 14, 18, 20, 24, 30, 32]
    assert "/type" in named[8] and "/subscriber" in named[12] and "/data" in named[18] and "/colour" in named[20]
    bad = {3, 7, 11, 13, 17, 19, 23, 29, 31}
    assert {e["uid"] for e in hub.pages("/v1/events")} == {f"u{n}" for n in range(40) if n not in bad}


def test_json_has_the_fate_of_each_line(hub, tmp_path):
    done = send(hub, write(tmp_path / "events", [line(1), line(2, type="bad type"), line(1), line(1, data="other")]), "--json")
    assert done.returncode == FAILED
    fates = {f["line"]: f for f in map(json.loads, done.stdout.splitlines())}
    assert fates[1]["id"] == fates[3]["id"] and (fates[1]["duplicate"], fates[3]["duplicate"]) == (False, True)
    assert fates[2]["error"]["code"] == "invalid" and fates[4]["error"]["code"] == "idempotency_key_reused"


def test_a_hub_with_smaller_limits_takes_all_over_the_network(make_hub, tmp_path):
    hub = make_hub("--limits-batch", "10", "--limits-request", "4KiB", "--limits-item", "1KiB")
    path = write(tmp_path / "events", [line(n, data="x" * 300) for n in range(100)])
    done = run("send", path, env={"GRAPNEL_URL": f"http://127.0.0.1:{hub.port}", "GRAPNEL_KEY": hub.key("publish")})
    assert (done.returncode, done.stdout) == (OK, "100 published, 0 duplicates, 0 refused\n"), done.stderr


def test_a_hub_that_is_killed_and_comes_back_gets_each_line_once(hub, tmp_path):
    """Without uids: what is sent again by one run carries the same key."""
    lines = [json.dumps({"type": "a.b", "data": n}) + "\n" for n in range(400)]
    command = [BINARY, "send", "-", "--batch", "1", "--data", hub.data]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), text=True)
    for text in lines[:200]:
        sender.stdin.write(text)
    sender.stdin.flush()
    eventually(lambda: hub.got("/v1/events")["data"], "the first line")
    hub.kill9()
    hub.start()
    for text in lines[200:]:
        sender.stdin.write(text)
    sender.stdin.close()
    out = sender.stdout.read()
    sender.stdout.close()
    assert sender.wait(BOUND) == OK, out
    ids = [e["id"] for e in hub.pages("/v1/events", limit=500)]
    assert len(ids) == len(set(ids)) == 400
    payloads = {int(hub.api("GET", f"/v1/events/{id}/payload").body) for id in ids[:50]}
    assert len(payloads) == 50


def test_a_hub_that_stays_away_ends_it_with_the_line_to_go_on_from(hub, tmp_path):
    path = write(tmp_path / "events", [line(n) for n in range(5)])
    key = hub.key("publish")
    hub.terminate()
    done = run("send", path, env={"GRAPNEL_URL": f"http://127.0.0.1:{hub.port}", "GRAPNEL_KEY": key})
    assert done.returncode == UNAVAILABLE
    assert "--from-line 1" in done.stderr
    assert "0 published" in done.stdout


def test_a_file_that_is_not_there_is_a_mistake_of_usage(hub, tmp_path):
    done = send(hub, tmp_path / "none")
    assert done.returncode == USAGE and "none" in done.stderr
    os.mkdir(tmp_path / "folder")
    assert send(hub, tmp_path / "folder").returncode == FAILED


def test_a_slow_pipe_does_not_keep_a_hub_from_starting(hub):
    hub.admin
    hub.terminate()
    sender = subprocess.Popen([BINARY, "send", "-", "--batch", "1", "--data", hub.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(), text=True)
    sender.stdin.write(line(1) + line(2))
    sender.stdin.flush()
    hub.start()
    eventually(lambda: len(hub.got("/v1/events")["data"]) >= 1, "the first line")
    out, err = sender.communicate(line(3), timeout=BOUND)
    assert (sender.returncode, out) == (OK, "3 published, 0 duplicates, 0 refused\n"), err
    assert {e["uid"] for e in hub.got("/v1/events")["data"]} == {"u1", "u2", "u3"}
