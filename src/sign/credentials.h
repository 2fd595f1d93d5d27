/* The credentials of an endpoint (model/credentials.h) at rest: one JSON text, sealed at a place of its own. */
#ifndef GRAPNEL_SIGN_CREDENTIALS_H
#define GRAPNEL_SIGN_CREDENTIALS_H

#include "base/attr.h"
#include "base/err.h"
#include "model/endpoint.h"
#include "sign/seal.h"

/* `out` gets bytes of its own (malloc), none when the object is empty. -1: memory is out. */
int credentials_seal(int64_t endpoint, const struct master_key *master, const json_t *credentials, struct endpoint_secret *out) ATTR_MUST_USE;
/* A new object, empty when it is NULL or has no bytes; NULL and err when they cannot be unsealed. */
json_t *credentials_open(int64_t endpoint, const struct master_key *master, const struct endpoint_secret *sealed, struct err *err) ATTR_MUST_USE;

#endif
