/* A worker: one thread with its curl multi handle, its resolver, its reader and its signers. All but the functions below is owned
 * by that thread. */
#ifndef GRAPNEL_DELIVER_WORKER_H
#define GRAPNEL_DELIVER_WORKER_H

#include "deliver/deliver.h"

struct worker;
struct worker *worker_start(const struct deliver_config *config, struct err *err) ATTR_MUST_USE;
void worker_post(struct worker *worker, struct job *job); /* any thread */
/* Asks it to end, and waits until it has. So that several end at the same time, ask all first. */
void worker_ask_stop(struct worker *worker);
void worker_join(struct worker *worker); /* frees it. NULL is allowed */

#endif
