/* Counting connections by address. */
#include "http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void peers_init(struct peers *peers, unsigned max, unsigned per_ip_max)
{
	*peers = (struct peers){.max = max, .per_ip_max = per_ip_max};
	pthread_mutex_init(&peers->mutex, NULL);
}

void peers_destroy(struct peers *peers)
{
	idmap_free(&peers->counts);
	pthread_mutex_destroy(&peers->mutex);
}

/* The IPv4 address inside, also of a mapped one; NULL when it is none. */
static const void *as_ipv4(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six) ? &six->s6_addr[12] : NULL;
}

uint64_t peers_key(const struct sockaddr *address)
{
	enum { IPV4_BYTES = 4, PREFIX_BYTES = 8 };
	const void *four = as_ipv4(address);
	if (four)
		return idmap_hash(four, IPV4_BYTES);
	if (address->sa_family != AF_INET6)
		return 0;
	return idmap_hash(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, PREFIX_BYTES);
}

static uintptr_t count_of(const struct peers *peers, uint64_t key)
{
	return (uintptr_t)idmap_get(&peers->counts, key);
}

bool peers_room(struct peers *peers, uint64_t key)
{
	if (!key)
		return true;
	pthread_mutex_lock(&peers->mutex);
	bool room = peers->len < peers->max && count_of(peers, key) < peers->per_ip_max;
	pthread_mutex_unlock(&peers->mutex);
	return room;
}

void peers_add(struct peers *peers, uint64_t key)
{
	if (!key)
		return;
	pthread_mutex_lock(&peers->mutex);
	peers->len++;
	idmap_put(&peers->counts, key, (void *)(count_of(peers, key) + 1));
	pthread_mutex_unlock(&peers->mutex);
}

void peers_remove(struct peers *peers, uint64_t key)
{
	if (!key)
		return;
	pthread_mutex_lock(&peers->mutex);
	peers->len--;
	uintptr_t left = count_of(peers, key) - 1;
	if (left)
		idmap_put(&peers->counts, key, (void *)left);
	else
		idmap_remove(&peers->counts, key);
	pthread_mutex_unlock(&peers->mutex);
}

void peers_format(const struct sockaddr *address, char *out, size_t size)
{
	const void *four = as_ipv4(address);
	const char *text = NULL;
	if (four)
		text = inet_ntop(AF_INET, four, out, (socklen_t)size);
	else if (address->sa_family == AF_INET6)
		text = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out, (socklen_t)size);
	if (!text)
		snprintf(out, size, "%s", address->sa_family == AF_UNIX ? "local" : "unknown");
}
