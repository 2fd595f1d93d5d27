/* Retention: what is old and finished goes, and the pages that it had are given back. What is unfinished never goes: a delivery that is
 * pending or held, an event of one, or whose fan-out is not made whole yet, and while bulk work sends stored events again, all of them.
 * A dead letter keeps its event, payload included, until its own time is over.
 *
 * It is the writer's: passes of slices between batches, each in a transaction of its own, at most RETENTION_ROWS rows and RETENTION_SLICE_US
 * long, and then it rests for RETENTION_REST times as long as the slice took, so that whoever publishes or delivers waits for little.
 *
 * Age is told by the wall clock. When that jumps by more than RETENTION_JUMP_MS, or stands so at a start, nothing is deleted until it is
 * back or an administrator says that it is right (CHANGE_RETENTION_CONFIRM). */
#ifndef GRAPNEL_STORE_RETENTION_H
#define GRAPNEL_STORE_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { RETENTION_ROWS = 500, RETENTION_LOOKS = 4000, RETENTION_SLICE_US = 4000, RETENTION_REST = 4 };
#define RETENTION_JUMP_MS INT64_C(3600000)
/* How long a hub may have been off before its clock is doubted. */
#define RETENTION_OFF_MS (INT64_C(7) * 86400000)

/* Times are ages; 0: it is kept for ever. */
struct retention_limits {
	bool on; /* false: nothing is deleted (commands on the data folder of a hub that does not run), whatever the others say */
	int64_t events_ms, attempts_ms, dead_ms, rejections_ms, audit_ms;
	int64_t bytes; /* of the database's pages in use; 0: no bound */
};

enum retention_state {
	RETENTION_OFF,
	RETENTION_RESTS,   /* until the next pass */
	RETENTION_RUNS,    /* a pass is under way */
	RETENTION_WAITS,   /* for bulk work that sends events again */
	RETENTION_STOPPED, /* the clock jumped */
};

struct retention_counts {
	int64_t events, deliveries, attempts, rejections, audit, operations, endpoints, pages;
};

struct retention_status {
	struct retention_limits limits;
	enum retention_state state;
	int64_t jump_ms;      /* STOPPED: how far the clock is off, as far as is known */
	bool over;            /* the bound of bytes cannot be kept: what is left is unfinished, or dead letters within their time */
	bool scrubbing;       /* erased bytes may still stand in the files: a reader holds them */
	int64_t last_begin_ms, last_end_ms; /* of the last pass that was brought to its end; 0: none was */
	struct retention_counts last, total; /* of it, and since the start */
	int64_t oldest_event_ms; /* 0: there is none */
	int64_t database_bytes, used_bytes, free_bytes, given_back_bytes /* since the start */;
	bool gives_back; /* free pages can be given back to the file system */
};

/* ---- For the engine ---- */

enum retire_what { RETIRE_EVENTS, RETIRE_DEAD, RETIRE_ATTEMPTS, RETIRE_AUDIT, RETIRE_OPERATIONS, RETIRE_TOMBSTONES };

/* One slice of a walk over what may go. */
struct retire {
	enum retire_what what;
	int64_t until_ms;      /* what is older may go */
	int64_t dead_until_ms; /* EVENTS: dead letters that died before do not keep their event */
	int rows;              /* out of which it deletes at most so many … */
	int looks;             /* … and looks at so many */
	int64_t deadline_us;   /* monotonic */
	int64_t free_until;    /* EVENTS: it ends when so many pages are free; 0: it does not look */
	/* in and out: where the walk is; all 0: at its beginning. An event with very many deliveries goes in parts: first they are looked at,
	 * then they are deleted, then the event. */
	int64_t after_id, event, after_delivery;
	bool judged;
	/* out */
	bool ended;
	struct retention_counts counts;
};

struct engine_space {
	int64_t page_bytes, pages, free_pages;
	bool incremental; /* free pages can be given back a few at a time */
};

/* ---- For the writer ---- */

struct store;
struct tx;

/* Owned by the writer's thread, but for `status`, which is under the store's mutex. */
struct retention {
	int64_t next_us;   /* when the next slice may run */
	int64_t wall_ms, mono_us; /* the last look at the clock; wall 0: there was none */
	int64_t jump_ms;   /* not 0: the clock jumped by this */
	int64_t seen_ms;   /* the wall time that was stored last */
	int64_t oldest;    /* event; 0: there is none */
	bool scrubbing;    /* as is shown */
	bool running;      /* a pass is under way, at … */
	int step;
	struct retire walk;
	int64_t after_event, after_attempt; /* where the walks of passes go on … */
	int passes;                         /* … until they begin anew */
	bool over, told_over, told_waits;
	int64_t size_us; /* when the bound of bytes is looked at again after it could not be kept */
	struct retention_counts counts; /* of this pass */
	struct retention_status status;
};

void retention_init(struct store *store);
/* Other limits: a pass looks at all there is again, at once. */
void retention_limit(struct store *store, const struct retention_limits *limits);
/* When there is something to do, monotonic; INT64_MAX: never. */
int64_t retention_due_us(const struct store *store);
/* One slice. */
int retention_slice(struct tx *tx) ATTR_MUST_USE;
/* After its transaction. */
void retention_done(struct store *store, bool committed, int64_t begin_us);
/* Shows whether erased bytes still stand in the files: before an erasure is committed, and when they are gone. */
void retention_scrubbing(struct store *store);
/* What is shown. Any thread. */
void retention_status(struct store *store, struct retention_status *status);

#endif
