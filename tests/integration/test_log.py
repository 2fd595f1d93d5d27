"""The log: what an operator reads, and what nobody may read there."""

import base64
import json
import re
import subprocess

from hub import BINARY, environment, eventually, run
from incoming import SECRET, github, send, source
from sink import Reply

PAYLOAD = "payload-canary-7f3a"
TOKEN = "token-canary-91bc"
PASSWORD = "password-canary-55aa"
RESPONSE = "response-canary-c0de"
QUERY = "query-canary-1234"


def entries(hub, **wanted):
    """The lines of a hub that logs JSON, of these members."""
    rows = [json.loads(line) for line in hub.log().splitlines()]
    return [r for r in rows if all(r.get(name) == value for name, value in wanted.items())]


def published(hub, headers=None, **fields):
    """(the event, its request's id)."""
    answer = hub.api("POST", "/v1/events", {"type": "order.created", "data": {"canary": PAYLOAD}, **fields}, headers=headers)
    assert answer.status == 202, answer
    return answer.json, answer.headers["x-request-id"]


def test_one_request_id_joins_ingest_attempts_and_dead_letter(make_hub, sink):
    hub = make_hub("--log-format", "json", "--log-level", "debug")
    sink.on("/", 500)
    endpoint = hub.endpoint(sink.url("/"))
    event, request = published(hub)
    dead = hub.wait_delivery(event, "dead")
    hub.terminate()
    rows = entries(hub, request=request)
    assert [r["kind"] for r in rows] == ["event_stored", "attempt", "endpoint_failing", "attempt", "attempt", "dead_letter"]
    assert all(r["event"] == event["id"] for r in rows)
    assert all((r["delivery"], r["endpoint"]) == (dead["id"], endpoint["id"]) for r in rows[1:])
    assert [r["attempt"] for r in rows[1:]] == [1, 1, 2, 3, 3]
    last = rows[-1]
    assert (last["level"], last["area"], last["status"], last["failure"], last["reason"]) == ("warn", "deliver", 500, "http_status", "exhausted")


def test_text_lines_name_the_same_and_attempts_are_for_debug_alone(hub, sink):
    sink.on("/", 500)
    hub.endpoint(sink.url("/"))
    event, request = published(hub)
    hub.wait_delivery(event, "dead")
    hub.terminate()
    lines = [line for line in hub.log().splitlines() if f"request={request}" in line]
    assert len(lines) == 2 and "the endpoint fails" in lines[0] and "dead letter" in lines[1], lines
    assert re.search(rf"WARN deliver: .*; request={request} event={event['id']} delivery=dlv_\w+ endpoint=ep_\w+ attempt=3 status=500", lines[1])
    assert not [line for line in hub.log().splitlines() if " DEBUG " in line]


def test_an_event_says_which_request_published_it(hub, sink):
    sink.on("/", 200)
    endpoint = hub.endpoint(sink.url("/"))
    event, request = published(hub)
    assert re.fullmatch(r"req_[0-9a-z]{13}", request)
    assert hub.got(f"/v1/events/{event['id']}")["request_id"] == request
    assert hub.got(f"/v1/events/{event['id']}/explain", endpoint=endpoint["id"])["request_id"] == request
    batch = hub.api("POST", "/v1/events", [{"type": "a.b", "data": 1}, {"type": "a.b", "data": 2}])
    assert {hub.got(f"/v1/events/{row['id']}")["request_id"] for row in batch.json["data"]} == {batch.headers["x-request-id"]}
    made = source(hub, uid="gh")
    answer = send(hub, "gh", b"{}", github(b"{}"))
    (came,) = hub.pages("/v1/events", source=made["id"])
    assert hub.got(f"/v1/events/{came['id']}")["request_id"] == answer.headers["x-request-id"]
    large = hub.publish_raw(b'"' + b"x" * 200000 + b'"')
    assert hub.got(f"/v1/events/{large['id']}")["request_id"].startswith("req_")


def test_what_a_client_calls_its_request_is_not_taken(hub):
    event, request = published(hub, headers={"X-Request-Id": "req_0000000000000"})
    assert request != "req_0000000000000"
    assert hub.got(f"/v1/events/{event['id']}")["request_id"] == request


def test_an_event_of_the_hub_itself_has_no_request(hub, sink):
    sink.on("/", 410)
    watcher = hub.endpoint(sink.url("/watch"), types=["grapnel.**"])
    sink.on("/watch", 200)
    hub.endpoint(sink.url("/"), types=["order.*"])
    event, _ = published(hub)
    hub.wait_delivery(event, "dead", endpoint=None)
    sink.wait_for(1, "/watch")
    told = hub.pages("/v1/events", type="grapnel.**")
    assert told and all(hub.got(f"/v1/events/{row['id']}")["request_id"] is None for row in told)
    assert watcher


def test_changes_say_who_made_them(hub):
    key = hub.made("/v1/keys", {"name": "deploy", "scopes": ["manage"]})
    answer = hub.api("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["*"]}, key=key["key"])
    line = next(line for line in hub.log().splitlines() if "endpoint.create" in line)
    request, id = answer.headers["x-request-id"], answer.json["id"]
    assert f"INFO audit: endpoint.create; request={request} endpoint={id} actor={key['id']} peer=127.0.0.1" in line


def test_a_flood_of_refused_requests_is_a_few_lines_and_none_is_lost(make_hub):
    """Told at once, and then as a count; no line is lost in it."""
    hub = make_hub("--log-format", "json", "--http-key-failures-per-ip", "0")
    made = source(hub, uid="gh")
    body, wrong = b"{}", github(b"{}", secret="another")
    connection = hub.connect()
    for _ in range(10000):
        connection.request("POST", "/in/gh", body=body, headers=wrong)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
    connection.close()
    hub.terminate()
    lines = entries(hub, kind="refused_webhook")
    assert len(lines) < 20, len(lines)
    assert {line.get("source") for line in lines} == {made["id"]}
    assert sum(line.get("more", 1) for line in lines) == 10000


def test_start_and_stop_are_told(make_hub):
    hub = make_hub("--log-format", "json")
    hub.terminate()
    told = [row.get("kind") for row in entries(hub)]
    assert (told[0], told[-1]) == ("started", "stopped") and told.count("ready") == 1
    assert not entries(hub, level="error")


def test_wrong_keys_and_failed_logins_are_warnings(hub):
    hub.api("GET", "/v1/events", key="gk_" + "0" * 32)
    hub.api("POST", "/login", {"name": "nobody", "password": PASSWORD}, key=None)
    text = hub.log()
    assert re.search(r"WARN api: a wrong API key was shown; request=req_\w+ peer=127\.0\.0\.1", text)
    assert "WARN api: a login failed" in text and PASSWORD not in text


def everything(hub, sink, secrets):
    """All kinds of traffic, with a canary wherever somebody's secret or payload can stand. Adds what the hub itself makes up."""
    auth = [{"type": "bearer", "token": TOKEN}, {"type": "basic", "username": "u", "password": PASSWORD},
            {"type": "oauth2", "token_url": sink.url("/token"), "client_id": "c", "client_secret": PASSWORD}]
    for status, path in ((200, "/good"), (500, "/bad"), (302, "/moved"), (410, "/gone")):
        sink.on(f"{path}?key={QUERY}", Reply(status, {"Location": f"https://example.com/?{QUERY}"}, RESPONSE.encode()))
        made = hub.endpoint(sink.url(f"{path}?key={QUERY}"), headers={"X-Token": TOKEN}, uid=path[1:])
        secrets.append(made["secret"])
    sink.on("/token", Reply(400, {}, json.dumps({"error": "invalid_client", "error_description": RESPONSE}).encode()))
    for number, one in enumerate(auth):
        made = hub.endpoint(sink.url(f"/good?n={number}&key={QUERY}"), auth=one)
        secrets.append(made["secret"])
    tokenless = made["id"]
    secrets.append(hub.endpoint(f"http://127.0.0.1:9/{QUERY}")["secret"])
    for verify in ("cloudevents", "challenge"):
        secrets.append(hub.endpoint(sink.url(f"/good?verify={QUERY}"), verification={"type": verify})["secret"])
    for name, scheme in (("gh", "github"), ("st", "stripe"), ("sw", "standard")):
        secrets.append(source(hub, scheme, uid=name).get("secret") or SECRET)
    event, _ = published(hub, subject="s")
    published(hub, headers={"Idempotency-Key": TOKEN})
    hub.api("POST", "/v1/events", body=b'{"type": "a.b", "data": {"%s"' % PAYLOAD.encode())
    hub.api("POST", "/v1/events", body=PAYLOAD.encode(), headers={"Content-Type": "application/cloudevents+json"})
    body = json.dumps({"canary": PAYLOAD}).encode()
    for name, headers in (("gh", github(body)), ("gh", github(body, secret=TOKEN)), ("gh", {"X-Token": TOKEN}), ("st", {"Stripe-Signature": TOKEN}),
                          ("sw", {"webhook-signature": TOKEN}), (f"none-{QUERY}", {})):
        send(hub, name, body, headers, query=f"?{QUERY}")
    for row in hub.pages("/v1/rejections"):
        hub.api("POST", "/v1/rejections/accept", {"ids": [row["id"]]})
    for _ in range(10):
        published(hub)
    eventually(lambda: entries(hub, kind="breaker_opened", endpoint=tokenless), "a breaker that opens for what a token endpoint said")
    eventually(lambda: len(hub.dead_letters()) >= 2, "dead letters")
    secrets.append(hub.api("POST", "/v1/endpoints/good/secret/rotate").json["secret"])
    hub.api("POST", "/v1/endpoints/good/secret/rotate", {"secret": "whsec_" + base64.b64encode((TOKEN * 2).encode()).decode()})
    hub.api("POST", "/v1/endpoints/good/test", {"data": {"canary": PAYLOAD}})
    hub.api("POST", "/v1/endpoints/good/drill", {})
    hub.api("POST", f"/v1/events/{event['id']}/resend", {})
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {}}).json)
    secrets.append(hub.key("publish"))
    secrets.append(hub.admin)
    hub.api("GET", f"/v1/events?q={QUERY}", key="gk_" + TOKEN)
    hub.api("POST", "/login", {"name": "nobody", "password": PASSWORD}, key=None)
    hub.api("POST", "/login", {"token": TOKEN}, key=None)
    hub.raw(b"GET /" + QUERY.encode() + b" HTTP/1.1\r\nHost: h\r\nHost: i\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n")
    hub.raw(b"POST /v1/events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + PAYLOAD.encode())
    made = run("admin", "create", "ada", "--data", hub.data, env={"GRAPNEL_PASSWORD": PASSWORD}, input=PASSWORD + "\n")
    link = run("admin", "link", "--data", hub.data).stdout
    secrets += re.findall(r"[#=]([0-9A-Za-z_-]{20,})", link)
    assert made


def test_no_secret_and_no_payload_is_ever_logged(make_hub, sink):
    hub = make_hub("--log-level", "debug", "--log-format", "json")
    secrets = [PAYLOAD, TOKEN, PASSWORD, RESPONSE, QUERY, SECRET]
    everything(hub, sink, secrets)
    hub.terminate()
    text = hub.log()
    kinds = {row.get("kind") for row in entries(hub)}
    wanted = {"event_stored", "attempt", "dead_letter", "refused_webhook", "refused_key", "failed_login", "changed", "endpoint_disabled"}
    assert wanted <= kinds, wanted - kinds
    assert all(secrets) and len(secrets) > 15
    found = {s: next(line for line in text.splitlines() if s in line) for s in secrets if s in text}
    found |= {s: "in base64" for s in secrets if base64.b64encode(s.encode()).decode().rstrip("=")[:-2] in text}
    assert not found, found


def test_a_log_format_that_there_is_not_is_refused(tmp_path):
    done = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "d"), "--log-format", "xml"], env=environment(), capture_output=True, text=True)
    assert done.returncode != 0 and "auto" in done.stderr and "json" in done.stderr
