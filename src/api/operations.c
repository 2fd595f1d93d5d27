/* /v1/operations: the progress of bulk work. */
#include "api/call.h"

/* A bound key sees the work on its own subscriber's deliveries, and on its endpoints. */
static bool visible(const struct call *call, const struct operation_row *row)
{
	return call->who.subscriber == 0 || row->subscriber == call->who.subscriber;
}

static int operation_item(void *context, const struct operation_row *row)
{
	struct call *call = context;
	put_operation(list_item(call), row);
	return 0;
}

int operations_list(struct call *call)
{
	struct operation_filter filter = {.subscriber = call->who.subscriber};
	struct page page;
	struct slice state;
	int given = filter_by_word(call, "state", "running done cancelled", &state);
	if (given < 0 || call_page(call, LIST_OPERATIONS, &page) < 0)
		return -1;
	if (given)
		filter.state = slice_is(state, "running") ? OPERATION_RUNNING
		               : slice_is(state, "done")  ? OPERATION_DONE
		                                          : OPERATION_CANCELLED;
	list_begin(call);
	if (reader_operations(call->worker->reader, &filter, &page, operation_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_OPERATIONS, &page);
}

static int operation_whole(void *context, const struct operation_row *row)
{
	struct call *call = context;
	if (!visible(call, row))
		return err_set(&call->err, ERR_NOT_FOUND, "There is no such operation");
	put_operation(call_out(call, 200), row);
	return 0;
}

/* The path's operation, written as the answer. */
static int operation_path(struct call *call, int64_t *id)
{
	if (resolve_id_path(call, ID_OPERATION, "operation", id) < 0 ||
	    reader_operation(call->worker->reader, *id, operation_whole, call, &call->err) < 0)
		return -1;
	return call->err.code == ERR_NONE ? 0 : -1;
}

int operations_get(struct call *call)
{
	int64_t id;
	return operation_path(call, &id);
}

int operations_cancel(struct call *call)
{
	struct store_change change = {.what = CHANGE_OPERATION_CANCEL};
	if (operation_path(call, &change.id) < 0)
		return -1;
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : call_no_content(call);
}

static int operation_begun(void *context, const struct operation_row *row)
{
	struct call *call = context;
	put_operation(call_out(call, 202), row);
	return 0;
}

int operation_begin(struct call *call, struct store_change *change)
{
	int result = call_change(call, change);
	if (result == 0)
		result = reader_operation(call->worker->reader, change->result_id, operation_begun, call, &call->err);
	if (result == 0)
		call_location(call, "operations", ID_OPERATION, change->result_id);
	store_change_clear(change);
	return result;
}
