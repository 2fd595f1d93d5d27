/* Deaths: told at once where none were told lately, otherwise counted and told when the interval is over. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/herald_private.h"
#include "store/private.h"

enum { SLICE_ENDPOINTS = 100 };

static int64_t now_us(const struct herald *herald)
{
	return clock_mono_us(herald->clock);
}

/* ---- In a transaction ---- */

static struct toll *toll_of(struct herald *herald, int64_t endpoint)
{
	struct toll *toll = idmap_get(&herald->tolls, (uint64_t)endpoint);
	if (toll)
		return toll;
	struct endpoint *known = index_endpoint(herald->index, endpoint);
	toll = mem_new(struct toll);
	toll->endpoint = endpoint;
	toll->listens = !known || endpoint_listens(known);
	endpoint_unref(known);
	idmap_put(&herald->tolls, (uint64_t)endpoint, toll);
	return toll;
}

/* 1: the event is one of the hub's own. */
static int operational_event(struct tx *tx, int64_t id)
{
	struct event *event;
	enum event_reach reach;
	int found = tx->engine->ops->event_get(tx->engine, id, &event, &reach);
	if (found <= 0)
		return found;
	found = event_type_reserved(event->f.type);
	event_unref(event);
	return found;
}

int herald_death(struct tx *tx, const struct due *due, enum delivery_reason reason, int64_t subscriber)
{
	struct herald *herald = tx->store->herald;
	if (!herald)
		return 0;
	struct toll *toll = toll_of(herald, due->endpoint);
	int own = toll->listens ? operational_event(tx, due->event) : 0;
	if (own)
		return own < 0 ? -1 : 0;
	struct toll_part *part = &toll->parts[reason];
	if (part->deaths == 0)
		part->since_ms = tx->now_ms;
	part->deaths++;
	part->subscriber = subscriber;
	part->until_ms = tx->now_ms;
	part->delivery = due->delivery;
	return 0;
}

int herald_outcome(struct tx *tx, const struct outcome *outcome)
{
	struct delivery_record delivery = {.subscriber = 0};
	if (!tx->store->herald || !outcome->applied || outcome->change != DELIVERY_DIE)
		return 0;
	struct endpoint *endpoint = index_endpoint(tx->store->herald->index, outcome->due.endpoint);
	if (endpoint)
		delivery.subscriber = endpoint->meta.subscriber;
	else if (tx->engine->ops->delivery_get(tx->engine, outcome->due.delivery, &delivery) < 0)
		return -1;
	endpoint_unref(endpoint);
	return herald_death(tx, &outcome->due, outcome->reason, delivery.subscriber);
}

/* ---- Telling ---- */

static json_t *toll_data(const struct herald *herald, const struct toll *toll, const struct endpoint *endpoint, int64_t *subscriber)
{
	json_t *reasons = json_object();
	struct toll_part all = {.deaths = 0};
	int result = reasons ? 0 : -1;
	for (unsigned reason = 0; reason < REASONS; reason++) {
		const struct toll_part *part = &toll->parts[reason];
		if (part->deaths == 0)
			continue;
		result |= json_object_set_new(reasons, delivery_reason_text((enum delivery_reason)reason), json_integer(part->deaths));
		all.deaths += part->deaths;
		all.subscriber = part->subscriber;
		all.since_ms = all.since_ms == 0 || part->since_ms < all.since_ms ? part->since_ms : all.since_ms;
		if (part->delivery > all.delivery)
			all.delivery = part->delivery;
	}
	char delivery[ID_TEXT_SIZE];
	id_format(ID_DELIVERY, all.delivery, delivery);
	*subscriber = all.subscriber;
	if (result || all.deaths == 0) {
		json_decref(reasons);
		return NULL;
	}
	return json_pack("{s:o, s:I, s:o, s:s, s:o}", "endpoint", herald_endpoint_json(herald, toll->endpoint, endpoint, all.subscriber),
	                 "count", (json_int_t)all.deaths, "reasons", reasons, "delivery", delivery, "since", herald_time(all.since_ms));
}

static void tell(struct tx *tx, const struct toll *toll)
{
	struct herald *herald = tx->store->herald;
	char id[ID_TEXT_SIZE];
	int64_t subscriber = 0;
	struct endpoint *endpoint = index_endpoint(herald->index, toll->endpoint);
	json_t *data = toll_data(herald, toll, endpoint, &subscriber);
	id_format(ID_ENDPOINT, toll->endpoint, id);
	if (data)
		herald_note(tx, OPERATIONAL_DELIVERY_DEAD, id, data, subscriber, toll->endpoint);
	endpoint_unref(endpoint);
}

static int add_rows(struct tx *tx, const struct toll *toll)
{
	for (unsigned reason = 0; reason < REASONS; reason++)
		if (toll->parts[reason].deaths > 0 &&
		    tx->engine->ops->toll_add(tx->engine, toll->endpoint, (enum delivery_reason)reason, &toll->parts[reason]))
			return -1;
	return 0;
}

int tolls_publish(struct tx *tx)
{
	struct herald *herald = tx->store->herald;
	size_t at = 0;
	uint64_t id;
	void *value;
	while (idmap_next(&herald->tolls, &at, &id, &value)) {
		struct toll *toll = value;
		/* One that was told of and is not in the heap is being told of by this very transaction. */
		toll->tell |= !idmap_get(&herald->told, id);
		if (toll->tell)
			tell(tx, toll);
		else if (add_rows(tx, toll))
			return -1;
	}
	return 0;
}

static void told_at(struct herald *herald, int64_t endpoint, bool waits, int64_t until_us)
{
	struct told *told = idmap_get(&herald->told, (uint64_t)endpoint);
	if (!told) {
		told = mem_new(struct told);
		told->endpoint = endpoint;
		idmap_put(&herald->told, (uint64_t)endpoint, told);
	}
	told->waits = waits;
	heap_set(&herald->told_due, &told->node, until_us, endpoint);
}

static bool any_deaths(const struct toll *toll)
{
	for (unsigned reason = 0; reason < REASONS; reason++)
		if (toll->parts[reason].deaths > 0)
			return true;
	return false;
}

static void toll_over(struct herald *herald, const struct toll *toll, bool committed)
{
	struct told *told = idmap_get(&herald->told, (uint64_t)toll->endpoint);
	if (committed && toll->tell && any_deaths(toll))
		told_at(herald, toll->endpoint, false, now_us(herald) + herald->config.interval_ms * 1000);
	else if (committed && told && any_deaths(toll))
		told->waits = true;
	/* Taken out of the heap by a slice that came to nothing. */
	else if (told && !heap_has(&told->node))
		told_at(herald, toll->endpoint, !committed, now_us(herald) + herald->config.interval_ms * 1000);
}

void tolls_end(struct herald *herald, bool committed)
{
	size_t at = 0;
	uint64_t id;
	void *value;
	if (herald->tolls.len == 0)
		return;
	while (idmap_next(&herald->tolls, &at, &id, &value)) {
		toll_over(herald, value, committed);
		free(value);
	}
	idmap_free(&herald->tolls);
}

/* ---- Afterwards ---- */

int64_t herald_due_us(const struct herald *herald)
{
	const struct heap_node *top = herald ? heap_top(&herald->told_due) : NULL;
	return top ? top->key : INT64_MAX;
}

int herald_slice(struct tx *tx)
{
	struct herald *herald = tx->store->herald;
	int64_t until_us = now_us(herald);
	for (int i = 0; i < SLICE_ENDPOINTS && herald_due_us(herald) <= until_us; i++) {
		struct told *told = CONTAINER_OF(heap_pop(&herald->told_due), struct told, node);
		if (!told->waits) {
			idmap_remove(&herald->told, (uint64_t)told->endpoint);
			free(told);
			continue;
		}
		struct toll *toll = toll_of(herald, told->endpoint);
		toll->tell = true;
		if (tx->engine->ops->tolls_take(tx->engine, told->endpoint, toll->parts))
			return -1;
	}
	return 0;
}

int tolls_load(struct tx *tx)
{
	struct herald *herald = tx->store->herald;
	int64_t endpoint = 0;
	int found;
	while ((found = tx->engine->ops->tolls_after(tx->engine, endpoint, &endpoint)) > 0)
		told_at(herald, endpoint, true, now_us(herald));
	return found;
}

void tolls_free(struct herald *herald)
{
	size_t at = 0;
	uint64_t id;
	void *told;
	tolls_end(herald, false);
	heap_free(&herald->told_due);
	while (idmap_next(&herald->told, &at, &id, &told))
		free(told);
	idmap_free(&herald->told);
}
