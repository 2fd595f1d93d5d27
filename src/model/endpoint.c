/* Endpoints: from the document to the form that matching and delivery need. Each field of the document is a row of a table with
 * the function that checks and takes it. */
#include "model/endpoint.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "model/check.h"
#include "model/credentials.h"
#include "model/endpoint_fields.h"
#include "model/endpoint_pack.h"
#include "model/pattern.h"
#include "model/subscriber.h"
#include "model/url.h"

enum { DESCRIPTION_MAX = 1024, HEADER_VALUE_MAX = 4096 };

/* What retry_policy_default() gives: an initialiser cannot call it. endpoint's unit test compares them. */
struct endpoint_defaults endpoint_defaults = {
    .retry = {.base_ms = 5000, .factor = 3.5, .max_delay_ms = 86400000, .max_attempts = 12, .max_age_ms = 0, .jitter = 0.2},
    .timeout_ms = 15000,
    .max_in_flight = 8,
    .breaker = {.max_failures = 10, .ratio = 0.9, .window_ms = 60000, .wait_ms = 5000, .max_wait_ms = 60000},
};

/* One that was replaced may still be looked at: all are kept, as few as there are reloads that change them. */
struct kept_defaults {
	struct kept_defaults *before;
	struct endpoint_defaults defaults;
};

static _Atomic(const struct endpoint_defaults *) defaults_now = &endpoint_defaults;
static struct kept_defaults *defaults_kept; /* the reload's */

const struct endpoint_defaults *endpoint_defaults_now(void)
{
	return atomic_load_explicit(&defaults_now, memory_order_acquire);
}

void endpoint_defaults_set(const struct endpoint_defaults *defaults)
{
	struct kept_defaults *kept = mem_new(struct kept_defaults);
	kept->before = defaults_kept;
	kept->defaults = *defaults;
	defaults_kept = kept;
	atomic_store_explicit(&defaults_now, &kept->defaults, memory_order_release);
}

const char *endpoint_status_text(enum endpoint_status status)
{
	static const char *const texts[] = {"active", "paused", "disabled", "deleted"};
	return (unsigned)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown";
}

struct endpoint *endpoint_ref(struct endpoint *endpoint)
{
	atomic_fetch_add_explicit(&endpoint->refs, 1, memory_order_relaxed);
	return endpoint;
}

void endpoint_unref(struct endpoint *endpoint)
{
	if (!endpoint || atomic_fetch_sub_explicit(&endpoint->refs, 1, memory_order_acq_rel) != 1)
		return;
	endpoint_pieces_free(endpoint);
	for (unsigned i = 0; i < endpoint->pairs_len; i++)
		free(endpoint->pairs[i].seed.sealed);
	if (endpoint->credentials)
		free(endpoint->credentials->sealed);
	free(endpoint->credentials);
	auth_free(endpoint->auth);
	auth_tls_free(endpoint->tls);
	endpoint_signing_free(endpoint->signing);
	free(endpoint->content_type);
	free(endpoint->verification);
	free(endpoint->own_retry);
	free(endpoint->own_breaker);
	free(endpoint->pairs);
	free(endpoint);
}

static int read_url(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	struct url url;
	if (!json_is_string(value))
		return err_field(err, ERR_INVALID, pointer, "must be a string: an http or https URL");
	if (url_parse(check_slice(value), pointer, &url, err))
		return -1;
	endpoint->url = mem_text_of(check_slice(value));
	endpoint->host = mem_text(url.host);
	endpoint->port = url.port;
	endpoint->https = url.https;
	return 0;
}

static int read_pattern(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	struct slice pattern = check_slice(value);
	if (!pattern.at)
		return err_field(err, ERR_INVALID, pointer,
		                 "must be a string: a type pattern such as order.created, order.*, order.** or *");
	if (pattern_check(pattern, pointer, err))
		return -1;
	for (unsigned i = 0; i < endpoint->patterns_len; i++) {
		if (slice_is(pattern, endpoint->patterns[i]))
			return err_field(err, ERR_INVALID, pointer, "stands in event_types already; each pattern is given once");
	}
	endpoint->patterns[endpoint->patterns_len++] = mem_text_of(pattern);
	return 0;
}

static int read_event_types(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	size_t len = json_array_size(value);
	if (!json_is_array(value) || len < 1 || len > ENDPOINT_PATTERNS_MAX)
		return err_field(err, ERR_INVALID, pointer, "must be an array of 1 to %d type patterns", ENDPOINT_PATTERNS_MAX);
	endpoint->patterns = mem_alloc(len * sizeof *endpoint->patterns);
	int result = 0;
	for (size_t i = 0; i < len; i++) {
		char place[ERR_POINTER_MAX];
		check_element(place, pointer, i);
		result |= read_pattern(json_array_get(value, i), place, endpoint, err);
	}
	return result;
}

int endpoint_event_types_check(const json_t *value, const char *pointer, struct err *err)
{
	struct endpoint scratch = {.patterns_len = 0};
	int result = read_event_types(value, pointer, &scratch, err);
	for (unsigned i = 0; i < scratch.patterns_len; i++)
		free(scratch.patterns[i]);
	free(scratch.patterns);
	return result;
}

/* Headers that the hub or HTTP itself sets; a '*' at the end stands for any rest. */
static const char *const forbidden_headers[] = {
    "Host",    "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade",     "TE",
    "Trailer", "Expect",         "Proxy-*",      "webhook-*",         "grapnel-*",  "ce-*",       "traceparent", "tracestate",
};

bool endpoint_header_reserved(const char *name)
{
	for (size_t i = 0; i < sizeof forbidden_headers / sizeof forbidden_headers[0]; i++) {
		const char *row = forbidden_headers[i];
		size_t len = strlen(row);
		bool prefix = row[len - 1] == '*';
		if (prefix ? strncasecmp(name, row, len - 1) == 0 : strcasecmp(name, row) == 0)
			return true;
	}
	return false;
}

/* RFC 9110, 5.6.2. */
bool endpoint_header_name_good(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alphanumeric && !strchr("!#$%&'*+-.^_`|~", c))
			return false;
	}
	return len >= 1 && len <= HEADER_NAME_MAX;
}

static bool header_value_good(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] > '~')
			return false;
	}
	return value.at && value.len <= HEADER_VALUE_MAX;
}

int endpoint_header_check(const char *name, const char *pointer, struct err *err)
{
	if (!endpoint_header_name_good(name))
		return err_field(err, ERR_INVALID, pointer,
		                 "the name is not that of an HTTP header: 1 to %d letters, digits and !#$%%&'*+-.^_`|~", HEADER_NAME_MAX);
	if (endpoint_header_reserved(name))
		return err_field(err, ERR_INVALID, pointer, "the header %.64s is set by the hub or by HTTP itself and cannot be given",
		                 name);
	return 0;
}

int endpoint_header_value_check(const json_t *value, const char *pointer, struct err *err)
{
	if (!header_value_good(check_slice(value)))
		return err_field(err, ERR_INVALID, pointer, "must be a string of at most %d printable ASCII characters (tabs are allowed)",
		                 HEADER_VALUE_MAX);
	return 0;
}

static int read_header(const char *name, const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	if (endpoint_header_check(name, pointer, err) || endpoint_header_value_check(value, pointer, err))
		return -1;
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		if (strcasecmp(name, endpoint->headers[i].name) == 0)
			return err_field(err, ERR_INVALID, pointer,
			                 "is given twice; upper and lower case make no difference in header names");
	}
	bool sealed = credential_header(name) && slice_is(check_slice(value), CREDENTIAL_SET);
	endpoint->headers[endpoint->headers_len++] =
	    (struct endpoint_header){mem_text(name), sealed ? NULL : mem_text_of(check_slice(value))};
	return 0;
}

static int read_headers(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	if (!json_is_object(value) || json_object_size(value) > ENDPOINT_HEADERS_MAX)
		return err_field(err, ERR_INVALID, pointer, "must be an object of at most %d headers, name: value", ENDPOINT_HEADERS_MAX);
	endpoint->headers = mem_alloc(ENDPOINT_HEADERS_MAX * sizeof *endpoint->headers);
	int result = 0;
	const char *name;
	json_t *text;
	json_object_foreach((json_t *)value, name, text)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, name);
		result |= read_header(name, text, place, endpoint, err);
	}
	return result;
}

static int read_description(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	(void)endpoint;
	return check_text(value, pointer, 0, DESCRIPTION_MAX, err);
}

static int read_metadata(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	(void)endpoint;
	return metadata_check(value, pointer, err);
}

static int read_retry(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	struct retry_policy *own = mem_new(struct retry_policy);
	*own = endpoint_defaults_now()->retry;
	endpoint->retry = endpoint->own_retry = own;
	return retry_policy_parse(value, pointer, own, err);
}

static int read_timeout(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	int64_t timeout_ms;
	if (check_integer(value, pointer, 100, 120000, &timeout_ms, err))
		return -1;
	endpoint->timeout_ms = (int)timeout_ms;
	return 0;
}

static int read_max_in_flight(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	int64_t max_in_flight;
	if (check_integer(value, pointer, 1, 1000, &max_in_flight, err))
		return -1;
	endpoint->max_in_flight = (int)max_in_flight;
	return 0;
}

static int read_rate(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	return rate_parse(value, pointer, &endpoint->rate, err);
}

static int read_breaker(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	struct breaker_policy *own = mem_new(struct breaker_policy);
	*own = endpoint_defaults_now()->breaker;
	endpoint->breaker = endpoint->own_breaker = own;
	return breaker_policy_parse(value, pointer, own, err);
}

static int read_ordered(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	if (!json_is_boolean(value))
		return err_field(err, ERR_INVALID, pointer, "must be true or false");
	endpoint->ordered = json_is_true(value);
	return 0;
}

static int read_format(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	static const char *const formats[] = {
	    [FORMAT_RAW] = "raw",
	    [FORMAT_STANDARD] = "standard",
	    [FORMAT_THIN] = "thin",
	    [FORMAT_CLOUDEVENTS_BINARY] = "cloudevents-binary",
	    [FORMAT_CLOUDEVENTS_STRUCTURED] = "cloudevents-structured",
	};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (slice_is(check_slice(value), formats[i])) {
			endpoint->format = (enum endpoint_format)i;
			return 0;
		}
	}
	return err_field(err, ERR_INVALID, pointer, "must be raw, standard, thin, cloudevents-binary or cloudevents-structured");
}

static int read_auth(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	return auth_read(value, pointer, &endpoint->auth, err);
}

static int read_tls(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	return auth_tls_read(value, pointer, &endpoint->tls, err);
}

/* What auth and tls ask of the rest. */
static int check_access(const struct endpoint *endpoint, struct err *err)
{
	const char *name = auth_header(endpoint->auth);
	int result = 0;
	for (unsigned i = 0; name && i < endpoint->headers_len; i++) {
		char above[ERR_POINTER_MAX], pointer[ERR_POINTER_MAX];
		if (strcasecmp(endpoint->headers[i].name, name) != 0)
			continue;
		check_member(above, "", "headers");
		check_member(pointer, above, endpoint->headers[i].name);
		result |= err_field(err, ERR_INVALID, pointer, "is set by auth; leave it out here, or auth");
	}
	if (endpoint->tls && endpoint->url && !endpoint->https)
		result |= err_field(err, ERR_INVALID, "/tls", "is for an https URL, and this one is http");
	return result;
}

/* `read` is NULL for fields of features that are not built. uid is read apart: every resource has one. */
static const struct {
	const char *name;
	int (*read)(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err);
} fields[] = {
    {"url", read_url},
    {"event_types", read_event_types},
    {"description", read_description},
    {"headers", read_headers},
    {"retry", read_retry},
    {"timeout_ms", read_timeout},
    {"max_in_flight", read_max_in_flight},
    {"ordered", read_ordered},
    {"metadata", read_metadata},
    {"format", read_format},
    {"signature", endpoint_read_signature},
    {"method", endpoint_read_method},
    {"content_type", endpoint_read_content_type},
    {"http2", endpoint_read_http2},
    {"verification", endpoint_read_verification},
    {"filter", NULL},
    {"auth", read_auth},
    {"tls", read_tls},
    {"rate", read_rate},
    {"breaker", read_breaker},
};

static int read_member(const char *key, const json_t *value, struct endpoint *endpoint, struct err *err)
{
	char pointer[ERR_POINTER_MAX];
	check_member(pointer, "", key);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (strcmp(fields[i].name, key) != 0)
			continue;
		if (!fields[i].read)
			return err_field(err, ERR_INVALID, pointer, "is not available in this version; leave it out");
		return fields[i].read(value, pointer, endpoint, err);
	}
	return err_field(err, ERR_INVALID, pointer,
	                 "unknown field; an endpoint has uid, subscriber, url, event_types, description, headers, retry, timeout_ms, "
	                 "max_in_flight, rate, breaker, ordered, metadata, format, signature, method, content_type, http2, verification, auth, tls and secret");
}

static int read_document(const json_t *doc, struct endpoint *endpoint, struct err *err)
{
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "an endpoint must be a JSON object");
	const char *uid = NULL;
	int result = uid_of_doc(doc, &uid, err);
	if (result == 0 && uid)
		endpoint->uid = mem_text(uid);
	if (!json_object_get(doc, "url"))
		result |= err_field(err, ERR_INVALID, "/url", "is required: an http or https URL");
	if (!json_object_get(doc, "event_types"))
		result |=
		    err_field(err, ERR_INVALID, "/event_types", "is required: an array of 1 to %d type patterns", ENDPOINT_PATTERNS_MAX);
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)doc, key, value)
	{
		if (strcmp(key, "uid") != 0)
			result |= read_member(key, value, endpoint, err);
	}
	return result | check_access(endpoint, err) | endpoint_check_request(endpoint, err) | endpoint_check_names(endpoint, err);
}

struct endpoint_secret endpoint_secret_copy(const struct endpoint_secret *secret)
{
	struct endpoint_secret copy = *secret;
	copy.sealed = mem_alloc(secret->sealed_len);
	memcpy(copy.sealed, secret->sealed, secret->sealed_len);
	return copy;
}

static void copy_secrets(struct endpoint *endpoint, const struct endpoint_secret *secrets, unsigned secrets_len)
{
	endpoint->secrets = secrets_len ? mem_alloc(secrets_len * sizeof *secrets) : NULL;
	for (unsigned i = 0; i < secrets_len; i++)
		endpoint->secrets[i] = endpoint_secret_copy(&secrets[i]);
	endpoint->secrets_len = secrets_len;
}

void endpoint_take_credentials(struct endpoint *endpoint, const struct endpoint_secret *credentials)
{
	if (credentials->sealed_len == 0)
		return;
	endpoint->credentials = mem_new(struct endpoint_secret);
	*endpoint->credentials = endpoint_secret_copy(credentials);
}

void endpoint_take_pairs(struct endpoint *endpoint, const struct endpoint_pair *pairs, unsigned pairs_len)
{
	endpoint->pairs = pairs_len ? mem_alloc(pairs_len * sizeof *pairs) : NULL;
	endpoint->pairs_len = pairs_len;
	for (unsigned i = 0; i < pairs_len; i++) {
		endpoint->pairs[i] = pairs[i];
		endpoint->pairs[i].seed = endpoint_secret_copy(&pairs[i].seed);
	}
}

struct endpoint *endpoint_parse(const json_t *doc, const struct endpoint_meta *meta, const struct endpoint_secret *secrets,
                                unsigned secrets_len, struct err *err)
{
	if (secrets_len > ENDPOINT_SECRETS_MAX) {
		err_set(err, ERR_INTERNAL, "an endpoint has at most %d secrets", ENDPOINT_SECRETS_MAX);
		return NULL;
	}
	struct endpoint *endpoint = mem_new(struct endpoint);
	atomic_init(&endpoint->refs, 1);
	endpoint->meta = *meta;
	endpoint->sign_v1 = true;
	copy_secrets(endpoint, secrets, secrets_len);
	if (read_document(doc, endpoint, err)) {
		endpoint_unref(endpoint);
		return NULL;
	}
	return endpoint_pack(endpoint);
}

/* A text that stands beside the document; NULL where absent. */
static int given_text(json_t *taken, const char *key, const char *pointer, const char **out, struct err *err)
{
	json_t *value = json_object_get(taken, key);
	*out = NULL;
	if (!value)
		return 0;
	if (check_text(value, pointer, 1, 1024, err))
		return -1;
	*out = json_string_value(value);
	return 0;
}

int endpoint_doc_split(json_t *doc, struct endpoint_given *given, struct err *err)
{
	static const char *const beside[] = {"secret",       "subscriber", "id",         "status",    "status_reason",
	                                     "status_since", "created_at", "updated_at", "public_key", "insecure", "drill"};
	*given = (struct endpoint_given){0};
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "an endpoint must be a JSON object");
	breaker_policy_strip(json_object_get(doc, "breaker"));
	struct endpoint_given split = {.taken = json_object()};
	int result = split.taken ? 0 : err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	for (size_t i = 0; result == 0 && i < sizeof beside / sizeof beside[0]; i++) {
		json_t *value = json_object_get(doc, beside[i]);
		if (value && (json_object_set(split.taken, beside[i], value) || json_object_del(doc, beside[i])))
			result = err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	}
	if (result == 0 && json_is_null(json_object_get(split.taken, "subscriber")))
		split.subscriber_null = true;
	if (result == 0 && !split.subscriber_null)
		result |= given_text(split.taken, "subscriber", "/subscriber", &split.subscriber, err);
	if (split.taken)
		result |= given_text(split.taken, "secret", "/secret", &split.secret, err);
	result |= credentials_split(doc, &split.credentials, err);
	if (result == 0)
		result = endpoint_signature_split(doc, &split, err);
	endpoint_verification_split(doc);
	if (result == 0) {
		*given = split;
	} else {
		json_decref(split.credentials);
		json_decref(split.taken);
	}
	return result;
}
