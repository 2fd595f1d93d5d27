/* Readers: each call goes to the engine that the reader belongs to. */
#include "store/read.h"

#include "store/engine.h"
#include "store/private.h"

struct store_reader *reader_open(struct store *store, struct err *err)
{
	return store->engine->ops->reader_open(store->engine, err);
}

void reader_close(struct store_reader *r)
{
	if (r)
		r->ops->close(r);
}

struct event *reader_event(struct store_reader *r, int64_t id, struct budget *budget, struct err *err)
{
	return r->ops->event(r, id, budget, NULL, NULL, err);
}

struct event *reader_event_if(struct store_reader *r, int64_t id, struct budget *budget, bool (*fits)(void *context, size_t bytes),
                              void *context, struct err *err)
{
	return r->ops->event(r, id, budget, fits, context, err);
}

int reader_next_lane(struct store_reader *r, int64_t *endpoint, int64_t *due_ms, struct err *err)
{
	return r->ops->next_lane(r, endpoint, due_ms, err);
}

int reader_lane(struct store_reader *r, int64_t endpoint, struct due *out, int max, struct err *err)
{
	return r->ops->lane(r, endpoint, out, max, err);
}

int reader_expired(struct store_reader *r, int64_t now_ms, struct due *out, int max, int64_t *next_ms, struct err *err)
{
	return r->ops->expired(r, now_ms, out, max, next_ms, err);
}

int reader_events(struct store_reader *r, const struct event_filter *filter, struct page *page,
                  int (*row)(void *, const struct event_row *), void *context, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->events(r, filter, page, row, context, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_event_row(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct event_row *),
                     void *context, struct err *err)
{
	return r->ops->event_row(r, id, only_subscriber, row, context, err);
}

int reader_event_by_uid(struct store_reader *r, struct slice uid, int64_t subscriber, bool any, int64_t *id, struct err *err)
{
	return r->ops->event_by_uid(r, uid, subscriber, any, id, err);
}

int reader_deliveries(struct store_reader *r, const struct delivery_filter *filter, struct page *page,
                      int (*row)(void *, const struct delivery_row *), void *context, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->deliveries(r, filter, page, row, context, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_event_deliveries(struct store_reader *r, int64_t event, struct page *page, int (*row)(void *, const struct delivery_row *),
                            void *context, struct err *err)
{
	return r->ops->event_deliveries(r, event, page, row, context, err);
}

int reader_delivery(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct delivery_row *),
                    void *context, struct err *err)
{
	return r->ops->delivery(r, id, only_subscriber, row, context, err);
}

int reader_attempts(struct store_reader *r, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context,
                    struct err *err)
{
	return r->ops->attempts(r, delivery, row, context, err);
}

int reader_dead(struct store_reader *r, const struct dead_filter *filter, struct page *page,
                int (*row)(void *, const struct delivery_row *), void *context, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->dead(r, filter, page, row, context, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_dead_last(struct store_reader *r, int64_t *wall_ms, struct err *err)
{
	return r->ops->dead_last(r, wall_ms, err);
}

int reader_dead_count(struct store_reader *r, const struct dead_filter *filter, int64_t *count, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->dead_count(r, filter, count, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_recover_count(struct store_reader *r, const struct recover_filter *filter, struct recover_count *count, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->recover_count(r, filter, count, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_operations(struct store_reader *r, const struct operation_filter *filter, struct page *page,
                      int (*row)(void *, const struct operation_row *), void *context, struct err *err)
{
	return r->ops->operations(r, filter, page, row, context, err);
}

int reader_operation(struct store_reader *r, int64_t id, int (*row)(void *, const struct operation_row *), void *context, struct err *err)
{
	return r->ops->operation(r, id, row, context, err);
}

int reader_subscribers(struct store_reader *r, const struct subscriber_filter *filter, struct page *page,
                       int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return r->ops->subscribers(r, filter, page, row, context, err);
}

int reader_subscriber(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return r->ops->subscriber(r, id, row, context, err);
}

int reader_endpoints(struct store_reader *r, const struct endpoint_filter *filter, struct page *page,
                     int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return r->ops->endpoints(r, filter, page, row, context, err);
}

int reader_endpoint(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                    void *context, struct err *err)
{
	return r->ops->endpoint(r, id, only_subscriber, row, context, err);
}

int reader_endpoint_ever(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
                         void *context, struct err *err)
{
	return r->ops->endpoint_ever(r, id, only_subscriber, row, context, err);
}

int reader_endpoint_owner(struct store_reader *r, int64_t id, int64_t *subscriber, struct err *err)
{
	return r->ops->endpoint_owner(r, id, subscriber, err);
}

int reader_keys(struct store_reader *r, int64_t subscriber, struct page *page, int (*row)(void *, const struct key *), void *context,
                struct err *err)
{
	return r->ops->keys(r, subscriber, page, row, context, err);
}

int reader_sources(struct store_reader *r, const struct source_filter *filter, struct page *page,
                   int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return r->ops->sources(r, filter, page, row, context, err);
}

int reader_source(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err)
{
	return r->ops->source(r, id, row, context, err);
}

int reader_rejections(struct store_reader *r, const struct rejection_filter *filter, struct page *page,
                      int (*row)(void *, const struct rejection_row *), void *context, struct err *err)
{
	return r->ops->rejections(r, filter, page, row, context, err);
}

int reader_rejection(struct store_reader *r, int64_t id, int (*row)(void *, const struct rejection_row *), void *context, struct err *err)
{
	return r->ops->rejection(r, id, row, context, err);
}

int reader_event_at(struct store_reader *r, int64_t event, int64_t endpoint, struct event_at *at, struct err *err)
{
	return r->ops->event_at(r, event, endpoint, at, err);
}

int reader_waiting(struct store_reader *r, int64_t delivery, struct delivery_wait *waiting, struct err *err)
{
	return r->ops->waiting(r, delivery, waiting, err);
}

int reader_recent(struct store_reader *r, int (*row)(void *, const struct recent_row *), void *context, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->recent(r, row, context, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_stats(struct store_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats, struct err *err)
{
	gate_enter(r->env->gate);
	int result = r->ops->stats(r, now_ms, subscriber, stats, err);
	gate_leave(r->env->gate);
	return result;
}

int reader_audit(struct store_reader *r, const struct audit_filter *filter, struct page *page, int (*row)(void *, const struct audit_row *),
                 void *context, struct err *err)
{
	return r->ops->audit(r, filter, page, row, context, err);
}

int reader_event_types(struct store_reader *r, struct page *page, bool described, int (*row)(void *, const struct event_type_row *),
                       void *context, struct err *err)
{
	return r->ops->event_types(r, page, described, row, context, err);
}

int reader_event_type(struct store_reader *r, struct slice type, int (*row)(void *, const struct event_type_row *), void *context,
                      struct err *err)
{
	return r->ops->event_type(r, type, row, context, err);
}

int reader_admins(struct store_reader *r, int (*row)(void *, const struct admin *), void *context, struct err *err)
{
	return r->ops->admins(r, row, context, err);
}

int reader_admin(struct store_reader *r, struct slice name, struct admin *admin, struct err *err)
{
	return r->ops->admin(r, name, admin, err);
}

int reader_check(struct store_reader *r, void (*finding)(void *, const char *text), void *context, struct err *err)
{
	return r->ops->check(r, finding, context, err);
}
