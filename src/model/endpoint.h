/* An endpoint: a URL with event types, secret and delivery policy. Its configuration is a JSON document, exactly what the
 * owner wrote (normalised, without the secret); struct endpoint is the same in the form that matching and delivery need:
 * immutable, counted by reference, shared between threads. A change makes a new struct endpoint. */
#ifndef GRAPNEL_MODEL_ENDPOINT_H
#define GRAPNEL_MODEL_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "model/auth.h"
#include "model/breaker.h"
#include "model/drill.h"
#include "model/rate.h"
#include "model/retry.h"

enum endpoint_status { ENDPOINT_ACTIVE, ENDPOINT_PAUSED, ENDPOINT_DISABLED, ENDPOINT_DELETED /* a tombstone: never shown */ };

/* What a delivery's body is made of: deliver/format.h. */
enum endpoint_format { FORMAT_RAW, FORMAT_STANDARD, FORMAT_THIN, FORMAT_CLOUDEVENTS_BINARY, FORMAT_CLOUDEVENTS_STRUCTURED };

enum { ENDPOINT_PATTERNS_MAX = 200, ENDPOINT_HEADERS_MAX = 32, ENDPOINT_URL_MAX = 2048, ENDPOINT_SECRETS_MAX = 4 };
enum { ENDPOINT_PUBLIC_KEY_BYTES = 32, ENDPOINT_PUBLIC_KEY_TEXT_SIZE = 5 + 44 + 1 };

/* What stands in the row beside the document. */
struct endpoint_meta {
	int64_t id;
	int64_t subscriber; /* 0: none */
	int64_t version;    /* + 1 at every change */
	int64_t created_ms, updated_ms, status_since_ms;
	enum endpoint_status status;
	char status_reason[64]; /* "" or a code: "gone", "by_hand" */
	struct drill_result drill;
};

struct endpoint_header {
	char *name;
	char *value; /* NULL: it is among the credentials */
};

/* A sealed secret (sign/seal.h). The first one is the present one; the others sign as well until `until_ms`. */
struct endpoint_secret {
	int64_t until_ms; /* 0: no end */
	size_t sealed_len;
	uint8_t *sealed;
};

/* An ed25519 key pair, which signs v1a: the private half is sealed, the public half is for everybody. Order and end as of secrets. */
struct endpoint_pair {
	struct endpoint_secret seed;
	uint8_t public_key[ENDPOINT_PUBLIC_KEY_BYTES];
};

enum endpoint_method { METHOD_POST, METHOD_PUT };

/* The three headers of Standard Webhooks, which may have other names at an endpoint. */
enum signed_header { SIGNED_ID, SIGNED_TIMESTAMP, SIGNED_SIGNATURE, SIGNED_HEADERS };
extern const char *const signed_header_names[SIGNED_HEADERS];

/* A signature of another kind beside ours, for verifiers of before. */
enum legacy_algorithm { LEGACY_SHA256, LEGACY_SHA1, LEGACY_SHA512 };
struct legacy_style {
	const char *name;
	const char *header; /* where none is given; NULL: one must be */
	const char *prefix; /* what the value begins with, before the signature */
	bool timed;         /* the signature is over "<seconds>." and the body, and "t=<seconds>," comes first in the value */
	bool open;          /* algorithm, encoding and prefix can be chosen */
};
struct endpoint_legacy {
	const struct legacy_style *style;
	char *header;
	char *prefix;
	enum legacy_algorithm algorithm;
	bool base64;                   /* else hex, lower case */
	struct endpoint_secret secret; /* its own; `sealed` is NULL: the endpoint's present one signs */
};
const char *legacy_algorithm_text(enum legacy_algorithm algorithm); /* as libcrypto calls it, too */

/* How an endpoint's requests are signed otherwise than all are. */
struct endpoint_signing {
	char *names[SIGNED_HEADERS];
	struct endpoint_legacy *legacy; /* NULL: none */
};

/* Whether the URL takes what is sent there: asked before anything else is (deliver/verifier.h). What was found holds for this URL and this
 * kind of question. */
enum verification_type { VERIFY_NONE, VERIFY_CLOUDEVENTS, VERIFY_CHALLENGE };
enum verification_state { VERIFICATION_PENDING, VERIFICATION_VERIFIED, VERIFICATION_FAILED };
enum { VERIFICATION_DETAIL_MAX = 200, VERIFICATION_PER_MS = 60000 };
struct endpoint_verification {
	enum verification_type type;
	enum verification_state state;
	int64_t serial;             /* which question is to be answered; the answer to another one does not count. 0: it was not asked yet */
	int64_t since_ms;           /* of the state */
	struct rate allowed;        /* requests that it consented to, so many a minute */
	char detail[VERIFICATION_DETAIL_MAX]; /* why it failed; "" */
};
const char *verification_type_text(enum verification_type type);

struct endpoint {
	/* in memory; beside the id, which is looked at whenever they are */
	atomic_int refs;
	bool packed; /* endpoint_pack.h */
	/* persistent */
	struct endpoint_meta meta;
	char *uid; /* NULL: none */
	char *url;
	char *host; /* of the URL: lower case, IPv6 without brackets */
	int port;
	bool https;
	unsigned patterns_len;
	char **patterns; /* event_types */
	unsigned headers_len;
	struct endpoint_header *headers;
	/* What it leaves to the defaults is NULL or 0 here: see endpoint_retry() and the others below. */
	const struct retry_policy *retry;
	struct retry_policy *own_retry;   /* NULL: none */
	int timeout_ms;    /* 100 … 120,000 */
	int max_in_flight; /* 1 … 1,000 */
	struct rate rate;
	const struct breaker_policy *breaker; /* likewise */
	struct breaker_policy *own_breaker;   /* NULL: none */
	bool ordered;
	bool sign_v1, sign_v1a; /* signature.versions: one at least */
	enum endpoint_format format;
	enum endpoint_method method;
	enum { HTTP2_AS_DEFAULT, HTTP2_NO, HTTP2_YES } http2; /* where it is offered, over TLS */
	char *content_type;               /* instead of the format's own; NULL: none */
	struct endpoint_signing *signing; /* NULL: as usual, which most have */
	struct endpoint_verification *verification; /* NULL: none is asked for */
	unsigned secrets_len;
	struct endpoint_secret *secrets; /* at most ENDPOINT_SECRETS_MAX */
	unsigned pairs_len; /* 0 until it is opted in to v1a for the first time */
	struct endpoint_pair *pairs;
	struct endpoint_auth *auth; /* NULL: none */
	struct endpoint_tls *tls;   /* NULL: as for everybody */
	struct endpoint_secret *credentials; /* the secrets of auth, tls and headers (model/credentials.h), sealed; NULL: none */
};

/* What options say of endpoints that say nothing themselves (settings.c). */
struct endpoint_defaults {
	struct retry_policy retry;
	int timeout_ms;
	int max_in_flight;
	bool http2;
	enum verification_type verification; /* of new ones, and of those that get another URL (store/change_endpoint.c) */
	struct breaker_policy breaker;
};
/* Those of the start: set before any thread parses an endpoint. */
extern struct endpoint_defaults endpoint_defaults;
/* Those that are in force: of the start, until they are changed. What it gives is never changed nor freed. Any thread. */
const struct endpoint_defaults *endpoint_defaults_now(void);
/* Others from now on; for a reload, one at a time. */
void endpoint_defaults_set(const struct endpoint_defaults *defaults);

/* What counts for an endpoint now: its own, or the default. Any thread. */
static inline const struct retry_policy *endpoint_retry(const struct endpoint *endpoint)
{
	return endpoint->retry ? endpoint->retry : &endpoint_defaults_now()->retry;
}

static inline const struct breaker_policy *endpoint_breaker(const struct endpoint *endpoint)
{
	return endpoint->breaker ? endpoint->breaker : &endpoint_defaults_now()->breaker;
}

static inline int endpoint_timeout_ms(const struct endpoint *endpoint)
{
	return endpoint->timeout_ms ? endpoint->timeout_ms : endpoint_defaults_now()->timeout_ms;
}

static inline int endpoint_max_in_flight(const struct endpoint *endpoint)
{
	return endpoint->max_in_flight ? endpoint->max_in_flight : endpoint_defaults_now()->max_in_flight;
}

static inline bool endpoint_http2(const struct endpoint *endpoint)
{
	return endpoint->http2 == HTTP2_AS_DEFAULT ? endpoint_defaults_now()->http2 : endpoint->http2 == HTTP2_YES;
}

/* Builds from a document. Every field is checked (all errors are collected with their pointers); unknown fields and those of
 * features that are not built are refused. `secret`, `subscriber` and the read-only fields (id, status, status_reason,
 * status_since, created_at, updated_at, public_key, insecure) must have been taken out before, and "***" stand for the secrets of auth
 * and tls: endpoint_doc_split() does. Secrets are copied.
 * NULL and `err` when it is not valid. One reference. */
struct endpoint *endpoint_parse(const json_t *doc, const struct endpoint_meta *meta, const struct endpoint_secret *secrets,
                                unsigned secrets_len, struct err *err) ATTR_MUST_USE;
/* Copies its sealed credentials into an endpoint that no other thread knows yet. */
void endpoint_take_credentials(struct endpoint *endpoint, const struct endpoint_secret *credentials);
/* Copies its key pairs into an endpoint that no other thread knows yet. */
void endpoint_take_pairs(struct endpoint *endpoint, const struct endpoint_pair *pairs, unsigned pairs_len);
/* Likewise the sealed secret of its legacy signature (`sealed` NULL: none); nothing when it has no such signature. */
void endpoint_take_legacy(struct endpoint *endpoint, const struct endpoint_secret *secret);
/* Likewise what is known of it, for this URL (NULL: nothing is known); nothing when that was of another question. */
void endpoint_take_verification(struct endpoint *endpoint, const struct endpoint_verification *verification, const char *url);
/* Nothing but the question may be sent to it. */
static inline bool endpoint_unverified(const struct endpoint *endpoint)
{
	return endpoint->verification && endpoint->verification->state != VERIFICATION_VERIFIED;
}
/* What it is sent at most: its own rate, or what it consented to where that is less. */
const struct rate *endpoint_rate(const struct endpoint *endpoint);
struct endpoint *endpoint_ref(struct endpoint *endpoint);
void endpoint_unref(struct endpoint *endpoint); /* NULL is allowed */

/* What a writer of an endpoint may give beside the document. Texts are borrowed from `doc`'s values, which stay alive in
 * `taken`; NULL where absent. `subscriber_null`: given as null. */
struct endpoint_given {
	json_t *taken; /* json_decref when done */
	json_t *credentials; /* credentials_split(): json_decref when done */
	const char *secret;
	const char *subscriber;
	bool subscriber_null;
	const char *legacy_secret; /* signature.legacy.secret; null goes back to the endpoint's own */
	bool legacy_secret_null;
};
/* Takes secrets, credentials, subscriber and the read-only fields out of a document that a user sent (an object, else an error). */
int endpoint_doc_split(json_t *doc, struct endpoint_given *given, struct err *err) ATTR_MUST_USE;

/* A name that an endpoint may give to a header of its own; a value that any header may have. */
int endpoint_header_check(const char *name, const char *pointer, struct err *err) ATTR_MUST_USE;
int endpoint_header_value_check(const json_t *value, const char *pointer, struct err *err) ATTR_MUST_USE;

/* Checks an `event_types`, also of what is no endpoint: 1 to 200 good patterns, each once. */
int endpoint_event_types_check(const json_t *value, const char *pointer, struct err *err) ATTR_MUST_USE;

/* The answer of the API: the document with every default filled in, id, subscriber (`subscriber_text`: uid or id, may be NULL),
 * status, times and public key. Never the secret. */
json_t *endpoint_json(const struct endpoint *endpoint, const json_t *doc, const char *subscriber_text);
/* "whpk_" + base64 */
void endpoint_public_key_text(const struct endpoint_pair *pair, char out[ENDPOINT_PUBLIC_KEY_TEXT_SIZE]);

const char *endpoint_status_text(enum endpoint_status status);

/* RFC 7396 merge into an endpoint's document. A retry policy has waits of its own or exponential ones: where the patch gives members of
 * one family, those of the other that it does not give go. So do the prefix and the names of signature.headers, and what belonged to
 * another style of signature.legacy. */
int endpoint_merge_patch(json_t *doc, const json_t *patch) ATTR_MUST_USE;
/* RFC 7396 merge of `patch` into `target` (an object), in place; jansson has none. */
int json_merge_patch(json_t *target, const json_t *patch) ATTR_MUST_USE;

#endif
