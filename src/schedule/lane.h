/* A lane: the scheduler's view of one endpoint. It holds the endpoint's due deliveries as a bounded cache over the outbox:
 *
 *   waiting  a heap of deliveries by (due, id), at most LANE_WAITING_MAX
 *   live     ids that are in flight or whose outcome is not committed; a refill skips them
 *   spill    the earliest due time of pending rows that are only in the outbox (INT64_MAX: none)
 *
 * When the earliest known due time is the spill, the lane is refilled: waiting is replaced by the first rows by (due, id). So a new
 * delivery that finds the cache full costs one comparison. Pure: no thread, no clock, no store; the owner passes times in. Owned by
 * the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_LANE_H
#define GRAPNEL_SCHEDULE_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/idmap.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "store/store.h"

enum { LANE_WAITING_MAX = 256 };

struct lane_entry {
	struct heap_node node; /* key: due, tie: delivery id */
	struct due due;
	struct event *event; /* a reference, or NULL: read when due */
};

struct lane {
	/* in memory only; owned by the scheduler's thread */
	int64_t endpoint_id;
	struct endpoint *endpoint; /* the present configuration; a reference */
	struct heap_node turn;     /* in the scheduler's heap of lanes, by lane_next_ms() */
	struct heap waiting;
	struct idmap live;         /* delivery id → struct job * */
	struct idmap queued;       /* delivery id → struct lane_entry * of what is waiting */
	int64_t spill_ms;
	int in_flight;             /* slots taken: until the response is in; ordered: until the commit */
};

struct lane *lane_new(struct endpoint *endpoint); /* takes a reference */
void lane_free(struct lane *lane);
void lane_configure(struct lane *lane, struct endpoint *endpoint); /* takes a reference */

/* A pending delivery became known. Ignored when it is live or waiting already (a waiting one moves to the earlier due time). Takes no reference to
 * `event` when it is left in the outbox; true when it was cached. */
bool lane_add(struct lane *lane, const struct due *due, struct event *event);
/* Rows became due in the outbox from due_ms on. */
void lane_spill(struct lane *lane, int64_t due_ms);
/* Whether it must be refilled before lane_take() at this time: the spill is due, a slot is free and nothing waiting is due before it. */
bool lane_wants_refill(const struct lane *lane, int64_t now_ms);
/* How many rows a refill must read (LANE_WAITING_MAX and the live ones); and its result: replaces waiting. */
int lane_refill_size(const struct lane *lane);
void lane_refill(struct lane *lane, const struct due *rows, int len, bool complete);
/* The next delivery to send at this time, out of waiting; the caller owns it (lane_entry_free). NULL when nothing is due, the
 * endpoint is not active, or the window is full. */
struct lane_entry *lane_take(struct lane *lane, int64_t now_ms);
void lane_entry_free(struct lane_entry *entry);
/* A taken delivery is live, until lane_settled(). A slot is taken with it, until lane_freed(). */
void lane_started(struct lane *lane, int64_t delivery, void *job);
void lane_freed(struct lane *lane);
void lane_settled(struct lane *lane, int64_t delivery);

/* When this lane has work next (wall ms), INT64_MAX: not before something happens. */
int64_t lane_next_ms(const struct lane *lane);
/* Nothing waiting, live or spilled: it may be forgotten. */
bool lane_idle(const struct lane *lane);

#endif
