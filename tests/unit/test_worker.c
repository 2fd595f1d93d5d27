/* Workers against a receiver, a name server and a store of our own: what is sent, and what each kind of answer becomes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "deliver/deliver.h"
#include "name_server.h"
#include "sign/outgoing.h"
#include "sink.h"
#include "store/read.h"

enum { DELIVERY_ID = 3, EVENT_ID = 2, ENDPOINT_ID = 1, WAIT_S = 30, LONG_MS = 20000, SHORT_MS = 100 };

/* ---- the fake store ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* under the mutex */
static unsigned freed, abandoned, ended_len, ended_taken;
static struct job *ended[600];
static enum err_code stored_event_error;
static struct event *stored_event;
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

struct event *reader_event_if(struct store_reader *reader, int64_t id, struct budget *charged, bool (*fits)(void *context, size_t bytes),
                              void *context, struct err *err)
{
	(void)reader;
	(void)charged;
	(void)fits;
	(void)context;
	pthread_mutex_lock(&mutex);
	struct event *event = stored_event && id == EVENT_ID ? event_ref(stored_event) : NULL;
	if (!event)
		err_set(err, stored_event_error, "the page is torn");
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
	if (store != (struct store *)(void *)&store_object || cmd->kind != STORE_OUTCOME)
		abort();
	end_job(cmd);
}

/* Instead of the store: done() of a job that was broken off. */
static void done(struct store_cmd *cmd)
{
	pthread_mutex_lock(&mutex);
	abandoned += cmd->fate == ERR_UNAVAILABLE;
	pthread_mutex_unlock(&mutex);
	end_job(cmd);
}

static void count_freed(struct job *job)
{
	(void)job;
	pthread_mutex_lock(&mutex);
	freed++;
	pthread_mutex_unlock(&mutex);
}

/* ---- the test's side ---- */

static struct sink *sink;
static struct name_server *names;
static struct deliver *deliver;
static struct egress *egress;
static struct master_key master;
static struct budget budget;
static uint8_t secret[SECRET_NEW_BYTES];
static const char payload[] = "{\"big\": 12345678901234567890, \"n\": 1.10}";

static void start_workers(const char *open, bool capture_success)
{
	struct err err = {0};
	freed = abandoned = ended_len = ended_taken = 0;
	sink = sink_start();
	names = name_server_start(60);
	egress = egress_new(&(struct egress_rules){.allow = open}, &err);
	struct deliver_config config = {
	    .store = (struct store *)(void *)&store_object,
	    .budget = &budget,
	    .clock = &clock_system,
	    .master = &master,
	    .egress = egress,
	    .workers = 2,
	    .idle_connections_max = 64,
	    .dns_servers = name_server_address(names),
	    .user_agent = "grapnel/test",
	    .cloudevents_source = "/test",
	    .capture_success = capture_success,
	    .freed = count_freed,
	};
	deliver = deliver_start(&config, &err);
	assert_non_null(deliver);
}

static int setup(void **state)
{
	(void)state;
	budget_init(&budget, (size_t)1 << 30);
	start_workers("127.0.0.0/8", false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	deliver_stop(deliver);
	deliver = NULL;
	assert_int_equal(budget_used(&budget), 0);
	egress_free(egress);
	name_server_stop(names);
	sink_stop(sink);
	event_unref(stored_event);
	stored_event = NULL;
	return 0;
}

static struct event *make_event(void)
{
	struct event_fields fields = {
	    .time_ms = clock_wall_ms(&clock_system),
	    .type = SLICE_LITERAL("order.created"),
	    .traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
	    .tracestate = SLICE_LITERAL("vendor=1"),
	    .content_type = SLICE_LITERAL("application/json"),
	    .data = {payload, sizeof payload - 1},
	};
	struct event *event = event_new(&fields, NULL);
	event->id = EVENT_ID;
	return event;
}

static struct endpoint *make_endpoint(const char *url, int timeout_ms)
{
	struct err err = {0};
	char place[48];
	uint8_t sealed[SECRET_NEW_BYTES + SEAL_OVERHEAD];
	secret_place(ENDPOINT_ID, place);
	struct endpoint_secret sealed_secret = {.sealed = sealed};
	sealed_secret.sealed_len = seal(&master, slice_of(place), secret, sizeof secret, sealed);
	struct endpoint_meta meta = {.id = ENDPOINT_ID, .version = 1};
	json_t *doc = json_pack("{s:s, s:[s], s:i, s:{s:s, s:s}}", "url", url, "event_types", "*", "timeout_ms", timeout_ms, "headers",
	                        "X-Token", "abc", "X-Empty", "");
	struct endpoint *endpoint = endpoint_parse(doc, &meta, &sealed_secret, 1, &err);
	if (!endpoint)
		print_error("%s: %s\n", err.fields[0].pointer, err.fields[0].detail);
	assert_non_null(endpoint);
	json_decref(doc);
	return endpoint;
}

static struct job *make_job(const char *url, int timeout_ms)
{
	struct job *job = mem_new(struct job);
	job->outcome.cmd.kind = STORE_OUTCOME;
	job->outcome.cmd.done = done;
	job->outcome.due =
	    (struct due){.delivery = DELIVERY_ID, .event = EVENT_ID, .endpoint = ENDPOINT_ID, .round = 1, .attempts = 4, .round_attempts = 1};
	job->endpoint = make_endpoint(url, timeout_ms);
	job->event = make_event();
	return job;
}

static struct job *next_ended(void)
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
	return job;
}

static void drop(struct job *job)
{
	event_unref(job->event);
	endpoint_unref(job->endpoint);
	free(job->outcome.response);
	free(job);
}

/* One attempt at the sink; the caller drops the job. */
static struct job *attempt(const char *path, int timeout_ms)
{
	char url[256];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", sink_port(sink), path);
	deliver_job(deliver, make_job(url, timeout_ms));
	struct job *job = next_ended();
	assert_int_equal(freed, ended_taken);
	assert_null(job->event);
	return job;
}

static struct job *attempt_at(const char *url, int timeout_ms)
{
	deliver_job(deliver, make_job(url, timeout_ms));
	return next_ended();
}

static void assert_failed(const struct job *job, enum attempt_failure failure, int status)
{
	const struct outcome *outcome = &job->outcome;
	if (outcome->failure != failure || outcome->status != status)
		print_error("%s %d: %s\n", attempt_failure_text(outcome->failure), outcome->status, outcome->detail);
	assert_int_equal(outcome->failure, failure);
	assert_int_equal(outcome->status, status);
	assert_true(outcome->attempted);
	assert_true(outcome->detail[0] != '\0');
	if (status != 410) {
		assert_int_equal(outcome->change, DELIVERY_RETRY_LATER);
		assert_true(outcome->next_due_ms > outcome->started_ms);
	}
}

static void assert_delivered(const struct job *job, int status)
{
	const struct outcome *outcome = &job->outcome;
	if (outcome->change != DELIVERY_SUCCEED)
		print_error("%s %d: %s\n", attempt_failure_text(outcome->failure), outcome->status, outcome->detail);
	assert_int_equal(outcome->change, DELIVERY_SUCCEED);
	assert_int_equal(outcome->failure, FAILURE_NONE);
	assert_int_equal(outcome->status, status);
	assert_true(outcome->attempted);
	assert_true(outcome->started_ms > 0);
}

static void assert_failure_of(const char *path, int timeout_ms, enum attempt_failure failure, int status)
{
	struct job *job = attempt(path, timeout_ms);
	assert_failed(job, failure, status);
	drop(job);
}

/* ---- what is sent ---- */

/* The value of a header of the request; "" when it is not there. */
static const char *header(const char *head, const char *name)
{
	static char value[256];
	value[0] = '\0';
	for (const char *line = head; (line = strstr(line, "\r\n"));) {
		line += 2;
		if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
			line += strlen(name) + 1;
			line += strspn(line, " ");
			snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r"), line);
		}
	}
	return value;
}

static void request_carries_the_payload_and_its_signature(void **state)
{
	(void)state;
	char *head, *body;
	size_t body_len;
	drop(attempt("/status/200", LONG_MS));
	sink_last(sink, &head, &body, &body_len);
	assert_int_equal(body_len, sizeof payload - 1);
	assert_memory_equal(body, payload, body_len);
	assert_int_equal(strncmp(head, "POST /status/200 HTTP/1.1\r\n", 27), 0);

	char text[ID_TEXT_SIZE], content[200];
	id_format(ID_EVENT, EVENT_ID, text);
	assert_string_equal(header(head, "webhook-id"), text);
	int len = snprintf(content, sizeof content, "%s.%s.%s", text, header(head, "webhook-timestamp"), payload);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len;
	assert_non_null(HMAC(EVP_sha256(), secret, sizeof secret, (uint8_t *)content, (size_t)len, digest, &digest_len));
	char expected[64] = "v1,";
	codec_base64(digest, digest_len, expected + 3);
	assert_string_equal(header(head, "webhook-signature"), expected);

	id_format(ID_DELIVERY, DELIVERY_ID, text);
	assert_string_equal(header(head, "grapnel-delivery-id"), text);
	assert_string_equal(header(head, "grapnel-event-type"), "order.created");
	assert_string_equal(header(head, "grapnel-attempt"), "5");
	assert_string_equal(header(head, "content-type"), "application/json");
	assert_string_equal(header(head, "user-agent"), "grapnel/test");
	assert_string_equal(header(head, "traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	assert_string_equal(header(head, "tracestate"), "vendor=1");
	assert_string_equal(header(head, "x-token"), "abc");
	assert_non_null(strcasestr(head, "\r\nX-Empty:"));
	assert_null(strcasestr(head, "\r\nExpect:"));
	assert_null(strcasestr(head, "\r\nAccept-Encoding:"));
	free(head);
	free(body);
}

static void assert_signed(const char *head, const char *body, size_t body_len)
{
	struct strbuf content = STRBUF_INIT(4096);
	strbuf_printf(&content, "%s.", header(head, "webhook-id"));
	strbuf_printf(&content, "%s.", header(head, "webhook-timestamp"));
	strbuf_append(&content, body, body_len);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len;
	assert_non_null(HMAC(EVP_sha256(), secret, sizeof secret, (uint8_t *)content.data, content.len, digest, &digest_len));
	char expected[64] = "v1,";
	codec_base64(digest, digest_len, expected + 3);
	assert_string_equal(header(head, "webhook-signature"), expected);
	strbuf_free(&content);
}

static void formats_are_signed_as_they_are_sent(void **state)
{
	(void)state;
	static const struct {
		enum endpoint_format format;
		const char *content_type, *begins;
	} rows[] = {
	    {FORMAT_STANDARD, "application/json", "{\"id\":\"evt_"},
	    {FORMAT_CLOUDEVENTS_STRUCTURED, "application/cloudevents+json", "{\"specversion\":\"1.0\""},
	    {FORMAT_CLOUDEVENTS_BINARY, "application/json", payload},
	    {FORMAT_RAW, "application/json", payload},
	};
	char url[100], *head, *body;
	size_t body_len;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job *job = make_job(url, LONG_MS);
		job->endpoint->format = rows[i].format;
		deliver_job(deliver, job);
		assert_delivered(next_ended(), 200);
		drop(job);
		sink_last(sink, &head, &body, &body_len);
		assert_memory_equal(body, rows[i].begins, strlen(rows[i].begins));
		assert_string_equal(header(head, "content-type"), rows[i].content_type);
		assert_string_equal(header(head, "ce-source"), rows[i].format == FORMAT_CLOUDEVENTS_BINARY ? "/test" : "");
		assert_signed(head, body, body_len);
		free(head);
		free(body);
	}
}

static void nothing_of_one_endpoint_reaches_another(void **state)
{
	(void)state;
	char url[100], *head, *body;
	size_t body_len;
	drop(attempt("/status/200", LONG_MS)); /* sets a cookie, has headers of its own */
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/201", sink_port(sink));
	struct job *job = make_job(url, LONG_MS);
	event_unref(job->event);
	struct event_fields fields = {.time_ms = clock_wall_ms(&clock_system), .type = SLICE_LITERAL("t")};
	job->event = event_new(&fields, NULL);
	job->event->id = EVENT_ID;
	job->endpoint->headers_len = 0;
	deliver_job(deliver, job);
	assert_delivered(next_ended(), 201);
	drop(job);
	sink_last(sink, &head, &body, &body_len);
	assert_int_equal(body_len, 0);
	assert_string_equal(header(head, "content-length"), "0");
	assert_null(strcasestr(head, "cookie"));
	assert_null(strcasestr(head, "x-token"));
	assert_null(strcasestr(head, "traceparent"));
	free(head);
	free(body);
}

static void connection_is_used_again(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		drop(attempt(i % 2 ? "/status/200" : "/status/500", LONG_MS));
	assert_int_equal(sink_requests(sink), 20);
	assert_int_equal(sink_connections(sink), 1);
}

static void many_at_once_are_all_answered(void **state)
{
	(void)state;
	enum { MANY = 100 };
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	for (int i = 0; i < MANY; i++)
		deliver_job(deliver, make_job(url, LONG_MS));
	for (int i = 0; i < MANY; i++) {
		struct job *job = next_ended();
		assert_delivered(job, 200);
		drop(job);
	}
	assert_int_equal(sink_requests(sink), MANY);
}

/* More than are begun at once: those that do not answer hold up neither one another nor what does answer. */
static void silent_endpoints_hold_nobody_up(void **state)
{
	(void)state;
	enum { SILENT = 200, ANSWERED = 50 };
	struct job *silent[SILENT];
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", sink_port(sink));
	for (int i = 0; i < SILENT; i++)
		deliver_job(deliver, silent[i] = make_job(url, LONG_MS));
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	for (int i = 0; i < ANSWERED; i++)
		deliver_job(deliver, make_job(url, LONG_MS));
	for (int i = 0; i < ANSWERED; i++) {
		struct job *job = next_ended();
		assert_delivered(job, 200);
		drop(job);
	}
	sink_wait_requests(sink, SILENT + ANSWERED);
	deliver_stop(deliver);
	deliver = NULL;
	assert_int_equal(abandoned, SILENT);
	for (int i = 0; i < SILENT; i++)
		drop(silent[i]);
}

static void payload_that_was_not_passed_is_read(void **state)
{
	(void)state;
	char url[100], *head, *body;
	size_t body_len;
	stored_event = make_event();
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	struct job *job = make_job(url, LONG_MS);
	event_unref(job->event);
	job->event = NULL;
	deliver_job(deliver, job);
	assert_delivered(next_ended(), 200);
	drop(job);
	sink_last(sink, &head, &body, &body_len);
	assert_int_equal(body_len, sizeof payload - 1);
	assert_memory_equal(body, payload, body_len);
	free(head);
	free(body);
}

static struct job *attempt_without_payload(enum err_code error)
{
	stored_event_error = error;
	struct job *job = make_job("http://127.0.0.1:9/", LONG_MS);
	event_unref(job->event);
	job->event = NULL;
	deliver_job(deliver, job);
	return next_ended();
}

static void unreadable_payload_ends_the_delivery(void **state)
{
	(void)state;
	struct job *job = attempt_without_payload(ERR_INTERNAL);
	assert_int_equal(job->outcome.change, DELIVERY_DIE);
	assert_int_equal(job->outcome.reason, REASON_CORRUPT);
	assert_int_equal(job->outcome.failure, FAILURE_PAYLOAD);
	assert_string_equal(job->outcome.detail, "the page is torn");
	drop(job);
	/* What may pass is tried again. */
	job = attempt_without_payload(ERR_UNAVAILABLE);
	assert_failed(job, FAILURE_PAYLOAD, 0);
	drop(job);
}

static void expired_delivery_is_not_sent(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	struct job *job = make_job(url, LONG_MS);
	job->outcome.due.expires_ms = 1;
	deliver_job(deliver, job);
	assert_ptr_equal(next_ended(), job);
	assert_int_equal(job->outcome.change, DELIVERY_DIE);
	assert_int_equal(job->outcome.reason, REASON_EXPIRED);
	assert_false(job->outcome.attempted);
	drop(job);
	assert_int_equal(sink_requests(sink), 0);
}

/* ---- what comes back ---- */

static void statuses_become_outcomes(void **state)
{
	(void)state;
	struct job *job = attempt("/status/204", LONG_MS);
	assert_delivered(job, 204);
	drop(job);
	job = attempt("/status/500", LONG_MS);
	assert_failed(job, FAILURE_STATUS, 500);
	assert_true(job->outcome.next_due_ms >= job->outcome.started_ms + 7000); /* Retry-After */
	assert_int_equal(job->outcome.response_len, 6);
	assert_memory_equal(job->outcome.response, "answer", 6);
	drop(job);
	job = attempt("/status/410", LONG_MS);
	assert_failed(job, FAILURE_STATUS, 410);
	assert_int_equal(job->outcome.change, DELIVERY_DIE);
	assert_int_equal(job->outcome.reason, REASON_GONE);
	assert_true(job->outcome.disable_endpoint);
	drop(job);
}

static void redirect_is_not_followed(void **state)
{
	(void)state;
	assert_failure_of("/status/301", LONG_MS, FAILURE_REDIRECT, 301);
	assert_failure_of("/status/307", LONG_MS, FAILURE_REDIRECT, 307);
	assert_int_equal(sink_requests(sink), 2);
}

static void successful_answer_is_kept_only_when_asked_for(void **state)
{
	(void)state;
	struct job *job = attempt("/status/200", LONG_MS);
	assert_null(job->outcome.response);
	drop(job);
	teardown(NULL);
	start_workers("127.0.0.0/8", true);
	job = attempt("/status/200", LONG_MS);
	assert_int_equal(job->outcome.response_len, 6);
	drop(job);
}

static void silent_endpoint_times_out(void **state)
{
	(void)state;
	struct job *job = attempt("/silent", SHORT_MS);
	assert_failed(job, FAILURE_TIMEOUT, 0);
	assert_in_range(job->outcome.duration_ms, SHORT_MS - 5, LONG_MS);
	drop(job);
}

static void broken_answers_have_reasons_of_their_own(void **state)
{
	(void)state;
	assert_failure_of("/close", LONG_MS, FAILURE_RESET, 0);
	assert_failure_of("/cut", LONG_MS, FAILURE_RESET, 0);
	assert_failure_of("/garbage", LONG_MS, FAILURE_PROTOCOL, 0);
	assert_failure_of("/headers", LONG_MS, FAILURE_TOO_LARGE, 0);
	assert_failure_of("/line", LONG_MS, FAILURE_TOO_LARGE, 0);
	assert_failure_of("/interim", LONG_MS, FAILURE_TOO_LARGE, 0);
}

/* Once the final headers are in, the status decides, whatever the body does. */
static void status_decides_when_the_body_breaks(void **state)
{
	(void)state;
	static const char *const delivered[] = {"/half/200", "/endless/200", "/trailers"};
	for (size_t i = 0; i < sizeof delivered / sizeof *delivered; i++) {
		struct job *job = attempt(delivered[i], LONG_MS);
		assert_delivered(job, 200);
		drop(job);
	}
	assert_failure_of("/half/503", LONG_MS, FAILURE_STATUS, 503);
	struct job *job = attempt("/endless/500", LONG_MS);
	assert_failed(job, FAILURE_STATUS, 500);
	assert_int_equal(job->outcome.response_len, DELIVERY_RESPONSE_MAX);
	assert_memory_equal(job->outcome.response, "0123456789abcdef", 16);
	drop(job);
}

static void reflected_signature_is_not_kept(void **state)
{
	(void)state;
	struct job *job = attempt("/reflect", LONG_MS);
	assert_failed(job, FAILURE_STATUS, 400);
	char *response = mem_text_of((struct slice){job->outcome.response, job->outcome.response_len});
	assert_string_equal(response, "{\"bad\": \"webhook-signature: v1,[redacted]\", \"secret\": \"whsec_[redacted]\", \"v1,short\": 1}");
	free(response);
	drop(job);
}

/* ---- addresses ---- */

static void refused_address_is_not_connected_to(void **state)
{
	(void)state;
	char url[100];
	teardown(NULL);
	start_workers(NULL, false);
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "loopback.example"};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		snprintf(url, sizeof url, "http://%s:%d/status/200", hosts[i], sink_port(sink));
		struct job *job = attempt_at(url, LONG_MS);
		assert_failed(job, FAILURE_ADDRESS_DENIED, 0);
		assert_non_null(strstr(job->outcome.detail, "--egress-allow"));
		drop(job);
	}
	assert_int_equal(sink_connections(sink), 0);
}

static void name_with_one_refused_address_is_refused_whole(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "http://mixed.example:%d/status/200", sink_port(sink));
	struct job *job = attempt_at(url, LONG_MS);
	assert_failed(job, FAILURE_ADDRESS_DENIED, 0);
	assert_non_null(strstr(job->outcome.detail, "10.0.0.0/8"));
	drop(job);
	assert_int_equal(sink_connections(sink), 0);
}

static void name_is_sent_to_its_opened_address(void **state)
{
	(void)state;
	char url[100], *head, *body;
	size_t body_len;
	snprintf(url, sizeof url, "http://loopback.example:%d/status/200", sink_port(sink));
	struct job *job = attempt_at(url, LONG_MS);
	assert_delivered(job, 200);
	drop(job);
	sink_last(sink, &head, &body, &body_len);
	assert_int_equal(strncmp(header(head, "host"), "loopback.example:", 17), 0);
	free(head);
	free(body);
	/* localhost may have ::1 too. */
	teardown(NULL);
	start_workers("127.0.0.0/8, ::1", false);
	snprintf(url, sizeof url, "http://localhost:%d/status/200", sink_port(sink));
	job = attempt_at(url, LONG_MS);
	assert_delivered(job, 200);
	drop(job);
}

static void names_that_do_not_resolve_fail(void **state)
{
	(void)state;
	struct job *job = attempt_at("http://missing.example/", LONG_MS);
	assert_failed(job, FAILURE_DNS, 0);
	drop(job);
	job = attempt_at("http://silent.example/", SHORT_MS);
	assert_failed(job, FAILURE_DNS, 0);
	assert_in_range(job->outcome.duration_ms, SHORT_MS - 5, 5000); /* not the name server's own, longer time-out */
	drop(job);
}

static void refused_connection_fails(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", sink_port(sink));
	sink_stop(sink);
	struct job *job = attempt_at(url, LONG_MS);
	assert_failed(job, FAILURE_CONNECT, 0);
	drop(job);
	sink = sink_start();
}

static void plain_text_on_a_tls_port_is_a_tls_failure(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "https://127.0.0.1:%d/", sink_port(sink));
	struct job *job = attempt_at(url, LONG_MS);
	assert_failed(job, FAILURE_TLS_PLAINTEXT, 0);
	assert_int_equal(sink_requests(sink), 0);
	drop(job);
}

/* ---- our own trouble ---- */

static void assert_put_back(const char *url)
{
	/* All below the limit are taken. */
	int first_free = dup(STDERR_FILENO);
	struct rlimit limit, none;
	close(first_free);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)first_free, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct job *job = attempt_at(url, LONG_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(abandoned, 1);
	assert_int_equal(freed, 1);
	assert_int_equal(job->outcome.cmd.fate, ERR_UNAVAILABLE);
	assert_false(job->outcome.attempted);
	assert_false(job->outcome.applied);
	drop(job);
}

static void no_socket_uses_up_no_attempt(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200", sink_port(sink));
	assert_put_back(url);
	assert_int_equal(sink_requests(sink), 0);
	struct job *job = attempt_at(url, LONG_MS);
	assert_delivered(job, 200);
	drop(job);
}

static void no_socket_for_a_name_uses_up_no_attempt(void **state)
{
	(void)state;
	assert_put_back("http://short.example/");
}

/* ---- the stop ---- */

static void stop_uses_up_no_attempt(void **state)
{
	(void)state;
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", sink_port(sink));
	struct job *sent = make_job(url, LONG_MS);
	deliver_job(deliver, sent);
	sink_wait_requests(sink, 1);
	struct job *resolving = make_job("http://silent.example/", LONG_MS);
	deliver_job(deliver, resolving);
	deliver_stop(deliver);
	deliver = NULL;
	assert_int_equal(abandoned, 2);
	assert_int_equal(freed, 2);
	assert_false(sent->outcome.attempted);
	assert_false(sent->outcome.applied);
	drop(sent);
	drop(resolving);
}

int main(void)
{
	codec_random(master.bytes, sizeof master.bytes);
	codec_random(secret, sizeof secret);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(request_carries_the_payload_and_its_signature, setup, teardown),
	    cmocka_unit_test_setup_teardown(formats_are_signed_as_they_are_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_of_one_endpoint_reaches_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(connection_is_used_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_at_once_are_all_answered, setup, teardown),
	    cmocka_unit_test_setup_teardown(silent_endpoints_hold_nobody_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(payload_that_was_not_passed_is_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(unreadable_payload_ends_the_delivery, setup, teardown),
	    cmocka_unit_test_setup_teardown(expired_delivery_is_not_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(statuses_become_outcomes, setup, teardown),
	    cmocka_unit_test_setup_teardown(redirect_is_not_followed, setup, teardown),
	    cmocka_unit_test_setup_teardown(successful_answer_is_kept_only_when_asked_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(silent_endpoint_times_out, setup, teardown),
	    cmocka_unit_test_setup_teardown(broken_answers_have_reasons_of_their_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(status_decides_when_the_body_breaks, setup, teardown),
	    cmocka_unit_test_setup_teardown(reflected_signature_is_not_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_address_is_not_connected_to, setup, teardown),
	    cmocka_unit_test_setup_teardown(name_with_one_refused_address_is_refused_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(name_is_sent_to_its_opened_address, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_that_do_not_resolve_fail, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_connection_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(plain_text_on_a_tls_port_is_a_tls_failure, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_socket_uses_up_no_attempt, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_socket_for_a_name_uses_up_no_attempt, setup, teardown),
	    cmocka_unit_test_setup_teardown(stop_uses_up_no_attempt, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
