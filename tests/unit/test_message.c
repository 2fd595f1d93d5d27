/* Requests and responses: header lookup, query parameters, percent decoding, problem documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "http/message.h"
#include "http/problem.h"

enum { TEXT_MAX = 256 };

static struct http_request with_query(const char *query)
{
	return (struct http_request){.query = slice_of(query)};
}

static void assert_query(const char *query, const char *name, const char *value)
{
	struct http_request request = with_query(query);
	struct strbuf out = STRBUF_INIT(TEXT_MAX);
	strbuf_puts(&out, "what was there before");
	assert_int_equal(http_query(&request, name, &out), 1);
	assert_string_equal(strbuf_text(&out), value);
	strbuf_free(&out);
}

static int query_result(const char *query, const char *name)
{
	struct http_request request = with_query(query);
	struct strbuf out = STRBUF_INIT(TEXT_MAX);
	int result = http_query(&request, name, &out);
	strbuf_free(&out);
	return result;
}

static void headers_are_found_whatever_their_case(void **state)
{
	(void)state;
	struct http_request request = {
	    .headers_len = 2, .headers = {{SLICE_LITERAL("X-One"), SLICE_LITERAL("1")}, {SLICE_LITERAL("Two"), SLICE_LITERAL("")}}};
	assert_true(slice_is(http_header(&request, "x-oNE"), "1"));
	assert_non_null(http_header(&request, "two").at);
	assert_int_equal(http_header(&request, "two").len, 0);
	assert_null(http_header(&request, "x-on").at);
	assert_null(http_header(&request, "x-one2").at);
}

static void query_parameters_are_decoded(void **state)
{
	(void)state;
	assert_query("a=1&b=two+words%21&c=%c3%A9", "b", "two words!");
	assert_query("a=1&b=two+words%21&c=%c3%A9", "c", "\xc3\xa9");
	assert_query("flag", "flag", "");
	assert_query("flag=&x=1", "flag", "");
	assert_query("&&a=1&&", "a", "1");
	assert_query("a=b=c", "a", "b=c");
}

static void an_absent_parameter_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(query_result("ab=1&b=2", "a"), 0);
	assert_int_equal(query_result("", "a"), 0);
	struct http_request none = {.query = {NULL, 0}};
	struct strbuf out = STRBUF_INIT(TEXT_MAX);
	assert_int_equal(http_query(&none, "a", &out), 0);
	strbuf_free(&out);
}

static void a_malformed_or_repeated_parameter_is_an_error(void **state)
{
	(void)state;
	static const char *const bad[] = {"a=%", "a=%4", "a=%4g", "a=%g4", "a=%00", "a=1&a=1", "a&b=2&a", "a=1%2"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(query_result(bad[i], "a"), -1);
	/* Somebody else's parameter is not looked at. */
	assert_int_equal(query_result("b=%&a=1", "a"), 1);
}

static void a_parameter_longer_than_the_buffer_is_an_error(void **state)
{
	(void)state;
	struct http_request request = with_query("a=12345");
	struct strbuf out = STRBUF_INIT(4);
	assert_int_equal(http_query(&request, "a", &out), -1);
	strbuf_free(&out);
}

static void append_name(void *context, struct slice name)
{
	strbuf_slice(context, name);
	strbuf_putc(context, ';');
}

static void every_parameter_is_visited(void **state)
{
	(void)state;
	struct http_request request = with_query("a=1&%62=2&c&=3&a=4");
	struct strbuf names = STRBUF_INIT(TEXT_MAX);
	http_query_each(&request, append_name, &names);
	assert_string_equal(strbuf_text(&names), "a;%62;c;;a;");
	strbuf_free(&names);
}

static void path_segments_are_decoded(void **state)
{
	(void)state;
	struct strbuf out = STRBUF_INIT(TEXT_MAX);
	assert_int_equal(http_decode(SLICE_LITERAL("order%2Ecreated+x"), &out), 0);
	assert_string_equal(strbuf_text(&out), "order.created+x");
	strbuf_clear(&out);
	strbuf_clear(&out);
	assert_int_equal(http_decode(SLICE_LITERAL("a%2Fb"), &out), 0);
	assert_string_equal(strbuf_text(&out), "a/b");
	assert_int_equal(http_decode(SLICE_LITERAL("a%00"), &out), -1);
	assert_int_equal(http_decode(SLICE_LITERAL("a%"), &out), -1);
	strbuf_free(&out);
}

static void a_response_header_is_set_once(void **state)
{
	(void)state;
	struct http_response response = {0};
	http_response_header(&response, "Retry-After", "1");
	http_response_header(&response, "retry-after", "2");
	assert_int_equal(response.headers_len, 1);
	assert_string_equal(response.headers[0].value, "2");
	for (unsigned i = 0; i < 2 * HTTP_RESPONSE_HEADERS_MAX; i++) {
		static char names[2 * HTTP_RESPONSE_HEADERS_MAX][8];
		snprintf(names[i], sizeof names[i], "x-%u", i);
		http_response_header(&response, names[i], "v");
	}
	assert_int_equal(response.headers_len, HTTP_RESPONSE_HEADERS_MAX);
	http_response_free(&response);
}

static const char *response_header(const struct http_response *response, const char *name)
{
	for (unsigned i = 0; i < response->headers_len; i++)
		if (strcmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	return NULL;
}

static void a_problem_says_what_and_where(void **state)
{
	(void)state;
	struct err err = {0};
	struct http_response response = {0};
	err_field(&err, ERR_INVALID, "/url", "ends in a \"quote\"\n");
	err_field(&err, ERR_INVALID, "/timeout_ms", "too large");
	problem_respond(&response, &err, "req_1");
	assert_int_equal(response.status, 422);
	assert_string_equal(response.content_type, "application/problem+json");
	json_t *json = json_loadb(response.body.data, response.body.len, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
	assert_string_equal(json_string_value(json_object_get(json, "code")), "invalid");
	assert_string_equal(json_string_value(json_object_get(json, "title")), err_title(ERR_INVALID));
	assert_string_equal(json_string_value(json_object_get(json, "request_id")), "req_1");
	assert_int_equal(json_integer_value(json_object_get(json, "status")), 422);
	json_t *errors = json_object_get(json, "errors");
	assert_int_equal(json_array_size(errors), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 0), "pointer")), "/url");
	assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 0), "detail")), "ends in a \"quote\"\n");
	json_decref(json);
	http_response_free(&response);
}

static void a_problem_replaces_what_the_response_held(void **state)
{
	(void)state;
	struct err err = {0};
	struct http_response response = {.status = 200, .body = STRBUF_INIT(TEXT_MAX)};
	strbuf_puts(&response.body, "half an answer");
	http_response_header(&response, "Location", "/x");
	err_set(&err, ERR_NOT_FOUND, "no such event");
	problem_respond(&response, &err, NULL);
	assert_int_equal(response.status, 404);
	assert_null(strstr(strbuf_text(&response.body), "half"));
	assert_null(response_header(&response, "Location"));
	assert_null(strstr(strbuf_text(&response.body), "request_id"));
	http_response_free(&response);
}

static void problems_carry_the_headers_of_their_status(void **state)
{
	(void)state;
	struct err err = {0};
	struct http_response response = {0};
	err_set(&err, ERR_UNAVAILABLE, "later");
	problem_respond(&response, &err, "req_1");
	assert_string_equal(response_header(&response, "Retry-After"), "1");
	err.retry_after_s = 7;
	problem_respond(&response, &err, "req_1");
	assert_string_equal(response_header(&response, "Retry-After"), "7");
	err_set(&err, ERR_STORAGE, "disk full");
	problem_respond(&response, &err, "req_1");
	assert_int_equal(response.status, 503);
	assert_string_equal(response_header(&response, "Retry-After"), "1");
	err_set(&err, ERR_UNAUTHENTICATED, "no key");
	problem_respond(&response, &err, "req_1");
	assert_string_equal(response_header(&response, "WWW-Authenticate"), "Bearer");
	assert_null(response_header(&response, "Retry-After"));
	struct err none = {0};
	problem_respond(&response, &none, "req_1");
	assert_int_equal(response.status, 500);
	http_response_free(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_are_found_whatever_their_case),
	    cmocka_unit_test(query_parameters_are_decoded),
	    cmocka_unit_test(an_absent_parameter_is_not_there),
	    cmocka_unit_test(a_malformed_or_repeated_parameter_is_an_error),
	    cmocka_unit_test(a_parameter_longer_than_the_buffer_is_an_error),
	    cmocka_unit_test(every_parameter_is_visited),
	    cmocka_unit_test(path_segments_are_decoded),
	    cmocka_unit_test(a_response_header_is_set_once),
	    cmocka_unit_test(a_problem_says_what_and_where),
	    cmocka_unit_test(a_problem_replaces_what_the_response_held),
	    cmocka_unit_test(problems_carry_the_headers_of_their_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
