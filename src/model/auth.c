/* `auth` and `tls` of an endpoint's document. */
#include "model/auth.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/check.h"
#include "model/credentials.h"
#include "model/endpoint.h"

enum { TEXT_MAX = 1024, CERTIFICATE_MAX = 32 * 1024, CA_MAX = 48 * 1024 };

/* ---- auth ---- */

static const struct {
	const char *name, *secret, *has;
} types[] = {
    [AUTH_BASIC] = {"basic", "password", "type, username and password"},
    [AUTH_BEARER] = {"bearer", "token", "type and token"},
    [AUTH_API_KEY] = {"api_key", "value", "type, header and value"},
    [AUTH_OAUTH2] = {"oauth2", "client_secret", "type, token_url, client_id, client_secret, scope, audience and style"},
};

enum { TYPES = sizeof types / sizeof types[0] };

static int type_of(const char *name)
{
	for (int i = 0; name && i < TYPES; i++) {
		if (strcmp(name, types[i].name) == 0)
			return i;
	}
	return -1;
}

const char *auth_secret_name(const char *type)
{
	int at = type_of(type);
	return at < 0 ? NULL : types[at].secret;
}

const char *auth_header(const struct endpoint_auth *auth)
{
	if (!auth)
		return NULL;
	return auth->type == AUTH_API_KEY ? auth->header : "Authorization";
}

void auth_free(struct endpoint_auth *auth)
{
	if (!auth)
		return;
	free(auth->username);
	free(auth->header);
	free(auth->token_url);
	free(auth->client_id);
	free(auth->scope);
	free(auth->audience);
	free(auth);
}

/* Text without control characters: it goes into a header or a form. */
static int read_text(const json_t *value, const char *pointer, char **out, struct err *err)
{
	if (check_text(value, pointer, 1, TEXT_MAX, err))
		return -1;
	for (const char *at = json_string_value(value); *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return err_field(err, ERR_INVALID, pointer, "must not contain control characters");
	}
	*out = mem_text(json_string_value(value));
	return 0;
}

static int read_username(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	if (read_text(value, pointer, &auth->username, err))
		return -1;
	if (strchr(auth->username, ':'))
		return err_field(err, ERR_INVALID, pointer, "must not contain a colon, which ends the name in HTTP Basic (RFC 7617)");
	return 0;
}

static int read_header(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	return read_text(value, pointer, &auth->header, err) || endpoint_header_check(auth->header, pointer, err) ? -1 : 0;
}

static int read_token_url(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	if (!json_is_string(value))
		return err_field(err, ERR_INVALID, pointer, "must be a string: an http or https URL");
	if (url_parse(check_slice(value), pointer, &auth->token, err))
		return -1;
	auth->token_url = mem_text_of(check_slice(value));
	return 0;
}

static int read_client_id(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	return read_text(value, pointer, &auth->client_id, err);
}

static int read_scope(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	return json_is_null(value) ? 0 : read_text(value, pointer, &auth->scope, err);
}

static int read_audience(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	return json_is_null(value) ? 0 : read_text(value, pointer, &auth->audience, err);
}

static int read_style(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	auth->in_body = slice_is(check_slice(value), "body");
	if (auth->in_body || slice_is(check_slice(value), "header"))
		return 0;
	return err_field(err, ERR_INVALID, pointer, "must be \"header\" (HTTP Basic, the default) or \"body\" (in the form)");
}

/* Whoever takes documents in has put credentials_split() before: a secret never reaches this. That it is there is
 * credentials_complete()'s. */
static int read_secret(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	(void)auth;
	if (slice_is(check_slice(value), CREDENTIAL_SET))
		return 0;
	return err_field(err, ERR_INVALID, pointer, "must be a string, which is kept sealed; \"" CREDENTIAL_SET "\" leaves it as it is");
}

static const struct {
	enum auth_type type;
	const char *name;
	bool required;
	int (*read)(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err);
} members[] = {
    {AUTH_BASIC, "username", true, read_username},   {AUTH_BASIC, "password", false, read_secret},
    {AUTH_BEARER, "token", false, read_secret},       {AUTH_API_KEY, "header", true, read_header},
    {AUTH_API_KEY, "value", false, read_secret},      {AUTH_OAUTH2, "token_url", true, read_token_url},
    {AUTH_OAUTH2, "client_id", true, read_client_id}, {AUTH_OAUTH2, "client_secret", false, read_secret},
    {AUTH_OAUTH2, "scope", false, read_scope},       {AUTH_OAUTH2, "audience", false, read_audience},
    {AUTH_OAUTH2, "style", false, read_style},
};

enum { MEMBERS = sizeof members / sizeof members[0] };

static int read_member(const char *key, const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (members[i].type == auth->type && strcmp(members[i].name, key) == 0)
			return members[i].read(value, pointer, auth, err);
	}
	return err_field(err, ERR_INVALID, pointer, "unknown field; auth of the type %s has %s", types[auth->type].name,
	                 types[auth->type].has);
}

static int read_members(const json_t *value, const char *pointer, struct endpoint_auth *auth, struct err *err)
{
	char place[ERR_POINTER_MAX];
	const char *key;
	json_t *member;
	int result = 0;
	for (size_t i = 0; i < MEMBERS; i++) {
		if (members[i].type != auth->type || !members[i].required || json_object_get(value, members[i].name))
			continue;
		check_member(place, pointer, members[i].name);
		result |= err_field(err, ERR_INVALID, place, "is required: auth of the type %s has %s", types[auth->type].name,
		                    types[auth->type].has);
	}
	json_object_foreach((json_t *)value, key, member)
	{
		check_member(place, pointer, key);
		result |= strcmp(key, "type") == 0 ? 0 : read_member(key, member, place, auth, err);
	}
	return result;
}

int auth_read(const json_t *value, const char *pointer, struct endpoint_auth **out, struct err *err)
{
	char place[ERR_POINTER_MAX];
	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be null or an object: {\"type\": \"basic\", \"username\": …, \"password\": …}");
	int type = type_of(json_string_value(json_object_get(value, "type")));
	check_member(place, pointer, "type");
	if (type < 0)
		return err_field(err, ERR_INVALID, place, "must be basic, bearer, api_key or oauth2");
	struct endpoint_auth *auth = mem_new(struct endpoint_auth);
	auth->type = (enum auth_type)type;
	*out = auth;
	return read_members(value, pointer, auth, err);
}

/* ---- tls ---- */

void auth_tls_free(struct endpoint_tls *tls)
{
	if (!tls)
		return;
	free(tls->client_certificate);
	free(tls->ca);
	free(tls);
}

/* Whether it is what it says is looked at when it is written (sign/identity.h): a certificate that has expired since stays where it is. */
static int read_pem(const json_t *value, const char *pointer, size_t max, char **out, struct err *err)
{
	struct slice text = check_slice(value);
	if (json_is_null(value))
		return 0;
	if (!text.at || !strstr(text.at, "-----BEGIN CERTIFICATE-----"))
		return err_field(err, ERR_INVALID, pointer, "must be a string of PEM certificates: -----BEGIN CERTIFICATE----- …");
	if (text.len > max || memchr(text.at, '\0', text.len))
		return err_field(err, ERR_INVALID, pointer, "may be up to %zu bytes of text", max);
	*out = mem_text_of(text);
	return 0;
}

static int read_tls_member(const char *key, const json_t *value, const char *pointer, struct endpoint_tls *tls, struct err *err)
{
	if (strcmp(key, "client_certificate") == 0)
		return read_pem(value, pointer, CERTIFICATE_MAX, &tls->client_certificate, err);
	if (strcmp(key, "ca") == 0)
		return read_pem(value, pointer, CA_MAX, &tls->ca, err);
	if (strcmp(key, "client_key") == 0)
		return json_is_null(value) ? 0 : read_secret(value, pointer, NULL, err);
	if (strcmp(key, "verify") == 0) {
		tls->verify = json_is_true(value);
		return json_is_boolean(value) ? 0 : err_field(err, ERR_INVALID, pointer, "must be true or false");
	}
	if (strcmp(key, "min_version") == 0) {
		tls->tls13 = slice_is(check_slice(value), "1.3");
		return tls->tls13 || slice_is(check_slice(value), "1.2") ? 0 : err_field(err, ERR_INVALID, pointer, "must be \"1.2\" or \"1.3\"");
	}
	return err_field(err, ERR_INVALID, pointer, "unknown field; tls has client_certificate, client_key, ca, verify and min_version");
}

int auth_tls_read(const json_t *value, const char *pointer, struct endpoint_tls **out, struct err *err)
{
	const char *key;
	json_t *member;
	int result = 0;
	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be null or an object of client_certificate, client_key, ca, verify and min_version");
	struct endpoint_tls *tls = mem_new(struct endpoint_tls);
	tls->verify = true;
	*out = tls;
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= read_tls_member(key, member, place, tls, err);
	}
	return result ? -1 : 0;
}

/* ---- Answers ---- */

/* A copy with a default where a member is missing; NULL when memory is out. */
static json_t *with_default(json_t *copy, const char *key, json_t *value)
{
	if (copy && json_object_get(copy, key)) {
		json_decref(value);
		return copy;
	}
	if (!copy || !value || json_object_set_new(copy, key, value) == 0)
		return copy;
	json_decref(copy);
	return NULL;
}

json_t *auth_json(const json_t *value)
{
	if (!json_is_object(value))
		return json_null();
	json_t *copy = json_deep_copy(value);
	bool oauth2 = type_of(json_string_value(json_object_get(value, "type"))) == AUTH_OAUTH2;
	return oauth2 ? with_default(copy, "style", json_string("header")) : copy;
}

json_t *auth_tls_json(const json_t *value)
{
	if (!json_is_object(value))
		return json_null();
	return with_default(with_default(json_deep_copy(value), "verify", json_true()), "min_version", json_string("1.2"));
}
