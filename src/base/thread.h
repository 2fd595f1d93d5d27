/* Threads with a name and all signals blocked (the main thread handles signals), and a small pool for slow work. */
#ifndef GRAPNEL_BASE_THREAD_H
#define GRAPNEL_BASE_THREAD_H

#include <pthread.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/inbox.h"

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument, struct err *err) ATTR_MUST_USE;

/* A pool of threads for slow work, which gives way to other threads where the processor is scarce; each with a context of its own (a read-only store connection, say). */
struct pool;
struct pool_job {
	struct pool_job *next;
	void (*run)(struct pool_job *job, void *thread_context); /* owns the job from here on */
};

/* Calls make_context(argument, err) once on each new thread (NULL result: the pool does not start) and drop_context
 * at its end. Without make_context the threads have NULL. */
struct pool *pool_start(const char *name, unsigned threads, unsigned queue_max, void *(*make_context)(void *argument, struct err *err),
                        void (*drop_context)(void *context), void *argument, struct err *err) ATTR_MUST_USE;
/* -1 when the queue is full or the pool stops: the caller still owns the job. */
int pool_post(struct pool *pool, struct pool_job *job) ATTR_MUST_USE;
/* Runs what is queued, then ends the threads and frees the pool. */
void pool_stop(struct pool *pool);

#endif
