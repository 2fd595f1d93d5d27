/* The lane with times of our own: window, cache, spill and refill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "schedule/lane.h"

enum { ENDPOINT_ID = 7 };
static const int64_t NOW_US = 5000000000;

static struct lane_payloads payloads;

static struct endpoint *make_endpoint(int64_t version, enum endpoint_status status, int max_in_flight)
{
	struct endpoint *endpoint = mem_new(struct endpoint);
	endpoint->meta.id = ENDPOINT_ID;
	endpoint->meta.version = version;
	endpoint->meta.status = status;
	endpoint->max_in_flight = max_in_flight;
	endpoint->breaker = &endpoint_defaults.breaker;
	atomic_init(&endpoint->refs, 1);
	return endpoint;
}

static struct lane *make_lane(int max_in_flight)
{
	struct endpoint *endpoint = make_endpoint(1, ENDPOINT_ACTIVE, max_in_flight);
	payloads = (struct lane_payloads){.max_bytes = 1 << 20, .waiting_max = SIZE_MAX};
	struct lane *lane = lane_new(endpoint, &payloads);
	endpoint_unref(endpoint);
	return lane;
}

static void configure(struct lane *lane, int64_t version, enum endpoint_status status)
{
	struct endpoint *endpoint = make_endpoint(version, status, 8);
	lane_configure(lane, endpoint, NOW_US);
	endpoint_unref(endpoint);
}

static struct due due_at(int64_t delivery, int64_t due_ms)
{
	return (struct due){.delivery = delivery, .event = delivery + 1000, .endpoint = ENDPOINT_ID, .due_ms = due_ms};
}

static bool add(struct lane *lane, int64_t delivery, int64_t due_ms)
{
	struct due due = due_at(delivery, due_ms);
	return lane_add(lane, &due, NULL);
}

/* Takes the next one as the scheduler does; 0: there is none. */
static int64_t start(struct lane *lane, int64_t now_ms, struct job *job)
{
	struct lane_entry *entry = lane_take(lane, now_ms);
	if (!entry)
		return 0;
	*job = (struct job){.outcome.due = entry->due, .slot = true, .missed_ms = INT64_MAX};
	lane_started(lane, job, NOW_US);
	lane_entry_free(entry);
	return job->outcome.due.delivery;
}

static struct event *make_event(size_t data_bytes)
{
	char *data = mem_alloc(data_bytes + 1);
	struct event_fields fields = {.type = SLICE_LITERAL("t"), .data = {data, data_bytes}};
	struct event *event = event_new(&fields, NULL);
	free(data);
	assert_non_null(event);
	return event;
}

static void deliveries_come_by_due_time_then_by_id(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job jobs[4];
	assert_true(add(lane, 3, 50));
	assert_true(add(lane, 2, 50));
	assert_true(add(lane, 1, 60));
	assert_int_equal(lane_next_ms(lane), 50);
	assert_int_equal(start(lane, 49, &jobs[0]), 0);
	assert_int_equal(start(lane, 50, &jobs[0]), 2);
	assert_int_equal(start(lane, 50, &jobs[1]), 3);
	assert_int_equal(start(lane, 59, &jobs[2]), 0);
	assert_int_equal(lane_next_ms(lane), 60);
	assert_int_equal(start(lane, 60, &jobs[2]), 1);
	lane_free(lane);
}

static void window_bounds_what_is_in_flight(void **state)
{
	(void)state;
	struct lane *lane = make_lane(2);
	struct job jobs[3];
	for (int i = 1; i <= 3; i++)
		add(lane, i, 10);
	assert_int_equal(start(lane, 10, &jobs[0]), 1);
	assert_int_equal(start(lane, 10, &jobs[1]), 2);
	assert_int_equal(start(lane, 10, &jobs[2]), 0);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	lane_freed(lane, &jobs[0]);
	assert_int_equal(lane_next_ms(lane), 10);
	assert_int_equal(start(lane, 10, &jobs[2]), 3);
	/* Freed already, it frees no second slot when it is settled. */
	lane_settled(lane, &jobs[0]);
	add(lane, 4, 10);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	lane_settled(lane, &jobs[1]);
	assert_int_equal(lane_next_ms(lane), 10);
	lane_free(lane);
}

static void live_delivery_is_not_taken_again(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job, other;
	add(lane, 1, 10);
	assert_int_equal(start(lane, 10, &job), 1);
	lane_freed(lane, &job);
	assert_false(add(lane, 1, 10));
	struct due rows[] = {due_at(1, 10), due_at(2, 20)};
	lane_spill(lane, 10);
	assert_true(lane_wants_refill(lane, 10));
	lane_refill(lane, rows, 2, true);
	assert_int_equal(start(lane, 20, &other), 2);
	assert_int_equal(start(lane, 20, &other), 0);
	lane_settled(lane, &job);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	lane_free(lane);
}

/* Retried by hand while the first outcome was on its way back: the new round must not be lost. */
static void live_delivery_seen_in_a_new_round_is_looked_for_again(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	add(lane, 1, 10);
	assert_int_equal(start(lane, 10, &job), 1);
	struct due again = due_at(1, 30);
	again.round = 1;
	lane_spill(lane, 30);
	lane_refill(lane, &again, 1, true);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	assert_false(lane_idle(lane, NOW_US));
	lane_settled(lane, &job);
	assert_int_equal(lane_next_ms(lane), 30);
	assert_true(lane_wants_refill(lane, 30));
	lane_refill(lane, &again, 1, true);
	assert_int_equal(start(lane, 30, &job), 1);
	assert_int_equal(job.outcome.due.round, 1);
	lane_free(lane);
}

static void waiting_delivery_moves_only_to_an_earlier_time(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	add(lane, 1, 100);
	assert_false(add(lane, 1, 50));
	assert_int_equal(lane_next_ms(lane), 50);
	assert_false(add(lane, 1, 200));
	assert_int_equal(start(lane, 50, &job), 1);
	assert_int_equal(start(lane, 300, &job), 0);
	lane_free(lane);
}

static void full_cache_leaves_deliveries_in_the_outbox(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1);
	struct due rows[LANE_WAITING_MAX + 1];
	struct job job;
	for (int i = 1; i <= LANE_WAITING_MAX; i++)
		assert_true(add(lane, i, 1000 + i));
	assert_false(add(lane, 900, 1000));
	assert_int_equal(lane_next_ms(lane), 1000);
	assert_true(lane_wants_refill(lane, 1000));
	assert_int_equal(lane_refill_size(lane), LANE_WAITING_MAX);
	rows[0] = due_at(900, 1000);
	for (int i = 1; i < LANE_WAITING_MAX; i++)
		rows[i] = due_at(i, 1000 + i);
	lane_refill(lane, rows, LANE_WAITING_MAX, false);
	assert_int_equal(start(lane, 1000, &job), 900);
	lane_settled(lane, &job);
	/* What did not fit is behind the spill: no refill while something waits before it. */
	for (int i = 1; i < LANE_WAITING_MAX; i++) {
		assert_false(lane_wants_refill(lane, 5000));
		assert_int_equal(start(lane, 5000, &job), i);
		lane_settled(lane, &job);
	}
	assert_true(lane_wants_refill(lane, 5000));
	lane_free(lane);
}

static void a_burst_is_kept_while_all_lanes_together_are_few(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1);
	struct event *event = make_event(10);
	struct job job;
	payloads.burst_max = LANE_WAITING_MAX + 2;
	for (int i = 1; i <= LANE_WAITING_MAX + 2; i++)
		assert_true(add(lane, i, i));
	assert_false(add(lane, 900, 900));
	assert_int_equal(payloads.waiting, LANE_WAITING_MAX + 2);
	/* The first ones of another lane are its own right. */
	struct lane *other = lane_new(lane->endpoint, &payloads);
	assert_true(add(other, 901, 1));
	lane_free(other);
	for (int i = 1; i <= LANE_WAITING_MAX + 2; i++) {
		assert_int_equal(start(lane, 5000, &job), i);
		lane_settled(lane, &job);
	}
	assert_true(lane_wants_refill(lane, 5000));
	lane_refill(lane, NULL, 0, true);
	/* Half of the bytes must be free. */
	payloads.max_bytes = 2 * event->charged_bytes;
	for (int i = 1; i <= LANE_WAITING_MAX; i++) {
		struct due due = due_at(i, i);
		assert_true(lane_add(lane, &due, i == 1 ? event : NULL));
	}
	assert_false(add(lane, 900, 900));
	lane_free(lane);
	assert_int_equal(payloads.waiting, 0);
	event_unref(event);
}

/* A hundred thousand lanes with their full share each would take gigabytes. */
static void very_many_lanes_hold_little_each(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1), *other = lane_new(lane->endpoint, &payloads);
	struct due rows[LANE_WAITING_LEAST + 2];
	struct job job;
	payloads.waiting_max = 10;
	for (int i = 1; i <= 10; i++)
		assert_true(add(lane, i, i));
	assert_false(add(lane, 11, 11));
	for (int i = 0; i < LANE_WAITING_LEAST; i++)
		assert_true(add(other, 100 + i, 1));
	assert_false(add(other, 200, 2));
	assert_int_equal(payloads.waiting, 10 + LANE_WAITING_LEAST);
	/* A refill reads and keeps as little, and the rest is still known to be there. */
	assert_int_equal(start(other, 5, &job), 100);
	lane_settled(other, &job);
	lane_spill(other, 0);
	assert_int_equal(lane_refill_size(other), LANE_WAITING_LEAST);
	for (int i = 0; i < LANE_WAITING_LEAST + 2; i++)
		rows[i] = due_at(300 + i, 7);
	lane_refill(other, rows, LANE_WAITING_LEAST + 2, true);
	assert_int_equal(other->waiting.len, LANE_WAITING_LEAST);
	for (int i = 0; i < LANE_WAITING_LEAST; i++) {
		assert_int_equal(start(other, 7, &job), 300 + i);
		lane_settled(other, &job);
	}
	assert_true(lane_wants_refill(other, 7));
	lane_free(other);
	/* With fewer waiting they may hold their share again. */
	assert_int_equal(payloads.waiting, 10);
	assert_int_equal(start(lane, 50, &job), 1);
	lane_settled(lane, &job);
	assert_int_equal(lane_refill_size(lane), LANE_WAITING_MAX);
	lane_free(lane);
	assert_int_equal(payloads.waiting, 0);
}

static void new_delivery_of_a_lane_that_is_behind_stays_in_the_outbox(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	lane_spill(lane, 10);
	assert_false(add(lane, 1, 20));
	assert_int_equal(lane->waiting.len, 0);
	assert_int_equal(lane_next_ms(lane), 10);
	assert_true(add(lane, 2, 5));
	lane_free(lane);
}

static void equal_due_times_do_not_refill_at_each_take(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1000);
	struct due rows[LANE_WAITING_MAX];
	struct job jobs[LANE_WAITING_MAX];
	for (int i = 0; i < LANE_WAITING_MAX; i++)
		rows[i] = due_at(i + 1, 10);
	lane_spill(lane, 10);
	lane_refill(lane, rows, LANE_WAITING_MAX, false);
	for (int i = 0; i < LANE_WAITING_MAX; i++) {
		assert_false(lane_wants_refill(lane, 10));
		assert_int_equal(start(lane, 10, &jobs[i]), i + 1);
	}
	assert_true(lane_wants_refill(lane, 10));
	assert_int_equal(lane_refill_size(lane), 2 * LANE_WAITING_MAX);
	lane_free(lane);
}

static void refill_waits_for_a_slot(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1);
	struct job job;
	add(lane, 1, 10);
	assert_int_equal(start(lane, 10, &job), 1);
	lane_spill(lane, 10);
	assert_false(lane_wants_refill(lane, 10));
	lane_freed(lane, &job);
	assert_true(lane_wants_refill(lane, 10));
	assert_false(lane_wants_refill(lane, 9));
	lane_free(lane);
}

static void failed_refill_is_put_off_and_the_known_go_on(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	add(lane, 1, 20);
	lane_spill(lane, 10);
	assert_true(lane_wants_refill(lane, 20));
	lane_delay_refill(lane, 1020);
	assert_false(lane_wants_refill(lane, 1019));
	assert_int_equal(start(lane, 20, &job), 1);
	assert_true(lane_wants_refill(lane, 1020));
	lane_free(lane);
}

static void paused_lane_takes_nothing_and_looks_again_when_resumed(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	add(lane, 1, 10);
	configure(lane, 2, ENDPOINT_PAUSED);
	assert_int_equal(start(lane, 10, &job), 0);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	assert_false(add(lane, 2, 5));
	assert_int_equal(lane->waiting.len, 0);
	assert_false(lane_idle(lane, NOW_US));
	configure(lane, 3, ENDPOINT_ACTIVE);
	assert_int_equal(lane_next_ms(lane), 5);
	struct due rows[] = {due_at(2, 5), due_at(1, 10)};
	assert_true(lane_wants_refill(lane, 10));
	lane_refill(lane, rows, 2, true);
	assert_int_equal(start(lane, 10, &job), 2);
	lane_free(lane);
}

static void older_configuration_is_ignored(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	configure(lane, 5, ENDPOINT_ACTIVE);
	configure(lane, 4, ENDPOINT_PAUSED);
	add(lane, 1, 10);
	assert_int_equal(lane_next_ms(lane), 10);
	lane_free(lane);
}

static void deleted_lane_holds_nothing_but_what_is_in_flight(void **state)
{
	(void)state;
	struct lane *lane = make_lane(1);
	struct job job;
	add(lane, 1, 10);
	add(lane, 2, 10);
	start(lane, 10, &job);
	configure(lane, 2, ENDPOINT_DELETED);
	assert_false(lane_idle(lane, NOW_US));
	lane_spill(lane, 5);
	assert_false(add(lane, 3, 10));
	lane_settled(lane, &job);
	assert_true(lane_idle(lane, NOW_US));
	lane_free(lane);
}

static void payloads_are_kept_up_to_the_limit(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct event *event = make_event(1000);
	payloads.max_bytes = 2 * event->charged_bytes;
	for (int i = 1; i <= 3; i++) {
		struct due due = due_at(i, i);
		assert_true(lane_add(lane, &due, event));
	}
	assert_int_equal(payloads.used_bytes, 2 * event->charged_bytes);
	struct lane_entry *entry = lane_take(lane, 1);
	assert_ptr_equal(entry->event, event);
	assert_int_equal(payloads.used_bytes, event->charged_bytes);
	lane_entry_free(entry);
	/* A refill keeps the payload of what it finds again. */
	struct due rows[] = {due_at(2, 2), due_at(3, 3)};
	lane_refill(lane, rows, 2, true);
	entry = lane_take(lane, 2);
	assert_ptr_equal(entry->event, event);
	lane_entry_free(entry);
	entry = lane_take(lane, 3);
	assert_null(entry->event);
	lane_entry_free(entry);
	assert_int_equal(payloads.used_bytes, 0);
	lane_free(lane);
	assert_int_equal(atomic_load(&event->refs), 1);
	event_unref(event);
}

static void refill_and_forget_drop_what_is_not_pending_any_more(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct event *event = make_event(10);
	struct job job;
	for (int i = 1; i <= 3; i++) {
		struct due due = due_at(i, i);
		lane_add(lane, &due, event);
	}
	lane_forget(lane, 2);
	lane_forget(lane, 99);
	/* 1 was cancelled: told by a spill before everything that waits. */
	lane_spill(lane, 0);
	assert_true(lane_wants_refill(lane, 10));
	struct due row = due_at(3, 3);
	lane_refill(lane, &row, 1, true);
	assert_int_equal(start(lane, 10, &job), 3);
	assert_int_equal(start(lane, 10, &job), 0);
	assert_int_equal(payloads.used_bytes, 0);
	lane_free(lane);
	event_unref(event);
}

static void resting_lane_forgets_what_waits_until_then(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	const struct due rows[] = {due_at(1, 100), due_at(2, 200)};
	add(lane, 1, 100);
	add(lane, 2, 200);
	/* More rows are due in the outbox: they must not bring it back at once. */
	lane_spill(lane, 300);
	lane_rest(lane, 1400);
	assert_int_equal(lane_next_ms(lane), 1400);
	assert_int_equal(start(lane, 1399, &job), 0);
	assert_false(lane_wants_refill(lane, 1399));
	assert_true(lane_wants_refill(lane, 1400));
	lane_refill(lane, rows, 2, true);
	assert_int_equal(start(lane, 1400, &job), 1);
	lane_settled(lane, &job);
	configure(lane, 2, ENDPOINT_DELETED);
	lane_rest(lane, 3000);
	assert_true(lane_idle(lane, NOW_US));
	lane_free(lane);
}

static void fail_until_open(struct lane *lane)
{
	const struct job job = {.began_us = NOW_US};
	for (int i = 0; i < endpoint_defaults.breaker.max_failures; i++)
		lane_learn(lane, &job, LANE_FAILED, NOW_US, 0.5);
	assert_true(lane_probes(lane));
}

static void a_probe_is_what_was_tried_least(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job, other;
	for (int i = 1; i <= 4; i++) {
		struct due due = due_at(i, i);
		due.attempts = i == 3 || i == 4 ? 1 : 5;
		lane_add(lane, &due, NULL);
	}
	struct due future = due_at(9, 1000);
	lane_add(lane, &future, NULL);
	fail_until_open(lane);
	assert_true(lane_gate_us(lane) > NOW_US);
	assert_int_equal(start(lane, 10, &job), 3);
	assert_true(job.probe);
	/* One at a time. */
	assert_int_equal(start(lane, 10, &other), 0);
	assert_int_equal(lane_next_ms(lane), INT64_MAX);
	lane_settled(lane, &job);
	assert_true(lane_learn(lane, &job, LANE_SUCCEEDED, NOW_US, 0.5));
	/* Closed: in their order again, one more for each window that succeeded. */
	assert_int_equal(start(lane, 10, &job), 1);
	assert_false(job.probe);
	assert_int_equal(start(lane, 10, &other), 0);
	lane_settled(lane, &job);
	lane_learn(lane, &job, LANE_SUCCEEDED, NOW_US, 0.5);
	assert_int_equal(start(lane, 10, &job), 2);
	assert_int_equal(start(lane, 10, &other), 4);
	lane_free(lane);
}

static void a_probe_that_told_nothing_is_followed_by_another(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job job;
	add(lane, 1, 1);
	add(lane, 2, 2);
	fail_until_open(lane);
	assert_int_equal(start(lane, 10, &job), 1);
	lane_settled(lane, &job);
	assert_false(lane_learn(lane, &job, LANE_TOLD_NOTHING, NOW_US, 0.5));
	assert_int_equal(lane_gate_us(lane), 0);
	assert_int_equal(start(lane, 10, &job), 2);
	lane_free(lane);
}

static void lane_remembers_failures_and_its_pace(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	const struct job tried = {.began_us = NOW_US};
	struct job job;
	lane_learn(lane, &tried, LANE_FAILED, NOW_US, 0.5);
	assert_false(lane_idle(lane, NOW_US));
	lane_learn(lane, &tried, LANE_SUCCEEDED, NOW_US, 0.5);
	assert_true(lane_idle(lane, NOW_US));
	lane->endpoint->rate = (struct rate){1, 60000};
	add(lane, 1, 1);
	assert_int_equal(start(lane, 10, &job), 1);
	lane_settled(lane, &job);
	assert_false(lane_idle(lane, NOW_US));
	assert_true(lane_gate_us(lane) == NOW_US + 60000000);
	assert_true(lane_idle(lane, NOW_US + 60000000));
	lane_free(lane);
}

static void timeouts_halve_the_window(void **state)
{
	(void)state;
	struct lane *lane = make_lane(8);
	struct job jobs[9];
	for (int i = 1; i <= 30; i++)
		add(lane, i, i);
	for (int i = 0; i < 8; i++)
		start(lane, 100, &jobs[i]);
	for (int i = 0; i < 8; i++) {
		lane_settled(lane, &jobs[i]);
		lane_learn(lane, &jobs[i], LANE_OVERLOADED, NOW_US + 15000000, 0.5);
	}
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(start(lane, 100, &jobs[i]), 0);
	assert_int_equal(start(lane, 100, &jobs[8]), 0);
	lane_free(lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resting_lane_forgets_what_waits_until_then),
	    cmocka_unit_test(a_probe_is_what_was_tried_least),
	    cmocka_unit_test(a_probe_that_told_nothing_is_followed_by_another),
	    cmocka_unit_test(lane_remembers_failures_and_its_pace),
	    cmocka_unit_test(timeouts_halve_the_window),
	    cmocka_unit_test(deliveries_come_by_due_time_then_by_id),
	    cmocka_unit_test(window_bounds_what_is_in_flight),
	    cmocka_unit_test(live_delivery_is_not_taken_again),
	    cmocka_unit_test(live_delivery_seen_in_a_new_round_is_looked_for_again),
	    cmocka_unit_test(waiting_delivery_moves_only_to_an_earlier_time),
	    cmocka_unit_test(full_cache_leaves_deliveries_in_the_outbox),
	    cmocka_unit_test(a_burst_is_kept_while_all_lanes_together_are_few),
	    cmocka_unit_test(very_many_lanes_hold_little_each),
	    cmocka_unit_test(new_delivery_of_a_lane_that_is_behind_stays_in_the_outbox),
	    cmocka_unit_test(equal_due_times_do_not_refill_at_each_take),
	    cmocka_unit_test(refill_waits_for_a_slot),
	    cmocka_unit_test(failed_refill_is_put_off_and_the_known_go_on),
	    cmocka_unit_test(paused_lane_takes_nothing_and_looks_again_when_resumed),
	    cmocka_unit_test(older_configuration_is_ignored),
	    cmocka_unit_test(deleted_lane_holds_nothing_but_what_is_in_flight),
	    cmocka_unit_test(payloads_are_kept_up_to_the_limit),
	    cmocka_unit_test(refill_and_forget_drop_what_is_not_pending_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
