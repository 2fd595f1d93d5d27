/* The lane: a window over one endpoint's rows in the outbox. See lane.h for the invariant; docs/SCHEDULER.md for the reasons. */
#include "schedule/lane.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"

struct lane *lane_new(struct endpoint *endpoint, struct lane_payloads *payloads)
{
	struct lane *lane = mem_new(struct lane);
	lane->endpoint_id = endpoint->meta.id;
	lane->endpoint = endpoint_ref(endpoint);
	lane->payloads = payloads;
	lane->spill_ms = INT64_MAX;
	return lane;
}

static struct lane_entry *entry_of(struct heap_node *node)
{
	return CONTAINER_OF(node, struct lane_entry, node);
}

static bool is_active(const struct lane *lane)
{
	return lane->endpoint->meta.status == ENDPOINT_ACTIVE && !endpoint_unverified(lane->endpoint);
}

static void keep_payload(struct lane *lane, struct lane_entry *entry, struct event *event)
{
	if (!event || entry->event || event->charged_bytes > lane->payloads->max_bytes - lane->payloads->used_bytes)
		return;
	entry->event = event_ref(event);
	lane->payloads->used_bytes += event->charged_bytes;
}

static struct lane_entry *entry_new(struct lane *lane)
{
	lane->payloads->waiting++;
	return mem_new(struct lane_entry);
}

/* Out of the account of all lanes; its reference goes with it. */
static void uncharge(struct lane *lane, const struct lane_entry *entry)
{
	lane->payloads->waiting--;
	if (entry->event)
		lane->payloads->used_bytes -= entry->event->charged_bytes;
}

void lane_entry_free(struct lane_entry *entry)
{
	event_unref(entry->event);
	free(entry);
}

/* Empties a map of entries, wherever they came from. */
static void drop_entries(struct lane *lane, struct idmap *entries)
{
	size_t at = 0;
	uint64_t id;
	void *entry;
	while (idmap_next(entries, &at, &id, &entry)) {
		uncharge(lane, entry);
		lane_entry_free(entry);
	}
	idmap_free(entries);
}

static void drop_waiting(struct lane *lane)
{
	heap_free(&lane->waiting);
	drop_entries(lane, &lane->queued);
}

void lane_free(struct lane *lane)
{
	drop_waiting(lane);
	idmap_free(&lane->live);
	endpoint_unref(lane->endpoint);
	free(lane);
}

void lane_configure(struct lane *lane, struct endpoint *endpoint)
{
	if (endpoint->meta.version < lane->endpoint->meta.version)
		return;
	struct endpoint *before = lane->endpoint;
	lane->endpoint = endpoint_ref(endpoint);
	endpoint_unref(before);
	if (endpoint->meta.status == ENDPOINT_DELETED) {
		drop_waiting(lane);
		lane->spill_ms = INT64_MAX;
	} else if (!is_active(lane)) {
		struct heap_node *first = heap_top(&lane->waiting);
		if (first)
			lane_spill(lane, first->key);
		drop_waiting(lane);
	}
}

static void push(struct lane *lane, struct lane_entry *entry, const struct due *due)
{
	entry->due = *due;
	heap_push(&lane->waiting, &entry->node, due->due_ms, due->delivery);
	idmap_put(&lane->queued, (uint64_t)due->delivery, entry);
}

/* A row of a live delivery was seen. In the state that the job was made from it says nothing new. Otherwise the outcome was
 * overtaken (it was retried by hand, say), and the lane must look again once the job is settled. */
static void miss(struct job *job, const struct due *due)
{
	const struct due *known = &job->outcome.due;
	if (due->round == known->round && due->attempts == known->attempts && due->due_ms == known->due_ms)
		return;
	if (due->due_ms < job->missed_ms)
		job->missed_ms = due->due_ms;
}

static bool has_room(const struct lane *lane)
{
	const struct lane_payloads *all = lane->payloads;
	return lane->waiting.len < LANE_WAITING_MAX || (all->waiting < all->burst_max && all->used_bytes < all->max_bytes / 2);
}

bool lane_add(struct lane *lane, const struct due *due, struct event *event)
{
	if (lane->endpoint->meta.status == ENDPOINT_DELETED)
		return false;
	struct job *job = idmap_get(&lane->live, (uint64_t)due->delivery);
	if (job) {
		miss(job, due);
		return false;
	}
	struct lane_entry *entry = idmap_get(&lane->queued, (uint64_t)due->delivery);
	if (entry) {
		if (due->due_ms < entry->due.due_ms) {
			entry->due = *due;
			heap_set(&lane->waiting, &entry->node, due->due_ms, due->delivery);
		}
		keep_payload(lane, entry, event);
		return false;
	}
	/* Behind the spill it would be thrown away by the refill that comes first. */
	if (due->due_ms >= lane->spill_ms)
		return false;
	if (!is_active(lane) || !has_room(lane)) {
		lane->spill_ms = due->due_ms;
		return false;
	}
	entry = entry_new(lane);
	keep_payload(lane, entry, event);
	push(lane, entry, due);
	return true;
}

void lane_spill(struct lane *lane, int64_t due_ms)
{
	if (due_ms < lane->spill_ms && lane->endpoint->meta.status != ENDPOINT_DELETED)
		lane->spill_ms = due_ms;
}

void lane_delay_refill(struct lane *lane, int64_t until_ms)
{
	if (lane->spill_ms < until_ms)
		lane->spill_ms = until_ms;
}

/* A spill that came before is late by that, or else each look would find the same rows at once. */
void lane_rest(struct lane *lane, int64_t until_ms)
{
	drop_waiting(lane);
	lane->spill_ms = INT64_MAX;
	lane_spill(lane, until_ms);
}

void lane_forget(struct lane *lane, int64_t delivery)
{
	struct lane_entry *entry = idmap_remove(&lane->queued, (uint64_t)delivery);
	if (!entry)
		return;
	heap_remove(&lane->waiting, &entry->node);
	uncharge(lane, entry);
	lane_entry_free(entry);
}

void lane_learn(struct lane *lane, bool succeeded)
{
	if (succeeded)
		lane->failures = 0;
	else if (lane->failures < LANE_FAILING_AFTER)
		lane->failures++;
}

static bool may_start(const struct lane *lane)
{
	return is_active(lane) && lane->in_flight < (lane_failing(lane) ? 1 : lane->endpoint->max_in_flight);
}

/* What waits with the same due time as the spill goes first: it has the lower ids, and else each of them would cost a refill. */
bool lane_wants_refill(const struct lane *lane, int64_t now_ms)
{
	if (lane->spill_ms > now_ms || !may_start(lane))
		return false;
	const struct heap_node *first = heap_top(&lane->waiting);
	return !first || first->key > lane->spill_ms;
}

size_t lane_refill_size(const struct lane *lane)
{
	return LANE_WAITING_MAX + lane->live.len;
}

void lane_refill(struct lane *lane, const struct due *rows, size_t len, bool complete)
{
	struct idmap before = lane->queued;
	lane->queued = (struct idmap){0};
	heap_free(&lane->waiting);
	lane->spill_ms = complete || len == 0 ? INT64_MAX : rows[len - 1].due_ms;
	for (size_t i = 0; i < len; i++) {
		const struct due *row = &rows[i];
		struct job *job = idmap_get(&lane->live, (uint64_t)row->delivery);
		if (job) {
			miss(job, row);
		} else if (lane->waiting.len >= LANE_WAITING_MAX) {
			lane->spill_ms = row->due_ms;
			break;
		} else {
			/* An entry that was known keeps its payload. */
			struct lane_entry *entry = idmap_remove(&before, (uint64_t)row->delivery);
			push(lane, entry ? entry : entry_new(lane), row);
		}
	}
	drop_entries(lane, &before);
}

struct lane_entry *lane_take(struct lane *lane, int64_t now_ms)
{
	const struct heap_node *first = heap_top(&lane->waiting);
	if (!first || first->key > now_ms || !may_start(lane))
		return NULL;
	struct lane_entry *entry = entry_of(heap_pop(&lane->waiting));
	idmap_remove(&lane->queued, (uint64_t)entry->due.delivery);
	uncharge(lane, entry);
	return entry;
}

void lane_started(struct lane *lane, struct job *job)
{
	idmap_put(&lane->live, (uint64_t)job->outcome.due.delivery, job);
	lane->in_flight += job->slot;
}

void lane_freed(struct lane *lane, struct job *job)
{
	lane->in_flight -= job->slot;
	job->slot = false;
}

void lane_settled(struct lane *lane, struct job *job)
{
	lane_freed(lane, job);
	idmap_remove(&lane->live, (uint64_t)job->outcome.due.delivery);
	lane_spill(lane, job->missed_ms);
}

int64_t lane_next_ms(const struct lane *lane)
{
	if (!may_start(lane))
		return INT64_MAX;
	const struct heap_node *first = heap_top(&lane->waiting);
	return first && first->key < lane->spill_ms ? first->key : lane->spill_ms;
}

bool lane_idle(const struct lane *lane)
{
	return lane->waiting.len == 0 && lane->live.len == 0 && lane->spill_ms == INT64_MAX;
}
