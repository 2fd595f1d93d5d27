/* A request and its answer: takes the head and the body, asks the application, and answers, at once or when the answer comes. */
#include "http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/problem.h"
#include "metrics/metrics.h"

enum {
	DRAIN_BYTES_MAX = 64 * 1024, /* a refused body up to here is read, so that the connection can go on */
	STREAMS_MAX = 16,            /* answers that are being made page by page, all shards together */
	STREAM_BLOCK_BYTES = 32 * 1024,
};

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
	struct MHD_Response *answer = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_stream, x, NULL);
	if (answer && slice_is(x->request.method, "HEAD")) /* has no body, but would get its last chunk, before the next answer */
		MHD_set_response_options(answer, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return answer;
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

/* Once for each request that gets an answer. */
static void exchange_count(const struct http_exchange *x, int status)
{
	int64_t took_us = clock_mono_us(x->shard->server->config.clock) - x->begun_us;
	unsigned code = status > 0 && status < LABEL_CODE_MAX ? (unsigned)status : 0;
	metrics_count(METRIC_HTTP_REQUESTS, metrics_pair(x->request.kind, code, LABEL_CODE_MAX));
	metrics_observe(METRIC_HTTP_DURATION, x->request.kind, took_us > 0 ? (uint64_t)took_us : 0);
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
	exchange_count(x, response->status);
	struct MHD_Response *answer = response->stream ? answer_of_stream(x, response) : answer_of_body(response);
	if (!answer)
		goto out;
	answer_header(answer, "x-request-id", x->request.id);
	if (response->content_type)
		answer_header(answer, "Content-Type", response->content_type);
	for (unsigned i = 0; i < response->headers_len; i++)
		answer_header(answer, response->headers[i].name, response->headers[i].value);
	/* libmicrohttpd takes a bare LF or CR for the end of a chunk's line: where such a body ends another parser could see otherwise, so
	 * nothing that follows one is ever taken for a request. */
	if (response->close || x->framing.chunked || atomic_load(&server->quiescing))
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

void connection_reading(struct connection *connection)
{
	const struct server_config *config = &connection->shard->server->config;
	connection->phase = CONNECTION_READING;
	loop_queue_add(&connection->shard->reading, &connection->deadline,
	               clock_mono_us(config->clock) + (int64_t)config->request_deadline_ms * 1000);
}

/* The answer goes straight to the socket and the connection closes: MHD_NO tells libmicrohttpd. */
static enum MHD_Result exchange_farewell(struct http_exchange *x, struct http_response *response)
{
	const char *reason = MHD_get_reason_phrase_for((unsigned)response->status);
	exchange_count(x, response->status);
	farewell_say(&x->shard->farewells, x->connection->fd, x->connection->handshake.session, &x->request, response, reason);
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
	const struct http_app *app = &x->shard->server->config.app;
	struct err err = {0};
	if (fate == BODY_TOO_LARGE && app->too_large)
		app->too_large(app->context, &x->request);
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
	request->local = x->connection->listener->local;
	request->secure = request->tls = x->connection->listener->tls;
	request->role = x->connection->listener->role;
	request->peer_uid = x->connection->peer_uid;
	request->peer_key = request->local ? 0 : x->connection->peer_key;
	snprintf(request->peer, sizeof request->peer, "%s", x->connection->peer);
}

/* Whom a trusted proxy speaks for. */
static void exchange_client(struct http_exchange *x)
{
	struct http_request *request = &x->request;
	if (!x->connection->trusted)
		return;
	struct cidr_address client = proxies_client(x->shard->server->config.proxies, request, x->connection->address);
	request->peer_key = peers_key(&client);
	request->secure = request->secure || proxies_secure(request);
	peers_format(&client, request->peer, sizeof request->peer);
}

/* 0, or the seconds to wait. */
static int exchange_wait_s(const struct http_exchange *x)
{
	const struct server *server = x->shard->server;
	bool (*counts)(const struct http_request *request) = server->config.app.counts;
	if (x->request.local || (counts && !counts(&x->request)))
		return 0;
	return (int)((rates_take(server->rates, x->request.peer_key, clock_mono_us(server->config.clock)) + 999) / 1000);
}

static enum MHD_Result exchange_refuse(struct http_exchange *x, struct http_response *response);

static enum MHD_Result exchange_too_often(struct http_exchange *x, int wait_s)
{
	struct http_response response = {0};
	struct err err = {0};
	err_set(&err, ERR_RATE_LIMITED, "this address sends more than %u requests a second: try again later",
	        rates_limit(x->shard->server->rates));
	err.retry_after_s = wait_s;
	problem_respond(&response, &err, x->request.id);
	return exchange_refuse(x, &response);
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
	x->begun_us = clock_mono_us(server->config.clock);
	exchange_head(x, method, version);
	if (exchange_check(x, &err))
		return exchange_farewell_problem(x, &err);
	if (!grammar_expect(&x->request, &x->framing)) {
		err_set(&err, ERR_EXPECTATION, "Expect is not understood; accepted: 100-continue");
		return exchange_farewell_problem(x, &err);
	}
	if (atomic_load(&server->quiescing))
		return exchange_stopping(x);
	exchange_client(x);
	int wait_s = exchange_wait_s(x);
	if (wait_s > 0)
		return exchange_too_often(x, wait_s);
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

enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
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
void *exchange_on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct listener *listener = cls;
	struct connection *connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	size_t len = strlen(target), copied = len <= HTTP_TARGET_MAX ? len : 0;
	handshake_end(&listener->shard->handshakes, &connection->handshake);
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
	http_request_number(&x->request);
	x->shard->exchanges++;
	return x;
}

void exchange_on_completed(void *cls, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code)
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
