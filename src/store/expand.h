/* Fan-outs that are too large for one transaction. The event is committed with the endpoints that it matched, in parts; then, between
 * batches, the writer makes the deliveries, slice by slice, and takes out of the parts what it made in the same transaction: what is left
 * is the cursor. So a start after a crash goes on where it was, and nothing is made twice. Expansions are worked off in the order of
 * their events.
 *
 * An endpoint sees none of it: before anything happens to it that a delivery would have come before (it is changed, disabled, deleted; an
 * event is published to it in order, or sent to it again), those that it is still to get are made, in the order of their events. */
#ifndef GRAPNEL_STORE_EXPAND_H
#define GRAPNEL_STORE_EXPAND_H

#include "store/engine.h"

/* How many rows a transaction has; a full batch may go beyond by what its last event reaches, if that is little. */
enum { EXPAND_ROWS_MAX = 2000, EXPAND_ROWS_OVER = 250, EXPAND_TARGETS_MIN = 20 };

/* Whether an event that matched so many endpoints is to be expanded later: `rows` are in the transaction already. */
static inline bool expand_later(size_t rows, size_t targets)
{
	return targets > EXPAND_TARGETS_MIN && rows + targets > EXPAND_ROWS_MAX + EXPAND_ROWS_OVER;
}

/* Makes what this endpoint is still to get. To be called before anything that must come after it. */
int expand_endpoint(struct engine *engine, int64_t endpoint, struct news *news) ATTR_MUST_USE;
/* Takes the endpoint out of the part: whether it was there. */
bool expansion_take(struct expansion *part, int64_t endpoint);

#endif
