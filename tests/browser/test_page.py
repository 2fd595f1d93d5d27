"""The admin page: logging in and out, its views, and that nothing of an event becomes markup."""

import pytest
from selenium.webdriver.common.by import By

from browser import ENTER, ESCAPE, NARROW, PASSWORD, TAB, WIDE, login_link, make_admin
from hub import run
from sink import Reply

MARKUP = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def kill_some(hub, sink, count, **fields):
    """An endpoint that refuses everything, and its dead letters."""
    sink.on("/broken", *[Reply(500, body=b"out of order")] * (3 * count), 200)
    endpoint = hub.endpoint(sink.url("/broken"), ["order.*"], uid="billing", **fields)
    events = [hub.publish("order.created", {"number": n}, uid=f"order-{n}") for n in range(count)]
    hub.wait_dead(count)
    return endpoint, events


# Logging in and out.


def test_login_wrong_password_reload_and_logout(page, hub):
    make_admin(hub)
    page.open().heading("Log in")
    page.login(password="wrong")
    page.sees("The name or the password is wrong")
    page.login()
    page.heading("Overview").sees("ada", "dead letters")
    page.driver.refresh()
    page.heading("Overview").sees("ada")
    page.click("Log out")
    page.heading("Log in")
    assert not page.named("button", "Log in").get_attribute("disabled")
    page.driver.refresh()
    page.heading("Log in")
    assert page.driver.get_cookies() == []


def test_login_by_keyboard_alone(page, hub):
    make_admin(hub)
    page.open("#/events").heading("Log in")
    page.press("ada", TAB, PASSWORD, ENTER)
    page.heading("Events").sees("No event has been published yet")


def test_a_one_time_link_logs_in_and_leaves_no_trace_of_its_token(page, hub):
    link = login_link(hub)
    page.driver.get(link)
    page.heading("Overview").sees("local")
    assert page.driver.current_url == page.base
    page.click("Log out").heading("Log in")
    page.driver.get(link)
    page.sees("This link is used up")


def test_too_many_wrong_passwords_are_said_to_be(page, hub):
    make_admin(hub)
    page.open().heading("Log in")
    for _ in range(12):
        page.login(password="wrong")
        page.wait(lambda: page.all(".problem"), "a refusal")
        if "try again in" in page.text():
            return
    raise AssertionError(page.text())


def test_a_session_that_ends_leads_back_to_the_login(page, hub):
    make_admin(hub)
    page.open("#/endpoints").login()
    page.heading("Endpoints")
    assert run("admin", "disable", "ada", "--data", hub.data).returncode == 0
    page.go("#/events")
    page.heading("Log in").sees("The session has ended")


# Events and deliveries.


def test_events_are_listed_filtered_and_shown(page, hub, sink):
    sink.on("/hook", 500, 200)
    hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")
    order = hub.publish("order.created", {"number": 1001}, uid="order-1001", subject="orders/1001", attributes={"region": "eu"})
    hub.publish("stock.low", {})
    hub.wait_delivery(order, "delivered")
    page.enter("#/events").heading("Events").rows(2)
    page.fill("Type", "order.*").click("Filter")
    page.rows(1)
    page.click("order.created")
    page.heading("Event").sees(order["id"], "order-1001", "orders/1001", "region", '{"number": 1001}', "billing", "delivered", "HTTP 200")
    page.click("HTTP 200").heading("Delivery").sees("Attempt 1", "HTTP 500", "Attempt 2", "HTTP 200")


def test_a_bad_filter_is_told_with_the_field(page):
    page.enter("#/events").heading("Events")
    page.fill("Since", "yesterday").click("Filter")
    page.sees("?since", "RFC 3339", "Try again")
    page.fill("Since", "-1h").click("Filter").sees("No event fits").sees_no_more("RFC 3339")


def test_a_long_list_grows_page_by_page(page, hub):
    batch = [{"type": "a.b", "data": n} for n in range(120)]
    assert hub.api("POST", "/v1/events", batch).status == 202
    page.enter("#/events").rows(50)
    page.click("Show more").rows(100)
    page.click("Show more").rows(120)
    assert not [b for b in page.all("button") if b.text == "Show more"]


def test_what_is_not_there_is_said(page):
    page.enter("#/events/evt_0000000000001").heading("Event").sees("There is no such", "Try again")
    page.go("#/nonsense").heading("Not found")
    page.go("#/events/%").heading("Event").sees("Something went wrong")


def test_a_delivery_is_retried_by_hand(page, hub, sink):
    _, (event,) = kill_some(hub, sink, 1)
    delivery = hub.delivery(event)
    page.enter("#/deliveries/" + delivery["id"]).heading("Delivery").sees("exhausted", "Attempt 3")
    page.click("What the endpoint answered").sees("out of order")
    page.click("Retry").sees("The delivery is sent again")
    hub.wait_delivery(event, "delivered")
    page.driver.refresh()
    page.heading("Delivery").sees("Round 2: sent again by hand", "Attempt 4", "HTTP 200")


def test_deliveries_are_listed_by_state(page, hub, sink):
    _, events = kill_some(hub, sink, 2)
    hub.endpoint(sink.url("/hook"), ["stock.*"], uid="warehouse")
    hub.wait_delivery(hub.publish("stock.low"), "delivered")
    page.enter("#/deliveries").heading("Deliveries").rows(3)
    page.fill("State", "dead").click("Filter").rows(2)
    page.fill("Endpoint", "warehouse").click("Filter").sees("No delivery fits")


def test_the_overview_counts(page, hub, sink):
    kill_some(hub, sink, 2)
    hub.endpoint(sink.url("/hook"), ["stock.*"], uid="warehouse")
    assert hub.api("POST", "/v1/endpoints/warehouse/pause").status == 200
    hub.publish("stock.low")
    page.enter().rows(2)
    tiles = dict(reversed(t.text.split("\n")) for t in page.all(".tile"))
    assert {n: tiles[n] for n in ("dead letters", "deliveries pending", "events in the last hour", "active endpoints")} == {
        "dead letters": "2", "deliveries pending": "1", "events in the last hour": "4", "active endpoints": "1"}, "with the hub's own of the deaths"


def test_a_waiting_delivery_is_cancelled(page, hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"), uid="billing")
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/pause").status == 200
    event = hub.publish()
    page.enter("#/deliveries").fill("By id", hub.delivery(event)["id"]).click("Show")
    page.heading("Delivery").sees("pending", "the endpoint is paused since").click("Cancel the delivery…")
    page.confirm("Cancel this delivery?", "Cancel the delivery").sees("cancelled", "None yet.")
    assert hub.delivery(event)["state"] == "cancelled"


# Dead letters.


def test_selected_dead_letters_are_retried_by_click(page, hub, sink):
    _, events = kill_some(hub, sink, 3)
    page.enter("#/dead-letters").heading("Dead letters").rows(3)
    assert not page.named("button", "Retry selected").is_enabled()
    for event in events[:2]:
        page.driver.find_element(By.CSS_SELECTOR, f"[aria-label='Select {hub.delivery(event)['id']}']").click()
    page.sees("2 selected").click("Retry 2 selected…")
    page.named("dialog h2", "Retry 2 dead letters?")
    page.press(ESCAPE)
    page.wait(lambda: not page.all("dialog"), "the dialog to close")
    assert len(hub.dead_letters()) == 3
    page.click("Retry 2 selected…").confirm("Retry 2 dead letters?", "Retry 2")
    page.sees("Retry: done, 2 of 2").rows(1)
    for event in events[:2]:
        hub.wait_delivery(event, "delivered")


def test_all_that_fit_the_filter_are_discarded(page, hub, sink):
    kill_some(hub, sink, 3)
    hub.endpoint(sink.url("/other"), ["stock.*"], uid="warehouse")
    sink.on("/other", 500, 500, 500)
    hub.publish("stock.low")
    hub.wait_dead(4)
    page.enter("#/dead-letters").rows(4)
    page.fill("Endpoint", "billing").fill("Reason", "exhausted").click("Filter").rows(3)
    page.click("Discard all 3 that fit…").confirm("Discard 3 dead letters?", "Discard 3")
    page.sees("Discard: done, 3 of 3", "No dead letter fits")
    assert [d["type"] for d in hub.dead_letters()] == ["stock.low"]


def test_a_retry_towards_a_disabled_endpoint_says_why_not(page, hub, sink):
    endpoint, _ = kill_some(hub, sink, 1)
    assert hub.api("POST", f"/v1/endpoints/{endpoint['id']}/disable").status == 200
    page.enter("#/dead-letters").rows(1)
    page.field("all that are shown:").click()
    page.click("Retry 1 selected…").sees("/ids/0", "the endpoint is disabled: resume it first")


# Endpoints.


def test_an_endpoint_is_made_paused_resumed_and_disabled(page, hub, sink):
    page.enter("#/endpoints").heading("Endpoints").sees("There are no endpoints").click("New endpoint")
    page.heading("New endpoint").fill("URL", "http://10.0.0.1/hook").fill("Event types", "order.*, not valid!").fill("Your own id", "billing")
    page.click("Make the endpoint").sees("/event_types/2")
    assert page.field("Event types").get_attribute("aria-invalid") == "true"
    page.fill("URL", sink.url("/hook")).fill("Event types", "order.* stock.low").click("Make the endpoint")
    page.heading("Endpoint").sees("order.*, stock.low", "active")
    for action, status in (("Pause", "paused"), ("Resume", "active")):
        page.click(action)
        page.wait(lambda: status in [c.text for c in page.all(".chip")], status)
    page.click("Disable…").confirm("Disable this endpoint?", "Cancel")
    assert hub.got("/v1/endpoints/billing")["status"] == "active"
    page.click("Disable…").confirm("Disable this endpoint?", "Disable").sees("The endpoint is disabled")
    assert hub.got("/v1/endpoints/billing")["status"] == "disabled"


def test_an_endpoint_without_a_name_of_its_own_goes_by_its_url(page, hub, sink):
    made = hub.endpoint(sink.url("/hook"))
    page.enter("#/endpoints").heading("Endpoints").click(sink.url("/hook"))
    page.heading("Endpoint").sees(made["id"])


def test_a_secret_is_shown_on_demand_and_rotated(page, hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"), uid="billing")
    page.enter("#/endpoints/billing").heading("Endpoint")
    assert "whsec_" not in page.driver.page_source
    page.click("Reveal").sees(endpoint["secret"])
    page.click("Hide").sees_no_more("whsec_")
    page.click("Rotate…").confirm("Rotate the secret?", "Rotate").sees("The secret was rotated", "signs too until")
    new = hub.got("/v1/endpoints/billing/secret")
    assert new["secret"] != endpoint["secret"] and new["previous"][0]["secret"] == endpoint["secret"]
    page.sees(new["secret"], endpoint["secret"])


# Hostile content.


def test_markup_in_whatever_comes_from_outside_is_shown_as_text(page, hub, sink):
    hub.subscriber("acme", name=MARKUP)
    sink.on("/hook", *[Reply(500, body=MARKUP.encode())] * 3)
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"], uid="<b>name<b>", description=MARKUP, metadata={"note": MARKUP})
    event = hub.publish("order.created", {"text": MARKUP}, uid="<b>uid<b>", subject=MARKUP, attributes={"note": MARKUP}, ordering_key=MARKUP)
    delivery = hub.wait_delivery(event, "dead")
    views = {
        "#/events": "Events", f"#/events/{event['id']}": "Event", f"#/deliveries/{delivery['id']}": "Delivery", "#/dead-letters": "Dead letters",
        "#/endpoints": "Endpoints", f"#/endpoints/{endpoint['id']}": "Endpoint", "#/endpoints?subscriber=" + MARKUP.replace(" ", "%20"): "Endpoints",
        "#/dead-letters?q=" + MARKUP.replace(" ", "%20"): "Dead letters",
    }
    page.enter()
    for path, heading in views.items():
        page.go(path).heading(heading)
        if path.startswith("#/deliveries/"):
            page.driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        seen = page.text() + page.driver.execute_script("return [...document.querySelectorAll('input')].map(i => i.value).join()")
        assert MARKUP in seen or "<b>name<b>" in seen, (path, seen)
        assert page.driver.execute_script("return document.querySelectorAll('main img, main script, main b, main [onerror]').length") == 0, path
        assert page.driver.execute_script("return window.owned") is None, path


def test_a_payload_that_is_a_page_runs_nothing(page, hub):
    event = hub.publish("a.b", MARKUP)
    page.enter()
    page.driver.execute_script("window.frame = open(arguments[0])", f"/v1/events/{event['id']}/payload")
    first, second = page.wait(lambda: (lambda h: h if len(h) == 2 else None)(page.driver.window_handles), "a second window")
    page.driver.switch_to.window(second)
    try:
        page.wait(lambda: "owned" in page.driver.page_source, "the payload to be shown")
        assert page.all("img, script") == []
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)


def test_the_policy_refuses_what_did_not_come_from_the_hub(page):
    """Also shows that a complaint of the browser would be seen."""
    page.enter()
    page.driver.execute_script("const s = document.createElement('style'); s.textContent = 'p {}'; document.head.append(s)")
    page.wait(lambda: any("style-src" in c for c in page.complaints()), "a complaint about the policy")
    with pytest.raises(Exception, match="TrustedHTML"):
        page.driver.execute_script("document.body.innerHTML = '<p>'")
    page.complaints()


# Sizes.


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_view_is_wider_than_the_window(page, hub, sink, size):
    endpoint, (event,) = kill_some(hub, sink, 1, description="a description that goes on for a while and then for another while")
    long = hub.publish("x" * 255, {"a": "b" * 500}, uid="u" * 200)
    page.enter()
    page.driver.set_window_size(*size)
    for path, heading in {
        "#/": "Overview", "#/events": "Events", f"#/events/{event['id']}": "Event", f"#/events/{long['id']}": "Event", "#/deliveries": "Deliveries",
        f"#/deliveries/{hub.delivery(event)['id']}": "Delivery", "#/dead-letters": "Dead letters", "#/endpoints": "Endpoints",
        f"#/endpoints/{endpoint['id']}": "Endpoint", "#/endpoints/new": "New endpoint",
    }.items():
        page.go(path).heading(heading)
        wide, window = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window, (path, wide, window)
