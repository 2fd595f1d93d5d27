/* What came in through a source, verified: one event with its exact bytes, posted to the store as a publish is. */
#ifndef GRAPNEL_INGEST_RECEIVED_H
#define GRAPNEL_INGEST_RECEIVED_H

#include "ingest/ingest.h"

struct received {
	int64_t source, subscriber;
	int64_t request;           /* its number (base/id.h) */
	struct slice type, subject;
	struct slice dedupe;       /* in the source's name space; empty: it is never a repetition */
	struct slice content_type; /* absent: {NULL, 0} */
	struct slice attributes;   /* a JSON object, or absent */
	struct slice traceparent, tracestate;
	struct slice data;
	/* INGEST_CLOUDEVENT or INGEST_CLOUDEVENT_BINARY: `data` is the body of a CloudEvent in that mode, whose context is kept; else INGEST_JSON. */
	enum ingest_form form;
	const struct ingest_header *headers; /* binary mode: those that begin with ce- */
	size_t headers_len;
};

/* As ingest_publish(): done() is called once, on the writer's thread; then ingest_free(). A repetition is whatever has the same key, with
 * whatever bytes: providers send the same event with other details of its sending. A CloudEvent that is none is refused with INVALID or UNPARSABLE. */
int ingest_received(const struct ingest_config *config, const struct received *received, void (*done)(struct ingest *), void *context,
                    struct err *err) ATTR_MUST_USE;
/* Whether ingest_received() would refuse it; nothing is posted. */
int ingest_received_check(const struct ingest_config *config, const struct received *received, struct err *err) ATTR_MUST_USE;

#endif
