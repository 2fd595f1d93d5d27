/* Reading the store: each thread opens a reader of its own (a read-only connection). No call holds a read transaction over
 * 200 ms. Rows are given to a callback; what they point to is valid only during the call. */
#ifndef GRAPNEL_STORE_READ_H
#define GRAPNEL_STORE_READ_H

#include "base/strbuf.h"
#include "store/store.h"

struct store_reader;

struct store_reader *reader_open(struct store *store, struct err *err) ATTR_MUST_USE;
void reader_close(struct store_reader *reader); /* NULL is allowed */

/* ---- for the scheduler and the workers ---- */

/* The event with its payload, charged to `budget`; NULL with NOT_FOUND or INTERNAL (unreadable, corrupt). */
struct event *reader_event(struct store_reader *reader, int64_t id, struct budget *budget, struct err *err) ATTR_MUST_USE;
/* The same where memory is counted: `fits` is asked before the event is copied, and UNAVAILABLE when it says no. */
struct event *reader_event_if(struct store_reader *reader, int64_t id, struct budget *budget, bool (*fits)(void *context, size_t bytes),
                              void *context, struct err *err) ATTR_MUST_USE;
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
	int64_t being_made; /* an event's deliveries: so many are to come yet; set by who lists them */
	int64_t searched_to_ms; /* not 0: the walk stopped at its time limit here; rows may be short, the cursor goes on */
};

struct event_row {
	const struct event_fields *f; /* data is empty; context only with reader_event_row() */
	int64_t id;
	size_t data_bytes;
	int64_t deliveries;
	int64_t being_made; /* of them, not made yet; only with reader_event_row() */
	enum event_reach reach;
	int64_t erased_ms; /* 0: what it said is there */
};

struct delivery_row {
	int64_t id, event, endpoint, subscriber;
	enum delivery_state state;
	enum delivery_reason reason;
	int64_t due_ms, created_ms, ended_ms, expires_ms, event_erased_ms, last_started_ms, last_duration_ms; /* 0: not so */
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
	int64_t id, version, created_ms, updated_ms;
	json_t *doc;                      /* borrowed */
	const struct endpoint *endpoint;  /* endpoints only; borrowed */
	const struct source *source;      /* sources only; borrowed */
};

struct rejection_row {
	int64_t id, source /* 0: there was none */, at_ms, event /* 0: not accepted */;
	int64_t body_bytes;
	bool cut;
	struct slice reason, why, name, remote, method, content_type;
	struct slice head, body; /* only with reader_rejection(); head is sealed: rejection_open() */
};

/* Filters: zero or absent is "any". Times are since ≤ t < until. As a subscriber this is what has none. */
#define FILTER_NOBODY INT64_C(-1)
struct event_filter {
	int64_t subscriber;
	struct slice type; /* a pattern */
	int64_t since_ms, until_ms; /* of receipt */
	bool by_source;
	int64_t source; /* 0: the API */
	struct slice subject;
	struct slice trace_id; /* 32 hex digits */
	enum event_matched { MATCHED_ANY, MATCHED_NOBODY, MATCHED_SOMEBODY } matched;
	struct slice q; /* found in type, subject or uid; case-insensitive for ASCII */
};

struct delivery_filter {
	int64_t endpoint, subscriber;
	bool by_state;
	enum delivery_state state;
	enum delivery_reason reason;
	struct slice type;          /* a pattern */
	int64_t since_ms, until_ms; /* of its making */
};

struct endpoint_filter {
	int64_t subscriber;
	bool by_status;
	enum endpoint_status status;
	struct slice q; /* found in uid, url or description */
};

struct subscriber_filter {
	int64_t only;   /* a bound key's own */
	struct slice q; /* found in uid or name */
};

struct source_filter {
	struct slice q;      /* found in uid or description */
	struct slice scheme; /* absent: any */
};

struct rejection_filter {
	bool by_source;
	int64_t source; /* 0: requests for what is no source */
	int64_t since_ms, until_ms;
	struct slice reason, remote; /* absent: any */
	bool pending;                /* only those that were not accepted */
};

struct operation_filter {
	int64_t subscriber;
	enum operation_state { OPERATION_ANY, OPERATION_RUNNING, OPERATION_DONE, OPERATION_CANCELLED } state;
};

/* What became of an event at one endpoint. */
struct event_at {
	int64_t delivery; /* 0: none was made */
	bool being_made;  /* it will be in a moment: one of a large fan-out */
	int64_t first;    /* the endpoint of its first delivery: the one that it was addressed to, if it was; 0: there is none */
};

/* What a delivery that has not ended waits behind. */
struct delivery_wait {
	int64_t head, head_due_ms; /* held: the pending one of its key */
	int64_t ahead;             /* pending ones of its endpoint that come before it; counted up to WAITING_AHEAD_MAX */
};

enum { WAITING_AHEAD_MAX = 10000 };

struct recent_row {
	int64_t id, time_ms, subscriber;
	enum event_reach reach;
	struct slice type;
};

/* A count, or the least that it is known to be: no more than STATS_COUNT_MAX rows are counted, and for a short time only. */
struct tally {
	int64_t count;
	bool at_least;
};

enum { STATS_COUNT_MAX = 100000 };

struct stats {
	struct tally pending, due, held, dead, events_minute, events_hour;
	int64_t oldest_pending_ms; /* when the oldest pending delivery was made; 0: there is none. With pending.at_least: that of those counted */
	int64_t endpoints[ENDPOINT_DELETED]; /* by status */
	int64_t operations;                  /* running */
};

/* A change in the audit. Absent slices are {NULL, 0}. */
struct audit_row {
	int64_t id, at_ms, subscriber;
	struct slice actor, actor_name, address, request_id, action, resource, before, after;
};

struct audit_filter {
	int64_t since_ms, until_ms;
	struct slice actor, action, resource; /* absent: any */
};

/* An event type that was seen (count > 0) or described (doc is not NULL). */
struct event_type_row {
	int64_t id, count, first_seen_ms, last_seen_ms, updated_ms;
	struct slice type;
	json_t *doc;
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
int reader_deliveries(struct store_reader *r, const struct delivery_filter *filter, struct page *page,
                      int (*row)(void *, const struct delivery_row *), void *context, struct err *err) ATTR_MUST_USE;
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
/* The latest time of death there is, 0 without one: it may lie a little after the clock's time. */
int reader_dead_last(struct store_reader *r, int64_t *wall_ms, struct err *err) ATTR_MUST_USE;
int reader_dead_count(struct store_reader *r, const struct dead_filter *filter, int64_t *count, struct err *err) ATTR_MUST_USE;
/* What a recovery would send now: those that have not expired. It counts for a bounded time. */
struct recover_count {
	int64_t dead, missing, delivered;
	int64_t searched_to_ms; /* not 0: only events up to here were counted */
};
int reader_recover_count(struct store_reader *r, const struct recover_filter *filter, struct recover_count *count, struct err *err)
    ATTR_MUST_USE;
int reader_operations(struct store_reader *r, const struct operation_filter *filter, struct page *page,
                      int (*row)(void *, const struct operation_row *), void *context, struct err *err) ATTR_MUST_USE;
int reader_operation(struct store_reader *r, int64_t id, int (*row)(void *, const struct operation_row *), void *context, struct err *err)
    ATTR_MUST_USE;
int reader_subscribers(struct store_reader *r, const struct subscriber_filter *filter, struct page *page,
                       int (*row)(void *, const struct document_row *), void *context, struct err *err) ATTR_MUST_USE;
int reader_subscriber(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err)
    ATTR_MUST_USE;
int reader_endpoints(struct store_reader *r, const struct endpoint_filter *filter, struct page *page,
                     int (*row)(void *, const struct document_row *), void *context, struct err *err) ATTR_MUST_USE;
int reader_endpoint(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *), void *context,
                    struct err *err) ATTR_MUST_USE;
/* Also a deleted one (status DELETED). */
int reader_endpoint_ever(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                         void *context, struct err *err) ATTR_MUST_USE;
/* Whose endpoint it is, or was before it was deleted. */
int reader_endpoint_owner(struct store_reader *r, int64_t id, int64_t *subscriber, struct err *err) ATTR_MUST_USE;
int reader_sources(struct store_reader *r, const struct source_filter *filter, struct page *page,
                   int (*row)(void *, const struct document_row *), void *context, struct err *err) ATTR_MUST_USE;
int reader_source(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err)
    ATTR_MUST_USE;
int reader_rejections(struct store_reader *r, const struct rejection_filter *filter, struct page *page,
                      int (*row)(void *, const struct rejection_row *), void *context, struct err *err) ATTR_MUST_USE;
int reader_rejection(struct store_reader *r, int64_t id, int (*row)(void *, const struct rejection_row *), void *context, struct err *err)
    ATTR_MUST_USE;
/* The head that was sealed: JSON text (malloc, NUL behind it); NULL: it cannot be opened. */
char *rejection_open(const struct master_key *master, int64_t id, struct slice head, size_t *len) ATTR_MUST_USE;
/* subscriber ≠ 0: those bound to it; FILTER_NOBODY: to none. */
int reader_keys(struct store_reader *r, int64_t subscriber, struct page *page, int (*row)(void *, const struct key *), void *context,
                struct err *err) ATTR_MUST_USE;

int reader_event_at(struct store_reader *r, int64_t event, int64_t endpoint, struct event_at *at, struct err *err) ATTR_MUST_USE;
int reader_waiting(struct store_reader *r, int64_t delivery, struct delivery_wait *waiting, struct err *err) ATTR_MUST_USE;
/* The newest events downwards, until `row` says stop, for at most 200 ms. */
int reader_recent(struct store_reader *r, int (*row)(void *, const struct recent_row *), void *context, struct err *err) ATTR_MUST_USE;
/* The numbers of the overview at this time; subscriber ≠ 0: of its things alone. */
int reader_stats(struct store_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats, struct err *err) ATTR_MUST_USE;

/* By time. */
int reader_audit(struct store_reader *r, const struct audit_filter *filter, struct page *page, int (*row)(void *, const struct audit_row *),
                 void *context, struct err *err) ATTR_MUST_USE;
/* Whether the audit calls a change so. */
bool audit_action_known(struct slice text);
/* In the order in which they were first seen or described; `described`: these alone. */
int reader_event_types(struct store_reader *r, struct page *page, bool described, int (*row)(void *, const struct event_type_row *),
                       void *context, struct err *err) ATTR_MUST_USE;
int reader_event_type(struct store_reader *r, struct slice type, int (*row)(void *, const struct event_type_row *), void *context,
                      struct err *err) ATTR_MUST_USE;
/* What a request was answered that came before: *answer (malloc, a NUL behind it), NULL when there is none. KEY_REUSED when its key
 * was used for another one. See once.h. */
int reader_once(struct store_reader *r, const struct master_key *master, const struct once *once, int64_t now_ms, char **answer,
                size_t *answer_len, struct err *err) ATTR_MUST_USE;

/* All administrators by name; and the one of a name (NOT_FOUND). */
int reader_admins(struct store_reader *r, int (*row)(void *, const struct admin *), void *context, struct err *err) ATTR_MUST_USE;
int reader_admin(struct store_reader *r, struct slice name, struct admin *admin, struct err *err) ATTR_MUST_USE;

/* Integrity, schema and settings, for `grapnel check`: one call of `finding` per problem. It may take long. */
int reader_check(struct store_reader *r, void (*finding)(void *, const char *text), void *context, struct err *err) ATTR_MUST_USE;

#endif
