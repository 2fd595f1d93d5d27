"""The page shows what is kept how long, and erases an event."""

import pytest

from hub import FAST_RETRY, eventually


def test_the_overview_says_what_is_kept(page, hub):
    hub.publish()
    eventually(lambda: hub.got("/v1/retention")["last_run"]["ended_at"], "a run")
    page.enter().sees("What is kept", "Events that have ended\n30 d", "Dead letters\n90 d", "Audit\n365 d", "no bound", "Last run", "Database")


@pytest.mark.parametrize("pending", [False, True], ids=["ended", "pending"])
def test_an_event_is_erased_by_its_page(page, hub, sink, pending):
    endpoint = hub.endpoint(sink.url("/hook"))["id"]
    if pending:
        assert hub.api("POST", f"/v1/endpoints/{endpoint}/pause").status == 200
    event = hub.publish("person.changed", {"name": "Ada Lovelace"}, subject="ada")
    hub.wait_delivery(event, "pending" if pending else "delivered")
    page.enter("#/events/" + event["id"]).sees("Ada Lovelace").click("Erase…").sees("overwritten for good").click("Erase it")
    page.sees("was erased at", "It cannot be sent again").sees_no_more("Ada Lovelace")
    assert not [b for b in page.all("button") if b.text in ("Erase…", "Send again…")]
    assert hub.got(f"/v1/events/{event['id']}")["erased_at"]
    assert hub.delivery(event)["state"] == ("cancelled" if pending else "delivered")
    page.enter("#/events").sees("erased")


def test_what_was_erased_is_not_offered_to_be_sent_again(page, hub, sink):
    sink.on("/broken", 500)
    hub.endpoint(sink.url("/broken"), retry=FAST_RETRY)
    event = hub.publish("person.changed", {"name": "Ada Lovelace"})
    delivery = hub.wait_delivery(event, "dead")
    page.enter("#/deliveries/" + delivery["id"]).named("button", "Retry")
    assert hub.api("DELETE", f"/v1/events/{event['id']}/payload").status == 200
    page.go("#/dead-letters").sees("erased").click("Retry all 1…").click("Retry 1").sees("1 skipped", "or their event was erased")
    page.go("#/deliveries/" + delivery["id"]).sees("was erased at", "It cannot be sent again")
    assert not [b for b in page.all("button") if b.text == "Retry"]
    eventually(lambda: not hub.got("/v1/retention")["database"]["scrubbing"], "the bytes out of the files")
    page.go("#/").sees("Erased bytes\nare out of the files")
