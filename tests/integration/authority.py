"""Certificates made in the test, and an endpoint that speaks TLS as badly as it is told to."""

import contextlib
import datetime
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Authority:
    """Signs certificates; `pem` is its own. `above`: it is an intermediate one of that."""

    def __init__(self, name="a test's authority", above=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = above or self
        self.certificate = (_builder(self.name, signer.name, self.key, -DAY, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256()))
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, folder, host, since=-DAY, until=DAY, key=None, self_signed=False, chain=b""):
        """Writes certificate (and chain) and key for a host; their paths."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (_builder(name, name if self_signed else self.name, key, since, until)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key if self_signed else self.key, hashes.SHA256()))
        paths = folder / f"{certificate.serial_number}.pem", folder / f"{certificate.serial_number}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + chain)
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return paths


def weak_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _builder(name, issuer, key, since, until):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + since).not_valid_after(now + until))


def context(paths, oldest=None, newest=None, ciphers=None, client_authority=None):
    """A server's settings."""
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        one.set_ciphers(ciphers)
    if oldest:
        one.minimum_version = oldest
    if newest:
        one.maximum_version = newest
    one.load_cert_chain(*paths)
    if client_authority:
        one.verify_mode = ssl.CERT_REQUIRED
        one.load_verify_locations(cadata=client_authority.pem.decode())
    return one


class Secure:
    """Answers each request on a new connection with 204. `requests`: what came through TLS; `names`: the host names that were asked for."""

    def __init__(self, context):
        self.requests, self.names = [], []
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one):
        with contextlib.suppress(OSError), self._context.wrap_socket(one, server_side=True) as secure:
            request = b""
            while b"\r\n\r\n" not in request:
                some = secure.recv(65536)
                if not some:
                    return
                request += some
            self.requests.append(request)
            secure.sendall(ANSWER)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
