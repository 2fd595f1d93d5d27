/* From a verified request to a command for the store. */
#include "ingest/received.h"

#include <stdlib.h>

#include "base/mem.h"
#include "ingest/cloudevents.h"
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

/* The hub's own attributes would let whoever sends choose among subscribers and endpoints, which is the source's to say. */
static int check_routes(struct envelope *envelope, struct err *err)
{
	static const enum envelope_field routes[CLOUDEVENT_ROUTES] = {FIELD_SUBSCRIBER, FIELD_ENDPOINT, FIELD_ORDERING_KEY, FIELD_DELIVER_AT,
	                                                              FIELD_EXPIRES_AT};
	for (size_t i = 0; i < CLOUDEVENT_ROUTES; i++)
		if (envelope->text[routes[i]].at)
			return err_field(err, ERR_INVALID, envelope_pointer(envelope, routes[i]),
			                 "is not taken through a source: attributes that begin with \"grapnel\" are for those who publish");
	return 0;
}

static int read_cloudevent(const struct ingest_config *config, const struct received *received, struct cloudevent *ce, struct err *err)
{
	struct ingest_request request = {
	    .form = received->form,
	    .body = received->data,
	    .content_type = received->content_type,
	    .headers = received->headers,
	    .headers_len = received->headers_len,
	};
	struct json_scan scan;
	if (received->form == INGEST_CLOUDEVENT_BINARY) {
		cloudevent_take(ce, &request, err);
		return 0;
	}
	json_scan_init(&scan, received->data, config->depth_max < JSON_DEPTH_MAX ? config->depth_max + 1 : JSON_DEPTH_MAX);
	if (cloudevent_read(ce, "", &scan, err) == 0 && json_end(&scan) == 0)
		return 0;
	return err_set(err, ERR_UNPARSABLE, "The JSON is broken at byte offset %zu: %s", (size_t)(scan.at - received->data.at),
	               scan.why ? scan.why : "more follows after the value");
}

/* The type stays the one that the source gives it; the CloudEvent's own is part of the context. The fields live as long as `ce`. */
static int take_cloudevent(const struct ingest_config *config, const struct received *received, struct cloudevent *ce, struct event_fields *f,
                           struct err *err)
{
	struct envelope envelope;
	if (read_cloudevent(config, received, ce, err) < 0)
		return -1;
	envelope_init(&envelope);
	int bad = cloudevent_settle(ce, &envelope, err);
	if (!bad)
		bad = check_routes(&envelope, err);
	envelope_free(&envelope);
	if (bad && ce->no_memory)
		return err_set(err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	if (bad || err->code != ERR_NONE)
		return -1;
	cloudevent_fields(ce, f);
	return 0;
}

/* The item's `content` stays zero: every repetition of a key is the same. */
static int fill(const struct ingest_config *config, const struct received *received, struct cloudevent *ce, struct publish_item *item,
                struct err *err)
{
	struct event_fields f = {
	    .source = received->source,
	    .request = received->request,
	    .subscriber = received->subscriber,
	    .time_ms = clock_wall_ms(config->clock),
	    .type = received->type,
	    .subject = received->subject,
	    .attributes = received->attributes,
	    .content_type = received->content_type,
	    .data = received->data,
	};
	take_trace(received, &f);
	if (ce && take_cloudevent(config, received, ce, &f, err) < 0)
		return -1;
	item->audience = received->subscriber ? AUDIENCE_SUBSCRIBER : AUDIENCE_UNOWNED;
	item->event = event_new(&f, config->budget);
	if (!item->event)
		return -1;
	if (received->dedupe.len > 0)
		item->keys[item->keys_len++] = dedupe_key_of(received->source, 0, DEDUPE_SOURCE, received->dedupe, 0);
	return index_match(config->index, f.type, item->audience, f.subscriber, &item->targets);
}

static struct cloudevent *cloudevent_of(const struct ingest_config *config, const struct received *received)
{
	if (received->form == INGEST_JSON)
		return NULL;
	struct cloudevent *ce = mem_new(struct cloudevent);
	cloudevent_init(ce, received->form == INGEST_CLOUDEVENT_BINARY, config->depth_max);
	return ce;
}

static void cloudevent_end(struct cloudevent *ce)
{
	if (ce)
		cloudevent_free(ce);
	free(ce);
}

int ingest_received_check(const struct ingest_config *config, const struct received *received, struct err *err)
{
	struct event_fields f = {.type = received->type};
	struct cloudevent *ce = cloudevent_of(config, received);
	int result = ce ? take_cloudevent(config, received, ce, &f, err) : 0;
	cloudevent_end(ce);
	return result;
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
	struct cloudevent *ce = cloudevent_of(config, received);
	int filled = fill(config, received, ce, &ingest->publish.items[0], err);
	cloudevent_end(ce);
	if (filled < 0) {
		ingest_free(ingest);
		return err->code != ERR_NONE ? -1 : err_set(err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	}
	store_post(config->store, &ingest->publish.cmd);
	return 0;
}
