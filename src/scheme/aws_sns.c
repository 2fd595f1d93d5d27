/* Amazon SNS: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html . Everybody can have SNS sign: the topic is checked first. */
#include <strings.h>

#include "scheme/certificate.h"
#include "scheme/pubkey.h"

enum { CONTENT_MAX = 1 << 20, BODY_MAX = 4 << 20, ONE_HOUR_S = 3600 };

static const char *const notification_fields[] = {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", NULL};
static const char *const confirmation_fields[] = {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type", NULL};

static bool ends_with(struct slice text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

/* ^sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?$ */
static bool host_good(struct slice host)
{
	if (ends_with(host, ".cn"))
		host.len -= 3;
	if (host.len < 4 || memcmp(host.at, "sns.", 4) != 0 || !ends_with(host, ".amazonaws.com"))
		return false;
	size_t end = host.len - (sizeof ".amazonaws.com" - 1);
	for (size_t i = 4; i < end; i++) {
		char c = host.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return end >= 4 + 3;
}

static int check(const struct scheme_source *source, struct err *err)
{
	struct slice arn = setting_text(source, "topic_arn", "");
	if (arn.len < 4 || memcmp(arn.at, "arn:", 4) != 0)
		return err_field(err, ERR_INVALID, "/settings/topic_arn", "must be the topic's ARN: arn:aws:sns:…");
	return certificate_check(source, err);
}

/* What is signed: "Key\nValue\n" of these members, in this order; -1 and refused: one that must be there is not, or is there twice. */
static int put_content(struct slice body, const char *const *names, struct strbuf *out, struct scheme_result *result)
{
	struct slice value;

	for (; *names; names++) {
		int found = body_at(body, *names, &value);
		if (found < 0)
			return refuse(result, REJECTION_MALFORMED, "the body is not JSON, or has %s twice", *names);
		if (found == 0 && strcmp(*names, "Subject") == 0)
			continue;
		if (found == 0)
			return refuse(result, REJECTION_MISSING_HEADER, "the body has no %s", *names);
		if (slice_is(value, "null") && strcmp(*names, "Subject") == 0)
			continue;
		strbuf_puts(out, *names);
		strbuf_putc(out, '\n');
		(void)body_text(body, *names, out);
		strbuf_putc(out, '\n');
	}
	return 0;
}

/* The digest that the message's version says; NULL: unknown. */
static const char *digest_of(struct slice body)
{
	if (body_is(body, "SignatureVersion", "1"))
		return "SHA1";
	return body_is(body, "SignatureVersion", "2") ? "SHA256" : NULL;
}

static int check_frame(const struct scheme_source *source, const struct scheme_request *request, struct strbuf *certificate_url,
                       struct strbuf *signature, struct scheme_result *result)
{
	struct strbuf arn = STRBUF_INIT(1024);
	struct slice type, value, path;
	int fate = -1;

	if (header_one(request, "x-amz-sns-message-type", &type, result)) {
		/* said */
	} else if (slice_is(header_value(request, "x-amz-sns-rawdelivery"), "true")) {
		refuse(result, REJECTION_MALFORMED, "raw message delivery is not signed: switch it off for this subscription");
	} else if (body_at(request->body, "TopicArn", &value) < 0 || body_at(request->body, "Signature", &value) < 0 ||
	           body_at(request->body, "SigningCertURL", &value) < 0) {
		refuse(result, REJECTION_MALFORMED, "the body is not JSON, or has a member twice");
	} else if (!body_text(request->body, "TopicArn", &arn) || !body_text(request->body, "Signature", signature) ||
	           !body_text(request->body, "SigningCertURL", certificate_url)) {
		refuse(result, REJECTION_MISSING_HEADER, "the body has no TopicArn, Signature or SigningCertURL, or one that is too large");
	} else if (!slice_equal((struct slice){arn.data, arn.len}, setting_text(source, "topic_arn", ""))) {
		refuse(result, REJECTION_BAD_SIGNATURE, "TopicArn is not the setting topic_arn");
	} else if (!certificate_url_good((struct slice){certificate_url->data, certificate_url->len}, host_good, &path) ||
	           !ends_with(path, ".pem")) {
		refuse(result, REJECTION_BAD_SIGNATURE, "SigningCertURL is not a .pem of https://sns.<region>.amazonaws.com");
	} else if (!digest_of(request->body)) {
		refuse(result, REJECTION_BAD_SIGNATURE, "SignatureVersion is neither \"1\" nor \"2\"");
	} else {
		fate = 0;
	}
	strbuf_free(&arn);
	return fate;
}

/* Of a request that is genuine. */
static void act(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(4096);
	struct slice path;

	(void)body_text(request->body, "Timestamp", &text);
	if (time_check_text(source, request, (struct slice){strbuf_text(&text), text.len}, TIME_RFC3339, false, result) == 0 &&
	    body_is(request->body, "Type", "SubscriptionConfirmation")) {
		strbuf_clear(&text);
		if (body_text(request->body, "SubscribeURL", &text) &&
		    certificate_url_good((struct slice){text.data, text.len}, host_good, &path)) {
			answer_with(result, NULL, (struct slice){NULL, 0});
			strbuf_slice(&result->confirm_url, (struct slice){text.data, text.len});
		} else {
			refuse(result, REJECTION_MALFORMED, "SubscribeURL is not of https://sns.<region>.amazonaws.com");
		}
	}
	strbuf_free(&text);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf url = STRBUF_INIT(2048), signature = STRBUF_INIT(32768), content = STRBUF_INIT(CONTENT_MAX);
	bool notification = false;

	if (body_bounded(request, BODY_MAX, result) == 0)
		notification = body_is(request->body, "Type", "Notification");
	if (result->verdict != SCHEME_REFUSED && check_frame(source, request, &url, &signature, result) == 0 &&
	    put_content(request->body, notification ? notification_fields : confirmation_fields, &content, result) == 0) {
		if (content.failed)
			refuse(result, REJECTION_MALFORMED, "the message is too large");
		else
			certificate_verify(source, request, (struct slice){url.data, url.len}, digest_of(request->body),
			                   (struct slice){content.data, content.len}, (struct slice){signature.data, signature.len}, "Signature",
			                   result);
		if (result->verdict == SCHEME_ACCEPTED)
			act(source, request, result);
	}
	strbuf_free(&url);
	strbuf_free(&signature);
	strbuf_free(&content);
}

/* Replaces {{arn}} by the topic, then {{signature}}. */
static void replace(struct strbuf *body, const char *place, struct slice with)
{
	struct strbuf out = STRBUF_INIT(1 << 20);
	const char *at = strstr(strbuf_text(body), place);

	if (!at)
		return;
	strbuf_append(&out, body->data, (size_t)(at - body->data));
	strbuf_slice(&out, with);
	strbuf_puts(&out, at + strlen(place));
	strbuf_free(body);
	strbuf_slice(body, (struct slice){strbuf_text(&out), out.len});
	strbuf_free(&out);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf content = STRBUF_INIT(CONTENT_MAX), signature = STRBUF_INIT(2 * PUBKEY_SIGNATURE_MAX);
	struct scheme_result scratch;
	int result;

	replace(&made->body, "{{arn}}", setting_text(source, "topic_arn", ""));
	struct slice body = {strbuf_text(&made->body), made->body.len};
	bool notification = body_is(body, "Type", "Notification");
	scheme_result_init(&scratch);
	result = put_content(body, notification ? notification_fields : confirmation_fields, &content, &scratch);
	if (result)
		err_set(err, ERR_INTERNAL, "the sample cannot be signed");
	else
		result = pubkey_sign(moment, "RSA", digest_of(body), (struct slice){strbuf_text(&content), content.len}, false, &signature, err);
	if (result == 0)
		replace(&made->body, "{{signature}}", (struct slice){strbuf_text(&signature), signature.len});
	scheme_result_free(&scratch);
	strbuf_free(&content);
	strbuf_free(&signature);
	return result;
}

#define TAIL                                                                                                                               \
	"\"Timestamp\":\"{{time}}\",\"SignatureVersion\":\"2\",\"Signature\":\"{{signature}}\",\"SigningCertURL\":"                          \
	"\"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem\"}"

const struct scheme scheme_aws_sns = {
    .name = "aws-sns",
    .title = "Amazon SNS",
    .page = "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
    .paste = "Create a subscription of the topic with protocol HTTPS and {url} as the endpoint, raw message delivery off. It is confirmed by itself.",
    .secret = SCHEME_SECRET_NONE,
    .tolerance_s = ONE_HOUR_S,
    .verified = "Signature: RSA with SHA-1 (version 1) or SHA-256 (version 2) over the message's fields, by a certificate of sns.<region>.amazonaws.com; TopicArn is "
                "the setting. Timestamp is the time of publishing, so an hour is allowed for retries",
    .handshake = "a signed SubscriptionConfirmation is confirmed by a GET of its SubscribeURL",
    .type_rule = "aws-sns. and the member Type: aws-sns.Notification",
    .dedupe_rule = "MessageId",
    .signs_by_key = true,
    .type_from = "json:Type",
    .dedupe_from = "json:MessageId",
    .subject_from = "json:Subject",
    .settings = SETTINGS({"topic_arn", "string", true, NULL, "The ARN of the topic whose messages are taken."}, CERTIFICATE_SETTING),
    .keep = KEEP("x-amz-sns-message-type", "x-amz-sns-message-id", "x-amz-sns-topic-arn", "x-amz-sns-subscription-arn"),
    .samples = SAMPLES({"Notification", "x-amz-sns-message-type: Notification\nx-amz-sns-message-id: {{id}}\n", "text/plain; charset=UTF-8",
                        "{\"Type\":\"Notification\",\"MessageId\":\"{{id}}\",\"TopicArn\":\"{{arn}}\",\"Subject\":\"My First Message\",\"Message\":\"Hello world!\"," TAIL},
                       {"SubscriptionConfirmation", "x-amz-sns-message-type: SubscriptionConfirmation\nx-amz-sns-message-id: {{id}}\n",
                        "text/plain; charset=UTF-8",
                        "{\"Type\":\"SubscriptionConfirmation\",\"MessageId\":\"{{id}}\",\"Token\":\"2336412f37fb687f5d51e6e241d09c80\",\"TopicArn\":\"{{arn}}\","
                        "\"Message\":\"You have chosen to subscribe.\",\"SubscribeURL\":\"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f\"," TAIL}),
    .check = check,
    .verify = verify,
    .sign = sign,
};
