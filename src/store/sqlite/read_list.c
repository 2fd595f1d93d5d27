/* The list of deliveries, by id. Where a partial index holds what the filter asks for, and not too many of it, its ids are gathered and
 * sorted; else the list walks the rows by id, for as long as a list may take. */
#include <stdlib.h>

#include "base/id.h"
#include "model/pattern.h"
#include "store/filter.h"
#include "store/sqlite/reader.h"

/* Gathering so many ids takes some milliseconds; with more than these a walk by id meets one soon enough. */
enum { GATHERED_MAX = 50000 };

struct delivery_list {
	struct sqlite_reader *r;
	const struct delivery_filter *filter;
	struct pager pager;
	int64_t low, high; /* exclusive bounds of the ids */
	int (*row)(void *, const struct delivery_row *);
	void *context;
};

/* Gives a row if it is in the list. 0: go on, 1: stop, -1. */
static int judge(struct delivery_list *list, struct delivery_row *row)
{
	struct run event = {0};
	bool in = delivery_filter_matches_row(list->filter, row);
	if (in && rows_event_of_delivery(&list->r->db, &event, row))
		return -1;
	if (in && list->filter->type.len > 0)
		in = pattern_matches(list->filter->type, row->type);
	int said;
	if (!in) {
		said = pager_late(&list->pager, row->id, row->id, row->created_ms);
	} else if (pager_full(&list->pager)) {
		said = 1;
	} else {
		pager_gave(&list->pager, row->id, row->id);
		said = list->row(list->context, row) ? 1 : 0;
	}
	if (event.stmt)
		run_end(&event);
	return said;
}

static int walk(struct delivery_list *list)
{
	struct run run = db_run(&list->r->db, list->pager.page->ascending ? QUERY_DELIVERIES_ASC : QUERY_DELIVERIES_DESC);
	run_int(&run, 1, list->low);
	run_int(&run, 2, list->high);
	int said = 0;
	int found = 0;
	while (said == 0 && (found = run_row(&run)) > 0) {
		struct delivery_row row;
		rows_delivery(&run, &row);
		said = judge(list, &row);
	}
	run_end(&run);
	return said < 0 || found < 0 ? -1 : 0;
}

/* ---- From a partial index ---- */

/* The query whose ids contain all that the filter can match; false when there is none. */
static bool index_of(const struct delivery_filter *filter, enum query *query)
{
	bool of_endpoint = filter->endpoint != 0;
	if (!filter->by_state)
		return false;
	switch (filter->state) {
	case DELIVERY_PENDING:
		*query = of_endpoint ? QUERY_IDS_PENDING_OF_ENDPOINT : QUERY_IDS_PENDING;
		return true;
	case DELIVERY_HELD:
		*query = of_endpoint ? QUERY_IDS_ORDERED_OF_ENDPOINT : QUERY_IDS_ORDERED;
		return true;
	case DELIVERY_DEAD:
		*query = of_endpoint ? QUERY_IDS_DEAD_OF_ENDPOINT : QUERY_IDS_DEAD;
		return true;
	case DELIVERY_DELIVERED:
	case DELIVERY_CANCELLED:
	case DELIVERY_STATES:
		break;
	}
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The index's ids within the bounds, sorted. 1: *ids and *len, 0: the index has too many entries, -1. */
static int gather(struct delivery_list *list, enum query query, int64_t **ids, size_t *len)
{
	*len = 0;
	*ids = malloc(GATHERED_MAX * sizeof **ids);
	if (!*ids)
		return db_failed(&list->r->db, SQLITE_NOMEM);
	struct run run = db_run(&list->r->db, query);
	if (list->filter->endpoint != 0)
		run_int(&run, 1, list->filter->endpoint);
	int entries = 0;
	int found;
	while ((found = run_row(&run)) > 0 && entries++ < GATHERED_MAX) {
		int64_t id = run_int_at(&run, 0);
		if (id > list->low && id < list->high)
			(*ids)[(*len)++] = id;
	}
	run_end(&run);
	qsort(*ids, *len, sizeof **ids, compare_ids);
	return found < 0 ? -1 : found == 0;
}

static int give_gathered(struct delivery_list *list, const int64_t *ids, size_t len)
{
	int said = 0;
	for (size_t i = 0; said == 0 && i < len; i++) {
		struct delivery_row row;
		struct run run = db_run(&list->r->db, QUERY_DELIVERY_ROW);
		run_int(&run, 1, ids[list->pager.page->ascending ? i : len - 1 - i]);
		int found = run_row(&run);
		if (found < 0)
			return -1;
		if (found > 0) {
			rows_delivery(&run, &row);
			said = judge(list, &row);
			run_end(&run);
		}
	}
	return said < 0 ? -1 : 0;
}

static int read_list(struct delivery_list *list)
{
	enum query query;
	int64_t *ids = NULL;
	size_t len;
	if (!index_of(list->filter, &query))
		return walk(list);
	int result = gather(list, query, &ids, &len);
	if (result > 0)
		result = give_gathered(list, ids, len);
	else if (result == 0)
		result = walk(list);
	free(ids);
	return result;
}

int sqlite_read_deliveries(struct store_reader *base, const struct delivery_filter *filter, struct page *page,
                           int (*row)(void *, const struct delivery_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct delivery_filter settled = *filter;
	struct delivery_list list = {.r = r, .filter = &settled, .pager = pager_begin(r, page), .row = row, .context = context};
	if (!delivery_filter_settle(&settled))
		return 0;
	list.low = filter->since_ms ? id_floor_of_time(filter->since_ms) - 1 : 0;
	list.high = filter->until_ms ? id_floor_of_time(filter->until_ms) : INT64_MAX;
	pager_bounds(page, &list.low, &list.high);
	return read_list(&list) ? reader_failed(r, err) : 0;
}
