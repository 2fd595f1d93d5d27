/* The HTTP server as its clients see it: answers, connections, limits, listeners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/thread.h"
#include "http_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static int setup(void **state)
{
	struct fixture *fixture = malloc(sizeof *fixture);
	assert_non_null(fixture);
	fixture_init(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	free(*state);
	return 0;
}

static void assert_reply(struct reply reply, int status, const char *body)
{
	assert_int_equal(reply.status, status);
	assert_int_equal(reply.body.len, strlen(body));
	assert_memory_equal(reply.body.at, body, reply.body.len);
	reply_free(&reply);
}

static void assert_closed(int fd)
{
	struct strbuf rest = client_drain(fd);
	assert_int_equal(rest.len, 0);
	strbuf_free(&rest);
}

static void an_answer_has_its_headers(void **state)
{
	struct fixture *fixture = *state;
	char value[256];
	fixture_start(fixture);
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, GET("/hello?x=1"));
	assert_int_equal(reply.status, 200);
	assert_true(slice_is(reply.body, "hello\n"));
	assert_string_equal(reply_header(&reply, "Content-Type", value), "text/plain");
	assert_string_equal(reply_header(&reply, "x-app", value), "yes");
	assert_int_equal(strlen(reply_header(&reply, "x-request-id", value)), strlen("req_") + 13);
	assert_memory_equal(value, "req_", 4);
	struct reply second = client_ask(fd, GET("/hello"));
	char other[256];
	assert_string_not_equal(reply_header(&second, "x-request-id", other), value);
	reply_free(&second);
	reply_free(&reply);
	close(fd);
}

static void the_target_arrives_as_it_was_sent(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/query?a=%41+b&c=%2F&&d?e")), 200, "a=%41+b&c=%2F&&d?e");
	assert_reply(client_ask(fd, GET("/query")), 200, "");
	close(fd);
}

static void another_thread_answers_on_a_kept_connection(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	for (int i = 0; i < 100; i++) {
		assert_reply(client_ask(fd, "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"), 200, "body");
		assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	}
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	client_say(fd, "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none" GET("/hello") "POST /async HTTP/1.1\r\nHost: x\r\n"
	                                                                                               "Content-Length: 5\r\n\r\nthree" GET(
													   "/empty"));
	assert_reply(client_read(fd, false), 200, "one");
	assert_reply(client_read(fd, false), 200, "hello\n");
	assert_reply(client_read(fd, false), 200, "three");
	assert_reply(client_read(fd, false), 204, "");
	close(fd);
}

static void head_gets_the_length_without_the_body(void **state)
{
	struct fixture *fixture = *state;
	char value[256];
	fixture_start(fixture);
	int fd = client_connect(fixture);
	client_say(fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	struct reply reply = client_read(fd, true);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_header(&reply, "Content-Length", value), "6");
	reply_free(&reply);
	assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	close(fd);
}

static void answers_without_a_body_have_none(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/empty")), 204, "");
	assert_reply(client_ask(fd, GET("/unchanged")), 304, "");
	assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	close(fd);
}

static void a_missing_answer_is_an_internal_error(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, GET("/silent"));
	assert_int_equal(reply.status, 500);
	assert_non_null(strstr(strbuf_text(&reply.text), "\"internal\""));
	reply_free(&reply);
	close(fd);
}

static void the_application_can_close_the_connection(void **state)
{
	struct fixture *fixture = *state;
	char value[256];
	fixture_start(fixture);
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, GET("/close"));
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_header(&reply, "Connection", value), "close");
	reply_free(&reply);
	assert_closed(fd);
}

static void a_large_body_arrives_whole(void **state)
{
	struct fixture *fixture = *state;
	static char body[FIXTURE_CAP];
	char head[128];
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)(i * 7 + i / 251);
	int fd = client_connect(fixture);
	snprintf(head, sizeof head, "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", sizeof body);
	client_say(fd, head);
	client_send(fd, body, sizeof body);
	struct reply reply = client_read(fd, false);
	assert_int_equal(reply.body.len, sizeof body);
	assert_memory_equal(reply.body.at, body, sizeof body);
	reply_free(&reply);
	client_say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n");
	client_send(fd, body, 0x40000);
	client_say(fd, "\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n");
	reply = client_read(fd, false);
	assert_int_equal(reply.body.len, 0x40005);
	assert_memory_equal(reply.body.at, body, 0x40000);
	reply_free(&reply);
	close(fd);
}

static void a_client_that_expects_is_told_to_continue(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"), 100, "");
	assert_reply(client_ask(fd, "ok"), 200, "ok");
	close(fd);
}

static void an_early_answer_leaves_the_connection_open(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/early")), 401, "who are you?\n");
	assert_reply(client_ask(fd, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"), 401, "who are you?\n");
	assert_reply(client_ask(fd, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 401, "who are you?\n");
	assert_reply(client_ask(fd, "PATCH /early HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"), 401, "who are you?\n");
	assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	assert_int_equal(atomic_load(&fixture->handled), 1);
	close(fd);
}

static void an_early_answer_to_a_body_that_waits_comes_before_it(void **state)
{
	struct fixture *fixture = *state;
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		char text[128];
		int fd = client_connect(fixture);
		snprintf(text, sizeof text, "%s /early HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
		         methods[i]);
		assert_reply(client_ask(fd, text), 401, "who are you?\n");
		assert_closed(fd);
	}
}

static void a_client_that_leaves_harms_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct linger reset = {.l_onoff = 1};
	fixture_start(fixture);
	for (unsigned i = 0; i < 8; i++) {
		int fd = client_connect(fixture);
		client_say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
		fixture_wait_held(fixture, i + 1);
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
	}
	assert_int_equal(server_waiting(fixture->server), 8);
	fixture_release(fixture);
	assert_int_equal(server_waiting(fixture->server), 0);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	close(fd);
}

static void a_client_that_leaves_in_mid_request_harms_nobody(void **state)
{
	struct fixture *fixture = *state;
	static const char *const parts[] = {"",
	                                    "GE",
	                                    "GET /hello HTTP/1.1\r\n",
	                                    "GET /hello HTTP/1.1\r\nHost: ",
	                                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
	                                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
	                                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhal"};
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		int fd = client_connect(fixture);
		client_say(fd, parts[i]);
		close(fd);
	}
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/hello")), 200, "hello\n");
	close(fd);
	assert_int_equal(atomic_load(&fixture->handled), 1);
}

static void bodies_beyond_the_budget_are_told_to_come_later(void **state)
{
	struct fixture *fixture = *state;
	static char body[40000];
	static const char head[] = "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n";
	char value[256];
	budget_init(&fixture->budget, 65536);
	fixture_start(fixture);
	int holding = client_connect(fixture), fd = client_connect(fixture);
	client_say(holding, head);
	client_send(holding, body, sizeof body);
	fixture_wait_held(fixture, 1);
	struct reply reply = client_ask(fd, head);
	assert_int_equal(reply.status, 503);
	assert_string_equal(reply_header(&reply, "Retry-After", value), "1");
	reply_free(&reply);
	assert_closed(fd);

	fd = client_connect(fixture);
	client_say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n");
	client_send(fd, body, sizeof body);
	assert_int_equal((reply = client_read(fd, false)).status, 503);
	reply_free(&reply);
	close(fd);

	fixture_release(fixture);
	assert_int_equal((reply = client_read(holding, false)).status, 200);
	reply_free(&reply);
	client_say(holding, head);
	client_send(holding, body, sizeof body);
	fixture_wait_held(fixture, 1);
	fixture_release(fixture);
	assert_int_equal((reply = client_read(holding, false)).status, 200);
	reply_free(&reply);
	close(holding);
}

static void a_thousand_connections_are_served(void **state)
{
	enum { CONNECTIONS = 1024, ROUNDS = 3 };
	struct fixture *fixture = *state;
	static int fds[CONNECTIONS];
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * CONNECTIONS + 64) {
		fixture_start(fixture);
		skip();
	}
	fixture_start(fixture);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_true((fds[i] = client_connect(fixture)) >= 0);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			client_say(fds[i], i % 2 ? GET("/hello") : "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhello\n");
		for (int i = 0; i < CONNECTIONS; i++)
			assert_reply(client_read(fds[i], false), 200, "hello\n");
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
}

static void one_address_holds_no_more_than_its_share(void **state)
{
	enum { SHARE = 4, TRIES = 100000 };
	struct fixture *fixture = *state;
	int fds[SHARE], status = 0;
	fixture->config.connections_per_ip_max = SHARE;
	fixture_start(fixture);
	for (int i = 0; i < SHARE; i++) {
		fds[i] = client_connect(fixture);
		assert_reply(client_ask(fds[i], GET("/hello")), 200, "hello\n");
	}
	int fd = client_connect(fixture);
	client_say(fd, GET("/hello"));
	assert_closed(fd);
	assert_reply(client_ask(fds[0], GET("/hello")), 200, "hello\n");
	close(fds[1]);
	/* The server sees the close when it sees it. */
	for (int tries = 0; status == 0 && tries < TRIES; tries++) {
		fd = client_connect(fixture);
		struct reply reply = client_ask(fd, GET("/hello"));
		status = reply.status;
		reply_free(&reply);
		close(fd);
	}
	assert_int_equal(status, 200);
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
}

/* Connects while no descriptor is left for the server; an answer on another connection tells that it has tried to accept. */
static int connect_in_vain(const struct fixture *fixture, int witness)
{
	struct rlimit limit, none;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int fd = client_socket();
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(client_join(fixture, fd), 0);
	assert_reply(client_ask(witness, GET("/hello")), 200, "hello\n");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return fd;
}

static void accepting_goes_on_when_descriptors_come_back(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int first = client_connect(fixture), second = client_connect(fixture);
	assert_reply(client_ask(first, GET("/hello")), 200, "hello\n");
	assert_reply(client_ask(second, GET("/hello")), 200, "hello\n");
	/* By the end of a connection … */
	int late = connect_in_vain(fixture, second);
	close(first);
	assert_reply(client_ask(late, GET("/hello")), 200, "hello\n");
	/* … or elsewhere in the process, while the last connection lives on. */
	int later = connect_in_vain(fixture, second);
	assert_reply(client_ask(later, GET("/hello")), 200, "hello\n");
	close(second);
	close(late);
	close(later);
}

static void shards_share_a_port_that_nobody_else_can_join(void **state)
{
	struct fixture *fixture = *state;
	fixture->config.shards = 3;
	fixture_start(fixture);
	for (int i = 0; i < 64; i++) {
		int fd = client_connect(fixture);
		assert_reply(client_ask(fd, "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny"), 200, "y");
		close(fd);
	}
	char address[64];
	struct err err = {0};
	snprintf(address, sizeof address, "127.0.0.1:%d", fixture->port);
	struct http_listen listen = {.address = address};
	struct server_config config = fixture->config;
	config.listen = &listen;
	assert_null(server_start(&config, &err));
	assert_non_null(strstr(err.detail, address));
	assert_non_null(strstr(err.detail, "in use"));
}

static void a_malformed_address_is_named(void **state)
{
	struct fixture *fixture = *state;
	static const char *const bad[] = {"nonsense", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "127.0.0.1:http", "[::1]", "300.1.1.1:80"};
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		struct http_listen listen = {.address = bad[i]};
		struct server_config config = fixture->config;
		config.listen = &listen;
		assert_null(server_start(&config, &err));
		assert_non_null(strstr(err.detail, bad[i]));
	}
}

static void all_addresses_are_served_without_a_host(void **state)
{
	struct fixture *fixture = *state;
	struct http_listen listen = {.address = ":0"};
	fixture->config.listen = &listen;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	assert_reply(client_ask(fd, GET("/peer")), 200, "127.0.0.1");
	close(fd);
}

static int connect_unix(int dir_fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* A folder whose path is longer than a socket's may be. */
static int open_long_folder(char path[512])
{
	char part[129];
	memset(part, 'd', sizeof part - 1);
	part[sizeof part - 1] = '\0';
	snprintf(path, 512, "%s/grapnel-http-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(path));
	size_t len = strlen(path);
	snprintf(path + len, 512 - len, "/%s", part);
	assert_int_equal(mkdir(path, 0700), 0);
	int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	return dir_fd;
}

static void remove_long_folder(char path[512])
{
	assert_int_equal(rmdir(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

static void the_unix_socket_is_the_administrators(void **state)
{
	struct fixture *fixture = *state;
	char path[512];
	struct stat status;
	int dir_fd = open_long_folder(path);
	int stale = openat(dir_fd, "admin.sock", O_CREAT | O_WRONLY, 0644);
	assert_true(stale >= 0);
	close(stale);
	struct http_listen listen[] = {{.address = "127.0.0.1:0"}, {.socket_path = "admin.sock", .socket_dir_fd = dir_fd}};
	fixture->config.listen = listen;
	fixture->config.listen_len = 2;
	fixture->config.shards = 2;
	fixture->config.connections_per_ip_max = 1;
	fixture_start(fixture);
	assert_int_equal(fstatat(dir_fd, "admin.sock", &status, 0), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0600);
	int first = connect_unix(dir_fd, "admin.sock"), second = connect_unix(dir_fd, "admin.sock"), tcp = client_connect(fixture);
	assert_reply(client_ask(first, GET("/peer")), 200, "local admin");
	assert_reply(client_ask(second, "POST /async HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny"), 200, "y");
	assert_reply(client_ask(tcp, GET("/peer")), 200, "127.0.0.1");
	close(first);
	close(second);
	close(tcp);
	while (server_waiting(fixture->server) > 0) /* whoever stops a server waits for this; the thread that answered may not have counted it yet */
		sched_yield();
	server_stop(fixture->server);
	fixture->server = NULL;
	assert_int_equal(fstatat(dir_fd, "admin.sock", &status, 0), -1);
	close(dir_fd);
	remove_long_folder(path);
}

static void after_quiesce_new_requests_are_refused_and_old_ones_answered(void **state)
{
	struct fixture *fixture = *state;
	char value[256];
	fixture_start(fixture);
	int idle = client_connect(fixture), waiting = client_connect(fixture);
	assert_reply(client_ask(idle, GET("/hello")), 200, "hello\n");
	client_say(waiting, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	fixture_wait_held(fixture, 1);
	server_quiesce(fixture->server);
	struct reply reply = client_ask(idle, GET("/hello"));
	assert_int_equal(reply.status, 503);
	assert_string_equal(reply_header(&reply, "Connection", value), "close");
	assert_string_equal(reply_header(&reply, "Retry-After", value), "1");
	reply_free(&reply);
	assert_closed(idle);
	for (int fd; (fd = client_connect(fixture)) >= 0;) {
		close(fd);
		sched_yield();
	}
	fixture_release(fixture);
	reply = client_read(waiting, false);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_header(&reply, "Connection", value), "close");
	reply_free(&reply);
	assert_closed(waiting);
}

static void stop_sends_what_was_answered(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture), slow = client_connect(fixture);
	client_say(slow, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
	client_say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	fixture_wait_held(fixture, 1);
	fixture_release(fixture);
	server_stop(fixture->server);
	fixture->server = NULL;
	assert_reply(client_read(fd, false), 200, "body");
	assert_closed(fd);
	/* Refused when its head had not been read, else cut off. */
	struct strbuf rest = client_drain(slow);
	assert_null(strstr(strbuf_text(&rest), " 200 "));
	strbuf_free(&rest);
}

static void *stop_server(void *argument)
{
	server_stop(argument);
	return NULL;
}

static void stop_waits_for_an_answer_on_its_way(void **state)
{
	struct fixture *fixture = *state;
	static char body[FIXTURE_CAP];
	char head[128];
	int small = 4096;
	pthread_t thread;
	struct err err = {0};
	fixture_start(fixture);
	int fd = client_connect(fixture);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	snprintf(head, sizeof head, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", sizeof body);
	client_say(fd, head);
	client_send(fd, body, sizeof body);
	fixture_wait_held(fixture, 1);
	fixture_release(fixture);
	assert_int_equal(thread_start(&thread, "stop", stop_server, fixture->server, &err), 0);
	fixture->server = NULL;
	struct reply reply = client_read(fd, false);
	pthread_join(thread, NULL);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body.len, sizeof body);
	reply_free(&reply);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_answer_has_its_headers),
	    TEST(the_target_arrives_as_it_was_sent),
	    TEST(another_thread_answers_on_a_kept_connection),
	    TEST(pipelined_requests_are_answered_in_order),
	    TEST(head_gets_the_length_without_the_body),
	    TEST(answers_without_a_body_have_none),
	    TEST(a_missing_answer_is_an_internal_error),
	    TEST(the_application_can_close_the_connection),
	    TEST(a_large_body_arrives_whole),
	    TEST(a_client_that_expects_is_told_to_continue),
	    TEST(an_early_answer_leaves_the_connection_open),
	    TEST(an_early_answer_to_a_body_that_waits_comes_before_it),
	    TEST(a_client_that_leaves_harms_nobody),
	    TEST(a_client_that_leaves_in_mid_request_harms_nobody),
	    TEST(bodies_beyond_the_budget_are_told_to_come_later),
	    TEST(a_thousand_connections_are_served),
	    TEST(one_address_holds_no_more_than_its_share),
	    TEST(accepting_goes_on_when_descriptors_come_back),
	    TEST(shards_share_a_port_that_nobody_else_can_join),
	    TEST(a_malformed_address_is_named),
	    TEST(all_addresses_are_served_without_a_host),
	    TEST(the_unix_socket_is_the_administrators),
	    TEST(after_quiesce_new_requests_are_refused_and_old_ones_answered),
	    TEST(stop_sends_what_was_answered),
	    TEST(stop_waits_for_an_answer_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
