/* Streamed bodies: the page that is being sent. */
#include "http/stream.h"

#include <string.h>

static void drop_page(struct http_stream *stream, struct budget *budget)
{
	budget_release(budget, stream->charged_bytes);
	stream->charged_bytes = 0;
	stream->taken = 0;
	strbuf_free(&stream->page);
}

void stream_arrived(struct http_stream *stream, struct budget *budget)
{
	stream->broken |= stream->page.failed;
	stream->taken = 0;
	stream->charged_bytes = stream->page.cap;
	budget_force(budget, stream->charged_bytes);
}

size_t stream_take(struct http_stream *stream, struct budget *budget, char *to, size_t max)
{
	size_t left = stream->page.len - stream->taken;
	size_t len = left < max ? left : max;
	if (len > 0)
		memcpy(to, stream->page.data + stream->taken, len);
	stream->taken += len;
	if (stream->taken == stream->page.len)
		drop_page(stream, budget);
	return len;
}

void stream_end(struct http_stream *stream, struct budget *budget)
{
	drop_page(stream, budget);
	stream->end(stream);
}
