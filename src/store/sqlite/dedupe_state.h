/* How the SQLite engine keeps dedupe keys (store/dedupe.h). A key takes this way:
 *
 *	young	in memory, and in the log: one row for each batch, in the order of commits
 *	frozen	when there are enough of the young: as before, while a run is written of them
 *	run	their buckets, one row each in the order of the key's range; a filter in memory, and stored
 *
 * Everything is written in sequence: a random key never changes a page of its own, and a new one reads hardly any. The work rides in the
 * transactions of publishing, in proportion: for each new key two frozen ones go to their run, and of what is over (the log of a
 * whole run; a run after its window, or beyond the greatest number of keys) as much is deleted. So no commit has much of it, none
 * is made for it, and it keeps up. What is being done stands in the rows; a start continues. A rollback forgets the memory, which is read
 * again.
 *
 * Keys of before this form are in two tables, which are read until their window is over. */
#ifndef GRAPNEL_STORE_SQLITE_DEDUPE_STATE_H
#define GRAPNEL_STORE_SQLITE_DEDUPE_STATE_H

#include "store/dedupe_filter.h"
#include "store/dedupe_recent.h"

enum dedupe_run_state { DEDUPE_RUN_BUILDING, DEDUPE_RUN_WHOLE, DEDUPE_RUN_DROPPED };

struct dedupe_run {
	int64_t id;
	enum dedupe_run_state state;
	int64_t last_seq, keys, buckets, newest_ms;
	int filter;
};

struct dedupe_store {
	bool known; /* what follows is what is stored, and in the open transaction */
	bool dirty; /* the open transaction changed it */
	struct dedupe_recent young;
	size_t logged; /* of the young */
	int64_t seq;   /* the log's last row */

	struct dedupe_recent frozen;
	struct dedupe_run building; /* id 0: none */
	struct dedupe_order order;
	int64_t built;   /* buckets */
	uint8_t *filter; /* of those; NULL: there is no memory, it is done without */

	/* Whole ones and ones being deleted, oldest first. */
	struct dedupe_run *runs;
	size_t runs_len, runs_cap;
	int64_t keys; /* of the whole ones */
	struct dedupe_filters filters;

	int64_t log_first, log_over; /* rows from, to: in a run already */
	int64_t deleted;             /* buckets of the oldest run */

	bool tables;       /* of before: they are not empty */
	int64_t tables_ms; /* none of their keys is newer; 0: not known yet */
};

void dedupe_store_free(struct dedupe_store *d);

#endif
