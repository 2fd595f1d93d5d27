/* The index of endpoints. An endpoint stands in one group per pattern and scope, and a type can be matched by few patterns: itself,
 * its parent's ".*", each ancestor's ".**", "*" and "**". So a match looks up these groups, and its cost does not depend on how many
 * endpoints and patterns do not match. */
#include "match/index.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/idmap.h"
#include "base/mem.h"
#include "match/group.h"
#include "model/event.h"

/* Scopes of groups: a subscriber's id, 0 for endpoints without one, and everybody's, which is the value of no id and no error. */
#define SCOPE_UNOWNED INT64_C(0)
#define SCOPE_EVERYONE INT64_MIN

enum { WILDCARD_MAX = 2, TARGETS_FIRST_CAP = 8 };

struct endpoint_entry {
	struct endpoint *endpoint;  /* a reference */
	struct group_member uid[2]; /* in its own scope, in everybody's */
	size_t patterns_len;
	struct group_member patterns[]; /* two for each pattern: in its own scope, in everybody's */
};

struct subscriber_entry {
	int64_t id;
	char *uid; /* NULL: none */
	struct group_member member;
};

struct index {
	pthread_rwlock_t lock;
	/* shared, under the lock */
	uint64_t version;
	struct idmap endpoints;   /* id → struct endpoint_entry * */
	struct idmap subscribers; /* id → struct subscriber_entry * */
	struct group_table patterns;
	struct group_table endpoint_uids;
	struct group_table subscriber_uids;
};

/* The writer goes first: readers come without a pause under load, and it must not wait for a gap between them. */
struct index *index_new(void)
{
	struct index *index = mem_new(struct index);
	pthread_rwlockattr_t attributes;
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&index->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return index;
}

static void subscriber_entry_free(struct subscriber_entry *entry)
{
	free(entry->uid);
	free(entry);
}

void index_free(struct index *index)
{
	if (!index)
		return;
	size_t at = 0;
	uint64_t id;
	void *value;
	while (idmap_next(&index->endpoints, &at, &id, &value)) {
		endpoint_unref(((struct endpoint_entry *)value)->endpoint);
		free(value);
	}
	at = 0;
	while (idmap_next(&index->subscribers, &at, &id, &value))
		subscriber_entry_free(value);
	group_table_free(&index->patterns);
	group_table_free(&index->endpoint_uids);
	group_table_free(&index->subscriber_uids);
	idmap_free(&index->endpoints);
	idmap_free(&index->subscribers);
	pthread_rwlock_destroy(&index->lock);
	free(index);
}

/* ---- Changes ----------------------------------------------------------------------------------------------------------- */

static bool takes_deliveries(const struct endpoint *endpoint)
{
	return endpoint->meta.status == ENDPOINT_ACTIVE || endpoint->meta.status == ENDPOINT_PAUSED;
}

static struct endpoint_entry *entry_new(struct endpoint *endpoint)
{
	size_t patterns_len = takes_deliveries(endpoint) ? 2 * (size_t)endpoint->patterns_len : 0;
	struct endpoint_entry *entry = mem_alloc(sizeof *entry + patterns_len * sizeof entry->patterns[0]);
	entry->endpoint = endpoint_ref(endpoint);
	entry->patterns_len = patterns_len;
	return entry;
}

static void enter(struct index *index, struct endpoint_entry *entry)
{
	const struct endpoint *endpoint = entry->endpoint;
	const int64_t scopes[2] = {endpoint->meta.subscriber, SCOPE_EVERYONE};
	for (size_t i = 0; i < entry->patterns_len; i++)
		group_join(&index->patterns, &entry->patterns[i], slice_of(endpoint->patterns[i / 2]), scopes[i % 2], entry->endpoint);
	for (size_t i = 0; endpoint->uid && i < 2; i++)
		group_join(&index->endpoint_uids, &entry->uid[i], slice_of(endpoint->uid), scopes[i], entry->endpoint);
	idmap_put(&index->endpoints, (uint64_t)endpoint->meta.id, entry);
}

static struct endpoint_entry *leave(struct index *index, int64_t id)
{
	struct endpoint_entry *entry = idmap_remove(&index->endpoints, (uint64_t)id);
	if (!entry)
		return NULL;
	for (size_t i = 0; i < entry->patterns_len; i++)
		group_leave(&index->patterns, &entry->patterns[i]);
	for (size_t i = 0; i < 2; i++)
		group_leave(&index->endpoint_uids, &entry->uid[i]);
	return entry;
}

void index_put_endpoint(struct index *index, struct endpoint *endpoint)
{
	struct endpoint_entry *fresh = endpoint->meta.status == ENDPOINT_DELETED ? NULL : entry_new(endpoint);
	pthread_rwlock_wrlock(&index->lock);
	struct endpoint_entry *old = leave(index, endpoint->meta.id);
	if (fresh)
		enter(index, fresh);
	index->version++;
	pthread_rwlock_unlock(&index->lock);
	if (old)
		endpoint_unref(old->endpoint);
	free(old);
}

static struct subscriber_entry *subscriber_leave(struct index *index, int64_t id)
{
	struct subscriber_entry *entry = idmap_remove(&index->subscribers, (uint64_t)id);
	if (entry)
		group_leave(&index->subscriber_uids, &entry->member);
	return entry;
}

static void subscriber_change(struct index *index, int64_t id, struct subscriber_entry *fresh)
{
	pthread_rwlock_wrlock(&index->lock);
	struct subscriber_entry *old = subscriber_leave(index, id);
	if (fresh) {
		idmap_put(&index->subscribers, (uint64_t)id, fresh);
		if (fresh->uid)
			group_join(&index->subscriber_uids, &fresh->member, slice_of(fresh->uid), SCOPE_EVERYONE, fresh);
	}
	index->version++;
	pthread_rwlock_unlock(&index->lock);
	if (old)
		subscriber_entry_free(old);
}

void index_put_subscriber(struct index *index, int64_t id, const char *uid)
{
	struct subscriber_entry *fresh = mem_new(struct subscriber_entry);
	fresh->id = id;
	fresh->uid = uid ? mem_text(uid) : NULL;
	subscriber_change(index, id, fresh);
}

void index_remove_subscriber(struct index *index, int64_t id)
{
	subscriber_change(index, id, NULL);
}

/* ---- Matching ---------------------------------------------------------------------------------------------------------- */

void index_targets_clear(struct index_targets *targets)
{
	for (size_t i = 0; i < targets->len; i++)
		endpoint_unref(targets->at[i]);
	free(targets->at);
	*targets = (struct index_targets){0};
}

static int reserve(struct index_targets *targets, size_t more)
{
	if (more <= targets->cap - targets->len)
		return 0;
	size_t cap = targets->cap ? targets->cap : TARGETS_FIRST_CAP;
	while (cap < targets->len + more)
		cap *= 2;
	struct endpoint **at = realloc(targets->at, cap * sizeof *at);
	if (!at)
		return -1;
	targets->at = at;
	targets->cap = cap;
	return 0;
}

static int collect(const struct index *index, struct slice pattern, int64_t scope, struct index_targets *targets)
{
	const struct group *group = group_find(&index->patterns, pattern, scope);
	if (!group)
		return 0;
	if (reserve(targets, group->len))
		return -1;
	for (size_t i = 0; i < group->len; i++)
		targets->at[targets->len++] = endpoint_ref(group->members[i]->item);
	return 0;
}

/* Collects what stands under `prefix` (the type up to and with a dot, or nothing) and a wildcard. */
static int collect_wildcard(const struct index *index, struct slice prefix, const char *wildcard, int64_t scope,
                            struct index_targets *targets)
{
	char pattern[EVENT_TYPE_MAX + WILDCARD_MAX];
	size_t stars = strlen(wildcard);
	memcpy(pattern, prefix.at, prefix.len);
	memcpy(pattern + prefix.len, wildcard, stars);
	return collect(index, (struct slice){pattern, prefix.len + stars}, scope, targets);
}

static int collect_all(const struct index *index, struct slice type, int64_t scope, struct index_targets *targets)
{
	int result = collect(index, type, scope, targets);
	bool parent = true;
	for (size_t i = type.len; i > 0; i--) {
		struct slice prefix = {type.at, i};
		if (type.at[i - 1] != '.')
			continue;
		if (parent)
			result |= collect_wildcard(index, prefix, "*", scope, targets);
		parent = false;
		result |= collect_wildcard(index, prefix, "**", scope, targets);
	}
	if (!event_type_reserved(type)) {
		result |= collect(index, SLICE_LITERAL("*"), scope, targets);
		result |= collect(index, SLICE_LITERAL("**"), scope, targets);
	}
	return result;
}

static int by_id(const void *a, const void *b)
{
	int64_t left = (*(struct endpoint *const *)a)->meta.id, right = (*(struct endpoint *const *)b)->meta.id;
	return (left > right) - (left < right);
}

/* An endpoint that several of its patterns selected was collected as often. */
static void sort_and_drop_doubles(struct index_targets *targets)
{
	size_t kept = 0;
	if (targets->len > 1)
		qsort(targets->at, targets->len, sizeof *targets->at, by_id);
	for (size_t i = 0; i < targets->len; i++) {
		if (kept > 0 && targets->at[kept - 1] == targets->at[i])
			endpoint_unref(targets->at[i]);
		else
			targets->at[kept++] = targets->at[i];
	}
	targets->len = kept;
}

int index_match(struct index *index, struct slice type, enum audience audience, int64_t subscriber, struct index_targets *targets)
{
	const int64_t scopes[] = {
	    [AUDIENCE_UNOWNED] = SCOPE_UNOWNED, [AUDIENCE_SUBSCRIBER] = subscriber, [AUDIENCE_EVERYONE] = SCOPE_EVERYONE};
	index_targets_clear(targets);
	if (type.len == 0 || type.len > EVENT_TYPE_MAX)
		return 0;
	pthread_rwlock_rdlock(&index->lock);
	int result = collect_all(index, type, scopes[audience], targets);
	targets->version = index->version;
	pthread_rwlock_unlock(&index->lock);
	if (result)
		index_targets_clear(targets);
	else
		sort_and_drop_doubles(targets);
	return result;
}

size_t index_count_everyone(struct index *index, struct slice type)
{
	struct index_targets targets = {0};
	size_t len = index_match(index, type, AUDIENCE_EVERYONE, 0, &targets) ? 0 : targets.len;
	index_targets_clear(&targets);
	return len;
}

uint64_t index_version(struct index *index)
{
	pthread_rwlock_rdlock(&index->lock);
	uint64_t version = index->version;
	pthread_rwlock_unlock(&index->lock);
	return version;
}

/* ---- Look-up ----------------------------------------------------------------------------------------------------------- */

struct endpoint *index_endpoint(struct index *index, int64_t id)
{
	if (id == 0)
		return NULL;
	pthread_rwlock_rdlock(&index->lock);
	const struct endpoint_entry *entry = idmap_get(&index->endpoints, (uint64_t)id);
	struct endpoint *endpoint = entry ? endpoint_ref(entry->endpoint) : NULL;
	pthread_rwlock_unlock(&index->lock);
	return endpoint;
}

struct endpoint *index_endpoint_by_uid(struct index *index, struct slice uid, int64_t subscriber, bool any, bool *ambiguous)
{
	struct endpoint *endpoint = NULL;
	pthread_rwlock_rdlock(&index->lock);
	const struct group *group = group_find(&index->endpoint_uids, uid, any ? SCOPE_UNOWNED : subscriber);
	if (!group && any)
		group = group_find(&index->endpoint_uids, uid, SCOPE_EVERYONE);
	if (group && group->len == 1)
		endpoint = endpoint_ref(group->members[0]->item);
	if (ambiguous)
		*ambiguous = group && group->len > 1;
	pthread_rwlock_unlock(&index->lock);
	return endpoint;
}

int64_t index_subscriber_by_uid(struct index *index, struct slice uid)
{
	pthread_rwlock_rdlock(&index->lock);
	const struct group *group = group_find(&index->subscriber_uids, uid, SCOPE_EVERYONE);
	int64_t id = group ? ((const struct subscriber_entry *)group->members[0]->item)->id : 0;
	pthread_rwlock_unlock(&index->lock);
	return id;
}

bool index_subscriber_exists(struct index *index, int64_t id)
{
	pthread_rwlock_rdlock(&index->lock);
	bool exists = id != 0 && idmap_get(&index->subscribers, (uint64_t)id);
	pthread_rwlock_unlock(&index->lock);
	return exists;
}

bool index_subscriber_uid(struct index *index, int64_t id, char *out, size_t out_size)
{
	pthread_rwlock_rdlock(&index->lock);
	const struct subscriber_entry *entry = id != 0 ? idmap_get(&index->subscribers, (uint64_t)id) : NULL;
	bool has = entry && entry->uid && strlen(entry->uid) < out_size;
	if (has)
		memcpy(out, entry->uid, strlen(entry->uid) + 1);
	pthread_rwlock_unlock(&index->lock);
	return has;
}

void index_each_endpoint(struct index *index, void (*visit)(struct endpoint *endpoint, void *context), void *context)
{
	size_t at = 0;
	uint64_t id;
	void *entry;
	pthread_rwlock_rdlock(&index->lock);
	while (idmap_next(&index->endpoints, &at, &id, &entry))
		visit(((struct endpoint_entry *)entry)->endpoint, context);
	pthread_rwlock_unlock(&index->lock);
}
