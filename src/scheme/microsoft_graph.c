/* Microsoft Graph change notifications: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks . Nothing is signed: every notification
 * must bear the clientState of the subscription. */
#include "json/scan.h"
#include "scheme/provider.h"

struct states {
	const struct scheme_source *source;
	struct scheme_result *result;
	size_t len;
};

static int check_state(void *context, struct slice element)
{
	struct states *states = context;
	struct strbuf state = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);
	struct slice value;
	int fate = -2;

	states->len++;
	if (body_at(element, "clientState", &value) < 0)
		refuse(states->result, REJECTION_MALFORMED, "a notification has clientState twice");
	else if (!body_text(element, "clientState", &state))
		refuse(states->result, REJECTION_MISSING_HEADER, "a notification has no clientState");
	else if (secret_equal(states->source, (struct slice){state.data, state.len}, "clientState", states->result) == 0)
		fate = 0;
	strbuf_free(&state);
	return fate;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct states states = {source, result, 0};
	struct strbuf token = STRBUF_INIT(1024);
	struct slice array;

	if (form_value(request->query, "validationToken", &token)) {
		if (echo_good((struct slice){strbuf_text(&token), token.len}))
			answer_with(result, "text/plain", (struct slice){token.data, token.len});
		else
			refuse(result, REJECTION_MALFORMED, "the validationToken cannot be echoed");
	} else {
		int fate = body_at(request->body, "value", &array) == 1 ? body_each(array, check_state, &states) : -1;
		if (fate == -1 || (fate == 0 && states.len == 0))
			refuse(result, REJECTION_MALFORMED, "the body is not JSON with notifications in the one member value");
	}
	strbuf_free(&token);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule changes = {
	    .scheme = "microsoft-graph", .array = "value", .type = "changeType", .mixed = "notifications", .key = "id"};
	static const struct batch_rule lifecycle = {
	    .scheme = "microsoft-graph", .array = "value", .type = "lifecycleEvent", .mixed = "notifications", .key = "id"};
	struct slice event;

	(void)source;
	put_batch(result, request->body, body_at(request->body, "value.0.lifecycleEvent", &event) == 1 ? &lifecycle : &changes);
}

/* Puts the clientState into the first notification. */
static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	static const char place[] = "{{secret}}";
	struct strbuf body = STRBUF_INIT(1 << 20);

	(void)moment;
	const char *at = strstr(strbuf_text(&made->body), place);
	if (!at)
		return err_set(err, ERR_INTERNAL, "the sample has no place for the clientState");
	strbuf_append(&body, made->body.data, (size_t)(at - made->body.data));
	json_put_string(&body, source->secrets[0]);
	strbuf_puts(&body, at + sizeof place - 1);
	strbuf_free(&made->body);
	strbuf_slice(&made->body, (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
	return 0;
}

const struct scheme scheme_microsoft_graph = {
    .name = "microsoft-graph",
    .title = "Microsoft Graph",
    .page = "https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
    .paste = "Create the subscription (POST /subscriptions) with {url} as notificationUrl (and lifecycleNotificationUrl) and the secret as clientState.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "clientState",
    .verified = "clientState of every notification equals the secret; the body is not signed, validationTokens are not looked at",
    .handshake = "POST with validationToken in the query is answered with it, decoded, as text/plain",
    .unverified = true,
    .type_rule = "microsoft-graph. and the changeType (or lifecycleEvent) of all notifications: microsoft-graph.created; else microsoft-graph.notifications",
    .dedupe_rule = "the notifications' id, where all have one",
    .subject_from = "json:value.0.resource",
    .samples = SAMPLES({"created", NULL, JSON_TYPE,
                        "{\"value\":[{\"id\":\"{{id}}\",\"subscriptionId\":\"7f105c7d-2dc5-4530-97cd-4e7ae6534c07\",\"subscriptionExpirationDateTime\":\"{{time}}\","
                        "\"clientState\":{{secret}},\"changeType\":\"created\",\"resource\":\"users/ddfcd489/messages/AAMkAGUwNjQ4\",\"tenantId\":"
                        "\"84bd8158-6d4d-4958-8b9f-9d6445542f95\",\"resourceData\":{\"@odata.type\":\"#Microsoft.Graph.Message\",\"id\":\"AAMkAGUwNjQ4\"}}]}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
