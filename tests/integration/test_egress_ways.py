"""The address policy's options, redirects, the outgoing proxy, the source address; and what a subscriber gets to see of it all."""

import base64
import socket

import pytest

from canary import Canary, Proxy, filtered_port
from hub import BOUND
from nameserver import NXDOMAIN, Names
from sink import Reply

ONLY = "127.0.0.1/32"
ONCE = {"max_attempts": 1}


@pytest.fixture
def names():
    one = Names()
    yield one
    one.close()


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def attempt(hub, endpoint, key=None):
    event = hub.publish("only", endpoint=endpoint["id"])
    return hub.wait_delivery(event, "dead", endpoint)["attempts"][-1]


def refused(hub, url, **keywords):
    answer = hub.api("POST", "/v1/endpoints", {"url": url, "event_types": ["*"]}, **keywords)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["/url"]), (url, answer)
    return answer.json["errors"][0]["detail"]


# ---- redirects


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
def test_redirect_is_not_followed(make_hub, sink, status):
    hub = make_hub(allow=ONLY)
    with Canary("127.0.0.2") as canary:
        sink.on("/away", Reply(status, {"location": f"http://127.0.0.2:{canary.port}/"}))
        sink.on("/home", Reply(status, {"location": sink.url("/there")}))
        sink.on("/loop", Reply(status, {"location": sink.url("/loop")}))
        sink.on("/metadata", Reply(status, {"location": "http://169.254.169.254/latest/meta-data/"}))
        for path in ("/away", "/home", "/loop", "/metadata"):
            last = attempt(hub, hub.endpoint(sink.url(path), ["none"], retry=ONCE))
            assert (last["failure"], last["status"]) == ("redirect", status)
        assert canary.peers == []
        assert sorted(r.path for r in sink.received()) == ["/away", "/home", "/loop", "/metadata"]


# ---- options


def test_what_is_denied_is_refused_though_it_is_allowed(make_hub):
    hub = make_hub("--egress-deny", "127.0.0.2/32,1.2.3.0/24", allow="127.0.0.0/8")
    with Canary("127.0.0.2") as canary:
        assert "127.0.0.2/32, which egress.deny (--egress-deny) closes" in refused(hub, f"http://127.0.0.2:{canary.port}/")
        assert "1.2.3.0/24, which egress.deny (--egress-deny) closes" in refused(hub, "https://1.2.3.4/")
        assert canary.peers == []


def test_denied_address_is_refused_at_the_delivery_too(make_hub, sink):
    hub = make_hub()
    endpoint = hub.endpoint(sink.url(), ["none"], retry=ONCE)
    hub.restart("--egress-deny", "127.0.0.1")
    last = attempt(hub, endpoint)
    assert last["failure"] == "address_denied" and "--egress-deny" in last["detail"]
    assert sink.received() == []


def test_plain_http_is_for_opened_addresses_unless_the_option_says_otherwise(make_hub, sink):
    hub = make_hub()
    assert "--egress-allow-http" in refused(hub, "http://1.1.1.1/")
    hub.endpoint("https://1.1.1.1/", ["none"])
    hub.endpoint(sink.url("/opened"), ["opened"])
    hub.wait_delivery(hub.publish("opened"), "delivered")
    hub.restart("--egress-allow-http")
    hub.endpoint("http://1.1.1.1/")
    hub.restart("--no-egress-allow-http")
    answer = hub.api("POST", "/v1/endpoints", {"url": "http://1.1.1.2/", "event_types": ["*"]})
    assert answer.status == 422


def test_ports_of_other_services_are_refused_unless_the_option_says_otherwise(make_hub):
    hub = make_hub()
    for port in (22, 25, 6667):
        assert "--egress-ports" in refused(hub, f"https://1.1.1.1:{port}/")
    for url in ("https://1.1.1.1:8443/", "https://1.1.1.1/", "http://127.0.0.1:25/"):
        hub.endpoint(url)
    hub.restart("--egress-ports", "25,8000-8002")
    for url in ("https://1.1.1.1:25/", "https://1.1.1.1:8002/"):
        hub.endpoint(url)
    for url in ("https://1.1.1.1/", "https://1.1.1.1:8003/", "http://127.0.0.1:9000/"):
        assert "not one of --egress-ports" in refused(hub, url)


@pytest.mark.parametrize("what", [("POST", "/v1/endpoints"), ("PUT", "/v1/endpoints/hook"), ("PATCH", "/v1/endpoints/hook")])
def test_every_way_to_set_a_url_is_judged(make_hub, what):
    hub = make_hub(allow=ONLY)
    hub.endpoint("http://127.0.0.1:9/", uid="hook")
    answer = hub.api(*what, {"url": "http://127.0.0.2:9/"} | ({} if what[0] == "PATCH" else {"event_types": ["*"]}))
    assert (answer.status, answer.pointers) == (422, ["/url"]), answer
    assert hub.got("/v1/endpoints/hook")["url"] == "http://127.0.0.1:9/"


@pytest.mark.parametrize("options", [("--egress-deny", "10.0.0.0/99"), ("--egress-ports", "https"), ("--egress-proxy", "socks5://127.0.0.1:1080"),
    ("--egress-proxy", "127.0.0.1:3128"), ("--egress-source", "192.0.2.1"), ("--egress-source", "no-such-interface0"),
    ("--egress-authorities", "/nowhere/authorities.pem")])
def test_bad_option_stops_the_start_and_is_named(make_hub, options):
    hub = make_hub(*options, start=False).spawn()
    hub.wait_exit(2)
    assert options[0][2:].replace("-", ".", 1) in hub.log() and options[1] in hub.log(), hub.log()


def test_source_address_is_what_the_endpoint_sees(make_hub):
    hub = make_hub("--egress-source", "127.0.0.5")
    with Canary("127.0.0.1") as canary:
        hub.endpoint(f"http://127.0.0.1:{canary.port}/", ["from"], retry=ONCE)
        hub.publish("from")
        assert canary.wait_peer(BOUND) == "127.0.0.5"


def test_source_without_the_family_says_so(make_hub):
    hub = make_hub("--egress-source", "127.0.0.5", allow="::1/128,127.0.0.1/32")
    last = attempt(hub, hub.endpoint(f"http://[::1]:{closed_port()}/", ["none"], retry=ONCE))
    assert last["failure"] == "internal" and "egress.source" in last["detail"]


# ---- the proxy


@pytest.fixture
def proxy():
    with Proxy() as one:
        yield one


def test_proxy_is_asked_for_an_address_that_was_judged(make_hub, names, sink, proxy):
    names.on("named.example", "127.0.0.1")
    hub = make_hub(*names.option, *proxy.option, allow=ONLY)
    for url in (sink.url("/literal"), f"http://named.example:{sink.port}/named"):
        endpoint = hub.endpoint(url, ["none"], headers={"X-Mine": "secret"})
        for _ in range(2):
            hub.wait_delivery(hub.publish("only", endpoint=endpoint["id"]), "delivered")
    assert set(proxy.asked) == {f"127.0.0.1:{sink.port}"}
    assert [r.headers["host"] for r in sink.received("/named")] == [f"named.example:{sink.port}"] * 2
    # What is for the endpoint is not for the proxy.
    assert not any(b"x-mine" in head.lower() or b"webhook-" in head.lower() for head in proxy.heads)


def test_proxy_that_wants_a_password(make_hub, sink, proxy):
    hub = make_hub("--egress-proxy", f"http://me:se%20cret@127.0.0.1:{proxy.port}")
    endpoint = hub.endpoint(sink.url(), ["none"])
    hub.wait_delivery(hub.publish("only", endpoint=endpoint["id"]), "delivered")
    assert b"proxy-authorization: basic " + base64.b64encode(b"me:se cret").lower() in proxy.heads[0].lower()
    assert "authorization" not in str(sink.received()[0].headers) and "se%20cret" not in hub.log()


def test_target_behind_the_proxy_is_judged(make_hub, names, sink, proxy):
    names.on("bent.example", "127.0.0.1")
    hub = make_hub(*names.option, *proxy.option, allow=ONLY)
    refused(hub, "http://127.0.0.2/")
    endpoint = hub.endpoint(f"http://bent.example:{sink.port}/", ["none"], retry=ONCE)
    names.on("bent.example", "127.0.0.2")
    assert attempt(hub, endpoint)["failure"] == "address_denied"
    assert proxy.asked == []


def test_proxy_by_name(make_hub, names, sink, proxy):
    names.on("proxy.internal", "127.0.0.2", "127.0.0.1")  # its own address is the administrator's choice
    hub = make_hub(*names.option, "--egress-proxy", f"http://proxy.internal:{proxy.port}", allow=ONLY)
    endpoint = hub.endpoint(sink.url(), ["none"], retry=ONCE)
    hub.wait_delivery(hub.publish("only", endpoint=endpoint["id"]), "delivered")
    assert proxy.asked == [f"127.0.0.1:{sink.port}"]
    names.on("proxy.internal", rcode=NXDOMAIN)
    hub.restart()
    last = attempt(hub, endpoint)
    assert last["failure"] == "proxy", last


@pytest.mark.parametrize("status, failure", [(403, "proxy"), (407, "proxy"), (500, "proxy"), (502, "connect"), (503, "connect"), (504, "connect_timeout")])
def test_refusal_of_the_proxy_is_told_from_that_of_the_endpoint(make_hub, sink, proxy, status, failure):
    hub = make_hub(*proxy.option)
    proxy.status = status
    last = attempt(hub, hub.endpoint(sink.url(), ["none"], retry=ONCE))
    assert (last["failure"], last["status"]) == (failure, None), last
    assert sink.received() == []


def test_proxy_that_is_down_is_the_proxys_failure(make_hub, sink):
    hub = make_hub("--egress-proxy", f"http://127.0.0.1:{closed_port()}")
    assert attempt(hub, hub.endpoint(sink.url(), ["none"], retry=ONCE))["failure"] == "proxy"


# ---- what a subscriber sees


def unreachable_endpoints(hub, names, filtered, port):
    """One endpoint of each way not to be reached; the policy and the names change after the registration."""
    cases = {"denied": "127.0.0.2", "unknown": None, "closed": "127.0.0.1", "filtered": "127.0.0.1"}
    ports = {"closed": closed_port(), "filtered": filtered}
    made = {}
    for case, address in cases.items():
        names.on(f"{case}.example", "127.0.0.1")
        made[case] = hub.endpoint(f"http://{case}.example:{ports.get(case, port)}/", [f"is.{case}"], subscriber="acme", uid=case, retry=ONCE, timeout_ms=300)
        names.on(f"{case}.example", *([address] if address else []), rcode=0 if address else NXDOMAIN)
    return made


def test_subscriber_cannot_tell_refused_closed_filtered_and_unknown_apart(make_hub, names, sink):
    hub = make_hub(*names.option, allow=ONLY)
    hub.subscriber("acme")
    bound = hub.key("read", "manage", subscriber="acme")
    with filtered_port() as filtered:
        made = unreachable_endpoints(hub, names, filtered, sink.port)
        ended = {case: hub.wait_delivery(hub.publish(f"is.{case}", subscriber="acme"), "dead", made[case]) for case in made}
        tests = {case: hub.api("POST", f"/v1/endpoints/{case}/test", key=bound).json["attempt"] for case in made}
    whole = {case: delivery["attempts"][0]["failure"] for case, delivery in ended.items()}
    assert whole == {"denied": "address_denied", "unknown": "dns", "closed": "connect", "filtered": "connect_timeout"}
    assert all(delivery["attempts"][0]["detail"] for delivery in ended.values())

    def seen(result):
        return {name: result[name] for name in ("status", "failure", "detail", "duration_ms", "response") if name in result}

    blank = {"status": None, "failure": "unreachable", "detail": None, "duration_ms": 0}
    for case, delivery in ended.items():
        one = hub.got(f"/v1/deliveries/{delivery['id']}", key=bound)
        assert seen(one["attempts"][0]) == blank | {"response": None}, case
        assert seen(one["last_attempt"]) == blank, case
        assert seen(tests[case]) == blank | {"response": None}, case
    for path in ("/v1/deliveries", "/v1/dead-letters"):
        assert {row["last_attempt"]["failure"] for row in hub.got(path, key=bound, limit=4, **({"state": "dead"} if path == "/v1/deliveries" else {}))["data"]} == {"unreachable"}


def test_subscriber_cannot_search_for_the_reason(make_hub, names, sink):
    hub = make_hub(*names.option, allow=ONLY)
    hub.subscriber("acme")
    bound = hub.key("read", "manage", subscriber="acme")
    names.on("sought.example", "127.0.0.1")
    endpoint = hub.endpoint(f"http://sought.example:{sink.port}/", ["*"], subscriber="acme", retry=ONCE)
    names.on("sought.example", "127.0.0.2")
    hub.wait_delivery(hub.publish(subscriber="acme"), "dead", endpoint)
    for word in ("address_denied", "egress", "127.0.0.2", "denied"):
        assert len(hub.got("/v1/dead-letters", q=word)["data"]) == 1, word
        assert hub.got("/v1/dead-letters", key=bound, q=word)["data"] == [], word
        body = {"filter": {"q": word}, "dry_run": True}
        assert hub.api("POST", "/v1/dead-letters/retry", body, key=bound).json == {"count": 0}, word
    assert len(hub.got("/v1/dead-letters", key=bound, q="unreachable")["data"]) == 1
    exported = hub.api("GET", "/v1/dead-letters/export", key=bound).body
    assert b"unreachable" in exported and b"address_denied" not in exported and b"egress" not in exported
    assert b"address_denied" in hub.api("GET", "/v1/dead-letters/export").body


def test_refusal_at_registration_tells_a_subscriber_what_can_be_mended_and_no_more(make_hub):
    hub = make_hub(allow=ONLY)
    hub.subscriber("acme")
    bound = hub.key("manage", subscriber="acme")
    assert refused(hub, "http://127.0.0.2/", key=bound) == refused(hub, "https://10.0.0.1/", key=bound) == "the host cannot be reached from this hub"
    assert refused(hub, "http://1.1.1.1/", key=bound) == "plain http:// is not delivered to there; use https://"
    assert refused(hub, "https://1.1.1.1:25/", key=bound) == "the port 25 is not delivered to"
    for url in ("http://127.0.0.2/", "https://10.0.0.1/", "http://1.1.1.1/", "https://1.1.1.1:25/"):
        assert "--egress-" in refused(hub, url)


def test_waiting_delivery_is_explained_to_a_subscriber_without_the_reason(make_hub, names, sink):
    hub = make_hub(*names.option, allow=ONLY)
    hub.subscriber("acme")
    bound = hub.key("read", subscriber="acme")
    names.on("waiting.example", "127.0.0.1")
    endpoint = hub.endpoint(f"http://waiting.example:{sink.port}/", ["*"], subscriber="acme", retry={"schedule_ms": [3600000]})
    names.on("waiting.example", "127.0.0.2")
    event = hub.publish(subscriber="acme")
    hub.wait_delivery(event, "pending", endpoint, where=lambda delivery: delivery["attempt_count"] == 1)
    path = f"/v1/events/{event['id']}/explain"
    assert "address_denied" in str(hub.got(path, endpoint=endpoint["id"]))
    told = str(hub.got(path, key=bound, endpoint=endpoint["id"]))
    assert "unreachable" in told and "address_denied" not in told and "egress" not in told
