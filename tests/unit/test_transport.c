/* The transport of a request: the address policy counts for connections that are kept, too, and a change of it at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "deliver/transport.h"
#include "sink.h"

enum { TIMEOUT_MS = 20000 };

static struct sink *here, *there; /* 127.0.0.1 and 127.0.0.2, the same port */
static struct egress *egress;
static struct transport transport;
static CURL *easy;

static size_t swallow(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static int setup(void **state)
{
	struct err err = {0};
	(void)state;
	here = sink_start();
	there = sink_start_at("127.0.0.2", sink_port(here));
	egress = egress_new(&(struct egress_rules){.allow = "127.0.0.0/8"}, &err);
	easy = curl_easy_init();
	memset(&transport, 0, sizeof transport);
	assert_true(transport_init(&transport, easy, egress, NULL));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	transport_clear(&transport, easy);
	curl_easy_cleanup(easy);
	egress_free(egress);
	sink_stop(here);
	sink_stop(there);
	return 0;
}

static void change(const char *allow)
{
	struct err err = {0};
	assert_int_equal(egress_change(egress, &(struct egress_rules){.allow = allow}, &err), 0);
}

static struct resolved addresses(const char *first, const char *second)
{
	struct resolved resolved = {.len = second ? 2 : 1};
	const char *const texts[] = {first, second};
	for (unsigned i = 0; i < resolved.len; i++) {
		struct sockaddr_in in = {.sin_family = AF_INET};
		assert_int_equal(inet_pton(AF_INET, texts[i], &in.sin_addr), 1);
		memcpy(&resolved.at[i], &in, sizeof in);
	}
	return resolved;
}

static bool aim(const char *first, const char *second)
{
	struct resolved resolved = addresses(first, second);
	char url[100];
	transport_clear(&transport, easy);
	if (!transport_aim(&transport, "moving.example", sink_port(here), false, &resolved, 0))
		return false;
	snprintf(url, sizeof url, "http://moving.example:%d/status/200", sink_port(here));
	curl_easy_setopt(easy, CURLOPT_URL, url);
	assert_true(transport_apply(&transport, easy));
	return true;
}

/* As a worker does it. */
static CURLcode perform(void)
{
	CURLcode code = curl_easy_perform(easy);
	return transport_retry(&transport, easy) ? curl_easy_perform(easy) : code;
}

static enum attempt_failure failure(CURLcode code)
{
	return transport_failure(&transport, easy, code, curl_easy_strerror(code));
}

static void connection_is_kept_and_used_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(aim("127.0.0.1", NULL));
		assert_int_equal(perform(), CURLE_OK);
	}
	assert_int_equal(sink_requests(here), 3);
	assert_int_equal(sink_connections(here), 1);
}

static void kept_connection_that_is_refused_now_gets_no_request(void **state)
{
	(void)state;
	assert_true(aim("127.0.0.1", NULL));
	assert_int_equal(perform(), CURLE_OK);
	/* Between the judgement of the name and the request. */
	assert_true(aim("127.0.0.1", NULL));
	change("127.0.0.2/32");
	assert_int_equal(failure(perform()), FAILURE_ADDRESS_DENIED);
	assert_non_null(strstr(transport.denied, "--egress-allow"));
	assert_int_equal(sink_requests(here), 1);
	/* And before it. */
	assert_false(aim("127.0.0.1", NULL));
	assert_non_null(strstr(transport.denied, "--egress-allow"));
	assert_int_equal(sink_requests(here), 1);
	assert_int_equal(sink_connections(there), 0);
}

static void name_that_moved_to_a_good_address_is_reached_there(void **state)
{
	(void)state;
	assert_true(aim("127.0.0.1", NULL));
	assert_int_equal(perform(), CURLE_OK);
	change("127.0.0.2/32");
	assert_true(aim("127.0.0.2", NULL));
	assert_int_equal(perform(), CURLE_OK);
	assert_int_equal(sink_requests(here), 1);
	assert_int_equal(sink_requests(there), 1);
	/* The next one uses the new connection again. */
	assert_true(aim("127.0.0.2", NULL));
	assert_int_equal(perform(), CURLE_OK);
	assert_int_equal(sink_connections(there), 1);
}

static void socket_is_judged_whatever_was_pinned(void **state)
{
	(void)state;
	assert_true(aim("127.0.0.1", "127.0.0.2"));
	change("10.0.0.0/8");
	assert_int_equal(failure(perform()), FAILURE_ADDRESS_DENIED);
	/* A connection is counted before the next one's request. */
	change("127.0.0.0/8");
	assert_true(aim("127.0.0.1", NULL));
	assert_int_equal(perform(), CURLE_OK);
	assert_true(aim("127.0.0.2", NULL));
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	assert_int_equal(perform(), CURLE_OK);
	assert_int_equal(sink_connections(here), 1);
	assert_int_equal(sink_connections(there), 1);
}

static void name_with_a_refused_address_is_refused_whole(void **state)
{
	(void)state;
	change("127.0.0.1/32");
	assert_false(aim("127.0.0.1", "127.0.0.2"));
	assert_false(aim("127.0.0.2", "127.0.0.1"));
	assert_true(aim("127.0.0.1", "127.0.0.1"));
}

static void proxy_is_asked_for_another_address_at_each_turn(void **state)
{
	(void)state;
	struct err err = {0};
	struct resolved resolved = addresses("127.0.0.1", "127.0.0.2");
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	static const char *const wanted[] = {"moving.example:443:127.0.0.1:443", "moving.example:443:127.0.0.2:443", "moving.example:443:127.0.0.1:443"};
	assert_int_equal(egress_change(egress, &(struct egress_rules){.allow = "127.0.0.0/8,::1", .proxy = "http://127.0.0.9:3128"}, &err), 0);
	/* IPv6 only where there is nothing else. */
	memcpy(&resolved.at[resolved.len++], &in6, sizeof in6);
	for (unsigned turn = 0; turn < 3; turn++) {
		transport_clear(&transport, easy);
		assert_true(transport_aim(&transport, "moving.example", 443, true, &resolved, turn));
		assert_string_equal(transport.tunnel_text, wanted[turn]);
		assert_string_equal(transport_proxy(&transport), "127.0.0.9");
	}
	memcpy(&resolved.at[0], &in6, sizeof in6);
	resolved.len = 1;
	transport_clear(&transport, easy);
	assert_true(transport_aim(&transport, "::1", 443, true, &resolved, 5));
	assert_string_equal(transport.tunnel_text, "[::1]:443:[::1]:443");
}

static void refused_connection_and_silence_are_told_apart(void **state)
{
	(void)state;
	sink_stop(there);
	there = NULL;
	assert_true(aim("127.0.0.2", NULL));
	assert_int_equal(failure(perform()), FAILURE_CONNECT);
	there = sink_start_at("127.0.0.2", 0);
	/* Over a connection that is kept and answers nothing. */
	char url[100];
	assert_true(aim("127.0.0.1", NULL));
	assert_int_equal(perform(), CURLE_OK);
	assert_true(aim("127.0.0.1", NULL));
	snprintf(url, sizeof url, "http://moving.example:%d/silent", sink_port(here));
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 100L);
	assert_int_equal(perform(), CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(failure(CURLE_OPERATION_TIMEDOUT), FAILURE_NONE); /* the endpoint's own */
	assert_int_equal(sink_connections(here), 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(connection_is_kept_and_used_again),
	    TEST(kept_connection_that_is_refused_now_gets_no_request),
	    TEST(name_that_moved_to_a_good_address_is_reached_there),
	    TEST(socket_is_judged_whatever_was_pinned),
	    TEST(name_with_a_refused_address_is_refused_whole),
	    TEST(proxy_is_asked_for_another_address_at_each_turn),
	    TEST(refused_connection_and_silence_are_told_apart),
	};
	return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
