/* Trusted proxies: whom a request comes from, by what X-Forwarded-For says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "http/peers.h"
#include "http/proxies.h"

#define TRUSTED "127.0.0.0/8, 10.0.0.0/8,fd00::/8"

/* Up to three headers; NULL: no more. */
static const char *client_of(const char *peer, const char *first, const char *second, const char *third)
{
	static char text[64];
	const char *const values[] = {first, second, third};
	struct err err = {0};
	struct http_request request = {0};
	struct cidr_address from;
	struct proxies *proxies = proxies_new(TRUSTED, &err);
	assert_non_null(proxies);
	assert_int_equal(cidr_address_parse(slice_of(peer), &from), 0);
	assert_true(proxies_trust(proxies, &from));
	for (int i = 0; i < 3 && values[i]; i++) {
		request.headers[request.headers_len++] = (struct http_header){SLICE_LITERAL("x-forwarded-FOR"), slice_of(values[i])};
		request.headers[request.headers_len++] = (struct http_header){SLICE_LITERAL("X-Other"), SLICE_LITERAL("203.0.113.9")};
	}
	struct cidr_address client = proxies_client(proxies, &request, from);
	peers_format(&client, text, sizeof text);
	proxies_free(proxies);
	return text;
}

static void the_rightmost_that_is_not_trusted_is_the_client(void **state)
{
	(void)state;
	assert_string_equal(client_of("127.0.0.1", "203.0.113.1", NULL, NULL), "203.0.113.1");
	assert_string_equal(client_of("127.0.0.1", "198.51.100.7, 203.0.113.1", NULL, NULL), "203.0.113.1");
	assert_string_equal(client_of("127.0.0.1", "198.51.100.7, 203.0.113.1 ,10.1.2.3,\t10.0.0.9 ", NULL, NULL), "203.0.113.1");
	assert_string_equal(client_of("127.0.0.1", "198.51.100.7", "203.0.113.1", "10.1.2.3"), "203.0.113.1");
	assert_string_equal(client_of("fd00::1", "2001:db8::1", NULL, NULL), "2001:db8::1");
	/* All trusted: the first of them. */
	assert_string_equal(client_of("127.0.0.1", "10.0.0.1, 10.0.0.2", NULL, NULL), "10.0.0.1");
	assert_string_equal(client_of("127.0.0.1", NULL, NULL, NULL), "127.0.0.1");
}

static void ports_brackets_and_mapped_addresses_are_understood(void **state)
{
	static const char *const rows[][2] = {
	    {"203.0.113.1:4711", "203.0.113.1"}, {"[2001:db8::1]", "2001:db8::1"}, {"[2001:db8::1]:443", "2001:db8::1"},
	    {"::ffff:203.0.113.1", "203.0.113.1"}, {"[::ffff:203.0.113.1]:80", "203.0.113.1"}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(client_of("127.0.0.1", rows[i][0], NULL, NULL), rows[i][1]);
}

static void what_cannot_be_read_ends_the_search(void **state)
{
	static const char *const texts[] = {"",        ",",           "unknown",          "203.0.113.1.5", "203.0.113.1:",  "203.0.113.1:x", "[203.0.113.1]",
	                                    "[::1",    "[::1]x",      "_hidden",          "203.0.113.1;",  "for=203.0.113.1", "\"203.0.113.1\"", "203.0.113.1 198.51.100.1",
	                                    "999.1.1.1", "2001:db8::1%eth0", "203.0.113.1:123456"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(client_of("127.0.0.1", texts[i], NULL, NULL), "127.0.0.1") != 0)
			fail_msg("\"%s\" was taken for an address", texts[i]);
	/* What a trusted one appended still counts. */
	assert_string_equal(client_of("127.0.0.1", "203.0.113.1, nonsense, 10.0.0.2", NULL, NULL), "10.0.0.2");
	assert_string_equal(client_of("127.0.0.1", "203.0.113.1", "", "10.0.0.2"), "203.0.113.1");
}

static void a_list_without_end_is_cut(void **state)
{
	struct strbuf text = STRBUF_INIT(1024);
	(void)state;
	strbuf_puts(&text, "203.0.113.1");
	for (int i = 0; i < 60; i++)
		strbuf_puts(&text, ",10.0.0.1");
	assert_string_equal(client_of("127.0.0.1", strbuf_text(&text), NULL, NULL), "10.0.0.1");
	strbuf_free(&text);
}

static void the_nearest_proxy_says_whether_it_was_https(void **state)
{
	static const struct {
		const char *text;
		bool secure;
	} rows[] = {{"https", true}, {"HTTPS", true}, {"http", false}, {"http, https", true}, {"https,http", false}, {"", false}, {"httpss", false}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_request request = {.headers_len = 1, .headers = {{SLICE_LITERAL("X-Forwarded-Proto"), slice_of(rows[i].text)}}};
		assert_int_equal(proxies_secure(&request), rows[i].secure);
	}
}

static void a_bad_list_is_named(void **state)
{
	struct err err = {0};
	(void)state;
	assert_null(proxies_new("127.0.0.1, 10.0.0.1/8", &err));
	assert_non_null(strstr(err.detail, "http.trusted_proxies: \"10.0.0.1/8\""));
	assert_null(proxies_new("localhost", &err));
	struct proxies *none = proxies_new(NULL, &err);
	struct cidr_address any = {.family = AF_INET, .at = {127, 0, 0, 1}};
	assert_false(proxies_trust(none, &any));
	assert_false(proxies_trust(NULL, &any));
	proxies_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rightmost_that_is_not_trusted_is_the_client),
	    cmocka_unit_test(ports_brackets_and_mapped_addresses_are_understood),
	    cmocka_unit_test(what_cannot_be_read_ends_the_search),
	    cmocka_unit_test(a_list_without_end_is_cut),
	    cmocka_unit_test(the_nearest_proxy_says_whether_it_was_https),
	    cmocka_unit_test(a_bad_list_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
