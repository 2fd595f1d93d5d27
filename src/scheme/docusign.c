/* DocuSign Connect: https://developers.docusign.com/platform/webhooks/connect/validate/ . One header per key that is set there; any may match. */
#include <strings.h>

#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-docusign-signature-1", .encoding = HMAC_BASE64};

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const char prefix[] = "x-docusign-signature-";
	const struct hmac_content content = {.body = request->body};
	struct hmac_signatures signatures = {0};
	size_t there = 0, len = sizeof prefix - 1;

	for (size_t i = 0; i < request->headers_len; i++) {
		const struct scheme_header *header = &request->headers[i];
		if (header->name.len <= len || strncasecmp(header->name.at, prefix, len) != 0 || header->value.len == 0)
			continue;
		if (++there > HMAC_SIGNATURES_MAX) {
			refuse(result, REJECTION_MALFORMED, "there are more than %d signatures", HMAC_SIGNATURES_MAX);
			return;
		}
		if (hmac_decode(header->value, HMAC_BASE64, signatures.bytes[signatures.len], hmac_bytes(rule.hash)) == 0)
			signatures.len++;
	}
	if (there == 0)
		refuse(result, REJECTION_MISSING_HEADER, "the header %s is missing or empty", rule.header);
	else
		hmac_match(&rule, source, &content, &signatures, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf key = STRBUF_INIT(1024);

	(void)source;
	if (body_text(request->body, "data.envelopeId", &key)) {
		strbuf_putc(&key, ':');
		bool named = body_text(request->body, "event", &key);
		strbuf_putc(&key, ':');
		if (named && body_text(request->body, "generatedDateTime", &key))
			put_dedupe(result, (struct slice){key.data, key.len});
	}
	strbuf_free(&key);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	return hmac_sign(&rule, source, moment, made, err);
}

const struct scheme scheme_docusign = {
    .name = "docusign",
    .title = "DocuSign",
    .page = "https://developers.docusign.com/platform/webhooks/connect/validate/",
    .paste = "In Settings, Connect, Connect keys: add a secret key and copy it here; then a configuration with {url} as the URL to publish, and Include HMAC "
             "signature.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "Connect key",
    .verified = "X-DocuSign-Signature-1 … n: HMAC-SHA256 of the body in base64; any of them",
    .type_rule = "docusign. and the member event: docusign.envelope-completed; docusign.event for XML",
    .dedupe_rule = "data.envelopeId, event and generatedDateTime",
    .type_from = "json:event",
    .subject_from = "json:data.envelopeId",
    .samples = SAMPLES({"envelope-completed", NULL, JSON_TYPE,
                        "{\"event\":\"envelope-completed\",\"apiVersion\":\"v2.1\",\"retryCount\":0,\"configurationId\":10180742,\"generatedDateTime\":\"{{time}}\",\"data\":{"
                        "\"accountId\":\"3dd3b1a4-9b1f-4f0d-9f1a-0b4f1e9f0b6f\",\"userId\":\"4f2d1e0b\",\"envelopeId\":\"{{id}}\"}}"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
