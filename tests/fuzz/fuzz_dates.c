/* Fuzz target: Retry-After, and the dates that it and others may have. An input is the text. Whatever comes: a wait is never negative, never
 * above its clamp, and that of plain digits is what they say; a date that is understood means the same when it is written again. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/retry.h"

enum { WEEK_S = 7 * 86400 };

const char fuzz_corpus[] = "dates-corpus";

const char *const fuzz_words[] = {
    "0", "1", "-1", "+1", "1e99", "1.5", "0x10", "604800", "604801", "99999999999999999999", " ", "\t", ",", ";", "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Fri, 31 Dec 9999 23:59:59 GMT", "9999", "10000", "0000", "GMT", "UTC", "Feb", "29", "30", "31", "60", "24:00:00",
    "23:59:60", "2030-01-31T08:00:00Z", "+14:00", "-00:00", "T", "Z", ".123456789", "\xff", "\n", "Mon", "Monday", "", NULL,
};

static void demand(bool fine, const char *what, const uint8_t *data, size_t len)
{
	if (!fine) {
		fprintf(stderr, "fuzz_dates: %s: %.*s\n", what, (int)len, (const char *)data);
		abort();
	}
}

static void check_retry_after(struct slice text, int64_t now_ms)
{
	int64_t wait_ms = retry_after_parse(text, now_ms), at_ms = 0;
	const uint8_t *data = (const uint8_t *)text.at;
	bool digits = text.len > 0 && text.len <= 18;
	for (size_t i = 0; i < text.len; i++)
		digits = digits && text.at[i] >= '0' && text.at[i] <= '9';
	demand(wait_ms >= -1 && wait_ms <= WEEK_S * INT64_C(1000), "a wait out of range", data, text.len);
	if (digits) {
		char copy[24] = "";
		memcpy(copy, text.at, text.len);
		long long seconds = strtoll(copy, NULL, 10);
		demand(wait_ms == (seconds > WEEK_S ? WEEK_S : seconds) * INT64_C(1000), "another wait than the digits say", data, text.len);
	} else if (clock_parse_http_date(text, &at_ms) == 0) {
		int64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
		demand(wait_ms == (left_ms > WEEK_S * INT64_C(1000) ? WEEK_S * INT64_C(1000) : left_ms), "another wait than the date says", data, text.len);
	}
}

static void check_dates(struct slice text)
{
	char written[CLOCK_RFC3339_SIZE];
	int64_t at_ms, again_ms;
	bool http = clock_parse_http_date(text, &at_ms) == 0;
	if (!http && clock_parse_rfc3339(text, &at_ms) != 0)
		return;
	clock_format_rfc3339(at_ms, written);
	/* An offset may lead out of the years that can be written. */
	bool writable = at_ms >= INT64_C(-62167219200000) && at_ms <= INT64_C(253402300799999);
	demand(clock_parse_rfc3339(slice_of(written), &again_ms) == 0 && (!writable || again_ms == at_ms), "a date that changes", (const uint8_t *)text.at,
	       text.len);
	/* A leap second is the last millisecond before it. */
	if (http)
		demand((at_ms % 1000 == 0 || at_ms % 1000 == 999 || at_ms % 1000 == -1) && writable, "an HTTP date out of range", (const uint8_t *)text.at, text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const int64_t nows[] = {0, INT64_C(784111777000), INT64_C(1893456000000), INT64_C(253402300799999)};
	/* The bytes alone on the heap, so that a sanitizer sees a step outside. */
	char *copy = malloc(len ? len : 1);
	if (!copy)
		abort();
	if (len)
		memcpy(copy, data, len);
	for (size_t i = 0; i < sizeof nows / sizeof *nows; i++)
		check_retry_after((struct slice){copy, len}, nows[i]);
	check_dates((struct slice){copy, len});
	free(copy);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
void fuzz_seeds(void (*take)(const char *input, size_t len))
{
	static const char *const texts[] = {"",
	                                    "0",
	                                    "120",
	                                    "-1",
	                                    "1e99",
	                                    "604800",
	                                    "18446744073709551616",
	                                    "Sun, 06 Nov 1994 08:49:37 GMT",
	                                    "Sunday, 06-Nov-94 08:49:37 GMT",
	                                    "Sun Nov  6 08:49:37 1994",
	                                    "Fri, 31 Dec 9999 23:59:59 GMT",
	                                    "2030-01-31T08:00:00Z",
	                                    "2030-01-31T08:00:00.123456+14:00",
	                                    "2016-12-31T23:59:60Z"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		take(texts[i], strlen(texts[i]));
}
#endif
