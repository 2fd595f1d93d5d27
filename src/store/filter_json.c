#include "store/filter_json.h"

#include "base/clock.h"

int filter_json_set_id(json_t *doc, const char *name, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_SIZE];
	if (id == 0)
		return 0;
	id_format(kind, id, text);
	return json_object_set_new(doc, name, json_string(text));
}

int filter_json_set_time(json_t *doc, const char *name, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	if (wall_ms == 0)
		return 0;
	clock_format_rfc3339(wall_ms, text);
	return json_object_set_new(doc, name, json_string(text));
}

struct slice filter_json_text(const json_t *value)
{
	return value ? (struct slice){json_string_value(value), json_string_length(value)} : (struct slice){NULL, 0};
}

int filter_json_read_id(const json_t *doc, const char *name, enum id_kind kind, int64_t *id)
{
	const json_t *value = json_object_get(doc, name);
	return value ? id_parse(kind, filter_json_text(value), id) : 0;
}

int filter_json_read_time(const json_t *doc, const char *name, int64_t *wall_ms)
{
	const json_t *value = json_object_get(doc, name);
	return value ? clock_parse_rfc3339(filter_json_text(value), wall_ms) : 0;
}
