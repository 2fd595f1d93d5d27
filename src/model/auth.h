/* How the hub shows itself to an endpoint: `auth` and `tls` of its document. What is secret in them is not here: "***" stands in its
 * place, and the secret itself is sealed beside the document (model/credentials.h). */
#ifndef GRAPNEL_MODEL_AUTH_H
#define GRAPNEL_MODEL_AUTH_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/url.h"

enum auth_type { AUTH_BASIC, AUTH_BEARER, AUTH_API_KEY, AUTH_OAUTH2 };

struct endpoint_auth {
	enum auth_type type;
	char *username; /* basic */
	char *header;   /* api_key: its name */
	/* oauth2: client credentials (RFC 6749, 4.4) */
	char *token_url;
	struct url token; /* its parts */
	char *client_id;
	char *scope, *audience; /* NULL: none */
	bool in_body;           /* id and secret stand in the form, not in the header Authorization */
};

struct endpoint_tls {
	char *client_certificate; /* PEM, the leaf first; NULL: none */
	char *ca;                 /* PEM: these alone are trusted; NULL: the hub's */
	bool verify;
	bool tls13; /* at least; otherwise 1.2 */
};

/* Null gives NULL. Everything that is wrong is said with its pointer. */
int auth_read(const json_t *value, const char *pointer, struct endpoint_auth **out, struct err *err) ATTR_MUST_USE;
int auth_tls_read(const json_t *value, const char *pointer, struct endpoint_tls **out, struct err *err) ATTR_MUST_USE;
void auth_free(struct endpoint_auth *auth); /* NULL is allowed */
void auth_tls_free(struct endpoint_tls *tls);

/* The member of `auth` that is secret, by its type; NULL: there is no such type. */
const char *auth_secret_name(const char *type);
/* The header that it sets; NULL: auth is NULL. */
const char *auth_header(const struct endpoint_auth *auth);

/* As the API shows them, defaults filled in; JSON null when the document has none. */
json_t *auth_json(const json_t *value);
json_t *auth_tls_json(const json_t *value);

#endif
