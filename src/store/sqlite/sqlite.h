/* What the files of the SQLite engine share. */
#ifndef GRAPNEL_STORE_SQLITE_SQLITE_H
#define GRAPNEL_STORE_SQLITE_SQLITE_H

#include "base/idmap.h"
#include "store/engine.h"
#include "store/sqlite/db.h"
#include "store/sqlite/dedupe_state.h"

/* Owned by the writer's thread, but for the epochs, which never change after open. */
struct sqlite {
	struct engine base;
	struct db db;
	int64_t epochs[ENGINE_SHARDS];
	/* Endpoints that have, or lately had, unfinished ordered deliveries: others need no look for a next one. */
	struct idmap ordered;
	struct dedupe_store dedupe;
	int wal_pages; /* in the WAL after the last commit */
	int checkpoint_at; /* so many */
	bool wipes; /* the open transaction overwrites what it deletes */
	bool scrub; /* the WAL is to be emptied: erased bytes stand in it; not before … */
	int64_t scrub_us;
};

static inline struct sqlite *sqlite_of(struct engine *engine)
{
	return CONTAINER_OF(engine, struct sqlite, base);
}

/* Hands the connection's failure to the engine's head. Always -1. */
int sqlite_failed(struct sqlite *s);

/* run_row, run_done, run_value, with the failure handed on. */
int sqlite_row(struct sqlite *s, struct run *run) ATTR_MUST_USE;
int sqlite_done(struct sqlite *s, struct run *run) ATTR_MUST_USE;
int sqlite_value(struct sqlite *s, struct run *run, int64_t *value) ATTR_MUST_USE;
/* The first column of all rows, which the query bounds to as many as there is room for; how many. */
int sqlite_ids(struct sqlite *s, struct run *run, int64_t *ids) ATTR_MUST_USE;

/* lease.c: all shards are this node's, in a new epoch. */
int lease_take(struct sqlite *s) ATTR_MUST_USE;
int64_t sqlite_epoch(struct engine *engine, int64_t endpoint);

/* load.c */
int load_all(struct sqlite *s, struct keyring *keyring, struct err *err) ATTR_MUST_USE;

/* publish.c, outcome.c */
int sqlite_publish(struct engine *engine, struct publish_item **items, size_t len, struct news *news);
int sqlite_outcomes(struct engine *engine, struct outcome **outcomes, size_t len);
int sqlite_delivery_make(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due);
int sqlite_delivery_expand(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due);

/* dedupe_rows.c; when all of a batch is published: dedupe_write() */
/* What the item's keys say of it: a DEDUPE_ verdict, or -1. REPEATED: the item gets the first one's answer. `known`: which of its keys
 * are remembered already. */
int sqlite_dedupe_check(struct sqlite *s, struct publish_item *item, bool known[2]) ATTR_MUST_USE;
/* Remembers the other keys for the item's event. */
int sqlite_dedupe_put(struct sqlite *s, const struct publish_item *item, const bool known[2]) ATTR_MUST_USE;

/* config_rows.c */
int sqlite_subscriber_get(struct engine *engine, int64_t id, struct subscriber_record *record);
int sqlite_subscriber_of_uid(struct engine *engine, const char *uid, int64_t *id);
int sqlite_subscriber_put(struct engine *engine, const struct subscriber_record *record, const char *uid);
int sqlite_subscriber_delete(struct engine *engine, int64_t id);
int sqlite_subscriber_endpoints(struct engine *engine, int64_t id, int64_t *count);
int sqlite_endpoint_get(struct engine *engine, int64_t id, struct endpoint_record *record);
int sqlite_endpoint_status(struct engine *engine, int64_t id, enum endpoint_status *status);
int sqlite_endpoint_of_uid(struct engine *engine, int64_t subscriber, const char *uid, int64_t *id);
int sqlite_endpoint_put(struct engine *engine, const struct endpoint *endpoint, const json_t *doc);
int sqlite_key_get(struct engine *engine, int64_t id, struct key *key);
int sqlite_key_insert(struct engine *engine, const struct key *key);
int sqlite_key_delete(struct engine *engine, int64_t id);
int sqlite_key_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *id);

/* source_rows.c */
int sqlite_source_get(struct engine *engine, int64_t id, struct source_record *record);
int sqlite_source_of_uid(struct engine *engine, const char *uid, int64_t *id);
int sqlite_source_put(struct engine *engine, const struct source *source, const json_t *doc);
int sqlite_source_delete(struct engine *engine, int64_t id);
int sqlite_sources_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *number);
int sqlite_rejection_insert(struct engine *engine, int64_t id, const struct rejection *rejection, struct slice head);
int sqlite_rejection_state(struct engine *engine, int64_t id, int64_t *event);
int sqlite_rejection_accept(struct engine *engine, int64_t id, int64_t event);
int sqlite_rejection_oldest(struct engine *engine, const int64_t *of_source, struct rejection_place *oldest);
int sqlite_rejection_delete(struct engine *engine, int64_t id);
int sqlite_rejections_tally(struct engine *engine, void (*each)(void *context, int64_t source, int64_t number, int64_t bytes), void *context);

/* admin_rows.c */
int sqlite_admin_of_name(struct engine *engine, const char *name, struct admin *admin);
int sqlite_admin_put(struct engine *engine, const struct admin *admin);

/* pause_rows.c */
int sqlite_pause_get(struct engine *engine, struct pause_view *view);
int sqlite_pause_put(struct engine *engine, const struct pause_view *view);

/* delivery_rows.c */
int sqlite_delivery_get(struct engine *engine, int64_t id, struct delivery_record *record);
int sqlite_delivery_put(struct engine *engine, const struct delivery_record *record);
int sqlite_attempt_keep_last(struct engine *engine, int64_t delivery);
int sqlite_order_head(struct engine *engine, int64_t endpoint, const char *key, int64_t *id);
int sqlite_order_promote(struct engine *engine, int64_t endpoint, const char *key, struct due *promoted);
int sqlite_pending_ids(struct engine *engine, int64_t endpoint, int64_t *ids, int max);
int sqlite_unfinished_count(struct engine *engine, int64_t endpoint, int64_t max, int64_t *count);
int sqlite_dead_walk(struct engine *engine, struct dead_walk *walk, int64_t *ids, int max);

/* repair_rows.c */
int sqlite_event_get(struct engine *engine, int64_t id, struct event **event, enum event_reach *reach);
int sqlite_event_delivery(struct engine *engine, int64_t event, int64_t endpoint, int64_t *delivery);
int sqlite_event_endpoints(struct engine *engine, int64_t event, int64_t subscriber, int64_t *endpoints, int max);
int sqlite_recover_walk(struct engine *engine, struct recover_walk *walk, struct recover_hit *hits, int max);

/* expansion_rows.c */
/* The event is to reach these, sorted by id. */
int sqlite_expansion_begin(struct sqlite *s, int64_t event, struct endpoint *const *targets, size_t len) ATTR_MUST_USE;
int sqlite_expansion_first(struct engine *engine, struct expansion *part);
int sqlite_expansion_at(struct engine *engine, int64_t event, int64_t endpoint, struct expansion *part);
int sqlite_expansion_event_after(struct engine *engine, int64_t event, int64_t *next);
int sqlite_expansion_put(struct engine *engine, const struct expansion *part);
int sqlite_expansion_event(struct engine *engine, int64_t id, size_t data_max, struct event **event);

/* herald_rows.c */
int sqlite_toll_add(struct engine *engine, int64_t endpoint, enum delivery_reason reason, const struct toll_part *part);
int sqlite_tolls_take(struct engine *engine, int64_t endpoint, struct toll_part parts[REASONS]);
int sqlite_tolls_after(struct engine *engine, int64_t after, int64_t *endpoint);
int sqlite_failing_put(struct engine *engine, int64_t source, int64_t since_ms);
int sqlite_failing_delete(struct engine *engine, int64_t source);
int sqlite_failing_after(struct engine *engine, int64_t after, int64_t *source);

/* health_rows.c */
int sqlite_health_each(struct engine *engine, void (*each)(void *context, const struct health_record *record), void *context);
int sqlite_health_put(struct engine *engine, const struct health_record *record);
int sqlite_health_delete(struct engine *engine, int64_t endpoint);

/* operation_rows.c */
int sqlite_operation_get(struct engine *engine, int64_t id, struct operation_record *record);
int sqlite_operation_open_after(struct engine *engine, int64_t id, int64_t *next);
int sqlite_operation_insert(struct engine *engine, const struct operation_record *record);
int sqlite_operation_progress(struct engine *engine, const struct operation_record *record);

/* change_rows.c */
int sqlite_audit_insert(struct engine *engine, const struct audit_record *record);
int sqlite_once_get(struct engine *engine, const struct once *once, struct once_record *record);
int sqlite_once_put(struct engine *engine, const struct once_record *record);
int sqlite_once_sweep(struct engine *engine, int64_t until_ms, int max, bool *any);
int sqlite_event_type_get(struct engine *engine, struct slice type, struct event_type_row *row);
int sqlite_event_type_put(struct engine *engine, const struct event_type_row *row);
int sqlite_event_type_delete(struct engine *engine, int64_t id);
int sqlite_event_types_number(struct engine *engine, int64_t *number);

/* retention_rows.c */
int sqlite_retire(struct engine *engine, struct retire *retire);
int sqlite_event_oldest(struct engine *engine, int64_t *id);
int sqlite_operations_sending(struct engine *engine, int64_t *count);
int sqlite_event_expands(struct engine *engine, int64_t id);

/* erase_rows.c */
int sqlite_event_erased(struct engine *engine, int64_t id, int64_t *erased_ms);
int sqlite_event_erase(struct engine *engine, int64_t id);
int sqlite_delivery_erase(struct engine *engine, int64_t id, int64_t *responses);
int sqlite_event_deliveries(struct engine *engine, int64_t event, int64_t after, struct delivery_place *places, int max);
int sqlite_erase_walk(struct engine *engine, struct erase_walk *walk);
int sqlite_audit_erase(struct engine *engine, int64_t id);
int sqlite_endpoints_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *ids, int max);
int sqlite_tombstones_of_subscriber(struct engine *engine, int64_t subscriber, int64_t after, int64_t *ids, int max);
int sqlite_tombstone_erase(struct engine *engine, int64_t id, struct slice doc);

/* space.c */
int sqlite_space(struct engine *engine, struct engine_space *space);
int sqlite_space_give_back(struct engine *engine, int pages);
int sqlite_seen_get(struct engine *engine, int64_t *wall_ms);
int sqlite_seen_put(struct engine *engine, int64_t wall_ms);
int sqlite_wipe(struct engine *engine);
void sqlite_scrub(struct engine *engine);
bool sqlite_scrubbing(const struct engine *engine);
/* After a transaction: what is deleted later is overwritten only where that costs nothing. */
void space_wiped(struct sqlite *s);
/* Empties the WAL if nobody reads it. -1 when the disk failed. */
int space_scrub(struct sqlite *s) ATTR_MUST_USE;

/* backup.c */
void *sqlite_backup_begin(struct engine *engine, const char *path, struct err *err);
int sqlite_backup_step(struct engine *engine, void *backup, struct err *err);
int sqlite_backup_end(struct engine *engine, void *backup, bool complete, struct err *err);

/* reader.c */
struct store_reader *sqlite_reader_open(struct engine *engine, struct err *err);
extern const struct reader_ops sqlite_reader_ops;

#endif
