"""The hub's own tables, read from its source, so that what they gain is tested or makes a test fail: routes.def, errors.def and the like."""

import os
import re
from typing import NamedTuple

SOURCE = os.path.join(os.path.dirname(__file__), "..", "..", "src")
SCOPES = ("publish", "read", "manage", "admin")
# What a key of a scope may do (docs/API.md).
INCLUDES = {"publish": {"publish"}, "read": {"read"}, "manage": {"manage", "read"}, "admin": set(SCOPES)}


class Route(NamedTuple):
    method: str
    path: str
    scope: str  # PUBLIC, LOCAL, or the scope in upper case
    body: str  # NONE, SMALL, OPTIONAL, PUBLISH
    query: tuple  # names of parameters

    def __str__(self):
        return f"{self.method} {self.path}"

    @property
    def name(self):
        return str(self)

    @property
    def is_list(self):
        return "cursor" in self.query

    @property
    def addressed(self):
        """Whether the path names one thing."""
        return "{" in self.path


def _read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


def _routes():
    row = re.compile(r'ROUTE\(\s*(\w+),\s*"([^"]*)",\s*(\w+),\s*\w+,\s*(\w+),\s*"([^"]*)",\s*\w+,\s*"[^"]*"\s*\)')
    text = _read("api", "routes.def")
    found = [Route(method, path, scope, body, tuple(query.split())) for method, path, scope, body, query in row.findall(text)]
    assert len(found) == text.count("ROUTE(") > 0, "a row of routes.def is not understood here"
    return found


def _texts(macro, *path):
    """The second column of a table: its public words."""
    return re.findall(rf'{macro}\(\w+,\s*"([^"]*)"', _read(*path))


ROUTES = _routes()
STATES = _texts("STATE", "model", "states.def")
REASONS = [r for r in _texts("REASON", "model", "reasons.def") if r]
REJECTIONS = _texts("REASON", "scheme", "reasons.def")
# code: (status, title)
PROBLEMS = {
    code: (int(status), title) for code, status, title in re.findall(r'ERROR\(\w+, "(\w+)", (\d+), "([^"]*)"\)', _read("base", "errors.def"))
}
