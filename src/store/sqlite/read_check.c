/* The check of a database: structure, schema, settings. The one read that may take longer than a list: it is asked for by hand. */
#include <stdio.h>
#include <string.h>

#include "store/sqlite/migrate.h"
#include "store/sqlite/reader.h"

/* What must be so in the file. */
static const struct {
	const char *sql;
	const char *what;
	int64_t want;
} numbers[] = {
    {"PRAGMA application_id", "the file's mark (application_id)", DB_APPLICATION_ID},
    {"PRAGMA page_size", "page_size", DB_PAGE_BYTES},
    {"SELECT count(*) FROM leases", "the number of endpoint shards", ENGINE_SHARDS},
};

/* What no row may be. */
static const struct {
	const char *sql;
	const char *what;
} wrongs[] = {
    {"SELECT count(*) FROM deliveries AS h INDEXED BY deliveries_order WHERE h.order_key IS NOT NULL AND h.state < 2 AND h.state = 1 "
     "AND NOT EXISTS (SELECT 1 FROM deliveries AS p INDEXED BY deliveries_order WHERE p.endpoint = h.endpoint AND p.order_key = "
     "h.order_key "
     "AND p.order_key IS NOT NULL AND p.state < 2 AND p.state = 0)",
     "ordered deliveries are held although nothing of their key is pending"},
    {"SELECT count(*) FROM endpoints WHERE status <> 3 AND subscriber <> 0 AND subscriber NOT IN (SELECT id FROM subscribers)",
     "endpoints belong to a subscriber that does not exist"},
    {"SELECT count(*) FROM sources WHERE subscriber <> 0 AND subscriber NOT IN (SELECT id FROM subscribers)",
     "sources belong to a subscriber that does not exist"},
    {"SELECT count(*) FROM expansions WHERE event NOT IN (SELECT id FROM events)", "parts of a fan-out have no event"},
};

static int check_structure(struct sqlite_reader *r, void (*finding)(void *, const char *text), void *context)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(r->db.conn, "PRAGMA quick_check(100)", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	for (; code == SQLITE_ROW; code = sqlite3_step(stmt)) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		if (text && strcmp(text, "ok") != 0)
			finding(context, text);
	}
	if (code != SQLITE_DONE)
		db_failed(&r->db, code);
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? 0 : -1;
}

static int check_schema(struct sqlite_reader *r, void (*finding)(void *, const char *text), void *context)
{
	char text[ERR_DETAIL_MAX];
	int64_t version;
	if (db_value(&r->db, "SELECT value FROM meta WHERE name = 'schema_version'", &version))
		return -1;
	if (version != migrate_newest()) {
		snprintf(text, sizeof text, "the schema is %lld, this program's is %lld", (long long)version, (long long)migrate_newest());
		finding(context, text);
	}
	return 0;
}

static int check_numbers(struct sqlite_reader *r, void (*finding)(void *, const char *text), void *context)
{
	char text[ERR_DETAIL_MAX];
	int64_t got;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (db_value(&r->db, numbers[i].sql, &got))
			return -1;
		if (got == numbers[i].want)
			continue;
		snprintf(text, sizeof text, "%s is %lld, it should be %lld", numbers[i].what, (long long)got, (long long)numbers[i].want);
		finding(context, text);
	}
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		if (db_value(&r->db, wrongs[i].sql, &got))
			return -1;
		if (got == 0)
			continue;
		snprintf(text, sizeof text, "%lld %s", (long long)got, wrongs[i].what);
		finding(context, text);
	}
	return 0;
}

int sqlite_read_check(struct store_reader *base, void (*finding)(void *, const char *text), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	if (check_structure(r, finding, context) || check_schema(r, finding, context) || check_numbers(r, finding, context))
		return reader_failed(r, err);
	return 0;
}
