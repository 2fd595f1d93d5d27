/* Bearer tokens: https://www.rfc-editor.org/rfc/rfc6750 */
#include "scheme/bearer.h"

#include <strings.h>

#define BEARER "Bearer "

int bearer_verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	size_t len = sizeof BEARER - 1;
	struct slice value;

	if (header_one(request, "authorization", &value, result))
		return -1;
	if (value.len <= len || strncasecmp(value.at, BEARER, len) != 0)
		return refuse(result, REJECTION_BAD_SIGNATURE, "authorization holds no Bearer token");
	return secret_equal(source, (struct slice){value.at + len, value.len - len}, "the Bearer token", result);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)bearer_verify(source, request, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)request;
	put_type(result, "bearer", source->uid);
}

int bearer_sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf value = STRBUF_INIT(1000);

	(void)moment;
	strbuf_puts(&value, BEARER);
	strbuf_slice(&value, source->secrets[0]);
	int result = value.failed ? err_set(err, ERR_INVALID, "the token is too long for a sample")
	                          : made_header(made, "Authorization", (struct slice){strbuf_text(&value), value.len}, err);
	strbuf_free(&value);
	return result;
}

const struct scheme scheme_bearer = {
    .name = "bearer",
    .title = "Bearer token",
    .page = "https://www.rfc-editor.org/rfc/rfc6750",
    .paste = "Give the sender {url} as the URL, and the secret as the bearer token.",
    .secret = SCHEME_SECRET_CHOSEN,
    .challenge = "Bearer",
    .secret_name = "token",
    .verified = "Authorization: Bearer with one of the secrets; the body is not signed",
    .type_rule = "bearer. and the source's uid, unless the source says otherwise",
    .samples = SAMPLES({"event", NULL, JSON_TYPE, "{\"type\":\"order.created\",\"id\":\"{{id}}\",\"data\":{\"order\":1001}}"}),
    .verify = verify,
    .describe = describe,
    .sign = bearer_sign,
};
