/* The gate before long reads (lists, counts). A few are inside at a time, half as many as there are processors, so that the threads that
 * events go through find one; while others wait, those inside end sooner.
 *
 * And SQLite's WAL begins anew only at a moment when no reader needs what stands in it; lists that overlap without a pause leave no such
 * moment, and it would grow as long as they come. So when it has grown long the writer closes the gate: reads inside end at their next look,
 * others wait until everything is in the database file, for a quarter of a second at most. Thread-safe. */
#ifndef GRAPNEL_STORE_GATE_H
#define GRAPNEL_STORE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GATE_CLOSED_US = 250000 };

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* written under the mutex */
	unsigned inside, inside_max;
	atomic_uint waiting;
	_Atomic int64_t closed_until_us; /* CLOCK_MONOTONIC; 0: open */
	int64_t closed_us;
};

/* closed_us: the longest time that it is closed, GATE_CLOSED_US. inside_max 0: by the processors. */
void gate_init(struct gate *gate, int64_t closed_us, unsigned inside_max);
void gate_destroy(struct gate *gate);
/* The writer. Closed while it is closed: nothing changes. */
void gate_close(struct gate *gate);
void gate_open(struct gate *gate);
/* A long read, with no statement open: waits until it may go in; and leaves. Whether it should end now; whether others wait. */
void gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);
bool gate_closed(struct gate *gate);
bool gate_wanted(struct gate *gate);

#endif
