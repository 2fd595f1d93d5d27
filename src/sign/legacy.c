/* Legacy signatures. */
#include "sign/legacy.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/codec.h"

enum { DIGEST_MAX = 64, KEY_MAX = 4096 };

/* EVP_MAC_init() without a key starts it anew. */
static EVP_MAC_CTX *hmac_new(const char *digest_name, const uint8_t *key, size_t len)
{
	char digest[16] = "";
	memccpy(digest, digest_name, '\0', sizeof digest - 1);
	const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (context && EVP_MAC_init(context, key, len, parameters) != 1) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

static int open_own(const struct endpoint *endpoint, const struct master_key *master, uint8_t key[KEY_MAX])
{
	const struct endpoint_secret *secret = &endpoint->signing->legacy->secret;
	char place[48];
	legacy_secret_place(endpoint->meta.id, place);
	return unseal(master, slice_of(place), secret->sealed, secret->sealed_len, key, KEY_MAX);
}

static int open_present(const struct endpoint *endpoint, const struct master_key *master, uint8_t key[KEY_MAX])
{
	uint8_t bytes[SECRET_BYTES_MAX];
	char place[48], text[SECRET_TEXT_SIZE];
	secret_place(endpoint->meta.id, place);
	int len = endpoint->secrets_len == 0 ? -1
	                                     : unseal(master, slice_of(place), endpoint->secrets[0].sealed, endpoint->secrets[0].sealed_len, bytes,
	                                              sizeof bytes);
	if (len < 0)
		return -1;
	secret_text(bytes, (size_t)len, text);
	len = (int)strlen(text);
	memcpy(key, text, (size_t)len);
	OPENSSL_cleanse(bytes, sizeof bytes);
	OPENSSL_cleanse(text, sizeof text);
	return len;
}

EVP_MAC_CTX *legacy_open(const struct endpoint *endpoint, const struct master_key *master, struct err *err)
{
	const struct endpoint_legacy *legacy = endpoint->signing->legacy;
	uint8_t key[KEY_MAX];
	int len = legacy->secret.sealed ? open_own(endpoint, master, key) : open_present(endpoint, master, key);
	if (len < 0) {
		err_set(err, ERR_INTERNAL,
		        "the secret of the endpoint's legacy signature cannot be unsealed: it was sealed with another master key, or is damaged");
		return NULL;
	}
	EVP_MAC_CTX *hmac = hmac_new(legacy_algorithm_text(legacy->algorithm), key, (size_t)len);
	OPENSSL_cleanse(key, sizeof key);
	if (!hmac)
		err_set(err, ERR_INTERNAL, "libcrypto cannot prepare an HMAC");
	return hmac;
}

static bool update(EVP_MAC_CTX *hmac, const char *bytes, size_t len)
{
	return len == 0 || EVP_MAC_update(hmac, (const unsigned char *)bytes, len) == 1;
}

int legacy_sign(EVP_MAC_CTX *hmac, const struct endpoint_legacy *legacy, int64_t timestamp_s, struct slice body, struct strbuf *out, size_t *at)
{
	struct strbuf time = STRBUF_INIT(32);
	uint8_t digest[DIGEST_MAX];
	char text[2 * DIGEST_MAX + 1];
	size_t len;
	if (legacy->style->timed) {
		strbuf_printf(&time, "%" PRId64 ".", timestamp_s);
		strbuf_printf(out, "t=%" PRId64 ",", timestamp_s);
	}
	bool good = EVP_MAC_init(hmac, NULL, 0, NULL) == 1 && update(hmac, strbuf_text(&time), time.len) && update(hmac, body.at, body.len) &&
	            EVP_MAC_final(hmac, digest, &len, sizeof digest) == 1;
	strbuf_free(&time);
	if (!good)
		return -1;
	if (legacy->base64)
		codec_base64(digest, len, text);
	else
		codec_hex(digest, len, text);
	strbuf_puts(out, legacy->prefix);
	*at = out->len;
	strbuf_puts(out, text);
	return out->failed ? -1 : 0;
}
