/* Who is connected: how many connections there are in all and from each address, so that one address cannot hold them all. An
 * IPv6 address counts by its /64, which is what one host is given. Thread-safe; shared by the shards. */
#ifndef GRAPNEL_HTTP_PEERS_H
#define GRAPNEL_HTTP_PEERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/idmap.h"

struct peers {
	unsigned max;
	/* under the mutex */
	pthread_mutex_t mutex;
	unsigned per_ip_max;
	unsigned len;
	struct idmap counts; /* key of the address → its connections, cast to a pointer */
};

/* The key of those that count among all but not by their address: proxies bring everybody's connections. */
enum { PEERS_TRUSTED = 1 };

void peers_init(struct peers *peers, unsigned max, unsigned per_ip_max);
void peers_limit(struct peers *peers, unsigned per_ip_max); /* from now on; what is connected stays */
void peers_destroy(struct peers *peers);
/* The key of an address; 0 for a Unix socket, which is not counted. */
uint64_t peers_key(const struct cidr_address *address);
/* Whether one more from there may come. Shards ask and add one behind the other: a few more than the limit can slip in. */
bool peers_room(struct peers *peers, uint64_t key);
void peers_add(struct peers *peers, uint64_t key);
void peers_remove(struct peers *peers, uint64_t key);
/* Numeric; "unknown" when it is none. */
void peers_format(const struct cidr_address *address, char *out, size_t size);

#endif
