/* A drill: an endpoint is sent four requests, of which it should accept two. What a delivery of a drill is stands in its round
 * (delivery.h): -1 is sent as it should be, and once more when it was accepted (a duplicate); -2 is signed wrongly, -3 was signed too long
 * ago. The other rounds of such a delivery, which somebody asks for by hand, are like those of any other. */
#ifndef GRAPNEL_MODEL_DRILL_H
#define GRAPNEL_MODEL_DRILL_H

#include <jansson.h>

#include "model/delivery.h"

enum drill { DRILL_NONE, DRILL_VALID, DRILL_DUPLICATE, DRILL_BAD_SIGNATURE, DRILL_STALE, DRILLS };

enum { DRILL_STALE_S = 86400 }; /* outside of every tolerance that somebody may have chosen on purpose */

/* In the order of the requests: what the next attempt is, by the delivery's round and how many attempts it had. */
enum drill drill_of(int32_t round, int32_t attempts);
/* Whether another attempt follows one of these that was accepted. */
bool drill_repeats(int32_t round, int32_t attempts);
int32_t drill_round(enum drill drill);
/* "bad-signature", as in the header grapnel-drill; NULL for DRILL_NONE. */
const char *drill_text(enum drill drill);
bool drill_expects_success(enum drill drill);

/* ---- What came of it ---- */

enum drill_finding {
#define FINDING(name, code, bit, severity, meaning) DRILL_FOUND_##name = bit,
#include "model/drill.def"
#undef FINDING
};

enum drill_verdict { DRILL_PASSED = 1, DRILL_INSECURE, DRILL_INCONCLUSIVE, DRILL_UNREACHABLE };

/* One answer. */
enum drill_answer {
	DRILL_NOT_SENT,
	DRILL_ACCEPTED /* 2xx */,
	DRILL_REFUSED /* another status … */,
	DRILL_BROKEN /* … of 500 or more to the valid one: no verdict of the receiver's */,
	DRILL_SILENT /* no HTTP answer */,
	DRILL_NO_TOKEN /* nor a request: there was no access token for it */,
};
/* What an attempt of these was answered; `failure` FAILURE_NONE: it succeeded. */
enum drill_answer drill_answer_of(enum drill drill, enum attempt_failure failure, int status);

/* What an endpoint's row keeps of its drills. */
struct drill_result {
	int64_t at_ms;         /* of the last one; 0: there was none */
	enum drill_verdict verdict;
	unsigned findings;     /* bits */
	int64_t insecure_ms;   /* since when it is held to be insecure; 0: it is not */
	unsigned insecure;     /* the findings that say so */
};

/* Findings and verdict of the answers, which stand by enum drill. */
void drill_judge(const enum drill_answer answers[DRILLS], struct drill_result *result);
/* Keeps the mark of an insecure endpoint, `before`, unless this drill takes it away or sets it anew. */
void drill_mark(struct drill_result *result, const struct drill_result *before);

const char *drill_verdict_text(enum drill_verdict verdict);
/* [{"code", "severity", "detail"}] of these bits, the gravest first. */
json_t *drill_findings_json(unsigned findings);
/* The members `insecure` and `drill` of an endpoint. */
json_t *drill_insecure_json(const struct drill_result *result);
json_t *drill_json(const struct drill_result *result);

#endif
