"""Endpoints that misbehave, on raw sockets of this machine.

A behaviour is a function of (Talk): it gets one connection and does what it does with it until it returns, or until the server
closes. Connections are served side by side. What a behaviour sees of a request is its head and body, if it cares to read them."""

import socket
import struct
import threading

from canary import filtered_port


class Closing(Exception):
    """The server closes, or the peer went."""


class Talk:
    """One connection, from the server's side."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection

    def wait(self, seconds):
        if self.server.closing.wait(seconds):
            raise Closing

    def hold(self):
        """Says and reads nothing any more."""
        while True:
            self.wait(1)

    def request(self):
        """Reads one request: (head, body)."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._some()
        head, _, body = got.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += self._some()
        self.server.heads.append(head)
        return head, body

    def _some(self):
        got = self.socket.recv(65536)
        if not got:
            raise Closing
        return got

    def send(self, data):
        self.socket.sendall(data)

    def drip(self, data, seconds=0.05):
        """A byte now and then, over and over."""
        while True:
            for byte in data:
                self.send(bytes([byte]))
                self.wait(seconds)

    def flood(self, data, limit=256 << 20):
        """Over and over as fast as it is taken; the end is for a peer that reads everything."""
        sent = 0
        while sent < limit:
            self.send(data)
            sent += len(data)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Server:
    """Serves a behaviour on a free port until the end of a `with`. `tls`: an ssl.SSLContext."""

    def __init__(self, behaviour, tls=None, backlog=512, receive_buffer=None, address="127.0.0.1", port=0, scheme=None, ready=None):
        if ready:
            ready()
        self.behaviour, self.tls = behaviour, tls
        self.scheme = scheme or ("https" if tls else "http")
        self.closing = threading.Event()
        self.heads = []
        self.connections = 0
        self._open, self._lock = set(), threading.Lock()
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((address, port))
        self._listener.listen(backlog)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, host="127.0.0.1", path="/"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def _accept(self):
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        raw = connection
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self.behaviour(Talk(self, connection))
        except (Closing, OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(raw)
            connection.close()

    def close(self):
        self.closing.set()
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class NeverAccepts:
    """A port whose queue of connections is full: the handshake of the next one is never answered."""

    def __enter__(self):
        self._held = filtered_port()
        self.port = self._held.__enter__()
        return self

    def url(self, host="127.0.0.1", path="/"):
        return f"http://{host}:{self.port}{path}"

    def __exit__(self, *error):
        self._held.__exit__(*error)


def says(*parts, close=False):
    """A behaviour: after each request the same bytes; then the connection goes on, or ends."""
    answer = b"".join(parts)

    def behave(talk):
        while True:
            talk.request()
            talk.send(answer)
            if close:
                return

    return behave


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
