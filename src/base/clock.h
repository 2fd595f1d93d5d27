/* Time. Wall time is milliseconds since the Unix epoch, UTC; it may jump. Monotonic time is microseconds since some start; it
 * never goes back. Code that decides by time takes a struct clock so that tests own the time. Thread-safe. */
#ifndef GRAPNEL_BASE_CLOCK_H
#define GRAPNEL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct clock {
	int64_t (*wall_ms)(void *context);
	int64_t (*mono_us)(void *context);
	void *context;
};

extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
	return clock->wall_ms(clock->context);
}

static inline int64_t clock_mono_us(const struct clock *clock)
{
	return clock->mono_us(clock->context);
}

enum { CLOCK_RFC3339_SIZE = sizeof "9999-12-31T23:59:59.999Z" };

/* RFC 3339 in UTC with milliseconds, for years 0000 to 9999 (times outside are clamped). */
void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
/* Any RFC 3339 date-time (offset, fraction of any length cut to milliseconds, leap second as :59.999); -1 when it is none. */
int clock_parse_rfc3339(struct slice text, int64_t *wall_ms) ATTR_MUST_USE;
/* An HTTP date (RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime); -1 when it is none. Two-digit years are read as
 * from the system's present. */
int clock_parse_http_date(struct slice text, int64_t *wall_ms) ATTR_MUST_USE;

#endif
