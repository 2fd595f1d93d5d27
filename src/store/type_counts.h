/* How often each event type was published, counted in memory by the writer's thread after each commit, so that publishing pays a
 * look-up in a small table and no row. The counts are added to their rows in a transaction of their own, at most about once a second
 * (and at a stop): a crash loses what was counted since, a second's worth, and a list is behind by as much. Retries, repetitions of a
 * key, tests of endpoints and refused events do not count. A type beyond TYPE_ROWS_MAX stored ones is not recorded. */
#ifndef GRAPNEL_STORE_TYPE_COUNTS_H
#define GRAPNEL_STORE_TYPE_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct tx;
struct type_count;

enum { TYPE_COUNTS_MAX = 4096, TYPE_ROWS_MAX = 10000 };

/* {0} is empty. Owned by the writer's thread. */
struct type_counts {
	struct type_count *slots; /* open addressing */
	size_t cap, len;
};

/* One event more. With TYPE_COUNTS_MAX other types waiting it is left out. */
void type_counts_add(struct type_counts *counts, struct slice type, int64_t time_ms);
/* Adds all to their rows. Nothing is forgotten: the transaction may fail. */
int type_counts_write(const struct type_counts *counts, struct tx *tx) ATTR_MUST_USE;
void type_counts_clear(struct type_counts *counts);
void type_counts_free(struct type_counts *counts);

#endif
