/* Rows of deliveries, for what is not the hot path: changes by hand and bulk work. */
#include <string.h>

#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

int sqlite_delivery_get(struct engine *engine, int64_t id, struct delivery_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_DELIVERY_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0) {
		struct slice key = run_text_at(&run, 12);
		*record = (struct delivery_record){
		    .due = {.delivery = id,
		            .event = run_int_at(&run, 1),
		            .endpoint = run_int_at(&run, 2),
		            .round = (int32_t)run_int_at(&run, 6),
		            .attempts = (int32_t)run_int_at(&run, 7),
		            .round_attempts = (int32_t)run_int_at(&run, 8),
		            .due_ms = run_int_at(&run, 9),
		            .expires_ms = run_int_at(&run, 11)},
		    .subscriber = run_int_at(&run, 3),
		    .state = (enum delivery_state)run_int_at(&run, 4),
		    .reason = (enum delivery_reason)run_int_at(&run, 5),
		    .ended_ms = run_int_at(&run, 10),
		    .ordered = key.at != NULL,
		};
		if (key.at && key.len < sizeof record->order_key)
			memcpy(record->order_key, key.at, key.len);
	}
	run_end(&run);
	return found;
}

int sqlite_delivery_put(struct engine *engine, const struct delivery_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_DELIVERY_PUT);
	run_int(&run, 1, record->due.delivery);
	run_int(&run, 2, record->state);
	run_int(&run, 3, record->reason);
	run_int(&run, 4, record->due.round);
	run_int(&run, 5, record->due.round_attempts);
	run_int(&run, 6, record->due.due_ms);
	run_int(&run, 7, record->ended_ms);
	/* It may be the first unfinished one since the start. */
	if (record->ordered)
		idmap_put(&s->ordered, (uint64_t)record->due.endpoint, s);
	return sqlite_done(s, &run);
}

int sqlite_attempt_keep_last(struct engine *engine, int64_t delivery)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ATTEMPT_KEEP_LAST);
	run_int(&run, 1, delivery);
	return sqlite_done(s, &run);
}

int sqlite_order_head(struct engine *engine, int64_t endpoint, const char *key, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ORDER_HEAD);
	run_int(&run, 1, endpoint);
	run_text(&run, 2, slice_of(key));
	return sqlite_value(s, &run, id);
}

int sqlite_order_promote(struct engine *engine, int64_t endpoint, const char *key, struct due *promoted)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ORDER_NEXT);
	run_int(&run, 1, endpoint);
	run_text(&run, 2, slice_of(key));
	int found = sqlite_row(s, &run);
	if (found <= 0)
		return found;
	*promoted = (struct due){
	    .delivery = run_int_at(&run, 0),
	    .event = run_int_at(&run, 1),
	    .endpoint = endpoint,
	    .due_ms = run_int_at(&run, 2),
	    .expires_ms = run_int_at(&run, 3),
	    .round = (int32_t)run_int_at(&run, 4),
	    .attempts = (int32_t)run_int_at(&run, 5),
	    .round_attempts = (int32_t)run_int_at(&run, 6),
	};
	run_end(&run);
	enum delivery_state to = DELIVERY_PENDING;
	if (delivery_change(DELIVERY_HELD, DELIVERY_PROMOTE, &to))
		return 0;
	run = db_run(&s->db, QUERY_DELIVERY_PROMOTE);
	run_int(&run, 1, promoted->delivery);
	run_int(&run, 2, to);
	if (sqlite_done(s, &run))
		return -1;
	census_moved(engine->env->census, promoted->delivery, DELIVERY_HELD, to, REASON_NONE);
	return 1;
}

int sqlite_pending_ids(struct engine *engine, int64_t endpoint, int64_t *ids, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_PENDING_IDS);
	run_int(&run, 1, endpoint);
	run_int(&run, 2, max);
	int len = 0;
	int found;
	while ((found = sqlite_row(s, &run)) > 0)
		ids[len++] = run_int_at(&run, 0);
	return found < 0 ? -1 : len;
}

int sqlite_unfinished_count(struct engine *engine, int64_t endpoint, int64_t max, int64_t *count)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_UNFINISHED_COUNT);
	run_int(&run, 1, endpoint);
	run_int(&run, 2, max);
	return sqlite_value(s, &run, count) < 0 ? -1 : 0;
}

struct walk_hits {
	int64_t *ids;
	int len;
	int max;
};

static int take_hit(void *context, const struct delivery_row *row)
{
	struct walk_hits *hits = context;
	if (hits->ids)
		hits->ids[hits->len] = row->id;
	hits->len++;
	return hits->len == hits->max ? 1 : 0;
}

int sqlite_dead_walk(struct engine *engine, struct dead_walk *walk, int64_t *ids, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct walk_hits hits = {.ids = ids, .max = max};
	struct dead_scan scan = {
	    .filter = walk->filter,
	    .clock = engine->env->clock,
	    .max_id = walk->max_id,
	    .until_ms = walk->until_ms,
	    .deadline_us = walk->deadline_us,
	    .ascending = true,
	    .after_key = walk->after_key,
	    .after_id = walk->after_id,
	};
	if (rows_dead_scan(&s->db, &scan, take_hit, &hits))
		return sqlite_failed(s);
	walk->after_key = scan.after_key;
	walk->after_id = scan.after_id;
	walk->ended = scan.ended;
	return hits.len;
}
