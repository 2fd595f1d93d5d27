/* The store: the durable outbox and everything that is configured. One writer thread owns the only writing connection. It
 * takes commands from its inbox in batches, runs each batch in one transaction with one savepoint per command, and gives every
 * command a fate of its own: one bad command never rolls back its neighbours. It decides all that depends on what is stored:
 * dedupe, read-modify-write, state changes.
 *
 * After the commit, in this order: index and keyring are changed; the listener is told (scheduler); each command's done() is
 * called. When the transaction fails, commands other than outcomes fail with STORAGE (503); outcomes stay queued and are tried
 * again with the next batch. After a failed fsync nothing is answered any more: the process exits with STORE_EXIT_FSYNC.
 *
 * Commands are in domain words and come in batches, so that an engine may pipeline them. One folder below store/ per engine;
 * engine.h is what it implements. */
#ifndef GRAPNEL_STORE_STORE_H
#define GRAPNEL_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/inbox.h"
#include "match/index.h"
#include "model/admin.h"
#include "model/delivery.h"
#include "model/drill.h"
#include "model/event.h"
#include "model/key.h"
#include "model/pause.h"
#include "sign/seal.h"
#include "source/table.h"
#include "store/caller.h"
#include "store/retention.h"

enum { STORE_EXIT_FSYNC = 74 /* EX_IOERR of sysexits.h */ };

struct store;

/* ---- Commands ---------------------------------------------------------------------------------------------------------- */

enum store_cmd_kind { STORE_PUBLISH, STORE_OUTCOME, STORE_CHANGE };

/* The head of every command. Posted with store_post(); belongs to the store until done() is called on the writer's thread, which
 * must be quick: it posts to an inbox or signals. */
struct store_cmd {
	struct inbox_node node;
	enum store_cmd_kind kind;
	enum err_code fate; /* set by the store: ERR_NONE once committed */
	void (*done)(struct store_cmd *cmd);
};

/* A caller's idempotency key: SHA-256, cut to 16 bytes, of its name space (subscriber, source), kind and text. See dedupe.h */
struct dedupe_key {
	uint8_t hash[16];
};

struct publish_item {
	/* in; the store takes no references, they stay the poster's */
	struct event *event; /* its id is set by the store */
	enum audience audience;
	struct endpoint *only;         /* addressed to this endpoint alone, whatever its types; NULL: by audience and type */
	bool test;                     /* with `only`: a test … */
	int32_t test_round;            /* … of this round: DELIVERY_ROUND_TEST or that of a drill */
	int64_t except;                /* an endpoint that it does not go to, whatever matches; 0: none */
	struct index_targets targets;  /* what matched (empty with `only`); matched again when its version is stale */
	unsigned keys_len;             /* 0, 1 (uid, a CloudEvent's (source, id), or Idempotency-Key) or 2 (with Idempotency-Key) */
	struct dedupe_key keys[2];
	uint8_t content[16]; /* hash of what was asked, to tell a repetition from a reuse of its key */
	/* out */
	enum err_code fate; /* NONE, KEY_REUSED, ENDPOINT_DISABLED, WRONG_STATE (a test of one that is not verified), NOT_FOUND (the endpoint was deleted meanwhile) */
	bool duplicate;     /* event_id and deliveries are the first one's */
	int64_t event_id;
	uint32_t deliveries;
	uint32_t everyone; /* with 0 deliveries: how many endpoints AUDIENCE_EVERYONE would have reached */
};

/* Items are decided in order; two equal keys in one command (or batch) see each other. */
struct store_publish {
	struct store_cmd cmd;
	size_t items_len;
	struct publish_item *items;
};

/* One pending delivery as the scheduler needs it. */
struct due {
	int64_t delivery;
	int64_t event;
	int64_t endpoint;
	int64_t due_ms;     /* wall time */
	int64_t expires_ms; /* 0: never */
	int32_t round;
	int32_t attempts;       /* made so far, all rounds */
	int32_t round_attempts; /* made so far in this round */
};

/* What became of a delivery in the scheduler's or a worker's hands. Applied only if the row is still pending in this round and
 * the epoch is still ours; otherwise only the attempt is recorded. */
struct outcome {
	struct store_cmd cmd;
	/* in */
	struct due due;
	int64_t request; /* that published its event, for the log; 0: not known */
	int64_t epoch; /* of the endpoint's shard, see store_epoch() */
	bool urgent;   /* something waits for its commit; others may wait for company, see outcomes_ms */
	enum delivery_change change; /* SUCCEED, RETRY_LATER, DIE; of a test CANCEL */
	enum delivery_reason reason; /* with DIE and CANCEL */
	int64_t next_due_ms;         /* with RETRY_LATER */
	bool disable_endpoint;       /* the endpoint answered 410: it becomes disabled, reason "gone" */
	bool attempted;              /* false: it ended without a request (expired); the rest is unset then */
	int64_t started_ms;
	int64_t duration_ms;
	int status; /* HTTP status, 0: none */
	enum attempt_failure failure;
	char detail[160];       /* for a person: what failed */
	char *response;         /* malloc; at most DELIVERY_RESPONSE_MAX bytes; freed by the outcome's owner */
	size_t response_len;
	/* out */
	bool applied;
	bool has_promoted;   /* ordered: the delivery that became the head of the key */
	struct due promoted;
};

/* What it says of the endpoint. A test that failed says nothing, nor does what is our own fault. */
enum outcome_tells { OUTCOME_TELLS_NOTHING, OUTCOME_TELLS_SUCCESS, OUTCOME_TELLS_FAILURE };
static inline enum outcome_tells outcome_tells(const struct outcome *outcome)
{
	bool ours = outcome->failure == FAILURE_PAYLOAD || outcome->failure == FAILURE_INTERNAL;
	if (!outcome->attempted || ours)
		return OUTCOME_TELLS_NOTHING;
	bool repeated = outcome->change == DELIVERY_RETRY_LATER && drill_repeats(outcome->due.round, outcome->due.attempts);
	if (outcome->change == DELIVERY_SUCCEED || repeated)
		return OUTCOME_TELLS_SUCCESS;
	bool failed = outcome->change == DELIVERY_RETRY_LATER || outcome->change == DELIVERY_DIE;
	return failed ? OUTCOME_TELLS_FAILURE : OUTCOME_TELLS_NOTHING;
}

/* ---- Changes: configuration and repair, one at a time ------------------------------------------------------------------- */

enum store_change_kind {
	CHANGE_SUBSCRIBER_CREATE, CHANGE_SUBSCRIBER_PUT, CHANGE_SUBSCRIBER_PATCH, CHANGE_SUBSCRIBER_DELETE,
	CHANGE_ENDPOINT_CREATE, CHANGE_ENDPOINT_PUT, CHANGE_ENDPOINT_PATCH, CHANGE_ENDPOINT_DELETE,
	CHANGE_ENDPOINT_PAUSE, CHANGE_ENDPOINT_RESUME /* also enables a disabled one */, CHANGE_ENDPOINT_DISABLE,
	CHANGE_SECRET_ROTATE,
	CHANGE_ENDPOINT_VERIFY /* ask (again) */, CHANGE_ENDPOINT_VERIFIED /* what came of it */,
	CHANGE_KEY_CREATE, CHANGE_KEY_REVOKE,
	CHANGE_ADMIN_PUT, CHANGE_ADMIN_DISABLE,
	CHANGE_DELIVERY_RETRY, CHANGE_DELIVERY_CANCEL,
	CHANGE_OPERATION_CREATE, CHANGE_OPERATION_CANCEL,
	CHANGE_EVENT_RESEND, CHANGE_ENDPOINT_RECOVER,
	CHANGE_EVENT_TYPE_PUT, CHANGE_EVENT_TYPE_DELETE,
	CHANGE_SOURCE_CREATE, CHANGE_SOURCE_PUT, CHANGE_SOURCE_PATCH, CHANGE_SOURCE_DELETE,
	CHANGE_SOURCE_ROTATE, CHANGE_SOURCE_KEEP_SECRET /* that the provider sent, when there is none */,
	CHANGE_REJECTION_ACCEPT,
	CHANGE_ENDPOINT_DRILL, /* what a drill found */
	CHANGE_HUB_PAUSE, CHANGE_HUB_RESTORED /* from a backup: it is paused */, CHANGE_HUB_RESUME,
	CHANGE_HUB_RELOAD /* options were read again: not a change of what is stored */,
	CHANGE_CIRCUIT, /* not a change of what is stored: the circuit of an endpoint opened, or closed */
	CHANGE_EVENT_ERASE, CHANGE_SUBSCRIBER_ERASE, /* erase.h */
	CHANGE_RETENTION_CONFIRM, /* the wall clock is right */
	CHANGE_ONCE_ANSWER, /* not a change by itself: see once.h */
};

/* What bulk work does. The two drains are made by the store itself, when an endpoint is disabled or deleted. */
enum operation_kind {
	OPERATION_RETRY = 1, OPERATION_DISCARD = 2, OPERATION_DRAIN_DISABLED = 3, OPERATION_DRAIN_DELETED = 4,
	OPERATION_RECOVER = 5, /* by CHANGE_ENDPOINT_RECOVER */
	OPERATION_ERASE = 6,   /* by CHANGE_SUBSCRIBER_ERASE, and by CHANGE_EVENT_ERASE when there is much */
};

/* Which dead letters. Zero or NULL: any. Slices are borrowed by the change; an operation keeps a copy. */
struct dead_filter {
	int64_t endpoint;
	int64_t subscriber; /* the event's endpoint's subscriber; also what a bound key is limited to */
	struct slice type;  /* a pattern */
	enum delivery_reason reason;
	int64_t since_ms, until_ms; /* when they died: since ≤ t < until */
	struct slice q;     /* found in the event's type, subject, uid or the last error; case-insensitive for ASCII */
	const int64_t *ids; /* with ids_len > 0: these alone */
	size_t ids_len;
};

/* What an endpoint is sent again: its deliveries in these states, and those events of its audience that it has no delivery of. Texts are
 * borrowed by the change; an operation keeps a copy. */
enum recover_state { RECOVER_DEAD = 1, RECOVER_MISSING = 2, RECOVER_DELIVERED = 4 };
struct recover_filter {
	int64_t endpoint;
	int64_t subscriber;          /* the endpoint's; 0: none */
	int64_t since_ms, until_ms;  /* when the event came: since ≤ t < until; 0: no end */
	unsigned states;
	size_t types_len;            /* patterns; none: every type */
	const char *const *types;
	size_t event_types_len;      /* the endpoint's own patterns, for what is missing; the store sets them, as they are at the start */
	const char *const *event_types;
};

/* What a resend did with one endpoint. */
enum resend_action { RESEND_REOPENED, RESEND_MADE, RESEND_HASTENED };
struct resent {
	int64_t endpoint, delivery;
	enum resend_action action;
};
enum { RESEND_ENDPOINTS_MAX = 500 };

/* What an erasure did. */
struct erased {
	int64_t at_ms;     /* when the event was erased: now, or before */
	int64_t cancelled; /* deliveries */
	int64_t left;      /* … that are to be cancelled still: nothing is erased yet, ask again */
	int64_t responses; /* captured ones that went */
	int64_t operation; /* that goes on with the deliveries; 0: all is done */
};

struct store_change {
	struct store_cmd cmd;
	enum store_change_kind what;
	/* in; which fields count depends on `what` */
	int64_t id;           /* of the thing; 0 with CREATE, and with PUT by a uid that does not exist yet */
	int64_t only_subscriber; /* a bound key: things of other subscribers are NOT_FOUND. 0: not bound */
	json_t *doc;          /* CREATE, PUT: the document; PATCH: the merge patch. Already split (model/endpoint.h) */
	const char *uid;      /* PUT by uid: what a new thing gets */
	int64_t subscriber;   /* endpoints: the owner; 0: none */
	bool subscriber_given;/* PUT, PATCH: `subscriber` was in the document; otherwise the present one stays */
	const char *secret;   /* endpoints, rotation: the given secret in text, NULL: create makes one, PUT and PATCH keep it; KEY_CREATE: its text */
	const json_t *credentials; /* endpoints: what credentials_split() took out of the document; NULL: nothing */
	bool may_trust;       /* endpoints: the caller may turn the verification of certificates off */
	int64_t overlap_ms;   /* rotation: how long the old secret goes on signing */
	const char *legacy_secret; /* endpoints, with legacy_given: the own secret of signature.legacy; NULL: none any more */
	bool legacy_given;
	const struct endpoint_verification *verification; /* ENDPOINT_VERIFIED: the answer to its serial */
	unsigned secrets_len; /* SOURCE: those that are given, the present one first; none: as with `secret` */
	const char *const *secrets;
	int64_t event;        /* REJECTION_ACCEPT: what the rejection `id` became */
	struct key *key;      /* KEY_CREATE: all but the id, which is set */
	struct admin *admin;  /* ADMIN_PUT: all but the id, which is set; ADMIN_DISABLE: the name, the rest is set */
	bool replace;         /* ADMIN_PUT: one of this name may be there already: it gets the new hash and is enabled */
	enum operation_kind operation;
	struct dead_filter filter;
	struct recover_filter recover; /* ENDPOINT_RECOVER, of the endpoint `id` */
	const int64_t *endpoints;      /* EVENT_RESEND: to these, each once; none: to all that have a delivery of it or match it now */
	size_t endpoints_len;
	struct slice type;    /* EVENT_TYPE: which */
	struct drill_result drill; /* ENDPOINT_DRILL: verdict and findings; what is stored, afterwards */
	bool cancel;          /* EVENT_ERASE: what has not ended is cancelled, instead of refusing; ENDPOINT_DELETE: … instead of dying */
	bool opened;          /* CIRCUIT: otherwise it was closed … */
	int64_t since_ms;     /* … after it had been open since then */
	const char *why;      /* CIRCUIT, opened … */
	const char *why_outside; /* … as its subscriber is told */
	struct slice answer;  /* ONCE_ANSWER: what the request was answered */
	const struct caller *caller; /* who, on which condition, as which request; NULL: the hub itself */
	/* out; free with store_change_clear() */
	struct err err;
	int64_t result_id;
	bool created;         /* PUT: it was not there before */
	char *result_secret;  /* text, for the answer that makes it */
	json_t *replaced;      /* endpoints: which credentials are others than before, in their shape; NULL: none */
	struct resent *resent; /* EVENT_RESEND */
	size_t resent_len;
	struct erased erased;  /* EVENT_ERASE */
	bool repeated;        /* caller->once was carried out before: this is what came of it */
	const char *audited;  /* what the audit calls it; NULL: it has no row of it … */
	char audited_thing[64]; /* … and its resource */
	/* in memory */
	void *wait; /* the store's */
};

/* ---- Refused requests --------------------------------------------------------------------------------------------------- */

/* How many are kept, the oldest go first; of a source at most `per_source`, all together `bytes`: beyond them whichever source has the
 * most gives its oldest. Zero: none are kept. */
struct rejection_limits {
	int64_t per_source, bytes, age_ms; /* age 0: whatever it is */
};

/* An incoming request that was refused, on its way to be kept. `struct rejection` and its texts are one allocation of whoever posts it. */
struct rejection {
	struct inbox_node node;
	int64_t source; /* 0: there is none of this name */
	int64_t at_ms;
	const char *reason; /* static text: its code */
	struct slice why, name, remote, method;
	struct slice content_type; /* absent: {NULL, 0} */
	struct slice head;         /* method, path, query and headers as JSON: sealed when it is stored */
	struct slice body;         /* what is kept of it */
	size_t body_bytes;         /* what it had */
	bool cut;
	void (*free)(struct rejection *rejection);
};

/* ---- The store ---------------------------------------------------------------------------------------------------------- */

/* Told on the writer's thread after each commit; what is passed is borrowed unless said otherwise. */
struct store_deliveries {
	struct event *event; /* a reference, for the receiver */
	size_t len;
	struct due due[];
};

struct store_listener {
	void *context;
	/* Pending deliveries that a publish made, payload included. The receiver owns `made` (malloc) and its reference. */
	void (*deliveries)(void *context, struct store_deliveries *made);
	/* Rows of this endpoint became due in the outbox: look there from due_ms on (retry by hand, bulk work). */
	void (*due)(void *context, int64_t endpoint, int64_t due_ms);
	/* An endpoint was made, changed, or deleted (status DELETED). One that failed for too long becomes disabled, status_reason
	 * "failing" (disable_after_ms). */
	void (*endpoint)(void *context, struct endpoint *endpoint);
	/* The disk failed (why: a sentence), or works again (NULL). */
	void (*health)(void *context, const char *why);
	/* Events were published, this one last. May be NULL. */
	void (*event)(void *context, int64_t id);
	/* Somebody wants this sent now, whatever kept the hub from trying: a pending delivery that was retried or resent by hand; with delivery
	 * 0 whatever waits for the endpoint (it was resumed, or bulk work began there). May be NULL. */
	void (*urged)(void *context, const struct due *due);
	/* The hub was paused, or resumed. May be NULL. */
	void (*paused)(void *context, const struct pause_view *view);
};

/* What the hub publishes of itself: store/herald.h. */
struct store_operational {
	bool on;
	int64_t interval_ms;   /* deaths at one endpoint are told once in this time */
	int64_t failing_after; /* so many refused requests of a source in a row; 0: not told */
};

struct store_config {
	const char *data_dir; /* exists; holds grapnel.db */
	unsigned node;        /* 0–255 */
	int64_t dedupe_window_ms;
	int64_t dedupe_keys;     /* so many are remembered at least, if their window is not over; 0: no bound */
	int64_t dedupe_run_keys; /* in one run; 0: what is usual */
	bool capture_success; /* keep the response of first-try successes too */
	int outcomes_ms;      /* so long outcomes wait for others, or for whatever else is to be committed; 0: not */
	const struct clock *clock;
	const struct master_key *master;
	struct index *index;     /* filled at open, kept true afterwards */
	struct keyring *keyring; /* likewise */
	struct source_table *sources; /* likewise; may be NULL */
	struct pause *pause;          /* likewise */
	struct rejection_limits rejections;
	struct retention_limits retention;
	struct store_operational operational;
	int64_t disable_after_ms; /* an endpoint that fails for so long without a success is disabled; 0: never */
	int64_t disable_attempts; /* … when so many attempts failed meanwhile */
	const char *public_url; /* how the outside calls the hub; NULL: not known */
	bool counts; /* deliveries are counted by state from the open on: see store_census() */
	struct store_listener listener;
};

/* Opens or creates, migrates, recovers, fills index and keyring; starts no thread. The caller holds the data folder's lock. */
struct store *store_open(const struct store_config *config, struct err *err) ATTR_MUST_USE;
int store_start(struct store *store, struct err *err) ATTR_MUST_USE; /* starts the writer's thread */
/* What may change while it runs; any thread. It counts from the writer's next batch on. */
struct store_tuning {
	struct rejection_limits rejections;
	struct retention_limits retention;
	int64_t operational_interval_ms, operational_failing_after; /* of store_operational */
	int64_t disable_after_ms, disable_attempts;
};
void store_tune(struct store *store, const struct store_tuning *tuning);
/* Any thread. */
void store_post(struct store *store, struct store_cmd *cmd);
/* Keeps a rejection when there is time: takes it over. Those that come faster than they can be written beside events are dropped. */
void store_reject(struct store *store, struct rejection *rejection);
/* Whether store_reject() would take one of this source now, with a body of so many bytes: to be asked before it is copied. */
enum reject_room { REJECT_NO_ROOM, REJECT_WITHOUT_BODY, REJECT_WHOLE };
enum reject_room store_reject_room(struct store *store, int64_t source, size_t body_bytes);
/* Posts a change and waits for its fate; any thread but the writer's. 0, or -1 and change->err. */
int store_change(struct store *store, struct store_change *change) ATTR_MUST_USE;
void store_change_clear(struct store_change *change); /* frees the out part */
/* Tells, as an operational event, that the circuit of an endpoint opened (why: a sentence; why_outside: the one that its subscriber is
 * told) or is closed again, since_ms being when it had opened. Returns at once; any thread. */
void store_circuit(struct store *store, int64_t endpoint, bool opened, const char *why, const char *why_outside, int64_t since_ms);
/* The fencing epoch of the shard that leases this endpoint to this node; any thread. */
int64_t store_epoch(struct store *store, int64_t endpoint);
/* False while the disk fails; `why` gets the sentence. Any thread. */
bool store_healthy(struct store *store, char *why, size_t why_size);
/* How many deliveries wait, and for how long the writer has been at what it does now, in microseconds (0: it waits for work). Any thread. */
struct census_view;
void store_census(struct store *store, struct census_view *view);
int64_t store_busy_us(struct store *store);
/* A live, consistent copy to a new file (refuses an existing one): stepped on the writer's connection between batches. Any
 * thread but the writer's; waits. */
int store_backup(struct store *store, const char *path, struct err *err) ATTR_MUST_USE;
/* Works off what is queued, ends the thread. Commands posted afterwards fail with UNAVAILABLE. */
void store_stop(struct store *store);
void store_close(struct store *store); /* checkpoint; readers must be closed before. NULL is allowed */

#endif
