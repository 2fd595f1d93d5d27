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
#include "store/herald.h"
#include "store/once.h"
#include "store/private.h"
#include "store/type_counts.h"

enum { BATCH_ROWS_MAX = 2000, PROBE_MS = 1000, COUNTS_MS = 1000, SWEEP_MS = 60000, REJECTIONS_MS = 50, REJECTION_SLICES_AT_END = 8 };

/* A growing array of pointers that keeps its memory. */
struct list {
	void **at;
	size_t len;
	size_t cap;
};

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

static void list_add(struct list *list, void *pointer)
{
	if (list->len == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 256;
		void **at = realloc(list->at, list->cap * sizeof *at);
		if (!at)
			log_fatal("store", "memory is out");
		list->at = at;
	}
	list->at[list->len++] = pointer;
}

static int64_t mono_us(const struct writer *w)
{
	return clock_mono_us(w->store->config.clock);
}

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

static void set_health(struct writer *w, bool failing, const char *why)
{
	struct store *store = w->store;
	bool was = w->failing;
	w->failing = failing;
	w->probe_us = mono_us(w) + PROBE_MS * INT64_C(1000);
	pthread_mutex_lock(&store->mutex);
	store->failing = failing;
	store->why[0] = '\0';
	if (failing)
		memccpy(store->why, why, '\0', sizeof store->why - 1);
	pthread_mutex_unlock(&store->mutex);
	if (failing && !was)
		log_error("store", "the store cannot be written: %s", why);
	else if (!failing && was)
		log_info("store", "the store can be written again");
	if (failing != was && store->config.listener.health)
		store->config.listener.health(store->config.listener.context, failing ? why : NULL);
}

/* After a failed fsync what was written before may be lost although it was not reported: no acknowledgement may leave any more. */
static void exit_on_fsync(const struct writer *w)
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

static void tx_begin(struct writer *w, struct tx *tx)
{
	w->engine->fault = ENGINE_FINE;
	w->engine->now_ms = clock_wall_ms(w->store->config.clock);
	if (w->engine->died)
		w->engine->deaths_from_ms = w->engine->death_ms + 1;
	w->engine->died = w->engine->expands = false;
	w->engine->rows = 0;
	w->engine->death_ms = w->engine->now_ms > w->engine->deaths_from_ms ? w->engine->now_ms : w->engine->deaths_from_ms;
	*tx = (struct tx){.store = w->store, .engine = w->engine, .news = &w->news, .now_ms = w->engine->now_ms};
}

/* Commits, or rolls back and gives the fault. After a commit the news are told. */
static enum engine_fault tx_end(struct writer *w, struct tx *tx, int result)
{
	if (result == 0)
		result = herald_publish(tx);
	if (result == 0)
		result = w->ops->commit(w->engine);
	if (w->counts.len == 0)
		w->counts_us = mono_us(w) + COUNTS_MS * INT64_C(1000);
	herald_end(w->store->herald, result == 0, &w->counts);
	if (result == 0) {
		w->operations |= tx->operations;
		w->expansions |= w->engine->expands;
		w->once_rows |= tx->once;
		news_tell(&w->news, &w->store->config);
		return ENGINE_FINE;
	}
	exit_on_fsync(w);
	w->ops->rollback(w->engine);
	news_drop(&w->news, 0);
	return w->engine->fault == ENGINE_FINE ? ENGINE_STORAGE : w->engine->fault;
}

static enum engine_fault transact(struct writer *w, const struct part *part)
{
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = run_part(w, &tx, part);
	return tx_end(w, &tx, result);
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
		err_set(&change->err, ERR_STORAGE, "the store cannot be written now; try again in a moment");
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
		w->counts_us = mono_us(w) + COUNTS_MS * INT64_C(1000);
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
	if (!health_learn(&w->store->health, outcome, config->disable_after_ms, config->disable_attempts, config->clock))
		return;
	int64_t *endpoint = mem_new(int64_t);
	*endpoint = outcome->due.endpoint;
	list_add(&w->tired, endpoint);
}

static void batch_done(struct writer *w)
{
	for (size_t i = 0; i < w->cmds.len; i++) {
		struct store_cmd *cmd = w->cmds.at[i];
		count_types(w, cmd);
		learn(w, cmd);
		cmd->fate = cmd->kind == STORE_CHANGE ? CONTAINER_OF(cmd, struct store_change, cmd)->err.code : ERR_NONE;
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
	switch (transact(w, &part)) {
	case ENGINE_FINE:
		batch_done(w);
		break;
	case ENGINE_REFUSED:
		batch_isolate(w);
		break;
	case ENGINE_STORAGE:
	case ENGINE_FSYNC: /* exited */
		set_health(w, true, w->engine->why);
		batch_fail(w);
		break;
	}
}

/* ---- Between batches ---- */

static void probe(struct writer *w)
{
	if (!w->failing || mono_us(w) < w->probe_us)
		return;
	struct tx tx;
	tx_begin(w, &tx);
	if (w->ops->probe(w->engine) == 0) {
		set_health(w, false, NULL);
		return;
	}
	exit_on_fsync(w);
	set_health(w, true, w->engine->why);
}

static void run_expansions(struct writer *w)
{
	if (!w->expansions || w->failing)
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	int more = result == 0 ? expand_slice(&tx) : -1;
	enum engine_fault fault = tx_end(w, &tx, more < 0 ? -1 : 0);
	if (fault == ENGINE_STORAGE) {
		set_health(w, true, w->engine->why);
	} else if (fault == ENGINE_REFUSED) {
		log_error("store", "deliveries of a large fan-out wait until the next one, or the next start: %s", w->engine->why);
		w->expansions = false;
	} else {
		w->expansions = more > 0;
	}
}

static void run_operations(struct writer *w)
{
	if (!w->operations || w->failing)
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	int more = result == 0 ? operation_slice(&tx, &w->operation_last) : -1;
	enum engine_fault fault = tx_end(w, &tx, more < 0 ? -1 : 0);
	if (fault == ENGINE_STORAGE) {
		set_health(w, true, w->engine->why);
	} else if (fault == ENGINE_REFUSED) {
		log_error("store", "bulk work stands still until the next start: %s", w->engine->why);
		w->operations = false;
	} else {
		w->operations = more > 0;
	}
}

/* Statistics and old rows have transactions of their own, so that whatever becomes of them concerns no command. */
static void write_counts(struct writer *w)
{
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = type_counts_write(&w->counts, &tx);
	enum engine_fault fault = tx_end(w, &tx, result);
	if (fault == ENGINE_STORAGE) {
		set_health(w, true, w->engine->why); /* they are written when the disk is back */
		return;
	}
	if (fault != ENGINE_FINE)
		log_error("store", "counts of event types are lost: %s", w->engine->why);
	type_counts_clear(&w->counts);
}

static void run_counts(struct writer *w)
{
	bool full = w->counts.len >= TYPE_COUNTS_MAX / 2;
	if (w->counts.len > 0 && !w->failing && (full || mono_us(w) >= w->counts_us))
		write_counts(w);
}

static void run_sweep(struct writer *w)
{
	if (!w->once_rows || w->failing || mono_us(w) < w->sweep_us)
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	int more = result == 0 ? once_sweep(&tx, &w->once_rows) : -1;
	enum engine_fault fault = tx_end(w, &tx, more < 0 ? -1 : 0);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "old answers cannot be deleted: %s", w->engine->why);
	if (fault != ENGINE_FINE || more <= 0)
		w->sweep_us = mono_us(w) + SWEEP_MS * INT64_C(1000);
}

/* Endpoints that have failed for too long, each in a transaction of its own. What cannot be done now comes again with the next failure. */
static void run_disablings(struct writer *w)
{
	for (size_t i = 0; i < w->tired.len; i++) {
		int64_t *endpoint = w->tired.at[i];
		struct tx tx;
		tx_begin(w, &tx);
		int result = w->failing ? -1 : w->ops->begin(w->engine);
		if (result == 0)
			result = endpoint_disable(&tx, *endpoint, "failing");
		if (!w->failing && tx_end(w, &tx, result) != ENGINE_FINE)
			log_error("store", "an endpoint that has failed for too long could not be disabled: %s", w->engine->why);
		free(endpoint);
	}
	w->tired.len = 0;
}

static int write_health(struct writer *w, bool all)
{
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	int more = result == 0 ? health_write(&w->store->health, &tx, all, mono_us(w)) : -1;
	enum engine_fault fault = tx_end(w, &tx, more < 0 ? -1 : 0);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "which endpoints fail could not be written: %s", w->engine->why);
	if (fault != ENGINE_FINE)
		w->store->health.write_us = mono_us(w) + SWEEP_MS * INT64_C(1000);
	return fault == ENGINE_FINE ? more : -1;
}

static void run_health(struct writer *w)
{
	int64_t write_us = w->store->health.write_us;
	if (write_us != 0 && !w->failing && mono_us(w) >= write_us)
		(void)write_health(w, false);
}

/* Refused requests have what time is left: as much as a tenth of the writer's. */
static void run_rejections(struct writer *w)
{
	struct reject_queue *queue = &w->store->rejects;
	int64_t begin_us = mono_us(w);
	if (w->failing || begin_us < queue->next_us || !reject_waits(queue))
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = reject_slice(&tx, begin_us);
	enum engine_fault fault = tx_end(w, &tx, result);
	reject_done(queue, fault == ENGINE_FINE);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "refused requests are not kept: %s", w->engine->why);
	int64_t end_us = mono_us(w), pause_us = (end_us - begin_us) * 9;
	queue->next_us = end_us + (pause_us > REJECTIONS_MS * 1000 ? pause_us : REJECTIONS_MS * INT64_C(1000));
}

static void run_retention(struct writer *w)
{
	int64_t begin_us = mono_us(w);
	if (w->failing || w->backup || !w->store->config.retention.on || begin_us < w->store->retention.next_us)
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = retention_slice(&tx);
	enum engine_fault fault = tx_end(w, &tx, result);
	retention_done(w->store, fault == ENGINE_FINE, begin_us);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "what is old cannot be deleted: %s", w->engine->why);
}

/* Deaths that were not told of at once. */
static void run_herald(struct writer *w)
{
	if (w->failing || herald_due_us(w->store->herald) > mono_us(w))
		return;
	struct tx tx;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = herald_slice(&tx);
	enum engine_fault fault = tx_end(w, &tx, result);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "deaths cannot be told of: %s", w->engine->why);
}

/* What was left by the last run, before anything else happens. */
static void begin_herald(struct writer *w)
{
	struct tx tx;
	if (!w->store->herald)
		return;
	tx_begin(w, &tx);
	int result = w->ops->begin(w->engine);
	if (result == 0)
		result = herald_load(&tx);
	enum engine_fault fault = tx_end(w, &tx, result);
	if (fault == ENGINE_STORAGE)
		set_health(w, true, w->engine->why);
	else if (fault != ENGINE_FINE)
		log_error("store", "what was still to be told cannot be read: %s", w->engine->why);
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
		exit_on_fsync(w);
		log_warn("store", "a checkpoint failed: %s", w->engine->why);
	}
	retention_scrubbing(w->store);
}

/* ---- The thread ---- */

/* How long it is until a monotonic time. */
static int wait_ms(const struct writer *w, int64_t until_us)
{
	int64_t left_us = until_us - mono_us(w);
	return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

/* −1 is never. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Until when there is nothing to do, in ms: 0: there is something, -1: until something is posted. */
static int idle_ms(const struct writer *w)
{
	if (w->queue || atomic_load(&w->store->backup))
		return 0;
	if (w->failing)
		return wait_ms(w, w->probe_us);
	if (w->operations || w->expansions || w->kept.len > 0)
		return 0;
	int counts = w->counts.len > 0 ? wait_ms(w, w->counts_us) : -1, sweep = w->once_rows ? wait_ms(w, w->sweep_us) : -1;
	int rejections = reject_waits(&w->store->rejects) ? wait_ms(w, w->store->rejects.next_us) : -1;
	int64_t due_us = herald_due_us(w->store->herald);
	int health = w->store->health.write_us != 0 ? wait_ms(w, w->store->health.write_us) : -1;
	int herald = due_us == INT64_MAX ? -1 : wait_ms(w, due_us);
	int64_t old_us = retention_due_us(w->store);
	int old = old_us == INT64_MAX ? -1 : wait_ms(w, old_us);
	return sooner(sooner(sooner(counts, sweep), old), sooner(sooner(rejections, health), herald));
}

/* Each commit writes a dozen pages and waits for the disk, also for one outcome; nobody waits for that, and the next publish brings a commit
 * along. Whether it slept, so that there may be more. */
static bool wait_for_company(struct writer *w)
{
	int64_t wait_us = w->store->config.outcomes_ms * INT64_C(1000);
	if (wait_us == 0 || !w->queue || w->urgent || w->failing || w->operations || w->expansions)
		return false;
	if (!w->waiting)
		w->until_us = mono_us(w) + wait_us;
	w->waiting = true;
	int left_ms = wait_ms(w, w->until_us);
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
	struct backup_request *request = atomic_load(&w->store->backup);
	if (w->backup) /* the result does not count: it is not complete */
		(void)!w->ops->backup_end(w->engine, w->backup, false, NULL);
	if (request) {
		err_set(request->err, ERR_UNAVAILABLE, "the hub is stopping; the copy was not finished");
		backup_answer(w, -1);
	}
	if (w->counts.len > 0 && !w->failing)
		write_counts(w);
	while (w->store->health.write_us != 0 && !w->failing && write_health(w, true) > 0)
		;
	for (int i = 0; i < REJECTION_SLICES_AT_END; i++) {
		w->store->rejects.next_us = 0;
		run_rejections(w);
	}
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

void *writer_run(void *argument)
{
	struct store *store = argument;
	struct writer w = {.store = store, .engine = store->engine, .ops = store->engine->ops, .operations = true, .expansions = true, .once_rows = true};
	w.queue_tail = &w.queue;
	begin_herald(&w);
	for (;;) {
		bool stopping = atomic_load(&store->stopping);
		gather(&w);
		if (stopping && !w.queue && (w.kept.len == 0 || w.failing))
			break;
		if (!stopping && wait_for_company(&w))
			continue;
		w.waiting = false;
		int idle = idle_ms(&w);
		if (idle != 0) {
			/* A stop that came after `stopping` was read may have lost its wake-up to gather(). */
			if (!atomic_load(&store->stopping))
				inbox_wait(&store->inbox, idle);
			if (w.ops->scrubbing(w.engine))
				tidy(&w);
			continue;
		}
		probe(&w);
		inbox_hold();
		batch_run(&w);
		inbox_release();
		if (!stopping) {
			run_expansions(&w);
			run_operations(&w);
			run_backup(&w);
			run_sweep(&w);
			run_rejections(&w);
			run_herald(&w);
			run_disablings(&w);
			run_health(&w);
			run_retention(&w);
		}
		run_counts(&w);
		tidy(&w);
	}
	finish(&w);
	return NULL;
}
