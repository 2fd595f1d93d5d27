/* The store contract: sending again by hand. A resend of one event, and the recovery of what one endpoint missed. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define ORDERED "\"ordered\": true"

static enum delivery_state state_of(struct world *w, int64_t delivery)
{
	return world_delivery(w, delivery).row.state;
}

static int round_of(struct world *w, int64_t delivery)
{
	return world_delivery(w, delivery).row.round;
}

static int64_t publish(struct world *w, const char *type)
{
	return world_publish(w, &(struct world_event){.type = type});
}

static void settle(struct world *w, int64_t endpoint, int64_t event, int status)
{
	static struct due dues[512];
	struct err err = {0};
	int len = reader_lane(w->reader, endpoint, dues, 512, &err);
	for (int i = 0; i < len; i++) {
		if (dues[i].event == event) {
			assert_true(world_settle(w, &dues[i], status, status >= 300 ? REASON_EXHAUSTED : REASON_NONE));
			return;
		}
	}
	fail_msg("the event is not pending there");
}

/* ---- Resend ---- */

/* Sends again to one endpoint (0: to all) and must do well; what was done with the first. */
static struct resent resend(struct world *w, int64_t event, int64_t endpoint, size_t len)
{
	struct store_change change = {.what = CHANGE_EVENT_RESEND, .id = event, .endpoints = &endpoint, .endpoints_len = endpoint != 0};
	if (store_change(w->store, &change))
		fail_msg("%s", change.err.detail);
	assert_int_equal(change.resent_len, len);
	struct resent first = len > 0 ? change.resent[0] : (struct resent){0};
	store_change_clear(&change);
	return first;
}

static void resend_fails(struct world *w, int64_t event, int64_t endpoint, enum err_code code, const char *pointer)
{
	struct store_change change = {.what = CHANGE_EVENT_RESEND, .id = event, .endpoints = &endpoint, .endpoints_len = endpoint != 0};
	assert_int_equal(store_change(w->store, &change), -1);
	if (change.err.code != code)
		fail_msg("%s: %s", err_code_text(change.err.code), change.err.detail);
	if (pointer)
		assert_string_equal(change.err.fields[0].pointer, pointer);
	assert_null(change.resent);
	store_change_clear(&change);
}

static void a_resend_reopens_what_ended_in_any_state(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	const int statuses[] = {200, 500, 0};
	for (int i = 0; i < 3; i++) {
		int64_t event = publish(w, "order.created");
		int64_t delivery = world_delivery_of(w, event);
		if (statuses[i])
			settle(w, endpoint, event, statuses[i]);
		else
			world_change(w, CHANGE_DELIVERY_CANCEL, delivery);
		size_t heard = world_dues_heard(w, endpoint);
		w->wall_ms += 1000;
		struct resent resent = resend(w, event, endpoint, 1);
		assert_int_equal(resent.action, RESEND_REOPENED);
		assert_int_equal(resent.endpoint, endpoint);
		assert_int_equal(resent.delivery, delivery);
		assert_int_equal(state_of(w, delivery), DELIVERY_PENDING);
		assert_int_equal(round_of(w, delivery), 2);
		assert_int_equal(world_delivery(w, delivery).row.due_ms, w->wall_ms);
		assert_int_equal(world_dues_heard(w, endpoint), heard + 1);
		world_change(w, CHANGE_DELIVERY_CANCEL, delivery);
	}
}

static void a_resend_hastens_what_is_pending(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = world_publish(w, &(struct world_event){.type = "order.created", .deliver_at_ms = w->wall_ms + 60000});
	struct resent resent = resend(w, event, 0, 1);
	assert_int_equal(resent.action, RESEND_HASTENED);
	assert_int_equal(world_first_due(w, endpoint).due_ms, w->wall_ms);
	assert_int_equal(round_of(w, resent.delivery), 1);
}

static int64_t deliveries_of(struct world *w, int64_t event);

static void a_resend_makes_what_is_missing(void **state)
{
	struct world *w = *state;
	int64_t event = publish(w, "order.created");
	assert_int_equal(deliveries_of(w, event), 0);
	int64_t late = world_endpoint(w, "order.*", NULL), other = world_endpoint(w, "invoice.*", NULL);
	struct resent resent = resend(w, event, 0, 1);
	assert_int_equal(resent.action, RESEND_MADE);
	assert_int_equal(resent.endpoint, late);
	assert_int_equal(world_first_due(w, late).delivery, resent.delivery);
	assert_int_equal(deliveries_of(w, event), 1);
	/* By name, whatever its types. */
	assert_int_equal(resend(w, event, other, 1).action, RESEND_MADE);
	assert_int_equal(deliveries_of(w, event), 2);
	/* And now it has one. */
	assert_int_equal(resend(w, event, 0, 2).action, RESEND_HASTENED);
}

static int keep_deliveries(void *context, const struct event_row *row)
{
	*(int64_t *)context = row->deliveries;
	return 0;
}

static int64_t deliveries_of(struct world *w, int64_t event)
{
	int64_t count = -1;
	struct err err = {0};
	assert_int_equal(reader_event_row(w->reader, event, 0, keep_deliveries, &count, &err), 0);
	return count;
}

static void a_resend_is_refused_by_name_and_changes_nothing(void **state)
{
	struct world *w = *state;
	int64_t good = world_endpoint(w, "**", NULL), disabled = world_endpoint(w, "**", NULL), deleted = world_endpoint(w, "**", NULL);
	int64_t event = publish(w, "order.created");
	settle(w, good, event, 200);
	world_change(w, CHANGE_ENDPOINT_DISABLE, disabled);
	world_change(w, CHANGE_ENDPOINT_DELETE, deleted);
	world_operations_end(w);
	resend_fails(w, event, disabled, ERR_ENDPOINT_DISABLED, "/endpoints/0");
	resend_fails(w, event, deleted, ERR_WRONG_STATE, "/endpoints/0");
	resend_fails(w, event, 0, ERR_ENDPOINT_DISABLED, "/endpoints");
	assert_int_equal(world_pending(w, good), 0);
	assert_int_equal(resend(w, event, good, 1).action, RESEND_REOPENED);
	resend_fails(w, 4711, good, ERR_NOT_FOUND, NULL);
	int64_t brief = world_publish(w, &(struct world_event){.type = "order.created", .only = good, .expires_at_ms = w->wall_ms + 10});
	w->wall_ms += 10;
	resend_fails(w, brief, good, ERR_EXPIRED, NULL);
}

static void a_resend_stays_within_the_events_audience(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t nobodys = publish(w, "order.created");
	int64_t of_a = world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a});
	int64_t of_all = world_publish(w, &(struct world_event){.type = "order.created", .everyone = true});
	int64_t at_a = world_endpoint_of(w, a, "**", NULL), at_b = world_endpoint_of(w, b, "**", NULL), free = world_endpoint(w, "**", NULL);
	int64_t addressed = world_publish(w, &(struct world_event){.type = "order.created", .only = free});
	assert_int_equal(resend(w, nobodys, 0, 1).endpoint, free);
	assert_int_equal(resend(w, of_a, 0, 1).endpoint, at_a);
	resend(w, of_all, 0, 3);
	resend(w, addressed, 0, 1);
	resend_fails(w, nobodys, at_b, ERR_NOT_FOUND, "/endpoints/0");
	resend_fails(w, of_a, at_b, ERR_NOT_FOUND, "/endpoints/0");
	/* A bound key: its own alone. */
	struct store_change own = {.what = CHANGE_EVENT_RESEND, .id = of_a, .only_subscriber = a};
	assert_int_equal(store_change(w->store, &own), 0);
	assert_int_equal(own.resent_len, 1);
	store_change_clear(&own);
	struct store_change foreign = {.what = CHANGE_EVENT_RESEND, .id = of_a, .only_subscriber = b};
	assert_int_equal(store_change(w->store, &foreign), -1);
	assert_int_equal(foreign.err.code, ERR_NOT_FOUND);
}

static void a_resend_keeps_the_order(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", ORDERED);
	int64_t first = publish(w, "order.created"), second = publish(w, "order.created");
	resend_fails(w, second, endpoint, ERR_WRONG_STATE, "/endpoints/0");
	settle(w, endpoint, first, 500);
	int64_t delivery = world_delivery_of(w, first);
	assert_int_equal(resend(w, first, endpoint, 1).action, RESEND_REOPENED);
	assert_int_equal(state_of(w, delivery), DELIVERY_HELD);
	assert_int_equal(world_pending(w, endpoint), 1);
	settle(w, endpoint, second, 200);
	assert_int_equal(state_of(w, delivery), DELIVERY_PENDING);
}

static void more_endpoints_than_one_resend_takes_are_refused(void **state)
{
	struct world *w = *state;
	int64_t ids[RESEND_ENDPOINTS_MAX + 1] = {0};
	int64_t event = publish(w, "order.created");
	struct store_change change = {.what = CHANGE_EVENT_RESEND, .id = event, .endpoints = ids, .endpoints_len = RESEND_ENDPOINTS_MAX + 1};
	assert_int_equal(store_change(w->store, &change), -1);
	assert_int_equal(change.err.code, ERR_INVALID);
	assert_string_equal(change.err.fields[0].pointer, "/endpoints");
}

/* ---- Recover ---- */

static int64_t recover_start(struct world *w, int64_t endpoint, const struct recover_filter *filter)
{
	struct store_change change = {.what = CHANGE_ENDPOINT_RECOVER, .id = endpoint, .recover = *filter};
	if (store_change(w->store, &change))
		fail_msg("no recovery: %s", change.err.detail);
	return change.result_id;
}

static struct world_operation recover(struct world *w, int64_t endpoint, const struct recover_filter *filter)
{
	int64_t id = recover_start(w, endpoint, filter);
	world_operations_end(w);
	struct world_operation operation = world_operation_row(w, id);
	assert_int_equal(operation.row.kind, OPERATION_RECOVER);
	assert_true(operation.row.ended_ms != 0);
	return operation;
}

static void each_state_is_recovered_when_it_is_asked_for(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	int64_t missed = publish(w, "order.created");
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t dead = publish(w, "order.created"), delivered = publish(w, "order.created"), pending = publish(w, "order.created");
	int64_t cancelled = publish(w, "order.created"), foreign = publish(w, "invoice.paid");
	settle(w, endpoint, dead, 500);
	settle(w, endpoint, delivered, 200);
	world_change(w, CHANGE_DELIVERY_CANCEL, world_delivery_of(w, cancelled));
	struct recover_count count;
	struct err err = {0};
	const char *own = "order.*";
	struct recover_filter all = {.endpoint = endpoint, .since_ms = since, .states = 7, .event_types = &own, .event_types_len = 1};
	assert_int_equal(reader_recover_count(w->reader, &all, &count, &err), 0);
	assert_int_equal(count.dead, 1);
	assert_int_equal(count.missing, 1);
	assert_int_equal(count.delivered, 1);
	assert_int_equal(count.searched_to_ms, 0);
	w->wall_ms += 1000;

	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = RECOVER_DEAD}).row.done, 1);
	assert_int_equal(round_of(w, world_delivery_of(w, dead)), 2);
	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = RECOVER_MISSING}).row.done, 1);
	assert_int_equal(state_of(w, world_delivery_of(w, missed)), DELIVERY_PENDING);
	assert_int_equal(deliveries_of(w, missed), 1);
	struct world_operation last = recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = RECOVER_DELIVERED});
	assert_int_equal(last.row.done, 1);
	assert_int_equal(last.row.total, 1);
	assert_int_equal(round_of(w, world_delivery_of(w, delivered)), 2);
	/* The others are as they were. */
	assert_int_equal(round_of(w, world_delivery_of(w, pending)), 1);
	assert_int_equal(state_of(w, world_delivery_of(w, cancelled)), DELIVERY_CANCELLED);
	assert_int_equal(deliveries_of(w, foreign), 0);
	assert_int_equal(world_pending(w, endpoint), 4);
	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = 7}).row.done, 0);
}

static void what_was_for_others_is_not_missing(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t other = world_endpoint_of(w, a, "nothing", NULL);
	int64_t of_a = world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a});
	int64_t of_all = world_publish(w, &(struct world_event){.type = "order.created", .everyone = true});
	int64_t of_b = world_publish(w, &(struct world_event){.type = "order.created", .subscriber = b});
	int64_t nobodys = publish(w, "order.created");
	int64_t addressed = world_publish(w, &(struct world_event){.type = "order.created", .only = other, .subscriber = a});
	int64_t endpoint = world_endpoint_of(w, a, "**", NULL);
	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = 3}).row.done, 2);
	assert_int_equal(world_pending(w, endpoint), 2);
	assert_int_equal(deliveries_of(w, of_a), 1);
	assert_int_equal(deliveries_of(w, of_all), 1);
	assert_int_equal(deliveries_of(w, of_b), 0);
	assert_int_equal(deliveries_of(w, nobodys), 0);
	assert_int_equal(deliveries_of(w, addressed), 1);
}

static void time_and_types_narrow_it(void **state)
{
	struct world *w = *state;
	publish(w, "order.created");
	w->wall_ms += 1000;
	int64_t since = w->wall_ms;
	publish(w, "order.created");
	publish(w, "order.paid");
	publish(w, "invoice.paid");
	w->wall_ms += 1000;
	int64_t until = w->wall_ms;
	publish(w, "order.created");
	int64_t endpoint = world_endpoint(w, "**", NULL);
	const char *types[] = {"order.created", "invoice.*"};
	struct recover_filter filter = {.since_ms = since, .until_ms = until, .states = 3, .types = types, .types_len = 2};
	struct world_operation operation = recover(w, endpoint, &filter);
	assert_int_equal(operation.row.done, 2);
	assert_non_null(strstr(operation.filter, "\"states\":[\"dead\",\"missing\"],\"types\":[\"order.created\",\"invoice.*\"],\"event_types\":[\"**\"]"));
}

static void what_expired_is_skipped(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	world_publish(w, &(struct world_event){.type = "order.created", .expires_at_ms = w->wall_ms + 500});
	publish(w, "order.created");
	int64_t endpoint = world_endpoint(w, "**", NULL);
	w->wall_ms += 500;
	struct world_operation operation = recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = 3});
	assert_int_equal(operation.row.done, 1);
	assert_int_equal(operation.row.skipped, 1);
	assert_int_equal(operation.row.total, 2);
}

static void recovery_keeps_order_by_event(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	int64_t endpoint = world_endpoint(w, "**", ORDERED);
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	world_operations_end(w);
	int64_t one = publish(w, "order.created"), two = publish(w, "order.created");
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	int64_t three = publish(w, "order.created");
	settle(w, endpoint, three, 500);
	w->wall_ms += 1000;
	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = 3}).row.done, 3);
	/* The third one's delivery is older than those that were made for the first two. */
	const int64_t order[] = {one, two, three};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_pending(w, endpoint), 1);
		assert_int_equal(world_first_due(w, endpoint).event, order[i]);
		settle(w, endpoint, order[i], 200);
	}
	assert_int_equal(world_pending(w, endpoint), 0);
}

static void a_recovery_is_refused_where_nothing_can_be_sent(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t disabled = world_endpoint(w, "**", NULL), deleted = world_endpoint(w, "**", NULL);
	world_change(w, CHANGE_ENDPOINT_DISABLE, disabled);
	world_change(w, CHANGE_ENDPOINT_DELETE, deleted);
	world_change_fails(w, CHANGE_ENDPOINT_RECOVER, disabled, ERR_ENDPOINT_DISABLED);
	world_change_fails(w, CHANGE_ENDPOINT_RECOVER, deleted, ERR_NOT_FOUND);
	struct store_change foreign = {.what = CHANGE_ENDPOINT_RECOVER, .id = disabled, .only_subscriber = a};
	assert_int_equal(store_change(w->store, &foreign), -1);
	assert_int_equal(foreign.err.code, ERR_NOT_FOUND);
	store_change_clear(&foreign);
	world_operations_end(w);
}

/* 1,200 events that nobody got. */
static int64_t many_missed(struct world *w)
{
	static struct publish_item items[400];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 400; i++)
			items[i] = world_item(w, &(struct world_event){.type = "order.created"});
		struct store_publish publishing = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 400, .items = items};
		world_run(w, &publishing.cmd);
		for (int i = 0; i < 400; i++)
			world_item_clear(&items[i]);
	}
	return world_endpoint(w, "order.*", NULL);
}

/* Makes the operation and holds the writer after its first slice of 500, in the done() of a publish behind it. */
struct stopped {
	struct store_change holder, create;
	struct store_publish behind;
};

static void stop_after_first_slice(struct world *w, struct stopped *stopped, int64_t endpoint, int64_t since)
{
	*stopped = (struct stopped){
	    .holder = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1},
	    .create = {.cmd = {.kind = STORE_CHANGE},
	               .what = CHANGE_ENDPOINT_RECOVER,
	               .id = endpoint,
	               .recover = {.since_ms = since, .states = RECOVER_DEAD | RECOVER_MISSING}},
	    .behind = {.cmd = {.kind = STORE_PUBLISH}},
	};
	world_post(w, &stopped->holder.cmd, true);
	world_wait(1);
	world_post(w, &stopped->create.cmd, false);
	world_post(w, &stopped->behind.cmd, true);
	world_release();
	world_wait(2);
	struct world_operation half = world_operation_row(w, stopped->create.result_id);
	assert_int_equal(half.row.done + half.row.skipped, 500);
	assert_true(half.row.total >= 1200);
}

static void a_recovery_goes_on_after_a_crash_without_repeating(void **state)
{
	struct world *w = *state;
	struct stopped stopped;
	int64_t since = w->wall_ms;
	world_publish(w, &(struct world_event){.type = "order.created", .expires_at_ms = w->wall_ms + 1});
	w->wall_ms++;
	int64_t endpoint = many_missed(w);
	stop_after_first_slice(w, &stopped, endpoint, since);
	struct world *after = world_crash(w);
	world_release();
	world_operations_end(after);
	struct world_operation whole = world_operation_row(after, stopped.create.result_id);
	assert_int_equal(whole.row.done, 1200);
	assert_int_equal(whole.row.skipped, 1);
	assert_int_equal(world_pending(after, endpoint), 1200);
	world_close(after);
	world_free(after);
}

static void a_recovery_is_frozen_at_its_start(void **state)
{
	struct world *w = *state;
	struct stopped stopped;
	int64_t since = w->wall_ms, endpoint = many_missed(w);
	publish(w, "order.created");
	struct due due = world_first_due(w, endpoint);
	stop_after_first_slice(w, &stopped, endpoint, since);
	/* What dies, and what is published, while it runs is not its business. */
	w->wall_ms += 1000;
	struct outcome outcome = world_outcome(w, &due, 500, REASON_EXHAUSTED);
	struct publish_item item = world_item(w, &(struct world_event){.type = "other.type"});
	struct store_publish late = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_post(w, &outcome.cmd, false);
	world_post(w, &late.cmd, false);
	world_release();
	world_wait(2);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, stopped.create.result_id).row.done, 1200);
	assert_int_equal(state_of(w, due.delivery), DELIVERY_DEAD);
	assert_int_equal(round_of(w, due.delivery), 1);
	assert_int_equal(deliveries_of(w, item.event_id), 0);
	world_item_clear(&item);
}

static void a_recovery_ends_when_it_is_cancelled_or_its_endpoint_disabled(void **state)
{
	struct world *w = *state;
	static const enum store_change_kind ways[] = {CHANGE_OPERATION_CANCEL, CHANGE_ENDPOINT_DISABLE, CHANGE_ENDPOINT_DELETE};
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct stopped stopped;
		w->wall_ms += 1000;
		int64_t since = w->wall_ms, endpoint = many_missed(w);
		stop_after_first_slice(w, &stopped, endpoint, since);
		int64_t id = stopped.create.result_id;
		struct store_change end = {.cmd = {.kind = STORE_CHANGE}, .what = ways[i], .id = i == 0 ? id : endpoint};
		world_post(w, &end.cmd, false);
		world_release(); /* one more slice, then the end */
		world_wait(1);
		assert_int_equal(end.cmd.fate, ERR_NONE);
		world_operations_end(w);
		struct world_operation operation = world_operation_row(w, id);
		assert_true(operation.row.cancelled);
		assert_int_equal(operation.row.done, 1000);
		assert_int_equal(world_pending(w, endpoint), i == 0 ? 1000 : 0);
	}
}

static void a_new_owner_gets_nothing_of_the_old_one(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t endpoint = world_endpoint_of(w, a, "**", NULL);
	int64_t event = world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a});
	settle(w, endpoint, event, 500);
	struct store_change move = {
	    .what = CHANGE_ENDPOINT_PATCH, .id = endpoint, .doc = world_json("{}"), .subscriber = b, .subscriber_given = true};
	assert_int_equal(store_change(w->store, &move), 0);
	json_decref(move.doc);
	store_change_clear(&move);
	assert_int_equal(recover(w, endpoint, &(struct recover_filter){.since_ms = since, .states = 7}).row.done, 0);
}

static void a_count_that_takes_too_long_says_so(void **state)
{
	struct world *w = *state;
	int64_t since = w->wall_ms;
	many_missed(w);
	const char *own = "order.*";
	struct recover_filter filter = {.endpoint = 1, .since_ms = since, .states = RECOVER_MISSING, .event_types = &own, .event_types_len = 1};
	struct recover_count count;
	struct err err = {0};
	w->mono_step_us = 250000; /* every look at the clock */
	assert_int_equal(reader_recover_count(w->reader, &filter, &count, &err), 0);
	w->mono_step_us = 0;
	assert_true(count.missing > 0 && count.missing < 1200);
	assert_true(count.searched_to_ms != 0);
}

/* ---- Tests ---- */

static int64_t publish_test(struct world *w, int64_t endpoint)
{
	struct publish_item item = world_item(w, &(struct world_event){.type = "grapnel.test", .only = endpoint});
	item.test = true;
	struct store_publish publishing = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_run(w, &publishing.cmd);
	assert_int_equal(item.fate, ERR_NONE);
	int64_t id = item.event_id;
	world_item_clear(&item);
	return id;
}

static void a_test_is_in_no_order_and_ends_cancelled_when_it_fails(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", ORDERED);
	int64_t head = publish(w, "order.created"), second = publish(w, "order.created");
	int64_t event = publish_test(w, endpoint), delivery = world_delivery_of(w, event);
	assert_int_equal(state_of(w, delivery), DELIVERY_PENDING);
	assert_int_equal(round_of(w, delivery), DELIVERY_ROUND_TEST);
	struct due dues[4];
	struct err err = {0};
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 4, &err), 2);
	struct outcome outcome = world_outcome(w, &dues[1], 500, REASON_NONE);
	outcome.change = DELIVERY_CANCEL;
	outcome.reason = REASON_TEST_FAILED;
	world_run(w, &outcome.cmd);
	assert_true(outcome.applied);
	assert_false(outcome.has_promoted);
	assert_int_equal(state_of(w, delivery), DELIVERY_CANCELLED);
	assert_int_equal(world_delivery(w, delivery).row.reason, REASON_TEST_FAILED);
	assert_int_equal(state_of(w, world_delivery_of(w, head)), DELIVERY_PENDING);
	assert_int_equal(state_of(w, world_delivery_of(w, second)), DELIVERY_HELD);
	/* Sent again by hand it is a delivery like any other. */
	assert_int_equal(resend(w, event, 0, 1).action, RESEND_REOPENED);
	assert_int_equal(round_of(w, delivery), DELIVERY_ROUND_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_resend_reopens_what_ended_in_any_state),
	    WORLD_TEST(a_resend_hastens_what_is_pending),
	    WORLD_TEST(a_resend_makes_what_is_missing),
	    WORLD_TEST(a_resend_is_refused_by_name_and_changes_nothing),
	    WORLD_TEST(a_resend_stays_within_the_events_audience),
	    WORLD_TEST(a_resend_keeps_the_order),
	    WORLD_TEST(more_endpoints_than_one_resend_takes_are_refused),
	    WORLD_TEST(each_state_is_recovered_when_it_is_asked_for),
	    WORLD_TEST(what_was_for_others_is_not_missing),
	    WORLD_TEST(time_and_types_narrow_it),
	    WORLD_TEST(what_expired_is_skipped),
	    WORLD_TEST(recovery_keeps_order_by_event),
	    WORLD_TEST(a_recovery_is_refused_where_nothing_can_be_sent),
	    WORLD_TEST(a_recovery_goes_on_after_a_crash_without_repeating),
	    WORLD_TEST(a_recovery_is_frozen_at_its_start),
	    WORLD_TEST(a_recovery_ends_when_it_is_cancelled_or_its_endpoint_disabled),
	    WORLD_TEST(a_new_owner_gets_nothing_of_the_old_one),
	    WORLD_TEST(a_count_that_takes_too_long_says_so),
	    WORLD_TEST(a_test_is_in_no_order_and_ends_cancelled_when_it_fails),
	};
	return world_main("store: repair", tests, sizeof tests / sizeof tests[0]);
}
