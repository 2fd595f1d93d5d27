/* Drills: which request is which, and what the answers mean. */
#include "model/drill.h"

#include "base/clock.h"

enum drill drill_of(int32_t round, int32_t attempts)
{
	switch (round) {
	case DELIVERY_ROUND_DRILL_VALID:
		return attempts == 0 ? DRILL_VALID : DRILL_DUPLICATE;
	case DELIVERY_ROUND_DRILL_BAD_SIGNATURE:
		return DRILL_BAD_SIGNATURE;
	case DELIVERY_ROUND_DRILL_STALE:
		return DRILL_STALE;
	default:
		return DRILL_NONE;
	}
}

bool drill_repeats(int32_t round, int32_t attempts)
{
	return drill_of(round, attempts) == DRILL_VALID;
}

int32_t drill_round(enum drill drill)
{
	static const int32_t rounds[DRILLS] = {
	    [DRILL_NONE] = DELIVERY_ROUND_TEST,
	    [DRILL_VALID] = DELIVERY_ROUND_DRILL_VALID,
	    [DRILL_DUPLICATE] = DELIVERY_ROUND_DRILL_VALID,
	    [DRILL_BAD_SIGNATURE] = DELIVERY_ROUND_DRILL_BAD_SIGNATURE,
	    [DRILL_STALE] = DELIVERY_ROUND_DRILL_STALE,
	};
	return rounds[drill];
}

const char *drill_text(enum drill drill)
{
	static const char *const texts[DRILLS] = {NULL, "valid", "duplicate", "bad-signature", "stale"};
	return texts[drill];
}

bool drill_expects_success(enum drill drill)
{
	return drill == DRILL_VALID || drill == DRILL_DUPLICATE;
}

enum drill_answer drill_answer_of(enum drill drill, enum attempt_failure failure, int status)
{
	if (failure == FAILURE_NONE)
		return DRILL_ACCEPTED;
	if (status == 0)
		return failure == FAILURE_TOKEN ? DRILL_NO_TOKEN : DRILL_SILENT;
	return drill == DRILL_VALID && status >= 500 ? DRILL_BROKEN : DRILL_REFUSED;
}

static bool answered(enum drill_answer answer)
{
	return answer == DRILL_ACCEPTED || answer == DRILL_REFUSED || answer == DRILL_BROKEN;
}

void drill_judge(const enum drill_answer answers[DRILLS], struct drill_result *result)
{
	bool whole = true;
	unsigned found = 0;
	for (enum drill drill = DRILL_VALID; drill < DRILLS; drill++) {
		/* A duplicate follows only what was accepted. */
		whole &= answered(answers[drill]) || drill == DRILL_DUPLICATE;
		found |= answers[drill] == DRILL_SILENT ? DRILL_FOUND_NO_ANSWER : 0u;
		found |= answers[drill] == DRILL_NO_TOKEN ? DRILL_FOUND_NO_TOKEN : 0u;
	}
	found |= answers[DRILL_VALID] == DRILL_REFUSED ? DRILL_FOUND_VALID : 0u;
	found |= answers[DRILL_VALID] == DRILL_BROKEN ? DRILL_FOUND_BROKEN : 0u;
	found |= answers[DRILL_DUPLICATE] == DRILL_REFUSED ? DRILL_FOUND_DUPLICATE : 0u;
	found |= answers[DRILL_BAD_SIGNATURE] == DRILL_ACCEPTED ? DRILL_FOUND_BAD_SIGNATURE : 0u;
	found |= answers[DRILL_STALE] == DRILL_ACCEPTED ? DRILL_FOUND_STALE : 0u;
	result->findings = found;
	if (found & (DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_STALE))
		result->verdict = DRILL_INSECURE;
	else if (!answered(answers[DRILL_VALID]))
		result->verdict = DRILL_UNREACHABLE;
	else if (!whole || found & (DRILL_FOUND_VALID | DRILL_FOUND_BROKEN | DRILL_FOUND_NO_ANSWER))
		result->verdict = DRILL_INCONCLUSIVE;
	else
		result->verdict = DRILL_PASSED;
}

void drill_mark(struct drill_result *result, const struct drill_result *before)
{
	result->insecure = before->insecure;
	result->insecure_ms = before->insecure_ms;
	if (result->verdict == DRILL_PASSED) {
		result->insecure = 0;
		result->insecure_ms = 0;
	} else if (result->verdict == DRILL_INSECURE) {
		result->insecure = result->findings & (DRILL_FOUND_BAD_SIGNATURE | DRILL_FOUND_STALE);
		result->insecure_ms = before->insecure_ms ? before->insecure_ms : result->at_ms;
	}
}

/* ---- As JSON ---- */

const char *drill_verdict_text(enum drill_verdict verdict)
{
	static const char *const texts[] = {
	    [DRILL_PASSED] = "passed",
	    [DRILL_INSECURE] = "insecure",
	    [DRILL_INCONCLUSIVE] = "inconclusive",
	    [DRILL_UNREACHABLE] = "unreachable",
	};
	return verdict >= DRILL_PASSED && verdict <= DRILL_UNREACHABLE ? texts[verdict] : "unknown";
}

static const struct {
	const char *code, *severity, *meaning;
	unsigned bit;
} findings[] = {
#define FINDING(name, code, bit, severity, meaning) {code, severity, meaning, bit},
#include "model/drill.def"
#undef FINDING
};

enum { FINDINGS = sizeof findings / sizeof *findings };

json_t *drill_findings_json(unsigned found)
{
	json_t *list = json_array();
	for (size_t i = 0; i < FINDINGS; i++) {
		if (found & findings[i].bit && json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "code", findings[i].code, "severity",
		                                                                     findings[i].severity, "detail", findings[i].meaning))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

json_t *drill_insecure_json(const struct drill_result *result)
{
	if (result->insecure_ms == 0)
		return json_null();
	return json_pack("{s:o, s:o}", "since", time_json(result->insecure_ms), "findings", drill_findings_json(result->insecure));
}

json_t *drill_json(const struct drill_result *result)
{
	if (result->at_ms == 0)
		return json_null();
	return json_pack("{s:o, s:s}", "at", time_json(result->at_ms), "verdict", drill_verdict_text(result->verdict));
}
