/* A lane: the scheduler's view of one endpoint. It holds the endpoint's due deliveries as a bounded cache over the outbox:
 *
 *   waiting  a heap of deliveries by (due, id): LANE_WAITING_MAX of its own right (LANE_WAITING_LEAST when lanes are very many), more
 *            while all lanes together are few
 *   live     ids that are in flight or whose outcome is not committed; a refill skips them
 *   spill    the earliest due time of pending rows that are only in the outbox (INT64_MAX: none)
 *
 * Invariant: every pending row of the endpoint that the scheduler was told of is waiting, live, or due at the spill or later.
 * When the earliest known due time is the spill, the lane is refilled: waiting is replaced by the first rows by (due, id). So a new
 * delivery that finds the cache full costs one comparison. Pure: no thread, no clock, no store; the owner passes times in. Owned by
 * the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_LANE_H
#define GRAPNEL_SCHEDULE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/idmap.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "schedule/breaker.h"
#include "schedule/job.h"
#include "schedule/pace.h"
#include "schedule/window.h"
#include "store/store.h"

enum { LANE_WAITING_MAX = 256, LANE_WAITING_LEAST = 2 };

/* What all lanes together hold. Payloads: beyond the limit a lane keeps the ids alone. Deliveries: below burst_max of them, and while half
 * of the bytes are free, a lane may hold more than LANE_WAITING_MAX, so that a burst is not read from the outbox again; from waiting_max on,
 * no more than LANE_WAITING_LEAST. */
struct lane_payloads {
	size_t used_bytes;
	size_t max_bytes;
	size_t waiting;
	size_t burst_max;
	size_t waiting_max;
};

struct lane_entry {
	struct heap_node node; /* key: due, tie: delivery id */
	struct due due;
	struct event *event; /* a reference, or NULL: read when due */
};

struct lane_ring {
	struct lane *first, *last;
};

/* Who shares turns: the lanes of a subscriber, or a lane whose endpoint has none. See turns.h. */
struct lane_group {
	int64_t subscriber;   /* 0: one lane's own */
	unsigned lanes;       /* that are in it */
	unsigned in_flight;   /* slots that they have taken */
	struct lane_ring due; /* of those lanes that are due */
	struct group_ring *ring;
	struct lane_group *next, *previous;
};

struct group_ring {
	struct lane_group *first, *last;
};

struct lane {
	/* in memory only; owned by the scheduler's thread */
	int64_t endpoint_id;
	struct endpoint *endpoint; /* the present configuration; a reference */
	struct lane_payloads *payloads;
	struct heap waiting;
	struct idmap live;   /* delivery id → struct job * */
	struct idmap queued; /* delivery id → struct lane_entry * of what is waiting */
	int64_t spill_ms;
	int in_flight; /* slots taken: until the response is in; ordered: until the commit */
	struct window window;
	struct breaker breaker;
	struct pace pace;
	/* the scheduler's: where the lane is kept */
	struct lane_group own, *group; /* its subscriber's, or its own */
	struct heap_node turn;  /* in its heap of lanes, by lane_next_ms() … */
	bool gated;             /* … or in the one of lanes that are due and may not yet begin, by lane_gate_us() … */
	struct lane_ring *ring; /* … or in a ring of lanes that are due (turns.h); NULL: in none */
	struct lane *ring_next, *ring_previous;
};

struct lane *lane_new(struct endpoint *endpoint, struct lane_payloads *payloads); /* takes a reference */
void lane_free(struct lane *lane);
/* Takes a reference. An older version than the present one is ignored (false). Unless it is active the lane forgets what waits and only keeps
 * the spill: rows may be ended in the outbox meanwhile, so it is refilled when it is active again. */
bool lane_configure(struct lane *lane, struct endpoint *endpoint, int64_t now_us);

/* The default of the window may have changed. */
void lane_bound(struct lane *lane);

/* A pending delivery became known. Ignored when it is live in this state or waiting already (a waiting one moves to the earlier due time).
 * Takes a reference to `event` (may be NULL) if it is cached and the payloads' limit allows; true when it was cached. */
bool lane_add(struct lane *lane, const struct due *due, struct event *event);
/* Rows became due in the outbox from due_ms on. */
void lane_spill(struct lane *lane, int64_t due_ms);
/* The outbox could not be read: not again before until_ms. */
void lane_delay_refill(struct lane *lane, int64_t until_ms);
/* Nothing can be sent now, for a reason of our own: it forgets what waits, and looks again at until_ms. */
void lane_rest(struct lane *lane, int64_t until_ms);
/* What waits under this id is ended elsewhere. */
void lane_forget(struct lane *lane, int64_t delivery);
/* Whether it must be refilled before lane_take() at this time: the spill is due, a slot is free and nothing waiting is due before it. */
bool lane_wants_refill(const struct lane *lane, int64_t now_ms);
/* How many rows a refill must read (what the lane may hold, and the live ones); and its result, by (due, id): replaces waiting. `complete`: the
 * outbox has no more. */
size_t lane_refill_size(const struct lane *lane);
void lane_refill(struct lane *lane, const struct due *rows, size_t len, bool complete);
/* The next delivery to send at this time, out of waiting; the caller owns it (lane_entry_free). NULL when nothing is due, the
 * endpoint is not active, or the window is full. A probe is what was tried least: it tells more of the endpoint, and no delivery
 * uses up its attempts alone. */
struct lane_entry *lane_take(struct lane *lane, int64_t now_ms);
void lane_entry_free(struct lane_entry *entry);
/* A job's delivery is live, until lane_settled(). If it has a slot, that is taken until lane_freed(), at the latest until it is settled,
 * and the attempt counts for pace and breaker. */
void lane_started(struct lane *lane, struct job *job, int64_t now_us);
void lane_freed(struct lane *lane, struct job *job);
void lane_settled(struct lane *lane, struct job *job);

/* What an attempt came to, for window and breaker: of a job that was settled. `random` in [0, 1). True when the breaker is in another
 * state now. */
enum lane_result { LANE_TOLD_NOTHING, LANE_SUCCEEDED, LANE_FAILED, LANE_OVERLOADED /* failed, because it is too much */ };
bool lane_learn(struct lane *lane, const struct job *job, enum lane_result result, int64_t now_us, double random);
/* Its breaker is not closed: it has one attempt in flight at a time, and turns of its own kind. */
static inline bool lane_probes(const struct lane *lane)
{
	return lane->breaker.state != BREAKER_CLOSED;
}

/* When this lane has work next (wall ms), INT64_MAX: not before something happens. */
int64_t lane_next_ms(const struct lane *lane);
/* Before this monotonic time breaker and pace let nothing begin. */
int64_t lane_gate_us(const struct lane *lane);
/* Nothing waiting, live or spilled, and nothing to remember: it may be dropped. */
bool lane_idle(const struct lane *lane, int64_t now_us);

#endif
