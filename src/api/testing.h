/* A test under way: an event that is published to one endpoint for somebody who waits for what becomes of it. No thread waits: the
 * exchange is suspended, and the testing stands in a table by its event, from the commit of the publish (on the writer's thread) until
 * api_tested() (on the scheduler's) or api_break_off(). Private to test.c and drill.c; owned by whoever holds it. */
#ifndef GRAPNEL_API_TESTING_H
#define GRAPNEL_API_TESTING_H

#include "api/call.h"

struct testing {
	struct pool_job job;
	struct testing *next; /* under the table's mutex */
	struct api *api;
	struct http_exchange *exchange;
	char request_id[HTTP_REQUEST_ID_SIZE];
	struct store_publish publish;
	struct publish_item item; /* its event and endpoint are references */
	/* Its attempts are over, or its Idempotency-Key is that of one before (item.duplicate): answers, or sends the next. On the pool. */
	void (*over)(struct testing *testing, const struct worker *worker);
	void (*drop)(struct testing *testing); /* frees it, all but the item's references */
	bool outside;   /* asked for by a subscriber's key */
	struct err err; /* instead of an answer */
};

/* What a request for a test or a drill says. Slices are of the body, or live as long as the call. */
struct test_request {
	struct slice type, data;
	bool drill, drill_given;
};

/* Publishes item.event: `over` is called, or it is answered. Any thread; takes the testing over. */
void testing_send(struct testing *testing);
/* The end: answers with testing->err, if that is set, otherwise with `response`. */
void testing_answer(struct testing *testing, struct http_response *response);

/* drill.c: a drill whose first event this is. NULL and call->err when there is one with its Idempotency-Key. */
struct testing *drill_new(struct call *call, struct event *event);

#endif
