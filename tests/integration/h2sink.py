"""A programmable HTTP/2 receiver over TLS, frame by frame, so that it can misbehave in every one of them (RFC 9113). Headers are decoded by the
nghttp2 library that libcurl brings along. What a connection negotiates that is not h2 is answered as HTTP/1.1."""

import ctypes
import socket
import ssl
import struct
import subprocess
import threading
from dataclasses import dataclass

from sink import BOUND, Received, _read

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 0x20
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
REFUSED_STREAM, INTERNAL_ERROR = 7, 2
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority: the files of certificate and key."""
    cert, key = str(folder / "h2.pem"), str(folder / "h2.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2"]
        + ["-subj", "/CN=h2", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
        timeout=BOUND,
    )
    return cert, key


class _Pair(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.POINTER(ctypes.c_uint8)),
        ("value", ctypes.POINTER(ctypes.c_uint8)),
        ("name_len", ctypes.c_size_t),
        ("value_len", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    ]


class _Inflater:
    """HPACK (RFC 7541) of one connection."""

    FINAL, EMIT = 1, 2

    def __init__(self):
        self.library = ctypes.CDLL("libnghttp2.so.14")
        self.library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.library.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p] * 2 + [ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        self.state = ctypes.c_void_p()
        assert self.library.nghttp2_hd_inflate_new(ctypes.byref(self.state)) == 0

    def decode(self, block):
        headers = []
        while True:
            pair, flags = _Pair(), ctypes.c_int()
            used = self.library.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(pair), ctypes.byref(flags), block, len(block), 1)
            assert used >= 0, f"HPACK: {used}"
            block = block[used:]
            if flags.value & self.EMIT:
                headers.append((ctypes.string_at(pair.name, pair.name_len).decode(), ctypes.string_at(pair.value, pair.value_len).decode("latin-1")))
            if flags.value & self.FINAL or not (block or flags.value & self.EMIT):
                self.library.nghttp2_hd_inflate_end_headers(self.state)
                return headers

    def close(self):
        self.library.nghttp2_hd_inflate_del(self.state)


@dataclass
class Stream:
    """One request, whole or (`begun`) when its headers are in; what the program does with it."""

    connection: "_Connection"
    id: int
    headers: dict
    body: bytes = b""
    version: str = "h2"

    def answer(self, status=200):
        self.connection.send(HEADERS, END_HEADERS | END_STREAM, self.id, b"\x08\x03" + str(status).encode())  # a literal :status

    def reset(self, code=INTERNAL_ERROR):
        self.connection.send(RST_STREAM, 0, self.id, struct.pack(">I", code))

    def go_away(self, last=0, code=0):
        self.connection.send(GOAWAY, 0, 0, struct.pack(">II", last, code))

    @property
    def received(self):
        headers = {n: v for n, v in self.headers.items() if not n.startswith(":")}
        return Received(self.headers[":method"], self.headers[":path"], headers, b"", self.body, 0, self.connection.number)


class _Connection:
    def __init__(self, sink, raw, number):
        self.sink, self.number = sink, number
        self.lock = threading.Lock()
        self.socket = sink.context.wrap_socket(raw, server_side=True)
        self.streams = {}

    def send(self, kind, flags, stream, payload=b""):
        with self.lock:
            self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def cut(self):
        """From the program's thread, while this one reads."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        if self.socket.selected_alpn_protocol() != "h2":
            return self._run_http1()
        stream = self.socket.makefile("rb")
        if stream.read(len(PREFACE)) != PREFACE:
            return None
        self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", name, value) for name, value in self.sink.settings.items()))
        inflater = _Inflater()
        try:
            while self._frame(stream, inflater):
                pass
        finally:
            inflater.close()

    def _run_http1(self):
        stream = self.socket.makefile("rb")
        while (got := _read(stream, self.number)) is not None:
            self.sink._arrived(Stream(self, 0, {":method": got.method, ":path": got.path, **got.headers}, got.body, "http/1.1"))
            self.socket.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def _frame(self, stream, inflater):
        head = stream.read(9)
        if len(head) < 9:
            return False
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        number = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        payload = stream.read(length)
        if kind == SETTINGS and not flags & ACK:
            self.send(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.send(PING, ACK, 0, payload)
        elif kind == HEADERS:
            assert flags & END_HEADERS, "one frame has all headers"
            if flags & PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            if flags & PRIORITY:
                payload = payload[5:]
            self.streams[number] = Stream(self, number, dict(inflater.decode(payload)))
            self.sink._begun(self.streams[number])
        elif kind == DATA:
            self.streams[number].body += payload
            if payload:
                self.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload)))
        elif kind == RST_STREAM:
            self.streams.pop(number, None)
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.sink._arrived(self.streams.pop(number))
        return True


class H2Sink:
    """`on(path, program)`: a function of a Stream that is called when its request is whole (`begun=True`: when its headers are in); without one
    it is answered 200."""

    def __init__(self, files, protocols=("h2", "http/1.1"), settings=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        self.context.set_alpn_protocols(list(protocols))
        self.settings = settings or {}
        self._changed = threading.Condition()
        self._received, self._programs, self._connections = [], {}, []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"https://127.0.0.1:{self.port}{path}"

    def on(self, path, program, begun=False):
        with self._changed:
            self._programs[path, begun] = program

    @property
    def connections(self):
        with self._changed:
            return len(self._connections)

    def received(self, path=None):
        with self._changed:
            return [s for s in self._received if path is None or s.headers[":path"] == path]

    def wait_for(self, count, path=None, bound=BOUND):
        def matching():
            return [s for s in self._received if path is None or s.headers[":path"] == path]

        with self._changed:
            assert self._changed.wait_for(lambda: len(matching()) >= count, bound), f"only {len(matching())} of {count} requests came on {path}"
            return matching()

    def close(self):
        self._listener.close()
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            connection.cut()

    def _accept(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[raw], daemon=True).start()

    def _serve(self, raw):
        try:
            connection = _Connection(self, raw, 0)
        except OSError:
            return
        with self._changed:
            self._connections.append(connection)
            connection.number = len(self._connections)
        try:
            connection.run()
        except (OSError, ValueError, KeyError):
            pass  # the peer left, or the program closed it
        finally:
            connection.socket.close()

    def _begun(self, stream):
        program = self._programs.get((stream.headers[":path"], True))
        if program:
            program(stream)

    def _arrived(self, stream):
        with self._changed:
            self._received.append(stream)
            program = self._programs.get((stream.headers[":path"], False))
            self._changed.notify_all()
        if stream.version == "h2":
            program(stream) if program else stream.answer()
