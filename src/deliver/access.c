/* Credentials, opened, and what they become in a request. */
#include "deliver/access.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "model/credentials.h"
#include "sign/credentials.h"

/* Shorter ones are found in any text; they are no secrets, and taking them out would leave nothing. */
enum { REDACTED_MIN = 4 };

char *access_basic(struct slice name, struct slice password)
{
	static const char prefix[] = "Basic ";
	size_t len = name.len + 1 + password.len;
	uint8_t *plain = mem_alloc(len);
	char *out = mem_alloc(sizeof prefix - 1 + CODEC_BASE64_SIZE(len));
	memcpy(plain, name.at, name.len);
	plain[name.len] = ':';
	memcpy(plain + name.len + 1, password.at, password.len);
	memcpy(out, prefix, sizeof prefix - 1);
	codec_base64(plain, len, out + sizeof prefix - 1);
	OPENSSL_cleanse(plain, len);
	free(plain);
	return out;
}

static char *bearer(const char *token)
{
	static const char prefix[] = "Bearer ";
	size_t len = strlen(token);
	char *out = mem_alloc(sizeof prefix + len);
	memcpy(out, prefix, sizeof prefix - 1);
	memcpy(out + sizeof prefix - 1, token, len);
	return out;
}

static char *value_of(const struct endpoint_auth *auth, const char *secret)
{
	switch (auth->type) {
	case AUTH_BASIC:
		return access_basic(slice_of(auth->username), slice_of(secret));
	case AUTH_BEARER:
		return bearer(secret);
	case AUTH_API_KEY:
		return mem_text(secret);
	case AUTH_OAUTH2:
		break;
	}
	return NULL;
}

static void wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void forget(struct accesses *accesses, struct lru_node *node)
{
	struct access *access = CONTAINER_OF(node, struct access, node);
	lru_remove(&accesses->lru, node);
	json_decref(access->open);
	wipe(access->value);
	free(access);
}

static struct access *open_access(struct accesses *accesses, const struct endpoint *endpoint, struct err *err)
{
	static const char *const names[] = {
	    [AUTH_BASIC] = "password", [AUTH_BEARER] = "token", [AUTH_API_KEY] = "value", [AUTH_OAUTH2] = "client_secret"};
	json_t *open = credentials_open(endpoint->meta.id, accesses->master, endpoint->credentials, err);
	if (!open)
		return NULL;
	const char *secret = endpoint->auth ? credential_get(open, "auth", names[endpoint->auth->type]) : NULL;
	if (endpoint->auth && !secret) {
		json_decref(open);
		err_set(err, ERR_INTERNAL, "the secret of the endpoint's auth is not there: set auth again");
		return NULL;
	}
	struct access *access = mem_new(struct access);
	access->version = endpoint->meta.version;
	access->open = open;
	access->secret = secret;
	access->value = secret ? value_of(endpoint->auth, secret) : NULL;
	return access;
}

const struct access *access_get(struct accesses *accesses, const struct endpoint *endpoint, struct err *err)
{
	struct lru_node *node = lru_get(&accesses->lru, (uint64_t)endpoint->meta.id);
	if (node) {
		struct access *known = CONTAINER_OF(node, struct access, node);
		if (known->version == endpoint->meta.version)
			return known;
		forget(accesses, node);
	}
	struct access *access = open_access(accesses, endpoint, err);
	if (!access)
		return NULL;
	if (accesses->lru.map.len >= ACCESSES_MAX)
		forget(accesses, accesses->lru.oldest);
	lru_put(&accesses->lru, &access->node, (uint64_t)endpoint->meta.id);
	return access;
}

void accesses_free(struct accesses *accesses)
{
	while (accesses->lru.oldest)
		forget(accesses, accesses->lru.oldest);
	lru_free(&accesses->lru);
}

/* ---- TLS ---- */

static bool set_blob(CURL *easy, CURLoption option, const char *text)
{
	struct curl_blob blob = {.data = (void *)(uintptr_t)text, .len = strlen(text), .flags = CURL_BLOB_COPY};
	return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* libcurl never uses a connection, nor a session, for a handle whose certificate, authorities or verification are others. */
int access_tls(const struct access *access, const struct endpoint_tls *tls, CURL *easy, struct err *err)
{
	const char *key = credential_get(access->open, "tls", "client_key");
	bool good = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)(tls->tls13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2)) == CURLE_OK;
	if (tls->client_certificate)
		good = good && key && set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->client_certificate) && set_blob(easy, CURLOPT_SSLKEY_BLOB, key);
	/* Without the system's folder, or all that is in there is trusted as well. */
	if (tls->ca)
		good = good && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK && set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca);
	if (!tls->verify)
		good = good && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
		       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK;
	return good ? 0 : err_set(err, ERR_INTERNAL, "libcurl refused the endpoint's tls");
}

/* ---- Redaction ---- */

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	char lower = (char)(digit | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One character of the text, as it stands or escaped (\/ or %2F): how many bytes it takes; 0: it is another one. */
static size_t step(struct slice text, char wanted)
{
	if (text.len >= 1 && text.at[0] == wanted)
		return 1;
	if (text.len >= 2 && text.at[0] == '\\' && text.at[1] == wanted)
		return 2;
	if (text.len >= 3 && text.at[0] == '%' && hex(text.at[1]) >= 0 && hex(text.at[2]) >= 0 &&
	    (char)(unsigned char)(hex(text.at[1]) * 16 + hex(text.at[2])) == wanted)
		return 3;
	return 0;
}

/* How many bytes at the begin of the text are this secret; 0: none. What is cut off at the end of the text counts. */
static size_t secret_len(struct slice text, const char *secret)
{
	size_t at = 0, matched = 0;
	if (!secret || strlen(secret) < REDACTED_MIN)
		return 0;
	while (secret[matched] && at < text.len) {
		size_t bytes = step((struct slice){text.at + at, text.len - at}, secret[matched]);
		if (bytes == 0)
			return 0;
		at += bytes;
		matched++;
	}
	return !secret[matched] || matched >= REDACTED_MIN ? at : 0;
}

/* The part of "Basic …" that is secret. */
static const char *encoded(const struct access *access)
{
	const char *space = access->value ? strchr(access->value, ' ') : NULL;
	return space ? space + 1 : access->value;
}

static size_t longest(const struct access *access, const char *token, struct slice text)
{
	size_t most = secret_len(text, token), len = secret_len(text, encoded(access));
	const char *section, *name;
	json_t *members, *value;
	most = len > most ? len : most;
	json_object_foreach(access->open, section, members)
	{
		json_object_foreach(members, name, value)
		{
			len = secret_len(text, json_string_value(value));
			most = len > most ? len : most;
		}
	}
	return most;
}

void access_redact(const struct access *access, const char *token, struct slice from, struct strbuf *to)
{
	for (size_t at = 0; at < from.len;) {
		size_t secret = longest(access, token, (struct slice){from.at + at, from.len - at});
		if (secret)
			strbuf_puts(to, "[redacted]");
		else
			strbuf_append(to, from.at + at, 1);
		at += secret ? secret : 1;
	}
}
