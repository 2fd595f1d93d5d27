/* /v1/event-types: which types there are, how often they were seen, and what somebody said of them. Descriptions are for everybody;
 * counts are the whole hub's, and a bound key does not see them, nor types that nobody described. */
#include "api/call.h"
#include "model/event_type.h"

static int append(const char *bytes, size_t len, void *out)
{
	strbuf_append(out, bytes, len);
	return 0;
}

static void put_member(struct strbuf *out, const char *prefix, const json_t *doc, const char *name, const char *otherwise)
{
	const json_t *value = json_object_get(doc, name);
	strbuf_puts(out, prefix);
	if (!value)
		strbuf_puts(out, otherwise);
	else if (json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0)
		out->failed = true;
}

static void put_event_type(struct call *call, struct strbuf *out, const struct event_type_row *row)
{
	put_text(out, "{\"type\":", row->type);
	strbuf_puts(out, row->doc ? ",\"described\":true" : ",\"described\":false");
	put_member(out, ",\"description\":", row->doc, "description", "null");
	put_member(out, ",\"owner\":", row->doc, "owner", "null");
	put_member(out, ",\"example\":", row->doc, "example", "null");
	put_member(out, ",\"deprecated\":", row->doc, "deprecated", "false");
	put_time(out, ",\"updated_at\":", row->doc ? row->updated_ms : 0);
	if (!call->who.subscriber) {
		put_number(out, ",\"count\":", row->count);
		put_time(out, ",\"first_seen\":", row->first_seen_ms);
		put_time(out, ",\"last_seen\":", row->last_seen_ms);
	}
	strbuf_putc(out, '}');
}

static int event_type_item(void *context, const struct event_type_row *row)
{
	put_event_type(context, list_item(context), row);
	return 0;
}

int event_types_list(struct call *call)
{
	struct page page;
	if (call_page(call, LIST_EVENT_TYPES, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_event_types(call->worker->reader, &page, call->who.subscriber != 0, event_type_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_EVENT_TYPES, &page);
}

/* A type may hold '/', which stands as %2F in the path. */
static int path_type(struct call *call, struct slice *type)
{
	struct strbuf *text = call_text(call, EVENT_TYPE_MAX + 1);
	if (http_decode_slashes(call->params[0], text) < 0)
		return err_set(&call->err, ERR_BAD_REQUEST, "The path is malformed: a percent-encoding in it is not valid, or the type is too long");
	*type = (struct slice){strbuf_text(text), text->len};
	return event_type_grammar(*type, "/type", &call->err);
}

static int event_type_whole(void *context, const struct event_type_row *row)
{
	struct call *call = context;
	if (call->who.subscriber && !row->doc)
		return err_set(&call->err, ERR_NOT_FOUND, "There is no such event type");
	put_event_type(call, call_out(call, call->response->status), row);
	return 0;
}

static int answer(struct call *call, int status, struct slice type)
{
	call->response->status = status;
	if (reader_event_type(call->worker->reader, type, event_type_whole, call, &call->err) < 0)
		return -1;
	return call->err.code == ERR_NONE ? 0 : -1;
}

int event_types_get(struct call *call)
{
	struct slice type;
	return path_type(call, &type) < 0 ? -1 : answer(call, 200, type);
}

int event_types_put(struct call *call)
{
	struct store_change change = {.what = CHANGE_EVENT_TYPE_PUT};
	if (call_unbound(call, "describe event types") < 0 || path_type(call, &change.type) < 0)
		return -1;
	change.doc = call_body(call);
	int result = change.doc ? event_type_doc_check(change.doc, &call->err) : -1;
	if (result == 0)
		result = call_change(call, &change);
	if (result == 0)
		result = answer(call, change.created ? 201 : 200, change.type);
	json_decref(change.doc);
	store_change_clear(&change);
	return result;
}

int event_types_delete(struct call *call)
{
	struct store_change change = {.what = CHANGE_EVENT_TYPE_DELETE};
	if (call_unbound(call, "describe event types") < 0 || path_type(call, &change.type) < 0)
		return -1;
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : call_no_content(call);
}
