"""Endpoints that hurt whom they can: time, size, grammar, ends of connections, redirects, policy."""

import functools
import gzip
import time

from stage import Sink, Stage, beside, require, source, until  # first: it says where the other tests' modules lie
from servers import OK, Closing, NeverAccepts, Server, says

BIG = 3 << 20


def served(behaviour, **options):
    return lambda: Server(behaviour, **options)


# Time.


def never_reads(talk):
    talk.hold()


def never_answers(talk):
    talk.request()
    talk.hold()


def drips_headers(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\n")
    talk.drip(b"X-Slow: yes\r\n")


def drips_body(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    talk.drip(b"x")


def answers_first(talk):
    talk.send(OK)
    talk.hold()


def publish_big(stage, _endpoint, _server):
    for _ in range(3):
        stage.hub.publish("bench.big", data="x" * BIG)


# Size.


def endless_body(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.flood(b"x" * 65536)


def endless_chunks(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    talk.flood(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def header_bomb(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\n")
    talk.flood(b"X-Bomb: " + b"x" * 1000 + b"\r\n")


def giant_header(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nX-Giant: ")
    talk.flood(b"x" * 65536)


def informs(status):
    def behave(talk):
        talk.request()
        talk.flood(b"HTTP/1.1 %d For ever\r\nLink: </a>; rel=preload\r\n\r\n" % status * 100)

    return behave


def trailer_bomb(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    talk.flood(b"X-Trailer: " + b"x" * 1000 + b"\r\n")


def chunk_extension(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    talk.flood(b"x" * 65536)


@functools.cache
def bomb():
    return gzip.compress(b"\0" * (64 << 20))


def gzip_bomb(talk):
    while True:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb()) + bomb())


# Ends of connections.


def resets(talk):
    talk.request()
    talk.reset()


def closes_idle(talk):
    """Answers, and closes just as the connection is used again."""
    talk.request()
    talk.send(OK)
    talk.socket.recv(1)
    raise Closing


def close_then_data(talk):
    talk.request()
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nokHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" + b"x" * 65536)


def body_of_204(talk):
    """What follows the 204 is nobody's answer; the next request on this connection gets none."""
    talk.request()
    talk.send(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n")
    talk.hold()


def redirect(status):
    return says(b"HTTP/1.1 %d Elsewhere\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n" % status)


def redirects_to_itself(talk):
    while True:
        talk.request()
        talk.send(b"HTTP/1.1 308 Again\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % talk.server.port)


def asks_to_wait(value):
    return says(b"HTTP/1.1 503 Busy\r\nRetry-After: " + value + b"\r\nContent-Length: 0\r\n\r\n")


def slow(talk):
    while True:
        talk.request()
        talk.wait(0.2)
        talk.send(OK)


def backlog(stage, _endpoint, _server):
    """10,000 events that only the slow endpoint gets."""
    source(stage.hub.port, stage.hub.key, count=100, batch=100, first_type=9000, first=10**9)


def sets_cookies():
    """Tenant A's cookie must not be in a request to tenant B at the same host."""
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=of-tenant-a; Path=/\r\nContent-Length: 0\r\n\r\n"
    with Stage(healthy=1) as stage, Server(says(answer)) as server:
        for path in ("/a", "/b"):
            stage.hostile(server.url(path=path), types=["bench.cookie"])
        for _ in range(20):
            stage.hub.publish("bench.cookie")
        until(lambda: len(server.heads) >= 40, "40 requests")
        require(not any(b"\r\ncookie:" in head.lower() for head in server.heads), "a request carries a cookie")
        return {"codes": ["no cookie in 40 requests"]}


def reflects(talk):
    while True:
        head, body = talk.request()
        echo = head + b"\r\n\r\n" + body
        talk.send(b"HTTP/1.1 500 Mirror\r\nContent-Length: %d\r\n\r\n" % len(echo) + echo)


def no_signature_kept(stage, endpoint, _server):
    stage.hub.publish("bench.t0000", data={"n": 1})
    for attempt in stage.attempts(endpoint):
        require("v1," not in str(attempt.get("response")).replace("v1,[redacted]", ""), f"a stored answer holds a signature: {attempt}")


def ok_with(head, body=b""):
    return says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body, close=True)


def recovery():
    """500 endpoints fail, deliveries wait; then all answer again: no stampede, the fastest second is at most twice the mean one."""
    endpoints, each = 500, 40
    with Stage(healthy=1) as stage, Sink(answer="fail") as sink:
        for number in range(endpoints):
            stage.hostile(sink.url(number, "ok"), types=[f"bench.t{1000 + number}"], retry={"schedule_ms": [500] * 60}, max_in_flight=8)
        source(stage.hub.port, stage.hub.key, count=endpoints * each, types=endpoints, first_type=1000, first=10**9)
        until(lambda: sink.stats()["received"] >= endpoints * 10, "ten attempts each")
        sink.reset()
        sink.answer("ok")
        seconds, last, began = [], 0, time.monotonic()
        while last < endpoints * each:
            require(time.monotonic() < began + 120, f"{last} of {endpoints * each} were delivered in 120 s")
            time.sleep(1)
            received = sink.stats()["received"]
            seconds.append(received - last)
            last = received
        busy = [count for count in seconds if count]
        mean = sum(busy) / len(busy)
        require(max(busy) <= 2 * mean or len(busy) <= 2, f"requests per second after the recovery: {seconds}")
        return {"codes": [f"requests per second: at most {max(busy)}, mean {mean:.0f}"]}


def raw(text):
    return says(text, close=True)


ROWS = {
    "never accepts": beside(NeverAccepts, ["connect_timeout"]),
    "accepts and never reads 3 MB": beside(
        served(never_reads, receive_buffer=4096), ["timeout"], options=["--limits-item", "4MiB"], fields={"types": ["bench.big"]}, during=publish_big),
    "reads and never answers": beside(served(never_answers), ["timeout"]),
    "drips headers": beside(served(drips_headers), ["timeout"]),
    "drips the body": beside(served(drips_body), ["delivered"]),
    "stalls in the TLS handshake": beside(served(never_reads, scheme="https"), ["timeout"]),
    "answers 200 before reading": beside(served(answers_first), ["delivered", "connection_closed", "protocol", "timeout"]),
    "endless body": beside(served(endless_body), ["delivered"]),
    "endless chunks": beside(served(endless_chunks), ["delivered"]),
    "header bomb": beside(served(header_bomb), ["answer_too_large"]),
    "one giant header": beside(served(giant_header), ["answer_too_large"]),
    "flood of 100": beside(served(informs(100)), ["answer_too_large", "timeout"]),
    "flood of 103": beside(served(informs(103)), ["answer_too_large", "timeout"]),
    "trailer bomb": beside(served(trailer_bomb), ["delivered"]),
    "endless chunk extension": beside(served(chunk_extension), ["delivered", "protocol"]),
    "unasked gzip bomb": beside(served(gzip_bomb, ready=bomb), ["delivered"]),
    "HTTP/0.9": beside(served(raw(b"<html>hello</html>\n")), ["protocol"]),
    "bad status line": beside(served(raw(b"HTTP/one.one OK 200\r\n\r\n")), ["protocol"]),
    "status 000": beside(served(raw(b"HTTP/1.1 000 Zero\r\n\r\n")), ["protocol"]),
    "status 2000": beside(served(raw(b"HTTP/1.1 2000 Many\r\n\r\n")), ["protocol"]),
    "LF only": beside(served(raw(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n")), ["delivered"]),
    "negative Content-Length": beside(served(ok_with(b"Content-Length: -5\r\n")), ["protocol"]),
    "two Content-Lengths": beside(served(ok_with(b"Content-Length: 0\r\nContent-Length: 5\r\n", b"hello")), ["delivered", "protocol"]),
    "overflowing Content-Length": beside(served(ok_with(b"Content-Length: 99999999999999999999999\r\n")), ["delivered", "protocol"]),
    "Transfer-Encoding and Content-Length": beside(served(ok_with(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n")), ["delivered"]),
    "bad chunk": beside(served(ok_with(b"Transfer-Encoding: chunked\r\n", b"zz\r\n")), ["delivered", "protocol"]),
    "NUL in a header": beside(served(ok_with(b"X-Nul: a\0b\r\nContent-Length: 0\r\n")), ["delivered", "protocol"]),
    "204 with a body on a reused connection": beside(served(body_of_204), ["delivered", "connection_closed", "timeout"]),
    "101": beside(served(raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")), ["http_status", "protocol", "connection_closed"]),
    "ends without a byte": beside(served(lambda talk: talk.request()), ["connection_closed"]),
    "reset": beside(served(resets), ["connection_closed"]),
    "ends in mid-body after a 200": beside(served(ok_with(b"Content-Length: 100\r\n", b"half")), ["delivered"]),
    "idle connection closed as it is reused": beside(served(closes_idle), ["delivered", "connection_closed"]),
    "Connection: close, then data": beside(served(close_then_data), ["delivered"]),
    **{f"redirect {status} to a link-local address": beside(served(redirect(status)), ["redirect"]) for status in (300, 301, 302, 303, 304, 307, 308)},
    "redirect loop": beside(served(redirects_to_itself), ["redirect"]),
    **{f"Retry-After {name}": beside(served(asks_to_wait(value)), ["http_status"]) for name, value in {
        "of -1": b"-1", "of 1e99": b"1e99", "in the year 9999": b"Fri, 31 Dec 9999 23:59:59 GMT", "garbage": b"soon\x80", "of 50 KB": b"9" * 50000}.items()},
    "410": beside(served(says(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")), ["http_status"]),
    "429": beside(served(says(b"HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")), ["http_status"]),
    "Set-Cookie": sets_cookies,
    "an answer that reflects the signature": beside(served(reflects), ["http_status"], during=no_signature_kept),
    "slow, with a backlog of 10,000": beside(served(slow), ["delivered"], fields={"types": ["bench.t9000"]}, during=backlog),
    "500 endpoints recover together": recovery,
    "one of two never answers, 200/s": beside(served(never_answers), ["timeout"], healthy=1, rate=200, fields={"timeout_ms": 15000}),
    "one of two never answers, 5,000/s": beside(served(never_answers), ["timeout"], healthy=1, rate=5000, fields={"timeout_ms": 15000}),
}
