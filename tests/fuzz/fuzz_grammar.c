/* Fuzz target: the grammar of a request's head. An input is a head as it comes from the network. It is taken apart in place and generously, as
 * libmicrohttpd does it: lines end at a bare LF, too, a NUL cuts what it stands in, a line that begins with a blank joins the one before.
 * What the guard then lets through must be, byte for byte, a head that only one reading is possible of: that is looked at here once more, by a
 * walk over the bytes that knows nothing of how they were taken apart. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/grammar.h"

const char fuzz_corpus[] = "grammar-corpus";

const char *const fuzz_words[] = {
    "GET", "POST", "OPTIONS", "BREW", " /in/x", " /", "*", "http://x/", "?a=b", "#", " HTTP/1.1", " HTTP/1.0", " HTTP/1.2", "\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\r\n\r\n", ": ", ":",
    " :", "\t", "Host: x\r\n", "Host", "Content-Length: 4\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding:\tchunked", "Transfer-Encoding : chunked\r\n",
    "transfer-encoding: xchunked\r\n", "chunked, identity", "gzip", "Authorization: Bearer gk_x\r\n", "Expect: 100-continue\r\n", "X: y\r\n", "X(: y\r\n", "-1", "+1", "0x10",
    "99999999999999999999", "000000000000000004", "4, 4", "\x7f", "\x01", "\xc3\xa9", "", NULL,
};

static void demand(bool fine, const char *what)
{
	if (!fine) {
		fprintf(stderr, "fuzz_grammar: %s\n", what);
		abort();
	}
}

/* ---- Generously ---------------------------------------------------------------------------------------------------------- */

struct reader {
	char *at, *end;
	struct http_request request;
	struct grammar_head head;
	char target[1 << 16];
};

/* The next line, ended in place; NULL: it is not whole. */
static char *next_line(struct reader *reader)
{
	char *line = reader->at, *end = memchr(line, '\n', (size_t)(reader->end - line));
	if (!end)
		return NULL;
	reader->at = end + 1;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

static bool read_request_line(struct reader *reader)
{
	char *line = next_line(reader);
	while (line && !*line)
		line = next_line(reader);
	char *target = line ? strchr(line, ' ') : NULL;
	if (!target)
		return false;
	*target++ = '\0';
	while (*target == ' ')
		target++;
	char *version = strrchr(target, ' ');
	if (!version)
		return false;
	*version++ = '\0';
	size_t len = strlen(target);
	memcpy(reader->target, target, len);
	reader->head = (struct grammar_head){.method = line, .target_at = target, .target = {len <= HTTP_TARGET_MAX ? reader->target : NULL, len}, .version = version};
	reader->request.method = slice_of(line);
	return true;
}

static bool read_headers(struct reader *reader)
{
	struct http_request *request = &reader->request;
	char *line;
	while ((line = next_line(reader)) && *line) {
		if (*line == ' ' || *line == '\t') /* what the library does with it is to copy it away */
			return false;
		char *colon = strchr(line, ':');
		if (!colon)
			return false;
		char *value = colon + 1;
		*colon = '\0';
		while (*value == ' ' || *value == '\t')
			value++;
		if (reader->head.headers_seen++ < HTTP_HEADERS_MAX)
			request->headers[request->headers_len++] = (struct http_header){slice_of(line), slice_of(value)};
	}
	reader->head.bytes = (size_t)(reader->at - reader->head.method);
	return line != NULL;
}

/* ---- Strictly ------------------------------------------------------------------------------------------------------------ */

struct strict {
	unsigned hosts, lengths, encodings, authorizations;
	int64_t length;
	bool http11, chunked;
};

static bool token(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", at[i]) || !at[i])
			return false;
	return len > 0;
}

static bool is_name(const char *at, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(at, name, len) == 0;
}

static void strict_header(const char *line, size_t len, struct strict *strict)
{
	const char *colon = memchr(line, ':', len);
	demand(colon && token(line, (size_t)(colon - line)), "a header's name");
	size_t name_len = (size_t)(colon - line), value_len = len - name_len - 1;
	const char *value = colon + 1;
	for (size_t i = 0; i < value_len; i++)
		demand((unsigned char)value[i] >= ' ' ? value[i] != 0x7f : value[i] == '\t', "a control character in a value");
	while (value_len && (*value == ' ' || *value == '\t'))
		value++, value_len--;
	while (value_len && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	strict->hosts += is_name(line, name_len, "host");
	strict->authorizations += is_name(line, name_len, "authorization");
	if (is_name(line, name_len, "transfer-encoding")) {
		strict->encodings++;
		strict->chunked = is_name(value, value_len, "chunked");
		demand(strict->chunked, "a coding that is not chunked");
	}
	if (is_name(line, name_len, "content-length")) {
		strict->lengths++;
		demand(value_len > 0 && value_len <= 18 && strspn(value, "0123456789") >= value_len, "a length that is no number");
		strict->length = strtoll(value, NULL, 10);
	}
}

static void strict_request_line(const char *line, size_t len, struct strict *strict)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	const char *space = memchr(line, ' ', len);
	bool known = false;
	for (size_t i = 0; space && i < sizeof methods / sizeof *methods; i++)
		known = known || ((size_t)(space - line) == strlen(methods[i]) && memcmp(line, methods[i], strlen(methods[i])) == 0);
	demand(known, "a method that is not served");
	const char *target = space + 1, *end = memchr(target, ' ', len - (size_t)(target - line));
	demand(end && *target == '/', "a target that is no path");
	demand(end - target <= HTTP_TARGET_MAX, "a target that is too long");
	for (const char *at = target; at < end; at++)
		demand((unsigned char)*at > ' ' && *at != 0x7f && *at != '#', "a byte in the target");
	const char *version = end + 1;
	size_t version_len = len - (size_t)(version - line);
	demand(version_len == 8 && memcmp(version, "HTTP/1.", 7) == 0 && (version[7] == '1' || version[7] == '0'), "a version");
	strict->http11 = version[7] == '1';
}

/* A NUL and a bare LF take as many bytes as CRLF and leave the same zeros: in the parser's own buffer nobody can tell them apart (SECURITY.md). So a
 * line's end (or the last one with the empty line) may be any NUL, CR and LF, as long as it has a NUL, ends in LF and has the right length. */
static void strict_line_ends(char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t run = 0;
		while (at + run < len && memchr("\0\r\n", bytes[at + run], 3))
			run++;
		bool odd = run && memchr(bytes + at, '\0', run) && bytes[at + run - 1] == '\n';
		if (odd && (run == 2 || (run == 4 && at + run == len)))
			memcpy(bytes + at, "\r\n\r\n", run);
		at += run ? run : 1;
	}
}

static void strict_head(const char *head, size_t len, const struct grammar_framing *framing)
{
	static char copy[1 << 16];
	struct strict strict = {0};
	const char *at = copy, *end = copy + len;
	unsigned lines = 0;
	memcpy(copy, head, len);
	strict_line_ends(copy, len);
	demand(len <= HTTP_HEAD_MAX, "a head that is too long");
	for (;; lines++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		demand(stop && stop > at && stop[-1] == '\r', "a line that does not end in CRLF");
		size_t line_len = (size_t)(stop - at) - 1;
		demand(!memchr(at, '\0', line_len) && !memchr(at, '\r', line_len), "a NUL or a CR in a line");
		if (line_len == 0) {
			demand(stop + 1 == end, "something behind the empty line");
			break;
		}
		if (lines == 0)
			strict_request_line(at, line_len, &strict);
		else
			strict_header(at, line_len, &strict);
		at = stop + 1;
	}
	demand(lines > 0 && lines - 1 <= HTTP_HEADERS_MAX, "too many headers");
	demand(strict.hosts <= 1 && strict.authorizations <= 1 && strict.lengths <= 1 && strict.encodings <= 1, "a header that is there twice");
	demand(strict.hosts == 1 || !strict.http11, "no Host");
	demand(!(strict.lengths && strict.encodings) && !(strict.encodings && !strict.http11), "two framings");
	demand(framing->chunked == strict.chunked && framing->length == strict.length, "another framing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct reader reader;
	struct grammar_framing framing;
	struct err err = {0};
	if (len == 0 || len >= sizeof reader.target)
		return 0;
	/* The bytes alone on the heap, so that a sanitizer sees a step outside. */
	char *bytes = malloc(len);
	if (!bytes)
		abort();
	memcpy(bytes, data, len);
	reader.at = bytes;
	reader.end = bytes + len;
	reader.request = (struct http_request){.headers_len = 0};
	reader.head = (struct grammar_head){.method = NULL};
	if (read_request_line(&reader) && read_headers(&reader)) {
		bool many = reader.head.headers_seen > HTTP_HEADERS_MAX;
		if ((many || grammar_contiguous(&reader.request, &reader.head)) && grammar_check(&reader.request, &reader.head, &framing, &err) == 0)
			strict_head((const char *)data + (reader.head.method - bytes), reader.head.bytes, &framing);
		else
			demand(err.code == ERR_NONE || err.detail[0], "a refusal without a reason");
	}
	free(bytes);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
void fuzz_seeds(void (*take)(const char *input, size_t len))
{
	static const char *const heads[] = {
	    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Type: application/json\r\nAuthorization: Bearer gk_x\r\n\r\n",
	    "POST /in/x?a=b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "GET /healthz HTTP/1.0\r\n\r\n",
	    "\r\nGET / HTTP/1.1\r\nhost:x\r\nX-Empty:\r\nX-Blank:   \r\n\r\n",
	};
	unsigned taken = 0;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		take(heads[i], strlen(heads[i]));
		taken++;
	}
	demand(taken == sizeof heads / sizeof *heads, "seeds");
}
#endif
