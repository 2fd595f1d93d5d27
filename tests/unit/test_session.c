/* Sessions and one-time links: what ends them; the throttle: whom it lets through when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/session.h"
#include "api/throttle.h"

enum { NOW = 1000000, LIFETIME = 1000, IDLE = 100 };

static int set_up(void **state)
{
	*state = sessions_new(LIFETIME, IDLE);
	return 0;
}

static int tear_down(void **state)
{
	sessions_free(*state);
	return 0;
}

static bool lives(struct sessions *sessions, const char *token, int64_t now_ms)
{
	struct session session;
	return sessions_find(sessions, slice_of(token), now_ms, &session);
}

static void a_session_knows_who_it_is_of(void **state)
{
	char token[SESSION_TOKEN_SIZE], other[SESSION_TOKEN_SIZE];
	struct session one, two;
	sessions_begin(*state, 7, "ada", NOW, token);
	sessions_begin(*state, 8, "bob", NOW, other);
	assert_int_equal(strlen(token), SESSION_TOKEN_SIZE - 1);
	assert_true(sessions_find(*state, slice_of(token), NOW, &one) && sessions_find(*state, slice_of(other), NOW, &two));
	assert_int_equal(one.admin, 7);
	assert_string_equal(one.name, "ada");
	assert_int_equal(strlen(one.csrf), SESSION_CSRF_SIZE - 1);
	assert_string_not_equal(one.csrf, two.csrf);
	assert_string_not_equal(token, other);
	token[3] = token[3] == 'x' ? 'y' : 'x';
	assert_false(lives(*state, token, NOW));
	assert_false(lives(*state, "", NOW));
	token[SESSION_TOKEN_SIZE - 2] = '\0';
	assert_false(lives(*state, token, NOW));
}

static void an_idle_session_ends_and_a_used_one_ends_later(void **state)
{
	char idle[SESSION_TOKEN_SIZE], used[SESSION_TOKEN_SIZE];
	sessions_begin(*state, 1, "a", NOW, idle);
	sessions_begin(*state, 1, "a", NOW, used);
	for (int64_t at = NOW; at < NOW + LIFETIME; at += IDLE - 1)
		assert_true(lives(*state, used, at));
	assert_true(lives(*state, used, NOW + LIFETIME - 1));
	assert_false(lives(*state, used, NOW + LIFETIME));
	assert_false(lives(*state, used, NOW)); /* what has ended stays so, whatever the clock says */
	assert_false(lives(*state, idle, NOW + IDLE));
	assert_false(lives(*state, idle, NOW));
}

static void sessions_end_one_by_one_or_with_their_admin(void **state)
{
	char one[SESSION_TOKEN_SIZE], two[SESSION_TOKEN_SIZE], other[SESSION_TOKEN_SIZE], local[SESSION_TOKEN_SIZE];
	sessions_begin(*state, 1, "a", NOW, one);
	sessions_begin(*state, 1, "a", NOW, two);
	sessions_begin(*state, 2, "b", NOW, other);
	sessions_begin(*state, 0, "local", NOW, local);
	sessions_end(*state, slice_of(one));
	assert_false(lives(*state, one, NOW));
	assert_true(lives(*state, two, NOW));
	sessions_end_admin(*state, 1);
	assert_false(lives(*state, two, NOW));
	assert_true(lives(*state, other, NOW) && lives(*state, local, NOW));
}

static void of_too_many_sessions_the_one_idle_longest_ends(void **state)
{
	char first[SESSION_TOKEN_SIZE], second[SESSION_TOKEN_SIZE], token[SESSION_TOKEN_SIZE];
	sessions_begin(*state, 1, "a", NOW, first);
	sessions_begin(*state, 1, "a", NOW + 1, second);
	for (int i = 2; i < SESSIONS_MAX; i++)
		sessions_begin(*state, 1, "a", NOW + 2, token);
	assert_true(lives(*state, first, NOW + 3));
	sessions_begin(*state, 1, "a", NOW + 4, token);
	assert_true(lives(*state, first, NOW + 5));
	assert_false(lives(*state, second, NOW + 5));
}

static void a_link_is_good_once_and_for_ten_minutes(void **state)
{
	char link[SESSION_TOKEN_SIZE], late[SESSION_TOKEN_SIZE];
	sessions_link(*state, NOW, link);
	sessions_link(*state, NOW, late);
	assert_false(lives(*state, link, NOW));
	assert_true(sessions_link_take(*state, slice_of(link), NOW + SESSION_LINK_MS - 1));
	assert_false(sessions_link_take(*state, slice_of(link), NOW));
	assert_false(sessions_link_take(*state, slice_of(late), NOW + SESSION_LINK_MS));
	assert_false(sessions_link_take(*state, slice_of(late), NOW));
	assert_false(sessions_link_take(*state, slice_of(""), NOW));
	sessions_link(*state, NOW, late);
	for (int i = 0; i < SESSION_LINKS_MAX; i++)
		sessions_link(*state, NOW + 1 + i, link);
	assert_false(sessions_link_take(*state, slice_of(late), NOW + 20));
	assert_true(sessions_link_take(*state, slice_of(link), NOW + 20));
}

/* ---- The throttle ---- */

static int throttle_set_up(void **state)
{
	*state = throttle_new();
	return 0;
}

static int throttle_tear_down(void **state)
{
	throttle_free(*state);
	return 0;
}

static int attempt(struct throttle *throttle, const char *peer, const char *name, int64_t now_ms, bool succeeds)
{
	struct throttle_source source = throttle_source(peer, slice_of(name));
	int wait_s = throttle_enter(throttle, source, now_ms);
	if (wait_s == 0)
		throttle_leave(throttle, source, succeeds);
	return wait_s;
}

static void failures_of_an_address_slow_it_down_whatever_the_name(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	for (int i = 0; i < THROTTLE_BURST; i++)
		assert_int_equal(attempt(*state, "192.0.2.1", names[i], NOW, false), 0);
	assert_int_equal(attempt(*state, "192.0.2.1", "f", NOW, true), THROTTLE_PEER_MS / 1000);
	assert_int_equal(attempt(*state, "192.0.2.2", "f", NOW, false), 0);
	assert_int_equal(attempt(*state, "192.0.2.1", "f", NOW + THROTTLE_PEER_MS - 1, true), 1);
	assert_int_equal(attempt(*state, "192.0.2.1", "f", NOW + THROTTLE_PEER_MS, false), 0);
	assert_int_equal(attempt(*state, "192.0.2.1", "f", NOW + THROTTLE_PEER_MS, false), THROTTLE_PEER_MS / 1000);
	for (int i = 0; i < THROTTLE_BURST; i++)
		assert_int_equal(attempt(*state, "192.0.2.1", "g", NOW + 20 * THROTTLE_PEER_MS, false), 0);
}

static void failures_of_a_name_slow_it_down_whatever_the_address(void **state)
{
	static const char *const peers[] = {"192.0.2.1", "192.0.2.2", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"};
	for (int i = 0; i < THROTTLE_BURST; i++)
		assert_int_equal(attempt(*state, peers[i], "ada", NOW, false), 0);
	assert_int_equal(attempt(*state, "192.0.2.9", "ada", NOW, true), THROTTLE_NAME_MS / 1000);
	assert_int_equal(attempt(*state, "192.0.2.9", "bob", NOW, true), 0);
}

static void one_address_alone_never_locks_a_name(void **state)
{
	for (int64_t at = NOW; at < NOW + 100 * THROTTLE_PEER_MS; at += 1000)
		attempt(*state, "192.0.2.1", "ada", at, false);
	assert_int_equal(attempt(*state, "192.0.2.2", "ada", NOW + 100 * THROTTLE_PEER_MS, true), 0);
}

static void an_ipv6_address_counts_by_its_network(void **state)
{
	for (int i = 0; i < THROTTLE_BURST; i++)
		assert_int_equal(attempt(*state, i % 2 ? "2001:db8::1" : "2001:db8::ffff:2", "", NOW, true), 0);
	for (int i = 0; i < THROTTLE_BURST; i++)
		attempt(*state, i % 2 ? "2001:db8::1" : "2001:db8::ffff:2", i % 2 ? "a" : "b", NOW, false);
	assert_true(attempt(*state, "2001:db8::3", "c", NOW, false) > 0);
	assert_int_equal(attempt(*state, "2001:db8:0:1::3", "c", NOW, false), 0);
}

static void a_success_forgets(void **state)
{
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < THROTTLE_BURST - 1; i++)
			assert_int_equal(attempt(*state, "192.0.2.1", "ada", NOW, false), 0);
		assert_int_equal(attempt(*state, "192.0.2.1", "ada", NOW, true), 0);
	}
}

static void few_are_checked_at_once(void **state)
{
	struct throttle_source sources[THROTTLE_AT_ONCE + 1];
	for (int i = 0; i <= THROTTLE_AT_ONCE; i++)
		sources[i] = throttle_source("local", (struct slice){&"abcdef"[i], 1});
	for (int i = 0; i < THROTTLE_AT_ONCE; i++)
		assert_int_equal(throttle_enter(*state, sources[i], NOW), 0);
	assert_int_equal(throttle_enter(*state, sources[THROTTLE_AT_ONCE], NOW), 1);
	throttle_leave(*state, sources[0], false);
	assert_int_equal(throttle_enter(*state, sources[THROTTLE_AT_ONCE], NOW), 0);
}

static void a_full_table_lets_nobody_new_in_until_places_are_free(void **state)
{
	char name[16];
	int through = 0;
	for (int i = 0; i < THROTTLE_SOURCES_MAX; i++) {
		struct throttle_source source = {.peer = (uint64_t)(2 * i + 1), .name = (uint64_t)(2 * i + 2)};
		int wait_s = throttle_enter(*state, source, NOW);
		if (wait_s == 0)
			throttle_leave(*state, source, false);
		through += wait_s == 0;
	}
	memcpy(name, "new", 4);
	assert_int_equal(through, THROTTLE_SOURCES_MAX / 2);
	assert_true(attempt(*state, "192.0.2.1", name, NOW, true) > 0);
	assert_int_equal(attempt(*state, "192.0.2.1", name, NOW + THROTTLE_PEER_MS + 1, true), 0);
}

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define THROTTLE_TEST(name) cmocka_unit_test_setup_teardown(name, throttle_set_up, throttle_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SESSION_TEST(a_session_knows_who_it_is_of),
	    SESSION_TEST(an_idle_session_ends_and_a_used_one_ends_later),
	    SESSION_TEST(sessions_end_one_by_one_or_with_their_admin),
	    SESSION_TEST(of_too_many_sessions_the_one_idle_longest_ends),
	    SESSION_TEST(a_link_is_good_once_and_for_ten_minutes),
	    THROTTLE_TEST(failures_of_an_address_slow_it_down_whatever_the_name),
	    THROTTLE_TEST(failures_of_a_name_slow_it_down_whatever_the_address),
	    THROTTLE_TEST(one_address_alone_never_locks_a_name),
	    THROTTLE_TEST(an_ipv6_address_counts_by_its_network),
	    THROTTLE_TEST(a_success_forgets),
	    THROTTLE_TEST(few_are_checked_at_once),
	    THROTTLE_TEST(a_full_table_lets_nobody_new_in_until_places_are_free),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
