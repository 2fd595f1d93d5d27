/* The command line: what each command asks of the API, by which way, what it prints, and its exit code. The hub is a stub: one in this
 * process, and one on an admin socket. */
#include "cli_world.h"

#include <sys/socket.h>

/* ---- Help and mistakes ------------------------------------------------------------------------------------------------- */

static void without_arguments_it_prints_help_and_fails(void **state)
{
	(void)state;
	assert_int_equal(run_words((const char *const[]){NULL}), EXIT_USAGE);
	assert_string_equal(printed.out, "");
	assert_holds(printed.err, "grapnel serve");
	assert_holds(printed.err, "grapnel key create");
}

static void every_command_explains_itself(void **state)
{
	static const char *const commands[][2] = {
	    {"serve", NULL},        {"key", "create"},         {"key", "list"},  {"key", "revoke"},    {"send", NULL},
	    {"backup", NULL},       {"check", NULL},           {"help", NULL},   {"version", NULL},    {"key", NULL},
	    {"listen", NULL},       {"restore", NULL},         {"events", NULL}, {"endpoints", "add"}, {"dead-letters", "retry"},
	    {"operations", "show"}, {"subscribers", "delete"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		char usage[64];
		const char *second = commands[i][1];
		snprintf(usage, sizeof usage, "grapnel %s%s%s", commands[i][0], second ? " " : "", second ? second : "");
		assert_int_equal(second ? RUN(commands[i][0], second, "--help") : RUN(commands[i][0], "--help"), EXIT_OK);
		assert_holds(printed.out, usage);
		assert_string_equal(printed.err, "");
		assert_int_equal(second ? RUN("help", commands[i][0], second) : RUN("help", commands[i][0]), EXIT_OK);
		assert_holds(printed.out, usage);
	}
	assert_int_equal(RUN("serve", "--help"), EXIT_OK);
	assert_holds(printed.out, "--egress-allow");
	assert_int_equal(stub.opens, 0);
}

static void help_and_version_are_options_too(void **state)
{
	(void)state;
	assert_int_equal(RUN("--help"), EXIT_OK);
	assert_holds(printed.out, "grapnel backup FILE");
	assert_int_equal(RUN("-h"), EXIT_OK);
	assert_int_equal(RUN("--version"), EXIT_OK);
	assert_memory_equal(printed.out, "grapnel ", 8);
	assert_int_equal(RUN("version"), EXIT_OK);
	assert_int_equal(RUN("help", "--sample-conf"), EXIT_OK);
	assert_holds(printed.out, "[limits]");
}

static void an_unknown_command_or_option_names_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(RUN("srve"), EXIT_USAGE);
	assert_holds(printed.err, "unknown command srve; did you mean serve?");
	assert_int_equal(RUN("key"), EXIT_USAGE);
	assert_holds(printed.err, "grapnel key revoke");
	assert_int_equal(RUN("key", "make"), EXIT_USAGE);
	assert_int_equal(RUN("help", "nothing"), EXIT_USAGE);
	assert_int_equal(RUN("key", "create", "--scpoe", "read"), EXIT_USAGE);
	assert_holds(printed.err, "unknown option --scpoe; did you mean --scope?");
	assert_int_equal(RUN("key", "create", "--dat", "x"), EXIT_USAGE);
	assert_holds(printed.err, "did you mean --data?");
	assert_int_equal(RUN("check", "-v"), EXIT_USAGE);
	assert_holds(printed.err, "unknown option -v");
	assert_int_equal(RUN("check", "more"), EXIT_USAGE);
	assert_holds(printed.err, "unexpected argument more");
	assert_int_equal(RUN("backup"), EXIT_USAGE);
	assert_holds(printed.err, "FILE");
	assert_int_equal(RUN("key", "create", "--scope"), EXIT_USAGE);
	assert_holds(printed.err, "--scope needs a value");
	assert_int_equal(stub.opens, 0);
}

static void a_bad_option_is_a_mistake_of_usage(void **state)
{
	(void)state;
	assert_int_equal(RUN("events", "list", "--http-shards", "0"), EXIT_USAGE);
	assert_holds(printed.err, "http.shards cannot be \"0\"");
	assert_int_equal(RUN("check", "--http-shards", "0"), EXIT_USAGE);
	assert_holds(printed.err, "1 … 64");
	setenv("GRAPNEL_LISTENN", "1", 1);
	assert_int_equal(RUN("key", "list"), EXIT_USAGE);
	assert_holds(printed.err, "GRAPNEL_LISTENN");
	assert_int_equal(stub.opens, 0);
}

static void serve_gets_the_options_and_gives_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(RUN("serve", "--data", "var", "--listen", "127.0.0.1:9999", "--egress-allow", "127.0.0.0/8"), 42);
	assert_string_equal(stub.served_listen, "127.0.0.1:9999");
}

/* ---- Commands ---------------------------------------------------------------------------------------------------------- */

static void key_create_prints_the_key_alone(void **state)
{
	(void)state;
	answer(0, 201, "{\"id\":\"key_1\",\"key\":\"gk_abc\"}");
	assert_int_equal(RUN("key", "create", "--data", "var", "--scope", "admin"), EXIT_OK);
	assert_string_equal(printed.out, "gk_abc\n");
	assert_string_equal(printed.err, "");
	assert_string_equal(stub.seen[0].method, "POST");
	assert_string_equal(stub.seen[0].path, "/v1/keys");
	assert_string_equal(stub.seen[0].type, "application/json");
	assert_string_equal(stub.seen[0].body, "{\"scopes\":[\"admin\"]}");
	assert_true(stub.seen[0].local);
	assert_int_equal(stub.closes, 1);
}

static void key_create_passes_all_that_was_said(void **state)
{
	(void)state;
	answer(0, 201, "{\"key\":\"gk_abc\"}");
	assert_int_equal(RUN("key", "create", "--scope=read,publish", "--scope", "manage", "--subscriber", "acme", "--name", "shop \"1\"",
	                     "--expires", "+30d"),
	                 EXIT_OK);
	assert_string_equal(stub.seen[0].body,
	                    "{\"scopes\":[\"read\",\"publish\",\"manage\"],\"subscriber\":\"acme\",\"name\":\"shop \\\"1\\\"\","
	                    "\"expires_at\":\"2030-04-16T17:46:40.000Z\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "2031-01-01T00:00:00+01:00"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"scopes\":[\"read\"],\"expires_at\":\"2030-12-31T23:00:00.000Z\"}");
}

static void key_create_needs_scopes_and_a_sensible_end(void **state)
{
	(void)state;
	assert_int_equal(RUN("key", "create"), EXIT_USAGE);
	assert_holds(printed.err, "--scope");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "tomorrow"), EXIT_USAGE);
	assert_holds(printed.err, "RFC 3339");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "+30"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
}

static void key_list_is_a_table_of_all_pages(void **state)
{
	(void)state;
	answer(0, 200,
	       "{\"data\":[{\"id\":\"key_1\",\"name\":\"shop\\u001b[2J\",\"scopes\":[\"read\",\"publish\"],\"subscriber\":null,"
	       "\"created_at\":\"2030-01-01T00:00:00.000Z\",\"expires_at\":null,\"hint\":\"abcd\"}],\"next_cursor\":\"a+b\"}");
	answer(1, 200, "{\"data\":[{\"id\":\"key_2\"}],\"next_cursor\":null}");
	assert_int_equal(RUN("key", "list"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/keys");
	assert_string_equal(stub.seen[0].query, "limit=100");
	assert_string_equal(stub.seen[1].query, "limit=99&cursor=a%2Bb");
	assert_holds(printed.out, "read,publish");
	assert_holds(printed.out, "shop?[2J");
	assert_holds(printed.out, "abcd\nkey_2 ");
	assert_memory_equal(printed.out, "ID ", 3);
	assert_int_equal(stub.opens, 1);
}

static void key_revoke_deletes_that_key(void **state)
{
	(void)state;
	answer(0, 204, NULL);
	assert_int_equal(RUN("key", "revoke", "key_1/..?x"), EXIT_OK);
	assert_string_equal(stub.seen[0].method, "DELETE");
	assert_string_equal(stub.seen[0].path, "/v1/keys/key_1%2F..%3Fx");
	assert_int_equal(RUN("key", "revoke"), EXIT_USAGE);
}

static void backup_gives_an_absolute_path(void **state)
{
	char body[256];

	assert_int_equal(RUN("backup", "copy.db"), EXIT_OK);
	snprintf(body, sizeof body, "{\"path\":\"%s/copy.db\"}", (char *)*state);
	assert_string_equal(stub.seen[0].path, "/local/backup");
	assert_string_equal(stub.seen[0].body, body);
	assert_int_equal(RUN("backup", "/else/copy.db"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"path\":\"/else/copy.db\"}");
}

static void backup_replaces_nothing(void **state)
{
	(void)state;
	write_file("copy.db", "dear");
	assert_int_equal(RUN("backup", "copy.db"), EXIT_FAILED);
	assert_holds(printed.err, "copy.db exists already");
	assert_int_equal(stub.calls, 0);
}

static void check_prints_ok_or_what_it_found(void **state)
{
	(void)state;
	answer(0, 200, "{\"findings\":[]}");
	assert_int_equal(RUN("check"), EXIT_OK);
	assert_string_equal(printed.out, "ok\n");
	assert_string_equal(stub.seen[0].path, "/local/check");
	answer(1, 200, "{\"findings\":[\"a page is broken\",\"an index is short\"]}");
	assert_int_equal(RUN("check"), EXIT_FAILED);
	assert_string_equal(printed.out, "a page is broken\nan index is short\n");
	answer(2, 200, "[]");
	assert_int_equal(RUN("check"), EXIT_FAILED);
}

static void send_keeps_the_payloads_bytes(void **state)
{
	(void)state;
	answer(0, 202, "{\"id\":\"evt_1\",\"uid\":null,\"deliveries\":3}");
	assert_int_equal(RUN("send", "--type", "order.created", " {\"n\": 1.10,\"n\":12345678901234567890} "), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/events");
	assert_string_equal(stub.seen[0].type, "application/json");
	assert_string_equal(stub.seen[0].body, "{\"type\":\"order.created\",\"data\":{\"n\": 1.10,\"n\":12345678901234567890}}");
	assert_string_equal(printed.out, "evt_1 deliveries=3\n");
}

static void send_passes_all_that_was_said(void **state)
{
	(void)state;
	answer(0, 200, "{\"id\":\"evt_1\",\"deliveries\":0,\"duplicate\":true}");
	write_file("payload.json", "[1]\n");
	assert_int_equal(RUN("send", "--type=t", "--data-file", "payload.json", "--subject", "a\"b", "--subscriber", "*", "--uid", "u",
	                     "--ordering-key", "k", "--attribute", "a=1=2", "--attribute", "b=", "--deliver-at", "+1h"),
	                 EXIT_OK);
	assert_string_equal(stub.seen[0].body,
	                    "{\"type\":\"t\",\"subject\":\"a\\\"b\",\"subscriber\":\"*\",\"uid\":\"u\",\"ordering_key\":\"k\","
	                    "\"deliver_at\":\"2030-03-17T18:46:40.000Z\",\"attributes\":{\"a\":\"1=2\",\"b\":\"\"},\"data\":[1]}");
	assert_string_equal(printed.out, "evt_1 deliveries=0 duplicate\n");
}

static void send_refuses_what_is_no_single_json_value(void **state)
{
	static const char *const payloads[] = {"", "{", "1, \"type\":\"x\"", "{} {}", "'text'", "nul"};

	(void)state;
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		assert_int_equal(RUN("send", "--type", "t", payloads[i]), EXIT_USAGE);
		assert_holds(printed.err, "no JSON");
	}
	assert_int_equal(RUN("send", "{}"), EXIT_USAGE);
	assert_holds(printed.err, "--type is missing");
	assert_int_equal(RUN("send", "--type", "t"), EXIT_USAGE);
	assert_holds(printed.err, "payload is missing");
	assert_int_equal(RUN("send", "--type", "t", "{}", "--data-file", "x"), EXIT_USAGE);
	assert_int_equal(RUN("send", "--type", "t", "--data-file", "none"), EXIT_FAILED);
	assert_holds(printed.err, "none cannot be opened");
	assert_int_equal(RUN("send", "--type", "t", "{}", "--attribute", "x"), EXIT_USAGE);
	assert_int_equal(RUN("send", "--type", "t", "{}", "--deliver-at", "later"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
}

/* ---- Answers ----------------------------------------------------------------------------------------------------------- */

static void a_problem_is_told_with_its_fields(void **state)
{
	(void)state;
	answer(0, 422,
	       "{\"title\":\"T\",\"code\":\"invalid\",\"detail\":\"Some fields are not valid\",\"errors\":[{\"pointer\":\"/scopes/0\","
	       "\"detail\":\"accepted: read\"},{\"pointer\":\"/name\",\"detail\":\"too long\"}]}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_FAILED);
	assert_string_equal(printed.out, "");
	assert_string_equal(printed.err, "grapnel: Some fields are not valid (/scopes/0: accepted: read; /name: too long)\n");
	answer(3, 422, "{\"detail\":\"/name: too long\",\"errors\":[{\"pointer\":\"/name\",\"detail\":\"too long\"}]}");
	answer(1, 404, "{\"title\":\"There is no such thing here\"}");
	assert_int_equal(RUN("key", "revoke", "key_1"), EXIT_FAILED);
	assert_string_equal(printed.err, "grapnel: There is no such thing here\n");
	answer(2, 500, "<html>");
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_holds(printed.err, "500");
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_string_equal(printed.err, "grapnel: /name: too long\n");
	answer(4, 503, "{\"detail\":\"The disk is full\"}");
	assert_int_equal(RUN("key", "list"), EXIT_UNAVAILABLE);
	assert_string_equal(printed.err, "grapnel: The disk is full\n");
}

static void an_answer_that_makes_no_sense_is_a_failure(void **state)
{
	(void)state;
	answer(0, 200, "not json");
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_holds(printed.err, "not JSON");
	answer(1, 201, "{}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_FAILED);
	assert_string_equal(printed.out, "");
}

/* ---- Ways to the hub --------------------------------------------------------------------------------------------------- */

#define KEY_ANSWER "HTTP/1.1 201 Created\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{\"key\":\"gk_run\"}"

static void a_running_hub_is_asked_over_its_socket(void **state)
{
	(void)state;
	start_server("var", KEY_ANSWER);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
	assert_memory_equal(served.request, "POST /v1/keys HTTP/1.1\r\n", 24);
	assert_holds(served.request, "Content-Type: application/json\r\n");
	assert_holds(served.request, "\r\n\r\n{\"scopes\":[\"read\"]}");
	assert_int_equal(stub.opens, 0);
}

static void the_folders_path_may_be_longer_than_a_sockets(void **state)
{
	char path[300] = ".";

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%050d", i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	start_server(path, KEY_ANSWER);
	assert_int_equal(RUN("key", "create", "--scope", "read", "--data", path), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
}

static void a_socket_that_is_left_over_does_not_matter(void **state)
{
	(void)state;
	start_server("var", NULL);
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	shutdown(served.listener, SHUT_RDWR);
	end_server();
	answer(0, 200, "{\"findings\":[]}");
	assert_int_equal(RUN("check"), EXIT_OK);
	assert_int_equal(stub.opens, 1);
}

static void socket_appears(void)
{
	if (stub.held == 0)
		start_server("var", KEY_ANSWER);
}

static void a_hub_that_starts_is_waited_for(void **state)
{
	(void)state;
	stub.held = 3;
	stub.while_held = socket_appears;
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
	assert_int_equal(stub.opens, 3);
	assert_int_equal(stub.calls, 0);
}

static void a_hub_that_stops_is_waited_for(void **state)
{
	(void)state;
	stub.held = 3;
	answer(0, 201, "{\"key\":\"gk_own\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	assert_string_equal(printed.out, "gk_own\n");
	assert_int_equal(stub.opens, 4);
}

static void the_wait_for_a_hub_has_an_end(void **state)
{
	(void)state;
	stub.held = 1000;
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_UNAVAILABLE);
	assert_holds(printed.err, "process 4711");
	assert_holds(printed.err, "starting or stopping");
	/* 10 s by the clock of the test, half a second a try. */
	assert_int_equal(stub.opens, 20);
}

static void a_store_that_does_not_open_is_told_at_once(void **state)
{
	(void)state;
	stub.open_fails = ERR_STORAGE;
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_string_equal(printed.err, "grapnel: the store does not open\n");
	assert_int_equal(stub.opens, 1);
	/* Not the lock either, when it failed without waiting for it. */
	stub.open_fails = ERR_UNAVAILABLE;
	assert_int_equal(RUN("key", "list"), EXIT_UNAVAILABLE);
	assert_int_equal(stub.opens, 2);
}

static void a_request_without_answer_is_not_sent_again(void **state)
{
	(void)state;
	start_server("var", NULL);
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_UNAVAILABLE);
	end_server();
	assert_holds(printed.err, "not known");
	assert_int_equal(stub.opens, 0);
}

/* It may come back, and must find the lock free. */
static void after_a_hub_has_answered_the_store_is_not_opened(void **state)
{
	(void)state;
	start_server("var", "HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n{\"data\":[],\"next_cursor\":\"abc\"}");
	assert_int_equal(RUN("key", "list"), EXIT_UNAVAILABLE);
	end_server();
	assert_holds(printed.err, "no hub runs");
	assert_int_equal(stub.opens, 0);
}

static void a_remote_hub_is_asked_with_the_key(void **state)
{
	char url[64];

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/hub/", start_remote(KEY_ANSWER));
	setenv("GRAPNEL_KEY", "gk_mine", 1);
	assert_int_equal(RUN("key", "create", "--scope", "read", "--url", url, "--data", "nowhere"), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
	assert_memory_equal(served.request, "POST /hub/v1/keys HTTP/1.1\r\n", 28);
	assert_holds(served.request, "Authorization: Bearer gk_mine\r\n");
	assert_int_equal(stub.opens, 0);
	/* Nobody listens there any more; the store in this process is not asked instead. */
	assert_int_equal(RUN("key", "create", "--scope", "read", "--url", url), EXIT_UNAVAILABLE);
	assert_holds(printed.err, "cannot be reached");
	assert_int_equal(stub.opens, 0);
}

static void a_key_may_stand_in_a_file(void **state)
{
	char url[64];

	(void)state;
	write_file("key", "gk_filed\n");
	snprintf(url, sizeof url, "http://127.0.0.1:%d", start_remote(KEY_ANSWER));
	setenv("GRAPNEL_URL", url, 1);
	setenv("GRAPNEL_KEY_FILE", "key", 1);
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	end_server();
	assert_memory_equal(served.request, "POST /v1/keys HTTP/1.1\r\n", 24);
	assert_holds(served.request, "Authorization: Bearer gk_filed\r\n");
}

static void a_remote_hub_needs_a_good_url_and_a_key(void **state)
{
	(void)state;
	assert_int_equal(RUN("key", "list", "--url", "ftp://x", "--key", "gk_x"), EXIT_USAGE);
	assert_holds(printed.err, "accepted: http(s)://");
	assert_int_equal(RUN("key", "list", "--url", "https://", "--key", "gk_x"), EXIT_USAGE);
	assert_int_equal(RUN("key", "list", "--url", "http://127.0.0.1:1"), EXIT_USAGE);
	assert_holds(printed.err, "GRAPNEL_KEY");
	assert_int_equal(RUN("backup", "x.db", "--url", "http://127.0.0.1:1", "--key", "gk_x"), EXIT_USAGE);
	assert_holds(printed.err, "--data");
	assert_int_equal(RUN("check", "--url", "http://127.0.0.1:1", "--key", "gk_x"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
}

static void a_mistyped_folder_is_no_empty_hub(void **state)
{
	(void)state;
	assert_int_equal(RUN("check", "--data", "vra"), EXIT_USAGE);
	assert_holds(printed.err, "vra");
	assert_int_equal(RUN("key", "list", "--data", "vra"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
	answer(0, 201, "{\"key\":\"gk_own\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--data", "new"), EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLI_TEST(without_arguments_it_prints_help_and_fails),
	    CLI_TEST(every_command_explains_itself),
	    CLI_TEST(help_and_version_are_options_too),
	    CLI_TEST(an_unknown_command_or_option_names_the_nearest),
	    CLI_TEST(a_bad_option_is_a_mistake_of_usage),
	    CLI_TEST(serve_gets_the_options_and_gives_its_exit_code),
	    CLI_TEST(key_create_prints_the_key_alone),
	    CLI_TEST(key_create_passes_all_that_was_said),
	    CLI_TEST(key_create_needs_scopes_and_a_sensible_end),
	    CLI_TEST(key_list_is_a_table_of_all_pages),
	    CLI_TEST(key_revoke_deletes_that_key),
	    CLI_TEST(backup_gives_an_absolute_path),
	    CLI_TEST(backup_replaces_nothing),
	    CLI_TEST(check_prints_ok_or_what_it_found),
	    CLI_TEST(send_keeps_the_payloads_bytes),
	    CLI_TEST(send_passes_all_that_was_said),
	    CLI_TEST(send_refuses_what_is_no_single_json_value),
	    CLI_TEST(a_problem_is_told_with_its_fields),
	    CLI_TEST(an_answer_that_makes_no_sense_is_a_failure),
	    CLI_TEST(a_running_hub_is_asked_over_its_socket),
	    CLI_TEST(the_folders_path_may_be_longer_than_a_sockets),
	    CLI_TEST(a_socket_that_is_left_over_does_not_matter),
	    CLI_TEST(a_hub_that_starts_is_waited_for),
	    CLI_TEST(a_hub_that_stops_is_waited_for),
	    CLI_TEST(the_wait_for_a_hub_has_an_end),
	    CLI_TEST(a_store_that_does_not_open_is_told_at_once),
	    CLI_TEST(a_request_without_answer_is_not_sent_again),
	    CLI_TEST(after_a_hub_has_answered_the_store_is_not_opened),
	    CLI_TEST(a_remote_hub_is_asked_with_the_key),
	    CLI_TEST(a_key_may_stand_in_a_file),
	    CLI_TEST(a_remote_hub_needs_a_good_url_and_a_key),
	    CLI_TEST(a_mistyped_folder_is_no_empty_hub),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
