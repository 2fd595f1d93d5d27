/* What is SQLite's own: the file and what is refused as one, settings, and the plans of the queries that must be quick. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "../lib/temp.h"
#include "base/mem.h"
#include "store/sqlite/db.h"

static const struct {
	const char *name;
	const char *sql;
} queries[] = {
#define QUERY(name, text, sql) {text, sql},
#include "store/sqlite/queries.inc"
#undef QUERY
};

static int setup(void **state)
{
	*state = world_new();
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static sqlite3 *open_file(struct world *w)
{
	char *path = temp_path(w->dir, "grapnel.db");
	sqlite3 *conn;
	assert_int_equal(sqlite3_open(path, &conn), SQLITE_OK);
	free(path);
	return conn;
}

static void run_sql(struct world *w, const char *sql)
{
	sqlite3 *conn = open_file(w);
	char *why = NULL;
	if (sqlite3_exec(conn, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(conn);
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

static void refused(struct world *w, const char *words)
{
	struct err err = {0};
	assert_false(world_opens(w, &err));
	if (!strstr(err.detail, words))
		fail_msg("the message is: %s", err.detail);
	assert_non_null(strstr(err.detail, "grapnel.db"));
}

static void create(struct world *w)
{
	struct err err = {0};
	if (!world_opens(w, &err))
		fail_msg("%s", err.detail);
}

static void a_new_file_has_our_settings_and_is_private(void **state)
{
	struct world *w = *state;
	create(w);
	assert_int_equal(number(w, "PRAGMA page_size"), 8192);
	assert_int_equal(number(w, "PRAGMA application_id"), 0x67726170);
	assert_int_equal(number(w, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
	char *path = temp_path(w->dir, "grapnel.db");
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	free(path);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct world *w = *state;
	create(w);
	run_sql(w, "UPDATE meta SET value = 9000 WHERE name = 'schema_version'");
	refused(w, "newer");
	assert_int_equal(number(w, "SELECT value FROM meta WHERE name = 'schema_version'"), 9000);
}

static void another_programs_database_is_refused(void **state)
{
	struct world *w = *state;
	run_sql(w, "CREATE TABLE theirs (x)");
	refused(w, "not a database of grapnel");
	assert_int_equal(number(w, "SELECT count(*) FROM theirs"), 0);
}

static void write_file(struct world *w, const char *name, const char *bytes, size_t len)
{
	char *path = temp_path(w->dir, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct world *w = *state;
	static char junk[20000];
	memset(junk, 'x', sizeof junk);
	write_file(w, "grapnel.db", junk, sizeof junk);
	refused(w, "not a database");
}

static void a_truncated_file_is_refused_at_any_length(void **state)
{
	struct world *w = *state;
	create(w);
	char *path = temp_path(w->dir, "grapnel.db");
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	static const long parts[] = {3, 2, 1, 0};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		long size = (long)status.st_size * parts[i] / 4;
		assert_int_equal(truncate(path, size), 0);
		refused(w, "restore it from a backup");
		struct stat now;
		assert_int_equal(stat(path, &now), 0);
		assert_int_equal(now.st_size, size);
	}
	assert_int_equal(truncate(path, 100), 0);
	refused(w, "grapnel.db");
	free(path);
}

static void a_wal_without_its_database_is_refused(void **state)
{
	struct world *w = *state;
	write_file(w, "grapnel.db-wal", "leftover", 8);
	refused(w, "-wal");
}

static void what_a_crash_left_of_the_making_is_made_anew(void **state)
{
	struct world *w = *state;
	write_file(w, "grapnel.db.new", "half", 4);
	create(w);
	char *path = temp_path(w->dir, "grapnel.db.new");
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void a_missing_table_is_found_at_open(void **state)
{
	struct world *w = *state;
	create(w);
	run_sql(w, "DROP TABLE attempts");
	struct err err = {0};
	assert_false(world_opens(w, &err));
	assert_non_null(strstr(err.detail, "attempts"));
}

static void count_finding(void *context, const char *text)
{
	assert_true(strlen(text) > 0);
	(*(int *)context)++;
}

static void a_damaged_page_is_a_finding(void **state)
{
	struct world *w = *state;
	world_open(w);
	for (int i = 0; i < 300; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	world_close(w);
	char *path = temp_path(w->dir, "grapnel.db");
	/* The root of an index that a start does not read. */
	int64_t page = number(w, "SELECT max(rootpage) FROM sqlite_schema WHERE name = 'deliveries_event'");
	FILE *file = fopen(path, "r+b");
	assert_int_equal(fseek(file, (long)((page - 1) * 8192), SEEK_SET), 0);
	static char junk[8192];
	memset(junk, 0xee, sizeof junk);
	assert_int_equal(fwrite(junk, 1, sizeof junk, file), sizeof junk);
	assert_int_equal(fclose(file), 0);
	free(path);
	world_open(w);
	int findings = 0;
	struct err err = {0};
	/* Damage that stops the check is an answer, too. */
	int result = reader_check(w->reader, count_finding, &findings, &err);
	assert_true(result != 0 || findings > 0);
	world_close(w);
}

static void every_query_prepares_and_names_stand_once(void **state)
{
	struct world *w = *state;
	create(w);
	sqlite3 *conn = open_file(w);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		sqlite3_stmt *stmt;
		if (sqlite3_prepare_v2(conn, queries[i].sql, -1, &stmt, NULL) != SQLITE_OK)
			fail_msg("%s: %s", queries[i].name, sqlite3_errmsg(conn));
		sqlite3_finalize(stmt);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(queries[i].name, queries[j].name);
	}
	sqlite3_close(conn);
}

static const char *sql_of(const char *name)
{
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		if (strcmp(queries[i].name, name) == 0)
			return queries[i].sql;
	}
	fail_msg("there is no query %s", name);
	return NULL;
}

static void plan_of(sqlite3 *conn, const char *name, char out[2048])
{
	char *sql;
	sqlite3_stmt *stmt;
	assert_true(asprintf(&sql, "EXPLAIN QUERY PLAN %s", sql_of(name)) > 0);
	if (sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", name, sqlite3_errmsg(conn));
	size_t len = 0;
	out[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW && len < 2000)
		len += (size_t)snprintf(out + len, 2048 - len, "%s; ", (const char *)sqlite3_column_text(stmt, 3));
	sqlite3_finalize(stmt);
	free(sql);
}

static void hot_queries_seek_their_index_and_sort_nothing(void **state)
{
	struct world *w = *state;
	create(w);
	static const struct {
		const char *query;
		const char *uses;
	} wanted[] = {
	    {"lane", "deliveries_due (endpoint=?)"},
	    {"lane_after", "deliveries_due (endpoint>?)"},
	    {"pending_ids", "deliveries_due (endpoint=?)"},
	    {"order_any", "deliveries_order (endpoint=? AND order_key=?)"},
	    {"order_next", "deliveries_order (endpoint=? AND order_key=?)"},
	    {"order_endpoint_after", "deliveries_order (endpoint>?)"},
	    {"expired", "deliveries_expiry (expires_ms>? AND expires_ms<?)"},
	    {"dead_desc", "deliveries_dead (ended_ms>? AND ended_ms<?)"},
	    {"dead_of_endpoint_asc", "deliveries_dead_endpoint (endpoint=? AND ended_ms>? AND ended_ms<?)"},
	    {"outcome_apply", "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"},
	    {"events_desc", "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"event_of_uid", "events_uid (uid=? AND subscriber=?)"},
	    {"deliveries_of_event_asc", "deliveries_event (event=? AND rowid>?)"},
	    {"repair_delivery", "deliveries_event (event=?)"},
	    {"repair_endpoints", "deliveries_event (event=?)"},
	    {"repair_events", "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"expansion_event_after", "expansions USING PRIMARY KEY (event>?)"},
	    {"expansion_at", "expansions USING PRIMARY KEY (event=? AND last>?)"},
	    {"expansion_left", "expansions USING PRIMARY KEY (event=?)"},
	    {"endpoints_of_subscriber_asc", "endpoints_subscriber (subscriber=? AND id>?)"},
	    {"operation_open_after", "operations_open"},
	    {"deliveries_desc", "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"ids_pending_of_endpoint", "deliveries_due (endpoint=?)"},
	    {"ids_ordered_of_endpoint", "deliveries_order (endpoint=?"},
	    {"ids_dead_of_endpoint", "deliveries_dead_endpoint (endpoint=?)"},
	    {"endpoints_of_status_desc", "endpoints_status (status=? AND rowid<?)"},
	    {"delivery_of_event_at", "deliveries_event (event=?)"},
	    {"order_head_of_delivery", "deliveries_order (endpoint=? AND order_key=?)"},
	    {"stats_pending_of_subscriber", "deliveries_due (endpoint=?)"},
	    {"stats_ordered_of_subscriber", "deliveries_order (endpoint=?"},
	    {"stats_dead_of_subscriber", "endpoints_deleted (subscriber=?)"},
	    {"stats_endpoints", "COVERING INDEX endpoints_status"},
	    {"stats_events", "SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"},
	    {"audit_of_resource_desc", "audit_resource (resource=? AND id>? AND id<?)"},
	    {"audit_of_actor_desc", "audit_actor (actor=? AND id>? AND id<?)"},
	    {"dedupe_bucket_get", "SEARCH dedupe_buckets USING INTEGER PRIMARY KEY (rowid=?)"},
	    {"dedupe_bucket_last", "SEARCH dedupe_buckets USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"dedupe_buckets_delete", "SEARCH dedupe_buckets USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"dedupe_log_after", "SEARCH dedupe_log USING INTEGER PRIMARY KEY (rowid>?)"},
	    {"dedupe_log_delete", "SEARCH dedupe_log USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	    {"once_oldest", "once_age (at_ms<?)"},
	};
	sqlite3 *conn = open_file(w);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		char plan[2048];
		plan_of(conn, wanted[i].query, plan);
		if (!strstr(plan, wanted[i].uses) || strstr(plan, "TEMP B-TREE") || strstr(plan, "SCAN"))
			fail_msg("%s: %s", wanted[i].query, plan);
	}
	sqlite3_close(conn);
}

static bool among(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

/* Each query there is, those of lists with every filter and of tomorrow included: what grows without bound is sought in, never gone
 * through, and nothing is sorted. What is listed here stops after a bounded time or number of rows, is few, or is done once, at the open. */
static void no_query_goes_through_what_grows_or_sorts_it(void **state)
{
	struct world *w = *state;
	create(w);
	static const char *const tables[] = {"SCAN events", "SCAN deliveries", "SCAN attempts", "SCAN dedupe_a", "SCAN dedupe_b",
	                                     "SCAN dedupe_log", "SCAN dedupe_runs", "SCAN dedupe_buckets", "SCAN dedupe_filters",
	                                     "SCAN audit", "SCAN d", "SCAN a", "SCAN h", "SCAN endpoints", "SCAN e", "AUTOMATIC", NULL};
	static const char *const stop[] = {"events_recent", "ids_pending", "ids_ordered", "ids_dead", "stats_pending", "stats_ordered",
	                                   "stats_dead", "dead_last", "census_pending", "census_held", "census_dead", NULL};
	static const char *const sort_few[] = {"stats_endpoints_of_subscriber", NULL};
	sqlite3 *conn = open_file(w);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		const char *name = queries[i].name;
		char plan[2048];
		plan_of(conn, name, plan);
		for (size_t j = 0; tables[j] && !among(name, stop); j++) {
			const char *at = strstr(plan, tables[j]);
			size_t len = strlen(tables[j]);
			if (at && (at[len] == ' ' || at[len] == ';'))
				fail_msg("%s: %s", name, plan);
		}
		if (strstr(plan, "TEMP B-TREE") && !among(name, sort_few))
			fail_msg("%s: %s", name, plan);
	}
	sqlite3_close(conn);
}

/* Whether the query reads a table, and not only its index. */
static bool reads_a_table(sqlite3 *conn, const char *name)
{
	char *sql;
	sqlite3_stmt *stmt;
	bool seeks = false, reads_table = false;
	assert_true(asprintf(&sql, "EXPLAIN %s", sql_of(name)) > 0);
	assert_int_equal(sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *opcode = (const char *)sqlite3_column_text(stmt, 1);
		seeks = seeks || strcmp(opcode, "SeekRowid") == 0 || strcmp(opcode, "NotExists") == 0;
		/* Cursor 0 is the table, 1 its index: a column of the table makes the deferred seek happen. */
		reads_table = reads_table || (strcmp(opcode, "Column") == 0 && sqlite3_column_int(stmt, 2) == 0);
	}
	sqlite3_finalize(stmt);
	free(sql);
	return seeks || reads_table;
}

static void what_goes_through_a_whole_index_reads_nothing_else(void **state)
{
	struct world *w = *state;
	create(w);
	static const struct {
		const char *query;
		const char *uses;
	} wanted[] = {
	    {"ids_pending", "deliveries_due"},   {"ids_ordered", "deliveries_order"},   {"ids_dead", "deliveries_dead"},
	    {"stats_pending", "deliveries_due"}, {"stats_ordered", "deliveries_order"}, {"stats_dead", "deliveries_dead"},
	};
	sqlite3 *conn = open_file(w);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		char plan[2048];
		plan_of(conn, wanted[i].query, plan);
		if (!strstr(plan, wanted[i].uses) || strstr(plan, "TEMP B-TREE") || reads_a_table(conn, wanted[i].query))
			fail_msg("%s: %s", wanted[i].query, plan);
	}
	assert_true(reads_a_table(conn, "order_next"));
	sqlite3_close(conn);
}

enum { HELD_EVENTS = 80, HELD_BYTES = 1000 * 1000 };

static void publish_much(struct world *w)
{
	char *data = mem_alloc(HELD_BYTES + 1);
	memset(data, '1', HELD_BYTES);
	for (int i = 0; i < HELD_EVENTS; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .data = data});
	free(data);
}

static int publish_meanwhile(void *context, const struct event_row *row)
{
	(void)row;
	publish_much(context);
	return 1;
}

/* What a list needs cannot be written over while it runs; after it the WAL begins anew, and does not go on growing. */
static void the_wal_grows_no_longer_than_a_list_runs(void **state)
{
	struct world *w = *state;
	world_open(w);
	char *path = temp_path(w->dir, "grapnel.db-wal");
	struct err err = {0};
	struct stat status;
	struct page page = {.limit = 10};
	world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(reader_events(w->reader, &(struct event_filter){.since_ms = 0}, &page, publish_meanwhile, w, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > (off_t)HELD_EVENTS * HELD_BYTES);
	off_t held = status.st_size;
	for (int i = 0; i < 3; i++)
		publish_much(w);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size < held + (off_t)(DB_CHECKPOINT_PAGES + 500) * DB_PAGE_BYTES);
	free(path);
	world_close(w);
}

struct found {
	int len;
	int64_t first, last;
};

static int find_delivery(void *context, const struct delivery_row *row)
{
	struct found *found = context;
	assert_int_equal(row->state, DELIVERY_PENDING);
	if (found->len++ == 0)
		found->first = row->id;
	found->last = row->id;
	return 0;
}

/* With more pending rows than are gathered, the list walks by id: it gives the same. */
static void a_list_of_very_many_pending_ones_is_walked(void **state)
{
	struct world *w = *state;
	create(w);
	run_sql(
	    w, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
	       "INSERT INTO deliveries (id, event, endpoint, subscriber, state, reason, round, attempts, round_attempts, due_ms, ended_ms) "
	       "SELECT i, 1, 7, 0, iif(i % 2, 0, iif(i < 20, 2, 0)), 0, 1, 0, 0, 60001 - i, 0 FROM n");
	world_open(w);
	for (int ascending = 0; ascending < 2; ascending++) {
		struct page page = {.limit = 20, .ascending = ascending};
		struct delivery_filter filter = {.by_state = true, .state = DELIVERY_PENDING, .endpoint = 7};
		struct found found = {0};
		struct err err = {0};
		assert_int_equal(reader_deliveries(w->reader, &filter, &page, find_delivery, &found, &err), 0);
		assert_true(page.more);
		assert_int_equal(found.len, 20);
		assert_int_equal(found.first, ascending ? 1 : 60000);
		assert_int_equal(found.last, ascending ? 29 : 59981);
	}
	world_close(w);
}

static void success_on_the_first_try_writes_no_attempt_row(void **state)
{
	struct world *w = *state;
	world_open(w);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = world_first_due(w, endpoint);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	assert_int_equal(number(w, "SELECT count(*) FROM attempts"), 0);
	world_close(w);
}

static void a_deleted_endpoint_keeps_neither_secret_nor_key_pair(void **state)
{
	struct world *w = *state;
	world_open(w);
	int64_t id = world_endpoint(w, "order.*", "\"signature\": {\"versions\": [\"v1\", \"v1a\"]}");
	assert_int_equal(number(w, "SELECT count(*) FROM endpoint_secrets"), 1);
	assert_int_equal(number(w, "SELECT count(*) FROM endpoint_pairs"), 1);
	world_change(w, CHANGE_ENDPOINT_DELETE, id);
	assert_int_equal(number(w, "SELECT count(*) FROM endpoints"), 1);
	assert_int_equal(number(w, "SELECT count(*) FROM endpoint_secrets"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM endpoint_pairs"), 0);
	world_close(w);
}

#define FILE_TEST(f)                                                                                                                       \
	{                                                                                                                                  \
#f, f, setup, teardown, NULL                                                                                               \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FILE_TEST(a_new_file_has_our_settings_and_is_private),
	    FILE_TEST(a_newer_schema_is_refused_and_left_alone),
	    FILE_TEST(another_programs_database_is_refused),
	    FILE_TEST(a_file_that_is_no_database_is_refused),
	    FILE_TEST(a_truncated_file_is_refused_at_any_length),
	    FILE_TEST(a_wal_without_its_database_is_refused),
	    FILE_TEST(what_a_crash_left_of_the_making_is_made_anew),
	    FILE_TEST(a_missing_table_is_found_at_open),
	    FILE_TEST(a_damaged_page_is_a_finding),
	    FILE_TEST(every_query_prepares_and_names_stand_once),
	    FILE_TEST(hot_queries_seek_their_index_and_sort_nothing),
	    FILE_TEST(no_query_goes_through_what_grows_or_sorts_it),
	    FILE_TEST(what_goes_through_a_whole_index_reads_nothing_else),
	    FILE_TEST(the_wal_grows_no_longer_than_a_list_runs),
	    FILE_TEST(a_list_of_very_many_pending_ones_is_walked),
	    FILE_TEST(success_on_the_first_try_writes_no_attempt_row),
	    FILE_TEST(a_deleted_endpoint_keeps_neither_secret_nor_key_pair),
	};
	return cmocka_run_group_tests_name("store: the SQLite file", tests, NULL, NULL);
}
