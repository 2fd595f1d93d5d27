/* Zendesk: https://developer.zendesk.com/documentation/webhooks/verifying/ . Signed is the timestamp and then the body; older pages show the reverse. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-zendesk-webhook-signature",
                                      .time_header = "x-zendesk-webhook-signature-timestamp",
                                      .time = TIME_RFC3339,
                                      .encoding = HMAC_BASE64,
                                      .content = "{timestamp}{body}"};

/* "zen:event-type:ticket.created": zendesk.ticket.created */
static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const char prefix[] = "zen:event-type:";
	struct strbuf type = STRBUF_INIT(1024);

	(void)source;
	if (body_text(request->body, "type", &type)) {
		size_t skip = strncmp(type.data, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
		put_type(result, "zendesk", (struct slice){type.data + skip, type.len - skip});
	}
	strbuf_free(&type);
}

const struct scheme scheme_zendesk = {
    .name = "zendesk",
    .title = "Zendesk",
    .page = "https://developer.zendesk.com/documentation/webhooks/verifying/",
    .paste = "In the Admin Center, Apps and integrations, Webhooks, Create webhook: {url} as the Endpoint URL, POST, JSON; then reveal its signing secret and "
             "copy it here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "X-Zendesk-Webhook-Signature: HMAC-SHA256 of timestamp and body in base64",
    .type_rule = "zendesk. and the member type without \"zen:event-type:\": zendesk.ticket.created; zendesk.event for bodies of your own",
    .dedupe_rule = "X-Zendesk-Webhook-Invocation-Id, else the member id",
    .hmac = &rule,
    .dedupe_from = "header:x-zendesk-webhook-invocation-id|json:id",
    .subject_from = "json:subject",
    .describe = describe,
    .keep = KEEP("x-zendesk-webhook-id", "x-zendesk-webhook-invocation-id", "x-zendesk-account-id"),
    .samples = SAMPLES({"ticket.created", "X-Zendesk-Webhook-Id: 01FZBEKJZ1ZSQ4QYBN5KP6DDM1\nX-Zendesk-Webhook-Invocation-Id: {{id}}\nX-Zendesk-Account-Id: 123456\n",
                        JSON_TYPE,
                        "{\"account_id\":123456,\"id\":\"{{id}}\",\"subject\":\"zen:ticket:5158\",\"time\":\"{{time}}\",\"type\":\"zen:event-type:ticket.created\","
                        "\"zendesk_event_version\":\"2022-11-06\",\"event\":{},\"detail\":{\"id\":\"5158\",\"status\":\"NEW\",\"subject\":\"My printer is on fire\"}}"}),
};
