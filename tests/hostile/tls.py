"""TLS that is not to be trusted, in one way each. No request gets through, and nothing less is used instead."""

import ssl
import tempfile
import warnings

from certificates import Certificates
from servers import OK, Server, says
from stage import beside, require

OLD = "ALL:@SECLEVEL=0"


def settings(certificate, oldest=None, ciphers=None, clients=None):
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        one.set_ciphers(ciphers)
    if oldest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one.minimum_version = one.maximum_version = oldest
    one.load_cert_chain(certificate)
    if clients:
        one.verify_mode = ssl.CERT_REQUIRED
        one.load_verify_locations(clients + ".crt")
    return one


class World:
    """Certificates, whose authority the hub trusts. `make(certificates)`: the settings of the endpoint."""

    def __init__(self, make):
        self._folder = tempfile.TemporaryDirectory()
        self._certificates = Certificates(self._folder.name)
        self.options = ["--egress-authorities", self._certificates.path("authority.crt")]
        self.tls = make(self._certificates)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()


class Untrusted(Server):
    trusted = False

    def __exit__(self, *_):
        self.close()
        require(self.trusted == bool(self.heads), f"{len(self.heads)} requests came through")


class Trusted(Untrusted):
    trusted = True


def row(make, code, serve=Untrusted):
    """One world for the hub and for the endpoint, which are made one after the other."""
    worlds = []

    def world():
        worlds.append(World(make))
        return worlds[-1]

    return beside(lambda: serve(says(OK, close=True), tls=worlds[-1].tls, scheme="https"), [code, "timeout"], [code], world=world)


ROWS = {
    "TLS that is in order": row(lambda c: settings(c.good()), "delivered", Trusted),
    "TLS, expired": row(lambda c: settings(c.expired()), "tls_expired"),
    "TLS, of another host": row(lambda c: settings(c.wrong_host()), "tls_wrong_host"),
    "TLS, self-signed": row(lambda c: settings(c.self_signed()), "tls_self_signed"),
    "TLS, of an unknown authority": row(lambda c: settings(c.unknown_authority()), "tls_unknown_ca"),
    "TLS 1.0": row(lambda c: settings(c.good(), ssl.TLSVersion.TLSv1, OLD), "tls_old_protocol"),
    "TLS 1.1": row(lambda c: settings(c.good(), ssl.TLSVersion.TLSv1_1, OLD), "tls_old_protocol"),
    "TLS, a weak key": row(lambda c: settings(c.weak_key(), ciphers=OLD), "tls_weak_key"),
    "TLS, a client certificate demanded": row(lambda c: settings(c.good(), clients=c.path("authority")), "tls_client_certificate"),
    "plain text where TLS should be": beside(lambda: Untrusted(lambda talk: talk.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https"), ["tls_plaintext", "timeout"], ["tls_plaintext"]),
}
