/* What the reader's files share. */
#ifndef GRAPNEL_STORE_SQLITE_READER_H
#define GRAPNEL_STORE_SQLITE_READER_H

#include "store/sqlite/rows.h"

/* No list holds its read transaction longer; and no longer than its share while others wait. */
enum { READER_TIME_US = 200000, READER_SHARE_US = 50000, READER_ROWS_BETWEEN_CLOCKS = 64 };

/* Owned by the reader's thread. */
struct sqlite_reader {
	struct store_reader base;
	struct db db;
};

static inline struct sqlite_reader *reader_of(struct store_reader *r)
{
	return CONTAINER_OF(r, struct sqlite_reader, base);
}

/* Says that the store cannot be read. Always -1. */
int reader_failed(struct sqlite_reader *r, struct err *err);
int reader_not_found(struct err *err, const char *thing); /* always -1 */

/* Long reads go through the store's gate (read.c). When one that begins now must have ended, monotonic; and each
 * READER_ROWS_BETWEEN_CLOCKS rows whether it must end, which lets other threads go first. */
int64_t reader_begin(const struct sqlite_reader *r);
bool reader_late(const struct engine_env *env, int64_t deadline_us);

/* The progress of one page of a list. */
struct pager {
	struct page *page;
	const struct engine_env *env;
	int64_t deadline_us;
	int given;
	unsigned looked_at;
};

struct pager pager_begin(struct sqlite_reader *r, struct page *page);
/* The cursor to begin after, and of lists by id alone the bound of its query. */
int64_t pager_after_id(const struct page *page);
/* Narrows exclusive bounds of ids to what comes after the cursor. */
void pager_bounds(const struct page *page, int64_t *low, int64_t *high);
/* Before a row is given: true when the page is full already; there is more then. */
bool pager_full(struct pager *pager);
void pager_gave(struct pager *pager, int64_t key, int64_t id);
/* After a row was passed over: true when the time is up, with the place where the next page goes on. */
bool pager_late(struct pager *pager, int64_t key, int64_t id, int64_t at_ms);

/* The functions of struct reader_ops, by file. */
struct event *sqlite_read_event(struct store_reader *r, int64_t id, struct budget *budget, bool (*fits)(void *context, size_t bytes),
                                void *context, struct err *err);
int sqlite_read_events(struct store_reader *r, const struct event_filter *filter, struct page *page,
                       int (*row)(void *, const struct event_row *), void *context, struct err *err);
int sqlite_read_event_row(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct event_row *),
                          void *context, struct err *err);
int sqlite_read_event_by_uid(struct store_reader *r, struct slice uid, int64_t subscriber, bool any, int64_t *id, struct err *err);

int sqlite_read_deliveries(struct store_reader *r, const struct delivery_filter *filter, struct page *page,
                           int (*row)(void *, const struct delivery_row *), void *context, struct err *err);
int sqlite_read_event_deliveries(struct store_reader *r, int64_t event, struct page *page, int (*row)(void *, const struct delivery_row *),
                                 void *context, struct err *err);
int sqlite_read_delivery(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct delivery_row *),
                         void *context, struct err *err);
int sqlite_read_attempts(struct store_reader *r, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context,
                         struct err *err);
int sqlite_read_dead(struct store_reader *r, const struct dead_filter *filter, struct page *page,
                     int (*row)(void *, const struct delivery_row *), void *context, struct err *err);
int sqlite_read_dead_last(struct store_reader *r, int64_t *wall_ms, struct err *err);
int sqlite_read_dead_count(struct store_reader *r, const struct dead_filter *filter, int64_t *count, struct err *err);

/* repair_rows.c */
int sqlite_read_recover_count(struct store_reader *r, const struct recover_filter *filter, struct recover_count *count, struct err *err);

int sqlite_read_operations(struct store_reader *r, const struct operation_filter *filter, struct page *page,
                           int (*row)(void *, const struct operation_row *), void *context, struct err *err);
int sqlite_read_operation(struct store_reader *r, int64_t id, int (*row)(void *, const struct operation_row *), void *context,
                          struct err *err);
int sqlite_read_subscribers(struct store_reader *r, const struct subscriber_filter *filter, struct page *page,
                            int (*row)(void *, const struct document_row *), void *context, struct err *err);
int sqlite_read_subscriber(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context,
                           struct err *err);
int sqlite_read_endpoints(struct store_reader *r, const struct endpoint_filter *filter, struct page *page,
                          int (*row)(void *, const struct document_row *), void *context, struct err *err);
int sqlite_read_endpoint(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                         void *context, struct err *err);
int sqlite_read_endpoint_ever(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                              void *context, struct err *err);
int sqlite_read_endpoint_owner(struct store_reader *r, int64_t id, int64_t *subscriber, struct err *err);
/* read_source.c */
int sqlite_read_sources(struct store_reader *r, const struct source_filter *filter, struct page *page,
                        int (*row)(void *, const struct document_row *), void *context, struct err *err);
int sqlite_read_source(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err);
int sqlite_read_rejections(struct store_reader *r, const struct rejection_filter *filter, struct page *page,
                           int (*row)(void *, const struct rejection_row *), void *context, struct err *err);
int sqlite_read_rejection(struct store_reader *r, int64_t id, int (*row)(void *, const struct rejection_row *), void *context,
                          struct err *err);
int sqlite_read_keys(struct store_reader *r, int64_t subscriber, struct page *page, int (*row)(void *, const struct key *), void *context,
                     struct err *err);
int sqlite_read_event_at(struct store_reader *r, int64_t event, int64_t endpoint, struct event_at *at, struct err *err);
int sqlite_read_waiting(struct store_reader *r, int64_t delivery, struct delivery_wait *waiting, struct err *err);
int sqlite_read_recent(struct store_reader *r, int (*row)(void *, const struct recent_row *), void *context, struct err *err);
int sqlite_read_stats(struct store_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats, struct err *err);
int sqlite_read_audit(struct store_reader *r, const struct audit_filter *filter, struct page *page,
                      int (*row)(void *, const struct audit_row *), void *context, struct err *err);
int sqlite_read_event_types(struct store_reader *r, struct page *page, bool described, int (*row)(void *, const struct event_type_row *),
                            void *context, struct err *err);
int sqlite_read_event_type(struct store_reader *r, struct slice type, int (*row)(void *, const struct event_type_row *), void *context,
                           struct err *err);
int sqlite_read_once(struct store_reader *r, const struct once *once, struct once_record *record, struct err *err);
int sqlite_read_admins(struct store_reader *r, int (*row)(void *, const struct admin *), void *context, struct err *err);
int sqlite_read_admin(struct store_reader *r, struct slice name, struct admin *admin, struct err *err);
int sqlite_read_check(struct store_reader *r, void (*finding)(void *, const char *text), void *context, struct err *err);

#endif
