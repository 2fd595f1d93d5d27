/* Incoming webhooks: whether a request came from whom its source says, what it is called, and by which key its repetitions are
 * told. One row of schemes.def and one file per provider; the provider's own page is named at the head of the file.
 *
 * Everything here is pure: no I/O, no clock, no memory but what is passed in, so a captured request can be judged on the command line
 * as in the hub. What a scheme needs from outside (a certificate, a confirmation) it asks for in its result. Signatures are computed
 * over the raw bytes, before anything is parsed, and compared in constant time. Thread-safe. */
#ifndef GRAPNEL_SCHEME_SCHEME_H
#define GRAPNEL_SCHEME_SCHEME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"

/* ---- What a source is set to -------------------------------------------------------------------------------------------- */

enum { SCHEME_SECRETS_MAX = 8, SCHEME_SECRET_BYTES_MAX = 4096 };

/* One setting beyond the common ones that a scheme takes in its source's `settings`: for GET /v1/schemes, the page's form, and the check. */
struct scheme_setting {
	const char *name;
	const char *type;    /* "string", "integer", "boolean", "object", or the values of an enumeration, "hex|base64" */
	bool required;
	const char *preset;  /* what an absent one means, in text; NULL: nothing */
	const char *summary; /* one sentence for the person who fills in the form */
};

/* What a request is verified with; borrowed. */
struct scheme_source {
	struct slice uid;
	const json_t *settings;   /* an object, checked by scheme_check(); may be NULL: all presets */
	size_t secrets_len;       /* those that are valid now; the present one first. Of providers that sign with a private key: the public key */
	struct slice secrets[SCHEME_SECRETS_MAX]; /* unsealed, as they were given */
	bool waits;               /* for a secret that the provider makes: none need be there yet */
	int64_t tolerance_s;      /* of timestamps; −1: the scheme's own */
	struct slice public_url;  /* what the provider calls, without query; absent: https, the request's Host and path */
};

/* ---- A request, and what came of it -------------------------------------------------------------------------------------- */

struct scheme_header {
	struct slice name, value;
};

struct scheme_request {
	struct slice method, path, query; /* as they came; query without '?', {NULL, 0}: none */
	const struct scheme_header *headers;
	size_t headers_len;
	struct slice body;
	int64_t now_ms;            /* wall clock */
	bool ignore_age;           /* judged again later: a timestamp may be old, the signature must still be right */
	struct slice certificate;  /* PEM, of result.certificate_url of an earlier call; {NULL, 0}: not fetched yet */
};

enum scheme_verdict {
	SCHEME_ACCEPTED,    /* an event; `reply` may hold the answer that the provider wants, unless the source has a `response` of its own */
	SCHEME_ANSWERED,    /* a handshake, or a HEAD: `reply` is the whole answer, nothing is published */
	SCHEME_REFUSED,     /* `reason`, `why` */
	SCHEME_CERTIFICATE, /* fetch certificate_url, which the scheme has judged, and call again */
};

/* Why a request was refused: REASON(NAME, "code", HTTP status, "what the admin reads"). */
enum rejection_reason {
#define REASON(name, code, status, text) REJECTION_##name,
#include "scheme/reasons.def"
#undef REASON
	REJECTION_REASONS
};
const char *rejection_code(enum rejection_reason reason);
int rejection_status(enum rejection_reason reason);
const char *rejection_text(enum rejection_reason reason);
int rejection_parse(struct slice code, enum rejection_reason *reason) ATTR_MUST_USE;

/* An answer of the source's own instead of 200 with an empty body. */
struct scheme_reply {
	int status;               /* 0: the source's `response` */
	const char *content_type; /* static text; NULL: no body */
	struct strbuf body;
	unsigned headers_len;
	struct {
		const char *name;  /* static text */
		char value[256];
	} headers[4];
};

/* What an accepted request is. */
enum scheme_form {
	SCHEME_PLAIN,      /* its body is the event's data */
	SCHEME_STRUCTURED, /* the body is a CloudEvent in the JSON event format */
	SCHEME_BINARY,     /* the headers ce-… are a CloudEvent's attributes, the body is its data */
};

struct scheme_result {
	enum scheme_verdict verdict;
	enum rejection_reason reason; /* REFUSED */
	char why[256];                /* REFUSED: for the admin only: which header, which step; never a secret, never a computed signature */
	struct scheme_reply reply;
	/* ACCEPTED */
	struct strbuf type;      /* by the grammar of types (model/event.h): "github.push" */
	struct strbuf dedupe;    /* the provider's own delivery or event id, or a digest of what makes the event one; empty: none */
	struct strbuf subject;   /* empty: none */
	enum scheme_form form;
	int secret_index;        /* which of the secrets fitted; −1: none was needed */
	/* What the hub is to do beside answering; empty: nothing */
	struct strbuf certificate_url; /* CERTIFICATE */
	struct strbuf confirm_url;     /* a URL to GET, through the egress guard, to confirm a subscription (SNS) */
	struct strbuf keep_secret;     /* a secret that the provider sent in its first, unsigned request: becomes the source's */
};

void scheme_result_init(struct scheme_result *result);
void scheme_result_free(struct scheme_result *result);

/* ---- The catalogue ------------------------------------------------------------------------------------------------------- */

enum scheme_secret_kind {
	SCHEME_SECRET_NONE,     /* takes none */
	SCHEME_SECRET_GIVEN,    /* the provider makes it; the admin pastes it here */
	SCHEME_SECRET_CHOSEN,   /* the admin chooses it: at least 16 bytes; the hub makes one when it is absent */
	SCHEME_SECRET_SENT,     /* the provider sends it in its first request (result.keep_secret); may be given, too */
};

/* A sample of a provider's webhook, for `grapnel trigger` and the documentation; made into a request by scheme_sign(). In headers and
 * body {{id}} stands for moment.id, {{seconds}}, {{milliseconds}} and {{time}} (RFC 3339) for moment.now_ms. */
struct scheme_sample {
	const char *event;   /* as the provider calls it: "push" */
	const char *headers; /* lines "Name: value\n" beside Content-Type and those of the signature; NULL: none */
	const char *content_type;
	const char *body;
};

/* What a sample is made into a request with. */
struct scheme_moment {
	int64_t now_ms;
	struct slice id;          /* unique, 8–36 of [0-9a-z-]: becomes the provider's id of event or delivery, so that it is no duplicate */
	struct slice private_key; /* PEM, unencrypted: for providers that sign with one, whose public half the source has; absent: none */
};

enum { SCHEME_SIGNED_HEADERS_MAX = 16 };

/* A request as the provider would send it: POST to the source's URL. */
struct scheme_signed {
	struct strbuf query; /* for the URL, without '?'; empty: none */
	struct strbuf body;
	unsigned headers_len; /* Content-Type among them */
	struct {
		char name[64];
		char value[1024];
	} headers[SCHEME_SIGNED_HEADERS_MAX];
};
void scheme_signed_init(struct scheme_signed *made);
void scheme_signed_free(struct scheme_signed *made);

struct hmac_rule; /* scheme/hmac.h */

struct scheme {
	const char *name;     /* "github": what a source's `scheme` says, and the first segment of its events' types */
	const char *title;    /* "GitHub" */
	const char *page;     /* the provider's page that describes the signature */
	const char *paste;    /* what to paste where in the provider's settings; "{url}" stands for the source's URL */
	enum scheme_secret_kind secret;
	const char *secret_name; /* what the provider calls it: "signing secret"; NULL: it takes none */
	bool secret_may_come;    /* none need be there at first; check() says when one must */
	unsigned methods;        /* SCHEME_GET | …, beside POST and HEAD, which all take */
	int64_t tolerance_s;     /* the provider's, or 300 where it states none; 0: it has no timestamp */
	const char *verified;    /* what is verified, one sentence */
	const char *handshake;   /* one sentence; NULL: none */
	const char *type_rule;   /* how the event's type is made, one sentence */
	const char *dedupe_rule; /* of what the dedupe key is made; NULL: of nothing */
	const char *vector;      /* whose published example verifies; NULL: there is none */
	const char *challenge;   /* WWW-Authenticate of a 401, where credentials in Authorization are what counts; NULL: they are not */
	bool insecure;           /* shown as such */
	bool unverified;         /* made after memory of the provider's documentation: say so */
	bool signs_url;          /* the signature covers the URL: the source's `public_url` must be what the provider calls */
	bool signs_by_key;       /* the provider signs with a private key: scheme_sign() needs moment.private_key (for `standard`: with a public key) */
	const struct scheme_setting *settings; /* ends with a NULL name; NULL: none */
	const char *const *keep;               /* headers that become attributes, lower case; ends with NULL; NULL: none */
	const struct scheme_sample *samples;   /* ends with a NULL event; there is at least one */
	/* How; read by scheme.c alone. Sources of type, dedupe key and subject are what pick() of scheme/body.h describes; describe() follows where that is not
	 * enough. A scheme of the HMAC family has `hmac` and neither verify() nor sign(). */
	const struct hmac_rule *hmac;
	const char *type_from, *dedupe_from, *subject_from;
	int (*check)(const struct scheme_source *source, struct err *err);
	void (*verify)(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result);
	void (*describe)(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result);
	int (*sign)(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err);
};

enum { SCHEME_GET = 1, SCHEME_OPTIONS = 2 };

/* NULL: there is none of this name. */
const struct scheme *scheme_find(struct slice name);
/* All rows, in the order of schemes.def. */
const struct scheme *const *scheme_all(size_t *len);
/* Whether a source of this scheme can be: unknown settings, missing ones, secrets that are empty, too short or not in the scheme's form. */
int scheme_check(const struct scheme *scheme, const struct scheme_source *source, struct err *err) ATTR_MUST_USE;
/* A new random secret for SCHEME_SECRET_CHOSEN: 32 bytes in base 32, letters and digits alone, so that it can stand in a header, a URL and a form,
 * and is never taken for a signing token ("whsec_…"). */
enum { SCHEME_SECRET_SIZE = 53 };
void scheme_secret_make(char text[SCHEME_SECRET_SIZE]);
/* The verdict. `result` was initialised. HEAD is ANSWERED by 200; a method that the scheme does not take is REFUSED as malformed. A type fits
 * event_type_check(), a dedupe key has at most SCHEME_DEDUPE_MAX printable ASCII bytes. Memory that is out: REFUSED as malformed. */
enum { SCHEME_DEDUPE_MAX = 255 };
void scheme_verify(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_request *request,
                   struct scheme_result *result);
/* The sample of this event ("": the first); NULL: there is none. */
const struct scheme_sample *scheme_sample(const struct scheme *scheme, struct slice event);
/* The sample as a request that the source's scheme verifies, signed with the first secret. For a scheme that signs_url the source's public_url
 * must be there. `made` was initialised. Errors say what is missing. */
int scheme_sign(const struct scheme *scheme, const struct scheme_source *source, const struct scheme_sample *sample,
                const struct scheme_moment *moment, struct scheme_signed *made, struct err *err) ATTR_MUST_USE;

#endif
