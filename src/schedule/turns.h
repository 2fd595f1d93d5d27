/* Turns: which of the lanes that are due is next, one delivery each. Groups take turns: the lanes of a subscriber are one group, and so
 * is a lane of nobody's; within a group its lanes do. So whoever has a thousand endpoints gets no more turns than who has one.
 *
 * What may be live is bounded for all together (delivery.live), and a group may not fill it: it begins nothing more when it has as many
 * attempts in flight as there are places free. Alone it can take half of them, beside another third, and so on: one is always left.
 *
 * Lanes whose breaker is not closed stand in a ring of their own: a probe each, one turn in TURNS_PROBES_EVERY, so many per second all
 * together, and a part of what may be live. So endpoints that are down, however many and however much waits for them, cost the others
 * little; the first success puts a lane back. Pure: times are monotonic and passed in. Owned by the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_TURNS_H
#define GRAPNEL_SCHEDULE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/lane.h"

enum {
	TURNS_PROBES_EVERY = 16,
	TURNS_BURST_S = 5,   /* unused turns of probes add up to those of so many seconds */
	TURNS_LOOK_MS = 50,  /* not more often for the next one: what begins together is committed together */
};

struct turns {
	struct group_ring well, blocked; /* groups with lanes that are due; those that have their share of what may be live */
	struct lane_ring probing;
	struct idmap groups; /* subscriber → struct lane_group * */
	unsigned given;
	int64_t per_s;      /* probes */
	int64_t credit;     /* so many of them may begin, in thousandths */
	int64_t credit_ms;  /* as of this time */
	unsigned trying;    /* are live */
	unsigned trying_max;
};

void turns_init(struct turns *turns, int64_t per_s, unsigned trying_max, int64_t now_ms);
void turns_free(struct turns *turns); /* no lane may be in it any more */
/* A lane is of its endpoint's subscriber's group, from its making on or after a change; and not any more. */
void turns_join(struct turns *turns, struct lane *lane);
void turns_leave(struct turns *turns, struct lane *lane);
/* A lane that is due and in no ring goes to the end of its ring; out of whichever it is in. */
void turns_push(struct turns *turns, struct lane *lane);
void turns_remove(struct turns *turns, struct lane *lane);
/* After a change of a lane: to the end of the other ring when it is in one and belongs there; its group may be let in again. */
void turns_settle(struct turns *turns, struct lane *lane);
/* Takes out the lane that is next; NULL: none may have a turn at this time. `room`: how many more may be live, at least 1. */
struct lane *turns_next(struct turns *turns, unsigned room, int64_t now_ms);
/* A probe begins, or is over. */
void turns_try(struct turns *turns);
void turns_tried(struct turns *turns);
/* When turns_next() gives a lane: at or before now_ms: at once, INT64_MAX: not before something happens. */
int64_t turns_next_ms(struct turns *turns, int64_t now_ms);

#endif
