/* /v1/keys: API keys. A key's text is in the one answer that makes it. */
#include "api/call.h"

/* Keys are a matter of the whole hub: a bound key would otherwise see, or make, keys that are not bound. */
static int whole_hub(struct call *call)
{
	return call_unbound(call, "manage keys");
}

static json_t *to_json(struct call *call, const struct key *key)
{
	char text[SUBSCRIBER_TEXT_SIZE];
	return key_json(key, subscriber_text(call, key->subscriber, text));
}

static int key_item(void *context, const struct key *key)
{
	struct call *call = context;
	put_json(list_item(call), to_json(call, key));
	return 0;
}

int keys_list(struct call *call)
{
	struct page page;
	int64_t subscriber;
	if (whole_hub(call) < 0 || resolve_owner_filter(call, &subscriber) < 0 || call_page(call, LIST_KEYS, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_keys(call->worker->reader, subscriber, &page, key_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_KEYS, &page);
}

struct search {
	int64_t id;
	bool found;
	struct key key;
};

static int key_is(void *context, const struct key *key)
{
	struct search *search = context;
	if (key->id == search->id) {
		search->found = true;
		search->key = *key;
	}
	return 0;
}

/* The list goes by id, so the row after id - 1 is the key, if there is one. */
static int read_key(struct call *call, int64_t id, struct key *key)
{
	struct search search = {.id = id};
	struct page page = {.limit = 1, .ascending = true, .after_key = id - 1, .after_id = id - 1};
	if (reader_keys(call->worker->reader, 0, &page, key_is, &search, &call->err) < 0)
		return -1;
	if (!search.found)
		return err_set(&call->err, ERR_NOT_FOUND, "There is no such key");
	*key = search.key;
	return 0;
}

int keys_get(struct call *call)
{
	struct key key;
	int64_t id;
	if (whole_hub(call) < 0 || resolve_id_path(call, ID_KEY, "key", &id) < 0 || read_key(call, id, &key) < 0)
		return -1;
	call_etag(call, id, KEY_VERSION);
	return call_json(call, 200, to_json(call, &key));
}

/* From the change's result: a repeated request made its key before, with another text than this one's. */
static int respond_made(struct call *call, const struct store_change *change)
{
	struct key key;
	if (read_key(call, change->result_id, &key) < 0)
		return -1;
	json_t *answer = to_json(call, &key);
	call_location(call, "keys", ID_KEY, key.id);
	call_etag(call, key.id, KEY_VERSION);
	if (json_object_set_new(answer, "key", json_string(change->result_secret)) < 0) {
		json_decref(answer);
		answer = NULL;
	}
	return call_json(call, 201, answer);
}

static int create(struct call *call, const json_t *doc)
{
	struct key key = {.id = 0};
	char text[KEY_TEXT_SIZE];
	struct store_change change = {.what = CHANGE_KEY_CREATE, .key = &key, .secret = text};
	const char *subscriber;
	int64_t now_ms = call_now_ms(call);
	if (key_parse(doc, now_ms, &key, &subscriber, &call->err) < 0)
		return -1;
	if (subscriber && resolve_subscriber(call, slice_of(subscriber), "/subscriber", &key.subscriber) < 0)
		return -1;
	key.created_ms = now_ms;
	key_make(text, key.hash, key.hint);
	int result = call_change(call, &change);
	if (result == 0)
		result = respond_made(call, &change);
	store_change_clear(&change);
	return result;
}

int keys_create(struct call *call)
{
	json_t *doc = whole_hub(call) < 0 ? NULL : call_body(call);
	int result = doc ? create(call, doc) : -1;
	json_decref(doc);
	return result;
}

int keys_revoke(struct call *call)
{
	struct store_change change = {.what = CHANGE_KEY_REVOKE};
	if (whole_hub(call) < 0 || resolve_id_path(call, ID_KEY, "key", &change.id) < 0)
		return -1;
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : call_no_content(call);
}
