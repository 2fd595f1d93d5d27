/* States, reasons and failures of deliveries, all from their tables, and the one function that decides a change of state. */
#include "model/delivery.h"

#include <stddef.h>

struct transition {
	enum delivery_change change;
	enum delivery_state from, to;
};

static const struct transition transitions[] = {
#define TRANSITION(change, from, to) {DELIVERY_##change, DELIVERY_##from, DELIVERY_##to},
#include "model/states.def"
#undef TRANSITION
};

struct name {
	const char *text;
	const char *meaning;
};

static const char *const states[DELIVERY_STATES] = {
#define STATE(name, text, number) [number] = text,
#include "model/states.def"
#undef STATE
};

static const struct name reasons[REASONS] = {
#define REASON(name, text, number, meaning) [number] = {text, meaning},
#include "model/reasons.def"
#undef REASON
};

static const struct name failures[FAILURES] = {
#define FAILURE(name, text, number, meaning) [number] = {text, meaning},
#include "model/failures.def"
#undef FAILURE
};

int delivery_change(enum delivery_state from, enum delivery_change change, enum delivery_state *to)
{
	for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++) {
		if (transitions[i].from == from && transitions[i].change == change) {
			*to = transitions[i].to;
			return 0;
		}
	}
	return -1;
}

/* Numbers come from the store, so one that a newer version wrote must not be read past the table's end. */
const char *delivery_state_text(enum delivery_state state)
{
	return (unsigned)state < DELIVERY_STATES ? states[state] : "unknown";
}

const char *delivery_reason_text(enum delivery_reason reason)
{
	return (unsigned)reason < REASONS ? reasons[reason].text : "unknown";
}

const char *attempt_failure_text(enum attempt_failure failure)
{
	return (unsigned)failure < FAILURES && failures[failure].text ? failures[failure].text : "unknown";
}

const char *attempt_failure_meaning(enum attempt_failure failure)
{
	return (unsigned)failure < FAILURES && failures[failure].text ? failures[failure].meaning : "unknown";
}

enum attempt_failure attempt_failure_outside(enum attempt_failure failure)
{
	switch (failure) {
	case FAILURE_DNS:
	case FAILURE_ADDRESS_DENIED:
	case FAILURE_CONNECT:
	case FAILURE_CONNECT_TIMEOUT:
	case FAILURE_PROXY:
		return FAILURE_UNREACHABLE;
	default:
		return failure;
	}
}

int delivery_state_parse(struct slice text, enum delivery_state *state)
{
	for (unsigned i = 0; i < DELIVERY_STATES; i++) {
		if (slice_is(text, states[i])) {
			*state = (enum delivery_state)i;
			return 0;
		}
	}
	return -1;
}

int delivery_reason_parse(struct slice text, enum delivery_reason *reason)
{
	for (unsigned i = REASON_NONE + 1; i < REASONS; i++) {
		if (slice_is(text, reasons[i].text)) {
			*reason = (enum delivery_reason)i;
			return 0;
		}
	}
	return -1;
}
