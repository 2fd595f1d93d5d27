/* A histogram of spans in nanoseconds: 64 steps for each power of two, so that a quantile is right within 1.6 %. Fixed memory. */
#ifndef GRAPNEL_BENCH_HIST_H
#define GRAPNEL_BENCH_HIST_H

#include <stdint.h>
#include <stdio.h>

enum { HIST_STEPS = 64, HIST_POWERS = 42, HIST_BUCKETS = HIST_STEPS * HIST_POWERS };

struct hist {
	uint64_t count;
	uint64_t max_ns;
	uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *hist, int64_t ns); /* a negative one counts as 0 */
/* The upper edge of the bucket in which the quantile (0 … 1) lies; 0 when nothing was added. */
uint64_t hist_quantile(const struct hist *hist, double quantile);
/* {"count": …, "p50_ms": …, "p99_ms": …, "p999_ms": …, "max_ms": …} */
void hist_print(FILE *out, const struct hist *hist);

/* The monotonic clock, which is the same for every process of the machine. */
int64_t clock_ns(void);

#endif
