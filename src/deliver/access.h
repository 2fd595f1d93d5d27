/* How the hub shows itself to an endpoint that asks for more than a signature: the opened credentials of the endpoints that a worker sent
 * to last, as they go into a request; and the TLS options of an endpoint of its own. An endpoint without any of it never comes here.
 * Owned by the worker's thread. */
#ifndef GRAPNEL_DELIVER_ACCESS_H
#define GRAPNEL_DELIVER_ACCESS_H

#include <curl/curl.h>

#include "base/strbuf.h"
#include "deliver/lru.h"
#include "model/endpoint.h"
#include "sign/seal.h"

enum { ACCESSES_MAX = 4096 };

struct accesses {
	struct lru lru;
	const struct master_key *master;
};

struct access {
	struct lru_node node;
	int64_t version;
	json_t *open;       /* in the shape of model/credentials.h */
	const char *secret; /* that of auth, in `open`; NULL: none */
	char *value;        /* of auth's header: "Basic …", "Bearer …", the API key; NULL: none, or it takes a token first */
};

/* Whether there is anything to be shown, or to be set. */
static inline bool access_needed(const struct endpoint *endpoint)
{
	return endpoint->credentials || endpoint->auth || endpoint->tls;
}

/* Of this version of an endpoint; borrowed until the next call. NULL and err when it cannot be opened. */
const struct access *access_get(struct accesses *accesses, const struct endpoint *endpoint, struct err *err) ATTR_MUST_USE;
void accesses_free(struct accesses *accesses);

/* Sets the endpoint's `tls` on the handle, which has what everybody has before. */
int access_tls(const struct access *access, const struct endpoint_tls *tls, CURL *easy, struct err *err) ATTR_MUST_USE;

/* Appends the bytes with every secret replaced by a word: whoever answers may repeat what was sent, also escaped as in JSON or a URL. `token`:
 * one secret more, may be NULL. */
void access_redact(const struct access *access, const char *token, struct slice from, struct strbuf *to);

/* "Basic …" of a name and a password (RFC 7617), malloc. */
char *access_basic(struct slice name, struct slice password) __attribute__((malloc));

#endif
