/* /v1/events/{id}/explain: step by step, why an event reached an endpoint or not, and what its delivery waits for. Only what is known is
 * said: the store keeps an endpoint's present configuration, so where the endpoint was changed after the event, the answer says so. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "json/scan.h"
#include "model/event.h"
#include "model/pattern.h"

enum { DETAIL_MAX = 800, RATE_NOTICED_MS = 1000 };

/* The event, the endpoint and what became of them, as far as the steps need it. */
struct explained {
	struct call *call;
	struct strbuf *out;
	/* the event */
	int64_t event, event_ms, event_subscriber, deliver_at_ms, erased_ms, request;
	char type[EVENT_TYPE_MAX + 1];
	enum event_reach reach;
	struct event_at at;
	/* the endpoint, while its row is read */
	const struct endpoint *endpoint;
	struct endpoint_meta meta;
	int max_in_flight;
	bool unverified;
	struct rate rate; /* that its attempts keep; limit 0: none */
	const char *between; /* what stands before the next step */
};

enum passed { PASSED_NO, PASSED_YES, PASSED_UNKNOWN };

/* ---- Steps ---------------------------------------------------------------------------------------------------------------- */

static void step(struct explained *c, const char *check, enum passed passed, const char *format, ...) ATTR_PRINTF(4, 5);

/* Leaves the step open for more members. */
static void step(struct explained *c, const char *check, enum passed passed, const char *format, ...)
{
	static const char *const words[] = {[PASSED_NO] = "false", [PASSED_YES] = "true", [PASSED_UNKNOWN] = "null"};
	char detail[DETAIL_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, sizeof detail, format, arguments);
	va_end(arguments);
	strbuf_puts(c->out, c->between);
	c->between = "},";
	put_text(c->out, "{\"check\":", slice_of(check));
	strbuf_printf(c->out, ",\"passed\":%s", words[passed]);
	put_text(c->out, ",\"detail\":", slice_of(detail));
}

struct moment {
	char text[CLOCK_RFC3339_SIZE];
};

static struct moment moment_of(int64_t wall_ms)
{
	struct moment moment;
	clock_format_rfc3339(wall_ms, moment.text);
	return moment;
}

static bool changed_since(const struct explained *c)
{
	return c->meta.updated_ms > c->event_ms;
}

/* Whom the event was for. */
static void step_audience(struct explained *c)
{
	char text[SUBSCRIBER_TEXT_SIZE], id[ID_TEXT_SIZE];
	int64_t event = c->event_subscriber, own = c->meta.subscriber;
	if (c->reach == EVENT_REACH_ONE) {
		bool here = c->at.first == c->meta.id;
		id_format(ID_ENDPOINT, c->at.first, id);
		step(c, "addressed", here ? PASSED_YES : PASSED_NO,
		     here ? "the event is addressed to this endpoint (%s) alone, whatever its event_types"
		          : "the event is addressed to another endpoint (%s) alone",
		     id);
	} else if (c->reach == EVENT_REACH_ALL) {
		step(c, "subscriber", PASSED_YES,
		     "the event was published for \"*\": the endpoints of every subscriber, and those without one");
	} else if (event == 0) {
		step(c, "subscriber", own == 0 ? PASSED_YES : PASSED_NO,
		     own == 0 ? "the event names no subscriber, and the endpoint has none"
		              : "the event names no subscriber, so only endpoints without one get it; this endpoint has one");
	} else {
		step(c, "subscriber", own == event ? PASSED_YES : PASSED_NO,
		     own == event ? "the event is for the subscriber %s, whose endpoint this is"
		                  : "the event is for the endpoints of the subscriber %s alone, and this endpoint is not one of them",
		     subscriber_text(c->call, event, text));
	}
}

/* Within one millisecond the delivery tells: without one the endpoint was gone. */
static bool deleted_before(const struct explained *c)
{
	return c->meta.status_since_ms < c->event_ms || (c->meta.status_since_ms == c->event_ms && !c->at.delivery && !c->at.being_made);
}

/* Ids are allotted in the order of commits: the smaller one was there first. */
static void step_existence(struct explained *c)
{
	struct moment made = moment_of(c->meta.created_ms), deleted = moment_of(c->meta.status_since_ms);
	if (c->meta.id > c->event)
		step(c, "existed", PASSED_NO,
		     "the endpoint was made at %s, after the event; events reach the endpoints that are there when they come", made.text);
	else if (c->meta.status != ENDPOINT_DELETED)
		step(c, "existed", PASSED_YES, "the endpoint was made at %s, before the event", made.text);
	else if (deleted_before(c))
		step(c, "existed", PASSED_NO, "the endpoint was deleted at %s, before the event", deleted.text);
	else
		step(c, "existed", PASSED_YES, "the endpoint was made at %s, before the event, and deleted at %s, after it", made.text,
		     deleted.text);
}

static void step_status(struct explained *c)
{
	const struct endpoint_meta *meta = &c->meta;
	struct moment since = moment_of(meta->status_since_ms);
	const char *status = endpoint_status_text(meta->status), *reason = meta->status_reason;
	if (meta->status_since_ms > c->event_ms)
		step(c, "status", c->at.delivery ? PASSED_YES : PASSED_UNKNOWN, "the endpoint is %s since %s, after the event; %s", status,
		     since.text,
		     c->at.delivery ? "it was not disabled then, for a delivery was made" : "which status it had before is not kept");
	else if (meta->status == ENDPOINT_DISABLED)
		step(c, "status", PASSED_NO, "the endpoint is disabled since %s%s%s: no deliveries are made for it", since.text,
		     *reason ? ", reason " : "", reason);
	else
		step(c, "status", meta->status == ENDPOINT_DELETED ? PASSED_NO : PASSED_YES, "the endpoint is %s since %s", status,
		     since.text);
}

static void step_types(struct explained *c)
{
	const struct endpoint *endpoint = c->endpoint;
	struct slice type = slice_of(c->type);
	struct moment changed = moment_of(c->meta.updated_ms);
	bool any = false;
	for (unsigned i = 0; i < endpoint->patterns_len; i++)
		any = any || pattern_matches(slice_of(endpoint->patterns[i]), type);
	step(c, "event_types", any ? PASSED_YES : PASSED_NO, "%s the type %s%s%s", any ? "a pattern matches" : "no pattern matches",
	     c->type, changed_since(c) ? "; these are the patterns of now: the endpoint was changed after the event, at " : "",
	     changed_since(c) ? changed.text : "");
	strbuf_puts(c->out, ",\"patterns\":[");
	for (unsigned i = 0; i < endpoint->patterns_len; i++) {
		struct slice pattern = slice_of(endpoint->patterns[i]);
		put_text(c->out, i ? ",{\"pattern\":" : "{\"pattern\":", pattern);
		strbuf_puts(c->out, pattern_matches(pattern, type) ? ",\"matched\":true}" : ",\"matched\":false}");
	}
	strbuf_putc(c->out, ']');
}

static void step_delivery(struct explained *c)
{
	struct moment changed = moment_of(c->meta.updated_ms), made = moment_of(id_time_ms(c->at.delivery));
	char id[ID_TEXT_SIZE];
	id_format(ID_DELIVERY, c->at.delivery, id);
	if (c->at.delivery)
		step(c, "delivery", PASSED_YES, "the delivery %s was made at %s", id, made.text);
	else if (c->at.being_made)
		step(c, "delivery", PASSED_YES, "the event reaches very many endpoints: its delivery here is still being made");
	else
		step(c, "delivery", PASSED_NO, "no delivery was made%s%s",
		     changed_since(c) ? "; what is said above is the endpoint as it is now: it was changed after the event, at " : "",
		     changed_since(c) ? changed.text : "");
}

static int put_steps(void *context, const struct document_row *row)
{
	struct explained *c = context;
	c->endpoint = row->endpoint;
	c->meta = row->endpoint->meta;
	c->max_in_flight = endpoint_max_in_flight(row->endpoint);
	c->unverified = endpoint_unverified(row->endpoint);
	c->rate = *endpoint_rate(row->endpoint);
	c->between = "";
	put_id(c->out, "{\"event\":", ID_EVENT, c->event);
	put_request_id(c->out, ",\"request_id\":", c->request);
	put_time(c->out, ",\"erased_at\":", c->erased_ms);
	put_id(c->out, ",\"endpoint\":", ID_ENDPOINT, c->meta.id);
	strbuf_printf(c->out, ",\"matched\":%s,\"steps\":[", c->at.delivery || c->at.being_made ? "true" : "false");
	step_audience(c);
	step_existence(c);
	if (c->meta.id < c->event)
		step_status(c);
	if (c->reach != EVENT_REACH_ONE)
		step_types(c);
	step_delivery(c);
	strbuf_puts(c->out, "}]");
	return 0;
}

/* ---- What it waits for ---------------------------------------------------------------------------------------------------- */

/* What of a delivery's row the answer needs after its texts are gone. */
struct shown {
	struct explained *c;
	bool unfinished;
	enum delivery_state state;
	int64_t id, due_ms;
	int attempts;
	enum attempt_failure failure;
};

static void put_waiting(struct strbuf *out, const char *reason, int64_t until_ms, const char *format, ...) ATTR_PRINTF(4, 5);

static void put_waiting(struct strbuf *out, const char *reason, int64_t until_ms, const char *format, ...)
{
	char detail[DETAIL_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, sizeof detail, format, arguments);
	va_end(arguments);
	put_text(out, ",\"waiting\":{\"for\":", slice_of(reason));
	put_time(out, ",\"until\":", until_ms);
	put_text(out, ",\"detail\":", slice_of(detail));
	strbuf_putc(out, '}');
}

static void put_order(struct strbuf *out, const struct delivery_wait *waiting)
{
	char id[ID_TEXT_SIZE];
	struct moment due = moment_of(waiting->head_due_ms);
	id_format(ID_DELIVERY, waiting->head, id);
	if (waiting->head)
		put_waiting(out, "order", 0, "it is held behind %s, the first unfinished one of its ordering key, which is due at %s", id,
		            due.text);
	else
		put_waiting(out, "order", 0, "it is held behind another one of its ordering key");
}

/* Whether the rate needs a time that a person notices for those before it. */
static bool rate_holds(const struct rate *rate, int64_t ahead)
{
	return rate->limit > 0 && ahead > 0 && ahead * rate->per_ms >= RATE_NOTICED_MS * rate->limit;
}

/* It is due. Whether it is in flight is a fact of memory that is not asked for; whether it can be is known. */
static void put_due(const struct shown *shown, const struct delivery_wait *waiting)
{
	struct strbuf *out = shown->c->out;
	const struct rate *rate = &shown->c->rate;
	int window = shown->c->max_in_flight;
	struct moment due = moment_of(shown->due_ms);
	if (rate_holds(rate, waiting->ahead))
		put_waiting(out, "rate", 0, "%" PRId64 "%s %s of this endpoint %s due before it, and its rate is %" PRId64 " in %g s", waiting->ahead,
		            waiting->ahead >= WAITING_AHEAD_MAX ? " or more" : "", waiting->ahead == 1 ? "delivery" : "deliveries",
		            waiting->ahead == 1 ? "is" : "are", rate->limit, (double)rate->per_ms / 1000);
	else if (waiting->ahead >= window)
		put_waiting(out, "window", 0,
		            "%" PRId64 "%s %s of this endpoint %s due before it, and at most %d %s sent at a time", waiting->ahead,
		            waiting->ahead >= WAITING_AHEAD_MAX ? " or more" : "", waiting->ahead == 1 ? "delivery" : "deliveries",
		            waiting->ahead == 1 ? "is" : "are", window, window == 1 ? "is" : "are");
	else
		put_waiting(out, "attempt", 0, "it is due since %s: it is being sent, or about to be", due.text);
}

/* Nothing is sent there now; false: something is. */
static bool put_breaker(const struct shown *shown)
{
	struct breaker_view breaker;
	call_breaker(shown->c->call, shown->c->meta.id, &breaker);
	struct moment next = moment_of(breaker.next_probe_ms);
	if (breaker.state == BREAKER_OPEN)
		put_waiting(shown->c->out, "breaker", breaker.next_probe_ms,
		            "the endpoint's breaker is open: %s. One delivery tries at %s; resume the endpoint to try at once",
		            shown->c->call->who.subscriber ? breaker.why_outside : breaker.why, next.text);
	else if (breaker.state == BREAKER_HALF_OPEN)
		put_waiting(shown->c->out, "breaker", 0, "the endpoint's breaker is half open: what comes of one delivery decides about the others");
	return breaker.state != BREAKER_CLOSED;
}

static void put_future(const struct shown *shown)
{
	struct strbuf *out = shown->c->out;
	if (shown->attempts > 0)
		put_waiting(out, "retry", shown->due_ms, "attempt %d failed: %s", shown->attempts,
		            attempt_failure_meaning(shown->failure));
	else if (shown->c->deliver_at_ms >= shown->due_ms)
		put_waiting(out, "deliver_at", shown->due_ms, "the event's deliver_at has not come");
	else
		put_waiting(out, "due", shown->due_ms, "it is not due yet");
}

static int put_reason(const struct shown *shown)
{
	const struct explained *c = shown->c;
	struct moment since = moment_of(c->meta.status_since_ms);
	struct delivery_wait waiting;
	struct pause_view pause;
	pause_get(c->call->api->config.pause, &pause);
	if (reader_waiting(c->call->worker->reader, shown->id, &waiting, &c->call->err) < 0)
		return -1;
	if (c->meta.status == ENDPOINT_DISABLED || c->meta.status == ENDPOINT_DELETED)
		put_waiting(c->out, "end", 0, "the endpoint is %s since %s: what waits for it ends as a dead letter",
		            endpoint_status_text(c->meta.status), since.text);
	else if (shown->state == DELIVERY_HELD)
		put_order(c->out, &waiting);
	else if (c->meta.status == ENDPOINT_PAUSED)
		put_waiting(c->out, "pause", 0, "the endpoint is paused since %s; resume it", since.text);
	else if (c->unverified)
		put_waiting(c->out, "verification", 0, "the endpoint is not verified; its verification says why, and it can be asked again");
	else if (pause.since_ms)
		put_waiting(c->out, "hub_pause", 0, "the whole hub is paused since %s; its operator resumes it", moment_of(pause.since_ms).text);
	else if (shown->due_ms > call_now_ms(c->call))
		put_future(shown);
	else if (put_breaker(shown))
		return 0;
	else
		put_due(shown, &waiting);
	return 0;
}

static int put_delivery(void *context, const struct delivery_row *row)
{
	struct shown *shown = context;
	strbuf_puts(shown->c->out, ",\"delivery\":");
	put_delivery_open(shown->c->call, shown->c->out, row);
	strbuf_putc(shown->c->out, '}');
	shown->unfinished = row->state == DELIVERY_PENDING || row->state == DELIVERY_HELD;
	shown->state = row->state;
	shown->id = row->id;
	shown->due_ms = row->due_ms;
	shown->attempts = row->attempts;
	shown->failure = shown->c->call->who.subscriber ? attempt_failure_outside(row->last_failure) : row->last_failure;
	return 0;
}

static int put_outcome(struct explained *c)
{
	struct shown shown = {.c = c};
	if (c->at.delivery == 0)
		strbuf_puts(c->out, ",\"delivery\":null");
	else if (reader_delivery(c->call->worker->reader, c->at.delivery, c->call->who.subscriber, put_delivery, &shown, &c->call->err) < 0)
		return -1;
	if (!shown.unfinished)
		strbuf_puts(c->out, ",\"waiting\":null");
	else if (put_reason(&shown) < 0)
		return -1;
	strbuf_putc(c->out, '}');
	return 0;
}

/* ---- The request ---------------------------------------------------------------------------------------------------------- */

static int keep_event(void *context, const struct event_row *row)
{
	struct explained *c = context;
	c->event_ms = id_time_ms(row->id);
	c->event_subscriber = row->f->subscriber;
	c->reach = row->reach;
	c->request = row->f->request;
	c->deliver_at_ms = row->f->deliver_at_ms;
	c->erased_ms = row->erased_ms;
	if (row->f->type.len < sizeof c->type)
		memcpy(c->type, row->f->type.at, row->f->type.len);
	return 0;
}

/* A uid means the endpoint of the event's subscriber first. */
static int find_endpoint(struct call *call, int64_t event_subscriber, int64_t *endpoint)
{
	struct slice text;
	int given = call_param(call, "endpoint", &text);
	if (given < 0)
		return -1;
	if (given == 0)
		return err_field(&call->err, ERR_INVALID, "?endpoint", "is required: the id or uid of the endpoint to explain");
	if (event_subscriber && resolve_endpoint_ever(call, text, event_subscriber, "?endpoint", endpoint) == 0)
		return 0;
	call->err = (struct err){.code = ERR_NONE};
	return resolve_endpoint_ever(call, text, 0, "?endpoint", endpoint);
}

int events_explain(struct call *call)
{
	struct store_reader *reader = call->worker->reader;
	struct explained c = {.call = call};
	int64_t endpoint;
	if (resolve_event_path(call, &c.event) < 0 ||
	    reader_event_row(reader, c.event, call->who.subscriber, keep_event, &c, &call->err) < 0 ||
	    find_endpoint(call, c.event_subscriber, &endpoint) < 0 || reader_event_at(reader, c.event, endpoint, &c.at, &call->err) < 0)
		return -1;
	c.out = call_out(call, 200);
	if (reader_endpoint_ever(reader, endpoint, call->who.subscriber, put_steps, &c, &call->err) < 0)
		return -1;
	return put_outcome(&c);
}
