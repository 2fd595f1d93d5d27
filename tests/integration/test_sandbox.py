"""The hub under the filter of the systemd unit's sandbox: whatever it does all day, no call is in the way. sandbox.py kills at the first one."""

import os
import signal
import socket
import ssl
import subprocess
import sys

import pytest

import sandbox
from authority import Authority
from hub import BINARY, eventually, run, sanitizer
from incoming import github, send, source
from manager import Manager
from sink import BOUND

PASSWORD = "a long enough password"

pytestmark = [
    pytest.mark.skipif(not sandbox.possible(), reason="systemd-analyze and libseccomp are needed"),
    pytest.mark.skipif(sanitizer() != "", reason="sanitizers' run-time libraries make calls of their own"),
]


@pytest.fixture
def confined(make_hub):
    """Makes hubs that run under the filter, and are not started yet."""

    def make(*options):
        hub = make_hub(*options, start=False)
        hub.WRAP = [sys.executable, sandbox.__file__]
        return hub

    return make


@pytest.mark.parametrize("code", [
    "import socket; socket.socket(socket.AF_PACKET)",
    "import mmap; mmap.mmap(-1, 4096, prot=7)",
    "import os; os.sched_setaffinity(0, {0})",
])
def test_the_filter_kills_what_the_unit_refuses(code):
    ended = subprocess.run([sys.executable, sandbox.__file__, sys.executable, "-c", code], capture_output=True)
    assert ended.returncode == -signal.SIGSYS, ended


def test_events_go_out_and_webhooks_come_in(confined, sink):
    hub = confined().start()
    endpoint = hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "delivered")
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", {}).status == 200
    gh = source(hub, uid="gh")
    assert send(hub, gh["uid"], b"{}", github(b"{}")).status == 200
    # A name: it is looked up, and delivered to.
    by_name = hub.endpoint(sink.url().replace("127.0.0.1", "localhost"), types=["by.name"])
    hub.wait_delivery(hub.publish(type="by.name"), "delivered", endpoint=by_name)
    hub.restart()
    hub.wait_delivery(hub.publish(), "delivered")


def test_an_interface_is_looked_up(confined, sink):
    hub = confined("--egress-source", "lo").start()
    hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "delivered")


def test_passwords_backups_and_reloads(confined, tmp_path):
    manager = Manager(tmp_path)
    hub = confined()
    hub.env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000"}
    hub.start()
    assert run("admin", "create", "ada", "--password-file", "-", "--data", hub.data, input=PASSWORD + "\n").returncode == 0
    assert hub.api("POST", "/login", {"name": "ada", "password": PASSWORD}, key=None).status == 200
    assert run("backup", os.path.join(hub.data, "copy.db"), "--data", hub.data).returncode == 0
    hub.process.send_signal(signal.SIGHUP)
    manager.wait("RELOADING")
    manager.wait("READY")
    manager.wait("WATCHDOG")
    hub.terminate()
    manager.close()


def test_the_reload_of_the_unit(confined):
    """ExecReload= runs a command in the same sandbox."""
    hub = confined().start()
    options = os.path.join(hub.data, "grapnel.conf")
    done = subprocess.run([*hub.WRAP, BINARY, "reload", "--data", hub.data], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, done
    with open(options, "w") as file:
        file.write("nonsense = 1\n")
    done = subprocess.run([*hub.WRAP, BINARY, "reload", "--data", hub.data], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 1 and "nonsense" in done.stderr, done


def test_tls_of_the_hub(confined, tmp_path):
    authority = Authority()
    chain, key = authority.issue(tmp_path, "localhost")
    hub = confined("--tls-certificate", chain, "--tls-key", key).spawn()
    trusting = ssl.create_default_context(cadata=authority.pem.decode())

    def answered():
        assert hub.process.poll() is None, hub.log()
        try:
            with socket.create_connection(("127.0.0.1", hub.port), BOUND) as plain, trusting.wrap_socket(plain, server_hostname="localhost") as safe:
                safe.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return safe.recv(4096).startswith(b"HTTP/1.1 200")
        except ConnectionRefusedError:
            return False

    eventually(answered, "an answer over TLS")
