/* The store contract: endpoints that fail for too long are disabled, once; and who wants something sent is heard. */
#include "world.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)

enum { ATTEMPTS = 20 };

static int setup(void **state)
{
	struct world *w = world_new();
	w->disable_after_ms = 5 * DAY_US / 1000;
	w->disable_attempts = ATTEMPTS;
	world_open(w);
	*state = w;
	return 0;
}

static int64_t make_endpoint(struct world *w)
{
	return world_endpoint(w, "order.*", NULL);
}

static void pass(struct world *w, int64_t us)
{
	w->mono_us += us;
	w->wall_ms += us / 1000;
}

/* One attempt that comes to this status. */
static void attempt(struct world *w, int64_t endpoint, int status)
{
	world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	struct due due = world_first_due(w, endpoint);
	assert_true(world_settle(w, &due, status, status < 300 ? REASON_NONE : REASON_EXHAUSTED));
}

/* The status after everything that was posted has been handled. */
static enum endpoint_status status_of(struct world *w, int64_t id, char reason[64])
{
	world_endpoint(w, "nothing", NULL);
	struct endpoint *endpoint = index_endpoint(w->index, id);
	assert_non_null(endpoint);
	enum endpoint_status status = endpoint->meta.status;
	memcpy(reason, endpoint->meta.status_reason, 64);
	endpoint_unref(endpoint);
	return status;
}

static void assert_active(struct world *w, int64_t id)
{
	char reason[64];
	assert_int_equal(status_of(w, id, reason), ENDPOINT_ACTIVE);
}

static void assert_failing(struct world *w, int64_t id)
{
	char reason[64];
	assert_int_equal(status_of(w, id, reason), ENDPOINT_DISABLED);
	assert_string_equal(reason, "failing");
}

static int count_row(void *context, const struct audit_row *row)
{
	int *count = context;
	*count += slice_is(row->action, "endpoint.disable") && slice_is(row->actor, "hub");
	return 0;
}

static int disablings(struct world *w)
{
	int count = 0;
	struct err err = {0};
	struct page page = {.limit = 500};
	const struct audit_filter filter = {.since_ms = 0};
	assert_int_equal(reader_audit(w->reader, &filter, &page, count_row, &count, &err), 0);
	return count;
}

static void one_that_fails_for_too_long_is_disabled_once(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	attempt(w, endpoint, 500);
	for (int i = 1; i < ATTEMPTS; i++) {
		pass(w, 5 * DAY_US / ATTEMPTS);
		attempt(w, endpoint, 500);
	}
	assert_active(w, endpoint);
	struct due left[2];
	for (int i = 0; i < 2; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	struct err err = {0};
	assert_int_equal(reader_lane(w->reader, endpoint, left, 2, &err), 2);
	pass(w, 5 * DAY_US / ATTEMPTS);
	/* Two in one batch: it is disabled once all the same. */
	struct outcome first = world_outcome(w, &left[0], 500, REASON_EXHAUSTED), second = world_outcome(w, &left[1], 500, REASON_EXHAUSTED);
	struct store_cmd *both[] = {&first.cmd, &second.cmd};
	world_run_together(w, both, 2);
	assert_failing(w, endpoint);
	assert_int_equal(disablings(w), 1);
}

static void few_attempts_disable_nobody(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	for (int i = 0; i < ATTEMPTS - 1; i++) {
		attempt(w, endpoint, 500);
		pass(w, DAY_US);
	}
	assert_active(w, endpoint);
	attempt(w, endpoint, 500);
	assert_failing(w, endpoint);
}

static void a_success_begins_it_anew(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < ATTEMPTS; i++) {
			attempt(w, endpoint, 500);
			pass(w, 5 * DAY_US / ATTEMPTS - SECOND_US);
		}
		attempt(w, endpoint, 200);
	}
	assert_active(w, endpoint);
}

/* It is the hub's own running time that counts: a wall clock that jumps by ten days makes no difference. */
static void a_jump_of_the_wall_clock_disables_nobody(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	for (int i = 0; i < 2 * ATTEMPTS; i++) {
		attempt(w, endpoint, 500);
		w->wall_ms += DAY_US / 1000;
		w->mono_us += 60 * SECOND_US;
	}
	assert_active(w, endpoint);
}

static void a_stop_remembers_and_does_not_count(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	for (int i = 0; i < ATTEMPTS; i++) {
		attempt(w, endpoint, 500);
		pass(w, 4 * DAY_US / ATTEMPTS);
	}
	/* Another monotonic clock, a week later. */
	world_close(w);
	w->wall_ms += 7 * DAY_US / 1000;
	w->mono_us = SECOND_US;
	world_open(w);
	attempt(w, endpoint, 500);
	assert_active(w, endpoint);
	pass(w, 2 * DAY_US);
	attempt(w, endpoint, 500);
	assert_failing(w, endpoint);
}

static void a_crash_remembers_but_the_last_minutes(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w), fresh = make_endpoint(w), mended = make_endpoint(w);
	for (int i = 0; i < ATTEMPTS; i++) {
		attempt(w, endpoint, 500);
		attempt(w, mended, 500);
		pass(w, 5 * DAY_US / ATTEMPTS - SECOND_US);
	}
	attempt(w, fresh, 500);
	attempt(w, mended, 200);
	pass(w, SECOND_US);
	attempt(w, fresh, 500); /* the writer looks at what is to be written */
	world_endpoint(w, "nothing", NULL);
	struct world *after = world_crash(w);
	after->disable_after_ms = w->disable_after_ms;
	after->disable_attempts = w->disable_attempts;
	world_close(after);
	world_open(after);
	attempt(after, endpoint, 500);
	attempt(after, mended, 500);
	assert_int_equal(disablings(after), 0);
	pass(after, DAY_US);
	attempt(after, endpoint, 500);
	assert_failing(after, endpoint);
	attempt(after, mended, 500);
	assert_active(after, mended);
	assert_active(after, fresh);
	world_close(after);
	world_free(after);
}

static void whoever_resumes_it_begins_it_anew(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	for (int i = 0; i < ATTEMPTS; i++) {
		attempt(w, endpoint, 500);
		pass(w, 5 * DAY_US / ATTEMPTS - SECOND_US);
	}
	world_change(w, CHANGE_ENDPOINT_PAUSE, endpoint);
	pass(w, 30 * DAY_US);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	attempt(w, endpoint, 500);
	pass(w, HOUR_US);
	attempt(w, endpoint, 500);
	assert_active(w, endpoint);
}

static void never_is_never(void **state)
{
	struct world *w = *state;
	world_close(w);
	w->disable_after_ms = 0;
	world_open(w);
	int64_t endpoint = make_endpoint(w);
	for (int i = 0; i < 2 * ATTEMPTS; i++) {
		attempt(w, endpoint, 500);
		pass(w, 30 * DAY_US);
	}
	assert_active(w, endpoint);
}

/* ---- urged ---- */

static struct due urged_last(struct world *w, size_t len)
{
	pthread_mutex_lock(&w->mutex);
	assert_int_equal(w->urged_len, len);
	struct due due = w->urged[len - 1];
	pthread_mutex_unlock(&w->mutex);
	return due;
}

static void what_is_retried_by_hand_is_urged(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	world_publish(w, &(struct world_event){.type = "order.created", .only = endpoint});
	struct due due = world_first_due(w, endpoint);
	world_change(w, CHANGE_DELIVERY_RETRY, due.delivery);
	assert_int_equal(urged_last(w, 1).delivery, due.delivery);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	world_change(w, CHANGE_DELIVERY_RETRY, due.delivery);
	struct due again = urged_last(w, 2);
	assert_int_equal(again.delivery, due.delivery);
	assert_int_equal(again.round, due.round + 1);
	assert_int_equal(again.round_attempts, 0);
}

static void who_resumes_urges_the_endpoint_also_one_that_is_active(void **state)
{
	struct world *w = *state;
	int64_t endpoint = make_endpoint(w);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	struct due due = urged_last(w, 1);
	assert_int_equal(due.endpoint, endpoint);
	assert_int_equal(due.delivery, 0);
	world_change(w, CHANGE_ENDPOINT_PAUSE, endpoint);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	assert_int_equal(urged_last(w, 2).endpoint, endpoint);
	world_operation(w, OPERATION_RETRY, &(struct dead_filter){.endpoint = endpoint});
	assert_int_equal(urged_last(w, 3).endpoint, endpoint);
}

#define TEST(f)                                                                                                                            \
	{                                                                                                                                  \
#f, f, setup, world_teardown, NULL                                                                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_that_fails_for_too_long_is_disabled_once),
	    TEST(few_attempts_disable_nobody),
	    TEST(a_success_begins_it_anew),
	    TEST(a_jump_of_the_wall_clock_disables_nobody),
	    TEST(a_stop_remembers_and_does_not_count),
	    TEST(a_crash_remembers_but_the_last_minutes),
	    TEST(whoever_resumes_it_begins_it_anew),
	    TEST(never_is_never),
	    TEST(what_is_retried_by_hand_is_urged),
	    TEST(who_resumes_urges_the_endpoint_also_one_that_is_active),
	};
	return world_main("health", tests, sizeof tests / sizeof *tests);
}
