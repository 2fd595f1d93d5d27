"""grapnel restore: a backup becomes a hub again."""

import os
import shutil
import stat

import pytest

from hub import run

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3


@pytest.fixture
def backup(hub, sink, tmp_path):
    """A hub's backup and key in a folder, and the hub that it was made of."""
    hub.endpoint(sink.url("/hook"), ["*"], uid="hook")
    hub.wait_delivery(hub.publish(uid="before"), "delivered")
    folder = tmp_path / "kept"
    folder.mkdir()
    done = run("backup", folder / "grapnel.db", "--data", hub.data)
    assert done.returncode == OK, done.stderr
    shutil.copy(os.path.join(hub.data, "master.key"), folder / "master.key")
    return folder


def restore(backup, data, *options):
    return run("restore", backup / "grapnel.db", "--master-key", backup / "master.key", "--data", data, *options)


def test_a_restored_folder_is_the_hub_of_the_backup(hub, backup, make_hub, sink):
    hub.publish(uid="after")
    copy = make_hub(start=False)
    done = restore(backup, copy.data)
    assert (done.returncode, done.stderr) == (OK, ""), done.stderr
    assert sorted(os.listdir(copy.data)) == ["grapnel.db", "grapnel.lock", "master.key"]
    for name in ("grapnel.db", "master.key"):
        assert stat.S_IMODE(os.stat(os.path.join(copy.data, name)).st_mode) == 0o600
    copy._admin = hub.admin
    copy.start()
    assert [e["uid"] for e in copy.pages("/v1/events")] == ["before"]
    assert copy.got("/v1/endpoints/hook/secret") == hub.got("/v1/endpoints/hook/secret")
    assert copy.api("POST", "/v1/hub/resume").status == 200  # test_pause.py
    copy.wait_delivery(copy.publish(uid="new"), "delivered")
    assert run("check", "--data", copy.data).stdout == "ok\n"


def test_a_folder_that_holds_a_hub_is_left_as_it_is(hub, backup, tmp_path):
    running = restore(backup, hub.data)
    assert running.returncode == UNAVAILABLE and "a hub runs" in running.stderr
    hub.terminate()
    before = sorted(os.listdir(hub.data))
    done = restore(backup, hub.data)
    assert done.returncode == FAILED and "not empty" in done.stderr
    assert sorted(os.listdir(hub.data)) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photo.jpg").write_text("dear")
    assert restore(backup, tmp_path / "other").returncode == FAILED
    assert sorted(os.listdir(tmp_path / "other")) == ["grapnel.lock", "photo.jpg"]


def test_the_wrong_master_key_restores_nothing(backup, tmp_path):
    (backup / "master.key").write_text("5a" * 32 + "\n")
    done = restore(backup, tmp_path / "new")
    assert done.returncode == FAILED and "master key" in done.stderr
    assert not os.path.exists(tmp_path / "new")
    missing = run("restore", backup / "grapnel.db", "--data", tmp_path / "new")
    assert missing.returncode == USAGE and "--master-key" in missing.stderr


def test_a_damaged_backup_restores_nothing(hub, backup, tmp_path):
    path = backup / "grapnel.db"
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for at in range(8192 * 2, size, 8192):
            file.seek(at)
            file.write(os.urandom(1024))
    done = restore(backup, tmp_path / "new")
    assert done.returncode == FAILED, (done.stdout, done.stderr)
    assert not os.path.exists(tmp_path / "new")
    path.write_text("no database at all")
    done = restore(backup, tmp_path / "new")
    assert done.returncode == FAILED, (done.stdout, done.stderr)
    assert not os.path.exists(tmp_path / "new")


def test_a_live_database_is_no_backup(hub, backup, tmp_path):
    hub.publish()
    done = run("restore", os.path.join(hub.data, "grapnel.db"), "--master-key", backup / "master.key", "--data", tmp_path / "new")
    assert done.returncode == FAILED and "grapnel backup" in done.stderr
