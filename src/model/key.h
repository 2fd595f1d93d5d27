/* API keys: "gk_" and 160 random bits in base 32; stored as SHA-256, shown once. The keyring is what requests are checked
 * against: a table in memory, changed by the writer after the commit, read by everybody under its lock. */
#ifndef GRAPNEL_MODEL_KEY_H
#define GRAPNEL_MODEL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

/* Scopes. admin includes all; manage includes read. */
enum key_scope { SCOPE_NONE = 0, SCOPE_PUBLISH = 1, SCOPE_READ = 2, SCOPE_MANAGE = 4, SCOPE_ADMIN = 8 };

enum { KEY_TEXT_SIZE = 3 + 32 + 1, KEY_NAME_MAX = 100, KEY_VERSION = 1 /* a key is never changed */ };

struct key {
	int64_t id;
	uint8_t hash[32];
	unsigned scopes;
	int64_t subscriber; /* 0: not bound */
	int64_t expires_ms; /* 0: never */
	int64_t created_ms;
	char name[KEY_NAME_MAX + 1];
	char hint[8]; /* the first characters after gk_, so that a person can tell keys apart */
};

void key_make(char text[KEY_TEXT_SIZE], uint8_t hash[32], char hint[8]);
/* What a key with these scopes may do: `scopes` closed under inclusion. */
bool key_allows(unsigned scopes, enum key_scope wanted);
const char *key_scope_text(enum key_scope scope);
/* From {name?, scopes, subscriber?, expires_at?}; subscriber's text is given back (borrowed from doc, NULL: none). */
int key_parse(const json_t *doc, int64_t now_ms, struct key *key, const char **subscriber, struct err *err) ATTR_MUST_USE;
json_t *key_json(const struct key *key, const char *subscriber_text);

struct keyring;
struct keyring *keyring_new(void);
void keyring_free(struct keyring *ring);
/* The writer's thread; copied. */
void keyring_put(struct keyring *ring, const struct key *key);
void keyring_remove(struct keyring *ring, int64_t id);
/* Any thread. Whether `text` is a live key; the comparison's time does not depend on how much of it is right. Malformed, unknown,
 * revoked and expired are the same false. */
bool keyring_check(struct keyring *ring, struct slice text, int64_t now_ms, struct key *key);
/* Any thread. The name of a key, "" when it is gone. */
void keyring_name(struct keyring *ring, int64_t id, char name[KEY_NAME_MAX + 1]);

#endif
