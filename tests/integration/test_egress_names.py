"""The address policy and names: a hostile name server in the subscriber's hands reaches nothing that the hub does not deliver to."""

import threading

import pytest

from canary import Canary
from hub import eventually
from names import NXDOMAIN, SERVFAIL, Names

ONLY = "127.0.0.1/32"  # of loopback: the rest stands for the network that must not be reached
ONCE = {"max_attempts": 1}


@pytest.fixture
def names():
    one = Names()
    yield one
    one.close()


@pytest.fixture
def hub(make_hub, names):
    return make_hub(*names.option, allow=ONLY)


def attempt(hub, endpoint):
    """One attempt that must fail."""
    event = hub.publish("only", endpoint=endpoint["id"])
    return hub.wait_delivery(event, "dead", endpoint)["attempts"][-1]


def test_name_is_delivered_to_at_the_address_it_has(hub, names, sink):
    names.on("good.example", "127.0.0.1")
    hub.endpoint(f"http://good.example:{sink.port}/named")
    hub.wait_delivery(hub.publish(), "delivered")
    assert sink.received()[0].headers["host"] == f"good.example:{sink.port}"


@pytest.mark.parametrize("addresses", [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "::1"], ["1.1.1.1", "10.0.0.1"],
    ["::ffff:127.0.0.2"], ["64:ff9b::7f00:2"], ["2002:7f00:2::1"], ["2001:0:7f00:2::1"], ["169.254.169.254"], ["fe80::1"], ["fd00::1"]])
def test_name_with_one_refused_address_is_refused_whole_when_it_is_registered(hub, names, addresses):
    names.on("mixed.example", *addresses)
    answer = hub.api("POST", "/v1/endpoints", {"url": "https://mixed.example/", "event_types": ["*"]})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["/url"]), answer
    assert "--egress-allow" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("addresses", [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::1"]])
def test_name_that_is_bent_after_its_registration_is_refused_at_the_delivery(hub, names, sink, addresses):
    names.on("bent.example", "127.0.0.1")
    with Canary("127.0.0.2", sink.port) as canary:
        endpoint = hub.endpoint(f"http://bent.example:{sink.port}/", ["none"], retry=ONCE)
        names.on("bent.example", *addresses)
        last = attempt(hub, endpoint)
        assert last["failure"] == "address_denied" and "--egress-allow" in last["detail"]
        assert canary.peers == [] and sink.received() == []


def test_rebinding_with_a_ttl_of_0_reaches_nothing(hub, names, sink):
    """The connection of the first delivery is kept, too; no request goes anywhere else, whatever the name means next."""
    names.on("rebound.example", "127.0.0.1", ttl=0)
    endpoint = hub.endpoint(f"http://rebound.example:{sink.port}/", ["none"], retry=ONCE)
    with Canary("127.0.0.2", sink.port) as canary:
        hub.wait_delivery(hub.publish("only", endpoint=endpoint["id"]), "delivered")
        names.on("rebound.example", "127.0.0.2", ttl=0)

        def refused():
            event = hub.publish("only", endpoint=endpoint["id"])
            ended = eventually(lambda: (lambda d: d if d["state"] in ("dead", "delivered") else None)(hub.delivery(event)), "its end")
            return ended["state"] == "dead" and ended["attempts"][-1]["failure"] == "address_denied"

        eventually(refused, "a delivery that is refused")
        assert canary.peers == []


@pytest.mark.parametrize("program", [{"rcode": NXDOMAIN}, {"rcode": SERVFAIL}, {}, {"cname": "loop.example"}, {"cname": "other.example"}, {"silent": True}],
    ids=["nxdomain", "servfail", "no address", "cname loop", "cname loop of two", "silent"])
def test_name_that_does_not_resolve_is_an_attempt_that_failed(hub, names, sink, program):
    names.on("loop.example", "127.0.0.1")
    names.on("other.example", cname="loop.example")
    endpoint = hub.endpoint(f"http://loop.example:{sink.port}/", ["none"], retry=ONCE, timeout_ms=500)
    names.on("loop.example", **program)
    last = attempt(hub, endpoint)
    assert last["failure"] == "dns" and last["detail"], last
    assert sink.received() == []
    # The hub goes on.
    hub.endpoint(sink.url("/healthy"), ["healthy"])
    hub.wait_delivery(hub.publish("healthy"), "delivered")


def test_chain_of_names_is_followed_to_a_judged_address(hub, names, sink):
    names.on("alias.example", cname="inner.example")
    names.on("inner.example", "127.0.0.2")
    answer = hub.api("POST", "/v1/endpoints", {"url": f"http://alias.example:{sink.port}/", "event_types": ["*"]})
    assert (answer.status, answer.pointers) == (422, ["/url"])
    names.on("other.example", cname="outer.example")
    names.on("outer.example", "127.0.0.1")
    endpoint = hub.endpoint(f"http://other.example:{sink.port}/", ["none"], retry=ONCE)
    hub.wait_delivery(hub.publish("only", endpoint=endpoint["id"]), "delivered")
    names.on("outer.example", "127.0.0.2")
    hub.restart()
    assert attempt(hub, endpoint)["failure"] == "address_denied"


def test_200_addresses_are_no_trouble(hub, names, sink):
    names.on("many.example", "127.0.0.1", *[f"127.0.0.{1}"] * 199)
    hub.endpoint(f"http://many.example:{sink.port}/", ["many"])
    hub.wait_delivery(hub.publish("many"), "delivered")
    names.on("spread.example", *[f"127.0.{i}.2" for i in range(200)])
    answer = hub.api("POST", "/v1/endpoints", {"url": "https://spread.example/", "event_types": ["*"]})
    assert (answer.status, answer.pointers) == (422, ["/url"])


def test_ipv6_address_without_a_route_is_an_attempt_that_failed(make_hub, names, sink):
    hub = make_hub(*names.option, allow=ONLY + ",2001:db8::/32")
    names.on("six.example", "2001:db8::1")
    endpoint = hub.endpoint("http://six.example/", ["none"], retry=ONCE, timeout_ms=1000)
    assert attempt(hub, endpoint)["failure"] in ("connect", "connect_timeout")
    hub.endpoint(sink.url("/healthy"), ["healthy"])
    hub.wait_delivery(hub.publish("healthy"), "delivered")


def test_name_that_does_not_resolve_yet_may_be_registered_by_those_who_run_the_hub(hub, names, sink):
    """A subscriber's key must not: it could tell names that are refused from names that are unknown."""
    hub.subscriber("acme")
    bound = hub.key("manage", subscriber="acme")
    names.on("refused.example", "127.0.0.2")
    body = {"event_types": ["*"]}
    answers = [hub.api("POST", "/v1/endpoints", {**body, "url": f"https://{name}.example/"}, key=bound) for name in ("later", "refused")]
    assert [a.status for a in answers] == [422, 422]
    assert answers[0].json["errors"] == answers[1].json["errors"]
    endpoint = hub.endpoint(f"http://later.example:{sink.port}/later", ["later"], retry={"schedule_ms": [20] * 60})
    names.on("later.example", "127.0.0.1")
    hub.wait_delivery(hub.publish("later"), "delivered", endpoint)


def test_name_is_asked_for_once_while_its_ttl_runs(hub, names, sink):
    names.on("kept.example", "127.0.0.1", ttl=60)
    hub.endpoint(f"http://kept.example:{sink.port}/", ["kept"])
    for _ in range(5):
        hub.wait_delivery(hub.publish("kept"), "delivered")
    assert names.asked("kept.example") <= 4  # by registration and by the worker, A and AAAA each


def test_silent_name_servers_hold_up_few_threads_of_the_api(hub, names):
    """Whoever registers names that nobody answers for waits by himself; the others' requests find a thread."""
    hub.subscriber("acme")
    bound = hub.key("manage", subscriber="acme")
    answers = []

    def register(number, key):
        names.on(f"silent{number}.example", silent=True)
        answers.append((key, hub.api("POST", "/v1/endpoints", {"url": f"https://silent{number}.example/", "event_types": ["*"]}, key=key)))

    threads = [threading.Thread(target=register, args=(n, bound if n < 8 else hub.admin)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine = [a for key, a in answers if key == bound]
    assert sorted({a.status for a in mine}) == [422, 503]
    turned_away = [a for _, a in answers if a.status == 503]
    assert all(a.code == "unavailable" and a.headers["retry-after"] for a in turned_away)
    assert {a.status for key, a in answers if key != bound} <= {201, 503}
    hub.endpoint("http://127.0.0.1:9/")  # needs no look-up
