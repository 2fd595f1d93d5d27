/* The little application and the raw client. */
#include "http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"

/* Nothing waits this long unless the server is broken. */
enum { GUARD_S = 30 };

struct job {
	struct inbox_node node;
	struct http_exchange *exchange;
	const struct http_request *request;
};

static int64_t app_begin(void *context, const struct http_request *request, struct http_response *response)
{
	const struct fixture *fixture = context;
	char byte;
	if (slice_is(request->path, "/stall"))
		assert_int_equal(read(fixture->stall[0], &byte, 1), 1);
	if (slice_is(request->path, "/early")) {
		response->status = 401;
		response->content_type = "text/plain";
		response->body = STRBUF_INIT(64);
		strbuf_puts(&response->body, "who are you?\n");
		return -1;
	}
	return slice_is(request->path, "/small") ? 16 : FIXTURE_CAP;
}

static void answer_text(struct http_exchange *exchange, int status, struct slice text)
{
	struct http_response response = {.status = status, .content_type = "text/plain", .body = STRBUF_INIT(FIXTURE_CAP)};
	strbuf_slice(&response.body, text);
	http_response_header(&response, "x-app", "yes");
	http_answer(exchange, &response);
}

static void hold(struct fixture *fixture, struct http_exchange *exchange, const struct http_request *request)
{
	pthread_mutex_lock(&fixture->mutex);
	fixture->held[fixture->held_len] = exchange;
	fixture->held_requests[fixture->held_len++] = request;
	pthread_cond_broadcast(&fixture->changed);
	pthread_mutex_unlock(&fixture->mutex);
}

static void handle_short(struct http_exchange *exchange, const struct http_request *request)
{
	struct http_response response = {.status = 404};
	if (slice_is(request->path, "/empty"))
		response.status = 204;
	if (slice_is(request->path, "/unchanged"))
		response.status = 304;
	if (slice_is(request->path, "/silent"))
		response.status = 0;
	if (slice_is(request->path, "/close")) {
		response.status = 200;
		response.close = true;
	}
	http_answer(exchange, &response);
}

static void app_handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct fixture *fixture = context;
	char peer[128];
	atomic_fetch_add(&fixture->handled, 1);
	if (slice_is(request->path, "/hello") || slice_is(request->path, "/stall")) {
		answer_text(exchange, 200, SLICE_LITERAL("hello\n"));
	} else if (slice_is(request->path, "/echo") || slice_is(request->path, "/small")) {
		answer_text(exchange, 200, request->body);
	} else if (slice_is(request->path, "/peer")) {
		snprintf(peer, sizeof peer, "%s%s", request->peer, request->local ? " admin" : "");
		answer_text(exchange, 200, slice_of(peer));
	} else if (slice_is(request->path, "/query")) {
		answer_text(exchange, 200, request->query);
	} else if (slice_is(request->path, "/hold")) {
		hold(fixture, exchange, request);
	} else if (slice_is(request->path, "/async")) {
		struct job *job = mem_new(struct job);
		job->exchange = exchange;
		job->request = request;
		inbox_post(&fixture->inbox, &job->node);
	} else {
		handle_short(exchange, request);
	}
}

static void *answer_run(void *argument)
{
	struct fixture *fixture = argument;
	for (;;) {
		bool ends = atomic_load(&fixture->ends);
		struct inbox_node *node = inbox_take(&fixture->inbox);
		if (!node && ends)
			return NULL;
		for (struct inbox_node *next; node; node = next) {
			struct job *job = CONTAINER_OF(node, struct job, node);
			next = node->next;
			answer_text(job->exchange, 200, job->request->body);
			free(job);
		}
		if (!ends)
			inbox_wait(&fixture->inbox, -1);
	}
}

static const struct http_listen fixture_listen = {.address = "127.0.0.1:0"};

void fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){
	    .config = {.listen = &fixture_listen,
	               .listen_len = 1,
	               .shards = 1,
	               .connections_max = 4096,
	               .connections_per_ip_max = 4096,
	               .request_deadline_ms = GUARD_S * 1000,
	               .idle_timeout_ms = GUARD_S * 1000,
	               .clock = &clock_system,
	               .app = {.begin = app_begin, .handle = app_handle}},
	};
	budget_init(&fixture->budget, 64 * (size_t)FIXTURE_CAP);
}

void fixture_start(struct fixture *fixture)
{
	struct err err = {0};
	fixture->config.budget = &fixture->budget;
	fixture->config.app.context = fixture;
	pthread_mutex_init(&fixture->mutex, NULL);
	pthread_cond_init(&fixture->changed, NULL);
	assert_int_equal(inbox_init(&fixture->inbox, &err), 0);
	assert_int_equal(thread_start(&fixture->thread, "answers", answer_run, fixture, &err), 0);
	fixture->server = server_start(&fixture->config, &err);
	if (!fixture->server)
		fail_msg("%s", err.detail);
	fixture->port = server_port(fixture->server, 0);
}

void fixture_stop(struct fixture *fixture)
{
	atomic_store(&fixture->ends, true);
	inbox_wake(&fixture->inbox);
	pthread_join(fixture->thread, NULL);
	fixture_release(fixture);
	if (fixture->server)
		server_stop(fixture->server);
	inbox_destroy(&fixture->inbox);
	pthread_cond_destroy(&fixture->changed);
	pthread_mutex_destroy(&fixture->mutex);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

void fixture_wait_held(struct fixture *fixture, unsigned len)
{
	struct timespec guard;
	int failed = 0;
	clock_gettime(CLOCK_REALTIME, &guard);
	guard.tv_sec += GUARD_S;
	pthread_mutex_lock(&fixture->mutex);
	while (fixture->held_len < len && !failed)
		failed = pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &guard);
	pthread_mutex_unlock(&fixture->mutex);
	assert_int_equal(failed, 0);
}

void fixture_release(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->mutex);
	for (unsigned i = 0; i < fixture->held_len; i++)
		answer_text(fixture->held[i], 200, fixture->held_requests[i]->body);
	fixture->held_len = 0;
	pthread_mutex_unlock(&fixture->mutex);
}

int client_socket(void)
{
	struct timeval guard = {.tv_sec = GUARD_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &guard, sizeof guard);
	return fd;
}

int client_join(const struct fixture *fixture, int fd)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)fixture->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

int client_connect(const struct fixture *fixture)
{
	int fd = client_socket();
	if (client_join(fixture, fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool client_send(int fd, const void *bytes, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t now = send(fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);
		if (now < 0)
			return false;
		sent += (size_t)now;
	}
	return true;
}

void client_say(int fd, const char *text)
{
	client_send(fd, text, strlen(text));
}

/* At most `max` bytes; false at the end. A server that does not even close is a failure. */
static bool read_some(int fd, struct strbuf *text, size_t max)
{
	static char bytes[65536];
	ssize_t got = recv(fd, bytes, max < sizeof bytes ? max : sizeof bytes, 0);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		fail_msg("the server neither answered nor closed; so far: %s", strbuf_text(text));
	if (got <= 0)
		return false;
	strbuf_append(text, bytes, (size_t)got);
	return true;
}

const char *reply_header(const struct reply *reply, const char *name, char value[256])
{
	size_t len = strlen(name);
	value[0] = '\0';
	for (const char *line = strbuf_text(&reply->head); line; line = strstr(line, "\r\n")) {
		line += line[0] == '\r' ? 2 : 0;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			snprintf(value, 256, "%.*s", (int)strcspn(line + len + 2, "\r"), line + len + 2);
	}
	return value;
}

struct reply client_read(int fd, bool head_request)
{
	struct reply reply = {.head = STRBUF_INIT(65536), .text = STRBUF_INIT(REPLY_MAX)};
	char value[256];
	const char *end;
	while (!(end = strstr(strbuf_text(&reply.text), "\r\n\r\n")))
		if (!read_some(fd, &reply.text, 1))
			return reply;
	strbuf_append(&reply.head, reply.text.data, reply.text.len);
	assert_int_equal(sscanf(strbuf_text(&reply.head), "HTTP/1.1 %d", &reply.status), 1);
	size_t len = strtoul(reply_header(&reply, "Content-Length", value), NULL, 10), head_len = reply.text.len;
	while (!head_request && reply.text.len < head_len + len)
		assert_true(read_some(fd, &reply.text, head_len + len - reply.text.len));
	reply.body = (struct slice){strbuf_text(&reply.text) + head_len, reply.text.len - head_len};
	return reply;
}

struct reply client_ask(int fd, const char *text)
{
	client_say(fd, text);
	return client_read(fd, false);
}

struct strbuf client_drain(int fd)
{
	struct strbuf text = STRBUF_INIT(REPLY_MAX);
	while (read_some(fd, &text, SIZE_MAX))
		;
	close(fd);
	return text;
}

void reply_free(struct reply *reply)
{
	strbuf_free(&reply->head);
	strbuf_free(&reply->text);
}
