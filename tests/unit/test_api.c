/* The API: admission, endpoints, lists, keys. */
#include "api_world.h"

/* ---- Admission ------------------------------------------------------------------------------------------------------------ */

static void unknown_routes_and_methods_are_told_apart(void **state)
{
	struct world *world = *state;
	refused(404, "no_such_route", NULL, ask(world, world->admin, "GET", "/v1/nothing", NULL));
	refused(404, "no_such_route", NULL, ask(world, NULL, "GET", "/nowhere", NULL));
	struct answer *answer = must(405, ask(world, NULL, "DELETE", "/v1/events", NULL));
	assert_non_null(strstr(header(answer, "Allow"), "GET"));
	assert_non_null(strstr(header(answer, "Allow"), "POST"));
	done(answer);
}

static void every_bad_key_gets_the_same_401(void **state)
{
	struct world *world = *state;
	char revoked[64], expiring[64], id[64];
	struct answer *made = must(201, ask(world, world->admin, "POST", "/v1/keys", "{\"scopes\":[\"read\"]}"));
	keep(revoked, text(made, "key"));
	keep(id, text(made, "id"));
	done(made);
	char when[CLOCK_RFC3339_SIZE], body[TEXT_MAX];
	clock_format_rfc3339(clock_wall_ms(&test_clock) + 60000, when);
	snprintf(body, sizeof body, "{\"scopes\":[\"read\"],\"expires_at\":\"%s\"}", when);
	make_key(world, body, expiring);
	done(must(200, ask(world, revoked, "GET", "/v1/endpoints", NULL)));
	done(must(200, ask(world, expiring, "GET", "/v1/endpoints", NULL)));
	done(must(204, ask(world, world->admin, "DELETE", path_of("/v1/keys/", id, ""), NULL)));
	atomic_store(&clock_ahead_ms, 61000);
	const char *const keys[] = {NULL, "", "gk_", "x", "gk_00000000000000000000000000000000", revoked, expiring};
	char first[TEXT_MAX] = "";
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct answer *answer = must(401, ask(world, keys[i], "GET", "/v1/endpoints", NULL));
		assert_string_equal(header(answer, "WWW-Authenticate"), "Bearer");
		if (i == 0)
			snprintf(first, sizeof first, "%s", answer->body);
		assert_string_equal(answer->body, first);
		done(answer);
	}
}

static void a_missing_scope_is_named(void **state)
{
	struct world *world = *state;
	char publish[64], read[64], manage[64];
	make_key(world, "{\"scopes\":[\"publish\"]}", publish);
	make_key(world, "{\"scopes\":[\"read\"]}", read);
	make_key(world, "{\"scopes\":[\"manage\"]}", manage);
	struct answer *answer = must(403, ask(world, publish, "GET", "/v1/endpoints", NULL));
	assert_non_null(strstr(text(answer, "detail"), "read"));
	done(answer);
	refused(403, "missing_scope", NULL, ask(world, read, "POST", "/v1/events", "{}"));
	refused(403, "missing_scope", NULL, ask(world, read, "POST", "/v1/endpoints", "{}"));
	refused(403, "missing_scope", NULL, ask(world, manage, "GET", "/v1/keys", NULL));
	refused(403, "missing_scope", NULL, ask(world, manage, "POST", "/v1/events", "{}"));
	done(must(200, ask(world, manage, "GET", "/v1/endpoints", NULL)));
}

static void bodies_are_json_of_a_bounded_size(void **state)
{
	struct world *world = *state;
	static const char *const types[] = {"text/plain",
	                                    "application/jsonx",
	                                    "application/cloudevents",
	                                    "application/cloudevents+avro",
	                                    "application/cloudevents-batch+avro",
	                                    ""};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		refused(415, "unsupported_media_type", NULL,
		        ask_with(world, world->admin, "POST", "/v1/events", "{}", &(struct extra){.media_type = types[i]}));
	refused(415, "unsupported_media_type", NULL,
	        ask_with(world, world->admin, "POST", "/v1/endpoints", "{}", &(struct extra){.media_type = "application/x-ndjson"}));
	struct answer *answer = ask_with(world, world->admin, "POST", "/v1/events", "{\"type\":\"a\",\"data\":1}",
	                                 &(struct extra){.media_type = "Application/JSON; charset=utf-8"});
	assert_int_equal(must(202, answer)->cap, 1 << 20);
	done(answer);
	answer = ask(world, world->admin, "POST", "/v1/endpoints", "[]");
	assert_int_equal(answer->cap, 65536);
	refused(422, "invalid", "", answer);
	refused(400, "unparsable", NULL, ask(world, world->admin, "POST", "/v1/endpoints", "{\"url\":1,\"url\":2}"));
	refused(400, "unparsable", NULL, ask(world, world->admin, "POST", "/v1/endpoints", NULL));
}

static void unknown_parameters_are_named(void **state)
{
	struct world *world = *state;
	refused(422, "invalid", "?limt", ask(world, world->admin, "GET", "/v1/endpoints?limt=5", NULL));
	refused(422, "invalid", "?x", ask(world, world->admin, "POST", "/v1/events?x=1", "{}"));
	refused(422, "invalid", "?limit", ask(world, world->admin, "GET", "/v1/endpoints?limit=0", NULL));
	refused(422, "invalid", "?limit", ask(world, world->admin, "GET", "/v1/endpoints?limit=501", NULL));
	refused(422, "invalid", "?limit", ask(world, world->admin, "GET", "/v1/endpoints?limit=5&limit=6", NULL));
	refused(422, "invalid", "?order", ask(world, world->admin, "GET", "/v1/events?order=up", NULL));
	refused(422, "invalid", "?since", ask(world, world->admin, "GET", "/v1/events?since=yesterday", NULL));
	refused(422, "invalid", "?type", ask(world, world->admin, "GET", "/v1/events?type=a..b", NULL));
	refused(404, "not_found", "?subscriber", ask(world, world->admin, "GET", "/v1/events?subscriber=nobody", NULL));
	refused(422, "invalid", "?reason", ask(world, world->admin, "GET", "/v1/dead-letters?reason=bored", NULL));
	refused(400, "bad_request", NULL, ask(world, world->admin, "GET", "/v1/endpoints/%zz", NULL));
	done(must(200, ask(world, world->admin, "GET", "/v1/events?since=-7d&until=2100-01-01T00%3A00%3A00Z&limit=500&order=asc", NULL)));
}

static void local_routes_do_not_exist_for_the_network(void **state)
{
	struct world *world = *state;
	refused(404, "no_such_route", NULL, ask(world, world->admin, "GET", "/local/check", NULL));
	struct answer *answer = must(200, ask_with(world, NULL, "GET", "/local/check", NULL, &(struct extra){.local = true}));
	assert_true(json_is_array(json_object_get(answer->json, "findings")));
	done(answer);
	refused(422, "invalid", "/path",
	        ask_with(world, NULL, "POST", "/local/backup", "{\"path\":\"x\"}", &(struct extra){.local = true}));
}

static void readiness_says_why_not(void **state)
{
	struct world *world = *state;
	done(must(200, ask(world, NULL, "GET", "/healthz", NULL)));
	done(must(200, ask(world, NULL, "GET", "/readyz", NULL)));
	snprintf(world->why, sizeof world->why, "the disk is full");
	struct answer *answer = must(503, ask(world, NULL, "GET", "/readyz", NULL));
	assert_string_equal(text(answer, "detail"), "the disk is full");
	done(answer);
	done(must(200, ask(world, NULL, "GET", "/healthz", NULL)));
}

/* ---- Endpoints ------------------------------------------------------------------------------------------------------------ */

static void an_endpoint_is_made_read_changed_and_deleted(void **state)
{
	struct world *world = *state;
	char id[64];
	struct answer *answer = must(201, ask(world, world->admin, "POST", "/v1/endpoints", HOOK(",\"uid\":\"h\"")));
	keep(id, text(answer, "id"));
	assert_memory_equal(text(answer, "secret"), "whsec_", 6);
	assert_string_equal(header(answer, "Location"), path_of("/v1/endpoints/", id, ""));
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/endpoints/h", NULL));
	assert_string_equal(text(answer, "id"), id);
	assert_null(json_object_get(answer->json, "secret"));
	/* GET then PUT works: what is read-only is ignored. */
	struct answer *put = must(200, ask(world, world->admin, "PUT", "/v1/endpoints/h", answer->body));
	assert_string_equal(text(put, "id"), id);
	done(put);
	done(answer);
	answer = must(200, ask(world, world->admin, "PATCH", path_of("/v1/endpoints/", id, ""), "{\"description\":\"new\"}"));
	assert_string_equal(text(answer, "description"), "new");
	assert_string_equal(text(answer, "url"), "https://192.0.2.7/hook");
	done(answer);
	static const char *const steps[][2] = {{"pause", "paused"}, {"resume", "active"}, {"disable", "disabled"}, {"resume", "active"}};
	for (size_t i = 0; i < 4; i++) {
		answer = must(200, ask(world, world->admin, "POST", path_of("/v1/endpoints/h/", steps[i][0], ""), i ? NULL : " {} "));
		assert_string_equal(text(answer, "status"), steps[i][1]);
		done(answer);
	}
	refused(400, "bad_request", NULL, ask(world, world->admin, "POST", "/v1/endpoints/h/pause", "{\"a\":1}"));
	done(must(204, ask(world, world->admin, "DELETE", "/v1/endpoints/h", NULL)));
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", path_of("/v1/endpoints/", id, ""), NULL));
	refused(404, "not_found", NULL, ask(world, world->admin, "PUT", path_of("/v1/endpoints/", id, ""), HOOK("")));
}

static void put_by_uid_makes_then_replaces(void **state)
{
	struct world *world = *state;
	char id[64];
	struct answer *answer = must(201, ask(world, world->admin, "PUT", "/v1/endpoints/mine", HOOK("")));
	keep(id, text(answer, "id"));
	assert_string_equal(text(answer, "uid"), "mine");
	assert_memory_equal(text(answer, "secret"), "whsec_", 6);
	done(answer);
	answer = must(200, ask(world, world->admin, "PUT", "/v1/endpoints/mine", HOOK(",\"description\":\"x\"")));
	assert_string_equal(text(answer, "id"), id);
	assert_string_equal(text(answer, "uid"), "mine");
	done(answer);
	refused(422, "invalid", "/uid", ask(world, world->admin, "PUT", "/v1/endpoints/mine", HOOK(",\"uid\":\"other\"")));
	refused(422, "invalid", "/uid", ask(world, world->admin, "PUT", "/v1/endpoints/a%20b", HOOK("")));
}

static void bad_endpoints_are_refused_by_field(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *body, *pointer;
	} bad[] = {
	    {"{\"event_types\":[\"a\"]}", "/url"},
	    {"{\"url\":\"ftp://192.0.2.7/\",\"event_types\":[\"a\"]}", "/url"},
	    {HOOK(",\"nope\":1"), "/nope"},
	    {HOOK(",\"timeout_ms\":1"), "/timeout_ms"},
	    {HOOK(",\"secret\":\"whsec_short\""), "/secret"},
	    {HOOK(",\"secret\":5"), "/secret"},
	    {"{\"url\":\"https://192.0.2.7/\",\"event_types\":[\"a..b\"]}", "/event_types/0"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(422, "invalid", bad[i].pointer, ask(world, world->admin, "POST", "/v1/endpoints", bad[i].body));
	refused(404, "not_found", "/subscriber", ask(world, world->admin, "POST", "/v1/endpoints", HOOK(",\"subscriber\":\"nobody\"")));
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	refused(422, "invalid", "/timeout_ms", ask(world, world->admin, "PATCH", "/v1/endpoints/h", "{\"timeout_ms\":1}"));
	refused(422, "invalid", "/url", ask(world, world->admin, "PATCH", "/v1/endpoints/h", "{\"url\":null}"));
	refused(409, "uid_taken", "/uid", ask(world, world->admin, "POST", "/v1/endpoints", HOOK(",\"uid\":\"h\"")));
}

static void an_address_that_is_not_delivered_to_is_refused_at_registration(void **state)
{
	struct world *world = *state;
	char bound[64];
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/acme", "{\"name\":\"Acme\"}")));
	make_key(world, "{\"scopes\":[\"manage\"],\"subscriber\":\"acme\"}", bound);
	static const char loopback[] = "{\"url\":\"http://127.0.0.1:9/\",\"event_types\":[\"a\"]}";
	struct answer *answer = ask(world, world->admin, "POST", "/v1/endpoints", loopback);
	assert_non_null(strstr(answer->body, "egress"));
	refused(422, "invalid", "/url", answer);
	/* Those who do not run the hub are not told about its options. */
	answer = ask(world, bound, "POST", "/v1/endpoints", loopback);
	assert_null(strstr(answer->body, "egress"));
	refused(422, "invalid", "/url", answer);
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK(""))));
	refused(422, "invalid", "/url", ask(world, world->admin, "PATCH", "/v1/endpoints/h", "{\"url\":\"http://[::1]/\"}"));
}

static void a_secret_is_shown_and_rotated_with_an_overlap(void **state)
{
	struct world *world = *state;
	static const char given[] = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5";
	char first[64];
	struct answer *answer = must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK("")));
	keep(first, text(answer, "secret"));
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/endpoints/h/secret", NULL));
	assert_string_equal(text(answer, "secret"), first);
	assert_int_equal(json_array_size(json_object_get(answer->json, "previous")), 0);
	done(answer);
	answer = must(200, ask(world, world->admin, "POST", "/v1/endpoints/h/secret/rotate", path_of("{\"secret\":\"", given, "\"}")));
	assert_string_equal(text(answer, "secret"), given);
	const json_t *previous = json_array_get(json_object_get(answer->json, "previous"), 0);
	assert_string_equal(json_string_value(json_object_get(previous, "secret")), first);
	assert_non_null(json_string_value(json_object_get(previous, "until")));
	done(answer);
	/* The overlap ends. */
	atomic_store(&clock_ahead_ms, 61000);
	answer = must(200, ask(world, world->admin, "GET", "/v1/endpoints/h/secret", NULL));
	assert_string_equal(text(answer, "secret"), given);
	assert_int_equal(json_array_size(json_object_get(answer->json, "previous")), 0);
	done(answer);
	answer = must(200, ask(world, world->admin, "POST", "/v1/endpoints/h/secret/rotate", NULL));
	assert_string_not_equal(text(answer, "secret"), given);
	done(answer);
	refused(422, "invalid", "/overlap_ms", ask(world, world->admin, "POST", "/v1/endpoints/h/secret/rotate", "{\"overlap_ms\":-1}"));
	refused(422, "invalid", "/secret", ask(world, world->admin, "POST", "/v1/endpoints/h/secret/rotate", "{\"secret\":\"x\"}"));
	refused(422, "invalid", "/until", ask(world, world->admin, "POST", "/v1/endpoints/h/secret/rotate", "{\"until\":1}"));
}

static void a_uid_of_several_subscribers_asks_for_the_subscriber(void **state)
{
	struct world *world = *state;
	char acme[64];
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/acme", "{\"name\":\"Acme\"}")));
	done(must(201, ask(world, world->admin, "PUT", "/v1/subscribers/beta", "{\"name\":\"Beta\"}")));
	make(world, "/v1/endpoints", HOOK(",\"uid\":\"h\",\"subscriber\":\"acme\""), "id", acme);
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h?subscriber=beta", HOOK(""))));
	struct answer *answer = ask(world, world->admin, "GET", "/v1/endpoints/h", NULL);
	assert_non_null(strstr(text(answer, "detail"), "?subscriber="));
	refused(409, "ambiguous_uid", NULL, answer);
	refused(409, "ambiguous_uid", NULL, ask(world, world->admin, "PUT", "/v1/endpoints/h", HOOK("")));
	answer = must(200, ask(world, world->admin, "GET", "/v1/endpoints/h?subscriber=acme", NULL));
	assert_string_equal(text(answer, "id"), acme);
	assert_string_equal(text(answer, "subscriber"), "acme");
	done(answer);
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", "/v1/endpoints/h?subscriber=", NULL));
	done(must(201, ask(world, world->admin, "PUT", "/v1/endpoints/h?subscriber=", HOOK(""))));
	done(must(200, ask(world, world->admin, "GET", "/v1/endpoints/h?subscriber=", NULL)));
}

/* ---- Lists ---------------------------------------------------------------------------------------------------------------- */

static void a_list_is_walked_by_its_cursor(void **state)
{
	struct world *world = *state;
	char seen[8][64], path[TEXT_MAX] = "/v1/subscribers?limit=2&order=asc", foreign[TEXT_MAX] = "";
	size_t len = 0;
	for (int i = 0; i < 5; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "s%d", i);
		done(must(201, ask(world, world->admin, "PUT", path_of("/v1/subscribers/", uid, ""), "{\"name\":\"n\"}")));
	}
	while (path[0]) {
		struct answer *answer = must(200, ask(world, world->admin, "GET", path, NULL));
		assert_true(json_array_size(data(answer)) <= 2);
		for (size_t i = 0; i < json_array_size(data(answer)); i++)
			keep(seen[len++], json_string_value(json_object_get(json_array_get(data(answer), i), "uid")));
		const char *cursor = text(answer, "next_cursor");
		snprintf(path, sizeof path, *cursor ? "/v1/subscribers?limit=2&order=asc&cursor=%s" : "%s", cursor);
		if (*cursor)
			snprintf(foreign, sizeof foreign, "%s", cursor);
		done(answer);
	}
	assert_int_equal(len, 5);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(seen[i][1], '0' + (int)i);
	refused(422, "invalid", "?cursor", ask(world, world->admin, "GET", path_of("/v1/subscribers?cursor=", foreign, ""), NULL));
	refused(422, "invalid", "?cursor", ask(world, world->admin, "GET", path_of("/v1/endpoints?order=asc&cursor=", foreign, ""), NULL));
	refused(422, "invalid", "?cursor", ask(world, world->admin, "GET", "/v1/subscribers?cursor=abc", NULL));
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------------- */

static void a_key_is_shown_once(void **state)
{
	struct world *world = *state;
	char id[64], key[64];
	struct answer *answer = must(201, ask(world, world->admin, "POST", "/v1/keys", "{\"scopes\":[\"read\"],\"name\":\"n\"}"));
	keep(id, text(answer, "id"));
	keep(key, text(answer, "key"));
	assert_memory_equal(key, "gk_", 3);
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/keys/", id, ""), NULL));
	assert_string_equal(text(answer, "name"), "n");
	assert_null(strstr(answer->body, key));
	done(answer);
	answer = must(200, ask(world, world->admin, "GET", "/v1/keys", NULL));
	assert_int_equal(json_array_size(data(answer)), 2);
	assert_null(strstr(answer->body, key));
	done(answer);
	done(must(204, ask(world, world->admin, "DELETE", path_of("/v1/keys/", id, ""), NULL)));
	refused(404, "not_found", NULL, ask(world, world->admin, "GET", path_of("/v1/keys/", id, ""), NULL));
	refused(404, "not_found", NULL, ask(world, world->admin, "DELETE", path_of("/v1/keys/", id, ""), NULL));
	refused(422, "invalid", "/scopes", ask(world, world->admin, "POST", "/v1/keys", "{}"));
	refused(422, "invalid", "/scopes/0", ask(world, world->admin, "POST", "/v1/keys", "{\"scopes\":[\"all\"]}"));
	refused(404, "not_found", "/subscriber",
	        ask(world, world->admin, "POST", "/v1/keys", "{\"scopes\":[\"read\"],\"subscriber\":\"x\"}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(unknown_routes_and_methods_are_told_apart),
	    WORLD_TEST(every_bad_key_gets_the_same_401),
	    WORLD_TEST(a_missing_scope_is_named),
	    WORLD_TEST(bodies_are_json_of_a_bounded_size),
	    WORLD_TEST(unknown_parameters_are_named),
	    WORLD_TEST(local_routes_do_not_exist_for_the_network),
	    WORLD_TEST(readiness_says_why_not),
	    WORLD_TEST(an_endpoint_is_made_read_changed_and_deleted),
	    WORLD_TEST(put_by_uid_makes_then_replaces),
	    WORLD_TEST(bad_endpoints_are_refused_by_field),
	    WORLD_TEST(an_address_that_is_not_delivered_to_is_refused_at_registration),
	    WORLD_TEST(a_secret_is_shown_and_rotated_with_an_overlap),
	    WORLD_TEST(a_uid_of_several_subscribers_asks_for_the_subscriber),
	    WORLD_TEST(a_list_is_walked_by_its_cursor),
	    WORLD_TEST(a_key_is_shown_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
