/* Deliveries counted by state, in transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"
#include "metrics/metrics.h"
#include "store/census.h"

static struct census census;

static int begin(void **state)
{
	(void)state;
	census_init(&census);
	census_known(&census);
	census_begin(&census);
	return 0;
}

static int end(void **state)
{
	(void)state;
	census_destroy(&census);
	return 0;
}

static int64_t made_at(int64_t ms)
{
	return id_floor_of_time(INT64_C(1700000000000) + ms) + 5;
}

static void is(int64_t pending, int64_t held, int64_t dead)
{
	struct census_view view;
	census_view(&census, &view);
	assert_true(view.counted);
	assert_int_equal(view.pending, pending);
	assert_int_equal(view.held, held);
	assert_int_equal(view.dead, dead);
}

/* The oldest one was made at this time, to a second and a bit. */
static void oldest_is(int64_t ms)
{
	struct census_view view;
	census_view(&census, &view);
	int64_t early_ms = INT64_C(1700000000000) + ms - view.oldest_ms;
	assert_in_range(early_ms, 0, 1024);
}

static void none_is_pending(void)
{
	struct census_view view;
	census_view(&census, &view);
	assert_int_equal(view.oldest_ms, 0);
}

static void make(int64_t ms, enum delivery_state to)
{
	census_moved(&census, made_at(ms), CENSUS_NONE, to, REASON_NONE);
}

static void what_is_committed_counts(void **state)
{
	(void)state;
	make(0, DELIVERY_PENDING);
	make(0, DELIVERY_HELD);
	is(0, 0, 0);
	census_commit(&census);
	is(1, 1, 0);
	oldest_is(0);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_DELIVERED, REASON_NONE);
	census_moved(&census, made_at(0), DELIVERY_HELD, DELIVERY_PENDING, REASON_NONE);
	census_commit(&census);
	is(1, 0, 0);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_DEAD, REASON_EXHAUSTED);
	census_commit(&census);
	is(0, 0, 1);
	none_is_pending();
}

static void what_is_rolled_back_does_not_count(void **state)
{
	(void)state;
	uint64_t before = metrics_value(METRIC_MADE, 0);
	make(0, DELIVERY_PENDING);
	census_begin(&census); /* the next transaction */
	census_commit(&census);
	is(0, 0, 0);
	assert_int_equal(metrics_value(METRIC_MADE, 0), before);
}

static void a_savepoint_takes_back_what_came_after_it(void **state)
{
	(void)state;
	make(0, DELIVERY_PENDING);
	census_save(&census);
	make(0, DELIVERY_PENDING); /* of the same second */
	make(5000, DELIVERY_PENDING);
	census_operations(&census, 1);
	census_back(&census);
	make(9000, DELIVERY_HELD);
	census_save(&census);
	make(9000, DELIVERY_PENDING);
	census_commit(&census);
	is(2, 1, 0);
	oldest_is(0);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_CANCELLED, REASON_CANCELLED);
	census_commit(&census);
	oldest_is(9000);
	struct census_view view;
	census_view(&census, &view);
	assert_int_equal(view.operations, 0);
}

static void the_oldest_is_found_however_long_ago(void **state)
{
	enum { DAY_MS = 86400000 };
	(void)state;
	for (int day = 0; day < 100; day++)
		make((int64_t)day * DAY_MS, DELIVERY_PENDING);
	make(77, DELIVERY_PENDING);
	census_commit(&census);
	for (int day = 0; day < 99; day++) {
		oldest_is((int64_t)day * DAY_MS);
		census_moved(&census, made_at((int64_t)day * DAY_MS), DELIVERY_PENDING, DELIVERY_DELIVERED, REASON_NONE);
		if (day == 0)
			census_moved(&census, made_at(77), DELIVERY_PENDING, DELIVERY_DELIVERED, REASON_NONE);
		census_commit(&census);
	}
	/* An old one is opened again. */
	census_moved(&census, made_at(3), DELIVERY_DELIVERED, DELIVERY_PENDING, REASON_NONE);
	census_commit(&census);
	oldest_is(3);
	is(2, 0, 0);
}

static void endings_are_told_with_their_reason(void **state)
{
	(void)state;
	unsigned dead = metrics_pair(ENDING_DEAD, REASON_GONE, LABEL_REASON_MAX), delivered = metrics_pair(ENDING_DELIVERED, 0, LABEL_REASON_MAX);
	uint64_t dead_before = metrics_value(METRIC_FINISHED, dead), delivered_before = metrics_value(METRIC_FINISHED, delivered);
	uint64_t reopened_before = metrics_value(METRIC_REOPENED, 0);
	make(0, DELIVERY_PENDING);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_PENDING, REASON_NONE); /* tried again later */
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_DEAD, REASON_GONE);
	census_moved(&census, made_at(0), DELIVERY_DEAD, DELIVERY_HELD, REASON_NONE);
	census_moved(&census, made_at(0), DELIVERY_HELD, DELIVERY_PENDING, REASON_NONE);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_DELIVERED, REASON_GONE /* of no meaning here */);
	census_commit(&census);
	assert_int_equal(metrics_value(METRIC_FINISHED, dead), dead_before + 1);
	assert_int_equal(metrics_value(METRIC_FINISHED, delivered), delivered_before + 1);
	assert_int_equal(metrics_value(METRIC_REOPENED, 0), reopened_before + 1);
	is(0, 0, 0);
}

static void a_discard_is_no_second_ending(void **state)
{
	(void)state;
	unsigned discarded = metrics_pair(ENDING_CANCELLED, REASON_DISCARDED, LABEL_REASON_MAX);
	uint64_t ended_before = metrics_value(METRIC_FINISHED, discarded), before = metrics_value(METRIC_DISCARDED, 0);
	make(0, DELIVERY_PENDING);
	census_moved(&census, made_at(0), DELIVERY_PENDING, DELIVERY_DEAD, REASON_EXHAUSTED);
	census_moved(&census, made_at(0), DELIVERY_DEAD, DELIVERY_CANCELLED, REASON_DISCARDED);
	census_commit(&census);
	assert_int_equal(metrics_value(METRIC_FINISHED, discarded), ended_before);
	assert_int_equal(metrics_value(METRIC_DISCARDED, 0), before + 1);
	is(0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_committed_counts, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_rolled_back_does_not_count, begin, end),
	    cmocka_unit_test_setup_teardown(a_savepoint_takes_back_what_came_after_it, begin, end),
	    cmocka_unit_test_setup_teardown(the_oldest_is_found_however_long_ago, begin, end),
	    cmocka_unit_test_setup_teardown(endings_are_told_with_their_reason, begin, end),
	    cmocka_unit_test_setup_teardown(a_discard_is_no_second_ending, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
