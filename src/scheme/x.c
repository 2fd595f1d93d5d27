/* X (Twitter), Account Activity: https://docs.x.com/x-api/webhooks/introduction . The challenge asks for a MAC by the very key that signs bodies,
 * of a text that the caller chooses: so tokens may not look like a body, and bodies must be JSON objects. */
#include "json/scan.h"
#include "scheme/provider.h"

enum { TOKEN_MAX = 256 };

static const struct hmac_rule rule = {.header = "x-twitter-webhooks-signature", .prefix = "sha256=", .encoding = HMAC_BASE64};

static bool token_good(struct slice token)
{
	for (size_t i = 0; i < token.len; i++) {
		char c = token.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_=+/.", c))))
			return false;
	}
	return token.len > 0 && token.len <= TOKEN_MAX;
}

static void prove(const struct scheme_source *source, struct slice token, struct scheme_result *result)
{
	const struct hmac_content content = {.body = token};
	struct strbuf body = STRBUF_INIT(256);
	uint8_t mac[HMAC_BYTES_MAX];

	size_t len = hmac_of(HMAC_SHA256, source->secrets[0], NULL, &content, mac);
	strbuf_puts(&body, "{\"response_token\":\"sha256=");
	hmac_encode(mac, len, HMAC_BASE64, &body);
	strbuf_puts(&body, "\"}");
	answer_with(result, JSON_TYPE, (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf token = STRBUF_INIT(TOKEN_MAX);

	if (method_is(request, "POST")) {
		if (hmac_verify(&rule, source, request, result) == 0 && !body_begins(request->body, '{'))
			refuse(result, REJECTION_MALFORMED, "the body is not a JSON object");
	} else if (!form_value(request->query, "crc_token", &token)) {
		refuse(result, REJECTION_MISSING_HEADER, "a GET without crc_token");
	} else if (token.failed || !token_good((struct slice){strbuf_text(&token), token.len})) {
		refuse(result, REJECTION_MALFORMED, "the crc_token is too long or has characters that no token of X has");
	} else if (source->secrets_len > 0) {
		prove(source, (struct slice){token.data, token.len}, result);
	} else {
		refuse(result, REJECTION_BAD_SIGNATURE, "the source has no secret");
	}
	strbuf_free(&token);
}

/* The first member whose name ends in "_events" or "_event" says what it is: x.tweet_create_events. */
static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct json_scan scan;
	struct slice key, value;
	struct strbuf name = STRBUF_INIT(256);
	bool found = false;

	(void)source;
	json_scan_init(&scan, request->body, BODY_DEPTH_MAX);
	for (int more = json_open_object(&scan) ? -1 : 1; !found && more == 1;) {
		more = json_member(&scan, &key, &value);
		strbuf_clear(&name);
		found = more == 1 && json_decode(key, &name) == 0 && strstr(strbuf_text(&name), "_event");
	}
	if (found)
		put_type(result, "x", (struct slice){name.data, name.len});
	put_dedupe_digest(result, request->body);
	strbuf_free(&name);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_x = {
    .name = "x",
    .title = "X (Twitter)",
    .page = "https://docs.x.com/x-api/webhooks/introduction",
    .paste = "Copy the app's API secret key (consumer secret) here, then register {url} as a webhook (POST /2/webhooks).",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "consumer secret",
    .methods = SCHEME_GET,
    .verified = "x-twitter-webhooks-signature: HMAC-SHA256 of the body in base64; the body must be a JSON object",
    .handshake = "GET with crc_token is answered with its HMAC, response_token",
    .type_rule = "x. and the name of the member that holds the events: x.tweet_create_events",
    .dedupe_rule = "the SHA-256 of the body",
    .vector = "X's documentation (the challenge)",
    .subject_from = "json:for_user_id",
    .samples = SAMPLES({"tweet_create_events", NULL, JSON_TYPE,
                        "{\"for_user_id\":\"2244994945\",\"tweet_create_events\":[{\"created_at\":\"{{time}}\",\"id_str\":\"{{id}}\",\"text\":\"Hello\","
                        "\"user\":{\"id_str\":\"2244994945\"}}]}"},
                       {"follow_events", NULL, JSON_TYPE,
                        "{\"for_user_id\":\"2244994945\",\"follow_events\":[{\"type\":\"follow\",\"created_timestamp\":\"{{milliseconds}}\",\"target\":{\"id\":\"2244994945\"},"
                        "\"source\":{\"id\":\"12\"}}]}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
