/* Proxies that are trusted to say whom they speak for (http.trusted_proxies): X-Forwarded-For and X-Forwarded-Proto count from them, and
 * from nobody else. Thread-safe. */
#ifndef GRAPNEL_HTTP_PROXIES_H
#define GRAPNEL_HTTP_PROXIES_H

#include <stdbool.h>

#include "base/cidr.h"
#include "base/err.h"
#include "http/message.h"

struct proxies;
/* `list`: addresses and CIDR ranges, separated by commas; NULL: none. */
struct proxies *proxies_new(const char *list, struct err *err) ATTR_MUST_USE;
void proxies_free(struct proxies *proxies); /* NULL is allowed */
/* What `other` says from now on; takes it over. */
void proxies_become(struct proxies *proxies, struct proxies *other);
/* `proxies` may be NULL. */
bool proxies_trust(const struct proxies *proxies, const struct cidr_address *address);
/* Who sent a request that came from the trusted `peer`: the rightmost address in X-Forwarded-For that is not trusted itself. What cannot be
 * read ends the search: then it is the last one that could. */
struct cidr_address proxies_client(const struct proxies *proxies, const struct http_request *request, struct cidr_address peer);
/* Whether the nearest proxy says that it was asked by https. */
bool proxies_secure(const struct http_request *request);

#endif
