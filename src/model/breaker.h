/* The circuit breaker of an endpoint: its policy, and a table of those that are not closed. The scheduler decides (schedule/breaker.h)
 * and keeps the table; the API shows what stands in it. */
#ifndef GRAPNEL_MODEL_BREAKER_H
#define GRAPNEL_MODEL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* Open: no attempts. Half open: one, the probe, decides. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/* Of so many attempts within the window the ratio means something. */
enum { BREAKER_RATIO_MIN = 20 };

struct breaker_policy {
	bool off;           /* it never waits: see schedule/breaker.h */
	int max_failures;   /* it opens after so many failures in a row … */
	double ratio;       /* … or when this part of the attempts fails (0: not looked at) … */
	int64_t window_ms;  /* … of those within this time */
	int64_t wait_ms;    /* until the first probe; doubled after each that fails … */
	int64_t max_wait_ms; /* … up to this */
};

/* false, or an object whose members change what stands in `policy`. */
int breaker_policy_parse(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err) ATTR_MUST_USE;
/* false, or an object with every member. */
json_t *breaker_policy_json(const struct breaker_policy *policy);
/* Takes out of a document what an answer says of the breaker's state, so that what was read can be written. */
void breaker_policy_strip(json_t *value);

const char *breaker_state_text(enum breaker_state state);

enum { BREAKER_WHY_SIZE = 400 };

struct breaker_view {
	enum breaker_state state;
	int64_t since_ms;      /* wall: when it opened; 0: it is closed */
	unsigned failures;     /* attempts that failed since the last success */
	int64_t next_probe_ms; /* wall: open: a probe is due then; 0: not open */
	char why[BREAKER_WHY_SIZE]; /* a sentence for a person; "": closed */
	char why_outside[BREAKER_WHY_SIZE]; /* the same for a subscriber, who is not told how the hub reaches the endpoint */
};

/* A table in memory under a lock. */
struct breakers;
struct breakers *breakers_new(void);
void breakers_free(struct breakers *breakers); /* NULL is allowed */
/* The scheduler's thread. */
void breakers_put(struct breakers *breakers, int64_t endpoint, const struct breaker_view *view); /* closed: takes it out */
/* Any thread. An endpoint that is not in the table has a closed breaker. */
void breakers_get(struct breakers *breakers, int64_t endpoint, struct breaker_view *view);
/* Any thread. How many are open, and how many half open. */
void breakers_count(struct breakers *breakers, unsigned *open, unsigned *half_open);
/* Any thread. {"state", "since", "failures", "next_probe_at", "why"}, `outside` for a subscriber. */
json_t *breaker_view_json(const struct breaker_view *view, bool outside);

#endif
