/* Why TLS failed, told apart: libcurl has few codes for it, the rest stands in OpenSSL's verify result and error code. And whether the endpoint
 * asked for a client certificate, which libcurl does not tell: each new connection gets a note of it. For one thread. */
#ifndef GRAPNEL_DELIVER_TLS_H
#define GRAPNEL_DELIVER_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "model/delivery.h"

/* Shared by a request and the connection that it made, whichever lasts longer. */
struct tls_note;
void tls_note_unref(struct tls_note *note); /* NULL is allowed */
/* Makes the handle write a note of the next connection into *note, which is NULL while there is none. */
void tls_watch(CURL *easy, struct tls_note **note);

/* What an attempt that libcurl ended with this code and message failed of; FAILURE_NONE: not of TLS. */
enum attempt_failure tls_failure(CURL *easy, CURLcode code, const char *message, const struct tls_note *note);

#endif
