"""Every incoming scheme, by `grapnel verify`: what providers.py signs is accepted, and refused when one thing in it is changed."""

import base64
import copy
import json
import os
import subprocess

import pytest

import providers as p
from hub import BINARY, check_reports, environment
from providers import NOW, PROVIDERS, SECRET, URL, Request
from sink import BOUND

IDS = [f"{i.name}{n if [j.name for j in PROVIDERS].count(i.name) > 1 else ''}" for n, i in enumerate(PROVIDERS)]
OK, FAILED, USAGE = 0, 1, 2


def verify(scheme, request, secrets=(), settings=None, now=NOW, more=(), expect=None):
    """The verdict as an object, and the exit code in it."""
    arguments = [BINARY, "verify", scheme, "--json", "--method", request.method, f"--url={request.url}", "--now", str(now), *more]
    for secret in secrets:
        arguments.append(f"--secret={secret}")
    for name, value in (settings or {}).items():
        arguments.append(f"--setting={name}={value if isinstance(value, str) else json.dumps(value)}")
    for name, value in request.headers.items():
        for one in value if isinstance(value, list) else [value]:
            arguments.append(f"--header={name}: {one}")
    done = subprocess.run(arguments, input=request.body, capture_output=True, timeout=BOUND, env=environment())
    check_reports(done.stderr.decode())
    verdict = json.loads(done.stdout) if done.returncode != USAGE else {"why": done.stderr.decode()}
    if expect is not None:
        assert done.returncode == expect, (verdict, done.stderr)
    return {"exit": done.returncode, **verdict}


def judge(provider, request, secrets=None, **more):
    if secrets is None:
        secrets = [provider.secret] if provider.secret else []
    return verify(provider.name, request, secrets, {**provider.settings, **more.pop("settings", {})}, **more)


def refused(provider, request, *reasons, **more):
    verdict = judge(provider, request, expect=FAILED, **more)
    assert verdict["verdict"] == "refused" and verdict["reason"] in reasons, verdict
    assert verdict["status"] == (400 if verdict["reason"] == "malformed" else 401)
    for secret in (provider.secret, provider.other):
        assert not secret or secret not in verdict["why"]
    return verdict


each = pytest.mark.parametrize("provider", PROVIDERS, ids=IDS)


# ---- What is signed well ----


@each
def test_a_request_that_another_implementation_signed_is_accepted(provider):
    verdict = judge(provider, provider.made(), expect=OK)
    assert verdict["verdict"] == "accepted" and verdict["type"] == provider.type
    if provider.dedupe == "sha256:":
        assert verdict["dedupe"].startswith("sha256:") and len(verdict["dedupe"]) == 71
    else:
        assert verdict.get("dedupe") == provider.dedupe
    assert verdict.get("secret") == (0 if provider.secret else None)


@each
def test_the_same_request_again_has_the_same_key(provider):
    first, second = (judge(provider, provider.made(), expect=OK) for _ in range(2))
    assert first.get("dedupe") == second.get("dedupe")


@each
def test_during_a_rotation_both_secrets_are_tried(provider):
    if provider.secret:
        verdict = judge(provider, provider.made(), [provider.other, provider.secret], expect=OK)
        assert verdict["secret"] == 1


@each
def test_a_body_that_is_not_what_the_type_is_made_of_is_accepted_when_it_is_signed(provider):
    """Signed bytes are the provider's, whatever they are."""
    if not provider.header or not provider.body_signed or provider.name in ("x", "linear"):
        return
    for body in (b"\x00\xff\xfe binary", b'{"type":' + b"[" * 600, b"<xml/>"):
        verdict = judge(provider, provider.made(body=body) if provider.sign is not p.twilio else p.twilio_json(body, NOW, SECRET), expect=OK)
        assert verdict["type"].startswith(provider.name + ".")


# ---- One thing changed: the signature ----


def with_header(request, name, value):
    request = copy.deepcopy(request)
    request.headers[name] = value
    return request


@each
def test_a_missing_or_empty_signature_is_refused(provider):
    request = provider.made()
    if provider.header:
        gone = copy.deepcopy(request)
        del gone.headers[provider.header]
        refused(provider, gone, provider.missing)
        refused(provider, with_header(request, provider.header, ""), provider.missing)
    else:
        refused(provider, provider.with_signature(request, None), "missing_header")
        refused(provider, provider.with_signature(request, ""), "missing_header")


@each
def test_a_signature_that_is_there_twice_is_refused(provider):
    if provider.header and provider.name != "docusign":
        request = provider.made()
        refused(provider, with_header(request, provider.header, [request.headers[provider.header]] * 2), "malformed")


@each
def test_a_truncated_signature_is_refused(provider):
    request = provider.made()
    before, digest = provider.split(request)
    for cut in (digest[:-1], digest[:-4], digest[: len(digest) // 2], digest[:1]):
        refused(provider, provider.with_signature(request, before + cut), "bad_signature")
    refused(provider, provider.with_signature(request, before + digest + "00"), "bad_signature")
    if provider.separator != " ":
        refused(provider, provider.with_signature(request, before + digest + " x"), "bad_signature")


@each
def test_the_right_digest_under_the_wrong_version_is_refused(provider):
    if provider.wrong:
        request = provider.made()
        value = provider.signature(request)
        at = value.rindex(provider.prefix)
        changed = value[:at] + provider.wrong + value[at + len(provider.prefix) :]
        refused(provider, provider.with_signature(request, changed), "bad_signature")
        refused(provider, provider.with_signature(request, value[:at] + value[at + len(provider.prefix) :]), "bad_signature")


@each
def test_another_spelling_of_the_right_digest_is_refused(provider):
    request = provider.made()
    before, digest = provider.split(request)
    if provider.encoding == "hex":
        raw = bytes.fromhex(digest)
        spellings = [digest.upper(), base64.b64encode(raw).decode(), "0x" + digest, digest[:-1] + digest[-1].upper() if digest[-1].isalpha() else None]
    elif provider.encoding == "base64":
        raw = base64.b64decode(digest)
        spellings = [raw.hex(), digest.rstrip("=") if "=" in digest else None, digest + "=", digest.swapcase()]
        if "+" in digest or "/" in digest:
            spellings.append(base64.urlsafe_b64encode(raw).decode())
    else:
        spellings = [digest.swapcase(), digest + digest]
    for spelling in filter(None, spellings):
        refused(provider, provider.with_signature(request, before + spelling), "bad_signature")


def flip(text, at):
    """Another character of the same alphabet there."""
    return text[:at] + ("1" if text[at] in "0Aa" else "0" if text[at].isdigit() else "A" if text[at] != "B" else "C") + text[at + 1 :]


@each
def test_one_flipped_bit_in_signature_secret_or_body_is_refused(provider):
    request = provider.made()
    before, digest = provider.split(request)
    if provider.encoding:
        raw = bytearray(bytes.fromhex(digest) if provider.encoding == "hex" else base64.b64decode(digest))
        for at, bit in ((0, 1), (len(raw) // 2, 16), (len(raw) - 1, 128)):
            changed = bytearray(raw)
            changed[at] ^= bit
            spelled = changed.hex() if provider.encoding == "hex" else base64.b64encode(changed).decode()
            refused(provider, provider.with_signature(request, before + spelled), "bad_signature")
    else:
        refused(provider, provider.with_signature(request, before + flip(digest, 3)), "bad_signature")
    if provider.secret:
        refused(provider, request, "bad_signature", secrets=[provider.other])
    if provider.body_signed and provider.header:
        for at in (0, len(request.body) // 2, len(request.body) - 1):
            changed = copy.deepcopy(request)
            changed.body = request.body[:at] + bytes([request.body[at] ^ 1]) + request.body[at + 1 :]
            refused(provider, changed, "bad_signature")
        longer = copy.deepcopy(request)
        longer.body += b"\n" if provider.sign is not p.twilio else b"&Z=1"
        refused(provider, longer, "bad_signature")


@each
def test_fifty_signatures_in_one_header_are_refused(provider):
    request = provider.made()
    value = provider.signature(request)
    separator = provider.separator or ","
    one = value.split(separator)[-1]
    refused(provider, provider.with_signature(request, separator.join([value] + [one] * 50)), "malformed", "bad_signature")
    if provider.separator:
        wrong = one[: len(provider.prefix)] + flip(one[len(provider.prefix) :], 0)
        judged = judge(provider, provider.with_signature(request, separator.join([wrong, "unknown=x", value, wrong])))
        assert judged["verdict"] == "accepted", judged


# ---- The timestamp ----


@each
def test_the_tolerance_is_kept_to_the_second(provider):
    if provider.tolerance is None:
        return
    for age, good in ((-1, True), (0, True), (1, False)):
        request = provider.made(NOW - provider.tolerance - age)
        if good:
            judge(provider, request, expect=OK)
        else:
            refused(provider, request, "stale_timestamp")
            assert judge(provider, request, more=["--ignore-age"], expect=OK)["type"] == provider.type
            judge(provider, request, more=["--tolerance", str(provider.tolerance + 1)], expect=OK)
        request = provider.made(NOW + provider.tolerance + age)
        if good or provider.past_only:
            judge(provider, request, expect=OK)
        else:
            refused(provider, request, "stale_timestamp")


@each
def test_a_timestamp_that_is_none_is_refused_though_it_is_signed(provider):
    if provider.unit is None:
        return
    times = ["17000.5", "-5", "1e9", "soon", "0x6553f100", "9" * 30, "+1700000000", "1700000000 "]
    if provider.unit == "rfc3339":
        times = ["2023-11-14", "2023-11-14T22:13:20", "1700000000", "2023-13-14T22:13:20Z", "yesterday"]
    for time in times:
        try:
            request = provider.made(time)
        except ValueError:
            continue
        if time.endswith(" ") and provider.header and not provider.separator:
            continue  # white space at the end of a header is no part of it
        reasons = ("malformed", "bad_signature") if time.endswith(" ") or provider.name == "linear" else ("malformed",)
        refused(provider, request, *reasons)


@each
def test_a_timestamp_that_was_changed_is_a_bad_signature(provider):
    for name, value in provider.made().headers.items():
        if "timestamp" in name.lower() and provider.name != "linear":
            changed = {"rfc3339": p.rfc3339(NOW + 1), "milliseconds": str(NOW * 1000 + 1)}.get(provider.unit, str(NOW + 1))
            refused(provider, with_header(provider.made(), name, changed), "bad_signature")


# ---- What a source may be set to ----


@each
def test_an_empty_secret_or_a_copy_mistake_is_refused(provider):
    if not provider.secret:
        assert "takes no secret" in judge(provider, provider.made(), ["x"], expect=USAGE)["why"]
        return
    assert "/secrets/0 must not be empty" in judge(provider, provider.made(), [""], expect=USAGE)["why"]
    assert "/secrets/1 must not be empty" in judge(provider, provider.made(), [provider.secret, ""], expect=USAGE)["why"]
    assert "white space" in judge(provider, provider.made(), [provider.secret + "\n"], expect=USAGE)["why"]
    if provider.name != "notion":
        assert "/secrets" in judge(provider, provider.made(), [], expect=USAGE)["why"]


@pytest.mark.parametrize("scheme", ["github", "bitbucket", "gitlab", "okta", "microsoft-graph", "azure-event-grid", "typeform", "bearer", "api-key", "cloudevents"])
def test_a_secret_that_one_chooses_has_16_bytes(scheme):
    assert "at least 16" in verify(scheme, Request(b""), ["x" * 15], expect=USAGE)["why"]
    assert verify(scheme, Request(b""), ["x" * 16])["exit"] == FAILED


@pytest.mark.parametrize(
    "scheme, secrets, settings, pointer",
    [
        ("github", [SECRET], {"colour": "red"}, "/settings/colour"),
        ("meta", [SECRET], {}, "/settings/verify_token"),
        ("paypal", [], {}, "/settings/webhook_id"),
        ("paypal", [], {"webhook_id": "w", "environment": "moon"}, "/settings/environment"),
        ("paypal", [], {"webhook_id": "w", "certificate": "none"}, "/settings/certificate"),
        ("aws-sns", [], {}, "/settings/topic_arn"),
        ("aws-sns", [], {"topic_arn": "orders"}, "/settings/topic_arn"),
        ("basic", [SECRET], {}, "/settings/username"),
        ("basic", [SECRET], {"username": "a:b"}, "/settings/username"),
        ("standard", ["whsec_short"], {}, "/secrets/0"),
        ("standard", ["whpk_" + base64.b64encode(b"x" * 31).decode()], {}, "/secrets/0"),
        ("gitlab", ["whsec_not base64 at all"], {}, "/secrets/0"),
        ("adyen", ["not hexadecimal"], {}, "/secrets/0"),
        ("discord", ["ab" * 31], {}, "/secrets/0"),
        ("sendgrid", [base64.b64encode(b"no key").decode()], {}, "/secrets/0"),
        ("hmac", [SECRET], {}, "/settings/header"),
        ("hmac", [SECRET], {"header": "no name"}, "/settings/header"),
        ("hmac", [SECRET], {"header": "X", "hash": "md5"}, "/settings/hash"),
        ("hmac", [SECRET], {"header": "X", "timestamp_header": "T"}, "/settings/content"),
        ("hmac", [SECRET], {"header": "X", "content": "{timestamp}{body}"}, "/settings/content"),
        ("hmac", [SECRET], {"header": "X", "content": "{timestamp}"}, "/settings/content"),
        ("hmac", [SECRET], {"header": "X", "content": "{id}{body}"}, "/settings/id_header"),
        ("hmac", [SECRET], {"header": "X", "separator": ", "}, "/settings/separator"),
        ("hmac", [SECRET], {"header": "X", "challenge": {"from": "sky", "name": "c"}}, "/settings/challenge/from"),
        ("hmac", [SECRET], {"header": "X", "challenge": {"from": "json"}}, "/settings/challenge/name"),
        ("hmac", [], {"header": "X"}, "/secrets"),
        ("cloudevents", [SECRET], {"allowed_rate": "many"}, "/settings/allowed_rate"),
        ("cloudevents", [SECRET], {"allowed_rate": 0}, "/settings/allowed_rate"),
        ("api-key", [SECRET], {"header": "X", "query": "k"}, "/settings/query"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(scheme, secrets, settings, pointer):
    assert pointer in verify(scheme, Request(b""), secrets, settings, expect=USAGE)["why"]


def test_square_needs_the_url_that_was_given_to_it():
    done = subprocess.run([BINARY, "verify", "square", "--secret", SECRET], input=b"", capture_output=True, env=environment(), timeout=BOUND)
    assert done.returncode == USAGE and b"/public_url" in done.stderr


def test_an_unknown_scheme_is_named_with_those_there_are():
    verdict = verify("gitnub", Request(b""), expect=USAGE)
    assert "gitnub" in verdict["why"] and "github" in verdict["why"] and "azure-event-grid" in verdict["why"]


def test_the_verdict_is_told_to_people_too():
    request = PROVIDERS[3].made()
    arguments = [BINARY, "verify", "github", "--secret", SECRET]
    for name, value in request.headers.items():
        arguments += ["--header", f"{name}: {value}"]
    done = subprocess.run(arguments, input=request.body, capture_output=True, env=environment(), timeout=BOUND)
    assert done.returncode == OK and b"github.issues.opened" in done.stdout
    done = subprocess.run(arguments, input=b"other", capture_output=True, env=environment(), timeout=BOUND)
    assert done.returncode == FAILED and b"bad_signature" in done.stdout


def test_a_secret_can_come_from_a_file(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    verify("github", PROVIDERS[3].made(), more=["--secret-file", tmp_path / "secret"], expect=OK)


# ---- The command line of openssl as a second opinion ----


def test_openssl_signs_what_is_accepted():
    def openssl(*arguments, body):
        return subprocess.run(["openssl", "dgst", "-sha256", *arguments], input=body, capture_output=True, check=True).stdout

    digest = openssl("-hmac", SECRET, "-r", body=p.BODY).split()[0].decode()
    verify("github", Request(p.BODY, {"X-Hub-Signature-256": "sha256=" + digest}), [SECRET], expect=OK)
    raw = openssl("-hmac", SECRET, "-binary", body=p.BODY)
    verify("shopify", Request(p.BODY, {"X-Shopify-Hmac-Sha256": base64.b64encode(raw).decode()}), [SECRET], expect=OK)
