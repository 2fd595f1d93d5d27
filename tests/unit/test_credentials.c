/* Secrets of endpoints' documents: out of them, back to what they belong to, sealed, and out of what endpoints answer. */
#include "endpoint_fixture.h"

#include <stdlib.h>

#include "deliver/access.h"
#include "model/credentials.h"
#include "sign/credentials.h"

#define MINIMAL "'url': 'https://example.com/hook', 'event_types': ['*']"

static const struct master_key master = {.bytes = {1, 2, 3}};

static bool points_at(const struct err *err, const char *pointer)
{
	for (unsigned i = 0; i < err->fields_len; i++) {
		if (strcmp(err->fields[i].pointer, pointer) == 0)
			return true;
	}
	return false;
}

static void is_json(json_t *value, const char *text)
{
	json_t *expected = fixture_json(text);
	if (!json_equal(value, expected))
		fail_msg("%s is not %s", json_dumps(value, JSON_COMPACT), text);
	json_decref(expected);
}

static void names_of_headers_say_what_is_secret(void **state)
{
	(void)state;
	static const char *const secret[] = {"Authorization", "authorization", "COOKIE", "X-Api-Key", "x-auth-token", "Token", "X_SECRET", "X-Goog-Api-Key",
	                                     "X-Auth", "My-Password", "X-Client-Credentials"};
	static const char *const plain[] = {"X-Tenant", "Accept", "X-Tokens-Left", "Monkey", "X-Key-Id", "-key", "User-Agent", "X-Author"};
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
		if (!credential_header(secret[i]))
			fail_msg("%s is not secret", secret[i]);
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		if (credential_header(plain[i]))
			fail_msg("%s is secret", plain[i]);
	}
}

static void secrets_are_taken_out_and_the_rest_stays(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *out;
	json_t *doc = fixture_json("{" MINIMAL ", 'auth': {'type': 'basic', 'username': 'token', 'password': 's1'},"
	                           "'tls': {'ca': 'c', 'client_key': '-----BEGIN PRIVATE KEY-----'}, 'headers': {'X-Token': 's2', 'X-A': 'b', 'X-Key': '***'},"
	                           "'metadata': {'password': 'mine', 'token': 'too'}}");
	assert_int_equal(credentials_split(doc, &out, &err), 0);
	is_json(out, "{'auth': {'password': 's1'}, 'tls': {'client_key': '-----BEGIN PRIVATE KEY-----'}, 'headers': {'X-Token': 's2'}}");
	is_json(doc, "{" MINIMAL ", 'auth': {'type': 'basic', 'username': 'token', 'password': '***'},"
	             "'tls': {'ca': 'c', 'client_key': '***'}, 'headers': {'X-Token': '***', 'X-A': 'b', 'X-Key': '***'},"
	             "'metadata': {'password': 'mine', 'token': 'too'}}");
	assert_string_equal(credential_get(out, "headers", "x-token"), "s2");
	assert_null(credential_get(out, "headers", "x-key"));
	assert_null(credential_get(NULL, "auth", "password"));
	json_decref(out);
	json_decref(doc);
}

static void what_is_no_object_has_no_secrets(void **state)
{
	(void)state;
	static const char *const docs[] = {"{}", "{'auth': null, 'tls': 5, 'headers': 'x'}", "{'auth': {'password': null, 'token': 5}}", "{'headers': {'X-Token': null}}"};
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		json_t *doc = fixture_json(docs[i]), *copy = json_deep_copy(doc), *out;
		assert_int_equal(credentials_split(doc, &out, NULL), 0);
		assert_int_equal(json_object_size(out), 0);
		assert_true(json_equal(doc, copy));
		json_decref(out);
		json_decref(copy);
		json_decref(doc);
	}
}

static void bad_secrets_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *doc, *pointer;
	} cases[] = {
	    {"{'auth': {'token': 'a b'}}", "/auth/token"},         {"{'auth': {'token': ''}}", "/auth/token"},
	    {"{'auth': {'token': 'a\\u0000b'}}", "/auth/token"},   {"{'auth': {'value': 'a\\r\\nb'}}", "/auth/value"},
	    {"{'auth': {'password': 'a\\u007f'}}", "/auth/password"}, {"{'auth': {'client_secret': 'a\\nb'}}", "/auth/client_secret"},
	    {"{'tls': {'client_key': 'MII'}}", "/tls/client_key"}, {"{'headers': {'A/B-token': 'a\\n'}}", "/headers/A~1B-token"},
	    {"{'headers': {'X-Token': '\\u00e9'}}", "/headers/X-Token"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};
		json_t *doc = fixture_json(cases[i].doc), *out;
		assert_int_equal(credentials_split(doc, &out, &err), -1);
		if (!points_at(&err, cases[i].pointer))
			fail_msg("%s: %s", cases[i].doc, err.detail);
		json_decref(out);
		json_decref(doc);
	}
}

/* doc, the one before, its secrets, those that were given → what stands in the end, the secrets, those that are others; or the pointer of the
 * error. All NULL: none. */
static const struct {
	const char *doc, *before, *old, *given;
	const char *end, *now, *replaced;
	const char *error;
} completions[] = {
    {"{" MINIMAL "}", NULL, NULL, NULL, "{" MINIMAL "}", "{}", "{}", NULL},
    {"{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", NULL, NULL, "{'auth': {'token': 'n'}}",
     "{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{'auth': {'token': 'n'}}", "{'auth': {'token': true}}", NULL},
    {"{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", NULL, NULL, NULL, NULL, NULL, NULL, "/auth/token"},
    {"{" MINIMAL ", 'auth': {'type': 'bearer'}}", NULL, NULL, NULL, NULL, NULL, NULL, "/auth/token"},
    /* Kept: by word, and where it is absent. */
    {"{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", NULL,
     "{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{'auth': {'token': 'o'}}", "{}", NULL},
    {"{" MINIMAL ", 'auth': {'type': 'bearer'}}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", NULL,
     "{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{'auth': {'token': 'o'}}", "{}", NULL},
    /* Given again: the same is no change. */
    {"{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", "{'auth': {'token': 'o'}}",
     "{" MINIMAL ", 'auth': {'type': 'bearer', 'token': '***'}}", "{'auth': {'token': 'o'}}", "{}", NULL},
    /* Of another type: the secret of the first is none of the second. */
    {"{" MINIMAL ", 'auth': {'type': 'basic', 'username': 'u'}}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", NULL, NULL, NULL, NULL, "/auth/password"},
    {"{" MINIMAL ", 'auth': null}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", NULL, "{" MINIMAL ", 'auth': null}", "{}", "{}", NULL},
    /* Elsewhere: not without being given. */
    {"{'url': 'https://other.example/', 'auth': {'type': 'bearer', 'token': '***'}}", "{" MINIMAL "}", "{'auth': {'token': 'o'}}", NULL, NULL, NULL, NULL,
     "/auth/token"},
    {"{'url': 'http://example.com/', 'headers': {'X-Key': '***'}}", "{" MINIMAL "}", "{'headers': {'X-Key': 'o'}}", NULL, NULL, NULL, NULL, "/headers/X-Key"},
    {"{'url': 'https://EXAMPLE.com:443/other', 'headers': {'x-key': '***'}}", "{" MINIMAL "}", "{'headers': {'X-Key': 'o'}}", NULL,
     "{'url': 'https://EXAMPLE.com:443/other', 'headers': {'x-key': '***'}}", "{'headers': {'x-key': 'o'}}", "{}", NULL},
    /* A client's secret goes by the token endpoint and, as its tokens are sent there, by the endpoint; a private key nowhere. */
    {"{" MINIMAL ", 'auth': {'type': 'oauth2', 'token_url': 'https://id.example/b', 'client_secret': '***'}}",
     "{" MINIMAL ", 'auth': {'token_url': 'https://id.example/a'}}", "{'auth': {'client_secret': 'o'}}", NULL,
     "{" MINIMAL ", 'auth': {'type': 'oauth2', 'token_url': 'https://id.example/b', 'client_secret': '***'}}",
     "{'auth': {'client_secret': 'o'}}", "{}", NULL},
    {"{'url': 'https://other.example/', 'auth': {'type': 'oauth2', 'token_url': 'https://id.example/a', 'client_secret': '***'}}",
     "{" MINIMAL ", 'auth': {'token_url': 'https://id.example/a'}}", "{'auth': {'client_secret': 'o'}}", NULL, NULL, NULL, NULL, "/auth/client_secret"},
    {"{" MINIMAL ", 'auth': {'type': 'oauth2', 'token_url': 'https://id.other/a', 'client_secret': '***'}}",
     "{" MINIMAL ", 'auth': {'token_url': 'https://id.example/a'}}", "{'auth': {'client_secret': 'o'}}", NULL, NULL, NULL, NULL, "/auth/client_secret"},
    {"{'url': 'https://other.example/', 'tls': {'client_certificate': 'c'}}", "{" MINIMAL "}", "{'tls': {'client_key': 'k'}}", NULL,
     "{'url': 'https://other.example/', 'tls': {'client_certificate': 'c', 'client_key': '***'}}", "{'tls': {'client_key': 'k'}}", "{}", NULL},
    /* Certificate and key come and go together. */
    {"{" MINIMAL ", 'tls': {'client_key': '***'}}", "{" MINIMAL "}", "{'tls': {'client_key': 'k'}}", NULL, "{" MINIMAL ", 'tls': {}}", "{}", "{}", NULL},
    {"{" MINIMAL ", 'tls': {'client_key': '***'}}", NULL, NULL, "{'tls': {'client_key': 'k'}}", NULL, NULL, NULL, "/tls/client_certificate"},
    {"{" MINIMAL ", 'tls': {'client_certificate': 'c'}}", NULL, NULL, NULL, NULL, NULL, NULL, "/tls/client_key"},
};

static json_t *maybe_json(const char *text)
{
	return text ? fixture_json(text) : NULL;
}

static void documents_and_secrets_are_made_to_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof completions / sizeof *completions; i++) {
		struct err err = {0};
		json_t *doc = fixture_json(completions[i].doc), *before = maybe_json(completions[i].before), *old = maybe_json(completions[i].old),
		       *given = maybe_json(completions[i].given), *now = NULL, *replaced = NULL;
		int result = credentials_complete(doc, before, old, given, &now, &replaced, &err);
		if (result != (completions[i].error ? -1 : 0))
			fail_msg("case %zu: %d, %s", i, result, err.detail);
		if (completions[i].error && !points_at(&err, completions[i].error))
			fail_msg("case %zu: %s", i, err.detail);
		if (!completions[i].error) {
			is_json(doc, completions[i].end);
			is_json(now, completions[i].now);
			is_json(replaced, completions[i].replaced);
		}
		json_decref(doc);
		json_decref(before);
		json_decref(old);
		json_decref(given);
		json_decref(now);
		json_decref(replaced);
	}
}

static void sealed_ones_are_opened_in_their_place_alone(void **state)
{
	(void)state;
	const struct master_key another = {.bytes = {9}};
	struct endpoint_secret sealed, none;
	struct err err = {0};
	json_t *secrets = fixture_json("{'auth': {'token': 'swordfish'}}"), *empty = json_object();
	assert_int_equal(credentials_seal(7, &master, secrets, &sealed), 0);
	assert_null(memmem(sealed.sealed, sealed.sealed_len, "swordfish", 9));
	json_t *open = credentials_open(7, &master, &sealed, &err);
	assert_true(json_equal(open, secrets));
	assert_null(credentials_open(8, &master, &sealed, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_null(credentials_open(7, &another, &sealed, &err));
	sealed.sealed[sealed.sealed_len - 1] ^= 1;
	assert_null(credentials_open(7, &master, &sealed, &err));
	assert_int_equal(credentials_seal(7, &master, empty, &none), 0);
	assert_int_equal(none.sealed_len, 0);
	json_t *nothing = credentials_open(7, &master, &none, &err);
	assert_int_equal(json_object_size(nothing), 0);
	free(sealed.sealed);
	json_decref(nothing);
	json_decref(open);
	json_decref(empty);
	json_decref(secrets);
}

static void redacted(const struct access *access, const char *token, const char *from, const char *expected)
{
	struct strbuf to = STRBUF_INIT(4096);
	access_redact(access, token, slice_of(from), &to);
	assert_string_equal(strbuf_text(&to), expected);
	strbuf_free(&to);
}

static void secrets_are_taken_out_of_answers(void **state)
{
	(void)state;
	char value[] = "Basic dTpzd29yZC9maXNo";
	struct access access = {.open = fixture_json("{'auth': {'password': 'sword/fish'}, 'headers': {'X-Key': 'abc'}}"), .value = value};
	redacted(&access, NULL, "nothing to see", "nothing to see");
	redacted(&access, NULL, "", "");
	redacted(&access, NULL, "a sword/fish, sword/fish", "a [redacted], [redacted]");
	redacted(&access, NULL, "{\"p\":\"sword\\/fish\"}", "{\"p\":\"[redacted]\"}");
	redacted(&access, NULL, "p=sword%2Ffish&q=sword%2ffish", "p=[redacted]&q=[redacted]");
	redacted(&access, NULL, "Basic dTpzd29yZC9maXNo!", "Basic [redacted]!");
	redacted(&access, NULL, "cut at the end: sword/f", "cut at the end: [redacted]");
	redacted(&access, NULL, "swo", "swo");
	redacted(&access, NULL, "sword fish abc", "sword fish abc");
	redacted(&access, "tok-en", "Bearer tok-en.", "Bearer [redacted].");
	json_decref(access.open);
}

static void types_of_auth_are_read(void **state)
{
	(void)state;
	struct endpoint *endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE,
	                                             "{" MINIMAL ", 'auth': {'type': 'oauth2', 'token_url': 'http://ID.example:8080/t', 'client_id': 'c',"
	                                             "'client_secret': '***', 'scope': null, 'audience': 'a', 'style': 'body'},"
	                                             "'tls': {'verify': false, 'min_version': '1.3', 'ca': '-----BEGIN CERTIFICATE-----'}}");
	assert_int_equal(endpoint->auth->type, AUTH_OAUTH2);
	assert_string_equal(endpoint->auth->token.host, "id.example");
	assert_int_equal(endpoint->auth->token.port, 8080);
	assert_false(endpoint->auth->token.https);
	assert_null(endpoint->auth->scope);
	assert_string_equal(endpoint->auth->audience, "a");
	assert_true(endpoint->auth->in_body);
	assert_string_equal(auth_header(endpoint->auth), "Authorization");
	assert_true(endpoint->tls->tls13 && !endpoint->tls->verify);
	assert_null(endpoint->tls->client_certificate);
	endpoint_unref(endpoint);
	endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'auth': {'type': 'api_key', 'header': 'X-Key', 'value': '***'}, 'tls': null,"
	                                                   "'headers': {'X-Token': '***', 'X-Plain': '***'}}");
	assert_string_equal(auth_header(endpoint->auth), "X-Key");
	assert_null(endpoint->tls);
	assert_null(endpoint->headers[0].value);
	assert_string_equal(endpoint->headers[1].value, "***");
	endpoint_unref(endpoint);
	assert_null(auth_header(NULL));
	assert_string_equal(auth_secret_name("basic"), "password");
	assert_null(auth_secret_name("digest"));
	assert_null(auth_secret_name(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_headers_say_what_is_secret),
	    cmocka_unit_test(secrets_are_taken_out_and_the_rest_stays),
	    cmocka_unit_test(what_is_no_object_has_no_secrets),
	    cmocka_unit_test(bad_secrets_are_named),
	    cmocka_unit_test(documents_and_secrets_are_made_to_agree),
	    cmocka_unit_test(sealed_ones_are_opened_in_their_place_alone),
	    cmocka_unit_test(secrets_are_taken_out_of_answers),
	    cmocka_unit_test(types_of_auth_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
