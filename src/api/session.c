/* Sessions and one-time links: small arrays under a mutex, always walked whole. */
#include "api/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "base/mem.h"

enum { TOKEN_BYTES = 32, CSRF_BYTES = 20, HASH_BYTES = 32 };

struct entry {
	uint8_t hash[HASH_BYTES];
	int64_t seen_ms;
	struct session session; /* expires_ms 0: the entry is free */
};

struct link {
	uint8_t hash[HASH_BYTES];
	int64_t expires_ms; /* 0: free */
};

struct sessions {
	int64_t lifetime_ms, idle_ms;
	pthread_mutex_t mutex;
	/* under the mutex */
	struct entry entries[SESSIONS_MAX];
	struct link links[SESSION_LINKS_MAX];
};

struct sessions *sessions_new(int64_t lifetime_ms, int64_t idle_ms)
{
	struct sessions *sessions = mem_new(struct sessions);
	sessions->lifetime_ms = lifetime_ms;
	sessions->idle_ms = idle_ms;
	pthread_mutex_init(&sessions->mutex, NULL);
	return sessions;
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	pthread_mutex_destroy(&sessions->mutex);
	free(sessions);
}

static void token_make(char token[SESSION_TOKEN_SIZE], uint8_t hash[HASH_BYTES])
{
	uint8_t random[TOKEN_BYTES];
	codec_random(random, sizeof random);
	codec_base32(random, sizeof random, token);
	codec_sha256(token, SESSION_TOKEN_SIZE - 1, hash);
}

static bool alive(const struct entry *entry, int64_t now_ms)
{
	return now_ms < entry->session.expires_ms && now_ms < entry->session.idle_ms;
}

/* A free or ended entry, or the one that was idle longest. */
static struct entry *entry_for_new(struct sessions *sessions, int64_t now_ms)
{
	struct entry *best = sessions->entries;
	for (struct entry *entry = sessions->entries; entry < sessions->entries + SESSIONS_MAX; entry++) {
		if (!alive(entry, now_ms))
			return entry;
		if (entry->seen_ms < best->seen_ms)
			best = entry;
	}
	return best;
}

void sessions_begin(struct sessions *sessions, int64_t admin, const char *name, int64_t now_ms, char token[SESSION_TOKEN_SIZE])
{
	struct entry made = {.seen_ms = now_ms};
	uint8_t random[CSRF_BYTES];
	token_make(token, made.hash);
	codec_random(random, sizeof random);
	codec_base32(random, sizeof random, made.session.csrf);
	snprintf(made.session.name, sizeof made.session.name, "%s", name);
	made.session.admin = admin;
	made.session.expires_ms = now_ms + sessions->lifetime_ms;
	made.session.idle_ms = now_ms + sessions->idle_ms;
	pthread_mutex_lock(&sessions->mutex);
	*entry_for_new(sessions, now_ms) = made;
	pthread_mutex_unlock(&sessions->mutex);
}

/* Under the mutex. Compared in constant time: how much of a guess is right shows nowhere. */
static struct entry *entry_of(struct sessions *sessions, struct slice token)
{
	uint8_t hash[HASH_BYTES];
	struct entry *found = NULL;
	if (token.len != SESSION_TOKEN_SIZE - 1)
		return NULL;
	codec_sha256(token.at, token.len, hash);
	for (struct entry *entry = sessions->entries; entry < sessions->entries + SESSIONS_MAX; entry++)
		if (entry->session.expires_ms && CRYPTO_memcmp(entry->hash, hash, sizeof hash) == 0)
			found = entry;
	return found;
}

bool sessions_find(struct sessions *sessions, struct slice token, int64_t now_ms, struct session *session)
{
	pthread_mutex_lock(&sessions->mutex);
	struct entry *entry = entry_of(sessions, token);
	bool found = entry && alive(entry, now_ms);
	if (found) {
		entry->seen_ms = now_ms;
		entry->session.idle_ms = now_ms + sessions->idle_ms;
		*session = entry->session;
	} else if (entry) {
		*entry = (struct entry){.seen_ms = 0};
	}
	pthread_mutex_unlock(&sessions->mutex);
	return found;
}

void sessions_end(struct sessions *sessions, struct slice token)
{
	pthread_mutex_lock(&sessions->mutex);
	struct entry *entry = entry_of(sessions, token);
	if (entry)
		*entry = (struct entry){.seen_ms = 0};
	pthread_mutex_unlock(&sessions->mutex);
}

void sessions_end_admin(struct sessions *sessions, int64_t admin)
{
	pthread_mutex_lock(&sessions->mutex);
	for (struct entry *entry = sessions->entries; entry < sessions->entries + SESSIONS_MAX; entry++)
		if (entry->session.expires_ms && entry->session.admin == admin)
			*entry = (struct entry){.seen_ms = 0};
	pthread_mutex_unlock(&sessions->mutex);
}

/* A free place is the one that "expires" first. */
void sessions_link(struct sessions *sessions, int64_t now_ms, char token[SESSION_TOKEN_SIZE])
{
	struct link made = {.expires_ms = now_ms + SESSION_LINK_MS};
	token_make(token, made.hash);
	pthread_mutex_lock(&sessions->mutex);
	struct link *place = sessions->links;
	for (struct link *link = sessions->links; link < sessions->links + SESSION_LINKS_MAX; link++)
		if (link->expires_ms < place->expires_ms)
			place = link;
	*place = made;
	pthread_mutex_unlock(&sessions->mutex);
}

bool sessions_link_take(struct sessions *sessions, struct slice token, int64_t now_ms)
{
	uint8_t hash[HASH_BYTES];
	bool good = false;
	if (token.len != SESSION_TOKEN_SIZE - 1)
		return false;
	codec_sha256(token.at, token.len, hash);
	pthread_mutex_lock(&sessions->mutex);
	for (struct link *link = sessions->links; link < sessions->links + SESSION_LINKS_MAX; link++) {
		if (!link->expires_ms || CRYPTO_memcmp(link->hash, hash, sizeof hash) != 0)
			continue;
		good = now_ms < link->expires_ms;
		*link = (struct link){.expires_ms = 0};
	}
	pthread_mutex_unlock(&sessions->mutex);
	return good;
}
