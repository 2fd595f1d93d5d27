/* Events in memory, and the grammar of their types, uids and trace contexts. */
#include "model/event.h"

#include <stdlib.h>

#include "base/id.h"

enum { EVENT_SLICES = 10 };

/* The slices of a struct event_fields, so that they can be walked. */
static void slices_of(struct event_fields *f, struct slice *out[EVENT_SLICES])
{
	struct slice *all[EVENT_SLICES] = {&f->type,    &f->uid,          &f->subject,     &f->ordering_key, &f->attributes,
	                                   &f->context, &f->content_type, &f->traceparent, &f->tracestate,   &f->data};
	memcpy(out, all, sizeof all);
}

size_t event_bytes(const struct event_fields *fields)
{
	struct event_fields f = *fields;
	struct slice *slices[EVENT_SLICES];
	slices_of(&f, slices);
	size_t bytes = sizeof(struct event);
	for (unsigned i = 0; i < EVENT_SLICES; i++) {
		if (__builtin_add_overflow(bytes, slices[i]->len, &bytes))
			return SIZE_MAX;
	}
	return bytes;
}

struct event *event_new(const struct event_fields *fields, struct budget *budget)
{
	struct event_fields f = *fields;
	struct slice *slices[EVENT_SLICES];
	size_t bytes = event_bytes(&f);
	struct event *event = bytes < SIZE_MAX ? malloc(bytes) : NULL;
	if (!event)
		return NULL;
	slices_of(&f, slices);
	char *at = event->bytes;
	for (unsigned i = 0; i < EVENT_SLICES; i++) {
		if (!slices[i]->at)
			continue;
		memcpy(at, slices[i]->at, slices[i]->len);
		slices[i]->at = at;
		at += slices[i]->len;
	}
	event->id = 0;
	event->f = f;
	atomic_init(&event->refs, 1);
	event->charged_bytes = bytes;
	event->budget = budget;
	if (budget)
		budget_force(budget, bytes);
	return event;
}

struct event *event_ref(struct event *event)
{
	atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
	return event;
}

void event_unref(struct event *event)
{
	if (!event || atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (event->budget)
		budget_release(event->budget, event->charged_bytes);
	free(event);
}

static bool type_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_:/-", c));
}

int event_type_grammar(struct slice type, const char *pointer, struct err *err)
{
	if (type.len < 1 || type.len > EVENT_TYPE_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; an event type has 1 to %d", type.len, EVENT_TYPE_MAX);
	bool segment_empty = true;
	for (size_t i = 0; i < type.len; i++) {
		if (type.at[i] != '.' && !type_byte(type.at[i]))
			return err_field(err, ERR_INVALID, pointer,
			                 "byte %zu is not allowed in an event type: segments of A-Z a-z 0-9 _ : / - separated by '.'",
			                 i + 1);
		if (type.at[i] == '.' && segment_empty)
			break;
		segment_empty = type.at[i] == '.';
	}
	if (segment_empty)
		return err_field(err, ERR_INVALID, pointer, "has an empty segment: no '.' at the start, at the end or beside another");
	return 0;
}

bool event_type_reserved(struct slice type)
{
	return type.len > 8 && memcmp(type.at, "grapnel.", 8) == 0;
}

int event_type_check(struct slice type, const char *pointer, struct err *err)
{
	if (event_type_grammar(type, pointer, err))
		return -1;
	if (slice_is(type, "grapnel") || event_type_reserved(type))
		return err_field(err, ERR_INVALID, pointer, "types that begin with \"grapnel.\" are reserved for the hub's own events");
	return 0;
}

int uid_check(struct slice uid, const char *pointer, struct err *err)
{
	if (uid.len < 1 || uid.len > EVENT_UID_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; a uid has 1 to %d", uid.len, EVENT_UID_MAX);
	for (size_t i = 0; i < uid.len; i++) {
		char c = uid.at[i];
		if (c <= ' ' || c > '~' || strchr("/?#%", c))
			return err_field(err, ERR_INVALID, pointer,
			                 "byte %zu is not allowed in a uid: printable ASCII without space, '/', '?', '#' and '%%'", i + 1);
	}
	if (slice_is(uid, ".") || slice_is(uid, ".."))
		return err_field(err, ERR_INVALID, pointer, "cannot be \".\" or \"..\", which no path can name; choose another uid");
	if (id_shaped(uid))
		return err_field(err, ERR_INVALID, pointer, "looks like an id of the hub's own; choose a uid of another form");
	return 0;
}

static bool lower_hex(const char *at, size_t len, bool *zero)
{
	*zero = true;
	for (size_t i = 0; i < len; i++) {
		if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
			return false;
		*zero = *zero && at[i] == '0';
	}
	return true;
}

/* version "-" trace-id "-" parent-id "-" flags: 2, 32, 16 and 2 digits of lower-case hex. Version ff is invalid, as are a
 * trace-id and a parent-id of zeros. Version 00 ends there; a later one may go on after another '-'. */
int event_traceparent_check(struct slice traceparent)
{
	enum { LEN = 55 };
	const char *at = traceparent.at;
	bool version_zero, trace_zero, parent_zero, flags_zero;
	if (traceparent.len < LEN || at[2] != '-' || at[35] != '-' || at[52] != '-')
		return -1;
	if (!lower_hex(at, 2, &version_zero) || !lower_hex(at + 3, 32, &trace_zero) || !lower_hex(at + 36, 16, &parent_zero) ||
	    !lower_hex(at + 53, 2, &flags_zero))
		return -1;
	if (memcmp(at, "ff", 2) == 0 || trace_zero || parent_zero)
		return -1;
	if (traceparent.len > LEN && (version_zero || at[LEN] != '-'))
		return -1;
	return 0;
}
