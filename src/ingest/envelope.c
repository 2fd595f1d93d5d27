/* The envelope of a published event; see envelope.h. */
#include "ingest/envelope.h"

#include <stdio.h>

#include "base/clock.h"

enum { TEXT_MAX = 4096 }; /* of any decoded string; each has its own, lower limit */

static const struct {
	const char *pointer; /* its name with '/' before it */
	bool text;           /* must be a string */
} fields[ENVELOPE_FIELDS] = {
    [FIELD_TYPE] = {"/type", true},
    [FIELD_DATA] = {"/data", false},
    [FIELD_UID] = {"/uid", true},
    [FIELD_SUBJECT] = {"/subject", true},
    [FIELD_SUBSCRIBER] = {"/subscriber", true},
    [FIELD_ENDPOINT] = {"/endpoint", true},
    [FIELD_ORDERING_KEY] = {"/ordering_key", true},
    [FIELD_DELIVER_AT] = {"/deliver_at", true},
    [FIELD_EXPIRES_AT] = {"/expires_at", true},
    [FIELD_ATTRIBUTES] = {"/attributes", false},
};

void envelope_init(struct envelope *envelope)
{
	*envelope = (struct envelope){.seen = 0};
	for (unsigned i = 0; i < ENVELOPE_FIELDS; i++)
		envelope->decoded[i] = STRBUF_INIT(TEXT_MAX);
}

void envelope_free(struct envelope *envelope)
{
	for (unsigned i = 0; i < ENVELOPE_FIELDS; i++)
		strbuf_free(&envelope->decoded[i]);
}

const char *envelope_pointer(struct envelope *envelope, enum envelope_field field)
{
	const char *name = envelope->names ? envelope->names[field] : fields[field].pointer;
	if (envelope->at[0] == '\0')
		return name;
	snprintf(envelope->pointer, sizeof envelope->pointer, "%s%s", envelope->at, name);
	return envelope->pointer;
}

/* Names a member that is none of ours; '~' and '/' are escaped as RFC 6901 wants. */
static void refuse_unknown(struct envelope *envelope, struct slice key, struct err *err)
{
	struct strbuf name = STRBUF_INIT(TEXT_MAX), pointer = STRBUF_INIT(ERR_POINTER_MAX - 1);
	if (json_decode(key, &name) < 0)
		strbuf_puts(&name, "…");
	strbuf_puts(&pointer, envelope->at);
	strbuf_putc(&pointer, '/');
	for (size_t i = 0; i < name.len; i++) {
		char byte = name.data[i];
		if (byte == '~' || byte == '/')
			strbuf_puts(&pointer, byte == '~' ? "~0" : "~1");
		else
			strbuf_putc(&pointer, byte);
	}
	err_field(
	    err, ERR_INVALID, strbuf_text(&pointer),
	    "is no field of an event; these are: type, data, uid, subject, subscriber, endpoint, ordering_key, deliver_at, expires_at, "
	    "attributes");
	strbuf_free(&name);
	strbuf_free(&pointer);
}

static enum envelope_field field_of(struct slice key)
{
	for (unsigned i = 0; i < ENVELOPE_FIELDS; i++)
		if (json_string_is(key, fields[i].pointer + 1))
			return i;
	return ENVELOPE_FIELDS;
}

/* The text of a string: a part of the original where nothing is escaped. */
static int decode(struct envelope *envelope, enum envelope_field field, struct slice value)
{
	struct slice inner = {value.at + 1, value.len - 2};
	if (!memchr(inner.at, '\\', inner.len)) {
		envelope->text[field] = inner;
		return 0;
	}
	struct strbuf *decoded = &envelope->decoded[field];
	strbuf_clear(decoded);
	if (json_decode(value, decoded) < 0)
		return -1;
	envelope->text[field] = (struct slice){strbuf_text(decoded), decoded->len};
	return 0;
}

static void take_member(struct envelope *envelope, struct slice key, struct slice value, struct err *err)
{
	enum envelope_field field = field_of(key);
	if (field == ENVELOPE_FIELDS) {
		refuse_unknown(envelope, key, err);
		return;
	}
	if (envelope->seen & 1u << field) {
		err_field(err, ERR_INVALID, envelope_pointer(envelope, field), "is given twice");
		return;
	}
	envelope->seen |= 1u << field;
	enum json_kind kind = json_kind_of(value);
	if (kind == JSON_KIND_NULL && field != FIELD_DATA && field != FIELD_TYPE)
		return;
	if (fields[field].text && kind != JSON_KIND_STRING)
		err_field(err, ERR_INVALID, envelope_pointer(envelope, field), "must be a string");
	else if (fields[field].text && decode(envelope, field, value) < 0)
		err_field(err, ERR_INVALID, envelope_pointer(envelope, field), "is too long");
	else
		envelope->raw[field] = value;
}

void envelope_clear(struct envelope *envelope)
{
	envelope->seen = 0;
	for (unsigned i = 0; i < ENVELOPE_FIELDS; i++)
		envelope->raw[i] = envelope->text[i] = (struct slice){NULL, 0};
}

int envelope_read(struct envelope *envelope, struct json_scan *scan, struct err *err)
{
	envelope_clear(envelope);
	if (json_open_object(scan) < 0)
		return -1;
	struct slice key, value;
	int found;
	while ((found = json_member(scan, &key, &value)) > 0)
		take_member(envelope, key, value, err);
	return found;
}

/* Short texts that name things: not empty, no control characters. */
static int check_text(struct envelope *envelope, enum envelope_field field, size_t len_max, struct err *err)
{
	struct slice text = envelope->text[field];
	bool control = false;
	for (size_t i = 0; i < text.len; i++)
		control = control || (unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f;
	if (!text.at || (text.len > 0 && text.len <= len_max && !control))
		return 0;
	return err_field(err, ERR_INVALID, envelope_pointer(envelope, field), "must be 1 to %zu bytes of text without control characters",
	                 len_max);
}

/* 0 stands for "absent" in event_fields, so a moment at or before 1970 becomes the first millisecond after it. */
static int check_time(struct envelope *envelope, enum envelope_field field, int64_t *wall_ms, struct err *err)
{
	struct slice text = envelope->text[field];
	*wall_ms = 0;
	if (!text.at)
		return 0;
	if (clock_parse_rfc3339(text, wall_ms) < 0)
		return err_field(err, ERR_INVALID, envelope_pointer(envelope, field),
		                 "must be an RFC 3339 time, such as 2030-01-31T08:00:00Z");
	if (*wall_ms <= 0)
		*wall_ms = 1;
	return 0;
}

static int check_times(struct envelope *envelope, int64_t now_ms, struct event_fields *out, struct err *err)
{
	int bad = check_time(envelope, FIELD_DELIVER_AT, &out->deliver_at_ms, err);
	bad |= check_time(envelope, FIELD_EXPIRES_AT, &out->expires_at_ms, err);
	if (bad || out->expires_at_ms == 0)
		return bad;
	if (out->expires_at_ms <= now_ms)
		return err_field(err, ERR_INVALID, envelope_pointer(envelope, FIELD_EXPIRES_AT), "must be in the future");
	if (out->expires_at_ms <= out->deliver_at_ms)
		return err_field(err, ERR_INVALID, envelope_pointer(envelope, FIELD_EXPIRES_AT), "must be after deliver_at");
	return 0;
}

static int check_attributes(struct envelope *envelope, struct err *err)
{
	struct slice raw = envelope->raw[FIELD_ATTRIBUTES];
	if (!raw.at)
		return 0;
	const char *pointer = envelope_pointer(envelope, FIELD_ATTRIBUTES);
	if (json_kind_of(raw) != JSON_KIND_OBJECT)
		return err_field(err, ERR_INVALID, pointer, "must be an object whose values are strings");
	if (raw.len > EVENT_ATTRIBUTES_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; at most %d are taken", raw.len, EVENT_ATTRIBUTES_MAX);
	struct json_scan scan;
	struct slice key, value;
	json_scan_init(&scan, raw, JSON_DEPTH_MAX);
	int found = json_open_object(&scan) < 0 ? -1 : 1;
	while (found > 0 && (found = json_member(&scan, &key, &value)) > 0)
		if (json_kind_of(value) != JSON_KIND_STRING)
			return err_field(err, ERR_INVALID, pointer, "must be an object whose values are strings; that of %.*s is none",
			                 key.len < 80 ? (int)key.len : 80, key.at);
	return found;
}

int envelope_fields(struct envelope *envelope, int64_t now_ms, struct event_fields *out, struct err *err)
{
	const struct slice *text = envelope->text;
	int bad = 0;
	if (!(envelope->seen & 1u << FIELD_TYPE))
		bad |= err_field(err, ERR_INVALID, envelope_pointer(envelope, FIELD_TYPE), "is required");
	else if (text[FIELD_TYPE].at)
		bad |= event_type_check(text[FIELD_TYPE], envelope_pointer(envelope, FIELD_TYPE), err);
	else
		bad = -1; /* take_member() said so */
	if (!(envelope->seen & 1u << FIELD_DATA))
		bad |= err_field(err, ERR_INVALID, envelope_pointer(envelope, FIELD_DATA), "is required: any JSON value");
	if (text[FIELD_UID].at)
		bad |= uid_check(text[FIELD_UID], envelope_pointer(envelope, FIELD_UID), err);
	bad |= check_text(envelope, FIELD_SUBJECT, EVENT_SUBJECT_MAX, err);
	bad |= check_text(envelope, FIELD_ORDERING_KEY, EVENT_ORDERING_KEY_MAX, err);
	bad |= check_times(envelope, now_ms, out, err);
	bad |= check_attributes(envelope, err);
	out->type = text[FIELD_TYPE];
	out->uid = text[FIELD_UID];
	out->subject = text[FIELD_SUBJECT];
	out->ordering_key = text[FIELD_ORDERING_KEY];
	out->attributes = envelope->raw[FIELD_ATTRIBUTES];
	out->content_type = SLICE_LITERAL("application/json");
	out->data = envelope->raw[FIELD_DATA];
	return bad;
}
