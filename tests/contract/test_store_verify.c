/* The store contract: what is known of an endpoint that is to be verified, and the secret of its legacy signature. */
#include "world.h"

#include <string.h>

#include "sign/outgoing.h"

#define CHALLENGED "\"verification\": {\"type\": \"challenge\"}"
#define SIGNED "\"signature\": {\"legacy\": {\"style\": \"github\"}}"

/* As everybody who delivers sees it. */
static struct endpoint_verification known(struct world *w, int64_t id)
{
	struct endpoint *endpoint = index_endpoint(w->index, id);
	assert_non_null(endpoint);
	assert_non_null(endpoint->verification);
	struct endpoint_verification copy = *endpoint->verification;
	endpoint_unref(endpoint);
	return copy;
}

static void answer(struct world *w, int64_t id, int64_t serial, enum verification_state state)
{
	struct endpoint_verification given = {.state = state, .serial = serial, .allowed = {120, VERIFICATION_PER_MS}, .detail = "why"};
	struct store_change change = {.what = CHANGE_ENDPOINT_VERIFIED, .id = id, .verification = &given};
	assert_int_equal(store_change(w->store, &change), 0);
	store_change_clear(&change);
}

static void patch(struct world *w, int64_t id, const char *doc)
{
	struct store_change change = {.what = CHANGE_ENDPOINT_PATCH, .id = id, .doc = world_json(doc)};
	assert_int_equal(store_change(w->store, &change), 0);
	json_decref(change.doc);
	store_change_clear(&change);
}

static void only_the_present_question_is_answered(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "*", CHALLENGED);
	struct endpoint_verification asked = known(w, id);
	assert_int_equal(asked.state, VERIFICATION_PENDING);
	assert_true(asked.serial > 0);
	answer(w, id, asked.serial + 1, VERIFICATION_VERIFIED);
	assert_int_equal(known(w, id).state, VERIFICATION_PENDING);
	world_change(w, CHANGE_ENDPOINT_VERIFY, id);
	answer(w, id, asked.serial, VERIFICATION_VERIFIED);
	assert_int_equal(known(w, id).state, VERIFICATION_PENDING);
	answer(w, id, known(w, id).serial, VERIFICATION_FAILED);
	assert_int_equal(known(w, id).state, VERIFICATION_FAILED);
	assert_string_equal(known(w, id).detail, "why");
	/* It was answered. */
	answer(w, id, known(w, id).serial, VERIFICATION_VERIFIED);
	assert_int_equal(known(w, id).state, VERIFICATION_FAILED);
}

static void what_is_known_holds_for_its_url_and_survives(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "*", CHALLENGED);
	answer(w, id, known(w, id).serial, VERIFICATION_VERIFIED);
	patch(w, id, "{\"description\": \"x\"}");
	world_close(w);
	world_open(w);
	struct endpoint_verification verified = known(w, id);
	assert_int_equal(verified.state, VERIFICATION_VERIFIED);
	assert_int_equal(verified.allowed.limit, 120);
	patch(w, id, "{\"url\": \"https://example.org/other\"}");
	assert_int_equal(known(w, id).state, VERIFICATION_PENDING);
	assert_int_equal(known(w, id).allowed.limit, 0);
	assert_true(known(w, id).serial > verified.serial);
	patch(w, id, "{\"verification\": {\"type\": \"cloudevents\"}}");
	assert_int_equal(known(w, id).type, VERIFY_CLOUDEVENTS);
	world_change(w, CHANGE_ENDPOINT_DELETE, id);
	world_change_fails(w, CHANGE_ENDPOINT_VERIFY, id, ERR_NOT_FOUND);
}

static void one_that_is_not_to_be_verified_cannot_be_asked(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "*", NULL);
	world_change_fails(w, CHANGE_ENDPOINT_VERIFY, id, ERR_WRONG_STATE);
	answer(w, id, 0, VERIFICATION_VERIFIED);
	struct endpoint *endpoint = index_endpoint(w->index, id);
	assert_null(endpoint->verification);
	endpoint_unref(endpoint);
}

static void the_secret_of_a_legacy_signature_is_sealed_and_stays(void **state)
{
	struct world *w = *state;
	int64_t id = world_endpoint(w, "*", SIGNED);
	struct store_change change = {
	    .what = CHANGE_ENDPOINT_PATCH, .id = id, .doc = world_json("{}"), .legacy_secret = "the old one", .legacy_given = true};
	assert_int_equal(store_change(w->store, &change), 0);
	store_change_clear(&change);
	patch(w, id, "{\"description\": \"x\"}");
	world_close(w);
	world_open(w);
	struct endpoint *endpoint = index_endpoint(w->index, id);
	const struct endpoint_secret *secret = &endpoint->signing->legacy->secret;
	uint8_t plain[64] = {0};
	char place[48];
	legacy_secret_place(id, place);
	assert_int_equal(unseal(&w->master, slice_of(place), secret->sealed, secret->sealed_len, plain, sizeof plain), 11);
	assert_string_equal((char *)plain, "the old one");
	endpoint_unref(endpoint);
	change.legacy_secret = NULL;
	assert_int_equal(store_change(w->store, &change), 0);
	json_decref(change.doc);
	store_change_clear(&change);
	endpoint = index_endpoint(w->index, id);
	assert_null(endpoint->signing->legacy->secret.sealed);
	endpoint_unref(endpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(only_the_present_question_is_answered),
	    WORLD_TEST(what_is_known_holds_for_its_url_and_survives),
	    WORLD_TEST(one_that_is_not_to_be_verified_cannot_be_asked),
	    WORLD_TEST(the_secret_of_a_legacy_signature_is_sealed_and_stays),
	};
	return world_main("verify", tests, sizeof tests / sizeof tests[0]);
}
