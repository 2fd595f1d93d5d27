/* Dropbox: https://www.dropbox.com/developers/reference/webhooks . A notification names accounts only, and the next one may be the same: no dedupe key. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-dropbox-signature"};

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf challenge = STRBUF_INIT(1024);

	if (method_is(request, "POST"))
		hmac_verify(&rule, source, request, result);
	else if (!form_value(request->query, "challenge", &challenge))
		refuse(result, REJECTION_MISSING_HEADER, "a GET without challenge");
	else if (!echo_good((struct slice){strbuf_text(&challenge), challenge.len}))
		refuse(result, REJECTION_MALFORMED, "the challenge cannot be echoed");
	else
		answer_with(result, "text/plain", (struct slice){challenge.data, challenge.len});
	strbuf_free(&challenge);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct slice value;

	(void)source;
	if (body_at(request->body, "list_folder", &value) == 1)
		put_type(result, "dropbox", SLICE_LITERAL("list_folder"));
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_dropbox = {
    .name = "dropbox",
    .title = "Dropbox",
    .page = "https://www.dropbox.com/developers/reference/webhooks",
    .paste = "Copy the App secret (App Console, Settings) here; then add {url} under Webhooks, Webhook URIs.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "app secret",
    .methods = SCHEME_GET,
    .verified = "X-Dropbox-Signature: HMAC-SHA256 of the body in hex",
    .handshake = "GET with challenge is answered with it, as text/plain with nosniff",
    .unverified = true,
    .type_rule = "dropbox.list_folder, or dropbox.event",
    .samples = SAMPLES({"list_folder", NULL, JSON_TYPE,
                        "{\"list_folder\":{\"accounts\":[\"dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc\"]},\"delta\":{\"users\":[12345678]}}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
