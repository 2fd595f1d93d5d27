"""Endpoints that misbehave in HTTP/2, with which the hub speaks it because they are asked to."""

import contextlib
import pathlib
import tempfile

from stage import beside  # first: it says where the other tests' modules lie
from h2sink import INITIAL_WINDOW_SIZE, H2Sink, certificate


class World:
    """A certificate for the endpoint, which the hub trusts."""

    def __enter__(self):
        self._left = contextlib.ExitStack()
        self.files = certificate(pathlib.Path(self._left.enter_context(tempfile.TemporaryDirectory())))
        self.options = ["--egress-authorities", self.files[0]]
        return self

    def __exit__(self, *_):
        self._left.close()


class Endpoint:
    """`begun`: what happens when the headers of a request came; else `program`, when it came whole."""

    def __init__(self, files, program=None, begun=None, settings=None):
        self._sink = H2Sink(files, settings=settings)
        self.port = self._sink.port
        if begun or program:
            self._sink.on("/", begun or program, begun=bool(begun))

    def url(self, host, path="/"):
        return self._sink.url(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sink.close()


def row(codes, fields=None, during=None, **how):
    around = []

    def world():
        around[:] = [World()]
        return around[0]

    return beside(lambda: Endpoint(around[0].files, **how), codes, world=world, fields={"http2": True, **(fields or {})}, during=during)


def leave(stream):
    stream.go_away()
    stream.connection.cut()


def wide(stage, _endpoint, _server):
    for _ in range(8):
        stage.hub.publish("bench.wide", data="x" * 100000)


ROWS = {
    "HTTP/2 that is in order": row(["delivered"]),
    "GOAWAY loop": row(["connection_closed", "protocol"], begun=leave),
    "RST_STREAM": row(["connection_closed"], program=lambda stream: stream.reset()),
    "window of 0": row(["timeout"], {"types": ["bench.wide"]}, wide, begun=lambda stream: None, settings={INITIAL_WINDOW_SIZE: 0}),
}
