/* Rows of the store as JSON text. Written by hand because what is stored may be JSON that jansson cannot hold. */
#include <inttypes.h>

#include "api/call.h"
#include "json/scan.h"

void put_text(struct strbuf *out, const char *prefix, struct slice text)
{
	strbuf_puts(out, prefix);
	if (text.at)
		json_put_string(out, text);
	else
		strbuf_puts(out, "null");
}

void put_time(struct strbuf *out, const char *prefix, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, text);
	put_text(out, prefix, wall_ms ? slice_of(text) : (struct slice){NULL, 0});
}

void put_id(struct strbuf *out, const char *prefix, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_SIZE];
	id_format(kind, id, text);
	put_text(out, prefix, id ? slice_of(text) : (struct slice){NULL, 0});
}

void put_number(struct strbuf *out, const char *prefix, int64_t number)
{
	strbuf_printf(out, "%s%" PRId64, prefix, number);
}

void put_subscriber(struct call *call, struct strbuf *out, const char *prefix, int64_t id)
{
	char text[SUBSCRIBER_TEXT_SIZE];
	put_text(out, prefix, slice_of(subscriber_text(call, id, text)));
}

static int append(const char *bytes, size_t len, void *out)
{
	strbuf_append(out, bytes, len);
	return 0;
}

void put_json(struct strbuf *out, json_t *json)
{
	if (!json || json_dump_callback(json, append, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0)
		out->failed = true;
	json_decref(json);
}

void put_request_id(struct strbuf *out, const char *name, int64_t request)
{
	char text[ID_TEXT_SIZE];
	id_request_format(request, text);
	put_text(out, name, slice_of(request ? text : NULL));
}

void put_event_open(struct call *call, struct strbuf *out, const struct event_row *row)
{
	const struct event_fields *f = row->f;
	put_id(out, "{\"id\":", ID_EVENT, row->id);
	put_text(out, ",\"uid\":", f->uid);
	put_text(out, ",\"type\":", f->type);
	put_text(out, ",\"subject\":", f->subject);
	put_subscriber(call, out, ",\"subscriber\":", f->subscriber);
	put_id(out, ",\"source\":", ID_SOURCE, f->source);
	put_time(out, ",\"time\":", f->time_ms);
	put_text(out, ",\"content_type\":", f->content_type);
	strbuf_puts(out, ",\"attributes\":");
	strbuf_slice(out, f->attributes.at ? f->attributes : SLICE_LITERAL("{}"));
	put_text(out, ",\"ordering_key\":", f->ordering_key);
	put_time(out, ",\"deliver_at\":", f->deliver_at_ms);
	put_time(out, ",\"expires_at\":", f->expires_at_ms);
	put_number(out, ",\"data_bytes\":", (int64_t)row->data_bytes);
	put_time(out, ",\"erased_at\":", row->erased_ms);
	put_number(out, ",\"deliveries\":", row->deliveries);
	if (row->being_made)
		put_number(out, ",\"being_made\":", row->being_made);
}

void put_event(struct call *call, struct strbuf *out, const struct event_row *row)
{
	put_event_open(call, out, row);
	strbuf_putc(out, '}');
}

/* A status or code of 0 is none. */
static void put_result(struct strbuf *out, bool outside, int status, enum attempt_failure failure, struct slice detail, int64_t started_ms,
                       int64_t duration_ms)
{
	if (outside)
		failure = attempt_failure_outside(failure);
	/* How long it took would tell a closed port from one that is filtered. */
	if (failure == FAILURE_UNREACHABLE || (outside && failure == FAILURE_TOKEN)) {
		started_ms += duration_ms;
		duration_ms = 0;
	}
	if (failure == FAILURE_UNREACHABLE || (outside && (failure == FAILURE_INTERNAL || failure == FAILURE_PAYLOAD)))
		detail = (struct slice){NULL, 0};
	strbuf_puts(out, "\"status\":");
	if (status)
		strbuf_printf(out, "%d", status);
	else
		strbuf_puts(out, "null");
	put_text(out, ",\"failure\":", failure ? slice_of(attempt_failure_text(failure)) : (struct slice){NULL, 0});
	put_text(out, ",\"detail\":", detail.len ? detail : (struct slice){NULL, 0});
	put_time(out, ",\"started_at\":", started_ms);
	put_number(out, ",\"duration_ms\":", duration_ms);
}

/* There only in what belongs to a drill. */
static void put_drill(struct strbuf *out, enum drill drill)
{
	if (drill != DRILL_NONE)
		put_text(out, ",\"drill\":", slice_of(drill_text(drill)));
}

void put_delivery_open(struct call *call, struct strbuf *out, const struct delivery_row *row)
{
	put_id(out, "{\"id\":", ID_DELIVERY, row->id);
	put_id(out, ",\"event\":", ID_EVENT, row->event);
	put_text(out, ",\"event_uid\":", row->event_uid);
	put_text(out, ",\"type\":", row->type);
	put_text(out, ",\"subject\":", row->subject);
	put_time(out, ",\"event_erased_at\":", row->event_erased_ms);
	put_id(out, ",\"endpoint\":", ID_ENDPOINT, row->endpoint);
	put_subscriber(call, out, ",\"subscriber\":", row->subscriber);
	put_text(out, ",\"state\":", slice_of(delivery_state_text(row->state)));
	put_text(out, ",\"reason\":", row->reason ? slice_of(delivery_reason_text(row->reason)) : (struct slice){NULL, 0});
	put_number(out, ",\"round\":", delivery_round_shown(row->round));
	put_drill(out, drill_of(row->round, 0));
	put_number(out, ",\"attempt_count\":", row->attempts);
	put_time(out, ",\"due_at\":", row->state == DELIVERY_PENDING ? row->due_ms : 0);
	put_time(out, ",\"created_at\":", row->created_ms);
	put_time(out, ",\"ended_at\":", row->ended_ms);
	put_time(out, ",\"expires_at\":", row->expires_ms);
	put_text(out, ",\"ordering_key\":", row->ordering_key);
	strbuf_puts(out, ",\"last_attempt\":");
	if (row->attempts > 0) {
		strbuf_putc(out, '{');
		put_result(out, call->who.subscriber != 0, row->last_status, row->last_failure, row->last_detail, row->last_started_ms, row->last_duration_ms);
		strbuf_putc(out, '}');
	} else {
		strbuf_puts(out, "null");
	}
}

void put_attempt(struct strbuf *out, const struct attempt_row *row, bool outside)
{
	put_number(out, "{\"number\":", row->number);
	put_number(out, ",\"round\":", delivery_round_shown(row->round));
	put_drill(out, drill_of(row->round, row->number - 1));
	strbuf_putc(out, ',');
	put_result(out, outside, row->status, row->failure, row->detail, row->started_ms, row->duration_ms);
	put_text(out, ",\"response\":", row->response);
	strbuf_putc(out, '}');
}

void put_operation(struct strbuf *out, const struct operation_row *row)
{
	static const char *const kinds[] = {
	    [OPERATION_RETRY] = "retry",
	    [OPERATION_DISCARD] = "discard",
	    [OPERATION_DRAIN_DISABLED] = "drain_disabled",
	    [OPERATION_DRAIN_DELETED] = "drain_deleted",
	    [OPERATION_RECOVER] = "recover",
	    [OPERATION_ERASE] = "erase",
	};
	const char *state = row->cancelled ? "cancelled" : row->ended_ms ? "done" : "running";
	put_id(out, "{\"id\":", ID_OPERATION, row->id);
	put_text(out, ",\"kind\":", slice_of(kinds[row->kind]));
	put_text(out, ",\"state\":", slice_of(state));
	put_number(out, ",\"total\":", row->total);
	put_number(out, ",\"done\":", row->done);
	put_number(out, ",\"skipped\":", row->skipped);
	put_time(out, ",\"created_at\":", row->created_ms);
	put_time(out, ",\"ended_at\":", row->ended_ms);
	strbuf_puts(out, ",\"filter\":");
	strbuf_slice(out, row->filter.at ? row->filter : SLICE_LITERAL("null"));
	strbuf_putc(out, '}');
}
