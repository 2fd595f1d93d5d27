/* Rows of what is erased. */
#include "base/clock.h"
#include "store/erase.h"
#include "store/sqlite/sqlite.h"

enum { ROWS_BETWEEN_CLOCKS = 64 };

static int with_id(struct sqlite *s, enum query query, int64_t id)
{
	struct run run = db_run(&s->db, query);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_event_erased(struct engine *engine, int64_t id, int64_t *erased_ms)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_ERASED);
	run_int(&run, 1, id);
	return sqlite_value(s, &run, erased_ms);
}

int sqlite_event_erase(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_ERASE);
	run_int(&run, 1, id);
	run_int(&run, 2, engine->now_ms);
	return sqlite_done(s, &run);
}

int sqlite_delivery_erase(struct engine *engine, int64_t id, int64_t *responses)
{
	struct sqlite *s = sqlite_of(engine);
	int64_t count = 0;
	struct run run = db_run(&s->db, QUERY_ATTEMPTS_WITH_RESPONSE);
	run_int(&run, 1, id);
	if (sqlite_value(s, &run, &count) < 0)
		return -1;
	*responses += count;
	return with_id(s, QUERY_ATTEMPTS_ERASE, id) || with_id(s, QUERY_DELIVERY_ERASE, id) ? -1 : 0;
}

int sqlite_event_deliveries(struct engine *engine, int64_t event, int64_t after, struct delivery_place *places, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_RETIRE_DELIVERIES);
	run_int(&run, 1, event);
	run_int(&run, 2, after);
	run_int(&run, 3, max);
	int row, len = 0;
	while ((row = sqlite_row(s, &run)) > 0) {
		places[len].id = run_int_at(&run, 0);
		places[len++].state = (enum delivery_state)run_int_at(&run, 1);
	}
	return row < 0 ? -1 : len;
}

/* Whose the row is that a walk stands at: one of the hub's own events is told of somebody's endpoint. */
static int owner_of(struct sqlite *s, const struct run *run, enum erase_what what, int64_t *owner)
{
	int64_t endpoint;
	*owner = run_int_at(run, 1);
	if (what != ERASE_EVENTS || *owner != 0 || run_int_at(run, 2) == 0 || id_parse(ID_ENDPOINT, run_text_at(run, 3), &endpoint))
		return 0;
	struct run asked = db_run(&s->db, QUERY_ENDPOINT_OWNER);
	run_int(&asked, 1, endpoint);
	return sqlite_value(s, &asked, owner) < 0 ? -1 : 0;
}

int sqlite_erase_walk(struct engine *engine, struct erase_walk *walk)
{
	static const enum query queries[] = {[ERASE_EVENTS] = QUERY_ERASE_WALK_EVENTS,
	                                     [ERASE_DELIVERIES] = QUERY_ERASE_WALK_DELIVERIES,
	                                     [ERASE_AUDIT] = QUERY_ERASE_WALK_AUDIT};
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, queries[walk->what]);
	unsigned rows = 0;
	int row;
	run_int(&run, 1, walk->after_id);
	while ((row = sqlite_row(s, &run)) > 0) {
		walk->after_id = run_int_at(&run, 0);
		int64_t owner;
		if (owner_of(s, &run, walk->what, &owner)) {
			row = -1;
			break;
		}
		if (owner == walk->subscriber && run_int_at(&run, 2) != 0)
			walk->ids[walk->len++] = walk->after_id;
		bool late = ++rows % ROWS_BETWEEN_CLOCKS == 0 && clock_mono_us(engine->env->clock) >= walk->deadline_us;
		if (walk->len == ERASE_HITS || late)
			break;
	}
	run_end(&run);
	walk->ended = row == 0;
	return row < 0 ? -1 : 0;
}

int sqlite_audit_erase(struct engine *engine, int64_t id)
{
	return with_id(sqlite_of(engine), QUERY_AUDIT_ERASE, id);
}

int sqlite_endpoints_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *ids, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ENDPOINTS_OF_SUBSCRIBER);
	run_int(&run, 1, subscriber);
	run_int(&run, 2, max);
	return sqlite_ids(s, &run, ids);
}

int sqlite_tombstones_of_subscriber(struct engine *engine, int64_t subscriber, int64_t after, int64_t *ids, int max)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_TOMBSTONES_OF_SUBSCRIBER);
	run_int(&run, 1, subscriber);
	run_int(&run, 2, after);
	run_int(&run, 3, max);
	return sqlite_ids(s, &run, ids);
}

int sqlite_tombstone_erase(struct engine *engine, int64_t id, struct slice doc)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_TOMBSTONE_ERASE);
	run_int(&run, 1, id);
	run_text(&run, 2, doc);
	return sqlite_done(s, &run);
}
