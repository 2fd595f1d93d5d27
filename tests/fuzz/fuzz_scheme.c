/* Fuzz target: the verification of incoming requests, of every scheme. An input is
 *     scheme
 *     METHOD path?query
 *     Name: value      (any number)
 *                      (an empty line)
 *     body
 * Whatever comes, the verdict keeps what scheme.h promises. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "scheme_world.h"

const char fuzz_corpus[] = "scheme-corpus";

const char *const fuzz_words[] = {
    "v1=", "v1,", "v0=", "t=", "ts=", "h1=", "sha256=", "sha1=", "v1a,", ",", ";", " ", "=", "==", "%", "%00", "%zz", "+", "&", "&&", "?", "#", "@", "\r\n",
    "-1", "1700000000", "1700000000000", "1e9", "17000.5", "9999999999999999999999", "0x10", "2023-11-14T22:13:20Z", "{", "}", "[", "]", "\"", "\\u0000",
    "\\ud800", "null", "\"type\":", "\"id\":", "\"challenge\":", "\"signature\":", "\"value\":", "\"notificationItems\":", "Bearer ", "Basic ", "https://",
    "amazonaws.com", "GET", "OPTIONS", "HEAD", "application/x-www-form-urlencoded", "\n\n", ":", "", "AAAA", "\xff\xfe", "\xc3", NULL,
};

static void demand(bool fine, const char *what, const struct scheme *scheme)
{
	if (!fine) {
		fprintf(stderr, "fuzz_scheme: %s: %s\n", scheme->name, what);
		abort();
	}
}

static void check_accepted(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_result *result)
{
	demand(event_type_check((struct slice){strbuf_text(&result->type), result->type.len}, "/", NULL) == 0, "a type that is none", scheme);
	demand(result->dedupe.len <= SCHEME_DEDUPE_MAX, "a key that is too long", scheme);
	for (size_t i = 0; i < result->dedupe.len; i++)
		demand(result->dedupe.data[i] > ' ' && result->dedupe.data[i] <= '~', "a key with strange bytes", scheme);
	demand(result->secret_index < (int)source->secrets_len, "a secret that is not there", scheme);
	demand(result->secret_index >= 0 || scheme->secret == SCHEME_SECRET_NONE, "accepted without a secret", scheme);
}

static void check(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_result *result)
{
	switch (result->verdict) {
	case SCHEME_ACCEPTED:
		check_accepted(scheme, source, result);
		break;
	case SCHEME_ANSWERED:
		demand(result->reply.status >= 200 && result->reply.status < 300, "an answer without a status", scheme);
		demand(result->keep_secret.len == 0 || source->secrets_len == 0, "a secret was replaced", scheme);
		for (unsigned i = 0; i < result->reply.headers_len; i++)
			demand(!strpbrk(result->reply.headers[i].value, "\r\n"), "a header that breaks", scheme);
		break;
	case SCHEME_REFUSED:
		demand(result->why[0] && memchr(result->why, 0, sizeof result->why), "a refusal without a why", scheme);
		for (size_t i = 0; i < source->secrets_len; i++)
			demand(!strstr(result->why, source->secrets[i].at), "a refusal that tells the secret", scheme);
		break;
	case SCHEME_CERTIFICATE:
		demand(result->certificate_url.len > 8 && memcmp(result->certificate_url.data, "https://", 8) == 0, "a strange certificate", scheme);
		break;
	}
}

/* The bytes alone on the heap, so that a sanitizer sees a step outside. */
static struct slice alone(struct slice bytes, void **owned, size_t *owned_len)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);
	if (!copy)
		abort();
	if (bytes.len)
		memcpy(copy, bytes.at, bytes.len);
	owned[(*owned_len)++] = copy;
	return (struct slice){copy, bytes.len};
}

static bool cut_line(struct slice *rest, struct slice *line)
{
	const char *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
	if (!end)
		return false;
	*line = (struct slice){rest->at, (size_t)(end - rest->at)};
	*rest = (struct slice){end + 1, rest->len - line->len - 1};
	return true;
}

/* Cuts at the first `byte`; what is behind it goes to *tail, {NULL, 0} when it is not there. */
static struct slice cut(struct slice text, char byte, struct slice *tail)
{
	const char *at = text.len ? memchr(text.at, byte, text.len) : NULL;
	*tail = at ? (struct slice){at + 1, (size_t)(text.at + text.len - at) - 1} : (struct slice){NULL, 0};
	return at ? (struct slice){text.at, (size_t)(at - text.at)} : text;
}

static void judge(const struct scheme *scheme, const struct scheme_request *request, bool bare)
{
	struct scheme_source source;
	struct scheme_result result;

	scheme_world_source(scheme, &source);
	if (bare) {
		source.secrets_len = 0;
		source.public_url = (struct slice){NULL, 0};
	}
	scheme_result_init(&result);
	scheme_verify(scheme, &source, request, &result);
	check(scheme, &source, &result);
	scheme_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool made;
	void *owned[2 * WORLD_HEADERS_MAX + 8];
	size_t owned_len = 0;
	struct slice rest = {(const char *)data, len}, line, target, value;
	struct scheme_header headers[WORLD_HEADERS_MAX];
	struct scheme_request request = {.headers = headers, .now_ms = WORLD_NOW};

	if (!made)
		scheme_world_make();
	made = true;
	const struct scheme *scheme = cut_line(&rest, &line) ? scheme_find(line) : NULL;
	if (!scheme || !cut_line(&rest, &line))
		return 0;
	request.method = alone(cut(line, ' ', &target), owned, &owned_len);
	request.path = alone(cut(target, '?', &value), owned, &owned_len);
	if (value.at)
		request.query = alone(value, owned, &owned_len);
	while (request.headers_len < WORLD_HEADERS_MAX && cut_line(&rest, &line) && line.len > 0) {
		struct slice name = alone(cut(line, ':', &value), owned, &owned_len);
		if (value.len > 0 && value.at[0] == ' ')
			value = (struct slice){value.at + 1, value.len - 1};
		headers[request.headers_len++] = (struct scheme_header){name, alone(value, owned, &owned_len)};
	}
	request.body = alone(rest, owned, &owned_len);
	judge(scheme, &request, false);
	judge(scheme, &request, true);
	while (owned_len > 0)
		free(owned[--owned_len]);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static void write_seed(const struct scheme *scheme, const struct scheme_signed *made, void (*take)(const char *input, size_t len))
{
	struct strbuf out = STRBUF_INIT(1 << 16);

	strbuf_printf(&out, "%s\nPOST /in/src%s%s\n", scheme->name, made->query.len ? "?" : "", strbuf_text(&made->query));
	for (unsigned i = 0; i < made->headers_len; i++)
		strbuf_printf(&out, "%s: %s\n", made->headers[i].name, made->headers[i].value);
	strbuf_putc(&out, '\n');
	strbuf_append(&out, strbuf_text(&made->body), made->body.len);
	take(strbuf_text(&out), out.len);
	strbuf_free(&out);
}

/* Every sample, signed. */
void fuzz_seeds(void (*take)(const char *input, size_t len))
{
	size_t len;
	const struct scheme *const *all = scheme_all(&len);

	LLVMFuzzerTestOneInput(NULL, 0);
	for (size_t i = 0; i < len; i++) {
		const struct scheme_moment moment = {
		    .now_ms = WORLD_NOW, .id = SLICE_LITERAL("0190f3aa-seed"), .private_key = scheme_world_key(all[i])};
		for (const struct scheme_sample *sample = all[i]->samples; sample->event; sample++) {
			struct scheme_signed made;
			struct scheme_source source;
			struct err err = {0};
			scheme_world_source(all[i], &source);
			scheme_signed_init(&made);
			demand(scheme_sign(all[i], &source, sample, &moment, &made, &err) == 0, err.detail, all[i]);
			write_seed(all[i], &made, take);
			scheme_signed_free(&made);
		}
	}
}
#endif
