/* The store contract: what is old and finished goes, what is not stays. Passes are driven by the world's clocks. */
#include "world.h"

#include <sched.h>
#include <string.h>

#include "store/private.h"

#define DAY_MS INT64_C(86400000)
#define MONTH_MS (30 * DAY_MS)
#define SECOND_US INT64_C(1000000)

/* What whole_pass() has told of already. */
static struct retention_counts told;

static int setup(void **state)
{
	struct world *w = world_new();
	told = (struct retention_counts){0};
	w->retention = (struct retention_limits){
	    .on = true, .events_ms = MONTH_MS, .attempts_ms = MONTH_MS, .dead_ms = 3 * MONTH_MS, .rejections_ms = 7 * DAY_MS, .audit_ms = 12 * MONTH_MS};
	world_open(w);
	*state = w;
	return 0;
}

static struct retention_status status_of(struct world *w)
{
	struct retention_status status;
	retention_status(w->store, &status);
	return status;
}

/* Makes the writer look, and waits until it rests (or works at what retention waits for): with the clocks moved under its hands it would see
 * one move before the other. */
static void nudge(struct world *w)
{
	struct store_change change = {.what = CHANGE_OPERATION_CANCEL, .id = 1};
	assert_int_equal(store_change(w->store, &change), -1);
	store_change_clear(&change);
	while (atomic_load(&w->store->busy_us) != 0 && status_of(w).state != RETENTION_WAITS)
		sched_yield();
}

/* So much time passes, on both clocks; the writer does not look now. */
static void move_clocks(struct world *w, int64_t ms)
{
	w->wall_ms += ms;
	w->mono_us += ms * 1000;
}

static void pass_time(struct world *w, int64_t ms)
{
	if (w->store)
		nudge(w);
	move_clocks(w, ms);
}

/* The wall clock is set. */
static void set_clock(struct world *w, int64_t by_ms)
{
	if (w->store)
		nudge(w);
	w->wall_ms += by_ms;
}

static int64_t more(int64_t total, int64_t *before)
{
	int64_t since = total >= *before ? total - *before : total; /* counted anew after the store was opened again */
	*before = total;
	return since;
}

/* Until a whole pass has begun and ended; what was deleted since the last one that this waited for. The writer looks whenever it likes, so a
 * pass may have gone by before this. A second is enough for a pass to get on, and few of them make no day. */
static struct retention_counts whole_pass(struct world *w)
{
	int64_t before_ms = w->wall_ms;
	struct retention_status status = status_of(w);
	do {
		pass_time(w, status.state == RETENTION_RUNS ? 1000 : 61000);
		nudge(w);
		status = status_of(w);
		assert_int_not_equal(status.state, RETENTION_STOPPED);
	} while (status.last_begin_ms <= before_ms || status.last_end_ms < status.last_begin_ms);
	const struct retention_counts *total = &status.total;
	return (struct retention_counts){more(total->events, &told.events), more(total->deliveries, &told.deliveries), more(total->attempts, &told.attempts),
		more(total->rejections, &told.rejections), more(total->audit, &told.audit), more(total->operations, &told.operations),
		more(total->endpoints, &told.endpoints), more(total->pages, &told.pages)};
}

/* The writer has looked, and does nothing. */
static void look_until(struct world *w, enum retention_state state)
{
	do {
		pass_time(w, 61000);
		nudge(w);
	} while (status_of(w).state != state);
}

/* What had to stay is looked at again only by every so many passes. */
static struct retention_counts many_passes(struct world *w)
{
	struct retention_counts sum = {0};
	for (int i = 0; i < 62; i++) {
		struct retention_counts counts = whole_pass(w);
		sum.events += counts.events;
		sum.deliveries += counts.deliveries;
		sum.attempts += counts.attempts;
	}
	return sum;
}

static bool event_is_there(struct world *w, int64_t id)
{
	struct err err = {0};
	int64_t found = 0;
	return reader_event_row(w->reader, id, 0, world_list_event, &found, &err) == 0;
}

static bool delivery_there(void *context, const struct delivery_row *row)
{
	*(int64_t *)context = row->id;
	return false;
}

static int keep_id(void *context, const struct delivery_row *row)
{
	return delivery_there(context, row);
}

static bool delivery_is_there(struct world *w, int64_t id)
{
	struct err err = {0};
	int64_t found = 0;
	return reader_delivery(w->reader, id, 0, keep_id, &found, &err) == 0 && found == id;
}

static int count_attempt(void *context, const struct attempt_row *row)
{
	(void)row;
	++*(int *)context;
	return 0;
}

static int attempts_of(struct world *w, int64_t delivery)
{
	struct err err = {0};
	int count = 0;
	assert_int_equal(reader_attempts(w->reader, delivery, count_attempt, &count, &err), 0);
	return count;
}

static int64_t publish(struct world *w)
{
	return world_publish(w, &(struct world_event){.type = "order.created"});
}

/* ---- By age ---- */

static void an_event_goes_with_all_that_belongs_to_it_when_it_is_old(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w), delivery = world_delivery_of(w, event);
	struct due due = world_first_due(w, endpoint);
	world_settle(w, &due, 500, REASON_NONE);
	due = world_first_due(w, endpoint);
	world_settle(w, &due, 200, REASON_NONE);
	pass_time(w, MONTH_MS - DAY_MS);
	int64_t young = publish(w);
	due = world_first_due(w, endpoint);
	world_settle(w, &due, 200, REASON_NONE);
	assert_int_equal(whole_pass(w).events, 0);
	assert_true(event_is_there(w, event));
	pass_time(w, DAY_MS);
	struct retention_counts counts = whole_pass(w);
	assert_int_equal(counts.events, 1);
	assert_int_equal(counts.deliveries, 1);
	assert_int_equal(counts.attempts, 2);
	assert_false(event_is_there(w, event));
	assert_false(delivery_is_there(w, delivery));
	assert_true(event_is_there(w, young));
	assert_int_equal(status_of(w).oldest_event_ms, id_time_ms(young));
}

static void what_is_unfinished_stays_whatever_its_age(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", "\"ordered\": true");
	int64_t pending = publish(w), held = publish(w);
	struct due due = world_first_due(w, endpoint);
	world_settle(w, &due, 500, REASON_NONE);
	pass_time(w, 20 * MONTH_MS);
	struct retention_counts counts = many_passes(w);
	assert_int_equal(counts.events, 0);
	assert_int_equal(counts.attempts, 0);
	assert_int_equal(attempts_of(w, due.delivery), 1);
	assert_true(event_is_there(w, pending) && event_is_there(w, held));
	/* It ends at last, and goes. */
	for (int i = 0; i < 2; i++) {
		due = world_first_due(w, endpoint);
		assert_true(world_settle(w, &due, 200, REASON_NONE));
	}
	assert_int_equal(many_passes(w).events, 2);
	assert_false(event_is_there(w, pending) || event_is_there(w, held));
}

static void a_dead_letter_keeps_its_event_until_its_own_time_is_over(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t delivery = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	int64_t event = world_delivery(w, delivery).row.event;
	pass_time(w, 3 * MONTH_MS - DAY_MS);
	assert_int_equal(many_passes(w).events, 0);
	assert_true(event_is_there(w, event));
	assert_int_equal(attempts_of(w, delivery), 1); /* told by its row: the attempt itself had its time */
	pass_time(w, DAY_MS);
	struct retention_counts counts = whole_pass(w);
	assert_int_equal(counts.events, 1);
	assert_int_equal(counts.deliveries, 1);
	assert_false(event_is_there(w, event));
}

static void one_dead_letter_keeps_the_other_deliveries_too(void **state)
{
	struct world *w = *state;
	int64_t one = world_endpoint(w, "**", NULL), other = world_endpoint(w, "**", NULL);
	int64_t event = publish(w);
	struct due due = world_first_due(w, one);
	world_settle(w, &due, 500, REASON_EXHAUSTED);
	due = world_first_due(w, other);
	world_settle(w, &due, 200, REASON_NONE);
	pass_time(w, 2 * MONTH_MS);
	assert_int_equal(many_passes(w).deliveries, 0);
	assert_true(event_is_there(w, event));
	assert_true(delivery_is_there(w, due.delivery));
}

static void attempts_go_before_their_deliveries_when_told_so(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->retention.attempts_ms = DAY_MS;
	world_open(w);
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w);
	struct due due = world_first_due(w, endpoint);
	world_settle(w, &due, 500, REASON_NONE);
	due = world_first_due(w, endpoint);
	world_settle(w, &due, 200, REASON_NONE);
	pass_time(w, 2 * DAY_MS);
	assert_int_equal(whole_pass(w).attempts, 2);
	assert_true(event_is_there(w, event));
	assert_true(delivery_is_there(w, due.delivery));
}

static void an_age_of_zero_is_for_ever(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->retention = (struct retention_limits){.on = true};
	world_open(w);
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w);
	struct due due = world_first_due(w, endpoint);
	world_settle(w, &due, 200, REASON_NONE);
	pass_time(w, 100 * MONTH_MS);
	struct retention_counts counts = many_passes(w);
	assert_int_equal(counts.events + counts.deliveries + counts.attempts, 0);
	assert_true(event_is_there(w, event));
}

static void a_large_fan_out_goes_in_parts(void **state)
{
	struct world *w = *state;
	enum { ENDPOINTS = 700 };
	static int64_t endpoints[ENDPOINTS];
	for (int i = 0; i < ENDPOINTS; i++)
		endpoints[i] = world_endpoint(w, "**", NULL);
	int64_t event = publish(w);
	for (int i = 0; i < ENDPOINTS; i++) {
		struct due due = world_first_due(w, endpoints[i]);
		world_settle(w, &due, 200, REASON_NONE);
	}
	pass_time(w, MONTH_MS + DAY_MS);
	struct retention_counts counts = whole_pass(w);
	assert_int_equal(counts.events, 1);
	assert_int_equal(counts.deliveries, ENDPOINTS);
	assert_false(event_is_there(w, event));
}

static void rows_of_the_audit_and_bulk_work_go_by_their_age(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	world_operation(w, OPERATION_DISCARD, &(struct dead_filter){.endpoint = endpoint});
	world_operations_end(w);
	pass_time(w, 12 * MONTH_MS + DAY_MS);
	struct retention_counts counts = whole_pass(w);
	assert_int_equal(counts.operations, 1);
	assert_true(counts.audit >= 2);
}

static void a_deleted_endpoint_goes_when_nothing_of_it_is_left(void **state)
{
	struct world *w = *state;
	struct err err = {0};
	int64_t subscriber, endpoint = world_endpoint(w, "**", NULL), kept = world_endpoint(w, "other.*", NULL);
	int64_t delivery = world_dead(w, kept, "other.thing", REASON_EXHAUSTED);
	world_change(w, CHANGE_ENDPOINT_DELETE, endpoint);
	world_change(w, CHANGE_ENDPOINT_DELETE, kept);
	world_operations_end(w);
	pass_time(w, 2 * MONTH_MS);
	assert_int_equal(whole_pass(w).endpoints, 0);
	pass_time(w, MONTH_MS + DAY_MS);
	many_passes(w);
	assert_int_equal(reader_endpoint_owner(w->reader, endpoint, &subscriber, &err), -1);
	assert_false(delivery_is_there(w, delivery));
}

/* ---- Who it waits for ---- */

/* More than one slice of it, and all of them too old meanwhile. */
static void it_waits_while_bulk_work_sends_events_again(void **state)
{
	struct world *w = *state;
	enum { DEAD = 600 };
	int64_t endpoint = world_endpoint(w, "**", NULL);
	for (int i = 0; i < DEAD; i++)
		world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	struct store_change change = {.cmd.kind = STORE_CHANGE, .what = CHANGE_OPERATION_CREATE, .operation = OPERATION_RETRY, .filter.endpoint = endpoint};
	world_post(w, &change.cmd, true);
	world_wait(1);
	move_clocks(w, 4 * MONTH_MS); /* the writer is held */
	world_release();
	int64_t operation = change.result_id;
	store_change_clear(&change);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, operation).row.done, DEAD);
	assert_int_equal(many_passes(w).events, 0);
	struct stats stats;
	struct err err = {0};
	assert_int_equal(reader_stats(w->reader, w->wall_ms, 0, &stats, &err), 0);
	assert_int_equal(stats.pending.count, DEAD);
}

/* ---- The clock ---- */

static void a_clock_that_jumps_stops_it_until_it_is_back(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t event = publish(w);
	struct due due = world_first_due(w, endpoint);
	world_settle(w, &due, 200, REASON_NONE);
	whole_pass(w);
	nudge(w);
	set_clock(w, 2 * MONTH_MS); /* but not the other one */
	look_until(w, RETENTION_STOPPED);
	assert_true(status_of(w).jump_ms > 2 * MONTH_MS - DAY_MS);
	for (int i = 0; i < 5; i++) {
		pass_time(w, 61000);
		nudge(w);
	}
	assert_true(event_is_there(w, event));
	set_clock(w, -2 * MONTH_MS);
	look_until(w, RETENTION_RESTS);
	assert_int_equal(whole_pass(w).events, 0);
	assert_true(event_is_there(w, event));
}

static void an_administrator_confirms_the_clock(void **state)
{
	struct world *w = *state;
	int64_t event = publish(w);
	whole_pass(w);
	set_clock(w, 2 * MONTH_MS);
	look_until(w, RETENTION_STOPPED);
	world_change(w, CHANGE_RETENTION_CONFIRM, 0);
	many_passes(w);
	assert_false(event_is_there(w, event));
}

static void a_start_with_a_clock_far_off_waits_for_confirmation(void **state)
{
	struct world *w = *state;
	int64_t event = publish(w);
	whole_pass(w);
	world_close(w);
	pass_time(w, MONTH_MS * 2);
	world_open(w);
	look_until(w, RETENTION_STOPPED);
	assert_true(event_is_there(w, event));
	/* As does one with a clock that went back. */
	world_close(w);
	set_clock(w, -3 * MONTH_MS);
	world_open(w);
	look_until(w, RETENTION_STOPPED);
	assert_true(status_of(w).jump_ms < 0);
	world_change(w, CHANGE_RETENTION_CONFIRM, 0);
	look_until(w, RETENTION_RESTS);
}

static void ids_of_what_was_deleted_are_not_given_out_again(void **state)
{
	struct world *w = *state;
	int64_t event = publish(w);
	pass_time(w, MONTH_MS + DAY_MS);
	whole_pass(w);
	assert_false(event_is_there(w, event));
	world_close(w);
	set_clock(w, -2 * MONTH_MS);
	world_open(w);
	assert_true(publish(w) > event);
}

/* ---- By size ---- */

static int64_t publish_large(struct world *w)
{
	static char data[65536];
	memset(data, 'x', sizeof data - 1);
	data[0] = data[sizeof data - 2] = '"';
	return world_publish(w, &(struct world_event){.type = "large.one", .data = data});
}

static void the_oldest_that_has_ended_goes_when_the_database_is_too_large(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->retention.bytes = 4 << 20;
	world_open(w);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t unfinished = publish(w), first = publish_large(w), last = first;
	for (int i = 0; i < 127; i++)
		last = publish_large(w);
	pass_time(w, DAY_MS);
	struct retention_counts counts = whole_pass(w);
	assert_in_range(counts.events, 60, 110);
	assert_false(event_is_there(w, first));
	assert_true(event_is_there(w, last) && event_is_there(w, unfinished));
	struct retention_status status = status_of(w);
	assert_true(status.used_bytes <= 4 << 20);
	assert_false(status.over);
	assert_int_equal(world_pending(w, endpoint), 1);
	/* What is free beyond a reserve was given back to the file system. */
	assert_true(status.gives_back);
	assert_true(counts.pages > 0);
	assert_true(status.free_bytes <= 5 << 20);
}

static void it_says_when_the_bound_cannot_be_kept(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->retention.bytes = 1 << 20;
	world_open(w);
	world_endpoint(w, "**", NULL);
	int64_t first = publish_large(w);
	for (int i = 0; i < 40; i++)
		publish_large(w);
	pass_time(w, 40 * MONTH_MS);
	assert_int_equal(many_passes(w).events, 0);
	assert_true(status_of(w).over);
	assert_true(event_is_there(w, first));
}

#define TEST(f) {#f, f, setup, world_teardown, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_event_goes_with_all_that_belongs_to_it_when_it_is_old),
	    TEST(what_is_unfinished_stays_whatever_its_age),
	    TEST(a_dead_letter_keeps_its_event_until_its_own_time_is_over),
	    TEST(one_dead_letter_keeps_the_other_deliveries_too),
	    TEST(attempts_go_before_their_deliveries_when_told_so),
	    TEST(an_age_of_zero_is_for_ever),
	    TEST(a_large_fan_out_goes_in_parts),
	    TEST(rows_of_the_audit_and_bulk_work_go_by_their_age),
	    TEST(a_deleted_endpoint_goes_when_nothing_of_it_is_left),
	    TEST(it_waits_while_bulk_work_sends_events_again),
	    TEST(a_clock_that_jumps_stops_it_until_it_is_back),
	    TEST(an_administrator_confirms_the_clock),
	    TEST(a_start_with_a_clock_far_off_waits_for_confirmation),
	    TEST(ids_of_what_was_deleted_are_not_given_out_again),
	    TEST(the_oldest_that_has_ended_goes_when_the_database_is_too_large),
	    TEST(it_says_when_the_bound_cannot_be_kept),
	};
	return world_main("store_retention", tests, sizeof tests / sizeof tests[0]);
}
