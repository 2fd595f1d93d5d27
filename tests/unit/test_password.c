/* Passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sign/password.h"

static bool right(const char *hash, const char *password)
{
	struct err err = {0};
	bool is = !hash;
	assert_int_equal(password_check(hash, slice_of(password), &is, &err), 0);
	return is;
}

static void a_password_is_right_for_its_own_hash_alone(void **state)
{
	struct err err = {0};
	char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
	(void)state;
	assert_int_equal(password_hash(slice_of("correct horse"), hash, &err), 0);
	assert_int_equal(password_hash(slice_of("correct horse"), again, &err), 0);
	assert_memory_equal(hash, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
	assert_string_not_equal(hash, again);
	assert_true(right(hash, "correct horse"));
	assert_false(right(hash, "correct horsE"));
	assert_false(right(hash, ""));
}

static void nobody_has_no_password(void **state)
{
	(void)state;
	assert_false(right(NULL, "correct horse"));
	assert_false(right(NULL, ""));
}

/* Made by another implementation, with other parameters. */
static void a_hash_from_elsewhere_is_understood(void **state)
{
	(void)state;
	static const char hash[] = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
	assert_true(right(hash, "password"));
	assert_false(right(hash, "Password"));
}

static void a_damaged_hash_is_an_error_and_never_right(void **state)
{
	static const char *const damaged[] = {"", "plain", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$x",
	                                      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"};
	(void)state;
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		struct err err = {0};
		bool is = true;
		assert_int_equal(password_check(damaged[i], slice_of("plain"), &is, &err), -1);
		assert_false(is);
		assert_int_equal(err.code, ERR_INTERNAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_password_is_right_for_its_own_hash_alone),
	    cmocka_unit_test(nobody_has_no_password),
	    cmocka_unit_test(a_hash_from_elsewhere_is_understood),
	    cmocka_unit_test(a_damaged_hash_is_an_error_and_never_right),
	};
	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
