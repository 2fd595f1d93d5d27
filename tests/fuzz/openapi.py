"""Lets schemathesis, an independent property tester, look for a 5xx, for a status, media type or body that docs/openapi.yaml does not
describe. Starts a hub with something of every kind in it and stops it again; its log must be free of reports of sanitizers.

openapi.py BUILD_FOLDER: GRAPNEL_BIN names the program. schemathesis is installed by pip into BUILD_FOLDER/venv when it is not there. Where
that cannot be done the run counts as skipped, and says so. GRAPNEL_FUZZ_SEED chooses other examples than the usual ones,
GRAPNEL_FUZZ_EXAMPLES how many there are for each operation."""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

import hub as hubs  # noqa: E402
from sink import Reply, Sink  # noqa: E402

TESTER = "schemathesis==4.32.5"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = os.environ.get("GRAPNEL_FUZZ_EXAMPLES", "60")
BOUND = 600  # seconds; it takes a small part of that
EXPENDABLE = 20  # things to delete, of each kind
SEED = os.environ.get("GRAPNEL_FUZZ_SEED", "1")


def tester(venv):
    """The tester's program, installed when it is not there; None when it cannot be."""
    program = os.path.join(venv, "bin", "schemathesis")
    if os.access(program, os.X_OK):
        return program
    for command in (["/usr/bin/python3", "-m", "venv", venv], [os.path.join(venv, "bin", "pip"), "install", "-q", "--disable-pip-version-check", TESTER]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{command[0]}: {error}")
            return None
        if done.returncode != 0:
            print((done.stdout + done.stderr)[-1000:])
            return None
    return program


def furnish(hub, sink):
    """Something of every kind; the ids and uids by which it can be named."""
    sink.on("/bad", Reply(500, body=b"no"))
    hub.subscriber("acme")
    endpoints = [
        hub.endpoint(sink.url("/good"), ["order.*"], uid="good"),
        hub.endpoint(sink.url("/bad"), ["bad.*"], uid="bad", retry={"schedule_ms": [1]}),
        hub.endpoint(sink.url("/acme"), ["**"], uid="acme-1", subscriber="acme", signature={"versions": ["v1", "v1a"]}),
    ]
    events = [hub.publish("order.created", uid="order-1"), *(hub.publish("bad.news") for _ in range(5))]
    for event in events:
        hub.wait_delivery(event, "delivered" if event is events[0] else "dead")
    dead = hub.dead_letters()
    answer = hub.api("POST", "/v1/dead-letters/discard", {"ids": [dead[0]["id"]]})
    hub.wait_operation(answer.json)
    sources = [hub.made("/v1/sources", {"uid": uid, "scheme": scheme}) for uid, scheme in (("open", "none"), ("gh", "github"), ("crc", "okta"))]
    hub.api("POST", "/in/gh", body=b"{}", key=None)
    rejections = hubs.eventually(lambda: hub.pages("/v1/rejections"), "a rejection")
    return {
        "source": ["open", "gh", *(s["id"] for s in sources)],
        "rejection": [r["id"] for r in rejections],
        "event": ["order-1", *(e["id"] for e in events)],
        "delivery": [d["id"] for e in events for d in hub.deliveries(e)],
        "endpoint": ["good", "acme-1", *(e["id"] for e in endpoints)],
        "subscriber": ["acme", hub.got("/v1/subscribers/acme")["id"]],
        "operation": [answer.json["id"]],
        "key": [k["id"] for k in hub.got("/v1/keys")["data"]],
        "own_key": next(k["id"] for k in hub.got("/v1/keys")["data"] if k["scopes"] == ["admin"]),
        "url": sink.url("/good"),
        "expendable": {
            "source": [hub.made("/v1/sources", {"scheme": "none"})["id"] for _ in range(EXPENDABLE)],
            "endpoint": [hub.endpoint(sink.url("/good"), ["never"])["id"] for _ in range(EXPENDABLE)],
            "subscriber": [hub.subscriber(f"expendable-{n}")["id"] for n in range(EXPENDABLE)],
            "key": [hub.made("/v1/keys", {"scopes": ["read"]})["id"] for _ in range(EXPENDABLE)],
        },
    }


def attack(program, hub, known, report):
    """Runs the tester; its exit code."""
    options = ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES]
    options += ["--seed", SEED, "--header", f"Authorization: Bearer {hub.admin}", "--report", "junit", "--report-junit-path", report]
    options += ["--no-color", "--continue-on-failure", "--request-timeout", "20"]
    env = dict(os.environ, SCHEMATHESIS_HOOKS="openapi_hooks", PYTHONPATH=HERE, GRAPNEL_FUZZ_KNOWN=json.dumps(known), PYTHONDONTWRITEBYTECODE="1")
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([program, "run", f"http://127.0.0.1:{hub.port}/openapi.json", *options], env=env, cwd=folder, timeout=BOUND).returncode


def skipped(report):
    suite = ElementTree.Element("testsuite", name="openapi-fuzz", tests="1", skipped="1")
    case = ElementTree.SubElement(suite, "testcase", classname="openapi-fuzz", name="schemathesis")
    ElementTree.SubElement(case, "skipped", message="schemathesis cannot be installed")
    ElementTree.ElementTree(suite).write(report)


def main(build):
    report = os.path.join(build, "tests", "openapi-fuzz.xml")
    program = tester(os.path.join(build, "venv"))
    if not program:
        print("check-openapi-fuzz: SKIPPED: pip cannot install schemathesis here")
        skipped(report)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        # No name resolves: what the tester invents must lead nowhere.
        hub = hubs.Hub(folder, "--dns-servers", f"127.0.0.1:{hubs.free_port()}", "--stop-deadline", "1s")
        sink = Sink()
        try:
            code = attack(program, hub, furnish(hub, sink), report)
        finally:
            sink.close()
            hub.close()
    return code


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
