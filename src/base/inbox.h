/* An inbox: any thread posts nodes, one owner takes them all at once, in the order they came. The owner is woken through an
 * eventfd, once per batch: only a post into an empty inbox writes it.
 *
 * shared, under the mutex: head, tail.   owned by the reader: nothing but the right to take. */
#ifndef GRAPNEL_BASE_INBOX_H
#define GRAPNEL_BASE_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct inbox_node {
	struct inbox_node *next;
};

struct inbox {
	pthread_mutex_t mutex;
	struct inbox_node *head;
	struct inbox_node **tail;
	int fd; /* eventfd, non-blocking: poll it for reading */
};

int inbox_init(struct inbox *inbox, struct err *err) ATTR_MUST_USE;
void inbox_destroy(struct inbox *inbox);
void inbox_post(struct inbox *inbox, struct inbox_node *node);
/* A chain linked by `next`, ended by NULL. */
void inbox_post_chain(struct inbox *inbox, struct inbox_node *first, struct inbox_node *last);
/* The owner takes the whole chain (NULL when empty) and resets the wake-up. */
struct inbox_node *inbox_take(struct inbox *inbox);
/* Wakes the owner without a node. */
void inbox_wake(struct inbox *inbox);
/* The owner sleeps until something is posted, or timeout_ms passed (-1: no limit). */
void inbox_wait(struct inbox *inbox, int timeout_ms);

#endif
