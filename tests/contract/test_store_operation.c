/* The store contract: dead letters and bulk work. */
#include "world.h"

#include <string.h>

struct listed {
	int len;
	int64_t ids[64];
};

static int list_row(void *context, const struct delivery_row *row)
{
	struct listed *listed = context;
	if (listed->len < 64)
		listed->ids[listed->len++] = row->id;
	return 0;
}

static struct listed dead_of(struct world *w, const struct dead_filter *filter)
{
	struct listed listed = {0};
	struct page page = {.limit = 64, .ascending = true};
	struct err err = {0};
	assert_int_equal(reader_dead(w->reader, filter, &page, list_row, &listed, &err), 0);
	int64_t count = -1;
	assert_int_equal(reader_dead_count(w->reader, filter, &count, &err), 0);
	assert_int_equal(count, listed.len);
	return listed;
}

static void dead_letters_are_found_by_each_filter(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t x = world_endpoint(w, "**", NULL), y = world_endpoint_of(w, subscriber, "**", NULL);
	int64_t a = world_dead(w, x, "order.created", REASON_EXHAUSTED);
	w->wall_ms += 1000;
	int64_t b = world_dead(w, y, "order.paid", REASON_EXPIRED);
	int64_t b_died = w->wall_ms;
	w->wall_ms += 1000;
	int64_t c = world_dead(w, y, "invoice.paid", REASON_EXHAUSTED);
	struct listed all = dead_of(w, &(struct dead_filter){0});
	assert_int_equal(all.len, 3);
	assert_int_equal(all.ids[0], a);
	assert_int_equal(all.ids[2], c);
	struct {
		struct dead_filter filter;
		int len;
		int64_t first;
	} cases[] = {
	    {{.endpoint = x}, 1, a},
	    {{.endpoint = y}, 2, b},
	    {{.subscriber = subscriber}, 2, b},
	    {{.type = slice_of("order.*")}, 2, a},
	    {{.type = slice_of("invoice.paid")}, 1, c},
	    {{.reason = REASON_EXPIRED}, 1, b},
	    {{.since_ms = b_died}, 2, b},
	    {{.until_ms = b_died}, 1, a},
	    {{.since_ms = b_died, .until_ms = b_died + 1}, 1, b},
	    {{.q = slice_of("INVOICE")}, 1, c},
	    {{.q = slice_of("answered 500")}, 3, a},
	    {{.q = slice_of("no such text")}, 0, 0},
	    {{.ids = (int64_t[]){c, a, a, 12345}, .ids_len = 4}, 2, a},
	    {{.ids = (int64_t[]){c, a}, .ids_len = 2, .subscriber = subscriber}, 1, c},
	    {{.endpoint = y, .type = slice_of("order.**"), .reason = REASON_EXHAUSTED}, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct listed listed = dead_of(w, &cases[i].filter);
		if (listed.len != cases[i].len || (listed.len > 0 && listed.ids[0] != cases[i].first))
			fail_msg("case %zu: %d rows", i, listed.len);
	}
}

static void pages_of_dead_letters_miss_and_repeat_nothing(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t ids[7];
	for (int i = 0; i < 7; i++) {
		ids[i] = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
		w->wall_ms += i % 3 == 0; /* several have the same time of death */
	}
	struct dead_filter filters[] = {{0}, {.endpoint = endpoint}, {.ids = ids, .ids_len = 7}};
	for (int way = 0; way < 6; way++) {
		struct page page = {.limit = 2, .ascending = way % 2};
		struct listed listed = {0};
		struct err err = {0};
		do {
			assert_int_equal(reader_dead(w->reader, &filters[way / 2], &page, list_row, &listed, &err), 0);
			page.after_key = page.last_key;
			page.after_id = page.last_id;
		} while (page.more);
		assert_int_equal(listed.len, 7);
		for (int i = 0; i < 7; i++)
			assert_int_equal(listed.ids[i], ids[page.ascending ? i : 6 - i]);
	}
}

static void a_walk_that_takes_too_long_says_how_far_it_came(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	struct publish_item items[100];
	for (int i = 0; i < 100; i++)
		items[i] = world_item(w, &(struct world_event){.type = i == 0 ? "rare.type" : "order.created", .only = endpoint});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 100, .items = items};
	world_run(w, &publish.cmd);
	int64_t rare = items[0].event_id;
	for (int i = 0; i < 100; i++)
		world_item_clear(&items[i]);
	/* Every look at the clock takes 250 ms. */
	struct page page = {.limit = 10};
	struct event_filter filter = {.type = slice_of("rare.type")};
	int64_t found = 0;
	struct err err = {0};
	w->mono_step_us = 250000;
	int pages = 0;
	do {
		assert_int_equal(reader_events(w->reader, &filter, &page, world_list_event, &found, &err), 0);
		page.after_key = page.last_key;
		page.after_id = page.last_id;
		pages++;
		if (pages == 1) {
			assert_true(page.more);
			assert_true(page.searched_to_ms != 0);
		}
	} while (page.more);
	w->mono_step_us = 0;
	assert_int_equal(found, rare);
}

static void a_bulk_retry_reopens_what_matches_and_counts(void **state)
{
	struct world *w = *state;
	int64_t x = world_endpoint(w, "**", NULL), y = world_endpoint(w, "**", NULL), z = world_endpoint(w, "**", NULL);
	int64_t a = world_dead(w, x, "order.created", REASON_EXHAUSTED);
	int64_t other = world_dead(w, x, "invoice.paid", REASON_EXHAUSTED);
	int64_t b = world_dead(w, y, "order.created", REASON_EXHAUSTED);
	int64_t disabled = world_dead(w, z, "order.created", REASON_EXHAUSTED);
	world_change(w, CHANGE_ENDPOINT_DISABLE, z);
	world_operations_end(w);
	size_t heard = world_dues_heard(w, y);
	int64_t id = world_operation(w, OPERATION_RETRY, &(struct dead_filter){.type = slice_of("order.*")});
	world_operations_end(w);
	struct world_operation operation = world_operation_row(w, id);
	assert_int_equal(operation.row.kind, OPERATION_RETRY);
	assert_int_equal(operation.row.done, 2);
	assert_int_equal(operation.row.skipped, 1);
	assert_int_equal(operation.row.total, 3);
	assert_false(operation.row.cancelled);
	assert_string_equal(operation.filter, "{\"type\":\"order.*\"}");
	assert_int_equal(world_first_due(w, x).delivery, a);
	assert_int_equal(world_first_due(w, y).delivery, b);
	assert_int_equal(world_first_due(w, y).round, 2);
	assert_int_equal(world_delivery(w, disabled).row.state, DELIVERY_DEAD);
	assert_int_equal(world_delivery(w, other).row.state, DELIVERY_DEAD);
	assert_int_equal(world_dues_heard(w, y), heard + 1);
}

static void a_bulk_discard_cancels(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t a = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	int64_t b = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	world_operation(w, OPERATION_DISCARD, &(struct dead_filter){.ids = &a, .ids_len = 1});
	world_operations_end(w);
	assert_int_equal(world_delivery(w, a).row.state, DELIVERY_CANCELLED);
	assert_int_equal(world_delivery(w, a).row.reason, REASON_DISCARDED);
	assert_int_equal(world_delivery(w, b).row.state, DELIVERY_DEAD);
	assert_int_equal(dead_of(w, &(struct dead_filter){0}).len, 1);
}

/* Dead letters in numbers, by way of a disabled endpoint's drain. */
static int64_t many_dead(struct world *w, int count)
{
	int64_t endpoint = world_endpoint(w, "**", NULL);
	for (int made = 0; made < count; made += 500) {
		static struct publish_item items[500];
		for (int i = 0; i < 500; i++)
			items[i] = world_item(w, &(struct world_event){.type = "order.created", .only = endpoint});
		struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 500, .items = items};
		world_run(w, &publish.cmd);
		for (int i = 0; i < 500; i++)
			world_item_clear(&items[i]);
	}
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	world_operations_end(w);
	assert_int_equal(world_pending(w, endpoint), 0);
	w->wall_ms += 1000;
	return endpoint;
}

/* Makes an operation over 2,000 dead letters of the endpoint and stops the writer after its first slice of 500, in the done() of a
 * publish behind it. */
struct stopped {
	struct store_change holder, create;
	struct store_publish behind;
};

static void stop_after_first_slice(struct world *w, struct stopped *stopped, int64_t endpoint)
{
	*stopped = (struct stopped){
	    .holder = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1},
	    .create = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CREATE, .operation = OPERATION_RETRY},
	    .behind = {.cmd = {.kind = STORE_PUBLISH}},
	};
	stopped->create.filter.endpoint = endpoint;
	/* A publish behind a change begins a batch of its own: between them the writer does one slice. */
	world_post(w, &stopped->holder.cmd, true);
	world_wait(1);
	world_post(w, &stopped->create.cmd, false);
	world_post(w, &stopped->behind.cmd, true);
	world_release();
	world_wait(2);
	struct world_operation half = world_operation_row(w, stopped->create.result_id);
	assert_int_equal(half.row.done, 500);
	assert_int_equal(half.row.total, 2000);
	assert_int_equal(half.row.ended_ms, 0);
}

static void bulk_work_goes_on_after_a_crash_without_repeating(void **state)
{
	struct world *w = *state;
	struct stopped stopped;
	int64_t endpoint = many_dead(w, 2000);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	stop_after_first_slice(w, &stopped, endpoint);
	struct world *after = world_crash(w);
	world_release();
	world_operations_end(after);
	struct world_operation whole = world_operation_row(after, stopped.create.result_id);
	assert_int_equal(whole.row.done, 2000);
	assert_int_equal(world_pending(after, endpoint), 2000);
	assert_int_equal(world_first_due(after, endpoint).round, 2);
	world_close(after);
	world_free(after);
}

static void what_dies_again_is_not_chased(void **state)
{
	struct world *w = *state;
	struct stopped stopped;
	int64_t endpoint = many_dead(w, 2000);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	stop_after_first_slice(w, &stopped, endpoint);
	struct due due = world_first_due(w, endpoint);
	w->wall_ms += 1000;
	struct outcome outcome = world_outcome(w, &due, 500, REASON_EXHAUSTED);
	world_post(w, &outcome.cmd, false);
	world_release();
	world_wait(1);
	assert_true(outcome.applied);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, stopped.create.result_id).row.done, 2000);
	assert_int_equal(world_delivery(w, due.delivery).row.state, DELIVERY_DEAD);
}

static void bulk_work_passes_over_what_it_cannot_do(void **state)
{
	struct world *w = *state;
	int64_t endpoint = many_dead(w, 1500); /* and still disabled */
	int64_t id = world_operation(w, OPERATION_RETRY, &(struct dead_filter){.endpoint = endpoint});
	world_operations_end(w);
	struct world_operation operation = world_operation_row(w, id);
	assert_int_equal(operation.row.done, 0);
	assert_int_equal(operation.row.skipped, 1500);
}

static void bulk_work_can_be_cancelled(void **state)
{
	struct world *w = *state;
	struct stopped stopped;
	int64_t endpoint = many_dead(w, 2000);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	stop_after_first_slice(w, &stopped, endpoint);
	int64_t id = stopped.create.result_id;
	struct store_change cancel = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = id};
	world_post(w, &cancel.cmd, false);
	world_release(); /* one more slice, then the cancel */
	world_wait(1);
	assert_int_equal(cancel.cmd.fate, ERR_NONE);
	world_operations_end(w);
	struct world_operation operation = world_operation_row(w, id);
	assert_true(operation.row.cancelled);
	assert_true(operation.row.ended_ms != 0);
	assert_int_equal(operation.row.done, 1000);
	assert_int_equal(world_pending(w, endpoint), 1000);
	world_change_fails(w, CHANGE_OPERATION_CANCEL, 77, ERR_NOT_FOUND);
	world_change(w, CHANGE_OPERATION_CANCEL, id);
}

static void a_drain_stops_when_its_endpoint_is_resumed(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", "\"ordered\": true");
	for (int i = 0; i < 3; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	struct store_change disable = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_DISABLE, .id = endpoint};
	struct store_change resume = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_RESUME, .id = endpoint};
	world_run_together(w, (struct store_cmd *[]){&disable.cmd, &resume.cmd}, 2);
	world_operations_end(w);
	assert_int_equal(world_pending(w, endpoint), 1);
	assert_int_equal(dead_of(w, &(struct dead_filter){0}).len, 0);
}

static void a_bound_keys_bulk_work_stays_with_its_subscriber(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t own = world_endpoint_of(w, a, "**", NULL), foreign = world_endpoint_of(w, b, "**", NULL);
	world_dead(w, own, "order.created", REASON_EXHAUSTED);
	int64_t untouched = world_dead(w, foreign, "order.created", REASON_EXHAUSTED);
	struct store_change create = {.what = CHANGE_OPERATION_CREATE, .operation = OPERATION_DISCARD, .only_subscriber = a};
	assert_int_equal(store_change(w->store, &create), 0);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, create.result_id).row.done, 1);
	assert_int_equal(world_operation_row(w, create.result_id).row.subscriber, a);
	assert_int_equal(world_delivery(w, untouched).row.state, DELIVERY_DEAD);
	struct store_change cancel = {.what = CHANGE_OPERATION_CANCEL, .id = create.result_id, .only_subscriber = b};
	assert_int_equal(store_change(w->store, &cancel), -1);
	assert_int_equal(cancel.err.code, ERR_NOT_FOUND);
	struct store_change foreign_filter = {
	    .what = CHANGE_OPERATION_CREATE, .operation = OPERATION_DISCARD, .only_subscriber = a, .filter = {.subscriber = b}};
	assert_int_equal(store_change(w->store, &foreign_filter), -1);
	assert_int_equal(foreign_filter.err.code, ERR_NOT_FOUND);
}

static void a_filter_is_kept_as_it_was_given(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t a = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	struct dead_filter filter = {
	    .endpoint = endpoint,
	    .type = slice_of("order.**"),
	    .reason = REASON_EXHAUSTED,
	    .since_ms = w->wall_ms - 5,
	    .until_ms = w->wall_ms + 5,
	    .q = slice_of("\"order\\"),
	    .ids = &a,
	    .ids_len = 1,
	};
	int64_t none = world_operation(w, OPERATION_DISCARD, &filter);
	filter.q = slice_of("ORDER");
	int64_t one = world_operation(w, OPERATION_DISCARD, &filter);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, none).row.done, 0);
	assert_int_equal(world_operation_row(w, one).row.done, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(dead_letters_are_found_by_each_filter),
	    WORLD_TEST(pages_of_dead_letters_miss_and_repeat_nothing),
	    WORLD_TEST(a_walk_that_takes_too_long_says_how_far_it_came),
	    WORLD_TEST(a_bulk_retry_reopens_what_matches_and_counts),
	    WORLD_TEST(a_bulk_discard_cancels),
	    WORLD_TEST(bulk_work_goes_on_after_a_crash_without_repeating),
	    WORLD_TEST(what_dies_again_is_not_chased),
	    WORLD_TEST(bulk_work_passes_over_what_it_cannot_do),
	    WORLD_TEST(bulk_work_can_be_cancelled),
	    WORLD_TEST(a_drain_stops_when_its_endpoint_is_resumed),
	    WORLD_TEST(a_bound_keys_bulk_work_stays_with_its_subscriber),
	    WORLD_TEST(a_filter_is_kept_as_it_was_given),
	};
	return world_main("store: bulk work", tests, sizeof tests / sizeof tests[0]);
}
