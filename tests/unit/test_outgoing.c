/* Outgoing signatures against the published vectors and, for the rest, against libcrypto's one-shot HMAC. */
#include "endpoint_fixture.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "sign/outgoing.h"
#include "sign/pair.h"

#define VECTOR_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define VECTOR_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
/* whsk_ is the base64 of seed and public key. */
#define VECTOR_PRIVATE "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define VECTOR_PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define VECTOR_V1A "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
#define VECTOR_ID SLICE_LITERAL("msg_p5jXN8AQM9LWM0D4loKWxJek")
#define VECTOR_TIME 1614265330
#define VECTOR_BODY SLICE_LITERAL("{\"test\": 2432232314}")
#define NOW INT64_C(1614265330000)

static const struct master_key master = {{9, 8, 7}};

struct given {
	const char *secret;
	int64_t until_ms;
};

static struct endpoint *endpoint_with(const struct given *given, unsigned len)
{
	uint8_t sealed[4][SECRET_BYTES_MAX + SEAL_OVERHEAD];
	struct endpoint_secret secrets[4];
	char place[48];
	secret_place(7, place);
	for (unsigned i = 0; i < len; i++) {
		uint8_t key[SECRET_BYTES_MAX];
		int key_len = secret_parse(slice_of(given[i].secret), "/secret", key, NULL);
		assert_true(key_len > 0);
		secrets[i] =
		    (struct endpoint_secret){given[i].until_ms, seal(&master, slice_of(place), key, (size_t)key_len, sealed[i]), sealed[i]};
	}
	json_t *doc = fixture_json("{'url': 'http://a.example', 'event_types': ['*']}");
	const struct endpoint_meta meta = {.id = 7};
	struct endpoint *endpoint = endpoint_parse(doc, &meta, secrets, len, NULL);
	assert_non_null(endpoint);
	json_decref(doc);
	return endpoint;
}

static struct signer *signer_with(const struct given *given, unsigned len)
{
	struct endpoint *endpoint = endpoint_with(given, len);
	struct err err = {0};
	struct signer *signer = signer_new(endpoint, &master, &err);
	if (!signer)
		fail_msg("%s", err.detail);
	endpoint_unref(endpoint);
	return signer;
}

static void the_published_vector_holds_every_time(void **state)
{
	(void)state;
	struct signer *signer = signer_with(&(struct given){VECTOR_SECRET, 0}, 1);
	struct strbuf out = STRBUF_INIT(1024);
	for (int i = 0; i < 3; i++) {
		strbuf_clear(&out);
		assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), 0);
		assert_string_equal(strbuf_text(&out), VECTOR_SIGNATURE);
		/* Another message in between must not leave a trace. */
		strbuf_clear(&out);
		assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME + 1, VECTOR_BODY, NOW, &out), 0);
		assert_string_not_equal(strbuf_text(&out), VECTOR_SIGNATURE);
	}
	strbuf_free(&out);
	signer_free(signer);
	signer_free(NULL);
}

static void any_key_and_body_is_signed_like_hmac(void **state)
{
	(void)state;
	uint8_t key[SECRET_BYTES_MAX], digest[32];
	char text[SECRET_TEXT_SIZE], expected[128] = "v1,", *content = malloc(100100);
	struct strbuf out = STRBUF_INIT(1024);
	assert_non_null(content);
	codec_random(key, sizeof key);
	for (size_t key_len = 24; key_len <= 64; key_len += 8) {
		for (size_t body_len = 0; body_len <= 100000; body_len = body_len * 10 + (body_len == 0)) {
			int head = snprintf(content, 100, "evt_1.1700000000.");
			codec_random((uint8_t *)content + head, body_len);
			HMAC(EVP_sha256(), key, (int)key_len, (uint8_t *)content, (size_t)head + body_len, digest, NULL);
			codec_base64(digest, 32, expected + 3);
			secret_text(key, key_len, text);
			struct signer *signer = signer_with(&(struct given){text, 0}, 1);
			strbuf_clear(&out);
			assert_int_equal(
			    signer_sign(signer, SLICE_LITERAL("evt_1"), 1700000000, (struct slice){content + head, body_len}, NOW, &out),
			    0);
			assert_string_equal(strbuf_text(&out), expected);
			signer_free(signer);
		}
	}
	strbuf_free(&out);
	free(content);
}

static void a_rotated_secret_signs_beside_the_new_one_until_its_end(void **state)
{
	(void)state;
	char fresh[SECRET_TEXT_SIZE];
	struct strbuf out = STRBUF_INIT(1024), alone = STRBUF_INIT(1024);
	secret_make(fresh);
	struct signer *present = signer_with(&(struct given){fresh, 0}, 1);
	assert_int_equal(signer_sign(present, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &alone), 0);
	const struct given both[] = {{fresh, 0}, {VECTOR_SECRET, NOW + 1}};
	struct signer *signer = signer_with(both, 2);

	assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), 0);
	char expected[256];
	snprintf(expected, sizeof expected, "%s %s", strbuf_text(&alone), VECTOR_SIGNATURE);
	assert_string_equal(strbuf_text(&out), expected);

	strbuf_clear(&out);
	assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW + 1, &out), 0);
	assert_string_equal(strbuf_text(&out), strbuf_text(&alone));
	signer_free(signer);
	signer_free(present);
	strbuf_free(&out);
	strbuf_free(&alone);
}

static void a_secret_of_another_hub_is_an_error(void **state)
{
	(void)state;
	struct endpoint *endpoint = endpoint_with(&(struct given){VECTOR_SECRET, 0}, 1);
	struct master_key other = {{1}};
	struct err err = {0};
	assert_null(signer_new(endpoint, &other, &err));
	assert_non_null(strstr(err.detail, "master key"));
	endpoint->meta.id = 8; /* another place */
	assert_null(signer_new(endpoint, &master, &err));
	endpoint->meta.id = 7;
	struct signer *signer = signer_new(endpoint, &master, &err);
	assert_non_null(signer);
	signer_free(signer);
	endpoint_unref(endpoint);
}

static struct endpoint_pair vector_pair(int64_t until_ms)
{
	uint8_t whole[64];
	struct endpoint_pair pair;
	assert_int_equal(codec_base64_decode(slice_of(VECTOR_PRIVATE), whole, sizeof whole), 64);
	pair_of_seed(7, &master, whole, &pair);
	assert_memory_equal(pair.public_key, whole + 32, 32);
	pair.seed.until_ms = until_ms;
	return pair;
}

/* With the vector's secret and these pairs. */
static struct endpoint *paired(const char *versions, const struct endpoint_pair *pairs, unsigned len)
{
	struct endpoint *endpoint = endpoint_with(&(struct given){VECTOR_SECRET, 0}, 1);
	endpoint->sign_v1 = strstr(versions, "v1 ") != NULL;
	endpoint->sign_v1a = strstr(versions, "v1a ") != NULL;
	endpoint_take_pairs(endpoint, pairs, len);
	return endpoint;
}

static void signs(const struct endpoint *endpoint, const char *expected)
{
	struct err err = {0};
	struct strbuf out = STRBUF_INIT(1024);
	struct signer *signer = signer_new(endpoint, &master, &err);
	if (!signer)
		fail_msg("%s", err.detail);
	for (int i = 0; i < 2; i++) {
		strbuf_clear(&out);
		assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), 0);
		assert_string_equal(strbuf_text(&out), expected);
	}
	strbuf_free(&out);
	signer_free(signer);
}

static void v1a_is_signed_as_in_the_published_vector(void **state)
{
	(void)state;
	static const struct {
		const char *versions, *expected;
	} cases[] = {{"v1a ", VECTOR_V1A}, {"v1 v1a ", VECTOR_SIGNATURE " " VECTOR_V1A}, {"v1 ", VECTOR_SIGNATURE}};
	struct endpoint_pair pair = vector_pair(0);
	char text[ENDPOINT_PUBLIC_KEY_TEXT_SIZE];
	endpoint_public_key_text(&pair, text);
	assert_string_equal(text, VECTOR_PUBLIC);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct endpoint *endpoint = paired(cases[i].versions, &pair, 1);
		signs(endpoint, cases[i].expected);
		endpoint_unref(endpoint);
	}
	free(pair.seed.sealed);
}

static void a_rotated_pair_signs_beside_the_new_one_until_its_end(void **state)
{
	(void)state;
	struct endpoint_pair fresh;
	char alone[128], both[256];
	struct strbuf out = STRBUF_INIT(1024);
	pair_make(7, &master, &fresh);
	struct endpoint *endpoint = paired("v1a ", &fresh, 1);
	struct signer *signer = signer_new(endpoint, &master, NULL);
	assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), 0);
	snprintf(alone, sizeof alone, "%s", strbuf_text(&out));
	assert_string_not_equal(alone, VECTOR_V1A);
	snprintf(both, sizeof both, "%s " VECTOR_V1A, alone);
	signer_free(signer);
	endpoint_unref(endpoint);
	for (int past = 0; past < 2; past++) {
		const struct endpoint_pair pairs[] = {fresh, vector_pair(NOW + !past)};
		endpoint = paired("v1a ", pairs, 2);
		signs(endpoint, past ? alone : both);
		endpoint_unref(endpoint);
		free(pairs[1].seed.sealed);
	}
	free(fresh.seed.sealed);
	strbuf_free(&out);
}

static void a_pair_of_another_hub_or_place_is_an_error(void **state)
{
	(void)state;
	const struct master_key other = {{1}};
	struct endpoint_pair pair = vector_pair(0);
	struct endpoint *endpoint = paired("v1a ", &pair, 1);
	struct err err = {0};
	assert_null(signer_new(endpoint, &other, &err));
	assert_non_null(strstr(err.detail, "ed25519"));
	endpoint->meta.id = 8;
	assert_null(signer_new(endpoint, &master, &err));
	endpoint->meta.id = 7;
	endpoint->pairs[0].public_key[31] ^= 1; /* whoever is shown this one could verify nothing */
	assert_null(signer_new(endpoint, &master, &err));
	endpoint->pairs[0].public_key[31] ^= 1;
	signs(endpoint, VECTOR_V1A);
	/* A sealed secret does not do for a seed. */
	struct endpoint_secret kept = endpoint->pairs[0].seed;
	endpoint->pairs[0].seed = endpoint->secrets[0];
	assert_null(signer_new(endpoint, &master, &err));
	endpoint->pairs[0].seed = kept;
	endpoint_unref(endpoint);
	free(pair.seed.sealed);
}

static void v1a_without_a_pair_signs_nothing(void **state)
{
	(void)state;
	struct strbuf out = STRBUF_INIT(1024);
	struct endpoint *endpoint = paired("v1a ", NULL, 0);
	struct signer *signer = signer_new(endpoint, &master, NULL);
	assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), -1);
	signer_free(signer);
	endpoint_unref(endpoint);
	strbuf_free(&out);
}

/* A request without a signature must never leave. */
static void nothing_to_sign_with_is_an_error(void **state)
{
	(void)state;
	struct strbuf out = STRBUF_INIT(1024), small = STRBUF_INIT(10);
	struct signer *none = signer_with(NULL, 0), *over = signer_with(&(struct given){VECTOR_SECRET, NOW}, 1);
	struct signer *signer = signer_with(&(struct given){VECTOR_SECRET, 0}, 1);
	assert_int_equal(signer_sign(none, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), -1);
	assert_int_equal(signer_sign(over, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &out), -1);
	assert_int_equal(signer_sign(signer, VECTOR_ID, VECTOR_TIME, VECTOR_BODY, NOW, &small), -1);
	signer_free(none);
	signer_free(over);
	signer_free(signer);
	strbuf_free(&out);
	strbuf_free(&small);
}

static void secrets_are_made_parsed_and_written(void **state)
{
	(void)state;
	char first[SECRET_TEXT_SIZE], second[SECRET_TEXT_SIZE], again[SECRET_TEXT_SIZE];
	uint8_t key[SECRET_BYTES_MAX];
	secret_make(first);
	secret_make(second);
	assert_string_not_equal(first, second);
	assert_int_equal(strlen(first), 6 + 44);
	int len = secret_parse(slice_of(first), "/secret", key, NULL);
	assert_int_equal(len, SECRET_NEW_BYTES);
	secret_text(key, (size_t)len, again);
	assert_string_equal(first, again);
	memset(key, 0xff, sizeof key);
	secret_text(key, SECRET_BYTES_MAX, again);
	assert_int_equal(strlen(again), SECRET_TEXT_SIZE - 1);
	assert_int_equal(secret_parse(slice_of(again), "/secret", key, NULL), SECRET_BYTES_MAX);
}

static void bad_secrets_are_refused_with_what_is_accepted(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "whsec_",
	    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",  /* no whole group */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=", /* 23 bytes */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==", /* unused bits */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
	    "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",                                                         /* URL-safe alphabet */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZI", /* 66 bytes */
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint8_t key[SECRET_BYTES_MAX];
		struct err err = {0};
		if (secret_parse(slice_of(bad[i]), "/secret", key, &err) != -1)
			fail_msg("%s is accepted", bad[i]);
		assert_string_equal(err.fields[0].pointer, "/secret");
		assert_non_null(strstr(err.fields[0].detail, "24 to 64"));
		assert_null(strstr(err.fields[0].detail, "MfKQ")); /* never echo a secret */
	}
	uint8_t key[SECRET_BYTES_MAX];
	assert_int_equal(secret_parse((struct slice){"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\0", 39}, "/secret", key, NULL), -1);
	assert_int_equal(secret_parse((struct slice){NULL, 0}, "/secret", key, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_published_vector_holds_every_time),
	    cmocka_unit_test(any_key_and_body_is_signed_like_hmac),
	    cmocka_unit_test(a_rotated_secret_signs_beside_the_new_one_until_its_end),
	    cmocka_unit_test(a_secret_of_another_hub_is_an_error),
	    cmocka_unit_test(v1a_is_signed_as_in_the_published_vector),
	    cmocka_unit_test(a_rotated_pair_signs_beside_the_new_one_until_its_end),
	    cmocka_unit_test(a_pair_of_another_hub_or_place_is_an_error),
	    cmocka_unit_test(v1a_without_a_pair_signs_nothing),
	    cmocka_unit_test(nothing_to_sign_with_is_an_error),
	    cmocka_unit_test(secrets_are_made_parsed_and_written),
	    cmocka_unit_test(bad_secrets_are_refused_with_what_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
