/* The load source: publishes events on keep-alive connections from one thread and prints what it saw as JSON.
 *
 * Closed loop (--rate 0): every connection sends its next request when the answer to the last one is in. Open loop: request k is meant
 * for start + k / rate, whatever the hub does, and waits for a free connection when there is none. Latency is counted from the moment a
 * request was meant for, so that a stall is charged to every request that it delays and not only to those that were under way.
 *
 * An answer of 503 or 429 is a refusal: the connection rests for --rest milliseconds and goes on with the next events. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hist.h"
#include "http1.h"
#include "load.h"
#include "signed.h"

enum { IN_BYTES = 1 << 18, DRAIN_S = 60, EVENTS_MAX = 256 };

struct options {
	unsigned port, connections;
	const char *path, *key, *prefix;
	const char *secret; /* of a source; NULL: events are published with the key */
	double rate, seconds;  /* requests per second */
	uint64_t count, first; /* requests; the first event's number */
	int64_t rest_ns;
	struct load_shape shape;
};

enum state { FREE, BUSY, RESTING };

struct connection {
	struct connection *next; /* in free or resting */
	enum state state;
	int fd;
	int64_t meant_ns; /* the request that is under way; or the end of the rest */
	char *out;        /* head and body */
	size_t out_sent;
	bool wants_out;
	char in[IN_BYTES];
	size_t in_len;
};

struct queue {
	struct connection *head, **tail;
};

struct source {
	struct options options;
	struct load load;
	size_t head_bytes, out_bytes;
	struct signed_head places;
	int epoll_fd;
	struct connection *connections;
	struct queue free, resting;
	unsigned busy;
	int64_t began_ns, stop_ns, ended_ns;
	uint64_t sent, acknowledged, refused, failed; /* requests */
	uint64_t items_failed;                        /* batches that hold an error */
	unsigned last_status;
	struct hist latency;
};

static void queue_put(struct queue *queue, struct connection *connection)
{
	connection->next = NULL;
	if (!queue->head)
		queue->tail = &queue->head;
	*queue->tail = connection;
	queue->tail = &connection->next;
}

static struct connection *queue_take(struct queue *queue)
{
	struct connection *connection = queue->head;
	if (connection)
		queue->head = connection->next;
	return connection;
}

/* ---- one request ---- */

static void write_more(struct source *source, struct connection *connection)
{
	ssize_t sent = send(connection->fd, connection->out + connection->out_sent, source->out_bytes - connection->out_sent, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		err(1, "the hub closed a connection while a request was being sent");
	connection->out_sent += sent > 0 ? (size_t)sent : 0;
	bool wants_out = connection->out_sent < source->out_bytes;
	if (wants_out != connection->wants_out) {
		struct epoll_event event = {.events = EPOLLIN | (wants_out ? (uint32_t)EPOLLOUT : 0), .data.ptr = connection};
		epoll_ctl(source->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
		connection->wants_out = wants_out;
	}
}

static void begin(struct source *source, struct connection *connection, int64_t meant_ns)
{
	uint64_t n = source->options.first + source->sent * source->options.shape.batch;
	load_fill(&source->load, connection->out + source->head_bytes, n, meant_ns, source->options.prefix);
	if (source->options.secret)
		signed_fill(&source->places, connection->out, source->load.body_bytes, n, source->options.secret);
	connection->state = BUSY;
	connection->meant_ns = meant_ns;
	connection->out_sent = 0;
	source->busy++;
	source->sent++;
	write_more(source, connection);
}

static void finish(struct source *source, struct connection *connection, const struct http1_head *head)
{
	int64_t now = clock_ns();
	source->busy--;
	source->last_status = head->status;
	connection->state = FREE;
	if (head->status == 503 || head->status == 429) {
		source->refused++;
		connection->state = RESTING;
		connection->meant_ns = now + source->options.rest_ns;
	} else if (head->status != 200 && head->status != 202) {
		if (source->failed++ == 0)
			fprintf(stderr, "source: answered with %u: %.*s\n", head->status, (int)head->body_bytes,
			        connection->in + head->head_bytes);
	} else {
		source->acknowledged++;
		source->ended_ns = now;
		hist_add(&source->latency, now - connection->meant_ns);
		if (source->options.shape.batch > 1 && memmem(connection->in + head->head_bytes, head->body_bytes, "\"error\":", 8))
			source->items_failed++;
	}
	queue_put(connection->state == FREE ? &source->free : &source->resting, connection);
}

static void read_more(struct source *source, struct connection *connection)
{
	struct http1_head head;
	ssize_t got = recv(connection->fd, connection->in + connection->in_len, IN_BYTES - connection->in_len, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		errx(1, "the hub closed a connection");
	connection->in_len += (size_t)got;
	int parsed = http1_parse(connection->in, connection->in_len, &head);
	if (parsed < 0 || connection->state != BUSY)
		errx(1, "an answer that is none: %.*s", (int)connection->in_len, connection->in);
	if (parsed == 0 || connection->in_len < head.head_bytes + head.body_bytes) {
		if (connection->in_len == IN_BYTES)
			errx(1, "an answer of more than %d bytes", IN_BYTES);
		return;
	}
	connection->in_len = 0;
	finish(source, connection, &head);
}

/* ---- the loop ---- */

static bool may_send(const struct source *source, int64_t now)
{
	if (source->options.count > 0)
		return source->sent < source->options.count;
	return now < source->stop_ns;
}

static int64_t due_ns(const struct source *source, int64_t now)
{
	if (source->options.rate <= 0)
		return now;
	return source->began_ns + (int64_t)((double)source->sent * 1e9 / source->options.rate);
}

/* Begins what is due; how long there is nothing to do but wait for answers, -1: for ever. */
static int64_t send_due(struct source *source)
{
	int64_t now = clock_ns(), wait = -1;
	while (source->resting.head && source->resting.head->meant_ns <= now) {
		struct connection *rested = queue_take(&source->resting);
		rested->state = FREE;
		queue_put(&source->free, rested);
	}
	while (source->free.head && may_send(source, now)) {
		int64_t due = due_ns(source, now);
		if (due > now) {
			wait = due - now;
			break;
		}
		begin(source, queue_take(&source->free), due);
	}
	if (source->resting.head && may_send(source, now) && (wait < 0 || source->resting.head->meant_ns - now < wait))
		wait = source->resting.head->meant_ns - now;
	return wait;
}

static void run(struct source *source)
{
	struct epoll_event events[EVENTS_MAX];
	source->began_ns = source->ended_ns = clock_ns();
	source->stop_ns = source->began_ns + (int64_t)(source->options.seconds * 1e9);
	for (;;) {
		int64_t wait = send_due(source), now = clock_ns();
		if (source->busy == 0 && !may_send(source, now))
			return;
		if (source->options.count == 0 && now > source->stop_ns + DRAIN_S * INT64_C(1000000000))
			errx(1, "%u requests were not answered", source->busy);
		struct timespec timeout = {wait / 1000000000, wait % 1000000000}, second = {1, 0};
		int ready = epoll_pwait2(source->epoll_fd, events, EVENTS_MAX, wait >= 0 ? &timeout : &second, NULL);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				write_more(source, connection);
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				read_more(source, connection);
		}
	}
}

static size_t make_head(struct source *source, char *head, size_t size)
{
	const struct options *options = &source->options;
	if (options->secret) {
		source->places = signed_head(head, size, options->path, source->load.body_bytes);
		return source->places.len;
	}
	int len = snprintf(head, size,
	                   "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
	                   "Content-Length: %zu\r\n\r\n",
	                   options->path, options->key, source->load.body_bytes);
	if (len < 0 || (size_t)len >= size)
		errx(2, "--path and --key are too long");
	return (size_t)len;
}

static void open_connections(struct source *source)
{
	const struct options *options = &source->options;
	char head[1024];
	source->head_bytes = make_head(source, head, sizeof head);
	source->out_bytes = source->head_bytes + source->load.body_bytes;
	source->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	source->connections = calloc(options->connections, sizeof *source->connections);
	for (unsigned i = 0; i < options->connections; i++) {
		struct connection *connection = &source->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
		connection->fd = http1_connect(options->port);
		connection->out = malloc(source->out_bytes);
		if (!connection->out)
			abort();
		memcpy(connection->out, head, source->head_bytes);
		memcpy(connection->out + source->head_bytes, source->load.body, source->load.body_bytes);
		if (epoll_ctl(source->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event))
			err(1, "epoll");
		queue_put(&source->free, connection);
	}
}

static void report(const struct source *source)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	uint64_t batch = source->options.shape.batch;
	double seconds = (double)(source->ended_ns - source->began_ns) / 1e9;
	printf("{\"requests\": %llu, \"events\": %llu, \"refused\": %llu, \"failed\": %llu, \"items_failed\": %llu, \"last_status\": %u, ",
	       (unsigned long long)source->sent, (unsigned long long)(source->acknowledged * batch), (unsigned long long)source->refused,
	       (unsigned long long)source->failed, (unsigned long long)source->items_failed, source->last_status);
	printf("\"next\": %llu, \"body_bytes\": %zu, \"began_ns\": %lld, \"ended_ns\": %lld, \"seconds\": %.4f, \"events_per_s\": %.1f, ",
	       (unsigned long long)(source->options.first + source->sent * batch), source->load.body_bytes, (long long)source->began_ns,
	       (long long)source->ended_ns, seconds, seconds > 0 ? (double)(source->acknowledged * batch) / seconds : 0);
	printf("\"cpu_s\": %.3f, \"ack\": ",
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	hist_print(stdout, &source->latency);
	printf("}\n");
}

/* ---- options ---- */

static const char USAGE[] =
    "bench-source --port P --key K [--path /v1/events] [--connections 64] [--rate 0] [--seconds 5 | --count N] [--first 0]\n"
    "             [--data-bytes 1000] [--batch 1] [--types 1] [--first-type 0] [--subscribers 0] [--uids PREFIX]\n"
    "             [--rest MS] [--sign SECRET]\n"
    "rate: requests per second, 0: closed loop. first: the number of the first event. uids: events get a uid of 8 characters\n"
    "of PREFIX and the number. sign: what is sent is a payload, signed as GitHub does, for the source at --path.\n"
    " The answer's members are described in docs/PERFORMANCE.md.\n";

static const struct option LONG[] = {
    {"port", 1, NULL, 'p'},       {"key", 1, NULL, 'k'},     {"path", 1, NULL, 'P'},  {"connections", 1, NULL, 'c'},
    {"rate", 1, NULL, 'r'},       {"seconds", 1, NULL, 's'}, {"count", 1, NULL, 'n'}, {"first", 1, NULL, 'f'},
    {"data-bytes", 1, NULL, 'd'}, {"batch", 1, NULL, 'b'},   {"types", 1, NULL, 't'}, {"subscribers", 1, NULL, 'S'},
    {"first-type", 1, NULL, 'T'}, {"uids", 1, NULL, 'u'},    {"rest", 1, NULL, 'R'},  {"sign", 1, NULL, 'g'},
    {NULL, 0, NULL, 0},
};

static void set_option(struct options *options, int option)
{
	unsigned long long number = strtoull(optarg ? optarg : "", NULL, 10);
	switch (option) {
	case 'p':
		options->port = (unsigned)number;
		break;
	case 'k':
		options->key = optarg;
		break;
	case 'P':
		options->path = optarg;
		break;
	case 'c':
		options->connections = (unsigned)number;
		break;
	case 'r':
		options->rate = strtod(optarg, NULL);
		break;
	case 's':
		options->seconds = strtod(optarg, NULL);
		break;
	case 'n':
		options->count = number;
		break;
	case 'f':
		options->first = number;
		break;
	case 'd':
		options->shape.data_bytes = number;
		break;
	case 'b':
		options->shape.batch = (unsigned)number;
		break;
	case 't':
		options->shape.types = (unsigned)number;
		break;
	case 'S':
		options->shape.subscribers = (unsigned)number;
		break;
	case 'T':
		options->shape.first_type = (unsigned)number;
		break;
	case 'u':
		options->prefix = optarg, options->shape.uids = true;
		break;
	case 'g':
		options->secret = optarg, options->shape.bare = true;
		break;
	case 'R':
		options->rest_ns = (int64_t)number * 1000000;
		break;
	default:
		fputs(USAGE, stderr), exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct source source;
	struct options *options = &source.options;
	*options = (struct options){.connections = 64,
	                            .path = "/v1/events",
	                            .key = "",
	                            .prefix = "xxxxxxxx",
	                            .seconds = 5,
	                            .rest_ns = 50000000,
	                            .shape = {.data_bytes = 1000, .batch = 1, .types = 1}};
	for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;)
		set_option(options, option);
	if (optind < argc || !options->port || !options->connections || !options->shape.batch || !options->shape.types ||
	    (options->secret && options->shape.batch > 1) ||
	    strlen(options->prefix) != 8) {
		fputs(USAGE, stderr);
		return 2;
	}
	load_init(&source.load, &options->shape);
	open_connections(&source);
	run(&source);
	report(&source);
	for (unsigned i = 0; i < options->connections; i++)
		free(source.connections[i].out);
	free(source.connections);
	load_free(&source.load);
	return source.failed || source.items_failed ? 1 : 0;
}
