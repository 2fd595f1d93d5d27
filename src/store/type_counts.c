/* Counts of event types: a table by the text's hash. */
#include "store/type_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/event.h"
#include "store/private.h"

struct type_count {
	uint64_t hash; /* 0: the slot is free */
	int64_t count, first_ms, last_ms;
	size_t len;
	char type[EVENT_TYPE_MAX];
};

static uint64_t hash_of(struct slice text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.at[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

/* Its slot, or the free one where it belongs. */
static struct type_count *slot_of(struct type_counts *counts, uint64_t hash, struct slice type)
{
	size_t at = hash & (counts->cap - 1);
	for (;; at = (at + 1) & (counts->cap - 1)) {
		struct type_count *slot = &counts->slots[at];
		if (slot->hash == 0 || (slot->hash == hash && slice_equal((struct slice){slot->type, slot->len}, type)))
			return slot;
	}
}

static void grow(struct type_counts *counts)
{
	struct type_counts larger = {.cap = counts->cap ? counts->cap * 4 : 64};
	larger.slots = mem_alloc(larger.cap * sizeof *larger.slots);
	for (size_t i = 0; i < counts->cap; i++) {
		const struct type_count *slot = &counts->slots[i];
		if (slot->hash)
			*slot_of(&larger, slot->hash, (struct slice){slot->type, slot->len}) = *slot;
	}
	larger.len = counts->len;
	free(counts->slots);
	*counts = larger;
}

void type_counts_add(struct type_counts *counts, struct slice type, int64_t time_ms)
{
	uint64_t hash = hash_of(type);
	if (counts->len * 4 >= counts->cap * 3)
		grow(counts);
	struct type_count *slot = slot_of(counts, hash, type);
	if (slot->hash == 0) {
		if (counts->len == TYPE_COUNTS_MAX || type.len > sizeof slot->type)
			return;
		*slot = (struct type_count){.hash = hash, .first_ms = time_ms, .last_ms = time_ms, .len = type.len};
		memcpy(slot->type, type.at, type.len);
		counts->len++;
	}
	slot->count++;
	slot->first_ms = time_ms < slot->first_ms ? time_ms : slot->first_ms;
	slot->last_ms = time_ms > slot->last_ms ? time_ms : slot->last_ms;
}

/* `room`: how many new rows there may be; -1: not asked yet. */
static int write_one(struct tx *tx, const struct type_count *slot, int64_t *room)
{
	const struct engine_ops *ops = tx->engine->ops;
	struct event_type_row row = {.id = 0};
	int64_t number = 0;
	int found = ops->event_type_get(tx->engine, (struct slice){slot->type, slot->len}, &row);
	if (found < 0)
		return -1;
	if (!found) {
		if (*room < 0 && ops->event_types_number(tx->engine, &number))
			return -1;
		if (*room < 0)
			*room = number < TYPE_ROWS_MAX ? TYPE_ROWS_MAX - number : 0;
		if (*room == 0)
			return 0;
		--*room;
		row = (struct event_type_row){.id = id_next(&tx->store->ids, tx->now_ms), .type = {slot->type, slot->len}};
	}
	if (row.count == 0 || slot->first_ms < row.first_seen_ms)
		row.first_seen_ms = slot->first_ms;
	if (slot->last_ms > row.last_seen_ms)
		row.last_seen_ms = slot->last_ms;
	row.count += slot->count;
	int result = ops->event_type_put(tx->engine, &row);
	json_decref(row.doc);
	return result;
}

int type_counts_write(const struct type_counts *counts, struct tx *tx)
{
	int64_t room = -1;
	for (size_t i = 0; i < counts->cap; i++)
		if (counts->slots[i].hash && write_one(tx, &counts->slots[i], &room))
			return -1;
	return 0;
}

void type_counts_clear(struct type_counts *counts)
{
	for (size_t i = 0; i < counts->cap; i++)
		counts->slots[i].hash = 0;
	counts->len = 0;
}

void type_counts_free(struct type_counts *counts)
{
	free(counts->slots);
	*counts = (struct type_counts){.cap = 0};
}
