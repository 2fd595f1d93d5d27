/* Certificates and keys in PEM form, with libcrypto. */
#include "sign/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"

enum { CERTIFICATES_MAX = 1000 };

/* An encrypted key is refused: nobody is here to type its password. */
static int no_password(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	*(bool *)context = true;
	return -1;
}

/* A certificate's time as RFC 3339; "" when it is none. */
static void time_text(const ASN1_TIME *at, char out[CLOCK_RFC3339_SIZE])
{
	struct tm parts;
	out[0] = '\0';
	if (ASN1_TIME_to_tm(at, &parts) == 1)
		clock_format_rfc3339((int64_t)timegm(&parts) * 1000, out);
}

/* Negative: the certificate's time is before that of the clock. */
static int compare(const ASN1_TIME *at, int64_t now_ms)
{
	return ASN1_TIME_cmp_time_t(at, (time_t)(now_ms / 1000));
}

static int check_leaf(X509 *leaf, int64_t now_ms, struct err *err)
{
	char text[CLOCK_RFC3339_SIZE];
	if (compare(X509_get0_notAfter(leaf), now_ms) < 0) {
		time_text(X509_get0_notAfter(leaf), text);
		return err_field(err, ERR_INVALID, "/tls/client_certificate", "expired at %s", text);
	}
	if (compare(X509_get0_notBefore(leaf), now_ms) > 0) {
		time_text(X509_get0_notBefore(leaf), text);
		return err_field(err, ERR_INVALID, "/tls/client_certificate", "is not valid before %s", text);
	}
	return 0;
}

/* The first certificate of a text (freed; NULL: no memory) that holds nothing but certificates; `*valid`: whether one of them has not
 * expired. Free it. */
static X509 *read_certificates(BIO *bio, const char *pointer, int64_t now_ms, bool *valid, struct err *err)
{
	X509 *first = NULL, *one;
	int number = 0;
	*valid = false;
	while (bio && number < CERTIFICATES_MAX && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		*valid |= compare(X509_get0_notAfter(one), now_ms) >= 0;
		if (number++ == 0)
			first = one;
		else
			X509_free(one);
	}
	/* The end of the text is an error, too: that nothing more begins. */
	unsigned long why = ERR_peek_last_error();
	bool whole = bio && number > 0 && ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(bio);
	if (whole)
		return first;
	X509_free(first);
	err_field(err, ERR_INVALID, pointer, "holds something that is no certificate in PEM form: number %d cannot be read", number + 1);
	return NULL;
}

static EVP_PKEY *read_key(const char *text, struct err *err)
{
	bool encrypted = false;
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted) : NULL;
	ERR_clear_error();
	BIO_free(bio);
	if (!key)
		err_field(err, ERR_INVALID, "/tls/client_key",
		          encrypted ? "is encrypted: give it without a password; the hub seals it" : "is no private key in PEM form");
	return key;
}

static int check_client(const struct endpoint_tls *tls, const char *client_key, int64_t now_ms, struct err *err)
{
	bool valid;
	X509 *leaf = read_certificates(BIO_new_mem_buf(tls->client_certificate, -1), "/tls/client_certificate", now_ms, &valid, err);
	EVP_PKEY *key = read_key(client_key ? client_key : "", err);
	int result = leaf && key ? check_leaf(leaf, now_ms, err) : -1;
	if (leaf && key && X509_check_private_key(leaf, key) != 1)
		result = err_field(err, ERR_INVALID, "/tls/client_key", "is not the key of client_certificate");
	ERR_clear_error();
	X509_free(leaf);
	EVP_PKEY_free(key);
	return result;
}

static int check_authorities(const char *ca, int64_t now_ms, struct err *err)
{
	bool valid;
	X509 *first = read_certificates(BIO_new_mem_buf(ca, -1), "/tls/ca", now_ms, &valid, err);
	if (!first)
		return -1;
	X509_free(first);
	return valid ? 0 : err_field(err, ERR_INVALID, "/tls/ca", "has no certificate that is valid: all have expired");
}

int identity_check(const struct endpoint_tls *tls, const char *client_key, int64_t now_ms, struct err *err)
{
	int result = 0;
	if (tls->client_certificate)
		result |= check_client(tls, client_key, now_ms, err);
	if (tls->ca)
		result |= check_authorities(tls->ca, now_ms, err);
	return result;
}

int identity_check_file(const char *path, int64_t now_ms, struct err *err)
{
	struct err why = {0};
	bool valid;
	FILE *file = fopen(path, "re");
	if (!file)
		return err_set(err, ERR_INVALID, "egress.authorities: %s cannot be read: %s", path, strerror(errno));
	X509 *first = read_certificates(BIO_new_fp(file, BIO_NOCLOSE), "", now_ms, &valid, &why);
	fclose(file);
	X509_free(first);
	if (!first)
		return err_set(err, ERR_INVALID, "egress.authorities: %s %s", path, why.fields[0].detail);
	return valid ? 0 : err_set(err, ERR_INVALID, "egress.authorities: %s has no certificate that is valid: all have expired", path);
}
