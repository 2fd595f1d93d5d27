/* Passes events to a program on this machine as a hub would deliver them: POST, the exact bytes, signed. One try each. Owned by one thread.
 */
#ifndef GRAPNEL_CLI_FORWARD_H
#define GRAPNEL_CLI_FORWARD_H

#include <signal.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

struct forward;

struct forward_result {
	int status; /* 0: there was no answer, `why` tells */
	int64_t duration_ms;
	char why[256];
};

/* `secret`: "whsec_…", or NULL for a new one. NULL: err says why. */
struct forward *forward_new(const char *url, const char *secret, const struct clock *clock, const volatile sig_atomic_t *interrupted,
                            struct err *err) ATTR_MUST_USE;
void forward_free(struct forward *forward); /* NULL is allowed */
/* The secret in text. */
const char *forward_secret(const struct forward *forward);
/* `event` as the API shows it. */
void forward_send(struct forward *forward, const json_t *event, struct slice payload, struct forward_result *result);

#endif
