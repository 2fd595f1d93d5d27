"""kill -9 under load: what was acknowledged arrives, byte for byte; what was recorded as delivered is not sent again.

GRAPNEL_CRASH_CYCLES says how many kills (3 by default; `make check-crash` runs 20), GRAPNEL_CRASH_SEED repeats a run.
"""

import hashlib
import http.client
import json
import os
import random
import shutil
import threading
import time

import pytest

from account import Account
from hub import PATIENCE, eventually
from sink import Reply

CYCLES = int(os.environ.get("GRAPNEL_CRASH_CYCLES", "3"))
SEED = int(os.environ.get("GRAPNEL_CRASH_SEED", str(random.randrange(10**6))))
PUBLISHERS = 3
WINDOW = 16  # attempts in flight at the endpoint
BATCH = 10


def payload_of(number):
    """Of its own for each number, with spellings that a parser would not keep."""
    filler = hashlib.sha256(b"%d" % number).hexdigest() * (1 + number % 7)
    return b'{"number":%d,"spelt":[1.10, 1e400, %d.0],"a":1,"a":2,"text":"%s"}' % (number, 10**20 + number, filler.encode())


class Load:
    """Publishers that send batches over keep-alive connections until they are told to stop, kill or no kill."""

    def __init__(self, hub, account):
        self._hub, self._account, self._key = hub, account, hub.admin
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.up = threading.Event()  # the hub is there: publishers wait for it instead of knocking
        self.up.set()
        self._threads = [threading.Thread(target=self._publish) for _ in range(PUBLISHERS)]
        for thread in self._threads:
            thread.start()

    def wait(self, account, more):
        """Until so many more are acknowledged."""
        assert account.wait_acknowledged(len(account.acknowledged) + more, 120 * PATIENCE), "the load does not get on"

    def stop(self):
        self._stop.set()
        self.up.set()
        for thread in self._threads:
            thread.join()

    def _publish(self):
        connection = None
        while not self._stop.is_set():
            self.up.wait()
            with self._lock:
                numbers = [next(self._numbers) for _ in range(BATCH)]
            for number in numbers:
                self._account.will_send(number, payload_of(number))
            items = [b'{"type":"crash.test","uid":"n-%d","data":%s}' % (n, payload_of(n)) for n in numbers]
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self._hub.port, timeout=60)
                headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
                connection.request("POST", "/v1/events", body=b"[" + b",".join(items) + b"]", headers=headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                connection = None  # in doubt: sent, not acknowledged
                continue
            if answer.status == 202:
                for number, row in zip(numbers, json.loads(body)["data"]):
                    self._account.was_acknowledged(number, row["id"])


def look_into_the_store(hub, account, make_hub):
    """Tells the account what a killed hub's store holds: a second hub opens a copy of it, one that may not deliver anywhere."""
    copy = make_hub(allow=None, start=False)
    shutil.copytree(hub.data, copy.data, ignore=shutil.ignore_patterns("*.sock"))
    copy._admin = hub.admin
    copy.start()
    delivered = []
    for number in account.unsettled():
        answer = copy.api("GET", f"/v1/events/n-{number}/deliveries")
        if answer.status == 200 and [d["state"] for d in answer.json["data"]] == ["delivered"]:
            delivered.append(number)
    copy.terminate()
    account.was_killed(delivered)


def record(account, statuses, gates=lambda: None):
    """A receiver that keeps the account."""

    def reply(received):
        number = json.loads(received.body)["number"]
        account.was_received(number, received.webhook_id, received.body, received.attempt)
        return Reply(statuses(received), gate=gates())

    return reply


def test_kill_9_under_load_loses_nothing_and_repeats_nothing_that_was_recorded(hub, sink, make_hub, record_property):
    dice = random.Random(SEED)
    account = Account()
    stall = threading.Event()  # clear: the receiver takes requests and does not answer
    stall.set()
    sink.on("/", record(account, lambda received: 200, lambda: stall))
    hub.endpoint(sink.url(), max_in_flight=WINDOW, retry={"schedule_ms": [50] * 60})
    load = Load(hub, account)
    first_after = []
    try:
        for cycle in range(CYCLES):
            load.wait(account, dice.randrange(100, 1500))
            if cycle % 2 == 0:
                stall.clear()  # a backlog grows, and a whole window is in doubt
                load.wait(account, dice.randrange(100, 500))
            load.up.clear()
            hub.kill9()
            stall.set()
            sink.wait_idle("/")
            look_into_the_store(hub, account, make_hub)
            before, unfinished = len(sink.received()), not account.wait_whole(0)
            started = time.monotonic()
            hub.start()
            if unfinished:
                assert sink.wait_until(lambda all: len(all) > before, 10 * PATIENCE), "nothing is delivered after the restart"
                first_after.append(sink.received()[before].at - started)
            load.up.set()
    finally:
        stall.set()
        load.stop()
    account.wait_whole(120 * PATIENCE)  # what is missing then is a finding
    settle(hub, sink)
    findings = account.findings()
    assert not findings, f"seed {SEED}: " + "\n".join(findings[:20])
    assert len(account.acknowledged) > 100 * CYCLES
    assert len(account.settled) > 0, "nothing was recorded before a kill"
    report = {"seed": SEED, "kills": CYCLES, "acknowledged": len(account.acknowledged), "recorded_before_a_kill": len(account.settled),
              "sent_again": sum(len(a) - 1 for a in account.received.values()),
              "first_delivery_after_restart_s": [round(s, 3) for s in first_after]}
    for name, value in report.items():
        record_property(name, value)
    print(report)


def test_sigterm_under_load_loses_nothing_and_repeats_nothing(hub, sink):
    """A clean stop leaves no doubts: not one delivery comes twice."""
    account = Account()
    sink.on("/", record(account, lambda received: 200))
    hub.endpoint(sink.url(), max_in_flight=WINDOW)
    load = Load(hub, account)
    try:
        for _ in range(3):
            load.wait(account, 300)
            load.up.clear()
            hub.restart()
            load.up.set()
    finally:
        load.stop()
    account.wait_whole(120 * PATIENCE)
    settle(hub, sink)
    assert account.findings() == []


def settle(hub, sink):
    """Everything that was due has been sent: the hub stops cleanly, starts again, and one more event goes through."""
    hub.restart()
    last = hub.publish("crash.last", {"number": -1}, endpoint=hub.endpoint(sink.url("/last"), ["none"])["id"])
    hub.wait_delivery(last, "delivered")


def test_kill_9_with_retries_under_way_keeps_their_count_and_order(hub, sink, make_hub):
    """Ordered, and half of the first attempts fail: n+1 is never sent before n was answered with a 2xx."""
    account, count = Account(), 120
    sink.on("/", record(account, lambda r: 500 if r.attempt == 1 and refused(json.loads(r.body)["number"]) else 200))
    hub.endpoint(sink.url(), ordered=True, retry={"schedule_ms": [1] * 60})
    for number in range(count):
        account.will_send(number, payload_of(number))
    items = [b'{"type":"crash.test","uid":"n-%d","data":%s}' % (n, payload_of(n)) for n in range(count)]
    answer = hub.api("POST", "/v1/events", body=b"[" + b",".join(items) + b"]")
    for number, row in enumerate(answer.json["data"]):
        account.was_acknowledged(number, row["id"])
    for arrivals in (20, 60):
        sink.wait_for(arrivals)
        hub.kill9()
        sink.wait_idle("/")
        look_into_the_store(hub, account, make_hub)
        hub.start()
    assert account.wait_whole(60 * PATIENCE)
    eventually(lambda: hub.deliveries({"id": account.acknowledged[count - 1]})[0]["state"] == "delivered")
    assert account.findings(refusals=refused) == []
    numbers = [json.loads(r.body)["number"] for r in sink.received()]
    assert all(b in (a, a + 1) for a, b in zip(numbers, numbers[1:])), "each is repeated or followed by the next, nothing else"


def refused(number):
    """Whether the receiver refuses an event's first attempt: 0 or 1."""
    return 1 - number % 2


# The checker itself: every kind of fault, planted, is found.


def sound(count=10):
    account = Account()
    for number in range(count):
        account.will_send(number, payload_of(number))
        account.was_acknowledged(number, f"evt_{number}")
        account.was_received(number, f"evt_{number}", payload_of(number))
    return account


def test_checker_passes_a_sound_account():
    account = sound()
    account.will_send(99, b"sent, in doubt, never arrived")
    assert account.findings() == []
    assert account.wait_whole(0)


def plant_loss(account):
    del account.received[3]


def plant_duplicate(account):
    account.was_received(3, "evt_3", payload_of(3))


def plant_swap_of_payloads(account):
    account.received[3], account.received[4] = [("evt_3", payload_of(4), 1)], [("evt_4", payload_of(3), 1)]


def plant_swap_of_ids(account):
    account.received[3], account.received[4] = [("evt_4", payload_of(3), 1)], [("evt_3", payload_of(4), 1)]


def plant_foreign(account):
    account.was_received(77, "evt_77", b"{}")


def plant_twins(account):
    account.was_received(3, "evt_other", payload_of(3))


@pytest.mark.parametrize(
    "plant, word",
    [(plant_loss, "lost"), (plant_duplicate, "duplicates"), (plant_swap_of_payloads, "changed"), (plant_swap_of_ids, "swapped"),
    (plant_foreign, "foreign"),
     (plant_twins, "twins")],
)
def test_checker_finds_a_planted_fault(plant, word):
    account = sound()
    plant(account)
    assert any(f.startswith(word) for f in account.findings())


def test_checker_tells_what_was_in_doubt_from_what_was_recorded():
    account = sound()
    account.was_killed([3])
    assert account.doubts[3] == 0 and account.doubts[4] == 1
    account.was_received(4, "evt_4", payload_of(4))
    assert account.findings() == [], "one that was in doubt may come again"
    account.was_received(3, "evt_3", payload_of(3))
    assert [f.split(":")[0] for f in account.findings()] == ["repeated"]


def test_checker_waits_for_what_is_missing():
    account = sound()
    account.will_send(50, b"x")
    account.was_acknowledged(50, "evt_50")
    assert not account.wait_whole(0)
    account.was_received(50, "evt_50", b"x")
    assert account.wait_whole(0)
