/* The herald: facts, their events, and the sources that fail. Deaths: toll.c. */
#include "store/herald.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "metrics/sources.h"
#include "store/herald_private.h"
#include "store/private.h"
#include "store/type_counts.h"

enum { FAILING_AGAIN_US = 600 * 1000 * 1000 }; /* who sends bad requests between good ones makes an event this often at most */

/* Refused requests of a source since one verified. */
struct streak {
	int64_t source;
	int64_t refused;
	int64_t since_ms;
	int64_t told_us; /* 0: never */
	bool failing;    /* it was told, and stands in a row */
	bool fresh;      /* … by the open transaction */
};

struct herald *herald_new(const struct store_config *config)
{
	if (!config->operational.on)
		return NULL;
	struct herald *herald = mem_new(struct herald);
	herald->config = config->operational;
	herald->clock = config->clock;
	herald->index = config->index;
	herald->sources = config->sources;
	return herald;
}

static void forget(struct herald *herald, size_t len)
{
	while (herald->facts_len > len) {
		const struct fact *fact = &herald->facts[--herald->facts_len];
		event_unref(fact->event);
		event_unref(fact->outside);
	}
}

void herald_tune(struct herald *herald, int64_t interval_ms, int64_t failing_after)
{
	if (!herald)
		return;
	herald->config.interval_ms = interval_ms;
	herald->config.failing_after = failing_after;
}

void herald_free(struct herald *herald)
{
	size_t at = 0;
	uint64_t id;
	void *streak;
	if (!herald)
		return;
	forget(herald, 0);
	free(herald->facts);
	tolls_free(herald);
	while (idmap_next(&herald->streaks, &at, &id, &streak))
		free(streak);
	idmap_free(&herald->streaks);
	free(herald);
}

/* ---- Facts ---- */

json_t *herald_time(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

/* Without the URL: those of some receivers are all it takes to post to them. */
json_t *herald_endpoint_json(const struct herald *herald, int64_t id, const struct endpoint *endpoint, int64_t subscriber)
{
	char text[ID_TEXT_SIZE], owner[ID_TEXT_SIZE], uid[EVENT_UID_MAX + 1];
	const char *whose = NULL;
	id_format(ID_ENDPOINT, id, text);
	if (subscriber != 0) {
		id_format(ID_SUBSCRIBER, subscriber, owner);
		whose = index_subscriber_uid(herald->index, subscriber, uid, sizeof uid) ? uid : owner;
	}
	return json_pack("{s:s, s:s?, s:s?}", "id", text, "uid", endpoint ? endpoint->uid : NULL, "subscriber", whose);
}

/* Takes `data`. NULL: memory is out. */
static struct event *event_of(const struct tx *tx, enum operational what, const char *about, json_t *data)
{
	bool dated = json_object_set_new(data, "at", herald_time(tx->now_ms)) == 0;
	char *text = dated ? json_dumps(data, JSON_COMPACT) : NULL;
	struct event_fields fields = {
	    .time_ms = tx->now_ms,
	    .type = slice_of(operational_type(what)),
	    .subject = slice_of(about),
	    .content_type = SLICE_LITERAL("application/json"),
	    .data = slice_of(text),
	};
	struct event *event = text ? event_new(&fields, NULL) : NULL;
	free(text);
	json_decref(data);
	return event;
}

/* Takes the events. */
static void note(struct herald *herald, struct fact fact)
{
	if (herald->facts_len == herald->facts_cap) {
		size_t cap = herald->facts_cap ? herald->facts_cap * 2 : 16;
		struct fact *facts = realloc(herald->facts, cap * sizeof *facts);
		if (!facts)
			log_fatal("store", "memory is out");
		herald->facts = facts;
		herald->facts_cap = cap;
	}
	herald->facts[herald->facts_len++] = fact;
}

void herald_note(struct tx *tx, enum operational what, const char *about, json_t *data, int64_t subscriber, int64_t endpoint)
{
	struct event *event = event_of(tx, what, about, data);
	if (event)
		note(tx->store->herald, (struct fact){.event = event, .subscriber = subscriber, .endpoint = endpoint});
	else
		log_error("store", "memory is out: %s of %s is not told", operational_type(what), about);
}

/* Its data: who it is, and `more`. NULL: memory is out. */
static json_t *about_endpoint(const struct herald *herald, const struct endpoint *endpoint, json_t *more)
{
	json_t *who = herald_endpoint_json(herald, endpoint->meta.id, endpoint, endpoint->meta.subscriber);
	json_t *data = json_pack("{s:o}", "endpoint", who);
	if (json_object_update(data, more) == 0)
		return data;
	json_decref(data);
	return NULL;
}

void herald_endpoint(struct tx *tx, enum operational what, const struct endpoint *endpoint, json_t *more, json_t *outside)
{
	struct herald *herald = tx->store->herald;
	char id[ID_TEXT_SIZE];
	if (herald) {
		id_format(ID_ENDPOINT, endpoint->meta.id, id);
		struct fact fact = {.subscriber = endpoint->meta.subscriber, .endpoint = endpoint->meta.id};
		fact.event = event_of(tx, what, id, about_endpoint(herald, endpoint, more));
		if (outside && fact.subscriber)
			fact.outside = event_of(tx, what, id, about_endpoint(herald, endpoint, outside));
		/* Without its own text a subscriber is told nothing rather than too much. */
		if (outside && !fact.outside)
			fact.subscriber = 0;
		if (fact.event) {
			note(herald, fact);
		} else {
			log_error("store", "memory is out: %s of %s is not told", operational_type(what), id);
			event_unref(fact.outside);
		}
	}
	json_decref(more);
	json_decref(outside);
}

size_t herald_mark(const struct tx *tx)
{
	return tx->store->herald ? tx->store->herald->facts_len : 0;
}

void herald_back(struct tx *tx, size_t mark)
{
	if (tx->store->herald)
		forget(tx->store->herald, mark);
}

/* ---- Publishing ---- */

static int publish(struct tx *tx, struct event *event, enum audience audience, int64_t except)
{
	struct publish_item item = {.event = event, .audience = audience, .except = except}, *items = &item;
	int result = tx->engine->ops->publish(tx->engine, &items, 1, tx->news);
	tx->store->herald->published += result == 0 && item.fate == ERR_NONE;
	index_targets_clear(&item.targets);
	return result;
}

/* Whether one of the subscriber's endpoints is to hear of it, beside the one it is about. */
static bool subscriber_listens(const struct herald *herald, const struct fact *fact)
{
	struct index_targets targets = {0};
	bool listens = false;
	if (index_match(herald->index, fact->event->f.type, AUDIENCE_SUBSCRIBER, fact->subscriber, &targets) == 0)
		for (size_t i = 0; i < targets.len; i++)
			listens |= targets.at[i]->meta.id != fact->endpoint;
	index_targets_clear(&targets);
	return listens;
}

static int publish_fact(struct tx *tx, const struct fact *fact)
{
	if (publish(tx, fact->event, AUDIENCE_UNOWNED, fact->endpoint))
		return -1;
	if (fact->subscriber == 0 || !subscriber_listens(tx->store->herald, fact))
		return 0;
	struct event_fields fields = (fact->outside ? fact->outside : fact->event)->f;
	fields.subscriber = fact->subscriber;
	struct event *event = event_new(&fields, NULL);
	int result = event ? publish(tx, event, AUDIENCE_SUBSCRIBER, fact->endpoint) : 0;
	event_unref(event);
	return result;
}

int herald_publish(struct tx *tx)
{
	struct herald *herald = tx->store->herald;
	if (!herald)
		return 0;
	if (tolls_publish(tx))
		return -1;
	for (size_t i = 0; i < herald->facts_len; i++)
		if (publish_fact(tx, &herald->facts[i]))
			return -1;
	return 0;
}

static void streaks_end(struct herald *herald, bool committed)
{
	size_t at = 0;
	uint64_t id;
	void *value;
	while (idmap_next(&herald->streaks, &at, &id, &value)) {
		struct streak *streak = value;
		if (streak->fresh && !committed)
			streak->failing = false;
		streak->fresh = false;
	}
}

void herald_end(struct herald *herald, bool committed, struct type_counts *counts)
{
	if (!herald)
		return;
	for (size_t i = 0; committed && i < herald->facts_len; i++)
		type_counts_add(counts, herald->facts[i].event->f.type, herald->facts[i].event->f.time_ms);
	forget(herald, 0);
	tolls_end(herald, committed);
	if (herald->fresh)
		streaks_end(herald, committed);
	if (committed && herald->published)
		metrics_ingested(METRICS_SOURCE_HUB, INGEST_ACCEPTED, herald->published);
	herald->published = 0;
	herald->fresh = false;
}

/* ---- Sources ---- */

static struct streak *streak_of(struct herald *herald, int64_t source)
{
	struct streak *streak = idmap_get(&herald->streaks, (uint64_t)source);
	if (!streak) {
		streak = mem_new(struct streak);
		streak->source = source;
		idmap_put(&herald->streaks, (uint64_t)source, streak);
	}
	return streak;
}

/* Requests beyond its rate verify, and a disabled source refuses on purpose. */
static bool counts(const struct rejection *rejection)
{
	return rejection->source != 0 && strcmp(rejection->reason, "rate_limited") != 0 && strcmp(rejection->reason, "disabled") != 0;
}

static void tell_failing(struct tx *tx, const struct streak *streak, const struct rejection *rejection)
{
	struct herald *herald = tx->store->herald;
	struct source *source = herald->sources ? source_table_get(herald->sources, streak->source) : NULL;
	char id[ID_TEXT_SIZE];
	id_format(ID_SOURCE, streak->source, id);
	json_t *shown = json_pack("{s:s, s:s?, s:s?}", "id", id, "uid", source ? source->uid : NULL, "scheme",
	                          source ? source->scheme->name : NULL);
	json_t *detail = rejection->why.at ? json_stringn(rejection->why.at, rejection->why.len) : json_null();
	json_t *data = json_pack("{s:o, s:I, s:s, s:o, s:o}", "source", shown, "rejections", (json_int_t)streak->refused, "reason",
	                         rejection->reason, "detail", detail ? detail : json_null(), "since", herald_time(streak->since_ms));
	herald_note(tx, OPERATIONAL_SOURCE_FAILING, id, data, 0, 0);
	source_unref(source);
}

int herald_refused(struct tx *tx, const struct rejection *rejection)
{
	struct herald *herald = tx->store->herald;
	if (!herald || herald->config.failing_after == 0 || !counts(rejection))
		return 0;
	struct streak *streak = streak_of(herald, rejection->source);
	int64_t now_us = clock_mono_us(herald->clock);
	if (streak->refused++ == 0)
		streak->since_ms = rejection->at_ms;
	bool lately = streak->told_us != 0 && now_us - streak->told_us < FAILING_AGAIN_US;
	if (streak->failing || lately || streak->refused < herald->config.failing_after)
		return 0;
	streak->failing = streak->fresh = herald->fresh = true;
	streak->told_us = now_us;
	tell_failing(tx, streak, rejection);
	return tx->engine->ops->failing_put(tx->engine, streak->source, streak->since_ms);
}

int herald_verified(struct tx *tx, int64_t source)
{
	struct herald *herald = tx->store->herald;
	struct streak *streak = herald && source != 0 ? idmap_get(&herald->streaks, (uint64_t)source) : NULL;
	if (!streak)
		return 0;
	bool failed = streak->failing;
	streak->refused = 0;
	streak->failing = false;
	return failed ? tx->engine->ops->failing_delete(tx->engine, source) : 0;
}

static int load_failing(struct tx *tx)
{
	int64_t source = 0;
	int found;
	while ((found = tx->engine->ops->failing_after(tx->engine, source, &source)) > 0)
		streak_of(tx->store->herald, source)->failing = true;
	return found;
}

/* ---- Types ---- */

/* Those that somebody described in words of his own stay so. */
static int describe(struct tx *tx, enum operational what)
{
	struct slice type = slice_of(operational_type(what));
	struct event_type_row row = {.id = 0};
	int found = tx->engine->ops->event_type_get(tx->engine, type, &row);
	if (found < 0 || row.doc) {
		json_decref(row.doc);
		return found < 0 ? -1 : 0;
	}
	if (!found)
		row = (struct event_type_row){.id = id_next(&tx->store->ids, tx->now_ms), .type = type};
	row.doc = operational_doc(what);
	row.updated_ms = tx->now_ms;
	int result = row.doc ? tx->engine->ops->event_type_put(tx->engine, &row) : 0;
	json_decref(row.doc);
	return result;
}

int herald_load(struct tx *tx)
{
	if (!tx->store->herald)
		return 0;
	for (enum operational what = 0; what < OPERATIONALS; what++)
		if (describe(tx, what))
			return -1;
	return tolls_load(tx) || load_failing(tx) ? -1 : 0;
}
