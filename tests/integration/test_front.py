"""What faces the network: ports by role, real ports in URLs, trusted proxies, limits by address, and what a 401 says."""

import http.client
import json
import re
import socket
import subprocess

import pytest

from hub import BINARY, Answer, environment, eventually, free_port, run
from incoming import github, send, source

PUBLIC = ["/healthz", "/readyz"]
OTHERS = [("GET", "/"), ("GET", "/login"), ("POST", "/login"), ("GET", "/session"), ("GET", "/openapi.json"), ("GET", "/v1/events"), ("POST", "/v1/events"),
          ("DELETE", "/v1/events"), ("GET", "/v1/keys"), ("POST", "/local/backup"), ("GET", "/assets/main.js"), ("GET", "/nowhere"), ("POST", "/in"), ("GET", "/infinity")]


def at(hub, port, method, path, body=None, **headers):
    """A request to one of the hub's ports."""
    connection = hub.connect(port=port)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


# Ports.


def test_the_public_port_serves_doors_and_health_alone(make_hub):
    port = free_port()
    hub = make_hub("--listen-public", f"127.0.0.1:{port}")
    source(hub, uid="gh")
    key = {"Authorization": f"Bearer {hub.admin}"}
    for path in PUBLIC:
        assert at(hub, port, "GET", path).status == 200
    for method, path in OTHERS:
        answer = at(hub, port, method, path, **key)
        assert (answer.status, answer.code) == (404, "no_such_route"), (method, path, answer)
        assert "allow" not in answer.headers
    body = b'{"a":1}'
    assert at(hub, port, "POST", "/in/gh", body, **github(body)).status == 200
    # Where everything is served it still is.
    assert send(hub, "gh", body, github(body, delivery="other")).status == 200
    assert [event["type"] for event in hub.got("/v1/events")["data"]] == ["github.push", "github.push"]


def test_the_api_port_serves_all_but_the_doors(make_hub):
    public, api = free_port(), free_port()
    hub = make_hub("--listen-public", f"127.0.0.1:{public}", "--listen-api", f"127.0.0.1:{api}", start=False)
    unused, hub.port = hub.port, api
    hub.start()
    made = source(hub, uid="gh")
    assert made["url"] == f"http://127.0.0.1:{public}/in/gh"
    body = b"{}"
    answer = at(hub, api, "POST", "/in/gh", body, **github(body))
    assert (answer.status, answer.code) == (404, "no_such_route")
    assert at(hub, public, "POST", "/in/gh", body, **github(body)).status == 200
    assert at(hub, api, "GET", "/").status == 200 and at(hub, api, "GET", "/healthz").status == 200
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", unused)) != 0, "listen is not looked at when listen.api is set"


def start_anywhere(hub, *options):
    """Starts a hub on ports that the system chooses; what it says about them."""
    log = open(hub.log_path, "ab")
    with log:
        hub.process = subprocess.Popen([BINARY, "serve", "--data", hub.data, *options], env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    eventually(lambda: "ready:" in hub.log() or hub.process.poll() is not None, "the hub being ready")
    return re.findall(r"listening on (\S+): (.*)", hub.log())


def test_a_port_that_the_system_chose_is_said_wherever_one_is(make_hub):
    hub = make_hub(start=False)
    ports = start_anywhere(hub, "--listen", "127.0.0.1:0", "--listen-public", ":0")
    assert [what for _, what in ports] == ["everything", "doors of sources and health"]
    hub.port = int(ports[0][0].rsplit(":", 1)[1])
    public = int(ports[1][0].rsplit(":", 1)[1])
    assert hub.port and public and hub.api("GET", "/healthz", key=None).status == 200
    link = run("admin", "link", "--data", hub.data).stdout.strip()
    assert link.startswith(f"http://127.0.0.1:{hub.port}/login?token=")
    made = json.loads(run("sources", "add", "github", "--uid", "gh", "--secret", "a secret of sixteen", "--data", hub.data, "--json").stdout)
    assert made["url"] == f"http://127.0.0.1:{public}/in/gh"
    assert at(hub, public, "GET", "/healthz").status == 200


def test_a_command_without_a_hub_says_where_the_doors_will_be(make_hub):
    hub = make_hub(start=False)

    def url_of(uid, *options):
        done = run("sources", "add", "github", "--uid", uid, "--secret", "a secret of sixteen", "--data", hub.data, "--json", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["url"]

    assert run("check", "--data", hub.start().data).returncode == 0
    hub.terminate()
    assert url_of("one", "--listen", ":8099") == "http://127.0.0.1:8099/in/one"
    assert url_of("two", "--listen-public", "0.0.0.0:8443", "--tls-certificate", "x", "--tls-ports", "public") == "https://127.0.0.1:8443/in/two"


def test_who_listens_already_is_named(make_hub):
    hub = make_hub()
    other = make_hub(start=False)
    other.spawn("--listen-public", f"127.0.0.1:{hub.port}")
    other.wait_exit(1)
    assert f"cannot listen on 127.0.0.1:{hub.port}" in other.log() and "listen.public" in other.log()


# Trusted proxies.


@pytest.fixture
def proxied(make_hub):
    return make_hub("--http-trusted-proxies", "127.0.0.1,10.0.0.0/8", "--http-key-failures-per-ip", "3", "--http-requests-per-ip", "200")


def remote_of(hub, **headers):
    """The address that a refused request is kept with."""
    assert send(hub, "gh", b"{}", {**github(b"{}", secret="wrong secret, long enough"), **headers}).status == 401
    before = len(hub.seen)
    eventually(lambda: hub.seen.update({r["id"]: r["remote"] for r in hub.got("/v1/rejections")["data"]}) or len(hub.seen) > before, "a rejection")
    return max(hub.seen.items())[1]


def test_rejections_and_audit_have_the_client_that_the_proxy_says(proxied):
    source(proxied, uid="gh")
    proxied.seen = {}
    assert remote_of(proxied) == "127.0.0.1"
    assert remote_of(proxied, **{"X-Forwarded-For": "198.51.100.9, 203.0.113.7, 10.1.2.3"}) == "203.0.113.7"
    assert remote_of(proxied, **{"X-Forwarded-For": "2001:db8::7"}) == "2001:db8::7"
    assert remote_of(proxied, **{"X-Forwarded-For": "203.0.113.7, <script>"}) == "127.0.0.1"
    answer = proxied.api("POST", "/v1/subscribers", {"uid": "s", "name": "s"}, headers={"X-Forwarded-For": "203.0.113.8"})
    assert answer.status == 201
    assert proxied.got("/v1/audit", limit=1)["data"][0]["address"] == "203.0.113.8"


def test_x_forwarded_for_of_anybody_else_is_nothing(make_hub):
    hub = make_hub("--http-trusted-proxies", "10.0.0.0/8")
    source(hub, uid="gh")
    hub.seen = {}
    assert remote_of(hub, **{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}) == "127.0.0.1"
    assert hub.api("GET", "/v1/sources/gh", headers={"X-Forwarded-Proto": "https"}).json["url"].startswith("http://")


def test_a_proxy_that_was_asked_by_https_gives_secure_cookies_and_https_urls(proxied):
    source(proxied, uid="gh")
    secure = {"X-Forwarded-Proto": "https", "Host": "hooks.example"}
    assert proxied.api("GET", "/v1/sources/gh", headers=secure).json["url"] == "https://hooks.example/in/gh"
    link = run("admin", "link", "--data", proxied.data).stdout.strip()
    answer = proxied.api("POST", "/login", {"token": link.split("token=")[1]}, key=None, headers={**secure, "X-Forwarded-For": "203.0.113.9"})
    assert answer.status == 200 and answer.headers["set-cookie"].endswith("; Secure")


def test_logins_are_slowed_down_by_the_client_that_the_proxy_says(proxied):
    def login(address):
        return proxied.api("POST", "/login", {"name": f"of {address}", "password": "wrong"}, key=None, headers={"X-Forwarded-For": address}).status

    assert [login("203.0.113.1") for _ in range(6)][-1] == 429
    assert login("203.0.113.2") == 401


def test_a_bad_list_of_proxies_stops_the_start(make_hub):
    hub = make_hub(start=False)
    hub.spawn("--http-trusted-proxies", "10.0.0.1/8")
    hub.wait_exit(2)
    assert 'http.trusted_proxies: "10.0.0.1/8"' in hub.log()


# Limits by address.


def test_wrong_keys_of_one_address_are_throttled_and_the_right_one_is_not(proxied):
    def ask(address, key):
        return proxied.api("GET", "/v1/events", key=key, headers={"X-Forwarded-For": address})

    wrong = [ask("203.0.113.1", "gk_" + "0" * 32) for _ in range(5)]
    assert [a.status for a in wrong] == [401, 401, 401, 429, 429]
    assert wrong[-1].code == "too_many_attempts" and 1 <= int(wrong[-1].headers["retry-after"]) <= 20
    assert ask("203.0.113.1", proxied.admin).status == 200, "somebody else's failures lock out nobody"
    assert ask("203.0.113.2", "gk_" + "0" * 32).status == 401
    # An IPv6 host has a /64.
    assert [ask(f"2001:db8::{n}", "gk_" + "1" * 32).status for n in range(4)] == [401, 401, 401, 429]
    assert ask("2001:db8:0:1::1", "gk_" + "1" * 32).status == 401


def test_no_key_is_no_wrong_key(proxied):
    assert {proxied.api("GET", "/v1/events", key=None).status for _ in range(6)} == {401}


def test_requests_of_one_address_are_limited_and_others_are_served(make_hub):
    hub = make_hub("--http-trusted-proxies", "127.0.0.1", "--http-requests-per-ip", "20")
    connection = hub.connect()

    def ask(address, path="/openapi.json", method="GET"):
        connection.request(method, path, headers={"X-Forwarded-For": address})
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())

    answers = [ask("203.0.113.1") for _ in range(200)]
    refused = [a for a in answers if a.status == 429]
    assert refused and {a.status for a in answers} == {200, 429}
    assert refused[0].code == "rate_limited" and refused[0].headers["retry-after"] == "1"
    assert [a.status for a in answers[:20]] == [200] * 20
    assert ask("203.0.113.2").status == 200
    # Who looks whether the hub lives is answered, and takes nothing of the address's share.
    for path in ("/healthz", "/readyz"):
        assert {ask("203.0.113.1", path).status for _ in range(100)} == {200}
    assert 429 in {ask("203.0.113.1", "/healthz", "POST").status for _ in range(100)}, "what is no such look is counted"
    assert [ask("203.0.113.3", path).status for path in ["/healthz"] * 100 + ["/openapi.json"] * 20] == [200] * 120
    connection.close()
    # The command line comes by the admin socket, which no limit is for.
    assert all(run("events", "list", "--data", hub.data).returncode == 0 for _ in range(3))


# What a 401 says.


@pytest.mark.parametrize("scheme, fields, challenge", [
    ("github", {}, None), ("standard", {}, None), ("slack", {"secret": "a secret of sixteen"}, None), ("api-key", {"settings": {"header": "X-Token"}}, None), ("basic", {"settings": {"username": "ada"}}, 'Basic realm="webhook"'),
    ("bearer", {}, "Bearer"), ("cloudevents", {}, "Bearer")])
def test_a_401_of_a_door_asks_for_credentials_where_there_are_such(shared_hub, scheme, fields, challenge):
    source(shared_hub, scheme, uid=f"asks-{scheme}", **fields)
    answer = send(shared_hub, f"asks-{scheme}", b"{}", {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (401, "unverified"), answer
    assert answer.headers.get("www-authenticate") == challenge
