/* The verdict. The order of the rules is the contract: what ends a delivery for good comes before what may be tried again. */
#include "deliver/verdict.h"

/* expires_at counts always. max_age_ms counts from the event, but only while the delivery is in its first round: a retry by hand
 * is asked for by somebody who knows its age. */
static bool is_past(const struct due *due, const struct endpoint *endpoint, int64_t event_ms, int64_t at_ms)
{
	if (due->expires_ms && at_ms >= due->expires_ms)
		return true;
	int64_t max_age_ms = endpoint_retry(endpoint)->max_age_ms;
	return max_age_ms && due->round == DELIVERY_ROUND_FIRST && at_ms - event_ms >= max_age_ms;
}

static void die(struct outcome *outcome, enum delivery_reason reason)
{
	outcome->change = DELIVERY_DIE;
	outcome->reason = reason;
}

void verdict(struct outcome *outcome, const struct endpoint *endpoint, int64_t event_ms, int64_t retry_after_ms, int64_t now_ms,
             double random)
{
	outcome->reason = REASON_NONE;
	outcome->next_due_ms = 0;
	outcome->disable_endpoint = false;
	if (outcome->failure == FAILURE_NONE) {
		bool again = drill_repeats(outcome->due.round, outcome->due.attempts);
		outcome->change = again ? DELIVERY_RETRY_LATER : DELIVERY_SUCCEED;
		outcome->next_due_ms = again ? now_ms : 0;
		return;
	}
	if (delivery_round_tests(outcome->due.round)) {
		outcome->change = DELIVERY_CANCEL;
		outcome->reason = REASON_TEST_FAILED;
		return;
	}
	if (outcome->failure == FAILURE_STATUS && outcome->status == 410) {
		die(outcome, REASON_GONE);
		outcome->disable_endpoint = true;
		return;
	}
	int64_t delay_ms = retry_delay_ms(endpoint_retry(endpoint), outcome->due.round_attempts + 1, random, retry_after_ms);
	if (delay_ms < 0) {
		die(outcome, REASON_EXHAUSTED);
	} else if (is_past(&outcome->due, endpoint, event_ms, now_ms + delay_ms)) {
		die(outcome, REASON_EXPIRED);
	} else {
		outcome->change = DELIVERY_RETRY_LATER;
		outcome->next_due_ms = now_ms + delay_ms;
	}
}

bool verdict_expired(struct outcome *outcome, const struct endpoint *endpoint, int64_t event_ms, int64_t now_ms)
{
	if (!is_past(&outcome->due, endpoint, event_ms, now_ms))
		return false;
	die(outcome, REASON_EXPIRED);
	outcome->next_due_ms = 0;
	outcome->disable_endpoint = false;
	outcome->attempted = false;
	return true;
}
