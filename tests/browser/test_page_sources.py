"""Sources and refused requests on the page."""

import hashlib
import hmac

from browser import login_link
from hub import eventually

SECRET = "It's a Secret to Everybody"


def github(hub, body, secret=SECRET):
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "1", "X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    return hub.api("POST", "/in/gh", body=body, key=None, headers=headers)


def test_a_wrong_secret_is_seen_and_what_it_refused_is_accepted(page, hub):
    hub.made("/v1/sources", {"uid": "gh", "scheme": "github", "secret": "not the one of the provider"})
    assert github(hub, b'{"markup":"<script>window.owned=1</script>"}').status == 401
    eventually(lambda: hub.pages("/v1/rejections"))
    page.driver.get(login_link(hub))
    page.heading("Overview")
    page.open("#/sources").heading("Sources").sees("gh", "github", "/in/gh").named(".chip", "refusing")
    page.go("#/sources/gh").sees("It refuses what comes: bad signature, x-hub-signature-256 does not fit the secret").named(".chip", "refusing")
    page.open("#/rejections").heading("Refused requests").sees("bad signature x-hub-signature-256 does not fit the secret", "127.0.0.1")
    page.click("Accept all that fit and verify now…").sees("None of them verifies now")
    (row,) = hub.pages("/v1/rejections")
    page.open(f"#/rejections/{row['id']}").heading("Refused request").sees("<script>window.owned=1</script>", "X-GitHub-Event: push")
    page.open("#/sources/gh").heading("Source")
    page.driver.find_element("name", "secret").send_keys(SECRET)
    page.click("Set the new secret").sees("The new secret is set.", SECRET)
    page.open(f"#/rejections/{row['id']}").heading("Refused request")
    page.click("Verify again and accept").sees("It was accepted.")
    assert [e["type"] for e in hub.pages("/v1/events", source="gh")] == ["github.push"]
    page.open("#/sources/gh").heading("Source").named(".chip", "active")
    hub.publish("of.no.source")
    page.click("Its events").heading("Events").rows(1)
    assert page.field("Source").get_attribute("value") == hub.got("/v1/sources/gh")["id"]
    assert page.driver.execute_script("return window.owned") is None


def test_a_source_is_made_and_says_what_to_paste(page, hub):
    page.driver.get(login_link(hub))
    page.heading("Overview")
    page.open("#/sources/new").heading("New source")
    page.driver.execute_script(
        "const f = document.querySelector('form.form'); f.elements.scheme.value = 'github'; f.elements.scheme.dispatchEvent(new Event('change'));"
        "f.elements.uid.value = 'gh'; f.elements.secret.value = arguments[0]", SECRET)
    page.click("Make the source").heading("Source").sees("/in/gh", "{type}")
    assert github(hub, b"{}").status == 200


def test_a_source_without_its_secret_says_what_is_missing(page, hub):
    hub.made("/v1/sources", {"uid": "pay", "scheme": "stripe", "rate": {"limit": 100, "per_ms": 60000}})
    page.enter("#/sources").named(".chip", "waits for its secret")
    page.go("#/sources/pay").sees("Every request is refused until its secret is set", "100 in 1 min", "25 MiB").named(".chip", "waits for its secret")
