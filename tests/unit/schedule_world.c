/* A store, a worker and a clock for the scheduler. */
#include "schedule_world.h"

enum { WAIT_S = 20 };

/* ---- the fake store ---- */

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* under the mutex */
struct row rows[ROWS_MAX];
size_t rows_len;
int failing_reads;
unsigned lane_reads;
struct job *jobs[ROWS_MAX]; /* given to a worker */
size_t jobs_len, jobs_taken;
struct outcome *posted[ROWS_MAX]; /* by the scheduler itself */
size_t posted_len, posted_taken;

static atomic_llong now_ms;
static char store_object;

static int64_t fake_wall_ms(void *context)
{
	(void)context;
	return atomic_load(&now_ms);
}

static int64_t fake_mono_us(void *context)
{
	(void)context;
	return (atomic_load(&now_ms) - START_MS + 60000) * 1000;
}

static const struct clock fake_clock = {.wall_ms = fake_wall_ms, .mono_us = fake_mono_us};

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

struct scheduler *scheduler;
struct index *endpoints;
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

struct job *next_job(void)
{
	return jobs[wait_for_next(&jobs_len, &jobs_taken)];
}

struct outcome *next_posted(void)
{
	return posted[wait_for_next(&posted_len, &posted_taken)];
}

static struct endpoint *new_endpoint(int64_t id, int max_in_flight)
{
	struct endpoint *endpoint = mem_new(struct endpoint);
	endpoint->meta.id = id;
	endpoint->meta.version = ++versions;
	endpoint->meta.status = ENDPOINT_ACTIVE;
	endpoint->max_in_flight = max_in_flight;
	endpoint->breaker = &endpoint_defaults.breaker;
	atomic_init(&endpoint->refs, 1);
	return endpoint;
}

static void put_endpoint(struct endpoint *endpoint)
{
	index_put_endpoint(endpoints, endpoint);
	scheduler_endpoint(scheduler, endpoint);
	endpoint_unref(endpoint);
}

void set_endpoint_with(int64_t id, enum endpoint_status status, int max_in_flight, bool ordered,
                              const struct breaker_policy *policy)
{
	struct endpoint *endpoint = new_endpoint(id, max_in_flight);
	endpoint->meta.status = status;
	endpoint->ordered = ordered;
	endpoint->breaker = policy;
	put_endpoint(endpoint);
}

void set_endpoint(int64_t id, enum endpoint_status status, int max_in_flight, bool ordered)
{
	set_endpoint_with(id, status, max_in_flight, ordered, &endpoint_defaults.breaker);
}

void set_endpoint_of(int64_t id, int64_t subscriber)
{
	struct endpoint *endpoint = new_endpoint(id, 1000);
	endpoint->meta.subscriber = subscriber;
	put_endpoint(endpoint);
}

void set_endpoint_rate(int64_t id, struct rate rate)
{
	struct endpoint *endpoint = new_endpoint(id, 1000);
	endpoint->rate = rate;
	put_endpoint(endpoint);
}

struct row *put_row(int64_t endpoint, int64_t delivery, int64_t due_ms, enum row_state state)
{
	pthread_mutex_lock(&mutex);
	struct row *row = &rows[rows_len++];
	row->state = state;
	row->due = (struct due){.delivery = delivery, .event = 5000 + delivery, .endpoint = endpoint, .due_ms = due_ms, .round = 1};
	pthread_mutex_unlock(&mutex);
	return row;
}

struct due *row_of(int64_t delivery, struct row **out)
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
void publish_round(int64_t endpoint, int64_t delivery, int64_t due_ms, int32_t round)
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

void publish(int64_t endpoint, int64_t delivery, int64_t due_ms)
{
	publish_round(endpoint, delivery, due_ms, DELIVERY_ROUND_FIRST);
}

/* What the scheduler said of tests. */
int64_t tested_event;
unsigned tested_len;

static void hear_tested(void *context, int64_t event)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	tested_event = event;
	tested_len++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

void wait_tested(unsigned len, int64_t delivery)
{
	pthread_mutex_lock(&mutex);
	while (tested_len < len)
		pthread_cond_wait(&changed, &mutex);
	assert_int_equal(tested_event, 5000 + delivery);
	pthread_mutex_unlock(&mutex);
}

/* What it said of breakers; the thread's alone until all was handled. */
struct breakers *breakers;
unsigned opened_len, recovered_len;

static void hear_breaker(void *context, const struct breaker_report *report)
{
	(void)context;
	*(report->opened ? &opened_len : &recovered_len) += 1;
}

void advance(int64_t ms)
{
	atomic_fetch_add(&now_ms, ms);
	scheduler_due(scheduler, 12345, 0); /* nobody's: it only wakes */
}

/* The worker's and the writer's part. */
void settle(struct job *job, enum delivery_change change, int64_t next_due_ms)
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

void succeed(struct job *job)
{
	job->outcome.attempted = true;
	scheduler_freed(job);
	settle(job, DELIVERY_SUCCEED, 0);
}

/* All that was posted so far has been handled, and led to no job. */
void assert_quiet(int64_t marker)
{
	publish(MARKER, marker, START_MS);
	struct job *job = next_job();
	assert_int_equal(job->outcome.due.delivery, marker);
	succeed(job);
}

void setup_with(unsigned live_max)
{
	struct err err = {0};
	rows_len = jobs_len = jobs_taken = posted_len = posted_taken = 0;
	failing_reads = 0;
	lane_reads = 0;
	tested_len = opened_len = recovered_len = 0;
	breakers = breakers_new();
	atomic_store(&now_ms, START_MS);
	endpoints = index_new();
	struct scheduler_config config = {
	    .store = (struct store *)(void *)&store_object,
	    .index = endpoints,
	    .clock = &fake_clock,
	    .probes_per_s = 1000,
	    .breakers = breakers,
	    .breaker = hear_breaker,
	    .live_max = live_max,
	    .event_bytes_max = 1 << 20,
	    .deliver = keep_job,
	    .tested = hear_tested,
	};
	scheduler = scheduler_new(&config, &err);
	assert_non_null(scheduler);
	set_endpoint(MARKER, ENDPOINT_ACTIVE, 1000, false);
}

int setup(void **state)
{
	(void)state;
	setup_with(64);
	return 0;
}

void begin(void)
{
	struct err err = {0};
	assert_int_equal(scheduler_start(scheduler, &err), 0);
}

int teardown(void **state)
{
	(void)state;
	scheduler_stop(scheduler);
	index_free(endpoints);
	breakers_free(breakers);
	return 0;
}

void fail_job(struct job *job, int64_t next_due_ms)
{
	job->outcome.attempted = true;
	job->outcome.failure = FAILURE_CONNECT;
	scheduler_freed(job);
	settle(job, DELIVERY_RETRY_LATER, next_due_ms);
}
