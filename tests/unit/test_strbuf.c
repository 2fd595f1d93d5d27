/* The byte buffer: growth, the cap, handing over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"

static void appended_bytes_come_out_as_they_are(void **state)
{
	(void)state;
	struct strbuf buf = STRBUF_INIT(1000);
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_puts(&buf, "one");
	strbuf_putc(&buf, ' ');
	strbuf_slice(&buf, SLICE_LITERAL("two"));
	strbuf_slice(&buf, (struct slice){NULL, 0});
	strbuf_append(&buf, "\0x", 2);
	strbuf_printf(&buf, "%d-%s", 42, "forty-two");
	assert_false(buf.failed);
	assert_int_equal(buf.len, sizeof "one two\0x42-forty-two" - 1);
	assert_memory_equal(buf.data, "one two\0x42-forty-two", sizeof "one two\0x42-forty-two");
	strbuf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_free(&buf);
	assert_int_equal(buf.max_bytes, 1000);
}

static void it_grows_to_its_cap_and_not_a_byte_further(void **state)
{
	(void)state;
	struct strbuf buf = STRBUF_INIT(5000);
	for (int i = 0; i < 5000; i++)
		strbuf_putc(&buf, (char)('a' + i % 26));
	assert_false(buf.failed);
	assert_int_equal(buf.len, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	strbuf_putc(&buf, '!');
	assert_true(buf.failed);
	assert_int_equal(buf.len, 5000);
	assert_int_equal(buf.data[5000], '\0');
	strbuf_free(&buf);
}

static void after_a_failure_nothing_is_appended_until_it_is_cleared(void **state)
{
	(void)state;
	struct strbuf buf = STRBUF_INIT(4);
	strbuf_puts(&buf, "ab");
	strbuf_puts(&buf, "cde");
	strbuf_puts(&buf, "f");
	assert_true(buf.failed);
	assert_string_equal(strbuf_text(&buf), "ab");
	strbuf_clear(&buf);
	strbuf_puts(&buf, "cdef");
	assert_false(buf.failed);
	assert_string_equal(strbuf_text(&buf), "cdef");
	strbuf_append(&buf, "x", SIZE_MAX);
	assert_true(buf.failed);
	strbuf_free(&buf);
	assert_false(buf.failed);
}

static void formatted_text_keeps_to_the_cap_too(void **state)
{
	(void)state;
	struct strbuf buf = STRBUF_INIT(200);
	strbuf_printf(&buf, "%0150d", 7);
	assert_int_equal(buf.len, 150);
	strbuf_printf(&buf, "%051d", 7);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 150);
	assert_int_equal(strlen(strbuf_text(&buf)), 150);
	strbuf_clear(&buf);
	strbuf_printf(&buf, "%0200d", 7);
	assert_false(buf.failed);
	assert_int_equal(buf.len, 200);
	strbuf_free(&buf);

	/* A cap below the first allocation counts as well. */
	struct strbuf small = STRBUF_INIT(3);
	strbuf_printf(&small, "%s", "abcd");
	assert_true(small.failed);
	assert_string_equal(strbuf_text(&small), "");
	strbuf_free(&small);
}

static void stolen_memory_belongs_to_the_caller(void **state)
{
	(void)state;
	struct strbuf buf = STRBUF_INIT(10);
	size_t len = 99;
	assert_null(strbuf_steal(&buf, &len));
	assert_int_equal(len, 0);
	strbuf_puts(&buf, "mine");
	char *text = strbuf_steal(&buf, &len);
	assert_string_equal(text, "mine");
	assert_int_equal(len, 4);
	assert_int_equal(buf.len, 0);
	free(text);
	strbuf_puts(&buf, "too long for ten");
	assert_null(strbuf_steal(&buf, &len));
	assert_false(buf.failed);
	strbuf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appended_bytes_come_out_as_they_are),
	    cmocka_unit_test(it_grows_to_its_cap_and_not_a_byte_further),
	    cmocka_unit_test(after_a_failure_nothing_is_appended_until_it_is_cleared),
	    cmocka_unit_test(formatted_text_keeps_to_the_cap_too),
	    cmocka_unit_test(stolen_memory_belongs_to_the_caller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
