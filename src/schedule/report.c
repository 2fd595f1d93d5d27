/* What others hear of a breaker: the table that the API shows, and who is told that it opened or closed. */
#include <stdio.h>
#include <string.h>

#include "schedule/thread.h"

/* What the last failure was, in a person's words. A subscriber learns no more of it than of an attempt. */
static void last_failure(const struct outcome *outcome, bool outside, char *out, size_t size)
{
	enum attempt_failure failure = outside ? attempt_failure_outside(outcome->failure) : outcome->failure;
	const char *meaning = attempt_failure_meaning(failure);
	if (failure == FAILURE_STATUS || failure == FAILURE_REDIRECT)
		snprintf(out, size, "HTTP %d", outcome->status);
	else if (outside || !outcome->detail[0] || strcmp(outcome->detail, meaning) == 0)
		snprintf(out, size, "%s", meaning);
	else
		snprintf(out, size, "%s (%s)", meaning, outcome->detail);
}

static void explain(const struct lane *lane, const struct outcome *outcome, bool outside, char out[BREAKER_WHY_SIZE])
{
	char last[300];
	last_failure(outcome, outside, last, sizeof last);
	if (lane->breaker.by_ratio)
		snprintf(out, BREAKER_WHY_SIZE, "%.0f%% or more of the attempts failed; the last: %s", endpoint_breaker(lane->endpoint)->ratio * 100, last);
	else
		snprintf(out, BREAKER_WHY_SIZE, "%u %s failed in a row; the last: %s", lane->breaker.failures,
		         lane->breaker.failures == 1 ? "attempt" : "attempts", last);
}

void scheduler_report(struct scheduler *scheduler, const struct lane *lane, const struct outcome *outcome)
{
	const struct scheduler_config *config = &scheduler->config;
	struct breaker_view before = {.state = BREAKER_CLOSED}, view;
	if (!config->breakers)
		return;
	breakers_get(config->breakers, lane->endpoint_id, &before);
	view = before;
	view.state = endpoint_breaker(lane->endpoint)->off ? BREAKER_CLOSED : lane->breaker.state;
	view.failures = lane->breaker.failures;
	if (before.state == BREAKER_CLOSED && view.state == BREAKER_CLOSED)
		return;
	if (view.since_ms == 0)
		view.since_ms = scheduler->now_ms;
	view.next_probe_ms =
	    view.state == BREAKER_OPEN ? scheduler->now_ms + (lane->breaker.probe_us - scheduler->now_us) / 1000 : 0;
	if (outcome && view.state == BREAKER_OPEN) {
		explain(lane, outcome, false, view.why);
		explain(lane, outcome, true, view.why_outside);
	}
	breakers_put(config->breakers, lane->endpoint_id, &view);
	/* One that is reset because its endpoint was disabled or is without one now has not recovered. */
	enum endpoint_status status = lane->endpoint->meta.status;
	bool opened = before.state == BREAKER_CLOSED, serves = status == ENDPOINT_ACTIVE || status == ENDPOINT_PAUSED;
	if (!config->breaker || (!opened && (lane_probes(lane) || !serves)))
		return;
	const struct breaker_report report = {
	    .endpoint = lane->endpoint_id,
	    .subscriber = lane->endpoint->meta.subscriber,
	    .opened = opened,
	    .since_ms = view.since_ms,
	    .failures = view.failures,
	    .failure = outcome ? outcome->failure : FAILURE_NONE,
	    .why = view.why,
	    .why_outside = view.why_outside,
	    .next_probe_ms = view.next_probe_ms,
	};
	config->breaker(config->context, &report);
}
