/* Signatures of other kinds than Standard Webhooks, for an endpoint whose verifier is of before: an HMAC over the body, with or without a
 * time, as the style's row says (model/endpoint.h). The key is the bytes of the secret's text: its own, or the endpoint's present one,
 * "whsec_" included, as it would be pasted into such a verifier. */
#ifndef GRAPNEL_SIGN_LEGACY_H
#define GRAPNEL_SIGN_LEGACY_H

#include <openssl/types.h>

#include "sign/outgoing.h"

/* Keyed for the endpoint's legacy signature, of which there is one. NULL and err when the secret cannot be unsealed. */
EVP_MAC_CTX *legacy_open(const struct endpoint *endpoint, const struct master_key *master, struct err *err) ATTR_MUST_USE;
int legacy_sign(EVP_MAC_CTX *hmac, const struct endpoint_legacy *legacy, int64_t timestamp_s, struct slice body, struct strbuf *out,
                size_t *at) ATTR_MUST_USE;

#endif
