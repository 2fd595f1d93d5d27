/* Readers: read-only connections, each its thread's own; what the scheduler reads, and the pages of lists. */
#include "store/sqlite/reader.h"

#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/sqlite.h"

int reader_failed(struct sqlite_reader *r, struct err *err)
{
	log_error("store", "the database cannot be read: %s", r->db.why);
	if ((r->db.code & 0xff) == SQLITE_NOMEM)
		return err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	return err_set(err, ERR_INTERNAL, "the database cannot be read: %s", r->db.why);
}

int reader_not_found(struct err *err, const char *thing)
{
	return err_set(err, ERR_NOT_FOUND, "There is no such %s", thing);
}

int64_t reader_begin(const struct sqlite_reader *r)
{
	return clock_mono_us(r->base.env->clock) + READER_TIME_US;
}

bool reader_late(const struct engine_env *env, int64_t deadline_us)
{
	sched_yield();
	int64_t left_us = deadline_us - clock_mono_us(env->clock);
	return left_us <= 0 || gate_closed(env->gate) || (left_us <= READER_TIME_US - READER_SHARE_US && gate_wanted(env->gate));
}

/* ---- Pages ---- */

struct pager pager_begin(struct sqlite_reader *r, struct page *page)
{
	page->more = false;
	page->last_key = page->after_key;
	page->last_id = page->after_id;
	page->searched_to_ms = 0;
	return (struct pager){.page = page, .env = r->base.env, .deadline_us = reader_begin(r)};
}

int64_t pager_after_id(const struct page *page)
{
	return page->after_id == 0 && !page->ascending ? INT64_MAX : page->after_id;
}

void pager_bounds(const struct page *page, int64_t *low, int64_t *high)
{
	int64_t after = pager_after_id(page);
	int64_t *bound = page->ascending ? low : high;
	if (page->ascending ? after > *bound : after < *bound)
		*bound = after;
}

bool pager_full(struct pager *pager)
{
	if (pager->given < pager->page->limit)
		return false;
	pager->page->more = true;
	return true;
}

void pager_gave(struct pager *pager, int64_t key, int64_t id)
{
	pager->given++;
	pager->page->last_key = key;
	pager->page->last_id = id;
}

bool pager_late(struct pager *pager, int64_t key, int64_t id, int64_t at_ms)
{
	if (++pager->looked_at % READER_ROWS_BETWEEN_CLOCKS != 0 || !reader_late(pager->env, pager->deadline_us))
		return false;
	pager->page->more = true;
	pager->page->last_key = key;
	pager->page->last_id = id;
	pager->page->searched_to_ms = at_ms;
	return true;
}

/* ---- For the scheduler ---- */

static int next_lane(struct store_reader *base, int64_t *endpoint, int64_t *due_ms, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_LANE_AFTER);
	run_int(&run, 1, *endpoint);
	int found = run_row(&run);
	if (found < 0)
		return reader_failed(r, err);
	if (found > 0) {
		*endpoint = run_int_at(&run, 0);
		*due_ms = run_int_at(&run, 1);
		run_end(&run);
	}
	return found;
}

/* At most `max` rows of due. The number, or -1. */
static int take_due(struct sqlite_reader *r, struct run *run, struct due *out, int max, struct err *err)
{
	int len = 0;
	int row = 0;
	while (len < max && (row = run_row(run)) > 0)
		out[len++] = rows_due(run);
	run_end(run);
	return row < 0 ? reader_failed(r, err) : len;
}

static int lane(struct store_reader *base, int64_t endpoint, struct due *out, int max, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_LANE);
	run_int(&run, 1, endpoint);
	run_int(&run, 2, max);
	return take_due(r, &run, out, max, err);
}

static int expired(struct store_reader *base, int64_t now_ms, struct due *out, int max, int64_t *next_ms, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	int64_t first_ms = 0;
	struct run run = db_run(&r->db, QUERY_EXPIRY_FIRST);
	if (run_value(&run, &first_ms) < 0)
		return reader_failed(r, err);
	int len = 0;
	if (first_ms != 0 && first_ms <= now_ms) {
		run = db_run(&r->db, QUERY_EXPIRED);
		run_int(&run, 1, now_ms);
		run_int(&run, 2, max);
		len = take_due(r, &run, out, max, err);
	}
	*next_ms = first_ms;
	return len;
}

static void close_reader(struct store_reader *base)
{
	struct sqlite_reader *r = reader_of(base);
	db_close(&r->db);
	free(r);
}

struct store_reader *sqlite_reader_open(struct engine *engine, struct err *err)
{
	struct sqlite_reader *r = mem_new(struct sqlite_reader);
	r->base = (struct store_reader){.ops = &sqlite_reader_ops, .env = engine->env};
	char *path = db_path(engine->env->data_dir, "");
	int result = db_open(&r->db, path, DB_READ, err);
	free(path);
	if (result) {
		free(r);
		return NULL;
	}
	return &r->base;
}

const struct reader_ops sqlite_reader_ops = {
    .close = close_reader,
    .event = sqlite_read_event,
    .next_lane = next_lane,
    .lane = lane,
    .expired = expired,
    .events = sqlite_read_events,
    .event_row = sqlite_read_event_row,
    .event_by_uid = sqlite_read_event_by_uid,
    .deliveries = sqlite_read_deliveries,
    .event_deliveries = sqlite_read_event_deliveries,
    .delivery = sqlite_read_delivery,
    .attempts = sqlite_read_attempts,
    .dead = sqlite_read_dead,
    .dead_last = sqlite_read_dead_last,
    .dead_count = sqlite_read_dead_count,
    .recover_count = sqlite_read_recover_count,
    .operations = sqlite_read_operations,
    .operation = sqlite_read_operation,
    .subscribers = sqlite_read_subscribers,
    .subscriber = sqlite_read_subscriber,
    .endpoints = sqlite_read_endpoints,
    .endpoint = sqlite_read_endpoint,
    .endpoint_ever = sqlite_read_endpoint_ever,
    .endpoint_owner = sqlite_read_endpoint_owner,
    .sources = sqlite_read_sources,
    .source = sqlite_read_source,
    .rejections = sqlite_read_rejections,
    .rejection = sqlite_read_rejection,
    .keys = sqlite_read_keys,
    .event_at = sqlite_read_event_at,
    .waiting = sqlite_read_waiting,
    .recent = sqlite_read_recent,
    .stats = sqlite_read_stats,
    .audit = sqlite_read_audit,
    .event_types = sqlite_read_event_types,
    .event_type = sqlite_read_event_type,
    .once = sqlite_read_once,
    .admins = sqlite_read_admins,
    .admin = sqlite_read_admin,
    .check = sqlite_read_check,
};
