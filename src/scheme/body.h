/* Looking into bodies and other JSON, and what a request is called by: type, dedupe key, subject. Depth is bounded, nothing is decoded that is not
 * asked for. A member that is there twice is refused: the reader behind us might take the other one. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_BODY_H
#define GRAPNEL_SCHEME_BODY_H

#include "scheme/scheme.h"

enum { BODY_DEPTH_MAX = 512 };

/* The value at a path of member names and array indexes joined by '.', "" the document itself: 1 found, 0 not there, -1 the document is not JSON
 * or has a member of the path twice. */
int body_at(struct slice document, const char *path, struct slice *value) ATTR_MUST_USE;
/* Appends the text of the string, number or boolean there; false: there is none, or it is empty. */
bool body_text(struct slice document, const char *path, struct strbuf *out);
/* Whether the string there is exactly this. */
bool body_is(struct slice document, const char *path, const char *text);
/* Calls visit() for each element of an array, until one returns non-zero, which is returned. -1: it is no array, or not JSON. */
int body_each(struct slice array, int (*visit)(void *context, struct slice element), void *context) ATTR_MUST_USE;
/* Whether the whole document is JSON and of this kind ('{' or '['). */
bool body_begins(struct slice document, char with);

/* Appends what a rule names: alternatives by '|', each "header:name", "json:path", "form:name" or "query:name"; the first that is there and
 * not empty. False: none is. */
bool pick(const struct scheme_request *request, const char *rule, struct strbuf *out);

/* The type: the scheme's name, '.', and what the provider calls the event, brought into the grammar of types: '/' and ':' become '.', every
 * other character that has no place there '_', as does a '.' that would leave a segment empty; cut at 255 bytes. */
void put_type(struct scheme_result *result, const char *scheme, struct slice event);
/* The same grammar for a type that is whole: '/' and ':' stay. */
void put_whole_type(struct scheme_result *result, struct slice type);
/* The key; one that is too long or not printable ASCII is replaced by its digest. */
void put_dedupe(struct scheme_result *result, struct slice key);
/* "sha256:" and the digest of the bytes: where the provider has no id, but bodies that differ from event to event. */
void put_dedupe_digest(struct scheme_result *result, struct slice bytes);
void put_subject(struct scheme_result *result, struct slice subject);

/* A body that holds several events. */
struct batch_rule {
	const char *scheme;
	const char *array; /* its path in the body */
	const char *type;  /* path in an element; all must say the same, else the type is "<scheme>.<mixed>" */
	const char *mixed;
	const char *key;   /* paths in an element, joined by '+', that make its key; all elements must have the first; NULL: none */
};
/* Type, and dedupe key: of one element its own, of several the digest of theirs. */
void put_batch(struct scheme_result *result, struct slice body, const struct batch_rule *rule);

#endif
