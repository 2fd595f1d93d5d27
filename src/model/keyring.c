/* The keyring: live keys by the first eight bytes of their hash, and by id. */
#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "model/key.h"

struct entry {
	struct key key;
	struct entry *next; /* another key whose hash begins alike */
};

struct keyring {
	pthread_rwlock_t lock;
	/* shared, under the lock */
	struct idmap by_hash; /* first entry of a chain */
	struct idmap by_id;   /* owns the entries */
};

static uint64_t hash_start(const uint8_t hash[32])
{
	uint64_t start;
	memcpy(&start, hash, sizeof start);
	return start ? start : 1; /* an idmap's id is never 0 */
}

struct keyring *keyring_new(void)
{
	struct keyring *ring = mem_new(struct keyring);
	pthread_rwlock_init(&ring->lock, NULL);
	return ring;
}

void keyring_free(struct keyring *ring)
{
	if (!ring)
		return;
	size_t at = 0;
	uint64_t id;
	void *entry;
	while (idmap_next(&ring->by_id, &at, &id, &entry))
		free(entry);
	idmap_free(&ring->by_id);
	idmap_free(&ring->by_hash);
	pthread_rwlock_destroy(&ring->lock);
	free(ring);
}

static void remove_locked(struct keyring *ring, int64_t id)
{
	struct entry *entry = idmap_remove(&ring->by_id, (uint64_t)id);
	if (!entry)
		return;
	uint64_t start = hash_start(entry->key.hash);
	struct entry *first = idmap_get(&ring->by_hash, start);
	struct entry **link = &first;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	if (first)
		idmap_put(&ring->by_hash, start, first);
	else
		idmap_remove(&ring->by_hash, start);
	free(entry);
}

void keyring_put(struct keyring *ring, const struct key *key)
{
	struct entry *entry = mem_new(struct entry);
	entry->key = *key;
	uint64_t start = hash_start(key->hash);
	pthread_rwlock_wrlock(&ring->lock);
	remove_locked(ring, key->id);
	entry->next = idmap_get(&ring->by_hash, start);
	idmap_put(&ring->by_hash, start, entry);
	idmap_put(&ring->by_id, (uint64_t)key->id, entry);
	pthread_rwlock_unlock(&ring->lock);
}

void keyring_remove(struct keyring *ring, int64_t id)
{
	pthread_rwlock_wrlock(&ring->lock);
	remove_locked(ring, id);
	pthread_rwlock_unlock(&ring->lock);
}

/* Whoever can make hashes that begin like a key's still has to find the rest of it, which is compared in constant time. */
bool keyring_check(struct keyring *ring, struct slice text, int64_t now_ms, struct key *key)
{
	if (text.len != KEY_TEXT_SIZE - 1 || memcmp(text.at, "gk_", 3) != 0)
		return false;
	uint8_t hash[32];
	codec_sha256(text.at, text.len, hash);
	bool live = false;
	pthread_rwlock_rdlock(&ring->lock);
	for (const struct entry *entry = idmap_get(&ring->by_hash, hash_start(hash)); entry && !live; entry = entry->next) {
		live = CRYPTO_memcmp(entry->key.hash, hash, sizeof hash) == 0 &&
		       (entry->key.expires_ms == 0 || now_ms < entry->key.expires_ms);
		if (live)
			*key = entry->key;
	}
	pthread_rwlock_unlock(&ring->lock);
	return live;
}

void keyring_name(struct keyring *ring, int64_t id, char name[KEY_NAME_MAX + 1])
{
	pthread_rwlock_rdlock(&ring->lock);
	const struct entry *entry = idmap_get(&ring->by_id, (uint64_t)id);
	memset(name, 0, KEY_NAME_MAX + 1);
	if (entry)
		memcpy(name, entry->key.name, KEY_NAME_MAX);
	pthread_rwlock_unlock(&ring->lock);
}
