/* What keeps the log readable: of one kind of line, and of one thing that it is about, so many are written in a minute; the others are
 * counted, none is lost. It knows no timer: whoever writes asks whose minute is over. Not thread-safe; `log.c` has the lock. */
#ifndef GRAPNEL_BASE_LOG_LIMIT_H
#define GRAPNEL_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_MINUTE_US (60 * INT64_C(1000000))

/* Lines of one kind in a minute, of all things together; things that are told apart at a time. */
enum { LOG_KIND_MOST = 30, LOG_LIMIT_THINGS = 128 };

struct log_count {
	int64_t thing;   /* 0: of several */
	int64_t over_us; /* its minute ends then; 0: nothing is counted */
	int64_t since_ms; /* wall time of its beginning */
	uint64_t more;   /* that were not written */
	unsigned kind, written;
};

struct log_limit {
	unsigned kinds;
	struct log_count *of_kind; /* one for each kind */
	struct log_count things[LOG_LIMIT_THINGS];
	int64_t next_us; /* the first minute that ends; INT64_MAX: none */
};

/* Whether the next line of this kind about this thing (0: it is about none) is to be written; `at_once` of them are. */
bool log_limit_take(struct log_limit *limit, unsigned kind, int64_t thing, unsigned at_once, int64_t now_us, int64_t now_ms);
/* Takes out what is to be told of minutes that are over, or of all; how many, at most `cap`: then there may be more. */
size_t log_limit_over(struct log_limit *limit, int64_t now_us, bool all, struct log_count *out, size_t cap);

#endif
