/* The circuit breaker of a lane. Closed: attempts are made. It opens after so many failures in a row, or when too large a part of the
 * attempts within a window failed: then none are made, until a wait is over, which doubles each time and is drawn a fifth shorter or
 * longer. Half open: one attempt, the probe, decides: a success closes it, a failure opens it again. Any other success closes it, too
 * (of an attempt that had begun before, of a test, of a delivery that somebody sent by hand); any other failure changes nothing then.
 *
 * With a wait of 0, which is what `breaker: false` means, an endpoint that fails is still probed: one attempt at a time, and all probes
 * share breaker.probe_rate (turns.h). So there is one rule for what fails, and endpoints that are down never cost others much.
 *
 * Pure: times are monotonic microseconds that are passed in. Part of a lane; owned by the scheduler's thread. */
#ifndef GRAPNEL_SCHEDULE_BREAKER_H
#define GRAPNEL_SCHEDULE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/breaker.h"

enum { BREAKER_PARTS = 4 };

struct breaker {
	enum breaker_state state;
	bool probing;      /* half open: the probe is under way */
	bool by_ratio;     /* what opened it */
	unsigned failures; /* since the last success */
	unsigned opened;   /* times since it was closed */
	int64_t probe_us;  /* open: the probe is not sent before this */
	/* the window, in parts; the present one first. Both numbers are halved when they grow too large */
	int64_t part_us; /* when that began */
	struct {
		uint16_t attempts, failed;
	} parts[BREAKER_PARTS];
};

/* When an attempt may begin: 0: at any time, INT64_MAX: not before the probe has ended. */
static inline int64_t breaker_gate_us(const struct breaker *breaker)
{
	if (breaker->state == BREAKER_CLOSED)
		return 0;
	return breaker->state == BREAKER_OPEN ? breaker->probe_us : breaker->probing ? INT64_MAX : 0;
}

/* An attempt begins; true: it is the probe. */
bool breaker_begin(struct breaker *breaker);
/* What an attempt came to; `random` in [0, 1). True when the state is another one now. */
bool breaker_learn(struct breaker *breaker, const struct breaker_policy *policy, bool probe, bool succeeded, int64_t now_us, double random);
/* The probe ended and told nothing: the next attempt is one. */
void breaker_miss(struct breaker *breaker);
/* Somebody says that it is worth a try: the next attempt is the probe, and may begin at once; the waits begin anew. True when the state
 * is another one now. */
bool breaker_retry(struct breaker *breaker);

#endif
