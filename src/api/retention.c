/* What is kept how long, and what is erased: /v1/retention, DELETE of an event's payload. */
#include "api/call.h"

/* ---- Retention ---- */

static void put_age(struct strbuf *out, const char *prefix, int64_t age_ms)
{
	if (age_ms > 0) {
		put_number(out, prefix, age_ms);
		return;
	}
	strbuf_puts(out, prefix);
	strbuf_puts(out, "null");
}

static void put_counts(struct strbuf *out, const char *prefix, const struct retention_counts *counts)
{
	strbuf_puts(out, prefix);
	put_number(out, "{\"events\":", counts->events);
	put_number(out, ",\"deliveries\":", counts->deliveries);
	put_number(out, ",\"attempts\":", counts->attempts);
	put_number(out, ",\"rejections\":", counts->rejections);
	put_number(out, ",\"audit\":", counts->audit);
	put_number(out, ",\"operations\":", counts->operations);
	put_number(out, ",\"endpoints\":", counts->endpoints);
	strbuf_putc(out, '}');
}

static void put_switch(struct strbuf *out, const char *prefix, bool on)
{
	strbuf_puts(out, prefix);
	strbuf_puts(out, on ? "true" : "false");
}

/* A sentence about what keeps it from its work; NULL: nothing does. */
static const char *why_of(const struct retention_status *status)
{
	switch (status->state) {
	case RETENTION_OFF:
		return "this process does not serve; retention runs in the hub";
	case RETENTION_WAITS:
		return "bulk work that sends events again must end first";
	case RETENTION_STOPPED:
		return "the wall clock jumped; it goes on when the clock is back, or when somebody says that it is right: grapnel retention confirm, or POST /v1/retention/confirm";
	case RETENTION_RESTS:
	case RETENTION_RUNS:
		break;
	}
	return status->over ? "retention.size cannot be kept: what is left is unfinished, or dead letters within retention.dead_letters" : NULL;
}

static void put_database(struct strbuf *out, const struct retention_status *status)
{
	put_number(out, ",\"database\":{\"bytes\":", status->database_bytes);
	put_number(out, ",\"used_bytes\":", status->used_bytes);
	put_number(out, ",\"free_bytes\":", status->free_bytes);
	put_number(out, ",\"given_back_bytes\":", status->given_back_bytes);
	put_switch(out, ",\"gives_back\":", status->gives_back);
	put_switch(out, ",\"over\":", status->over);
	put_switch(out, ",\"scrubbing\":", status->scrubbing);
	strbuf_putc(out, '}');
}

static int put_status(struct call *call)
{
	static const char *const states[] = {[RETENTION_OFF] = "off",
	                                     [RETENTION_RESTS] = "rests",
	                                     [RETENTION_RUNS] = "runs",
	                                     [RETENTION_WAITS] = "waits",
	                                     [RETENTION_STOPPED] = "stopped"};
	struct retention_status status;
	retention_status(call->api->config.store, &status);
	const struct retention_limits *limits = &status.limits;
	struct strbuf *out = call_out(call, 200);
	put_text(out, "{\"state\":", slice_of(states[status.state]));
	put_text(out, ",\"why\":", slice_of(why_of(&status)));
	put_number(out, ",\"clock_jump_ms\":", status.jump_ms);
	put_age(out, ",\"settings\":{\"events_ms\":", limits->events_ms);
	put_age(out, ",\"attempts_ms\":", limits->attempts_ms);
	put_age(out, ",\"dead_letters_ms\":", limits->dead_ms);
	put_age(out, ",\"rejections_ms\":", limits->rejections_ms);
	put_age(out, ",\"audit_ms\":", limits->audit_ms);
	put_age(out, ",\"size_bytes\":", limits->bytes);
	put_time(out, "},\"last_run\":{\"began_at\":", status.last_begin_ms);
	put_time(out, ",\"ended_at\":", status.last_end_ms);
	put_counts(out, ",\"deleted\":", &status.last);
	put_counts(out, "},\"deleted_since_start\":", &status.total);
	put_time(out, ",\"oldest_event\":", status.oldest_event_ms);
	put_database(out, &status);
	strbuf_putc(out, '}');
	return 0;
}

int retention_show(struct call *call)
{
	return call_unbound(call, "see what the hub keeps") < 0 ? -1 : put_status(call);
}

int retention_clock_right(struct call *call)
{
	struct store_change change = {.what = CHANGE_RETENTION_CONFIRM};
	if (call_unbound(call, "say that the hub's clock is right") < 0)
		return -1;
	int result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : put_status(call);
}

/* ---- Erasure ---- */

static int event_seen(void *context, const struct event_row *row)
{
	(void)context;
	(void)row;
	return 0;
}

int events_erase(struct call *call)
{
	struct store_change change = {.what = CHANGE_EVENT_ERASE};
	struct slice cancel;
	int given = filter_by_word(call, "cancel", "true false", &cancel);
	if (given < 0 || resolve_event_path(call, &change.id) < 0 ||
	    reader_event_row(call->worker->reader, change.id, call->who.subscriber, event_seen, NULL, &call->err) < 0)
		return -1;
	change.cancel = given && slice_is(cancel, "true");
	int result = call_change(call, &change);
	if (result == 0) {
		const struct erased *erased = &change.erased;
		struct strbuf *out = call_out(call, erased->left ? 202 : 200);
		put_id(out, "{\"id\":", ID_EVENT, change.id);
		put_time(out, ",\"erased_at\":", erased->at_ms);
		put_number(out, ",\"cancelled\":", erased->cancelled);
		put_number(out, ",\"left\":", erased->left);
		put_number(out, ",\"responses\":", erased->responses);
		put_id(out, ",\"operation\":", ID_OPERATION, erased->operation);
		strbuf_putc(out, '}');
	}
	store_change_clear(&change);
	return result;
}
