/* Twilio: https://www.twilio.com/docs/usage/security#validating-requests . Signed is the URL with query, behind it of a form every name and value, sorted;
 * of another body its digest stands in the query, as bodySHA256. */
#include <stdlib.h>

#include "base/codec.h"
#include "scheme/provider.h"

enum { PAIRS_MAX = 2048, URL_BYTES_MAX = 16384 };

static const struct hmac_rule rule = {
    .header = "x-twilio-signature", .hash = HMAC_SHA1, .encoding = HMAC_BASE64, .content = "{url}{body}"};

struct pair {
	size_t name, name_len, value, value_len; /* offsets in the text */
};

struct pairs {
	struct strbuf text;
	size_t len;
	struct pair *pair;
};

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t least = a_len < b_len ? a_len : b_len;
	int order = least ? memcmp(a, b, least) : 0;
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_pairs(const void *left, const void *right, void *context)
{
	const struct pair *a = left, *b = right;
	const char *text = strbuf_text(context);
	int order = compare_bytes(text + a->name, a->name_len, text + b->name, b->name_len);
	return order ? order : compare_bytes(text + a->value, a->value_len, text + b->value, b->value_len);
}

/* Decodes the pairs of a form; -1: there are too many, or memory is out. */
static int read_pairs(struct slice form, struct pairs *pairs)
{
	struct slice name, value;

	pairs->pair = malloc(PAIRS_MAX * sizeof *pairs->pair);
	while (pairs->pair && form_next(&form, &name, &value)) {
		if (pairs->len == PAIRS_MAX)
			return -1;
		struct pair *pair = &pairs->pair[pairs->len++];
		pair->name = pairs->text.len;
		form_decode(name, &pairs->text);
		pair->name_len = pairs->text.len - pair->name;
		pair->value = pairs->text.len;
		form_decode(value, &pairs->text);
		pair->value_len = pairs->text.len - pair->value;
	}
	return pairs->pair && !pairs->text.failed ? 0 : -1;
}

/* Appends names and values in their order, equal pairs once. */
static int put_sorted(struct slice form, struct strbuf *out)
{
	struct pairs pairs = {.text = STRBUF_INIT(SIZE_MAX / 2)};
	int result = read_pairs(form, &pairs);

	if (result == 0)
		qsort_r(pairs.pair, pairs.len, sizeof *pairs.pair, compare_pairs, &pairs.text);
	for (size_t i = 0; result == 0 && i < pairs.len; i++) {
		const struct pair *pair = &pairs.pair[i];
		if (i > 0 && compare_pairs(pair, pair - 1, &pairs.text) == 0)
			continue;
		strbuf_append(out, strbuf_text(&pairs.text) + pair->name, pair->name_len);
		strbuf_append(out, strbuf_text(&pairs.text) + pair->value, pair->value_len);
	}
	free(pairs.pair);
	strbuf_free(&pairs.text);
	return result;
}

/* The digest of a body that is no form must be in the signed URL. */
static int check_body_digest(const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf given = STRBUF_INIT(128);
	uint8_t digest[32];
	char hex[65];

	codec_sha256(request->body.at ? request->body.at : "", request->body.len, digest);
	codec_hex(digest, sizeof digest, hex);
	bool there = form_value(request->query, "bodySHA256", &given) && given.len > 0;
	bool same = there && same_secret((struct slice){given.data, given.len}, slice_of(hex));
	strbuf_free(&given);
	if (!there)
		return refuse(result, REJECTION_MISSING_HEADER, "the body is no form, and the query has no bodySHA256");
	return same ? 0 : refuse(result, REJECTION_BAD_SIGNATURE, "bodySHA256 in the query is not the digest of the body");
}

/* Whether the URL's host has a port; *at: where it stands, or would. */
static bool port_of(struct slice url, size_t *at, size_t *len)
{
	size_t i = 0;
	while (i + 3 <= url.len && memcmp(url.at + i, "://", 3) != 0)
		i++;
	i = i + 3 <= url.len ? i + 3 : 0;
	bool literal = false; /* inside [v6] */
	for (; i < url.len && !strchr("/?", url.at[i]) && (literal || url.at[i] != ':'); i++)
		literal = url.at[i] == '[' || (literal && url.at[i] != ']');
	*at = i;
	for (*len = 0; i + *len < url.len && !strchr("/?", url.at[i + *len]);)
		(*len)++;
	return *len > 0;
}

/* Twilio signs the URL with or without port: both are tried. */
static int match(const struct scheme_source *source, struct hmac_content *content, const struct hmac_signatures *signatures,
                 struct scheme_result *result)
{
	struct slice url = content->url;
	struct strbuf other = STRBUF_INIT(URL_BYTES_MAX + 8);
	size_t at, len;

	if (hmac_match(&rule, source, content, signatures, result) == 0)
		return 0;
	bool ported = port_of(url, &at, &len);
	strbuf_append(&other, url.at, at);
	if (!ported)
		strbuf_puts(&other, url.len > 6 && memcmp(url.at, "https:", 6) == 0 ? ":443" : ":80");
	strbuf_append(&other, url.at + at + len, url.len - at - len);
	content->url = (struct slice){strbuf_text(&other), other.len};
	int fate = hmac_match(&rule, source, content, signatures, result);
	strbuf_free(&other);
	if (fate == 0)
		result->verdict = SCHEME_ACCEPTED;
	return fate;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf url = STRBUF_INIT(URL_BYTES_MAX), form = STRBUF_INIT(SIZE_MAX / 2);
	struct hmac_signatures signatures = {.len = 1};
	struct slice value;

	if (header_one(request, rule.header, &value, result))
		goto out;
	if (hmac_decode(value, rule.encoding, signatures.bytes[0], hmac_bytes(rule.hash))) {
		refuse(result, REJECTION_BAD_SIGNATURE, "%s is not %zu bytes in base64 with padding", rule.header, hmac_bytes(rule.hash));
		goto out;
	}
	if (body_is_form(request) && put_sorted(request->body, &form)) {
		refuse(result, REJECTION_MALFORMED, "the form has more than %d fields", PAIRS_MAX);
		goto out;
	}
	request_url(source, request, &url);
	if (request->query.len > 0) {
		strbuf_putc(&url, '?');
		strbuf_slice(&url, request->query);
	}
	struct hmac_content content = {.url = {strbuf_text(&url), url.len}, .body = {strbuf_text(&form), form.len}};
	if (match(source, &content, &signatures, result) == 0 && !body_is_form(request) && request->body.len > 0)
		check_body_digest(request, result);
out:
	strbuf_free(&url);
	strbuf_free(&form);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(256);

	(void)source;
	if (pick(request, "form:MessageSid|form:SmsSid", &text))
		put_type(result, "twilio", SLICE_LITERAL("message"));
	else if (pick(request, "form:CallSid", &text))
		put_type(result, "twilio", SLICE_LITERAL("call"));
	else if (pick(request, "json:type|json:EventType|json:0.type", &text))
		put_type(result, "twilio", (struct slice){text.data, text.len});
	if (text.len > 0 && body_is_form(request))
		put_subject(result, (struct slice){text.data, text.len});
	strbuf_free(&text);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	bool is_form = strcmp(made->headers[0].value, FORM_TYPE) == 0;
	struct scheme_signed signed_part = *made;
	struct slice body = {strbuf_text(&made->body), made->body.len};
	int result;

	/* What is signed is made->body for hmac_sign(): the sorted form, or nothing and the digest in the query. */
	signed_part.body = STRBUF_INIT(SIZE_MAX / 2);
	if (is_form) {
		result = put_sorted(body, &signed_part.body);
	} else {
		uint8_t digest[32];
		char hex[65];
		codec_sha256(body.at, body.len, digest);
		codec_hex(digest, sizeof digest, hex);
		strbuf_printf(&made->query, "bodySHA256=%s", hex);
		signed_part.query = made->query;
		result = 0;
	}
	if (result == 0)
		result = hmac_sign(&rule, source, moment, &signed_part, err);
	if (result == 0)
		result = made_header(made, signed_part.headers[signed_part.headers_len - 1].name,
		                     slice_of(signed_part.headers[signed_part.headers_len - 1].value), err);
	strbuf_free(&signed_part.body);
	return result;
}

const struct scheme scheme_twilio = {
    .name = "twilio",
    .title = "Twilio",
    .page = "https://www.twilio.com/docs/usage/security#validating-requests",
    .paste = "Copy the Auth Token (Console, Account Info) here; {url} as the webhook URL (HTTP POST) of the number or service, the same as public_url here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "auth token",
    .verified = "X-Twilio-Signature: HMAC-SHA1 in base64 of the URL and the sorted form; of other bodies the query's bodySHA256; with and without port",
    .type_rule = "twilio.message, twilio.call, or twilio. and the member type",
    .dedupe_rule = "I-Twilio-Idempotency-Token",
    .vector = "Twilio's documentation, with and without port",
    .signs_url = true,
    .dedupe_from = "header:i-twilio-idempotency-token",
    .keep = KEEP("i-twilio-idempotency-token"),
    .samples = SAMPLES(
        {"message", "I-Twilio-Idempotency-Token: {{id}}\n", FORM_TYPE,
         "ToCountry=US&SmsMessageSid=SM{{id}}&NumMedia=0&SmsSid=SM{{id}}&SmsStatus=received&Body=Hello+there%21&To=%2B18005551212&NumSegments=1&"
         "MessageSid=SM{{id}}&AccountSid=AC1234567890&From=%2B14158675309&ApiVersion=2010-04-01"},
        {"call", "I-Twilio-Idempotency-Token: {{id}}\n", FORM_TYPE,
         "CallSid=CA{{id}}&AccountSid=AC1234567890&From=%2B14158675309&To=%2B18005551212&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound"},
        {"json", "I-Twilio-Idempotency-Token: {{id}}\n", JSON_TYPE, "{\"type\":\"com.twilio.verify.verification\",\"id\":\"EZ{{id}}\"}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
