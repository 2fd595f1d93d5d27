/* Room for payloads: what a worker reads back from the store, or makes of an event for an endpoint's format, has to fit into the hub's
 * memory budget beside what comes in. Jobs that do not fit wait here in the order they came; small ones apart from large ones, and small
 * ones may fill more of the budget, so that a backlog of large payloads does not stand before them. One of each class is always let in,
 * so there is progress whatever else holds memory. Owned by the worker's thread. */
#ifndef GRAPNEL_DELIVER_ROOM_H
#define GRAPNEL_DELIVER_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "schedule/job.h"

enum { ROOM_SMALL_BYTES = 16 * 1024 /* of one job */, ROOM_LOOK_MS = 20 };
enum room_class { ROOM_SMALL, ROOM_LARGE, ROOM_CLASSES };

struct room {
	struct budget *budget; /* NULL: no limit */
	unsigned inside[ROOM_CLASSES];
	struct room_queue {
		struct inbox_node *first, *last; /* jobs, by to_worker */
	} waiting[ROOM_CLASSES];
};

/* Whether so many bytes may be taken by a job now, with none waiting before it. */
bool room_has(const struct room *room, size_t bytes);
/* The job with its room_bytes (0: it needs none) goes in, which is not refused; and leaves, if it is in. */
void room_enter(struct room *room, struct job *job);
void room_leave(struct room *room, struct job *job);

/* The job waits for its room_bytes. */
void room_park(struct room *room, struct job *job);
/* Takes out the first waiting job that may go in, with `all` any that waits; NULL: none. */
struct job *room_next(struct room *room, bool all);
/* As long as somebody waits it is worth a look every ROOM_LOOK_MS: others give memory back, too. */
bool room_awaited(const struct room *room);

#endif
