/* The writer: the thread that owns the only writing connection. Group commit: it takes what the inbox holds, at most about
 * BATCH_ROWS_MAX rows, and runs it in one transaction. A publish must see the index as the changes before it left it, and the index
 * changes only after a commit: so a batch ends before a publish or an outcome that follows a change.
 *
 * One bad command never rolls back its neighbours. Changes run in savepoints. Publishes and outcomes need none: they read and
 * decide before they write, so only a fault of the engine ends them half-way; then the whole transaction is rolled back, and when
 * the fault was about some row rather than about the disk, every item of the batch is run again in a transaction of its own.
 *
 * When the disk fails: publishes and changes get STORAGE, outcomes are kept and tried again, a small write each second finds out
 * whether the disk is back. After a failed fsync nobody is answered: the process exits. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "metrics/metrics.h"
#include "store/herald.h"
#include "store/told.h"
#include "store/writer.h"

enum { BATCH_ROWS_MAX = 2000, PROBE_MS = 1000, COUNTS_MS = 1000 };

/* ---- The inbox and batches ---- */

static void gather(struct writer *w)
{
	struct inbox_node *first = inbox_take(&w->store->inbox);
	*w->queue_tail = first;
	while (*w->queue_tail) {
		const struct store_cmd *cmd = CONTAINER_OF(*w->queue_tail, struct store_cmd, node);
		w->urgent |= cmd->kind != STORE_OUTCOME || CONTAINER_OF(cmd, struct outcome, cmd)->urgent;
		w->queue_tail = &(*w->queue_tail)->next;
	}
}

static struct store_cmd *queue_front(const struct writer *w)
{
	return CONTAINER_OF(w->queue, struct store_cmd, node);
}

static void queue_pop(struct writer *w)
{
	w->queue = w->queue->next;
	if (!w->queue) {
		w->queue_tail = &w->queue;
		w->urgent = false;
	}
}

/* Adds a command; the number of rows it may write. */
static size_t batch_add(struct writer *w, struct store_cmd *cmd)
{
	list_add(&w->cmds, cmd);
	if (cmd->kind == STORE_OUTCOME) {
		list_add(&w->outcomes, CONTAINER_OF(cmd, struct outcome, cmd));
		return 2;
	}
	if (cmd->kind == STORE_CHANGE) {
		list_add(&w->changes, CONTAINER_OF(cmd, struct store_change, cmd));
		return 4;
	}
	struct store_publish *publish = CONTAINER_OF(cmd, struct store_publish, cmd);
	size_t rows = 0;
	for (size_t i = 0; i < publish->items_len; i++) {
		list_add(&w->items, &publish->items[i]);
		rows += 1 + publish->items[i].targets.len + publish->items[i].keys_len;
	}
	return rows;
}

static void batch_take(struct writer *w)
{
	w->cmds.len = w->outcomes.len = w->items.len = w->changes.len = 0;
	size_t rows = 0;
	for (size_t i = 0; i < w->kept.len; i++)
		rows += batch_add(w, w->kept.at[i]);
	w->kept.len = 0;
	while (w->queue && rows < BATCH_ROWS_MAX) {
		struct store_cmd *cmd = queue_front(w);
		if (w->changes.len > 0 && cmd->kind != STORE_CHANGE)
			break;
		queue_pop(w);
		rows += batch_add(w, cmd);
	}
}

/* ---- Health ---- */

void writer_set_health(struct writer *w, bool failing, const char *why)
{
	struct store *store = w->store;
	bool was = w->failing;
	w->failing = failing;
	w->probe_us = writer_mono_us(w) + PROBE_MS * INT64_C(1000);
	pthread_mutex_lock(&store->mutex);
	store->failing = failing;
	store->why[0] = '\0';
	if (failing)
		memccpy(store->why, why, '\0', sizeof store->why - 1);
	pthread_mutex_unlock(&store->mutex);
	if (failing && !was)
		log_told(store_failed, NULL, "the store cannot be written: %s", why);
	else if (!failing && was)
		log_told(store_works, NULL, "the store can be written again");
	if (failing != was && store->config.listener.health)
		store->config.listener.health(store->config.listener.context, failing ? why : NULL);
}

/* After a failed fsync what was written before may be lost although it was not reported: no acknowledgement may leave any more. */
void writer_exit_on_fsync(const struct writer *w)
{
	if (w->engine->fault != ENGINE_FSYNC)
		return;
	log_error("store", "the disk refused to make data durable, the process ends: %s", w->engine->why);
	_exit(STORE_EXIT_FSYNC);
}

/* ---- One transaction ---- */

struct part {
	struct outcome **outcomes;
	size_t outcomes_len;
	struct publish_item **items;
	size_t items_len;
	struct store_change **changes;
	size_t changes_len;
};

static int run_part(struct writer *w, struct tx *tx, const struct part *part)
{
	const struct engine_ops *ops = w->ops;
	if (part->outcomes_len > 0 && ops->outcomes(w->engine, part->outcomes, part->outcomes_len))
		return -1;
	for (size_t i = 0; i < part->outcomes_len; i++) {
		struct outcome *outcome = part->outcomes[i];
		if (outcome->disable_endpoint && outcome->applied && endpoint_disable(tx, outcome->due.endpoint, "gone"))
			return -1;
		if (herald_outcome(tx, outcome))
			return -1;
	}
	if (part->items_len > 0 && ops->publish(w->engine, part->items, part->items_len, &w->news))
		return -1;
	for (size_t i = 0; i < part->items_len; i++) {
		if (herald_verified(tx, part->items[i]->event->f.source))
			return -1;
	}
	for (size_t i = 0; i < part->changes_len; i++) {
		if (change_run(tx, part->changes[i]))
			return -1;
	}
	return 0;
}

void writer_begin(struct writer *w, struct tx *tx)
{
	w->engine->fault = ENGINE_FINE;
	w->engine->now_ms = clock_wall_ms(w->store->config.clock);
	told_clock(&w->clock, w->engine->now_ms, writer_mono_us(w));
	if (w->engine->died)
		w->engine->deaths_from_ms = w->engine->death_ms + 1;
	w->engine->died = w->engine->expands = false;
	w->engine->rows = 0;
	census_begin(&w->store->census);
	w->engine->death_ms = w->engine->now_ms > w->engine->deaths_from_ms ? w->engine->now_ms : w->engine->deaths_from_ms;
	*tx = (struct tx){.store = w->store, .engine = w->engine, .news = &w->news, .now_ms = w->engine->now_ms};
}

static int commit(struct writer *w)
{
	int64_t begin_us = writer_mono_us(w);
	if (w->ops->commit(w->engine))
		return -1;
	int64_t took_us = writer_mono_us(w) - begin_us;
	metrics_observe(METRIC_COMMIT, 0, (uint64_t)took_us);
	census_commit(&w->store->census);
	told_commit(took_us);
	return 0;
}

/* Commits, or rolls back and gives the fault. After a commit the news are told. */
enum engine_fault writer_end(struct writer *w, struct tx *tx, int result)
{
	if (result == 0)
		result = herald_publish(tx);
	if (result == 0)
		result = commit(w);
	if (w->counts.len == 0)
		w->counts_us = writer_mono_us(w) + COUNTS_MS * INT64_C(1000);
	herald_end(w->store->herald, result == 0, &w->counts);
	if (result == 0) {
		w->operations |= tx->operations;
		w->expansions |= w->engine->expands;
		w->once_rows |= tx->once;
		news_tell(&w->news, &w->store->config);
		return ENGINE_FINE;
	}
	writer_exit_on_fsync(w);
	w->ops->rollback(w->engine);
	news_drop(&w->news, 0);
	metrics_count(METRIC_TRANSACTIONS_FAILED, w->engine->fault == ENGINE_REFUSED ? FAULT_REFUSED : FAULT_STORAGE);
	return w->engine->fault == ENGINE_FINE ? ENGINE_STORAGE : w->engine->fault;
}

static enum engine_fault transact(struct writer *w, const struct part *part)
{
	struct tx tx;
	writer_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = run_part(w, &tx, part);
	return writer_end(w, &tx, result);
}

/* ---- Fates ---- */

static enum err_code fate_of(enum engine_fault fault)
{
	return fault == ENGINE_FINE ? ERR_NONE : fault == ENGINE_REFUSED ? ERR_INTERNAL : ERR_STORAGE;
}

static void fail_change(struct writer *w, struct store_change *change, enum engine_fault fault)
{
	store_change_clear(change);
	if (fault == ENGINE_REFUSED)
		err_set(&change->err, ERR_INTERNAL, "the store refused the change: %s", w->engine->why);
	else
		err_set(&change->err, ERR_STORAGE, "the store cannot be written now: %s; try again when that is mended: the hub sees it by itself",
		        w->store->why[0] ? w->store->why : w->engine->why);
}

/* The transaction of this batch failed because of the disk, or it is not tried. */
static void batch_fail(struct writer *w)
{
	for (size_t i = 0; i < w->cmds.len; i++) {
		struct store_cmd *cmd = w->cmds.at[i];
		if (cmd->kind == STORE_OUTCOME) {
			list_add(&w->kept, cmd);
			continue;
		}
		cmd->fate = ERR_STORAGE;
		if (cmd->kind == STORE_CHANGE)
			fail_change(w, CONTAINER_OF(cmd, struct store_change, cmd), ENGINE_STORAGE);
		cmd->done(cmd);
	}
}

/* The event types of what was stored. The items are their poster's again after done(). */
static void count_types(struct writer *w, const struct store_cmd *cmd)
{
	if (cmd->kind != STORE_PUBLISH)
		return;
	const struct store_publish *publish = CONTAINER_OF(cmd, struct store_publish, cmd);
	if (w->counts.len == 0)
		w->counts_us = writer_mono_us(w) + COUNTS_MS * INT64_C(1000);
	for (size_t i = 0; i < publish->items_len; i++) {
		const struct publish_item *item = &publish->items[i];
		if (item->fate == ERR_NONE && !item->duplicate && !item->test)
			type_counts_add(&w->counts, item->event->f.type, item->event->f.time_ms);
	}
}

/* What the endpoint's health is after this outcome. */
static void learn(struct writer *w, const struct store_cmd *cmd)
{
	const struct store_config *config = &w->store->config;
	if (cmd->kind != STORE_OUTCOME)
		return;
	const struct outcome *outcome = CONTAINER_OF(cmd, struct outcome, cmd);
	bool failed = health_failing(&w->store->health, outcome->due.endpoint);
	bool tired = health_learn(&w->store->health, outcome, config->disable_after_ms, config->disable_attempts, config->clock);
	told_outcome(outcome, failed, health_failing(&w->store->health, outcome->due.endpoint));
	if (!tired)
		return;
	int64_t *endpoint = mem_new(int64_t);
	*endpoint = outcome->due.endpoint;
	list_add(&w->tired, endpoint);
}

/* What was carried out. Outcomes are told of where they are learnt from. */
static void tell(const struct store_cmd *cmd)
{
	if (cmd->kind == STORE_PUBLISH)
		told_publish(CONTAINER_OF(cmd, const struct store_publish, cmd));
	else if (cmd->kind == STORE_CHANGE && cmd->fate == ERR_NONE)
		told_change(CONTAINER_OF(cmd, const struct store_change, cmd));
}

static void batch_done(struct writer *w)
{
	for (size_t i = 0; i < w->cmds.len; i++) {
		struct store_cmd *cmd = w->cmds.at[i];
		count_types(w, cmd);
		learn(w, cmd);
		cmd->fate = cmd->kind == STORE_CHANGE ? CONTAINER_OF(cmd, struct store_change, cmd)->err.code : ERR_NONE;
		tell(cmd);
		cmd->done(cmd);
	}
}

/* One command in transactions of its own, one for each item. */
static enum engine_fault run_alone(struct writer *w, struct store_cmd *cmd)
{
	if (cmd->kind == STORE_OUTCOME) {
		struct outcome *outcome = CONTAINER_OF(cmd, struct outcome, cmd);
		return transact(w, &(struct part){.outcomes = &outcome, .outcomes_len = 1});
	}
	if (cmd->kind == STORE_CHANGE) {
		struct store_change *change = CONTAINER_OF(cmd, struct store_change, cmd);
		return transact(w, &(struct part){.changes = &change, .changes_len = 1});
	}
	struct store_publish *publish = CONTAINER_OF(cmd, struct store_publish, cmd);
	for (size_t i = 0; i < publish->items_len; i++) {
		struct publish_item *item = &publish->items[i];
		enum engine_fault fault = transact(w, &(struct part){.items = &item, .items_len = 1});
		if (fault != ENGINE_FINE) {
			log_error("store", "an event could not be stored: %s", w->engine->why);
			item->fate = fate_of(fault);
		}
	}
	return ENGINE_FINE;
}

static void batch_isolate(struct writer *w)
{
	log_warn("store", "a batch is run item by item: %s", w->engine->why);
	for (size_t i = 0; i < w->cmds.len; i++) {
		struct store_cmd *cmd = w->cmds.at[i];
		enum engine_fault fault = run_alone(w, cmd);
		if (fault == ENGINE_STORAGE && cmd->kind == STORE_OUTCOME) {
			list_add(&w->kept, cmd);
			continue;
		}
		cmd->fate = fate_of(fault);
		if (fault != ENGINE_FINE)
			log_error("store", "a command could not be carried out: %s", w->engine->why);
		if (cmd->kind == STORE_CHANGE && fault != ENGINE_FINE)
			fail_change(w, CONTAINER_OF(cmd, struct store_change, cmd), fault);
		if (cmd->kind == STORE_CHANGE)
			cmd->fate = CONTAINER_OF(cmd, struct store_change, cmd)->err.code;
		count_types(w, cmd);
		if (fault == ENGINE_FINE)
			learn(w, cmd);
		tell(cmd);
		cmd->done(cmd);
	}
}

static void batch_run(struct writer *w)
{
	batch_take(w);
	if (w->cmds.len == 0)
		return;
	if (w->failing) {
		batch_fail(w);
		return;
	}
	struct part part = {
	    .outcomes = (struct outcome **)w->outcomes.at,
	    .outcomes_len = w->outcomes.len,
	    .items = (struct publish_item **)w->items.at,
	    .items_len = w->items.len,
	    .changes = (struct store_change **)w->changes.at,
	    .changes_len = w->changes.len,
	};
	metrics_observe(METRIC_BATCH, 0, w->cmds.len);
	switch (transact(w, &part)) {
	case ENGINE_FINE:
		batch_done(w);
		break;
	case ENGINE_REFUSED:
		batch_isolate(w);
		break;
	case ENGINE_STORAGE:
	case ENGINE_FSYNC: /* exited */
		writer_set_health(w, true, w->engine->why);
		batch_fail(w);
		break;
	}
}

/* ---- The thread ---- */

/* Until when there is nothing to do, in ms: 0: there is something, -1: until something is posted. */
static int idle_ms(const struct writer *w)
{
	if (w->queue || atomic_load(&w->store->backup))
		return 0;
	if (w->failing)
		return writer_wait_ms(w, w->probe_us);
	if (w->operations || w->expansions || w->kept.len > 0)
		return 0;
	return writer_chores_wait_ms(w);
}

/* Each commit writes a dozen pages and waits for the disk, also for one outcome; nobody waits for that, and the next publish brings a commit
 * along. Whether it slept, so that there may be more. */
static bool wait_for_company(struct writer *w)
{
	int64_t wait_us = w->store->config.outcomes_ms * INT64_C(1000);
	if (wait_us == 0 || !w->queue || w->urgent || w->failing || w->operations || w->expansions)
		return false;
	if (!w->waiting)
		w->until_us = writer_mono_us(w) + wait_us;
	w->waiting = true;
	int left_ms = writer_wait_ms(w, w->until_us);
	if (left_ms > 0)
		inbox_doze(&w->store->inbox, left_ms);
	return left_ms > 0;
}

/* Whatever is still unanswered: the owners get it back. */
static void finish(struct writer *w)
{
	for (size_t i = 0; i < w->kept.len; i++) {
		struct store_cmd *cmd = w->kept.at[i];
		cmd->fate = ERR_STORAGE;
		cmd->done(cmd);
	}
	writer_chores_end(w);
	type_counts_free(&w->counts);
	news_free(&w->news);
	free(w->kept.at);
	free(w->cmds.at);
	free(w->outcomes.at);
	free(w->items.at);
	free(w->changes.at);
	for (size_t i = 0; i < w->tired.len; i++)
		free(w->tired.at[i]);
	free(w->tired.at);
}

static void set_busy(struct writer *w, bool busy)
{
	atomic_store_explicit(&w->store->busy_us, busy ? writer_mono_us(w) : 0, memory_order_relaxed);
}

void *writer_run(void *argument)
{
	struct store *store = argument;
	struct writer w = {.store = store, .engine = store->engine, .ops = store->engine->ops, .operations = true, .expansions = true, .once_rows = true};
	w.queue_tail = &w.queue;
	pulse_begin("write", &store->inbox);
	writer_chores_begin(&w);
	for (;;) {
		bool stopping = atomic_load(&store->stopping);
		gather(&w);
		store_take_tuning(store);
		pulse_beat();
		if (stopping && !w.queue && (w.kept.len == 0 || w.failing))
			break;
		if (!stopping && wait_for_company(&w))
			continue;
		w.waiting = false;
		int idle = idle_ms(&w);
		if (idle != 0) {
			/* A stop that came after `stopping` was read may have lost its wake-up to gather(). */
			set_busy(&w, false);
			if (!atomic_load(&store->stopping))
				inbox_wait(&store->inbox, idle);
			writer_scrub(&w);
			continue;
		}
		set_busy(&w, true);
		writer_probe(&w);
		inbox_hold();
		batch_run(&w);
		inbox_release();
		writer_chores(&w, stopping);
	}
	pulse_end();
	finish(&w);
	return NULL;
}
