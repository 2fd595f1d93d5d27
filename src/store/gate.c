/* The gate before long reads. It goes by the system's own clock: it is about real readers. */
#include "store/gate.h"

#include <time.h>

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void gate_init(struct gate *gate, int64_t closed_us)
{
	gate->closed_us = closed_us;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->opened, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&gate->mutex, NULL);
	atomic_init(&gate->closed_until_us, 0);
}

void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->opened);
	pthread_mutex_destroy(&gate->mutex);
}

bool gate_closed(struct gate *gate)
{
	int64_t until_us = atomic_load(&gate->closed_until_us);
	return until_us != 0 && now_us() < until_us;
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
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->mutex);
}

/* Waits for this closing alone: one that follows it must not keep the same read out. */
void gate_pass(struct gate *gate)
{
	int64_t until_us = atomic_load(&gate->closed_until_us);
	if (until_us == 0)
		return;
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	pthread_mutex_lock(&gate->mutex);
	int status = 0;
	while (status == 0 && atomic_load(&gate->closed_until_us) == until_us)
		status = pthread_cond_timedwait(&gate->opened, &gate->mutex, &until);
	pthread_mutex_unlock(&gate->mutex);
}
