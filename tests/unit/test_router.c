/* Routes: fixed segments before parameters, Allow, what is no path of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/router.h"

static const struct route_pattern patterns[] = {
    {"GET", "/v1/events"},
    {"POST", "/v1/events"},
    {"GET", "/v1/events/{id}"},
    {"GET", "/v1/dead-letters/export"},
    {"DELETE", "/v1/dead-letters/{id}"},
    {"POST", "/v1/dead-letters/{id}/retry"},
    {"GET", "/v1/{kind}/{id}/payload"},
    {"GET", "/"},
    {"PUT", "/v1/keys/{id}"},
    {"PATCH", "/v1/keys/{id}"},
};

struct found {
	enum route_found found;
	size_t index;
	struct slice params[ROUTE_PARAMS_MAX];
	char allow[64];
};

static struct found find(const char *method, const char *path)
{
	struct found result = {.index = 99};
	struct router *router = router_new(patterns, sizeof patterns / sizeof *patterns);
	result.found =
	    router_find(router, slice_of(method), slice_of(path), &result.index, result.params, result.allow, sizeof result.allow);
	router_free(router);
	return result;
}

static void assert_slice(struct slice slice, const char *text)
{
	assert_int_equal(slice.len, slice_of(text).len);
	assert_memory_equal(slice.at, text, slice.len);
}

static void a_path_and_method_find_their_route(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/events").index, 0);
	assert_int_equal(find("POST", "/v1/events").index, 1);
	assert_int_equal(find("GET", "/").index, 7);
}

static void parameters_are_given_as_they_came(void **state)
{
	(void)state;
	struct found one = find("GET", "/v1/events/a%2Fb");
	assert_int_equal(one.found, ROUTE_FOUND);
	assert_int_equal(one.index, 2);
	assert_slice(one.params[0], "a%2Fb");
	struct found two = find("GET", "/v1/sources/x/payload");
	assert_int_equal(two.index, 6);
	assert_slice(two.params[0], "sources");
	assert_slice(two.params[1], "x");
}

static void a_fixed_segment_goes_before_a_parameter(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/dead-letters/export").index, 3);
	struct found other = find("DELETE", "/v1/dead-letters/export");
	assert_int_equal(other.found, ROUTE_NO_METHOD);
	assert_string_equal(other.allow, "GET, HEAD");
}

static void a_fixed_branch_that_leads_nowhere_leaves_the_parameter(void **state)
{
	(void)state;
	struct found found = find("POST", "/v1/dead-letters/export/retry");
	assert_int_equal(found.index, 5);
	assert_slice(found.params[0], "export");
	assert_int_equal(find("GET", "/v1/events/x/payload").index, 6);
}

static void head_is_served_where_get_is(void **state)
{
	(void)state;
	assert_int_equal(find("HEAD", "/v1/events").index, 0);
	assert_int_equal(find("HEAD", "/v1/keys/1").found, ROUTE_NO_METHOD);
}

static void another_method_is_told_which_are_allowed(void **state)
{
	(void)state;
	struct found found = find("DELETE", "/v1/events");
	assert_int_equal(found.found, ROUTE_NO_METHOD);
	assert_string_equal(found.allow, "GET, HEAD, POST");
	assert_string_equal(find("GET", "/v1/keys/1").allow, "PUT, PATCH");
	assert_int_equal(find("get", "/v1/events").found, ROUTE_NO_METHOD);
}

static void what_is_no_path_of_ours_is_not_found(void **state)
{
	(void)state;
	static const char *const paths[] = {"/v1/events/",  "/v1/events//",	"//",	    "/v1",	 "/v1/",	   "",
					    "v1/events",    "/V1/events",	"/v1/keys", "/v1/keys/", "/v1/events/1/2", "/v1/%65vents",
					    "/v1//payload", "/v1/events/{id}/x"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_int_equal(find("GET", paths[i]).found, ROUTE_NO_PATH);
}

static void a_long_allow_list_is_cut_at_a_whole_method(void **state)
{
	(void)state;
	struct router *router = router_new(patterns, sizeof patterns / sizeof *patterns);
	struct slice params[ROUTE_PARAMS_MAX];
	char allow[11];
	size_t index;
	assert_int_equal(router_find(router, slice_of("DELETE"), slice_of("/v1/events"), &index, params, allow, sizeof allow),
			 ROUTE_NO_METHOD);
	assert_string_equal(allow, "GET, HEAD");
	router_free(router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_path_and_method_find_their_route),
	    cmocka_unit_test(parameters_are_given_as_they_came),
	    cmocka_unit_test(a_fixed_segment_goes_before_a_parameter),
	    cmocka_unit_test(a_fixed_branch_that_leads_nowhere_leaves_the_parameter),
	    cmocka_unit_test(head_is_served_where_get_is),
	    cmocka_unit_test(another_method_is_told_which_are_allowed),
	    cmocka_unit_test(what_is_no_path_of_ours_is_not_found),
	    cmocka_unit_test(a_long_allow_list_is_cut_at_a_whole_method),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
