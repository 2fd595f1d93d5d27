/* The table of sources: by id and uid, and the rate of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/id.h"
#include "source/table.h"

static struct source *make(int64_t id, const char *text)
{
	struct err err = {.code = ERR_NONE};
	struct source_meta meta = {.id = id};
	json_t *doc = json_loads(text, 0, NULL);
	struct source *source = source_parse(doc, &meta, NULL, 0, &err);
	json_decref(doc);
	if (!source)
		fail_msg("%s", err.detail);
	return source;
}

static void put(struct source_table *table, int64_t id, const char *text)
{
	struct source *source = make(id, text);
	source_table_put(table, source);
	source_unref(source);
}

static int64_t id_of(struct source_table *table, const char *name)
{
	struct source *source = source_table_find(table, slice_of(name));
	int64_t id = source ? source->meta.id : 0;
	source_unref(source);
	return id;
}

static void a_source_is_found_by_id_and_by_its_present_uid(void **state)
{
	struct source_table *table = source_table_new();
	char text[ID_TEXT_SIZE], uid[64];
	(void)state;
	id_format(ID_SOURCE, 7, text);
	put(table, 7, "{\"scheme\": \"none\", \"uid\": \"one\"}");
	put(table, 8, "{\"scheme\": \"none\", \"uid\": \"two\"}");
	assert_int_equal(id_of(table, "one"), 7);
	assert_int_equal(id_of(table, text), 7);
	put(table, 7, "{\"scheme\": \"none\", \"uid\": \"other\"}");
	assert_int_equal(id_of(table, "one"), 0);
	assert_int_equal(id_of(table, "other"), 7);
	assert_true(source_table_uid(table, 7, uid, sizeof uid));
	assert_string_equal(uid, "other");
	put(table, 7, "{\"scheme\": \"none\"}");
	assert_int_equal(id_of(table, "other"), 0);
	assert_int_equal(id_of(table, text), 7);
	source_table_remove(table, 7);
	source_table_remove(table, 7);
	assert_int_equal(id_of(table, text), 0);
	assert_int_equal(id_of(table, "two"), 8);
	source_table_free(table);
}

static struct source_rate take(struct source_table *table, int64_t id, int64_t now_us)
{
	struct source_rate rate;
	struct source *source = source_table_get(table, id);
	source_table_take(table, source, now_us, &rate);
	source_unref(source);
	return rate;
}

static void a_rate_lets_so_many_pass_and_fills_again(void **state)
{
	struct source_table *table = source_table_new();
	int64_t now_us = 1000000;
	(void)state;
	put(table, 1, "{\"scheme\": \"none\", \"rate\": {\"limit\": 2, \"per_ms\": 10000}}");
	assert_true(take(table, 1, now_us).taken);
	assert_int_equal(take(table, 1, now_us).remaining, 0);
	struct source_rate rate = take(table, 1, now_us);
	assert_false(rate.taken);
	assert_int_equal(rate.retry_after_s, 6); /* five and a begun one */
	assert_int_equal(rate.per_s, 10);
	assert_false(take(table, 1, now_us + 4999000).taken);
	assert_true(take(table, 1, now_us + 5001000).taken);
	assert_false(take(table, 1, now_us + 5001000).taken);
	/* Small steps add up, and no more than the limit is ever there. */
	for (int i = 1; i <= 1000; i++)
		now_us += 100000;
	assert_int_equal(take(table, 1, now_us).remaining, 1);
	assert_true(take(table, 1, now_us).taken);
	assert_false(take(table, 1, now_us).taken);
	/* Another rate begins full; a change of something else does not. */
	put(table, 1, "{\"scheme\": \"none\", \"rate\": {\"limit\": 2, \"per_ms\": 10000}, \"description\": \"x\"}");
	assert_false(take(table, 1, now_us).taken);
	put(table, 1, "{\"scheme\": \"none\", \"rate\": {\"limit\": 3, \"per_ms\": 10000}}");
	assert_int_equal(take(table, 1, now_us).remaining, 2);
	put(table, 1, "{\"scheme\": \"none\"}");
	assert_int_equal(take(table, 1, now_us).limit, 0);
	source_table_free(table);
}

static void looking_often_does_not_keep_a_bucket_from_filling(void **state)
{
	struct source_table *table = source_table_new();
	(void)state;
	put(table, 1, "{\"scheme\": \"none\", \"rate\": {\"limit\": 1, \"per_ms\": 86400000}}");
	int64_t now_us = 0;
	assert_true(take(table, 1, now_us).taken);
	/* A look every millisecond, of which each adds far less than a thousandth of a request. */
	for (int i = 0; i < 100000; i++)
		assert_false(take(table, 1, now_us += 1000).taken);
	assert_true(take(table, 1, INT64_C(86400000) * 1000 + 1000).taken);
	source_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_source_is_found_by_id_and_by_its_present_uid),
	    cmocka_unit_test(a_rate_lets_so_many_pass_and_fills_again),
	    cmocka_unit_test(looking_often_does_not_keep_a_bucket_from_filling),
	};
	return cmocka_run_group_tests_name("source_table", tests, NULL, NULL);
}
