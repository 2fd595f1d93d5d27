"""A source that is made before its provider shows the secret: what comes meanwhile is refused, kept, and accepted once the secret is there."""

import pytest

from hub import eventually
from incoming import events_of, send, source, stripe

SECRET = "whsec_of_stripe"
BODY = b'{"id":"evt_1","type":"invoice.paid"}'


def test_what_comes_before_the_secret_is_not_lost(hub):
    made = source(hub, "stripe", uid="pay")
    assert made["secret_missing"] is True and "secret" not in made and made["url"].endswith("/in/pay")
    assert send(hub, "pay", BODY, stripe(BODY, SECRET)).status == 401
    assert send(hub, "pay", BODY, stripe(BODY, "")).status == 401, "no key is not an empty key"
    rows = eventually(lambda: [r for r in [hub.pages("/v1/rejections", source="pay")] if len(r) == 2])[0]
    assert all(r["reason"] == "bad_signature" and "waits for its secret" in r["detail"] for r in rows), rows
    assert events_of(hub, made) == []
    assert hub.api("PATCH", "/v1/sources/pay", {"secret": SECRET}).status == 200
    assert hub.got("/v1/sources/pay")["secret_missing"] is False
    answer = hub.api("POST", "/v1/rejections/accept", {"filter": {"source": "pay"}}).json
    assert (answer["accepted"], answer["refused"]) == (1, 1), answer
    (event,) = events_of(hub, made)
    assert event["type"] == "stripe.invoice.paid"


@pytest.mark.parametrize("scheme, settings", [("hmac", {"header": "X-Sig"}), ("discord", {}), ("sendgrid", {}), ("slack", {}), ("adyen", {}), ("twilio", {}), ("x", {})])
def test_every_scheme_with_a_secret_of_the_providers_may_wait(hub, scheme, settings):
    made = source(hub, scheme, uid="early", settings=settings, public_url="https://hub.example/in/early")
    assert made["secret_missing"] is True
    assert send(hub, "early", b"{}", {"Content-Type": "application/json", "X-Sig": "00"}).status in (400, 401)
    assert events_of(hub, made) == []
    assert hub.api("PATCH", "/v1/sources/early", {"secret": ""}).status in (400, 422)
