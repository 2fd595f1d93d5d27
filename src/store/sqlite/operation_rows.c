/* Rows of operations. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

int sqlite_operation_get(struct engine *engine, int64_t id, struct operation_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_OPERATION_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0) {
		rows_operation(&run, record);
		record->filter = mem_text_of(run_text_at(&run, 13));
	}
	run_end(&run);
	return found;
}

int sqlite_operation_open_after(struct engine *engine, int64_t id, int64_t *next)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_OPERATION_OPEN_AFTER);
	run_int(&run, 1, id);
	return sqlite_value(s, &run, next);
}

int sqlite_operation_insert(struct engine *engine, const struct operation_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_OPERATION_INSERT);
	run_int(&run, 1, record->id);
	run_int(&run, 2, record->kind);
	run_int(&run, 3, record->subscriber);
	run_int(&run, 4, record->endpoint);
	run_int(&run, 5, record->started_ms);
	run_int(&run, 6, record->max_id);
	run_int(&run, 7, record->total);
	run_text(&run, 8, slice_of(record->filter));
	return sqlite_done(s, &run);
}

int sqlite_operation_progress(struct engine *engine, const struct operation_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_OPERATION_PROGRESS);
	run_int(&run, 1, record->id);
	run_int(&run, 2, record->ended_ms);
	run_int(&run, 3, record->cursor_key);
	run_int(&run, 4, record->cursor_id);
	run_int(&run, 5, record->done);
	run_int(&run, 6, record->skipped);
	run_int(&run, 7, record->total);
	run_int(&run, 8, record->cancelled);
	return sqlite_done(s, &run);
}
