/* A source: a named door for incoming webhooks, POST /in/{source}, with a verification scheme. Its configuration is a JSON document,
 * exactly what the owner wrote (normalised, without secrets); struct source is the same in the form that the door needs: immutable,
 * counted by reference, shared between threads. A change makes a new struct source. */
#ifndef GRAPNEL_SOURCE_SOURCE_H
#define GRAPNEL_SOURCE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "scheme/scheme.h"
#include "sign/seal.h"

enum { SOURCE_SECRETS_MAX = SCHEME_SECRETS_MAX, SOURCE_BODY_PRESET = 25 * 1024 * 1024, SOURCE_BODY_MAX = 256 * 1024 * 1024 };

/* Whose events they become: no subscriber's. */
enum { SOURCE_OF_NOBODY = 0 };

/* What stands in the row beside the document. */
struct source_meta {
	int64_t id;
	int64_t subscriber; /* 0: none */
	int64_t version;    /* + 1 at every change */
	int64_t created_ms, updated_ms;
};

/* A sealed secret (sign/seal.h). The first one is the present one; the others fit as well until `until_ms`. */
struct source_secret {
	int64_t until_ms; /* 0: no end */
	size_t sealed_len;
	uint8_t *sealed;
};

struct source {
	/* persistent */
	struct source_meta meta;
	char *uid; /* NULL: none */
	const struct scheme *scheme;
	json_t *settings;
	char *event_type; /* template: source/template.h */
	char *dedupe;     /* likewise */
	char *public_url; /* NULL: not given */
	bool enabled;
	int64_t tolerance_s; /* −1: the scheme's own */
	int64_t max_body_bytes;
	struct {
		int64_t limit; /* 0: no limit */
		int64_t per_ms;
	} rate;
	struct {
		bool given;
		int status;
		char *content_type; /* NULL: no body */
		char *body;
		size_t body_len;
	} response;
	unsigned secrets_len;
	struct source_secret secrets[SOURCE_SECRETS_MAX];
	/* in memory */
	atomic_int refs;
};

/* Builds from a document. Every field is checked (all errors are collected with their pointers), unknown ones are refused; what the scheme
 * says of settings and secrets is source_check()'s. Secrets, subscriber and the read-only fields must have been taken out before:
 * source_doc_split() does. Secrets are copied. NULL and `err` when it is not valid. One reference. */
struct source *source_parse(const json_t *doc, const struct source_meta *meta, const struct source_secret *secrets, unsigned secrets_len,
                            struct err *err) ATTR_MUST_USE;
struct source *source_ref(struct source *source);
void source_unref(struct source *source); /* NULL is allowed */

/* Those of a source's secrets that are valid now, unsealed: what a scheme is given. Clear it: it holds secrets. */
struct source_opened {
	struct scheme_source view;
	uint8_t *plain[SOURCE_SECRETS_MAX]; /* malloc */
};
int source_open(const struct source *source, const struct master_key *master, int64_t now_ms, struct source_opened *opened,
                struct err *err) ATTR_MUST_USE;
void source_opened_clear(struct source_opened *opened);
/* The place that a secret is sealed for. */
enum { SOURCE_PLACE_SIZE = 48 };
void source_secret_place(int64_t source, char out[SOURCE_PLACE_SIZE]);
/* Whether the scheme can be used with these settings and secrets. `public_url`: what the hub is called where the source does not say (NULL:
 * not known). */
int source_check(const struct source *source, const struct master_key *master, int64_t now_ms, const char *public_url,
                 struct err *err) ATTR_MUST_USE;
/* Whether a secret can be stored at all, whatever the scheme: 1 to 4,096 bytes. */
int source_secret_check(struct slice secret, const char *pointer, struct err *err) ATTR_MUST_USE;

/* What a writer of a source may give beside the document. Texts are borrowed from the values in `taken`; NULL where absent. */
struct source_given {
	json_t *taken; /* json_decref when done */
	unsigned secrets_len;
	const char *secrets[SOURCE_SECRETS_MAX]; /* `secret`, or `secrets`: the present one first */
	const char *subscriber;
	bool subscriber_null;
};
/* Takes secret, secrets, subscriber and the read-only fields out of a document that a user sent (an object, else an error). */
int source_doc_split(json_t *doc, struct source_given *given, struct err *err) ATTR_MUST_USE;

/* The answer of the API, with every default filled in; `url` is what providers call. Never a secret. */
json_t *source_json(const struct source *source, const json_t *doc, const char *subscriber_text, const char *url);
/* The scheme as the catalogue shows it. */
json_t *source_scheme_json(const struct scheme *scheme);
/* What to paste where, with the URL in its place; malloc. */
char *source_paste(const struct scheme *scheme, const char *url);

#endif
