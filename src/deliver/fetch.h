/* Documents that a scheme asks for: certificates, and the confirmation of a subscription. One thread of its own, all of them at the same time, so
 * that a server which does not answer holds up nobody else, with libcurl: GET, no redirect, a deadline, a bound of bytes. Every address is
 * judged by egress.h. Certificates are kept for an hour. Which URL may be asked for is the scheme's decision. */
#ifndef GRAPNEL_DELIVER_FETCH_H
#define GRAPNEL_DELIVER_FETCH_H

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/inbox.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "deliver/egress.h"

enum { FETCH_BYTES_MAX = 256 * 1024, FETCH_TIMEOUT_MS = 8000, FETCH_QUEUE_MAX = 64 };

struct fetch {
	struct inbox_node node;
	/* in */
	struct slice url; /* borrowed until done() */
	bool keep;        /* a copy that is not older than an hour will do */
	void (*done)(struct fetch *fetch);
	void *context;
	/* out */
	bool ok;            /* 2xx */
	struct strbuf body; /* whoever gets it frees it */
	char why[200];      /* not ok: for the admin */
};

struct fetch_config {
	const struct egress *egress;
	const char *dns_servers; /* resolver.h */
	const struct clock *clock;
	const char *authorities; /* a file of PEM certificates that are trusted; NULL: libcurl's own */
	int timeout_ms;          /* 0: FETCH_TIMEOUT_MS */
};

struct fetcher;
/* The config is copied, what it points to is borrowed. */
struct fetcher *fetcher_start(const struct fetch_config *config, struct err *err) ATTR_MUST_USE;
/* done() is called on the fetcher's thread. -1: too many wait, or it stops: nothing was taken. Any thread. */
int fetcher_get(struct fetcher *fetcher, struct fetch *fetch) ATTR_MUST_USE;
/* Ends what is under way as failed, and the thread. NULL is allowed. */
void fetcher_stop(struct fetcher *fetcher);

#endif
