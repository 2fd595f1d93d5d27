/* The gate before long reads. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/gate.h"

enum { HOUR_US = INT32_MAX };

static void *pass(void *gate)
{
	gate_enter(gate);
	gate_leave(gate);
	return gate;
}

static void open_gate_keeps_nobody_out(void **state)
{
	(void)state;
	struct gate gate;
	gate_init(&gate, HOUR_US, 3);
	assert_false(gate_closed(&gate));
	pass(&gate);
	gate_open(&gate);
	pass(&gate);
	gate_destroy(&gate);
}

static void who_waits_goes_on_when_it_opens(void **state)
{
	(void)state;
	struct gate gate;
	pthread_t threads[3];
	void *passed;
	gate_init(&gate, HOUR_US, 3);
	gate_close(&gate);
	assert_true(gate_closed(&gate));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass, &gate), 0);
	gate_open(&gate);
	assert_false(gate_closed(&gate));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], &passed), 0);
	gate_destroy(&gate);
}

static void closed_ends_by_itself(void **state)
{
	(void)state;
	struct gate gate;
	gate_init(&gate, 1000, 3);
	gate_close(&gate);
	pass(&gate);
	assert_false(gate_closed(&gate));
	/* It can be closed again. */
	gate_close(&gate);
	pass(&gate);
	gate_destroy(&gate);
}

static void no_more_are_inside_than_may(void **state)
{
	(void)state;
	struct gate gate;
	pthread_t threads[3];
	gate_init(&gate, HOUR_US, 2);
	gate_enter(&gate);
	gate_enter(&gate);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass, &gate), 0);
	while (atomic_load(&gate.waiting) < 3)
		sched_yield();
	assert_true(gate_wanted(&gate));
	assert_int_equal(gate.inside, 2);
	gate_leave(&gate);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_false(gate_wanted(&gate));
	assert_int_equal(gate.inside, 1);
	gate_destroy(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open_gate_keeps_nobody_out),
	    cmocka_unit_test(who_waits_goes_on_when_it_opens),
	    cmocka_unit_test(closed_ends_by_itself),
	    cmocka_unit_test(no_more_are_inside_than_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
