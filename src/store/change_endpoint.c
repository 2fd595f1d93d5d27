/* Changes of endpoints: their documents, owners, secrets and status. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/subscriber.h"
#include "sign/outgoing.h"
#include "sign/pair.h"
#include "store/audit.h"
#include "store/expand.h"
#include "store/herald.h"
#include "store/private.h"

void endpoint_record_clear(struct endpoint_record *record)
{
	json_decref(record->doc);
	for (unsigned i = 0; i < record->secrets_len; i++)
		free(record->secrets[i].sealed);
	for (unsigned i = 0; i < record->pairs_len; i++)
		free(record->pairs[i].seed.sealed);
	free(record->credentials.sealed);
	free(record->legacy.sealed);
	free(record->verified_url);
	*record = (struct endpoint_record){0};
}

struct endpoint *endpoint_of_record(const struct endpoint_record *record, struct err *err)
{
	struct endpoint *endpoint = endpoint_parse(record->doc, &record->meta, record->secrets, record->secrets_len, err);
	if (!endpoint)
		return NULL;
	endpoint_take_pairs(endpoint, record->pairs, record->pairs_len);
	endpoint_take_credentials(endpoint, &record->credentials);
	endpoint_take_legacy(endpoint, &record->legacy);
	endpoint_take_verification(endpoint, &record->verification, record->verified_url);
	return endpoint;
}

static int find(struct tx *tx, struct store_change *change, int64_t id, struct endpoint_record *record)
{
	int found = tx->engine->ops->endpoint_get(tx->engine, id, record);
	if (found > 0 && change->only_subscriber != 0 && change->only_subscriber != record->meta.subscriber) {
		endpoint_record_clear(record);
		found = 0;
	}
	if (found == 0)
		return change_not_found(change, "endpoint");
	if (found > 0 && caller_allows(change->caller, id, record->meta.version, &change->err)) {
		endpoint_record_clear(record);
		return -1;
	}
	return found < 0 ? -1 : 0;
}

static int uid_free(struct tx *tx, struct store_change *change, const struct endpoint *endpoint)
{
	int64_t id;
	int found = endpoint->uid ? tx->engine->ops->endpoint_of_uid(tx->engine, endpoint->meta.subscriber, endpoint->uid, &id) : 0;
	if (found <= 0 || id == endpoint->meta.id)
		return found < 0 ? -1 : 0;
	char text[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, id, text);
	return err_field(&change->err, ERR_UID_TAKEN, "/uid", "is the uid of the endpoint %s already", text);
}

/* Makes a new present key pair in front of the others; when there are too many, the oldest goes. */
static void pair_push(struct tx *tx, struct endpoint_record *record)
{
	if (record->pairs_len == ENDPOINT_SECRETS_MAX)
		free(record->pairs[--record->pairs_len].seed.sealed);
	memmove(&record->pairs[1], &record->pairs[0], record->pairs_len * sizeof record->pairs[0]);
	pair_make(record->meta.id, tx->store->config.master, &record->pairs[0]);
	record->pairs_len++;
}

/* Checks the record and writes it: every change of an endpoint ends here, after what was published before it. Its first opting in to v1a makes its key pair, which stays
 * when it opts out: receivers may know the public key. */
static int store_record(struct tx *tx, struct store_change *change, struct endpoint_record *record)
{
	if (expand_endpoint(tx->engine, record->meta.id, tx->news))
		return -1;
	record->meta.updated_ms = tx->now_ms;
	record->meta.version++;
	struct endpoint *endpoint = endpoint_of_record(record, &change->err);
	if (!endpoint)
		return -1;
	if (endpoint->sign_v1a && endpoint->pairs_len == 0 && endpoint->meta.status != ENDPOINT_DELETED) {
		pair_push(tx, record);
		endpoint_take_pairs(endpoint, record->pairs, record->pairs_len);
	}
	if (endpoint->verification && endpoint->verification->serial == 0)
		endpoint->verification->serial = record->meta.version, endpoint->verification->since_ms = tx->now_ms;
	if (uid_free(tx, change, endpoint) || audit_endpoint(tx, change, endpoint, record->doc) ||
	    tx->engine->ops->endpoint_put(tx->engine, endpoint, record->doc)) {
		endpoint_unref(endpoint);
		return -1;
	}
	change->result_id = record->meta.id;
	news_endpoint(tx->news, endpoint);
	return 0;
}

/* ---- Secrets ---- */

/* Seals a new present secret in front of the others; when there are too many, the oldest goes. */
static void secret_push(struct tx *tx, struct endpoint_record *record, const uint8_t *key, size_t len)
{
	if (record->secrets_len == ENDPOINT_SECRETS_MAX)
		free(record->secrets[--record->secrets_len].sealed);
	memmove(&record->secrets[1], &record->secrets[0], record->secrets_len * sizeof record->secrets[0]);
	char place[48];
	secret_place(record->meta.id, place);
	uint8_t *sealed = mem_alloc(len + SEAL_OVERHEAD);
	size_t sealed_len = seal(tx->store->config.master, slice_of(place), key, len, sealed);
	record->secrets[0] = (struct endpoint_secret){.sealed = sealed, .sealed_len = sealed_len};
	record->secrets_len++;
}

/* The given secret, or a new one; `shown` (may be NULL) gets its text. */
static int secret_add(struct tx *tx, struct store_change *change, struct endpoint_record *record, char **shown)
{
	char text[SECRET_TEXT_SIZE];
	uint8_t key[SECRET_BYTES_MAX];
	if (!change->secret)
		secret_make(text);
	int len = secret_parse(slice_of(change->secret ? change->secret : text), "/secret", key, &change->err);
	if (len < 0)
		return -1;
	secret_push(tx, record, key, (size_t)len);
	if (shown)
		*shown = mem_text(change->secret ? change->secret : text);
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return 0;
}

static void legacy_drop(struct endpoint_record *record)
{
	free(record->legacy.sealed);
	record->legacy = (struct endpoint_secret){0};
}

/* The own secret of a legacy signature, when something is said of it. */
static void legacy_take(struct tx *tx, const struct store_change *change, struct endpoint_record *record)
{
	char place[48];
	if (!change->legacy_given)
		return;
	legacy_drop(record);
	if (!change->legacy_secret)
		return;
	size_t len = strlen(change->legacy_secret);
	legacy_secret_place(record->meta.id, place);
	uint8_t *sealed = mem_alloc(len + SEAL_OVERHEAD);
	size_t sealed_len = seal(tx->store->config.master, slice_of(place), (const uint8_t *)change->legacy_secret, len, sealed);
	record->legacy = (struct endpoint_secret){.sealed = sealed, .sealed_len = sealed_len};
}

static void secrets_drop(struct endpoint_record *record)
{
	while (record->secrets_len > 0)
		free(record->secrets[--record->secrets_len].sealed);
}

static void pairs_drop(struct endpoint_record *record)
{
	while (record->pairs_len > 0)
		free(record->pairs[--record->pairs_len].seed.sealed);
}

/* Old ones sign until `until_ms` at most; false, and freed: it has ended. */
static bool retire(struct endpoint_secret *secret, int64_t now_ms, int64_t until_ms)
{
	if (secret->until_ms == 0 || secret->until_ms > until_ms)
		secret->until_ms = until_ms;
	if (secret->until_ms > now_ms)
		return true;
	free(secret->sealed);
	return false;
}

static void secrets_retire(struct endpoint_record *record, int64_t now_ms, int64_t until_ms)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < record->secrets_len; i++) {
		if (retire(&record->secrets[i], now_ms, until_ms))
			record->secrets[kept++] = record->secrets[i];
	}
	record->secrets_len = kept;
}

static void pairs_retire(struct endpoint_record *record, int64_t now_ms, int64_t until_ms)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < record->pairs_len; i++) {
		if (retire(&record->pairs[i].seed, now_ms, until_ms))
			record->pairs[kept++] = record->pairs[i];
	}
	record->pairs_len = kept;
}

/* When all places are taken by what still signs, a new one would end the oldest before its time. `secrets_retire()` gave all an end. */
static int room_check(struct store_change *change, const struct endpoint_record *record)
{
	char until[CLOCK_RFC3339_SIZE];
	int64_t first_ms = INT64_MAX;
	if (record->secrets_len < ENDPOINT_SECRETS_MAX && record->pairs_len < ENDPOINT_SECRETS_MAX)
		return 0;
	for (unsigned i = 0; i < record->secrets_len && record->secrets_len == ENDPOINT_SECRETS_MAX; i++)
		first_ms = record->secrets[i].until_ms < first_ms ? record->secrets[i].until_ms : first_ms;
	for (unsigned i = 0; i < record->pairs_len && record->secrets_len < ENDPOINT_SECRETS_MAX; i++)
		first_ms = record->pairs[i].seed.until_ms < first_ms ? record->pairs[i].seed.until_ms : first_ms;
	clock_format_rfc3339(first_ms, until);
	return err_set(&change->err, ERR_CONFLICT,
	               "%d secrets sign for this endpoint already, and more cannot: the first of them ends at %s. Rotate after that, or with "
	               "\"overlap_ms\": 0, which ends all of them at once",
	               ENDPOINT_SECRETS_MAX, until);
}

/* A key pair is replaced together with the secret: whoever rotates wants nothing old to be valid after the overlap. */
int secret_rotate(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	int64_t until_ms = tx->now_ms + change->overlap_ms;
	bool paired = record.pairs_len > 0;
	secrets_retire(&record, tx->now_ms, until_ms);
	pairs_retire(&record, tx->now_ms, until_ms);
	int result = room_check(change, &record);
	if (result == 0)
		result = secret_add(tx, change, &record, &change->result_secret);
	if (result == 0 && paired)
		pair_push(tx, &record);
	if (result == 0)
		result = store_record(tx, change, &record);
	endpoint_record_clear(&record);
	return result;
}

/* ---- Documents ---- */

/* Whether it may belong to this subscriber. */
static int owner_check(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	struct subscriber_record record;
	bool foreign = change->only_subscriber != 0 && change->only_subscriber != subscriber;
	if (subscriber == 0 && !foreign)
		return 0;
	int found = foreign ? 0 : tx->engine->ops->subscriber_get(tx->engine, subscriber, &record);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_field(&change->err, ERR_INVALID, "/subscriber", "there is no such subscriber");
	json_decref(record.doc);
	return 0;
}

/* What says nothing of it is verified as the hub's option says, when it is new or gets another URL: one that was there before the option
 * goes on. `before`: the document that it replaces; NULL: none. */
static int verification_default(struct store_change *change, json_t *doc, const json_t *before)
{
	const char *url = json_string_value(json_object_get(doc, "url")), *was = json_string_value(json_object_get(before, "url"));
	enum verification_type type = endpoint_defaults_now()->verification;
	const char *asked = json_string_value(json_object_get(json_object_get(before, "verification"), "type"));
	bool same = url && was && strcmp(url, was) == 0 && (!asked || strcmp(asked, verification_type_text(VERIFY_NONE)) == 0);
	if (type == VERIFY_NONE || same || !json_is_object(doc) || json_object_get(doc, "verification"))
		return 0;
	json_t *made = json_pack("{s:s}", "type", verification_type_text(type));
	return json_object_set_new(doc, "verification", made) ? change_memory_out(change) : 0;
}

static int create(struct tx *tx, struct store_change *change, json_t *doc, int64_t subscriber)
{
	struct endpoint_record record = {
	    .meta = {.id = id_next(&tx->store->ids, tx->now_ms),
	             .subscriber = subscriber,
	             .created_ms = tx->now_ms,
	             .status = ENDPOINT_ACTIVE,
	             .status_since_ms = tx->now_ms},
	    .doc = json_incref(doc),
	};
	int result = owner_check(tx, change, subscriber) || verification_default(change, doc, NULL) ? -1 : 0;
	legacy_take(tx, change, &record);
	if (result == 0)
		result = credentials_renew(tx, change, &record, NULL);
	if (result == 0)
		result = secret_add(tx, change, &record, &change->result_secret);
	if (result == 0)
		result = store_record(tx, change, &record);
	change->created = result == 0;
	endpoint_record_clear(&record);
	return result;
}

/* Whose a new one is: a bound key's own subscriber where it names none. */
static int64_t owner_of_new(const struct store_change *change)
{
	return change->subscriber ? change->subscriber : change->only_subscriber;
}

int endpoint_create(struct tx *tx, struct store_change *change)
{
	json_t *doc = json_deep_copy(change->doc);
	int result = doc ? create(tx, change, doc, owner_of_new(change)) : change_memory_out(change);
	json_decref(doc);
	return result;
}

/* Writes a changed document, a new owner, new credentials and a new secret where they are given. */
static int update(struct tx *tx, struct store_change *change, struct endpoint_record *record, const struct credentials_before *before)
{
	if (credentials_renew(tx, change, record, before))
		return -1;
	if (change->subscriber_given && change->subscriber != record->meta.subscriber) {
		if (owner_check(tx, change, change->subscriber))
			return -1;
		record->meta.subscriber = change->subscriber;
	}
	if (change->secret) {
		secrets_drop(record);
		if (secret_add(tx, change, record, NULL))
			return -1;
	}
	legacy_take(tx, change, record);
	return store_record(tx, change, record);
}

/* The uid is what it is addressed by: it goes only when it is given as null. */
static int take_document(struct store_change *change, struct endpoint_record *record, json_t *doc)
{
	json_t *uid = json_object_get(record->doc, "uid");
	if (uid && json_is_object(doc) && !json_object_get(doc, "uid") && json_object_set(doc, "uid", uid))
		return change_memory_out(change);
	if (verification_default(change, doc, record->doc))
		return -1;
	json_decref(record->doc);
	record->doc = json_incref(doc);
	return 0;
}

static int create_by_uid(struct tx *tx, struct store_change *change, json_t *doc)
{
	if (change_take_uid(change, doc))
		return -1;
	return create(tx, change, doc, owner_of_new(change));
}

static int replace(struct tx *tx, struct store_change *change, json_t *doc)
{
	int64_t id = change->id;
	/* Nobody had the uid when the caller looked; meanwhile somebody may. */
	int found = id != 0 ? 1 : tx->engine->ops->endpoint_of_uid(tx->engine, owner_of_new(change), change->uid, &id);
	if (found <= 0)
		return found < 0 ? -1 : create_by_uid(tx, change, doc);
	struct endpoint_record record = {0};
	if (find(tx, change, id, &record))
		return -1;
	struct credentials_before before;
	int result = credentials_before(tx, change, &record, &before);
	if (result == 0)
		result = take_document(change, &record, doc);
	if (result == 0)
		result = update(tx, change, &record, &before);
	credentials_before_clear(&before);
	endpoint_record_clear(&record);
	return result;
}

int endpoint_replace(struct tx *tx, struct store_change *change)
{
	json_t *doc = json_deep_copy(change->doc);
	int result = doc ? replace(tx, change, doc) : change_memory_out(change);
	json_decref(doc);
	return result;
}

int endpoint_patch(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	struct credentials_before before;
	int result = credentials_before(tx, change, &record, &before);
	if (result == 0 && endpoint_merge_patch(record.doc, change->doc))
		result = err_set(&change->err, ERR_INVALID, "a merge patch of an endpoint must be a JSON object");
	if (result == 0)
		result = verification_default(change, record.doc, before.doc);
	if (result == 0)
		result = update(tx, change, &record, &before);
	credentials_before_clear(&before);
	endpoint_record_clear(&record);
	return result;
}

/* ---- Status ---- */

static void set_status(struct tx *tx, struct endpoint_record *record, enum endpoint_status status, const char *reason)
{
	struct endpoint_meta *meta = &record->meta;
	health_forget(&tx->store->health, meta->id, clock_mono_us(tx->store->config.clock));
	meta->status = status;
	meta->status_since_ms = tx->now_ms;
	memset(meta->status_reason, 0, sizeof meta->status_reason);
	memccpy(meta->status_reason, reason, '\0', sizeof meta->status_reason - 1);
}

/* A tombstone: the row stays for its deliveries' sake, without uid, secrets and credentials. */
int endpoint_remove(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	set_status(tx, &record, ENDPOINT_DELETED, "by_hand");
	json_object_del(record.doc, "uid"); /* -1 only says that there was none */
	secrets_drop(&record);
	pairs_drop(&record);
	free(record.credentials.sealed);
	record.credentials = (struct endpoint_secret){.sealed_len = 0};
	legacy_drop(&record);
	int result = store_record(tx, change, &record);
	if (result == 0)
		result = operation_drain(tx, OPERATION_DRAIN_DELETED, record.meta.id, record.meta.subscriber, change->cancel);
	endpoint_record_clear(&record);
	return result;
}

/* Takes `more` and `outside`, see herald_endpoint(). */
static void tell(struct tx *tx, const struct endpoint_record *record, enum operational what, json_t *more, json_t *outside)
{
	struct err err = {0};
	struct endpoint *endpoint = endpoint_of_record(record, &err);
	if (endpoint) {
		herald_endpoint(tx, what, endpoint, more, outside);
	} else {
		json_decref(more);
		json_decref(outside);
	}
	endpoint_unref(endpoint);
}

static void tell_status(struct tx *tx, const struct endpoint_record *record, enum operational what, json_t *more)
{
	tell(tx, record, what, more, NULL);
}

static json_t *was_disabled(int64_t since_ms)
{
	char since[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(since_ms, since);
	return json_pack("{s:s, s:s}", "was", "disabled", "since", since);
}

static int disable(struct tx *tx, struct store_change *change, struct endpoint_record *record, const char *reason)
{
	set_status(tx, record, ENDPOINT_DISABLED, reason);
	if (store_record(tx, change, record))
		return -1;
	tell_status(tx, record, OPERATIONAL_ENDPOINT_DISABLED, json_pack("{s:s}", "reason", reason));
	return operation_drain(tx, OPERATION_DRAIN_DISABLED, record->meta.id, record->meta.subscriber, false);
}

int endpoint_disable(struct tx *tx, int64_t id, const char *reason)
{
	struct endpoint_record record = {0};
	int found = tx->engine->ops->endpoint_get(tx->engine, id, &record);
	if (found <= 0)
		return found;
	struct store_change change = {.what = CHANGE_ENDPOINT_DISABLE, .id = id};
	bool active = record.meta.status != ENDPOINT_DISABLED;
	int result = active ? disable(tx, &change, &record, reason) : 0;
	if (active && result == 0)
		log_told(endpoint_disabled, LOG_FIELDS(.endpoint = id, .reason = reason), "the endpoint is disabled");
	endpoint_record_clear(&record);
	if (result && tx->engine->fault == ENGINE_FINE) {
		/* A stored document that is not valid any more: it stays as it is, the outcome counts all the same. */
		result = 0;
	}
	return result;
}

enum status_step { STEP_NONE, STEP_GO, STEP_REFUSE };

/* By hand: pause, resume, disable an endpoint that is active, paused, disabled. What is so already stays so. */
static const enum status_step steps[3][3] = {
    [ENDPOINT_PAUSED] = {[ENDPOINT_ACTIVE] = STEP_GO, [ENDPOINT_PAUSED] = STEP_NONE, [ENDPOINT_DISABLED] = STEP_REFUSE},
    [ENDPOINT_ACTIVE] = {[ENDPOINT_ACTIVE] = STEP_NONE, [ENDPOINT_PAUSED] = STEP_GO, [ENDPOINT_DISABLED] = STEP_GO},
    [ENDPOINT_DISABLED] = {[ENDPOINT_ACTIVE] = STEP_GO, [ENDPOINT_PAUSED] = STEP_GO, [ENDPOINT_DISABLED] = STEP_NONE},
};

static int status_apply(struct tx *tx, struct store_change *change, struct endpoint_record *record, enum endpoint_status to)
{
	if (to == ENDPOINT_DISABLED)
		return disable(tx, change, record, "by_hand");
	bool disabled = record->meta.status == ENDPOINT_DISABLED;
	int64_t since_ms = record->meta.status_since_ms;
	set_status(tx, record, to, to == ENDPOINT_ACTIVE ? "" : "by_hand");
	if (store_record(tx, change, record))
		return -1;
	if (disabled)
		tell_status(tx, record, OPERATIONAL_ENDPOINT_RECOVERED, was_disabled(since_ms));
	if (to == ENDPOINT_ACTIVE)
		news_due(tx->news, record->meta.id, tx->now_ms);
	return 0;
}

/* It may be active already, and its breaker open. */
static void urge(struct tx *tx, const struct endpoint_record *record)
{
	const struct due due = {.endpoint = record->meta.id, .due_ms = tx->now_ms};
	news_urged(tx->news, &due);
}

static int status_change(struct tx *tx, struct store_change *change, enum endpoint_status to)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = 0;
	change->result_id = record.meta.id;
	switch (steps[to][record.meta.status]) {
	case STEP_NONE:
		break;
	case STEP_GO:
		result = status_apply(tx, change, &record, to);
		break;
	case STEP_REFUSE:
		result =
		    err_set(&change->err, ERR_WRONG_STATE, "the endpoint is %s; resume it first", endpoint_status_text(record.meta.status));
		break;
	}
	if (result == 0 && to == ENDPOINT_ACTIVE)
		urge(tx, &record);
	endpoint_record_clear(&record);
	return result;
}

int endpoint_pause(struct tx *tx, struct store_change *change)
{
	return status_change(tx, change, ENDPOINT_PAUSED);
}

int endpoint_resume(struct tx *tx, struct store_change *change)
{
	return status_change(tx, change, ENDPOINT_ACTIVE);
}

int endpoint_disable_by_hand(struct tx *tx, struct store_change *change)
{
	return status_change(tx, change, ENDPOINT_DISABLED);
}

/* ---- Verification ---- */

int endpoint_verify(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = -1;
	/* What is known is forgotten, so that it is asked again. */
	free(record.verified_url);
	record.verified_url = NULL;
	struct endpoint *endpoint = endpoint_of_record(&record, &change->err);
	if (endpoint && !endpoint->verification)
		err_set(&change->err, ERR_WRONG_STATE, "the endpoint is not to be verified; set its verification to cloudevents or challenge");
	else if (endpoint)
		result = store_record(tx, change, &record);
	endpoint_unref(endpoint);
	endpoint_record_clear(&record);
	return result;
}

/* An answer to an older question says nothing. */
int endpoint_verified(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	const struct endpoint_verification *answer = change->verification;
	int found = tx->engine->ops->endpoint_get(tx->engine, change->id, &record), result = 0;
	if (found <= 0)
		return found;
	struct endpoint *endpoint = endpoint_of_record(&record, &change->err);
	const struct endpoint_verification *present = endpoint ? endpoint->verification : NULL;
	if (present && present->state == VERIFICATION_PENDING && present->serial == answer->serial) {
		record.verification = *answer;
		record.verification.type = present->type;
		record.verification.since_ms = tx->now_ms;
		free(record.verified_url);
		record.verified_url = mem_text(endpoint->url);
		result = store_record(tx, change, &record);
		if (result == 0 && answer->state == VERIFICATION_VERIFIED)
			news_due(tx->news, change->id, tx->now_ms);
	}
	endpoint_unref(endpoint);
	endpoint_record_clear(&record);
	return result;
}

/* ---- Drills ---- */

int endpoint_drill(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	change->drill.at_ms = tx->now_ms;
	drill_mark(&change->drill, &record.meta.drill);
	record.meta.drill = change->drill;
	int result = store_record(tx, change, &record);
	endpoint_record_clear(&record);
	return result;
}

/* ---- Circuits ---- */

/* The scheduler's: nothing is stored but that it is told. */
int endpoint_circuit(struct tx *tx, struct store_change *change)
{
	struct endpoint_record record = {0};
	char since[CLOCK_RFC3339_SIZE];
	if (find(tx, change, change->id, &record))
		return -1;
	clock_format_rfc3339(change->since_ms, since);
	if (change->opened)
		tell(tx, &record, OPERATIONAL_CIRCUIT_OPENED, json_pack("{s:s}", "detail", change->why),
		     json_pack("{s:s}", "detail", change->why_outside));
	else
		tell_status(tx, &record, OPERATIONAL_ENDPOINT_RECOVERED, json_pack("{s:s, s:s}", "was", "circuit_open", "since", since));
	endpoint_record_clear(&record);
	return 0;
}
