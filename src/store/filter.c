/* Filters: matching, and a dead-letter filter to and from JSON text. */
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "model/pattern.h"
#include "store/filter_json.h"

static bool in_time(int64_t at_ms, int64_t since_ms, int64_t until_ms)
{
	return at_ms >= since_ms && (until_ms == 0 || at_ms < until_ms);
}

bool filter_takes_owner(int64_t wanted, int64_t subscriber)
{
	return wanted == 0 || subscriber == (wanted == FILTER_NOBODY ? 0 : wanted);
}

bool dead_filter_matches_row(const struct dead_filter *filter, const struct delivery_row *row)
{
	return (filter->endpoint == 0 || filter->endpoint == row->endpoint) &&
	       filter_takes_owner(filter->subscriber, row->subscriber) &&
	       (filter->reason == REASON_NONE || filter->reason == row->reason) &&
	       in_time(row->ended_ms, filter->since_ms, filter->until_ms);
}

bool dead_filter_needs_event(const struct dead_filter *filter)
{
	return filter->type.len > 0 || filter->q.len > 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool filter_finds(struct slice needle, struct slice text)
{
	for (size_t start = 0; start + needle.len <= text.len; start++) {
		size_t i = 0;
		while (i < needle.len && lower(text.at[start + i]) == lower(needle.at[i]))
			i++;
		if (i == needle.len)
			return true;
	}
	return false;
}

bool dead_filter_matches_event(const struct dead_filter *filter, const struct delivery_row *row)
{
	if (filter->type.len > 0 && !pattern_matches(filter->type, row->type))
		return false;
	/* Among one subscriber's own what the subscriber is told, or searching would tell the rest. */
	enum attempt_failure failure = filter->subscriber > 0 ? attempt_failure_outside(row->last_failure) : row->last_failure;
	bool detailed = filter->subscriber <= 0 || (failure != FAILURE_UNREACHABLE && failure != FAILURE_INTERNAL && failure != FAILURE_PAYLOAD);
	return filter->q.len == 0 || filter_finds(filter->q, row->type) || filter_finds(filter->q, row->subject) ||
	       filter_finds(filter->q, row->event_uid) || (detailed && filter_finds(filter->q, row->last_detail)) ||
	       filter_finds(filter->q, slice_of(attempt_failure_text(failure)));
}

/* version "-" trace-id "-" parent-id "-" flags: the trace-id stands at a fixed place. */
static bool in_trace(struct slice trace_id, struct slice traceparent)
{
	enum { AT = 3, DIGITS = 32 };
	return traceparent.len >= AT + DIGITS && slice_equal(trace_id, (struct slice){traceparent.at + AT, DIGITS});
}

static bool event_found(struct slice q, const struct event_fields *f)
{
	return filter_finds(q, f->type) || filter_finds(q, f->subject) || filter_finds(q, f->uid);
}

bool event_filter_matches(const struct event_filter *filter, const struct event_row *row)
{
	const struct event_fields *f = row->f;
	return filter_takes_owner(filter->subscriber, f->subscriber) &&
	       in_time(f->time_ms, filter->since_ms, filter->until_ms) &&
	       (filter->matched == MATCHED_ANY || (row->deliveries == 0) == (filter->matched == MATCHED_NOBODY)) &&
	       (!filter->by_source || filter->source == f->source) && (filter->type.len == 0 || pattern_matches(filter->type, f->type)) &&
	       (!filter->subject.at || (f->subject.at && slice_equal(filter->subject, f->subject))) &&
	       (filter->trace_id.len == 0 || in_trace(filter->trace_id, f->traceparent)) &&
	       (filter->q.len == 0 || event_found(filter->q, f));
}

bool delivery_filter_matches_row(const struct delivery_filter *filter, const struct delivery_row *row)
{
	return (filter->endpoint == 0 || filter->endpoint == row->endpoint) &&
	       filter_takes_owner(filter->subscriber, row->subscriber) && (!filter->by_state || filter->state == row->state) &&
	       (filter->reason == REASON_NONE || filter->reason == row->reason);
}

bool delivery_filter_settle(struct delivery_filter *filter)
{
	if (filter->reason == REASON_NONE)
		return true;
	bool by_hand = filter->reason == REASON_CANCELLED || filter->reason == REASON_DISCARDED;
	enum delivery_state implied = by_hand ? DELIVERY_CANCELLED : DELIVERY_DEAD;
	bool possible = !filter->by_state || filter->state == implied;
	filter->by_state = true;
	filter->state = implied;
	return possible;
}

bool filter_finds_member(struct slice q, const json_t *doc, const char *names)
{
	for (const char *at = names; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");
		const json_t *value = json_object_getn(doc, at, word);
		if (filter_finds(q, (struct slice){json_string_value(value), json_string_length(value)}))
			return true;
		at += word;
	}
	return false;
}

static json_t *id_json(enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_SIZE];
	id_format(kind, id, text);
	return json_string(text);
}

char *dead_filter_text(const struct dead_filter *filter)
{
	json_t *doc = json_object();
	int bad = doc ? 0 : -1;
	bad |= filter_json_set_id(doc, "endpoint", ID_ENDPOINT, filter->endpoint);
	if (filter->subscriber == FILTER_NOBODY)
		bad |= json_object_set_new(doc, "subscriber", json_string(""));
	else
		bad |= filter_json_set_id(doc, "subscriber", ID_SUBSCRIBER, filter->subscriber);
	if (filter->type.len > 0)
		bad |= json_object_set_new(doc, "type", json_stringn(filter->type.at, filter->type.len));
	if (filter->reason)
		bad |= json_object_set_new(doc, "reason", json_string(delivery_reason_text(filter->reason)));
	bad |= filter_json_set_time(doc, "since", filter->since_ms);
	bad |= filter_json_set_time(doc, "until", filter->until_ms);
	if (filter->q.len > 0)
		bad |= json_object_set_new(doc, "q", json_stringn(filter->q.at, filter->q.len));
	if (filter->ids_len > 0) {
		json_t *ids = json_array();
		for (size_t i = 0; i < filter->ids_len; i++)
			bad |= json_array_append_new(ids, id_json(ID_DELIVERY, filter->ids[i]));
		bad |= json_object_set_new(doc, "ids", ids);
	}
	char *text = bad ? NULL : json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

static int read_owner(const json_t *doc, int64_t *subscriber)
{
	const json_t *value = json_object_get(doc, "subscriber");
	if (!json_is_string(value) || json_string_length(value) > 0)
		return filter_json_read_id(doc, "subscriber", ID_SUBSCRIBER, subscriber);
	*subscriber = FILTER_NOBODY;
	return 0;
}

static int read_ids(const json_t *list, struct dead_filter_copy *copy)
{
	size_t len = json_array_size(list);
	if (len == 0)
		return 0;
	copy->ids = calloc(len, sizeof *copy->ids);
	if (!copy->ids)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (id_parse(ID_DELIVERY, filter_json_text(json_array_get(list, i)), &copy->ids[i]))
			return -1;
	}
	copy->filter.ids = copy->ids;
	copy->filter.ids_len = len;
	return 0;
}

int dead_filter_read(struct slice text, struct dead_filter_copy *copy)
{
	*copy = (struct dead_filter_copy){.doc = json_loadb(text.at, text.len, 0, NULL)};
	struct dead_filter *filter = &copy->filter;
	const json_t *reason = json_object_get(copy->doc, "reason");
	filter->type = filter_json_text(json_object_get(copy->doc, "type"));
	filter->q = filter_json_text(json_object_get(copy->doc, "q"));
	if (!copy->doc || filter_json_read_id(copy->doc, "endpoint", ID_ENDPOINT, &filter->endpoint) ||
	    read_owner(copy->doc, &filter->subscriber) || filter_json_read_time(copy->doc, "since", &filter->since_ms) ||
	    filter_json_read_time(copy->doc, "until", &filter->until_ms) ||
	    (reason && delivery_reason_parse(filter_json_text(reason), &filter->reason)) ||
	    read_ids(json_object_get(copy->doc, "ids"), copy)) {
		dead_filter_clear(copy);
		return -1;
	}
	return 0;
}

void dead_filter_clear(struct dead_filter_copy *copy)
{
	json_decref(copy->doc);
	free(copy->ids);
	*copy = (struct dead_filter_copy){0};
}
