/* The log: each call is one line, whatever the message holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

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
	log_configure(LOG_INFO, false);
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
	log_configure(LOG_INFO, true);
	check_json("opened", "opened");
	check_json("say \"hi\" \\ \n \x01 \x7f", "say \\\"hi\\\" \\\\ \\n \\u0001 \\u007f");
	check_json("na\xc3\xafve \xff \xc2\x9b", "na\xc3\xafve \\ufffd \\u009b");
}

static void lower_levels_are_left_out(void **state)
{
	(void)state;
	log_configure(LOG_WARN, false);
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
		log_configure(LOG_INFO, json);
		const char *line = capture(speak_info, message);
		size_t len = strlen(line);
		assert_in_range(len, 4000, 20000);
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		if (json)
			assert_string_equal(line + len - 3, "\"}\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_lines_escape_what_would_break_them),
	    cmocka_unit_test(json_lines_are_json),
	    cmocka_unit_test(lower_levels_are_left_out),
	    cmocka_unit_test(endless_messages_are_cut_to_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
