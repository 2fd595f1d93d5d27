/* The store contract: subscribers, endpoints, secrets, keys. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/temp.h"
#include "sign/outgoing.h"

#define HOOK "{\"url\": \"https://example.com/hook\", \"event_types\": [\"order.*\"]"

/* Runs a change with this document; the code it ended with. */
static enum err_code change_doc(struct world *w, struct store_change *change, const char *doc)
{
	change->doc = world_json(doc);
	(void)!store_change(w->store, change);
	json_decref(change->doc);
	change->doc = NULL;
	return change->err.code;
}

struct shown {
	int len;
	int64_t ids[16];
	int64_t version, subscriber, created_ms, updated_ms;
	char uid[64], url[256], name[64];
	enum endpoint_status status;
	unsigned secrets_len;
	int64_t until_ms[ENDPOINT_SECRETS_MAX];
	unsigned pairs_len;
	int64_t pair_until_ms[ENDPOINT_SECRETS_MAX];
	uint8_t public_keys[ENDPOINT_SECRETS_MAX][ENDPOINT_PUBLIC_KEY_BYTES];
};

static void show_pairs(struct shown *shown, const struct endpoint *endpoint)
{
	shown->pairs_len = endpoint->pairs_len;
	for (unsigned i = 0; i < endpoint->pairs_len; i++) {
		shown->pair_until_ms[i] = endpoint->pairs[i].seed.until_ms;
		memcpy(shown->public_keys[i], endpoint->pairs[i].public_key, ENDPOINT_PUBLIC_KEY_BYTES);
	}
}

static int show(void *context, const struct document_row *row)
{
	struct shown *shown = context;
	const char *uid = json_string_value(json_object_get(row->doc, "uid"));
	const char *name = json_string_value(json_object_get(row->doc, "name"));
	if (shown->len < 16)
		shown->ids[shown->len++] = row->id;
	snprintf(shown->uid, sizeof shown->uid, "%s", uid ? uid : "");
	snprintf(shown->name, sizeof shown->name, "%s", name ? name : "");
	shown->created_ms = row->created_ms;
	shown->updated_ms = row->updated_ms;
	if (row->endpoint) {
		shown->version = row->endpoint->meta.version;
		shown->subscriber = row->endpoint->meta.subscriber;
		shown->status = row->endpoint->meta.status;
		snprintf(shown->url, sizeof shown->url, "%s", row->endpoint->url);
		shown->secrets_len = row->endpoint->secrets_len;
		for (unsigned i = 0; i < row->endpoint->secrets_len; i++)
			shown->until_ms[i] = row->endpoint->secrets[i].until_ms;
		show_pairs(shown, row->endpoint);
	}
	return 0;
}

static struct shown endpoint_shown(struct world *w, int64_t id)
{
	struct shown shown = {0};
	struct err err = {0};
	if (reader_endpoint(w->reader, id, 0, show, &shown, &err))
		fail_msg("%s", err.detail);
	return shown;
}

static struct shown subscriber_shown(struct world *w, int64_t id)
{
	struct shown shown = {0};
	struct err err = {0};
	if (reader_subscriber(w->reader, id, show, &shown, &err))
		fail_msg("%s", err.detail);
	return shown;
}

static void what_was_made_is_found_after_a_restart(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\", \"uid\": \"acme\"}");
	int64_t endpoint = world_endpoint_of(w, subscriber, "order.*", "\"uid\": \"main\"");
	int64_t paused = world_endpoint(w, "order.*", NULL);
	int64_t deleted = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, paused);
	world_change(w, CHANGE_ENDPOINT_DELETE, deleted);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(index_subscriber_by_uid(w->index, slice_of("acme")), subscriber);
		bool ambiguous;
		struct endpoint *found = index_endpoint_by_uid(w->index, slice_of("main"), subscriber, false, &ambiguous);
		assert_non_null(found);
		assert_int_equal(found->meta.id, endpoint);
		assert_int_equal(found->secrets_len, 1);
		endpoint_unref(found);
		found = index_endpoint(w->index, paused);
		assert_int_equal(found->meta.status, ENDPOINT_PAUSED);
		assert_string_equal(found->meta.status_reason, "by_hand");
		endpoint_unref(found);
		assert_null(index_endpoint(w->index, deleted));
		world_close(w);
		world_open(w);
	}
}

static void a_uid_is_unique_per_subscriber_and_free_after_a_delete(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\", \"uid\": \"a\"}");
	int64_t b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t first = world_endpoint_of(w, a, "order.*", "\"uid\": \"main\"");
	world_endpoint_of(w, b, "order.*", "\"uid\": \"main\"");
	world_endpoint(w, "order.*", "\"uid\": \"main\"");
	struct store_change again = {.what = CHANGE_ENDPOINT_CREATE, .subscriber = a};
	assert_int_equal(change_doc(w, &again, HOOK ", \"uid\": \"main\"}"), ERR_UID_TAKEN);
	assert_string_equal(again.err.fields[0].pointer, "/uid");
	char id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, first, id);
	assert_non_null(strstr(again.err.fields[0].detail, id));
	world_change(w, CHANGE_ENDPOINT_DELETE, first);
	assert_int_equal(change_doc(w, &again, HOOK ", \"uid\": \"main\"}"), ERR_NONE);
	store_change_clear(&again);
	struct store_change taken = {.what = CHANGE_SUBSCRIBER_CREATE};
	assert_int_equal(change_doc(w, &taken, "{\"name\": \"C\", \"uid\": \"a\"}"), ERR_UID_TAKEN);
	/* It was refused whole: the next one works. */
	assert_int_equal(change_doc(w, &taken, "{\"name\": \"C\", \"uid\": \"c\"}"), ERR_NONE);
}

static void put_makes_what_is_not_there_and_replaces_what_is(void **state)
{
	struct world *w = *state;
	struct store_change put = {.what = CHANGE_ENDPOINT_PUT, .uid = "main"};
	assert_int_equal(change_doc(w, &put, HOOK "}"), ERR_NONE);
	assert_true(put.created);
	assert_non_null(put.result_secret);
	int64_t id = put.result_id;
	store_change_clear(&put);
	struct shown made = endpoint_shown(w, id);
	assert_string_equal(made.uid, "main");
	w->wall_ms += 1000;
	/* The caller looked before the other one was there. */
	assert_int_equal(change_doc(w, &put, HOOK ", \"timeout_ms\": 500}"), ERR_NONE);
	assert_false(put.created);
	assert_null(put.result_secret);
	assert_int_equal(put.result_id, id);
	struct shown replaced = endpoint_shown(w, id);
	assert_string_equal(replaced.uid, "main");
	assert_int_equal(replaced.version, made.version + 1);
	assert_int_equal(replaced.created_ms, made.created_ms);
	assert_int_equal(replaced.updated_ms, made.updated_ms + 1000);
	assert_int_equal(replaced.secrets_len, 1);
	store_change_clear(&put);
	assert_int_equal(change_doc(w, &(struct store_change){.what = CHANGE_ENDPOINT_PUT, .uid = "x"}, HOOK ", \"uid\": \"y\"}"),
	                 ERR_INVALID);

	struct store_change subscriber = {.what = CHANGE_SUBSCRIBER_PUT, .uid = "acme"};
	assert_int_equal(change_doc(w, &subscriber, "{\"name\": \"A\"}"), ERR_NONE);
	assert_true(subscriber.created);
	int64_t subscriber_id = subscriber.result_id;
	assert_int_equal(change_doc(w, &subscriber, "{\"name\": \"B\"}"), ERR_NONE);
	assert_false(subscriber.created);
	assert_int_equal(subscriber.result_id, subscriber_id);
	struct shown shown = subscriber_shown(w, subscriber_id);
	assert_string_equal(shown.name, "B");
	assert_string_equal(shown.uid, "acme");
}

static void patch_merges(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", "\"uid\": \"main\", \"description\": \"d\"");
	struct store_change patch = {.what = CHANGE_ENDPOINT_PATCH, .id = id};
	assert_int_equal(change_doc(w, &patch, "{\"url\": \"https://example.com/other\", \"uid\": null}"), ERR_NONE);
	struct shown shown = endpoint_shown(w, id);
	assert_string_equal(shown.url, "https://example.com/other");
	assert_string_equal(shown.uid, "");
	assert_int_equal(change_doc(w, &patch, "{\"url\": \"ftp://example.com/\"}"), ERR_INVALID);
	assert_string_equal(patch.err.fields[0].pointer, "/url");
	assert_string_equal(endpoint_shown(w, id).url, "https://example.com/other");
	assert_int_equal(change_doc(w, &(struct store_change){.what = CHANGE_ENDPOINT_PATCH, .id = 99}, "{}"), ERR_NOT_FOUND);
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	struct store_change rename = {.what = CHANGE_SUBSCRIBER_PATCH, .id = subscriber};
	assert_int_equal(change_doc(w, &rename, "{\"name\": \"B\"}"), ERR_NONE);
	assert_string_equal(subscriber_shown(w, subscriber).name, "B");
	assert_int_equal(change_doc(w, &rename, "{\"name\": null}"), ERR_INVALID);
}

static void a_change_reaches_the_listener_and_the_next_event(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	size_t heard = w->endpoint_len;
	struct store_change patch = {.what = CHANGE_ENDPOINT_PATCH, .id = id};
	assert_int_equal(change_doc(w, &patch, "{\"event_types\": [\"invoice.*\"]}"), ERR_NONE);
	assert_int_equal(w->endpoint_len, heard + 1);
	world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(world_pending(w, id), 0);
	world_publish(w, &(struct world_event){.type = "invoice.paid"});
	assert_int_equal(world_pending(w, id), 1);
}

/* Whether any file of the store contains these bytes. */
static bool in_files(struct world *w, const char *needle)
{
	static const char *const names[] = {"grapnel.db", "grapnel.db-wal"};
	bool found = false;
	for (size_t i = 0; i < 2; i++) {
		char *path = temp_path(w->dir, names[i]);
		FILE *file = fopen(path, "rb");
		static char bytes[1 << 23];
		size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;
		found = found || memmem(bytes, len, needle, strlen(needle));
		if (file)
			fclose(file);
		free(path);
	}
	return found;
}

static void secrets_are_sealed_at_rest_and_can_be_used(void **state)
{
	struct world *w = *state;
	static const char key[] = "0123456789abcdefghijklmnopqrstuv";
	char text[SECRET_TEXT_SIZE];
	secret_text((const uint8_t *)key, 32, text);
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE, .secret = text};
	assert_int_equal(change_doc(w, &create, HOOK ", \"description\": \"find me\"}"), ERR_NONE);
	assert_string_equal(create.result_secret, text);
	assert_true(in_files(w, "find me"));
	assert_false(in_files(w, key));
	assert_false(in_files(w, text));
	assert_false(in_files(w, text + 6));
	struct endpoint *endpoint = index_endpoint(w->index, create.result_id);
	uint8_t plain[SECRET_BYTES_MAX];
	char place[48];
	secret_place(create.result_id, place);
	assert_int_equal(
	    unseal(&w->master, slice_of(place), endpoint->secrets[0].sealed, endpoint->secrets[0].sealed_len, plain, sizeof plain), 32);
	assert_memory_equal(plain, key, 32);
	endpoint_unref(endpoint);
	store_change_clear(&create);
}

static void a_rotated_secret_overlaps_the_old_one(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	struct store_change rotate = {.what = CHANGE_SECRET_ROTATE, .id = id, .overlap_ms = 60000};
	assert_int_equal(store_change(w->store, &rotate), 0);
	assert_non_null(rotate.result_secret);
	int64_t first_end = w->wall_ms + 60000;
	struct shown shown = endpoint_shown(w, id);
	assert_int_equal(shown.secrets_len, 2);
	assert_int_equal(shown.until_ms[0], 0);
	assert_int_equal(shown.until_ms[1], first_end);
	w->wall_ms += 30000;
	assert_int_equal(store_change(w->store, &rotate), 0);
	shown = endpoint_shown(w, id);
	assert_int_equal(shown.secrets_len, 3);
	assert_int_equal(shown.until_ms[1], w->wall_ms + 60000);
	assert_int_equal(shown.until_ms[2], first_end);
	/* Those that ended go; none goes before its end. */
	w->wall_ms = first_end;
	for (int i = 2; i < ENDPOINT_SECRETS_MAX; i++)
		assert_int_equal(store_change(w->store, &rotate), 0);
	assert_int_equal(store_change(w->store, &rotate), -1);
	assert_int_equal(rotate.err.code, ERR_CONFLICT);
	assert_int_equal(endpoint_shown(w, id).secrets_len, ENDPOINT_SECRETS_MAX);
	rotate.overlap_ms = 0;
	assert_int_equal(store_change(w->store, &rotate), 0);
	assert_int_equal(endpoint_shown(w, id).secrets_len, 1);
	rotate.secret = "whsec_bad";
	assert_int_equal(store_change(w->store, &rotate), -1);
	assert_int_equal(rotate.err.code, ERR_INVALID);
	store_change_clear(&rotate);
}

static void a_secret_that_is_put_replaces_the_old_one_at_once(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	char text[SECRET_TEXT_SIZE];
	secret_make(text);
	struct store_change put = {.what = CHANGE_ENDPOINT_PUT, .id = id, .secret = text};
	assert_int_equal(change_doc(w, &put, HOOK "}"), ERR_NONE);
	struct shown shown = endpoint_shown(w, id);
	assert_int_equal(shown.secrets_len, 1);
	assert_int_equal(shown.until_ms[0], 0);
}

#define V1A ", \"signature\": {\"versions\": [\"v1a\"]}}"

/* Whether both see the same first pair, and can sign with it. */
static void same_pair(struct world *w, int64_t id, const uint8_t public_key[ENDPOINT_PUBLIC_KEY_BYTES])
{
	struct err err = {0};
	struct endpoint *endpoint = index_endpoint(w->index, id);
	assert_memory_equal(endpoint->pairs[0].public_key, public_key, ENDPOINT_PUBLIC_KEY_BYTES);
	struct signer *signer = signer_new(endpoint, &w->master, &err);
	if (!signer)
		fail_msg("%s", err.detail);
	signer_free(signer);
	endpoint_unref(endpoint);
	assert_memory_equal(endpoint_shown(w, id).public_keys[0], public_key, ENDPOINT_PUBLIC_KEY_BYTES);
}

static void a_key_pair_is_made_at_the_first_opting_in_and_stays(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	assert_int_equal(endpoint_shown(w, id).pairs_len, 0);
	struct store_change put = {.what = CHANGE_ENDPOINT_PUT, .id = id};
	assert_int_equal(change_doc(w, &put, HOOK V1A), ERR_NONE);
	struct shown first = endpoint_shown(w, id);
	assert_int_equal(first.pairs_len, 1);
	assert_int_equal(first.pair_until_ms[0], 0);
	same_pair(w, id, first.public_keys[0]);
	/* Out and in again, and through a restart. */
	assert_int_equal(change_doc(w, &put, HOOK "}"), ERR_NONE);
	assert_int_equal(change_doc(w, &put, HOOK V1A), ERR_NONE);
	same_pair(w, id, first.public_keys[0]);
	world_close(w);
	world_open(w);
	same_pair(w, id, first.public_keys[0]);
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE};
	assert_int_equal(change_doc(w, &create, HOOK V1A), ERR_NONE);
	struct shown other = endpoint_shown(w, create.result_id);
	assert_int_equal(other.pairs_len, 1);
	assert_memory_not_equal(other.public_keys[0], first.public_keys[0], ENDPOINT_PUBLIC_KEY_BYTES);
	store_change_clear(&create);
}

static void a_key_pair_is_rotated_together_with_the_secret(void **state)
{
	struct world *w = *state;
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE};
	assert_int_equal(change_doc(w, &create, HOOK V1A), ERR_NONE);
	int64_t id = create.result_id;
	struct shown before = endpoint_shown(w, id);
	struct store_change rotate = {.what = CHANGE_SECRET_ROTATE, .id = id, .overlap_ms = 60000};
	assert_int_equal(store_change(w->store, &rotate), 0);
	struct shown shown = endpoint_shown(w, id);
	assert_int_equal(shown.secrets_len, 2);
	assert_int_equal(shown.pairs_len, 2);
	assert_int_equal(shown.pair_until_ms[0], 0);
	assert_int_equal(shown.pair_until_ms[1], w->wall_ms + 60000);
	assert_int_equal(shown.pair_until_ms[1], shown.until_ms[1]);
	assert_memory_equal(shown.public_keys[1], before.public_keys[0], ENDPOINT_PUBLIC_KEY_BYTES);
	assert_memory_not_equal(shown.public_keys[0], before.public_keys[0], ENDPOINT_PUBLIC_KEY_BYTES);
	same_pair(w, id, shown.public_keys[0]);
	for (int i = 2; i < ENDPOINT_SECRETS_MAX; i++)
		assert_int_equal(store_change(w->store, &rotate), 0);
	assert_int_equal(endpoint_shown(w, id).pairs_len, ENDPOINT_SECRETS_MAX);
	/* A secret that is put ends the older ones, not the pairs: none of those may go early either. */
	struct store_change put = {.what = CHANGE_ENDPOINT_PATCH, .id = id, .secret = rotate.result_secret};
	assert_int_equal(change_doc(w, &put, "{}"), ERR_NONE);
	assert_int_equal(endpoint_shown(w, id).secrets_len, 1);
	struct store_change refused = {.what = CHANGE_SECRET_ROTATE, .id = id, .overlap_ms = 60000};
	assert_int_equal(store_change(w->store, &refused), -1);
	assert_int_equal(refused.err.code, ERR_CONFLICT);
	assert_int_equal(endpoint_shown(w, id).pairs_len, ENDPOINT_SECRETS_MAX);
	store_change_clear(&refused);
	store_change_clear(&put);
	rotate.overlap_ms = 0;
	assert_int_equal(store_change(w->store, &rotate), 0);
	assert_int_equal(endpoint_shown(w, id).pairs_len, 1);
	store_change_clear(&rotate);
	store_change_clear(&create);
}

static void statuses_change_by_hand(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	assert_int_equal(endpoint_shown(w, id).status, ENDPOINT_PAUSED);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	size_t heard = world_dues_heard(w, id);
	world_change(w, CHANGE_ENDPOINT_RESUME, id);
	assert_int_equal(world_dues_heard(w, id), heard + 1);
	assert_int_equal(endpoint_shown(w, id).status, ENDPOINT_ACTIVE);
	world_change(w, CHANGE_ENDPOINT_DISABLE, id);
	world_change_fails(w, CHANGE_ENDPOINT_PAUSE, id, ERR_WRONG_STATE);
	world_change(w, CHANGE_ENDPOINT_RESUME, id);
	assert_int_equal(endpoint_shown(w, id).status, ENDPOINT_ACTIVE);
	world_change_fails(w, CHANGE_ENDPOINT_PAUSE, id + 1, ERR_NOT_FOUND);
}

static void a_deleted_endpoint_is_gone_from_sight(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_DELETE, id);
	struct shown shown = {0};
	struct err err = {0};
	assert_int_equal(reader_endpoint(w->reader, id, 0, show, &shown, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	struct page page = {.limit = 10};
	assert_int_equal(reader_endpoints(w->reader, &(struct endpoint_filter){0}, &page, show, &shown, &err), 0);
	assert_int_equal(shown.len, 0);
	world_change_fails(w, CHANGE_ENDPOINT_DELETE, id, ERR_NOT_FOUND);
	world_change_fails(w, CHANGE_ENDPOINT_RESUME, id, ERR_NOT_FOUND);
	world_change_fails(w, CHANGE_SECRET_ROTATE, id, ERR_NOT_FOUND);
}

static struct key make_key(struct world *w, int64_t subscriber, char text[KEY_TEXT_SIZE])
{
	struct key key = {.scopes = SCOPE_PUBLISH, .subscriber = subscriber, .created_ms = w->wall_ms, .name = "k"};
	key_make(text, key.hash, key.hint);
	struct store_change change = {.what = CHANGE_KEY_CREATE, .key = &key};
	assert_int_equal(store_change(w->store, &change), 0);
	assert_int_equal(change.result_id, key.id);
	return key;
}

static int show_key(void *context, const struct key *key)
{
	*(struct key *)context = *key;
	return 0;
}

static void keys_work_until_they_are_revoked(void **state)
{
	struct world *w = *state;
	char text[KEY_TEXT_SIZE];
	struct key key = make_key(w, 0, text);
	world_close(w);
	world_open(w);
	struct key found;
	assert_true(keyring_check(w->keyring, slice_of(text), w->wall_ms, &found));
	assert_int_equal(found.id, key.id);
	struct key listed = {0};
	struct page page = {.limit = 10};
	struct err err = {0};
	assert_int_equal(reader_keys(w->reader, 0, &page, show_key, &listed, &err), 0);
	assert_string_equal(listed.name, "k");
	assert_memory_equal(listed.hint, key.hint, sizeof key.hint);
	assert_false(in_files(w, text));
	assert_false(in_files(w, text + 3));
	world_change(w, CHANGE_KEY_REVOKE, key.id);
	assert_false(keyring_check(w->keyring, slice_of(text), w->wall_ms, &found));
	world_change_fails(w, CHANGE_KEY_REVOKE, key.id, ERR_NOT_FOUND);
}

static void a_subscriber_with_endpoints_stays_and_its_keys_go_with_it(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t a = world_endpoint_of(w, subscriber, "order.*", NULL);
	int64_t b = world_endpoint_of(w, subscriber, "order.*", NULL);
	char bound[KEY_TEXT_SIZE], other[KEY_TEXT_SIZE];
	make_key(w, subscriber, bound);
	make_key(w, 0, other);
	struct store_change remove = {.what = CHANGE_SUBSCRIBER_DELETE, .id = subscriber};
	assert_int_equal(store_change(w->store, &remove), -1);
	assert_int_equal(remove.err.code, ERR_CONFLICT);
	assert_non_null(strstr(remove.err.detail, "2 endpoints"));
	struct key found;
	assert_true(keyring_check(w->keyring, slice_of(bound), w->wall_ms, &found));
	world_change(w, CHANGE_ENDPOINT_DELETE, a);
	world_change(w, CHANGE_ENDPOINT_DELETE, b);
	world_change(w, CHANGE_SUBSCRIBER_DELETE, subscriber);
	assert_false(keyring_check(w->keyring, slice_of(bound), w->wall_ms, &found));
	assert_true(keyring_check(w->keyring, slice_of(other), w->wall_ms, &found));
	assert_false(index_subscriber_exists(w->index, subscriber));
	struct store_change endpoint = {.what = CHANGE_ENDPOINT_CREATE, .subscriber = subscriber};
	assert_int_equal(change_doc(w, &endpoint, HOOK "}"), ERR_INVALID);
	assert_string_equal(endpoint.err.fields[0].pointer, "/subscriber");
}

static void a_bound_key_sees_and_changes_only_its_own(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	int64_t own = world_endpoint_of(w, a, "order.*", NULL), foreign = world_endpoint_of(w, b, "order.*", NULL);
	int64_t foreign_dead = world_dead(w, foreign, "order.created", REASON_EXHAUSTED);
	static const enum store_change_kind kinds[] = {CHANGE_ENDPOINT_PAUSE, CHANGE_ENDPOINT_RESUME, CHANGE_ENDPOINT_DISABLE,
	                                               CHANGE_SECRET_ROTATE, CHANGE_ENDPOINT_DELETE};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct store_change change = {.what = kinds[i], .id = foreign, .only_subscriber = a};
		assert_int_equal(store_change(w->store, &change), -1);
		assert_int_equal(change.err.code, ERR_NOT_FOUND);
	}
	assert_int_equal(endpoint_shown(w, foreign).status, ENDPOINT_ACTIVE);
	struct store_change patch = {.what = CHANGE_ENDPOINT_PATCH, .id = foreign, .only_subscriber = a};
	assert_int_equal(change_doc(w, &patch, "{}"), ERR_NOT_FOUND);
	patch = (struct store_change){
	    .what = CHANGE_ENDPOINT_PATCH, .id = own, .only_subscriber = a, .subscriber = b, .subscriber_given = true};
	assert_int_equal(change_doc(w, &patch, "{}"), ERR_INVALID);
	struct store_change retry = {.what = CHANGE_DELIVERY_RETRY, .id = foreign_dead, .only_subscriber = a};
	assert_int_equal(store_change(w->store, &retry), -1);
	assert_int_equal(retry.err.code, ERR_NOT_FOUND);
	struct store_change rename = {.what = CHANGE_SUBSCRIBER_PATCH, .id = b, .only_subscriber = a};
	assert_int_equal(change_doc(w, &rename, "{\"name\": \"C\"}"), ERR_NOT_FOUND);
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE, .only_subscriber = a};
	assert_int_equal(change_doc(w, &create, HOOK "}"), ERR_NONE);
	assert_int_equal(endpoint_shown(w, create.result_id).subscriber, a);
	store_change_clear(&create);

	struct shown shown = {0};
	struct err err = {0};
	assert_int_equal(reader_endpoint(w->reader, foreign, a, show, &shown, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	struct page page = {.limit = 10};
	assert_int_equal(reader_endpoints(w->reader, &(struct endpoint_filter){.subscriber = a}, &page, show, &shown, &err), 0);
	assert_int_equal(shown.len, 2);
	shown.len = 0;
	assert_int_equal(reader_subscribers(w->reader, &(struct subscriber_filter){.only = a}, &page, show, &shown, &err), 0);
	assert_int_equal(shown.len, 1);
	assert_int_equal(shown.ids[0], a);
	struct dead_filter filter = {.subscriber = a};
	int64_t count = -1;
	assert_int_equal(reader_dead_count(w->reader, &filter, &count, &err), 0);
	assert_int_equal(count, 0);
}

static void an_endpoint_moves_to_another_subscriber(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t id = world_endpoint(w, "order.*", NULL);
	struct store_change patch = {.what = CHANGE_ENDPOINT_PATCH, .id = id, .subscriber = a, .subscriber_given = true};
	assert_int_equal(change_doc(w, &patch, "{}"), ERR_NONE);
	assert_int_equal(endpoint_shown(w, id).subscriber, a);
	world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(world_pending(w, id), 0);
	world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a});
	assert_int_equal(world_pending(w, id), 1);
}

static void lists_go_page_by_page_both_ways(void **state)
{
	struct world *w = *state;
	int64_t ids[5];
	for (int i = 0; i < 5; i++)
		ids[i] = world_endpoint(w, "order.*", NULL);
	for (int ascending = 0; ascending < 2; ascending++) {
		struct page page = {.limit = 2, .ascending = ascending};
		struct err err = {0};
		struct shown shown = {0};
		int pages = 0;
		do {
			assert_int_equal(reader_endpoints(w->reader, &(struct endpoint_filter){0}, &page, show, &shown, &err), 0);
			page.after_key = page.last_key;
			page.after_id = page.last_id;
			pages++;
		} while (page.more);
		assert_int_equal(pages, 3);
		assert_int_equal(shown.len, 5);
		for (int i = 0; i < 5; i++)
			assert_int_equal(shown.ids[i], ids[ascending ? i : 4 - i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(what_was_made_is_found_after_a_restart),
	    WORLD_TEST(a_uid_is_unique_per_subscriber_and_free_after_a_delete),
	    WORLD_TEST(put_makes_what_is_not_there_and_replaces_what_is),
	    WORLD_TEST(patch_merges),
	    WORLD_TEST(a_change_reaches_the_listener_and_the_next_event),
	    WORLD_TEST(secrets_are_sealed_at_rest_and_can_be_used),
	    WORLD_TEST(a_rotated_secret_overlaps_the_old_one),
	    WORLD_TEST(a_secret_that_is_put_replaces_the_old_one_at_once),
	    WORLD_TEST(a_key_pair_is_made_at_the_first_opting_in_and_stays),
	    WORLD_TEST(a_key_pair_is_rotated_together_with_the_secret),
	    WORLD_TEST(statuses_change_by_hand),
	    WORLD_TEST(a_deleted_endpoint_is_gone_from_sight),
	    WORLD_TEST(keys_work_until_they_are_revoked),
	    WORLD_TEST(a_subscriber_with_endpoints_stays_and_its_keys_go_with_it),
	    WORLD_TEST(a_bound_key_sees_and_changes_only_its_own),
	    WORLD_TEST(an_endpoint_moves_to_another_subscriber),
	    WORLD_TEST(lists_go_page_by_page_both_ways),
	};
	return world_main("store: configuration", tests, sizeof tests / sizeof tests[0]);
}
