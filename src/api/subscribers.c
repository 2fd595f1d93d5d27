/* /v1/subscribers: who owns endpoints. */
#include "api/call.h"
#include "model/event.h"
#include "model/subscriber.h"

static int subscriber_item(void *context, const struct document_row *row)
{
	struct call *call = context;
	put_json(list_item(call), subscriber_json(row->doc, row->id, row->created_ms, row->updated_ms));
	return 0;
}

int subscribers_list(struct call *call)
{
	struct subscriber_filter filter = {.only = call->who.subscriber};
	struct page page;
	if (filter_by_text(call, "q", FILTER_Q_MAX, &filter.q) < 0 || call_page(call, LIST_SUBSCRIBERS, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_subscribers(call->worker->reader, &filter, &page, subscriber_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_SUBSCRIBERS, &page);
}

static int subscriber_whole(void *context, const struct document_row *row)
{
	struct call *call = context;
	put_json(call_out(call, call->response->status), subscriber_json(row->doc, row->id, row->created_ms, row->updated_ms));
	call_etag(call, row->id, row->version);
	return 0;
}

static int answer(struct call *call, int status, int64_t id)
{
	call->response->status = status;
	if (reader_subscriber(call->worker->reader, id, subscriber_whole, call, &call->err) < 0)
		return -1;
	if (status == 201)
		call_location(call, "subscribers", ID_SUBSCRIBER, id);
	return 0;
}

int subscribers_get(struct call *call)
{
	int64_t id;
	return resolve_subscriber_path(call, &id) < 0 ? -1 : answer(call, 200, id);
}

/* Takes `change->doc`. */
static int apply(struct call *call, struct store_change *change, int status)
{
	int result = call_change(call, change);
	if (result == 0)
		result = answer(call, change->created ? 201 : status, change->result_id);
	json_decref(change->doc);
	store_change_clear(change);
	return result;
}

int subscribers_create(struct call *call)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_CREATE};
	if (call_unbound(call, "make subscribers") < 0)
		return -1;
	change.doc = call_body(call);
	if (!change.doc || subscriber_check(change.doc, &call->err) < 0) {
		json_decref(change.doc);
		return -1;
	}
	return apply(call, &change, 201);
}

/* PUT by a uid makes what does not exist; the document's uid must be the path's. */
static int put_target(struct call *call, struct store_change *change)
{
	struct slice text;
	const char *uid;
	int64_t id;
	if (call_path(call, 0, &text) < 0 || uid_of_doc(change->doc, &uid, &call->err) < 0)
		return -1;
	if (id_shaped(text))
		return resolve_subscriber(call, text, NULL, &change->id);
	if (uid_check(text, "/uid", &call->err) < 0)
		return -1;
	if (uid && !slice_is(text, uid))
		return err_field(&call->err, ERR_INVALID, "/uid", "must be the uid of the path, or absent");
	id = index_subscriber_by_uid(call->api->config.index, text);
	if (call->who.subscriber && id != call->who.subscriber)
		return err_set(&call->err, ERR_NOT_FOUND, "There is no such subscriber");
	change->id = id;
	change->uid = text.at;
	return json_object_set_new(change->doc, "uid", json_string(text.at)) == 0
	           ? 0
	           : err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
}

int subscribers_put(struct call *call)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_PUT, .doc = call_body(call)};
	if (!change.doc || subscriber_check(change.doc, &call->err) < 0 || put_target(call, &change) < 0) {
		json_decref(change.doc);
		return -1;
	}
	return apply(call, &change, 200);
}

int subscribers_patch(struct call *call)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_PATCH};
	if (resolve_subscriber_path(call, &change.id) < 0)
		return -1;
	change.doc = call_body(call);
	return change.doc ? apply(call, &change, 200) : -1;
}

int subscribers_delete(struct call *call)
{
	struct store_change change = {.what = CHANGE_SUBSCRIBER_DELETE};
	struct slice erase;
	int given = filter_by_word(call, "erase", "true false", &erase);
	if (given < 0 || resolve_subscriber_path(call, &change.id) < 0 || call_unbound(call, "delete subscribers") < 0)
		return -1;
	if (given && slice_is(erase, "true")) {
		change.what = CHANGE_SUBSCRIBER_ERASE;
		return operation_begin(call, &change);
	}
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : call_no_content(call);
}
