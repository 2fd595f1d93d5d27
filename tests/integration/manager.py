"""A service manager that a hub takes for systemd: listens on a notify socket, passes sockets, gives credentials.

supervised() makes a hub its service. The messages are dicts of the lines NAME=value, in the order they came."""

import os
import socket
import sys

from sink import BOUND

# Runs a program as systemd would: the sockets begin at descriptor 3, and the variables name the process that gets them.
START = """
import os, sys
import fcntl
fds = [int(n) for n in os.environ.pop("PASSED", "").split(",") if n]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in fds]
for fd in fds:
    os.close(fd)
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at)
for name in sys.argv[1].split(","):
    os.environ[name] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    def __init__(self, folder):
        self.path = os.path.join(str(folder), "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(BOUND)
        self.messages = []

    def next(self):
        message = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n") if line)
        self.messages.append(message)
        return message

    def wait(self, name, where=lambda value: True):
        """The next message that has this line."""
        while True:
            message = self.next()
            if name in message and where(message[name]):
                return message

    def arrived(self):
        """What came meanwhile, without waiting."""
        came = []
        self.socket.setblocking(False)
        try:
            while True:
                came.append(self.next())
        except BlockingIOError:
            return came
        finally:
            self.socket.settimeout(BOUND)

    def close(self):
        self.socket.close()


def supervised(hub, manager=None, watchdog_s=None, sockets=(), credentials=None):
    """Lets the hub, which does not run, be started by this manager. `sockets`: pairs of a name and a socket."""
    hub.env = dict(hub.env)
    pids = []
    if manager:
        hub.env["NOTIFY_SOCKET"] = manager.path
    if watchdog_s:
        hub.env["WATCHDOG_USEC"] = str(int(watchdog_s * 1000000))
        pids.append("WATCHDOG_PID")
    if sockets:
        hub.pass_fds = tuple(one.fileno() for _, one in sockets)
        hub.env.update(PASSED=",".join(map(str, hub.pass_fds)), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=":".join(name for name, _ in sockets))
        pids.append("LISTEN_PID")
    if credentials:
        hub.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    if pids:
        hub.WRAP = [sys.executable, "-I", "-c", START, ",".join(pids)]
    return hub


def listener(address=("127.0.0.1", 0), family=socket.AF_INET):
    """A listening socket, as a socket unit makes it."""
    one = socket.socket(family, socket.SOCK_STREAM)
    one.bind(address)
    one.listen(64)
    return one
