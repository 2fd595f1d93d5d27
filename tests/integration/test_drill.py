"""Drills: what receivers of every kind are told about themselves, and the mark that stays on those that verify nothing."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from hub import ADMIN, eventually, run
from sink import Reply, Sink

VALID, DUPLICATE, BAD, STALE = "valid", "duplicate", "bad-signature", "stale"
REFUSED = [DUPLICATE, BAD, STALE]


def drill(hub, endpoint, key=ADMIN, headers=None, **body):
    return hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", {"drill": True, **body}, key=key, headers=headers, bound=120)


def report(hub, endpoint, **body):
    answer = drill(hub, endpoint, **body)
    assert answer.status == 200, answer
    assert [r["drill"] for r in answer.json["requests"]] == [VALID, *REFUSED]
    return answer.json


def expectations(found):
    return [r["as_expected"] for r in found["requests"]]


def codes(found):
    return [f["code"] for f in found["findings"]]


def fresh(received):
    return abs(time.time() - int(received.headers["webhook-timestamp"])) < 300


def verifier(secret, received):
    """A receiver that does all it should."""
    return 204 if received.signed_with(secret()) and fresh(received) else 401


@pytest.fixture
def receiver(hub, sink):
    """An endpoint whose receiver answers what a function of (its secret, the request) says."""

    def make(judge, path="/hook", **fields):
        made = {}
        sink.on(path, lambda received: Reply(judge(lambda: made["secret"], received)))
        made.update(hub.endpoint(sink.url(path), **fields))
        return made

    return make


def shown(hub, endpoint):
    return hub.got(f"/v1/endpoints/{endpoint['id']}")


def test_receiver_that_verifies_passes(hub, sink, receiver):
    endpoint = receiver(verifier)
    found = report(hub, endpoint)
    assert (found["verdict"], found["findings"], found["insecure"], found["snippets"]) == ("passed", [], None, None)
    assert expectations(found) == [True] * 4
    assert [r["attempt"]["status"] for r in found["requests"]] == [204, 204, 401, 401]
    now = shown(hub, endpoint)
    assert (now["insecure"], now["drill"]["verdict"]) == (None, "passed")


def test_requests_of_a_drill_are_what_they_say(hub, sink, receiver):
    endpoint = receiver(verifier)
    found = report(hub, endpoint)
    valid, again, bad, stale = sink.received()
    assert [r.headers["grapnel-drill"] for r in sink.received()] == [VALID, DUPLICATE, BAD, STALE]
    assert valid.signed_with(endpoint["secret"]) and fresh(valid) and valid.attempt == 1
    assert again.signed_with(endpoint["secret"]) and fresh(again) and again.attempt == 2
    assert (again.webhook_id, again.body) == (valid.webhook_id, valid.body)
    assert not bad.signed_with(endpoint["secret"]) and fresh(bad)
    assert len(base64.b64decode(bad.signatures[0].removeprefix("v1,"))) == 32, "well-formed, so that nothing but its not fitting refuses it"
    assert stale.signed_with(endpoint["secret"]) and int(stale.headers["webhook-timestamp"]) < time.time() - 80000
    assert len({valid.webhook_id, bad.webhook_id, stale.webhook_id}) == 3, "no receiver takes a wrong one for a repetition"
    assert [r["event"] for r in found["requests"]] == [r.webhook_id for r in sink.received()]


def test_log_shows_what_belongs_to_a_drill(hub, sink, receiver):
    endpoint = receiver(verifier)
    found = report(hub, endpoint)
    rows = {d["id"]: d for d in hub.got("/v1/deliveries", endpoint=endpoint["id"])["data"]}
    states = [(rows[r["delivery"]]["drill"], rows[r["delivery"]]["state"], rows[r["delivery"]]["round"]) for r in found["requests"]]
    assert states == [(VALID, "delivered", 0), (VALID, "delivered", 0), (BAD, "cancelled", 0), (STALE, "cancelled", 0)]
    attempts = hub.got(f"/v1/deliveries/{found['requests'][0]['delivery']}")["attempts"]
    assert attempts == [r["attempt"] for r in found["requests"][:2]]
    assert [a["drill"] for a in attempts] == [VALID, DUPLICATE]
    assert hub.dead_letters() == []
    assert "drill" not in hub.delivery(hub.publish()), "what is no drill does not say so"


def test_receiver_that_does_not_verify_is_insecure_until_it_does(hub, sink, receiver):
    mended = threading.Event()
    endpoint = receiver(lambda secret, received: verifier(secret, received) if mended.is_set() else 200)
    found = report(hub, endpoint)
    assert (found["verdict"], codes(found)) == ("insecure", ["bad_signature_accepted", "stale_accepted"])
    assert [f["severity"] for f in found["findings"]] == ["critical", "serious"]
    assert expectations(found) == [True, True, False, False]
    assert shown(hub, endpoint)["insecure"] == found["insecure"]
    since = found["insecure"]["since"]

    hub.restart()
    assert shown(hub, endpoint)["insecure"]["since"] == since
    assert hub.got("/v1/endpoints")["data"][0]["insecure"]["since"] == since
    hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"timeout_ms": 7000, "insecure": None})
    assert shown(hub, endpoint)["insecure"]["since"] == since, "a change of something else, or of what is read-only, does not take it away"
    assert report(hub, endpoint)["insecure"]["since"] == since

    mended.set()
    assert report(hub, endpoint)["verdict"] == "passed"
    assert shown(hub, endpoint)["insecure"] is None


def test_receiver_that_forgets_the_time_is_insecure(hub, sink, receiver):
    endpoint = receiver(lambda secret, received: 200 if received.signed_with(secret()) else 401)
    found = report(hub, endpoint)
    assert (found["verdict"], codes(found)) == ("insecure", ["stale_accepted"])
    assert expectations(found) == [True, True, True, False]
    assert [f["code"] for f in shown(hub, endpoint)["insecure"]["findings"]] == ["stale_accepted"]


def test_endpoint_that_is_down_is_asked_once(hub, sink):
    gone = Sink()
    url = gone.url()
    gone.close()
    endpoint = hub.endpoint(url)
    found = report(hub, endpoint)
    assert (found["verdict"], codes(found), found["snippets"]) == ("unreachable", ["no_answer"], None)
    assert expectations(found) == [None] * 4
    assert [r["attempt"] and r["attempt"]["failure"] for r in found["requests"]] == ["connect", None, None, None]
    assert (shown(hub, endpoint)["insecure"], shown(hub, endpoint)["drill"]["verdict"]) == (None, "unreachable")


def test_drill_that_tells_nothing_leaves_the_mark(hub, sink, receiver):
    status = [200]
    endpoint = receiver(lambda secret, received: status[0])
    since = report(hub, endpoint)["insecure"]["since"]
    status[0] = 500
    found = report(hub, endpoint)
    assert (found["verdict"], codes(found)) == ("inconclusive", ["receiver_failed"]), "a failure is no refusal"
    assert found["insecure"]["since"] == since
    assert [r["attempt"] and r["attempt"]["status"] for r in found["requests"]] == [500, None, 500, 500], "what was refused is not repeated"
    assert found["snippets"]


def test_without_an_access_token_nothing_is_said_of_signatures(hub, sink):
    sink.on("/token", 400)
    auth = {"type": "oauth2", "token_url": sink.url("/token"), "client_id": "c", "client_secret": "s"}
    found = report(hub, hub.endpoint(sink.url("/"), auth=auth))
    assert (found["verdict"], codes(found), found["snippets"]) == ("unreachable", ["no_token"], None)


def test_refusing_what_is_signed_rightly_is_inconclusive(hub, sink, receiver):
    found = report(hub, receiver(lambda secret, received: 401))
    assert (found["verdict"], codes(found)) == ("inconclusive", ["valid_refused"])
    assert found["snippets"]


def test_accepting_the_wrong_ones_alone_is_insecure_too(hub, sink, receiver):
    endpoint = receiver(lambda secret, received: 401 if received.signed_with(secret()) else 200)
    found = report(hub, endpoint)
    assert (found["verdict"], codes(found)) == ("insecure", ["bad_signature_accepted", "valid_refused"])


def test_receiver_that_refuses_repetitions_is_told_so_and_passes(hub, sink, receiver):
    seen = set()

    def judge(secret, received):
        status = verifier(secret, received)
        if status == 204 and received.webhook_id in seen:
            return 409
        seen.add(received.webhook_id)
        return status

    found = report(hub, receiver(judge))
    assert (found["verdict"], codes(found), found["insecure"]) == ("passed", ["duplicate_refused"], None)


def test_silence_in_the_middle_ends_the_drill(hub, sink):
    sink.on("/", 200, 200, Reply(then="close"))
    found = report(hub, hub.endpoint(sink.url()))
    assert (found["verdict"], codes(found)) == ("inconclusive", ["no_answer"])
    assert expectations(found) == [True, True, None, None]
    assert {r.headers["grapnel-drill"] for r in sink.received()} == {VALID, DUPLICATE, BAD}


def test_410_to_a_drill_disables_nothing(hub, sink):
    sink.on("/", 410)
    endpoint = hub.endpoint(sink.url())
    assert report(hub, endpoint)["verdict"] == "inconclusive"
    assert shown(hub, endpoint)["status"] == "active"


def test_drill_goes_beside_pause_order_and_window(hub, sink, receiver):
    endpoint = receiver(verifier, ordered=True, max_in_flight=1)
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause")
    waiting = hub.publish()
    assert report(hub, endpoint)["verdict"] == "passed"
    assert hub.delivery(waiting)["state"] == "pending"
    hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable")
    assert drill(hub, endpoint).code == "endpoint_disabled"


def test_drill_with_a_type_and_data_of_ones_own(hub, sink, receiver):
    endpoint = receiver(verifier, format="standard")
    assert report(hub, endpoint, type="order.created", data={"n": 1})["verdict"] == "passed"
    assert {r.headers["grapnel-event-type"] for r in sink.received()} == {"order.created"}
    assert [json.loads(r.body)["data"] for r in sink.received()] == [{"n": 1}] * 4


def test_what_a_drill_sent_becomes_a_delivery_like_any_other_when_it_is_retried(hub, sink, receiver):
    endpoint = receiver(verifier)
    found = report(hub, endpoint)
    for request in found["requests"][1:]:
        answer = hub.api("POST", f"/v1/deliveries/{request['delivery']}/retry")
        assert answer.status in (200, 202), answer
    again = sink.wait_for(7)[4:]
    assert all(r.signed_with(endpoint["secret"]) and fresh(r) and "grapnel-drill" not in r.headers for r in again)
    delivery = eventually(lambda: (lambda d: d if d["state"] == "delivered" else None)(hub.got(f"/v1/deliveries/{found['requests'][2]['delivery']}")))
    assert (delivery["round"], "drill" in delivery) == (1, False)
    assert [a.get("drill") for a in delivery["attempts"]] == [BAD, None]


def test_both_versions_are_signed_wrongly(hub, sink):
    endpoint = hub.endpoint(sink.url(), signature={"versions": ["v1", "v1a"]})
    report(hub, endpoint)
    valid, _, bad, stale = sink.received()
    assert valid.signed_by(endpoint["public_key"]) and stale.signed_by(endpoint["public_key"])
    assert len(bad.signatures) == 2 and not bad.signed_by(endpoint["public_key"])


def test_legacy_signature_is_wrong_in_a_bad_request_too(hub, sink):
    hub.endpoint(sink.url(), uid="old", signature={"legacy": {"style": "github", "secret": "the old one"}})
    report(hub, hub.got("/v1/endpoints/old"))
    right = [r.headers["x-hub-signature-256"] == "sha256=" + hmac.new(b"the old one", r.body, hashlib.sha256).hexdigest() for r in sink.received()]
    assert right == [True, True, False, True]


def test_drill_stays_within_a_subscriber(hub, sink):
    hub.subscriber("acme")
    hub.subscriber("other")
    endpoint = hub.endpoint(sink.url(), subscriber="acme")
    assert drill(hub, endpoint, key=hub.key("manage", subscriber="other")).status == 404
    assert drill(hub, endpoint, key=hub.key("read", subscriber="acme")).status == 403
    assert sink.received() == []
    assert drill(hub, endpoint, key=hub.key("manage", subscriber="acme")).json["verdict"] == "insecure"


def test_drill_is_noted_in_the_audit(hub, sink):
    endpoint = hub.endpoint(sink.url())
    report(hub, endpoint)
    (row,) = hub.got("/v1/audit", action="endpoint.drill")["data"]
    assert (row["resource"], row["before"]["insecure"]) == (endpoint["id"], None)
    assert row["after"]["drill"]["verdict"] == "insecure"


def test_drill_with_a_key_is_carried_out_once(hub, sink):
    gate = sink.gate()
    sink.on("/", Reply(gate=gate), 200)
    endpoint = hub.endpoint(sink.url())
    headers = {"Idempotency-Key": "once"}
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(drill, hub, endpoint, headers=headers)
        sink.wait_for(1)
        assert (drill(hub, endpoint, headers=headers).code, drill(hub, endpoint, headers=headers, data=1).code) == ("in_progress", "idempotency_key_reused")
        gate.set()
        first = first.result()
    assert first.status == 200, first
    for _ in range(2):
        again = drill(hub, endpoint, headers=headers)
        assert (again.status, again.json, again.headers["idempotent-replayed"]) == (200, first.json, "true")
        hub.restart()
    assert len(sink.received()) == 4


def test_drill_that_waits_is_answered_when_the_hub_stops(hub, sink):
    sink.on("/", 200, 200, Reply(then="never"))
    endpoint = hub.endpoint(sink.url(), timeout_ms=120000)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(drill, hub, endpoint)
        sink.wait_for(3)
        hub.terminate()
        assert (waiting.result().status, waiting.result().code) == (503, "unavailable")
    hub.start()
    assert shown(hub, endpoint)["drill"] is None, "half a drill says nothing"


@pytest.mark.parametrize("body", [b'{"drill": 1}', b'{"drill": "yes"}', b'{"drill": null}', b'{"drill": true, "drill": true}'])
def test_bad_drill_is_refused_with_its_pointer(shared_hub, shared_sink, body):
    endpoint = shared_hub.endpoint(shared_sink.url())
    answer = shared_hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", body=body)
    assert (answer.status, answer.pointers) == (422, ["/drill"])


def test_drill_that_is_false_is_a_test(hub, sink):
    endpoint = hub.endpoint(sink.url())
    answer = hub.api("POST", f"/v1/endpoints/{endpoint['id']}/test", {"drill": False})
    assert (answer.status, answer.json["state"]) == (200, "delivered")


# The snippets mend what the drill found.


def python_receiver(snippet, secret):
    names = {}
    exec(snippet, names)
    os.environ["WEBHOOK_SECRET"] = secret
    return lambda received: names["verify"](received.headers, received.body)


def program(command, secret):
    """A receiver in another language: a program that reads a request as JSON and says yes or no."""

    def verify(received):
        request = json.dumps({"headers": received.headers, "body": base64.b64encode(received.body).decode()})
        done = subprocess.run(command, input=request, capture_output=True, text=True, env={**os.environ, "WEBHOOK_SECRET": secret})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip() == "true"

    return verify


def node_receiver(folder, snippet, secret):
    path = folder / "receiver.cjs"
    path.write_text(snippet + NODE)
    return program(["node", str(path)], secret)


NODE = """
const asked = JSON.parse(require('node:fs').readFileSync(0))
console.log(verify(asked.headers, Buffer.from(asked.body, 'base64')))
"""
GO = """
func main() {
	var asked struct {
		Headers map[string]string
		Body    []byte
	}
	json.NewDecoder(os.Stdin).Decode(&asked)
	headers := http.Header{}
	for name, value := range asked.Headers {
		headers.Set(name, value)
	}
	fmt.Println(verify(headers, asked.Body))
}
"""


def go_receiver(folder, snippet, secret):
    more = [f'\t"{name}"\n' for name in ("encoding/json", "fmt", "os") if f'"{name}"' not in snippet]
    source = "package main\n" + snippet.replace("import (\n", "import (\n" + "".join(more), 1) + GO
    path, binary = folder / "receiver.go", folder / "receiver"
    path.write_text(source)
    built = subprocess.run(["go", "build", "-o", str(binary), str(path)], capture_output=True, text=True, env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""})
    assert built.returncode == 0, built.stderr
    return program([str(binary)], secret)


def receiver_of(language, folder, snippet, secret):
    if language == "python":
        return python_receiver(snippet, secret)
    return (node_receiver if language == "node" else go_receiver)(folder, snippet, secret)


@pytest.mark.parametrize("language", ["python", "node", "go"])
def test_snippet_knows_headers_of_other_names(hub, sink, tmp_path, language):
    if language != "python" and not shutil.which(language):
        pytest.skip(f"{language} is not installed")
    endpoint = hub.endpoint(sink.url("/hook"), signature={"headers": {"prefix": "X-Acme-"}})
    verify = receiver_of(language, tmp_path, report(hub, endpoint)["snippets"][language], endpoint["secret"])
    sink.on("/hook", lambda received: Reply(204 if verify(received) else 401))
    assert report(hub, endpoint)["verdict"] == "passed"


@pytest.mark.parametrize("versions", [["v1"], ["v1a"], ["v1", "v1a"]], ids="+".join)
@pytest.mark.parametrize("language", ["python", "node", "go"])
def test_snippet_mends_the_receiver(hub, sink, tmp_path, language, versions):
    if language != "python" and not shutil.which(language):
        pytest.skip(f"{language} is not installed")
    if language == "python" and versions == ["v1a"]:
        pytest.importorskip("cryptography")
    endpoint = hub.endpoint(sink.url("/hook"), signature={"versions": versions})
    snippet = report(hub, endpoint)["snippets"][language]
    assert endpoint["secret"] not in snippet
    verify = receiver_of(language, tmp_path, snippet, endpoint["secret"])
    sink.on("/hook", lambda received: Reply(204 if verify(received) else 401))
    found = report(hub, endpoint)
    assert (found["verdict"], found["findings"]) == ("passed", [])


def test_curl_snippet_is_accepted_by_who_verifies_nothing(hub, sink):
    endpoint = hub.endpoint(sink.url("/it's"))
    snippet = report(hub, endpoint)["snippets"]["curl"]
    done = subprocess.run(["bash", "-c", snippet], capture_output=True, text=True)
    assert " 200 " in done.stdout.splitlines()[0], done
    last = sink.received()[-1]
    assert fresh(last) and not last.signed_with(endpoint["secret"])


# The command.


def test_command_shows_the_report(hub, sink):
    endpoint = hub.endpoint(sink.url(), uid="billing")
    done = run("endpoints", "drill", "billing", "--data", hub.data)
    assert done.returncode == 1, done
    for text in ("bad-signature", "bad_signature_accepted", "insecure since", "--snippet"):
        assert text in done.stdout, done.stdout
    code = run("endpoints", "drill", "billing", "--snippet", "python", "--data", hub.data)
    assert code.returncode == 1 and "def verify(" in code.stdout
    assert run("endpoints", "drill", "billing", "--snippet", "cobol", "--data", hub.data).returncode == 2
    sink.on("/", lambda received: Reply(verifier(lambda: endpoint["secret"], received)))
    passed = run("endpoints", "drill", "billing", "--json", "--data", hub.data)
    assert (passed.returncode, json.loads(passed.stdout)["verdict"]) == (0, "passed")


def test_times_are_those_of_the_drill(hub, sink):
    endpoint = hub.endpoint(sink.url())
    before = time.time()
    found = report(hub, endpoint)
    at = datetime.fromisoformat(shown(hub, endpoint)["drill"]["at"].replace("Z", "+00:00")).timestamp()
    assert before - 1 < at < time.time() + 1
    assert found["insecure"]["since"] == shown(hub, endpoint)["drill"]["at"]
