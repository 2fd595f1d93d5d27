/* HMAC, RFC 2104. SHA-256 by libcrypto's functions of old: their state is a plain structure, which EVP hides behind an allocation. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sign/keyed.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { BLOCK_BYTES = 64, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

_Static_assert(sizeof((SHA256_CTX *)0)->h == sizeof((struct keyed *)0)->inner, "the state of SHA-256 has 32 bytes");

/* Neither this nor any other function of SHA-256 can fail. */
static void begin(SHA256_CTX *sha)
{
	(void)SHA256_Init(sha);
}

static void hash_pad(const uint8_t block[BLOCK_BYTES], uint8_t pad, uint32_t state[8])
{
	SHA256_CTX sha;
	uint8_t padded[BLOCK_BYTES];
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		padded[i] = block[i] ^ pad;
	begin(&sha);
	(void)SHA256_Update(&sha, padded, sizeof padded);
	memcpy(state, sha.h, sizeof sha.h);
	OPENSSL_cleanse(&sha, sizeof sha);
	OPENSSL_cleanse(padded, sizeof padded);
}

void keyed_init(struct keyed *keyed, const uint8_t *key, size_t len)
{
	uint8_t block[BLOCK_BYTES] = {0};
	if (len > BLOCK_BYTES)
		(void)SHA256(key, len, block);
	else
		memcpy(block, key, len);
	hash_pad(block, INNER_PAD, keyed->inner);
	hash_pad(block, OUTER_PAD, keyed->outer);
	OPENSSL_cleanse(block, sizeof block);
}

/* As after one block. */
static void go_on(SHA256_CTX *sha, const uint32_t state[8])
{
	begin(sha);
	memcpy(sha->h, state, sizeof sha->h);
	sha->Nl = 8 * BLOCK_BYTES;
}

void keyed_digest(const struct keyed *keyed, const struct slice *parts, size_t len, uint8_t digest[KEYED_DIGEST_BYTES])
{
	SHA256_CTX sha;
	go_on(&sha, keyed->inner);
	for (size_t i = 0; i < len; i++) {
		if (parts[i].len > 0)
			(void)SHA256_Update(&sha, parts[i].at, parts[i].len);
	}
	(void)SHA256_Final(digest, &sha);
	go_on(&sha, keyed->outer);
	(void)SHA256_Update(&sha, digest, KEYED_DIGEST_BYTES);
	(void)SHA256_Final(digest, &sha);
}

void keyed_clear(struct keyed *keyed)
{
	OPENSSL_cleanse(keyed, sizeof *keyed);
}
