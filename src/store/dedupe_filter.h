/* The filters of dedupe runs: which runs may hold a key, in memory. Each is a Bloom filter in blocks of 64 bytes, 16 bits for a key of
 * which 7 are set, all in one block: one look in a thousand is wrong. Stored it is plain; in memory the same bit of 32 runs is one
 * number, so that seven numbers answer for all of them, and a hundred runs take a few cache lines, not hundreds. Owned by the
 * writer's thread. */
#ifndef GRAPNEL_STORE_DEDUPE_FILTER_H
#define GRAPNEL_STORE_DEDUPE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { DEDUPE_FILTER_BLOCK = 64, DEDUPE_FILTER_NONE = -1 };

/* One filter as it is stored: `blocks` blocks. */
void dedupe_filter_add(uint8_t *filter, uint32_t blocks, const uint8_t key[16]);

struct dedupe_filters {
	uint32_t blocks; /* of each filter; set before the first use */
	size_t groups_len;
	struct dedupe_group {
		uint32_t *bits; /* for each bit of a filter: a bit for each run */
		uint32_t used, soiled; /* runs; and those whose bits must be cleared before */
		uint32_t maybe; /* runs: the last answer */
	} *groups;
};

/* Takes a copy of a filter: its number, or DEDUPE_FILTER_NONE: no memory. */
int dedupe_filters_take(struct dedupe_filters *filters, const uint8_t *filter) ATTR_MUST_USE;
void dedupe_filters_give(struct dedupe_filters *filters, int number); /* NONE: nothing */
/* Asks all filters for a key, and what one of them said; false: certainly not. NONE always may. */
void dedupe_filters_ask(struct dedupe_filters *filters, const uint8_t key[16]);
static inline bool dedupe_filters_may(const struct dedupe_filters *filters, int number)
{
	return number == DEDUPE_FILTER_NONE || filters->groups[number / 32].maybe >> (number % 32) & 1;
}
void dedupe_filters_clear(struct dedupe_filters *filters); /* none is taken; keeps the memory */
void dedupe_filters_free(struct dedupe_filters *filters);

#endif
