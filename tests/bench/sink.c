/* The counting sink: one thread, any number of ports, keep-alive. The path of a request, /ACTION/NUMBER, says how it is answered and
 * which endpoint it stands for:
 *
 *   /ok/7     200 (or whatever --answer or /control/answer/… says)     /fail/7   503     /hang/7   never     /close/7  the connection ends
 *
 * It counts deliveries, tells distinct ones (endpoint, event's number) from repetitions, and how long after the moment that the event was
 * meant to be published they arrived. It is asked with GET on any of its ports:
 *
 *   /control/stats[?NS]     what was counted, as JSON; with NS also how many had arrived by that moment of the monotonic clock
 *   /control/reset          forgets everything that was counted
 *   /control/answer/ok      from now on; or fail, hang, close */
#include <err.h>
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
#include "seen.h"
#include "wire.h"

enum { IN_BYTES = 1 << 15, EVENTS_MAX = 256, SLOT_NS = 10000000, SLOTS = 1 << 20 };

enum action { ANSWER_OK, ANSWER_FAIL, ANSWER_HANG, ANSWER_CLOSE, ACTIONS };

static const char *const ACTION_NAMES[ACTIONS] = {"ok", "fail", "hang", "close"};
static const char ANSWERS[ACTIONS][64] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
                                          "", ""};

struct connection {
	int listener;      /* -1: none */
	struct wire *wire; /* NULL: a listener */
	char *in;
	size_t len, cap;
	size_t need; /* the length of the request that is coming, once its head is in */
};

struct counters {
	uint64_t received, distinct, repeated, foreign, signatures, answered[ACTIONS], bytes;
	int64_t first_ns, last_ns;
	struct hist latency;
};

struct sink {
	int epoll_fd;
	enum action action;
	uint64_t connections; /* accepted */
	struct counters counters;
	struct seen seen;
	int64_t slots_from_ns;
	uint32_t slots[SLOTS]; /* arrivals in each 10 ms since then */
};

/* ---- counting ---- */

static void reset(struct sink *sink)
{
	memset(&sink->counters, 0, sizeof sink->counters);
	memset(sink->slots, 0, sizeof sink->slots);
	seen_clear(&sink->seen);
	sink->slots_from_ns = clock_ns();
}

static void count(struct sink *sink, uint64_t endpoint, const struct http1_head *head, const char *body, size_t body_len)
{
	struct counters *counters = &sink->counters;
	int64_t now = clock_ns(), at = 0;
	uint64_t n = 0;
	int64_t slot = (now - sink->slots_from_ns) / SLOT_NS;
	counters->received++;
	counters->bytes += head->body_bytes;
	counters->signatures += head->is_signed;
	counters->last_ns = now;
	if (!counters->first_ns)
		counters->first_ns = now;
	sink->slots[slot < SLOTS ? slot : SLOTS - 1]++;
	if (!load_read(body, body_len, &n, &at)) {
		counters->foreign++;
		return;
	}
	if (seen_add(&sink->seen, endpoint, n))
		counters->distinct++;
	else
		counters->repeated++;
	hist_add(&counters->latency, now - at);
}

static uint64_t arrived_by(const struct sink *sink, int64_t moment_ns)
{
	uint64_t arrived = 0;
	for (int64_t i = 0; i < SLOTS && sink->slots_from_ns + (i + 1) * SLOT_NS <= moment_ns; i++)
		arrived += sink->slots[i];
	return arrived;
}

static size_t print_stats(const struct sink *sink, const char *query, char *to, size_t size)
{
	const struct counters *c = &sink->counters;
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	FILE *out = fmemopen(to, size, "w");
	if (!out)
		abort();
	fprintf(out, "{\"received\": %llu, \"distinct\": %llu, \"repeated\": %llu, \"foreign\": %llu, \"signed\": %llu, \"ok\": %llu, ",
	        (unsigned long long)c->received, (unsigned long long)c->distinct, (unsigned long long)c->repeated,
	        (unsigned long long)c->foreign, (unsigned long long)c->signatures, (unsigned long long)c->answered[ANSWER_OK]);
	fprintf(out, "\"bytes\": %llu, \"first_ns\": %lld, \"last_ns\": %lld, \"now_ns\": %lld, \"connections\": %llu, \"cpu_s\": %.3f, ",
	        (unsigned long long)c->bytes, (long long)c->first_ns, (long long)c->last_ns, (long long)clock_ns(),
	        (unsigned long long)sink->connections,
	        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	if (*query == '?')
		fprintf(out, "\"arrived_by\": %llu, ", (unsigned long long)arrived_by(sink, strtoll(query + 1, NULL, 10)));
	fprintf(out, "\"arrival\": ");
	hist_print(out, &c->latency);
	fprintf(out, "}\n");
	size_t len = (size_t)ftell(out);
	fclose(out);
	return len;
}

/* ---- answers ---- */

static bool action_of(const char *name, size_t len, enum action *action)
{
	for (unsigned i = 0; i < ACTIONS; i++) {
		if (strlen(ACTION_NAMES[i]) == len && memcmp(ACTION_NAMES[i], name, len) == 0) {
			*action = (enum action)i;
			return true;
		}
	}
	return false;
}

/* These return false when the connection is to be closed. */

static bool control(struct sink *sink, struct wire *wire, const char *path, size_t path_len)
{
	char what[256], body[2048], head[128];
	snprintf(what, sizeof what, "%.*s", (int)path_len, path);
	size_t len = 0;
	bool found = true;
	if (strncmp(what, "stats", 5) == 0)
		len = print_stats(sink, what + 5, body, sizeof body);
	else if (strcmp(what, "reset") == 0)
		reset(sink);
	else
		found = strncmp(what, "answer/", 7) == 0 && action_of(what + 7, strlen(what + 7), &sink->action);
	int head_len = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", found ? "200 OK" : "404 No", len);
	return wire_write(wire, head, (size_t)head_len) && wire_write(wire, body, len);
}

/* One request; body_len of its body are here. */
static bool serve(struct sink *sink, struct wire *wire, const char *request, const struct http1_head *head, size_t body_len)
{
	static const char controls[] = "/control/";
	const char *path = memchr(request, ' ', head->head_bytes), *line_end = memchr(request, '\r', head->head_bytes);
	if (!path || !line_end || path > line_end)
		return false;
	path++;
	const char *path_end = memchr(path, ' ', (size_t)(line_end - path));
	if (!path_end)
		return false;
	if ((size_t)(path_end - path) > sizeof controls && memcmp(path, controls, sizeof controls - 1) == 0)
		return control(sink, wire, path + sizeof controls - 1, (size_t)(path_end - path) - (sizeof controls - 1));
	const char *number = memchr(path + 1, '/', (size_t)(path_end - path - 1));
	enum action action = ANSWER_FAIL;
	if (number && action_of(path + 1, (size_t)(number - path - 1), &action) && action == ANSWER_OK)
		action = sink->action;
	count(sink, number ? strtoull(number + 1, NULL, 10) : 0, head, request + head->head_bytes, body_len);
	sink->counters.answered[action]++;
	return action == ANSWER_HANG || (action != ANSWER_CLOSE && wire_write(wire, ANSWERS[action], strlen(ANSWERS[action])));
}

/* Serves what is whole; false: the connection is to be closed. */
static bool serve_all(struct sink *sink, struct connection *connection)
{
	size_t at = 0;
	while (at < connection->len) {
		struct http1_head head;
		size_t here = connection->len - at;
		int parsed = http1_parse(connection->in + at, here, &head);
		if (parsed < 0 || (parsed == 0 && here >= IN_BYTES))
			return false;
		connection->need = parsed ? head.head_bytes + head.body_bytes : 0;
		if (parsed == 0 || here < connection->need)
			break;
		if (!serve(sink, connection->wire, connection->in + at, &head, head.body_bytes))
			return false;
		at += connection->need;
		connection->need = 0;
	}
	connection->len -= at;
	memmove(connection->in, connection->in + at, connection->len);
	return true;
}

/* ---- the loop ---- */

static void accept_all(struct sink *sink, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct connection *connection = calloc(1, sizeof *connection);
		if (!connection)
			abort();
		connection->listener = -1;
		connection->wire = wire_new(fd);
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
		if (epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, fd, &event))
			err(1, "epoll");
		sink->connections++;
	}
}

static void drop(struct connection *connection)
{
	wire_free(connection->wire);
	free(connection->in);
	free(connection);
}

/* False: it ended, or is to end. */
static bool read_more(struct sink *sink, struct connection *connection)
{
	size_t wanted = connection->need > IN_BYTES ? connection->need : IN_BYTES;
	if (connection->cap < wanted) {
		connection->in = realloc(connection->in, wanted);
		connection->cap = wanted;
		if (!connection->in)
			abort();
	}
	ssize_t got = wire_read(connection->wire, connection->in + connection->len, connection->cap - connection->len);
	if (got <= 0)
		return got == 0;
	connection->len += (size_t)got;
	return connection->len < connection->need || serve_all(sink, connection);
}

static void read_all(struct sink *sink, struct connection *connection)
{
	do {
		if (!read_more(sink, connection)) {
			drop(connection);
			return;
		}
	} while (wire_pending(connection->wire));
}

static void run(struct sink *sink)
{
	struct epoll_event events[EVENTS_MAX];
	for (;;) {
		int ready = epoll_wait(sink->epoll_fd, events, EVENTS_MAX, -1);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection->wire)
				read_all(sink, connection);
			else
				accept_all(sink, connection->listener);
		}
	}
}

static const char USAGE[] = "bench-sink --port P [--ports 1] [--answer ok|fail|hang|close] [--tls PEM]\n"
			    "Listens on so many ports from P on. What it answers, and how it is asked: see sink.c.\n";

static const struct option LONG[] = {
    {"port", 1, NULL, 'p'}, {"ports", 1, NULL, 'n'}, {"answer", 1, NULL, 'a'}, {"tls", 1, NULL, 't'}, {NULL, 0, NULL, 0}};

int main(int argc, char **argv)
{
	static struct sink sink;
	unsigned port = 0, ports = 1;
	bool valid = true;
	for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
		if (option == 'p')
			port = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'n')
			ports = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 't')
			wire_use_tls(optarg);
		else
			valid = valid && option == 'a' && action_of(optarg, strlen(optarg), &sink.action);
	}
	if (!valid || !port || optind < argc) {
		fputs(USAGE, stderr);
		return 2;
	}
	sink.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	reset(&sink);
	for (unsigned i = 0; i < ports; i++) {
		struct connection *listener = calloc(1, sizeof *listener);
		if (!listener)
			abort();
		listener->listener = http1_listen(port + i);
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
		if (epoll_ctl(sink.epoll_fd, EPOLL_CTL_ADD, listener->listener, &event))
			err(1, "epoll");
	}
	run(&sink);
}
