/* What a storage engine implements: one table of functions, one folder. The writer's thread calls them all (or whoever opens the
 * store, before that thread starts); those of struct reader_ops run on the reader's own thread.
 *
 * The engine stores and finds; what a command means is decided above it (change_*.c, operation.c, dedupe.c), the same for every
 * engine. Publishes and outcomes reach it as whole batches, so that an engine may send them as arrays; everything else is rare and
 * goes row by row.
 *
 * Functions return 0 (or 1 where they say so), and -1 when the engine failed: `fault` and `why` then say how, and the transaction
 * must be rolled back. An engine decides everything by reading before it writes, so that nothing but a fault ends an item half-way. */
#ifndef GRAPNEL_STORE_ENGINE_H
#define GRAPNEL_STORE_ENGINE_H

#include "base/id.h"
#include "store/gate.h"
#include "store/news.h"
#include "store/read.h"
#include "store/retention.h"
#include "store/store.h"
#include "store/census.h"

struct health_record; /* health.h */
struct erase_walk; /* erase.h */

enum engine_fault {
	ENGINE_FINE,
	ENGINE_REFUSED, /* something about these rows: others may do well */
	ENGINE_STORAGE, /* the disk or the memory: nothing can be written now */
	ENGINE_FSYNC,   /* what was written before may be lost: the process must end */
};

/* What an engine is given; lives as long as the store. */
struct engine_env {
	char *data_dir;
	unsigned node;
	int64_t dedupe_window_ms;
	int64_t dedupe_keys, dedupe_run_keys;
	bool capture_success;
	const struct clock *clock;
	struct index *index;
	struct source_table *sources; /* NULL: nobody looks */
	struct id_source *ids;
	struct gate *gate; /* before long reads */
	struct census *census;
	bool counts; /* it is to be filled at the open */
};

/* The head of each engine's own structure. */
struct engine {
	const struct engine_ops *ops;
	const struct engine_env *env;
	int64_t now_ms; /* wall time of the open transaction */
	/* What deaths of the open transaction are dated: see engine_death_ms(). */
	int64_t death_ms;
	int64_t deaths_from_ms; /* later than every death before */
	bool died;              /* something did, in this transaction */
	size_t rows;    /* that the publishes of the open transaction wrote */
	bool expanding; /* there may be fan-outs that are not made whole yet (expand.h) */
	bool expands;   /* the open transaction began one */
	enum engine_fault fault;
	char why[ERR_DETAIL_MAX];
};

/* The time of a death in the open transaction: later than those of any transaction before, even when the clock stands or goes back.
 * So the order of dead letters, (time of death, id), only grows at its end, and who reads it upwards misses none. */
static inline int64_t engine_death_ms(struct engine *engine)
{
	engine->died = true;
	return engine->death_ms;
}

/* What nodes lease is shards of endpoints. */
enum { ENGINE_SHARDS = 64 };

static inline unsigned engine_shard(int64_t endpoint)
{
	return (unsigned)((uint64_t)endpoint * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}

/* ---- Rows, as what is above the engine reads and writes them ---- */

struct subscriber_record {
	int64_t id, version, created_ms, updated_ms;
	json_t *doc; /* owned */
};

struct endpoint_record {
	struct endpoint_meta meta;
	json_t *doc; /* owned */
	unsigned secrets_len;
	struct endpoint_secret secrets[ENDPOINT_SECRETS_MAX]; /* owned */
	unsigned pairs_len;
	struct endpoint_pair pairs[ENDPOINT_SECRETS_MAX]; /* owned */
	struct endpoint_secret credentials; /* owned; without bytes: none */
	struct endpoint_verification verification;
	char *verified_url; /* that it is of; owned; NULL: none is known */
	struct endpoint_secret legacy; /* owned; `sealed` is NULL: none */
};

struct source_record {
	struct source_meta meta;
	json_t *doc; /* owned */
	unsigned secrets_len;
	struct source_secret secrets[SOURCE_SECRETS_MAX]; /* owned */
};

struct delivery_record {
	struct due due;
	int64_t subscriber;
	enum delivery_state state;
	enum delivery_reason reason;
	int64_t ended_ms; /* 0: not ended */
	bool ordered;
	char order_key[EVENT_ORDERING_KEY_MAX + 1]; /* "" also when it is ordered without a key */
};

struct operation_record {
	int64_t id, subscriber, endpoint;
	enum operation_kind kind;
	int64_t started_ms, ended_ms; /* 0: not ended */
	int64_t max_id;               /* later ones are not touched */
	int64_t cursor_key, cursor_id;
	int64_t done, skipped, total;
	bool cancelled;
	char *filter; /* malloc, owned; JSON text */
};

void source_record_clear(struct source_record *record);
void endpoint_record_clear(struct endpoint_record *record);
/* NULL and `err` when what is stored is not valid (any more). One reference. */
struct endpoint *endpoint_of_record(const struct endpoint_record *record, struct err *err) ATTR_MUST_USE;

/* A request that was carried out (once.h). Detail and answer are sealed, owned; NULL: none. */
struct once_record {
	struct once once;
	int64_t at_ms, result;
	bool created;
	size_t detail_len, answer_len;
	uint8_t *detail; /* what only the answer of the change says, such as a secret */
	uint8_t *answer;
};

void once_record_clear(struct once_record *record);

/* A row of the audit; absent slices are NULL. Before and after are JSON text. */
struct audit_record {
	int64_t id, at_ms, subscriber;
	struct slice actor, actor_name, address, request_id, action, resource, before, after;
};

/* A walk over dead letters by (time of death, id), ascending. */
struct dead_walk {
	const struct dead_filter *filter;
	int64_t max_id;              /* rows with a greater id are passed over */
	int64_t until_ms;            /* rows that died later are passed over */
	int64_t deadline_us;         /* monotonic; looked at every few rows */
	int64_t after_key, after_id; /* in: where it starts; out: the last row that was looked at */
	bool ended;                  /* out: there are no more */
};

/* A walk over events by id, ascending, for what one endpoint is to be sent again. */
struct recover_walk {
	const struct recover_filter *filter;
	int64_t max_id;      /* events with a greater id are passed over */
	int64_t ended_ms;    /* deliveries that ended later are passed over */
	int64_t deadline_us; /* monotonic; looked at every few rows */
	int64_t after_id;    /* in: where it starts; out: the last event that was looked at */
	bool ended;          /* out: there are no more */
};

struct recover_hit {
	int64_t event;
	int64_t delivery; /* 0: it is missing */
	int64_t expires_ms;
	enum recover_state state;
};

/* A stored rejection, as far as it is counted. */
struct rejection_place {
	int64_t id, source, stored, at_ms;
};

/* Some of the endpoints that an event is still to reach, ascending: see expand.h. */
enum { EXPANSION_PART = 125 };
struct expansion {
	int64_t event, last; /* its key; no endpoint of it is greater than `last` */
	size_t len;
	int64_t targets[EXPANSION_PART];
};

/* A delivery as erasure looks at it. */
struct delivery_place {
	int64_t id;
	enum delivery_state state;
};

/* Deaths at an endpoint for one reason, which wait to be told of (herald.h). */
struct toll_part {
	int64_t subscriber; /* whose it was */
	int64_t deaths;
	int64_t since_ms, until_ms;
	int64_t delivery; /* the last one */
};

struct engine_ops {
	const char *name;
	/* Opens or creates, migrates, takes the leases, sets ids->last; fills the index and the keyring. */
	struct engine *(*open)(const struct engine_env *env, struct keyring *keyring, struct err *err);
	void (*close)(struct engine *engine);
	int64_t (*epoch)(struct engine *engine, int64_t endpoint); /* any thread */

	int (*begin)(struct engine *engine);
	int (*commit)(struct engine *engine);
	void (*rollback)(struct engine *engine);
	int (*savepoint)(struct engine *engine);
	int (*savepoint_release)(struct engine *engine);
	int (*savepoint_rollback)(struct engine *engine);
	int (*probe)(struct engine *engine); /* a small transaction that writes */
	int (*tidy)(struct engine *engine);  /* between transactions: checkpoints */

	int (*publish)(struct engine *engine, struct publish_item **items, size_t len, struct news *news);
	/* Sets applied and promoted. Disabling endpoints is done above. */
	int (*outcomes)(struct engine *engine, struct outcome **outcomes, size_t len);

	/* get: 1 and the record, 0 when there is none; of_uid likewise with the id. */
	int (*subscriber_get)(struct engine *engine, int64_t id, struct subscriber_record *record);
	int (*subscriber_of_uid)(struct engine *engine, const char *uid, int64_t *id);
	int (*subscriber_put)(struct engine *engine, const struct subscriber_record *record, const char *uid);
	int (*subscriber_delete)(struct engine *engine, int64_t id);
	int (*subscriber_endpoints)(struct engine *engine, int64_t id, int64_t *count);
	int (*endpoint_get)(struct engine *engine, int64_t id, struct endpoint_record *record); /* tombstones are not found */
	int (*endpoint_status)(struct engine *engine, int64_t id, enum endpoint_status *status);
	int (*endpoint_of_uid)(struct engine *engine, int64_t subscriber, const char *uid, int64_t *id);
	int (*endpoint_put)(struct engine *engine, const struct endpoint *endpoint, const json_t *doc); /* with its secrets, pairs and credentials */
	int (*source_get)(struct engine *engine, int64_t id, struct source_record *record);
	int (*source_of_uid)(struct engine *engine, const char *uid, int64_t *id);
	int (*source_put)(struct engine *engine, const struct source *source, const json_t *doc); /* with its secrets */
	int (*source_delete)(struct engine *engine, int64_t id);
	int (*sources_of_subscriber)(struct engine *engine, int64_t subscriber, int64_t *count);
	/* `head`: sealed. */
	int (*rejection_insert)(struct engine *engine, int64_t id, const struct rejection *rejection, struct slice head);
	int (*rejection_state)(struct engine *engine, int64_t id, int64_t *event); /* 1 and what it became (0: nothing yet) */
	int (*rejection_accept)(struct engine *engine, int64_t id, int64_t event);
	/* 1 and the oldest one (of a source), 0: there is none. */
	int (*rejection_oldest)(struct engine *engine, const int64_t *of_source, struct rejection_place *oldest);
	int (*rejection_delete)(struct engine *engine, int64_t id);
	int (*rejections_tally)(struct engine *engine, void (*each)(void *context, int64_t source, int64_t count, int64_t bytes), void *context);
	int (*key_get)(struct engine *engine, int64_t id, struct key *key);
	int (*key_insert)(struct engine *engine, const struct key *key);
	int (*key_delete)(struct engine *engine, int64_t id);
	int (*key_of_subscriber)(struct engine *engine, int64_t subscriber, int64_t *id); /* any one */
	int (*admin_of_name)(struct engine *engine, const char *name, struct admin *admin);
	int (*admin_put)(struct engine *engine, const struct admin *admin);
	int (*pause_get)(struct engine *engine, struct pause_view *view); /* 1; 0: not paused */
	int (*pause_put)(struct engine *engine, const struct pause_view *view);

	int (*delivery_get)(struct engine *engine, int64_t id, struct delivery_record *record);
	/* State, reason, round and its attempts, due and end. */
	int (*delivery_put)(struct engine *engine, const struct delivery_record *record);
	/* Before a finished delivery is opened again: an attempt that stands only in its row becomes a row of its own. */
	int (*attempt_keep_last)(struct engine *engine, int64_t delivery);
	int (*order_head)(struct engine *engine, int64_t endpoint, const char *key, int64_t *id); /* 1 and the pending one */
	/* The first held one of the key becomes pending: 1 and it, 0 when none is held. */
	int (*order_promote)(struct engine *engine, int64_t endpoint, const char *key, struct due *promoted);
	/* The ids of up to `max` pending ones, earliest due first: the number. */
	int (*pending_ids)(struct engine *engine, int64_t endpoint, int64_t *ids, int max);
	/* Pending and held ones; of each at most `max` are counted. */
	int (*unfinished_count)(struct engine *engine, int64_t endpoint, int64_t max, int64_t *count);
	/* Ids of up to `max` matching dead letters: the number. `ids` NULL: only counts. */
	int (*dead_walk)(struct engine *engine, struct dead_walk *walk, int64_t *ids, int max);

	/* 1 and the event without its payload, a reference. */
	int (*event_get)(struct engine *engine, int64_t id, struct event **event, enum event_reach *reach);
	/* 1 and the delivery of an event at an endpoint. */
	int (*event_delivery)(struct engine *engine, int64_t event, int64_t endpoint, int64_t *delivery);
	/* The endpoints of up to `max` deliveries of an event, by delivery; subscriber ≠ 0: of this one alone. The number. */
	int (*event_endpoints)(struct engine *engine, int64_t event, int64_t subscriber, int64_t *endpoints, int max);
	/* One delivery more of an event that was published before: 1: it is pending, 0: held. */
	int (*delivery_make)(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due);
	/* Up to `max` hits: the number. `hits` NULL: only counts. */
	int (*recover_walk)(struct engine *engine, struct recover_walk *walk, struct recover_hit *hits, int max);

	/* 1 and the first part there is, by event; the part of an event that the endpoint is in, if it is in any; the next event with parts. */
	int (*expansion_first)(struct engine *engine, struct expansion *part);
	int (*expansion_at)(struct engine *engine, int64_t event, int64_t endpoint, struct expansion *part);
	int (*expansion_event_after)(struct engine *engine, int64_t event, int64_t *next);
	int (*expansion_put)(struct engine *engine, const struct expansion *part); /* without targets it goes */
	/* 1 and the event, a reference; its payload only when it has at most so many bytes. */
	int (*expansion_event)(struct engine *engine, int64_t id, size_t data_max, struct event **event);
	/* A delivery that was counted when its event was published: 1: it is pending, 0: held. */
	int (*delivery_expand)(struct engine *engine, const struct event *event, const struct endpoint *endpoint, struct due *due);

	/* Endpoints that fail (health.h). */
	int (*health_each)(struct engine *engine, void (*each)(void *context, const struct health_record *record), void *context);
	int (*health_put)(struct engine *engine, const struct health_record *record);
	int (*health_delete)(struct engine *engine, int64_t endpoint);

	int (*operation_get)(struct engine *engine, int64_t id, struct operation_record *record);
	int (*operation_open_after)(struct engine *engine, int64_t id, int64_t *next); /* 1 and the next unfinished one */
	int (*operation_insert)(struct engine *engine, const struct operation_record *record);
	int (*operation_progress)(struct engine *engine, const struct operation_record *record);

	/* Adds to what waits to be told of; takes it all out (what there is none of stays as it was); 1 and the next endpoint that has some. */
	int (*toll_add)(struct engine *engine, int64_t endpoint, enum delivery_reason reason, const struct toll_part *part);
	int (*tolls_take)(struct engine *engine, int64_t endpoint, struct toll_part parts[REASONS]);
	int (*tolls_after)(struct engine *engine, int64_t after, int64_t *endpoint);
	/* Sources that fail; 1 and the next one. */
	int (*failing_put)(struct engine *engine, int64_t source, int64_t since_ms);
	int (*failing_delete)(struct engine *engine, int64_t source);
	int (*failing_after)(struct engine *engine, int64_t after, int64_t *source);

	int (*audit_insert)(struct engine *engine, const struct audit_record *record);
	int (*once_get)(struct engine *engine, const struct once *once, struct once_record *record); /* by its key alone */
	int (*once_put)(struct engine *engine, const struct once_record *record);
	/* Deletes up to `max` rows that are as old as until_ms: the number; `any`: whether rows are left. */
	int (*once_sweep)(struct engine *engine, int64_t until_ms, int max, bool *any);
	int (*event_type_get)(struct engine *engine, struct slice type, struct event_type_row *row); /* row->doc is owned */
	int (*event_type_put)(struct engine *engine, const struct event_type_row *row);
	int (*event_type_delete)(struct engine *engine, int64_t id);
	int (*event_types_number)(struct engine *engine, int64_t *number);

	/* Retention (retention.h): one slice; how large the file is; gives up to so many free pages back. */
	int (*retire)(struct engine *engine, struct retire *retire);
	int (*event_oldest)(struct engine *engine, int64_t *id); /* 1 and it, 0: there is none */
	int (*operations_sending)(struct engine *engine, int64_t *count); /* unfinished bulk work that sends stored events again */
	int (*space)(struct engine *engine, struct engine_space *space);
	int (*space_give_back)(struct engine *engine, int pages);
	int (*seen_get)(struct engine *engine, int64_t *wall_ms); /* what seen_put() stored last */
	int (*seen_put)(struct engine *engine, int64_t wall_ms);  /* and no id below the last one is given out again */
	/* Erasure (erase.h). wipe: what the open transaction deletes is overwritten in the file. scrub: the WAL, where it still stands, is
	 * emptied as soon as nobody reads it: tidy() tries, scrubbing() says whether it is still to be done. */
	int (*wipe)(struct engine *engine);
	void (*scrub)(struct engine *engine);
	bool (*scrubbing)(const struct engine *engine);
	int (*event_erased)(struct engine *engine, int64_t id, int64_t *erased_ms); /* 1 and when (0: it is not), 0: there is no such event */
	int (*event_erase)(struct engine *engine, int64_t id);
	/* Of a delivery that ended: what its endpoint answered, and its order key; `responses` grows by how many there were. */
	int (*delivery_erase)(struct engine *engine, int64_t id, int64_t *responses);
	int (*event_expands)(struct engine *engine, int64_t id); /* 1: its fan-out is still being made, 0: not */
	/* Up to `max` deliveries of an event with their states, by id: the number. */
	int (*event_deliveries)(struct engine *engine, int64_t event, int64_t after, struct delivery_place *places, int max);
	int (*erase_walk)(struct engine *engine, struct erase_walk *walk);
	int (*audit_erase)(struct engine *engine, int64_t id);
	int (*endpoints_of_subscriber)(struct engine *engine, int64_t subscriber, int64_t *ids, int max); /* those that are not deleted: the number */
	int (*tombstones_of_subscriber)(struct engine *engine, int64_t subscriber, int64_t after, int64_t *ids, int max);
	int (*tombstone_erase)(struct engine *engine, int64_t id, struct slice doc);

	/* A copy to a new file: step returns 1 while there is more to do; end removes the file unless it is complete. */
	void *(*backup_begin)(struct engine *engine, const char *path, struct err *err);
	int (*backup_step)(struct engine *engine, void *backup, struct err *err);
	int (*backup_end)(struct engine *engine, void *backup, bool complete, struct err *err);

	struct store_reader *(*reader_open)(struct engine *engine, struct err *err);
	const struct reader_ops *reader;
};

/* The head of each engine's own reader. */
struct store_reader {
	const struct reader_ops *ops;
	const struct engine_env *env;
};

/* As in read.h. */
struct reader_ops {
	void (*close)(struct store_reader *r);
	struct event *(*event)(struct store_reader *r, int64_t id, struct budget *budget, bool (*fits)(void *context, size_t bytes),
	                       void *context, struct err *err); /* fits NULL: whatever it takes */
	int (*next_lane)(struct store_reader *r, int64_t *endpoint, int64_t *due_ms, struct err *err);
	int (*lane)(struct store_reader *r, int64_t endpoint, struct due *out, int max, struct err *err);
	int (*expired)(struct store_reader *r, int64_t now_ms, struct due *out, int max, int64_t *next_ms, struct err *err);
	int (*events)(struct store_reader *r, const struct event_filter *filter, struct page *page,
	              int (*row)(void *, const struct event_row *), void *context, struct err *err);
	int (*event_row)(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct event_row *),
	                 void *context, struct err *err);
	int (*event_by_uid)(struct store_reader *r, struct slice uid, int64_t subscriber, bool any, int64_t *id, struct err *err);
	int (*deliveries)(struct store_reader *r, const struct delivery_filter *filter, struct page *page,
	                  int (*row)(void *, const struct delivery_row *), void *context, struct err *err);
	int (*event_deliveries)(struct store_reader *r, int64_t event, struct page *page, int (*row)(void *, const struct delivery_row *),
	                        void *context, struct err *err);
	int (*delivery)(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct delivery_row *),
	                void *context, struct err *err);
	int (*attempts)(struct store_reader *r, int64_t delivery, int (*row)(void *, const struct attempt_row *), void *context,
	                struct err *err);
	int (*dead)(struct store_reader *r, const struct dead_filter *filter, struct page *page,
	            int (*row)(void *, const struct delivery_row *), void *context, struct err *err);
	int (*dead_last)(struct store_reader *r, int64_t *wall_ms, struct err *err);
	int (*dead_count)(struct store_reader *r, const struct dead_filter *filter, int64_t *count, struct err *err);
	int (*recover_count)(struct store_reader *r, const struct recover_filter *filter, struct recover_count *count, struct err *err);
	int (*operations)(struct store_reader *r, const struct operation_filter *filter, struct page *page,
	                  int (*row)(void *, const struct operation_row *), void *context, struct err *err);
	int (*operation)(struct store_reader *r, int64_t id, int (*row)(void *, const struct operation_row *), void *context,
	                 struct err *err);
	int (*subscribers)(struct store_reader *r, const struct subscriber_filter *filter, struct page *page,
	                   int (*row)(void *, const struct document_row *), void *context, struct err *err);
	int (*subscriber)(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context,
	                  struct err *err);
	int (*endpoints)(struct store_reader *r, const struct endpoint_filter *filter, struct page *page,
	                 int (*row)(void *, const struct document_row *), void *context, struct err *err);
	int (*endpoint)(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
	                void *context, struct err *err);
	int (*endpoint_ever)(struct store_reader *r, int64_t id, int64_t only_subscriber, int (*row)(void *, const struct document_row *),
	                     void *context, struct err *err);
	int (*endpoint_owner)(struct store_reader *r, int64_t id, int64_t *subscriber, struct err *err);
	int (*sources)(struct store_reader *r, const struct source_filter *filter, struct page *page,
	               int (*row)(void *, const struct document_row *), void *context, struct err *err);
	int (*source)(struct store_reader *r, int64_t id, int (*row)(void *, const struct document_row *), void *context, struct err *err);
	int (*rejections)(struct store_reader *r, const struct rejection_filter *filter, struct page *page,
	                  int (*row)(void *, const struct rejection_row *), void *context, struct err *err);
	int (*rejection)(struct store_reader *r, int64_t id, int (*row)(void *, const struct rejection_row *), void *context, struct err *err);
	int (*keys)(struct store_reader *r, int64_t subscriber, struct page *page, int (*row)(void *, const struct key *), void *context,
	            struct err *err);
	int (*event_at)(struct store_reader *r, int64_t event, int64_t endpoint, struct event_at *at, struct err *err);
	int (*waiting)(struct store_reader *r, int64_t delivery, struct delivery_wait *waiting, struct err *err);
	int (*recent)(struct store_reader *r, int (*row)(void *, const struct recent_row *), void *context, struct err *err);
	int (*stats)(struct store_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats, struct err *err);
	int (*audit)(struct store_reader *r, const struct audit_filter *filter, struct page *page,
	             int (*row)(void *, const struct audit_row *), void *context, struct err *err);
	int (*event_types)(struct store_reader *r, struct page *page, bool described, int (*row)(void *, const struct event_type_row *),
	                   void *context, struct err *err);
	int (*event_type)(struct store_reader *r, struct slice type, int (*row)(void *, const struct event_type_row *), void *context,
	                  struct err *err);
	int (*once)(struct store_reader *r, const struct once *once, struct once_record *record, struct err *err); /* 1, 0, -1 */
	int (*admins)(struct store_reader *r, int (*row)(void *, const struct admin *), void *context, struct err *err);
	int (*admin)(struct store_reader *r, struct slice name, struct admin *admin, struct err *err);
	int (*check)(struct store_reader *r, void (*finding)(void *, const char *text), void *context, struct err *err);
};

/* The engines; the first one is what a store opens. */
extern const struct engine_ops engine_sqlite;

#endif
