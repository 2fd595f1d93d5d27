/* The store contract: what goes with a change: its condition, the request it belongs to, its row in the audit. And event types. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/temp.h"
#include "store/once.h"

#define HOOK "{\"url\": \"https://example.com/hook\", \"event_types\": [\"order.*\"]}"

/* ---- Changes on behalf of somebody ---- */

static struct once once_numbered(unsigned key, unsigned content)
{
	struct once once = {{0}, {0}};
	memcpy(once.key, &key, sizeof key);
	memcpy(once.content, &content, sizeof content);
	return once;
}

/* Runs a change with this document (may be NULL); the code it ended with. */
static enum err_code run(struct world *w, struct store_change *change, const struct caller *caller, const char *doc)
{
	change->doc = doc ? world_json(doc) : NULL;
	change->caller = caller;
	(void)!store_change(w->store, change);
	json_decref(change->doc);
	change->doc = NULL;
	change->caller = NULL;
	return change->err.code;
}

static struct tag_list only_tag(const char *tag)
{
	return (struct tag_list){.given = true, .len = 1, .tags = {slice_of(tag)}};
}

static int keep_version(void *context, const struct document_row *row)
{
	*(int64_t *)context = row->version;
	return 0;
}

static int64_t endpoint_version(struct world *w, int64_t id)
{
	int64_t version = 0;
	struct err err = {0};
	assert_int_equal(reader_endpoint(w->reader, id, 0, keep_version, &version, &err), 0);
	return version;
}

static int64_t subscriber_version(struct world *w, int64_t id)
{
	int64_t version = 0;
	struct err err = {0};
	assert_int_equal(reader_subscriber(w->reader, id, keep_version, &version, &err), 0);
	return version;
}

/* ---- Conditions ---- */

static const struct {
	enum store_change_kind what;
	const char *doc;
} endpoint_changes[] = {
    {CHANGE_ENDPOINT_PUT, HOOK},     {CHANGE_ENDPOINT_PATCH, "{\"timeout_ms\": 1000}"},
    {CHANGE_ENDPOINT_PAUSE, NULL},   {CHANGE_ENDPOINT_RESUME, NULL},
    {CHANGE_SECRET_ROTATE, NULL},    {CHANGE_ENDPOINT_DISABLE, NULL},
    {CHANGE_ENDPOINT_DELETE, NULL},
};

static void every_change_of_an_endpoint_makes_a_version_and_obeys_conditions(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	for (size_t i = 0; i < sizeof endpoint_changes / sizeof *endpoint_changes; i++) {
		struct store_change change = {.what = endpoint_changes[i].what, .id = id};
		int64_t version = endpoint_version(w, id);
		char stale[TAG_SIZE], present[TAG_SIZE];
		tag_of(id, version - 1, stale);
		tag_of(id, version, present);
		struct caller caller = {.if_match = only_tag(stale)};
		assert_int_equal(run(w, &change, &caller, endpoint_changes[i].doc), ERR_PRECONDITION);
		caller = (struct caller){.if_none_match = only_tag(present)};
		assert_int_equal(run(w, &change, &caller, endpoint_changes[i].doc), ERR_PRECONDITION);
		assert_int_equal(endpoint_version(w, id), version);
		caller = (struct caller){.if_match = only_tag(present), .if_none_match = only_tag(stale)};
		assert_int_equal(run(w, &change, &caller, endpoint_changes[i].doc), ERR_NONE);
		if (change.what != CHANGE_ENDPOINT_DELETE)
			assert_int_equal(endpoint_version(w, id), version + 1);
		store_change_clear(&change);
	}
}

static void a_status_that_is_so_already_makes_no_version(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	int64_t version = endpoint_version(w, id);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	assert_int_equal(endpoint_version(w, id), version);
}

static void a_subscriber_has_versions_too(void **state)
{
	struct world *w = *state;
	int64_t id = world_subscriber(w, "{\"name\": \"A\"}");
	struct store_change change = {.what = CHANGE_SUBSCRIBER_PATCH, .id = id};
	char first[TAG_SIZE];
	assert_int_equal(subscriber_version(w, id), 1);
	tag_of(id, 1, first);
	struct caller caller = {.if_match = only_tag(first)};
	assert_int_equal(run(w, &change, &caller, "{\"name\": \"B\"}"), ERR_NONE);
	assert_int_equal(run(w, &change, &caller, "{\"name\": \"C\"}"), ERR_PRECONDITION);
	assert_int_equal(subscriber_version(w, id), 2);
	change.what = CHANGE_SUBSCRIBER_PUT;
	assert_int_equal(run(w, &change, &caller, "{\"name\": \"C\"}"), ERR_PRECONDITION);
	change.what = CHANGE_SUBSCRIBER_DELETE;
	assert_int_equal(run(w, &change, &caller, NULL), ERR_PRECONDITION);
	caller.if_match = (struct tag_list){.given = true, .any = true};
	assert_int_equal(run(w, &change, &caller, NULL), ERR_NONE);
	store_change_clear(&change);
}

static void put_can_ask_that_there_is_something_or_nothing(void **state)
{
	struct world *w = *state;
	const struct caller must = {.if_match = {.given = true, .any = true}}, must_not = {.if_none_match = {.given = true, .any = true}};
	static const struct {
		enum store_change_kind what;
		const char *doc;
	} puts[] = {{CHANGE_ENDPOINT_PUT, HOOK}, {CHANGE_SUBSCRIBER_PUT, "{\"name\": \"A\"}"}};
	for (size_t i = 0; i < 2; i++) {
		struct store_change change = {.what = puts[i].what, .uid = "main"};
		assert_int_equal(run(w, &change, &must, puts[i].doc), ERR_PRECONDITION);
		assert_int_equal(run(w, &change, &must_not, puts[i].doc), ERR_NONE);
		assert_true(change.created);
		assert_int_equal(run(w, &change, &must_not, puts[i].doc), ERR_PRECONDITION);
		assert_int_equal(run(w, &change, &must, puts[i].doc), ERR_NONE);
		assert_false(change.created);
		store_change_clear(&change);
	}
}

static void a_new_thing_of_an_old_uid_has_another_tag(void **state)
{
	struct world *w = *state;
	char tag[TAG_SIZE];
	struct store_change change = {.what = CHANGE_ENDPOINT_PUT, .uid = "main"};
	assert_int_equal(run(w, &change, NULL, HOOK), ERR_NONE);
	tag_of(change.result_id, 1, tag);
	world_change(w, CHANGE_ENDPOINT_DELETE, change.result_id);
	assert_int_equal(run(w, &change, NULL, HOOK), ERR_NONE);
	assert_int_equal(endpoint_version(w, change.result_id), 1);
	struct caller caller = {.if_match = only_tag(tag)};
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_PRECONDITION);
	store_change_clear(&change);
}

/* ---- Requests that are carried out once ---- */

static void put_answer(struct world *w, const struct once *once, const char *text, enum err_code code)
{
	struct caller caller = {.once = once};
	struct store_change change = {.what = CHANGE_ONCE_ANSWER, .answer = slice_of(text)};
	assert_int_equal(run(w, &change, &caller, NULL), code);
	store_change_clear(&change);
}

/* The remembered answer must be this; NULL: there must be none. */
static void answer_is(struct world *w, const struct once *once, const char *text)
{
	char *answer;
	size_t len = 0;
	struct err err = {0};
	assert_int_equal(reader_once(w->reader, &w->master, once, w->wall_ms, &answer, &len, &err), 0);
	if (text)
		assert_string_equal(answer, text);
	else
		assert_null(answer);
	free(answer);
}

static int count_row(void *context, const struct document_row *row)
{
	(void)row;
	++*(int *)context;
	return 0;
}

static int endpoints(struct world *w)
{
	int count = 0;
	struct page page = {.limit = 500};
	struct err err = {0};
	assert_int_equal(reader_endpoints(w->reader, &(struct endpoint_filter){.by_status = false}, &page, count_row, &count, &err), 0);
	return count;
}

static void a_repeated_request_gives_what_the_first_one_made(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1), other = once_numbered(1, 2);
	struct caller caller = {.once = &once};
	struct store_change first = {.what = CHANGE_ENDPOINT_CREATE}, again = first;
	assert_int_equal(run(w, &first, &caller, HOOK), ERR_NONE);
	assert_false(first.repeated);
	assert_int_equal(run(w, &again, &caller, HOOK), ERR_NONE);
	assert_true(again.repeated && again.created);
	assert_int_equal(again.result_id, first.result_id);
	assert_string_equal(again.result_secret, first.result_secret);
	caller.once = &other;
	assert_int_equal(run(w, &again, &caller, HOOK), ERR_KEY_REUSED);
	assert_int_equal(endpoints(w), 1);
	/* Out of the window the key is free. */
	w->wall_ms += w->window_ms;
	assert_int_equal(run(w, &again, &caller, HOOK), ERR_NONE);
	assert_false(again.repeated);
	assert_int_equal(endpoints(w), 2);
	store_change_clear(&first);
	store_change_clear(&again);
}

static void two_twins_in_one_batch_make_one_thing(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1);
	struct caller caller = {.once = &once};
	json_t *doc = world_json(HOOK);
	struct store_change twins[2];
	for (int i = 0; i < 2; i++)
		twins[i] = (struct store_change){.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_CREATE, .doc = doc, .caller = &caller};
	struct store_cmd *cmds[] = {&twins[0].cmd, &twins[1].cmd};
	world_run_together(w, cmds, 2);
	assert_true(!twins[0].repeated && twins[1].repeated);
	assert_int_equal(twins[0].result_id, twins[1].result_id);
	assert_int_equal(endpoints(w), 1);
	store_change_clear(&twins[0]);
	store_change_clear(&twins[1]);
	json_decref(doc);
}

static void a_request_that_failed_is_not_remembered(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1);
	struct caller caller = {.once = &once};
	struct store_change change = {.what = CHANGE_ENDPOINT_CREATE};
	assert_int_equal(run(w, &change, &caller, "{\"url\": \"nonsense\", \"event_types\": [\"a\"]}"), ERR_INVALID);
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_NONE);
	assert_false(change.repeated);
	store_change_clear(&change);
}

/* The moment that matters: the change is committed, nobody was answered, and the process dies. */
static void a_crash_before_the_answer_makes_no_second_thing(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1);
	struct caller caller = {.once = &once};
	json_t *doc = world_json(HOOK);
	struct store_change first = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_CREATE, .doc = doc, .caller = &caller};
	struct store_change again = {.what = CHANGE_ENDPOINT_CREATE};
	world_post(w, &first.cmd, true);
	world_wait(1);
	struct world *after = world_crash(w);
	world_release();
	answer_is(after, &once, NULL);
	assert_int_equal(endpoints(after), 1);
	assert_int_equal(run(after, &again, &caller, HOOK), ERR_NONE);
	assert_true(again.repeated);
	assert_int_equal(again.result_id, first.result_id);
	assert_string_equal(again.result_secret, first.result_secret);
	assert_int_equal(endpoints(after), 1);
	world_close(after);
	world_free(after);
	json_decref(doc);
	store_change_clear(&first);
	store_change_clear(&again);
}

static void a_repeated_resend_tells_the_first_ones_deliveries(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1);
	struct caller caller = {.once = &once};
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t event = world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = world_first_due(w, endpoint);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	struct store_change change = {.what = CHANGE_EVENT_RESEND, .id = event};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(w, &change, &caller, NULL), ERR_NONE);
		assert_int_equal(change.repeated, i);
		assert_int_equal(change.resent_len, 1);
		assert_int_equal(change.resent[0].endpoint, endpoint);
		assert_int_equal(change.resent[0].delivery, due.delivery);
		assert_int_equal(change.resent[0].action, RESEND_REOPENED);
	}
	assert_int_equal(world_delivery(w, due.delivery).row.round, 2);
	store_change_clear(&change);
}

static bool file_holds(struct world *w, const char *name, const char *text)
{
	char *path = temp_path(w->dir, name);
	FILE *file = fopen(path, "rb");
	static char bytes[4 << 20];
	size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;
	if (file)
		fclose(file);
	free(path);
	return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void an_answer_is_kept_sealed_until_the_window_is_over(void **state)
{
	struct world *w = *state;
	struct once once = once_numbered(1, 1), other = once_numbered(1, 2), unchanged = once_numbered(2, 1);
	struct caller caller = {.once = &once};
	struct store_change change = {.what = CHANGE_ENDPOINT_CREATE};
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_NONE);
	put_answer(w, &once, "what was said, with the word opensesame", ERR_NONE);
	put_answer(w, &other, "something else", ERR_KEY_REUSED);
	put_answer(w, &unchanged, "nothing was changed", ERR_NONE);
	world_close(w);
	assert_false(file_holds(w, "grapnel.db", "opensesame"));
	assert_false(file_holds(w, "grapnel.db", change.result_secret));
	assert_true(file_holds(w, "grapnel.db", "https://example.com/hook"));
	world_open(w);
	answer_is(w, &once, "what was said, with the word opensesame");
	answer_is(w, &unchanged, "nothing was changed");
	struct err err = {0};
	char *answer;
	size_t len;
	assert_int_equal(reader_once(w->reader, &w->master, &other, w->wall_ms, &answer, &len, &err), -1);
	assert_int_equal(err.code, ERR_KEY_REUSED);
	w->wall_ms += w->window_ms;
	answer_is(w, &once, NULL);
	store_change_clear(&change);
}

/* 0 when no row is left, whether valid or not. */
static bool remembered(struct world *w, const struct once *once)
{
	char *answer;
	size_t len;
	struct err err = {0};
	/* As if it were still the time when it was made. */
	assert_int_equal(reader_once(w->reader, &w->master, once, 1, &answer, &len, &err), 0);
	bool found = answer != NULL;
	free(answer);
	return found;
}

static void old_answers_are_swept_in_slices(void **state)
{
	struct world *w = *state;
	enum { OLD = 700 };
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	for (unsigned i = 0; i < OLD; i++)
		put_answer(w, &(struct once){.key = {(uint8_t)i, (uint8_t)(i >> 8), 1}}, "an old answer", ERR_NONE);
	w->wall_ms += w->window_ms - 1;
	w->mono_us += 3600 * INT64_C(1000000);
	struct once young = once_numbered(7, 7);
	put_answer(w, &young, "a young answer", ERR_NONE);
	/* The writer sweeps a slice after a batch when it is time: when the next batch is done, it has looked. */
	for (int i = 0; i < 4; i++) {
		if (i == 1) {
			w->wall_ms += 1;
			w->mono_us += 3600 * INT64_C(1000000);
		}
		struct store_change change = {.what = CHANGE_SUBSCRIBER_PATCH, .id = subscriber};
		assert_int_equal(run(w, &change, NULL, "{}"), ERR_NONE);
		store_change_clear(&change);
	}
	int left = 0;
	for (unsigned i = 0; i < OLD; i++)
		left += remembered(w, &(struct once){.key = {(uint8_t)i, (uint8_t)(i >> 8), 1}});
	assert_int_equal(left, 0);
	assert_true(remembered(w, &young));
}

/* ---- The audit ---- */

struct trail {
	int len;
	char actor[32], name[32], action[64], resource[64], address[32], request_id[32];
	char before[4096], after[4096];
	char actions[1024]; /* of all rows, one a line */
};

static void copy(char *out, size_t size, struct slice text)
{
	snprintf(out, size, "%.*s", text.at ? (int)text.len : 1, text.at ? text.at : "-");
}

static int keep_audit(void *context, const struct audit_row *row)
{
	struct trail *trail = context;
	size_t used = strlen(trail->actions);
	trail->len++;
	copy(trail->actor, sizeof trail->actor, row->actor);
	copy(trail->name, sizeof trail->name, row->actor_name);
	copy(trail->action, sizeof trail->action, row->action);
	copy(trail->resource, sizeof trail->resource, row->resource);
	copy(trail->address, sizeof trail->address, row->address);
	copy(trail->request_id, sizeof trail->request_id, row->request_id);
	copy(trail->before, sizeof trail->before, row->before);
	copy(trail->after, sizeof trail->after, row->after);
	snprintf(trail->actions + used, sizeof trail->actions - used, "%s\n", trail->action);
	return 0;
}

/* All rows of the filter, oldest first; the fields are the last one's. */
static struct trail trail_of(struct world *w, const struct audit_filter *filter)
{
	struct trail trail = {.len = 0};
	struct page page = {.limit = 500, .ascending = true};
	struct err err = {0};
	assert_int_equal(reader_audit(w->reader, filter, &page, keep_audit, &trail, &err), 0);
	return trail;
}

static void a_change_says_who_did_what_to_what(void **state)
{
	struct world *w = *state;
	struct caller caller = {.actor = ACTOR_KEY, .key = 77, .name = "checkout", .address = "192.0.2.7", .request_id = "req_1"};
	struct store_change change = {.what = CHANGE_ENDPOINT_CREATE};
	char key[ID_TEXT_SIZE], id[ID_TEXT_SIZE];
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_NONE);
	id_format(ID_KEY, 77, key);
	id_format(ID_ENDPOINT, change.result_id, id);
	struct trail trail = trail_of(w, &(struct audit_filter){.since_ms = 0});
	assert_int_equal(trail.len, 1);
	assert_string_equal(trail.actor, key);
	assert_string_equal(trail.name, "checkout");
	assert_string_equal(trail.action, "endpoint.create");
	assert_string_equal(trail.resource, id);
	assert_string_equal(trail.address, "192.0.2.7");
	assert_string_equal(trail.request_id, "req_1");
	assert_string_equal(trail.before, "-");
	assert_non_null(strstr(trail.after, "https://example.com/hook"));
	assert_null(strstr(trail.after, change.result_secret));
	store_change_clear(&change);
}

static void values_of_headers_are_hidden_and_changed_ones_said(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", "\"headers\": {\"X-Key\": \"swordfish\", \"X-Other\": \"same\"}");
	struct store_change change = {.what = CHANGE_ENDPOINT_PATCH, .id = id};
	assert_int_equal(run(w, &change, NULL, "{\"headers\": {\"X-Key\": \"shibboleth\"}}"), ERR_NONE);
	struct trail trail = trail_of(w, &(struct audit_filter){.since_ms = 0});
	assert_non_null(strstr(trail.after, "\"X-Key\":\"(hidden, changed)\""));
	assert_non_null(strstr(trail.after, "\"X-Other\":\"(hidden)\""));
	assert_null(strstr(trail.before, "swordfish"));
	assert_null(strstr(trail.after, "shibboleth"));
	store_change_clear(&change);
}

static void what_changes_nothing_or_fails_is_not_in_the_audit(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", "\"uid\": \"main\"");
	struct once once = once_numbered(1, 1);
	struct caller caller = {.once = &once};
	struct store_change change = {.what = CHANGE_ENDPOINT_CREATE};
	world_change(w, CHANGE_ENDPOINT_RESUME, id);
	world_change_fails(w, CHANGE_ENDPOINT_PAUSE, id + 1, ERR_NOT_FOUND);
	assert_int_equal(run(w, &change, NULL, "{\"url\": \"https://example.com\", \"event_types\": [\"a\"], \"uid\": \"main\"}"), ERR_UID_TAKEN);
	assert_int_equal(trail_of(w, &(struct audit_filter){.since_ms = 0}).len, 1);
	/* A repetition is no second change. */
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_NONE);
	assert_int_equal(run(w, &change, &caller, HOOK), ERR_NONE);
	assert_int_equal(trail_of(w, &(struct audit_filter){.since_ms = 0}).len, 2);
	store_change_clear(&change);
}

static void the_hub_itself_is_an_actor(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = world_first_due(w, id);
	struct outcome outcome = world_outcome(w, &due, 410, REASON_GONE);
	outcome.disable_endpoint = true;
	world_run(w, &outcome.cmd);
	struct trail trail = trail_of(w, &(struct audit_filter){.action = slice_of("endpoint.disable")});
	assert_int_equal(trail.len, 1);
	assert_string_equal(trail.actor, "hub");
	assert_non_null(strstr(trail.before, "\"status\":\"active\""));
	assert_non_null(strstr(trail.after, "\"status_reason\":\"gone\""));
}

static void a_deleted_subscribers_keys_are_revoked_in_the_audit(void **state)
{
	struct world *w = *state;
	int64_t id = world_subscriber(w, "{\"name\": \"A\"}");
	struct key key = {.scopes = SCOPE_READ, .subscriber = id, .name = "theirs"};
	struct store_change change = {.what = CHANGE_KEY_CREATE, .key = &key, .secret = "gk_x"};
	assert_int_equal(run(w, &change, NULL, NULL), ERR_NONE);
	assert_string_equal(change.result_secret, "gk_x");
	store_change_clear(&change);
	world_change(w, CHANGE_SUBSCRIBER_DELETE, id);
	assert_string_equal(trail_of(w, &(struct audit_filter){.since_ms = 0}).actions,
	                    "subscriber.create\nkey.create\nkey.revoke\nsubscriber.delete\n");
}

static void repair_is_in_the_audit(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t dead = world_dead(w, endpoint, "order.created", REASON_EXHAUSTED);
	world_change(w, CHANGE_DELIVERY_RETRY, dead);
	struct trail trail = trail_of(w, &(struct audit_filter){.action = slice_of("delivery.retry")});
	assert_non_null(strstr(trail.before, "\"state\":\"dead\",\"reason\":\"exhausted\",\"round\":1"));
	assert_non_null(strstr(trail.after, "\"state\":\"pending\",\"reason\":null,\"round\":2"));
	world_change(w, CHANGE_DELIVERY_CANCEL, dead);
	world_operation(w, OPERATION_DISCARD, &(struct dead_filter){.endpoint = endpoint});
	world_operations_end(w);
	assert_string_equal(trail_of(w, &(struct audit_filter){.since_ms = 0}).actions,
	                    "endpoint.create\ndelivery.retry\ndelivery.cancel\noperation.create\n");
}

static void the_audit_is_searched_by_time_actor_action_and_resource(void **state)
{
	struct world *w = *state;
	int64_t began_ms = w->wall_ms;
	int64_t first = world_endpoint(w, "order.*", NULL);
	w->wall_ms += 1000;
	struct caller local = {.actor = ACTOR_LOCAL};
	struct store_change change = {.what = CHANGE_ENDPOINT_PAUSE, .id = first};
	assert_int_equal(run(w, &change, &local, NULL), ERR_NONE);
	w->wall_ms += 1000;
	world_endpoint(w, "order.*", NULL);
	char id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, first, id);
	assert_int_equal(trail_of(w, &(struct audit_filter){.since_ms = began_ms + 1000}).len, 2);
	assert_int_equal(trail_of(w, &(struct audit_filter){.until_ms = began_ms + 1000}).len, 1);
	assert_int_equal(trail_of(w, &(struct audit_filter){.resource = slice_of(id)}).len, 2);
	assert_int_equal(trail_of(w, &(struct audit_filter){.actor = slice_of("local")}).len, 1);
	assert_int_equal(trail_of(w, &(struct audit_filter){.actor = slice_of("hub")}).len, 2);
	assert_int_equal(trail_of(w, &(struct audit_filter){.action = slice_of("endpoint.create")}).len, 2);
	assert_int_equal(trail_of(w, &(struct audit_filter){.resource = slice_of(id), .action = slice_of("endpoint.pause")}).len, 1);
	store_change_clear(&change);
}

static void ids_go_on_behind_the_audits(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	world_change(w, CHANGE_ENDPOINT_RESUME, id);
	world_change(w, CHANGE_ENDPOINT_PAUSE, id);
	world_close(w);
	w->wall_ms -= 3600000; /* so that only what is stored can tell */
	world_open(w);
	world_change(w, CHANGE_ENDPOINT_RESUME, id);
	assert_int_equal(trail_of(w, &(struct audit_filter){.since_ms = 0}).len, 5);
}

/* ---- Event types ---- */

struct types {
	int len;
	int64_t count, first_ms, last_ms;
	char type[64], description[64];
};

static int keep_type(void *context, const struct event_type_row *row)
{
	struct types *types = context;
	types->len++;
	types->count = row->count;
	types->first_ms = row->first_seen_ms;
	types->last_ms = row->last_seen_ms;
	copy(types->type, sizeof types->type, row->type);
	copy(types->description, sizeof types->description, slice_of(json_string_value(json_object_get(row->doc, "description"))));
	return 0;
}

static struct types type_of(struct world *w, const char *type)
{
	struct types types = {.len = 0};
	struct err err = {0};
	(void)!reader_event_type(w->reader, slice_of(type), keep_type, &types, &err);
	return types;
}

static struct types all_types(struct world *w, bool described)
{
	struct types types = {.len = 0};
	struct page page = {.limit = 500};
	struct err err = {0};
	assert_int_equal(reader_event_types(w->reader, &page, described, keep_type, &types, &err), 0);
	return types;
}

static void published_types_are_counted_without_repetitions(void **state)
{
	struct world *w = *state;
	int64_t began_ms = w->wall_ms;
	for (int i = 0; i < 3; i++) {
		world_publish(w, &(struct world_event){.type = "order.created"});
		w->wall_ms += 1000;
	}
	world_publish(w, &(struct world_event){.type = "order.paid", .uid = "p"});
	world_publish(w, &(struct world_event){.type = "order.paid", .uid = "p"});
	world_close(w); /* what is counted is written */
	world_open(w);
	struct types created = type_of(w, "order.created");
	assert_int_equal(created.count, 3);
	assert_int_equal(created.first_ms, began_ms);
	assert_int_equal(created.last_ms, began_ms + 2000);
	assert_int_equal(type_of(w, "order.paid").count, 1);
	world_publish(w, &(struct world_event){.type = "order.created"});
	world_close(w);
	world_open(w);
	assert_int_equal(type_of(w, "order.created").count, 4);
	assert_int_equal(type_of(w, "order.created").first_ms, began_ms);
	assert_int_equal(all_types(w, false).len, 2);
}

static void counts_are_written_after_a_second_without_a_stop(void **state)
{
	struct world *w = *state;
	world_publish(w, &(struct world_event){.type = "order.created"});
	w->mono_us += 1000001;
	/* Two batches: the first one's end writes the counts, the second one waits for that. */
	world_publish(w, &(struct world_event){.type = "order.paid"});
	world_publish(w, &(struct world_event){.type = "order.paid"});
	assert_int_equal(type_of(w, "order.created").count, 1);
}

static void many_types_are_kept_up_to_a_bound(void **state)
{
	struct world *w = *state;
	enum { TYPES = 5000 };
	for (int i = 0; i < TYPES; i++) {
		char type[32];
		snprintf(type, sizeof type, "order.n%d", i);
		struct publish_item item = world_item(w, &(struct world_event){.type = type});
		struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
		world_run(w, &publish.cmd);
		world_item_clear(&item);
	}
	world_close(w);
	world_open(w);
	int seen = 0;
	for (int i = 0; i < TYPES; i++) {
		char type[32];
		snprintf(type, sizeof type, "order.n%d", i);
		seen += type_of(w, type).count == 1;
	}
	assert_int_equal(seen, TYPES);
}

static enum err_code describe(struct world *w, const char *type, const char *doc, bool *created)
{
	struct store_change change = {.what = CHANGE_EVENT_TYPE_PUT, .type = slice_of(type)};
	enum err_code code = run(w, &change, NULL, doc);
	*created = change.created;
	store_change_clear(&change);
	return code;
}

static enum err_code forget(struct world *w, const char *type)
{
	struct store_change change = {.what = CHANGE_EVENT_TYPE_DELETE, .type = slice_of(type)};
	enum err_code code = run(w, &change, NULL, NULL);
	store_change_clear(&change);
	return code;
}

static void a_type_is_described_and_forgotten(void **state)
{
	struct world *w = *state;
	bool created;
	world_publish(w, &(struct world_event){.type = "order.created"});
	world_close(w);
	world_open(w);
	assert_int_equal(describe(w, "order.created", "{\"description\": \"made\"}", &created), ERR_NONE);
	assert_true(created);
	assert_int_equal(describe(w, "order.created", "{\"description\": \"placed\"}", &created), ERR_NONE);
	assert_false(created);
	assert_int_equal(describe(w, "order.unseen", "{\"description\": \"never\"}", &created), ERR_NONE);
	assert_int_equal(describe(w, "order..bad", "{}", &created), ERR_INVALID);
	assert_int_equal(describe(w, "order.x", "{\"owner\": 3}", &created), ERR_INVALID);
	assert_string_equal(type_of(w, "order.created").description, "placed");
	assert_int_equal(type_of(w, "order.created").count, 1);
	assert_int_equal(all_types(w, true).len, 2);
	assert_int_equal(forget(w, "order.created"), ERR_NONE);
	assert_int_equal(forget(w, "order.created"), ERR_NOT_FOUND);
	assert_int_equal(forget(w, "order.unseen"), ERR_NONE);
	assert_int_equal(type_of(w, "order.unseen").len, 0);
	assert_int_equal(all_types(w, false).len, 1);
	assert_int_equal(type_of(w, "order.created").count, 1);
	assert_int_equal(trail_of(w, &(struct audit_filter){.action = slice_of("event_type.describe")}).len, 3);
	struct trail gone = trail_of(w, &(struct audit_filter){.action = slice_of("event_type.forget"), .resource = slice_of("order.created")});
	assert_string_equal(gone.before, "{\"description\":\"placed\"}");
	assert_string_equal(gone.after, "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(every_change_of_an_endpoint_makes_a_version_and_obeys_conditions),
	    WORLD_TEST(a_status_that_is_so_already_makes_no_version),
	    WORLD_TEST(a_subscriber_has_versions_too),
	    WORLD_TEST(put_can_ask_that_there_is_something_or_nothing),
	    WORLD_TEST(a_new_thing_of_an_old_uid_has_another_tag),
	    WORLD_TEST(a_repeated_request_gives_what_the_first_one_made),
	    WORLD_TEST(two_twins_in_one_batch_make_one_thing),
	    WORLD_TEST(a_request_that_failed_is_not_remembered),
	    WORLD_TEST(a_crash_before_the_answer_makes_no_second_thing),
	    WORLD_TEST(a_repeated_resend_tells_the_first_ones_deliveries),
	    WORLD_TEST(an_answer_is_kept_sealed_until_the_window_is_over),
	    WORLD_TEST(old_answers_are_swept_in_slices),
	    WORLD_TEST(a_change_says_who_did_what_to_what),
	    WORLD_TEST(values_of_headers_are_hidden_and_changed_ones_said),
	    WORLD_TEST(what_changes_nothing_or_fails_is_not_in_the_audit),
	    WORLD_TEST(the_hub_itself_is_an_actor),
	    WORLD_TEST(a_deleted_subscribers_keys_are_revoked_in_the_audit),
	    WORLD_TEST(repair_is_in_the_audit),
	    WORLD_TEST(the_audit_is_searched_by_time_actor_action_and_resource),
	    WORLD_TEST(ids_go_on_behind_the_audits),
	    WORLD_TEST(published_types_are_counted_without_repetitions),
	    WORLD_TEST(counts_are_written_after_a_second_without_a_stop),
	    WORLD_TEST(many_types_are_kept_up_to_a_bound),
	    WORLD_TEST(a_type_is_described_and_forgotten),
	};
	return world_main("store: changes", tests, sizeof tests / sizeof tests[0]);
}
