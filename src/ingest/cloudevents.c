/* A published CloudEvent; see cloudevents.h. */
#include "ingest/cloudevents.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "model/check.h"
#include "model/media.h"
#include "model/uri.h"

enum { TRACESTATE_MAX = 512 };

/* ---- The attributes that CloudEvents know, and those that the hub takes for itself ------------------------------------------- */

static bool is_version(struct slice text)
{
	return slice_is(text, "1.0");
}

static bool is_some(struct slice text)
{
	return text.len > 0;
}

static bool is_time(struct slice text)
{
	int64_t wall_ms;
	return clock_parse_rfc3339(text, &wall_ms) == 0;
}

static const struct {
	const char *name;
	bool required;
	bool (*good)(struct slice text); /* NULL: envelope_fields() tells; so it does that type is required */
	const char *wanted;
} core[CONTEXT_CORE] = {
    {"specversion", true, is_version, "must be \"1.0\": the version of CloudEvents that is taken here"},
    {"id", true, is_some, "must not be empty"},
    {"source", true, uri_is_reference,
     "must be a URI reference (RFC 3986) that is not empty, such as /orders or https://example.com/orders"},
    {"type", false, NULL, NULL},
    {"datacontenttype", false, media_type_good, "must be a media type (RFC 2046), such as application/json"},
    {"dataschema", false, uri_is_absolute, "must be an absolute URI (RFC 3986), such as https://example.com/schemas/order"},
    {"subject", false, NULL, NULL},
    {"time", false, is_time, "must be an RFC 3339 time, such as 2030-01-31T08:00:00Z"},
};

static const struct {
	const char *name;
	enum envelope_field field;
} routes[CLOUDEVENT_ROUTES] = {
    {"grapnelsubscriber", FIELD_SUBSCRIBER}, {"grapnelendpoint", FIELD_ENDPOINT},    {"grapnelorderingkey", FIELD_ORDERING_KEY},
    {"grapneldeliverat", FIELD_DELIVER_AT},  {"grapnelexpiresat", FIELD_EXPIRES_AT},
};

/* The names that errors of the envelope's fields carry. */
static const char *const member_names[ENVELOPE_FIELDS] = {
    [FIELD_TYPE] = "/type",
    [FIELD_DATA] = "/data",
    [FIELD_UID] = "/id",
    [FIELD_SUBJECT] = "/subject",
    [FIELD_SUBSCRIBER] = "/grapnelsubscriber",
    [FIELD_ENDPOINT] = "/grapnelendpoint",
    [FIELD_ORDERING_KEY] = "/grapnelorderingkey",
    [FIELD_DELIVER_AT] = "/grapneldeliverat",
    [FIELD_EXPIRES_AT] = "/grapnelexpiresat",
    [FIELD_ATTRIBUTES] = "",
};
static const char *const header_names[ENVELOPE_FIELDS] = {
    [FIELD_TYPE] = "ce-type",
    [FIELD_DATA] = "",
    [FIELD_UID] = "ce-id",
    [FIELD_SUBJECT] = "ce-subject",
    [FIELD_SUBSCRIBER] = "ce-grapnelsubscriber",
    [FIELD_ENDPOINT] = "ce-grapnelendpoint",
    [FIELD_ORDERING_KEY] = "ce-grapnelorderingkey",
    [FIELD_DELIVER_AT] = "ce-grapneldeliverat",
    [FIELD_EXPIRES_AT] = "ce-grapnelexpiresat",
    [FIELD_ATTRIBUTES] = "",
};

/* ---- What was read ------------------------------------------------------------------------------------------------------------ */

void cloudevent_init(struct cloudevent *ce, bool binary, unsigned depth_max)
{
	*ce = (struct cloudevent){.binary = binary, .at = "", .depth_max = depth_max};
	ce->text = STRBUF_INIT(2 * CONTEXT_BYTES_MAX); /* NULs and what is refused included */
	ce->context = STRBUF_INIT(8 * CONTEXT_BYTES_MAX);
}

void cloudevent_free(struct cloudevent *ce)
{
	strbuf_free(&ce->text);
	strbuf_free(&ce->payload);
	strbuf_free(&ce->context);
}

static void clear(struct cloudevent *ce)
{
	ce->attributes_len = 0;
	ce->no_memory = false;
	ce->data_member = ce->base64_member = (struct slice){NULL, 0};
	ce->source = ce->id = ce->traceparent = ce->tracestate = ce->content_type = ce->data = (struct slice){NULL, 0};
	strbuf_clear(&ce->text);
	strbuf_clear(&ce->context);
}

static struct slice name_of(const struct cloudevent *ce, const struct cloudevent_attribute *attribute)
{
	return (struct slice){strbuf_text(&ce->text) + attribute->name_at, attribute->name_len};
}

static struct slice text_of(const struct cloudevent *ce, const struct cloudevent_attribute *attribute)
{
	return (struct slice){strbuf_text(&ce->text) + attribute->text_at, attribute->text_len};
}

static struct cloudevent_attribute *find_given(struct cloudevent *ce, const char *name)
{
	for (unsigned i = 0; i < ce->attributes_len; i++)
		if (slice_is(name_of(ce, &ce->attributes[i]), name))
			return &ce->attributes[i];
	return NULL;
}

static struct cloudevent_attribute *find(struct cloudevent *ce, const char *name)
{
	struct cloudevent_attribute *given = find_given(ce, name);
	return given && !given->unset ? given : NULL;
}

/* Where errors say that an attribute is. */
static const char *pointer_of(struct cloudevent *ce, const char *name)
{
	if (ce->binary && strcmp(name, "datacontenttype") == 0)
		return "Content-Type";
	if (ce->binary)
		snprintf(ce->pointer, sizeof ce->pointer, "ce-%.*s", ERR_POINTER_MAX - 4, name);
	else
		check_member(ce->pointer, ce->at, name);
	return ce->pointer;
}

static bool reserved_name(struct slice name)
{
	if (name.len < 7 || memcmp(name.at, "grapnel", 7) != 0)
		return false;
	for (size_t i = 0; i < CLOUDEVENT_ROUTES; i++)
		if (slice_is(name, routes[i].name))
			return false;
	return true;
}

/* Checks the name that stands at the end of `text`, and gives its attribute; NULL: it is bad. */
static struct cloudevent_attribute *add_name(struct cloudevent *ce, size_t name_at, struct err *err)
{
	if (ce->text.failed)
		return NULL; /* said at the end */
	struct slice name = {strbuf_text(&ce->text) + name_at, ce->text.len - name_at};
	const char *pointer = pointer_of(ce, name.at);
	if (!context_name_good(name)) {
		err_field(err, ERR_INVALID, pointer, "is no name of an attribute: 1 to %d of a-z and 0-9, and not \"data\"",
		          CONTEXT_NAME_MAX);
	} else if (reserved_name(name)) {
		err_field(
		    err, ERR_INVALID, pointer,
		    "is no attribute of the hub's; these are: grapnelsubscriber, grapnelendpoint, grapnelorderingkey, grapneldeliverat, "
		    "grapnelexpiresat");
	} else if (find_given(ce, name.at)) {
		err_field(err, ERR_INVALID, pointer, "is given twice");
	} else if (ce->attributes_len == CLOUDEVENT_ATTRIBUTES_MAX) {
		err_field(err, ERR_INVALID, pointer, "is one too many: a CloudEvent has at most %d extension attributes",
		          CONTEXT_EXTENSIONS_MAX);
	} else {
		struct cloudevent_attribute *attribute = &ce->attributes[ce->attributes_len++];
		*attribute = (struct cloudevent_attribute){.name_at = name_at, .name_len = name.len, .kind = JSON_KIND_STRING};
		strbuf_putc(&ce->text, '\0');
		attribute->text_at = ce->text.len;
		return attribute;
	}
	return NULL;
}

/* The attribute's text is whole. */
static void end_text(struct cloudevent *ce, struct cloudevent_attribute *attribute, struct err *err)
{
	attribute->text_len = ce->text.len - attribute->text_at;
	strbuf_putc(&ce->text, '\0');
	attribute->bad = attribute->bad || !context_text_good(text_of(ce, attribute));
	if (attribute->bad)
		err_field(err, ERR_INVALID, pointer_of(ce, name_of(ce, attribute).at),
		          "must be UTF-8 without control characters (U+0000–U+001F, U+007F–U+009F) and noncharacters");
}

/* ---- Structured mode ---------------------------------------------------------------------------------------------------------- */

static unsigned hex4(const char *at)
{
	char digits[5] = {at[0], at[1], at[2], at[3], '\0'};
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Whether a checked JSON string names half of a surrogate pair. */
static bool has_lone_surrogate(struct slice string)
{
	const char *at = string.at, *end = string.at + string.len;
	while ((at = memchr(at, '\\', (size_t)(end - at)))) {
		if (at[1] != 'u') {
			at += 2;
			continue;
		}
		unsigned unit = hex4(at + 2);
		at += 6;
		if (unit < 0xd800 || unit > 0xdfff)
			continue;
		bool paired = unit < 0xdc00 && end - at > 6 && at[0] == '\\' && at[1] == 'u' && (hex4(at + 2) & 0xfc00) == 0xdc00;
		if (!paired)
			return true;
		at += 6;
	}
	return false;
}

/* An integer of 32 bits, without fraction and exponent. */
static bool is_integer(struct slice number)
{
	int64_t value;
	for (size_t i = 0; i < number.len; i++)
		if (strchr(".eE", number.at[i]))
			return false;
	return json_int64(number, &value) == 0 && value >= INT32_MIN && value <= INT32_MAX;
}

static void add_value(struct cloudevent *ce, struct cloudevent_attribute *attribute, struct slice value, struct err *err)
{
	const char *pointer = pointer_of(ce, name_of(ce, attribute).at);
	attribute->kind = json_kind_of(value);
	attribute->bad = true;
	switch (attribute->kind) {
	case JSON_KIND_STRING:
		if (has_lone_surrogate(value)) {
			err_field(err, ERR_INVALID, pointer, "names half of a surrogate pair");
			return;
		}
		if (json_decode(value, &ce->text) < 0)
			return; /* said at the end */
		break;
	case JSON_KIND_TRUE:
	case JSON_KIND_FALSE:
		strbuf_slice(&ce->text, value);
		break;
	case JSON_KIND_NUMBER:
		if (is_integer(value)) {
			strbuf_slice(&ce->text, value);
			break;
		}
		__attribute__((fallthrough));
	default:
		attribute->kind = JSON_KIND_STRING;
		err_field(err, ERR_INVALID, pointer, "must be a string, a boolean or an integer of 32 bits, as CloudEvents have them");
		return;
	}
	attribute->bad = false;
	end_text(ce, attribute, err);
}

/* `data` is part of the text as it stands; null is a value of it, and of nothing else. */
static bool take_data(struct cloudevent *ce, struct slice key, struct slice value, struct err *err)
{
	bool data = json_string_is(key, "data");
	if (!data && !json_string_is(key, "data_base64"))
		return false;
	struct slice *member = data ? &ce->data_member : &ce->base64_member;
	if (member->at)
		err_field(err, ERR_INVALID, pointer_of(ce, data ? "data" : "data_base64"), "is given twice");
	else if (data || json_kind_of(value) != JSON_KIND_NULL)
		*member = value;
	return true;
}

int cloudevent_read(struct cloudevent *ce, const char *at, struct json_scan *scan, struct err *err)
{
	struct slice key, value;
	int found;
	clear(ce);
	ce->at = at;
	if (json_open_object(scan) < 0)
		return -1;
	while ((found = json_member(scan, &key, &value)) > 0) {
		if (take_data(ce, key, value, err))
			continue;
		size_t name_at = ce->text.len;
		if (json_decode(key, &ce->text) < 0)
			continue;
		struct cloudevent_attribute *attribute = add_name(ce, name_at, err);
		if (!attribute)
			continue;
		if (json_kind_of(value) == JSON_KIND_NULL)
			attribute->unset = attribute->hidden = true;
		else
			add_value(ce, attribute, value, err);
	}
	return found;
}

/* ---- Binary mode -------------------------------------------------------------------------------------------------------------- */

static void take_header(struct cloudevent *ce, const struct ingest_header *header, struct err *err)
{
	size_t name_at = ce->text.len;
	for (size_t i = 3; i < header->name.len; i++) {
		char c = header->name.at[i];
		strbuf_putc(&ce->text, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
	if (slice_is((struct slice){strbuf_text(&ce->text) + name_at, ce->text.len - name_at}, "datacontenttype")) {
		err_field(err, ERR_INVALID, "ce-datacontenttype", "must not be there in binary mode: Content-Type says it");
		return;
	}
	struct cloudevent_attribute *attribute = add_name(ce, name_at, err);
	if (!attribute)
		return;
	if (context_header_decode(header->value, &ce->text) == 0) {
		end_text(ce, attribute, err);
		return;
	}
	attribute->bad = true;
	err_field(err, ERR_INVALID, pointer_of(ce, name_of(ce, attribute).at),
	          "must be percent-encoded as the HTTP binding of CloudEvents says: '%%' is %%25, and a quoted string must be closed");
}

void cloudevent_take(struct cloudevent *ce, const struct ingest_request *request, struct err *err)
{
	clear(ce);
	for (size_t i = 0; i < request->headers_len; i++)
		take_header(ce, &request->headers[i], err);
	ce->data = (struct slice){request->body.len ? request->body.at : "", request->body.len};
	if (!request->content_type.at)
		return;
	size_t name_at = ce->text.len;
	strbuf_puts(&ce->text, "datacontenttype");
	struct cloudevent_attribute *attribute = add_name(ce, name_at, err);
	if (!attribute)
		return;
	strbuf_slice(&ce->text, request->content_type);
	end_text(ce, attribute, err);
}

/* ---- What came of it ---------------------------------------------------------------------------------------------------------- */

static int settle_core(struct cloudevent *ce, struct err *err)
{
	int bad = 0;
	for (size_t i = 0; i < CONTEXT_CORE; i++) {
		const struct cloudevent_attribute *attribute = find(ce, core[i].name);
		if (!attribute && core[i].required)
			bad = err_field(err, ERR_INVALID, pointer_of(ce, core[i].name), "is required of a CloudEvent");
		else if (attribute && attribute->kind != JSON_KIND_STRING)
			bad = err_field(err, ERR_INVALID, pointer_of(ce, core[i].name), "must be a string");
		else if (attribute && core[i].good && !attribute->bad && !core[i].good(text_of(ce, attribute)))
			bad = err_field(err, ERR_INVALID, pointer_of(ce, core[i].name), "%s", core[i].wanted);
	}
	return bad;
}

static void settle_envelope(struct cloudevent *ce, struct envelope *envelope)
{
	const struct cloudevent_attribute *attribute;
	struct err unfit = {.code = ERR_NONE};
	envelope_clear(envelope);
	envelope->names = ce->binary ? header_names : member_names;
	envelope->seen = 1u << FIELD_DATA; /* which a CloudEvent need not have */
	if ((attribute = find(ce, "type"))) {
		envelope->seen |= 1u << FIELD_TYPE;
		if (!attribute->bad)
			envelope->text[FIELD_TYPE] = text_of(ce, attribute);
	}
	if ((attribute = find(ce, "subject")) && !attribute->bad)
		envelope->text[FIELD_SUBJECT] = text_of(ce, attribute);
	/* An id that is no uid of ours stays in the context alone. */
	if ((attribute = find(ce, "id")) && !attribute->bad && uid_check(text_of(ce, attribute), "", &unfit) == 0)
		envelope->text[FIELD_UID] = text_of(ce, attribute);
	for (size_t i = 0; i < CLOUDEVENT_ROUTES; i++) {
		struct cloudevent_attribute *route = find(ce, routes[i].name);
		if (!route)
			continue;
		route->hidden = true;
		if (!route->bad)
			envelope->text[routes[i].field] = text_of(ce, route);
	}
}

/* The string's text into `payload`. */
static int decode_payload(struct cloudevent *ce, struct slice string)
{
	ce->payload.max_bytes = string.len;
	strbuf_clear(&ce->payload);
	if (json_decode(string, &ce->payload) < 0) {
		ce->no_memory = true;
		return -1;
	}
	ce->data = (struct slice){strbuf_text(&ce->payload), ce->payload.len};
	return 0;
}

static int settle_base64(struct cloudevent *ce, struct err *err)
{
	const char *pointer = pointer_of(ce, "data_base64");
	if (ce->data_member.at)
		return err_field(err, ERR_INVALID, pointer, "cannot be given beside data");
	if (json_kind_of(ce->base64_member) != JSON_KIND_STRING)
		return err_field(err, ERR_INVALID, pointer, "must be a string: base64 (RFC 4648, 4)");
	if (decode_payload(ce, ce->base64_member) < 0)
		return -1;
	/* In place: what is written never gets ahead of what is read. */
	int len = ce->data.len ? codec_base64_decode(ce->data, (uint8_t *)ce->payload.data, ce->data.len) : 0;
	if (len < 0)
		return err_field(err, ERR_INVALID, pointer, "is not base64 (RFC 4648, 4, with padding)");
	ce->data.len = (size_t)len;
	return 0;
}

/* Bytes that are said to be JSON must be: formats that carry them in JSON rely on it. */
static int check_json(struct cloudevent *ce, struct err *err)
{
	struct json_scan scan;
	struct slice value;
	json_scan_init(&scan, ce->data, ce->depth_max);
	if (ce->data.len == 0 || (json_value(&scan, &value) == 0 && json_end(&scan) == 0))
		return 0;
	size_t offset = (size_t)(scan.at - scan.begin);
	if (!ce->binary)
		return err_field(err, ERR_INVALID, pointer_of(ce, "data_base64"),
		                 "is not the JSON that datacontenttype says: at byte offset %zu, %s", offset, scan.why);
	return err_set(err, ERR_UNPARSABLE, "The body is not the JSON that Content-Type says: at byte offset %zu, %s", offset, scan.why);
}

static int settle_data(struct cloudevent *ce, struct err *err)
{
	const struct cloudevent_attribute *attribute = find(ce, "datacontenttype");
	if (attribute)
		ce->content_type = text_of(ce, attribute);
	bool json = attribute && media_type_is_json(ce->content_type);
	if (ce->base64_member.at && settle_base64(ce, err) < 0)
		return -1;
	if (ce->binary || ce->base64_member.at) {
		if (!attribute && ce->data.len > 0)
			ce->content_type = SLICE_LITERAL("application/octet-stream");
		return json ? check_json(ce, err) : 0;
	}
	ce->data = ce->data_member.at ? ce->data_member : SLICE_LITERAL("");
	if (!ce->data_member.at || json)
		return 0;
	if (!attribute) {
		ce->content_type = SLICE_LITERAL("application/json");
		return 0;
	}
	if (json_kind_of(ce->data_member) != JSON_KIND_STRING || has_lone_surrogate(ce->data_member))
		return err_field(err, ERR_INVALID, pointer_of(ce, "data"),
		                 "must be a string of text when datacontenttype is not JSON; bytes go into data_base64");
	return decode_payload(ce, ce->data_member);
}

static bool is_tracestate(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < ' ' || text.at[i] > '~')
			return false;
	return text.len > 0 && text.len <= TRACESTATE_MAX;
}

/* The extension for distributed tracing. What is malformed counts for nothing, as in a header: it is not passed on either. */
static void settle_trace(struct cloudevent *ce)
{
	struct cloudevent_attribute *parent = find(ce, "traceparent"), *state = find(ce, "tracestate");
	if (parent && event_traceparent_check(text_of(ce, parent)) == 0)
		ce->traceparent = text_of(ce, parent);
	if (state && ce->traceparent.at && is_tracestate(text_of(ce, state)))
		ce->tracestate = text_of(ce, state);
	if (parent)
		parent->hidden = !ce->traceparent.at;
	if (state)
		state->hidden = !ce->tracestate.at;
}

/* Core attributes as CloudEvents list them, extensions by name, tracing at the end. */
static unsigned rank_of(struct slice name)
{
	for (unsigned i = 0; i < CONTEXT_CORE; i++)
		if (slice_is(name, core[i].name))
			return i;
	return slice_is(name, "traceparent") || slice_is(name, "tracestate") ? CONTEXT_CORE + 1 : CONTEXT_CORE;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct cloudevent *ce = context;
	struct slice a = name_of(ce, left), b = name_of(ce, right);
	unsigned rank_a = rank_of(a), rank_b = rank_of(b);
	return rank_a != rank_b ? (rank_a > rank_b) - (rank_a < rank_b) : strcmp(a.at, b.at);
}

static void put_context(struct cloudevent *ce)
{
	bool traced = false;
	qsort_r(ce->attributes, ce->attributes_len, sizeof *ce->attributes, compare, ce);
	strbuf_putc(&ce->context, '{');
	for (unsigned i = 0; i < ce->attributes_len; i++) {
		const struct cloudevent_attribute *attribute = &ce->attributes[i];
		if (attribute->hidden)
			continue;
		if (!traced && rank_of(name_of(ce, attribute)) > CONTEXT_CORE) {
			traced = true;
			ce->content_len = ce->context.len;
		}
		strbuf_printf(&ce->context, "%s\"%s\":", ce->context.len > 1 ? "," : "", name_of(ce, attribute).at);
		if (attribute->kind == JSON_KIND_STRING)
			json_put_string(&ce->context, text_of(ce, attribute));
		else
			strbuf_slice(&ce->context, text_of(ce, attribute));
	}
	if (!traced)
		ce->content_len = ce->context.len;
	strbuf_putc(&ce->context, '}');
	ce->no_memory = ce->no_memory || ce->context.failed;
}

/* Of what is passed on, and of names and values together. */
static int check_size(struct cloudevent *ce, struct err *err)
{
	size_t bytes = 0;
	unsigned extensions = 0;
	for (unsigned i = 0; i < ce->attributes_len; i++) {
		const struct cloudevent_attribute *attribute = &ce->attributes[i];
		bytes += attribute->name_len + attribute->text_len;
		extensions += !attribute->hidden && rank_of(name_of(ce, attribute)) >= CONTEXT_CORE;
	}
	if (ce->text.failed || bytes > CONTEXT_BYTES_MAX)
		return err_field(err, ERR_INVALID, ce->at, "has attributes of more than %d bytes; what is large belongs into data",
		                 CONTEXT_BYTES_MAX);
	if (extensions > CONTEXT_EXTENSIONS_MAX)
		return err_field(err, ERR_INVALID, ce->at, "has %u extension attributes; at most %d are taken", extensions,
		                 CONTEXT_EXTENSIONS_MAX);
	return 0;
}

int cloudevent_settle(struct cloudevent *ce, struct envelope *envelope, struct err *err)
{
	settle_envelope(ce, envelope);
	if (check_size(ce, err) < 0) {
		envelope->seen |= 1u << FIELD_TYPE; /* it may be among what was too much */
		return -1;
	}
	int bad = settle_core(ce, err);
	bad |= settle_data(ce, err);
	settle_trace(ce);
	put_context(ce);
	const struct cloudevent_attribute *source = find(ce, "source"), *id = find(ce, "id");
	if (bad || !source || !id)
		return -1;
	ce->source = text_of(ce, source);
	ce->id = text_of(ce, id);
	return 0;
}

struct slice cloudevent_content(const struct cloudevent *ce)
{
	return (struct slice){ce->context.data, ce->content_len};
}

void cloudevent_fields(const struct cloudevent *ce, struct event_fields *fields)
{
	fields->content_type = ce->content_type;
	fields->data = ce->data;
	fields->context = (struct slice){ce->context.data, ce->context.len};
	if (!ce->traceparent.at)
		return;
	/* The header's tracestate belongs to the header's traceparent. */
	bool same = slice_equal(fields->traceparent, ce->traceparent);
	fields->traceparent = ce->traceparent;
	if (ce->tracestate.at || !same)
		fields->tracestate = ce->tracestate;
}
