/* The store contract: sources, and requests that were refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

/* ---- Sources ---- */

static int64_t make(struct world *w, const char *uid, enum err_code fate)
{
	static const char *const secrets[] = {"a secret of the provider", "another, older one"};
	struct store_change change = {.what = CHANGE_SOURCE_CREATE,
	                              .doc = json_pack("{s:s, s:s}", "scheme", "github", "uid", uid),
	                              .secrets = secrets,
	                              .secrets_len = 2};
	int result = store_change(w->store, &change);
	assert_int_equal(change.cmd.fate, fate);
	assert_int_equal(result, fate == ERR_NONE ? 0 : -1);
	int64_t id = change.result_id;
	json_decref(change.doc);
	store_change_clear(&change);
	return id;
}

struct found {
	const struct master_key *master;
	unsigned secrets;
	char first[64], uid[64];
	int64_t version;
};

static int look(void *context, const struct document_row *row)
{
	struct found *found = context;
	struct source_opened opened;
	struct err err = {.code = ERR_NONE};
	assert_int_equal(source_open(row->source, found->master, INT64_C(1760000000000), &opened, &err), 0);
	found->secrets = (unsigned)opened.view.secrets_len;
	snprintf(found->first, sizeof found->first, "%s", opened.view.secrets[0].at);
	snprintf(found->uid, sizeof found->uid, "%s", row->source->uid);
	found->version = row->version;
	source_opened_clear(&opened);
	return 0;
}

static void a_source_is_there_after_a_restart_with_its_secrets(void **state)
{
	struct world *w = *state;
	struct err err = {.code = ERR_NONE};
	int64_t id = make(w, "gh", ERR_NONE);
	make(w, "gh", ERR_UID_TAKEN);
	world_close(w);
	world_open(w);
	struct found found = {.master = &w->master};
	assert_int_equal(reader_source(w->reader, id, look, &found, &err), 0);
	assert_int_equal(found.secrets, 2);
	assert_string_equal(found.first, "a secret of the provider");
	assert_string_equal(found.uid, "gh");
	assert_int_equal(found.version, 1);
	struct store_change gone = {.what = CHANGE_SOURCE_DELETE, .id = id};
	assert_int_equal(store_change(w->store, &gone), 0);
	store_change_clear(&gone);
	assert_int_equal(reader_source(w->reader, id, look, &found, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	/* Its id is never given to anything else. */
	world_close(w);
	world_open(w);
	assert_true(make(w, "gh", ERR_NONE) > id);
}

static void a_change_that_the_scheme_refuses_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct err err = {.code = ERR_NONE};
	int64_t id = make(w, "gh", ERR_NONE);
	struct store_change patch = {.what = CHANGE_SOURCE_PATCH, .id = id, .doc = json_pack("{s:{s:s}}", "settings", "nonsense", "x")};
	assert_int_equal(store_change(w->store, &patch), -1);
	assert_string_equal(patch.err.fields[0].pointer, "/settings/nonsense");
	json_decref(patch.doc);
	store_change_clear(&patch);
	struct found found = {.master = &w->master};
	assert_int_equal(reader_source(w->reader, id, look, &found, &err), 0);
	assert_int_equal(found.version, 1);
}

static void a_secret_that_was_sent_is_kept_only_where_there_is_none(void **state)
{
	struct world *w = *state;
	struct err err = {.code = ERR_NONE};
	int64_t id = make(w, "gh", ERR_NONE);
	struct store_change keep = {.what = CHANGE_SOURCE_KEEP_SECRET, .id = id, .secret = "a secret of somebody else"};
	assert_int_equal(store_change(w->store, &keep), 0);
	store_change_clear(&keep);
	struct found found = {.master = &w->master};
	assert_int_equal(reader_source(w->reader, id, look, &found, &err), 0);
	assert_string_equal(found.first, "a secret of the provider");
}

/* ---- Rejections ---- */

static void drop(struct rejection *rejection)
{
	free(rejection);
}

static void reject(struct world *w, int64_t source, const char *body)
{
	struct rejection *rejection = mem_new(struct rejection);
	*rejection = (struct rejection){.source = source,
	                                .at_ms = w->wall_ms,
	                                .reason = "bad_signature",
	                                .why = SLICE_LITERAL("why"),
	                                .name = SLICE_LITERAL("name"),
	                                .remote = SLICE_LITERAL("192.0.2.1"),
	                                .method = SLICE_LITERAL("POST"),
	                                .head = SLICE_LITERAL("{\"method\":\"POST\"}"),
	                                .body = slice_of(body),
	                                .body_bytes = strlen(body),
	                                .free = drop};
	store_reject(w->store, rejection);
}

struct rows {
	int len;
	int64_t last, last_event;
	char last_body[64];
	const struct master_key *master;
};

static int count_row(void *context, const struct rejection_row *row)
{
	struct rows *rows = context;
	rows->len++;
	rows->last = row->id;
	rows->last_event = row->event;
	return 0;
}

static struct rows list(struct world *w, const int64_t *source)
{
	struct rows rows = {.len = 0};
	struct err err = {.code = ERR_NONE};
	struct rejection_filter filter = {.by_source = source != NULL, .source = source ? *source : 0};
	struct page page = {.limit = 500, .ascending = true};
	assert_int_equal(reader_rejections(w->reader, &filter, &page, count_row, &rows, &err), 0);
	return rows;
}

static int body_row(void *context, const struct rejection_row *row)
{
	struct rows *rows = context;
	size_t len = 0;
	char *head = rejection_open(rows->master, row->id, row->head, &len);
	assert_string_equal(head, "{\"method\":\"POST\"}");
	free(head);
	snprintf(rows->last_body, sizeof rows->last_body, "%.*s", (int)row->body.len, row->body.len ? row->body.at : "");
	return 0;
}

/* What waits is written at the end at the latest. */
static void written(struct world *w)
{
	world_close(w);
	world_open(w);
}

static void a_rejection_is_kept_and_can_be_marked_as_accepted(void **state)
{
	struct world *w = *state;
	struct err err = {.code = ERR_NONE};
	reject(w, 5, "the body");
	written(w);
	struct rows rows = list(w, NULL);
	assert_int_equal(rows.len, 1);
	rows.master = &w->master;
	assert_int_equal(reader_rejection(w->reader, rows.last, body_row, &rows, &err), 0);
	assert_string_equal(rows.last_body, "the body");
	struct store_change accept = {.what = CHANGE_REJECTION_ACCEPT, .id = rows.last, .event = 77};
	assert_int_equal(store_change(w->store, &accept), 0);
	store_change_clear(&accept);
	accept.event = 78;
	assert_int_equal(store_change(w->store, &accept), 0);
	store_change_clear(&accept);
	assert_int_equal(list(w, NULL).last_event, 77);
	assert_int_equal(reader_rejection(w->reader, rows.last, body_row, &rows, &err), 0);
	assert_string_equal(rows.last_body, "");
	accept.id = 1;
	assert_int_equal(store_change(w->store, &accept), -1);
	assert_int_equal(accept.err.code, ERR_NOT_FOUND);
	store_change_clear(&accept);
}

static void a_flooded_source_leaves_room_for_the_others(void **state)
{
	struct world *w = *state;
	const int64_t flooded = 5, quiet = 6;
	for (int i = 0; i < 1000; i++)
		reject(w, flooded, "flood");
	reject(w, quiet, "the one");
	written(w);
	assert_int_equal(list(w, &quiet).len, 1);
	struct rows rows = list(w, &flooded);
	assert_true(rows.len > 0 && rows.len <= WORLD_REJECTIONS_PER_SOURCE);
}

static void old_ones_go(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 5; i++)
		reject(w, 5, "old");
	written(w);
	w->wall_ms += WORLD_REJECTIONS_AGE_MS + 1;
	w->mono_us += INT64_C(3600000000);
	reject(w, 5, "new");
	written(w);
	assert_int_equal(list(w, NULL).len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_source_is_there_after_a_restart_with_its_secrets),
	    WORLD_TEST(a_change_that_the_scheme_refuses_leaves_nothing),
	    WORLD_TEST(a_secret_that_was_sent_is_kept_only_where_there_is_none),
	    WORLD_TEST(a_rejection_is_kept_and_can_be_marked_as_accepted),
	    WORLD_TEST(a_flooded_source_leaves_room_for_the_others),
	    WORLD_TEST(old_ones_go),
	};
	return world_main("store_source", tests, sizeof tests / sizeof *tests);
}
