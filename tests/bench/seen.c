/* An open hash table of blocks, at most half full. */
#include "seen.h"

#include <stdlib.h>

enum { CAP_MIN = 1 << 16 };

/* Every bit counts: keys differ in the number, or, of one event to very many endpoints, in the endpoint alone. */
static uint64_t mix(uint64_t key)
{
	key = (key ^ key >> 33) * UINT64_C(0xff51afd7ed558ccd);
	key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return key ^ key >> 33;
}

static struct seen_block *find(struct seen_block *blocks, size_t cap, uint64_t key)
{
	size_t at = (size_t)mix(key) & (cap - 1);
	while (blocks[at].key && blocks[at].key != key)
		at = (at + 1) & (cap - 1);
	return &blocks[at];
}

static void grow(struct seen *seen)
{
	size_t cap = seen->cap ? seen->cap * 4 : CAP_MIN;
	struct seen_block *blocks = calloc(cap, sizeof *blocks);
	if (!blocks)
		abort();
	for (size_t i = 0; i < seen->cap; i++) {
		if (seen->blocks[i].key)
			*find(blocks, cap, seen->blocks[i].key) = seen->blocks[i];
	}
	free(seen->blocks);
	seen->blocks = blocks;
	seen->cap = cap;
}

bool seen_add(struct seen *seen, uint64_t endpoint, uint64_t number)
{
	uint64_t key = (endpoint << 40 | number >> 6) + 1, bit = UINT64_C(1) << (number & 63);
	if (seen->len * 2 >= seen->cap)
		grow(seen);
	struct seen_block *block = find(seen->blocks, seen->cap, key);
	if (!block->key) {
		block->key = key;
		seen->len++;
	}
	if (block->bits & bit)
		return false;
	block->bits |= bit;
	return true;
}

void seen_clear(struct seen *seen)
{
	free(seen->blocks);
	*seen = (struct seen){0};
}
