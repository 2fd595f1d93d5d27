/* HubSpot: https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests . Version 3 unless the source is set to an older one: which
 * one is never the request's choice. */
#include <openssl/crypto.h>

#include "base/codec.h"
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-hubspot-signature-v3",
                                      .time_header = "x-hubspot-request-timestamp",
                                      .time = TIME_MILLISECONDS,
                                      .encoding = HMAC_BASE64,
                                      .content = "{method}{url}{body}{timestamp}",
                                      .url_decoded = ":/?@!'()*,;"};

static bool version_is(const struct scheme_source *source, const char *version)
{
	return slice_is(setting_text(source, "signature_version", "v3"), version);
}

/* Versions 1 and 2 are no HMAC, but a digest that begins with the secret. False: memory is out. */
static bool old_digest(struct slice secret, struct slice before, struct slice body, char hex[65])
{
	struct strbuf content = STRBUF_INIT(SIZE_MAX / 2);
	uint8_t digest[32];

	strbuf_slice(&content, secret);
	strbuf_slice(&content, before);
	strbuf_slice(&content, body);
	bool good = !content.failed;
	if (good) {
		codec_sha256(content.data, content.len, digest);
		codec_hex(digest, sizeof digest, hex);
		OPENSSL_cleanse(content.data, content.len);
	}
	strbuf_free(&content);
	return good;
}

static void put_before(const struct scheme_source *source, const struct scheme_request *request, struct strbuf *out)
{
	if (version_is(source, "v1"))
		return;
	strbuf_slice(out, request->method);
	request_url(source, request, out);
	if (request->query.len > 0) {
		strbuf_putc(out, '?');
		strbuf_slice(out, request->query);
	}
}

static void verify_old(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf before = STRBUF_INIT(16384);
	struct slice value, version = header_value(request, "x-hubspot-signature-version");
	char hex[65];
	int found = -1;

	if (header_one(request, "x-hubspot-signature", &value, result))
		return;
	if (version.at && !slice_equal(version, setting_text(source, "signature_version", "v3"))) {
		refuse(result, REJECTION_BAD_SIGNATURE, "x-hubspot-signature-version is not that of the setting signature_version");
		return;
	}
	put_before(source, request, &before);
	for (size_t i = 0; i < source->secrets_len; i++) {
		if (old_digest(source->secrets[i], (struct slice){strbuf_text(&before), before.len}, request->body, hex) &&
		    same_secret(value, slice_of(hex)) && found < 0)
			found = (int)i;
	}
	strbuf_free(&before);
	result->secret_index = found;
	if (found < 0)
		refuse_unfit(result, source, "x-hubspot-signature", "secret");
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	if (version_is(source, "v3"))
		hmac_verify(&rule, source, request, result);
	else
		verify_old(source, request, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule batch = {
	    .scheme = "hubspot", .array = "", .type = "subscriptionType", .mixed = "events", .key = "eventId+subscriptionId+occurredAt"};

	(void)source;
	put_batch(result, request->body, &batch);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf before = STRBUF_INIT(16384);
	char hex[65];

	if (version_is(source, "v3"))
		return hmac_sign(&rule, source, moment, made, err);
	if (version_is(source, "v2")) {
		strbuf_puts(&before, "POST");
		strbuf_slice(&before, source->public_url);
	}
	bool good = old_digest(source->secrets[0], (struct slice){strbuf_text(&before), before.len},
	                       (struct slice){strbuf_text(&made->body), made->body.len}, hex);
	strbuf_free(&before);
	if (!good)
		return err_set(err, ERR_UNAVAILABLE, "memory is out");
	if (made_header(made, "X-HubSpot-Signature", slice_of(hex), err))
		return -1;
	return made_header(made, "X-HubSpot-Signature-Version", setting_text(source, "signature_version", "v3"), err);
}

const struct scheme scheme_hubspot = {
    .name = "hubspot",
    .title = "HubSpot",
    .page = "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
    .paste = "In the app's settings, Webhooks: {url} as the Target URL, the same as public_url here; copy the client secret (Auth) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "client secret",
    .tolerance_s = 300,
    .verified = "X-HubSpot-Signature-v3: HMAC-SHA256 of method, URL, body and timestamp in base64; or, where the source says so, the older v1 and v2",
    .type_rule = "hubspot. and the subscriptionType of all events of the request: hubspot.contact.creation; else hubspot.events",
    .dedupe_rule = "eventId, subscriptionId and occurredAt; of several events their digest",
    .signs_url = true,
    .settings = SETTINGS({"signature_version", "v3|v2|v1", false, "v3", "The version of the signatures; v1 and v2 have no timestamp."}),
    .keep = KEEP("x-hubspot-request-timestamp", "x-hubspot-signature-version"),
    .samples = SAMPLES({"contact.creation", NULL, JSON_TYPE,
                        "[{\"appId\":123456,\"eventId\":\"{{id}}\",\"subscriptionId\":12345,\"portalId\":62515,\"occurredAt\":{{milliseconds}},\"subscriptionType\":"
                        "\"contact.creation\",\"attemptNumber\":0,\"objectId\":1246965,\"changeFlag\":\"CREATED\"}]"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
