/* GET /v1/events?wait_ms=…: the event log as a client follows it. Each answer says after which event to go on. */
#include <string.h>

#include "api/call.h"
#include "api/wait.h"
#include "base/mem.h"
#include "metrics/metrics.h"

static int bad_wait(struct call *call)
{
	return err_field(&call->err, ERR_INVALID, "?wait_ms", "must be a number of milliseconds from 0 to %d", WAIT_MAX_MS);
}

static int parse_wait(struct call *call, struct slice text, int *wait_ms)
{
	int number = 0;
	if (text.len == 0 || text.len > 5)
		return bad_wait(call);
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return bad_wait(call);
		number = number * 10 + (text.at[i] - '0');
	}
	*wait_ms = number;
	return number > WAIT_MAX_MS ? bad_wait(call) : 0;
}

static int take_after(struct call *call, struct page *page, const struct tail *tail)
{
	struct slice text;
	int given = call_param(call, "after", &text);
	if (given <= 0)
		return given;
	if (!tail->followed)
		return err_field(&call->err, ERR_INVALID, "?after", "goes with wait_ms: from 0, not to wait");
	if (id_parse(ID_EVENT, text, &page->after_id) < 0)
		return err_field(&call->err, ERR_INVALID, "?after",
		                 "must be the id of an event: the `after` of the answer before, or evt_…");
	page->after_key = page->after_id;
	return 0;
}

int tail_begin(struct call *call, struct page *page, int64_t *since_ms, struct tail *tail)
{
	const struct waiter *waiter = call->request->app_state;
	struct slice text;
	int given = call_param(call, "wait_ms", &text);
	*tail = (struct tail){.followed = given > 0};
	if (given < 0 || (given > 0 && parse_wait(call, text, &tail->wait_ms) < 0))
		return -1;
	if (tail->followed && !page->ascending)
		return err_field(&call->err, ERR_INVALID, "?wait_ms", "needs order=asc: what comes is newer than what is there");
	if (tail->followed && page->after_id != 0)
		return err_field(&call->err, ERR_INVALID, "?cursor", "does not go with wait_ms: go on with after");
	if (take_after(call, page, tail) < 0 || !tail->followed)
		return call->err.code == ERR_NONE ? 0 : -1;
	tail->newest = waiters_newest(call->api->waiters);
	if (waiter) {
		*since_ms = waiter->since_ms;
		page->after_key = page->after_id = waiter->after;
	}
	tail->since_ms = *since_ms;
	return 0;
}

/* True: from now on the request belongs to the waiting thread. */
static bool wait(struct call *call, const struct tail *tail, int64_t after)
{
	struct http_request *request = (struct http_request *)call->request;
	struct waiter *waiter = request->app_state;
	if (!call->exchange || tail->wait_ms == 0 || (waiter && waiter->last))
		return false;
	if (!waiter) {
		waiter = mem_new(struct waiter);
		waiter->api = call->api;
		waiter->exchange = call->exchange;
		waiter->request = request;
		waiter->since_ms = tail->since_ms;
		waiter->deadline_us = clock_mono_us(call->api->config.clock) + tail->wait_ms * INT64_C(1000);
		request->app_state = waiter;
	}
	waiter->after = after;
	request->kind = ROUTE_KIND_WAIT;
	call->later = true;
	http_response_free(call->response);
	if (waiters_add(call->api->waiters, waiter, tail->newest))
		return true;
	call->later = false;
	list_begin(call);
	return false;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Up to where the log is known. A bound key is not told the ids of others' events: it looks at up to a second of the log once more. */
static int64_t known_until(const struct call *call, const struct tail *tail)
{
	return call->who.subscriber ? id_floor_of_time(id_time_ms(tail->newest) / 1000 * 1000) - 1 : tail->newest;
}

int tail_end(struct call *call, const struct page *page, const struct tail *tail)
{
	int64_t after = page->last_id;
	if (!page->more) {
		/* The whole log was looked at, and the newest event was known before that. What comes has an id of its time or later. */
		int64_t before = tail->since_ms ? id_floor_of_time(tail->since_ms) - 1 : 0;
		after = larger(larger(after, known_until(call, tail)), larger(before, 1));
		if (call->listed == 0 && wait(call, tail, after))
			return 0;
	}
	struct strbuf *out = &call->response->body;
	strbuf_puts(out, "],\"next_cursor\":null");
	put_id(out, ",\"after\":", ID_EVENT, after);
	if (page->searched_to_ms)
		put_time(out, ",\"searched_to\":", page->searched_to_ms);
	strbuf_putc(out, '}');
	return 0;
}
