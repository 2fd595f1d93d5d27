/* The log: each call becomes one line and one write(), so that lines of several threads never mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

/* A byte of the message becomes at most six (\u001f). */
enum { LOG_MESSAGE_MAX = 2048, LOG_HEAD_MAX = 160, LOG_LINE_MAX = LOG_HEAD_MAX + 6 * LOG_MESSAGE_MAX + 8 };

static const struct {
	const char *text;
	const char *json;
} log_names[] = {
    [LOG_DEBUG] = {"DEBUG", "debug"},
    [LOG_INFO] = {"INFO", "info"},
    [LOG_WARN] = {"WARN", "warn"},
    [LOG_ERROR] = {"ERROR", "error"},
};

static enum log_level log_lowest = LOG_INFO;
static bool log_json;

void log_configure(enum log_level level, bool json)
{
	log_lowest = level;
	log_json = json;
}

static size_t log_put(char *out, const char *text)
{
	size_t len = strlen(text);
	memcpy(out, text, len);
	return len;
}

/* A byte that must not stand in the line as it is; out has room for the longest form and a NUL. */
static size_t log_escape_byte(unsigned char byte, bool valid, char out[8])
{
	static const char shorts[] = "\bb\tt\nn\ff\rr";
	if (log_json && !valid)
		return log_put(out, "\\ufffd");
	for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
		if ((unsigned char)shorts[i] == byte) {
			out[0] = '\\';
			out[1] = shorts[i + 1];
			return 2;
		}
	return (size_t)snprintf(out, 8, log_json ? "\\u%04x" : "\\x%02x", byte);
}

/* One line whatever the message holds: control characters (C1 too, terminals obey them), DEL and bytes that are not UTF-8 are
 * escaped. */
static size_t log_escape(const char *message, size_t len, char *out)
{
	char *to = out;
	for (const char *at = message, *end = message + len; at < end;) {
		unsigned char byte = (unsigned char)*at;
		size_t sequence = utf8_sequence(at, end);
		if (log_json && (byte == '"' || byte == '\\')) {
			*to++ = '\\';
			*to++ = *at++;
		} else if (byte < 0x20 || byte == 0x7f || sequence == 0) {
			to += log_escape_byte(byte, sequence != 0, to);
			at++;
		} else if (byte == 0xc2 && (unsigned char)at[1] < 0xa0) {
			to += snprintf(to, 8, "\\u%04x", (unsigned)(unsigned char)at[1]);
			at += 2;
		} else {
			memcpy(to, at, sequence);
			to += sequence;
			at += sequence;
		}
	}
	return (size_t)(to - out);
}

static void log_write(enum log_level level, const char *area, const char *message, size_t len)
{
	char time[CLOCK_RFC3339_SIZE];
	char line[LOG_LINE_MAX];
	clock_format_rfc3339(clock_wall_ms(&clock_system), time);
	int head;
	if (log_json)
		head = snprintf(line, LOG_HEAD_MAX, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%.32s\",\"message\":\"", time,
		                log_names[level].json, area);
	else
		head = snprintf(line, LOG_HEAD_MAX, "%s %s %.32s: ", time, log_names[level].text, area);
	size_t at = head > 0 ? (size_t)head : 0;
	at += log_escape(message, len, line + at);
	at += log_put(line + at, log_json ? "\"}\n" : "\n");
	/* Nobody is left to be told when stderr fails. */
	while (write(STDERR_FILENO, line, at) < 0 && errno == EINTR)
		continue;
}

static void log_format(enum log_level level, const char *area, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
static void log_format(enum log_level level, const char *area, const char *format, va_list arguments)
{
	char message[LOG_MESSAGE_MAX];
	int len = vsnprintf(message, sizeof message, format, arguments);
	if (len < 0)
		len = 0;
	size_t shown = (size_t)len < sizeof message ? (size_t)len : utf8_trim(message, sizeof message - 1);
	log_write(level, area, message, shown);
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
	if (level < log_lowest)
		return;
	int errno_before = errno;
	va_list arguments;
	va_start(arguments, format);
	log_format(level, area, format, arguments);
	va_end(arguments);
	errno = errno_before;
}

void log_fatal(const char *area, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	log_format(LOG_ERROR, area, format, arguments);
	va_end(arguments);
	abort();
}
