/* The store contract: what is erased is gone, from every answer and from the files; what tells that it was stays. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/temp.h"

#define MARK "Ada-Lovelace-1815"
#define PAYLOAD "{\"name\":\"" MARK "-payload\"}"

static int publish_of(struct world *w, int64_t subscriber, const char *data, int64_t *event)
{
	*event = world_publish(w, &(struct world_event){.type = "person.changed",
	                                               .data = data,
	                                               .subject = MARK "-subject",
	                                               .ordering_key = MARK "-key",
	                                               .context = "{\"person\":\"" MARK "-context\"}",
	                                               .subscriber = subscriber});
	return 0;
}

static int64_t publish(struct world *w)
{
	int64_t event;
	publish_of(w, 0, PAYLOAD, &event);
	return event;
}

/* An attempt with what the endpoint answered. */
static bool settle(struct world *w, const struct due *due, int status)
{
	struct outcome outcome = world_outcome(w, due, status, status >= 300 ? REASON_EXHAUSTED : REASON_NONE);
	char response[] = MARK "-response";
	outcome.response = response;
	outcome.response_len = strlen(response);
	snprintf(outcome.detail, sizeof outcome.detail, "%s-detail", MARK);
	world_run(w, &outcome.cmd);
	return outcome.applied;
}

static int erase(struct world *w, int64_t event, bool cancel, struct store_change *change)
{
	*change = (struct store_change){.what = CHANGE_EVENT_ERASE, .id = event, .cancel = cancel};
	return store_change(w->store, change);
}

static struct erased erased(struct world *w, int64_t event, bool cancel)
{
	struct store_change change;
	if (erase(w, event, cancel, &change))
		fail_msg("%s", change.err.detail);
	struct erased done = change.erased;
	store_change_clear(&change);
	return done;
}

/* Until the erased bytes are out of the files. */
static void scrubbed(struct world *w)
{
	struct retention_status status;
	do {
		w->mono_us += 1000000;
		world_change_fails(w, CHANGE_OPERATION_CANCEL, 1, ERR_NOT_FOUND);
		retention_status(w->store, &status);
	} while (status.scrubbing);
}

static bool file_has(const struct world *w, const char *name, const char *text)
{
	char *path = temp_path(w->dir, name);
	FILE *file = fopen(path, "rb");
	bool found = false;
	free(path);
	if (!file)
		return false;
	fseek(file, 0, SEEK_END);
	size_t size = (size_t)ftell(file);
	rewind(file);
	char *bytes = malloc(size + 1);
	assert_int_equal(fread(bytes, 1, size, file), size);
	found = memmem(bytes, size, text, strlen(text)) != NULL;
	free(bytes);
	fclose(file);
	return found;
}

static bool on_disk(const struct world *w, const char *text)
{
	return file_has(w, "grapnel.db", text) || file_has(w, "grapnel.db-wal", text);
}

struct seen {
	int64_t erased_ms;
	bool subject, attributes, context;
	size_t data_bytes;
	int attempts, responses;
};

static int see_event(void *context, const struct event_row *row)
{
	struct seen *seen = context;
	seen->erased_ms = row->erased_ms;
	seen->subject = row->f->subject.at != NULL;
	seen->context = row->f->context.at != NULL;
	seen->data_bytes = row->data_bytes;
	return 0;
}

static int see_attempt(void *context, const struct attempt_row *row)
{
	struct seen *seen = context;
	seen->attempts++;
	seen->responses += row->response.len > 0 || row->detail.len > 0;
	return 0;
}

static struct seen see(struct world *w, int64_t event, int64_t delivery)
{
	struct seen seen = {0};
	struct err err = {0};
	assert_int_equal(reader_event_row(w->reader, event, 0, see_event, &seen, &err), 0);
	if (delivery)
		assert_int_equal(reader_attempts(w->reader, delivery, see_attempt, &seen, &err), 0);
	return seen;
}

/* ---- One event ---- */

static void what_an_event_said_and_was_answered_goes_and_the_rest_stays(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", "\"ordered\": true");
	int64_t event = publish(w), delivery = world_delivery_of(w, event);
	struct due due = world_first_due(w, endpoint);
	assert_true(settle(w, &due, 500));
	assert_true(see(w, event, delivery).responses == 1);
	assert_true(on_disk(w, MARK));
	struct erased done = erased(w, event, false);
	assert_int_equal(done.at_ms, w->wall_ms);
	assert_int_equal(done.responses, 1);
	assert_int_equal(done.cancelled, 0);
	assert_int_equal(done.operation, 0);
	struct seen seen = see(w, event, delivery);
	assert_int_equal(seen.erased_ms, done.at_ms);
	assert_false(seen.subject || seen.context);
	assert_int_equal(seen.data_bytes, 0);
	assert_int_equal(seen.attempts, 1);
	assert_int_equal(seen.responses, 0);
	assert_int_equal(world_delivery(w, delivery).row.state, DELIVERY_DEAD);
	scrubbed(w);
	assert_false(on_disk(w, MARK));
	/* Once more changes nothing. */
	w->wall_ms += 5000;
	assert_int_equal(erased(w, event, false).at_ms, done.at_ms);
}

static void the_pages_of_a_long_payload_are_overwritten_too(void **state)
{
	struct world *w = *state;
	enum { BYTES = 200000 };
	char *data = malloc(BYTES + 3);
	assert_non_null(data);
	data[0] = '"';
	for (size_t i = 1; i + sizeof MARK <= BYTES; i += sizeof MARK - 1)
		memcpy(data + i, MARK, sizeof MARK - 1);
	size_t len = 1 + (BYTES - 1) / (sizeof MARK - 1) * (sizeof MARK - 1) - (sizeof MARK - 1);
	data[len] = '"';
	data[len + 1] = '\0';
	int64_t event;
	publish_of(w, 0, data, &event);
	free(data);
	assert_true(on_disk(w, MARK));
	erased(w, event, false);
	scrubbed(w);
	assert_false(on_disk(w, MARK));
}

static void what_has_not_ended_refuses_it_unless_it_is_to_be_cancelled(void **state)
{
	struct world *w = *state;
	char id[ID_TEXT_SIZE];
	struct store_change change;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w), delivery = world_delivery_of(w, event);
	struct due due = world_first_due(w, endpoint);
	assert_int_equal(erase(w, event, false, &change), -1);
	assert_int_equal(change.err.code, ERR_WRONG_STATE);
	id_format(ID_DELIVERY, delivery, id);
	assert_non_null(strstr(change.err.detail, id));
	store_change_clear(&change);
	assert_int_equal(see(w, event, 0).erased_ms, 0);
	assert_int_equal(erased(w, event, true).cancelled, 1);
	assert_int_equal(world_delivery(w, delivery).row.state, DELIVERY_CANCELLED);
	/* It was under way: what comes back later is counted, and what was answered is not kept. */
	assert_false(settle(w, &due, 500));
	struct seen seen = see(w, event, delivery);
	assert_int_equal(seen.attempts, 1);
	assert_int_equal(seen.responses, 0);
	scrubbed(w);
	assert_false(on_disk(w, MARK));
}

static void very_many_that_have_not_ended_are_cancelled_call_by_call(void **state)
{
	struct world *w = *state;
	enum { ENDPOINTS = 1100 };
	for (int i = 0; i < ENDPOINTS; i++)
		world_endpoint(w, "**", NULL);
	int64_t event = publish(w), expected[][2] = {{500, 600}, {500, 100}, {100, 0}};
	world_operations_end(w);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(see(w, event, 0).erased_ms, 0);
		struct erased done = erased(w, event, true);
		assert_int_equal(done.cancelled, expected[i][0]);
		assert_int_equal(done.left, expected[i][1]);
		assert_int_equal(done.at_ms != 0, i == 2);
	}
	assert_true(see(w, event, 0).erased_ms != 0);
}

static void an_erased_event_is_not_sent_again(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w), delivery = world_delivery_of(w, event);
	struct due due = world_first_due(w, endpoint);
	settle(w, &due, 500);
	erased(w, event, false);
	world_change_fails(w, CHANGE_DELIVERY_RETRY, delivery, ERR_PAYLOAD_ERASED);
	world_change_fails(w, CHANGE_EVENT_RESEND, event, ERR_PAYLOAD_ERASED);
	int64_t operation = world_operation(w, OPERATION_RETRY, &(struct dead_filter){.endpoint = endpoint});
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, operation).row.skipped, 1);
	struct store_change recover = {.what = CHANGE_ENDPOINT_RECOVER, .id = endpoint, .recover = {.since_ms = 1, .states = RECOVER_DEAD}};
	assert_int_equal(store_change(w->store, &recover), 0);
	operation = recover.result_id;
	store_change_clear(&recover);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, operation).row.done, 0);
	assert_int_equal(world_pending(w, endpoint), 0);
	struct err err = {0};
	assert_null(reader_event(w->reader, event, NULL, &err));
	assert_int_equal(err.code, ERR_PAYLOAD_ERASED);
}

static void a_repeated_publish_does_not_bring_it_back(void **state)
{
	struct world *w = *state;
	struct world_event said = {.type = "person.changed", .uid = "person-1", .data = PAYLOAD};
	int64_t event = world_publish(w, &said);
	erased(w, event, false);
	struct publish_item item = world_item(w, &said);
	struct store_publish publish = {.cmd.kind = STORE_PUBLISH, .items_len = 1, .items = &item};
	world_run(w, &publish.cmd);
	assert_true(item.duplicate);
	assert_int_equal(item.event_id, event);
	world_item_clear(&item);
	assert_int_equal(see(w, event, 0).data_bytes, 0);
}

static void very_many_deliveries_are_left_to_an_operation(void **state)
{
	struct world *w = *state;
	enum { ENDPOINTS = 520 };
	static int64_t endpoints[ENDPOINTS];
	for (int i = 0; i < ENDPOINTS; i++)
		endpoints[i] = world_endpoint(w, "**", NULL);
	int64_t event = publish(w), last = 0;
	for (int i = 0; i < ENDPOINTS; i++) {
		struct due due = world_first_due(w, endpoints[i]);
		assert_true(settle(w, &due, 500));
		last = due.delivery > last ? due.delivery : last;
	}
	struct erased done = erased(w, event, false);
	assert_true(done.operation != 0);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, done.operation).row.kind, OPERATION_ERASE);
	assert_int_equal(see(w, event, last).responses, 0);
	scrubbed(w);
	assert_false(on_disk(w, MARK));
}

/* ---- A subscriber ---- */

static int64_t begin_erasure(struct world *w, int64_t subscriber)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_ERASE, .id = subscriber};
	if (store_change(w->store, &change))
		fail_msg("%s", change.err.detail);
	int64_t operation = change.result_id;
	store_change_clear(&change);
	return operation;
}

static void a_subscriber_goes_with_endpoints_and_what_its_events_said(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"" MARK "-name\"}"), other = world_subscriber(w, "{\"name\": \"Other\"}"), event, foreign;
	int64_t endpoint = world_endpoint_of(w, subscriber, "**", "\"description\": \"" MARK "-endpoint\"");
	int64_t foreign_endpoint = world_endpoint_of(w, other, "**", NULL);
	publish_of(w, subscriber, PAYLOAD, &event);
	publish_of(w, other, "{\"of\":\"the other\"}", &foreign);
	struct due due = world_first_due(w, endpoint);
	settle(w, &due, 500);
	int64_t unfinished;
	publish_of(w, subscriber, PAYLOAD, &unfinished);
	int64_t operation = begin_erasure(w, subscriber);
	world_change_fails(w, CHANGE_OPERATION_CANCEL, operation, ERR_WRONG_STATE);
	world_operations_end(w);
	assert_true(see(w, event, due.delivery).erased_ms != 0);
	assert_int_equal(see(w, event, due.delivery).responses, 0);
	assert_true(see(w, unfinished, 0).erased_ms != 0);
	assert_int_equal(see(w, foreign, 0).erased_ms, 0);
	assert_int_equal(world_pending(w, endpoint), 0);
	assert_int_equal(world_pending(w, foreign_endpoint), 1);
	world_change_fails(w, CHANGE_SUBSCRIBER_DELETE, subscriber, ERR_NOT_FOUND);
	scrubbed(w);
	/* The other's event has the mark in its subject. */
	assert_false(on_disk(w, MARK "-payload"));
	assert_false(on_disk(w, MARK "-response"));
	assert_false(on_disk(w, MARK "-name"));
	assert_false(on_disk(w, MARK "-endpoint"));
}

/* Nobody hears of what waited for somebody who is erased. */
static void what_waits_for_a_subscriber_is_cancelled_and_no_dead_letter(void **state)
{
	struct world *w = *state;
	enum { EVENTS = 700 };
	static int64_t deliveries[EVENTS];
	int64_t subscriber = world_subscriber(w, "{\"name\": \"Ada\"}"), event;
	int64_t endpoint = world_endpoint_of(w, subscriber, "**", NULL);
	for (int i = 0; i < EVENTS; i++) {
		publish_of(w, subscriber, PAYLOAD, &event);
		deliveries[i] = world_delivery_of(w, event);
	}
	begin_erasure(w, subscriber);
	world_operations_end(w);
	for (int i = 0; i < EVENTS; i++) {
		struct world_delivery seen = world_delivery(w, deliveries[i]);
		assert_int_equal(seen.row.state, DELIVERY_CANCELLED);
		assert_int_equal(seen.row.reason, REASON_CANCELLED);
	}
	assert_int_equal(world_pending(w, endpoint), 0);
}

static void an_erasure_goes_on_after_a_crash(void **state)
{
	struct world *w = *state;
	enum { EVENTS = 250 };
	static int64_t events[EVENTS];
	int64_t subscriber = world_subscriber(w, "{\"name\": \"Ada\"}");
	world_endpoint_of(w, subscriber, "never.*", NULL);
	for (int i = 0; i < EVENTS; i++)
		publish_of(w, subscriber, PAYLOAD, &events[i]);
	struct store_change change = {.cmd.kind = STORE_CHANGE, .what = CHANGE_SUBSCRIBER_ERASE, .id = subscriber};
	world_post(w, &change.cmd, true);
	world_wait(1);
	struct world *crashed = world_crash(w); /* committed, and nothing of it done */
	world_release();
	store_change_clear(&change);
	world_operations_end(crashed);
	for (int i = 0; i < EVENTS; i++)
		assert_true(see(crashed, events[i], 0).erased_ms != 0);
	scrubbed(crashed);
	assert_false(on_disk(crashed, MARK));
	world_close(crashed);
	world_free(crashed);
	world_operations_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(what_an_event_said_and_was_answered_goes_and_the_rest_stays),
	    WORLD_TEST(the_pages_of_a_long_payload_are_overwritten_too),
	    WORLD_TEST(what_has_not_ended_refuses_it_unless_it_is_to_be_cancelled),
	    WORLD_TEST(very_many_that_have_not_ended_are_cancelled_call_by_call),
	    WORLD_TEST(an_erased_event_is_not_sent_again),
	    WORLD_TEST(a_repeated_publish_does_not_bring_it_back),
	    WORLD_TEST(very_many_deliveries_are_left_to_an_operation),
	    WORLD_TEST(a_subscriber_goes_with_endpoints_and_what_its_events_said),
	    WORLD_TEST(what_waits_for_a_subscriber_is_cancelled_and_no_dead_letter),
	    WORLD_TEST(an_erasure_goes_on_after_a_crash),
	};
	return world_main("store_erase", tests, sizeof tests / sizeof tests[0]);
}
