/* Saying goodbye to a client that may still be sending: closing a socket with unread bytes resets the connection, and the client
 * might never read why it was refused. So the answer is written straight to the socket, a duplicate of it outlives the
 * connection, and what still comes is read and dropped until the client closes or a short time has passed. Owned by one thread. */
#ifndef GRAPNEL_HTTP_FAREWELL_H
#define GRAPNEL_HTTP_FAREWELL_H

#include "base/clock.h"
#include "http/loop.h"
#include "http/message.h"

struct farewells {
	int epoll_fd;
	const struct clock *clock;
	struct loop_queue queue;
	unsigned len;
};

/* Writes the whole answer, with Connection: close; after it the caller ends the connection (writing side first) and closes its
 * descriptor. Nothing of an earlier answer may be left to send. `response` stays the caller's.
 * `tls_session`: what the connection is encrypted with; NULL: it is not. */
void farewell_say(struct farewells *farewells, int fd, void *tls_session, const struct http_request *request, const struct http_response *response,
		  const char *reason);
/* Closes those whose time is up. */
void farewell_expire(struct farewells *farewells, int64_t now_us);
void farewell_end_all(struct farewells *farewells);

#endif
