/* The work on dedupe keys: dedupe_state.h tells their way. */
#ifndef GRAPNEL_STORE_SQLITE_DEDUPE_RUNS_H
#define GRAPNEL_STORE_SQLITE_DEDUPE_RUNS_H

#include "store/sqlite/sqlite.h"

/* The row of a run's bucket. */
static inline int64_t dedupe_bucket_id(const struct dedupe_run *run, int64_t bucket)
{
	return run->id * (INT64_C(1) << 32) + bucket;
}

/* Reads what a start needs: the log's tail and the filters. */
int dedupe_load(struct sqlite *s) ATTR_MUST_USE;
/* After the batch's new keys were added to the young: writes them to the log, and does the share of work that is due. */
int dedupe_write(struct sqlite *s) ATTR_MUST_USE;

#endif
