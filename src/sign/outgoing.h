/* Outgoing signatures: Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md), over
 * `id.timestamp.body`. Version v1: HMAC-SHA256, key of 24–64 bytes written "whsec_" + base64; v1a: ed25519 (sign/pair.h), which costs
 * about 40 µs a signature and is made only for endpoints that ask for it. */
#ifndef GRAPNEL_SIGN_OUTGOING_H
#define GRAPNEL_SIGN_OUTGOING_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "model/endpoint.h"
#include "sign/seal.h"

enum { SECRET_BYTES_MIN = 24, SECRET_BYTES_MAX = 64, SECRET_NEW_BYTES = 32, SECRET_TEXT_SIZE = 6 + 88 + 1 };

/* A new random secret, in text. */
void secret_make(char text[SECRET_TEXT_SIZE]);
/* Checks and decodes "whsec_…"; the length, or -1 with an error at `pointer`. */
int secret_parse(struct slice text, const char *pointer, uint8_t key[SECRET_BYTES_MAX], struct err *err) ATTR_MUST_USE;
void secret_text(const uint8_t *key, size_t len, char text[SECRET_TEXT_SIZE]);
/* The additional data that an endpoint's secrets are sealed with. */
void secret_place(int64_t endpoint, char out[48]);

/* The same of the secret that its legacy signature has of its own. */
void legacy_secret_place(int64_t endpoint, char out[48]);

/* A signer of one endpoint: its unsealed keys of the versions that it asks for, HMAC states prepared. Owned by one thread. */
struct signer;
/* NULL and err when a secret cannot be unsealed. */
struct signer *signer_new(const struct endpoint *endpoint, const struct master_key *master, struct err *err) ATTR_MUST_USE;
void signer_free(struct signer *signer);
/* Appends "v1,<base64>" and "v1a,<base64>", one per key that is valid at wall_ms, space-separated. -1 when there is none, memory is
 * out or libcrypto fails. */
int signer_sign(struct signer *signer, struct slice webhook_id, int64_t timestamp_s, struct slice body, int64_t wall_ms, struct strbuf *out)
    ATTR_MUST_USE;
/* Appends the value of a header with the endpoint's legacy signature (sign/legacy.h); its last part, from *at on, is the signature itself.
 * The endpoint is in the version that the signer was made for. */
int signer_legacy(struct signer *signer, const struct endpoint *endpoint, int64_t timestamp_s, struct slice body, struct strbuf *out,
                  size_t *at) ATTR_MUST_USE;

#endif
