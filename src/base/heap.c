/* The binary heap. Invariant: nodes[i]->place == i, and no node is before its parent nodes[i / 2]; without an array there is at most one. */
#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"

enum { HEAP_FIRST_NODES = 4 };

void heap_free(struct heap *heap)
{
	if (heap->cap == 0 && heap->len > 0)
		heap->one->place = 0;
	for (size_t i = 1; heap->cap > 0 && i <= heap->len; i++)
		heap->nodes[i]->place = 0;
	if (heap->cap > 0)
		free(heap->nodes);
	*heap = (struct heap){0};
}

static bool heap_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void heap_place(struct heap *heap, struct heap_node *node, size_t place)
{
	heap->nodes[place] = node;
	node->place = place;
}

/* Both walk a hole from `place` to where the node belongs. */
static void heap_rise(struct heap *heap, struct heap_node *node, size_t place)
{
	while (place > 1 && heap_before(node, heap->nodes[place / 2])) {
		heap_place(heap, heap->nodes[place / 2], place);
		place /= 2;
	}
	heap_place(heap, node, place);
}

static void heap_sink(struct heap *heap, struct heap_node *node, size_t place)
{
	for (;;) {
		size_t child = place * 2;
		if (child > heap->len)
			break;
		if (child < heap->len && heap_before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!heap_before(heap->nodes[child], node))
			break;
		heap_place(heap, heap->nodes[child], place);
		place = child;
	}
	heap_place(heap, node, place);
}

static void heap_settle(struct heap *heap, struct heap_node *node, size_t place)
{
	if (heap->cap == 0)
		return;
	if (place > 1 && heap_before(node, heap->nodes[place / 2]))
		heap_rise(heap, node, place);
	else
		heap_sink(heap, node, place);
}

static void heap_grow(struct heap *heap)
{
	size_t cap = heap->cap ? heap->cap * 2 : HEAP_FIRST_NODES;
	struct heap_node *one = heap->one, **old = heap->cap ? heap->nodes : NULL;
	struct heap_node **nodes = cap < SIZE_MAX / sizeof *nodes - 1 ? realloc(old, (cap + 1) * sizeof *nodes) : NULL;
	if (!nodes)
		log_fatal("base", "out of memory for a heap of %zu nodes", cap);
	if (!old)
		nodes[1] = one;
	heap->nodes = nodes;
	heap->cap = cap;
}

void heap_push(struct heap *heap, struct heap_node *node, int64_t key, int64_t tie)
{
	node->key = key;
	node->tie = tie;
	if (heap->len == 0 && heap->cap == 0) {
		heap->one = node;
		heap->len = node->place = 1;
		return;
	}
	if (heap->len >= heap->cap)
		heap_grow(heap);
	heap_rise(heap, node, ++heap->len);
}

struct heap_node *heap_top(const struct heap *heap)
{
	if (heap->len == 0)
		return NULL;
	return heap->cap ? heap->nodes[1] : heap->one;
}

struct heap_node *heap_pop(struct heap *heap)
{
	struct heap_node *top = heap_top(heap);
	if (top)
		heap_remove(heap, top);
	return top;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	if (place == 0)
		return;
	struct heap_node *last = heap->cap ? heap->nodes[heap->len] : node;
	heap->len--;
	node->place = 0;
	if (last != node)
		heap_settle(heap, last, place);
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key, int64_t tie)
{
	if (!heap_has(node)) {
		heap_push(heap, node, key, tie);
		return;
	}
	node->key = key;
	node->tie = tie;
	heap_settle(heap, node, node->place);
}
