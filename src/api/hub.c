/* /v1/hub: the pause of the whole hub. */
#include "api/call.h"

static int respond(struct call *call)
{
	struct pause_view view;
	pause_get(call->api->config.pause, &view);
	json_t *answer = pause_json(&view);
	/* A subscriber's deliveries wait, which it may know; what happened to the hub is the operator's. */
	if (call->who.subscriber != 0 && answer) {
		json_object_set_new(answer, "reason", json_null());
		json_object_set_new(answer, "backup_at", json_null());
	}
	return call_json(call, 200, answer);
}

static int change(struct call *call, enum store_change_kind what)
{
	struct store_change change = {.what = what};
	int result = call_unbound(call, "pause or resume the hub") < 0 ? -1 : call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : respond(call);
}

int hub_get(struct call *call)
{
	return respond(call);
}

int hub_pause_post(struct call *call)
{
	return change(call, CHANGE_HUB_PAUSE);
}

int hub_resume_post(struct call *call)
{
	return change(call, CHANGE_HUB_RESUME);
}

/* Of a restore, before the database gets its name: what is in it, as far as an operator must know before it sends anything. */
int local_restored(struct call *call)
{
	struct stats stats;
	struct pause_view view;
	struct store_change restored = {.what = CHANGE_HUB_RESTORED};
	int result = call_change(call, &restored);
	store_change_clear(&restored);
	if (result < 0 || reader_stats(call->worker->reader, call_now_ms(call), 0, &stats, &call->err) < 0)
		return -1;
	pause_get(call->api->config.pause, &view);
	struct strbuf *out = call_out(call, 200);
	put_time(out, "{\"backup_at\":", view.backup_ms);
	put_number(out, ",\"pending\":", stats.pending.count);
	put_number(out, ",\"held\":", stats.held.count);
	strbuf_printf(out, ",\"at_least\":%s}", stats.pending.at_least || stats.held.at_least ? "true" : "false");
	return 0;
}
