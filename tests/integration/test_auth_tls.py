"""TLS of an endpoint's own: client certificates, authorities, verification. Certificates are made by the openssl command in the test."""

import json
import os
import socket
import ssl
import subprocess
import threading

import pytest

from hub import run
from sink import BOUND

HOSTS = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Authority:
    """A certificate authority in a folder; every key is an ECDSA key, which openssl makes at once."""

    def __init__(self, folder, name):
        self.folder, self.name = str(folder), name
        self._openssl("req", "-x509", *self._key(name), "-subj", f"/CN={name}", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")
        self.certificate = self._text(name + ".crt")

    def issue(self, name, extension=HOSTS, days="2"):
        """A certificate with its key: (certificate, key) as PEM."""
        self._openssl("req", "-new", *self._key(name)[:-1], f"{name}.csr", "-subj", f"/CN={name}")
        with open(os.path.join(self.folder, f"{name}.ext"), "w") as file:
            file.write(extension)
        if days == "past":
            self._past(name)
        else:
            self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key", "-CAcreateserial",
                          "-extfile", f"{name}.ext", "-out", f"{name}.crt", "-days", days)
        return self._text(name + ".crt"), self._text(name + ".key")

    def _past(self, name):
        """openssl ca alone takes a begin and an end."""
        with open(os.path.join(self.folder, "ca.conf"), "w") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=number\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        open(os.path.join(self.folder, "index"), "w").close()
        with open(os.path.join(self.folder, "number"), "w") as file:
            file.write("1000\n")
        self._openssl("ca", "-batch", "-config", "ca.conf", "-cert", f"{self.name}.crt", "-keyfile", f"{self.name}.key", "-in", f"{name}.csr",
                      "-out", f"{name}.crt", "-notext", "-startdate", "20200101000000Z", "-enddate", "20200102000000Z")

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt"]

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _text(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()


class TlsSink:
    """An HTTPS server on 127.0.0.1; remembers of each request the path, the client certificate's name and the connection."""

    def __init__(self, folder, pair, name="server", client_ca=None, optional=False, versions=None):
        for part, text in zip(("crt", "key"), pair):
            with open(os.path.join(str(folder), f"sink-{name}.{part}"), "w") as file:
                file.write(text)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(os.path.join(str(folder), f"sink-{name}.{part}") for part in ("crt", "key")))
        if client_ca:
            self.context.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=client_ca)
        if versions:
            self.context.minimum_version, self.context.maximum_version = versions
        self.changed = threading.Condition()
        self.seen = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"https://127.0.0.1:{self.port}{path}"

    def _accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            with raw, self.context.wrap_socket(raw, server_side=True) as connection:
                with self.changed:
                    self.connections += 1
                    number = self.connections
                subject = dict(pair[0] for pair in (connection.getpeercert() or {}).get("subject", ()))
                stream = connection.makefile("rb")
                while line := stream.readline():
                    length = 0
                    while (header := stream.readline()) not in (b"\r\n", b""):
                        if header.lower().startswith(b"content-length:"):
                            length = int(header.split(b":")[1])
                    stream.read(length)
                    with self.changed:
                        self.seen.append((line.decode().split(" ")[1], subject.get("commonName"), number))
                        self.changed.notify_all()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass

    def wait_for(self, count, path="/"):
        matching = lambda: [s for s in self.seen if s[0] == path]
        with self.changed:
            assert self.changed.wait_for(lambda: len(matching()) >= count, BOUND), self.seen
            return matching()

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "Test Authority")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Other Authority")


@pytest.fixture(scope="module")
def server_pair(authority):
    return authority.issue("localhost")


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("grapnel-client", "extendedKeyUsage=clientAuth")


@pytest.fixture
def make_server(tmp_path, hub):
    made = []

    def make(*arguments, **keywords):
        made.append(TlsSink(tmp_path, *arguments, **keywords))
        return made[-1]

    yield make
    for one in made:
        one.close()


def delivered(hub, event=None):
    return hub.wait_delivery(event or hub.publish(), "delivered")


def fails(hub, says):
    delivery = hub.wait_delivery(hub.publish(), "dead")
    attempt = delivery["attempts"][-1]
    # With TLS 1.3 a server refuses a client when the handshake is over for the client.
    assert attempt["failure"].startswith("tls") or (attempt["failure"] == "connection_closed" and not says), attempt
    assert says.lower() in attempt["detail"].lower(), attempt


# ---- Authorities ----


def test_an_unknown_authority_is_refused_and_the_endpoints_own_is_not(hub, make_server, server_pair, authority):
    server = make_server(server_pair)
    endpoint = hub.endpoint(server.url(), uid="e")
    assert (endpoint["tls"], endpoint["insecure"]) == (None, None)
    fails(hub, "certificate")
    patched = hub.api("PATCH", "/v1/endpoints/e", {"tls": {"ca": authority.certificate}})
    assert patched.status == 200
    assert patched.json["tls"] == {"ca": authority.certificate, "verify": True, "min_version": "1.2"}
    delivered(hub)
    assert hub.api("PATCH", "/v1/endpoints/e", {"tls": None}).json["tls"] is None
    fails(hub, "certificate")
    assert len(server.seen) == 1


def test_a_name_that_is_not_in_the_certificate_is_refused(hub, make_server, authority):
    server = make_server(authority.issue("elsewhere", "subjectAltName=DNS:elsewhere.example"))
    hub.endpoint(server.url(), tls={"ca": authority.certificate})
    fails(hub, "127.0.0.1")


def test_only_the_given_authorities_count(hub, make_server, server_pair, authority, other):
    server = make_server(server_pair)
    hub.endpoint(server.url(), tls={"ca": other.certificate + authority.certificate}, uid="both")
    delivered(hub)
    hub.api("DELETE", "/v1/endpoints/both")
    hub.endpoint(server.url(), tls={"ca": other.certificate})
    fails(hub, "certificate")


def test_the_hubs_own_authorities_are_for_every_endpoint(make_hub, tmp_path, server_pair, authority):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(authority.certificate)
    hub = make_hub("--egress-authorities", bundle)
    server = TlsSink(tmp_path, server_pair)
    hub.endpoint(server.url())
    delivered(hub)
    server.close()


def test_a_hub_does_not_start_with_authorities_that_cannot_be_read(make_hub, tmp_path):
    for content in (None, "no certificate"):
        bundle = tmp_path / "bundle.pem"
        if content:
            bundle.write_text(content)
        done = run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--egress-authorities", bundle)
        assert done.returncode != 0 and "egress.authorities" in done.stderr, done


# ---- Client certificates ----


def test_a_client_certificate_is_shown_to_who_asks(hub, make_server, server_pair, client, authority):
    server = make_server(server_pair, client_ca=authority.certificate)
    certificate, key = client
    hub.endpoint(server.url(), uid="e", tls={"ca": authority.certificate})
    fails(hub, "")
    patched = hub.api("PATCH", "/v1/endpoints/e", {"tls": {"client_certificate": certificate, "client_key": key}})
    assert patched.status == 200
    assert (patched.json["tls"]["client_key"], patched.json["tls"]["client_certificate"]) == ("***", certificate)
    delivered(hub)
    assert [s[1] for s in server.seen] == ["grapnel-client"]
    answers = [hub.got("/v1/endpoints/e"), hub.got("/v1/endpoints"), hub.pages("/v1/audit")]
    inner = key.split("\n")[1]
    assert inner not in json.dumps(answers) and "PRIVATE" not in json.dumps(answers)
    hub.terminate()
    for name in (f"{hub.data}/grapnel.db", hub.log_path):
        with open(name, "rb") as file:
            assert inner.encode() not in file.read()


def test_a_chain_is_shown_whole(hub, make_server, server_pair, tmp_path, authority):
    """The server knows the root alone; the intermediate comes with the client's certificate."""
    intermediate, intermediate_key = authority.issue("Between", "basicConstraints=critical,CA:TRUE")
    folder = tmp_path / "between"
    folder.mkdir()
    for name, text in (("Between.crt", intermediate), ("Between.key", intermediate_key)):
        (folder / name).write_text(text)
    between = Authority.__new__(Authority)
    between.folder, between.name = str(folder), "Between"
    certificate, key = between.issue("deep-client", "extendedKeyUsage=clientAuth")
    server = make_server(server_pair, client_ca=authority.certificate)
    hub.endpoint(server.url(), tls={"ca": authority.certificate, "client_certificate": certificate + intermediate, "client_key": key})
    delivered(hub)
    assert server.seen[0][1] == "deep-client"


def test_get_then_put_and_renewal(hub, make_server, server_pair, client, authority):
    certificate, key = client
    server = make_server(server_pair, client_ca=authority.certificate)
    hub.endpoint(server.url(), uid="e", tls={"ca": authority.certificate, "client_certificate": certificate, "client_key": key})
    assert hub.api("PUT", "/v1/endpoints/e", hub.got("/v1/endpoints/e")).status == 200
    delivered(hub)
    renewed = authority.issue("renewed-client", "extendedKeyUsage=clientAuth")
    alone = hub.api("PATCH", "/v1/endpoints/e", {"tls": {"client_certificate": renewed[0]}})
    assert (alone.status, alone.pointers) == (422, ["/tls/client_key"]), "the key that is kept is another's"
    assert hub.api("PATCH", "/v1/endpoints/e", {"tls": {"client_certificate": renewed[0], "client_key": renewed[1]}}).status == 200
    delivered(hub)
    assert [s[1] for s in server.seen] == ["grapnel-client", "renewed-client"], "no connection of the old one is used again"
    gone = hub.api("PATCH", "/v1/endpoints/e", {"tls": {"client_certificate": None}})
    assert gone.status == 200 and "client_key" not in gone.json["tls"]


def test_connections_are_never_shared_between_identities(hub, make_server, server_pair, client, authority):
    """Same host, same port: with a certificate, with another, without one, with other authorities; again and again."""
    server = make_server(server_pair, client_ca=authority.certificate, optional=True)
    second = authority.issue("second-client", "extendedKeyUsage=clientAuth")
    ca = {"ca": authority.certificate}
    hub.endpoint(server.url("/one"), ("one",), tls={**ca, "client_certificate": client[0], "client_key": client[1]})
    hub.endpoint(server.url("/two"), ("two",), tls={**ca, "client_certificate": second[0], "client_key": second[1]})
    hub.endpoint(server.url("/none"), ("none",), tls=ca)
    hub.endpoint(server.url("/system"), ("system",))
    hub.endpoint(server.url("/unverified"), ("unverified",), tls={"verify": False})
    for _ in range(4):
        for name in ("one", "none", "two", "unverified", "one"):
            delivered(hub, hub.publish(name))
        delivery = hub.wait_delivery(hub.publish("system"), "dead")
        assert delivery["attempts"][-1]["failure"].startswith("tls"), "who trusts nobody gets no connection that others verified, or did not"
    wanted = {"/one": "grapnel-client", "/two": "second-client", "/none": None, "/unverified": None}
    assert {(path, name) for path, name, _ in server.seen} == set(wanted.items())
    used = {}
    for path, _, number in server.seen:
        used.setdefault(path, set()).add(number)
    numbers = [number for some in used.values() for number in some]
    assert len(numbers) == len(set(numbers)), used
    assert all(len(some) == 1 for some in used.values()), "and each goes on using its own"


# ---- Verification off, versions ----


def test_verification_is_turned_off_by_an_administrator_alone(hub, make_server, server_pair):
    server = make_server(server_pair)
    hub.subscriber("acme")
    fields = {"url": server.url(), "event_types": ["*"], "tls": {"verify": False}}
    for key in (hub.key("manage"), hub.key("manage", "publish", subscriber="acme")):
        answer = hub.api("POST", "/v1/endpoints", fields, key=key)
        assert (answer.status, answer.pointers) == (403, ["/tls/verify"]), answer
    mine = hub.key("manage")
    hub.endpoint(server.url(), uid="e", key=mine)
    assert hub.api("PATCH", "/v1/endpoints/e", {"tls": {"verify": False}}, key=mine).status == 403
    turned = hub.api("PATCH", "/v1/endpoints/e", {"tls": {"verify": False}})
    assert turned.status == 200 and [f["code"] for f in turned.json["insecure"]["findings"]] == ["tls_unverified"]
    delivered(hub)
    shown = hub.got("/v1/endpoints/e", key=hub.key("read"))
    assert shown["tls"]["verify"] is False and shown["insecure"] == turned.json["insecure"]
    assert hub.api("PUT", "/v1/endpoints/e", {**shown, "description": "d"}, key=mine).status == 200, "it stays as it is"
    assert hub.api("PATCH", "/v1/endpoints/e", {"url": "https://127.0.0.1:9/"}, key=mine).pointers == ["/tls/verify"], "where it is"
    assert hub.api("PATCH", "/v1/endpoints/e", {"tls": {"verify": True}}, key=mine).json["insecure"] is None
    fails(hub, "certificate")


def test_the_least_version_is_1_2_and_can_be_1_3(hub, make_server, server_pair, authority):
    old = make_server(server_pair, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    hub.endpoint(old.url(), uid="e", tls={"ca": authority.certificate})
    delivered(hub)
    assert hub.api("PATCH", "/v1/endpoints/e", {"tls": {"min_version": "1.3"}}).json["tls"]["min_version"] == "1.3"
    fails(hub, "")
    new = make_server(server_pair, name="new", versions=(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3))
    assert hub.api("PATCH", "/v1/endpoints/e", {"url": new.url()}).status == 200
    delivered(hub)


# ---- What is refused ----


@pytest.fixture(scope="module")
def wrong(authority, other, client, tmp_path_factory):
    certificate, key = client
    stranger = other.issue("stranger", "extendedKeyUsage=clientAuth")
    past = authority.issue("past-client", "", days="past")
    folder = str(tmp_path_factory.mktemp("encrypted"))
    encrypted = subprocess.run(["openssl", "pkcs8", "-topk8", "-passout", "pass:abcd"], input=key, capture_output=True, text=True, cwd=folder).stdout
    pair = {"client_certificate": certificate, "client_key": key}
    return {
        "no object": ("x", "/tls"),
        "unknown": ({"cipher": "x"}, "/tls/cipher"),
        "verify": ({"verify": "no"}, "/tls/verify"),
        "version": ({"min_version": "1.1"}, "/tls/min_version"),
        "version as a number": ({"min_version": 1.3}, "/tls/min_version"),
        "ca": ({"ca": "no certificate"}, "/tls/ca"),
        "broken ca": ({"ca": authority.certificate.replace("M", "L", 3)}, "/tls/ca"),
        "broken second": ({"ca": authority.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "/tls/ca"),
        "large ca": ({"ca": authority.certificate * 90}, "/tls/ca"),
        "no key": ({"client_certificate": certificate}, "/tls/client_key"),
        "no certificate": ({"client_key": key}, "/tls/client_certificate"),
        "kept key of nobody": ({**pair, "client_key": "***"}, "/tls/client_key"),
        "key of another": ({**pair, "client_key": stranger[1]}, "/tls/client_key"),
        "key that is a certificate": ({**pair, "client_key": certificate}, "/tls/client_key"),
        "certificate that is a key": ({**pair, "client_certificate": key}, "/tls/client_certificate"),
        "no PEM": ({**pair, "client_key": "MII"}, "/tls/client_key"),
        "encrypted": ({**pair, "client_key": encrypted}, "/tls/client_key"),
        "expired": ({"client_certificate": past[0], "client_key": past[1]}, "/tls/client_certificate"),
        "expired ca": ({"ca": past[0]}, "/tls/ca"),
    }


KINDS = ["no object", "unknown", "verify", "version", "version as a number", "ca", "broken ca", "broken second", "large ca", "no key", "no certificate",
         "kept key of nobody", "key of another", "key that is a certificate", "certificate that is a key", "no PEM", "encrypted", "expired", "expired ca"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_named(shared_hub, wrong, kind):
    assert set(wrong) == set(KINDS)
    tls, pointer = wrong[kind]
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": "https://127.0.0.1:9/", "event_types": ["*"], "tls": tls})
    assert (answer.status, answer.pointers) == (422, [pointer]), answer
    said = answer.json["detail"]
    assert "MII" not in said and "MHc" not in said, "nothing of a key is repeated"
    if kind == "expired":
        assert "2020-01-02T00:00:00" in said
    if kind == "encrypted":
        assert "encrypted" in said


def test_tls_is_for_https(shared_hub, authority):
    answer = shared_hub.api("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["*"], "tls": {"ca": authority.certificate}})
    assert (answer.status, answer.pointers) == (422, ["/tls"])
