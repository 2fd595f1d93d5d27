/* Changes of sources: their documents, owners and secrets. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/endpoint.h"
#include "store/audit.h"
#include "store/private.h"

void source_record_clear(struct source_record *record)
{
	json_decref(record->doc);
	for (unsigned i = 0; i < record->secrets_len; i++)
		free(record->secrets[i].sealed);
	*record = (struct source_record){.doc = NULL};
}

static int find(struct tx *tx, struct store_change *change, int64_t id, struct source_record *record)
{
	int found = change->only_subscriber ? 0 : tx->engine->ops->source_get(tx->engine, id, record);
	if (found == 0)
		return change_not_found(change, "source");
	if (found > 0 && caller_allows(change->caller, id, record->meta.version, &change->err)) {
		source_record_clear(record);
		return -1;
	}
	return found < 0 ? -1 : 0;
}

static int uid_free(struct tx *tx, struct store_change *change, const struct source *source)
{
	int64_t id;
	int found = source->uid ? tx->engine->ops->source_of_uid(tx->engine, source->uid, &id) : 0;
	if (found <= 0 || id == source->meta.id)
		return found < 0 ? -1 : 0;
	char text[ID_TEXT_SIZE];
	id_format(ID_SOURCE, id, text);
	return err_field(&change->err, ERR_UID_TAKEN, "/uid", "is the uid of the source %s already", text);
}

/* Checks the record, with what its scheme says of settings and secrets, and writes it: every change of a source ends here. */
static int store_record(struct tx *tx, struct store_change *change, struct source_record *record)
{
	record->meta.updated_ms = tx->now_ms;
	record->meta.version++;
	struct source *source = source_parse(record->doc, &record->meta, record->secrets, record->secrets_len, &change->err);
	if (!source)
		return -1;
	if (source_check(source, tx->store->config.master, tx->now_ms, tx->store->config.public_url, &change->err) || uid_free(tx, change, source) ||
	    audit_source(tx, change, record->meta.id, source, record->doc) ||
	    tx->engine->ops->source_put(tx->engine, source, record->doc)) {
		source_unref(source);
		return -1;
	}
	change->result_id = record->meta.id;
	news_source(tx->news, source);
	return 0;
}

/* ---- Secrets ---- */

static void secret_seal(struct tx *tx, int64_t id, const char *text, struct source_secret *secret)
{
	char place[SOURCE_PLACE_SIZE];
	size_t len = strlen(text);
	source_secret_place(id, place);
	secret->until_ms = 0;
	secret->sealed = mem_alloc(len + SEAL_OVERHEAD);
	secret->sealed_len = seal(tx->store->config.master, slice_of(place), (const uint8_t *)text, len, secret->sealed);
}

static void secrets_drop(struct source_record *record)
{
	while (record->secrets_len > 0)
		free(record->secrets[--record->secrets_len].sealed);
}

/* Those that are given, instead of what there was. */
static void secrets_set(struct tx *tx, const struct store_change *change, struct source_record *record)
{
	secrets_drop(record);
	for (unsigned i = 0; i < change->secrets_len; i++)
		secret_seal(tx, record->meta.id, change->secrets[i], &record->secrets[record->secrets_len++]);
}

/* The scheme that the document names, as far as it names one. */
static const struct scheme *scheme_of(const json_t *doc)
{
	const char *name = json_string_value(json_object_get(doc, "scheme"));
	return name ? scheme_find(slice_of(name)) : NULL;
}

/* A new source whose secret the owner may choose, and did not: the hub makes one. */
static void secret_preset(struct tx *tx, struct store_change *change, struct source_record *record)
{
	const struct scheme *scheme = scheme_of(record->doc);
	char text[SCHEME_SECRET_SIZE];
	if (record->secrets_len > 0 || !scheme || scheme->secret != SCHEME_SECRET_CHOSEN)
		return;
	scheme_secret_make(text);
	secret_seal(tx, record->meta.id, text, &record->secrets[record->secrets_len++]);
	change->result_secret = mem_text(text);
	explicit_bzero(text, sizeof text);
}

/* Old ones fit until `until_ms` at most. */
static void secrets_retire(struct source_record *record, int64_t now_ms, int64_t until_ms)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < record->secrets_len; i++) {
		struct source_secret *secret = &record->secrets[i];
		if (secret->until_ms == 0 || secret->until_ms > until_ms)
			secret->until_ms = until_ms;
		if (secret->until_ms > now_ms)
			record->secrets[kept++] = *secret;
		else
			free(secret->sealed);
	}
	record->secrets_len = kept;
}

static int room_check(struct store_change *change, const struct source_record *record)
{
	char until[CLOCK_RFC3339_SIZE];
	int64_t first_ms = INT64_MAX;
	if (record->secrets_len < SOURCE_SECRETS_MAX)
		return 0;
	for (unsigned i = 0; i < record->secrets_len; i++)
		first_ms = record->secrets[i].until_ms < first_ms ? record->secrets[i].until_ms : first_ms;
	clock_format_rfc3339(first_ms, until);
	return err_set(&change->err, ERR_CONFLICT,
	               "%d secrets fit this source already, and more cannot: the first of them ends at %s. Rotate after that, or with "
	               "\"overlap_ms\": 0, which ends all of them at once",
	               SOURCE_SECRETS_MAX, until);
}

static int rotate(struct tx *tx, struct store_change *change, struct source_record *record)
{
	const struct scheme *scheme = scheme_of(record->doc);
	char made[SCHEME_SECRET_SIZE];
	if (!scheme || scheme->secret == SCHEME_SECRET_NONE)
		return err_set(&change->err, ERR_CONFLICT, "the scheme of this source has no secret");
	if (!change->secret && scheme->secret != SCHEME_SECRET_CHOSEN)
		return err_field(&change->err, ERR_INVALID, "/secret", "is required: %s makes the secret, and it is pasted here",
		                 scheme->title);
	secrets_retire(record, tx->now_ms, tx->now_ms + change->overlap_ms);
	if (room_check(change, record))
		return -1;
	if (!change->secret)
		scheme_secret_make(made);
	memmove(&record->secrets[1], &record->secrets[0], record->secrets_len * sizeof record->secrets[0]);
	secret_seal(tx, record->meta.id, change->secret ? change->secret : made, &record->secrets[0]);
	record->secrets_len++;
	change->result_secret = mem_text(change->secret ? change->secret : made);
	explicit_bzero(made, sizeof made);
	return store_record(tx, change, record);
}

int source_rotate(struct tx *tx, struct store_change *change)
{
	struct source_record record = {.doc = NULL};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = rotate(tx, change, &record);
	source_record_clear(&record);
	return result;
}

/* Only the first one counts: whoever knows the URL could send another. */
int source_keep_secret(struct tx *tx, struct store_change *change)
{
	struct source_record record = {.doc = NULL};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = 0;
	if (record.secrets_len == 0) {
		secret_seal(tx, record.meta.id, change->secret, &record.secrets[record.secrets_len++]);
		result = store_record(tx, change, &record);
	}
	source_record_clear(&record);
	return result;
}

/* ---- Documents ---- */

static int owner_check(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	struct subscriber_record record;
	int found = subscriber == 0 ? 1 : tx->engine->ops->subscriber_get(tx->engine, subscriber, &record);
	if (found > 0 && subscriber != 0)
		json_decref(record.doc);
	if (found == 0)
		return err_field(&change->err, ERR_INVALID, "/subscriber", "there is no such subscriber");
	return found < 0 ? -1 : 0;
}

static int create(struct tx *tx, struct store_change *change, json_t *doc)
{
	struct source_record record = {
	    .meta = {.id = id_next(&tx->store->ids, tx->now_ms), .subscriber = change->subscriber, .created_ms = tx->now_ms},
	    .doc = json_incref(doc),
	};
	int result = owner_check(tx, change, change->subscriber);
	if (result == 0) {
		secrets_set(tx, change, &record);
		secret_preset(tx, change, &record);
		result = store_record(tx, change, &record);
	}
	change->created = result == 0;
	source_record_clear(&record);
	return result;
}

int source_create(struct tx *tx, struct store_change *change)
{
	json_t *doc = json_deep_copy(change->doc);
	int result = doc ? create(tx, change, doc) : change_memory_out(change);
	json_decref(doc);
	return result;
}

/* Writes a changed document, a new owner and new secrets where they are given. */
static int update(struct tx *tx, struct store_change *change, struct source_record *record)
{
	if (change->subscriber_given && change->subscriber != record->meta.subscriber) {
		if (owner_check(tx, change, change->subscriber))
			return -1;
		record->meta.subscriber = change->subscriber;
	}
	if (change->secrets_len > 0)
		secrets_set(tx, change, record);
	return store_record(tx, change, record);
}

static int create_by_uid(struct tx *tx, struct store_change *change, json_t *doc)
{
	if (change_take_uid(change, doc))
		return -1;
	return create(tx, change, doc);
}

static int replace(struct tx *tx, struct store_change *change, json_t *doc)
{
	int64_t id = change->id;
	/* Nobody had the uid when the caller looked; meanwhile somebody may. */
	int found = id != 0 ? 1 : tx->engine->ops->source_of_uid(tx->engine, change->uid, &id);
	if (found <= 0)
		return found < 0 ? -1 : create_by_uid(tx, change, doc);
	struct source_record record = {.doc = NULL};
	if (find(tx, change, id, &record))
		return -1;
	/* The uid is what it is addressed by: it goes only when it is given as null. */
	json_t *uid = json_object_get(record.doc, "uid");
	int result = uid && json_is_object(doc) && !json_object_get(doc, "uid") ? json_object_set(doc, "uid", uid) : 0;
	json_decref(record.doc);
	record.doc = json_incref(doc);
	result = result ? change_memory_out(change) : update(tx, change, &record);
	source_record_clear(&record);
	return result;
}

int source_replace(struct tx *tx, struct store_change *change)
{
	json_t *doc = json_deep_copy(change->doc);
	int result = doc ? replace(tx, change, doc) : change_memory_out(change);
	json_decref(doc);
	return result;
}

int source_patch(struct tx *tx, struct store_change *change)
{
	struct source_record record = {.doc = NULL};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = -1;
	if (json_merge_patch(record.doc, change->doc))
		err_set(&change->err, ERR_INVALID, "a merge patch of a source must be a JSON object");
	else
		result = update(tx, change, &record);
	source_record_clear(&record);
	return result;
}

int source_remove(struct tx *tx, struct store_change *change)
{
	struct source_record record = {.doc = NULL};
	if (find(tx, change, change->id, &record))
		return -1;
	int result = audit_source(tx, change, change->id, NULL, NULL) ? -1 : tx->engine->ops->source_delete(tx->engine, change->id);
	if (result == 0)
		news_source_gone(tx->news, change->id);
	change->result_id = change->id;
	source_record_clear(&record);
	return result;
}
