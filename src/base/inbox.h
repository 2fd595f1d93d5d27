/* An inbox: any thread posts nodes, one owner takes them all at once, in the order they came. It has no lock: a list that posters push
 * to and the owner takes whole. The owner is woken through an eventfd, and only when it sleeps: an owner that is busy finds what came
 * when it looks.
 *
 * A thread that posts much at once holds its wake-ups back meanwhile (inbox_hold()), so that a batch that it gives away wakes its
 * receivers once, and is found whole. What is posted lazily can wait: it does not wake an owner that dozes, that is, sleeps for a short time.
 *
 * shared: head, posting, sleeping, dozing, called.   owned by the reader: slept, owed, and the right to take. */
#ifndef GRAPNEL_BASE_INBOX_H
#define GRAPNEL_BASE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct inbox_node {
	struct inbox_node *next;
};

struct inbox {
	_Atomic(struct inbox_node *) head; /* the last one posted comes first */
	atomic_uint posting;               /* posters that may still touch the inbox */
	atomic_bool sleeping;              /* the owner waits for fd; who makes it false writes fd */
	atomic_bool dozing;                /* the owner sleeps, and not for long */
	atomic_bool called;                /* by inbox_wake() */
	bool slept;
	uint64_t owed; /* what posters wrote to fd, or are about to, and was not read yet */
	int fd;        /* eventfd, non-blocking: the owner polls it for reading */
};

int inbox_init(struct inbox *inbox, struct err *err) ATTR_MUST_USE;
/* By a thread that holds no wake-ups. Waits for posters whose node was taken already to be done with the inbox. */
void inbox_destroy(struct inbox *inbox);
void inbox_post(struct inbox *inbox, struct inbox_node *node);
void inbox_post_lazily(struct inbox *inbox, struct inbox_node *node);
/* The owner takes the whole chain (NULL when empty). */
struct inbox_node *inbox_take(struct inbox *inbox);
/* Wakes the owner without a node. */
void inbox_wake(struct inbox *inbox);
/* For an owner that polls fd itself: to be asked before each wait. False: something is there, so the wait must not block. After the wait
 * the owner takes. */
bool inbox_may_sleep(struct inbox *inbox);
/* The owner sleeps until something is posted, or timeout_ms passed (-1: no limit). */
void inbox_wait(struct inbox *inbox, int timeout_ms);

/* The same with a limit, but what is posted lazily does not end the sleep. */
void inbox_doze(struct inbox *inbox, int timeout_ms);

/* What this thread posts from now on wakes nobody until it releases; between the two it must not wait for what it posted. */
void inbox_hold(void);
void inbox_release(void);

#endif
