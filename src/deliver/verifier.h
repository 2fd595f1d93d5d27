/* The verifier: asks endpoints that are to be verified whether they take what is sent to them (handshake.h), and lets the store know.
 * What is to be asked is a fact of the store (model/endpoint.h: pending), so nothing is lost by a crash. At most so many are asked at a
 * time, and few of one subscriber's, so that those that never answer delay no others. Functions may be called by any thread. */
#ifndef GRAPNEL_DELIVER_VERIFIER_H
#define GRAPNEL_DELIVER_VERIFIER_H

#include "deliver/deliver.h"

enum { VERIFIER_AT_ONCE = 64, VERIFIER_OF_ONE = 8 /* subscriber */ };

struct verifier;
/* What is passed is borrowed; `origin` is WebHook-Request-Origin. */
struct verifier *verifier_new(struct store *store, struct deliver *deliver, const struct clock *clock, const char *origin);
/* An endpoint as it is now, after a change or at the start: asked when it is pending and the question is not under way. */
void verifier_endpoint(struct verifier *verifier, struct endpoint *endpoint);
/* From here on nothing is asked; what is under way stays pending. Before deliver_stop(). NULL is allowed. */
void verifier_quiesce(struct verifier *verifier);
/* After deliver_stop() and store_stop(). NULL is allowed. */
void verifier_free(struct verifier *verifier);

#endif
