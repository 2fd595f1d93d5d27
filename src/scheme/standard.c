/* Standard Webhooks, and Svix, whose headers have other names: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
 * Each secret is a shared key, "whsec_" + base64 (v1), or a public key, "whpk_" + base64 (v1a). */
#include "scheme/standard.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/codec.h"
#include "scheme/pubkey.h"

#define SHARED "whsec_"
#define PUBLIC "whpk_"
#define CONTENT "{id}.{timestamp}.{body}"
enum { KEY_BYTES_MIN = 16, KEY_BYTES_MAX = 256, PUBLIC_BYTES = 32, SIGNATURE_BYTES = 64 };

static const struct hmac_rule rules[2] = {
    {.header = "webhook-signature", .time_header = "webhook-timestamp", .id_header = "webhook-id", .prefix = "v1,", .separator = ' ',
     .encoding = HMAC_BASE64, .key = HMAC_KEY_BASE64, .content = CONTENT},
    {.header = "svix-signature", .time_header = "svix-timestamp", .id_header = "svix-id", .prefix = "v1,", .separator = ' ',
     .encoding = HMAC_BASE64, .key = HMAC_KEY_BASE64, .content = CONTENT},
};

static bool begins(struct slice text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static struct slice behind(struct slice text, const char *prefix)
{
	size_t len = strlen(prefix);
	return begins(text, prefix) ? (struct slice){text.at + len, text.len - len} : text;
}

int standard_check_secret(struct slice secret, const char *pointer, struct err *err)
{
	uint8_t key[KEY_BYTES_MAX];
	bool public = begins(secret, PUBLIC);
	int len = codec_base64_decode(behind(secret, public ? PUBLIC : SHARED), key, sizeof key);

	OPENSSL_cleanse(key, sizeof key);
	if (public && len != PUBLIC_BYTES)
		return err_field(err, ERR_INVALID, pointer, "must be \"" PUBLIC "\" and the base64 of an ed25519 public key of %d bytes", PUBLIC_BYTES);
	if (!public && len < KEY_BYTES_MIN)
		return err_field(err, ERR_INVALID, pointer,
		                 "must be \"" SHARED "\" and the base64 (with padding) of %d to %d bytes, or \"" PUBLIC "\" and a public key",
		                 KEY_BYTES_MIN, KEY_BYTES_MAX);
	return 0;
}

static int check(const struct scheme_source *source, struct err *err)
{
	char pointer[32];
	int result = 0;

	for (size_t i = 0; i < source->secrets_len; i++) {
		snprintf(pointer, sizeof pointer, "/secrets/%zu", i);
		if (standard_check_secret(source->secrets[i], pointer, err))
			result = -1;
	}
	return result;
}

/* ---- v1: those of the source's secrets that are shared keys, in the form that the rule wants ---- */

static int verify_shared(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_request *request,
                         struct scheme_result *result)
{
	struct scheme_source shared = *source;
	int index[SCHEME_SECRETS_MAX];

	shared.secrets_len = 0;
	for (size_t i = 0; i < source->secrets_len; i++) {
		if (begins(source->secrets[i], PUBLIC))
			continue;
		index[shared.secrets_len] = (int)i;
		shared.secrets[shared.secrets_len++] = behind(source->secrets[i], SHARED);
	}
	if (hmac_verify(rule, &shared, request, result))
		return -1;
	result->secret_index = index[result->secret_index];
	return 0;
}

/* ---- v1a ---- */

static bool fits(struct slice secret, struct slice content, const uint8_t signatures[][SIGNATURE_BYTES], size_t len)
{
	uint8_t raw[PUBLIC_BYTES];
	bool good = false;

	if (!begins(secret, PUBLIC) || codec_base64_decode(behind(secret, PUBLIC), raw, sizeof raw) != PUBLIC_BYTES)
		return false;
	EVP_PKEY *key = pubkey_ed25519(raw);
	for (size_t i = 0; key && !good && i < len; i++)
		good = pubkey_verifies(key, NULL, content, (struct slice){(const char *)signatures[i], SIGNATURE_BYTES});
	EVP_PKEY_free(key);
	return good;
}

/* The signatures of version v1a in the header; their number. */
static size_t public_signatures(struct slice value, uint8_t signatures[][SIGNATURE_BYTES])
{
	size_t len = 0;

	while (value.len > 0 && len < HMAC_SIGNATURES_MAX) {
		const char *space = memchr(value.at, ' ', value.len);
		size_t part = space ? (size_t)(space - value.at) : value.len, used = space ? part + 1 : part;
		struct slice one = {value.at, part};
		if (begins(one, "v1a,") && hmac_decode(behind(one, "v1a,"), HMAC_BASE64, signatures[len], SIGNATURE_BYTES) == 0)
			len++;
		value = (struct slice){value.at + used, value.len - used};
	}
	return len;
}

static int verify_public(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_request *request,
                         struct scheme_result *result)
{
	uint8_t signatures[HMAC_SIGNATURES_MAX][SIGNATURE_BYTES];
	struct strbuf content = STRBUF_INIT(SIZE_MAX / 2);
	struct slice id, timestamp, value;
	int64_t time_ms;
	int found = -1;

	if (header_one(request, rule->header, &value, result) || header_one(request, rule->time_header, &timestamp, result) ||
	    header_one(request, rule->id_header, &id, result))
		return -1;
	if (time_parse(timestamp, TIME_SECONDS, &time_ms))
		return refuse(result, REJECTION_MALFORMED, "the timestamp is not a whole number of digits alone");
	size_t len = public_signatures(value, signatures);
	strbuf_slice(&content, id);
	strbuf_putc(&content, '.');
	strbuf_slice(&content, timestamp);
	strbuf_putc(&content, '.');
	strbuf_slice(&content, request->body);
	for (size_t i = 0; !content.failed && found < 0 && i < source->secrets_len; i++) {
		if (fits(source->secrets[i], (struct slice){content.data, content.len}, (const uint8_t(*)[SIGNATURE_BYTES])signatures, len))
			found = (int)i;
	}
	strbuf_free(&content);
	if (found < 0)
		return refuse_unfit(result, source, rule->header, "secret");
	result->secret_index = found;
	return time_check(source, request, time_ms, TIME_SECONDS, false, result);
}

int standard_verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	bool svix = !header_value(request, "webhook-id").at && header_value(request, "svix-id").at;
	const struct hmac_rule *rule = &rules[svix];
	bool public = false;

	for (size_t i = 0; i < source->secrets_len; i++)
		public = public || begins(source->secrets[i], PUBLIC);
	if (verify_shared(rule, source, request, result) == 0)
		return 0;
	if (!public || result->reason != REJECTION_BAD_SIGNATURE)
		return -1;
	if (verify_public(rule, source, request, result))
		return -1;
	result->verdict = SCHEME_ACCEPTED;
	return 0;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)standard_verify(source, request, result);
}

/* ---- Signing ---- */

static int sign_public(const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf content = STRBUF_INIT(SIZE_MAX / 2), signature = STRBUF_INIT(256), time = STRBUF_INIT(32);

	time_put(moment->now_ms, TIME_SECONDS, &time);
	strbuf_slice(&content, moment->id);
	strbuf_printf(&content, ".%s.", strbuf_text(&time));
	strbuf_append(&content, strbuf_text(&made->body), made->body.len);
	strbuf_puts(&signature, "v1a,");
	int result = pubkey_sign(moment, "ED25519", NULL, (struct slice){strbuf_text(&content), content.len}, false, &signature, err);
	if (result == 0)
		result = made_header(made, "webhook-id", moment->id, err);
	if (result == 0)
		result = made_header(made, "webhook-timestamp", (struct slice){strbuf_text(&time), time.len}, err);
	if (result == 0)
		result = made_header(made, "webhook-signature", (struct slice){strbuf_text(&signature), signature.len}, err);
	strbuf_free(&content);
	strbuf_free(&signature);
	strbuf_free(&time);
	return result;
}

int standard_sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct scheme_source shared = *source;

	if (begins(source->secrets[0], PUBLIC))
		return sign_public(moment, made, err);
	shared.secrets[0] = behind(source->secrets[0], SHARED);
	return hmac_sign(&rules[0], &shared, moment, made, err);
}

const struct scheme scheme_standard = {
    .name = "standard",
    .title = "Standard Webhooks, Svix",
    .page = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    .paste = "Give {url} as the endpoint's URL, and copy its signing secret (whsec_…, or whpk_… of asymmetric signatures) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "webhook-signature (or svix-signature): HMAC-SHA256 in base64 (v1) or ed25519 (v1a) over id.timestamp.body",
    .type_rule = "standard. and the member type of the body",
    .dedupe_rule = "webhook-id (or svix-id)",
    .vector = "the specification's libraries, v1 and v1a",
    .type_from = "json:type|json:event_type|json:eventType",
    .dedupe_from = "header:webhook-id|header:svix-id",
    .keep = KEEP("webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp"),
    .samples = SAMPLES(
        {"invoice.paid", NULL, JSON_TYPE,
         "{\"type\":\"invoice.paid\",\"timestamp\":\"{{time}}\",\"data\":{\"id\":\"inv_{{id}}\",\"amount\":4200,\"currency\":\"eur\"}}"},
        {"user.created", NULL, JSON_TYPE,
         "{\"type\":\"user.created\",\"timestamp\":\"{{time}}\",\"data\":{\"id\":\"usr_{{id}}\",\"email\":\"ada@example.com\"}}"}),
    .check = check,
    .verify = verify,
    .sign = standard_sign,
};
