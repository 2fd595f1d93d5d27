/* Adyen: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/ . Classic notifications are signed item by item, over some
 * fields joined by ':' (nothing is escaped); those of the newer platforms over the body, in a header. The answer [accepted] is wanted. */
#include "scheme/provider.h"

enum { BODY_MAX = 4 << 20 };

static const struct hmac_rule rule = {.header = "hmacsignature", .encoding = HMAC_BASE64, .key = HMAC_KEY_HEX};
static const struct hmac_rule item_rule = {
    .header = "additionalData.hmacSignature", .encoding = HMAC_BASE64, .key = HMAC_KEY_HEX};

static int check(const struct scheme_source *source, struct err *err)
{
	return hmac_check(&rule, source, err);
}

static const char *const fields[] = {"pspReference",   "originalReference", "merchantAccountCode", "merchantReference",
                                     "amount.value", "amount.currency",   "eventCode",           "success"};

/* What is signed of an item; -1: a field is there twice. */
static int put_content(struct slice item, struct strbuf *out)
{
	struct slice value;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (i > 0)
			strbuf_putc(out, ':');
		if (body_at(item, fields[i], &value) < 0)
			return -1;
		(void)body_text(item, fields[i], out);
	}
	return 0;
}

struct items {
	const struct scheme_source *source;
	struct scheme_result *result;
	size_t len;
};

static int verify_item(void *context, struct slice element)
{
	struct items *items = context;
	struct strbuf content = STRBUF_INIT(8192), text = STRBUF_INIT(4096);
	struct hmac_signatures signatures = {.len = 1};
	struct slice item, value;
	int fate = -2;

	items->len++;
	if (body_at(element, "NotificationRequestItem", &item) != 1 || put_content(item, &content) ||
	    body_at(item, "additionalData.hmacSignature", &value) < 0) {
		refuse(items->result, REJECTION_MALFORMED, "an item is no NotificationRequestItem, or has a signed field twice");
	} else if (!body_text(item, "additionalData.hmacSignature", &text)) {
		refuse(items->result, REJECTION_MISSING_HEADER, "an item has no additionalData.hmacSignature, or one that is too large");
	} else if (hmac_decode((struct slice){text.data, text.len}, HMAC_BASE64, signatures.bytes[0], hmac_bytes(HMAC_SHA256))) {
		refuse(items->result, REJECTION_BAD_SIGNATURE, "hmacSignature is not 32 bytes in base64 with padding");
	} else {
		const struct hmac_content signed_content = {.body = {strbuf_text(&content), content.len}};
		if (!content.failed && hmac_match(&item_rule, items->source, &signed_content, &signatures, items->result) == 0)
			fate = 0;
	}
	strbuf_free(&content);
	strbuf_free(&text);
	return fate;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct items items = {source, result, 0};
	struct slice array;

	if (header_value(request, rule.header).at) {
		hmac_verify(&rule, source, request, result);
	} else if (body_bounded(request, BODY_MAX, result) == 0) {
		int found = body_at(request->body, "notificationItems", &array);
		int fate = found == 1 ? body_each(array, verify_item, &items) : -1;
		if (found == 0)
			refuse(result, REJECTION_MISSING_HEADER, "the header HmacSignature is missing, and the body has no notificationItems");
		else if (fate == -1 || (fate == 0 && items.len == 0))
			refuse(result, REJECTION_MALFORMED, "the body is not JSON with items in the one member notificationItems");
		else if (fate != 0 && result->verdict != SCHEME_REFUSED)
			refuse(result, REJECTION_MALFORMED, "an item is too large");
	}
	if (result->verdict == SCHEME_ACCEPTED) {
		result->reply.status = 200;
		result->reply.content_type = "text/plain";
		strbuf_puts(&result->reply.body, "[accepted]");
	}
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule batch = {.scheme = "adyen",
	                                        .array = "notificationItems",
	                                        .type = "NotificationRequestItem.eventCode",
	                                        .mixed = "notifications",
	                                        .key = "NotificationRequestItem.pspReference+NotificationRequestItem.eventCode+"
	                                               "NotificationRequestItem.success"};

	(void)source;
	if (header_value(request, rule.header).at)
		put_dedupe_digest(result, request->body);
	else
		put_batch(result, request->body, &batch);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	static const char place[] = "{{signature}}";
	struct strbuf content = STRBUF_INIT(8192), body = STRBUF_INIT(1 << 20);
	uint8_t key[HMAC_KEY_MAX], mac[HMAC_BYTES_MAX];
	struct slice item;
	int result = 0;

	const char *at = strstr(strbuf_text(&made->body), place);
	if (!at)
		return hmac_sign(&rule, source, moment, made, err);
	int key_len = hmac_key_of(source->secrets[0], HMAC_KEY_HEX, key);
	if (key_len < 1 || body_at((struct slice){made->body.data, made->body.len}, "notificationItems.0.NotificationRequestItem", &item) != 1 ||
	    put_content(item, &content))
		result = err_set(err, ERR_INTERNAL, "the sample cannot be signed");
	const struct hmac_content signed_content = {.body = {strbuf_text(&content), content.len}};
	size_t len = result == 0 ? hmac_of(HMAC_SHA256, (struct slice){(const char *)key, (size_t)key_len}, NULL, &signed_content, mac) : 0;
	strbuf_append(&body, made->body.data, (size_t)(at - made->body.data));
	hmac_encode(mac, len, HMAC_BASE64, &body);
	strbuf_puts(&body, at + sizeof place - 1);
	strbuf_free(&made->body);
	strbuf_slice(&made->body, (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
	strbuf_free(&content);
	return result;
}

const struct scheme scheme_adyen = {
    .name = "adyen",
    .title = "Adyen",
    .page = "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
    .paste = "In the Customer Area, Developers, Webhooks: {url} as the URL, JSON; generate an HMAC key and copy it here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "HMAC key",
    .verified = "additionalData.hmacSignature of every item: HMAC-SHA256 in base64 over psp and original reference, merchant account and reference, value, currency, "
                "event code and success; or the header HmacSignature over the body; the key is decoded from hex",
    .type_rule = "adyen. and the eventCode of all items: adyen.AUTHORISATION; else adyen.notifications; with the header the member type",
    .dedupe_rule = "pspReference, eventCode and success; of several items their digest; with the header the SHA-256 of the body",
    .type_from = "json:type",
    .subject_from = "json:notificationItems.0.NotificationRequestItem.merchantReference",
    .samples = SAMPLES(
        {"AUTHORISATION", NULL, JSON_TYPE,
         "{\"live\":\"false\",\"notificationItems\":[{\"NotificationRequestItem\":{\"additionalData\":{\"hmacSignature\":\"{{signature}}\"},\"eventCode\":\"AUTHORISATION\","
         "\"success\":\"true\",\"eventDate\":\"{{time}}\",\"merchantAccountCode\":\"YOUR_MERCHANT_ACCOUNT\",\"pspReference\":\"{{id}}\",\"merchantReference\":"
         "\"YOUR_REFERENCE\",\"amount\":{\"value\":1000,\"currency\":\"EUR\"},\"paymentMethod\":\"visa\"}}]}"},
        {"balancePlatform.transfer.created", NULL, JSON_TYPE,
         "{\"data\":{\"id\":\"{{id}}\",\"balancePlatform\":\"YOUR_PLATFORM\",\"status\":\"received\"},\"environment\":\"test\",\"timestamp\":\"{{time}}\",\"type\":"
         "\"balancePlatform.transfer.created\"}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
