"""What the hub is made to do while it is counted. Each run starts a hub of its own under callgrind, with one endpoint for order.*, twenty
for fan.*, and signatures on, and stops it, so that all that was begun is counted to its end. A run does the base's work first and its
own after that; the base is subtracted, and with it starting, stopping, and the first of everything."""

import http.client
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import callgrind
import hub as hubs
from sink import Sink

FAN_OUT = 20
BATCH = 50
PAYLOAD = {"order": 1001, "pad": "x" * 900}


@dataclass(frozen=True)
class Work:
    """How many requests of each kind."""

    batches: int = 10
    singles: int = 0
    fans: int = 1


BASE = Work()
# What is measured: its work, how many of what is said next that adds to the base, and how much more than recorded it may cost, in percent:
# a few times of what two runs differ by, since nobody says when which thread's turn is.
SCENARIOS = {
    "batch": (Work(batches=20), 10 * BATCH, "event, published in batches of 50, delivered once", 7),
    "single": (Work(singles=100), 100, "event, published and delivered one at a time", 10),
    "fan-out": (Work(fans=21), 20 * FAN_OUT, "delivery, of events that go to 20 endpoints", 7),
}


class CountedHub(hubs.Hub):
    def spawn(self, *_, **__):
        self.counts_path = os.path.join(os.path.dirname(self.log_path), "callgrind.out")
        command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self.counts_path}", hubs.BINARY, "serve"]
        command += ["--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--egress-allow", self.allow]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, env=hubs.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
            )
        return self


class Publisher:
    """One keep-alive connection; after each request it waits until the sink has what that made."""

    def __init__(self, hub, sink):
        self.sink = sink
        self.arrived = 0
        self.headers = {"Authorization": f"Bearer {hub.key('publish')}", "Content-Type": "application/json"}
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=hubs.BOUND)

    def publish(self, body, deliveries):
        self.connection.request("POST", "/v1/events", body=json.dumps(body), headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 202, text
        self.arrived += deliveries
        self.sink.wait_for(self.arrived)


def work_off(hub, sink, work):
    order = {"type": "order.created", "data": PAYLOAD}
    hub.endpoint(sink.url("/one"), ["order.*"])
    for i in range(FAN_OUT):
        hub.endpoint(sink.url(f"/fan{i}"), ["fan.*"])
    publisher = Publisher(hub, sink)
    for _ in range(work.batches):
        publisher.publish([order] * BATCH, BATCH)
    for _ in range(work.singles):
        publisher.publish(order, 1)
    for _ in range(work.fans):
        publisher.publish({"type": "fan.out", "data": PAYLOAD}, FAN_OUT)
    publisher.connection.close()


def run(work):
    """The counts of one hub's life."""
    with tempfile.TemporaryDirectory() as folder:
        sink = Sink()
        hub = CountedHub(folder)
        try:
            work_off(hub, sink, work)
        finally:
            hub.close()
            sink.close()
        return callgrind.read(hub.counts_path)


def run_all():
    """For each scenario what its own work took."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        works = [BASE] + [work for work, *_ in SCENARIOS.values()]
        base, *counts = pool.map(run, works)
    return {name: count - base for name, count in zip(SCENARIOS, counts)}
