/* Requests that wait for the next event (GET /v1/events?wait_ms=…). A waiter is a request whose connection is suspended; a thread of its own
 * hands it back to the pool to look again when an event was committed, when its time is over, or when the hub stops. Bounded: so many waiters
 * at most (the others do not wait), and each looks at most every 50 ms, however much is published. Private to api/. */
#ifndef GRAPNEL_API_WAIT_H
#define GRAPNEL_API_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/server.h"

enum { WAIT_MAX_MS = 30000, WAITERS_MAX = 256 };

struct api;

/* A request that waits or waited; request->app_state is its place until it is answered. */
struct waiter {
	struct pool_job job;
	struct api *api;
	struct http_exchange *exchange;
	const struct http_request *request;
	int64_t deadline_us;
	int64_t after; /* events up to this one were looked at, without any that fits */
	int64_t since_ms;
	bool last; /* this look is the last one */
	/* the waiting thread's, under its mutex */
	struct waiter *next;
	int64_t seen;       /* the newest event when it looked last */
	int64_t look_at_us; /* not before */
};

struct waiters;
/* `post` hands a waiter to the pool: -1 when that is full (it is tried again). */
struct waiters *waiters_start(const struct clock *clock, int (*post)(void *context, struct waiter *waiter), void *context,
                              struct err *err) ATTR_MUST_USE;
/* The newest event that is known to be committed; to be asked before looking. 0: none since the start. Any thread. */
int64_t waiters_newest(struct waiters *waiters);
/* An event was committed. Any thread; quick. */
void waiters_event(struct waiters *waiters, int64_t id);
/* Lets it wait; `seen` is what waiters_newest() said before the look that found nothing. False: there are too many, or the hub stops: it must
 * be answered now. When true, it is not the caller's any more. */
bool waiters_add(struct waiters *waiters, struct waiter *waiter, int64_t seen) ATTR_MUST_USE;
/* How many wait now. Any thread. */
unsigned waiters_len(struct waiters *waiters);
/* Hands all to the pool for their last look, lets none wait from now on, and ends the thread; may be called twice. */
void waiters_end(struct waiters *waiters);
/* After waiters_end() and the pool's end. NULL is allowed. */
void waiters_free(struct waiters *waiters);

#endif
