/* Errors: filling a struct err, and the table of codes. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
	const char *text;
	int http_status;
	const char *title;
} err_rows[ERR_COUNT_] = {
    [ERR_NONE] = {"ok", 200, "No error"},
#define ERROR(name, code, status, title) [ERR_##name] = {code, status, title},
#include "base/errors.def"
#undef ERROR
};

/* Bytes of files and arguments come into sentences that go into JSON, which takes UTF-8 alone: others are written as \xff. */
static void err_put(char *out, size_t size, const char *text, size_t text_len)
{
	const char *end = text + text_len;
	char escaped[8];
	size_t used = 0;
	while (text < end) {
		size_t len = utf8_sequence(text, end), step = len > 0 ? len : 1;
		const char *piece = text;
		if (len == 0) {
			len = (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)*text);
			piece = escaped;
		}
		if (used + len >= size)
			break;
		memcpy(out + used, piece, len);
		used += len;
		text += step;
	}
	out[used] = '\0';
}

/* Cuts what does not fit between two characters. */
static void err_format(char *out, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
static void err_format(char *out, size_t size, const char *format, va_list arguments)
{
	char raw[ERR_DETAIL_MAX];
	int len = vsnprintf(raw, sizeof raw, format, arguments);
	if (len < 0)
		len = 0;
	err_put(out, size, raw, (size_t)len < sizeof raw ? (size_t)len : utf8_trim(raw, sizeof raw - 1));
}

static void err_format_of(char *out, size_t size, const char *format, ...) ATTR_PRINTF(3, 4);
static void err_format_of(char *out, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	err_format(out, size, format, arguments);
	va_end(arguments);
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	if (!err)
		return -1;
	/* The arguments may point into *err: formatted aside, copied last. */
	char detail[ERR_DETAIL_MAX];
	va_list arguments;
	va_start(arguments, format);
	err_format(detail, sizeof detail, format, arguments);
	va_end(arguments);
	err->code = code;
	err->retry_after_s = 0;
	err->fields_len = 0;
	memcpy(err->detail, detail, sizeof detail);
	return -1;
}

int err_field(struct err *err, enum err_code code, const char *pointer, const char *format, ...)
{
	if (!err)
		return -1;
	struct err_field field = {0};
	va_list arguments;
	va_start(arguments, format);
	err_format(field.detail, sizeof field.detail, format, arguments);
	va_end(arguments);
	err_format_of(field.pointer, sizeof field.pointer, "%s", pointer);
	if (err->code == ERR_NONE) {
		err->code = code;
		err->retry_after_s = 0;
		err->fields_len = 0;
		err_format_of(err->detail, sizeof err->detail, "%s%s%s", field.pointer, field.pointer[0] ? ": " : "", field.detail);
	}
	if (err->fields_len < ERR_FIELDS_MAX)
		err->fields[err->fields_len++] = field;
	return -1;
}

const char *err_code_text(enum err_code code)
{
	return err_rows[code].text;
}

int err_http_status(enum err_code code)
{
	return err_rows[code].http_status;
}

const char *err_title(enum err_code code)
{
	return err_rows[code].title;
}
