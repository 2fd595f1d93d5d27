"""What docs/guide/operations.md says, done in a machine as the page has it: every command of "Backup", "Restore" and "Another disk for the data"."""

import os
import re

from packaged import DATA, EGRESS, KEY, OPTIONS

GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guide", "operations.md")


def blocks(heading):
    """The shell blocks of a section; the machine has no sudo, and needs none."""
    with open(GUIDE, encoding="utf-8") as file:
        section = re.search(rf"^## {heading}\n(.*?)^## ", file.read(), re.MULTILINE | re.DOTALL)[1]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [block.replace("sudo ", "") for block in found]


def test_backup_and_restore_as_the_guide_says(machine, hub, sink):
    secret = hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")["secret"]
    hub.wait_delivery(hub.publish("order.created", uid="before"), "delivered")
    backup = blocks("Backup")
    assert len(backup) == 3 and "grapnel backup" in "".join(backup)
    for block in backup:
        machine.run("sh", "-e", "-c", block)
    hub.publish("order.created", uid="after")
    sink.wait_for(2, "/hook")
    # A machine on which the package was installed anew has another key and other options. Here systemd has the ports.
    machine.run("systemctl", "stop", "grapnel.service")
    machine.run("systemctl", "enable", "--now", "grapnel.socket")
    machine.run("systemctl", "start", "grapnel.service")
    machine.root.write(KEY, "0" * 64 + "\n")
    machine.root.write(OPTIONS, machine.root.read(OPTIONS).replace(EGRESS, "[egress]\n"))
    restore = blocks("Restore")
    assert len(restore) == 3
    machine.run("sh", "-e", "-c", restore[0])
    assert machine.root.mode(OPTIONS) == "0640 root:grapnel"
    assert hub.got("/v1/hub")["reason"] == "restore"
    assert machine.root.mode(f"{DATA}/grapnel.db") == "0600 grapnel:grapnel"
    hub.publish("order.created", uid="again")
    assert len(sink.received("/hook")) == 2, "it comes up paused"
    assert "curl --unix-socket" in restore[1], "the machine has no curl"
    machine.run("sh", "-e", "-c", restore[2])
    received = sink.wait_for(3, "/hook")
    assert received[2].signed_with(secret), "the secrets are those of before"
    assert [e["uid"] for e in hub.got("/v1/events", order="asc")["data"]] == ["before", "again"]


def test_another_disk_for_the_data_as_the_guide_says(machine, hub, sink):
    secret = hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")["secret"]
    hub.wait_delivery(hub.publish("order.created", uid="before"), "delivered")
    (move,) = blocks("Another disk for the data")
    assert machine.run("sh", "-e", "-c", move).endswith("ok\n")
    hub.publish("order.created", uid="after")
    assert sink.wait_for(2, "/hook")[1].signed_with(secret)
    assert machine.root.mode("/srv/grapnel/grapnel.db") == "0600 grapnel:grapnel"
    assert hub.command("pause").startswith("paused")
    machine.run("systemctl", "restart", "grapnel")
    assert [e["uid"] for e in hub.got("/v1/events", order="asc")["data"]] == ["before", "after"]
