/* Groups of what shares a text within a scope. */
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
	group->text_len = text.len;
	memcpy(group->text, text.at, text.len);
	group->next = idmap_get(&table->groups, hash);
	idmap_put(&table->groups, hash, group);
	return group;
}

static void group_free(struct group *group)
{
	if (group->members != &group->alone)
		free(group->members);
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

/* What endpoints need in memory is bounded by what is stored, so running out of it here is no outsider's choice. */
static void resize(struct group *group, size_t cap)
{
	struct group_member **old = group->members == &group->alone ? NULL : group->members;
	if (cap == 1) {
		group->alone = group->len ? group->members[0] : NULL;
		group->members = &group->alone;
		free(old);
	} else {
		struct group_member **members = realloc(old, cap * sizeof *members);
		if (!members)
			log_fatal("match", "memory is out while the index grows");
		if (!old && group->len)
			members[0] = group->alone;
		group->members = members;
	}
	group->cap = cap;
}

void group_join(struct group_table *table, struct group_member *member, struct slice text, int64_t scope, void *item)
{
	uint64_t hash = key_hash(text, scope);
	struct group *group = find(table, text, scope, hash);
	if (!group)
		group = make(table, text, scope, hash);
	if (group->len == group->cap)
		resize(group, group->cap ? group->cap * 2 : 1);
	*member = (struct group_member){group, group->len, item};
	group->members[group->len++] = member;
}

void group_leave(struct group_table *table, struct group_member *member)
{
	struct group *group = member->group;
	if (!group)
		return;
	struct group_member *last = group->members[--group->len];
	group->members[member->place] = last;
	last->place = member->place;
	member->group = NULL;
	if (group->len == 0)
		drop(table, group);
	else if (group->len < group->cap / 4)
		resize(group, group->cap / 2);
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
