/* Carrying out bulk work: slices of at most SLICE_ROWS rows, each committed together with its cursor and counters, so that it goes
 * on where it was after a restart. Rows that die again after its start are not chased. Open operations take turns. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/erase.h"
#include "store/filter.h"
#include "store/private.h"

enum { SLICE_ROWS = 500, SLICE_TIME_US = 20000 };

struct slice_run {
	struct tx *tx;
	struct operation_record *record;
	int64_t ids[SLICE_ROWS];
	int ids_len;
	bool finished;
	/* The status of the endpoint that was asked for last: rows of one come in runs. */
	int64_t endpoint;
	enum endpoint_status status;
};

static int endpoint_takes(struct slice_run *run, int64_t endpoint, bool *takes)
{
	if (run->endpoint != endpoint) {
		run->status = ENDPOINT_DELETED;
		if (run->tx->engine->ops->endpoint_status(run->tx->engine, endpoint, &run->status) < 0)
			return -1;
		run->endpoint = endpoint;
	}
	*takes = run->status == ENDPOINT_ACTIVE || run->status == ENDPOINT_PAUSED;
	return 0;
}

static int retry_one(struct slice_run *run, struct delivery_record *delivery)
{
	bool takes;
	int64_t erased_ms = 0;
	bool expired = delivery->due.expires_ms != 0 && delivery->due.expires_ms <= run->tx->now_ms;
	if (endpoint_takes(run, delivery->due.endpoint, &takes) ||
	    run->tx->engine->ops->event_erased(run->tx->engine, delivery->due.event, &erased_ms) < 0)
		return -1;
	if (!takes || expired || erased_ms) {
		run->record->skipped++;
		return 0;
	}
	run->record->done++;
	return transition_reopen(run->tx, delivery);
}

static int discard_one(struct slice_run *run, struct delivery_record *delivery)
{
	run->record->done++;
	return transition_end(run->tx, delivery, DELIVERY_DISCARD, REASON_DISCARDED);
}

static int dead_one(struct slice_run *run, int64_t id)
{
	struct delivery_record delivery;
	int found = run->tx->engine->ops->delivery_get(run->tx->engine, id, &delivery);
	if (found <= 0)
		return found;
	if (delivery.state != DELIVERY_DEAD)
		return 0;
	return run->record->kind == OPERATION_RETRY ? retry_one(run, &delivery) : discard_one(run, &delivery);
}

/* Retry and discard: the next dead letters of the filter after the cursor. */
static int dead_slice(struct slice_run *run)
{
	struct operation_record *record = run->record;
	struct dead_filter_copy copy;
	if (dead_filter_read(slice_of(record->filter), &copy)) {
		log_error("store", "the filter of an operation cannot be read back: %s", record->filter);
		run->finished = true;
		return 0;
	}
	struct dead_walk walk = {
	    .filter = &copy.filter,
	    .max_id = record->max_id,
	    .until_ms = record->started_ms,
	    .deadline_us = clock_mono_us(run->tx->store->config.clock) + SLICE_TIME_US,
	    .after_key = record->cursor_key,
	    .after_id = record->cursor_id,
	};
	run->ids_len = run->tx->engine->ops->dead_walk(run->tx->engine, &walk, run->ids, SLICE_ROWS);
	dead_filter_clear(&copy);
	for (int i = 0; i < run->ids_len; i++) {
		if (dead_one(run, run->ids[i]))
			return -1;
	}
	record->cursor_key = walk.after_key;
	record->cursor_id = walk.after_id;
	run->finished = walk.ended;
	return run->ids_len < 0 ? -1 : 0;
}

/* A drain's cursor_key says that nobody is to hear of them: somebody's data is erased. */
static int drain_one(struct slice_run *run, struct delivery_record *delivery)
{
	if (run->record->cursor_key)
		return transition_end(run->tx, delivery, DELIVERY_CANCEL, REASON_CANCELLED);
	bool disabled = run->record->kind == OPERATION_DRAIN_DISABLED;
	return transition_end(run->tx, delivery, DELIVERY_DIE, disabled ? REASON_ENDPOINT_DISABLED : REASON_ENDPOINT_DELETED);
}

/* Ends the pending ones of a disabled or deleted endpoint. Ending the head of an ordered key promotes the next, so that the
 * invariant of order holds at the end of each slice and a resumed endpoint goes on: held ones are ended as they become pending. */
static int drain_slice(struct slice_run *run)
{
	struct operation_record *record = run->record;
	const struct engine_ops *ops = run->tx->engine->ops;
	bool disabled = record->kind == OPERATION_DRAIN_DISABLED;
	enum endpoint_status status = ENDPOINT_DELETED;
	if (ops->endpoint_status(run->tx->engine, record->endpoint, &status) < 0)
		return -1;
	if (disabled && (status == ENDPOINT_ACTIVE || status == ENDPOINT_PAUSED)) {
		run->finished = record->cancelled = true; /* resumed meanwhile */
		return 0;
	}
	run->ids_len = ops->pending_ids(run->tx->engine, record->endpoint, run->ids, SLICE_ROWS);
	for (int i = 0; i < run->ids_len; i++) {
		struct delivery_record delivery;
		int found = ops->delivery_get(run->tx->engine, run->ids[i], &delivery);
		if (found < 0 || (found > 0 && drain_one(run, &delivery)))
			return -1;
		record->done++;
	}
	run->finished = run->ids_len == 0;
	return run->ids_len < 0 ? -1 : 0;
}

static int slice(struct tx *tx, struct operation_record *record)
{
	struct slice_run run = {.tx = tx, .record = record};
	bool dead = record->kind == OPERATION_RETRY || record->kind == OPERATION_DISCARD;
	bool recover = record->kind == OPERATION_RECOVER;
	if (record->kind == OPERATION_ERASE ? erase_slice(tx, record, &run.finished) : recover ? recover_slice(tx, record, &run.finished) : dead ? dead_slice(&run) : drain_slice(&run))
		return -1;
	int64_t seen = record->done + record->skipped;
	if (run.finished || seen > record->total)
		record->total = seen;
	if (run.finished) {
		record->ended_ms = tx->now_ms;
		census_operations(tx->engine->env->census, -1);
	}
	return tx->engine->ops->operation_progress(tx->engine, record);
}

int operation_slice(struct tx *tx, int64_t *last)
{
	const struct engine_ops *ops = tx->engine->ops;
	int64_t id;
	int found = ops->operation_open_after(tx->engine, *last, &id);
	if (found == 0)
		found = ops->operation_open_after(tx->engine, 0, &id);
	if (found <= 0)
		return found;
	struct operation_record record;
	found = ops->operation_get(tx->engine, id, &record);
	if (found <= 0)
		return found;
	int result = slice(tx, &record);
	free(record.filter);
	*last = id;
	return result ? -1 : 1;
}
