/* What the log is told of commits: after them, on the writer's thread. */
#ifndef GRAPNEL_STORE_TOLD_H
#define GRAPNEL_STORE_TOLD_H

#include "store/store.h"

/* Whether the endpoint was held to be failing before its outcome, and is now: store/health.h. */
void told_outcome(const struct outcome *outcome, bool failed_before, bool fails_now);
void told_publish(const struct store_publish *publish);
void told_change(const struct store_change *change);
/* How long a commit took. */
void told_commit(int64_t took_us);

/* Wall time and monotonic time of the last look; {0}: there was none. */
struct told_clock {
	int64_t wall_ms, mono_us;
};
/* Tells when the wall clock was set since. */
void told_clock(struct told_clock *last, int64_t wall_ms, int64_t mono_us);

#endif
