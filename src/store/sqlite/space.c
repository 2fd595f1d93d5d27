/* The file's space: how much is in use, giving free pages back, and overwriting what is erased.
 *
 * A row that is deleted leaves its bytes in the page; SQLite overwrites them at once where that costs no further page (secure_delete =
 * FAST, always on). The pages of long payloads would be left as they are: erasure and retention turn the full secure_delete on for their
 * transactions. Until a checkpoint the old pages stand in the file, and until the WAL is emptied the older ones there: so after an
 * erasure, and after a pass of retention, the WAL is written back and truncated, as soon as nobody reads an older state. */
#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite/sqlite.h"

enum { SCRUB_AGAIN_US = 50000 };

int sqlite_space(struct engine *engine, struct engine_space *space)
{
	struct sqlite *s = sqlite_of(engine);
	int64_t mode = 0;
	if (db_value(&s->db, "PRAGMA page_count", &space->pages) || db_value(&s->db, "PRAGMA freelist_count", &space->free_pages) ||
	    db_value(&s->db, "PRAGMA auto_vacuum", &mode))
		return sqlite_failed(s);
	space->page_bytes = DB_PAGE_BYTES;
	space->incremental = mode == 2;
	return 0;
}

int sqlite_space_give_back(struct engine *engine, int pages)
{
	struct sqlite *s = sqlite_of(engine);
	char sql[64];
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA incremental_vacuum(%d)", pages);
	return db_exec(&s->db, sql) ? sqlite_failed(s) : 0;
}

static int put(struct sqlite *s, const char *name, int64_t value)
{
	struct run run = db_run(&s->db, QUERY_META_PUT);
	run_text(&run, 1, slice_of(name));
	run_int(&run, 2, value);
	return sqlite_done(s, &run);
}

int sqlite_seen_get(struct engine *engine, int64_t *wall_ms)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_META_GET);
	run_text(&run, 1, SLICE_LITERAL("retention_seen_ms"));
	*wall_ms = 0;
	return sqlite_value(s, &run, wall_ms) < 0 ? -1 : 0;
}

int sqlite_seen_put(struct engine *engine, int64_t wall_ms)
{
	struct sqlite *s = sqlite_of(engine);
	return put(s, "retention_seen_ms", wall_ms) || put(s, "id_floor", engine->env->ids->last) ? -1 : 0;
}

int sqlite_wipe(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	if (s->wipes)
		return 0;
	s->wipes = true;
	return db_exec(&s->db, "PRAGMA secure_delete = ON") ? sqlite_failed(s) : 0;
}

void space_wiped(struct sqlite *s)
{
	if (!s->wipes)
		return;
	s->wipes = false;
	if (db_exec(&s->db, "PRAGMA secure_delete = FAST"))
		log_warn("store", "secure_delete cannot be set back, deleting takes longer: %s", s->db.why);
}

void sqlite_scrub(struct engine *engine)
{
	sqlite_of(engine)->scrub = true;
}

bool sqlite_scrubbing(const struct engine *engine)
{
	return CONTAINER_OF(engine, struct sqlite, base)->scrub;
}

/* Nobody is waited for here: who reads an older state has ended in 200 ms, and it is tried again then. */
int space_scrub(struct sqlite *s)
{
	sqlite3_busy_timeout(s->db.conn, 0);
	int code = sqlite3_wal_checkpoint_v2(s->db.conn, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(s->db.conn, 1000);
	s->scrub_us = clock_mono_us(s->base.env->clock) + SCRUB_AGAIN_US;
	if (code == SQLITE_BUSY)
		return 0;
	if (code != SQLITE_OK)
		return db_failed(&s->db, code);
	s->scrub = false;
	s->wal_pages = 0;
	s->checkpoint_at = DB_CHECKPOINT_PAGES;
	return 0;
}
