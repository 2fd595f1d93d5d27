/* The address policy, at the edges of every range. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	return egress_judge(egress, (const struct sockaddr *)&at, 443, true, why, why_size) == EGRESS_ADMITTED;
}

static enum egress_verdict verdict_of(const struct egress_rules *rules, const char *text, int port, bool https)
{
	struct err err = {0};
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct egress *egress = egress_new(rules, &err);
	assert_non_null(egress);
	assert_int_equal(inet_pton(AF_INET, text, &at.sin_addr), 1);
	enum egress_verdict verdict = egress_judge(egress, (const struct sockaddr *)&at, port, https, NULL, 0);
	egress_free(egress);
	return verdict;
}

static bool allowed_by(const struct egress_rules *rules, const char *text)
{
	struct err err = {0};
	struct egress *egress = egress_new(rules, &err);
	assert_non_null(egress);
	bool result = allows(egress, text, NULL, 0);
	egress_free(egress);
	return result;
}

/* `open` where the option opens something. */
static bool allowed(const char *open, const char *text)
{
	return allowed_by(&(struct egress_rules){.allow = open}, text);
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
		assert_null(egress_new(&(struct egress_rules){.allow = bad[i]}, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.detail, "egress.allow"));
		assert_null(egress_new(&(struct egress_rules){.deny = bad[i]}, &err));
		assert_non_null(strstr(err.detail, "egress.deny"));
	}
	struct err err = {0};
	assert_null(egress_new(&(struct egress_rules){.allow = "127.0.0.0/8, nonsense"}, &err));
	assert_non_null(strstr(err.detail, "nonsense"));
}

static void what_is_denied_stays_so_whatever_is_allowed(void **state)
{
	(void)state;
	struct egress_rules rules = {.allow = "10.0.0.0/8, 64:ff9b::/96", .deny = "10.1.0.0/16, 1.2.3.0/24, 2606:4700::/32"};
	static const struct {
		const char *address;
		bool allowed;
	} cases[] = {
	    {"10.0.255.255", true}, {"10.1.0.0", false},     {"10.1.255.255", false},        {"10.2.0.0", true},
	    {"1.2.2.255", true},    {"1.2.3.0", false},      {"1.2.3.255", false},           {"1.2.4.0", true},
	    {"2606:46ff:ffff::", true}, {"2606:4700::", false}, {"2606:4700:ffff:ffff:ffff:ffff:ffff:ffff", false}, {"2606:4701::", true},
	    /* Inside another form as well. */
	    {"64:ff9b::1.2.3.4", false}, {"64:ff9b::1.2.4.4", true}, {"64:ff9b::10.1.0.1", false}, {"64:ff9b::10.2.0.1", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (allowed_by(&rules, cases[i].address) != cases[i].allowed)
			fail_msg("%s", cases[i].address);
	}
	rules.deny = "0.0.0.0/0, ::/0";
	assert_false(allowed_by(&rules, "10.2.0.0"));
	assert_false(allowed_by(&rules, "1.1.1.1"));
}

static void ports_of_other_services_are_refused_outside(void **state)
{
	(void)state;
	struct egress_rules rules = {.allow = "10.0.0.0/8"};
	static const int foreign[] = {1, 22, 25, 587, 5060, 6000, 6665, 6669, 10080}, fine[] = {80, 443, 3000, 6664, 6670, 8080, 8443, 65535};
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		assert_int_equal(verdict_of(&rules, "1.1.1.1", foreign[i], true), EGRESS_PORT);
		assert_int_equal(verdict_of(&rules, "10.1.1.1", foreign[i], true), EGRESS_ADMITTED);
	}
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		assert_int_equal(verdict_of(&rules, "1.1.1.1", fine[i], true), EGRESS_ADMITTED);
	/* A list of one's own is the whole truth, everywhere. */
	rules.ports = "443, 25 8000-8002";
	static const struct {
		int port;
		enum egress_verdict verdict;
	} listed[] = {{443, EGRESS_ADMITTED}, {25, EGRESS_ADMITTED}, {7999, EGRESS_PORT}, {8000, EGRESS_ADMITTED},
	              {8002, EGRESS_ADMITTED}, {8003, EGRESS_PORT}, {442, EGRESS_PORT}, {444, EGRESS_PORT}};
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		assert_int_equal(verdict_of(&rules, "1.1.1.1", listed[i].port, true), listed[i].verdict);
		assert_int_equal(verdict_of(&rules, "10.1.1.1", listed[i].port, true), listed[i].verdict);
	}
	/* The address is judged first. */
	assert_int_equal(verdict_of(&rules, "127.0.0.1", 9, false), EGRESS_ADDRESS);
}

static void bad_ports_are_refused_and_quoted(void **state)
{
	(void)state;
	static const char *const bad[] = {"0", "65536", "80-", "-80", "90-80", "http", "80-90-100", "1e3", "+80", "0x50", "999999999999999999999"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		char list[64];
		snprintf(list, sizeof list, "443,%s", bad[i]);
		assert_null(egress_new(&(struct egress_rules){.ports = list}, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.detail, "egress.ports"));
		assert_non_null(strstr(err.detail, bad[i]));
	}
}

static void plain_http_is_for_what_is_opened(void **state)
{
	(void)state;
	struct egress_rules rules = {.allow = "10.0.0.0/8, 1.0.0.0/24"};
	assert_int_equal(verdict_of(&rules, "1.1.1.1", 80, false), EGRESS_HTTP);
	assert_int_equal(verdict_of(&rules, "1.1.1.1", 443, true), EGRESS_ADMITTED);
	assert_int_equal(verdict_of(&rules, "10.1.1.1", 80, false), EGRESS_ADMITTED);
	assert_int_equal(verdict_of(&rules, "1.0.0.1", 80, false), EGRESS_ADMITTED); /* a public one that is opened all the same */
	rules.allow_http = true;
	assert_int_equal(verdict_of(&rules, "1.1.1.1", 80, false), EGRESS_ADMITTED);
	assert_int_equal(verdict_of(&rules, "192.168.1.1", 80, false), EGRESS_ADDRESS);
}

static void a_change_counts_at_once_and_a_wrong_one_changes_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct egress *egress = egress_new(&(struct egress_rules){.allow = "10.0.0.0/8"}, &err);
	assert_true(allows(egress, "10.0.0.1", NULL, 0));
	assert_int_equal(egress_change(egress, &(struct egress_rules){.allow = "192.168.0.0/16"}, &err), 0);
	assert_false(allows(egress, "10.0.0.1", NULL, 0));
	assert_true(allows(egress, "192.168.0.1", NULL, 0));
	assert_int_equal(egress_change(egress, &(struct egress_rules){.allow = "10.0.0.0/8", .ports = "http"}, &err), -1);
	assert_non_null(strstr(err.detail, "egress.ports"));
	assert_false(allows(egress, "10.0.0.1", NULL, 0));
	assert_true(allows(egress, "192.168.0.1", NULL, 0));
	egress_free(egress);
}

static void proxy_is_a_plain_http_url(void **state)
{
	(void)state;
	static const char *const bad[] = {"10.0.0.1:3128", "https://10.0.0.1:3128", "http://10.0.0.1:3128/path", "http://u:p@", "http://@10.0.0.1:3128", "http://u:p@x@10.0.0.1:3128", "http://u p@10.0.0.1:3128", "socks5://10.0.0.1:1080",
	                                  "http://", "http://10.0.0.1:0", "http://10.0.0.1?x"};
	struct err err = {0};
	struct egress_proxy proxy;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(egress_new(&(struct egress_rules){.proxy = bad[i]}, &err));
		assert_non_null(strstr(err.detail, "egress.proxy"));
		assert_non_null(strstr(err.detail, "http://host:port"));
		assert_null(strstr(err.detail, "u:p"));
	}
	struct egress *egress = egress_new(&(struct egress_rules){.proxy = "http://Proxy.Internal:3128/"}, &err);
	assert_true(egress_proxy(egress, &proxy));
	assert_string_equal(proxy.host, "proxy.internal");
	assert_int_equal(proxy.port, 3128);
	assert_string_equal(proxy.user, "");
	assert_int_equal(egress_change(egress, &(struct egress_rules){.proxy = "http://me:se%20cret@[fd00::1]:3128"}, &err), 0);
	assert_true(egress_proxy(egress, &proxy));
	assert_string_equal(proxy.user, "me:se%20cret");
	assert_string_equal(proxy.host, "fd00::1");
	assert_int_equal(egress_change(egress, &(struct egress_rules){.allow_http = true}, &err), 0);
	assert_false(egress_proxy(egress, &proxy));
	egress_free(egress);
}

static void bind_to(const char *source, int family, const char *expected, bool fails)
{
	struct err err = {0};
	char why[200] = "", text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct egress *egress = egress_new(&(struct egress_rules){.source = source}, &err);
	if (!egress)
		fail_msg("%s", err.detail);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(egress_bind(egress, fd, family, why, sizeof why), fails ? -1 : 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	if (family == AF_INET)
		inet_ntop(family, &((struct sockaddr_in *)&at)->sin_addr, text, sizeof text);
	assert_string_equal(fails ? why : text, expected);
	close(fd);
	egress_free(egress);
}

static void source_is_bound_to(void **state)
{
	(void)state;
	bind_to(NULL, AF_INET, "0.0.0.0", false);
	bind_to("127.0.0.3", AF_INET, "127.0.0.3", false);
	bind_to("lo", AF_INET, "0.0.0.0", false);
	bind_to("lo, 127.0.0.3", AF_INET, "127.0.0.3", false);
	bind_to("127.0.0.3", AF_INET6, "egress.source has no address to reach IPv6 ones from", true);
	/* 192.0.2.1 is nobody's. */
	static const char *const bad[] = {"192.0.2.1", "nonsense", "no-such-interface0", "127.0.0.1,127.0.0.2", "127.0.0.1/8"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_null(egress_new(&(struct egress_rules){.source = bad[i]}, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.detail, "egress.source"));
	}
}

static void refusal_names_the_range_and_the_option(void **state)
{
	(void)state;
	struct err err = {0};
	char why[160];
	struct egress *egress = egress_new(&(struct egress_rules){.allow = "::/0", .deny = "1.2.0.0/16", .ports = "443"}, &err);
	assert_false(allows(egress, "10.1.2.3", why, sizeof why));
	assert_string_equal(why, "10.1.2.3 is in 10.0.0.0/8 (private use); egress.allow (--egress-allow) opens it");
	assert_false(allows(egress, "::ffff:10.1.2.3", why, sizeof why));
	assert_non_null(strstr(why, "IPv4-mapped"));
	assert_false(allows(egress, "1.2.3.4", why, sizeof why));
	assert_string_equal(why, "1.2.3.4 is in 1.2.0.0/16, which egress.deny (--egress-deny) closes");
	struct sockaddr_in public = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x01010101)};
	assert_int_equal(egress_judge(egress, (const struct sockaddr *)&public, 80, true, why, sizeof why), EGRESS_PORT);
	assert_non_null(strstr(why, "--egress-ports"));
	assert_int_equal(egress_judge(egress, (const struct sockaddr *)&public, 443, false, why, sizeof why), EGRESS_HTTP);
	assert_non_null(strstr(why, "--egress-allow-http"));
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	assert_int_equal(egress_judge(egress, &unix_address, 443, true, why, sizeof why), EGRESS_ADDRESS);
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
	    cmocka_unit_test(what_is_denied_stays_so_whatever_is_allowed),
	    cmocka_unit_test(ports_of_other_services_are_refused_outside),
	    cmocka_unit_test(bad_ports_are_refused_and_quoted),
	    cmocka_unit_test(plain_http_is_for_what_is_opened),
	    cmocka_unit_test(a_change_counts_at_once_and_a_wrong_one_changes_nothing),
	    cmocka_unit_test(proxy_is_a_plain_http_url),
	    cmocka_unit_test(source_is_bound_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
