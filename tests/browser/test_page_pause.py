"""The page says that the whole hub is paused, what that means, and ends it."""

import shutil

from hub import run


def banner(page):
    return [b for b in page.all("#paused") if b.is_displayed()]


def test_an_operator_pauses_and_resumes(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="hook")
    page.enter().sees("Nothing waits")
    assert not banner(page)
    page.click("Pause deliveries").confirm("Pause all deliveries?", "Pause deliveries")
    page.sees("Deliveries are paused.", "Resume deliveries")
    assert hub.got("/v1/hub")["paused"]
    event = hub.publish()
    page.go("#/events").sees("Deliveries are paused.")
    assert len(banner(page)) == 1
    page.click("Resume deliveries").sees_no_more("Deliveries are paused.")
    hub.wait_delivery(event, "delivered")
    assert not hub.got("/v1/hub")["paused"] and not banner(page)
    assert hub.got("/v1/audit?resource=hub")["data"][0]["action"] == "hub.resume"


def test_a_restored_hub_says_what_would_be_sent_again(page, hub, sink, tmp_path):
    hub.endpoint(sink.url("/hook"), uid="hook")
    hub.api("POST", "/v1/endpoints/hook/pause")
    event = hub.publish()
    assert run("backup", tmp_path / "kept.db", "--data", hub.data).returncode == 0
    hub.terminate()
    done = run("restore", tmp_path / "kept.db", "--master-key", f"{hub.data}/master.key", "--data", tmp_path / "new")
    assert done.returncode == 0, done
    shutil.rmtree(hub.data)
    hub.data = str(tmp_path / "new")
    hub.start()
    hub.api("POST", "/v1/endpoints/hook/resume")
    page.enter().sees("This hub was put back from a backup", "would be sent again")
    page.click("pending").heading("Deliveries")
    page.click("Resume deliveries").confirm("Send what is pending?", "Cancel")
    assert hub.got("/v1/hub")["paused"]
    page.click("Resume deliveries").confirm("Send what is pending?", "Resume deliveries")
    page.sees_no_more("This hub was put back")
    hub.wait_delivery(event, "delivered")
