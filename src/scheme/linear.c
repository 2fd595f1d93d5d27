/* Linear: https://linear.app/developers/webhooks#securing-webhooks . The timestamp stands in the signed body. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "linear-signature"};

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(64);
	struct slice timestamp;

	if (hmac_verify(&rule, source, request, result))
		return;
	if (body_text(request->body, "webhookTimestamp", &text))
		timestamp = (struct slice){text.data, text.len};
	else if (header_one(request, "linear-timestamp", &timestamp, result))
		goto out;
	time_check_text(source, request, timestamp, TIME_MILLISECONDS, false, result);
out:
	strbuf_free(&text);
}

/* Issue, created: linear.Issue.create */
static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf type = STRBUF_INIT(1024);

	(void)source;
	if (pick(request, "header:linear-event|json:type", &type)) {
		strbuf_putc(&type, '.');
		if (!body_text(request->body, "action", &type))
			type.data[--type.len] = '\0';
		put_type(result, "linear", (struct slice){type.data, type.len});
	}
	strbuf_free(&type);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_linear = {
    .name = "linear",
    .title = "Linear",
    .page = "https://linear.app/developers/webhooks#securing-webhooks",
    .paste = "In Settings, API, Webhooks, New webhook: {url} as the URL; then copy its signing secret here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .tolerance_s = 60,
    .verified = "Linear-Signature: HMAC-SHA256 of the body in hex; the time is the body's webhookTimestamp, else Linear-Timestamp (which is not signed)",
    .type_rule = "linear., the entity and the action: linear.Issue.create",
    .dedupe_rule = "Linear-Delivery",
    .dedupe_from = "header:linear-delivery",
    .subject_from = "json:data.id",
    .keep = KEEP("linear-event", "linear-delivery"),
    .samples = SAMPLES({"Issue.create", "Linear-Event: Issue\nLinear-Delivery: {{id}}\n", JSON_TYPE,
                        "{\"action\":\"create\",\"type\":\"Issue\",\"createdAt\":\"{{time}}\",\"data\":{\"id\":\"2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9\",\"title\":\"Say hello\"},"
                        "\"organizationId\":\"dc844923-f9a4-40a3-825c-dea7747e57d8\",\"webhookTimestamp\":{{milliseconds}},"
                        "\"webhookId\":\"000042e3-d123-4980-b49f-8e140eef9329\"}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
