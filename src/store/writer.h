/* The writer's own: writer.c runs the batches, chores.c what is done between them. The writer's thread alone. */
#ifndef GRAPNEL_STORE_WRITER_H
#define GRAPNEL_STORE_WRITER_H

#include "store/list.h"
#include "store/private.h"
#include "store/told.h"
#include "store/type_counts.h"

struct writer {
	struct store *store;
	struct engine *engine;
	const struct engine_ops *ops;
	struct news news;

	/* Taken out of the inbox, not yet run. */
	struct inbox_node *queue;
	struct inbox_node **queue_tail;
	bool urgent;      /* there is more in it than outcomes that may wait for others */
	bool waiting;     /* they do, until … */
	int64_t until_us; /* … this time at most */
	/* Outcomes of failed transactions, oldest first. */
	struct list kept;

	/* The present batch: its commands in order, and the same by kind. */
	struct list cmds;
	struct list outcomes; /* struct outcome * */
	struct list items;    /* struct publish_item * */
	struct list changes;  /* struct store_change * */

	bool failing;
	struct told_clock clock;
	int64_t probe_us;       /* when to try the disk again */
	bool expansions;        /* there may be fan-outs to work at (expand.h) */
	bool operations;        /* there may be unfinished bulk work */
	int64_t operation_last; /* the operation that had the last slice */
	void *backup;
	struct type_counts counts;
	int64_t counts_us; /* when they are to be written, if there are any */
	struct list tired; /* int64_t *: endpoints that have failed for too long */
	bool once_rows;    /* there may be remembered requests */
	int64_t sweep_us;  /* when to look for old ones */
};

static inline int64_t writer_mono_us(const struct writer *w)
{
	return clock_mono_us(w->store->config.clock);
}

/* How long it is until a monotonic time. */
int writer_wait_ms(const struct writer *w, int64_t until_us);

/* A transaction in the engine's terms: fills `tx`. */
void writer_begin(struct writer *w, struct tx *tx);
/* Commits, or rolls back and gives the fault. After a commit the news are told. */
enum engine_fault writer_end(struct writer *w, struct tx *tx, int result);
/* Whether the disk fails, and why. */
void writer_set_health(struct writer *w, bool failing, const char *why);
/* After a failed fsync nobody is answered: the process exits. */
void writer_exit_on_fsync(const struct writer *w);

/* While the disk fails: tries whether it is back. */
void writer_probe(struct writer *w);
/* What was left by the last run, before anything else happens. */
void writer_chores_begin(struct writer *w);
/* A slice of each; when the store stops only of what must not be lost. */
void writer_chores(struct writer *w, bool stopping);
/* While there is nothing else to do: what was erased leaves the files. */
void writer_scrub(struct writer *w);
/* Until when there is none, in ms; 0: there is some, -1: until something is posted. */
int writer_chores_wait_ms(const struct writer *w);
/* The last of them: a backup is broken off, what is counted is written. */
void writer_chores_end(struct writer *w);

#endif
