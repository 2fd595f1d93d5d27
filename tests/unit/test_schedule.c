/* The scheduler's thread against a store of our own: rows in an array, a clock that stands still until it is moved. Tests wait
 * for jobs; that something does not happen is seen by a marker: messages are handled in order, so when the job of a later one
 * is there, the earlier ones have had their turn. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "match/index.h"
#include "schedule/schedule.h"

enum { ROWS_MAX = 1000, MARKER = 900, WAIT_S = 20 };
static const int64_t START_MS = 1700000000000;

/* ---- the fake store ---- */

enum row_state { ROW_PENDING, ROW_HELD, ROW_ENDED };

struct row {
	struct due due;
	enum row_state state;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* under the mutex */
static struct row rows[ROWS_MAX];
static size_t rows_len;
static int failing_reads;
static unsigned lane_reads;
static struct job *jobs[ROWS_MAX]; /* given to a worker */
static size_t jobs_len, jobs_taken;
static struct outcome *posted[ROWS_MAX]; /* by the scheduler itself */
static size_t posted_len, posted_taken;

static atomic_llong now_ms;
static char store_object;

static int64_t fake_wall_ms(void *context)
{
	(void)context;
	return atomic_load(&now_ms);
}

static const struct clock fake_clock = {.wall_ms = fake_wall_ms};

struct store_reader *reader_open(struct store *store, struct err *err)
{
	(void)err;
	return (struct store_reader *)(void *)store;
}

void reader_close(struct store_reader *reader)
{
	(void)reader;
}

int64_t store_epoch(struct store *store, int64_t endpoint)
{
	(void)store;
	return endpoint * 10;
}

void store_post(struct store *store, struct store_cmd *cmd)
{
	(void)store;
	pthread_mutex_lock(&mutex);
	posted[posted_len++] = (struct outcome *)(void *)cmd;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static int fails(struct err *err)
{
	if (failing_reads == 0)
		return 0;
	failing_reads--;
	pthread_cond_broadcast(&changed);
	return err_set(err, ERR_STORAGE, "the disk is on fire");
}

int reader_next_lane(struct store_reader *reader, int64_t *endpoint, int64_t *due_ms, struct err *err)
{
	(void)reader;
	int64_t found = INT64_MAX;
	pthread_mutex_lock(&mutex);
	int result = fails(err);
	for (size_t i = 0; result == 0 && i < rows_len; i++) {
		if (rows[i].state == ROW_PENDING && rows[i].due.endpoint > *endpoint && rows[i].due.endpoint < found)
			found = rows[i].due.endpoint;
	}
	*due_ms = INT64_MAX;
	for (size_t i = 0; result == 0 && i < rows_len; i++) {
		if (rows[i].state == ROW_PENDING && rows[i].due.endpoint == found && rows[i].due.due_ms < *due_ms)
			*due_ms = rows[i].due.due_ms;
	}
	pthread_mutex_unlock(&mutex);
	if (result || found == INT64_MAX)
		return result;
	*endpoint = found;
	return 1;
}

static int by_due(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	if (x->due_ms != y->due_ms)
		return x->due_ms < y->due_ms ? -1 : 1;
	return x->delivery < y->delivery ? -1 : 1;
}

int reader_lane(struct store_reader *reader, int64_t endpoint, struct due *out, int max, struct err *err)
{
	(void)reader;
	static struct due found[ROWS_MAX];
	size_t len = 0;
	pthread_mutex_lock(&mutex);
	lane_reads++;
	int result = fails(err);
	for (size_t i = 0; i < rows_len; i++) {
		if (rows[i].state == ROW_PENDING && rows[i].due.endpoint == endpoint)
			found[len++] = rows[i].due;
	}
	pthread_mutex_unlock(&mutex);
	qsort(found, len, sizeof *found, by_due);
	len = len < (size_t)max ? len : (size_t)max;
	memcpy(out, found, len * sizeof *found);
	return result ? -1 : (int)len;
}

int reader_expired(struct store_reader *reader, int64_t at_ms, struct due *out, int max, int64_t *next_ms, struct err *err)
{
	(void)reader;
	(void)err;
	int len = 0;
	*next_ms = 0;
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < rows_len; i++) {
		const struct due *due = &rows[i].due;
		if (rows[i].state == ROW_ENDED || due->expires_ms == 0)
			continue;
		if (*next_ms == 0 || due->expires_ms < *next_ms)
			*next_ms = due->expires_ms;
		if (due->expires_ms <= at_ms && len < max)
			out[len++] = *due;
	}
	pthread_mutex_unlock(&mutex);
	return len;
}

/* ---- the test's side ---- */

static struct scheduler *scheduler;
static struct index *endpoints;
static int64_t versions;

static void keep_job(void *context, struct job *job)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	jobs[jobs_len++] = job;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

/* Waits until there is more than was taken; a broken scheduler fails the test instead of hanging it. */
static size_t wait_for_next(const size_t *len, size_t *taken)
{
	struct timespec until;
	int status = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&mutex);
	while (*len <= *taken && status == 0)
		status = pthread_cond_timedwait(&changed, &mutex, &until);
	size_t at = status == 0 ? (*taken)++ : 0;
	pthread_mutex_unlock(&mutex);
	assert_int_equal(status, 0);
	return at;
}

static struct job *next_job(void)
{
	return jobs[wait_for_next(&jobs_len, &jobs_taken)];
}

static struct outcome *next_posted(void)
{
	return posted[wait_for_next(&posted_len, &posted_taken)];
}

static void set_endpoint(int64_t id, enum endpoint_status status, int max_in_flight, bool ordered)
{
	struct endpoint *endpoint = mem_new(struct endpoint);
	endpoint->meta.id = id;
	endpoint->meta.version = ++versions;
	endpoint->meta.status = status;
	endpoint->max_in_flight = max_in_flight;
	endpoint->ordered = ordered;
	atomic_init(&endpoint->refs, 1);
	index_put_endpoint(endpoints, endpoint);
	scheduler_endpoint(scheduler, endpoint);
	endpoint_unref(endpoint);
}

static struct row *put_row(int64_t endpoint, int64_t delivery, int64_t due_ms, enum row_state state)
{
	pthread_mutex_lock(&mutex);
	struct row *row = &rows[rows_len++];
	row->state = state;
	row->due = (struct due){.delivery = delivery, .event = 5000 + delivery, .endpoint = endpoint, .due_ms = due_ms, .round = 1};
	pthread_mutex_unlock(&mutex);
	return row;
}

static struct due *row_of(int64_t delivery, struct row **out)
{
	for (size_t i = 0; i < rows_len; i++) {
		if (rows[i].due.delivery == delivery) {
			*out = &rows[i];
			return &rows[i].due;
		}
	}
	abort();
}

/* As the writer does after a commit. */
static void publish_round(int64_t endpoint, int64_t delivery, int64_t due_ms, int32_t round)
{
	struct event_fields fields = {.type = SLICE_LITERAL("t"), .data = SLICE_LITERAL("{}")};
	struct store_deliveries *made = mem_alloc(sizeof *made + sizeof(struct due));
	made->event = event_new(&fields, NULL);
	made->len = 1;
	struct row *row = put_row(endpoint, delivery, due_ms, ROW_PENDING);
	pthread_mutex_lock(&mutex);
	row->due.round = round;
	made->due[0] = row->due;
	pthread_mutex_unlock(&mutex);
	scheduler_deliveries(scheduler, made);
}

static void publish(int64_t endpoint, int64_t delivery, int64_t due_ms)
{
	publish_round(endpoint, delivery, due_ms, DELIVERY_ROUND_FIRST);
}

/* What the scheduler said of tests. */
static int64_t tested_event;
static unsigned tested_len;

static void hear_tested(void *context, int64_t event)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	tested_event = event;
	tested_len++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void wait_tested(unsigned len, int64_t delivery)
{
	pthread_mutex_lock(&mutex);
	while (tested_len < len)
		pthread_cond_wait(&changed, &mutex);
	assert_int_equal(tested_event, 5000 + delivery);
	pthread_mutex_unlock(&mutex);
}

static void advance(int64_t ms)
{
	atomic_fetch_add(&now_ms, ms);
	scheduler_due(scheduler, 12345, 0); /* nobody's: it only wakes */
}

/* The worker's and the writer's part. */
static void settle(struct job *job, enum delivery_change change, int64_t next_due_ms)
{
	struct outcome *outcome = &job->outcome;
	struct row *row;
	pthread_mutex_lock(&mutex);
	struct due *due = row_of(outcome->due.delivery, &row);
	outcome->applied = row->state != ROW_ENDED && due->round == outcome->due.round;
	outcome->change = change;
	outcome->next_due_ms = next_due_ms;
	if (outcome->applied && change == DELIVERY_RETRY_LATER) {
		due->due_ms = next_due_ms;
		due->attempts++;
		due->round_attempts++;
	} else if (outcome->applied) {
		row->state = ROW_ENDED;
	}
	pthread_mutex_unlock(&mutex);
	outcome->cmd.done(&outcome->cmd);
}

static void succeed(struct job *job)
{
	job->outcome.attempted = true;
	scheduler_freed(job);
	settle(job, DELIVERY_SUCCEED, 0);
}

/* All that was posted so far has been handled, and led to no job. */
static void assert_quiet(int64_t marker)
{
	publish(MARKER, marker, START_MS);
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, marker);
	succeed(job);
}

static void setup_with(unsigned live_max)
{
	struct err err = {0};
	rows_len = jobs_len = jobs_taken = posted_len = posted_taken = 0;
	failing_reads = 0;
	lane_reads = 0;
	tested_len = 0;
	atomic_store(&now_ms, START_MS);
	endpoints = index_new();
	struct scheduler_config config = {
	    .store = (struct store *)(void *)&store_object,
	    .index = endpoints,
	    .clock = &fake_clock,
	    .failing_per_s = 1000,
	    .live_max = live_max,
	    .event_bytes_max = 1 << 20,
	    .deliver = keep_job,
	    .tested = hear_tested,
	};
	scheduler = scheduler_new(&config, &err);
	assert_non_null(scheduler);
	set_endpoint(MARKER, ENDPOINT_ACTIVE, 1000, false);
}

static int setup(void **state)
{
	(void)state;
	setup_with(64);
	return 0;
}

static void begin(void)
{
	struct err err = {0};
	assert_int_equal(scheduler_start(scheduler, &err), 0);
}

static int teardown(void **state)
{
	(void)state;
	scheduler_stop(scheduler);
	index_free(endpoints);
	return 0;
}

/* ---- tests ---- */

static void published_delivery_is_given_to_a_worker_with_its_payload(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	/* Before the thread runs, which would find the row in the outbox too. */
	publish(1, 11, START_MS);
	begin();
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.epoch, 10);
	assert_int_equal(job->endpoint->meta.id, 1);
	assert_non_null(job->event);
	assert_int_equal(scheduler_live(scheduler), 1);
	succeed(job);
}

static void rows_of_before_the_start_are_found(void **state)
{
	(void)state;
	for (int i = 1; i <= 20; i++) {
		set_endpoint(i, ENDPOINT_ACTIVE, 8, false);
		put_row(i, 100 + i, START_MS - i, ROW_PENDING);
	}
	put_row(50, 500, START_MS, ROW_PENDING); /* of a deleted endpoint */
	begin();
	bool seen[21] = {false};
	for (int i = 0; i < 20; i++) {
		struct job *job = next_job();
		assert_int_equal(job->outcome.due.delivery, 100 + job->outcome.due.endpoint);
		seen[job->outcome.due.endpoint] = true;
		succeed(job);
	}
	for (int i = 1; i <= 20; i++)
		assert_true(seen[i]);
	assert_quiet(901);
}

static void start_up_goes_on_when_the_store_could_not_be_read(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING);
	failing_reads = 1;
	begin();
	assert_quiet(901);
	advance(1000);
	succeed(next_job());
}

static void failed_delivery_comes_again_when_it_is_due(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	job->outcome.attempted = true;
	scheduler_freed(job);
	settle(job, DELIVERY_RETRY_LATER, START_MS + 5000);
	assert_quiet(901);
	advance(4999);
	assert_quiet(902);
	advance(1);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.due.attempts, 1);
	assert_int_equal(job->outcome.due.round_attempts, 1);
	succeed(job);
}

static void delivery_is_never_sent_twice_before_its_outcome_is_committed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	scheduler_due(scheduler, 1, START_MS); /* a refill sees the row as pending */
	assert_quiet(901);
	settle(job, DELIVERY_SUCCEED, 0);
	assert_quiet(902);
}

static void retry_by_hand_that_overtakes_the_settlement_is_not_lost(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	/* Committed as dead and reopened in one batch; the settlement comes last. */
	struct row *row;
	pthread_mutex_lock(&mutex);
	row_of(11, &row)->round = 2;
	pthread_mutex_unlock(&mutex);
	scheduler_due(scheduler, 1, START_MS);
	assert_quiet(901);
	settle(job, DELIVERY_DIE, 0);
	job = next_job();
	assert_int_equal(job->outcome.due.delivery, 11);
	assert_int_equal(job->outcome.due.round, 2);
	succeed(job);
}

static void unordered_slot_is_free_when_the_answer_is_in(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	struct job *first = next_job();
	assert_quiet(901);
	scheduler_freed(first);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	settle(first, DELIVERY_SUCCEED, 0);
	succeed(second);
}

static void ordered_slot_is_free_when_the_outcome_is_committed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	begin();
	assert_quiet(901);
	publish(1, 11, START_MS);
	struct job *first = next_job();
	publish(1, 13, START_MS); /* of another key */
	struct row *held = put_row(1, 12, START_MS, ROW_HELD);
	scheduler_freed(first);
	assert_quiet(902);
	pthread_mutex_lock(&mutex);
	held->state = ROW_PENDING;
	first->outcome.has_promoted = true;
	first->outcome.promoted = held->due;
	pthread_mutex_unlock(&mutex);
	settle(first, DELIVERY_SUCCEED, 0);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	succeed(second);
	second = next_job();
	assert_int_equal(second->outcome.due.delivery, 13);
	succeed(second);
}

static void due_lanes_take_turns(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 100, false);
	set_endpoint(2, ENDPOINT_ACTIVE, 100, false);
	for (int i = 0; i < 10; i++)
		publish(1, 100 + i, START_MS - 1000);
	for (int i = 0; i < 10; i++)
		publish(2, 200 + i, START_MS);
	begin();
	for (int i = 0; i < 20; i++) {
		struct job *job = next_job();
		assert_int_equal(job->outcome.due.endpoint, 1 + i % 2);
		succeed(job);
	}
}

static void live_jobs_are_bounded(void **state)
{
	(void)state;
	setup_with(3);
	set_endpoint(1, ENDPOINT_ACTIVE, 100, false);
	for (int i = 1; i <= 5; i++)
		publish(1, i, START_MS);
	begin();
	struct job *first = next_job();
	struct job *live[] = {next_job(), next_job()};
	scheduler_freed(first);
	/* The answers are in, but nothing is committed: whatever is done now, there is no fourth job before this one is settled. */
	assert_int_equal(scheduler_live(scheduler), 3);
	settle(first, DELIVERY_SUCCEED, 0);
	struct job *fourth = next_job();
	assert_int_equal(fourth->outcome.due.delivery, 4);
	assert_int_equal(scheduler_live(scheduler), 3);
	succeed(live[0]);
	succeed(live[1]);
	succeed(fourth);
	succeed(next_job());
}

static void paused_endpoint_gets_nothing_until_it_is_resumed(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	set_endpoint(1, ENDPOINT_PAUSED, 8, false);
	publish(1, 11, START_MS);
	assert_quiet(901);
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	succeed(next_job());
}

static void test_goes_at_once_beside_window_and_pause(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	begin();
	publish(1, 11, START_MS);
	struct job *first = next_job();
	publish(1, 12, START_MS);
	publish_round(1, 13, START_MS, DELIVERY_ROUND_TEST);
	struct job *test = next_job();
	assert_int_equal(test->outcome.due.delivery, 13);
	assert_non_null(test->event);
	set_endpoint(1, ENDPOINT_PAUSED, 1, true);
	publish_round(1, 14, START_MS, DELIVERY_ROUND_TEST);
	struct job *paused = next_job();
	assert_int_equal(paused->outcome.due.delivery, 14);
	scheduler_freed(test);
	settle(test, DELIVERY_CANCEL, 0);
	wait_tested(1, 13);
	succeed(paused);
	wait_tested(2, 14);
	/* The window is as it was. */
	assert_quiet(901);
	set_endpoint(1, ENDPOINT_ACTIVE, 1, true);
	assert_quiet(902);
	succeed(first);
	struct job *second = next_job();
	assert_int_equal(second->outcome.due.delivery, 12);
	succeed(second);
	assert_int_equal(tested_len, 2);
}

static void test_of_a_deleted_endpoint_is_over_at_once(void **state)
{
	(void)state;
	begin();
	publish_round(77, 13, START_MS, DELIVERY_ROUND_TEST);
	wait_tested(1, 13);
}

static void cancelled_delivery_is_not_sent(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS + 1000);
	assert_quiet(901);
	struct row *row;
	pthread_mutex_lock(&mutex);
	row_of(11, &row);
	row->state = ROW_ENDED;
	pthread_mutex_unlock(&mutex);
	scheduler_due(scheduler, 1, 0);
	advance(1000);
	assert_quiet(902);
}

static void deleted_endpoint_gets_nothing_more(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	publish(1, 12, START_MS);
	struct job *job = next_job();
	set_endpoint(1, ENDPOINT_DELETED, 1, false);
	publish(1, 13, START_MS);
	scheduler_freed(job);
	settle(job, DELIVERY_RETRY_LATER, START_MS);
	assert_quiet(901);
}

static void backlog_is_read_in_pieces_and_sent_once_each(void **state)
{
	(void)state;
	enum { BACKLOG = 900 };
	static bool seen[BACKLOG + 1];
	memset(seen, 0, sizeof seen);
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	for (int i = 1; i <= BACKLOG; i++)
		put_row(1, i, START_MS - 5000 + i / 300, ROW_PENDING);
	begin();
	for (int i = 1; i <= BACKLOG; i++) {
		struct job *job = next_job();
		assert_false(seen[job->outcome.due.delivery]);
		seen[job->outcome.due.delivery] = true;
		succeed(job);
	}
	pthread_mutex_lock(&mutex);
	unsigned reads = lane_reads;
	pthread_mutex_unlock(&mutex);
	assert_in_range(reads, 4, 16);
}

static void unreadable_lane_is_read_again_a_second_later(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	assert_quiet(901);
	pthread_mutex_lock(&mutex);
	failing_reads = 1;
	pthread_mutex_unlock(&mutex);
	put_row(1, 11, START_MS, ROW_PENDING);
	scheduler_due(scheduler, 1, START_MS);
	assert_quiet(902);
	advance(1000);
	succeed(next_job());
}

static void outcome_that_was_not_stored_is_sent_again(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_freed(job);
	job->outcome.cmd.fate = ERR_UNAVAILABLE;
	job->outcome.cmd.done(&job->outcome.cmd);
	assert_quiet(901);
	advance(1000);
	succeed(next_job());
}

static void expired_deliveries_end_without_a_request(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_PAUSED, 8, true);
	struct row *waiting = put_row(1, 11, START_MS, ROW_PENDING);
	struct row *held = put_row(1, 12, START_MS, ROW_HELD);
	waiting->due.expires_ms = START_MS + 60000;
	held->due.expires_ms = START_MS + 70000;
	begin();
	assert_quiet(901);
	assert_int_equal(posted_len, 0);
	advance(65000);
	struct outcome *outcome = next_posted();
	assert_int_equal(outcome->due.delivery, 11);
	assert_int_equal(outcome->cmd.kind, STORE_OUTCOME);
	assert_int_equal(outcome->change, DELIVERY_DIE);
	assert_int_equal(outcome->reason, REASON_EXPIRED);
	assert_false(outcome->attempted);
	settle((struct job *)(void *)outcome, DELIVERY_DIE, 0);
	advance(5000);
	outcome = next_posted();
	assert_int_equal(outcome->due.delivery, 12);
	settle((struct job *)(void *)outcome, DELIVERY_DIE, 0);
	assert_quiet(902);
	assert_int_equal(posted_len, 2);
}

static void delivery_in_flight_is_left_to_its_worker_when_it_expires(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 8, false);
	put_row(1, 11, START_MS, ROW_PENDING)->due.expires_ms = START_MS + 1000;
	begin();
	struct job *job = next_job();
	advance(2000);
	assert_quiet(901);
	pthread_mutex_lock(&mutex);
	size_t ended = posted_len;
	pthread_mutex_unlock(&mutex);
	assert_int_equal(ended, 0);
	succeed(job);
}

static void quiesced_scheduler_starts_nothing(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 1, false);
	begin();
	publish(1, 11, START_MS);
	struct job *job = next_job();
	scheduler_quiesce(scheduler);
	publish(1, 12, START_MS);
	succeed(job);
	scheduler_stop(scheduler);
	scheduler = NULL;
	assert_int_equal(jobs_len, 1);
}

static void failing_endpoint_is_tried_one_at_a_time(void **state)
{
	(void)state;
	set_endpoint(1, ENDPOINT_ACTIVE, 10, false);
	set_endpoint(MARKER, ENDPOINT_ACTIVE, 1, false);
	begin();
	for (int64_t i = 0; i < 30; i++)
		publish(1, 100 + i, START_MS);
	/* After the tenth failure the nine that are in flight are followed by one. */
	for (int i = 0; i < 19; i++) {
		struct job *failed = next_job();
		failed->outcome.attempted = true;
		settle(failed, DELIVERY_RETRY_LATER, START_MS + 1000000);
	}
	struct job *alone = next_job();
	assert_quiet(901);
	succeed(alone);
	for (int i = 0; i < 10; i++)
		succeed(next_job());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(published_delivery_is_given_to_a_worker_with_its_payload, setup, teardown),
	    cmocka_unit_test_setup_teardown(rows_of_before_the_start_are_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(start_up_goes_on_when_the_store_could_not_be_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(failed_delivery_comes_again_when_it_is_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(delivery_is_never_sent_twice_before_its_outcome_is_committed, setup, teardown),
	    cmocka_unit_test_setup_teardown(retry_by_hand_that_overtakes_the_settlement_is_not_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(unordered_slot_is_free_when_the_answer_is_in, setup, teardown),
	    cmocka_unit_test_setup_teardown(ordered_slot_is_free_when_the_outcome_is_committed, setup, teardown),
	    cmocka_unit_test_setup_teardown(due_lanes_take_turns, setup, teardown),
	    cmocka_unit_test_teardown(live_jobs_are_bounded, teardown),
	    cmocka_unit_test_setup_teardown(failing_endpoint_is_tried_one_at_a_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(paused_endpoint_gets_nothing_until_it_is_resumed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_goes_at_once_beside_window_and_pause, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_of_a_deleted_endpoint_is_over_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(cancelled_delivery_is_not_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(deleted_endpoint_gets_nothing_more, setup, teardown),
	    cmocka_unit_test_setup_teardown(backlog_is_read_in_pieces_and_sent_once_each, setup, teardown),
	    cmocka_unit_test_setup_teardown(unreadable_lane_is_read_again_a_second_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(outcome_that_was_not_stored_is_sent_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(expired_deliveries_end_without_a_request, setup, teardown),
	    cmocka_unit_test_setup_teardown(delivery_in_flight_is_left_to_its_worker_when_it_expires, setup, teardown),
	    cmocka_unit_test_setup_teardown(quiesced_scheduler_starts_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
