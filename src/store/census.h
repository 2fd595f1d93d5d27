/* How many deliveries have not ended, how old the oldest pending one is, how many dead letters there are, how much bulk work is under way: nobody could count them when asked, for
 * there may be millions. They are counted once, when the store is opened, and from then on with each change, in its transaction: what is rolled back does
 * not count. What ended, and why, is told to metrics/ after the commit. */
#ifndef GRAPNEL_STORE_CENSUS_H
#define GRAPNEL_STORE_CENSUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "model/delivery.h"

/* One that was not there before; one that is there no more. */
enum { CENSUS_NONE = DELIVERY_STATES };

/* Changes of the number of pending ones that were made in the same second or so. */
struct census_part {
	int64_t second;
	int64_t pending;
};

/* What the open transaction changed. */
struct census_changes {
	int64_t in[DELIVERY_STATES + 1];
	uint32_t ended[DELIVERY_STATES][REASONS];
	uint32_t made, reopened, discarded;
	int64_t operations;
	size_t parts_len;
};

struct census {
	/* owned by the writer's thread */
	struct census_changes open, saved;
	struct census_part *parts;
	size_t parts_cap;
	/* shared, under the mutex */
	pthread_mutex_t mutex;
	bool counted; /* what follows is true */
	int64_t in[DELIVERY_STATES + 1];
	int64_t operations;
	struct idmap seconds; /* second of its id → how many pending ones, as a pointer */
	struct idmap spans;   /* the same of many seconds, to find the first one quickly */
};

struct census_view {
	bool counted; /* else nothing is known */
	int64_t pending, held, dead;
	int64_t operations; /* that have not ended */
	int64_t oldest_ms; /* wall: when the oldest pending one was made, to a second or so; 0: there is none */
};

void census_init(struct census *census);
void census_destroy(struct census *census);

/* ---- The writer's thread, or whoever opens the store ---- */

/* At the open: so many in a state; a pending one. Then all are counted. */
void census_found(struct census *census, enum delivery_state state, int64_t number);
void census_found_pending(struct census *census, int64_t delivery);
void census_found_operations(struct census *census, int64_t number);
void census_known(struct census *census);
/* A delivery went from a state to another. */
void census_moved(struct census *census, int64_t delivery, unsigned from, unsigned to, enum delivery_reason reason);
/* So many operations more are under way. */
void census_operations(struct census *census, int number);
void census_begin(struct census *census);
/* A savepoint, and back to it. */
void census_save(struct census *census);
void census_back(struct census *census);
void census_commit(struct census *census);

/* ---- Any thread ---- */

void census_view(struct census *census, struct census_view *view);

#endif
