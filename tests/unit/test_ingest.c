/* Publishing up to the store: what is parsed, refused and posted. The store is played by store_post() below, so that these tests see
 * exactly what it would be given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "ingest/ingest.h"
#include "store/dedupe.h"

#define NOW_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

enum { ACME = 1000, BETA = 1001, OPEN_HOOK = 2000, ACME_HOOK = 2001, BETA_HOOK = 2002, BETA_OTHER = 2003 };

static int64_t wall_ms(void *context)
{
	(void)context;
	return NOW_MS;
}

static const struct clock fake_clock = {.wall_ms = wall_ms, .mono_us = wall_ms};

static struct store_cmd *posted; /* what the store was given; NULL: nothing */
static struct ingest *finished;  /* what done() was called with */

void store_post(struct store *store, struct store_cmd *cmd)
{
	(void)store;
	assert_null(posted);
	posted = cmd;
}

static void done(struct ingest *ingest)
{
	assert_null(finished);
	finished = ingest;
}

struct world {
	struct budget budget;
	struct ingest_config config;
	struct ingest_request request; /* what the next publish takes besides the body */
	struct err err;
};

static void add_endpoint(struct index *index, int64_t id, int64_t subscriber, const char *doc_text)
{
	struct endpoint_meta meta = {.id = id, .subscriber = subscriber, .version = 1};
	json_t *doc = json_loads(doc_text, 0, NULL);
	struct err err = {.code = ERR_NONE};
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &err);
	if (!endpoint)
		fail_msg("%s", err.detail);
	index_put_endpoint(index, endpoint);
	endpoint_unref(endpoint);
	json_decref(doc);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct index *index = index_new();
	endpoint_defaults.retry = retry_policy_default();
	endpoint_defaults.timeout_ms = 15000;
	endpoint_defaults.max_in_flight = 8;
	index_put_subscriber(index, ACME, "acme");
	index_put_subscriber(index, BETA, "beta");
	add_endpoint(index, OPEN_HOOK, 0, "{\"uid\":\"open\",\"url\":\"https://a.example/\",\"event_types\":[\"order.*\"]}");
	add_endpoint(index, ACME_HOOK, ACME, "{\"uid\":\"hook\",\"url\":\"https://b.example/\",\"event_types\":[\"order.**\"]}");
	add_endpoint(index, BETA_HOOK, BETA, "{\"uid\":\"hook\",\"url\":\"https://c.example/\",\"event_types\":[\"*\"]}");
	add_endpoint(index, BETA_OTHER, BETA, "{\"uid\":\"other\",\"url\":\"https://d.example/\",\"event_types\":[\"never\"]}");
	budget_init(&world->budget, 1 << 20);
	world->config = (struct ingest_config){
	    .index = index,
	    .budget = &world->budget,
	    .clock = &fake_clock,
	    .item_bytes_max = 4096,
	    .batch_items_max = 5,
	    .depth_max = 8,
	};
	posted = NULL;
	finished = NULL;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	index_free(world->config.index);
	free(world);
	return 0;
}

static int publish_bytes(struct world *world, struct slice text)
{
	/* A copy of exactly these bytes, gone afterwards: reading past the end, or later, is seen by the sanitizer. */
	char *body = malloc(text.len ? text.len : 1);
	memcpy(body, text.at, text.len);
	world->request.body = (struct slice){body, text.len};
	int result = ingest_publish(&world->config, &world->request, done, world, &world->err);
	free(body);
	return result;
}

static int publish(struct world *world, const char *text)
{
	return publish_bytes(world, slice_of(text));
}

/* The publish that was posted, as the store has it. */
static struct store_publish *accepted(struct world *world, const char *text)
{
	if (publish(world, text) < 0)
		fail_msg("%s was refused: %s", text, world->err.detail);
	assert_non_null(posted);
	return CONTAINER_OF(posted, struct store_publish, cmd);
}

/* The store is done: gives the ingest back. */
static struct ingest *commit(enum err_code fate)
{
	posted->fate = fate;
	posted->done(posted);
	posted = NULL;
	struct ingest *ingest = finished;
	assert_non_null(ingest);
	finished = NULL;
	return ingest;
}

static void forget(void)
{
	ingest_free(commit(ERR_NONE));
}

static void assert_refused(struct world *world, const char *text, enum err_code code, const char *pointer)
{
	if (publish(world, text) == 0)
		fail_msg("%s was accepted", text);
	assert_null(posted);
	assert_null(finished);
	assert_int_equal(budget_used(&world->budget), 0);
	if (world->err.code != code)
		fail_msg("%s: got %s (%s)", text, err_code_text(world->err.code), world->err.detail);
	if (!pointer)
		return;
	assert_true(world->err.fields_len > 0);
	if (strcmp(world->err.fields[0].pointer, pointer) != 0)
		fail_msg("%s: pointer is %s", text, world->err.fields[0].pointer);
}

static void assert_slice(struct slice got, const char *want)
{
	if (!want ? got.at != NULL : !slice_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", (int)got.len, got.at ? got.at : "", want ? want : "(absent)");
}

static void assert_targets(const struct publish_item *item, size_t len, const int64_t *ids)
{
	assert_int_equal(item->targets.len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(item->targets.at[i]->meta.id, ids[i]);
}

/* ---- Bytes ---------------------------------------------------------------------------------------------------------------- */

static const char *const payloads[] = {
    "12345678901234567890123456789",
    "1.10",
    "1e400",
    "-0",
    "null",
    "\"\"",
    "\"\\u0000 \\ud800 \\/ \xc3\xa9\"",
    "{}",
    "{\"a\":1,\"a\":2,\"b\" :\t[ 1.0 , 1 ]  , \"a\":3}",
    "[ [[ {\"type\" : \"x\"} ]], true ,false]",
};

enum { PAYLOADS = sizeof payloads / sizeof *payloads };

static void payload_bytes_are_kept_exactly(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < PAYLOADS; i++) {
		char body[512];
		snprintf(body, sizeof body, " { \"data\" :\n %s , \"type\":\"order.made\" } \r\n", payloads[i]);
		struct store_publish *publish_cmd = accepted(world, body);
		assert_int_equal(publish_cmd->items_len, 1);
		assert_slice(publish_cmd->items[0].event->f.data, payloads[i]);
		assert_slice(publish_cmd->items[0].event->f.content_type, "application/json");
		forget();
	}
}

static void payload_bytes_are_kept_in_batches(void **state)
{
	struct world *world = *state;
	struct strbuf array = STRBUF_INIT(2048), lines = STRBUF_INIT(2048);
	world->config.batch_items_max = PAYLOADS;
	for (size_t i = 0; i < PAYLOADS; i++) {
		strbuf_printf(&array, "%s{\"type\":\"order.made\",\"data\": %s }", i ? "\n , " : " [", payloads[i]);
		strbuf_printf(&lines, "{\"type\":\"order.made\",\"data\": %s }%s", payloads[i], i % 2 ? "\n" : "\r\n\n");
	}
	strbuf_puts(&array, "] ");
	for (int form = INGEST_JSON; form <= INGEST_NDJSON; form++) {
		world->request.form = (enum ingest_form)form;
		struct store_publish *publish_cmd = accepted(world, strbuf_text(form == INGEST_JSON ? &array : &lines));
		assert_int_equal(publish_cmd->items_len, PAYLOADS);
		for (size_t i = 0; i < PAYLOADS; i++)
			assert_slice(publish_cmd->items[i].event->f.data, payloads[i]);
		forget();
	}
	strbuf_free(&array);
	strbuf_free(&lines);
}

static void every_field_arrives(void **state)
{
	struct world *world = *state;
	struct store_publish *publish_cmd = accepted(
	    world, "{\"type\":\"\\u006frder.made\",\"data\":1,\"uid\":\"u-1\",\"subject\":\"a \\\"b\\\" \\u00e9\",\"subscriber\":\"acme\","
		   "\"ordering_key\":\"k\",\"deliver_at\":\"2027-01-15T09:00:00+01:00\",\"expires_at\":\"2027-01-15T08:00:01Z\","
		   "\"attributes\": {\"a\" : \"b\"} }");
	const struct event_fields *f = &publish_cmd->items[0].event->f;
	assert_slice(f->type, "order.made");
	assert_slice(f->uid, "u-1");
	assert_slice(f->subject, "a \"b\" \xc3\xa9");
	assert_slice(f->ordering_key, "k");
	assert_slice(f->attributes, "{\"a\" : \"b\"}");
	assert_int_equal(f->subscriber, ACME);
	assert_int_equal(f->source, 0);
	assert_int_equal(f->time_ms, NOW_MS);
	assert_int_equal(f->deliver_at_ms, NOW_MS);
	assert_int_equal(f->expires_at_ms, NOW_MS + 1000);
	forget();
}

static void null_is_absent_but_as_data_it_is_a_payload(void **state)
{
	struct world *world = *state;
	struct store_publish *publish_cmd =
	    accepted(world, "{\"type\":\"order.made\",\"data\":null,\"uid\":null,\"subject\":null,\"subscriber\":null,\"endpoint\":null,"
	                    "\"ordering_key\":null,\"deliver_at\":null,\"expires_at\":null,\"attributes\":null}");
	const struct event_fields *f = &publish_cmd->items[0].event->f;
	assert_slice(f->data, "null");
	assert_slice(f->uid, NULL);
	assert_slice(f->subject, NULL);
	assert_slice(f->ordering_key, NULL);
	assert_slice(f->attributes, NULL);
	assert_int_equal(f->deliver_at_ms, 0);
	assert_int_equal(f->expires_at_ms, 0);
	assert_int_equal(publish_cmd->items[0].keys_len, 0);
	forget();
}

/* ---- Bad fields ----------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *event;
	enum err_code code;
	const char *pointer;
} bad_events[] = {
    {"{\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":null,\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":7,\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":\"\",\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":\"a..b\",\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":\"a b\",\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":\"grapnel.x\",\"data\":1}", ERR_INVALID, "/type"},
    {"{\"type\":\"a\"}", ERR_INVALID, "/data"},
    {"{\"type\":\"a\",\"data\":1,\"uid\":5}", ERR_INVALID, "/uid"},
    {"{\"type\":\"a\",\"data\":1,\"uid\":\"\"}", ERR_INVALID, "/uid"},
    {"{\"type\":\"a\",\"data\":1,\"uid\":\"a b\"}", ERR_INVALID, "/uid"},
    {"{\"type\":\"a\",\"data\":1,\"uid\":\"a\\u0000\"}", ERR_INVALID, "/uid"},
    {"{\"type\":\"a\",\"data\":1,\"subject\":\"\"}", ERR_INVALID, "/subject"},
    {"{\"type\":\"a\",\"data\":1,\"subject\":[]}", ERR_INVALID, "/subject"},
    {"{\"type\":\"a\",\"data\":1,\"subject\":\"a\\nb\"}", ERR_INVALID, "/subject"},
    {"{\"type\":\"a\",\"data\":1,\"ordering_key\":\"\"}", ERR_INVALID, "/ordering_key"},
    {"{\"type\":\"a\",\"data\":1,\"ordering_key\":true}", ERR_INVALID, "/ordering_key"},
    {"{\"type\":\"a\",\"data\":1,\"subscriber\":1}", ERR_INVALID, "/subscriber"},
    {"{\"type\":\"a\",\"data\":1,\"subscriber\":\"nobody\"}", ERR_NOT_FOUND, "/subscriber"},
    {"{\"type\":\"a\",\"data\":1,\"subscriber\":\"\",\"endpoint\":\"hook\"}", ERR_NOT_FOUND, "/endpoint"},
    {"{\"type\":\"a\",\"data\":1,\"endpoint\":{}}", ERR_INVALID, "/endpoint"},
    {"{\"type\":\"a\",\"data\":1,\"endpoint\":\"nowhere\"}", ERR_NOT_FOUND, "/endpoint"},
    {"{\"type\":\"a\",\"data\":1,\"endpoint\":\"hook\"}", ERR_AMBIGUOUS, "/endpoint"},
    {"{\"type\":\"a\",\"data\":1,\"subscriber\":\"acme\",\"endpoint\":\"open\"}", ERR_NOT_FOUND, "/endpoint"},
    {"{\"type\":\"a\",\"data\":1,\"deliver_at\":\"tomorrow\"}", ERR_INVALID, "/deliver_at"},
    {"{\"type\":\"a\",\"data\":1,\"deliver_at\":1800000000}", ERR_INVALID, "/deliver_at"},
    {"{\"type\":\"a\",\"data\":1,\"expires_at\":\"2027-02-30T00:00:00Z\"}", ERR_INVALID, "/expires_at"},
    {"{\"type\":\"a\",\"data\":1,\"expires_at\":\"2027-01-15T08:00:00Z\"}", ERR_INVALID, "/expires_at"},
    {"{\"type\":\"a\",\"data\":1,\"deliver_at\":\"2028-01-01T00:00:00Z\",\"expires_at\":\"2028-01-01T00:00:00Z\"}", ERR_INVALID,
     "/expires_at"},
    {"{\"type\":\"a\",\"data\":1,\"attributes\":[]}", ERR_INVALID, "/attributes"},
    {"{\"type\":\"a\",\"data\":1,\"attributes\":{\"a\":1}}", ERR_INVALID, "/attributes"},
    {"{\"type\":\"a\",\"data\":1,\"attributes\":{\"a\":{\"b\":\"c\"}}}", ERR_INVALID, "/attributes"},
    {"{\"type\":\"a\",\"data\":1,\"type\":\"a\"}", ERR_INVALID, "/type"},
    {"{\"type\":\"a\",\"data\":1,\"uid\":null,\"uid\":\"x\"}", ERR_INVALID, "/uid"},
    {"{\"type\":\"a\",\"data\":1,\"d\\u0061ta\":2}", ERR_INVALID, "/data"},
    {"{\"type\":\"a\",\"data\":1,\"Type\":\"a\"}", ERR_INVALID, "/Type"},
    {"{\"type\":\"a\",\"data\":1,\"a/b~c\":1}", ERR_INVALID, "/a~1b~0c"},
    {"{\"type\":\"a\",\"data\":1,\"\":1}", ERR_INVALID, "/"},
};

static void a_bad_field_is_named(void **state)
{
	for (size_t i = 0; i < sizeof bad_events / sizeof *bad_events; i++)
		assert_refused(*state, bad_events[i].event, bad_events[i].code, bad_events[i].pointer);
}

static void a_bad_field_of_a_batch_is_named_with_its_place_and_nothing_is_posted(void **state)
{
	struct world *world = *state;
	static const char good[] = "{\"type\":\"order.made\",\"data\":1}";
	for (size_t i = 0; i < sizeof bad_events / sizeof *bad_events; i++) {
		char body[512], pointer[64];
		snprintf(pointer, sizeof pointer, "/1%s", bad_events[i].pointer);
		snprintf(body, sizeof body, "[%s,%s,%s]", good, bad_events[i].event, good);
		world->request.form = INGEST_JSON;
		assert_refused(world, body, bad_events[i].code, pointer);
		snprintf(body, sizeof body, "%s\n%s\n%s\n", good, bad_events[i].event, good);
		world->request.form = INGEST_NDJSON;
		assert_refused(world, body, bad_events[i].code, pointer);
	}
}

static void all_bad_fields_are_named_at_once(void **state)
{
	struct world *world = *state;
	assert_refused(world, "[{\"type\":\"\",\"uid\":\"a b\"}, {\"type\":\"a\",\"data\":1,\"x\":1}]", ERR_INVALID, "/0/type");
	assert_int_equal(world->err.fields_len, 4);
	assert_string_equal(world->err.fields[1].pointer, "/0/data");
	assert_string_equal(world->err.fields[2].pointer, "/0/uid");
	assert_string_equal(world->err.fields[3].pointer, "/1/x");
}

static void long_texts_are_refused(void **state)
{
	static const struct {
		const char *name;
		int max;
	} texts[] = {{"type", 255}, {"uid", 255}, {"subject", 1024}, {"ordering_key", 255}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[1200], body[1400], pointer[64];
		memset(text, 'x', sizeof text);
		text[texts[i].max] = '\0';
		const char *rest = i == 0 ? "" : "\"type\":\"a\",";
		snprintf(body, sizeof body, "{%s\"data\":1,\"%s\":\"%s\"}", rest, texts[i].name, text);
		accepted(*state, body);
		forget();
		snprintf(body, sizeof body, "{%s\"data\":1,\"%s\":\"%sx\"}", rest, texts[i].name, text);
		snprintf(pointer, sizeof pointer, "/%s", texts[i].name);
		assert_refused(*state, body, ERR_INVALID, pointer);
	}
}

static void attributes_over_64_kib_are_refused(void **state)
{
	struct world *world = *state;
	world->config.item_bytes_max = 1 << 20;
	enum { AROUND = sizeof "{\"a\":\"\"}" - 1 };
	char *text = malloc(EVENT_ATTRIBUTES_MAX + 1), *body = malloc(EVENT_ATTRIBUTES_MAX + 200);
	memset(text, 'x', EVENT_ATTRIBUTES_MAX);
	for (int over = 0; over <= 1; over++) {
		snprintf(body, EVENT_ATTRIBUTES_MAX + 200, "{\"type\":\"a\",\"data\":1,\"attributes\":{\"a\":\"%.*s\"}}",
		         EVENT_ATTRIBUTES_MAX - AROUND + over, text);
		if (over) {
			assert_refused(world, body, ERR_INVALID, "/attributes");
		} else {
			accepted(world, body);
			forget();
		}
	}
	free(text);
	free(body);
}

static void broken_json_is_located(void **state)
{
	struct world *world = *state;
	assert_refused(world, "{\"type\":\"a\",\n\"data\":01}", ERR_UNPARSABLE, NULL);
	assert_non_null(strstr(world->err.detail, "byte offset 21 (line 2)"));
	assert_refused(world, "[{\"type\":\"a\",\"data\":1},\n\n{\"type\":\"a\",\"data\":tru}]", ERR_UNPARSABLE, NULL);
	assert_non_null(strstr(world->err.detail, "(line 3)"));
	world->request.form = INGEST_NDJSON;
	assert_refused(world, "{\"type\":\"a\",\"data\":1}\n{\"type\":\"a\",\n\"data\":1}", ERR_UNPARSABLE, NULL);
	assert_non_null(strstr(world->err.detail, "(line 2)"));
}

static void what_is_no_event_is_refused(void **state)
{
	struct world *world = *state;
	static const char *const broken[] = {
	    "", " ", "{", "[", "{}x", "[]]", "{\"type\":\"a\",\"data\":1}{}", "nul", "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}"};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		assert_refused(world, broken[i], ERR_UNPARSABLE, NULL);
	assert_refused(world, "7", ERR_INVALID, "");
	assert_refused(world, "\"{}\"", ERR_INVALID, "");
	assert_refused(world, "null", ERR_INVALID, "");
	assert_refused(world, "[[]]", ERR_INVALID, "/0");
	assert_refused(world, "[{\"type\":\"a\",\"data\":1},null]", ERR_INVALID, "/1");
	world->request.form = INGEST_NDJSON;
	assert_refused(world, "[]\n", ERR_INVALID, "/0");
	assert_refused(world, "{\"type\":\"a\",\"data\":1}\n7", ERR_INVALID, "/1");
	assert_refused(world, "{\"type\":\"a\",\"data\":1} {}", ERR_UNPARSABLE, NULL);
}

static void a_syntax_error_goes_before_bad_fields(void **state)
{
	assert_refused(*state, "[{\"type\":\"\"},{]", ERR_UNPARSABLE, NULL);
	assert_refused(*state, "{\"type\":\"\",\"data\":1,}", ERR_UNPARSABLE, NULL);
}

/* ---- Limits --------------------------------------------------------------------------------------------------------------- */

static void an_event_over_its_limit_is_too_large(void **state)
{
	struct world *world = *state;
	char body[512];
	world->config.item_bytes_max = sizeof "{\"type\":\"a\",\"data\":\"0123456789\"}" - 1;
	accepted(world, " {\"type\":\"a\",\"data\":\"0123456789\"} ");
	forget();
	assert_refused(world, "{\"type\":\"a\",\"data\":\"0123456789x\"}", ERR_TOO_LARGE, NULL);
	assert_non_null(strstr(world->err.detail, "limits.item"));
	snprintf(body, sizeof body, "[%s,%s]", "{\"type\":\"a\",\"data\":\"0123456789\"}", "{\"type\":\"a\",\"data\":\"0123456789x\"}");
	assert_refused(world, body, ERR_TOO_LARGE, "/1");
	assert_non_null(strstr(world->err.detail, "index 1"));
}

static void a_batch_over_its_limit_is_too_large(void **state)
{
	struct world *world = *state;
	struct strbuf array = STRBUF_INIT(512), lines = STRBUF_INIT(512);
	for (int i = 0; i < 6; i++) {
		strbuf_printf(&array, "%s{\"type\":\"a\",\"data\":1}", i ? "," : "[");
		strbuf_puts(&lines, "{\"type\":\"a\",\"data\":1}\n\n");
	}
	strbuf_putc(&array, ']');
	assert_refused(world, strbuf_text(&array), ERR_TOO_LARGE, NULL);
	world->request.form = INGEST_NDJSON;
	assert_refused(world, strbuf_text(&lines), ERR_TOO_LARGE, NULL);
	world->config.batch_items_max = 6;
	assert_int_equal(accepted(world, strbuf_text(&lines))->items_len, 6);
	forget();
	strbuf_free(&array);
	strbuf_free(&lines);
}

static void nesting_is_limited_the_same_alone_and_in_a_batch(void **state)
{
	struct world *world = *state;
	static const char deep[] = "{\"type\":\"a\",\"data\":[[[[[[[[]]]]]]]]}", deeper[] = "{\"type\":\"a\",\"data\":[[[[[[[[[]]]]]]]]]}";
	char body[128];
	for (int batch = 0; batch <= 1; batch++) {
		snprintf(body, sizeof body, batch ? "[%s]" : "%s", deep);
		accepted(world, body);
		forget();
		snprintf(body, sizeof body, batch ? "[%s]" : "%s", deeper);
		assert_refused(world, body, ERR_UNPARSABLE, NULL);
	}
}

static void an_empty_batch_is_answered_at_once(void **state)
{
	struct world *world = *state;
	static const char *const empty[] = {" [ ] ", "", "\n \r\n\n"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		struct strbuf out = STRBUF_INIT(256);
		world->request.form = i == 0 ? INGEST_JSON : INGEST_NDJSON;
		assert_int_equal(publish(world, empty[i]), 0);
		assert_null(posted);
		assert_non_null(finished);
		assert_int_equal(ingest_answer(finished, &out, &world->err), 202);
		assert_string_equal(strbuf_text(&out), "{\"data\":[]}");
		ingest_free(finished);
		finished = NULL;
		strbuf_free(&out);
	}
}

/* ---- Whom it is for ------------------------------------------------------------------------------------------------------- */

static void a_missing_subscriber_reaches_only_endpoints_without_one(void **state)
{
	struct publish_item *item = accepted(*state, "{\"type\":\"order.made\",\"data\":1}")->items;
	assert_int_equal(item->audience, AUDIENCE_UNOWNED);
	assert_int_equal(item->event->f.subscriber, 0);
	assert_targets(item, 1, (const int64_t[]){OPEN_HOOK});
	forget();
}

static void a_subscriber_is_named_by_uid_or_id(void **state)
{
	char id[ID_TEXT_SIZE], body[128];
	id_format(ID_SUBSCRIBER, ACME, id);
	const char *const names[] = {"acme", id};
	for (size_t i = 0; i < 2; i++) {
		snprintf(body, sizeof body, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"%s\"}", names[i]);
		struct publish_item *item = accepted(*state, body)->items;
		assert_int_equal(item->audience, AUDIENCE_SUBSCRIBER);
		assert_int_equal(item->event->f.subscriber, ACME);
		assert_targets(item, 1, (const int64_t[]){ACME_HOOK});
		forget();
	}
}

static void a_star_reaches_everyone(void **state)
{
	struct publish_item *item = accepted(*state, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"*\"}")->items;
	assert_int_equal(item->audience, AUDIENCE_EVERYONE);
	assert_int_equal(item->event->f.subscriber, 0);
	assert_targets(item, 3, (const int64_t[]){OPEN_HOOK, ACME_HOOK, BETA_HOOK});
	forget();
}

static void a_bound_key_publishes_for_its_own_subscriber_alone(void **state)
{
	struct world *world = *state;
	world->request.only_subscriber = ACME;
	struct publish_item *item = accepted(world, "{\"type\":\"order.made\",\"data\":1}")->items;
	assert_int_equal(item->event->f.subscriber, ACME);
	assert_targets(item, 1, (const int64_t[]){ACME_HOOK});
	forget();
	accepted(world, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"acme\"}");
	forget();
	assert_refused(world, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"*\"}", ERR_NOT_FOUND, "/subscriber");
	assert_refused(world, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"beta\"}", ERR_NOT_FOUND, "/subscriber");
	/* Foreign and unknown are told apart by nothing. */
	struct err foreign = world->err;
	assert_refused(world, "{\"type\":\"order.made\",\"data\":1,\"subscriber\":\"nobody\"}", ERR_NOT_FOUND, "/subscriber");
	assert_string_equal(foreign.detail, world->err.detail);
	assert_refused(world, "{\"type\":\"order.made\",\"data\":1,\"endpoint\":\"other\"}", ERR_NOT_FOUND, "/endpoint");
	assert_refused(world, "{\"type\":\"order.made\",\"data\":1,\"endpoint\":\"open\"}", ERR_NOT_FOUND, "/endpoint");
	item = accepted(world, "{\"type\":\"x\",\"data\":1,\"endpoint\":\"hook\"}")->items;
	assert_int_equal(item->only->meta.id, ACME_HOOK);
	forget();
}

static void an_endpoint_is_addressed_whatever_its_types(void **state)
{
	char id[ID_TEXT_SIZE], body[128];
	id_format(ID_ENDPOINT, BETA_OTHER, id);
	const char *const names[] = {"other", id};
	for (size_t i = 0; i < 2; i++) {
		snprintf(body, sizeof body, "{\"type\":\"order.made\",\"data\":1,\"endpoint\":\"%s\"}", names[i]);
		struct publish_item *item = accepted(*state, body)->items;
		assert_int_equal(item->only->meta.id, BETA_OTHER);
		assert_int_equal(item->targets.len, 0);
		assert_int_equal(item->event->f.subscriber, BETA); /* its owner sees the event */
		forget();
	}
	struct publish_item *item = accepted(*state, "{\"type\":\"a\",\"data\":1,\"subscriber\":\"beta\",\"endpoint\":\"hook\"}")->items;
	assert_int_equal(item->only->meta.id, BETA_HOOK);
	forget();
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------------- */

static bool same_key(struct dedupe_key a, struct dedupe_key b)
{
	return memcmp(a.hash, b.hash, sizeof a.hash) == 0;
}

static void uid_and_header_are_two_keys(void **state)
{
	struct world *world = *state;
	struct publish_item *item = accepted(world, "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"subscriber\":\"acme\"}")->items;
	assert_int_equal(item->keys_len, 1);
	assert_true(same_key(item->keys[0], dedupe_key_of(0, ACME, DEDUPE_UID, slice_of("u"), 0)));
	forget();
	world->request.idempotency_key = slice_of("k");
	item = accepted(world, "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"subscriber\":\"acme\"}")->items;
	assert_int_equal(item->keys_len, 2);
	assert_true(same_key(item->keys[0], dedupe_key_of(0, ACME, DEDUPE_UID, slice_of("u"), 0)));
	assert_true(same_key(item->keys[1], dedupe_key_of(0, 0, DEDUPE_IDEMPOTENCY_KEY, slice_of("k"), 0)));
	forget();
}

static void each_event_of_a_batch_has_its_own_idempotency_key(void **state)
{
	struct world *world = *state;
	world->request.idempotency_key = slice_of("k");
	struct store_publish *publish_cmd = accepted(world, "[{\"type\":\"a\",\"data\":1},{\"type\":\"a\",\"data\":1}]");
	for (size_t i = 0; i < 2; i++)
		assert_true(same_key(publish_cmd->items[i].keys[0], dedupe_key_of(0, 0, DEDUPE_IDEMPOTENCY_KEY, slice_of("k"), i)));
	forget();
}

static void an_idempotency_key_has_1_to_255_bytes(void **state)
{
	struct world *world = *state;
	char key[257];
	memset(key, 'k', sizeof key);
	world->request.idempotency_key = (struct slice){key, 255};
	accepted(world, "{\"type\":\"a\",\"data\":1}");
	forget();
	world->request.idempotency_key.len = 256;
	assert_refused(world, "{\"type\":\"a\",\"data\":1}", ERR_BAD_REQUEST, NULL);
	world->request.idempotency_key.len = 0;
	assert_refused(world, "{\"type\":\"a\",\"data\":1}", ERR_BAD_REQUEST, NULL);
}

static void content_hash(struct world *world, const char *body, uint8_t hash[16])
{
	memcpy(hash, accepted(world, body)->items[0].content, 16);
	forget();
}

static void content_is_the_same_only_when_every_field_is(void **state)
{
	static const char *const others[] = {
	    "{\"type\":\"b\",\"data\":1,\"uid\":\"u\"}",
	    "{\"type\":\"a\",\"data\":1.0,\"uid\":\"u\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"subject\":\"s\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"ordering_key\":\"s\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"subscriber\":\"acme\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"subscriber\":\"*\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"endpoint\":\"open\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"deliver_at\":\"2028-01-01T00:00:00Z\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"expires_at\":\"2028-01-01T00:00:00Z\"}",
	    "{\"type\":\"a\",\"data\":1,\"uid\":\"u\",\"attributes\":{}}",
	    "{\"type\":\"a\",\"data\":\"0123456789012345678901234567890123456789\",\"uid\":\"u\"}",
	    "{\"type\":\"a\",\"data\":\"0123456789012345678901234567890123456780\",\"uid\":\"u\"}",
	};
	enum { OTHERS = sizeof others / sizeof *others };
	uint8_t hashes[OTHERS + 1][16], again[16];
	content_hash(*state, "{\"type\":\"a\",\"data\":1,\"uid\":\"u\"}", hashes[OTHERS]);
	content_hash(*state, " {\"uid\":\"u\", \"subject\":null, \"data\": 1, \"type\":\"a\"}", again);
	assert_memory_equal(hashes[OTHERS], again, 16);
	for (size_t i = 0; i < OTHERS; i++) {
		content_hash(*state, others[i], hashes[i]);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], 16);
		assert_memory_not_equal(hashes[i], hashes[OTHERS], 16);
	}
}

static void a_bad_traceparent_is_ignored(void **state)
{
	struct world *world = *state;
	world->request.tracestate = slice_of("a=b");
	world->request.traceparent = slice_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	const struct event_fields *f = &accepted(world, "{\"type\":\"a\",\"data\":1}")->items[0].event->f;
	assert_slice(f->traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	assert_slice(f->tracestate, "a=b");
	forget();
	world->request.traceparent = slice_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
	f = &accepted(world, "{\"type\":\"a\",\"data\":1}")->items[0].event->f;
	assert_slice(f->traceparent, NULL);
	assert_slice(f->tracestate, NULL);
	forget();
}

/* ---- Answers -------------------------------------------------------------------------------------------------------------- */

/* Gives the ingest back, asserts its answer, frees it. */
static void assert_answer(struct world *world, enum err_code fate, int status, const char *text)
{
	struct strbuf out = STRBUF_INIT(4096);
	struct err err = {.code = ERR_NONE};
	struct ingest *ingest = commit(fate);
	assert_int_equal(ingest_answer(ingest, &out, &err), status);
	if (status > 0)
		assert_string_equal(strbuf_text(&out), text);
	else
		assert_string_equal(err_code_text(err.code), text);
	assert_true(budget_used(&world->budget) > 0);
	ingest_free(ingest);
	assert_int_equal(budget_used(&world->budget), 0);
	strbuf_free(&out);
}

/* What stands before and after the id of event 77. */
static char *answer_of(const char *before, const char *after)
{
	static char text[256];
	char id_text[ID_TEXT_SIZE];
	id_format(ID_EVENT, 77, id_text);
	snprintf(text, sizeof text, "%s%s%s", before, id_text, after);
	return text;
}

static void an_accepted_event_is_answered_with_its_deliveries(void **state)
{
	struct publish_item *item = accepted(*state, "{\"type\":\"a\",\"data\":1,\"uid\":\"u\"}")->items;
	item->event_id = 77;
	item->deliveries = 3;
	assert_answer(*state, ERR_NONE, 202, answer_of("{\"id\":\"", "\",\"uid\":\"u\",\"deliveries\":3}"));
	item = accepted(*state, "{\"type\":\"a\",\"data\":1,\"uid\":\"u\"}")->items;
	item->event_id = 77;
	item->deliveries = 3;
	item->duplicate = true;
	assert_answer(*state, ERR_NONE, 200, answer_of("{\"id\":\"", "\",\"uid\":\"u\",\"deliveries\":3,\"duplicate\":true}"));
}

static void no_delivery_says_how_many_a_star_would_reach_but_not_to_a_bound_key(void **state)
{
	struct world *world = *state;
	struct publish_item *item = accepted(world, "{\"type\":\"a\",\"data\":1}")->items;
	item->event_id = 77;
	item->everyone = 4;
	assert_answer(world, ERR_NONE, 202, answer_of("{\"id\":\"", "\",\"uid\":null,\"deliveries\":0,\"everyone_would_reach\":4}"));
	world->request.only_subscriber = ACME;
	item = accepted(world, "{\"type\":\"a\",\"data\":1}")->items;
	item->event_id = 77;
	item->everyone = 4;
	assert_answer(world, ERR_NONE, 202, answer_of("{\"id\":\"", "\",\"uid\":null,\"deliveries\":0}"));
}

static void a_refusal_by_the_store_is_an_error(void **state)
{
	struct world *world = *state;
	accepted(world, "{\"type\":\"a\",\"data\":1}")->items[0].fate = ERR_KEY_REUSED;
	assert_answer(world, ERR_NONE, -1, "idempotency_key_reused");
	accepted(world, "{\"type\":\"a\",\"data\":1,\"endpoint\":\"open\"}")->items[0].fate = ERR_ENDPOINT_DISABLED;
	assert_answer(world, ERR_NONE, -1, "endpoint_disabled");
	accepted(world, "{\"type\":\"a\",\"data\":1}");
	assert_answer(world, ERR_STORAGE, -1, "storage_unavailable");
	accepted(world, "[{\"type\":\"a\",\"data\":1}]");
	assert_answer(world, ERR_STORAGE, -1, "storage_unavailable");
}

static void a_batch_is_answered_with_a_fate_per_event(void **state)
{
	struct world *world = *state;
	struct strbuf out = STRBUF_INIT(4096);
	world->request.form = INGEST_NDJSON;
	struct publish_item *items =
	    accepted(world, "{\"type\":\"a\",\"data\":1,\"uid\":\"x\"}\n{\"type\":\"a\",\"data\":1}\n{\"type\":\"a\",\"data\":1}")->items;
	items[0].fate = ERR_KEY_REUSED;
	items[1].event_id = items[2].event_id = 77;
	items[2].duplicate = true;
	struct ingest *ingest = commit(ERR_NONE);
	assert_int_equal(ingest_answer(ingest, &out, &world->err), 202);
	json_t *doc = json_loadb(out.data, out.len, 0, NULL);
	const json_t *data = json_object_get(doc, "data");
	assert_int_equal(json_array_size(data), 3);
	const json_t *first = json_array_get(data, 0);
	assert_string_equal(json_string_value(json_object_get(first, "uid")), "x");
	assert_string_equal(json_string_value(json_object_get(json_object_get(first, "error"), "code")), "idempotency_key_reused");
	assert_true(json_is_false(json_object_get(json_array_get(data, 1), "duplicate")));
	assert_true(json_is_true(json_object_get(json_array_get(data, 2), "duplicate")));
	json_decref(doc);
	ingest_free(ingest);
	strbuf_free(&out);
}

static void one_line_is_answered_as_a_batch(void **state)
{
	struct world *world = *state;
	world->request.form = INGEST_NDJSON;
	accepted(world, "{\"type\":\"a\",\"data\":1}")->items[0].event_id = 77;
	assert_answer(world, ERR_NONE, 202, answer_of("{\"data\":[{\"id\":\"", "\",\"uid\":null,\"deliveries\":0,\"duplicate\":false}]}"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(payload_bytes_are_kept_exactly),
	    TEST(payload_bytes_are_kept_in_batches),
	    TEST(every_field_arrives),
	    TEST(null_is_absent_but_as_data_it_is_a_payload),
	    TEST(a_bad_field_is_named),
	    TEST(a_bad_field_of_a_batch_is_named_with_its_place_and_nothing_is_posted),
	    TEST(all_bad_fields_are_named_at_once),
	    TEST(long_texts_are_refused),
	    TEST(attributes_over_64_kib_are_refused),
	    TEST(broken_json_is_located),
	    TEST(what_is_no_event_is_refused),
	    TEST(a_syntax_error_goes_before_bad_fields),
	    TEST(an_event_over_its_limit_is_too_large),
	    TEST(a_batch_over_its_limit_is_too_large),
	    TEST(nesting_is_limited_the_same_alone_and_in_a_batch),
	    TEST(an_empty_batch_is_answered_at_once),
	    TEST(a_missing_subscriber_reaches_only_endpoints_without_one),
	    TEST(a_subscriber_is_named_by_uid_or_id),
	    TEST(a_star_reaches_everyone),
	    TEST(a_bound_key_publishes_for_its_own_subscriber_alone),
	    TEST(an_endpoint_is_addressed_whatever_its_types),
	    TEST(uid_and_header_are_two_keys),
	    TEST(each_event_of_a_batch_has_its_own_idempotency_key),
	    TEST(an_idempotency_key_has_1_to_255_bytes),
	    TEST(content_is_the_same_only_when_every_field_is),
	    TEST(a_bad_traceparent_is_ignored),
	    TEST(an_accepted_event_is_answered_with_its_deliveries),
	    TEST(no_delivery_says_how_many_a_star_would_reach_but_not_to_a_bound_key),
	    TEST(a_refusal_by_the_store_is_an_error),
	    TEST(a_batch_is_answered_with_a_fate_per_event),
	    TEST(one_line_is_answered_as_a_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
