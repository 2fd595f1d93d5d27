/* POST /v1/endpoints/{id}/recover: what an endpoint missed or failed to take in a span of time, sent again in bulk. */
#include <stdio.h>

#include "api/call.h"
#include "model/pattern.h"

enum { TYPES_MAX = 50 };

static int read_time(struct call *call, const json_t *doc, const char *name, const char *pointer, int64_t *wall_ms)
{
	const json_t *value = json_object_get(doc, name);
	struct slice text = {json_string_value(value), json_string_length(value)};
	if (!value || json_is_null(value))
		return 0;
	if (!text.at || moment_parse(text, call_now_ms(call), wall_ms) < 0)
		return err_field(&call->err, ERR_INVALID, pointer,
		                 "must be an RFC 3339 time such as 2030-01-31T08:00:00Z, or a span back from now: -30m, -1h, -7d");
	return 0;
}

static int read_times(struct call *call, const json_t *doc, struct recover_filter *filter)
{
	if (read_time(call, doc, "since", "/since", &filter->since_ms) < 0 || read_time(call, doc, "until", "/until", &filter->until_ms) < 0)
		return -1;
	if (filter->since_ms == 0)
		return err_field(&call->err, ERR_INVALID, "/since",
		                 "is required: events that came since then are looked at; an RFC 3339 time, or a span back from now such as -6h");
	if (filter->since_ms > call_now_ms(call))
		return err_field(&call->err, ERR_INVALID, "/since", "lies in the future");
	if (filter->until_ms != 0 && filter->until_ms <= filter->since_ms)
		return err_field(&call->err, ERR_INVALID, "/until", "must be after since");
	return 0;
}

static int read_states(struct call *call, const json_t *doc, struct recover_filter *filter)
{
	static const struct {
		const char *text;
		enum recover_state state;
	} known[] = {{"dead", RECOVER_DEAD}, {"missing", RECOVER_MISSING}, {"delivered", RECOVER_DELIVERED}};
	const json_t *list = json_object_get(doc, "states");
	filter->states = RECOVER_DEAD | RECOVER_MISSING;
	if (!list || json_is_null(list))
		return 0;
	filter->states = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		char pointer[ERR_POINTER_MAX];
		size_t at = 0;
		snprintf(pointer, sizeof pointer, "/states/%zu", i);
		while (at < 3 && !(text && strcmp(known[at].text, text) == 0))
			at++;
		if (at == 3)
			return err_field(&call->err, ERR_INVALID, pointer, "must be \"dead\", \"missing\" or \"delivered\"");
		filter->states |= known[at].state;
	}
	if (filter->states == 0)
		return err_field(&call->err, ERR_INVALID, "/states", "must be an array of at least one of \"dead\", \"missing\", \"delivered\"");
	return 0;
}

/* `types` has room for TYPES_MAX. */
static int read_types(struct call *call, const json_t *doc, const char **types, struct recover_filter *filter)
{
	const json_t *list = json_object_get(doc, "types");
	size_t len = json_array_size(list);
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list) || len == 0 || len > TYPES_MAX)
		return err_field(&call->err, ERR_INVALID, "/types", "must be an array of 1 to %d type patterns", TYPES_MAX);
	for (size_t i = 0; i < len; i++) {
		const json_t *value = json_array_get(list, i);
		char pointer[ERR_POINTER_MAX];
		snprintf(pointer, sizeof pointer, "/types/%zu", i);
		if (!json_is_string(value))
			return err_field(&call->err, ERR_INVALID, pointer, "must be a string: a type pattern");
		if (pattern_check((struct slice){json_string_value(value), json_string_length(value)}, pointer, &call->err) < 0)
			return -1;
		types[i] = json_string_value(value);
	}
	filter->types = types;
	filter->types_len = len;
	return 0;
}

static int count(struct call *call, const struct endpoint *endpoint, struct recover_filter *filter)
{
	struct recover_count count;
	filter->endpoint = endpoint->meta.id;
	filter->subscriber = endpoint->meta.subscriber;
	filter->event_types = (const char *const *)endpoint->patterns;
	filter->event_types_len = endpoint->patterns_len;
	if (reader_recover_count(call->worker->reader, filter, &count, &call->err) < 0)
		return -1;
	const struct {
		enum recover_state state;
		const char *name;
		int64_t number;
	} parts[] = {
	    {RECOVER_DEAD, "\"dead\":", count.dead},
	    {RECOVER_MISSING, "\"missing\":", count.missing},
	    {RECOVER_DELIVERED, "\"delivered\":", count.delivered},
	};
	struct strbuf *out = call_out(call, 200);
	put_number(out, "{\"count\":", count.dead + count.missing + count.delivered);
	strbuf_puts(out, ",\"by_state\":{");
	call->listed = 0;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (filter->states & parts[i].state)
			put_number(list_item(call), parts[i].name, parts[i].number);
	strbuf_printf(out, "},\"complete\":%s", count.searched_to_ms ? "false" : "true");
	if (count.searched_to_ms)
		put_time(out, ",\"searched_to\":", count.searched_to_ms);
	strbuf_putc(out, '}');
	return 0;
}

static int recover(struct call *call, const struct endpoint *endpoint, const json_t *doc)
{
	struct store_change change = {.what = CHANGE_ENDPOINT_RECOVER, .id = endpoint->meta.id};
	const char *types[TYPES_MAX];
	const json_t *dry = json_object_get(doc, "dry_run");
	if (call_members(call, doc, "", "since until states types dry_run") < 0 || read_times(call, doc, &change.recover) < 0 ||
	    read_states(call, doc, &change.recover) < 0 || read_types(call, doc, types, &change.recover) < 0)
		return -1;
	if (dry && !json_is_boolean(dry))
		return err_field(&call->err, ERR_INVALID, "/dry_run", "must be true or false");
	if (endpoint->meta.status == ENDPOINT_DISABLED)
		return err_set(&call->err, ERR_ENDPOINT_DISABLED, "The endpoint is disabled: resume it first");
	return json_is_true(dry) ? count(call, endpoint, &change.recover) : operation_begin(call, &change);
}

int endpoints_recover(struct call *call)
{
	struct endpoint *endpoint;
	if (resolve_endpoint_path(call, &endpoint) < 0)
		return -1;
	json_t *doc = call_body(call);
	int result = doc ? recover(call, endpoint, doc) : -1;
	json_decref(doc);
	endpoint_unref(endpoint);
	return result;
}
