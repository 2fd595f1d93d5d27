/* Migrations, each in a transaction of its own. A new database is made under another name and renamed when it is complete, so that
 * a grapnel.db that is empty or cut short is always damage and never a beginning: it is refused, not made anew. */
#include "store/sqlite/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/systemd.h"

static const struct {
	int64_t number;
	const char *name;
	const char *sql;
} migrations[] = {
#define MIGRATION(number, name, sql) {number, name, sql},
#include "store/sqlite/migrations.inc"
#undef MIGRATION
};

enum { MIGRATIONS = sizeof migrations / sizeof migrations[0], PROGRESS_STEPS = 1000000 };

int64_t migrate_newest(void)
{
	return migrations[MIGRATIONS - 1].number;
}

/* By SQLite, in the midst of a statement. */
static int on_progress(void *status)
{
	systemd_working(status);
	return 0;
}

static int migrate_one(struct db *db, size_t at)
{
	char note[96];
	snprintf(note, sizeof note, "UPDATE meta SET value = %lld WHERE name = 'schema_version'", (long long)migrations[at].number);
	if (db_exec(db, "BEGIN IMMEDIATE"))
		return -1;
	if (db_exec(db, migrations[at].sql) || db_exec(db, note) || db_exec(db, "COMMIT")) {
		if (!sqlite3_get_autocommit(db->conn))
			sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL); /* what failed is reported, not this */
		return -1;
	}
	return 0;
}

/* Of rows that are there already: a service manager that waits for the start is told that it goes on. */
static int migrate_aloud(struct db *db, size_t at)
{
	char status[96];
	snprintf(status, sizeof status, "starting: the database is migrated to schema %lld", (long long)migrations[at].number);
	systemd_working(status);
	sqlite3_progress_handler(db->conn, PROGRESS_STEPS, on_progress, status);
	int result = migrate_one(db, at);
	sqlite3_progress_handler(db->conn, 0, NULL, NULL);
	return result;
}

static int migrate_from(struct db *db, int64_t version, const char *path, struct err *err)
{
	for (size_t i = 0; i < MIGRATIONS; i++) {
		if (migrations[i].number <= version)
			continue;
		if (version > 0 ? migrate_aloud(db, i) : migrate_one(db, i))
			return err_set(err, ERR_STORAGE, "%s: migration %lld (%s) failed: %s", path, (long long)migrations[i].number,
			               migrations[i].name, db->why);
		if (version > 0)
			log_info("store", "the database was migrated to schema %lld", (long long)migrations[i].number);
	}
	return 0;
}

static int sync_path(const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC);
	int result = fd < 0 || fsync(fd) ? err_set(err, ERR_STORAGE, "%s cannot be made durable: %s", path, strerror(errno)) : 0;
	if (fd >= 0)
		close(fd);
	return result;
}

static int create(const char *data_dir, const char *path, struct err *err)
{
	struct db db = {0};
	char *fresh = db_path(data_dir, ".new");
	char *journal = db_path(data_dir, ".new-journal");
	int result = -1;
	unlink(fresh); /* what a crash left */
	unlink(journal);
	int fd = open(fresh, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_set(err, ERR_STORAGE, "%s cannot be made: %s", fresh, strerror(errno));
		goto out;
	}
	close(fd);
	if (db_open(&db, fresh, DB_CREATE, err) || migrate_from(&db, 0, fresh, err))
		goto out;
	db_close(&db);
	if (sync_path(fresh, O_RDONLY, err))
		goto out;
	if (rename(fresh, path)) {
		err_set(err, ERR_STORAGE, "%s cannot be renamed: %s", fresh, strerror(errno));
		goto out;
	}
	result = sync_path(data_dir, O_RDONLY | O_DIRECTORY, err);
out:
	db_close(&db);
	free(journal);
	free(fresh);
	return result;
}

/* Whether the file is ours and whole as far as its header tells; its schema version. */
static int recognise(struct db *db, const char *path, int64_t *version, struct err *err)
{
	int64_t application;
	*version = 0;
	if (db_value(db, "PRAGMA application_id", &application))
		return err_set(err, ERR_STORAGE, "%s is not a usable database: %s; restore it from a backup, or move it away", path,
		               db->why);
	if (application != DB_APPLICATION_ID)
		return err_set(err, ERR_STORAGE, "%s is not a database of grapnel; choose another data folder, or move the file away",
		               path);
	/* Reading the schema finds a file that is shorter than its header says. */
	if (db_value(db, "SELECT value FROM meta WHERE name = 'schema_version'", version))
		return err_set(err, ERR_STORAGE, "%s is damaged: %s; restore it from a backup", path, db->why);
	if (*version > migrate_newest())
		/* No start of this program will ever do: a supervisor need not try again. */
		return err_set(err, ERR_INVALID,
		               "%s has schema %lld, made by a newer grapnel; this one knows schemas up to %lld, and there is no way back: install the "
		               "newer one again, or restore a backup from before the upgrade into an empty data folder",
		               path, (long long)*version, (long long)migrate_newest());
	return 0;
}

static int journal_mode(struct db *db, const char *path, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->conn, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	bool wal = mode && strcmp(mode, "wal") == 0;
	if (!mode)
		db_failed(db, code);
	int result = wal ? 0 : err_set(err, ERR_STORAGE, "%s cannot be put into WAL mode: %s", path, mode ? mode : db->why);
	sqlite3_finalize(stmt);
	return result;
}

/* Makes the file when there is none. A WAL without its database would be played into a new one: that is refused as well. */
static int ensure(const char *data_dir, const char *path, struct err *err)
{
	struct stat status;
	bool missing = stat(path, &status) != 0;
	if (missing && errno != ENOENT)
		return err_set(err, ERR_STORAGE, "%s cannot be reached: %s", path, strerror(errno));
	if (!missing && status.st_size == 0)
		return err_set(err, ERR_STORAGE, "%s is empty, which no database is; restore it from a backup, or move it away", path);
	if (!missing)
		return 0;
	char *wal = db_path(data_dir, "-wal");
	bool orphan = stat(wal, &status) == 0 && status.st_size > 0;
	free(wal);
	if (orphan)
		return err_set(err, ERR_STORAGE, "%s is missing although its -wal file is there; restore it, or move the -wal file away",
		               path);
	return create(data_dir, path, err);
}

int migrate_open(struct db *db, const char *data_dir, struct err *err)
{
	char *path = db_path(data_dir, "");
	int64_t version;
	int result = -1;
	*db = (struct db){0};
	if (ensure(data_dir, path, err) || db_open(db, path, DB_WRITE, err) || recognise(db, path, &version, err) ||
	    journal_mode(db, path, err) || migrate_from(db, version, path, err))
		goto out;
	result = 0;
out:
	if (result)
		db_close(db);
	free(path);
	return result;
}
