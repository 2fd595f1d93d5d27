/* A growing array of pointers that keeps its memory. */
#ifndef GRAPNEL_STORE_LIST_H
#define GRAPNEL_STORE_LIST_H

#include <stdlib.h>

#include "base/log.h"

struct list {
	void **at;
	size_t len;
	size_t cap;
};

static inline void list_add(struct list *list, void *pointer)
{
	if (list->len == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 256;
		void **at = realloc(list->at, list->cap * sizeof *at);
		if (!at)
			log_fatal("store", "memory is out");
		list->at = at;
	}
	list->at[list->len++] = pointer;
}

#endif
