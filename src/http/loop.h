/* The parts of an event loop: what an epoll set watches, and queues of deadlines. Owned by one thread. */
#ifndef GRAPNEL_HTTP_LOOP_H
#define GRAPNEL_HTTP_LOOP_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Embedded in whatever is watched. `ready` may free nothing but its own source: events of others may be in the same batch. NULL:
 * it only wakes the loop. */
struct loop_source {
	void (*ready)(struct loop_source *source);
};

/* `events` are epoll's. The descriptor must be unwatched before it is closed when a duplicate of it lives on. */
int loop_watch(int epoll_fd, int fd, uint32_t events, struct loop_source *source, struct err *err) ATTR_MUST_USE;
void loop_unwatch(int epoll_fd, int fd);
/* Waits at most timeout_ms (-1: no limit) and calls what is ready; how many there were. */
int loop_wait(int epoll_fd, int64_t timeout_ms);
/* The sooner of a timeout (-1: no limit) and another one (which may have passed); how long until a moment. */
int64_t loop_sooner(int64_t timeout_ms, int64_t other_ms);
int64_t loop_until(int64_t at_us, int64_t now_us);

/* A queue of things that all wait equally long, hence are in the order of their deadlines. {0} is empty. */
struct loop_deadline {
	struct loop_deadline *prev, *next;
	int64_t at_us; /* 0: in no queue */
};

struct loop_queue {
	struct loop_deadline *first, *last;
};

void loop_queue_add(struct loop_queue *queue, struct loop_deadline *deadline, int64_t at_us);
void loop_queue_remove(struct loop_queue *queue, struct loop_deadline *deadline); /* nothing when it is in no queue */
/* Takes the first one out when its time has come; else NULL. */
struct loop_deadline *loop_queue_expired(struct loop_queue *queue, int64_t now_us);

#endif
