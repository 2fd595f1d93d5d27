/* The world of the command line's tests; see cli_world.h. */
#include "cli_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../lib/temp.h"

/* ---- The hub in this process ------------------------------------------------------------------------------------------- */

struct stub stub;

static void *stub_open(const struct conf *conf, struct err *err)
{
	snprintf(stub.opened_data, sizeof stub.opened_data, "%s", conf->data);
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
	copy_slice(http_header(request, "Content-Type"), stub.seen[at].type, sizeof stub.seen[at].type);
	copy_slice(http_header(request, "Idempotency-Key"), stub.seen[at].key, sizeof stub.seen[at].key);
	stub.seen[at].local = request->local;
	stub.seen[at].body_len = request->body.len;
	free(stub.seen[at].body); /* a test that began to count anew comes by again */
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

static unsigned stub_find(const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	if (!conf->tls_certificate)
		return 0;
	found(context, "the certificate cannot be used");
	return 1;
}

static int stub_serve(int argc, char **argv)
{
	struct conf conf;
	struct err err = {0};
	if (conf_load(&conf, argc, argv, NULL, &err) != 0)
		return EXIT_USAGE;
	snprintf(stub.served_listen, sizeof stub.served_listen, "%s", conf.listen);
	conf_free(&conf);
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
static const struct cli_local stub_local = {stub_open, stub_call, stub_close, stub_serve, stub_find, &stub_clock};

void answer(int at, int status, const char *body)
{
	stub.answers[at].status = status;
	stub.answers[at].body = body;
}

/* ---- The hub on its admin socket --------------------------------------------------------------------------------------- */

struct served served;
static pthread_t server_thread;

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
	/* Whoever comes later finds nobody. */
	shutdown(served.listener, SHUT_RDWR);
	if (served.answer)
		assert_int_equal(write(fd, served.answer, strlen(served.answer)), strlen(served.answer));
	close(fd);
	return NULL;
}

/* Listens at <folder>/grapnel.sock. */
void start_server(const char *folder, const char *response)
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
	assert_int_equal(pthread_create(&server_thread, NULL, serve_one, NULL), 0);
}

int start_remote(const char *response)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	served.listener = socket(AF_INET, SOCK_STREAM, 0);
	served.answer = response;
	memset(served.request, 0, sizeof served.request);
	assert_int_equal(bind(served.listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(served.listener, 8), 0);
	assert_int_equal(getsockname(served.listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(pthread_create(&server_thread, NULL, serve_one, NULL), 0);
	return ntohs(address.sin_port);
}

void end_server(void)
{
	assert_int_equal(pthread_join(server_thread, NULL), 0);
	close(served.listener);
	served.listener = -1;
}

/* ---- Running a command ------------------------------------------------------------------------------------------------- */

struct printed printed;

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

/* What stands for the standard error, when it is a terminal; -1: a file. */
static int terminal_fd = -1;

int run_words(const char *const *words)
{
	char *argv[32] = {(char[]){"grapnel"}};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	fflush(stdout);
	int out = divert(STDOUT_FILENO, "printed.out"), err = divert(STDERR_FILENO, "printed.err");
	if (terminal_fd >= 0)
		assert_int_equal(dup2(terminal_fd, STDERR_FILENO), STDERR_FILENO);
	int code = cli_main(argc, argv, &stub_local);
	fflush(stdout);
	fflush(stderr);
	restore(STDOUT_FILENO, out, "printed.out", printed.out, sizeof printed.out);
	restore(STDERR_FILENO, err, "printed.err", printed.err, sizeof printed.err);
	return code;
}

int run_words_on_terminal(const char *typed, const char *const *words)
{
	char seen[sizeof printed.err];
	size_t len = 0;
	ssize_t got;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
	int in = dup(STDIN_FILENO);
	terminal_fd = terminal;
	assert_int_equal(dup2(terminal, STDIN_FILENO), STDIN_FILENO);
	clearerr(stdin);
	int code = run_words(words);
	terminal_fd = -1;
	assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
	close(in);
	struct pollfd ready = {.fd = master, .events = POLLIN};
	while (len + 1 < sizeof seen && poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) &&
	       (got = read(master, seen + len, sizeof seen - 1 - len)) > 0)
		len += (size_t)got;
	seen[len] = '\0';
	memcpy(printed.err, seen, len + 1);
	close(terminal);
	close(master);
	return code;
}

void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in: %s", part, text);
}

void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Each test has a working folder of its own, with a data folder "var" in which a hub was once: its lock is there. */
int enter_folder(void **state)
{
	char *folder = temp_make();

	memset(&stub, 0, sizeof stub);
	served.listener = -1;
	answer(0, 200, "{}");
	if (chdir(folder) != 0 || mkdir("var", 0700) != 0)
		return -1;
	write_file("var/grapnel.lock", "");
	*state = folder;
	return clearenv();
}

int leave_folder(void **state)
{
	int result = chdir("/");

	for (int i = 0; i < CALLS_MAX; i++)
		free(stub.seen[i].body);
	temp_remove(*state);
	return result;
}
