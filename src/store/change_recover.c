/* Recovering an endpoint: making the operation, and carrying it out. It walks the events of a span of time by id; what is frozen at its
 * start are the filter with the endpoint's own patterns, the highest id, and the time before which a delivery must have ended. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/audit.h"
#include "store/private.h"
#include "store/recover.h"

enum { SLICE_HITS = 500, SLICE_TIME_US = 20000, COUNT_TIME_US = 20000, COUNT_MAX = 100000 };

/* ---- The change ---- */

static int count_total(struct tx *tx, const struct recover_filter *filter, int64_t *total)
{
	struct recover_walk walk = {
	    .filter = filter,
	    .max_id = INT64_MAX - 1,
	    .ended_ms = tx->engine->death_ms,
	    .deadline_us = clock_mono_us(tx->store->config.clock) + COUNT_TIME_US,
	};
	int count = tx->engine->ops->recover_walk(tx->engine, &walk, NULL, COUNT_MAX);
	*total = count;
	return count < 0 ? -1 : 0;
}

static int start(struct tx *tx, struct store_change *change, const struct endpoint_record *endpoint)
{
	const char *patterns[ENDPOINT_PATTERNS_MAX];
	const json_t *event_types = json_object_get(endpoint->doc, "event_types");
	struct recover_filter filter = change->recover;
	filter.endpoint = endpoint->meta.id;
	filter.subscriber = endpoint->meta.subscriber;
	filter.event_types = patterns;
	filter.event_types_len = 0;
	for (size_t i = 0; i < json_array_size(event_types) && i < ENDPOINT_PATTERNS_MAX; i++)
		patterns[filter.event_types_len++] = json_string_value(json_array_get(event_types, i));
	struct operation_record record = {
	    .kind = OPERATION_RECOVER, .endpoint = filter.endpoint, .subscriber = filter.subscriber, .filter = recover_filter_text(&filter)};
	if (!record.filter)
		return change_memory_out(change);
	int result = count_total(tx, &filter, &record.total);
	if (result == 0)
		result = operation_start(tx, &record);
	if (result == 0)
		result = audit_operation(tx, change, NULL, &record);
	free(record.filter);
	change->result_id = record.id;
	return result;
}

int endpoint_recover(struct tx *tx, struct store_change *change)
{
	struct endpoint_record endpoint = {0};
	int found = tx->engine->ops->endpoint_get(tx->engine, change->id, &endpoint);
	if (found < 0)
		return -1;
	int result;
	if (found == 0 || (change->only_subscriber && change->only_subscriber != endpoint.meta.subscriber))
		result = change_not_found(change, "endpoint");
	else if (endpoint.meta.status == ENDPOINT_DISABLED)
		result = err_set(&change->err, ERR_ENDPOINT_DISABLED, "the endpoint is disabled; resume it first");
	else
		result = start(tx, change, &endpoint);
	endpoint_record_clear(&endpoint);
	return result;
}

/* ---- The work ---- */

/* The endpoint as it is now; NULL when it takes no deliveries any more, or became another subscriber's. */
static struct endpoint *endpoint_now(struct tx *tx, const struct recover_filter *filter)
{
	struct endpoint *endpoint = index_endpoint(tx->store->config.index, filter->endpoint);
	bool takes = endpoint && endpoint->meta.status != ENDPOINT_DISABLED && endpoint->meta.subscriber == filter->subscriber;
	if (takes)
		return endpoint;
	endpoint_unref(endpoint);
	return NULL;
}

static int make_missing(struct tx *tx, const struct endpoint *endpoint, int64_t id, bool *done)
{
	struct event *event;
	enum event_reach reach;
	struct due due;
	int found = tx->engine->ops->event_get(tx->engine, id, &event, &reach);
	if (found <= 0)
		return found;
	int pending = tx->engine->ops->delivery_make(tx->engine, event, endpoint, &due);
	event_unref(event);
	if (pending > 0)
		news_due(tx->news, endpoint->meta.id, due.due_ms);
	*done = true;
	return pending < 0 ? -1 : 0;
}

static int reopen(struct tx *tx, int64_t id, bool *done)
{
	struct delivery_record delivery;
	int found = tx->engine->ops->delivery_get(tx->engine, id, &delivery);
	if (found <= 0)
		return found;
	*done = true;
	return transition_reopen(tx, &delivery);
}

static int recover_one(struct tx *tx, struct operation_record *record, const struct endpoint *endpoint, const struct recover_hit *hit)
{
	bool done = false;
	int result = 0;
	if (hit->expires_ms == 0 || hit->expires_ms > tx->now_ms)
		result = hit->delivery ? reopen(tx, hit->delivery, &done) : make_missing(tx, endpoint, hit->event, &done);
	*(done ? &record->done : &record->skipped) += 1;
	return result;
}

/* At least one event is looked at; more as long as the time is not up, because payloads may be large. */
static int recover_hits(struct tx *tx, struct operation_record *record, const struct endpoint *endpoint, struct recover_walk *walk)
{
	const struct clock *clock = tx->store->config.clock;
	struct recover_hit hits[SLICE_HITS];
	int len = tx->engine->ops->recover_walk(tx->engine, walk, hits, SLICE_HITS);
	int64_t deadline_us = clock_mono_us(clock) + SLICE_TIME_US;
	for (int i = 0; i < len; i++) {
		if (recover_one(tx, record, endpoint, &hits[i]))
			return -1;
		if (i + 1 < len && clock_mono_us(clock) >= deadline_us) {
			walk->after_id = hits[i].event;
			walk->ended = false;
			break;
		}
	}
	return len < 0 ? -1 : 0;
}

int recover_slice(struct tx *tx, struct operation_record *record, bool *finished)
{
	struct recover_filter_copy copy;
	if (recover_filter_read(slice_of(record->filter), &copy)) {
		log_error("store", "the filter of an operation cannot be read back: %s", record->filter);
		*finished = true;
		return 0;
	}
	int result = 0;
	struct recover_walk walk = {
	    .filter = &copy.filter,
	    .max_id = record->max_id,
	    .ended_ms = record->started_ms,
	    .deadline_us = clock_mono_us(tx->store->config.clock) + SLICE_TIME_US,
	    .after_id = record->cursor_id,
	};
	struct endpoint *endpoint = endpoint_now(tx, &copy.filter);
	if (endpoint)
		result = recover_hits(tx, record, endpoint, &walk);
	else
		record->cancelled = walk.ended = true;
	record->cursor_id = walk.after_id;
	*finished = walk.ended;
	endpoint_unref(endpoint);
	recover_filter_clear(&copy);
	return result;
}
