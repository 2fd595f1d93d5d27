"""TLS that is not to be trusted, in one way each. No request gets through, and nothing less is used instead."""

import contextlib
import pathlib
import ssl
import tempfile
import warnings

from stage import beside, require  # first: it says where the other tests' modules lie
from addresses import ALLOWED, NAME, World
from authority import DAY, Authority, context, weak_key
from servers import OK, Server, says

OLD = "ALL:@SECLEVEL=0"
OTHER = Authority("another authority")


class Certified:
    """A name server, and an authority that the hub trusts. `issue(authority, folder)`: the endpoint's certificate."""

    def __init__(self, issue, **settings):
        self._issue, self._settings = issue, settings

    def __enter__(self):
        self._left = contextlib.ExitStack()
        folder = pathlib.Path(self._left.enter_context(tempfile.TemporaryDirectory()))
        world, authority = self._left.enter_context(World()), Authority()
        (folder / "authorities.pem").write_bytes(authority.pem)
        self.options = [*world.options, "--egress-authorities", folder / "authorities.pem"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions that are too old
            self.context = context(self._issue(authority, folder), **self._settings)
        return self

    def __exit__(self, *_):
        self._left.close()


class Endpoint(Server):
    def __init__(self, trusted, behaviour=says(OK, close=True), **options):
        self._trusted = trusted
        super().__init__(behaviour, scheme="https", **options)

    def __exit__(self, *_):
        self.close()
        require(self._trusted == bool(self.heads), f"{len(self.heads)} requests came through")


def usual(authority, folder):
    return authority.issue(folder, NAME)


def row(code, issue=usual, **settings):
    around = []

    def world():
        around[:] = [Certified(issue, **settings)]
        return around[0]

    def serve():
        return Endpoint(code == "delivered", tls=around[0].context)

    return beside(serve, [code, "timeout"], [code], world=world, allow=ALLOWED + "/32", host=NAME)


def plain(talk):
    talk.socket.recv(65536)
    talk.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def only(version):
    return {"oldest": version, "newest": version, "ciphers": OLD}


ROWS = {
    "TLS that is in order": row("delivered"),
    "TLS, expired": row("tls_expired", lambda authority, folder: authority.issue(folder, NAME, -2 * DAY, -DAY)),
    "TLS, of another host": row("tls_wrong_host", lambda authority, folder: authority.issue(folder, "elsewhere.example")),
    "TLS, self-signed": row("tls_self_signed", lambda authority, folder: authority.issue(folder, NAME, self_signed=True)),
    "TLS, of an unknown authority": row("tls_unknown_ca", lambda _, folder: OTHER.issue(folder, NAME)),
    "TLS 1.0": row("tls_old_protocol", **only(ssl.TLSVersion.TLSv1)),
    "TLS 1.1": row("tls_old_protocol", **only(ssl.TLSVersion.TLSv1_1)),
    "TLS, a weak key": row("tls_weak_key", lambda authority, folder: authority.issue(folder, NAME, key=weak_key()), ciphers=OLD),
    "TLS, a client certificate demanded": row("tls_client_certificate", client_authority=OTHER),
    "plain text where TLS should be": beside(lambda: Endpoint(False, plain), ["tls_plaintext", "timeout"], ["tls_plaintext"]),
}
