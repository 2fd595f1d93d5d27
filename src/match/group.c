/* Groups of what shares a text within a scope. Invariant: a group has at least one run, a run at least one item, and all items of all
 * runs, one after the other, ascend by id. */
#include "match/group.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

static uint64_t key_hash(struct slice text, int64_t scope)
{
	char key[sizeof scope + GROUP_TEXT_MAX];
	memcpy(key, &scope, sizeof scope);
	memcpy(key + sizeof scope, text.at, text.len);
	return idmap_hash(key, sizeof scope + text.len);
}

static struct group *find(const struct group_table *table, struct slice text, int64_t scope, uint64_t hash)
{
	struct group *group = idmap_get(&table->groups, hash);
	while (group && (group->scope != scope || !slice_equal((struct slice){group->text, group->text_len}, text)))
		group = group->next;
	return group;
}

const struct group *group_find(const struct group_table *table, struct slice text, int64_t scope)
{
	if (text.len > GROUP_TEXT_MAX || text.len == 0)
		return NULL;
	return find(table, text, scope, key_hash(text, scope));
}

static struct group *make(struct group_table *table, struct slice text, int64_t scope, uint64_t hash)
{
	struct group *group = mem_alloc(sizeof *group + text.len);
	group->hash = hash;
	group->scope = scope;
	group->runs_len = 1;
	group->text_len = (uint32_t)text.len;
	memcpy(group->text, text.at, text.len);
	group->next = idmap_get(&table->groups, hash);
	idmap_put(&table->groups, hash, group);
	return group;
}

static void run_free(struct group_run *run)
{
	if (run->cap > 0)
		free(run->many);
}

static void group_free(struct group *group)
{
	if (group->runs_len == 1) {
		run_free(&group->runs.one);
	} else {
		for (uint32_t i = 0; i < group->runs_len; i++)
			run_free(&group->runs.many[i]);
		free(group->runs.many);
	}
	free(group);
}

static void drop(struct group_table *table, struct group *group)
{
	struct group *first = idmap_get(&table->groups, group->hash);
	struct group **link = &first;
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	if (first)
		idmap_put(&table->groups, group->hash, first);
	else
		idmap_remove(&table->groups, group->hash);
	group_free(group);
}

/* ---- Places ---- */

static struct group_run *runs_of(struct group *group)
{
	return group->runs_len == 1 ? &group->runs.one : group->runs.many;
}

static void **items_of(struct group_run *run)
{
	return run->cap == 0 ? &run->one : run->many;
}

/* The last run that begins at or before the id, else the first. */
static uint32_t run_of(const struct group_table *table, const struct group *group, int64_t id)
{
	const struct group_run *runs = group_runs(group);
	uint32_t low = 0, high = group->runs_len;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (table->id(group_items(&runs[middle])[0]) <= id)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How many items of the run are before the id. What is new is the greatest, as a rule. */
static uint32_t place_of(const struct group_table *table, const struct group_run *run, int64_t id)
{
	void *const *items = group_items(run);
	uint32_t low = 0, high = run->len;
	if (high > 0 && table->id(items[high - 1]) < id)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (table->id(items[middle]) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- Changes. What endpoints need in memory is bounded by what is stored, so running out of it here is no outsider's choice. ---- */

static void *grown(void *memory, size_t count, size_t size)
{
	void *bigger = realloc(memory, count * size);
	if (!bigger)
		log_fatal("match", "memory is out while the index grows");
	return bigger;
}

static void run_resize(struct group_run *run, uint32_t cap)
{
	if (run->cap == 0) {
		void *one = run->one;
		run->many = grown(NULL, cap, sizeof *run->many);
		run->many[0] = one;
	} else {
		run->many = grown(run->many, cap, sizeof *run->many);
	}
	run->cap = cap;
}

static void run_insert(struct group_run *run, uint32_t place, void *item)
{
	if (run->len > 0 && run->len >= run->cap)
		run_resize(run, run->cap ? run->cap * 2 : 2);
	void **items = items_of(run);
	memmove(&items[place + 1], &items[place], (run->len - place) * sizeof *items);
	items[place] = item;
	run->len++;
}

/* Makes room for a run behind this one. */
static struct group_run *runs_open(struct group *group, uint32_t at)
{
	struct group_run one = group->runs.one;
	bool alone = group->runs_len == 1;
	struct group_run *runs = grown(alone ? NULL : group->runs.many, group->runs_len + 1, sizeof *runs);
	if (alone)
		runs[0] = one;
	group->runs.many = runs;
	memmove(&runs[at + 2], &runs[at + 1], (group->runs_len - at - 1) * sizeof *runs);
	runs[at + 1] = (struct group_run){.len = 0};
	group->runs_len++;
	return runs;
}

static void runs_close(struct group *group, uint32_t at)
{
	struct group_run *runs = group->runs.many;
	run_free(&runs[at]);
	group->runs_len--;
	memmove(&runs[at], &runs[at + 1], (group->runs_len - at) * sizeof *runs);
	if (group->runs_len == 1) {
		group->runs.one = runs[0];
		free(runs);
	}
}

/* A full run is cut in two; what comes behind the last one begins a new one, so that runs are full when items come in order. */
static struct group_run *run_split(struct group *group, uint32_t at, uint32_t *place)
{
	bool end = *place == GROUP_RUN_MAX && at == group->runs_len - 1;
	struct group_run *runs = runs_open(group, at), *full = &runs[at], *next = &runs[at + 1];
	uint32_t keep = end ? GROUP_RUN_MAX : GROUP_RUN_MAX / 2;
	if (!end) {
		run_resize(next, GROUP_RUN_MAX);
		memcpy(next->many, &full->many[keep], (GROUP_RUN_MAX - keep) * sizeof *full->many);
		next->len = GROUP_RUN_MAX - keep;
		full->len = keep;
	}
	if (*place < keep || (*place == keep && !end))
		return full;
	*place -= keep;
	return next;
}

void group_join(struct group_table *table, struct slice text, int64_t scope, void *item)
{
	uint64_t hash = key_hash(text, scope);
	struct group *group = find(table, text, scope, hash);
	if (!group)
		group = make(table, text, scope, hash);
	int64_t id = table->id(item);
	uint32_t at = group->len ? run_of(table, group, id) : 0;
	struct group_run *run = &runs_of(group)[at];
	uint32_t place = place_of(table, run, id);
	if (run->len == GROUP_RUN_MAX)
		run = run_split(group, at, &place);
	run_insert(run, place, item);
	group->len++;
}

/* Two neighbours that are half empty become one. */
static void runs_merge(struct group *group, uint32_t at)
{
	if (at + 1 >= group->runs_len)
		return;
	struct group_run *run = &group->runs.many[at], *next = run + 1;
	uint32_t len = run->len + next->len;
	if (len > GROUP_RUN_MAX / 2)
		return;
	if (len > run->cap)
		run_resize(run, GROUP_RUN_MAX / 2);
	memcpy(&items_of(run)[run->len], items_of(next), next->len * sizeof(void *));
	run->len = len;
	runs_close(group, at + 1);
}

static void run_remove(struct group *group, uint32_t at, uint32_t place)
{
	struct group_run *run = &runs_of(group)[at];
	void **items = items_of(run);
	run->len--;
	memmove(&items[place], &items[place + 1], (run->len - place) * sizeof *items);
	group->len--;
	if (run->len == 0 && group->runs_len > 1)
		runs_close(group, at);
	else if (run->cap > 2 && run->len > 0 && run->len < run->cap / 4)
		run_resize(run, run->cap / 2);
	runs_merge(group, at > 0 ? at - 1 : 0);
}

void group_leave(struct group_table *table, struct slice text, int64_t scope, const void *item)
{
	struct group *group = find(table, text, scope, key_hash(text, scope));
	if (!group)
		return;
	int64_t id = table->id(item);
	uint32_t at = run_of(table, group, id);
	const struct group_run *run = &group_runs(group)[at];
	uint32_t place = place_of(table, run, id);
	if (place == run->len || group_items(run)[place] != item)
		return;
	run_remove(group, at, place);
	if (group->len == 0)
		drop(table, group);
}

void group_table_free(struct group_table *table)
{
	size_t at = 0;
	uint64_t hash;
	void *value;
	while (idmap_next(&table->groups, &at, &hash, &value)) {
		for (struct group *group = value, *next; group; group = next) {
			next = group->next;
			group_free(group);
		}
	}
	idmap_free(&table->groups);
}
