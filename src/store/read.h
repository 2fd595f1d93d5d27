/* Reading the store: each thread opens a reader of its own (a read-only connection). No call holds a read transaction over
 * 200 ms. Rows are given to a callback; what they point to is valid only during the call. */
#ifndef GRAPNEL_STORE_READ_H
#define GRAPNEL_STORE_READ_H

#include "store/store.h"

struct store_reader;

struct store_reader *reader_open(struct store *store, struct err *err) ATTR_MUST_USE;
void reader_close(struct store_reader *reader); /* NULL is allowed */

/* ---- for the scheduler and the workers ---- */

/* The event with its payload, charged to `budget`; NULL with NOT_FOUND or INTERNAL (unreadable, corrupt). */
struct event *reader_event(struct store_reader *reader, int64_t id, struct budget *budget, struct err *err) ATTR_MUST_USE;
/* The next lane after `endpoint` that has pending rows (skips through the index): its id and its earliest due time. 1, 0: no
 * more, -1. */
int reader_next_lane(struct store_reader *reader, int64_t *endpoint, int64_t *due_ms, struct err *err) ATTR_MUST_USE;
/* The first `max` pending rows of an endpoint by (due, id). The number, or -1. */
int reader_lane(struct store_reader *reader, int64_t endpoint, struct due *out, int max, struct err *err) ATTR_MUST_USE;
/* Unfinished rows whose expires_at has passed, earliest first; and the earliest expires_at of all unfinished (0: none). */
int reader_expired(struct store_reader *reader, int64_t now_ms, struct due *out, int max, int64_t *next_ms, struct err *err) ATTR_MUST_USE;

/* ---- for the API ---- */

/* A page of a list. Cursors are pairs of integers: the sort key and id of the last row that was seen; {0, 0}: from the start. */
struct page {
	int limit; /* 1 … 500 */
	bool ascending;
	int64_t after_key, after_id;
	/* out */
	bool more;
	int64_t last_key, last_id;
	int64_t searched_to_ms; /* not 0: the walk stopped at its time limit here; rows may be short, the cursor goes on */
};

struct event_row {
	const struct event_fields *f; /* data is empty; context only with reader_event_row() */
	int64_t id;
	size_t data_bytes;
	int64_t deliveries;
	enum event_reach reach;
};

struct delivery_row {
	int64_t id, event, endpoint, subscriber;
	enum delivery_state state;
	enum delivery_reason reason;
	int64_t due_ms, created_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms; /* 0: not so */
	int round, attempts, last_status;
	enum attempt_failure last_failure;
	struct slice last_detail, type, event_uid, subject, ordering_key;
};

struct attempt_row {
	int number, round, status;
	int64_t started_ms, duration_ms;
	enum attempt_failure failure;
	struct slice detail, response;
};

struct operation_row {
	int64_t id, created_ms, ended_ms;
	enum operation_kind kind;
	int64_t subscriber, endpoint; /* 0: any */
	int64_t done, skipped;
	int64_t total; /* counted at its start; that of a huge one is the least that is known, and grows */
	bool cancelled;
	struct slice filter; /* JSON text */
};

struct document_row { /* subscriber or endpoint */
	int64_t id, created_ms, updated_ms;
	json_t *doc;                      /* borrowed */
	const struct endpoint *endpoint;  /* endpoints only; borrowed */
};

struct event_filter {
	int64_t subscriber; /* 0: any */
	struct slice type;  /* a pattern */
	int64_t since_ms, until_ms;
};

/* `row` returns 0 to go on. All return 0 or -1 with err (NOT_FOUND for a thing that is not there). only_subscriber ≠ 0 hides what
 * belongs to others. */
int reader_events(struct store_reader *r, const struct event_filter *filter, struct page *page, int (*row)(void *, const struct event_row *),
                  void *context, struct err *err) ATTR_MUST_USE;
int reader_event_row(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct event_row *), void *context,
                     struct err *err) ATTR_MUST_USE;
/* The event with this uid of a subscriber (0: none); `any`: the one without a subscriber, else of whichever, AMBIGUOUS when several
 * have it. The newest when a window has passed and it was used again. */
int reader_event_by_uid(struct store_reader *r, struct slice uid, int64_t subscriber, bool any, int64_t *id, struct err *err) ATTR_MUST_USE;
int reader_event_deliveries(struct store_reader *r, int64_t event, struct page *page, int (*row)(void *, const struct delivery_row *),
                            void *context, struct err *err) ATTR_MUST_USE;
int reader_delivery(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct delivery_row *), void *context,
                    struct err *err) ATTR_MUST_USE;
/* Oldest first; a first-try success has its one attempt from the delivery's own row. */
int reader_attempts(struct store_reader *r, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context, struct err *err)
    ATTR_MUST_USE;
/* Sorted by (time of death, id). */
int reader_dead(struct store_reader *r, const struct dead_filter *filter, struct page *page, int (*row)(void *, const struct delivery_row *),
                void *context, struct err *err) ATTR_MUST_USE;
int reader_dead_count(struct store_reader *r, const struct dead_filter *filter, int64_t *count, struct err *err) ATTR_MUST_USE;
/* What a recovery would send now: those that have not expired. It counts for a bounded time. */
struct recover_count {
	int64_t dead, missing, delivered;
	int64_t searched_to_ms; /* not 0: only events up to here were counted */
};
int reader_recover_count(struct store_reader *r, const struct recover_filter *filter, struct recover_count *count, struct err *err)
    ATTR_MUST_USE;
int reader_operations(struct store_reader *r, struct page *page, int (*row)(void *, const struct operation_row *), void *context,
                      struct err *err) ATTR_MUST_USE;
int reader_operation(struct store_reader *r, int64_t id, int (*row)(void *, const struct operation_row *), void *context, struct err *err)
    ATTR_MUST_USE;
int reader_subscribers(struct store_reader *r, struct page *page, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                       void *context, struct err *err) ATTR_MUST_USE;
int reader_subscriber(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err)
    ATTR_MUST_USE;
/* subscriber: 0 any, else that one's. */
int reader_endpoints(struct store_reader *r, struct page *page, int64_t subscriber, int (*row)(void *, const struct document_row *),
                     void *context, struct err *err) ATTR_MUST_USE;
int reader_endpoint(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *), void *context,
                    struct err *err) ATTR_MUST_USE;
int reader_keys(struct store_reader *r, struct page *page, int (*row)(void *, const struct key *), void *context, struct err *err)
    ATTR_MUST_USE;

/* Integrity, schema and settings, for `grapnel check`: one call of `finding` per problem. It may take long. */
int reader_check(struct store_reader *r, void (*finding)(void *, const char *text), void *context, struct err *err) ATTR_MUST_USE;

#endif
