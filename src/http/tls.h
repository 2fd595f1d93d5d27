/* The hub's own TLS: the certificate that listeners show, taken from two files and read again when it is said. libmicrohttpd brings the
 * protocol, by GnuTLS, and asks for the certificate at each handshake; it has no place for a context, so there is one certificate in a
 * process. Thread-safe. */
#ifndef GRAPNEL_HTTP_TLS_H
#define GRAPNEL_HTTP_TLS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

struct tls;
/* `certificate`: PEM, the hub's own first, then those that lead to the authority. `key`: PEM, without a passphrase. Both stay the
 * caller's. */
struct tls *tls_new(const char *certificate, const char *key, const struct clock *clock, struct err *err) ATTR_MUST_USE;
/* Whether tls_new() would take these files. */
int tls_check(const char *certificate, const char *key, struct err *err) ATTR_MUST_USE;
/* Reads both files again. What cannot be used changes nothing. */
int tls_reload(struct tls *tls, struct err *err) ATTR_MUST_USE;
void tls_free(struct tls *tls); /* NULL is allowed; no connection is left */

/* For the server: what libmicrohttpd is told. */
extern const char tls_priorities[];
void *tls_chooser(void);
/* Whether a session's handshake is over, which was watched from its beginning. */
void tls_watch(void *session);
bool tls_shaken(void *session);
/* The last bytes of a connection: writes them as far as there is room and ends the writing side. */
void tls_farewell(void *session, int fd, struct slice bytes);

#endif
