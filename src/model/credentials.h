/* The secrets in an endpoint's document: `auth` and `tls` have some, and so have headers whose names say so. The document that is
 * stored, shown and audited never has them: "***" stands in their places. They go another way, as an object of the document's shape
 * that holds nothing but them ({"auth": {"password": …}, "headers": {"X-Api-Key": …}}), and are sealed at rest (sign/credentials.h).
 * On the way in "***" means: as it was. */
#ifndef GRAPNEL_MODEL_CREDENTIALS_H
#define GRAPNEL_MODEL_CREDENTIALS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

#define CREDENTIAL_SET "***"

/* Whether a header of this name carries a secret: Authorization, Cookie, and names that end in token, key, secret, password … */
bool credential_header(const char *name);

/* Takes the secrets out of a document or a merge patch; *out is a new object, empty when there are none. Every one is checked. */
int credentials_split(json_t *doc, json_t **out, struct err *err) ATTR_MUST_USE;

/* Makes a whole document that was written anew agree with its secrets. `before`: the document before; `old`: its secrets; both NULL
 * when it is new. `given`: those that came with it. What is absent or "***" stays as it was, as long as it goes where it went before:
 * the same scheme, host and port. *now: the secrets from now on, new; *replaced: an object of their shape with those that are others
 * than before. */
int credentials_complete(json_t *doc, const json_t *before, const json_t *old, const json_t *given, json_t **now, json_t **replaced,
                         struct err *err) ATTR_MUST_USE;

/* Whether two URLs have the same scheme, host and port. */
bool credentials_same_place(const char *a, const char *b);

/* A secret by its place, such as ("auth", "password"); NULL: there is none. Names of headers in any case. */
const char *credential_get(const json_t *credentials, const char *section, const char *name);

#endif
