"""Erasure: what was said is gone, from every answer and from the files; what tells that it was stays."""

import glob
import json
import os

from hub import FAST_RETRY, eventually, run
from sink import Reply

MARK = b"Ada-Lovelace-1815"
PERSON = {"name": MARK.decode()}


def erase(hub, event, status=200, **query):
    query = "".join(f"?{k}={v}" for k, v in query.items())
    answer = hub.api("DELETE", f"/v1/events/{event['id']}/payload{query}")
    assert answer.status == status, answer
    return answer.json


def on_disk(hub, mark=MARK):
    found = []
    for path in glob.glob(os.path.join(hub.data, "*")):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                bytes = file.read()
            found += [(path, at, bytes[max(0, at - 200) : at + 60]) for at in [bytes.find(mark)] if at >= 0]
    return found


def scrubbed(hub):
    eventually(lambda: not hub.got("/v1/retention")["database"]["scrubbing"], "the bytes out of the files")


def audit(hub, action):
    return hub.got("/v1/audit", action=action)["data"]


def dead(hub, sink, **fields):
    sink.on("/hook", Reply(500, body=b"no: " + MARK))
    hub.endpoint(sink.url("/hook"), retry=FAST_RETRY)
    event = hub.publish("person.changed", PERSON, subject=MARK.decode(), ordering_key=MARK.decode(), attributes={"who": MARK.decode()}, **fields)
    return event, hub.wait_delivery(event, "dead")


def test_an_event_is_erased_down_to_the_bytes_in_the_files(hub, sink):
    event, delivery = dead(hub, sink, uid="person-1")
    assert on_disk(hub)
    assert erase(hub, event)["responses"] == 3
    found = hub.got(f"/v1/events/{event['id']}")
    assert found["erased_at"] and found["uid"] == "person-1" and found["type"] == "person.changed"
    assert (found["data_bytes"], found["subject"], found["ordering_key"], found["attributes"]) == (0, None, None, {})
    answer = hub.api("GET", f"/v1/events/{event['id']}/payload")
    assert (answer.status, answer.code) == (410, "payload_erased") and found["erased_at"][:19] in answer.json["detail"]
    attempts = hub.got(f"/v1/deliveries/{delivery['id']}")["attempts"]
    assert [a["status"] for a in attempts] == [500] * 3 and not any(a["response"] for a in attempts)
    scrubbed(hub)
    assert not on_disk(hub)
    assert erase(hub, event)["erased_at"] == found["erased_at"], "once more changes nothing"
    (row,) = audit(hub, "event.erase")
    assert row["resource"] == event["id"] and row["after"]["responses"] == 3 and MARK.decode() not in json.dumps(row)


def test_what_was_erased_is_not_sent_again(hub, sink):
    event, delivery = dead(hub, sink)
    erase(hub, event)
    sink.on("/hook", 204)
    for path in (f"/v1/events/{event['id']}/resend", f"/v1/deliveries/{delivery['id']}/retry"):
        answer = hub.api("POST", path)
        assert (answer.status, answer.code) == (410, "payload_erased"), answer
    operation = hub.wait_operation(hub.api("POST", "/v1/dead-letters/retry", {"filter": {}}).json)
    assert (operation["done"], operation["skipped"]) == (0, 1)
    line = json.loads(hub.api("GET", "/v1/dead-letters/export").body)
    assert line["data"] is None and "erased" in line["data_error"] and line["event_erased_at"]


def test_what_shows_an_erased_event_says_so(hub, sink):
    event, delivery = dead(hub, sink)
    endpoint, path = delivery["endpoint"], f"/v1/deliveries/{delivery['id']}"
    assert hub.got(path)["event_erased_at"] is None and hub.got(f"/v1/events/{event['id']}/explain", endpoint=endpoint)["erased_at"] is None
    at = erase(hub, event)["erased_at"]
    assert hub.got(path)["event_erased_at"] == at
    assert hub.got("/v1/dead-letters")["data"][0]["event_erased_at"] == at
    explained = hub.got(f"/v1/events/{event['id']}/explain", endpoint=endpoint)
    assert explained["erased_at"] == at and explained["delivery"]["event_erased_at"] == at
    for words in (("show", event["id"]), ("list",)):
        shown = run("events", *words, "--data", hub.data)
        assert shown.returncode == 0 and "erased" in shown.stdout.lower() and at in shown.stdout, shown


def test_deliveries_that_have_not_ended_are_named_or_cancelled(hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"))["id"]
    assert hub.api("POST", f"/v1/endpoints/{endpoint}/pause").status == 200
    event = hub.publish("person.changed", PERSON)
    delivery = hub.delivery(event)
    refusal = erase(hub, event, 409)
    assert refusal["code"] == "wrong_state" and delivery["id"] in refusal["detail"] and "cancel=true" in refusal["detail"]
    assert hub.api("GET", f"/v1/events/{event['id']}/payload").json == PERSON
    assert hub.api("DELETE", f"/v1/events/{event['id']}/payload?cancel=perhaps").status == 422
    assert erase(hub, event, cancel="true")["cancelled"] == 1
    assert hub.delivery(event)["state"] == "cancelled"


def test_what_is_answered_to_an_attempt_under_way_is_not_kept(hub, sink):
    gate = sink.gate()
    sink.on("/hook", Reply(500, body=MARK, gate=gate))
    hub.endpoint(sink.url("/hook"), retry={"max_attempts": 1})
    event = hub.publish("person.changed", PERSON)
    sink.wait_for(1, "/hook")
    assert erase(hub, event, cancel="true")["cancelled"] == 1
    gate.set()
    delivery = hub.delivery(event)["id"]
    attempts = eventually(lambda: hub.got(f"/v1/deliveries/{delivery}")["attempts"], "the attempt")
    assert [a["response"] for a in attempts] == [None]
    scrubbed(hub)
    assert not on_disk(hub)


def test_a_bound_key_erases_its_own_events_alone(hub):
    hub.subscriber("acme"), hub.subscriber("other")
    own, foreign = (hub.publish("person.changed", PERSON, subscriber=s) for s in ("acme", "other"))
    key = hub.key("manage", subscriber="acme")
    assert hub.api("DELETE", f"/v1/events/{own['id']}/payload", key=key).status == 200
    assert hub.api("DELETE", f"/v1/events/{foreign['id']}/payload", key=key).status == 404


def test_a_subscriber_is_erased_with_all_that_is_its_own(hub, sink):
    sink.on("/hook", Reply(500, body=MARK))
    sink.on("/other", 204)
    hub.subscriber("acme", name=MARK.decode()), hub.subscriber("other")
    hub.endpoint(sink.url("/hook"), subscriber="acme", retry=FAST_RETRY, description=MARK.decode())
    hub.endpoint(sink.url("/other"), subscriber="other")
    key = hub.key("read", subscriber="acme")
    own = [hub.publish("person.changed", PERSON, subscriber="acme") for _ in range(5)]
    everyone = hub.publish("all.told", {"n": 1}, subscriber="*")
    for event in own:
        hub.wait_delivery(event, "dead")
    eventually(lambda: sorted(d["state"] for d in hub.deliveries(everyone)) == ["dead", "delivered"], "both ends")
    answer = hub.api("DELETE", "/v1/subscribers/acme?erase=true")
    assert answer.status == 202 and answer.json["kind"] == "erase", answer
    assert hub.api("GET", "/v1/events", key=key).status == 401
    operation = hub.wait_operation(answer.json)
    assert operation["state"] == "done"
    assert hub.api("GET", "/v1/subscribers/acme").status == 404
    assert all(hub.got(f"/v1/events/{event['id']}")["erased_at"] for event in own)
    assert hub.got(f"/v1/events/{everyone['id']}")["erased_at"] is None
    assert hub.api("GET", f"/v1/events/{everyone['id']}/payload").json == {"n": 1}
    scrubbed(hub)
    assert not on_disk(hub)
    done, begun = audit(hub, "subscriber.erase")
    assert begun["after"]["state"] == "begun" and done["after"] == {"state": "done", "operation": operation["id"], "erased": operation["done"]}
    assert begun["actor"]["kind"] != "hub" and done["actor"]["kind"] == "hub"
    check = run("check", "--data", hub.data)
    assert check.returncode == 0, check.stdout


def test_what_the_hub_said_of_a_subscriber_goes_too(hub, sink):
    sink.on("/hook", 500)
    hub.endpoint(sink.url("/ops"), types=["grapnel.**"], uid="ops")
    for who in ("acme", "other"):
        hub.subscriber(who)
        hub.endpoint(sink.url("/hook"), subscriber=who, uid=f"hook-of-{who}", retry=FAST_RETRY)
        hub.wait_delivery(hub.publish("person.changed", PERSON, subscriber=who), "dead")
    told = eventually(lambda: (lambda rows: rows if len(rows) == 2 else None)(hub.pages("/v1/events", type="grapnel.delivery.dead")), "the deaths")
    for event in told:
        hub.wait_delivery(event, "delivered")
    hub.wait_operation(hub.api("DELETE", "/v1/subscribers/acme?erase=true").json)
    (acme, other), payloads = sorted(told, key=lambda event: event["id"]), "/v1/events/{}/payload"
    assert hub.api("GET", payloads.format(acme["id"])).code == "payload_erased"
    assert hub.api("GET", payloads.format(other["id"])).json["endpoint"]["uid"] == "hook-of-other"


def test_an_erasure_goes_on_after_a_kill(hub, sink):
    hub.subscriber("acme"), hub.subscriber("other")
    hub.endpoint(sink.url("/hook"), subscriber="other")
    body = b"\n".join(json.dumps({"type": "person.changed", "data": PERSON, "subscriber": "acme"}).encode() for _ in range(1000))
    for _ in range(5):
        assert hub.api("POST", "/v1/events", body=body, headers={"Content-Type": "application/x-ndjson"}).status == 202
    answer = hub.api("DELETE", "/v1/subscribers/acme?erase=true")
    hub.kill9()
    hub.start()
    operation = hub.wait_operation(answer.json)
    assert operation["state"] == "done"
    events = hub.pages("/v1/events", limit=500)
    assert all(event["erased_at"] for event in events if event["type"] == "person.changed")
    scrubbed(hub)
    assert not on_disk(hub)
    check = run("check", "--data", hub.data)
    assert check.returncode == 0, check.stdout


def test_the_command_line_asks_and_erases(hub, sink):
    event, _ = dead(hub, sink)
    refused = run("events", "erase", event["id"], "--data", hub.data)
    assert refused.returncode == 2 and "--yes" in refused.stderr
    assert hub.got(f"/v1/events/{event['id']}")["erased_at"] is None
    done = run("events", "erase", event["id"], "--yes", "--data", hub.data)
    assert done.returncode == 0 and "erased" in done.stdout, done
    hub.subscriber("acme")
    done = run("subscribers", "delete", "acme", "--erase", "--yes", "--data", hub.data)
    assert done.returncode == 0 and "done" in done.stdout, done
    shown = run("retention", "show", "--json", "--data", hub.data)
    assert json.loads(shown.stdout)["settings"]["events_ms"] == 30 * 86400000


def test_the_command_line_cancels_what_has_not_ended(hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"))["id"]
    assert hub.api("POST", f"/v1/endpoints/{endpoint}/pause").status == 200
    event = hub.publish("person.changed", PERSON)
    refused = run("events", "erase", event["id"], "--yes", "--data", hub.data)
    assert refused.returncode == 1 and refused.stdout == "" and refused.stderr.count("\n") == 1, "nothing is said to be done"
    assert "--cancel" in refused.stderr
    done = run("events", "erase", event["id"], "--cancel", "--yes", "--data", hub.data)
    assert done.returncode == 0 and done.stderr == "" and "cancelled  1" in done.stdout, done
    assert hub.delivery(event)["state"] == "cancelled"


def test_the_command_line_says_nothing_before_the_hub_did(hub):
    for words in (("events", "erase", "evt_00000000000000000000000000"), ("subscribers", "delete", "nobody", "--erase")):
        refused = run(*words, "--yes", "--data", hub.data)
        assert refused.returncode != 0 and "for good" not in refused.stdout + refused.stderr, refused


def test_very_many_deliveries_are_cancelled_call_by_call(hub, sink):
    endpoints = [hub.endpoint(sink.url("/hook"))["id"] for _ in range(520)]
    assert hub.api("POST", "/v1/hub/pause").status == 200
    events = [hub.publish("person.changed", PERSON) for _ in range(2)]
    for event in events:
        eventually(lambda: hub.got(f"/v1/events/{event['id']}")["deliveries"] == len(endpoints), "the fan-out")
    first = erase(hub, events[0], 202, cancel="true")
    assert (first["erased_at"], first["cancelled"], first["left"]) == (None, 500, 20)
    assert hub.api("GET", f"/v1/events/{events[0]['id']}/payload").json == PERSON
    second = erase(hub, events[0], cancel="true")
    assert second["erased_at"] and (second["cancelled"], second["left"]) == (20, 0)
    begun = audit(hub, "event.erase")[1]
    assert begun["after"] == {"state": "begun", "cancelled": 500, "left": 20}
    done = run("events", "erase", events[1]["id"], "--cancel", "--yes", "--json", "--data", hub.data)
    assert done.returncode == 0 and "20 are left" in done.stderr, done
    assert json.loads(done.stdout)["cancelled"] == 520
