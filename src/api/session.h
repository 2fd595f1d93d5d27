/* Sessions: who is logged in on the page, and one-time links that log in. They live in memory, so a restart of the hub ends them all; of
 * the texts that open them only hashes are kept. Any thread. */
#ifndef GRAPNEL_API_SESSION_H
#define GRAPNEL_API_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "model/admin.h"

enum {
	SESSION_TOKEN_SIZE = 52 + 1, /* 256 random bits in base 32 */
	SESSION_CSRF_SIZE = 32 + 1,
	SESSIONS_MAX = 256, /* of those over it the one that was idle longest ends */
	SESSION_LINKS_MAX = 16,
	SESSION_LINK_MS = 10 * 60 * 1000
};

struct session {
	int64_t admin; /* 0: the administrator on this machine, by a link */
	char name[ADMIN_NAME_MAX + 1];
	char csrf[SESSION_CSRF_SIZE]; /* what a request that changes something must show beside the cookie */
	int64_t expires_ms;           /* whatever happens */
	int64_t idle_ms;              /* unless it is used before */
};

struct sessions;
struct sessions *sessions_new(int64_t lifetime_ms, int64_t idle_ms);
void sessions_free(struct sessions *sessions); /* NULL is allowed */
/* Begins one; its text is known to nobody else. */
void sessions_begin(struct sessions *sessions, int64_t admin, const char *name, int64_t now_ms, char token[SESSION_TOKEN_SIZE]);
/* Whether the text is that of a living session; this counts as use. */
bool sessions_find(struct sessions *sessions, struct slice token, int64_t now_ms, struct session *session);
void sessions_end(struct sessions *sessions, struct slice token);
void sessions_end_admin(struct sessions *sessions, int64_t admin); /* all of them */

/* A link's text: good once, for SESSION_LINK_MS. */
void sessions_link(struct sessions *sessions, int64_t now_ms, char token[SESSION_TOKEN_SIZE]);
bool sessions_link_take(struct sessions *sessions, struct slice token, int64_t now_ms);

#endif
