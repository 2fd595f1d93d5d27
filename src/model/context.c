/* The context of a CloudEvent. */
#include "model/context.h"

#include <stdint.h>

#include "base/utf8.h"
#include "json/scan.h"

bool context_name_good(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!((name.at[i] >= 'a' && name.at[i] <= 'z') || (name.at[i] >= '0' && name.at[i] <= '9')))
			return false;
	return name.len >= 1 && name.len <= CONTEXT_NAME_MAX && !slice_is(name, "data");
}

/* The code point of a valid sequence. */
static uint32_t code_point(const char *at, size_t len)
{
	static const unsigned char first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t point = (unsigned char)at[0] & first_mask[len];
	for (size_t i = 1; i < len; i++)
		point = point << 6 | ((unsigned char)at[i] & 0x3f);
	return point;
}

static bool point_good(uint32_t point)
{
	bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
	bool noncharacter = (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) == 0xfffe;
	return !control && !noncharacter;
}

bool context_text_good(struct slice text)
{
	const char *at = text.at, *end = text.len ? text.at + text.len : text.at;
	while (at < end) {
		size_t len = utf8_sequence(at, end);
		if (len == 0 || !point_good(code_point(at, len)))
			return false;
		at += len;
	}
	return true;
}

/* RFC 9110, 5.6.4. Only a value that is one quoted string as a whole is unquoted. */
static int unquote(struct slice value, struct strbuf *out)
{
	if (value.len == 0 || value.at[0] != '"') {
		strbuf_slice(out, value);
		return 0;
	}
	size_t i = 1;
	for (; i < value.len && value.at[i] != '"'; i++) {
		if (value.at[i] == '\\' && ++i == value.len)
			return -1;
		strbuf_putc(out, value.at[i]);
	}
	return i + 1 == value.len ? 0 : -1; /* it is closed, and nothing follows */
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int context_header_decode(struct slice value, struct strbuf *out)
{
	size_t begin = out->len;
	if (unquote(value, out) < 0 || out->failed)
		return -1;
	if (out->len == begin)
		return 0;
	/* In place: it only gets shorter. */
	size_t put = begin;
	for (size_t i = begin; i < out->len; i++) {
		char byte = out->data[i];
		if (byte == '%') {
			int high = out->len - i > 2 ? hex_value(out->data[i + 1]) : -1;
			int low = out->len - i > 2 ? hex_value(out->data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			byte = (char)(high * 16 + low);
			i += 2;
		}
		out->data[put++] = byte;
	}
	out->len = put;
	out->data[put] = '\0';
	return 0;
}

void context_header_encode(struct slice text, struct strbuf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.at[i];
		if (byte > 0x20 && byte < 0x7f && byte != '"' && byte != '%') {
			strbuf_putc(out, (char)byte);
			continue;
		}
		strbuf_putc(out, '%');
		strbuf_putc(out, digits[byte >> 4]);
		strbuf_putc(out, digits[byte & 15]);
	}
}

int context_each(struct slice context, void (*visit)(void *receiver, struct slice name, struct slice value), void *receiver)
{
	struct json_scan scan;
	struct slice key, value;
	int found;
	json_scan_init(&scan, context, 1);
	if (json_open_object(&scan) < 0)
		return -1;
	while ((found = json_member(&scan, &key, &value)) > 0)
		visit(receiver, (struct slice){key.at + 1, key.len - 2}, value);
	return found;
}

struct slice context_text_of(struct slice value, struct strbuf *out)
{
	if (json_kind_of(value) != JSON_KIND_STRING)
		return value;
	strbuf_clear(out);
	if (json_decode(value, out) < 0)
		return (struct slice){"", 0};
	return (struct slice){strbuf_text(out), out->len};
}
