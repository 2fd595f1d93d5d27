/* Counting connections: by IPv4 address, however it came, and by IPv6 prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/peers.h"

static struct cidr_address address_of(const char *text)
{
	struct cidr_address address;
	assert_int_equal(cidr_address_parse(slice_of(text), &address), 0);
	return address;
}

static uint64_t key_of(const char *text)
{
	struct cidr_address address = address_of(text);
	return peers_key(&address);
}

static void an_address_is_known_again(void **state)
{
	(void)state;
	assert_true(key_of("192.0.2.1") == key_of("192.0.2.1"));
	assert_true(key_of("192.0.2.1") != key_of("192.0.2.2"));
	assert_true(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
	assert_true(key_of("2001:db8::1") == key_of("2001:db8::ffff:2"));
	assert_true(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
	struct sockaddr local = {.sa_family = AF_UNIX};
	struct cidr_address none = cidr_address(&local);
	assert_true(peers_key(&none) == 0);
}

static void addresses_are_shown_without_port(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
	    {"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"}, {"2001:db8::1", "2001:db8::1"}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cidr_address address = address_of(texts[i][0]);
		char text[64];
		peers_format(&address, text, sizeof text);
		assert_string_equal(text, texts[i][1]);
	}
}

static void there_is_room_up_to_both_limits(void **state)
{
	(void)state;
	struct peers peers;
	uint64_t one = key_of("192.0.2.1"), two = key_of("192.0.2.2"), three = key_of("192.0.2.3");
	peers_init(&peers, 3, 2);
	peers_add(&peers, one);
	assert_true(peers_room(&peers, one));
	peers_add(&peers, one);
	assert_false(peers_room(&peers, one));
	assert_true(peers_room(&peers, two));
	peers_add(&peers, two);
	assert_false(peers_room(&peers, three));
	assert_true(peers_room(&peers, 0));
	peers_remove(&peers, one);
	assert_true(peers_room(&peers, one));
	peers_remove(&peers, one);
	peers_remove(&peers, two);
	assert_int_equal(peers.counts.len, 0);
	peers_destroy(&peers);
}

static void trusted_ones_count_among_all_alone(void **state)
{
	(void)state;
	struct peers peers;
	peers_init(&peers, 3, 1);
	for (int i = 0; i < 3; i++) {
		assert_true(peers_room(&peers, PEERS_TRUSTED));
		peers_add(&peers, PEERS_TRUSTED);
	}
	assert_false(peers_room(&peers, PEERS_TRUSTED));
	for (int i = 0; i < 3; i++)
		peers_remove(&peers, PEERS_TRUSTED);
	assert_int_equal(peers.len, 0);
	peers_destroy(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_is_known_again),
	    cmocka_unit_test(addresses_are_shown_without_port),
	    cmocka_unit_test(there_is_room_up_to_both_limits),
	    cmocka_unit_test(trusted_ones_count_among_all_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
