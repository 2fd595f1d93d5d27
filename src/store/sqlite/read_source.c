/* Reading sources, and what they refused. */
#include "base/id.h"
#include "base/log.h"
#include "store/filter.h"
#include "store/sqlite/reader.h"

/* ---- Sources ---- */

/* 0 or 1 as `row` said, -1 when the connection failed. */
static int give(struct sqlite_reader *r, const struct run *run, int (*row)(void *, const struct document_row *), void *context)
{
	struct source_record record;
	struct err why = {0};
	if (rows_source(run, &record))
		return -1;
	struct source *source = source_parse(record.doc, &record.meta, record.secrets, record.secrets_len, &why);
	int said = -1;
	if (source) {
		struct document_row document = {.id = record.meta.id,
		                                .version = record.meta.version,
		                                .created_ms = record.meta.created_ms,
		                                .updated_ms = record.meta.updated_ms,
		                                .doc = record.doc,
		                                .source = source};
		said = row(context, &document) ? 1 : 0;
	} else {
		log_error("store", "the stored source %lld is not valid: %s", (long long)record.meta.id, why.detail);
		rows_bad_document(&r->db);
	}
	source_unref(source);
	source_record_clear(&record);
	return said;
}

static bool source_matches(const struct source_filter *filter, const struct run *run)
{
	if (filter->q.len == 0 && !filter->scheme.at)
		return true;
	struct slice text = run_text_at(run, 5);
	json_t *doc = text.at ? json_loadb(text.at, text.len, 0, NULL) : NULL;
	const char *scheme = json_string_value(json_object_get(doc, "scheme"));
	bool fits = (filter->q.len == 0 || filter_finds_member(filter->q, doc, "uid description")) &&
	            (!filter->scheme.at || slice_is(filter->scheme, scheme ? scheme : ""));
	json_decref(doc);
	return fits;
}

int sqlite_read_sources(struct store_reader *base, const struct source_filter *filter, struct page *page,
                        int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_SOURCES_ASC : QUERY_SOURCES_DESC);
	int said = 0, found = 0;
	run_int(&run, 1, pager_after_id(page));
	while (said == 0 && (found = run_row(&run)) > 0) {
		int64_t id = run_int_at(&run, 0);
		if (!source_matches(filter, &run)) {
			said = pager_late(&pager, id, id, id_time_ms(id));
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, id, id);
		said = give(r, &run, row, context);
	}
	run_end(&run);
	return found < 0 || said < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_source(struct store_reader *base, int64_t id, int (*row)(void *, const struct document_row *), void *context,
                       struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_SOURCE_GET);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found > 0 && give(r, &run, row, context) < 0)
		found = -1;
	run_end(&run);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "source");
}

/* ---- Rejections ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A rejection is written a little later than it happened: its id, which is of its writing, is looked for further. */
enum { WRITING_SLACK_MS = 600000 };

static struct run rejections_run(struct sqlite_reader *r, const struct rejection_filter *filter, const struct page *page)
{
	int64_t low = filter->since_ms ? id_floor_of_time(filter->since_ms) - 1 : 0;
	int64_t high = filter->until_ms ? id_floor_of_time(filter->until_ms + WRITING_SLACK_MS) : INT64_MAX;
	int64_t after = pager_after_id(page);
	struct run run;
	if (filter->by_source)
		run = db_run(&r->db, page->ascending ? QUERY_REJECTIONS_OF_SOURCE_ASC : QUERY_REJECTIONS_OF_SOURCE_DESC);
	else
		run = db_run(&r->db, page->ascending ? QUERY_REJECTIONS_ASC : QUERY_REJECTIONS_DESC);
	run_int(&run, 1, page->ascending ? later(low, after) : low);
	run_int(&run, 2, page->ascending ? high : earlier(high, after));
	if (filter->by_source)
		run_int(&run, 3, filter->source);
	return run;
}

static bool rejection_matches(const struct rejection_filter *filter, const struct rejection_row *row)
{
	return (!filter->since_ms || row->at_ms >= filter->since_ms) && (!filter->until_ms || row->at_ms < filter->until_ms) &&
	       (!filter->reason.at || slice_equal(filter->reason, row->reason)) &&
	       (!filter->remote.at || slice_equal(filter->remote, row->remote)) && (!filter->pending || row->event == 0);
}

int sqlite_read_rejections(struct store_reader *base, const struct rejection_filter *filter, struct page *page,
                           int (*row)(void *, const struct rejection_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = rejections_run(r, filter, page);
	int found;
	while ((found = run_row(&run)) > 0) {
		struct rejection_row rejection;
		rows_rejection(&run, &rejection);
		if (!rejection_matches(filter, &rejection)) {
			if (pager_late(&pager, rejection.id, rejection.id, rejection.at_ms))
				break;
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, rejection.id, rejection.id);
		if (row(context, &rejection))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_rejection(struct store_reader *base, int64_t id, int (*row)(void *, const struct rejection_row *), void *context,
                          struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_REJECTION_GET);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found < 0)
		return reader_failed(r, err);
	if (found == 0)
		return reader_not_found(err, "rejection");
	struct rejection_row rejection;
	rows_rejection(&run, &rejection);
	rejection.head = run_blob_at(&run, 12);
	rejection.body = run_blob_at(&run, 13);
	(void)row(context, &rejection); /* there is no further one to stop at */
	run_end(&run);
	return 0;
}
