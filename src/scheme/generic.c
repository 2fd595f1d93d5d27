/* The generic HMAC scheme: a source's settings make the rule that other providers have in their files, and the handshake. */
#include <stdlib.h>
#include <string.h>

#include "scheme/provider.h"

enum { SETTING_BYTES_MAX = 256 };

/* The rule with the memory that it points into. */
struct generic {
	struct hmac_rule rule;
	char header[SETTING_BYTES_MAX], time_header[SETTING_BYTES_MAX], id_header[SETTING_BYTES_MAX];
};

static const char *lower(const struct scheme_source *source, const char *name, char out[SETTING_BYTES_MAX])
{
	struct slice text = setting_text(source, name, NULL);

	if (!text.at || text.len >= SETTING_BYTES_MAX)
		return NULL;
	for (size_t i = 0; i < text.len; i++)
		out[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : text.at[i];
	out[text.len] = '\0';
	return out;
}

/* The index of a setting's value among the words. */
static unsigned choice(const struct scheme_source *source, const char *name, const char *const *words)
{
	struct slice text = setting_text(source, name, words[0]);
	for (unsigned i = 0; words[i]; i++) {
		if (slice_is(text, words[i]))
			return i;
	}
	return 0;
}

static void make_rule(const struct scheme_source *source, struct generic *generic)
{
	static const char *const hashes[] = {"sha256", "sha1", "sha512", NULL}, *const encodings[] = {"hex", "base64", NULL};
	static const char *const keys[] = {"text", "hex", "base64", NULL}, *const units[] = {"seconds", "milliseconds", "rfc3339", NULL};

	generic->rule = (struct hmac_rule){
	    .header = lower(source, "header", generic->header),
	    .prefix = setting_text(source, "prefix", NULL).at,
	    .separator = setting_text(source, "separator", "").at[0],
	    .time_key = setting_text(source, "timestamp_prefix", NULL).at,
	    .time_header = lower(source, "timestamp_header", generic->time_header),
	    .id_header = lower(source, "id_header", generic->id_header),
	    .time = (enum time_unit)choice(source, "timestamp_unit", units),
	    .hash = (enum hmac_hash)choice(source, "hash", hashes),
	    .encoding = (enum hmac_encoding)choice(source, "encoding", encodings),
	    .key = (enum hmac_key)choice(source, "key", keys),
	    .content = setting_text(source, "content", NULL).at,
	};
	if (!generic->rule.header)
		generic->rule.header = "";
}

/* ---- What it is set to ---- */

static int check_name(const struct scheme_source *source, const char *name, const char *pointer, struct err *err)
{
	struct slice text = setting_text(source, name, NULL);

	if (text.len >= SETTING_BYTES_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; fewer than %d are allowed", text.len, SETTING_BYTES_MAX);
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("()<>@,;:\\\"/[]?={}", text.at[i]))
			return err_field(err, ERR_INVALID, pointer, "is no name of a header");
	}
	return 0;
}

static int check_challenge(const json_t *challenge, struct err *err)
{
	static const char *const known[] = {"from", "name", "reply", "keep_as_secret"};
	const char *from = json_string_value(json_object_get(challenge, "from"));
	const char *name = json_string_value(json_object_get(challenge, "name")), *key;
	json_t *reply = json_object_get(challenge, "reply"), *keep = json_object_get(challenge, "keep_as_secret"), *value;
	int result = 0;

	json_object_foreach((json_t *)challenge, key, value)
	{
		bool fine = false;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			fine = fine || strcmp(key, known[i]) == 0;
		if (!fine)
			result = err_field(err, ERR_INVALID, "/settings/challenge", "takes from, name, reply and keep_as_secret alone");
	}
	if (!from || (strcmp(from, "query") != 0 && strcmp(from, "json") != 0 && strcmp(from, "header") != 0))
		result = err_field(err, ERR_INVALID, "/settings/challenge/from", "must be one of query|json|header");
	if (!name || !*name)
		result = err_field(err, ERR_INVALID, "/settings/challenge/name", "is missing: the parameter, member or header that the challenge is in");
	if (reply && (!json_is_string(reply) || json_string_length(reply) > 1024))
		result = err_field(err, ERR_INVALID, "/settings/challenge/reply", "must be a string of up to 1024 bytes, in which {value} stands for the challenge");
	if (keep && !json_is_boolean(keep))
		result = err_field(err, ERR_INVALID, "/settings/challenge/keep_as_secret", "must be true or false");
	return result;
}

static int check(const struct scheme_source *source, struct err *err)
{
	const json_t *challenge = json_object_get(source->settings, "challenge");
	struct generic generic;
	int result = 0;

	if (check_name(source, "header", "/settings/header", err) | check_name(source, "timestamp_header", "/settings/timestamp_header", err) |
	    check_name(source, "id_header", "/settings/id_header", err))
		return -1;
	if (setting_text(source, "separator", ";").len != 1)
		return err_field(err, ERR_INVALID, "/settings/separator", "must be one character");
	make_rule(source, &generic);
	const struct hmac_rule *rule = &generic.rule;
	if (rule->time_header && rule->time_key)
		result = err_field(err, ERR_INVALID, "/settings/timestamp_prefix", "excludes timestamp_header: the timestamp stands in one place");
	if (rule->time_key && !rule->separator)
		result = err_field(err, ERR_INVALID, "/settings/separator", "is missing: what stands between the timestamp and the signatures");
	if ((rule->time_header || rule->time_key) != hmac_covers(rule->content, "{timestamp}"))
		result = err_field(err, ERR_INVALID, "/settings/content",
		                   "must contain {timestamp} exactly when there is a timestamp: one that is not signed proves nothing");
	if (!rule->id_header && hmac_covers(rule->content, "{id}"))
		result = err_field(err, ERR_INVALID, "/settings/id_header", "is missing: content contains {id}");
	if (!hmac_covers(rule->content, "{body}"))
		result = err_field(err, ERR_INVALID, "/settings/content", "must contain {body}");
	if (challenge && check_challenge(challenge, err))
		result = -1;
	if (source->secrets_len == 0 && !source->waits && !json_is_true(json_object_get(challenge, "keep_as_secret")))
		result = err_field(err, ERR_INVALID, "/secrets", "is missing: give the secret, or let the challenge bring it (keep_as_secret)");
	return hmac_check(rule, source, err) ? -1 : result;
}

/* ---- The handshake ---- */

static bool challenge_value(const json_t *challenge, const struct scheme_request *request, struct strbuf *value)
{
	const char *from = json_string_value(json_object_get(challenge, "from"));
	const char *name = json_string_value(json_object_get(challenge, "name"));

	if (!from || !name)
		return false;
	if (strcmp(from, "query") == 0)
		return form_value(request->query, name, value) && value->len > 0;
	if (strcmp(from, "json") == 0)
		return body_text(request->body, name, value);
	strbuf_slice(value, header_value(request, name));
	return value->len > 0;
}

/* The reply with {value} replaced; in JSON what would break out of a string is not let in. */
static int put_reply(const char *template, struct slice value, struct scheme_result *result)
{
	static const char place[] = "{value}";
	struct strbuf body = STRBUF_INIT(4096);
	bool json = template[0] == '{' && strncmp(template, place, sizeof place - 1) != 0;

	if (json && (memchr(value.at, '"', value.len) || memchr(value.at, '\\', value.len)))
		return refuse(result, REJECTION_MALFORMED, "the challenge has characters that cannot be answered");
	for (const char *at = template; *at;) {
		if (strncmp(at, place, sizeof place - 1) == 0) {
			strbuf_slice(&body, value);
			at += sizeof place - 1;
		} else {
			strbuf_putc(&body, *at++);
		}
	}
	answer_with(result, json ? JSON_TYPE : "text/plain", (struct slice){strbuf_text(&body), body.len});
	strbuf_free(&body);
	return 0;
}

/* True: the request is a handshake, and answered or refused. */
static bool handshake(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	const json_t *challenge = json_object_get(source->settings, "challenge"), *reply = json_object_get(challenge, "reply");
	struct strbuf value = STRBUF_INIT(1024);
	bool found = challenge && challenge_value(challenge, request, &value);
	struct slice text = {strbuf_text(&value), value.len};

	if (found && !echo_good(text)) {
		refuse(result, REJECTION_MALFORMED, "the challenge is not printable ASCII of up to 1024 bytes");
	} else if (found && put_reply(reply ? json_string_value(reply) : "{value}", text, result) == 0) {
		if (json_is_true(json_object_get(challenge, "keep_as_secret")) && source->secrets_len == 0)
			strbuf_slice(&result->keep_secret, text);
	}
	strbuf_free(&value);
	return found;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct generic generic;

	make_rule(source, &generic);
	/* A request that bears a signature is judged by it, so that no member of an event can be taken for a challenge. */
	bool bears = header_value(request, generic.rule.header).at != NULL, post = method_is(request, "POST");
	if ((!bears || !post) && handshake(source, request, result))
		return;
	if (!post)
		refuse(result, REJECTION_MALFORMED, "a GET that is not the handshake of the setting challenge");
	else
		(void)hmac_verify(&generic.rule, source, request, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf id = STRBUF_INIT(1024);
	char header[SETTING_BYTES_MAX];
	const char *name = lower(source, "id_header", header);

	put_type(result, "hmac", source->uid);
	if (name)
		strbuf_slice(&id, header_value(request, name));
	if (id.len > 0)
		put_dedupe(result, (struct slice){id.data, id.len});
	strbuf_free(&id);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct generic generic;

	make_rule(source, &generic);
	if (hmac_covers(generic.rule.content, "{url}") || hmac_covers(generic.rule.content, "{path}")) {
		if (source->public_url.len == 0)
			return err_field(err, ERR_INVALID, "/public_url", "is missing: the signed content contains the URL");
	}
	return hmac_sign(&generic.rule, source, moment, made, err);
}

static const struct scheme_setting settings[] = {
    {"header", "string", true, NULL, "The header that the signature is in."},
    {"prefix", "string", false, NULL, "What stands before the signature, such as sha256=."},
    {"separator", "string", false, NULL, "The character between several signatures in the header; those without the prefix are skipped."},
    {"hash", "sha256|sha1|sha512", false, "sha256", "The hash of the HMAC."},
    {"encoding", "hex|base64", false, "hex", "How the signature is written: lower-case hexadecimal, or base64 with padding."},
    {"key", "text|hex|base64", false, "text", "What the secret is: the key itself, or its hexadecimal or base64."},
    {"content", "string", false, "{body}",
     "What is signed: text with {body}, {timestamp}, {id}, {method}, {url} (with query), {path} and {query}, such as {timestamp}.{body}."},
    {"timestamp_header", "string", false, NULL, "The header that the timestamp is in."},
    {"timestamp_prefix", "string", false, NULL, "Or what the timestamp begins with among the parts of the signature's header, such as t=."},
    {"timestamp_unit", "seconds|milliseconds|rfc3339", false, "seconds", "How the timestamp is written."},
    {"id_header", "string", false, NULL, "The header that the delivery's id is in: {id}, and the dedupe key."},
    {"challenge", "object", false, NULL,
     "The handshake: {from: query|json|header, name, reply, keep_as_secret}; reply is text with {value} (preset: {value} alone)."},
    {0},
};

const struct scheme scheme_hmac = {
    .name = "hmac",
    .title = "HMAC, as set",
    .page = "https://www.rfc-editor.org/rfc/rfc2104",
    .paste = "Give {url} to the sender as the URL, and the secret; set here how it signs.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "shared key",
    .secret_may_come = true,
    .methods = SCHEME_GET,
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "the header of the setting header: HMAC with SHA-1, SHA-256 or SHA-512 in hex or base64 over what the setting content says",
    .handshake = "as the setting challenge says: a query parameter, JSON member or header is answered, and may become the secret",
    .type_rule = "hmac. and the source's uid, unless the source says otherwise",
    .dedupe_rule = "the header of the setting id_header",
    .settings = settings,
    .samples = SAMPLES({"event", NULL, JSON_TYPE, "{\"type\":\"order.created\",\"id\":\"{{id}}\",\"time\":\"{{time}}\",\"data\":{\"order\":1001}}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
