/* Lingering goodbyes. */
#include "http/farewell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/tls.h"

enum { FAREWELL_MS = 2000, FAREWELLS_MAX = 256, FAREWELL_HEAD_MAX = 8192, FAREWELL_READ_BYTES = 16384, FAREWELL_READS = 16 };

struct farewell {
	struct loop_source source;
	struct loop_deadline deadline;
	struct farewells *farewells;
	int fd;
};

static void farewell_end(struct farewell *farewell)
{
	struct farewells *farewells = farewell->farewells;
	loop_queue_remove(&farewells->queue, &farewell->deadline);
	farewells->len--;
	close(farewell->fd);
	free(farewell);
}

static void farewell_ready(struct loop_source *source)
{
	struct farewell *farewell = CONTAINER_OF(source, struct farewell, source);
	char dropped[FAREWELL_READ_BYTES];
	for (int i = 0; i < FAREWELL_READS; i++) {
		ssize_t got = recv(farewell->fd, dropped, sizeof dropped, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			farewell_end(farewell);
			return;
		}
	}
}

static void put_date(struct strbuf *out, int64_t wall_ms)
{
	char text[64];
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm broken;
	if (gmtime_r(&seconds, &broken) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &broken))
		strbuf_printf(out, "Date: %s\r\n", text);
}

/* A bounded answer into an empty socket buffer goes in one piece; a client that left no room for it does not read. */
static void farewell_write(struct farewells *farewells, int fd, void *tls_session, const struct http_request *request, const struct http_response *response,
                           const char *reason)
{
	struct strbuf out = STRBUF_INIT(FAREWELL_HEAD_MAX + response->body.len);
	strbuf_printf(&out, "HTTP/1.1 %d %s\r\n", response->status, reason);
	put_date(&out, clock_wall_ms(farewells->clock));
	strbuf_printf(&out, "Connection: close\r\nContent-Length: %zu\r\nx-request-id: %s\r\n", response->body.len, request->id);
	if (response->content_type)
		strbuf_printf(&out, "Content-Type: %s\r\n", response->content_type);
	for (unsigned i = 0; i < response->headers_len; i++)
		strbuf_printf(&out, "%s: %s\r\n", response->headers[i].name, response->headers[i].value);
	strbuf_puts(&out, "\r\n");
	if (!slice_is(request->method, "HEAD"))
		strbuf_append(&out, response->body.data, response->body.len);
	if (!out.failed && tls_session)
		tls_farewell(tls_session, fd, (struct slice){strbuf_text(&out), out.len});
	else if (!out.failed)
		(void)!send(fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	strbuf_free(&out);
}

void farewell_say(struct farewells *farewells, int fd, void *tls_session, const struct http_request *request, const struct http_response *response,
                  const char *reason)
{
	farewell_write(farewells, fd, tls_session, request, response, reason);
	int own = farewells->len < FAREWELLS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (own < 0)
		return;
	struct farewell *farewell = mem_new(struct farewell);
	farewell->source.ready = farewell_ready;
	farewell->farewells = farewells;
	farewell->fd = own;
	farewells->len++;
	loop_queue_add(&farewells->queue, &farewell->deadline, clock_mono_us(farewells->clock) + FAREWELL_MS * 1000);
	struct err err = {0};
	if (loop_watch(farewells->epoll_fd, own, EPOLLIN, &farewell->source, &err))
		farewell_end(farewell);
}

void farewell_expire(struct farewells *farewells, int64_t now_us)
{
	struct loop_deadline *expired;
	while ((expired = loop_queue_expired(&farewells->queue, now_us)))
		farewell_end(CONTAINER_OF(expired, struct farewell, deadline));
}

void farewell_end_all(struct farewells *farewells)
{
	farewell_expire(farewells, INT64_MAX);
}
