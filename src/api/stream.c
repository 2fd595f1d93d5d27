/* Answers that are made page by page on the pool, each page with the reader of whichever thread makes it. */
#include "api/call.h"

static void make_page(struct pool_job *job, void *thread_context)
{
	struct page_maker *maker = CONTAINER_OF(job, struct page_maker, job);
	maker->fill(maker, thread_context);
	http_page(&maker->stream);
}

static void next_page(struct http_stream *stream)
{
	struct page_maker *maker = CONTAINER_OF(stream, struct page_maker, stream);
	maker->stream.page = STRBUF_INIT(ANSWER_BYTES_MAX);
	maker->job.run = make_page;
	if (pool_post(maker->api->pool, &maker->job) == 0)
		return;
	stream->broken = true;
	http_page(stream);
}

static void end_pages(struct http_stream *stream)
{
	struct page_maker *maker = CONTAINER_OF(stream, struct page_maker, stream);
	strbuf_free(&stream->page);
	maker->drop(maker);
}

/* Nobody takes pages one by one: the whole, as far as an answer may go. */
static void make_all(struct call *call, struct page_maker *maker)
{
	struct strbuf *out = call_out(call, 200);
	for (;;) {
		out->failed |= maker->stream.page.failed;
		strbuf_slice(out, (struct slice){strbuf_text(&maker->stream.page), maker->stream.page.len});
		if (maker->stream.last || maker->stream.broken || out->failed)
			break;
		strbuf_clear(&maker->stream.page);
		maker->fill(maker, call->worker);
	}
}

int call_stream(struct call *call, struct page_maker *maker, const char *content_type)
{
	maker->api = call->api;
	maker->stream.next = next_page;
	maker->stream.end = end_pages;
	maker->stream.page = STRBUF_INIT(ANSWER_BYTES_MAX);
	maker->fill(maker, call->worker);
	if (maker->stream.page.failed && !maker->stream.broken) {
		err_set(&maker->err, ERR_UNAVAILABLE, "The hub has no memory for this answer now; try again");
		maker->stream.broken = true;
	}
	if (!call->exchange && !maker->stream.broken)
		make_all(call, maker);
	if (maker->stream.broken) {
		call->err = maker->err;
		end_pages(&maker->stream);
		return -1;
	}
	if (call->exchange)
		*call->response = (struct http_response){.status = 200, .stream = &maker->stream};
	else
		end_pages(&maker->stream);
	call->response->content_type = content_type;
	return 0;
}
