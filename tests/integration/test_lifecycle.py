"""Start and stop: clean ends, clean refusals, nothing lost on the way."""

import contextlib
import os
import signal
import socket
import sqlite3
import stat

import pytest

from hub import eventually, run
from sink import Reply


def test_missing_data_folder_is_made_with_all_it_needs_and_closed_to_others(make_hub, tmp_path):
    hub = make_hub(start=False)
    hub.data = str(tmp_path / "new" / "data")
    assert not os.path.exists(hub.data)
    hub.start()
    assert {"grapnel.db", "master.key"} <= set(os.listdir(hub.data))
    for name in ("", "grapnel.db", "master.key"):
        assert stat.S_IMODE(os.stat(os.path.join(hub.data, name)).st_mode) & 0o077 == 0, name or "the folder"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_hub_with_0(hub, number):
    hub.process.send_signal(number)
    hub.wait_exit(0)


def test_stop_lets_what_is_in_flight_finish_and_records_it(make_hub, sink):
    hub = make_hub("--stop-deadline", "60s")
    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    hub.endpoint(sink.url())
    event = hub.publish()
    sink.wait_for(1)
    hub.process.send_signal(signal.SIGTERM)
    eventually(lambda: refuses(hub), "refusing new events")
    assert hub.process.poll() is None, "it waits for the answer"
    gate.set()
    hub.wait_exit(0)
    hub.start()
    assert hub.delivery(event)["state"] == "delivered"
    hub.wait_delivery(hub.publish(data="after"), "delivered")
    assert len([r for r in sink.received() if r.webhook_id == event["id"]]) == 1, "it is not sent again"


def refuses(hub):
    try:
        answer = hub.api("POST", "/v1/events", {"type": "a.b", "data": 1})
        return answer.status == 503
    except OSError:
        return True


def test_requests_that_are_still_arriving_at_the_stop_do_no_harm(make_hub, sink):
    """Their heads were accepted, the rest of their bodies comes while the hub waits for an attempt in flight."""
    hub = make_hub("--stop-deadline", "60s")
    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    hub.endpoint(sink.url())
    hub.publish()
    sink.wait_for(1)
    body = b'{"type":"a.b","data":1}'
    head = hub.head("POST", "/v1/events", f"Content-Length: {len(body)}")
    clients = [socket.create_connection(("127.0.0.1", hub.port), timeout=60) for _ in range(20)]
    for client in clients:
        client.sendall(head + body[:5])
    hub.process.send_signal(signal.SIGTERM)
    eventually(lambda: refuses(hub), "refusing new events")
    answers = []
    for client in clients:
        with client:
            try:
                client.sendall(body[5:])
                answers.append(client.recv(65536))
            except OSError:
                pass  # closed is an answer, too
    assert hub.process.poll() is None, hub.log()[-3000:]
    assert all(a == b"" or a.split(b" ")[1] in (b"202", b"503") for a in answers), answers
    gate.set()
    hub.wait_exit(0)
    hub.start()
    stored = len(hub.pages("/v1/events", limit=500))
    assert stored >= 1 + sum(a.startswith(b"HTTP/1.1 202") for a in answers), "an acknowledged event is missing"


def test_stop_gives_up_on_what_never_answers_at_its_deadline(make_hub, sink):
    hub = make_hub("--stop-deadline", "300ms")
    sink.on("/", Reply(then="never"), 200)
    hub.endpoint(sink.url())
    event = hub.publish()
    sink.wait_for(1)
    hub.terminate()
    hub.start()
    hub.wait_delivery(event, "delivered")


def test_restart_goes_on_where_it_stopped(hub, sink):
    gate = sink.gate()
    sink.on("/", Reply(500), Reply(500, gate=gate), 200)
    hub.endpoint(sink.url(), retry={"schedule_ms": [1] * 10}, max_in_flight=1)
    events = [hub.publish(data=n) for n in range(5)]
    sink.wait_for(2)
    gate.set()
    hub.restart()
    for event in events:
        hub.wait_delivery(event, "delivered")


def test_attempt_numbers_go_on_after_a_restart(hub, sink):
    sink.on("/", 500, 200)
    hub.endpoint(sink.url(), retry={"schedule_ms": [1000, 1000]})
    event = hub.publish()
    hub.wait_delivery(event, "pending", where=lambda d: d["attempt_count"] == 1)
    hub.restart()
    assert hub.wait_delivery(event, "delivered")["attempt_count"] == 2
    assert [r.attempt for r in sink.received()] == [1, 2]


def test_second_hub_on_the_same_data_refuses_and_the_first_goes_on(hub, make_hub):
    other = make_hub(start=False)
    other.data = hub.data
    other.spawn()
    code = other.process.wait(60)
    other.process = None
    assert code != 0
    assert hub.data in other.log() or str(hub.process.pid) in other.log(), other.log()
    assert hub.publish()["id"]


def test_port_that_is_taken_is_named(hub, make_hub):
    other = make_hub(start=False)
    other.port = hub.port
    other.spawn()
    code = other.process.wait(60)
    other.process = None
    assert code != 0
    assert str(hub.port) in other.log(), other.log()


def test_lock_of_a_killed_hub_does_not_stay(hub):
    hub.kill9()
    hub.start()
    assert hub.publish()["id"]


def test_database_of_a_newer_schema_is_refused_and_left_alone(hub):
    hub.publish(uid="kept")
    hub.terminate()
    path = os.path.join(hub.data, "grapnel.db")
    newer = bump_schema(path)
    hub.spawn()
    code = hub.process.wait(60)
    hub.process = None
    assert code != 0
    assert "schema" in hub.log().lower() and "newer" in hub.log().lower(), hub.log()
    assert schema_version(path) == newer
    assert run("key", "create", "--data", hub.data, "--scope", "read").returncode != 0


def schema_version(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()[0])


def bump_schema(path):
    """Makes the database look as if a later release had migrated it."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = value + 1 WHERE name = 'schema_version'")
    return schema_version(path)


def test_file_that_is_no_database_is_refused_and_left_alone(make_hub):
    hub = make_hub(start=False)
    os.mkdir(hub.data, 0o700)
    path = os.path.join(hub.data, "grapnel.db")
    with open(path, "wb") as file:
        file.write(b"not a database at all" * 1000)
    hub.spawn()
    code = hub.process.wait(60)
    hub.process = None
    assert code != 0
    assert "grapnel.db" in hub.log()
    with open(path, "rb") as file:
        assert file.read() == b"not a database at all" * 1000


def test_lost_master_key_is_an_error_and_no_new_one_is_made(hub):
    hub.endpoint("http://127.0.0.1:9/")
    hub.terminate()
    os.rename(os.path.join(hub.data, "master.key"), os.path.join(hub.data, "lost"))
    hub.spawn()
    eventually(hub._ready_or_dead, "an end")
    assert hub.process.poll() is not None, "the hub started without the key that its secrets are sealed with"
    code, hub.process = hub.process.returncode, None
    assert code != 0
    assert "master.key" in hub.log()


def test_data_folder_that_is_a_file_is_named(make_hub):
    hub = make_hub(start=False)
    with open(hub.data, "w"):
        pass
    hub.spawn()
    code = hub.process.wait(60)
    hub.process = None
    assert code != 0 and hub.data in hub.log()


def test_long_data_path_works_for_the_admin_socket(make_hub, tmp_path):
    """A Unix socket's path has 107 bytes; a data folder may be deeper."""
    hub = make_hub(start=False)
    hub.data = str(tmp_path / ("d" * 100) / ("e" * 100))
    os.makedirs(os.path.dirname(hub.data))
    hub.start()
    assert hub.publish()["id"]
