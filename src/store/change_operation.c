/* Making and cancelling bulk work; operation.c carries it out. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/audit.h"
#include "store/filter.h"
#include "store/private.h"

enum { COUNT_TIME_US = 20000, COUNT_DEAD_MAX = 100000, COUNT_UNFINISHED_MAX = 10000 };

/* What is frozen at the start: the filter, the highest id, the time. The total is counted for a short time only; that of a huge
 * operation is the least that is known, and grows. */
int operation_start(struct tx *tx, struct operation_record *record)
{
	record->id = id_next(&tx->store->ids, tx->now_ms);
	record->max_id = record->id;
	record->started_ms = tx->engine->death_ms; /* deaths may be dated a little after the clock's time */
	tx->operations = true;
	census_operations(tx->engine->env->census, 1);
	return tx->engine->ops->operation_insert(tx->engine, record);
}

static int count_dead(struct tx *tx, const struct dead_filter *filter, int64_t *total)
{
	struct dead_walk walk = {
	    .filter = filter,
	    .max_id = INT64_MAX,
	    .until_ms = tx->engine->death_ms,
	    .deadline_us = clock_mono_us(tx->store->config.clock) + COUNT_TIME_US,
	};
	int count = tx->engine->ops->dead_walk(tx->engine, &walk, NULL, COUNT_DEAD_MAX);
	*total = count;
	return count < 0 ? -1 : 0;
}

int operation_create(struct tx *tx, struct store_change *change)
{
	struct dead_filter filter = change->filter;
	if (change->operation != OPERATION_RETRY && change->operation != OPERATION_DISCARD)
		return err_set(&change->err, ERR_INVALID, "there is no such bulk work");
	if (change->only_subscriber && filter.subscriber && filter.subscriber != change->only_subscriber)
		return change_not_found(change, "subscriber");
	if (change->only_subscriber)
		filter.subscriber = change->only_subscriber;
	struct operation_record record = {.kind = change->operation, .endpoint = filter.endpoint};
	record.subscriber = filter.subscriber == FILTER_NOBODY ? 0 : filter.subscriber;
	record.filter = dead_filter_text(&filter);
	if (!record.filter)
		return change_memory_out(change);
	int result = count_dead(tx, &filter, &record.total);
	if (result == 0)
		result = operation_start(tx, &record);
	if (result == 0)
		result = audit_operation(tx, change, NULL, &record);
	/* Who sends again what an endpoint did not take thinks that it is worth a try. */
	const struct due due = {.endpoint = filter.endpoint, .due_ms = tx->now_ms};
	if (result == 0 && filter.endpoint && change->operation == OPERATION_RETRY)
		news_urged(tx->news, &due);
	free(record.filter);
	change->result_id = record.id;
	return result;
}

int operation_drain(struct tx *tx, enum operation_kind kind, int64_t endpoint, int64_t subscriber, bool cancel)
{
	struct dead_filter filter = {.endpoint = endpoint};
	struct operation_record record = {
	    .kind = kind, .endpoint = endpoint, .subscriber = subscriber, .filter = dead_filter_text(&filter)};
	if (!record.filter) {
		tx->engine->fault = ENGINE_STORAGE;
		return -1;
	}
	int result = tx->engine->ops->unfinished_count(tx->engine, endpoint, COUNT_UNFINISHED_MAX, &record.total);
	if (result == 0)
		result = operation_start(tx, &record);
	record.cursor_key = cancel;
	if (result == 0 && cancel)
		result = tx->engine->ops->operation_progress(tx->engine, &record);
	free(record.filter);
	return result;
}

static int cancel(struct tx *tx, struct store_change *change, struct operation_record *record)
{
	struct operation_record before = *record;
	if (change->only_subscriber && change->only_subscriber != record->subscriber)
		return change_not_found(change, "operation");
	change->result_id = record->id;
	if (record->kind == OPERATION_DRAIN_DISABLED || record->kind == OPERATION_DRAIN_DELETED)
		return err_set(&change->err, ERR_WRONG_STATE,
		               "it ends the deliveries of a disabled or deleted endpoint and cannot be cancelled");
	if (record->kind == OPERATION_ERASE)
		return err_set(&change->err, ERR_WRONG_STATE, "it erases what somebody wants to be gone, and cannot be cancelled");
	if (record->cancelled)
		return 0;
	if (record->ended_ms)
		return err_set(&change->err, ERR_WRONG_STATE, "the operation is finished already");
	record->ended_ms = tx->now_ms;
	record->cancelled = true;
	census_operations(tx->engine->env->census, -1);
	return tx->engine->ops->operation_progress(tx->engine, record) ? -1 : audit_operation(tx, change, &before, record);
}

int operation_cancel(struct tx *tx, struct store_change *change)
{
	struct operation_record record;
	int found = tx->engine->ops->operation_get(tx->engine, change->id, &record);
	if (found <= 0)
		return found < 0 ? -1 : change_not_found(change, "operation");
	int result = cancel(tx, change, &record);
	free(record.filter);
	return result;
}
