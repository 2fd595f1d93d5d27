/* Endpoint documents: what is accepted, what is refused and how, and what the API shows. */
#include "endpoint_fixture.h"

#include <stdlib.h>

#include "base/id.h"

#define NOW INT64_C(1700000000000)
#define MINIMAL "'url': 'https://example.com/hook', 'event_types': ['order.*']"

/* Whether the error names this field; what it says of it. */
static const char *detail_of(const struct err *err, const char *pointer)
{
	for (unsigned i = 0; i < err->fields_len; i++) {
		if (strcmp(err->fields[i].pointer, pointer) == 0)
			return err->fields[i].detail;
	}
	return NULL;
}

static void refused(const char *text, const char *pointer, const char *says)
{
	const struct endpoint_meta meta = {.id = 1};
	struct err err = {0};
	json_t *doc = fixture_json(text);
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &err);
	if (endpoint)
		fail_msg("%s is accepted", text);
	assert_int_equal(err.code, ERR_INVALID);
	const char *detail = detail_of(&err, pointer);
	if (!detail)
		fail_msg("%s: no error at %s but %s", text, pointer, err.detail);
	if (!strstr(detail, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, detail, says);
	json_decref(doc);
}

static void refused_url(const char *url, const char *says)
{
	char text[4096];
	snprintf(text, sizeof text, "{'url': '%s', 'event_types': ['*']}", url);
	refused(text, "/url", says);
}

static struct endpoint *with_url(const char *url)
{
	char text[4096];
	snprintf(text, sizeof text, "{'url': '%s', 'event_types': ['*']}", url);
	return fixture_endpoint(1, 0, ENDPOINT_ACTIVE, text);
}

static void a_minimal_document_gets_the_defaults(void **state)
{
	(void)state;
	struct endpoint *endpoint = fixture_endpoint(5, 9, ENDPOINT_PAUSED, "{" MINIMAL "}");
	const struct retry_policy standard = retry_policy_default();
	assert_int_equal(endpoint->meta.id, 5);
	assert_int_equal(endpoint->meta.subscriber, 9);
	assert_null(endpoint->uid);
	assert_string_equal(endpoint->url, "https://example.com/hook");
	assert_string_equal(endpoint->host, "example.com");
	assert_int_equal(endpoint->port, 443);
	assert_true(endpoint->https);
	assert_int_equal(endpoint->patterns_len, 1);
	assert_string_equal(endpoint->patterns[0], "order.*");
	assert_int_equal(endpoint->headers_len, 0);
	assert_memory_equal(endpoint_retry(endpoint), &standard, sizeof standard);
	assert_int_equal(endpoint_timeout_ms(endpoint), 15000);
	assert_int_equal(endpoint_max_in_flight(endpoint), 8);
	assert_false(endpoint->ordered);
	endpoint_unref(endpoint);
	endpoint_unref(NULL);
}

static void the_defaults_of_options_are_the_start(void **state)
{
	(void)state;
	struct endpoint_defaults before = endpoint_defaults;
	endpoint_defaults.retry.base_ms = 77;
	endpoint_defaults.timeout_ms = 3000;
	endpoint_defaults.max_in_flight = 2;
	struct endpoint *endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'retry': {'max_attempts': 3}}");
	assert_int_equal(endpoint->retry->base_ms, 77);
	assert_int_equal(endpoint->retry->max_attempts, 3);
	assert_int_equal(endpoint_timeout_ms(endpoint), 3000);
	assert_int_equal(endpoint_max_in_flight(endpoint), 2);
	endpoint_unref(endpoint);
	endpoint_defaults = before;
}

static void a_full_document_is_taken_whole(void **state)
{
	(void)state;
	struct endpoint *endpoint = fixture_endpoint(
	    1, 0, ENDPOINT_ACTIVE,
	    "{" MINIMAL
	    ", 'uid': 'billing', 'description': 'd', 'headers': {'X-Token': 'a b\\tc', 'User-Agent': 'me', 'Authorization': ''},"
	    "'retry': {'schedule_ms': [1, 2]}, 'timeout_ms': 100, 'max_in_flight': 1000, 'ordered': true, 'metadata': {'a': 'b'}, "
	    "'format': 'cloudevents-binary'}");
	assert_string_equal(endpoint->uid, "billing");
	assert_int_equal(endpoint->headers_len, 3);
	assert_string_equal(endpoint->headers[0].name, "X-Token");
	assert_string_equal(endpoint->headers[0].value, "a b\tc");
	assert_string_equal(endpoint->headers[2].value, "");
	assert_int_equal(endpoint->retry->schedule_len, 2);
	assert_int_equal(endpoint->timeout_ms, 100);
	assert_int_equal(endpoint->max_in_flight, 1000);
	assert_true(endpoint->ordered);
	assert_int_equal(endpoint->format, FORMAT_CLOUDEVENTS_BINARY);
	endpoint_unref(endpoint);
}

static void good_urls_give_host_and_port(void **state)
{
	(void)state;
	static const struct {
		const char *url, *host;
		int port;
		bool https;
	} cases[] = {
	    {"http://example.com", "example.com", 80, false},
	    {"https://EXAMPLE.com/Path?q=A", "example.com", 443, true},
	    {"HTTPS://example.com", "example.com", 443, true},
	    {"http://example.com?q", "example.com", 80, false},
	    {"http://example.com:8080/", "example.com", 8080, false},
	    {"http://example.com:1", "example.com", 1, false},
	    {"http://example.com:65535", "example.com", 65535, false},
	    {"http://127.0.0.1:9000/x", "127.0.0.1", 9000, false},
	    {"http://255.255.255.255/", "255.255.255.255", 80, false},
	    {"https://[::1]:8443/x", "::1", 8443, true},
	    {"https://[2001:DB8::1]", "2001:db8::1", 443, true},
	    {"http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1", 80, false},
	    {"http://localhost/", "localhost", 80, false},
	    {"http://my_service.internal-net/", "my_service.internal-net", 80, false},
	    {"http://1password.com/", "1password.com", 80, false},
	    {"http://1.2.3.4.example/", "1.2.3.4.example", 80, false},
	    {"http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, false},
	    {"http://example.com/a@b:c", "example.com", 80, false},
	    {"http://a.0xyz/", "a.0xyz", 80, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct endpoint *endpoint = with_url(cases[i].url);
		assert_string_equal(endpoint->url, cases[i].url);
		assert_string_equal(endpoint->host, cases[i].host);
		assert_int_equal(endpoint->port, cases[i].port);
		assert_int_equal(endpoint->https, cases[i].https);
		endpoint_unref(endpoint);
	}
}

static const struct {
	const char *url, *says;
} bad_urls[] = {
    {"", "1 to 2048"},
    {"ftp://example.com", "http:// or https://"},
    {"file:///etc/passwd", "http:// or https://"},
    {"gopher://x", "http:// or https://"},
    {"//example.com", "http:// or https://"},
    {"example.com", "http:// or https://"},
    {"http:/example.com", "http:// or https://"},
    {"http:example.com", "http:// or https://"},
    {"http://", "the host has 0"},
    {"http:///x", "the host has 0"},
    {"http://:80/", "the host has 0"},
    {"http://?x", "the host has 0"},
    {"http://user@example.com/", "user name"},
    {"http://user:pass@example.com/", "user name"},
    {"http://@example.com/", "user name"},
    {"http://good.example\\\\@evil.example/", "user name"},
    {"http://good.example\\\\.evil.example/", "character"},
    {"http://example.com/#x", "fragment"},
    {"http://example.com#", "fragment"},
    {"http://exa mple.com/", "spaces"},
    {"http://example.com/a b", "spaces"},
    {" http://example.com/", "spaces"},
    {"http://example.com/\\n", "control"},
    {"http://example.com/\\r\\nX: y", "control"},
    {"http://example.com/\\u0000", "control"},
    {"http://example.com/\\u007f", "control"},
    {"http://b\\u00fccher.example/", "ASCII"},
    {"http://example.com/\\u00fc", "ASCII"},
    {"http://example..com/", "label"},
    {"http://.example.com/", "label"},
    {"http://example.com./", "label"},
    {"http://127.0.0.1./", "label"},
    {"http://exa%6dple.com/", "character"},
    {"http://exa$mple.com/", "character"},
    {"http://2130706433/", "usual form"},
    {"http://0x7f.1/", "usual form"},
    {"http://127.1/", "usual form"},
    {"http://127.0.1/", "usual form"},
    {"http://0177.0.0.1/", "usual form"},
    {"http://0x7f000001/", "usual form"},
    {"http://0X7F000001/", "usual form"},
    {"http://127.0.0.0x1/", "usual form"},
    {"http://127.0.0.01/", "usual form"},
    {"http://256.0.0.1/", "usual form"},
    {"http://1.2.3.4.5/", "usual form"},
    {"http://example.1/", "usual form"},
    {"http://0/", "usual form"},
    {"http://0x/", "usual form"},
    {"http://[::1/", "no ']'"},
    {"http://[]/", "the host has 0"},
    {"http://[::g]/", "IPv6"},
    {"http://[127.0.0.1]/", "IPv6"},
    {"http://[fe80::1%25eth0]/", "IPv6"},
    {"http://[::1]x/", "port may follow"},
    {"http://[::1]x:80/", "port may follow"},
    {"http://::1/", "the host has 0"},
    {"http://example.com:/", "port"},
    {"http://example.com:0/", "port"},
    {"http://example.com:65536/", "port"},
    {"http://example.com:99999999999999999999/", "port"},
    {"http://example.com:8x/", "port"},
    {"http://example.com:-1/", "port"},
    {"http://example.com:80:80/", "port"},
    {"http://[::1]:/", "port"},
};

static void bad_urls_say_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++)
		refused_url(bad_urls[i].url, bad_urls[i].says);
	refused("{'url': 7, 'event_types': ['*']}", "/url", "string");
	refused("{'url': null, 'event_types': ['*']}", "/url", "string");
}

static void lengths_of_urls_and_hosts_are_limited(void **state)
{
	(void)state;
	char url[3000], label[65], host[300] = "";
	memset(label, 'a', sizeof label);
	snprintf(url, sizeof url, "http://%.63s/", label);
	endpoint_unref(with_url(url));
	snprintf(url, sizeof url, "http://%.64s/", label);
	refused_url(url, "label");
	/* 4 · 63 + 3 = 255 is too long; 61 in the last one makes 253. */
	snprintf(host, sizeof host, "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	snprintf(url, sizeof url, "http://%s/", host);
	endpoint_unref(with_url(url));
	snprintf(url, sizeof url, "http://%sa/", host);
	refused_url(url, "host has 254");
	memset(url, 'a', sizeof url);
	memcpy(url, "http://example.com/", 19);
	url[2048] = '\0';
	endpoint_unref(with_url(url));
	url[2048] = 'a';
	url[2049] = '\0';
	refused_url(url, "2048");
}

static void event_types_are_required_distinct_patterns(void **state)
{
	(void)state;
	refused("{'url': 'http://a.example'}", "/event_types", "required");
	refused("{'url': 'http://a.example', 'event_types': []}", "/event_types", "1 to 200");
	refused("{'url': 'http://a.example', 'event_types': 'a'}", "/event_types", "array");
	refused("{'url': 'http://a.example', 'event_types': ['a', 'b', 'c', 'a.*.b']}", "/event_types/3", "last segment");
	refused("{'url': 'http://a.example', 'event_types': ['a', 7]}", "/event_types/1", "string");
	refused("{'url': 'http://a.example', 'event_types': ['a', 'b', 'a']}", "/event_types/2", "already");
	json_t *types = json_array(), *doc = json_pack("{s:s, s:O}", "url", "http://a.example", "event_types", types);
	const struct endpoint_meta meta = {.id = 1};
	for (int i = 0; i < 200; i++)
		json_array_append_new(types, json_sprintf("t%d", i));
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, NULL);
	assert_non_null(endpoint);
	assert_int_equal(endpoint->patterns_len, 200);
	endpoint_unref(endpoint);
	json_array_append_new(types, json_string("one.more"));
	assert_null(endpoint_parse(doc, &meta, NULL, 0, NULL));
	json_decref(types);
	json_decref(doc);
}

static void headers_of_the_hub_and_of_http_are_refused_by_name(void **state)
{
	(void)state;
	static const char *const names[] = {"Host",
	                                    "host",
	                                    "Content-Length",
	                                    "CONTENT-LENGTH",
	                                    "Transfer-Encoding",
	                                    "Connection",
	                                    "Keep-Alive",
	                                    "Upgrade",
	                                    "TE",
	                                    "Trailer",
	                                    "Expect",
	                                    "Proxy-Authorization",
	                                    "proxy-connection",
	                                    "Content-Type",
	                                    "webhook-id",
	                                    "Webhook-Foo",
	                                    "webhook-",
	                                    "ce-id",
	                                    "CE-x",
	                                    "grapnel-event-type",
	                                    "Grapnel-X",
	                                    "traceparent",
	                                    "Tracestate"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char text[256], pointer[64];
		snprintf(text, sizeof text, "{" MINIMAL ", 'headers': {'X-Good': 'a', '%s': 'b'}}", names[i]);
		snprintf(pointer, sizeof pointer, "/headers/%s", names[i]);
		refused(text, pointer, names[i]);
	}
	struct endpoint *endpoint =
	    fixture_endpoint(1, 0, ENDPOINT_ACTIVE, "{" MINIMAL ", 'headers': {'X-Host': '', 'Tea': '', 'webhook': ''}}");
	assert_int_equal(endpoint->headers_len, 3);
	endpoint_unref(endpoint);
}

static void malformed_headers_are_refused(void **state)
{
	(void)state;
	refused("{" MINIMAL ", 'headers': {'X A': 'b'}}", "/headers/X A", "name");
	refused("{" MINIMAL ", 'headers': {'': 'b'}}", "/headers/", "name");
	refused("{" MINIMAL ", 'headers': {'X:': 'b'}}", "/headers/X:", "name");
	refused("{" MINIMAL ", 'headers': {'X\\r\\nY': 'b'}}", "/headers/X\r\nY", "name");
	refused("{" MINIMAL ", 'headers': {'a/b~c': 'b'}}", "/headers/a~1b~0c", "name");
	refused("{" MINIMAL ", 'headers': {'X\\u00e9': 'b'}}", "/headers/X\xc3\xa9", "name");
	refused("{" MINIMAL ", 'headers': {'X-Foo': 'a\\r\\nEvil: b'}}", "/headers/X-Foo", "printable ASCII");
	refused("{" MINIMAL ", 'headers': {'X-Foo': 'a\\u0000b'}}", "/headers/X-Foo", "printable ASCII");
	refused("{" MINIMAL ", 'headers': {'X-Foo': '\\u00e9'}}", "/headers/X-Foo", "printable ASCII");
	refused("{" MINIMAL ", 'headers': {'X-Foo': '\\u007f'}}", "/headers/X-Foo", "printable ASCII");
	refused("{" MINIMAL ", 'headers': {'X-Foo': 7}}", "/headers/X-Foo", "string");
	refused("{" MINIMAL ", 'headers': {'X-Foo': null}}", "/headers/X-Foo", "string");
	refused("{" MINIMAL ", 'headers': {'X-Foo': 'a', 'x-fOO': 'b'}}", "/headers/x-fOO", "twice");
	refused("{" MINIMAL ", 'headers': []}", "/headers", "object");
	refused("{" MINIMAL ", 'headers': null}", "/headers", "object");
}

static void headers_are_limited_in_number_and_size(void **state)
{
	(void)state;
	const struct endpoint_meta meta = {.id = 1};
	char value[4097];
	memset(value, 'v', sizeof value);
	json_t *doc = fixture_json("{" MINIMAL ", 'headers': {}}"), *headers = json_object_get(doc, "headers");
	json_object_set_new(headers, "X-Long", json_stringn(value, 4096));
	for (int i = 1; i < 32; i++) {
		char name[16];
		snprintf(name, sizeof name, "X-%d", i);
		json_object_set_new(headers, name, json_string("v"));
	}
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, NULL);
	assert_non_null(endpoint);
	assert_int_equal(endpoint->headers_len, 32);
	assert_int_equal(strlen(endpoint->headers[0].value), 4096);
	endpoint_unref(endpoint);
	json_object_set_new(headers, "X-Long", json_stringn(value, 4097));
	struct err err = {0};
	assert_null(endpoint_parse(doc, &meta, NULL, 0, &err));
	assert_non_null(detail_of(&err, "/headers/X-Long"));
	json_object_set_new(headers, "X-Long", json_string("v"));
	json_object_set_new(headers, "X-32", json_string("v"));
	assert_null(endpoint_parse(doc, &meta, NULL, 0, NULL));
	json_decref(doc);
}

static void other_fields_are_checked(void **state)
{
	(void)state;
	refused("{" MINIMAL ", 'uid': 'a b'}", "/uid", "printable");
	refused("{" MINIMAL ", 'uid': 7}", "/uid", "string");
	refused("{" MINIMAL ", 'uid': ''}", "/uid", "1 to 255");
	refused("{" MINIMAL ", 'uid': 'a\\u0000'}", "/uid", "byte 2");
	refused("{" MINIMAL ", 'uid': 'ep_01hv3k5z8w7qc'}", "/uid", "id");
	refused("{" MINIMAL ", 'description': 7}", "/description", "string");
	refused("{" MINIMAL ", 'description': 'a\\u0000'}", "/description", "U+0000");
	refused("{" MINIMAL ", 'retry': 7}", "/retry", "object");
	refused("{" MINIMAL ", 'retry': {'base_ms': -1}}", "/retry/base_ms", "1 to");
	refused("{" MINIMAL ", 'timeout_ms': 99}", "/timeout_ms", "100 to 120000");
	refused("{" MINIMAL ", 'timeout_ms': 120001}", "/timeout_ms", "100 to 120000");
	refused("{" MINIMAL ", 'timeout_ms': '15s'}", "/timeout_ms", "integer");
	refused("{" MINIMAL ", 'max_in_flight': 0}", "/max_in_flight", "1 to 1000");
	refused("{" MINIMAL ", 'max_in_flight': 1001}", "/max_in_flight", "1 to 1000");
	refused("{" MINIMAL ", 'ordered': 1}", "/ordered", "true or false");
	refused("{" MINIMAL ", 'metadata': {'a': 1}}", "/metadata/a", "string");
	refused("{" MINIMAL ", 'metadata': 'a'}", "/metadata", "object");
	refused("{" MINIMAL ", 'format': 'xml'}", "/format", "cloudevents-structured");
	refused("{" MINIMAL ", 'format': 'RAW'}", "/format", "raw");
	refused("{" MINIMAL ", 'format': 1}", "/format", "raw");
	refused("{" MINIMAL ", 'signature': 'v1a'}", "/signature", "object");
	refused("{" MINIMAL ", 'signature': {'version': 'v1'}}", "/signature/version", "unknown field");
	refused("{" MINIMAL ", 'signature': {'versions': 'v1a'}}", "/signature/versions", "array");
	refused("{" MINIMAL ", 'signature': {'versions': []}}", "/signature/versions", "array");
	refused("{" MINIMAL ", 'signature': {'versions': ['v1', 'v1a', 'v1']}}", "/signature/versions", "array");
	refused("{" MINIMAL ", 'signature': {'versions': ['v1', 'V1a']}}", "/signature/versions/1", "ed25519");
	refused("{" MINIMAL ", 'signature': {'versions': [1]}}", "/signature/versions/0", "ed25519");
	refused("{" MINIMAL ", 'signature': {'versions': ['v1a', 'v1a']}}", "/signature/versions/1", "once");
	refused("{}", "/url", "required");
	refused("[]", "", "object");
	refused("null", "", "object");
}

static void unknown_and_unbuilt_fields_are_told_apart(void **state)
{
	(void)state;
	refused("{" MINIMAL ", 'evnt_types': []}", "/evnt_types", "unknown field");
	refused("{" MINIMAL ", 'a/b~c': 1}", "/a~1b~0c", "unknown field");
	refused("{" MINIMAL ", 'filter': {}}", "/filter", "not available in this version");
	/* Only endpoint_doc_split() takes these. */
	refused("{" MINIMAL ", 'secret': 'x'}", "/secret", "unknown field");
	refused("{" MINIMAL ", 'status': 'active'}", "/status", "unknown field");
}

static void all_errors_of_a_document_are_told_at_once(void **state)
{
	(void)state;
	const struct endpoint_meta meta = {.id = 1};
	struct err err = {0};
	json_t *doc =
	    fixture_json("{'url': 'ftp://x', 'event_types': ['a', '.'], 'timeout_ms': 1, 'headers': {'Host': 'x'}, 'retry': {'factor': 0},"
	                 "'bogus': 1, 'uid': ' '}");
	assert_null(endpoint_parse(doc, &meta, NULL, 0, &err));
	assert_int_equal(err.fields_len, 7);
	static const char *const pointers[] = {"/url", "/event_types/1", "/timeout_ms", "/headers/Host", "/retry/factor", "/bogus", "/uid"};
	for (size_t i = 0; i < 7; i++)
		assert_non_null(detail_of(&err, pointers[i]));
	json_decref(doc);
}

static void an_over_long_name_gives_a_pointer_that_is_whole_text(void **state)
{
	(void)state;
	const struct endpoint_meta meta = {.id = 1};
	char name[4000];
	struct err err = {0};
	for (size_t i = 0; i < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[sizeof name - 1] = name[sizeof name - 2] = '\0';
	json_t *doc = fixture_json("{" MINIMAL "}");
	json_object_set_new(doc, name, json_true());
	assert_null(endpoint_parse(doc, &meta, NULL, 0, &err));
	assert_int_equal(err.fields_len, 1);
	json_t *text = json_string(err.fields[0].pointer); /* NULL unless it is UTF-8 */
	assert_non_null(text);
	assert_memory_equal(err.fields[0].pointer, "/\xc3\xa9\xc3\xa9", 5);
	json_decref(text);
	json_decref(doc);
}

static void descriptions_are_counted_in_characters(void **state)
{
	(void)state;
	const struct endpoint_meta meta = {.id = 1};
	char text[2 * 1025];
	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	json_t *doc = fixture_json("{" MINIMAL "}");
	json_object_set_new(doc, "description", json_stringn(text, 2 * 1024));
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, NULL);
	assert_non_null(endpoint);
	endpoint_unref(endpoint);
	json_object_set_new(doc, "description", json_stringn(text, 2 * 1025));
	assert_null(endpoint_parse(doc, &meta, NULL, 0, NULL));
	json_decref(doc);
}

static void versions_of_signatures_are_chosen(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool v1, v1a;
	} cases[] = {
	    {"{" MINIMAL "}", true, false},
	    {"{" MINIMAL ", 'signature': {}}", true, false},
	    {"{" MINIMAL ", 'signature': {'versions': ['v1']}}", true, false},
	    {"{" MINIMAL ", 'signature': {'versions': ['v1a']}}", false, true},
	    {"{" MINIMAL ", 'signature': {'versions': ['v1a', 'v1']}}", true, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct endpoint *endpoint = fixture_endpoint(1, 0, ENDPOINT_ACTIVE, cases[i].text);
		if (endpoint->sign_v1 != cases[i].v1 || endpoint->sign_v1a != cases[i].v1a)
			fail_msg("%s", cases[i].text);
		endpoint_unref(endpoint);
	}
}

/* Only while it signs v1a: nobody should verify with a key that is not used. */
static void the_public_key_is_shown_to_whom_v1a_is_sent(void **state)
{
	(void)state;
	uint8_t sealed[] = {1};
	const struct endpoint_pair pair = {.seed = {0, 1, sealed}, .public_key = {0xd5, 0x22}};
	const struct endpoint_meta meta = {.id = 1};
	for (int v1a = 0; v1a < 2; v1a++) {
		json_t *doc = fixture_json(v1a ? "{" MINIMAL ", 'signature': {'versions': ['v1a']}}" : "{" MINIMAL "}");
		struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, NULL);
		endpoint_take_pairs(endpoint, &pair, 1);
		assert_true(endpoint->pairs[0].seed.sealed != sealed);
		json_t *answer = endpoint_json(endpoint, doc, NULL), *shown = json_object_get(answer, "public_key");
		if (v1a)
			assert_string_equal(json_string_value(shown), "whpk_1SIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
		else
			assert_true(json_is_null(shown));
		json_decref(answer);
		json_decref(doc);
		endpoint_unref(endpoint);
	}
}

static void secrets_are_copied(void **state)
{
	(void)state;
	const struct endpoint_meta meta = {.id = 1};
	uint8_t sealed[3] = {1, 2, 3};
	struct endpoint_secret secrets[5] = {{0, 3, sealed}, {NOW, 2, sealed}, {1, 1, sealed}, {1, 1, sealed}, {1, 1, sealed}};
	json_t *doc = fixture_json("{" MINIMAL "}");
	struct endpoint *endpoint = endpoint_parse(doc, &meta, secrets, 2, NULL);
	assert_non_null(endpoint);
	sealed[0] = 9;
	assert_int_equal(endpoint->secrets_len, 2);
	assert_int_equal(endpoint->secrets[0].sealed[0], 1);
	assert_int_equal(endpoint->secrets[1].until_ms, NOW);
	endpoint_unref(endpoint);
	assert_null(endpoint_parse(doc, &meta, secrets, 5, NULL));
	json_decref(doc);
}

static void what_stands_beside_the_document_is_taken_out(void **state)
{
	(void)state;
	struct endpoint_given given;
	json_t *doc =
	    fixture_json("{" MINIMAL ", 'secret': 'whsec_x', 'subscriber': 'acme', 'id': 'ep_1', 'status': 'active', 'status_reason': null,"
	                 "'status_since': 1, 'created_at': 'x', 'updated_at': 'x', 'version': 3}");
	assert_int_equal(endpoint_doc_split(doc, &given, NULL), 0);
	assert_string_equal(given.secret, "whsec_x");
	assert_string_equal(given.subscriber, "acme");
	assert_false(given.subscriber_null);
	assert_int_equal(json_object_size(doc), 3);
	assert_non_null(json_object_get(doc, "version"));
	json_decref(doc);
	assert_string_equal(given.subscriber, "acme"); /* lives on without the document */
	json_decref(given.credentials);
		json_decref(given.taken);

	doc = fixture_json("{'subscriber': null}");
	assert_int_equal(endpoint_doc_split(doc, &given, NULL), 0);
	assert_null(given.subscriber);
	assert_true(given.subscriber_null);
	json_decref(given.credentials);
		json_decref(given.taken);
	json_decref(doc);

	doc = fixture_json("{}");
	assert_int_equal(endpoint_doc_split(doc, &given, NULL), 0);
	assert_null(given.secret);
	assert_null(given.subscriber);
	assert_false(given.subscriber_null);
	json_decref(given.credentials);
		json_decref(given.taken);
	json_decref(doc);
}

static void bad_texts_beside_the_document_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer;
	} cases[] = {
	    {"{'secret': 7}", "/secret"},
	    {"{'secret': null}", "/secret"},
	    {"{'secret': 'a\\u0000b'}", "/secret"},
	    {"{'secret': ''}", "/secret"},
	    {"{'subscriber': 7}", "/subscriber"},
	    {"{'subscriber': ''}", "/subscriber"},
	    {"[1]", ""},
	    {"7", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct endpoint_given given;
		struct err err = {0};
		json_t *doc = fixture_json(cases[i].text);
		assert_int_equal(endpoint_doc_split(doc, &given, &err), -1);
		assert_non_null(detail_of(&err, cases[i].pointer));
		assert_null(given.taken);
		json_decref(doc);
	}
}

static void the_answer_has_every_field(void **state)
{
	(void)state;
	struct endpoint_meta meta = {
	    .id = 77, .subscriber = 3, .version = 4, .created_ms = NOW, .updated_ms = NOW + 1, .status_since_ms = NOW + 2};
	json_t *doc = fixture_json("{" MINIMAL ", 'retry': {'base_ms': 9}}");
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, NULL);
	char id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, 77, id);
	json_t *answer = endpoint_json(endpoint, doc, "acme");
	json_t *expected =
	    fixture_json("{'uid': null, 'subscriber': 'acme', 'url': 'https://example.com/hook', 'event_types': ['order.*'],"
	                 "'description': '', 'headers': {}, 'auth': null, 'tls': null, 'insecure': null, 'format': 'raw', 'signature': {'versions': ['v1']}, 'method': 'POST', 'content_type': null, 'http2': false, 'verification': {'type': 'none'}, 'public_key': null,"
	                 "'retry': {'strategy': 'exponential', 'base_ms': 9,"
	                 "'factor': 3.5, 'max_delay_ms': 86400000, 'max_attempts': 12, 'max_age_ms': 0, 'jitter': 0.2},"
	                 "'timeout_ms': 15000, 'max_in_flight': 8, 'rate': null, 'breaker': {'max_failures': 10, 'ratio': 0.9,"
	                 "'window_ms': 60000, 'wait_ms': 5000, 'max_wait_ms': 60000}, 'ordered': false, 'metadata': {}, 'status': 'active',"
	                 "'status_reason': null, 'status_since': '2023-11-14T22:13:20.002Z',"
	                 "'created_at': '2023-11-14T22:13:20.000Z', 'updated_at': '2023-11-14T22:13:20.001Z', 'insecure': null, 'drill': null}");
	json_object_set_new(expected, "id", json_string(id));
	if (!json_equal(answer, expected))
		fail_msg("%s", json_dumps(answer, JSON_COMPACT));
	json_decref(expected);
	json_decref(answer);
	endpoint_unref(endpoint);
	json_decref(doc);
}

static void what_was_shown_can_be_put_back(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "{" MINIMAL "}",
	    "{" MINIMAL ", 'uid': 'u', 'retry': {'schedule_ms': [5]}, 'headers': {'A': 'b'}, 'metadata': {'k': 'v'}, 'ordered': true}",
	    "{" MINIMAL ", 'signature': {'versions': ['v1a', 'v1']}}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct endpoint_meta meta = {.id = 77, .status = ENDPOINT_DISABLED, .status_reason = "gone"};
		json_t *doc = fixture_json(texts[i]);
		struct endpoint *first = endpoint_parse(doc, &meta, NULL, 0, NULL);
		json_t *answer = endpoint_json(first, doc, NULL), *sent = json_deep_copy(answer);
		assert_string_equal(json_string_value(json_object_get(answer, "status_reason")), "gone");
		struct endpoint_given given;
		assert_int_equal(endpoint_doc_split(sent, &given, NULL), 0);
		assert_true(given.subscriber_null);
		struct endpoint *second = endpoint_parse(sent, &meta, NULL, 0, NULL);
		assert_non_null(second);
		json_t *again = endpoint_json(second, sent, NULL);
		assert_true(json_equal(answer, again));
		json_decref(again);
		json_decref(given.credentials);
		json_decref(given.taken);
		json_decref(sent);
		json_decref(answer);
		json_decref(doc);
		endpoint_unref(first);
		endpoint_unref(second);
	}
}

static void statuses_have_texts(void **state)
{
	(void)state;
	assert_string_equal(endpoint_status_text(ENDPOINT_ACTIVE), "active");
	assert_string_equal(endpoint_status_text(ENDPOINT_PAUSED), "paused");
	assert_string_equal(endpoint_status_text(ENDPOINT_DISABLED), "disabled");
	assert_string_equal(endpoint_status_text((enum endpoint_status)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_minimal_document_gets_the_defaults),
	    cmocka_unit_test(the_defaults_of_options_are_the_start),
	    cmocka_unit_test(a_full_document_is_taken_whole),
	    cmocka_unit_test(good_urls_give_host_and_port),
	    cmocka_unit_test(bad_urls_say_what_is_wrong),
	    cmocka_unit_test(lengths_of_urls_and_hosts_are_limited),
	    cmocka_unit_test(event_types_are_required_distinct_patterns),
	    cmocka_unit_test(headers_of_the_hub_and_of_http_are_refused_by_name),
	    cmocka_unit_test(malformed_headers_are_refused),
	    cmocka_unit_test(headers_are_limited_in_number_and_size),
	    cmocka_unit_test(other_fields_are_checked),
	    cmocka_unit_test(unknown_and_unbuilt_fields_are_told_apart),
	    cmocka_unit_test(all_errors_of_a_document_are_told_at_once),
	    cmocka_unit_test(an_over_long_name_gives_a_pointer_that_is_whole_text),
	    cmocka_unit_test(descriptions_are_counted_in_characters),
	    cmocka_unit_test(versions_of_signatures_are_chosen),
	    cmocka_unit_test(the_public_key_is_shown_to_whom_v1a_is_sent),
	    cmocka_unit_test(secrets_are_copied),
	    cmocka_unit_test(what_stands_beside_the_document_is_taken_out),
	    cmocka_unit_test(bad_texts_beside_the_document_are_refused),
	    cmocka_unit_test(the_answer_has_every_field),
	    cmocka_unit_test(what_was_shown_can_be_put_back),
	    cmocka_unit_test(statuses_have_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
