/* The map from ids: what was put is found, through growth, removal and shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/idmap.h"

static void what_was_put_is_found_until_removed(void **state)
{
	(void)state;
	struct idmap map = {0};
	int a, b;
	assert_null(idmap_get(&map, 7));
	assert_null(idmap_remove(&map, 7));
	idmap_put(&map, 7, &a);
	idmap_put(&map, UINT64_MAX, &b);
	assert_ptr_equal(idmap_get(&map, 7), &a);
	assert_ptr_equal(idmap_get(&map, UINT64_MAX), &b);
	assert_null(idmap_get(&map, 8));
	idmap_put(&map, 7, &b);
	assert_int_equal(map.len, 2);
	assert_ptr_equal(idmap_remove(&map, 7), &b);
	assert_null(idmap_get(&map, 7));
	assert_null(idmap_remove(&map, 7));
	assert_int_equal(map.len, 1);
	idmap_free(&map);
	assert_null(idmap_get(&map, UINT64_MAX));
}

/* Ids as the hub allots them: they differ in a few bits only. */
static uint64_t id_of(size_t i)
{
	return ((uint64_t)i / 3 + 1) << 22 | (uint64_t)i % 3;
}

static void it_grows_with_its_entries_and_shrinks_without(void **state)
{
	(void)state;
	enum { ENTRIES = 50000 };
	static char values[ENTRIES];
	struct idmap map = {0};
	for (size_t i = 0; i < ENTRIES; i++)
		idmap_put(&map, id_of(i), &values[i]);
	assert_int_equal(map.len, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++)
		assert_ptr_equal(idmap_get(&map, id_of(i)), &values[i]);
	size_t cap_full = map.cap;
	for (size_t i = 0; i < ENTRIES; i += 2)
		assert_ptr_equal(idmap_remove(&map, id_of(i)), &values[i]);
	for (size_t i = 0; i < ENTRIES; i++)
		assert_ptr_equal(idmap_get(&map, id_of(i)), i % 2 ? &values[i] : NULL);
	for (size_t i = 1; i < ENTRIES; i += 2)
		assert_ptr_equal(idmap_remove(&map, id_of(i)), &values[i]);
	assert_int_equal(map.len, 0);
	assert_true(map.cap < cap_full / 100);
	idmap_free(&map);
}

static void a_walk_meets_every_entry_once(void **state)
{
	(void)state;
	enum { ENTRIES = 1000 };
	static unsigned seen[ENTRIES];
	struct idmap map = {0};
	for (size_t i = 0; i < ENTRIES; i++)
		idmap_put(&map, i + 1, &seen[i]);
	size_t at = 0, count = 0;
	uint64_t id;
	void *value;
	while (idmap_next(&map, &at, &id, &value)) {
		assert_ptr_equal(value, &seen[id - 1]);
		seen[id - 1]++;
		count++;
	}
	assert_int_equal(count, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++)
		assert_int_equal(seen[i], 1);
	idmap_free(&map);
}

static void random_work_agrees_with_an_array(void **state)
{
	(void)state;
	enum { IDS = 200, STEPS = 100000 };
	static char values[IDS];
	static bool present[IDS];
	struct idmap map = {0};
	unsigned seed = 7;
	for (int step = 0; step < STEPS; step++) {
		seed = seed * 1103515245u + 12345u;
		size_t i = seed / 65536 % IDS;
		void *expected = present[i] ? &values[i] : NULL;
		assert_ptr_equal(idmap_get(&map, i + 1), expected);
		if (seed / 1024 % 2) {
			idmap_put(&map, i + 1, &values[i]);
			present[i] = true;
		} else {
			assert_ptr_equal(idmap_remove(&map, i + 1), expected);
			present[i] = false;
		}
	}
	idmap_free(&map);
}

/* Most maps have one entry. */
static void a_single_entry_needs_no_table(void **state)
{
	(void)state;
	struct idmap map = {0};
	int a, b;
	size_t at = 0, count = 0;
	uint64_t id;
	void *value;
	assert_false(idmap_next(&map, &at, &id, &value));
	idmap_put(&map, 5, &a);
	assert_int_equal(map.cap, 0);
	assert_null(idmap_get(&map, 6));
	assert_null(idmap_remove(&map, 6));
	idmap_put(&map, 5, &b);
	assert_int_equal(map.len, 1);
	at = 0;
	assert_true(idmap_next(&map, &at, &id, &value));
	assert_int_equal(id, 5);
	assert_ptr_equal(value, &b);
	assert_false(idmap_next(&map, &at, &id, &value));
	struct idmap moved = map;
	assert_ptr_equal(idmap_remove(&moved, 5), &b);
	assert_null(idmap_get(&moved, 5));
	assert_int_equal(moved.len, 0);
	idmap_free(&moved);
	idmap_put(&map, 6, &a);
	assert_true(map.cap > 0);
	assert_ptr_equal(idmap_get(&map, 5), &b);
	assert_ptr_equal(idmap_get(&map, 6), &a);
	for (at = 0; idmap_next(&map, &at, &id, &value); count++)
		assert_ptr_equal(value, id == 5 ? &b : &a);
	assert_int_equal(count, 2);
	idmap_free(&map);
	assert_int_equal(map.len, 0);
}

static void hashes_depend_on_every_byte_and_the_length(void **state)
{
	(void)state;
	char text[40] = {0};
	uint64_t whole = idmap_hash(text, sizeof text);
	assert_true(whole == idmap_hash(text, sizeof text));
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = 1;
		assert_true(idmap_hash(text, sizeof text) != whole);
		text[i] = 0;
		assert_true(idmap_hash(text, i) != whole);
	}
	for (size_t len = 1; len < sizeof text; len++)
		assert_true(idmap_hash(text, len) != idmap_hash(text, len - 1));
	assert_true(idmap_hash("", 0) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_put_is_found_until_removed),
	    cmocka_unit_test(it_grows_with_its_entries_and_shrinks_without),
	    cmocka_unit_test(a_walk_meets_every_entry_once),
	    cmocka_unit_test(random_work_agrees_with_an_array),
	    cmocka_unit_test(a_single_entry_needs_no_table),
	    cmocka_unit_test(hashes_depend_on_every_byte_and_the_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
