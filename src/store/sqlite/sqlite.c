/* The SQLite engine: opening, transactions, checkpoints, and its table of functions. */
#include "store/sqlite/sqlite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "store/sqlite/migrate.h"

int sqlite_failed(struct sqlite *s)
{
	s->base.fault = db_fault(s->db.code);
	memset(s->base.why, 0, sizeof s->base.why);
	memccpy(s->base.why, s->db.why, '\0', sizeof s->base.why - 1);
	return -1;
}

int sqlite_row(struct sqlite *s, struct run *run)
{
	int row = run_row(run);
	return row < 0 ? sqlite_failed(s) : row;
}

int sqlite_done(struct sqlite *s, struct run *run)
{
	return run_done(run) ? sqlite_failed(s) : 0;
}

int sqlite_value(struct sqlite *s, struct run *run, int64_t *value)
{
	int row = run_value(run, value);
	return row < 0 ? sqlite_failed(s) : row;
}

int sqlite_ids(struct sqlite *s, struct run *run, int64_t *ids)
{
	int row, len = 0;
	while ((row = sqlite_row(s, run)) > 0)
		ids[len++] = run_int_at(run, 0);
	return row < 0 ? -1 : len;
}

/* ---- Transactions ---- */

static int simple(struct engine *engine, enum query query)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, query);
	return sqlite_done(s, &run);
}

static int begin(struct engine *engine)
{
	return simple(engine, QUERY_BEGIN);
}

static void tell_keys(const struct sqlite *s)
{
	const struct dedupe_store *d = &s->dedupe;
	size_t recent = d->young.len + d->frozen.len;
	if (d->known)
		metrics_set(METRIC_DEDUPE_KEYS, (uint64_t)d->keys + recent);
}

static int commit(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	if (simple(engine, QUERY_COMMIT))
		return -1;
	s->dedupe.dirty = false;
	space_wiped(s);
	tell_keys(s);
	return 0;
}

/* SQLite rolls back by itself after some failures. What fails here was reported before. */
static void rollback(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	s->dedupe.known = s->dedupe.known && !s->dedupe.dirty;
	s->dedupe.dirty = false;
	space_wiped(s);
	if (sqlite3_get_autocommit(s->db.conn))
		return;
	struct run run = db_run(&s->db, QUERY_ROLLBACK);
	if (run_done(&run))
		log_error("store", "a transaction cannot be rolled back: %s", s->db.why);
}

static int savepoint(struct engine *engine)
{
	return simple(engine, QUERY_SAVEPOINT);
}

static int savepoint_release(struct engine *engine)
{
	return simple(engine, QUERY_SAVEPOINT_RELEASE);
}

static int savepoint_rollback(struct engine *engine)
{
	return simple(engine, QUERY_SAVEPOINT_ROLLBACK) || simple(engine, QUERY_SAVEPOINT_RELEASE) ? -1 : 0;
}

static int probe(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	int result = begin(engine);
	if (result == 0) {
		struct run run = db_run(&s->db, QUERY_META_PUT);
		run_text(&run, 1, SLICE_LITERAL("probe"));
		run_int(&run, 2, engine->now_ms);
		result = sqlite_done(s, &run);
	}
	if (result == 0)
		result = commit(engine);
	if (result)
		rollback(engine);
	return result;
}

/* ---- Checkpoints: by hand instead of SQLite's own after a commit, so that acknowledgements go out before, and so that a failed
 * fsync is seen, which SQLite's own swallows. ---- */

static int count_wal(void *context, sqlite3 *conn, const char *name, int pages)
{
	struct sqlite *s = context;
	(void)conn;
	(void)name;
	if (pages < s->wal_pages)
		s->checkpoint_at = DB_CHECKPOINT_PAGES; /* it begins anew */
	s->wal_pages = pages;
	return SQLITE_OK;
}

static int tidy(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	if (s->scrub && clock_mono_us(engine->env->clock) >= s->scrub_us && space_scrub(s))
		return sqlite_failed(s);
	if (s->wal_pages < s->checkpoint_at)
		return 0;
	int in_wal = 0, in_file = 0;
	int64_t begin_us = clock_mono_us(engine->env->clock);
	int code = sqlite3_wal_checkpoint_v2(s->db.conn, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &in_file);
	/* While readers keep the WAL from beginning anew, its length alone would ask for a checkpoint after each commit. */
	s->checkpoint_at = s->wal_pages + DB_CHECKPOINT_PAGES;
	bool done = code == SQLITE_OK || code == SQLITE_BUSY, held = code == SQLITE_BUSY || in_file < in_wal;
	metrics_observe(METRIC_CHECKPOINT, !done ? CHECKPOINT_FAILED : held ? CHECKPOINT_PARTIAL : CHECKPOINT_WHOLE,
	                (uint64_t)(clock_mono_us(engine->env->clock) - begin_us));
	if (done) {
		if (held && s->wal_pages >= DB_WAL_LONG_PAGES)
			gate_close(engine->env->gate);
		else if (!held)
			gate_open(engine->env->gate);
		return 0;
	}
	db_failed(&s->db, code);
	return sqlite_failed(s);
}

/* ---- Opening ---- */

/* SQLite's memory statistics take a lock at each allocation. Each connection would have 120 KB for small things that only parsing uses, and
 * 170 KB for its first pages, whether it needs them or not: with seven connections that is more than all else that an idle hub has. */
static void configure_library(void)
{
	if (sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK || sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 1200, 16) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) != SQLITE_OK)
		log_debug("store", "SQLite was in use before the store: it keeps its own settings of memory");
}

static void close_engine(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);
	if (s->db.conn) {
		int code = sqlite3_wal_checkpoint_v2(s->db.conn, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		if (code != SQLITE_OK)
			log_warn("store", "the last checkpoint failed, the next start makes up for it: %s", sqlite3_errstr(code));
	}
	db_close(&s->db);
	idmap_free(&s->ordered);
	dedupe_store_free(&s->dedupe);
	free(s);
}

static struct engine *open_engine(const struct engine_env *env, struct keyring *keyring, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, configure_library);
	struct sqlite *s = mem_new(struct sqlite);
	s->base = (struct engine){.ops = &engine_sqlite, .env = env, .expanding = true /* for all that is known */};
	s->checkpoint_at = DB_CHECKPOINT_PAGES;
	if (migrate_open(&s->db, env->data_dir, err))
		goto failed;
	sqlite3_wal_hook(s->db.conn, count_wal, s);
	if (db_check_all(&s->db) || lease_take(s)) {
		err_set(err, ERR_STORAGE, "the database cannot be used: %s", s->db.why);
		goto failed;
	}
	if (load_all(s, keyring, err))
		goto failed;
	tell_keys(s);
	return &s->base;
failed:
	close_engine(&s->base);
	return NULL;
}

const struct engine_ops engine_sqlite = {
    .name = "sqlite",
    .open = open_engine,
    .close = close_engine,
    .epoch = sqlite_epoch,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .savepoint_release = savepoint_release,
    .savepoint_rollback = savepoint_rollback,
    .probe = probe,
    .tidy = tidy,
    .publish = sqlite_publish,
    .outcomes = sqlite_outcomes,
    .subscriber_get = sqlite_subscriber_get,
    .subscriber_of_uid = sqlite_subscriber_of_uid,
    .subscriber_put = sqlite_subscriber_put,
    .subscriber_delete = sqlite_subscriber_delete,
    .subscriber_endpoints = sqlite_subscriber_endpoints,
    .endpoint_get = sqlite_endpoint_get,
    .endpoint_status = sqlite_endpoint_status,
    .endpoint_of_uid = sqlite_endpoint_of_uid,
    .endpoint_put = sqlite_endpoint_put,
    .source_get = sqlite_source_get,
    .source_of_uid = sqlite_source_of_uid,
    .source_put = sqlite_source_put,
    .source_delete = sqlite_source_delete,
    .sources_of_subscriber = sqlite_sources_of_subscriber,
    .rejection_insert = sqlite_rejection_insert,
    .rejection_state = sqlite_rejection_state,
    .rejection_accept = sqlite_rejection_accept,
    .rejection_oldest = sqlite_rejection_oldest,
    .rejection_delete = sqlite_rejection_delete,
    .rejections_tally = sqlite_rejections_tally,
    .key_get = sqlite_key_get,
    .key_insert = sqlite_key_insert,
    .key_delete = sqlite_key_delete,
    .key_of_subscriber = sqlite_key_of_subscriber,
    .admin_of_name = sqlite_admin_of_name,
    .admin_put = sqlite_admin_put,
    .pause_get = sqlite_pause_get,
    .pause_put = sqlite_pause_put,
    .delivery_get = sqlite_delivery_get,
    .delivery_put = sqlite_delivery_put,
    .attempt_keep_last = sqlite_attempt_keep_last,
    .order_head = sqlite_order_head,
    .order_promote = sqlite_order_promote,
    .pending_ids = sqlite_pending_ids,
    .unfinished_count = sqlite_unfinished_count,
    .dead_walk = sqlite_dead_walk,
    .event_get = sqlite_event_get,
    .event_delivery = sqlite_event_delivery,
    .event_endpoints = sqlite_event_endpoints,
    .delivery_make = sqlite_delivery_make,
    .recover_walk = sqlite_recover_walk,
    .expansion_first = sqlite_expansion_first,
    .expansion_at = sqlite_expansion_at,
    .expansion_event_after = sqlite_expansion_event_after,
    .expansion_put = sqlite_expansion_put,
    .expansion_event = sqlite_expansion_event,
    .delivery_expand = sqlite_delivery_expand,
    .health_each = sqlite_health_each,
    .health_put = sqlite_health_put,
    .health_delete = sqlite_health_delete,
    .operation_get = sqlite_operation_get,
    .operation_open_after = sqlite_operation_open_after,
    .operation_insert = sqlite_operation_insert,
    .operation_progress = sqlite_operation_progress,
    .toll_add = sqlite_toll_add,
    .tolls_take = sqlite_tolls_take,
    .tolls_after = sqlite_tolls_after,
    .failing_put = sqlite_failing_put,
    .failing_delete = sqlite_failing_delete,
    .failing_after = sqlite_failing_after,
    .audit_insert = sqlite_audit_insert,
    .once_get = sqlite_once_get,
    .once_put = sqlite_once_put,
    .once_sweep = sqlite_once_sweep,
    .event_type_get = sqlite_event_type_get,
    .event_type_put = sqlite_event_type_put,
    .event_type_delete = sqlite_event_type_delete,
    .event_types_number = sqlite_event_types_number,
    .retire = sqlite_retire,
    .event_oldest = sqlite_event_oldest,
    .operations_sending = sqlite_operations_sending,
    .space = sqlite_space,
    .space_give_back = sqlite_space_give_back,
    .seen_get = sqlite_seen_get,
    .seen_put = sqlite_seen_put,
    .wipe = sqlite_wipe,
    .scrub = sqlite_scrub,
    .scrubbing = sqlite_scrubbing,
    .event_erased = sqlite_event_erased,
    .event_erase = sqlite_event_erase,
    .delivery_erase = sqlite_delivery_erase,
    .event_expands = sqlite_event_expands,
    .event_deliveries = sqlite_event_deliveries,
    .erase_walk = sqlite_erase_walk,
    .audit_erase = sqlite_audit_erase,
    .endpoints_of_subscriber = sqlite_endpoints_of_subscriber,
    .tombstones_of_subscriber = sqlite_tombstones_of_subscriber,
    .tombstone_erase = sqlite_tombstone_erase,
    .backup_begin = sqlite_backup_begin,
    .backup_step = sqlite_backup_step,
    .backup_end = sqlite_backup_end,
    .reader_open = sqlite_reader_open,
    .reader = &sqlite_reader_ops,
};
