/* Changes of subscribers. */
#include <string.h>

#include "model/subscriber.h"
#include "store/audit.h"
#include "store/erase.h"
#include "store/private.h"

/* A bound key sees only its own subscriber. */
static int find(struct tx *tx, struct store_change *change, int64_t id, struct subscriber_record *record)
{
	bool foreign = change->only_subscriber != 0 && change->only_subscriber != id;
	int found = foreign ? 0 : tx->engine->ops->subscriber_get(tx->engine, id, record);
	if (found == 0)
		return change_not_found(change, "subscriber");
	if (found > 0 && caller_allows(change->caller, id, record->version, &change->err)) {
		json_decref(record->doc);
		record->doc = NULL;
		return -1;
	}
	return found < 0 ? -1 : 0;
}

static int uid_free(struct tx *tx, struct store_change *change, const char *uid, int64_t self)
{
	int64_t id;
	int found = uid ? tx->engine->ops->subscriber_of_uid(tx->engine, uid, &id) : 0;
	if (found <= 0 || id == self)
		return found < 0 ? -1 : 0;
	char text[ID_TEXT_SIZE];
	id_format(ID_SUBSCRIBER, id, text);
	return err_field(&change->err, ERR_UID_TAKEN, "/uid", "is the uid of the subscriber %s already", text);
}

/* A bound key's subscriber keeps its uid. The operator addresses it by that name: a tenant that took another could catch what is meant
 * for somebody else, and would learn from a uid that is taken who else there is. `uid`: before the change; null is the same as none. */
static int uid_kept(struct store_change *change, const json_t *uid, const json_t *doc)
{
	const json_t *before = json_is_null(uid) ? NULL : uid, *after = json_object_get(doc, "uid");
	if (json_is_null(after))
		after = NULL;
	if (change->only_subscriber == 0 || before == after || json_equal(before, after))
		return 0;
	return err_field(&change->err, ERR_FORBIDDEN, "/uid", "a key that is bound to a subscriber cannot change its uid");
}

/* Checks the document and writes it. */
static int store_record(struct tx *tx, struct store_change *change, struct subscriber_record *record)
{
	const char *uid = NULL;
	if (!record->doc)
		return change_memory_out(change);
	if (subscriber_check(record->doc, &change->err) || uid_of_doc(record->doc, &uid, &change->err) ||
	    uid_free(tx, change, uid, record->id))
		return -1;
	record->updated_ms = tx->now_ms;
	record->version++;
	if (audit_subscriber(tx, change, record->id, record) || tx->engine->ops->subscriber_put(tx->engine, record, uid))
		return -1;
	news_subscriber(tx->news, record->id, uid);
	change->result_id = record->id;
	return 0;
}

static int create(struct tx *tx, struct store_change *change, json_t *doc)
{
	struct subscriber_record record = {.id = id_next(&tx->store->ids, tx->now_ms), .created_ms = tx->now_ms, .doc = doc};
	change->created = true;
	return store_record(tx, change, &record);
}

int subscriber_create(struct tx *tx, struct store_change *change)
{
	if (change->only_subscriber)
		return err_set(&change->err, ERR_FORBIDDEN, "a key that is bound to a subscriber cannot make subscribers");
	json_t *doc = json_deep_copy(change->doc);
	int result = create(tx, change, doc);
	json_decref(doc);
	return result;
}

static int create_by_uid(struct tx *tx, struct store_change *change, json_t *doc)
{
	if (change->only_subscriber)
		return change_not_found(change, "subscriber");
	if (change_take_uid(change, doc))
		return -1;
	return create(tx, change, doc);
}

static int replace(struct tx *tx, struct store_change *change, json_t *doc)
{
	int64_t id = change->id;
	/* Nobody had the uid when the caller looked; meanwhile somebody may. */
	int found = id != 0 ? 1 : tx->engine->ops->subscriber_of_uid(tx->engine, change->uid, &id);
	if (found <= 0)
		return found < 0 ? -1 : create_by_uid(tx, change, doc);
	struct subscriber_record record = {0};
	if (find(tx, change, id, &record))
		return -1;
	/* The uid is what it is addressed by: it goes only when it is given as null. */
	json_t *uid = json_object_get(record.doc, "uid");
	int bad = uid && json_is_object(doc) && !json_object_get(doc, "uid") ? json_object_set(doc, "uid", uid) : 0;
	if (bad)
		change_memory_out(change);
	else
		bad = uid_kept(change, uid, doc);
	json_decref(record.doc);
	record.doc = doc;
	return bad ? -1 : store_record(tx, change, &record);
}

int subscriber_replace(struct tx *tx, struct store_change *change)
{
	json_t *doc = json_deep_copy(change->doc);
	int result = replace(tx, change, doc);
	json_decref(doc);
	return result;
}

int subscriber_patch(struct tx *tx, struct store_change *change)
{
	struct subscriber_record record = {0};
	if (find(tx, change, change->id, &record))
		return -1;
	json_t *uid = json_incref(json_object_get(record.doc, "uid"));
	int result = -1;
	if (json_merge_patch(record.doc, change->doc))
		err_set(&change->err, ERR_INVALID, "a merge patch of a subscriber must be a JSON object");
	else
		result = uid_kept(change, uid, record.doc) ? -1 : store_record(tx, change, &record);
	json_decref(uid);
	json_decref(record.doc);
	return result;
}

static int revoke_keys(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	struct key key;
	int64_t id;
	int found;
	while ((found = tx->engine->ops->key_of_subscriber(tx->engine, subscriber, &id)) > 0) {
		if (tx->engine->ops->key_get(tx->engine, id, &key) < 0 || audit_key(tx, change, &key, NULL) ||
		    tx->engine->ops->key_delete(tx->engine, id))
			return -1;
		news_key_gone(tx->news, id);
	}
	return found;
}

static int refuse_sources(struct store_change *change, int64_t sources)
{
	return err_set(&change->err, ERR_CONFLICT, "the subscriber has %lld source%s: delete them first, or give them to another one",
	               (long long)sources, sources == 1 ? "" : "s");
}

/* With all that is its own, in an operation; its keys are refused at once. */
int subscriber_erase(struct tx *tx, struct store_change *change)
{
	struct subscriber_record record = {0};
	int64_t sources;
	if (find(tx, change, change->id, &record))
		return -1;
	json_decref(record.doc);
	if (tx->engine->ops->sources_of_subscriber(tx->engine, change->id, &sources))
		return -1;
	if (sources > 0)
		return refuse_sources(change, sources);
	return revoke_keys(tx, change, change->id) ? -1 : erase_begin(tx, change, change->id);
}

int subscriber_remove(struct tx *tx, struct store_change *change)
{
	const struct engine_ops *ops = tx->engine->ops;
	struct subscriber_record record = {0};
	int64_t endpoints, sources;
	if (find(tx, change, change->id, &record))
		return -1;
	json_decref(record.doc);
	if (ops->subscriber_endpoints(tx->engine, change->id, &endpoints) || ops->sources_of_subscriber(tx->engine, change->id, &sources))
		return -1;
	if (endpoints > 0)
		return err_set(&change->err, ERR_CONFLICT, "the subscriber has %lld endpoint%s; delete %s first", (long long)endpoints,
		               endpoints == 1 ? "" : "s", endpoints == 1 ? "it" : "them");
	if (sources > 0)
		return refuse_sources(change, sources);
	if (revoke_keys(tx, change, change->id) || audit_subscriber(tx, change, change->id, NULL) || ops->subscriber_delete(tx->engine, change->id))
		return -1;
	news_subscriber_gone(tx->news, change->id);
	change->result_id = change->id;
	return 0;
}
