/* Columns to structures, for the writer's connection and the readers' alike: the order of columns is that of the queries in
 * sql/queries/. What a row points to is valid until the run's next step. */
#ifndef GRAPNEL_STORE_SQLITE_ROWS_H
#define GRAPNEL_STORE_SQLITE_ROWS_H

#include "store/sqlite/db.h"

/* An event's time is that of its receipt, its id's that of the commit a little later: a walk by time looks this much further. */
enum { RECEIPT_SLACK_MS = 60000 };

/* event, last, targets */
void rows_expansion(const struct run *run, struct expansion *part);
/* Whether the delivery of an event at an endpoint is still to be made: 1, 0, -1. */
int rows_expansion_has(struct db *db, int64_t event, int64_t endpoint) ATTR_MUST_USE;
/* id, event, endpoint, due_ms, expires_ms, round, attempts, round_attempts */
struct due rows_due(const struct run *run);
/* delivery_row and its like; the event's part is left empty. */
void rows_delivery(const struct run *run, struct delivery_row *row);
/* event_row and its like, from subscriber to attributes. */
void rows_event(const struct run *run, struct event_fields *fields);
/* The column events.reach. */
enum event_reach rows_reach(const struct run *run, int column);
void rows_key(const struct run *run, struct key *key);
void rows_operation(const struct run *run, struct operation_record *record); /* the filter is left out */
/* endpoint_get and its like. Copies; -1 when the document cannot be read: rows_bad_document() says so. */
int rows_endpoint(const struct run *run, struct endpoint_record *record) ATTR_MUST_USE;
int rows_subscriber(const struct run *run, struct subscriber_record *record) ATTR_MUST_USE;
/* Copies, with the secrets. */
int rows_source(const struct run *run, struct source_record *record) ATTR_MUST_USE;
void rows_rejection(const struct run *run, struct rejection_row *row); /* without head and body */
void rows_audit(const struct run *run, struct audit_row *row);
int rows_event_type(const struct run *run, struct event_type_row *row) ATTR_MUST_USE; /* row->doc is owned */
/* Copies; the record's key is left to the caller. */
int rows_once(const struct run *run, struct once_record *record) ATTR_MUST_USE;
/* Marks the connection as failed by a stored document that is not JSON. Always -1. */
int rows_bad_document(struct db *db);
/* What stands in other tables of record->meta.id, whose document has been read. */
int rows_secrets(struct db *db, struct endpoint_record *record) ATTR_MUST_USE;

/* The fields of the event that a delivery's row shows: a look-up, left open in *run until run_end(). A missing event leaves them
 * empty. */
int rows_event_of_delivery(struct db *db, struct run *run, struct delivery_row *row) ATTR_MUST_USE;

/* Dead letters in the order of (time of death, id): see dead_visit. */
struct dead_scan {
	const struct dead_filter *filter;
	const struct clock *clock;
	int64_t max_id;      /* 0: no limit */
	int64_t until_ms;    /* 0: no limit; the last time of death */
	int64_t deadline_us; /* monotonic */
	bool ascending;
	const struct engine_env *env; /* of a reader, which lets others go first; NULL: the writer */
	bool want_event;             /* give the event's fields even where the filter does not need them */
	int64_t after_key, after_id; /* in: where it starts, {0, 0}: at the beginning; out: the last row that was looked at */
	bool ended;                  /* out: there are no more */
};
/* `visit` returns 0 to go on, 1 to stop after this row, 2 to stop before it, -1 to fail. 0, or -1 when it or the connection failed. */
int rows_dead_scan(struct db *db, struct dead_scan *scan, int (*visit)(void *context, const struct delivery_row *row),
                   void *context) ATTR_MUST_USE;

#endif
