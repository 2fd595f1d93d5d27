/* Bulk work from the command line: how many first, then whether, then how far. */
#include "cli_world.h"

#define RUNNING "{\"id\":\"op_1\",\"kind\":\"retry\",\"state\":\"running\",\"total\":20,\"done\":10,\"skipped\":0}"
#define ENDED "{\"id\":\"op_1\",\"kind\":\"retry\",\"state\":\"done\",\"total\":20,\"done\":19,\"skipped\":1}"
#define CANCELLED "{\"id\":\"op_1\",\"kind\":\"retry\",\"state\":\"cancelled\",\"total\":20,\"done\":3,\"skipped\":0}"

static void answer_all(void)
{
	answer(0, 200, "{\"count\":20}");
	answer(1, 202, RUNNING);
	answer(2, 200, RUNNING);
	answer(3, 200, ENDED);
}

static void the_filters_are_counted_and_then_worked_on(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN("dead-letters", "retry", "--endpoint", "billing", "--type", "order.*", "--reason", "exhausted", "--since",
	                     "-1h", "--until", "-1m", "--subscriber", "acme", "--text", "50%", "--yes"),
	                 EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/dead-letters/retry");
	assert_string_equal(stub.seen[0].body,
	                    "{\"filter\":{\"endpoint\":\"billing\",\"subscriber\":\"acme\",\"type\":\"order.*\",\"reason\":\"exhausted\","
	                    "\"since\":\"-1h\",\"until\":\"-1m\",\"q\":\"50%\"},\"dry_run\":true}");
	assert_string_equal(stub.seen[1].path, "/v1/dead-letters/retry");
	assert_null(strstr(stub.seen[1].body, "dry_run"));
	assert_string_equal(stub.seen[2].path, "/v1/operations/op_1");
	assert_int_equal(stub.calls, 4);
	assert_string_equal(printed.out, "op_1 done: 19 of 20, 1 skipped\n");
}

static void a_pipe_gets_lines_of_progress(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN("dead-letters", "discard", "--all", "--yes"), EXIT_OK);
	assert_holds(printed.err, "20 dead letters will be discarded.\n");
	assert_holds(printed.err, "\n10 of 20 done\n20 of 20 done\n");
	assert_string_equal(stub.seen[0].path, "/v1/dead-letters/discard");
	assert_string_equal(stub.seen[1].body, "{\"filter\":{}}");
	assert_lacks(printed.err, "\r");
}

static void a_terminal_is_asked_and_gets_a_bar(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN_ON_TERMINAL("y\n", "dead-letters", "retry", "--all"), EXIT_OK);
	assert_holds(printed.err, "20 dead letters will be retried.");
	assert_holds(printed.err, "Go on? [y/N]");
	assert_holds(printed.err, "\r[###############...............]  50%  10 of 20 done");
	assert_int_equal(stub.calls, 4);
}

static void a_terminal_may_say_no(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN_ON_TERMINAL("\n", "dead-letters", "retry", "--all"), EXIT_FAILED);
	assert_holds(printed.err, "nothing was done");
	assert_int_equal(stub.calls, 1);
}

static void a_pipe_must_say_yes(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN("dead-letters", "retry", "--all"), EXIT_USAGE);
	assert_holds(printed.err, "20 dead letters");
	assert_holds(printed.err, "--yes");
	assert_int_equal(stub.calls, 1);
}

static void which_must_be_said_in_one_way(void **state)
{
	(void)state;
	assert_int_equal(RUN("dead-letters", "discard", "--yes"), EXIT_USAGE);
	assert_holds(printed.err, "--all");
	assert_int_equal(RUN("dead-letters", "discard", "--yes", "--all", "--type", "a"), EXIT_USAGE);
	assert_int_equal(RUN("dead-letters", "discard", "--yes", "dlv_1", "--type", "a"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
	answer_all();
	assert_int_equal(RUN("dead-letters", "discard", "--yes", "dlv_1", "dlv_2"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"ids\":[\"dlv_1\",\"dlv_2\"]}");
}

static void without_any_there_is_nothing_to_do(void **state)
{
	(void)state;
	answer(0, 200, "{\"count\":0}");
	assert_int_equal(RUN("dead-letters", "retry", "--all"), EXIT_OK);
	assert_int_equal(stub.calls, 1);
	assert_string_equal(printed.out, "");
}

static void the_end_need_not_be_waited_for(void **state)
{
	(void)state;
	answer_all();
	assert_int_equal(RUN("dead-letters", "retry", "--all", "--yes", "--no-wait"), EXIT_OK);
	assert_string_equal(printed.out, "op_1\n");
	assert_int_equal(stub.calls, 2);
}

static void work_that_was_cancelled_is_no_success(void **state)
{
	(void)state;
	answer(0, 200, CANCELLED);
	assert_int_equal(RUN("operations", "show", "op_1", "--wait"), EXIT_FAILED);
	assert_string_equal(printed.out, "op_1 cancelled: 3 of 20\n");
	answer(1, 200, ENDED);
	assert_int_equal(RUN("operations", "show", "op_1", "--wait", "--json"), EXIT_OK);
	assert_string_equal(printed.out, ENDED "\n");
}

static void an_export_is_written_as_it_comes(void **state)
{
	static const char lines[] = "{\"n\": 1.10}\n{\"n\":2}\n";
	char text[64] = "";
	struct stat status;

	(void)state;
	answer(0, 200, lines);
	assert_int_equal(RUN("dead-letters", "export", "--reason", "gone"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/dead-letters/export");
	assert_string_equal(stub.seen[0].query, "reason=gone");
	assert_string_equal(printed.out, lines);
	assert_int_equal(RUN("dead-letters", "export", "dead.ndjson"), EXIT_OK);
	assert_string_equal(printed.out, "");
	FILE *file = fopen("dead.ndjson", "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof text - 1, file), sizeof lines - 1);
	fclose(file);
	assert_string_equal(text, lines);
	assert_int_equal(stat("dead.ndjson", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(RUN("dead-letters", "export", "dead.ndjson"), EXIT_FAILED);
	assert_holds(printed.err, "dead.ndjson");
}

static void an_export_that_fails_leaves_no_file(void **state)
{
	(void)state;
	answer(0, 422, "{\"detail\":\"?reason: must be a reason\"}");
	assert_int_equal(RUN("dead-letters", "export", "dead.ndjson", "--reason", "x"), EXIT_FAILED);
	assert_holds(printed.err, "must be a reason");
	assert_int_not_equal(access("dead.ndjson", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLI_TEST(the_filters_are_counted_and_then_worked_on),
	    CLI_TEST(a_pipe_gets_lines_of_progress),
	    CLI_TEST(a_terminal_is_asked_and_gets_a_bar),
	    CLI_TEST(a_terminal_may_say_no),
	    CLI_TEST(a_pipe_must_say_yes),
	    CLI_TEST(which_must_be_said_in_one_way),
	    CLI_TEST(without_any_there_is_nothing_to_do),
	    CLI_TEST(the_end_need_not_be_waited_for),
	    CLI_TEST(work_that_was_cancelled_is_no_success),
	    CLI_TEST(an_export_is_written_as_it_comes),
	    CLI_TEST(an_export_that_fails_leaves_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
