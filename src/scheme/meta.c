/* Meta (Facebook, Instagram, WhatsApp, Messenger): https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-hub-signature-256", .prefix = "sha256="};

static bool query_is(const struct scheme_request *request, const char *name, struct slice wanted)
{
	struct strbuf text = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);
	bool same = form_value(request->query, name, &text) && same_secret((struct slice){strbuf_text(&text), text.len}, wanted);
	strbuf_free(&text);
	return same;
}

static void shake_hands(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf challenge = STRBUF_INIT(1024);

	if (!query_is(request, "hub.mode", SLICE_LITERAL("subscribe")))
		refuse(result, REJECTION_MISSING_HEADER, "a GET without hub.mode=subscribe");
	else if (!query_is(request, "hub.verify_token", setting_text(source, "verify_token", "")))
		refuse(result, REJECTION_BAD_SIGNATURE, "hub.verify_token is not the setting verify_token");
	else if (!form_value(request->query, "hub.challenge", &challenge) || !echo_good((struct slice){strbuf_text(&challenge), challenge.len}))
		refuse(result, REJECTION_MALFORMED, "there is no hub.challenge that could be echoed");
	else
		answer_with(result, "text/plain", (struct slice){challenge.data, challenge.len});
	strbuf_free(&challenge);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	if (method_is(request, "GET"))
		shake_hands(source, request, result);
	else
		hmac_verify(&rule, source, request, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf type = STRBUF_INIT(1024);
	struct slice messaging;

	(void)source;
	if (body_text(request->body, "object", &type)) {
		strbuf_putc(&type, '.');
		if (body_at(request->body, "entry.0.messaging", &messaging) == 1)
			strbuf_puts(&type, "messaging");
		else if (!body_text(request->body, "entry.0.changes.0.field", &type))
			type.data[--type.len] = '\0';
		put_type(result, "meta", (struct slice){type.data, type.len});
	}
	put_dedupe_digest(result, request->body);
	strbuf_free(&type);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_meta = {
    .name = "meta",
    .title = "Meta (Facebook, Instagram, WhatsApp)",
    .page = "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    .paste = "Copy the App Secret (App settings, Basic) here; then in the App Dashboard, Webhooks: {url} as the Callback URL, and the verify_token that is set here "
             "as the Verify token.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "app secret",
    .methods = SCHEME_GET,
    .verified = "X-Hub-Signature-256: HMAC-SHA256 of the body in hex",
    .handshake = "GET with hub.mode=subscribe and the right hub.verify_token is answered with hub.challenge",
    .type_rule = "meta., the member object, and the field of the first change (or messaging): meta.page.feed, meta.whatsapp_business_account.messages",
    .dedupe_rule = "the SHA-256 of the body, whose entries have a time",
    .subject_from = "json:entry.0.id",
    .settings = SETTINGS({"verify_token", "string", true, NULL, "The Verify token: any text that you give to Meta, too."}),
    .samples = SAMPLES({"page.feed", NULL, JSON_TYPE,
                        "{\"object\":\"page\",\"entry\":[{\"id\":\"1067280970047460\",\"time\":{{seconds}},\"changes\":[{\"field\":\"feed\",\"value\":{\"from\":{\"id\":\"{{id}}\","
                        "\"name\":\"Cinderella Hoover\"},\"item\":\"post\",\"verb\":\"add\"}}]}]}"},
                       {"whatsapp_business_account.messages", NULL, JSON_TYPE,
                        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"102290129340398\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":"
                        "\"whatsapp\",\"messages\":[{\"from\":\"16505551234\",\"id\":\"wamid.{{id}}\",\"timestamp\":\"{{seconds}}\",\"type\":\"text\",\"text\":{\"body\":\"Hi\"}}]}}]}]}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
