/* The pulse: the watch is woken when all threads that were asked have answered, and not before; who sleeps is woken to answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/inbox.h"
#include "base/pulse.h"
#include "base/thread.h"

/* A thread that turns until it is stopped, or, while it is held, stays in the midst of a turn. */
struct turner {
	pthread_t thread;
	const char *name;
	struct inbox inbox;
	struct inbox gate; /* what it waits for while it is held */
	atomic_bool held, stopping;
	atomic_uint turns;
};

static struct inbox watch;

static void *turn(void *argument)
{
	struct turner *turner = argument;
	pulse_begin(turner->name, &turner->inbox);
	while (!atomic_load(&turner->stopping)) {
		inbox_wait(&turner->inbox, -1);
		(void)inbox_take(&turner->inbox);
		atomic_fetch_add(&turner->turns, 1);
		while (atomic_load(&turner->held)) {
			inbox_wait(&turner->gate, -1);
			(void)inbox_take(&turner->gate);
		}
		pulse_beat();
	}
	pulse_end();
	return NULL;
}

static void turner_start(struct turner *turner, const char *name)
{
	*turner = (struct turner){.name = name};
	assert_int_equal(inbox_init(&turner->inbox, NULL), 0);
	assert_int_equal(inbox_init(&turner->gate, NULL), 0);
	assert_int_equal(thread_start(&turner->thread, name, turn, turner, NULL), 0);
	/* It takes part once it has turned. */
	while (atomic_load(&turner->turns) == 0)
		inbox_wake(&turner->inbox);
}

static void turner_release(struct turner *turner)
{
	atomic_store(&turner->held, false);
	inbox_wake(&turner->gate);
}

static void turner_stop(struct turner *turner)
{
	atomic_store(&turner->stopping, true);
	inbox_wake(&turner->inbox);
	pthread_join(turner->thread, NULL);
	inbox_destroy(&turner->inbox);
	inbox_destroy(&turner->gate);
}

/* The watch waits for its own wake-up; false: it did not come within the time. */
static bool woken(int timeout_ms)
{
	for (;;) {
		if (pulse_awaited() == 0)
			return true;
		inbox_wait(&watch, timeout_ms);
		(void)inbox_take(&watch);
		if (timeout_ms >= 0)
			return pulse_awaited() == 0;
	}
}

static void all_that_sleep_are_woken_and_answer(void **state)
{
	struct turner turners[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		turner_start(&turners[i], "turner");
	for (unsigned round = 0; round < 1000; round++) {
		pulse_ask(&watch);
		assert_true(woken(-1));
	}
	for (unsigned i = 0; i < 3; i++)
		turner_stop(&turners[i]);
}

static void one_that_hangs_is_named_and_awaited(void **state)
{
	struct turner fine, hangs;
	char names[64];
	(void)state;
	turner_start(&fine, "fine");
	turner_start(&hangs, "hangs");
	atomic_store(&hangs.held, true);
	pulse_ask(&watch);
	while (pulse_awaited() > 1)
		(void)woken(1);
	assert_false(woken(50));
	pulse_names(names, sizeof names);
	assert_string_equal(names, "hangs");
	turner_release(&hangs);
	assert_true(woken(-1));
	pulse_names(names, sizeof names);
	assert_string_equal(names, "");
	turner_stop(&fine);
	turner_stop(&hangs);
}

static void one_that_ends_is_awaited_no_more(void **state)
{
	struct turner ends;
	(void)state;
	turner_start(&ends, "ends");
	atomic_store(&ends.held, true);
	pulse_ask(&watch);
	assert_false(woken(10));
	atomic_store(&ends.stopping, true);
	turner_release(&ends);
	assert_true(woken(-1));
	turner_stop(&ends);
	pulse_ask(&watch);
	assert_int_equal(pulse_awaited(), 0);
}

static void without_threads_the_answer_is_there_at_once(void **state)
{
	(void)state;
	pulse_ask(&watch);
	assert_int_equal(pulse_awaited(), 0);
	inbox_wait(&watch, -1);
	(void)inbox_take(&watch);
}

static void names_that_do_not_fit_are_cut(void **state)
{
	struct turner turners[2];
	char names[8];
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		turner_start(&turners[i], "a-long-name");
		atomic_store(&turners[i].held, true);
	}
	pulse_ask(&watch);
	pulse_names(names, sizeof names);
	assert_string_equal(names, "a-long-");
	for (unsigned i = 0; i < 2; i++)
		turner_release(&turners[i]);
	assert_true(woken(-1));
	for (unsigned i = 0; i < 2; i++)
		turner_stop(&turners[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_that_sleep_are_woken_and_answer),
	    cmocka_unit_test(one_that_hangs_is_named_and_awaited),
	    cmocka_unit_test(one_that_ends_is_awaited_no_more),
	    cmocka_unit_test(without_threads_the_answer_is_there_at_once),
	    cmocka_unit_test(names_that_do_not_fit_are_cut),
	};
	if (inbox_init(&watch, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
