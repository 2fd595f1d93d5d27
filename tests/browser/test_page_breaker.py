"""The page tells of endpoints that are left alone because they fail, and tries them at once."""

import pytest

from hub import eventually
from test_operator import row_of

FAILURES = 10


@pytest.fixture
def alone(hub, sink):
    """An endpoint whose breaker is open for an hour; nothing else was ever tried."""
    sink.on("/hook", 503)
    made = hub.endpoint(sink.url("/hook"), uid="billing", retry={"max_attempts": 1}, breaker={"wait_ms": 3600000})
    events = [hub.publish() for _ in range(FAILURES)]
    for event in events:
        hub.wait_delivery(event, "dead")
    assert hub.api("POST", "/v1/dead-letters/discard", {"filter": {"endpoint": made["id"]}}).status == 202
    eventually(lambda: not hub.dead_letters(), "no dead letters")
    eventually(lambda: hub.got("/v1/endpoints/billing")["breaker"]["state"] == "open", "an open breaker")
    return made


def test_the_overview_says_who_is_left_alone_why_and_tries(page, hub, sink, alone):
    event = hub.publish()
    page.enter().rows(1)
    cells = row_of(page, "billing")
    assert "10 attempts failed in a row; the last: HTTP 503" in cells["Why"].text and "It is tried again" in cells["Why"].text
    assert cells["Pending"].text == "1"
    sink.on("/hook", 200)
    page.click("Try now").sees("One delivery tries at once")
    hub.wait_delivery(event, "delivered")
    page.click("Look again").sees("every endpoint is active").rows(0)


def test_the_endpoint_says_so_and_has_the_button(page, hub, sink, alone):
    event = hub.publish()
    page.enter("#/endpoints/billing").sees("This endpoint fails and is left alone since", "HTTP 503", "failing")
    page.click("Try now").sees("One delivery tries at once")
    hub.wait_delivery(event, "dead")
    sink.on("/hook", 200)
    event = hub.publish()
    page.driver.refresh()
    page.sees("It is tried again").click("Try now").sees("One delivery tries at once")
    hub.wait_delivery(event, "delivered")


def test_a_test_that_closes_the_breaker_leaves_nothing_stale(page, hub, sink, alone):
    page.enter().rows(1)
    assert "Nothing waits that could be tried" in row_of(page, "billing")["What mends it"].text
    page.click("test it").sees("left alone since", "Breaker\nopen", "Nothing waits that could be tried")
    assert not [b for b in page.all("button") if b.text == "Try now"]
    assert "primary" in page.named("button", "Send a test event").get_attribute("class")
    sink.on("/hook", 200)
    page.click("Send a test event").sees("The test was delivered: HTTP 200", "Breaker\nclosed").sees_no_more("left alone since")
    assert not page.all(".chip.failing")


def test_a_paused_one_that_fails_is_resumed_without_a_promise(page, hub, sink, alone):
    event = hub.publish()
    assert hub.api("POST", "/v1/endpoints/billing/pause").status == 200
    sink.on("/hook", 200)
    page.enter("#/endpoints/billing").click("Resume").sees("The endpoint is active. One delivery tries at once; the others follow if it succeeds.")
    hub.wait_delivery(event, "delivered")
