/* Okta event hooks: https://developer.okta.com/docs/concepts/event-hooks/ . Nothing is signed: a header that is set there is compared. */
#include "scheme/provider.h"

#define CHALLENGE "x-okta-verification-challenge"

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	const char *header = setting_text(source, "header", "Authorization").at;
	struct strbuf body = STRBUF_INIT(2048);
	struct slice value;

	if (method_is(request, "POST")) {
		if (header_one(request, header, &value, result) == 0)
			secret_equal(source, value, header, result);
	} else if (header_one(request, CHALLENGE, &value, result) == 0) {
		if (!echo_good(value) || memchr(value.at, '"', value.len) || memchr(value.at, '\\', value.len)) {
			refuse(result, REJECTION_MALFORMED, "the challenge cannot be echoed");
			return;
		}
		strbuf_puts(&body, "{\"verification\":\"");
		strbuf_slice(&body, value);
		strbuf_puts(&body, "\"}");
		answer_with(result, JSON_TYPE, (struct slice){strbuf_text(&body), body.len});
	}
	strbuf_free(&body);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule batch = {.scheme = "okta", .array = "data.events", .type = "eventType", .mixed = "events", .key = "uuid"};

	(void)source;
	put_batch(result, request->body, &batch);
	struct strbuf id = STRBUF_INIT(512);
	if (body_text(request->body, "eventId", &id))
		put_dedupe(result, (struct slice){id.data, id.len});
	strbuf_free(&id);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	(void)moment;
	return made_header(made, setting_text(source, "header", "Authorization").at, source->secrets[0], err);
}

const struct scheme scheme_okta = {
    .name = "okta",
    .title = "Okta",
    .page = "https://developer.okta.com/docs/concepts/event-hooks/",
    .paste = "In Workflow, Event Hooks, Create Event Hook: {url} as the URL, Authorization as the authentication field, the secret as the authentication secret; "
             "then Verify.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "authentication secret",
    .methods = SCHEME_GET,
    .verified = "the configured header equals the secret; the body is not signed",
    .handshake = "GET with X-Okta-Verification-Challenge is answered with {\"verification\": value}",
    .type_rule = "okta. and the eventType of all events of the request: okta.user.lifecycle.create; else okta.events",
    .dedupe_rule = "eventId, else the events' uuid",
    .settings = SETTINGS({"header", "string", false, "Authorization", "The header that the secret is sent in: the authentication field."}),
    .samples = SAMPLES({"user.lifecycle.create", NULL, JSON_TYPE,
                        "{\"eventType\":\"com.okta.event_hook\",\"eventTypeVersion\":\"1.0\",\"cloudEventsVersion\":\"0.1\",\"source\":\"https://example.okta.com/api/v1/eventHooks/"
                        "who8tsqyrhCdmetzx135\",\"eventId\":\"{{id}}\",\"data\":{\"events\":[{\"uuid\":\"{{id}}\",\"published\":\"{{time}}\",\"eventType\":\"user.lifecycle.create\","
                        "\"severity\":\"INFO\",\"target\":[{\"id\":\"00ufhbqpvLkMc1bgE0g4\",\"type\":\"User\"}]}]},\"eventTime\":\"{{time}}\",\"contentType\":\"application/json\"}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
