/* The retry policy: its defaults, its JSON form, its arithmetic. */
#include "model/retry.h"

#include <math.h>

#include "base/clock.h"
#include "model/check.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define RETRY_AFTER_MAX_MS (7 * DAY_MS)
enum { RETRY_AFTER_TEXT_MAX = 64 }; /* the longest HTTP date has 33 bytes */

struct retry_policy retry_policy_default(void)
{
	return (struct retry_policy){
	    .base_ms = 5000, .factor = 3.5, .max_delay_ms = DAY_MS, .max_attempts = 12, .max_age_ms = 0, .jitter = 0.2};
}

typedef int (*read_field)(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err);

static int read_strategy(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	if (!slice_is(check_slice(value), "exponential"))
		return err_field(err, ERR_INVALID, pointer, "must be \"exponential\"; for waits of your own give schedule_ms instead");
	policy->scheduled = false;
	return 0;
}

static int read_base(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 1, DAY_MS, &policy->base_ms, err);
}

static int read_factor(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	return check_real(value, pointer, 1, 100, &policy->factor, err);
}

static int read_max_delay(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 1, 7 * DAY_MS, &policy->max_delay_ms, err);
}

static int read_max_attempts(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	int64_t attempts;
	if (check_integer(value, pointer, 1, 100, &attempts, err))
		return -1;
	policy->max_attempts = (int)attempts;
	return 0;
}

static int read_max_age(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 0, 400 * DAY_MS, &policy->max_age_ms, err);
}

static int read_jitter(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	return check_real(value, pointer, 0, 1, &policy->jitter, err);
}

static int read_schedule(const json_t *value, const char *pointer, struct retry_policy *policy, struct err *err)
{
	size_t len = json_array_size(value);
	if (!json_is_array(value) || len < 1 || len > RETRY_SCHEDULE_MAX)
		return err_field(err, ERR_INVALID, pointer, "must be an array of 1 to %d waits in milliseconds", RETRY_SCHEDULE_MAX);
	int result = 0;
	for (size_t i = 0; i < len; i++) {
		char place[ERR_POINTER_MAX];
		int64_t wait_ms = 0;
		check_element(place, pointer, i);
		result |= check_integer(json_array_get(value, i), place, 0, 7 * DAY_MS, &wait_ms, err);
		policy->schedule_ms[i] = (int32_t)wait_ms;
	}
	policy->schedule_len = (unsigned)len;
	policy->scheduled = true;
	return result;
}

static const struct {
	const char *name;
	bool with_schedule; /* may stand beside schedule_ms */
	read_field read;
} fields[] = {
    {"strategy", false, read_strategy},      {"base_ms", false, read_base},      {"factor", false, read_factor},
    {"max_delay_ms", false, read_max_delay}, {"jitter", false, read_jitter},     {"max_attempts", false, read_max_attempts},
    {"schedule_ms", true, read_schedule},    {"max_age_ms", true, read_max_age},
};

static int read_member(const char *key, const json_t *value, bool scheduled, const char *pointer, struct retry_policy *policy,
                       struct err *err)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (strcmp(fields[i].name, key) != 0)
			continue;
		if (scheduled && !fields[i].with_schedule)
			return err_field(err, ERR_INVALID, pointer,
			                 "cannot stand beside schedule_ms, which fixes waits and attempts; leave one out");
		return fields[i].read(value, pointer, policy, err);
	}
	return err_field(
	    err, ERR_INVALID, pointer,
	    "unknown field; a retry policy has strategy, base_ms, factor, max_delay_ms, max_attempts, max_age_ms and jitter, or "
	    "schedule_ms and max_age_ms");
}

int retry_policy_parse(const json_t *object, const char *pointer, struct retry_policy *policy, struct err *err)
{
	if (!json_is_object(object))
		return err_field(err, ERR_INVALID, pointer, "must be an object");
	struct retry_policy parsed = *policy;
	parsed.scheduled = false;
	bool scheduled = json_object_get(object, "schedule_ms") != NULL;
	const char *key;
	json_t *value;
	int result = 0;
	json_object_foreach((json_t *)object, key, value)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= read_member(key, value, scheduled, place, &parsed, err);
	}
	if (result == 0)
		*policy = parsed;
	return result;
}

json_t *retry_policy_json(const struct retry_policy *policy)
{
	if (!policy->scheduled)
		return json_pack("{s:s, s:I, s:f, s:I, s:i, s:I, s:f}", "strategy", "exponential", "base_ms", (json_int_t)policy->base_ms,
		                 "factor", policy->factor, "max_delay_ms", (json_int_t)policy->max_delay_ms, "max_attempts",
		                 policy->max_attempts, "max_age_ms", (json_int_t)policy->max_age_ms, "jitter", policy->jitter);
	json_t *waits = json_array();
	for (unsigned i = 0; i < policy->schedule_len; i++) {
		if (json_array_append_new(waits, json_integer(policy->schedule_ms[i]))) {
			json_decref(waits);
			return NULL;
		}
	}
	return json_pack("{s:o, s:I}", "schedule_ms", waits, "max_age_ms", (json_int_t)policy->max_age_ms);
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The jitter is drawn after the clamp: waits at the ceiling must spread, too. The comparison is written so that an infinite or
 * undefined product falls to the ceiling. */
static int64_t exponential_ms(const struct retry_policy *policy, int failed, double random)
{
	double wait = (double)policy->base_ms * pow(policy->factor, failed - 1);
	if (!(wait < (double)policy->max_delay_ms))
		wait = (double)policy->max_delay_ms;
	return (int64_t)(wait * (1 + policy->jitter * (2 * random - 1)));
}

int64_t retry_delay_ms(const struct retry_policy *policy, int failed, double random, int64_t retry_after_ms)
{
	int64_t wait_ms, asked_ms;
	if (policy->scheduled) {
		if ((unsigned)failed > policy->schedule_len)
			return -1;
		wait_ms = policy->schedule_ms[failed - 1];
		asked_ms = min_ms(retry_after_ms, DAY_MS);
	} else {
		if (failed >= policy->max_attempts)
			return -1;
		wait_ms = exponential_ms(policy, failed, random);
		asked_ms = min_ms(retry_after_ms, policy->max_delay_ms);
	}
	return asked_ms > wait_ms ? asked_ms : wait_ms;
}

int64_t retry_after_parse(struct slice value, int64_t wall_ms)
{
	while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
		value = (struct slice){value.at + 1, value.len - 1};
	while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	if (value.len == 0 || value.len > RETRY_AFTER_TEXT_MAX)
		return -1;
	int64_t wait_ms = 0, at_ms;
	size_t digits = 0;
	for (; digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9'; digits++)
		wait_ms = min_ms(wait_ms * 10 + (value.at[digits] - '0') * 1000, RETRY_AFTER_MAX_MS);
	if (digits == value.len)
		return wait_ms;
	if (clock_parse_http_date(value, &at_ms))
		return -1;
	return at_ms > wall_ms ? min_ms(at_ms - wall_ms, RETRY_AFTER_MAX_MS) : 0;
}
