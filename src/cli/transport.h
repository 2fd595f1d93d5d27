/* One HTTP request to a hub with libcurl: over its admin socket, or to its URL. Private to client.c and the tests. Owned by one thread. */
#ifndef GRAPNEL_CLI_TRANSPORT_H
#define GRAPNEL_CLI_TRANSPORT_H

#include "cli/client.h"

#define TRANSPORT_SOCKET "grapnel.sock"
enum { TRANSPORT_ANSWER_MAX_BYTES = 64 << 20, TRANSPORT_WHY_SIZE = 512 };

/* How one way to the hub ended. */
enum way { WAY_ANSWERED, WAY_NO_HUB /* nobody listens there */, WAY_FAILED };

struct transport;
/* `folder`: that of the admin socket, or `url` and `key`; `ca`: a file of the authorities that are trusted there, NULL: the system's.
 * Borrowed. NULL: libcurl does not start. */
struct transport *transport_new(const char *folder, const char *url, const char *key, const char *ca);
void transport_free(struct transport *transport); /* NULL is allowed */
void transport_interrupt(struct transport *transport, const volatile sig_atomic_t *flag);
/* With WAY_NO_HUB and WAY_FAILED `why` says what happened. */
enum way transport_ask(struct transport *transport, const struct client_ask *ask, struct client_answer *answer,
                       char why[TRANSPORT_WHY_SIZE]) ATTR_MUST_USE;

#endif
