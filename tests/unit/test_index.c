/* The index of endpoints: whom a type and an audience select, look-ups, and changes beside readers. */
#include "endpoint_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "match/index.h"
#include "model/pattern.h"

enum { ACME = 1001, ZEBRA = 1002 };

static void put(struct index *index, int64_t id, int64_t subscriber, enum endpoint_status status, const char *uid, const char *types)
{
	char text[1024];
	snprintf(text, sizeof text, "{'url': 'http://a.example', 'event_types': [%s]%s%s%s}", types, uid ? ", 'uid': '" : "",
	         uid ? uid : "", uid ? "'" : "");
	struct endpoint *endpoint = fixture_endpoint(id, subscriber, status, text);
	index_put_endpoint(index, endpoint);
	endpoint_unref(endpoint);
}

/* The ids that a match selects, as text: "1 2 3". */
static const char *ids(struct index *index, const char *type, enum audience audience, int64_t subscriber)
{
	static char text[4096];
	struct index_targets targets = {0};
	size_t len = 0;
	assert_int_equal(index_match(index, slice_of(type), audience, subscriber, &targets), 0);
	text[0] = '\0';
	for (size_t i = 0; i < targets.len; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%lld", i ? " " : "", (long long)targets.at[i]->meta.id);
	index_targets_clear(&targets);
	return text;
}

#define SELECTS(index, type, expected) assert_string_equal(ids(index, type, AUDIENCE_UNOWNED, 0), expected)

static void types_select_by_every_form_of_pattern(void **state)
{
	(void)state;
	struct index *index = index_new();
	put(index, 1, 0, ENDPOINT_ACTIVE, NULL, "'order.created'");
	put(index, 2, 0, ENDPOINT_ACTIVE, NULL, "'order.*'");
	put(index, 3, 0, ENDPOINT_ACTIVE, NULL, "'order.**'");
	put(index, 4, 0, ENDPOINT_ACTIVE, NULL, "'*'");
	put(index, 5, 0, ENDPOINT_ACTIVE, NULL, "'**'");
	put(index, 6, 0, ENDPOINT_ACTIVE, NULL, "'order.created.**'");
	put(index, 7, 0, ENDPOINT_ACTIVE, NULL, "'grapnel.**'");
	put(index, 8, 0, ENDPOINT_ACTIVE, NULL, "'invoice.paid', 'order.created', 'order.*', '**'");
	SELECTS(index, "order.created", "1 2 3 4 5 8");
	SELECTS(index, "order", "4 5 8");
	SELECTS(index, "order.created.eu", "3 4 5 6 8");
	SELECTS(index, "order.created.eu.west", "3 4 5 6 8");
	SELECTS(index, "orders.created", "4 5 8");
	SELECTS(index, "grapnel.test", "7");
	SELECTS(index, "grapnel.a.b", "7");
	SELECTS(index, "", "");
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("order.created")), 6);
	index_free(index);
	index_free(NULL);
}

/* The index must agree with the definition, pattern by pattern. */
static void the_index_agrees_with_pattern_matches(void **state)
{
	(void)state;
	static const char *const patterns[] = {"a",    "a.b", "a.b.c", "a.*",     "a.**",      "a.b.*",      "a.b.**",       "b.*",
	                                       "b.**", "*",   "**",    "a.b.c.*", "grapnel.*", "grapnel.**", "grapnel.a.**", "grapnel.a"};
	static const char *const types[] = {"a",     "b",  "a.a",  "a.b",       "a.b.c",       "a.b.c.d",
	                                    "b.a.b", "ab", "ab.c", "grapnel.a", "grapnel.a.b", "grapnelx.a"};
	struct index *index = index_new();
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		char quoted[64];
		snprintf(quoted, sizeof quoted, "'%s'", patterns[i]);
		put(index, (int64_t)i + 1, 0, ENDPOINT_ACTIVE, NULL, quoted);
	}
	for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
		char expected[256] = "";
		size_t len = 0;
		for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
			if (pattern_matches(slice_of(patterns[i]), slice_of(types[t])))
				len += (size_t)snprintf(expected + len, sizeof expected - len, "%s%zu", len ? " " : "", i + 1);
		}
		SELECTS(index, types[t], expected);
	}
	index_free(index);
}

static void audiences_never_mix(void **state)
{
	(void)state;
	struct index *index = index_new();
	put(index, 1, 0, ENDPOINT_ACTIVE, NULL, "'a', '*'");
	put(index, 2, ACME, ENDPOINT_ACTIVE, NULL, "'a', '*'");
	put(index, 3, ZEBRA, ENDPOINT_ACTIVE, NULL, "'**'");
	put(index, 4, ACME, ENDPOINT_ACTIVE, NULL, "'a'");
	assert_string_equal(ids(index, "a", AUDIENCE_UNOWNED, ACME), "1");
	assert_string_equal(ids(index, "a", AUDIENCE_SUBSCRIBER, ACME), "2 4");
	assert_string_equal(ids(index, "a", AUDIENCE_SUBSCRIBER, ZEBRA), "3");
	assert_string_equal(ids(index, "a", AUDIENCE_SUBSCRIBER, 4711), "");
	assert_string_equal(ids(index, "a", AUDIENCE_SUBSCRIBER, -1), "");
	assert_string_equal(ids(index, "a", AUDIENCE_EVERYONE, 0), "1 2 3 4");
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("b")), 3);
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("grapnel.x")), 0);
	index_free(index);
}

static void an_endpoint_moves_with_its_patterns(void **state)
{
	(void)state;
	struct index *index = index_new();
	put(index, 1, 0, ENDPOINT_ACTIVE, "one", "'a', 'b'");
	put(index, 2, 0, ENDPOINT_ACTIVE, NULL, "'a', 'b'");
	put(index, 1, 0, ENDPOINT_ACTIVE, "eins", "'b', 'c'");
	SELECTS(index, "a", "2");
	SELECTS(index, "b", "1 2");
	SELECTS(index, "c", "1");
	assert_null(index_endpoint_by_uid(index, SLICE_LITERAL("one"), 0, false, NULL));
	struct endpoint *found = index_endpoint_by_uid(index, SLICE_LITERAL("eins"), 0, false, NULL);
	assert_non_null(found);
	endpoint_unref(found);
	put(index, 1, ACME, ENDPOINT_ACTIVE, NULL, "'b'");
	SELECTS(index, "b", "2");
	assert_string_equal(ids(index, "b", AUDIENCE_SUBSCRIBER, ACME), "1");
	assert_string_equal(ids(index, "c", AUDIENCE_EVERYONE, 0), "");
	index_free(index);
}

static void a_status_decides_about_deliveries(void **state)
{
	(void)state;
	struct index *index = index_new();
	put(index, 1, 0, ENDPOINT_ACTIVE, "u", "'a'");
	put(index, 1, 0, ENDPOINT_PAUSED, "u", "'a'");
	SELECTS(index, "a", "1");
	put(index, 1, 0, ENDPOINT_DISABLED, "u", "'a'");
	SELECTS(index, "a", "");
	struct endpoint *found = index_endpoint(index, 1), *again = index_endpoint_by_uid(index, SLICE_LITERAL("u"), 0, true, NULL);
	assert_non_null(found);
	assert_ptr_equal(found, again);
	assert_int_equal(found->meta.status, ENDPOINT_DISABLED);
	endpoint_unref(found);
	endpoint_unref(again);
	put(index, 1, 0, ENDPOINT_ACTIVE, "u", "'a'");
	SELECTS(index, "a", "1");
	put(index, 1, 0, ENDPOINT_DELETED, "u", "'a'");
	SELECTS(index, "a", "");
	assert_null(index_endpoint(index, 1));
	assert_null(index_endpoint(index, 0));
	assert_null(index_endpoint_by_uid(index, SLICE_LITERAL("u"), 0, true, NULL));
	put(index, 1, 0, ENDPOINT_DELETED, "u", "'a'");
	index_free(index);
}

static void a_uid_is_looked_up_in_its_scope(void **state)
{
	(void)state;
	struct index *index = index_new();
	bool ambiguous = true;
	put(index, 1, ACME, ENDPOINT_ACTIVE, "billing", "'a'");
	struct endpoint *found = index_endpoint_by_uid(index, SLICE_LITERAL("billing"), 0, true, &ambiguous);
	assert_int_equal(found->meta.id, 1);
	assert_false(ambiguous);
	endpoint_unref(found);
	put(index, 2, ZEBRA, ENDPOINT_ACTIVE, "billing", "'a'");
	assert_null(index_endpoint_by_uid(index, SLICE_LITERAL("billing"), 0, true, &ambiguous));
	assert_true(ambiguous);
	found = index_endpoint_by_uid(index, SLICE_LITERAL("billing"), ZEBRA, false, &ambiguous);
	assert_int_equal(found->meta.id, 2);
	assert_false(ambiguous);
	endpoint_unref(found);
	assert_null(index_endpoint_by_uid(index, SLICE_LITERAL("billing"), 0, false, &ambiguous));
	assert_false(ambiguous);
	assert_null(index_endpoint_by_uid(index, SLICE_LITERAL("Billing"), 0, true, &ambiguous));
	put(index, 3, 0, ENDPOINT_ACTIVE, "billing", "'a'");
	found = index_endpoint_by_uid(index, SLICE_LITERAL("billing"), 0, true, &ambiguous);
	assert_int_equal(found->meta.id, 3);
	assert_false(ambiguous);
	endpoint_unref(found);
	put(index, 3, 0, ENDPOINT_DELETED, NULL, "'a'");
	put(index, 1, ACME, ENDPOINT_DELETED, NULL, "'a'");
	found = index_endpoint_by_uid(index, SLICE_LITERAL("billing"), 0, true, &ambiguous);
	assert_int_equal(found->meta.id, 2);
	endpoint_unref(found);
	/* Longer than any uid, absent, empty. */
	char text[5000];
	memset(text, 'u', sizeof text);
	assert_null(index_endpoint_by_uid(index, (struct slice){text, sizeof text}, 0, true, &ambiguous));
	assert_null(index_endpoint_by_uid(index, (struct slice){NULL, 0}, 0, true, &ambiguous));
	assert_int_equal(index_subscriber_by_uid(index, (struct slice){text, sizeof text}), 0);
	index_free(index);
}

static void subscribers_are_found_by_id_and_uid(void **state)
{
	(void)state;
	struct index *index = index_new();
	char uid[16];
	index_put_subscriber(index, ACME, "acme");
	index_put_subscriber(index, ZEBRA, NULL);
	assert_int_equal(index_subscriber_by_uid(index, SLICE_LITERAL("acme")), ACME);
	assert_int_equal(index_subscriber_by_uid(index, SLICE_LITERAL("acm")), 0);
	assert_true(index_subscriber_exists(index, ZEBRA));
	assert_false(index_subscriber_exists(index, 5));
	assert_false(index_subscriber_exists(index, 0));
	assert_true(index_subscriber_uid(index, ACME, uid, sizeof uid));
	assert_string_equal(uid, "acme");
	assert_false(index_subscriber_uid(index, ACME, uid, 4)); /* does not fit */
	assert_false(index_subscriber_uid(index, ZEBRA, uid, sizeof uid));
	assert_false(index_subscriber_uid(index, 5, uid, sizeof uid));
	index_put_subscriber(index, ACME, "acme-corp");
	assert_int_equal(index_subscriber_by_uid(index, SLICE_LITERAL("acme")), 0);
	assert_int_equal(index_subscriber_by_uid(index, SLICE_LITERAL("acme-corp")), ACME);
	index_remove_subscriber(index, ACME);
	index_remove_subscriber(index, ACME);
	assert_int_equal(index_subscriber_by_uid(index, SLICE_LITERAL("acme-corp")), 0);
	assert_false(index_subscriber_exists(index, ACME));
	index_free(index);
}

static void the_version_grows_with_every_change(void **state)
{
	(void)state;
	struct index *index = index_new();
	struct index_targets targets = {0};
	uint64_t before = index_version(index);
	put(index, 1, 0, ENDPOINT_ACTIVE, NULL, "'a'");
	assert_true(index_version(index) > before);
	assert_int_equal(index_match(index, SLICE_LITERAL("a"), AUDIENCE_UNOWNED, 0, &targets), 0);
	assert_int_equal(targets.version, index_version(index));
	put(index, 1, 0, ENDPOINT_DISABLED, NULL, "'a'");
	assert_true(targets.version < index_version(index));
	/* What was matched is still there to be used. */
	assert_int_equal(targets.at[0]->meta.status, ENDPOINT_ACTIVE);
	before = index_version(index);
	index_put_subscriber(index, ACME, NULL);
	assert_true(index_version(index) > before);
	before = index_version(index);
	index_remove_subscriber(index, ACME);
	assert_true(index_version(index) > before);
	assert_int_equal(index_match(index, SLICE_LITERAL("a"), AUDIENCE_UNOWNED, 0, &targets), 0);
	assert_int_equal(targets.len, 0);
	index_targets_clear(&targets);
	index_free(index);
}

static void count_endpoint(struct endpoint *endpoint, void *context)
{
	*(int64_t *)context += endpoint->meta.id;
}

static void each_endpoint_is_visited(void **state)
{
	(void)state;
	struct index *index = index_new();
	int64_t sum = 0;
	put(index, 1, 0, ENDPOINT_ACTIVE, NULL, "'a'");
	put(index, 20, ACME, ENDPOINT_DISABLED, NULL, "'a'");
	put(index, 300, ACME, ENDPOINT_PAUSED, NULL, "'a'");
	index_each_endpoint(index, count_endpoint, &sum);
	assert_int_equal(sum, 321);
	index_free(index);
}

/* Many endpoints of one pattern, leaving in the worst orders: with a walk through the group this would take minutes. */
static void a_crowd_on_one_pattern_comes_and_goes(void **state)
{
	(void)state;
	enum { CROWD = 100000 };
	struct index *index = index_new();
	for (int i = 0; i < CROWD; i++)
		put(index, i + 1, 0, ENDPOINT_ACTIVE, NULL, "'order.*', 'order.created'");
	put(index, CROWD + 1, 0, ENDPOINT_ACTIVE, NULL, "'invoice.*'");
	struct index_targets targets = {0};
	assert_int_equal(index_match(index, SLICE_LITERAL("order.created"), AUDIENCE_UNOWNED, 0, &targets), 0);
	assert_int_equal(targets.len, CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(targets.at[i]->meta.id, i + 1);
	index_targets_clear(&targets);
	for (int i = 0; i < CROWD; i++) {
		int at = i % 2 ? CROWD - 1 - i / 2 : i / 2; /* from both ends */
		put(index, at + 1, 0, i == CROWD - 1 ? ENDPOINT_ACTIVE : ENDPOINT_DELETED, NULL, "'order.*', 'order.created'");
	}
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("order.created")), 1);
	SELECTS(index, "invoice.paid", "100001");
	index_free(index);
}

/* Patterns of one endpoint and of several, so that what they select overlaps, is nested and is apart. */
static void what_several_groups_select_is_merged(void **state)
{
	(void)state;
	enum { ENDPOINTS = 2000 };
	static const char *const patterns[] = {"a.b", "a.*", "a.**", "*", "**"};
	struct index *index = index_new();
	char expected[4096] = "";
	size_t len = 0;
	unsigned random = 1;
	for (int i = 0; i < ENDPOINTS; i++) {
		int64_t id = (i * 7919) % ENDPOINTS + 1;
		char types[128] = "'x'";
		random = random * 1103515245 + 12345;
		for (unsigned j = 0; j < 5; j++) {
			if (random >> (16 + j) & 1)
				snprintf(types + strlen(types), sizeof types - strlen(types), ", '%s'", patterns[j]);
		}
		put(index, id, id % 50 ? 0 : ACME, ENDPOINT_ACTIVE, NULL, types);
	}
	struct index_targets everyone = {0};
	size_t matching = 0;
	assert_int_equal(index_match(index, SLICE_LITERAL("a.b"), AUDIENCE_EVERYONE, 0, &everyone), 0);
	for (int64_t id = 1; id <= ENDPOINTS; id++) {
		struct endpoint *endpoint = index_endpoint(index, id);
		bool matches = endpoint->patterns_len > 1; /* all but "x" match */
		if (matches)
			assert_ptr_equal(everyone.at[matching], endpoint);
		if (matches && id % 50 == 0)
			len += (size_t)snprintf(expected + len, sizeof expected - len, "%s%lld", len ? " " : "", (long long)id);
		matching += matches;
		endpoint_unref(endpoint);
	}
	assert_int_equal(everyone.len, matching);
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("a.b")), matching);
	assert_int_equal(index_count_everyone(index, SLICE_LITERAL("x")), ENDPOINTS);
	assert_string_equal(ids(index, "a.b", AUDIENCE_SUBSCRIBER, ACME), expected);
	index_targets_clear(&everyone);
	index_free(index);
}

struct reading {
	struct index *index;
	atomic_bool *stop;
	int bad;
	int matches;
};

/* Endpoint 1 always stands under "a"; the moving ones always under exactly one of "a" and "b". */
static void *read_often(void *argument)
{
	struct reading *reading = argument;
	struct index_targets targets = {0};
	do {
		if (index_match(reading->index, SLICE_LITERAL("a"), AUDIENCE_EVERYONE, 0, &targets) || targets.len < 1 ||
		    targets.at[0]->meta.id != 1)
			reading->bad++;
		for (size_t i = 1; i < targets.len; i++)
			reading->bad +=
			    targets.at[i]->meta.id <= targets.at[i - 1]->meta.id || strcmp(targets.at[i]->patterns[0], "a") != 0;
		struct endpoint *found = index_endpoint(reading->index, 7);
		reading->bad += !found;
		endpoint_unref(found);
		reading->matches++;
	} while (!atomic_load(reading->stop));
	index_targets_clear(&targets);
	return NULL;
}

static void readers_see_whole_changes_beside_the_writer(void **state)
{
	(void)state;
	struct index *index = index_new();
	atomic_bool stop = false;
	struct reading reading[2] = {{index, &stop, 0, 0}, {index, &stop, 0, 0}};
	pthread_t threads[2];
	for (int64_t id = 1; id <= 20; id++)
		put(index, id, id % 3, ENDPOINT_ACTIVE, "u", "'a'");
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &reading[i]), 0);
	for (int round = 0; round < 200; round++) {
		for (int64_t id = 2; id <= 20; id++)
			put(index, id, id % 3, ENDPOINT_ACTIVE, "u", round % 2 ? "'a'" : "'b'");
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(reading[i].bad, 0);
		assert_true(reading[i].matches > 0);
	}
	index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_select_by_every_form_of_pattern),
	    cmocka_unit_test(the_index_agrees_with_pattern_matches),
	    cmocka_unit_test(audiences_never_mix),
	    cmocka_unit_test(an_endpoint_moves_with_its_patterns),
	    cmocka_unit_test(a_status_decides_about_deliveries),
	    cmocka_unit_test(a_uid_is_looked_up_in_its_scope),
	    cmocka_unit_test(subscribers_are_found_by_id_and_uid),
	    cmocka_unit_test(the_version_grows_with_every_change),
	    cmocka_unit_test(each_endpoint_is_visited),
	    cmocka_unit_test(a_crowd_on_one_pattern_comes_and_goes),
	    cmocka_unit_test(what_several_groups_select_is_merged),
	    cmocka_unit_test(readers_see_whole_changes_beside_the_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
