/* Health: which endpoints have failed since their last success, for how long and how often, so that one that has failed for
 * disable.after is disabled. Kept in memory by the writer's thread, which sees every outcome after its commit; written rarely and never
 * with a delivery: a row when an endpoint has failed for a minute, then at most every ten minutes, deleted a second after a success.
 * What a crash loses delays a disabling by as much and never hastens one by more than that second.
 *
 * Time is counted by the monotonic clock, while the hub runs: a wall clock that jumps, or a hub that was stopped for a week, disables
 * nobody. A change of the endpoint's status by anybody begins it anew. */
#ifndef GRAPNEL_STORE_HEALTH_H
#define GRAPNEL_STORE_HEALTH_H

#include "base/idmap.h"
#include "store/store.h"

struct tx;
struct engine;

enum { HEALTH_SLICE = 500 }; /* rows that are written at a time */

struct health_record {
	int64_t endpoint;
	int64_t since_ms;  /* wall: the first failure */
	int64_t failed_ms; /* for so long */
	int64_t attempts;  /* that failed */
};

/* {0} is empty. */
struct health {
	struct idmap failing; /* endpoint → struct failing * */
	int64_t write_us;     /* monotonic: when there may be rows to write; 0: there are none */
};

int health_load(struct health *health, struct engine *engine, int64_t now_us) ATTR_MUST_USE;
void health_free(struct health *health);
/* After the commit of an outcome. True: the endpoint has failed for after_ms (0: never true) and in so many attempts. */
bool health_learn(struct health *health, const struct outcome *outcome, int64_t after_ms, int64_t attempts, const struct clock *clock);
/* Whether its last attempt failed, as far as is known. */
bool health_failing(const struct health *health, int64_t endpoint);
/* Begins anew. */
void health_forget(struct health *health, int64_t endpoint, int64_t now_us);
void health_forget_all(struct health *health, int64_t now_us);
/* Writes what is to be written by now, HEALTH_SLICE rows at most; `all`: whatever is not stored as it is. 1: there is more, 0, -1: the
 * engine failed. */
int health_write(struct health *health, struct tx *tx, bool all, int64_t now_us) ATTR_MUST_USE;

#endif
