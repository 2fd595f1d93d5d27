/* An HTTPS server on loopback for tests, with a certificate of its own making. A thread; one connection after the other; every request is
 * answered with 200 and a short text. */
#ifndef GRAPNEL_TESTS_TLS_SERVER_H
#define GRAPNEL_TESTS_TLS_SERVER_H

struct tls_server;
/* The certificate is for this name, signed by itself, valid from `from_s` to `until_s` seconds from now. */
struct tls_server *tls_server_start(const char *name, long from_s, long until_s);
int tls_server_port(const struct tls_server *server);
/* The file that has the certificate. */
const char *tls_server_authorities(const struct tls_server *server);
/* How many requests it read. */
unsigned tls_server_stop(struct tls_server *server);

#endif
