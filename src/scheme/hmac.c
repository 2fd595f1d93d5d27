/* The family of HMAC signatures. */
#include "scheme/hmac.h"

#include <pthread.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/codec.h"

enum { URL_BYTES_MAX = 16384 };

/* ---- The MAC ---- */

static EVP_MAC *method;

static void fetch(void)
{
	method = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

size_t hmac_bytes(enum hmac_hash hash)
{
	return hash == HMAC_SHA1 ? 20 : hash == HMAC_SHA512 ? 64 : 32;
}

static EVP_MAC_CTX *begin(enum hmac_hash hash, struct slice key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char sha1[] = "SHA1", sha256[] = "SHA256", sha512[] = "SHA512";
	char *digest = hash == HMAC_SHA1 ? sha1 : hash == HMAC_SHA512 ? sha512 : sha256;
	const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};

	pthread_once(&once, fetch);
	EVP_MAC_CTX *context = method ? EVP_MAC_CTX_new(method) : NULL;
	if (context && EVP_MAC_init(context, (const unsigned char *)key.at, key.len, parameters) != 1) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

static bool update(EVP_MAC_CTX *context, struct slice bytes)
{
	return bytes.len == 0 || EVP_MAC_update(context, (const unsigned char *)bytes.at, bytes.len) == 1;
}

/* What stands in braces at `at` ("{body}…"); *used: how long that is. False: nothing known. */
static bool variable(const char *at, const struct hmac_content *content, struct slice *value, size_t *used)
{
	const struct {
		const char *name;
		struct slice value;
	} known[] = {
	    {"{body}", content->body},     {"{timestamp}", content->timestamp}, {"{id}", content->id},       {"{method}", content->method},
	    {"{url}", content->url}, {"{path}", content->path},           {"{query}", content->query},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i].name);
		if (strncmp(at, known[i].name, len) != 0)
			continue;
		*value = known[i].value;
		*used = len;
		return true;
	}
	return false;
}

static bool update_template(EVP_MAC_CTX *context, const char *template, const struct hmac_content *content)
{
	bool good = true;

	while (good && *template) {
		struct slice piece = {template, strcspn(template + 1, "{") + 1};
		size_t used = piece.len;
		if (*template == '{')
			(void)variable(template, content, &piece, &used);
		good = update(context, piece);
		template += used;
	}
	return good;
}

size_t hmac_of(enum hmac_hash hash, struct slice key, const char *template, const struct hmac_content *content, uint8_t out[HMAC_BYTES_MAX])
{
	EVP_MAC_CTX *context = begin(hash, key);
	size_t len = 0;

	if (!context || !update_template(context, template ? template : "{body}", content) ||
	    EVP_MAC_final(context, out, &len, HMAC_BYTES_MAX) != 1)
		len = 0;
	EVP_MAC_CTX_free(context);
	return len;
}

bool hmac_covers(const char *template, const char *what)
{
	return strstr(template ? template : "{body}", what) != NULL;
}

/* ---- Spellings ---- */

static int hex_digit(char digit, bool upper_too)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return upper_too && digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static int hex_decode(struct slice text, bool upper_too, uint8_t *out, size_t out_size)
{
	if (text.len % 2 != 0 || text.len / 2 > out_size)
		return -1;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_digit(text.at[i], upper_too), low = hex_digit(text.at[i + 1], upper_too);
		if (high < 0 || low < 0)
			return -1;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (int)(text.len / 2);
}

int hmac_decode(struct slice text, enum hmac_encoding encoding, uint8_t *out, size_t len)
{
	int got = encoding == HMAC_HEX ? hex_decode(text, false, out, len) : codec_base64_decode(text, out, len);
	return got == (int)len ? 0 : -1;
}

void hmac_encode(const uint8_t *bytes, size_t len, enum hmac_encoding encoding, struct strbuf *out)
{
	char text[2 * HMAC_BYTES_MAX + 1];
	if (encoding == HMAC_HEX)
		codec_hex(bytes, len, text);
	else
		codec_base64(bytes, len, text);
	strbuf_puts(out, text);
}

int hmac_key_of(struct slice secret, enum hmac_key kind, uint8_t out[HMAC_KEY_MAX])
{
	if (kind == HMAC_KEY_HEX)
		return hex_decode(secret, true, out, HMAC_KEY_MAX);
	if (kind == HMAC_KEY_BASE64)
		return codec_base64_decode(secret, out, HMAC_KEY_MAX);
	if (secret.len > HMAC_KEY_MAX)
		return -1;
	if (secret.len > 0)
		memcpy(out, secret.at, secret.len);
	return (int)secret.len;
}

int hmac_check(const struct hmac_rule *rule, const struct scheme_source *source, struct err *err)
{
	uint8_t key[HMAC_KEY_MAX];
	char pointer[32];
	int result = 0;

	for (size_t i = 0; i < source->secrets_len; i++) {
		snprintf(pointer, sizeof pointer, "/secrets/%zu", i);
		if (hmac_key_of(source->secrets[i], rule->key, key) < 1)
			result = err_field(err, ERR_INVALID, pointer, "must be %s, as the provider shows it",
			                   rule->key == HMAC_KEY_HEX ? "hexadecimal" : "base64 with padding");
	}
	OPENSSL_cleanse(key, sizeof key);
	return result;
}

/* ---- Verifying ---- */

int hmac_match(const struct hmac_rule *rule, const struct scheme_source *source, const struct hmac_content *content,
               const struct hmac_signatures *signatures, struct scheme_result *result)
{
	uint8_t key[HMAC_KEY_MAX], mac[HMAC_BYTES_MAX];
	size_t len = hmac_bytes(rule->hash);
	int found = -1;

	for (size_t i = 0; i < source->secrets_len; i++) {
		int key_len = hmac_key_of(source->secrets[i], rule->key, key);
		if (key_len < 1 || hmac_of(rule->hash, (struct slice){(const char *)key, (size_t)key_len}, rule->content, content, mac) != len)
			continue;
		for (size_t s = 0; s < signatures->len; s++) {
			if (CRYPTO_memcmp(mac, signatures->bytes[s], len) == 0 && found < 0)
				found = (int)i;
		}
	}
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(mac, sizeof mac);
	if (found < 0)
		return refuse_unfit(result, source, rule->header, "secret");
	result->secret_index = found;
	return 0;
}

static bool starts_with(struct slice text, const char *prefix)
{
	size_t len = prefix ? strlen(prefix) : 0;
	return text.len >= len && (len == 0 || memcmp(text.at, prefix, len) == 0);
}

static struct slice without(struct slice text, const char *prefix)
{
	size_t len = prefix ? strlen(prefix) : 0;
	return (struct slice){text.at + len, text.len - len};
}

static struct slice trimmed(struct slice text)
{
	while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = (struct slice){text.at + 1, text.len - 1};
	while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static const char *encoding_name(enum hmac_encoding encoding)
{
	return encoding == HMAC_HEX ? "lower-case hex" : "base64 with padding";
}

/* One part of a header that may hold several signatures. */
static int read_part(const struct hmac_rule *rule, struct slice part, struct hmac_signatures *signatures, struct slice *timestamp,
                     struct scheme_result *result)
{
	size_t len = hmac_bytes(rule->hash);

	if (rule->time_key && starts_with(part, rule->time_key)) {
		if (timestamp->at)
			return refuse(result, REJECTION_MALFORMED, "%s has two timestamps", rule->header);
		*timestamp = without(part, rule->time_key);
		return 0;
	}
	if (!starts_with(part, rule->prefix))
		return 0; /* of another version */
	if (hmac_decode(without(part, rule->prefix), rule->encoding, signatures->bytes[signatures->len], len) == 0)
		signatures->len++;
	return 0;
}

static int read_several(const struct hmac_rule *rule, struct slice value, struct hmac_signatures *signatures, struct slice *timestamp,
                        struct scheme_result *result)
{
	size_t parts = 0;

	while (value.len > 0) {
		const char *end = memchr(value.at, rule->separator, value.len);
		size_t len = end ? (size_t)(end - value.at) : value.len, used = end ? len + 1 : len;
		struct slice part = trimmed((struct slice){value.at, len});
		value = (struct slice){value.at + used, value.len - used};
		if (part.len == 0)
			continue;
		if (++parts > HMAC_SIGNATURES_MAX)
			return refuse(result, REJECTION_MALFORMED, "%s has more than %d parts", rule->header, HMAC_SIGNATURES_MAX);
		if (read_part(rule, part, signatures, timestamp, result))
			return -1;
	}
	if (signatures->len == 0)
		return refuse(result, REJECTION_BAD_SIGNATURE, "%s holds no signature that begins with \"%s\" and is %zu bytes in %s", rule->header,
		              rule->prefix ? rule->prefix : "", hmac_bytes(rule->hash), encoding_name(rule->encoding));
	return 0;
}

static int read_signatures(const struct hmac_rule *rule, const struct scheme_request *request, struct hmac_signatures *signatures,
                           struct slice *timestamp, struct scheme_result *result)
{
	struct slice value;

	if (header_one(request, rule->header, &value, result))
		return -1;
	if (rule->separator)
		return read_several(rule, value, signatures, timestamp, result);
	if (!starts_with(value, rule->prefix))
		return refuse(result, REJECTION_BAD_SIGNATURE, "%s does not begin with \"%s\"", rule->header, rule->prefix);
	if (hmac_decode(without(value, rule->prefix), rule->encoding, signatures->bytes[0], hmac_bytes(rule->hash)))
		return refuse(result, REJECTION_BAD_SIGNATURE, "%s is not %zu bytes in %s", rule->header, hmac_bytes(rule->hash),
		              encoding_name(rule->encoding));
	signatures->len = 1;
	return 0;
}

/* The URL with query, some of its characters decoded. */
static void put_url(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_request *request, struct strbuf *out)
{
	struct strbuf whole = STRBUF_INIT(URL_BYTES_MAX);
	uint8_t byte;

	request_url(source, request, &whole);
	if (request->query.len > 0) {
		strbuf_putc(&whole, '?');
		strbuf_slice(&whole, request->query);
	}
	const char *text = strbuf_text(&whole);
	for (size_t i = 0; i < whole.len; i++) {
		bool decoded = rule->url_decoded && text[i] == '%' && whole.len - i > 2 &&
		               hex_decode((struct slice){text + i + 1, 2}, true, &byte, 1) == 1 && byte && strchr(rule->url_decoded, byte);
		strbuf_putc(out, decoded ? (char)byte : text[i]);
		i += decoded ? 2 : 0;
	}
	strbuf_free(&whole);
}

int hmac_verify(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_request *request,
                struct scheme_result *result)
{
	struct hmac_content content = {.body = request->body, .method = request->method, .path = request->path, .query = request->query};
	struct strbuf url = STRBUF_INIT(URL_BYTES_MAX);
	struct hmac_signatures signatures = {0};
	int64_t time_ms = 0;
	int fate = -1;

	if (read_signatures(rule, request, &signatures, &content.timestamp, result) ||
	    (rule->time_header && header_one(request, rule->time_header, &content.timestamp, result)) ||
	    (rule->id_header && header_one(request, rule->id_header, &content.id, result)))
		goto out;
	bool timed = rule->time_key || rule->time_header;
	if (timed && !content.timestamp.at) {
		refuse(result, REJECTION_MISSING_HEADER, "%s has no timestamp (%s)", rule->header, rule->time_key);
		goto out;
	}
	if (timed && time_parse(content.timestamp, rule->time, &time_ms)) {
		refuse(result, REJECTION_MALFORMED, "the timestamp is not %s",
		       rule->time == TIME_RFC3339 ? "an RFC 3339 time" : "a whole number of digits alone");
		goto out;
	}
	if (rule->no_empty_body && request->body.len == 0) {
		refuse(result, REJECTION_MALFORMED, "the body is empty");
		goto out;
	}
	put_url(rule, source, request, &url);
	content.url = (struct slice){strbuf_text(&url), url.len};
	/* The age is judged of a request that is genuine, so that the admin reads of a wrong secret first. */
	if (hmac_match(rule, source, &content, &signatures, result) == 0 &&
	    (!timed || time_check(source, request, time_ms, rule->time, rule->past_only, result) == 0))
		fate = 0;
out:
	strbuf_free(&url);
	return fate;
}

/* ---- Signing ---- */

static int sign_headers(const struct hmac_rule *rule, const struct hmac_content *content, struct slice signature, struct scheme_signed *made,
                        struct err *err)
{
	struct strbuf value = STRBUF_INIT(1024);

	if (rule->time_key) {
		strbuf_puts(&value, rule->time_key);
		strbuf_slice(&value, content->timestamp);
		strbuf_putc(&value, rule->separator);
	}
	if (rule->prefix)
		strbuf_puts(&value, rule->prefix);
	strbuf_slice(&value, signature);
	int fate = made_header(made, rule->header, (struct slice){strbuf_text(&value), value.len}, err);
	if (fate == 0 && rule->time_header)
		fate = made_header(made, rule->time_header, content->timestamp, err);
	if (fate == 0 && rule->id_header)
		fate = made_header(made, rule->id_header, content->id, err);
	strbuf_free(&value);
	return fate;
}

/* Of "https://host/path"; {NULL, 0}: it has none. */
static struct slice path_of(struct slice url)
{
	unsigned slashes = 0;
	for (size_t i = 0; i < url.len; i++) {
		if (url.at[i] == '/' && ++slashes == 3)
			return (struct slice){url.at + i, url.len - i};
	}
	return (struct slice){NULL, 0};
}

int hmac_sign(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made,
              struct err *err)
{
	struct strbuf time = STRBUF_INIT(64), url = STRBUF_INIT(URL_BYTES_MAX), signature = STRBUF_INIT(256);
	uint8_t key[HMAC_KEY_MAX], mac[HMAC_BYTES_MAX];
	int fate = -1;

	int key_len = source->secrets_len > 0 ? hmac_key_of(source->secrets[0], rule->key, key) : 0;
	if (key_len < 1) {
		err_field(err, ERR_INVALID, "/secrets", "the source has no secret that could sign");
		goto out;
	}
	time_put(moment->now_ms, rule->time, &time);
	strbuf_slice(&url, source->public_url);
	if (made->query.len > 0)
		strbuf_printf(&url, "?%s", strbuf_text(&made->query));
	const struct hmac_content content = {
	    .path = path_of(source->public_url),
	    .body = {strbuf_text(&made->body), made->body.len},
	    .timestamp = {strbuf_text(&time), time.len},
	    .id = moment->id,
	    .method = SLICE_LITERAL("POST"),
	    .url = {strbuf_text(&url), url.len},
	    .query = {strbuf_text(&made->query), made->query.len},
	};
	size_t len = hmac_of(rule->hash, (struct slice){(const char *)key, (size_t)key_len}, rule->content, &content, mac);
	hmac_encode(mac, len, rule->encoding, &signature);
	fate = sign_headers(rule, &content, (struct slice){strbuf_text(&signature), signature.len}, made, err);
out:
	OPENSSL_cleanse(key, sizeof key);
	strbuf_free(&time);
	strbuf_free(&url);
	strbuf_free(&signature);
	return fate;
}
