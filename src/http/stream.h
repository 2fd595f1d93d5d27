/* A body that is made page by page, for answers that are too large to stand in memory. The server asks for a page when the client has
 * taken the one before; while it is made the exchange is suspended. A client that stops reading stops the making, too.
 *
 * A stream belongs to its maker until the answer is given and from next() to http_page(); else to the server, which ends it. Each hand-over
 * goes through an inbox or a queue: no two threads ever touch it at once. */
#ifndef GRAPNEL_HTTP_STREAM_H
#define GRAPNEL_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "base/strbuf.h"

struct http_exchange;

struct http_stream {
	/* the maker's, set before the answer is given */
	/* Wanted: the next page. On a shard's thread, must not block; exactly one http_page() must follow, from any thread. */
	void (*next)(struct http_stream *stream);
	/* No page is wanted any more: frees the stream. Any thread. */
	void (*end)(struct http_stream *stream);
	struct strbuf page; /* empty pages are allowed */
	bool last;          /* nothing follows this page */
	bool broken;        /* it cannot go on: the connection closes before the body's end, so that the client sees it */
	/* the server's */
	struct http_exchange *exchange;
	size_t taken;
	size_t charged_bytes;
};

/* For the server. The page came: its memory is charged to the budget until it is taken. */
void stream_arrived(struct http_stream *stream, struct budget *budget);
/* Up to `max` bytes of the page; 0: there are no more. */
size_t stream_take(struct http_stream *stream, struct budget *budget, char *to, size_t max);
void stream_end(struct http_stream *stream, struct budget *budget);

#endif
