"""The installed service under the real systemd: what it does when the hub dies, hangs, is reloaded, or is started by a connection; and who may command it."""

import signal

import pytest

from hub import eventually
from packaged import OPTIONS, SERVICE


def test_a_hub_that_is_killed_or_hangs_is_started_again_and_goes_on(machine, hub, sink):
    machine.root.write(f"/etc/systemd/system/{SERVICE}.d/fast.conf", "[Service]\nRestartSec=100ms\nWatchdogSec=2s\nTimeoutAbortSec=1s\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    endpoint = hub.endpoint(sink.url("/hook"))

    def restarted(by, times):
        before = hub.state()["MainPID"]
        machine.run("systemctl", "kill", "--kill-whom=main", f"--signal={by.value}", SERVICE)

        def again():
            now = hub.state()
            return now if now["ActiveState"] == "active" and now["MainPID"] not in (before, "0") else None

        assert eventually(again, f"a start after {by.name}")["NRestarts"] == str(times)
        hub.wait_delivery(hub.publish("order.created", {"order": times}), "delivered", endpoint)

    restarted(signal.SIGKILL, 1)
    restarted(signal.SIGSTOP, 2)  # alive, and silent: the watchdog finds it
    assert "Watchdog timeout" in machine.journal()
    assert all(received.signed_with(endpoint["secret"]) for received in sink.wait_for(2, "/hook"))


def test_a_reload_takes_the_options_again_without_a_restart(machine, hub):
    before = hub.state()["MainPID"]
    options = machine.root.read(OPTIONS)
    machine.root.write(OPTIONS, options.replace("#level = info", "level = debug"))
    machine.run("systemctl", "reload", SERVICE)
    assert hub.active() and hub.state()["MainPID"] == before
    eventually(lambda: "log.level" in machine.journal(), "a line that tells what was reloaded")
    machine.root.write(OPTIONS, options + "\n[nonsense]\none = 1\n")
    machine.run("systemctl", "reload", SERVICE, codes=(1,))
    assert hub.active() and hub.state()["MainPID"] == before
    eventually(lambda: "nonsense.one" in machine.journal(), "a line that tells what is wrong")


def test_a_connection_to_the_socket_unit_starts_the_hub(machine, hub, sink):
    admin, endpoint = hub.admin, hub.endpoint(sink.url("/hook"))
    machine.run("systemctl", "stop", SERVICE)
    with pytest.raises(ConnectionRefusedError):
        hub.connect()
    machine.run("systemctl", "enable", "--now", "grapnel.socket")
    assert admin and not hub.active()
    hub.wait_delivery(hub.publish("order.created"), "delivered", endpoint)
    assert hub.active()
    # A restart of the hub refuses nobody: the port stays open.
    machine.run("systemctl", "restart", SERVICE)
    assert hub.page("/healthz").status == 200


def test_members_of_the_group_command_the_hub_and_nobody_else(machine, hub):
    machine.run("useradd", "--groups", "grapnel", "ada")
    machine.run("useradd", "bob")

    def tries(user, *command, codes):
        return machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "grapnel", *command, codes=codes)

    assert tries("ada", "key", "create", "--scope", "publish", codes=(0,)).startswith("gk_")
    refused = tries("bob", "key", "create", "--scope", "publish", codes=(1, 2, 3))
    assert "gk_" not in refused and "ermi" in refused  # "permission", or "permitted": whichever file it was
    for file in (OPTIONS, "/etc/grapnel/master.key", "/var/lib/grapnel/grapnel.db"):
        machine.run("setpriv", "--reuid=bob", "--regid=bob", "--init-groups", "cat", file, codes=(1,))
