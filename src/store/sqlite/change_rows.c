/* Rows of the audit, of requests that are carried out once, and of event types. */
#include <stdlib.h>

#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

int sqlite_audit_insert(struct engine *engine, const struct audit_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_AUDIT_INSERT);
	run_int(&run, 1, record->id);
	run_int(&run, 2, record->at_ms);
	run_int(&run, 3, record->subscriber);
	run_text(&run, 4, record->actor);
	run_text(&run, 5, record->actor_name);
	run_text(&run, 6, record->address);
	run_text(&run, 7, record->request_id);
	run_text(&run, 8, record->action);
	run_text(&run, 9, record->resource);
	run_text(&run, 10, record->before);
	run_text(&run, 11, record->after);
	return sqlite_done(s, &run);
}

/* ---- Requests that are carried out once ---- */

int sqlite_once_get(struct engine *engine, const struct once *once, struct once_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ONCE_GET);
	run_blob(&run, 1, once->key, sizeof once->key);
	int found = sqlite_row(s, &run);
	if (found > 0 && rows_once(&run, record))
		found = sqlite_failed(s);
	if (found > 0)
		memcpy(record->once.key, once->key, sizeof once->key);
	run_end(&run);
	return found;
}

int sqlite_once_put(struct engine *engine, const struct once_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ONCE_PUT);
	run_blob(&run, 1, record->once.key, sizeof record->once.key);
	run_blob(&run, 2, record->once.content, sizeof record->once.content);
	run_int(&run, 3, record->at_ms);
	run_int(&run, 4, record->result);
	run_int(&run, 5, record->created);
	run_blob(&run, 6, record->detail, record->detail_len);
	run_blob(&run, 7, record->answer, record->answer_len);
	return sqlite_done(s, &run);
}

static int once_delete(struct sqlite *s, int64_t id)
{
	struct run run = db_run(&s->db, QUERY_ONCE_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

/* The oldest one that is out of date: 1 and it, 0, -1. */
static int once_oldest(struct sqlite *s, int64_t until_ms, int64_t *id)
{
	struct run run = db_run(&s->db, QUERY_ONCE_OLDEST);
	run_int(&run, 1, until_ms);
	return sqlite_value(s, &run, id);
}

int sqlite_once_sweep(struct engine *engine, int64_t until_ms, int max, bool *any)
{
	struct sqlite *s = sqlite_of(engine);
	int deleted = 0, found = 1;
	int64_t id, one;
	while (deleted < max && (found = once_oldest(s, until_ms, &id)) > 0) {
		if (once_delete(s, id))
			return -1;
		deleted++;
	}
	struct run run = db_run(&s->db, QUERY_ONCE_ANY);
	int left = found < 0 ? -1 : sqlite_value(s, &run, &one);
	*any = left > 0;
	return left < 0 ? -1 : deleted;
}

/* ---- Event types ---- */

int sqlite_event_type_get(struct engine *engine, struct slice type, struct event_type_row *row)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_TYPE_GET);
	run_text(&run, 1, type);
	int found = sqlite_row(s, &run);
	if (found > 0 && rows_event_type(&run, row))
		found = sqlite_failed(s);
	if (found > 0)
		row->type = type; /* the row's own is gone with it */
	run_end(&run);
	return found;
}

int sqlite_event_type_put(struct engine *engine, const struct event_type_row *row)
{
	struct sqlite *s = sqlite_of(engine);
	char *text = row->doc ? json_dumps(row->doc, JSON_COMPACT) : NULL;
	if (row->doc && !text) {
		db_failed(&s->db, SQLITE_NOMEM);
		return sqlite_failed(s);
	}
	struct run run = db_run(&s->db, QUERY_EVENT_TYPE_PUT);
	run_int(&run, 1, row->id);
	run_text(&run, 2, row->type);
	run_int(&run, 3, row->count);
	run_int(&run, 4, row->first_seen_ms);
	run_int(&run, 5, row->last_seen_ms);
	run_text(&run, 6, slice_of(text));
	run_int(&run, 7, row->updated_ms);
	int result = sqlite_done(s, &run);
	free(text);
	return result;
}

int sqlite_event_type_delete(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_TYPE_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_event_types_number(struct engine *engine, int64_t *number)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EVENT_TYPES_NUMBER);
	return sqlite_value(s, &run, number) < 0 ? -1 : 0;
}
