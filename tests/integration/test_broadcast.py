"""An event that reaches thousands of endpoints: acknowledged first, made in slices, whatever happens meanwhile."""

import http.client
import json
import os
import shutil
import sqlite3
import threading
import time

from hub import eventually

ENDPOINTS = 5000  # a slice has at most 2,000
THREADS = 8
KILLS_MAX = 10


def make_endpoints(hub, sink):
    failed = []

    def make(first):
        connection = http.client.HTTPConnection("127.0.0.1", hub.port)
        headers = {"Authorization": f"Bearer {hub.admin}", "Content-Type": "application/json"}
        for i in range(first, ENDPOINTS, THREADS):
            body = {"uid": f"e{i}", "url": sink.url(f"/e{i}"), "event_types": ["news"]}
            connection.request("POST", "/v1/endpoints", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                failed.append(answer.status)
        connection.close()

    hub.admin  # made before the threads need it
    threads = [threading.Thread(target=make, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def whole(hub, event):
    return eventually(lambda: "being_made" not in hub.got(f"/v1/events/{event}"), "every delivery made")


def still_to_make(hub, folder):
    """What the store of a killed hub still has to make."""
    os.makedirs(folder)
    for name in os.listdir(hub.data):
        if name in ("grapnel.db", "grapnel.db-wal"):
            shutil.copy(os.path.join(hub.data, name), folder)
    connection = sqlite3.connect(os.path.join(folder, "grapnel.db"))
    left = connection.execute("SELECT coalesce(sum(length(targets)), 0) / 8 FROM expansions").fetchone()[0]
    connection.close()
    return left


def test_every_endpoint_gets_it_once_also_when_the_hub_is_killed_meanwhile(hub, sink, tmp_path):
    make_endpoints(hub, sink)
    answer = hub.publish("news", {"n": 1}, uid="first")
    assert answer["deliveries"] == ENDPOINTS
    again = hub.publish("news", {"n": 1}, uid="first", status=200)
    assert (again["id"], again["deliveries"]) == (answer["id"], ENDPOINTS)
    assert sink.wait_until(lambda received: len({r.path for r in received}) == ENDPOINTS)
    eventually(lambda: hub.got("/v1/stats")["deliveries"]["pending"] == 0, "every outcome stored")
    assert len(sink.received()) == ENDPOINTS

    # Due later, so that no attempt is in doubt at a kill.
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    events, midst = [], 0
    while midst == 0:
        assert len(events) < KILLS_MAX, "no kill came in the midst"
        event = hub.publish("news", {"n": 2}, uid=f"later-{len(events)}", deliver_at=later)
        assert event["deliveries"] == ENDPOINTS
        hub.kill9()
        midst += still_to_make(hub, tmp_path / f"killed-{len(events)}") > 0
        events.append(event["id"])
        hub.start()
    for event in events:
        whole(hub, event)
        deliveries = hub.pages(f"/v1/events/{event}/deliveries", limit=500)
        assert len(deliveries) == ENDPOINTS
        assert len({d["endpoint"] for d in deliveries}) == ENDPOINTS
        assert {d["state"] for d in deliveries} == {"pending"}
        row = hub.got(f"/v1/events/{event}")
        assert row["deliveries"] == ENDPOINTS
        again = hub.api("POST", "/v1/events", {"type": "news", "data": {"n": 2}, "uid": row["uid"], "deliver_at": later})
        assert (again.status, again.json["id"], again.json["deliveries"]) == (200, event, ENDPOINTS)
    assert len(sink.received()) == ENDPOINTS


def test_while_it_is_made_everything_says_so_and_an_end_comes_after_it(hub, sink):
    make_endpoints(hub, sink)
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    last, seen = f"e{ENDPOINTS - 1}", 0
    for i in range(20):
        event = hub.publish("news", {"i": i}, deliver_at=later)["id"]
        page = hub.got(f"/v1/events/{event}/deliveries", limit=1)
        seen += page.get("being_made", 0) > 0
        explained = hub.got(f"/v1/events/{event}/explain", endpoint=last)
        assert explained["matched"] is True
        if explained["delivery"] is None:
            assert "still being made" in explained["steps"][-1]["detail"]
            assert explained["waiting"] is None
        if seen:
            break
    endpoint = hub.got(f"/v1/endpoints/{last}")["id"]
    assert hub.api("DELETE", f"/v1/endpoints/{last}").status == 204
    whole(hub, event)

    def ended():
        found = [d for d in hub.pages(f"/v1/events/{event}/deliveries", limit=500) if d["endpoint"] == endpoint]
        assert len(found) == 1
        return found[0]["reason"] == "endpoint_deleted"

    eventually(ended, "the end of the deleted endpoint's delivery")
    assert seen, "no page came while it was made"
