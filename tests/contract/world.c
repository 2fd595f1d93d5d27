/* A store for the contract suite. */
#include "world.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/temp.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/census.h"

static const struct {
	const char *name;
	struct store *(*open)(const struct store_config *config, struct err *err);
} engines[] = {
    {"sqlite", store_open},
};

static size_t engine_at;

static int64_t wall_ms(void *context)
{
	return ((struct world *)context)->wall_ms;
}

static int64_t mono_us(void *context)
{
	struct world *w = context;
	return atomic_fetch_add(&w->mono_us, w->mono_step_us) + w->mono_step_us;
}

/* ---- The listener ---- */

static void hear_deliveries(void *context, struct store_deliveries *made)
{
	struct world *w = context;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < made->len && w->made_len < WORLD_SEEN_MAX; i++)
		w->made[w->made_len++] = made->due[i];
	pthread_mutex_unlock(&w->mutex);
	event_unref(made->event);
	free(made);
}

static void hear_due(void *context, int64_t endpoint, int64_t due_ms)
{
	struct world *w = context;
	pthread_mutex_lock(&w->mutex);
	if (w->due_len < WORLD_SEEN_MAX)
		w->due[w->due_len++] = (struct world_seen_due){endpoint, due_ms};
	pthread_mutex_unlock(&w->mutex);
}

static void hear_urged(void *context, const struct due *due)
{
	struct world *w = context;
	pthread_mutex_lock(&w->mutex);
	if (w->urged_len < WORLD_SEEN_MAX)
		w->urged[w->urged_len++] = *due;
	pthread_mutex_unlock(&w->mutex);
}

static void hear_endpoint(void *context, struct endpoint *endpoint)
{
	struct world *w = context;
	(void)endpoint;
	pthread_mutex_lock(&w->mutex);
	w->endpoint_len++;
	pthread_mutex_unlock(&w->mutex);
}

static void hear_health(void *context, const char *why)
{
	struct world *w = context;
	pthread_mutex_lock(&w->mutex);
	w->health_calls++;
	w->healthy = !why;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->mutex);
}

size_t world_dues_heard(struct world *w, int64_t endpoint)
{
	size_t count = 0;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < w->due_len; i++)
		count += w->due[i].endpoint == endpoint;
	pthread_mutex_unlock(&w->mutex);
	return count;
}

size_t world_made(struct world *w)
{
	pthread_mutex_lock(&w->mutex);
	size_t len = w->made_len;
	pthread_mutex_unlock(&w->mutex);
	return len;
}

/* ---- Opening and closing ---- */

static void copy_file(const struct world *from, const struct world *to, const char *name)
{
	char *source = temp_path(from->dir, name), *target = temp_path(to->dir, name);
	FILE *in = fopen(source, "rb"), *out = fopen(target, "wb");
	static char bytes[1 << 16];
	size_t len;
	assert_non_null(out);
	while (in && (len = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, len, out), len);
	if (in)
		fclose(in);
	assert_int_equal(fclose(out), 0);
	free(source);
	free(target);
}

struct world *world_crash_closed(struct world *w)
{
	struct world *after = world_new();
	copy_file(w, after, "grapnel.db");
	copy_file(w, after, "grapnel.db-wal");
	after->wall_ms = w->wall_ms;
	after->run_keys = w->run_keys;
	return after;
}

struct world *world_crash(struct world *w)
{
	struct world *after = world_crash_closed(w);
	world_open(after);
	return after;
}

struct world *world_new(void)
{
	struct world *w = mem_new(struct world);
	w->dir = temp_make();
	w->clock = (struct clock){wall_ms, mono_us, w};
	w->wall_ms = INT64_C(1760000000000);
	w->mono_us = 1000000;
	w->window_ms = 24 * 3600 * INT64_C(1000);
	w->healthy = true;
	memset(w->master.bytes, 0x5a, sizeof w->master.bytes);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->changed, NULL);
	log_configure(LOG_ERROR, LOG_TEXT);
	return w;
}

void world_free(struct world *w)
{
	temp_remove(w->dir);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

static struct store *open_store(struct world *w, struct err *err)
{
	w->index = index_new();
	w->keyring = keyring_new();
	struct store_config config = {
	    .data_dir = w->dir,
	    .node = 7,
	    .dedupe_window_ms = w->window_ms,
	    .dedupe_keys = w->dedupe_keys,
	    .dedupe_run_keys = w->run_keys,
	    .capture_success = w->capture_success,
	    .outcomes_ms = w->outcomes_ms,
	    .clock = &w->clock,
	    .master = &w->master,
	    .index = w->index,
	    .keyring = w->keyring,
	    .rejections = {WORLD_REJECTIONS_PER_SOURCE, 1 << 20, WORLD_REJECTIONS_AGE_MS},
	    .retention = w->retention,
	    .operational = w->operational,
	    .disable_after_ms = w->disable_after_ms,
	    .disable_attempts = w->disable_attempts,
	    .counts = true,
	    .listener = {w, hear_deliveries, hear_due, hear_endpoint, hear_health, NULL, hear_urged},
	};
	return engines[engine_at].open(&config, err);
}

static void free_memory(struct world *w)
{
	index_free(w->index);
	keyring_free(w->keyring);
	w->index = NULL;
	w->keyring = NULL;
}

void world_open(struct world *w)
{
	struct err err = {0};
	w->store = open_store(w, &err);
	if (!w->store)
		fail_msg("the store does not open: %s", err.detail);
	assert_int_equal(store_start(w->store, &err), 0);
	w->reader = reader_open(w->store, &err);
	assert_non_null(w->reader);
}

bool world_opens(struct world *w, struct err *err)
{
	struct store *store = open_store(w, err);
	store_close(store);
	free_memory(w);
	return store != NULL;
}

/* Whatever a test did: what was counted as it went is what is stored. */
static void check_census(struct world *w)
{
	struct stats stats;
	struct census_view view;
	struct err err = {0};
	store_census(w->store, &view);
	assert_true(view.counted);
	atomic_store(&w->mono_step_us, 0); /* nothing takes time */
	if (reader_stats(w->reader, 0, 0, &stats, &err))
		return; /* the test broke the file */
	assert_int_equal(view.pending, stats.pending.count);
	assert_int_equal(view.held, stats.held.count);
	assert_int_equal(view.dead, stats.dead.count);
	assert_int_equal(view.operations, stats.operations);
	assert_int_equal(view.oldest_ms >> 10, stats.oldest_pending_ms >> 10);
}

void world_close(struct world *w)
{
	if (!w->store)
		return;
	store_stop(w->store);
	check_census(w);
	reader_close(w->reader);
	store_close(w->store);
	free_memory(w);
	w->store = NULL;
}

int world_setup(void **state)
{
	struct world *w = world_new();
	world_open(w);
	*state = w;
	return 0;
}

static void waiting_reset(void);

int world_teardown(void **state)
{
	/* A test that failed may have left the writer held. */
	world_release();
	world_close(*state);
	waiting_reset();
	world_free(*state);
	return 0;
}

int world_main(const char *name, const struct CMUnitTest *tests, size_t len)
{
	int failed = 0;
	for (engine_at = 0; engine_at < sizeof engines / sizeof engines[0]; engine_at++) {
		printf("%s on %s\n", name, engines[engine_at].name);
		failed += _cmocka_run_group_tests(name, tests, len, NULL, NULL);
	}
	return failed;
}

/* ---- Commands ---- */

struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t done;
	bool gate_open;
};

static struct waiting waiting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static void waiting_reset(void)
{
	waiting.done = 0;
	waiting.gate_open = false;
}

static void count_done(struct store_cmd *cmd)
{
	(void)cmd;
	pthread_mutex_lock(&waiting.mutex);
	waiting.done++;
	pthread_cond_broadcast(&waiting.changed);
	pthread_mutex_unlock(&waiting.mutex);
}

static void wait_done(size_t count)
{
	pthread_mutex_lock(&waiting.mutex);
	while (waiting.done < count)
		pthread_cond_wait(&waiting.changed, &waiting.mutex);
	waiting.done -= count;
	pthread_mutex_unlock(&waiting.mutex);
}

void world_run(struct world *w, struct store_cmd *cmd)
{
	cmd->done = count_done;
	store_post(w->store, cmd);
	wait_done(1);
}

/* Holds the writer until the gate opens. */
static void hold_writer(struct store_cmd *cmd)
{
	(void)cmd;
	pthread_mutex_lock(&waiting.mutex);
	waiting.done++;
	pthread_cond_broadcast(&waiting.changed);
	while (!waiting.gate_open)
		pthread_cond_wait(&waiting.changed, &waiting.mutex);
	waiting.gate_open = false;
	pthread_mutex_unlock(&waiting.mutex);
}

void world_post(struct world *w, struct store_cmd *cmd, bool hold)
{
	cmd->done = hold ? hold_writer : count_done;
	store_post(w->store, cmd);
}

void world_wait(size_t count)
{
	wait_done(count);
}

void world_release(void)
{
	pthread_mutex_lock(&waiting.mutex);
	waiting.gate_open = true;
	pthread_cond_broadcast(&waiting.changed);
	pthread_mutex_unlock(&waiting.mutex);
}

void world_run_together(struct world *w, struct store_cmd **cmds, size_t len)
{
	struct store_change holder = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_OPERATION_CANCEL, .id = 1};
	world_post(w, &holder.cmd, true);
	world_wait(1);
	for (size_t i = 0; i < len; i++)
		world_post(w, cmds[i], false);
	world_release();
	world_wait(len);
	store_change_clear(&holder);
}

struct publish_item world_item(struct world *w, const struct world_event *event)
{
	struct event_fields fields = {
	    .subscriber = event->subscriber,
	    .time_ms = w->wall_ms,
	    .deliver_at_ms = event->deliver_at_ms,
	    .expires_at_ms = event->expires_at_ms,
	    .type = slice_of(event->type),
	    .uid = slice_of(event->uid),
	    .subject = slice_of(event->subject),
	    .ordering_key = slice_of(event->ordering_key),
	    .context = slice_of(event->context),
	    .content_type = slice_of("application/json"),
	    .data = slice_of(event->data ? event->data : "{}"),
	};
	struct publish_item item = {.event = event_new(&fields, NULL)};
	assert_non_null(item.event);
	item.audience = event->everyone ? AUDIENCE_EVERYONE : event->subscriber ? AUDIENCE_SUBSCRIBER : AUDIENCE_UNOWNED;
	if (event->only)
		item.only = index_endpoint(w->index, event->only);
	else
		assert_int_equal(index_match(w->index, fields.type, item.audience, event->subscriber, &item.targets), 0);
	if (event->uid)
		item.keys[item.keys_len++] = dedupe_key_of(0, event->subscriber, DEDUPE_UID, slice_of(event->uid), 0);
	if (event->idempotency_key)
		item.keys[item.keys_len++] =
		    dedupe_key_of(0, event->subscriber, DEDUPE_IDEMPOTENCY_KEY, slice_of(event->idempotency_key), 0);
	uint8_t hash[32];
	codec_sha256(fields.data.at, fields.data.len, hash);
	memcpy(item.content, hash, sizeof item.content);
	return item;
}

void world_item_clear(struct publish_item *item)
{
	event_unref(item->event);
	endpoint_unref(item->only);
	index_targets_clear(&item->targets);
}

int64_t world_publish(struct world *w, const struct world_event *event)
{
	struct publish_item item = world_item(w, event);
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	assert_int_equal(item.fate, ERR_NONE);
	int64_t id = item.event_id;
	world_item_clear(&item);
	return id;
}

json_t *world_json(const char *text)
{
	json_error_t error;
	json_t *doc = json_loads(text, 0, &error);
	if (!doc)
		fail_msg("%s: %s", text, error.text);
	return doc;
}

int64_t world_endpoint_of(struct world *w, int64_t subscriber, const char *pattern, const char *more)
{
	char *text;
	assert_true(asprintf(&text, "{\"url\": \"https://example.com/hook\", \"event_types\": [\"%s\"]%s%s}", pattern, more ? ", " : "",
	                     more ? more : "") > 0);
	struct store_change change = {.what = CHANGE_ENDPOINT_CREATE, .doc = world_json(text), .subscriber = subscriber};
	if (store_change(w->store, &change))
		fail_msg("%s: %s %s", text, change.err.detail, change.err.fields[0].detail);
	int64_t id = change.result_id;
	json_decref(change.doc);
	store_change_clear(&change);
	free(text);
	return id;
}

int64_t world_endpoint(struct world *w, const char *pattern, const char *more)
{
	return world_endpoint_of(w, 0, pattern, more);
}

int64_t world_subscriber(struct world *w, const char *doc)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_CREATE, .doc = world_json(doc)};
	if (store_change(w->store, &change))
		fail_msg("%s: %s", doc, change.err.detail);
	int64_t id = change.result_id;
	json_decref(change.doc);
	store_change_clear(&change);
	return id;
}

void world_change_fails(struct world *w, enum store_change_kind what, int64_t id, enum err_code code)
{
	struct store_change change = {.what = what, .id = id};
	(void)!store_change(w->store, &change);
	if (change.err.code != code)
		fail_msg("change %d ended as \"%s\" (%s), not as \"%s\"", (int)what, err_code_text(change.err.code), change.err.detail,
		         err_code_text(code));
	store_change_clear(&change);
}

void world_change(struct world *w, enum store_change_kind what, int64_t id)
{
	world_change_fails(w, what, id, ERR_NONE);
}

/* ---- Deliveries ---- */

struct due world_first_due(struct world *w, int64_t endpoint)
{
	struct due due;
	struct err err = {0};
	assert_true(reader_lane(w->reader, endpoint, &due, 1, &err) == 1);
	return due;
}

int world_pending(struct world *w, int64_t endpoint)
{
	static struct due dues[WORLD_SEEN_MAX];
	struct err err = {0};
	return reader_lane(w->reader, endpoint, dues, WORLD_SEEN_MAX, &err);
}

struct outcome world_outcome(struct world *w, const struct due *due, int status, enum delivery_reason die)
{
	bool good = status >= 200 && status < 300;
	struct outcome outcome = {
	    .cmd = {.kind = STORE_OUTCOME},
	    .due = *due,
	    .epoch = store_epoch(w->store, due->endpoint),
	    .change = good  ? DELIVERY_SUCCEED
	              : die ? DELIVERY_DIE
	                    : DELIVERY_RETRY_LATER,
	    .reason = die,
	    .next_due_ms = w->wall_ms + 5000,
	    .attempted = true,
	    .started_ms = w->wall_ms,
	    .duration_ms = 12,
	    .status = status,
	    .failure = good ? FAILURE_NONE : FAILURE_STATUS,
	};
	if (!good)
		snprintf(outcome.detail, sizeof outcome.detail, "the endpoint answered %d", status);
	return outcome;
}

bool world_settle(struct world *w, const struct due *due, int status, enum delivery_reason die)
{
	struct outcome outcome = world_outcome(w, due, status, die);
	world_run(w, &outcome.cmd);
	assert_int_equal(outcome.cmd.fate, ERR_NONE);
	return outcome.applied;
}

static void copy_slice(char out[256], struct slice text)
{
	snprintf(out, 256, "%.*s", (int)text.len, text.at ? text.at : "");
}

static int keep_delivery(void *context, const struct delivery_row *row)
{
	struct world_delivery *kept = context;
	kept->row = *row;
	copy_slice(kept->type, row->type);
	copy_slice(kept->detail, row->last_detail);
	copy_slice(kept->ordering_key, row->ordering_key);
	return 0;
}

struct world_delivery world_delivery(struct world *w, int64_t id)
{
	struct world_delivery kept = {0};
	struct err err = {0};
	if (reader_delivery(w->reader, id, 0, keep_delivery, &kept, &err))
		fail_msg("the delivery cannot be read: %s", err.detail);
	return kept;
}

int64_t world_delivery_of(struct world *w, int64_t event)
{
	struct world_delivery kept = {0};
	struct page page = {.limit = 1};
	struct err err = {0};
	assert_int_equal(reader_event_deliveries(w->reader, event, &page, keep_delivery, &kept, &err), 0);
	assert_true(kept.row.id != 0);
	return kept.row.id;
}

int world_list_event(void *context, const struct event_row *row)
{
	*(int64_t *)context = row->id;
	return 0;
}

int64_t world_dead(struct world *w, int64_t endpoint, const char *type, enum delivery_reason reason)
{
	int64_t event = world_publish(w, &(struct world_event){.type = type, .only = endpoint});
	struct err err = {0};
	struct due dues[64];
	int len = reader_lane(w->reader, endpoint, dues, 64, &err);
	for (int i = 0; i < len; i++) {
		if (dues[i].event != event)
			continue;
		assert_true(world_settle(w, &dues[i], 500, reason));
		return dues[i].delivery;
	}
	fail_msg("no delivery was made");
	return 0;
}

/* ---- Bulk work ---- */

int64_t world_operation(struct world *w, enum operation_kind kind, const struct dead_filter *filter)
{
	struct store_change change = {.what = CHANGE_OPERATION_CREATE, .operation = kind, .filter = *filter};
	if (store_change(w->store, &change))
		fail_msg("no operation: %s", change.err.detail);
	return change.result_id;
}

static int keep_operation(void *context, const struct operation_row *row)
{
	struct world_operation *kept = context;
	kept->row = *row;
	snprintf(kept->filter, sizeof kept->filter, "%.*s", (int)row->filter.len, row->filter.at);
	return 0;
}

struct world_operation world_operation_row(struct world *w, int64_t id)
{
	struct world_operation kept = {0};
	struct err err = {0};
	assert_int_equal(reader_operation(w->reader, id, keep_operation, &kept, &err), 0);
	return kept;
}

static int count_open(void *context, const struct operation_row *row)
{
	*(int *)context += row->ended_ms == 0;
	return 0;
}

void world_operations_end(struct world *w)
{
	for (;;) {
		int open = 0;
		struct page page = {.limit = 500};
		struct err err = {0};
		assert_int_equal(reader_operations(w->reader, &(struct operation_filter){0}, &page, count_open, &open, &err), 0);
		if (open == 0)
			return;
		/* Each command lets the writer do one slice more. */
		world_change_fails(w, CHANGE_OPERATION_CANCEL, 1, ERR_NOT_FOUND);
	}
}
