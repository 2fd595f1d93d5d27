/* Whom a publish reaches at the moment it is stored: shared by the engines. */
#ifndef GRAPNEL_STORE_PLAN_H
#define GRAPNEL_STORE_PLAN_H

#include "store/engine.h"

struct plan {
	struct endpoint **at; /* borrowed from the item's targets, or &only */
	size_t len;
	struct endpoint *only; /* a reference, or NULL */
};

/* `version` is the index's now. NONE, or why this item cannot be stored. Sets item->everyone. The plan is only valid at its address. */
enum err_code plan_make(const struct engine_env *env, struct publish_item *item, uint64_t version, struct plan *plan);
void plan_clear(struct plan *plan);

/* The key that orders a delivery of the event at the endpoint: {NULL, 0} when it is not ordered, empty when it names no key. */
struct slice plan_order_key(const struct endpoint *endpoint, const struct event *event);

#endif
