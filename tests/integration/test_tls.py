"""The hub's own TLS: every door over it, which versions, a new certificate on SIGHUP, and clients that are slow or speak something else."""

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from hub import Hub, eventually, free_port, run
from incoming import github, source
from neighbour import P99_MS, Neighbour


def make_certificate(folder, name, host="localhost", days=2):
    """A certificate that signs itself, and its key."""
    chain, key = os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


class SafeHub(Hub):
    """A hub that is asked over TLS."""

    def __init__(self, folder, *options, **keywords):
        self.folder = str(folder)
        self.first = make_certificate(self.folder, "first")
        self.shown = os.path.join(self.folder, "shown.pem"), os.path.join(self.folder, "shown.key")
        self.show(self.first)
        super().__init__(folder, "--tls-certificate", self.shown[0], "--tls-key", self.shown[1], *options, **keywords)

    def show(self, pair):
        for here, there in zip(pair, self.shown):
            shutil.copyfile(here, there)

    def context(self, authority=None):
        return ssl.create_default_context(cafile=authority or self.first[0])

    def connect(self, bound=60, port=None):
        return http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=bound, context=self.context())

    def talk(self, context=None):
        """A connection after its handshake."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return (context or self.context()).wrap_socket(raw, server_hostname="localhost")


@pytest.fixture
def hub(tmp_path):
    one = SafeHub(tmp_path, start=False)
    one.start()
    yield one
    one.close()


def drained(connection):
    answer = b""
    while True:
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            return answer
        if not more:
            return answer
        answer += more


def test_every_door_opens_over_tls(hub, sink):
    made = source(hub, uid="gh")
    assert made["url"] == f"https://127.0.0.1:{hub.port}/in/gh"
    endpoint = hub.endpoint(sink.url(), ["order.*"])
    event = hub.publish("order.created", {"n": 1})
    hub.wait_delivery(event, "delivered", endpoint)
    body = b'{"a": 1}'
    assert hub.api("POST", "/in/gh", body=body, key=None, headers=github(body)).status == 200
    page = hub.api("GET", "/", key=None)
    assert page.status == 200 and b"<!doctype html>" in page.body[:100].lower()
    # One that waits for an event, while it is published.
    waiting = hub.connect()
    waiting.request("GET", "/v1/events?order=asc&wait_ms=20000&type=late.one", headers={"Authorization": f"Bearer {hub.admin}"})
    eventually(lambda: hub.api("GET", "/healthz", key=None).status == 200)
    awaited = hub.publish("late.one")
    assert awaited["id"].encode() in waiting.getresponse().read()
    waiting.close()
    # A long answer, made page by page.
    assert hub.api("GET", "/v1/dead-letters/export").status == 200


def test_links_and_cookies_are_for_https(hub):
    link = run("admin", "link", "--data", hub.data).stdout.strip()
    assert link.startswith(f"https://127.0.0.1:{hub.port}/login?token=")
    answer = hub.api("POST", "/login", {"token": link.split("token=")[1]}, key=None)
    assert answer.status == 200 and answer.headers["set-cookie"].endswith("; Secure")


def test_a_large_body_and_a_large_answer_arrive_whole(hub):
    payload = b'"' + os.urandom(450_000).hex().encode() + b'"'
    event = hub.publish_raw(payload)
    assert hub.api("GET", f"/v1/events/{event['id']}/payload").body == payload


def test_the_command_line_trusts_no_certificate_that_the_system_does_not(hub):
    refused = run("events", "list", "--url", f"https://127.0.0.1:{hub.port}", "--key", hub.admin)
    assert refused.returncode == 3 and "certificate" in refused.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version, taken", [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_is_1_2_at_least(hub, version, taken):
    context = hub.context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with hub.talk(context) as connection:
            name = connection.cipher()[0]
            assert taken and ("GCM" in name or "CHACHA20" in name)
    except (ssl.SSLError, ConnectionResetError):
        assert not taken


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "eNULL:@SECLEVEL=0"])
def test_ciphers_without_forward_secrecy_or_authentication_of_records_are_refused(hub, ciphers):
    context = hub.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        hub.talk(context)


def serial_of(hub, context=None):
    with hub.talk(context) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def reload(hub, says):
    count = hub.log().count(says)
    hub.process.send_signal(signal.SIGHUP)
    eventually(lambda: hub.log().count(says) > count, f"the log saying {says!r}")


def test_sighup_takes_a_new_certificate_and_old_connections_live_on(hub):
    second = make_certificate(hub.folder, "second")
    old = hub.connect()
    old.request("GET", "/healthz")
    assert old.getresponse().read()
    hub.show(second)
    assert serial_of(hub) == read(hub.first[0]), "not before it is told"
    reload(hub, "is shown; it is good until")
    assert serial_of(hub, hub.context(second[0])) == read(second[0])
    with pytest.raises(ssl.SSLCertVerificationError):
        hub.talk(hub.context(hub.first[0]))
    same = old.sock
    old.request("GET", "/healthz")
    assert old.getresponse().status == 200 and old.sock is same
    old.close()


def test_a_certificate_that_expires_soon_is_a_warning(hub):
    assert hub.log().count("WARN http: the certificate in") == 1 and "expires soon: it is good until" in hub.log()
    serial_of(hub)
    long = make_certificate(hub.folder, "long", days=90)
    hub.show(long)
    reload(hub, "is shown; it is good until")
    assert serial_of(hub, hub.context(long[0])) == read(long[0])
    assert hub.log().count("WARN http: the certificate in") == 1, "a day has not passed, and the new one is good for long"


def test_a_bad_new_certificate_changes_nothing_and_is_said(hub):
    second = make_certificate(hub.folder, "second")
    for damage, says in (
        (lambda: hub.show((second[0], hub.first[1])), "is not the key of the certificate"),
        (lambda: open(hub.shown[0], "w").close(), "tls.certificate"),
        (lambda: os.unlink(hub.shown[1]), "tls.key"),
    ):
        hub.show(hub.first)
        damage()
        reload(hub, "nothing was reloaded: options and certificate stay what they were")
        assert says in hub.log().splitlines()[-2]
        assert serial_of(hub) == read(hub.first[0])


def test_what_cannot_be_used_stops_the_start(make_hub, tmp_path):
    chain, key = make_certificate(tmp_path, "one")
    other = make_certificate(tmp_path, "other")[1]
    for options, says in (
        (("--tls-certificate", chain), "tls.key is missing"),
        (("--tls-key", key), "tls.certificate is missing"),
        (("--tls-certificate", chain, "--tls-key", other), "is not the key of the certificate"),
        (("--tls-certificate", key, "--tls-key", key), "tls.certificate"),
        (("--tls-certificate", tmp_path / "none", "--tls-key", key), "tls.certificate"),
    ):
        hub = make_hub(start=False)
        hub.spawn(*options)
        hub.wait_exit(2)
        assert says in hub.log(), hub.log()


def test_tls_may_be_for_the_public_port_alone(make_hub, tmp_path):
    chain, key = make_certificate(tmp_path, "one")
    port = free_port()
    hub = make_hub("--listen-public", f"127.0.0.1:{port}", "--tls-certificate", chain, "--tls-key", key, "--tls-ports", "public")
    context = ssl.create_default_context(cafile=chain)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    assert hub.api("GET", "/healthz", key=None).status == 200


GUARDED = {
    "TE and CL": (b"POST /v1/events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"400"),
    "NUL": (b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-A: b\x00c\r\n\r\n", b"400"),
    "obs-fold": (b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c\r\n\r\n", b"400"),
    "method": (b"BREW /healthz HTTP/1.1\r\nHost: h\r\n\r\n", b"405"),
    "too large": (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n", b"413"),
}


@pytest.mark.parametrize("name", GUARDED)
def test_the_guards_of_requests_are_the_same(hub, name):
    request, status = GUARDED[name]
    with hub.talk() as connection:
        connection.sendall(request + b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = drained(connection)
    assert answer.startswith(b"HTTP/1.1 " + status) and answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"application/problem+json" in answer


def test_plain_http_and_nonsense_on_the_port_are_refused(hub):
    for said in (b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 200):
        answer = hub.raw(said)
        assert b"HTTP/1.1 200" not in answer
    assert hub.api("GET", "/healthz", key=None).status == 200


def hello(context):
    """The first message of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def cpu_s(hub):
    with open(f"/proc/{hub.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed(connection):
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_stalled_handshakes_neither_slow_down_another_nor_keep_a_processor_busy(hub):
    first = hello(hub.context())
    stalled = [socket.create_connection(("127.0.0.1", hub.port), timeout=60) for _ in range(400)]
    for number, one in enumerate(stalled):
        one.sendall(first if number % 2 else first[:3])
    with Neighbour(hub) as neighbour:
        # Those that are over a second old make room, the oldest first; the youngest have ten seconds.
        eventually(lambda: sum(map(closed, stalled)) >= 400 - 64, "most being closed")
        eventually(lambda: len(neighbour.took) >= 100)
    assert neighbour.p99_ms() < P99_MS, sorted(neighbour.took)[-20:]
    lone = socket.create_connection(("127.0.0.1", hub.port), timeout=60)
    lone.sendall(first)
    before, begun = cpu_s(hub), time.monotonic()
    eventually(lambda: closed(lone), "the last of them being closed")
    assert cpu_s(hub) - before < 0.3 * (time.monotonic() - begun), "it spins"
    for one in (*stalled, lone):
        one.close()


def test_many_clients_that_come_at_once_all_get_in(hub):
    failures = []

    def ask():
        try:
            connection = hub.connect()
            for _ in range(5):
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
            connection.close()
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(repr(failure))

    clients = [threading.Thread(target=ask) for _ in range(100)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not failures, failures[:3]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_handshake_without_a_request_is_an_idle_connection(hub, version):
    """As browsers make them, to be fast later."""
    context = hub.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with hub.talk(context) as connection:
        crowd = [socket.create_connection(("127.0.0.1", hub.port), timeout=60) for _ in range(100)]
        for one in crowd:
            one.sendall(b"\x16\x03\x01")
        eventually(lambda: sum(map(closed, crowd)) >= 100 - 64, "most being closed")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert drained(connection).startswith(b"HTTP/1.1 200 ")
        for one in crowd:
            one.close()


def test_slow_handshakes_and_slow_requests_are_closed_at_the_deadline(tmp_path):
    hub = SafeHub(tmp_path, "--http-deadline", "1s", start=False)
    hub.start()
    try:
        begun = time.monotonic()
        stalled = socket.create_connection(("127.0.0.1", hub.port), timeout=60)
        stalled.sendall(b"\x16\x03\x01")
        slow = hub.talk()
        slow.sendall(b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Le")
        assert hub.api("GET", "/healthz", key=None).status == 200
        assert drained(stalled) == b""
        assert b"HTTP/1.1 2" not in drained(slow)
        assert time.monotonic() - begun < 30
        stalled.close()
        slow.close()
    finally:
        hub.close()


def test_commands_take_the_authority_of_a_hub_elsewhere(hub):
    def ask(*options):
        return run("endpoints", "list", "--url", f"https://127.0.0.1:{hub.port}", *options, env={"GRAPNEL_KEY": hub.admin})

    refused = ask()
    assert refused.returncode != 0 and "certificate" in refused.stderr.lower(), refused
    assert ask("--ca", hub.first[0]).returncode == 0
    other = make_certificate(hub.folder, "other")
    assert ask("--ca", other[0]).returncode != 0
    missing = ask("--ca", hub.first[0] + ".none")
    assert missing.returncode == 2 and "ca: the file" in missing.stderr


def test_the_page_is_for_https_alone_where_the_hub_speaks_it(hub, make_hub):
    with hub.talk() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"strict-transport-security: max-age=31536000\r\n" in connection.recv(65536).lower()
    with hub.talk() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"strict-transport" not in connection.recv(65536).lower()
    plain = make_hub("--http-trusted-proxies", "127.0.0.1")
    answer = plain.api("GET", "/", headers={"X-Forwarded-Proto": "https"})
    assert answer.status == 200 and "strict-transport-security" not in answer.headers, "that is the proxy's to say"
