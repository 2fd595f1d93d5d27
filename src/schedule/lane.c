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
	lane->group = &lane->own;
	window_init(&lane->window, endpoint_max_in_flight(endpoint));
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

void lane_bound(struct lane *lane)
{
	window_bound(&lane->window, endpoint_max_in_flight(lane->endpoint));
}

bool lane_configure(struct lane *lane, struct endpoint *endpoint, int64_t now_us)
{
	if (endpoint->meta.version < lane->endpoint->meta.version)
		return false;
	struct endpoint *before = lane->endpoint;
	lane->endpoint = endpoint_ref(endpoint);
	endpoint_unref(before);
	window_bound(&lane->window, endpoint_max_in_flight(endpoint));
	pace_change(&lane->pace, endpoint_rate(endpoint), now_us);
	if (endpoint->meta.status == ENDPOINT_DISABLED || endpoint->meta.status == ENDPOINT_DELETED)
		lane->breaker = (struct breaker){.state = BREAKER_CLOSED};
	if (endpoint->meta.status == ENDPOINT_DELETED) {
		drop_waiting(lane);
		lane->spill_ms = INT64_MAX;
	} else if (!is_active(lane)) {
		struct heap_node *first = heap_top(&lane->waiting);
		if (first)
			lane_spill(lane, first->key);
		drop_waiting(lane);
	}
	return true;
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

/* What a lane may hold of its own right. */
static size_t waiting_max(const struct lane *lane)
{
	const struct lane_payloads *all = lane->payloads;
	return all->waiting < all->waiting_max ? LANE_WAITING_MAX : LANE_WAITING_LEAST;
}

static bool has_room(const struct lane *lane)
{
	const struct lane_payloads *all = lane->payloads;
	return lane->waiting.len < waiting_max(lane) || (all->waiting < all->burst_max && all->used_bytes < all->max_bytes / 2);
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

bool lane_learn(struct lane *lane, const struct job *job, enum lane_result result, int64_t now_us, double random)
{
	bool probed = lane_probes(lane);
	if (result == LANE_TOLD_NOTHING) {
		if (job->probe)
			breaker_miss(&lane->breaker);
		return false;
	}
	if (result == LANE_SUCCEEDED)
		window_grow(&lane->window);
	else if (result == LANE_OVERLOADED)
		window_shrink(&lane->window, job->began_us, now_us);
	bool changed =
	    breaker_learn(&lane->breaker, endpoint_breaker(lane->endpoint), job->probe, result == LANE_SUCCEEDED, now_us, random);
	if (probed && !lane_probes(lane))
		window_restart(&lane->window);
	return changed;
}

static bool may_start(const struct lane *lane)
{
	if (!is_active(lane) || breaker_gate_us(&lane->breaker) == INT64_MAX)
		return false;
	return lane->in_flight < (lane_probes(lane) ? 1 : window_size(&lane->window));
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
	return waiting_max(lane) + lane->live.len;
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
		} else if (lane->waiting.len >= waiting_max(lane)) {
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

/* Of what is due the one with the fewest attempts, the earliest of them. */
static struct heap_node *least_tried(const struct lane *lane, struct heap_node *first, int64_t now_ms)
{
	struct heap_node *best = first;
	for (size_t i = 0; i < lane->waiting.len; i++) {
		struct heap_node *node = heap_at(&lane->waiting, i);
		int32_t fewer = entry_of(best)->due.attempts - entry_of(node)->due.attempts;
		bool earlier = node->key < best->key || (node->key == best->key && node->tie < best->tie);
		if (node->key <= now_ms && (fewer > 0 || (fewer == 0 && earlier)))
			best = node;
	}
	return best;
}

struct lane_entry *lane_take(struct lane *lane, int64_t now_ms)
{
	struct heap_node *first = heap_top(&lane->waiting);
	if (!first || first->key > now_ms || !may_start(lane))
		return NULL;
	if (lane_probes(lane))
		first = least_tried(lane, first, now_ms);
	heap_remove(&lane->waiting, first);
	struct lane_entry *entry = entry_of(first);
	idmap_remove(&lane->queued, (uint64_t)entry->due.delivery);
	uncharge(lane, entry);
	return entry;
}

void lane_started(struct lane *lane, struct job *job, int64_t now_us)
{
	idmap_put(&lane->live, (uint64_t)job->outcome.due.delivery, job);
	job->began_us = now_us;
	if (!job->slot)
		return;
	lane->in_flight++;
	lane->group->in_flight++;
	job->probe = breaker_begin(&lane->breaker);
	pace_take(&lane->pace, endpoint_rate(lane->endpoint), now_us);
}

void lane_freed(struct lane *lane, struct job *job)
{
	lane->in_flight -= job->slot;
	lane->group->in_flight -= job->slot;
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

int64_t lane_gate_us(const struct lane *lane)
{
	int64_t breaker_us = breaker_gate_us(&lane->breaker), pace_us = pace_gate_us(&lane->pace, endpoint_rate(lane->endpoint));
	return breaker_us > pace_us ? breaker_us : pace_us;
}

bool lane_idle(const struct lane *lane, int64_t now_us)
{
	if (lane->waiting.len > 0 || lane->live.len > 0 || lane->spill_ms != INT64_MAX)
		return false;
	bool gone = lane->endpoint->meta.status == ENDPOINT_DELETED;
	return gone || (lane->breaker.failures == 0 && !lane_probes(lane) && pace_gate_us(&lane->pace, endpoint_rate(lane->endpoint)) <= now_us);
}
