/* What checked JSON slices mean: decoded strings, whole numbers; and strings written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "json/scan.h"

static void strings_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		const char *text;
		size_t len;
	} strings[] = {
	    {"\"\"", "", 0},
	    {"\"plain\"", "plain", 5},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
	    {"\"a\\u0041\\u00e9\\u20AC\"", "aA\xc3\xa9\xe2\x82\xac", 7},
	    {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!", 5},
	    {"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4},
	    {"\"x\\u0000y\"", "x\0y", 3},
	    {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80", 4},
	    /* lone surrogates */
	    {"\"\\ud83d\"", "\xef\xbf\xbd", 3},
	    {"\"\\ude00z\"", "\xef\xbf\xbdz", 4},
	    {"\"\\ud83dx\"", "\xef\xbf\xbdx", 4},
	    {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n", 4},
	    {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd\x41", 4},
	    {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7},
	    {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd", 6},
	};
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		struct strbuf out = STRBUF_INIT(100);
		assert_int_equal(json_decode(slice_of(strings[i].json), &out), 0);
		if (out.len != strings[i].len || memcmp(strbuf_text(&out), strings[i].text, out.len) != 0)
			fail_msg("%s was decoded to <%s>", strings[i].json, strbuf_text(&out));
		strbuf_free(&out);
	}
}

static void a_string_that_does_not_fit_fails(void **state)
{
	(void)state;
	struct strbuf out = STRBUF_INIT(3);
	assert_int_equal(json_decode(SLICE_LITERAL("\"ab\\u00e9\""), &out), -1);
	strbuf_free(&out);
}

static void strings_are_compared_with_escapes_decoded(void **state)
{
	(void)state;
	assert_true(json_string_is(SLICE_LITERAL("\"type\""), "type"));
	assert_true(json_string_is(SLICE_LITERAL("\"t\\u0079pe\""), "type"));
	assert_true(json_string_is(SLICE_LITERAL("\"\""), ""));
	assert_true(json_string_is(SLICE_LITERAL("\"a\\nb\""), "a\nb"));
	assert_false(json_string_is(SLICE_LITERAL("\"typ\""), "type"));
	assert_false(json_string_is(SLICE_LITERAL("\"types\""), "type"));
	assert_false(json_string_is(SLICE_LITERAL("\"Type\""), "type"));
	assert_false(json_string_is(SLICE_LITERAL("\"type\\u0000\""), "type"));
	assert_false(json_string_is(SLICE_LITERAL("\"\\u0174ype\""), "type"));
	assert_false(json_string_is(SLICE_LITERAL("\"\\ud83d\""), ""));
}

static void whole_numbers_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		int64_t value;
	} numbers[] = {
	    {"0", 0},
	    {"-0", 0},
	    {"-7", -7},
	    {"42", 42},
	    {"1e3", 1000},
	    {"1E+3", 1000},
	    {"2.0", 2},
	    {"1.5e1", 15},
	    {"1.50e1", 15},
	    {"120e-1", 12},
	    {"-1200.00e-2", -12},
	    {"0e99999999999999999999999", 0},
	    {"0.000e-5", 0},
	    {"0.00000000000000000000000000001e29", 1},
	    {"10000000000000000000000000000e-28", 1},
	    {"9223372036854775807", INT64_MAX},
	    {"-9223372036854775808", INT64_MIN},
	    {"9223372036854775807.0", INT64_MAX},
	    {"-9.223372036854775808e18", INT64_MIN},
	    {"922337203685477580700e-2", INT64_MAX},
	};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		int64_t value = 99;
		if (json_int64(slice_of(numbers[i].json), &value) < 0 || value != numbers[i].value)
			fail_msg("%s was read as %lld", numbers[i].json, (long long)value);
	}
}

static void other_numbers_are_refused(void **state)
{
	(void)state;
	static const char *const numbers[] = {
	    "1.5",
	    "-0.1",
	    "1e-1",
	    "15e-2",
	    "1e40",
	    "1e19",
	    "9223372036854775808",
	    "-9223372036854775809",
	    "9223372036854775807.5",
	    "-9.2233720368547758081e18",
	    "1e99999999999999999999999",
	    "1e-99999999999999999999999",
	    "123456789012345678901234567890",
	    "\"7\"",
	    "true",
	    "",
	};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		int64_t value = 99;
		if (json_int64(slice_of(numbers[i]), &value) == 0)
			fail_msg("%s was read as %lld", numbers[i], (long long)value);
		assert_int_equal(value, 99);
	}
}

static void check_put(struct slice text, const char *json)
{
	struct strbuf out = STRBUF_INIT(1000);
	struct json_scan scan;
	struct slice value;
	json_put_string(&out, text);
	assert_string_equal(strbuf_text(&out), json);
	json_scan_init(&scan, (struct slice){out.data, out.len}, 0);
	assert_int_equal(json_value(&scan, &value), 0);
	assert_int_equal(json_end(&scan), 0);
	strbuf_free(&out);
}

static void written_strings_are_json(void **state)
{
	(void)state;
	check_put(SLICE_LITERAL(""), "\"\"");
	check_put((struct slice){NULL, 0}, "\"\"");
	check_put(SLICE_LITERAL("plain text / ok"), "\"plain text / ok\"");
	check_put(SLICE_LITERAL("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	check_put(SLICE_LITERAL("nul\0 and \x1f\x7f"), "\"nul\\u0000 and \\u001f\x7f\"");
	check_put(SLICE_LITERAL("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
	check_put(SLICE_LITERAL("\xffz\xe2\x82"), "\"\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void every_ascii_text_survives_writing_and_decoding(void **state)
{
	(void)state;
	char text[128];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	struct strbuf json = STRBUF_INIT(1000), back = STRBUF_INIT(1000);
	json_put_string(&json, (struct slice){text, sizeof text});
	assert_int_equal(json_decode((struct slice){json.data, json.len}, &back), 0);
	assert_int_equal(back.len, sizeof text);
	assert_memory_equal(back.data, text, sizeof text);
	strbuf_free(&json);
	strbuf_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings_are_decoded),
	    cmocka_unit_test(a_string_that_does_not_fit_fails),
	    cmocka_unit_test(strings_are_compared_with_escapes_decoded),
	    cmocka_unit_test(whole_numbers_are_read),
	    cmocka_unit_test(other_numbers_are_refused),
	    cmocka_unit_test(written_strings_are_json),
	    cmocka_unit_test(every_ascii_text_survives_writing_and_decoding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
