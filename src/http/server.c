/* The HTTP server on libmicrohttpd. A shard is one thread: its epoll set holds the epoll descriptors of its daemons (one for each
 * listening socket), its inbox of answers, and each connection, edge-triggered, only to see the first byte of a request.
 *
 * Everything of a shard is touched by its thread alone, but for the inbox. An exchange belongs to that thread too, but between
 * handle() and http_answer() its `status` and `answer` belong to whoever answers; posting it to the inbox gives them back. Only
 * the shard's thread suspends and resumes, so an answer that comes before the suspension simply waits in the inbox. */
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/inbox.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "http/body.h"
#include "http/complaint.h"
#include "http/farewell.h"
#include "http/grammar.h"
#include "http/listen.h"
#include "http/loop.h"
#include "http/peers.h"
#include "http/problem.h"

enum {
	/* The head, a record for each of its headers, and the head of the answer fit; all of it is zeroed after each request. */
	CONNECTION_POOL_BYTES = 28 * 1024,
	LOCAL_CONNECTIONS_MAX = 128,
	DRAIN_BYTES_MAX = 64 * 1024, /* a refused body up to here is read, so that the connection can go on */
	STREAMS_MAX = 16,            /* answers that are being made page by page, all shards together */
	STREAM_BLOCK_BYTES = 32 * 1024,
	STOP_FLUSH_MS = 1000,   /* for answers that are being sent when the server stops */
	ACCEPT_RETRY_MS = 1000, /* while descriptors are out */
};

/* Waiting for a request (the idle timeout runs), in the midst of one (the deadline runs), or none of them. */
enum connection_phase { CONNECTION_WAITING, CONNECTION_READING, CONNECTION_BUSY };

struct connection {
	struct loop_source source;
	struct loop_deadline deadline; /* in its shard's `reading` while READING */
	struct shard *shard;
	enum connection_phase phase;
	int fd;
	bool local;
	uint64_t peer_key; /* 0: not counted */
	char peer[sizeof((struct http_request *)NULL)->peer];
};

enum exchange_phase {
	EXCHANGE_HEAD,     /* the headers are not in yet */
	EXCHANGE_BODY,     /* taking the body */
	EXCHANGE_DRAINING, /* refused with `answer`; dropping the body */
	EXCHANGE_HANDED,   /* handle() was called */
	EXCHANGE_ANSWERED, /* `answer` is to be sent (NULL: memory was out; the connection closes) */
};

struct http_exchange {
	struct inbox_node node;
	struct shard *shard;
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum exchange_phase phase;
	bool handling; /* inside handle() */
	unsigned status;
	struct MHD_Response *answer;
	struct http_stream *stream; /* of the answer, or NULL */
	struct grammar_head head;
	struct grammar_framing framing;
	struct http_body body;
	struct http_request request;
	char target[]; /* a copy: libmicrohttpd cuts and decodes its own in place */
};

struct listener {
	struct loop_source source;
	struct shard *shard;
	struct MHD_Daemon *daemon;
	bool local;
	bool suspended; /* the daemon does not accept until one of its connections has ended: see shard_accept() */
	int fd;
	int dir_fd; /* of a Unix socket */
	char *name;
};

struct shard {
	/* shared */
	struct inbox inbox;
	/* owned by the thread */
	struct server *server;
	pthread_t thread;
	bool started;
	int epoll_fd;
	struct loop_source inbox_source;
	struct listener *listeners;
	size_t listeners_len;
	struct loop_queue reading;
	struct farewells farewells;
	unsigned exchanges;
	bool quiesced;
	bool again;         /* a connection has ended: only the next MHD_run() listens again where there was no room */
	int64_t stop_at_us; /* 0: not stopping */
	int64_t warn_at_us;
};

struct server {
	struct server_config config; /* without `listen` */
	int *ports;
	bool in_place; /* libmicrohttpd parses in place: grammar_contiguous() holds */
	/* shared, no lock */
	struct peers peers;
	atomic_bool quiescing;
	atomic_bool stopping;
	atomic_uint waiting;
	atomic_uint streams;
	unsigned shards_len;
	struct shard shards[];
};

/* The shard that runs on this thread. */
static _Thread_local struct shard *shard_here;

/* Answers. */

static void answer_header(struct MHD_Response *answer, const char *name, const char *value)
{
	if (MHD_add_response_header(answer, name, value) != MHD_YES)
		log_error("http", "a response header was left out: %s cannot hold its value", name);
}

/* libmicrohttpd wants more of a body. The exchange is suspended before the page is asked for: it may come at once. */
static ssize_t on_stream(void *cls, uint64_t at, char *to, size_t max)
{
	struct http_exchange *x = cls;
	struct server *server = x->shard->server;
	size_t len = stream_take(x->stream, server->config.budget, to, max);
	(void)at;
	if (len > 0)
		return (ssize_t)len;
	if (x->stream->last && !x->stream->broken)
		return MHD_CONTENT_READER_END_OF_STREAM;
	/* In the same order as in exchange_end(). */
	atomic_fetch_add(&server->waiting, 1);
	if (x->stream->broken || atomic_load(&server->quiescing)) {
		atomic_fetch_sub(&server->waiting, 1);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	MHD_suspend_connection(x->mhd);
	x->stream->next(x->stream);
	return 0;
}

void http_page(struct http_stream *stream)
{
	struct http_exchange *x = stream->exchange;
	struct server *server = x->shard->server;
	inbox_post(&x->shard->inbox, &x->node);
	atomic_fetch_sub(&server->waiting, 1);
}

static struct MHD_Response *answer_of_stream(struct http_exchange *x, struct http_response *response)
{
	x->stream = response->stream;
	response->stream = NULL;
	x->stream->exchange = x;
	stream_arrived(x->stream, x->shard->server->config.budget);
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_stream, x, NULL);
}

static struct MHD_Response *answer_of_body(struct http_response *response)
{
	size_t len = 0;
	char *bytes = strbuf_steal(&response->body, &len);
	struct MHD_Response *answer = MHD_create_response_from_buffer(len, bytes, bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!answer)
		free(bytes);
	if (!bytes)
		response->content_type = NULL;
	return answer;
}

/* Any thread. Takes the response's memory. */
static void exchange_answer(struct http_exchange *x, struct http_response *response)
{
	struct server *server = x->shard->server;
	if (response->status == 0)
		problem_say(response, ERR_INTERNAL, x->request.id, "the request was given no answer");
	if (response->body.failed)
		problem_say(response, ERR_INTERNAL, x->request.id, "the answer is too large");
	if (response->status == MHD_HTTP_NO_CONTENT || response->status == MHD_HTTP_NOT_MODIFIED)
		strbuf_free(&response->body);
	if (response->stream && atomic_fetch_add(&server->streams, 1) >= STREAMS_MAX) {
		atomic_fetch_sub(&server->streams, 1);
		problem_say(response, ERR_UNAVAILABLE, x->request.id, "too many long answers are being sent already: try again");
	}
	struct MHD_Response *answer = response->stream ? answer_of_stream(x, response) : answer_of_body(response);
	if (!answer)
		goto out;
	answer_header(answer, "x-request-id", x->request.id);
	if (response->content_type)
		answer_header(answer, "Content-Type", response->content_type);
	for (unsigned i = 0; i < response->headers_len; i++)
		answer_header(answer, response->headers[i].name, response->headers[i].value);
	if (response->close || atomic_load(&server->quiescing))
		answer_header(answer, "Connection", "close");
out:
	x->status = (unsigned)response->status;
	x->answer = answer;
	http_response_free(response);
}

void http_answer(struct http_exchange *x, struct http_response *response)
{
	struct shard *shard = x->shard;
	struct server *server = shard->server;
	exchange_answer(x, response);
	if (shard_here == shard && x->handling)
		x->phase = EXCHANGE_ANSWERED;
	else
		inbox_post(&shard->inbox, &x->node);
	/* Last: the server may stop once nothing waits. */
	atomic_fetch_sub(&server->waiting, 1);
}

static enum MHD_Result exchange_send(struct http_exchange *x)
{
	return x->answer ? MHD_queue_response(x->mhd, x->status, x->answer) : MHD_NO;
}

/* Requests. */

static void connection_reading(struct connection *connection)
{
	const struct server_config *config = &connection->shard->server->config;
	connection->phase = CONNECTION_READING;
	loop_queue_add(&connection->shard->reading, &connection->deadline,
	               clock_mono_us(config->clock) + (int64_t)config->request_deadline_ms * 1000);
}

static void connection_ready(struct loop_source *source)
{
	struct connection *connection = CONTAINER_OF(source, struct connection, source);
	if (connection->phase == CONNECTION_WAITING)
		connection_reading(connection);
}

/* The answer goes straight to the socket and the connection closes: MHD_NO tells libmicrohttpd. */
static enum MHD_Result exchange_farewell(struct http_exchange *x, struct http_response *response)
{
	const char *reason = MHD_get_reason_phrase_for((unsigned)response->status);
	farewell_say(&x->shard->farewells, x->connection->fd, &x->request, response, reason);
	http_response_free(response);
	return MHD_NO;
}

static enum MHD_Result exchange_farewell_problem(struct http_exchange *x, const struct err *err)
{
	struct http_response response = {0};
	problem_respond(&response, err, x->request.id);
	if (err->code == ERR_METHOD)
		http_response_header(&response, "Allow", GRAMMAR_METHODS);
	return exchange_farewell(x, &response);
}

static enum MHD_Result exchange_stopping(struct http_exchange *x)
{
	struct http_response response = {0};
	problem_say(&response, ERR_UNAVAILABLE, x->request.id, "the hub is stopping");
	return exchange_farewell(x, &response);
}

static enum MHD_Result exchange_body_refused(struct http_exchange *x, enum body_fate fate)
{
	struct err err = {0};
	if (fate == BODY_TOO_LARGE)
		err_set(&err, ERR_TOO_LARGE, "the body is too large; accepted here: at most %zu bytes", x->body.max_bytes);
	else
		err_set(&err, ERR_UNAVAILABLE, "there is no memory for the body now; try again");
	body_free(&x->body);
	return exchange_farewell_problem(x, &err);
}

/* An early answer of the application's: a small body is read and dropped first, so that the connection lives on. */
static enum MHD_Result exchange_refuse(struct http_exchange *x, struct http_response *response)
{
	const struct grammar_framing *framing = &x->framing;
	if (response->status == 0)
		problem_say(response, ERR_INTERNAL, x->request.id, "the request was refused without an answer");
	if (response->close || framing->chunked || framing->length > DRAIN_BYTES_MAX || (framing->length && framing->expects_continue))
		return exchange_farewell(x, response);
	exchange_answer(x, response);
	x->phase = EXCHANGE_DRAINING;
	return MHD_YES;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	struct http_exchange *x = cls;
	struct http_request *request = &x->request;
	(void)kind;
	if (x->head.headers_seen++ < HTTP_HEADERS_MAX)
		request->headers[request->headers_len++] =
		    (struct http_header){{name, name_len}, {value ? value : "", value ? value_len : 0}};
	return MHD_YES;
}

static void exchange_head(struct http_exchange *x, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct http_request *request = &x->request;
	struct slice target = x->head.target;
	x->head.method = method;
	x->head.version = version;
	x->head.bytes = size ? size->header_size : 0;
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, on_header, x);
	request->method = slice_of(method);
	request->path = target;
	const char *mark = target.at ? memchr(target.at, '?', target.len) : NULL;
	if (mark) {
		request->path.len = (size_t)(mark - target.at);
		request->query = (struct slice){mark + 1, target.len - request->path.len - 1};
	}
	request->body = body_slice(&x->body);
	request->local = x->connection->local;
	snprintf(request->peer, sizeof request->peer, "%s", x->connection->peer);
}

static int exchange_check(struct http_exchange *x, struct err *err)
{
	if (x->shard->server->in_place && x->head.headers_seen <= HTTP_HEADERS_MAX && !grammar_contiguous(&x->request, &x->head))
		return err_set(err, ERR_BAD_REQUEST,
		               "the request's head is malformed: a NUL, a folded line, a line that does not end in CRLF");
	return grammar_check(&x->request, &x->head, &x->framing, err);
}

/* The headers are in. */
static enum MHD_Result exchange_begin(struct http_exchange *x, const char *method, const char *version)
{
	struct server *server = x->shard->server;
	struct err err = {0};
	exchange_head(x, method, version);
	if (exchange_check(x, &err))
		return exchange_farewell_problem(x, &err);
	if (!grammar_expect(&x->request, &x->framing)) {
		err_set(&err, ERR_EXPECTATION, "Expect is not understood; accepted: 100-continue");
		return exchange_farewell_problem(x, &err);
	}
	if (atomic_load(&server->quiescing))
		return exchange_stopping(x);
	struct http_response response = {0};
	int64_t max_bytes = server->config.app.begin(server->config.app.context, &x->request, &response);
	if (max_bytes < 0)
		return exchange_refuse(x, &response);
	body_init(&x->body, server->config.budget, (size_t)max_bytes);
	enum body_fate fate = body_announce(&x->body, (size_t)x->framing.length);
	if (fate != BODY_TAKEN)
		return exchange_body_refused(x, fate);
	x->phase = EXCHANGE_BODY;
	return MHD_YES;
}

static enum MHD_Result exchange_data(struct http_exchange *x, const char *bytes, size_t *len)
{
	if (x->phase == EXCHANGE_BODY) {
		enum body_fate fate = body_append(&x->body, bytes, *len);
		if (fate != BODY_TAKEN)
			return exchange_body_refused(x, fate);
	}
	*len = 0;
	return MHD_YES;
}

/* All is in. */
static enum MHD_Result exchange_end(struct http_exchange *x)
{
	struct server *server = x->shard->server;
	loop_queue_remove(&x->shard->reading, &x->connection->deadline);
	x->connection->phase = CONNECTION_BUSY;
	if (x->phase == EXCHANGE_DRAINING)
		return exchange_send(x);
	x->request.body = body_slice(&x->body);
	x->phase = EXCHANGE_HANDED;
	/* In this order: who stops sets `quiescing` first and then waits until nobody is waiting. */
	atomic_fetch_add(&server->waiting, 1);
	if (atomic_load(&server->quiescing)) {
		atomic_fetch_sub(&server->waiting, 1);
		return exchange_stopping(x);
	}
	x->handling = true;
	server->config.app.handle(server->config.app.context, x, &x->request);
	x->handling = false;
	if (x->phase == EXCHANGE_ANSWERED)
		return exchange_send(x);
	MHD_suspend_connection(x->mhd);
	return MHD_YES;
}

/* What libmicrohttpd calls, on the shard's thread. */

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **request_context)
{
	struct http_exchange *x = *request_context;
	(void)cls;
	(void)mhd;
	(void)url;
	if (!x)
		return MHD_NO; /* there was no memory for it */
	switch (x->phase) {
	case EXCHANGE_HEAD:
		return exchange_begin(x, method, version);
	case EXCHANGE_BODY:
	case EXCHANGE_DRAINING:
		return *upload_len ? exchange_data(x, upload, upload_len) : exchange_end(x);
	case EXCHANGE_ANSWERED:
		return exchange_send(x);
	case EXCHANGE_HANDED:
		break;
	}
	log_fatal("http", "an exchange was called while it waits for its answer");
}

/* The request line is in; what is returned is the request's context. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct listener *listener = cls;
	struct connection *connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	size_t len = strlen(target), copied = len <= HTTP_TARGET_MAX ? len : 0;
	if (connection->phase == CONNECTION_WAITING)
		connection_reading(connection);
	struct http_exchange *x = calloc(1, sizeof *x + copied + 1);
	if (!x)
		return NULL;
	memcpy(x->target, target, copied);
	x->shard = listener->shard;
	x->connection = connection;
	x->mhd = mhd;
	x->head.target_at = target;
	x->head.target = (struct slice){copied == len ? x->target : NULL, len};
	http_request_id(x->request.id);
	x->shard->exchanges++;
	return x;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *request_context;
	(void)cls;
	(void)mhd;
	(void)code;
	if (!x)
		return;
	loop_queue_remove(&x->shard->reading, &x->connection->deadline);
	x->connection->phase = CONNECTION_WAITING;
	x->shard->exchanges--;
	if (x->answer)
		MHD_destroy_response(x->answer);
	if (x->stream) {
		stream_end(x->stream, x->shard->server->config.budget);
		atomic_fetch_sub(&x->shard->server->streams, 1);
	}
	body_free(&x->body);
	free(x);
	*request_context = NULL;
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
	struct listener *listener = cls;
	(void)len;
	return listener->local || peers_room(&listener->shard->server->peers, peers_key(address)) ? MHD_YES : MHD_NO;
}

static void connection_open(struct listener *listener, struct MHD_Connection *mhd, void **socket_context)
{
	struct connection *connection = mem_new(struct connection);
	const struct sockaddr *address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	connection->source.ready = connection_ready;
	connection->shard = listener->shard;
	connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->local = listener->local;
	connection->peer_key = listener->local ? 0 : peers_key(address);
	peers_format(address, connection->peer, sizeof connection->peer);
	peers_add(&listener->shard->server->peers, connection->peer_key);
	*socket_context = connection;
	struct err err = {0};
	if (loop_watch(listener->shard->epoll_fd, connection->fd, EPOLLIN | EPOLLET, &connection->source, &err)) {
		log_warn("http", "a connection was closed: %s", err.detail);
		shutdown(connection->fd, SHUT_RDWR);
	}
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_open(listener, mhd, socket_context);
		return;
	}
	struct connection *connection = *socket_context;
	/* A farewell's duplicate would keep it in the set. */
	loop_unwatch(listener->shard->epoll_fd, connection->fd);
	loop_queue_remove(&listener->shard->reading, &connection->deadline);
	peers_remove(&listener->shard->server->peers, connection->peer_key);
	listener->shard->again = true;
	listener->suspended = false;
	free(connection);
	*socket_context = NULL;
}

/* Targets are taken as they came; decoding is the router's business. */
static size_t on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *format, va_list arguments)
{
	struct listener *listener = cls;
	struct shard *shard = listener->shard;
	if (complaint_log(shard->server->config.clock, &shard->warn_at_us, format, arguments) == COMPLAINT_SUSPENDED)
		listener->suspended = true;
}

/* The loop. */

static int64_t shard_timeout_ms(const struct shard *shard)
{
	int64_t timeout_ms = shard->again ? 0 : -1, now_us = clock_mono_us(shard->server->config.clock);
	for (size_t i = 0; i < shard->listeners_len; i++) {
		MHD_UNSIGNED_LONG_LONG daemon_ms;
		if (MHD_get_timeout(shard->listeners[i].daemon, &daemon_ms) == MHD_YES)
			timeout_ms = loop_sooner(timeout_ms, (int64_t)daemon_ms);
		if (shard->listeners[i].suspended)
			timeout_ms = loop_sooner(timeout_ms, ACCEPT_RETRY_MS);
	}
	if (shard->reading.first)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->reading.first->at_us, now_us));
	if (shard->farewells.queue.first)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->farewells.queue.first->at_us, now_us));
	if (shard->stop_at_us)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->stop_at_us, now_us));
	return timeout_ms;
}

static void shard_take_answers(struct shard *shard)
{
	struct inbox_node *next;
	for (struct inbox_node *node = inbox_take(&shard->inbox); node; node = next) {
		struct http_exchange *x = CONTAINER_OF(node, struct http_exchange, node);
		next = node->next;
		if (x->phase == EXCHANGE_ANSWERED) /* by a page of its stream */
			stream_arrived(x->stream, shard->server->config.budget);
		x->phase = EXCHANGE_ANSWERED;
		MHD_resume_connection(x->mhd);
	}
}

/* Ends every request whose time ran out; libmicrohttpd sees the end of its socket and closes. */
static void shard_reap(struct shard *shard, int64_t now_us)
{
	struct loop_deadline *expired;
	while ((expired = loop_queue_expired(&shard->reading, now_us))) {
		struct connection *connection = CONTAINER_OF(expired, struct connection, deadline);
		log_debug("http", "a request was too slow and was cut off; peer=%s", connection->peer);
		shutdown(connection->fd, SHUT_RDWR);
	}
}

static void shard_quiesce(struct shard *shard)
{
	if (shard->quiesced)
		return;
	shard->quiesced = true;
	for (size_t i = 0; i < shard->listeners_len; i++) {
		int fd = MHD_quiesce_daemon(shard->listeners[i].daemon);
		if (fd >= 0)
			close(fd);
	}
}

/* Whether the thread ends now: when it should, and all that was begun is sent or had its time. */
static bool shard_stops(struct shard *shard, int64_t now_us)
{
	if (!atomic_load(&shard->server->stopping))
		return false;
	if (!shard->stop_at_us) {
		shard->stop_at_us = now_us + (int64_t)STOP_FLUSH_MS * 1000;
		shard_reap(shard, INT64_MAX);
	}
	return shard->exchanges == 0 || now_us >= shard->stop_at_us;
}

/* For a daemon that is suspended: descriptors can come free elsewhere in the process while its last connection lives on. */
static void shard_accept(struct shard *shard, struct listener *listener)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	int fd;
	while (listener->suspended && !shard->quiesced &&
	       (fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		MHD_add_connection(listener->daemon, fd, (struct sockaddr *)&address, len);
		len = sizeof address;
	}
}

static void *shard_run(void *argument)
{
	struct shard *shard = argument;
	struct server *server = shard->server;
	bool stops = false;
	shard_here = shard;
	while (!stops) {
		loop_wait(shard->epoll_fd, inbox_may_sleep(&shard->inbox) ? shard_timeout_ms(shard) : 0);
		inbox_hold();
		shard_take_answers(shard);
		shard_reap(shard, clock_mono_us(server->config.clock));
		farewell_expire(&shard->farewells, clock_mono_us(server->config.clock));
		if (atomic_load(&server->quiescing))
			shard_quiesce(shard);
		shard->again = false;
		for (size_t i = 0; i < shard->listeners_len; i++) {
			shard_accept(shard, &shard->listeners[i]);
			MHD_run(shard->listeners[i].daemon);
		}
		inbox_release();
		stops = shard_stops(shard, clock_mono_us(server->config.clock));
	}
	return NULL;
}

/* Start and stop. */

static int listener_socket(struct listener *listener, const struct http_listen *listen, int *port, struct err *err)
{
	const struct server *server = listener->shard->server;
	if (!listen->socket_path) {
		int fd = listen_tcp(listen->address, *port, server->config.shards > 1, err);
		if (fd >= 0)
			*port = listen_port(fd);
		return fd;
	}
	int fd = listen_unix(listen->socket_dir_fd, listen->socket_path, err);
	if (fd >= 0) {
		listener->local = true;
		listener->dir_fd = listen->socket_dir_fd;
		listener->name = mem_text(listen->socket_path);
	}
	return fd;
}

static int listener_start(struct listener *listener, const struct http_listen *listen, int *port, struct err *err)
{
	struct shard *shard = listener->shard;
	const struct server_config *config = &shard->server->config;
	int fd = listener_socket(listener, listen, port, err);
	if (fd < 0)
		return -1;
	listener->fd = fd;
	unsigned limit = listener->local ? LOCAL_CONNECTIONS_MAX : config->connections_max;
	listener->daemon =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, on_accept, listener, on_request, listener,
	                     MHD_OPTION_EXTERNAL_LOGGER, on_log, listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
	                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(config->idle_timeout_ms + 999) / 1000,
	                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_target,
	                     listener, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
	                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_END);
	if (!listener->daemon) /* it closed the socket */
		return err_set(err, ERR_INTERNAL, "libmicrohttpd cannot serve %s",
		               listen->socket_path ? listen->socket_path : listen->address);
	int epoll_fd = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return loop_watch(shard->epoll_fd, epoll_fd, EPOLLIN, &listener->source, err);
}

/* The Unix socket is the first shard's alone. */
static int shard_start_listeners(struct shard *shard, const struct server_config *config, struct err *err)
{
	struct server *server = shard->server;
	shard->listeners = mem_alloc(config->listen_len * sizeof *shard->listeners);
	for (size_t i = 0; i < config->listen_len; i++) {
		if (config->listen[i].socket_path && shard != server->shards)
			continue;
		struct listener *listener = &shard->listeners[shard->listeners_len];
		listener->shard = shard;
		int failed = listener_start(listener, &config->listen[i], &server->ports[i], err);
		if (listener->daemon)
			shard->listeners_len++;
		else
			free(listener->name);
		if (failed)
			return -1;
	}
	return 0;
}

static int shard_open(struct shard *shard, struct server *server, const struct server_config *config, struct err *err)
{
	shard->server = server;
	shard->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (shard->epoll_fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot make an epoll set: %s", strerror(errno));
	if (inbox_init(&shard->inbox, err)) {
		close(shard->epoll_fd);
		return -1;
	}
	shard->farewells = (struct farewells){.epoll_fd = shard->epoll_fd, .clock = config->clock};
	server->shards_len++;
	if (loop_watch(shard->epoll_fd, shard->inbox.fd, EPOLLIN, &shard->inbox_source, err))
		return -1;
	return shard_start_listeners(shard, config, err);
}

/* Once its thread has ended, or never was. */
static void shard_close(struct shard *shard)
{
	shard_quiesce(shard);
	for (size_t i = 0; i < shard->listeners_len; i++) {
		struct listener *listener = &shard->listeners[i];
		MHD_stop_daemon(listener->daemon);
		if (listener->local)
			unlinkat(listener->dir_fd, listener->name, 0);
		free(listener->name);
	}
	farewell_end_all(&shard->farewells);
	free(shard->listeners);
	inbox_destroy(&shard->inbox);
	close(shard->epoll_fd);
}

struct server *server_start(const struct server_config *config, struct err *err)
{
	struct server *server = mem_alloc(sizeof *server + config->shards * sizeof *server->shards);
	server->config = *config;
	server->config.listen = NULL;
	server->ports = mem_alloc((config->listen_len + 1) * sizeof *server->ports);
	server->in_place = strncmp(MHD_get_version(), "0.9.", 4) == 0;
	peers_init(&server->peers, config->connections_max, config->connections_per_ip_max);
	for (unsigned i = 0; i < config->shards; i++)
		if (shard_open(&server->shards[i], server, config, err))
			goto fail;
	for (unsigned i = 0; i < config->shards; i++) {
		struct shard *shard = &server->shards[i];
		if (thread_start(&shard->thread, "http", shard_run, shard, err))
			goto fail;
		shard->started = true;
	}
	return server;
fail:
	server_stop(server);
	return NULL;
}

int server_port(const struct server *server, size_t i)
{
	return server->ports[i];
}

unsigned server_waiting(struct server *server)
{
	return atomic_load(&server->waiting);
}

static void server_wake(struct server *server)
{
	for (unsigned i = 0; i < server->shards_len; i++)
		inbox_wake(&server->shards[i].inbox);
}

void server_quiesce(struct server *server)
{
	atomic_store(&server->quiescing, true);
	server_wake(server);
}

void server_stop(struct server *server)
{
	if (server_waiting(server))
		log_fatal("http", "the server is to stop while %u exchanges wait for their answers", server_waiting(server));
	atomic_store(&server->stopping, true);
	server_quiesce(server);
	for (unsigned i = 0; i < server->shards_len; i++)
		if (server->shards[i].started)
			pthread_join(server->shards[i].thread, NULL);
	for (unsigned i = 0; i < server->shards_len; i++)
		shard_close(&server->shards[i]);
	peers_destroy(&server->peers);
	free(server->ports);
	free(server);
}
