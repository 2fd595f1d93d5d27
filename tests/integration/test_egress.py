"""The address policy: the hub's own network is out of reach unless the administrator opens it."""

import pytest

ODD_LOOPBACK = ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1.", "0",
    "0.0.0.0", "[::]"]
PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[fe80::1]",
    "[fd00::1]",
           "[64:ff9b::a00:1]", "[2002:7f00:1::]"]


def refusal(hub, url):
    """Either the endpoint is refused when it is made, or its attempts are; returns which failure it was."""
    made = hub.api("POST", "/v1/endpoints", {"url": url, "event_types": ["*"], "retry": {"max_attempts": 1}})
    if made.status != 201:
        assert (made.status, made.code, made.pointers) == (422, "invalid", ["/url"]), made
        return "refused"
    event = hub.publish()
    delivery = hub.wait_delivery(event, "dead", made.json)
    assert hub.api("DELETE", f"/v1/endpoints/{made.json['id']}").status == 204
    return delivery["attempts"][-1]["failure"]


@pytest.fixture
def strict(make_hub):
    return make_hub(allow=None)


def test_loopback_is_refused_by_ip(strict, sink):
    assert refusal(strict, sink.url()) in ("address_denied", "refused")
    assert sink.received() == []


def test_loopback_is_refused_by_name(strict, sink):
    assert refusal(strict, f"http://localhost:{sink.port}/") in ("address_denied", "refused", "dns")
    assert sink.received() == []


def test_loopback_is_refused_however_it_is_spelt(strict, sink):
    failures = {host: refusal(strict, f"http://{host}:{sink.port}/") for host in ODD_LOOPBACK}
    assert all(f in ("address_denied", "refused", "dns") for f in failures.values()), failures
    assert sink.received() == []


def test_private_and_special_addresses_are_refused(strict):
    failures = {host: refusal(strict, f"http://{host}/") for host in PRIVATE}
    assert all(f in ("address_denied", "refused") for f in failures.values()), failures


def test_loopback_is_reached_when_it_is_opened(hub, sink):
    hub.endpoint(sink.url("/ip"), ["ip"])
    hub.wait_delivery(hub.publish("ip"), "delivered")


def test_opening_one_range_opens_no_other(hub, sink):
    assert refusal(hub, "http://10.1.2.3/") in ("address_denied", "refused")
    assert refusal(hub, f"http://[::1]:{sink.port}/") in ("address_denied", "refused")


def test_name_is_reached_when_its_address_is_opened(make_hub, sink):
    hub = make_hub(allow="127.0.0.0/8,::1/128")
    hub.endpoint(f"http://localhost:{sink.port}/named", ["*"])
    hub.wait_delivery(hub.publish(), "delivered")
    assert sink.received()[0].headers["host"] == f"localhost:{sink.port}"


def test_proxy_settings_of_the_environment_are_not_followed(make_hub, sink):
    proxy = {name: "http://127.0.0.1:1" for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy")}
    hub = make_hub(env=proxy)
    hub.endpoint(sink.url())
    hub.wait_delivery(hub.publish(), "delivered")


def test_range_that_is_taken_back_is_refused_after_the_restart(make_hub, sink):
    hub = make_hub()
    endpoint = hub.endpoint(sink.url(), retry={"max_attempts": 1})
    hub.wait_delivery(hub.publish(), "delivered")
    hub.terminate()
    hub.allow = None
    hub.start()
    delivery = hub.wait_delivery(hub.publish(), "dead", endpoint)
    assert delivery["attempts"][0]["failure"] == "address_denied"
    assert len(sink.received()) == 1


def test_other_schemes_never_leave_the_hub(hub):
    for url in ("file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/stat", "unix:/run/x"):
        answer = hub.api("POST", "/v1/endpoints", {"url": url, "event_types": ["*"]})
        assert (answer.status, answer.pointers) == (422, ["/url"]), url


@pytest.mark.parametrize("allow", ["127.0.0.0/33", "localhost", "127.0.0.1/-1", "300.0.0.0/8", "::1/129", "127.0.0.0/8;::1/128"])
def test_bad_range_stops_the_start_and_is_named(make_hub, allow):
    hub = make_hub(allow=allow, start=False).spawn()
    hub.wait_exit(2)
    assert "egress" in hub.log() and allow in hub.log()
