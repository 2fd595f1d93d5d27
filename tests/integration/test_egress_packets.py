"""Not one packet reaches an address that is refused, however the hub is led to it: looked at on the wire, in a network namespace."""

import json
import os
import subprocess
import sys

import pytest

from hub import BINARY, environment
from sink import BOUND

SPACE = ["unshare", "--map-root-user", "--net"]
SCRIPT = os.path.join(os.path.dirname(__file__), "packets.py")


def permitted():
    try:
        probe = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()"
        return subprocess.run([*SPACE, sys.executable, "-c", probe], capture_output=True, timeout=BOUND).returncode == 0
    except FileNotFoundError:
        return False


needs_namespace = pytest.mark.skipif(not permitted(), reason="network namespaces are not permitted here")


def look(folder, allow):
    done = subprocess.run([*SPACE, sys.executable, SCRIPT, str(folder), allow], capture_output=True, text=True, timeout=10 * BOUND, env=environment({"GRAPNEL_BIN": BINARY}))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@needs_namespace
def test_no_packet_reaches_a_refused_address(tmp_path):
    seen = look(tmp_path, "127.0.0.1/32")
    assert seen["control"] > 0
    assert seen["sent"] == {address: 0 for address in seen["sent"]}
    for address, *what in seen["failures"]:
        assert what in ([422, ["/url"]], ["address_denied"], ["redirect"]), (address, what)


@needs_namespace
def test_the_look_sees_what_is_sent(tmp_path):
    """Else the test above would be blind: with everything allowed packets go to every address."""
    seen = look(tmp_path, "0.0.0.0/0,::/0")
    assert all(seen["sent"].values()), seen["sent"]
