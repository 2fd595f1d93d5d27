/* Endpoints as the API shows them, and RFC 7396, which changes their documents. */
#include "model/endpoint.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/id.h"
#include "model/credentials.h"
#include "model/endpoint_fields.h"

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

/* A copy of a member of the document; what stands in its place (taken over) when it is not there. */
static json_t *member_or(const json_t *doc, const char *key, json_t *otherwise)
{
	const json_t *value = json_object_get(doc, key);
	if (!value)
		return otherwise;
	json_decref(otherwise);
	return json_deep_copy(value);
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

void endpoint_public_key_text(const struct endpoint_pair *pair, char out[ENDPOINT_PUBLIC_KEY_TEXT_SIZE])
{
	static const char prefix[] = "whpk_";
	memcpy(out, prefix, sizeof prefix - 1);
	codec_base64(pair->public_key, sizeof pair->public_key, out + sizeof prefix - 1);
}

/* A document from before secrets were sealed may still have some. */
static json_t *headers_json(const json_t *doc)
{
	json_t *headers = member_or(doc, "headers", json_object()), *value;
	const char *name;
	int result = 0;
	json_object_foreach(headers, name, value)
	{
		if (credential_header(name))
			result |= json_object_set_new(headers, name, json_string(CREDENTIAL_SET));
	}
	if (result == 0)
		return headers;
	json_decref(headers);
	return NULL;
}

/* Why nobody should rely on what goes to this endpoint. */
static json_t *insecure_json(const struct endpoint *endpoint)
{
	if (!endpoint->tls || endpoint->tls->verify)
		return drill_insecure_json(&endpoint->meta.drill);
	json_t *insecure = json_pack("{s:n, s:[{s:s, s:s, s:s}]}", "since", "findings", "code", "tls_unverified", "severity", "critical", "detail",
	                             "Its certificate is not verified: whoever stands between can read what it is sent, and answer in its "
	                             "place. Give the authority that it is signed by, and turn the verification on");
	json_t *drill = drill_insecure_json(&endpoint->meta.drill);
	int result = json_array_extend(json_object_get(insecure, "findings"), json_object_get(drill, "findings"));
	if (!json_is_null(drill))
		result |= json_object_set(insecure, "since", json_object_get(drill, "since"));
	else
		result = 0; /* there is nothing to extend it by */
	json_decref(drill);
	if (result == 0)
		return insecure;
	json_decref(insecure);
	return NULL;
}

/* Of an endpoint that does not sign v1a (any more) null: nobody should verify with it. */
static json_t *public_key_json(const struct endpoint *endpoint)
{
	char text[ENDPOINT_PUBLIC_KEY_TEXT_SIZE];
	if (!endpoint->sign_v1a || endpoint->pairs_len == 0)
		return json_null();
	endpoint_public_key_text(&endpoint->pairs[0], text);
	return json_string(text);
}

json_t *endpoint_json(const struct endpoint *endpoint, const json_t *doc, const char *subscriber_text)
{
	char id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, endpoint->meta.id, id);
	const struct {
		const char *name;
		json_t *value;
	} members[] = {
	    {"id", json_string(id)},
	    {"uid", text_or_null(endpoint->uid)},
	    {"subscriber", text_or_null(subscriber_text)},
	    {"url", json_string(endpoint->url)},
	    {"event_types", member_or(doc, "event_types", json_array())},
	    {"description", member_or(doc, "description", json_string(""))},
	    {"headers", headers_json(doc)},
	    {"auth", auth_json(json_object_get(doc, "auth"))},
	    {"tls", auth_tls_json(json_object_get(doc, "tls"))},
	    {"format", member_or(doc, "format", json_string("raw"))},
	    {"signature", endpoint_signature_json(endpoint, doc)},
	    {"method", json_string(endpoint->method == METHOD_PUT ? "PUT" : "POST")},
	    {"content_type", text_or_null(endpoint->content_type)},
	    {"http2", json_boolean(endpoint_http2(endpoint))},
	    {"verification", endpoint_verification_json(endpoint->verification)},
	    {"retry", retry_policy_json(endpoint_retry(endpoint))},
	    {"timeout_ms", json_integer(endpoint_timeout_ms(endpoint))},
	    {"max_in_flight", json_integer(endpoint_max_in_flight(endpoint))},
	    {"rate", rate_json(&endpoint->rate)},
	    {"breaker", breaker_policy_json(endpoint_breaker(endpoint))},
	    {"ordered", json_boolean(endpoint->ordered)},
	    {"metadata", member_or(doc, "metadata", json_object())},
	    {"status", json_string(endpoint_status_text(endpoint->meta.status))},
	    {"status_reason", text_or_null(endpoint->meta.status_reason)},
	    {"status_since", time_json(endpoint->meta.status_since_ms)},
	    {"created_at", time_json(endpoint->meta.created_ms)},
	    {"updated_at", time_json(endpoint->meta.updated_ms)},
	    {"public_key", public_key_json(endpoint)},
	    {"insecure", insecure_json(endpoint)},
	    {"drill", drill_json(&endpoint->meta.drill)},
	};
	json_t *answer = json_object();
	int result = 0;
	/* Setting takes each value over even when it fails, so the loop must not stop early. */
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		result |= json_object_set_new(answer, members[i].name, members[i].value);
	if (result) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

static json_t *without_nulls(const json_t *patch);

/* RFC 7396, 2, for a patch that is an object. On failure the target may be half changed. */
static int merge_into(json_t *target, const json_t *patch)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)patch, key, value)
	{
		if (json_is_null(value)) {
			json_object_del(target, key); /* -1 only says that it was not there */
			continue;
		}
		json_t *present = json_object_get(target, key);
		int result = json_is_object(value) && json_is_object(present) ? merge_into(present, value)
		                                                              : json_object_set_new(target, key, without_nulls(value));
		if (result)
			return -1;
	}
	return 0;
}

/* What a member becomes whose target is not an object or whose patch is not: a copy of the patch without its nulls. */
static json_t *without_nulls(const json_t *patch)
{
	if (!json_is_object(patch))
		return json_deep_copy(patch);
	json_t *fresh = json_object();
	if (merge_into(fresh, patch)) {
		json_decref(fresh);
		return NULL;
	}
	return fresh;
}

int json_merge_patch(json_t *target, const json_t *patch)
{
	if (!json_is_object(target) || !json_is_object(patch))
		return -1;
	return merge_into(target, patch);
}

static bool gives(const json_t *patch, const char *key)
{
	const json_t *value = json_object_get(patch, key);
	return value && !json_is_null(value);
}

/* Auth of another type begins anew: what the type before had is none of its members. */
static void forget_auth(json_t *doc, const json_t *patch)
{
	const char *is = json_string_value(json_object_get(json_object_get(doc, "auth"), "type"));
	const char *will_be = json_string_value(json_object_get(json_object_get(patch, "auth"), "type"));
	if (is && will_be && strcmp(is, will_be) != 0)
		json_object_del(doc, "auth");
}

int endpoint_merge_patch(json_t *doc, const json_t *patch)
{
	static const char *const exponential[] = {"strategy", "base_ms", "factor", "max_delay_ms", "jitter", "max_attempts"};
	enum { MEMBERS = sizeof exponential / sizeof *exponential };
	const json_t *given = json_object_get(patch, "retry");
	bool scheduled = gives(given, "schedule_ms"), grows = false;
	forget_auth(doc, patch);
	endpoint_signature_clear(doc, patch);
	if (json_merge_patch(doc, patch))
		return -1;
	json_t *retry = json_object_get(doc, "retry");
	for (size_t i = 0; i < MEMBERS; i++) {
		grows |= gives(given, exponential[i]);
		if (scheduled && !gives(given, exponential[i]))
			json_object_del(retry, exponential[i]); /* -1 only says that it was not there */
	}
	if (grows && !scheduled)
		json_object_del(retry, "schedule_ms");
	return 0;
}
