/* A refused request, copied to be kept. */
#include <stdlib.h>
#include <string.h>

#include "api/door.h"
#include "base/log.h"
#include "json/scan.h"
#include "metrics/sources.h"

/* Of a body that is not kept whole. */
enum { CUT_BYTES = 4096, HEAD_BYTES_MAX = 256 * 1024, NAME_BYTES_MAX = 255, TYPE_BYTES_MAX = 255 };

struct copy {
	struct rejection rejection;
	struct budget *budget;
	size_t charged_bytes;
	char bytes[];
};

static void copy_free(struct rejection *rejection)
{
	struct copy *copy = CONTAINER_OF(rejection, struct copy, rejection);
	budget_release(copy->budget, copy->charged_bytes);
	free(copy);
}

/* Method, path, query and headers: what is needed to judge it again. */
static void put_head(struct strbuf *out, const struct http_request *request)
{
	put_text(out, "{\"method\":", request->method);
	put_text(out, ",\"path\":", request->path);
	put_text(out, ",\"query\":", request->query);
	strbuf_puts(out, ",\"headers\":[");
	for (unsigned i = 0; i < request->headers_len; i++) {
		put_text(out, i ? ",[" : "[", request->headers[i].name);
		put_text(out, ",", request->headers[i].value);
		strbuf_putc(out, ']');
	}
	strbuf_puts(out, "]}");
}

static struct slice cut(struct slice text, size_t max)
{
	return (struct slice){text.at, text.len < max ? text.len : max};
}

static void take(char **at, struct slice *text)
{
	if (!text->at)
		return;
	if (text->len > 0)
		memcpy(*at, text->at, text->len);
	text->at = *at;
	*at += text->len;
}

static struct copy *make(struct api *api, struct rejection *r)
{
	struct slice *texts[] = {&r->why, &r->name, &r->remote, &r->method, &r->content_type, &r->head, &r->body};
	size_t bytes = 0;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		bytes += texts[i]->len;
	if (!budget_reserve(api->config.budget, bytes))
		return NULL;
	struct copy *copy = malloc(sizeof *copy + bytes);
	if (!copy) {
		budget_release(api->config.budget, bytes);
		return NULL;
	}
	char *at = copy->bytes;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		take(&at, texts[i]);
	copy->rejection = *r;
	copy->budget = api->config.budget;
	copy->charged_bytes = bytes;
	return copy;
}

void reject_keep(struct api *api, const struct http_request *request, int64_t source, struct slice name, enum rejection_reason reason,
                 bool unread, const char *why)
{
	log_told(refused_webhook, LOG_FIELDS(.request = request->number, .source = source, .reason = rejection_code(reason), .peer = request->peer),
	         source ? "a webhook was refused" : "a webhook for no source was refused");
	metrics_rejected(source ? source : METRICS_SOURCE_UNKNOWN, reason);
	enum reject_room room = store_reject_room(api->config.store, source, request->body.len);
	if (room == REJECT_NO_ROOM)
		return;
	struct strbuf head = STRBUF_INIT(HEAD_BYTES_MAX);
	put_head(&head, request);
	struct rejection rejection = {
	    .source = source,
	    .at_ms = clock_wall_ms(api->config.clock),
	    .reason = rejection_code(reason),
	    .why = slice_of(why),
	    .name = cut(name, NAME_BYTES_MAX),
	    .remote = slice_of(request->peer),
	    .method = request->method,
	    .content_type = cut(http_header(request, "Content-Type"), TYPE_BYTES_MAX),
	    .head = {strbuf_text(&head), head.len},
	    .body = request->body,
	    .body_bytes = request->body.len,
	    .cut = unread,
	    .free = copy_free,
	};
	struct copy *copy = head.failed || room == REJECT_WITHOUT_BODY ? NULL : make(api, &rejection);
	if (!copy && !head.failed) {
		rejection.cut = rejection.cut || rejection.body.len > CUT_BYTES;
		rejection.body = cut(rejection.body, CUT_BYTES);
		copy = make(api, &rejection);
	}
	strbuf_free(&head);
	if (copy)
		store_reject(api->config.store, &copy->rejection);
}
