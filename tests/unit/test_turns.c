/* Turns of lanes, with times of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "schedule/turns.h"

enum { LANES = 6, PER_S = 100, TRYING_MAX = 4, ROOM = 1000 };
static const int64_t START_MS = 1700000000000;

static struct lane *lanes[LANES];
static struct turns turns;
static struct lane_payloads payloads;

static int setup(void **state)
{
	(void)state;
	turns_init(&turns, PER_S, TRYING_MAX, START_MS);
	for (int i = 0; i < LANES; i++) {
		struct endpoint *endpoint = mem_new(struct endpoint);
		endpoint->meta.id = i + 1;
		endpoint->breaker = &endpoint_defaults.breaker;
		endpoint->max_in_flight = 8;
		atomic_init(&endpoint->refs, 1);
		lanes[i] = lane_new(endpoint, &payloads);
		turns_join(&turns, lanes[i]);
		endpoint_unref(endpoint);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++) {
		turns_leave(&turns, lanes[i]);
		lane_free(lanes[i]);
	}
	turns_free(&turns);
	return 0;
}

static void fail_lane(struct lane *lane)
{
	const struct job job = {.began_us = 0};
	for (int i = 0; i < endpoint_defaults.breaker.max_failures; i++)
		lane_learn(lane, &job, LANE_FAILED, START_MS * 1000, 0.5);
	assert_true(lane_probes(lane));
}

/* Gives one turn as the scheduler does, to a lane that has more; whether it was that of one that probes. */
static bool give(int64_t now_ms)
{
	struct lane *lane = turns_next(&turns, ROOM, now_ms);
	assert_non_null(lane);
	bool probes = lane_probes(lane);
	if (probes)
		turns_try(&turns);
	turns_push(&turns, lane);
	return probes;
}

static void lanes_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		turns_push(&turns, lanes[i]);
	turns_remove(&turns, lanes[1]);
	assert_ptr_equal(turns_next(&turns, ROOM, START_MS), lanes[0]);
	turns_push(&turns, lanes[0]);
	assert_ptr_equal(turns_next(&turns, ROOM, START_MS), lanes[2]);
	assert_ptr_equal(turns_next(&turns, ROOM, START_MS), lanes[0]);
	assert_null(turns_next(&turns, ROOM, START_MS));
	assert_null(lanes[0]->ring);
	assert_true(turns_next_ms(&turns, START_MS) == INT64_MAX);
}

static void probing_lanes_get_one_turn_in_many(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++) {
		if (i > 0)
			fail_lane(lanes[i]);
		turns_push(&turns, lanes[i]);
	}
	int failing = 0;
	for (int i = 0; i < 10 * TURNS_PROBES_EVERY; i++) {
		bool tried = give(START_MS);
		failing += tried;
		if (tried)
			turns_tried(&turns);
	}
	assert_int_equal(failing, 10);
}

static void probing_lanes_have_a_rate_all_together(void **state)
{
	(void)state;
	int64_t now_ms = START_MS;
	fail_lane(lanes[0]);
	fail_lane(lanes[1]);
	turns_push(&turns, lanes[0]);
	turns_push(&turns, lanes[1]);
	for (int i = 0; i < PER_S * TURNS_BURST_S; i++) {
		assert_true(give(now_ms));
		turns_tried(&turns);
	}
	assert_null(turns_next(&turns, ROOM, now_ms));
	assert_true(turns_next_ms(&turns, now_ms) == now_ms + TURNS_LOOK_MS);
	int given = 0;
	for (int i = 0; i < 1000 / TURNS_LOOK_MS; i++) {
		now_ms += TURNS_LOOK_MS;
		for (struct lane *lane; (lane = turns_next(&turns, ROOM, now_ms)); given++) {
			turns_try(&turns);
			turns_tried(&turns);
			turns_push(&turns, lane);
		}
	}
	assert_int_equal(given, PER_S);
	/* A clock that goes back takes nothing and gives nothing. */
	assert_null(turns_next(&turns, ROOM, START_MS - 100000));
	assert_non_null(turns_next(&turns, ROOM, START_MS - 100000 + TURNS_LOOK_MS));
}

static void probing_lanes_have_a_part_of_what_is_live(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++) {
		fail_lane(lanes[i]);
		turns_push(&turns, lanes[i]);
	}
	for (int i = 0; i < TRYING_MAX; i++)
		assert_true(give(START_MS));
	assert_null(turns_next(&turns, ROOM, START_MS));
	assert_true(turns_next_ms(&turns, START_MS) == INT64_MAX);
	turns_tried(&turns);
	assert_true(turns_next_ms(&turns, START_MS) == START_MS);
	assert_true(give(START_MS));
}

static void first_success_puts_a_lane_back(void **state)
{
	(void)state;
	fail_lane(lanes[0]);
	turns_push(&turns, lanes[0]);
	turns.trying = TRYING_MAX;
	assert_null(turns_next(&turns, ROOM, START_MS));
	const struct job job = {.began_us = 0};
	lane_learn(lanes[0], &job, LANE_SUCCEEDED, START_MS * 1000, 0.5);
	turns_settle(&turns, lanes[0]);
	assert_ptr_equal(turns_next(&turns, ROOM, START_MS), lanes[0]);
	turns_push(&turns, lanes[0]);
	fail_lane(lanes[0]);
	turns_settle(&turns, lanes[0]);
	assert_null(turns_next(&turns, ROOM, START_MS));
}

static void set_subscriber(struct lane *lane, int64_t subscriber)
{
	lane->endpoint->meta.subscriber = subscriber;
	turns_join(&turns, lane);
}

/* One subscriber with four endpoints, one with one, and one endpoint of nobody's: each gets a third. */
static void subscribers_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		set_subscriber(lanes[i], 91);
	set_subscriber(lanes[4], 92);
	for (int i = 0; i < LANES; i++)
		turns_push(&turns, lanes[i]);
	int given[LANES] = {0};
	for (int i = 0; i < 120; i++) {
		struct lane *lane = turns_next(&turns, ROOM, START_MS);
		given[lane->endpoint_id - 1]++;
		turns_push(&turns, lane);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(given[i], 10);
	assert_int_equal(given[4], 40);
	assert_int_equal(given[5], 40);
}

static void an_endpoint_that_changes_hands_changes_groups(void **state)
{
	(void)state;
	set_subscriber(lanes[0], 91);
	set_subscriber(lanes[1], 91);
	struct job job = {.slot = true, .outcome.due.delivery = 5};
	lane_started(lanes[0], &job, 0);
	turns_push(&turns, lanes[0]);
	assert_int_equal(lanes[1]->group->in_flight, 1);
	set_subscriber(lanes[0], 92);
	assert_int_equal(lanes[1]->group->in_flight, 0);
	assert_int_equal(lanes[0]->group->in_flight, 1);
	assert_ptr_equal(turns_next(&turns, ROOM, START_MS), lanes[0]);
	lane_freed(lanes[0], &job);
	assert_int_equal(lanes[0]->group->in_flight, 0);
	lane_settled(lanes[0], &job);
}

static void a_group_leaves_as_much_room_as_it_takes(void **state)
{
	(void)state;
	lanes[0]->group->in_flight = 10;
	turns_push(&turns, lanes[0]);
	assert_null(turns_next(&turns, 10, START_MS));
	assert_true(turns_next_ms(&turns, START_MS) == INT64_MAX);
	/* Another one has nothing in flight: it is let in, however little there is. */
	turns_push(&turns, lanes[1]);
	assert_ptr_equal(turns_next(&turns, 1, START_MS), lanes[1]);
	assert_null(turns_next(&turns, 10, START_MS));
	/* More room, or less in flight. */
	assert_ptr_equal(turns_next(&turns, 11, START_MS), lanes[0]);
	turns_push(&turns, lanes[0]);
	assert_null(turns_next(&turns, 10, START_MS));
	lanes[0]->group->in_flight = 9;
	turns_settle(&turns, lanes[0]);
	assert_true(turns_next_ms(&turns, START_MS) == START_MS);
	assert_ptr_equal(turns_next(&turns, 10, START_MS), lanes[0]);
	lanes[0]->group->in_flight = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lanes_take_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(probing_lanes_get_one_turn_in_many, setup, teardown),
	    cmocka_unit_test_setup_teardown(probing_lanes_have_a_rate_all_together, setup, teardown),
	    cmocka_unit_test_setup_teardown(probing_lanes_have_a_part_of_what_is_live, setup, teardown),
	    cmocka_unit_test_setup_teardown(first_success_puts_a_lane_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(subscribers_take_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_endpoint_that_changes_hands_changes_groups, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_group_leaves_as_much_room_as_it_takes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
