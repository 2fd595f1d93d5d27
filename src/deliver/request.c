/* The request: an easy handle's fixed options, and what is set anew for each attempt. */
#include "deliver/exchange.h"

#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/id.h"
#include "base/mem.h"
#include "deliver/handshake.h"
#include "model/credentials.h"

enum { TEXT_BYTES_MAX = 1024 * 1024, TEXT_BYTES_KEPT = 16 * 1024, MADE_AROUND_BYTES = 1024, SILENCE_MS = 20000 };

/* Answers are short, and there may be thousands at a time. */
static const long READ_BYTES = 4096;

static const char method_put[] = "PUT", method_options[] = "OPTIONS";

/* ---- the handle ---- */

#define SET(option, value) (curl_easy_setopt(exchange->easy, option, value) != CURLE_OK)

/* What is the same for every attempt. Cookies, redirects, credentials and decompression are off because nothing turns them on. */
static bool set_fixed_options(struct exchange *exchange)
{
	bool failed = false;
	failed |= SET(CURLOPT_PRIVATE, exchange);
	failed |= SET(CURLOPT_ERRORBUFFER, exchange->error);
	failed |= SET(CURLOPT_NOSIGNAL, 1L);
	failed |= SET(CURLOPT_QUICK_EXIT, 1L);
	failed |= !transport_init(&exchange->transport, exchange->easy, exchange->config->egress, exchange->sockets);
	failed |= SET(CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= SET(CURLOPT_FOLLOWLOCATION, 0L);
	failed |= SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	failed |= SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= SET(CURLOPT_HTTP09_ALLOWED, 0L);
	failed |= SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	failed |= SET(CURLOPT_SSL_VERIFYPEER, 1L);
	failed |= SET(CURLOPT_SSL_VERIFYHOST, 2L);
	failed |= SET(CURLOPT_CAPATH, NULL); /* with one libcurl reads all authorities for each connection, instead of once: 25 ms */
	if (exchange->config->authorities)
		failed |= SET(CURLOPT_CAINFO, exchange->config->authorities);
	failed |= SET(CURLOPT_TCP_NODELAY, 1L);
	failed |= SET(CURLOPT_POST, 1L);
	failed |= SET(CURLOPT_BUFFERSIZE, READ_BYTES);
	failed |= SET(CURLOPT_NOPROGRESS, 0L);
	failed |= SET(CURLOPT_XFERINFOFUNCTION, exchange_progress);
	failed |= SET(CURLOPT_XFERINFODATA, exchange);
	failed |= SET(CURLOPT_HEADERFUNCTION, exchange_header);
	failed |= SET(CURLOPT_HEADERDATA, exchange);
	failed |= SET(CURLOPT_WRITEFUNCTION, exchange_body);
	failed |= SET(CURLOPT_WRITEDATA, exchange);
	return !failed;
}

struct exchange *exchange_new(const struct deliver_config *config, struct worker *worker, struct sockets *sockets)
{
	struct exchange *exchange = mem_new(struct exchange);
	exchange->config = config;
	exchange->worker = worker;
	exchange->sockets = sockets;
	exchange->text = STRBUF_INIT(TEXT_BYTES_MAX);
	exchange->body = STRBUF_INIT(EXCHANGE_CAPTURE_MAX);
	exchange->easy = curl_easy_init();
	if (exchange->easy && set_fixed_options(exchange))
		return exchange;
	exchange_free(exchange);
	return NULL;
}

void exchange_charge(struct exchange *exchange, size_t bytes)
{
	if (exchange->config->budget && bytes >= exchange->payload_charged)
		budget_force(exchange->config->budget, bytes - exchange->payload_charged);
	else if (exchange->config->budget)
		budget_release(exchange->config->budget, exchange->payload_charged - bytes);
	exchange->payload_charged = bytes;
}

static void drop_token(struct exchange *exchange)
{
	if (exchange->token)
		explicit_bzero(exchange->token, strlen(exchange->token));
	free(exchange->token);
	exchange->token = NULL;
}

/* Not kept: it may be large. */
static void drop_payload(struct exchange *exchange)
{
	strbuf_free(&exchange->payload);
	exchange_charge(exchange, 0);
}

/* At most base64 of the data, and a little around it, in a buffer that grows by doubling. */
size_t exchange_made_bytes(const struct endpoint *endpoint, size_t event_bytes)
{
	bool whole = endpoint->format == FORMAT_STANDARD || endpoint->format == FORMAT_CLOUDEVENTS_STRUCTURED;
	return whole ? event_bytes / 3 * 8 + MADE_AROUND_BYTES : 0;
}

void exchange_free(struct exchange *exchange)
{
	curl_easy_cleanup(exchange->easy);
	prepared_unref(exchange->prepared);
	tls_note_unref(exchange->transport.tls);
	drop_payload(exchange);
	strbuf_free(&exchange->text);
	strbuf_free(&exchange->body);
	drop_token(exchange);
	free(exchange);
}

void exchange_again(struct exchange *exchange)
{
	/* Setting a pointer option back to nothing cannot fail. */
	(void)SET(CURLOPT_HTTPHEADER, NULL);
	(void)SET(CURLOPT_POSTFIELDS, NULL);
	(void)SET(CURLOPT_CURLU, NULL);
	prepared_unref(exchange->prepared);
	exchange->prepared = NULL;
	transport_clear(&exchange->transport, exchange->easy);
	drop_payload(exchange);
	drop_token(exchange);
	exchange->lines_len = 0;
	exchange->legacy_at = 0;
	exchange->status = 0;
	exchange->header_bytes = 0;
	exchange->body_bytes = exchange->body_bytes_before = 0;
	exchange->barren_reads = 0;
	exchange->headers_too_large = exchange->bad_status_line = exchange->in_head = false;
	exchange->error[0] = '\0';
	strbuf_clear(&exchange->body);
	strbuf_clear(&exchange->text);
	if (exchange->text.cap > TEXT_BYTES_KEPT)
		strbuf_free(&exchange->text);
}

int exchange_clear(struct exchange *exchange)
{
	bool own_tls = exchange->own_tls;
	exchange_again(exchange);
	exchange->job = NULL;
	exchange->renewed = false;
	exchange->own_tls = false;
	if (!own_tls)
		return 0;
	/* Certificates cannot be taken back one by one. */
	curl_easy_reset(exchange->easy);
	return set_fixed_options(exchange) ? 0 : -1;
}

/* ---- header lines ---- */

/* A line is begun with its name, filled, and ended; an empty value needs the form "name;" or curl leaves the header out. */
static void begin_line(struct exchange *exchange, const char *name)
{
	exchange->line_at[exchange->lines_len++] = exchange->text.len;
	strbuf_puts(&exchange->text, name);
	strbuf_puts(&exchange->text, ": ");
}

static void end_line(struct exchange *exchange)
{
	strbuf_putc(&exchange->text, '\0');
}

static void add_line(struct exchange *exchange, const char *name, struct slice value)
{
	if (value.len > 0) {
		begin_line(exchange, name);
		strbuf_slice(&exchange->text, value);
	} else {
		exchange->line_at[exchange->lines_len++] = exchange->text.len;
		strbuf_puts(&exchange->text, name);
		strbuf_putc(&exchange->text, ';');
	}
	end_line(exchange);
}

static void add_number(struct exchange *exchange, const char *name, int64_t value)
{
	begin_line(exchange, name);
	strbuf_printf(&exchange->text, "%" PRId64, value);
	end_line(exchange);
}

static enum drill drill_now(const struct exchange *exchange)
{
	const struct due *due = &exchange->job->outcome.due;
	return drill_of(due->round, due->attempts);
}

/* What is signed: the body; of a drill's bad signature other bytes, so that it is as well-formed as a good one, and worth nothing. `other`
 * holds those; the caller frees it. */
static struct slice bytes_to_sign(const struct exchange *exchange, enum drill drill, struct strbuf *other)
{
	struct slice body = exchange->formatted.body;
	if (drill != DRILL_BAD_SIGNATURE)
		return body;
	*other = STRBUF_INIT(body.len + 16);
	strbuf_slice(other, body);
	strbuf_puts(other, "grapnel-drill");
	return (struct slice){strbuf_text(other), other->len};
}

static int sign_lines(struct exchange *exchange, struct signer *signer, struct slice id, int64_t timestamp_s, struct slice body)
{
	const struct endpoint *endpoint = exchange->job->endpoint;
	const struct endpoint_signing *signing = endpoint->signing;
	const char *const *names = signing ? (const char *const *)signing->names : signed_header_names;
	add_line(exchange, names[SIGNED_ID], id);
	add_number(exchange, names[SIGNED_TIMESTAMP], timestamp_s);
	begin_line(exchange, names[SIGNED_SIGNATURE]);
	if (signer_sign(signer, id, timestamp_s, body, exchange->started_ms, &exchange->text))
		return -1;
	end_line(exchange);
	if (!signing || !signing->legacy)
		return 0;
	begin_line(exchange, signing->legacy->header);
	if (signer_legacy(signer, endpoint, timestamp_s, body, &exchange->text, &exchange->legacy_at))
		return -1;
	end_line(exchange);
	return 0;
}

static int add_signed_lines(struct exchange *exchange, struct signer *signer, struct err *err)
{
	const struct handshake *handshake = exchange->job->handshake;
	enum drill drill = drill_now(exchange);
	int64_t timestamp_s = exchange->started_ms / 1000 - (drill == DRILL_STALE ? DRILL_STALE_S : 0);
	struct strbuf other = STRBUF_INIT(0);
	struct slice body = bytes_to_sign(exchange, drill, &other);
	char id[ID_TEXT_SIZE];
	id_format(ID_EVENT, exchange->job->event->id, id);
	if (handshake)
		memcpy(id, handshake->id, sizeof id);
	int result = other.failed ? -1 : sign_lines(exchange, signer, slice_of(id), timestamp_s, body);
	strbuf_free(&other);
	if (result)
		return err_set(err, ERR_INTERNAL, "the payload could not be signed");
	if (drill != DRILL_NONE)
		add_line(exchange, "grapnel-drill", slice_of(drill_text(drill)));
	return 0;
}

/* The extensions of a stored event are as many as there is room for, but a file can be damaged. */
static void add_attribute(void *receiver, const char *name, struct slice value)
{
	struct exchange *exchange = receiver;
	if (exchange->lines_len < CONTEXT_CORE + CONTEXT_EXTENSIONS_MAX)
		add_line(exchange, name, value);
	else
		exchange->text.failed = true;
}

/* The body is charged like the payload it is made of; so far with what it was held to be. */
static int add_format(struct exchange *exchange, struct err *err)
{
	const struct event *event = exchange->job->event;
	enum endpoint_format format = exchange->job->endpoint->format;
	const char *source = exchange->config->cloudevents_source;
	exchange->payload.max_bytes = FORMAT_BYTES_MAX(event->f.data.len);
	if (format_body(format, event, source, &exchange->payload, &exchange->formatted))
		return err_set(err, ERR_INTERNAL, "out of memory for the body");
	exchange_charge(exchange, exchange->payload.cap);
	if (format == FORMAT_CLOUDEVENTS_BINARY && format_headers(event, source, add_attribute, exchange))
		return err_set(err, ERR_INTERNAL, "the event's context cannot be turned into headers");
	const char *own = exchange->job->endpoint->content_type;
	add_line(exchange, "Content-Type", own ? slice_of(own) : exchange->formatted.content_type);
	return 0;
}

static void add_headers(struct exchange *exchange)
{
	const struct endpoint *endpoint = exchange->job->endpoint;
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		const struct endpoint_header *header = &endpoint->headers[i];
		const char *value = header->value;
		if (!value && exchange->access)
			value = credential_get(exchange->access->open, "headers", header->name);
		add_line(exchange, header->name, slice_of(value));
	}
}

static void add_auth(struct exchange *exchange)
{
	const struct endpoint_auth *auth = exchange->job->endpoint->auth;
	begin_line(exchange, auth_header(auth));
	if (auth->type == AUTH_OAUTH2)
		strbuf_puts(&exchange->text, "Bearer ");
	strbuf_puts(&exchange->text, auth->type == AUTH_OAUTH2 ? exchange->token : exchange->access->value);
	end_line(exchange);
}

/* Not by the option of that name: libcurl would format the line twice for each request. An endpoint may have its own. */
static void add_user_agent(struct exchange *exchange)
{
	static const char name[] = "User-Agent";
	const struct endpoint *endpoint = exchange->job->endpoint;
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		if (strcasecmp(endpoint->headers[i].name, name) == 0)
			return;
	}
	add_line(exchange, name, slice_of(exchange->config->user_agent));
}

/* An empty value without ';' takes a header of curl's own away. */
static void drop_line(struct exchange *exchange, const char *name)
{
	exchange->line_at[exchange->lines_len++] = exchange->text.len;
	strbuf_puts(&exchange->text, name);
	strbuf_putc(&exchange->text, ':');
	end_line(exchange);
}

/* What an endpoint is asked before it is sent anything. */
static int add_handshake_lines(struct exchange *exchange, struct signer *signer, struct err *err)
{
	const struct handshake *handshake = exchange->job->handshake;
	const struct event_fields *f = &exchange->job->event->f;
	if (handshake->type == VERIFY_CLOUDEVENTS) {
		exchange->formatted = (struct formatted){.body = {NULL, 0}};
		const struct rate *rate = &exchange->job->endpoint->rate;
		int64_t per_minute = rate->limit ? rate->limit * VERIFICATION_PER_MS / rate->per_ms : 0;
		add_line(exchange, "WebHook-Request-Origin", slice_of(handshake->origin));
		if (rate->limit)
			add_number(exchange, "WebHook-Request-Rate", per_minute > 0 ? per_minute : 1);
		drop_line(exchange, "Content-Type");
		return 0;
	}
	exchange->formatted = (struct formatted){.body = f->data, .content_type = f->content_type};
	add_line(exchange, "Content-Type", f->content_type);
	add_line(exchange, "grapnel-event-type", f->type);
	return add_signed_lines(exchange, signer, err);
}

static int add_delivery_lines(struct exchange *exchange, struct signer *signer, struct err *err)
{
	const struct job *job = exchange->job;
	const struct event_fields *f = &job->event->f;
	char id[ID_TEXT_SIZE];
	if (add_format(exchange, err) || add_signed_lines(exchange, signer, err))
		return -1;
	add_line(exchange, "grapnel-event-type", f->type);
	id_format(ID_DELIVERY, job->outcome.due.delivery, id);
	add_line(exchange, "grapnel-delivery-id", slice_of(id));
	add_number(exchange, "grapnel-attempt", job->outcome.due.attempts + 1);
	if (f->traceparent.len)
		add_line(exchange, "traceparent", f->traceparent);
	if (f->traceparent.len && f->tracestate.len)
		add_line(exchange, "tracestate", f->tracestate);
	return 0;
}

static int add_lines(struct exchange *exchange, struct signer *signer, struct err *err)
{
	const struct job *job = exchange->job;
	if (job->handshake ? add_handshake_lines(exchange, signer, err) : add_delivery_lines(exchange, signer, err))
		return -1;
	add_user_agent(exchange);
	add_headers(exchange);
	if (job->endpoint->auth)
		add_auth(exchange);
	drop_line(exchange, "Expect"); /* no round trip before the body */
	return 0;
}

/* CR and LF in a value would be sent raw and start a new header. */
static bool has_control_bytes(const struct strbuf *text, size_t lines)
{
	size_t ends = 0;
	for (size_t i = 0; i < text->len; i++) {
		unsigned char byte = (unsigned char)text->data[i];
		ends += byte == '\0';
		if ((byte < ' ' && byte != '\t' && byte != '\0') || byte == 0x7f)
			return true;
	}
	return ends != lines;
}

static int link_lines(struct exchange *exchange, struct err *err)
{
	if (exchange->text.failed)
		return err_set(err, ERR_INTERNAL, "the request's headers are too large");
	if (has_control_bytes(&exchange->text, exchange->lines_len))
		return err_set(err, ERR_INTERNAL, "a request header has a control character");
	for (unsigned i = 0; i < exchange->lines_len; i++) {
		exchange->lines[i].data = exchange->text.data + exchange->line_at[i];
		exchange->lines[i].next = i + 1 < exchange->lines_len ? &exchange->lines[i + 1] : NULL;
	}
	return 0;
}

static const char *method_of(const struct job *job)
{
	if (job->handshake && job->handshake->type == VERIFY_CLOUDEVENTS)
		return method_options;
	return job->endpoint->method == METHOD_PUT ? method_put : NULL;
}

/* Of a handle that goes from one endpoint to another; most want what it has. NULL: POST. */
static bool set_method(struct exchange *exchange, const char *method)
{
	if (exchange->method == method)
		return false;
	exchange->method = method;
	return SET(CURLOPT_CUSTOMREQUEST, method);
}

/* A stream that runs out of its time does not end its connection, as that of HTTP/1.1 does: one that nobody acknowledges any more would be
 * used for ever. */
static int limit_silence(void *context, curl_socket_t fd, curlsocktype purpose)
{
	unsigned silence_ms = SILENCE_MS;
	(void)context;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
	return CURL_SOCKOPT_OK;
}

/* Requests to one host share a connection, as streams, where it speaks HTTP/2; so they wait to learn whether it does. A libcurl that was
 * built without goes on with HTTP/1.1. The greatest version of TLS means the same either way, but libcurl does not use a connection again for a
 * request that says it otherwise: one of HTTP/1.1 that is idle would be taken before a new one is made. */
static bool set_version(struct exchange *exchange, bool http2)
{
	if (exchange->http2 == http2)
		return false;
	exchange->http2 = http2;
	if (http2 && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS))
		return false;
	return (!http2 && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)) || SET(CURLOPT_PIPEWAIT, http2 ? 1L : 0L) ||
	       SET(CURLOPT_SOCKOPTFUNCTION, http2 ? limit_silence : NULL) ||
	       SET(CURLOPT_SSLVERSION, http2 ? CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_DEFAULT : (long)CURL_SSLVERSION_TLSv1_2);
}

int exchange_request(struct exchange *exchange, struct prepared *prepared, int timeout_ms, struct err *err)
{
	const struct endpoint *endpoint = exchange->job->endpoint;
	exchange->prepared = prepared;
	if (add_lines(exchange, prepared->signer, err) || link_lines(exchange, err))
		return -1;
	struct slice body = exchange->formatted.body;
	bool failed = false;
	failed |= set_method(exchange, method_of(exchange->job));
	failed |= set_version(exchange, endpoint_http2(endpoint) && endpoint->https);
	/* The text, too, or libcurl would show, and when a request is sent again perhaps use, the one that was set before. */
	failed |= SET(CURLOPT_URL, endpoint->url);
	failed |= SET(CURLOPT_CURLU, prepared->url);
	failed |= SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	failed |= SET(CURLOPT_POSTFIELDS,
	              body.len ? body.at : ""); /* borrowed: the job holds the event, and the exchange what it made, until the end */
	failed |= SET(CURLOPT_HTTPHEADER, exchange->lines);
	failed |= !transport_apply(&exchange->transport, exchange->easy);
	failed |= SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	if (failed)
		return err_set(err, ERR_INTERNAL, "libcurl refused the request");
	exchange->own_tls = endpoint->tls != NULL;
	return endpoint->tls ? access_tls(exchange->access, endpoint->tls, exchange->easy, err) : 0;
}
