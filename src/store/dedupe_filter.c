/* The filters of dedupe runs. */
#include "store/dedupe_filter.h"

#include <stdlib.h>
#include <string.h>

enum { GROUP = 8, BITS = 7 };

static uint8_t *block_of(const struct dedupe_filters *filters, int number, uint32_t block)
{
	size_t at = (size_t)block * GROUP + (size_t)number % GROUP;
	return filters->groups[number / GROUP] + at * DEDUPE_FILTER_BLOCK;
}

/* Keys are hashes: their bytes are taken as they are. The block comes from other bytes than a run's bucket does. */
struct dedupe_probe dedupe_probe_of(const struct dedupe_filters *filters, const uint8_t key[16])
{
	struct dedupe_probe probe = {0};
	uint8_t bytes[DEDUPE_FILTER_BLOCK] = {0};
	uint64_t block = 0, places = 0;
	for (int i = 0; i < 4; i++)
		block |= (uint64_t)key[4 + i] << (8 * i);
	for (int i = 0; i < 8; i++)
		places |= (uint64_t)key[8 + i] << (8 * i);
	probe.block = (uint32_t)(block * filters->blocks >> 32);
	for (int i = 0; i < BITS; i++, places >>= 9)
		bytes[places / 8 % DEDUPE_FILTER_BLOCK] |= (uint8_t)(1U << (places % 8));
	memcpy(probe.bits, bytes, sizeof probe.bits);
	return probe;
}

static int grow(struct dedupe_filters *filters)
{
	uint8_t **groups = realloc(filters->groups, (filters->groups_len + 1) * sizeof *groups);
	if (groups)
		filters->groups = groups;
	uint8_t *used = realloc(filters->used, filters->groups_len + 1);
	if (used)
		filters->used = used;
	if (!groups || !used)
		return -1;
	uint8_t *group = aligned_alloc(DEDUPE_FILTER_BLOCK, (size_t)filters->blocks * GROUP * DEDUPE_FILTER_BLOCK);
	if (!group)
		return -1;
	groups[filters->groups_len] = group;
	used[filters->groups_len++] = 0;
	return 0;
}

int dedupe_filter_take(struct dedupe_filters *filters)
{
	size_t group = 0;
	while (group < filters->groups_len && filters->used[group] == UINT8_MAX)
		group++;
	if (group == filters->groups_len && grow(filters))
		return DEDUPE_FILTER_NONE;
	int at = 0;
	while (filters->used[group] & 1U << at)
		at++;
	filters->used[group] |= (uint8_t)(1U << at);
	int number = (int)group * GROUP + at;
	for (uint32_t i = 0; i < filters->blocks; i++)
		memset(block_of(filters, number, i), 0, DEDUPE_FILTER_BLOCK);
	return number;
}

void dedupe_filter_give(struct dedupe_filters *filters, int number)
{
	if (number != DEDUPE_FILTER_NONE)
		filters->used[number / GROUP] &= (uint8_t)~(1U << (number % GROUP));
}

void dedupe_filter_add(struct dedupe_filters *filters, int number, const uint8_t key[16])
{
	struct dedupe_probe probe = dedupe_probe_of(filters, key);
	uint64_t have[DEDUPE_FILTER_BLOCK / 8];
	uint8_t *block = block_of(filters, number, probe.block);
	memcpy(have, block, sizeof have);
	for (size_t i = 0; i < sizeof have / sizeof have[0]; i++)
		have[i] |= probe.bits[i];
	memcpy(block, have, sizeof have);
}

bool dedupe_filter_may(const struct dedupe_filters *filters, int number, const struct dedupe_probe *probe)
{
	if (number == DEDUPE_FILTER_NONE)
		return true;
	uint64_t have[DEDUPE_FILTER_BLOCK / 8], missing = 0;
	memcpy(have, block_of(filters, number, probe->block), sizeof have);
	for (size_t i = 0; i < sizeof have / sizeof have[0]; i++)
		missing |= probe->bits[i] & ~have[i];
	return missing == 0;
}

void dedupe_filter_save(const struct dedupe_filters *filters, int number, uint8_t *bytes)
{
	for (uint32_t i = 0; i < filters->blocks; i++)
		memcpy(bytes + (size_t)i * DEDUPE_FILTER_BLOCK, block_of(filters, number, i), DEDUPE_FILTER_BLOCK);
}

void dedupe_filter_load(struct dedupe_filters *filters, int number, const uint8_t *bytes)
{
	for (uint32_t i = 0; i < filters->blocks; i++)
		memcpy(block_of(filters, number, i), bytes + (size_t)i * DEDUPE_FILTER_BLOCK, DEDUPE_FILTER_BLOCK);
}

void dedupe_filters_clear(struct dedupe_filters *filters)
{
	for (size_t i = 0; i < filters->groups_len; i++)
		filters->used[i] = 0;
}

void dedupe_filters_free(struct dedupe_filters *filters)
{
	for (size_t i = 0; i < filters->groups_len; i++)
		free(filters->groups[i]);
	free(filters->groups);
	free(filters->used);
	*filters = (struct dedupe_filters){0};
}
