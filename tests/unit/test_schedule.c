/* The scheduler's thread: what is sent when. */
#include "schedule_world.h"

static void published_delivery_is_given_to_a_worker_with_its_payload(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	/* Before the thread runs, which would find the row in the outbox too. */
	publish(1, 11, START_MS);
	begin();
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.epoch, 10);
	assert_int_equal(job->endpoint->meta.id, 1);
	assert_non_null(job->event);
	assert_int_equal(scheduler_live(scheduler), 1);
	succeed(job);
}

static void rows_of_before_the_start_are_found(void **state)
{
	(void)state;
	for (int i = 1; i <= 20; i++) {
		set_endpoint(i, ENDPOINT_ACTIVE, 8, false);
		put_row(i, 100 + i, START_MS - i, ROW_PENDING);
	}
	put_row(50, 500, START_MS, ROW_PENDING); /* of a deleted endpoint */
	begin();
	bool seen[21] = {false};
	for (int i = 0; i < 20; i++) {
		struct job *job = next_job();
		assert_int_equal(job->outcome.due.delivery, 100 + job->outcome.due.endpoint);
		seen[job->outcome.due.endpoint] = true;
		succeed(job);
	}
	for (int i = 1; i <= 20; i++)
		assert_true(seen[i]);
	assert_quiet(901);
}

static void start_up_goes_on_when_the_store_could_not_be_read(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING);
	failing_reads = 1;
	begin();
	assert_quiet(901);
	advance(1000);
	succeed(next_job());
}

static void failed_delivery_comes_again_when_it_is_due(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	job->outcome.attempted = true;
	scheduler_freed(job);
	settle(job, DELIVERY_RETRY_LATER, START_MS + 5000);
	assert_quiet(901);
	advance(4999);
	assert_quiet(902);
	advance(1);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.due.attempts, 1);
	assert_int_equal(job->outcome.due.round_attempts, 1);
	succeed(job);
}

static void delivery_is_never_sent_twice_before_its_outcome_is_committed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	scheduler_due(scheduler, 1, START_MS); /* a refill sees the row as pending */
	assert_quiet(901);
	settle(job, DELIVERY_SUCCEED, 0);
	assert_quiet(902);
}

static void retry_by_hand_that_overtakes_the_settlement_is_not_lost(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	/* Committed as dead and reopened in one batch; the settlement comes last. */
	struct row *row;
	pthread_mutex_lock(&mutex);
	row_of(11, &row)->round = 2;
	pthread_mutex_unlock(&mutex);
	scheduler_due(scheduler, 1, START_MS);
	assert_quiet(901);
	settle(job, DELIVERY_DIE, 0);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.due.round, 2);
	succeed(job);
}

static void unordered_slot_is_free_when_the_answer_is_in(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	struct job *first = next_job();
	assert_quiet(901);
	scheduler_freed(first);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	settle(first, DELIVERY_SUCCEED, 0);
	succeed(second);
}

static void ordered_slot_is_free_when_the_outcome_is_committed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	begin();
	assert_quiet(901);
	publish(1, 11, START_MS);
	struct job *first = next_job();
	publish(1, 13, START_MS); /* of another key */
	struct row *held = put_row(1, 12, START_MS, ROW_HELD);
	scheduler_freed(first);
	assert_quiet(902);
	pthread_mutex_lock(&mutex);
	held->state = ROW_PENDING;
	first->outcome.has_promoted = true;
	first->outcome.promoted = held->due;
	pthread_mutex_unlock(&mutex);
	settle(first, DELIVERY_SUCCEED, 0);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	succeed(second);
	second = next_job();
	assert_int_equal(second->outcome.due.delivery, 13);
	succeed(second);
}

static void due_lanes_take_turns(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 100, false);
	set_endpoint(2, ENDPOINT_ACTIVE, 100, false);
	for (int i = 0; i < 10; i++)
		publish(1, 100 + i, START_MS - 1000);
	for (int i = 0; i < 10; i++)
		publish(2, 200 + i, START_MS);
	begin();
	for (int i = 0; i < 20; i++) {
		struct job *job = next_job();
		assert_int_equal(job->outcome.due.endpoint, 1 + i % 2);
		succeed(job);
	}
}

static void live_jobs_are_bounded(void **state)
{
	(void)state;
	setup_with(3);
	for (int i = 1; i <= 5; i++) {
		set_endpoint(i, ENDPOINT_ACTIVE, 100, false);
		publish(i, i, START_MS);
	}
	begin();
	struct job *first = next_job();
	struct job *live[] = {next_job(), next_job()};
	scheduler_freed(first);
	/* The answers are in, but nothing is committed: whatever is done now, there is no fourth job before this one is settled. */
	assert_int_equal(scheduler_live(scheduler), 3);
	settle(first, DELIVERY_SUCCEED, 0);
	struct job *fourth = next_job();
	assert_int_equal(fourth->outcome.due.delivery, 4);
	assert_int_equal(scheduler_live(scheduler), 3);
	succeed(live[0]);
	succeed(live[1]);
	succeed(fourth);
	succeed(next_job());
}

static void paused_endpoint_gets_nothing_until_it_is_resumed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	set_endpoint(1, ENDPOINT_PAUSED, 8, false);
	publish(1, 11, START_MS);
	assert_quiet(901);
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	succeed(next_job());
}

static void test_goes_at_once_beside_window_and_pause(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	begin();
	publish(1, 11, START_MS);
	struct job *first = next_job();
	publish(1, 12, START_MS);
	publish_round(1, 13, START_MS, DELIVERY_ROUND_TEST);
	struct job *test = next_job();
	assert_int_equal(test->outcome.due.delivery, 13);
	assert_non_null(test->event);
	set_endpoint(1, ENDPOINT_PAUSED, 1, true);
	publish_round(1, 14, START_MS, DELIVERY_ROUND_TEST);
	struct job *paused = next_job();
	assert_int_equal(paused->outcome.due.delivery, 14);
	scheduler_freed(test);
	settle(test, DELIVERY_CANCEL, 0);
	wait_tested(1, 13);
	succeed(paused);
	wait_tested(2, 14);
	/* The window is as it was. */
	assert_quiet(901);
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	assert_quiet(902);
	succeed(first);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	succeed(second);
	assert_int_equal(tested_len, 2);
}

static void test_of_a_deleted_endpoint_is_over_at_once(void **state)
{
	(void)state;
	begin();
	publish_round(77, 13, START_MS, DELIVERY_ROUND_TEST);
	wait_tested(1, 13);
}

static void cancelled_delivery_is_not_sent(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS + 1000);
	assert_quiet(901);
	struct row *row;
	pthread_mutex_lock(&mutex);
	row_of(11, &row);
	row->state = ROW_ENDED;
	pthread_mutex_unlock(&mutex);
	scheduler_due(scheduler, 1, 0);
	advance(1000);
	assert_quiet(902);
}

static void deleted_endpoint_gets_nothing_more(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	struct job *job = next_job();
	set_endpoint(1, ENDPOINT_DELETED, 1, false);
	publish(1, 13, START_MS);
	scheduler_freed(job);
	settle(job, DELIVERY_RETRY_LATER, START_MS);
	assert_quiet(901);
}

static void backlog_is_read_in_pieces_and_sent_once_each(void **state)
{
	(void)state;
	enum { BACKLOG = 900 };
	static bool seen[BACKLOG + 1];
	memset(seen, 0, sizeof seen);
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	for (int i = 1; i <= BACKLOG; i++)
		put_row(1, i, START_MS - 5000 + i / 300, ROW_PENDING);
	begin();
	for (int i = 1; i <= BACKLOG; i++) {
		struct job *job = next_job();
		assert_false(seen[job->outcome.due.delivery]);
		seen[job->outcome.due.delivery] = true;
		succeed(job);
	}
	pthread_mutex_lock(&mutex);
	unsigned reads = lane_reads;
	pthread_mutex_unlock(&mutex);
	assert_in_range(reads, 4, 16);
}

static void unreadable_lane_is_read_again_a_second_later(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	assert_quiet(901);
	pthread_mutex_lock(&mutex);
	failing_reads = 1;
	pthread_mutex_unlock(&mutex);
	put_row(1, 11, START_MS, ROW_PENDING);
	scheduler_due(scheduler, 1, START_MS);
	assert_quiet(902);
	advance(1000);
	succeed(next_job());
}

static void outcome_that_was_not_stored_is_sent_again(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	job->outcome.cmd.fate = ERR_UNAVAILABLE;
	job->outcome.cmd.done(&job->outcome.cmd);
	assert_quiet(901);
	advance(1000);
	succeed(next_job());
}

static void expired_deliveries_end_without_a_request(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_PAUSED, 8, true);
	struct row *waiting = put_row(1, 11, START_MS, ROW_PENDING);
	struct row *held = put_row(1, 12, START_MS, ROW_HELD);
	waiting->due.expires_ms = START_MS + 60000;
	held->due.expires_ms = START_MS + 70000;
	begin();
	assert_quiet(901);
	assert_int_equal(posted_len, 0);
	advance(65000);
	struct outcome *outcome = next_posted();
	assert_int_equal(outcome->due.delivery, 11);
	assert_int_equal(outcome->cmd.kind, STORE_OUTCOME);
	assert_int_equal(outcome->change, DELIVERY_DIE);
	assert_int_equal(outcome->reason, REASON_EXPIRED);
	assert_false(outcome->attempted);
	settle((struct job *)(void *)outcome, DELIVERY_DIE, 0);
	advance(5000);
	outcome = next_posted();
	assert_int_equal(outcome->due.delivery, 12);
	settle((struct job *)(void *)outcome, DELIVERY_DIE, 0);
	assert_quiet(902);
	assert_int_equal(posted_len, 2);
}

static void delivery_in_flight_is_left_to_its_worker_when_it_expires(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING)->due.expires_ms = START_MS + 1000;
	begin();
	struct job *job = next_job();
	advance(2000);
	assert_quiet(901);
	pthread_mutex_lock(&mutex);
	size_t ended = posted_len;
	pthread_mutex_unlock(&mutex);
	assert_int_equal(ended, 0);
	succeed(job);
}

static void quiesced_scheduler_starts_nothing(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_quiesce(scheduler);
	publish(1, 12, START_MS);
	succeed(job);
	scheduler_stop(scheduler);
	scheduler = NULL;
	assert_int_equal(jobs_len, 1);
}

/* The marker is a test, which is sent all the same. */
static void paused_hub_sends_nothing_until_it_is_resumed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	set_endpoint(2, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING);
	scheduler_pause(scheduler, true);
	begin();
	publish(1, 12, START_MS);
	publish_round(2, 21, START_MS, DELIVERY_ROUND_TEST);
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, 21);
	succeed(job);
	wait_tested(1, 21);
	advance(60000);
	publish_round(2, 22, START_MS, DELIVERY_ROUND_TEST);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 22);
	succeed(job);
	scheduler_pause(scheduler, false);
	int64_t sum = 0;
	for (int i = 0; i < 2; i++) {
		job = next_job();
		sum += job->outcome.due.delivery;
		succeed(job);
	}
	assert_int_equal(sum, 11 + 12);
}

static void what_expires_in_a_pause_of_the_hub_ends(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING)->due.expires_ms = START_MS + 1000;
	scheduler_pause(scheduler, true);
	begin();
	advance(2000);
	struct outcome *ended = next_posted();
	assert_int_equal(ended->due.delivery, 11);
	assert_int_equal(ended->reason, REASON_EXPIRED);
	settle((struct job *)(void *)ended, DELIVERY_DIE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(published_delivery_is_given_to_a_worker_with_its_payload, setup, teardown),
	    cmocka_unit_test_setup_teardown(rows_of_before_the_start_are_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(start_up_goes_on_when_the_store_could_not_be_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(failed_delivery_comes_again_when_it_is_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(delivery_is_never_sent_twice_before_its_outcome_is_committed, setup, teardown),
	    cmocka_unit_test_setup_teardown(retry_by_hand_that_overtakes_the_settlement_is_not_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(unordered_slot_is_free_when_the_answer_is_in, setup, teardown),
	    cmocka_unit_test_setup_teardown(ordered_slot_is_free_when_the_outcome_is_committed, setup, teardown),
	    cmocka_unit_test_setup_teardown(due_lanes_take_turns, setup, teardown),
	    cmocka_unit_test_teardown(live_jobs_are_bounded, teardown),
	    cmocka_unit_test_setup_teardown(paused_endpoint_gets_nothing_until_it_is_resumed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_goes_at_once_beside_window_and_pause, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_of_a_deleted_endpoint_is_over_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(cancelled_delivery_is_not_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(deleted_endpoint_gets_nothing_more, setup, teardown),
	    cmocka_unit_test_setup_teardown(backlog_is_read_in_pieces_and_sent_once_each, setup, teardown),
	    cmocka_unit_test_setup_teardown(unreadable_lane_is_read_again_a_second_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(outcome_that_was_not_stored_is_sent_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(expired_deliveries_end_without_a_request, setup, teardown),
	    cmocka_unit_test_setup_teardown(delivery_in_flight_is_left_to_its_worker_when_it_expires, setup, teardown),
	    cmocka_unit_test_setup_teardown(paused_hub_sends_nothing_until_it_is_resumed, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_expires_in_a_pause_of_the_hub_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(quiesced_scheduler_starts_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
