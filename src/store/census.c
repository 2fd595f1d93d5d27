/* Deliveries counted by state: see census.h. */
#include "store/census.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "metrics/metrics.h"

enum { SECOND_BITS = 10 /* of milliseconds */, SPAN_BITS = 10 /* of seconds */ };

_Static_assert((int)REASONS <= (int)LABEL_REASON_MAX && (int)FAILURES <= (int)LABEL_FAILURE_MAX, "metrics/labels.def has too little room");

void census_init(struct census *census)
{
	*census = (struct census){.counted = false};
	pthread_mutex_init(&census->mutex, NULL);
}

void census_destroy(struct census *census)
{
	free(census->parts);
	idmap_free(&census->seconds);
	idmap_free(&census->spans);
	pthread_mutex_destroy(&census->mutex);
}

/* Ids of the map are never 0. */
static void change(struct idmap *map, int64_t place, int64_t number)
{
	intptr_t now = (intptr_t)idmap_get(map, (uint64_t)place + 1) + (intptr_t)number;
	if (now != 0)
		idmap_put(map, (uint64_t)place + 1, (void *)now);
	else
		idmap_remove(map, (uint64_t)place + 1);
}

/* Locked. */
static void change_pending(struct census *census, int64_t second, int64_t number)
{
	change(&census->seconds, second, number);
	change(&census->spans, second >> SPAN_BITS, number);
}

static int64_t second_of(int64_t delivery)
{
	return id_time_ms(delivery) >> SECOND_BITS;
}

/* ---- At the open ---- */

void census_found(struct census *census, enum delivery_state state, int64_t number)
{
	census->in[state] += number;
}

void census_found_pending(struct census *census, int64_t delivery)
{
	census->in[DELIVERY_PENDING]++;
	change_pending(census, second_of(delivery), 1);
}

void census_found_operations(struct census *census, int64_t number)
{
	census->operations += number;
}

void census_known(struct census *census)
{
	census->counted = true;
}

/* ---- In a transaction ---- */

static void part_add(struct census *census, int64_t delivery, int64_t number)
{
	struct census_changes *open = &census->open;
	int64_t second = second_of(delivery);
	/* Most often the last one's; one of before the savepoint must stay as it is. */
	if (open->parts_len > census->saved.parts_len && census->parts[open->parts_len - 1].second == second) {
		census->parts[open->parts_len - 1].pending += number;
		return;
	}
	if (open->parts_len == census->parts_cap) {
		census->parts_cap = census->parts_cap ? census->parts_cap * 2 : 64;
		struct census_part *parts = realloc(census->parts, census->parts_cap * sizeof *parts);
		if (!parts)
			log_fatal("store", "memory is out");
		census->parts = parts;
	}
	census->parts[open->parts_len++] = (struct census_part){second, number};
}

void census_moved(struct census *census, int64_t delivery, unsigned from, unsigned to, enum delivery_reason reason)
{
	struct census_changes *open = &census->open;
	if (from == to)
		return;
	open->in[from]--;
	open->in[to]++;
	if (from == DELIVERY_PENDING || to == DELIVERY_PENDING)
		part_add(census, delivery, to == DELIVERY_PENDING ? 1 : -1);
	bool finished = to == DELIVERY_DELIVERED || to == DELIVERY_DEAD || to == DELIVERY_CANCELLED;
	bool was_finished = from == DELIVERY_DELIVERED || from == DELIVERY_DEAD || from == DELIVERY_CANCELLED;
	open->made += from == CENSUS_NONE;
	open->reopened += was_finished && !finished && to != CENSUS_NONE;
	open->discarded += was_finished && finished;
	if (finished && !was_finished)
		open->ended[to][to == DELIVERY_DELIVERED ? REASON_NONE : reason]++;
}

void census_operations(struct census *census, int number)
{
	census->open.operations += number;
}

void census_begin(struct census *census)
{
	memset(&census->open, 0, sizeof census->open);
	memset(&census->saved, 0, sizeof census->saved);
}

void census_save(struct census *census)
{
	census->saved = census->open;
}

void census_back(struct census *census)
{
	census->open = census->saved;
}

static void tell(const struct census_changes *open)
{
	static const unsigned endings[DELIVERY_STATES] = {
	    [DELIVERY_DELIVERED] = ENDING_DELIVERED, [DELIVERY_DEAD] = ENDING_DEAD, [DELIVERY_CANCELLED] = ENDING_CANCELLED};
	metrics_add(METRIC_MADE, 0, open->made);
	if (open->reopened)
		metrics_add(METRIC_REOPENED, 0, open->reopened);
	if (open->discarded)
		metrics_add(METRIC_DISCARDED, 0, open->discarded);
	for (unsigned state = DELIVERY_DELIVERED; state < DELIVERY_STATES; state++)
		for (unsigned reason = 0; reason < REASONS; reason++)
			if (open->ended[state][reason])
				metrics_add(METRIC_FINISHED, metrics_pair(endings[state], reason, LABEL_REASON_MAX), open->ended[state][reason]);
}

void census_commit(struct census *census)
{
	const struct census_changes *open = &census->open;
	tell(open);
	pthread_mutex_lock(&census->mutex);
	for (unsigned state = 0; state < DELIVERY_STATES; state++)
		census->in[state] += open->in[state];
	census->operations += open->operations;
	for (size_t i = 0; census->counted && i < open->parts_len; i++)
		if (census->parts[i].pending)
			change_pending(census, census->parts[i].second, census->parts[i].pending);
	pthread_mutex_unlock(&census->mutex);
	census_begin(census);
}

/* ---- For others ---- */

/* Locked. The first second of the first span that has some. */
static int64_t oldest_second(const struct census *census)
{
	size_t at = 0;
	uint64_t id, first = UINT64_MAX;
	void *number;
	while (idmap_next(&census->spans, &at, &id, &number))
		if ((intptr_t)number > 0 && id < first)
			first = id;
	if (first == UINT64_MAX)
		return 0;
	int64_t from = (int64_t)(first - 1) << SPAN_BITS, to = from + (1 << SPAN_BITS);
	for (int64_t second = from; second < to; second++)
		if ((intptr_t)idmap_get(&census->seconds, (uint64_t)second + 1) > 0)
			return second;
	return 0;
}

void census_view(struct census *census, struct census_view *view)
{
	pthread_mutex_lock(&census->mutex);
	*view = (struct census_view){
	    .counted = census->counted,
	    .pending = census->in[DELIVERY_PENDING],
	    .held = census->in[DELIVERY_HELD],
	    .dead = census->in[DELIVERY_DEAD],
	    .operations = census->operations,
	    .oldest_ms = oldest_second(census) << SECOND_BITS,
	};
	pthread_mutex_unlock(&census->mutex);
}
