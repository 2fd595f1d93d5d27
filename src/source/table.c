/* The table of sources: by id, and by the hash of the uid. */
#include "source/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "metrics/sources.h"

struct entry {
	struct entry *next; /* another one whose uid has the same hash */
	struct source *source;
	/* under `buckets`: what is left of its rate, in thousandths of a request, and when that was so */
	int64_t left_milli;
	int64_t at_us;
	int64_t limit, per_ms; /* what the bucket was filled for */
};

struct source_table {
	pthread_rwlock_t lock;
	struct idmap by_id;
	struct idmap by_uid;
	pthread_mutex_t buckets;
};

struct source_table *source_table_new(void)
{
	struct source_table *table = mem_new(struct source_table);
	pthread_rwlock_init(&table->lock, NULL);
	pthread_mutex_init(&table->buckets, NULL);
	return table;
}

void source_table_free(struct source_table *table)
{
	size_t at = 0;
	uint64_t id;
	void *value;
	if (!table)
		return;
	while (idmap_next(&table->by_id, &at, &id, &value)) {
		source_unref(((struct entry *)value)->source);
		free(value);
	}
	idmap_free(&table->by_id);
	idmap_free(&table->by_uid);
	pthread_mutex_destroy(&table->buckets);
	pthread_rwlock_destroy(&table->lock);
	free(table);
}

static uint64_t hash_of(const char *uid)
{
	return idmap_hash(uid, strlen(uid));
}

static void name_add(struct source_table *table, struct entry *entry)
{
	if (!entry->source->uid)
		return;
	uint64_t hash = hash_of(entry->source->uid);
	entry->next = idmap_get(&table->by_uid, hash);
	idmap_put(&table->by_uid, hash, entry);
}

static void name_remove(struct source_table *table, struct entry *entry)
{
	if (!entry->source->uid)
		return;
	uint64_t hash = hash_of(entry->source->uid);
	struct entry *first = idmap_get(&table->by_uid, hash);
	struct entry **link = &first;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	if (first)
		idmap_put(&table->by_uid, hash, first);
	else
		idmap_remove(&table->by_uid, hash);
}

void source_table_put(struct source_table *table, struct source *source)
{
	pthread_rwlock_wrlock(&table->lock);
	struct entry *entry = idmap_get(&table->by_id, (uint64_t)source->meta.id);
	struct source *before = entry ? entry->source : NULL;
	if (entry)
		name_remove(table, entry);
	else
		entry = mem_new(struct entry);
	entry->source = source_ref(source);
	name_add(table, entry);
	idmap_put(&table->by_id, (uint64_t)source->meta.id, entry);
	pthread_rwlock_unlock(&table->lock);
	source_unref(before);
	char text[ID_TEXT_SIZE];
	id_format(ID_SOURCE, source->meta.id, text);
	metrics_source(source->meta.id, source->scheme->name, source->uid ? source->uid : text);
}

void source_table_remove(struct source_table *table, int64_t id)
{
	pthread_rwlock_wrlock(&table->lock);
	struct entry *entry = idmap_remove(&table->by_id, (uint64_t)id);
	if (entry)
		name_remove(table, entry);
	pthread_rwlock_unlock(&table->lock);
	if (entry)
		source_unref(entry->source);
	free(entry);
	metrics_source_gone(id);
}

static struct entry *find_locked(struct source_table *table, struct slice name)
{
	int64_t id;
	if (id_parse(ID_SOURCE, name, &id) == 0)
		return idmap_get(&table->by_id, (uint64_t)id);
	struct entry *entry = idmap_get(&table->by_uid, idmap_hash(name.at, name.len));
	while (entry && !slice_is(name, entry->source->uid))
		entry = entry->next;
	return entry;
}

struct source *source_table_find(struct source_table *table, struct slice name)
{
	pthread_rwlock_rdlock(&table->lock);
	struct entry *entry = find_locked(table, name);
	struct source *source = entry ? source_ref(entry->source) : NULL;
	pthread_rwlock_unlock(&table->lock);
	return source;
}

struct source *source_table_get(struct source_table *table, int64_t id)
{
	pthread_rwlock_rdlock(&table->lock);
	struct entry *entry = idmap_get(&table->by_id, (uint64_t)id);
	struct source *source = entry ? source_ref(entry->source) : NULL;
	pthread_rwlock_unlock(&table->lock);
	return source;
}

bool source_table_uid(struct source_table *table, int64_t id, char *out, size_t out_size)
{
	pthread_rwlock_rdlock(&table->lock);
	struct entry *entry = idmap_get(&table->by_id, (uint64_t)id);
	const char *uid = entry ? entry->source->uid : NULL;
	bool fits = uid && strlen(uid) < out_size;
	if (fits)
		memcpy(out, uid, strlen(uid) + 1);
	pthread_rwlock_unlock(&table->lock);
	return fits;
}

/* A bucket that was filled for another rate begins full. What is less than a thousandth of a request is not lost: time is counted on from
 * where the whole ones end. */
static void refill(struct entry *entry, const struct source *source, int64_t now_us)
{
	int64_t full_milli = source->rate.limit * 1000;
	double us_per_milli = (double)source->rate.per_ms * 1000.0 / (double)full_milli;
	if (entry->limit != source->rate.limit || entry->per_ms != source->rate.per_ms) {
		entry->limit = source->rate.limit;
		entry->per_ms = source->rate.per_ms;
		entry->left_milli = full_milli;
		entry->at_us = now_us;
		return;
	}
	double more = (double)(now_us - entry->at_us) / us_per_milli;
	if (more >= (double)(full_milli - entry->left_milli)) {
		entry->left_milli = full_milli;
		entry->at_us = now_us;
		return;
	}
	entry->left_milli += (int64_t)more;
	entry->at_us += (int64_t)((double)(int64_t)more * us_per_milli);
}

void source_table_take(struct source_table *table, const struct source *source, int64_t now_us, struct source_rate *rate)
{
	int64_t limit = source->rate.limit, per_ms = source->rate.per_ms;
	*rate = (struct source_rate){.taken = true, .limit = limit, .per_s = per_ms < 1000 ? 1 : per_ms / 1000};
	if (limit == 0)
		return;
	pthread_rwlock_rdlock(&table->lock);
	struct entry *entry = idmap_get(&table->by_id, (uint64_t)source->meta.id);
	if (entry) {
		pthread_mutex_lock(&table->buckets);
		refill(entry, source, now_us);
		rate->taken = entry->left_milli >= 1000;
		if (rate->taken)
			entry->left_milli -= 1000;
		rate->remaining = entry->left_milli / 1000;
		double wait_ms = (double)(1000 - entry->left_milli) * (double)per_ms / ((double)limit * 1000.0);
		rate->retry_after_s = wait_ms < 1000.0 ? 1 : (int64_t)(wait_ms / 1000.0) + 1;
		pthread_mutex_unlock(&table->buckets);
	}
	pthread_rwlock_unlock(&table->lock);
}

void source_table_each(struct source_table *table, void (*visit)(struct source *source, void *context), void *context)
{
	size_t at = 0;
	uint64_t id;
	void *value;
	pthread_rwlock_rdlock(&table->lock);
	while (idmap_next(&table->by_id, &at, &id, &value))
		visit(((struct entry *)value)->source, context);
	pthread_rwlock_unlock(&table->lock);
}
