/* The answer to a publish: one fate per event. */
#include <inttypes.h>
#include <stddef.h>

#include "base/id.h"
#include "ingest/ingest.h"
#include "json/scan.h"

/* What a user is told about the fates that the store gives. */
static const char *fate_detail(enum err_code fate)
{
	switch (fate) {
	case ERR_KEY_REUSED:
		return "This uid, (source, id) of a CloudEvent, or Idempotency-Key came before with other content: repeat that content exactly, or "
		       "take a new key";
	case ERR_ENDPOINT_DISABLED:
		return "The endpoint is disabled: resume it first";
	case ERR_NOT_FOUND:
		return "The endpoint was deleted meanwhile";
	case ERR_STORAGE:
		return "The store cannot be written now, so nothing was accepted: try again";
	case ERR_UNAVAILABLE:
		return "The hub takes no events now, so nothing was accepted: try again";
	default:
		return "The hub failed, so this was not accepted";
	}
}

static void put_uid(struct strbuf *out, const struct publish_item *item)
{
	strbuf_puts(out, "\"uid\":");
	if (item->event->f.uid.at)
		json_put_string(out, item->event->f.uid);
	else
		strbuf_puts(out, "null");
}

static void put_accepted(struct strbuf *out, const struct ingest *ingest, const struct publish_item *item)
{
	char id[ID_TEXT_SIZE];
	id_format(ID_EVENT, item->event_id, id);
	strbuf_printf(out, "{\"id\":\"%s\",", id);
	put_uid(out, item);
	strbuf_printf(out, ",\"deliveries\":%" PRIu32, item->deliveries);
	if (ingest->batch || item->duplicate)
		strbuf_printf(out, ",\"duplicate\":%s", item->duplicate ? "true" : "false");
	/* Not for a bound key: what others have is not its business. */
	if (item->deliveries == 0 && item->everyone > 0 && !ingest->bound)
		strbuf_printf(out, ",\"everyone_would_reach\":%" PRIu32, item->everyone);
	strbuf_putc(out, '}');
}

static void put_refused(struct strbuf *out, const struct publish_item *item)
{
	strbuf_putc(out, '{');
	put_uid(out, item);
	strbuf_printf(out, ",\"error\":{\"code\":\"%s\",\"detail\":", err_code_text(item->fate));
	json_put_string(out, slice_of(fate_detail(item->fate)));
	strbuf_puts(out, "}}");
}

int ingest_answer(const struct ingest *ingest, struct strbuf *out, struct err *err)
{
	const struct store_publish *publish = &ingest->publish;
	enum err_code fate = publish->cmd.fate;
	if (fate == ERR_NONE && !ingest->batch)
		fate = publish->items[0].fate;
	if (fate != ERR_NONE)
		return err_set(err, fate, "%s", fate_detail(fate));
	int status = 202;
	if (ingest->batch) {
		strbuf_puts(out, "{\"data\":[");
		for (size_t i = 0; i < publish->items_len; i++) {
			if (i > 0)
				strbuf_putc(out, ',');
			if (publish->items[i].fate == ERR_NONE)
				put_accepted(out, ingest, &publish->items[i]);
			else
				put_refused(out, &publish->items[i]);
		}
		strbuf_puts(out, "]}");
	} else {
		put_accepted(out, ingest, &publish->items[0]);
		status = publish->items[0].duplicate ? 200 : 202;
	}
	if (out->failed)
		return err_set(err, ERR_INTERNAL, "The events were accepted, but the answer did not fit into memory");
	return status;
}
