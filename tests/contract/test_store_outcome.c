/* The store contract: outcomes of attempts, retry and cancel by hand, attempts as they are shown. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

struct attempts {
	int len;
	struct attempt_row rows[16];
	char detail[16][64], response[16][64];
};

static int keep_attempt(void *context, const struct attempt_row *row)
{
	struct attempts *kept = context;
	kept->rows[kept->len] = *row;
	snprintf(kept->detail[kept->len], 64, "%.*s", (int)row->detail.len, row->detail.at ? row->detail.at : "");
	snprintf(kept->response[kept->len], 64, "%.*s", (int)row->response.len, row->response.at ? row->response.at : "");
	kept->len++;
	return 0;
}

static struct attempts attempts_of(struct world *w, int64_t delivery)
{
	struct attempts kept = {0};
	struct err err = {0};
	assert_int_equal(reader_attempts(w->reader, delivery, keep_attempt, &kept, &err), 0);
	return kept;
}

static struct due publish_one(struct world *w, int64_t endpoint)
{
	world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	return world_first_due(w, endpoint);
}

static void a_success_on_the_first_try_shows_its_one_attempt(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	assert_true(world_settle(w, &due, 204, REASON_NONE));
	struct world_delivery delivery = world_delivery(w, due.delivery);
	assert_int_equal(delivery.row.state, DELIVERY_DELIVERED);
	assert_int_equal(delivery.row.ended_ms, w->wall_ms);
	assert_int_equal(delivery.row.attempts, 1);
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 1);
	assert_int_equal(attempts.rows[0].number, 1);
	assert_int_equal(attempts.rows[0].status, 204);
	assert_int_equal(attempts.rows[0].duration_ms, 12);
	assert_int_equal(world_pending(w, endpoint), 0);
}

static void captured_successes_keep_their_response(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->capture_success = true;
	world_open(w);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	outcome.response = strdup("thanks");
	outcome.response_len = 6;
	world_run(w, &outcome.cmd);
	free(outcome.response);
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 1);
	assert_string_equal(attempts.response[0], "thanks");
}

static void failures_leave_attempts_and_move_the_due_time(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	struct outcome outcome = world_outcome(w, &due, 503, REASON_NONE);
	outcome.response = strdup("busy");
	outcome.response_len = 4;
	world_run(w, &outcome.cmd);
	free(outcome.response);
	assert_true(outcome.applied);
	due = world_first_due(w, endpoint);
	assert_int_equal(due.due_ms, w->wall_ms + 5000);
	assert_int_equal(due.attempts, 1);
	assert_int_equal(due.round_attempts, 1);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 2);
	assert_int_equal(attempts.rows[0].status, 503);
	assert_int_equal(attempts.rows[0].failure, FAILURE_STATUS);
	assert_string_equal(attempts.detail[0], "the endpoint answered 503");
	assert_string_equal(attempts.response[0], "busy");
	assert_int_equal(attempts.rows[1].status, 200);
	assert_int_equal(attempts.rows[1].number, 2);
}

static void a_dead_one_keeps_its_reason_and_last_error(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t id = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	struct world_delivery delivery = world_delivery(w, id);
	assert_int_equal(delivery.row.state, DELIVERY_DEAD);
	assert_int_equal(delivery.row.reason, REASON_EXHAUSTED);
	assert_int_equal(delivery.row.last_status, 500);
	assert_string_equal(delivery.detail, "the endpoint answered 500");
	assert_string_equal(delivery.type, "order.created");
}

static void a_late_outcome_only_records_its_attempt(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	world_change(w, CHANGE_DELIVERY_CANCEL, due.delivery);
	assert_false(world_settle(w, &due, 200, REASON_NONE));
	struct world_delivery delivery = world_delivery(w, due.delivery);
	assert_int_equal(delivery.row.state, DELIVERY_CANCELLED);
	assert_int_equal(delivery.row.reason, REASON_CANCELLED);
	assert_int_equal(delivery.row.attempts, 1);
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 1);
	assert_int_equal(attempts.rows[0].status, 200);
}

static void an_outcome_of_an_earlier_round_is_not_applied(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due old = publish_one(w, endpoint);
	world_change(w, CHANGE_DELIVERY_CANCEL, old.delivery);
	world_change(w, CHANGE_DELIVERY_RETRY, old.delivery);
	assert_false(world_settle(w, &old, 500, REASON_EXHAUSTED));
	struct due due = world_first_due(w, endpoint);
	assert_int_equal(due.round, 2);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 2);
	assert_int_equal(attempts.rows[0].status, 500);
	assert_int_equal(attempts.rows[1].status, 200);
	assert_int_equal(attempts.rows[1].number, 2);
}

static void an_outcome_of_an_older_epoch_is_not_applied(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	int64_t epoch = store_epoch(w->store, endpoint);
	world_close(w);
	world_open(w);
	assert_int_equal(store_epoch(w->store, endpoint), epoch + 1);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	outcome.epoch = epoch;
	world_run(w, &outcome.cmd);
	assert_false(outcome.applied);
	assert_int_equal(world_pending(w, endpoint), 1);
}

static void the_same_outcome_twice_counts_once(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	struct outcome first = world_outcome(w, &due, 200, REASON_NONE);
	struct outcome second = world_outcome(w, &due, 500, REASON_EXHAUSTED);
	world_run_together(w, (struct store_cmd *[]){&first.cmd, &second.cmd}, 2);
	assert_true(first.applied);
	assert_false(second.applied);
	assert_int_equal(world_delivery(w, due.delivery).row.state, DELIVERY_DELIVERED);
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 2);
	assert_int_equal(attempts.rows[0].status, 200);
	assert_int_equal(attempts.rows[1].status, 500);
}

static void a_delivery_that_expires_ends_without_an_attempt(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	struct outcome outcome = world_outcome(w, &due, 0, REASON_EXPIRED);
	outcome.attempted = false;
	world_run(w, &outcome.cmd);
	assert_true(outcome.applied);
	struct world_delivery delivery = world_delivery(w, due.delivery);
	assert_int_equal(delivery.row.state, DELIVERY_DEAD);
	assert_int_equal(delivery.row.reason, REASON_EXPIRED);
	assert_int_equal(delivery.row.attempts, 0);
	assert_int_equal(attempts_of(w, due.delivery).len, 0);
}

static void gone_disables_the_endpoint_and_ends_what_waits(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	int64_t waiting = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.created"}));
	struct outcome outcome = world_outcome(w, &due, 410, REASON_GONE);
	outcome.disable_endpoint = true;
	world_run(w, &outcome.cmd);
	struct endpoint *now = index_endpoint(w->index, endpoint);
	assert_int_equal(now->meta.status, ENDPOINT_DISABLED);
	assert_string_equal(now->meta.status_reason, "gone");
	assert_int_equal(now->meta.status_since_ms, w->wall_ms);
	endpoint_unref(now);
	world_operations_end(w);
	assert_int_equal(world_delivery(w, due.delivery).row.reason, REASON_GONE);
	assert_int_equal(world_delivery(w, waiting).row.state, DELIVERY_DEAD);
	assert_int_equal(world_delivery(w, waiting).row.reason, REASON_ENDPOINT_DISABLED);
}

static void a_retry_by_hand_opens_a_new_round(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t id = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	w->wall_ms += 1000;
	size_t heard = world_dues_heard(w, endpoint);
	world_change(w, CHANGE_DELIVERY_RETRY, id);
	assert_int_equal(world_dues_heard(w, endpoint), heard + 1);
	struct due due = world_first_due(w, endpoint);
	assert_int_equal(due.delivery, id);
	assert_int_equal(due.round, 2);
	assert_int_equal(due.attempts, 1);
	assert_int_equal(due.round_attempts, 0);
	assert_int_equal(due.due_ms, w->wall_ms);
	struct world_delivery delivery = world_delivery(w, id);
	assert_int_equal(delivery.row.reason, REASON_NONE);
	assert_int_equal(delivery.row.ended_ms, 0);
}

static void a_delivered_one_can_be_sent_again_and_keeps_its_first_attempt(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	assert_true(world_settle(w, &due, 201, REASON_NONE));
	world_change(w, CHANGE_DELIVERY_RETRY, due.delivery);
	due = world_first_due(w, endpoint);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	struct attempts attempts = attempts_of(w, due.delivery);
	assert_int_equal(attempts.len, 2);
	assert_int_equal(attempts.rows[0].status, 201);
	assert_int_equal(attempts.rows[0].round, 1);
	assert_int_equal(attempts.rows[1].status, 500);
	assert_int_equal(attempts.rows[1].round, 2);
	assert_int_equal(attempts.rows[1].number, 2);
}

static void a_pending_one_is_hastened_in_its_round(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	assert_true(world_settle(w, &due, 500, REASON_NONE));
	assert_int_equal(world_first_due(w, endpoint).due_ms, w->wall_ms + 5000);
	world_change(w, CHANGE_DELIVERY_RETRY, due.delivery);
	due = world_first_due(w, endpoint);
	assert_int_equal(due.due_ms, w->wall_ms);
	assert_int_equal(due.round, 1);
	assert_int_equal(due.round_attempts, 1);
}

static void a_retry_that_cannot_work_says_why(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t dead = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	world_publish(w, &(struct world_event){.type = "order.created", .expires_at_ms = w->wall_ms + 10});
	struct due due = world_first_due(w, endpoint);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	w->wall_ms += 10;
	world_change_fails(w, CHANGE_DELIVERY_RETRY, due.delivery, ERR_EXPIRED);
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	world_change_fails(w, CHANGE_DELIVERY_RETRY, dead, ERR_ENDPOINT_DISABLED);
	world_change(w, CHANGE_ENDPOINT_DELETE, endpoint);
	world_change_fails(w, CHANGE_DELIVERY_RETRY, dead, ERR_WRONG_STATE);
	world_change_fails(w, CHANGE_DELIVERY_RETRY, 12345, ERR_NOT_FOUND);
}

static void only_unfinished_ones_can_be_cancelled(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	world_change_fails(w, CHANGE_DELIVERY_CANCEL, due.delivery, ERR_WRONG_STATE);
	int64_t dead = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	world_change_fails(w, CHANGE_DELIVERY_CANCEL, dead, ERR_WRONG_STATE);
}

static void reopen_with_waiting_outcomes(struct world *w)
{
	world_close(w);
	w->outcomes_ms = 1000;
	world_open(w);
}

/* The clock stands, so that the wait has no end of its own. */
static void an_outcome_waits_for_the_next_commit(void **state)
{
	struct world *w = *state;
	reopen_with_waiting_outcomes(w);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due due = publish_one(w, endpoint);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_post(w, &outcome.cmd, false);
	w->wall_ms += 5000;
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_post(w, &publish.cmd, false);
	world_wait(2);
	assert_true(outcome.applied);
	assert_int_equal(world_delivery(w, due.delivery).row.ended_ms, w->wall_ms);
	world_item_clear(&item);
}

static void an_outcome_waits_for_a_while_only(void **state)
{
	struct world *w = *state;
	reopen_with_waiting_outcomes(w);
	struct due due = publish_one(w, world_endpoint(w, "order.*", NULL));
	w->mono_step_us = 100000;
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	w->mono_step_us = 0;
}

static void an_outcome_that_is_awaited_does_not_wait(void **state)
{
	struct world *w = *state;
	reopen_with_waiting_outcomes(w);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due first = publish_one(w, endpoint), second;
	world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	struct outcome outcome = world_outcome(w, &first, 200, REASON_NONE);
	world_post(w, &outcome.cmd, false);
	second = first;
	second.delivery = world_first_due(w, endpoint).delivery;
	struct outcome urgent = world_outcome(w, &second, 200, REASON_NONE);
	urgent.urgent = true;
	world_post(w, &urgent.cmd, false);
	world_wait(2);
	assert_true(outcome.applied);
	assert_int_equal(urgent.cmd.fate, ERR_NONE);
}

static void a_stop_commits_what_waits(void **state)
{
	struct world *w = *state;
	reopen_with_waiting_outcomes(w);
	struct due due = publish_one(w, world_endpoint(w, "order.*", NULL));
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_post(w, &outcome.cmd, false);
	world_close(w);
	world_wait(1);
	assert_true(outcome.applied);
	world_open(w);
	assert_int_equal(world_delivery(w, due.delivery).row.state, DELIVERY_DELIVERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_success_on_the_first_try_shows_its_one_attempt),
	    WORLD_TEST(captured_successes_keep_their_response),
	    WORLD_TEST(failures_leave_attempts_and_move_the_due_time),
	    WORLD_TEST(a_dead_one_keeps_its_reason_and_last_error),
	    WORLD_TEST(a_late_outcome_only_records_its_attempt),
	    WORLD_TEST(an_outcome_of_an_earlier_round_is_not_applied),
	    WORLD_TEST(an_outcome_of_an_older_epoch_is_not_applied),
	    WORLD_TEST(the_same_outcome_twice_counts_once),
	    WORLD_TEST(a_delivery_that_expires_ends_without_an_attempt),
	    WORLD_TEST(gone_disables_the_endpoint_and_ends_what_waits),
	    WORLD_TEST(a_retry_by_hand_opens_a_new_round),
	    WORLD_TEST(a_delivered_one_can_be_sent_again_and_keeps_its_first_attempt),
	    WORLD_TEST(a_pending_one_is_hastened_in_its_round),
	    WORLD_TEST(a_retry_that_cannot_work_says_why),
	    WORLD_TEST(only_unfinished_ones_can_be_cancelled),
	    WORLD_TEST(an_outcome_waits_for_the_next_commit),
	    WORLD_TEST(an_outcome_waits_for_a_while_only),
	    WORLD_TEST(an_outcome_that_is_awaited_does_not_wait),
	    WORLD_TEST(a_stop_commits_what_waits),
	};
	return world_main("store: outcomes", tests, sizeof tests / sizeof tests[0]);
}
