"""Fills the store of a hub that is stopped with events that were delivered long ago, by SQL: twenty million in minutes."""

import sqlite3
import time

ID_EPOCH_MS = 1577836800000  # src/base/id.h
DAY_MS = 86400000
DELIVERED = 2  # src/model/states.def
SPAN_DAYS = 20
BATCH = 1000000

# n is the number of the row; ids rise with it, a part of a millisecond after the other.
EVENTS = """
WITH RECURSIVE rows (n) AS (SELECT :begin UNION ALL SELECT n + 1 FROM rows WHERE n + 1 < :end)
INSERT INTO events (id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, deliveries, type, subject, content_type, data)
SELECT ((:start_ms - :epoch_ms + n * :span_ms / :count) << 22) | (n % 16384), 0, 0, :start_ms + n * :span_ms / :count, 0, 0, 1,
       CASE n % 10 WHEN 0 THEN 'order.cancelled' ELSE 'bench.t0000' END, 'orders/' || (n % 100000), 'application/json',
       CAST('{"n":"' || printf('%020d', n) || '","pad":"' || substr(:pad, 1, 100 + n % 100) || '"}' AS BLOB)
FROM rows
"""
DELIVERIES = """
INSERT INTO deliveries (id, event, endpoint, subscriber, state, reason, round, attempts, round_attempts, due_ms, ended_ms,
                        last_started_ms, last_duration_ms, last_status, last_failure)
SELECT id, id, :endpoint, 0, :state, 0, 1, 1, 1, time_ms, time_ms + 3, time_ms + 1, 2, 200, 0 FROM events WHERE id > :after
"""


def delivered(database, endpoint_id, count):
    """count more events; endpoint_id is the number in the store, not its text."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "locking_mode = EXCLUSIVE"):
            connection.execute("PRAGMA " + pragma).fetchall()
        end_ms = int(time.time() * 1000) - DAY_MS
        common = {"epoch_ms": ID_EPOCH_MS, "span_ms": SPAN_DAYS * DAY_MS, "start_ms": end_ms - SPAN_DAYS * DAY_MS, "count": count,
                  "pad": "p" * 200}
        first = connection.execute("SELECT min(id) FROM events").fetchone()[0]
        if first is not None and first < (common["start_ms"] + common["span_ms"] - ID_EPOCH_MS) << 22:
            raise RuntimeError("the store was seeded before")
        for begin in range(0, count, BATCH):
            end = min(count, begin + BATCH)
            after = ((common["start_ms"] - ID_EPOCH_MS + begin * common["span_ms"] // count) << 22 | begin % 16384) - 1
            connection.execute("BEGIN")
            connection.execute(EVENTS, {**common, "begin": begin, "end": end})
            upper = "" if first is None else f" AND id < {first}"
            connection.execute(DELIVERIES + upper, {"endpoint": endpoint_id, "state": DELIVERED, "after": after})
            connection.execute("COMMIT")
        connection.execute("PRAGMA locking_mode = NORMAL").fetchall()
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        connection.close()


def endpoint_number(database):
    """The number of the only endpoint."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute("SELECT id FROM endpoints").fetchone()[0]
    finally:
        connection.close()
