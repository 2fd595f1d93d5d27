/* Sealing and unsealing of secrets. */
#include "sign/seal.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/codec.h"
#include "base/log.h"

enum { SEAL_VERSION = 1, NONCE_BYTES = 12, TAG_BYTES = 16 };

static bool encrypt(EVP_CIPHER_CTX *context, const struct master_key *key, struct slice place, const uint8_t *plain, size_t len,
                    uint8_t *out)
{
	uint8_t *cipher = out + 1 + NONCE_BYTES;
	int written = 0, rest = 0;
	return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, out + 1) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &written, (const unsigned char *)place.at, (int)place.len) == 1 &&
	       EVP_EncryptUpdate(context, cipher, &written, plain, (int)len) == 1 &&
	       EVP_EncryptFinal_ex(context, cipher + written, &rest) == 1 && (size_t)(written + rest) == len &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, cipher + len) == 1;
}

/* A secret that cannot be sealed must neither be lost nor stored in the clear; only a broken libcrypto or no memory lead there. */
size_t seal(const struct master_key *key, struct slice place, const uint8_t *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	out[0] = SEAL_VERSION;
	codec_random(out + 1, NONCE_BYTES);
	if (!context || !encrypt(context, key, place, plain, len, out))
		log_fatal("sign", "libcrypto cannot encrypt with AES-256-GCM");
	EVP_CIPHER_CTX_free(context);
	return len + SEAL_OVERHEAD;
}

/* The tag is checked at the end, so `plain` holds nothing to be trusted until this is true. */
static bool decrypt(EVP_CIPHER_CTX *context, const struct master_key *key, struct slice place, const uint8_t *sealed, size_t len,
                    uint8_t *plain)
{
	const uint8_t *cipher = sealed + 1 + NONCE_BYTES;
	uint8_t tag[TAG_BYTES];
	int written = 0, rest = 0;
	memcpy(tag, cipher + len, sizeof tag);
	return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed + 1) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &written, (const unsigned char *)place.at, (int)place.len) == 1 &&
	       EVP_DecryptUpdate(context, plain, &written, cipher, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(context, plain + written, &rest) == 1;
}

int unseal(const struct master_key *key, struct slice place, const uint8_t *sealed, size_t sealed_len, uint8_t *plain, size_t plain_size)
{
	if (sealed_len < SEAL_OVERHEAD || sealed[0] != SEAL_VERSION || sealed_len - SEAL_OVERHEAD > plain_size)
		return -1;
	size_t len = sealed_len - SEAL_OVERHEAD;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool good = context && decrypt(context, key, place, sealed, len, plain);
	EVP_CIPHER_CTX_free(context);
	if (!good)
		OPENSSL_cleanse(plain, len);
	return good ? (int)len : -1;
}
