"""What providers send, signed here by hmac, hashlib and cryptography: independent of the code under test, after the providers' own pages.

Each Provider makes a Request of a body and a time. The rest of it tells the tests where the signature stands and how it is written.
"""

import base64
import copy
import datetime
import hashlib
import hmac
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import Callable, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

NOW = 1_700_000_000
URL = "https://hooks.example.com/in/src"
SECRET = "0123456789abcdef-secret"
OTHER = "another-secret-0123456789"
JSON = {"Content-Type": "application/json"}


@dataclass
class Request:
    body: bytes
    headers: dict = field(default_factory=dict)
    url: str = URL
    method: str = "POST"


def mac(key, text, digest="sha256"):
    key, text = (k.encode() if isinstance(k, str) else k for k in (key, text))
    return hmac.new(key, text, digest).digest()


def b64(raw):
    return base64.b64encode(raw).decode()


def rfc3339(seconds):
    whole = datetime.datetime.fromtimestamp(float(seconds), datetime.timezone.utc)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Provider:
    name: str
    sign: Callable  # (body, time as text or number, secret) -> Request
    body: bytes
    type: str
    dedupe: Optional[str] = None
    header: Optional[str] = None  # of the signature; None: it stands in the body, see get and set
    prefix: str = ""  # before the digest
    wrong: Optional[str] = None  # a prefix of another version
    encoding: Optional[str] = "hex"  # hex, base64; None: a token that is compared
    separator: Optional[str] = None
    tolerance: Optional[int] = None
    past_only: bool = False
    unit: Optional[str] = None  # of a timestamp that can be spelled wrongly: seconds, milliseconds, rfc3339
    secret: Optional[str] = SECRET
    other: Optional[str] = OTHER
    settings: dict = field(default_factory=dict)
    body_signed: bool = True
    get: Callable = None
    set: Callable = None
    missing: str = "missing_header"

    def made(self, time=NOW, body=None, secret=None):
        request = self.sign(self.body if body is None else body, time, self.secret if secret is None else secret)
        request.headers = {**JSON, **request.headers}
        return request

    def signature(self, request):
        return self.get(request) if self.get else request.headers[self.header]

    def with_signature(self, request, value):
        request = copy.deepcopy(request)
        if self.set:
            self.set(request, value)
        else:
            request.headers[self.header] = value
        return request

    def split(self, request):
        """(what stands before the digest, the digest)"""
        value = self.signature(request)
        at = value.rindex(self.prefix) + len(self.prefix) if self.prefix else 0
        return value[:at], value[at:]


def stamp(time, unit="seconds"):
    """Text as it is; numbers in the unit."""
    if isinstance(time, str):
        return time
    return {"seconds": str(time), "milliseconds": str(round(time * 1000)), "rfc3339": rfc3339(time)}[unit]


def simple(header, prefix="", digest="sha256", encode=bytes.hex, **more):
    """The digest of the body in a header."""
    return lambda body, time, secret: Request(body, {header: prefix + encode(mac(secret, body, digest)), **more})


def timed(header, prefix, time_header, content, encode=bytes.hex, unit="seconds", **more):
    def sign(body, time, secret):
        t = stamp(time, unit)
        return Request(body, {header: prefix + encode(mac(secret, content(t.encode(), body))), time_header: t, **more})

    return sign


# ---- Standard Webhooks ----

STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def standard(names="webhook"):
    def sign(body, time, secret):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        t = stamp(time)
        digest = b64(mac(key, b"msg_1." + t.encode() + b"." + body))
        return Request(body, {f"{names}-id": "msg_1", f"{names}-timestamp": t, f"{names}-signature": "v1," + digest, "X-Gitlab-Event": "Push Hook"})

    return sign


ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def whpk(key):
    return "whpk_" + b64(raw_public(key))


def ed_of(secret):
    """The private key whose public half a source has."""
    known = {whpk(k): k for k in (ED25519, OTHER_ED25519)} | {raw_public(k).hex(): k for k in (ED25519, OTHER_ED25519)}
    return known[secret]


def standard_public(body, time, secret):
    t = stamp(time)
    signature = b64(ed_of(secret).sign(b"msg_1." + t.encode() + b"." + body))
    return Request(body, {"webhook-id": "msg_1", "webhook-timestamp": t, "webhook-signature": "v1a," + signature})


def discord(body, time, secret):
    t = stamp(time)
    return Request(body, {"X-Signature-Ed25519": ed_of(secret).sign(t.encode() + body).hex(), "X-Signature-Timestamp": t})


# ---- Others ----


def stripe(body, time, secret):
    t = stamp(time)
    return Request(body, {"Stripe-Signature": f"t={t},v0={'0' * 64},v1={mac(secret, t.encode() + b'.' + body).hex()}"})


def paddle(body, time, secret):
    t = stamp(time)
    return Request(body, {"Paddle-Signature": f"ts={t};h1={mac(secret, t.encode() + b':' + body).hex()}"})


def twilio(body, time, secret):
    from urllib.parse import parse_qsl

    pairs = sorted(set(parse_qsl(body.decode(), keep_blank_values=True)))
    url = URL + "?foo=1&bar=2"
    text = url + "".join(name + value for name, value in pairs)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": b64(mac(secret, text, "sha1")), "I-Twilio-Idempotency-Token": "token-1"}
    return Request(body, headers, url)


def twilio_json(body, time, secret):
    url = URL + "?bodySHA256=" + hashlib.sha256(body).hexdigest()
    return Request(body, {"X-Twilio-Signature": b64(mac(secret, url, "sha1"))}, url)


def square(body, time, secret):
    return Request(body, {"x-square-hmacsha256-signature": b64(mac(secret, URL.encode() + body))})


def hubspot(body, time, secret):
    t = stamp(time, "milliseconds")
    url = URL + "?q=a%20b%3Ac%2Fd"
    decoded = URL + "?q=a%20b:c/d"
    return Request(body, {"X-HubSpot-Signature-v3": b64(mac(secret, b"POST" + decoded.encode() + body + t.encode())), "X-HubSpot-Request-Timestamp": t}, url)


def hubspot_v1(body, time, secret):
    return Request(body, {"X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(), "X-HubSpot-Signature-Version": "v1"})


def hubspot_v2(body, time, secret):
    text = secret.encode() + b"POST" + URL.encode() + body
    return Request(body, {"X-HubSpot-Signature": hashlib.sha256(text).hexdigest(), "X-HubSpot-Signature-Version": "v2"})


def linear(body, time, secret):
    document = json.loads(body)
    if isinstance(time, str):
        document["webhookTimestamp"] = float(time) if re.fullmatch(r"-?[0-9.]+", time) and "." in time else int(time) if re.fullmatch("-?[0-9]+", time) else time
    else:
        document["webhookTimestamp"] = round(time * 1000)
    body = json.dumps(document).encode()
    return Request(body, {"Linear-Signature": mac(secret, body).hex(), "Linear-Event": "Issue", "Linear-Delivery": "d-1"})


def linear_header(body, time, secret):
    return Request(body, {"Linear-Signature": mac(secret, body).hex(), "Linear-Timestamp": stamp(time, "milliseconds"), "Linear-Event": "Issue"})


EC = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
OTHER_EC = ec.derive_private_key(0xFEDCBA, ec.SECP256R1())


def ec_public(key):
    return b64(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def sendgrid(body, time, secret):
    t = stamp(time)
    key = {ec_public(k): k for k in (EC, OTHER_EC)}[secret]
    signature = key.sign(t.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Request(body, {"X-Twilio-Email-Event-Webhook-Signature": b64(signature), "X-Twilio-Email-Event-Webhook-Timestamp": t})


def mailgun(body, time, secret):
    document = json.loads(body)
    t, token = stamp(time), "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    document["signature"] = {"timestamp": t, "token": token, "signature": mac(secret, t + token).hex()}
    return Request(json.dumps(document).encode())


def member_getter(*path):
    def get(request):
        value = json.loads(request.body)
        for step in path:
            value = value[step]
        return value

    return get


def member_setter(*path):
    def set_(request, text):
        document = json.loads(request.body)
        at = document
        for step in path[:-1]:
            at = at[step]
        if text is None:
            del at[path[-1]]
        else:
            at[path[-1]] = text
        request.body = json.dumps(document).encode()

    return set_


ADYEN = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ADYEN_SIGNATURE = ("notificationItems", 0, "NotificationRequestItem", "additionalData", "hmacSignature")


def adyen(body, time, secret):
    document = json.loads(body)
    for item in document["notificationItems"]:
        item = item["NotificationRequestItem"]
        amount = item.get("amount", {})
        fields = [item.get("pspReference", ""), item.get("originalReference", ""), item.get("merchantAccountCode", ""), item.get("merchantReference", "")]
        fields += [str(amount.get("value", "")), amount.get("currency", ""), item.get("eventCode", ""), item.get("success", "")]
        item.setdefault("additionalData", {})["hmacSignature"] = b64(mac(bytes.fromhex(secret), ":".join(fields)))
    return Request(json.dumps(document).encode())


def adyen_header(body, time, secret):
    return Request(body, {"HmacSignature": b64(mac(bytes.fromhex(secret), body)), "Protocol": "HmacSHA256"})


def docusign(body, time, secret):
    return Request(body, {"X-DocuSign-Signature-1": b64(mac("some older key", body)), "X-DocuSign-Signature-2": b64(mac(secret, body))})


# ---- By certificate ----


def make_certificate(number, days=(-1, 3650)):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"signer {number}")])
    begin = datetime.datetime.utcfromtimestamp(NOW)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(number)
    builder = builder.not_valid_before(begin + datetime.timedelta(days=days[0])).not_valid_after(begin + datetime.timedelta(days=days[1]))
    certificate = builder.sign(key, hashes.SHA256())
    return key, certificate.public_bytes(serialization.Encoding.PEM).decode()


RSA, RSA_PEM = make_certificate(1)
OTHER_RSA, OTHER_RSA_PEM = make_certificate(2)
EXPIRED_RSA, EXPIRED_PEM = make_certificate(3, (-20, -10))


def rsa_sign(text, digest=hashes.SHA256, key=None):
    return b64((key or RSA).sign(text.encode(), padding.PKCS1v15(), digest()))


def paypal(body, time, secret):
    t = stamp(time, "rfc3339")
    text = f"trans-1|{t}|WEBHOOK-1|{zlib.crc32(body)}"
    return Request(
        body,
        {
            "PAYPAL-TRANSMISSION-ID": "trans-1",
            "PAYPAL-TRANSMISSION-TIME": t,
            "PAYPAL-TRANSMISSION-SIG": rsa_sign(text),
            "PAYPAL-CERT-URL": "https://api.paypal.com/v1/notifications/certs/CERT-360caa42",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        },
    )


ARN = "arn:aws:sns:us-east-1:123456789012:orders"
SNS_CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"


def sns_text(document):
    if document["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    return "".join(f"{name}\n{document[name]}\n" for name in names if name in document)


def sns(version="2"):
    def sign(body, time, secret):
        document = {"TopicArn": ARN, "SigningCertURL": SNS_CERTIFICATE, **json.loads(body)}
        document["Timestamp"] = stamp(time, "rfc3339")
        document["SignatureVersion"] = version
        document["Signature"] = rsa_sign(sns_text(document), hashes.SHA256 if version == "2" else hashes.SHA1)
        headers = {"x-amz-sns-message-type": document["Type"], "Content-Type": "text/plain; charset=UTF-8"}
        return Request(json.dumps(document).encode(), headers)

    return sign


# ---- Those that compare a token ----


def token(header, before=""):
    return lambda body, time, secret: Request(body, {header: before + secret})


def gitlab(body, time, secret):
    return Request(body, {"X-Gitlab-Token": secret, "X-Gitlab-Event": "Merge Request Hook", "Idempotency-Key": "key-1"})


def basic(body, time, secret):
    return Request(body, {"Authorization": "Basic " + b64(f"ada:{secret}".encode())})


def in_query(name, headers=None):
    return lambda body, time, secret: Request(body, dict(headers or {}), f"{URL}?{name}={secret}")


def query_get(request):
    return request.url.split("=", 1)[1]


def query_set(request, value):
    request.url = URL if value is None else request.url.split("=", 1)[0] + "=" + value


def graph(body, time, secret):
    document = json.loads(body)
    for item in document["value"]:
        item["clientState"] = secret
    return Request(json.dumps(document).encode())


def bearer_event(body, time, secret):
    headers = {"Authorization": "Bearer " + secret, "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/orders", "ce-type": "com.example.made"}
    return Request(body, headers)


def generic(body, time, secret):
    t = stamp(time, "milliseconds")
    text = b"id-1/" + t.encode() + b"/POST/" + body
    return Request(body, {"X-Sig": f"k={b64(mac(secret, text, 'sha512'))}", "X-Time": t, "X-Id": "id-1"})


GENERIC_SETTINGS = {
    "header": "X-Sig",
    "prefix": "k=",
    "separator": ";",
    "hash": "sha512",
    "encoding": "base64",
    "timestamp_header": "X-Time",
    "timestamp_unit": "milliseconds",
    "id_header": "X-Id",
    "content": "{id}/{timestamp}/{method}/{body}",
}

BODY = b'{"type":"order.created","id":"e-1"}'

PROVIDERS = [
    Provider("standard", standard(), BODY, "standard.order.created", "msg_1", "webhook-signature", "v1,", "v2,", "base64", " ", 300, unit="seconds",
             secret=STANDARD, other="whsec_" + b64(b"x" * 24)),
    Provider("standard", standard("svix"), BODY, "standard.order.created", "msg_1", "svix-signature", "v1,", "v2,", "base64", " ", 300, unit="seconds",
             secret=STANDARD, other="whsec_" + b64(b"x" * 24)),
    Provider("standard", standard_public, BODY, "standard.order.created", "msg_1", "webhook-signature", "v1a,", "v1,", "base64", " ", 300, unit="seconds",
             secret=whpk(ED25519), other=whpk(OTHER_ED25519)),
    Provider("github", simple("X-Hub-Signature-256", "sha256=", **{"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-1"}), b'{"action":"opened"}',
             "github.issues.opened", "d-1", "X-Hub-Signature-256", "sha256=", "sha1="),
    Provider("gitlab", gitlab, BODY, "gitlab.merge_request", "key-1", "X-Gitlab-Token", encoding=None, body_signed=False),
    Provider("gitlab", standard(), BODY, "gitlab.push", "msg_1", "webhook-signature", "v1,", "v2,", "base64", " ", 300, unit="seconds",
             secret=STANDARD, other="whsec_" + b64(b"x" * 24)),
    Provider("bitbucket", simple("X-Hub-Signature", "sha256=", **{"X-Event-Key": "repo:push", "X-Request-UUID": "u-1"}), BODY, "bitbucket.repo.push", "u-1",
             "X-Hub-Signature", "sha256=", "sha1="),
    Provider("stripe", stripe, b'{"id":"evt_1","type":"invoice.paid"}', "stripe.invoice.paid", "evt_1", "Stripe-Signature", "v1=", "v0=", "hex", ",", 300,
             past_only=True, unit="seconds", secret="whsec_" + "a" * 32),
    Provider("shopify", simple("X-Shopify-Hmac-Sha256", encode=b64, **{"X-Shopify-Topic": "orders/create", "X-Shopify-Webhook-Id": "w-1"}), BODY,
             "shopify.orders.create", "w-1", "X-Shopify-Hmac-Sha256", encoding="base64"),
    Provider("slack", timed("X-Slack-Signature", "v0=", "X-Slack-Request-Timestamp", lambda t, b: b"v0:" + t + b":" + b),
             b'{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}', "slack.app_mention", "Ev1", "X-Slack-Signature", "v0=", "v1=",
             tolerance=300, unit="seconds"),
    Provider("twilio", twilio, b"To=%2B1800&MessageSid=SM1&Body=a+b&Body=a+b&From=&A=%26", "twilio.message", "token-1", "X-Twilio-Signature", encoding="base64"),
    Provider("twilio", twilio_json, BODY, "twilio.order.created", None, "X-Twilio-Signature", encoding="base64"),
    Provider("square", square, b'{"type":"payment.updated","event_id":"e-1"}', "square.payment.updated", "e-1", "x-square-hmacsha256-signature",
             encoding="base64"),
    Provider("paddle", paddle, b'{"event_type":"transaction.completed","event_id":"e-1"}', "paddle.transaction.completed", "e-1", "Paddle-Signature", "h1=",
             "h2=", "hex", ";", 5, past_only=True, unit="seconds"),
    Provider("paypal", paypal, b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}', "paypal.PAYMENT.CAPTURE.COMPLETED", "WH-1",
             "PAYPAL-TRANSMISSION-SIG", encoding="base64", tolerance=345600, unit="rfc3339", secret=None,
             settings={"webhook_id": "WEBHOOK-1", "certificate": RSA_PEM}),
    Provider("zoom", timed("x-zm-signature", "v0=", "x-zm-request-timestamp", lambda t, b: b"v0:" + t + b":" + b),
             b'{"event":"meeting.started","event_ts":1,"payload":{}}', "zoom.meeting.started", "sha256:", "x-zm-signature", "v0=", "v1=", tolerance=300,
             unit="seconds"),
    Provider("x", simple("x-twitter-webhooks-signature", "sha256=", encode=b64), b'{"for_user_id":"1","tweet_create_events":[]}', "x.tweet_create_events",
             "sha256:", "x-twitter-webhooks-signature", "sha256=", "sha1=", "base64"),
    Provider("meta", simple("X-Hub-Signature-256", "sha256="), b'{"object":"page","entry":[{"id":"1","changes":[{"field":"feed"}]}]}', "meta.page.feed",
             "sha256:", "X-Hub-Signature-256", "sha256=", "sha1=", settings={"verify_token": "my token"}),
    Provider("linear", linear, b'{"action":"create","type":"Issue"}', "linear.Issue.create", "d-1", "Linear-Signature", tolerance=60, unit="milliseconds"),
    Provider("linear", linear_header, b'{"action":"create","type":"Issue"}', "linear.Issue.create", None, "Linear-Signature", tolerance=60,
             unit="milliseconds"),
    Provider("discord", discord, b'{"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}', "discord.APPLICATION_AUTHORIZED", "sha256:", "X-Signature-Ed25519",
             tolerance=300, unit="seconds", secret=raw_public(ED25519).hex(), other=raw_public(OTHER_ED25519).hex()),
    Provider("sendgrid", sendgrid, b'[{"event":"delivered","sg_event_id":"sg-1"}]\r\n', "sendgrid.delivered", "sg-1",
             "X-Twilio-Email-Event-Webhook-Signature", encoding="base64", tolerance=300, unit="seconds", secret=ec_public(EC), other=ec_public(OTHER_EC)),
    Provider("mailgun", mailgun, b'{"event-data":{"event":"delivered"}}', "mailgun.delivered", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0",
             tolerance=300, unit="seconds", body_signed=False, get=member_getter("signature", "signature"), set=member_setter("signature", "signature")),
    Provider("intercom", simple("X-Hub-Signature", "sha1=", "sha1"), b'{"topic":"user.created","id":"notif_1"}', "intercom.user.created", "notif_1",
             "X-Hub-Signature", "sha1=", "sha256="),
    Provider("hubspot", hubspot, b'[{"eventId":1,"subscriptionId":2,"occurredAt":3,"subscriptionType":"contact.creation"}]', "hubspot.contact.creation",
             "1:2:3", "X-HubSpot-Signature-v3", encoding="base64", tolerance=300, unit="milliseconds"),
    Provider("hubspot", hubspot_v1, b'[{"eventId":1,"subscriptionType":"contact.creation"}]', "hubspot.contact.creation", "1::", "X-HubSpot-Signature",
             settings={"signature_version": "v1"}),
    Provider("hubspot", hubspot_v2, b'[{"eventId":1,"subscriptionType":"contact.creation"}]', "hubspot.contact.creation", "1::", "X-HubSpot-Signature",
             settings={"signature_version": "v2"}),
    Provider("dropbox", simple("X-Dropbox-Signature"), b'{"list_folder":{"accounts":["a"]}}', "dropbox.list_folder", None, "X-Dropbox-Signature"),
    Provider("okta", token("Authorization"), b'{"eventId":"o-1","data":{"events":[{"uuid":"u","eventType":"user.session.start"}]}}',
             "okta.user.session.start", "o-1", "Authorization", encoding=None, body_signed=False),
    Provider("microsoft-graph", graph, b'{"value":[{"id":"n-1","changeType":"created"}]}', "microsoft-graph.created", "n-1", encoding=None, body_signed=False,
             get=member_getter("value", 0, "clientState"), set=member_setter("value", 0, "clientState")),
    Provider("aws-sns", sns("2"), b'{"Type":"Notification","MessageId":"m-1","Subject":"s","Message":"hello\\nworld"}', "aws-sns.Notification", "m-1",
             encoding="base64", tolerance=3600, unit="rfc3339", secret=None, settings={"topic_arn": ARN, "certificate": RSA_PEM},
             get=member_getter("Signature"), set=member_setter("Signature")),
    Provider("aws-sns", sns("1"), b'{"Type":"Notification","MessageId":"m-1","Message":"no subject"}', "aws-sns.Notification", "m-1", encoding="base64",
             tolerance=3600, unit="rfc3339", secret=None, settings={"topic_arn": ARN, "certificate": RSA_PEM}, get=member_getter("Signature"),
             set=member_setter("Signature")),
    Provider("azure-event-grid", in_query("code", {"aeg-event-type": "Notification"}), b'[{"id":"g-1","eventType":"Microsoft.Storage.BlobCreated"}]',
             "azure-event-grid.Microsoft.Storage.BlobCreated", "g-1", encoding=None, body_signed=False, get=query_get, set=query_set),
    Provider("adyen", adyen,
             b'{"notificationItems":[{"NotificationRequestItem":{"pspReference":"7914073381342284","merchantAccountCode":"TestMerchant","merchantReference":'
             b'"a:b\\\\c","amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true"}}]}',
             "adyen.AUTHORISATION", "7914073381342284:AUTHORISATION:true", encoding="base64", secret=ADYEN, other="ab" * 32, get=member_getter(*ADYEN_SIGNATURE),
             set=member_setter(*ADYEN_SIGNATURE)),
    Provider("adyen", adyen_header, b'{"type":"balancePlatform.transfer.created"}', "adyen.balancePlatform.transfer.created", "sha256:", "HmacSignature",
             encoding="base64", secret=ADYEN, other="ab" * 32),
    Provider("typeform", simple("Typeform-Signature", "sha256=", encode=b64), b'{"event_type":"form_response","event_id":"t-1"}', "typeform.form_response", "t-1",
             "Typeform-Signature", "sha256=", "sha1=", "base64"),
    Provider("docusign", docusign, b'{"event":"envelope-completed","generatedDateTime":"T","data":{"envelopeId":"v-1"}}', "docusign.envelope-completed",
             "v-1:envelope-completed:T", "X-DocuSign-Signature-2", encoding="base64", missing="bad_signature"),
    Provider("zendesk", timed("X-Zendesk-Webhook-Signature", "", "X-Zendesk-Webhook-Signature-Timestamp", lambda t, b: t + b, b64, "rfc3339"),
             b'{"type":"zen:event-type:ticket.created","id":"z-1"}', "zendesk.ticket.created", "z-1", "X-Zendesk-Webhook-Signature", encoding="base64",
             tolerance=300, unit="rfc3339"),
    Provider("pagerduty", simple("X-PagerDuty-Signature", "v1="), b'{"event":{"id":"p-1","event_type":"incident.triggered"}}', "pagerduty.incident.triggered",
             "p-1", "X-PagerDuty-Signature", "v1=", "v0=", "hex", ","),
    Provider("notion", simple("X-Notion-Signature", "sha256="), b'{"type":"page.created","id":"n-1"}', "notion.page.created", "n-1", "X-Notion-Signature",
             "sha256=", "sha1="),
    Provider("cloudevents", bearer_event, b"{}", "com.example.made", "/orders|A-1", "Authorization", "Bearer ", "Basic ", encoding=None, body_signed=False),
    Provider("hmac", generic, BODY, "hmac.event", "id-1", "X-Sig", "k=", "j=", "base64", ";", 300, unit="milliseconds", settings=GENERIC_SETTINGS),
    Provider("basic", basic, BODY, "basic.event", None, "Authorization", "Basic ", "Bearer ", encoding=None, body_signed=False, settings={"username": "ada"}),
    Provider("bearer", token("Authorization", "Bearer "), BODY, "bearer.event", None, "Authorization", "Bearer ", "Basic ", encoding=None, body_signed=False),
    Provider("api-key", token("X-API-Key"), BODY, "api-key.event", None, "X-API-Key", encoding=None, body_signed=False),
]
