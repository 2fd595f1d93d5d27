/* Notion: https://developers.notion.com/reference/webhooks . The first POST is not signed and brings the token that signs all others; the admin has to see it,
 * because Notion asks for it. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-notion-signature", .prefix = "sha256="};

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf token = STRBUF_INIT(512);

	/* Only a source without a secret learns one: nobody replaces it afterwards. */
	if (source->secrets_len > 0 || header_value(request, rule.header).at) {
		hmac_verify(&rule, source, request, result);
	} else if (!body_text(request->body, "verification_token", &token) || !echo_good((struct slice){token.data, token.len})) {
		refuse(result, REJECTION_MISSING_HEADER, "the header %s is missing, and the body has no verification_token", rule.header);
	} else {
		answer_with(result, NULL, (struct slice){NULL, 0});
		strbuf_slice(&result->keep_secret, (struct slice){token.data, token.len});
	}
	strbuf_free(&token);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_notion = {
    .name = "notion",
    .title = "Notion",
    .page = "https://developers.notion.com/reference/webhooks",
    .paste = "In the integration's settings, Webhooks, Create a subscription: {url} as the Webhook URL. Notion then sends the verification token, which becomes the "
             "source's secret; read it here and paste it there under Verify.",
    .secret = SCHEME_SECRET_SENT,
    .secret_name = "verification token",
    .verified = "X-Notion-Signature: HMAC-SHA256 of the body in hex",
    .handshake = "the first POST, unsigned, brings the verification_token; it is kept as the secret while the source has none",
    .type_rule = "notion. and the member type: notion.page.created",
    .dedupe_rule = "the member id",
    .type_from = "json:type",
    .dedupe_from = "json:id",
    .subject_from = "json:entity.id",
    .samples = SAMPLES({"page.created", NULL, JSON_TYPE,
                        "{\"id\":\"{{id}}\",\"timestamp\":\"{{time}}\",\"workspace_id\":\"13950b26-c203-4f3b-b97d-93ec06319565\",\"type\":\"page.created\","
                        "\"authors\":[{\"id\":\"c7c11cca-1d73-471d-9b6e-bdef51470190\",\"type\":\"person\"}],\"attempt_number\":1,"
                        "\"entity\":{\"id\":\"1a1f1f2a-4a71-8044-ac79-f0a5b87c1c4d\",\"type\":\"page\"}}"}),
    .verify = verify,
    .sign = sign,
};
