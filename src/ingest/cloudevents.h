/* A published CloudEvent 1.0: reads its attributes from a JSON object (structured mode, batch) or from headers (binary mode), checks
 * what CloudEvents ask for, and turns it into an envelope (what the hub routes by) and a context (what is passed on). Errors of
 * fields are collected, with the pointer of the member or the name of the header. Owned by one thread; reused from item to item of a batch. */
#ifndef GRAPNEL_INGEST_CLOUDEVENTS_H
#define GRAPNEL_INGEST_CLOUDEVENTS_H

#include "ingest/envelope.h"
#include "ingest/ingest.h"
#include "model/context.h"

enum { CLOUDEVENT_ROUTES = 5, CLOUDEVENT_ATTRIBUTES_MAX = CONTEXT_CORE + CONTEXT_EXTENSIONS_MAX + CLOUDEVENT_ROUTES };

/* An attribute's name and canonical text stand in the CloudEvent's `text`, each with a NUL behind it. */
struct cloudevent_attribute {
	size_t name_at, name_len, text_at, text_len;
	enum json_kind kind; /* STRING, NUMBER, TRUE, FALSE */
	bool bad;            /* its value was refused already */
	bool unset;          /* it was null */
	bool hidden;         /* for the hub alone, or void: it is no part of the context */
};

struct cloudevent {
	bool binary;
	const char *at; /* the pointer of the object: "" or "/3" */
	unsigned depth_max;
	bool no_memory;
	struct cloudevent_attribute attributes[CLOUDEVENT_ATTRIBUTES_MAX];
	unsigned attributes_len;
	struct strbuf text;
	struct slice data_member, base64_member; /* structured mode: the values' bytes; absent: {NULL, 0} */
	struct strbuf payload;                   /* data that were decoded */
	struct strbuf context;
	char pointer[ERR_POINTER_MAX];
	/* what came of it */
	struct slice source, id, traceparent, tracestate, content_type, data;
	size_t content_len; /* so much of the context is what it says; what follows is how it was traced */
};

/* `binary`: it will come from headers. depth_max: of JSON that came as bytes. */
void cloudevent_init(struct cloudevent *ce, bool binary, unsigned depth_max);
void cloudevent_free(struct cloudevent *ce);
/* Reads the object that comes next in `scan`. -1: the grammar is broken, scan tells where. 0: `err` tells whether its members are good.
 * `at` must live as long as the CloudEvent is used. */
int cloudevent_read(struct cloudevent *ce, const char *at, struct json_scan *scan, struct err *err) ATTR_MUST_USE;
/* Reads the headers and the body of a request. */
void cloudevent_take(struct cloudevent *ce, const struct ingest_request *request, struct err *err);
/* Checks what was read, and fills the envelope for envelope_fields(). -1: something is bad. */
int cloudevent_settle(struct cloudevent *ce, struct envelope *envelope, struct err *err) ATTR_MUST_USE;
/* What the envelope does not say: content type, data, context, and the trace context where the CloudEvent has one of its own. Everything
 * lives as long as the text that was read, and until the next one is. */
void cloudevent_fields(const struct cloudevent *ce, struct event_fields *fields);
/* The context without the trace context: a repetition may have another one. */
struct slice cloudevent_content(const struct cloudevent *ce);

#endif
