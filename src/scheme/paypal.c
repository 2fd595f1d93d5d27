/* PayPal: https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod . Of the body the CRC-32 is signed. */
#include <stdio.h>

#include "scheme/certificate.h"
#include "scheme/pubkey.h"

enum { FOUR_DAYS_S = 345600 };

static uint32_t crc32_of(struct slice bytes)
{
	uint32_t table[256], crc = 0xffffffff;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
		table[i] = value;
	}
	for (size_t i = 0; i < bytes.len; i++)
		crc = crc >> 8 ^ table[(crc ^ (uint8_t)bytes.at[i]) & 255];
	return ~crc;
}

static bool live_host(struct slice host)
{
	return slice_is(host, "api.paypal.com");
}

static bool sandbox_host(struct slice host)
{
	return slice_is(host, "api.sandbox.paypal.com");
}

static bool url_good(const struct scheme_source *source, struct slice url)
{
	static const char folder[] = "/v1/notifications/certs/";
	bool sandbox = slice_is(setting_text(source, "environment", "live"), "sandbox");
	size_t len = sizeof folder - 1;
	struct slice path;

	return certificate_url_good(url, sandbox ? sandbox_host : live_host, &path) && path.len > len && memcmp(path.at, folder, len) == 0 &&
	       !memmem(path.at, path.len, "..", 2);
}

static void put_content(const struct scheme_source *source, struct slice id, struct slice time, struct slice body, struct strbuf *out)
{
	struct slice webhook_id = setting_text(source, "webhook_id", "");

	strbuf_slice(out, id);
	strbuf_putc(out, '|');
	strbuf_slice(out, time);
	strbuf_putc(out, '|');
	strbuf_slice(out, webhook_id);
	strbuf_printf(out, "|%lu", (unsigned long)crc32_of(body));
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct slice id, time, signature, url, algorithm;
	struct strbuf content = STRBUF_INIT(4096);

	if (header_one(request, "paypal-transmission-id", &id, result) || header_one(request, "paypal-transmission-time", &time, result) ||
	    header_one(request, "paypal-transmission-sig", &signature, result) || header_one(request, "paypal-cert-url", &url, result) ||
	    header_one(request, "paypal-auth-algo", &algorithm, result))
		return;
	if (!slice_is(algorithm, "SHA256withRSA")) {
		refuse(result, REJECTION_BAD_SIGNATURE, "paypal-auth-algo is not SHA256withRSA");
		return;
	}
	if (!url_good(source, url)) {
		refuse(result, REJECTION_BAD_SIGNATURE, "paypal-cert-url is not of PayPal's own host for the %s environment",
		       setting_text(source, "environment", "live").at);
		return;
	}
	put_content(source, id, time, request->body, &content);
	if (content.failed)
		refuse(result, REJECTION_MALFORMED, "a header is too large");
	else
		certificate_verify(source, request, url, "SHA256", (struct slice){content.data, content.len}, signature,
		                   "paypal-transmission-sig", result);
	strbuf_free(&content);
	if (result->verdict == SCHEME_ACCEPTED)
		time_check_text(source, request, time, TIME_RFC3339, false, result);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf content = STRBUF_INIT(4096), time = STRBUF_INIT(64), signature = STRBUF_INIT(2 * PUBKEY_SIGNATURE_MAX), url = STRBUF_INIT(256);

	time_put(moment->now_ms, TIME_RFC3339, &time);
	put_content(source, moment->id, (struct slice){strbuf_text(&time), time.len}, (struct slice){strbuf_text(&made->body), made->body.len}, &content);
	strbuf_printf(&url, "https://api.%spaypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270",
	              slice_is(setting_text(source, "environment", "live"), "sandbox") ? "sandbox." : "");
	int result = pubkey_sign(moment, "RSA", "SHA256", (struct slice){strbuf_text(&content), content.len}, false, &signature, err);
	if (result == 0)
		result = made_header(made, "PAYPAL-TRANSMISSION-ID", moment->id, err);
	if (result == 0)
		result = made_header(made, "PAYPAL-TRANSMISSION-TIME", (struct slice){strbuf_text(&time), time.len}, err);
	if (result == 0)
		result = made_header(made, "PAYPAL-TRANSMISSION-SIG", (struct slice){strbuf_text(&signature), signature.len}, err);
	if (result == 0)
		result = made_header(made, "PAYPAL-CERT-URL", (struct slice){strbuf_text(&url), url.len}, err);
	if (result == 0)
		result = made_header(made, "PAYPAL-AUTH-ALGO", SLICE_LITERAL("SHA256withRSA"), err);
	strbuf_free(&content);
	strbuf_free(&time);
	strbuf_free(&signature);
	strbuf_free(&url);
	return result;
}

const struct scheme scheme_paypal = {
    .name = "paypal",
    .title = "PayPal",
    .page = "https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod",
    .paste = "In the Developer Dashboard, the app's Webhooks, Add Webhook: {url} as the URL; copy the Webhook ID here.",
    .secret = SCHEME_SECRET_NONE,
    .tolerance_s = FOUR_DAYS_S,
    .verified = "PAYPAL-TRANSMISSION-SIG: RSA with SHA-256 over id, time, webhook_id and the body's CRC-32, by a certificate of PayPal's own host; four days are allowed, "
                "because it is sent again for three",
    .type_rule = "paypal. and the member event_type: paypal.PAYMENT.CAPTURE.COMPLETED",
    .dedupe_rule = "the member id",
    .signs_by_key = true,
    .type_from = "json:event_type",
    .dedupe_from = "json:id",
    .subject_from = "json:resource.id",
    .settings = SETTINGS({"webhook_id", "string", true, NULL, "The Webhook ID that PayPal shows beside the URL."},
                         {"environment", "live|sandbox", false, "live", "Whose certificates are taken."}, CERTIFICATE_SETTING),
    .keep = KEEP("paypal-transmission-id", "paypal-transmission-time"),
    .samples = SAMPLES({"PAYMENT.CAPTURE.COMPLETED", NULL, JSON_TYPE,
                        "{\"id\":\"WH-{{id}}\",\"event_version\":\"1.0\",\"create_time\":\"{{time}}\",\"resource_type\":\"capture\",\"event_type\":\"PAYMENT.CAPTURE.COMPLETED\","
                        "\"summary\":\"Payment completed for $ 57.0 USD\",\"resource\":{\"id\":\"42311647XV020574X\",\"status\":\"COMPLETED\",\"amount\":{\"currency_code\":\"USD\","
                        "\"value\":\"57.00\"}}}"}),
    .check = certificate_check,
    .verify = verify,
    .sign = sign,
};
