/* Counting connections by address. */
#include "http/peers.h"

#include <arpa/inet.h>
#include <stdio.h>

void peers_init(struct peers *peers, unsigned max, unsigned per_ip_max)
{
	*peers = (struct peers){.max = max, .per_ip_max = per_ip_max};
	pthread_mutex_init(&peers->mutex, NULL);
}

void peers_limit(struct peers *peers, unsigned per_ip_max)
{
	pthread_mutex_lock(&peers->mutex);
	peers->per_ip_max = per_ip_max;
	pthread_mutex_unlock(&peers->mutex);
}

void peers_destroy(struct peers *peers)
{
	idmap_free(&peers->counts);
	pthread_mutex_destroy(&peers->mutex);
}

uint64_t peers_key(const struct cidr_address *address)
{
	enum { IPV4_BYTES = 4, PREFIX_BYTES = 8 };
	if (address->family == AF_UNSPEC)
		return 0;
	uint64_t key = idmap_hash(address->at, address->family == AF_INET ? IPV4_BYTES : PREFIX_BYTES);
	return key == PEERS_TRUSTED ? PEERS_TRUSTED + 1 : key;
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
	bool room = peers->len < peers->max && (key == PEERS_TRUSTED || count_of(peers, key) < peers->per_ip_max);
	pthread_mutex_unlock(&peers->mutex);
	return room;
}

void peers_add(struct peers *peers, uint64_t key)
{
	if (!key)
		return;
	pthread_mutex_lock(&peers->mutex);
	peers->len++;
	if (key != PEERS_TRUSTED)
		idmap_put(&peers->counts, key, (void *)(count_of(peers, key) + 1));
	pthread_mutex_unlock(&peers->mutex);
}

void peers_remove(struct peers *peers, uint64_t key)
{
	if (!key)
		return;
	pthread_mutex_lock(&peers->mutex);
	peers->len--;
	uintptr_t left = key == PEERS_TRUSTED ? 0 : count_of(peers, key) - 1;
	if (left)
		idmap_put(&peers->counts, key, (void *)left);
	else if (key != PEERS_TRUSTED)
		idmap_remove(&peers->counts, key);
	pthread_mutex_unlock(&peers->mutex);
}

void peers_format(const struct cidr_address *address, char *out, size_t size)
{
	if (address->family == AF_UNSPEC || !inet_ntop(address->family, address->at, out, (socklen_t)size))
		snprintf(out, size, "unknown");
}
