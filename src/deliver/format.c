/* The formats of deliveries. */
#include "deliver/format.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/id.h"
#include "json/scan.h"
#include "model/context.h"
#include "model/media.h"

static void put_member(struct strbuf *out, const char *prefix, struct slice text)
{
	if (!text.at)
		return;
	strbuf_puts(out, prefix);
	json_put_string(out, text);
}

static void put_event_id(struct strbuf *out, const char *prefix, const struct event *event)
{
	char id[ID_TEXT_SIZE];
	id_format(ID_EVENT, event->id, id);
	put_member(out, prefix, slice_of(id));
}

static void put_received(struct strbuf *out, const char *prefix, const struct event *event)
{
	char time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(event->f.time_ms, time);
	put_member(out, prefix, slice_of(time));
}

/* ---- Data inside of JSON ------------------------------------------------------------------------------------------------------- */

/* Whether the bytes can stand in a JSON text as they are; what the content type says was perhaps never checked. */
static bool data_are_json(const struct event_fields *f)
{
	struct json_scan scan;
	struct slice value;
	if (!media_type_is_json(f->content_type))
		return false;
	json_scan_init(&scan, f->data, JSON_DEPTH_MAX);
	return json_value(&scan, &value) == 0 && json_end(&scan) == 0;
}

static void put_base64(struct strbuf *out, struct slice data)
{
	enum { PIECE = 3 * 4096 }; /* a multiple of three: only the last one is padded */
	char digits[CODEC_BASE64_SIZE(PIECE)];
	for (size_t at = 0; at < data.len; at += PIECE) {
		size_t len = data.len - at < PIECE ? data.len - at : PIECE;
		strbuf_append(out, digits, codec_base64((const uint8_t *)data.at + at, len, digits));
	}
}

/* An event without data gets no member. */
static void put_data(struct strbuf *out, const struct event_fields *f)
{
	if (f->data.len == 0)
		return;
	if (data_are_json(f)) {
		strbuf_puts(out, ",\"data\":");
		strbuf_slice(out, f->data);
		return;
	}
	strbuf_puts(out, ",\"data_base64\":\"");
	put_base64(out, f->data);
	strbuf_putc(out, '"');
}

/* ---- standard and thin --------------------------------------------------------------------------------------------------------- */

struct wanted {
	const char *name;
	struct slice value;
};

static void pick(void *receiver, struct slice name, struct slice value)
{
	struct wanted *wanted = receiver;
	if (slice_is(name, wanted->name))
		wanted->value = value;
}

static void put_standard(struct strbuf *out, const struct event *event, bool with_data)
{
	struct wanted time = {.name = "time"};
	put_event_id(out, "{\"id\":", event);
	put_member(out, ",\"type\":", event->f.type);
	/* When it happened, where a CloudEvent says so. */
	if (event->f.context.at && context_each(event->f.context, pick, &time) == 0 && time.value.at) {
		strbuf_puts(out, ",\"timestamp\":");
		strbuf_slice(out, time.value);
	} else {
		put_received(out, ",\"timestamp\":", event);
	}
	if (with_data)
		put_data(out, &event->f);
	strbuf_putc(out, '}');
}

/* ---- CloudEvents --------------------------------------------------------------------------------------------------------------- */

/* The context without its closing brace. */
static void put_context(struct strbuf *out, const struct event *event, const char *source)
{
	const struct event_fields *f = &event->f;
	if (f->context.len > 0) {
		strbuf_slice(out, (struct slice){f->context.at, f->context.len - 1});
		return;
	}
	strbuf_puts(out, "{\"specversion\":\"1.0\"");
	if (f->uid.at)
		put_member(out, ",\"id\":", f->uid);
	else
		put_event_id(out, ",\"id\":", event);
	put_member(out, ",\"source\":", slice_of(source));
	put_member(out, ",\"type\":", f->type);
	put_member(out, ",\"datacontenttype\":", f->content_type);
	put_member(out, ",\"subject\":", f->subject);
	put_received(out, ",\"time\":", event);
}

struct headers {
	void (*header)(void *receiver, const char *name, struct slice value);
	void *receiver;
	struct strbuf text, value;
	bool failed;
};

static void put_header(void *receiver, struct slice name, struct slice value)
{
	struct headers *headers = receiver;
	char line[sizeof "ce-" + CONTEXT_NAME_MAX];
	if (slice_is(name, "datacontenttype")) /* it is Content-Type */
		return;
	strbuf_clear(&headers->value);
	context_header_encode(context_text_of(value, &headers->text), &headers->value);
	headers->failed = headers->failed || headers->text.failed || headers->value.failed || name.len > CONTEXT_NAME_MAX;
	if (headers->failed)
		return;
	snprintf(line, sizeof line, "ce-%.*s", (int)name.len, name.at);
	headers->header(headers->receiver, line, (struct slice){strbuf_text(&headers->value), headers->value.len});
}

int format_headers(const struct event *event, const char *source, void (*header)(void *receiver, const char *name, struct slice value),
                   void *receiver)
{
	struct strbuf context = STRBUF_INIT(8 * CONTEXT_BYTES_MAX);
	struct headers headers = {
	    .header = header,
	    .receiver = receiver,
	    .text = STRBUF_INIT(CONTEXT_BYTES_MAX),
	    .value = STRBUF_INIT(3 * CONTEXT_BYTES_MAX),
	};
	put_context(&context, event, source);
	strbuf_putc(&context, '}');
	int result = context.failed ? -1 : context_each((struct slice){strbuf_text(&context), context.len}, put_header, &headers);
	strbuf_free(&context);
	strbuf_free(&headers.text);
	strbuf_free(&headers.value);
	return result < 0 || headers.failed ? -1 : 0;
}

/* ---- All ----------------------------------------------------------------------------------------------------------------------- */

int format_body(enum endpoint_format format, const struct event *event, const char *source, struct strbuf *text,
                struct formatted *formatted)
{
	const struct event_fields *f = &event->f;
	switch (format) {
	case FORMAT_RAW:
	case FORMAT_CLOUDEVENTS_BINARY:
		formatted->body = f->data;
		/* A request without Content-Type would leave the receiver to guess. */
		formatted->content_type = f->content_type.len ? f->content_type : SLICE_LITERAL("application/octet-stream");
		return 0;
	case FORMAT_STANDARD:
	case FORMAT_THIN:
		put_standard(text, event, format == FORMAT_STANDARD);
		formatted->content_type = SLICE_LITERAL("application/json");
		break;
	case FORMAT_CLOUDEVENTS_STRUCTURED:
		put_context(text, event, source);
		put_data(text, f);
		strbuf_putc(text, '}');
		formatted->content_type = SLICE_LITERAL("application/cloudevents+json");
		break;
	}
	formatted->body = (struct slice){strbuf_text(text), text->len};
	return text->failed ? -1 : 0;
}
