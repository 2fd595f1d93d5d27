/* Access tokens of endpoints whose auth is oauth2: client credentials (RFC 6749, 4.4). A token is kept in memory, by endpoint, until
 * shortly before it ends; whoever needs one that is not there waits, and however many wait, one request is made. It goes through the same
 * resolver and address policy as deliveries, follows no redirect, takes a bounded answer and ends at the endpoint's timeout_ms. What
 * failed is not tried again for a moment. Owned by the worker's thread; requests run in its multi handle. */
#ifndef GRAPNEL_DELIVER_TOKENS_H
#define GRAPNEL_DELIVER_TOKENS_H

#include <curl/curl.h>

#include "deliver/access.h"
#include "deliver/deliver.h"
#include "deliver/resolver.h"
#include "deliver/sockets.h"

/* One text, whatever it is, for who gives URLs to explore the hub's network with; the log says more. */
#define TOKENS_UNREACHED "the token endpoint cannot be reached, or did not answer in time"

enum { TOKENS_MAX = 4096, TOKEN_WHY_MAX = 160 };

struct token_waiter;
/* token: borrowed for the call; NULL: it failed, `why` says how, for a person and without a secret. no_socket: it failed because the hub
 * has none. */
typedef void token_done(struct token_waiter *waiter, const char *token, const char *why, bool no_socket);

/* Embedded by who waits. */
struct token_waiter {
	token_done *done;
	struct token_waiter *next, **at; /* at NULL: it waits for nothing */
};

struct tokens;
struct tokens *tokens_new(const struct deliver_config *config, CURLM *multi, struct resolver *resolver, struct sockets *sockets);
/* Ends what runs without telling anybody: before the resolver and the multi handle are freed. */
void tokens_stop(struct tokens *tokens);
void tokens_free(struct tokens *tokens); /* after the resolver. NULL is allowed */

/* Calls done(), at once or later. `refused`: a token that the endpoint did not take; it is not given again. NULL: none. */
void tokens_get(struct tokens *tokens, const struct endpoint *endpoint, const struct access *access, const char *refused,
                struct token_waiter *waiter);
/* It waits no longer; done() is not called. */
void tokens_leave(struct token_waiter *waiter);

/* Whether a handle that has completed is a request for a token; then it was taken care of. `private`: its CURLOPT_PRIVATE. */
bool tokens_completed(struct tokens *tokens, void *private, CURLcode code);

#endif
