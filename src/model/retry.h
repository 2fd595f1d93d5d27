/* The retry policy of an endpoint and its arithmetic; pure functions.
 * Exponential: the wait after the k-th failed attempt of a round is base · factor^(k-1), at most max_delay, ± jitter.
 * Schedule: the list's k-th wait, exactly; the attempts are one more than the list is long. */
#ifndef GRAPNEL_MODEL_RETRY_H
#define GRAPNEL_MODEL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

enum { RETRY_SCHEDULE_MAX = 64 };

struct retry_policy {
	bool scheduled;
	int64_t base_ms;      /* 5,000; 1 … 24 h */
	double factor;        /* 3.5; 1 … 100 */
	int64_t max_delay_ms; /* 86,400,000; 1 … 7 days */
	int max_attempts;     /* 12; 1 … 100 */
	int64_t max_age_ms;   /* 0: no limit; at most 400 days. Ends a delivery this long after its event */
	double jitter;        /* 0.2: ± 20 %; 0 … 1 */
	unsigned schedule_len;
	int32_t schedule_ms[RETRY_SCHEDULE_MAX]; /* each 0 … 7 days (below 2^31 ms) */
};

struct retry_policy retry_policy_default(void);
/* From an endpoint's `retry` object (see DESIGN, API), over the defaults that `policy` holds already. Unknown fields, mixed forms and
 * values out of range are errors below `pointer` ("/retry"); `policy` stays as it was then. */
int retry_policy_parse(const json_t *object, const char *pointer, struct retry_policy *policy, struct err *err) ATTR_MUST_USE;
json_t *retry_policy_json(const struct retry_policy *policy);

/* The wait before the next attempt after `failed` (≥ 1) failed attempts of this round, or -1 when they are used up.
 * `random` is uniform in [0, 1). retry_after_ms ≥ 0 is what the endpoint asked for (-1: nothing): the wait is at least that,
 * clamped to max_delay_ms (scheduled: to 24 h). */
int64_t retry_delay_ms(const struct retry_policy *policy, int failed, double random, int64_t retry_after_ms);

/* Retry-After (RFC 9110, 10.2.3): delay-seconds or an HTTP date; -1 for anything else (negative, fraction, garbage, over-long).
 * Dates in the past give 0; the result is clamped to 7 days. */
int64_t retry_after_parse(struct slice value, int64_t wall_ms);

#endif
