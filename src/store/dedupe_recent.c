/* One generation of dedupe keys in memory. */
#include "store/dedupe_recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"

enum { FIRST_CAP = 256, CONTENT_AT = 16, EVENT_AT = 32, TIME_AT = 40, DELIVERIES_AT = 48 };

static void put_number(uint8_t *at, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
	uint64_t number = 0;
	for (size_t i = 0; i < bytes; i++)
		number |= (uint64_t)at[i] << (8 * i);
	return number;
}

void dedupe_pack(uint8_t packed[DEDUPE_PACKED], const struct dedupe_key *key, const struct dedupe_entry *entry)
{
	memcpy(packed, key->hash, sizeof key->hash);
	memcpy(packed + CONTENT_AT, entry->content, sizeof entry->content);
	put_number(packed + EVENT_AT, (uint64_t)entry->event, 8);
	put_number(packed + TIME_AT, (uint64_t)entry->at_ms, 8);
	put_number(packed + DELIVERIES_AT, (uint64_t)entry->deliveries, 4);
}

void dedupe_unpack(const uint8_t packed[DEDUPE_PACKED], struct dedupe_entry *entry)
{
	memcpy(entry->content, packed + CONTENT_AT, sizeof entry->content);
	entry->event = (int64_t)get_number(packed + EVENT_AT, 8);
	entry->at_ms = (int64_t)get_number(packed + TIME_AT, 8);
	entry->deliveries = (int64_t)get_number(packed + DELIVERIES_AT, 4);
}

const uint8_t *dedupe_last_of(const uint8_t *packed, size_t entries, const struct dedupe_key *key)
{
	while (entries > 0) {
		const uint8_t *at = packed + --entries * DEDUPE_PACKED;
		if (memcmp(at, key->hash, sizeof key->hash) == 0)
			return at;
	}
	return NULL;
}

uint32_t dedupe_bucket(const uint8_t key[16], uint32_t buckets)
{
	return (uint32_t)(get_number(key, 4) * buckets >> 32);
}

/* ---- The hash table ---- */

static void slots_put(struct dedupe_recent *recent, size_t place)
{
	const uint8_t *key = recent->packed + place * DEDUPE_PACKED;
	uint64_t hash = idmap_hash(key, 16);
	uint64_t tag = hash >> 32;
	size_t at = hash & (recent->slots_cap - 1);
	for (; recent->slots[at]; at = (at + 1) & (recent->slots_cap - 1)) {
		uint64_t other = (recent->slots[at] & UINT32_MAX) - 1;
		if (recent->slots[at] >> 32 == tag && memcmp(recent->packed + other * DEDUPE_PACKED, key, 16) == 0)
			break; /* the later one hides the earlier */
	}
	recent->slots[at] = tag << 32 | (place + 1);
}

static int grow(struct dedupe_recent *recent, size_t entries)
{
	size_t cap = recent->cap ? recent->cap : FIRST_CAP;
	while (cap < entries)
		cap *= 2;
	if (cap > UINT32_MAX / 4)
		return -1;
	uint8_t *packed = realloc(recent->packed, cap * DEDUPE_PACKED);
	if (!packed)
		return -1;
	recent->packed = packed;
	uint64_t *slots = calloc(cap * 2, sizeof *slots);
	if (!slots)
		return -1;
	free(recent->slots);
	recent->slots = slots;
	recent->slots_cap = cap * 2;
	recent->cap = cap;
	for (size_t i = 0; i < recent->len; i++)
		slots_put(recent, i);
	return 0;
}

int dedupe_recent_add(struct dedupe_recent *recent, const uint8_t *packed, size_t entries)
{
	if (recent->len + entries > recent->cap && grow(recent, recent->len + entries))
		return -1;
	memcpy(recent->packed + recent->len * DEDUPE_PACKED, packed, entries * DEDUPE_PACKED);
	for (size_t i = 0; i < entries; i++)
		slots_put(recent, recent->len++);
	return 0;
}

const uint8_t *dedupe_recent_find(const struct dedupe_recent *recent, const struct dedupe_key *key)
{
	if (recent->len == 0)
		return NULL;
	uint64_t hash = idmap_hash(key->hash, 16);
	for (size_t at = hash & (recent->slots_cap - 1); recent->slots[at]; at = (at + 1) & (recent->slots_cap - 1)) {
		const uint8_t *packed = recent->packed + ((recent->slots[at] & UINT32_MAX) - 1) * DEDUPE_PACKED;
		if (recent->slots[at] >> 32 == hash >> 32 && memcmp(packed, key->hash, 16) == 0)
			return packed;
	}
	return NULL;
}

void dedupe_recent_clear(struct dedupe_recent *recent)
{
	recent->len = 0;
	if (recent->slots)
		memset(recent->slots, 0, recent->slots_cap * sizeof *recent->slots);
}

void dedupe_recent_free(struct dedupe_recent *recent)
{
	free(recent->packed);
	free(recent->slots);
	*recent = (struct dedupe_recent){0};
}

/* ---- Order by bucket: a counting sort ---- */

int dedupe_order_make(struct dedupe_order *order, const struct dedupe_recent *recent, uint32_t buckets)
{
	*order = (struct dedupe_order){.buckets = buckets};
	order->starts = calloc((size_t)buckets + 1, sizeof *order->starts);
	order->places = malloc((recent->len + 1) * sizeof *order->places);
	if (!order->starts || !order->places) {
		dedupe_order_free(order);
		return -1;
	}
	/* next[b] is starts[b + 1]: where bucket b begins until it is filled, and then where the next one does. */
	uint32_t *next = order->starts + 1;
	for (size_t i = 0; i < recent->len; i++) {
		const uint8_t *packed = recent->packed + i * DEDUPE_PACKED;
		int64_t at_ms = (int64_t)get_number(packed + TIME_AT, 8);
		if (at_ms > order->newest_ms)
			order->newest_ms = at_ms;
		uint32_t bucket = dedupe_bucket(packed, buckets);
		if (bucket + 1 < buckets)
			next[bucket + 1]++;
	}
	for (uint32_t i = 1; i < buckets; i++)
		next[i] += next[i - 1];
	for (size_t i = 0; i < recent->len; i++)
		order->places[next[dedupe_bucket(recent->packed + i * DEDUPE_PACKED, buckets)]++] = (uint32_t)i;
	return 0;
}

void dedupe_order_free(struct dedupe_order *order)
{
	free(order->starts);
	free(order->places);
	*order = (struct dedupe_order){0};
}
