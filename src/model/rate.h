/* How many attempts an endpoint takes in a span of time: its policy. schedule/pace.h is the arithmetic that keeps it. */
#ifndef GRAPNEL_MODEL_RATE_H
#define GRAPNEL_MODEL_RATE_H

#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

struct rate {
	int64_t limit, per_ms; /* limit 0: there is none */
};

/* null is none. */
int rate_parse(const json_t *value, const char *pointer, struct rate *rate, struct err *err) ATTR_MUST_USE;
json_t *rate_json(const struct rate *rate);

#endif
