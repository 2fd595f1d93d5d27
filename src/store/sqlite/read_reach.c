/* What explains a delivery: what became of an event at an endpoint, what a delivery waits behind; and the newest events. */
#include "base/clock.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/rows.h"

/* A query of at most one row of one number: 0 without a row. */
static int number_of(struct sqlite_reader *r, enum query query, int64_t first, int64_t second, int64_t *number)
{
	struct run run = db_run(&r->db, query);
	run_int(&run, 1, first);
	if (second != 0)
		run_int(&run, 2, second);
	*number = 0;
	return run_value(&run, number);
}

int sqlite_read_event_at(struct store_reader *base, int64_t event, int64_t endpoint, struct event_at *at, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	/* Asked first: what is made in between is found as a delivery. */
	int being_made = rows_expansion_has(&r->db, event, endpoint);
	if (being_made < 0 || number_of(r, QUERY_DELIVERY_OF_EVENT_AT, event, endpoint, &at->delivery) < 0 ||
	    number_of(r, QUERY_ENDPOINT_OF_EVENT, event, 0, &at->first) < 0)
		return reader_failed(r, err);
	at->being_made = being_made && at->delivery == 0;
	return 0;
}

int sqlite_read_waiting(struct store_reader *base, int64_t delivery, struct delivery_wait *waiting, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	*waiting = (struct delivery_wait){.head = 0};
	struct run run = db_run(&r->db, QUERY_ORDER_HEAD_OF_DELIVERY);
	run_int(&run, 1, delivery);
	int found = run_row(&run);
	if (found > 0) {
		waiting->head = run_int_at(&run, 0);
		waiting->head_due_ms = run_int_at(&run, 1);
		run_end(&run);
	}
	if (found < 0 || number_of(r, QUERY_AHEAD_OF_DELIVERY, delivery, WAITING_AHEAD_MAX, &waiting->ahead) < 0)
		return reader_failed(r, err);
	return 0;
}

int sqlite_read_recent(struct store_reader *base, int (*row)(void *, const struct recent_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	int64_t deadline_us = reader_begin(r);
	struct run run = db_run(&r->db, QUERY_EVENTS_RECENT);
	unsigned rows = 0;
	int found;
	while ((found = run_row(&run)) > 0) {
		struct recent_row recent = {
		    .id = run_int_at(&run, 0),
		    .time_ms = run_int_at(&run, 1),
		    .subscriber = run_int_at(&run, 2),
		    .type = run_text_at(&run, 3),
		    .reach = rows_reach(&run, 4),
		};
		if (row(context, &recent) || (++rows % READER_ROWS_BETWEEN_CLOCKS == 0 && reader_late(r->base.env, deadline_us)))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}
