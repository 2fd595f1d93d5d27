/* The map from ids: linear probing, and removal by shifting back, so that there are no tombstones. Invariant: between the
 * place where an id belongs and the slot where it is no slot is free. */
#include "base/idmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"

enum { IDMAP_FIRST_SLOTS = 4 };

void idmap_free(struct idmap *map)
{
	if (map->cap > 0)
		free(map->slots);
	*map = (struct idmap){0};
}

/* Ids differ in their low bits, hashes in all: mixed (the finalizer of splitmix64), so that neither clusters. */
static size_t idmap_home(uint64_t id, size_t cap)
{
	id = (id ^ id >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	id = (id ^ id >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)(id ^ id >> 31) & (cap - 1);
}

/* The slot of the id, or the free one where it would go. At least one slot is free. */
static struct idmap_slot *idmap_find(const struct idmap *map, uint64_t id)
{
	size_t at = idmap_home(id, map->cap);
	while (map->slots[at].id != 0 && map->slots[at].id != id)
		at = (at + 1) & (map->cap - 1);
	return &map->slots[at];
}

static bool idmap_resize(struct idmap *map, uint32_t cap)
{
	struct idmap bigger = {.slots = calloc(cap, sizeof *map->slots), .len = map->len, .cap = cap};
	if (!bigger.slots)
		return false;
	if (map->cap == 0 && map->len > 0)
		*idmap_find(&bigger, map->one.id) = map->one;
	for (uint32_t i = 0; i < map->cap; i++)
		if (map->slots[i].id != 0)
			*idmap_find(&bigger, map->slots[i].id) = map->slots[i];
	if (map->cap > 0)
		free(map->slots);
	*map = bigger;
	return true;
}

static bool idmap_is_one(const struct idmap *map, uint64_t id)
{
	return map->len > 0 && map->one.id == id;
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
	if (map->cap == 0)
		return idmap_is_one(map, id) ? map->one.value : NULL;
	return idmap_find(map, id)->value;
}

void idmap_put(struct idmap *map, uint64_t id, void *value)
{
	if (id == 0 || !value)
		log_fatal("base", "a map holds neither id 0 nor NULL");
	if (map->cap == 0 && (map->len == 0 || idmap_is_one(map, id))) {
		map->one = (struct idmap_slot){id, value};
		map->len = 1;
		return;
	}
	/* At most three quarters full: probes stay short. */
	if (map->len + 1 > map->cap / 4 * 3 &&
	    (map->cap > UINT32_MAX / 4 || !idmap_resize(map, map->cap ? map->cap * 2 : IDMAP_FIRST_SLOTS)))
		log_fatal("base", "out of memory for a map of %u ids", map->len + 1);
	struct idmap_slot *slot = idmap_find(map, id);
	if (slot->id == 0)
		map->len++;
	*slot = (struct idmap_slot){id, value};
}

/* Fills the hole with later slots of the same run that may stand there. */
static void idmap_close_hole(struct idmap *map, size_t hole)
{
	size_t mask = map->cap - 1;
	for (size_t at = (hole + 1) & mask; map->slots[at].id != 0; at = (at + 1) & mask) {
		size_t home = idmap_home(map->slots[at].id, map->cap);
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole] = (struct idmap_slot){0};
}

void *idmap_remove(struct idmap *map, uint64_t id)
{
	if (map->cap == 0) {
		void *one = idmap_get(map, id);
		if (one)
			*map = (struct idmap){0};
		return one;
	}
	struct idmap_slot *slot = idmap_find(map, id);
	void *value = slot->value;
	if (!value)
		return NULL;
	map->len--;
	idmap_close_hole(map, (size_t)(slot - map->slots));
	/* Without memory the map just stays large. */
	if (map->cap > IDMAP_FIRST_SLOTS && map->len < map->cap / 8)
		(void)idmap_resize(map, map->cap / 2);
	return value;
}

bool idmap_next(const struct idmap *map, size_t *at, uint64_t *id, void **value)
{
	if (map->cap == 0 && map->len > 0 && *at == 0) {
		*at = 1;
		*id = map->one.id;
		*value = map->one.value;
		return true;
	}
	while (*at < map->cap) {
		const struct idmap_slot *slot = &map->slots[(*at)++];
		if (slot->id != 0) {
			*id = slot->id;
			*value = slot->value;
			return true;
		}
	}
	return false;
}

/* SipHash-2-4 (Aumasson, Bernstein) with a random key for each process. */
static uint64_t idmap_key[2];

static void idmap_make_key(void)
{
	uint8_t bytes[sizeof idmap_key];
	codec_random(bytes, sizeof bytes);
	memcpy(idmap_key, bytes, sizeof bytes);
}

static uint64_t idmap_rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void idmap_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = idmap_rotate(v[1], 13) ^ v[0];
	v[0] = idmap_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = idmap_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = idmap_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = idmap_rotate(v[1], 17) ^ v[2];
	v[2] = idmap_rotate(v[2], 32);
}

static void idmap_absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	idmap_round(v);
	idmap_round(v);
	v[0] ^= word;
}

uint64_t idmap_hash(const void *bytes, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, idmap_make_key);
	uint64_t v[4] = {idmap_key[0] ^ UINT64_C(0x736f6d6570736575), idmap_key[1] ^ UINT64_C(0x646f72616e646f6d),
	                 idmap_key[0] ^ UINT64_C(0x6c7967656e657261), idmap_key[1] ^ UINT64_C(0x7465646279746573)};
	const char *at = bytes;
	size_t left = len;
	uint64_t word;
	for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
		memcpy(&word, at, sizeof word);
		idmap_absorb(v, word);
	}
	word = 0;
	if (left)
		memcpy(&word, at, left);
	idmap_absorb(v, word | (uint64_t)len << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		idmap_round(v);
	uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
	return hash ? hash : 1;
}
