/* Sealing and opening of credentials. What was plain meanwhile is wiped. */
#include "sign/credentials.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { PLACE_SIZE = 64 };

static void place_of(int64_t endpoint, char out[PLACE_SIZE])
{
	snprintf(out, PLACE_SIZE, "endpoint_credentials:%" PRId64 ":sealed", endpoint);
}

int credentials_seal(int64_t endpoint, const struct master_key *master, const json_t *credentials, struct endpoint_secret *out)
{
	char place[PLACE_SIZE];
	*out = (struct endpoint_secret){.sealed_len = 0};
	if (json_object_size(credentials) == 0)
		return 0;
	char *text = json_dumps(credentials, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	uint8_t *sealed = text ? malloc(len + SEAL_OVERHEAD) : NULL;
	place_of(endpoint, place);
	if (sealed)
		*out = (struct endpoint_secret){.sealed = sealed, .sealed_len = seal(master, slice_of(place), (const uint8_t *)text, len, sealed)};
	if (text)
		OPENSSL_cleanse(text, len);
	free(text);
	return sealed ? 0 : -1;
}

json_t *credentials_open(int64_t endpoint, const struct master_key *master, const struct endpoint_secret *sealed, struct err *err)
{
	char place[PLACE_SIZE];
	if (!sealed || sealed->sealed_len == 0)
		return json_object();
	size_t size = sealed->sealed_len;
	uint8_t *plain = malloc(size);
	place_of(endpoint, place);
	int len = plain ? unseal(master, slice_of(place), sealed->sealed, sealed->sealed_len, plain, size) : -1;
	json_t *credentials = len >= 0 ? json_loadb((const char *)plain, (size_t)len, 0, NULL) : NULL;
	if (plain)
		OPENSSL_cleanse(plain, size);
	free(plain);
	if (!credentials)
		err_set(err, ERR_INTERNAL,
		        "the endpoint's credentials cannot be unsealed: they were sealed with another master key, or are damaged");
	return credentials;
}
