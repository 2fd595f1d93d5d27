/* Outgoing signatures: Standard Webhooks, v1 and v1a. */
#include "sign/outgoing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/codec.h"
#include "base/mem.h"
#include "sign/keyed.h"
#include "sign/legacy.h"
#include "sign/pair.h"

#define SECRET_PREFIX "whsec_"
enum { SECRET_PREFIX_LEN = sizeof SECRET_PREFIX - 1 };

struct signing_key {
	int64_t until_ms;   /* 0: no end */
	EVP_PKEY *pair;     /* v1a */
	struct keyed keyed; /* v1, without a pair */
};

struct signer {
	EVP_MAC_CTX *legacy; /* NULL: it has none */
	unsigned keys_len;
	struct signing_key keys[]; /* room for all of the endpoint's */
};

void secret_text(const uint8_t *key, size_t len, char text[SECRET_TEXT_SIZE])
{
	memcpy(text, SECRET_PREFIX, SECRET_PREFIX_LEN);
	codec_base64(key, len, text + SECRET_PREFIX_LEN);
}

void secret_make(char text[SECRET_TEXT_SIZE])
{
	uint8_t key[SECRET_NEW_BYTES];
	codec_random(key, sizeof key);
	secret_text(key, sizeof key, text);
	OPENSSL_cleanse(key, sizeof key);
}

int secret_parse(struct slice text, const char *pointer, uint8_t key[SECRET_BYTES_MAX], struct err *err)
{
	int len = -1;
	if (text.len > SECRET_PREFIX_LEN && text.len < SECRET_TEXT_SIZE && memcmp(text.at, SECRET_PREFIX, SECRET_PREFIX_LEN) == 0)
		len = codec_base64_decode((struct slice){text.at + SECRET_PREFIX_LEN, text.len - SECRET_PREFIX_LEN}, key, SECRET_BYTES_MAX);
	if (len >= SECRET_BYTES_MIN)
		return len;
	OPENSSL_cleanse(key, SECRET_BYTES_MAX);
	return err_field(err, ERR_INVALID, pointer, "must be \"" SECRET_PREFIX "\" and the base64 (with padding) of %d to %d random bytes",
	                 SECRET_BYTES_MIN, SECRET_BYTES_MAX);
}

void secret_place(int64_t endpoint, char out[48])
{
	snprintf(out, 48, "endpoint:%" PRId64 ":secrets", endpoint);
}

void legacy_secret_place(int64_t endpoint, char out[48])
{
	snprintf(out, 48, "endpoint:%" PRId64 ":legacy", endpoint);
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	EVP_MAC_CTX_free(signer->legacy);
	for (unsigned i = 0; i < signer->keys_len; i++) {
		keyed_clear(&signer->keys[i].keyed);
		EVP_PKEY_free(signer->keys[i].pair);
	}
	free(signer);
}

static int add_secret(struct signer *signer, const struct endpoint_secret *secret, struct slice place, const struct master_key *master,
                      struct err *err)
{
	uint8_t key[SECRET_BYTES_MAX];
	int len = unseal(master, place, secret->sealed, secret->sealed_len, key, sizeof key);
	if (len < 0)
		return err_set(err, ERR_INTERNAL,
		               "the endpoint's secret cannot be unsealed: it was sealed with another master key, or is damaged");
	struct signing_key *signing = &signer->keys[signer->keys_len++];
	*signing = (struct signing_key){.until_ms = secret->until_ms};
	keyed_init(&signing->keyed, key, (size_t)len);
	OPENSSL_cleanse(key, sizeof key);
	return 0;
}

static int add_secrets(struct signer *signer, const struct endpoint *endpoint, const struct master_key *master, struct err *err)
{
	char place[48];
	secret_place(endpoint->meta.id, place);
	for (unsigned i = 0; i < endpoint->secrets_len; i++) {
		if (add_secret(signer, &endpoint->secrets[i], slice_of(place), master, err))
			return -1;
	}
	return 0;
}

static int add_pairs(struct signer *signer, const struct endpoint *endpoint, const struct master_key *master, struct err *err)
{
	for (unsigned i = 0; i < endpoint->pairs_len; i++) {
		EVP_PKEY *pair = pair_open(endpoint->meta.id, master, &endpoint->pairs[i], err);
		if (!pair)
			return -1;
		signer->keys[signer->keys_len++] = (struct signing_key){.until_ms = endpoint->pairs[i].seed.until_ms, .pair = pair};
	}
	return 0;
}

struct signer *signer_new(const struct endpoint *endpoint, const struct master_key *master, struct err *err)
{
	struct signer *signer = mem_alloc(sizeof *signer + (endpoint->secrets_len + endpoint->pairs_len) * sizeof signer->keys[0]);
	bool legacy = endpoint->signing && endpoint->signing->legacy;
	if ((endpoint->sign_v1 && add_secrets(signer, endpoint, master, err)) ||
	    (endpoint->sign_v1a && add_pairs(signer, endpoint, master, err)) ||
	    (legacy && !(signer->legacy = legacy_open(endpoint, master, err)))) {
		signer_free(signer);
		return NULL;
	}
	return signer;
}

/* ---- Signing ---- */

struct message {
	struct slice id, body;
	char middle[32]; /* ".timestamp." */
	char *whole;     /* one piece, as ed25519 needs it; made when first asked for */
	size_t whole_len;
};

static int sign_keyed(const struct keyed *keyed, const struct message *message, struct strbuf *out)
{
	char text[CODEC_BASE64_SIZE(KEYED_DIGEST_BYTES)];
	uint8_t digest[KEYED_DIGEST_BYTES];
	const struct slice parts[] = {message->id, slice_of(message->middle), message->body};
	keyed_digest(keyed, parts, sizeof parts / sizeof parts[0], digest);
	codec_base64(digest, sizeof digest, text);
	strbuf_puts(out, "v1,");
	strbuf_puts(out, text);
	return 0;
}

static int make_whole(struct message *message)
{
	size_t middle_len = strlen(message->middle), head_len = message->id.len + middle_len;
	message->whole_len = head_len + message->body.len;
	message->whole = malloc(message->whole_len + 1);
	if (!message->whole)
		return -1;
	memcpy(message->whole, message->id.at, message->id.len);
	memcpy(message->whole + message->id.len, message->middle, middle_len);
	if (message->body.len > 0)
		memcpy(message->whole + head_len, message->body.at, message->body.len);
	return 0;
}

static int sign_pair(EVP_PKEY *pair, struct message *message, struct strbuf *out)
{
	char text[CODEC_BASE64_SIZE(PAIR_SIGNATURE_BYTES)];
	uint8_t signature[PAIR_SIGNATURE_BYTES];
	size_t len = sizeof signature;
	if (!message->whole && make_whole(message))
		return -1;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
	            EVP_DigestSign(context, signature, &len, (const uint8_t *)message->whole, message->whole_len) == 1;
	EVP_MD_CTX_free(context);
	if (!good)
		return -1;
	codec_base64(signature, len, text);
	strbuf_puts(out, "v1a,");
	strbuf_puts(out, text);
	return 0;
}

int signer_sign(struct signer *signer, struct slice webhook_id, int64_t timestamp_s, struct slice body, int64_t wall_ms, struct strbuf *out)
{
	struct message message = {.id = webhook_id, .body = body};
	bool first = true;
	int result = 0;
	snprintf(message.middle, sizeof message.middle, ".%" PRId64 ".", timestamp_s);
	for (unsigned i = 0; result == 0 && i < signer->keys_len; i++) {
		struct signing_key *key = &signer->keys[i];
		if (key->until_ms != 0 && key->until_ms <= wall_ms)
			continue;
		if (!first)
			strbuf_putc(out, ' ');
		result = key->pair ? sign_pair(key->pair, &message, out) : sign_keyed(&key->keyed, &message, out);
		first = false;
	}
	free(message.whole);
	return result || first || out->failed ? -1 : 0;
}

int signer_legacy(struct signer *signer, const struct endpoint *endpoint, int64_t timestamp_s, struct slice body, struct strbuf *out, size_t *at)
{
	return legacy_sign(signer->legacy, endpoint->signing->legacy, timestamp_s, body, out, at);
}
