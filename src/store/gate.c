/* The gate before long reads. It goes by the system's own clock: it is about real readers. */
#include "store/gate.h"

#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static unsigned half_of_processors(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	return processors > 3 ? (unsigned)processors / 2 : 1;
}

void gate_init(struct gate *gate, int64_t closed_us, unsigned inside_max)
{
	*gate = (struct gate){.closed_us = closed_us, .inside_max = inside_max ? inside_max : half_of_processors()};
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&gate->mutex, NULL);
	atomic_init(&gate->closed_until_us, 0);
	atomic_init(&gate->waiting, 0);
}

void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

bool gate_closed(struct gate *gate)
{
	int64_t until_us = atomic_load(&gate->closed_until_us);
	return until_us != 0 && now_us() < until_us;
}

bool gate_wanted(struct gate *gate)
{
	return atomic_load(&gate->waiting) > 0;
}

void gate_close(struct gate *gate)
{
	if (!gate_closed(gate))
		atomic_store(&gate->closed_until_us, now_us() + gate->closed_us);
}

void gate_open(struct gate *gate)
{
	if (atomic_load(&gate->closed_until_us) == 0)
		return;
	pthread_mutex_lock(&gate->mutex);
	atomic_store(&gate->closed_until_us, 0);
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}

/* Waits for this closing alone: one that follows it must not keep the same read out. */
static void wait_open(struct gate *gate)
{
	int64_t until_us = atomic_load(&gate->closed_until_us);
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	int status = until_us == 0;
	while (status == 0 && atomic_load(&gate->closed_until_us) == until_us)
		status = pthread_cond_timedwait(&gate->changed, &gate->mutex, &until);
}

void gate_enter(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	atomic_fetch_add(&gate->waiting, 1);
	wait_open(gate);
	while (gate->inside >= gate->inside_max)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	atomic_fetch_sub(&gate->waiting, 1);
	gate->inside++;
	pthread_mutex_unlock(&gate->mutex);
}

void gate_leave(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->inside--;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}
