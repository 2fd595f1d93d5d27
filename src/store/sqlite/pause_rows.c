/* The row of the hub's own pause. */
#include "store/sqlite/sqlite.h"

int sqlite_pause_get(struct engine *engine, struct pause_view *view)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_PAUSE_GET);
	int found = sqlite_row(s, &run);
	*view = (struct pause_view){.since_ms = 0};
	if (found > 0)
		*view = (struct pause_view){
		    .since_ms = run_int_at(&run, 0), .reason = (enum pause_reason)run_int_at(&run, 1), .backup_ms = run_int_at(&run, 2)};
	run_end(&run);
	return found;
}

int sqlite_pause_put(struct engine *engine, const struct pause_view *view)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, view->since_ms ? QUERY_PAUSE_PUT : QUERY_PAUSE_DELETE);
	if (view->since_ms) {
		run_int(&run, 1, view->since_ms);
		run_int(&run, 2, view->reason);
		run_int(&run, 3, view->backup_ms);
	}
	return sqlite_done(s, &run);
}
