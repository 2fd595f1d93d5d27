/* The catalogue of incoming schemes as a whole: each row is complete, and each sample that is signed verifies. That others' signatures verify is
 * tests/integration/test_schemes.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"
#include "scheme_world.h"

#define EACH(scheme)                                                                                                                       \
	for (size_t each_len, each_at = 0, each_once = 1; each_once; each_once = 0)                                                        \
		for (const struct scheme *scheme, *const *each_all = scheme_all(&each_len);                                               \
		     each_at < each_len && (scheme = each_all[each_at]); each_at++)

static int make(const struct scheme *scheme, const struct scheme_sample *sample, const char *id, struct scheme_signed *made, struct err *err)
{
	const struct scheme_moment moment = {.now_ms = WORLD_NOW, .id = slice_of(id), .private_key = scheme_world_key(scheme)};
	struct scheme_source source;

	scheme_world_source(scheme, &source);
	scheme_signed_init(made);
	return scheme_sign(scheme, &source, sample, &moment, made, err);
}

static void verify(const struct scheme *scheme, const struct scheme_signed *made, struct scheme_result *result)
{
	struct scheme_source source;
	struct world_request received;

	scheme_world_source(scheme, &source);
	scheme_world_receive(made, &received);
	scheme_result_init(result);
	scheme_verify(scheme, &source, &received.request, result);
}

/* ---- */

static void check_row(const struct scheme *scheme)
{
	assert_non_null(scheme->title);
	assert_non_null(scheme->verified);
	assert_non_null(scheme->type_rule);
	assert_memory_equal(scheme->page, "https://", 8);
	assert_non_null(strstr(scheme->paste, "{url}"));
	assert_int_equal(scheme->secret == SCHEME_SECRET_NONE, scheme->secret_name == NULL);
	assert_non_null(scheme->samples[0].event);
	assert_int_equal(event_type_check(slice_of(scheme->name), "/", NULL), 0);
	assert_ptr_equal(scheme_find(slice_of(scheme->name)), scheme);
	/* One way to verify. */
	assert_true(!(scheme->hmac && scheme->verify));
	for (const char *const *keep = scheme->keep; keep && *keep; keep++) {
		for (const char *c = *keep; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-');
		assert_null(strstr(*keep, "authorization"));
		assert_null(strstr(*keep, "cookie"));
	}
	for (const struct scheme_setting *setting = scheme->settings; setting && setting->name; setting++) {
		assert_non_null(setting->type);
		assert_non_null(setting->summary);
		assert_true(!setting->required || !setting->preset);
	}
}

static void every_row_is_complete(void **state)
{
	(void)state;
	size_t len;
	const struct scheme *const *all = scheme_all(&len);
	assert_int_equal(len, 37);
	for (size_t i = 0; i < len; i++) {
		check_row(all[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all[i]->name, all[j]->name);
	}
	assert_null(scheme_find(SLICE_LITERAL("gitnub")));
	assert_null(scheme_find(SLICE_LITERAL("")));
	assert_true(scheme_find(SLICE_LITERAL("none"))->insecure);
}

static void every_source_of_the_world_can_be(void **state)
{
	(void)state;
	EACH (scheme) {
		struct scheme_source source;
		struct err err = {0};
		scheme_world_source(scheme, &source);
		if (scheme_check(scheme, &source, &err))
			fail_msg("%s: %s", scheme->name, err.detail);
	}
}

static void check_sample(const struct scheme *scheme, const struct scheme_sample *sample)
{
	struct scheme_signed first, second;
	struct scheme_result result, again;
	struct err err = {0};

	if (make(scheme, sample, "0190f3aa-first", &first, &err) || make(scheme, sample, "0190f3aa-second", &second, &err))
		fail_msg("%s %s: %s", scheme->name, sample->event, err.detail);
	verify(scheme, &first, &result);
	verify(scheme, &second, &again);
	if (result.verdict == SCHEME_REFUSED)
		fail_msg("%s %s: %s", scheme->name, sample->event, result.why);
	assert_int_not_equal(result.verdict, SCHEME_CERTIFICATE);
	assert_null(strstr(first.body.data, "{{"));
	if (result.verdict == SCHEME_ACCEPTED) {
		assert_int_equal(event_type_check((struct slice){result.type.data, result.type.len}, "/", NULL), 0);
		if (strcmp(scheme->name, "cloudevents") != 0)
			assert_memory_equal(result.type.data, scheme->name, strlen(scheme->name));
		/* Each trigger is an event of its own. */
		if (scheme->dedupe_rule && result.dedupe.len > 0 && strcmp(sample->event, "follow_events") != 0)
			assert_string_not_equal(result.dedupe.data, again.dedupe.data);
		if (scheme->secret != SCHEME_SECRET_NONE)
			assert_int_equal(result.secret_index, 0);
	}
	scheme_result_free(&result);
	scheme_result_free(&again);
	scheme_signed_free(&first);
	scheme_signed_free(&second);
}

static void every_sample_that_is_signed_verifies(void **state)
{
	(void)state;
	EACH (scheme) {
		for (const struct scheme_sample *sample = scheme->samples; sample->event; sample++)
			check_sample(scheme, sample);
	}
}

static void no_sample_verifies_without_its_signature_or_with_another_secret(void **state)
{
	(void)state;
	EACH (scheme) {
		struct scheme_source source;
		struct scheme_signed made;
		struct world_request received;
		struct scheme_result result;

		if (scheme->insecure)
			continue;
		assert_int_equal(make(scheme, scheme->samples, "0190f3aa-first", &made, NULL), 0);
		scheme_world_receive(&made, &received);
		scheme_world_source(scheme, &source);
		if (source.secrets_len > 0) {
			bool standard = strcmp(scheme->name, "standard") == 0;
			source.secrets[0] = slice_of(standard ? "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB" : "another-secret-0123456789");
			scheme_result_init(&result);
			scheme_verify(scheme, &source, &received.request, &result);
			assert_int_equal(result.verdict, SCHEME_REFUSED);
			assert_int_equal(result.reason, REJECTION_BAD_SIGNATURE);
			scheme_result_free(&result);
			source.secrets_len = 0;
			scheme_result_init(&result);
			scheme_verify(scheme, &source, &received.request, &result);
			assert_int_equal(result.verdict, SCHEME_REFUSED);
			scheme_result_free(&result);
		}
		scheme_signed_free(&made);
	}
}

static void the_age_may_be_ignored_but_not_the_signature(void **state)
{
	(void)state;
	EACH (scheme) {
		struct scheme_source source;
		struct scheme_signed made;
		struct world_request received;
		struct scheme_result result;

		if (scheme->tolerance_s == 0 || strcmp(scheme->name, "gitlab") == 0)
			continue;
		assert_int_equal(make(scheme, scheme->samples, "0190f3aa-first", &made, NULL), 0);
		scheme_world_receive(&made, &received);
		scheme_world_source(scheme, &source);
		received.request.now_ms += (scheme->tolerance_s + 2) * 1000;
		for (int ignored = 0; ignored < 2; ignored++) {
			received.request.ignore_age = ignored;
			scheme_result_init(&result);
			scheme_verify(scheme, &source, &received.request, &result);
			assert_int_equal(result.verdict, ignored ? SCHEME_ACCEPTED : SCHEME_REFUSED);
			if (!ignored)
				assert_int_equal(result.reason, REJECTION_STALE_TIMESTAMP);
			scheme_result_free(&result);
		}
		scheme_signed_free(&made);
	}
}

static void signing_says_what_is_missing(void **state)
{
	(void)state;
	EACH (scheme) {
		const struct scheme_moment moment = {.now_ms = WORLD_NOW, .id = SLICE_LITERAL("0190f3aa")};
		struct scheme_source source;
		struct scheme_signed made;
		struct err err = {0};

		scheme_world_source(scheme, &source);
		if (scheme->signs_by_key) {
			scheme_signed_init(&made);
			assert_int_equal(scheme_sign(scheme, &source, scheme->samples, &moment, &made, &err), -1);
			assert_non_null(strstr(err.detail, "private key"));
			scheme_signed_free(&made);
		}
		if (scheme->signs_url) {
			source.public_url = (struct slice){NULL, 0};
			err = (struct err){0};
			scheme_signed_init(&made);
			assert_int_equal(scheme_sign(scheme, &source, scheme->samples, &moment, &made, &err), -1);
			assert_non_null(strstr(err.detail, "/public_url"));
			scheme_signed_free(&made);
		}
		if (source.secrets_len > 0) {
			scheme_world_source(scheme, &source);
			source.secrets_len = 0;
			err = (struct err){0};
			scheme_signed_init(&made);
			assert_int_equal(scheme_sign(scheme, &source, scheme->samples, &moment, &made, &err), -1);
			assert_non_null(strstr(err.detail, "/secrets"));
			scheme_signed_free(&made);
		}
	}
}

static void samples_are_found_by_their_event(void **state)
{
	(void)state;
	const struct scheme *github = scheme_find(SLICE_LITERAL("github"));
	assert_ptr_equal(scheme_sample(github, SLICE_LITERAL("")), &github->samples[0]);
	assert_string_equal(scheme_sample(github, SLICE_LITERAL("ping"))->event, "ping");
	assert_null(scheme_sample(github, SLICE_LITERAL("pong")));
}

static void a_secret_that_is_made_serves_every_scheme_that_lets_one_choose(void **state)
{
	(void)state;
	EACH (scheme) {
		const struct scheme_moment moment = {.now_ms = WORLD_NOW, .id = SLICE_LITERAL("0190f3aa")};
		char text[SCHEME_SECRET_SIZE], other[SCHEME_SECRET_SIZE];
		struct scheme_source source;
		struct scheme_signed made;
		struct world_request received;
		struct scheme_result result;

		if (scheme->secret != SCHEME_SECRET_CHOSEN)
			continue;
		scheme_secret_make(text);
		scheme_secret_make(other);
		assert_int_equal(strlen(text), SCHEME_SECRET_SIZE - 1);
		assert_int_equal(strspn(text, "0123456789abcdefghjkmnpqrstvwxyz"), SCHEME_SECRET_SIZE - 1);
		assert_string_not_equal(text, other);
		scheme_world_source(scheme, &source);
		source.secrets[0] = slice_of(text);
		assert_int_equal(scheme_check(scheme, &source, NULL), 0);
		scheme_signed_init(&made);
		assert_int_equal(scheme_sign(scheme, &source, scheme->samples, &moment, &made, NULL), 0);
		scheme_world_receive(&made, &received);
		scheme_result_init(&result);
		scheme_verify(scheme, &source, &received.request, &result);
		assert_int_equal(result.verdict, SCHEME_ACCEPTED);
		scheme_result_free(&result);
		scheme_signed_free(&made);
	}
}

static void reasons_are_found_by_their_code(void **state)
{
	(void)state;
	for (enum rejection_reason reason = 0; reason < REJECTION_REASONS; reason++) {
		enum rejection_reason found = REJECTION_REASONS;
		assert_int_equal(rejection_parse(slice_of(rejection_code(reason)), &found), 0);
		assert_int_equal(found, reason);
		assert_in_range(rejection_status(reason), 400, 429);
		assert_true(strlen(rejection_text(reason)) > 10);
	}
	enum rejection_reason found;
	assert_int_equal(rejection_parse(SLICE_LITERAL("bad"), &found), -1);
}

static int make_world(void **state)
{
	(void)state;
	scheme_world_make();
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	scheme_world_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_complete),
	    cmocka_unit_test(every_source_of_the_world_can_be),
	    cmocka_unit_test(every_sample_that_is_signed_verifies),
	    cmocka_unit_test(no_sample_verifies_without_its_signature_or_with_another_secret),
	    cmocka_unit_test(the_age_may_be_ignored_but_not_the_signature),
	    cmocka_unit_test(signing_says_what_is_missing),
	    cmocka_unit_test(samples_are_found_by_their_event),
	    cmocka_unit_test(a_secret_that_is_made_serves_every_scheme_that_lets_one_choose),
	    cmocka_unit_test(reasons_are_found_by_their_code),
	};
	return cmocka_run_group_tests(tests, make_world, free_world);
}
