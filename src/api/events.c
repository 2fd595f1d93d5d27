/* /v1/events: publishing, and reading what was published. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/call.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "metrics/sources.h"
#include "model/media.h"

/* ---- Publish -------------------------------------------------------------------------------------------------------------- */

/* Answers of up to this many events are written on the writer's thread, which must be quick; longer ones on the pool. */
enum { INLINE_ITEMS_MAX = 16 };

/* A publish whose answer is awaited: by the client of an exchange, or by a thread in api_call(). */
struct publishing {
	struct pool_job job;
	struct api *api;
	struct http_exchange *exchange; /* NULL: a thread waits */
	char request_id[HTTP_REQUEST_ID_SIZE];
	struct ingest *ingest;
	/* shared, under the mutex: when a thread waits */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void write_answer(struct ingest *ingest, const char *request_id, struct http_response *response)
{
	struct err err = {.code = ERR_NONE};
	response->body = STRBUF_INIT(ANSWER_BYTES_MAX);
	response->content_type = "application/json";
	response->status = ingest_answer(ingest, &response->body, &err);
	if (response->status < 0)
		problem_respond(response, &err, request_id);
	ingest_free(ingest);
}

static void answer_exchange(struct pool_job *job, void *thread_context)
{
	(void)thread_context;
	struct publishing *publishing = CONTAINER_OF(job, struct publishing, job);
	struct http_response response = {.status = 0};
	write_answer(publishing->ingest, publishing->request_id, &response);
	http_answer(publishing->exchange, &response);
	free(publishing);
}

/* Of what was refused as a whole nothing is known but that. */
static void count_refused(const struct err *err)
{
	bool ours = err->code == ERR_UNAVAILABLE || err->code == ERR_STORAGE || err->code == ERR_INTERNAL;
	metrics_ingested(METRICS_SOURCE_API, ours ? INGEST_FAILED : INGEST_REFUSED, 1);
}

static void count(const struct ingest *ingest)
{
	uint64_t counts[LABEL_INGEST_MAX] = {0};
	for (size_t i = 0; i < ingest->publish.items_len; i++) {
		const struct publish_item *item = &ingest->publish.items[i];
		bool failed = ingest->publish.cmd.fate != ERR_NONE || item->fate == ERR_STORAGE || item->fate == ERR_INTERNAL;
		counts[failed ? INGEST_FAILED : item->fate != ERR_NONE ? INGEST_REFUSED : item->duplicate ? INGEST_DUPLICATE : INGEST_ACCEPTED]++;
	}
	for (unsigned i = 0; i < LABEL_INGEST_MAX; i++)
		if (counts[i])
			metrics_ingested(METRICS_SOURCE_API, (enum metrics_ingest)i, counts[i]);
}

static void published(struct ingest *ingest)
{
	struct publishing *publishing = ingest->context;
	count(ingest);
	publishing->ingest = ingest;
	if (!publishing->exchange) {
		pthread_mutex_lock(&publishing->mutex);
		publishing->done = true;
		pthread_cond_signal(&publishing->cond);
		pthread_mutex_unlock(&publishing->mutex);
		return;
	}
	publishing->job.run = answer_exchange;
	if (ingest->publish.items_len <= INLINE_ITEMS_MAX || pool_post(publishing->api->pool, &publishing->job) < 0)
		answer_exchange(&publishing->job, NULL);
}

static bool begins_with(struct slice text, const char *beginning)
{
	size_t len = strlen(beginning);
	return text.len >= len && strncasecmp(text.at, beginning, len) == 0;
}

/* The order is that of the HTTP binding of CloudEvents: batch, structured, binary. */
int events_form(const struct http_request *request, bool typed, enum ingest_form *form, struct err *err)
{
	struct slice type = http_header(request, "Content-Type");
	if (media_type_is(type, "application/cloudevents-batch+json"))
		*form = INGEST_CLOUDEVENT_BATCH;
	else if (media_type_is(type, "application/cloudevents+json"))
		*form = INGEST_CLOUDEVENT;
	else if (begins_with(type, "application/cloudevents"))
		return err_set(
		    err, ERR_MEDIA_TYPE,
		    "CloudEvents are taken as application/cloudevents+json, as application/cloudevents-batch+json, or in binary mode, "
		    "with the headers ce-…");
	else if (http_header(request, "ce-specversion").at)
		*form = INGEST_CLOUDEVENT_BINARY;
	else if (media_type_is(type, "application/x-ndjson"))
		*form = INGEST_NDJSON;
	else if (media_type_is(type, "application/json") || (!type.at && !typed))
		*form = INGEST_JSON;
	else
		return err_set(
		    err, ERR_MEDIA_TYPE,
		    "The Content-Type must be application/json (an event or an array of them), application/x-ndjson (one event a "
		    "line), application/cloudevents+json or application/cloudevents-batch+json; a CloudEvent in binary mode (with "
		    "the header ce-specversion) may have any");
	return 0;
}

/* The headers that begin with ce-. */
static size_t cloudevent_headers(const struct http_request *request, struct ingest_header out[HTTP_HEADERS_MAX])
{
	size_t len = 0;
	for (unsigned i = 0; i < request->headers_len; i++)
		if (begins_with(request->headers[i].name, "ce-"))
			out[len++] = (struct ingest_header){request->headers[i].name, request->headers[i].value};
	return len;
}

static struct ingest_request request_of(const struct call *call, enum ingest_form form, struct ingest_header headers[HTTP_HEADERS_MAX])
{
	const struct http_request *request = call->request;
	bool binary = form == INGEST_CLOUDEVENT_BINARY;
	return (struct ingest_request){
	    .form = form,
	    .body = request->body,
	    .content_type = binary ? http_header(request, "Content-Type") : (struct slice){NULL, 0},
	    .headers = headers,
	    .headers_len = binary ? cloudevent_headers(request, headers) : 0,
	    .idempotency_key = http_header(request, "Idempotency-Key"),
	    .traceparent = http_header(request, "traceparent"),
	    .tracestate = http_header(request, "tracestate"),
	    .request = request->number,
	    .only_subscriber = call->who.subscriber,
	};
}

static int publish_and_wait(struct call *call, const struct ingest_request *request)
{
	struct publishing publishing = {.api = call->api};
	pthread_mutex_init(&publishing.mutex, NULL);
	pthread_cond_init(&publishing.cond, NULL);
	int result = ingest_publish(&call->api->config.ingest, request, published, &publishing, &call->err);
	if (result < 0) {
		count_refused(&call->err);
	} else {
		pthread_mutex_lock(&publishing.mutex);
		while (!publishing.done)
			pthread_cond_wait(&publishing.cond, &publishing.mutex);
		pthread_mutex_unlock(&publishing.mutex);
		write_answer(publishing.ingest, call->request->id, call->response);
	}
	pthread_cond_destroy(&publishing.cond);
	pthread_mutex_destroy(&publishing.mutex);
	return result;
}

int events_publish(struct call *call)
{
	enum ingest_form form = INGEST_JSON;
	struct ingest_header headers[HTTP_HEADERS_MAX];
	if (events_form(call->request, false, &form, &call->err) < 0) {
		count_refused(&call->err);
		return -1;
	}
	struct ingest_request request = request_of(call, form, headers);
	if (!call->exchange)
		return publish_and_wait(call, &request);
	struct publishing *publishing = mem_new(struct publishing);
	publishing->api = call->api;
	publishing->exchange = call->exchange;
	memcpy(publishing->request_id, call->request->id, sizeof publishing->request_id);
	/* From here on the exchange may be answered at any moment: `call->request` must not be read any more. */
	if (ingest_publish(&call->api->config.ingest, &request, published, publishing, &call->err) < 0) {
		free(publishing);
		count_refused(&call->err);
		return -1;
	}
	call->later = true;
	return 0;
}

/* ---- Read ----------------------------------------------------------------------------------------------------------------- */

static int event_item(void *context, const struct event_row *row)
{
	struct call *call = context;
	put_event(call, list_item(call), row);
	return 0;
}

static int event_whole(void *context, const struct event_row *row)
{
	struct call *call = context;
	struct strbuf *out = call_out(call, 200);
	put_event_open(call, out, row);
	put_request_id(out, ",\"request_id\":", row->f->request);
	strbuf_puts(out, ",\"cloudevent\":");
	strbuf_slice(out, row->f->context.at ? row->f->context : SLICE_LITERAL("null"));
	strbuf_putc(out, '}');
	return 0;
}

/* What was erased has no payload to read. */
static int event_erased(void *context, const struct event_row *row)
{
	*(int64_t *)context = row->erased_ms;
	return 0;
}

static int keep_being_made(void *context, const struct event_row *row)
{
	struct page *page = context;
	page->being_made = row->being_made;
	return 0;
}

static int delivery_item(void *context, const struct delivery_row *row)
{
	struct call *call = context;
	if (call->who.subscriber && row->subscriber != call->who.subscriber)
		return 0;
	struct strbuf *out = list_item(call);
	put_delivery_open(call, out, row);
	strbuf_putc(out, '}');
	return 0;
}

int events_list(struct call *call)
{
	struct event_filter filter = {.subscriber = 0};
	struct page page;
	struct tail tail;
	struct slice unmatched;
	int asked = filter_by_word(call, "unmatched", "true false", &unmatched);
	if (asked < 0 || filter_by_pattern(call, "type", &filter.type) < 0 || resolve_owner_filter(call, &filter.subscriber) < 0 ||
	    resolve_source_param(call, &filter.by_source, &filter.source) < 0 ||
	    filter_by_text(call, "subject", EVENT_SUBJECT_MAX, &filter.subject) < 0 || filter_by_trace(call, &filter.trace_id) < 0 ||
	    filter_by_text(call, "q", FILTER_Q_MAX, &filter.q) < 0 || filter_by_time(call, &filter.since_ms, &filter.until_ms) < 0 ||
	    call_page(call, LIST_EVENTS, &page) < 0 || tail_begin(call, &page, &filter.since_ms, &tail) < 0)
		return -1;
	if (asked)
		filter.matched = slice_is(unmatched, "true") ? MATCHED_NOBODY : MATCHED_SOMEBODY;
	list_begin(call);
	if (reader_events(call->worker->reader, &filter, &page, event_item, call, &call->err) < 0)
		return -1;
	return tail.followed ? tail_end(call, &page, &tail) : list_end(call, LIST_EVENTS, &page);
}

int events_get(struct call *call)
{
	int64_t id;
	if (resolve_event_path(call, &id) < 0)
		return -1;
	return reader_event_row(call->worker->reader, id, call->who.subscriber, event_whole, call, &call->err);
}

/* The bytes as they came. They are somebody else's: a browser must neither guess their type nor run them. */
int events_payload(struct call *call)
{
	int64_t id, erased_ms;
	char at[CLOCK_RFC3339_SIZE];
	if (resolve_event_path(call, &id) < 0 ||
	    reader_event_row(call->worker->reader, id, call->who.subscriber, event_erased, &erased_ms, &call->err) < 0)
		return -1;
	clock_format_rfc3339(erased_ms, at);
	if (erased_ms)
		return err_set(&call->err, ERR_PAYLOAD_ERASED, "What this event said was erased at %s; that it was, and what became of it, is still known", at);
	struct event *event = reader_event(call->worker->reader, id, call->api->config.budget, &call->err);
	if (!event)
		return -1;
	bool json = media_type_is_json(event->f.content_type);
	struct strbuf *out = call_out(call, 200);
	out->max_bytes = event->f.data.len + 1;
	strbuf_slice(out, event->f.data);
	call->response->content_type = json ? "application/json" : "application/octet-stream";
	http_response_header(call->response, "X-Content-Type-Options", "nosniff");
	http_response_header(call->response, "Content-Security-Policy", "sandbox");
	event_unref(event);
	return 0;
}

int events_deliveries(struct call *call)
{
	int64_t id;
	struct page page;
	if (resolve_event_path(call, &id) < 0 || call_page(call, LIST_EVENT_DELIVERIES, &page) < 0 ||
	    reader_event_row(call->worker->reader, id, call->who.subscriber, keep_being_made, &page, &call->err) < 0)
		return -1;
	list_begin(call);
	if (reader_event_deliveries(call->worker->reader, id, &page, delivery_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_EVENT_DELIVERIES, &page);
}
