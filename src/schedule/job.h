/* A job: one attempt of one delivery on its way from the scheduler to a worker, to the writer, and back. It is one allocation
 * and belongs to whoever holds it:
 *   scheduler → (deliver callback) worker → freed node to the scheduler's inbox when the response is in → outcome to the store
 *   → outcome.cmd.done → settled node to the scheduler's inbox, which frees it. */
#ifndef GRAPNEL_SCHEDULE_JOB_H
#define GRAPNEL_SCHEDULE_JOB_H

#include "base/inbox.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "store/store.h"

struct handshake;
struct scheduler;

enum schedule_message { SCHEDULE_DELIVERIES, SCHEDULE_DUE, SCHEDULE_URGED, SCHEDULE_ENDPOINT, SCHEDULE_FREED, SCHEDULE_SETTLED, SCHEDULE_PAUSE, SCHEDULE_DEFAULTS, SCHEDULE_MESSAGES };

/* A node in the scheduler's inbox. */
struct schedule_node {
	struct inbox_node node;
	enum schedule_message kind;
};

struct job {
	struct outcome outcome; /* .due says which delivery; the worker fills the rest */
	struct inbox_node to_worker;
	struct schedule_node freed;
	struct schedule_node settled;
	struct scheduler *scheduler;
	struct endpoint *endpoint; /* a reference, as it was when the attempt began; NULL: it ends without a request */
	struct event *event;       /* a reference, or NULL: the worker reads it from the store */
	struct handshake *handshake; /* what it is part of instead of a delivery (deliver/handshake.h), or NULL: then only a worker knows of it */
	size_t room_bytes;         /* the worker's: what it needs of the memory budget (deliver/room.h) … */
	bool in_room;              /* … and has got */
	/* the scheduler's thread only, whoever holds the job */
	bool trying;       /* it began in a turn of those that probe (turns.h) */
	bool probe;        /* its lane's breaker waits for what comes of it */
	bool slot;         /* it takes a slot of its lane's window */
	int64_t began_us;  /* monotonic */
	int64_t missed_ms; /* its row was seen in another round or with another due time: look again from there (INT64_MAX: no) */
};

#endif
