/* Drills: which request is which, and what the answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/drill.h"

#define NO DRILL_NOT_SENT
#define YES DRILL_ACCEPTED
#define REF DRILL_REFUSED
#define SIL DRILL_SILENT
#define BRK DRILL_BROKEN
#define TOK DRILL_NO_TOKEN

static void rounds_tell_what_is_sent(void **state)
{
	(void)state;
	assert_int_equal(drill_of(-1, 0), DRILL_VALID);
	assert_int_equal(drill_of(-1, 1), DRILL_DUPLICATE);
	assert_int_equal(drill_of(-2, 0), DRILL_BAD_SIGNATURE);
	assert_int_equal(drill_of(-3, 0), DRILL_STALE);
	assert_int_equal(drill_of(0, 0), DRILL_NONE);
	assert_int_equal(drill_of(1, 0), DRILL_NONE);
	assert_int_equal(drill_of(-4, 0), DRILL_NONE);
	for (enum drill drill = DRILL_VALID; drill < DRILLS; drill++)
		assert_int_equal(drill_of(drill_round(drill), drill == DRILL_DUPLICATE), drill);
	assert_true(drill_repeats(-1, 0));
	assert_false(drill_repeats(-1, 1));
	assert_false(drill_repeats(-2, 0));
	assert_false(drill_repeats(0, 0));
}

static void only_drills_and_tests_are_tests(void **state)
{
	(void)state;
	assert_true(delivery_round_tests(0) && delivery_round_tests(-3));
	assert_false(delivery_round_tests(1));
	assert_int_equal(delivery_round_shown(-2), 0);
	assert_int_equal(delivery_round_shown(7), 7);
}

static void answers_are_judged(void **state)
{
	static const struct {
		enum drill_answer valid, duplicate, bad, stale;
		enum drill_verdict verdict;
		unsigned findings;
	} rows[] = {
	    {YES, YES, REF, REF, DRILL_PASSED, 0},
	    {YES, REF, REF, REF, DRILL_PASSED, DRILL_FOUND_DUPLICATE},
	    {YES, YES, YES, YES, DRILL_INSECURE, DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_STALE},
	    {YES, YES, REF, YES, DRILL_INSECURE, DRILL_FOUND_STALE},
	    {REF, NO, YES, REF, DRILL_INSECURE, DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_VALID},
	    {REF, NO, REF, REF, DRILL_INCONCLUSIVE, DRILL_FOUND_VALID},
	    {YES, YES, SIL, NO, DRILL_INCONCLUSIVE, DRILL_FOUND_NO_ANSWER},
	    {YES, SIL, NO, NO, DRILL_INCONCLUSIVE, DRILL_FOUND_NO_ANSWER},
	    {YES, YES, YES, SIL, DRILL_INSECURE, DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_NO_ANSWER},
	    {YES, YES, NO, NO, DRILL_INCONCLUSIVE, 0},
	    {SIL, NO, NO, NO, DRILL_UNREACHABLE, DRILL_FOUND_NO_ANSWER},
	    {BRK, NO, REF, REF, DRILL_INCONCLUSIVE, DRILL_FOUND_BROKEN},
	    {BRK, NO, YES, REF, DRILL_INSECURE, DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_BROKEN},
	    {TOK, NO, NO, NO, DRILL_UNREACHABLE, DRILL_FOUND_NO_TOKEN},
	    {NO, NO, NO, NO, DRILL_UNREACHABLE, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const enum drill_answer answers[DRILLS] = {NO, rows[i].valid, rows[i].duplicate, rows[i].bad, rows[i].stale};
		struct drill_result result = {.at_ms = 0};
		drill_judge(answers, &result);
		if (result.verdict != rows[i].verdict || result.findings != rows[i].findings)
			fail_msg("row %zu: %s, findings %u", i, drill_verdict_text(result.verdict), result.findings);
	}
}

static void the_mark_stays_until_one_passes(void **state)
{
	(void)state;
	struct drill_result before = {.at_ms = 0};
	struct drill_result now = {.at_ms = 100, .verdict = DRILL_INSECURE, .findings = DRILL_FOUND_STALE | DRILL_FOUND_DUPLICATE};
	drill_mark(&now, &before);
	assert_int_equal(now.insecure_ms, 100);
	assert_int_equal(now.insecure, DRILL_FOUND_STALE);
	before = now;
	now = (struct drill_result){.at_ms = 200, .verdict = DRILL_INCONCLUSIVE, .findings = DRILL_FOUND_VALID};
	drill_mark(&now, &before);
	assert_int_equal(now.insecure_ms, 100);
	assert_int_equal(now.insecure, DRILL_FOUND_STALE);
	before = now;
	now = (struct drill_result){.at_ms = 300, .verdict = DRILL_INSECURE, .findings = DRILL_FOUND_BAD_SIGNATURE};
	drill_mark(&now, &before);
	assert_int_equal(now.insecure_ms, 100);
	assert_int_equal(now.insecure, DRILL_FOUND_BAD_SIGNATURE);
	before = now;
	now = (struct drill_result){.at_ms = 400, .verdict = DRILL_PASSED};
	drill_mark(&now, &before);
	assert_int_equal(now.insecure_ms, 0);
	assert_int_equal(now.insecure, 0);
}

static void an_answer_is_what_it_tells(void **state)
{
	(void)state;
	assert_int_equal(drill_answer_of(DRILL_VALID, FAILURE_NONE, 204), DRILL_ACCEPTED);
	assert_int_equal(drill_answer_of(DRILL_VALID, FAILURE_STATUS, 401), DRILL_REFUSED);
	assert_int_equal(drill_answer_of(DRILL_VALID, FAILURE_STATUS, 500), DRILL_BROKEN);
	assert_int_equal(drill_answer_of(DRILL_BAD_SIGNATURE, FAILURE_STATUS, 500), DRILL_REFUSED);
	assert_int_equal(drill_answer_of(DRILL_VALID, FAILURE_TOKEN, 0), DRILL_NO_TOKEN);
	assert_int_equal(drill_answer_of(DRILL_STALE, FAILURE_TIMEOUT, 0), DRILL_SILENT);
}

/* They are in databases. */
static void stored_numbers_and_texts_are_fixed(void **state)
{
	(void)state;
	static const char *const verdicts[] = {"unknown", "passed", "insecure", "inconclusive", "unreachable", "unknown"};
	for (int i = 0; i < 6; i++)
		assert_string_equal(drill_verdict_text((enum drill_verdict)i), verdicts[i]);
	static const char *const codes[] = {"bad_signature_accepted", "stale_accepted", "duplicate_refused", "valid_refused", "no_answer", "receiver_failed", "no_token"};
	for (unsigned i = 0; i < 7; i++) {
		json_t *found = drill_findings_json(1u << i);
		assert_int_equal(json_array_size(found), 1);
		assert_string_equal(json_string_value(json_object_get(json_array_get(found, 0), "code")), codes[i]);
		json_decref(found);
	}
	json_t *none = drill_insecure_json(&(struct drill_result){.at_ms = 1, .verdict = DRILL_PASSED});
	assert_true(json_is_null(none));
	json_decref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rounds_tell_what_is_sent),        cmocka_unit_test(only_drills_and_tests_are_tests),
	    cmocka_unit_test(answers_are_judged),              cmocka_unit_test(the_mark_stays_until_one_passes),
	    cmocka_unit_test(an_answer_is_what_it_tells),
	    cmocka_unit_test(stored_numbers_and_texts_are_fixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
