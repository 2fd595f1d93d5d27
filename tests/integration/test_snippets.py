"""The snippets of docs/guide/verifying.md judge what the hub really sent: right requests are accepted, anything else is refused. Each is run by its
own language, behind a small driver (snippets/) that reads one request from files. A language that is not installed is skipped, except in
./dev test."""

import base64
import hashlib
import hmac
import os
import subprocess
import time

import pytest

import official
from hub import environment
from sink import BOUND

HERE = os.path.dirname(os.path.abspath(__file__))
SNIPPETS = os.path.join(HERE, "..", "..", "docs", "snippets")
DRIVERS = os.path.join(HERE, "snippets")
LANGUAGES = {"sh": "openssl", "js": "node", "py": "/usr/bin/python3", "go": "go", "php": "php", "rb": "ruby", "java": "javac", "cs": "mcs"}
DATA = b'{"customer": "Zo\xc3\xab \\u2603", "total": 24.90,  "n": 1}'


def text_of(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def command(language, folder):
    """Builds what must be built; the command that takes a file of headers and one with the body."""
    snippet, driver = os.path.join(SNIPPETS, f"verify.{language}"), os.path.join(DRIVERS, f"drive.{language}")
    program = official.program(LANGUAGES[language])

    def build(*arguments, **env):
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=BOUND * 4, env={**os.environ, **env})
        assert done.returncode == 0, done.stdout + done.stderr

    if language == "py":
        return [program, "-B", driver, SNIPPETS]
    if language in ("php", "rb"):
        return [program, driver, snippet]
    if language == "js":
        (folder / "receiver.cjs").write_text(text_of(snippet) + text_of(driver))
        return [program, str(folder / "receiver.cjs")]
    if language == "go":
        (folder / "verify.go").write_text("package main\n" + text_of(snippet))
        (folder / "drive.go").write_text(text_of(driver))
        build(program, "build", "-o", "receiver", "verify.go", "drive.go", GO111MODULE="off", GOFLAGS="")
        return [str(folder / "receiver")]
    if language == "java":
        build(program, "-d", str(folder), snippet, os.path.join(DRIVERS, "Drive.java"))
        return [official.program("java"), "-Xshare:auto", "-cp", str(folder), "Drive"]
    build(program, "-out:receiver.exe", snippet, driver)
    return [official.program("mono"), str(folder / "receiver.exe")]


@pytest.fixture(scope="module", params=LANGUAGES)
def judge(request, tmp_path_factory):
    """judge(secret, headers, body): what the snippet of a language says. Whatever it answers, it must not break."""
    folder = tmp_path_factory.mktemp(request.param)
    program = None if request.param == "sh" else command(request.param, folder)

    def by_shell(env, headers):
        given = [headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]
        with open(folder / "body", "rb") as body:
            done = subprocess.run(["sh", os.path.join(SNIPPETS, "verify.sh"), *given], stdin=body, capture_output=True, text=True, env=env, timeout=BOUND)
        assert done.returncode == 0 or (done.returncode == 1 and done.stdout), done
        return done.returncode == 0

    def ask(secret, headers, body):
        env = {**environment(), "WEBHOOK_SECRET": secret}
        (folder / "body").write_bytes(body)
        if program is None:
            return by_shell(env, headers)
        (folder / "headers").write_bytes("".join(f"{name}: {value}\n" for name, value in headers.items()).encode("latin-1"))
        done = subprocess.run([*program, str(folder / "headers"), str(folder / "body")], capture_output=True, text=True, env=env, timeout=BOUND)
        assert done.stdout.strip() in ("true", "false"), done
        return done.stdout.strip() == "true"

    return ask


def signed(key, headers, body, timestamp=None):
    """The headers as somebody with this key would send them."""
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    digest = hmac.new(key, f"{headers['webhook-id']}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {**headers, "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(digest).decode()}


@pytest.fixture(scope="module")
def delivered(shared_hub, shared_sink):
    """An endpoint, and the requests that it got: a delivery, and those of a drill, of which the last one is a day old and rightly signed."""
    endpoint = shared_hub.endpoint(shared_sink.url("/hook"), ["order.*"])
    shared_hub.publish_raw(DATA, type="order.created")
    shared_sink.wait_for(1, "/hook")
    drill = shared_hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", {"drill": True}, bound=120)
    assert drill.status == 200, drill
    first, valid, again, bad, stale = shared_sink.received("/hook")
    assert first.body == DATA and stale.signed_with(endpoint["secret"])
    return endpoint, {"first": first, "valid": valid, "again": again, "bad": bad, "stale": stale}


def test_deliveries_are_accepted(judge, delivered):
    endpoint, requests = delivered
    for name in ("first", "valid", "again"):
        assert judge(endpoint["secret"], requests[name].headers, requests[name].body), name


def test_wrong_signatures_and_old_requests_are_refused(judge, delivered):
    endpoint, requests = delivered
    for name in ("bad", "stale"):
        assert not judge(endpoint["secret"], requests[name].headers, requests[name].body), name
    other = "whsec_" + base64.b64encode(b"another secret of 32 bytes ......").decode()
    assert not judge(other, requests["first"].headers, requests["first"].body)


def test_changed_requests_are_refused(judge, delivered):
    endpoint, requests = delivered
    headers, body = requests["first"].headers, requests["first"].body
    assert not judge(endpoint["secret"], headers, body.replace(b"24.90", b"24.9"))
    assert not judge(endpoint["secret"], headers, b"")
    for changed in ({"webhook-id": "evt_0"}, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}):
        assert not judge(endpoint["secret"], {**headers, **changed}, body), changed


def test_requests_without_a_header_are_refused(judge, delivered):
    endpoint, requests = delivered
    headers, body = requests["first"].headers, requests["first"].body
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not judge(endpoint["secret"], {n: v for n, v in headers.items() if n != name}, body), f"without {name}"


def test_timestamps_that_are_none_are_refused(judge, delivered):
    endpoint, requests = delivered
    key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
    headers, body = requests["first"].headers, requests["first"].body
    assert judge(endpoint["secret"], signed(key, headers, body), body)
    now = int(time.time())
    for timestamp in ("-1", "now", f"{now}.5", "9" * 30, str(now + 1000)):
        assert not judge(endpoint["secret"], signed(key, headers, body, timestamp), body), timestamp


def test_nobody_is_trusted_without_a_secret(judge, delivered):
    _, requests = delivered
    body = requests["first"].body
    assert not judge("", signed(b"", requests["first"].headers, body), body)


def test_old_and_new_secret_fit_during_a_rotation(judge, shared_hub, shared_sink, request):
    path = f"/rotated/{request.node.callspec.params['judge']}"
    endpoint = shared_hub.endpoint(shared_sink.url(path), ["order.*"])
    rotated = shared_hub.api("POST", f"/v1/endpoints/{endpoint['id']}/secret/rotate", {})
    assert rotated.status == 200, rotated
    shared_hub.publish_raw(DATA, type="order.created")
    received, = shared_sink.wait_for(1, path)
    assert len(received.signatures) == 2
    assert judge(rotated.json["secret"], received.headers, received.body)
    assert judge(endpoint["secret"], received.headers, received.body)
