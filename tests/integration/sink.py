"""A programmable receiver on real sockets.

A Sink listens on a free port of 127.0.0.1 and records every request with its exact bytes before it answers. What it answers is
programmed per path: a Reply, a list of them (used up one by one, the last one stays), or a function from Received to Reply.
Nothing here waits for a while: a slow receiver is one whose gate (threading.Event) the test has not opened yet.
"""

import hashlib
import hmac
import base64
import os
import socket
import socketserver
import struct
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

PATIENCE = float(os.environ.get("GRAPNEL_TEST_PATIENCE", "1"))
BOUND = 30.0 * PATIENCE  # how long a test waits for what must happen; never how long it takes


@dataclass
class Reply:
    """One answer. `gate`: an Event to wait for before answering; `then`: "answer", "close" (without a byte), "reset" (RST) or
    "never" (hold the connection, silent)."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    gate: threading.Event = None
    then: str = "answer"
    raw: bytes = None  # these bytes instead of an answer, then the connection is closed


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict  # lower-case name -> value
    head: bytes  # request line and headers, exactly
    body: bytes
    at: float  # time.monotonic()
    connection: int  # which connection of this sink it came on

    @property
    def webhook_id(self):
        return self.headers.get("webhook-id")

    @property
    def attempt(self):
        return int(self.headers.get("grapnel-attempt", "0"))

    def signed_with(self, secret):
        """Whether one of the signatures is right under this whsec_ secret; made here with Python's hmac alone."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join([self.webhook_id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return wanted in self.signatures

    @property
    def signatures(self):
        return self.headers["webhook-signature"].split(" ")

    def signed_by(self, public_key):
        """Whether one of the v1a signatures is right under this whpk_ key; looked at with the openssl command alone."""
        key = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(public_key.removeprefix("whpk_"))  # RFC 8410
        content = b".".join([self.webhook_id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        return any(_openssl_verifies(key, content, base64.b64decode(s[4:])) for s in self.signatures if s.startswith("v1a,"))


def _openssl_verifies(key, content, signature):
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("key", "content", "signature")]
        for name, part in zip(names, (key, content, signature)):
            with open(name, "wb") as file:
                file.write(part)
        verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names[0], "-rawin", "-in", names[1], "-sigfile", names[2]]
        return subprocess.run(verify, capture_output=True).returncode == 0


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 1024

    def shutdown_request(self, request):
        self.close_request(request)  # without a shutdown first, so that a lingering close is a reset


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        sink = self.server.sink
        number = sink._connected(self.request)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = self.request.makefile("rb")
        try:
            while self._exchange(sink, stream, number):
                pass
        except (OSError, ValueError):
            pass  # the peer left: whatever was received is recorded
        finally:
            stream.close()
            sink._disconnected(self.request)

    def _exchange(self, sink, stream, number):
        received = _read(stream, number)
        if received is None:
            return False
        reply = sink._arrived(received)
        try:
            return self._answer(sink, reply)
        finally:
            sink._answered(received)

    def _answer(self, sink, reply):
        if reply.gate is not None:
            reply.gate.wait()
        if reply.then == "never":
            sink.closing.wait()
            return False
        if reply.then == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if reply.then == "close" or sink.closing.is_set():
            return False
        if reply.raw is not None:
            self.request.sendall(reply.raw)
            return False
        headers = {"content-length": str(len(reply.body)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} Programmed\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + "\r\n"
        self.request.sendall(head.encode("latin-1") + reply.body)
        return True


def _read(stream, number):
    if stream.peek(1)[:1] == b"\x16":
        return None  # a TLS handshake: this is no TLS server, and it leaves as one would
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(65536)
        if not line:
            return None
        head += line
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {}
    for line in rest:
        if line:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    body = stream.read(length)
    if len(body) < length:
        return None
    return Received(method, path, headers, head, body, time.monotonic(), number)


class Sink:
    def __init__(self):
        self._changed = threading.Condition()
        self._received = []
        self._programs = {}
        self._gates = []
        self._sockets = set()
        self._connections = 0
        self._running = defaultdict(int)
        self.peak = defaultdict(int)  # path -> the most requests that were open at once
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.sink = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path, *replies):
        """Programs a path: Replies in order (the last one stays), or one function from Received to Reply. An int is a status."""
        with self._changed:
            self._programs[path] = [Reply(r) if isinstance(r, int) else r for r in replies]

    def gate(self):
        """An Event for Reply(gate=…); opened by itself when the sink closes."""
        gate = threading.Event()
        self._gates.append(gate)
        return gate

    def received(self, path=None):
        """What came so far (on this path), in the order of arrival."""
        with self._changed:
            return [r for r in self._received if path is None or r.path == path]

    def wait_for(self, count, path=None, where=None, bound=BOUND):
        """Waits until `count` requests (on this path, for which where() holds) have arrived and returns them all."""

        def matching():
            return [r for r in self._received if (path is None or r.path == path) and (where is None or where(r))]

        with self._changed:
            if not self._changed.wait_for(lambda: len(matching()) >= count, bound):
                seen = [f"{r.path} {r.webhook_id} attempt {r.attempt}" for r in self._received[-20:]]
                raise AssertionError(f"only {len(matching())} of {count} requests came on {path} within {bound} s; the last: {seen}")
            return matching()

    def wait_until(self, holds, bound=BOUND):
        """Waits until holds(all received) is true; looked at whenever something arrives. False when it did not come true."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self._received), bound)

    def wait_idle(self, path, bound=BOUND):
        """Waits until no request is open on this path."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._running[path] == 0, bound), f"{path} is still busy"

    def close(self):
        self.closing.set()
        for gate in self._gates:
            gate.set()
        self._server.shutdown()
        self._server.server_close()
        with self._changed:
            open_sockets = list(self._sockets)
        for one in open_sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # The connections' side.

    def _connected(self, connection):
        with self._changed:
            self._sockets.add(connection)
            self._connections += 1
            return self._connections

    def _disconnected(self, connection):
        with self._changed:
            self._sockets.discard(connection)

    def _arrived(self, received):
        with self._changed:
            self._received.append(received)
            self._running[received.path] += 1
            self.peak[received.path] = max(self.peak[received.path], self._running[received.path])
            program = self._programs.get(received.path) or [Reply()]
            reply = program.pop(0) if len(program) > 1 else program[0]
            self._changed.notify_all()
        return reply(received) if callable(reply) else reply

    def _answered(self, received):
        with self._changed:
            self._running[received.path] -= 1
            self._changed.notify_all()
