/* Ed25519 key pairs (RFC 8032) of endpoints, for Standard Webhooks v1a. The private half is a seed of 32 bytes, sealed at a place of
 * its own; the public half stands beside it in the clear, as "whpk_" + base64 for people (model/endpoint.h). */
#ifndef GRAPNEL_SIGN_PAIR_H
#define GRAPNEL_SIGN_PAIR_H

#include <openssl/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/endpoint.h"
#include "sign/seal.h"

enum { PAIR_SEED_BYTES = 32, PAIR_SIGNATURE_BYTES = 64 };

/* The additional data that an endpoint's seeds are sealed with. */
void pair_place(int64_t endpoint, char out[48]);
/* A pair of this seed; its sealed part is malloc, the caller's. */
void pair_of_seed(int64_t endpoint, const struct master_key *master, const uint8_t seed[PAIR_SEED_BYTES], struct endpoint_pair *pair);
/* A new random one. */
void pair_make(int64_t endpoint, const struct master_key *master, struct endpoint_pair *pair);
/* The private key; NULL and err when it cannot be unsealed or is not that of the public key. EVP_PKEY_free() it. */
EVP_PKEY *pair_open(int64_t endpoint, const struct master_key *master, const struct endpoint_pair *pair, struct err *err) ATTR_MUST_USE;

#endif
