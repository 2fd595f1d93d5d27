/* The grammar of a request's head (RFC 9110, 9112). */
#include "http/grammar.h"

#include <string.h>
#include <strings.h>

static const char *const grammar_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

/* The parser has overwritten both bytes of a line's end. */
static bool is_line_end(const char *at)
{
	return at[0] == '\0' && at[1] == '\0';
}

bool grammar_contiguous(const struct http_request *request, const struct grammar_head *head)
{
	const char *at = head->method + strlen(head->method) + 1;
	if (head->target_at != at)
		return false;
	at += head->target.len + 1;
	if (head->version != at)
		return false;
	at += strlen(at);
	if (!is_line_end(at))
		return false;
	at += 2;
	for (unsigned i = 0; i < request->headers_len; i++) {
		const struct http_header *header = &request->headers[i];
		if (header->name.at != at)
			return false;
		at += header->name.len + 1;
		while (*at == ' ' || *at == '\t')
			at++;
		if (header->value.at != at || !is_line_end(at + header->value.len))
			return false;
		at += header->value.len + 2;
	}
	return at + 2 == head->method + head->bytes && is_line_end(at);
}

static bool is_token_byte(char byte)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
	       (byte && strchr(marks, byte));
}

static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_byte(text.at[i]))
			return false;
	return text.len > 0;
}

static bool is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7f;
}

static struct slice trimmed(struct slice text)
{
	while (text.len && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static int check_method(struct slice method, struct err *err)
{
	for (size_t i = 0; i < sizeof grammar_methods / sizeof *grammar_methods; i++)
		if (slice_is(method, grammar_methods[i]))
			return 0;
	if (!is_token(method))
		return err_set(err, ERR_BAD_REQUEST, "the method is malformed");
	return err_set(err, ERR_METHOD, "the method is unknown; accepted: " GRAMMAR_METHODS);
}

static int check_target(const struct grammar_head *head, struct err *err)
{
	if (head->target.len > HTTP_TARGET_MAX)
		return err_set(err, ERR_URI_TOO_LONG, "the request target has %zu bytes; accepted: at most %d", head->target.len,
			       HTTP_TARGET_MAX);
	if (head->target.len == 0 || head->target.at[0] != '/')
		return err_set(err, ERR_BAD_REQUEST, "the request target is not a path; accepted: /path or /path?query");
	for (size_t i = 0; i < head->target.len; i++)
		if (is_control(head->target.at[i]) || head->target.at[i] == ' ' || head->target.at[i] == '#')
			return err_set(err, ERR_BAD_REQUEST, "the request target holds a byte that must be percent-encoded");
	return 0;
}

static int check_headers(struct http_request *request, const struct grammar_head *head, struct err *err)
{
	if (head->headers_seen > HTTP_HEADERS_MAX)
		return err_set(err, ERR_HEADERS_TOO_LARGE, "the request has %zu headers; accepted: at most %d", head->headers_seen,
			       HTTP_HEADERS_MAX);
	if (head->bytes > HTTP_HEAD_MAX)
		return err_set(err, ERR_HEADERS_TOO_LARGE, "the request's head has %zu bytes; accepted: at most %d", head->bytes,
			       HTTP_HEAD_MAX);
	for (unsigned i = 0; i < request->headers_len; i++) {
		struct http_header *header = &request->headers[i];
		if (!is_token(header->name))
			return err_set(err, ERR_BAD_REQUEST, "the name of header %u is malformed", i + 1);
		header->value = trimmed(header->value);
		for (size_t at = 0; at < header->value.len; at++)
			if (is_control(header->value.at[at]) && header->value.at[at] != '\t')
				return err_set(err, ERR_BAD_REQUEST, "the value of header %u holds a control character", i + 1);
	}
	return 0;
}

/* At most once; `value` gets it. */
static int header_once(const struct http_request *request, const char *name, struct slice *value, struct err *err)
{
	size_t len = strlen(name), count = 0;
	*value = (struct slice){NULL, 0};
	for (unsigned i = 0; i < request->headers_len; i++) {
		if (request->headers[i].name.len != len || strncasecmp(request->headers[i].name.at, name, len) != 0)
			continue;
		*value = request->headers[i].value;
		count++;
	}
	return count > 1 ? err_set(err, ERR_BAD_REQUEST, "the header %s is there %zu times; accepted: once", name, count) : 0;
}

static int parse_length(struct slice text, int64_t *length, struct err *err)
{
	int64_t value = 0;
	/* 18 digits cannot overflow. */
	bool good = text.len > 0 && text.len <= 18;
	for (size_t i = 0; good && i < text.len; i++) {
		good = text.at[i] >= '0' && text.at[i] <= '9';
		value = value * 10 + (text.at[i] - '0');
	}
	if (!good)
		return err_set(err, ERR_BAD_REQUEST, "Content-Length is not a number");
	*length = value;
	return 0;
}

static int check_framing(const struct http_request *request, bool http11, struct grammar_framing *framing, struct err *err)
{
	struct slice host, length, encoding, authorization;
	if (header_once(request, "Host", &host, err) || header_once(request, "Authorization", &authorization, err) || header_once(request, "Content-Length", &length, err) ||
	    header_once(request, "Transfer-Encoding", &encoding, err))
		return -1;
	if (http11 && !host.at)
		return err_set(err, ERR_BAD_REQUEST, "the header Host is missing");
	if (encoding.at && length.at)
		return err_set(err, ERR_BAD_REQUEST, "Transfer-Encoding and Content-Length exclude each other");
	if (encoding.at) {
		if (!http11 || encoding.len != strlen("chunked") || strncasecmp(encoding.at, "chunked", encoding.len) != 0)
			return err_set(err, ERR_BAD_REQUEST, "Transfer-Encoding is not understood; accepted: chunked, in HTTP/1.1");
		framing->chunked = true;
	}
	return length.at ? parse_length(length, &framing->length, err) : 0;
}

int grammar_check(struct http_request *request, const struct grammar_head *head, struct grammar_framing *framing, struct err *err)
{
	*framing = (struct grammar_framing){0};
	bool http11 = strcmp(head->version, "HTTP/1.1") == 0;
	if (!http11 && strcmp(head->version, "HTTP/1.0") != 0)
		return err_set(err, ERR_BAD_REQUEST, "the HTTP version is not understood; accepted: HTTP/1.1 and HTTP/1.0");
	if (check_target(head, err) || check_headers(request, head, err) || check_framing(request, http11, framing, err))
		return -1;
	return check_method(request->method, err);
}

bool grammar_expect(const struct http_request *request, struct grammar_framing *framing)
{
	struct slice expect = http_header(request, "Expect");
	framing->expects_continue = expect.len == strlen("100-continue") && strncasecmp(expect.at, "100-continue", expect.len) == 0;
	return !expect.at || framing->expects_continue;
}
