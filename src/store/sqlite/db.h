/* One SQLite connection with its prepared statements. The SQL stands in sql/queries/ and is embedded as queries.inc; each query is
 * prepared once, when it is first used. Owned by one thread at a time.
 *
 * A query is run as a small value: bind, then step through its rows; errors of binding are kept until the first step.
 *
 *	struct run run = db_run(db, QUERY_EVENT_GET);
 *	run_int(&run, 1, id);
 *	int found = run_row(&run);	1: a row, 0: none (any more), -1: failed, db->code and db->why say how
 *	...
 *	run_end(&run);			before the connection is used for anything else that writes; rows are valid until then */
#ifndef GRAPNEL_STORE_SQLITE_DB_H
#define GRAPNEL_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/slice.h"
#include "store/engine.h"

enum query {
#define QUERY(name, text, sql) QUERY_##name,
#include "store/sqlite/queries.inc"
#undef QUERY
	QUERIES
};

enum { DB_PAGE_BYTES = 8192, DB_CHECKPOINT_PAGES = 1000, DB_WAL_LONG_PAGES = 8000 /* 64 MiB */, DB_APPLICATION_ID = 0x67726170 /* 'grap' */ };

struct db {
	sqlite3 *conn;
	int code; /* extended result code of the last failure */
	char why[ERR_DETAIL_MAX];
	sqlite3_stmt *stmts[QUERIES];
};

/* The writing connection, and a read-only one. The path is that of an existing file (create: of none). 0, or -1 and err. */
enum db_role { DB_CREATE, DB_WRITE, DB_READ };
int db_open(struct db *db, const char *path, enum db_role role, struct err *err) ATTR_MUST_USE;
void db_close(struct db *db);
/* Whether every query there is can be prepared: a schema that misses something is found out at once. Those that were not used yet are not
 * kept, which would take a megabyte. */
int db_check_all(struct db *db) ATTR_MUST_USE;
/* Runs SQL text without result. */
int db_exec(struct db *db, const char *sql) ATTR_MUST_USE;
/* The single value of a pragma or of any query text. */
int db_value(struct db *db, const char *sql, int64_t *value) ATTR_MUST_USE;
/* Keeps what failed. Always -1. */
int db_failed(struct db *db, int code);
enum engine_fault db_fault(int code);
/* Takes the database path in a folder apart from its suffix; malloc. */
char *db_path(const char *data_dir, const char *suffix);

struct run {
	struct db *db;
	sqlite3_stmt *stmt;
	int code;
};

struct run db_run(struct db *db, enum query query);
void run_int(struct run *run, int at, int64_t value);
void run_int_or_null(struct run *run, int at, int64_t value); /* 0 is NULL */
/* Borrowed until the run ends; {NULL, 0} is NULL. */
void run_text(struct run *run, int at, struct slice text);
void run_blob(struct run *run, int at, const void *bytes, size_t len);
int run_row(struct run *run) ATTR_MUST_USE;
void run_end(struct run *run);
/* For statements without rows: steps and ends. */
int run_done(struct run *run) ATTR_MUST_USE;
/* For statements with at most one row of one number: 1 and it, 0, -1; ends. */
int run_value(struct run *run, int64_t *value) ATTR_MUST_USE;

static inline int64_t run_int_at(const struct run *run, int column)
{
	return sqlite3_column_int64(run->stmt, column);
}

/* {NULL, 0} for NULL. */
struct slice run_text_at(const struct run *run, int column);
struct slice run_blob_at(const struct run *run, int column);

#endif
