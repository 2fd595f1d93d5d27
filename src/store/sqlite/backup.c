/* Backup: SQLite's own online copy, from the writing connection: what is committed between two steps goes into the copy as
 * well, so that it never starts again. The copy is made under its final name, 0600, and removed unless it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite/sqlite.h"

enum { STEP_PAGES = 256 };

struct backup {
	char *path;
	sqlite3 *conn;
	sqlite3_backup *copy;
};

static int failed(struct backup *backup, int code, struct err *err)
{
	const char *why = backup->conn && sqlite3_errcode(backup->conn) == code ? sqlite3_errmsg(backup->conn) : sqlite3_errstr(code);
	return err_set(err, ERR_STORAGE, "the copy to %s failed: %s", backup->path, why);
}

static int start(struct sqlite *s, struct backup *backup, struct err *err)
{
	int code = sqlite3_open_v2(backup->path, &backup->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	/* The copy is made durable once, at its end. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(backup->conn, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return failed(backup, code, err);
	backup->copy = sqlite3_backup_init(backup->conn, "main", s->db.conn, "main");
	return backup->copy ? 0 : failed(backup, sqlite3_errcode(backup->conn), err);
}

/* What is wrong with the path itself is the caller's to mend; a full disk, or too few file descriptors, is not. */
static bool path_is_bad(int code)
{
	return code == ENOENT || code == ENOTDIR || code == EISDIR || code == EACCES || code == EPERM || code == EROFS || code == ELOOP ||
	       code == ENAMETOOLONG || code == EINVAL;
}

void *sqlite_backup_begin(struct engine *engine, const char *path, struct err *err)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0) {
		if (errno == EEXIST)
			err_set(err, ERR_CONFLICT, "%s exists already; a backup never overwrites a file", path);
		else if (path_is_bad(errno))
			err_set(err, ERR_INVALID,
			        "%s cannot be made: %s; the hub writes it, as its user (and, as a service, within its sandbox): name a file in a "
			        "folder that it may write to, of a packaged hub in /var/backups/grapnel (restart the hub once when that was made)",
			        path, strerror(errno));
		else
			err_set(err, ERR_STORAGE, "%s cannot be made: %s", path, strerror(errno));
		return NULL;
	}
	close(fd);
	struct backup *backup = mem_new(struct backup);
	backup->path = mem_text(path);
	if (start(sqlite_of(engine), backup, err)) {
		(void)!sqlite_backup_end(engine, backup, false, NULL); /* the first error counts */
		return NULL;
	}
	return backup;
}

int sqlite_backup_step(struct engine *engine, void *context, struct err *err)
{
	(void)engine;
	struct backup *backup = context;
	int code = sqlite3_backup_step(backup->copy, STEP_PAGES);
	if (code == SQLITE_OK)
		return 1;
	return code == SQLITE_DONE ? 0 : failed(backup, code, err);
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 || fsync(fd) ? -1 : 0;
	if (fd >= 0)
		close(fd);
	return result;
}

/* The folder as well: a file whose name is lost is lost. */
static int make_durable(const char *path, struct err *err)
{
	char *folder = mem_text(path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	int result = sync_file(path) || sync_file(slash ? folder : ".")
	                 ? err_set(err, ERR_STORAGE, "%s cannot be made durable: %s", path, strerror(errno))
	                 : 0;
	free(folder);
	return result;
}

int sqlite_backup_end(struct engine *engine, void *context, bool complete, struct err *err)
{
	(void)engine;
	struct backup *backup = context;
	int code = backup->copy ? sqlite3_backup_finish(backup->copy) : SQLITE_OK;
	int closed = sqlite3_close(backup->conn);
	int result = -1;
	if (complete && (code != SQLITE_OK || closed != SQLITE_OK))
		err_set(err, ERR_STORAGE, "the copy to %s failed: %s", backup->path, sqlite3_errstr(code != SQLITE_OK ? code : closed));
	else if (complete)
		result = make_durable(backup->path, err);
	if (result)
		unlink(backup->path);
	free(backup->path);
	free(backup);
	return result;
}
