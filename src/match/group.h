/* Groups: what shares a text within a scope (the endpoints of one pattern, the holders of one uid). A member knows its place in its
 * group, so that joining and leaving cost the same whether the group has one member or a hundred thousand. The caller locks. */
#ifndef GRAPNEL_MATCH_GROUP_H
#define GRAPNEL_MATCH_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/slice.h"

enum { GROUP_TEXT_MAX = 255 };

/* One membership; embedded in what it belongs to. */
struct group_member {
	struct group *group;
	size_t place; /* in group->members */
	void *item;
};

struct group {
	struct group *next; /* another one whose key has the same hash */
	uint64_t hash;
	int64_t scope;
	size_t len, cap;
	struct group_member **members; /* &alone while there is one: uids are many, and have one holder each */
	struct group_member *alone;
	size_t text_len;
	char text[];
};

/* From (text, scope) to groups; a group is there while it has members. */
struct group_table {
	struct idmap groups;
};

void group_table_free(struct group_table *table); /* all groups; members are their owners' */
const struct group *group_find(const struct group_table *table, struct slice text, int64_t scope); /* NULL: nobody is in it */
/* `text` has at most GROUP_TEXT_MAX bytes. */
void group_join(struct group_table *table, struct group_member *member, struct slice text, int64_t scope, void *item);
void group_leave(struct group_table *table, struct group_member *member); /* nothing when it is in no group */

#endif
