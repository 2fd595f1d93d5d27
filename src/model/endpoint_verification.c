/* How an endpoint is verified, and what came of it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/check.h"
#include "model/endpoint_fields.h"

static const char *const types[] = {[VERIFY_NONE] = "none", [VERIFY_CLOUDEVENTS] = "cloudevents", [VERIFY_CHALLENGE] = "challenge"};
static const char *const states[] = {
    [VERIFICATION_PENDING] = "pending", [VERIFICATION_VERIFIED] = "verified", [VERIFICATION_FAILED] = "failed"};

const char *verification_type_text(enum verification_type type)
{
	return types[type];
}

static int parse_type(struct slice text, enum verification_type *type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (slice_is(text, types[i])) {
			*type = (enum verification_type)i;
			return 0;
		}
	}
	return -1;
}

int endpoint_read_verification(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	enum verification_type type;
	char place[ERR_POINTER_MAX];
	const char *key;
	json_t *member;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object: {\"type\": \"challenge\"}");
	json_object_foreach((json_t *)value, key, member)
	{
		check_member(place, pointer, key);
		if (strcmp(key, "type") != 0)
			return err_field(err, ERR_INVALID, place, "unknown field; a verification has a type");
	}
	check_member(place, pointer, "type");
	if (parse_type(check_slice(json_object_get(value, "type")), &type))
		return err_field(err, ERR_INVALID, place, "must be none, cloudevents or challenge");
	free(endpoint->verification);
	endpoint->verification = type == VERIFY_NONE ? NULL : mem_new(struct endpoint_verification);
	if (endpoint->verification)
		endpoint->verification->type = type;
	return 0;
}

void endpoint_take_verification(struct endpoint *endpoint, const struct endpoint_verification *verification, const char *url)
{
	if (url && endpoint->verification && endpoint->verification->type == verification->type && strcmp(url, endpoint->url) == 0)
		*endpoint->verification = *verification;
}

const struct rate *endpoint_rate(const struct endpoint *endpoint)
{
	const struct rate *own = &endpoint->rate;
	const struct rate *allowed = endpoint->verification ? &endpoint->verification->allowed : own;
	bool less = allowed->limit && (!own->limit || allowed->limit * own->per_ms < own->limit * allowed->per_ms);
	return less ? allowed : own;
}

void endpoint_verification_split(json_t *doc)
{
	static const char *const read_only[] = {"state", "since", "detail", "allowed_per_minute"};
	json_t *verification = json_object_get(doc, "verification");
	for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
		json_object_del(verification, read_only[i]); /* -1 only says that it was not there */
}

json_t *endpoint_verification_json(const struct endpoint_verification *verification)
{
	char since[CLOCK_RFC3339_SIZE];
	if (!verification)
		return json_pack("{s:s}", "type", types[VERIFY_NONE]);
	clock_format_rfc3339(verification->since_ms, since);
	json_t *allowed = verification->allowed.limit ? json_integer(verification->allowed.limit) : json_null();
	return json_pack("{s:s, s:s, s:s, s:s?, s:o}", "type", types[verification->type], "state", states[verification->state], "since", since,
	                 "detail", verification->detail[0] ? verification->detail : NULL, "allowed_per_minute", allowed);
}
