/* Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks . The signature stands in the body and covers a timestamp and a
 * token only, not the body: the token is the dedupe key, so that none serves twice. */
#include "base/codec.h"
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "the body's signature.signature", .content = "{timestamp}{id}"};

static int member(struct slice signature, const char *name, struct strbuf *out, struct scheme_result *result)
{
	struct slice value;

	if (body_at(signature, name, &value) < 0)
		return refuse(result, REJECTION_MALFORMED, "the body's signature has %s twice", name);
	if (!body_text(signature, name, out))
		return refuse(result, REJECTION_MISSING_HEADER, "the body's signature has no %s, or one that is too large", name);
	return 0;
}

static int find_signature(struct slice body, struct slice *signature, struct scheme_result *result)
{
	int found = body_at(body, "signature", signature);

	if (found < 0)
		return refuse(result, REJECTION_MALFORMED, "the body is not JSON, or has signature twice");
	return found ? 0 : refuse(result, REJECTION_MISSING_HEADER, "the body has no signature");
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf timestamp = STRBUF_INIT(64), token = STRBUF_INIT(4096), signature = STRBUF_INIT(4096);
	struct hmac_signatures signatures = {.len = 1};
	struct slice object;
	int64_t time_ms;

	if (find_signature(request->body, &object, result) || member(object, "timestamp", &timestamp, result) ||
	    member(object, "token", &token, result) || member(object, "signature", &signature, result))
		goto out;
	const struct hmac_content content = {.timestamp = {timestamp.data, timestamp.len}, .id = {token.data, token.len}};
	if (time_parse(content.timestamp, TIME_SECONDS, &time_ms)) {
		refuse(result, REJECTION_MALFORMED, "the timestamp is not a whole number of digits alone");
		goto out;
	}
	if (hmac_decode((struct slice){signature.data, signature.len}, HMAC_HEX, signatures.bytes[0], hmac_bytes(rule.hash))) {
		refuse(result, REJECTION_BAD_SIGNATURE, "signature.signature is not %zu bytes in lower-case hex", hmac_bytes(rule.hash));
		goto out;
	}
	if (hmac_match(&rule, source, &content, &signatures, result) == 0)
		time_check(source, request, time_ms, TIME_SECONDS, false, result);
out:
	strbuf_free(&timestamp);
	strbuf_free(&token);
	strbuf_free(&signature);
}

/* The sample's body begins with '{': the signature becomes its first member. */
static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf time = STRBUF_INIT(32), body = STRBUF_INIT(1 << 20);
	uint8_t mac[HMAC_BYTES_MAX], digest[32];
	char token[65];

	(void)err;
	codec_sha256(moment->id.at, moment->id.len, digest);
	codec_hex(digest, sizeof digest, token);
	time_put(moment->now_ms, TIME_SECONDS, &time);
	const struct hmac_content content = {.timestamp = {strbuf_text(&time), time.len}, .id = slice_of(token)};
	size_t len = hmac_of(rule.hash, source->secrets[0], rule.content, &content, mac);
	strbuf_printf(&body, "{\"signature\":{\"token\":\"%s\",\"timestamp\":\"%s\",\"signature\":\"", token, strbuf_text(&time));
	hmac_encode(mac, len, HMAC_HEX, &body);
	strbuf_puts(&body, "\"},");
	strbuf_append(&body, made->body.data + 1, made->body.len - 1);
	strbuf_free(&made->body);
	strbuf_slice(&made->body, (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
	strbuf_free(&time);
	return 0;
}

const struct scheme scheme_mailgun = {
    .name = "mailgun",
    .title = "Mailgun",
    .page = "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
    .paste = "In Send, Sending, Webhooks, Add webhook: {url} as the URL; copy the HTTP webhook signing key (API Security) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "HTTP webhook signing key",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "the body's signature: HMAC-SHA256 of timestamp and token in hex. The rest of the body is not signed: who sees a request can change it",
    .type_rule = "mailgun. and the member event-data.event: mailgun.delivered",
    .dedupe_rule = "the token of the signature",
    .type_from = "json:event-data.event",
    .dedupe_from = "json:signature.token",
    .subject_from = "json:event-data.recipient",
    .samples = SAMPLES({"delivered", NULL, JSON_TYPE,
                        "{\"event-data\":{\"id\":\"{{id}}\",\"timestamp\":{{seconds}},\"event\":\"delivered\",\"recipient\":\"alice@example.com\",\"log-level\":\"info\","
                        "\"delivery-status\":{\"code\":250,\"message\":\"OK\"},\"message\":{\"headers\":{\"message-id\":\"20130503182626.18666.16540@example.com\"}}}}"},
                       {"failed", NULL, JSON_TYPE,
                        "{\"event-data\":{\"id\":\"{{id}}\",\"timestamp\":{{seconds}},\"event\":\"failed\",\"severity\":\"permanent\",\"reason\":\"suppress-bounce\","
                        "\"recipient\":\"alice@example.com\"}}"}),
    .verify = verify,
    .sign = sign,
};
