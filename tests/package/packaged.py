"""The hub of a package in a machine, driven as its operator and its users do: apt, systemctl, the command line without any option, HTTP."""

import contextlib
import http.client
import json
import os
import sqlite3

from hub import Answer, Hub
from sink import Sink

OPTIONS = "/etc/grapnel/grapnel.conf"
KEY = "/etc/grapnel/master.key"
DATA = "/var/lib/grapnel"
SERVICE = "grapnel.service"
EGRESS = "[egress]\n# set by the operator\nallow = 127.0.0.0/8\n"


class Packaged(Hub):
    """A Hub (tests/integration/hub.py) that a package installed and systemd runs."""

    def __init__(self, machine):
        self.machine = machine
        self.port = 8080
        self._admin = None

    # What an operator does.

    def command(self, *words, **keywords):
        """A grapnel command as root types it: no --data, no key."""
        return self.machine.run("grapnel", *words, **keywords)

    def open_loopback(self):
        """Lets the hub deliver to this machine itself, and restarts it: only so can a test's sink be an endpoint."""
        text = self.machine.root.read(OPTIONS)
        assert text.count("\n[egress]\n") == 1
        self.machine.root.write(OPTIONS, text.replace("\n[egress]\n", "\n" + EGRESS))
        self.machine.run("systemctl", "restart", SERVICE)

    @property
    def admin(self):
        if self._admin is None:
            self._admin = self.command("key", "create", "--scope", "admin", "--name", "tests").strip()
        return self._admin

    def state(self):
        return self.machine.properties(SERVICE, "ActiveState", "SubState", "MainPID", "NRestarts", "Result", "StatusText", "UnitFileState", "User", "Type")

    def active(self):
        return self.state()["ActiveState"] == "active"

    def starts(self):
        """How often the service was started so far, as the journal of this boot has it."""
        lines = self.machine.run("journalctl", "--quiet", "--boot", "--output=json", "-u", SERVICE, "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf").splitlines()
        return len([line for line in lines if json.loads(line).get("JOB_TYPE") in ("start", "restart")])

    def tables(self):
        """{table: rows} of the database, looked at from outside."""
        with contextlib.closing(sqlite3.connect(self.machine.root.at(DATA, "grapnel.db"))) as db:
            names = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            counts = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
            ((version,),) = db.execute("SELECT value FROM meta WHERE name = 'schema_version'")
            return {**counts, "schema": int(version)}

    # What its users do, inside of the machine's network.

    def connect(self, bound=30.0, port=None):
        with self.machine.network():
            connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=bound)
            connection.connect()
        return connection

    def sink(self):
        with self.machine.network():
            return Sink()

    def page(self, path="/"):
        connection = self.connect()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()


def install(machine, package, *options):
    """apt install ./package; what it printed."""
    there = machine.root.add(package)
    try:
        return machine.run("apt", "install", "-y", *options, there)
    finally:
        os.remove(machine.root.at(there))


__all__ = ["DATA", "EGRESS", "KEY", "OPTIONS", "Packaged", "SERVICE", "install"]
