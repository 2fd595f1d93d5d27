/* Points in time as arguments: RFC 3339, or "+30d": from now on. */
#ifndef GRAPNEL_CLI_WHEN_H
#define GRAPNEL_CLI_WHEN_H

#include "base/clock.h"
#include "base/err.h"

/* As RFC 3339 in UTC; the error says what is accepted. */
int when_parse(const char *text, const struct clock *clock, char out[CLOCK_RFC3339_SIZE], struct err *err) ATTR_MUST_USE;

#endif
