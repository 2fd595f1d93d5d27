"""The command line: the same commands with and without a running hub, their output, their exit codes."""

import json
import os
import re
import stat
import threading

import pytest

from hub import BINARY, run
from sink import Reply

COMMANDS = [("serve",), ("key", "create"), ("key", "list"), ("key", "revoke"), ("admin", "create"), ("admin", "list"), ("admin", "disable"), ("admin", "link"), ("send",), ("backup",), ("check",)]
OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3


def cli(hub, *arguments, **keywords):
    return run(*arguments, "--data", hub.data, **keywords)


@pytest.fixture(params=["running", "stopped"])
def either(request, hub):
    """A hub that runs, or one whose data folder lies there: commands must not care."""
    hub.admin
    if request.param == "stopped":
        hub.terminate()
    return hub


def running(hub):
    return hub if hub.process else hub.start()


def test_key_create_prints_the_key_alone(either):
    done = cli(either, "key", "create", "--scope", "read")
    assert (done.returncode, done.stderr) == (OK, "")
    assert re.fullmatch(r"gk_[0-9a-z]{32}\n", done.stdout)
    assert running(either).api("GET", "/v1/events", key=done.stdout.strip()).status == 200
    assert either.api("POST", "/v1/events", {"type": "a.b", "data": 1}, key=done.stdout.strip()).status == 403


def test_key_create_makes_a_missing_data_folder(tmp_path):
    done = run("key", "create", "--data", tmp_path / "new", "--scope", "admin")
    assert done.returncode == OK, done.stderr
    assert (tmp_path / "new").is_dir()
    assert str(tmp_path / "new") in done.stderr and "no data folder" in done.stderr, "a mistyped --data must not go unnoticed"
    assert run("key", "create", "--data", tmp_path / "new", "--scope", "admin").stderr == ""


def test_key_with_several_scopes_a_subscriber_and_an_end(either):
    was_running = either.process is not None
    running(either).subscriber("acme")
    if not was_running:
        either.terminate()
    done = cli(either, "key", "create", "--scope", "publish", "--scope", "read", "--subscriber", "acme", "--name", "ci", "--expires",
        "2099-01-01T00:00:00Z")
    assert done.returncode == OK, done.stderr
    (row,) = [k for k in running(either).pages("/v1/keys") if k["name"] == "ci"]
    assert sorted(row["scopes"]) == ["publish", "read"]
    assert row["subscriber"] and row["expires_at"].startswith("2099-01-01")


def test_key_list_and_revoke(either):
    text = cli(either, "key", "create", "--scope", "read", "--name", "for-a-while").stdout.strip()
    listed = cli(either, "key", "list")
    assert listed.returncode == OK
    (line,) = [l for l in listed.stdout.splitlines() if "for-a-while" in l]
    assert text not in listed.stdout
    id = re.search(r"key_[0-9a-z]{13}", line).group()
    revoked = cli(either, "key", "revoke", id)
    assert revoked.returncode == OK, revoked.stderr
    assert cli(either, "key", "revoke", id).returncode == FAILED
    assert running(either).api("GET", "/v1/events", key=text).status == 401


@pytest.mark.parametrize(
    "arguments",
    [("key", "create"), ("key", "create", "--scope", "read", "--colour", "red"), ("key", "revoke"), ("key",),
     ("key", "make"), ("backup",), ("send",), ("send", "--type", "a.b", "{broken"), ("nonsense",), ("serve", "now"), ("check", "--data"),
     ("key", "create", "--scope", "read", "--expires", "soon")],
)
def test_wrong_usage_exits_with_2_and_says_why(tmp_path, arguments):
    done = run(*arguments, env={"GRAPNEL_DATA": str(tmp_path / "data")})
    assert done.returncode == USAGE, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert done.stderr.strip() and len(done.stderr) < 2000


@pytest.mark.parametrize(
    "arguments",
    [("key", "create", "--scope", "read", "--subscriber", "a\udcff"), ("dead-letters", "discard", "--yes", "--type", "a\udcff"),
     ("dead-letters", "retry", "a\udcff"), ("subscribers", "add", "a\udcff")],
)
def test_text_that_is_no_utf8_is_refused_and_not_left_out(either, arguments):
    """A key would belong to nobody, a filter would mean all."""
    done = cli(either, *arguments)
    assert done.returncode == USAGE and done.stdout == "" and "is no UTF-8: a\\xff" in done.stderr, done


def test_options_of_the_hub_may_stand_before_the_command(hub, tmp_path):
    event = hub.publish()
    plain = run("events", "list", "--json", "--data", hub.data).stdout
    assert event["id"] in plain
    assert run("--data", hub.data, "events", "list", "--json").stdout == plain
    assert run(f"--data={hub.data}", "--no-capture-success", "--node", "3", "events", "show", event["id"], "--json").returncode == OK
    assert run("--data", hub.data, "--help").stdout == run("--help").stdout
    said = {("--data", tmp_path): "no command", ("--data",): "no command", ("--data", tmp_path, "evnts"): "unknown command evnts", ("--dat", "x"): "unknown command --dat",
            ("--data", "--node", "1", "events", "list"): "its value is missing", ("--data", tmp_path, "events"): "events list"}
    for arguments, words in said.items():
        done = run(*arguments)
        assert done.returncode == USAGE and words in done.stderr and done.stdout == "", done


def test_unknown_scope_is_refused_by_name(either):
    for scopes in ("root", "read,root", "read,,publish"):
        done = cli(either, "key", "create", "--scope", scopes)
        assert done.returncode == USAGE
        assert "--scope" in done.stderr and "publish, read, manage" in done.stderr and done.stdout == ""


def test_unknown_scope_makes_no_data_folder(tmp_path):
    done = run("key", "create", "--data", tmp_path / "new", "--scope", "root")
    assert done.returncode == USAGE
    assert not (tmp_path / "new").exists()


def test_problem_is_said_once(either):
    done = cli(either, "key", "create", "--scope", "read", "--subscriber", "nobody")
    assert done.returncode == FAILED
    assert done.stderr.count("there is no such subscriber") == 1 and "/subscriber" in done.stderr
    done = cli(either, "key", "create", "--scope", "read", "--name", "n" * 101, "--expires", "2001-01-01T00:00:00Z")
    assert done.returncode == FAILED
    assert "/name" in done.stderr and "/expires_at" in done.stderr, "of several each is said"


def test_no_command_exits_with_2_and_lists_the_commands():
    done = run()
    assert done.returncode == USAGE
    assert all(c[0] in done.stderr for c in COMMANDS)


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_help_of_each_command(command):
    done = run(*command, "--help")
    assert (done.returncode, done.stderr) == (OK, "")
    assert "grapnel" in done.stdout and len(done.stdout) > 100
    assert all(word in done.stdout for word in command)


def test_help_of_serve_names_every_option_with_its_default():
    text = run("serve", "--help").stdout
    for option in ("--data", "--listen", "--egress-allow", "--limits-item", "--retry-base", "--stop-deadline", "--log-format"):
        assert option in text
    assert "127.0.0.1:8080" in text


def test_version_is_one_line():
    done = run("--version")
    assert done.returncode == OK
    assert re.fullmatch(r"grapnel \d+\.\d+\.\d+\S*\n", done.stdout)


def test_send_publishes_and_prints_the_answer(either):
    was_running = either.process is not None
    done = send(either, "order.created", '{"n": 1.10}')
    assert done.returncode == OK, done.stderr
    id = re.search(r"evt_[0-9a-z]{13}", done.stdout).group()
    assert was_running == (either.process is not None)
    assert running(either).api("GET", f"/v1/events/{id}/payload").body == b'{"n": 1.10}'


def send(hub, type, *payload, input=None):
    return cli(hub, "send", "--type", type, *payload, input=input)


def test_send_reads_a_file(hub, tmp_path, payload):
    path = tmp_path / "push.json"
    path.write_bytes(payload("github-payloads", "push.payload.json"))
    done = send(hub, "github.push", "--data-file", path)
    assert done.returncode == OK, done.stderr
    id = re.search(r"evt_[0-9a-z]{13}", done.stdout).group()
    assert hub.api("GET", f"/v1/events/{id}/payload").body == path.read_bytes().strip()


def test_send_reads_the_standard_input(hub):
    done = send(hub, "a.b", "--data-file", "-", input='{"from": "stdin"}\n')
    assert done.returncode == OK, done.stderr
    assert hub.api("GET", f"/v1/events/{done.stdout.split()[0]}/payload").body == b'{"from": "stdin"}'


@pytest.mark.parametrize("type, data", [("bad type", "{}"), ("grapnel.x", "{}")])
def test_send_of_something_bad_fails_and_says_why(hub, type, data):
    done = send(hub, type, data)
    assert done.returncode == FAILED
    assert done.stderr.strip()
    assert hub.got("/v1/events")["data"] == []


def test_check_of_a_sound_folder_succeeds(either):
    done = cli(either, "check")
    assert done.returncode == OK, (done.stdout, done.stderr)


def test_check_finds_a_damaged_database(hub):
    hub.endpoint("http://127.0.0.1:9/")
    for n in range(50):
        hub.publish(data={"text": "x" * 2000, "n": n})
    hub.terminate()
    path = os.path.join(hub.data, "grapnel.db")
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for at in range(8192 * 3, size, 8192):
            file.seek(at)
            file.write(os.urandom(512))
    done = cli(hub, "check")
    assert done.returncode == FAILED, (done.returncode, done.stdout, done.stderr)
    assert (done.stdout + done.stderr).strip()


def test_check_of_nothing_fails_and_makes_nothing(tmp_path):
    done = run("check", "--data", tmp_path / "nothing")
    assert done.returncode != OK and "nothing" in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_backup_refuses_an_existing_file(either, tmp_path):
    target = tmp_path / "copy.db"
    target.write_bytes(b"precious")
    done = cli(either, "backup", target)
    assert done.returncode in (FAILED, USAGE)
    assert "exist" in done.stderr
    assert target.read_bytes() == b"precious"


def test_backup_to_a_path_that_cannot_be_is_refused(either, tmp_path):
    done = cli(either, "backup", tmp_path / "missing" / "copy.db")
    assert done.returncode == FAILED, done
    assert "No such file" in done.stderr and "the hub writes it" in done.stderr and "/var/backups/grapnel" in done.stderr


def test_backup_without_a_running_hub(hub, tmp_path):
    event = hub.publish(uid="kept")
    hub.terminate()
    done = cli(hub, "backup", tmp_path / "copy.db")
    assert done.returncode == OK, done.stderr
    assert hub.start().got("/v1/events/kept")["id"] == event["id"]


def test_backup_while_publishing_opens_as_a_whole_hub(make_hub, sink, tmp_path):
    """What was acknowledged before the backup began is in it; the copy passes the check and delivers."""
    hub = make_hub()
    hub.endpoint(sink.url("/first"), ["*"], uid="hook")
    before = [hub.publish(data={"n": n})["id"] for n in range(100)]
    stop, acknowledged = threading.Event(), []

    def publish():
        while not stop.is_set():
            acknowledged.append(hub.publish(data={"n": "during"})["id"])

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        done = cli(hub, "backup", tmp_path / "copy.db")
    finally:
        stop.set()
        publisher.join()
    assert done.returncode == OK, done.stderr
    assert stat.S_IMODE(os.stat(tmp_path / "copy.db").st_mode) & 0o077 == 0, "a backup holds customers' data"
    sink.on("/first", Reply(200))
    copy = make_hub(start=False)
    os.mkdir(copy.data, 0o700)
    os.rename(tmp_path / "copy.db", os.path.join(copy.data, "grapnel.db"))
    with open(os.path.join(hub.data, "master.key"), "rb") as source:
        path = os.path.join(copy.data, "master.key")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as target:
            target.write(source.read())
    assert cli(copy, "check").returncode == OK
    copy._admin = hub.admin
    copy.start()
    present = {e["id"] for e in copy.pages("/v1/events", limit=500)}
    assert set(before) <= present
    assert present <= set(before) | set(acknowledged)
    assert copy.got("/v1/endpoints/hook")["url"] == sink.url("/first")
    assert copy.got("/v1/endpoints/hook/secret") == hub.got("/v1/endpoints/hook/secret"), "sealed secrets open with the master key"
    copy.wait_delivery(copy.publish(uid="in-the-copy"), "delivered")


@pytest.mark.parametrize(
    "arguments, named, accepted",
    [
        (("--delivery-timeout", "5"), "delivery.timeout", "2m"),
        (("--delivery-timeout", "3h"), "delivery.timeout", "2m"),
        (("--log-level", "loud"), "log.level", "debug"),
        (("--limits-depth", "5000"), "limits.depth", "4096"),
        (("--limits-depth", "many"), "limits.depth", "4096"),
        (("--retry-jitter", "2"), "retry.jitter", "0"),
        (("--listen", "nowhere"), "--listen", "host:port"),
        (("--listen", "127.0.0.1"), "--listen", "host:port"),
        (("--colour", "red"), "colour", ""),
    ],
)
def test_bad_option_stops_the_start_and_names_itself_and_the_range(make_hub, arguments, named, accepted):
    hub = make_hub(start=False).spawn(*arguments)
    hub.wait_exit(USAGE)
    assert named in hub.log() or named.replace(".", "-").replace("_", "-") in hub.log(), hub.log()
    assert accepted in hub.log(), hub.log()


def test_bad_option_in_the_environment_and_in_the_file_is_named(make_hub):
    hub = make_hub(start=False).spawn(env={"GRAPNEL_LIMITS_DEPTH": "0"})
    hub.wait_exit(USAGE)
    assert "GRAPNEL_LIMITS_DEPTH" in hub.log()
    os.makedirs(hub.data, exist_ok=True)
    for text, name in (("[limits]\ndepth = 0\n", "limits.depth"), ("[limits]\ndepht = 5\n", "depht")):
        with open(os.path.join(hub.data, "grapnel.conf"), "w") as file:
            file.write(text)
        hub.spawn().wait_exit(USAGE)
        assert "grapnel.conf" in hub.log() and name in hub.log()


def test_variables_that_are_no_option_stop_nothing(make_hub):
    links = {"GRAPNEL_SERVICE_HOST": "10.0.0.1", "GRAPNEL_PORT": "tcp://10.0.0.1:8080", "GRAPNEL_PORT_8080_TCP_PROTO": "tcp"}
    hub = make_hub(env={**links, "GRAPNEL_XYZZY": "1"})
    assert "GRAPNEL_XYZZY" in hub.log()
    assert not any(name in hub.log() for name in links)
    done = cli(hub, "key", "create", "--scope", "read", env=hub.env)
    assert (done.returncode, done.stderr) == (OK, "")
    done = cli(hub, "key", "create", "--scope", "read", env={"GRAPNEL_LISTN": ":80"})
    assert done.returncode == USAGE and "GRAPNEL_LISTEN" in done.stderr


def test_arguments_go_before_environment_before_file(make_hub):
    hub = make_hub(start=False)
    os.makedirs(hub.data)
    with open(os.path.join(hub.data, "grapnel.conf"), "w") as file:
        file.write("[limits]\nbatch = 1\n")
    batch = [{"type": "a.b", "data": 1}] * 2

    def taken():
        return hub.api("POST", "/v1/events", batch).status == 202

    assert not hub.start() or not taken()
    hub.restart(env={"GRAPNEL_LIMITS_BATCH": "2"})
    assert taken()
    hub.restart("--limits-batch", "1", env={"GRAPNEL_LIMITS_BATCH": "2"})
    assert not taken()


def test_master_key_may_come_from_a_file_of_ones_own(make_hub, tmp_path):
    path = tmp_path / "my.key"
    path.write_text("5a" * 32 + "\n")
    path.chmod(0o600)
    hub = make_hub("--master-key-file", path)
    made = hub.endpoint("http://127.0.0.1:9/")
    assert not os.path.exists(os.path.join(hub.data, "master.key"))
    hub.restart()
    assert hub.got(f"/v1/endpoints/{made['id']}/secret")["secret"] == made["secret"]
    path.chmod(0o644)
    hub.terminate()
    hub.spawn()
    code = hub.process.wait(30)
    hub.process = None
    assert code != 0 and "my.key" in hub.log()


def test_json_log_is_one_object_a_line(make_hub):
    hub = make_hub("--log-format", "json")
    hub.publish()
    hub.terminate()
    lines = hub.log().splitlines()
    assert lines and all(isinstance(json.loads(l), dict) for l in lines)


def test_stdout_of_serve_stays_empty(tmp_path):
    import subprocess
    import signal
    from hub import environment, free_port, eventually
    import http.client

    port = free_port()
    process = subprocess.Popen([BINARY, "serve", "--data", tmp_path / "d", "--listen", f"127.0.0.1:{port}"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment())

    def ready():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    try:
        eventually(ready)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, b"")
    assert err
