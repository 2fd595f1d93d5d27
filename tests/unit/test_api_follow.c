/* GET /v1/events?wait_ms=…: a client follows the event log, event by event, and waits for what comes. */
#include "api_world.h"

#include "api/call.h"
#include "api/wait.h"

#define FOLLOW "/v1/events?order=asc&wait_ms=30000"
enum { ROUNDS = 50, STOP_MAX_S = 15 };

/* A request in a thread of its own. */
struct asker {
	struct world *world;
	const char *key;
	char path[TEXT_MAX];
	pthread_t thread;
	atomic_bool answered;
	struct answer *answer;
};

static void *ask_alone(void *argument)
{
	struct asker *asker = argument;
	asker->answer = ask(asker->world, asker->key, "GET", asker->path, NULL);
	atomic_store(&asker->answered, true);
	return NULL;
}

static void ask_aside(struct asker *asker, struct world *world, const char *key, const char *path)
{
	*asker = (struct asker){.world = world, .key = key};
	snprintf(asker->path, sizeof asker->path, "%s", path);
	assert_int_equal(pthread_create(&asker->thread, NULL, ask_alone, asker), 0);
}

static struct answer *answer_of(struct asker *asker)
{
	assert_int_equal(pthread_join(asker->thread, NULL), 0);
	return asker->answer;
}

static void publish(struct world *world, const char *type, char id[64])
{
	char body[128];
	snprintf(body, sizeof body, "{\"type\":\"%s\",\"data\":1}", type);
	struct answer *answer = must(202, ask(world, world->admin, "POST", "/v1/events", body));
	keep(id, text(answer, "id"));
	done(answer);
}

/* Follows from `path` and fails unless exactly this event came; `after` gets where it goes on. */
static void must_come(struct answer *answer, const char *id, char after[64])
{
	must(200, answer);
	assert_int_equal(json_array_size(data(answer)), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(data(answer), 0), "id")), id);
	keep(after, text(answer, "after"));
	done(answer);
}

static void there_is_always_a_place_to_go_on(void **state)
{
	struct world *world = *state;
	char first[64], id[64], second[64], after[64];
	struct answer *answer = must(200, ask(world, world->admin, "GET", "/v1/events?order=asc&wait_ms=0", NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	keep(first, text(answer, "after"));
	done(answer);
	publish(world, "a.b", id);
	must_come(ask(world, world->admin, "GET", path_of("/v1/events?order=asc&wait_ms=0&after=", first, ""), NULL), id, second);
	answer = must(200, ask(world, world->admin, "GET", path_of("/v1/events?order=asc&wait_ms=0&after=", second, ""), NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	keep(after, text(answer, "after"));
	assert_string_equal(after, second);
	done(answer);
}

/* From "now" on nothing that was there before comes, wherever one goes on. */
static void since_now_begins_with_what_comes(void **state)
{
	struct world *world = *state;
	char before[64], id[64], after[64];
	publish(world, "a.b", before);
	atomic_store(&clock_ahead_ms, 1000);
	struct answer *answer = must(200, ask(world, world->admin, "GET", "/v1/events?order=asc&wait_ms=1&since=-0s", NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	keep(after, text(answer, "after"));
	done(answer);
	publish(world, "a.b", id);
	must_come(ask(world, world->admin, "GET", path_of(FOLLOW "&after=", after, ""), NULL), id, after);
}

static void a_request_waits_for_the_next_event(void **state)
{
	struct world *world = *state;
	char after[64], id[64];
	struct answer *answer = must(200, ask(world, world->admin, "GET", "/v1/events?order=asc&wait_ms=0", NULL));
	keep(after, text(answer, "after"));
	done(answer);
	/* Whether the event comes before, during or after the first look is left to chance: many times. */
	for (int i = 0; i < ROUNDS; i++) {
		struct asker asker;
		ask_aside(&asker, world, world->admin, path_of(FOLLOW "&after=", after, ""));
		if (i % 2)
			usleep((useconds_t)i * 100);
		publish(world, "a.b", id);
		must_come(answer_of(&asker), id, after);
	}
}

/* "-1h" is an hour before the request, not before its last look. */
static void a_span_is_that_of_the_request(void **state)
{
	struct world *world = *state;
	char id[64], after[64];
	struct asker asker;
	ask_aside(&asker, world, world->admin, FOLLOW "&type=c.d&since=-1s");
	publish(world, "a.b", id);
	publish(world, "c.d", id);
	must_come(answer_of(&asker), id, after);
}

static void what_does_not_fit_is_waited_over(void **state)
{
	struct world *world = *state;
	char other[64], id[64], after[64];
	struct asker asker;
	ask_aside(&asker, world, world->admin, FOLLOW "&type=order.*");
	for (int i = 0; i < 20; i++)
		publish(world, "a.b", other);
	publish(world, "order.made", id);
	must_come(answer_of(&asker), id, after);
}

static void a_wait_ends_with_a_place_to_go_on(void **state)
{
	struct world *world = *state;
	char after[64], other[64], id[64];
	struct asker asker;
	ask_aside(&asker, world, world->admin, "/v1/events?order=asc&wait_ms=60&type=order.*");
	publish(world, "a.b", other);
	struct answer *answer = must(200, answer_of(&asker));
	assert_int_equal(json_array_size(data(answer)), 0);
	keep(after, text(answer, "after"));
	done(answer);
	publish(world, "order.made", id);
	must_come(ask(world, world->admin, "GET", path_of(FOLLOW "&type=order.*&after=", after, ""), NULL), id, after);
}

static void a_key_that_is_revoked_hears_nothing_more(void **state)
{
	struct world *world = *state;
	char key[64], key_id[64], id[64];
	struct asker asker;
	struct answer *made = must(201, ask(world, world->admin, "POST", "/v1/keys", "{\"scopes\":[\"read\"]}"));
	keep(key, text(made, "key"));
	keep(key_id, text(made, "id"));
	done(made);
	ask_aside(&asker, world, key, FOLLOW);
	/* One that was let in before and has not looked yet would be answered: it must wait already. */
	while (waiters_len(world->api->waiters) == 0)
		usleep(1000);
	done(must(204, ask(world, world->admin, "DELETE", path_of("/v1/keys/", key_id, ""), NULL)));
	publish(world, "a.b", id);
	refused(401, "unauthenticated", NULL, answer_of(&asker));
}

static void a_stop_ends_every_wait(void **state)
{
	struct world *world = *state;
	struct asker askers[8];
	int64_t begun_us = clock_mono_us(&clock_system);
	for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
		ask_aside(&askers[i], world, world->admin, FOLLOW);
	api_quiesce(world->api);
	for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
		done(must(200, answer_of(&askers[i])));
	done(must(200, ask(world, world->admin, "GET", FOLLOW, NULL)));
	assert_true(clock_mono_us(&clock_system) - begun_us < STOP_MAX_S * INT64_C(1000000));
}

static void so_many_wait_and_no_more(void **state)
{
	struct world *world = *state;
	struct asker *askers = calloc(WAITERS_MAX + 1, sizeof *askers);
	unsigned answered = 0;
	char id[64];
	for (unsigned i = 0; i < WAITERS_MAX + 1; i++)
		ask_aside(&askers[i], world, world->admin, FOLLOW);
	/* One of them cannot wait; which one is chance. */
	while (answered == 0) {
		for (unsigned i = 0; i < WAITERS_MAX + 1; i++)
			answered += atomic_load(&askers[i].answered);
		usleep(1000);
	}
	assert_int_equal(answered, 1);
	publish(world, "a.b", id);
	for (unsigned i = 0; i < WAITERS_MAX + 1; i++)
		done(must(200, answer_of(&askers[i])));
	free(askers);
}

static void the_command_line_does_not_wait_in_its_own_process(void **state)
{
	struct world *world = *state;
	struct answer *answer = must(200, ask_in_process(world, "GET", FOLLOW, NULL));
	assert_int_equal(json_array_size(data(answer)), 0);
	done(answer);
}

static void a_bad_wait_is_named(void **state)
{
	struct world *world = *state;
	static const char *const bad[] = {"30001", "-1", "", "1s", "99999999999"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(422, "invalid", "?wait_ms",
		        ask(world, world->admin, "GET", path_of("/v1/events?order=asc&wait_ms=", bad[i], ""), NULL));
	refused(422, "invalid", "?wait_ms", ask(world, world->admin, "GET", "/v1/events?wait_ms=1", NULL));
	refused(422, "invalid", "?wait_ms", ask(world, world->admin, "GET", "/v1/subscribers?order=asc&wait_ms=1", NULL));
	refused(422, "invalid", "?after", ask(world, world->admin, "GET", FOLLOW "&after=dlv_0000000000001", NULL));
	refused(422, "invalid", "?after", ask(world, world->admin, "GET", "/v1/events?order=asc&after=evt_0000000000001", NULL));
}

static void a_list_and_the_log_do_not_mix(void **state)
{
	struct world *world = *state;
	char id[64], cursor[64];
	publish(world, "a.b", id);
	publish(world, "a.b", id);
	struct answer *answer = must(200, ask(world, world->admin, "GET", "/v1/events?order=asc&limit=1", NULL));
	keep(cursor, text(answer, "next_cursor"));
	assert_string_equal(text(answer, "after"), "");
	done(answer);
	answer = ask(world, world->admin, "GET", path_of(FOLLOW "&limit=1&cursor=", cursor, ""), NULL);
	assert_int_equal(answer->status, 422);
	done(answer);
	/* A full page goes on behind its last event. */
	answer = must(200, ask(world, world->admin, "GET", FOLLOW "&limit=1", NULL));
	keep(cursor, text(answer, "after"));
	done(answer);
	must_come(ask(world, world->admin, "GET", path_of(FOLLOW "&limit=1&after=", cursor, ""), NULL), id, cursor);
	assert_string_equal(cursor, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(there_is_always_a_place_to_go_on),
	    WORLD_TEST(since_now_begins_with_what_comes),
	    WORLD_TEST(a_request_waits_for_the_next_event),
	    WORLD_TEST(a_span_is_that_of_the_request),
	    WORLD_TEST(what_does_not_fit_is_waited_over),
	    WORLD_TEST(a_wait_ends_with_a_place_to_go_on),
	    WORLD_TEST(a_key_that_is_revoked_hears_nothing_more),
	    WORLD_TEST(a_stop_ends_every_wait),
	    WORLD_TEST(so_many_wait_and_no_more),
	    WORLD_TEST(the_command_line_does_not_wait_in_its_own_process),
	    WORLD_TEST(a_bad_wait_is_named),
	    WORLD_TEST(a_list_and_the_log_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
