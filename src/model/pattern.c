/* Type patterns: their grammar and what they match. */
#include "model/pattern.h"

#include <stddef.h>

#include "model/event.h"

/* How many bytes of wildcard the pattern ends with as its whole last segment: 0, 1 or 2. */
static size_t wildcard_len(struct slice pattern)
{
	size_t stars = 0;
	while (stars < pattern.len && pattern.at[pattern.len - 1 - stars] == '*')
		stars++;
	bool whole = stars == pattern.len || pattern.at[pattern.len - 1 - stars] == '.';
	return stars <= 2 && whole ? stars : 0;
}

int pattern_check(struct slice pattern, const char *pointer, struct err *err)
{
	if (pattern.len < 1 || pattern.len > EVENT_TYPE_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; a type pattern has 1 to %d", pattern.len, EVENT_TYPE_MAX);
	size_t stars = wildcard_len(pattern);
	if (stars == pattern.len)
		return 0;
	if (memchr(pattern.at, '*', pattern.len - stars))
		return err_field(err, ERR_INVALID, pointer,
		                 "'*' and '**' stand only as the whole last segment: order.created, order.*, order.** or *");
	/* What stands before the wildcard's dot, or the whole of an exact pattern, has the grammar of types. */
	struct slice type = {pattern.at, stars ? pattern.len - stars - 1 : pattern.len};
	return event_type_grammar(type, pointer, err);
}

bool pattern_matches(struct slice pattern, struct slice type)
{
	size_t stars = wildcard_len(pattern);
	if (stars == 0)
		return slice_equal(pattern, type);
	if (stars == pattern.len)
		return !event_type_reserved(type);
	/* The prefix ends with the dot, so only whole segments compare equal. */
	size_t prefix = pattern.len - stars;
	if (type.len <= prefix || memcmp(type.at, pattern.at, prefix) != 0)
		return false;
	return stars == 2 || !memchr(type.at + prefix, '.', type.len - prefix);
}
