/* Breaker, window and pace with times of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule/breaker.h"
#include "schedule/pace.h"
#include "schedule/window.h"

#define MS INT64_C(1000)
#define SECOND (1000 * MS)

enum { NO_JITTER_PERCENT = 50 };
static const double MIDDLE = NO_JITTER_PERCENT / 100.0;
static const int64_t START_US = 7777 * SECOND;
static const struct breaker_policy policy = {.max_failures = 10, .ratio = 0.5, .window_ms = 60000, .wait_ms = 5000, .max_wait_ms = 60000};

static bool fail_at(struct breaker *breaker, int64_t now_us)
{
	bool probe = breaker_begin(breaker);
	return breaker_learn(breaker, &policy, probe, false, now_us, MIDDLE);
}

static bool succeed_at(struct breaker *breaker, int64_t now_us)
{
	bool probe = breaker_begin(breaker);
	return breaker_learn(breaker, &policy, probe, true, now_us, MIDDLE);
}

static struct breaker opened(void)
{
	struct breaker breaker = {.state = BREAKER_CLOSED};
	for (int i = 0; i < policy.max_failures; i++)
		fail_at(&breaker, START_US);
	assert_int_equal(breaker.state, BREAKER_OPEN);
	return breaker;
}

static void opens_after_so_many_failures_in_a_row(void **state)
{
	(void)state;
	struct breaker breaker = {.state = BREAKER_CLOSED};
	for (int i = 0; i < 9; i++)
		assert_false(fail_at(&breaker, START_US));
	assert_false(succeed_at(&breaker, START_US));
	for (int i = 0; i < 9; i++)
		assert_int_equal(fail_at(&breaker, START_US), i == 9);
	assert_int_equal(breaker_gate_us(&breaker), 0);
	assert_true(fail_at(&breaker, START_US));
	assert_true(breaker_gate_us(&breaker) == START_US + 5 * SECOND);
}

static void opens_when_too_large_a_part_fails(void **state)
{
	(void)state;
	struct breaker breaker = {.state = BREAKER_CLOSED};
	bool changed = false;
	int attempts = 0;
	/* Of each two one fails: at the twentieth that is half of enough. */
	while (!changed && attempts < 100) {
		changed = attempts % 2 == 0 ? succeed_at(&breaker, START_US) : fail_at(&breaker, START_US);
		attempts++;
	}
	assert_int_equal(attempts, BREAKER_RATIO_MIN);
	assert_true(breaker.by_ratio);
}

static void what_is_older_than_the_window_is_forgotten(void **state)
{
	(void)state;
	struct breaker breaker = {.state = BREAKER_CLOSED};
	for (int i = 0; i < 9; i++)
		fail_at(&breaker, START_US);
	succeed_at(&breaker, START_US);
	/* The same again, later: with the first ones 18 of 20 would have failed. */
	int64_t later_us = START_US + 61 * SECOND;
	for (int i = 0; i < 9; i++)
		assert_false(fail_at(&breaker, later_us));
	succeed_at(&breaker, later_us);
	for (int i = 0; i < 9; i++)
		assert_false(fail_at(&breaker, later_us + 20 * SECOND));
	succeed_at(&breaker, later_us + 20 * SECOND);
	/* And within it: 19 of 21. */
	assert_true(fail_at(&breaker, later_us + 21 * SECOND));
	assert_true(breaker.by_ratio);
}

static void a_window_outlives_very_many_attempts(void **state)
{
	(void)state;
	struct breaker breaker = {.state = BREAKER_CLOSED};
	for (int i = 0; i < 200000; i++)
		assert_false(succeed_at(&breaker, START_US));
	for (int i = 0; i < 9; i++)
		assert_false(fail_at(&breaker, START_US));
}

static void waits_double_up_to_the_longest(void **state)
{
	(void)state;
	struct breaker breaker = opened();
	static const int64_t waits_s[] = {10, 20, 40, 60, 60, 60};
	int64_t now_us = breaker.probe_us;
	for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
		assert_true(fail_at(&breaker, now_us));
		assert_true(breaker.probe_us == now_us + waits_s[i] * SECOND);
		now_us = breaker.probe_us;
	}
	assert_int_equal(breaker.failures, 16);
	/* After it was closed they begin anew. */
	assert_true(succeed_at(&breaker, now_us));
	for (int i = 0; i < policy.max_failures; i++)
		fail_at(&breaker, now_us);
	assert_true(breaker.probe_us == now_us + 5 * SECOND);
}

static void waits_are_spread(void **state)
{
	(void)state;
	struct breaker shortest = {.state = BREAKER_CLOSED}, longest = shortest;
	for (int i = 0; i < policy.max_failures; i++) {
		breaker_learn(&shortest, &policy, false, false, START_US, 0);
		breaker_learn(&longest, &policy, false, false, START_US, 1);
	}
	assert_true(shortest.probe_us == START_US + 4 * SECOND);
	assert_true(longest.probe_us == START_US + 6 * SECOND);
}

static void half_open_lets_one_begin(void **state)
{
	(void)state;
	struct breaker breaker = opened();
	assert_true(breaker_begin(&breaker));
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
	assert_true(breaker_gate_us(&breaker) == INT64_MAX);
	/* What had begun before fails late: that says nothing new. */
	assert_false(breaker_learn(&breaker, &policy, false, false, START_US, MIDDLE));
	assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
	/* The probe came to nothing: the next attempt is one. */
	breaker_miss(&breaker);
	assert_int_equal(breaker_gate_us(&breaker), 0);
	assert_true(breaker_begin(&breaker));
	assert_true(breaker_learn(&breaker, &policy, true, true, START_US, MIDDLE));
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	assert_int_equal(breaker.failures, 0);
}

static void any_success_closes_it(void **state)
{
	(void)state;
	struct breaker breaker = opened();
	assert_true(breaker_learn(&breaker, &policy, false, true, START_US, MIDDLE));
	assert_int_equal(breaker_gate_us(&breaker), 0);
}

static void retry_lets_the_next_one_be_the_probe(void **state)
{
	(void)state;
	struct breaker breaker = opened();
	assert_true(breaker_retry(&breaker));
	assert_int_equal(breaker_gate_us(&breaker), 0);
	assert_false(breaker_retry(&breaker));
	assert_true(fail_at(&breaker, START_US));
	assert_true(breaker.probe_us == START_US + 5 * SECOND);
	struct breaker closed = {.state = BREAKER_CLOSED};
	assert_false(breaker_retry(&closed));
}

/* ---- the window ---- */

static void window_grows_by_one_for_each_window_of_successes(void **state)
{
	(void)state;
	struct window window;
	window_init(&window, 8);
	assert_int_equal(window_size(&window), 8);
	window_restart(&window);
	int successes = 0;
	for (int size = 1; size < 8; size++) {
		int needed = 0;
		for (; window_size(&window) == size; needed++)
			window_grow(&window);
		assert_in_range(needed, size, size + 1);
		successes += needed;
	}
	assert_in_range(successes, 28, 36);
	window_grow(&window);
	assert_int_equal(window_size(&window), 8);
}

static void window_is_halved_once_for_what_was_in_flight_together(void **state)
{
	(void)state;
	struct window window;
	window_init(&window, 8);
	window_shrink(&window, START_US, START_US + 15 * SECOND);
	assert_int_equal(window_size(&window), 4);
	for (int i = 0; i < 7; i++)
		window_shrink(&window, START_US + i, START_US + 15 * SECOND + i);
	assert_int_equal(window_size(&window), 4);
	for (int64_t i = 1; i < 5; i++)
		window_shrink(&window, START_US + i * 15 * SECOND, START_US + (i + 1) * 15 * SECOND);
	assert_int_equal(window_size(&window), 1);
}

static void window_follows_max_in_flight(void **state)
{
	(void)state;
	struct window window;
	window_init(&window, 8);
	window_bound(&window, 100);
	assert_int_equal(window_size(&window), 100);
	window_shrink(&window, START_US, START_US + 1);
	window_bound(&window, 200);
	assert_int_equal(window_size(&window), 50);
	window_bound(&window, 10);
	assert_int_equal(window_size(&window), 10);
}

/* ---- the pace ---- */

/* How many begin within a span, when they are looked at each `step_us`. */
static int64_t begun(struct pace *pace, const struct rate *rate, int64_t from_us, int64_t span_us, int64_t step_us)
{
	int64_t count = 0;
	for (int64_t now_us = from_us; now_us < from_us + span_us; now_us += step_us) {
		for (; pace_gate_us(pace, rate) <= now_us; count++)
			pace_take(pace, rate, now_us);
	}
	return count;
}

static void rate_is_kept_within_a_part_in_fifty(void **state)
{
	(void)state;
	static const struct rate rates[] = {{1, 1000}, {3, 1000}, {10, 1000}, {333, 1000}, {5000, 1000}, {7, 100}, {600, 60000}, {100000, 1000}};
	static const int64_t steps_us[] = {100, 1000, 7300, 50000};
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		for (size_t j = 0; j < sizeof steps_us / sizeof *steps_us; j++) {
			struct pace pace = {0};
			int64_t count = begun(&pace, &rates[i], START_US, 10 * SECOND, steps_us[j]);
			int64_t right = rates[i].limit * 10000 / rates[i].per_ms;
			assert_in_range(count, right * 98 / 100, right * 102 / 100 + 1);
		}
	}
}

static void attempts_are_spread_and_idleness_saves_nothing_up(void **state)
{
	(void)state;
	const struct rate rate = {10, 1000};
	struct pace pace = {0};
	for (int64_t round = 0; round < 3; round++) {
		int64_t now_us = START_US + round * 60 * SECOND;
		assert_true(pace_gate_us(&pace, &rate) <= now_us);
		pace_take(&pace, &rate, now_us);
		assert_true(pace_gate_us(&pace, &rate) == now_us + 100 * MS);
	}
}

static void what_was_late_is_made_up_for(void **state)
{
	(void)state;
	const struct rate rate = {10, 1000};
	struct pace pace = {0};
	pace_take(&pace, &rate, START_US);
	pace_take(&pace, &rate, START_US + 130 * MS);
	assert_true(pace_gate_us(&pace, &rate) == START_US + 200 * MS);
}

static void another_rate_counts_at_once(void **state)
{
	(void)state;
	struct pace pace = {0};
	const struct rate slow = {1, 3600000}, fast = {10, 1000}, none = {0};
	pace_take(&pace, &slow, START_US);
	pace_change(&pace, &fast, START_US + SECOND);
	assert_true(pace_gate_us(&pace, &fast) == START_US + SECOND + 100 * MS);
	pace_change(&pace, &none, START_US + SECOND);
	assert_int_equal(pace_gate_us(&pace, &none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens_after_so_many_failures_in_a_row),
	    cmocka_unit_test(opens_when_too_large_a_part_fails),
	    cmocka_unit_test(what_is_older_than_the_window_is_forgotten),
	    cmocka_unit_test(a_window_outlives_very_many_attempts),
	    cmocka_unit_test(waits_double_up_to_the_longest),
	    cmocka_unit_test(waits_are_spread),
	    cmocka_unit_test(half_open_lets_one_begin),
	    cmocka_unit_test(any_success_closes_it),
	    cmocka_unit_test(retry_lets_the_next_one_be_the_probe),
	    cmocka_unit_test(window_grows_by_one_for_each_window_of_successes),
	    cmocka_unit_test(window_is_halved_once_for_what_was_in_flight_together),
	    cmocka_unit_test(window_follows_max_in_flight),
	    cmocka_unit_test(rate_is_kept_within_a_part_in_fifty),
	    cmocka_unit_test(attempts_are_spread_and_idleness_saves_nothing_up),
	    cmocka_unit_test(what_was_late_is_made_up_for),
	    cmocka_unit_test(another_rate_counts_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
