/* The arithmetic of retries and the parsing of Retry-After. */
#include "endpoint_fixture.h"

#include <stdlib.h>

#include "model/retry.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
#define WALL INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

static struct retry_policy without_jitter(void)
{
	struct retry_policy policy = retry_policy_default();
	policy.jitter = 0;
	return policy;
}

static struct retry_policy parsed(const char *text)
{
	struct retry_policy policy = retry_policy_default();
	struct err err = {0};
	json_t *object = fixture_json(text);
	if (retry_policy_parse(object, "/retry", &policy, &err))
		fail_msg("%s: %s", text, err.detail);
	json_decref(object);
	return policy;
}

static void refused(const char *text, const char *pointer, const char *says)
{
	struct retry_policy policy = retry_policy_default(), before = policy;
	struct err err = {0};
	json_t *object = fixture_json(text);
	assert_int_equal(retry_policy_parse(object, "/retry", &policy, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.fields[0].pointer, pointer);
	if (!strstr(err.fields[0].detail, says))
		fail_msg("%s does not say %s", err.fields[0].detail, says);
	assert_memory_equal(&policy, &before, sizeof policy);
	json_decref(object);
}

static void waits_grow_by_the_factor_up_to_the_ceiling(void **state)
{
	(void)state;
	static const int64_t waits[] = {5000, 17500, 61250, 214375, 750312, 2626093, 9191328, 32169648, DAY, DAY, DAY};
	struct retry_policy policy = without_jitter();
	for (int failed = 1; failed <= 11; failed++)
		assert_int_equal(retry_delay_ms(&policy, failed, 0.5, -1), waits[failed - 1]);
	assert_int_equal(retry_delay_ms(&policy, 12, 0.5, -1), -1);
	assert_int_equal(retry_delay_ms(&policy, 1000, 0.5, -1), -1);
}

static void the_default_budget_outlives_a_weekend(void **state)
{
	(void)state;
	struct retry_policy policy = without_jitter();
	int64_t total = 0;
	for (int failed = 1; failed < policy.max_attempts; failed++)
		total += retry_delay_ms(&policy, failed, 0.5, -1);
	assert_in_range(total, 3 * DAY + 12 * HOUR, 4 * DAY);
}

static void jitter_goes_both_ways_and_no_further(void **state)
{
	(void)state;
	struct retry_policy policy = retry_policy_default();
	for (int failed = 1; failed <= 11; failed++) {
		struct retry_policy plain = without_jitter();
		int64_t wait = retry_delay_ms(&plain, failed, 0.5, -1);
		int64_t low = retry_delay_ms(&policy, failed, 0, -1), high = retry_delay_ms(&policy, failed, 0.999999999, -1);
		assert_in_range(low, wait * 8 / 10 - 1, wait * 8 / 10 + 1);
		assert_in_range(high, wait * 12 / 10 - 2, wait * 12 / 10 + 1);
		assert_in_range(retry_delay_ms(&policy, failed, 0.5, -1), wait - 1, wait + 1);
		for (int i = 0; i < 100; i++)
			assert_in_range(retry_delay_ms(&policy, failed, i / 100.0, -1), low, high);
	}
	policy.jitter = 1;
	assert_int_equal(retry_delay_ms(&policy, 1, 0, -1), 0);
}

static void the_largest_numbers_do_not_overflow(void **state)
{
	(void)state;
	struct retry_policy policy = without_jitter();
	policy.base_ms = DAY;
	policy.factor = 100;
	policy.max_delay_ms = 7 * (int64_t)DAY;
	policy.max_attempts = 100;
	for (int failed = 2; failed < 100; failed++)
		assert_int_equal(retry_delay_ms(&policy, failed, 0.5, -1), 7 * (int64_t)DAY);
	/* Beyond what a document may say: even an infinite product stays at the ceiling. */
	policy.factor = 1e300;
	policy.max_attempts = 1000;
	assert_int_equal(retry_delay_ms(&policy, 999, 0.5, INT64_MAX), 7 * (int64_t)DAY);
}

static void a_schedule_is_kept_exactly(void **state)
{
	(void)state;
	struct retry_policy policy = parsed("{'schedule_ms': [1000, 0, 604800000]}");
	assert_true(policy.scheduled);
	assert_int_equal(retry_delay_ms(&policy, 1, 0.99, -1), 1000);
	assert_int_equal(retry_delay_ms(&policy, 2, 0.99, -1), 0);
	assert_int_equal(retry_delay_ms(&policy, 3, 0.01, -1), 604800000);
	assert_int_equal(retry_delay_ms(&policy, 4, 0.5, -1), -1);
	assert_int_equal(retry_delay_ms(&policy, 1000000, 0.5, -1), -1);
}

static void a_longer_retry_after_wins_up_to_the_clamp(void **state)
{
	(void)state;
	struct retry_policy policy = without_jitter();
	assert_int_equal(retry_delay_ms(&policy, 1, 0.5, 0), 5000);
	assert_int_equal(retry_delay_ms(&policy, 1, 0.5, 4999), 5000);
	assert_int_equal(retry_delay_ms(&policy, 1, 0.5, 5001), 5001);
	assert_int_equal(retry_delay_ms(&policy, 1, 0.5, 7 * (int64_t)DAY), DAY);
	assert_int_equal(retry_delay_ms(&policy, 12, 0.5, 5001), -1);
	policy.max_delay_ms = 2000;
	assert_int_equal(retry_delay_ms(&policy, 1, 0.5, 5001), 2000);

	struct retry_policy schedule = parsed("{'schedule_ms': [1000, 604800000]}");
	assert_int_equal(retry_delay_ms(&schedule, 1, 0.5, 2000), 2000);
	assert_int_equal(retry_delay_ms(&schedule, 1, 0.5, 7 * (int64_t)DAY), DAY);
	assert_int_equal(retry_delay_ms(&schedule, 2, 0.5, 2000), 604800000);
}

static void retry_after_is_read_as_seconds_or_date(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t wait_ms;
	} cases[] = {
	    {"0", 0},
	    {"1", SECOND},
	    {"120", 120 * SECOND},
	    {"000120", 120 * SECOND},
	    {" 120\t", 120 * SECOND},
	    {"604800", 7 * (int64_t)DAY},
	    {"604801", 7 * (int64_t)DAY},
	    {"9223372036854775807", 7 * (int64_t)DAY},
	    {"99999999999999999999999999999999999999999999", 7 * (int64_t)DAY},
	    {"Tue, 14 Nov 2023 22:14:20 GMT", MINUTE},
	    {"Tuesday, 14-Nov-23 22:14:20 GMT", MINUTE},
	    {"Tue Nov 14 22:14:20 2023", MINUTE},
	    {"Tue, 14 Nov 2023 22:13:20 GMT", 0},
	    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"Fri, 31 Dec 9999 23:59:59 GMT", 7 * (int64_t)DAY},
	    {"-1", -1},
	    {"+1", -1},
	    {"1e99", -1},
	    {"1.5", -1},
	    {"0x10", -1},
	    {"1,2", -1},
	    {"1 2", -1},
	    {"", -1},
	    {"  ", -1},
	    {"soon", -1},
	    {"NaN", -1},
	    {"2023-11-14T22:14:20Z", -1},
	    {"Tue, 14 Nov 2023 22:14:20", -1},
	    {"Tue, 99 Nov 2023 22:14:20 GMT", -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t wait_ms = retry_after_parse(slice_of(cases[i].text), WALL);
		if (wait_ms != cases[i].wait_ms)
			fail_msg("\"%s\" gives %lld, not %lld", cases[i].text, (long long)wait_ms, (long long)cases[i].wait_ms);
	}
	assert_int_equal(retry_after_parse((struct slice){"1\0002", 3}, WALL), -1);
	assert_int_equal(retry_after_parse((struct slice){NULL, 0}, WALL), -1);
}

static void an_over_long_retry_after_is_ignored(void **state)
{
	(void)state;
	enum { LONG = 50 * 1024 };
	char *text = malloc(LONG);
	assert_non_null(text);
	memset(text, '9', LONG);
	assert_int_equal(retry_after_parse((struct slice){text, LONG}, WALL), -1);
	memset(text, ' ', LONG);
	text[LONG - 1] = '7';
	assert_int_equal(retry_after_parse((struct slice){text, LONG}, WALL), 7 * SECOND);
	free(text);
}

static void a_policy_keeps_the_defaults_of_what_it_does_not_say(void **state)
{
	(void)state;
	struct retry_policy policy = parsed("{'strategy': 'exponential', 'base_ms': 1, 'jitter': 0}");
	assert_false(policy.scheduled);
	assert_int_equal(policy.base_ms, 1);
	assert_true(policy.jitter == 0);
	assert_true(policy.factor == 3.5);
	assert_int_equal(policy.max_attempts, 12);
	assert_int_equal(policy.max_delay_ms, DAY);
	assert_int_equal(policy.max_age_ms, 0);
	struct retry_policy empty = parsed("{}"), standard = retry_policy_default();
	assert_memory_equal(&empty, &standard, sizeof empty);
}

static void limits_are_inclusive(void **state)
{
	(void)state;
	parsed("{'base_ms': 1, 'factor': 1, 'max_delay_ms': 1, 'max_attempts': 1, 'max_age_ms': 0, 'jitter': 0}");
	parsed(
	    "{'base_ms': 86400000, 'factor': 100, 'max_delay_ms': 604800000, 'max_attempts': 100, 'max_age_ms': 34560000000, 'jitter': 1}");
	refused("{'base_ms': 0}", "/retry/base_ms", "1 to 86400000");
	refused("{'base_ms': 86400001}", "/retry/base_ms", "integer");
	refused("{'base_ms': 1.5}", "/retry/base_ms", "integer");
	refused("{'base_ms': '5s'}", "/retry/base_ms", "integer");
	refused("{'base_ms': null}", "/retry/base_ms", "integer");
	refused("{'factor': 0.99}", "/retry/factor", "from 1 to 100");
	refused("{'factor': 100.5}", "/retry/factor", "from 1 to 100");
	refused("{'factor': true}", "/retry/factor", "number");
	refused("{'max_delay_ms': 604800001}", "/retry/max_delay_ms", "604800000");
	refused("{'max_attempts': 0}", "/retry/max_attempts", "1 to 100");
	refused("{'max_attempts': 101}", "/retry/max_attempts", "1 to 100");
	refused("{'max_age_ms': -1}", "/retry/max_age_ms", "0 to");
	refused("{'max_age_ms': 34560000001}", "/retry/max_age_ms", "34560000000");
	refused("{'jitter': -0.1}", "/retry/jitter", "from 0 to 1");
	refused("{'jitter': 1.1}", "/retry/jitter", "from 0 to 1");
	refused("{'strategy': 'linear'}", "/retry/strategy", "exponential");
	refused("{'strategy': 'schedule'}", "/retry/strategy", "schedule_ms");
	refused("{'schedule_ms': []}", "/retry/schedule_ms", "1 to 64");
	refused("{'schedule_ms': 5}", "/retry/schedule_ms", "array");
	refused("{'schedule_ms': [1, -1]}", "/retry/schedule_ms/1", "0 to 604800000");
	refused("{'schedule_ms': [1, 2, 604800001]}", "/retry/schedule_ms/2", "0 to 604800000");
	refused("{'schedule_ms': ['1s']}", "/retry/schedule_ms/0", "integer");
	refused("{'a/b~c': 1}", "/retry/a~1b~0c", "unknown field");
	refused("[]", "/retry", "object");
	refused("null", "/retry", "object");
}

static void a_schedule_has_at_most_64_waits(void **state)
{
	(void)state;
	json_t *waits = json_array(), *object = json_pack("{s:O}", "schedule_ms", waits);
	struct retry_policy policy = retry_policy_default();
	for (int i = 0; i < 64; i++)
		json_array_append_new(waits, json_integer(i));
	assert_int_equal(retry_policy_parse(object, "/retry", &policy, NULL), 0);
	assert_int_equal(policy.schedule_len, 64);
	assert_int_equal(retry_delay_ms(&policy, 64, 0, -1), 63);
	json_array_append_new(waits, json_integer(64));
	assert_int_equal(retry_policy_parse(object, "/retry", &policy, NULL), -1);
	json_decref(object);
	json_decref(waits);
}

static void the_two_forms_cannot_be_mixed(void **state)
{
	(void)state;
	refused("{'base_ms': 1000, 'schedule_ms': [1]}", "/retry/base_ms", "beside schedule_ms");
	refused("{'schedule_ms': [1], 'max_attempts': 3}", "/retry/max_attempts", "beside schedule_ms");
	refused("{'strategy': 'exponential', 'schedule_ms': [1]}", "/retry/strategy", "beside schedule_ms");
	struct retry_policy policy = parsed("{'schedule_ms': [1], 'max_age_ms': 5000}");
	assert_int_equal(policy.max_age_ms, 5000);
}

static void a_policy_survives_the_way_through_json(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "{'base_ms': 7, 'factor': 1.25, 'jitter': 0.5, 'max_age_ms': 9}",
	                                    "{'schedule_ms': [3, 2, 1], 'max_age_ms': 9}"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct retry_policy policy = parsed(texts[i]), again = retry_policy_default();
		json_t *json = retry_policy_json(&policy);
		assert_non_null(json);
		assert_int_equal(retry_policy_parse(json, "/retry", &again, NULL), 0);
		assert_memory_equal(&again, &policy, sizeof again);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(waits_grow_by_the_factor_up_to_the_ceiling),
	    cmocka_unit_test(the_default_budget_outlives_a_weekend),
	    cmocka_unit_test(jitter_goes_both_ways_and_no_further),
	    cmocka_unit_test(the_largest_numbers_do_not_overflow),
	    cmocka_unit_test(a_schedule_is_kept_exactly),
	    cmocka_unit_test(a_longer_retry_after_wins_up_to_the_clamp),
	    cmocka_unit_test(retry_after_is_read_as_seconds_or_date),
	    cmocka_unit_test(an_over_long_retry_after_is_ignored),
	    cmocka_unit_test(a_policy_keeps_the_defaults_of_what_it_does_not_say),
	    cmocka_unit_test(limits_are_inclusive),
	    cmocka_unit_test(a_schedule_has_at_most_64_waits),
	    cmocka_unit_test(the_two_forms_cannot_be_mixed),
	    cmocka_unit_test(a_policy_survives_the_way_through_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
