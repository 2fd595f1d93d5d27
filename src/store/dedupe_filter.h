/* The filters of dedupe runs: whether a run may hold a key, in memory. Each is a Bloom filter in blocks of 64 bytes, 16 bits for a
 * key of which 7 are set, all in one block: one look in a thousand is wrong. The same block of eight runs lies side by side, so that
 * asking a hundred runs touches a dozen places, not a hundred. Owned by the writer's thread. */
#ifndef GRAPNEL_STORE_DEDUPE_FILTER_H
#define GRAPNEL_STORE_DEDUPE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { DEDUPE_FILTER_BLOCK = 64, DEDUPE_FILTER_NONE = -1 };

struct dedupe_filters {
	uint32_t blocks; /* of each filter; set before the first use */
	size_t groups_len;
	uint8_t **groups; /* of eight filters each */
	uint8_t *used;    /* a bit for each filter of a group */
};

/* What a key asks of each filter. */
struct dedupe_probe {
	uint32_t block;
	uint64_t bits[DEDUPE_FILTER_BLOCK / 8];
};

struct dedupe_probe dedupe_probe_of(const struct dedupe_filters *filters, const uint8_t key[16]);
/* An empty filter's number, or DEDUPE_FILTER_NONE: no memory. */
int dedupe_filter_take(struct dedupe_filters *filters) ATTR_MUST_USE;
void dedupe_filter_give(struct dedupe_filters *filters, int number); /* NONE: nothing */
void dedupe_filter_add(struct dedupe_filters *filters, int number, const uint8_t key[16]);
/* False: certainly not. Of NONE always true. */
bool dedupe_filter_may(const struct dedupe_filters *filters, int number, const struct dedupe_probe *probe);
/* As stored: `blocks` blocks. */
void dedupe_filter_save(const struct dedupe_filters *filters, int number, uint8_t *bytes);
void dedupe_filter_load(struct dedupe_filters *filters, int number, const uint8_t *bytes);
void dedupe_filters_clear(struct dedupe_filters *filters); /* none is taken; keeps the memory */
void dedupe_filters_free(struct dedupe_filters *filters);

#endif
