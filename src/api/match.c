/* /v1/match: what type patterns would have matched of the last events, had there been an endpoint with them. */
#include <stdlib.h>

#include "api/call.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "model/pattern.h"

enum { EXAMINED_MAX = 1000 };

struct seen_type {
	int count;
	char type[EVENT_TYPE_MAX + 1];
};

/* Whose events, and what was found among them. */
struct look {
	const json_t *patterns;
	bool everybodys;    /* whomever they are for */
	int64_t subscriber; /* those that an endpoint of this subscriber gets; 0: one without a subscriber */
	int examined, matched;
	int64_t since_ms;
	size_t types_len;
	struct seen_type *types; /* EXAMINED_MAX of them */
};

/* Whether such an endpoint is among those that the event was for. An event that was addressed to one endpoint is for no other. */
static bool concerns(const struct look *look, const struct recent_row *row)
{
	if (row->reach == EVENT_REACH_ONE)
		return false;
	return look->everybodys || row->reach == EVENT_REACH_ALL || row->subscriber == look->subscriber;
}

static bool matches(const json_t *patterns, struct slice type)
{
	for (size_t i = 0; i < json_array_size(patterns); i++) {
		const json_t *pattern = json_array_get(patterns, i);
		if (pattern_matches((struct slice){json_string_value(pattern), json_string_length(pattern)}, type))
			return true;
	}
	return false;
}

static void count_type(struct look *look, struct slice type)
{
	size_t i = 0;
	while (i < look->types_len && !slice_is(type, look->types[i].type))
		i++;
	if (i == look->types_len) {
		memcpy(look->types[i].type, type.at, type.len);
		look->types_len++;
	}
	look->types[i].count++;
}

static int look_at(void *context, const struct recent_row *row)
{
	struct look *look = context;
	if (!concerns(look, row))
		return 0;
	look->examined++;
	look->since_ms = row->time_ms;
	if (row->type.len <= EVENT_TYPE_MAX && matches(look->patterns, row->type)) {
		look->matched++;
		count_type(look, row->type);
	}
	return look->examined == EXAMINED_MAX;
}

/* The most frequent first, then by name. */
static int compare_types(const void *a, const void *b)
{
	const struct seen_type *x = a, *y = b;
	return x->count != y->count ? y->count - x->count : strcmp(x->type, y->type);
}

static void put_look(struct strbuf *out, const struct look *look)
{
	put_number(out, "{\"examined\":", look->examined);
	put_number(out, ",\"matched\":", look->matched);
	strbuf_puts(out, ",\"types\":[");
	for (size_t i = 0; i < look->types_len; i++) {
		put_text(out, i ? ",{\"type\":" : "{\"type\":", slice_of(look->types[i].type));
		put_number(out, ",\"count\":", look->types[i].count);
		strbuf_putc(out, '}');
	}
	put_time(out, "],\"since\":", look->since_ms);
	strbuf_putc(out, '}');
}

/* A bound key's endpoints are its subscriber's. */
static int whose(struct call *call, const json_t *value, struct look *look)
{
	look->subscriber = call->who.subscriber;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return err_field(&call->err, ERR_INVALID, "/subscriber",
		                 "must be a string: the id or uid of a subscriber, or \"*\" for the events of all");
	struct slice text = {json_string_value(value), json_string_length(value)};
	look->everybodys = call->who.subscriber == 0 && slice_is(text, "*");
	if (look->everybodys || (text.len == 0 && !call->who.subscriber))
		return 0;
	return resolve_subscriber(call, text, "/subscriber", &look->subscriber);
}

static int read_body(struct call *call, const json_t *doc, struct look *look)
{
	const json_t *patterns = json_object_get(doc, "event_types");
	int result = call_members(call, doc, "", "event_types subscriber");
	if (!patterns)
		result = err_field(&call->err, ERR_INVALID, "/event_types", "is required: an array of type patterns");
	else if (endpoint_event_types_check(patterns, "/event_types", &call->err) < 0)
		result = -1;
	look->patterns = patterns;
	return whose(call, json_object_get(doc, "subscriber"), look) < 0 ? -1 : result;
}

int match_recent(struct call *call)
{
	struct look look = {.patterns = NULL};
	json_t *doc = call_body(call);
	int result = doc ? read_body(call, doc, &look) : -1;
	if (result == 0) {
		look.types = calloc(EXAMINED_MAX, sizeof *look.types);
		result = look.types ? reader_recent(call->worker->reader, look_at, &look, &call->err)
		                    : err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	}
	if (result == 0) {
		qsort(look.types, look.types_len, sizeof *look.types, compare_types);
		put_look(call_out(call, 200), &look);
	}
	free(look.types);
	json_decref(doc);
	return result;
}
