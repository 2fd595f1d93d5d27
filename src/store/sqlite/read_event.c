/* Reading events. */
#include "base/id.h"
#include "store/filter.h"
#include "store/sqlite/reader.h"

struct event *sqlite_read_event(struct store_reader *base, int64_t id, struct budget *budget, bool (*fits)(void *context, size_t bytes),
                                void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_EVENT_GET);
	run_int(&run, 1, id);
	int found = run_row(&run);
	struct event *event = NULL;
	if (found < 0) {
		reader_failed(r, err);
	} else if (found == 0) {
		reader_not_found(err, "event");
	} else if (run_int_at(&run, 17) != 0) {
		err_set(err, ERR_PAYLOAD_ERASED, "the event was erased; there is nothing left that could be sent");
	} else {
		struct event_fields fields;
		rows_event(&run, &fields);
		fields.data = run_blob_at(&run, 14);
		fields.context = run_text_at(&run, 15);
		fields.request = run_int_at(&run, 16);
		bool room = !fits || !fields.data.at || fits(context, event_bytes(&fields));
		event = room && fields.data.at ? event_new(&fields, budget) : NULL;
		if (event)
			event->id = id;
		else if (!room)
			err_set(err, ERR_UNAVAILABLE, "there is no room now for an event of %zu bytes", fields.data.len);
		else
			err_set(err, ERR_INTERNAL, "memory is out for an event of %zu bytes", fields.data.len);
	}
	run_end(&run);
	return event;
}

static void event_row_of(const struct run *run, struct event_fields *fields, struct event_row *row)
{
	rows_event(run, fields);
	*row = (struct event_row){
	    .f = fields,
	    .id = run_int_at(run, 0),
	    .deliveries = run_int_at(run, 14),
	    .data_bytes = (size_t)run_int_at(run, 15),
	    .reach = rows_reach(run, 16),
	    .erased_ms = run_int_at(run, 17),
	};
}

/* Binds the exclusive bounds of the walk. */
static void bind_range(struct run *run, const struct event_filter *filter, const struct page *page)
{
	int64_t low = filter->since_ms ? id_floor_of_time(filter->since_ms) - 1 : 0;
	int64_t high = filter->until_ms ? id_floor_of_time(filter->until_ms + RECEIPT_SLACK_MS) : INT64_MAX;
	pager_bounds(page, &low, &high);
	run_int(run, 1, low);
	run_int(run, 2, high);
}

int sqlite_read_events(struct store_reader *base, const struct event_filter *filter, struct page *page,
                       int (*row)(void *, const struct event_row *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct pager pager = pager_begin(r, page);
	struct run run = db_run(&r->db, page->ascending ? QUERY_EVENTS_ASC : QUERY_EVENTS_DESC);
	bind_range(&run, filter, page);
	int found;
	while ((found = run_row(&run)) > 0) {
		struct event_fields fields;
		struct event_row event;
		event_row_of(&run, &fields, &event);
		if (!event_filter_matches(filter, &event)) {
			if (pager_late(&pager, event.id, event.id, id_time_ms(event.id)))
				break;
			continue;
		}
		if (pager_full(&pager))
			break;
		pager_gave(&pager, event.id, event.id);
		if (row(context, &event))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_event_row(struct store_reader *base, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct event_row *),
                          void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	int64_t being_made = 0;
	struct run left = db_run(&r->db, QUERY_EXPANSION_LEFT);
	run_int(&left, 1, id);
	if (run_value(&left, &being_made) < 0)
		return reader_failed(r, err);
	struct run run = db_run(&r->db, QUERY_EVENT_ROW);
	run_int(&run, 1, id);
	int found = run_row(&run);
	if (found < 0)
		return reader_failed(r, err);
	if (found > 0) {
		struct event_fields fields;
		struct event_row event;
		event_row_of(&run, &fields, &event);
		fields.context = run_text_at(&run, 18);
		fields.request = run_int_at(&run, 19);
		event.being_made = being_made;
		if (only_subscriber != 0 && fields.subscriber != only_subscriber)
			found = 0;
		else
			(void)row(context, &event); /* there is no further one to stop at */
		run_end(&run);
	}
	return found ? 0 : reader_not_found(err, "event");
}

/* 1 and the event at one end of those with this uid, sorted by subscriber. */
static int end_of_uid(struct sqlite_reader *r, enum query query, struct slice uid, int64_t *id, int64_t *subscriber)
{
	struct run run = db_run(&r->db, query);
	run_text(&run, 1, uid);
	int found = run_row(&run);
	if (found > 0) {
		*id = run_int_at(&run, 0);
		*subscriber = run_int_at(&run, 1);
		run_end(&run);
	}
	return found;
}

int sqlite_read_event_by_uid(struct store_reader *base, struct slice uid, int64_t subscriber, bool any, int64_t *id, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	int64_t first = subscriber, last = subscriber, newest = 0;
	int found = 0;
	if (any) {
		found = end_of_uid(r, QUERY_EVENT_OF_UID_FIRST, uid, &newest, &first);
		last = first;
		if (found > 0 && first != 0)
			found = end_of_uid(r, QUERY_EVENT_OF_UID_LAST, uid, &newest, &last);
	}
	/* Nobody's sorts first, and goes before those of subscribers. */
	if (!any || (found > 0 && first == 0)) {
		struct run run = db_run(&r->db, QUERY_EVENT_OF_UID);
		run_text(&run, 1, uid);
		run_int(&run, 2, first);
		found = run_value(&run, &newest);
	}
	if (found < 0)
		return reader_failed(r, err);
	if (found == 0)
		return reader_not_found(err, "event");
	if (first != last)
		return err_set(err, ERR_AMBIGUOUS,
		               "events of several subscribers have the uid %.*s; name one with ?subscriber=", (int)uid.len, uid.at);
	*id = newest;
	return 0;
}
