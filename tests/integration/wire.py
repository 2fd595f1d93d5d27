"""A client that keeps its connection: thousands of requests in seconds, to the network or to the admin socket."""

import http.client
import json as jsonlib
import os
import socket

from hub import Answer
from sink import BOUND


class _Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=BOUND)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        # A path of a socket has at most 107 bytes; a test's folder may be deeper.
        folder = os.open(os.path.dirname(self.path), os.O_PATH)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(self.path)}")
        finally:
            os.close(folder)


class Wire:
    def __init__(self, hub, local=False):
        if local:
            self.connection = _Unix(os.path.join(hub.data, "grapnel.sock"))
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=BOUND)

    def ask(self, method, path, json=None, headers=None, body=None):
        sent = dict(headers or {})
        if json is not None:
            body = jsonlib.dumps(json).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            self.connection.request(method, path, body=body, headers=sent)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
