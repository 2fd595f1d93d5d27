/* The bare program: what the libraries allow when nothing stands between them. Its parts are put together in four ways (bare.c):
 *
 *   bench-bare ingest   libmicrohttpd suspends, SQLite commits in groups (synchronous=FULL), libmicrohttpd resumes
 *   bench-bare hub      the whole path: ingest, deliveries in the store, HMAC, libcurl, outcomes in the store
 *   bench-bare sqlite   the store alone
 *   bench-bare curl     libcurl's multi interface alone
 *
 * It lacks all that makes a hub (routing, dedupe, retries, limits of memory, checks of addresses, lists, …) and is only a measure for one.
 * Threads: server, store, sender, each with an inbox; a struct job is one allocation that travels through them. */
#ifndef GRAPNEL_BENCH_BARE_H
#define GRAPNEL_BENCH_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/inbox.h"

struct MHD_Connection;

/* A request whose connection is suspended until its event is committed. Owned by the server; the store only posts it back. */
struct request {
	struct inbox_node node;
	struct MHD_Connection *connection;
	struct job *job;
	int64_t id; /* of the event; -1 when it could not be stored */
	bool handed, committed;
};

enum job_kind { JOB_EVENT, JOB_OUTCOME };

struct job {
	struct inbox_node node;
	enum job_kind kind;
	struct request *request; /* only on its way to the store */
	int64_t id;              /* of the event; when there is one delivery, of that, too, else each has a job and an id of its own */
	unsigned endpoint;
	unsigned deliveries; /* of an event with several: jobs that use its data. Owned by the store */
	struct job *event;   /* of one of several deliveries: whose data it has */
	int64_t started_ms, duration_ms;
	long status;
	const char *data; /* a slice of body */
	size_t data_len;
	size_t len, cap;
	char body[];
};

struct job *job_new(size_t cap);

/* The store's thread, or its parts for who has no other. */
struct bare_store_config {
	const char *path;
	unsigned fan;                        /* deliveries of an event; they go to the sender after its commit */
	struct inbox *requests, *deliveries; /* of server and sender */
};
struct inbox *bare_store_start(const struct bare_store_config *config);
void bare_store_open(const char *path);
void bare_store_begin(void);
void bare_store_event(struct job *job, unsigned fan); /* gives it its id; its deliveries have the following ones */
void bare_store_outcome(const struct job *job);
void bare_store_commit(void);

/* The server runs on the calling thread, for ever. */
struct inbox *bare_server_inbox(void);
void bare_server_run(unsigned port, const char *key, struct inbox *store);

/* The sender. done() is called on its thread with each job whose answer is in. */
struct bare_sender_config {
	const char *url; /* of endpoint 1; with several, the endpoint's number is put behind it */
	bool several;
	unsigned window; /* requests under way */
	bool sign;
	void (*done)(struct job *job);
};
struct inbox *bare_sender_start(const struct bare_sender_config *config);

int64_t wall_ms(void);

#endif
