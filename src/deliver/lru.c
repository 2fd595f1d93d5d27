/* The table of what was used last. */
#include "deliver/lru.h"

static void unlink_node(struct lru *lru, struct lru_node *node)
{
	*(node->newer ? &node->newer->older : &lru->newest) = node->older;
	*(node->older ? &node->older->newer : &lru->oldest) = node->newer;
}

static void link_newest(struct lru *lru, struct lru_node *node)
{
	node->newer = NULL;
	node->older = lru->newest;
	*(lru->newest ? &lru->newest->newer : &lru->oldest) = node;
	lru->newest = node;
}

struct lru_node *lru_get(struct lru *lru, uint64_t key)
{
	struct lru_node *node = idmap_get(&lru->map, key);
	if (node && node != lru->newest) {
		unlink_node(lru, node);
		link_newest(lru, node);
	}
	return node;
}

void lru_put(struct lru *lru, struct lru_node *node, uint64_t key)
{
	node->key = key;
	idmap_put(&lru->map, key, node);
	link_newest(lru, node);
}

void lru_remove(struct lru *lru, struct lru_node *node)
{
	idmap_remove(&lru->map, node->key);
	unlink_node(lru, node);
}

void lru_free(struct lru *lru)
{
	idmap_free(&lru->map);
	*lru = (struct lru){0};
}
