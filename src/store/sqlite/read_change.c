/* Reading the audit, event types, and what requests were answered. */
#include "base/id.h"
#include "store/sqlite/reader.h"

/* ---- The audit ---- */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Ids follow the order of commits, times the wall clock: a clock that was set back makes them part by this much without a row being
 * missed. */
enum { CLOCK_SLACK_MS = 3600000 };

static struct run audit_run(struct sqlite_reader *r, const struct audit_filter *filter, const struct page *page)
{
	int64_t low = filter->since_ms ? id_floor_of_time(filter->since_ms) - 1 : 0;
	int64_t high = filter->until_ms ? id_floor_of_time(filter->until_ms + CLOCK_SLACK_MS) : INT64_MAX;
	int64_t after = pager_after_id(page);
	struct run run;
	if (filter->resource.at)
		run = db_run(&r->db, page->ascending ? QUERY_AUDIT_OF_RESOURCE_ASC : QUERY_AUDIT_OF_RESOURCE_DESC);
	else if (filter->actor.at)
		run = db_run(&r->db, page->ascending ? QUERY_AUDIT_OF_ACTOR_ASC : QUERY_AUDIT_OF_ACTOR_DESC);
	else
		run = db_run(&r->db, page->ascending ? QUERY_AUDIT_ASC : QUERY_AUDIT_DESC);
	run_int(&run, 1, page->ascending ? larger(low, after) : low);
	run_int(&run, 2, page->ascending ? high : smaller(high, after));
	if (filter->resource.at || filter->actor.at)
		run_text(&run, 3, filter->resource.at ? filter->resource : filter->actor);
	return run;
}

static bool audit_matches(const struct audit_filter *filter, const struct audit_row *row)
{
	return (!filter->since_ms || row->at_ms >= filter->since_ms) && (!filter->until_ms || row->at_ms < filter->until_ms) &&
	       (!filter->actor.at || slice_equal(filter->actor, row->actor)) &&
	       (!filter->action.at || slice_equal(filter->action, row->action)) &&
	       (!filter->resource.at || slice_equal(filter->resource, row->resource));
}

int sqlite_read_audit(struct store_reader *base, const struct audit_filter *filter, struct page *page,
                      int (*row)(void *, const struct audit_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = audit_run(r, filter, page);
	int found;
	while ((found = run_row(&run)) > 0) {
		struct audit_row audit;
		rows_audit(&run, &audit);
		if (!audit_matches(filter, &audit)) {
			if (pager_late(&pager, audit.id, audit.id, audit.at_ms))
				break;
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, audit.id, audit.id);
		if (row(context, &audit))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}

/* ---- Event types ---- */

int sqlite_read_event_types(struct store_reader *base, struct page *page, bool described, int (*row)(void *, const struct event_type_row *),
                            void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_EVENT_TYPES_ASC : QUERY_EVENT_TYPES_DESC);
	int found = 0, said = 0;
	run_int(&run, 1, pager_after_id(page));
	while (said == 0 && (found = run_row(&run)) > 0) {
		struct event_type_row type;
		if (rows_event_type(&run, &type)) {
			said = -1;
		} else if (described && !type.doc) {
			said = pager_late(&pager, type.id, type.id, id_time_ms(type.id));
		} else if (pager_full(&pager)) {
			said = 1;
		} else {
			pager_gave(&pager, type.id, type.id);
			said = row(context, &type) ? 1 : 0;
		}
		json_decref(type.doc);
	}
	run_end(&run);
	return found < 0 || said < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_event_type(struct store_reader *base, struct slice type, int (*row)(void *, const struct event_type_row *), void *context,
                           struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_EVENT_TYPE_GET);
	struct event_type_row read = {.doc = NULL};
	run_text(&run, 1, type);
	int found = run_row(&run);
	if (found > 0 && rows_event_type(&run, &read))
		found = -1;
	if (found > 0)
		(void)row(context, &read); /* there is no further one to stop at */
	json_decref(read.doc);
	run_end(&run);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "event type");
}

/* ---- Requests that are carried out once ---- */

int sqlite_read_once(struct store_reader *base, const struct once *once, struct once_record *record, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_ONCE_GET);
	run_blob(&run, 1, once->key, sizeof once->key);
	int found = run_row(&run);
	if (found > 0 && rows_once(&run, record))
		found = -1;
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : found;
}
