/* The heap: order, ties, removal and re-keying anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/attr.h"
#include "base/heap.h"

struct item {
	int name;
	struct heap_node node;
};

static int popped_name(struct heap *heap)
{
	struct heap_node *node = heap_pop(heap);
	return node ? CONTAINER_OF(node, struct item, node)->name : -1;
}

static void nodes_come_in_order_of_key_then_tie(void **state)
{
	(void)state;
	struct heap heap = {0};
	struct item items[] = {{.name = 0}, {.name = 1}, {.name = 2}, {.name = 3}};
	heap_push(&heap, &items[0].node, 5, 2);
	heap_push(&heap, &items[1].node, INT64_MAX, 0);
	heap_push(&heap, &items[2].node, 5, 1);
	heap_push(&heap, &items[3].node, INT64_MIN, 9);
	assert_ptr_equal(heap_top(&heap), &items[3].node);
	assert_int_equal(popped_name(&heap), 3);
	assert_int_equal(popped_name(&heap), 2);
	assert_int_equal(popped_name(&heap), 0);
	assert_int_equal(popped_name(&heap), 1);
	assert_int_equal(popped_name(&heap), -1);
	assert_null(heap_top(&heap));
	heap_free(&heap);
}

static void a_node_knows_whether_it_is_in(void **state)
{
	(void)state;
	struct heap heap = {0};
	struct item item = {0};
	assert_false(heap_has(&item.node));
	heap_remove(&heap, &item.node);
	heap_set(&heap, &item.node, 1, 0);
	assert_true(heap_has(&item.node));
	heap_set(&heap, &item.node, 7, 0);
	assert_int_equal(heap.len, 1);
	assert_int_equal(item.node.key, 7);
	heap_remove(&heap, &item.node);
	assert_false(heap_has(&item.node));
	heap_remove(&heap, &item.node);
	assert_int_equal(heap.len, 0);
	heap_push(&heap, &item.node, 1, 0);
	heap_free(&heap);
	assert_false(heap_has(&item.node));
}

/* Most heaps have one node. */
static void a_single_node_needs_no_array(void **state)
{
	(void)state;
	struct heap heap = {0};
	struct item items[] = {{.name = 0}, {.name = 1}};
	for (int round = 0; round < 2; round++) {
		heap_push(&heap, &items[0].node, 5, 0);
		assert_int_equal(heap.cap, 0);
		assert_ptr_equal(heap_top(&heap), &items[0].node);
		assert_int_equal(popped_name(&heap), 0);
		assert_null(heap_top(&heap));
		assert_false(heap_has(&items[0].node));
	}
	heap_push(&heap, &items[0].node, 5, 0);
	struct heap moved = heap;
	heap_push(&moved, &items[1].node, 4, 0);
	assert_int_equal(popped_name(&moved), 1);
	assert_int_equal(popped_name(&moved), 0);
	heap_push(&moved, &items[1].node, 4, 0);
	assert_int_equal(popped_name(&moved), 1);
	heap_free(&moved);
}

/* Random pushes, moves and removals against a plain scan for the least. */
static void random_work_agrees_with_a_plain_search(void **state)
{
	(void)state;
	enum { ITEMS = 300, STEPS = 20000 };
	static struct item items[ITEMS];
	struct heap heap = {0};
	unsigned seed = 1;
	for (int step = 0; step < STEPS; step++) {
		seed = seed * 1103515245u + 12345u;
		struct item *item = &items[seed / 65536 % ITEMS];
		int64_t key = (int64_t)(seed / 7 % 50);
		if (seed / 3 % 4 == 0)
			heap_remove(&heap, &item->node);
		else
			heap_set(&heap, &item->node, key, item - items);
		struct heap_node *least = NULL;
		size_t count = 0;
		for (int i = 0; i < ITEMS; i++) {
			struct heap_node *node = &items[i].node;
			if (!heap_has(node))
				continue;
			count++;
			if (!least || node->key < least->key || (node->key == least->key && node->tie < least->tie))
				least = node;
		}
		assert_int_equal(heap.len, count);
		assert_ptr_equal(heap_top(&heap), least);
	}
	int64_t last = INT64_MIN;
	while (heap_top(&heap)) {
		struct heap_node *node = heap_pop(&heap);
		assert_true(node->key >= last);
		last = node->key;
	}
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nodes_come_in_order_of_key_then_tie),
	    cmocka_unit_test(a_node_knows_whether_it_is_in),
	    cmocka_unit_test(a_single_node_needs_no_array),
	    cmocka_unit_test(random_work_agrees_with_a_plain_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
