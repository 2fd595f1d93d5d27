/* The HTTP server; server.c is the only file that knows libmicrohttpd. Each shard is one thread with its own listening sockets
 * (SO_REUSEPORT), running libmicrohttpd in external epoll mode: internal epoll threads can stall. It checks the request's grammar
 * (smuggling forms get one 400 and the connection closes), method and path form, header and body bounds, total deadlines, and
 * reserves the body's bytes in the memory budget. */
#ifndef GRAPNEL_HTTP_SERVER_H
#define GRAPNEL_HTTP_SERVER_H

#include <sys/types.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "http/message.h"
#include "http/proxies.h"
#include "http/tls.h"

struct http_exchange; /* one request on its way through the server */

/* What the server serves. Both run on a shard's loop and must not block. */
struct http_app {
	void *context;
	/* The headers are in: the largest body that is taken for this request, in bytes; or -1 with the answer in `response` (then
	 * handle() is not called). */
	int64_t (*begin)(void *context, const struct http_request *request, struct http_response *response);
	/* After begin(): the body is larger than it said, and is refused. May be NULL. */
	void (*too_large)(void *context, const struct http_request *request);
	/* Whether it counts for the limit of its address (server_config.requests_per_ip). NULL: all do. */
	bool (*counts)(const struct http_request *request);
	/* All is in. Exactly one http_answer() must follow, now or later, from any thread. */
	void (*handle)(void *context, struct http_exchange *exchange, const struct http_request *request);
};

struct http_listen {
	const char *address;     /* "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses) */
	int fd;                  /* > 0: a socket that listens on it already; it is not closed */
	const char *socket_path; /* or a Unix socket (its peer is the administrator): made in socket_dir_fd, mode 0600 */
	int socket_dir_fd;
	const gid_t *socket_group; /* whose members may use it, too: mode 0660. NULL: none */
	bool tls;            /* with the certificate of server_config.tls */
	enum http_role role; /* for the application: what it serves there */
};

struct server;

struct server_config {
	const struct http_listen *listen;
	size_t listen_len;
	unsigned shards;
	unsigned connections_max;   /* all shards together */
	unsigned connections_per_ip_max; /* trusted proxies excepted */
	unsigned requests_per_ip; /* a second, and as many at once; 0: no limit */
	const struct proxies *proxies; /* NULL: none is trusted */
	struct tls *tls; /* NULL: none */
	_Atomic(int) request_deadline_ms; /* from the first byte to the last one of a request */
	int idle_timeout_ms;        /* of a keep-alive connection */
	struct budget *budget;
	const struct clock *clock;
	struct http_app app;
	/* Everything is bound, and nothing is served yet. May be NULL. */
	void (*bound)(void *context, const struct server *server);
	void *bound_context;
};

/* Binds everything (an error names the address), then starts the threads. */
struct server *server_start(const struct server_config *config, struct err *err) ATTR_MUST_USE;
/* What may change while it runs; any thread. It counts for what begins afterwards. */
struct server_limits {
	unsigned connections_per_ip_max, requests_per_ip;
	int request_deadline_ms;
};
void server_limit(struct server *server, const struct server_limits *limits);
/* The port that listener i is bound to (for ":0"). */
int server_port(const struct server *server, size_t i);
/* Gives the answer; takes over the response's memory. Any thread. A client that left makes no difference. */
void http_answer(struct http_exchange *exchange, struct http_response *response);
/* Gives a page of a stream, as its next() asked for. Any thread; the stream is the server's again. */
void http_page(struct http_stream *stream);
/* Stops listening (the Unix socket too), answers new requests on open connections with 503, closes each connection after its
 * answer, asks for no further pages of streams (which so end unfinished); returns at once. Any thread. */
void server_quiesce(struct server *server);
/* How many exchanges wait for their answer or a page of it. Any thread. */
unsigned server_waiting(struct server *server);
/* Resumes everything, closes connections, ends the threads, frees. Every exchange must have been answered. */
void server_stop(struct server *server);

#endif
