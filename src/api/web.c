/* The admin page: the files of web/, which build-aux/embed-web put into the program. */
#include <pthread.h>
#include <string.h>

#include "api/call.h"
#include "base/codec.h"

static const struct asset {
	const char *name, *media_type;
	struct slice content;
} assets[] = {
#define ASSET(name, media_type, text) {name, media_type, {text, sizeof(text) - 1}},
#include "api/web.inc"
#undef ASSET
};

enum { ASSETS = sizeof assets / sizeof *assets, TAG_BYTES = 12 };

static char tags[ASSETS][2 * TAG_BYTES + 3];

static void make_tags(void)
{
	for (size_t i = 0; i < ASSETS; i++) {
		uint8_t hash[32];
		codec_sha256(assets[i].content.at, assets[i].content.len, hash);
		tags[i][0] = '"';
		codec_hex(hash, TAG_BYTES, tags[i] + 1);
		memcpy(tags[i] + 1 + 2 * TAG_BYTES, "\"", 2);
	}
}

/* Scripts and styles come from the hub alone, and no text becomes markup (trusted types). */
static void put_headers(struct http_response *response, const char *tag)
{
	http_response_header(response, "ETag", tag);
	/* Asked again each time: after an upgrade no old script meets a new API. */
	http_response_header(response, "Cache-Control", "no-cache");
	http_response_header(response, "Content-Security-Policy",
	                     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
	                     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'");
	http_response_header(response, "X-Content-Type-Options", "nosniff");
	http_response_header(response, "Referrer-Policy", "no-referrer");
	http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

/* Whether If-None-Match names the tag: a list, perhaps of weak ones. */
static bool is_known(const struct http_request *request, const char *tag)
{
	struct slice known = http_header(request, "If-None-Match");
	return known.at && (slice_is(known, "*") || memmem(known.at, known.len, tag, strlen(tag)));
}

static int serve(struct call *call, struct slice name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_tags);
	size_t i = 0;
	while (i < ASSETS && !slice_is(name, assets[i].name))
		i++;
	if (i == ASSETS)
		return err_set(&call->err, ERR_NOT_FOUND, "The page has no such file");
	if (is_known(call->request, tags[i])) {
		call->response->status = 304;
	} else {
		strbuf_slice(call_out(call, 200), assets[i].content);
		call->response->content_type = assets[i].media_type;
	}
	put_headers(call->response, tags[i]);
	/* A proxy that speaks TLS for the hub says it itself, if it is to be said. */
	if (call->request->tls)
		http_response_header(call->response, "Strict-Transport-Security", "max-age=31536000");
	return 0;
}

/* Also of /login?token=…, where the page's script takes the token from. */
int web_page(struct call *call)
{
	return serve(call, SLICE_LITERAL("index.html"));
}

int web_asset(struct call *call)
{
	struct slice name;
	return call_path(call, 0, &name) < 0 ? -1 : serve(call, name);
}
