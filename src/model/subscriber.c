/* Subscribers' documents, and the rules for uid and metadata that all resources share. */
#include "model/subscriber.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/check.h"
#include "model/event.h"

enum { NAME_MAX_CHARACTERS = 255, METADATA_MAX = 16384 };

int metadata_check(const json_t *metadata, const char *pointer, struct err *err)
{
	if (!json_is_object(metadata))
		return err_field(err, ERR_INVALID, pointer, "must be an object whose values are strings");
	size_t bytes = json_dumpb(metadata, NULL, 0, JSON_COMPACT);
	if (bytes > METADATA_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes as JSON text; at most %d are accepted", bytes, METADATA_MAX);
	int result = 0;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)metadata, key, value)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= check_text(value, place, 0, METADATA_MAX, err);
	}
	return result;
}

int uid_of_doc(const json_t *doc, const char **uid, struct err *err)
{
	const json_t *value = json_object_get(doc, "uid");
	*uid = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return err_field(err, ERR_INVALID, "/uid", "must be a string or null");
	if (uid_check(check_slice(value), "/uid", err))
		return -1;
	*uid = json_string_value(value);
	return 0;
}

static int check_known(const json_t *doc, struct err *err)
{
	int result = 0;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)doc, key, value)
	{
		if (strcmp(key, "uid") == 0 || strcmp(key, "name") == 0 || strcmp(key, "metadata") == 0)
			continue;
		char pointer[ERR_POINTER_MAX];
		check_member(pointer, "", key);
		result |= err_field(err, ERR_INVALID, pointer, "unknown field; a subscriber has uid, name and metadata");
	}
	return result;
}

int subscriber_check(json_t *doc, struct err *err)
{
	static const char *const read_only[] = {"id", "created_at", "updated_at"};
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "a subscriber must be a JSON object");
	for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++)
		json_object_del(doc, read_only[i]); /* -1 only says that it was not there */
	const char *uid;
	int result = uid_of_doc(doc, &uid, err);
	if (result == 0 && uid && strcmp(uid, "*") == 0)
		result = err_field(err, ERR_INVALID, "/uid", "cannot be \"*\", which stands for all subscribers in a publish; choose another uid");
	const json_t *name = json_object_get(doc, "name");
	const json_t *metadata = json_object_get(doc, "metadata");
	if (!name)
		result |= err_field(err, ERR_INVALID, "/name", "is required: 1 to %d characters", NAME_MAX_CHARACTERS);
	else
		result |= check_text(name, "/name", 1, NAME_MAX_CHARACTERS, err);
	if (metadata)
		result |= metadata_check(metadata, "/metadata", err);
	return result | check_known(doc, err);
}

json_t *subscriber_json(const json_t *doc, int64_t id, int64_t created_ms, int64_t updated_ms)
{
	char id_text[ID_TEXT_SIZE], created[CLOCK_RFC3339_SIZE], updated[CLOCK_RFC3339_SIZE];
	id_format(ID_SUBSCRIBER, id, id_text);
	clock_format_rfc3339(created_ms, created);
	clock_format_rfc3339(updated_ms, updated);
	const json_t *metadata = json_object_get(doc, "metadata");
	return json_pack("{s:s, s:s?, s:s, s:o, s:s, s:s}", "id", id_text, "uid", json_string_value(json_object_get(doc, "uid")), "name",
	                 json_string_value(json_object_get(doc, "name")), "metadata", metadata ? json_deep_copy(metadata) : json_object(),
	                 "created_at", created, "updated_at", updated);
}
