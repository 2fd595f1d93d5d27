/* Connections and statements. Why the settings are what they are: all commits and checkpoints come from one connection (SQLite
 * before 3.51.3 can corrupt a WAL that two connections reset at the same time), so every other one is query_only and never
 * checkpoints; with synchronous=NORMAL a power failure loses acknowledged events, so FULL is set and read back. The writer's cache holds
 * what is written again soon; more would be memory for pages that nobody asks for, and SQLite walks through all of it after a commit in which
 * pages of an index were put in order. */
#include "store/sqlite/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/strbuf.h"

static const struct {
	const char *name;
	const char *sql;
} queries[] = {
#define QUERY(name, text, sql) [QUERY_##name] = {text, sql},
#include "store/sqlite/queries.inc"
#undef QUERY
};

/* Settings of a role, in order; `want` is read back where it is not NULL. */
struct setting {
	const char *set;
	const char *get;
	int64_t want;
};

static const struct setting create_settings[] = {
    {"PRAGMA page_size = 8192", "PRAGMA page_size", DB_PAGE_BYTES},
    {"PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA auto_vacuum", 2},
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", 2},
    {NULL, NULL, 0},
};
static const struct setting write_settings[] = {
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", 2},
    {"PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys", 0},
    {"PRAGMA cache_size = -32768", NULL, 0},
    {"PRAGMA temp_store = MEMORY", NULL, 0},
    {"PRAGMA secure_delete = FAST", NULL, 0},
    {"PRAGMA journal_size_limit = 67108864", NULL, 0},
    {NULL, NULL, 0},
};
static const struct setting read_settings[] = {
    {"PRAGMA query_only = 1", "PRAGMA query_only", 1},
    {"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint", 0},
    {"PRAGMA cache_size = -4096", NULL, 0},
    {"PRAGMA temp_store = MEMORY", NULL, 0},
    {NULL, NULL, 0},
};
static const struct setting *const settings[] = {
    [DB_CREATE] = create_settings,
    [DB_WRITE] = write_settings,
    [DB_READ] = read_settings,
};

char *db_path(const char *data_dir, const char *suffix)
{
	char *path;
	if (asprintf(&path, "%s/grapnel.db%s", data_dir, suffix) < 0)
		log_fatal("store", "memory is out");
	return path;
}

enum engine_fault db_fault(int code)
{
	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		return ENGINE_FSYNC;
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_PROTOCOL:
	case SQLITE_NOLFS:
		return ENGINE_STORAGE;
	default:
		return ENGINE_REFUSED;
	}
}

int db_failed(struct db *db, int code)
{
	db->code = code;
	const char *text = db->conn && sqlite3_errcode(db->conn) == code ? sqlite3_errmsg(db->conn) : sqlite3_errstr(code);
	int system = db->conn ? sqlite3_system_errno(db->conn) : 0;
	bool disk = db_fault(code) != ENGINE_REFUSED && system != 0;
	snprintf(db->why, sizeof db->why, "%.160s (SQLite error %d%s%.80s)", text, code, disk ? ": " : "", disk ? strerror(system) : "");
	return -1;
}

int db_exec(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->conn, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : db_failed(db, code);
}

int db_value(struct db *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->conn, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(stmt, 0);
	int result = code == SQLITE_ROW ? 0 : db_failed(db, code == SQLITE_DONE ? SQLITE_ERROR : code);
	sqlite3_finalize(stmt);
	return result;
}

static int apply(struct db *db, const struct setting *setting)
{
	for (; setting->set; setting++) {
		int64_t got = setting->want;
		if (db_exec(db, setting->set) || (setting->get && db_value(db, setting->get, &got)))
			return -1;
		if (got != setting->want) {
			db->code = SQLITE_ERROR;
			snprintf(db->why, sizeof db->why, "\"%s\" has no effect: it is %lld", setting->set, (long long)got);
			return -1;
		}
	}
	return 0;
}

int db_open(struct db *db, const char *path, enum db_role role, struct err *err)
{
	bool damaged;
	*db = (struct db){0};
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (role == DB_CREATE ? SQLITE_OPEN_CREATE : 0);
	int code = sqlite3_open_v2(path, &db->conn, flags, NULL);
	if (code != SQLITE_OK) {
		db_failed(db, code);
		goto failed;
	}
	sqlite3_extended_result_codes(db->conn, 1);
	sqlite3_busy_timeout(db->conn, 1000);
	if (role == DB_READ)
		sqlite3_db_config(db->conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	if (apply(db, settings[role]))
		goto failed;
	return 0;
failed:
	damaged = (db->code & 0xff) == SQLITE_CORRUPT || (db->code & 0xff) == SQLITE_NOTADB;
	err_set(err, ERR_STORAGE, "%s cannot be opened: %s%s", path, db->why, damaged ? "; restore it from a backup, or move it away" : "");
	db_close(db);
	return -1;
}

void db_close(struct db *db)
{
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(db->stmts[i]);
	int code = sqlite3_close(db->conn);
	if (code != SQLITE_OK)
		log_error("store", "a database connection cannot be closed: %s", sqlite3_errstr(code));
	*db = (struct db){0};
}

static int prepare(struct db *db, enum query query)
{
	int code = sqlite3_prepare_v3(db->conn, queries[query].sql, -1, SQLITE_PREPARE_PERSISTENT, &db->stmts[query], NULL);
	if (code == SQLITE_OK)
		return 0;
	db_failed(db, code);
	log_error("store", "the query %s cannot be prepared: %s", queries[query].name, db->why);
	return -1;
}

int db_check_all(struct db *db)
{
	for (int i = 0; i < QUERIES; i++) {
		if (db->stmts[i])
			continue;
		if (prepare(db, (enum query)i))
			return -1;
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	return 0;
}

struct run db_run(struct db *db, enum query query)
{
	struct run run = {.db = db, .code = SQLITE_OK};
	if (!db->stmts[query] && prepare(db, query))
		run.code = db->code;
	run.stmt = db->stmts[query];
	return run;
}

static void keep_code(struct run *run, int code)
{
	if (run->code == SQLITE_OK)
		run->code = code;
}

void run_int(struct run *run, int at, int64_t value)
{
	if (run->stmt)
		keep_code(run, sqlite3_bind_int64(run->stmt, at, value));
}

void run_int_or_null(struct run *run, int at, int64_t value)
{
	if (value != 0)
		run_int(run, at, value);
	else if (run->stmt)
		keep_code(run, sqlite3_bind_null(run->stmt, at));
}

void run_text(struct run *run, int at, struct slice text)
{
	if (run->stmt)
		keep_code(run, sqlite3_bind_text64(run->stmt, at, text.at, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void run_blob(struct run *run, int at, const void *bytes, size_t len)
{
	if (run->stmt)
		keep_code(run, sqlite3_bind_blob64(run->stmt, at, bytes, len, SQLITE_STATIC));
}

void run_end(struct run *run)
{
	/* The code of a reset repeats that of the step, which was seen. */
	(void)sqlite3_reset(run->stmt);
}

int run_row(struct run *run)
{
	int code = run->code == SQLITE_OK ? sqlite3_step(run->stmt) : run->code;
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		db_failed(run->db, code);
	run_end(run);
	return code == SQLITE_DONE ? 0 : -1;
}

int run_done(struct run *run)
{
	int row = run_row(run);
	if (row > 0)
		run_end(run);
	return row < 0 ? -1 : 0;
}

int run_value(struct run *run, int64_t *value)
{
	int row = run_row(run);
	if (row > 0) {
		*value = run_int_at(run, 0);
		run_end(run);
	}
	return row;
}

struct slice run_text_at(const struct run *run, int column)
{
	const char *text = (const char *)sqlite3_column_text(run->stmt, column);
	return (struct slice){text, text ? (size_t)sqlite3_column_bytes(run->stmt, column) : 0};
}

/* An empty blob has no address in SQLite; here it is present and empty. */
struct slice run_blob_at(const struct run *run, int column)
{
	if (sqlite3_column_type(run->stmt, column) == SQLITE_NULL)
		return (struct slice){NULL, 0};
	const char *bytes = sqlite3_column_blob(run->stmt, column);
	return (struct slice){bytes ? bytes : "", (size_t)sqlite3_column_bytes(run->stmt, column)};
}
