/* A server with a little application over real loopback sockets, and a client that speaks raw bytes.
 *
 * Paths: /hello (text at once), /echo (the body at once), /async (the body, from another thread), /hold (the body, when
 * fixture_release() says so), /empty (204), /unchanged (304), /close, /peer (who asks), /silent (no status set);
 * /stall (text, when a byte came through the pipe: until then the whole server waits), /early (401 from begin()); the body cap is 1 MiB, on /small 16 bytes. */
#ifndef GRAPNEL_TESTS_HTTP_FIXTURE_H
#define GRAPNEL_TESTS_HTTP_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/inbox.h"
#include "http/server.h"

enum { FIXTURE_HELD_MAX = 64, FIXTURE_CAP = 1024 * 1024, REPLY_MAX = 2 * FIXTURE_CAP };

struct fixture {
	struct budget budget;
	struct server_config config;
	struct server *server; /* NULL: the test stopped it */
	int port;
	atomic_uint handled; /* calls of handle() */
	int stall[2]; /* a pipe, the test's: the server's thread waits for a byte of it */
	/* the thread that answers /async */
	pthread_t thread;
	struct inbox inbox;
	atomic_bool ends;
	/* under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct http_exchange *held[FIXTURE_HELD_MAX];
	const struct http_request *held_requests[FIXTURE_HELD_MAX];
	unsigned held_len;
};

/* Fill in what differs from the defaults between the two. */
void fixture_init(struct fixture *fixture);
void fixture_start(struct fixture *fixture);
/* Also asserts that the whole budget came back. */
void fixture_stop(struct fixture *fixture);
void fixture_wait_held(struct fixture *fixture, unsigned len);
void fixture_release(struct fixture *fixture);

/* One reply, parsed. */
struct reply {
	int status; /* 0: the connection was closed instead */
	struct strbuf head;
	struct slice body;
	struct strbuf text; /* head and body */
};

int client_connect(const struct fixture *fixture);
/* The same in two steps. */
int client_socket(void);
int client_join(const struct fixture *fixture, int fd);
/* False when the server closed before all was sent. */
bool client_send(int fd, const void *bytes, size_t len);
void client_say(int fd, const char *text);
/* Reads one reply (of a HEAD request: without body). Freed with reply_free(). */
struct reply client_read(int fd, bool head_request);
struct reply client_ask(int fd, const char *text);
/* Reads until the server closes; the bytes, terminated. Closes fd, too. */
struct strbuf client_drain(int fd);
/* The value of a reply's header, copied into `value`; "" when absent. */
const char *reply_header(const struct reply *reply, const char *name, char value[256]);
void reply_free(struct reply *reply);

#endif
