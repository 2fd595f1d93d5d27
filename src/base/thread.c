/* Threads, and the pool for slow work. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum { THREAD_NAME_SIZE = 16 /* the kernel's limit, NUL included */, POOL_NICE = 10 };

struct thread_start {
	void *(*run)(void *);
	void *argument;
	char name[THREAD_NAME_SIZE];
};

static void *thread_main(void *argument)
{
	struct thread_start start = *(struct thread_start *)argument;
	free(argument);
	pthread_setname_np(pthread_self(), start.name);
	return start.run(start.argument);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument, struct err *err)
{
	struct thread_start *start = mem_new(struct thread_start);
	start->run = run;
	start->argument = argument;
	memccpy(start->name, name, '\0', sizeof start->name - 1);
	/* A new thread inherits the mask: no signal can reach it between its start and a mask of its own. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(thread, NULL, thread_main, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure) {
		free(start);
		return err_set(err, ERR_INTERNAL, "cannot start the thread %s: %s", name, strerror(failure));
	}
	return 0;
}

struct pool {
	/* shared, under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct pool_job *head;
	struct pool_job **tail;
	unsigned queued;
	bool stopping;
	unsigned ready; /* threads that made their context */
	bool start_failed;
	struct err start_err;

	/* set before the threads start, never changed */
	unsigned queue_max;
	void *(*make_context)(void *argument, struct err *err);
	void (*drop_context)(void *context);
	void *argument;

	/* owned by who starts and stops the pool */
	unsigned threads_len;
	pthread_t threads[];
};

/* The next job; NULL when the pool stops and nothing is queued. */
static struct pool_job *pool_take(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->head && !pool->stopping)
		pthread_cond_wait(&pool->changed, &pool->mutex);
	struct pool_job *job = pool->head;
	if (job) {
		pool->head = job->next;
		if (!pool->head)
			pool->tail = &pool->head;
		pool->queued--;
	}
	pthread_mutex_unlock(&pool->mutex);
	return job;
}

/* Slow work gives way to the threads that events go through. Refused (by a sandbox, say) it is as quick as they are. */
static void give_way(void)
{
	id_t self = (id_t)gettid();
	if (setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + POOL_NICE))
		log_debug("base", "a thread for slow work keeps its priority: %s", strerror(errno));
}

static void *pool_main(void *argument)
{
	struct pool *pool = argument;
	struct err err = {0};
	give_way();
	void *context = pool->make_context ? pool->make_context(pool->argument, &err) : NULL;
	bool failed = pool->make_context && !context;
	pthread_mutex_lock(&pool->mutex);
	if (failed) {
		pool->start_failed = true;
		pool->start_err = err;
	} else {
		pool->ready++;
	}
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->mutex);
	if (failed)
		return NULL;
	for (struct pool_job *job = pool_take(pool); job; job = pool_take(pool))
		job->run(job, context);
	if (pool->drop_context && context)
		pool->drop_context(context);
	return NULL;
}

/* Starts one more thread and waits until it has its context. */
static int pool_add_thread(struct pool *pool, const char *name, struct err *err)
{
	char thread_name[THREAD_NAME_SIZE];
	snprintf(thread_name, sizeof thread_name, "%.10s-%u", name, (pool->threads_len + 1) % 1000);
	if (thread_start(&pool->threads[pool->threads_len], thread_name, pool_main, pool, err) < 0)
		return -1;
	pool->threads_len++;
	pthread_mutex_lock(&pool->mutex);
	while (pool->ready < pool->threads_len && !pool->start_failed)
		pthread_cond_wait(&pool->changed, &pool->mutex);
	bool failed = pool->start_failed;
	if (failed && err)
		*err = pool->start_err;
	pthread_mutex_unlock(&pool->mutex);
	return failed ? -1 : 0;
}

struct pool *pool_start(const char *name, unsigned threads, unsigned queue_max, void *(*make_context)(void *argument, struct err *err),
                        void (*drop_context)(void *context), void *argument, struct err *err)
{
	struct pool *pool = mem_alloc(sizeof *pool + threads * sizeof pool->threads[0]);
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->tail = &pool->head;
	pool->queue_max = queue_max;
	pool->make_context = make_context;
	pool->drop_context = drop_context;
	pool->argument = argument;
	for (unsigned i = 0; i < threads; i++) {
		if (pool_add_thread(pool, name, err) < 0) {
			pool_stop(pool);
			return NULL;
		}
	}
	return pool;
}

int pool_post(struct pool *pool, struct pool_job *job)
{
	int result = -1;
	pthread_mutex_lock(&pool->mutex);
	if (!pool->stopping && pool->queued < pool->queue_max) {
		job->next = NULL;
		*pool->tail = job;
		pool->tail = &job->next;
		pool->queued++;
		pthread_cond_signal(&pool->changed);
		result = 0;
	}
	pthread_mutex_unlock(&pool->mutex);
	return result;
}

void pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads_len; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}
