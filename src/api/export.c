/* GET /v1/dead-letters/export: every dead letter that a filter selects, with its event, one JSON object a line. Made in pages of bounded
 * size, oldest death first; what dies after it began is not in it. */
#include <stdlib.h>

#include "api/call.h"
#include "base/codec.h"
#include "base/log.h"
#include "json/scan.h"
#include "model/media.h"
#include "store/filter.h"

/* Of a page: it ends with the line that goes beyond. */
enum { EXPORT_PAGE_BYTES = 256 * 1024 };

struct export {
	struct page_maker maker;
	struct dead_filter_copy filter;
	int64_t subscriber; /* of the key that asks; 0: none */
	int64_t after_key, after_id;
};

/* What a page's rows are written with. */
struct writing {
	struct call call; /* only what put_…() need: the hub, and who asks */
	struct store_reader *reader;
	struct strbuf *out;
};

static bool is_json(struct slice data)
{
	struct json_scan scan;
	struct slice value;
	json_scan_init(&scan, data, JSON_DEPTH_MAX);
	return json_value(&scan, &value) == 0 && json_end(&scan) == 0;
}

/* Its bytes as they are, but for line breaks, which in JSON stand only between tokens: a record is a line. */
static void put_json_line(struct strbuf *out, struct slice data)
{
	size_t begin = out->len;
	strbuf_puts(out, ",\"data\":");
	strbuf_slice(out, data);
	for (size_t i = begin; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
}

static void put_base64(struct strbuf *out, struct slice data)
{
	char *text = malloc(CODEC_BASE64_SIZE(data.len));
	if (!text) {
		out->failed = true;
		return;
	}
	codec_base64((const uint8_t *)data.at, data.len, text);
	strbuf_printf(out, ",\"data_base64\":\"%s\"", text);
	free(text);
}

static void put_payload(struct writing *writing, int64_t id)
{
	struct strbuf *out = writing->out;
	struct err err = {.code = ERR_NONE};
	struct event *event = reader_event(writing->reader, id, writing->call.api->config.budget, &err);
	if (!event) {
		put_text(out, ",\"data\":null,\"data_error\":", slice_of(err.detail));
		return;
	}
	const struct event_fields *f = &event->f;
	put_time(out, ",\"event_time\":", f->time_ms);
	put_text(out, ",\"content_type\":", f->content_type);
	strbuf_puts(out, ",\"attributes\":");
	strbuf_slice(out, f->attributes.at ? f->attributes : SLICE_LITERAL("{}"));
	strbuf_puts(out, ",\"cloudevent\":");
	strbuf_slice(out, f->context.at ? f->context : SLICE_LITERAL("null"));
	if (media_type_is_json(f->content_type) && is_json(f->data))
		put_json_line(out, f->data);
	else
		put_base64(out, f->data);
	event_unref(event);
}

static int export_row(void *context, const struct delivery_row *row)
{
	struct writing *writing = context;
	put_delivery_open(&writing->call, writing->out, row);
	put_payload(writing, row->event);
	strbuf_puts(writing->out, "}\n");
	return writing->out->len >= EXPORT_PAGE_BYTES || writing->out->failed;
}

static void export_fill(struct page_maker *maker, struct worker *worker)
{
	struct export *export = CONTAINER_OF(maker, struct export, maker);
	struct writing writing = {.call = {.api = maker->api, .who.subscriber = export->subscriber}, .reader = worker->reader, .out = &maker->stream.page};
	struct page page = {.limit = LIST_LIMIT_MAX, .ascending = true, .after_key = export->after_key, .after_id = export->after_id};
	if (reader_dead(worker->reader, &export->filter.filter, &page, export_row, &writing, &maker->err) < 0) {
		log_warn("api", "an export of dead letters is broken off: %s", maker->err.detail);
		maker->stream.broken = true;
		return;
	}
	export->after_key = page.last_key;
	export->after_id = page.last_id;
	maker->stream.last = !page.more;
}

static void export_drop(struct page_maker *maker)
{
	struct export *export = CONTAINER_OF(maker, struct export, maker);
	dead_filter_clear(&export->filter);
	free(export);
}

/* The filter outlives the call: a copy of its own. */
static struct export *export_new(const struct dead_filter *filter)
{
	struct export *export = calloc(1, sizeof *export);
	char *text = dead_filter_text(filter);
	if (!export || !text || dead_filter_read(slice_of(text), &export->filter) < 0) {
		free(export);
		export = NULL;
	}
	free(text);
	return export;
}

int dead_letters_export(struct call *call)
{
	struct dead_filter filter = {.endpoint = 0};
	int64_t now_ms = call_now_ms(call), last_ms;
	if (call_dead_filter(call, &filter) < 0 || reader_dead_last(call->worker->reader, &last_ms, &call->err) < 0)
		return -1;
	/* Deaths may be dated a little after the clock's time. */
	int64_t end_ms = (last_ms > now_ms ? last_ms : now_ms) + 1;
	if (filter.until_ms == 0 || filter.until_ms > end_ms)
		filter.until_ms = end_ms;
	struct export *export = export_new(&filter);
	if (!export)
		return err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	export->subscriber = call->who.subscriber;
	export->maker.fill = export_fill;
	export->maker.drop = export_drop;
	if (call_stream(call, &export->maker, "application/x-ndjson") < 0)
		return -1;
	http_response_header(call->response, "X-Content-Type-Options", "nosniff");
	http_response_header(call->response, "Content-Disposition", "attachment; filename=\"dead-letters.ndjson\"");
	return 0;
}
