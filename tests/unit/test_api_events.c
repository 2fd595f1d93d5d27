/* The API: events, deliveries, dead letters, and what a bound key sees of them. */
#include "api_world.h"

/* ---- Events --------------------------------------------------------------------------------------------------------------- */

static void a_published_event_is_read_back_exactly(void **state)
{
	struct world *world = *state;
	static const char payload[] = "{\"n\":12345678901234567890123,\"n\": 1.10}";
	char id[64], delivery[64];
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	struct answer *answer =
	    must(202, ask(world, world->admin, "POST", "/v1/events",
	                  path_of("{\"type\":\"order.made\",\"uid\":\"u-1\",\"attributes\":{\"a\":\"\\u0000\"},\"data\":", payload, "}")));
	keep(id, text(answer, "id"));
	assert_int_equal(number(answer, "deliveries"), 1);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/events/u-1", NULL));
	assert_string_equal(text(answer, "id"), id);
	assert_string_equal(text(answer, "type"), "order.made");
	assert_int_equal(number(answer, "data_bytes"), sizeof payload - 1);
	assert_int_equal(number(answer, "deliveries"), 1);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/events/", id, "/payload"), NULL));
	assert_int_equal(answer->body_len, sizeof payload - 1);
	assert_memory_equal(answer->body, payload, sizeof payload - 1);
	assert_string_equal(header(answer, "X-Content-Type-Options"), "nosniff");
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/events/", id, "/deliveries"), NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	keep(delivery, json_string_value(json_object_get(json_array_get(data(answer), 0), "id")));
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/deliveries/", delivery, ""), NULL));
	assert_string_equal(text(answer, "state"), "pending");
	assert_string_equal(text(answer, "event"), id);
	assert_int_equal(json_array_size(json_object_get(answer->json, "attempts")), 0);
	done(answer);
	answer = must(200, ask(world, world->admin, "POST", path_of("/v1/deliveries/", delivery, "/cancel"), NULL));
	assert_string_equal(text(answer, "state"), "cancelled");
	done(answer);
	refused(409, "wrong_state", NULL, ask(world, world->admin, "POST", path_of("/v1/deliveries/", delivery, "/cancel"), NULL));
	answer = must(200, ask(world, world->admin, "GET", "/v1/events?type=order.*", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/events?type=other", NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	done(answer);
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", "/v1/events/unknown", NULL));
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", "/v1/deliveries/dlv_0000000000001", NULL));
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", "/v1/deliveries/x", NULL));
}

static void a_repetition_is_answered_like_the_first(void **state)
{
	struct world *world = *state;
	struct extra keyed = {.header = "idempotency-key", .value = "k1"};
	char id[64];
	struct answer *answer = must(202, ask_with(world, world->admin, "POST", "/v1/events", "{\"type\":\"a\",\"data\":1}", &keyed));
	keep(id, text(answer, "id"));
	done(answer);
	answer = must(200, ask_with(world, world->admin, "POST", "/v1/events", "{\"data\":1, \"type\":\"a\"}", &keyed));
	assert_string_equal(text(answer, "id"), id);
	assert_true(json_is_true(json_object_get(answer->json, "duplicate")));
	done(answer);
	refused(422, "idempotency_key_reused", NULL,
	        ask_with(world, world->admin, "POST", "/v1/events", "{\"type\":\"a\",\"data\":2}", &keyed));
}

static void a_long_batch_is_answered_in_order(void **state)
{
	struct world *world = *state;
	struct strbuf lines = STRBUF_INIT(65536);
	for (int i = 0; i < 60; i++)
		strbuf_printf(&lines, "{\"type\":\"a\",\"data\":1,\"uid\":\"u%d\"}\n", i);
	struct extra ndjson = {.media_type = "application/x-ndjson"};
	struct answer *answer = must(202, ask_with(world, world->admin, "POST", "/v1/events", strbuf_text(&lines), &ndjson));
	assert_int_equal(json_array_size(data(answer)), 60);
	for (int i = 0; i < 60; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "u%d", i);
		assert_string_equal(json_string_value(json_object_get(json_array_get(data(answer), (size_t)i), "uid")), uid);
	}
	done(answer);
	strbuf_free(&lines);
}

static void the_command_line_publishes_in_its_own_thread(void **state)
{
	struct answer *answer = must(202, ask_in_process(*state, "POST", "/v1/events", "{\"type\":\"a\",\"data\":1}"));
	assert_int_equal(number(answer, "deliveries"), 0);
	done(answer);
	answer = must(422, ask_in_process(*state, "POST", "/v1/events", "{\"type\":\"\",\"data\":1}"));
	done(answer);
}

/* ---- Bound keys ----------------------------------------------------------------------------------------------------------- */

static void a_bound_key_sees_and_changes_only_its_subscribers_things(void **state)
{
	struct world *world = *state;
	char bound[64], foreign[64], event[64], path[TEXT_MAX];
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/acme", "{\"name\":\"Acme\"}")));
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/beta", "{\"name\":\"Beta\"}")));
	make_key(world, "{\"scopes\":[\"manage\",\"publish\"],\"subscriber\":\"acme\"}", bound);
	make(world, "/v1/endpoints", HOOK(",\"uid\":\"h\",\"subscriber\":\"beta\""), "id", foreign);
	struct answer *answer =
	    must(202, ask(world, world->admin, "POST", "/v1/events", "{\"type\":\"order.x\",\"data\":1,\"subscriber\":\"beta\"}"));
	keep(event, text(answer, "id"));
	done(answer);
	static const char *const befores[] = {"/v1/endpoints/", "/v1/events/"};
	const char *const ids[] = {foreign, event}, *const unknown[] = {"ep_0000000000001", "evt_0000000000001"};
	for (size_t i = 0; i < 2; i++) {
		struct answer *unseen = must(404, ask(world, bound, "GET", path_of(befores[i], unknown[i], ""), NULL));
		answer = must(404, ask(world, bound, "GET", path_of(befores[i], ids[i], ""), NULL));
		assert_string_equal(answer->body, unseen->body);
		done(answer);
		done(unseen);
	}
	refused(404, "not_found", NULL, ask(world, bound, "GET", path_of("/v1/events/", event, "/payload"), NULL));
	refused(404, "not_found", NULL, ask(world, bound, "GET", path_of("/v1/events/", event, "/deliveries"), NULL));
	refused(404, "not_found", NULL, ask(world, bound, "DELETE", path_of("/v1/endpoints/", foreign, ""), NULL));
	refused(404, "not_found", NULL, ask(world, bound, "PATCH", path_of("/v1/endpoints/", foreign, ""), "{}"));
	refused(404, "not_found", NULL, ask(world, bound, "GET", path_of("/v1/endpoints/", foreign, "/secret"), NULL));
	refused(404, "not_found", "?subscriber", ask(world, bound, "GET", "/v1/endpoints?subscriber=beta", NULL));
	refused(404, "not_found", "/subscriber", ask(world, bound, "POST", "/v1/endpoints", HOOK(",\"subscriber\":\"beta\"")));
	refused(404, "not_found", NULL, ask(world, bound, "GET", "/v1/subscribers/beta", NULL));
	refused(404, "not_found", NULL, ask(world, bound, "PUT", "/v1/subscribers/gamma", "{\"name\":\"x\"}"));
	refused(403, "missing_scope", NULL, ask(world, bound, "POST", "/v1/subscribers", "{\"name\":\"x\"}"));
	/* Its own: the subscriber is implied. */
	answer = must(201, ask(world, bound, "PUT", "/v1/endpoints/h", HOOK("")));
	assert_string_equal(text(answer, "subscriber"), "acme");
	done(answer);
	answer = must(200, ask(world, bound, "GET", "/v1/endpoints", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
	answer = must(200, ask(world, bound, "GET", "/v1/subscribers", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
	answer = must(202, ask(world, bound, "POST", "/v1/events", "{\"type\":\"order.x\",\"data\":1}"));
	assert_int_equal(number(answer, "deliveries"), 1);
	snprintf(path, sizeof path, "/v1/events/%s", text(answer, "id"));
	done(answer);
	answer = must(200, ask(world, bound, "GET", path, NULL));
	assert_string_equal(text(answer, "subscriber"), "acme");
	done(answer);
	answer = must(200, ask(world, bound, "GET", "/v1/events", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
}

/* ---- Dead letters --------------------------------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
} settled = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void on_settled(struct store_cmd *cmd)
{
	(void)cmd;
	pthread_mutex_lock(&settled.mutex);
	settled.done = true;
	pthread_cond_signal(&settled.cond);
	pthread_mutex_unlock(&settled.mutex);
}

/* Publishes to the endpoint h and lets the delivery die as the last attempt of many would; gives its id. */
static void make_dead(struct world *world, const char *event, char id[64])
{
	done(must(202, ask(world, world->admin, "POST", "/v1/events", event)));
	struct outcome outcome = {
	    .cmd = {.kind = STORE_OUTCOME, .done = on_settled},
	    .change = DELIVERY_DIE,
	    .reason = REASON_EXHAUSTED,
	    .attempted = true,
	    .started_ms = clock_wall_ms(&test_clock),
	    .duration_ms = 12,
	    .status = 500,
	    .failure = FAILURE_STATUS,
	    .detail = "the endpoint answered 500",
	    .response = strdup("oh \xff no"),
	    .response_len = 7,
	};
	pthread_mutex_lock(&world->mutex);
	outcome.due = world->last_made;
	pthread_mutex_unlock(&world->mutex);
	outcome.epoch = store_epoch(world->store, outcome.due.endpoint);
	settled.done = false;
	store_post(world->store, &outcome.cmd);
	pthread_mutex_lock(&settled.mutex);
	while (!settled.done)
		pthread_cond_wait(&settled.cond, &settled.mutex);
	pthread_mutex_unlock(&settled.mutex);
	assert_true(outcome.applied);
	free(outcome.response);
	char text_of_id[ID_TEXT_SIZE];
	id_format(ID_DELIVERY, outcome.due.delivery, text_of_id);
	keep(id, text_of_id);
}

static void wait_for_due(struct world *world, int calls)
{
	pthread_mutex_lock(&world->mutex);
	while (world->due_calls < calls)
		pthread_cond_wait(&world->cond, &world->mutex);
	pthread_mutex_unlock(&world->mutex);
}

static void dead_letters_are_listed_and_filtered(void **state)
{
	struct world *world = *state;
	char id[64];
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	make_dead(world, "{\"type\":\"order.made\",\"data\":1,\"subject\":\"Teapot 42\"}", id);
	struct answer *answer = must(200, ask(world, world->admin, "GET", path_of("/v1/deliveries/", id, ""), NULL));
	const json_t *attempt = json_array_get(json_object_get(answer->json, "attempts"), 0);
	assert_int_equal(json_integer_value(json_object_get(attempt, "status")), 500);
	assert_string_equal(json_string_value(json_object_get(attempt, "response")), "oh \xef\xbf\xbd no");
	done(answer);
	static const char *const found[] = {
	    "", "?reason=exhausted", "?q=teapot", "?endpoint=h", "?type=order.**&since=-1h", "?q=answered%20500"};
	static const char *const none[] = {"?reason=gone", "?q=kettle", "?type=x", "?until=-1h"};
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		answer = must(200, ask(world, world->admin, "GET", path_of("/v1/dead-letters", found[i], ""), NULL));
		const json_t *row = json_array_get(data(answer), 0);
		assert_non_null(row);
		assert_string_equal(json_string_value(json_object_get(row, "id")), id);
		assert_string_equal(json_string_value(json_object_get(row, "reason")), "exhausted");
		assert_true(json_is_integer(json_object_get(row, "age_ms")));
		done(answer);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		answer = must(200, ask(world, world->admin, "GET", path_of("/v1/dead-letters", none[i], ""), NULL));
		assert_int_equal(json_array_size(data(answer)), 0);
		done(answer);
	}
	refused(404, "not_found", "?endpoint", ask(world, world->admin, "GET", "/v1/dead-letters?endpoint=x", NULL));
}

static void dead_letters_are_exported_in_pages_and_in_process(void **state)
{
	struct world *world = *state;
	char id[64], body[20100], first[TEXT_MAX] = "";
	/* More than two pages of 256 KiB. */
	enum { LETTERS = 30 };
	memset(body, 'x', sizeof body);
	memcpy(body, "{\"type\":\"order.made\",\"data\":\"", 29);
	memcpy(body + 20000, "\"}", 3);
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	for (int i = 0; i < LETTERS; i++) {
		make_dead(world, body, id);
		if (i == 0)
			keep(first, id);
	}
	for (int in_process = 0; in_process < 2; in_process++) {
		struct answer *answer = must(200, in_process ? ask_in_process(world, "GET", "/v1/dead-letters/export", NULL)
		                                             : ask(world, world->admin, "GET", "/v1/dead-letters/export", NULL));
		assert_string_equal(answer->response.content_type, "application/x-ndjson");
		int lines = 0;
		for (const char *at = answer->body; (at = strchr(at, '\n')); at++)
			lines++;
		assert_int_equal(lines, LETTERS);
		assert_memory_equal(answer->body + strlen("{\"id\":\""), first, strlen(first));
		done(answer);
	}
	refused(422, "invalid", "?q", ask(world, world->admin, "GET", "/v1/dead-letters/export?q=%ff", NULL));
}

static void dead_letters_are_retried_in_bulk(void **state)
{
	struct world *world = *state;
	char id[64], operation[TEXT_MAX];
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	make_dead(world, "{\"type\":\"order.made\",\"data\":1}", id);
	struct answer *answer = must(200, ask(world, world->admin, "POST", "/v1/dead-letters/retry", "{\"filter\":{},\"dry_run\":true}"));
	assert_int_equal(number(answer, "count"), 1);
	done(answer);
	answer = must(202, ask(world, world->admin, "POST", "/v1/dead-letters/retry", path_of("{\"ids\":[\"", id, "\"]}")));
	assert_string_equal(text(answer, "kind"), "retry");
	snprintf(operation, sizeof operation, "%s", header(answer, "Location"));
	done(answer);
	wait_for_due(world, 1);
	answer = must(200, ask(world, world->admin, "GET", operation, NULL));
	assert_int_equal(number(answer, "done"), 1);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/deliveries/", id, ""), NULL));
	assert_string_equal(text(answer, "state"), "pending");
	assert_int_equal(number(answer, "round"), 2);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/operations", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
}

static void a_retry_towards_a_disabled_endpoint_is_an_error(void **state)
{
	struct world *world = *state;
	char id[64];
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	make_dead(world, "{\"type\":\"order.made\",\"data\":1}", id);
	done(must(200, ask(world, world->admin, "POST", "/v1/endpoints/h/disable", NULL)));
	refused(409, "endpoint_disabled", NULL, ask(world, world->admin, "POST", path_of("/v1/deliveries/", id, "/retry"), NULL));
	refused(409, "endpoint_disabled", "/ids/0",
	        ask(world, world->admin, "POST", "/v1/dead-letters/retry", path_of("{\"ids\":[\"", id, "\"]}")));
	refused(409, "endpoint_disabled", "/filter/endpoint",
	        ask(world, world->admin, "POST", "/v1/dead-letters/retry", "{\"filter\":{\"endpoint\":\"h\"}}"));
	done(must(202, ask(world, world->admin, "POST", "/v1/dead-letters/discard", path_of("{\"ids\":[\"", id, "\"]}"))));
}

static void bad_bulk_requests_are_refused_by_field(void **state)
{
	struct world *world = *state;
	static const struct {
		int status;
		const char *code, *body, *pointer;
	} bad[] = {
	    {422, "invalid", "{}", ""},
	    {422, "invalid", "{\"ids\":[],\"filter\":{}}", ""},
	    {422, "invalid", "{\"ids\":[]}", "/ids"},
	    {422, "invalid", "{\"ids\":[\"x\"]}", "/ids/0"},
	    {404, "not_found", "{\"ids\":[\"dlv_0000000000001\"]}", "/ids/0"},
	    {422, "invalid", "{\"filter\":[]}", "/filter"},
	    {422, "invalid", "{\"filter\":{\"colour\":\"x\"}}", "/filter/colour"},
	    {422, "invalid", "{\"filter\":{\"q\":5}}", "/filter/q"},
	    {422, "invalid", "{\"filter\":{\"since\":\"x\"}}", "/filter/since"},
	    {404, "not_found", "{\"filter\":{\"endpoint\":\"x\"}}", "/filter/endpoint"},
	    {422, "invalid", "{\"filter\":{},\"dry_run\":1}", "/dry_run"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(bad[i].status, bad[i].code, bad[i].pointer,
		        ask(world, world->admin, "POST", "/v1/dead-letters/retry", bad[i].body));
}

static void a_bound_key_repairs_only_its_own(void **state)
{
	struct world *world = *state;
	char bound[64], id[64], body[TEXT_MAX], operation[TEXT_MAX];
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/acme", "{\"name\":\"Acme\"}")));
	make_key(world, "{\"scopes\":[\"manage\"],\"subscriber\":\"acme\"}", bound);
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	make_dead(world, "{\"type\":\"order.made\",\"data\":1}", id);
	struct answer *answer = must(200, ask(world, bound, "GET", "/v1/dead-letters", NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	done(answer);
	answer = must(200, ask(world, bound, "POST", "/v1/dead-letters/retry", "{\"filter\":{},\"dry_run\":true}"));
	assert_int_equal(number(answer, "count"), 0);
	done(answer);
	snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", id);
	refused(404, "not_found", "/ids/0", ask(world, bound, "POST", "/v1/dead-letters/discard", body));
	refused(404, "not_found", NULL, ask(world, bound, "POST", path_of("/v1/deliveries/", id, "/retry"), NULL));
	/* Operations: its own are seen, others are not. */
	answer = must(202, ask(world, world->admin, "POST", "/v1/dead-letters/discard", "{\"filter\":{\"type\":\"none\"}}"));
	snprintf(operation, sizeof operation, "%s", header(answer, "Location"));
	done(answer);
	refused(404, "not_found", NULL, ask(world, bound, "GET", operation, NULL));
	refused(404, "not_found", NULL, ask(world, bound, "DELETE", operation, NULL));
	answer = must(202, ask(world, bound, "POST", "/v1/dead-letters/discard", "{\"filter\":{}}"));
	snprintf(operation, sizeof operation, "%s", header(answer, "Location"));
	done(answer);
	done(must(200, ask(world, bound, "GET", operation, NULL)));
	answer = must(200, ask(world, bound, "GET", "/v1/operations", NULL));
	assert_int_equal(json_array_size(data(answer)), 1);
	done(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_published_event_is_read_back_exactly),
	    WORLD_TEST(a_repetition_is_answered_like_the_first),
	    WORLD_TEST(a_long_batch_is_answered_in_order),
	    WORLD_TEST(the_command_line_publishes_in_its_own_thread),
	    WORLD_TEST(a_bound_key_sees_and_changes_only_its_subscribers_things),
	    WORLD_TEST(dead_letters_are_listed_and_filtered),
	    WORLD_TEST(dead_letters_are_exported_in_pages_and_in_process),
	    WORLD_TEST(dead_letters_are_retried_in_bulk),
	    WORLD_TEST(a_retry_towards_a_disabled_endpoint_is_an_error),
	    WORLD_TEST(bad_bulk_requests_are_refused_by_field),
	    WORLD_TEST(a_bound_key_repairs_only_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
