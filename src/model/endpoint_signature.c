/* The signature of an endpoint's requests: which versions, under which names, and what stands beside it for old verifiers. Names and styles
 * are rows of tables. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "model/auth.h"
#include "model/check.h"
#include "model/endpoint_fields.h"

enum { PREFIX_MAX = 64, LEGACY_PREFIX_MAX = 64, LEGACY_SECRET_MAX = 256 };

const char *const signed_header_names[SIGNED_HEADERS] = {"webhook-id", "webhook-timestamp", "webhook-signature"};

/* Members of signature.headers, and what follows a prefix. */
static const char *const name_members[SIGNED_HEADERS] = {"id", "timestamp", "signature"};

static const struct legacy_style styles[] = {
    {.name = "github", .header = "X-Hub-Signature-256", .prefix = "sha256="},
    {.name = "stripe", .prefix = "v1=", .timed = true},
    {.name = "hmac", .prefix = "", .open = true},
};

static const char *const algorithms[] = {[LEGACY_SHA256] = "sha256", [LEGACY_SHA1] = "sha1", [LEGACY_SHA512] = "sha512"};

const char *legacy_algorithm_text(enum legacy_algorithm algorithm)
{
	return algorithms[algorithm];
}

static struct endpoint_signing *signing_of(struct endpoint *endpoint)
{
	if (!endpoint->signing) {
		endpoint->signing = mem_new(struct endpoint_signing);
		for (int i = 0; i < SIGNED_HEADERS; i++)
			endpoint->signing->names[i] = mem_text(signed_header_names[i]);
	}
	return endpoint->signing;
}

static void legacy_free(struct endpoint_legacy *legacy)
{
	if (!legacy)
		return;
	free(legacy->header);
	free(legacy->prefix);
	free(legacy->secret.sealed);
	free(legacy);
}

void endpoint_signing_free(struct endpoint_signing *signing)
{
	if (!signing)
		return;
	for (int i = 0; i < SIGNED_HEADERS; i++)
		free(signing->names[i]);
	legacy_free(signing->legacy);
	free(signing);
}

void endpoint_take_legacy(struct endpoint *endpoint, const struct endpoint_secret *secret)
{
	struct endpoint_legacy *legacy = endpoint->signing ? endpoint->signing->legacy : NULL;
	if (!legacy)
		return;
	free(legacy->secret.sealed);
	legacy->secret = secret->sealed ? endpoint_secret_copy(secret) : (struct endpoint_secret){0};
}

/* ---- versions ---- */

static int read_version(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	bool v1 = slice_is(check_slice(value), "v1"), v1a = slice_is(check_slice(value), "v1a");
	if (!v1 && !v1a)
		return err_field(err, ERR_INVALID, pointer, "must be \"v1\" (HMAC-SHA256) or \"v1a\" (ed25519)");
	if ((v1 && endpoint->sign_v1) || (v1a && endpoint->sign_v1a))
		return err_field(err, ERR_INVALID, pointer, "stands in versions already; each version is given once");
	endpoint->sign_v1 |= v1;
	endpoint->sign_v1a |= v1a;
	return 0;
}

static int read_versions(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	size_t len = json_array_size(value);
	int result = 0;
	if (!json_is_array(value) || len < 1 || len > 2)
		return err_field(err, ERR_INVALID, pointer, "must be an array of \"v1\" (HMAC-SHA256), \"v1a\" (ed25519) or both");
	endpoint->sign_v1 = false;
	for (size_t i = 0; i < len; i++) {
		char place[ERR_POINTER_MAX];
		check_element(place, pointer, i);
		result |= read_version(json_array_get(value, i), place, endpoint, err);
	}
	return result;
}

/* ---- headers: the names ---- */

/* Names that are reserved for endpoints' headers begin with our own, which may be theirs here; and what curl or `auth` sets. */
static bool name_reserved(const char *name)
{
	static const char *const others[] = {"Authorization", "Cookie", "User-Agent", "Accept", "Content-Encoding"};
	for (int i = 0; i < SIGNED_HEADERS; i++) {
		if (strcasecmp(name, signed_header_names[i]) == 0)
			return false;
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (strcasecmp(name, others[i]) == 0)
			return true;
	}
	return endpoint_header_reserved(name);
}

static int check_name(const char *name, const char *pointer, struct err *err)
{
	if (!endpoint_header_name_good(name))
		return err_field(err, ERR_INVALID, pointer, "\"%.64s\" is not the name of an HTTP header: 1 to %d letters, digits and !#$%%&'*+-.^_`|~",
		                 name, HEADER_NAME_MAX);
	if (name_reserved(name))
		return err_field(err, ERR_INVALID, pointer, "the header %.64s is set by the hub or by HTTP itself", name);
	return 0;
}

static int take_name(char **out, const char *name, const char *pointer, struct err *err)
{
	free(*out);
	*out = mem_text(name);
	return check_name(name, pointer, err);
}

static int read_prefix(const json_t *value, const char *pointer, struct endpoint_signing *signing, struct err *err)
{
	struct slice prefix = check_slice(value);
	int result = 0;
	if (!prefix.at || prefix.len < 1 || prefix.len > PREFIX_MAX)
		return err_field(err, ERR_INVALID, pointer, "must be a string of 1 to %d characters, as \"svix-\"", PREFIX_MAX);
	for (int i = 0; result == 0 && i < SIGNED_HEADERS; i++) {
		struct strbuf name = STRBUF_INIT(PREFIX_MAX + 16);
		strbuf_slice(&name, prefix);
		strbuf_puts(&name, name_members[i]);
		result = take_name(&signing->names[i], strbuf_text(&name), pointer, err);
		strbuf_free(&name);
	}
	return result;
}

static int read_name(const char *key, const json_t *value, const char *pointer, struct endpoint_signing *signing, struct err *err)
{
	for (int i = 0; i < SIGNED_HEADERS; i++) {
		if (strcmp(key, name_members[i]) != 0)
			continue;
		const char *name = json_string_value(value);
		if (!name || strlen(name) != json_string_length(value))
			return err_field(err, ERR_INVALID, pointer, "must be a string: the name of a header");
		return take_name(&signing->names[i], name, pointer, err);
	}
	return err_field(err, ERR_INVALID, pointer, "unknown field; headers have either prefix, or id, timestamp and signature");
}

static int read_names(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	const json_t *prefix = json_object_get(value, "prefix");
	const char *key;
	json_t *member;
	int result = 0;
	if (!json_is_object(value) || json_object_size(value) < 1)
		return err_field(err, ERR_INVALID, pointer,
		                 "must be an object: {\"prefix\": \"svix-\"}, or the names {\"id\": …, \"timestamp\": …, \"signature\": …}");
	if (prefix && json_object_size(value) > 1)
		return err_field(err, ERR_INVALID, pointer, "has either a prefix or names, not both");
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= prefix ? read_prefix(member, place, signing_of(endpoint), err) : read_name(key, member, place, signing_of(endpoint), err);
	}
	return result;
}

/* ---- legacy ---- */

static int read_style(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
		if (!slice_is(check_slice(value), styles[i].name))
			continue;
		legacy->style = &styles[i];
		legacy->header = styles[i].header ? mem_text(styles[i].header) : NULL;
		legacy->prefix = mem_text(styles[i].prefix);
		return 0;
	}
	return err_field(err, ERR_INVALID, pointer, "must be github, stripe or hmac");
}

static int read_legacy_header(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	const char *name = json_string_value(value);
	if (!name || strlen(name) != json_string_length(value))
		return err_field(err, ERR_INVALID, pointer, "must be a string: the name of a header");
	return take_name(&legacy->header, name, pointer, err);
}

static int read_algorithm(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
		if (slice_is(check_slice(value), algorithms[i])) {
			legacy->algorithm = (enum legacy_algorithm)i;
			return 0;
		}
	}
	return err_field(err, ERR_INVALID, pointer, "must be sha256, sha1 or sha512");
}

static int read_encoding(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	legacy->base64 = slice_is(check_slice(value), "base64");
	if (legacy->base64 || slice_is(check_slice(value), "hex"))
		return 0;
	return err_field(err, ERR_INVALID, pointer, "must be hex or base64");
}

static int read_legacy_prefix(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	struct slice text = check_slice(value);
	bool good = text.at && text.len <= LEGACY_PREFIX_MAX && (text.len == 0 || text.at[0] != ' ');
	for (size_t i = 0; good && i < text.len; i++)
		good = text.at[i] >= ' ' && text.at[i] <= '~';
	if (!good)
		return err_field(err, ERR_INVALID, pointer, "must be a string of at most %d printable ASCII characters that does not begin with a space",
		                 LEGACY_PREFIX_MAX);
	free(legacy->prefix);
	legacy->prefix = mem_text_of(text);
	return 0;
}

static const struct legacy_member {
	const char *name;
	bool open; /* only of a style that leaves it open */
	int (*read)(const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err);
} legacy_members[] = {
    {"header", false, read_legacy_header},
    {"algorithm", true, read_algorithm},
    {"encoding", true, read_encoding},
    {"prefix", true, read_legacy_prefix},
};

static int read_legacy_member(const char *key, const json_t *value, const char *pointer, struct endpoint_legacy *legacy, struct err *err)
{
	for (size_t i = 0; i < sizeof legacy_members / sizeof *legacy_members; i++) {
		const struct legacy_member *member = &legacy_members[i];
		if (strcmp(key, member->name) != 0)
			continue;
		if (member->open && !legacy->style->open)
			return err_field(err, ERR_INVALID, pointer, "is given by the style %s; the style hmac lets you choose it", legacy->style->name);
		return member->read(value, pointer, legacy, err);
	}
	return err_field(err, ERR_INVALID, pointer, "unknown field; a legacy signature has style, header, algorithm, encoding, prefix and secret");
}

static int read_legacy(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	char place[ERR_POINTER_MAX];
	const char *key;
	json_t *member;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object: {\"style\": \"github\", \"secret\": …}");
	struct endpoint_legacy *legacy = mem_new(struct endpoint_legacy);
	legacy_free(signing_of(endpoint)->legacy);
	endpoint->signing->legacy = legacy;
	check_member(place, pointer, "style");
	if (read_style(json_object_get(value, "style"), place, legacy, err))
		return -1;
	int result = 0;
	json_object_foreach((json_t *)value, key, member)
	{
		check_member(place, pointer, key);
		if (strcmp(key, "style") != 0)
			result |= read_legacy_member(key, member, place, legacy, err);
	}
	check_member(place, pointer, "header");
	if (!legacy->header)
		result |= err_field(err, ERR_INVALID, place, "is required of the style %s: the header that the signature stands in", legacy->style->name);
	return result;
}

/* ---- the whole ---- */

static const struct {
	const char *name;
	endpoint_reader *read;
} members[] = {{"versions", read_versions}, {"headers", read_names}, {"legacy", read_legacy}};

static int read_member(const char *key, const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (strcmp(key, members[i].name) == 0)
			return members[i].read(value, pointer, endpoint, err);
	}
	return err_field(err, ERR_INVALID, pointer, "unknown field; a signature has versions, headers and legacy");
}

int endpoint_read_signature(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	const char *key;
	json_t *member;
	int result = 0;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object: {\"versions\": [\"v1\", \"v1a\"]}");
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= read_member(key, member, place, endpoint, err);
	}
	return result;
}

static bool among_headers(const struct endpoint *endpoint, const char *name)
{
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		if (strcasecmp(name, endpoint->headers[i].name) == 0)
			return true;
	}
	return false;
}

int endpoint_check_names(const struct endpoint *endpoint, struct err *err)
{
	const struct endpoint_signing *signing = endpoint->signing;
	const char *legacy = signing && signing->legacy ? signing->legacy->header : NULL, *shown = auth_header(endpoint->auth);
	int result = 0;
	for (int i = 0; signing && i < SIGNED_HEADERS; i++) {
		const char *name = signing->names[i];
		for (int j = 0; j < i; j++) {
			if (strcasecmp(name, signing->names[j]) == 0)
				result |= err_field(err, ERR_INVALID, "/signature/headers", "the header %.64s is to hold two things; each needs a name of its own", name);
		}
		if (shown && strcasecmp(name, shown) == 0)
			result |= err_field(err, ERR_INVALID, "/signature/headers", "the header %.64s is set by auth", name);
		if (among_headers(endpoint, name))
			result |= err_field(err, ERR_INVALID, "/signature/headers", "the header %.64s stands among the endpoint's headers, too", name);
		if (legacy && strcasecmp(name, legacy) == 0)
			result |= err_field(err, ERR_INVALID, "/signature/legacy/header", "the header %.64s holds what Standard Webhooks has there", name);
	}
	if (legacy && shown && strcasecmp(legacy, shown) == 0)
		result |= err_field(err, ERR_INVALID, "/signature/legacy/header", "the header %.64s is set by auth", legacy);
	if (legacy && among_headers(endpoint, legacy))
		result |= err_field(err, ERR_INVALID, "/signature/legacy/header", "the header %.64s stands among the endpoint's headers, too", legacy);
	return result;
}

/* ---- what is not of the document ---- */

int endpoint_signature_split(json_t *doc, struct endpoint_given *given, struct err *err)
{
	json_t *legacy = json_object_get(json_object_get(doc, "signature"), "legacy");
	json_t *secret = json_object_get(legacy, "secret");
	json_object_del(legacy, "own_secret"); /* read-only; -1 only says that it was not there */
	if (!secret)
		return 0;
	if (!json_is_null(secret) && check_text(secret, "/signature/legacy/secret", 1, LEGACY_SECRET_MAX, err))
		return -1;
	if (json_object_set(given->taken, "legacy_secret", secret) || json_object_del(legacy, "secret"))
		return err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	given->legacy_secret = json_string_value(json_object_get(given->taken, "legacy_secret"));
	given->legacy_secret_null = !given->legacy_secret;
	return 0;
}

void endpoint_signature_clear(json_t *doc, const json_t *patch)
{
	const json_t *changed = json_object_get(patch, "signature");
	json_t *present = json_object_get(doc, "signature");
	const json_t *names = json_object_get(changed, "headers");
	const char *style = json_string_value(json_object_get(json_object_get(changed, "legacy"), "style"));
	const char *was = json_string_value(json_object_get(json_object_get(present, "legacy"), "style"));
	bool prefix = json_is_string(json_object_get(names, "prefix")), named = false;
	/* -1 only says that it was not there. */
	for (int i = 0; i < SIGNED_HEADERS; i++) {
		named |= json_is_string(json_object_get(names, name_members[i]));
		if (prefix)
			json_object_del(json_object_get(present, "headers"), name_members[i]);
	}
	if (named && !prefix)
		json_object_del(json_object_get(present, "headers"), "prefix");
	if (style && was && strcmp(style, was) != 0)
		json_object_clear(json_object_get(present, "legacy"));
}

static json_t *legacy_json(const struct endpoint_legacy *legacy)
{
	json_t *shown = json_pack("{s:s, s:s, s:b}", "style", legacy->style->name, "header", legacy->header, "own_secret",
	                          legacy->secret.sealed != NULL);
	if (shown && legacy->style->open &&
	    (json_object_set_new(shown, "algorithm", json_string(legacy_algorithm_text(legacy->algorithm))) ||
	     json_object_set_new(shown, "encoding", json_string(legacy->base64 ? "base64" : "hex")) ||
	     json_object_set_new(shown, "prefix", json_string(legacy->prefix)))) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

json_t *endpoint_signature_json(const struct endpoint *endpoint, const json_t *doc)
{
	const json_t *names = json_object_get(json_object_get(doc, "signature"), "headers");
	json_t *versions = json_array(), *answer = json_object();
	int result = endpoint->sign_v1 ? json_array_append_new(versions, json_string("v1")) : 0;
	if (endpoint->sign_v1a)
		result |= json_array_append_new(versions, json_string("v1a"));
	result |= json_object_set_new(answer, "versions", versions);
	if (names)
		result |= json_object_set_new(answer, "headers", json_deep_copy(names));
	if (endpoint->signing && endpoint->signing->legacy)
		result |= json_object_set_new(answer, "legacy", legacy_json(endpoint->signing->legacy));
	if (result == 0)
		return answer;
	json_decref(answer);
	return NULL;
}
