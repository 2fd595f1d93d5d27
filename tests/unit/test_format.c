/* The formats of deliveries: which bytes and headers an event becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/codec.h"
#include "base/id.h"
#include "deliver/format.h"
#include "model/context.h"

enum { EVENT = 77 };

#define TIME_MS INT64_C(1522900584123)
#define TIME "2018-04-05T03:56:24.123Z"
#define CONTEXT                                                                                                                            \
	"{\"specversion\":\"1.0\",\"id\":\"A/1\",\"source\":\"/s\",\"type\":\"a.b\",\"subject\":\"\\\"100%\\\" \xe2\x82\xac\",\"time\":"   \
	"\"2018-04-05T05:56:24+02:00\",\"a\":-5,\"z\":true}"

static char event_id[ID_TEXT_SIZE];

static struct event *make(struct event_fields f)
{
	f.time_ms = TIME_MS;
	f.type = SLICE_LITERAL("a.b");
	struct event *event = event_new(&f, NULL);
	assert_non_null(event);
	event->id = EVENT;
	id_format(ID_EVENT, EVENT, event_id);
	return event;
}

static struct event *plain(const char *content_type, struct slice data)
{
	return make((struct event_fields){.content_type = slice_of(content_type), .data = data});
}

/* The body must be `want`, where the first @ stands for the event's id. */
static void assert_body(enum endpoint_format format, struct event *event, const char *content_type, const char *want)
{
	struct strbuf text = STRBUF_INIT(FORMAT_BYTES_MAX(event->f.data.len)), wanted = STRBUF_INIT(1 << 20);
	struct formatted formatted = {.body = {NULL, 0}};
	const char *hole = strchr(want, '@');
	strbuf_append(&wanted, want, hole ? (size_t)(hole - want) : strlen(want));
	if (hole) {
		strbuf_puts(&wanted, event_id);
		strbuf_puts(&wanted, hole + 1);
	}
	assert_int_equal(format_body(format, event, "/grapnel", &text, &formatted), 0);
	if (!slice_is(formatted.body, strbuf_text(&wanted)))
		fail_msg("%.*s\nis not\n%s", (int)formatted.body.len, formatted.body.at, strbuf_text(&wanted));
	if (!slice_is(formatted.content_type, content_type))
		fail_msg("%.*s", (int)formatted.content_type.len, formatted.content_type.at);
	strbuf_free(&text);
	strbuf_free(&wanted);
}

static void raw_and_binary_are_the_bytes_themselves(void **state)
{
	(void)state;
	static const enum endpoint_format formats[] = {FORMAT_RAW, FORMAT_CLOUDEVENTS_BINARY};
	static const char bytes[] = {'\0', '\xff', '{', '"'};
	for (size_t i = 0; i < 2; i++) {
		struct strbuf text = STRBUF_INIT(64);
		struct formatted formatted;
		struct event *event = plain("image/png", (struct slice){bytes, sizeof bytes});
		assert_int_equal(format_body(formats[i], event, "/grapnel", &text, &formatted), 0);
		assert_ptr_equal(formatted.body.at, event->f.data.at);
		assert_int_equal(formatted.body.len, sizeof bytes);
		assert_true(slice_is(formatted.content_type, "image/png"));
		assert_int_equal(text.cap, 0);
		event_unref(event);
		event = make((struct event_fields){.data = SLICE_LITERAL("")});
		assert_int_equal(format_body(formats[i], event, "/grapnel", &text, &formatted), 0);
		assert_int_equal(formatted.body.len, 0);
		assert_true(slice_is(formatted.content_type, "application/octet-stream"));
		event_unref(event);
	}
}

static void standard_stands_around_the_exact_bytes(void **state)
{
	(void)state;
	struct event *event = plain("application/json", SLICE_LITERAL("{ \"n\" : 1.10, \"n\":12345678901234567890 }"));
	assert_body(FORMAT_STANDARD, event, "application/json",
	            "{\"id\":\"@\",\"type\":\"a.b\",\"timestamp\":\"" TIME "\",\"data\":{ \"n\" : 1.10, \"n\":12345678901234567890 }}");
	assert_body(FORMAT_THIN, event, "application/json", "{\"id\":\"@\",\"type\":\"a.b\",\"timestamp\":\"" TIME "\"}");
	event_unref(event);
	event = plain("image/png", SLICE_LITERAL("\x89PNG"));
	assert_body(FORMAT_STANDARD, event, "application/json",
	            "{\"id\":\"@\",\"type\":\"a.b\",\"timestamp\":\"" TIME "\",\"data_base64\":\"iVBORw==\"}");
	event_unref(event);
	event = plain(NULL, SLICE_LITERAL(""));
	assert_body(FORMAT_STANDARD, event, "application/json", "{\"id\":\"@\",\"type\":\"a.b\",\"timestamp\":\"" TIME "\"}");
	event_unref(event);
	event = make((struct event_fields){
	    .context = SLICE_LITERAL(CONTEXT), .content_type = SLICE_LITERAL("application/json"), .data = SLICE_LITERAL("1")});
	assert_body(FORMAT_STANDARD, event, "application/json",
	            "{\"id\":\"@\",\"type\":\"a.b\",\"timestamp\":\"2018-04-05T05:56:24+02:00\",\"data\":1}");
	event_unref(event);
}

static void structured_events_of_our_own_get_a_context(void **state)
{
	(void)state;
	struct event *event = make((struct event_fields){.uid = SLICE_LITERAL("order-1"),
	                                                 .subject = SLICE_LITERAL("o \"1\""),
	                                                 .content_type = SLICE_LITERAL("application/json"),
	                                                 .data = SLICE_LITERAL(" [1.0]")});
	assert_body(
	    FORMAT_CLOUDEVENTS_STRUCTURED, event, "application/cloudevents+json",
	    "{\"specversion\":\"1.0\",\"id\":\"order-1\",\"source\":\"/grapnel\",\"type\":\"a.b\",\"datacontenttype\":\"application/json\","
	    "\"subject\":\"o \\\"1\\\"\",\"time\":\"" TIME "\",\"data\": [1.0]}");
	event_unref(event);
	event = plain("text/plain", SLICE_LITERAL("hi"));
	assert_body(FORMAT_CLOUDEVENTS_STRUCTURED, event, "application/cloudevents+json",
	            "{\"specversion\":\"1.0\",\"id\":\"@\",\"source\":\"/grapnel\",\"type\":\"a.b\",\"datacontenttype\":\"text/"
	            "plain\",\"time\":\"" TIME "\",\"data_base64\":\"aGk=\"}");
	event_unref(event);
}

static void structured_cloudevents_keep_their_context(void **state)
{
	(void)state;
	struct event *event = make((struct event_fields){.uid = SLICE_LITERAL("other"),
	                                                 .context = SLICE_LITERAL(CONTEXT),
	                                                 .content_type = SLICE_LITERAL("application/json"),
	                                                 .data = SLICE_LITERAL("{}")});
	assert_body(FORMAT_CLOUDEVENTS_STRUCTURED, event, "application/cloudevents+json",
	            "{\"specversion\":\"1.0\",\"id\":\"A/1\",\"source\":\"/s\",\"type\":\"a.b\",\"subject\":\"\\\"100%\\\" "
	            "\xe2\x82\xac\",\"time\":\"2018-04-05T05:56:24+02:00\",\"a\":-5,\"z\":true,\"data\":{}}");
	event_unref(event);
	event = make((struct event_fields){.context = SLICE_LITERAL("{\"specversion\":\"1.0\"}"), .data = SLICE_LITERAL("")});
	assert_body(FORMAT_CLOUDEVENTS_STRUCTURED, event, "application/cloudevents+json", "{\"specversion\":\"1.0\"}");
	event_unref(event);
}

static void what_only_says_that_it_is_json_goes_as_base64(void **state)
{
	(void)state;
	static const char *const broken[] = {"{\"a\":", "{} {}", "\xff", "x"};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct event *event = plain("application/json; charset=utf-8", slice_of(broken[i]));
		struct strbuf text = STRBUF_INIT(4096);
		struct formatted formatted;
		assert_int_equal(format_body(FORMAT_STANDARD, event, "/grapnel", &text, &formatted), 0);
		json_t *doc = json_loadb(formatted.body.at, formatted.body.len, 0, NULL);
		assert_non_null(json_object_get(doc, "data_base64"));
		assert_null(json_object_get(doc, "data"));
		json_decref(doc);
		strbuf_free(&text);
		event_unref(event);
	}
}

static void base64_of_any_length_is_whole(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 2, 3, 12287, 12288, 12289, 40001};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		char *bytes = malloc(lengths[i]);
		for (size_t at = 0; at < lengths[i]; at++)
			bytes[at] = (char)(at * 7 + at / 256);
		struct event *event = plain("a/b", (struct slice){bytes, lengths[i]});
		struct strbuf text = STRBUF_INIT(FORMAT_BYTES_MAX(lengths[i]));
		struct formatted formatted;
		assert_int_equal(format_body(FORMAT_STANDARD, event, "/grapnel", &text, &formatted), 0);
		json_t *doc = json_loadb(formatted.body.at, formatted.body.len, 0, NULL);
		const char *digits = json_string_value(json_object_get(doc, "data_base64"));
		uint8_t *back = malloc(lengths[i]);
		assert_int_equal(codec_base64_decode(slice_of(digits), back, lengths[i]), lengths[i]);
		assert_memory_equal(back, bytes, lengths[i]);
		free(back);
		free(bytes);
		json_decref(doc);
		strbuf_free(&text);
		event_unref(event);
	}
}

static void too_little_memory_is_an_error(void **state)
{
	(void)state;
	struct event *event = plain("application/json", SLICE_LITERAL("{}"));
	struct strbuf text = STRBUF_INIT(10);
	struct formatted formatted;
	assert_int_equal(format_body(FORMAT_STANDARD, event, "/grapnel", &text, &formatted), -1);
	strbuf_free(&text);
	event_unref(event);
}

static void note_header(void *receiver, const char *name, struct slice value)
{
	struct strbuf *out = receiver;
	strbuf_printf(out, "%s: %.*s\n", name, (int)value.len, value.at);
}

static void assert_headers(struct event *event, const char *want)
{
	struct strbuf out = STRBUF_INIT(1 << 20);
	assert_int_equal(format_headers(event, "urn:x", note_header, &out), 0);
	assert_string_equal(strbuf_text(&out), want);
	strbuf_free(&out);
}

static void binary_mode_has_a_header_for_each_attribute_but_the_content_type(void **state)
{
	(void)state;
	struct event *event = make((struct event_fields){.context = SLICE_LITERAL(CONTEXT), .data = SLICE_LITERAL("")});
	assert_headers(event, "ce-specversion: 1.0\nce-id: A/1\nce-source: /s\nce-type: a.b\nce-subject: %22100%25%22%20%E2%82%AC\n"
	                      "ce-time: 2018-04-05T05:56:24+02:00\nce-a: -5\nce-z: true\n");
	event_unref(event);
	event = make(
	    (struct event_fields){.uid = SLICE_LITERAL("u\"1"), .content_type = SLICE_LITERAL("text/plain"), .data = SLICE_LITERAL("x")});
	assert_headers(event, "ce-specversion: 1.0\nce-id: u%221\nce-source: urn:x\nce-type: a.b\nce-time: " TIME "\n");
	event_unref(event);
	event = plain("text/plain", SLICE_LITERAL("x"));
	struct strbuf want = STRBUF_INIT(1024);
	strbuf_printf(&want, "ce-specversion: 1.0\nce-id: %s\nce-source: urn:x\nce-type: a.b\nce-time: " TIME "\n", event_id);
	assert_headers(event, strbuf_text(&want));
	strbuf_free(&want);
	event_unref(event);
}

static void a_damaged_context_is_an_error(void **state)
{
	(void)state;
	static const char *const damaged[] = {"[]", "{\"a\":", "x"};
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		struct strbuf out = STRBUF_INIT(1024);
		struct event *event = make((struct event_fields){.context = slice_of(damaged[i]), .data = SLICE_LITERAL("")});
		assert_int_equal(format_headers(event, "urn:x", note_header, &out), -1);
		event_unref(event);
		strbuf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(raw_and_binary_are_the_bytes_themselves),
	    cmocka_unit_test(standard_stands_around_the_exact_bytes),
	    cmocka_unit_test(structured_events_of_our_own_get_a_context),
	    cmocka_unit_test(structured_cloudevents_keep_their_context),
	    cmocka_unit_test(what_only_says_that_it_is_json_goes_as_base64),
	    cmocka_unit_test(base64_of_any_length_is_whole),
	    cmocka_unit_test(too_little_memory_is_an_error),
	    cmocka_unit_test(binary_mode_has_a_header_for_each_attribute_but_the_content_type),
	    cmocka_unit_test(a_damaged_context_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
