/* The dedupe keys of one generation in memory: packed entries in the order in which they came, and a hash table over them. They are
 * packed as they are stored, so that what is new in a batch is one piece of the log, and what belongs to a bucket of a run one row.
 * Owned by the writer's thread. */
#ifndef GRAPNEL_STORE_DEDUPE_RECENT_H
#define GRAPNEL_STORE_DEDUPE_RECENT_H

#include "store/dedupe.h"

/* key 16, content 16, event 8, time 8, deliveries 4; numbers little-endian */
enum { DEDUPE_PACKED = 52, DEDUPE_BUCKET_KEYS = 16 };

void dedupe_pack(uint8_t packed[DEDUPE_PACKED], const struct dedupe_key *key, const struct dedupe_entry *entry);
void dedupe_unpack(const uint8_t packed[DEDUPE_PACKED], struct dedupe_entry *entry);
/* The last of some packed entries that has the key, or NULL. */
const uint8_t *dedupe_last_of(const uint8_t *packed, size_t entries, const struct dedupe_key *key);
/* Which of a run's buckets a key belongs to: keys are hashes, so equal parts of their range hold about as many each. */
uint32_t dedupe_bucket(const uint8_t key[16], uint32_t buckets);

struct dedupe_recent {
	uint8_t *packed;
	size_t len, cap;
	uint64_t *slots; /* the upper half of the key's hash, the lower half: place in `packed` + 1; 0: free */
	size_t slots_cap; /* a power of two, or 0 */
};

/* 0, or -1: no memory. */
int dedupe_recent_add(struct dedupe_recent *recent, const uint8_t *packed, size_t entries) ATTR_MUST_USE;
const uint8_t *dedupe_recent_find(const struct dedupe_recent *recent, const struct dedupe_key *key); /* the last one, or NULL */
void dedupe_recent_clear(struct dedupe_recent *recent);                                              /* keeps the memory */
void dedupe_recent_free(struct dedupe_recent *recent);

/* The entries by bucket, those of one bucket in the order in which they came. */
struct dedupe_order {
	uint32_t buckets;
	uint32_t *starts; /* buckets + 1 */
	uint32_t *places;
	int64_t newest_ms;
};

int dedupe_order_make(struct dedupe_order *order, const struct dedupe_recent *recent, uint32_t buckets) ATTR_MUST_USE; /* 0, or -1 */
void dedupe_order_free(struct dedupe_order *order);

#endif
