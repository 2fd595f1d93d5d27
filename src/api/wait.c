/* The thread that wakes requests which wait for an event. */
#include "api/wait.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

enum { LOOK_EVERY_US = 50 * 1000 };

struct waiters {
	const struct clock *clock;
	int (*post)(void *context, struct waiter *waiter);
	void *context;
	pthread_t thread;
	/* shared, under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct waiter *first;
	unsigned len;
	int64_t newest;
	bool ending; /* none waits any more; the thread ends */
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When this one must be handed back. */
static int64_t due_us(const struct waiters *waiters, const struct waiter *waiter)
{
	if (waiters->ending)
		return 0;
	return waiter->seen != waiters->newest ? smaller(waiter->look_at_us, waiter->deadline_us) : waiter->deadline_us;
}

/* Hands back what is due; returns when the next one is. */
static int64_t hand_back(struct waiters *waiters, int64_t now_us)
{
	int64_t next_us = INT64_MAX;

	for (struct waiter **at = &waiters->first; *at;) {
		struct waiter *waiter = *at;
		int64_t at_us = due_us(waiters, waiter);
		if (at_us <= now_us) {
			*at = waiter->next;
			waiter->last = waiters->ending || waiter->deadline_us <= now_us;
			if (waiters->post(waiters->context, waiter) == 0) {
				waiters->len--;
				continue;
			}
			*at = waiter; /* the pool is full */
			at_us = now_us + LOOK_EVERY_US;
		}
		next_us = smaller(next_us, at_us);
		at = &waiter->next;
	}
	return next_us;
}

static void sleep_until(struct waiters *waiters, int64_t until_us, int64_t now_us)
{
	struct timespec until;

	if (until_us == INT64_MAX) {
		pthread_cond_wait(&waiters->changed, &waiters->mutex);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t wait_us = until_us > now_us ? until_us - now_us : 0;
	until.tv_sec += (time_t)(wait_us / 1000000);
	until.tv_nsec += (long)(wait_us % 1000000) * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&waiters->changed, &waiters->mutex, &until);
}

static void *run(void *argument)
{
	struct waiters *waiters = argument;

	pthread_mutex_lock(&waiters->mutex);
	for (;;) {
		int64_t now_us = clock_mono_us(waiters->clock);
		int64_t next_us = hand_back(waiters, now_us);
		if (waiters->ending && !waiters->first)
			break;
		sleep_until(waiters, next_us, now_us);
	}
	pthread_mutex_unlock(&waiters->mutex);
	return NULL;
}

struct waiters *waiters_start(const struct clock *clock, int (*post)(void *context, struct waiter *waiter), void *context, struct err *err)
{
	struct waiters *waiters = mem_new(struct waiters);
	pthread_condattr_t attributes;

	waiters->clock = clock;
	waiters->post = post;
	waiters->context = context;
	pthread_mutex_init(&waiters->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&waiters->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (thread_start(&waiters->thread, "api-wait", run, waiters, err) == 0)
		return waiters;
	pthread_cond_destroy(&waiters->changed);
	pthread_mutex_destroy(&waiters->mutex);
	free(waiters);
	return NULL;
}

unsigned waiters_len(struct waiters *waiters)
{
	pthread_mutex_lock(&waiters->mutex);
	unsigned len = waiters->len;
	pthread_mutex_unlock(&waiters->mutex);
	return len;
}

int64_t waiters_newest(struct waiters *waiters)
{
	pthread_mutex_lock(&waiters->mutex);
	int64_t newest = waiters->newest;
	pthread_mutex_unlock(&waiters->mutex);
	return newest;
}

void waiters_event(struct waiters *waiters, int64_t id)
{
	pthread_mutex_lock(&waiters->mutex);
	waiters->newest = id;
	if (waiters->first)
		pthread_cond_signal(&waiters->changed);
	pthread_mutex_unlock(&waiters->mutex);
}

bool waiters_add(struct waiters *waiters, struct waiter *waiter, int64_t seen)
{
	pthread_mutex_lock(&waiters->mutex);
	bool room = !waiters->ending && waiters->len < WAITERS_MAX;
	if (room) {
		waiter->seen = seen;
		waiter->look_at_us = clock_mono_us(waiters->clock) + LOOK_EVERY_US;
		waiter->next = waiters->first;
		waiters->first = waiter;
		waiters->len++;
		pthread_cond_signal(&waiters->changed);
	}
	pthread_mutex_unlock(&waiters->mutex);
	return room;
}

void waiters_end(struct waiters *waiters)
{
	pthread_mutex_lock(&waiters->mutex);
	bool ended = waiters->ending;
	waiters->ending = true;
	pthread_cond_signal(&waiters->changed);
	pthread_mutex_unlock(&waiters->mutex);
	if (!ended)
		pthread_join(waiters->thread, NULL);
}

void waiters_free(struct waiters *waiters)
{
	if (!waiters)
		return;
	pthread_cond_destroy(&waiters->changed);
	pthread_mutex_destroy(&waiters->mutex);
	free(waiters);
}
