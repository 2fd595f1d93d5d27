"""The rpm package through its life, in clean machines: put into a root that does not run, as images are made; installed, upgraded, erased and installed
again while systemd runs. The machines are Debian's, whose libraries have the same names: rpm is told to leave dependencies alone."""

import glob
import json
import os
import re
import subprocess

import pytest

from next_version import patch
from packaged import DATA, EGRESS, KEY, OPTIONS, SERVICE, Packaged
from root import HERE, Machine, run
from test_reproducible import digests, environment

PACKAGING = os.path.join(HERE, "..", "..", "packaging")
# What the program is linked with, and what the package requires.
LIBRARIES = ["ca-certificates", "libargon2-1", "libc-ares2", "libcurl4", "libgnutls30", "libinih1", "libjansson4", "libmicrohttpd12", "libsqlite3-0", "libssl3"]
ADDED = "# a line of the next version"


def build(tarball, folder, out, umask=0o077, **variables):
    built = subprocess.run(["sh", os.path.join(PACKAGING, "build-rpm"), tarball, folder, out], umask=umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           env={**environment(GRAPNEL_RPMLINT="no", RPMBUILD_OPTIONS="--nocheck"), **variables})
    assert built.returncode == 0, built.stdout[-6000:]


def only(pattern):
    """The program's own package in a folder."""
    found = [name for name in glob.glob(pattern) if re.search(r"/grapnel-\d[^/]*$", name) and not name.endswith(".src.rpm")]
    assert len(found) == 1, f"{pattern}: {found}"
    return os.path.abspath(found[0])


@pytest.fixture(scope="session")
def package(packages):
    return only(os.path.join(packages, "*.rpm"))


@pytest.fixture(scope="session")
def next_package(tarball, tmp_path_factory):
    """The release after this one: its database has one migration more, its grapnel.conf one line."""
    folder = tmp_path_factory.mktemp("next_rpm")
    run(["cp", "-R", os.path.join(PACKAGING, "rpm"), str(folder / "rpm")])
    run(["chmod", "-R", "u+w", str(folder / "rpm")])
    spec = (folder / "rpm" / "grapnel.spec").read_text()
    (folder / "next.patch").write_text(patch(tarball))
    changes = [
        ("Release:        1", "Release:        2"),
        ("%autosetup\n", f"%autosetup\npatch -p1 <{folder}/next.patch\n"),
        ("%build\n", "%build\nautoreconf -fi\n"),
        ("%make_install\n", f"%make_install\necho '{ADDED}' >>%{{buildroot}}{OPTIONS}\n"),
        ("0.1.0-1\n", "0.1.0-2\n"),
    ]
    for old, new in changes:
        assert spec.count(old) == 1, old
        spec = spec.replace(old, new)
    (folder / "rpm" / "grapnel.spec").write_text(spec)
    build(tarball, str(folder / "rpm"), str(folder / "packages"))
    return only(str(folder / "packages" / "*.rpm"))


@pytest.fixture
def machine(roots, request):
    """A clean machine that runs, with rpm and the libraries."""
    made = Machine(roots.root(request.node.name, ["rpm", *LIBRARIES], install=True))
    yield made
    made.stop()
    made.root.remove()


def rpm(machine, *words):
    """rpm in the machine; the last word may be a package here. What it printed."""
    *options, last = words
    if not last.endswith(".rpm"):
        return machine.run("rpm", *words)
    there = machine.root.add(last)
    try:
        return machine.run("rpm", *options, there)
    finally:
        os.remove(machine.root.at(there))


@pytest.fixture
def hub(machine, package):
    """The hub as it is when its operator has begun with it."""
    rpm(machine, "--install", "--nodeps", package)
    hub = Packaged(machine)
    machine.run("systemctl", "enable", "--now", SERVICE)
    hub.open_loopback()
    return hub


@pytest.fixture
def sink(hub):
    one = hub.sink()
    yield one
    one.close()


def kept(tables):
    """What may not change by itself: numbers of rows."""
    return {name: tables[name] for name in ("events", "deliveries", "endpoints", "keys")}


def service(machine):
    return machine.properties(SERVICE, "ActiveState", "UnitFileState")


def into(root, package):
    """rpm from outside, with the devices that whoever makes images gives; what it printed, less what Debian's rpm says of itself, and systemd-sysusers."""
    script = 'mount --bind /dev "$1/dev" && exec rpm --root "$1" --dbpath /var/lib/rpm --install --nodeps "$2"'
    said = run(["unshare", "--mount", "sh", "-c", script, "sh", root.path, package])
    return [line for line in said.splitlines() if not line.startswith(("rpm: ", "Creating "))]


def test_without_a_source_of_chance_no_key_is_made(roots, package, request):
    root = roots.root(request.node.name, LIBRARIES, install=True)
    said = run(["rpm", "--root", root.path, "--dbpath", "/var/lib/rpm", "--install", "--nodeps", package])
    assert f"{KEY} could not be made" in said
    assert not root.exists(KEY) and not root.exists(f"{KEY}.new")
    root.remove()


def test_put_into_a_root_it_waits_for_its_operator_and_then_delivers(roots, package, request):
    root = roots.root(request.node.name, LIBRARIES, install=True)
    assert into(root, package) == []
    assert re.search(r"^grapnel:[^:]*:\d+:\d+:[^:]*:/var/lib/grapnel:/usr/sbin/nologin$", root.read("/etc/passwd"), re.M)
    assert root.mode(OPTIONS) == "0640 root:grapnel"
    assert root.mode(KEY) == "0400 root:root" and re.fullmatch(r"[0-9a-f]{64}\n", root.read(KEY))
    assert root.mode(DATA) == "0710 grapnel:grapnel"
    assert [line for line in root.read(OPTIONS).splitlines() if line and not line.startswith(("#", "["))] == []  # every option is its default
    assert run(["rpm", "--root", root.path, "--dbpath", "/var/lib/rpm", "--verify", "--nodeps", "grapnel"]).replace("rpm: ", "").count("/") == 0  # no file differs

    machine = Machine(root)
    try:
        hub = Packaged(machine)
        assert service(machine) == {"ActiveState": "inactive", "UnitFileState": "disabled"} and hub.starts() == 0
        assert machine.properties("grapnel.socket", "ActiveState", "UnitFileState") == {"ActiveState": "inactive", "UnitFileState": "disabled"}
        machine.run("systemctl", "enable", "--now", SERVICE)
        state = hub.state()
        assert (state["ActiveState"], state["SubState"], state["UnitFileState"], state["User"], state["Type"]) == ("active", "running", "enabled", "grapnel", "notify")
        assert root.mode(f"{DATA}/grapnel.sock") == "0660 grapnel:grapnel" and not root.exists(f"{DATA}/master.key")
        assert hub.page().status == 200
        hub.open_loopback()
        sink = hub.sink()
        try:
            root.write("/root/password", "a long enough password\n")
            hub.command("admin", "create", "ada", "--password-file", "/root/password")
            endpoint = hub.command("endpoints", "add", sink.url("/hook"), "--types", "order.*")
            hub.command("send", "--type", "order.created", '{"order": 1001}')
            (received,) = sink.wait_for(1, "/hook")
        finally:
            sink.close()
        assert json.loads(received.body) == {"order": 1001}
        assert received.signed_with(re.search(r"whsec_\S+", endpoint).group())
    finally:
        machine.stop()
        root.remove()


def test_a_preset_of_the_administrators_decides(machine, package):
    machine.root.write("/etc/systemd/system-preset/10-ours.preset", "enable grapnel.service\n")
    rpm(machine, "--install", "--nodeps", package)
    assert service(machine) == {"ActiveState": "inactive", "UnitFileState": "enabled"}


def test_an_upgrade_keeps_what_was_edited_migrates_and_restarts_once(machine, hub, sink, package, next_package):
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"])
    event = hub.publish("order.created", {"order": 1})
    hub.wait_delivery(event, "delivered")
    key, options, before, starts = machine.root.read(KEY), machine.root.read(OPTIONS), hub.tables(), hub.starts()
    assert EGRESS in options

    said = rpm(machine, "--upgrade", "--nodeps", next_package)

    assert f"{OPTIONS}.rpmnew" in said
    assert machine.root.read(OPTIONS) == options and machine.root.read(KEY) == key
    offered = machine.root.read(f"{OPTIONS}.rpmnew")
    assert offered.endswith(f"{ADDED}\n") and EGRESS not in offered
    assert machine.root.mode(OPTIONS) == "0640 root:grapnel"
    assert hub.active() and hub.starts() == starts + 1 and hub.state()["NRestarts"] == "0" and hub.state()["UnitFileState"] == "enabled"
    after = hub.tables()
    assert after["schema"] == before["schema"] + 1
    assert kept(after) == kept(before)
    assert hub.delivery(event)["state"] == "delivered"
    hub.wait_delivery(hub.publish("order.created", {"order": 2}), "delivered")
    assert all(received.signed_with(endpoint["secret"]) for received in sink.wait_for(2, "/hook"))

    # A downgrade is refused by the hub, and undone by the newer package.
    newer = hub.tables()
    rpm(machine, "--upgrade", "--nodeps", "--oldpackage", package)
    assert not hub.active() and f"made by a newer grapnel; this one knows schemas up to {before['schema']}" in machine.journal()
    assert hub.tables() == newer
    rpm(machine, "--upgrade", "--nodeps", next_package)
    machine.run("systemctl", "reset-failed", SERVICE)
    machine.run("systemctl", "start", SERVICE)
    assert hub.active() and hub.delivery(event)["state"] == "delivered"


def test_an_upgrade_does_not_start_what_is_stopped(machine, hub, next_package):
    machine.run("systemctl", "disable", "--now", SERVICE)
    rpm(machine, "--upgrade", "--nodeps", next_package)
    assert service(machine) == {"ActiveState": "inactive", "UnitFileState": "disabled"}


def test_erasing_it_keeps_the_data(machine, hub, sink, package):
    endpoint = hub.endpoint(sink.url("/hook"))
    event = hub.publish("order.created", {"order": 1})
    hub.wait_delivery(event, "delivered")
    key, options, before = machine.root.read(KEY), machine.root.read(OPTIONS), hub.tables()

    rpm(machine, "--erase", "grapnel")
    assert not machine.root.exists("/usr/bin/grapnel") and hub.state()["ActiveState"] == "inactive"
    assert machine.root.read(KEY) == key and kept(hub.tables()) == kept(before)
    assert machine.root.read(f"{OPTIONS}.rpmsave") == options and not machine.root.exists(OPTIONS)
    assert re.search(r"^grapnel:", machine.root.read("/etc/passwd"), re.M)
    assert not machine.root.exists(f"{DATA}/grapnel.sock") and not machine.root.exists(f"{DATA}/grapnel.db-wal")  # it was stopped, not killed
    assert not machine.root.exists("/etc/systemd/system/multi-user.target.wants/grapnel.service")

    rpm(machine, "--install", "--nodeps", package)
    assert machine.root.read(KEY) == key and service(machine) == {"ActiveState": "inactive", "UnitFileState": "disabled"}
    machine.run("mv", f"{OPTIONS}.rpmsave", OPTIONS)
    machine.run("systemctl", "enable", "--now", SERVICE)
    assert hub.active() and hub.delivery(event)["state"] == "delivered"
    hub.wait_delivery(hub.publish("order.created", {"order": 2}), "delivered", endpoint)


def test_a_key_that_is_lost_is_not_replaced(machine, hub, sink, package):
    hub.endpoint(sink.url("/hook"))
    machine.run("systemctl", "stop", SERVICE)
    machine.run("rm", KEY)
    said = rpm(machine, "--upgrade", "--nodeps", "--replacepkgs", package)
    assert f"{DATA}/grapnel.db is there, but not its key {KEY}" in said
    assert not machine.root.exists(KEY)
    machine.run("systemctl", "start", SERVICE, codes=(1,))
    assert not machine.root.exists(f"{DATA}/master.key")


def test_built_again_it_has_the_same_bytes(tarball, tmp_path):
    """At the same path: rpmbuild writes it into the source package."""
    out = str(tmp_path / "packages")
    build(tarball, os.path.join(PACKAGING, "rpm"), out)
    first = digests(out, ".rpm")
    assert len(first) == 4  # grapnel, symbols and sources for debuggers, and the source package
    build(tarball, os.path.join(PACKAGING, "rpm"), out, umask=0o022, RPM_BUILD_NCPUS="1", **{"TZ": "UTC", "USER": "root"})
    assert digests(out, ".rpm") == first
