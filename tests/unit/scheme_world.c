/* Sources with keys of their own. */
#include "scheme_world.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/codec.h"

enum { PEM_MAX = 4096 };

static char rsa_key[PEM_MAX], rsa_certificate[PEM_MAX], ec_key[PEM_MAX], ec_public[PEM_MAX], ed_key[PEM_MAX], ed_public[65];
static json_t *settings[64];

static void need(bool fine)
{
	if (!fine) {
		fputs("scheme_world: libcrypto failed\n", stderr);
		abort();
	}
}

static void take(BIO *bio, char out[PEM_MAX])
{
	int len = BIO_read(bio, out, PEM_MAX - 1);
	need(len > 0);
	out[len] = '\0';
	BIO_free(bio);
}

static void private_pem(EVP_PKEY *key, char out[PEM_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	need(key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	take(bio, out);
}

static void make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	need(certificate && X509_set_version(certificate, 2) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	ASN1_TIME_set(X509_getm_notBefore(certificate), WORLD_NOW / 1000 - 86400);
	ASN1_TIME_set(X509_getm_notAfter(certificate), WORLD_NOW / 1000 + 86400);
	X509_set_pubkey(certificate, key);
	need(X509_sign(certificate, key, EVP_sha256()) > 0 && PEM_write_bio_X509(bio, certificate) == 1);
	take(bio, rsa_certificate);
	X509_free(certificate);
}

void scheme_world_make(void)
{
	uint8_t raw[32], der[256], *at = der;
	size_t raw_len = sizeof raw;

	EVP_PKEY *key = EVP_RSA_gen(2048);
	private_pem(key, rsa_key);
	make_certificate(key);
	EVP_PKEY_free(key);
	key = EVP_EC_gen("P-256");
	private_pem(key, ec_key);
	int len = i2d_PUBKEY(key, &at);
	need(len > 0);
	codec_base64(der, (size_t)len, ec_public);
	EVP_PKEY_free(key);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	private_pem(key, ed_key);
	need(EVP_PKEY_get_raw_public_key(key, raw, &raw_len) == 1);
	codec_hex(raw, raw_len, ed_public);
	EVP_PKEY_free(key);
}

void scheme_world_free(void)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		json_decref(settings[i]);
		settings[i] = NULL;
	}
}

static const char *secret_of(const char *name)
{
	if (strcmp(name, "standard") == 0)
		return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	if (strcmp(name, "adyen") == 0)
		return "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
	if (strcmp(name, "discord") == 0)
		return ed_public;
	if (strcmp(name, "sendgrid") == 0)
		return ec_public;
	return "0123456789abcdef-secret";
}

static json_t *settings_of(const char *name)
{
	if (strcmp(name, "paypal") == 0)
		return json_pack("{s:s, s:s}", "webhook_id", "WEBHOOK-1", "certificate", rsa_certificate);
	if (strcmp(name, "aws-sns") == 0)
		return json_pack("{s:s, s:s}", "topic_arn", "arn:aws:sns:us-east-1:123456789012:orders", "certificate", rsa_certificate);
	if (strcmp(name, "meta") == 0)
		return json_pack("{s:s}", "verify_token", "my token");
	if (strcmp(name, "basic") == 0)
		return json_pack("{s:s}", "username", "ada");
	if (strcmp(name, "hmac") == 0)
		return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "header", "X-Sig", "prefix", "v1=", "separator", ",",
		                 "timestamp_prefix", "t=", "content", "{timestamp}.{id}.{path}.{body}", "id_header", "X-Id", "hash", "sha512",
		                 "challenge", "from", "json", "name", "challenge", "reply", "{\"challenge\":\"{value}\"}");
	return json_object();
}

void scheme_world_source(const struct scheme *scheme, struct scheme_source *source)
{
	size_t len, i = 0;
	const struct scheme *const *all = scheme_all(&len);

	while (all[i] != scheme)
		i++;
	if (!settings[i])
		settings[i] = settings_of(scheme->name);
	*source = (struct scheme_source){
	    .uid = SLICE_LITERAL("src"), .settings = settings[i], .tolerance_s = -1, .public_url = SLICE_LITERAL(WORLD_URL)};
	if (scheme->secret != SCHEME_SECRET_NONE)
		source->secrets[source->secrets_len++] = slice_of(secret_of(scheme->name));
}

struct slice scheme_world_key(const struct scheme *scheme)
{
	if (strcmp(scheme->name, "discord") == 0)
		return slice_of(ed_key);
	if (strcmp(scheme->name, "sendgrid") == 0)
		return slice_of(ec_key);
	return scheme->signs_by_key ? slice_of(rsa_key) : (struct slice){NULL, 0};
}

void scheme_world_receive(const struct scheme_signed *made, struct world_request *received)
{
	for (unsigned i = 0; i < made->headers_len; i++)
		received->headers[i] = (struct scheme_header){slice_of(made->headers[i].name), slice_of(made->headers[i].value)};
	received->request = (struct scheme_request){
	    .method = SLICE_LITERAL("POST"),
	    .path = SLICE_LITERAL("/in/src"),
	    .query = {made->query.data, made->query.len},
	    .headers = received->headers,
	    .headers_len = made->headers_len,
	    .body = {strbuf_text(&made->body), made->body.len},
	    .now_ms = WORLD_NOW,
	};
}
