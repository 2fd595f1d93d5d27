/* The index of endpoints. An endpoint stands in one group per pattern and scope, and a type can be matched by few patterns: itself,
 * its parent's ".*", each ancestor's ".**", "*" and "**". So a match looks up these groups, and its cost does not depend on how many
 * endpoints and patterns do not match. Groups are in the order of ids, and so is what is merged of them. What an endpoint stands in
 * follows from what it says (it never changes), so nothing is kept for each beside the groups themselves. */
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

enum {
	WILDCARD_MAX = 2,
	/* Itself, its parent's ".*", "*", "**", and an ancestor's ".**" for each second byte. */
	SELECTED_MAX = 4 + EVENT_TYPE_MAX / 2,
	MERGE_STACK = 64,
};

struct subscriber_entry {
	int64_t id;
	char *uid; /* NULL: none */
};

struct index {
	pthread_rwlock_t lock;
	/* shared, under the lock */
	uint64_t version;
	struct idmap endpoints;   /* id → struct endpoint *, a reference */
	size_t of_status[ENDPOINT_DELETED + 1]; /* how many of them */
	struct idmap subscribers; /* id → struct subscriber_entry * */
	struct group_table patterns;
	struct group_table endpoint_uids;
	struct group_table subscriber_uids;
};

static int64_t endpoint_id(const void *item)
{
	return ((const struct endpoint *)item)->meta.id;
}

static int64_t subscriber_id(const void *item)
{
	return ((const struct subscriber_entry *)item)->id;
}

/* The writer goes first: readers come without a pause under load, and it must not wait for a gap between them. */
struct index *index_new(void)
{
	struct index *index = mem_new(struct index);
	pthread_rwlockattr_t attributes;
	index->patterns.id = index->endpoint_uids.id = endpoint_id;
	index->subscriber_uids.id = subscriber_id;
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
	while (idmap_next(&index->endpoints, &at, &id, &value))
		endpoint_unref(value);
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

/* Into each of its groups or out of it, in its own scope and in everybody's. */
static void stand(struct index *index, struct endpoint *endpoint, bool enter)
{
	const int64_t scopes[2] = {endpoint->meta.subscriber, SCOPE_EVERYONE};
	unsigned patterns_len = takes_deliveries(endpoint) ? endpoint->patterns_len : 0;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < patterns_len; j++) {
			struct slice pattern = slice_of(endpoint->patterns[j]);
			if (enter)
				group_join(&index->patterns, pattern, scopes[i], endpoint);
			else
				group_leave(&index->patterns, pattern, scopes[i], endpoint);
		}
		if (endpoint->uid && enter)
			group_join(&index->endpoint_uids, slice_of(endpoint->uid), scopes[i], endpoint);
		else if (endpoint->uid)
			group_leave(&index->endpoint_uids, slice_of(endpoint->uid), scopes[i], endpoint);
	}
}

void index_put_endpoint(struct index *index, struct endpoint *endpoint)
{
	pthread_rwlock_wrlock(&index->lock);
	struct endpoint *old = idmap_remove(&index->endpoints, (uint64_t)endpoint->meta.id);
	if (old) {
		stand(index, old, false);
		index->of_status[old->meta.status]--;
	}
	index->of_status[endpoint->meta.status]++;
	if (endpoint->meta.status != ENDPOINT_DELETED) {
		stand(index, endpoint, true);
		idmap_put(&index->endpoints, (uint64_t)endpoint->meta.id, endpoint_ref(endpoint));
	}
	index->version++;
	pthread_rwlock_unlock(&index->lock);
	endpoint_unref(old);
}

static struct subscriber_entry *subscriber_leave(struct index *index, int64_t id)
{
	struct subscriber_entry *entry = idmap_remove(&index->subscribers, (uint64_t)id);
	if (entry && entry->uid)
		group_leave(&index->subscriber_uids, slice_of(entry->uid), SCOPE_EVERYONE, entry);
	return entry;
}

static void subscriber_change(struct index *index, int64_t id, struct subscriber_entry *fresh)
{
	pthread_rwlock_wrlock(&index->lock);
	struct subscriber_entry *old = subscriber_leave(index, id);
	if (fresh) {
		idmap_put(&index->subscribers, (uint64_t)id, fresh);
		if (fresh->uid)
			group_join(&index->subscriber_uids, slice_of(fresh->uid), SCOPE_EVERYONE, fresh);
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

/* The groups whose patterns match a type. */
struct selected {
	const struct group *at[SELECTED_MAX];
	size_t len;
	size_t items; /* of all of them */
};

static void select_group(const struct index *index, struct slice pattern, int64_t scope, struct selected *selected)
{
	const struct group *group = group_find(&index->patterns, pattern, scope);
	if (!group)
		return;
	selected->at[selected->len++] = group;
	selected->items += group->len;
}

/* What stands under `prefix` (the type up to and with a dot) and a wildcard. */
static void select_wildcard(const struct index *index, struct slice prefix, const char *wildcard, int64_t scope, struct selected *selected)
{
	char pattern[EVENT_TYPE_MAX + WILDCARD_MAX];
	size_t stars = strlen(wildcard);
	memcpy(pattern, prefix.at, prefix.len);
	memcpy(pattern + prefix.len, wildcard, stars);
	select_group(index, (struct slice){pattern, prefix.len + stars}, scope, selected);
}

static void select_all(const struct index *index, struct slice type, int64_t scope, struct selected *selected)
{
	bool parent = true;
	selected->len = selected->items = 0;
	select_group(index, type, scope, selected);
	for (size_t i = type.len; i > 0; i--) {
		struct slice prefix = {type.at, i};
		if (type.at[i - 1] != '.')
			continue;
		if (parent)
			select_wildcard(index, prefix, "*", scope, selected);
		parent = false;
		select_wildcard(index, prefix, "**", scope, selected);
	}
	if (!event_type_reserved(type)) {
		select_group(index, SLICE_LITERAL("*"), scope, selected);
		select_group(index, SLICE_LITERAL("**"), scope, selected);
	}
}

/* Both halves, before and from `middle`, ascend; so does the whole then. What stands in both (several patterns of an endpoint select it)
 * stands there once. */
static int merge(struct index_targets *targets, size_t middle)
{
	struct endpoint **at = targets->at, *stack[MERGE_STACK];
	if (middle == 0 || at[middle - 1]->meta.id < at[middle]->meta.id)
		return 0;
	struct endpoint **left = middle <= MERGE_STACK ? stack : malloc(middle * sizeof(struct endpoint *));
	if (!left)
		return -1;
	memcpy(left, at, middle * sizeof(struct endpoint *));
	size_t i = 0, j = middle, out = 0;
	while (i < middle && j < targets->len) {
		if (left[i] == at[j])
			i++;
		else
			at[out++] = left[i]->meta.id < at[j]->meta.id ? left[i++] : at[j++];
	}
	while (i < middle)
		at[out++] = left[i++];
	while (j < targets->len)
		at[out++] = at[j++];
	targets->len = out;
	if (left != stack)
		free(left);
	return 0;
}

/* Endpoints lie far apart: all are on their way into the processor's cache while the list is made. */
static int append(struct index_targets *targets, const struct group *group)
{
	size_t middle = targets->len;
	const struct group_run *runs = group_runs(group);
	for (uint32_t i = 0; i < group->runs_len; i++) {
		void *const *items = group_items(&runs[i]);
		for (uint32_t j = 0; j < runs[i].len; j++) {
			__builtin_prefetch(items[j], 1);
			targets->at[targets->len++] = items[j];
		}
	}
	return merge(targets, middle);
}

/* Without references: the caller locks. Room for one more than there may be: of nothing malloc() may give NULL. */
static int collect(const struct selected *selected, struct index_targets *targets)
{
	targets->at = malloc((selected->items + 1) * sizeof(struct endpoint *));
	int result = targets->at ? 0 : -1;
	for (size_t i = 0; result == 0 && i < selected->len; i++)
		result = append(targets, selected->at[i]);
	if (result)
		targets->len = 0;
	return result;
}

static bool is_type(struct slice type)
{
	return type.len > 0 && type.len <= EVENT_TYPE_MAX;
}

int index_match(struct index *index, struct slice type, enum audience audience, int64_t subscriber, struct index_targets *targets)
{
	const int64_t scopes[] = {
	    [AUDIENCE_UNOWNED] = SCOPE_UNOWNED, [AUDIENCE_SUBSCRIBER] = subscriber, [AUDIENCE_EVERYONE] = SCOPE_EVERYONE};
	struct selected selected;
	index_targets_clear(targets);
	if (!is_type(type))
		return 0;
	pthread_rwlock_rdlock(&index->lock);
	select_all(index, type, scopes[audience], &selected);
	int result = selected.len > 0 ? collect(&selected, targets) : 0;
	for (size_t i = 0; i < targets->len; i++)
		endpoint_ref(targets->at[i]);
	targets->version = index->version;
	pthread_rwlock_unlock(&index->lock);
	if (result)
		index_targets_clear(targets);
	return result;
}

size_t index_count_everyone(struct index *index, struct slice type)
{
	struct index_targets targets = {0};
	struct selected selected;
	if (!is_type(type))
		return 0;
	pthread_rwlock_rdlock(&index->lock);
	select_all(index, type, SCOPE_EVERYONE, &selected);
	/* Nobody stands in one group twice. */
	size_t len = selected.items;
	if (selected.len > 1)
		len = collect(&selected, &targets) ? 0 : targets.len;
	pthread_rwlock_unlock(&index->lock);
	free(targets.at);
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
	struct endpoint *found = idmap_get(&index->endpoints, (uint64_t)id);
	struct endpoint *endpoint = found ? endpoint_ref(found) : NULL;
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
		endpoint = endpoint_ref(group_first(group));
	if (ambiguous)
		*ambiguous = group && group->len > 1;
	pthread_rwlock_unlock(&index->lock);
	return endpoint;
}

int64_t index_subscriber_by_uid(struct index *index, struct slice uid)
{
	pthread_rwlock_rdlock(&index->lock);
	const struct group *group = group_find(&index->subscriber_uids, uid, SCOPE_EVERYONE);
	int64_t id = group ? ((const struct subscriber_entry *)group_first(group))->id : 0;
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

void index_count_status(struct index *index, size_t counts[ENDPOINT_DELETED])
{
	pthread_rwlock_rdlock(&index->lock);
	memcpy(counts, index->of_status, ENDPOINT_DELETED * sizeof *counts);
	pthread_rwlock_unlock(&index->lock);
}

void index_each_endpoint(struct index *index, void (*visit)(struct endpoint *endpoint, void *context), void *context)
{
	size_t at = 0;
	uint64_t id;
	void *endpoint;
	pthread_rwlock_rdlock(&index->lock);
	while (idmap_next(&index->endpoints, &at, &id, &endpoint))
		visit(endpoint, context);
	pthread_rwlock_unlock(&index->lock);
}
