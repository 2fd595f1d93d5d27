/* The grammar of CloudEvents' attributes, their values as headers; URIs and media types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/context.h"
#include "model/media.h"
#include "model/uri.h"

static void assert_decodes(const char *value, const char *want)
{
	struct strbuf out = STRBUF_INIT(256);
	strbuf_puts(&out, "before,");
	int result = context_header_decode(slice_of(value), &out);
	if (!want && result == 0)
		fail_msg("%s became %s", value, strbuf_text(&out));
	if (want && (result < 0 || strcmp(strbuf_text(&out) + 7, want) != 0))
		fail_msg("%s became %s", value, strbuf_text(&out));
	strbuf_free(&out);
}

/* The examples are those of the HTTP binding, 3.1.3.2. */
static void a_header_is_unquoted_and_then_percent_decoded_once(void **state)
{
	(void)state;
	assert_decodes("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_decodes("Euro%20%e2%82%aC", "Euro \xe2\x82\xac");
	assert_decodes("\"Euro \\\"%E2%82%AC\\\" \\\\\"", "Euro \"\xe2\x82\xac\" \\");
	assert_decodes("%41%2542", "A%42");
	assert_decodes("\"%2\\5\"", "%"); /* the backslash goes first */
	assert_decodes("", "");
	assert_decodes("\"\"", "");
	assert_decodes("a\"b", "a\"b");
	assert_decodes("plain, with; marks=(all)", "plain, with; marks=(all)");
	assert_decodes("%", NULL);
	assert_decodes("abc%4", NULL);
	assert_decodes("%zz", NULL);
	assert_decodes("%4g", NULL);
	assert_decodes("\"open", NULL);
	assert_decodes("\"open\\", NULL);
	assert_decodes("\"open\\\"", NULL);
	assert_decodes("\"closed\"and more", NULL);
}

static void a_header_has_printable_ascii_alone(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"Euro \xe2\x82\xac \xf0\x9f\x98\x80", "Euro%20%E2%82%AC%20%F0%9F%98%80"},
	    {"\"100%\"", "%22100%25%22"},
	    {"!~/?#&=+,;:@'()*[]\\^`{|}", "!~/?#&=+,;:@'()*[]\\^`{|}"},
	    {"\r\n\t\x7f", "%0D%0A%09%7F"},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct strbuf out = STRBUF_INIT(256), back = STRBUF_INIT(256);
		context_header_encode(slice_of(rows[i].text), &out);
		assert_string_equal(strbuf_text(&out), rows[i].want);
		assert_int_equal(context_header_decode((struct slice){strbuf_text(&out), out.len}, &back), 0);
		assert_string_equal(strbuf_text(&back), rows[i].text);
		strbuf_free(&out);
		strbuf_free(&back);
	}
}

static void text_is_utf8_without_controls_and_noncharacters(void **state)
{
	(void)state;
	static const char *const good[] = {"",
	                                   "a",
	                                   " ",
	                                   "~",
	                                   "\xc2\xa0",
	                                   "\xe2\x82\xac",
	                                   "\xf0\x9f\x98\x80",
	                                   "\xef\xbf\xbd",
	                                   "\xef\xb7\x8f",
	                                   "\xef\xb7\xb0",
	                                   "\xf4\x8f\xbf\xbd"};
	static const char *const bad[] = {"\n",
	                                  "a\tb",
	                                  "\x1f",
	                                  "\x7f",
	                                  "\xc2\x80",
	                                  "\xc2\x9f",
	                                  "\xc0\xa0",
	                                  "\xe2\x82",
	                                  "\xed\xa0\x80",
	                                  "\xef\xbf\xbe",
	                                  "\xef\xbf\xbf",
	                                  "\xef\xb7\x90",
	                                  "\xef\xb7\xaf",
	                                  "\xf0\x9f\xbf\xbe",
	                                  "\xf4\x8f\xbf\xbf",
	                                  "\xf4\x90\x80\x80",
	                                  "\xff"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!context_text_good(slice_of(good[i])))
			fail_msg("good text %zu is refused", i);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (context_text_good(slice_of(bad[i])))
			fail_msg("bad text %zu passes", i);
	assert_false(context_text_good((struct slice){"a\0b", 3}));
}

static void names_are_lower_case_letters_and_digits(void **state)
{
	(void)state;
	char longest[CONTEXT_NAME_MAX + 2];
	memset(longest, 'a', sizeof longest);
	assert_true(context_name_good((struct slice){longest, CONTEXT_NAME_MAX}));
	assert_false(context_name_good((struct slice){longest, CONTEXT_NAME_MAX + 1}));
	static const char *const good[] = {"a", "comexampleextension1", "0", "id", "data2", "dat"};
	static const char *const bad[] = {"", "data", "A", "a-b", "a_b", "data_base64", "a.b", "\xc3\xa9", " a"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(context_name_good(slice_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (context_name_good(slice_of(bad[i])))
			fail_msg("%s is a good name", bad[i]);
}

struct seen {
	struct strbuf out, text;
};

static void see(void *receiver, struct slice name, struct slice value)
{
	struct seen *seen = receiver;
	strbuf_slice(&seen->out, name);
	strbuf_putc(&seen->out, '=');
	strbuf_slice(&seen->out, context_text_of(value, &seen->text));
	strbuf_putc(&seen->out, ';');
}

static void a_context_is_walked(void **state)
{
	(void)state;
	struct seen seen = {STRBUF_INIT(256), STRBUF_INIT(256)};
	assert_int_equal(context_each(SLICE_LITERAL("{\"a\":\"\\u20ac \\\"\",\"b\":-5,\"c\":true}"), see, &seen), 0);
	assert_string_equal(strbuf_text(&seen.out), "a=\xe2\x82\xac \";b=-5;c=true;");
	assert_int_equal(context_each(SLICE_LITERAL("[]"), see, &seen), -1);
	assert_int_equal(context_each((struct slice){NULL, 0}, see, &seen), -1);
	strbuf_free(&seen.out);
	strbuf_free(&seen.text);
}

static void uri_references_are_told_from_other_text(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "https://github.com/cloudevents",
	    "mailto:cncf-wg-serverless@lists.cncf.io",
	    "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
	    "/cloudevents/spec/pull/123",
	    "/sensors/tn-1234567/alerts",
	    "1-555-123-4567",
	    "?a=b",
	    "#f",
	    "//[::1]:8080/a;b=c?d#e",
	    "./a:b",
	    "a/b:c",
	    "%20%aF",
	};
	static const char *const bad[] = {"",   "a b", "\xc3\xa9", "%",    "%2",  "%zz", "a#b#c", "1a:b",
	                                  ":a", "<a>", "a\"",      "a\\b", "a^b", "{a}", "a|b",   "\n"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!uri_is_reference(slice_of(good[i])))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (uri_is_reference(slice_of(bad[i])))
			fail_msg("%s passes", bad[i]);
	assert_false(uri_is_reference((struct slice){"a\0b", 3}));
	assert_true(uri_is_absolute(SLICE_LITERAL("urn:a")));
	assert_true(uri_is_absolute(SLICE_LITERAL("a+b-c.1://x#y")));
	assert_false(uri_is_absolute(SLICE_LITERAL("/a")));
	assert_false(uri_is_absolute(SLICE_LITERAL("a/b:c")));
	assert_false(uri_is_absolute(SLICE_LITERAL("1a:b")));
	assert_false(uri_is_absolute(SLICE_LITERAL("")));
}

static void media_types_are_told_and_json_among_them(void **state)
{
	(void)state;
	static const char *const json[] = {"application/json", "APPLICATION/JSON",         "application/json; charset=utf-8",
	                                   "text/json ;a=b",   "application/vnd.a.b+json", "a/b+JSON;x"};
	static const char *const other[] = {"text/plain",
	                                    "application/xml",
	                                    "application/jsonx",
	                                    "application/json-seq",
	                                    "a/xjson",
	                                    "image/png; x=\"json\"",
	                                    "application/vnd.apache.thrift.binary"};
	static const char *const bad[] = {"",        "text",          "/json",  "text/", "a b/c", "a/b c",
	                                  "a/b,c/d", "a/b; \xc3\xa9", "a/b;\n", "a/b\r", "json",  "+json"};
	for (size_t i = 0; i < sizeof json / sizeof *json; i++)
		assert_true(media_type_good(slice_of(json[i])) && media_type_is_json(slice_of(json[i])));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		assert_true(media_type_good(slice_of(other[i])));
		if (media_type_is_json(slice_of(other[i])))
			fail_msg("%s is JSON", other[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (media_type_good(slice_of(bad[i])))
			fail_msg("%s passes", bad[i]);
	assert_false(media_type_is_json((struct slice){NULL, 0}));
	assert_false(media_type_is_json(SLICE_LITERAL("/json")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_is_unquoted_and_then_percent_decoded_once),
	    cmocka_unit_test(a_header_has_printable_ascii_alone),
	    cmocka_unit_test(text_is_utf8_without_controls_and_noncharacters),
	    cmocka_unit_test(names_are_lower_case_letters_and_digits),
	    cmocka_unit_test(a_context_is_walked),
	    cmocka_unit_test(uri_references_are_told_from_other_text),
	    cmocka_unit_test(media_types_are_told_and_json_among_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
