"""TLS towards endpoints: each way in which it fails has a code of its own, nothing is sent when it does, and nothing less is used instead."""

import ssl

import pytest

from authority import DAY, Authority, Secure, context, weak_key
from canary import Proxy
from names import Names

HOST = "secure.example"
ONLY = "127.0.0.1/32"
WEAK = "ALL:@SECLEVEL=0"


@pytest.fixture
def names():
    one = Names()
    one.on(HOST, "127.0.0.1")
    yield one
    one.close()


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def hub(make_hub, names, authority, tmp_path):
    path = tmp_path / "authorities.pem"
    path.write_bytes(authority.pem)
    return make_hub(*names.option, "--egress-authorities", path, allow=ONLY)


def last_attempt(hub, port, state, host=HOST):
    endpoint = hub.endpoint(f"https://{host}:{port}/", ["none"], retry={"max_attempts": 1})
    event = hub.publish("only", endpoint=endpoint["id"])
    return hub.wait_delivery(event, state, endpoint)["last_attempt"]


def failure(hub, settings, host=HOST):
    with Secure(settings) as server:
        last = last_attempt(hub, server.port, "dead", host)
        assert server.requests == [], last
        assert last["detail"], last
        return last["failure"]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_endpoint_that_is_who_it_should_be_is_delivered_to(hub, authority, tmp_path, newest):
    with Secure(context(authority.issue(tmp_path, HOST), newest=newest)) as server:
        last_attempt(hub, server.port, "delivered")
        assert server.names == [HOST] and len(server.requests) == 1


@pytest.mark.parametrize("since, until", [(-2 * DAY, -DAY), (DAY, 2 * DAY)], ids=["expired", "not yet valid"])
def test_certificate_out_of_its_time(hub, authority, tmp_path, since, until):
    assert failure(hub, context(authority.issue(tmp_path, HOST, since, until))) == "tls_expired"


def test_certificate_of_another_host(hub, authority, tmp_path):
    assert failure(hub, context(authority.issue(tmp_path, "other.example"))) == "tls_wrong_host"
    assert failure(hub, context(authority.issue(tmp_path, HOST)), "127.0.0.1") == "tls_wrong_host"


def test_certificate_signed_by_itself(hub, authority, tmp_path):
    assert failure(hub, context(authority.issue(tmp_path, HOST, self_signed=True))) == "tls_self_signed"


def test_certificate_of_an_unknown_authority(hub, authority, tmp_path):
    stranger = Authority("a stranger")
    assert failure(hub, context(stranger.issue(tmp_path, HOST))) == "tls_unknown_ca"
    assert failure(hub, context(stranger.issue(tmp_path, HOST, chain=stranger.pem))) == "tls_unknown_ca"


def test_chain_with_a_missing_link(hub, authority, tmp_path):
    between = Authority("in between", above=authority)
    assert failure(hub, context(between.issue(tmp_path, HOST))) == "tls_unknown_ca"
    with Secure(context(between.issue(tmp_path, HOST, chain=between.pem))) as server:
        last_attempt(hub, server.port, "delivered")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it is what is tested
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_protocol_that_is_too_old(hub, authority, tmp_path, version):
    assert failure(hub, context(authority.issue(tmp_path, HOST), version, version, WEAK)) == "tls_old_protocol"


def test_key_that_is_too_weak(hub, authority, tmp_path):
    assert failure(hub, context(authority.issue(tmp_path, HOST, key=weak_key()), ciphers=WEAK)) == "tls_weak_key"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_certificate_that_is_demanded(hub, authority, tmp_path, newest):
    assert failure(hub, context(authority.issue(tmp_path, HOST), newest=newest, client_authority=authority)) == "tls_client_certificate"


def test_client_certificate_that_is_only_asked_for(hub, authority, tmp_path):
    settings = context(authority.issue(tmp_path, HOST), client_authority=authority)
    settings.verify_mode = ssl.CERT_OPTIONAL
    with Secure(settings) as server:
        last_attempt(hub, server.port, "delivered")


def test_plain_http_where_tls_should_be(hub):
    """A web server that gets a TLS greeting says 400, in plain text."""
    with Proxy() as server:
        last = last_attempt(hub, server.port, "dead")
        assert last["failure"] == "tls_plaintext" and server.asked == [], last


def test_proxy_sees_nothing_of_it(make_hub, names, authority, tmp_path):
    path = tmp_path / "authorities.pem"
    path.write_bytes(authority.pem)
    with Proxy() as proxy, Secure(context(authority.issue(tmp_path, HOST))) as server, Secure(context(authority.issue(tmp_path, "other.example"))) as other:
        hub = make_hub(*names.option, *proxy.option, "--egress-authorities", path, allow=ONLY)
        last_attempt(hub, server.port, "delivered")
        assert server.names == [HOST] and proxy.asked == [f"127.0.0.1:{server.port}"]
        assert last_attempt(hub, other.port, "dead")["failure"] == "tls_wrong_host"


def test_hub_without_authorities_of_its_own_trusts_the_systems(make_hub, names, authority, tmp_path):
    hub = make_hub(*names.option, allow=ONLY)
    assert failure(hub, context(authority.issue(tmp_path, HOST))) == "tls_unknown_ca"
