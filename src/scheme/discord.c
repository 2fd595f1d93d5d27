/* Discord webhook events: https://docs.discord.com/developers/events/webhook-events . The source's secret is the application's public key. */
#include <stdio.h>

#include <openssl/evp.h>

#include "scheme/provider.h"
#include "scheme/pubkey.h"

enum { PUBLIC_BYTES = 32, SIGNATURE_BYTES = 64 };

static int public_key(struct slice secret, uint8_t raw[PUBLIC_BYTES])
{
	uint8_t key[HMAC_KEY_MAX];
	int len = hmac_key_of(secret, HMAC_KEY_HEX, key);
	if (len == PUBLIC_BYTES)
		memcpy(raw, key, PUBLIC_BYTES);
	return len == PUBLIC_BYTES ? 0 : -1;
}

static int check(const struct scheme_source *source, struct err *err)
{
	uint8_t raw[PUBLIC_BYTES];
	char pointer[32];
	int result = 0;

	for (size_t i = 0; i < source->secrets_len; i++) {
		snprintf(pointer, sizeof pointer, "/secrets/%zu", i);
		if (public_key(source->secrets[i], raw))
			result = err_field(err, ERR_INVALID, pointer, "must be the application's public key: %d hexadecimal digits", 2 * PUBLIC_BYTES);
	}
	return result;
}

static bool fits(struct slice secret, struct slice content, const uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t raw[PUBLIC_BYTES];
	EVP_PKEY *key = public_key(secret, raw) == 0 ? pubkey_ed25519(raw) : NULL;
	bool good = key && pubkey_verifies(key, NULL, content, (struct slice){(const char *)signature, SIGNATURE_BYTES});
	EVP_PKEY_free(key);
	return good;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf content = STRBUF_INIT(SIZE_MAX / 2);
	uint8_t signature[SIGNATURE_BYTES];
	struct slice value, timestamp, type;

	if (header_one(request, "x-signature-ed25519", &value, result) || header_one(request, "x-signature-timestamp", &timestamp, result))
		return;
	if (hmac_decode(value, HMAC_HEX, signature, sizeof signature)) {
		refuse(result, REJECTION_BAD_SIGNATURE, "x-signature-ed25519 is not %d bytes in lower-case hex", SIGNATURE_BYTES);
		return;
	}
	strbuf_slice(&content, timestamp);
	strbuf_slice(&content, request->body);
	for (size_t i = 0; !content.failed && result->secret_index < 0 && i < source->secrets_len; i++) {
		if (fits(source->secrets[i], (struct slice){content.data, content.len}, signature))
			result->secret_index = (int)i;
	}
	strbuf_free(&content);
	if (result->secret_index < 0)
		refuse_unfit(result, source, "x-signature-ed25519", "public key");
	else if (time_check_text(source, request, timestamp, TIME_SECONDS, false, result) == 0 &&
	         body_at(request->body, "type", &type) == 1 && slice_is(type, "0")) {
		answer_with(result, NULL, (struct slice){NULL, 0});
		result->reply.status = 204;
	}
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)source;
	put_dedupe_digest(result, request->body);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf content = STRBUF_INIT(1 << 20), time = STRBUF_INIT(32), signature = STRBUF_INIT(256);

	(void)source;
	time_put(moment->now_ms, TIME_SECONDS, &time);
	strbuf_puts(&content, strbuf_text(&time));
	strbuf_append(&content, strbuf_text(&made->body), made->body.len);
	int result = pubkey_sign(moment, "ED25519", NULL, (struct slice){strbuf_text(&content), content.len}, true, &signature, err);
	if (result == 0)
		result = made_header(made, "X-Signature-Ed25519", (struct slice){strbuf_text(&signature), signature.len}, err);
	if (result == 0)
		result = made_header(made, "X-Signature-Timestamp", (struct slice){strbuf_text(&time), time.len}, err);
	strbuf_free(&content);
	strbuf_free(&time);
	strbuf_free(&signature);
	return result;
}

const struct scheme scheme_discord = {
    .name = "discord",
    .title = "Discord",
    .page = "https://docs.discord.com/developers/events/webhook-events",
    .paste = "In the Developer Portal: copy the application's Public Key (General Information) here first; then, under Webhooks, {url} as the Endpoint URL.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "public key",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "X-Signature-Ed25519: ed25519 in hex over timestamp and body",
    .handshake = "a signed PING (type 0) is answered with 204",
    .type_rule = "discord. and the member event.type: discord.APPLICATION_AUTHORIZED",
    .dedupe_rule = "the SHA-256 of the body, which has the event's timestamp",
    .signs_by_key = true,
    .type_from = "json:event.type",
    .subject_from = "json:application_id",
    .samples = SAMPLES({"APPLICATION_AUTHORIZED", NULL, JSON_TYPE,
                        "{\"version\":1,\"application_id\":\"1234560123453231555\",\"type\":1,\"event\":{\"type\":\"APPLICATION_AUTHORIZED\",\"timestamp\":\"{{time}}\","
                        "\"data\":{\"integration_type\":1,\"scopes\":[\"applications.commands\"],\"user\":{\"id\":\"{{id}}\",\"username\":\"nelly\"}}}}"},
                       {"ping", NULL, JSON_TYPE, "{\"version\":1,\"application_id\":\"1234560123453231555\",\"type\":0}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
