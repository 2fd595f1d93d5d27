/* HMAC-SHA-256 of many messages under one key. The key is hashed once, and a message needs neither memory nor anything looked up: libcrypto's
 * EVP_MAC copies three contexts, each with an allocation, for every message, and keeps two kilobytes in a dozen places for every key. */
#ifndef GRAPNEL_SIGN_KEYED_H
#define GRAPNEL_SIGN_KEYED_H

#include <stdint.h>

#include "base/slice.h"

enum { KEYED_DIGEST_BYTES = 32 };

/* The states of SHA-256 after the inner and the outer block of the key: as secret as that. */
struct keyed {
	uint32_t inner[8], outer[8];
};

void keyed_init(struct keyed *keyed, const uint8_t *key, size_t len);
/* The code of the parts, one after the other. */
void keyed_digest(const struct keyed *keyed, const struct slice *parts, size_t len, uint8_t digest[KEYED_DIGEST_BYTES]);
void keyed_clear(struct keyed *keyed);

#endif
