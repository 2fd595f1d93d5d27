/* A store in a folder of its own with a clock that the test moves, for the contract suite. Everything that is posted is waited for,
 * on the writer's own events. Each test program runs its tests once per engine. */
#ifndef GRAPNEL_TESTS_WORLD_H
#define GRAPNEL_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/id.h"
#include "store/dedupe.h"
#include "store/read.h"
#include "store/store.h"

enum { WORLD_SEEN_MAX = 4096, WORLD_REJECTIONS_PER_SOURCE = 100, WORLD_REJECTIONS_AGE_MS = 3600000 };

struct world_seen_due {
	int64_t endpoint, due_ms;
};

struct world {
	char *dir;
	struct clock clock;
	_Atomic int64_t wall_ms, mono_us;
	_Atomic int64_t mono_step_us; /* how much each look at the monotonic clock moves it */
	int64_t window_ms;
	int64_t dedupe_keys, run_keys; /* 0: what is usual */
	bool capture_success;
	struct store_operational operational; /* off */
	int outcomes_ms;
	struct retention_limits retention; /* off */
	int64_t disable_after_ms, disable_attempts;
	struct master_key master;
	struct index *index;
	struct keyring *keyring;
	struct store *store;
	struct store_reader *reader;

	/* What the listener heard, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t made_len;
	struct due made[WORLD_SEEN_MAX];
	size_t due_len;
	struct world_seen_due due[WORLD_SEEN_MAX];
	size_t urged_len;
	struct due urged[WORLD_SEEN_MAX];
	size_t endpoint_len;
	int health_calls;
	bool healthy;
};

/* Setup and teardown of each test: *state is a struct world with an open, running store. */
int world_setup(void **state);
int world_teardown(void **state);
/* Stops and closes the store, and opens it again in the same folder. */
void world_close(struct world *w);
void world_open(struct world *w);
/* Opens without assertions: NULL and err when it is refused. It is closed again at once when it opens. */
bool world_opens(struct world *w, struct err *err);
/* Makes a struct world without a store. */
struct world *world_new(void);
void world_free(struct world *w);

/* A second world from what a kill at this moment would leave on the disk: the writer must be held. Close and free it. */
struct world *world_crash(struct world *w);
/* The same, not opened yet. */
struct world *world_crash_closed(struct world *w);

/* Runs a program's tests on each engine. */
int world_main(const char *name, const struct CMUnitTest *tests, size_t len);
#define WORLD_TEST(f)                                                                                                                      \
	{                                                                                                                                  \
#f, f, world_setup, world_teardown, NULL                                                                                   \
	}

/* ---- Commands ---- */

/* Posts and waits. */
void world_run(struct world *w, struct store_cmd *cmd);
/* Posts several so that they reach one batch (held back by a command whose done() waits), and waits for all. */
void world_run_together(struct world *w, struct store_cmd **cmds, size_t len);

/* The pieces of it: posts; with `hold` the writer waits in this command's done(), which counts as done, until world_release(). */
void world_post(struct world *w, struct store_cmd *cmd, bool hold);
void world_wait(size_t count);
void world_release(void);

struct world_event {
	const char *type, *data, *uid, *idempotency_key, *ordering_key, *subject, *context;
	int64_t subscriber, deliver_at_ms, expires_at_ms;
	bool everyone;
	int64_t only; /* endpoint */
};
/* An item for a publish; released with world_item_clear(). */
struct publish_item world_item(struct world *w, const struct world_event *event);
void world_item_clear(struct publish_item *item);
/* Publishes one event that must be stored; its id. */
int64_t world_publish(struct world *w, const struct world_event *event);

/* {url, event_types: [pattern]} and more members (JSON text without braces, may be NULL); its id. */
int64_t world_endpoint(struct world *w, const char *pattern, const char *more);
int64_t world_endpoint_of(struct world *w, int64_t subscriber, const char *pattern, const char *more);
int64_t world_subscriber(struct world *w, const char *doc);
json_t *world_json(const char *text);
/* A change that needs no more than an id must do well / must fail with this code. */
void world_change(struct world *w, enum store_change_kind what, int64_t id);
void world_change_fails(struct world *w, enum store_change_kind what, int64_t id, enum err_code code);

/* ---- Deliveries ---- */

/* The only pending delivery of an endpoint, or the first; fails when there is none. */
struct due world_first_due(struct world *w, int64_t endpoint);
int world_pending(struct world *w, int64_t endpoint);
/* An outcome of this delivery, attempted now with this HTTP status: 2xx succeeds; otherwise retry later, or DIE with a reason. */
struct outcome world_outcome(struct world *w, const struct due *due, int status, enum delivery_reason die);
/* Posts it; whether it was applied. */
bool world_settle(struct world *w, const struct due *due, int status, enum delivery_reason die);

struct world_delivery {
	struct delivery_row row; /* without its texts */
	char type[256], detail[256], ordering_key[256];
};
struct world_delivery world_delivery(struct world *w, int64_t id);
/* The one delivery of an event. */
int64_t world_delivery_of(struct world *w, int64_t event);
/* A row function of reader_events: context is an int64_t that gets the id. */
int world_list_event(void *context, const struct event_row *row);
/* Makes one dead letter; the delivery's id. */
int64_t world_dead(struct world *w, int64_t endpoint, const char *type, enum delivery_reason reason);

/* ---- Bulk work ---- */

int64_t world_operation(struct world *w, enum operation_kind kind, const struct dead_filter *filter);
struct world_operation {
	struct operation_row row; /* without its text */
	char filter[1024];
};
struct world_operation world_operation_row(struct world *w, int64_t id);
/* Waits, event by event, until no operation is open. */
void world_operations_end(struct world *w);

/* What the listener heard of dues of this endpoint. */
size_t world_dues_heard(struct world *w, int64_t endpoint);
size_t world_made(struct world *w);

#endif
