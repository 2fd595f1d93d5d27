/* The HTTP server against clients that mean harm: smuggling forms, oversized and endless requests, slow ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static unsigned responses_in(const struct strbuf *text)
{
	unsigned count = 0;
	for (const char *at = strbuf_text(text); (at = strstr(at, "HTTP/1.1 ")); at++)
		count++;
	return count;
}

struct form {
	const char *name;
	struct slice bytes;
	int status;
};

#define FORM(name, text, status)                                                                                                           \
	{                                                                                                                                  \
		name, {text, sizeof(text) - 1}, status                                                                                     \
	}

static const struct form forms[] = {
    FORM("TE and CL", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    FORM("CL and TE", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    FORM("two CL", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400),
    FORM("two equal CL", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400),
    FORM("two TE", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    FORM("two Host", "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    FORM("no Host", "GET /hello HTTP/1.1\r\n\r\n", 400),
    FORM("space before colon", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    FORM("xchunked", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    FORM("gzip, chunked", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    FORM("TE in HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    FORM("folded line", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: 1\r\n two\r\n\r\n", 400),
    FORM("folded into a name", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encodin: chunked\r\n g\r\n\r\n0\r\n\r\n", 400),
    FORM("NUL in a value", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\0b\r\n\r\n", 400),
    FORM("NULs at the end of a head", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\0b\n\n", 400),
    FORM("NUL before CRLF", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\0\r\n\r\n", 400),
    FORM("NUL in the target", "GET /hello\0x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("control character", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\001b\r\n\r\n", 400),
    FORM("DEL", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\177b\r\n\r\n", 400),
    FORM("bare CR", "GET /hello HTTP/1.1\r\nHost: x\r\nX-One: a\rContent-Length: 5\r\n\r\n", 400),
    FORM("bare LF", "GET /hello HTTP/1.1\r\nHost: x\nX-One: a\r\n\r\n", 400),
    FORM("name is no token", "GET /hello HTTP/1.1\r\nHost: x\r\nX(One): a\r\n\r\n", 400),
    FORM("absolute form", "GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("authority form", "GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("space in the target", "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("control in the target", "GET /hel\001lo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("two spaces", "GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("method is no token", "G@T /hello HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    FORM("unknown method", "BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    FORM("unknown method with a body", "BREW /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\n\r\n", 405),
    FORM("lower-case method", "get /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    FORM("CONNECT", "CONNECT /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    FORM("expectation", "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 4\r\n\r\nbody", 417),
};

static void a_malformed_head_gets_one_answer_and_the_connection_closes(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char expected[32];
		int fd = client_connect(fixture);
		client_send(fd, forms[i].bytes.at, forms[i].bytes.len);
		client_say(fd, GET("/hello") GET("/hello"));
		struct strbuf text = client_drain(fd);
		snprintf(expected, sizeof expected, "HTTP/1.1 %d ", forms[i].status);
		if (responses_in(&text) != 1 || strncmp(strbuf_text(&text), expected, strlen(expected)) != 0)
			fail_msg("%s got: %s", forms[i].name, strbuf_text(&text));
		if (!strstr(strbuf_text(&text), "application/problem+json") || !strstr(strbuf_text(&text), "Connection: close"))
			fail_msg("%s got no problem: %s", forms[i].name, strbuf_text(&text));
		strbuf_free(&text);
	}
	assert_int_equal(atomic_load(&fixture->handled), 0);
}

/* libmicrohttpd answers these itself, before the server sees them. */
static void what_the_library_refuses_closes_without_a_second_request(void **state)
{
	struct fixture *fixture = *state;
	static const char *const texts[] = {
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nbody",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nbody",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
	    "GET /hello HTTP/9.9\r\nHost: x\r\n\r\n",
	    "GET /hello\r\nHost: x\r\n\r\n",
	    "GET /hello HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
	    "nonsense\r\n\r\n",
	    "GET /hello HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
	};
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int fd = client_connect(fixture);
		client_say(fd, texts[i]);
		client_say(fd, GET("/hello"));
		struct strbuf text = client_drain(fd);
		if (strstr(strbuf_text(&text), " 200 "))
			fail_msg("%s got: %s", texts[i], strbuf_text(&text));
		strbuf_free(&text);
	}
	assert_int_equal(atomic_load(&fixture->handled), 0);
}

static void unusual_but_correct_heads_are_served(void **state)
{
	struct fixture *fixture = *state;
	static const char *const texts[] = {
	    "GET /hello HTTP/1.1\r\nHost:x\r\n\r\n",
	    "GET /hello HTTP/1.1\r\nhOsT: \t x \t \r\nX-Empty:\r\nX-Blank:   \r\nX-Tab: a\tb\r\nX-Text: \xc3\xa9\r\n\r\n",
	    "\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET /hello?a=%00&b HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nAccept: */*\r\n\r\n",
	    "GET /hello HTTP/1.1\r\nHost: x\r\nX-Same: 1\r\nX-Same: 2\r\nContent-Length: 0\r\n\r\n",
	    "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n1;ext=1\r\na\r\n0\r\n\r\n",
	};
	fixture_start(fixture);
	int fd = client_connect(fixture);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct reply reply = client_ask(fd, texts[i]);
		if (reply.status != 200)
			fail_msg("%s got %s", texts[i], strbuf_text(&reply.text));
		reply_free(&reply);
	}
	close(fd);
	fd = client_connect(fixture);
	struct reply reply = client_ask(fd, "GET /hello HTTP/1.0\r\n\r\n");
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	close(fd);
}

static struct reply ask_closed(struct fixture *fixture, const char *text)
{
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, text);
	struct strbuf rest = client_drain(fd);
	assert_int_equal(rest.len, 0);
	strbuf_free(&rest);
	return reply;
}

static void an_announced_body_over_the_cap_is_refused_before_it_comes(void **state)
{
	struct fixture *fixture = *state;
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
	char text[256];
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		snprintf(text, sizeof text, "%s /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n",
		         methods[i]);
		struct reply reply = ask_closed(fixture, text);
		assert_int_equal(reply.status, 413);
		assert_non_null(strstr(strbuf_text(&reply.text), "\"too_large\""));
		reply_free(&reply);
	}
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n0123456789abcdef");
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	close(fd);
	assert_int_equal(atomic_load(&fixture->handled), 1);
}

/* A client that sends it all the same can read why it was refused. */
static void a_body_that_was_refused_is_swallowed(void **state)
{
	struct fixture *fixture = *state;
	enum { BYTES = 4 * 1024 * 1024 };
	fixture_start(fixture);
	char *body = calloc(1, BYTES), head[128];
	assert_non_null(body);
	int fd = client_connect(fixture);
	snprintf(head, sizeof head, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BYTES);
	client_say(fd, head);
	assert_true(client_send(fd, body, BYTES));
	struct reply reply = client_read(fd, false);
	assert_int_equal(reply.status, 413);
	reply_free(&reply);
	close(fd);
	free(body);
}

static void a_chunked_body_is_cut_at_the_cap(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	struct reply reply =
	    client_ask(fd, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body.len, 16);
	reply_free(&reply);
	close(fd);
	fd = client_connect(fixture);
	/* Not ended: the answer comes at the first byte too many. */
	reply = client_ask(fd, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\ng\r\n");
	assert_int_equal(reply.status, 413);
	reply_free(&reply);
	struct strbuf rest = client_drain(fd);
	assert_int_equal(rest.len, 0);
	strbuf_free(&rest);
	assert_int_equal(atomic_load(&fixture->handled), 1);
}

/* "GET /hello<target_len × a> …" with `headers` headers of `value_len` bytes. */
static int status_of(struct fixture *fixture, size_t target_len, unsigned headers, size_t value_len)
{
	struct strbuf text = STRBUF_INIT(REPLY_MAX);
	strbuf_puts(&text, "GET /hello?");
	for (size_t i = strlen("/hello?"); i < target_len; i++)
		strbuf_putc(&text, 'a');
	strbuf_puts(&text, " HTTP/1.1\r\nHost: x\r\n");
	for (unsigned i = 0; i < headers; i++) {
		strbuf_printf(&text, "x-%u: ", i);
		for (size_t at = 0; at < value_len; at++)
			strbuf_putc(&text, 'v');
		strbuf_puts(&text, "\r\n");
	}
	strbuf_puts(&text, "\r\n");
	assert_false(text.failed);
	int fd = client_connect(fixture);
	client_send(fd, text.data, text.len);
	strbuf_free(&text);
	struct reply reply = client_read(fd, false);
	int status = reply.status;
	reply_free(&reply);
	close(fd);
	return status;
}

/* The library takes what RFC 9112 does not: whatever another parser makes of it, no bytes behind it ever become a request of their own. */
static void nothing_behind_a_chunked_body_is_a_request(void **state)
{
	static const char *const bodies[] = {
	    "4\r\nbody\r\n0\r\n\r\n", "4\r\nbody\r\n0\n\r\n", "4\nbody\r\n0\r\n\r\n",  "4\r\nbody\n0\r\n\r\n", "4\rbody\r\n0\r\n\r\n",
	    "4;\nx\r\nbody\r\n0\r\n\r\n", "4;a\nbody\r\n0\r\n\r\n", "4\r\nbody\r\n0\r\nX: y\r\n\r\n", "4\r\nbody\r\n0\r\nX: y\n\n", "4 \r\nbody\r\n0\r\n\r\n",
	};
	struct fixture *fixture = *state;
	fixture_start(fixture);
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		unsigned handled = atomic_load(&fixture->handled);
		int fd = client_connect(fixture);
		client_say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
		client_say(fd, bodies[i]);
		client_say(fd, GET("/hello") GET("/hello"));
		struct strbuf text = client_drain(fd);
		if (responses_in(&text) > 1 || strstr(strbuf_text(&text), "hello"))
			fail_msg("%s got: %s", bodies[i], strbuf_text(&text));
		if (i == 0 && !strstr(strbuf_text(&text), "Connection: close"))
			fail_msg("it is not said that the connection closes: %s", strbuf_text(&text));
		strbuf_free(&text);
		if (atomic_load(&fixture->handled) > handled + 1)
			fail_msg("%s became two requests", bodies[i]);
	}
}

static void a_target_that_is_too_long_gets_414(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	assert_int_equal(status_of(fixture, 8192, 0, 0), 200);
	assert_int_equal(status_of(fixture, 8193, 0, 0), 414);
	assert_int_equal(status_of(fixture, 40 * 1024, 0, 0), 414);
	assert_int_equal(status_of(fixture, 400 * 1024, 0, 0), 414);
}

static void headers_that_are_too_many_or_too_large_get_431(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture);
	assert_int_equal(status_of(fixture, 7, 99, 10), 200);
	assert_int_equal(status_of(fixture, 7, 99, 145), 200);
	assert_int_equal(status_of(fixture, 8192, 99, 60), 200);
	assert_int_equal(status_of(fixture, 7, 100, 10), 431);
	assert_int_equal(status_of(fixture, 7, 1000, 10), 431);
	assert_int_equal(status_of(fixture, 7, 1, 16000), 200);
	assert_int_equal(status_of(fixture, 7, 1, 17 * 1024), 431);
	assert_int_equal(status_of(fixture, 7, 1, 40 * 1024), 431);
	assert_int_equal(status_of(fixture, 7, 1, 400 * 1024), 431);
}

enum { DRIPS_MAX = 2000 };

/* Sends the beginning, then a byte now and then, until the server closes. */
static void drip(int fd, const char *beginning, const char *bytes)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	client_say(fd, beginning);
	for (size_t i = 0; poll(&readable, 1, 10) == 0; i++) {
		assert_true(i < DRIPS_MAX);
		client_send(fd, &bytes[i % strlen(bytes)], 1);
	}
	struct strbuf text = client_drain(fd);
	assert_int_equal(text.len, 0);
	strbuf_free(&text);
}

static void a_slow_request_is_closed_at_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	fixture->config.request_deadline_ms = 200;
	fixture_start(fixture);
	int idle = client_connect(fixture), fresh = client_connect(fixture);
	struct reply reply = client_ask(idle, GET("/hello"));
	reply_free(&reply);
	drip(client_connect(fixture), "G", "E");
	drip(client_connect(fixture), "GET /hello", "a");
	drip(client_connect(fixture), "GET /hello HTTP/1.1\r\nHost: x\r\n", "X-A: 1\r\n");
	drip(client_connect(fixture), "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", "b");
	drip(client_connect(fixture), "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n");
	int second = client_connect(fixture);
	reply = client_ask(second, GET("/hello"));
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	drip(second, "", "GET /hello?");
	/* Those that were silent all the time are still there. */
	reply = client_ask(idle, GET("/hello"));
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	reply = client_ask(fresh, GET("/hello"));
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	close(idle);
	close(fresh);
	assert_int_equal(atomic_load(&fixture->handled), 4);
}

/* The deadline is the request's, not the answer's. */
static void a_slow_answer_is_not_cut_off(void **state)
{
	struct fixture *fixture = *state;
	fixture->config.request_deadline_ms = 50;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	client_say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	fixture_wait_held(fixture, 1);
	drip(client_connect(fixture), "G", "E");
	fixture_release(fixture);
	struct reply reply = client_read(fd, false);
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	close(fd);
}

static void a_silent_connection_is_closed_after_the_idle_timeout(void **state)
{
	struct fixture *fixture = *state;
	fixture->config.idle_timeout_ms = 1000;
	fixture_start(fixture);
	int fd = client_connect(fixture), fresh = client_connect(fixture);
	struct reply reply = client_ask(fd, GET("/hello"));
	reply_free(&reply);
	struct strbuf rest = client_drain(fd);
	assert_int_equal(rest.len, 0);
	rest = client_drain(fresh);
	assert_int_equal(rest.len, 0);
}

/* Of one address; what is refused costs no connection. */
static void requests_of_one_address_are_counted(void **state)
{
	struct fixture *fixture = *state;
	char value[256];
	fixture->config.requests_per_ip = 20;
	fixture_start(fixture);
	unsigned taken = 0, refused = 0;
	int fds[] = {client_connect(fixture), client_connect(fixture)};
	for (int i = 0; i < 30; i++) {
		struct reply reply = client_ask(fds[i % 2], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
		taken += reply.status == 200;
		refused += reply.status == 429;
		if (reply.status == 429) {
			assert_string_equal(reply_header(&reply, "Retry-After", value), "1");
			assert_non_null(strstr(strbuf_text(&reply.text), "\"rate_limited\""));
		}
		reply_free(&reply);
	}
	assert_int_equal(taken + refused, 30);
	/* The machine may have been slow: then a few more. */
	assert_in_range(taken, 20, 29);
	assert_int_equal(atomic_load(&fixture->handled), taken);
	close(fds[0]);
	close(fds[1]);
}

static struct proxies *trust(const char *list)
{
	struct err err = {0};
	struct proxies *proxies = proxies_new(list, &err);
	assert_non_null(proxies);
	return proxies;
}

#define FROM(address) "GET /peer HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " address "\r\n\r\n"

static void a_trusted_proxy_says_who_the_client_is(void **state)
{
	struct fixture *fixture = *state;
	struct proxies *proxies = trust("127.0.0.1");
	fixture->config.proxies = proxies;
	fixture->config.connections_per_ip_max = 1;
	fixture->config.requests_per_ip = 1;
	fixture_start(fixture);
	/* Its connections are everybody's; each client has requests of its own. */
	int fds[] = {client_connect(fixture), client_connect(fixture)};
	struct reply reply = client_ask(fds[0], FROM("198.51.100.1, 203.0.113.1"));
	assert_true(slice_is(reply.body, "203.0.113.1"));
	reply_free(&reply);
	reply = client_ask(fds[1], FROM("203.0.113.2"));
	assert_true(slice_is(reply.body, "203.0.113.2"));
	reply_free(&reply);
	reply = client_ask(fds[1], FROM("203.0.113.1"));
	assert_int_equal(reply.status, 429);
	reply_free(&reply);
	reply = client_ask(fds[1], FROM("2001:db8::1"));
	assert_true(slice_is(reply.body, "2001:db8::1"));
	reply_free(&reply);
	reply = client_ask(fds[0], FROM("2001:db8::2"));
	assert_int_equal(reply.status, 429);
	reply_free(&reply);
	close(fds[0]);
	close(fds[1]);
	server_stop(fixture->server);
	fixture->server = NULL;
	proxies_free(proxies);
}

static void nobody_else_says_who_he_is(void **state)
{
	struct fixture *fixture = *state;
	struct proxies *proxies = trust("127.0.0.2, ::1");
	fixture->config.proxies = proxies;
	fixture_start(fixture);
	int fd = client_connect(fixture);
	struct reply reply = client_ask(fd, FROM("203.0.113.1"));
	assert_true(slice_is(reply.body, "127.0.0.1"));
	reply_free(&reply);
	close(fd);
	server_stop(fixture->server);
	fixture->server = NULL;
	proxies_free(proxies);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_malformed_head_gets_one_answer_and_the_connection_closes),
	    TEST(what_the_library_refuses_closes_without_a_second_request),
	    TEST(unusual_but_correct_heads_are_served),
	    TEST(an_announced_body_over_the_cap_is_refused_before_it_comes),
	    TEST(a_body_that_was_refused_is_swallowed),
	    TEST(a_chunked_body_is_cut_at_the_cap),
	    TEST(nothing_behind_a_chunked_body_is_a_request),
	    TEST(a_target_that_is_too_long_gets_414),
	    TEST(headers_that_are_too_many_or_too_large_get_431),
	    TEST(a_slow_request_is_closed_at_its_deadline),
	    TEST(a_slow_answer_is_not_cut_off),
	    TEST(a_silent_connection_is_closed_after_the_idle_timeout),
	    TEST(requests_of_one_address_are_counted),
	    TEST(a_trusted_proxy_says_who_the_client_is),
	    TEST(nobody_else_says_who_he_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
