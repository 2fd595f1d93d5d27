/* A delivery: one event due at one endpoint; an attempt: one HTTP request of it. The states and their transitions stand in
 * states.def, and delivery_change() is the one function that decides a change of state. */
#ifndef GRAPNEL_MODEL_DELIVERY_H
#define GRAPNEL_MODEL_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

enum delivery_state {
#define STATE(name, text, number) DELIVERY_##name = number,
#include "model/states.def"
#undef STATE
	DELIVERY_STATES
};

enum delivery_change {
	DELIVERY_SUCCEED,
	DELIVERY_RETRY_LATER,
	DELIVERY_DIE,
	DELIVERY_CANCEL,
	DELIVERY_PROMOTE,
	DELIVERY_HASTEN,
	DELIVERY_REOPEN,
	DELIVERY_DISCARD,
	DELIVERY_CHANGES
};

enum delivery_reason {
#define REASON(name, text, number, meaning) REASON_##name = number,
#include "model/reasons.def"
#undef REASON
	REASONS
};

enum attempt_failure {
#define FAILURE(name, text, number, meaning) FAILURE_##name = number,
#include "model/failures.def"
#undef FAILURE
	FAILURES
};

/* 0 and the new state, or -1 when the table has no such transition. */
int delivery_change(enum delivery_state from, enum delivery_change change, enum delivery_state *to) ATTR_MUST_USE;

const char *delivery_state_text(enum delivery_state state);
const char *delivery_reason_text(enum delivery_reason reason);
const char *attempt_failure_text(enum attempt_failure failure);
const char *attempt_failure_meaning(enum attempt_failure failure);
/* What those are told who do not run the hub: that an endpoint cannot be reached, not why, or they could explore its network by URLs
 * of their choice. Whether details and durations are shown to them follows from it: not of UNREACHABLE. */
enum attempt_failure attempt_failure_outside(enum attempt_failure failure);
int delivery_state_parse(struct slice text, enum delivery_state *state) ATTR_MUST_USE;
int delivery_reason_parse(struct slice text, enum delivery_reason *reason) ATTR_MUST_USE;

enum { DELIVERY_RESPONSE_MAX = 4096 }; /* bytes of a response that are kept */
/* A test is sent once, at once, outside of any order and window, and a failed one ends cancelled: it is round 0 of a delivery. Sent again
 * by hand it becomes one like any other. */
enum { DELIVERY_ROUND_TEST = 0, DELIVERY_ROUND_FIRST = 1 };

#endif
