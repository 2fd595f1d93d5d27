/* The rate's JSON form. */
#include "model/rate.h"

#include <string.h>

#include "model/check.h"

#define RATE_LIMIT_MAX INT64_C(1000000)
#define RATE_PER_MAX_MS INT64_C(86400000)

int rate_parse(const json_t *value, const char *pointer, struct rate *rate, struct err *err)
{
	*rate = (struct rate){0};
	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object, such as {\"limit\": 100, \"per_ms\": 1000}");
	struct rate parsed = {0};
	const char *key;
	json_t *member;
	int result = 0;
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		if (strcmp(key, "limit") == 0)
			result |= check_integer(member, place, 1, RATE_LIMIT_MAX, &parsed.limit, err);
		else if (strcmp(key, "per_ms") == 0)
			result |= check_integer(member, place, 1, RATE_PER_MAX_MS, &parsed.per_ms, err);
		else
			result |= err_field(err, ERR_INVALID, place, "unknown field; a rate has limit and per_ms");
	}
	if (result == 0 && (parsed.limit == 0 || parsed.per_ms == 0))
		return err_field(err, ERR_INVALID, pointer, "needs both limit (attempts) and per_ms (the span they are spread over)");
	if (result == 0)
		*rate = parsed;
	return result;
}

json_t *rate_json(const struct rate *rate)
{
	if (rate->limit == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "limit", (json_int_t)rate->limit, "per_ms", (json_int_t)rate->per_ms);
}
