/* Turns: which of the lanes that are due is next. Lanes take turns, one delivery each. Lanes whose endpoint fails stand in a ring of their
 * own: they get one turn in TURNS_FAILING_EVERY, so many attempts per second all together, and a part of what may be live. So endpoints
 * that are down, however many and however much waits for them, cost the others little; the first success puts a lane back. Pure: no
 * thread, no clock. Owned by the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_TURNS_H
#define GRAPNEL_SCHEDULE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/lane.h"

enum {
	TURNS_FAILING_EVERY = 16,
	TURNS_BURST_S = 5,   /* unused turns of failing lanes add up to those of so many seconds */
	TURNS_LOOK_MS = 50,  /* not more often for the next one: what begins together is committed together */
};

struct turns {
	struct lane_ring well, failing;
	unsigned given;
	int64_t per_s;      /* attempts of failing lanes */
	int64_t credit;     /* so many of them may begin, in thousandths */
	int64_t credit_ms;  /* as of this time */
	unsigned trying;    /* are live */
	unsigned trying_max;
};

void turns_init(struct turns *turns, int64_t per_s, unsigned trying_max, int64_t now_ms);
/* A lane that is due and in no ring goes to the end of its ring; out of whichever it is in. */
void turns_push(struct turns *turns, struct lane *lane);
void turns_remove(struct lane *lane);
/* A lane that is in a ring, after a change: to the end of the other one when it belongs there. */
void turns_settle(struct turns *turns, struct lane *lane);
/* Takes out the lane that is next; NULL: none may have a turn at this time. */
struct lane *turns_next(struct turns *turns, int64_t now_ms);
/* An attempt of a failing lane begins, or is over. */
void turns_try(struct turns *turns);
void turns_tried(struct turns *turns);
/* When turns_next() gives a lane: at or before now_ms: at once, INT64_MAX: not before something happens. */
int64_t turns_next_ms(struct turns *turns, int64_t now_ms);

#endif
