/* What the writer does between batches, a slice at a time: large fan-outs, bulk work, backups, statistics, and what has become old. */
#include <stdlib.h>

#include "base/log.h"
#include "store/herald.h"
#include "store/once.h"
#include "store/writer.h"

enum { SWEEP_MS = 60000, REJECTIONS_MS = 50, REJECTION_SLICES_AT_END = 8 };

void writer_probe(struct writer *w)
{
	if (!w->failing || writer_mono_us(w) < w->probe_us)
		return;
	struct tx tx;
	writer_begin(w, &tx);
	if (w->ops->probe(w->engine) == 0) {
		writer_set_health(w, false, NULL);
		return;
	}
	writer_exit_on_fsync(w);
	writer_set_health(w, true, w->engine->why);
}

enum slice_end {
	SLICE_FAILED,  /* the disk: the same again when it is back */
	SLICE_REFUSED, /* this work alone; the log has why */
	SLICE_DONE,
	SLICE_MORE,
};

/* Work between batches has transactions of its own, so that whatever becomes of it concerns no command. slice() gives 1: there is more to do, 0
 * or -1; `what` says what is not done when the engine refuses it. */
static enum slice_end run_slice(struct writer *w, int (*slice)(struct writer *w, struct tx *tx), const char *what)
{
	struct tx tx;
	writer_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	int more = result == 0 ? slice(w, &tx) : -1;
	switch (writer_end(w, &tx, more < 0 ? -1 : 0)) {
	case ENGINE_FINE:
		return more > 0 ? SLICE_MORE : SLICE_DONE;
	case ENGINE_STORAGE:
		writer_set_health(w, true, w->engine->why);
		return SLICE_FAILED;
	default:
		log_error("store", "%s: %s", what, w->engine->why);
		return SLICE_REFUSED;
	}
}

static int slice_expansions(struct writer *w, struct tx *tx)
{
	(void)w;
	return expand_slice(tx);
}

static void run_expansions(struct writer *w)
{
	if (!w->expansions || w->failing)
		return;
	enum slice_end end = run_slice(w, slice_expansions, "deliveries of a large fan-out wait until the next one, or the next start");
	w->expansions = end == SLICE_FAILED || end == SLICE_MORE;
}

static int slice_operations(struct writer *w, struct tx *tx)
{
	return operation_slice(tx, &w->operation_last);
}

static void run_operations(struct writer *w)
{
	if (!w->operations || w->failing)
		return;
	enum slice_end end = run_slice(w, slice_operations, "bulk work stands still until the next start");
	w->operations = end == SLICE_FAILED || end == SLICE_MORE;
}

static int slice_counts(struct writer *w, struct tx *tx)
{
	return type_counts_write(&w->counts, tx);
}

static void write_counts(struct writer *w)
{
	if (run_slice(w, slice_counts, "counts of event types are lost") != SLICE_FAILED)
		type_counts_clear(&w->counts);
}

static void run_counts(struct writer *w)
{
	bool full = w->counts.len >= TYPE_COUNTS_MAX / 2;
	if (w->counts.len > 0 && !w->failing && (full || writer_mono_us(w) >= w->counts_us))
		write_counts(w);
}

static int slice_sweep(struct writer *w, struct tx *tx)
{
	return once_sweep(tx, &w->once_rows);
}

static void run_sweep(struct writer *w)
{
	if (!w->once_rows || w->failing || writer_mono_us(w) < w->sweep_us)
		return;
	if (run_slice(w, slice_sweep, "old answers cannot be deleted") != SLICE_MORE)
		w->sweep_us = writer_mono_us(w) + SWEEP_MS * INT64_C(1000);
}

/* Endpoints that have failed for too long, each in a transaction of its own. What cannot be done now comes again with the next failure. */
static void run_disablings(struct writer *w)
{
	for (size_t i = 0; i < w->tired.len; i++) {
		int64_t *endpoint = w->tired.at[i];
		struct tx tx;
		writer_begin(w, &tx);
		int result = w->failing ? -1 : w->ops->begin(w->engine);
		if (result == 0)
			result = endpoint_disable(&tx, *endpoint, "failing");
		if (!w->failing && writer_end(w, &tx, result) != ENGINE_FINE)
			log_error("store", "an endpoint that has failed for too long could not be disabled: %s", w->engine->why);
		free(endpoint);
	}
	w->tired.len = 0;
}

static int slice_health(struct writer *w, struct tx *tx)
{
	return health_write(&w->store->health, tx, false, writer_mono_us(w));
}

static int slice_all_health(struct writer *w, struct tx *tx)
{
	return health_write(&w->store->health, tx, true, writer_mono_us(w));
}

static enum slice_end write_health(struct writer *w, int (*slice)(struct writer *w, struct tx *tx))
{
	enum slice_end end = run_slice(w, slice, "which endpoints fail could not be written");
	if (end == SLICE_FAILED || end == SLICE_REFUSED)
		w->store->health.write_us = writer_mono_us(w) + SWEEP_MS * INT64_C(1000);
	return end;
}

static void run_health(struct writer *w)
{
	int64_t write_us = w->store->health.write_us;
	if (write_us != 0 && !w->failing && writer_mono_us(w) >= write_us)
		write_health(w, slice_health);
}

static int slice_rejections(struct writer *w, struct tx *tx)
{
	return reject_slice(tx, writer_mono_us(w));
}

/* Refused requests have what time is left: as much as a tenth of the writer's. */
static void run_rejections(struct writer *w)
{
	struct reject_queue *queue = &w->store->rejects;
	int64_t begin_us = writer_mono_us(w);
	if (w->failing || begin_us < queue->next_us || !reject_waits(queue))
		return;
	enum slice_end end = run_slice(w, slice_rejections, "refused requests are not kept");
	reject_done(queue, end == SLICE_DONE || end == SLICE_MORE);
	int64_t end_us = writer_mono_us(w), pause_us = (end_us - begin_us) * 9;
	queue->next_us = end_us + (pause_us > REJECTIONS_MS * 1000 ? pause_us : REJECTIONS_MS * INT64_C(1000));
}

static int slice_retention(struct writer *w, struct tx *tx)
{
	(void)w;
	return retention_slice(tx);
}

static void run_retention(struct writer *w)
{
	int64_t begin_us = writer_mono_us(w);
	if (w->failing || w->backup || !w->store->config.retention.on || begin_us < w->store->retention.next_us)
		return;
	enum slice_end end = run_slice(w, slice_retention, "what is old cannot be deleted");
	retention_done(w->store, end == SLICE_DONE || end == SLICE_MORE, begin_us);
}

static int slice_herald(struct writer *w, struct tx *tx)
{
	(void)w;
	return herald_slice(tx);
}

/* Deaths that were not told of at once. */
static void run_herald(struct writer *w)
{
	if (!w->failing && herald_due_us(w->store->herald) <= writer_mono_us(w))
		run_slice(w, slice_herald, "deaths cannot be told of");
}

static int load_herald(struct writer *w, struct tx *tx)
{
	(void)w;
	return herald_load(tx);
}

/* What was left by the last run, before anything else happens. */
void writer_chores_begin(struct writer *w)
{
	if (w->store->herald)
		run_slice(w, load_herald, "what was still to be told cannot be read");
}

static void backup_answer(struct writer *w, int result)
{
	struct store *store = w->store;
	pthread_mutex_lock(&store->mutex);
	struct backup_request *request = atomic_load(&store->backup);
	request->result = result;
	request->done = true;
	atomic_store(&store->backup, NULL);
	pthread_cond_broadcast(&store->backup_done);
	pthread_mutex_unlock(&store->mutex);
	w->backup = NULL;
}

static void run_backup(struct writer *w)
{
	struct backup_request *request = atomic_load(&w->store->backup);
	if (!request)
		return;
	if (!w->backup)
		w->backup = w->ops->backup_begin(w->engine, request->path, request->err);
	if (!w->backup) {
		backup_answer(w, -1);
		return;
	}
	int more = w->ops->backup_step(w->engine, w->backup, request->err);
	if (more > 0)
		return;
	int ended = w->ops->backup_end(w->engine, w->backup, more == 0, request->err);
	backup_answer(w, more == 0 ? ended : -1);
}

static void tidy(struct writer *w)
{
	w->engine->fault = ENGINE_FINE;
	if (w->ops->tidy(w->engine)) {
		writer_exit_on_fsync(w);
		log_warn("store", "a checkpoint failed: %s", w->engine->why);
	}
	retention_scrubbing(w->store);
}

void writer_scrub(struct writer *w)
{
	if (w->ops->scrubbing(w->engine))
		tidy(w);
}

void writer_chores(struct writer *w, bool stopping)
{
	if (!stopping) {
		run_expansions(w);
		run_operations(w);
		run_backup(w);
		run_sweep(w);
		run_rejections(w);
		run_herald(w);
		run_disablings(w);
		run_health(w);
		run_retention(w);
	}
	run_counts(w);
	tidy(w);
}

int writer_wait_ms(const struct writer *w, int64_t until_us)
{
	int64_t left_us = until_us - writer_mono_us(w);
	return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

/* −1 is never. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int writer_chores_wait_ms(const struct writer *w)
{
	int counts = w->counts.len > 0 ? writer_wait_ms(w, w->counts_us) : -1, sweep = w->once_rows ? writer_wait_ms(w, w->sweep_us) : -1;
	int rejections = reject_waits(&w->store->rejects) ? writer_wait_ms(w, w->store->rejects.next_us) : -1;
	int64_t due_us = herald_due_us(w->store->herald);
	int health = w->store->health.write_us != 0 ? writer_wait_ms(w, w->store->health.write_us) : -1;
	int herald = due_us == INT64_MAX ? -1 : writer_wait_ms(w, due_us);
	int64_t old_us = retention_due_us(w->store);
	int old = old_us == INT64_MAX ? -1 : writer_wait_ms(w, old_us);
	return sooner(sooner(sooner(counts, sweep), old), sooner(sooner(rejections, health), herald));
}

void writer_chores_end(struct writer *w)
{
	struct backup_request *request = atomic_load(&w->store->backup);
	if (w->backup) /* the result does not count: it is not complete */
		(void)!w->ops->backup_end(w->engine, w->backup, false, NULL);
	if (request) {
		err_set(request->err, ERR_UNAVAILABLE, "the hub is stopping; the copy was not finished");
		backup_answer(w, -1);
	}
	if (w->counts.len > 0 && !w->failing)
		write_counts(w);
	while (w->store->health.write_us != 0 && !w->failing && write_health(w, slice_all_health) == SLICE_MORE)
		;
	for (int i = 0; i < REJECTION_SLICES_AT_END; i++) {
		w->store->rejects.next_us = 0;
		run_rejections(w);
	}
}
