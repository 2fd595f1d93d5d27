/* The session's cookie and the guards around it. */
#include "api/cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#define COOKIE_NAME "grapnel_session"

/* "a=1; grapnel_session=…; b=2" */
struct slice cookie_token(const struct http_request *request)
{
	static const char name[] = COOKIE_NAME "=";
	struct slice rest = http_header(request, "Cookie");
	while (rest.len > 0) {
		const char *end = memchr(rest.at, ';', rest.len);
		struct slice pair = {rest.at, end ? (size_t)(end - rest.at) : rest.len};
		size_t used = pair.len + (end ? 1 : 0);
		rest = (struct slice){rest.at + used, rest.len - used};
		while (pair.len > 0 && pair.at[0] == ' ')
			pair = (struct slice){pair.at + 1, pair.len - 1};
		if (pair.len > sizeof name - 1 && memcmp(pair.at, name, sizeof name - 1) == 0)
			return (struct slice){pair.at + sizeof name - 1, pair.len - (sizeof name - 1)};
	}
	return (struct slice){NULL, 0};
}

/* Origin is "scheme://host:port", or "null". */
static bool origin_is_host(struct slice origin, struct slice host)
{
	const char *colon = memchr(origin.at, ':', origin.len);
	size_t scheme = colon ? (size_t)(colon - origin.at) + 3 : origin.len;
	return host.at && origin.len > scheme && origin.len - scheme == host.len && strncasecmp(origin.at + scheme, host.at, host.len) == 0;
}

/* Browsers send Sec-Fetch-Site with https and on loopback, and no page can forge it; elsewhere there is Origin, which a proxy that rewrites
 * Host would make differ. A client that is no browser sends neither. */
int cookie_same_site(const struct http_request *request, struct err *err)
{
	struct slice site = http_header(request, "Sec-Fetch-Site"), origin = http_header(request, "Origin");
	bool good = true;
	if (site.at)
		good = slice_is(site, "same-origin") || slice_is(site, "none");
	else if (origin.at)
		good = origin_is_host(origin, http_header(request, "Host"));
	return good ? 0 : err_set(err, ERR_CSRF, "The request comes from another site's page");
}

int cookie_check(const struct http_request *request, const struct session *session, struct err *err)
{
	struct slice shown = http_header(request, "X-Grapnel-CSRF");
	if (slice_is(request->method, "GET") || slice_is(request->method, "HEAD"))
		return 0;
	if (cookie_same_site(request, err) < 0)
		return -1;
	if (shown.len == sizeof session->csrf - 1 && CRYPTO_memcmp(shown.at, session->csrf, shown.len) == 0)
		return 0;
	return err_set(err, ERR_CSRF, "With a session's cookie, X-Grapnel-CSRF must hold the csrf_token that GET /session gives");
}

/* Secure where the browser came by https, as the connection, a trusted proxy or its Origin tells: a hub on loopback, or behind nothing, could not be logged in to
 * otherwise. */
void cookie_set(const struct http_request *request, struct http_response *response, const char *token, int64_t lifetime_ms)
{
	struct slice origin = http_header(request, "Origin");
	bool secure = request->secure || (origin.len >= 8 && strncasecmp(origin.at, "https://", 8) == 0);
	char value[200];
	snprintf(value, sizeof value, COOKIE_NAME "=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s", token,
	         lifetime_ms / 1000, secure ? "; Secure" : "");
	http_response_header(response, "Set-Cookie", value);
	http_response_header(response, "Cache-Control", "no-store");
}
