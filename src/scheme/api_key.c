/* A key in a header or in the query, as it is. */
#include "scheme/provider.h"

#define HEADER "X-API-Key"

static int check(const struct scheme_source *source, struct err *err)
{
	if (setting_text(source, "header", NULL).at && setting_text(source, "query", NULL).at)
		return err_field(err, ERR_INVALID, "/settings/query", "excludes header: the key stands in one place");
	return 0;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct slice query = setting_text(source, "query", NULL), value;
	struct strbuf key = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);

	if (query.at) {
		if (!form_value(request->query, query.at, &key) || key.len == 0)
			refuse(result, REJECTION_MISSING_HEADER, "the query has no parameter %.100s", query.at);
		else
			(void)secret_equal(source, (struct slice){key.data, key.len}, "the key in the query", result);
	} else if (header_one(request, setting_text(source, "header", HEADER).at, &value, result) == 0) {
		(void)secret_equal(source, value, "the key in the header", result);
	}
	strbuf_free(&key);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)request;
	put_type(result, "api-key", source->uid);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct slice query = setting_text(source, "query", NULL);

	(void)moment;
	if (!query.at)
		return made_header(made, setting_text(source, "header", HEADER).at, source->secrets[0], err);
	form_encode(query, &made->query);
	strbuf_putc(&made->query, '=');
	form_encode(source->secrets[0], &made->query);
	return 0;
}

const struct scheme scheme_api_key = {
    .name = "api-key",
    .title = "API key",
    .page = "https://swagger.io/docs/specification/authentication/api-keys/",
    .paste = "Give the sender {url} as the URL, and the secret as the key, in the header (or the query parameter) that is set here.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "key",
    .verified = "a header, or a parameter of the query, equals one of the secrets; the body is not signed",
    .type_rule = "api-key. and the source's uid, unless the source says otherwise",
    .settings = SETTINGS({"header", "string", false, HEADER, "The header that the key is in."},
                         {"query", "string", false, NULL, "The parameter of the query that the key is in, instead of the header."}),
    .samples = SAMPLES({"event", NULL, JSON_TYPE, "{\"type\":\"order.created\",\"id\":\"{{id}}\",\"data\":{\"order\":1001}}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
