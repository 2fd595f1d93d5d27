/* /v1/audit: who changed what, when, from where. */
#include "api/call.h"
#include "model/event.h"

static const char *kind_of(struct slice actor)
{
	int64_t id;
	if (slice_is(actor, "hub"))
		return "hub";
	if (slice_is(actor, "local"))
		return "local";
	return id_parse(ID_ADMIN, actor, &id) == 0 ? "admin" : "key";
}

static int audit_item(void *context, const struct audit_row *row)
{
	struct call *call = context;
	struct strbuf *out = list_item(call);
	bool named = !slice_is(row->actor, "hub") && !slice_is(row->actor, "local");
	put_id(out, "{\"id\":", ID_AUDIT, row->id);
	put_time(out, ",\"at\":", row->at_ms);
	put_text(out, ",\"actor\":{\"kind\":", slice_of(kind_of(row->actor)));
	put_text(out, ",\"id\":", named ? row->actor : (struct slice){NULL, 0});
	put_text(out, ",\"name\":", row->actor_name);
	put_text(out, "},\"action\":", row->action);
	put_text(out, ",\"resource\":", row->resource);
	put_subscriber(call, out, ",\"subscriber\":", row->subscriber);
	strbuf_puts(out, ",\"before\":");
	strbuf_slice(out, row->before.at ? row->before : SLICE_LITERAL("null"));
	strbuf_puts(out, ",\"after\":");
	strbuf_slice(out, row->after.at ? row->after : SLICE_LITERAL("null"));
	put_text(out, ",\"address\":", row->address);
	put_text(out, ",\"request_id\":", row->request_id);
	strbuf_putc(out, '}');
	return 0;
}

static int read_actor(struct call *call, struct slice *actor)
{
	int64_t id;
	if (call_param(call, "actor", actor) < 0)
		return -1;
	if (!actor->at || slice_is(*actor, "local") || slice_is(*actor, "hub") || id_parse(ID_KEY, *actor, &id) == 0 ||
	    id_parse(ID_ADMIN, *actor, &id) == 0)
		return 0;
	return err_field(&call->err, ERR_INVALID, "?actor", "must be the id of an API key (key_…) or an administrator (adm_…), local (the admin socket) or hub (by itself)");
}

static int read_action(struct call *call, struct slice *action)
{
	if (call_param(call, "action", action) < 0)
		return -1;
	if (!action->at || audit_action_known(*action))
		return 0;
	return err_field(&call->err, ERR_INVALID, "?action", "must be an action that the audit knows, such as endpoint.create, key.revoke or hub.pause; the API reference has them all");
}

/* Things are named by their ids: uids come and go. */
static int read_resource(struct call *call, struct slice *resource)
{
	if (call_param(call, "resource", resource) < 0)
		return -1;
	if (!resource->at || id_shaped(*resource) || event_type_grammar(*resource, "?resource", NULL) == 0)
		return 0;
	return err_field(&call->err, ERR_INVALID, "?resource", "must be an id, such as ep_…, sub_…, key_…, adm_…, dlv_… or op_…, or an event type");
}

int audit_list(struct call *call)
{
	struct audit_filter filter = {.since_ms = 0};
	struct page page;
	if (call_unbound(call, "read the audit") < 0 || call_param_time(call, "since", &filter.since_ms) < 0 ||
	    call_param_time(call, "until", &filter.until_ms) < 0 || read_actor(call, &filter.actor) < 0 ||
	    read_action(call, &filter.action) < 0 || read_resource(call, &filter.resource) < 0 || call_page(call, LIST_AUDIT, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_audit(call->worker->reader, &filter, &page, audit_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_AUDIT, &page);
}
