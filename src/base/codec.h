/* Text encodings of bytes and random bytes. All functions are thread-safe. */
#ifndef GRAPNEL_BASE_CODEC_H
#define GRAPNEL_BASE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

/* Lower-case hex; out has 2 * len + 1 bytes. */
void codec_hex(const uint8_t *bytes, size_t len, char *out);

/* RFC 4648 base64 with padding. `out` needs CODEC_BASE64_SIZE(len) bytes, NUL included; returns the length without it. */
#define CODEC_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)
size_t codec_base64(const uint8_t *bytes, size_t len, char *out);
/* Strict decoding: alphabet, padding and unused bits are checked. The decoded length, or -1 when the text is not base64 or
 * does not fit. */
int codec_base64_decode(struct slice text, uint8_t *out, size_t out_size) ATTR_MUST_USE;

/* Crockford base 32, lower case, of len bytes (5 bits a digit, the last digit padded with zero bits); out has
 * (len * 8 + 4) / 5 + 1 bytes. */
void codec_base32(const uint8_t *bytes, size_t len, char *out);

/* Random bytes from the operating system's generator (libcrypto). Aborts when there are none: no secret may be guessable. */
void codec_random(uint8_t *out, size_t len);
/* SHA-256 (FIPS 180-4). */
void codec_sha256(const void *bytes, size_t len, uint8_t out[32]);

#endif
