/* The sources as the door looks them up, and how many requests each has taken lately. A table in memory under a lock: changed by the
 * writer's thread after its commits, read by all. */
#ifndef GRAPNEL_SOURCE_TABLE_H
#define GRAPNEL_SOURCE_TABLE_H

#include "base/attr.h"
#include "base/slice.h"
#include "source/source.h"

struct source_table;

struct source_table *source_table_new(void);
void source_table_free(struct source_table *table); /* NULL is allowed */

/* The writer's thread, after the commit. Takes a reference of its own. */
void source_table_put(struct source_table *table, struct source *source);
void source_table_remove(struct source_table *table, int64_t id);

/* Any thread. A reference, or NULL. By id (public form) or uid. */
struct source *source_table_find(struct source_table *table, struct slice name);
struct source *source_table_get(struct source_table *table, int64_t id);
/* The uid of a source (copied), false: it has none or is gone. */
bool source_table_uid(struct source_table *table, int64_t id, char *out, size_t out_size);

/* Any thread. Takes one request out of the source's rate (a bucket that holds `limit` and fills within `per_ms`). */
struct source_rate {
	bool taken;
	int64_t limit, remaining;
	int64_t per_s;         /* the window, in whole seconds, at least 1 */
	int64_t retry_after_s; /* until there is room for one; at least 1 when it was not taken */
};
void source_table_take(struct source_table *table, const struct source *source, int64_t now_us, struct source_rate *rate);

/* Calls `visit` for each, under the lock; for start-up. */
void source_table_each(struct source_table *table, void (*visit)(struct source *source, void *context), void *context);

#endif
