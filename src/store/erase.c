/* Erasing one event, and all of a subscriber: see erase.h. */
#include "store/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/audit.h"
#include "store/private.h"

/* An event's deliveries beyond the first are left to an operation. As many as CANCEL_MAX are cancelled in one transaction. */
enum { INLINE_DELIVERIES = 500, CANCEL_MAX = 500, NAMED_MAX = 5, SLICE_ENDPOINTS = 20, SLICE_TIME_US = 10000 };

/* What an operation of a subscriber is at: its cursor_key. */
enum phase { PHASE_ENDPOINTS, PHASE_TOMBSTONES, PHASE_EVENTS, PHASE_DELIVERIES, PHASE_AUDIT };

/* What is left of a deleted endpoint of somebody who was erased: a document that can be read. */
static const char tombstone[] = "{\"url\":\"https://erased.invalid/\",\"event_types\":[\"*\"]}";

/* ---- One event ---- */

int erase_refuses(struct tx *tx, struct store_change *change, int64_t event)
{
	int64_t erased_ms = 0;
	if (tx->engine->ops->event_erased(tx->engine, event, &erased_ms) < 0)
		return -1;
	return erased_ms ? err_set(&change->err, ERR_PAYLOAD_ERASED, "the event was erased; there is nothing left that could be sent") : 0;
}

/* Shown before the commit: who sees that it is done must not think that the files are clean already. */
static void scrub(struct tx *tx)
{
	tx->engine->ops->scrub(tx->engine);
	retention_scrubbing(tx->store);
}

static int end_delivery(struct tx *tx, int64_t id)
{
	struct delivery_record record;
	int found = tx->engine->ops->delivery_get(tx->engine, id, &record);
	if (found <= 0)
		return found;
	bool unfinished = record.state == DELIVERY_PENDING || record.state == DELIVERY_HELD;
	return unfinished ? transition_end(tx, &record, DELIVERY_CANCEL, REASON_CANCELLED) : 0;
}

static bool is_unfinished(const struct delivery_place *place)
{
	return place->state == DELIVERY_PENDING || place->state == DELIVERY_HELD;
}

struct unfinished {
	int64_t count, deliveries;
	int64_t ids[CANCEL_MAX];
};

static int find_unfinished(struct tx *tx, int64_t event, struct unfinished *unfinished)
{
	struct delivery_place places[INLINE_DELIVERIES];
	int64_t after = 0;
	int len;
	do {
		len = tx->engine->ops->event_deliveries(tx->engine, event, after, places, INLINE_DELIVERIES);
		for (int i = 0; i < len; i++) {
			if (is_unfinished(&places[i]) && unfinished->count++ < CANCEL_MAX)
				unfinished->ids[unfinished->count - 1] = places[i].id;
			after = places[i].id;
		}
		unfinished->deliveries += len > 0 ? len : 0;
	} while (len == INLINE_DELIVERIES);
	return len < 0 ? -1 : 0;
}

static int refuse_unfinished(struct store_change *change, const struct unfinished *unfinished)
{
	char names[NAMED_MAX * (ID_TEXT_SIZE + 2) + 8] = "";
	size_t len = 0;
	for (int64_t i = 0; i < unfinished->count && i < NAMED_MAX; i++) {
		char id[ID_TEXT_SIZE];
		id_format(ID_DELIVERY, unfinished->ids[i], id);
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "", id);
	}
	if (unfinished->count > NAMED_MAX)
		snprintf(names + len, sizeof names - len, ", …");
	return err_set(&change->err, ERR_WRONG_STATE, "%lld deliver%s not ended: %s; wait, cancel %s, or erase with ?cancel=true (grapnel events erase --cancel)",
	               (long long)unfinished->count, unfinished->count == 1 ? "y has" : "ies have", names, unfinished->count == 1 ? "it" : "them");
}

static int start_operation(struct tx *tx, const char *what, enum id_kind kind, int64_t id, struct operation_record *record)
{
	char text[ID_TEXT_SIZE], filter[64];
	id_format(kind, id, text);
	snprintf(filter, sizeof filter, "{\"%s\":\"%s\"}", what, text);
	record->kind = OPERATION_ERASE;
	record->filter = filter;
	int result = operation_start(tx, record);
	record->filter = NULL;
	return result;
}

/* The deliveries of an event that is erased, after this one. */
static int erase_deliveries(struct tx *tx, int64_t event, int64_t *after, int64_t *deliveries, int64_t *responses, bool *all)
{
	struct delivery_place places[INLINE_DELIVERIES];
	int len = tx->engine->ops->event_deliveries(tx->engine, event, *after, places, INLINE_DELIVERIES);
	for (int i = 0; i < len; i++) {
		if (tx->engine->ops->delivery_erase(tx->engine, places[i].id, responses))
			return -1;
		*after = places[i].id;
		++*deliveries;
	}
	*all = len < INLINE_DELIVERIES;
	return len < 0 ? -1 : 0;
}

static int end_found(struct tx *tx, const struct unfinished *unfinished, int64_t *cancelled)
{
	for (*cancelled = 0; *cancelled < unfinished->count && *cancelled < CANCEL_MAX; ++*cancelled) {
		if (end_delivery(tx, unfinished->ids[*cancelled]))
			return -1;
	}
	return 0;
}

/* More than one transaction is to end: some of them, and who erases asks again. */
static int cancel_some(struct tx *tx, struct store_change *change, const struct event *event, const struct unfinished *unfinished)
{
	struct erased *erased = &change->erased;
	char id[ID_TEXT_SIZE];
	if (end_found(tx, unfinished, &erased->cancelled))
		return -1;
	erased->left = unfinished->count - erased->cancelled;
	id_format(ID_EVENT, event->id, id);
	return audit_note(tx, change, "event.erase", id, event->f.subscriber, NULL,
	                  json_pack("{s:s, s:I, s:I}", "state", "begun", "cancelled", (json_int_t)erased->cancelled, "left", (json_int_t)erased->left));
}

static int erase_event(struct tx *tx, struct store_change *change, const struct event *event, const struct unfinished *unfinished)
{
	const struct engine_ops *ops = tx->engine->ops;
	struct erased *erased = &change->erased;
	char id[ID_TEXT_SIZE], operation[ID_TEXT_SIZE];
	struct operation_record record = {.subscriber = event->f.subscriber, .total = unfinished->deliveries};
	int64_t deliveries = 0;
	bool all = false;
	if (ops->wipe(tx->engine) || end_found(tx, unfinished, &erased->cancelled))
		return -1;
	if (ops->event_erase(tx->engine, event->id) ||
	    erase_deliveries(tx, event->id, &record.cursor_id, &deliveries, &erased->responses, &all))
		return -1;
	if (!all && start_operation(tx, "event", ID_EVENT, event->id, &record))
		return -1;
	erased->at_ms = tx->now_ms;
	erased->operation = record.id;
	scrub(tx);
	id_format(ID_EVENT, event->id, id);
	id_format(ID_OPERATION, record.id, operation);
	return audit_note(tx, change, "event.erase", id, event->f.subscriber, NULL,
	                  json_pack("{s:I, s:I, s:I, s:s?}", "deliveries", (json_int_t)unfinished->deliveries, "cancelled",
	                            (json_int_t)erased->cancelled, "responses", (json_int_t)erased->responses, "operation",
	                            record.id ? operation : NULL));
}

static int erase_found(struct tx *tx, struct store_change *change, const struct event *event)
{
	const struct engine_ops *ops = tx->engine->ops;
	change->result_id = change->id;
	if (ops->event_erased(tx->engine, change->id, &change->erased.at_ms) < 0)
		return -1;
	if (change->erased.at_ms != 0)
		return 0;
	int expands = ops->event_expands(tx->engine, change->id);
	if (expands)
		return expands < 0 ? -1
		                   : err_set(&change->err, ERR_WRONG_STATE, "the deliveries of the event are still being made; try again in a moment");
	struct unfinished *unfinished = calloc(1, sizeof *unfinished);
	if (!unfinished)
		return change_memory_out(change);
	int result = find_unfinished(tx, change->id, unfinished);
	if (result == 0 && unfinished->count > 0 && !change->cancel)
		result = refuse_unfinished(change, unfinished);
	else if (result == 0)
		result = unfinished->count > CANCEL_MAX ? cancel_some(tx, change, event, unfinished) : erase_event(tx, change, event, unfinished);
	free(unfinished);
	return result;
}

int event_erase(struct tx *tx, struct store_change *change)
{
	struct event *event = NULL;
	enum event_reach reach;
	int found = tx->engine->ops->event_get(tx->engine, change->id, &event, &reach);
	if (found < 0)
		return -1;
	bool foreign = found > 0 && change->only_subscriber && change->only_subscriber != event->f.subscriber;
	int result = found == 0 || foreign ? change_not_found(change, "event") : erase_found(tx, change, event);
	event_unref(event);
	return result;
}

/* ---- A subscriber ---- */

int erase_begin(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	char id[ID_TEXT_SIZE], operation[ID_TEXT_SIZE];
	struct operation_record record = {.subscriber = subscriber};
	if (start_operation(tx, "subscriber", ID_SUBSCRIBER, subscriber, &record))
		return -1;
	change->result_id = record.id;
	id_format(ID_SUBSCRIBER, subscriber, id);
	id_format(ID_OPERATION, record.id, operation);
	return audit_note(tx, change, "subscriber.erase", id, subscriber, NULL, json_pack("{s:s, s:s}", "state", "begun", "operation", operation));
}

static void next_phase(struct operation_record *record)
{
	record->cursor_key++;
	record->cursor_id = 0;
}

/* Each is deleted as by hand; when there are none any more, the subscriber goes. */
static int endpoints_slice(struct tx *tx, struct operation_record *record)
{
	int64_t ids[SLICE_ENDPOINTS];
	int len = tx->engine->ops->endpoints_of_subscriber(tx->engine, record->subscriber, ids, SLICE_ENDPOINTS);
	for (int i = 0; i < len; i++) {
		struct store_change change = {.what = CHANGE_ENDPOINT_DELETE, .id = ids[i], .cancel = true};
		int result = endpoint_remove(tx, &change);
		if (result && tx->engine->fault == ENGINE_FINE) {
			/* It cannot be read back, so it cannot be started either: that is for a person to mend. */
			log_error("store", "an endpoint of a subscriber that is erased cannot be deleted: %s", change.err.detail);
			tx->engine->fault = ENGINE_REFUSED;
			snprintf(tx->engine->why, sizeof tx->engine->why, "%.200s", change.err.detail);
		}
		store_change_clear(&change);
		if (result)
			return -1;
		record->done++;
	}
	if (len != 0)
		return len < 0 ? -1 : 0;
	if (tx->engine->ops->subscriber_delete(tx->engine, record->subscriber))
		return -1;
	news_subscriber_gone(tx->news, record->subscriber);
	next_phase(record);
	return 0;
}

static int tombstones_slice(struct tx *tx, struct operation_record *record)
{
	int64_t ids[ERASE_HITS];
	int len = tx->engine->ops->tombstones_of_subscriber(tx->engine, record->subscriber, record->cursor_id, ids, ERASE_HITS);
	for (int i = 0; i < len; i++) {
		if (tx->engine->ops->tombstone_erase(tx->engine, ids[i], slice_of(tombstone)))
			return -1;
		record->cursor_id = ids[i];
	}
	if (len == 0)
		next_phase(record);
	return len < 0 ? -1 : 0;
}

/* What is still on its way ends here: the endpoints are gone. 1: all has ended, 0: more is to be ended, -1. */
static int end_deliveries(struct tx *tx, int64_t event)
{
	struct unfinished *unfinished = calloc(1, sizeof *unfinished);
	int result = unfinished ? find_unfinished(tx, event, unfinished) : -1;
	for (int64_t i = 0; result == 0 && i < unfinished->count && i < CANCEL_MAX; i++)
		result = end_delivery(tx, unfinished->ids[i]);
	bool all = result == 0 && unfinished->count <= CANCEL_MAX;
	if (!unfinished)
		tx->engine->fault = ENGINE_STORAGE;
	free(unfinished);
	return result ? -1 : all;
}

/* 1: done, 0: not yet, -1. */
static int erase_hit(struct tx *tx, enum erase_what what, int64_t id)
{
	const struct engine_ops *ops = tx->engine->ops;
	int64_t responses = 0;
	int ended = 1, expands = 0;
	switch (what) {
	case ERASE_EVENTS:
		expands = ops->event_expands(tx->engine, id);
		ended = expands ? (expands < 0 ? -1 : 0) : end_deliveries(tx, id);
		return ended > 0 && ops->event_erase(tx->engine, id) ? -1 : ended;
	case ERASE_DELIVERIES:
		return end_delivery(tx, id) || ops->delivery_erase(tx->engine, id, &responses) ? -1 : 1;
	case ERASE_AUDIT:
		return ops->audit_erase(tx->engine, id) ? -1 : 1;
	}
	return 1;
}

static int walk_slice(struct tx *tx, struct operation_record *record, enum erase_what what)
{
	const struct clock *clock = tx->store->config.clock;
	struct erase_walk *walk = calloc(1, sizeof *walk);
	if (!walk) {
		tx->engine->fault = ENGINE_STORAGE;
		return -1;
	}
	*walk = (struct erase_walk){.what = what, .subscriber = record->subscriber, .after_id = record->cursor_id};
	walk->deadline_us = clock_mono_us(clock) + SLICE_TIME_US;
	int result = tx->engine->ops->erase_walk(tx->engine, walk);
	int64_t cursor = walk->after_id;
	bool ended = walk->ended;
	for (int i = 0; result == 0 && i < walk->len; i++) {
		int done = erase_hit(tx, what, walk->ids[i]);
		result = done < 0 ? -1 : 0;
		record->done += done > 0 && what != ERASE_AUDIT;
		bool late = i + 1 < walk->len && clock_mono_us(clock) >= walk->deadline_us + SLICE_TIME_US;
		if (done == 0 || late) {
			cursor = done == 0 ? walk->ids[i] - 1 : walk->ids[i];
			ended = false;
			break;
		}
	}
	record->cursor_id = cursor;
	if (result == 0 && ended)
		next_phase(record);
	free(walk);
	return result;
}

static int subscriber_slice(struct tx *tx, struct operation_record *record, bool *finished)
{
	char id[ID_TEXT_SIZE], operation[ID_TEXT_SIZE];
	struct store_change change = {.what = CHANGE_SUBSCRIBER_ERASE};
	switch ((enum phase)record->cursor_key) {
	case PHASE_ENDPOINTS:
		return endpoints_slice(tx, record);
	case PHASE_TOMBSTONES:
		return tombstones_slice(tx, record);
	case PHASE_EVENTS:
		return walk_slice(tx, record, ERASE_EVENTS);
	case PHASE_DELIVERIES:
		return walk_slice(tx, record, ERASE_DELIVERIES);
	case PHASE_AUDIT:
		if (walk_slice(tx, record, ERASE_AUDIT))
			return -1;
		break;
	}
	*finished = record->cursor_key > PHASE_AUDIT;
	if (!*finished)
		return 0;
	scrub(tx);
	id_format(ID_SUBSCRIBER, record->subscriber, id);
	id_format(ID_OPERATION, record->id, operation);
	return audit_note(tx, &change, "subscriber.erase", id, record->subscriber, NULL,
	                  json_pack("{s:s, s:s, s:I}", "state", "done", "operation", operation, "erased", (json_int_t)record->done));
}

int erase_slice(struct tx *tx, struct operation_record *record, bool *finished)
{
	json_t *filter = json_loads(record->filter, 0, NULL);
	const char *event = json_string_value(json_object_get(filter, "event"));
	int64_t id = 0, responses = 0;
	int result = 0;
	bool all = false;
	*finished = false;
	if (tx->engine->ops->wipe(tx->engine)) {
		result = -1;
	} else if (!event) {
		result = subscriber_slice(tx, record, finished);
	} else if (id_parse(ID_EVENT, slice_of(event), &id)) {
		log_error("store", "the filter of an operation cannot be read back: %s", record->filter);
		*finished = true;
	} else {
		result = erase_deliveries(tx, id, &record->cursor_id, &record->done, &responses, &all);
		*finished = all;
		if (all)
			scrub(tx);
	}
	json_decref(filter);
	return result;
}
