/* Reading subscribers, endpoints, keys and operations. */
#include "store/sqlite/reader.h"

#include "base/log.h"

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

int sqlite_read_operations(struct store_reader *base, struct page *page, int (*row)(void *, const struct operation_row *), void *context,
                           struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_OPERATIONS_ASC : QUERY_OPERATIONS_DESC);
	run_int(&run, 1, pager_after_id(page));
	int found;
	while ((found = run_row(&run)) > 0 && !pager_full(&pager)) {
		struct operation_row operation;
		operation_row_of(&run, &operation);
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

/* A page of documents by id; the query is bound. */
static int give_page(struct sqlite_reader *r, struct run *run, struct page *page, give_document *give,
                     int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct pager pager = pager_begin(r, page);
	int said = 0;
	int found = 0;
	while (said == 0 && (found = run_row(run)) > 0 && !pager_full(&pager)) {
		int64_t id = run_int_at(run, 0);
		pager_gave(&pager, id, id);
		said = give(r, run, row, context);
	}
	run_end(run);
	return found < 0 || said < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_subscribers(struct store_reader *base, struct page *page, int64_t only_subscriber,
                            int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run;
	if (only_subscriber != 0) {
		bool before =
		    page->after_id == 0 || (page->ascending ? page->after_id < only_subscriber : page->after_id > only_subscriber);
		run = db_run(&r->db, QUERY_SUBSCRIBER_GET);
		run_int(&run, 1, before ? only_subscriber : 0);
	} else {
		run = db_run(&r->db, page->ascending ? QUERY_SUBSCRIBERS_ASC : QUERY_SUBSCRIBERS_DESC);
		run_int(&run, 1, pager_after_id(page));
	}
	return give_page(r, &run, page, give_subscriber, row, context, err);
}

int sqlite_read_endpoints(struct store_reader *base, struct page *page, int64_t subscriber, int (*row)(void *, const struct document_row *),
                          void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run;
	if (subscriber != 0) {
		run = db_run(&r->db, page->ascending ? QUERY_ENDPOINTS_OF_SUBSCRIBER_ASC : QUERY_ENDPOINTS_OF_SUBSCRIBER_DESC);
		run_int(&run, 2, subscriber);
	} else {
		run = db_run(&r->db, page->ascending ? QUERY_ENDPOINTS_ASC : QUERY_ENDPOINTS_DESC);
	}
	run_int(&run, 1, pager_after_id(page));
	return give_page(r, &run, page, give_endpoint, row, context, err);
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

int sqlite_read_endpoint(struct store_reader *base, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                         void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_ENDPOINT_GET);
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

/* ---- Keys ---- */

int sqlite_read_keys(struct store_reader *base, struct page *page, int (*row)(void *, const struct key *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_KEYS_ASC : QUERY_KEYS_DESC);
	run_int(&run, 1, pager_after_id(page));
	int found;
	while ((found = run_row(&run)) > 0 && !pager_full(&pager)) {
		struct key key;
		rows_key(&run, &key);
		pager_gave(&pager, key.id, key.id);
		if (row(context, &key))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}
