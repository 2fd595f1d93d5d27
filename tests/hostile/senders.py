"""Clients that hurt whom they can at the hub's own doors, beside one that behaves: its acknowledgement p99 stays under 100 ms, memory flat."""

import json
import socket
import threading
import time

from stage import BOUND_S, RSS_MB, Failed, Stage, require

ACK_MS = 100
CLIENTS = 50
PAUSE_S = 0.05  # before a client comes again
DEADLINE = ["--http-deadline", "1s", "--http-idle", "2s"]


class Attack:
    """So many connections at once, each driven by a function of a socket, over and over until the end."""

    def __init__(self, hub, drive, clients=CLIENTS):
        self.hub, self.drive, self.closing = hub, drive, threading.Event()
        self.ended = 0  # connections that the hub closed
        self.answers = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self.closing.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.hub.port), timeout=BOUND_S) as connection:
                    self.drive(self, connection)
            except OSError:
                self.ended += 1
            self.closing.wait(PAUSE_S)

    def until_closed(self, connection):
        """Reads what is said until the hub closes."""
        said = b""
        while True:
            try:
                got = connection.recv(65536)
            except OSError:
                got = b""
            if not got:
                self.ended += 1
                return said
            said = (said + got)[:65536]

    def close(self):
        self.closing.set()
        for thread in self._threads:
            thread.join(BOUND_S)


def head(hub, *lines, path="/v1/events", method="POST"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", "Content-Type: application/json", f"Authorization: Bearer {hub.key}", *lines, "", ""]).encode()


def drips(data):
    """Sends a byte now and then, never the whole of it."""

    def drive(attack, connection):
        connection.settimeout(0.1)
        for byte in data(attack.hub):
            connection.sendall(bytes([byte]))
            try:
                got = connection.recv(65536)
                if not got or attack.closing.is_set():
                    attack.ended += 1
                    return
            except TimeoutError:
                pass

    return drive


def answered(status, request, again=b""):
    """Sends a request (a function of the hub to parts); the answer must be of this status, and the last one on the connection."""

    def drive(attack, connection):
        try:
            for part in request(attack.hub):
                connection.sendall(part)
        except OSError:
            pass  # it was refused before its end
        said = attack.until_closed(connection)
        attack.answers.append(said)

    drive.status = status
    return drive


def check_answers(attack, status):
    whole = [said for said in attack.answers if said]
    require(whole, "no request was answered")
    for said in whole:
        require(said.startswith(b"HTTP/1.1 %d " % status), f"the answer was {said[:60]!r}, not {status}")
        # libmicrohttpd's own refusals repeat their headers, but are one answer
        require(said.count(b"HTTP/1.1 ") == 1, f"more than one answer on a connection: {said[:400]!r}")


def beside(drive, clients=CLIENTS, options=DEADLINE, ends=True, rss_mb=RSS_MB):
    def once():
        with Stage(*options, healthy=1) as stage:
            stage.load()
            before_mb = stage.rss_mb()
            attack = Attack(stage.hub, drive, clients)
            try:
                now = stage.load(seconds=4)
                end = time.monotonic() + BOUND_S
                while ends and not attack.ended:
                    require(time.monotonic() < end, "no connection was closed by the hub")
                    time.sleep(0.02)
            finally:
                attack.close()
            if hasattr(drive, "status"):
                check_answers(attack, drive.status)
            grown_mb = max(0, stage.rss_mb() - before_mb)
            stage.connections_end(stage.hub.port, "local")
            stage.alive()
        require(grown_mb <= rss_mb, f"memory grew by {grown_mb:.0f} MB")
        return {"p99": now["ack_ms"], "rss": grown_mb, "codes": [f"{attack.ended} closed"] + ([str(drive.status)] if hasattr(drive, "status") else [])}

    def run():
        for _ in range(3):
            figures = once()
            if figures["p99"] <= ACK_MS:
                return figures
        raise Failed(f"the other client's acknowledgement p99 is {figures['p99']:.0f} ms")

    return run


def event(data):
    return b'{"type":"bench.t0000","data":' + data + b"}"


def whole(body):
    def request(hub):
        data = body() if callable(body) else body
        return [head(hub, f"Content-Length: {len(data)}", "Connection: close"), data]

    return request


def chunked(size, count):
    chunk = b"%x\r\n" % size + b" " * size + b"\r\n"
    return lambda hub: [head(hub, "Transfer-Encoding: chunked", "Connection: close"), *[chunk] * count, b"0\r\n\r\n"]


def smuggled(*lines, body=b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"):
    return answered(400, lambda hub: [head(hub, *lines) + body])


DEEP = 100000
ROWS = {
    "slow request line": beside(drips(lambda hub: head(hub))),
    "slow headers": beside(drips(lambda hub: head(hub)[:-2] + b"X-Slow: " + b"x" * 4000)),
    "slow body": beside(drips(lambda hub: head(hub, "Content-Length: 4000") + b" " * 3999)),
    "connects and says nothing": beside(lambda attack, connection: attack.until_closed(connection)),
    "body over the limit, Content-Length": beside(answered(413, lambda hub: [head(hub, "Content-Length: 100000000")]), clients=8),
    "body over the limit, chunked": beside(answered(413, chunked(65536, 400)), clients=4),
    "40 KB header": beside(answered(431, lambda hub: [head(hub, "X-Large: " + "x" * 40000)]), clients=8),
    "1,000 headers": beside(answered(431, lambda hub: [head(hub, *[f"X-{n}: 1" for n in range(1000)])]), clients=8),
    "40 KB target": beside(answered(414, lambda hub: [head(hub, path="/" + "x" * 40000)]), clients=8),
    "Transfer-Encoding and Content-Length": beside(smuggled("Transfer-Encoding: chunked", "Content-Length: 5"), clients=8),
    "two Content-Lengths": beside(smuggled("Content-Length: 5", "Content-Length: 6"), clients=8),
    "two Hosts": beside(smuggled("Host: other", "Content-Length: 5"), clients=8),
    "Transfer-Encoding with a space": beside(smuggled("Transfer-Encoding : chunked"), clients=8),
    "xchunked": beside(smuggled("Transfer-Encoding: xchunked"), clients=8),
    "folded header": beside(smuggled("X-Folded: a", " b", "Content-Length: 5"), clients=8),
    "NUL in a header": beside(smuggled("X-Nul: a\0b", "Content-Length: 5"), clients=8),
    "bare LF in chunks": beside(answered(422, lambda hub: [head(hub, "Transfer-Encoding: chunked") + b"2\n{}\n0\n\n"]), clients=8),
    "JSON nested 100,000 deep": beside(answered(400, whole(lambda: event(b"[" * DEEP + b"]" * DEEP))), clients=4),
    "a string of 10 MB": beside(answered(413, whole(lambda: event(b'"' + b"x" * (10 << 20) + b'"'))), clients=4),
    "a million keys": beside(
        answered(202, whole(lambda: event(json.dumps({f"k{n}": n for n in range(1000000)}).encode()))), clients=1,
        options=["--limits-item", "32MiB", "--limits-request", "32MiB"], rss_mb=128),
    "JSON that is not JSON": beside(answered(400, whole(event(b"{'a':1}"))), clients=8),
}
