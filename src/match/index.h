/* The index of endpoints: what an event's type and subscriber select, and the look-up of endpoints and subscribers by id and
 * uid. Changed by the writer's thread after its commits, entry by entry; read by any thread under the index's read lock. (A
 * copy swapped by pointer would cost a rebuild of all endpoints at every change.) The version grows with every change, so
 * that the writer knows whether what a publisher's thread matched is still true. */
#ifndef GRAPNEL_MATCH_INDEX_H
#define GRAPNEL_MATCH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "model/endpoint.h"

struct index;

struct index *index_new(void);
void index_free(struct index *index);

/* Whom an event is for. */
enum audience { AUDIENCE_UNOWNED /* endpoints without a subscriber */, AUDIENCE_SUBSCRIBER, AUDIENCE_EVERYONE };

/* The selected endpoints, sorted by id; each holds a reference. Active and paused ones: disabled ones get no deliveries. */
struct index_targets {
	struct endpoint **at;
	size_t len;
	uint64_t version;
};

/* Any thread. Replaces what `targets` held (and drops its references). 0, or -1 when memory is out. */
int index_match(struct index *index, struct slice type, enum audience audience, int64_t subscriber, struct index_targets *targets)
    ATTR_MUST_USE;
/* How many endpoints AUDIENCE_EVERYONE would select. */
size_t index_count_everyone(struct index *index, struct slice type);
void index_targets_clear(struct index_targets *targets); /* drops references and memory */
uint64_t index_version(struct index *index);

/* Any thread. A reference, or NULL. Deleted endpoints are not found. */
struct endpoint *index_endpoint(struct index *index, int64_t id);
/* By the caller's uid: of `subscriber` (0: without one). With `any`, the one without a subscriber, else of whichever subscriber:
 * *ambiguous is set when several have it. So no subscriber can make a name of the operator's own ambiguous. */
struct endpoint *index_endpoint_by_uid(struct index *index, struct slice uid, int64_t subscriber, bool any, bool *ambiguous);
/* The subscriber's id by uid, 0 when there is none; whether an id exists; its uid (copied; false: it has none). */
int64_t index_subscriber_by_uid(struct index *index, struct slice uid);
bool index_subscriber_exists(struct index *index, int64_t id);
bool index_subscriber_uid(struct index *index, int64_t id, char *out, size_t out_size);

/* The writer's thread, after the commit. Takes its own reference. An endpoint of status DELETED is removed. */
void index_put_endpoint(struct index *index, struct endpoint *endpoint);
void index_put_subscriber(struct index *index, int64_t id, const char *uid /* NULL: none */);
void index_remove_subscriber(struct index *index, int64_t id);

/* How many endpoints have each status. */
void index_count_status(struct index *index, size_t counts[ENDPOINT_DELETED]);
/* Calls `visit` for each endpoint, under the read lock; for start-up. */
void index_each_endpoint(struct index *index, void (*visit)(struct endpoint *endpoint, void *context), void *context);

#endif
