/* The store contract: the secrets of endpoints' documents. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/temp.h"
#include "model/credentials.h"
#include "sign/credentials.h"

#define HOOK "{\"url\": \"https://example.com/hook\", \"event_types\": [\"order.*\"]"
#define BASIC ", \"auth\": {\"type\": \"basic\", \"username\": \"ada\", \"password\": \"swordfish\"}}"

/* As the API does: the document without its secrets, and these beside it. */
static enum err_code change_doc(struct world *w, struct store_change *change, const char *text)
{
	json_t *doc = world_json(text), *credentials = NULL;
	assert_int_equal(credentials_split(doc, &credentials, NULL), 0);
	change->doc = doc;
	change->credentials = credentials;
	(void)!store_change(w->store, change);
	json_decref(credentials);
	json_decref(doc);
	change->doc = NULL;
	change->credentials = NULL;
	return change->err.code;
}

static int64_t made(struct world *w, const char *text)
{
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE};
	if (change_doc(w, &create, text))
		fail_msg("%s", create.err.detail);
	int64_t id = create.result_id;
	store_change_clear(&create);
	return id;
}

static enum err_code changed(struct world *w, enum store_change_kind what, int64_t id, const char *text)
{
	struct store_change change = {.what = what, .id = id};
	enum err_code code = change_doc(w, &change, text);
	store_change_clear(&change);
	return code;
}

/* The secrets of the endpoint as the workers have it; json_decref(). */
static json_t *opened(struct world *w, int64_t id)
{
	struct err err = {0};
	struct endpoint *endpoint = index_endpoint(w->index, id);
	json_t *open = credentials_open(id, &w->master, endpoint->credentials, &err);
	if (!open)
		fail_msg("%s", err.detail);
	endpoint_unref(endpoint);
	return open;
}

static void has(struct world *w, int64_t id, const char *section, const char *name, const char *value)
{
	json_t *open = opened(w, id);
	if (value)
		assert_string_equal(credential_get(open, section, name), value);
	else
		assert_null(credential_get(open, section, name));
	json_decref(open);
}

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

static int copy_doc(void *context, const struct document_row *row)
{
	*(char **)context = json_dumps(row->doc, JSON_COMPACT);
	return 0;
}

static char *stored_doc(struct world *w, int64_t id)
{
	char *text = NULL;
	struct err err = {0};
	if (reader_endpoint(w->reader, id, 0, copy_doc, &text, &err))
		fail_msg("%s", err.detail);
	return text;
}

static void they_are_sealed_and_live_through_a_restart(void **state)
{
	struct world *w = *state;
	int64_t id = made(w, HOOK BASIC);
	has(w, id, "auth", "password", "swordfish");
	assert_false(in_files(w, "swordfish"));
	world_close(w);
	assert_false(in_files(w, "swordfish"));
	assert_true(in_files(w, "ada"));
	world_open(w);
	has(w, id, "auth", "password", "swordfish");
}

static void what_is_not_given_stays(void **state)
{
	struct world *w = *state;
	int64_t id = made(w, HOOK BASIC);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"description\": \"d\"}"), ERR_NONE);
	has(w, id, "auth", "password", "swordfish");
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PUT, id, HOOK ", \"auth\": {\"type\": \"basic\", \"username\": \"eve\"}}"), ERR_NONE);
	has(w, id, "auth", "password", "swordfish");
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"auth\": {\"password\": \"shibboleth\"}}"), ERR_NONE);
	has(w, id, "auth", "password", "shibboleth");
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"url\": \"https://elsewhere.example/\"}"), ERR_INVALID);
	has(w, id, "auth", "password", "shibboleth");
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"auth\": null}"), ERR_NONE);
	has(w, id, "auth", "password", NULL);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PUT, id, HOOK ", \"auth\": {\"type\": \"basic\", \"username\": \"eve\"}}"), ERR_INVALID);
}

static void changes_of_the_status_leave_them(void **state)
{
	struct world *w = *state;
	int64_t id = made(w, HOOK BASIC);
	static const enum store_change_kind kinds[] = {CHANGE_ENDPOINT_PAUSE, CHANGE_ENDPOINT_RESUME, CHANGE_ENDPOINT_DISABLE, CHANGE_SECRET_ROTATE};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct store_change change = {.what = kinds[i], .id = id};
		assert_int_equal(store_change(w->store, &change), 0);
		store_change_clear(&change);
		has(w, id, "auth", "password", "swordfish");
	}
	world_close(w);
	world_open(w);
	has(w, id, "auth", "password", "swordfish");
}

static void those_that_an_older_version_stored_in_clear_are_sealed_with_the_next_change(void **state)
{
	struct world *w = *state;
	/* Nobody has taken them out. */
	struct store_change create = {.what = CHANGE_ENDPOINT_CREATE, .doc = world_json(HOOK ", \"headers\": {\"X-Token\": \"open sesame\", \"X-A\": \"b\"}}")};
	assert_int_equal(store_change(w->store, &create), 0);
	json_decref(create.doc);
	int64_t id = create.result_id;
	store_change_clear(&create);
	struct endpoint *endpoint = index_endpoint(w->index, id);
	assert_string_equal(endpoint->headers[0].value, "open sesame");
	endpoint_unref(endpoint);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"headers\": {\"X-Token\": \"***\"}}"), ERR_NONE);
	has(w, id, "headers", "x-token", "open sesame");
	endpoint = index_endpoint(w->index, id);
	assert_null(endpoint->headers[0].value);
	assert_string_equal(endpoint->headers[1].value, "b");
	endpoint_unref(endpoint);
	char *doc = stored_doc(w, id);
	assert_null(strstr(doc, "sesame"));
	assert_non_null(strstr(doc, "\"X-Token\":\"***\""));
	free(doc);
}

static void under_another_master_key_they_are_given_again(void **state)
{
	struct world *w = *state;
	int64_t id = made(w, HOOK BASIC);
	world_close(w);
	w->master.bytes[0] ^= 1;
	world_open(w);
	struct store_change change = {.what = CHANGE_ENDPOINT_PATCH, .id = id};
	assert_int_equal(change_doc(w, &change, "{\"description\": \"d\"}"), ERR_INVALID);
	assert_string_equal(change.err.fields[0].pointer, "/auth/password");
	assert_non_null(strstr(change.err.detail, "another master key"));
	store_change_clear(&change);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"auth\": {\"password\": \"shibboleth\"}}"), ERR_NONE);
	has(w, id, "auth", "password", "shibboleth");
}

static void only_who_may_trust_turns_verification_off(void **state)
{
	struct world *w = *state;
	static const char off[] = "{\"tls\": {\"verify\": false}}";
	int64_t id = made(w, HOOK "}");
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, off), ERR_FORBIDDEN);
	struct store_change change = {.what = CHANGE_ENDPOINT_PATCH, .id = id, .may_trust = true};
	assert_int_equal(change_doc(w, &change, off), ERR_NONE);
	store_change_clear(&change);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"description\": \"d\"}"), ERR_NONE);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"url\": \"https://elsewhere.example/\"}"), ERR_FORBIDDEN);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, "{\"tls\": null}"), ERR_NONE);
	assert_int_equal(changed(w, CHANGE_ENDPOINT_PATCH, id, off), ERR_FORBIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(they_are_sealed_and_live_through_a_restart),
	    WORLD_TEST(what_is_not_given_stays),
	    WORLD_TEST(changes_of_the_status_leave_them),
	    WORLD_TEST(those_that_an_older_version_stored_in_clear_are_sealed_with_the_next_change),
	    WORLD_TEST(under_another_master_key_they_are_given_again),
	    WORLD_TEST(only_who_may_trust_turns_verification_off),
	};
	return world_main("credentials", tests, sizeof tests / sizeof *tests);
}
