"""What an operator needs of the page: what is stuck, why and what mends it; and a page that stays right while sessions, hubs and tabs change."""

import json
import time

import pytest
from selenium.webdriver.common.by import By

from browser import NARROW, login_link, make_admin
from hub import run
from sink import Reply
from test_page import kill_some

SLOW_RETRY = {"schedule_ms": [3600000]}


def row_of(page, name):
    """The cells of the overview's row for this endpoint, by their titles."""

    def look():
        for row in page.all("tbody tr"):
            cells = {c.get_attribute("data-title"): c for c in row.find_elements(By.CSS_SELECTOR, "td")}
            if cells["Endpoint"].text == name:
                return cells
        return None

    return page.wait(look, f"a row for {name}")


# What is stuck, why, and what mends it.


def test_an_empty_hub_says_what_to_do_first(page, hub):
    page.enter().sees("Nothing is lost.", "Nothing waits", "every endpoint is active").click("make the first one").heading("New endpoint")


def test_the_overview_names_what_is_stuck_and_why(page, hub, sink):
    kill_some(hub, sink, 2)
    sink.on("/slow", 503)
    hub.endpoint(sink.url("/slow"), ["stock.*"], uid="warehouse", retry=SLOW_RETRY)
    hub.wait_delivery(hub.publish("stock.low"), "pending", where=lambda d: d["attempt_count"] == 1)
    hub.publish("nobody.listens")
    hub.endpoint(sink.url("/healthy"), ["user.*"], uid="crm")
    page.enter().sees("1 event of the last hour reached no endpoint").rows(2)
    assert row_of(page, "billing")["Dead letters"].text == "2"
    assert "HTTP 500" in row_of(page, "billing")["Why"].text
    assert row_of(page, "warehouse")["Pending"].text == "1"
    assert "failing: HTTP 503, next attempt" in row_of(page, "warehouse")["Why"].text


def test_dead_letters_are_retried_from_the_overview(page, hub, sink):
    _, events = kill_some(hub, sink, 2)
    page.enter().click("Retry 2…").confirm("Retry 2 dead letters?", "Retry 2")
    for event in events:
        hub.wait_delivery(event, "delivered")
    page.sees("Retry: done, 2 of 2", "every endpoint is active").rows(0)


def test_a_paused_endpoint_is_resumed_from_the_overview(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="billing")
    assert hub.api("POST", "/v1/endpoints/billing/pause").status == 200
    event = hub.publish()
    page.enter().sees("by hand since").click("Resume: 1 wait").sees("The endpoint is active")
    hub.wait_delivery(event, "delivered")


def test_an_endpoint_that_is_not_verified_is_asked_again(page, hub, sink):
    sink.on("/hook", 500)
    hub.endpoint(sink.url("/hook"), uid="billing", verification={"type": "challenge"})
    sink.wait_for(1)
    event = hub.publish()
    page.enter().sees("it answered 500 to the challenge").click("Verify").sees("The endpoint is asked")
    sink.wait_for(2)
    assert {r.headers["grapnel-event-type"] for r in sink.received()} == {"grapnel.challenge"}
    sink.on("/hook", lambda r: Reply(200, body=json.dumps({"challenge": json.loads(r.body).get("data", {}).get("challenge")}).encode()))
    page.open("#/endpoints/billing").sees("Nothing is sent to it until it is verified: it answered 500 to the challenge")
    assert [fact.text.split(" since")[0] for fact in page.all(".facts dd")][0] == "active unverified"
    page.click("Verify").sees("The endpoint is asked")
    hub.wait_delivery(event, "delivered")


def test_an_operation_of_any_kind_has_a_name(page, hub, sink):
    kill_some(hub, sink, 1)
    recovery = hub.api("POST", "/v1/endpoints/billing/recover", {"since": "-1h"})
    assert recovery.status == 202, recovery
    hub.wait_operation(recovery.json)
    page.enter().heading("Overview").sees("Recovery: done, 1 of 1")


def test_the_overview_shows_what_the_hub_noticed(page, hub, sink):
    kill_some(hub, sink, 1)
    page.enter().sees("What the hub noticed", "has 1 new dead letter: exhausted")
    hub.api("POST", "/v1/endpoints/billing/disable")
    hub.api("POST", "/v1/endpoints/billing/resume")
    page.click("Look again").sees("was disabled: by hand", "takes deliveries again, after it was disabled")
    page.go("#/events").sees("grapnel.endpoint.recovered")


def test_tests_do_not_push_out_what_the_hub_noticed(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="billing")
    assert hub.api("POST", "/v1/endpoints/billing/test").status == 200
    page.enter().heading("Overview")
    assert "What the hub noticed" not in page.text()
    hub.api("POST", "/v1/endpoints/billing/disable")
    hub.api("POST", "/v1/endpoints/billing/resume")
    for _ in range(6):
        assert hub.api("POST", "/v1/endpoints/billing/test").status == 200
    page.click("Look again").sees("What the hub noticed", "was disabled: by hand", "takes deliveries again")
    page.click("All").heading("Events").sees("grapnel.test", "grapnel.endpoint.disabled")


def test_an_endpoint_with_a_rate_is_not_called_slow(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="billing", rate={"limit": 1, "per_ms": 3600000})
    events = [hub.publish() for _ in range(3)]
    hub.wait_delivery(events[0], "delivered")
    page.enter("#/endpoints/billing").sees("2 deliveries waiting: it waits for its rate, 1 in 1 h")
    page.go(f"#/deliveries/{hub.delivery(events[2])['id']}").sees("Waits: 1 delivery of this endpoint is due before it, and its rate is 1 in 3600 s")


def test_an_endpoint_that_fails_links_what_failed_last(page, hub, sink):
    sink.on("/hook", 500)
    hub.endpoint(sink.url("/hook"), uid="billing", retry=SLOW_RETRY)
    delivery = hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempt_count"] == 1)
    page.enter("#/endpoints/billing").sees("The latest attempt that failed: HTTP 500").click("HTTP 500").heading("Delivery").sees(delivery["id"])


def test_disabling_says_how_many_deliveries_die(page, hub, sink):
    sink.on("/hook", 500)
    hub.endpoint(sink.url("/hook"), uid="billing", retry=SLOW_RETRY)
    for _ in range(2):
        hub.wait_delivery(hub.publish(), "pending", where=lambda d: d["attempt_count"] == 1)
    page.enter("#/endpoints/billing").sees("2 deliveries waiting").click("Disable…")
    page.sees("2 deliveries that wait here become dead letters").confirm("Disable this endpoint?", "Disable")
    hub.wait_dead(2)
    page.sees("The endpoint is disabled").driver.refresh()
    page.sees("2 dead letters", "Its dead letters can be retried once it is resumed")
    page.go("#/").sees("then retry what died").go(f"#/deliveries/{hub.dead_letters()[0]['id']}").sees("Its endpoint is disabled: resume it first")
    assert not [b for b in page.all("button") if b.text == "Retry"]
    page.click("resume it first").click("Resume").sees("What it missed can be sent").go(f"#/deliveries/{hub.dead_letters()[0]['id']}").named("button", "Retry")


def test_an_endpoint_is_tried_with_a_test_event(page, hub, sink):
    sink.on("/hook", 503, 200)
    hub.endpoint(sink.url("/hook"), uid="billing")
    page.enter("#/endpoints/billing").click("Send a test event").sees("The test failed: HTTP 503")
    page.click("Send a test event").sees("The test was delivered: HTTP 200")


def test_a_drill_marks_an_insecure_endpoint_until_it_passes(page, hub, sink):
    endpoint = hub.endpoint(sink.url("/hook"), uid="billing")
    page.enter("#/endpoints/billing").click("Drill: does it verify?").sees("It is insecure.", "not as it should", "This endpoint is insecure", "def verify(headers, body)")
    page.sees("Last drill\ninsecure").named(".chip.insecure", "insecure")
    page.go("#/endpoints").sees("insecure")

    def mended(received):
        stale = abs(time.time() - int(received.headers["webhook-timestamp"])) > 300
        return Reply(401 if stale or not received.signed_with(endpoint["secret"]) else 204)

    sink.on("/hook", mended)
    page.go("#/endpoints/billing").click("Drill: does it verify?").sees("It passed", "as it should", "Last drill\npassed").sees_no_more("This endpoint is insecure")
    assert not page.all(".chip.insecure")


def test_a_drill_says_its_findings_once_and_what_is_no_verdict(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="billing", signature={"versions": ["v1a"]})
    page.enter("#/endpoints/billing").sees(hub.got("/v1/endpoints/billing")["public_key"])
    page.click("Drill: does it verify?").sees("It is insecure.")
    assert page.text().count("whoever knows the URL can send it events") == 1 and "?." not in page.text()
    sink.on("/down", 503)
    hub.endpoint(sink.url("/down"), ["other.*"], uid="down")
    page.go("#/endpoints/down").click("Drill: does it verify?").sees("It answered HTTP 503 to a request that was signed rightly: the receiver failed")
    assert "Does it have the present secret" not in page.text()


def test_an_endpoint_shows_how_it_is_spoken_to_and_that_it_is_insecure(page, hub, sink):
    hub.endpoint("https://127.0.0.1:9/", uid="odd", auth={"type": "basic", "username": "ada", "password": "swordfish"}, tls={"verify": False})
    hub.endpoint(sink.url("/hook"), uid="plain")
    page.enter("#/endpoints").rows(2)
    assert [chip.text for chip in page.all(".chip.insecure")] == ["insecure"]
    page.click("odd").sees("HTTP Basic as ada", "certificate not verified")
    assert page.all(".chip.insecure")[0].get_attribute("title") == "its certificate is not verified"
    assert "swordfish" not in page.driver.page_source
    assert page.all("h1")[0].text == "Endpoint odd" and page.driver.title == "Endpoint odd – grapnel"
    page.go("#/").heading("Overview").sees("1 endpoint is insecure.").click("1 endpoint").heading("Endpoint odd")


@pytest.fixture
def american(page):
    """Times are long there."""
    page.driver.execute_cdp_cmd("Emulation.setLocaleOverride", {"locale": "en-US"})
    yield page
    page.driver.execute_cdp_cmd("Emulation.setLocaleOverride", {})


def test_a_list_of_deliveries_keeps_its_words_whole(american, hub):
    page = american
    hub.endpoint("http://127.0.0.1:9/a/long/way", ["**"], description="A very long name, as some people give to what they make", retry=SLOW_RETRY)
    for type in ("order.created", "warehouse.inventory.reservations.adjusted"):
        hub.wait_delivery(hub.publish(type), "pending", where=lambda d: d["attempt_count"] == 1)
    page.enter("#/deliveries").rows(2)
    broken = page.driver.execute_script("""
        return Array.from(document.querySelectorAll("td[data-title=Type] a"), a => Array.from(a.childNodes)).flat().filter(node => {
            const range = document.createRange()
            range.selectNodeContents(node)
            return node.data && range.getClientRects().length > 1
        }).map(node => node.data)""")
    assert broken == []
    assert page.driver.execute_script("const cell = document.querySelector('td.when'); return cell.querySelector('time').getBoundingClientRect().top - cell.getBoundingClientRect().top < 20")
    page.click("order.created").heading("Event")
    page.click("A very long name, as some people give to what t…").heading("Endpoint A very long name, as some people give to what they make")


def test_the_overview_does_not_scroll_sideways(american, hub, sink):
    page = american
    kill_some(hub, sink, 2)
    hub.endpoint(sink.url("/hook"), ["stock.*"], uid="paused-one")
    assert hub.api("POST", "/v1/endpoints/paused-one/pause").status == 200
    for _ in range(15):
        hub.publish("stock.low")
    page.enter().rows(2)
    wide = []
    for width in range(700, 1100, 20):
        page.driver.set_window_size(width, 900)
        if page.driver.execute_script("return document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(width)
    assert wide == []


def test_what_an_endpoint_missed_is_recovered(page, hub, sink):
    event = hub.publish("order.created")
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")
    page.enter("#/endpoints/billing").fill("What it missed since", "yesterday").click("Recover…").sees("/since", "RFC 3339")
    page.fill("What it missed since", "-1h").click("Recover…")
    page.sees("0 of them died, 1 never had a delivery").confirm("Send 1 event to this endpoint?", "Send 1")
    hub.wait_delivery(event, "delivered", endpoint)
    page.sees("Recovery: done, 1 of 1").click("Recover…").sees("It missed nothing since then")


def test_what_comes_of_a_button_is_brought_into_view(page, hub, sink):
    hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")
    page.enter("#/endpoints/billing").heading("Endpoint")
    page.driver.set_window_size(*NARROW)
    page.click("Recover…").sees("It missed nothing since then")
    answer = page.named("p", "It missed nothing since then.")
    box = page.driver.execute_script("const box = arguments[0].getBoundingClientRect(); return [box.top, box.bottom, innerHeight, scrollY]", answer)
    assert 0 <= box[0] and box[1] <= box[2], box


def test_an_event_is_explained_and_sent_again(page, hub, sink):
    event = hub.publish("order.created")
    endpoint = hub.endpoint(sink.url("/hook"), ["order.*"], uid="billing")
    page.enter("#/events/" + event["id"]).sees("It reached no endpoint.", hub.got(f"/v1/events/{event['id']}")["request_id"])
    page.fill("Endpoint", "billing").click("Why, or why not?").sees("It has no delivery to this endpoint", "after the event")
    page.fill("Endpoint", "nobody").click("Why, or why not?").sees("?endpoint")
    page.click("Send again…").confirm("Send this event again?", "Send it")
    hub.wait_delivery(event, "delivered", endpoint)
    page.rows(1)


def test_what_died_after_the_question_is_not_discarded(page, hub, sink):
    """The count that was agreed to is the count that is done."""
    sink.on("/broken", 500)
    hub.endpoint(sink.url("/broken"), uid="billing")
    hub.publish("order.created")
    hub.wait_dead(1)
    page.enter("#/dead-letters").click("Discard all 1…")
    page.named("dialog h2", "Discard 1 dead letter?")
    hub.publish("order.late")
    hub.wait_dead(2)
    page.confirm("Discard 1 dead letter?", "Discard 1").sees("Discard: done, 1 of 1").rows(1)
    assert [d["type"] for d in hub.dead_letters()] == ["order.late"]


# Sessions, hubs, tabs.


def test_a_hub_that_was_restarted_asks_to_log_in_again_and_goes_on(page, hub):
    make_admin(hub)
    hub.publish("order.created")
    page.open("#/events?type=order.*").login()
    page.rows(1)
    hub.restart()
    page.click("Filter").heading("Log in").sees("The session has ended")
    page.login()
    page.heading("Events").rows(1)
    assert page.field("Type").get_attribute("value") == "order.*"


def test_a_hub_that_is_down_is_said_to_be_and_tried_again(page, hub):
    page.enter("#/events").heading("Events")
    hub.terminate()
    page.click("Overview").heading("Overview").sees("The hub does not answer")
    hub.start()
    page.click("Try again").heading("Log in").sees("The session has ended")
    page.complaints()  # that nothing answered


def second_tab(page, link):
    """Opens the link in another tab, logged in there, and comes back to the first one."""
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(link)
    page.heading("Overview")
    page.driver.close()
    page.driver.switch_to.window(first)


def test_logging_in_in_another_tab_leaves_the_first_one_working(page, hub, sink):
    hub.endpoint(sink.url("/hook"), uid="billing")
    page.enter("#/endpoints/billing").heading("Endpoint")
    second_tab(page, login_link(hub))
    page.click("Pause").sees("The endpoint is paused")
    assert hub.got("/v1/endpoints/billing")["status"] == "paused"


def test_a_tab_never_acts_for_somebody_else_than_it_shows(page, hub, sink):
    make_admin(hub)
    hub.endpoint(sink.url("/hook"), uid="billing")
    page.open("#/endpoints/billing").login()
    page.heading("Endpoint")
    second_tab(page, login_link(hub))
    page.click("Pause").sees("local is logged in now", "Nothing was changed")
    assert hub.got("/v1/endpoints/billing")["status"] == "active"
    assert page.driver.find_element(By.ID, "who").text == "local"
    page.click("Pause").sees("The endpoint is paused")


def test_a_question_does_not_outlive_its_view(page, hub, sink):
    kill_some(hub, sink, 1)
    page.enter("#/endpoints").heading("Endpoints")
    page.go("#/dead-letters").click("Discard all 1…")
    page.named("dialog h2", "Discard 1 dead letter?")
    page.driver.back()
    page.heading("Endpoints")
    assert not page.all("dialog")
    assert len(hub.dead_letters()) == 1


def test_a_session_that_ends_under_a_question_asks_to_log_in(page, hub, sink):
    make_admin(hub)
    kill_some(hub, sink, 1)
    page.open("#/dead-letters").login()
    page.click("Discard all 1…")
    page.named("dialog h2", "Discard 1 dead letter?")
    assert run("admin", "disable", "ada", "--data", hub.data).returncode == 0
    page.confirm("Discard 1 dead letter?", "Discard 1").heading("Log in").sees("The session has ended")
    assert len(hub.dead_letters()) == 1


# Lists.


def test_a_list_that_grows_while_one_pages_shows_each_row_once(page, hub):
    assert hub.api("POST", "/v1/events", [{"type": "a.b", "uid": f"old-{n}", "data": n} for n in range(70)]).status == 202
    page.enter("#/events").rows(50)
    assert hub.api("POST", "/v1/events", [{"type": "a.b", "uid": f"new-{n}", "data": n} for n in range(30)]).status == 202
    page.click("Show more").rows(70)
    uids = [c.text for c in page.all("td[data-title=Uid]")]
    assert sorted(uids) == sorted(f"old-{n}" for n in range(70))


def test_going_back_and_reloading_show_the_rows_that_were_shown(page, hub):
    assert hub.api("POST", "/v1/events", [{"type": "a.b", "uid": f"e-{n}", "data": n} for n in range(120)]).status == 202
    page.enter("#/events").rows(50)
    page.click("Show more").rows(100)
    assert page.driver.switch_to.active_element == page.all("tbody a")[50], "the keyboard goes on at the first new row"
    last = page.all("tbody a")[-1]
    page.driver.execute_script("arguments[0].scrollIntoView()", last)
    place = page.driver.execute_script("return scrollY")
    last.click()
    page.heading("Event")
    page.driver.back()
    page.heading("Events").rows(100)
    page.wait(lambda: page.driver.execute_script("return scrollY") == place, f"the place {place}")
    page.driver.refresh()
    page.heading("Events").rows(100)


def test_what_is_long_is_cut_in_lists_and_whole_when_pointed_at(page, hub, sink):
    url = sink.url("/" + "x" * 400)
    hub.endpoint(url, [f"a.b{n}" for n in range(9)])
    page.enter("#/endpoints").rows(1)
    page.sees("and 4 more")
    assert url not in page.text()
    assert url in [e.get_attribute("title") for e in page.all("td [title]")]
    page.all("tbody a")[0].click()
    page.heading("Endpoint").sees(url)


def test_a_binary_payload_is_not_shown_as_garbage(page, hub):
    made = hub.api("POST", "/v1/events", body=bytes(range(256)),
        headers={"Content-Type": "application/octet-stream", "ce-specversion": "1.0", "ce-id": "p-1", "ce-source": "/cam", "ce-type": "photo.taken"})
    assert made.status == 202, made
    page.enter("#/events/" + json.loads(made.body)["id"]).heading("Event").sees("The payload is no text", "Download (256 bytes)", "/cam")


def test_the_focus_goes_to_the_view_that_was_asked_for(page, hub):
    page.enter("#/events").heading("Events")
    assert page.driver.switch_to.active_element.text == "Events"


def test_the_overview_is_not_wider_than_a_telephone(page, hub, sink):
    kill_some(hub, sink, 1, description="d" * 200)
    sink.on("/slow", Reply(503, body=b"x"))
    hub.endpoint(sink.url("/slow/" + "s" * 300), ["stock.*"], retry=SLOW_RETRY)
    hub.publish("stock.low")
    page.enter()
    page.driver.set_window_size(*NARROW)
    page.go("#/events").heading("Events")
    page.go("#/").heading("Overview")
    wide, window = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= window, (wide, window)
