/* Errors: what the user is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/utf8.h"

static void setting_keeps_nothing_of_an_earlier_error(void **state)
{
	(void)state;
	struct err err = {0};
	err_field(&err, ERR_INVALID, "/url", "is missing");
	err.retry_after_s = 9;
	assert_int_equal(err_set(&err, ERR_UNAVAILABLE, "the queue is full (%d)", 7), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(err.detail, "the queue is full (7)");
	assert_int_equal(err.fields_len, 0);
	assert_int_equal(err.retry_after_s, 0);
	assert_int_equal(err_set(NULL, ERR_INTERNAL, "nobody asks"), -1);
}

static void an_error_can_be_wrapped_in_itself(void **state)
{
	(void)state;
	struct err err = {0};
	err_set(&err, ERR_STORAGE, "disk full");
	err_set(&err, ERR_UNAVAILABLE, "cannot store: %s", err.detail);
	assert_string_equal(err.detail, "cannot store: disk full");
}

static void bad_fields_add_up(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(err_field(&err, ERR_INVALID, "/type", "is missing"), -1);
	assert_int_equal(err_field(&err, ERR_INVALID, "/retry/factor", "must be %d to %d", 1, 10), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.detail, "/type: is missing");
	assert_int_equal(err.fields_len, 2);
	assert_string_equal(err.fields[1].pointer, "/retry/factor");
	assert_string_equal(err.fields[1].detail, "must be 1 to 10");
	for (int i = 0; i < 20; i++)
		err_field(&err, ERR_INVALID, "/more", "is too much");
	assert_int_equal(err.fields_len, ERR_FIELDS_MAX);
	assert_int_equal(err_field(NULL, ERR_INVALID, "/x", "nobody asks"), -1);
}

static void a_field_does_not_hide_an_error_of_another_code(void **state)
{
	(void)state;
	struct err err = {0};
	err_set(&err, ERR_CONFLICT, "first");
	err_field(&err, ERR_INVALID, "/type", "second");
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(err.detail, "first");
}

static void long_text_is_cut_between_characters(void **state)
{
	(void)state;
	struct err err = {0};
	char text[1000];
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = 0; i < 300; i++)
			memcpy(text + shift + 3 * i, "\xe2\x82\xac", 4);
		err_set(&err, ERR_INVALID, "%s", text);
		size_t len = strlen(err.detail);
		assert_true(len < ERR_DETAIL_MAX && len > ERR_DETAIL_MAX - 5);
		for (size_t at = 0; at < len;) {
			size_t sequence = utf8_sequence(err.detail + at, err.detail + len);
			assert_true(sequence > 0);
			at += sequence;
		}
	}
}

static void bytes_that_are_no_utf8_are_escaped(void **state)
{
	(void)state;
	struct err err = {0};
	err_set(&err, ERR_INVALID, "%s", "a\xff\xc3\xa9\xc3(");
	assert_string_equal(err.detail, "a\\xff\xc3\xa9\\xc3(");
	char text[1000];
	memset(text, 0xff, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err = (struct err){0};
	err_field(&err, ERR_INVALID, text, "%s", text);
	assert_in_range(strlen(err.detail), ERR_DETAIL_MAX - 5, ERR_DETAIL_MAX - 1);
	assert_in_range(strlen(err.fields[0].pointer), ERR_POINTER_MAX - 5, ERR_POINTER_MAX - 1);
}

static void every_code_has_its_row(void **state)
{
	(void)state;
	for (enum err_code code = ERR_NONE + 1; code < ERR_COUNT_; code++) {
		assert_in_range(err_http_status(code), 400, 503);
		assert_true(strlen(err_title(code)) > 0);
		for (enum err_code other = ERR_NONE; other < code; other++)
			assert_string_not_equal(err_code_text(code), err_code_text(other));
	}
	assert_string_equal(err_code_text(ERR_KEY_REUSED), "idempotency_key_reused");
	assert_int_equal(err_http_status(ERR_KEY_REUSED), 422);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setting_keeps_nothing_of_an_earlier_error),
	    cmocka_unit_test(an_error_can_be_wrapped_in_itself),
	    cmocka_unit_test(bad_fields_add_up),
	    cmocka_unit_test(a_field_does_not_hide_an_error_of_another_code),
	    cmocka_unit_test(long_text_is_cut_between_characters),
	    cmocka_unit_test(bytes_that_are_no_utf8_are_escaped),
	    cmocka_unit_test(every_code_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
