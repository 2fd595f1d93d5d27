/* Changes of deliveries by hand and by bulk work, over the one table of transitions. Invariant of ordered deliveries: of each
 * (endpoint, key) with unfinished ones exactly one is pending, the others are held. */
#include "base/log.h"
#include "store/herald.h"
#include "store/private.h"

static enum delivery_state state_after(const struct delivery_record *record, enum delivery_change change)
{
	enum delivery_state to;
	if (delivery_change(record->state, change, &to))
		log_fatal("store", "a delivery that is %s was to change as %d", delivery_state_text(record->state), (int)change);
	return to;
}

int transition_end(struct tx *tx, struct delivery_record *record, enum delivery_change change, enum delivery_reason reason)
{
	const struct engine_ops *ops = tx->engine->ops;
	enum delivery_state before = record->state;
	bool was_pending = before == DELIVERY_PENDING;
	record->state = state_after(record, change);
	record->reason = reason;
	if (change != DELIVERY_DISCARD)
		record->ended_ms = change == DELIVERY_DIE ? engine_death_ms(tx->engine) : tx->now_ms;
	if (ops->delivery_put(tx->engine, record))
		return -1;
	census_moved(tx->engine->env->census, record->due.delivery, before, record->state, reason);
	if (change == DELIVERY_DIE && herald_death(tx, &record->due, reason, record->subscriber))
		return -1;
	/* The scheduler may hold it in its cache: it must look again before it sends anything there. */
	if (was_pending)
		news_due(tx->news, record->due.endpoint, 0);
	if (!was_pending || !record->ordered)
		return 0;
	struct due promoted;
	int found = ops->order_promote(tx->engine, record->due.endpoint, record->order_key, &promoted);
	if (found > 0)
		news_due(tx->news, promoted.endpoint, promoted.due_ms);
	return found < 0 ? -1 : 0;
}

int transition_reopen(struct tx *tx, struct delivery_record *record)
{
	const struct engine_ops *ops = tx->engine->ops;
	int64_t head;
	int headed = record->ordered ? ops->order_head(tx->engine, record->due.endpoint, record->order_key, &head) : 0;
	if (headed < 0 || ops->attempt_keep_last(tx->engine, record->due.delivery))
		return -1;
	/* Like a new one, it waits behind the head of its key. */
	enum delivery_state before = record->state, opened = state_after(record, DELIVERY_REOPEN);
	record->state = headed ? DELIVERY_HELD : opened;
	record->reason = REASON_NONE;
	record->ended_ms = 0;
	record->due.due_ms = tx->now_ms;
	record->due.round = delivery_round_tests(record->due.round) ? DELIVERY_ROUND_FIRST : record->due.round + 1;
	record->due.round_attempts = 0;
	if (ops->delivery_put(tx->engine, record))
		return -1;
	census_moved(tx->engine->env->census, record->due.delivery, before, record->state, REASON_NONE);
	if (!headed)
		news_due(tx->news, record->due.endpoint, record->due.due_ms);
	return 0;
}

int transition_hasten(struct tx *tx, struct delivery_record *record)
{
	record->state = state_after(record, DELIVERY_HASTEN);
	record->due.due_ms = tx->now_ms;
	news_due(tx->news, record->due.endpoint, record->due.due_ms);
	return tx->engine->ops->delivery_put(tx->engine, record);
}
