/* Changes of event types' descriptions. What was counted is not touched by them. */
#include <string.h>

#include "model/event_type.h"
#include "store/audit.h"
#include "store/private.h"

static int note(struct tx *tx, struct store_change *change, const char *action, json_t *before, json_t *after)
{
	char type[EVENT_TYPE_MAX + 1] = "";
	memcpy(type, change->type.at, change->type.len);
	return audit_note(tx, change, action, type, 0, json_incref(before), json_incref(after));
}

int event_type_put(struct tx *tx, struct store_change *change)
{
	struct event_type_row row = {.id = 0};
	if (event_type_grammar(change->type, "/type", &change->err) || event_type_doc_check(change->doc, &change->err))
		return -1;
	int found = tx->engine->ops->event_type_get(tx->engine, change->type, &row);
	if (found < 0)
		return -1;
	json_t *before = row.doc;
	if (!found)
		row = (struct event_type_row){.id = id_next(&tx->store->ids, tx->now_ms), .type = change->type};
	row.doc = change->doc;
	row.updated_ms = tx->now_ms;
	int result = note(tx, change, "event_type.describe", before, row.doc);
	if (result == 0)
		result = tx->engine->ops->event_type_put(tx->engine, &row);
	change->created = !before;
	change->result_id = row.id;
	json_decref(before);
	return result;
}

/* A type that was seen stays listed, without its description. */
int event_type_delete(struct tx *tx, struct store_change *change)
{
	struct event_type_row row = {.id = 0};
	int found = tx->engine->ops->event_type_get(tx->engine, change->type, &row);
	if (found < 0)
		return -1;
	if (found == 0 || !row.doc)
		return change_not_found(change, "description");
	json_t *before = row.doc;
	row.doc = NULL;
	row.updated_ms = tx->now_ms;
	change->result_id = row.id;
	int result = note(tx, change, "event_type.forget", before, NULL);
	if (result == 0)
		result = row.count > 0 ? tx->engine->ops->event_type_put(tx->engine, &row) : tx->engine->ops->event_type_delete(tx->engine, row.id);
	json_decref(before);
	return result;
}
