/* Certificates. A handshake that has chosen one goes on using it until it is over, so one that was replaced lives on for longer than any
 * request may take to arrive, handshake included. */
#include "http/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"

enum { EXPIRES_DAYS = 14, CHAIN_MAX = 16, KEEP_US = 20 * 60 * 1000 * 1000, RECORD_BYTES = 16384 };
#define DAY_MS (24 * 60 * 60 * INT64_C(1000))

/* TLS 1.3 and 1.2; forward secrecy and authenticated encryption only. */
const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:"
                              "+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE";

/* What is shown. */
struct identity {
	struct identity *older;
	int64_t until_ms; /* wall time that the certificate is good until … */
	int64_t warn_ms;  /* … and when to say so (again) */
	int64_t replaced_us;
	unsigned chain_len;
	gnutls_pcert_st chain[CHAIN_MAX];
	gnutls_privkey_t key;
};

struct tls {
	const char *certificate, *key;
	const struct clock *clock;
	pthread_mutex_t mutex;
	struct identity *identity; /* under the mutex; those that were replaced hang on it */
};

static _Atomic(struct tls *) tls_here;

static void identity_free(struct identity *identity)
{
	for (unsigned i = 0; i < identity->chain_len; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	if (identity->key)
		gnutls_privkey_deinit(identity->key);
	free(identity);
}

static int failed(struct err *err, const char *what, const char *path, int code)
{
	return err_set(err, ERR_INVALID, "%s: %s cannot be used: %s", what, path, gnutls_strerror(code));
}

/* Whether the key is the certificate's, and the chain in order. */
static int check_pair(const struct tls *tls, const gnutls_datum_t *chain, const gnutls_datum_t *key, struct err *err)
{
	gnutls_certificate_credentials_t trial;
	if (gnutls_certificate_allocate_credentials(&trial) < 0)
		return err_set(err, ERR_UNAVAILABLE, "there is no memory to read the certificate");
	int code = gnutls_certificate_set_x509_key_mem(trial, chain, key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(trial);
	if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return err_set(err, ERR_INVALID, "tls.key: %s is not the key of the certificate in %s (tls.certificate)", tls->key,
		               tls->certificate);
	return code < 0 ? failed(err, "tls.certificate and tls.key", tls->certificate, code) : 0;
}

static int import_chain(const struct tls *tls, const gnutls_datum_t *bytes, struct identity *identity, struct err *err)
{
	gnutls_x509_crt_t *list = NULL;
	unsigned len = 0, taken = CHAIN_MAX;
	int code = gnutls_x509_crt_list_import2(&list, &len, bytes, GNUTLS_X509_FMT_PEM, 0);
	if (code < 0)
		return failed(err, "tls.certificate", tls->certificate, code);
	identity->until_ms = (int64_t)gnutls_x509_crt_get_expiration_time(list[0]) * 1000;
	if (len > CHAIN_MAX) {
		code = err_set(err, ERR_INVALID, "tls.certificate: %s holds %u certificates; accepted: at most %d", tls->certificate, len,
		               CHAIN_MAX);
	} else {
		taken = len;
		code = gnutls_pcert_import_x509_list(identity->chain, list, &taken, GNUTLS_X509_CRT_LIST_SORT);
		if (code < 0)
			failed(err, "tls.certificate", tls->certificate, code);
		else
			identity->chain_len = taken;
	}
	for (unsigned i = 0; i < len; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return code < 0 ? -1 : 0;
}

static int import_key(const struct tls *tls, const gnutls_datum_t *bytes, struct identity *identity, struct err *err)
{
	int code = gnutls_privkey_init(&identity->key);
	if (code >= 0)
		code = gnutls_privkey_import_x509_raw(identity->key, bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
	return code < 0 ? failed(err, "tls.key", tls->key, code) : 0;
}

/* Once a day while handshakes come: no timer wakes the hub for it. */
static void warn_expiry(const struct tls *tls, struct identity *identity)
{
	char text[CLOCK_RFC3339_SIZE];
	int64_t now_ms = clock_wall_ms(tls->clock);
	if (now_ms < identity->warn_ms)
		return;
	identity->warn_ms = now_ms + DAY_MS;
	clock_format_rfc3339(identity->until_ms, text);
	log_told(certificate_expires, NULL, identity->until_ms <= now_ms ? "the certificate in %s has expired: it was good until %s"
	                                                                 : "the certificate in %s expires soon: it is good until %s",
	         tls->certificate, text);
}

static void say_until(const struct tls *tls, struct identity *identity)
{
	char text[CLOCK_RFC3339_SIZE];
	identity->warn_ms = identity->until_ms - EXPIRES_DAYS * DAY_MS;
	clock_format_rfc3339(identity->until_ms, text);
	log_info("http", "the certificate in %s is shown; it is good until %s", tls->certificate, text);
	warn_expiry(tls, identity);
}

static struct identity *identity_read(const struct tls *tls, struct err *err)
{
	struct identity *identity = mem_new(struct identity);
	gnutls_datum_t chain = {0}, key = {0};
	int code = gnutls_load_file(tls->certificate, &chain);
	if (code < 0) {
		failed(err, "tls.certificate", tls->certificate, code);
		goto out;
	}
	code = gnutls_load_file(tls->key, &key);
	if (code < 0) {
		failed(err, "tls.key", tls->key, code);
		goto out;
	}
	code = -1;
	if (import_chain(tls, &chain, identity, err) == 0 && import_key(tls, &key, identity, err) == 0)
		code = check_pair(tls, &chain, &key, err);
out:
	gnutls_free(chain.data);
	if (key.data)
		gnutls_memset(key.data, 0, key.size);
	gnutls_free(key.data);
	if (code == 0)
		return identity;
	identity_free(identity);
	return NULL;
}

int tls_check(const char *certificate, const char *key, struct err *err)
{
	const struct tls tls = {.certificate = certificate, .key = key};
	struct identity *identity = identity_read(&tls, err);
	if (!identity)
		return -1;
	identity_free(identity);
	return 0;
}

int tls_reload(struct tls *tls, struct err *err)
{
	struct identity *fresh = identity_read(tls, err), **at;
	int64_t now_us = clock_mono_us(tls->clock);
	if (!fresh)
		return -1;
	say_until(tls, fresh);
	pthread_mutex_lock(&tls->mutex);
	if (tls->identity)
		tls->identity->replaced_us = now_us;
	fresh->older = tls->identity;
	tls->identity = fresh;
	for (at = &fresh->older; *at && (*at)->replaced_us > now_us - KEEP_US; at = &(*at)->older)
		;
	struct identity *gone = *at;
	*at = NULL;
	pthread_mutex_unlock(&tls->mutex);
	for (struct identity *older; gone; gone = older) {
		older = gone->older;
		identity_free(gone);
	}
	return 0;
}

struct tls *tls_new(const char *certificate, const char *key, const struct clock *clock, struct err *err)
{
	struct tls *tls = mem_new(struct tls);
	*tls = (struct tls){.certificate = certificate, .key = key, .clock = clock};
	pthread_mutex_init(&tls->mutex, NULL);
	if (tls_reload(tls, err)) {
		tls_free(tls);
		return NULL;
	}
	atomic_store(&tls_here, tls);
	return tls;
}

void tls_free(struct tls *tls)
{
	struct tls *expected = tls;
	if (!tls)
		return;
	atomic_compare_exchange_strong(&tls_here, &expected, NULL);
	for (struct identity *identity = tls->identity, *older; identity; identity = older) {
		older = identity->older;
		identity_free(identity);
	}
	pthread_mutex_destroy(&tls->mutex);
	free(tls);
}

static int choose(gnutls_session_t session, const gnutls_datum_t *authorities, int authorities_len, const gnutls_pk_algorithm_t *algorithms,
                  int algorithms_len, gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key)
{
	struct tls *tls = atomic_load(&tls_here);
	(void)session, (void)authorities, (void)authorities_len, (void)algorithms, (void)algorithms_len;
	if (!tls)
		return -1;
	pthread_mutex_lock(&tls->mutex);
	*chain = tls->identity->chain;
	*chain_len = tls->identity->chain_len;
	*key = tls->identity->key;
	warn_expiry(tls, tls->identity);
	pthread_mutex_unlock(&tls->mutex);
	return 0;
}

void *tls_chooser(void)
{
	union {
		gnutls_certificate_retrieve_function2 *function;
		void *object;
	} chooser = {.function = choose};
	return chooser.object;
}

/* A server's handshake ends with the client's last message. The place of a database that there is none of keeps that it came. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
	(void)type, (void)when, (void)message;
	if (incoming)
		gnutls_db_set_ptr(session, session);
	return 0;
}

void tls_watch(void *session)
{
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
}

bool tls_shaken(void *session)
{
	return gnutls_db_get_ptr(session) != NULL;
}

void tls_farewell(void *session, int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = gnutls_record_send(session, bytes.at, bytes.len < RECORD_BYTES ? bytes.len : RECORD_BYTES);
		if (sent <= 0)
			return;
		bytes = (struct slice){bytes.at + sent, bytes.len - (size_t)sent};
	}
	/* All is written, or nothing helps. */
	(void)gnutls_bye(session, GNUTLS_SHUT_WR);
	shutdown(fd, SHUT_WR);
}
