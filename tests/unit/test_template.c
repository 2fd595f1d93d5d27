/* Templates of types and dedupe keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "source/template.h"

static const struct scheme_header headers[] = {{SLICE_LITERAL("X-Kind"), SLICE_LITERAL("eu west")},
                                               {SLICE_LITERAL("x-empty"), SLICE_LITERAL("")}};

static struct scheme_request request = {
    .query = SLICE_LITERAL("n=1&nn=2&e="),
    .headers = headers,
    .headers_len = 2,
    .body = SLICE_LITERAL("{\"a\": {\"b/c\": 7, \"m~n\": true, \"s\": \"\\u00e9.x\", \"o\": {}, \"z\": null}, \"l\": [1, \"two\"], \"a\": "
                          "{\"b\": \"last\"}}"),
};

static struct template_input input_of(void)
{
	return (struct template_input){.type = SLICE_LITERAL("github.push"),
	                               .id = SLICE_LITERAL("id-1"),
	                               .scheme = SLICE_LITERAL("github"),
	                               .source = SLICE_LITERAL("gh"),
	                               .request = &request};
}

static void renders(const char *text, int whole, const char *wanted)
{
	struct template_input input = input_of();
	struct strbuf out = STRBUF_INIT(8192);
	struct err err = {.code = ERR_NONE};
	assert_int_equal(template_check(slice_of(text), "/x", &err), 0);
	assert_int_equal(template_render(slice_of(text), &input, SLICE_LITERAL("?"), &out), whole);
	assert_string_equal(strbuf_text(&out), wanted);
	strbuf_free(&out);
}

static void pieces_stand_for_what_they_name(void **state)
{
	(void)state;
	renders("", 1, "");
	renders("plain", 1, "plain");
	renders("{type}-{id}/{scheme}:{source}", 1, "github.push-id-1/github:gh");
	renders("{header.x-kind}|{query.n}|{query.nn}", 1, "eu west|1|2");
	renders("{json:/l/1}{json:/l/0}{json:/a/b}", 1, "two1last");
}

static void a_missing_piece_is_told(void **state)
{
	(void)state;
	renders("a{subject}b", 0, "a?b");
	renders("{header.x-none}", 0, "?");
	renders("{header.x-empty}", 0, "?");
	renders("{query.e}{query.x}", 0, "??");
	renders("{json:/l/2}{json:/l/01x}{json:/l}{json:/none/x}", 0, "????");
}

static void pointers_are_unescaped(void **state)
{
	(void)state;
	struct slice body = request.body;
	request.body = SLICE_LITERAL("{\"b/c\": 7, \"m~n\": true, \"\": \"e\", \"s\": \"\\u00e9\", \"o\": {}, \"z\": null, \"t\": \"\"}");
	renders("{json:/b~1c} {json:/m~0n} {json:/} {json:/s}", 1, "7 true e \xc3\xa9");
	renders("{json:/o}{json:/z}{json:/t}", 0, "???");
	request.body = SLICE_LITERAL("{\"a\": 1} trailing");
	renders("{json:/a}", 0, "?");
	request.body = body;
}

static void bad_templates_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"{",       "}",        "a}",        "{type",    "{}",      "{tipe}",
	                                  "{json:}", "{json:a}", "{header.}", "{query.}", "{{type}}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {.code = ERR_NONE};
		if (template_check(slice_of(bad[i]), "/event_type", &err) == 0)
			fail_msg("%s passed", bad[i]);
		assert_string_equal(err.fields[0].pointer, "/event_type");
	}
}

static void type_is(const char *text, const char *wanted)
{
	struct template_input input = input_of();
	struct strbuf out = STRBUF_INIT(512);
	assert_int_equal(template_type(slice_of(text), &input, &out), 0);
	assert_string_equal(strbuf_text(&out), wanted);
	strbuf_free(&out);
}

static void a_type_is_brought_into_the_grammar(void **state)
{
	(void)state;
	type_is("{type}", "github.push");
	type_is("{header.x-kind}.{subject}", "eu_west.unknown");
	type_is("..a..b...", "a.b");
	type_is("\xc3\xa9", "__");
	type_is("...", "github.event");
	type_is("grapnel.{type}", "github.event");
	type_is("grapnel", "github.event");
	char many[600] = "";
	memset(many, 'a', sizeof many - 1);
	struct template_input input = input_of();
	struct strbuf out = STRBUF_INIT(512);
	assert_int_equal(template_type(slice_of(many), &input, &out), 0);
	assert_int_equal(out.len, 255);
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_stand_for_what_they_name),
	    cmocka_unit_test(a_missing_piece_is_told),
	    cmocka_unit_test(pointers_are_unescaped),
	    cmocka_unit_test(bad_templates_are_refused),
	    cmocka_unit_test(a_type_is_brought_into_the_grammar),
	};
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
