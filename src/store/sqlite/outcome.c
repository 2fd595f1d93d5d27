/* Outcomes of attempts: conditional updates. A success on the first try is one update; everything else leaves an attempt row. */
#include <string.h>

#include "store/sqlite/sqlite.h"

static struct slice detail_of(const struct outcome *outcome)
{
	size_t len = strnlen(outcome->detail, sizeof outcome->detail);
	return len > 0 ? (struct slice){outcome->detail, len} : (struct slice){NULL, 0};
}

/* 1: the row was still as expected and is changed, 0: it was not, -1. */
static int changed(struct sqlite *s, struct run *run)
{
	return sqlite_done(s, run) ? -1 : sqlite3_changes(s->db.conn) > 0;
}

static void bind_change(struct sqlite *s, struct run *run, const struct outcome *outcome, enum delivery_state to)
{
	int64_t end_ms = to == DELIVERY_DEAD ? engine_death_ms(&s->base) : s->base.now_ms;
	run_int(run, 1, outcome->due.delivery);
	run_int(run, 2, outcome->due.round);
	run_int(run, 3, to);
	run_int(run, 4, outcome->change == DELIVERY_DIE || outcome->change == DELIVERY_CANCEL ? outcome->reason : REASON_NONE);
	run_int_or_null(run, 5, outcome->change == DELIVERY_RETRY_LATER ? outcome->next_due_ms : 0);
	run_int(run, 6, to == DELIVERY_PENDING ? 0 : end_ms);
}

static int moved(struct sqlite *s, struct run *run, const struct outcome *outcome, enum delivery_state from, enum delivery_state to)
{
	int applied = changed(s, run);
	if (applied > 0)
		census_moved(s->base.env->census, outcome->due.delivery, from, to, outcome->reason);
	return applied;
}

static int apply_attempt(struct sqlite *s, const struct outcome *outcome)
{
	enum delivery_state to;
	if (delivery_change(DELIVERY_PENDING, outcome->change, &to))
		return 0;
	struct run run = db_run(&s->db, QUERY_OUTCOME_APPLY);
	bind_change(s, &run, outcome, to);
	run_int(&run, 7, outcome->started_ms);
	run_int(&run, 8, outcome->duration_ms);
	run_int(&run, 9, outcome->status);
	run_int(&run, 10, outcome->failure);
	run_text(&run, 11, detail_of(outcome));
	return moved(s, &run, outcome, DELIVERY_PENDING, to);
}

/* It ended without a request: one that is held can end so, too. */
static int apply_end(struct sqlite *s, const struct outcome *outcome, enum delivery_state from)
{
	enum delivery_state to;
	if (delivery_change(from, outcome->change, &to))
		return 0;
	struct run run = db_run(&s->db, QUERY_OUTCOME_END);
	bind_change(s, &run, outcome, to);
	run_int(&run, 7, from);
	return moved(s, &run, outcome, from, to);
}

/* `whole`: with what the endpoint answered. */
static int insert_attempt(struct sqlite *s, const struct outcome *outcome, bool whole)
{
	struct run run = db_run(&s->db, QUERY_ATTEMPT_INSERT);
	run_int(&run, 1, outcome->due.delivery);
	run_int(&run, 2, outcome->due.round);
	run_int(&run, 3, outcome->started_ms);
	run_int(&run, 4, outcome->duration_ms);
	run_int(&run, 5, outcome->status);
	run_int(&run, 6, outcome->failure);
	run_text(&run, 7, whole ? detail_of(outcome) : (struct slice){NULL, 0});
	run_blob(&run, 8, whole ? outcome->response : NULL, whole && outcome->response ? outcome->response_len : 0);
	return sqlite_done(s, &run);
}

/* The delivery has moved on: the attempt is counted and recorded, nothing else. */
static int record_late(struct sqlite *s, const struct outcome *outcome)
{
	int64_t erased_ms = 0;
	if (sqlite_attempt_keep_last(&s->base, outcome->due.delivery) || sqlite_event_erased(&s->base, outcome->due.event, &erased_ms) < 0)
		return -1;
	/* The event was erased meanwhile: what was answered to it is not kept. */
	struct slice detail = erased_ms ? (struct slice){NULL, 0} : detail_of(outcome);
	struct run run = db_run(&s->db, QUERY_OUTCOME_LATE);
	run_int(&run, 1, outcome->due.delivery);
	run_int(&run, 2, outcome->started_ms);
	run_int(&run, 3, outcome->duration_ms);
	run_int(&run, 4, outcome->status);
	run_int(&run, 5, outcome->failure);
	run_text(&run, 6, detail);
	if (sqlite_done(s, &run))
		return -1;
	return insert_attempt(s, outcome, erased_ms == 0);
}

/* The head of an ordered key ended: the next one becomes the head. */
static int promote(struct sqlite *s, struct outcome *outcome)
{
	char key[EVENT_ORDERING_KEY_MAX + 1] = "";
	struct run run = db_run(&s->db, QUERY_DELIVERY_ORDER_KEY);
	run_int(&run, 1, outcome->due.delivery);
	int found = sqlite_row(s, &run);
	if (found <= 0)
		return found;
	struct slice text = run_text_at(&run, 0);
	if (text.len > 0 && text.len < sizeof key)
		memcpy(key, text.at, text.len);
	run_end(&run);
	if (!text.at)
		return 0;
	found = sqlite_order_promote(&s->base, outcome->due.endpoint, key, &outcome->promoted);
	outcome->has_promoted = found > 0;
	return found < 0 ? -1 : 0;
}

static int outcome_one(struct sqlite *s, struct outcome *outcome)
{
	bool ours = outcome->epoch == s->epochs[engine_shard(outcome->due.endpoint)];
	bool was_pending = true;
	int applied = 0;
	outcome->applied = outcome->has_promoted = false;
	if (ours && outcome->attempted) {
		applied = apply_attempt(s, outcome);
	} else if (ours) {
		applied = apply_end(s, outcome, DELIVERY_PENDING);
		was_pending = applied != 0;
		if (applied == 0)
			applied = apply_end(s, outcome, DELIVERY_HELD);
	}
	if (applied < 0)
		return -1;
	outcome->applied = applied > 0;
	if (!outcome->applied)
		return outcome->attempted ? record_late(s, outcome) : 0;
	/* Of a test the response is kept. */
	bool first_success = outcome->change == DELIVERY_SUCCEED && outcome->due.attempts == 0 &&
	                     !delivery_round_tests(outcome->due.round) && !s->base.env->capture_success;
	if (outcome->attempted && !first_success && insert_attempt(s, outcome, true))
		return -1;
	bool head_ended = outcome->change != DELIVERY_RETRY_LATER && was_pending;
	return head_ended && idmap_get(&s->ordered, (uint64_t)outcome->due.endpoint) ? promote(s, outcome) : 0;
}

int sqlite_outcomes(struct engine *engine, struct outcome **outcomes, size_t len)
{
	struct sqlite *s = sqlite_of(engine);
	for (size_t i = 0; i < len; i++) {
		if (outcome_one(s, outcomes[i]))
			return -1;
	}
	return 0;
}
