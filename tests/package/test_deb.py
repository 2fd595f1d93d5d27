"""The Debian package through its life, in clean machines: installed, upgraded, downgraded, removed, installed again, purged."""

import json
import re

import pytest

from packaged import DATA, EGRESS, KEY, OPTIONS, SERVICE, Packaged, install

SCORE = 1.5  # of `systemd-analyze security`, 0 is the best; what is promised


def first_steps(said):
    """The commands that the installation shows: its indented lines."""
    return [line.strip() for line in said.splitlines() if line.startswith("    grapnel ")]


def kept(tables):
    """What only users change."""
    return {name: tables[name] for name in ("events", "deliveries", "attempts", "endpoints", "endpoint_secrets", "keys", "subscribers")}


def test_apt_install_and_three_commands_deliver_the_first_webhook(machine, deb):
    said = install(machine, deb)
    hub = Packaged(machine)
    shown = first_steps(said)
    assert [command.split()[:3] for command in shown] == [["grapnel", "admin", "create"], ["grapnel", "endpoints", "add"], ["grapnel", "send", "--type"]], said
    assert KEY in said  # that it is to be kept

    state = hub.state()
    assert (state["ActiveState"], state["SubState"], state["UnitFileState"], state["User"], state["Type"]) == ("active", "running", "enabled", "grapnel", "notify")
    assert state["NRestarts"] == "0" and hub.starts() == 1
    assert machine.properties("grapnel.socket", "ActiveState", "UnitFileState") == {"ActiveState": "inactive", "UnitFileState": "disabled"}
    root = machine.root
    assert re.search(r"^grapnel:[^:]*:\d+:\d+:[^:]*:/var/lib/grapnel:/usr/sbin/nologin$", root.read("/etc/passwd"), re.M)
    assert root.mode(OPTIONS) == "0640 root:grapnel"
    assert root.mode(KEY) == "0400 root:root" and re.fullmatch(r"[0-9a-f]{64}\n", root.read(KEY))
    assert root.mode(DATA) == "0710 grapnel:grapnel"
    assert root.mode(f"{DATA}/grapnel.sock") == "0660 grapnel:grapnel"
    assert root.mode(f"{DATA}/grapnel.db") == "0600 grapnel:grapnel"
    assert not root.exists(f"{DATA}/master.key")
    options = root.read(OPTIONS).splitlines()
    assert "#listen = 127.0.0.1:8080" in options
    assert [line for line in options if line and not line.startswith(("#", "["))] == []  # every option is its default
    assert float(re.search(r"exposure level for grapnel\.service: ([0-9.]+)", machine.run("systemd-analyze", "security", "--no-pager", SERVICE)).group(1)) <= SCORE
    assert machine.run("dpkg", "--verify", "grapnel") == ""

    hub.open_loopback()
    page = hub.page()
    assert page.status == 200 and b"grapnel" in page.body
    sink = hub.sink()
    try:
        root.write("/root/password", "a long enough password\n")
        machine.run(*shown[0].replace("NAME", "ada").split(), "--password-file", "/root/password")
        endpoint = machine.run("sh", "-c", shown[1].replace("https://RECEIVER/HOOK", sink.url("/hook")))
        machine.run("sh", "-c", shown[2])
        (received,) = sink.wait_for(1, "/hook")
    finally:
        sink.close()
    assert json.loads(received.body) == {"order": 1001}
    assert received.signed_with(re.search(r"whsec_\S+", endpoint).group())
    assert not received.signed_with("whsec_" + "A" * 32)
    login = hub.api("POST", "/login", {"name": "ada", "password": "a long enough password"}, key=None)
    assert login.status in (200, 204), login
    assert hub.api("POST", "/login", {"name": "ada", "password": "another password, wrong"}, key=None).status in (401, 403)


def test_an_upgrade_keeps_everything_migrates_and_restarts_once(machine, hub, sink, next_deb):
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"], retry={"schedule_ms": [3600000]})
    sink.on("/hook", 200, 500)
    delivered = hub.publish("order.created", {"order": 1})
    hub.wait_delivery(delivered, "delivered")
    pending = hub.publish("order.paid", {"order": 1})  # fails once and waits for an hour
    hub.wait_delivery(pending, "pending", where=lambda delivery: delivery["attempts"])
    key, options, before, starts = machine.root.read(KEY), machine.root.read(OPTIONS), hub.tables(), hub.starts()
    assert EGRESS in options

    said = install(machine, next_deb)

    assert first_steps(said) == []  # told once, at the installation
    assert hub.active() and hub.starts() == starts + 1 and hub.state()["NRestarts"] == "0"
    assert machine.run("dpkg-query", "-W", "-f=${Version}", "grapnel").endswith("-2")
    assert machine.root.read(KEY) == key and machine.root.read(OPTIONS) == options
    assert machine.root.mode(OPTIONS) == "0640 root:grapnel"
    after = hub.tables()
    assert after["schema"] == before["schema"] + 1 and after["next_version"] == 1
    assert kept(after) == kept(before) and before["events"] >= 2
    assert hub.delivery(delivered)["state"] == "delivered"
    sink.on("/hook", 200)
    hub.api("POST", f"/v1/deliveries/{hub.delivery(pending)['id']}/retry")
    hub.wait_delivery(pending, "delivered")
    assert all(received.signed_with(endpoint["secret"]) for received in sink.received("/hook"))

    # The same package again changes nothing.
    install(machine, next_deb, "--reinstall")
    assert hub.active() and hub.tables()["schema"] == after["schema"] and machine.root.read(OPTIONS) == options


def test_a_downgrade_is_refused_by_the_hub_and_undone_by_the_newer_package(machine, hub, sink, deb, next_deb):
    endpoint = hub.endpoint(sink.url("/hook"))
    install(machine, next_deb)
    event = hub.publish("order.created", {"order": 1})
    hub.wait_delivery(event, "delivered")
    newer = hub.tables()

    said = install(machine, deb, "--allow-downgrades")

    why = f"{DATA}/grapnel.db has schema {newer['schema']}, made by a newer grapnel; this one knows schemas up to {newer['schema'] - 1}"
    assert "the service did not start" in said and why in said, said
    state = hub.state()
    assert (state["ActiveState"], state["Result"], state["NRestarts"]) == ("failed", "exit-code", "0")  # it is not tried again and again
    assert why in machine.journal()
    assert why in hub.command("check", codes=(1, 2, 3))
    assert kept(hub.tables()) == kept(newer) and hub.tables()["schema"] == newer["schema"]

    install(machine, next_deb)
    assert hub.active() and hub.delivery(event)["state"] == "delivered"
    hub.wait_delivery(hub.publish("order.created", {"order": 2}), "delivered", endpoint)


def test_remove_keeps_the_data_and_purge_deletes_them(machine, hub, sink, deb):
    endpoint = hub.endpoint(sink.url("/hook"))
    event = hub.publish("order.created", {"order": 1})
    hub.wait_delivery(event, "delivered")
    key, options, user = machine.root.read(KEY), machine.root.read(OPTIONS), re.search(r"^grapnel:.*$", machine.root.read("/etc/passwd"), re.M).group()
    before = hub.tables()

    machine.run("apt", "remove", "-y", "grapnel")
    assert not machine.root.exists("/usr/bin/grapnel") and machine.run("pgrep", "-x", "grapnel", codes=(1, 127)).find("grapnel\n") < 0
    assert hub.state()["ActiveState"] == "inactive"
    assert (machine.root.read(KEY), machine.root.read(OPTIONS), kept(hub.tables())) == (key, options, kept(before))
    assert not machine.root.exists(f"{DATA}/grapnel.sock") and not machine.root.exists(f"{DATA}/grapnel.db-wal")  # it was stopped, not killed

    said = install(machine, deb)
    assert hub.active() and first_steps(said) == []
    assert (machine.root.read(KEY), machine.root.read(OPTIONS)) == (key, options)
    assert hub.delivery(event)["state"] == "delivered"
    again = hub.publish("order.created", {"order": 2})
    hub.wait_delivery(again, "delivered")
    assert all(received.signed_with(endpoint["secret"]) for received in sink.wait_for(2, "/hook"))

    machine.run("apt", "purge", "-y", "grapnel")
    left = machine.run("find", "/", "-xdev", "-name", "*grapnel*", "-not", "-path", "/proc/*", "-not", "-path", "/sys/*", "-not", "-path", "/var/log/*").split()
    assert left == [], left
    assert not machine.root.exists("/etc/grapnel") and not machine.root.exists(DATA)
    assert user in machine.root.read("/etc/passwd")  # its number is not given to another one
    assert "\nPackage: grapnel\n" not in machine.root.read("/var/lib/dpkg/status")


def test_a_remove_stops_the_port_that_systemd_holds(machine, hub):
    machine.run("systemctl", "stop", SERVICE)
    machine.run("systemctl", "enable", "--now", "grapnel.socket")
    machine.run("apt", "remove", "-y", "grapnel")
    assert machine.properties("grapnel.socket", "ActiveState") == {"ActiveState": "inactive"}
    with pytest.raises(ConnectionRefusedError):
        hub.connect()


def test_an_installation_says_which_mistakes_keep_the_service_from_starting(machine, hub, deb):
    machine.run("systemctl", "stop", SERVICE)
    machine.root.write(OPTIONS, machine.root.read(OPTIONS) + "\n[nonsense]\none = 1\ntwo = 2\n")
    said = install(machine, deb, "--reinstall")
    shown = said[said.index("the service did not start"):].splitlines()[1:]
    told = [line for line in shown if line.startswith("    ")]
    assert len(told) == 2 and "nonsense.one" in told[0] and "nonsense.two" in told[1], said
    assert "nonsense.two" in machine.run("journalctl", "--quiet", "--boot", "--output=cat", "-p", "err", "-u", SERVICE)
    assert "does not start: 2 mistakes" in hub.state()["StatusText"]


def test_a_key_that_is_lost_is_not_replaced(machine, hub, deb, sink):
    hub.endpoint(sink.url("/hook"))
    machine.run("systemctl", "stop", SERVICE)
    kept = machine.root.read(KEY)
    machine.run("rm", KEY)
    said = install(machine, deb, "--reinstall")
    assert f"{DATA}/grapnel.db is there, but not its key {KEY}" in said and "did not start" in said
    assert f"    {KEY} is missing\n" in said, said
    machine.run("systemctl", "start", SERVICE, codes=(1,))
    assert f"AssertPathExists={KEY}" in machine.run("systemctl", "status", SERVICE, codes=(3,))
    assert hub.state()["ActiveState"] == "inactive"  # it is not tried again and again
    assert f"not its master key {KEY}" in hub.command("check", codes=(1, 2, 3))
    assert not machine.root.exists(KEY) and not machine.root.exists(f"{DATA}/master.key")
    machine.run("install", "-m", "0400", "/dev/stdin", KEY, input=kept)
    machine.run("systemctl", "reset-failed", SERVICE)
    machine.run("systemctl", "start", SERVICE)
    assert hub.active()
