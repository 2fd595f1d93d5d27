/* From a verified request to a command for the store. */
#include "ingest/received.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/dedupe.h"

enum { TRACESTATE_MAX = 512 };

static void committed(struct store_cmd *cmd)
{
	struct ingest *ingest = CONTAINER_OF(cmd, struct ingest, publish.cmd);
	ingest->done(ingest);
}

static void take_trace(const struct received *received, struct event_fields *f)
{
	if (!received->traceparent.at || event_traceparent_check(received->traceparent) < 0)
		return;
	f->traceparent = received->traceparent;
	if (received->tracestate.len > 0 && received->tracestate.len <= TRACESTATE_MAX)
		f->tracestate = received->tracestate;
}

/* The item's `content` stays zero: every repetition of a key is the same. */
static int fill(const struct ingest_config *config, const struct received *received, struct publish_item *item)
{
	struct event_fields f = {
	    .source = received->source,
	    .subscriber = received->subscriber,
	    .time_ms = clock_wall_ms(config->clock),
	    .type = received->type,
	    .subject = received->subject,
	    .attributes = received->attributes,
	    .content_type = received->content_type,
	    .data = received->data,
	};
	take_trace(received, &f);
	item->audience = received->subscriber ? AUDIENCE_SUBSCRIBER : AUDIENCE_UNOWNED;
	item->event = event_new(&f, config->budget);
	if (!item->event)
		return -1;
	if (received->dedupe.len > 0)
		item->keys[item->keys_len++] = dedupe_key_of(received->source, 0, DEDUPE_SOURCE, received->dedupe, 0);
	return index_match(config->index, f.type, item->audience, f.subscriber, &item->targets);
}

int ingest_received(const struct ingest_config *config, const struct received *received, void (*done)(struct ingest *), void *context,
                    struct err *err)
{
	struct ingest *ingest = mem_new(struct ingest);
	ingest->publish.cmd.kind = STORE_PUBLISH;
	ingest->publish.cmd.done = committed;
	ingest->done = done;
	ingest->context = context;
	ingest->publish.items = mem_new(struct publish_item);
	ingest->publish.items_len = 1;
	if (fill(config, received, &ingest->publish.items[0]) < 0) {
		ingest_free(ingest);
		return err_set(err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	}
	store_post(config->store, &ingest->publish.cmd);
	return 0;
}
