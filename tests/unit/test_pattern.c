/* Type patterns: what is one, and what it matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/pattern.h"

static void patterns_match_by_whole_segments(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *type;
		bool matches;
	} cases[] = {
	    {"order.created", "order.created", true},
	    {"order.created", "order.Created", false},
	    {"order.created", "order.created.eu", false},
	    {"order.created", "order", false},
	    {"order", "order", true},
	    {"order.*", "order.created", true},
	    {"order.*", "order", false},
	    {"order.*", "order.created.eu", false},
	    {"order.*", "orders.created", false},
	    {"order.*", "xorder.created", false},
	    {"order.**", "order.created", true},
	    {"order.**", "order.created.eu", true},
	    {"order.**", "order.a.b.c.d.e", true},
	    {"order.**", "order", false},
	    {"order.**", "orders.created", false},
	    {"order.**", "order.", false},
	    {"order.*", "order.", false},
	    {"a.b.*", "a.b.c", true},
	    {"a.b.*", "a.c", false},
	    {"a.b.*", "a.b", false},
	    {"a.b.**", "a.b", false},
	    {"a.b.**", "a.b.c.d", true},
	    {"*", "order", true},
	    {"*", "order.created", true},
	    {"*", "order.created.eu", true},
	    {"**", "order", true},
	    {"**", "order.created.eu", true},
	    {"*", "grapnel.endpoint.disabled", false},
	    {"**", "grapnel.endpoint.disabled", false},
	    {"*", "grapnelx.a", true},
	    {"*", "grapnelx", true},
	    {"grapnel.**", "grapnel.endpoint.disabled", true},
	    {"grapnel.*", "grapnel.test", true},
	    {"grapnel.*", "grapnel.endpoint.disabled", false},
	    {"grapnel.endpoint.*", "grapnel.endpoint.disabled", true},
	    {"grapnel.test", "grapnel.test", true},
	    {"grapnel.**", "grapnelx.test", false},
	    {"github.com/push:v1_2-x", "github.com/push:v1_2-x", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (pattern_matches(slice_of(cases[i].pattern), slice_of(cases[i].type)) != cases[i].matches)
			fail_msg("%s and %s: not %d", cases[i].pattern, cases[i].type, cases[i].matches);
	}
}

static void good_patterns_are_accepted(void **state)
{
	(void)state;
	static const char *const good[] = {"*",     "**",        "a",          "a.b",       "a.*",     "a.**",    "A-z_0:9/x.b",
	                                   "a.b.*", "grapnel.*", "grapnel.**", "grapnel.x", "grapnel", "grapnelx"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct err err = {0};
		if (pattern_check(slice_of(good[i]), "/event_types/0", &err))
			fail_msg("%s is refused: %s", good[i], err.detail);
	}
}

static void bad_patterns_are_refused_with_their_place(void **state)
{
	(void)state;
	static const char *const bad[] = {"",       ".",    "..",   "a.",          ".a",   "a..b", "***",   "a.***", "*.a", "**.a", "a.*.b",
	                                  "a.**.b", "a*",   "a.b*", "*a",          "a.*b", "*.*",  "**.*",  "*.**",  ".*",  ".**",  "a..*",
	                                  "a b",    "a.b ", "a\tb", "ord\xc3\xa9", "a,b",  "a.?",  "a.[b]", "a\\.b", "a.+", "#"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err err = {0};
		if (pattern_check(slice_of(bad[i]), "/event_types/3", &err) == 0)
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.fields[0].pointer, "/event_types/3");
	}
	struct err err = {0};
	assert_int_equal(pattern_check((struct slice){"a\0b", 3}, "", &err), -1);
	assert_int_equal(pattern_check((struct slice){"*\0*", 3}, "", &err), -1);
	assert_int_equal(pattern_check((struct slice){NULL, 0}, "", NULL), -1);
}

static void a_pattern_has_at_most_255_bytes(void **state)
{
	(void)state;
	char text[257];
	memset(text, 'a', sizeof text);
	assert_int_equal(pattern_check((struct slice){text, 255}, "", NULL), 0);
	assert_int_equal(pattern_check((struct slice){text, 256}, "", NULL), -1);
	memcpy(text + 252, ".**", 3);
	assert_int_equal(pattern_check((struct slice){text, 255}, "", NULL), 0);
}

static void the_message_says_where_wildcards_stand(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(pattern_check(SLICE_LITERAL("order.*.created"), "/event_types/0", &err), -1);
	assert_non_null(strstr(err.fields[0].detail, "whole last segment"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(patterns_match_by_whole_segments),          cmocka_unit_test(good_patterns_are_accepted),
	    cmocka_unit_test(bad_patterns_are_refused_with_their_place), cmocka_unit_test(a_pattern_has_at_most_255_bytes),
	    cmocka_unit_test(the_message_says_where_wildcards_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
