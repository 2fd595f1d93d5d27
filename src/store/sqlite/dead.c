/* The walk over dead letters, for lists, counts and bulk work. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/filter.h"
#include "store/sqlite/reader.h"

enum { ROWS_BETWEEN_CLOCKS = 64 };

struct scan_run {
	struct db *db;
	struct dead_scan *scan;
	int (*visit)(void *context, const struct delivery_row *row);
	void *context;
	unsigned rows;
};

static bool late(struct scan_run *run)
{
	if (++run->rows % ROWS_BETWEEN_CLOCKS != 0)
		return false;
	if (run->scan->env)
		return reader_late(run->scan->env, run->scan->deadline_us);
	return clock_mono_us(run->scan->clock) >= run->scan->deadline_us;
}

/* The first time of death that is not looked at: a scan with an end of its own must not follow what dies meanwhile. */
static int64_t end_ms(const struct dead_scan *scan)
{
	int64_t end = scan->filter->until_ms ? scan->filter->until_ms : INT64_MAX;
	return scan->until_ms != 0 && scan->until_ms < end ? scan->until_ms + 1 : end;
}

/* Whether the row is in the scan; what `visit` said if it is. The event is looked up only when somebody needs it. */
static int judge(struct scan_run *run, struct delivery_row *row)
{
	const struct dead_scan *scan = run->scan;
	struct run event = {0};
	if (row->state != DELIVERY_DEAD || (scan->max_id != 0 && row->id > scan->max_id) || row->ended_ms >= end_ms(scan) ||
	    !dead_filter_matches_row(scan->filter, row))
		return 0;
	bool needs = dead_filter_needs_event(scan->filter);
	if ((needs || scan->want_event) && rows_event_of_delivery(run->db, &event, row))
		return -1;
	int said = needs && !dead_filter_matches_event(scan->filter, row) ? 0 : run->visit(run->context, row);
	if (event.stmt)
		run_end(&event);
	return said;
}

static enum query query_of(const struct dead_scan *scan)
{
	if (scan->filter->endpoint)
		return scan->ascending ? QUERY_DEAD_OF_ENDPOINT_ASC : QUERY_DEAD_OF_ENDPOINT_DESC;
	return scan->ascending ? QUERY_DEAD_ASC : QUERY_DEAD_DESC;
}

static int scan_index(struct scan_run *run)
{
	struct dead_scan *scan = run->scan;
	const struct dead_filter *filter = scan->filter;
	bool from_end = !scan->ascending && scan->after_key == 0 && scan->after_id == 0;
	struct run rows = db_run(run->db, query_of(scan));
	run_int(&rows, 1, from_end ? INT64_MAX : scan->after_key);
	run_int(&rows, 2, from_end ? INT64_MAX : scan->after_id);
	run_int(&rows, 3, filter->since_ms);
	run_int(&rows, 4, end_ms(scan));
	if (filter->endpoint)
		run_int(&rows, 5, filter->endpoint);
	int said = 0;
	int found;
	while ((found = run_row(&rows)) > 0) {
		struct delivery_row row;
		rows_delivery(&rows, &row);
		said = judge(run, &row);
		if (said == 2 || said < 0)
			break;
		scan->after_key = row.ended_ms;
		scan->after_id = row.id;
		if (said == 1 || late(run))
			break;
	}
	run_end(&rows);
	scan->ended = found == 0;
	return found < 0 || said < 0 ? -1 : 0;
}

struct place {
	int64_t key, id;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* 1: it is there, 0: not, -1. The row's texts are not kept. */
static int row_of_id(struct db *db, int64_t id, struct run *run, struct delivery_row *row)
{
	*run = db_run(db, QUERY_DELIVERY_ROW);
	run_int(run, 1, id);
	int found = run_row(run);
	if (found > 0)
		rows_delivery(run, row);
	return found;
}

/* The dead ones of a list of ids, sorted, each once. */
static int sort_ids(struct db *db, const struct dead_filter *filter, struct place *places, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < filter->ids_len; i++) {
		struct run run;
		struct delivery_row row;
		int found = row_of_id(db, filter->ids[i], &run, &row);
		if (found < 0)
			return -1;
		if (found > 0 && row.state == DELIVERY_DEAD)
			places[(*len)++] = (struct place){row.ended_ms, row.id};
		run_end(&run);
	}
	qsort(places, *len, sizeof *places, compare_places);
	size_t kept = 0;
	for (size_t i = 0; i < *len; i++) {
		if (kept == 0 || places[kept - 1].id != places[i].id)
			places[kept++] = places[i];
	}
	*len = kept;
	return 0;
}

static int scan_ids(struct scan_run *run)
{
	struct dead_scan *scan = run->scan;
	struct place after = {scan->after_key, scan->after_id};
	bool from_start = after.key == 0 && after.id == 0;
	size_t len;
	struct place *places = calloc(scan->filter->ids_len, sizeof *places);
	if (!places)
		return db_failed(run->db, SQLITE_NOMEM);
	int said = sort_ids(run->db, scan->filter, places, &len);
	size_t i = 0;
	for (; said == 0 && i < len; i++) {
		const struct place *place = &places[scan->ascending ? i : len - 1 - i];
		int order = compare_places(place, &after);
		if (!from_start && (scan->ascending ? order <= 0 : order >= 0))
			continue;
		struct run row_run;
		struct delivery_row row;
		int found = row_of_id(run->db, place->id, &row_run, &row);
		said = found > 0 ? judge(run, &row) : found;
		run_end(&row_run);
		if (said == 0 || said == 1) {
			scan->after_key = place->key;
			scan->after_id = place->id;
		}
	}
	scan->ended = said == 0;
	free(places);
	return said < 0 ? -1 : 0;
}

int rows_dead_scan(struct db *db, struct dead_scan *scan, int (*visit)(void *context, const struct delivery_row *row), void *context)
{
	struct scan_run run = {.db = db, .scan = scan, .visit = visit, .context = context};
	scan->ended = false;
	return scan->filter->ids_len > 0 ? scan_ids(&run) : scan_index(&run);
}
