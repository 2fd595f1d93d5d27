/* See tls_server.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/temp.h"

struct tls_server {
	SSL_CTX *context;
	int listener, port;
	unsigned requests; /* the thread's, until it was joined */
	char *folder, *authorities;
	pthread_t thread;
};

static X509 *make_certificate(EVP_PKEY *key, const char *name, long from_s, long until_s)
{
	char alternative[256];
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	snprintf(alternative, sizeof alternative, "DNS:%s", name);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), until_s);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, subject);
	X509_set_pubkey(certificate, key);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	assert_int_not_equal(X509_sign(certificate, key, EVP_sha256()), 0);
	return certificate;
}

static void serve(struct tls_server *server, int fd)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntext";
	char bytes[4096];
	SSL *ssl = SSL_new(server->context);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, bytes, sizeof bytes) > 0) {
		server->requests++;
		SSL_write(ssl, answer, sizeof answer - 1);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

/* Until the listener is shut down. */
static void *run(void *argument)
{
	struct tls_server *server = argument;
	for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0;)
		serve(server, fd);
	return NULL;
}

static void start_listening(struct tls_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
}

struct tls_server *tls_server_start(const char *name, long from_s, long until_s)
{
	struct tls_server *server = calloc(1, sizeof *server);
	assert_non_null(server);
	signal(SIGPIPE, SIG_IGN);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key, name, from_s, until_s);
	server->folder = temp_make();
	server->authorities = temp_path(server->folder, "authorities.pem");
	FILE *file = fopen(server->authorities, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	server->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(server->context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server->context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	start_listening(server);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

int tls_server_port(const struct tls_server *server)
{
	return server->port;
}

const char *tls_server_authorities(const struct tls_server *server)
{
	return server->authorities;
}

unsigned tls_server_stop(struct tls_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	unsigned requests = server->requests;
	SSL_CTX_free(server->context);
	free(server->authorities);
	temp_remove(server->folder);
	free(server);
	return requests;
}
