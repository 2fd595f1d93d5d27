/* The pace of a lane: its endpoint's rate {limit, per_ms}, kept by the arithmetic of GCRA. Attempts are spread evenly: each is due one
 * interval (per_ms / limit) after the one before, whenever that was really sent, so that what was late by the scheduler's own doing is
 * made up for; by PACE_LATE_MAX_NS at most, so that an endpoint that was idle is not sent a burst. Pure: times are passed in.
 * Part of a lane; owned by the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_PACE_H
#define GRAPNEL_SCHEDULE_PACE_H

#include <stdint.h>

#include "model/rate.h"

#define PACE_LATE_MAX_NS INT64_C(100000000)

struct pace {
	int64_t next_ns; /* monotonic: the next attempt is due */
};

/* When the next attempt may begin: 0 where there is no rate. */
int64_t pace_gate_us(const struct pace *pace, const struct rate *rate);
/* An attempt begins. */
void pace_take(struct pace *pace, const struct rate *rate, int64_t now_us);
/* The rate is another one: the next attempt is at most one interval of it away. */
void pace_change(struct pace *pace, const struct rate *rate, int64_t now_us);

#endif
