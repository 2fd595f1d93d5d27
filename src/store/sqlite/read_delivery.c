/* Reading deliveries, their attempts, and dead letters. */
#include "base/clock.h"
#include "store/sqlite/reader.h"

/* Gives one row with the fields of its event. 0 or 1 as `row` said, -1 when the connection failed. */
static int give(struct sqlite_reader *r, struct delivery_row *delivery, int (*row)(void *, const struct delivery_row *), void *context)
{
	struct run event;
	if (rows_event_of_delivery(&r->db, &event, delivery))
		return -1;
	int said = row(context, delivery) ? 1 : 0;
	run_end(&event);
	return said;
}

int sqlite_read_event_deliveries(struct store_reader *base, int64_t event, struct page *page,
                                 int (*row)(void *, const struct delivery_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_DELIVERIES_OF_EVENT_ASC : QUERY_DELIVERIES_OF_EVENT_DESC);
	run_int(&run, 1, pager_after_id(page));
	run_int(&run, 2, event);
	int found = 0;
	int said = 0;
	while (said == 0 && (found = run_row(&run)) > 0) {
		struct delivery_row delivery;
		if (pager_full(&pager))
			break;
		rows_delivery(&run, &delivery);
		pager_gave(&pager, delivery.id, delivery.id);
		said = give(r, &delivery, row, context);
	}
	run_end(&run);
	return said < 0 || found < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_delivery(struct store_reader *base, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct delivery_row *),
                         void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_DELIVERY_ROW);
	run_int(&run, 1, id);
	int found = run_row(&run);
	int said = found;
	if (found > 0) {
		struct delivery_row delivery;
		rows_delivery(&run, &delivery);
		if (only_subscriber != 0 && delivery.subscriber != only_subscriber)
			found = 0;
		else
			said = give(r, &delivery, row, context);
		run_end(&run);
	}
	if (said < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "delivery");
}

/* The last attempt, from the delivery's row: {0} when none was made. */
static int attempt_of_row(struct sqlite_reader *r, int64_t delivery, struct run *run, struct attempt_row *attempt)
{
	*attempt = (struct attempt_row){0};
	*run = db_run(&r->db, QUERY_ATTEMPT_OF_ROW);
	run_int(run, 1, delivery);
	int found = run_row(run);
	if (found > 0)
		*attempt = (struct attempt_row){
		    .number = (int)run_int_at(run, 0),
		    .round = (int)run_int_at(run, 1),
		    .started_ms = run_int_at(run, 2),
		    .duration_ms = run_int_at(run, 3),
		    .status = (int)run_int_at(run, 4),
		    .failure = (enum attempt_failure)run_int_at(run, 5),
		    .detail = run_text_at(run, 6),
		};
	return found;
}

/* The attempts that have rows; *last gets the greatest number. */
static int attempt_rows(struct sqlite_reader *r, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context, int *last,
                        bool *stopped)
{
	struct run run = db_run(&r->db, QUERY_ATTEMPTS_OF_DELIVERY);
	run_int(&run, 1, delivery);
	int found = 0;
	while (!*stopped && (found = run_row(&run)) > 0) {
		struct attempt_row attempt = {
		    .number = (int)run_int_at(&run, 0),
		    .round = (int)run_int_at(&run, 1),
		    .started_ms = run_int_at(&run, 2),
		    .duration_ms = run_int_at(&run, 3),
		    .status = (int)run_int_at(&run, 4),
		    .failure = (enum attempt_failure)run_int_at(&run, 5),
		    .detail = run_text_at(&run, 6),
		    .response = run_blob_at(&run, 7),
		};
		*last = attempt.number;
		*stopped = row(context, &attempt) != 0;
	}
	run_end(&run);
	return found < 0 ? -1 : 0;
}

int sqlite_read_attempts(struct store_reader *base, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context,
                         struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run;
	struct attempt_row own;
	int last = 0;
	bool stopped = false;
	int found = attempt_of_row(r, delivery, &run, &own);
	int result = found > 0 ? attempt_rows(r, delivery, row, context, &last, &stopped) : found;
	if (result == 0 && !stopped && own.number > last)
		(void)row(context, &own); /* it is the last one */
	run_end(&run);
	if (result < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "delivery");
}

/* ---- Dead letters ---- */

struct dead_page {
	struct pager pager;
	int (*row)(void *, const struct delivery_row *);
	void *context;
};

static int give_dead(void *context, const struct delivery_row *delivery)
{
	struct dead_page *list = context;
	if (pager_full(&list->pager))
		return 2;
	pager_gave(&list->pager, delivery->ended_ms, delivery->id);
	return list->row(list->context, delivery) ? 1 : 0;
}

static struct dead_scan scan_of(struct sqlite_reader *r, const struct dead_filter *filter)
{
	const struct clock *clock = r->base.env->clock;
	return (struct dead_scan){.filter = filter, .clock = clock, .deadline_us = reader_begin(r), .env = r->base.env};
}

int sqlite_read_dead(struct store_reader *base, const struct dead_filter *filter, struct page *page,
                     int (*row)(void *, const struct delivery_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct dead_page list = {.pager = pager_begin(r, page), .row = row, .context = context};
	struct dead_scan scan = scan_of(r, filter);
	scan.ascending = page->ascending;
	scan.want_event = true;
	scan.after_key = page->after_key;
	scan.after_id = page->after_id;
	if (rows_dead_scan(&r->db, &scan, give_dead, &list))
		return reader_failed(r, err);
	if (!scan.ended && !page->more) {
		/* The time was up, also when the page is full: what comes next was not looked at. */
		page->more = true;
		page->last_key = scan.after_key;
		page->last_id = scan.after_id;
		page->searched_to_ms = scan.after_key;
	}
	return 0;
}

int sqlite_read_dead_last(struct store_reader *base, int64_t *wall_ms, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_DEAD_LAST);
	*wall_ms = 0;
	return run_value(&run, wall_ms) < 0 ? reader_failed(r, err) : 0;
}

static int count_dead(void *context, const struct delivery_row *delivery)
{
	(void)delivery;
	(*(int64_t *)context)++;
	return 0;
}

/* As many read transactions as it takes; others may go in between. */
int sqlite_read_dead_count(struct store_reader *base, const struct dead_filter *filter, int64_t *count, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct dead_scan scan = scan_of(r, filter);
	int64_t counted = 0;
	scan.ascending = true;
	do {
		gate_leave(r->base.env->gate);
		gate_enter(r->base.env->gate);
		scan.deadline_us = reader_begin(r);
		if (rows_dead_scan(&r->db, &scan, count_dead, &counted))
			return reader_failed(r, err);
	} while (!scan.ended);
	*count = counted;
	return 0;
}
