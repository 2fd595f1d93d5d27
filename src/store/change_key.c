/* Changes of API keys. */
#include "base/mem.h"
#include "store/audit.h"
#include "store/private.h"

static int subscriber_exists(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	struct subscriber_record record;
	int found = subscriber ? tx->engine->ops->subscriber_get(tx->engine, subscriber, &record) : 0;
	if (found > 0)
		json_decref(record.doc);
	if (found == 0 && subscriber)
		return err_field(&change->err, ERR_INVALID, "/subscriber", "there is no such subscriber");
	return found < 0 ? -1 : 0;
}

int key_create(struct tx *tx, struct store_change *change)
{
	struct key *key = change->key;
	if (change->only_subscriber && key->subscriber != change->only_subscriber)
		return err_field(&change->err, ERR_INVALID, "/subscriber", "there is no such subscriber");
	if (subscriber_exists(tx, change, key->subscriber))
		return -1;
	key->id = id_next(&tx->store->ids, tx->now_ms);
	if (audit_key(tx, change, NULL, key) || tx->engine->ops->key_insert(tx->engine, key))
		return -1;
	news_key(tx->news, key);
	change->result_id = key->id;
	change->created = true;
	if (change->secret)
		change->result_secret = mem_text(change->secret);
	return 0;
}

int key_revoke(struct tx *tx, struct store_change *change)
{
	struct key key;
	int found = tx->engine->ops->key_get(tx->engine, change->id, &key);
	if (found == 0 || (found > 0 && change->only_subscriber && change->only_subscriber != key.subscriber))
		return change_not_found(change, "key");
	if (found < 0 || caller_allows(change->caller, key.id, KEY_VERSION, &change->err) || audit_key(tx, change, &key, NULL) ||
	    tx->engine->ops->key_delete(tx->engine, change->id))
		return -1;
	news_key_gone(tx->news, change->id);
	change->result_id = change->id;
	return 0;
}
