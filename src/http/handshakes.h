/* The TLS handshakes of a shard that are not over. libmicrohttpd looks at all of them at each turn, so few may take long: a
 * second is everybody's, after that the oldest make room when there are many. Owned by the shard's thread. */
#ifndef GRAPNEL_HTTP_HANDSHAKES_H
#define GRAPNEL_HTTP_HANDSHAKES_H

#include <stdint.h>

#include "http/loop.h"

enum { HANDSHAKES_MAX = 64, HANDSHAKE_LEAST_MS = 1000, HANDSHAKE_MOST_MS = 10 * 1000 };

/* One, embedded in its connection. */
struct handshake {
	struct loop_deadline deadline; /* in no queue: it is over, or there is none */
	void *session;                 /* NULL: the connection is not encrypted */
	int fd;
};

struct handshakes {
	struct loop_queue queue;
	unsigned len;
};

/* Its connection was made. */
void handshake_begin(struct handshakes *handshakes, struct handshake *handshake, int64_t now_us);
/* It is over, or the connection is; nothing when it is not there. */
void handshake_end(struct handshakes *handshakes, struct handshake *handshake);
/* The next moment at which one may have to end; 0: there is none. */
int64_t handshakes_due_us(const struct handshakes *handshakes);
/* Ends the connections of those that took too long. */
void handshakes_expire(struct handshakes *handshakes, int64_t now_us);

#endif
