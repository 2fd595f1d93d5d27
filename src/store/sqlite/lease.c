/* Leases of shards: SQLite has one node, which takes them all at each start, in a new epoch. */
#include "store/sqlite/sqlite.h"

int lease_take(struct sqlite *s)
{
	struct run run = db_run(&s->db, QUERY_LEASES_TAKE);
	run_int(&run, 1, s->base.env->node);
	if (run_done(&run))
		return -1;
	run = db_run(&s->db, QUERY_LEASES_LIST);
	int row;
	while ((row = run_row(&run)) > 0) {
		int64_t shard = run_int_at(&run, 0);
		if (shard >= 0 && shard < ENGINE_SHARDS)
			s->epochs[shard] = run_int_at(&run, 1);
	}
	return row;
}

int64_t sqlite_epoch(struct engine *engine, int64_t endpoint)
{
	return sqlite_of(engine)->epochs[engine_shard(endpoint)];
}
