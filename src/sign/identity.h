/* Whether the certificates and the key of an endpoint's `tls` are what they say: looked at when they are written. */
#ifndef GRAPNEL_SIGN_IDENTITY_H
#define GRAPNEL_SIGN_IDENTITY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/auth.h"

/* The chain can be read, its first certificate is valid now and `client_key` (PEM, NULL without a certificate) is its key; the bundle of
 * authorities can be read, and one of them is valid. Errors name the field below /tls. */
int identity_check(const struct endpoint_tls *tls, const char *client_key, int64_t now_ms, struct err *err) ATTR_MUST_USE;

/* Whether a file of authorities can be read, and one of them is valid. */
int identity_check_file(const char *path, int64_t now_ms, struct err *err) ATTR_MUST_USE;

#endif
