"""What waits, however much and however large: it is delivered within the memory budget, and does not stand before what goes well."""

from sink import Reply

MIB = 1024 * 1024
LARGE = 900_000
BUDGET = 16 * MIB


def test_payloads_of_a_backlog_are_read_within_the_memory_budget(make_hub, sink):
    hub = make_hub("--memory-budget", "16MiB")
    gate = sink.gate()
    sink.on("/large", Reply(gate=gate))
    large = hub.endpoint(sink.url("/large"), ["large"], max_in_flight=100)
    hub.endpoint(sink.url("/small"), ["small"])
    assert hub.api("POST", f"/v1/endpoints/{large['id']}/pause").status == 200
    for i in range(30):
        hub.publish("large", "x" * LARGE)
    assert hub.api("POST", f"/v1/endpoints/{large['id']}/resume").status == 200
    room = BUDGET // 2 // LARGE
    sink.wait_for(room, "/large")
    # What comes in still has room, and what is small does not wait behind what is large.
    for i in range(5):
        hub.publish("small", "x" * 1000)
    sink.wait_for(5, "/small")
    assert sink.peak["/large"] == room
    gate.set()
    sink.wait_for(30, "/large")
    assert sink.peak["/large"] <= room


def test_endpoint_that_failed_is_sent_everything_once_it_answers(make_hub, sink):
    hub = make_hub("--breaker-probe-rate", "1")
    up = []
    sink.on("/flaky", lambda received: Reply(200 if up else 503))
    hub.endpoint(sink.url("/flaky"), ["flaky"], retry={"schedule_ms": [1] * 50})
    hub.endpoint(sink.url("/well"), ["well"])
    events = [hub.publish("flaky") for _ in range(40)]
    sink.wait_for(15, "/flaky")
    for _ in range(20):
        hub.publish("well")
    sink.wait_for(20, "/well")
    up.append(True)
    for event in events:
        hub.wait_delivery(event, "delivered")
