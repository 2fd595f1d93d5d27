"""Scenarios 1 to 4, 8 and 9: rates and costs of a hub whose store is small."""

import time

import machine
from measure import in_turns, run, warm_up, whole
from programs import Bare, Certificate, Hub, Sink, bare_alone

FAN_WINDOW = 8  # deliveries under way to one of many endpoints: the hub's default


def ingest(report, size):
    """1: ingest only, 1 KB, held against bare libmicrohttpd with group commit."""
    report.heading("1. ingest only, 1 KB")
    ceiling = bare_alone("sqlite", count=size.count(200000))
    report.add(1, "SQLite alone, batches of 256", {"program": "ceiling", "acked_per_s": ceiling["events_per_s"], "cpu_us": ceiling["cpu_us"]})

    def bare(connections):
        with Bare("ingest") as program:
            warm_up(program)
            return run(program, connections=connections, seconds=size.seconds)

    def hub(connections):
        with Hub() as program:
            warm_up(program)
            return run(program, connections=connections, seconds=size.seconds)

    for connections in (1, 16, 64, 256):
        raw, row = in_turns(size.rounds, lambda: bare(connections), lambda: hub(connections))
        row["ratio"] = row["acked_per_s"] / raw["acked_per_s"]
        report.add(1, f"bare, {connections} connections", raw)
        report.add(1, f"hub, {connections} connections", row)
        report.bound(1, f"of the ceiling, {connections} connections", row["ratio"], least=0.8)
        if connections == 64:
            report.bound(1, "acknowledgement p99, 64 connections", row["ack"]["p99_ms"], most=10, unit="ms")


def with_bare(sink, **options):
    with Bare("hub", sink.url()) as program:
        warm_up(program, sink)
        return run(program, sink, **options)


def with_hub(sink, **options):
    with Hub() as program:
        program.endpoint(sink.url())
        warm_up(program, sink)
        return run(program, sink, **options)


def end_to_end(report, size):
    """2: one event, one endpoint, until drained, held against the bare whole path."""
    report.heading("2. one event, one endpoint, end to end")
    with Sink() as sink:
        alone = bare_alone("curl", url=sink.url(), count=size.count(100000))
        report.add(2, "libcurl multi alone", {"program": "ceiling", "delivered_per_s": alone["events_per_s"], "cpu_us": alone["cpu_us"]})
        both = in_turns(size.rounds, lambda: with_bare(sink, seconds=size.seconds), lambda: with_hub(sink, seconds=size.seconds))
        raw, row = both
        row["ratio"] = row["delivered_per_s"] / raw["delivered_per_s"]
        row["cpu_ratio"] = row["cpu_us"] / raw["cpu_us"]
        report.add(2, "bare whole path, 64 connections", raw)
        whole(report, 2, report.add(2, "hub, 64 connections", row))
        report.bound(2, "delivered", row["delivered_per_s"], least=25000, unit="/s")
        report.bound(2, "CPU per event", row["cpu_us"], most=55, unit="µs")
        report.bound(2, "rate, of the bare program's", row["ratio"], least=0.8)
        report.bound(2, "CPU, of the bare program's", row["cpu_ratio"], most=1.35)
        report.bound(2, "arrived when the source ends", row["arrived_when_source_ended"], least=0.95)
        report.bound(2, "acknowledgement p99", row["ack"]["p99_ms"], most=10, unit="ms")
        for rate, most_ms in ((500, 2.5), (10000, 5)):
            options = {"seconds": size.seconds, "rate": rate}
            raw, row = in_turns(size.rounds, lambda: with_bare(sink, **options), lambda: with_hub(sink, **options))
            row["ratio"] = row["arrival"]["p99_ms"] / raw["arrival"]["p99_ms"]
            report.add(2, f"bare whole path, {rate}/s", raw)
            report.add(2, f"hub, {rate}/s", row)
            report.bound(2, f"publish to arrival p99 at {rate}/s", row["arrival"]["p99_ms"], most=most_ms, unit="ms")


def fan_out(report, size):
    """3: one event to many endpoints; the source runs ahead of the deliveries."""
    report.heading("3. fan-out (cpu µs: per delivery)")
    for fan in (20, 100):
        with Sink() as sink, Bare("hub", sink.url(""), window=FAN_WINDOW * fan, fan=fan) as bare:
            warm_up(bare, sink, fan)
            raw = report.add(3, f"bare, 1 → {fan}", run(bare, sink, fan=fan, per_delivery=True, seconds=size.seconds, drain_s=size.drain_s))
        with Sink() as sink, Hub() as hub:
            for number in range(fan):
                hub.endpoint(sink.url(number), max_in_flight=FAN_WINDOW)
            warm_up(hub, sink, fan)
            row = run(hub, sink, fan=fan, per_delivery=True, seconds=size.seconds, drain_s=size.drain_s)
            row["ratio"] = row["delivered_per_s"] / raw["delivered_per_s"]
            whole(report, 3, report.add(3, f"hub, 1 → {fan}", row))
            report.bound(3, f"CPU per delivery, 1 → {fan}", row["cpu_us"], most=33, unit="µs")
            report.bound(3, f"deliveries, 1 → {fan}", row["delivered_per_s"], least=40000, unit="/s")
            report.bound(3, f"rate, of the bare program's, 1 → {fan}", row["ratio"], least=0.8)
            report.bound(3, f"CPU, of the bare program's, 1 → {fan}", row["cpu_us"] / raw["cpu_us"], most=1.35)
            report.bound(3, f"RSS, 1 → {fan}", row["rss_mb"], most=256, unit="MB")


def batches(report, size):
    """4: batches of 100; single events with keys when many keys are remembered."""
    report.heading("4. batches, and keys of the caller's")
    with Hub() as hub:
        warm_up(hub)
        row = run(hub, batch=100, seconds=size.seconds)
        report.add(4, "hub, 100 per request, no endpoint", row)
        report.bound(4, "acknowledged in batches", row["acked_per_s"], least=100000, unit="/s")
    with Sink() as sink, Hub() as hub:
        hub.endpoint(sink.url())
        warm_up(hub, sink)
        report.add(4, "hub, 100 per request, one endpoint", run(hub, sink, batch=100, seconds=size.seconds, drain_s=size.drain_s))
    with Hub() as hub:
        warm_up(hub)
        report.add(4, "hub, single, no keys", run(hub, seconds=size.seconds))
    with Hub() as hub:
        warm_up(hub)
        empty = run(hub, seconds=size.seconds, uids="firstkey")
        report.add(4, "hub, single, keys, none remembered", empty)
        seeded = run(hub, count=size.keys // 1000, batch=1000, connections=8, data_bytes=120, uids="seedkeys")
        report.add(4, f"(seeding {size.keys:,} keys)", seeded)
        row = run(hub, seconds=size.seconds, uids="otherkey")
        row["ratio"] = row["cpu_us"] / empty["cpu_us"]
        report.add(4, f"hub, single, keys, {size.keys:,} remembered", row)
        report.bound(4, f"CPU with {size.keys:,} remembered keys, of that with none", row["ratio"], most=1.2)


def signed_door(hub):
    """A GitHub source, and the options of a load source that sends to it."""
    secret = "a secret that signs what GitHub sends"
    made = hub.made("/v1/sources", {"scheme": "github", "uid": "bench", "secret": secret})
    return {"path": "/in/" + made["uid"], "sign": secret}


def payloads(report, size):
    """8: sizes of payloads, the signed door, TLS."""
    report.heading("8. payloads (no bounds)")
    for text, data_bytes, connections in (("100 B", 100, 64), ("10 KB", 10240, 64), ("100 KB", 102400, 32), ("1 MB", 1000000, 16)):
        with Sink() as sink, Hub() as hub:
            hub.endpoint(sink.url())
            row = run(hub, sink, data_bytes=data_bytes, connections=connections, seconds=size.seconds, drain_s=size.drain_s)
            whole(report, 8, report.add(8, f"hub, {text}", row))
    with Sink() as sink, Hub() as hub:
        door = signed_door(hub)
        hub.endpoint(sink.url(), types=("github.bench",))
        warm_up(hub, sink, **door)
        row = run(hub, sink, seconds=size.seconds, drain_s=size.drain_s, **door)
        whole(report, 8, report.add(8, "hub, 1 KB, at a signed source", row))
    with Certificate() as certificate:
        if not certificate.usable():
            print("    TLS is left out: no mount namespace to show the sink's certificate in", flush=True)
            return
        with Sink(tls=certificate) as sink, Hub() as hub:
            hub.endpoint(sink.url())
            warm_up(hub, sink)
            row = run(hub, sink, seconds=size.seconds, drain_s=size.drain_s)
            whole(report, 8, report.add(8, "hub, 1 KB, TLS to the endpoint", row))


def idle(report, size):
    """9: a hub that has nothing to do, but has done something before."""
    report.heading("9. idle")
    with Sink() as sink, Hub() as fresh:
        fresh.endpoint(sink.url())
        fresh.publish("bench.first")
        sink_stats = sink.wait(0)
        time.sleep(3)  # whatever follows a start or a delivery is over
        wakeups, cpu = machine.wakeups(fresh.pid), machine.cpu_s(fresh.pid)
        time.sleep(size.idle_s)
        wakeups_per_s = (machine.wakeups(fresh.pid) - wakeups) / size.idle_s
        row = {"program": "hub", "wakeups_per_s": wakeups_per_s, "rss_mb": machine.memory_mb(fresh.pid, "VmRSS"),
               "cpu_s": machine.cpu_s(fresh.pid) - cpu, "delivered": sink_stats["received"]}
        report.add(9, "hub, idle", row)
        report.bound(9, "wake-ups", wakeups_per_s, most=1, unit="/s")
        report.bound(9, "RSS", row["rss_mb"], most=15, unit="MB")
