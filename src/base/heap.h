/* A binary min-heap of intrusive nodes by (key, tie): the owner embeds a struct heap_node and gets it back with CONTAINER_OF.
 * Nodes know their place, so that any of them can be removed or re-keyed in O(log n). The first node needs no array, because there are many
 * heaps with one (each lane has a heap). Owned by one thread. */
#ifndef GRAPNEL_BASE_HEAP_H
#define GRAPNEL_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	int64_t tie;
	size_t place; /* 1-based; 0: in no heap */
};

struct heap {
	union {
		struct heap_node **nodes; /* nodes[1 … len] */
		struct heap_node *one;    /* while cap is 0 */
	};
	size_t len;
	size_t cap;
};

void heap_free(struct heap *heap); /* the array; nodes are their owner's */
void heap_push(struct heap *heap, struct heap_node *node, int64_t key, int64_t tie);
struct heap_node *heap_top(const struct heap *heap); /* NULL when empty */
struct heap_node *heap_pop(struct heap *heap);       /* NULL when empty */
void heap_remove(struct heap *heap, struct heap_node *node); /* nothing when it is in no heap */
/* Moves a node, or pushes it when it is in no heap. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key, int64_t tie);

/* Each node that is in it, in no order: i < len. */
static inline struct heap_node *heap_at(const struct heap *heap, size_t i)
{
	return heap->cap ? heap->nodes[i + 1] : heap->one;
}

static inline bool heap_has(const struct heap_node *node)
{
	return node->place != 0;
}

#endif
