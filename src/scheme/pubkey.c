/* Signatures by private keys, with libcrypto. */
#include "scheme/pubkey.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/codec.h"

enum { DER_BYTES_MAX = 2048, RSA_BITS_MIN = 2048 };

EVP_PKEY *pubkey_ed25519(const uint8_t raw[32])
{
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
}

static EVP_PKEY *of_kind(EVP_PKEY *key, const char *kind)
{
	if (key && !EVP_PKEY_is_a(key, kind)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

/* No password is ever asked for. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static BIO *reader(struct slice text)
{
	return text.len > 0 && text.len <= INT_MAX ? BIO_new_mem_buf(text.at, (int)text.len) : NULL;
}

EVP_PKEY *pubkey_of_text(struct slice text, const char *kind)
{
	static const char begin[] = "-----BEGIN";
	EVP_PKEY *key = NULL;

	if (text.len > sizeof begin && memcmp(text.at, begin, sizeof begin - 1) == 0) {
		BIO *bio = reader(text);
		key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
		BIO_free(bio);
	} else {
		uint8_t der[DER_BYTES_MAX];
		const uint8_t *at = der;
		int len = codec_base64_decode(text, der, sizeof der);
		if (len > 0)
			key = d2i_PUBKEY(NULL, &at, len);
		if (key && at != der + len) {
			EVP_PKEY_free(key);
			key = NULL;
		}
	}
	return of_kind(key, kind);
}

static const char *fault_of(X509 *certificate, int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000);

	if (!certificate)
		return "it is no certificate in PEM";
	if (now_ms > 0 && X509_cmp_time(X509_get0_notBefore(certificate), &now) >= 0)
		return "it is not valid yet";
	if (now_ms > 0 && X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0)
		return "it has expired";
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return "it does not hold an RSA key of 2048 bits or more";
	return NULL;
}

EVP_PKEY *pubkey_of_certificate(struct slice pem, int64_t now_ms, const char **why)
{
	BIO *bio = reader(pem);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	EVP_PKEY *key = NULL;

	*why = fault_of(certificate, now_ms);
	if (!*why)
		key = X509_get_pubkey(certificate);
	X509_free(certificate);
	BIO_free(bio);
	return key;
}

bool pubkey_verifies(EVP_PKEY *key, const char *digest, struct slice content, struct slice signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
	            EVP_DigestVerify(context, (const uint8_t *)signature.at, signature.len, (const uint8_t *)content.at, content.len) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

int pubkey_sign(const struct scheme_moment *moment, const char *kind, const char *digest, struct slice content, bool hex, struct strbuf *out,
                struct err *err)
{
	uint8_t signature[PUBKEY_SIGNATURE_MAX];
	char text[2 * PUBKEY_SIGNATURE_MAX + 1];
	size_t len = sizeof signature;

	BIO *bio = reader(moment->private_key);
	EVP_PKEY *key = of_kind(bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL, kind);
	BIO_free(bio);
	if (!key)
		return err_set(err, ERR_INVALID, "this provider signs with a private key: give one of kind %s, in PEM and unencrypted, whose public half the source has", kind);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_PKEY_get_size(key) <= (int)sizeof signature &&
	            EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
	            EVP_DigestSign(context, signature, &len, (const uint8_t *)content.at, content.len) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	if (!good)
		return err_set(err, ERR_INTERNAL, "libcrypto cannot sign with the private key");
	if (hex)
		codec_hex(signature, len, text);
	else
		codec_base64(signature, len, text);
	strbuf_puts(out, text);
	return 0;
}

int pubkey_signature(struct slice text, uint8_t out[PUBKEY_SIGNATURE_MAX])
{
	int len = codec_base64_decode(text, out, PUBKEY_SIGNATURE_MAX);
	return len > 0 ? len : -1;
}
