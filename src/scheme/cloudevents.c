/* CloudEvents over HTTP webhooks: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md . Authorized by a token, in the header or the query. */
#include "scheme/cloudevents.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "model/context.h"
#include "model/event.h"
#include "scheme/bearer.h"

enum { ATTRIBUTE_MAX = 4096 };

void consent(const struct scheme_request *request, struct slice allowed, int64_t rate, struct scheme_result *result)
{
	struct slice origin;
	char text[24] = "*";

	if (header_one(request, "webhook-request-origin", &origin, result))
		return;
	if (!slice_is(allowed, "*") && !slice_equal(allowed, origin)) {
		refuse(result, REJECTION_BAD_SIGNATURE, "webhook-request-origin is not the one that is allowed");
		return;
	}
	if (!echo_good(origin) || origin.len > 200) {
		refuse(result, REJECTION_MALFORMED, "webhook-request-origin is no name of a host");
		return;
	}
	answer_with(result, NULL, (struct slice){NULL, 0});
	answer_header(result, "WebHook-Allowed-Origin", origin);
	if (rate > 0)
		snprintf(text, sizeof text, "%" PRId64, rate);
	if (header_value(request, "webhook-request-rate").at)
		answer_header(result, "WebHook-Allowed-Rate", slice_of(text));
	answer_header(result, "Allow", SLICE_LITERAL("POST, OPTIONS"));
}

/* ---- The three modes ---- */

enum mode { MODE_NONE, MODE_BINARY, MODE_STRUCTURED, MODE_BATCH };

static enum mode mode_of(const struct scheme_request *request)
{
	static const char batch[] = "application/cloudevents-batch", structured[] = "application/cloudevents";
	struct slice type = header_value(request, "content-type");

	if (type.len >= sizeof batch - 1 && strncasecmp(type.at, batch, sizeof batch - 1) == 0)
		return MODE_BATCH;
	if (type.len >= sizeof structured - 1 && strncasecmp(type.at, structured, sizeof structured - 1) == 0)
		return MODE_STRUCTURED;
	return header_value(request, "ce-specversion").at ? MODE_BINARY : MODE_NONE;
}

static bool attribute(const struct scheme_request *request, enum mode mode, const char *name, struct strbuf *out)
{
	char header[32];

	if (mode == MODE_STRUCTURED)
		return body_text(request->body, name, out);
	snprintf(header, sizeof header, "ce-%s", name);
	struct slice value = header_value(request, header);
	return value.len > 0 && context_header_decode(value, out) == 0 && out->len > 0;
}

/* An event without its required attributes is none. */
static void check_event(const struct scheme_request *request, enum mode mode, struct scheme_result *result)
{
	static const char *const required[] = {"specversion", "id", "source", "type"};
	struct strbuf text = STRBUF_INIT(ATTRIBUTE_MAX);

	if (mode == MODE_NONE)
		refuse(result, REJECTION_MALFORMED, "it is no CloudEvent: neither ce-specversion nor application/cloudevents");
	else if (mode == MODE_BATCH)
		refuse(result, REJECTION_MALFORMED, "batches are not taken: set the sender to structured or binary mode, one event a request");
	for (size_t i = 0; mode != MODE_NONE && mode != MODE_BATCH && i < sizeof required / sizeof *required; i++) {
		strbuf_clear(&text);
		if (!attribute(request, mode, required[i], &text)) {
			refuse(result, REJECTION_MALFORMED, "the CloudEvent has no %s, or one that is not well-formed", required[i]);
			break;
		}
		if (i == 0 && strcmp(strbuf_text(&text), "1.0") != 0) {
			refuse(result, REJECTION_MALFORMED, "the CloudEvent's specversion is not 1.0");
			break;
		}
	}
	strbuf_free(&text);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf token = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);
	int fate;

	if (method_is(request, "OPTIONS")) {
		int64_t rate = json_integer_value(json_object_get(source->settings, "allowed_rate"));
		consent(request, setting_text(source, "allowed_origin", "*"), rate, result);
		return;
	}
	if (header_value(request, "authorization").at)
		fate = bearer_verify(source, request, result);
	else if (form_value(request->query, "access_token", &token) && token.len > 0)
		fate = secret_equal(source, (struct slice){token.data, token.len}, "access_token", result);
	else
		fate = refuse(result, REJECTION_MISSING_HEADER, "there is neither the header authorization nor access_token in the query");
	strbuf_free(&token);
	if (fate == 0)
		check_event(request, mode_of(request), result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(ATTRIBUTE_MAX);
	enum mode mode = mode_of(request);

	(void)source;
	result->form = mode == MODE_BINARY ? SCHEME_BINARY : SCHEME_STRUCTURED;
	if (attribute(request, mode, "type", &text))
		put_whole_type(result, (struct slice){text.data, text.len});
	if (event_type_check((struct slice){strbuf_text(&result->type), result->type.len}, "/type", NULL))
		put_type(result, "cloudevents", (struct slice){text.data, text.len});
	strbuf_clear(&text);
	if (attribute(request, mode, "source", &text)) {
		strbuf_putc(&text, '|');
		if (attribute(request, mode, "id", &text))
			put_dedupe(result, (struct slice){text.data, text.len});
	}
	strbuf_clear(&text);
	if (attribute(request, mode, "subject", &text))
		put_subject(result, (struct slice){text.data, text.len});
	strbuf_free(&text);
}

static int check(const struct scheme_source *source, struct err *err)
{
	const json_t *rate = json_object_get(source->settings, "allowed_rate");
	if (rate && (json_integer_value(rate) < 1 || json_integer_value(rate) > 1000000))
		return err_field(err, ERR_INVALID, "/settings/allowed_rate", "must be between 1 and 1000000");
	return 0;
}

const struct scheme scheme_cloudevents = {
    .name = "cloudevents",
    .title = "CloudEvents",
    .page = "https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md",
    .paste = "Give the sender {url} as the target, and the secret as the bearer token (or as access_token in the query).",
    .secret = SCHEME_SECRET_CHOSEN,
    .challenge = "Bearer",
    .secret_name = "access token",
    .methods = SCHEME_OPTIONS,
    .verified = "Authorization: Bearer, or access_token in the query, equals one of the secrets; it is one CloudEvent 1.0, structured or binary (batches are refused); the body is not signed",
    .handshake = "OPTIONS with WebHook-Request-Origin is answered with WebHook-Allowed-Origin, and WebHook-Allowed-Rate where a rate was asked for",
    .type_rule = "the event's own type, in our grammar",
    .dedupe_rule = "the event's source and id",
    .settings = SETTINGS({"allowed_origin", "string", false, "*", "The only WebHook-Request-Origin that is consented to."},
                         {"allowed_rate", "integer", false, NULL, "Requests a minute that are consented to; any when it is not set."}),
    .keep = KEEP("ce-id", "ce-source", "ce-type", "ce-specversion", "ce-subject", "ce-time"),
    .samples = SAMPLES({"structured", NULL, "application/cloudevents+json",
                        "{\"specversion\":\"1.0\",\"type\":\"com.example.order.created\",\"source\":\"/orders\",\"id\":\"{{id}}\",\"time\":\"{{time}}\","
                        "\"subject\":\"1001\",\"datacontenttype\":\"application/json\",\"data\":{\"order\":1001}}"},
                       {"binary", "ce-specversion: 1.0\nce-type: com.example.order.created\nce-source: /orders\nce-id: {{id}}\nce-subject: 1001\n", JSON_TYPE,
                        "{\"order\":1001}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = bearer_sign,
};
