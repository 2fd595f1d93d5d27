/* API keys and the keyring. */
#include "endpoint_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/id.h"
#include "model/key.h"

#define NOW INT64_C(1700000000000)

static struct key made(int64_t id, unsigned scopes, char text[KEY_TEXT_SIZE])
{
	struct key key = {.id = id, .scopes = scopes};
	key_make(text, key.hash, key.hint);
	return key;
}

static void a_new_key_has_its_form_and_is_stored_as_a_hash(void **state)
{
	(void)state;
	char text[KEY_TEXT_SIZE], other[KEY_TEXT_SIZE], hint[8];
	uint8_t hash[32], expected[32];
	key_make(text, hash, hint);
	key_make(other, expected, hint);
	assert_string_not_equal(text, other);
	assert_int_equal(strlen(text), 35);
	assert_memory_equal(text, "gk_", 3);
	assert_int_equal(strspn(text + 3, "0123456789abcdefghjkmnpqrstvwxyz"), 32);
	codec_sha256(text, strlen(text), expected);
	assert_memory_equal(hash, expected, 32);
	assert_int_equal(strlen(hint), 6);
	assert_memory_equal(other + 3, hint, 6);
}

static void scopes_include_what_they_should(void **state)
{
	(void)state;
	static const enum key_scope all[] = {SCOPE_PUBLISH, SCOPE_READ, SCOPE_MANAGE, SCOPE_ADMIN};
	static const bool expected[4][4] = {
	    /* wanted: publish read  manage admin */
	    {true, false, false, false}, /* has publish */
	    {false, true, false, false}, /* read */
	    {false, true, true, false},  /* manage */
	    {true, true, true, true},    /* admin */
	};
	for (int has = 0; has < 4; has++) {
		for (int wanted = 0; wanted < 4; wanted++)
			assert_int_equal(key_allows(all[has], all[wanted]), expected[has][wanted]);
	}
	assert_true(key_allows(SCOPE_PUBLISH | SCOPE_MANAGE, SCOPE_READ));
	assert_false(key_allows(SCOPE_NONE, SCOPE_READ));
	assert_true(key_allows(SCOPE_NONE, SCOPE_NONE));
	assert_string_equal(key_scope_text(SCOPE_MANAGE), "manage");
}

static void documents_are_read(void **state)
{
	(void)state;
	struct key key;
	const char *subscriber = "x";
	struct err err = {0};
	json_t *doc =
	    fixture_json("{'scopes': ['publish', 'read'], 'name': 'shop', 'subscriber': 'acme', 'expires_at': '2030-01-31T12:00:00Z'}");
	assert_int_equal(key_parse(doc, NOW, &key, &subscriber, &err), 0);
	assert_int_equal(key.scopes, SCOPE_PUBLISH | SCOPE_READ);
	assert_string_equal(key.name, "shop");
	assert_string_equal(subscriber, "acme");
	assert_int_equal(key.expires_ms, INT64_C(1896091200000));
	json_decref(doc);

	doc = fixture_json("{'scopes': ['admin'], 'name': null, 'subscriber': null, 'expires_at': null}");
	assert_int_equal(key_parse(doc, NOW, &key, &subscriber, &err), 0);
	assert_int_equal(key.scopes, SCOPE_ADMIN);
	assert_string_equal(key.name, "");
	assert_null(subscriber);
	assert_int_equal(key.expires_ms, 0);
	json_decref(doc);
}

static void bad_documents_name_the_field(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer;
	} cases[] = {
	    {"[]", ""},
	    {"{}", "/scopes"},
	    {"{'scopes': []}", "/scopes"},
	    {"{'scopes': 'admin'}", "/scopes"},
	    {"{'scopes': ['read', 'write']}", "/scopes/1"},
	    {"{'scopes': [1]}", "/scopes/0"},
	    {"{'scopes': ['read', 'read', 'read', 'read', 'read']}", "/scopes"},
	    {"{'scopes': ['read'], 'name': 7}", "/name"},
	    {"{'scopes': ['read'], 'name': 'a\\u0000b'}", "/name"},
	    {"{'scopes': ['read'], 'subscriber': 7}", "/subscriber"},
	    {"{'scopes': ['read'], 'subscriber': ''}", "/subscriber"},
	    {"{'scopes': ['read'], 'expires_at': 1700000001}", "/expires_at"},
	    {"{'scopes': ['read'], 'expires_at': 'tomorrow'}", "/expires_at"},
	    {"{'scopes': ['read'], 'expires_at': '2023-11-14T22:13:20Z'}", "/expires_at"},
	    {"{'scopes': ['read'], 'hash': 'x'}", "/hash"},
	    {"{'scopes': ['admin'], 'subscriber': 'acme'}", "/scopes"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct key key = {.id = 5};
		const char *subscriber;
		struct err err = {0};
		json_t *doc = fixture_json(cases[i].text);
		if (key_parse(doc, NOW, &key, &subscriber, &err) == 0)
			fail_msg("%s is accepted", cases[i].text);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.fields[0].pointer, cases[i].pointer);
		assert_int_equal(key.id, 5);
		json_decref(doc);
	}
}

static void a_name_has_at_most_100_bytes(void **state)
{
	(void)state;
	char name[102];
	struct key key;
	const char *subscriber;
	memset(name, 'n', sizeof name);
	json_t *doc = json_pack("{s:[s], s:s%}", "scopes", "read", "name", name, (size_t)100);
	assert_int_equal(key_parse(doc, NOW, &key, &subscriber, NULL), 0);
	assert_int_equal(strlen(key.name), 100);
	json_object_set_new(doc, "name", json_stringn(name, 101));
	assert_int_equal(key_parse(doc, NOW, &key, &subscriber, NULL), -1);
	for (int i = 0; i < 102; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	json_object_set_new(doc, "name", json_stringn(name, 102));
	assert_int_equal(key_parse(doc, NOW, &key, &subscriber, NULL), -1);
	json_decref(doc);
}

static void json_shows_all_but_the_key(void **state)
{
	(void)state;
	char text[KEY_TEXT_SIZE], id[ID_TEXT_SIZE];
	struct key key = made(99, SCOPE_PUBLISH | SCOPE_READ, text);
	id_format(ID_KEY, 99, id);
	key.created_ms = NOW;
	json_t *json = key_json(&key, "acme");
	assert_string_equal(json_string_value(json_object_get(json, "id")), id);
	assert_string_equal(json_string_value(json_object_get(json, "created_at")), "2023-11-14T22:13:20.000Z");
	assert_string_equal(json_string_value(json_object_get(json, "subscriber")), "acme");
	assert_string_equal(json_string_value(json_object_get(json, "hint")), key.hint);
	assert_true(json_is_null(json_object_get(json, "expires_at")));
	assert_int_equal(json_array_size(json_object_get(json, "scopes")), 2);
	char *dump = json_dumps(json, 0);
	assert_null(strstr(dump, text + 3));
	free(dump);
	json_decref(json);
}

static void a_live_key_is_found_and_nothing_else(void **state)
{
	(void)state;
	char first[KEY_TEXT_SIZE], second[KEY_TEXT_SIZE], wrong[KEY_TEXT_SIZE];
	struct keyring *ring = keyring_new();
	struct key a = made(1, SCOPE_READ, first), b = made(2, SCOPE_ADMIN, second), found = {0};
	b.expires_ms = NOW;
	keyring_put(ring, &a);
	keyring_put(ring, &b);
	assert_true(keyring_check(ring, slice_of(first), NOW, &found));
	assert_memory_equal(&found, &a, sizeof a);
	assert_true(keyring_check(ring, slice_of(second), NOW - 1, &found));
	assert_int_equal(found.id, 2);
	/* From its expiry on it is as unknown. */
	assert_false(keyring_check(ring, slice_of(second), NOW, &found));
	for (int i = 0; i < KEY_TEXT_SIZE - 1; i++) {
		memcpy(wrong, first, sizeof wrong);
		wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
		assert_false(keyring_check(ring, slice_of(wrong), NOW, &found));
	}
	assert_false(keyring_check(ring, (struct slice){NULL, 0}, NOW, &found));
	assert_false(keyring_check(ring, (struct slice){first, 34}, NOW, &found));
	assert_false(keyring_check(ring, SLICE_LITERAL("gk_"), NOW, &found));
	keyring_remove(ring, 1);
	assert_false(keyring_check(ring, slice_of(first), NOW, &found));
	keyring_remove(ring, 1);
	keyring_free(ring);
	keyring_free(NULL);
}

static void a_changed_key_replaces_the_old_one(void **state)
{
	(void)state;
	char first[KEY_TEXT_SIZE], second[KEY_TEXT_SIZE];
	struct keyring *ring = keyring_new();
	struct key old = made(1, SCOPE_READ, first), fresh = made(1, SCOPE_READ, second), found;
	keyring_put(ring, &old);
	old.scopes = SCOPE_PUBLISH;
	keyring_put(ring, &old);
	assert_true(keyring_check(ring, slice_of(first), NOW, &found));
	assert_int_equal(found.scopes, SCOPE_PUBLISH);
	keyring_put(ring, &fresh);
	assert_false(keyring_check(ring, slice_of(first), NOW, &found));
	assert_true(keyring_check(ring, slice_of(second), NOW, &found));
	keyring_free(ring);
}

/* Keys whose hashes begin alike must not hide one another. */
static void hashes_that_begin_alike_are_told_apart(void **state)
{
	(void)state;
	char text[KEY_TEXT_SIZE];
	struct keyring *ring = keyring_new();
	struct key real = made(1, SCOPE_READ, text), found;
	for (int64_t id = 2; id <= 4; id++) {
		struct key twin = real;
		twin.id = id;
		twin.hash[31] ^= (uint8_t)id;
		keyring_put(ring, &twin);
		if (id == 2)
			assert_false(keyring_check(ring, slice_of(text), NOW, &found));
		if (id == 3)
			keyring_put(ring, &real);
	}
	assert_true(keyring_check(ring, slice_of(text), NOW, &found));
	assert_int_equal(found.id, 1);
	keyring_remove(ring, 4);
	keyring_remove(ring, 2);
	assert_true(keyring_check(ring, slice_of(text), NOW, &found));
	keyring_remove(ring, 1);
	assert_false(keyring_check(ring, slice_of(text), NOW, &found));
	keyring_free(ring);
}

struct checking {
	struct keyring *ring;
	const char *stays;
	int found;
};

static void *check_often(void *argument)
{
	struct checking *checking = argument;
	struct key key;
	for (int i = 0; i < 2000; i++)
		checking->found += keyring_check(checking->ring, slice_of(checking->stays), NOW, &key);
	return NULL;
}

static void keys_are_checked_while_others_change(void **state)
{
	(void)state;
	char text[KEY_TEXT_SIZE], other[KEY_TEXT_SIZE];
	struct keyring *ring = keyring_new();
	struct key stays = made(1, SCOPE_READ, text);
	struct checking checking[2] = {{ring, text, 0}, {ring, text, 0}};
	pthread_t threads[2];
	keyring_put(ring, &stays);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_often, &checking[i]), 0);
	for (int64_t id = 2; id < 500; id++) {
		struct key key = made(id, SCOPE_READ, other);
		keyring_put(ring, &key);
		keyring_remove(ring, id - 10 > 1 ? id - 10 : id);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(checking[i].found, 2000);
	}
	keyring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_key_has_its_form_and_is_stored_as_a_hash),
	    cmocka_unit_test(scopes_include_what_they_should),
	    cmocka_unit_test(documents_are_read),
	    cmocka_unit_test(bad_documents_name_the_field),
	    cmocka_unit_test(a_name_has_at_most_100_bytes),
	    cmocka_unit_test(json_shows_all_but_the_key),
	    cmocka_unit_test(a_live_key_is_found_and_nothing_else),
	    cmocka_unit_test(a_changed_key_replaces_the_old_one),
	    cmocka_unit_test(hashes_that_begin_alike_are_told_apart),
	    cmocka_unit_test(keys_are_checked_while_others_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
