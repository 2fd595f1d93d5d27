/* Making the deliveries of large fan-outs. */
#include "store/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/private.h"

/* Others' commits wait for a slice: it ends early on a slow machine. Larger payloads than EVENT_BYTES_MAX are not handed to the
 * scheduler with their deliveries, which it reads back as far as there is room. */
enum { SLICE_TIME_US = 5000, EVENT_BYTES_MAX = 16384 };

bool expansion_take(struct expansion *part, int64_t endpoint)
{
	size_t low = 0, high = part->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (part->targets[middle] < endpoint)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == part->len || part->targets[low] != endpoint)
		return false;
	part->len--;
	memmove(&part->targets[low], &part->targets[low + 1], (part->len - low) * sizeof part->targets[0]);
	return true;
}

/* ---- One endpoint ---- */

static int make_now(struct engine *engine, int64_t id, int64_t to, struct news *news)
{
	struct event *event;
	struct due due;
	int found = engine->ops->expansion_event(engine, id, 0, &event);
	if (found <= 0)
		return found;
	/* As it was before whatever is about to happen to it. */
	struct endpoint *endpoint = index_endpoint(engine->env->index, to);
	int pending = endpoint ? engine->ops->delivery_expand(engine, event, endpoint, &due) : 0;
	if (pending > 0)
		news_due(news, to, due.due_ms);
	endpoint_unref(endpoint);
	event_unref(event);
	return pending < 0 ? -1 : 0;
}

int expand_endpoint(struct engine *engine, int64_t endpoint, struct news *news)
{
	const struct engine_ops *ops = engine->ops;
	struct expansion part;
	int64_t event = 0;
	int found = engine->expanding ? ops->expansion_event_after(engine, 0, &event) : 0;
	while (found > 0) {
		found = ops->expansion_at(engine, event, endpoint, &part);
		if (found > 0 && expansion_take(&part, endpoint) &&
		    (ops->expansion_put(engine, &part) || make_now(engine, event, endpoint, news)))
			return -1;
		if (found >= 0)
			found = ops->expansion_event_after(engine, event, &event);
	}
	return found;
}

/* ---- Slices ---- */

struct expand_run {
	struct tx *tx;
	struct event *event; /* a reference, or NULL */
	struct expansion part;
	struct store_deliveries *made;
	size_t rows;
};

/* Its endpoint was disabled by an outcome in the very batch that published the event: what ends the deliveries of such an endpoint may
 * have run already. */
static int end_disabled(struct tx *tx, int64_t id)
{
	struct delivery_record delivery;
	int found = tx->engine->ops->delivery_get(tx->engine, id, &delivery);
	if (found <= 0)
		return found;
	return transition_end(tx, &delivery, DELIVERY_DIE, REASON_ENDPOINT_DISABLED);
}

static int make(struct expand_run *run, const struct endpoint *endpoint)
{
	struct tx *tx = run->tx;
	struct due due;
	int pending = tx->engine->ops->delivery_expand(tx->engine, run->event, endpoint, &due);
	if (pending < 0)
		return -1;
	if (endpoint->meta.status == ENDPOINT_DISABLED)
		return end_disabled(tx, due.delivery);
	if (pending && run->made)
		run->made->due[run->made->len++] = due;
	else if (pending)
		news_due(tx->news, due.endpoint, due.due_ms);
	return 0;
}

static int make_targets(struct expand_run *run)
{
	struct index *index = run->tx->store->config.index;
	for (size_t i = 0; i < run->part.len; i++) {
		struct endpoint *endpoint = index_endpoint(index, run->part.targets[i]);
		/* One that is deleted got its delivery before. */
		int result = endpoint ? make(run, endpoint) : 0;
		endpoint_unref(endpoint);
		if (result)
			return -1;
	}
	run->rows += run->part.len;
	run->part.len = 0;
	return 0;
}

/* Without memory for the list, or with a large payload, the scheduler is only told to look into the outbox. */
static int make_part(struct expand_run *run)
{
	const struct engine_ops *ops = run->tx->engine->ops;
	int found = 1;
	if (!run->event || run->event->id != run->part.event) {
		event_unref(run->event);
		run->event = NULL;
		found = ops->expansion_event(run->tx->engine, run->part.event, EVENT_BYTES_MAX, &run->event);
	}
	if (found > 0 && run->event->f.data.len > 0)
		run->made = malloc(sizeof *run->made + run->part.len * sizeof run->made->due[0]);
	if (run->made)
		*run->made = (struct store_deliveries){.event = event_ref(run->event)};
	int result = found > 0 ? make_targets(run) : found;
	run->part.len = 0;
	if (run->made)
		news_deliveries(run->tx->news, run->made);
	run->made = NULL;
	return result ? -1 : ops->expansion_put(run->tx->engine, &run->part);
}

int expand_slice(struct tx *tx)
{
	const struct clock *clock = tx->store->config.clock;
	struct expand_run run = {.tx = tx};
	int64_t deadline_us = clock_mono_us(clock) + SLICE_TIME_US;
	int found;
	do {
		found = tx->engine->ops->expansion_first(tx->engine, &run.part);
		if (found > 0 && make_part(&run))
			found = -1;
	} while (found > 0 && run.rows + EXPANSION_PART <= EXPAND_ROWS_MAX && clock_mono_us(clock) < deadline_us);
	event_unref(run.event);
	if (found == 0 && run.rows == 0)
		tx->engine->expanding = false;
	return found < 0 ? -1 : run.rows > 0 || found > 0;
}
