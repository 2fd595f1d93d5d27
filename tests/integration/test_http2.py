"""HTTP/2 with endpoints that offer it: only where it is asked for, as streams of one connection, and what goes wrong on one of them is a failed
attempt with a reason that harms no other."""

import pytest

from hub import eventually
from h2sink import GOAWAY, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, REFUSED_STREAM, H2Sink, certificate

ONCE = {"max_attempts": 1}
AGAIN = {"schedule_ms": [20, 20, 20, 20]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def h2_hub(make_hub, files):
    def make(*options):
        return make_hub("--egress-authorities", files[0], *options)

    return make


@pytest.fixture
def receiver(files, make_hub):
    made = []

    def make(**keywords):
        made.append(H2Sink(files, **keywords))
        return made[-1]

    yield make
    for one in made:
        one.close()


def fate(hub, event, state, endpoint=None):
    """The delivery's last attempt."""
    return hub.wait_delivery(event, state, endpoint)["attempts"][-1]


def test_http_1_1_is_spoken_unless_it_is_asked_for(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    endpoint = hub.endpoint(sink.url())
    assert endpoint["http2"] is False
    hub.publish()
    (stream,) = sink.wait_for(1)
    assert stream.version == "http/1.1"
    eventually(lambda: hub.got("/v1/stats")["deliveries"]["pending"] == 0, "an idle connection")
    hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"http2": True})
    hub.publish()
    assert sink.wait_for(2)[1].version == "h2"
    hub.api("PATCH", f"/v1/endpoints/{endpoint['id']}", {"http2": None})
    hub.publish()
    assert sink.wait_for(3)[2].version == "http/1.1"


def test_the_option_is_the_default_of_endpoints(h2_hub, receiver):
    hub, sink = h2_hub("--delivery-http2"), receiver()
    endpoint = hub.endpoint(sink.url("/on"), ["on"])
    assert endpoint["http2"] is True
    hub.endpoint(sink.url("/off"), ["off"], http2=False)
    hub.publish(type="on"), hub.publish(type="off")
    sink.wait_for(2)
    assert [s.version for s in sink.received("/on")] == ["h2"] and [s.version for s in sink.received("/off")] == ["http/1.1"]
    (stream,) = sink.received("/on")
    received = stream.received
    assert received.signed_with(endpoint["secret"]) and received.body == b"{}" and received.method == "POST"
    assert received.headers["content-type"] == "application/json" and received.headers["content-length"] == "2"


def test_an_endpoint_that_does_not_offer_it_is_served_by_http_1_1(h2_hub, receiver, sink):
    hub, old = h2_hub("--delivery-http2"), receiver(protocols=["http/1.1"])
    hub.endpoint(old.url(), ["a"])
    hub.endpoint(sink.url(), ["b"])
    hub.publish(type="a"), hub.publish(type="b")
    assert old.wait_for(1)[0].version == "http/1.1"
    assert sink.wait_for(1)[0].head.startswith(b"POST / HTTP/1.1\r\n")


def test_requests_are_streams_of_one_connection(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    held = []
    sink.on("/", held.append)
    hub.endpoint(sink.url(), http2=True, max_in_flight=20)
    events = [hub.publish(data={"n": n}) for n in range(20)]
    streams = sink.wait_for(20)
    assert sink.connections == 1 and len({s.id for s in streams}) == 20
    for stream in reversed(streams):
        stream.answer(204)
    for event in events:
        hub.wait_delivery(event, "delivered")


def test_as_many_streams_as_the_endpoint_allows(h2_hub, receiver):
    hub, sink = h2_hub(), receiver(settings={MAX_CONCURRENT_STREAMS: 2})
    open_now, peak = set(), []

    def begun(stream):
        open_now.add((stream.connection.number, stream.id))
        peak.append(max(sum(c == number for c, _ in open_now) for number in {c for c, _ in open_now}))

    def whole(stream):
        open_now.discard((stream.connection.number, stream.id))
        stream.answer()

    sink.on("/", begun, begun=True)
    sink.on("/", whole)
    hub.endpoint(sink.url(), http2=True, max_in_flight=20)
    hub.publish()
    sink.wait_for(1)
    events = [hub.publish() for _ in range(20)]
    for event in events:
        hub.wait_delivery(event, "delivered")
    assert max(peak) <= 2


def test_a_stream_that_is_reset_fails_alone(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    sink.on("/bad", lambda stream: stream.reset())
    sink.on("/good", lambda stream: None)
    bad = hub.endpoint(sink.url("/bad"), ["bad"], http2=True, retry=ONCE)
    hub.endpoint(sink.url("/good"), ["good"], http2=True)
    good = hub.publish(type="good")
    (waiting,) = sink.wait_for(1, "/good")
    attempt = fate(hub, hub.publish(type="bad"), "dead", bad)
    assert attempt["failure"] == "connection_closed" and attempt["status"] is None and attempt["detail"]
    waiting.answer()
    hub.wait_delivery(good, "delivered")
    assert sink.connections == 1, "both were streams of the same connection"


def test_a_stream_that_is_never_answered_runs_out_of_its_time_alone(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    sink.on("/silent", lambda stream: None)
    silent = hub.endpoint(sink.url("/silent"), ["silent"], http2=True, retry=ONCE, timeout_ms=300)
    hub.endpoint(sink.url("/good"), ["good"], http2=True)
    assert fate(hub, hub.publish(type="silent"), "dead", silent)["failure"] == "timeout"
    for _ in range(5):
        hub.wait_delivery(hub.publish(type="good"), "delivered")
    assert sink.connections == 1


def test_a_window_of_zero_is_a_timeout(h2_hub, receiver, sink):
    hub, closed = h2_hub(), receiver(settings={INITIAL_WINDOW_SIZE: 0})
    begun = []
    closed.on("/", begun.append, begun=True)
    narrow = hub.endpoint(closed.url(), ["narrow"], http2=True, retry=ONCE, timeout_ms=400)
    hub.endpoint(sink.url(), ["good"])
    # Until the endpoint's settings have come the window is 65,535 bytes.
    stuck = [hub.publish(type="narrow", data="x" * 100000) for _ in range(8)]
    hub.wait_delivery(hub.publish(type="good"), "delivered")
    for event in stuck:
        assert fate(hub, event, "dead", narrow)["failure"] == "timeout"
    assert begun and not closed.received(), "headers came, no body could"


def test_an_endpoint_that_goes_away_for_ever_is_failed_attempts(h2_hub, receiver, sink):
    hub, leaving = h2_hub(), receiver()

    def leave(stream):
        stream.go_away()
        stream.connection.cut()

    leaving.on("/", leave, begun=True)
    endpoint = hub.endpoint(leaving.url(), ["leaving"], http2=True, retry=ONCE, max_in_flight=8)
    hub.endpoint(sink.url(), ["good"])
    events = [hub.publish(type="leaving") for _ in range(8)]
    hub.wait_delivery(hub.publish(type="good"), "delivered")
    for event in events:
        attempt = fate(hub, event, "dead", endpoint)
        assert attempt["failure"] in ("connection_closed", "protocol") and attempt["detail"], attempt
    assert leaving.connections <= 8 * 7, "libcurl tries again a few times, not for ever"


def test_an_endpoint_that_leaves_in_peace_costs_no_attempt(h2_hub, receiver):
    """As servers do after so many requests: GOAWAY, the last answer, and the end of the connection."""
    hub, sink = h2_hub(), receiver()

    def program(stream):
        stream.go_away(last=stream.id)
        stream.answer()

    sink.on("/", program)
    hub.endpoint(sink.url(), http2=True)
    for _ in range(5):
        hub.wait_delivery(hub.publish(), "delivered")
    assert {s.received.attempt for s in sink.received()} == {1} and sink.connections == 5


def test_what_is_refused_while_leaving_is_retried_by_a_new_connection(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    first = []

    def program(stream):
        if first:
            stream.answer()
        else:
            first.append(stream)
            stream.go_away(last=0)

    sink.on("/", program)
    hub.endpoint(sink.url(), http2=True, retry=AGAIN)
    hub.wait_delivery(hub.publish(), "delivered")
    assert sink.connections == 2


def test_what_is_no_http_2_is_a_protocol_failure(h2_hub, receiver, sink):
    hub, broken = h2_hub(), receiver()
    broken.on("/", lambda stream: stream.connection.send(GOAWAY, 0, 7, b""), begun=True)  # on a stream, and too short
    endpoint = hub.endpoint(broken.url(), ["broken"], http2=True, retry=ONCE, timeout_ms=2000)
    hub.endpoint(sink.url(), ["good"])
    assert fate(hub, hub.publish(type="broken"), "dead", endpoint)["failure"] in ("protocol", "connection_closed")
    hub.wait_delivery(hub.publish(type="good"), "delivered")


def test_streams_of_a_connection_that_breaks_are_retried(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    held = []
    sink.on("/", lambda stream: held.append(stream) if stream.connection.number == 1 else stream.answer())
    hub.endpoint(sink.url(), http2=True, retry=AGAIN, max_in_flight=4)
    events = [hub.publish() for _ in range(4)]
    sink.wait_for(4)
    held[0].connection.cut()
    for event in events:
        hub.wait_delivery(event, "delivered")


def test_a_refused_stream_is_a_failed_attempt(h2_hub, receiver):
    hub, sink = h2_hub(), receiver()
    sink.on("/", lambda stream: stream.reset(REFUSED_STREAM))
    endpoint = hub.endpoint(sink.url(), http2=True, retry=ONCE)
    assert fate(hub, hub.publish(), "dead", endpoint)["failure"] in ("connection_closed", "protocol")
    assert len(sink.received()) < 20
