"""One measurement: the load source runs against a program, the sink counts, /proc says what it cost."""

from programs import Meter, source
from table import middle

WARM_UP_DELIVERIES = 2000
WARM_UP_FIRST = 10**12  # numbers of their own, so that they repeat nobody's uid


def warm_up(measured, sink=None, fan=1, **options):
    events = max(100, WARM_UP_DELIVERIES // fan)
    if sink:
        sink.reset()
    source(measured.port, measured.key, count=events, first=WARM_UP_FIRST, **options)
    if sink and sink.wait(events * fan)["distinct"] < events * fan:
        raise RuntimeError(f"the warm-up's {events * fan} deliveries did not arrive")


def run(measured, sink=None, fan=1, per_delivery=False, drain_s=120, **options):
    """A row: the source with these options, until everything is delivered `fan` times (to a sink)."""
    if sink:
        sink.reset()
    connections = sink.stats()["connections"] if sink else 0
    meter = Meter(measured, sink)
    sent = source(measured.port, measured.key, **options)
    stats = sink.wait(sent["events"] * fan, drain_s) if sink else None
    due = sent["events"] * fan
    row = {
        "program": measured.name,
        "acked": sent["events"],
        "acked_per_s": sent["events_per_s"],
        "refused": sent["refused"],
        "failed": sent["failed"] + sent["items_failed"],
        "ack": sent["ack"],
        "next": sent["next"],
        **meter.end(due if per_delivery else sent["events"], sent["cpu_s"]),
    }
    if sink:
        span_s = max(stats["last_ns"], sent["ended_ns"]) - sent["began_ns"]
        row.update(
            delivered=stats["distinct"],
            delivered_per_s=stats["distinct"] / span_s * 1e9,
            missing=due - stats["distinct"],
            repeated=stats["repeated"],
            foreign=stats["foreign"],
            unsigned=stats["received"] - stats["signed"],
            arrival=stats["arrival"],
            new_connections=stats["connections"] - connections,
            arrived_when_source_ended=sink.stats(sent["ended_ns"])["arrived_by"] / max(due, 1),
        )
    return row


def in_turns(rounds, *measurements):
    """Calls each measurement so many times, in turns, so that a busy minute of the machine falls on all of them; the median rows."""
    results = [[] for _ in measurements]
    for _ in range(rounds):
        for rows, measurement in zip(results, measurements):
            rows.append(measurement())
    return [middle(rows) for rows in results]


def whole(report, scenario, row):
    """Nothing was lost, sent twice, or sent unsigned."""
    parts = {part: row[part] for part in ("missing", "repeated", "foreign", "unsigned", "failed") if row[part]}
    report.bound(scenario, f"{row['name']}: wrong {parts or ''}", sum(map(abs, parts.values())), most=0)
