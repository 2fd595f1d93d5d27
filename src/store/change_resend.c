/* Sending one event again: to the endpoints that are named, or to all that have a delivery of it or match it now. All or nothing: every
 * endpoint is looked at before anything is written, and one that cannot be sent to refuses the whole, by name. */
#include <stdio.h>
#include <stdlib.h>

#include "store/audit.h"
#include "store/erase.h"
#include "store/expand.h"
#include "store/private.h"

struct resend {
	struct tx *tx;
	struct store_change *change;
	struct event *event;
	enum event_reach reach;
	bool named;
	size_t len;
	int64_t ids[RESEND_ENDPOINTS_MAX + 1];
	struct {
		struct endpoint *endpoint; /* a reference; NULL: it was deleted */
		struct delivery_record delivery;
		bool has_delivery;
	} at[RESEND_ENDPOINTS_MAX + 1];
};

/* ---- Whom ---- */

static bool is_target(const struct resend *resend, int64_t id)
{
	for (size_t i = 0; i < resend->len; i++) {
		if (resend->ids[i] == id)
			return true;
	}
	return false;
}

static int add_matches(struct resend *resend)
{
	static const enum audience audiences[] = {AUDIENCE_UNOWNED, AUDIENCE_SUBSCRIBER, AUDIENCE_EVERYONE};
	const struct event_fields *f = &resend->event->f;
	enum audience audience = audiences[resend->reach == EVENT_REACH_ALL ? 2 : f->subscriber ? 1 : 0];
	struct index_targets targets = {0};
	if (resend->reach == EVENT_REACH_ONE)
		return 0;
	if (index_match(resend->tx->store->config.index, f->type, audience, f->subscriber, &targets))
		return err_set(&resend->change->err, ERR_UNAVAILABLE, "memory is out; try again");
	for (size_t i = 0; i < targets.len && resend->len <= RESEND_ENDPOINTS_MAX; i++) {
		if (!is_target(resend, targets.at[i]->meta.id))
			resend->ids[resend->len++] = targets.at[i]->meta.id;
	}
	index_targets_clear(&targets);
	return 0;
}

static int choose(struct resend *resend)
{
	const struct store_change *change = resend->change;
	const struct engine_ops *ops = resend->tx->engine->ops;
	if (resend->named) {
		for (size_t i = 0; i < change->endpoints_len && i <= RESEND_ENDPOINTS_MAX; i++)
			resend->ids[resend->len++] = change->endpoints[i];
	} else {
		int len = ops->event_endpoints(resend->tx->engine, resend->event->id, change->only_subscriber, resend->ids,
		                               RESEND_ENDPOINTS_MAX + 1);
		if (len < 0)
			return -1;
		resend->len = (size_t)len;
		if (add_matches(resend))
			return -1;
	}
	if (resend->len > RESEND_ENDPOINTS_MAX)
		return err_field(&resend->change->err, ERR_INVALID, "/endpoints",
		                 "at most %d endpoints are sent to at once, and these are more: name some, or use the endpoints' recover",
		                 RESEND_ENDPOINTS_MAX);
	return 0;
}

/* ---- Looking ---- */

/* As it is stored: the index is behind by the changes of this batch. */
static int load_endpoint(struct resend *resend, size_t i)
{
	struct endpoint_record record = {0};
	int found = resend->tx->engine->ops->endpoint_get(resend->tx->engine, resend->ids[i], &record);
	if (found <= 0)
		return found;
	resend->at[i].endpoint = endpoint_parse(record.doc, &record.meta, NULL, 0, &resend->change->err);
	endpoint_record_clear(&record);
	return resend->at[i].endpoint ? 0 : -1;
}

static int load(struct resend *resend, size_t i)
{
	const struct engine_ops *ops = resend->tx->engine->ops;
	int64_t delivery;
	if (expand_endpoint(resend->tx->engine, resend->ids[i], resend->tx->news))
		return -1;
	int found = ops->event_delivery(resend->tx->engine, resend->event->id, resend->ids[i], &delivery);
	if (found > 0)
		found = ops->delivery_get(resend->tx->engine, delivery, &resend->at[i].delivery);
	resend->at[i].has_delivery = found > 0;
	return found < 0 ? -1 : load_endpoint(resend, i);
}

static void refuse(struct resend *resend, size_t i, enum err_code code, const char *why)
{
	char pointer[ERR_POINTER_MAX] = "/endpoints", id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, resend->ids[i], id);
	if (resend->named)
		snprintf(pointer, sizeof pointer, "/endpoints/%zu", i);
	err_field(&resend->change->err, code, pointer, "%s %s%s", id, why,
	          resend->named ? "" : "; name those that the event is to be sent to");
}

static bool may_have_it(const struct resend *resend, const struct endpoint *endpoint)
{
	int64_t bound = resend->change->only_subscriber;
	if (bound && endpoint->meta.subscriber != bound)
		return false;
	return resend->reach == EVENT_REACH_ALL || endpoint->meta.subscriber == resend->event->f.subscriber;
}

/* Whether this one can be sent to; else its refusal is added to the error. -1: the engine failed. */
static int check(struct resend *resend, size_t i)
{
	if (load(resend, i))
		return -1;
	const struct endpoint *endpoint = resend->at[i].endpoint;
	const struct delivery_record *delivery = &resend->at[i].delivery;
	bool has = resend->at[i].has_delivery;
	int64_t head = 0;
	char text[64 + ID_TEXT_SIZE], id[ID_TEXT_SIZE] = "another delivery";
	if (!endpoint) {
		refuse(resend, i, ERR_WRONG_STATE, "was deleted");
	} else if (!has && !may_have_it(resend, endpoint)) {
		refuse(resend, i, ERR_NOT_FOUND, "is no endpoint of this event's subscriber");
	} else if (endpoint->meta.status == ENDPOINT_DISABLED) {
		refuse(resend, i, ERR_ENDPOINT_DISABLED, "is disabled: resume it first");
	} else if (has && delivery->state == DELIVERY_HELD) {
		int found = resend->tx->engine->ops->order_head(resend->tx->engine, resend->ids[i], delivery->order_key, &head);
		if (found < 0)
			return -1;
		if (found > 0)
			id_format(ID_DELIVERY, head, id);
		snprintf(text, sizeof text, "has it in order behind %s, which must end first", id);
		refuse(resend, i, ERR_WRONG_STATE, text);
	}
	return 0;
}

/* ---- Sending ---- */

static int apply(struct resend *resend, size_t i, struct resent *resent)
{
	struct tx *tx = resend->tx;
	struct delivery_record *delivery = &resend->at[i].delivery;
	struct due due;
	*resent = (struct resent){.endpoint = resend->ids[i], .delivery = delivery->due.delivery};
	if (!resend->at[i].has_delivery) {
		int pending = tx->engine->ops->delivery_make(tx->engine, resend->event, resend->at[i].endpoint, &due);
		if (pending > 0) {
			news_due(tx->news, due.endpoint, due.due_ms);
			news_urged(tx->news, &due);
		}
		resent->delivery = due.delivery;
		resent->action = RESEND_MADE;
		return pending < 0 ? -1 : 0;
	}
	bool pending = delivery->state == DELIVERY_PENDING;
	resent->action = pending ? RESEND_HASTENED : RESEND_REOPENED;
	if (pending ? transition_hasten(tx, delivery) : transition_reopen(tx, delivery))
		return -1;
	if (delivery->state == DELIVERY_PENDING)
		news_urged(tx->news, &delivery->due);
	return 0;
}

static int resend_all(struct resend *resend)
{
	struct store_change *change = resend->change;
	if (choose(resend))
		return -1;
	for (size_t i = 0; i < resend->len; i++) {
		if (check(resend, i))
			return -1;
	}
	if (change->err.code != ERR_NONE)
		return -1;
	change->resent = calloc(resend->len + 1, sizeof *change->resent);
	if (!change->resent)
		return change_memory_out(change);
	for (size_t i = 0; i < resend->len; i++) {
		if (apply(resend, i, &change->resent[i]))
			return -1;
	}
	change->resent_len = resend->len;
	change->result_id = change->id;
	return audit_resend(resend->tx, change, resend->event->f.subscriber);
}

int event_resend(struct tx *tx, struct store_change *change)
{
	struct resend *resend = calloc(1, sizeof *resend);
	if (!resend)
		return change_memory_out(change);
	resend->tx = tx;
	resend->change = change;
	resend->named = change->endpoints_len > 0;
	int found = tx->engine->ops->event_get(tx->engine, change->id, &resend->event, &resend->reach);
	int result = -1;
	if (found == 0 || (found > 0 && change->only_subscriber && change->only_subscriber != resend->event->f.subscriber))
		change_not_found(change, "event");
	else if (found > 0 && resend->event->f.expires_at_ms != 0 && resend->event->f.expires_at_ms <= tx->now_ms)
		err_set(&change->err, ERR_EXPIRED, "the event's expires_at has passed");
	else if (found > 0 && erase_refuses(tx, change, change->id) == 0)
		result = resend_all(resend);
	for (size_t i = 0; i < resend->len && i <= RESEND_ENDPOINTS_MAX; i++)
		endpoint_unref(resend->at[i].endpoint);
	event_unref(resend->event);
	free(resend);
	return result;
}
