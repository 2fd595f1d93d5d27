/* The log: each call is one line, whatever the message holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/temp.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/log_journal.h"

static char said[65536];

/* Runs with stderr in a file and reads back what was written. */
static const char *capture(void (*speak)(const char *text), const char *text)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int saved = dup(STDERR_FILENO);
	assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	speak(text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	ssize_t len = pread(fileno(file), said, sizeof said - 1, 0);
	assert_true(len >= 0);
	said[len] = '\0';
	fclose(file);
	return said;
}

static void speak_info(const char *text)
{
	log_info("store", "%s", text);
}

static void speak_all_levels(const char *text)
{
	log_debug("x", "%s", text);
	log_info("x", "%s", text);
	log_warn("x", "%s", text);
	log_error("x", "%s", text);
}

static void check_time(const char *text)
{
	int64_t wall_ms;
	assert_int_equal(clock_parse_rfc3339((struct slice){text, CLOCK_RFC3339_SIZE - 1}, &wall_ms), 0);
}

static void check_text(const char *message, const char *shown)
{
	char expected[200];
	const char *line = capture(speak_info, message);
	check_time(line);
	snprintf(expected, sizeof expected, " INFO store: %s\n", shown);
	assert_string_equal(line + CLOCK_RFC3339_SIZE - 1, expected);
}

static void check_json(const char *message, const char *shown)
{
	char expected[200];
	const char *line = capture(speak_info, message);
	assert_memory_equal(line, "{\"time\":\"", 9);
	check_time(line + 9);
	snprintf(expected, sizeof expected, "\",\"level\":\"info\",\"area\":\"store\",\"message\":\"%s\"}\n", shown);
	assert_string_equal(line + 9 + CLOCK_RFC3339_SIZE - 1, expected);
}

static void text_lines_escape_what_would_break_them(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_TEXT);
	check_text("opened", "opened");
	check_text("", "");
	check_text("two\nlines\r\tand \x1b[31mred\x7f", "two\\nlines\\r\\tand \\x1b[31mred\\x7f");
	check_text("na\xc3\xafve \xf0\x9f\x98\x80", "na\xc3\xafve \xf0\x9f\x98\x80");
	check_text("bad \xff\xc3 and c1 \xc2\x9b", "bad \\xff\\xc3 and c1 \\u009b");
	check_text("path=\"C:\\x\"", "path=\"C:\\x\"");
}

static void json_lines_are_json(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_JSON);
	check_json("opened", "opened");
	check_json("say \"hi\" \\ \n \x01 \x7f", "say \\\"hi\\\" \\\\ \\n \\u0001 \\u007f");
	check_json("na\xc3\xafve \xff \xc2\x9b", "na\xc3\xafve \\ufffd \\u009b");
}

static void lower_levels_are_left_out(void **state)
{
	(void)state;
	log_configure(LOG_WARN, LOG_TEXT);
	const char *lines = capture(speak_all_levels, "m");
	assert_null(strstr(lines, " DEBUG x: m\n"));
	assert_null(strstr(lines, " INFO x: m\n"));
	assert_non_null(strstr(lines, " WARN x: m\n"));
	assert_non_null(strstr(lines, " ERROR x: m\n"));
}

static void endless_messages_are_cut_to_one_line(void **state)
{
	(void)state;
	static char message[20000];
	memset(message, '\x01', sizeof message - 1);
	for (int json = 0; json < 2; json++) {
		log_configure(LOG_INFO, json ? LOG_JSON : LOG_TEXT);
		const char *line = capture(speak_info, message);
		size_t len = strlen(line);
		assert_in_range(len, 4000, 20000);
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		if (json)
			assert_string_equal(line + len - 3, "\"}\n");
	}
}

/* ---- Fields ---- */

static void speak_fields(const char *text)
{
	log_told(dead_letter,
	         LOG_FIELDS(.request = -2, .event = 1, .endpoint = 33, .attempt = 3, .status = 500, .failure = "status", .error = text), "given up");
}

static void fields_stand_behind_the_sentence(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_TEXT);
	const char *line = capture(speak_fields, "a \"b\"\n");
	assert_string_equal(line + CLOCK_RFC3339_SIZE - 1,
	                    " WARN deliver: given up; request=req_zzzzzzzzzzzzw event=evt_0000000000001 endpoint=ep_0000000000011 attempt=3 status=500 duration_ms=0 "
	                    "failure=status error=\"a \\\"b\\\"\\n\"\n");
	log_flush();
}

static void fields_are_members_of_json(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_JSON);
	const char *line = capture(speak_fields, "a \"b\"\n");
	assert_string_equal(line + CLOCK_RFC3339_SIZE - 1 + 9,
	                    "\",\"level\":\"warn\",\"area\":\"deliver\",\"message\":\"given up\",\"kind\":\"dead_letter\",\"request\":"
	                    "\"req_zzzzzzzzzzzzw\",\"event\":\"evt_0000000000001\",\"endpoint\":\"ep_0000000000011\",\"attempt\":3,\"status\":500,\"duration_ms\":0,"
	                    "\"failure\":\"status\",\"error\":\"a \\\"b\\\"\\n\"}\n");
	log_flush();
}

static void a_request_id_is_a_number_and_back(void **state)
{
	(void)state;
	static const int64_t numbers[] = {1, -1, INT64_MAX, INT64_MIN, 0x0123456789abcdef};
	char text[ID_TEXT_SIZE];
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		id_request_format(numbers[i], text);
		assert_int_equal(strlen(text), 17);
		assert_int_equal(id_request_parse(text), numbers[i]);
	}
	assert_int_equal(id_request_parse("req_zzzzzzzzzzzzz"), 0);
	assert_int_equal(id_request_parse("evt_0000000000001"), 0);
	assert_int_equal(id_request_parse("again"), 0);
	assert_int_equal(id_request_parse(NULL), 0);
}

/* ---- What repeats ---- */

static int64_t fake_us;

static int64_t fake_wall_ms(void *context)
{
	(void)context;
	return INT64_C(1700000000000) + fake_us / 1000;
}

static int64_t fake_mono_us(void *context)
{
	(void)context;
	return fake_us;
}

static const struct clock fake_clock = {.wall_ms = fake_wall_ms, .mono_us = fake_mono_us};

static int fake_setup(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_TEXT);
	fake_us = 1000000;
	log_set_clock(&fake_clock);
	return 0;
}

static int fake_teardown(void **state)
{
	(void)state;
	log_flush();
	log_set_clock(NULL);
	return 0;
}

static void speak_many(const char *text)
{
	for (int i = 0; i < 10000; i++)
		log_told(refused_webhook, LOG_FIELDS(.source = 7, .reason = "bad_signature"), "%s", text);
	log_told(refused_webhook, LOG_FIELDS(.source = 8), "another source is heard");
}

static void speak_one(const char *text)
{
	log_info("x", "%s", text);
}

static size_t count_lines(const char *lines)
{
	size_t len = 0;
	for (; (lines = strchr(lines, '\n')); lines++)
		len++;
	return len;
}

static void speak_flush(const char *text)
{
	(void)text;
	log_flush();
}

static void what_repeats_is_counted_and_none_is_lost(void **state)
{
	(void)state;
	const char *lines = capture(speak_many, "refused");
	assert_int_equal(count_lines(lines), 6);
	assert_non_null(strstr(lines, "another source is heard"));
	fake_us += 59 * INT64_C(1000000);
	assert_int_equal(count_lines(capture(speak_one, "in the same minute")), 1);
	fake_us += 2 * INT64_C(1000000);
	lines = capture(speak_one, "the next line");
	assert_int_equal(count_lines(lines), 2);
	assert_non_null(strstr(lines, "WARN in: webhooks that were refused: 9995 more since 2023-11-14T22:13:21.000Z; source=src_0000000000007 more=9995\n"));
	assert_string_equal(capture(speak_flush, ""), "");
	assert_int_equal(count_lines(capture(speak_many, "refused")), 6);
}

static void what_was_counted_is_told_at_the_end(void **state)
{
	(void)state;
	capture(speak_many, "refused");
	assert_non_null(strstr(capture(speak_flush, ""), "9995 more since"));
	assert_string_equal(capture(speak_flush, ""), "");
}

/* Each of very many things alone is heard little; together they would be a flood. */
static void speak_of_many(const char *text)
{
	for (int64_t endpoint = 1; endpoint <= 1000; endpoint++)
		log_told(endpoint_failing, LOG_FIELDS(.endpoint = endpoint), "%s", text);
}

static void many_things_are_counted_together(void **state)
{
	(void)state;
	const char *lines = capture(speak_of_many, "fails");
	assert_int_equal(count_lines(lines), 30);
	lines = capture(speak_flush, "");
	assert_int_equal(count_lines(lines), 1);
	assert_non_null(strstr(lines, "endpoints that began to fail, of all together: 970 more since"));
}

/* ---- The journal ---- */

struct journal {
	char *folder, *path, got[65536];
	int fd;
};

static int journal_setup(void **state)
{
	struct journal *journal = calloc(1, sizeof *journal);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	journal->folder = temp_make();
	journal->path = temp_path(journal->folder, "socket");
	if (strlen(journal->path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, journal->path, strlen(journal->path) + 1);
	journal->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	*state = journal;
	return bind(journal->fd, (struct sockaddr *)&address, sizeof address);
}

static int journal_teardown(void **state)
{
	struct journal *journal = *state;
	log_flush();
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_JOURNAL_SOCKET);
	log_configure(LOG_INFO, LOG_TEXT);
	close(journal->fd);
	free(journal->path);
	temp_remove(journal->folder);
	free(journal);
	return 0;
}

static const char *receive(struct journal *journal)
{
	ssize_t len = recv(journal->fd, journal->got, sizeof journal->got - 1, MSG_DONTWAIT);
	journal->got[len > 0 ? len : 0] = '\0';
	return journal->got;
}

static struct journal *journal_here;

/* As systemd sets it for a service whose stderr is the journal's. */
static void speak_to_journal(const char *text)
{
	struct stat status;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(journal_here->path);
	speak_fields(text);
}

static void the_journal_gets_entries_with_fields(void **state)
{
	journal_here = *state;
	log_configure(LOG_INFO, LOG_AUTO);
	assert_string_equal(capture(speak_to_journal, "no\nMESSAGE=other"), "");
	assert_string_equal(receive(journal_here),
	                    "PRIORITY=4\nSYSLOG_IDENTIFIER=grapnel\nGRAPNEL_AREA=deliver\nGRAPNEL_KIND=dead_letter\nGRAPNEL_REQUEST=req_zzzzzzzzzzzzw\n"
	                    "GRAPNEL_EVENT=evt_0000000000001\nGRAPNEL_ENDPOINT=ep_0000000000011\nGRAPNEL_ATTEMPT=3\nGRAPNEL_STATUS=500\n"
	                    "GRAPNEL_DURATION_MS=0\n"
	                    "GRAPNEL_FAILURE=status\nGRAPNEL_ERROR=no\\nMESSAGE=other\n"
	                    "MESSAGE=given up; request=req_zzzzzzzzzzzzw event=evt_0000000000001 endpoint=ep_0000000000011 attempt=3 status=500 duration_ms=0 "
	                    "failure=status error=\"no\\nMESSAGE=other\"\n");
}

static void without_the_socket_lines_have_priorities(void **state)
{
	journal_here = *state;
	unlink(journal_here->path);
	log_configure(LOG_INFO, LOG_AUTO);
	const char *line = capture(speak_to_journal, "e");
	assert_memory_equal(line, "<4>deliver: given up; request=req_", 34);
}

static void json_for_the_journal_has_priorities(void **state)
{
	journal_here = *state;
	log_configure(LOG_INFO, LOG_JSON);
	const char *line = capture(speak_to_journal, "e");
	assert_memory_equal(line, "<4>{\"time\":\"", 12);
	assert_string_equal(receive(journal_here), "");
}

static void another_stderr_gets_text(void **state)
{
	journal_here = *state;
	log_configure(LOG_INFO, LOG_AUTO);
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_open(journal_here->path);
	check_text("opened", "opened");
	assert_string_equal(receive(journal_here), "");
	static const char *const wrong[] = {"", ":", "1", "1:", ":1", "1:1:1", "x:y", "1:1 "};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(log_journal_is(wrong[i], STDERR_FILENO));
	assert_false(log_journal_is(NULL, STDERR_FILENO));
}

/* Such a socket takes no datagram of more than some two thousand bytes; the entry has its beginning and all its fields all the same. */
static void what_is_too_large_for_a_datagram_is_cut(void **state)
{
	static char message[16384];
	journal_here = *state;
	memset(message, 'm', sizeof message - 1);
	int fd = log_journal_open(journal_here->path), small = 1;
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	assert_int_equal(log_journal_send(fd, journal_here->path, message, sizeof message - 1), LOG_JOURNAL_TOO_LARGE);
	assert_int_equal(log_journal_send(fd, journal_here->path, message, 500), LOG_JOURNAL_SENT);
	assert_int_equal(strlen(receive(journal_here)), 500);
	unlink(journal_here->path);
	assert_int_equal(log_journal_send(fd, journal_here->path, message, 500), LOG_JOURNAL_FAILED);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_lines_escape_what_would_break_them),
	    cmocka_unit_test(json_lines_are_json),
	    cmocka_unit_test(lower_levels_are_left_out),
	    cmocka_unit_test(endless_messages_are_cut_to_one_line),
	    cmocka_unit_test_setup_teardown(fields_stand_behind_the_sentence, fake_setup, fake_teardown),
	    cmocka_unit_test_setup_teardown(fields_are_members_of_json, fake_setup, fake_teardown),
	    cmocka_unit_test(a_request_id_is_a_number_and_back),
	    cmocka_unit_test_setup_teardown(what_repeats_is_counted_and_none_is_lost, fake_setup, fake_teardown),
	    cmocka_unit_test_setup_teardown(what_was_counted_is_told_at_the_end, fake_setup, fake_teardown),
	    cmocka_unit_test_setup_teardown(many_things_are_counted_together, fake_setup, fake_teardown),
	    cmocka_unit_test_setup_teardown(the_journal_gets_entries_with_fields, journal_setup, journal_teardown),
	    cmocka_unit_test_setup_teardown(without_the_socket_lines_have_priorities, journal_setup, journal_teardown),
	    cmocka_unit_test_setup_teardown(json_for_the_journal_has_priorities, journal_setup, journal_teardown),
	    cmocka_unit_test_setup_teardown(another_stderr_gets_text, journal_setup, journal_teardown),
	    cmocka_unit_test_setup_teardown(what_is_too_large_for_a_datagram_is_cut, journal_setup, journal_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
