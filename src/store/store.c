/* The store as its users see it: open and close, posting, waiting for a change or a backup. The writer's thread is in writer.c. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "model/breaker.h"
#include "store/dedupe.h"
#include "store/herald.h"
#include "store/private.h"
#include "store/read.h"

static int load_pause(struct store *store, struct err *err)
{
	struct pause_view view;
	if (store->engine->ops->pause_get(store->engine, &view) < 0)
		return err_set(err, ERR_STORAGE, "whether the hub is paused cannot be read: %s", store->engine->why);
	if (store->config.pause)
		pause_set(store->config.pause, &view);
	return 0;
}

struct store *store_open(const struct store_config *config, struct err *err)
{
	struct store *store = mem_new(struct store);
	store->config = *config;
	store->ids.node = config->node;
	store->env = (struct engine_env){
	    .data_dir = mem_text(config->data_dir),
	    .node = config->node,
	    .dedupe_window_ms = config->dedupe_window_ms,
	    .dedupe_keys = config->dedupe_keys ? config->dedupe_keys : INT64_MAX,
	    .dedupe_run_keys = config->dedupe_run_keys ? config->dedupe_run_keys : DEDUPE_RUN_KEYS,
	    .capture_success = config->capture_success,
	    .clock = config->clock,
	    .index = config->index,
	    .sources = config->sources,
	    .ids = &store->ids,
	    .gate = &store->long_reads,
	    .census = &store->census,
	    .counts = config->counts,
	};
	census_init(&store->census);
	gate_init(&store->long_reads, GATE_CLOSED_US, 0);
	pthread_rwlock_init(&store->gate, NULL);
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->backup_done, NULL);
	atomic_init(&store->stopping, false);
	atomic_init(&store->backup, NULL);
	atomic_init(&store->tuned, false);
	store->inbox.fd = -1;
	reject_queue_init(&store->rejects, &config->rejections);
	store->herald = herald_new(config);
	if (inbox_init(&store->inbox, err) == 0)
		store->engine = engine_sqlite.open(&store->env, config->keyring, err);
	store->found_id = store->ids.last;
	if (store->engine && load_pause(store, err)) {
		store_close(store);
		return NULL;
	}
	if (store->engine && health_load(&store->health, store->engine, clock_mono_us(config->clock))) {
		err_set(err, ERR_STORAGE, "the endpoints that fail cannot be read: %s", store->engine->why);
		store_close(store);
		return NULL;
	}
	if (!store->engine) {
		store_close(store);
		return NULL;
	}
	retention_init(store);
	return store;
}

int store_start(struct store *store, struct err *err)
{
	if (thread_start(&store->thread, "writer", writer_run, store, err))
		return -1;
	store->running = true;
	return 0;
}

void store_tune(struct store *store, const struct store_tuning *tuning)
{
	pthread_mutex_lock(&store->mutex);
	store->tuning = *tuning;
	atomic_store(&store->tuned, true);
	pthread_mutex_unlock(&store->mutex);
	inbox_wake(&store->inbox);
}

/* What options say now: these are the writer's own, and are looked at by nobody else. */
void store_take_tuning(struct store *store)
{
	if (!atomic_load(&store->tuned))
		return;
	pthread_mutex_lock(&store->mutex);
	struct store_tuning tuning = store->tuning;
	atomic_store(&store->tuned, false);
	pthread_mutex_unlock(&store->mutex);
	store->config.disable_after_ms = tuning.disable_after_ms;
	store->config.disable_attempts = tuning.disable_attempts;
	reject_queue_limit(&store->rejects, &tuning.rejections);
	retention_limit(store, &tuning.retention);
	herald_tune(store->herald, tuning.operational_interval_ms, tuning.operational_failing_after);
}

static void refuse(struct store_cmd *cmd)
{
	cmd->fate = ERR_UNAVAILABLE;
	if (cmd->kind == STORE_CHANGE)
		err_set(&CONTAINER_OF(cmd, struct store_change, cmd)->err, ERR_UNAVAILABLE, "the hub is stopping; try again in a moment");
	cmd->done(cmd);
}

static bool can_wait(const struct store_cmd *cmd)
{
	return cmd->kind == STORE_OUTCOME && !CONTAINER_OF(cmd, struct outcome, cmd)->urgent;
}

void store_post(struct store *store, struct store_cmd *cmd)
{
	pthread_rwlock_rdlock(&store->gate);
	bool closed = store->closed;
	if (!closed)
		(can_wait(cmd) ? inbox_post_lazily : inbox_post)(&store->inbox, &cmd->node);
	pthread_rwlock_unlock(&store->gate);
	if (closed)
		refuse(cmd);
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool done;
};

static void wake_waiter(struct store_cmd *cmd)
{
	struct waiter *waiter = CONTAINER_OF(cmd, struct store_change, cmd)->wait;
	pthread_mutex_lock(&waiter->mutex);
	waiter->done = true;
	pthread_cond_signal(&waiter->changed);
	pthread_mutex_unlock(&waiter->mutex);
}

int store_change(struct store *store, struct store_change *change)
{
	struct waiter waiter = {.done = false};
	pthread_mutex_init(&waiter.mutex, NULL);
	pthread_cond_init(&waiter.changed, NULL);
	change->wait = &waiter;
	change->cmd.kind = STORE_CHANGE;
	change->cmd.done = wake_waiter;
	store_post(store, &change->cmd);
	pthread_mutex_lock(&waiter.mutex);
	while (!waiter.done)
		pthread_cond_wait(&waiter.changed, &waiter.mutex);
	pthread_mutex_unlock(&waiter.mutex);
	pthread_cond_destroy(&waiter.changed);
	pthread_mutex_destroy(&waiter.mutex);
	change->wait = NULL;
	return change->cmd.fate == ERR_NONE ? 0 : -1;
}

void store_change_clear(struct store_change *change)
{
	if (change->result_secret)
		explicit_bzero(change->result_secret, strlen(change->result_secret));
	free(change->result_secret);
	change->result_secret = NULL;
	json_decref(change->replaced);
	change->replaced = NULL;
	free(change->resent);
	change->resent = NULL;
	change->resent_len = 0;
	change->erased = (struct erased){0};
	change->result_id = 0;
	change->created = false;
	change->repeated = false;
	change->err = (struct err){0};
}

int64_t store_epoch(struct store *store, int64_t endpoint)
{
	return store->engine->ops->epoch(store->engine, endpoint);
}

bool store_healthy(struct store *store, char *why, size_t why_size)
{
	pthread_mutex_lock(&store->mutex);
	bool failing = store->failing;
	if (why && why_size > 0) {
		const char *text = failing ? store->why : "";
		size_t len = strlen(text);
		len = len < why_size ? len : why_size - 1;
		memcpy(why, text, len);
		why[len] = '\0';
	}
	pthread_mutex_unlock(&store->mutex);
	return !failing;
}

void store_census(struct store *store, struct census_view *view)
{
	census_view(&store->census, view);
}

int64_t store_busy_us(struct store *store)
{
	int64_t since_us = atomic_load_explicit(&store->busy_us, memory_order_relaxed);
	int64_t busy_us = since_us ? clock_mono_us(store->config.clock) - since_us : 0;
	return busy_us > 0 ? busy_us : 0;
}

/* One backup at a time; others wait for their turn here. */
int store_backup(struct store *store, const char *path, struct err *err)
{
	struct backup_request request = {.path = path, .err = err};
	pthread_mutex_lock(&store->mutex);
	while (atomic_load(&store->backup))
		pthread_cond_wait(&store->backup_done, &store->mutex);
	pthread_rwlock_rdlock(&store->gate);
	bool closed = store->closed;
	if (!closed) {
		atomic_store(&store->backup, &request);
		inbox_wake(&store->inbox);
	}
	pthread_rwlock_unlock(&store->gate);
	while (!closed && !request.done)
		pthread_cond_wait(&store->backup_done, &store->mutex);
	pthread_mutex_unlock(&store->mutex);
	return closed ? err_set(err, ERR_UNAVAILABLE, "the hub is stopping") : request.result;
}

void store_stop(struct store *store)
{
	pthread_rwlock_wrlock(&store->gate);
	store->closed = true;
	pthread_rwlock_unlock(&store->gate);
	if (!store->running)
		return;
	atomic_store(&store->stopping, true);
	inbox_wake(&store->inbox);
	pthread_join(store->thread, NULL);
	store->running = false;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->engine)
		store->engine->ops->close(store->engine);
	if (store->inbox.fd >= 0)
		inbox_destroy(&store->inbox);
	health_free(&store->health);
	reject_queue_destroy(&store->rejects);
	herald_free(store->herald);
	pthread_cond_destroy(&store->backup_done);
	pthread_mutex_destroy(&store->mutex);
	pthread_rwlock_destroy(&store->gate);
	gate_destroy(&store->long_reads);
	census_destroy(&store->census);
	free(store->env.data_dir);
	free(store);
}

/* ---- Told by others ---- */

struct circuit {
	struct store_change change;
	char why[BREAKER_WHY_SIZE], why_outside[BREAKER_WHY_SIZE];
};

static void circuit_done(struct store_cmd *cmd)
{
	struct circuit *circuit = CONTAINER_OF(CONTAINER_OF(cmd, struct store_change, cmd), struct circuit, change);
	store_change_clear(&circuit->change);
	free(circuit);
}

void store_circuit(struct store *store, int64_t endpoint, bool opened, const char *why, const char *why_outside, int64_t since_ms)
{
	if (!store->herald)
		return;
	struct circuit *circuit = mem_new(struct circuit);
	memccpy(circuit->why, why ? why : "", '\0', sizeof circuit->why - 1);
	memccpy(circuit->why_outside, why_outside ? why_outside : "", '\0', sizeof circuit->why_outside - 1);
	circuit->change = (struct store_change){
	    .cmd = {.kind = STORE_CHANGE, .done = circuit_done},
	    .what = CHANGE_CIRCUIT,
	    .id = endpoint,
	    .opened = opened,
	    .why = circuit->why,
	    .why_outside = circuit->why_outside,
	    .since_ms = since_ms,
	};
	store_post(store, &circuit->change.cmd);
}
