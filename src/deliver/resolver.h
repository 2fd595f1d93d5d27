/* Names to addresses, with c-ares, outside libcurl (whose threaded resolver can freeze the multi loop). One resolver per worker
 * thread, in the worker's own poll loop; a bounded cache honours TTL (1 s to 5 min; failures 1 s). Owned by one thread. */
#ifndef GRAPNEL_DELIVER_RESOLVER_H
#define GRAPNEL_DELIVER_RESOLVER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"

enum { RESOLVER_ADDRESSES_MAX = 16, RESOLVER_CACHE_MAX = 4096 };

struct resolved {
	unsigned len;                                       /* 0: failed */
	const char *why;                                    /* static text: why it failed */
	bool out_of_sockets;                                /* it failed because there was none to ask a name server with */
	bool literal;                                       /* the host is the address itself */
	struct sockaddr_storage at[RESOLVER_ADDRESSES_MAX]; /* port unset */
};

struct resolver;
/* `servers`: "ip[:port],…", NULL or "": the system's. epoll_fd: where it registers itself (data.ptr = the resolver); -1 for
 * resolver_wait() alone. */
struct resolver *resolver_new(const char *servers, const struct clock *clock, int epoll_fd, struct err *err) ATTR_MUST_USE;
void resolver_free(struct resolver *resolver); /* pending queries are answered as failed first. NULL is allowed */
/* Calls done() at once (literal address, cache) or later from resolver_process(). IP literals are never looked up. */
void resolver_query(struct resolver *resolver, const char *host, void (*done)(void *context, const struct resolved *resolved),
                    void *context);
void resolver_process(struct resolver *resolver);   /* when it is readable, or its time-out passed */
int resolver_timeout_ms(struct resolver *resolver); /* -1: none */
/* For threads without a loop: resolves and waits at most timeout_ms. */
void resolver_wait(struct resolver *resolver, const char *host, int timeout_ms, struct resolved *out);

#endif
