/* Ids: their order, their time, their public form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/id.h"

static const int64_t now_ms = INT64_C(1795298400000);

static void ids_grow_even_when_the_clock_goes_back(void **state)
{
	(void)state;
	struct id_source source = {.node = 3};
	int64_t last = 0;
	static const int64_t steps_ms[] = {0, 0, 1, 1000, -5000, -1, 0, 10000, INT64_C(-1700000000000)};
	for (size_t i = 0; i < sizeof steps_ms / sizeof *steps_ms; i++) {
		int64_t id = id_next(&source, now_ms + steps_ms[i]);
		assert_true(id > last);
		last = id;
	}
	assert_true(id_time_ms(last) == now_ms + 10000);
}

static void a_full_millisecond_borrows_the_next(void **state)
{
	(void)state;
	struct id_source source = {.node = 255};
	int64_t last = 0;
	for (int i = 0; i < 40000; i++) {
		int64_t id = id_next(&source, now_ms);
		assert_true(id > last);
		last = id;
	}
	assert_true(id_time_ms(last) == now_ms + 2);
}

static void allotting_goes_on_behind_the_last_stored_id(void **state)
{
	(void)state;
	struct id_source before = {.node = 1};
	int64_t stored = id_next(&before, now_ms + 60000);
	struct id_source same = {.last = stored, .node = 1}, lower = {.last = stored, .node = 0}, higher = {.last = stored, .node = 2};
	assert_true(id_next(&same, now_ms) > stored);
	assert_true(id_next(&lower, now_ms) > stored);
	assert_true(id_next(&higher, now_ms) > stored);
}

static void ids_are_found_by_their_time(void **state)
{
	(void)state;
	struct id_source source = {.node = 9};
	int64_t id = id_next(&source, now_ms);
	assert_true(id_time_ms(id) == now_ms);
	assert_true(id_floor_of_time(now_ms) <= id);
	assert_true(id_floor_of_time(now_ms + 1) > id);
	assert_true(id_floor_of_time(0) == 0);
	assert_true(id_floor_of_time(INT64_MAX) > id);
}

static void the_public_form_is_read_back(void **state)
{
	(void)state;
	char text[ID_TEXT_SIZE];
	int64_t id = 0;
	id_format(ID_EVENT, 1, text);
	assert_string_equal(text, "evt_0000000000001");
	id_format(ID_DELIVERY, INT64_MAX, text);
	assert_string_equal(text, "dlv_7zzzzzzzzzzzz");
	assert_int_equal(id_parse(ID_DELIVERY, slice_of(text), &id), 0);
	assert_true(id == INT64_MAX);
	for (enum id_kind kind = 0; kind < ID_KINDS; kind++) {
		id_format(kind, INT64_C(0x123456789abcdef), text);
		assert_int_equal(id_parse(kind, slice_of(text), &id), 0);
		assert_true(id == INT64_C(0x123456789abcdef));
		assert_int_equal(id_parse((kind + 1) % ID_KINDS, slice_of(text), &id), -1);
		assert_true(id_shaped(slice_of(text)));
	}
}

static void the_public_form_sorts_like_the_number(void **state)
{
	(void)state;
	struct id_source source = {0};
	char last[ID_TEXT_SIZE] = "", text[ID_TEXT_SIZE];
	for (int i = 0; i < 5000; i++) {
		id_format(ID_EVENT, id_next(&source, now_ms + i / 10), text);
		assert_true(strcmp(text, last) > 0);
		memcpy(last, text, sizeof last);
	}
}

static void what_is_no_id_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    "evt",
	    "evt_",
	    "evt_000000000000",
	    "evt_00000000000001",
	    "evt_0000000000000",
	    "evt_8000000000000",
	    "evt_g000000000001",
	    "evt_000000000000l",
	    "evt_000000000000A",
	    "EVT_0000000000001",
	    "evt-0000000000001",
	    "0000000000001",
	    "sub_0000000000001",
	};
	int64_t id;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (id_parse(ID_EVENT, slice_of(texts[i]), &id) == 0)
			fail_msg("\"%s\" was taken for an event's id", texts[i]);
	assert_int_equal(id_parse(ID_EVENT, (struct slice){NULL, 0}, &id), -1);
	assert_int_equal(id_parse(ID_EVENT, (struct slice){"evt_00000000000\0001", 17}, &id), -1);
}

static void a_callers_uid_may_look_like_anything_but_an_id(void **state)
{
	(void)state;
	assert_true(id_shaped(slice_of("ep_01hv3k5z8w7qc")));
	assert_false(id_shaped(slice_of("ep_01hv3k5z8w7q")));
	assert_false(id_shaped(slice_of("order-17")));
	assert_false(id_shaped(slice_of("evt_signup")));
	assert_false(id_shaped(slice_of("xyz_01hv3k5z8w7qc")));
	assert_false(id_shaped(slice_of("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_grow_even_when_the_clock_goes_back),
	    cmocka_unit_test(a_full_millisecond_borrows_the_next),
	    cmocka_unit_test(allotting_goes_on_behind_the_last_stored_id),
	    cmocka_unit_test(ids_are_found_by_their_time),
	    cmocka_unit_test(the_public_form_is_read_back),
	    cmocka_unit_test(the_public_form_sorts_like_the_number),
	    cmocka_unit_test(what_is_no_id_is_refused),
	    cmocka_unit_test(a_callers_uid_may_look_like_anything_but_an_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
