/* Points in time as arguments. */
#include "cli/when.h"

#include "conf/option.h"

int when_parse(const char *text, const struct clock *clock, char out[CLOCK_RFC3339_SIZE], struct err *err)
{
	int64_t wall_ms = 0, wait_ms;
	const char *why;

	if (text[0] == '+') {
		if (option_parse_ms(text + 1, &wait_ms, &why) == 0 && !__builtin_add_overflow(clock_wall_ms(clock), wait_ms, &wall_ms)) {
			clock_format_rfc3339(wall_ms, out);
			return 0;
		}
	} else if (clock_parse_rfc3339(slice_of(text), &wall_ms) == 0) {
		clock_format_rfc3339(wall_ms, out);
		return 0;
	}
	return err_set(err, ERR_INVALID,
		       "\"%.60s\" is no point in time; accepted: RFC 3339 (2031-01-31T12:00:00Z), or a time from now on (+12h, +30d; "
		       "units: ms, s, m, h, d)",
		       text);
}
