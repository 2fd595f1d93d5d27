"""The hub as a service: what it tells the service manager, the watchdog, ports that are passed, credentials, the group of the admin socket.

The manager here is a fake one that speaks the protocols of systemd (manager.py): the same on every machine, with systemd or without."""

import contextlib
import grp
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time

import pytest

from hub import BINARY, environment, eventually, free_port, run, sanitizer
from manager import Manager, listener, supervised
from sink import BOUND

MIGRATIONS = pathlib.Path(__file__).parents[2] / "sql/migrations/sqlite"
HEX = "0123456789abcdef" * 4


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.close()


def answers(port):
    """Whether the hub answers on this port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def fails(hub, code, *parts):
    """The hub does not start, with this exit code; its log says all of these."""
    hub.spawn()
    hub.wait_exit(code)
    for part in parts:
        assert part in hub.log(), hub.log()


# ---- What it tells


def test_ready_is_told_when_the_hub_answers_and_not_before(make_hub, manager):
    hub = supervised(make_hub(start=False), manager).spawn()
    ready = manager.wait("READY")
    assert answers(hub.port) and os.path.exists(os.path.join(hub.data, "grapnel.sock"))
    assert ready == {"READY": "1", "STATUS": "ready"}
    assert [m for m in manager.messages[:-1] if "READY" in m] == []


def older_database(folder, key):
    """A database as a hub two migrations ago made it, and its master key; the numbers of those that are missing."""
    scripts = sorted(MIGRATIONS.glob("*.sql"))
    os.makedirs(folder)
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "grapnel.db"))) as db:
        for script in scripts[:-2]:
            db.executescript(script.read_text())
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema_version'", (int(scripts[-3].name[:4]),))
        db.commit()
    with open(os.path.join(folder, "master.key"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(key)
    return [int(script.name[:4]) for script in scripts[-2:]]


def test_migrations_ask_for_time_and_say_what_goes_on(make_hub, manager):
    hub = supervised(make_hub(start=False), manager)
    missing = older_database(hub.data, HEX)
    hub.spawn()
    manager.wait("READY")
    work = manager.messages[:-1]
    assert [m["STATUS"] for m in work] == [f"starting: the database is migrated to schema {number}" for number in missing]
    assert all(int(m["EXTEND_TIMEOUT_USEC"]) >= 60000000 for m in work)


def test_a_start_without_migrations_asks_for_no_time(make_hub, manager):
    hub = supervised(make_hub(start=False), manager)
    for _ in ("a new database", "one that is up to date"):
        hub.spawn()
        manager.wait("READY")
        assert [m for m in manager.messages if "EXTEND_TIMEOUT_USEC" in m and "STOPPING" not in m] == []
        hub.terminate()


def test_a_start_that_fails_never_says_ready(make_hub, manager):
    hub = supervised(make_hub("--listen-public", "nowhere", start=False), manager)
    fails(hub, 2, "listen.public")
    assert [m for m in manager.arrived() if "READY" in m] == []


def test_a_start_that_fails_tells_the_manager_why(make_hub, manager, tmp_path):
    hub = supervised(make_hub("--listen-public", "nowhere", start=False), manager)
    fails(hub, 2, "the hub does not start")
    assert "nowhere" in manager.wait("STATUS", lambda text: text.startswith("does not start: "))["STATUS"]
    # What only shows later.
    hub.options = []
    with listener(("127.0.0.1", hub.port)):
        fails(hub, 1, "Address already in use")
    assert "Address already in use" in manager.wait("STATUS", lambda text: text.startswith("does not start: "))["STATUS"]


def test_all_mistakes_in_the_options_are_errors_in_the_log(make_hub, manager, tmp_path):
    file = tmp_path / "wrong.conf"
    file.write_text("nonsense = 1\n[http]\nshards = many\n[dns]\nservers = what is this\n[log]\nformat = json\n")
    hub = supervised(make_hub("--config", file, start=False), manager)
    hub.spawn()
    hub.wait_exit(2)
    lines = [json.loads(line) for line in hub.log().splitlines()]
    assert [line["level"] for line in lines] == ["error"] * 3, lines
    for line, part in zip(lines, ["wrong.conf:1", "http.shards", "dns.servers"]):
        assert part in line["message"] and line["message"].startswith("the hub does not start: ")
    status = manager.wait("STATUS")["STATUS"]
    assert status.startswith("does not start: 3 mistakes in the options, the first: ") and "wrong.conf:1" in status


def test_the_status_tells_how_much_waits(make_hub, manager, sink):
    hub = supervised(make_hub(start=False), manager).spawn()
    manager.wait("STATUS", lambda text: text == "ready; no delivery is pending")
    # Nothing is sent to an endpoint that rests.
    endpoint = hub.endpoint(sink.url())
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause").status == 200
    hub.publish()
    hub.publish()
    hub.terminate()
    hub.spawn()
    status = manager.wait("STATUS", lambda text: "pending, the oldest" in text)["STATUS"]
    assert status.startswith("ready; 2 deliveries are pending, the oldest for ")


def test_the_status_tells_that_the_hub_is_paused(make_hub, manager):
    hub = supervised(make_hub(start=False), manager).spawn()
    manager.wait("READY")
    assert run("pause", "--data", hub.data).returncode == 0
    paused = manager.wait("STATUS", lambda text: text.startswith("paused since "))["STATUS"]
    assert "nothing is sent until: grapnel resume" in paused
    # How much waits is looked at anew, not at the next round half a minute later.
    hub.endpoint("https://receiver.example/hook")
    hub.publish()
    assert run("resume", "--data", hub.data).returncode == 0
    manager.wait("STATUS", lambda text: text.startswith("ready; 1 delivery is pending"))


def test_a_reload_is_told_with_its_begin_and_its_end(make_hub, manager):
    hub = supervised(make_hub(start=False), manager).spawn()
    manager.wait("READY")
    before = time.monotonic_ns() // 1000
    hub.process.send_signal(signal.SIGHUP)
    begin = manager.wait("RELOADING")
    assert begin["RELOADING"] == "1" and begin["STATUS"] == "reloading"
    assert before <= int(begin["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    end = manager.wait("READY")
    assert end["STATUS"].startswith("ready")


def test_a_stop_is_told_and_asks_for_the_time_that_it_may_take(make_hub, manager):
    hub = supervised(make_hub("--stop-deadline", "7m", start=False), manager).spawn()
    manager.wait("READY")
    hub.terminate()
    stop = [m for m in manager.arrived() if "STOPPING" in m]
    assert len(stop) == 1 and stop[0]["STOPPING"] == "1" and stop[0]["STATUS"].startswith("stopping")
    assert int(stop[0]["EXTEND_TIMEOUT_USEC"]) > 7 * 60 * 1000000


def test_an_abstract_notify_socket_is_understood(make_hub):
    name = f"grapnel-test-{os.getpid()}-{free_port()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind("\0" + name)
        notify.settimeout(BOUND)
        hub = make_hub(start=False)
        hub.env = {"NOTIFY_SOCKET": "@" + name}
        hub.spawn()
        while b"READY=1" not in notify.recv(4096):
            pass
        hub.terminate()


def test_a_notify_socket_of_another_kind_is_refused(make_hub):
    hub = make_hub(start=False)
    hub.env = {"NOTIFY_SOCKET": "vsock:2:1234"}
    fails(hub, 2, "NOTIFY_SOCKET", "vsock:2:1234")


def test_a_manager_that_is_gone_disturbs_nothing(make_hub, manager):
    hub = supervised(make_hub(start=False), manager)
    os.remove(manager.path)
    hub.start()
    eventually(lambda: "the service manager cannot be told" in hub.log(), "a line in the log")


def test_commands_tell_nothing(make_hub, manager, tmp_path):
    made = run("key", "create", "--scope", "read", "--data", tmp_path / "new", env={"NOTIFY_SOCKET": manager.path})
    assert made.returncode == 0, made.stderr
    assert manager.arrived() == []


# ---- The watchdog


def test_a_healthy_hub_answers_the_watchdog_again_and_again(make_hub, manager):
    supervised(make_hub("--delivery-workers", "3", "--http-shards", "2", start=False), manager, watchdog_s=0.4).spawn()
    for _ in range(5):
        assert manager.wait("WATCHDOG")["WATCHDOG"] == "1"


def test_without_a_watchdog_nothing_is_answered(make_hub, manager):
    hub = supervised(make_hub(start=False), manager).spawn()
    manager.wait("STATUS", lambda text: "pending" in text)
    hub.terminate()
    manager.arrived()
    assert [m for m in manager.messages if "WATCHDOG" in m] == []


def test_a_watchdog_that_is_another_process_is_left_to_it(make_hub, manager):
    hub = supervised(make_hub(start=False), manager)
    hub.env.update(WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    hub.spawn()
    manager.wait("STATUS", lambda text: "pending" in text)
    hub.terminate()
    manager.arrived()
    assert [m for m in manager.messages if "WATCHDOG" in m] == []


def wakes(hub):
    """How often the hub's threads have gone to sleep by themselves until now."""
    count = 0
    for task in os.listdir(f"/proc/{hub.process.pid}/task"):
        with open(f"/proc/{hub.process.pid}/task/{task}/status") as file:
            count += int(next(line for line in file if line.startswith("voluntary_ctxt_switches")).split()[1])
    return count


@pytest.mark.skipif(sanitizer() != "", reason="a sanitizer's own threads wake")
def test_an_idle_hub_without_a_manager_is_never_woken(hub):
    def quiet():
        before = wakes(hub)
        time.sleep(1)  # the time is what is measured: nothing may happen in it
        return wakes(hub) == before

    # What the start leaves behind (the first sweeps, the connections of /readyz) comes to rest first.
    eventually(quiet, "a second in which no thread woke")
    assert quiet()


# ---- Ports that are passed


def test_a_port_that_is_passed_stands_in_place_of_listen(make_hub, sink):
    with listener() as passed:
        hub = supervised(make_hub(start=False), sockets=[("listen", passed)])
        unused, hub.port = hub.port, passed.getsockname()[1]
        hub.options = ["--listen", f"127.0.0.1:{unused}"]
        hub.start()
        assert not answers(unused)
        hub.endpoint(sink.url())
        hub.wait_delivery(hub.publish(), "delivered")


def test_nobody_is_refused_while_the_hub_restarts(make_hub):
    with listener() as passed:
        hub = supervised(make_hub(start=False), sockets=[("listen", passed)])
        hub.port = passed.getsockname()[1]
        hub.start()
        hub.terminate()
        with socket.create_connection(("127.0.0.1", hub.port), timeout=BOUND) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            hub.start()
            assert waiting.recv(4096).startswith(b"HTTP/1.1 200")


def test_names_say_what_is_served_where(make_hub):
    with listener() as api, listener() as public:
        hub = supervised(make_hub(start=False), sockets=[("listen.public", public), ("listen.api", api)])
        hub.port = api.getsockname()[1]
        hub.start()
        assert hub.api("GET", "/v1/endpoints").status == 200
        assert hub.connect(port=public.getsockname()[1])
        hub.port = public.getsockname()[1]
        assert hub.api("GET", "/v1/endpoints", key="gk_x").status == 404
        hub.port = api.getsockname()[1]


def test_several_ports_of_one_name_serve_the_same(make_hub):
    with listener() as one, listener(("::1", 0), socket.AF_INET6) as other:
        hub = supervised(make_hub("--http-shards", "2", start=False), sockets=[("listen", one), ("listen", other)])
        hub.port = one.getsockname()[1]
        hub.start()
        for _ in range(8):
            with socket.create_connection(("::1", other.getsockname()[1]), timeout=BOUND) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            assert answers(hub.port)


def test_a_name_that_says_nothing_is_refused(make_hub):
    with listener() as passed:
        hub = supervised(make_hub(start=False), sockets=[("grapnel.socket", passed)])
        fails(hub, 2, '"grapnel.socket"', str(passed.getsockname()[1]), "FileDescriptorName=listen")


def test_listen_and_listen_api_exclude_each_other(make_hub):
    with listener() as passed:
        hub = supervised(make_hub("--listen-api", f"127.0.0.1:{free_port()}", start=False), sockets=[("listen", passed)])
        fails(hub, 2, "FileDescriptorName=listen.api")


@pytest.mark.parametrize("make, says", [
    (lambda folder: open(os.devnull), "is no socket"),
    (lambda folder: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "is no TCP socket"),
    (lambda folder: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), "is no TCP socket"),
    (lambda folder: socket.socket(socket.AF_INET, socket.SOCK_STREAM), "does not listen"),
])
def test_what_is_no_listening_socket_is_refused(make_hub, tmp_path, make, says):
    with make(tmp_path) as wrong:
        hub = supervised(make_hub(start=False), sockets=[("listen", wrong)])
        fails(hub, 2, "descriptor 3", '"listen"', says)


def test_sockets_that_were_passed_to_another_process_are_not_taken(make_hub):
    with listener() as passed:
        hub = supervised(make_hub(start=False), sockets=[("nonsense", passed)])
        hub.WRAP = ["/usr/bin/env", "LISTEN_PID=1"]
        hub.start()


# ---- Credentials


def credentials(folder, text=HEX + "\n", mode=0o400):
    folder = folder / "credentials"
    folder.mkdir()
    (folder / "master.key").write_text(text)
    (folder / "master.key").chmod(mode)
    return folder


def test_the_master_key_comes_as_a_credential(make_hub, tmp_path, sink):
    given = credentials(tmp_path)
    hub = supervised(make_hub(start=False), credentials=given).start()
    hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "delivered")
    assert not os.path.exists(os.path.join(hub.data, "master.key"))
    # It is that key that the secrets are sealed with.
    hub.terminate()
    (given / "master.key").chmod(0o600)
    (given / "master.key").write_text(HEX[::-1])
    fails(hub, 2, "the master key is not the one")


def test_an_access_list_shows_as_the_groups_right_and_is_none_of_its_own(make_hub, tmp_path):
    supervised(make_hub(start=False), credentials=credentials(tmp_path, mode=0o440)).start()


def test_a_credential_that_others_can_read_is_refused(make_hub, tmp_path):
    fails(supervised(make_hub(start=False), credentials=credentials(tmp_path, mode=0o444)), 2, "master.key", "0444")


def test_the_option_goes_before_the_credential(make_hub, tmp_path):
    other = tmp_path / "other.key"
    other.write_text(HEX)
    other.chmod(0o600)
    given = credentials(tmp_path, text="this is no key")
    supervised(make_hub("--master-key-file", other, start=False), credentials=given).start()


def test_credentials_without_a_master_key_change_nothing(make_hub, tmp_path):
    (tmp_path / "empty").mkdir()
    hub = supervised(make_hub(start=False), credentials=tmp_path / "empty").start()
    assert os.path.exists(os.path.join(hub.data, "master.key"))


def test_two_master_keys_that_differ_are_refused(make_hub, tmp_path):
    hub = make_hub()
    hub.terminate()
    fails(supervised(hub, credentials=credentials(tmp_path)), 2, "two master keys", "LoadCredential", hub.data)
    # The same one twice is one.
    with open(os.path.join(hub.data, "master.key")) as file:
        (tmp_path / "credentials/master.key").chmod(0o600)
        (tmp_path / "credentials/master.key").write_text(file.read())
    hub.start()


# ---- The admin socket, and the folder


def mode_of(hub, name="grapnel.sock"):
    return stat.S_IMODE(os.stat(os.path.join(hub.data, name)).st_mode)


def test_the_admin_socket_is_the_hubs_users_alone(hub):
    assert mode_of(hub) == 0o600


def a_group():
    """One of this process's, by its name where it has one."""
    gid = os.getgid()
    try:
        return grp.getgrgid(gid).gr_name, gid
    except KeyError:
        return str(gid), gid


def test_the_admin_socket_is_for_the_members_of_a_group(make_hub):
    name, gid = a_group()
    hub = make_hub(start=False)
    os.makedirs(hub.data, 0o710)
    hub.options = ["--socket-group", name]
    hub.start()
    assert mode_of(hub) == 0o660
    assert os.stat(os.path.join(hub.data, "grapnel.sock")).st_gid == gid
    assert "do not reach the admin socket" not in hub.log()


def test_a_folder_that_keeps_the_group_out_is_named(make_hub):
    hub = make_hub("--socket-group", a_group()[1])
    assert "do not reach the admin socket" in hub.log() and "chmod 0710" in hub.log()


def test_an_unknown_group_is_refused(make_hub):
    fails(make_hub("--socket-group", "nobody-is-called-so", start=False), 2, "socket.group", "nobody-is-called-so")


NOBODY = 65534


def as_user(uid, gid, *words, env=None):
    return subprocess.run([BINARY, *map(str, words)], env=environment(env), user=uid, group=gid, extra_groups=[], capture_output=True, text=True, timeout=BOUND)


@pytest.fixture
def reachable():
    """A folder that other users can get at, down to the hub's."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    if as_user(NOBODY, NOBODY, "version").returncode != 0:
        pytest.skip("other users cannot get at the program")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        yield pathlib.Path(folder)


def test_members_of_the_group_are_administrators_and_the_audit_knows_their_uid(make_hub, reachable):
    hub = make_hub("--socket-group", NOBODY, start=False)
    hub.data = str(reachable / "data")
    os.makedirs(hub.data)
    os.chmod(hub.data, 0o710)
    os.chown(hub.data, -1, NOBODY)
    hub.start()
    made = as_user(NOBODY, NOBODY, "key", "create", "--data", hub.data, "--scope", "read", "--name", "by a member")
    assert made.returncode == 0, made.stderr
    row = next(row for row in hub.pages("/v1/audit", action="key.create") if row["after"]["name"] == "by a member")
    assert row["actor"] == {"kind": "local", "id": None, "name": f"uid {NOBODY}"}
    outsider = as_user(NOBODY, NOBODY - 1, "key", "create", "--data", hub.data, "--scope", "read")
    assert outsider.returncode != 0 and "Permission denied" in outsider.stderr


def test_a_member_of_the_group_is_told_that_the_hub_does_not_run(make_hub, reachable):
    hub = make_hub("--socket-group", NOBODY, start=False)
    hub.data = str(reachable / "data")
    os.makedirs(hub.data)
    os.chmod(hub.data, 0o710)
    os.chown(hub.data, -1, NOBODY)
    hub.start()
    hub.terminate()
    done = as_user(NOBODY - 1, NOBODY, "endpoints", "list", "--data", hub.data)
    assert done.returncode == 1, done
    assert f"no hub runs on the data folder {hub.data}" in done.stderr and "start the hub" in done.stderr and "root" in done.stderr


def test_a_port_that_only_root_may_bind_says_what_helps(make_hub):
    # Root without this one right.
    hub = make_hub(start=False)
    hub.WRAP = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        if int(file.read()) <= 1 or shutil.which("setpriv") is None or os.geteuid() != 0:
            pytest.skip("nobody is kept from a low port here, or the right cannot be given away")
    hub.port = 1
    fails(hub, 1, "Permission denied", "grapnel.socket", "CAP_NET_BIND_SERVICE", "systemctl cat grapnel")


def test_what_a_command_of_root_makes_is_the_owners(reachable):
    data = reachable / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    os.chmod(data, 0o710)
    made = run("key", "create", "--data", data, "--scope", "read")
    assert made.returncode == 0, made.stderr
    assert {"grapnel.db", "grapnel.lock", "master.key"} <= set(os.listdir(data))
    assert {(os.stat(data / name).st_uid, os.stat(data / name).st_gid) for name in os.listdir(data)} == {(NOBODY, NOBODY)}


def test_a_folder_that_the_group_may_pass_through_is_left_as_it_is(make_hub):
    hub = make_hub(start=False)
    os.makedirs(hub.data)
    os.chmod(hub.data, 0o710)
    hub.start()
    assert stat.S_IMODE(os.stat(hub.data).st_mode) == 0o710
