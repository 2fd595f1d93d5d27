/* The gate before long reads. SQLite's WAL begins anew only at a moment when no reader needs what stands in it, and lists that overlap
 * without a pause leave no such moment: it would grow as long as they come. So when it has grown long the writer closes the gate: long
 * reads that are under way end at their next look, others wait until everything is in the database file, for a quarter of a second at most.
 * Thread-safe; open it costs one load. */
#ifndef GRAPNEL_STORE_GATE_H
#define GRAPNEL_STORE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GATE_CLOSED_US = 250000 };

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	_Atomic int64_t closed_until_us; /* CLOCK_MONOTONIC; 0: open */
	int64_t closed_us;
};

/* closed_us: the longest time that it is closed, GATE_CLOSED_US. */
void gate_init(struct gate *gate, int64_t closed_us);
void gate_destroy(struct gate *gate);
/* The writer. Closed while it is closed: nothing changes. */
void gate_close(struct gate *gate);
void gate_open(struct gate *gate);
/* A long read: waits while it is closed; whether it is. */
void gate_pass(struct gate *gate);
bool gate_closed(struct gate *gate);

#endif
