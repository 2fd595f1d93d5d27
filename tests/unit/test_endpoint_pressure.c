/* Rates and breakers of endpoints: their form, and the table of breakers that are not closed. */
#include <stdlib.h>
#include <string.h>

#include "endpoint_fixture.h"
#include "model/breaker.h"

#define NOW INT64_C(1700000000000)
#define MINIMAL "'url': 'https://example.com/hook', 'event_types': ['order.*']"

static void refused(const char *text, const char *pointer, const char *says)
{
	const struct endpoint_meta meta = {.id = 1};
	struct err err = {0};
	json_t *doc = fixture_json(text);
	assert_null(endpoint_parse(doc, &meta, NULL, 0, &err));
	assert_int_equal(err.fields_len, 1);
	assert_string_equal(err.fields[0].pointer, pointer);
	if (!strstr(err.fields[0].detail, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.fields[0].detail, says);
	json_decref(doc);
}

static void rates_need_both_members(void **state)
{
	(void)state;
	refused("{" MINIMAL ", 'rate': 7}", "/rate", "must be an object");
	refused("{" MINIMAL ", 'rate': {}}", "/rate", "needs both limit");
	refused("{" MINIMAL ", 'rate': {'limit': 5}}", "/rate", "needs both limit");
	refused("{" MINIMAL ", 'rate': {'limit': 0, 'per_ms': 1000}}", "/rate/limit", "from 1 to");
	refused("{" MINIMAL ", 'rate': {'limit': 1, 'per_ms': 86400001}}", "/rate/per_ms", "from 1 to");
	refused("{" MINIMAL ", 'rate': {'limit': 1, 'per_ms': 1, 'burst': 2}}", "/rate/burst", "unknown field");
	struct endpoint *endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'rate': {'limit': 100, 'per_ms': 1000}}");
	assert_int_equal(endpoint->rate.limit, 100);
	assert_int_equal(endpoint->rate.per_ms, 1000);
	endpoint_unref(endpoint);
	endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'rate': null}");
	assert_int_equal(endpoint->rate.limit, 0);
	endpoint_unref(endpoint);
}

static void breakers_are_set_or_turned_off(void **state)
{
	(void)state;
	refused("{" MINIMAL ", 'breaker': true}", "/breaker", "or false for none");
	refused("{" MINIMAL ", 'breaker': null}", "/breaker", "or false for none");
	refused("{" MINIMAL ", 'breaker': {'ratio': 1.5}}", "/breaker/ratio", "from 0 to 1");
	refused("{" MINIMAL ", 'breaker': {'max_failures': 0}}", "/breaker/max_failures", "from 1 to");
	refused("{" MINIMAL ", 'breaker': {'window_ms': 10}}", "/breaker/window_ms", "from 1000 to");
	refused("{" MINIMAL ", 'breaker': {'wait_ms': 2000, 'max_wait_ms': 1000}}", "/breaker/max_wait_ms", "less than wait_ms");
	refused("{" MINIMAL ", 'breaker': {'state': 'open'}}", "/breaker/state", "unknown field");
	struct endpoint *endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'breaker': {'wait_ms': 600000}}");
	assert_int_equal(endpoint->breaker->wait_ms, 600000);
	assert_int_equal(endpoint->breaker->max_wait_ms, 600000);
	assert_int_equal(endpoint->breaker->max_failures, 10);
	endpoint_unref(endpoint);
	endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'breaker': false}");
	assert_true(endpoint->breaker->off);
	assert_int_equal(endpoint->breaker->wait_ms, 0);
	json_t *shown = breaker_policy_json(endpoint->breaker);
	assert_true(json_is_false(shown));
	json_decref(shown);
	endpoint_unref(endpoint);
}

/* What an answer says of the state is left out when it is written. */
static void a_breaker_that_was_shown_can_be_put_back(void **state)
{
	(void)state;
	struct endpoint_given given;
	struct err err = {0};
	json_t *doc = fixture_json("{" MINIMAL ", 'breaker': {'wait_ms': 7, 'state': 'open', 'since': 'x', 'failures': 3,"
	                           "'next_probe_at': null, 'why': 'y'}}");
	assert_int_equal(endpoint_doc_split(doc, &given, &err), 0);
	const struct endpoint_meta meta = {.id = 1};
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &err);
	assert_non_null(endpoint);
	assert_int_equal(endpoint->breaker->wait_ms, 7);
	endpoint_unref(endpoint);
	json_decref(given.credentials);
	json_decref(given.taken);
	json_decref(doc);
}

static void the_table_of_breakers_holds_those_that_are_not_closed(void **state)
{
	(void)state;
	struct breakers *breakers = breakers_new();
	struct breaker_view view = {.state = BREAKER_OPEN, .since_ms = NOW, .failures = 12, .next_probe_ms = NOW + 5000, .why = "x", .why_outside = "y"}, got;
	breakers_get(breakers, 7, &got);
	assert_int_equal(got.state, BREAKER_CLOSED);
	breakers_put(breakers, 7, &view);
	breakers_get(breakers, 7, &got);
	json_t *shown = breaker_view_json(&got, false);
	json_t *expected = fixture_json("{'state': 'open', 'since': '2023-11-14T22:13:20.000Z', 'failures': 12,"
	                                "'next_probe_at': '2023-11-14T22:13:25.000Z', 'why': 'x'}");
	assert_true(json_equal(shown, expected));
	json_decref(shown);
	json_decref(expected);
	shown = breaker_view_json(&got, true);
	assert_string_equal(json_string_value(json_object_get(shown, "why")), "y");
	json_decref(shown);
	view.state = BREAKER_HALF_OPEN;
	breakers_put(breakers, 7, &view);
	breakers_get(breakers, 7, &got);
	assert_int_equal(got.state, BREAKER_HALF_OPEN);
	breakers_put(breakers, 7, &(struct breaker_view){.state = BREAKER_CLOSED});
	breakers_get(breakers, 7, &got);
	assert_int_equal(got.state, BREAKER_CLOSED);
	breakers_put(breakers, 8, &view);
	breakers_free(breakers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rates_need_both_members),
	    cmocka_unit_test(breakers_are_set_or_turned_off),
	    cmocka_unit_test(a_breaker_that_was_shown_can_be_put_back),
	    cmocka_unit_test(the_table_of_breakers_holds_those_that_are_not_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
