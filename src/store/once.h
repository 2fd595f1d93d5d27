/* Requests that are carried out once, however often they are sent with the same Idempotency-Key.
 *
 * What is remembered is a row, and it is made by the writer *in the transaction of the change itself*: the key, a hash of what was
 * asked, and the change's result (id, whether it was made, what only its answer says: a secret, the deliveries of a resend). So after a kill -9 at any moment
 * either both are there or neither. A change whose key has a row already is not carried out: it ends as the first one did, with the
 * first one's result (`repeated`), from which the API builds the answer anew. When the answer has been built, a second small change
 * (CHANGE_ONCE_ANSWER) puts its bytes into the row, and from then on a repetition gets exactly those. Between the two a crash costs
 * only the wording: the answer then tells the thing as it is by that time, still with the first one's id and secret.
 *
 * Only what did well is remembered: an error leaves no row, and its key is free for another try. Both are sealed with
 * the master key. Rows are valid for the dedupe window; old ones are deleted in slices by the writer. */
#ifndef GRAPNEL_STORE_ONCE_H
#define GRAPNEL_STORE_ONCE_H

#include "store/engine.h"

struct tx;

enum once_found { ONCE_NEW, ONCE_REPEATED, ONCE_REUSED };

/* Longer answers are not kept: they are built anew. */
enum { ONCE_ANSWER_MAX = 256 * 1024 };

/* ---- The writer's thread, within a change ---- */

/* 1: it was carried out before and its out part is filled, 0: not yet, -1: KEY_REUSED, or the engine failed. */
int once_recall(struct tx *tx, struct store_change *change) ATTR_MUST_USE;
/* Remembers a change that did well. */
int once_keep(struct tx *tx, const struct store_change *change) ATTR_MUST_USE;
/* Deletes a slice of the rows that are out of the window: 1: there may be more of them, 0: no; `any`: whether rows are left. */
int once_sweep(struct tx *tx, bool *any) ATTR_MUST_USE;

#endif
