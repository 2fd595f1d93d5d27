/* The API: routes.def names every route with its scope, body cap, place of work and handler; this is where requests are
 * authenticated, authorised and dispatched. Publishing runs on the HTTP loop and is answered from the writer's callback; every
 * other handler is a plain synchronous function on the pool, with a reader of its own. The command line calls the same handlers in
 * its own process (api_call). */
#ifndef GRAPNEL_API_API_H
#define GRAPNEL_API_API_H

#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/inbox.h"
#include "deliver/egress.h"
#include "deliver/fetch.h"
#include "http/message.h"
#include "http/server.h"
#include "ingest/ingest.h"
#include "model/key.h"
#include "sign/seal.h"
#include "source/table.h"
#include "store/read.h"
#include "store/store.h"

struct api_config {
	struct store *store;
	struct index *index;
	struct keyring *keyring;
	struct breakers *breakers;  /* the scheduler's; NULL: all are closed */
	struct pause *pause;        /* the hub's; NULL: it is never paused */
	struct source_table *sources;
	struct fetcher *fetcher;    /* NULL: nothing is fetched */
	const char *public_url;     /* how the outside reaches the hub; NULL: it is not said */
	struct budget *budget;
	const struct clock *clock;
	const struct master_key *master;
	const struct egress *egress;
	const char *dns_servers;
	struct ingest_config ingest;
	_Atomic(size_t) request_bytes_max;  /* 8 MiB */
	_Atomic(int64_t) secret_overlap_ms; /* the default overlap of a rotation: 24 h */
	int64_t session_lifetime_ms, session_idle_ms; /* of a login on the page */
	unsigned key_failures_per_ip; /* wrong keys that one address may show a minute; 0: no limit */
	unsigned pool_threads;      /* 4 */
	const char *data_dir;
	/* "" when ready; else why not. Any thread. */
	void (*ready)(void *context, char *why, size_t why_size);
	void *ready_context;
	/* Takes the options again: what came of it, NULL: it cannot be done now. Any thread. NULL: no hub runs. */
	json_t *(*reload)(void *ready_context, bool dry);
};

struct api;
struct api *api_start(const struct api_config *config, struct err *err) ATTR_MUST_USE;
/* What may change while it runs; any thread. It counts for what begins afterwards. */
struct api_limits {
	size_t item_bytes_max, request_bytes_max;
	unsigned batch_items_max, depth_max, key_failures_per_ip;
	int64_t secret_overlap_ms;
};
void api_limit(struct api *api, const struct api_limits *limits);
struct http_app api_app(struct api *api);
/* Where the hub is reached when nothing better is known: before the first request, or never. */
enum { API_PLACE_SIZE = 320 };
struct api_places {
	char listen[API_PLACE_SIZE]; /* host:port of the API and the page */
	char page[API_PLACE_SIZE];   /* the same as a URL, without a path */
	char doors[API_PLACE_SIZE];  /* of the doors of sources */
};
void api_listens(struct api *api, const struct api_places *places);
/* Runs one request in the caller's thread and waits for its answer (the peer is the administrator). For the command line. */
void api_call(struct api *api, const struct http_request *request, struct http_response *response);
/* The attempt of a test event is over: its request is answered. Any thread. */
void api_tested(struct api *api, int64_t event);
/* Answers, with UNAVAILABLE, the requests that wait for an attempt whose end may be far off; when the hub is stopping, also those that
 * come. Any thread. NULL is allowed. */
void api_break_off(struct api *api, bool stopping, const char *why);
/* How much waits, counted on a thread of the pool, which then posts `node` to `to`. -1: all threads are busy, or end; nothing is posted. */
struct api_backlog {
	struct inbox_node node;
	struct inbox *to;
	bool known; /* otherwise the store could not be read */
	struct tally pending;
	int64_t oldest_ms; /* when the oldest of them was made; 0: there is none */
};
int api_backlog(struct api *api, struct api_backlog *ask) ATTR_MUST_USE;
/* An event was committed; any thread. */
void api_event(struct api *api, int64_t id);
/* Answers the requests that wait for events, and lets none wait from now on. */
void api_quiesce(struct api *api);
/* Finishes what is queued, ends the pool; no request may be handed over any more. NULL is allowed. */
void api_stop(struct api *api);
/* After the server has stopped: its threads may look at routes until then. NULL is allowed. */
void api_free(struct api *api);

#endif
