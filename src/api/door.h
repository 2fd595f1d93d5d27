/* The door: requests to /in/{source} on their way through verification into the store, and those that are refused. A request is verified
 * over its raw bytes before anything of it is parsed; small ones on the HTTP thread, large ones on the pool. Whatever it waits for (a
 * certificate, a confirmation, the commit) it waits for without a thread. Private to api/. */
#ifndef GRAPNEL_API_DOOR_H
#define GRAPNEL_API_DOOR_H

#include "api/call.h"

enum { DOOR_URL_MAX = 8192 };

/* The headers of a request to a door are in: the largest body that is taken, or -1 with the answer. */
int64_t door_begin(struct api *api, const struct http_request *request, struct http_response *response);
/* Its body turned out to be larger. */
void door_too_large(struct api *api, const struct http_request *request);

/* What a provider calls to reach this source; `request` (may be NULL) tells by which name the hub is called. */
void door_url(const struct api *api, const struct http_request *request, const struct source *source, struct strbuf *out);

/* A request that was refused before, judged again with what the source is set to now, whatever its age; what verifies is published. Waits;
 * a thread of the pool. */
struct door_again {
	bool dry_run; /* verify only */
	int64_t rejection;
	/* out */
	bool accepted;
	int64_t event; /* 0 with dry_run */
	bool duplicate;
	enum rejection_reason reason; /* not accepted, and err.code is NONE */
	char why[256];
	struct err err;
};
void door_judge_again(struct api *api, struct source *source, const struct http_request *request, struct door_again *again);

/* ---- reject.c ---- */

/* Keeps a refused request, if there is room; `why` may be "". `unread`: it has a body, of which nothing was taken. */
void reject_keep(struct api *api, const struct http_request *request, int64_t source, struct slice name, enum rejection_reason reason,
                 bool unread, const char *why);

#endif
