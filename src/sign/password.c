/* Passwords on libargon2. */
#include "sign/password.h"

#include <argon2.h>

#include "base/codec.h"

/* More than RFC 9106 and OWASP ask at least; one lane, since several logins may run side by side. Hashes carry their own parameters: these
 * may change at any time. */
enum { PASSES = 3, MEMORY_KIB = 64 * 1024, LANES = 1, SALT_BYTES = 16, TAG_BYTES = 32 };

/* Of random bytes that were forgotten, with the parameters above. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=3,p=1$DZMuipHb3fto6R3x8jxy0Q$FVzCvBjqWsMTDIh4Br9Udr1UxP00OMIWmmMsciIjjyE";

static int failed(struct err *err, int code)
{
	return code == ARGON2_MEMORY_ALLOCATION_ERROR
	           ? err_set(err, ERR_UNAVAILABLE, "there is no memory to check a password now; try again")
	           : err_set(err, ERR_INTERNAL, "argon2: %s", argon2_error_message(code));
}

int password_hash(struct slice password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	uint8_t salt[SALT_BYTES];
	codec_random(salt, sizeof salt);
	int code = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.at, password.len, salt, sizeof salt, TAG_BYTES, out,
	                                 PASSWORD_HASH_SIZE);
	return code == ARGON2_OK ? 0 : failed(err, code);
}

int password_check(const char *hash, struct slice password, bool *right, struct err *err)
{
	int code = argon2id_verify(hash ? hash : nobody, password.at, password.len);
	*right = code == ARGON2_OK && hash;
	return code == ARGON2_OK || code == ARGON2_VERIFY_MISMATCH ? 0 : failed(err, code);
}
