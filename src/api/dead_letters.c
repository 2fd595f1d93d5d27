/* /v1/dead-letters: the list, and its repair in bulk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "model/pattern.h"

/* ---- List ----------------------------------------------------------------------------------------------------------------- */

static int dead_item(void *context, const struct delivery_row *row)
{
	struct call *call = context;
	struct strbuf *out = list_item(call);
	int64_t age_ms = call_now_ms(call) - row->ended_ms;
	put_delivery_open(call, out, row);
	put_number(out, ",\"age_ms\":", age_ms > 0 ? age_ms : 0);
	strbuf_putc(out, '}');
	return 0;
}

/* What a filter may say, as text, wherever it came from: a query or a document. */
struct filter_texts {
	struct slice endpoint, subscriber, type, reason, since, until, q;
};

static const struct {
	const char *name;
	size_t at;
} filter_names[] = {
    {"endpoint", offsetof(struct filter_texts, endpoint)},
    {"subscriber", offsetof(struct filter_texts, subscriber)},
    {"type", offsetof(struct filter_texts, type)},
    {"reason", offsetof(struct filter_texts, reason)},
    {"since", offsetof(struct filter_texts, since)},
    {"until", offsetof(struct filter_texts, until)},
    {"q", offsetof(struct filter_texts, q)},
};

enum { FILTER_NAMES = sizeof filter_names / sizeof *filter_names };

static struct slice *filter_text(struct filter_texts *texts, unsigned i)
{
	return (struct slice *)(void *)((char *)texts + filter_names[i].at);
}

static const char *pointer_of(const char *above, const char *name, char out[ERR_POINTER_MAX])
{
	snprintf(out, ERR_POINTER_MAX, "%s%s", above, name);
	return out;
}

static int read_time(struct call *call, struct slice text, const char *pointer, int64_t *wall_ms)
{
	if (!text.at || moment_parse(text, call_now_ms(call), wall_ms) == 0)
		return 0;
	return err_field(&call->err, ERR_INVALID, pointer,
	                 "must be an RFC 3339 time such as 2030-01-31T08:00:00Z, or a span back from now: -30m, -1h, -7d");
}

/* Whether dead letters can have this reason; the others are of what was cancelled. */
static bool deadly(enum delivery_reason reason)
{
	switch (reason) {
	case REASON_EXHAUSTED:
	case REASON_GONE:
	case REASON_EXPIRED:
	case REASON_ENDPOINT_DISABLED:
	case REASON_ENDPOINT_DELETED:
	case REASON_CORRUPT:
		return true;
	default:
		return false;
	}
}

/* `above` is "?" or "/filter/": what stands before a name in a pointer. */
static int read_filter(struct call *call, const struct filter_texts *texts, const char *above, struct dead_filter *filter)
{
	char pointer[ERR_POINTER_MAX];
	filter->subscriber = call->who.subscriber;
	if (texts->subscriber.at &&
	    resolve_owner(call, texts->subscriber, pointer_of(above, "subscriber", pointer), &filter->subscriber) < 0)
		return -1;
	if (texts->endpoint.at &&
	    resolve_endpoint_ever(call, texts->endpoint, filter->subscriber, pointer_of(above, "endpoint", pointer), &filter->endpoint) < 0)
		return -1;
	filter->type = texts->type;
	if (texts->type.at && pattern_check(texts->type, pointer_of(above, "type", pointer), &call->err) < 0)
		return -1;
	if (texts->reason.at && (delivery_reason_parse(texts->reason, &filter->reason) < 0 || !deadly(filter->reason)))
		return err_field(
		    &call->err, ERR_INVALID, pointer_of(above, "reason", pointer),
		    "must be a reason of dead letters: exhausted, gone, expired, endpoint_disabled, endpoint_deleted or corrupt");
	filter->q = texts->q;
	if (texts->q.at && (texts->q.len == 0 || texts->q.len > FILTER_Q_MAX || !filter_is_utf8(texts->q)))
		return err_field(&call->err, ERR_INVALID, pointer_of(above, "q", pointer), "must have 1 to %d bytes of UTF-8 text",
		                 FILTER_Q_MAX);
	if (read_time(call, texts->since, pointer_of(above, "since", pointer), &filter->since_ms) < 0)
		return -1;
	return read_time(call, texts->until, pointer_of(above, "until", pointer), &filter->until_ms);
}

int call_dead_filter(struct call *call, struct dead_filter *filter)
{
	struct filter_texts texts = {.q = {NULL, 0}};
	for (unsigned i = 0; i < FILTER_NAMES; i++)
		if (call_param(call, filter_names[i].name, filter_text(&texts, i)) < 0)
			return -1;
	return read_filter(call, &texts, "?", filter);
}

int dead_letters_list(struct call *call)
{
	struct dead_filter filter = {.endpoint = 0};
	struct page page;
	if (call_dead_filter(call, &filter) < 0 || call_page(call, LIST_DEAD, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_dead(call->worker->reader, &filter, &page, dead_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_DEAD, &page);
}

/* ---- Bulk work ------------------------------------------------------------------------------------------------------------ */

/* What could send nothing must not be answered with a yes. */
static int refuse_disabled(struct call *call, int64_t endpoint_id, const char *pointer)
{
	struct endpoint *endpoint = index_endpoint(call->api->config.index, endpoint_id);
	bool deleted = !endpoint, disabled = endpoint && endpoint->meta.status == ENDPOINT_DISABLED;
	endpoint_unref(endpoint);
	if (deleted)
		return err_field(&call->err, ERR_WRONG_STATE, pointer, "the endpoint was deleted: it cannot be sent again");
	if (!disabled)
		return 0;
	return err_field(&call->err, ERR_ENDPOINT_DISABLED, pointer, "the endpoint is disabled: resume it first");
}

static int endpoint_of_row(void *context, const struct delivery_row *row)
{
	int64_t *endpoint = context;
	*endpoint = row->endpoint;
	return 0;
}

/* Each id must be a delivery that the caller may see; for a retry its endpoint must take deliveries. */
static int check_id(struct call *call, const json_t *value, size_t place, bool retry, int64_t *id)
{
	char pointer[ERR_POINTER_MAX];
	int64_t endpoint = 0;
	struct err err = {.code = ERR_NONE};
	snprintf(pointer, sizeof pointer, "/ids/%zu", place);
	if (!json_is_string(value) || id_parse(ID_DELIVERY, slice_of(json_string_value(value)), id) < 0)
		return err_field(&call->err, ERR_INVALID, pointer, "must be the id of a delivery: dlv_…");
	if (reader_delivery(call->worker->reader, *id, call->who.subscriber, endpoint_of_row, &endpoint, &err) < 0) {
		if (err.code == ERR_NOT_FOUND)
			return err_field(&call->err, ERR_NOT_FOUND, pointer, "there is no such delivery");
		call->err = err;
		return -1;
	}
	return retry ? refuse_disabled(call, endpoint, pointer) : 0;
}

static int read_ids(struct call *call, const json_t *list, bool retry, struct dead_filter *filter, int64_t **ids)
{
	size_t len = json_array_size(list);
	if (!json_is_array(list) || len == 0)
		return err_field(&call->err, ERR_INVALID, "/ids", "must be an array of at least one id of a delivery");
	*ids = calloc(len, sizeof **ids);
	if (!*ids)
		return err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	for (size_t i = 0; i < len; i++)
		if (check_id(call, json_array_get(list, i), i, retry, &(*ids)[i]) < 0)
			return -1;
	filter->ids = *ids;
	filter->ids_len = len;
	filter->subscriber = call->who.subscriber;
	return 0;
}

static int read_filter_doc(struct call *call, const json_t *doc, bool retry, struct dead_filter *filter)
{
	struct filter_texts texts = {.q = {NULL, 0}};
	char pointer[ERR_POINTER_MAX];
	if (!json_is_object(doc))
		return err_field(&call->err, ERR_INVALID, "/filter", "must be an object; an empty one means every dead letter");
	if (call_members(call, doc, "/filter", "endpoint subscriber type reason since until q") < 0)
		return -1;
	for (unsigned i = 0; i < FILTER_NAMES; i++) {
		const json_t *value = json_object_get(doc, filter_names[i].name);
		if (!value || json_is_null(value))
			continue;
		if (!json_is_string(value))
			return err_field(&call->err, ERR_INVALID, pointer_of("/filter/", filter_names[i].name, pointer),
			                 "must be a string");
		*filter_text(&texts, i) = (struct slice){json_string_value(value), json_string_length(value)};
	}
	if (read_filter(call, &texts, "/filter/", filter) < 0)
		return -1;
	return retry && filter->endpoint ? refuse_disabled(call, filter->endpoint, "/filter/endpoint") : 0;
}

static int start(struct call *call, enum operation_kind kind, const struct dead_filter *filter)
{
	struct store_change change = {.what = CHANGE_OPERATION_CREATE, .operation = kind, .filter = *filter};
	return operation_begin(call, &change);
}

static int count(struct call *call, const struct dead_filter *filter)
{
	int64_t number = 0;
	if (reader_dead_count(call->worker->reader, filter, &number, &call->err) < 0)
		return -1;
	struct strbuf *out = call_out(call, 200);
	put_number(out, "{\"count\":", number);
	strbuf_putc(out, '}');
	return 0;
}

static int bulk_of(struct call *call, const json_t *doc, enum operation_kind kind, int64_t **ids)
{
	struct dead_filter filter = {.endpoint = 0};
	const json_t *list = json_object_get(doc, "ids"), *chosen = json_object_get(doc, "filter"), *dry = json_object_get(doc, "dry_run");
	bool retry = kind == OPERATION_RETRY;
	if (call_members(call, doc, "", "ids filter dry_run") < 0)
		return -1;
	if (dry && !json_is_boolean(dry))
		return err_field(&call->err, ERR_INVALID, "/dry_run", "must be true or false");
	if (!list == !chosen)
		return err_field(&call->err, ERR_INVALID, "", "give either `ids` or `filter` ({} means every dead letter)");
	if ((list ? read_ids(call, list, retry, &filter, ids) : read_filter_doc(call, chosen, retry, &filter)) < 0)
		return -1;
	return json_is_true(dry) ? count(call, &filter) : start(call, kind, &filter);
}

static int bulk(struct call *call, enum operation_kind kind)
{
	int64_t *ids = NULL;
	json_t *doc = call_body(call);
	if (!doc)
		return -1;
	int result = bulk_of(call, doc, kind, &ids);
	free(ids);
	json_decref(doc);
	return result;
}

int dead_letters_retry(struct call *call)
{
	return bulk(call, OPERATION_RETRY);
}

int dead_letters_discard(struct call *call)
{
	return bulk(call, OPERATION_DISCARD);
}
