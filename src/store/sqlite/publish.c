/* Publishing: an event's row and one for each delivery. Everything is decided before the first row is written, so that only a
 * failing connection can end an item half-way. */
#include <stdlib.h>
#include <string.h>

#include "store/dedupe.h"
#include "store/expand.h"
#include "store/plan.h"
#include "store/sqlite/dedupe_runs.h"
#include "store/sqlite/sqlite.h"

static enum event_reach reach_of(const struct publish_item *item)
{
	if (item->only)
		return EVENT_REACH_ONE;
	return item->audience == AUDIENCE_EVERYONE ? EVENT_REACH_ALL : EVENT_REACH_OWN;
}

static int insert_event(struct sqlite *s, const struct publish_item *item, size_t deliveries)
{
	const struct event *event = item->event;
	const struct event_fields *f = &event->f;
	struct run run = db_run(&s->db, QUERY_EVENT_INSERT);
	run_int(&run, 1, event->id);
	run_int(&run, 2, f->subscriber);
	run_int(&run, 3, f->source);
	run_int(&run, 4, f->time_ms);
	run_int(&run, 5, f->deliver_at_ms);
	run_int(&run, 6, f->expires_at_ms);
	run_int(&run, 7, (int64_t)deliveries);
	run_text(&run, 8, f->type);
	run_text(&run, 9, f->uid);
	run_text(&run, 10, f->subject);
	run_text(&run, 11, f->ordering_key);
	run_text(&run, 12, f->traceparent);
	run_text(&run, 13, f->tracestate);
	run_text(&run, 14, f->content_type);
	run_text(&run, 15, f->attributes);
	run_blob(&run, 16, f->data.at ? f->data.at : "", f->data.len);
	enum event_reach reach = reach_of(item);
	if (reach == EVENT_REACH_OWN)
		run_text(&run, 17, (struct slice){NULL, 0});
	else
		run_int(&run, 17, reach);
	run_text(&run, 18, f->context);
	run_int_or_null(&run, 19, f->request);
	return sqlite_done(s, &run);
}

/* 1: an earlier one of the key is not finished, so that this one must wait behind it. */
static int behind(struct sqlite *s, int64_t endpoint, struct slice key)
{
	int64_t earlier;
	if (!idmap_get(&s->ordered, (uint64_t)endpoint)) {
		idmap_put(&s->ordered, (uint64_t)endpoint, s);
		return 0;
	}
	struct run run = db_run(&s->db, QUERY_ORDER_ANY);
	run_int(&run, 1, endpoint);
	run_text(&run, 2, key);
	return sqlite_value(s, &run, &earlier);
}

static struct due due_of(struct sqlite *s, const struct event *event, const struct endpoint *endpoint, int32_t round)
{
	int64_t now_ms = s->base.now_ms;
	return (struct due){
	    .delivery = id_next(s->base.env->ids, now_ms),
	    .event = event->id,
	    .endpoint = endpoint->meta.id,
	    .due_ms = event->f.deliver_at_ms > now_ms ? event->f.deliver_at_ms : now_ms,
	    .expires_ms = event->f.expires_at_ms,
	    .round = round,
	};
}

/* 1: it is pending, 0: held, -1. */
static int insert_delivery(struct sqlite *s, const struct event *event, const struct endpoint *endpoint, int32_t round,
                           struct due *due)
{
	struct slice key = delivery_round_tests(round) ? (struct slice){NULL, 0} : plan_order_key(endpoint, event);
	int held = key.at ? behind(s, endpoint->meta.id, key) : 0;
	if (held < 0)
		return -1;
	*due = due_of(s, event, endpoint, round);
	struct run run = db_run(&s->db, QUERY_DELIVERY_INSERT);
	run_int(&run, 1, due->delivery);
	run_int(&run, 2, due->event);
	run_int(&run, 3, due->endpoint);
	run_int(&run, 4, endpoint->meta.subscriber);
	run_int(&run, 5, held ? DELIVERY_HELD : DELIVERY_PENDING);
	run_int(&run, 6, due->due_ms);
	run_int_or_null(&run, 7, due->expires_ms);
	run_text(&run, 8, key);
	run_int(&run, 9, due->round);
	if (sqlite_done(s, &run))
		return -1;
	census_moved(s->base.env->census, due->delivery, CENSUS_NONE, held ? DELIVERY_HELD : DELIVERY_PENDING, REASON_NONE);
	return !held;
}

int sqlite_delivery_make(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REPAIR_COUNT);
	run_int(&run, 1, event->id);
	return sqlite_done(s, &run) ? -1 : insert_delivery(s, event, endpoint, DELIVERY_ROUND_FIRST, due);
}

int sqlite_delivery_expand(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due)
{
	return insert_delivery(sqlite_of(engine), event, endpoint, DELIVERY_ROUND_FIRST, due);
}

/* In order it comes after what the endpoint is still to get. */
static int insert_next(struct sqlite *s, const struct publish_item *item, const struct endpoint *endpoint, struct news *news, struct due *due)
{
	if (endpoint->ordered && expand_endpoint(&s->base, endpoint->meta.id, news))
		return -1;
	return insert_delivery(s, item->event, endpoint, item->test ? item->test_round : DELIVERY_ROUND_FIRST, due);
}

/* Deliveries that are inserted by one statement; all of them are pending. */
enum { SOME = 4, MANY = 16 };

static int insert_several(struct sqlite *s, const struct event *event, struct endpoint *const *endpoints, size_t len, struct due *due)
{
	struct run run = db_run(&s->db, len == MANY ? QUERY_DELIVERIES_INSERT_16 : QUERY_DELIVERIES_INSERT_4);
	for (size_t i = 0; i < len; i++) {
		due[i] = due_of(s, event, endpoints[i], DELIVERY_ROUND_FIRST);
		int at = 5 + 3 * (int)i;
		run_int(&run, at, due[i].delivery);
		run_int(&run, at + 1, due[i].endpoint);
		run_int(&run, at + 2, endpoints[i]->meta.subscriber);
	}
	run_int(&run, 1, due[0].event);
	run_int(&run, 2, due[0].due_ms);
	run_int_or_null(&run, 3, due[0].expires_ms);
	run_int(&run, 4, due[0].round);
	if (sqlite_done(s, &run))
		return -1;
	for (size_t i = 0; i < len; i++)
		census_moved(s->base.env->census, due[i].delivery, CENSUS_NONE, DELIVERY_PENDING, REASON_NONE);
	return 0;
}

/* How many of the next ones a statement can insert: SOME or MANY that are not ordered, or one. */
static size_t together(const struct publish_item *item, const struct plan *plan, size_t from)
{
	size_t len = 0, left = plan->len - from, most = left >= MANY ? MANY : left >= SOME ? SOME : 0;
	while (len < most && !plan->at[from + len]->ordered)
		len++;
	return item->test || len < SOME ? 1 : len < MANY ? SOME : MANY;
}

static void tell(struct news *news, struct store_deliveries *made, const struct due *due, size_t len)
{
	if (made)
		memcpy(made->due + made->len, due, len * sizeof *due);
	for (size_t i = 0; !made && i < len; i++)
		news_due(news, due[i].endpoint, due[i].due_ms);
	if (made)
		made->len += len;
}

static int insert_all(struct sqlite *s, const struct publish_item *item, const struct plan *plan, struct news *news,
                      struct store_deliveries *made)
{
	struct due due[MANY];
	for (size_t i = 0, len; i < plan->len; i += len) {
		len = together(item, plan, i);
		int pending = len > 1 ? 1 : insert_next(s, item, plan->at[i], news, due);
		if (pending < 0 || (len > 1 && insert_several(s, item->event, plan->at + i, len, due)))
			return -1;
		if (pending)
			tell(news, made, due, len);
	}
	return 0;
}

static int insert_deliveries(struct sqlite *s, const struct publish_item *item, const struct plan *plan, struct news *news)
{
	struct event *event = item->event;
	if (plan->len == 0)
		return 0;
	/* Without memory for it the scheduler is only told to look into the outbox. */
	struct store_deliveries *made = malloc(sizeof *made + plan->len * sizeof made->due[0]);
	if (made)
		*made = (struct store_deliveries){.event = event_ref(event)};
	if (insert_all(s, item, plan, news, made)) {
		if (made)
			event_unref(event);
		free(made);
		return -1;
	}
	if (made)
		news_deliveries(news, made);
	return 0;
}

static int fan_out(struct sqlite *s, const struct publish_item *item, const struct plan *plan, struct news *news)
{
	if (expand_later(s->base.rows, plan->len)) {
		s->base.rows += 1 + plan->len / EXPANSION_PART;
		return sqlite_expansion_begin(s, item->event->id, plan->at, plan->len);
	}
	s->base.rows += 1 + plan->len;
	return insert_deliveries(s, item, plan, news);
}

static int publish_new(struct sqlite *s, struct publish_item *item, const bool known[2], uint64_t version, struct news *news)
{
	struct plan plan;
	int result = 0;
	item->fate = plan_make(s->base.env, item, version, &plan);
	if (item->fate == ERR_NONE) {
		item->event_id = item->event->id = id_next(s->base.env->ids, s->base.now_ms);
		item->deliveries = (uint32_t)plan.len;
		if (insert_event(s, item, plan.len) || fan_out(s, item, &plan, news) || sqlite_dedupe_put(s, item, known))
			result = -1;
		news_event(news, item->event_id);
	}
	plan_clear(&plan);
	return result;
}

static int publish_one(struct sqlite *s, struct publish_item *item, uint64_t version, struct news *news)
{
	bool known[2] = {false, false};
	item->fate = ERR_NONE;
	item->duplicate = false;
	item->event_id = 0;
	item->deliveries = item->everyone = 0;
	switch (item->keys_len > 0 ? sqlite_dedupe_check(s, item, known) : DEDUPE_FRESH) {
	case DEDUPE_FRESH:
		return publish_new(s, item, known, version, news);
	case DEDUPE_REPEATED:
		item->duplicate = true;
		return sqlite_dedupe_put(s, item, known);
	case DEDUPE_REUSED:
		item->fate = ERR_KEY_REUSED;
		return 0;
	default:
		return -1;
	}
}

int sqlite_publish(struct engine *engine, struct publish_item **items, size_t len, struct news *news)
{
	struct sqlite *s = sqlite_of(engine);
	/* Only this thread changes the index, and only after a commit. */
	uint64_t version = index_version(engine->env->index);
	for (size_t i = 0; i < len; i++) {
		if (publish_one(s, items[i], version, news))
			return -1;
	}
	return dedupe_write(s);
}
