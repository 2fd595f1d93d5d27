/* Secrets of endpoints: out of documents, and back to what they belong to. */
#include "model/credentials.h"

#include <string.h>
#include <strings.h>

#include "model/auth.h"
#include "model/check.h"
#include "model/endpoint.h"

enum { SECRET_MAX = 4096, KEY_MAX = 16 * 1024 };

/* ---- Which members are secret ---- */

bool credential_header(const char *name)
{
	static const char *const whole[] = {"Authorization", "Cookie", "token", "key", "apikey", "api_key", "secret", "password", "X-Auth"};
	static const char *const ends[] = {"-token", "_token", "-key",       "_key",      "-apikey",        "-secret",
	                                   "_secret", "-auth", "-password", "-passwd", "-authorization", "-credential", "-credentials"};
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		if (strcasecmp(name, whole[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t end = strlen(ends[i]);
		if (len > end && strcasecmp(name + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

static int check_token(const json_t *value, const char *pointer, struct err *err)
{
	struct slice text = check_slice(value);
	bool good = text.len >= 1 && text.len <= SECRET_MAX;
	for (size_t i = 0; i < text.len && good; i++)
		good = text.at[i] > ' ' && text.at[i] <= '~';
	return good ? 0 : err_field(err, ERR_INVALID, pointer, "must be 1 to %d printable ASCII characters without spaces", SECRET_MAX);
}

static int check_api_key(const json_t *value, const char *pointer, struct err *err)
{
	if (json_string_length(value) == 0)
		return err_field(err, ERR_INVALID, pointer, "must not be empty");
	return endpoint_header_value_check(value, pointer, err);
}

static int check_password(const json_t *value, const char *pointer, struct err *err)
{
	struct slice text = check_slice(value);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
			return err_field(err, ERR_INVALID, pointer, "must not contain control characters");
	}
	return text.len <= SECRET_MAX ? 0 : err_field(err, ERR_INVALID, pointer, "may be up to %d bytes", SECRET_MAX);
}

static int check_key(const json_t *value, const char *pointer, struct err *err)
{
	struct slice text = check_slice(value);
	if (!memchr(text.at, '\0', text.len) && strstr(text.at, "-----BEGIN ") && text.len <= KEY_MAX)
		return 0;
	return err_field(err, ERR_INVALID, pointer, "must be a private key in PEM form (-----BEGIN PRIVATE KEY----- …) of at most %d bytes",
	                 KEY_MAX);
}

typedef int check_secret(const json_t *value, const char *pointer, struct err *err);

static const struct {
	const char *section, *name;
	check_secret *check;
} places[] = {
    {"auth", "password", check_password}, {"auth", "token", check_token},    {"auth", "value", check_api_key},
    {"auth", "client_secret", check_password}, {"tls", "client_key", check_key},
};

static const char *const sections[] = {"auth", "tls", "headers"};
enum { SECTIONS = sizeof sections / sizeof *sections };

/* NULL: this member is not secret. */
static check_secret *secret_check(const char *section, const char *name)
{
	if (strcmp(section, "headers") == 0)
		return credential_header(name) ? endpoint_header_value_check : NULL;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (strcmp(places[i].section, section) == 0 && strcmp(places[i].name, name) == 0)
			return places[i].check;
	}
	return NULL;
}

static bool is_set(const json_t *value)
{
	return slice_is(check_slice(value), CREDENTIAL_SET);
}

static void pointer_of(char out[ERR_POINTER_MAX], const char *section, const char *name)
{
	char above[ERR_POINTER_MAX];
	check_member(above, "", section);
	check_member(out, above, name);
}

static int memory_out(struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
}

/* Puts a value (taken over) into the section of an object of secrets. */
static int put(json_t *into, const char *section, const char *name, json_t *value)
{
	json_t *at = json_object_get(into, section);
	if (!at) {
		at = json_object();
		if (json_object_set_new(into, section, at)) {
			json_decref(value);
			return -1;
		}
	}
	return json_object_set_new(at, name, value);
}

const char *credential_get(const json_t *credentials, const char *section, const char *name)
{
	json_t *at = json_object_get(credentials, section);
	const char *key;
	json_t *value;
	json_object_foreach(at, key, value)
	{
		if (strcasecmp(key, name) == 0)
			return json_string_value(value);
	}
	return NULL;
}

/* ---- Out of a document ---- */

static int split_section(json_t *doc, const char *section, json_t *out, struct err *err)
{
	json_t *members = json_object_get(doc, section), *value;
	const char *name;
	int result = 0;
	json_object_foreach(members, name, value)
	{
		check_secret *check = secret_check(section, name);
		if (!check || !json_is_string(value) || is_set(value))
			continue;
		char pointer[ERR_POINTER_MAX];
		pointer_of(pointer, section, name);
		result |= check(value, pointer, err);
		/* Setting a member that is there is allowed while walking. */
		if (put(out, section, name, json_incref(value)) || json_object_set_new(members, name, json_string(CREDENTIAL_SET)))
			return memory_out(err);
	}
	return result;
}

int credentials_split(json_t *doc, json_t **out, struct err *err)
{
	int result = 0;
	*out = json_object();
	if (!*out)
		return memory_out(err);
	for (size_t i = 0; i < SECTIONS; i++)
		result |= split_section(doc, sections[i], *out, err);
	return result;
}

/* ---- And back to what they belong to ---- */

bool credentials_same_place(const char *a, const char *b)
{
	struct url one, two;
	if (!a || !b || url_parse(slice_of(a), "", &one, NULL) || url_parse(slice_of(b), "", &two, NULL))
		return false;
	return one.https == two.https && one.port == two.port && strcmp(one.host, two.host) == 0;
}

static bool same_token_url(const json_t *doc, const json_t *before)
{
	return credentials_same_place(json_string_value(json_object_get(json_object_get(doc, "auth"), "token_url")),
	                              json_string_value(json_object_get(json_object_get(before, "auth"), "token_url")));
}

/* Who reads a document never sees its secrets; he shall not get them by leading them elsewhere either. */
static bool stays(const json_t *doc, const json_t *before, const char *section, const char *name)
{
	if (strcmp(section, "tls") == 0)
		return true; /* a private key is never sent */
	/* A client's secret goes to the token endpoint, and what that gives for it to the endpoint. */
	if (strcmp(name, "client_secret") == 0 && !same_token_url(doc, before))
		return false;
	return credentials_same_place(json_string_value(json_object_get(doc, "url")), json_string_value(json_object_get(before, "url")));
}

/* Whether the member is there, once what is absent was filled in from what was before. */
static int fill_in(json_t *members, const json_t *old, const char *section, const char *name, bool *there)
{
	const json_t *value = json_object_get(members, name);
	*there = true;
	if (value && !json_is_null(value))
		return 0;
	*there = credential_get(old, section, name) != NULL;
	return *there ? json_object_set_new(members, name, json_string(CREDENTIAL_SET)) : 0;
}

static int check_auth(json_t *doc, const json_t *old, struct err *err)
{
	json_t *auth = json_object_get(doc, "auth");
	const char *type = json_string_value(json_object_get(auth, "type")), *name = auth_secret_name(type);
	char pointer[ERR_POINTER_MAX];
	bool there = true;
	if (name && fill_in(auth, old, "auth", name, &there))
		return memory_out(err);
	if (there)
		return 0;
	pointer_of(pointer, "auth", name);
	return err_field(err, ERR_INVALID, pointer, "is required for auth of the type %s", type);
}

/* A certificate and its key come and go together; a key that is given alone misses its certificate. */
static int check_tls(json_t *doc, const json_t *old, const json_t *given, struct err *err)
{
	json_t *tls = json_object_get(doc, "tls");
	bool certificate = json_is_string(json_object_get(tls, "client_certificate")), there = true;
	if (certificate && fill_in(tls, old, "tls", "client_key", &there))
		return memory_out(err);
	if (certificate)
		return there ? 0 : err_field(err, ERR_INVALID, "/tls/client_key", "is required: the private key of client_certificate");
	if (credential_get(given, "tls", "client_key"))
		return err_field(err, ERR_INVALID, "/tls/client_certificate", "is required: the certificate that client_key belongs to");
	json_object_del(tls, "client_key"); /* -1 only says that there was none */
	return 0;
}

struct whole {
	json_t *doc;
	const json_t *before, *old, *given;
	json_t *now, *replaced;
};

static int complete_one(struct whole *whole, const char *section, const char *name, struct err *err)
{
	const char *old = credential_get(whole->old, section, name), *given = credential_get(whole->given, section, name);
	char pointer[ERR_POINTER_MAX];
	pointer_of(pointer, section, name);
	if (!given && !old && is_set(json_object_get(json_object_get(whole->before, section), name)))
		return err_field(err, ERR_INVALID, pointer, "must be given again: what is kept was sealed with another master key, or is damaged");
	if (!given && !old)
		return err_field(err, ERR_INVALID, pointer, "\"" CREDENTIAL_SET "\" leaves what is there as it is, and there is nothing yet: give it");
	if (!given && !stays(whole->doc, whole->before, section, name))
		return err_field(err, ERR_INVALID, pointer,
		                 "must be given again, because %s leads to another scheme, host or port: what is kept goes nowhere else",
		                 strcmp(name, "client_secret") == 0 && !same_token_url(whole->doc, whole->before) ? "token_url" : "url");
	if (given && (!old || strcmp(given, old) != 0) && put(whole->replaced, section, name, json_true()))
		return memory_out(err);
	return put(whole->now, section, name, json_string(given ? given : old)) ? memory_out(err) : 0;
}

static int complete_section(struct whole *whole, const char *section, struct err *err)
{
	json_t *members = json_object_get(whole->doc, section), *value;
	const char *name;
	int result = 0;
	json_object_foreach(members, name, value)
	{
		if (secret_check(section, name) && is_set(value))
			result |= complete_one(whole, section, name, err);
	}
	return result;
}

int credentials_complete(json_t *doc, const json_t *before, const json_t *old, const json_t *given, json_t **now, json_t **replaced,
                         struct err *err)
{
	struct whole whole = {.doc = doc, .before = before, .old = old, .given = given, .now = json_object(), .replaced = json_object()};
	int result = whole.now && whole.replaced ? check_auth(doc, old, err) | check_tls(doc, old, given, err) : memory_out(err);
	for (size_t i = 0; result == 0 && i < SECTIONS; i++)
		result = complete_section(&whole, sections[i], err);
	if (result) {
		json_decref(whole.now);
		json_decref(whole.replaced);
		return -1;
	}
	*now = whole.now;
	*replaced = whole.replaced;
	return 0;
}
