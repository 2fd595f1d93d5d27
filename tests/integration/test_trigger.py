"""grapnel trigger: every scheme of the catalogue takes its own provider's sample. Also the commands about sources and rejections."""

import json
import subprocess

import pytest

from hub import eventually, run
from incoming import SECRET, github, send, source


def openssl(*arguments, input=None):
    return subprocess.run(["openssl", *arguments], input=input, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Key pairs as providers have them, made by the openssl command: file of the private key, public half."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name, kind in (("ed25519", ["-algorithm", "ed25519"]), ("ec", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("rsa", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])):
        path = str(folder / name)
        openssl("genpkey", *kind, "-out", path)
        made[name] = (path, openssl("pkey", "-in", path, "-pubout", "-outform", "DER"))
    certificate = openssl("req", "-x509", "-key", made["rsa"][0], "-subj", "/CN=test", "-days", "30").decode()
    made["certificate"] = (made["rsa"][0], certificate)
    return made


def base64(data):
    import base64

    return base64.b64encode(data).decode()


WHSEC = "whsec_" + base64(b"k" * 32)
HEX = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
DOCUMENTS = {
    "standard": {"secret": WHSEC},
    "stripe": {"secret": WHSEC},
    "adyen": {"secret": HEX},
    "meta": {"secret": SECRET, "settings": {"verify_token": "a token that is long enough"}},
    "hmac": {"secret": SECRET, "settings": {"header": "X-Signature"}},
    "basic": {"secret": SECRET, "settings": {"username": "me"}},
    "paypal": lambda keys: {"settings": {"webhook_id": "1JE4291016473214C", "certificate": keys["certificate"][1]}},
    "aws-sns": lambda keys: {"settings": {"topic_arn": "arn:aws:sns:us-east-1:123456789012:MyTopic", "certificate": keys["certificate"][1]}},
    "discord": lambda keys: {"secret": keys["ed25519"][1][-32:].hex()},
    "sendgrid": lambda keys: {"secret": base64(keys["ec"][1])},
    "square": {"secret": SECRET, "public_url": "https://hooks.example.com/square"},
    "none": {},
}
KEYS = {"paypal": "rsa", "aws-sns": "rsa", "discord": "ed25519", "sendgrid": "ec"}
SCHEMES = """standard github gitlab bitbucket stripe shopify slack twilio square paddle paypal zoom x meta linear discord sendgrid mailgun intercom hubspot dropbox okta
microsoft-graph aws-sns azure-event-grid adyen typeform docusign zendesk pagerduty notion cloudevents hmac basic bearer api-key none""".split()


def test_these_are_all_schemes(shared_hub):
    assert {row["name"] for row in shared_hub.got("/v1/schemes")["data"]} == set(SCHEMES)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("way", ["socket", "network"])
def test_trigger_sends_what_the_source_takes(shared_hub, keys, scheme, way):
    hub, uid = shared_hub, f"{scheme}-{way}"
    document = DOCUMENTS.get(scheme, {"secret": SECRET})
    made = source(hub, scheme, uid=uid, **(document(keys) if callable(document) else document))
    where = ["--data", hub.data] if way == "socket" else ["--url", f"http://127.0.0.1:{hub.port}", "--key", hub.admin]
    key = ["--private-key", keys[KEYS[scheme]][0]] if scheme in KEYS else []
    done = run("trigger", scheme, "--source", uid, *key, *where)
    assert done.returncode == 0, (done.stdout, done.stderr, hub.got(f"/v1/rejections?source={uid}"))
    (event,) = hub.pages("/v1/events", source=uid)
    assert event["type"].startswith("com.example." if scheme == "cloudevents" else scheme + ".") and event["source"] == made["id"], event
    again = run("trigger", scheme, "--source", uid, *key, *where)
    assert again.returncode == 0, again.stderr
    if scheme not in ("dropbox", "none", "hmac"):
        assert len(hub.pages("/v1/events", source=uid)) == 2, "each is an event of its own"
    assert SECRET not in json.dumps([event["attributes"] for event in hub.pages("/v1/events", source=uid)])


def test_trigger_of_another_event_and_of_none(hub):
    source(hub, uid="gh")
    assert run("trigger", "github", "pull_request", "--source", "gh", "--data", hub.data).returncode == 0
    (event,) = hub.pages("/v1/events", source="gh")
    assert event["type"].startswith("github.pull_request")
    wrong = run("trigger", "github", "nonsense", "--source", "gh", "--data", hub.data)
    assert wrong.returncode == 2 and "pull_request" in wrong.stderr
    assert run("trigger", "gitbub", "--source", "gh", "--data", hub.data).returncode == 2
    other = run("trigger", "stripe", "--source", "gh", "--data", hub.data)
    assert other.returncode == 1 and "github" in other.stderr
    assert run("trigger", "github", "--source", "nobody", "--data", hub.data).returncode == 1
    hub.api("PATCH", "/v1/sources/gh", {"enabled": False})
    refused = run("trigger", "github", "--source", "gh", "--data", hub.data)
    assert refused.returncode == 1 and "rejections list" in refused.stderr


def test_trigger_without_a_running_hub_is_stored(hub):
    source(hub, uid="gh")
    hub.terminate()
    assert run("trigger", "github", "--source", "gh", "--data", hub.data).returncode == 0
    hub.start()
    assert len(hub.pages("/v1/events", source="gh")) == 1


def test_sources_by_command(hub, tmp_path):
    data = ["--data", hub.data]
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    made = run("sources", "add", "github", "--uid", "gh", "--secret-file", str(file), "--event-type", "gh.{type}", *data)
    assert made.returncode == 0 and "/in/gh" in made.stdout and SECRET not in made.stdout, made
    assert run("sources", "add", "meta", "--uid", "meta", "--secret", SECRET, "--setting", "verify_token=some token of mine", *data).returncode == 0
    listed = run("sources", "list", "--scheme", "github", *data)
    assert "gh" in listed.stdout and "meta" not in listed.stdout
    assert run("sources", "show", "gh", "--secret", *data).stdout == SECRET + "\n"
    assert "gh.{type}" in run("sources", "show", "gh", *data).stdout
    rotated = run("sources", "rotate", "gh", "--secret", "x" * 20, "--overlap", "1h", "--json", *data)
    assert json.loads(rotated.stdout)["previous"][0]["secret"] == SECRET
    assert run("sources", "delete", "gh", *data).returncode == 0
    assert run("sources", "show", "gh", *data).returncode == 1
    square = ("sources", "add", "square", "--uid", "sq", "--secret", SECRET, *data)
    assert "/public_url" in run(*square).stderr
    assert run(*square, "--public-url", "https://hooks.example.com/in/sq").returncode == 0
    assert hub.got("/v1/sources/sq")["public_url"] == "https://hooks.example.com/in/sq"
    assert run("trigger", "square", "--source", "sq", *data).returncode == 0
    assert "GitHub" in run("schemes", "list", *data).stdout
    assert len(run("schemes", "list", "--json", *data).stdout.splitlines()) == len(SCHEMES)


def test_rejections_by_command(hub):
    data = ["--data", hub.data]
    source(hub, uid="gh", secret="not the one of the provider")
    for i in range(3):
        send(hub, "gh", b"%d" % i, github(b"%d" % i, delivery=str(i)))
    eventually(lambda: len(hub.pages("/v1/rejections")) == 3)
    listed = run("rejections", "list", "--source", "gh", "--reason", "bad_signature", *data)
    assert listed.stdout.count("bad_signature") == 3
    first = json.loads(run("rejections", "list", "--limit", "1", "--json", *data).stdout)
    shown = run("rejections", "show", first["id"], *data)
    assert "bad_signature" in shown.stdout and "X-GitHub-Event" in shown.stdout
    assert run("rejections", "accept", *data).returncode == 2
    assert run("rejections", "accept", "--source", "gh", "--dry-run", *data).returncode == 1
    hub.api("PATCH", "/v1/sources/gh", {"secret": SECRET})
    done = run("rejections", "accept", "--source", "gh", "--json", *data)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 3, done
    assert len(hub.pages("/v1/events", source="gh")) == 3
