/* POST /v1/events/{id}/resend: one event again, to endpoints that are named, or to all that have a delivery of it or match it now. */
#include <stdio.h>
#include <stdlib.h>

#include "api/call.h"

static int subscriber_of_event(void *context, const struct event_row *row)
{
	*(int64_t *)context = row->f->subscriber;
	return 0;
}

/* A uid is looked up among the endpoints of the event's subscriber first of all; whether the event may go there the writer decides. */
static int read_one(struct call *call, const json_t *value, size_t place, int64_t subscriber, int64_t *ids)
{
	char pointer[ERR_POINTER_MAX];
	struct endpoint *endpoint;
	struct slice text = {json_string_value(value), json_string_length(value)};
	snprintf(pointer, sizeof pointer, "/endpoints/%zu", place);
	if (!text.at)
		return err_field(&call->err, ERR_INVALID, pointer, "must be a string: the id or uid of an endpoint");
	if (resolve_endpoint(call, text, id_shaped(text) ? 0 : subscriber, pointer, &endpoint) < 0)
		return -1;
	ids[place] = endpoint->meta.id;
	endpoint_unref(endpoint);
	for (size_t i = 0; i < place; i++)
		if (ids[i] == ids[place])
			return err_field(&call->err, ERR_INVALID, pointer, "is an endpoint that is named before; name each once");
	return 0;
}

/* `ids` has room for RESEND_ENDPOINTS_MAX. */
static int read_endpoints(struct call *call, const json_t *doc, int64_t subscriber, int64_t *ids, size_t *len)
{
	const json_t *list = json_object_get(doc, "endpoints");
	*len = 0;
	if (call_members(call, doc, "", "endpoints") < 0)
		return -1;
	if (!list || json_is_null(list))
		return 0;
	*len = json_array_size(list);
	if (!json_is_array(list) || *len == 0 || *len > RESEND_ENDPOINTS_MAX)
		return err_field(&call->err, ERR_INVALID, "/endpoints",
		                 "must be an array of 1 to %d ids or uids of endpoints; leave it out for all that the event concerns",
		                 RESEND_ENDPOINTS_MAX);
	for (size_t i = 0; i < *len; i++)
		if (read_one(call, json_array_get(list, i), i, subscriber, ids) < 0)
			return -1;
	return 0;
}

static int answer(struct call *call, const struct store_change *change)
{
	static const char *const actions[] = {
	    [RESEND_REOPENED] = "reopened",
	    [RESEND_MADE] = "made",
	    [RESEND_HASTENED] = "hastened",
	};
	struct strbuf *out = call_out(call, 200);
	strbuf_puts(out, "{\"data\":[");
	for (size_t i = 0; i < change->resent_len; i++) {
		const struct resent *resent = &change->resent[i];
		put_id(out, i > 0 ? ",{\"endpoint\":" : "{\"endpoint\":", ID_ENDPOINT, resent->endpoint);
		put_id(out, ",\"delivery\":", ID_DELIVERY, resent->delivery);
		put_text(out, ",\"action\":", slice_of(actions[resent->action]));
		strbuf_putc(out, '}');
	}
	strbuf_puts(out, "]}");
	return 0;
}

int events_resend(struct call *call)
{
	int64_t ids[RESEND_ENDPOINTS_MAX];
	int64_t subscriber = 0;
	struct store_change change = {.what = CHANGE_EVENT_RESEND, .endpoints = ids};
	if (resolve_event_path(call, &change.id) < 0 ||
	    reader_event_row(call->worker->reader, change.id, call->who.subscriber, subscriber_of_event, &subscriber, &call->err) < 0)
		return -1;
	json_t *doc = call_body(call);
	int result = doc ? read_endpoints(call, doc, subscriber, ids, &change.endpoints_len) : -1;
	if (result == 0)
		result = call_change(call, &change);
	if (result == 0)
		result = answer(call, &change);
	store_change_clear(&change);
	json_decref(doc);
	return result;
}
