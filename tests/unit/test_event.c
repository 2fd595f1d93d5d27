/* Events in memory; types, uids and trace contexts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"
#include "model/event.h"

static void an_event_keeps_every_byte_of_its_own(void **state)
{
	(void)state;
	char data[] = "{\"n\": 1.10,\0 \"n\": 2}", type[] = "order.created", uid[] = "u-1";
	struct event_fields fields = {.subscriber = 7,
	                              .time_ms = 1,
	                              .type = SLICE_LITERAL(type),
	                              .uid = SLICE_LITERAL(uid),
	                              .subject = {"", 0},
	                              .data = {data, sizeof data}};
	struct event *event = event_new(&fields, NULL);
	assert_non_null(event);
	memset(data, 'x', sizeof data);
	memset(type, 'x', sizeof type - 1);
	assert_memory_equal(event->f.data.at, "{\"n\": 1.10,\0 \"n\": 2}", sizeof data);
	assert_true(slice_is(event->f.type, "order.created"));
	assert_true(slice_is(event->f.uid, "u-1"));
	assert_int_equal(event->f.subscriber, 7);
	assert_int_equal(event->id, 0);
	/* Empty is not absent. */
	assert_non_null(event->f.subject.at);
	assert_int_equal(event->f.subject.len, 0);
	assert_null(event->f.ordering_key.at);
	event_unref(event);
}

static void the_budget_is_charged_until_the_last_reference_goes(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 10); /* far too small: the bytes are there already */
	struct event_fields fields = {.type = SLICE_LITERAL("a"), .data = SLICE_LITERAL("0123456789")};
	struct event *event = event_new(&fields, &budget);
	assert_non_null(event);
	assert_in_range(budget_used(&budget), sizeof *event + 11, sizeof *event + 64);
	assert_ptr_equal(event_ref(event), event);
	event_unref(event);
	assert_in_range(budget_used(&budget), sizeof *event + 11, sizeof *event + 64);
	event_unref(event);
	assert_int_equal(budget_used(&budget), 0);
	event_unref(NULL);
}

static void a_size_that_cannot_be_is_no_event(void **state)
{
	(void)state;
	struct event_fields fields = {.type = {"a", SIZE_MAX - 100}, .data = {"b", SIZE_MAX - 100}};
	assert_null(event_new(&fields, NULL));
}

static void types_follow_the_grammar(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "order.created", "A.b_C:9/d-e", "grapnels.x", "x.grapnel.y"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a b", "a\n", "a*", "a.*", "caf\xc3\xa9", "a#b", "\x01"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(event_type_check(slice_of(good[i]), "/type", NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err err = {0};
		if (event_type_check(slice_of(bad[i]), "/2/type", &err) == 0)
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_string_equal(err.fields[0].pointer, "/2/type");
	}
	char text[256];
	memset(text, 'a', sizeof text);
	assert_int_equal(event_type_check((struct slice){text, 255}, "", NULL), 0);
	assert_int_equal(event_type_check((struct slice){text, 256}, "", NULL), -1);
	assert_int_equal(event_type_check((struct slice){"a\0b", 3}, "", NULL), -1);
}

static void the_hubs_own_types_cannot_be_published(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(event_type_check(SLICE_LITERAL("grapnel.test"), "/type", &err), -1);
	assert_non_null(strstr(err.detail, "reserved"));
	assert_int_equal(event_type_check(SLICE_LITERAL("grapnel"), "/type", NULL), -1);
	assert_int_equal(event_type_grammar(SLICE_LITERAL("grapnel.test"), "/type", NULL), 0);
}

static void uids_are_what_can_stand_in_a_path(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "customer-42", "A.b:c@d!~", "evt_short", "urn:uuid:123"};
	static const char *const bad[] = {"", "a b", "a/b", "a?b", "a#b", "a%20b", "a\tb", "\x7f", "\xc3\xa9", "a\n"};
	char id[ID_TEXT_SIZE], text[256];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(uid_check(slice_of(good[i]), "/uid", NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (uid_check(slice_of(bad[i]), "/uid", NULL) == 0)
			fail_msg("\"%s\" is accepted", bad[i]);
	}
	for (int kind = 0; kind < ID_KINDS; kind++) {
		id_format((enum id_kind)kind, 123456789, id);
		assert_int_equal(uid_check(slice_of(id), "/uid", NULL), -1);
	}
	memset(text, 'a', sizeof text);
	assert_int_equal(uid_check((struct slice){text, 255}, "", NULL), 0);
	assert_int_equal(uid_check((struct slice){text, 256}, "", NULL), -1);
	assert_int_equal(uid_check((struct slice){"a\0b", 3}, "", NULL), -1);
}

static void traceparents_follow_the_recommendation(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
	    "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
	    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
	};
	static const char *const bad[] = {
	    "",
	    "00",
	    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
	    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
	    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
	    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	    "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-012",
	    " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(event_traceparent_check(slice_of(good[i])), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (event_traceparent_check(slice_of(bad[i])) == 0)
			fail_msg("\"%s\" is accepted", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_event_keeps_every_byte_of_its_own),   cmocka_unit_test(the_budget_is_charged_until_the_last_reference_goes),
	    cmocka_unit_test(a_size_that_cannot_be_is_no_event),      cmocka_unit_test(types_follow_the_grammar),
	    cmocka_unit_test(the_hubs_own_types_cannot_be_published), cmocka_unit_test(uids_are_what_can_stand_in_a_path),
	    cmocka_unit_test(traceparents_follow_the_recommendation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
