/* The scheduler's inside: what message.c (what reaches it) and schedule.c (what it does then) share. */
#ifndef GRAPNEL_SCHEDULE_THREAD_H
#define GRAPNEL_SCHEDULE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "schedule/lane.h"
#include "schedule/schedule.h"
#include "schedule/turns.h"

struct scheduler {
	/* shared */
	struct scheduler_config config;
	struct inbox inbox;
	atomic_bool quiet;
	atomic_bool stopping;
	atomic_uint live; /* jobs that are not settled; written by the thread alone */
	pthread_t thread;
	bool started;
	/* owned by the thread */
	struct store_reader *reader;
	struct idmap lanes;                  /* endpoint id → struct lane * */
	struct heap timed;                   /* lanes that have work at a known time (wall) */
	struct heap gates;                   /* lanes that are due and may begin at a known time (monotonic) */
	struct turns turns;                  /* lanes that are due, each gets one delivery a turn */
	struct lane_payloads payloads;
	int64_t now_ms, now_us; /* wall and monotonic, as of this tick */
	unsigned short random[3];
	struct due *rows; /* what a read gives */
	size_t rows_cap;
	bool paused;            /* no lane has turns */
	bool scanned;           /* the lanes that had rows at start are all found … */
	int64_t scanned_to;     /* … up to this endpoint */
	int64_t reads_after_ms; /* the store failed: no reads before this */
	int64_t expiry_ms;      /* when the next expires_at may pass */
	unsigned expiring;      /* jobs that end expired rows; no sweep while there are any */
	bool expiry_progress;   /* one of them was applied */
};

struct message_deliveries {
	struct schedule_node node;
	struct store_deliveries *made;
};

struct message_due {
	struct schedule_node node;
	int64_t endpoint;
	int64_t due_ms;
};

struct message_urged {
	struct schedule_node node;
	struct due due;
};

struct message_pause {
	struct schedule_node node;
	bool paused;
};

struct message_endpoint {
	struct schedule_node node;
	struct endpoint *endpoint; /* a reference */
};

/* The lane of an endpoint, made when needed; NULL when the endpoint is deleted: the store ends its rows. */
struct lane *scheduler_lane(struct scheduler *scheduler, int64_t endpoint);
/* After every change of a lane: puts it where it belongs, or drops it when there is nothing left of it; in a ring that waits for its turn. */
void scheduler_place(struct scheduler *scheduler, struct lane *lane);
/* Gives a delivery to its worker at once, whatever its lane's status and window; the event may be NULL. */
void scheduler_send(struct scheduler *scheduler, struct lane *lane, const struct due *due, struct event *event);
/* How many more jobs may be live. */
unsigned scheduler_room(struct scheduler *scheduler);
/* report.c: the breaker of a lane is in another state, or opened again; `outcome`: what did it, NULL: something else. */
void scheduler_report(struct scheduler *scheduler, const struct lane *lane, const struct outcome *outcome);
/* Handles everything that is in the inbox. */
void scheduler_receive(struct scheduler *scheduler, int64_t now_ms);
void job_free(struct job *job);

#endif
