/* The verdict: what one attempt's result means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/verdict.h"

static const int64_t NOW_MS = 1700000000000;

static struct endpoint endpoint;
static struct retry_policy retry;
static struct outcome outcome;

static int setup(void **state)
{
	(void)state;
	retry = (struct retry_policy){.base_ms = 5000, .factor = 2, .max_delay_ms = 3600000, .max_attempts = 3};
	endpoint = (struct endpoint){.retry = &retry};
	outcome = (struct outcome){.attempted = true, .due.round = 1};
	return 0;
}

static void judge(enum attempt_failure failure, int status, int64_t retry_after_ms)
{
	outcome.failure = failure;
	outcome.status = status;
	verdict(&outcome, &endpoint, NOW_MS, retry_after_ms, NOW_MS, 0.5);
}

static void every_2xx_succeeds(void **state)
{
	(void)state;
	for (int status = 200; status < 300; status++) {
		judge(FAILURE_NONE, status, -1);
		assert_int_equal(outcome.change, DELIVERY_SUCCEED);
	}
	assert_false(outcome.disable_endpoint);
}

static void gone_kills_and_disables(void **state)
{
	(void)state;
	judge(FAILURE_STATUS, 410, 5000);
	assert_int_equal(outcome.change, DELIVERY_DIE);
	assert_int_equal(outcome.reason, REASON_GONE);
	assert_true(outcome.disable_endpoint);
}

static void a_failed_test_is_cancelled_and_changes_nothing_else(void **state)
{
	(void)state;
	static const int statuses[] = {410, 500};
	outcome.due.round = DELIVERY_ROUND_TEST;
	retry.max_age_ms = 1;
	for (size_t i = 0; i < 2; i++) {
		judge(FAILURE_STATUS, statuses[i], 5000);
		assert_int_equal(outcome.change, DELIVERY_CANCEL);
		assert_int_equal(outcome.reason, REASON_TEST_FAILED);
		assert_false(outcome.disable_endpoint);
	}
	judge(FAILURE_NONE, 200, -1);
	assert_int_equal(outcome.change, DELIVERY_SUCCEED);
	assert_false(verdict_expired(&outcome, &endpoint, NOW_MS, NOW_MS + 1000));
}

static void everything_else_is_retried(void **state)
{
	(void)state;
	static const struct {
		enum attempt_failure failure;
		int status;
	} cases[] = {{FAILURE_STATUS, 400},       {FAILURE_STATUS, 404},   {FAILURE_STATUS, 429}, {FAILURE_STATUS, 500},
	             {FAILURE_STATUS, 999},       {FAILURE_REDIRECT, 301}, {FAILURE_TIMEOUT, 0},  {FAILURE_CONNECT, 0},
	             {FAILURE_ADDRESS_DENIED, 0}, {FAILURE_DNS, 0},        {FAILURE_TLS, 0},      {FAILURE_RESET, 0},
	             {FAILURE_PROTOCOL, 0},       {FAILURE_TOO_LARGE, 0},  {FAILURE_INTERNAL, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		judge(cases[i].failure, cases[i].status, -1);
		assert_int_equal(outcome.change, DELIVERY_RETRY_LATER);
		assert_int_equal(outcome.next_due_ms, NOW_MS + 5000);
		assert_false(outcome.disable_endpoint);
	}
}

static void waits_grow_with_the_attempts_of_the_round(void **state)
{
	(void)state;
	outcome.due.attempts = 9;
	outcome.due.round_attempts = 1;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.next_due_ms, NOW_MS + 10000);
}

static void last_attempt_of_a_round_exhausts_it(void **state)
{
	(void)state;
	outcome.due.attempts = 2;
	outcome.due.round_attempts = 2;
	judge(FAILURE_TIMEOUT, 0, -1);
	assert_int_equal(outcome.change, DELIVERY_DIE);
	assert_int_equal(outcome.reason, REASON_EXHAUSTED);
	assert_false(outcome.disable_endpoint);
}

static void retry_after_is_honoured(void **state)
{
	(void)state;
	judge(FAILURE_STATUS, 503, 60000);
	assert_int_equal(outcome.next_due_ms, NOW_MS + 60000);
}

static void attempt_that_would_come_after_expires_at_is_not_waited_for(void **state)
{
	(void)state;
	outcome.due.expires_ms = NOW_MS + 5001;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.change, DELIVERY_RETRY_LATER);
	outcome.due.expires_ms = NOW_MS + 5000;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.change, DELIVERY_DIE);
	assert_int_equal(outcome.reason, REASON_EXPIRED);
}

static void max_age_ends_a_delivery(void **state)
{
	(void)state;
	retry.max_age_ms = 5001;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.change, DELIVERY_RETRY_LATER);
	retry.max_age_ms = 5000;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.reason, REASON_EXPIRED);
	/* Asked for by hand, a later round has its budget of attempts whatever the event's age is. */
	outcome.due.round = 2;
	judge(FAILURE_STATUS, 500, -1);
	assert_int_equal(outcome.change, DELIVERY_RETRY_LATER);
}

static void expired_delivery_is_not_sent(void **state)
{
	(void)state;
	assert_false(verdict_expired(&outcome, &endpoint, NOW_MS, NOW_MS));
	outcome.due.expires_ms = NOW_MS + 1;
	assert_false(verdict_expired(&outcome, &endpoint, NOW_MS, NOW_MS));
	outcome.due.expires_ms = NOW_MS;
	assert_true(verdict_expired(&outcome, &endpoint, NOW_MS, NOW_MS));
	assert_int_equal(outcome.change, DELIVERY_DIE);
	assert_int_equal(outcome.reason, REASON_EXPIRED);
	assert_false(outcome.attempted);
	outcome.due.expires_ms = 0;
	retry.max_age_ms = 1000;
	assert_false(verdict_expired(&outcome, &endpoint, NOW_MS - 999, NOW_MS));
	assert_true(verdict_expired(&outcome, &endpoint, NOW_MS - 1000, NOW_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(every_2xx_succeeds, setup),
	    cmocka_unit_test_setup(gone_kills_and_disables, setup),
	    cmocka_unit_test_setup(a_failed_test_is_cancelled_and_changes_nothing_else, setup),
	    cmocka_unit_test_setup(everything_else_is_retried, setup),
	    cmocka_unit_test_setup(waits_grow_with_the_attempts_of_the_round, setup),
	    cmocka_unit_test_setup(last_attempt_of_a_round_exhausts_it, setup),
	    cmocka_unit_test_setup(retry_after_is_honoured, setup),
	    cmocka_unit_test_setup(attempt_that_would_come_after_expires_at_is_not_waited_for, setup),
	    cmocka_unit_test_setup(max_age_ends_a_delivery, setup),
	    cmocka_unit_test_setup(expired_delivery_is_not_sent, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
