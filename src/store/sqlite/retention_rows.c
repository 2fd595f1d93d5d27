/* Deleting what is old: events with all that belongs to them, dead letters, attempts, rows of the audit and of bulk work, deleted
 * endpoints. Each call is one slice: it ends when it has deleted enough, looked at enough, or its time is over. */
#include "base/clock.h"
#include "base/id.h"
#include "store/census.h"
#include "store/sqlite/sqlite.h"

/* Attempts are stored when they end, so not quite in the order in which they began. */
enum { CHUNK = 64, ATTEMPT_SLACK_MS = 600000 };

static bool spent(const struct sqlite *s, const struct retire *retire)
{
	return retire->rows <= 0 || retire->looks <= 0 || clock_mono_us(s->base.env->clock) >= retire->deadline_us;
}

/* ---- Events ---- */

struct places {
	int len;
	struct {
		int64_t id, ended_ms;
		enum delivery_state state;
	} at[CHUNK];
};

static int read_places(struct sqlite *s, int64_t event, int64_t after, struct places *places)
{
	struct run run = db_run(&s->db, QUERY_RETIRE_DELIVERIES);
	run_int(&run, 1, event);
	run_int(&run, 2, after);
	run_int(&run, 3, CHUNK);
	int row;
	places->len = 0;
	while ((row = sqlite_row(s, &run)) > 0) {
		places->at[places->len].id = run_int_at(&run, 0);
		places->at[places->len].state = (enum delivery_state)run_int_at(&run, 1);
		places->at[places->len++].ended_ms = run_int_at(&run, 2);
	}
	return row;
}

static bool must_stay(const struct retire *retire, const struct places *places, int i)
{
	enum delivery_state state = places->at[i].state;
	return state == DELIVERY_PENDING || state == DELIVERY_HELD ||
	       (state == DELIVERY_DEAD && places->at[i].ended_ms >= retire->dead_until_ms);
}

static void leave_event(struct retire *retire)
{
	retire->event = retire->after_delivery = 0;
	retire->judged = false;
}

int sqlite_event_expands(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_RETIRE_EXPANDS);
	int64_t one;
	run_int(&run, 1, id);
	return sqlite_value(s, &run, &one);
}

/* Looks at some more deliveries of the event. */
static int judge(struct sqlite *s, struct retire *retire)
{
	struct places places;
	if (read_places(s, retire->event, retire->after_delivery, &places))
		return -1;
	retire->looks -= places.len;
	for (int i = 0; i < places.len; i++) {
		if (must_stay(retire, &places, i)) {
			leave_event(retire);
			return 0;
		}
	}
	if (places.len == CHUNK) {
		retire->after_delivery = places.at[CHUNK - 1].id;
		return 0;
	}
	int expands = sqlite_event_expands(&s->base, retire->event);
	if (expands < 0)
		return -1;
	if (expands > 0) {
		leave_event(retire);
		return 0;
	}
	retire->judged = true;
	retire->after_delivery = 0;
	return 0;
}

static int delete_delivery(struct sqlite *s, struct retire *retire, int64_t id, enum delivery_state state)
{
	struct run run = db_run(&s->db, QUERY_ATTEMPTS_DELETE);
	run_int(&run, 1, id);
	if (sqlite_done(s, &run))
		return -1;
	int attempts = sqlite3_changes(s->db.conn);
	run = db_run(&s->db, QUERY_DELIVERY_DELETE);
	run_int(&run, 1, id);
	if (sqlite_done(s, &run))
		return -1;
	census_moved(s->base.env->census, id, state, CENSUS_NONE, REASON_NONE);
	retire->counts.attempts += attempts;
	retire->counts.deliveries++;
	retire->rows -= attempts + 1;
	return 0;
}

static int delete_event(struct sqlite *s, struct retire *retire)
{
	struct run run = db_run(&s->db, QUERY_EVENT_DELETE);
	run_int(&run, 1, retire->event);
	if (sqlite_done(s, &run))
		return -1;
	retire->counts.events += sqlite3_changes(s->db.conn);
	retire->rows--;
	leave_event(retire);
	if (retire->free_until == 0)
		return 0;
	int64_t pages = 0;
	if (db_value(&s->db, "PRAGMA freelist_count", &pages))
		return sqlite_failed(s);
	if (pages >= retire->free_until)
		retire->rows = 0;
	return 0;
}

/* Deletes some more deliveries of an event that may go, and in the end the event. One that was opened again since it was judged keeps it. */
static int delete_part(struct sqlite *s, struct retire *retire)
{
	struct places places;
	if (read_places(s, retire->event, 0, &places))
		return -1;
	for (int i = 0; i < places.len; i++) {
		if (must_stay(retire, &places, i)) {
			leave_event(retire);
			return 0;
		}
		if (delete_delivery(s, retire, places.at[i].id, places.at[i].state))
			return -1;
		if (spent(s, retire))
			return 0;
	}
	return places.len < CHUNK ? delete_event(s, retire) : 0;
}

/* The event that the walk is at, for as long as the slice has room. */
static int work_event(struct sqlite *s, struct retire *retire)
{
	while (retire->event != 0 && !spent(s, retire)) {
		if (retire->judged ? delete_part(s, retire) : judge(s, retire))
			return -1;
	}
	return 0;
}

static int retire_events(struct sqlite *s, struct retire *retire)
{
	int64_t end = id_floor_of_time(retire->until_ms);
	while (!spent(s, retire)) {
		if (retire->event == 0) {
			struct run run = db_run(&s->db, QUERY_RETIRE_EVENT_NEXT);
			int64_t id = 0;
			run_int(&run, 1, retire->after_id);
			int found = sqlite_value(s, &run, &id);
			retire->ended = found == 0 || (found > 0 && id >= end);
			if (found < 0 || retire->ended)
				return found < 0 ? -1 : 0;
			retire->event = retire->after_id = id;
			retire->looks--;
		}
		if (work_event(s, retire))
			return -1;
	}
	return 0;
}

/* ---- Dead letters: each by its own age; the event goes along when it is old enough and nothing else keeps it ---- */

static int retire_dead(struct sqlite *s, struct retire *retire)
{
	int64_t end = id_floor_of_time(retire->until_ms);
	while (!spent(s, retire)) {
		struct run run = db_run(&s->db, QUERY_RETIRE_DEAD);
		run_int(&run, 1, retire->dead_until_ms);
		run_int(&run, 2, 1);
		int found = retire->event == 0 ? sqlite_row(s, &run) : 0;
		if (found < 0)
			return -1;
		if (retire->event == 0 && found == 0) {
			retire->ended = true;
			return 0;
		}
		if (found > 0) {
			int64_t id = run_int_at(&run, 0), event = run_int_at(&run, 1);
			run_end(&run);
			if (delete_delivery(s, retire, id, DELIVERY_DEAD))
				return -1;
			retire->event = event < end ? event : 0;
		} else {
			run_end(&run);
		}
		if (work_event(s, retire))
			return -1;
	}
	return 0;
}

/* ---- Attempts ---- */

/* 1: its delivery has not ended, 0, -1. */
static int is_unfinished(struct sqlite *s, int64_t delivery)
{
	int64_t unfinished = 0;
	struct run run = db_run(&s->db, QUERY_DELIVERY_UNFINISHED);
	run_int(&run, 1, delivery);
	int found = sqlite_value(s, &run, &unfinished);
	return found < 0 ? -1 : found > 0 && unfinished != 0;
}

static int retire_attempt(struct sqlite *s, struct retire *retire, int64_t id, int64_t delivery)
{
	int unfinished = is_unfinished(s, delivery);
	if (unfinished)
		return unfinished < 0 ? -1 : 0;
	struct run run = db_run(&s->db, QUERY_ATTEMPT_DELETE);
	run_int(&run, 1, id);
	if (sqlite_done(s, &run))
		return -1;
	retire->counts.attempts++;
	retire->rows--;
	return 0;
}

static int retire_attempts(struct sqlite *s, struct retire *retire)
{
	while (!spent(s, retire) && !retire->ended) {
		struct {
			int64_t id, delivery, started_ms;
		} at[CHUNK];
		int len = 0, row;
		struct run run = db_run(&s->db, QUERY_RETIRE_ATTEMPTS);
		run_int(&run, 1, retire->after_id);
		run_int(&run, 2, CHUNK);
		for (; (row = sqlite_row(s, &run)) > 0; len++) {
			at[len].id = run_int_at(&run, 0);
			at[len].delivery = run_int_at(&run, 1);
			at[len].started_ms = run_int_at(&run, 2);
		}
		if (row < 0)
			return -1;
		retire->ended = len < CHUNK;
		retire->looks -= len;
		for (int i = 0; i < len; i++) {
			if (at[i].started_ms >= retire->until_ms + ATTEMPT_SLACK_MS) {
				retire->ended = true;
				break;
			}
			if (at[i].started_ms < retire->until_ms && retire_attempt(s, retire, at[i].id, at[i].delivery))
				return -1;
			retire->after_id = at[i].id;
		}
	}
	return 0;
}

/* ---- The rest ---- */

static int retire_rows(struct sqlite *s, struct retire *retire, enum query query, int64_t *count)
{
	struct run run = db_run(&s->db, query);
	run_int(&run, 1, id_floor_of_time(retire->until_ms));
	run_int(&run, 2, retire->rows);
	if (sqlite_done(s, &run))
		return -1;
	int deleted = sqlite3_changes(s->db.conn);
	*count += deleted;
	retire->ended = deleted < retire->rows;
	return 0;
}

static int delete_tombstone(struct sqlite *s, int64_t id)
{
	static const enum query queries[] = {QUERY_TOMBSTONE_VERIFICATION, QUERY_TOMBSTONE_DRILL, QUERY_TOMBSTONE_HEALTH, QUERY_TOMBSTONE_DELETE};
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		struct run run = db_run(&s->db, queries[i]);
		run_int(&run, 1, id);
		if (sqlite_done(s, &run))
			return -1;
	}
	return 0;
}

static int retire_tombstones(struct sqlite *s, struct retire *retire)
{
	int64_t ids[CHUNK];
	int len = 0, row;
	struct run run = db_run(&s->db, QUERY_RETIRE_TOMBSTONES);
	run_int(&run, 1, retire->until_ms);
	run_int(&run, 2, retire->after_id);
	run_int(&run, 3, CHUNK);
	while ((row = sqlite_row(s, &run)) > 0)
		ids[len++] = run_int_at(&run, 0);
	for (int i = 0; row == 0 && i < len; i++) {
		int64_t needed = 0;
		run = db_run(&s->db, QUERY_TOMBSTONE_NEEDED);
		run_int(&run, 1, ids[i]);
		row = sqlite_value(s, &run, &needed) < 0 ? -1 : 0;
		if (row == 0 && !needed) {
			row = delete_tombstone(s, ids[i]);
			retire->counts.endpoints++;
		}
		retire->after_id = ids[i];
	}
	retire->ended = len < CHUNK;
	return row;
}

int sqlite_retire(struct engine *engine, struct retire *retire)
{
	struct sqlite *s = sqlite_of(engine);
	retire->ended = false;
	switch (retire->what) {
	case RETIRE_EVENTS:
		return retire_events(s, retire);
	case RETIRE_DEAD:
		return retire_dead(s, retire);
	case RETIRE_ATTEMPTS:
		return retire_attempts(s, retire);
	case RETIRE_AUDIT:
		return retire_rows(s, retire, QUERY_RETIRE_AUDIT, &retire->counts.audit);
	case RETIRE_OPERATIONS:
		return retire_rows(s, retire, QUERY_RETIRE_OPERATIONS, &retire->counts.operations);
	case RETIRE_TOMBSTONES:
		return retire_tombstones(s, retire);
	}
	return 0;
}

int sqlite_event_oldest(struct engine *engine, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_OLDEST);
	return sqlite_value(s, &run, id);
}

int sqlite_operations_sending(struct engine *engine, int64_t *count)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_OPERATIONS_SENDING);
	return sqlite_value(s, &run, count) < 0 ? -1 : 0;
}
