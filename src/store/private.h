/* What the files of the store share above the engines. */
#ifndef GRAPNEL_STORE_PRIVATE_H
#define GRAPNEL_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/engine.h"
#include "store/health.h"
#include "store/reject.h"
#include "store/store.h"

struct backup_request {
	const char *path;
	struct err *err;
	int result;
	bool done; /* under the store's mutex */
};

struct store {
	/* set at open, never changed, but for disable_…, which the writer alone looks at (store_tune()) */
	struct store_config config;
	struct engine_env env;
	struct engine *engine; /* called by the writer's thread alone, but for epoch and reader_open */
	struct inbox inbox;

	/* shared */
	pthread_rwlock_t gate; /* read: posting; write: closing. After it was closed nothing reaches the inbox */
	bool closed;           /* under the gate */
	struct gate long_reads;
	atomic_bool stopping;
	pthread_mutex_t mutex;
	pthread_cond_t backup_done;
	bool failing; /* under the mutex, as all below */
	char why[ERR_DETAIL_MAX];
	struct store_tuning tuning;
	atomic_bool tuned; /* by something that the writer has not taken yet; set under the mutex, looked at without it */
	struct backup_request *_Atomic backup; /* set under the mutex, looked at without it */

	struct reject_queue rejects; /* has a lock of its own */
	struct herald *herald;       /* the writer's; NULL: nothing is told */
	int64_t found_id;            /* the greatest one that was stored at open */
	struct census census;
	_Atomic(int64_t) busy_us;    /* monotonic: since when the writer is at what it does; 0: it waits */

	/* owned by who opened the store */
	pthread_t thread;
	bool running;

	/* owned by the writer's thread */
	struct id_source ids;
	struct health health;
	struct retention retention; /* its status is under the mutex */
};

/* One transaction in the making. */
struct tx {
	struct store *store;
	struct engine *engine;
	struct news *news;
	int64_t now_ms;
	bool operations; /* out: bulk work was created */
	bool once;       /* out: a request was remembered */
};

/* store.c: what store_tune() gave; the writer's thread. */
void store_take_tuning(struct store *store);

/* writer.c */
void *writer_run(void *store);

/* change.c: runs one change in a savepoint and sets its fate. -1: the engine failed. */
int change_run(struct tx *tx, struct store_change *change) ATTR_MUST_USE;
/* For the handlers: a NOT_FOUND that does not tell foreign from unknown. Always -1. */
int change_not_found(struct store_change *change, const char *thing);
/* Likewise, when memory is out. Always -1. */
int change_memory_out(struct store_change *change);
/* For a PUT to a uid that nobody has: `doc`, which makes a new thing, gets it. -1 when it names another one, or the caller's condition
 * does not hold. */
int change_take_uid(struct store_change *change, json_t *doc) ATTR_MUST_USE;

/* change_endpoint.c: makes it disabled, and the operation that ends its deliveries. Nothing when it is disabled or gone. */
int endpoint_disable(struct tx *tx, int64_t id, const char *reason) ATTR_MUST_USE;

/* change_credentials.c: an endpoint before its document is written anew: a copy without credentials, and these, opened. What the record's
 * document still has in the clear is taken out of it. */
struct credentials_before {
	json_t *doc, *open;
};
int credentials_before(struct tx *tx, struct store_change *change, struct endpoint_record *record, struct credentials_before *before) ATTR_MUST_USE;
void credentials_before_clear(struct credentials_before *before);
/* Makes the record's credentials those of its new document; `before` NULL: it is new. */
int credentials_renew(struct tx *tx, struct store_change *change, struct endpoint_record *record, const struct credentials_before *before)
    ATTR_MUST_USE;

/* change_operation.c: an operation that ends the deliveries of an endpoint: as dead letters, or cancelled. */
int operation_drain(struct tx *tx, enum operation_kind kind, int64_t endpoint, int64_t subscriber, bool cancel) ATTR_MUST_USE;

/* operation.c: one slice of the next unfinished operation after *last (which it sets). 1: there was one, 0: none, -1: the engine failed. */
int operation_slice(struct tx *tx, int64_t *last) ATTR_MUST_USE;

/* change_operation.c: freezes the start, the highest id and what `record` says. */
int operation_start(struct tx *tx, struct operation_record *record) ATTR_MUST_USE;

/* expand.c: one slice of the oldest fan-out that is not made whole yet. 1: there was one, 0: none, -1: the engine failed. */
int expand_slice(struct tx *tx) ATTR_MUST_USE;

/* change_recover.c: one slice of OPERATION_RECOVER. Ends as cancelled when the endpoint takes no deliveries any more. */
int recover_slice(struct tx *tx, struct operation_record *record, bool *finished) ATTR_MUST_USE;

/* transition.c: changes of a delivery that are not an attempt's outcome. -1 only when the engine failed. */
/* Ends it (DIE, CANCEL, DISCARD): an ordered pending one promotes its next. The transition must be allowed. */
int transition_end(struct tx *tx, struct delivery_record *record, enum delivery_change change, enum delivery_reason reason) ATTR_MUST_USE;
/* Opens a finished one again, in a new round. The transition must be allowed. */
int transition_reopen(struct tx *tx, struct delivery_record *record) ATTR_MUST_USE;
/* Makes a pending one due now. */
int transition_hasten(struct tx *tx, struct delivery_record *record) ATTR_MUST_USE;

/* The handlers, one per kind of change: 0, or -1 with change->err or the engine's fault. */
typedef int change_handler(struct tx *tx, struct store_change *change);
change_handler subscriber_create, subscriber_replace, subscriber_patch, subscriber_remove;
change_handler endpoint_create, endpoint_replace, endpoint_patch, endpoint_remove, endpoint_pause, endpoint_resume,
    endpoint_disable_by_hand, secret_rotate, endpoint_verify, endpoint_verified;
change_handler endpoint_drill, endpoint_circuit;
change_handler key_create, key_revoke;
change_handler admin_put, admin_disable;
change_handler delivery_retry, delivery_cancel;
change_handler operation_create, operation_cancel;
change_handler event_resend, endpoint_recover;
change_handler event_type_put, event_type_delete;
change_handler source_create, source_replace, source_patch, source_remove, source_rotate, source_keep_secret;
change_handler rejection_accept;
change_handler hub_pause, hub_restored, hub_resume, hub_reloaded;
change_handler once_answer;
change_handler event_erase, subscriber_erase, retention_confirm;

#endif
