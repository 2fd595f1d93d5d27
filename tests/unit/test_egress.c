/* The address policy, at the edges of every range. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "deliver/egress.h"

static bool allows(const struct egress *egress, const char *text, char *why, size_t why_size)
{
	struct sockaddr_storage at = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		at.ss_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		at.ss_family = AF_INET6;
	}
	return egress_allows(egress, (const struct sockaddr *)&at, why, why_size);
}

/* `open` where the option opens something. */
static bool allowed(const char *open, const char *text)
{
	struct err err = {0};
	struct egress *egress = egress_new(open, &err);
	assert_non_null(egress);
	bool result = allows(egress, text, NULL, 0);
	egress_free(egress);
	return result;
}

static void ipv4_ranges_are_refused_to_the_bit(void **state)
{
	(void)state;
	/* last before, first, last, first behind; NULL: that neighbour is refused as well, or there is none. */
	static const char *const ranges[][4] = {
	    {NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
	    {"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
	    {"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
	    {"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
	    {"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
	    {"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
	    {"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
	    {"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
	    {"192.31.195.255", "192.31.196.0", "192.31.196.255", "192.31.197.0"},
	    {"192.52.192.255", "192.52.193.0", "192.52.193.255", "192.52.194.0"},
	    {"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
	    {"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
	    {"192.175.47.255", "192.175.48.0", "192.175.48.255", "192.175.49.0"},
	    {"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
	    {"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
	    {"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
	    {"223.255.255.255", "224.0.0.0", "239.255.255.255", NULL},
	    {NULL, "240.0.0.0", "255.255.255.255", NULL},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		assert_true(!ranges[i][0] || allowed(NULL, ranges[i][0]));
		assert_false(allowed(NULL, ranges[i][1]));
		assert_false(allowed(NULL, ranges[i][2]));
		assert_true(!ranges[i][3] || allowed(NULL, ranges[i][3]));
	}
}

static void ipv6_ranges_are_refused_to_the_bit(void **state)
{
	(void)state;
	static const char *const ranges[][4] = {
	    {NULL, "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
	    {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
	    {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	    {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
	    {"2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"},
	    {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	    {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		assert_true(!ranges[i][0] || allowed(NULL, ranges[i][0]));
		assert_false(allowed(NULL, ranges[i][1]));
		assert_false(allowed(NULL, ranges[i][2]));
		assert_true(!ranges[i][3] || allowed(NULL, ranges[i][3]));
	}
	assert_false(allowed(NULL, "::1"));
	assert_false(allowed(NULL, "fe80::1"));
	assert_false(allowed(NULL, "fc00::1"));
	assert_true(allowed(NULL, "2606:4700::1111"));
}

static void ipv4_inside_ipv6_is_judged_even_where_the_form_is_open(void **state)
{
	(void)state;
	assert_false(allowed(NULL, "::ffff:127.0.0.1"));
	assert_false(allowed("::/0", "::ffff:127.0.0.1"));
	assert_true(allowed("::/0", "::ffff:1.1.1.1"));
	assert_true(allowed("::/0, 127.0.0.0/8", "::ffff:127.0.0.1"));
	assert_false(allowed("64:ff9b::/96", "64:ff9b::10.0.0.1"));
	assert_true(allowed("64:ff9b::/96", "64:ff9b::9.255.255.255"));
	assert_false(allowed("2002::/16", "2002:a9fe:a9fe::1"));
	assert_true(allowed("2002::/16", "2002:101:101::1"));
	/* Teredo: server 1.1.1.1 and client 127.0.0.1 with its bits inverted; then a public client; then a private server. */
	assert_false(allowed("2001::/32", "2001:0:101:101:0:0:80ff:fffe"));
	assert_true(allowed("2001::/32", "2001:0:101:101:0:0:fefe:fefe"));
	assert_false(allowed("2001::/32", "2001:0:a00:1:0:0:fefe:fefe"));
	/* What is opened for IPv4 opens no IPv6 form of it. */
	assert_false(allowed("127.0.0.0/8", "::ffff:127.0.0.1"));
}

static void option_opens_what_it_names_and_nothing_else(void **state)
{
	(void)state;
	assert_true(allowed("127.0.0.0/8", "127.0.0.0"));
	assert_true(allowed("127.0.0.0/8", "127.255.255.255"));
	assert_false(allowed("127.0.0.0/8", "10.0.0.1"));
	assert_false(allowed("127.0.0.0/8", "::1"));
	assert_true(allowed("10.1.2.3", "10.1.2.3"));
	assert_false(allowed("10.1.2.3", "10.1.2.4"));
	assert_true(allowed("10.1.2.4/31", "10.1.2.5"));
	assert_false(allowed("10.1.2.4/31", "10.1.2.6"));
	assert_true(allowed("127.0.0.0/8,::1/128 fd00::/8", "fd12::1"));
	assert_true(allowed("127.0.0.0/8,::1/128 fd00::/8", "::1"));
	assert_true(allowed("0.0.0.0/0", "192.168.1.1"));
	assert_false(allowed(" , ", "127.0.0.1"));
}

static void bad_option_is_refused_and_quoted(void **state)
{
	(void)state;
	static const char *const bad[] = {"localhost",   "10.0.0.0/33", "10.0.0.0/", "10.0.0/8",     "::/129",      "10.0.0.0/-1",
	                                  "10.0.0.0/+8", "1.2.3.4/8",   "fd00::1/8", "10.0.0.0/8/8", "10.0.0.0/ 8", "0x7f.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_null(egress_new(bad[i], &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.detail, "egress.allow"));
	}
	struct err err = {0};
	assert_null(egress_new("127.0.0.0/8, nonsense", &err));
	assert_non_null(strstr(err.detail, "nonsense"));
}

static void refusal_names_the_range_and_the_option(void **state)
{
	(void)state;
	struct err err = {0};
	char why[160];
	struct egress *egress = egress_new("::/0", &err);
	assert_false(allows(egress, "10.1.2.3", why, sizeof why));
	assert_string_equal(why, "10.1.2.3 is in 10.0.0.0/8 (private use); --egress-allow opens it");
	assert_false(allows(egress, "::ffff:10.1.2.3", why, sizeof why));
	assert_non_null(strstr(why, "IPv4-mapped"));
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	assert_false(egress_allows(egress, &unix_address, why, sizeof why));
	egress_free(egress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ipv4_ranges_are_refused_to_the_bit),
	    cmocka_unit_test(ipv6_ranges_are_refused_to_the_bit),
	    cmocka_unit_test(ipv4_inside_ipv6_is_judged_even_where_the_form_is_open),
	    cmocka_unit_test(option_opens_what_it_names_and_nothing_else),
	    cmocka_unit_test(bad_option_is_refused_and_quoted),
	    cmocka_unit_test(refusal_names_the_range_and_the_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
