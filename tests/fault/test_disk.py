"""A disk that fails: nothing is acknowledged that is not stored, publishers are told, and the hub recovers or ends for good.

GRAPNEL_IOFAULT names the shim (tests/fault/iofault.so in the build folder)."""

import json
import os
import threading

import pytest

from hub import BINARY, eventually, run, sanitizer

SHIM = os.path.abspath(os.environ.get("GRAPNEL_IOFAULT", os.path.join(os.path.dirname(BINARY), "tests/fault/iofault.so")))
EXIT_FSYNC = 74

pytestmark = [
    pytest.mark.skipif(sanitizer() != "", reason="sanitizers' run-time libraries must come first, a preloaded shim would come before them"),
    pytest.mark.skipif(not os.path.exists(SHIM), reason=f"{SHIM} is not built"),
]


class Disk:
    """The disk of a hub: breaks and mends."""

    def __init__(self, folder):
        self.control = os.path.join(str(folder), "iofault.control")

    def breaks(self, *words):
        with open(self.control + ".new", "w") as file:
            file.write(" ".join(words))
        os.rename(self.control + ".new", self.control)

    def mends(self):
        os.remove(self.control)


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


@pytest.fixture
def hub(make_hub, disk):
    one = make_hub(start=False)
    one.env = {"LD_PRELOAD": SHIM, "IOFAULT_FOLDER": os.path.realpath(one.data), "IOFAULT_CONTROL": disk.control}
    one.start()
    one.admin
    return one


def post(hub, data, **fields):
    return hub.api("POST", "/v1/events", {"type": "a.b", "data": data, **fields})


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_publishers_get_503_while_the_disk_is_full_and_202_when_it_has_space_again(hub, sink, disk, error):
    hub.endpoint(sink.url())
    kept = [post(hub, n, uid=f"before-{n}").json for n in range(3)]
    for event in kept:
        hub.wait_delivery(event, "delivered")
    disk.breaks("write", error)
    for n in range(3):
        answer = post(hub, n, uid=f"during-{n}")
        assert (answer.status, answer.code) == (503, "storage_unavailable"), answer
        assert answer.headers["retry-after"].isdigit()
    ready = hub.api("GET", "/readyz", key=None)
    assert ready.status == 503
    assert any(word in ready.body.decode().lower() for word in ("disk", "store", "storage", "database")), ready
    assert hub.api("GET", "/healthz", key=None).status == 200
    assert hub.api("GET", "/v1/events").status == 200, "reading goes on"
    disk.mends()
    eventually(lambda: hub.api("GET", "/readyz", key=None).status == 200, "readiness after the disk is mended")
    after = post(hub, 9, uid="during-0")
    assert after.status == 202, "what was refused was not stored, so its uid is not used up"
    hub.wait_delivery(after.json, "delivered")
    assert [e["uid"] for e in hub.pages("/v1/events", order="asc")] == ["before-0", "before-1", "before-2", "during-0"]


def test_changes_get_503_too(hub, disk):
    disk.breaks("write", "ENOSPC")
    answer = hub.api("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["*"]})
    assert (answer.status, answer.code) == (503, "storage_unavailable")
    answer = hub.api("POST", "/v1/keys", {"name": "x", "scopes": ["read"]})
    assert (answer.status, answer.code) == (503, "storage_unavailable")
    paused = run("pause", "--data", hub.data)
    assert paused.returncode == 3 and "disk is full" in paused.stderr, "the reason is said"
    checked = run("check", "--data", hub.data)
    assert checked.returncode == 1 and "the store cannot be written" in checked.stdout and "disk is full" in checked.stdout, checked
    disk.mends()
    eventually(lambda: hub.api("GET", "/readyz", key=None).status == 200)
    assert run("check", "--data", hub.data).stdout == "ok\n"
    assert hub.pages("/v1/endpoints") == []
    assert len(hub.pages("/v1/keys")) == 1


def test_outcomes_wait_for_the_disk_and_nothing_is_sent_twice(hub, sink, disk):
    """What was in flight when the disk filled up is delivered; its outcome is recorded when there is space again."""
    from sink import Reply

    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    hub.endpoint(sink.url())
    events = [post(hub, n).json for n in range(4)]
    sink.wait_for(4)
    disk.breaks("write", "ENOSPC")
    assert post(hub, "refused").status == 503
    gate.set()
    sink.wait_idle("/")
    disk.mends()
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert len(sink.received()) == 4
    hub.restart()
    hub.wait_delivery(post(hub, "after").json, "delivered")
    assert len(sink.received()) == 5


def test_nothing_acknowledged_is_missing_when_the_disk_fails_again_and_again(hub, sink, disk):
    """Publishers keep on; whatever was acknowledged between the failures arrives, whatever was refused does not."""
    hub.endpoint(sink.url())
    acknowledged, refused, stop = set(), set(), threading.Event()
    more = threading.Condition()

    def publish(name):
        number = 0
        while not stop.is_set():
            number += 1
            uid = f"{name}-{number}"
            status = post(hub, {"uid": uid}, uid=uid).status
            with more:
                (acknowledged if status == 202 else refused).add(uid)
                more.notify_all()

    def wait(of, count):
        with more:
            goal = len(of) + count
            assert more.wait_for(lambda: len(of) >= goal, 60)

    threads = [threading.Thread(target=publish, args=(f"p{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        for error in ("ENOSPC", "EIO", "ENOSPC"):
            wait(acknowledged, 20)
            disk.breaks("write", error)
            wait(refused, 6)
            disk.mends()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    eventually(lambda: hub.api("GET", "/readyz", key=None).status == 200)
    hub.restart()
    assert sink.wait_until(lambda all: acknowledged <= {json.loads(r.body)["uid"] for r in all}), "an acknowledged event is missing"
    arrived = {json.loads(r.body)["uid"] for r in sink.received()}
    assert arrived.isdisjoint(refused)
    assert {e["uid"] for e in hub.pages("/v1/events", limit=500)} == acknowledged


def test_failed_fsync_ends_the_hub_with_74_and_loses_nothing_acknowledged(hub, sink, disk):
    from sink import Reply

    gate = sink.gate()
    sink.on("/", Reply(gate=gate))
    hub.endpoint(sink.url())
    kept = [post(hub, n).json for n in range(5)]
    disk.breaks("sync", "EIO")
    try:
        answer = post(hub, "lost")
        assert answer.status != 202, "an event that may not be on the disk was acknowledged"
    except OSError:
        pass  # no answer at all is right, too
    hub.wait_exit(EXIT_FSYNC)
    assert "sync" in hub.log().lower()
    disk.mends()
    gate.set()
    hub.start()
    for event in kept:
        hub.wait_delivery(event, "delivered")
    assert run("check", "--data", hub.data).returncode == 0


def test_start_on_a_full_disk_says_so_and_works_when_there_is_space(hub, disk):
    hub.publish(uid="kept")
    hub.kill9()
    disk.breaks("write", "ENOSPC")
    hub.spawn()
    eventually(lambda: hub.process.poll() is not None or readiness(hub) == 503, "an end or 'not ready'")
    if hub.process.poll() is None:
        disk.mends()
        hub.wait_ready()
    else:
        assert hub.process.returncode != 0
        assert hub.log().strip()
        hub.process = None
        disk.mends()
        hub.start()
    assert hub.got("/v1/events/kept")["uid"] == "kept"


def readiness(hub):
    try:
        return hub.api("GET", "/readyz", key=None).status
    except OSError:
        return None
