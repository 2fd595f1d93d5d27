/* Ed25519 key pairs: made, sealed, opened. */
#include "sign/pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"

void pair_place(int64_t endpoint, char out[48])
{
	snprintf(out, 48, "endpoint:%" PRId64 ":ed25519", endpoint);
}

static bool public_of(const EVP_PKEY *key, uint8_t out[ENDPOINT_PUBLIC_KEY_BYTES])
{
	size_t len = ENDPOINT_PUBLIC_KEY_BYTES;
	return key && EVP_PKEY_get_raw_public_key(key, out, &len) == 1 && len == ENDPOINT_PUBLIC_KEY_BYTES;
}

void pair_of_seed(int64_t endpoint, const struct master_key *master, const uint8_t seed[PAIR_SEED_BYTES], struct endpoint_pair *pair)
{
	char place[48];
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, PAIR_SEED_BYTES);
	if (!public_of(key, pair->public_key))
		log_fatal("sign", "libcrypto cannot make an ed25519 key");
	EVP_PKEY_free(key);
	pair_place(endpoint, place);
	uint8_t *sealed = mem_alloc(PAIR_SEED_BYTES + SEAL_OVERHEAD);
	pair->seed = (struct endpoint_secret){.sealed_len = seal(master, slice_of(place), seed, PAIR_SEED_BYTES, sealed), .sealed = sealed};
}

void pair_make(int64_t endpoint, const struct master_key *master, struct endpoint_pair *pair)
{
	uint8_t seed[PAIR_SEED_BYTES];
	codec_random(seed, sizeof seed);
	pair_of_seed(endpoint, master, seed, pair);
	OPENSSL_cleanse(seed, sizeof seed);
}

EVP_PKEY *pair_open(int64_t endpoint, const struct master_key *master, const struct endpoint_pair *pair, struct err *err)
{
	uint8_t seed[PAIR_SEED_BYTES], public_key[ENDPOINT_PUBLIC_KEY_BYTES];
	char place[48];
	EVP_PKEY *key = NULL;
	pair_place(endpoint, place);
	if (unseal(master, slice_of(place), pair->seed.sealed, pair->seed.sealed_len, seed, sizeof seed) == PAIR_SEED_BYTES)
		key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, sizeof seed);
	OPENSSL_cleanse(seed, sizeof seed);
	if (public_of(key, public_key) && memcmp(public_key, pair->public_key, sizeof public_key) == 0)
		return key;
	EVP_PKEY_free(key);
	err_set(err, ERR_INTERNAL, "the endpoint's ed25519 key cannot be unsealed: it was sealed with another master key, or is damaged");
	return NULL;
}
