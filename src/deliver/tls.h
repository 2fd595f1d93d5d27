/* Why TLS failed, told apart: libcurl has few codes for it, the rest stands in OpenSSL's verify result and error code. And whether the endpoint
 * asked for a client certificate, which libcurl does not tell: each new connection gets a note of it. For one thread. */
#ifndef GRAPNEL_DELIVER_TLS_H
#define GRAPNEL_DELIVER_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "model/delivery.h"

/* Of a connection; shared by it and the requests that used it, whichever lasts longest. */
struct tls_note;
void tls_note_unref(struct tls_note *note); /* NULL is allowed */
/* An answer came by it: from then on nothing that fails is about its handshake. NULL is allowed. */
void tls_note_answered(struct tls_note *note);
/* Makes the handle write a note of the next connection into *note, which is NULL while there is none. */
void tls_note_watch(CURL *easy, struct tls_note **note);
/* Takes the note of the connection that the handle has now, which may be one that another made: libcurl keeps some that are broken. */
void tls_note_take(CURL *easy, struct tls_note **note);

/* What an attempt that libcurl ended with this code and message failed of; FAILURE_NONE: not of TLS. */
enum attempt_failure tls_failure(CURL *easy, CURLcode code, const char *message, const struct tls_note *note);

#endif
