"""The watchdog's answers mean that the hub gets on: a disk that hangs ends them, and they come again when it goes on.

GRAPNEL_IOFAULT names the shim (tests/fault/iofault.so in the build folder)."""

import os
import threading

import pytest

from hub import eventually
from manager import Manager, supervised
from test_disk import SHIM, Disk, pytestmark  # noqa: F401

WATCHDOG_S = 1


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.close()


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


@pytest.fixture
def hub(make_hub, disk, manager):
    one = supervised(make_hub(start=False), manager, watchdog_s=WATCHDOG_S)
    one.env.update(LD_PRELOAD=SHIM, IOFAULT_FOLDER=os.path.realpath(one.data), IOFAULT_CONTROL=disk.control)
    one.spawn()
    manager.wait("READY")
    one.admin
    return one


def test_a_hub_whose_writer_hangs_does_not_answer_and_one_that_goes_on_does(hub, manager, disk):
    manager.wait("WATCHDOG")
    disk.breaks("stall", "sync")
    publisher = threading.Thread(target=hub.publish)
    publisher.start()
    eventually(lambda: os.path.exists(disk.control + ".stalled"), "a commit that hangs")
    # What was asked before is answered, perhaps; then there are two questions without an answer, which is as long as the watchdog waits.
    eventually(lambda: hub.log().count("from the threads: write;") >= 2, "the second complaint")
    first = hub.log().split("from the threads: write;")[0]
    assert len([m for m in manager.arrived() if "WATCHDOG" in m]) <= 1, first
    disk.mends()
    publisher.join()
    manager.wait("WATCHDOG")
    manager.wait("WATCHDOG")


def test_a_disk_that_fails_but_answers_is_no_reason_to_be_ended(hub, manager, disk):
    disk.breaks("write", "ENOSPC")
    hub.publish(status=503)
    manager.wait("STATUS", lambda text: text.startswith("not ready: "))
    for _ in range(3):
        manager.wait("WATCHDOG")
    disk.mends()
    manager.wait("STATUS", lambda text: text.startswith("ready"))
