/* Refused requests on their way into the store, and how many of them are kept. Requests come from whoever likes to send them: so the queue
 * is bounded, in number, by source and in bytes; the writer takes from it only between its batches, a slice at a time, and then leaves it
 * alone for several times as long as the slice took. What does not fit is dropped: a flood costs neither events nor memory. */
#ifndef GRAPNEL_STORE_REJECT_H
#define GRAPNEL_STORE_REJECT_H

#include <pthread.h>

#include "base/idmap.h"
#include "store/store.h"

struct tx;

struct reject_queue {
	/* shared, under the mutex */
	pthread_mutex_t mutex;
	struct inbox_node *first, **last;
	unsigned len;
	size_t bytes;
	struct idmap by_source; /* source → how many wait, as a pointer */
	uint64_t dropped;       /* since the last slice */
	struct rejection_limits limits; /* changed by the writer's thread alone, which looks at them without the mutex */
	/* owned by the writer's thread */
	struct inbox_node *taken; /* of the open slice */
	bool tallied;             /* the following are true; false after a rollback */
	struct idmap kept;        /* source + 1 → what is kept of it */
	int64_t kept_bytes;
	int64_t next_us;  /* the next slice not before */
	int64_t sweep_us; /* when to look for old ones */
};

void reject_queue_init(struct reject_queue *queue, const struct rejection_limits *limits);
/* Other limits; the writer's thread. */
void reject_queue_limit(struct reject_queue *queue, const struct rejection_limits *limits);
void reject_queue_destroy(struct reject_queue *queue);

/* ---- The writer's thread ---- */

/* Whether something waits. */
bool reject_waits(struct reject_queue *queue);
/* One slice in an open transaction: stores what waits, up to a bound, and deletes what is too much or too old. 0, or -1: the engine failed.
 */
int reject_slice(struct tx *tx, int64_t mono_us) ATTR_MUST_USE;
/* Deletes up to `max` that are too old: the number, -1: the engine failed. */
int reject_expire(struct tx *tx, int max) ATTR_MUST_USE;
/* After the commit (or not): what was taken is freed. */
void reject_done(struct reject_queue *queue, bool committed);

#endif
