/* A bounded look-up table that forgets what was used longest ago. Intrusive: the owner embeds a struct lru_node and gets it back with
 * CONTAINER_OF; it asks for the oldest node when it wants to make room. Owned by one thread. */
#ifndef GRAPNEL_DELIVER_LRU_H
#define GRAPNEL_DELIVER_LRU_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"

struct lru_node {
	uint64_t key; /* never 0 */
	struct lru_node *older;
	struct lru_node *newer;
};

struct lru {
	struct idmap map; /* key → node */
	struct lru_node *newest;
	struct lru_node *oldest;
};

struct lru_node *lru_get(struct lru *lru, uint64_t key);            /* NULL: not there; else it is the newest now */
void lru_put(struct lru *lru, struct lru_node *node, uint64_t key); /* the key must be free */
void lru_remove(struct lru *lru, struct lru_node *node);
void lru_free(struct lru *lru); /* the table; nodes are their owner's */

#endif
