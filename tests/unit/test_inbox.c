/* The inbox: nothing is lost, each poster's order is kept, the owner is woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/inbox.h"
#include "base/thread.h"

struct note {
	struct inbox_node node;
	unsigned poster;
	unsigned number;
};

static struct note *note_of(struct inbox_node *node)
{
	return CONTAINER_OF(node, struct note, node);
}

static bool is_awake(const struct inbox *inbox)
{
	struct pollfd poll_fd = {.fd = inbox->fd, .events = POLLIN};
	return poll(&poll_fd, 1, 0) == 1;
}

static void the_owner_takes_all_at_once_in_order(void **state)
{
	(void)state;
	struct inbox inbox;
	struct note notes[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	assert_null(inbox_take(&inbox));
	for (unsigned i = 0; i < 4; i++)
		inbox_post(&inbox, &notes[i].node);
	unsigned number = 0;
	for (struct inbox_node *node = inbox_take(&inbox); node; node = node->next)
		assert_int_equal(note_of(node)->number, number++);
	assert_int_equal(number, 4);
	assert_null(inbox_take(&inbox));
	inbox_destroy(&inbox);
}

static void a_post_wakes_a_sleeper_and_taking_resets_it(void **state)
{
	(void)state;
	struct inbox inbox;
	struct note notes[2] = {{.number = 0}, {.number = 1}};
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	assert_true(inbox_may_sleep(&inbox));
	assert_false(is_awake(&inbox));
	inbox_post(&inbox, &notes[0].node);
	inbox_post(&inbox, &notes[1].node);
	assert_true(is_awake(&inbox));
	assert_ptr_equal(inbox_take(&inbox), &notes[0].node);
	assert_false(is_awake(&inbox));
	inbox_wait(&inbox, 1);
	assert_null(inbox_take(&inbox));
	inbox_destroy(&inbox);
}

static void an_owner_that_is_busy_is_not_woken_but_may_not_sleep(void **state)
{
	(void)state;
	struct inbox inbox;
	struct note note = {0};
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	inbox_post(&inbox, &note.node);
	assert_false(is_awake(&inbox));
	assert_false(inbox_may_sleep(&inbox));
	inbox_wait(&inbox, -1);
	assert_ptr_equal(inbox_take(&inbox), &note.node);
	assert_true(inbox_may_sleep(&inbox));
	inbox_destroy(&inbox);
}

static void a_call_without_a_node_ends_a_sleep_or_the_next_one(void **state)
{
	(void)state;
	struct inbox inbox;
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	inbox_wake(&inbox);
	inbox_wait(&inbox, -1);
	assert_null(inbox_take(&inbox));
	assert_true(inbox_may_sleep(&inbox));
	inbox_wake(&inbox);
	assert_true(is_awake(&inbox));
	assert_null(inbox_take(&inbox));
	assert_false(is_awake(&inbox));
	inbox_destroy(&inbox);
}

static void what_is_held_back_wakes_once_it_is_released(void **state)
{
	(void)state;
	struct inbox inboxes[2];
	struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(inbox_init(&inboxes[i], NULL), 0);
		assert_true(inbox_may_sleep(&inboxes[i]));
	}
	inbox_hold();
	for (unsigned i = 0; i < 3; i++)
		inbox_post(&inboxes[i % 2], &notes[i].node);
	assert_false(is_awake(&inboxes[0]) || is_awake(&inboxes[1]));
	assert_ptr_equal(inbox_take(&inboxes[1]), &notes[1].node);
	inbox_release();
	assert_true(is_awake(&inboxes[0]));
	assert_false(is_awake(&inboxes[1]));
	assert_ptr_equal(inbox_take(&inboxes[0]), &notes[0].node);
	inbox_destroy(&inboxes[0]);
	inbox_destroy(&inboxes[1]);
}

/* Whoever dozes is woken by what is not lazy, also when something lazy is there already. */
static void what_is_lazy_wakes_a_sleeper_but_nobody_who_dozes(void **state)
{
	(void)state;
	struct inbox inbox;
	struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	assert_true(inbox_may_sleep(&inbox));
	inbox_post_lazily(&inbox, &notes[0].node);
	assert_true(is_awake(&inbox));
	assert_ptr_equal(inbox_take(&inbox), &notes[0].node);
	atomic_store(&inbox.dozing, true);
	assert_true(inbox_may_sleep(&inbox));
	inbox_post_lazily(&inbox, &notes[1].node);
	assert_false(is_awake(&inbox));
	inbox_post(&inbox, &notes[2].node);
	assert_true(is_awake(&inbox));
	atomic_store(&inbox.dozing, false);
	assert_ptr_equal(inbox_take(&inbox), &notes[1].node);
	inbox_doze(&inbox, 1);
	assert_false(atomic_load(&inbox.dozing));
	assert_null(inbox_take(&inbox));
	inbox_destroy(&inbox);
}

enum { POSTERS = 4, NOTES = 20000 };

struct poster {
	struct inbox *inbox;
	struct note notes[NOTES];
};

/* Half of them in batches. */
static void *post_all(void *argument)
{
	struct poster *poster = argument;
	for (unsigned i = 0; i < NOTES; i++) {
		if (i % 16 == 0 && i < NOTES / 2)
			inbox_hold();
		(i % 4 == 1 ? inbox_post_lazily : inbox_post)(poster->inbox, &poster->notes[i].node);
		if (i % 16 == 15)
			inbox_release();
	}
	return NULL;
}

static void many_posters_lose_nothing_and_keep_their_order(void **state)
{
	(void)state;
	static struct poster posters[POSTERS];
	pthread_t threads[POSTERS];
	struct inbox inbox;
	assert_int_equal(inbox_init(&inbox, NULL), 0);
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i].inbox = &inbox;
		for (unsigned n = 0; n < NOTES; n++)
			posters[i].notes[n] = (struct note){.poster = i, .number = n};
		assert_int_equal(thread_start(&threads[i], "poster", post_all, &posters[i], NULL), 0);
	}
	unsigned next[POSTERS] = {0}, total = 0;
	for (unsigned turn = 0; total < POSTERS * NOTES; turn++) {
		if (turn % 8 == 3)
			inbox_doze(&inbox, 1);
		inbox_wait(&inbox, -1);
		for (struct inbox_node *node = inbox_take(&inbox); node; node = node->next) {
			struct note *note = note_of(node);
			assert_int_equal(note->number, next[note->poster]++);
			total++;
		}
	}
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_null(inbox_take(&inbox));
	inbox_destroy(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_owner_takes_all_at_once_in_order),
	    cmocka_unit_test(a_post_wakes_a_sleeper_and_taking_resets_it),
	    cmocka_unit_test(an_owner_that_is_busy_is_not_woken_but_may_not_sleep),
	    cmocka_unit_test(a_call_without_a_node_ends_a_sleep_or_the_next_one),
	    cmocka_unit_test(what_is_held_back_wakes_once_it_is_released),
	    cmocka_unit_test(what_is_lazy_wakes_a_sleeper_but_nobody_who_dozes),
	    cmocka_unit_test(many_posters_lose_nothing_and_keep_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
