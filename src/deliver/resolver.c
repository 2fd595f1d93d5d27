/* Names to addresses. The sockets of c-ares stand in an epoll instance of the resolver's own, which is itself pollable: so the owner has
 * one descriptor to watch and need not know which of them woke it. Questions for the same name share one query. */
#include "deliver/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "deliver/lru.h"
#include "deliver/shortage.h"

enum {
	HOST_MAX = 255,
	QUERY_TIMEOUT_MS = 2000, /* of the first try; c-ares doubles it */
	QUERY_TRIES = 3,
	TTL_MIN_S = 1,
	TTL_MAX_S = 300,
	EVENTS_MAX = 16,
};

struct waiter {
	struct waiter *next;
	void (*done)(void *context, const struct resolved *resolved);
	void *context;
};

/* What is known, or being asked, about one name. */
struct name {
	struct lru_node cached; /* once it is answered */
	struct resolver *resolver;
	struct waiter *waiters;
	int64_t until_us; /* monotonic */
	unsigned len;
	const char *why;
	bool out_of_sockets;
	struct sockaddr_storage *at; /* len of them */
	char host[HOST_MAX + 1];
};

struct resolver {
	const struct clock *clock;
	int owner_epoll_fd;
	int epoll_fd;
	char *servers;
	ares_channel channel; /* a quarter of a megabyte: opened for the first name */
	bool channel_open;
	struct lru cache;     /* names that are known, by their hash */
	struct idmap pending; /* names that are being asked, likewise */
};

/* ---- set-up ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static void socket_changed(void *context, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = context;
	struct epoll_event event = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), .data.fd = fd};
	if (!event.events) {
		epoll_ctl(resolver->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (epoll_ctl(resolver->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return;
	/* Unwatched, the query ends by its time-out. */
	if (errno != ENOENT || epoll_ctl(resolver->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		log_warn("deliver", "cannot watch a name server's socket: %s", strerror(errno));
}

static int open_channel(struct resolver *resolver, struct err *err)
{
	const char *servers = resolver->servers;
	struct ares_options options = {
	    .timeout = QUERY_TIMEOUT_MS,
	    .tries = QUERY_TRIES,
	    .lookups = (char[]){"fb"}, /* /etc/hosts, then DNS */
	    .sock_state_cb = socket_changed,
	    .sock_state_cb_data = resolver,
	};
	pthread_once(&library_once, library_init);
	int status = library_status;
	if (status == ARES_SUCCESS)
		status = ares_init_options(&resolver->channel, &options,
		                           ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS)
		return err_set(err, ERR_INTERNAL, "cannot set up name resolution: %s", ares_strerror(status));
	resolver->channel_open = true;
	if (servers && *servers) {
		status = ares_set_servers_ports_csv(resolver->channel, servers);
		if (status != ARES_SUCCESS)
			return err_set(err, ERR_INVALID,
			               "dns.servers: \"%s\" is not a list of name servers (ip[:port], separated by commas): %s", servers,
			               ares_strerror(status));
	}
	return 0;
}

static void close_channel(struct resolver *resolver)
{
	if (resolver->channel_open)
		ares_destroy(resolver->channel);
	resolver->channel_open = false;
}

struct resolver *resolver_new(const char *servers, const struct clock *clock, int epoll_fd, struct err *err)
{
	struct resolver *resolver = mem_new(struct resolver);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = resolver};
	resolver->clock = clock;
	resolver->servers = servers ? mem_text(servers) : NULL;
	resolver->owner_epoll_fd = epoll_fd;
	resolver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (resolver->epoll_fd < 0 || (epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, resolver->epoll_fd, &event) != 0)) {
		err_set(err, ERR_INTERNAL, "cannot set up polling for name resolution: %s", strerror(errno));
		goto out;
	}
	/* What is wrong with it is told now. */
	if (open_channel(resolver, err))
		goto out;
	close_channel(resolver);
	return resolver;
out:
	resolver_free(resolver);
	return NULL;
}

/* ---- names ---- */

static void name_free(struct name *name)
{
	free(name->at);
	free(name);
}

static void forget(struct resolver *resolver, struct name *name)
{
	lru_remove(&resolver->cache, &name->cached);
	name_free(name);
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	close_channel(resolver);
	while (resolver->cache.oldest)
		forget(resolver, CONTAINER_OF(resolver->cache.oldest, struct name, cached));
	lru_free(&resolver->cache);
	idmap_free(&resolver->pending);
	if (resolver->epoll_fd >= 0) {
		if (resolver->owner_epoll_fd >= 0)
			epoll_ctl(resolver->owner_epoll_fd, EPOLL_CTL_DEL, resolver->epoll_fd, NULL);
		close(resolver->epoll_fd);
	}
	free(resolver->servers);
	free(resolver);
}

static void add_waiter(struct name *name, void (*done)(void *, const struct resolved *), void *context)
{
	struct waiter *waiter = mem_new(struct waiter);
	waiter->done = done;
	waiter->context = context;
	waiter->next = name->waiters;
	name->waiters = waiter;
}

static void result_of(const struct name *name, struct resolved *out)
{
	out->len = name->len;
	out->why = name->why;
	out->out_of_sockets = name->out_of_sockets;
	out->literal = false;
	if (name->len)
		memcpy(out->at, name->at, name->len * sizeof *name->at);
}

/* Keeps up to RESOLVER_ADDRESSES_MAX addresses; returns the smallest TTL. */
static int take_addresses(struct name *name, const struct ares_addrinfo *found)
{
	int ttl_s = TTL_MAX_S;
	name->at = mem_alloc(RESOLVER_ADDRESSES_MAX * sizeof *name->at);
	for (const struct ares_addrinfo_node *node = found->nodes; node && name->len < RESOLVER_ADDRESSES_MAX; node = node->ai_next) {
		if ((node->ai_family != AF_INET && node->ai_family != AF_INET6) || (size_t)node->ai_addrlen > sizeof *name->at)
			continue;
		memcpy(&name->at[name->len++], node->ai_addr, (size_t)node->ai_addrlen);
		if (node->ai_ttl < ttl_s)
			ttl_s = node->ai_ttl;
	}
	return ttl_s;
}

/* RFC 6761, 6.3: "localhost" and names below it are this machine, also where no hosts file says so. */
static void take_loopback(struct name *name)
{
	static const char suffix[] = ".localhost";
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	size_t len = strlen(name->host);
	bool below = len >= sizeof suffix - 1 && strcasecmp(name->host + len - (sizeof suffix - 1), suffix) == 0;
	if (!below && strcasecmp(name->host, suffix + 1) != 0)
		return;
	name->at = mem_alloc(2 * sizeof *name->at);
	memcpy(&name->at[0], &in, sizeof in);
	memcpy(&name->at[1], &in6, sizeof in6);
	name->len = 2;
}

static void remember(struct resolver *resolver, struct name *name, int ttl_s)
{
	ttl_s = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s;
	name->until_us = clock_mono_us(resolver->clock) + (int64_t)ttl_s * 1000000;
	uint64_t hash = idmap_hash(name->host, strlen(name->host));
	struct lru_node *same_hash = lru_get(&resolver->cache, hash);
	if (same_hash)
		forget(resolver, CONTAINER_OF(same_hash, struct name, cached));
	else if (resolver->cache.map.len >= RESOLVER_CACHE_MAX)
		forget(resolver, CONTAINER_OF(resolver->cache.oldest, struct name, cached));
	lru_put(&resolver->cache, &name->cached, hash);
}

static void answer(struct waiter *waiters, const struct resolved *resolved)
{
	for (struct waiter *waiter = waiters; waiter; waiter = waiters) {
		waiters = waiter->next;
		waiter->done(waiter->context, resolved);
		free(waiter);
	}
}

/* c-ares has the answer, or is being destroyed. The waiters are called last: they may ask again. */
static void answered(void *context, int status, int timeouts, struct ares_addrinfo *found)
{
	(void)timeouts;
	struct name *name = context;
	struct resolver *resolver = name->resolver;
	struct waiter *waiters = name->waiters;
	struct resolved resolved;
	int ttl_s = 0;
	if (status == ARES_SUCCESS && found)
		ttl_s = take_addresses(name, found);
	if (found)
		ares_freeaddrinfo(found);
	if (name->len == 0 && !name->at)
		take_loopback(name);
	name->why = name->len ? NULL : ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
	name->out_of_sockets = name->len == 0 && shortage_now();
	name->waiters = NULL;
	result_of(name, &resolved);
	uint64_t hash = idmap_hash(name->host, strlen(name->host));
	if (idmap_get(&resolver->pending, hash) == name)
		idmap_remove(&resolver->pending, hash);
	remember(resolver, name, ttl_s);
	answer(waiters, &resolved);
}

/* ---- questions ---- */

static bool parse_literal(const char *host, struct resolved *out)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	out->len = 1;
	out->why = NULL;
	out->out_of_sockets = false;
	out->literal = true;
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		memcpy(&out->at[0], &in, sizeof in);
	else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
		memcpy(&out->at[0], &in6, sizeof in6);
	else
		return false;
	return true;
}

static struct name *cached_name(struct resolver *resolver, const char *host, uint64_t hash)
{
	struct lru_node *node = lru_get(&resolver->cache, hash);
	struct name *name = node ? CONTAINER_OF(node, struct name, cached) : NULL;
	if (!name || strcmp(name->host, host) != 0 || name->until_us <= clock_mono_us(resolver->clock))
		return NULL;
	return name;
}

static void ask(struct resolver *resolver, const char *host, uint64_t hash, void (*done)(void *, const struct resolved *), void *context)
{
	static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
	struct err err = {0};
	if (!resolver->channel_open && open_channel(resolver, &err)) {
		log_warn("deliver", "%s", err.detail);
		close_channel(resolver);
		done(context, &(struct resolved){.why = "name resolution cannot be set up", .out_of_sockets = shortage_now()});
		return;
	}
	struct name *name = idmap_get(&resolver->pending, hash);
	if (name && strcmp(name->host, host) == 0) {
		add_waiter(name, done, context);
		return;
	}
	name = mem_new(struct name);
	name->resolver = resolver;
	memcpy(name->host, host, strlen(host));
	add_waiter(name, done, context);
	idmap_put(&resolver->pending, hash, name);
	ares_getaddrinfo(resolver->channel, name->host, NULL, &hints, answered, name);
}

void resolver_query(struct resolver *resolver, const char *host, void (*done)(void *context, const struct resolved *resolved),
                    void *context)
{
	struct resolved resolved; /* large: each way sets what it needs */
	size_t len = strlen(host);
	if (parse_literal(host, &resolved)) {
		done(context, &resolved);
		return;
	}
	if (len == 0 || len > HOST_MAX) {
		resolved = (struct resolved){.why = "the host name is too long"};
		done(context, &resolved);
		return;
	}
	uint64_t hash = idmap_hash(host, len);
	const struct name *known = cached_name(resolver, host, hash);
	if (!known) {
		ask(resolver, host, hash, done, context);
		return;
	}
	result_of(known, &resolved);
	done(context, &resolved);
}

/* ---- the loop ---- */

void resolver_process(struct resolver *resolver)
{
	struct epoll_event events[EVENTS_MAX];
	int len = epoll_wait(resolver->epoll_fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < len; i++) {
		bool readable = events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP);
		bool writable = events[i].events & EPOLLOUT;
		ares_process_fd(resolver->channel, readable ? events[i].data.fd : ARES_SOCKET_BAD,
		                writable ? events[i].data.fd : ARES_SOCKET_BAD);
	}
	if (resolver->channel_open)
		ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int resolver_timeout_ms(struct resolver *resolver)
{
	struct timeval at;
	if (!resolver->channel_open || !ares_timeout(resolver->channel, NULL, &at))
		return -1;
	return (int)(at.tv_sec * 1000 + (at.tv_usec + 999) / 1000);
}

/* The waiter of a resolver_wait(); it outlives the call when that gives up first. */
struct wait {
	bool answered;
	bool abandoned;
	struct resolved resolved;
};

static void wait_done(void *context, const struct resolved *resolved)
{
	struct wait *wait = context;
	if (wait->abandoned) {
		free(wait);
		return;
	}
	wait->resolved = *resolved;
	wait->answered = true;
}

void resolver_wait(struct resolver *resolver, const char *host, int timeout_ms, struct resolved *out)
{
	struct wait *wait = mem_new(struct wait);
	int64_t until_us = clock_mono_us(&clock_system) + (int64_t)timeout_ms * 1000;
	resolver_query(resolver, host, wait_done, wait);
	while (!wait->answered) {
		struct epoll_event event;
		int64_t left_ms = (until_us - clock_mono_us(&clock_system) + 999) / 1000;
		if (left_ms <= 0)
			break;
		int query_ms = resolver_timeout_ms(resolver);
		epoll_wait(resolver->epoll_fd, &event, 1, query_ms >= 0 && query_ms < left_ms ? query_ms : (int)left_ms);
		resolver_process(resolver);
	}
	if (wait->answered) {
		*out = wait->resolved;
		free(wait);
		return;
	}
	*out = (struct resolved){.why = "the name server did not answer in time"};
	wait->abandoned = true;
}
