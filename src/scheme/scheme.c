/* The catalogue: finding schemes, checking what a source is set to, and the frame around every verification. */
#include "scheme/scheme.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "json/scan.h"
#include "model/event.h"
#include "scheme/provider.h"

enum {
	SECRET_CHOSEN_MIN = 16,
	REPLY_BYTES_MAX = 4096,
	SUBJECT_BYTES_MAX = EVENT_SUBJECT_MAX,
	URL_BYTES_MAX = 4096,
	SAMPLE_BYTES_MAX = 1 << 20,
	SETTING_POINTER_MAX = 64,
};

static const struct scheme *const schemes[] = {
#define SCHEME(name) &scheme_##name,
#include "scheme/schemes.def"
#undef SCHEME
};

const struct scheme *const *scheme_all(size_t *len)
{
	*len = sizeof schemes / sizeof *schemes;
	return schemes;
}

const struct scheme *scheme_find(struct slice name)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		if (slice_is(name, schemes[i]->name))
			return schemes[i];
	}
	return NULL;
}

/* ---- Reasons ---- */

static const struct {
	const char *code;
	int status;
	const char *text;
} reasons[REJECTION_REASONS] = {
#define REASON(name, code, status, text) [REJECTION_##name] = {code, status, text},
#include "scheme/reasons.def"
#undef REASON
};

const char *rejection_code(enum rejection_reason reason)
{
	return reasons[reason].code;
}

int rejection_status(enum rejection_reason reason)
{
	return reasons[reason].status;
}

const char *rejection_text(enum rejection_reason reason)
{
	return reasons[reason].text;
}

int rejection_parse(struct slice code, enum rejection_reason *reason)
{
	for (unsigned i = 0; i < REJECTION_REASONS; i++) {
		if (slice_is(code, reasons[i].code)) {
			*reason = (enum rejection_reason)i;
			return 0;
		}
	}
	return -1;
}

/* ---- What a source is set to ---- */

static const struct scheme_setting *setting_named(const struct scheme *scheme, const char *name)
{
	for (const struct scheme_setting *setting = scheme->settings; setting && setting->name; setting++) {
		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/* Whether the text is one of "a|b|c". */
static bool one_of(const char *words, const char *text)
{
	size_t len = strlen(text);

	while (*words) {
		size_t word = strcspn(words, "|");
		if (word == len && memcmp(words, text, len) == 0)
			return true;
		words += words[word] ? word + 1 : word;
	}
	return false;
}

static const char *setting_fault(const struct scheme_setting *setting, const json_t *value)
{
	if (strcmp(setting->type, "integer") == 0)
		return json_is_integer(value) ? NULL : "must be a whole number";
	if (strcmp(setting->type, "boolean") == 0)
		return json_is_boolean(value) ? NULL : "must be true or false";
	if (strcmp(setting->type, "object") == 0)
		return json_is_object(value) ? NULL : "must be an object";
	if (!json_is_string(value))
		return "must be a string";
	if (strcmp(setting->type, "string") == 0)
		return json_string_length(value) > 0 ? NULL : "must not be empty";
	return one_of(setting->type, json_string_value(value)) ? NULL : setting->type;
}

static int check_given(const struct scheme *scheme, const json_t *settings, struct err *err)
{
	const char *name;
	json_t *value;
	int result = 0;

	json_object_foreach((json_t *)settings, name, value)
	{
		const struct scheme_setting *setting = setting_named(scheme, name);
		char pointer[SETTING_POINTER_MAX];
		snprintf(pointer, sizeof pointer, "/settings/%.40s", name);
		if (!setting) {
			result = err_field(err, ERR_INVALID, pointer, "is no setting of the scheme %s", scheme->name);
			continue;
		}
		const char *fault = setting_fault(setting, value);
		if (fault)
			result = err_field(err, ERR_INVALID, pointer, fault == setting->type ? "must be one of %s" : "%s", fault);
	}
	return result;
}

static int check_settings(const struct scheme *scheme, const struct scheme_source *source, struct err *err)
{
	if (source->settings && !json_is_object(source->settings))
		return err_field(err, ERR_INVALID, "/settings", "must be an object");
	int result = check_given(scheme, source->settings, err);
	for (const struct scheme_setting *setting = scheme->settings; setting && setting->name; setting++) {
		char pointer[SETTING_POINTER_MAX];
		snprintf(pointer, sizeof pointer, "/settings/%s", setting->name);
		if (setting->required && !json_object_get(source->settings, setting->name))
			result = err_field(err, ERR_INVALID, pointer, "is missing: %s", setting->summary);
	}
	return result;
}

static int check_secret(const struct scheme *scheme, struct slice secret, size_t index, struct err *err)
{
	char pointer[SETTING_POINTER_MAX];

	snprintf(pointer, sizeof pointer, "/secrets/%zu", index);
	if (secret.len == 0)
		return err_field(err, ERR_INVALID, pointer, "must not be empty");
	if (secret.len > SCHEME_SECRET_BYTES_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; %d are allowed", secret.len, SCHEME_SECRET_BYTES_MAX);
	if (isspace((unsigned char)secret.at[0]) || isspace((unsigned char)secret.at[secret.len - 1]))
		return err_field(err, ERR_INVALID, pointer, "begins or ends with white space: copy the secret alone");
	if (scheme->secret == SCHEME_SECRET_CHOSEN && secret.len < SECRET_CHOSEN_MIN)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; one that you choose yourself has at least %d", secret.len,
		                 SECRET_CHOSEN_MIN);
	return 0;
}

static int check_secrets(const struct scheme *scheme, const struct scheme_source *source, struct err *err)
{
	int result = 0;

	if (scheme->secret == SCHEME_SECRET_NONE)
		return source->secrets_len == 0 ? 0 : err_field(err, ERR_INVALID, "/secrets", "the scheme %s takes no secret", scheme->name);
	if (source->secrets_len > SCHEME_SECRETS_MAX)
		return err_field(err, ERR_INVALID, "/secrets", "there are %zu; %d are allowed", source->secrets_len, SCHEME_SECRETS_MAX);
	if (source->secrets_len == 0 && scheme->secret != SCHEME_SECRET_SENT && !scheme->secret_may_come && !source->waits)
		return err_field(err, ERR_INVALID, "/secrets", "is missing: the scheme %s needs the %s", scheme->name, scheme->secret_name);
	for (size_t i = 0; i < source->secrets_len; i++) {
		if (check_secret(scheme, source->secrets[i], i, err))
			result = -1;
	}
	return result;
}

int scheme_check(const struct scheme *scheme, const struct scheme_source *source, struct err *err)
{
	if (check_settings(scheme, source, err) || check_secrets(scheme, source, err))
		return -1;
	if (scheme->hmac && hmac_check(scheme->hmac, source, err))
		return -1;
	return scheme->check ? scheme->check(source, err) : 0;
}

void scheme_secret_make(char text[SCHEME_SECRET_SIZE])
{
	uint8_t bytes[32];

	codec_random(bytes, sizeof bytes);
	codec_base32(bytes, sizeof bytes, text);
	OPENSSL_cleanse(bytes, sizeof bytes);
}

/* ---- The verdict ---- */

void scheme_result_init(struct scheme_result *result)
{
	*result = (struct scheme_result){
	    .verdict = SCHEME_REFUSED,
	    .reason = REJECTION_MALFORMED,
	    .secret_index = -1,
	    .reply.body = STRBUF_INIT(REPLY_BYTES_MAX),
	    .type = STRBUF_INIT(EVENT_TYPE_MAX),
	    .dedupe = STRBUF_INIT(SCHEME_DEDUPE_MAX),
	    .subject = STRBUF_INIT(SUBJECT_BYTES_MAX),
	    .certificate_url = STRBUF_INIT(URL_BYTES_MAX),
	    .confirm_url = STRBUF_INIT(URL_BYTES_MAX),
	    .keep_secret = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX),
	};
}

void scheme_result_free(struct scheme_result *result)
{
	strbuf_free(&result->reply.body);
	strbuf_free(&result->type);
	strbuf_free(&result->dedupe);
	strbuf_free(&result->subject);
	strbuf_free(&result->certificate_url);
	strbuf_free(&result->confirm_url);
	strbuf_free(&result->keep_secret);
}

static bool method_taken(const struct scheme *scheme, const struct scheme_request *request)
{
	return method_is(request, "POST") || (method_is(request, "GET") && (scheme->methods & SCHEME_GET)) ||
	       (method_is(request, "OPTIONS") && (scheme->methods & SCHEME_OPTIONS));
}

/* Type, dedupe key and subject, as far as the scheme's rules say them. */
static void name_event(const struct scheme *scheme, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf text = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);

	(void)pick(request, scheme->type_from, &text);
	put_type(result, scheme->name, (struct slice){strbuf_text(&text), text.len});
	strbuf_clear(&text);
	if (pick(request, scheme->dedupe_from, &text))
		put_dedupe(result, (struct slice){text.data, text.len});
	strbuf_clear(&text);
	if (pick(request, scheme->subject_from, &text))
		put_subject(result, (struct slice){text.data, text.len});
	strbuf_free(&text);
}

static void judge(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_request *request,
                  struct scheme_result *result)
{
	result->verdict = SCHEME_ACCEPTED;
	if (scheme->verify)
		scheme->verify(source, request, result);
	else if (scheme->hmac && hmac_verify(scheme->hmac, source, request, result))
		return;
	if (result->verdict != SCHEME_ACCEPTED)
		return;
	name_event(scheme, request, result);
	if (scheme->describe)
		scheme->describe(source, request, result);
}

static bool failed(const struct scheme_result *result)
{
	return result->reply.body.failed || result->type.failed || result->dedupe.failed || result->certificate_url.failed ||
	       result->confirm_url.failed || result->keep_secret.failed;
}

void scheme_verify(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_request *request,
                   struct scheme_result *result)
{
	struct scheme_source settled = *source;

	if (settled.tolerance_s < 0)
		settled.tolerance_s = scheme->tolerance_s;
	if (method_is(request, "HEAD")) {
		answer_with(result, NULL, (struct slice){NULL, 0});
		return;
	}
	if (!method_taken(scheme, request)) {
		refuse(result, REJECTION_MALFORMED, "the scheme %s does not take the method %.*s", scheme->name,
		       request->method.len > 20 ? 20 : (int)request->method.len, request->method.at);
		return;
	}
	if (source->secrets_len == 0 && scheme->secret == SCHEME_SECRET_GIVEN && !scheme->secret_may_come) {
		refuse(result, REJECTION_BAD_SIGNATURE, "the source waits for its secret: set it, and accept what came before");
		return;
	}
	judge(scheme, &settled, request, result);
	if (result->verdict != SCHEME_REFUSED && failed(result))
		refuse(result, REJECTION_MALFORMED, "a part of the request is too large, or memory is out");
}

/* ---- Samples ---- */

const struct scheme_sample *scheme_sample(const struct scheme *scheme, struct slice event)
{
	for (const struct scheme_sample *sample = scheme->samples; sample->event; sample++) {
		if (event.len == 0 || slice_is(event, sample->event))
			return sample;
	}
	return NULL;
}

void scheme_signed_init(struct scheme_signed *made)
{
	*made = (struct scheme_signed){.query = STRBUF_INIT(URL_BYTES_MAX), .body = STRBUF_INIT(SAMPLE_BYTES_MAX)};
}

void scheme_signed_free(struct scheme_signed *made)
{
	strbuf_free(&made->query);
	strbuf_free(&made->body);
}

static void expand(const char *template, const struct scheme_moment *moment, struct strbuf *out)
{
	static const struct {
		const char *name;
		enum time_unit unit;
	} times[] = {{"{{seconds}}", TIME_SECONDS}, {"{{milliseconds}}", TIME_MILLISECONDS}, {"{{time}}", TIME_RFC3339}};
	static const char id[] = "{{id}}";

	while (*template) {
		size_t used = 0;
		if (strncmp(template, id, sizeof id - 1) == 0) {
			used = sizeof id - 1;
			strbuf_slice(out, moment->id);
		}
		for (size_t i = 0; used == 0 && i < sizeof times / sizeof *times; i++) {
			if (strncmp(template, times[i].name, strlen(times[i].name)) == 0) {
				used = strlen(times[i].name);
				time_put(moment->now_ms, times[i].unit, out);
			}
		}
		if (used == 0) {
			used = 1;
			strbuf_putc(out, *template);
		}
		template += used;
	}
}

/* Lines "Name: value\n". */
static int make_headers(const char *template, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct strbuf lines = STRBUF_INIT(8192);
	int result = 0;

	expand(template, moment, &lines);
	for (const char *at = strbuf_text(&lines); *at && result == 0;) {
		char name[sizeof made->headers[0].name];
		size_t name_len = strcspn(at, ":"), len = strcspn(at, "\n");
		if (name_len + 2 > len || name_len >= sizeof name) {
			result = err_set(err, ERR_INTERNAL, "a header line of the sample is malformed");
			break;
		}
		memcpy(name, at, name_len);
		name[name_len] = '\0';
		result = made_header(made, name, (struct slice){at + name_len + 2, len - name_len - 2}, err);
		at += at[len] ? len + 1 : len;
	}
	strbuf_free(&lines);
	return result;
}

int scheme_sign(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_sample *sample,
                const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	if (scheme->signs_url && source->public_url.len == 0)
		return err_field(err, ERR_INVALID, "/public_url", "is missing: the signature of %s covers the URL", scheme->title);
	if (scheme->secret != SCHEME_SECRET_NONE && source->secrets_len == 0)
		return err_field(err, ERR_INVALID, "/secrets", "the source has no secret yet");
	expand(sample->body, moment, &made->body);
	if (made_header(made, "Content-Type", slice_of(sample->content_type), err) ||
	    (sample->headers && make_headers(sample->headers, moment, made, err)))
		return -1;
	int result = 0;
	if (scheme->sign)
		result = scheme->sign(source, moment, made, err);
	else if (scheme->hmac)
		result = hmac_sign(scheme->hmac, source, moment, made, err);
	if (result == 0 && (made->body.failed || made->query.failed))
		result = err_set(err, ERR_UNAVAILABLE, "the sample does not fit, or memory is out");
	return result;
}
