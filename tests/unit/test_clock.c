/* Time as text: RFC 3339 and HTTP dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

struct reading {
	const char *text;
	int64_t wall_ms;
};

#define NO_TIME INT64_MIN

static int64_t read_rfc3339(const char *text)
{
	int64_t wall_ms;
	return clock_parse_rfc3339(slice_of(text), &wall_ms) < 0 ? NO_TIME : wall_ms;
}

static int64_t read_http_date(const char *text)
{
	int64_t wall_ms;
	return clock_parse_http_date(slice_of(text), &wall_ms) < 0 ? NO_TIME : wall_ms;
}

static void check(const struct reading *readings, size_t count, int64_t (*read)(const char *))
{
	for (size_t i = 0; i < count; i++) {
		int64_t wall_ms = read(readings[i].text);
		if (wall_ms != readings[i].wall_ms)
			fail_msg("\"%s\" was read as %lld, not %lld", readings[i].text, (long long)wall_ms, (long long)readings[i].wall_ms);
	}
}

static void rfc3339_times_are_read(void **state)
{
	(void)state;
	static const struct reading readings[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1985-04-12T23:20:50.52Z", 482196050520},
	    {"1996-12-19T16:39:57-08:00", 851042397000},
	    {"1937-01-01T12:00:27.87+00:20", -1041337172130},
	    {"2026-11-21T22:00:00.123999999999999999999z", 1795298400123},
	    {"2026-11-21t22:00:00.9Z", 1795298400900},
	    {"2000-02-29T00:00:00Z", 951782400000},
	    {"2024-02-29T23:59:59-00:00", 1709251199000},
	    {"0000-01-01T00:00:00Z", -62167219200000},
	    {"9999-12-31T23:59:59.999Z", 253402300799999},
	    {"2026-01-01T00:30:00+23:59", 1767141060000},
	    /* leap seconds */
	    {"1990-12-31T23:59:60Z", 662687999999},
	    {"1990-12-31T15:59:60.5-08:00", 662687999999},
	};
	check(readings, sizeof readings / sizeof *readings, read_rfc3339);
}

static void what_is_no_rfc3339_time_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    "2026",
	    "2026-11-21",
	    "2026-11-21T22:00:00",
	    "2026-11-21T22:00Z",
	    "2026-11-21 22:00:00Z",
	    "2026-11-21T22:00:00.Z",
	    "2026-11-21T22:00:00,5Z",
	    "2026-11-21T22:00:00Zx",
	    " 2026-11-21T22:00:00Z",
	    "2026-11-21T22:00:00+0100",
	    "2026-11-21T22:00:00+24:00",
	    "2026-11-21T22:00:00+01:60",
	    "2026-11-21T22:00:00 01:00",
	    "2026-00-21T22:00:00Z",
	    "2026-13-21T22:00:00Z",
	    "2026-11-00T22:00:00Z",
	    "2026-11-31T22:00:00Z",
	    "2026-02-29T22:00:00Z",
	    "1900-02-29T22:00:00Z",
	    "2026-11-21T24:00:00Z",
	    "2026-11-21T22:60:00Z",
	    "2026-11-21T22:00:61Z",
	    "2026-11-21T22:00:60Z",
	    "2026-11-21T23:59:60Z",
	    "2026-12-31T23:59:60+01:00",
	    "+026-11-21T22:00:00Z",
	    "12026-11-21T22:00:00Z",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_rfc3339(texts[i]) != NO_TIME)
			fail_msg("\"%s\" was taken for a time", texts[i]);
}

static void a_time_ends_where_its_slice_ends(void **state)
{
	(void)state;
	int64_t wall_ms;
	assert_int_equal(clock_parse_rfc3339((struct slice){"2026-11-21T22:00:00Z5", 20}, &wall_ms), 0);
	assert_int_equal(clock_parse_rfc3339((struct slice){"2026-11-21T22:00:00Z5", 19}, &wall_ms), -1);
	assert_int_equal(clock_parse_rfc3339((struct slice){NULL, 0}, &wall_ms), -1);
}

static void times_are_written_in_utc_with_milliseconds(void **state)
{
	(void)state;
	static const struct reading times[] = {
	    {"1970-01-01T00:00:00.000Z", 0},
	    {"1969-12-31T23:59:59.999Z", -1},
	    {"2026-11-21T22:00:00.007Z", 1795298400007},
	    {"2000-02-29T12:34:56.789Z", 951827696789},
	    {"0000-01-01T00:00:00.000Z", INT64_MIN},
	    {"9999-12-31T23:59:59.999Z", INT64_MAX},
	};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		char text[CLOCK_RFC3339_SIZE];
		clock_format_rfc3339(times[i].wall_ms, text);
		assert_string_equal(text, times[i].text);
	}
}

static void every_day_of_ten_thousand_years_is_read_as_it_was_written(void **state)
{
	(void)state;
	char text[CLOCK_RFC3339_SIZE], last[CLOCK_RFC3339_SIZE] = "";
	for (int64_t wall_ms = INT64_C(-62167219200000); wall_ms < INT64_C(253402300800000); wall_ms += 86400000) {
		clock_format_rfc3339(wall_ms, text);
		assert_true(memcmp(text, last, sizeof text) > 0);
		assert_true(read_rfc3339(text) == wall_ms);
		memcpy(last, text, sizeof last);
	}
}

static void http_dates_of_all_three_forms_are_read(void **state)
{
	(void)state;
	static const struct reading readings[] = {
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},  {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
	    {"Sun Nov  6 08:49:37 1994", 784111777000},       {"Wed Nov 16 08:49:37 1994", 784975777000},
	    {"Sat, 21 Nov 2026 22:00:00 GMT", 1795298400000}, {"Saturday, 21-Nov-26 22:00:00 GMT", 1795298400000},
	    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799999},
	};
	check(readings, sizeof readings / sizeof *readings, read_http_date);
}

static void what_is_no_http_date_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    "120",
	    "Sun",
	    "Sun, 06 Nov 1994 08:49:37",
	    "Sun, 06 Nov 1994 08:49:37 UTC",
	    "Sun, 06 Nov 1994 08:49:37 GMT ",
	    "Sun, 6 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 94 08:49:37 GMT",
	    "Sun, 06-Nov-94 08:49:37 GMT",
	    "Sunday, 06 Nov 1994 08:49:37 GMT",
	    "Xyz, 06 Nov 1994 08:49:37 GMT",
	    "Sun, 06 nov 1994 08:49:37 GMT",
	    "Sun, 31 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 25:49:37 GMT",
	    "Sun Nov 06 08:49:37 1994 GMT",
	    "Sun Nov 6 08:49:37 1994",
	    "Sunday Nov  6 08:49:37 1994",
	    "1994-11-06T08:49:37Z",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_http_date(texts[i]) != NO_TIME)
			fail_msg("\"%s\" was taken for a date", texts[i]);
}

static void the_system_clock_goes_on(void **state)
{
	(void)state;
	int64_t before = clock_mono_us(&clock_system);
	assert_true(clock_mono_us(&clock_system) >= before);
	assert_true(clock_wall_ms(&clock_system) > read_rfc3339("2020-01-01T00:00:00Z"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc3339_times_are_read),
	    cmocka_unit_test(what_is_no_rfc3339_time_is_refused),
	    cmocka_unit_test(a_time_ends_where_its_slice_ends),
	    cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
	    cmocka_unit_test(every_day_of_ten_thousand_years_is_read_as_it_was_written),
	    cmocka_unit_test(http_dates_of_all_three_forms_are_read),
	    cmocka_unit_test(what_is_no_http_date_is_refused),
	    cmocka_unit_test(the_system_clock_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
