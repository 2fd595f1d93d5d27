"""Addresses that are never delivered to, and names that lead there or nowhere. Canaries listen on an address of this machine that the policy
refuses while 127.0.0.1 alone is allowed: not one connection reaches them."""

from stage import Stage, beside, require  # first: it says where the other tests' modules lie
from nameserver import NXDOMAIN, SERVFAIL, Names
from servers import OK, Server, says

ALLOWED, DENIED = "127.0.0.1", "127.0.0.2"
NAME = "endpoint.test"
# first and last of each prefix of the table in docs/SECURITY-MODEL.md; their neighbours are unit tests (tests/unit/test_egress.c)
PREFIXES = (
    "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 169.254.0.0 169.254.255.255 172.16.0.0 "
    "172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255 192.31.196.0 192.31.196.255 192.52.193.0 192.52.193.255 192.88.99.0 192.88.99.255 "
    "192.168.0.0 192.168.255.255 192.175.48.0 192.175.48.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 "
    "224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255 [::] [::1] [fc00::1] [fe80::1] [ff02::1] [2001::] [2001:1ff:ffff::] [2001:db8::1] "
    "[2002::] [2002:7f00:1::] [2620:4f:8000::1] [3fff::1] [3fff:fff:ffff::] [::ffff:127.0.0.1] [::ffff:10.0.0.1] [64:ff9b::7f00:1] "
    "[64:ff9b::a9fe:a9fe] [2001:0:7f00:1::] 2130706433 0x7f.1 127.1 0177.0.0.1"
).split()


class World:
    """A name server, which the hub asks."""

    def __init__(self):
        self.names = Names()
        self.names.on(NAME, ALLOWED)
        self.options = self.names.option

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.names.close()


class AtCanary:
    """An endpoint whose name leads to the allowed address or to the canary, at a port that is open at both."""

    heads = ()

    def __init__(self):
        self._server = Server(says(OK))
        self.port = self._server.port

    def url(self, host, path="/"):
        return self._server.url(host, path)

    def __enter__(self):
        self._second = Server(says(OK), address=DENIED, port=self._server.port)
        return self

    def __exit__(self, *_):
        count = self._second.connections
        self._second.close()
        self._server.close()
        require(count == 0, f"{count} connections reached the canary at {DENIED}")


def named(codes, *addresses, must=(), options=(), **answer):
    """An endpoint that is registered while its name leads to it; then the name server answers so."""

    def turn(stage, _endpoint, _server):
        stage.around.names.on(NAME, *addresses, **answer)

    return beside(AtCanary, codes, must, options=options, world=World, allow=ALLOWED + "/32", host=NAME, during=turn)


class Redirecting(Server):
    """Redirects to a canary of its own."""

    def __init__(self, status):
        self._canary = Server(says(OK), address=DENIED)
        answer = b"HTTP/1.1 %d Elsewhere\r\nLocation: http://%s:%d/\r\nContent-Length: 0\r\n\r\n" % (status, DENIED.encode(), self._canary.port)
        super().__init__(says(answer))

    def __exit__(self, *_):
        count = self._canary.connections
        self._canary.close()
        self.close()
        require(count == 0, f"{count} connections followed the redirect")


def literals():
    """Every refused prefix as a literal: the endpoint is refused when it is registered, or its attempts are."""
    with Stage(healthy=1, allow=ALLOWED + "/32") as stage:
        kept = []
        for literal in PREFIXES:
            answer = stage.hub.api("POST", "/v1/endpoints", {"url": f"http://{literal}:9/", "event_types": ["bench.literal"], "retry": {"max_attempts": 1}, "timeout_ms": 1000})
            require(answer.status in (201, 422), f"{literal}: {answer}")
            if answer.status == 201:
                kept.append((literal, answer.json["id"]))
        stage.hub.publish("bench.literal")
        for literal, endpoint in kept:
            codes = stage.codes(endpoint)
            require(codes == ["address_denied"], f"{literal}: {codes}")
        stage.alive()
        return {"codes": [f"{len(PREFIXES) - len(kept)} refused at registration, {len(kept)} at the attempt"]}


ROWS = {
    "each refused prefix, first and last": literals,
    **{f"redirect {status} to a refused address": beside(lambda status=status: Redirecting(status), ["redirect"], allow=ALLOWED + "/32") for status in (301, 302, 307, 308)},
    "rebinding with TTL 0": named(["delivered", "address_denied"], DENIED, must=["address_denied"]),
    "one allowed and one refused address": named(["delivered", "address_denied"], ALLOWED, DENIED, must=["address_denied"]),
    "200 addresses": named(["delivered"], *[ALLOWED] * 200),
    "NXDOMAIN": named(["delivered", "dns"], must=["dns"], rcode=NXDOMAIN),
    "SERVFAIL": named(["delivered", "dns"], must=["dns"], rcode=SERVFAIL),
    "silent name server": named(["delivered", "dns", "timeout"], silent=True),
    # 2d00::/8 is nobody's: no packet for it goes anywhere
    "AAAA only, without a route": named(["delivered", "connect", "connect_timeout", "timeout"], "2d00::1", options=["--egress-allow-http"]),
    "CNAME loop": named(["delivered", "dns"], must=["dns"], cname=NAME),
}
