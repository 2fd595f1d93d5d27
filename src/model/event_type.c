/* Descriptions of event types. */
#include "model/event_type.h"

#include "model/check.h"

static int check_example(const json_t *example, struct err *err)
{
	size_t bytes = json_dumpb(example, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	if (bytes <= EVENT_TYPE_EXAMPLE_MAX)
		return 0;
	return err_field(err, ERR_INVALID, "/example", "has %zu bytes as JSON text; at most %d are accepted", bytes, EVENT_TYPE_EXAMPLE_MAX);
}

static int check_member_of(const char *name, const json_t *value, struct err *err)
{
	char pointer[ERR_POINTER_MAX];
	check_member(pointer, "", name);
	/* null is the same as absent; of an example it is a value like any other. */
	if (strcmp(name, "example") == 0)
		return check_example(value, err);
	if (strcmp(name, "description") == 0)
		return json_is_null(value) ? 0 : check_text(value, pointer, 0, EVENT_TYPE_DESCRIPTION_MAX, err);
	if (strcmp(name, "owner") == 0)
		return json_is_null(value) ? 0 : check_text(value, pointer, 0, EVENT_TYPE_OWNER_MAX, err);
	if (strcmp(name, "deprecated") == 0)
		return json_is_boolean(value) ? 0 : err_field(err, ERR_INVALID, pointer, "must be true or false");
	return err_field(err, ERR_INVALID, pointer, "unknown field; an event type has description, owner, example and deprecated");
}

int event_type_doc_check(json_t *doc, struct err *err)
{
	static const char *const read_only[] = {"type", "described", "count", "first_seen", "last_seen", "updated_at"};
	int result = 0;
	const char *name;
	json_t *value;
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "the description of an event type must be a JSON object");
	for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
		json_object_del(doc, read_only[i]); /* -1 only says that it was not there */
	json_object_foreach(doc, name, value)
		result |= check_member_of(name, value, err);
	return result;
}
