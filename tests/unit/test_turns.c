/* Turns of lanes, with times of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "schedule/turns.h"

enum { LANES = 6, PER_S = 100, TRYING_MAX = 4 };
static const int64_t START_MS = 1700000000000;

static struct lane *lanes[LANES];
static struct turns turns;

static int setup(void **state)
{
	(void)state;
	turns_init(&turns, PER_S, TRYING_MAX, START_MS);
	for (int i = 0; i < LANES; i++) {
		struct endpoint *endpoint = mem_new(struct endpoint);
		endpoint->meta.id = i + 1;
		atomic_init(&endpoint->refs, 1);
		lanes[i] = lane_new(endpoint, NULL);
		endpoint_unref(endpoint);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++)
		lane_free(lanes[i]);
	return 0;
}

static void fail_lane(struct lane *lane)
{
	for (int i = 0; i < LANE_FAILING_AFTER; i++)
		lane_learn(lane, false);
}

/* Gives one turn as the scheduler does, to a lane that has more; whether it was that of a failing one. */
static bool give(int64_t now_ms)
{
	struct lane *lane = turns_next(&turns, now_ms);
	assert_non_null(lane);
	bool failing = lane_failing(lane);
	if (failing)
		turns_try(&turns);
	turns_push(&turns, lane);
	return failing;
}

static void lanes_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		turns_push(&turns, lanes[i]);
	turns_remove(lanes[1]);
	assert_ptr_equal(turns_next(&turns, START_MS), lanes[0]);
	turns_push(&turns, lanes[0]);
	assert_ptr_equal(turns_next(&turns, START_MS), lanes[2]);
	assert_ptr_equal(turns_next(&turns, START_MS), lanes[0]);
	assert_null(turns_next(&turns, START_MS));
	assert_null(lanes[0]->ring);
	assert_true(turns_next_ms(&turns, START_MS) == INT64_MAX);
}

static void failing_lanes_get_one_turn_in_many(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++) {
		if (i > 0)
			fail_lane(lanes[i]);
		turns_push(&turns, lanes[i]);
	}
	int failing = 0;
	for (int i = 0; i < 10 * TURNS_FAILING_EVERY; i++) {
		bool tried = give(START_MS);
		failing += tried;
		if (tried)
			turns_tried(&turns);
	}
	assert_int_equal(failing, 10);
}

static void failing_lanes_have_a_rate_all_together(void **state)
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
	assert_null(turns_next(&turns, now_ms));
	assert_true(turns_next_ms(&turns, now_ms) == now_ms + TURNS_LOOK_MS);
	int given = 0;
	for (int i = 0; i < 1000 / TURNS_LOOK_MS; i++) {
		now_ms += TURNS_LOOK_MS;
		for (struct lane *lane; (lane = turns_next(&turns, now_ms)); given++) {
			turns_try(&turns);
			turns_tried(&turns);
			turns_push(&turns, lane);
		}
	}
	assert_int_equal(given, PER_S);
	/* A clock that goes back takes nothing and gives nothing. */
	assert_null(turns_next(&turns, START_MS - 100000));
	assert_non_null(turns_next(&turns, START_MS - 100000 + TURNS_LOOK_MS));
}

static void failing_lanes_have_a_part_of_what_is_live(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++) {
		fail_lane(lanes[i]);
		turns_push(&turns, lanes[i]);
	}
	for (int i = 0; i < TRYING_MAX; i++)
		assert_true(give(START_MS));
	assert_null(turns_next(&turns, START_MS));
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
	assert_null(turns_next(&turns, START_MS));
	lane_learn(lanes[0], true);
	turns_settle(&turns, lanes[0]);
	assert_ptr_equal(turns_next(&turns, START_MS), lanes[0]);
	turns_push(&turns, lanes[0]);
	fail_lane(lanes[0]);
	turns_settle(&turns, lanes[0]);
	assert_null(turns_next(&turns, START_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lanes_take_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(failing_lanes_get_one_turn_in_many, setup, teardown),
	    cmocka_unit_test_setup_teardown(failing_lanes_have_a_rate_all_together, setup, teardown),
	    cmocka_unit_test_setup_teardown(failing_lanes_have_a_part_of_what_is_live, setup, teardown),
	    cmocka_unit_test_setup_teardown(first_success_puts_a_lane_back, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
