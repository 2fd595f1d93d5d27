/* Rates by key, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/rates.h"

enum { SECOND_US = 1000000 };

static unsigned taken(struct rates *rates, uint64_t key, int64_t from_us, int64_t until_us, int64_t every_us)
{
	unsigned count = 0;
	for (int64_t now_us = from_us; now_us < until_us; now_us += every_us)
		count += rates_take(rates, key, now_us) == 0;
	return count;
}

static void a_burst_then_the_rate(void **state)
{
	struct rates *rates = rates_new(50, 1000);
	(void)state;
	assert_int_equal(taken(rates, 7, SECOND_US, SECOND_US + 1000, 1), 50);
	/* Ten seconds at ten times the rate: what is let through deviates by less than 2 %. */
	unsigned count = taken(rates, 7, SECOND_US, 11 * SECOND_US, 2000);
	assert_in_range(count, 495, 505);
	/* A rest gives the burst back, and no more. */
	assert_int_equal(taken(rates, 7, 1000 * (int64_t)SECOND_US, 1000 * (int64_t)SECOND_US + 1000, 1), 50);
	rates_free(rates);
}

static void who_waits_as_long_as_is_said_is_let_through(void **state)
{
	struct rates *rates = rates_new(3, 60 * 1000);
	int64_t now_us = SECOND_US;
	(void)state;
	assert_int_equal(taken(rates, 1, now_us, now_us + 3, 1), 3);
	int64_t wait_ms = rates_take(rates, 1, now_us);
	assert_in_range(wait_ms, 19000, 20001);
	assert_true(rates_take(rates, 1, now_us + (wait_ms - 1) * 1000 - 1000) > 0);
	assert_int_equal(rates_take(rates, 1, now_us + wait_ms * 1000), 0);
	rates_free(rates);
}

static void keys_do_not_count_for_one_another(void **state)
{
	struct rates *rates = rates_new(1, 1000);
	(void)state;
	for (uint64_t key = 1; key < 1000; key++)
		assert_int_equal(rates_take(rates, key, SECOND_US), 0);
	for (uint64_t key = 1; key < 1000; key++)
		assert_true(rates_take(rates, key, SECOND_US) > 0);
	rates_free(rates);
}

/* Far more than there is room for: the memory is bounded, and whoever is used up last is still known. */
static void a_flood_of_keys_does_no_harm(void **state)
{
	struct rates *rates = rates_new(1, 1000);
	(void)state;
	for (uint64_t key = 1; key < 500000; key++)
		(void)rates_take(rates, key * 2654435761u, SECOND_US + (int64_t)key);
	assert_int_equal(rates_take(rates, 42, 2 * SECOND_US), 0);
	assert_true(rates_take(rates, 42, 2 * SECOND_US) > 0);
	rates_free(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_burst_then_the_rate),
	    cmocka_unit_test(who_waits_as_long_as_is_said_is_let_through),
	    cmocka_unit_test(keys_do_not_count_for_one_another),
	    cmocka_unit_test(a_flood_of_keys_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
