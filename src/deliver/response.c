/* The answer: capped while it comes, and what it means in the end. Once all headers of a final answer are in, the status alone
 * decides: whatever happens to the body afterwards, a 2xx is delivered. */
#include "deliver/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static bool is_success(int status)
{
	return status >= 200 && status < 300;
}

/* ---- while it comes ---- */

/* RFC 9112, 4: "HTTP/1.1 200 …", and "HTTP/2 200 " as curl writes it. Of a line that only begins so curl says that it was a 200. */
static bool is_status_line(struct slice line)
{
	static const char *const forms[] = {"HTTP/1.# ### ", "HTTP/1.# ###\r", "HTTP/1.# ###\n", "HTTP/2 ### ", "HTTP/2 ###\r"};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t at = 0, len = strlen(forms[i]);
		while (at < len && at < line.len && (forms[i][at] == '#' ? line.at[at] >= '0' && line.at[at] <= '9' : line.at[at] == forms[i][at]))
			at++;
		if (at == len)
			return true;
	}
	return false;
}

size_t exchange_header(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t len = size * count;
	exchange->header_bytes += len;
	if (exchange->header_bytes > EXCHANGE_HEADER_BYTES_MAX) {
		exchange->headers_too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (exchange->status == 0 && !exchange->in_head && !is_status_line((struct slice){bytes, len})) {
		exchange->bad_status_line = true;
		return CURL_WRITEFUNC_ERROR;
	}
	bool blank = len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
	long status = 0;
	if (blank && curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200)
		exchange->status = (int)status;
	exchange->in_head = !blank;
	return len;
}

size_t exchange_body(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t len = size * count;
	size_t room = EXCHANGE_CAPTURE_MAX - exchange->body.len;
	bool test = exchange->job && delivery_round_tests(exchange->job->outcome.due.round);
	if (!is_success(exchange->status) || test || exchange->config->capture_success)
		strbuf_append(&exchange->body, bytes, len < room ? len : room);
	exchange->body_bytes += len;
	return exchange->body_bytes > EXCHANGE_BODY_BYTES_MAX ? CURL_WRITEFUNC_ERROR : len;
}

/* Chunk extensions are shown to nobody, and may be endless: libcurl reads up to 400 KB of them at a time. An answer that goes on and on without a
 * byte of its body has said what it had to say. Not of HTTP/2, where other streams of the connection are read meanwhile. */
int exchange_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct exchange *exchange = context;
	long version = 0;
	(void)total, (void)now, (void)up_total, (void)up_now;
	if (exchange->status == 0)
		return 0;
	exchange->barren_reads = exchange->body_bytes == exchange->body_bytes_before ? exchange->barren_reads + 1 : 0;
	exchange->body_bytes_before = exchange->body_bytes;
	return exchange->barren_reads > EXCHANGE_BARREN_READS_MAX &&
	       curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK && version <= CURL_HTTP_VERSION_1_1;
}

/* ---- what is kept ---- */

/* An endpoint may answer with what it was sent. Whatever looks like a signature or a secret is taken out, also when it is escaped for
 * JSON or a URL. */
static const struct {
	const char *text;
	size_t len;
} secret_marks[] = {{"v1,", 3}, {"v1%2C", 5}, {"v1%2c", 5}, {"v1a,", 4}, {"v1a%2C", 6}, {"v1a%2c", 6}, {"whsec_", 6}};

enum { SECRET_RUN_MIN = 20 };

static size_t secret_run(const char *at, size_t len)
{
	size_t run = 0;
	while (run < len && at[run] &&
	       (strchr("+/=_-\\%", at[run]) || (at[run] >= '0' && at[run] <= '9') || (at[run] >= 'a' && at[run] <= 'z') ||
	        (at[run] >= 'A' && at[run] <= 'Z')))
		run++;
	return run;
}

/* The length of a secret at the start of the bytes and of its mark; 0: there is none. */
static size_t secret_len(const char *at, size_t len, size_t *mark_len)
{
	for (size_t i = 0; i < sizeof secret_marks / sizeof *secret_marks; i++) {
		*mark_len = secret_marks[i].len;
		if (len < *mark_len || memcmp(at, secret_marks[i].text, *mark_len) != 0)
			continue;
		size_t run = secret_run(at + *mark_len, len - *mark_len);
		return run >= SECRET_RUN_MIN ? *mark_len + run : 0;
	}
	return 0;
}

/* One character of the bytes as it was before it was escaped for JSON ("\/") or a URL ("%2B"); its length there. */
static size_t plain_char(const char *at, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *high = len > 2 && at[0] == '%' && at[1] ? strchr(digits, at[1]) : NULL;
	const char *low = high && at[2] ? strchr(digits, at[2]) : NULL;
	bool escaped = len > 1 && at[0] == '\\';
	*out = at[escaped];
	if (low)
		*out = (char)((high - digits) % 16 * 16 + (low - digits) % 16);
	return low ? 3 : escaped ? 2 : 1;
}

/* A legacy signature has no mark, but it is known. 0: it is not here. */
static size_t legacy_len(const char *at, size_t len, const char *legacy)
{
	size_t used = 0;
	for (; *legacy; legacy++) {
		char plain;
		size_t taken = used < len ? plain_char(at + used, len - used, &plain) : 0;
		if (taken == 0 || plain != *legacy)
			return 0;
		used += taken;
	}
	return used;
}

static void redact(struct slice from, const char *legacy, struct strbuf *to)
{
	for (size_t at = 0; at < from.len;) {
		size_t mark_len = 0;
		size_t secret = legacy ? legacy_len(from.at + at, from.len - at, legacy) : 0;
		if (secret == 0)
			secret = secret_len(from.at + at, from.len - at, &mark_len);
		strbuf_append(to, from.at + at, secret ? mark_len : 1);
		if (secret)
			strbuf_puts(to, "[redacted]");
		at += secret ? secret : 1;
	}
}

/* Without memory for it the outcome just has no response. */
static void keep_response(struct exchange *exchange, struct outcome *outcome)
{
	struct strbuf kept = STRBUF_INIT(2 * EXCHANGE_CAPTURE_MAX), shown = STRBUF_INIT(4 * EXCHANGE_CAPTURE_MAX);
	const char *legacy = exchange->legacy_at ? exchange->text.data + exchange->legacy_at : NULL;
	struct slice body = {strbuf_text(&exchange->body), exchange->body.len};
	if (exchange->access) {
		access_redact(exchange->access, exchange->token, body, &shown);
		body = (struct slice){strbuf_text(&shown), shown.len};
	}
	redact(body, legacy, &kept);
	strbuf_free(&shown);
	size_t len;
	char *response = strbuf_steal(&kept, &len);
	outcome->response = response;
	outcome->response_len = !response ? 0 : len < DELIVERY_RESPONSE_MAX ? len : DELIVERY_RESPONSE_MAX;
	strbuf_free(&kept);
}

/* ---- what it means ---- */

static const struct {
	CURLcode code;
	enum attempt_failure failure;
} failures[] = {
    {CURLE_OPERATION_TIMEDOUT, FAILURE_TIMEOUT},
    {CURLE_COULDNT_RESOLVE_HOST, FAILURE_DNS},
    {CURLE_ABORTED_BY_CALLBACK, FAILURE_ADDRESS_DENIED},
    {CURLE_GOT_NOTHING, FAILURE_RESET},
    {CURLE_SEND_ERROR, FAILURE_RESET},
    {CURLE_RECV_ERROR, FAILURE_RESET},
    {CURLE_PARTIAL_FILE, FAILURE_RESET},
    {CURLE_WEIRD_SERVER_REPLY, FAILURE_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, FAILURE_PROTOCOL}, /* so it calls a bad status line */
    {CURLE_WRITE_ERROR, FAILURE_PROTOCOL},
    {CURLE_HTTP2, FAILURE_PROTOCOL},
    {CURLE_HTTP2_STREAM, FAILURE_RESET},
};

static enum attempt_failure failure_of_code(CURLcode code)
{
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].code == code)
			return failures[i].failure;
	}
	return FAILURE_INTERNAL;
}

static bool request_was_sent(const struct exchange *exchange)
{
	curl_off_t sent_us = 0;
	return curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us) == CURLE_OK && sent_us > 0;
}

void exchange_set_failure(struct outcome *outcome, enum attempt_failure failure, const char *detail)
{
	size_t len = strnlen(detail, sizeof outcome->detail - 1);
	for (size_t i = 0; i < len; i++)
		outcome->detail[i] = (char)(detail[i] >= ' ' && detail[i] <= '~' ? detail[i] : '?');
	outcome->detail[len] = '\0';
	outcome->failure = failure;
	outcome->status = 0;
}

/* The exchange ended before a final answer. */
static void judge_broken(struct exchange *exchange, CURLcode code, struct outcome *outcome)
{
	const struct transport *transport = &exchange->transport;
	const char *message = exchange->error[0] ? exchange->error : curl_easy_strerror(code);
	enum attempt_failure way = code == CURLE_OK ? FAILURE_NONE : transport_failure(transport, exchange->easy, code, message);
	if (way != FAILURE_NONE) {
		exchange_set_failure(outcome, way,
		                     transport->denied[0]    ? transport->denied
		                     : transport->unbound[0] ? transport->unbound
		                                             : message);
	} else if (exchange->headers_too_large || (code == CURLE_OUT_OF_MEMORY && request_was_sent(exchange))) {
		/* Of a line over 100 KB curl says that it is out of memory. */
		exchange_set_failure(outcome, FAILURE_TOO_LARGE, "the answer's headers are larger than 64 KiB");
	} else if (exchange->bad_status_line) {
		exchange_set_failure(outcome, FAILURE_PROTOCOL, "the answer's first line is not one of HTTP");
	} else if (code != CURLE_OK) {
		exchange_set_failure(outcome, failure_of_code(code), message);
	} else {
		long status = 0;
		(void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status >= 200)
			exchange_set_failure(outcome, FAILURE_RESET, "the connection ended in the answer's headers");
		else
			exchange_set_failure(outcome, FAILURE_PROTOCOL, "no final answer came");
	}
}

static int64_t retry_after_ms(const struct exchange *exchange, int64_t now_ms)
{
	struct curl_header *header;
	if (curl_easy_header(exchange->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return -1;
	return retry_after_parse(slice_of(header->value), now_ms);
}

bool exchange_lacked_socket(const struct exchange *exchange)
{
	return exchange->transport.out_of_sockets && exchange->status == 0 && !exchange->transport.denied[0];
}

int64_t exchange_result(struct exchange *exchange, CURLcode code, struct outcome *outcome, int64_t now_ms)
{
	int status = exchange->status;
	if (status > 0)
		tls_note_answered(exchange->transport.tls);
	outcome->status = status;
	outcome->failure = FAILURE_NONE;
	outcome->detail[0] = '\0';
	if (status == 0) {
		judge_broken(exchange, code, outcome);
		return -1;
	}
	if (exchange->body.len > 0)
		keep_response(exchange, outcome);
	if (is_success(status))
		return -1;
	bool redirect = status >= 300 && status < 400;
	outcome->failure = redirect ? FAILURE_REDIRECT : FAILURE_STATUS;
	snprintf(outcome->detail, sizeof outcome->detail, redirect ? "answered %d; redirects are not followed" : "answered %d", status);
	return retry_after_ms(exchange, now_ms);
}
