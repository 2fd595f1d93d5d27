/* What the two halves of the server share, and nobody else includes: server.c runs the threads and their connections, exchange.c a request
 * and its answer. Only these two know libmicrohttpd.
 *
 * Everything of a shard is touched by its thread alone, but for the inbox. An exchange belongs to that thread too, but between
 * handle() and http_answer() its `status` and `answer` belong to whoever answers; posting it to the inbox gives them back. Only
 * the shard's thread suspends and resumes, so an answer that comes before the suspension simply waits in the inbox. */
#ifndef GRAPNEL_HTTP_EXCHANGE_H
#define GRAPNEL_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/inbox.h"
#include "http/body.h"
#include "http/farewell.h"
#include "http/grammar.h"
#include "http/handshakes.h"
#include "http/loop.h"
#include "http/peers.h"
#include "http/rates.h"
#include "http/server.h"

/* Waiting for a request (the idle timeout runs), in the midst of one (the deadline runs), or none of them. */
enum connection_phase { CONNECTION_WAITING, CONNECTION_READING, CONNECTION_BUSY };

struct connection {
	struct loop_source source;
	struct loop_deadline deadline; /* in its shard's `reading` while READING */
	struct shard *shard;
	enum connection_phase phase;
	int fd;
	const struct listener *listener;
	bool trusted; /* a proxy that says whom it speaks for */
	struct cidr_address address; /* AF_UNSPEC: local */
	uint64_t peer_key; /* of the connection; 0: not counted */
	int64_t peer_uid;
	struct handshake handshake;
	char peer[sizeof((struct http_request *)NULL)->peer];
};

enum exchange_phase {
	EXCHANGE_HEAD,     /* the headers are not in yet */
	EXCHANGE_BODY,     /* taking the body */
	EXCHANGE_DRAINING, /* refused with `answer`; dropping the body */
	EXCHANGE_HANDED,   /* handle() was called */
	EXCHANGE_ANSWERED, /* `answer` is to be sent (NULL: memory was out; the connection closes) */
};

struct http_exchange {
	struct inbox_node node;
	struct shard *shard;
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum exchange_phase phase;
	bool handling; /* inside handle() */
	unsigned status;
	int64_t begun_us; /* monotonic: when the headers were in */
	struct MHD_Response *answer;
	struct http_stream *stream; /* of the answer, or NULL */
	struct grammar_head head;
	struct grammar_framing framing;
	struct http_body body;
	struct http_request request;
	char target[]; /* a copy: libmicrohttpd cuts and decodes its own in place */
};

struct listener {
	struct loop_source source;
	struct shard *shard;
	struct MHD_Daemon *daemon;
	bool local;
	bool tls;
	enum http_role role;
	bool suspended; /* the daemon does not accept until one of its connections has ended: see shard_accept() */
	int fd;
	int dir_fd; /* of a Unix socket */
	char *name;
};

struct shard {
	/* shared */
	struct inbox inbox;
	/* owned by the thread */
	struct server *server;
	pthread_t thread;
	bool started;
	int epoll_fd;
	struct loop_source inbox_source;
	struct listener *listeners;
	size_t listeners_len;
	struct loop_queue reading;
	struct farewells farewells;
	struct handshakes handshakes;
	unsigned exchanges;
	bool quiesced;
	unsigned barren;    /* turns in a row in which nothing happened */
	bool again;         /* a connection has ended: only the next MHD_run() listens again where there was no room */
	int64_t stop_at_us; /* 0: not stopping */
	int64_t warn_at_us;
};

struct server {
	struct server_config config; /* without `listen` */
	int *ports;
	bool in_place; /* libmicrohttpd parses in place: grammar_contiguous() holds */
	/* shared, no lock */
	struct peers peers;
	struct rates *rates; /* of requests by address; NULL: no limit */
	atomic_bool quiescing;
	atomic_bool stopping;
	atomic_uint waiting;
	atomic_uint streams;
	unsigned shards_len;
	struct shard shards[];
};

/* The shard that runs on this thread. */
extern _Thread_local struct shard *shard_here;

/* The first byte of a request is there: its deadline runs. */
void connection_reading(struct connection *connection);

/* What libmicrohttpd calls, on the shard's thread. */
void *exchange_on_target(void *cls, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                    const char *upload, size_t *upload_len, void **request_context);
void exchange_on_completed(void *cls, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code);

#endif
