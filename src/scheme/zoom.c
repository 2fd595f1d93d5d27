/* Zoom: https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events */
#include "base/codec.h"
#include "scheme/provider.h"

static const struct hmac_rule rule = {
    .header = "x-zm-signature", .prefix = "v0=", .time_header = "x-zm-request-timestamp", .content = "v0:{timestamp}:{body}"};

/* What is answered is a MAC by the very key of the signatures: only of a text that can be no signed content, which has colons. */
static bool token_good(struct slice token)
{
	return echo_good(token) && !memchr(token.at, ':', token.len) && !memchr(token.at, '"', token.len) && !memchr(token.at, '\\', token.len);
}

static void prove(const struct scheme_source *source, struct slice token, struct scheme_result *result)
{
	const struct hmac_content content = {.body = token};
	struct strbuf body = STRBUF_INIT(2048);
	uint8_t mac[HMAC_BYTES_MAX];

	size_t len = hmac_of(HMAC_SHA256, source->secrets[result->secret_index], NULL, &content, mac);
	strbuf_puts(&body, "{\"plainToken\":\"");
	strbuf_slice(&body, token);
	strbuf_puts(&body, "\",\"encryptedToken\":\"");
	hmac_encode(mac, len, HMAC_HEX, &body);
	strbuf_puts(&body, "\"}");
	answer_with(result, JSON_TYPE, (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf token = STRBUF_INIT(1024);

	if (hmac_verify(&rule, source, request, result))
		return;
	if (body_is(request->body, "event", "endpoint.url_validation")) {
		if (body_text(request->body, "payload.plainToken", &token) && token_good((struct slice){token.data, token.len}))
			prove(source, (struct slice){token.data, token.len}, result);
		else
			refuse(result, REJECTION_MALFORMED, "the endpoint.url_validation has no plainToken that could be answered");
	}
	strbuf_free(&token);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)source;
	put_dedupe_digest(result, request->body);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_zoom = {
    .name = "zoom",
    .title = "Zoom",
    .page = "https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events",
    .paste = "In the App Marketplace, the app's Feature, Event Subscriptions: copy the Secret Token here first, then {url} as the Event notification endpoint "
             "URL, and Validate.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "secret token",
    .tolerance_s = 300,
    .verified = "x-zm-signature: HMAC-SHA256 of v0:timestamp:body in hex",
    .handshake = "a signed endpoint.url_validation is answered with plainToken and its HMAC, encryptedToken",
    .type_rule = "zoom. and the member event: zoom.meeting.started",
    .dedupe_rule = "the SHA-256 of the body, which has event_ts",
    .type_from = "json:event",
    .subject_from = "json:payload.object.id",
    .keep = KEEP("x-zm-request-timestamp", "x-zm-trackingid"),
    .samples = SAMPLES({"meeting.started", NULL, JSON_TYPE,
                        "{\"event\":\"meeting.started\",\"event_ts\":{{milliseconds}},\"payload\":{\"account_id\":\"AAAAAABBBB\",\"object\":{\"id\":\"1234567890\","
                        "\"uuid\":\"{{id}}\",\"host_id\":\"x1yCzABCDEfg23HiJKl4mN\",\"topic\":\"My meeting\",\"type\":2,\"start_time\":\"{{time}}\"}}}"},
                       {"endpoint.url_validation", NULL, JSON_TYPE,
                        "{\"payload\":{\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\"},\"event_ts\":{{milliseconds}},\"event\":\"endpoint.url_validation\"}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
