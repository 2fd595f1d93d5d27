/* grapnel send FILE: batches, what becomes of each line, and what a refusal or a hub that is away does to the others. */
#include "cli_world.h"

#include <fcntl.h>

#define LINE(type, uid) "{\"type\":\"" type "\",\"data\":1,\"uid\":\"" uid "\"}\n"
#define FATE(id) "{\"id\":\"evt_" id "\",\"uid\":null,\"deliveries\":1,\"duplicate\":false}"
#define AGAIN(id) "{\"id\":\"evt_" id "\",\"uid\":null,\"deliveries\":1,\"duplicate\":true}"
#define DATA(fates) "{\"data\":[" fates "]}"
#define REFUSAL(errors) "{\"code\":\"invalid\",\"detail\":\"Fields are bad\",\"errors\":[" errors "]}"

static void a_file_is_published_in_batches(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2") "\n  \n" LINE("c", "3"));
	answer(0, 202, DATA(FATE("1") "," AGAIN("2")));
	answer(1, 202, DATA(FATE("3")));
	assert_int_equal(RUN("send", "events", "--batch", "2"), EXIT_OK);
	assert_int_equal(stub.calls, 2);
	assert_string_equal(stub.seen[0].type, "application/x-ndjson");
	assert_string_equal(stub.seen[0].body, LINE("a", "1") LINE("b", "2"));
	assert_string_equal(stub.seen[1].body, LINE("c", "3"));
	assert_string_equal(printed.out, "2 published, 1 duplicate, 0 refused\n");
}

static void lines_come_from_the_standard_input(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1"));
	int in = dup(STDIN_FILENO), file = open("events", O_RDONLY);
	assert_true(in >= 0 && file >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO);
	answer(0, 202, DATA(FATE("1")));
	assert_int_equal(RUN("send", "-"), EXIT_OK);
	clearerr(stdin);
	dup2(in, STDIN_FILENO);
	close(in);
	close(file);
	assert_string_equal(stub.seen[0].body, LINE("a", "1"));
}

static void the_hubs_limits_on_batches_are_kept(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1")));
	setenv("GRAPNEL_LIMITS_BATCH", "1", 1);
	assert_int_equal(RUN("send", "events"), EXIT_OK);
	assert_int_equal(stub.calls, 2);
	/* By bytes, too: each line is larger than half of what a request may hold. */
	char line[1200];
	snprintf(line, sizeof line, "{\"type\":\"a\",\"data\":\"%0900d\"}\n{\"type\":\"b\",\"data\":1}\n", 0);
	write_file("events", line);
	setenv("GRAPNEL_LIMITS_BATCH", "100", 1);
	assert_int_equal(RUN("send", "events", "--limits-request", "1947B"), EXIT_OK);
	assert_int_equal(stub.calls, 4);
}

static void a_line_that_is_refused_is_named_and_the_others_are_sent(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b b", "2") "nope\n" LINE("c", "3"));
	answer(0, 422, REFUSAL("{\"pointer\":\"/1/type\",\"detail\":\"has a blank\"}"));
	answer(1, 202, DATA(FATE("1") "," FATE("3")));
	assert_int_equal(RUN("send", "events"), EXIT_FAILED);
	assert_string_equal(stub.seen[0].body, LINE("a", "1") LINE("b b", "2") LINE("c", "3"));
	assert_string_equal(stub.seen[1].body, LINE("a", "1") LINE("c", "3"));
	assert_holds(printed.err, "line 2: /type: has a blank\n");
	assert_holds(printed.err, "line 3: it is no JSON");
	assert_string_equal(printed.out, "2 published, 0 duplicates, 2 refused\n");
}

static void a_refusal_that_names_no_line_is_taken_apart(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2") LINE("c", "3"));
	answer(0, 400, "{\"code\":\"unparsable\",\"detail\":\"too deep\"}");
	answer(1, 202, DATA(FATE("1")));
	answer(2, 400, "{\"code\":\"unparsable\",\"detail\":\"too deep\"}");
	answer(3, 400, "{\"code\":\"unparsable\",\"detail\":\"too deep\"}");
	answer(4, 202, DATA(FATE("3")));
	assert_int_equal(RUN("send", "events"), EXIT_FAILED);
	assert_string_equal(stub.seen[1].body, LINE("a", "1"));
	assert_string_equal(stub.seen[2].body, LINE("b", "2") LINE("c", "3"));
	assert_string_equal(stub.seen[3].body, LINE("b", "2"));
	assert_holds(printed.err, "line 2: too deep\n");
	assert_string_equal(printed.out, "2 published, 0 duplicates, 1 refused\n");
}

static void an_item_that_fails_in_a_batch_is_named(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1") ",{\"uid\":\"2\",\"error\":{\"code\":\"idempotency_key_reused\",\"detail\":\"other content\"}}"));
	assert_int_equal(RUN("send", "events"), EXIT_FAILED);
	assert_holds(printed.err, "line 2: other content\n");
}

static void as_json_each_line_has_its_fate(void **state)
{
	(void)state;
	write_file("events", "{\n" LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1") ",{\"uid\":\"2\",\"error\":{\"code\":\"c\",\"detail\":\"d\"}}"));
	assert_int_equal(RUN("send", "events", "--json"), EXIT_FAILED);
	assert_holds(printed.out, "{\"line\":1,\"error\":{\"code\":\"unparsable\",\"detail\":\"it is no JSON");
	assert_holds(printed.out, "{\"line\":2,\"id\":\"evt_1\",\"uid\":null,\"deliveries\":1,\"duplicate\":false}\n");
	assert_holds(printed.out, "{\"line\":3,\"uid\":\"2\",\"error\":{\"code\":\"c\",\"detail\":\"d\"}}\n");
	assert_holds(printed.err, "1 published, 0 duplicates, 2 refused\n");
}

static void what_the_caller_may_not_do_stops_it_and_says_where(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2") LINE("c", "3"));
	answer(0, 202, DATA(FATE("1")));
	answer(1, 403, "{\"code\":\"missing_scope\",\"detail\":\"This needs a key with the scope publish\"}");
	assert_int_equal(RUN("send", "events", "--batch", "1"), EXIT_FAILED);
	assert_int_equal(stub.calls, 2);
	assert_holds(printed.err, "scope publish");
	assert_holds(printed.err, "--from-line 2");
	answer(2, 202, DATA(FATE("2") "," FATE("3")));
	assert_int_equal(RUN("send", "events", "--from-line", "2"), EXIT_OK);
	assert_string_equal(stub.seen[2].body, LINE("b", "2") LINE("c", "3"));
}

static void a_hub_that_cannot_now_is_asked_again_with_the_same_bytes(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1"));
	answer(0, 503, "{\"code\":\"unavailable\",\"detail\":\"not now\"}");
	answer(1, 202, DATA(FATE("1")));
	assert_int_equal(RUN("send", "events"), EXIT_OK);
	assert_string_equal(stub.seen[0].body, stub.seen[1].body);
	assert_string_equal(stub.seen[0].key, stub.seen[1].key);
	assert_memory_equal(stub.seen[0].key, "grapnel-send-", 13);
}

static void each_request_has_a_key_of_its_own(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1")));
	assert_int_equal(RUN("send", "events", "--batch", "1"), EXIT_OK);
	assert_string_not_equal(stub.seen[0].key, stub.seen[1].key);
	assert_int_equal(RUN("send", "events", "--batch", "1"), EXIT_OK);
	assert_string_not_equal(stub.seen[0].key, stub.seen[2].key);
}

static void options_of_one_event_do_not_go_with_a_file(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1"));
	assert_int_equal(RUN("send", "events", "--subject", "x"), EXIT_USAGE);
	assert_holds(printed.err, "--subject");
	assert_int_equal(RUN("send", "--type", "t", "{}", "--from-line", "2"), EXIT_USAGE);
	assert_int_equal(RUN("send", "events", "--batch", "0"), EXIT_USAGE);
	assert_int_equal(RUN("send", "none"), EXIT_USAGE);
	assert_holds(printed.err, "no file none");
	assert_int_equal(stub.opens, 0);
}

static void a_pipe_gets_lines_of_progress(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1")));
	assert_int_equal(RUN("send", "events", "--batch", "1"), EXIT_OK);
	assert_string_equal(printed.err, "1 of 2 lines sent\n2 of 2 lines sent\n");
}

static void a_terminal_gets_a_bar(void **state)
{
	(void)state;
	write_file("events", LINE("a", "1") LINE("b", "2"));
	answer(0, 202, DATA(FATE("1")));
	assert_int_equal(RUN_ON_TERMINAL("", "send", "events", "--batch", "1"), EXIT_OK);
	assert_holds(printed.err, "\r[###############...............]  50%  1 of 2 lines sent");
	assert_holds(printed.err, "\r[##############################] 100%  2 of 2 lines sent");
	assert_lacks(printed.err, "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLI_TEST(a_file_is_published_in_batches),
	    CLI_TEST(lines_come_from_the_standard_input),
	    CLI_TEST(the_hubs_limits_on_batches_are_kept),
	    CLI_TEST(a_line_that_is_refused_is_named_and_the_others_are_sent),
	    CLI_TEST(a_refusal_that_names_no_line_is_taken_apart),
	    CLI_TEST(an_item_that_fails_in_a_batch_is_named),
	    CLI_TEST(as_json_each_line_has_its_fate),
	    CLI_TEST(what_the_caller_may_not_do_stops_it_and_says_where),
	    CLI_TEST(a_hub_that_cannot_now_is_asked_again_with_the_same_bytes),
	    CLI_TEST(each_request_has_a_key_of_its_own),
	    CLI_TEST(options_of_one_event_do_not_go_with_a_file),
	    CLI_TEST(a_pipe_gets_lines_of_progress),
	    CLI_TEST(a_terminal_gets_a_bar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
