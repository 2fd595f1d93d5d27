/* Ranges of addresses: what is one, and what lies in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cidr.h"

static struct cidr_address address_of(const char *text)
{
	struct cidr_address address;
	assert_int_equal(cidr_address_parse(slice_of(text), &address), 0);
	return address;
}

static void a_range_has_its_first_and_last_and_no_neighbour(void **state)
{
	static const struct {
		const char *range, *before, *first, *last, *after;
	} rows[] = {
	    {"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
	    {"192.168.4.0/22", "192.168.3.255", "192.168.4.0", "192.168.7.255", "192.168.8.0"},
	    {"192.0.2.7", "192.0.2.6", "192.0.2.7", "192.0.2.7", "192.0.2.8"},
	    {"2001:db8::/33", "2001:db7:ffff::", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::"},
	    {"::1", "::", "::1", "::1", "::2"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cidr range;
		const char *why;
		assert_int_equal(cidr_parse(slice_of(rows[i].range), &range, &why), 0);
		struct cidr_address inside[] = {address_of(rows[i].first), address_of(rows[i].last)};
		struct cidr_address outside[] = {address_of(rows[i].before), address_of(rows[i].after)};
		for (int at = 0; at < 2; at++) {
			assert_true(cidr_has(&range, &inside[at]));
			assert_false(cidr_has(&range, &outside[at]));
		}
	}
}

static void all_of_a_family_is_only_that_family(void **state)
{
	struct cidr four, six;
	const char *why;
	(void)state;
	assert_int_equal(cidr_parse(slice_of("0.0.0.0/0"), &four, &why), 0);
	assert_int_equal(cidr_parse(slice_of("::/0"), &six, &why), 0);
	struct cidr_address a = address_of("192.0.2.1"), b = address_of("2001:db8::1"), mapped = address_of("::ffff:192.0.2.1");
	assert_true(cidr_has(&four, &a) && cidr_has(&four, &mapped) && !cidr_has(&four, &b));
	assert_true(cidr_has(&six, &b) && !cidr_has(&six, &a) && !cidr_has(&six, &mapped));
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const texts[] = {"", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08x", "10.0.0.0/-1", "10.0.0.1/8", "10.0.0.0/8/8",
	                                    "fd00::/129", "fd00::1/64", "name", "::ffff:10.0.0.0/104", "10.0.0.0/1000", " 10.0.0.0", "[::1]"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cidr range;
		const char *why = NULL;
		if (cidr_parse(slice_of(texts[i]), &range, &why) == 0)
			fail_msg("%s was taken", texts[i]);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_range_has_its_first_and_last_and_no_neighbour),
	    cmocka_unit_test(all_of_a_family_is_only_that_family),
	    cmocka_unit_test(what_is_no_range_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
