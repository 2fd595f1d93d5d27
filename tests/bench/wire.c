/* TLS by OpenSSL, whose handshake is a part of the first read. */
#include "wire.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static SSL_CTX *tls;

void wire_use_tls(const char *pem)
{
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, pem) != 1 || SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) != 1)
		errx(1, "%s: %s", pem, ERR_error_string(ERR_get_error(), NULL));
}

struct wire *wire_new(int fd)
{
	struct wire *wire = calloc(1, sizeof *wire);
	if (!wire)
		abort();
	wire->fd = fd;
	if (tls) {
		wire->ssl = SSL_new(tls);
		if (!wire->ssl || SSL_set_fd(wire->ssl, fd) != 1)
			abort();
		SSL_set_accept_state(wire->ssl);
	}
	return wire;
}

void wire_free(struct wire *wire)
{
	SSL_free(wire->ssl);
	close(wire->fd);
	free(wire);
}

ssize_t wire_read(struct wire *wire, char *to, size_t size)
{
	if (!wire->ssl) {
		ssize_t got = recv(wire->fd, to, size, 0);
		return got > 0 ? got : got < 0 && errno == EAGAIN ? 0 : -1;
	}
	int got = SSL_read(wire->ssl, to, size < INT_MAX ? (int)size : INT_MAX);
	if (got > 0)
		return got;
	bool again = SSL_get_error(wire->ssl, got) == SSL_ERROR_WANT_READ;
	ERR_clear_error();
	return again ? 0 : -1;
}

bool wire_pending(const struct wire *wire)
{
	return wire->ssl && SSL_pending(wire->ssl) > 0;
}

bool wire_write(struct wire *wire, const char *bytes, size_t len)
{
	if (!wire->ssl)
		return send(wire->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
	return len == 0 || SSL_write(wire->ssl, bytes, (int)len) == (int)len;
}
