/* The store contract: what the hub tells of itself, with a clock that the test moves. */
#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../lib/temp.h"

enum { INTERVAL_MS = 10000, EVENTS_MAX = 32 };

static struct world *telling(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->operational = (struct store_operational){.on = true, .interval_ms = INTERVAL_MS, .failing_after = 3};
	world_open(w);
	return w;
}

/* The data of what was told so far, oldest first. */
struct told {
	size_t len;
	json_t *data[EVENTS_MAX];
	char type[EVENTS_MAX][64];
	int64_t ids[EVENTS_MAX];
};

static int told_row(void *context, const struct event_row *row)
{
	struct told *told = context;
	assert_true(told->len < EVENTS_MAX);
	assert_true(row->f->type.len < sizeof told->type[0]);
	memcpy(told->type[told->len], row->f->type.at, row->f->type.len);
	told->ids[told->len++] = row->id;
	return 0;
}

static struct told told_so_far(struct world *w)
{
	struct told told = {.len = 0};
	struct err err = {0};
	struct page page = {.limit = EVENTS_MAX, .ascending = true};
	const struct event_filter filter = {.type = SLICE_LITERAL("grapnel.**")};
	assert_int_equal(reader_events(w->reader, &filter, &page, told_row, &told, &err), 0);
	for (size_t i = 0; i < told.len; i++) {
		struct event *event = reader_event(w->reader, told.ids[i], NULL, &err);
		told.data[i] = json_loadb(event->f.data.at, event->f.data.len, 0, NULL);
		assert_non_null(told.data[i]);
		event_unref(event);
	}
	return told;
}

static void told_clear(struct told *told)
{
	for (size_t i = 0; i < told->len; i++)
		json_decref(told->data[i]);
}

static int64_t count_of(const struct told *told, size_t i)
{
	return json_integer_value(json_object_get(told->data[i], "count"));
}

#define assert_counts(w, ...)                                                                                                              \
	do {                                                                                                                               \
		const int64_t expected[] = {__VA_ARGS__};                                                                                  \
		struct told now = told_so_far(w);                                                                                          \
		assert_int_equal(now.len, sizeof expected / sizeof *expected);                                                             \
		for (size_t at = 0; at < now.len; at++)                                                                                    \
			assert_int_equal(count_of(&now, at), expected[at]);                                                                \
		told_clear(&now);                                                                                                          \
	} while (0)

/* `count` deliveries that die in one batch. */
static void die_together(struct world *w, int64_t endpoint, unsigned count)
{
	struct due dues[8];
	struct outcome outcomes[8];
	struct store_cmd *cmds[8];
	struct err err = {0};
	for (unsigned i = 0; i < count; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 8, &err), (int)count);
	for (unsigned i = 0; i < count; i++) {
		outcomes[i] = world_outcome(w, &dues[i], 500, i % 2 ? REASON_EXPIRED : REASON_EXHAUSTED);
		cmds[i] = &outcomes[i].cmd;
	}
	world_run_together(w, cmds, count);
}

/* Whatever is due between batches was done before the second one is answered. */
static void let_it_work(struct world *w)
{
	for (int i = 0; i < 2; i++)
		world_publish(w, &(struct world_event){.type = "nobody.listens"});
}

static void what_dies_in_a_batch_is_one_event(void **state)
{
	struct world *w = telling(state);
	int64_t endpoint = world_endpoint(w, "order.*", "\"uid\": \"billing\""), other = world_endpoint(w, "order.*", NULL);
	die_together(w, endpoint, 5);
	struct told told = told_so_far(w);
	assert_int_equal(told.len, 1);
	assert_string_equal(told.type[0], "grapnel.delivery.dead");
	assert_int_equal(count_of(&told, 0), 5);
	const json_t *reasons = json_object_get(told.data[0], "reasons");
	assert_int_equal(json_integer_value(json_object_get(reasons, "exhausted")), 3);
	assert_int_equal(json_integer_value(json_object_get(reasons, "expired")), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(told.data[0], "endpoint"), "uid")), "billing");
	told_clear(&told);
	die_together(w, other, 1);
	assert_counts(w, 5, 1);
}

static void between_two_tellings_deaths_are_counted(void **state)
{
	struct world *w = telling(state);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	die_together(w, endpoint, 1);
	die_together(w, endpoint, 2);
	die_together(w, endpoint, 4);
	let_it_work(w);
	assert_counts(w, 1);
	w->mono_us += INTERVAL_MS * 1000;
	let_it_work(w);
	assert_counts(w, 1, 6);
	/* It was told just now. */
	die_together(w, endpoint, 1);
	let_it_work(w);
	assert_counts(w, 1, 6);
	w->mono_us += INTERVAL_MS * 1000;
	let_it_work(w);
	assert_counts(w, 1, 6, 1);
	/* And not for a whole interval: the next one is told at once. */
	w->mono_us += 2 * INTERVAL_MS * 1000;
	let_it_work(w);
	die_together(w, endpoint, 2);
	assert_counts(w, 1, 6, 1, 2);
}

static void what_was_counted_is_told_after_a_start(void **state)
{
	struct world *w = telling(state);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	die_together(w, endpoint, 1);
	die_together(w, endpoint, 3);
	world_close(w);
	world_open(w);
	let_it_work(w);
	assert_counts(w, 1, 3);
	world_close(w);
	world_open(w);
	let_it_work(w);
	assert_counts(w, 1, 3);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk(struct world *w)
{
	struct stat status;
	char *path = temp_path(w->dir, "grapnel.db-wal");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(stat(path, &status), 0);
	free(path);
	limit_files((rlim_t)status.st_size);
}

/* A transaction that fails has told nothing, whether it tells at once or counts. */
static void a_death_that_could_not_be_written_is_told_when_it_is(void **state)
{
	struct world *w = telling(state);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	for (int i = 0; i < 2; i++) {
		world_publish(w, &(struct world_event){.type = "order.created"});
		struct due due = world_first_due(w, endpoint);
		struct outcome outcome = world_outcome(w, &due, 500, REASON_EXHAUSTED);
		struct publish_item item = world_item(w, &(struct world_event){.type = "nobody.listens"});
		struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
		fill_disk(w);
		world_post(w, &outcome.cmd, false);
		world_run(w, &publish.cmd);
		assert_int_equal(publish.cmd.fate, ERR_STORAGE);
		limit_files(RLIM_INFINITY);
		w->mono_us += 2000000;
		world_post(w, &publish.cmd, false);
		world_wait(2); /* the outcome, too */
		assert_true(outcome.applied);
		world_item_clear(&item);
	}
	assert_counts(w, 1);
	w->mono_us += INTERVAL_MS * 1000;
	let_it_work(w);
	assert_counts(w, 1, 1);
}

static void nothing_is_told_to_whom_it_is_about(void **state)
{
	struct world *w = telling(state);
	int64_t about = world_endpoint(w, "grapnel.**", NULL), other = world_endpoint(w, "grapnel.**", NULL);
	world_change(w, CHANGE_ENDPOINT_DISABLE, about);
	assert_int_equal(world_pending(w, about), 0);
	assert_int_equal(world_pending(w, other), 1);
	struct due due = world_first_due(w, other);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	struct told told = told_so_far(w);
	assert_int_equal(told.len, 1);
	assert_string_equal(told.type[0], "grapnel.endpoint.disabled");
	told_clear(&told);
}

static void a_circuit_is_told(void **state)
{
	struct world *w = telling(state);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	store_circuit(w->store, endpoint, true, "ten attempts failed", "some failed", 0);
	store_circuit(w->store, endpoint, false, NULL, NULL, w->wall_ms);
	store_circuit(w->store, endpoint + 1, true, "of nobody", "of nobody", 0);
	let_it_work(w);
	struct told told = told_so_far(w);
	assert_int_equal(told.len, 2);
	assert_string_equal(told.type[0], "grapnel.circuit.opened");
	assert_string_equal(json_string_value(json_object_get(told.data[0], "detail")), "ten attempts failed");
	assert_string_equal(told.type[1], "grapnel.endpoint.recovered");
	assert_string_equal(json_string_value(json_object_get(told.data[1], "was")), "circuit_open");
	told_clear(&told);
}

static void nothing_is_told_where_it_is_turned_off(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	die_together(w, endpoint, 2);
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	store_circuit(w->store, endpoint, true, "x", "x", 0);
	let_it_work(w);
	struct told told = told_so_far(w);
	assert_int_equal(told.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(what_dies_in_a_batch_is_one_event),
	    WORLD_TEST(between_two_tellings_deaths_are_counted),
	    WORLD_TEST(what_was_counted_is_told_after_a_start),
	    WORLD_TEST(a_death_that_could_not_be_written_is_told_when_it_is),
	    WORLD_TEST(nothing_is_told_to_whom_it_is_about),
	    WORLD_TEST(a_circuit_is_told),
	    WORLD_TEST(nothing_is_told_where_it_is_turned_off),
	};
	return world_main("store_herald", tests, sizeof tests / sizeof *tests);
}
