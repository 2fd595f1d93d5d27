/* Why TLS failed. */
#include "deliver/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- whether a client certificate was asked for ---- */

struct tls_note {
	int refs;
	bool asked;
};

static pthread_once_t place_once = PTHREAD_ONCE_INIT;
static int place = -1; /* of the note among a context's data */

void tls_note_unref(struct tls_note *note)
{
	if (note && --note->refs == 0)
		free(note);
}

static void context_freed(void *parent, void *note, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)number;
	(void)pointer;
	tls_note_unref(note);
}

static void make_place(void)
{
	place = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, context_freed);
}

/* Asked only where no certificate of ours was set. Without one the handshake goes on, and the endpoint decides. */
static int certificate_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	struct tls_note *note = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place);
	(void)certificate;
	(void)key;
	if (note)
		note->asked = true;
	return 0;
}

static CURLcode context_made(CURL *easy, void *context, void *receiver)
{
	struct tls_note **note = receiver;
	(void)easy;
	pthread_once(&place_once, make_place);
	tls_note_unref(*note);
	*note = calloc(1, sizeof **note);
	if (!*note)
		return CURLE_OUT_OF_MEMORY;
	(*note)->refs = 1;
	if (place >= 0 && SSL_CTX_set_ex_data(context, place, *note) == 1) {
		(*note)->refs++;
		SSL_CTX_set_client_cert_cb(context, certificate_asked);
	}
	return CURLE_OK;
}

void tls_watch(CURL *easy, struct tls_note **note)
{
	/* Where libcurl cannot, a demand for a certificate looks like any other failed handshake. */
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, context_made);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, note);
}

/* ---- what a failure means ---- */

struct meaning {
	long code;
	enum attempt_failure failure;
};

static const struct meaning of_verification[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, FAILURE_TLS_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, FAILURE_TLS_EXPIRED},
    {X509_V_ERR_HOSTNAME_MISMATCH, FAILURE_TLS_WRONG_HOST},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, FAILURE_TLS_WRONG_HOST},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, FAILURE_TLS_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, FAILURE_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, FAILURE_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, FAILURE_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, FAILURE_TLS_UNKNOWN_CA},
    {X509_V_ERR_CERT_UNTRUSTED, FAILURE_TLS_UNKNOWN_CA},
    {X509_V_ERR_EE_KEY_TOO_SMALL, FAILURE_TLS_WEAK_KEY},
    {X509_V_ERR_CA_KEY_TOO_SMALL, FAILURE_TLS_WEAK_KEY},
    {X509_V_ERR_CA_MD_TOO_WEAK, FAILURE_TLS_WEAK_KEY},
};

static const struct meaning of_handshake[] = {
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, FAILURE_TLS_OLD_PROTOCOL},
    {SSL_R_UNSUPPORTED_PROTOCOL, FAILURE_TLS_OLD_PROTOCOL},
    {SSL_R_VERSION_TOO_LOW, FAILURE_TLS_OLD_PROTOCOL},
    {SSL_R_EE_KEY_TOO_SMALL, FAILURE_TLS_WEAK_KEY},
    {SSL_R_CA_KEY_TOO_SMALL, FAILURE_TLS_WEAK_KEY},
    {SSL_R_CA_MD_TOO_WEAK, FAILURE_TLS_WEAK_KEY},
    {SSL_R_DH_KEY_TOO_SMALL, FAILURE_TLS_WEAK_KEY},
    {SSL_R_WRONG_VERSION_NUMBER, FAILURE_TLS_PLAINTEXT},
    {SSL_R_HTTP_REQUEST, FAILURE_TLS_PLAINTEXT},
    {SSL_R_PACKET_LENGTH_TOO_LONG, FAILURE_TLS_PLAINTEXT},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, FAILURE_TLS_CLIENT_CERTIFICATE},
};

static enum attempt_failure find(const struct meaning *meanings, size_t len, long code, enum attempt_failure otherwise)
{
	for (size_t i = 0; i < len; i++) {
		if (meanings[i].code == code)
			return meanings[i].failure;
	}
	return otherwise;
}

#define FIND(meanings, code, otherwise) find(meanings, sizeof meanings / sizeof *meanings, code, otherwise)

/* The reason in "…error:0A00042E:SSL routines::…"; 0: none is there. */
static long handshake_reason(const char *message)
{
	const char *at = strstr(message, "error:");
	return at ? (long)ERR_GET_REASON(strtoul(at + 6, NULL, 16)) : 0;
}

static enum attempt_failure verification_failure(CURL *easy)
{
	long result = X509_V_OK;
	if (curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result) != CURLE_OK)
		return FAILURE_TLS;
	/* The chain is good, or was not judged yet: it is libcurl that compares the name. */
	if (result == X509_V_OK || result == X509_V_ERR_UNSPECIFIED)
		return FAILURE_TLS_WRONG_HOST;
	return FIND(of_verification, result, FAILURE_TLS);
}

enum attempt_failure tls_failure(CURL *easy, CURLcode code, const char *message, const struct tls_note *note)
{
	bool asked = note && note->asked;
	long reason = handshake_reason(message);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return verification_failure(easy);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_SHUTDOWN_FAILED:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		if (code == CURLE_SSL_CLIENTCERT)
			return FAILURE_TLS_CLIENT_CERTIFICATE;
		return FIND(of_handshake, reason, asked ? FAILURE_TLS_CLIENT_CERTIFICATE : FAILURE_TLS);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		/* With TLS 1.3 the endpoint says no only after the handshake. */
		return asked ? FAILURE_TLS_CLIENT_CERTIFICATE : FIND(of_handshake, reason, FAILURE_NONE);
	default:
		return FAILURE_NONE;
	}
}
