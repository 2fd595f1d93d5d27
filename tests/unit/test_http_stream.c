/* Streamed answers: pages that are made on a pool, as a client takes them.
 *
 * /pages?<number>x<bytes> streams so many pages, each filled with its own letter; every third one more is empty. With "b" behind it the
 * last page breaks the stream instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "http_fixture.h"

enum { PAGE_MAX = 1024 * 1024, STREAMS = 16 /* the server's limit */ };

struct maker {
	struct http_stream stream;
	struct pool_job job;
	unsigned pages, at, empty;
	size_t bytes;
	bool breaks;
};

static struct pool *pool;
static atomic_uint made, alive;
/* Under the mutex: pages are made only while the gate is open. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static unsigned at_gate;

static void fill(struct maker *maker)
{
	struct strbuf *page = &maker->stream.page;
	*page = STRBUF_INIT(PAGE_MAX);
	atomic_fetch_add(&made, 1);
	if (maker->empty < maker->at / 3) {
		maker->empty++;
		return;
	}
	for (size_t i = 0; i < maker->bytes; i++)
		strbuf_putc(page, (char)('a' + maker->at % 26));
	maker->at++;
	maker->stream.last = maker->at >= maker->pages;
	maker->stream.broken = maker->stream.last && maker->breaks;
}

static void run(struct pool_job *job, void *context)
{
	struct maker *maker = CONTAINER_OF(job, struct maker, job);
	(void)context;
	pthread_mutex_lock(&mutex);
	at_gate++;
	pthread_cond_broadcast(&changed);
	while (!gate_open)
		pthread_cond_wait(&changed, &mutex);
	at_gate--;
	pthread_mutex_unlock(&mutex);
	fill(maker);
	http_page(&maker->stream);
}

static void next(struct http_stream *stream)
{
	struct maker *maker = CONTAINER_OF(stream, struct maker, stream);
	maker->job.run = run;
	assert_int_equal(pool_post(pool, &maker->job), 0);
}

static void end(struct http_stream *stream)
{
	struct maker *maker = CONTAINER_OF(stream, struct maker, stream);
	strbuf_free(&stream->page);
	free(maker);
	pthread_mutex_lock(&mutex);
	atomic_fetch_sub(&alive, 1);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct maker *maker = mem_new(struct maker);
	char query[32];
	(void)context;
	snprintf(query, sizeof query, "%.*s", (int)request->query.len, request->query.at ? request->query.at : "");
	assert_int_equal(sscanf(query, "%ux%zu", &maker->pages, &maker->bytes), 2);
	maker->breaks = strchr(query, 'b') != NULL;
	maker->stream.next = next;
	maker->stream.end = end;
	atomic_fetch_add(&alive, 1);
	fill(maker);
	struct http_response response = {.status = 200, .content_type = "text/plain", .stream = &maker->stream};
	http_answer(exchange, &response);
}

static void gate(bool open)
{
	pthread_mutex_lock(&mutex);
	gate_open = open;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void wait_at_gate(void)
{
	pthread_mutex_lock(&mutex);
	while (at_gate == 0)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void wait_alive(unsigned count)
{
	pthread_mutex_lock(&mutex);
	while (atomic_load(&alive) != count)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

static int setup(void **state)
{
	struct fixture *fixture = malloc(sizeof *fixture);
	struct err err = {0};
	assert_non_null(fixture);
	fixture_init(fixture);
	fixture->config.app.handle = handle;
	pool = pool_start("pages", 2, 1024, NULL, NULL, NULL, &err);
	assert_non_null(pool);
	atomic_store(&made, 0);
	gate(true);
	fixture_start(fixture);
	*state = fixture;
	return 0;
}

/* As whoever stops a server must. */
static void wait_for_nobody(struct fixture *fixture)
{
	while (server_waiting(fixture->server) > 0)
		sched_yield();
}

static int teardown(void **state)
{
	gate(true);
	wait_for_nobody(*state);
	fixture_stop(*state);
	free(*state);
	pool_stop(pool);
	assert_int_equal(atomic_load(&alive), 0);
	return 0;
}

/* ---- A client that reads chunks ---- */

struct reading {
	FILE *file;
	char head[1024];
	size_t got;
};

static struct reading ask(struct fixture *fixture, const char *path)
{
	struct reading reading = {.got = 0};
	int fd = client_connect(fixture);
	FILE *file = fdopen(fd, "r+");
	char line[256];
	assert_non_null(file);
	fprintf(file, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	fflush(file);
	while (fgets(line, sizeof line, file) && strcmp(line, "\r\n") != 0)
		strncat(reading.head, line, sizeof reading.head - strlen(reading.head) - 1);
	reading.file = file;
	return reading;
}

/* The next chunk, checked; 0: the body's end, -1: the connection's end before that. */
static long read_chunk(struct reading *reading, size_t page_bytes)
{
	char line[64];
	if (!fgets(line, sizeof line, reading->file))
		return -1;
	long len = strtol(line, NULL, 16);
	for (long i = 0; i < len; i++, reading->got++)
		assert_int_equal(getc(reading->file), 'a' + (int)(reading->got / page_bytes % 26));
	assert_int_equal(getc(reading->file), '\r');
	assert_int_equal(getc(reading->file), '\n');
	return len;
}

static long read_body(struct reading *reading, size_t page_bytes)
{
	long len;
	while ((len = read_chunk(reading, page_bytes)) > 0)
		;
	return len;
}

static void pages_arrive_whole_and_in_order(void **state)
{
	static const struct {
		const char *path;
		size_t bytes, pages;
	} cases[] = {{"/pages?1x1", 1, 1}, {"/pages?40x1000", 1000, 40}, {"/pages?20x300000", 300000, 20}};
	for (size_t i = 0; i < 3; i++) {
		struct reading reading = ask(*state, cases[i].path);
		assert_non_null(strstr(reading.head, "200 OK"));
		assert_non_null(strstr(reading.head, "Content-Type: text/plain"));
		assert_non_null(strstr(reading.head, "x-request-id: req_"));
		assert_int_equal(read_body(&reading, cases[i].bytes), 0);
		assert_int_equal(reading.got, cases[i].bytes * cases[i].pages);
		fclose(reading.file);
	}
}

static void the_connection_goes_on_afterwards(void **state)
{
	struct reading reading = ask(*state, "/pages?5x10");
	assert_int_equal(read_body(&reading, 10), 0);
	fprintf(reading.file, "GET /pages?2x10 HTTP/1.1\r\nHost: x\r\n\r\n");
	fflush(reading.file);
	char line[256];
	while (fgets(line, sizeof line, reading.file) && strcmp(line, "\r\n") != 0)
		;
	reading.got = 0;
	assert_int_equal(read_body(&reading, 10), 0);
	assert_int_equal(reading.got, 20);
	fclose(reading.file);
}

static void an_old_client_gets_it_until_the_connection_closes(void **state)
{
	int fd = client_connect(*state);
	client_say(fd, "GET /pages?7x1000 HTTP/1.0\r\nHost: x\r\n\r\n");
	struct strbuf text = client_drain(fd);
	const char *body = strstr(strbuf_text(&text), "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), 7000);
	strbuf_free(&text);
}

/* At most what the sockets' buffers hold is made ahead of what was read. */
static void a_client_that_reads_slowly_is_not_outrun(void **state)
{
	enum { BYTES = 500000, PAGES = 200, AHEAD = 24 };
	struct reading reading = ask(*state, "/pages?200x500000");
	while (read_chunk(&reading, BYTES) > 0)
		/* Of four pages one is empty. */
		assert_true(atomic_load(&made) * 3 / 4 < reading.got / BYTES + AHEAD);
	assert_int_equal(reading.got, (size_t)BYTES * PAGES);
	fclose(reading.file);
}

static void a_client_that_leaves_frees_everything(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 20; i++) {
		struct reading reading = ask(fixture, "/pages?1000x500000");
		assert_true(read_chunk(&reading, 500000) > 0);
		fclose(reading.file);
	}
	/* In the midst of the making of a page, too. */
	gate(false);
	struct reading reading = ask(fixture, "/pages?1000x10");
	wait_at_gate();
	fclose(reading.file);
	gate(true);
	wait_alive(0);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

static void a_broken_stream_ends_without_an_end(void **state)
{
	struct reading reading = ask(*state, "/pages?5x1000b");
	assert_int_equal(read_body(&reading, 1000), -1);
	fclose(reading.file);
	wait_alive(0);
}

static void a_stop_ends_streams(void **state)
{
	struct fixture *fixture = *state;
	gate(false);
	struct reading reading = ask(fixture, "/pages?1000x500000");
	wait_at_gate();
	server_quiesce(fixture->server);
	assert_int_equal(server_waiting(fixture->server), 1);
	gate(true);
	assert_int_equal(read_body(&reading, 500000), -1);
	fclose(reading.file);
	wait_for_nobody(fixture);
	wait_alive(0);
}

static void too_many_streams_are_told_to_come_later(void **state)
{
	struct fixture *fixture = *state;
	struct reading open[STREAMS];
	gate(false);
	for (int i = 0; i < STREAMS; i++)
		open[i] = ask(fixture, "/pages?2x10");
	struct reading refused = ask(fixture, "/pages?2x10");
	assert_non_null(strstr(refused.head, " 503 "));
	assert_non_null(strstr(refused.head, "Retry-After"));
	fclose(refused.file);
	gate(true);
	for (int i = 0; i < STREAMS; i++) {
		assert_int_equal(read_body(&open[i], 10), 0);
		fclose(open[i].file);
	}
	wait_alive(0);
	struct reading again = ask(fixture, "/pages?2x10");
	assert_int_equal(read_body(&again, 10), 0);
	fclose(again.file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pages_arrive_whole_and_in_order),
	    TEST(the_connection_goes_on_afterwards),
	    TEST(an_old_client_gets_it_until_the_connection_closes),
	    TEST(a_client_that_reads_slowly_is_not_outrun),
	    TEST(a_client_that_leaves_frees_everything),
	    TEST(a_broken_stream_ends_without_an_end),
	    TEST(a_stop_ends_streams),
	    TEST(too_many_streams_are_told_to_come_later),
	};
	return cmocka_run_group_tests_name("http: streamed answers", tests, NULL, NULL);
}
