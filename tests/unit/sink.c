/* A receiver for tests. */
#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, REQUEST_MAX = 4 << 20, WAIT_S = 20, TLS_HANDSHAKE = 0x16 };

struct connection {
	struct sink *sink;
	int fd;
	pthread_t thread;
};

struct sink {
	int fd;
	int port;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* under the mutex */
	bool stopping;
	unsigned requests;
	unsigned connections_len;
	struct connection connections[CONNECTIONS_MAX];
	char *head;
	char *body;
	size_t body_len;
};

struct request {
	int fd;
	const char *path; /* what stands behind the name of the answer */
	char *head;
};

static bool put(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool puts_to(int fd, const char *text)
{
	return put(fd, text, strlen(text));
}

/* ---- answers: true keeps the connection ---- */

static bool answer_status(const struct request *request)
{
	char text[200];
	snprintf(text, sizeof text,
	         "HTTP/1.1 %.3s Whatever\r\nContent-Length: 6\r\nRetry-After: 7\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\n\r\nanswer",
	         request->path);
	return puts_to(request->fd, text);
}

/* Until the other side goes away. */
static bool answer_silent(const struct request *request)
{
	char byte;
	while (recv(request->fd, &byte, 1, 0) > 0)
		continue;
	return false;
}

static bool answer_close(const struct request *request)
{
	(void)request;
	return false;
}

static bool repeat(int fd, const char *text)
{
	while (puts_to(fd, text))
		continue;
	return false;
}

static bool answer_headers(const struct request *request)
{
	return puts_to(request->fd, "HTTP/1.1 200 OK\r\n") && repeat(request->fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
}

static bool answer_interim(const struct request *request)
{
	return repeat(request->fd, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
}

static bool answer_line(const struct request *request)
{
	return puts_to(request->fd, "HTTP/1.1 200 OK\r\nX-Filler: ") &&
	       repeat(request->fd, "01234567890123456789012345678901234567890123456789");
}

static bool answer_endless(const struct request *request)
{
	char text[100];
	snprintf(text, sizeof text, "HTTP/1.1 %.3s Whatever\r\nContent-Type: text/plain\r\n\r\n", request->path);
	return puts_to(request->fd, text) && repeat(request->fd, "0123456789abcdef0123456789abcdef0123456789abcdef");
}

static bool answer_trailers(const struct request *request)
{
	return puts_to(request->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Filler\r\n\r\n2\r\nok\r\n0\r\n") &&
	       repeat(request->fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
}

/* The status and a body that ends too early. */
static bool answer_half(const struct request *request)
{
	char text[100];
	snprintf(text, sizeof text, "HTTP/1.1 %.3s Whatever\r\nContent-Length: 100\r\n\r\nhalf", request->path);
	puts_to(request->fd, text);
	return false;
}

static bool answer_garbage(const struct request *request)
{
	puts_to(request->fd, "SMTP ready, and no HTTP at all\r\n\r\n");
	return false;
}

static bool answer_cut(const struct request *request)
{
	puts_to(request->fd, "HTTP/1.1 200 OK\r\nContent-Le");
	return false;
}

/* Sends back what it got, as some endpoints do when they complain. */
static bool answer_reflect(const struct request *request)
{
	char text[8192];
	const char *signature = strstr(request->head, "webhook-signature: ");
	int len = signature ? (int)strcspn(signature, "\r\n") : 0;
	char body[4096];
	snprintf(body, sizeof body, "{\"bad\": \"%.*s\", \"secret\": \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\", \"v1,short\": 1}", len,
	         signature ? signature : "");
	snprintf(text, sizeof text, "HTTP/1.1 400 Bad\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	return puts_to(request->fd, text);
}

static const struct {
	const char *prefix;
	bool (*answer)(const struct request *request);
} answers[] = {
    {"/status/", answer_status},  {"/silent", answer_silent},   {"/close", answer_close},      {"/headers", answer_headers},
    {"/interim", answer_interim}, {"/line", answer_line},       {"/endless/", answer_endless}, {"/trailers", answer_trailers},
    {"/half/", answer_half},      {"/garbage", answer_garbage}, {"/cut", answer_cut},          {"/reflect", answer_reflect},
};

static bool answer(int fd, char *head)
{
	const char *path = strchr(head, ' ');
	if (!path)
		return false;
	path++;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		size_t len = strlen(answers[i].prefix);
		if (strncmp(path, answers[i].prefix, len) == 0) {
			struct request request = {fd, path + len, head};
			return answers[i].answer(&request);
		}
	}
	return false;
}

/* ---- connections ---- */

static void keep(struct sink *sink, const char *head, const char *body, size_t body_len)
{
	pthread_mutex_lock(&sink->mutex);
	free(sink->head);
	free(sink->body);
	sink->head = strdup(head);
	sink->body = malloc(body_len + 1);
	memcpy(sink->body, body, body_len);
	sink->body_len = body_len;
	sink->requests++;
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->mutex);
}

/* One request; false at the end of the connection. Who speaks TLS gets a plain answer, as from a common web server. */
static bool serve_one(struct sink *sink, int fd, char *buffer)
{
	size_t len = 0;
	char *end = NULL;
	size_t need = 0;
	while (!end || len < need) {
		ssize_t got = recv(fd, buffer + len, REQUEST_MAX - len, 0);
		if (got <= 0)
			return false;
		len += (size_t)got;
		buffer[len] = '\0';
		if (buffer[0] == TLS_HANDSHAKE) {
			puts_to(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
			return false;
		}
		if (!end && (end = strstr(buffer, "\r\n\r\n"))) {
			const char *length = strcasestr(buffer, "content-length: ");
			need = (size_t)(end + 4 - buffer) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
		}
	}
	*end = '\0';
	keep(sink, buffer, end + 4, need - (size_t)(end + 4 - buffer));
	return answer(fd, buffer);
}

static void *serve(void *argument)
{
	struct connection *connection = argument;
	char *buffer = malloc(REQUEST_MAX + 1);
	while (serve_one(connection->sink, connection->fd, buffer))
		continue;
	shutdown(connection->fd, SHUT_RDWR);
	free(buffer);
	return NULL;
}

static void *listen_on(void *argument)
{
	struct sink *sink = argument;
	for (;;) {
		int fd = accept4(sink->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == EMFILE)
			continue; /* a test has taken all away for a moment */
		if (fd < 0)
			return NULL;
		pthread_mutex_lock(&sink->mutex);
		if (sink->stopping || sink->connections_len >= CONNECTIONS_MAX)
			abort();
		struct connection *connection = &sink->connections[sink->connections_len++];
		connection->sink = sink;
		connection->fd = fd;
		if (pthread_create(&connection->thread, NULL, serve, connection))
			abort();
		pthread_mutex_unlock(&sink->mutex);
	}
}

struct sink *sink_start(void)
{
	return sink_start_at("127.0.0.1", 0);
}

struct sink *sink_start_at(const char *address, int port)
{
	struct sink *sink = calloc(1, sizeof *sink);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof at;
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		abort();
	pthread_mutex_init(&sink->mutex, NULL);
	pthread_cond_init(&sink->changed, NULL);
	sink->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(sink->fd, (struct sockaddr *)&at, len) || listen(sink->fd, CONNECTIONS_MAX) ||
	    getsockname(sink->fd, (struct sockaddr *)&at, &len) || pthread_create(&sink->thread, NULL, listen_on, sink))
		abort();
	sink->port = ntohs(at.sin_port);
	return sink;
}

int sink_port(const struct sink *sink)
{
	return sink->port;
}

unsigned sink_connections(struct sink *sink)
{
	pthread_mutex_lock(&sink->mutex);
	unsigned result = sink->connections_len;
	pthread_mutex_unlock(&sink->mutex);
	return result;
}

unsigned sink_requests(struct sink *sink)
{
	pthread_mutex_lock(&sink->mutex);
	unsigned result = sink->requests;
	pthread_mutex_unlock(&sink->mutex);
	return result;
}

void sink_last(struct sink *sink, char **head, char **body, size_t *body_len)
{
	pthread_mutex_lock(&sink->mutex);
	*head = strdup(sink->head ? sink->head : "");
	*body = malloc(sink->body_len + 1);
	if (sink->body_len)
		memcpy(*body, sink->body, sink->body_len);
	*body_len = sink->body_len;
	pthread_mutex_unlock(&sink->mutex);
}

void sink_wait_requests(struct sink *sink, unsigned count)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&sink->mutex);
	while (sink->requests < count) {
		if (pthread_cond_timedwait(&sink->changed, &sink->mutex, &until))
			abort();
	}
	pthread_mutex_unlock(&sink->mutex);
}

void sink_stop(struct sink *sink)
{
	shutdown(sink->fd, SHUT_RDWR);
	pthread_join(sink->thread, NULL);
	close(sink->fd);
	for (unsigned i = 0; i < sink->connections_len; i++)
		shutdown(sink->connections[i].fd, SHUT_RDWR);
	for (unsigned i = 0; i < sink->connections_len; i++) {
		pthread_join(sink->connections[i].thread, NULL);
		close(sink->connections[i].fd);
	}
	free(sink->head);
	free(sink->body);
	free(sink);
}
