/* The way of dedupe keys from the log to runs, and out. */
#include "store/sqlite/dedupe_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { SHARE = 2, LOG_ROWS = 2, TABLE_ROWS = 64, FILTER_KEYS = 32 /* for a block */ };

static int no_memory(struct sqlite *s)
{
	db_failed(&s->db, SQLITE_NOMEM);
	return sqlite_failed(s);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int put_run(struct sqlite *s, const struct dedupe_run *run)
{
	struct run put = db_run(&s->db, QUERY_DEDUPE_RUN_PUT);
	run_int(&put, 1, run->id);
	run_int(&put, 2, run->state);
	run_int(&put, 3, run->last_seq);
	run_int(&put, 4, run->keys);
	run_int(&put, 5, run->buckets);
	run_int(&put, 6, run->newest_ms);
	return sqlite_done(s, &put);
}

/* Deletes rows by a range of their ids. */
static int delete_range(struct sqlite *s, enum query query, int64_t from, int64_t to)
{
	struct run run = db_run(&s->db, query);
	run_int(&run, 1, from);
	run_int(&run, 2, to);
	return sqlite_done(s, &run);
}

/* ---- From the young to a run ---- */

static int add_run(struct sqlite *s, const struct dedupe_run *run)
{
	struct dedupe_store *d = &s->dedupe;
	if (d->runs_len == d->runs_cap) {
		size_t cap = d->runs_cap ? d->runs_cap * 2 : 16;
		struct dedupe_run *runs = realloc(d->runs, cap * sizeof *runs);
		if (!runs)
			return no_memory(s);
		d->runs = runs;
		d->runs_cap = cap;
	}
	d->runs[d->runs_len++] = *run;
	if (run->state == DEDUPE_RUN_WHOLE)
		d->keys += run->keys;
	return 0;
}

static size_t filter_bytes(const struct dedupe_store *d)
{
	return (size_t)d->filters.blocks * DEDUPE_FILTER_BLOCK;
}

/* What building needs in memory. */
static int build_begin(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	if (dedupe_order_make(&d->order, &d->frozen, (uint32_t)d->building.buckets))
		return no_memory(s);
	d->building.newest_ms = d->order.newest_ms;
	free(d->filter);
	d->filter = calloc(filter_bytes(d), 1);
	return 0;
}

static const uint8_t *frozen_at(const struct dedupe_store *d, uint32_t at)
{
	return d->frozen.packed + (size_t)d->order.places[at] * DEDUPE_PACKED;
}

static void filter_bucket(struct dedupe_store *d, int64_t bucket)
{
	if (!d->filter)
		return;
	for (uint32_t i = d->order.starts[bucket]; i < d->order.starts[bucket + 1]; i++)
		dedupe_filter_add(d->filter, d->filters.blocks, frozen_at(d, i));
}

static int freeze(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	struct dedupe_recent empty = d->frozen;
	d->frozen = d->young;
	d->young = empty;
	d->logged = 0;
	int64_t last = d->runs_len > 0 ? d->runs[d->runs_len - 1].id : 0;
	d->building = (struct dedupe_run){
	    .id = last + 1,
	    .state = DEDUPE_RUN_BUILDING,
	    .last_seq = d->seq,
	    .keys = (int64_t)d->frozen.len,
	    .buckets = (int64_t)(d->frozen.len / DEDUPE_BUCKET_KEYS + 1),
	};
	d->built = 0;
	return build_begin(s) ? -1 : put_run(s, &d->building);
}

static int put_bucket(struct sqlite *s, int64_t bucket)
{
	struct dedupe_store *d = &s->dedupe;
	uint32_t from = d->order.starts[bucket], to = d->order.starts[bucket + 1];
	if (from == to)
		return 0;
	size_t len = (size_t)(to - from) * DEDUPE_PACKED;
	uint8_t *entries = malloc(len);
	if (!entries)
		return no_memory(s);
	for (uint32_t i = from; i < to; i++)
		memcpy(entries + (size_t)(i - from) * DEDUPE_PACKED, frozen_at(d, i), DEDUPE_PACKED);
	struct run run = db_run(&s->db, QUERY_DEDUPE_BUCKET_PUT);
	run_int(&run, 1, dedupe_bucket_id(&d->building, bucket));
	run_blob(&run, 2, entries, len);
	int result = sqlite_done(s, &run);
	free(entries);
	filter_bucket(d, bucket);
	return result;
}

static int put_filter(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	d->building.filter = DEDUPE_FILTER_NONE;
	if (!d->filter)
		return 0;
	d->building.filter = dedupe_filters_take(&d->filters, d->filter);
	struct run run = db_run(&s->db, QUERY_DEDUPE_FILTER_PUT);
	run_int(&run, 1, d->building.id);
	run_blob(&run, 2, d->filter, filter_bytes(d));
	int result = sqlite_done(s, &run);
	free(d->filter);
	d->filter = NULL;
	return result;
}

static int build_end(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	d->building.state = DEDUPE_RUN_WHOLE;
	if (put_filter(s) || put_run(s, &d->building) || add_run(s, &d->building))
		return -1;
	d->log_over = d->building.last_seq;
	d->building.id = 0;
	dedupe_order_free(&d->order);
	dedupe_recent_clear(&d->frozen);
	return 0;
}

static int build(struct sqlite *s, int64_t keys)
{
	struct dedupe_store *d = &s->dedupe;
	while (d->built < d->building.buckets && keys > 0) {
		keys -= d->order.starts[d->built + 1] - d->order.starts[d->built];
		if (put_bucket(s, d->built))
			return -1;
		d->built++;
	}
	return d->built < d->building.buckets ? 0 : build_end(s);
}

/* ---- Out ---- */

static int delete_log(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	if (d->log_first > d->log_over)
		return 0;
	int64_t to = least(d->log_first + LOG_ROWS - 1, d->log_over);
	if (delete_range(s, QUERY_DEDUPE_LOG_DELETE, d->log_first, to))
		return -1;
	d->log_first = to + 1;
	return 0;
}

/* Whether the oldest run is over: by its time, or because there are enough newer keys. */
static bool is_over(struct sqlite *s, const struct dedupe_run *run)
{
	const struct engine_env *env = s->base.env;
	if (run->newest_ms + env->dedupe_window_ms <= s->base.now_ms)
		return true;
	if (s->dedupe.keys - run->keys < env->dedupe_keys)
		return false;
	log_warn("store", "%lld uids and idempotency keys are forgotten before their window is over: there are more than dedupe.keys",
	         (long long)run->keys);
	return true;
}

static int drop_begin(struct sqlite *s, struct dedupe_run *run)
{
	struct dedupe_store *d = &s->dedupe;
	run->state = DEDUPE_RUN_DROPPED;
	d->keys -= run->keys;
	d->deleted = 0;
	dedupe_filters_give(&d->filters, run->filter);
	struct run drop = db_run(&s->db, QUERY_DEDUPE_FILTER_DELETE);
	run_int(&drop, 1, run->id);
	return sqlite_done(s, &drop) ? -1 : put_run(s, run);
}

static int drop(struct sqlite *s, int64_t keys)
{
	struct dedupe_store *d = &s->dedupe;
	if (d->runs_len == 0)
		return 0;
	struct dedupe_run *run = &d->runs[0];
	if (run->state == DEDUPE_RUN_WHOLE)
		return is_over(s, run) ? drop_begin(s, run) : 0;
	int64_t to = least(d->deleted + keys / DEDUPE_BUCKET_KEYS + 1, run->buckets);
	if (delete_range(s, QUERY_DEDUPE_BUCKETS_DELETE, dedupe_bucket_id(run, d->deleted), dedupe_bucket_id(run, to - 1)))
		return -1;
	d->deleted = to;
	if (to < run->buckets)
		return 0;
	struct run gone = db_run(&s->db, QUERY_DEDUPE_RUN_DELETE);
	run_int(&gone, 1, run->id);
	if (sqlite_done(s, &gone))
		return -1;
	memmove(run, run + 1, --d->runs_len * sizeof *run);
	return 0;
}

/* The tables of before: when they are first seen they are given a whole window. */
static int empty_tables(struct sqlite *s, int64_t keys)
{
	struct dedupe_store *d = &s->dedupe;
	if (!d->tables)
		return 0;
	if (d->tables_ms == 0) {
		d->tables_ms = s->base.now_ms;
		struct run put = db_run(&s->db, QUERY_META_PUT);
		run_text(&put, 1, SLICE_LITERAL("dedupe_tables_ms"));
		run_int(&put, 2, d->tables_ms);
		return sqlite_done(s, &put);
	}
	if (s->base.now_ms - d->tables_ms < s->base.env->dedupe_window_ms)
		return 0;
	int left = 0;
	static const enum query queries[] = {QUERY_DEDUPE_TABLES_DELETE_A, QUERY_DEDUPE_TABLES_DELETE_B};
	for (size_t i = 0; i < 2 && left == 0; i++) {
		struct run run = db_run(&s->db, queries[i]);
		run_int(&run, 1, TABLE_ROWS + keys);
		if (sqlite_done(s, &run))
			return -1;
		left = sqlite3_changes(s->db.conn);
	}
	d->tables = left > 0;
	return 0;
}

int dedupe_write(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	size_t fresh = d->young.len - d->logged;
	if (fresh == 0)
		return 0;
	struct run run = db_run(&s->db, QUERY_DEDUPE_LOG_PUT);
	run_int(&run, 1, d->seq + 1);
	run_blob(&run, 2, d->young.packed + d->logged * DEDUPE_PACKED, fresh * DEDUPE_PACKED);
	if (sqlite_done(s, &run))
		return -1;
	d->seq++;
	d->logged = d->young.len;
	int64_t share = (int64_t)fresh * SHARE;
	if (d->building.id != 0 && build(s, share))
		return -1;
	if (d->building.id == 0 && (int64_t)d->young.len >= s->base.env->dedupe_run_keys && freeze(s))
		return -1;
	return delete_log(s) || drop(s, share) || empty_tables(s, share) ? -1 : 0;
}

/* ---- Reading it at a start ---- */

static int load_filter(struct sqlite *s, struct dedupe_run *run)
{
	struct dedupe_store *d = &s->dedupe;
	struct run get = db_run(&s->db, QUERY_DEDUPE_FILTER_GET);
	run_int(&get, 1, run->id);
	run->filter = DEDUPE_FILTER_NONE;
	int row = sqlite_row(s, &get);
	if (row <= 0)
		return row;
	struct slice filter = run_blob_at(&get, 0);
	/* One of another size is done without. */
	if (filter.len == filter_bytes(d))
		run->filter = dedupe_filters_take(&d->filters, (const uint8_t *)filter.at);
	run_end(&get);
	return 0;
}

static int load_runs(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	struct run all = db_run(&s->db, QUERY_DEDUPE_RUNS_ALL);
	int row;
	while ((row = sqlite_row(s, &all)) > 0) {
		struct dedupe_run run = {
		    .id = run_int_at(&all, 0),
		    .state = (enum dedupe_run_state)run_int_at(&all, 1),
		    .last_seq = run_int_at(&all, 2),
		    .keys = run_int_at(&all, 3),
		    .buckets = run_int_at(&all, 4),
		    .newest_ms = run_int_at(&all, 5),
		    .filter = DEDUPE_FILTER_NONE,
		};
		d->seq = run.last_seq;
		if (run.state == DEDUPE_RUN_BUILDING) {
			d->building = run;
			continue;
		}
		d->log_over = run.last_seq;
		if ((run.state == DEDUPE_RUN_WHOLE && load_filter(s, &run)) || add_run(s, &run)) {
			run_end(&all);
			return -1;
		}
	}
	return row;
}

static int load_log(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	struct run log = db_run(&s->db, QUERY_DEDUPE_LOG_AFTER);
	run_int(&log, 1, d->log_over);
	int row;
	while ((row = sqlite_row(s, &log)) > 0) {
		int64_t seq = run_int_at(&log, 0);
		struct slice entries = run_blob_at(&log, 1);
		struct dedupe_recent *to = d->building.id != 0 && seq <= d->building.last_seq ? &d->frozen : &d->young;
		if (dedupe_recent_add(to, (const uint8_t *)entries.at, entries.len / DEDUPE_PACKED)) {
			run_end(&log);
			return no_memory(s);
		}
		if (seq > d->seq)
			d->seq = seq;
	}
	d->logged = d->young.len;
	return row;
}

/* Continues a run that was not finished: the log gives the same order again. */
static int load_building(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	if (d->building.id == 0)
		return 0;
	struct run last = db_run(&s->db, QUERY_DEDUPE_BUCKET_LAST);
	run_int(&last, 1, dedupe_bucket_id(&d->building, 0));
	run_int(&last, 2, dedupe_bucket_id(&d->building, UINT32_MAX));
	int64_t id;
	int found = sqlite_value(s, &last, &id);
	if (found < 0 || build_begin(s))
		return -1;
	d->built = found ? id - dedupe_bucket_id(&d->building, 0) + 1 : 0;
	for (int64_t i = 0; i < d->built; i++)
		filter_bucket(d, i);
	return 0;
}

static int load_rest(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	int64_t any = 0;
	d->log_first = d->seq + 1;
	struct run first = db_run(&s->db, QUERY_DEDUPE_LOG_FIRST);
	if (sqlite_value(s, &first, &d->log_first) < 0)
		return -1;
	struct run tables = db_run(&s->db, QUERY_DEDUPE_TABLES_ANY);
	if (sqlite_value(s, &tables, &any) < 0)
		return -1;
	d->tables = any != 0;
	struct run since = db_run(&s->db, QUERY_META_GET);
	run_text(&since, 1, SLICE_LITERAL("dedupe_tables_ms"));
	return sqlite_value(s, &since, &d->tables_ms) < 0 ? -1 : 0;
}

int dedupe_load(struct sqlite *s)
{
	struct dedupe_store *d = &s->dedupe;
	if (d->known)
		return 0;
	dedupe_recent_clear(&d->young);
	dedupe_recent_clear(&d->frozen);
	dedupe_order_free(&d->order);
	dedupe_filters_clear(&d->filters);
	d->filters.blocks = (uint32_t)(s->base.env->dedupe_run_keys / FILTER_KEYS + 1);
	d->building.id = d->built = d->deleted = d->keys = d->seq = d->log_over = d->tables_ms = 0;
	d->runs_len = 0;
	if (load_runs(s) || load_log(s) || load_building(s) || load_rest(s))
		return -1;
	d->known = true;
	return 0;
}

void dedupe_store_free(struct dedupe_store *d)
{
	dedupe_recent_free(&d->young);
	dedupe_recent_free(&d->frozen);
	dedupe_order_free(&d->order);
	dedupe_filters_free(&d->filters);
	free(d->filter);
	free(d->runs);
}
