"""Providers, as far as the tests need them: requests signed by Python's hmac alone, never by the code under test."""

import base64
import hashlib
import hmac
import time

SECRET = "It's a Secret to Everybody"


def hexdigest(secret, content, hash=hashlib.sha256):
    return hmac.new(secret.encode(), content, hash).hexdigest()


def github(body, event="push", delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958", secret=SECRET):
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": "sha256=" + hexdigest(secret, body),
    }


def stripe(body, secret, at=None):
    at = int(time.time()) if at is None else at
    return {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={hexdigest(secret, str(at).encode() + b'.' + body)}"}


def slack(body, secret, at=None, content_type="application/json"):
    at = int(time.time()) if at is None else at
    signature = hexdigest(secret, b"v0:%d:" % at + body)
    return {"Content-Type": content_type, "X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signature}"}


def shopify(body, secret, topic="orders/create", delivery="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"):
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {"Content-Type": "application/json", "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": delivery, "X-Shopify-Hmac-Sha256": digest}


def standard(body, secret, id="msg_1", at=None):
    at = int(time.time()) if at is None else at
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{digest}"}


def source(hub, scheme="github", **fields):
    """A new source; github's has SECRET."""
    if scheme == "github":
        fields.setdefault("secret", SECRET)
    return hub.made("/v1/sources", {"scheme": scheme, **fields})


def send(hub, name, body=b"{}", headers=None, method="POST", query="", **keywords):
    """What a provider sends: without a key."""
    return hub.api(method, f"/in/{name}{query}", body=body if method not in ("GET", "HEAD", "OPTIONS") else None, key=None,
        headers=headers or {}, **keywords)


def events_of(hub, source, **query):
    return hub.pages("/v1/events", source=source["id"], order="asc", **query)
