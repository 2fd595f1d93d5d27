/* Sending again: what one event reached, and the walk over the events that one endpoint is to be sent again. The walk serves bulk work on
 * the writer's connection and counts on a reader's. */
#include "base/clock.h"
#include "store/recover.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/sqlite.h"

enum { ROWS_BETWEEN_CLOCKS = 64 };

/* ---- One event ---- */

int sqlite_event_get(struct engine *engine, int64_t id, struct event **event, enum event_reach *reach)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REPAIR_EVENT);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0) {
		struct event_fields fields;
		rows_event(&run, &fields);
		*reach = rows_reach(&run, 14);
		*event = event_new(&fields, NULL);
		if (*event)
			(*event)->id = id;
	}
	run_end(&run);
	if (found > 0 && !*event) {
		db_failed(&s->db, SQLITE_NOMEM);
		return sqlite_failed(s);
	}
	return found;
}

int sqlite_event_delivery(struct engine *engine, int64_t event, int64_t endpoint, int64_t *delivery)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REPAIR_DELIVERY);
	run_int(&run, 1, event);
	run_int(&run, 2, endpoint);
	return sqlite_value(s, &run, delivery);
}

int sqlite_event_endpoints(struct engine *engine, int64_t event, int64_t subscriber, int64_t *endpoints, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REPAIR_ENDPOINTS);
	run_int(&run, 1, event);
	run_int(&run, 2, max);
	run_int(&run, 3, subscriber);
	return sqlite_ids(s, &run, endpoints);
}

/* ---- The walk ---- */

struct walk_run {
	struct db *db;
	const struct clock *clock;
	struct recover_walk *walk;
	/* 0 to go on, 1 to stop after this hit */
	int (*visit)(void *context, const struct recover_hit *hit);
	void *context;
	unsigned rows;
};

static bool late(struct walk_run *run)
{
	return ++run->rows % ROWS_BETWEEN_CLOCKS == 0 && clock_mono_us(run->clock) >= run->walk->deadline_us;
}

/* The delivery of an event at the endpoint: 1: it is meant, 0: it is there, or still being made, but not meant, 2: there is none, -1. A delivery of another
 * subscriber is one from before the endpoint changed hands: not meant. */
static int look_up(struct walk_run *run, struct recover_hit *hit)
{
	const struct recover_walk *walk = run->walk;
	struct run row = db_run(run->db, QUERY_REPAIR_DELIVERY);
	run_int(&row, 1, hit->event);
	run_int(&row, 2, walk->filter->endpoint);
	int found = run_row(&row);
	if (found < 0)
		return -1;
	if (found == 0) {
		int promised = rows_expansion_has(run->db, hit->event, walk->filter->endpoint);
		return promised < 0 ? -1 : promised ? 0 : 2;
	}
	unsigned state = recover_state_of(walk->filter, (enum delivery_state)run_int_at(&row, 1));
	bool meant = state != 0 && run_int_at(&row, 2) <= walk->ended_ms && run_int_at(&row, 4) == walk->filter->subscriber;
	hit->delivery = run_int_at(&row, 0);
	hit->expires_ms = run_int_at(&row, 3);
	hit->state = (enum recover_state)state;
	run_end(&row);
	return meant;
}

/* What `visit` said of the event, 0 when it is not meant, -1. */
static int judge(struct walk_run *run, const struct run *row)
{
	const struct recover_filter *filter = run->walk->filter;
	struct slice type = run_text_at(row, 4);
	struct recover_hit hit = {.event = run_int_at(row, 0)};
	if (!recover_selects(filter, run_int_at(row, 2), type))
		return 0;
	bool wanted = filter->states & RECOVER_MISSING && recover_reaches(filter, rows_reach(row, 5), run_int_at(row, 1), type);
	if (!wanted && filter->states == RECOVER_MISSING)
		return 0;
	int found = look_up(run, &hit);
	if (found == 2 && wanted) {
		hit.state = RECOVER_MISSING;
		hit.expires_ms = run_int_at(row, 3);
		found = 1;
	}
	return found == 1 ? run->visit(run->context, &hit) : found < 0 ? -1 : 0;
}

static int walk_events(struct walk_run *run)
{
	struct recover_walk *walk = run->walk;
	int64_t after = id_floor_of_time(walk->filter->since_ms) - 1;
	int64_t before = walk->max_id + 1;
	if (walk->filter->until_ms != 0 && id_floor_of_time(walk->filter->until_ms + RECEIPT_SLACK_MS) < before)
		before = id_floor_of_time(walk->filter->until_ms + RECEIPT_SLACK_MS);
	struct run rows = db_run(run->db, QUERY_REPAIR_EVENTS);
	run_int(&rows, 1, walk->after_id > after ? walk->after_id : after);
	run_int(&rows, 2, before);
	int said = 0;
	int found;
	while ((found = run_row(&rows)) > 0) {
		said = judge(run, &rows);
		if (said < 0)
			break;
		walk->after_id = run_int_at(&rows, 0);
		if (said == 1 || late(run))
			break;
	}
	run_end(&rows);
	walk->ended = found == 0;
	return found < 0 || said < 0 ? -1 : 0;
}

struct hits {
	struct recover_hit *at;
	int len, max;
};

static int take_hit(void *context, const struct recover_hit *hit)
{
	struct hits *hits = context;
	if (hits->at)
		hits->at[hits->len] = *hit;
	return ++hits->len == hits->max;
}

int sqlite_recover_walk(struct engine *engine, struct recover_walk *walk, struct recover_hit *at, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct hits hits = {.at = at, .max = max};
	struct walk_run run = {.db = &s->db, .clock = engine->env->clock, .walk = walk, .visit = take_hit, .context = &hits};
	return walk_events(&run) ? sqlite_failed(s) : hits.len;
}

struct counting {
	struct recover_count *count;
	int64_t now_ms;
};

static int count_hit(void *context, const struct recover_hit *hit)
{
	struct counting *counting = context;
	struct recover_count *count = counting->count;
	if (hit->expires_ms == 0 || hit->expires_ms > counting->now_ms)
		++*(hit->state == RECOVER_DEAD ? &count->dead : hit->state == RECOVER_MISSING ? &count->missing : &count->delivered);
	return 0;
}

int sqlite_read_recover_count(struct store_reader *base, const struct recover_filter *filter, struct recover_count *count, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	const struct clock *clock = r->base.env->clock;
	struct counting counting = {count, clock_wall_ms(clock)};
	struct recover_walk walk = {
	    .filter = filter,
	    .max_id = INT64_MAX - 1,
	    .ended_ms = INT64_MAX,
	    .deadline_us = reader_begin(r),
	};
	struct walk_run run = {.db = &r->db, .clock = clock, .walk = &walk, .visit = count_hit, .context = &counting};
	*count = (struct recover_count){0};
	if (walk_events(&run))
		return reader_failed(r, err);
	count->searched_to_ms = walk.ended ? 0 : id_time_ms(walk.after_id);
	return 0;
}
