/* The pulse of threads. Invariant: `awaited` is the number of threads in the list whose `asked` is set; who brings it to 0 wakes the watch. */
#include "base/pulse.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct pulse {
	struct pulse *prev, *next; /* under the mutex */
	const char *name;
	struct inbox *inbox;
	atomic_bool asked;
};

static _Thread_local struct pulse pulse_here;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pulse *first;         /* under the mutex */
static struct inbox *watch;         /* who asks; changed only when all have answered */
static atomic_uint awaited;

static void answer(struct pulse *pulse)
{
	if (!atomic_exchange(&pulse->asked, false))
		return;
	/* Read before this answer counts: behind the last one the next question may put another in its place. */
	struct inbox *asker = watch;
	if (atomic_fetch_sub(&awaited, 1) == 1)
		inbox_wake(asker);
}

void pulse_begin(const char *name, struct inbox *inbox)
{
	struct pulse *pulse = &pulse_here;
	pulse->name = name;
	pulse->inbox = inbox;
	atomic_init(&pulse->asked, false);
	pthread_mutex_lock(&mutex);
	pulse->prev = NULL;
	pulse->next = first;
	if (first)
		first->prev = pulse;
	first = pulse;
	pthread_mutex_unlock(&mutex);
}

void pulse_beat(void)
{
	if (atomic_load(&pulse_here.asked))
		answer(&pulse_here);
}

void pulse_end(void)
{
	struct pulse *pulse = &pulse_here;
	pthread_mutex_lock(&mutex);
	if (pulse->next)
		pulse->next->prev = pulse->prev;
	*(pulse->prev ? &pulse->prev->next : &first) = pulse->next;
	answer(pulse);
	pthread_mutex_unlock(&mutex);
}

void pulse_ask(struct inbox *asker)
{
	pthread_mutex_lock(&mutex);
	watch = asker;
	/* One more than there are: so that the last answer cannot come before all were asked. */
	atomic_store(&awaited, 1);
	for (struct pulse *pulse = first; pulse; pulse = pulse->next) {
		atomic_fetch_add(&awaited, 1);
		atomic_store(&pulse->asked, true);
		inbox_wake(pulse->inbox);
	}
	if (atomic_fetch_sub(&awaited, 1) == 1)
		inbox_wake(asker);
	pthread_mutex_unlock(&mutex);
}

unsigned pulse_awaited(void)
{
	return atomic_load(&awaited);
}

void pulse_names(char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	pthread_mutex_lock(&mutex);
	for (const struct pulse *pulse = first; pulse && len < size; pulse = pulse->next)
		if (atomic_load(&pulse->asked))
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", pulse->name);
	pthread_mutex_unlock(&mutex);
}
