/* The command line: what each command asks of the API, by which way, what it prints, and its exit code. The hub is a stub: one in this
 * process, and one on an admin socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

#define NOW_MS INT64_C(1900000000000) /* 2030-03-17T17:46:40Z */

/* ---- The hub in this process ------------------------------------------------------------------------------------------- */

enum { CALLS_MAX = 4 };

static struct {
	/* what it answers, one after another; the last one stays */
	struct {
		int status;
		const char *body;
	} answers[CALLS_MAX];
	/* what open() says first: so many times that the lock is held */
	int held;
	void (*while_held)(void);
	enum err_code open_fails;
	/* what was seen */
	int opens, closes, calls;
	struct {
		char method[16], path[256], query[256], type[64];
		char *body;
		size_t body_len;
		bool local;
	} seen[CALLS_MAX];
	int64_t mono_us;
	char served_listen[64];
} stub;

static void *stub_open(const struct conf *conf, struct err *err)
{
	(void)conf;
	stub.opens++;
	if (stub.held > 0) {
		stub.held--;
		stub.mono_us += 500 * 1000;
		if (stub.while_held)
			stub.while_held();
		err_set(err, ERR_UNAVAILABLE, "the data folder is locked by process 4711");
		return NULL;
	}
	if (stub.open_fails) {
		err_set(err, stub.open_fails, "the store does not open");
		return NULL;
	}
	return &stub;
}

static void copy_slice(struct slice from, char *to, size_t size)
{
	snprintf(to, size, "%.*s", (int)from.len, from.at ? from.at : "");
}

static void stub_call(void *hub, const struct http_request *request, struct http_response *response)
{
	int at = stub.calls++;

	assert_ptr_equal(hub, &stub);
	assert_true(at < CALLS_MAX);
	copy_slice(request->method, stub.seen[at].method, sizeof stub.seen[at].method);
	copy_slice(request->path, stub.seen[at].path, sizeof stub.seen[at].path);
	copy_slice(request->query, stub.seen[at].query, sizeof stub.seen[at].query);
	if (request->headers_len > 0)
		copy_slice(request->headers[0].value, stub.seen[at].type, sizeof stub.seen[at].type);
	stub.seen[at].local = request->local;
	stub.seen[at].body_len = request->body.len;
	stub.seen[at].body = calloc(1, request->body.len + 1);
	if (request->body.len > 0)
		memcpy(stub.seen[at].body, request->body.at, request->body.len);
	int answer = at;
	while (answer > 0 && stub.answers[answer].status == 0)
		answer--;
	response->status = stub.answers[answer].status;
	response->content_type = "application/json";
	if (stub.answers[answer].body)
		strbuf_puts(&response->body, stub.answers[answer].body);
}

static void stub_close(void *hub)
{
	assert_ptr_equal(hub, &stub);
	stub.closes++;
}

static int stub_serve(const struct conf *conf)
{
	snprintf(stub.served_listen, sizeof stub.served_listen, "%s", conf->listen);
	return 42;
}

static int64_t stub_wall_ms(void *context)
{
	(void)context;
	return NOW_MS;
}

static int64_t stub_mono_us(void *context)
{
	(void)context;
	return stub.mono_us;
}

static const struct clock stub_clock = {stub_wall_ms, stub_mono_us, NULL};
static const struct cli_local stub_local = {stub_open, stub_call, stub_close, stub_serve, &stub_clock};

static void answer(int at, int status, const char *body)
{
	stub.answers[at].status = status;
	stub.answers[at].body = body;
}

/* ---- The hub on its admin socket --------------------------------------------------------------------------------------- */

/* Takes one connection with a whole request, then answers and closes. */
static struct {
	pthread_t thread;
	int listener;	    /* -1: none */
	const char *answer; /* the whole response; NULL: closes without any */
	char request[4096];
} served;

static void *serve_one(void *argument)
{
	(void)argument;
	int fd = accept(served.listener, NULL, NULL);
	size_t len = 0;
	ssize_t got;

	/* A request of these tests ends with its JSON body, or with its headers. */
	while ((got = read(fd, served.request + len, sizeof served.request - 1 - len)) > 0) {
		len += (size_t)got;
		if (strstr(served.request, "\r\n\r\n") && (!strstr(served.request, "POST") || served.request[len - 1] == '}'))
			break;
	}
	if (served.answer)
		assert_int_equal(write(fd, served.answer, strlen(served.answer)), strlen(served.answer));
	close(fd);
	return NULL;
}

/* Listens at <folder>/grapnel.sock. */
static void start_server(const char *folder, const char *response)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = open(folder, O_PATH | O_DIRECTORY);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/grapnel.sock", fd);
	served.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	served.answer = response;
	memset(served.request, 0, sizeof served.request);
	assert_int_equal(bind(served.listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(served.listener, 8), 0);
	close(fd);
	assert_int_equal(pthread_create(&served.thread, NULL, serve_one, NULL), 0);
}

static void end_server(void)
{
	assert_int_equal(pthread_join(served.thread, NULL), 0);
	close(served.listener);
	served.listener = -1;
}

/* ---- Running a command ------------------------------------------------------------------------------------------------- */

static struct {
	char out[1 << 16];
	char err[1 << 16];
} printed;

static int divert(int fd, const char *path)
{
	int kept = dup(fd), file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);

	assert_true(kept >= 0 && file >= 0);
	assert_int_equal(dup2(file, fd), fd);
	close(file);
	return kept;
}

static void restore(int fd, int kept, const char *path, char *text, size_t size)
{
	assert_int_equal(dup2(kept, fd), fd);
	close(kept);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static int run_words(const char *const *words)
{
	char *argv[20] = {(char[]){"grapnel"}};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	fflush(stdout);
	int out = divert(STDOUT_FILENO, "printed.out"), err = divert(STDERR_FILENO, "printed.err");
	int code = cli_main(argc, argv, &stub_local);
	fflush(stdout);
	fflush(stderr);
	restore(STDOUT_FILENO, out, "printed.out", printed.out, sizeof printed.out);
	restore(STDERR_FILENO, err, "printed.err", printed.err, sizeof printed.err);
	return code;
}

#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Each test has a working folder of its own, with an empty data folder "var". */
static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/grapnel-cli-XXXXXX");

	memset(&stub, 0, sizeof stub);
	served.listener = -1;
	answer(0, 200, "{}");
	if (!folder || !mkdtemp(folder) || chdir(folder) != 0 || mkdir("var", 0700) != 0)
		return -1;
	*state = folder;
	return clearenv();
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *place)
{
	(void)stat;
	(void)type;
	(void)place;
	return remove(path);
}

static int leave_folder(void **state)
{
	int result = chdir("/") != 0 || nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0 ? -1 : 0;

	for (int i = 0; i < CALLS_MAX; i++)
		free(stub.seen[i].body);
	free(*state);
	return result;
}

/* ---- Help and mistakes ------------------------------------------------------------------------------------------------- */

static void without_arguments_it_prints_help_and_fails(void **state)
{
	(void)state;
	assert_int_equal(run_words((const char *const[]){NULL}), EXIT_USAGE);
	assert_string_equal(printed.out, "");
	assert_holds(printed.err, "grapnel serve");
	assert_holds(printed.err, "grapnel key create");
}

static void every_command_explains_itself(void **state)
{
	static const char *const commands[][2] = {
	    {"serve", NULL},  {"key", "create"}, {"key", "list"}, {"key", "revoke"}, {"send", NULL},
	    {"backup", NULL}, {"check", NULL},	 {"help", NULL},  {"version", NULL}, {"key", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		char usage[64];
		const char *second = commands[i][1];
		snprintf(usage, sizeof usage, "grapnel %s%s%s", commands[i][0], second ? " " : "", second ? second : "");
		assert_int_equal(second ? RUN(commands[i][0], second, "--help") : RUN(commands[i][0], "--help"), EXIT_OK);
		assert_holds(printed.out, usage);
		assert_string_equal(printed.err, "");
		assert_int_equal(second ? RUN("help", commands[i][0], second) : RUN("help", commands[i][0]), EXIT_OK);
		assert_holds(printed.out, usage);
	}
	assert_int_equal(RUN("serve", "--help"), EXIT_OK);
	assert_holds(printed.out, "--egress-allow");
	assert_int_equal(stub.opens, 0);
}

static void help_and_version_are_options_too(void **state)
{
	(void)state;
	assert_int_equal(RUN("--help"), EXIT_OK);
	assert_holds(printed.out, "grapnel backup FILE");
	assert_int_equal(RUN("-h"), EXIT_OK);
	assert_int_equal(RUN("--version"), EXIT_OK);
	assert_memory_equal(printed.out, "grapnel ", 8);
	assert_int_equal(RUN("version"), EXIT_OK);
	assert_int_equal(RUN("help", "--sample-conf"), EXIT_OK);
	assert_holds(printed.out, "[limits]");
}

static void an_unknown_command_or_option_names_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(RUN("srve"), EXIT_USAGE);
	assert_holds(printed.err, "unknown command srve; did you mean serve?");
	assert_int_equal(RUN("key"), EXIT_USAGE);
	assert_holds(printed.err, "grapnel key revoke");
	assert_int_equal(RUN("key", "make"), EXIT_USAGE);
	assert_int_equal(RUN("help", "nothing"), EXIT_USAGE);
	assert_int_equal(RUN("key", "create", "--scpoe", "read"), EXIT_USAGE);
	assert_holds(printed.err, "unknown option --scpoe; did you mean --scope?");
	assert_int_equal(RUN("key", "create", "--dat", "x"), EXIT_USAGE);
	assert_holds(printed.err, "did you mean --data?");
	assert_int_equal(RUN("check", "-v"), EXIT_USAGE);
	assert_holds(printed.err, "unknown option -v");
	assert_int_equal(RUN("check", "more"), EXIT_USAGE);
	assert_holds(printed.err, "unexpected argument more");
	assert_int_equal(RUN("backup"), EXIT_USAGE);
	assert_holds(printed.err, "FILE");
	assert_int_equal(RUN("key", "create", "--scope"), EXIT_USAGE);
	assert_holds(printed.err, "--scope needs a value");
	assert_int_equal(stub.opens, 0);
}

static void a_bad_option_is_a_mistake_of_usage(void **state)
{
	(void)state;
	assert_int_equal(RUN("serve", "--http-shards", "0"), EXIT_USAGE);
	assert_holds(printed.err, "http.shards cannot be \"0\"");
	assert_int_equal(RUN("check", "--http-shards", "0"), EXIT_USAGE);
	assert_holds(printed.err, "1 … 64");
	setenv("GRAPNEL_LISTENN", "1", 1);
	assert_int_equal(RUN("key", "list"), EXIT_USAGE);
	assert_holds(printed.err, "GRAPNEL_LISTENN");
	assert_int_equal(stub.opens, 0);
}

static void serve_gets_the_options_and_gives_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(RUN("serve", "--data", "var", "--listen", "127.0.0.1:9999", "--egress-allow", "127.0.0.0/8"), 42);
	assert_string_equal(stub.served_listen, "127.0.0.1:9999");
}

/* ---- Commands ---------------------------------------------------------------------------------------------------------- */

static void key_create_prints_the_key_alone(void **state)
{
	(void)state;
	answer(0, 201, "{\"id\":\"key_1\",\"key\":\"gk_abc\"}");
	assert_int_equal(RUN("key", "create", "--data", "var", "--scope", "admin"), EXIT_OK);
	assert_string_equal(printed.out, "gk_abc\n");
	assert_string_equal(printed.err, "");
	assert_string_equal(stub.seen[0].method, "POST");
	assert_string_equal(stub.seen[0].path, "/v1/keys");
	assert_string_equal(stub.seen[0].type, "application/json");
	assert_string_equal(stub.seen[0].body, "{\"scopes\":[\"admin\"]}");
	assert_true(stub.seen[0].local);
	assert_int_equal(stub.closes, 1);
}

static void key_create_passes_all_that_was_said(void **state)
{
	(void)state;
	answer(0, 201, "{\"key\":\"gk_abc\"}");
	assert_int_equal(RUN("key", "create", "--scope=read,publish", "--scope", "manage", "--subscriber", "acme", "--name", "shop \"1\"",
			     "--expires", "+30d"),
			 EXIT_OK);
	assert_string_equal(stub.seen[0].body,
			    "{\"scopes\":[\"read\",\"publish\",\"manage\"],\"subscriber\":\"acme\",\"name\":\"shop \\\"1\\\"\","
			    "\"expires_at\":\"2030-04-16T17:46:40.000Z\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "2031-01-01T00:00:00+01:00"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"scopes\":[\"read\"],\"expires_at\":\"2030-12-31T23:00:00.000Z\"}");
}

static void key_create_needs_scopes_and_a_sensible_end(void **state)
{
	(void)state;
	assert_int_equal(RUN("key", "create"), EXIT_USAGE);
	assert_holds(printed.err, "--scope");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "tomorrow"), EXIT_USAGE);
	assert_holds(printed.err, "RFC 3339");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--expires", "+30"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
}

static void key_list_is_a_table_of_all_pages(void **state)
{
	(void)state;
	answer(0, 200,
	       "{\"data\":[{\"id\":\"key_1\",\"name\":\"shop\\u001b[2J\",\"scopes\":[\"read\",\"publish\"],\"subscriber\":null,"
	       "\"created_at\":\"2030-01-01T00:00:00.000Z\",\"expires_at\":null,\"hint\":\"abcd\"}],\"next_cursor\":\"a+b\"}");
	answer(1, 200, "{\"data\":[{\"id\":\"key_2\"}],\"next_cursor\":null}");
	assert_int_equal(RUN("key", "list"), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/keys");
	assert_string_equal(stub.seen[0].query, "limit=500");
	assert_string_equal(stub.seen[1].query, "limit=500&cursor=a%2Bb");
	assert_holds(printed.out, "read,publish");
	assert_holds(printed.out, "shop?[2J");
	assert_holds(printed.out, "abcd\nkey_2 ");
	assert_memory_equal(printed.out, "ID ", 3);
	assert_int_equal(stub.opens, 1);
}

static void key_revoke_deletes_that_key(void **state)
{
	(void)state;
	answer(0, 204, NULL);
	assert_int_equal(RUN("key", "revoke", "key_1/..?x"), EXIT_OK);
	assert_string_equal(stub.seen[0].method, "DELETE");
	assert_string_equal(stub.seen[0].path, "/v1/keys/key_1%2F..%3Fx");
	assert_int_equal(RUN("key", "revoke"), EXIT_USAGE);
}

static void backup_gives_an_absolute_path(void **state)
{
	char body[256];

	assert_int_equal(RUN("backup", "copy.db"), EXIT_OK);
	snprintf(body, sizeof body, "{\"path\":\"%s/copy.db\"}", (char *)*state);
	assert_string_equal(stub.seen[0].path, "/local/backup");
	assert_string_equal(stub.seen[0].body, body);
	assert_int_equal(RUN("backup", "/else/copy.db"), EXIT_OK);
	assert_string_equal(stub.seen[1].body, "{\"path\":\"/else/copy.db\"}");
}

static void backup_replaces_nothing(void **state)
{
	(void)state;
	write_file("copy.db", "dear");
	assert_int_equal(RUN("backup", "copy.db"), EXIT_FAILED);
	assert_holds(printed.err, "copy.db exists already");
	assert_int_equal(stub.calls, 0);
}

static void check_prints_ok_or_what_it_found(void **state)
{
	(void)state;
	answer(0, 200, "{\"findings\":[]}");
	assert_int_equal(RUN("check"), EXIT_OK);
	assert_string_equal(printed.out, "ok\n");
	assert_string_equal(stub.seen[0].path, "/local/check");
	answer(1, 200, "{\"findings\":[\"a page is broken\",\"an index is short\"]}");
	assert_int_equal(RUN("check"), EXIT_FAILED);
	assert_string_equal(printed.out, "a page is broken\nan index is short\n");
	answer(2, 200, "[]");
	assert_int_equal(RUN("check"), EXIT_FAILED);
}

static void send_keeps_the_payloads_bytes(void **state)
{
	(void)state;
	answer(0, 202, "{\"id\":\"evt_1\",\"uid\":null,\"deliveries\":3}");
	assert_int_equal(RUN("send", "--type", "order.created", " {\"n\": 1.10,\"n\":12345678901234567890} "), EXIT_OK);
	assert_string_equal(stub.seen[0].path, "/v1/events");
	assert_string_equal(stub.seen[0].type, "application/json");
	assert_string_equal(stub.seen[0].body, "{\"type\":\"order.created\",\"data\":{\"n\": 1.10,\"n\":12345678901234567890}}");
	assert_string_equal(printed.out, "evt_1 deliveries=3\n");
}

static void send_passes_all_that_was_said(void **state)
{
	(void)state;
	answer(0, 200, "{\"id\":\"evt_1\",\"deliveries\":0,\"duplicate\":true}");
	write_file("payload.json", "[1]\n");
	assert_int_equal(RUN("send", "--type=t", "--data-file", "payload.json", "--subject", "a\"b", "--subscriber", "*", "--uid", "u",
			     "--ordering-key", "k", "--attribute", "a=1=2", "--attribute", "b=", "--deliver-at", "+1h"),
			 EXIT_OK);
	assert_string_equal(stub.seen[0].body,
			    "{\"type\":\"t\",\"subject\":\"a\\\"b\",\"subscriber\":\"*\",\"uid\":\"u\",\"ordering_key\":\"k\","
			    "\"deliver_at\":\"2030-03-17T18:46:40.000Z\",\"attributes\":{\"a\":\"1=2\",\"b\":\"\"},\"data\":[1]}");
	assert_string_equal(printed.out, "evt_1 deliveries=0 duplicate\n");
}

static void send_refuses_what_is_no_single_json_value(void **state)
{
	static const char *const payloads[] = {"", "{", "1, \"type\":\"x\"", "{} {}", "'text'", "nul"};

	(void)state;
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		assert_int_equal(RUN("send", "--type", "t", payloads[i]), EXIT_USAGE);
		assert_holds(printed.err, "no JSON");
	}
	assert_int_equal(RUN("send", "{}"), EXIT_USAGE);
	assert_holds(printed.err, "--type is missing");
	assert_int_equal(RUN("send", "--type", "t"), EXIT_USAGE);
	assert_holds(printed.err, "payload is missing");
	assert_int_equal(RUN("send", "--type", "t", "{}", "--data-file", "x"), EXIT_USAGE);
	assert_int_equal(RUN("send", "--type", "t", "--data-file", "none"), EXIT_FAILED);
	assert_holds(printed.err, "none cannot be opened");
	assert_int_equal(RUN("send", "--type", "t", "{}", "--attribute", "x"), EXIT_USAGE);
	assert_int_equal(RUN("send", "--type", "t", "{}", "--deliver-at", "later"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
}

static void send_publishes_a_file_of_envelopes(void **state)
{
	(void)state;
	write_file("events", "{\"type\":\"a\",\"data\":1}\n{\"type\":\"b\",\"data\":2}\n");
	answer(0, 202, "{\"data\":[{\"id\":\"evt_1\",\"deliveries\":1},{\"id\":\"evt_2\",\"deliveries\":0}]}");
	assert_int_equal(RUN("send", "--events", "events"), EXIT_OK);
	assert_string_equal(stub.seen[0].type, "application/x-ndjson");
	assert_string_equal(stub.seen[0].body, "{\"type\":\"a\",\"data\":1}\n{\"type\":\"b\",\"data\":2}\n");
	assert_string_equal(printed.out, "evt_1 deliveries=1\nevt_2 deliveries=0\n");
	assert_int_equal(RUN("send", "--events", "events", "--type", "x"), EXIT_USAGE);
	answer(1, 202, "{\"data\":[{\"id\":\"evt_1\",\"deliveries\":1},{\"code\":\"idempotency_key_reused\"}]}");
	assert_int_equal(RUN("send", "--events", "events"), EXIT_FAILED);
	assert_holds(printed.err, "idempotency_key_reused");
}

/* ---- Answers ----------------------------------------------------------------------------------------------------------- */

static void a_problem_is_told_with_its_fields(void **state)
{
	(void)state;
	answer(0, 422,
	       "{\"title\":\"T\",\"code\":\"invalid\",\"detail\":\"Some fields are not valid\",\"errors\":[{\"pointer\":\"/scopes/0\","
	       "\"detail\":\"accepted: read\"},{\"pointer\":\"/name\",\"detail\":\"too long\"}]}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_FAILED);
	assert_string_equal(printed.out, "");
	assert_string_equal(printed.err, "grapnel: Some fields are not valid (/scopes/0: accepted: read; /name: too long)\n");
	answer(1, 404, "{\"title\":\"There is no such thing here\"}");
	assert_int_equal(RUN("key", "revoke", "key_1"), EXIT_FAILED);
	assert_string_equal(printed.err, "grapnel: There is no such thing here\n");
	answer(2, 500, "<html>");
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_holds(printed.err, "500");
	answer(3, 503, "{\"detail\":\"The disk is full\"}");
	assert_int_equal(RUN("key", "list"), EXIT_UNAVAILABLE);
	assert_string_equal(printed.err, "grapnel: The disk is full\n");
}

static void an_answer_that_makes_no_sense_is_a_failure(void **state)
{
	(void)state;
	answer(0, 200, "not json");
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_holds(printed.err, "not JSON");
	answer(1, 201, "{}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_FAILED);
	assert_string_equal(printed.out, "");
}

/* ---- Ways to the hub --------------------------------------------------------------------------------------------------- */

#define KEY_ANSWER "HTTP/1.1 201 Created\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{\"key\":\"gk_run\"}"

static void a_running_hub_is_asked_over_its_socket(void **state)
{
	(void)state;
	start_server("var", KEY_ANSWER);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
	assert_memory_equal(served.request, "POST /v1/keys HTTP/1.1\r\n", 24);
	assert_holds(served.request, "Content-Type: application/json\r\n");
	assert_holds(served.request, "\r\n\r\n{\"scopes\":[\"read\"]}");
	assert_int_equal(stub.opens, 0);
}

static void the_folders_path_may_be_longer_than_a_sockets(void **state)
{
	char path[300] = ".";

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%050d", i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	start_server(path, KEY_ANSWER);
	assert_int_equal(RUN("key", "create", "--scope", "read", "--data", path), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
}

static void a_socket_that_is_left_over_does_not_matter(void **state)
{
	(void)state;
	start_server("var", NULL);
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	shutdown(served.listener, SHUT_RDWR);
	end_server();
	answer(0, 200, "{\"findings\":[]}");
	assert_int_equal(RUN("check"), EXIT_OK);
	assert_int_equal(stub.opens, 1);
}

static void socket_appears(void)
{
	if (stub.held == 0)
		start_server("var", KEY_ANSWER);
}

static void a_hub_that_starts_is_waited_for(void **state)
{
	(void)state;
	stub.held = 3;
	stub.while_held = socket_appears;
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	end_server();
	assert_string_equal(printed.out, "gk_run\n");
	assert_int_equal(stub.opens, 3);
	assert_int_equal(stub.calls, 0);
}

static void a_hub_that_stops_is_waited_for(void **state)
{
	(void)state;
	stub.held = 3;
	answer(0, 201, "{\"key\":\"gk_own\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_OK);
	assert_string_equal(printed.out, "gk_own\n");
	assert_int_equal(stub.opens, 4);
}

static void the_wait_for_a_hub_has_an_end(void **state)
{
	(void)state;
	stub.held = 1000;
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_UNAVAILABLE);
	assert_holds(printed.err, "process 4711");
	assert_holds(printed.err, "starting or stopping");
	/* 10 s by the clock of the test, half a second a try. */
	assert_int_equal(stub.opens, 20);
}

static void a_store_that_does_not_open_is_told_at_once(void **state)
{
	(void)state;
	stub.open_fails = ERR_STORAGE;
	assert_int_equal(RUN("key", "list"), EXIT_FAILED);
	assert_string_equal(printed.err, "grapnel: the store does not open\n");
	assert_int_equal(stub.opens, 1);
	/* Not the lock either, when it failed without waiting for it. */
	stub.open_fails = ERR_UNAVAILABLE;
	assert_int_equal(RUN("key", "list"), EXIT_UNAVAILABLE);
	assert_int_equal(stub.opens, 2);
}

static void a_request_without_answer_is_not_sent_again(void **state)
{
	(void)state;
	start_server("var", NULL);
	assert_int_equal(RUN("key", "create", "--scope", "read"), EXIT_UNAVAILABLE);
	end_server();
	assert_holds(printed.err, "not known");
	assert_int_equal(stub.opens, 0);
}

static void a_mistyped_folder_is_no_empty_hub(void **state)
{
	(void)state;
	assert_int_equal(RUN("check", "--data", "vra"), EXIT_USAGE);
	assert_holds(printed.err, "vra");
	assert_int_equal(RUN("key", "list", "--data", "vra"), EXIT_USAGE);
	assert_int_equal(stub.opens, 0);
	answer(0, 201, "{\"key\":\"gk_own\"}");
	assert_int_equal(RUN("key", "create", "--scope", "read", "--data", "new"), EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
	    CASE(without_arguments_it_prints_help_and_fails),
	    CASE(every_command_explains_itself),
	    CASE(help_and_version_are_options_too),
	    CASE(an_unknown_command_or_option_names_the_nearest),
	    CASE(a_bad_option_is_a_mistake_of_usage),
	    CASE(serve_gets_the_options_and_gives_its_exit_code),
	    CASE(key_create_prints_the_key_alone),
	    CASE(key_create_passes_all_that_was_said),
	    CASE(key_create_needs_scopes_and_a_sensible_end),
	    CASE(key_list_is_a_table_of_all_pages),
	    CASE(key_revoke_deletes_that_key),
	    CASE(backup_gives_an_absolute_path),
	    CASE(backup_replaces_nothing),
	    CASE(check_prints_ok_or_what_it_found),
	    CASE(send_keeps_the_payloads_bytes),
	    CASE(send_passes_all_that_was_said),
	    CASE(send_refuses_what_is_no_single_json_value),
	    CASE(send_publishes_a_file_of_envelopes),
	    CASE(a_problem_is_told_with_its_fields),
	    CASE(an_answer_that_makes_no_sense_is_a_failure),
	    CASE(a_running_hub_is_asked_over_its_socket),
	    CASE(the_folders_path_may_be_longer_than_a_sockets),
	    CASE(a_socket_that_is_left_over_does_not_matter),
	    CASE(a_hub_that_starts_is_waited_for),
	    CASE(a_hub_that_stops_is_waited_for),
	    CASE(the_wait_for_a_hub_has_an_end),
	    CASE(a_store_that_does_not_open_is_told_at_once),
	    CASE(a_request_without_answer_is_not_sent_again),
	    CASE(a_mistyped_folder_is_no_empty_hub),
#undef CASE
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
