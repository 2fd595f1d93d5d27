/* Histograms, and the clock that they are fed from. */
#include "hist.h"

#include <time.h>

static unsigned bucket_of(uint64_t ns)
{
	if (ns < HIST_STEPS)
		return (unsigned)ns;
	unsigned power = 63 - (unsigned)__builtin_clzll(ns);
	unsigned shift = power - 6;
	unsigned bucket = (shift + 1) * HIST_STEPS + (unsigned)(ns >> shift) - HIST_STEPS;
	return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

static uint64_t upper_edge(unsigned bucket)
{
	if (bucket < HIST_STEPS)
		return bucket;
	unsigned shift = bucket / HIST_STEPS - 1;
	return (((uint64_t)bucket % HIST_STEPS + HIST_STEPS + 1) << shift) - 1;
}

void hist_add(struct hist *hist, int64_t ns)
{
	uint64_t value = ns > 0 ? (uint64_t)ns : 0;
	hist->buckets[bucket_of(value)]++;
	hist->count++;
	if (value > hist->max_ns)
		hist->max_ns = value;
}

uint64_t hist_quantile(const struct hist *hist, double quantile)
{
	uint64_t before = 0;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		before += hist->buckets[i];
		if (before > 0 && (double)before >= quantile * (double)hist->count)
			return upper_edge(i) < hist->max_ns ? upper_edge(i) : hist->max_ns;
	}
	return hist->max_ns;
}

void hist_print(FILE *out, const struct hist *hist)
{
	fprintf(out, "{\"count\": %llu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f, \"max_ms\": %.4f}",
	        (unsigned long long)hist->count, (double)hist_quantile(hist, 0.5) / 1e6, (double)hist_quantile(hist, 0.99) / 1e6,
	        (double)hist_quantile(hist, 0.999) / 1e6, (double)hist->max_ns / 1e6);
}

int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
