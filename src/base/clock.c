/* Time: the system's clocks, and the text forms of wall time. */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CLOCK_DAY_MS INT64_C(86400000)
#define CLOCK_YEAR_0_MS INT64_C(-62167219200000)
#define CLOCK_YEAR_9999_MS INT64_C(253402300799999)

static int64_t clock_system_wall_ms(void *context)
{
	(void)context;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t clock_system_mono_us(void *context)
{
	(void)context;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct clock clock_system = {clock_system_wall_ms, clock_system_mono_us, NULL};

/* A time of day in the proleptic Gregorian calendar. */
struct clock_civil {
	int year;
	int month; /* 1–12 */
	int day;   /* 1–31 */
	int hour;
	int minute;
	int second; /* 60: a leap second */
	int ms;
};

/* Days since 1970-01-01. The year is reckoned from March, so that the leap day is its last (Howard Hinnant's algorithms). */
static int64_t clock_days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static struct clock_civil clock_civil_of(int64_t wall_ms)
{
	int64_t days = (wall_ms >= 0 ? wall_ms : wall_ms - (CLOCK_DAY_MS - 1)) / CLOCK_DAY_MS;
	int64_t rest = wall_ms - days * CLOCK_DAY_MS;
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_index = (5 * day_of_year + 2) / 153;
	int month = (int)(month_index < 10 ? month_index + 3 : month_index - 9);
	return (struct clock_civil){
	    .year = (int)(year_of_era + era * 400) + (month <= 2),
	    .month = month,
	    .day = (int)(day_of_year - (153 * month_index + 2) / 5) + 1,
	    .hour = (int)(rest / 3600000),
	    .minute = (int)(rest / 60000 % 60),
	    .second = (int)(rest / 1000 % 60),
	    .ms = (int)(rest % 1000),
	};
}

void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
	if (wall_ms < CLOCK_YEAR_0_MS)
		wall_ms = CLOCK_YEAR_0_MS;
	if (wall_ms > CLOCK_YEAR_9999_MS)
		wall_ms = CLOCK_YEAR_9999_MS;
	struct clock_civil civil = clock_civil_of(wall_ms);
	/* The moduli tell the compiler that each field fits its width. */
	snprintf(out, CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)civil.year % 10000, (unsigned)civil.month % 100,
	         (unsigned)civil.day % 100, (unsigned)civil.hour % 100, (unsigned)civil.minute % 100, (unsigned)civil.second % 100,
	         (unsigned)civil.ms % 1000);
}

static int clock_month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

/* The fields' ranges are checked; offset_min is how far local time is ahead of UTC. */
static int clock_wall_of(const struct clock_civil *civil, int offset_min, int64_t *wall_ms)
{
	if (civil->month < 1 || civil->month > 12 || civil->day < 1 || civil->day > clock_month_days(civil->year, civil->month) ||
	    civil->hour > 23 || civil->minute > 59 || civil->second > 60)
		return -1;
	int64_t minutes = clock_days_of(civil->year, civil->month, civil->day) * 1440 + civil->hour * 60 + civil->minute - offset_min;
	int64_t wall = minutes * 60000;
	if (civil->second < 60) {
		*wall_ms = wall + civil->second * 1000 + civil->ms;
		return 0;
	}
	/* Leap seconds end the last day of a month, in UTC, and nothing else. The millisecond before is the nearest that exists. */
	struct clock_civil next = clock_civil_of(wall + 60000);
	if (next.day != 1 || next.hour != 0 || next.minute != 0)
		return -1;
	*wall_ms = wall + 59999;
	return 0;
}

/* The readers below take something off the front of the text, or say false. */
static bool clock_take(struct slice *text, size_t len)
{
	text->at += len;
	text->len -= len;
	return true;
}

static bool clock_take_text(struct slice *text, const char *wanted)
{
	size_t len = strlen(wanted);
	return text->len >= len && memcmp(text->at, wanted, len) == 0 && clock_take(text, len);
}

static bool clock_take_either(struct slice *text, char a, char b)
{
	return text->len > 0 && (text->at[0] == a || text->at[0] == b) && clock_take(text, 1);
}

static bool clock_take_digits(struct slice *text, size_t digits, int *out)
{
	int value = 0;
	if (text->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (text->at[i] < '0' || text->at[i] > '9')
			return false;
		value = value * 10 + (text->at[i] - '0');
	}
	*out = value;
	return clock_take(text, digits);
}

static bool clock_take_time(struct slice *text, struct clock_civil *civil)
{
	return clock_take_digits(text, 2, &civil->hour) && clock_take_text(text, ":") && clock_take_digits(text, 2, &civil->minute) &&
	       clock_take_text(text, ":") && clock_take_digits(text, 2, &civil->second);
}

/* An optional fraction, cut to milliseconds. */
static bool clock_take_fraction(struct slice *text, int *ms)
{
	*ms = 0;
	if (!clock_take_text(text, "."))
		return true;
	int digit, digits = 0;
	for (int scale = 100; clock_take_digits(text, 1, &digit); scale /= 10, digits++)
		*ms += digit * scale;
	return digits > 0;
}

static bool clock_take_offset(struct slice *text, int *minutes)
{
	*minutes = 0;
	if (clock_take_either(text, 'Z', 'z'))
		return true;
	int hour, minute;
	bool west = text->len > 0 && text->at[0] == '-';
	if (!clock_take_either(text, '+', '-') || !clock_take_digits(text, 2, &hour) || !clock_take_text(text, ":") ||
	    !clock_take_digits(text, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*minutes = (hour * 60 + minute) * (west ? -1 : 1);
	return true;
}

int clock_parse_rfc3339(struct slice text, int64_t *wall_ms)
{
	struct clock_civil civil = {0};
	int offset_min;
	if (!clock_take_digits(&text, 4, &civil.year) || !clock_take_text(&text, "-") || !clock_take_digits(&text, 2, &civil.month) ||
	    !clock_take_text(&text, "-") || !clock_take_digits(&text, 2, &civil.day) || !clock_take_either(&text, 'T', 't') ||
	    !clock_take_time(&text, &civil) || !clock_take_fraction(&text, &civil.ms) || !clock_take_offset(&text, &offset_min) || text.len)
		return -1;
	return clock_wall_of(&civil, offset_min, wall_ms);
}

static const char *const clock_weekdays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const clock_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool clock_take_month(struct slice *text, int *month)
{
	for (int i = 0; i < 12; i++)
		if (clock_take_text(text, clock_months[i])) {
			*month = i + 1;
			return true;
		}
	return false;
}

/* A weekday, whole or its first three letters; it is not compared with the date. */
static bool clock_take_weekday(struct slice *text, bool *whole)
{
	for (int i = 0; i < 7; i++) {
		if (clock_take_text(text, clock_weekdays[i])) {
			*whole = true;
			return true;
		}
		if (text->len >= 3 && memcmp(text->at, clock_weekdays[i], 3) == 0) {
			*whole = false;
			return clock_take(text, 3);
		}
	}
	return false;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool clock_take_imf(struct slice *text, struct clock_civil *civil)
{
	return clock_take_digits(text, 2, &civil->day) && clock_take_text(text, " ") && clock_take_month(text, &civil->month) &&
	       clock_take_text(text, " ") && clock_take_digits(text, 4, &civil->year) && clock_take_text(text, " ") &&
	       clock_take_time(text, civil) && clock_take_text(text, " GMT");
}

/* "06-Nov-94 08:49:37 GMT"; a year that seems more than 50 years ahead is meant to be past (RFC 9110, 5.6.7). */
static bool clock_take_rfc850(struct slice *text, struct clock_civil *civil)
{
	if (!clock_take_digits(text, 2, &civil->day) || !clock_take_text(text, "-") || !clock_take_month(text, &civil->month) ||
	    !clock_take_text(text, "-") || !clock_take_digits(text, 2, &civil->year) || !clock_take_text(text, " ") ||
	    !clock_take_time(text, civil) || !clock_take_text(text, " GMT"))
		return false;
	int this_year = clock_civil_of(clock_wall_ms(&clock_system)).year;
	civil->year += this_year - this_year % 100;
	if (civil->year > this_year + 50)
		civil->year -= 100;
	return true;
}

/* "Nov  6 08:49:37 1994" */
static bool clock_take_asctime(struct slice *text, struct clock_civil *civil)
{
	return clock_take_month(text, &civil->month) && clock_take_text(text, " ") &&
	       clock_take_digits(text, clock_take_text(text, " ") ? 1 : 2, &civil->day) && clock_take_text(text, " ") &&
	       clock_take_time(text, civil) && clock_take_text(text, " ") && clock_take_digits(text, 4, &civil->year);
}

int clock_parse_http_date(struct slice text, int64_t *wall_ms)
{
	struct clock_civil civil = {0};
	bool whole, taken;
	if (!clock_take_weekday(&text, &whole))
		return -1;
	if (clock_take_text(&text, ", "))
		taken = whole ? clock_take_rfc850(&text, &civil) : clock_take_imf(&text, &civil);
	else
		taken = !whole && clock_take_text(&text, " ") && clock_take_asctime(&text, &civil);
	return taken && text.len == 0 ? clock_wall_of(&civil, 0, wall_ms) : -1;
}
