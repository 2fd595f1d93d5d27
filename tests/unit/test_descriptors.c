/* How descriptors are shared, and that the limit is raised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "descriptors.h"

static void assert_shares(uint64_t limit, struct descriptors wanted, bool lowered, struct descriptors expected)
{
	assert_int_equal(descriptors_share(limit, 2, &wanted), lowered);
	assert_int_equal(wanted.connections, expected.connections);
	assert_int_equal(wanted.live, expected.live);
	assert_int_equal(wanted.idle, expected.idle);
	if (limit >= 256)
		assert_true(wanted.connections + wanted.live + wanted.idle + DESCRIPTORS_RESERVED + 2 * DESCRIPTORS_PER_THREAD <= limit);
}

static void what_fits_is_left_alone(void **state)
{
	(void)state;
	const struct descriptors wanted = {4096, 4096, 512};
	assert_shares(UINT64_MAX, wanted, false, wanted);
	assert_shares(80 + 8704, wanted, false, wanted);
}

static void too_few_are_shared_fairly(void **state)
{
	(void)state;
	assert_shares(80 + 8703, (struct descriptors){4096, 4096, 512}, true, (struct descriptors){4095, 4095, 512});
	assert_shares(80 + 800, (struct descriptors){4096, 4096, 512}, true, (struct descriptors){350, 350, 100});
	/* What one does not need is the other's. */
	assert_shares(80 + 800, (struct descriptors){100, 4096, 512}, true, (struct descriptors){100, 600, 100});
	assert_shares(80 + 800, (struct descriptors){4096, 100, 512}, true, (struct descriptors){600, 100, 100});
	/* The idle ones keep what the others leave. */
	assert_shares(80 + 800, (struct descriptors){200, 200, 512}, true, (struct descriptors){200, 200, 400});
}

static void a_hopeless_limit_leaves_the_least(void **state)
{
	(void)state;
	const struct descriptors least = {DESCRIPTORS_SHARE_MIN, DESCRIPTORS_SHARE_MIN, DESCRIPTORS_SHARE_MIN};
	assert_shares(64, (struct descriptors){4096, 4096, 512}, true, least);
	assert_shares(0, least, false, least);
}

static void the_soft_limit_is_raised_to_the_hard_one(void **state)
{
	(void)state;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 32;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(descriptors_raise() == limit.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_fits_is_left_alone),
	    cmocka_unit_test(too_few_are_shared_fairly),
	    cmocka_unit_test(a_hopeless_limit_leaves_the_least),
	    cmocka_unit_test(the_soft_limit_is_raised_to_the_hard_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
