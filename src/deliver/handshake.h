/* A handshake: the one request that an endpoint gets before it is verified, and what its answer says. It goes the way of a delivery's job
 * through a worker, with the same guards, but belongs to no delivery: nothing of it is stored, and the scheduler does not know of it.
 *
 * cloudevents  OPTIONS with WebHook-Request-Origin; WebHook-Allowed-Origin in the answer is the consent, whatever the status, and
 *              WebHook-Allowed-Rate the requests a minute (CloudEvents 1.0, HTTP 1.1 web hooks, 4)
 * challenge    an event grapnel.challenge, signed like any other; a 2xx whose body is the challenge, alone or as the member "challenge" of
 *              a JSON object. In the request it stands deeper, so that who reflects what is sent does not pass. */
#ifndef GRAPNEL_DELIVER_HANDSHAKE_H
#define GRAPNEL_DELIVER_HANDSHAKE_H

#include "base/id.h"
#include "schedule/job.h"

enum { CHALLENGE_TEXT_SIZE = 32 };

struct handshake {
	struct job job;
	/* in */
	enum verification_type type;
	int64_t serial;
	const char *origin; /* lives as long as who sends it */
	char id[ID_TEXT_SIZE]; /* in place of an event's: another one each time */
	char challenge[CHALLENGE_TEXT_SIZE];
	/* On a worker's thread, or who stops it; takes it over. `sent`: the job's outcome is set, and what the answer says. */
	void (*over)(struct handshake *handshake, bool sent);
	void *context;
	/* out */
	bool consent;
	int64_t allowed_per_minute; /* 0: any */
	char why[VERIFICATION_DETAIL_MAX]; /* there is no consent */
};

/* One for this endpoint, which is to be verified. NULL: memory is out. */
struct handshake *handshake_new(struct endpoint *endpoint, const char *origin, int64_t wall_ms) ATTR_MUST_USE;
void handshake_free(struct handshake *handshake);

struct exchange;
/* The answer is in, or there is none: fills the out part. */
void handshake_judge(struct exchange *exchange);

#endif
