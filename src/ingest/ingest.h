/* Publishing: turns a request's bytes into events (validated, sliced, matched) and posts them to the store; the fate comes back
 * through a callback. Nothing is stored before the whole request has been parsed. Thread-safe: no state but what is passed in. */
#ifndef GRAPNEL_INGEST_INGEST_H
#define GRAPNEL_INGEST_INGEST_H

#include "base/attr.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "match/index.h"
#include "store/store.h"

struct ingest_config {
	struct store *store;
	struct index *index;
	struct budget *budget;
	const struct clock *clock;
	/* may change at any time */
	_Atomic(size_t) item_bytes_max;    /* one event: 1 MiB */
	_Atomic(unsigned) batch_items_max; /* 1,000 */
	_Atomic(unsigned) depth_max;       /* JSON nesting: 512 */
};

enum ingest_form {
	INGEST_JSON, /* an object, or an array: a batch */
	INGEST_NDJSON,
	INGEST_CLOUDEVENT,        /* structured mode: an object in the JSON event format */
	INGEST_CLOUDEVENT_BATCH,  /* an array of them */
	INGEST_CLOUDEVENT_BINARY, /* its attributes are headers, the body is its data */
};

struct ingest_header {
	struct slice name, value;
};

struct ingest_request {
	enum ingest_form form;
	struct slice body;
	struct slice content_type;            /* binary mode: Content-Type; absent: {NULL, 0} */
	const struct ingest_header *headers; /* binary mode: those that begin with ce-, as they came */
	size_t headers_len;
	struct slice idempotency_key, traceparent, tracestate; /* headers; absent: {NULL, 0} */
	int64_t request; /* its number (base/id.h) */
	int64_t only_subscriber; /* a bound key: implied where absent, NOT_FOUND where it is another. 0: not bound */
};

/* A publish on its way. done() is called once, on the writer's thread (for an empty batch: before ingest_publish() returns);
 * ingest_answer() and ingest_free() afterwards, on any. */
struct ingest {
	struct store_publish publish;
	bool batch;
	bool bound; /* by a key that sees one subscriber only */
	void (*done)(struct ingest *ingest);
	void *context; /* the caller's */
};

/* Parses, matches, posts. -1 and err when the request is refused (then nothing was posted and done() is not called). The body may
 * go away after it returns. */
int ingest_publish(const struct ingest_config *config, const struct ingest_request *request,
                   void (*done)(struct ingest *), void *context, struct err *err) ATTR_MUST_USE;
/* The answer's JSON into `out`: 202 (accepted), 200 (one event, a duplicate), or -1 with err (KEY_REUSED, STORAGE, …) for one
 * event; batches answer 202 with a fate per item: {"data": [{id, uid, deliveries, duplicate} | {uid, error: {code, detail}}]}. */
int ingest_answer(const struct ingest *ingest, struct strbuf *out, struct err *err) ATTR_MUST_USE;
void ingest_free(struct ingest *ingest);

#endif
