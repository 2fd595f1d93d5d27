/* /v1/deliveries: one delivery with its attempts, and its repair by hand. */
#include "api/call.h"

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
	put_attempt(list_item(context), row);
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
