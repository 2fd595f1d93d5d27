/* The scheduler: a thread that decides when which delivery is sent. A bounded cache over the outbox: a heap of lanes (lane.h)
 * by the time of their next work. Everything reaches it through its inbox; it reads the outbox with a reader of its own; it gives
 * jobs to the workers through a callback. docs/SCHEDULER.md tells it in prose. */
#ifndef GRAPNEL_SCHEDULE_SCHEDULE_H
#define GRAPNEL_SCHEDULE_SCHEDULE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "model/breaker.h"
#include "schedule/job.h"
#include "store/read.h"
#include "store/store.h"

/* A breaker opened or closed. Texts live during the call. */
struct breaker_report {
	int64_t endpoint, subscriber;
	bool opened;        /* else closed: the endpoint has recovered */
	int64_t since_ms;   /* wall: when it opened */
	unsigned failures;  /* attempts that failed since the last success */
	enum attempt_failure failure; /* opened: of the last attempt … */
	const char *why;    /* … a sentence for a person, in which what the endpoint said may stand … */
	const char *why_outside; /* … and for a subscriber, who is not told how the hub reaches the endpoint */
	int64_t next_probe_ms; /* opened: wall */
};

struct scheduler_config {
	struct store *store;
	struct index *index;
	const struct clock *clock;
	unsigned live_max;      /* jobs in flight or waiting for their commit, all lanes together: 4,096 */
	int64_t probes_per_s;   /* attempts at all endpoints together whose breaker is not closed: 500 */
	struct breakers *breakers; /* kept true; NULL: nobody looks */
	size_t event_bytes_max; /* payload bytes that lanes keep; beyond it they keep ids: 64 MiB */
	/* Gives a job to its worker; on the scheduler's thread, must not block. */
	void (*deliver)(void *context, struct job *job);
	/* What became of a test (delivery_round_tests()) is committed, or nothing will. On the scheduler's thread, must not block. NULL is
	 * allowed. */
	void (*tested)(void *context, int64_t event);
	/* A breaker went from closed to open, or became closed again; not for each probe that fails, and not for endpoints without one
	 * (`breaker: false`). This is where the hub's own events grapnel.circuit.opened and .recovered begin; that an endpoint was disabled
	 * because it failed for too long is told by the store (store.h: listener.endpoint, status_reason "failing"). On the scheduler's
	 * thread, must not block. NULL is allowed. */
	void (*breaker)(void *context, const struct breaker_report *report);
	void *context;
};

struct scheduler *scheduler_new(const struct scheduler_config *config, struct err *err) ATTR_MUST_USE;
/* Starts the thread, which first finds the lanes with pending rows. */
int scheduler_start(struct scheduler *scheduler, struct err *err) ATTR_MUST_USE;

/* Any thread, also before scheduler_start(). These are the store's listener (store.h). */
void scheduler_deliveries(struct scheduler *scheduler, struct store_deliveries *made); /* takes it over */
/* Rows of this endpoint changed in the outbox and are due from due_ms on. 0 makes the scheduler look before it sends anything more of what
 * it knows: for rows that were cancelled. */
void scheduler_due(struct scheduler *scheduler, int64_t endpoint, int64_t due_ms);
/* Somebody wants this sent: a delivery, which passes by an open breaker; delivery 0: whatever waits for the endpoint, whose breaker lets
 * the next attempt begin at once. */
void scheduler_urged(struct scheduler *scheduler, const struct due *due);
void scheduler_endpoint(struct scheduler *scheduler, struct endpoint *endpoint);
/* The hub is paused (or not any more): deliveries that become known wait, those in flight go on, tests are sent. */
void scheduler_pause(struct scheduler *scheduler, bool paused);
/* The defaults of endpoints are others now: windows that were made by them are bounded anew. */
void scheduler_defaults(struct scheduler *scheduler);
/* The worker: the response of this job is in, its slot is free (before it posts the outcome). */
void scheduler_freed(struct job *job);
/* outcome.cmd.done of every job. */
void scheduler_settled(struct store_cmd *cmd);

/* No new jobs from now on. Any thread; a job that was being started may still follow. */
void scheduler_quiesce(struct scheduler *scheduler);
/* How many jobs are live. Any thread. */
unsigned scheduler_live(struct scheduler *scheduler);
/* Ends the thread; every job must be settled. NULL is allowed. */
void scheduler_stop(struct scheduler *scheduler);

#endif
