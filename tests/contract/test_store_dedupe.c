/* Keys on their way from the log to runs and out: none is forgotten within its window, wherever it is and whenever the store is opened
 * again; none is remembered longer; and what is over leaves the file. Runs are small here. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "../lib/temp.h"
#include "store/dedupe_filter.h"

enum { RUN_KEYS = 64, BATCH_MAX = 40, MODEL_KEYS = 3000 };

static int setup(void **state)
{
	struct world *w = world_new();
	w->run_keys = RUN_KEYS;
	world_open(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state);
	world_free(*state);
	return 0;
}

static void reopen(struct world *w)
{
	world_close(w);
	world_open(w);
}

static struct world_event event_of(char uid[16], int key, const char *data)
{
	snprintf(uid, 16, "key%d", key);
	return (struct world_event){.type = "order.created", .uid = uid, .data = data};
}

/* Publishes these keys in one command; what became of them. */
static void publish(struct world *w, struct publish_item *items, const int *keys, size_t len, const char *const *data)
{
	for (size_t i = 0; i < len; i++) {
		char uid[16];
		struct world_event event = event_of(uid, keys[i], data ? data[i] : NULL);
		items[i] = world_item(w, &event);
	}
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = len, .items = items};
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	for (size_t i = 0; i < len; i++)
		world_item_clear(&items[i]);
}

/* New keys from … to - 1, in small batches; their events. */
static void publish_new(struct world *w, int from, int to, int64_t *events)
{
	while (from < to) {
		struct publish_item items[16];
		int keys[16];
		size_t len = 0;
		while (len < 16 && from < to)
			keys[len++] = from++;
		publish(w, items, keys, len, NULL);
		for (size_t i = 0; i < len; i++) {
			assert_int_equal(items[i].fate, ERR_NONE);
			assert_false(items[i].duplicate);
			if (events)
				events[keys[i]] = items[i].event_id;
		}
	}
}

static void expect_repeated(struct world *w, int key, int64_t event)
{
	struct publish_item item;
	publish(w, &item, &key, 1, NULL);
	assert_int_equal(item.fate, ERR_NONE);
	if (!item.duplicate || item.event_id != event)
		fail_msg("key %d: duplicate %d, event %lld, not %lld", key, item.duplicate, (long long)item.event_id, (long long)event);
	publish(w, &item, &key, 1, (const char *const[]){"[\"other\"]"});
	assert_int_equal(item.fate, ERR_KEY_REUSED);
}

static sqlite3 *open_file(struct world *w)
{
	char *path = temp_path(w->dir, "grapnel.db");
	sqlite3 *conn;
	assert_int_equal(sqlite3_open(path, &conn), SQLITE_OK);
	free(path);
	return conn;
}

static int64_t number(struct world *w, const char *sql)
{
	sqlite3 *conn = open_file(w);
	sqlite3_stmt *stmt;
	assert_int_equal(sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(conn);
	return value;
}

static void keys_are_remembered_from_the_log_to_runs_and_over_restarts(void **state)
{
	struct world *w = *state;
	static int64_t events[RUN_KEYS * 10];
	int len = 0;
	for (int round = 0; round < 10; round++) {
		publish_new(w, len, len + RUN_KEYS, events);
		len += RUN_KEYS;
		for (int key = 0; key < len; key += 7)
			expect_repeated(w, key, events[key]);
		if (round % 2 == 0)
			reopen(w);
	}
	for (int key = 0; key < len; key++)
		expect_repeated(w, key, events[key]);
	assert_true(number(w, "SELECT count(*) FROM dedupe_runs WHERE state = 1") >= 7);
	/* What is in a run leaves the log. */
	assert_true(number(w, "SELECT count(*) FROM dedupe_log") < 3 * RUN_KEYS / 16);
}

/* The rows of a crash at any moment are those of some commit: each commit of a run's way is tried. */
static void keys_outlive_a_crash_at_each_step(void **state)
{
	struct world *w = *state;
	static int64_t events[RUN_KEYS * 4];
	for (int key = 0; key < RUN_KEYS * 3; key += 4) {
		publish_new(w, key, key + 4, events);
		if (key < RUN_KEYS)
			continue;
		struct world *after = world_crash(w);
		for (int earlier = key % 5; earlier < key + 4; earlier += 5)
			expect_repeated(after, earlier, events[earlier]);
		world_close(after);
		world_free(after);
	}
	reopen(w);
	for (int key = 0; key < RUN_KEYS * 3; key++)
		expect_repeated(w, key, events[key]);
}

static void what_is_over_leaves_the_file_and_is_free(void **state)
{
	struct world *w = *state;
	publish_new(w, 0, RUN_KEYS * 8, NULL);
	w->wall_ms += w->window_ms;
	publish_new(w, 0, RUN_KEYS * 2, NULL);
	reopen(w);
	publish_new(w, RUN_KEYS * 2, RUN_KEYS * 16, NULL);
	assert_int_equal(number(w, "SELECT count(*) FROM dedupe_runs WHERE id <= 6"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM dedupe_buckets WHERE id < 7 << 32"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM dedupe_filters WHERE run <= 6"), 0);
	int key = 1;
	struct publish_item item;
	publish(w, &item, &key, 1, NULL);
	assert_true(item.duplicate);
}

static void of_two_in_one_run_the_newer_counts(void **state)
{
	struct world *w = *state;
	static int64_t events[RUN_KEYS * 4];
	publish_new(w, 0, RUN_KEYS / 4, NULL);
	w->wall_ms += w->window_ms;
	publish_new(w, 0, RUN_KEYS * 4, events);
	assert_int_equal(number(w, "SELECT state FROM dedupe_runs WHERE id = 1"), 1);
	for (int key = 0; key < RUN_KEYS; key++)
		expect_repeated(w, key, events[key]);
}

static void beyond_the_greatest_number_the_oldest_are_forgotten(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->dedupe_keys = RUN_KEYS * 4;
	world_open(w);
	static int64_t events[RUN_KEYS * 12];
	publish_new(w, 0, RUN_KEYS * 12, events);
	for (int key = RUN_KEYS * 8; key < RUN_KEYS * 12; key++)
		expect_repeated(w, key, events[key]);
	assert_true(number(w, "SELECT count(*) FROM dedupe_runs WHERE state = 1") <= 5);
	assert_true(number(w, "SELECT count(*) FROM dedupe_log") < 3 * RUN_KEYS / 16);
	publish_new(w, 0, 1, NULL); /* new again */
}

/* The batch is rolled back as a whole, with the key that makes a run, and run again item by item. */
static void a_key_of_a_batch_that_is_rolled_back_is_new(void **state)
{
	struct world *w = *state;
	static int64_t events[RUN_KEYS * 3];
	char text[KEY_TEXT_SIZE];
	struct key key = {.scopes = SCOPE_READ, .name = "one"};
	key_make(text, key.hash, key.hint);
	struct key same = key;
	struct store_change first = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_KEY_CREATE, .key = &key};
	assert_int_equal(store_change(w->store, &first), 0);
	publish_new(w, 0, RUN_KEYS - 1, events);
	for (int at = RUN_KEYS - 1; at < RUN_KEYS + 20; at++) {
		char uid[16];
		struct world_event event = event_of(uid, at, NULL);
		struct publish_item item = world_item(w, &event);
		struct store_publish one = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
		struct store_change refused = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_KEY_CREATE, .key = &same};
		world_run_together(w, (struct store_cmd *[]){&one.cmd, &refused.cmd}, 2);
		assert_int_equal(refused.cmd.fate, ERR_INTERNAL);
		assert_int_equal(item.fate, ERR_NONE);
		assert_false(item.duplicate);
		events[at] = item.event_id;
		world_item_clear(&item);
		store_change_clear(&refused);
	}
	publish_new(w, RUN_KEYS + 20, RUN_KEYS * 3, events);
	for (int at = 0; at < RUN_KEYS * 3; at++)
		expect_repeated(w, at, events[at]);
}

/* A filter that is missing or of another size is done without. */
static void runs_without_their_filter_are_read(void **state)
{
	struct world *w = *state;
	static int64_t events[RUN_KEYS * 4];
	publish_new(w, 0, RUN_KEYS * 4, events);
	world_close(w);
	sqlite3 *conn = open_file(w);
	static const char spoil[] = "DELETE FROM dedupe_filters WHERE run = 1; UPDATE dedupe_filters SET filter = x'00' WHERE run = 2";
	assert_int_equal(sqlite3_exec(conn, spoil, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(conn);
	world_open(w);
	for (int key = 0; key < RUN_KEYS * 4; key++)
		expect_repeated(w, key, events[key]);
	publish_new(w, RUN_KEYS * 4, RUN_KEYS * 5, NULL);
}

static void put_before(sqlite3 *conn, const char *table, int key, const struct publish_item *item, int64_t event, int64_t at_ms)
{
	char sql[160], uid[16];
	struct world_event of = event_of(uid, key, NULL);
	struct dedupe_key hash = dedupe_key_of(0, 0, DEDUPE_UID, slice_of(of.uid), 0);
	sqlite3_stmt *stmt;
	snprintf(sql, sizeof sql, "INSERT INTO %s (key, content, event, deliveries, at_ms) VALUES (?1, ?2, ?3, 5, ?4)", table);
	assert_int_equal(sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_blob(stmt, 1, hash.hash, sizeof hash.hash, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 2, item->content, sizeof item->content, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, event);
	sqlite3_bind_int64(stmt, 4, at_ms);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static void keys_of_the_tables_of_before_are_remembered_for_their_window(void **state)
{
	struct world *w = *state;
	char uid[16];
	struct world_event of = event_of(uid, 0, NULL);
	struct publish_item like = world_item(w, &of);
	world_close(w);
	sqlite3 *conn = open_file(w);
	for (int key = 0; key < 300; key++)
		put_before(conn, key % 2 ? "dedupe_a" : "dedupe_b", key, &like, 1000 + key, w->wall_ms);
	/* Over, and remembered again. */
	put_before(conn, "dedupe_a", 0, &like, 7, w->wall_ms - w->window_ms);
	sqlite3_close(conn);
	world_item_clear(&like);
	world_open(w);
	publish_new(w, 1000, 1001, NULL);
	w->wall_ms += w->window_ms - 1;
	reopen(w);
	for (int key = 0; key < 300; key++)
		expect_repeated(w, key, 1000 + key);
	w->wall_ms += 1;
	publish_new(w, 0, 300, NULL);
	publish_new(w, 2000, 2200, NULL);
	assert_int_equal(number(w, "SELECT (SELECT count(*) FROM dedupe_a) + (SELECT count(*) FROM dedupe_b)"), 0);
}

/* ---- Filters ---- */

static void random_key(uint8_t key[16], int of, int number)
{
	char text[32];
	snprintf(text, sizeof text, "%d/%d", of, number);
	struct dedupe_key hash = dedupe_key_of(of, 0, DEDUPE_UID, slice_of(text), 0);
	memcpy(key, hash.hash, sizeof hash.hash);
}

enum { FILTERS = 70, FILTER_BLOCKS = 8, FILTER_KEYS = FILTER_BLOCKS * 32 };

/* How often one of all filters says that it may have a key which none has. */
static int wrong_answers(struct dedupe_filters *filters)
{
	int wrong = 0;
	for (int i = 0; i < 200; i++) {
		uint8_t key[16];
		random_key(key, -1, i);
		dedupe_filters_ask(filters, key);
		for (int number = 0; number < FILTERS; number++)
			wrong += dedupe_filters_may(filters, number);
	}
	return wrong;
}

static void a_filter_knows_its_own_keys_and_hardly_any_other(void **state)
{
	(void)state;
	struct dedupe_filters filters = {.blocks = FILTER_BLOCKS};
	uint8_t filter[FILTER_BLOCKS * DEDUPE_FILTER_BLOCK], key[16];
	for (int number = 0; number < FILTERS; number++) {
		memset(filter, 0, sizeof filter);
		for (int i = 0; i < FILTER_KEYS; i++) {
			random_key(key, number, i);
			dedupe_filter_add(filter, FILTER_BLOCKS, key);
		}
		assert_int_equal(dedupe_filters_take(&filters, filter), number);
	}
	for (int number = 0; number < FILTERS; number++) {
		for (int i = 0; i < FILTER_KEYS; i++) {
			random_key(key, number, i);
			dedupe_filters_ask(&filters, key);
			assert_true(dedupe_filters_may(&filters, number));
		}
	}
	assert_in_range(wrong_answers(&filters), 0, 200 * FILTERS / 200);
	/* What one of before knew is forgotten. */
	memset(filter, 0, sizeof filter);
	dedupe_filters_give(&filters, 33);
	assert_int_equal(dedupe_filters_take(&filters, filter), 33);
	random_key(key, 33, 1);
	dedupe_filters_ask(&filters, key);
	assert_false(dedupe_filters_may(&filters, 33));
	assert_true(dedupe_filters_may(&filters, DEDUPE_FILTER_NONE));
	dedupe_filters_free(&filters);
}

/* ---- A trivial model, and a store that is opened again at random ---- */

static uint32_t random_below(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (uint32_t)((uint64_t)*seed * below >> 32);
}

struct model_key {
	int64_t event, at_ms;
	int content;
};

static void check_item(struct model_key *key, const struct publish_item *item, int content, const struct world *w)
{
	bool known = key->event != 0 && key->at_ms + w->window_ms > w->wall_ms;
	assert_int_equal(item->fate, known && key->content != content ? ERR_KEY_REUSED : ERR_NONE);
	if (item->fate != ERR_NONE)
		return;
	assert_int_equal(item->duplicate, known);
	if (known)
		assert_int_equal(item->event_id, key->event);
	else
		*key = (struct model_key){.event = item->event_id, .at_ms = w->wall_ms, .content = content};
}

static void it_answers_as_a_trivial_model_does(void **state)
{
	struct world *w = *state;
	static const char *const contents[] = {"[0]", "[1]"};
	static struct model_key model[MODEL_KEYS];
	uint32_t seed = 20250914;
	memset(model, 0, sizeof model);
	for (int round = 0; round < 1500; round++) {
		struct publish_item items[BATCH_MAX];
		int keys[BATCH_MAX], content[BATCH_MAX];
		const char *data[BATCH_MAX];
		size_t len = random_below(&seed, round % 100 < 50 ? 4 : BATCH_MAX) + 1;
		for (size_t i = 0; i < len; i++) {
			keys[i] = (int)random_below(&seed, MODEL_KEYS);
			content[i] = random_below(&seed, 8) == 0;
			data[i] = contents[content[i]];
		}
		publish(w, items, keys, len, data);
		for (size_t i = 0; i < len; i++)
			check_item(&model[keys[i]], &items[i], content[i], w);
		w->wall_ms += random_below(&seed, (uint32_t)(w->window_ms / 200));
		if (random_below(&seed, 25) == 0)
			reopen(w);
	}
	assert_true(number(w, "SELECT max(id) FROM dedupe_runs") > 20);
}

int main(void)
{
#define DEDUPE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    DEDUPE_TEST(keys_are_remembered_from_the_log_to_runs_and_over_restarts),
	    DEDUPE_TEST(keys_outlive_a_crash_at_each_step),
	    DEDUPE_TEST(what_is_over_leaves_the_file_and_is_free),
	    DEDUPE_TEST(of_two_in_one_run_the_newer_counts),
	    DEDUPE_TEST(beyond_the_greatest_number_the_oldest_are_forgotten),
	    DEDUPE_TEST(a_key_of_a_batch_that_is_rolled_back_is_new),
	    DEDUPE_TEST(runs_without_their_filter_are_read),
	    DEDUPE_TEST(keys_of_the_tables_of_before_are_remembered_for_their_window),
	    cmocka_unit_test(a_filter_knows_its_own_keys_and_hardly_any_other),
	    DEDUPE_TEST(it_answers_as_a_trivial_model_does),
	};
	return world_main("store: dedupe", tests, sizeof tests / sizeof tests[0]);
}
