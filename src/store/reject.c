/* Refused requests: the queue before the writer, the slices that it writes, and the bounds of what is kept. */
#include "store/reject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "store/audit.h"
#include "store/herald.h"
#include "store/private.h"

enum { QUEUE_MAX = 512, QUEUE_OF_SOURCE_MAX = 128, QUEUE_BYTES_MAX = 32 * 1024 * 1024 };
enum { SLICE_ROWS_MAX = 64, SLICE_BYTES_MAX = 4 * 1024 * 1024, DELETES_MAX = 256, SWEEP_MS = 600000, PLACE_SIZE = 48 };

/* What is kept of one source. */
struct kept {
	int64_t source, count, bytes;
};

/* ---- The queue ---- */

void reject_queue_init(struct reject_queue *queue, const struct rejection_limits *limits)
{
	pthread_mutex_init(&queue->mutex, NULL);
	queue->last = &queue->first;
	queue->limits = *limits;
}

static struct rejection *of_node(struct inbox_node *node)
{
	return CONTAINER_OF(node, struct rejection, node);
}

static void forget_tallies(struct reject_queue *queue)
{
	size_t at = 0;
	uint64_t id;
	void *tally;
	while (idmap_next(&queue->kept, &at, &id, &tally))
		free(tally);
	idmap_free(&queue->kept);
	queue->kept_bytes = 0;
	queue->tallied = false;
}

static void free_chain(struct inbox_node *node)
{
	while (node) {
		struct rejection *rejection = of_node(node);
		node = node->next;
		rejection->free(rejection);
	}
}

void reject_queue_destroy(struct reject_queue *queue)
{
	free_chain(queue->taken);
	free_chain(queue->first);
	forget_tallies(queue);
	idmap_free(&queue->by_source);
	pthread_mutex_destroy(&queue->mutex);
}

/* A source's share, so that one that is flooded leaves room for the others. Ids of 0 are no keys of a map. */
static uintptr_t waiting_of(const struct reject_queue *queue, int64_t source)
{
	return (uintptr_t)idmap_get(&queue->by_source, (uint64_t)source + 1);
}

static void set_waiting(struct reject_queue *queue, int64_t source, uintptr_t count)
{
	if (count > 0)
		idmap_put(&queue->by_source, (uint64_t)source + 1, (void *)count);
	else
		idmap_remove(&queue->by_source, (uint64_t)source + 1);
}

/* What is too much now goes with the next slice. */
void reject_queue_limit(struct reject_queue *queue, const struct rejection_limits *limits)
{
	pthread_mutex_lock(&queue->mutex);
	queue->limits = *limits;
	pthread_mutex_unlock(&queue->mutex);
}

static bool full(const struct reject_queue *queue, int64_t source)
{
	return queue->limits.per_source == 0 || queue->len >= QUEUE_MAX || waiting_of(queue, source) >= QUEUE_OF_SOURCE_MAX;
}

enum reject_room store_reject_room(struct store *store, int64_t source, size_t body_bytes)
{
	struct reject_queue *queue = &store->rejects;
	pthread_mutex_lock(&queue->mutex);
	bool none = full(queue, source);
	bool whole = queue->bytes + body_bytes <= QUEUE_BYTES_MAX && (int64_t)body_bytes <= queue->limits.bytes / 4;
	if (none && queue->limits.per_source > 0) {
		queue->dropped++;
		metrics_count(METRIC_REJECTIONS_DROPPED, 0);
	}
	pthread_mutex_unlock(&queue->mutex);
	return none ? REJECT_NO_ROOM : whole ? REJECT_WHOLE : REJECT_WITHOUT_BODY;
}

void store_reject(struct store *store, struct rejection *rejection)
{
	struct reject_queue *queue = &store->rejects;
	pthread_mutex_lock(&queue->mutex);
	bool taken = !full(queue, rejection->source), wakes = taken && queue->len == 0;
	if (taken) {
		rejection->node.next = NULL;
		*queue->last = &rejection->node;
		queue->last = &rejection->node.next;
		queue->len++;
		queue->bytes += rejection->body.len;
		set_waiting(queue, rejection->source, waiting_of(queue, rejection->source) + 1);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (!taken)
		rejection->free(rejection);
	/* Posting ends before the writer does: what comes later stays in the queue until it is freed. */
	pthread_rwlock_rdlock(&store->gate);
	if (wakes && !store->closed)
		inbox_wake(&store->inbox);
	pthread_rwlock_unlock(&store->gate);
}

/* ---- The writer's thread ---- */

bool reject_waits(struct reject_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	bool waits = queue->len > 0;
	pthread_mutex_unlock(&queue->mutex);
	return waits;
}

static void take(struct reject_queue *queue)
{
	size_t rows = 0, bytes = 0;
	struct inbox_node **link = &queue->taken;
	pthread_mutex_lock(&queue->mutex);
	uint64_t dropped = queue->dropped;
	queue->dropped = 0;
	while (queue->first && rows < SLICE_ROWS_MAX && bytes < SLICE_BYTES_MAX) {
		struct rejection *rejection = of_node(queue->first);
		queue->first = queue->first->next;
		*link = &rejection->node;
		link = &rejection->node.next;
		set_waiting(queue, rejection->source, waiting_of(queue, rejection->source) - 1);
		queue->len--;
		queue->bytes -= rejection->body.len;
		bytes += rejection->body.len;
		rows++;
	}
	*link = NULL;
	if (!queue->first)
		queue->last = &queue->first;
	pthread_mutex_unlock(&queue->mutex);
	if (dropped > 0)
		log_warn("store", "%" PRIu64 " refused request%s came too fast to be kept", dropped, dropped == 1 ? "" : "s");
}

static struct kept *tally_of(struct reject_queue *queue, int64_t source)
{
	struct kept *tally = idmap_get(&queue->kept, (uint64_t)source + 1);
	if (!tally) {
		tally = mem_new(struct kept);
		tally->source = source;
		idmap_put(&queue->kept, (uint64_t)source + 1, tally);
	}
	return tally;
}

static void count(struct reject_queue *queue, int64_t source, int64_t number, int64_t bytes)
{
	struct kept *tally = tally_of(queue, source);
	tally->count += number;
	tally->bytes += bytes;
	queue->kept_bytes += bytes;
}

static void tally_row(void *context, int64_t source, int64_t number, int64_t bytes)
{
	count(context, source, number, bytes);
}

static void place_of(int64_t id, char out[PLACE_SIZE])
{
	snprintf(out, PLACE_SIZE, "rejections:%" PRId64 ":head", id);
}

static int insert(struct tx *tx, const struct rejection *rejection)
{
	char place[PLACE_SIZE];
	int64_t id = id_next(&tx->store->ids, tx->now_ms);
	uint8_t *head = malloc(rejection->head.len + SEAL_OVERHEAD);
	if (!head) {
		tx->engine->fault = ENGINE_STORAGE;
		snprintf(tx->engine->why, sizeof tx->engine->why, "memory is out");
		return -1;
	}
	place_of(id, place);
	size_t len = seal(tx->store->config.master, slice_of(place), (const uint8_t *)rejection->head.at, rejection->head.len, head);
	int result = tx->engine->ops->rejection_insert(tx->engine, id, rejection, (struct slice){(const char *)head, len});
	free(head);
	if (result == 0)
		count(&tx->store->rejects, rejection->source, 1, (int64_t)(len + rejection->body.len));
	return result;
}

/* 1: one was deleted, 0: there is none, -1. `of_source` NULL: whatever source, if it is older than until_ms. */
static int delete_oldest(struct tx *tx, const int64_t *of_source, int64_t until_ms)
{
	struct rejection_place oldest = {.id = 0};
	int found = tx->engine->ops->rejection_oldest(tx->engine, of_source, &oldest);
	if (found <= 0 || (!of_source && oldest.at_ms > until_ms))
		return found < 0 ? -1 : 0;
	if (tx->engine->ops->rejection_delete(tx->engine, oldest.id))
		return -1;
	count(&tx->store->rejects, oldest.source, -1, -oldest.stored);
	return 1;
}

static const struct kept *largest(const struct reject_queue *queue)
{
	size_t at = 0;
	uint64_t id;
	void *value;
	const struct kept *most = NULL;
	while (idmap_next(&queue->kept, &at, &id, &value)) {
		const struct kept *tally = value;
		if (!most || tally->bytes > most->bytes)
			most = tally;
	}
	return most;
}

/* Back into the bounds; what is left to do after so many deletes waits for the next slice. */
static int trim(struct tx *tx, int64_t mono_us)
{
	struct reject_queue *queue = &tx->store->rejects;
	const struct rejection_limits *limits = &queue->limits;
	int deleted = 1, deletes = 0;
	for (const struct inbox_node *node = queue->taken; node && deleted > 0; node = node->next) {
		int64_t source = CONTAINER_OF(node, struct rejection, node)->source;
		while (deletes < DELETES_MAX && deleted > 0 && tally_of(queue, source)->count > limits->per_source)
			deletes += deleted = delete_oldest(tx, &source, 0);
	}
	while (deletes < DELETES_MAX && deleted > 0 && queue->kept_bytes > limits->bytes) {
		const struct kept *most = largest(queue);
		int64_t source = most ? most->source : 0;
		deletes += deleted = most ? delete_oldest(tx, &source, 0) : 0;
	}
	if (deleted < 0 || mono_us < queue->sweep_us)
		return deleted < 0 ? -1 : 0;
	deleted = reject_expire(tx, DELETES_MAX - deletes);
	if (deleted < DELETES_MAX - deletes)
		queue->sweep_us = mono_us + SWEEP_MS * INT64_C(1000);
	return deleted < 0 ? -1 : 0;
}

static int tally_once(struct tx *tx)
{
	struct reject_queue *queue = &tx->store->rejects;
	if (!queue->tallied && tx->engine->ops->rejections_tally(tx->engine, tally_row, queue))
		return -1;
	queue->tallied = true;
	return 0;
}

int reject_expire(struct tx *tx, int max)
{
	int64_t age_ms = tx->store->rejects.limits.age_ms;
	int deletes = 0, deleted = age_ms > 0 && max > 0 ? 1 : 0;
	if (deleted > 0 && tally_once(tx))
		return -1;
	while (deletes < max && deleted > 0)
		deletes += deleted = delete_oldest(tx, NULL, tx->now_ms - age_ms);
	return deleted < 0 ? -1 : deletes;
}

int reject_slice(struct tx *tx, int64_t mono_us)
{
	struct reject_queue *queue = &tx->store->rejects;
	if (tally_once(tx))
		return -1;
	take(queue);
	for (struct inbox_node *node = queue->taken; node; node = node->next)
		if (insert(tx, of_node(node)) || herald_refused(tx, of_node(node)))
			return -1;
	return trim(tx, mono_us);
}

void reject_done(struct reject_queue *queue, bool committed)
{
	free_chain(queue->taken);
	queue->taken = NULL;
	if (!committed)
		forget_tallies(queue);
}

/* ---- Accepted later ---- */

int rejection_accept(struct tx *tx, struct store_change *change)
{
	const struct engine_ops *ops = tx->engine->ops;
	char text[ID_TEXT_SIZE], event_text[ID_TEXT_SIZE];
	int64_t event = 0;
	int found = ops->rejection_state(tx->engine, change->id, &event);
	if (found < 0)
		return -1;
	if (found == 0)
		return change_not_found(change, "rejection");
	change->result_id = change->id;
	if (event != 0)
		return 0;
	if (ops->rejection_accept(tx->engine, change->id, change->event))
		return -1;
	/* Its body is gone: what is kept is counted anew. */
	forget_tallies(&tx->store->rejects);
	id_format(ID_REJECTION, change->id, text);
	id_format(ID_EVENT, change->event, event_text);
	return audit_note(tx, change, "rejection.accept", text, 0, NULL, json_pack("{s:s}", "event", event_text));
}

char *rejection_open(const struct master_key *master, int64_t id, struct slice head, size_t *len)
{
	char place[PLACE_SIZE];
	char *out = head.len < SEAL_OVERHEAD ? NULL : malloc(head.len - SEAL_OVERHEAD + 1);
	place_of(id, place);
	int plain =
	    out ? unseal(master, slice_of(place), (const uint8_t *)head.at, head.len, (uint8_t *)out, head.len - SEAL_OVERHEAD) : -1;
	if (plain < 0) {
		free(out);
		return NULL;
	}
	out[plain] = '\0';
	*len = (size_t)plain;
	return out;
}
