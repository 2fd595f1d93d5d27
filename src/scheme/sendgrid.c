/* SendGrid Event Webhook: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features . The source's secret is
 * the verification (public) key. The body may end in CRLF, which is signed. */
#include <stdio.h>

#include <openssl/evp.h>

#include "scheme/provider.h"
#include "scheme/pubkey.h"

#define SIGNATURE "x-twilio-email-event-webhook-signature"
#define TIMESTAMP "x-twilio-email-event-webhook-timestamp"

static int check(const struct scheme_source *source, struct err *err)
{
	char pointer[32];
	int result = 0;

	for (size_t i = 0; i < source->secrets_len; i++) {
		EVP_PKEY *key = pubkey_of_text(source->secrets[i], "EC");
		snprintf(pointer, sizeof pointer, "/secrets/%zu", i);
		if (!key)
			result = err_field(err, ERR_INVALID, pointer, "must be the verification key: the base64 of an elliptic public key (MFkwEwYH…), or PEM");
		EVP_PKEY_free(key);
	}
	return result;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf content = STRBUF_INIT(SIZE_MAX / 2);
	uint8_t signature[PUBKEY_SIGNATURE_MAX];
	struct slice value, timestamp;

	if (header_one(request, SIGNATURE, &value, result) || header_one(request, TIMESTAMP, &timestamp, result))
		return;
	int len = pubkey_signature(value, signature);
	if (len < 0) {
		refuse(result, REJECTION_BAD_SIGNATURE, SIGNATURE " is not base64 with padding");
		return;
	}
	strbuf_slice(&content, timestamp);
	strbuf_slice(&content, request->body);
	for (size_t i = 0; !content.failed && result->secret_index < 0 && i < source->secrets_len; i++) {
		EVP_PKEY *key = pubkey_of_text(source->secrets[i], "EC");
		if (key && pubkey_verifies(key, "SHA256", (struct slice){content.data, content.len}, (struct slice){(const char *)signature, (size_t)len}))
			result->secret_index = (int)i;
		EVP_PKEY_free(key);
	}
	strbuf_free(&content);
	if (result->secret_index < 0)
		refuse_unfit(result, source, SIGNATURE, "public key");
	else
		time_check_text(source, request, timestamp, TIME_SECONDS, false, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule batch = {.scheme = "sendgrid", .array = "", .type = "event", .mixed = "events", .key = "sg_event_id"};

	(void)source;
	put_batch(result, request->body, &batch);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf content = STRBUF_INIT(1 << 20), time = STRBUF_INIT(32), signature = STRBUF_INIT(1000);

	(void)source;
	time_put(moment->now_ms, TIME_SECONDS, &time);
	strbuf_puts(&content, strbuf_text(&time));
	strbuf_append(&content, strbuf_text(&made->body), made->body.len);
	int result = pubkey_sign(moment, "EC", "SHA256", (struct slice){strbuf_text(&content), content.len}, false, &signature, err);
	if (result == 0)
		result = made_header(made, "X-Twilio-Email-Event-Webhook-Signature", (struct slice){strbuf_text(&signature), signature.len}, err);
	if (result == 0)
		result = made_header(made, "X-Twilio-Email-Event-Webhook-Timestamp", (struct slice){strbuf_text(&time), time.len}, err);
	strbuf_free(&content);
	strbuf_free(&time);
	strbuf_free(&signature);
	return result;
}

const struct scheme scheme_sendgrid = {
    .name = "sendgrid",
    .title = "SendGrid",
    .page = "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
    .paste = "In Settings, Mail Settings, Event Webhooks: {url} as the Post URL, Signature Verification enabled; copy the Verification Key here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "verification key",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "X-Twilio-Email-Event-Webhook-Signature: ECDSA P-256 with SHA-256 over timestamp and body, base64 of DER",
    .type_rule = "sendgrid. and the member event of all events of the request: sendgrid.delivered; else sendgrid.events",
    .dedupe_rule = "sg_event_id; of several events their digest",
    .signs_by_key = true,
    .samples = SAMPLES({"delivered", NULL, JSON_TYPE,
                        "[{\"email\":\"example@test.com\",\"timestamp\":{{seconds}},\"smtp-id\":\"<14c5d75ce93.dfd.64b469@ismtpd-555>\",\"event\":\"delivered\","
                        "\"category\":[\"cat facts\"],\"sg_event_id\":\"{{id}}\",\"sg_message_id\":\"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0\","
                        "\"response\":\"250 OK\"}]\r\n"},
                       {"bounce", NULL, JSON_TYPE,
                        "[{\"email\":\"example@test.com\",\"timestamp\":{{seconds}},\"event\":\"bounce\",\"sg_event_id\":\"{{id}}\",\"reason\":\"500 unknown recipient\","
                        "\"status\":\"5.0.0\"}]\r\n"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
