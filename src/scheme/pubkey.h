/* Signatures by private keys: ed25519 (RFC 8032), ECDSA over P-256, RSA PKCS #1 v1.5. Private to scheme/. Keys are EVP_PKEY_free()d by the caller;
 * NULL: the bytes are none of that kind. */
#ifndef GRAPNEL_SCHEME_PUBKEY_H
#define GRAPNEL_SCHEME_PUBKEY_H

#include <openssl/types.h>

#include "scheme/request.h"

enum { PUBKEY_SIGNATURE_MAX = 1024 };

EVP_PKEY *pubkey_ed25519(const uint8_t raw[32]) ATTR_MUST_USE;
/* Base64 of a SubjectPublicKeyInfo in DER, or PEM; its kind must be `kind` ("EC", "RSA"). */
EVP_PKEY *pubkey_of_text(struct slice text, const char *kind) ATTR_MUST_USE;
/* Of the first certificate in PEM, which must be valid at now_ms (0: not asked) and hold an RSA key of 2048 bits at least. */
EVP_PKEY *pubkey_of_certificate(struct slice pem, int64_t now_ms, const char **why) ATTR_MUST_USE;
/* `digest`: "SHA1", "SHA256"; NULL for ed25519. */
bool pubkey_verifies(EVP_PKEY *key, const char *digest, struct slice content, struct slice signature);
/* With moment.private_key, which must be of this kind ("ED25519", "EC", "RSA"): the signature in base64 or, for hex, in hex. */
int pubkey_sign(const struct scheme_moment *moment, const char *kind, const char *digest, struct slice content, bool hex, struct strbuf *out,
                struct err *err) ATTR_MUST_USE;
/* Base64 of any number of bytes up to PUBKEY_SIGNATURE_MAX; -1: it is none. */
int pubkey_signature(struct slice text, uint8_t out[PUBKEY_SIGNATURE_MAX]) ATTR_MUST_USE;

#endif
