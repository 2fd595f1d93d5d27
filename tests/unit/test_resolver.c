/* Names to addresses, against a name server of our own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "deliver/resolver.h"
#include "name_server.h"

enum { WAIT_MS = 20000 };

static int64_t mono_us = 1000000;

static int64_t fake_mono_us(void *context)
{
	(void)context;
	return mono_us;
}

static const struct clock fake_clock = {.mono_us = fake_mono_us};

static struct name_server *server;
static struct resolver *resolver;
static struct resolved resolved;

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	server = name_server_start(60);
	resolver = resolver_new(name_server_address(server), &fake_clock, -1, &err);
	assert_non_null(resolver);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	resolver_free(resolver);
	name_server_stop(server);
	return 0;
}

static const char *address(unsigned i)
{
	static char text[INET6_ADDRSTRLEN];
	const struct sockaddr_storage *at = &resolved.at[i];
	const void *bytes = at->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr
	                                              : (const void *)&((const struct sockaddr_in *)at)->sin_addr;
	return inet_ntop(at->ss_family, bytes, text, sizeof text);
}

static void literals_are_not_looked_up(void **state)
{
	(void)state;
	resolver_wait(resolver, "192.0.2.1", 0, &resolved);
	assert_int_equal(resolved.len, 1);
	assert_string_equal(address(0), "192.0.2.1");
	resolver_wait(resolver, "2001:db8::1", 0, &resolved);
	assert_int_equal(resolved.len, 1);
	assert_string_equal(address(0), "2001:db8::1");
	assert_int_equal(name_server_queries(server), 0);
}

static void localhost_is_loopback(void **state)
{
	(void)state;
	resolver_wait(resolver, "localhost", WAIT_MS, &resolved);
	assert_in_range(resolved.len, 1, 4);
	for (unsigned i = 0; i < resolved.len; i++)
		assert_true(strcmp(address(i), "127.0.0.1") == 0 || strcmp(address(i), "::1") == 0);
	assert_int_equal(name_server_queries(server), 0);
}

static void name_is_asked_once_while_its_ttl_runs(void **state)
{
	(void)state;
	resolver_wait(resolver, "public.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 1);
	assert_string_equal(address(0), "1.1.1.1");
	mono_us += INT64_C(59) * 1000000;
	resolver_wait(resolver, "public.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 1);
	assert_int_equal(name_server_queries(server), 1);
	mono_us += 1000000;
	resolver_wait(resolver, "public.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 1);
	assert_int_equal(name_server_queries(server), 2);
}

static void failure_is_remembered_for_a_second(void **state)
{
	(void)state;
	resolver_wait(resolver, "missing.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 0);
	assert_non_null(resolved.why);
	unsigned asked = name_server_queries(server);
	assert_in_range(asked, 1, 10);
	mono_us += 999999;
	resolver_wait(resolver, "missing.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 0);
	assert_int_equal(name_server_queries(server), asked);
	mono_us += 1;
	resolver_wait(resolver, "missing.example", WAIT_MS, &resolved);
	assert_true(name_server_queries(server) > asked);
}

static void server_failure_fails(void **state)
{
	(void)state;
	resolver_wait(resolver, "broken.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 0);
}

static void addresses_are_capped(void **state)
{
	(void)state;
	resolver_wait(resolver, "many.example", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, RESOLVER_ADDRESSES_MAX);
}

static void wait_gives_up_on_a_silent_server(void **state)
{
	(void)state;
	resolver_wait(resolver, "silent.example", 50, &resolved);
	assert_int_equal(resolved.len, 0);
	assert_non_null(resolved.why);
}

static void over_long_name_fails(void **state)
{
	(void)state;
	char name[400];
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	resolver_wait(resolver, name, WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 0);
	resolver_wait(resolver, "", WAIT_MS, &resolved);
	assert_int_equal(resolved.len, 0);
}

static void count_answer(void *context, const struct resolved *answer)
{
	unsigned *answers = context;
	*answers += answer->len ? 1 : 100;
}

static void questions_for_one_name_share_a_query(void **state)
{
	(void)state;
	struct err err = {0};
	unsigned answers = 0;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct resolver *looped = resolver_new(name_server_address(server), &fake_clock, epoll_fd, &err);
	assert_non_null(looped);
	for (int i = 0; i < 5; i++)
		resolver_query(looped, "public.example", count_answer, &answers);
	while (answers < 5) {
		struct epoll_event event = {0};
		assert_int_equal(epoll_wait(epoll_fd, &event, 1, resolver_timeout_ms(looped)), 1);
		assert_ptr_equal(event.data.ptr, looped);
		resolver_process(looped);
	}
	assert_int_equal(answers, 5);
	assert_int_equal(name_server_queries(server), 1);
	assert_int_equal(resolver_timeout_ms(looped), -1);
	resolver_free(looped);
	close(epoll_fd);
}

static void pending_questions_fail_when_the_resolver_ends(void **state)
{
	(void)state;
	struct err err = {0};
	unsigned answers = 0;
	struct resolver *ending = resolver_new(name_server_address(server), &fake_clock, -1, &err);
	resolver_query(ending, "silent.example", count_answer, &answers);
	resolver_query(ending, "silent.example", count_answer, &answers);
	assert_int_equal(answers, 0);
	resolver_free(ending);
	assert_int_equal(answers, 200);
}

static void bad_server_list_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	assert_null(resolver_new("nonsense", &fake_clock, -1, &err));
	assert_non_null(strstr(err.detail, "nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(literals_are_not_looked_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(localhost_is_loopback, setup, teardown),
	    cmocka_unit_test_setup_teardown(name_is_asked_once_while_its_ttl_runs, setup, teardown),
	    cmocka_unit_test_setup_teardown(failure_is_remembered_for_a_second, setup, teardown),
	    cmocka_unit_test_setup_teardown(server_failure_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(addresses_are_capped, setup, teardown),
	    cmocka_unit_test_setup_teardown(wait_gives_up_on_a_silent_server, setup, teardown),
	    cmocka_unit_test_setup_teardown(over_long_name_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(questions_for_one_name_share_a_query, setup, teardown),
	    cmocka_unit_test_setup_teardown(pending_questions_fail_when_the_resolver_ends, setup, teardown),
	    cmocka_unit_test(bad_server_list_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
