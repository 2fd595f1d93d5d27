/* What the log is about to say, and its forms: a line of text, a line of JSON, an entry of the journal. Pure functions. */
#ifndef GRAPNEL_BASE_LOG_ENTRY_H
#define GRAPNEL_BASE_LOG_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/slice.h"

/* A byte of the message becomes at most six (\u001f); the rest is for fields, which are left out when there is no room. */
enum { LOG_MESSAGE_MAX = 2048, LOG_VALUE_MAX = 256, LOG_LINE_MAX = 6 * LOG_MESSAGE_MAX + 4096 };

struct log_entry {
	enum log_level level;
	const char *area;
	const char *kind; /* NULL: none */
	struct slice message;
	const struct log_fields *fields; /* or NULL */
	int64_t wall_ms;
};

/* What is written by each; at most LOG_LINE_MAX bytes. */
size_t log_entry_text(const struct log_entry *entry, char out[LOG_LINE_MAX]);
/* With the priority that systemd takes from a line's beginning, and without the time, which it knows. */
size_t log_entry_prefixed(const struct log_entry *entry, char out[LOG_LINE_MAX]);
/* `prefixed`: with that priority, too, which the journal takes off again. */
size_t log_entry_json(const struct log_entry *entry, bool prefixed, char out[LOG_LINE_MAX]);
size_t log_entry_journal(const struct log_entry *entry, char out[LOG_LINE_MAX]);

#endif
