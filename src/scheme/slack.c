/* Slack: https://docs.slack.dev/authentication/verifying-requests-from-slack . Events come as JSON; interactions and commands as forms. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {
    .header = "x-slack-signature", .prefix = "v0=", .time_header = "x-slack-request-timestamp", .content = "v0:{timestamp}:{body}"};

/* The handshake is signed as every request is. */
static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf challenge = STRBUF_INIT(1024);

	if (hmac_verify(&rule, source, request, result))
		return;
	if (body_is(request->body, "type", "url_verification")) {
		if (body_text(request->body, "challenge", &challenge) && echo_good((struct slice){challenge.data, challenge.len}))
			answer_with(result, "text/plain", (struct slice){challenge.data, challenge.len});
		else
			refuse(result, REJECTION_MALFORMED, "the url_verification has no challenge that could be echoed");
	}
	strbuf_free(&challenge);
}

static void describe_json(struct slice document, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(1024);

	if (body_text(document, "event.type", &text) || body_text(document, "type", &text))
		put_type(result, "slack", (struct slice){text.data, text.len});
	strbuf_clear(&text);
	if (body_text(document, "event_id", &text) || body_text(document, "trigger_id", &text))
		put_dedupe(result, (struct slice){text.data, text.len});
	strbuf_clear(&text);
	if (body_text(document, "team_id", &text) || body_text(document, "team.id", &text))
		put_subject(result, (struct slice){text.data, text.len});
	strbuf_free(&text);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf payload = STRBUF_INIT(SIZE_MAX / 2);

	(void)source;
	if (!body_is_form(request)) {
		describe_json(request->body, result);
	} else if (form_value(request->body, "payload", &payload)) {
		describe_json((struct slice){strbuf_text(&payload), payload.len}, result);
	} else if (form_value(request->body, "command", &payload)) {
		put_type(result, "slack", SLICE_LITERAL("command"));
	}
	strbuf_free(&payload);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_slack = {
    .name = "slack",
    .title = "Slack",
    .page = "https://docs.slack.dev/authentication/verifying-requests-from-slack",
    .paste = "In the app's settings: copy the Signing Secret (Basic Information) here, then enable Event Subscriptions (or Interactivity, Slash Commands) "
             "with {url} as the Request URL.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .tolerance_s = 300,
    .verified = "X-Slack-Signature: HMAC-SHA256 of v0:timestamp:body in hex",
    .handshake = "a signed url_verification is answered with its challenge",
    .type_rule = "slack. and the type of the event: slack.app_mention; of an interaction the type of its payload: slack.block_actions; slack.command",
    .dedupe_rule = "event_id, else trigger_id",
    .vector = "Slack's documentation",
    .dedupe_from = "form:trigger_id",
    .subject_from = "form:team_id",
    .keep = KEEP("x-slack-retry-num", "x-slack-retry-reason", "x-slack-request-timestamp"),
    .samples = SAMPLES(
        {"app_mention", NULL, JSON_TYPE,
         "{\"token\":\"ZZZZZZWSxiZZZ2yIvs3peJ\",\"team_id\":\"T061EG9R6\",\"api_app_id\":\"A0MDYCDME\",\"event\":{\"type\":\"app_mention\",\"user\":\"U061F7AUR\","
         "\"text\":\"What is the hour, <@U0LAN0Z89>?\",\"ts\":\"1515449522.000016\",\"channel\":\"C123ABC456\"},\"type\":\"event_callback\","
         "\"event_id\":\"Ev{{id}}\",\"event_time\":{{seconds}}}"},
        {"command", NULL, FORM_TYPE,
         "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=Steve&"
         "command=%2Fweather&text=94070&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1234%2F5678&trigger_id={{id}}"},
        {"url_verification", NULL, JSON_TYPE,
         "{\"token\":\"Jhj5dZrVaK7ZwHHjRyZWjbDl\",\"challenge\":\"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P\",\"type\":\"url_verification\"}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
