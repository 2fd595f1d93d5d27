/* The filters of dedupe runs. */
#include "store/dedupe_filter.h"

#include <stdlib.h>

enum { GROUP = 32, BITS = 7, BLOCK_BITS = DEDUPE_FILTER_BLOCK * 8 };

/* Where a key's bits are: its block, and BITS places in it, nine bits of `places` each. Keys are hashes, their bytes are taken as they
 * are; these are others than those of a run's bucket. */
struct places {
	size_t block;
	uint64_t places;
};

static struct places places_of(uint32_t blocks, const uint8_t key[16])
{
	uint64_t block = 0, places = 0;
	for (int i = 0; i < 4; i++)
		block |= (uint64_t)key[4 + i] << (8 * i);
	for (int i = 0; i < 8; i++)
		places |= (uint64_t)key[8 + i] << (8 * i);
	return (struct places){(size_t)(block * blocks >> 32), places};
}

void dedupe_filter_add(uint8_t *filter, uint32_t blocks, const uint8_t key[16])
{
	struct places at = places_of(blocks, key);
	uint8_t *block = filter + at.block * DEDUPE_FILTER_BLOCK;
	for (int i = 0; i < BITS; i++, at.places >>= 9)
		block[at.places % BLOCK_BITS / 8] |= (uint8_t)(1U << (at.places % 8));
}

/* ---- All of them ---- */

static size_t bits_of(const struct dedupe_filters *filters)
{
	return (size_t)filters->blocks * BLOCK_BITS;
}

static int grow(struct dedupe_filters *filters)
{
	struct dedupe_group *groups = realloc(filters->groups, (filters->groups_len + 1) * sizeof *groups);
	if (!groups)
		return -1;
	filters->groups = groups;
	struct dedupe_group group = {.bits = calloc(bits_of(filters), sizeof(uint32_t))};
	if (!group.bits)
		return -1;
	groups[filters->groups_len++] = group;
	return 0;
}

static void clear_run(const struct dedupe_filters *filters, struct dedupe_group *group, uint32_t run)
{
	size_t len = bits_of(filters);
	for (size_t i = 0; i < len; i++)
		group->bits[i] &= ~run;
}

int dedupe_filters_take(struct dedupe_filters *filters, const uint8_t *filter)
{
	size_t at = 0;
	while (at < filters->groups_len && filters->groups[at].used == UINT32_MAX)
		at++;
	if (at == filters->groups_len && grow(filters))
		return DEDUPE_FILTER_NONE;
	struct dedupe_group *group = &filters->groups[at];
	int number = 0;
	while (group->used >> number & 1)
		number++;
	uint32_t run = UINT32_C(1) << number;
	if (group->soiled & run)
		clear_run(filters, group, run);
	group->used |= run;
	group->soiled |= run;
	for (size_t i = 0; i < (size_t)filters->blocks * DEDUPE_FILTER_BLOCK; i++) {
		for (unsigned left = filter[i]; left; left &= left - 1)
			group->bits[i * 8 + (size_t)__builtin_ctz(left)] |= run;
	}
	return (int)at * GROUP + number;
}

void dedupe_filters_give(struct dedupe_filters *filters, int number)
{
	if (number != DEDUPE_FILTER_NONE)
		filters->groups[number / GROUP].used &= ~(UINT32_C(1) << (number % GROUP));
}

void dedupe_filters_ask(struct dedupe_filters *filters, const uint8_t key[16])
{
	struct places at = places_of(filters->blocks, key);
	for (size_t i = 0; i < filters->groups_len; i++) {
		const uint32_t *block = filters->groups[i].bits + at.block * BLOCK_BITS;
		uint32_t maybe = UINT32_MAX;
		uint64_t places = at.places;
		for (int j = 0; j < BITS; j++, places >>= 9)
			maybe &= block[places % BLOCK_BITS];
		filters->groups[i].maybe = maybe;
	}
}

void dedupe_filters_clear(struct dedupe_filters *filters)
{
	for (size_t i = 0; i < filters->groups_len; i++)
		filters->groups[i].used = 0;
}

void dedupe_filters_free(struct dedupe_filters *filters)
{
	for (size_t i = 0; i < filters->groups_len; i++)
		free(filters->groups[i].bits);
	free(filters->groups);
	*filters = (struct dedupe_filters){0};
}
