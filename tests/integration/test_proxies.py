"""The reverse proxies of packaging/examples before a hub: only names, ports and certificates are others than there."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from authority import Authority
from hub import Answer, environment, eventually, free_port, run
from incoming import github, source
from sink import BOUND

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "examples")
CLIENT = "127.0.0.77"  # not the address that the proxy itself calls from
HOOKS, HUB = "hooks.example.com", "hub.example.com"


def example(name, *changes):
    """The text of an example with these pieces replaced, each of which must be there."""
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def settings_of(name):
    """The lines that an example wants to stand in grapnel.conf."""
    lines = re.findall(r"^# {8}(.*)$", example(name), re.M)
    assert len(lines) == 7, lines
    return "\n".join(lines) + "\n"


class Proxy:
    """nginx or Caddy with the example, before a hub that has the settings which the example asks for."""

    def __init__(self, kind, folder, make_hub):
        self.kind, self.folder = kind, folder
        self.plain, self.port, api, doors = free_port(), free_port(), free_port(), free_port()
        self.authority = Authority()
        self.certificates = {name: [str(path) for path in self.authority.issue(folder, name)] for name in (HOOKS, HUB)}
        self.hub = make_hub(start=False)
        self.hub.port = api
        ports = [("127.0.0.1:8080", f"127.0.0.1:{api}"), ("127.0.0.1:8081", f"127.0.0.1:{doors}")]
        config = settings_of("nginx.conf" if kind == "nginx" else "Caddyfile")
        for old, new in ports:
            config = config.replace(old, new)
        (folder / "grapnel.conf").write_text(config)
        self.hub.start("--config", str(folder / "grapnel.conf"))
        self.config = folder / ("nginx.conf" if kind == "nginx" else "Caddyfile")
        self.config.write_text(self._nginx(ports) if kind == "nginx" else self._caddy(ports))
        self.env = {**environment(), "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.process = None

    def _nginx(self, ports):
        changes = [*ports, ("/var/www/html", str(self.folder))]
        for number in (80, 443):
            mine = self.plain if number == 80 else self.port
            changes += [(f"listen {number}", f"listen 127.0.0.1:{mine}"), (f"listen [::]:{number}", f"listen unix:{self.folder}/{number}.sock")]
        for name in (HOOKS, HUB):
            changes += [(f"/etc/letsencrypt/live/{name}/{file}", path) for file, path in zip(("fullchain.pem", "privkey.pem"), self.certificates[name])]
        # What a distribution's /etc/nginx/nginx.conf says before it includes conf.d.
        temp = "".join(f"\t{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log stderr;\nevents {{ }}\nhttp {{\n\taccess_log off;\n{temp}"
            + example("nginx.conf", *changes) + "}\n")

    def _caddy(self, ports):
        changes = [*ports, ("\tservers {\n", f"\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {self.plain}\n\thttps_port {self.port}\n\tservers {{\n")]
        changes += [(f"\n{name} {{\n", f"\n{name} {{\n\ttls {' '.join(self.certificates[name])}\n") for name in (HOOKS, HUB)]
        return example("Caddyfile", *changes)

    def validated(self):
        """The proxy's own opinion of its file."""
        command = ["nginx", "-t", "-c", str(self.config)] if self.kind == "nginx" else ["caddy", "validate", "--adapter", "caddyfile", "--config", str(self.config)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=BOUND)

    def start(self):
        command = ["nginx", "-c", str(self.config)] if self.kind == "nginx" else ["caddy", "run", "--adapter", "caddyfile", "--config", str(self.config)]
        with open(self.folder / "proxy.log", "ab") as log:
            self.process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._listens, "the proxy listening")
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "proxy.log").read_text()[-3000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(BOUND)

    def connect(self, name):
        """A connection of a client elsewhere to one of the names."""
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        connection = http.client.HTTPSConnection(name, self.port, timeout=BOUND, context=context)
        sock = socket.create_connection(("127.0.0.1", self.port), BOUND, (CLIENT, 0))
        connection.sock = context.wrap_socket(sock, server_hostname=name)
        return connection

    def ask(self, name, method, path, body=None, **headers):
        connection = self.connect(name)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def api(self, method, path, json_body=None, **headers):
        body = None if json_body is None else json.dumps(json_body)
        return self.ask(HUB, method, path, body, **{"Authorization": f"Bearer {self.hub.admin}", "Content-Type": "application/json", **headers})


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request, tmp_path, make_hub):
    if shutil.which(request.param, path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path / "proxy"
    folder.mkdir()
    one = Proxy(request.param, folder, make_hub)
    checked = one.validated()
    assert checked.returncode == 0, checked.stderr
    # A certificate of a test's authority has no OCSP.
    assert [line for line in checked.stderr.splitlines() if "warn" in line and "OCSP" not in line] == []
    one.start()
    yield one
    one.close()


def test_the_hub_sees_the_client_and_not_the_proxy(proxy):
    source(proxy.hub, uid="gh")
    url = proxy.api("GET", "/v1/sources/gh").json["url"]
    assert url == f"https://{HOOKS}/in/gh"
    body = b'{"exact":  1.50}'
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    assert proxy.ask(HOOKS, "POST", "/in/gh?a=%2F..%2fb", body, **github(body), **claims).status == 200
    assert proxy.ask(HOOKS, "POST", "/in/gh", body, **github(body, secret="wrong secret, long enough"), **claims).status == 401
    (rejection,) = eventually(lambda: proxy.hub.got("/v1/rejections")["data"], "a rejection")
    assert rejection["remote"] == CLIENT
    (event,) = proxy.hub.got("/v1/events")["data"]
    assert proxy.ask(HUB, "GET", f"/v1/events/{event['id']}/payload", Authorization=f"Bearer {proxy.hub.admin}").body == body
    # The audit, and limits by address, know it, too.
    assert proxy.api("POST", "/v1/subscribers", {"uid": "acme", "name": "Acme"}, **claims).status == 201
    assert proxy.hub.got("/v1/audit")["data"][0]["address"] == CLIENT


def test_each_name_has_what_it_is_for(proxy):
    assert proxy.ask(HOOKS, "GET", "/healthz").status == 200
    for path in ("/", "/v1/events", "/login", "/openapi.json", "/local/backup", "/metrics"):
        assert proxy.ask(HOOKS, "GET", path, Authorization=f"Bearer {proxy.hub.admin}").status == 404
    source(proxy.hub, uid="gh")
    assert proxy.ask(HUB, "POST", "/in/gh", b"{}", **github(b"{}")).status == 404
    page = proxy.ask(HUB, "GET", "/")
    assert page.status == 200 and b"<html" in page.body and "strict-transport-security" in page.headers


def test_plain_http_is_sent_to_https_with_its_body(proxy):
    for name in (HOOKS, HUB):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=BOUND)
        connection.request("POST", "/in/gh?a=b", body=b"{}", headers={"Host": name})
        answer = connection.getresponse()
        location = re.sub(r":\d+", "", answer.getheader("Location").removeprefix("https://"))
        assert answer.status == 308 and location == f"{name}/in/gh?a=b"
        connection.close()


def test_a_login_gets_a_cookie_for_https_alone(proxy):
    token = run("admin", "link", "--data", proxy.hub.data).stdout.strip().split("token=")[1]
    origin = f"https://{HUB}:{proxy.port}"
    answer = proxy.ask(HUB, "POST", "/login", json.dumps({"token": token}), Origin=origin, **{"Content-Type": "application/json"})
    assert answer.status == 200 and answer.headers["set-cookie"].endswith("; Secure"), answer


def test_the_log_is_followed_and_exports_are_streamed(proxy):
    """A request that waits is answered when something comes, not when the proxy has enough of it."""
    answers = []
    after = proxy.hub.publish("order.before")["id"]
    waiting = threading.Thread(target=lambda: answers.append(proxy.api("GET", f"/v1/events?order=asc&wait_ms=30000&after={after}")))
    waiting.start()
    proxy.hub.publish("order.created")
    waiting.join(20)
    assert not waiting.is_alive() and [event["type"] for event in answers[0].json["data"]] == ["order.created"]
    export = proxy.api("GET", "/v1/dead-letters/export")
    assert export.status == 200 and export.headers["content-type"] == "application/x-ndjson"


def refused(proxy, name, path, body, headers):
    """Status and content type by curl, which takes an answer that comes before it has sent everything; Python's client does not."""
    (proxy.folder / "authority.pem").write_bytes(proxy.authority.pem)
    command = ["curl", "-sS", "--cacert", str(proxy.folder / "authority.pem"), "--resolve", f"{name}:{proxy.port}:127.0.0.1", "-o", os.devnull]
    command += [part for header in headers.items() for part in ("-H", ": ".join(header))]
    command += ["-w", "%{http_code} %{content_type}", "--data-binary", "@-", f"https://{name}:{proxy.port}{path}"]
    done = subprocess.run(command, input=body, env=proxy.env, capture_output=True, timeout=BOUND)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_what_the_hub_takes_passes_and_what_is_too_large_the_hub_refuses(proxy):
    key = {"Authorization": f"Bearer {proxy.hub.admin}", "Content-Type": "application/json"}
    batch = [{"type": "a.b", "data": "x" * 8000} for _ in range(1000)]
    assert 7 << 20 < len(json.dumps(batch)) < 8 << 20
    assert proxy.api("POST", "/v1/events", batch).status == 202
    source(proxy.hub, uid="gh")
    body = b'"' + b"x" * ((25 << 20) - 2) + b'"'
    assert proxy.ask(HOOKS, "POST", "/in/gh", body, **github(body)).status == 200
    if proxy.kind == "caddy":
        return  # It passes a body on as it comes: the hub has refused and hung up before it is through, and the answer may be lost with the connection.
    problem = "413 application/problem+json"
    assert refused(proxy, HUB, "/v1/events", b"x" * ((8 << 20) + 1), key) == problem
    assert refused(proxy, HUB, "/v1/events", b"x" * (10 << 20), key) == "413 text/html"
    assert refused(proxy, HOOKS, "/in/gh", body + b"\n", github(body + b"\n")) == problem
    assert refused(proxy, HOOKS, "/in/gh", body * 2, github(body * 2)) == "413 text/html"
