"""/metrics: both formats, and that exactly the right numbers move."""

import sqlite3
import subprocess
import time

import pytest

pytest.importorskip("prometheus_client", reason="install python3-prometheus-client")

import metrics  # noqa: E402
from hub import eventually, run  # noqa: E402
from metrics import OPEN, PLAIN, Scrape, Watch, gauge, plain_parser  # noqa: E402
from sink import Reply  # noqa: E402
from wire import Wire  # noqa: E402

INGEST, REJECTED = "grapnel_ingest_events_total", "grapnel_rejections_total"
MADE, FINISHED, REOPENED = "grapnel_deliveries_made_total", "grapnel_deliveries_finished_total", "grapnel_deliveries_reopened_total"
ATTEMPTS, TOOK, LATENCY = "grapnel_attempts_total", "grapnel_attempt_duration_seconds_count", "grapnel_delivery_latency_seconds_count"
BACKLOG, DISCARDED = "grapnel_backlog_deliveries", "grapnel_dead_letters_discarded_total"


# ---- The formats


def test_promtool_has_nothing_to_say(shared_hub):
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics.text(shared_hub).body, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_both_formats_have_every_metric_of_the_table_and_no_other(shared_hub):
    plain, opened = metrics.text(shared_hub), metrics.text(shared_hub, OPEN)
    assert plain.headers["content-type"] == PLAIN and opened.headers["content-type"] == OPEN
    table = metrics.table()
    families = list(metrics.open_parser.text_string_to_metric_families(opened.body.decode()))
    assert {f.name: f.type for f in families} == table
    assert all(f.documentation and f.unit == {"s": "seconds", "b": "bytes"}.get(f.unit[:1], "") for f in families)
    older = {f.name for f in plain_parser.text_string_to_metric_families(plain.body.decode())}
    assert {name for name in older if name.removesuffix("_info") in table} == older and len(older) == len(table)


def test_both_formats_have_the_same_samples(shared_hub):
    moving = ("process_", "grapnel_http_", "grapnel_writer_busy")
    plain = metrics.samples_of(plain_parser.text_string_to_metric_families(metrics.text(shared_hub).body.decode()))
    opened = Scrape(shared_hub).samples
    assert set(plain) == {place for place in opened if place in plain or not place[0].startswith("grapnel_http_requests")}
    assert all(opened[place] == value for place, value in plain.items() if not place[0].startswith(moving))


@pytest.mark.parametrize(
    "accept,format",
    [
        (None, PLAIN),
        ("*/*", PLAIN),
        ("text/plain", PLAIN),
        ("application/json", PLAIN),
        ("application/openmetrics-text", OPEN),
        ("application/openmetrics-text; version=0.0.1", PLAIN),
        ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OPEN),
        ("application/openmetrics-text; q=0.1, text/plain; q=0.9", PLAIN),
        ("application/openmetrics-text; q=0", PLAIN),
    ],
)
def test_the_format_is_what_the_client_would_rather_have(shared_hub, accept, format):
    assert metrics.text(shared_hub, accept).headers["content-type"] == format


def test_buckets_add_up(shared_hub):
    shared_hub.publish()
    scrape = Scrape(shared_hub)
    for family, type in metrics.table().items():
        if type != "histogram":
            continue
        series = {}
        for (name, labels), value in scrape.samples.items():
            if name == family + "_bucket":
                labels = dict(labels)
                series.setdefault(frozenset((k, v) for k, v in labels.items() if k != "le"), []).append((float(labels["le"]), value))
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            assert counts == sorted(counts) and counts[-1] == scrape.samples[family + "_count", labels]


# ---- Who may look


def test_the_admin_socket_has_it_and_a_bound_key_is_told_why_not(shared_hub):
    assert b"grapnel_ready 1" in Wire(shared_hub, local=True).ask("GET", "/metrics").body
    shared_hub.subscriber("acme")
    refused = shared_hub.api("GET", "/metrics", key=shared_hub.key("read", subscriber="acme"))
    assert (refused.status, refused.code) == (403, "missing_scope") and "whole hub" in refused.json["detail"]
    assert shared_hub.api("GET", "/metrics", key=shared_hub.key("publish")).status == 403
    assert shared_hub.api("GET", "/metrics", key=None).status == 401


# ---- What moves


def test_a_delivery_that_succeeds(hub, sink):
    hub.endpoint(sink.url("/hook"))
    watch = Watch(hub)
    hub.wait_delivery(hub.publish(), "delivered")
    watch.settles(
        {
            (INGEST, "kind=api,result=accepted"): 1,
            (MADE, ""): 1,
            (FINISHED, "result=delivered"): 1,
            (ATTEMPTS, "result=succeeded"): 1,
            (TOOK, "result=succeeded"): 1,
            (LATENCY, ""): 1,
        },
        INGEST, MADE, FINISHED, REOPENED, ATTEMPTS, TOOK, LATENCY, REJECTED,
    )
    gauge(hub, BACKLOG, 0, state="pending")
    gauge(hub, "grapnel_backlog_oldest_age_seconds", 0)


def test_a_delivery_that_fails_and_is_retried_by_hand(hub, sink):
    sink.on("/hook", Reply(500), Reply(500), Reply(302), Reply(204))
    endpoint = hub.endpoint(sink.url("/hook"))
    watch = Watch(hub)
    hub.publish()
    dead, = hub.wait_dead(1)
    failed = {
        (INGEST, "kind=api,result=accepted"): 1,
        (INGEST, "kind=hub,result=accepted"): 1,  # grapnel.delivery.dead
        (MADE, ""): 1,
        (FINISHED, "reason=exhausted,result=dead"): 1,
        (ATTEMPTS, "failure=http_status,result=failed"): 2,
        (ATTEMPTS, "failure=redirect,result=failed"): 1,
        (TOOK, "result=failed"): 3,
    }
    counted = INGEST, MADE, FINISHED, REOPENED, ATTEMPTS, TOOK, LATENCY
    watch.settles(failed, *counted)
    gauge(hub, "grapnel_dead_letters", 1)
    assert hub.api("POST", f"/v1/deliveries/{dead['id']}/retry").status == 200
    eventually(lambda: hub.got(f"/v1/deliveries/{dead['id']}")["state"] == "delivered")
    # Its latency would be how long somebody took to look.
    more = {(REOPENED, ""): 1, (FINISHED, "result=delivered"): 1, (ATTEMPTS, "result=succeeded"): 1, (TOOK, "result=succeeded"): 1}
    watch.settles({**failed, **more}, *counted)
    gauge(hub, "grapnel_dead_letters", 0)
    assert endpoint


def test_batches_duplicates_and_what_is_refused(hub):
    watch = Watch(hub)
    hub.publish(uid="once")
    hub.publish(uid="once", status=200)
    assert hub.api("POST", "/v1/events", {"type": "with space"}).status == 422
    assert hub.api("POST", "/v1/events", body=b"{").status == 400
    made = hub.api("POST", "/v1/events", [{"type": "a", "data": 1}, {"type": "b", "data": 2}, {"type": "test.event", "data": {"other": 1}, "uid": "once"}])
    assert made.status == 202 and "error" in made.json["data"][2]
    watch.settles(
        {(INGEST, "kind=api,result=accepted"): 3, (INGEST, "kind=api,result=duplicate"): 1, (INGEST, "kind=api,result=refused"): 3}, INGEST
    )
    eventually(lambda: Scrape(hub).value("grapnel_dedupe_keys") == 1)


def test_a_webhook_that_is_refused_and_accepted_after_all(hub):
    hub.made("/v1/sources", {"uid": "shop", "scheme": "bearer", "secret": "the right secret of the shop"})
    watch = Watch(hub)
    good = {"Authorization": "Bearer the right secret of the shop"}
    assert hub.api("POST", "/in/shop", {"a": 1}, key=None, headers={"Authorization": "Bearer a wrong one"}).status == 401
    assert hub.api("POST", "/in/shop", {"a": 1}, key=None, headers=good).status == 200
    assert hub.api("POST", "/in/nowhere", {"a": 1}, key=None).status == 404
    watch.settles(
        {
            (INGEST, "kind=bearer,result=accepted,source=shop"): 1,
            (INGEST, "kind=bearer,result=refused,source=shop"): 1,
            (INGEST, "kind=none,result=refused,source=unknown"): 1,
            (REJECTED, "kind=bearer,reason=bad_signature,source=shop"): 1,
            (REJECTED, "kind=none,reason=unknown_source,source=unknown"): 1,
        },
        INGEST, REJECTED,
    )
    assert hub.api("PATCH", "/v1/sources/shop", {"uid": "store"}).status == 200
    assert Scrape(hub).value(INGEST, source="store", result="accepted") == 1
    assert hub.api("DELETE", "/v1/sources/store").status == 204
    assert not any("store" in dict(labels).values() for _, labels in Scrape(hub).samples)


def test_names_of_sources_are_bounded(hub):
    for i in range(103):
        hub.made("/v1/sources", {"uid": f"s{i}", "scheme": "none"})
    watch = Watch(hub)
    for i in (0, 99, 100, 102):
        assert hub.api("POST", f"/in/s{i}", {}, key=None).status == 200
    watch.settles(
        {
            (INGEST, "kind=none,result=accepted,source=s0"): 1,
            (INGEST, "kind=none,result=accepted,source=s99"): 1,
            (INGEST, "kind=other,result=accepted,source=other"): 2,
        },
        INGEST,
    )
    hub.restart()
    labels = {dict(labels).get("source") for name, labels in Scrape(hub).samples if name == INGEST}
    assert len(labels) == 100 + 3 and {"", "unknown", "other"} < labels


def test_what_waits_is_counted_over_a_crash(hub, sink):
    """Paused, held behind another, dead, cancelled: each by what the API says, too."""
    ordered = hub.endpoint(sink.url("/ordered"), ["ordered"], ordered=True)
    plain = hub.endpoint(sink.url("/plain"), ["plain"])
    sink.on("/bad", Reply(410))
    hub.endpoint(sink.url("/bad"), ["bad"], uid="bad")
    for one in (ordered, plain):
        assert hub.api("POST", f"/v1/endpoints/{one['id']}/pause").status == 200
    for _ in range(4):
        hub.publish("ordered", ordering_key="k")
    waiting = [hub.publish("plain") for _ in range(3)]
    hub.publish("bad")
    hub.wait_dead(1)
    assert hub.api("POST", f"/v1/deliveries/{hub.deliveries(waiting[0])[0]['id']}/cancel").status == 200

    def look():
        gauge(hub, BACKLOG, 3, state="pending")
        gauge(hub, BACKLOG, 3, state="held")
        gauge(hub, "grapnel_dead_letters", 1)
        gauge(hub, "grapnel_endpoints", 2, status="paused")
        gauge(hub, "grapnel_endpoints", 1, status="disabled")
        gauge(hub, "grapnel_endpoints", 0, status="active")
        stats = hub.got("/v1/stats")["deliveries"]
        assert (stats["pending"], stats["held"], stats["dead"]) == (3, 3, 1)
        eventually(lambda: abs(Scrape(hub).value("grapnel_backlog_oldest_age_seconds") * 1000 - hub.got("/v1/stats")["deliveries"]["oldest_pending_ms"]) < 2500)

    look()
    assert Scrape(hub).value(FINISHED, result="cancelled", reason="cancelled") == 1
    assert Scrape(hub).value(FINISHED, result="dead", reason="gone") == 1
    hub.kill9()
    hub.start()
    look()
    for one in (ordered, plain):
        assert hub.api("POST", f"/v1/endpoints/{one['id']}/resume").status == 200
    gauge(hub, BACKLOG, 0, state="pending")
    gauge(hub, BACKLOG, 0, state="held")
    assert Scrape(hub).value(FINISHED, result="delivered") == 4 + 2


def test_bulk_work_and_what_a_disabled_endpoint_had(hub, sink):
    sink.on("/bad", Reply(500))
    hub.endpoint(sink.url("/bad"), uid="bad", retry={"schedule_ms": [1]})
    hub.api("POST", "/v1/events", [{"type": "a", "data": i} for i in range(5)])
    hub.wait_dead(5)
    gauge(hub, "grapnel_dead_letters", 5)
    watch = Watch(hub)
    done = hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": "bad"}})
    hub.wait_operation(done.json)
    watch.settles({(DISCARDED, ""): 5}, FINISHED, DISCARDED)
    gauge(hub, "grapnel_dead_letters", 0)
    gauge(hub, "grapnel_operations_running", 0)
    hub.api("POST", "/v1/endpoints/bad/pause")
    hub.api("POST", "/v1/events", [{"type": "a", "data": i} for i in range(3)])
    gauge(hub, BACKLOG, 3, state="pending")
    hub.api("POST", "/v1/endpoints/bad/disable")
    hub.wait_dead(3)
    gauge(hub, BACKLOG, 0, state="pending")
    assert watch.moved(FINISHED)[FINISHED, "reason=endpoint_disabled,result=dead"] == 3


def test_what_is_made_opened_again_and_finished_adds_up(hub, sink):
    """Delivered, dead, opened again, discarded, cancelled, and one that waits: what the counters say is the backlog."""
    hub.endpoint(sink.url("/good"), ["good"])
    hub.endpoint(sink.url("/bad"), ["bad"], uid="bad", retry={"schedule_ms": [1]})
    paused = hub.endpoint(sink.url("/good"), ["wait"])
    assert hub.api("POST", f"/v1/endpoints/{paused['id']}/pause").status == 200
    hub.wait_delivery(hub.publish("good"), "delivered")
    sink.on("/bad", Reply(500))
    hub.publish("bad")
    dead, = hub.wait_dead(1)
    sink.on("/bad", Reply(204))
    assert hub.api("POST", f"/v1/deliveries/{dead['id']}/retry").status == 200
    eventually(lambda: hub.got(f"/v1/deliveries/{dead['id']}")["state"] == "delivered")
    sink.on("/bad", Reply(500))
    hub.publish("bad")
    hub.wait_dead(1)
    hub.wait_operation(hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": "bad"}}).json)
    hub.publish("wait")
    assert hub.api("POST", f"/v1/deliveries/{hub.deliveries(hub.publish('wait'))[0]['id']}/cancel").status == 200
    gauge(hub, BACKLOG, 1, state="pending")
    gauge(hub, "grapnel_dead_letters", 0)
    now = Scrape(hub)
    assert {name: now.value(name) for name in (MADE, REOPENED, FINISHED, DISCARDED)} == {MADE: 5, REOPENED: 1, FINISHED: 5, DISCARDED: 1}
    assert now.value(MADE) + now.value(REOPENED) - now.value(FINISHED) == now.value(BACKLOG)


def test_the_pause_of_the_hub_shows(hub):
    gauge(hub, "grapnel_paused", 0)
    assert hub.api("POST", "/v1/hub/pause").status == 200
    gauge(hub, "grapnel_paused", 1)
    gauge(hub, "grapnel_ready", 1)
    hub.restart()
    gauge(hub, "grapnel_paused", 1)
    assert hub.api("POST", "/v1/hub/resume").status == 200
    gauge(hub, "grapnel_paused", 0)


def test_a_size_that_cannot_be_kept_shows(make_hub, sink):
    """What is in the database waits, so nothing of it may go; with a larger bound it is kept again."""

    def bound(size):
        with open(hub.data + "/grapnel.conf", "w", encoding="utf-8") as file:
            file.write(f"[retention]\nattempts = 1s\nsize = {size}\n")
        assert run("reload", "--data", hub.data).returncode == 0

    hub = make_hub()
    bound("1MiB")
    hub.endpoint(sink.url("/hook"))
    gauge(hub, "grapnel_retention_over_size", 0)
    assert hub.api("POST", "/v1/hub/pause").status == 200
    for _ in range(20):
        hub.publish(data={"fill": "x" * 100_000})
    gauge(hub, "grapnel_retention_over_size", 1)
    gauge(hub, "grapnel_retention_stopped", 0)
    bound("64MiB")
    gauge(hub, "grapnel_retention_over_size", 0)


def test_retention_that_stopped_for_the_clock_shows(hub):
    gauge(hub, "grapnel_retention_stopped", 0)
    hub.terminate()
    with sqlite3.connect(hub.data + "/grapnel.db", isolation_level=None) as db:
        db.execute("UPDATE meta SET value = value - 30 * 86400000 WHERE name = 'retention_seen_ms' AND value > 0")
        assert db.execute("SELECT changes()").fetchone() == (1,), "the hub has stored when it ran"
    hub.start()
    gauge(hub, "grapnel_retention_stopped", 1)
    assert hub.api("POST", "/v1/retention/confirm").status == 200
    gauge(hub, "grapnel_retention_stopped", 0)


def test_a_fan_out_that_is_made_piece_by_piece(hub, sink):
    for i in range(40):
        hub.endpoint(sink.url(f"/{i % 4}"), ["wide"])
    for _ in range(100):
        hub.publish("wide")
    eventually(lambda: Scrape(hub).value(FINISHED, result="delivered") == 4000, bound=60)
    assert Scrape(hub).value(MADE) == 4000
    gauge(hub, BACKLOG, 0, state="pending")


def test_breakers(make_hub, sink):
    hub = make_hub("--breaker-wait", "1h", "--breaker-max-wait", "1h", "--breaker-failures", "2")
    sink.on("/bad", Reply(500))
    hub.endpoint(sink.url("/bad"), uid="bad", retry={"schedule_ms": [1, 1, 1, 1]})
    hub.publish()
    gauge(hub, "grapnel_endpoint_breakers", 1, state="open")
    sink.on("/bad", Reply(204))
    hub.api("POST", "/v1/endpoints/bad/resume")
    gauge(hub, "grapnel_endpoint_breakers", 0)


def test_requests_by_route_and_status(hub):
    watch = Watch(hub)
    hub.publish()
    hub.api("POST", "/in/nowhere", {}, key=None)
    hub.api("GET", "/v1/endpoints")
    hub.api("GET", "/v1/endpoints", key=None)
    hub.api("GET", "/nowhere")
    hub.api("GET", "/")
    hub.api("GET", "/readyz", key=None)
    after = hub.got("/v1/events", wait_ms=0, order="asc")["after"]
    hub.got("/v1/events", wait_ms=20, order="asc", after=after)
    hub.raw(b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n")
    moved = watch.moved("grapnel_http_requests_total")
    count = {labels: number for (_, labels), number in moved.items()}
    assert count == {
        "code=202,route=publish": 1, "code=404,route=door": 1, "code=200,route=api": 2, "code=401,route=api": 1, "code=404,route=other": 1,
        "code=200,route=page": 1, "code=200,route=health": 1, "code=200,route=wait": 1, "code=405,route=other": 1, "code=200,route=metrics": 1,
    }
    assert watch.moved("grapnel_http_request_duration_seconds_count")[("grapnel_http_request_duration_seconds_count", "route=publish")] == 1


def test_the_store_and_the_process(hub, sink):
    hub.endpoint(sink.url("/hook"))
    before = Scrape(hub)
    hub.wait_delivery(hub.publish(), "delivered")
    eventually(lambda: Scrape(hub).value("grapnel_writer_busy_seconds") == 0, "the writer's rest")
    now = Scrape(hub)
    assert now.value("grapnel_writer_commit_duration_seconds_count") - before.value("grapnel_writer_commit_duration_seconds_count") >= 2
    assert now.value("grapnel_writer_batch_commands_sum") - before.value("grapnel_writer_batch_commands_sum") == 2
    assert now.value("grapnel_writer_failed_transactions_total") == 0
    assert now.value("grapnel_database_size_bytes") > 100000 and now.value("grapnel_database_wal_size_bytes") > 0
    assert 0 < now.value("grapnel_data_disk_free_bytes") <= now.value("grapnel_data_disk_size_bytes")
    assert now.value("grapnel_memory_budget_bytes") == 256 * 1024 * 1024 > now.value("grapnel_memory_budget_used_bytes")
    assert now.value("grapnel_ready") == 1 and now.value("grapnel_attempts_in_flight") == 0
    assert now.value("grapnel_outgoing_connections") == 1 and now.value("grapnel_http_connections") == 1
    assert abs(now.value("process_start_time_seconds") - time.time()) < 120
    assert 1_000_000 < now.value("process_resident_memory_bytes") < now.value("process_virtual_memory_bytes")
    assert 10 < now.value("process_open_fds") < now.value("process_max_fds")
    version = run("version").stdout.split()[-1]
    assert now.value("grapnel_build_info", version=version) == 1
