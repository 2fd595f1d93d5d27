/* The log: each call becomes one line and one write(), so that lines of several threads never mix. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log_entry.h"
#include "base/log_journal.h"
#include "base/log_limit.h"
#include "base/utf8.h"

/* What tells lines of a kind apart: where the field stands. */
enum { BY_none = 0, BY_endpoint = offsetof(struct log_fields, endpoint), BY_source = offsetof(struct log_fields, source) };

static const struct {
	const char *name;
	enum log_level level;
	const char *area;
	size_t by;
	unsigned at_once;
	const char *what;
} kinds[LOG_KINDS] = {
#define LOG_KIND(name, level, area, by, at_once, what, when) {#name, level, area, BY_##by, at_once, what},
#include "base/log_kinds.def"
#undef LOG_KIND
};

static _Atomic(enum log_level) lowest = LOG_INFO;
static _Atomic(enum log_format) format_now = LOG_TEXT;
static _Atomic(const struct clock *) clock_now = &clock_system;

/* Set before threads start. */
static struct {
	bool is_journal; /* stderr */
	int fd;          /* -1: none */
	const char *path;
} journal = {.fd = -1};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* under the mutex */
static struct log_count counts[LOG_KINDS];
static struct log_limit limit = {.kinds = LOG_KINDS, .of_kind = counts, .next_us = INT64_MAX};
/* Of its next_us, to be looked at without the mutex. */
static _Atomic int64_t next_us = INT64_MAX;

void log_open(const char *journal_socket)
{
	journal.is_journal = log_journal_is(getenv("JOURNAL_STREAM"), STDERR_FILENO);
	if (journal.fd >= 0)
		close(journal.fd);
	journal.fd = journal.is_journal ? log_journal_open(journal_socket) : -1;
	journal.path = journal_socket;
}

void log_configure(enum log_level level, enum log_format format)
{
	atomic_store(&lowest, level);
	atomic_store(&format_now, format);
}

void log_set_clock(const struct clock *clock)
{
	atomic_store(&clock_now, clock ? clock : &clock_system);
}

bool log_wants(enum log_level level)
{
	return level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

enum log_level log_kind_level(enum log_kind kind)
{
	return kinds[kind].level;
}

/* Nobody is left to be told when stderr fails. */
static void write_line(const char *line, size_t len)
{
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		continue;
}

/* False: it has to be told on stderr. What is too large for a datagram loses the end of its message. */
static bool write_journal(struct log_entry entry)
{
	char line[LOG_LINE_MAX];
	if (journal.fd < 0)
		return false;
	for (;;) {
		size_t len = log_entry_journal(&entry, line);
		enum log_journal_sent sent = log_journal_send(journal.fd, journal.path, line, len);
		if (sent != LOG_JOURNAL_TOO_LARGE || entry.message.len < 64)
			return sent == LOG_JOURNAL_SENT;
		entry.message.len = utf8_trim(entry.message.at, entry.message.len / 2);
	}
}

static void write_entry(const struct log_entry *entry)
{
	char line[LOG_LINE_MAX];
	enum log_format format = atomic_load(&format_now);
	if (format == LOG_JSON)
		write_line(line, log_entry_json(entry, journal.is_journal, line));
	else if (format == LOG_TEXT || !journal.is_journal)
		write_line(line, log_entry_text(entry, line));
	else if (!write_journal(*entry))
		write_line(line, log_entry_prefixed(entry, line));
}

/* ---- What was counted ---- */

static void write_count(const struct log_count *count, int64_t now_ms)
{
	char since[CLOCK_RFC3339_SIZE], message[200];
	struct log_fields fields = {.more = (int64_t)count->more};
	size_t by = kinds[count->kind].by;
	clock_format_rfc3339(count->since_ms, since);
	if (count->thing)
		memcpy((char *)&fields + by, &count->thing, sizeof count->thing);
	int len = snprintf(message, sizeof message, "%s%s: %" PRIu64 " more since %s", kinds[count->kind].what,
	                   by && !count->thing ? ", of all together" : "", count->more, since);
	write_entry(&(struct log_entry){.level = kinds[count->kind].level,
	                                .area = kinds[count->kind].area,
	                                .kind = kinds[count->kind].name,
	                                .message = {message, len > 0 ? (size_t)len : 0},
	                                .fields = &fields,
	                                .wall_ms = now_ms});
}

/* Nobody waits for the lines of others to be written: the mutex is not held then. */
static void write_counts(bool all)
{
	const struct clock *clock = atomic_load(&clock_now);
	struct log_count over[16];
	size_t len = sizeof over / sizeof *over;
	while (len == sizeof over / sizeof *over) {
		pthread_mutex_lock(&mutex);
		len = log_limit_over(&limit, clock_mono_us(clock), all, over, sizeof over / sizeof *over);
		atomic_store(&next_us, limit.next_us);
		pthread_mutex_unlock(&mutex);
		for (size_t i = 0; i < len; i++)
			write_count(&over[i], clock_wall_ms(clock));
	}
}

static void write_what_is_over(void)
{
	if (atomic_load(&next_us) <= clock_mono_us(atomic_load(&clock_now)))
		write_counts(false);
}

void log_flush(void)
{
	write_counts(true);
}

/* Whether it is written; otherwise it is counted. */
static bool may_write(enum log_kind kind, const struct log_fields *fields)
{
	const struct clock *clock = atomic_load(&clock_now);
	int64_t thing = 0;
	if (kinds[kind].at_once == 0)
		return true;
	if (fields && kinds[kind].by)
		memcpy(&thing, (const char *)fields + kinds[kind].by, sizeof thing);
	pthread_mutex_lock(&mutex);
	bool may = log_limit_take(&limit, kind, thing, kinds[kind].at_once, clock_mono_us(clock), clock_wall_ms(clock));
	atomic_store(&next_us, limit.next_us);
	pthread_mutex_unlock(&mutex);
	return may;
}

/* ---- Lines ---- */

static void say(struct log_entry *entry, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void say(struct log_entry *entry, const char *format, va_list arguments)
{
	char message[LOG_MESSAGE_MAX];
	int len = vsnprintf(message, sizeof message, format, arguments);
	if (len < 0)
		len = 0;
	entry->message.at = message;
	entry->message.len = (size_t)len < sizeof message ? (size_t)len : utf8_trim(message, sizeof message - 1);
	entry->wall_ms = clock_wall_ms(atomic_load(&clock_now));
	write_entry(entry);
}

void log_kind(enum log_kind kind, const struct log_fields *fields, const char *format, ...)
{
	if (!log_wants(kinds[kind].level))
		return;
	int errno_before = errno;
	write_what_is_over();
	if (may_write(kind, fields)) {
		struct log_entry entry = {.level = kinds[kind].level, .area = kinds[kind].area, .kind = kinds[kind].name, .fields = fields};
		va_list arguments;
		va_start(arguments, format);
		say(&entry, format, arguments);
		va_end(arguments);
	}
	errno = errno_before;
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
	if (!log_wants(level))
		return;
	int errno_before = errno;
	struct log_entry entry = {.level = level, .area = area};
	va_list arguments;
	write_what_is_over();
	va_start(arguments, format);
	say(&entry, format, arguments);
	va_end(arguments);
	errno = errno_before;
}

void log_fatal(const char *area, const char *format, ...)
{
	struct log_entry entry = {.level = LOG_ERROR, .area = area};
	va_list arguments;
	va_start(arguments, format);
	say(&entry, format, arguments);
	va_end(arguments);
	abort();
}
