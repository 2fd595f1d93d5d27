/* The events that a worker read back a moment ago. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/recent.h"

static struct recent recent;
static struct budget budget;

static int setup(void **state)
{
	(void)state;
	budget_init(&budget, (size_t)1 << 30);
	return 0;
}

/* Whatever a test did, nothing stays charged. */
static int teardown(void **state)
{
	(void)state;
	recent_clear(&recent);
	assert_int_equal(recent.bytes, 0);
	assert_int_equal(budget_used(&budget), 0);
	return 0;
}

static void put(int64_t id, size_t data_bytes)
{
	static char data[RECENT_EVENT_BYTES_MAX + 1];
	struct event_fields fields = {.type = SLICE_LITERAL("t"), .data = {data, data_bytes}};
	struct event *event = event_new(&fields, &budget);
	assert_non_null(event);
	event->id = id;
	recent_put(&recent, event, &budget);
	event_unref(event);
}

static bool knows(int64_t id)
{
	struct event *event = recent_get(&recent, id);
	if (event)
		assert_int_equal(event->id, id);
	event_unref(event);
	return event != NULL;
}

static void what_was_put_is_found(void **state)
{
	(void)state;
	assert_false(knows(1));
	put(1, 100);
	put(2, 100);
	assert_true(knows(1) && knows(2));
	assert_false(knows(3));
	recent_clear(&recent);
	assert_false(knows(1));
}

static void what_was_used_longest_ago_goes_first(void **state)
{
	(void)state;
	for (int64_t id = 1; id <= RECENT_MAX; id++)
		put(id, 10);
	assert_true(knows(1));
	put(RECENT_MAX + 1, 10);
	assert_true(knows(1) && knows(3) && knows(RECENT_MAX + 1));
	assert_false(knows(2));
}

static void bytes_are_bounded(void **state)
{
	(void)state;
	enum { BYTES = RECENT_EVENT_BYTES_MAX / 2, MOST = RECENT_BYTES_MAX / BYTES };
	for (int64_t id = 1; id <= 2 * MOST; id++) {
		put(id, BYTES);
		assert_true(budget_used(&budget) <= RECENT_BYTES_MAX);
	}
	assert_true(knows(2 * MOST));
	assert_false(knows(MOST));
}

static void large_events_are_not_kept(void **state)
{
	(void)state;
	put(1, RECENT_EVENT_BYTES_MAX + 1);
	assert_false(knows(1));
	assert_int_equal(budget_used(&budget), 0);
}

static void nothing_is_kept_when_memory_is_short(void **state)
{
	(void)state;
	budget_force(&budget, budget.limit_bytes / 2 + 1);
	put(1, 100);
	assert_false(knows(1));
	budget_release(&budget, budget.limit_bytes / 2 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_put_is_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_was_used_longest_ago_goes_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(bytes_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(large_events_are_not_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_is_kept_when_memory_is_short, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
