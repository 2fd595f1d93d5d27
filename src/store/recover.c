/* What an endpoint is sent again: selecting, and the filter to and from JSON text. */
#include "store/recover.h"

#include <stdlib.h>

#include "base/id.h"
#include "model/pattern.h"
#include "store/filter_json.h"

static bool any_matches(const char *const *patterns, size_t len, struct slice type)
{
	for (size_t i = 0; i < len; i++) {
		if (pattern_matches(slice_of(patterns[i]), type))
			return true;
	}
	return false;
}

bool recover_selects(const struct recover_filter *filter, int64_t time_ms, struct slice type)
{
	return time_ms >= filter->since_ms && (filter->until_ms == 0 || time_ms < filter->until_ms) &&
	       (filter->types_len == 0 || any_matches(filter->types, filter->types_len, type));
}

bool recover_reaches(const struct recover_filter *filter, enum event_reach reach, int64_t subscriber, struct slice type)
{
	bool audience = reach == EVENT_REACH_ALL || (reach == EVENT_REACH_OWN && subscriber == filter->subscriber);
	return audience && any_matches(filter->event_types, filter->event_types_len, type);
}

unsigned recover_state_of(const struct recover_filter *filter, enum delivery_state state)
{
	unsigned as = state == DELIVERY_DEAD ? RECOVER_DEAD : state == DELIVERY_DELIVERED ? RECOVER_DELIVERED : 0;
	return as & filter->states;
}

/* ---- As text ---- */

static const struct {
	enum recover_state state;
	const char *text;
} states[] = {{RECOVER_DEAD, "dead"}, {RECOVER_MISSING, "missing"}, {RECOVER_DELIVERED, "delivered"}};

enum { STATES = sizeof states / sizeof states[0] };

static int set_texts(json_t *doc, const char *name, const char *const *texts, size_t len)
{
	json_t *list = json_array();
	int bad = list ? 0 : -1;
	for (size_t i = 0; i < len; i++)
		bad |= json_array_append_new(list, json_string(texts[i]));
	return bad | json_object_set_new(doc, name, list);
}

char *recover_filter_text(const struct recover_filter *filter)
{
	const char *named[STATES];
	size_t named_len = 0;
	for (size_t i = 0; i < STATES; i++) {
		if (filter->states & states[i].state)
			named[named_len++] = states[i].text;
	}
	json_t *doc = json_object();
	int bad = doc ? 0 : -1;
	bad |= filter_json_set_id(doc, "endpoint", ID_ENDPOINT, filter->endpoint);
	bad |= filter_json_set_id(doc, "subscriber", ID_SUBSCRIBER, filter->subscriber);
	bad |= filter_json_set_time(doc, "since", filter->since_ms);
	bad |= filter_json_set_time(doc, "until", filter->until_ms);
	bad |= set_texts(doc, "states", named, named_len);
	if (filter->types_len > 0)
		bad |= set_texts(doc, "types", filter->types, filter->types_len);
	if (filter->states & RECOVER_MISSING)
		bad |= set_texts(doc, "event_types", filter->event_types, filter->event_types_len);
	char *text = bad ? NULL : json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

static int read_states(const json_t *list, unsigned *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		size_t at = 0;
		while (at < STATES && !slice_is(filter_json_text(json_array_get(list, i)), states[at].text))
			at++;
		if (at == STATES)
			return -1;
		*out |= states[at].state;
	}
	return *out ? 0 : -1;
}

/* The list's texts to `out`, which has room; the number, -1 when one is none. */
static int read_texts(const json_t *list, const char **out)
{
	size_t len = json_array_size(list);
	for (size_t i = 0; i < len; i++) {
		out[i] = json_string_value(json_array_get(list, i));
		if (!out[i])
			return -1;
	}
	return (int)len;
}

int recover_filter_read(struct slice text, struct recover_filter_copy *copy)
{
	*copy = (struct recover_filter_copy){.doc = json_loadb(text.at, text.len, 0, NULL)};
	struct recover_filter *filter = &copy->filter;
	const json_t *types = json_object_get(copy->doc, "types"), *event_types = json_object_get(copy->doc, "event_types");
	copy->texts = calloc(json_array_size(types) + json_array_size(event_types) + 1, sizeof *copy->texts);
	if (!copy->doc || !copy->texts || filter_json_read_id(copy->doc, "endpoint", ID_ENDPOINT, &filter->endpoint) ||
	    filter_json_read_id(copy->doc, "subscriber", ID_SUBSCRIBER, &filter->subscriber) || filter_json_read_time(copy->doc, "since", &filter->since_ms) ||
	    filter_json_read_time(copy->doc, "until", &filter->until_ms) || read_states(json_object_get(copy->doc, "states"), &filter->states))
		goto bad;
	int types_len = read_texts(types, copy->texts);
	int event_types_len = types_len < 0 ? -1 : read_texts(event_types, copy->texts + types_len);
	if (event_types_len < 0)
		goto bad;
	filter->types = copy->texts;
	filter->types_len = (size_t)types_len;
	filter->event_types = copy->texts + types_len;
	filter->event_types_len = (size_t)event_types_len;
	return 0;
bad:
	recover_filter_clear(copy);
	return -1;
}

void recover_filter_clear(struct recover_filter_copy *copy)
{
	json_decref(copy->doc);
	free(copy->texts);
	*copy = (struct recover_filter_copy){0};
}
