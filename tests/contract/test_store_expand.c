/* The store contract: fan-outs that are too large for one transaction. They are made in slices, and nobody can tell. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

/* So many endpoints take the first slice and a part of a second one. */
enum { MANY = 2400, SLICE = 2000 };

struct many {
	int64_t ids[MANY];
};

/* The last two are ordered. */
static struct many *many_new(struct world *w)
{
	struct many *many = calloc(1, sizeof *many);
	struct store_change *changes = calloc(MANY, sizeof *changes);
	struct store_cmd **cmds = calloc(MANY, sizeof(struct store_cmd *));
	assert_true(many && changes && cmds);
	json_t *doc = world_json("{\"url\": \"https://example.com/\", \"event_types\": [\"news\"]}");
	json_t *ordered = world_json("{\"url\": \"https://example.com/\", \"event_types\": [\"news\", \"own\"], \"ordered\": true}");
	for (int i = 0; i < MANY; i++) {
		changes[i] = (struct store_change){
		    .cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_CREATE, .doc = i < MANY - 2 ? doc : ordered};
		cmds[i] = &changes[i].cmd;
	}
	world_run_together(w, cmds, MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(changes[i].err.code, ERR_NONE);
		many->ids[i] = changes[i].result_id;
		store_change_clear(&changes[i]);
	}
	json_decref(doc);
	json_decref(ordered);
	free(cmds);
	free(changes);
	return many;
}

/* A publish to all of them, with the writer held after its commit and before the first slice. */
struct broadcast {
	struct publish_item item;
	struct store_publish publish;
};

static struct broadcast *broadcast_held(struct world *w, const struct world_event *event)
{
	struct broadcast *broadcast = calloc(1, sizeof *broadcast);
	assert_non_null(broadcast);
	broadcast->item = world_item(w, event);
	broadcast->publish = (struct store_publish){.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &broadcast->item};
	world_post(w, &broadcast->publish.cmd, true);
	world_wait(1);
	assert_int_equal(broadcast->item.fate, ERR_NONE);
	assert_int_equal(broadcast->item.deliveries, MANY);
	return broadcast;
}

static int64_t broadcast_end(struct broadcast *broadcast)
{
	int64_t id = broadcast->item.event_id;
	world_item_clear(&broadcast->item);
	free(broadcast);
	return id;
}

struct counts {
	int64_t deliveries, being_made;
};

static int keep_counts(void *context, const struct event_row *row)
{
	*(struct counts *)context = (struct counts){row->deliveries, row->being_made};
	return 0;
}

static struct counts counts_of(struct world *w, int64_t event)
{
	struct counts counts;
	struct err err = {0};
	assert_int_equal(reader_event_row(w->reader, event, 0, keep_counts, &counts, &err), 0);
	return counts;
}

static void expansion_end(struct world *w, int64_t event)
{
	/* Each command lets the writer do one slice more. */
	while (counts_of(w, event).being_made > 0)
		world_change_fails(w, CHANGE_OPERATION_CANCEL, 1, ERR_NOT_FOUND);
}

struct made_tally {
	const struct many *many;
	int len;
	int of[MANY];
};

static int tally_row(void *context, const struct delivery_row *row)
{
	struct made_tally *tally = context;
	for (int i = 0; i < MANY; i++)
		tally->of[i] += tally->many->ids[i] == row->endpoint;
	tally->len++;
	return 0;
}

static int made_so_far(struct world *w, int64_t event, struct made_tally *tally)
{
	struct page page = {.limit = 500, .ascending = true};
	struct err err = {0};
	do {
		assert_int_equal(reader_event_deliveries(w->reader, event, &page, tally_row, tally, &err), 0);
		page.after_key = page.last_key;
		page.after_id = page.last_id;
	} while (page.more);
	return tally->len;
}

static void each_has_exactly_one(struct world *w, int64_t event, const struct many *many)
{
	struct made_tally tally = {.many = many};
	assert_int_equal(made_so_far(w, event, &tally), MANY);
	for (int i = 0; i < MANY; i++) {
		if (tally.of[i] != 1)
			fail_msg("endpoint %d has %d", i, tally.of[i]);
	}
	assert_int_equal(counts_of(w, event).deliveries, MANY);
}

static struct delivery_row at(struct world *w, int64_t event, int64_t endpoint)
{
	struct event_at event_at;
	struct err err = {0};
	assert_int_equal(reader_event_at(w->reader, event, endpoint, &event_at, &err), 0);
	assert_false(event_at.being_made);
	assert_true(event_at.delivery != 0);
	return world_delivery(w, event_at.delivery).row;
}

/* ---- */

static void a_large_fan_out_is_made_in_slices(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	int64_t event = broadcast->item.event_id;
	struct made_tally none = {.many = many};
	assert_int_equal(made_so_far(w, event, &none), 0);
	assert_int_equal(counts_of(w, event).deliveries, MANY);
	assert_int_equal(counts_of(w, event).being_made, MANY);
	struct event_at event_at;
	struct err err = {0};
	assert_int_equal(reader_event_at(w->reader, event, many->ids[MANY - 1], &event_at, &err), 0);
	assert_true(event_at.being_made);
	struct store_change holder = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1};
	world_post(w, &holder.cmd, true);
	world_release();
	world_wait(1);
	struct made_tally some = {.many = many};
	assert_int_equal(made_so_far(w, event, &some), SLICE);
	assert_int_equal(counts_of(w, event).being_made, MANY - SLICE);
	assert_int_equal(world_made(w), SLICE);
	world_release();
	store_change_clear(&holder);
	expansion_end(w, event);
	each_has_exactly_one(w, broadcast_end(broadcast), many);
	assert_int_equal(world_made(w), MANY);
	free(many);
}

static void a_slice_ends_when_its_time_is_up(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	int64_t event = broadcast->item.event_id;
	struct store_change holder = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1};
	w->mono_step_us = 100000;
	world_post(w, &holder.cmd, true);
	world_release();
	world_wait(1);
	int64_t left = counts_of(w, event).being_made;
	assert_true(left < MANY && left > MANY - SLICE);
	world_release();
	store_change_clear(&holder);
	expansion_end(w, event);
	w->mono_step_us = 0;
	each_has_exactly_one(w, broadcast_end(broadcast), many);
	free(many);
}

static void a_crash_at_any_slice_loses_and_repeats_nothing(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	int64_t event = broadcast->item.event_id;
	struct store_change holders[2];
	for (int slice = 0; slice < 3; slice++) {
		struct world *after = world_crash(w);
		expansion_end(after, event);
		each_has_exactly_one(after, event, many);
		world_close(after);
		world_free(after);
		if (slice == 2)
			break;
		holders[slice] = (struct store_change){.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1};
		world_post(w, &holders[slice].cmd, true);
		world_release();
		world_wait(1);
	}
	assert_int_equal(counts_of(w, event).being_made, 0);
	world_release();
	/* A stop in between is no different. */
	world_close(w);
	world_open(w);
	each_has_exactly_one(w, broadcast_end(broadcast), many);
	for (int i = 0; i < 2; i++)
		store_change_clear(&holders[i]);
	free(many);
}

static void a_repetition_meanwhile_is_answered_alike(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	struct world_event asked = {.type = "news", .uid = "n-1"};
	struct broadcast *broadcast = broadcast_held(w, &asked);
	struct publish_item again = world_item(w, &asked);
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &again};
	world_post(w, &publish.cmd, false);
	world_release();
	world_wait(1);
	assert_int_equal(again.fate, ERR_NONE);
	assert_true(again.duplicate);
	assert_int_equal(again.event_id, broadcast->item.event_id);
	assert_int_equal(again.deliveries, MANY);
	expansion_end(w, again.event_id);
	world_item_clear(&again);
	each_has_exactly_one(w, broadcast_end(broadcast), many);
	free(many);
}

/* The ordered endpoints are the last ones: their deliveries are made long after the later event is committed. */
static void an_ordered_endpoint_gets_the_later_event_later(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	int64_t ordered = many->ids[MANY - 1];
	w->mono_step_us = 100000;
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news", .ordering_key = "k"});
	struct publish_item later = world_item(w, &(struct world_event){.type = "own", .ordering_key = "k"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &later};
	world_post(w, &publish.cmd, true);
	world_release();
	world_wait(1);
	int64_t news = broadcast->item.event_id, own = later.event_id;
	assert_true(counts_of(w, news).being_made > 0);
	assert_int_equal(at(w, news, ordered).state, DELIVERY_PENDING);
	assert_int_equal(at(w, own, ordered).state, DELIVERY_HELD);
	world_release();
	expansion_end(w, news);
	w->mono_step_us = 0;
	assert_int_equal(at(w, news, ordered).state, DELIVERY_PENDING);
	assert_int_equal(at(w, own, ordered).state, DELIVERY_HELD);
	struct due due = world_first_due(w, ordered);
	assert_int_equal(due.event, news);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	assert_int_equal(world_first_due(w, ordered).event, own);
	world_item_clear(&later);
	each_has_exactly_one(w, broadcast_end(broadcast), many);
	free(many);
}

/* As before, but for a crash between the two. */
static void an_ordered_endpoint_gets_the_later_event_later_after_a_start(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	int64_t ordered = many->ids[MANY - 1];
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news", .ordering_key = "k"});
	struct world *after = world_crash_closed(w);
	after->mono_step_us = 100000;
	world_open(after);
	int64_t own = world_publish(after, &(struct world_event){.type = "own", .ordering_key = "k"});
	int64_t news = broadcast->item.event_id;
	expansion_end(after, news);
	assert_int_equal(at(after, news, ordered).state, DELIVERY_PENDING);
	assert_int_equal(at(after, own, ordered).state, DELIVERY_HELD);
	each_has_exactly_one(after, news, many);
	world_close(after);
	world_free(after);
	world_release();
	broadcast_end(broadcast);
	free(many);
}

static void two_large_ones_reach_an_ordered_endpoint_in_order(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	struct publish_item second = world_item(w, &(struct world_event){.type = "news"});
	struct publish_item third = world_item(w, &(struct world_event){.type = "own"});
	struct publish_item items[] = {second, third};
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 2, .items = items};
	world_post(w, &publish.cmd, false);
	world_release();
	world_wait(1);
	int64_t events[] = {broadcast->item.event_id, items[0].event_id, items[1].event_id};
	expansion_end(w, events[0]);
	expansion_end(w, events[1]);
	for (int i = 0; i < 3; i++) {
		struct due due = world_first_due(w, many->ids[MANY - 1]);
		assert_int_equal(due.event, events[i]);
		assert_true(world_settle(w, &due, 200, REASON_NONE));
	}
	each_has_exactly_one(w, events[0], many);
	each_has_exactly_one(w, events[1], many);
	world_item_clear(&items[0]);
	world_item_clear(&items[1]);
	broadcast_end(broadcast);
	free(many);
}

static void an_endpoint_that_ends_meanwhile_had_its_delivery(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	int64_t deleted = many->ids[MANY - 3], disabled = many->ids[MANY - 4], resumed = many->ids[MANY - 5], moved = many->ids[MANY - 6];
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	json_t *patch = world_json("{}");
	struct store_change changes[] = {
	    {.what = CHANGE_ENDPOINT_DELETE, .id = deleted},
	    {.what = CHANGE_ENDPOINT_DISABLE, .id = disabled},
	    {.what = CHANGE_ENDPOINT_DISABLE, .id = resumed},
	    {.what = CHANGE_ENDPOINT_RESUME, .id = resumed},
	    {.what = CHANGE_ENDPOINT_PATCH, .id = moved, .doc = patch, .subscriber_given = true, .subscriber = subscriber},
	};
	for (size_t i = 0; i < 5; i++) {
		changes[i].cmd.kind = STORE_CHANGE;
		world_post(w, &changes[i].cmd, false);
	}
	world_release();
	world_wait(5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(changes[i].err.code, ERR_NONE);
		store_change_clear(&changes[i]);
	}
	json_decref(patch);
	int64_t event = broadcast_end(broadcast);
	expansion_end(w, event);
	world_operations_end(w);
	each_has_exactly_one(w, event, many);
	assert_int_equal(at(w, event, deleted).state, DELIVERY_DEAD);
	assert_int_equal(at(w, event, deleted).reason, REASON_ENDPOINT_DELETED);
	assert_int_equal(at(w, event, disabled).state, DELIVERY_DEAD);
	assert_int_equal(at(w, event, disabled).reason, REASON_ENDPOINT_DISABLED);
	assert_int_equal(at(w, event, resumed).state, DELIVERY_PENDING);
	assert_int_equal(at(w, event, moved).state, DELIVERY_PENDING);
	assert_int_equal(at(w, event, moved).subscriber, 0);
	free(many);
}

/* In that batch the event is matched before the index knows. */
static void an_endpoint_that_ends_in_the_batch_of_the_event_gets_nothing(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	int64_t gone = many->ids[MANY - 3];
	world_publish(w, &(struct world_event){.type = "test", .only = gone});
	struct due due = world_first_due(w, gone);
	struct outcome outcome = world_outcome(w, &due, 410, REASON_GONE);
	outcome.disable_endpoint = true;
	struct publish_item item = world_item(w, &(struct world_event){.type = "news"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	w->mono_step_us = 100000;
	world_run_together(w, (struct store_cmd *[]){&outcome.cmd, &publish.cmd}, 2);
	assert_int_equal(item.deliveries, MANY);
	world_operations_end(w);
	expansion_end(w, item.event_id);
	w->mono_step_us = 0;
	each_has_exactly_one(w, item.event_id, many);
	assert_int_equal(at(w, item.event_id, gone).state, DELIVERY_DEAD);
	assert_int_equal(at(w, item.event_id, gone).reason, REASON_ENDPOINT_DISABLED);
	free(outcome.response);
	world_item_clear(&item);
	free(many);
}

static void sending_again_meanwhile_makes_no_second_one(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	int64_t resent = many->ids[MANY - 3], recovered = many->ids[MANY - 4];
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news"});
	int64_t event = broadcast->item.event_id;
	const char *patterns[] = {"news"};
	struct recover_filter filter = {
	    .endpoint = recovered, .states = RECOVER_MISSING, .event_types_len = 1, .event_types = patterns};
	struct recover_count count;
	struct err err = {0};
	assert_int_equal(reader_recover_count(w->reader, &filter, &count, &err), 0);
	assert_int_equal(count.missing, 0);
	struct store_change changes[] = {
	    {.what = CHANGE_EVENT_RESEND, .id = event, .endpoints = &resent, .endpoints_len = 1},
	    {.what = CHANGE_ENDPOINT_RECOVER, .id = recovered, .recover = {.states = RECOVER_MISSING}},
	};
	for (size_t i = 0; i < 2; i++) {
		changes[i].cmd.kind = STORE_CHANGE;
		world_post(w, &changes[i].cmd, false);
	}
	w->mono_step_us = 100000;
	world_release();
	world_wait(2);
	assert_int_equal(changes[0].err.code, ERR_NONE);
	assert_int_equal(changes[0].resent_len, 1);
	assert_int_equal(changes[0].resent[0].action, RESEND_HASTENED);
	assert_int_equal(changes[1].err.code, ERR_NONE);
	world_operations_end(w);
	expansion_end(w, event);
	w->mono_step_us = 0;
	assert_int_equal(world_operation_row(w, changes[1].result_id).row.done, 0);
	for (size_t i = 0; i < 2; i++)
		store_change_clear(&changes[i]);
	broadcast_end(broadcast);
	each_has_exactly_one(w, event, many);
	free(many);
}

/* Payloads of some size are left for the scheduler to read back when there is room. */
static void a_large_payload_is_not_handed_on(void **state)
{
	struct world *w = *state;
	struct many *many = many_new(w);
	char *data = calloc(1, 20000);
	assert_non_null(data);
	memset(data, '1', 19999);
	struct broadcast *broadcast = broadcast_held(w, &(struct world_event){.type = "news", .data = data});
	world_release();
	int64_t event = broadcast_end(broadcast);
	expansion_end(w, event);
	each_has_exactly_one(w, event, many);
	assert_int_equal(world_made(w), 0);
	assert_int_equal(world_dues_heard(w, many->ids[MANY - 3]), 1);
	free(data);
	free(many);
}

/* Events in one request that together reach too many: those that are left over are made later, in their order. */
static void a_transaction_is_bounded_with_many_middling_events_too(void **state)
{
	struct world *w = *state;
	enum { EVENTS = 60, EACH = 50 };
	int64_t endpoints[EACH];
	for (int i = 0; i < EACH; i++)
		endpoints[i] = world_endpoint(w, "**", i == 0 ? "\"ordered\": true" : NULL);
	struct publish_item items[EVENTS];
	for (int i = 0; i < EVENTS; i++)
		items[i] = world_item(w, &(struct world_event){.type = "order.created"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = EVENTS, .items = items};
	world_post(w, &publish.cmd, true);
	world_wait(1);
	int made = 0;
	for (int i = 0; i < EVENTS; i++) {
		assert_int_equal(items[i].deliveries, EACH);
		made += counts_of(w, items[i].event_id).being_made == 0;
	}
	assert_true(made * (EACH + 1) <= SLICE + 250 && made * (EACH + 1) >= SLICE);
	world_release();
	for (int i = 0; i < EVENTS; i++)
		expansion_end(w, items[i].event_id);
	for (int i = 1; i < EACH; i++)
		assert_int_equal(world_pending(w, endpoints[i]), EVENTS);
	for (int i = 0; i < EVENTS; i++) {
		struct due due = world_first_due(w, endpoints[0]);
		assert_int_equal(due.event, items[i].event_id);
		assert_true(world_settle(w, &due, 200, REASON_NONE));
		world_item_clear(&items[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_large_fan_out_is_made_in_slices),
	    WORLD_TEST(a_slice_ends_when_its_time_is_up),
	    WORLD_TEST(a_crash_at_any_slice_loses_and_repeats_nothing),
	    WORLD_TEST(a_repetition_meanwhile_is_answered_alike),
	    WORLD_TEST(an_ordered_endpoint_gets_the_later_event_later),
	    WORLD_TEST(an_ordered_endpoint_gets_the_later_event_later_after_a_start),
	    WORLD_TEST(two_large_ones_reach_an_ordered_endpoint_in_order),
	    WORLD_TEST(an_endpoint_that_ends_meanwhile_had_its_delivery),
	    WORLD_TEST(an_endpoint_that_ends_in_the_batch_of_the_event_gets_nothing),
	    WORLD_TEST(sending_again_meanwhile_makes_no_second_one),
	    WORLD_TEST(a_large_payload_is_not_handed_on),
	    WORLD_TEST(a_transaction_is_bounded_with_many_middling_events_too),
	};
	return world_main("store_expand", tests, sizeof tests / sizeof tests[0]);
}
