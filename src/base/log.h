/* The log: one line for each noteworthy thing, to stderr as text or JSON, or to the journal in its own protocol. Never a secret, never a
 * payload. What repeats is counted instead (log_kinds.def). Thread-safe. */
#ifndef GRAPNEL_BASE_LOG_H
#define GRAPNEL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
/* AUTO: to the journal when stderr is the journal's, else text. */
enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON };

/* Where systemd's journal takes datagrams. */
#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Once, before threads start: finds out whether stderr is the journal's ($JOURNAL_STREAM); then lines of the format AUTO go to this socket,
 * and where that cannot be used to stderr, with the priority before them. */
void log_open(const char *journal_socket);
/* From any thread at any time; LOG_INFO and LOG_TEXT before the first call. */
void log_configure(enum log_level level, enum log_format format);
/* Whether lines of this level are written, for who would have to work for one. */
bool log_wants(enum log_level level);
/* The time that repetitions are counted by; for tests. NULL: the system's. */
void log_set_clock(const struct clock *clock);
/* What was counted and not yet told. At the end; otherwise it is told with the next line. */
void log_flush(void);

/* What a line names: only what is not zero. */
struct log_fields {
#define LOG_FIELD_REQUEST(name) int64_t name;
#define LOG_FIELD_ID(name, kind) int64_t name;
#define LOG_FIELD_NUMBER(name) int64_t name;
#define LOG_FIELD_NUMBER_OF(name, other) int64_t name;
#define LOG_FIELD_TEXT(name) const char *name;
#include "base/log_fields.def"
#undef LOG_FIELD_REQUEST
#undef LOG_FIELD_ID
#undef LOG_FIELD_NUMBER
#undef LOG_FIELD_NUMBER_OF
#undef LOG_FIELD_TEXT
};
#define LOG_FIELDS(...) (&(const struct log_fields){__VA_ARGS__})

enum log_kind {
#define LOG_KIND(name, level, area, by, at_once, what, when) LOG_KIND_##name,
#include "base/log_kinds.def"
#undef LOG_KIND
	LOG_KINDS
};

/* One of log_kinds.def. The message is one sentence, without the values of its fields; `fields` may be NULL. */
void log_kind(enum log_kind kind, const struct log_fields *fields, const char *format, ...) ATTR_PRINTF(3, 4);
/* The same as log_kind(LOG_KIND_name, …), without its cost when the level is not logged. */
#define log_told(name, fields, ...)                                                                                                \
	do {                                                                                                                       \
		if (log_wants(log_kind_level(LOG_KIND_##name)))                                                                    \
			log_kind(LOG_KIND_##name, fields, __VA_ARGS__);                                                            \
	} while (0)
enum log_level log_kind_level(enum log_kind kind);

/* Whatever is said seldom. `area` is the folder that speaks ("store"); the message is one sentence, with name=value pairs at its end where
 * they help. */
void log_line(enum log_level level, const char *area, const char *format, ...) ATTR_PRINTF(3, 4);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* Says why and aborts: for broken invariants and small fixed allocations only. */
void log_fatal(const char *area, const char *format, ...) ATTR_PRINTF(2, 3) ATTR_NORETURN;

#endif
