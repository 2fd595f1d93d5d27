/* The family of HMAC signatures: one rule says where the signature stands, how it is spelled and what it covers. Most providers are a rule and
 * nothing else; the generic scheme makes one of its settings. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_HMAC_H
#define GRAPNEL_SCHEME_HMAC_H

#include "scheme/request.h"

enum hmac_hash { HMAC_SHA256, HMAC_SHA1, HMAC_SHA512 };
enum hmac_encoding { HMAC_HEX, HMAC_BASE64 }; /* strict: lower-case hex, base64 with padding */
enum hmac_key { HMAC_KEY_TEXT, HMAC_KEY_HEX, HMAC_KEY_BASE64 };

/* A header with more signatures is malformed: nobody makes us compare for ever. */
enum { HMAC_SIGNATURES_MAX = 16, HMAC_BYTES_MAX = 64, HMAC_KEY_MAX = SCHEME_SECRET_BYTES_MAX };

struct hmac_rule {
	const char *header;      /* lower case */
	const char *prefix;      /* of each signature: "sha256="; NULL: none */
	char separator;          /* between the parts of a header that may hold several signatures; those without the prefix are skipped; 0: the header is one */
	const char *time_key;    /* "t=": the part that is the timestamp */
	const char *time_header; /* or the header that is; both NULL: there is none */
	const char *id_header;   /* the header that {id} stands for; NULL: none */
	enum time_unit time;
	bool past_only;          /* a timestamp of the future passes */
	bool no_empty_body;
	enum hmac_hash hash;
	enum hmac_encoding encoding;
	enum hmac_key key;
	const char *url_decoded; /* characters that {url} has in the clear where they were percent-encoded; NULL: none */
	const char *content;     /* what is signed: text with {body}, {timestamp}, {id}, {method}, {url} (with query), {path}, {query}; NULL: {body} */
};

/* What the content is made of. */
struct hmac_content {
	struct slice body, timestamp, id, method, url, path, query;
};

/* The MAC of the expanded template (NULL: of the body); its length, 0 when libcrypto fails. */
size_t hmac_of(enum hmac_hash hash, struct slice key, const char *template, const struct hmac_content *content, uint8_t out[HMAC_BYTES_MAX]);
size_t hmac_bytes(enum hmac_hash hash);
/* Exactly `len` bytes strictly decoded; -1: it is not that. */
int hmac_decode(struct slice text, enum hmac_encoding encoding, uint8_t *out, size_t len) ATTR_MUST_USE;
void hmac_encode(const uint8_t *bytes, size_t len, enum hmac_encoding encoding, struct strbuf *out);
/* The key's bytes of a secret as given; its length, -1: the secret is not in that form. */
int hmac_key_of(struct slice secret, enum hmac_key kind, uint8_t out[HMAC_KEY_MAX]) ATTR_MUST_USE;

/* Signatures as they were found, decoded. */
struct hmac_signatures {
	size_t len;
	uint8_t bytes[HMAC_SIGNATURES_MAX][HMAC_BYTES_MAX];
};
/* Compares all signatures with all secrets, in a time that tells nothing but their numbers; refuses when none fits. */
int hmac_match(const struct hmac_rule *rule, const struct scheme_source *source, const struct hmac_content *content,
               const struct hmac_signatures *signatures, struct scheme_result *result);

/* 0: the request is signed by one of the secrets and of now (secret_index is set); else it is refused. */
int hmac_verify(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_request *request,
                struct scheme_result *result);
/* Adds the headers that hmac_verify() wants, over what `made` has, with the first secret. */
int hmac_sign(const struct hmac_rule *rule, const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made,
              struct err *err) ATTR_MUST_USE;
/* Each secret decodes as the rule's key; errors name /secrets/N. */
int hmac_check(const struct hmac_rule *rule, const struct scheme_source *source, struct err *err) ATTR_MUST_USE;
/* Whether a template names this, as in "{timestamp}". */
bool hmac_covers(const char *template, const char *what);

#endif
