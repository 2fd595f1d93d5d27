/* Erasure: what an event said, and what endpoints answered to it, goes for good; that the event was, and what became of it, stays.
 *
 * Of an event go data, CloudEvents attributes, attributes, subject, ordering key and tracestate; of its deliveries the order key and the last
 * error; of their attempts the captured response and the error. There stay ids, uid, type, subscriber, source, times, traceparent, states and
 * counts, and in the dedupe the hash of the content until its window is over: without it a repeated publish would bring everything back.
 *
 * The bytes are overwritten in the file (engine ops wipe and scrub), not only forgotten. What has not ended must be ended first: an
 * erased event is never sent again. */
#ifndef GRAPNEL_STORE_ERASE_H
#define GRAPNEL_STORE_ERASE_H

#include "store/engine.h"

struct tx;

/* A walk by id over what is somebody's; columns that lists read without payloads. */
enum erase_what { ERASE_EVENTS /* that are not erased yet; the hub's own of its endpoints, too */, ERASE_DELIVERIES, ERASE_AUDIT /* rows with documents */ };
enum { ERASE_HITS = 100 };
struct erase_walk {
	enum erase_what what;
	int64_t subscriber;
	int64_t deadline_us; /* monotonic */
	int64_t after_id;    /* in: where it starts; out: the last row that was looked at */
	/* out */
	int len;
	int64_t ids[ERASE_HITS];
	bool ended;
};

/* 0, or -1 with PAYLOAD_ERASED (or the engine's fault): an erased event is not sent again. */
int erase_refuses(struct tx *tx, struct store_change *change, int64_t event) ATTR_MUST_USE;
/* Begins the erasure of a subscriber that is about to go. */
int erase_begin(struct tx *tx, struct store_change *change, int64_t subscriber) ATTR_MUST_USE;
/* One slice of OPERATION_ERASE. */
int erase_slice(struct tx *tx, struct operation_record *record, bool *finished) ATTR_MUST_USE;

#endif
