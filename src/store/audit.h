/* The audit: one row for each thing that a change changed, written in the change's own transaction: who, what, and the thing before
 * and after as JSON. Secrets are never part of it: neither signing secrets nor the texts of keys are in these documents, and what else
 * may hold one (the values of an endpoint's own headers, its authentication) is replaced by a word.
 *
 * Each handler of a change notes what it does; one that finds that nothing is to be done (pausing what is paused) notes nothing. */
#ifndef GRAPNEL_STORE_AUDIT_H
#define GRAPNEL_STORE_AUDIT_H

#include "store/engine.h"

struct tx;

/* All return 0, or -1 with change->err or the engine's fault. A side that is NULL is "not there". The action is the change's
 * (audit_action). */

/* Before it is written: the engine still has the one before. `after` of a deleted one has the status DELETED. */
int audit_endpoint(struct tx *tx, struct store_change *change, const struct endpoint *after, const json_t *doc) ATTR_MUST_USE;
int audit_subscriber(struct tx *tx, struct store_change *change, int64_t id, const struct subscriber_record *after) ATTR_MUST_USE;
int audit_key(struct tx *tx, struct store_change *change, const struct key *before, const struct key *after) ATTR_MUST_USE;
int audit_admin(struct tx *tx, struct store_change *change, const struct admin *before, const struct admin *after) ATTR_MUST_USE;
int audit_delivery(struct tx *tx, struct store_change *change, const struct delivery_record *before, const struct delivery_record *after)
    ATTR_MUST_USE;
int audit_operation(struct tx *tx, struct store_change *change, const struct operation_record *before,
                    const struct operation_record *after) ATTR_MUST_USE;
/* Before it is written; `after` NULL: it is deleted. */
int audit_source(struct tx *tx, struct store_change *change, int64_t id, const struct source *after, const json_t *doc) ATTR_MUST_USE;
int audit_resend(struct tx *tx, struct store_change *change, int64_t subscriber) ATTR_MUST_USE;
/* Anything else: takes over both documents. `resource`: its public id or name. */
int audit_note(struct tx *tx, struct store_change *change, const char *action, const char *resource, int64_t subscriber, json_t *before,
               json_t *after) ATTR_MUST_USE;

#endif
