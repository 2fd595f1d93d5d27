/* A hash map from 64-bit ids (never 0) to pointers: open addressing, grows and shrinks by itself; the first entry needs no table, because
 * there are many maps with one (each lane has two). Owned by one thread. */
#ifndef GRAPNEL_BASE_IDMAP_H
#define GRAPNEL_BASE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
	uint64_t id; /* 0: free */
	void *value;
};

struct idmap {
	union {
		struct idmap_slot *slots; /* cap of them */
		struct idmap_slot one;    /* while cap is 0; free: len is 0 */
	};
	uint32_t len;
	uint32_t cap; /* a power of two, or 0 */
};

void idmap_free(struct idmap *map); /* the table; values are their owner's */
void *idmap_get(const struct idmap *map, uint64_t id);
void idmap_put(struct idmap *map, uint64_t id, void *value); /* value is not NULL; replaces */
void *idmap_remove(struct idmap *map, uint64_t id);          /* what was there, or NULL */
/* Walks all entries: start with *at = 0; false at the end. The map must not change meanwhile. */
bool idmap_next(const struct idmap *map, size_t *at, uint64_t *id, void **value);

/* 64 well-mixed bits of a byte string, to key an idmap by text (the caller compares the text itself); never 0. Seeded at
 * start so that outsiders cannot choose collisions. */
uint64_t idmap_hash(const void *bytes, size_t len);

#endif
