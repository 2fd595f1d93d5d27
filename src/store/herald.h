/* The herald: tells what happens to the hub, as operational events (model/operational.def). What is a fact of the store is told in the
 * transaction that makes it so: it is noted there, and published like any event before the commit.
 *
 * Whom it reaches: the operator's endpoints (those without a subscriber), and, when it is about a subscriber's endpoint, those of that
 * subscriber. As an event is for one audience, the subscriber's is another one, which is made only if somebody of his listens.
 *
 * It never feeds itself: nothing is told to the endpoint that it is about, and no death of an operational event is told. It never
 * amplifies: deaths at one endpoint are told at once, but then not again for an interval. What dies meanwhile is counted in rows ("tolls"),
 * written in the transaction of the deaths, and told together afterwards, also after a crash. So a million deliveries that die cost a
 * row's update for each slice of them.
 *
 * Owned by the writer's thread. */
#ifndef GRAPNEL_STORE_HERALD_H
#define GRAPNEL_STORE_HERALD_H

#include "model/operational.h"
#include "store/engine.h"

struct tx;
struct type_counts;
struct herald;

/* NULL when nothing is to be told: then the functions below do nothing. */
struct herald *herald_new(const struct store_config *config);
void herald_free(struct herald *herald);
/* Other values of the options; NULL is allowed. */
void herald_tune(struct herald *herald, int64_t interval_ms, int64_t failing_after);
/* In the first transaction: describes the types, finds what was left to be told. */
int herald_load(struct tx *tx) ATTR_MUST_USE;

/* ---- In an open transaction ---- */

/* Notes a fact about an endpoint; takes `more`, the members of its data beside `endpoint` and `at`, and `outside`, what its subscriber
 * is told instead of them (NULL: the same). */
void herald_endpoint(struct tx *tx, enum operational what, const struct endpoint *endpoint, json_t *more, json_t *outside);
/* A delivery died. */
int herald_death(struct tx *tx, const struct due *due, enum delivery_reason reason, int64_t subscriber) ATTR_MUST_USE;
/* The same of an outcome, if it was one. */
int herald_outcome(struct tx *tx, const struct outcome *outcome) ATTR_MUST_USE;
/* A source's request was refused, or verified. */
int herald_refused(struct tx *tx, const struct rejection *rejection) ATTR_MUST_USE;
int herald_verified(struct tx *tx, int64_t source) ATTR_MUST_USE;

/* What is noted so far, and forgetting what was noted since: of a savepoint that is rolled back. */
size_t herald_mark(const struct tx *tx);
void herald_back(struct tx *tx, size_t mark);
/* Before the commit: publishes what was noted. */
int herald_publish(struct tx *tx) ATTR_MUST_USE;
/* After it, or after a rollback. */
void herald_end(struct herald *herald, bool committed, struct type_counts *counts);

/* ---- Deaths that wait to be told of ---- */

/* When herald_slice() has something to do: monotonic, INT64_MAX: never. */
int64_t herald_due_us(const struct herald *herald);
/* Notes those whose interval is over. */
int herald_slice(struct tx *tx) ATTR_MUST_USE;

#endif
