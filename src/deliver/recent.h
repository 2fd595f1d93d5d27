/* Events that a worker read back a moment ago. A backlog of events that go to many endpoints would else be read once for each delivery. Only
 * small ones, and few, while memory is not short; none when there is nothing to send. Owned by the worker's thread. */
#ifndef GRAPNEL_DELIVER_RECENT_H
#define GRAPNEL_DELIVER_RECENT_H

#include "deliver/lru.h"
#include "model/event.h"

enum { RECENT_MAX = 512, RECENT_BYTES_MAX = 2 * 1024 * 1024, RECENT_EVENT_BYTES_MAX = 16 * 1024 };

struct recent {
	struct lru lru;
	size_t bytes;
};

/* A reference for the caller; NULL: it is not known. */
struct event *recent_get(struct recent *recent, int64_t id);
/* Keeps a reference, and makes room by forgetting what was used longest ago; or does nothing, when the event is large or half of the
 * budget (NULL: there is none) is in use. The event must not be known yet. */
void recent_put(struct recent *recent, struct event *event, struct budget *budget);
void recent_clear(struct recent *recent);

#endif
