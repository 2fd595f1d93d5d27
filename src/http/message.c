/* Requests and responses: looking up headers and query parameters, percent decoding. */
#include "http/message.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/log.h"

void http_request_number(struct http_request *request)
{
	/* Drawing them one by one would cost each request a system call. */
	static _Thread_local int64_t drawn[32];
	static _Thread_local unsigned left;
	if (left == 0) {
		codec_random((uint8_t *)drawn, sizeof drawn);
		left = sizeof drawn / sizeof *drawn;
	}
	request->number = drawn[--left];
	id_request_format(request->number, request->id);
}

struct slice http_header(const struct http_request *request, const char *name)
{
	size_t len = strlen(name);
	for (unsigned i = 0; i < request->headers_len; i++) {
		const struct http_header *header = &request->headers[i];
		if (header->name.len == len && strncasecmp(header->name.at, name, len) == 0)
			return header->value;
	}
	return (struct slice){NULL, 0};
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* A byte of `refused`, or a NUL, in the decoded text is an error. */
static int decode(struct slice encoded, bool plus_is_space, const char *refused, struct strbuf *out)
{
	for (size_t i = 0; i < encoded.len; i++) {
		char byte = encoded.at[i];
		if (byte == '%') {
			int high = i + 2 < encoded.len ? hex_digit(encoded.at[i + 1]) : -1;
			int low = i + 2 < encoded.len ? hex_digit(encoded.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			byte = (char)(high * 16 + low);
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		/* strchr finds the terminator, too: NUL is always refused. */
		if (strchr(refused, byte))
			return -1;
		strbuf_putc(out, byte);
	}
	return out->failed ? -1 : 0;
}

int http_decode(struct slice encoded, struct strbuf *out)
{
	return decode(encoded, false, "", out);
}

int http_decode_slashes(struct slice encoded, struct strbuf *out)
{
	return decode(encoded, false, "", out);
}

/* The next "name" or "name=value" of a query; false at its end. Empty parts ("a=1&&b=2") are passed over. */
static bool query_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->len) {
		const char *end = memchr(rest->at, '&', rest->len);
		struct slice part = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
		size_t used = end ? part.len + 1 : part.len;
		rest->at += used;
		rest->len -= used;
		if (part.len == 0)
			continue;
		const char *equals = memchr(part.at, '=', part.len);
		name->at = part.at;
		name->len = equals ? (size_t)(equals - part.at) : part.len;
		value->at = equals ? equals + 1 : part.at + part.len;
		value->len = equals ? part.len - name->len - 1 : 0;
		return true;
	}
	return false;
}

int http_query(const struct http_request *request, const char *name, struct strbuf *out)
{
	struct slice rest = request->query, each, value, found = {NULL, 0};
	strbuf_clear(out);
	while (query_next(&rest, &each, &value)) {
		if (!slice_is(each, name))
			continue;
		if (found.at)
			return -1;
		found = value;
	}
	if (!found.at)
		return 0;
	return decode(found, true, "", out) ? -1 : 1;
}

void http_query_each(const struct http_request *request, void (*visit)(void *context, struct slice name), void *context)
{
	struct slice rest = request->query, name, value;
	while (query_next(&rest, &name, &value))
		visit(context, name);
}

void http_response_header(struct http_response *response, const char *name, const char *value)
{
	unsigned i = 0;
	while (i < response->headers_len && strcasecmp(response->headers[i].name, name) != 0)
		i++;
	if (i == HTTP_RESPONSE_HEADERS_MAX || strlen(value) >= sizeof response->headers[i].value) {
		log_error("http", "a response header was left out: there is no room for %s", name);
		return;
	}
	response->headers[i].name = name;
	snprintf(response->headers[i].value, sizeof response->headers[i].value, "%s", value);
	if (i == response->headers_len)
		response->headers_len++;
}

void http_response_free(struct http_response *response)
{
	strbuf_free(&response->body);
	if (response->stream)
		response->stream->end(response->stream);
	response->stream = NULL;
	response->status = 0;
	response->content_type = NULL;
	response->headers_len = 0;
	response->close = false;
}
