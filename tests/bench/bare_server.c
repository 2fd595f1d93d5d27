/* libmicrohttpd in external mode: POST, key hash, the slice of `data`, suspend, resume, 202. One thread. */
#include <err.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bare.h"

enum { CONNECTIONS_MAX = 4096 };

static struct {
	struct inbox inbox; /* requests whose event is committed */
	struct inbox *store;
	unsigned char key_hash[32];
} server;

struct job *job_new(size_t cap)
{
	struct job *job = malloc(sizeof *job + cap);
	if (!job)
		abort();
	*job = (struct job){.cap = cap};
	return job;
}

static void hash(const char *text, unsigned char out[32])
{
	EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL);
}

static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\';
	return at;
}

/* The value of the member `data` of the outermost object, which is its last member here or is followed by others. */
static bool find_data(struct job *job)
{
	const char *end = job->body + job->len, *begin = NULL;
	int depth = 0;
	for (const char *at = job->body; at < end; at++) {
		if (*at == '"') {
			const char *name = at;
			at = skip_string(at, end);
			if (depth == 1 && !begin && at - name == 5 && memcmp(name, "\"data\"", 6) == 0 && end - at > 2 && at[1] == ':')
				begin = at + 2;
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if (*at == '}' || *at == ']') {
			depth--;
		}
		if (begin && at >= begin && ((depth == 1 && (*at == '}' || *at == ']')) || (depth == 1 && *at == ',') || depth == 0)) {
			bool bracket = depth == 1 && *at != ',';
			job->data = begin;
			job->data_len = (size_t)(at - begin) + bracket;
			return true;
		}
	}
	return false;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, int64_t id)
{
	char body[96];
	int len = snprintf(body, sizeof body, "{\"id\": \"evt_%lld\", \"uid\": null, \"deliveries\": 1}", (long long)id);
	struct MHD_Response *response = MHD_create_response_from_buffer((size_t)len, body, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool key_fits(struct MHD_Connection *connection)
{
	unsigned char found[32];
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	if (!given || strncmp(given, "Bearer ", 7) != 0)
		return false;
	hash(given + 7, found);
	return memcmp(found, server.key_hash, sizeof found) == 0;
}

static struct request *new_request(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
	struct request *request = calloc(1, sizeof *request);
	if (!request)
		abort();
	request->connection = connection;
	request->job = job_new(length ? strtoul(length, NULL, 10) : 0);
	request->job->request = request;
	return request;
}

static enum MHD_Result on_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **context)
{
	struct request *request = *context;
	(void)unused, (void)url, (void)method, (void)version;
	if (!request) {
		if (!key_fits(connection))
			return answer(connection, 401, 0);
		*context = new_request(connection);
		return MHD_YES;
	}
	struct job *job = request->job;
	if (*upload_len > 0) {
		if (*upload_len > job->cap - job->len)
			return MHD_NO;
		memcpy(job->body + job->len, upload, *upload_len);
		job->len += *upload_len;
		*upload_len = 0;
		return MHD_YES;
	}
	if (request->committed)
		return answer(connection, 202, request->id);
	if (request->handed)
		return MHD_YES;
	if (!find_data(job))
		return answer(connection, 400, 0);
	request->handed = true;
	MHD_suspend_connection(connection);
	inbox_post(server.store, &job->node);
	return MHD_YES;
}

static void on_completed(void *unused, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;
	(void)unused, (void)connection, (void)code;
	if (request) {
		free(request->job);
		free(request);
	}
}

struct inbox *bare_server_inbox(void)
{
	struct err err;
	if (server.inbox.fd == 0 && inbox_init(&server.inbox, &err))
		errx(1, "no inbox: %s", err.detail);
	return &server.inbox;
}

static void watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll");
}

void bare_server_run(unsigned port, const char *key, struct inbox *store)
{
	struct MHD_Daemon *daemon =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, (uint16_t)port, NULL, NULL, on_request, NULL,
	                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	                     MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_END);
	if (!daemon)
		errx(1, "libmicrohttpd cannot listen on port %u", port);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), inbox_fd = bare_server_inbox()->fd;
	server.store = store;
	hash(key, server.key_hash);
	watch(epoll_fd, MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	watch(epoll_fd, inbox_fd);
	for (;;) {
		struct epoll_event events[2];
		MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
		bool bounded = MHD_get_timeout(daemon, &timeout_ms) == MHD_YES;
		epoll_wait(epoll_fd, events, 2, !inbox_may_sleep(&server.inbox) ? 0 : bounded ? (int)timeout_ms : -1);
		struct inbox_node *next;
		for (struct inbox_node *node = inbox_take(&server.inbox); node; node = next) {
			next = node->next;
			MHD_resume_connection(CONTAINER_OF(node, struct request, node)->connection);
		}
		MHD_run(daemon);
	}
}
