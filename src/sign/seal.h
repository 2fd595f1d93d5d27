/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the hub's master key, bound to the place where they are stored by the
 * additional data "table:row:column". Sealed form: version byte 1, 12 random bytes of nonce, ciphertext, 16 bytes of tag. */
#ifndef GRAPNEL_SIGN_SEAL_H
#define GRAPNEL_SIGN_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

enum { MASTER_KEY_BYTES = 32, SEAL_OVERHEAD = 1 + 12 + 16 };

struct master_key {
	uint8_t bytes[MASTER_KEY_BYTES];
};

/* Reads the key file (64 hex digits); `create` makes it, mode 0600, when it is missing. Refuses a file that others may read and
 * says how to mend it. */
int master_key_load(const char *path, bool create, struct master_key *key, struct err *err) ATTR_MUST_USE;

/* The same for a credential of systemd, which may be readable by its group: so the access list shows that lets the service's user read it. */
int master_key_load_credential(const char *path, struct master_key *key, struct err *err) ATTR_MUST_USE;

/* `out` has room for len + SEAL_OVERHEAD; returns the sealed length. Thread-safe. */
size_t seal(const struct master_key *key, struct slice place, const uint8_t *plain, size_t len, uint8_t *out);
/* The length of the plain bytes, or -1: other key, other place or damaged. */
int unseal(const struct master_key *key, struct slice place, const uint8_t *sealed, size_t sealed_len, uint8_t *plain, size_t plain_size)
    ATTR_MUST_USE;

#endif
