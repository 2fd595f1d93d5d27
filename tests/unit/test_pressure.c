/* The scheduler's thread: breakers, rates, and who gets how much. */
#include "schedule_world.h"

static struct breaker_policy policy_without_wait;

/* Ten failures in a row, one after the other. */
static void fail_until_open(int64_t endpoint)
{
	for (int i = 0; i < 10; i++) {
		publish(endpoint, 100 + i, START_MS);
		fail_job(next_job(), START_MS + 1000000);
	}
}

static void breaker_that_never_waits_has_one_attempt_at_a_time(void **state)
{
	(void)state;
	policy_without_wait = endpoint_defaults.breaker;
	policy_without_wait.wait_ms = policy_without_wait.max_wait_ms = 0;
	set_endpoint_with(1, ENDPOINT_ACTIVE, 10, false, &policy_without_wait);
	begin();
	for (int64_t i = 0; i < 30; i++)
		publish(1, 100 + i, START_MS);
	/* After the tenth failure the nine that are in flight are followed by one. */
	for (int i = 0; i < 19; i++)
		fail_job(next_job(), START_MS + 1000000);
	struct job *alone = next_job();
	assert_quiet(901);
	succeed(alone);
	/* Then one more, and one more with each success, roughly. */
	for (int i = 0; i < 10; i++)
		succeed(next_job());
}

static void open_breaker_sends_nothing_until_its_wait_is_over(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	fail_until_open(1);
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	assert_quiet(901);
	struct breaker_view view;
	breakers_get(breakers, 1, &view);
	assert_int_equal(view.state, BREAKER_OPEN);
	assert_int_equal(view.failures, 10);
	assert_in_range(view.next_probe_ms, START_MS + 4000, START_MS + 6000);
	assert_non_null(strstr(view.why, "10 attempts failed in a row; the last: no connection: refused, or no route"));
	assert_int_equal(opened_len, 1);
	assert_int_equal(recovered_len, 0);
	/* The wait is 5 s, a fifth more or less; the probe is one delivery. */
	advance(3900);
	assert_quiet(902);
	advance(2200);
	struct job *probe = next_job();
	assert_int_equal(probe->outcome.due.attempts, 0);
	assert_quiet(903);
	breakers_get(breakers, 1, &view);
	assert_int_equal(view.state, BREAKER_HALF_OPEN);
	fail_job(probe, START_MS + 1000000);
	/* It failed: twice the wait. */
	assert_quiet(904);
	advance(7900);
	assert_quiet(906);
	advance(4200);
	succeed(next_job());
	assert_quiet(905);
	breakers_get(breakers, 1, &view);
	assert_int_equal(view.state, BREAKER_CLOSED);
	assert_int_equal(opened_len, 1);
	assert_int_equal(recovered_len, 1);
}

static void delivery_by_hand_and_test_pass_an_open_breaker(void **state)
{
	(void)state;
	struct row *row;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	fail_until_open(1);
	publish(1, 11, START_MS);
	assert_quiet(901);
	struct due due = *row_of(11, &row);
	scheduler_due(scheduler, 1, START_MS);
	scheduler_urged(scheduler, &due);
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	/* It is live: sent once, also when it is asked for twice. */
	scheduler_urged(scheduler, &due);
	assert_quiet(902);
	fail_job(job, START_MS + 1000000);
	/* By hand or not, a failure of what is no probe leaves the breaker alone, a success closes it. */
	publish_round(1, 13, START_MS, DELIVERY_ROUND_TEST);
	struct job *test = next_job();
	assert_int_equal(test->outcome.due.delivery, 13);
	publish(1, 12, START_MS);
	assert_quiet(903);
	succeed(test);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 12);
	succeed(job);
}

static void resumed_endpoint_is_tried_at_once(void **state)
{
	(void)state;
	const struct due all = {.endpoint = 1};
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	fail_until_open(1);
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	assert_quiet(901);
	scheduler_urged(scheduler, &all);
	struct job *probe = next_job();
	assert_quiet(902);
	succeed(probe);
	succeed(next_job());
}

static void changed_endpoint_is_tried_at_once(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	fail_until_open(1);
	publish(1, 11, START_MS);
	assert_quiet(901);
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	succeed(next_job());
}

static void disabled_endpoint_has_not_recovered(void **state)
{
	(void)state;
	struct breaker_view view;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	fail_until_open(1);
	set_endpoint(1, ENDPOINT_DISABLED, 8, false);
	assert_quiet(901);
	breakers_get(breakers, 1, &view);
	assert_int_equal(view.state, BREAKER_CLOSED);
	assert_int_equal(recovered_len, 0);
}

/* Endpoints that accept and never answer, more of them than may be live together: one that is well is sent at once what it is to get. */
static void endpoints_that_never_answer_leave_room(void **state)
{
	(void)state;
	enum { HUNG = 40, EACH = 8 };
	setup_with(64);
	static struct job *hung[HUNG * EACH];
	for (int i = 1; i <= HUNG; i++)
		set_endpoint(i, ENDPOINT_ACTIVE, EACH, false);
	begin();
	for (int j = 0; j < EACH; j++) {
		for (int i = 1; i <= HUNG; i++)
			publish(i, 1000 * i + j, START_MS);
	}
	/* Each of them comes, although nothing of what came before has ended. */
	size_t len = 0;
	for (int64_t marker = 900000; marker < 900020; marker++) {
		publish(MARKER, marker, START_MS);
		struct job *job;
		while ((job = next_job())->outcome.due.endpoint != MARKER)
			hung[len++] = job;
		assert_int_equal(job->outcome.due.delivery, marker);
		succeed(job);
	}
	assert_in_range(len, HUNG, 63);
	for (size_t i = 0; i < len; i++)
		succeed(hung[i]);
	for (; len < HUNG * EACH; len++)
		succeed(next_job());
}

/* A subscriber with many endpoints that are busy, and one with one: each second turn is the latter's. */
static void subscribers_share_turns(void **state)
{
	(void)state;
	enum { MANY = 20 };
	for (int i = 1; i <= MANY; i++)
		set_endpoint_of(i, 5001);
	set_endpoint_of(50, 5002);
	for (int i = 1; i <= MANY; i++)
		publish(i, 1000 + i, START_MS);
	for (int i = 0; i < MANY; i++)
		publish(50, 2000 + i, START_MS);
	begin();
	int theirs = 0;
	for (int i = 0; i < 2 * MANY; i++) {
		struct job *job = next_job();
		if (i < MANY)
			theirs += job->outcome.due.endpoint == 50;
		succeed(job);
	}
	assert_in_range(theirs, MANY / 2 - 1, MANY / 2 + 1);
}

/* Ten seconds, in steps as a thread wakes: late now and then, and with a stall. */
static void rate_is_kept_over_ten_seconds(void **state)
{
	(void)state;
	enum { LIMIT = 37, SECONDS = 10 };
	set_endpoint_rate(1, (struct rate){LIMIT, 1000});
	for (int i = 0; i < ROWS_MAX / 2; i++)
		put_row(1, i + 1, START_MS - 1000, ROW_PENDING);
	begin();
	int sent = 0;
	for (int64_t ms = 0, marker = 10000; ms < SECONDS * 1000; marker++) {
		int64_t step = marker % 50 == 0 ? 60 : 25 + marker % 3;
		advance(step);
		ms += step;
		publish(MARKER, marker, START_MS);
		for (struct job *job; (job = next_job()); sent++) {
			bool ended = job->outcome.due.endpoint == MARKER;
			succeed(job);
			if (ended)
				break;
		}
	}
	assert_in_range(sent, LIMIT * SECONDS * 98 / 100, LIMIT * SECONDS * 102 / 100 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(breaker_that_never_waits_has_one_attempt_at_a_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(open_breaker_sends_nothing_until_its_wait_is_over, setup, teardown),
	    cmocka_unit_test_setup_teardown(delivery_by_hand_and_test_pass_an_open_breaker, setup, teardown),
	    cmocka_unit_test_setup_teardown(resumed_endpoint_is_tried_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(changed_endpoint_is_tried_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(disabled_endpoint_has_not_recovered, setup, teardown),
	    cmocka_unit_test_teardown(endpoints_that_never_answer_leave_room, teardown),
	    cmocka_unit_test_setup_teardown(subscribers_share_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(rate_is_kept_over_ten_seconds, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
