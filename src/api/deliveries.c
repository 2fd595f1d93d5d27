/* /v1/deliveries: the list, one delivery with its attempts, and its repair by hand. */
#include "api/call.h"

/* ---- List ----------------------------------------------------------------------------------------------------------------- */

#define STATE(name, text, number) " " text
static const char states[] =
#include "model/states.def"
    ;
#undef STATE

#define REASON(name, text, number, meaning) " " text
static const char reasons[] =
#include "model/reasons.def"
    ;
#undef REASON

static int delivery_item(void *context, const struct delivery_row *row)
{
	struct call *call = context;
	struct strbuf *out = list_item(call);
	put_delivery_open(call, out, row);
	strbuf_putc(out, '}');
	return 0;
}

static int read_filter(struct call *call, struct delivery_filter *filter)
{
	struct slice state, reason;
	int by_state = filter_by_word(call, "state", states, &state), by_reason = filter_by_word(call, "reason", reasons, &reason);
	if (by_state < 0 || by_reason < 0)
		return -1;
	filter->by_state = by_state > 0;
	/* The words are those of the tables. */
	if ((by_state > 0 && delivery_state_parse(state, &filter->state) < 0) ||
	    (by_reason > 0 && delivery_reason_parse(reason, &filter->reason) < 0))
		return err_set(&call->err, ERR_INTERNAL, "A state or reason is missing from its table");
	if (filter_by_pattern(call, "type", &filter->type) < 0 || resolve_owner_filter(call, &filter->subscriber) < 0 ||
	    resolve_endpoint_param(call, filter->subscriber, &filter->endpoint) < 0)
		return -1;
	return filter_by_time(call, &filter->since_ms, &filter->until_ms);
}

int deliveries_list(struct call *call)
{
	struct delivery_filter filter = {.endpoint = 0};
	struct page page;
	if (read_filter(call, &filter) < 0 || call_page(call, LIST_DELIVERIES, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_deliveries(call->worker->reader, &filter, &page, delivery_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_DELIVERIES, &page);
}

/* ---- One ------------------------------------------------------------------------------------------------------------------ */

static int delivery_begin(void *context, const struct delivery_row *row)
{
	struct call *call = context;
	struct strbuf *out = call_out(call, 200);
	put_delivery_open(call, out, row);
	strbuf_puts(out, ",\"attempts\":[");
	call->listed = 0;
	return 0;
}

static int attempt_item(void *context, const struct attempt_row *row)
{
	struct call *call = context;
	put_attempt(list_item(call), row, call->who.subscriber != 0);
	return 0;
}

static int answer(struct call *call, int64_t id)
{
	struct store_reader *reader = call->worker->reader;
	if (reader_delivery(reader, id, call->who.subscriber, delivery_begin, call, &call->err) < 0 ||
	    reader_attempts(reader, id, attempt_item, call, &call->err) < 0)
		return -1;
	strbuf_puts(&call->response->body, "]}");
	return 0;
}

int deliveries_get(struct call *call)
{
	int64_t id;
	return resolve_id_path(call, ID_DELIVERY, "delivery", &id) < 0 ? -1 : answer(call, id);
}

static int repair(struct call *call, enum store_change_kind what)
{
	struct store_change change = {.what = what};
	if (resolve_id_path(call, ID_DELIVERY, "delivery", &change.id) < 0)
		return -1;
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : answer(call, change.id);
}

int deliveries_retry(struct call *call)
{
	return repair(call, CHANGE_DELIVERY_RETRY);
}

int deliveries_cancel(struct call *call)
{
	return repair(call, CHANGE_DELIVERY_CANCEL);
}
