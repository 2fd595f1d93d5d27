/* Lists and single things from the command line: what is asked, tables, fields, JSON. */
#include "cli_world.h"

static void a_list_is_an_aligned_table(void **state)
{
	(void)state;
	answer(0, 200,
	       "{\"data\":[{\"id\":\"ep_1\",\"uid\":\"zürich\",\"subscriber\":null,\"status\":\"active\",\"breaker\":{\"state\":\"half_open\"},\"insecure\":{\"findings\":[{\"code\":\"tls_unverified\"},{\"code\":\"stale_accepted\"}]},\"event_types\":[\"a.*\",\"b\"],"
	       "\"url\":\"http://x/\"},{\"id\":\"ep_22222\",\"status\":\"paused\",\"event_types\":[],\"url\":\"y\\u001b[2J\"}],"
	       "\"next_cursor\":null}");
	assert_int_equal(RUN("endpoints", "list", "--subscriber", "a&b c"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/endpoints");
	assert_string_equal(stub.seen[0].query, "subscriber=a%26b%20c&limit=100");
	assert_string_equal(printed.out, "ID        UID     SUBSCRIBER  STATUS  VERIFIED  BREAKER    INSECURE                       TYPES  URL\n"
	                                 "ep_1      zürich  -           active  -         half_open  tls_unverified,stale_accepted  a.*,b  http://x/\n"
	                                 "ep_22222  -       -           paused  -         -          -                              -      y?[2J\n");
	assert_string_equal(printed.err, "");
}

static void a_list_goes_on_while_there_is_a_cursor(void **state)
{
	(void)state;
	/* An empty page is no end. */
	answer(0, 200, "{\"data\":[],\"next_cursor\":\"c1\"}");
	answer(1, 200, "{\"data\":[{\"id\":\"evt_1\"},{\"id\":\"evt_2\"}],\"next_cursor\":\"c2\"}");
	answer(2, 200, "{\"data\":[{\"id\":\"evt_3\"}],\"next_cursor\":null}");
	assert_int_equal(RUN("events", "list", "--all", "--json", "--type", "order.*", "--since", "-1h", "--order", "asc"), EXIT_OK);
	assert_string_equal(stub.seen[0].query, "type=order.%2A&since=-1h&order=asc&limit=500");
	assert_string_equal(stub.seen[2].query, "type=order.%2A&since=-1h&order=asc&limit=500&cursor=c2");
	assert_string_equal(printed.out, "{\"id\":\"evt_1\"}\n{\"id\":\"evt_2\"}\n{\"id\":\"evt_3\"}\n");
}

static void a_list_ends_at_its_limit_and_says_so(void **state)
{
	(void)state;
	answer(0, 200, "{\"data\":[{\"id\":\"op_1\"},{\"id\":\"op_2\"}],\"next_cursor\":\"c\"}");
	assert_int_equal(RUN("operations", "list", "--limit", "2"), EXIT_OK);
	assert_string_equal(stub.seen[0].query, "limit=2");
	assert_int_equal(stub.calls, 1);
	assert_holds(printed.err, "--all");
	assert_int_equal(RUN("operations", "list", "--limit", "x"), EXIT_USAGE);
	assert_int_equal(RUN("operations", "list", "--limit", "0"), EXIT_USAGE);
	assert_int_equal(stub.calls, 1);
}

static void an_empty_list_has_its_titles(void **state)
{
	(void)state;
	answer(0, 200, "{\"data\":[],\"next_cursor\":null}");
	assert_int_equal(RUN("subscribers", "list"), EXIT_OK);
	assert_string_equal(printed.out, "ID  UID  NAME  CREATED\n");
	assert_int_equal(RUN("subscribers", "list", "--json"), EXIT_OK);
	assert_string_equal(printed.out, "");
}

static void dead_letters_are_listed_by_filter(void **state)
{
	(void)state;
	answer(0, 200,
	       "{\"data\":[{\"id\":\"dlv_1\",\"ended_at\":\"T\",\"type\":\"t\",\"endpoint\":\"ep_1\",\"reason\":\"exhausted\","
	       "\"attempt_count\":12,\"last_attempt\":{\"status\":500,\"failure\":\"http_status\"}}],\"next_cursor\":null}");
	assert_int_equal(RUN("dead-letters", "list", "--reason", "exhausted", "--text", "x/y", "--endpoint", "billing"), EXIT_OK);
	assert_string_equal(stub.seen[0].query, "endpoint=billing&reason=exhausted&q=x%2Fy&limit=100");
	assert_holds(printed.out, "\nT     dlv_1     t     ep_1      exhausted  12        500     http_status\n");
}

static void a_drill_is_a_report_or_a_snippet(void **state)
{
	static const char text[] = "{\"endpoint\":\"ep_1\",\"verdict\":\"insecure\",\"requests\":[{\"drill\":\"stale\",\"expected\":\"refused\","
				   "\"as_expected\":false,\"delivery\":\"dlv_1\",\"attempt\":{\"status\":200}}],\"findings\":[{\"code\":\"stale_accepted\","
				   "\"severity\":\"serious\",\"detail\":\"d\"}],\"insecure\":{\"since\":\"T\"},\"snippets\":{\"go\":\"func\\n\"}}";

	(void)state;
	for (int i = 0; i < 3; i++)
		answer(i, 200, text);
	answer(3, 200, "{\"verdict\":\"passed\",\"requests\":[],\"findings\":[],\"insecure\":null,\"snippets\":null}");
	assert_int_equal(RUN("endpoints", "drill", "billing", "--type", "order.created"), EXIT_FAILED);
	assert_string_equal(stub.seen[0].path, "/v1/endpoints/billing/test");
	assert_string_equal(stub.seen[0].body, "{\"drill\":true,\"type\":\"order.created\"}");
	assert_holds(printed.out, "stale    refused   no           200     -        dlv_1\n");
	assert_holds(printed.out, "verdict         insecure\ninsecure since  T\n");
	assert_holds(printed.out, "stale_accepted  serious   d\n");
	assert_int_equal(RUN("endpoints", "drill", "billing", "--snippet", "go"), EXIT_FAILED);
	assert_string_equal(printed.out, "func\n");
	assert_int_equal(RUN("endpoints", "drill", "billing", "--json"), EXIT_FAILED);
	assert_holds(printed.out, "{\"endpoint\":\"ep_1\"");
	assert_int_equal(RUN("endpoints", "drill", "billing"), EXIT_OK);
	assert_int_equal(RUN("endpoints", "drill", "billing", "--snippet", "cobol"), EXIT_USAGE);
	assert_int_equal(stub.calls, 4);
}

static void one_thing_is_shown_line_by_line(void **state)
{
	static const char text[] = "{\"id\":\"sub_1\",\"uid\":null,\"name\":\"A\",\"metadata\":{\"a\":\"b\"}}";

	(void)state;
	answer(0, 200, text);
	assert_int_equal(RUN("subscribers", "show", "acme"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/subscribers/acme");
	assert_string_equal(printed.out, "id        sub_1\nname      A\nmetadata  {\"a\":\"b\"}\n");
	assert_int_equal(RUN("subscribers", "show", "acme", "--json"), EXIT_OK);
	assert_string_equal(printed.out, "{\"id\":\"sub_1\",\"uid\":null,\"name\":\"A\",\"metadata\":{\"a\":\"b\"}}\n");
	assert_int_equal(RUN("subscribers", "show"), EXIT_USAGE);
	assert_int_equal(RUN("subscribers", "show", ""), EXIT_USAGE);
}

static void things_are_made_and_deleted(void **state)
{
	(void)state;
	answer(0, 201, "{\"id\":\"sub_1\"}");
	answer(1, 204, NULL);
	assert_int_equal(RUN("subscribers", "add", "Acme \"1\"", "--uid", "acme"), EXIT_OK);
	assert_string_equal(stub.seen[0].body, "{\"name\":\"Acme \\\"1\\\"\",\"uid\":\"acme\"}");
	assert_int_equal(RUN("subscribers", "delete", "a/b"), EXIT_OK);
	assert_string_equal(stub.seen[1].method, "DELETE");
	assert_string_equal(stub.seen[1].path, "/v1/subscribers/a%2Fb");
	assert_string_equal(printed.out, "");
	assert_int_equal(RUN("operations", "cancel", "op_1"), EXIT_OK);
	assert_string_equal(stub.seen[2].path, "/v1/operations/op_1");
	assert_int_equal(RUN("endpoints", "delete", "e", "--subscriber", "s"), EXIT_OK);
	assert_string_equal(stub.seen[3].query, "subscriber=s");
}

static void an_endpoints_status_is_changed(void **state)
{
	static const char *const verbs[] = {"pause", "resume", "disable"};

	(void)state;
	answer(0, 200, "{\"id\":\"ep_1\",\"status\":\"paused\",\"url\":\"u\"}");
	for (int i = 0; i < 3; i++) {
		char path[64];
		snprintf(path, sizeof path, "/v1/endpoints/billing/%s", verbs[i]);
		assert_int_equal(RUN("endpoints", verbs[i], "billing", "--subscriber", "acme"), EXIT_OK);
		assert_string_equal(stub.seen[i].method, "POST");
		assert_string_equal(stub.seen[i].path, path);
		assert_string_equal(stub.seen[i].query, "subscriber=acme");
		assert_string_equal(printed.out, "id      ep_1\nstatus  paused\n");
	}
}

static void an_endpoint_is_made_from_options(void **state)
{
	(void)state;
	answer(0, 201, "{\"id\":\"ep_1\",\"url\":\"http://x/\",\"secret\":\"whsec_1\"}");
	assert_int_equal(RUN("endpoints", "add", "http://x/", "--types", "order.*,a.b", "--types", "c", "--uid", "u", "--header", "X-A=1=2",
	                     "--metadata", "team=pay", "--timeout", "5s", "--max-in-flight", "3", "--ordered", "--format", "raw"),
	                 EXIT_OK);
	assert_string_equal(stub.seen[0].body, "{\"url\":\"http://x/\",\"uid\":\"u\",\"format\":\"raw\",\"ordered\":true,"
	                                       "\"event_types\":[\"order.*\",\"a.b\",\"c\"],\"headers\":{\"X-A\":\"1=2\"},"
	                                       "\"metadata\":{\"team\":\"pay\"},\"timeout_ms\":5000,\"max_in_flight\":3}");
	assert_holds(printed.out, "secret            whsec_1\n");
	assert_int_equal(RUN("endpoints", "add", "http://x/"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"url\":\"http://x/\",\"event_types\":[\"*\"]}");
}

static void an_endpoint_is_made_from_a_document(void **state)
{
	(void)state;
	write_file("doc.json", "{\"url\":\"http://x/\",\"event_types\":[\"a\"],\"retry\":{\"schedule_ms\":[1]}}");
	assert_int_equal(RUN("endpoints", "add", "--document", "doc.json", "--uid", "u"), EXIT_OK);
	assert_string_equal(stub.seen[0].body,
	                    "{\"url\":\"http://x/\",\"event_types\":[\"a\"],\"retry\":{\"schedule_ms\":[1]},\"uid\":\"u\"}");
	write_file("doc.json", "[]");
	assert_int_equal(RUN("endpoints", "add", "--document", "doc.json"), EXIT_USAGE);
	write_file("doc.json", "{");
	assert_int_equal(RUN("endpoints", "add", "--document", "doc.json"), EXIT_USAGE);
	assert_int_equal(RUN("endpoints", "add"), EXIT_USAGE);
	assert_int_equal(RUN("endpoints", "add", "u", "--header", "x"), EXIT_USAGE);
	assert_int_equal(RUN("endpoints", "add", "u", "--timeout", "5"), EXIT_USAGE);
	assert_int_equal(RUN("endpoints", "add", "u", "--max-in-flight", "few"), EXIT_USAGE);
	assert_int_equal(stub.calls, 1);
}

static void a_test_tells_how_it_went(void **state)
{
	(void)state;
	answer(0, 200,
	       "{\"event\":\"evt_1\",\"delivery\":\"dlv_1\",\"state\":\"delivered\",\"attempt\":{\"status\":204,\"failure\":null,"
	       "\"duration_ms\":7}}");
	answer(1, 200, "{\"event\":\"evt_1\",\"delivery\":\"dlv_1\",\"state\":\"pending\",\"attempt\":{\"status\":500,\"duration_ms\":7}}");
	assert_int_equal(RUN("endpoints", "test", "billing", "--type", "a.b", "--payload", "{\"n\":1.10}"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/endpoints/billing/test");
	assert_string_equal(stub.seen[0].body, "{\"type\":\"a.b\",\"data\":{\"n\":1.10}}");
	assert_string_equal(printed.out,
	                    "event        evt_1\ndelivery     dlv_1\nstate        delivered\nstatus       204\nduration ms  7\n");
	assert_int_equal(RUN("endpoints", "test", "billing"), EXIT_FAILED);
	assert_string_equal(stub.seen[1].body, "{}");
	assert_int_equal(RUN("endpoints", "test", "billing", "--payload", "{"), EXIT_USAGE);
}

static void an_event_is_shown_with_its_deliveries(void **state)
{
	(void)state;
	answer(0, 200, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"deliveries\":1}");
	answer(1, 200, "{\"data\":[{\"id\":\"dlv_1\",\"endpoint\":\"ep_1\",\"state\":\"delivered\"}],\"next_cursor\":null}");
	assert_int_equal(RUN("events", "show", "u", "--subscriber", "acme"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/events/u");
	assert_string_equal(stub.seen[1].path, "/v1/events/u/deliveries");
	assert_string_equal(stub.seen[1].query, "subscriber=acme&limit=100");
	assert_holds(printed.out, "type          a.b\n");
	assert_holds(printed.out, "\n\nDELIVERY  ENDPOINT  STATE");
	answer(2, 200, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"deliveries\":1}");
	assert_int_equal(RUN("events", "show", "u", "--json"), EXIT_OK);
	assert_string_equal(printed.out, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"deliveries\":1}\n");
	assert_int_equal(stub.calls, 3);
	answer(3, 200, "{\"data\":[{\"id\":\"dlv_1\"}],\"next_cursor\":null}");
	assert_int_equal(RUN("events", "show", "u", "--deliveries", "--json"), EXIT_OK);
	assert_string_equal(printed.out, "{\"id\":\"dlv_1\"}\n");
}

static void a_payload_keeps_its_bytes(void **state)
{
	(void)state;
	answer(0, 200, " {\"n\": 1.10} ");
	assert_int_equal(RUN("events", "show", "evt_1", "--payload"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/events/evt_1/payload");
	assert_string_equal(printed.out, " {\"n\": 1.10} ");
	answer(1, 404, "{\"detail\":\"There is no such event\"}");
	assert_int_equal(RUN("events", "show", "evt_1", "--payload"), EXIT_FAILED);
	assert_string_equal(printed.out, "");
	assert_string_equal(printed.err, "grapnel: There is no such event\n");
	assert_int_equal(RUN("events", "show", "evt_1", "--payload", "--json"), EXIT_USAGE);
}

static void an_event_is_sent_again(void **state)
{
	(void)state;
	answer(0, 200, "{\"data\":[{\"endpoint\":\"ep_1\",\"delivery\":\"dlv_1\",\"action\":\"retried\"}]}");
	answer(1, 200, "{\"data\":[]}");
	assert_int_equal(RUN("events", "resend", "u", "--endpoint", "a", "--endpoint", "b"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/events/u/resend");
	assert_string_equal(stub.seen[0].body, "{\"endpoints\":[\"a\",\"b\"]}");
	assert_string_equal(printed.out, "ENDPOINT  DELIVERY  ACTION\nep_1      dlv_1     retried\n");
	assert_int_equal(RUN("events", "resend", "u"), EXIT_FAILED);
	assert_string_equal(stub.seen[1].body, "{}");
	assert_holds(printed.err, "no endpoint");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLI_TEST(a_list_is_an_aligned_table),
	    CLI_TEST(a_list_goes_on_while_there_is_a_cursor),
	    CLI_TEST(a_list_ends_at_its_limit_and_says_so),
	    CLI_TEST(an_empty_list_has_its_titles),
	    CLI_TEST(dead_letters_are_listed_by_filter),
	    CLI_TEST(a_drill_is_a_report_or_a_snippet),
	    CLI_TEST(one_thing_is_shown_line_by_line),
	    CLI_TEST(things_are_made_and_deleted),
	    CLI_TEST(an_endpoints_status_is_changed),
	    CLI_TEST(an_endpoint_is_made_from_options),
	    CLI_TEST(an_endpoint_is_made_from_a_document),
	    CLI_TEST(a_test_tells_how_it_went),
	    CLI_TEST(an_event_is_shown_with_its_deliveries),
	    CLI_TEST(a_payload_keeps_its_bytes),
	    CLI_TEST(an_event_is_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
