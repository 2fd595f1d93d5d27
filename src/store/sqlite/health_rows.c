/* Rows of endpoints that fail. */
#include "store/health.h"
#include "store/sqlite/sqlite.h"

int sqlite_health_each(struct engine *engine, void (*each)(void *context, const struct health_record *record), void *context)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_HEALTH_ALL);
	int row;
	while ((row = sqlite_row(s, &run)) > 0) {
		const struct health_record record = {run_int_at(&run, 0), run_int_at(&run, 1), run_int_at(&run, 2), run_int_at(&run, 3)};
		each(context, &record);
	}
	return row;
}

int sqlite_health_put(struct engine *engine, const struct health_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_HEALTH_PUT);
	run_int(&run, 1, record->endpoint);
	run_int(&run, 2, record->since_ms);
	run_int(&run, 3, record->failed_ms);
	run_int(&run, 4, record->attempts);
	return sqlite_done(s, &run);
}

int sqlite_health_delete(struct engine *engine, int64_t endpoint)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_HEALTH_DELETE);
	run_int(&run, 1, endpoint);
	return sqlite_done(s, &run);
}
