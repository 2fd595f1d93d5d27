"""Scenarios 5 to 7 and the soak: what must stay flat as endpoints, backlog and store grow."""

import http.client
import json
import os
import threading
import time

import machine
import seed
from measure import run, warm_up, whole
from programs import WINDOW, Hub, Sink, hubs, program, source, subprocess
from rates import with_hub

EACH = 10  # endpoints of a subscriber
TYPES = 1000
BACKLOG_LANES = 10


def make_all(hub, path, documents, threads=8):
    """POSTs them all, on a few keep-alive connections."""
    documents, failures = list(documents), []

    def work(mine):
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
        headers = {"Authorization": f"Bearer {hub.key}", "Content-Type": "application/json"}
        for document in mine:
            connection.request("POST", path, json.dumps(document), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 201:
                failures.append((answer.status, body))
                return
        connection.close()

    assert hub.key
    workers = [threading.Thread(target=work, args=(documents[i::threads],)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise RuntimeError(f"{path}: {failures[0]}")


class Background:
    """The load source on a thread of its own."""

    def __init__(self, hub, **options):
        self.result = None
        self.thread = threading.Thread(target=self.work, args=(hub, options))
        self.thread.start()

    def work(self, hub, options):
        self.result = source(hub.port, hub.key, **options)

    def end(self):
        self.thread.join()
        if self.result is None:
            raise RuntimeError("the load source failed")
        return self.result


def restart(hub):
    """Stops and starts the hub; how long the start took until it accepts, in seconds."""
    hub.stop()
    began = time.monotonic()
    hub.start()
    return time.monotonic() - began


# ---- 5


def many_endpoints(report, size):
    """5: endpoints by the thousand; an event reaches ten of them."""
    subscribers = size.endpoints // EACH
    report.heading(f"5. {size.endpoints:,} endpoints, {min(TYPES, subscribers):,} distinct patterns, an event reaches {EACH}")
    matching = json.loads(subprocess.run([program("match"), str(size.endpoints)], stdout=subprocess.PIPE, check=True).stdout)
    report.add(5, "matching alone", {"program": "part", "cpu_us": matching["matches_us"]})
    report.bound(5, "matching, per event", matching["matches_us"], most=3, unit="µs")
    with Sink() as sink, Hub() as hub:
        began = time.monotonic()
        make_all(hub, "/v1/subscribers", ({"uid": f"s{i:06}", "name": f"s{i:06}"} for i in range(subscribers)))
        make_all(
            hub,
            "/v1/endpoints",
            (
                {"url": sink.url(i), "subscriber": f"s{i // EACH:06}", "event_types": [f"bench.t{i // EACH % TYPES:04}", "news"],
                 "max_in_flight": 8}
                for i in range(subscribers * EACH)
            ),
        )
        print(f"    registered in {time.monotonic() - began:.0f} s", flush=True)
        addressed = {"subscribers": subscribers, "types": min(TYPES, subscribers)}
        row = run(hub, sink, fan=EACH, per_delivery=True, seconds=size.seconds, drain_s=size.drain_s, **addressed)
        whole(report, 5, report.add(5, "hub, scattered (cpu µs: per delivery)", row))
        report.bound(5, "CPU per delivery", row["cpu_us"], most=35, unit="µs")
        took = restart(hub)
        row = report.add(5, "hub, after a restart", {"program": "hub", "start_s": took, "rss_mb": machine.memory_mb(hub.pid)})
        report.bound(5, "start-up", took, most=2, unit="s")
        broadcast(report, size, hub, sink, subscribers, addressed)
        report.bound(5, "RSS", machine.memory_mb(hub.pid), most=200, unit="MB")


def broadcast(report, size, hub, sink, subscribers, addressed):
    sink.reset()
    others = Background(hub, rate=500, seconds=size.seconds + 2, **addressed)
    time.sleep(1)
    began = time.monotonic()
    # The sink reads payloads by their bytes: no spaces.
    data = f'{{"n":"{10**12:020}","t":"{time.monotonic_ns():020}"}}'
    answer = hub.api("POST", "/v1/events", body=f'{{"type":"news","subscriber":"*","data":{data}}}'.encode())
    took_ms = (time.monotonic() - began) * 1000
    if answer.status != 202:
        raise RuntimeError(f"the broadcast was answered {answer.status}")
    sent = others.end()
    stats = sink.wait(subscribers * EACH + sent["events"] * EACH, size.drain_s)
    row = {"program": "hub", "ack": sent["ack"], "acked_per_s": sent["events_per_s"], "delivered": stats["distinct"],
           "arrival": stats["arrival"], "accepted_ms": took_ms, "foreign": stats["foreign"], "rss_mb": machine.memory_mb(hub.pid)}
    report.add(5, "hub, broadcast beside 500/s", row)
    report.bound(5, "broadcast, 202 within", took_ms, most=50, unit="ms")
    report.bound(5, "others' acknowledgement p99 meanwhile", sent["ack"]["p99_ms"], most=20, unit="ms")
    report.bound(5, "broadcast, missing", max(0, subscribers * EACH + sent["events"] * EACH - stats["distinct"]), most=0)


# ---- 6


def backlog(report, size):
    """6: pending deliveries of endpoints that are down, and a healthy endpoint beside them."""
    report.heading(f"6. backlog of {size.backlog:,} deliveries to {BACKLOG_LANES} endpoints that are down")
    rates = {"rate": 500, "seconds": size.seconds}
    down = {"first_type": 1}
    with Sink() as sink, Hub() as hub:
        port = hubs.free_port()
        hub.endpoint(sink.url(), ["bench.t0000"])
        warm_up(hub, sink)
        empty = report.add(6, "hub, empty, healthy one at 500/s", run(hub, sink, **rates))
        lanes = [hub.endpoint(f"http://127.0.0.1:{port}/ok/{i}", ["bench.t0001"], retry={"base_ms": 1000, "factor": 1, "max_attempts": 100})
                 for i in range(BACKLOG_LANES)]
        for lane in lanes:
            hub.api("POST", f"/v1/endpoints/{lane['id']}/pause")
        requests = size.backlog // BACKLOG_LANES // 1000
        report.add(6, "(seeding)", run(hub, count=requests, batch=1000, connections=4, data_bytes=300, **down))
        for lane in lanes:
            hub.api("POST", f"/v1/endpoints/{lane['id']}/resume")
        took = restart(hub)
        report.add(6, "hub, after a restart", {"program": "hub", "start_s": took, "rss_mb": machine.memory_mb(hub.pid)})
        report.bound(6, "start-up with the backlog", took, most=2, unit="s")
        row = report.add(6, "hub, backlog, healthy one at 500/s", run(hub, sink, first=10**9, **rates))
        row["ratio"] = row["arrival"]["p99_ms"] / empty["arrival"]["p99_ms"]
        report.bound(6, "healthy arrival p99, of that without a backlog", row["ratio"], most=1.5)
        alone = with_hub(sink, seconds=size.seconds)
        report.add(6, "hub, scenario 2 (to compare)", alone)
        drain(report, size, hub, port, lanes, requests * 1000 * BACKLOG_LANES, alone)
        report.bound(6, "RSS", machine.memory_mb(hub.pid), most=256, unit="MB")


def drain(report, size, hub, port, lanes, pending, alone):
    cpu = machine.cpu_s(hub.pid)
    with Sink(port=port) as sink:
        began = time.monotonic_ns()
        # As whoever mended them does; else their breakers' waits, up to a minute, would stand in the rate.
        for lane in lanes:
            hub.api("POST", f"/v1/endpoints/{lane['id']}/resume")
        stats = sink.wait(pending, bound_s=size.drain_s * 10, patience_s=30)
    rate = stats["distinct"] / (stats["last_ns"] - began) * 1e9
    row = {"program": "hub", "delivered": stats["distinct"], "delivered_per_s": rate, "ratio": rate / alone["delivered_per_s"],
           "cpu_us": (machine.cpu_s(hub.pid) - cpu) * 1e6 / max(stats["distinct"], 1), "repeated": stats["repeated"],
           "rss_mb": machine.memory_mb(hub.pid)}
    report.add(6, "hub, drain", row)
    report.bound(6, "drained, missing", pending - stats["distinct"], most=0)
    report.bound(6, "rate of the drain, of scenario 2", row["ratio"], least=0.7)


# ---- 7

LIST_EVERY_S = 0.4
LISTS = (
    "/v1/events?limit=50",
    "/v1/events?type=order.cancelled",
    "/v1/events?type=never.seen",
    "/v1/events?subject=orders/77777",
    "/v1/events?subject=orders/none",
    "/v1/events?q=nowhere",
    "/v1/events?since=-240h&until=-239h",
    "/v1/events?unmatched=true",
    "/v1/deliveries?limit=500",
    "/v1/deliveries?endpoint={endpoint}",
    "/v1/deliveries?state=dead",
    "/v1/deliveries?state=delivered&endpoint={endpoint}&order=asc",
    "/v1/deliveries?type=order.cancelled",
    "/v1/deliveries?since=-240h&until=-239h&order=asc",
    "/v1/dead-letters?q=nowhere",
    "/v1/endpoints",
    "/v1/stats",
)


def growth(report, size):
    """7: scenario 2 and the lists of the API, as stored events grow."""
    report.heading("7. growth")
    first = None
    for stored in size.stored:
        with Sink() as sink, Hub() as hub:
            endpoint = hub.endpoint(sink.url())
            hub.stop()
            database = os.path.join(hub.data, "grapnel.db")
            began = time.monotonic()
            seed.delivered(database, seed.endpoint_number(database), stored)
            print(f"    seeded {stored:,} in {time.monotonic() - began:.0f} s, {machine.disk_bytes(hub.data)[0] / 1e9:.1f} GB", flush=True)
            hub.start()
            warm_up(hub, sink)
            row = run(hub, sink, seconds=size.seconds)
            row["stored"] = stored
            row["ratio"] = row["cpu_us"] / first["cpu_us"] if first else 1
            whole(report, 7, report.add(7, f"hub, {stored:,} stored", row))
            if first:
                report.bound(7, f"CPU per event at {stored:,}, of that at {size.stored[0]:,}", row["ratio"], most=1.15)
            first = first or row
            if stored == size.stored[-1]:
                lists(report, size, hub, endpoint["id"])


def lists(report, size, hub, endpoint):
    """Every list twice, one each LIST_EVERY_S, while events are published."""
    rate = {"rate": 2000, "seconds": len(LISTS) * 2 * LIST_EVERY_S}
    quiet = source(hub.port, hub.key, first=10**9, **rate)
    beside, slowest = Background(hub, first=2 * 10**9, **rate), {}
    for path in LISTS * 2:
        began = time.monotonic()
        hub.got(path.format(endpoint=endpoint))
        took = time.monotonic() - began
        slowest[path] = max(slowest.get(path, 0), took * 1000)
        time.sleep(max(0, LIST_EVERY_S - took))
    busy = beside.end()
    report.add(7, "hub, 2,000/s, no lists", {"program": "hub", "ack": quiet["ack"], "acked_per_s": quiet["events_per_s"]})
    row = {"program": "hub", "ack": busy["ack"], "acked_per_s": busy["events_per_s"], "lists_ms": slowest,
           "ratio": busy["ack"]["p99_ms"] / quiet["ack"]["p99_ms"]}
    report.add(7, "hub, 2,000/s beside lists", row)
    for path, ms in slowest.items():
        report.bound(7, f"GET {path.format(endpoint='…')}", ms, most=300, unit="ms")
    report.bound(7, "acknowledgement p99 beside lists, of that without", row["ratio"], most=1.2)


# ---- the soak


def soak(report, size):
    """A billion a day: 11,600/s; each row is a slice of the time."""
    report.heading(f"soak: 11,600/s, {size.soak_slices} slices of {size.soak_s} s")
    rows, first = [], 0
    with Sink() as sink, Hub() as hub:
        hub.endpoint(sink.url())
        warm_up(hub, sink)
        for number in range(size.soak_slices):
            row = run(hub, sink, rate=11600, seconds=size.soak_s, first=first)
            first = row["next"]
            row["rss_mb"] = machine.memory_mb(hub.pid, "VmRSS")
            row = report.add("soak", f"slice {number + 1}, WAL {row['wal_mb']:.0f} MB", row)
            whole(report, "soak", row)
            rows.append(row)
    settled, last = rows[min(1, len(rows) - 1)], rows[-1]
    report.bound("soak", "acknowledged", last["acked_per_s"], least=11600 * 0.99, unit="/s")
    report.bound("soak", "RSS at the end, of the second slice's", last["rss_mb"] / settled["rss_mb"], most=1.1)
    report.bound("soak", "WAL at the end, of the second slice's", last["wal_mb"] / settled["wal_mb"], most=1.2)
    report.bound("soak", "arrival p99 at the end, of the second slice's", last["arrival"]["p99_ms"] / settled["arrival"]["p99_ms"], most=1.5)
