/* Groups: what shares a text within a scope (the endpoints of one pattern, the holders of one uid), in the order of their ids, so that
 * what several groups select is merged and never sorted. The items stand in runs of bounded length: joining and leaving cost about the
 * same whether the group has one item or a hundred thousand. An item does not know where it stands; it is found by its id. The caller
 * locks. */
#ifndef GRAPNEL_MATCH_GROUP_H
#define GRAPNEL_MATCH_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/slice.h"

enum { GROUP_TEXT_MAX = 255, GROUP_RUN_MAX = 512 };

/* Items by id, ascending. */
struct group_run {
	union {
		void **many; /* cap of them */
		void *one;   /* while cap is 0: uids are many, and have one holder each */
	};
	uint32_t len, cap;
};

struct group {
	struct group *next; /* another one whose key has the same hash */
	uint64_t hash;
	int64_t scope;
	size_t len; /* items of all runs */
	union {
		struct group_run *many; /* runs_len of them */
		struct group_run one;   /* while runs_len is 1 */
	} runs;
	uint32_t runs_len;
	uint32_t text_len;
	char text[];
};

/* From (text, scope) to groups; a group is there while it has items. */
struct group_table {
	struct idmap groups;
	int64_t (*id)(const void *item); /* distinct within a group */
};

static inline const struct group_run *group_runs(const struct group *group)
{
	return group->runs_len == 1 ? &group->runs.one : group->runs.many;
}

static inline void *const *group_items(const struct group_run *run)
{
	return run->cap == 0 ? &run->one : run->many;
}

static inline void *group_first(const struct group *group)
{
	return group_items(group_runs(group))[0];
}

void group_table_free(struct group_table *table); /* all groups; items are their owners' */
const struct group *group_find(const struct group_table *table, struct slice text, int64_t scope); /* NULL: nobody is in it */
/* `text` has at most GROUP_TEXT_MAX bytes. An item joins a group once. */
void group_join(struct group_table *table, struct slice text, int64_t scope, void *item);
void group_leave(struct group_table *table, struct slice text, int64_t scope, const void *item); /* nothing when it is not in it */

#endif
