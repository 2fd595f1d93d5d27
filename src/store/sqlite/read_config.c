/* Reading subscribers, endpoints, keys and operations. */
#include "base/id.h"
#include "base/log.h"
#include "store/filter.h"
#include "store/sqlite/reader.h"

/* ---- Operations ---- */

static void operation_row_of(const struct run *run, struct operation_row *row)
{
	struct operation_record record;
	rows_operation(run, &record);
	*row = (struct operation_row){
	    .id = record.id,
	    .created_ms = record.started_ms,
	    .ended_ms = record.ended_ms,
	    .kind = record.kind,
	    .subscriber = record.subscriber,
	    .endpoint = record.endpoint,
	    .done = record.done,
	    .skipped = record.skipped,
	    .total = record.total,
	    .cancelled = record.cancelled,
	    .filter = run_text_at(run, 13),
	};
}

static bool operation_matches(const struct operation_filter *filter, const struct operation_row *row)
{
	enum operation_state state = row->cancelled ? OPERATION_CANCELLED : row->ended_ms ? OPERATION_DONE : OPERATION_RUNNING;
	return (filter->subscriber == 0 || filter->subscriber == row->subscriber) &&
	       (filter->state == OPERATION_ANY || filter->state == state);
}

int sqlite_read_operations(struct store_reader *base, const struct operation_filter *filter, struct page *page,
                           int (*row)(void *, const struct operation_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_OPERATIONS_ASC : QUERY_OPERATIONS_DESC);
	run_int(&run, 1, pager_after_id(page));
	int found;
	while ((found = run_row(&run)) > 0) {
		struct operation_row operation;
		operation_row_of(&run, &operation);
		if (!operation_matches(filter, &operation)) {
			if (pager_late(&pager, operation.id, operation.id, operation.created_ms))
				break;
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, operation.id, operation.id);
		if (row(context, &operation))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_operation(struct store_reader *base, int64_t id, int (*row)(void *, const struct operation_row *), void *context,
                          struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_OPERATION_GET);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found < 0)
		return reader_failed(r, err);
	if (found == 0)
		return reader_not_found(err, "operation");
	struct operation_row operation;
	operation_row_of(&run, &operation);
	(void)row(context, &operation); /* there is no further one to stop at */
	run_end(&run);
	return 0;
}

/* ---- Documents: 0 or 1 as `row` said, -1 when the connection failed ---- */

static int give_subscriber(struct sqlite_reader *r, const struct run *run, int (*row)(void *, const struct document_row *), void *context)
{
	(void)r;
	struct subscriber_record record;
	if (rows_subscriber(run, &record))
		return -1;
	struct document_row document = {
	    .id = record.id, .version = record.version, .created_ms = record.created_ms, .updated_ms = record.updated_ms, .doc = record.doc};
	int said = row(context, &document) ? 1 : 0;
	json_decref(record.doc);
	return said;
}

static int give_endpoint(struct sqlite_reader *r, const struct run *run, int (*row)(void *, const struct document_row *), void *context)
{
	struct endpoint_record record;
	struct err why = {0};
	struct endpoint *endpoint = NULL;
	int said = -1;
	if (rows_endpoint(run, &record) || rows_secrets(&r->db, &record))
		goto out;
	endpoint = endpoint_of_record(&record, &why);
	if (!endpoint) {
		log_error("store", "the stored endpoint %lld is not valid: %s", (long long)record.meta.id, why.detail);
		rows_bad_document(&r->db);
		goto out;
	}
	struct document_row document = {.id = record.meta.id,
	                                .version = record.meta.version,
	                                .created_ms = record.meta.created_ms,
	                                .updated_ms = record.meta.updated_ms,
	                                .doc = record.doc,
	                                .endpoint = endpoint};
	said = row(context, &document) ? 1 : 0;
out:
	endpoint_unref(endpoint);
	endpoint_record_clear(&record);
	return said;
}

typedef int give_document(struct sqlite_reader *r, const struct run *run, int (*row)(void *, const struct document_row *), void *context);

/* Which documents a list gives. */
struct document_filter {
	int status; /* of an endpoint; -1: any */
	struct slice q;
	int doc_column;
	const char *members; /* in which q is looked for */
};

static bool document_matches(const struct document_filter *filter, const struct run *run)
{
	enum { STATUS_COLUMN = 3 };
	if (filter->status >= 0 && filter->status != run_int_at(run, STATUS_COLUMN))
		return false;
	if (filter->q.len == 0)
		return true;
	struct slice text = run_text_at(run, filter->doc_column);
	json_t *doc = text.at ? json_loadb(text.at, text.len, 0, NULL) : NULL;
	bool found = filter_finds_member(filter->q, doc, filter->members);
	json_decref(doc);
	return found;
}

/* A page of documents by id; the query is bound. */
static int give_page(struct sqlite_reader *r, struct run *run, const struct document_filter *filter, struct page *page, give_document *give,
                     int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct pager pager = pager_begin(r, page);
	int said = 0;
	int found = 0;
	while (said == 0 && (found = run_row(run)) > 0) {
		int64_t id = run_int_at(run, 0);
		if (!document_matches(filter, run)) {
			said = pager_late(&pager, id, id, id_time_ms(id));
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, id, id);
		said = give(r, run, row, context);
	}
	run_end(run);
	return found < 0 || said < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_subscribers(struct store_reader *base, const struct subscriber_filter *filter, struct page *page,
                            int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	const struct document_filter which = {.status = -1, .q = filter->q, .doc_column = 3, .members = "uid name"};
	struct run run;
	if (filter->only != 0) {
		bool before = page->after_id == 0 || (page->ascending ? page->after_id < filter->only : page->after_id > filter->only);
		run = db_run(&r->db, QUERY_SUBSCRIBER_GET);
		run_int(&run, 1, before ? filter->only : 0);
	} else {
		run = db_run(&r->db, page->ascending ? QUERY_SUBSCRIBERS_ASC : QUERY_SUBSCRIBERS_DESC);
		run_int(&run, 1, pager_after_id(page));
	}
	return give_page(r, &run, &which, page, give_subscriber, row, context, err);
}

int sqlite_read_endpoints(struct store_reader *base, const struct endpoint_filter *filter, struct page *page,
                          int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	const struct document_filter which = {
	    .status = filter->by_status ? (int)filter->status : -1, .q = filter->q, .doc_column = 8, .members = "uid url description"};
	struct run run;
	if (filter->subscriber != 0) {
		run = db_run(&r->db, page->ascending ? QUERY_ENDPOINTS_OF_SUBSCRIBER_ASC : QUERY_ENDPOINTS_OF_SUBSCRIBER_DESC);
		run_int(&run, 2, filter->subscriber == FILTER_NOBODY ? 0 : filter->subscriber);
	} else if (filter->by_status) {
		run = db_run(&r->db, page->ascending ? QUERY_ENDPOINTS_OF_STATUS_ASC : QUERY_ENDPOINTS_OF_STATUS_DESC);
		run_int(&run, 2, filter->status);
	} else {
		run = db_run(&r->db, page->ascending ? QUERY_ENDPOINTS_ASC : QUERY_ENDPOINTS_DESC);
	}
	run_int(&run, 1, pager_after_id(page));
	return give_page(r, &run, &which, page, give_endpoint, row, context, err);
}

int sqlite_read_subscriber(struct store_reader *base, int64_t id, int (*row)(void *, const struct document_row *), void *context,
                           struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_SUBSCRIBER_GET);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found > 0 && give_subscriber(r, &run, row, context) < 0)
		found = -1;
	run_end(&run);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "subscriber");
}

static int one_endpoint(struct sqlite_reader *r, enum query query, int64_t id, int64_t only_subscriber,
                        int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct run run = db_run(&r->db, query);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found > 0 && only_subscriber != 0 && run_int_at(&run, 1) != only_subscriber)
		found = 0;
	if (found > 0 && give_endpoint(r, &run, row, context) < 0)
		found = -1;
	run_end(&run);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "endpoint");
}

int sqlite_read_endpoint(struct store_reader *base, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                         void *context, struct err *err)
{
	return one_endpoint(reader_of(base), QUERY_ENDPOINT_GET, id, only_subscriber, row, context, err);
}

int sqlite_read_endpoint_ever(struct store_reader *base, int64_t id, int64_t only_subscriber,
                              int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return one_endpoint(reader_of(base), QUERY_ENDPOINT_EVER, id, only_subscriber, row, context, err);
}

int sqlite_read_endpoint_owner(struct store_reader *base, int64_t id, int64_t *subscriber, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_ENDPOINT_OWNER);
	run_int(&run, 1, id);
	int found = run_value(&run, subscriber);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "endpoint");
}

/* ---- Keys ---- */

int sqlite_read_keys(struct store_reader *base, int64_t subscriber, struct page *page, int (*row)(void *, const struct key *),
                     void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_KEYS_ASC : QUERY_KEYS_DESC);
	run_int(&run, 1, pager_after_id(page));
	int found;
	while ((found = run_row(&run)) > 0) {
		struct key key;
		rows_key(&run, &key);
		if (!filter_takes_owner(subscriber, key.subscriber)) {
			if (pager_late(&pager, key.id, key.id, key.created_ms))
				break;
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, key.id, key.id);
		if (row(context, &key))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}
