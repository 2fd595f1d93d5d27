/* Which (endpoint, number) pairs were there: 64 neighbouring numbers of an endpoint share 16 bytes, so that millions fit whether they
 * come to one endpoint or scatter over a hundred thousand. */
#ifndef GRAPNEL_BENCH_SEEN_H
#define GRAPNEL_BENCH_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_block {
	uint64_t key; /* 0: free */
	uint64_t bits;
};

struct seen {
	struct seen_block *blocks;
	size_t cap; /* a power of two */
	size_t len;
};

/* True when the pair was not there; endpoint < 2^24, number < 2^46. */
bool seen_add(struct seen *seen, uint64_t endpoint, uint64_t number);
void seen_clear(struct seen *seen);

#endif
