/* RSA signatures by a provider's certificate. */
#include "scheme/certificate.h"

#include <openssl/evp.h>

#include "scheme/pubkey.h"

enum { CERTIFICATE_URL_MAX = 2048 };

int certificate_check(const struct scheme_source *source, struct err *err)
{
	struct slice pinned = setting_text(source, "certificate", NULL);
	const char *why;

	if (!pinned.at)
		return 0;
	EVP_PKEY *key = pubkey_of_certificate(pinned, 0, &why);
	EVP_PKEY_free(key);
	return key ? 0 : err_field(err, ERR_INVALID, "/settings/certificate", "cannot be used: %s", why);
}

void certificate_verify(const struct scheme_source *source, const struct scheme_request *request, struct slice url, const char *digest,
                        struct slice content, struct slice signature, const char *name, struct scheme_result *result)
{
	struct slice pinned = setting_text(source, "certificate", NULL);
	uint8_t bytes[PUBKEY_SIGNATURE_MAX];
	const char *why;

	int len = pubkey_signature(signature, bytes);
	if (len < 0) {
		refuse(result, REJECTION_BAD_SIGNATURE, "%s is not base64 with padding", name);
		return;
	}
	if (!pinned.at && !request->certificate.at) {
		result->verdict = SCHEME_CERTIFICATE;
		strbuf_slice(&result->certificate_url, url);
		return;
	}
	EVP_PKEY *key = pinned.at ? pubkey_of_certificate(pinned, 0, &why) : pubkey_of_certificate(request->certificate, request->now_ms, &why);
	if (!key)
		refuse(result, REJECTION_BAD_SIGNATURE, "the certificate cannot be used: %s", why);
	else if (!pubkey_verifies(key, digest, content, (struct slice){(const char *)bytes, (size_t)len}))
		refuse(result, REJECTION_BAD_SIGNATURE, "%s does not fit the %s certificate", name, pinned.at ? "pinned" : "fetched");
	EVP_PKEY_free(key);
}

bool certificate_url_good(struct slice url, bool (*host_good)(struct slice host), struct slice *path)
{
	static const char https[] = "https://";
	size_t begin = sizeof https - 1;

	if (url.len <= begin || url.len > CERTIFICATE_URL_MAX || memcmp(url.at, https, begin) != 0)
		return false;
	for (size_t i = 0; i < url.len; i++) {
		if (url.at[i] <= ' ' || url.at[i] > '~' || strchr("\\@#\"<>", url.at[i]))
			return false;
	}
	const char *slash = memchr(url.at + begin, '/', url.len - begin);
	if (!slash)
		return false;
	size_t end = (size_t)(slash - url.at);
	*path = (struct slice){slash, url.len - end};
	return host_good((struct slice){url.at + begin, end - begin});
}
