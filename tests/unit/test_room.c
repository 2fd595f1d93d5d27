/* A worker and the memory budget: what it reads back for deliveries, and makes of it, stays within a part of it. The store is one of our
 * own, whose events are as large as the test wants. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/mem.h"
#include "deliver/deliver.h"
#include "sign/outgoing.h"
#include "sink.h"
#include "store/read.h"

enum { EVENT_ID = 2, ENDPOINT_ID = 1, WAIT_S = 30, TIMEOUT_MS = 20000 };
enum { LARGE_BYTES = 200 * 1024, SMALL_BYTES = 1000, JOBS = 40, LIMIT_BYTES = 2 * 1024 * 1024 };

/* ---- the fake store ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* under the mutex */
static unsigned ended_len, ended_taken, abandoned, reads;
static struct job *ended[2 * JOBS];
static size_t stored_bytes; /* of each event */
static size_t budget_peak;  /* that was in use after a read */
static char store_object;

struct store_reader *reader_open(struct store *store, struct err *err)
{
	(void)err;
	return (struct store_reader *)(void *)store;
}

void reader_close(struct store_reader *reader)
{
	(void)reader;
}

/* As the store does it: asks, then charges. */
struct event *reader_event_if(struct store_reader *reader, int64_t id, struct budget *charged, bool (*fits)(void *context, size_t bytes),
                              void *context, struct err *err)
{
	static char bytes[LARGE_BYTES];
	(void)reader;
	pthread_mutex_lock(&mutex);
	struct event_fields fields = {.type = SLICE_LITERAL("order.created"), .data = {bytes, stored_bytes}};
	pthread_mutex_unlock(&mutex);
	if (!fits(context, event_bytes(&fields))) {
		err_set(err, ERR_UNAVAILABLE, "no room");
		return NULL;
	}
	struct event *event = event_new(&fields, charged);
	event->id = id;
	pthread_mutex_lock(&mutex);
	reads++;
	if (budget_used(charged) > budget_peak)
		budget_peak = budget_used(charged);
	pthread_mutex_unlock(&mutex);
	return event;
}

static void end_job(struct store_cmd *cmd)
{
	pthread_mutex_lock(&mutex);
	ended[ended_len++] = (struct job *)(void *)cmd;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

void store_post(struct store *store, struct store_cmd *cmd)
{
	(void)store;
	end_job(cmd);
}

/* Instead of the store: done() of a job that was broken off. */
static void broken_off(struct store_cmd *cmd)
{
	pthread_mutex_lock(&mutex);
	abandoned += cmd->fate == ERR_UNAVAILABLE;
	pthread_mutex_unlock(&mutex);
	end_job(cmd);
}

static void ignore_freed(struct job *job)
{
	(void)job;
}

/* ---- the test's side ---- */

static struct sink *sink;
static struct deliver *deliver;
static struct egress *egress;
static struct master_key master;
static struct budget budget;

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	ended_len = ended_taken = abandoned = reads = 0;
	budget_peak = 0;
	stored_bytes = LARGE_BYTES;
	budget_init(&budget, LIMIT_BYTES);
	sink = sink_start();
	egress = egress_new(&(struct egress_rules){.allow = "127.0.0.0/8"}, &err);
	struct deliver_config config = {
	    .store = (struct store *)(void *)&store_object,
	    .budget = &budget,
	    .clock = &clock_system,
	    .master = &master,
	    .egress = egress,
	    .workers = 1,
	    .idle_connections_max = 64,
	    .user_agent = "grapnel/test",
	    .cloudevents_source = "/test",
	    .freed = ignore_freed,
	};
	deliver = deliver_start(&config, &err);
	assert_non_null(deliver);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	deliver_stop(deliver);
	assert_int_equal(budget_used(&budget), 0);
	egress_free(egress);
	sink_stop(sink);
	return 0;
}

static struct endpoint *make_endpoint(const char *path)
{
	struct err err = {0};
	char url[100], place[48];
	uint8_t secret[SECRET_NEW_BYTES] = {0}, sealed[SECRET_NEW_BYTES + SEAL_OVERHEAD];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", sink_port(sink), path);
	secret_place(ENDPOINT_ID, place);
	struct endpoint_secret sealed_secret = {.sealed = sealed};
	sealed_secret.sealed_len = seal(&master, slice_of(place), secret, sizeof secret, sealed);
	struct endpoint_meta meta = {.id = ENDPOINT_ID, .version = 1};
	json_t *doc = json_pack("{s:s, s:[s], s:i}", "url", url, "event_types", "*", "timeout_ms", TIMEOUT_MS);
	struct endpoint *endpoint = endpoint_parse(doc, &meta, &sealed_secret, 1, &err);
	assert_non_null(endpoint);
	json_decref(doc);
	return endpoint;
}

/* Without its event, which is to be read. */
static struct job *make_job(const char *path)
{
	struct job *job = mem_new(struct job);
	job->outcome.cmd.kind = STORE_OUTCOME;
	job->outcome.cmd.done = broken_off;
	job->outcome.due = (struct due){.delivery = 3, .event = EVENT_ID, .endpoint = ENDPOINT_ID, .round = 1};
	job->endpoint = make_endpoint(path);
	return job;
}

static void drop(struct job *job)
{
	event_unref(job->event);
	endpoint_unref(job->endpoint);
	free(job->outcome.response);
	free(job);
}

static void wait_delivered(void)
{
	struct timespec until;
	int status = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&mutex);
	while (ended_len <= ended_taken && status == 0)
		status = pthread_cond_timedwait(&changed, &mutex, &until);
	struct job *job = status == 0 ? ended[ended_taken++] : NULL;
	pthread_mutex_unlock(&mutex);
	assert_non_null(job);
	assert_int_equal(job->outcome.change, DELIVERY_SUCCEED);
	drop(job);
}

static void deliver_all(void)
{
	for (int i = 0; i < JOBS; i++)
		deliver_job(deliver, make_job("/status/200"));
	for (int i = 0; i < JOBS; i++)
		wait_delivered();
	assert_int_equal(reads, JOBS);
}

/* Those that were not answered. */
static void break_off(struct job **jobs, unsigned len)
{
	deliver_stop(deliver);
	deliver = NULL;
	assert_int_equal(abandoned, len);
	for (unsigned i = 0; i < len; i++)
		drop(jobs[i]);
}

/* However many are due, no more payloads are read at a time than half the budget holds; all are sent in the end. */
static void payloads_are_read_within_the_budget(void **state)
{
	(void)state;
	deliver_all();
	assert_in_range(budget_peak, LARGE_BYTES, LIMIT_BYTES / 2);
}

/* Memory that others hold makes deliveries slower, and never stops them. */
static void one_payload_is_read_whatever_others_hold(void **state)
{
	(void)state;
	budget_force(&budget, LIMIT_BYTES);
	deliver_all();
	assert_in_range(budget_peak, LIMIT_BYTES + LARGE_BYTES, LIMIT_BYTES + LARGE_BYTES + 4096);
	budget_release(&budget, LIMIT_BYTES);
}

static void small_payload_does_not_wait_behind_large_ones(void **state)
{
	(void)state;
	enum { FILLING = LIMIT_BYTES / 2 / LARGE_BYTES, ALL = FILLING + 2 };
	struct job *silent[ALL];
	for (unsigned i = 0; i < ALL; i++)
		deliver_job(deliver, silent[i] = make_job("/silent"));
	sink_wait_requests(sink, FILLING);
	pthread_mutex_lock(&mutex);
	stored_bytes = SMALL_BYTES;
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 2; i++) {
		deliver_job(deliver, make_job("/status/200"));
		wait_delivered();
	}
	assert_int_equal(sink_requests(sink), FILLING + 2);
	break_off(silent, ALL);
}

/* One event that goes to many endpoints is read once, as long as something is under way; afterwards nothing of it is kept. */
static void small_payload_of_many_deliveries_is_read_once(void **state)
{
	(void)state;
	struct job *silent = make_job("/silent");
	stored_bytes = SMALL_BYTES;
	deliver_job(deliver, silent);
	sink_wait_requests(sink, 1);
	for (int i = 0; i < JOBS; i++)
		deliver_job(deliver, make_job("/status/200"));
	for (int i = 0; i < JOBS; i++)
		wait_delivered();
	assert_int_equal(reads, 1);
	break_off(&silent, 1);
}

/* What a format makes of an event for each endpoint counts like a payload. */
static void made_bodies_are_within_the_budget(void **state)
{
	(void)state;
	static char bytes[LARGE_BYTES];
	struct event_fields fields = {.type = SLICE_LITERAL("t"), .data = {bytes, sizeof bytes}};
	struct event *event = event_new(&fields, NULL);
	assert_non_null(event);
	event->id = EVENT_ID;
	struct job *silent[JOBS];
	for (int i = 0; i < JOBS; i++) {
		silent[i] = make_job("/silent");
		silent[i]->event = event_ref(event);
		silent[i]->endpoint->format = FORMAT_STANDARD;
		deliver_job(deliver, silent[i]);
	}
	/* Jobs are taken in order: when this one is through, the others were. */
	struct job *marker = make_job("/status/200");
	marker->event = event;
	deliver_job(deliver, marker);
	wait_delivered();
	assert_in_range(budget_used(&budget), LARGE_BYTES, LIMIT_BYTES / 2);
	break_off(silent, JOBS);
}

int main(void)
{
	codec_random(master.bytes, sizeof master.bytes);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(payloads_are_read_within_the_budget, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_payload_is_read_whatever_others_hold, setup, teardown),
	    cmocka_unit_test_setup_teardown(small_payload_does_not_wait_behind_large_ones, setup, teardown),
	    cmocka_unit_test_setup_teardown(small_payload_of_many_deliveries_is_read_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(made_bodies_are_within_the_budget, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
