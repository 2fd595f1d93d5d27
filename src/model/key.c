/* API keys: making them, their scopes, their JSON form. */
#include "model/key.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/id.h"
#include "model/check.h"

enum { KEY_RANDOM_BYTES = 20 };

/* `includes` is the scope itself and all that it brings with it. */
static const struct {
	enum key_scope scope;
	const char *text;
	unsigned includes;
} scopes_known[] = {
    {SCOPE_PUBLISH, "publish", SCOPE_PUBLISH},
    {SCOPE_READ, "read", SCOPE_READ},
    {SCOPE_MANAGE, "manage", SCOPE_MANAGE | SCOPE_READ},
    {SCOPE_ADMIN, "admin", SCOPE_ADMIN | SCOPE_MANAGE | SCOPE_READ | SCOPE_PUBLISH},
};
enum { SCOPES_KNOWN = sizeof scopes_known / sizeof scopes_known[0] };

void key_make(char text[KEY_TEXT_SIZE], uint8_t hash[32], char hint[8])
{
	enum { HINT_DIGITS = 6 };
	uint8_t random[KEY_RANDOM_BYTES];
	codec_random(random, sizeof random);
	memcpy(text, "gk_", 3);
	codec_base32(random, sizeof random, text + 3);
	codec_sha256(text, KEY_TEXT_SIZE - 1, hash);
	memset(hint, 0, 8);
	memcpy(hint, text + 3, HINT_DIGITS);
}

bool key_allows(unsigned scopes, enum key_scope wanted)
{
	unsigned closed = SCOPE_NONE;
	for (size_t i = 0; i < SCOPES_KNOWN; i++) {
		if (scopes & scopes_known[i].scope)
			closed |= scopes_known[i].includes;
	}
	return (closed & wanted) == wanted;
}

const char *key_scope_text(enum key_scope scope)
{
	for (size_t i = 0; i < SCOPES_KNOWN; i++) {
		if (scopes_known[i].scope == scope)
			return scopes_known[i].text;
	}
	return "none";
}

static int read_scope(const json_t *value, const char *pointer, unsigned *scopes, struct err *err)
{
	for (size_t i = 0; i < SCOPES_KNOWN; i++) {
		if (slice_is(check_slice(value), scopes_known[i].text)) {
			*scopes |= scopes_known[i].scope;
			return 0;
		}
	}
	return err_field(err, ERR_INVALID, pointer, "must be one of publish, read, manage and admin");
}

static int read_scopes(const json_t *value, unsigned *scopes, struct err *err)
{
	size_t len = json_array_size(value);
	if (len < 1 || len > SCOPES_KNOWN)
		return err_field(err, ERR_INVALID, "/scopes", "is required: an array of 1 to %d of publish, read, manage and admin",
		                 SCOPES_KNOWN);
	int result = 0;
	for (size_t i = 0; i < len; i++) {
		char pointer[ERR_POINTER_MAX];
		check_element(pointer, "/scopes", i);
		result |= read_scope(json_array_get(value, i), pointer, scopes, err);
	}
	return result;
}

static int read_name(const json_t *value, struct key *key, struct err *err)
{
	struct slice name = check_slice(value);
	if (check_text(value, "/name", 0, KEY_NAME_MAX, err))
		return -1;
	if (name.len > KEY_NAME_MAX)
		return err_field(err, ERR_INVALID, "/name", "has %zu bytes; at most %d are accepted", name.len, KEY_NAME_MAX);
	memcpy(key->name, name.at, name.len);
	return 0;
}

static int read_expiry(const json_t *value, int64_t now_ms, struct key *key, struct err *err)
{
	int64_t expires_ms;
	if (!json_is_string(value) || clock_parse_rfc3339(check_slice(value), &expires_ms))
		return err_field(err, ERR_INVALID, "/expires_at", "must be a time in RFC 3339, such as 2030-01-31T12:00:00Z, or null");
	if (expires_ms <= now_ms)
		return err_field(err, ERR_INVALID, "/expires_at", "has passed already; a key must expire in the future");
	key->expires_ms = expires_ms;
	return 0;
}

static int check_known(const json_t *doc, struct err *err)
{
	static const char *const known[] = {"name", "scopes", "subscriber", "expires_at"};
	int result = 0;
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)doc, name, value)
	{
		size_t i = 0;
		while (i < sizeof known / sizeof known[0] && strcmp(known[i], name) != 0)
			i++;
		if (i < sizeof known / sizeof known[0])
			continue;
		char pointer[ERR_POINTER_MAX];
		check_member(pointer, "", name);
		result |= err_field(err, ERR_INVALID, pointer, "unknown field; a key has name, scopes, subscriber and expires_at");
	}
	return result;
}

/* A member that counts: null is the same as absent. */
static const json_t *member(const json_t *doc, const char *name)
{
	const json_t *value = json_object_get(doc, name);
	return json_is_null(value) ? NULL : value;
}

int key_parse(const json_t *doc, int64_t now_ms, struct key *key, const char **subscriber, struct err *err)
{
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "a key must be a JSON object");
	struct key parsed = {.created_ms = now_ms};
	const json_t *name = member(doc, "name");
	const json_t *owner = member(doc, "subscriber");
	const json_t *expires_at = member(doc, "expires_at");
	int result = check_known(doc, err) | read_scopes(json_object_get(doc, "scopes"), &parsed.scopes, err);
	if (name)
		result |= read_name(name, &parsed, err);
	if (expires_at)
		result |= read_expiry(expires_at, now_ms, &parsed, err);
	if (owner)
		result |= check_text(owner, "/subscriber", 1, 255, err);
	/* admin makes keys: bound to a subscriber it could free itself. */
	if (owner && (parsed.scopes & SCOPE_ADMIN))
		result |=
		    err_field(err, ERR_INVALID, "/scopes", "a key that is bound to a subscriber cannot have admin; use manage and publish");
	if (result)
		return -1;
	*key = parsed;
	*subscriber = json_string_value(owner);
	return 0;
}

static json_t *scopes_json(unsigned scopes)
{
	json_t *list = json_array();
	for (size_t i = 0; i < SCOPES_KNOWN; i++) {
		if ((scopes & scopes_known[i].scope) && json_array_append_new(list, json_string(scopes_known[i].text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *key_json(const struct key *key, const char *subscriber_text)
{
	char id[ID_TEXT_SIZE], created[CLOCK_RFC3339_SIZE], expires[CLOCK_RFC3339_SIZE];
	id_format(ID_KEY, key->id, id);
	clock_format_rfc3339(key->created_ms, created);
	clock_format_rfc3339(key->expires_ms, expires);
	return json_pack("{s:s, s:s, s:s, s:o, s:s?, s:s?, s:s}", "id", id, "name", key->name, "hint", key->hint, "scopes",
	                 scopes_json(key->scopes), "subscriber", subscriber_text, "expires_at", key->expires_ms ? expires : NULL,
	                 "created_at", created);
}
