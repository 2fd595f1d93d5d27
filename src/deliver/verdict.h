/* The verdict: what one attempt's result means for the delivery. Pure. */
#ifndef GRAPNEL_DELIVER_VERDICT_H
#define GRAPNEL_DELIVER_VERDICT_H

#include "model/endpoint.h"
#include "store/store.h"

/* A test (delivery_round_tests()) ends here: SUCCEED, or CANCEL with TEST_FAILED, and changes nothing else; what a drill sends twice is
 * RETRY_LATER in between. Of others it fills change, reason, next_due_ms and disable_endpoint of an outcome whose attempt part (status, failure, times) is set.
 * 2xx: SUCCEED. 410: DIE (gone) and the endpoint is disabled. Everything else is retried by the endpoint's policy: RETRY_LATER, or DIE
 * exhausted; DIE expired when the next attempt would come after expires_at or max_age_ms (event_ms is the event's time).
 * retry_after_ms: what the endpoint asked for, -1: nothing. */
void verdict(struct outcome *outcome, const struct endpoint *endpoint, int64_t event_ms, int64_t retry_after_ms, int64_t now_ms,
             double random);
/* Whether the delivery is past its time before it is even sent: then fills a DIE (expired) without an attempt. */
bool verdict_expired(struct outcome *outcome, const struct endpoint *endpoint, int64_t event_ms, int64_t now_ms);

#endif
