/* Counters by source: see sources.h. */
#include "metrics/sources.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "metrics/metrics.h"

struct counts {
	uint64_t ingested[LABEL_INGEST_MAX];
	uint64_t rejected[LABEL_REJECTION_MAX];
};

struct slot {
	int64_t id; /* 0: free */
	char *kind, *name;
	struct counts counts;
};

/* Publishing by the API, which happens often, takes no lock. */
static _Atomic(uint64_t) by_api[LABEL_INGEST_MAX];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* under the mutex */
static struct slot slots[METRICS_SOURCES_MAX];
static struct counts hub, unknown, other;

static struct slot *slot_of(int64_t id)
{
	for (struct slot *slot = slots; slot < slots + METRICS_SOURCES_MAX; slot++)
		if (slot->id == id)
			return slot;
	return NULL;
}

static void slot_clear(struct slot *slot)
{
	free(slot->kind);
	free(slot->name);
	*slot = (struct slot){0};
}

void metrics_source(int64_t id, const char *kind, const char *name)
{
	pthread_mutex_lock(&mutex);
	struct slot *slot = slot_of(id);
	if (!slot)
		slot = slot_of(0);
	if (slot) {
		struct counts counts = slot->counts;
		slot_clear(slot);
		*slot = (struct slot){.id = id, .kind = mem_text(kind), .name = mem_text(name), .counts = counts};
	}
	pthread_mutex_unlock(&mutex);
}

void metrics_source_gone(int64_t id)
{
	pthread_mutex_lock(&mutex);
	struct slot *slot = slot_of(id);
	if (slot)
		slot_clear(slot);
	pthread_mutex_unlock(&mutex);
}

static struct counts *counts_of(int64_t source)
{
	if (source == METRICS_SOURCE_HUB)
		return &hub;
	if (source == METRICS_SOURCE_UNKNOWN)
		return &unknown;
	struct slot *slot = slot_of(source);
	return slot ? &slot->counts : &other;
}

void metrics_ingested(int64_t source, enum metrics_ingest result, uint64_t count)
{
	if (source == METRICS_SOURCE_API) {
		atomic_fetch_add_explicit(&by_api[result], count, memory_order_relaxed);
		return;
	}
	pthread_mutex_lock(&mutex);
	counts_of(source)->ingested[result] += count;
	pthread_mutex_unlock(&mutex);
}

void metrics_rejected(int64_t source, unsigned reason)
{
	pthread_mutex_lock(&mutex);
	struct counts *counts = counts_of(source);
	counts->ingested[INGEST_REFUSED]++;
	counts->rejected[reason]++;
	pthread_mutex_unlock(&mutex);
}

void metrics_sources_ingested(metrics_source_visit *visit, void *context)
{
	uint64_t api[LABEL_INGEST_MAX];
	for (unsigned i = 0; i < LABEL_INGEST_MAX; i++)
		api[i] = atomic_load_explicit(&by_api[i], memory_order_relaxed);
	visit(context, "api", "", api);
	pthread_mutex_lock(&mutex);
	visit(context, "hub", "", hub.ingested);
	visit(context, "none", "unknown", unknown.ingested);
	for (const struct slot *slot = slots; slot < slots + METRICS_SOURCES_MAX; slot++)
		if (slot->id)
			visit(context, slot->kind, slot->name, slot->counts.ingested);
	visit(context, "other", "other", other.ingested);
	pthread_mutex_unlock(&mutex);
}

void metrics_sources_rejected(metrics_source_visit *visit, void *context)
{
	pthread_mutex_lock(&mutex);
	visit(context, "none", "unknown", unknown.rejected);
	for (const struct slot *slot = slots; slot < slots + METRICS_SOURCES_MAX; slot++)
		if (slot->id)
			visit(context, slot->kind, slot->name, slot->counts.rejected);
	visit(context, "other", "other", other.rejected);
	pthread_mutex_unlock(&mutex);
}
