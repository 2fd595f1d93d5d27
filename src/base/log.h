/* The log: one line to stderr for each noteworthy thing, as text or JSON. Never a secret, never a payload. Thread-safe. */
#ifndef GRAPNEL_BASE_LOG_H
#define GRAPNEL_BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Called once, before threads start. */
void log_configure(enum log_level level, bool json);

/* `area` is the folder that speaks ("store"); the message is one sentence, with name=value pairs at its end where they help. */
void log_line(enum log_level level, const char *area, const char *format, ...) ATTR_PRINTF(3, 4);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* Says why and aborts: for broken invariants and small fixed allocations only. */
void log_fatal(const char *area, const char *format, ...) ATTR_PRINTF(2, 3) ATTR_NORETURN;

#endif
