/* CloudEvents up to the envelope: what is read from objects and headers, refused, and kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/cloudevents.h"

#define NOW_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01"
#define OTHER_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define HEAD "{\"specversion\":\"1.0\",\"id\":\"A1\",\"source\":\"/s\",\"type\":\"com.example.someevent\""

struct reading {
	struct cloudevent ce;
	struct envelope envelope;
	struct event_fields fields;
	struct err err;
	char *body;
};

static void begin(struct reading *reading, bool binary)
{
	*reading = (struct reading){.err = {.code = ERR_NONE}};
	cloudevent_init(&reading->ce, binary, 8);
	envelope_init(&reading->envelope);
}

static void end(struct reading *reading)
{
	cloudevent_free(&reading->ce);
	envelope_free(&reading->envelope);
	free(reading->body);
}

static int settle(struct reading *reading)
{
	int bad = cloudevent_settle(&reading->ce, &reading->envelope, &reading->err);
	bad |= envelope_fields(&reading->envelope, NOW_MS, &reading->fields, &reading->err);
	if (!bad)
		cloudevent_fields(&reading->ce, &reading->fields);
	assert_true(!bad || reading->err.code != ERR_NONE);
	return bad || reading->err.code != ERR_NONE ? -1 : 0;
}

static int read_object(struct reading *reading, const char *text)
{
	struct json_scan scan;
	begin(reading, false);
	/* Exactly these bytes: reading past the end is seen by the sanitizer. */
	size_t len = strlen(text);
	reading->body = malloc(len);
	memcpy(reading->body, text, len);
	json_scan_init(&scan, (struct slice){reading->body, len}, 9);
	assert_int_equal(cloudevent_read(&reading->ce, "", &scan, &reading->err), 0);
	return settle(reading);
}

static void accepted(struct reading *reading, const char *text)
{
	if (read_object(reading, text) < 0)
		fail_msg("%s: %s", text, reading->err.detail);
}

static int take(struct reading *reading, const char *const *headers, const char *content_type, struct slice body)
{
	struct ingest_header taken[100];
	struct ingest_request request = {.headers = taken, .body = body, .content_type = slice_of(content_type)};
	for (; headers[0]; headers += 2)
		taken[request.headers_len++] = (struct ingest_header){slice_of(headers[0]), slice_of(headers[1])};
	begin(reading, true);
	cloudevent_take(&reading->ce, &request, &reading->err);
	return settle(reading);
}

static void assert_slice(struct slice got, const char *want)
{
	if (!want ? got.at != NULL : !slice_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", (int)got.len, got.at ? got.at : "", want ? want : "(absent)");
}

/* ---- The examples of the JSON event format, 3.2 ------------------------------------------------------------------------------- */

static const struct {
	const char *event, *content_type, *data, *context;
} examples[] = {
    {"{ \"specversion\" : \"1.0\", \"type\" : \"com.example.someevent\", \"source\" : \"/mycontext\", \"id\" : \"A234-1234-1234\", "
     "\"time\" : "
     "\"2018-04-05T17:31:00Z\", \"comexampleextension1\" : \"value\", \"comexampleothervalue\" : 5, \"datacontenttype\" : "
     "\"application/vnd.apache.thrift.binary\", \"data_base64\" : \"AAEC/v8=\" }",
     "application/vnd.apache.thrift.binary", "\x00\x01\x02\xfe\xff",
     "{\"specversion\":\"1.0\",\"id\":\"A234-1234-1234\",\"source\":\"/"
     "mycontext\",\"type\":\"com.example.someevent\",\"datacontenttype\":\"application/"
     "vnd.apache.thrift.binary\",\"time\":\"2018-04-05T17:31:00Z\",\"comexampleextension1\":\"value\",\"comexampleothervalue\":5}"},
    {"{ \"specversion\" : \"1.0\", \"type\" : \"com.example.someevent\", \"source\" : \"/mycontext\", \"id\" : \"B234-1234-1234\", "
     "\"time\" : "
     "\"2018-04-05T17:31:00Z\", \"comexampleextension1\" : \"value\", \"comexampleothervalue\" : 5, \"unsetextension\": null, "
     "\"datacontenttype\" : \"application/xml\", \"data\" : \"<much wow=\\\"xml\\\"/>\" }",
     "application/xml", "<much wow=\"xml\"/>",
     "{\"specversion\":\"1.0\",\"id\":\"B234-1234-1234\",\"source\":\"/mycontext\",\"type\":\"com.example.someevent\",\"datacontenttype\":"
     "\"application/xml\",\"time\":\"2018-04-05T17:31:00Z\",\"comexampleextension1\":\"value\",\"comexampleothervalue\":5}"},
    {"{ \"specversion\" : \"1.0\", \"type\" : \"com.example.someevent\", \"source\" : \"/mycontext\", \"subject\": null, \"id\" : "
     "\"C234-1234-1234\", \"time\" : \"2018-04-05T17:31:00Z\", \"comexampleextension1\" : \"value\", \"comexampleothervalue\" : 5, "
     "\"datacontenttype\" : \"application/json\", \"data\" : {\n\t\"appinfoA\" : \"abc\",\n\t\"appinfoB\" : 1.10,\n\t\"appinfoB\" : "
     "true\n} }",
     "application/json", "{\n\t\"appinfoA\" : \"abc\",\n\t\"appinfoB\" : 1.10,\n\t\"appinfoB\" : true\n}",
     "{\"specversion\":\"1.0\",\"id\":\"C234-1234-1234\",\"source\":\"/mycontext\",\"type\":\"com.example.someevent\",\"datacontenttype\":"
     "\"application/json\",\"time\":\"2018-04-05T17:31:00Z\",\"comexampleextension1\":\"value\",\"comexampleothervalue\":5}"},
    {"{ \"specversion\" : \"1.0\", \"type\" : \"com.example.someevent\", \"source\" : \"/mycontext\", \"id\" : \"D234-1234-1234\", "
     "\"data\" : "
     "\"I'm just a string\" }",
     "application/json", "\"I'm just a string\"",
     "{\"specversion\":\"1.0\",\"id\":\"D234-1234-1234\",\"source\":\"/mycontext\",\"type\":\"com.example.someevent\"}"},
};

static void the_examples_of_the_json_format_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct reading reading;
		accepted(&reading, examples[i].event);
		assert_slice(reading.fields.content_type, examples[i].content_type);
		assert_slice(reading.fields.context, examples[i].context);
		assert_slice(reading.fields.type, "com.example.someevent");
		assert_slice(reading.ce.source, "/mycontext");
		assert_true(slice_equal(reading.fields.uid, reading.ce.id));
		size_t len = i == 0 ? 5 : strlen(examples[i].data);
		assert_int_equal(reading.fields.data.len, len);
		assert_memory_equal(reading.fields.data.at, examples[i].data, len);
		end(&reading);
	}
}

/* ---- Data --------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *members, *content_type, *data;
} data_rows[] = {
    {"", NULL, ""},
    {",\"datacontenttype\":\"text/plain\"", "text/plain", ""},
    {",\"data\":null", "application/json", "null"},
    {",\"data\":{\"a\": 1,\"a\":1}", "application/json", "{\"a\": 1,\"a\":1}"},
    {",\"d\\u0061ta\":1", "application/json", "1"},
    {",\"data\":\"\\u00e9\\n\",\"datacontenttype\":\"text/plain\"", "text/plain", "\xc3\xa9\n"},
    {",\"data\":\"\",\"datacontenttype\":\"text/plain\"", "text/plain", ""},
    {",\"data\":\"{}\",\"datacontenttype\":\"application/vnd.x+json\"", "application/vnd.x+json", "\"{}\""},
    {",\"data_base64\":\"aGk=\"", "application/octet-stream", "hi"},
    {",\"data_base64\":\"Pz8\\/\"", "application/octet-stream", "??\x3f"},
    {",\"data_base64\":\"\"", NULL, ""},
    {",\"data_base64\":null", NULL, ""},
    {",\"data_base64\":null,\"data\":1", "application/json", "1"},
    {",\"data_base64\":\"IFsxXQ==\",\"datacontenttype\":\"application/json\"", "application/json", " [1]"},
    {",\"data_base64\":\"\",\"datacontenttype\":\"application/json\"", "application/json", ""},
};

static void data_are_kept_and_typed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof data_rows / sizeof *data_rows; i++) {
		struct reading reading;
		char text[512];
		snprintf(text, sizeof text, HEAD "%s}", data_rows[i].members);
		accepted(&reading, text);
		assert_slice(reading.fields.content_type, data_rows[i].content_type);
		assert_non_null(reading.fields.data.at);
		assert_slice(reading.fields.data, data_rows[i].data);
		end(&reading);
	}
}

/* ---- Bad ones ----------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *event;
	const char *pointer;
} bad_rows[] = {
    {"{\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", "/specversion"},
    {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", "/specversion"},
    {"{\"specversion\":1.0,\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", "/specversion"},
    {"{\"specversion\":null,\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", "/specversion"},
    {"{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\"}", "/id"},
    {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/s\",\"type\":\"t\"}", "/id"},
    {"{\"specversion\":\"1.0\",\"id\":5,\"source\":\"/s\",\"type\":\"t\"}", "/id"},
    {"{\"specversion\":\"1.0\",\"id\":\"a\\nb\",\"source\":\"/s\",\"type\":\"t\"}", "/id"},
    {"{\"specversion\":\"1.0\",\"id\":\"\\udead\",\"source\":\"/s\",\"type\":\"t\"}", "/id"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "/source"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"\",\"type\":\"t\"}", "/source"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a b\",\"type\":\"t\"}", "/source"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\"}", "/type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":null}", "/type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"\"}", "/type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"a b\"}", "/type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"grapnel.x\"}", "/type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":[]}", "/type"},
    {HEAD ",\"datacontenttype\":\"json\"}", "/datacontenttype"},
    {HEAD ",\"datacontenttype\":\"a/b\\u00e9\"}", "/datacontenttype"},
    {HEAD ",\"dataschema\":\"/relative\"}", "/dataschema"},
    {HEAD ",\"dataschema\":\"\"}", "/dataschema"},
    {HEAD ",\"subject\":\"\"}", "/subject"},
    {HEAD ",\"subject\":true}", "/subject"},
    {HEAD ",\"time\":\"yesterday\"}", "/time"},
    {HEAD ",\"time\":1522949460}", "/time"},
    {HEAD ",\"Upper\":1}", "/Upper"},
    {HEAD ",\"a/b~\":1}", "/a~1b~0"},
    {HEAD ",\"\":1}", "/"},
    {HEAD ",\"a_b\":null}", "/a_b"},
    {HEAD ",\"ext\":1.5}", "/ext"},
    {HEAD ",\"ext\":1e2}", "/ext"},
    {HEAD ",\"ext\":2147483648}", "/ext"},
    {HEAD ",\"ext\":{}}", "/ext"},
    {HEAD ",\"ext\":[1]}", "/ext"},
    {HEAD ",\"ext\":\"\\u0085\"}", "/ext"},
    {HEAD ",\"ext\":\"\\uffff\"}", "/ext"},
    {HEAD ",\"ext\":\"\\ud800x\"}", "/ext"},
    {HEAD ",\"ext\":\"\\ud800\\ud800\"}", "/ext"},
    {HEAD ",\"ext\":1,\"ext\":1}", "/ext"},
    {HEAD ",\"ext\":null,\"ext\":1}", "/ext"},
    {HEAD ",\"i\\u0064\":\"2\"}", "/id"},
    {HEAD ",\"grapnelsubscribr\":\"x\"}", "/grapnelsubscribr"},
    {HEAD ",\"grapneldeliverat\":\"soon\"}", "/grapneldeliverat"},
    {HEAD ",\"grapnelexpiresat\":\"2001-01-01T00:00:00Z\"}", "/grapnelexpiresat"},
    {HEAD ",\"grapnelorderingkey\":\"\"}", "/grapnelorderingkey"},
    {HEAD ",\"data\":1,\"data_base64\":\"aGk=\"}", "/data_base64"},
    {HEAD ",\"data\":1,\"data\":2}", "/data"},
    {HEAD ",\"data_base64\":\"aGk\"}", "/data_base64"},
    {HEAD ",\"data_base64\":\"a-_=\"}", "/data_base64"},
    {HEAD ",\"data_base64\":5}", "/data_base64"},
    {HEAD ",\"data_base64\":\"eyI=\",\"datacontenttype\":\"application/json\"}", "/data_base64"},
    {HEAD ",\"data\":{},\"datacontenttype\":\"text/xml\"}", "/data"},
    {HEAD ",\"data\":\"\\udc00\",\"datacontenttype\":\"text/xml\"}", "/data"},
};

static void a_bad_member_is_named_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
		struct reading reading;
		if (read_object(&reading, bad_rows[i].event) == 0)
			fail_msg("%s is accepted", bad_rows[i].event);
		assert_int_equal(reading.err.code, ERR_INVALID);
		if (reading.err.fields_len != 1 || strcmp(reading.err.fields[0].pointer, bad_rows[i].pointer) != 0)
			fail_msg("%s: %u errors, %s %s", bad_rows[i].event, reading.err.fields_len, reading.err.fields[0].pointer,
			         reading.err.fields[0].detail);
		end(&reading);
	}
}

static void attributes_have_a_number_and_a_size(void **state)
{
	(void)state;
	static const struct {
		unsigned extensions;
		size_t bytes;
		bool good;
	} rows[] = {{64, 1, true},     {65, 1, false},     {200, 1, false},  {1, 65000, true},
	            {1, 66000, false}, {1, 300000, false}, {3, 22000, false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct strbuf text = STRBUF_INIT(1 << 20);
		struct reading reading;
		strbuf_puts(&text, HEAD);
		for (unsigned e = 0; e < rows[i].extensions; e++) {
			strbuf_printf(&text, ",\"e%u\":\"", e);
			for (size_t b = 0; b < rows[i].bytes; b++)
				strbuf_putc(&text, '\xc3' /* as UTF-8 it takes two bytes */), strbuf_putc(&text, '\xa9'), b++;
			strbuf_putc(&text, '"');
		}
		strbuf_putc(&text, '}');
		int result = read_object(&reading, strbuf_text(&text));
		if (rows[i].good != (result == 0))
			fail_msg("row %zu: %d %s", i, result, reading.err.detail);
		if (rows[i].good)
			assert_true(reading.fields.context.len >= rows[i].extensions * rows[i].bytes);
		end(&reading);
		strbuf_free(&text);
	}
}

/* ---- Mapping ------------------------------------------------------------------------------------------------------------------ */

static void the_hubs_own_attributes_route_and_are_not_passed_on(void **state)
{
	(void)state;
	struct reading reading;
	accepted(&reading, HEAD
	         ",\"subject\":\"orders/1\",\"grapnelsubscriber\":\"acme\",\"grapnelendpoint\":\"hook\",\"grapnelorderingkey\":\"k\","
	         "\"grapneldeliverat\":\"2027-01-15T09:00:00+01:00\",\"grapnelexpiresat\":\"2027-01-15T08:00:01Z\",\"z\":true,\"a\":-5}");
	assert_slice(reading.envelope.text[FIELD_SUBSCRIBER], "acme");
	assert_slice(reading.envelope.text[FIELD_ENDPOINT], "hook");
	assert_slice(reading.fields.ordering_key, "k");
	assert_slice(reading.fields.subject, "orders/1");
	assert_int_equal(reading.fields.deliver_at_ms, NOW_MS);
	assert_int_equal(reading.fields.expires_at_ms, NOW_MS + 1000);
	assert_slice(reading.fields.context, HEAD ",\"subject\":\"orders/1\",\"a\":-5,\"z\":true}");
	end(&reading);
}

static void an_id_that_is_no_uid_stays_in_the_context(void **state)
{
	(void)state;
	static const char *const ids[] = {"a/b", "evt_0123456789abc", "a b", "\\u20ac"};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct reading reading;
		char text[256];
		snprintf(text, sizeof text, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"t\"}", ids[i]);
		accepted(&reading, text);
		assert_slice(reading.fields.uid, NULL);
		assert_true(reading.ce.id.len > 0);
		end(&reading);
	}
}

static void assert_traced(const char *members, const char *parent, const char *state, const char *context_end)
{
	struct reading reading;
	char text[1024];
	snprintf(text, sizeof text, HEAD ",\"traceq\":1%s}", members);
	accepted(&reading, text);
	struct event_fields f = {.traceparent = SLICE_LITERAL(OTHER_TRACE), .tracestate = SLICE_LITERAL("of=header")};
	cloudevent_fields(&reading.ce, &f);
	assert_slice(f.traceparent, parent);
	assert_slice(f.tracestate, state);
	snprintf(text, sizeof text, HEAD ",\"traceq\":1%s}", context_end);
	assert_slice(f.context, text);
	assert_slice(cloudevent_content(&reading.ce), HEAD ",\"traceq\":1");
	end(&reading);
}

static void a_good_tracing_extension_goes_before_the_header(void **state)
{
	(void)state;
	assert_traced("", OTHER_TRACE, "of=header", "");
	assert_traced(",\"traceparent\":\"" TRACE "\"", TRACE, NULL, ",\"traceparent\":\"" TRACE "\"");
	assert_traced(",\"tracestate\":\"a=b\",\"traceparent\":\"" TRACE "\"", TRACE, "a=b",
	              ",\"traceparent\":\"" TRACE "\",\"tracestate\":\"a=b\"");
	assert_traced(",\"traceparent\":\"" OTHER_TRACE "\"", OTHER_TRACE, "of=header", ",\"traceparent\":\"" OTHER_TRACE "\"");
	assert_traced(",\"traceparent\":\"ff" TRACE "\",\"tracestate\":\"a=b\"", OTHER_TRACE, "of=header", "");
	assert_traced(",\"tracestate\":\"a=b\"", OTHER_TRACE, "of=header", "");
	assert_traced(",\"traceparent\":\"" TRACE "\",\"tracestate\":\"\\u00e9\"", TRACE, NULL, ",\"traceparent\":\"" TRACE "\"");
}

/* ---- Binary mode -------------------------------------------------------------------------------------------------------------- */

static void headers_are_attributes(void **state)
{
	(void)state;
	static const char *const headers[] = {"ce-SpecVersion",
	                                      "1.0",
	                                      "CE-Type",
	                                      "com.example.someevent",
	                                      "ce-time",
	                                      "2018-04-05T03:56:24Z",
	                                      "ce-id",
	                                      "1234-1234-1234",
	                                      "ce-source",
	                                      "/mycontext/subcontext",
	                                      "ce-subject",
	                                      "\"a \\\"b\\\" %E2%82%AC\"",
	                                      "ce-comExample1",
	                                      "Euro%20%E2%82%AC",
	                                      "ce-empty",
	                                      "",
	                                      "ce-grapnelendpoint",
	                                      "hook",
	                                      NULL};
	struct reading reading;
	assert_int_equal(take(&reading, headers, "application/json; charset=utf-8", SLICE_LITERAL(" {\"a\": 1.10}\n")), 0);
	assert_slice(reading.fields.type, "com.example.someevent");
	assert_slice(reading.fields.uid, "1234-1234-1234");
	assert_slice(reading.fields.subject, "a \"b\" \xe2\x82\xac");
	assert_slice(reading.fields.content_type, "application/json; charset=utf-8");
	assert_slice(reading.fields.data, " {\"a\": 1.10}\n");
	assert_slice(reading.envelope.text[FIELD_ENDPOINT], "hook");
	assert_slice(
	    reading.fields.context,
	    "{\"specversion\":\"1.0\",\"id\":\"1234-1234-1234\",\"source\":\"/mycontext/subcontext\",\"type\":\"com.example.someevent\","
	    "\"datacontenttype\":\"application/json; charset=utf-8\",\"subject\":\"a \\\"b\\\" "
	    "\xe2\x82\xac\",\"time\":\"2018-04-05T03:56:24Z\","
	    "\"comexample1\":\"Euro \xe2\x82\xac\",\"empty\":\"\"}");
	end(&reading);
}

#define CE_HEAD "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"

static void any_bytes_of_any_type_are_data(void **state)
{
	(void)state;
	static const char *const headers[] = {CE_HEAD, NULL};
	static const struct {
		const char *content_type;
		struct slice body;
		const char *want;
	} rows[] = {
	    {"image/png", {"\x89PNG\0\xff", 6}, "image/png"},    {NULL, {"\0", 1}, "application/octet-stream"}, {NULL, {NULL, 0}, NULL},
	    {"application/json", {NULL, 0}, "application/json"}, {"text/plain", {"{", 1}, "text/plain"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reading reading;
		if (take(&reading, headers, rows[i].content_type, rows[i].body) < 0)
			fail_msg("row %zu: %s", i, reading.err.detail);
		assert_true(slice_equal(reading.fields.data, rows[i].body));
		assert_non_null(reading.fields.data.at);
		assert_slice(reading.fields.content_type, rows[i].want);
		end(&reading);
	}
}

static void a_bad_header_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *content_type, *body;
		enum err_code code;
		const char *pointer;
	} rows[] = {
	    {"ce-a", "%C0%A0", "a/b", "", ERR_INVALID, "ce-a"},
	    {"ce-a", "%", "a/b", "", ERR_INVALID, "ce-a"},
	    {"ce-a", "\"x", "a/b", "", ERR_INVALID, "ce-a"},
	    {"ce-a", "%00", "a/b", "", ERR_INVALID, "ce-a"},
	    {"ce-a", "\xff", "a/b", "", ERR_INVALID, "ce-a"},
	    {"ce-a-b", "1", "a/b", "", ERR_INVALID, "ce-a-b"},
	    {"ce-data", "1", "a/b", "", ERR_INVALID, "ce-data"},
	    {"ce-", "1", "a/b", "", ERR_INVALID, "ce-"},
	    {"CE-ID", "2", "a/b", "", ERR_INVALID, "ce-id"},
	    {"ce-datacontenttype", "a/b", "a/b", "", ERR_INVALID, "ce-datacontenttype"},
	    {"ce-datacontenttype", "a/b", NULL, "", ERR_INVALID, "ce-datacontenttype"},
	    {"ce-time", "now", "a/b", "", ERR_INVALID, "ce-time"},
	    {"ce-subject", "", "a/b", "", ERR_INVALID, "ce-subject"},
	    {"ce-grapnelother", "", "a/b", "", ERR_INVALID, "ce-grapnelother"},
	    {"ce-grapneldeliverat", "soon", "a/b", "", ERR_INVALID, "ce-grapneldeliverat"},
	    {"ce-a", "1", "nothing", "", ERR_INVALID, "Content-Type"},
	    {"ce-a", "1", "", "", ERR_INVALID, "Content-Type"},
	    {"ce-a", "1", "application/json", "{\"a\":", ERR_UNPARSABLE, NULL},
	    {"ce-a", "1", "application/json", "[[[[[[[[[]]]]]]]]]", ERR_UNPARSABLE, NULL},
	    {"ce-a", "1", "application/x+json; q", "{} {}", ERR_UNPARSABLE, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reading reading;
		const char *const headers[] = {CE_HEAD, rows[i].name, rows[i].value, NULL};
		if (take(&reading, headers, rows[i].content_type, slice_of(rows[i].body)) == 0)
			fail_msg("row %zu is accepted", i);
		assert_int_equal(reading.err.code, rows[i].code);
		assert_int_equal(reading.err.fields_len, rows[i].pointer ? 1 : 0);
		if (rows[i].pointer)
			assert_string_equal(reading.err.fields[0].pointer, rows[i].pointer);
		end(&reading);
	}
}

static void what_is_missing_is_named_after_its_header(void **state)
{
	(void)state;
	static const char *const headers[] = {"ce-specversion", "1.0", NULL};
	struct reading reading;
	assert_int_equal(take(&reading, headers, NULL, SLICE_LITERAL("")), -1);
	assert_int_equal(reading.err.fields_len, 3);
	assert_string_equal(reading.err.fields[0].pointer, "ce-id");
	assert_string_equal(reading.err.fields[1].pointer, "ce-source");
	assert_string_equal(reading.err.fields[2].pointer, "ce-type");
	end(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_examples_of_the_json_format_are_understood),
	    cmocka_unit_test(data_are_kept_and_typed),
	    cmocka_unit_test(a_bad_member_is_named_once),
	    cmocka_unit_test(attributes_have_a_number_and_a_size),
	    cmocka_unit_test(the_hubs_own_attributes_route_and_are_not_passed_on),
	    cmocka_unit_test(an_id_that_is_no_uid_stays_in_the_context),
	    cmocka_unit_test(a_good_tracing_extension_goes_before_the_header),
	    cmocka_unit_test(headers_are_attributes),
	    cmocka_unit_test(any_bytes_of_any_type_are_data),
	    cmocka_unit_test(a_bad_header_is_named),
	    cmocka_unit_test(what_is_missing_is_named_after_its_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
