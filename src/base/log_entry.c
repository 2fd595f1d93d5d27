/* The forms of what the log says. Every one is a single line for each value, whatever it holds. */
#include "base/log_entry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/utf8.h"

/* PRIORITY: syslog(3)'s. */
static const struct {
	const char *text, *json;
	int priority;
} levels[] = {
    [LOG_DEBUG] = {"DEBUG", "debug", 7},
    [LOG_INFO] = {"INFO", "info", 6},
    [LOG_WARN] = {"WARN", "warn", 4},
    [LOG_ERROR] = {"ERROR", "error", 3},
};

struct out {
	char *data;
	size_t len;
	bool json;
	bool quoted;  /* the value stands between quotation marks */
	bool further; /* a field of the sentence was put */
};

enum { TAIL = 16 }; /* that is kept free for what ends a line */

static bool has_room(const struct out *out, size_t len)
{
	return out->len + len + TAIL <= LOG_LINE_MAX;
}

static void put(struct out *out, const char *text)
{
	size_t len = strlen(text);
	memcpy(out->data + out->len, text, len);
	out->len += len;
}

static void put_format(struct out *out, const char *format, ...) ATTR_PRINTF(2, 3);

static void put_format(struct out *out, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(out->data + out->len, LOG_LINE_MAX - out->len, format, arguments);
	va_end(arguments);
	if (len > 0)
		out->len += (size_t)len < LOG_LINE_MAX - out->len ? (size_t)len : LOG_LINE_MAX - out->len - 1;
}

/* A byte that must not stand in the line as it is. */
static void escape_byte(struct out *out, unsigned char byte, bool valid)
{
	static const char shorts[] = "\bb\tt\nn\ff\rr";
	if (out->json && !valid) {
		put(out, "\\ufffd");
		return;
	}
	for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
		if ((unsigned char)shorts[i] == byte) {
			put_format(out, "\\%c", shorts[i + 1]);
			return;
		}
	put_format(out, out->json ? "\\u%04x" : "\\x%02x", byte);
}

/* Control characters (C1 too, terminals obey them), DEL and bytes that are not UTF-8 are escaped. */
static void escape(struct out *out, struct slice text)
{
	for (const char *at = text.at, *end = text.at + text.len; at < end && has_room(out, 8);) {
		unsigned char byte = (unsigned char)*at;
		size_t sequence = utf8_sequence(at, end);
		if ((out->json || out->quoted) && (byte == '"' || byte == '\\')) {
			out->data[out->len++] = '\\';
			out->data[out->len++] = *at++;
		} else if (byte < 0x20 || byte == 0x7f || sequence == 0) {
			escape_byte(out, byte, sequence != 0);
			at++;
		} else if (byte == 0xc2 && (unsigned char)at[1] < 0xa0) {
			put_format(out, "\\u%04x", (unsigned)(unsigned char)at[1]);
			at += 2;
		} else {
			memcpy(out->data + out->len, at, sequence);
			out->len += sequence;
			at += sequence;
		}
	}
}

/* ---- Fields ---- */

/* One at a time, each with its value as text; `number`: it is one in JSON. */
typedef void field_put(struct out *out, const char *name, struct slice value, bool number);

static void each_request(struct out *out, field_put *field, const char *name, int64_t value)
{
	char text[ID_TEXT_SIZE];
	if (!value)
		return;
	id_request_format(value, text);
	field(out, name, slice_of(text), false);
}

static void each_id(struct out *out, field_put *field, const char *name, enum id_kind kind, int64_t value)
{
	char text[ID_TEXT_SIZE];
	if (!value)
		return;
	id_format(kind, value, text);
	field(out, name, slice_of(text), false);
}

static void each_number(struct out *out, field_put *field, const char *name, int64_t value, bool there)
{
	char text[24];
	if (!there)
		return;
	snprintf(text, sizeof text, "%" PRId64, value);
	field(out, name, slice_of(text), true);
}

static void each_text(struct out *out, field_put *field, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	size_t len = strlen(value);
	field(out, name, (struct slice){value, len < LOG_VALUE_MAX ? len : utf8_trim(value, LOG_VALUE_MAX)}, false);
}

static void each_field(struct out *out, const struct log_fields *fields, field_put *field)
{
	if (!fields)
		return;
#define LOG_FIELD_REQUEST(name) each_request(out, field, #name, fields->name);
#define LOG_FIELD_ID(name, kind) each_id(out, field, #name, kind, fields->name);
#define LOG_FIELD_NUMBER(name) each_number(out, field, #name, fields->name, fields->name != 0);
#define LOG_FIELD_NUMBER_OF(name, other) each_number(out, field, #name, fields->name, fields->other != 0);
#define LOG_FIELD_TEXT(name) each_text(out, field, #name, fields->name);
#include "base/log_fields.def"
#undef LOG_FIELD_REQUEST
#undef LOG_FIELD_ID
#undef LOG_FIELD_NUMBER
#undef LOG_FIELD_NUMBER_OF
#undef LOG_FIELD_TEXT
}

/* ---- Text ---- */

static void field_text(struct out *out, const char *name, struct slice value, bool number)
{
	(void)number;
	if (!has_room(out, strlen(name) + value.len * 4 + 8))
		return;
	bool quoted = memchr(value.at, ' ', value.len) || memchr(value.at, '=', value.len) || memchr(value.at, '"', value.len);
	put_format(out, "%s%s=%s", out->further ? " " : "; ", name, quoted ? "\"" : "");
	out->further = true;
	out->quoted = quoted;
	escape(out, value);
	out->quoted = false;
	if (quoted)
		put(out, "\"");
}

static void put_sentence(struct out *out, const struct log_entry *entry)
{
	escape(out, entry->message);
	each_field(out, entry->fields, field_text);
}

size_t log_entry_text(const struct log_entry *entry, char data[LOG_LINE_MAX])
{
	struct out out = {.data = data};
	char time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(entry->wall_ms, time);
	put_format(&out, "%s %s %.32s: ", time, levels[entry->level].text, entry->area);
	put_sentence(&out, entry);
	put(&out, "\n");
	return out.len;
}

size_t log_entry_prefixed(const struct log_entry *entry, char data[LOG_LINE_MAX])
{
	struct out out = {.data = data};
	put_format(&out, "<%d>%.32s: ", levels[entry->level].priority, entry->area);
	put_sentence(&out, entry);
	put(&out, "\n");
	return out.len;
}

/* ---- JSON ---- */

static void field_json(struct out *out, const char *name, struct slice value, bool number)
{
	if (!has_room(out, strlen(name) + value.len * 6 + 8))
		return;
	put_format(out, number ? ",\"%s\":" : ",\"%s\":\"", name);
	escape(out, value);
	if (!number)
		put(out, "\"");
}

size_t log_entry_json(const struct log_entry *entry, bool prefixed, char data[LOG_LINE_MAX])
{
	struct out out = {.data = data, .json = true};
	char time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(entry->wall_ms, time);
	if (prefixed)
		put_format(&out, "<%d>", levels[entry->level].priority);
	put_format(&out, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%.32s\",\"message\":\"", time, levels[entry->level].json, entry->area);
	escape(&out, entry->message);
	put(&out, "\"");
	if (entry->kind)
		field_json(&out, "kind", slice_of(entry->kind), false);
	each_field(&out, entry->fields, field_json);
	put(&out, "}\n");
	return out.len;
}

/* ---- The journal ---- */

static void field_journal(struct out *out, const char *name, struct slice value, bool number)
{
	(void)number;
	if (!has_room(out, strlen(name) + value.len * 4 + 16))
		return;
	put(out, "GRAPNEL_");
	for (; *name; name++)
		out->data[out->len++] = (char)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
	put(out, "=");
	escape(out, value);
	put(out, "\n");
}

size_t log_entry_journal(const struct log_entry *entry, char data[LOG_LINE_MAX])
{
	struct out out = {.data = data};
	put_format(&out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=grapnel\n", levels[entry->level].priority);
	field_journal(&out, "area", slice_of(entry->area), false);
	if (entry->kind)
		field_journal(&out, "kind", slice_of(entry->kind), false);
	each_field(&out, entry->fields, field_journal);
	put(&out, "MESSAGE=");
	put_sentence(&out, entry);
	put(&out, "\n");
	return out.len;
}
