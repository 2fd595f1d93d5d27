/* Passwords: argon2id (RFC 9106) as PHC strings. A hash takes some 0.1 s and 64 MiB by design, so these never run on an event loop, and
 * who calls them sees to it that few run at once. Thread-safe. */
#ifndef GRAPNEL_SIGN_PASSWORD_H
#define GRAPNEL_SIGN_PASSWORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

enum { PASSWORD_HASH_SIZE = 128 };

int password_hash(struct slice password, char out[PASSWORD_HASH_SIZE], struct err *err) ATTR_MUST_USE;
/* Whether it is the password of this hash. NULL stands for the hash of nobody: it is never right, and takes as long. -1: memory was out, or
 * the hash is no PHC string of argon2id. */
int password_check(const char *hash, struct slice password, bool *right, struct err *err) ATTR_MUST_USE;

#endif
