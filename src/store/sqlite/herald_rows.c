/* Rows of deaths that wait to be told of, and of sources that fail. */
#include "store/sqlite/sqlite.h"

int sqlite_toll_add(struct engine *engine, int64_t endpoint, enum delivery_reason reason, const struct toll_part *part)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_TOLL_ADD);
	run_int(&run, 1, endpoint);
	run_int(&run, 2, reason);
	run_int(&run, 3, part->subscriber);
	run_int(&run, 4, part->deaths);
	run_int(&run, 5, part->since_ms);
	run_int(&run, 6, part->until_ms);
	run_int(&run, 7, part->delivery);
	return sqlite_done(s, &run);
}

int sqlite_tolls_take(struct engine *engine, int64_t endpoint, struct toll_part parts[REASONS])
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_TOLLS_GET);
	int row;
	run_int(&run, 1, endpoint);
	while ((row = sqlite_row(s, &run)) > 0) {
		int64_t reason = run_int_at(&run, 0);
		if (reason > 0 && reason < REASONS)
			parts[reason] = (struct toll_part){
			    .subscriber = run_int_at(&run, 1),
			    .deaths = run_int_at(&run, 2),
			    .since_ms = run_int_at(&run, 3),
			    .until_ms = run_int_at(&run, 4),
			    .delivery = run_int_at(&run, 5),
			};
	}
	if (row < 0)
		return -1;
	run = db_run(&s->db, QUERY_TOLLS_DELETE);
	run_int(&run, 1, endpoint);
	return sqlite_done(s, &run);
}

int sqlite_tolls_after(struct engine *engine, int64_t after, int64_t *endpoint)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_TOLLS_ENDPOINT_AFTER);
	run_int(&run, 1, after);
	return sqlite_value(s, &run, endpoint);
}

int sqlite_failing_put(struct engine *engine, int64_t source, int64_t since_ms)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_FAILING_PUT);
	run_int(&run, 1, source);
	run_int(&run, 2, since_ms);
	return sqlite_done(s, &run);
}

int sqlite_failing_delete(struct engine *engine, int64_t source)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_FAILING_DELETE);
	run_int(&run, 1, source);
	return sqlite_done(s, &run);
}

int sqlite_failing_after(struct engine *engine, int64_t after, int64_t *source)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_FAILING_AFTER);
	run_int(&run, 1, after);
	return sqlite_value(s, &run, source);
}
