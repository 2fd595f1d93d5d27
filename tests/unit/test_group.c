/* Groups: items stay in the order of their ids, however they come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "match/group.h"

enum { ITEMS = 5000, STEPS = 60000, LOOK_EVERY = 997 };

struct item {
	int64_t id;
	bool in;
};

static int64_t id_of(const void *item)
{
	return ((const struct item *)item)->id;
}

static const struct slice text = {"order.*", 7};

/* The group holds exactly the items that are in, ascending, in runs that are neither empty nor too long. */
static void check(const struct group_table *table, const struct item *items, size_t in)
{
	const struct group *group = group_find(table, text, 7);
	if (in == 0) {
		assert_null(group);
		return;
	}
	assert_non_null(group);
	assert_int_equal(group->len, in);
	const struct group_run *runs = group_runs(group);
	size_t at = 0, seen = 0;
	for (uint32_t i = 0; i < group->runs_len; i++) {
		assert_in_range(runs[i].len, 1, GROUP_RUN_MAX);
		for (uint32_t j = 0; j < runs[i].len; j++, at++, seen++) {
			while (!items[at].in)
				at++;
			assert_ptr_equal(group_items(&runs[i])[j], &items[at]);
		}
	}
	assert_int_equal(seen, in);
	assert_ptr_equal(group_first(group), group_items(&runs[0])[0]);
}

static struct item *items_new(void)
{
	struct item *items = calloc(ITEMS, sizeof *items);
	assert_non_null(items);
	for (int i = 0; i < ITEMS; i++)
		items[i].id = i * 3 - 1000;
	return items;
}

static void move(struct group_table *table, struct item *item, size_t *in)
{
	if (item->in)
		group_leave(table, text, 7, item);
	else
		group_join(table, text, 7, item);
	*in += item->in ? (size_t)-1 : 1;
	item->in = !item->in;
}

static void items_ascend_however_they_come_and_go(void **state)
{
	(void)state;
	struct group_table table = {.id = id_of};
	struct item *items = items_new();
	size_t in = 0;
	uint32_t random = 1;
	for (int step = 0; step < STEPS; step++) {
		random = random * 1103515245 + 12345;
		struct item *item = &items[(random >> 8) % ITEMS];
		/* First more come than go, then more go than come. */
		if (item->in != (step > STEPS / 2) && random >> 30)
			continue;
		move(&table, item, &in);
		if (step % LOOK_EVERY == 0)
			check(&table, items, in);
	}
	check(&table, items, in);
	for (int i = 0; i < ITEMS; i++) {
		if (items[i].in)
			move(&table, &items[i], &in);
		if (i % LOOK_EVERY == 0)
			check(&table, items, in);
	}
	check(&table, items, 0);
	group_table_free(&table);
	free(items);
}

static void come(struct group_table *table, struct item *items, size_t *in, bool down)
{
	for (int i = 0; i < ITEMS; i++)
		move(table, &items[down ? ITEMS - 1 - i : i], in);
	check(table, items, *in);
}

/* What comes in order fills its runs: no memory is wasted. */
static void items_come_and_go_in_every_direction(void **state)
{
	(void)state;
	struct group_table table = {.id = id_of};
	struct item *items = items_new();
	size_t in = 0;
	come(&table, items, &in, false);
	assert_int_equal(group_find(&table, text, 7)->runs_len, (ITEMS + GROUP_RUN_MAX - 1) / GROUP_RUN_MAX);
	come(&table, items, &in, true);
	come(&table, items, &in, true);
	come(&table, items, &in, false);
	come(&table, items, &in, false);
	/* All but one of each run go: the runs go, too. */
	for (int i = 0; i < ITEMS; i++) {
		if (i % GROUP_RUN_MAX)
			move(&table, &items[i], &in);
	}
	check(&table, items, in);
	assert_int_equal(group_find(&table, text, 7)->runs_len, 1);
	group_table_free(&table);
	free(items);
}

static void scopes_and_texts_are_groups_of_their_own(void **state)
{
	(void)state;
	struct group_table table = {.id = id_of};
	struct item one = {.id = 1}, two = {.id = 2};
	struct slice other = {"order.**", 8};
	group_join(&table, text, 7, &one);
	group_join(&table, text, 8, &two);
	group_join(&table, other, 7, &two);
	group_leave(&table, text, 7, &two); /* is not in it */
	group_leave(&table, text, 9, &two);
	assert_ptr_equal(group_first(group_find(&table, text, 7)), &one);
	assert_ptr_equal(group_first(group_find(&table, text, 8)), &two);
	assert_ptr_equal(group_first(group_find(&table, other, 7)), &two);
	assert_null(group_find(&table, other, 8));
	assert_null(group_find(&table, (struct slice){NULL, 0}, 7));
	group_leave(&table, text, 7, &one);
	assert_null(group_find(&table, text, 7));
	assert_non_null(group_find(&table, text, 8));
	group_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_ascend_however_they_come_and_go),
	    cmocka_unit_test(items_come_and_go_in_every_direction),
	    cmocka_unit_test(scopes_and_texts_are_groups_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
