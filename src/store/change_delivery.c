/* Changes of deliveries by hand: retry, cancel. */
#include "store/audit.h"
#include "store/erase.h"
#include "store/private.h"

static int find(struct tx *tx, struct store_change *change, struct delivery_record *record)
{
	int found = tx->engine->ops->delivery_get(tx->engine, change->id, record);
	if (found == 0 || (found > 0 && change->only_subscriber && change->only_subscriber != record->subscriber))
		return change_not_found(change, "delivery");
	change->result_id = change->id;
	return found < 0 ? -1 : 0;
}

/* Whether the endpoint takes deliveries; a retry towards one that does not is an error, not a silent yes. */
static int endpoint_check(struct tx *tx, struct store_change *change, int64_t endpoint)
{
	enum endpoint_status status = ENDPOINT_DELETED;
	if (tx->engine->ops->endpoint_status(tx->engine, endpoint, &status) < 0)
		return -1;
	if (status == ENDPOINT_DELETED)
		return err_set(&change->err, ERR_WRONG_STATE, "the endpoint was deleted; the delivery cannot be sent again");
	if (status == ENDPOINT_DISABLED)
		return err_set(&change->err, ERR_ENDPOINT_DISABLED, "the endpoint is disabled; resume it first");
	return 0;
}

static int refuse_held(struct tx *tx, struct store_change *change, const struct delivery_record *record)
{
	int64_t head = 0;
	char text[ID_TEXT_SIZE] = "another delivery";
	int found = tx->engine->ops->order_head(tx->engine, record->due.endpoint, record->order_key, &head);
	if (found > 0)
		id_format(ID_DELIVERY, head, text);
	return found < 0 ? -1 : err_set(&change->err, ERR_WRONG_STATE, "it is held in order behind %s, which must end first", text);
}

int delivery_retry(struct tx *tx, struct store_change *change)
{
	struct delivery_record record;
	if (find(tx, change, &record) || erase_refuses(tx, change, record.due.event) || endpoint_check(tx, change, record.due.endpoint))
		return -1;
	if (record.due.expires_ms != 0 && record.due.expires_ms <= tx->now_ms)
		return err_set(&change->err, ERR_EXPIRED, "its expires_at has passed");
	if (record.state == DELIVERY_HELD)
		return refuse_held(tx, change, &record);
	struct delivery_record before = record;
	int result = record.state == DELIVERY_PENDING ? transition_hasten(tx, &record) : transition_reopen(tx, &record);
	if (result == 0 && record.state == DELIVERY_PENDING)
		news_urged(tx->news, &record.due);
	return result ? -1 : audit_delivery(tx, change, &before, &record);
}

int delivery_cancel(struct tx *tx, struct store_change *change)
{
	struct delivery_record record;
	enum delivery_state to;
	if (find(tx, change, &record))
		return -1;
	if (delivery_change(record.state, DELIVERY_CANCEL, &to))
		return err_set(&change->err, ERR_WRONG_STATE, "it is %s already; only a delivery that is pending or held can be cancelled",
		               delivery_state_text(record.state));
	struct delivery_record before = record;
	return transition_end(tx, &record, DELIVERY_CANCEL, REASON_CANCELLED) ? -1 : audit_delivery(tx, change, &before, &record);
}
