/* The states of a delivery: every change from every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/delivery.h"

enum { NO = -1, PEND = DELIVERY_PENDING, DONE = DELIVERY_DELIVERED, DEAD = DELIVERY_DEAD, GONE = DELIVERY_CANCELLED };

/* clang-format off */
/* Written out by hand: what DESIGN says, not what states.def says. */
static const int expected[DELIVERY_STATES][DELIVERY_CHANGES] = {
    /*                       SUCCEED RETRY_LATER DIE   CANCEL PROMOTE HASTEN REOPEN DISCARD */
    [DELIVERY_PENDING]   = { DONE,   PEND,       DEAD, GONE,  NO,     PEND,  NO,    NO },
    [DELIVERY_HELD]      = { NO,     NO,         DEAD, GONE,  PEND,   NO,    NO,    NO },
    [DELIVERY_DELIVERED] = { NO,     NO,         NO,   NO,    NO,     NO,    PEND,  NO },
    [DELIVERY_DEAD]      = { NO,     NO,         NO,   NO,    NO,     NO,    PEND,  GONE },
    [DELIVERY_CANCELLED] = { NO,     NO,         NO,   NO,    NO,     NO,    PEND,  NO },
};
/* clang-format on */

static void every_change_from_every_state_is_as_designed(void **state)
{
	(void)state;
	for (int from = 0; from < DELIVERY_STATES; from++) {
		for (int change = 0; change < DELIVERY_CHANGES; change++) {
			enum delivery_state to = DELIVERY_STATES;
			int result = delivery_change((enum delivery_state)from, (enum delivery_change)change, &to);
			int found = result == 0 ? (int)to : NO;
			if (found != expected[from][change])
				fail_msg("change %d from %s gives %d, not %d", change, delivery_state_text((enum delivery_state)from),
				         found, expected[from][change]);
		}
	}
}

static void a_refused_change_leaves_the_state_alone(void **state)
{
	(void)state;
	enum delivery_state to = DELIVERY_HELD;
	assert_int_equal(delivery_change(DELIVERY_DELIVERED, DELIVERY_DIE, &to), -1);
	assert_int_equal(to, DELIVERY_HELD);
}

/* The numbers are in databases: a change of one would turn stored deliveries into something else. */
static void stored_numbers_and_texts_are_fixed(void **state)
{
	(void)state;
	static const char *const states[] = {"pending", "held", "delivered", "dead", "cancelled"};
	static const char *const reasons[] = {"",        "exhausted", "gone",     "expired", "endpoint_disabled", "endpoint_deleted",
	                                      "corrupt", "cancelled", "discarded", "test_failed"};
	assert_int_equal(DELIVERY_STATES, 5);
	assert_int_equal(REASONS, 10);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(delivery_state_text((enum delivery_state)i), states[i]);
	for (unsigned i = 0; i < 9; i++)
		assert_string_equal(delivery_reason_text((enum delivery_reason)i), reasons[i]);
	assert_string_equal(attempt_failure_text(FAILURE_TIMEOUT), "timeout");
	assert_non_null(strstr(attempt_failure_meaning(FAILURE_TIMEOUT), "no complete answer"));
}

static void texts_parse_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DELIVERY_STATES; i++) {
		enum delivery_state parsed = DELIVERY_STATES;
		assert_int_equal(delivery_state_parse(slice_of(delivery_state_text((enum delivery_state)i)), &parsed), 0);
		assert_int_equal(parsed, i);
	}
	for (unsigned i = 1; i < REASONS; i++) {
		enum delivery_reason parsed = REASONS;
		assert_int_equal(delivery_reason_parse(slice_of(delivery_reason_text((enum delivery_reason)i)), &parsed), 0);
		assert_int_equal(parsed, i);
	}
}

static void unknown_texts_and_numbers_are_refused(void **state)
{
	(void)state;
	enum delivery_state parsed;
	enum delivery_reason reason;
	assert_int_equal(delivery_state_parse(SLICE_LITERAL("Dead"), &parsed), -1);
	assert_int_equal(delivery_state_parse(SLICE_LITERAL(""), &parsed), -1);
	assert_int_equal(delivery_reason_parse(SLICE_LITERAL(""), &reason), -1);
	assert_int_equal(delivery_reason_parse(SLICE_LITERAL("gone "), &reason), -1);
	assert_string_equal(delivery_state_text((enum delivery_state)77), "unknown");
	assert_string_equal(delivery_reason_text((enum delivery_reason) - 1), "unknown");
	assert_string_equal(attempt_failure_text((enum attempt_failure)77), "unknown");
	assert_string_equal(attempt_failure_meaning((enum attempt_failure)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_change_from_every_state_is_as_designed), cmocka_unit_test(a_refused_change_leaves_the_state_alone),
	    cmocka_unit_test(stored_numbers_and_texts_are_fixed),           cmocka_unit_test(texts_parse_back),
	    cmocka_unit_test(unknown_texts_and_numbers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
