/* Reading requests, and refusing them. */
#include "scheme/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/codec.h"

int refuse(struct scheme_result *result, enum rejection_reason reason, const char *why, ...)
{
	va_list arguments;

	result->verdict = SCHEME_REFUSED;
	result->reason = reason;
	va_start(arguments, why);
	vsnprintf(result->why, sizeof result->why, why, arguments);
	va_end(arguments);
	return -1;
}

int refuse_unfit(struct scheme_result *result, const struct scheme_source *source, const char *header, const char *what)
{
	if (source->secrets_len == 1)
		return refuse(result, REJECTION_BAD_SIGNATURE, "%s does not fit the %s", header, what);
	return refuse(result, REJECTION_BAD_SIGNATURE, "%s fits none of the %zu %ss", header, source->secrets_len, what);
}

void answer_with(struct scheme_result *result, const char *content_type, struct slice body)
{
	result->verdict = SCHEME_ANSWERED;
	result->reply.status = 200;
	result->reply.content_type = content_type;
	strbuf_clear(&result->reply.body);
	strbuf_slice(&result->reply.body, body);
	/* What is echoed came from outside: no browser is to take it for a page. */
	if (content_type)
		answer_header(result, "X-Content-Type-Options", SLICE_LITERAL("nosniff"));
}

void answer_header(struct scheme_result *result, const char *name, struct slice value)
{
	struct scheme_reply *reply = &result->reply;

	if (reply->headers_len == sizeof reply->headers / sizeof *reply->headers || value.len >= sizeof reply->headers[0].value)
		return;
	reply->headers[reply->headers_len].name = name;
	snprintf(reply->headers[reply->headers_len++].value, sizeof reply->headers[0].value, "%.*s", (int)value.len, value.at);
}

bool echo_good(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < ' ' || text.at[i] > '~')
			return false;
	}
	return text.len > 0 && text.len <= 1024;
}

/* ---- Headers ---- */

static bool named(const struct scheme_header *header, const char *name, size_t len)
{
	return header->name.len == len && strncasecmp(header->name.at, name, len) == 0;
}

struct slice header_value(const struct scheme_request *request, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < request->headers_len; i++) {
		if (named(&request->headers[i], name, len))
			return request->headers[i].value;
	}
	return (struct slice){NULL, 0};
}

int header_one(const struct scheme_request *request, const char *name, struct slice *value, struct scheme_result *result)
{
	const struct scheme_header *found = NULL;
	size_t len = strlen(name);

	for (size_t i = 0; i < request->headers_len; i++) {
		if (!named(&request->headers[i], name, len))
			continue;
		if (found)
			return refuse(result, REJECTION_MALFORMED, "the header %s is there twice", name);
		found = &request->headers[i];
	}
	if (!found)
		return refuse(result, REJECTION_MISSING_HEADER, "the header %s is missing", name);
	if (found->value.len == 0)
		return refuse(result, REJECTION_MISSING_HEADER, "the header %s is empty", name);
	*value = found->value;
	return 0;
}

int body_bounded(const struct scheme_request *request, size_t max_bytes, struct scheme_result *result)
{
	if (request->body.len > max_bytes)
		return refuse(result, REJECTION_TOO_LARGE, "the body has %zu bytes; the provider sends %zu at most", request->body.len, max_bytes);
	return 0;
}

bool method_is(const struct scheme_request *request, const char *method)
{
	return slice_is(request->method, method);
}

/* ---- Forms and queries ---- */

bool form_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->len > 0) {
		const char *end = memchr(rest->at, '&', rest->len);
		size_t len = end ? (size_t)(end - rest->at) : rest->len;
		struct slice pair = {rest->at, len};
		size_t used = end ? len + 1 : len;
		*rest = (struct slice){rest->at + used, rest->len - used};
		if (pair.len == 0)
			continue;
		const char *equals = memchr(pair.at, '=', pair.len);
		size_t name_len = equals ? (size_t)(equals - pair.at) : pair.len;
		*name = (struct slice){pair.at, name_len};
		*value = equals ? (struct slice){equals + 1, pair.len - name_len - 1} : (struct slice){pair.at + pair.len, 0};
		return true;
	}
	return false;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

void form_decode(struct slice raw, struct strbuf *out)
{
	for (size_t i = 0; i < raw.len; i++) {
		int high = -1, low = -1;
		if (raw.at[i] == '%' && raw.len - i > 2) {
			high = hex_value(raw.at[i + 1]);
			low = hex_value(raw.at[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			strbuf_putc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			strbuf_putc(out, raw.at[i] == '+' ? ' ' : raw.at[i]);
		}
	}
}

void form_encode(struct slice text, struct strbuf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
			strbuf_putc(out, (char)c);
		else
			strbuf_printf(out, "%%%02X", c);
	}
}

bool form_value(struct slice form, const char *name, struct strbuf *out)
{
	struct slice raw_name, raw_value;
	bool found = false;

	while (!found && form_next(&form, &raw_name, &raw_value)) {
		struct strbuf decoded = STRBUF_INIT(256);
		form_decode(raw_name, &decoded);
		found = !decoded.failed && strlen(strbuf_text(&decoded)) == decoded.len && strcmp(strbuf_text(&decoded), name) == 0;
		strbuf_free(&decoded);
	}
	if (found)
		form_decode(raw_value, out);
	return found;
}

bool body_is_form(const struct scheme_request *request)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct slice type = header_value(request, "content-type");
	size_t len = sizeof form - 1;
	return type.len >= len && strncasecmp(type.at, form, len) == 0 && (type.len == len || strchr("; \t", type.at[len]));
}

void request_url(const struct scheme_source *source, const struct scheme_request *request, struct strbuf *out)
{
	if (source->public_url.len > 0) {
		strbuf_slice(out, source->public_url);
		return;
	}
	strbuf_puts(out, "https://");
	strbuf_slice(out, header_value(request, "host"));
	strbuf_slice(out, request->path);
}

/* ---- Timestamps ---- */

int time_parse(struct slice text, enum time_unit unit, int64_t *ms)
{
	int64_t value = 0;

	if (unit == TIME_RFC3339)
		return clock_parse_rfc3339(text, ms);
	if (text.len < 1 || text.len > 15)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		value = value * 10 + (text.at[i] - '0');
	}
	*ms = unit == TIME_SECONDS ? value * 1000 : value;
	return 0;
}

int time_check(const struct scheme_source *source, const struct scheme_request *request, int64_t ms, enum time_unit unit, bool past_only,
               struct scheme_result *result)
{
	int64_t now_ms = unit == TIME_SECONDS ? request->now_ms / 1000 * 1000 : request->now_ms;
	int64_t age_ms = now_ms - ms;

	if (request->ignore_age)
		return 0;
	if (age_ms > source->tolerance_s * 1000)
		return refuse(result, REJECTION_STALE_TIMESTAMP, "the timestamp is %" PRId64 " s old; the tolerance is %" PRId64 " s",
		              (age_ms + 999) / 1000, source->tolerance_s);
	if (-age_ms > source->tolerance_s * 1000 && !past_only)
		return refuse(result, REJECTION_STALE_TIMESTAMP,
		              "the timestamp lies %" PRId64 " s in the future; the tolerance is %" PRId64 " s: is the clock right?",
		              (-age_ms + 999) / 1000, source->tolerance_s);
	return 0;
}

int time_check_text(const struct scheme_source *source, const struct scheme_request *request, struct slice text, enum time_unit unit,
                    bool past_only, struct scheme_result *result)
{
	static const char *const forms[] = {"whole seconds", "whole milliseconds", "an RFC 3339 time"};
	int64_t ms;

	if (time_parse(text, unit, &ms))
		return refuse(result, REJECTION_MALFORMED, "the timestamp is not %s", forms[unit]);
	return time_check(source, request, ms, unit, past_only, result);
}

void time_put(int64_t now_ms, enum time_unit unit, struct strbuf *out)
{
	char text[CLOCK_RFC3339_SIZE];

	if (unit == TIME_RFC3339) {
		clock_format_rfc3339(now_ms, text);
		strbuf_puts(out, text);
	} else {
		strbuf_printf(out, "%" PRId64, unit == TIME_SECONDS ? now_ms / 1000 : now_ms);
	}
}

/* ---- Secrets and settings ---- */

bool same_secret(struct slice a, struct slice b)
{
	return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.at, b.at, a.len) == 0;
}

int secret_equal(const struct scheme_source *source, struct slice given, const char *what, struct scheme_result *result)
{
	int found = -1;

	for (size_t i = 0; i < source->secrets_len; i++) {
		if (same_secret(source->secrets[i], given) && found < 0)
			found = (int)i;
	}
	if (found < 0)
		return refuse(result, REJECTION_BAD_SIGNATURE, "%s does not equal the secret", what);
	result->secret_index = found;
	return 0;
}

struct slice setting_text(const struct scheme_source *source, const char *name, const char *preset)
{
	const json_t *value = json_object_get(source->settings, name);
	if (json_is_string(value))
		return (struct slice){json_string_value(value), json_string_length(value)};
	return slice_of(preset);
}

bool setting_is_true(const struct scheme_source *source, const char *name)
{
	return json_is_true(json_object_get(source->settings, name));
}

int made_header(struct scheme_signed *made, const char *name, struct slice value, struct err *err)
{
	if (made->headers_len == SCHEME_SIGNED_HEADERS_MAX || strlen(name) >= sizeof made->headers[0].name ||
	    value.len >= sizeof made->headers[0].value)
		return err_set(err, ERR_INTERNAL, "the header %s does not fit into the request", name);
	snprintf(made->headers[made->headers_len].name, sizeof made->headers[0].name, "%s", name);
	snprintf(made->headers[made->headers_len++].value, sizeof made->headers[0].value, "%.*s", (int)value.len, value.at);
	return 0;
}
