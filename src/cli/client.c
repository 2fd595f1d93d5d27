/* How commands reach the API. A hub that starts or stops holds the lock but does not answer: then socket and lock are tried in turn until a
 * deadline; the wait for the lock paces that. */
#include "cli/client.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "cli/transport.h"

enum { CLIENT_DEADLINE_US = 10 * 1000 * 1000, CLIENT_WAIT_LEAST_US = 100 * 1000, PATH_SHOWN_MAX = 400 };

struct client {
	const struct cli_local *local;
	struct conf conf;
	struct transport *transport;
	bool running_only;
	char *mistake; /* the first one in the option file; NULL: none */
	bool make; /* a folder that is no hub's yet becomes one */
	void *hub; /* the store in this process; NULL: not opened */
	char why[TRANSPORT_WHY_SIZE];
};

/* ---- In this process --------------------------------------------------------------------------------------------------- */

static void ask_own(struct client *client, const struct client_ask *ask, struct client_answer *answer)
{
	struct http_request request = {.method = slice_of(ask->method), .body = ask->body, .local = true, .peer_uid = (int64_t)getuid()};
	struct http_response response = {.body = STRBUF_INIT(TRANSPORT_ANSWER_MAX_BYTES)};

	request.path = (struct slice){ask->path, strcspn(ask->path, "?")};
	if (ask->path[request.path.len] == '?')
		request.query = slice_of(ask->path + request.path.len + 1);
	if (ask->content_type)
		request.headers[request.headers_len++] = (struct http_header){SLICE_LITERAL("Content-Type"), slice_of(ask->content_type)};
	if (ask->idempotency_key)
		request.headers[request.headers_len++] =
		    (struct http_header){SLICE_LITERAL("Idempotency-Key"), slice_of(ask->idempotency_key)};
	for (size_t i = 0; i < ask->headers_len && request.headers_len < HTTP_HEADERS_MAX; i++)
		request.headers[request.headers_len++] = (struct http_header){slice_of(ask->headers[i].name), slice_of(ask->headers[i].value)};
	codec_random((uint8_t *)&request.number, sizeof request.number);
	id_request_format(request.number, request.id);
	snprintf(request.peer, sizeof request.peer, "command line");
	client->local->call(client->hub, &request, &response);
	answer->status = response.status;
	struct slice body = {strbuf_text(&response.body), response.body.len};
	if (ask->sink && response.status >= 200 && response.status < 300)
		fwrite(body.at, 1, body.len, ask->sink);
	else
		strbuf_slice(&answer->body, body);
	http_response_free(&response);
}

/* ---- Either ------------------------------------------------------------------------------------------------------------ */

/* Neither a database nor the lock of a hub that is about to make one: a command that only looks would leave an empty one behind. */
static bool is_no_data_folder(const char *data)
{
	static const char *const names[] = {"grapnel.db", "grapnel.lock"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/%s", data, names[i]) >= sizeof path || access(path, F_OK) == 0 || errno != ENOENT)
			return false;
	}
	return true;
}

static int ask_either(struct client *client, const struct client_ask *ask, struct client_answer *answer)
{
	const struct clock *clock = client->local->clock;
	int64_t deadline_us = clock_mono_us(clock) + CLIENT_DEADLINE_US;
	struct err err;

	while (!client->hub) {
		enum way way = transport_ask(client->transport, ask, answer, client->why);
		if (way == WAY_ANSWERED) {
			/* A hub runs: when it goes away it may come back, and must find the lock free. */
			client->running_only = true;
			return EXIT_OK;
		}
		if (way == WAY_FAILED || client->running_only || client->conf.url)
			return EXIT_UNAVAILABLE;
		if (!client->make && is_no_data_folder(client->conf.data)) {
			snprintf(client->why, sizeof client->why, "there is no hub's database in the folder %.*s; say with --data where the hub's is",
			         PATH_SHOWN_MAX, client->conf.data);
			return EXIT_USAGE;
		}
		err = (struct err){0};
		int64_t before_us = clock_mono_us(clock);
		client->hub = client->local->open(&client->conf, &err);
		if (client->hub)
			break;
		/* What failed without a wait was not the lock: to try it again would spin. */
		int64_t now_us = clock_mono_us(clock);
		bool held = err.code == ERR_UNAVAILABLE && now_us - before_us >= CLIENT_WAIT_LEAST_US;
		if (held && now_us < deadline_us)
			continue;
		snprintf(client->why, sizeof client->why, "%s%s", err.detail,
		         held ? "; it does not answer on its admin socket: it may be starting or stopping, try again" : "");
		return err.code == ERR_UNAVAILABLE ? EXIT_UNAVAILABLE : EXIT_FAILED;
	}
	ask_own(client, ask, answer);
	return EXIT_OK;
}

int client_ask(struct client *client, const struct client_ask *ask, struct client_answer *answer)
{
	*answer = (struct client_answer){.body = STRBUF_INIT(TRANSPORT_ANSWER_MAX_BYTES)};
	client->why[0] = '\0';
	if (client->conf.url && strncmp(ask->path, "/local/", 7) == 0) {
		snprintf(client->why, sizeof client->why,
		         "this works on the machine of the hub alone: with --data, not with --url over the network");
		return EXIT_USAGE;
	}
	int code = ask_either(client, ask, answer);
	if (code == EXIT_OK && answer->body.failed) {
		snprintf(client->why, sizeof client->why, "the answer is too large");
		code = EXIT_FAILED;
	}
	if (code != EXIT_OK)
		strbuf_free(&answer->body);
	return code;
}

const char *client_why(const struct client *client)
{
	return client->why;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------------- */

/* Whether the problem's detail ends with what its only field says: then that need not be said again. */
static bool detail_says(const char *detail, const json_t *field)
{
	const char *what = json_string_value(json_object_get(field, "detail"));
	size_t detail_len = detail ? strlen(detail) : 0, what_len = what ? strlen(what) : 0;

	return what_len > 0 && what_len <= detail_len && strcmp(detail + detail_len - what_len, what) == 0;
}

void client_problem(const struct client_ask *ask, const struct client_answer *answer, struct strbuf *out)
{
	json_t *problem = json_loadb(strbuf_text(&answer->body), answer->body.len, JSON_ALLOW_NUL, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	const json_t *fields = json_object_get(problem, "errors");

	if (detail || title)
		strbuf_puts(out, detail ? detail : title);
	else
		strbuf_printf(out, "the hub answered %s %s with the HTTP status %d", ask->method, ask->path, answer->status);
	if (json_array_size(fields) == 1 && detail_says(detail, json_array_get(fields, 0)))
		fields = NULL;
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *field = json_array_get(fields, i);
		const char *pointer = json_string_value(json_object_get(field, "pointer"));
		const char *what = json_string_value(json_object_get(field, "detail"));
		strbuf_printf(out, "%s%s: %s", i == 0 ? " (" : "; ", pointer ? pointer : "", what ? what : "");
	}
	if (json_array_size(fields) > 0)
		strbuf_putc(out, ')');
	json_decref(problem);
}

int client_code(const struct client_answer *answer)
{
	if (answer->status >= 200 && answer->status < 300)
		return EXIT_OK;
	return answer->status == 503 || answer->status == 429 ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

static void say_problem(const struct client_ask *ask, const struct client_answer *answer)
{
	struct strbuf text = STRBUF_INIT(1 << 20);

	client_problem(ask, answer, &text);
	fputs("grapnel: ", stderr);
	command_put(strbuf_text(&text), stderr);
	fputc('\n', stderr);
	strbuf_free(&text);
}

/* Turns what came back into an exit code and the answer's JSON. */
static int judge(const struct client_ask *ask, const struct client_answer *answer, json_t **doc)
{
	int code = client_code(answer);

	if (code != EXIT_OK) {
		say_problem(ask, answer);
		return code;
	}
	if (answer->body.len == 0)
		return EXIT_OK;
	*doc = json_loadb(strbuf_text(&answer->body), answer->body.len, JSON_ALLOW_NUL, NULL);
	if (*doc)
		return EXIT_OK;
	command_say("the answer to %s %s is not JSON", ask->method, ask->path);
	return EXIT_FAILED;
}

int client_request(struct client *client, const char *method, const char *path, const char *content_type, struct slice body,
                   json_t **answer)
{
	struct client_ask ask = {.method = method, .path = path, .content_type = content_type, .body = body};
	struct client_answer got;

	*answer = NULL;
	int code = client_ask(client, &ask, &got);
	if (code != EXIT_OK) {
		command_say("%s", client->why);
		return code;
	}
	code = judge(&ask, &got, answer);
	strbuf_free(&got.body);
	return code;
}

int client_request_json(struct client *client, const char *method, const char *path, json_t *doc, json_t **answer)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	*answer = NULL;
	if (!text) {
		command_say("the request cannot be written as JSON: an argument is not UTF-8");
		return EXIT_USAGE;
	}
	int code = client_request(client, method, path, "application/json", slice_of(text), answer);
	free(text);
	return code;
}

int client_get(struct client *client, const char *path, json_t **answer)
{
	return client_request(client, "GET", path, NULL, (struct slice){NULL, 0}, answer);
}

int client_fetch(struct client *client, const char *path, FILE *to)
{
	struct client_ask ask = {.method = "GET", .path = path, .sink = to};
	struct client_answer answer;

	int code = client_ask(client, &ask, &answer);
	if (code != EXIT_OK) {
		command_say("%s", client->why);
		return code;
	}
	code = client_code(&answer);
	if (code != EXIT_OK) {
		say_problem(&ask, &answer);
	} else if (fflush(to) != 0 || ferror(to)) {
		command_say("what the hub sent cannot be written: %s", strerror(errno));
		code = EXIT_FAILED;
	}
	strbuf_free(&answer.body);
	return code;
}

/* ---- Open and close ---------------------------------------------------------------------------------------------------- */

/* The URL without the '/' at its end, so that paths can follow. */
static int check_remote(struct client *client)
{
	char *url = client->conf.url;
	size_t len = strlen(url);

	if ((strncmp(url, "http://", 7) != 0 || len == 7) && (strncmp(url, "https://", 8) != 0 || len == 8)) {
		command_say("url cannot be \"%.80s\"; accepted: http(s)://host[:port]", url);
		return EXIT_USAGE;
	}
	if (!client->conf.key) {
		command_say("an API key is needed for %.200s: --key, GRAPNEL_KEY, or GRAPNEL_KEY_FILE with a file that holds it", url);
		return EXIT_USAGE;
	}
	if (client->conf.ca && access(client->conf.ca, R_OK) != 0) {
		command_say("ca: the file %.200s cannot be read: %s; give a file of PEM certificates", client->conf.ca, strerror(errno));
		return EXIT_USAGE;
	}
	while (url[len - 1] == '/')
		url[--len] = '\0';
	return EXIT_OK;
}

/* "…/grapnel.conf:3: …": of a line of the option file; not of an argument, the environment, or a file that cannot be read at all. */
static bool is_of_a_line(const char *text)
{
	const char *end = strstr(text, ": "), *at = end;

	while (at && at > text && isdigit((unsigned char)at[-1]))
		at--;
	return at && at < end && at > text && at[-1] == ':';
}

struct mistakes {
	char *first;
	bool elsewhere; /* one is not of a line of the file */
};

static void take_mistake(void *context, const char *text)
{
	struct mistakes *mistakes = context;

	mistakes->elsewhere = mistakes->elsewhere || !is_of_a_line(text);
	if (!mistakes->first)
		mistakes->first = mem_text(text);
}

/* A hub that runs took its options when they were sound: a mistake that its file got since must not keep anybody from pausing it. */
static int load_options(struct client *client, const struct args *args)
{
	struct mistakes mistakes = {0};

	conf_find(&client->conf, args->conf_len, args->conf, take_mistake, &mistakes);
	client->mistake = mistakes.first;
	if (!mistakes.elsewhere)
		return EXIT_OK;
	command_say("%s", client->mistake);
	return EXIT_USAGE;
}

/* Without a hub that runs, this command would be the one to live by the options. */
static int live_with_mistake(struct client *client)
{
	struct client_ask ask = {.method = "GET", .path = "/healthz"};
	struct client_answer answer = {.body = STRBUF_INIT(TRANSPORT_ANSWER_MAX_BYTES)};
	bool runs = client->conf.url || transport_ask(client->transport, &ask, &answer, client->why) == WAY_ANSWERED;

	strbuf_free(&answer.body);
	client->running_only = true;
	command_say(runs ? "%s (the hub that runs is asked nevertheless)" : "%s", client->mistake);
	return runs ? EXIT_OK : EXIT_USAGE;
}

struct client *client_open(const struct command_run *run, bool make, int *code)
{
	struct client *client = mem_new(struct client);

	client->local = run->local;
	client->make = make;
	*code = load_options(client, run->args);
	if (*code != EXIT_OK)
		goto out;
	*code = EXIT_USAGE;
	if (client->conf.url) {
		*code = check_remote(client);
		if (*code != EXIT_OK)
			goto out;
	} else if (!make && access(client->conf.data, F_OK) != 0) {
		command_say("the data folder %s cannot be reached: %s; say with --data where the hub's is", client->conf.data,
		            strerror(errno));
		goto out;
	}
	if (make && !client->mistake && !client->conf.url && access(client->conf.data, F_OK) != 0 && errno == ENOENT)
		command_say("there is no data folder %s yet: it is made now, with an empty database; another hub's is named with --data",
		            client->conf.data);
	client->transport = transport_new(client->conf.data, client->conf.url, client->conf.key, client->conf.ca);
	if (!client->transport) {
		*code = EXIT_UNAVAILABLE;
		command_say("libcurl does not start");
		goto out;
	}
	*code = client->mistake ? live_with_mistake(client) : EXIT_OK;
	if (*code == EXIT_OK)
		return client;
out:
	client_close(client);
	return NULL;
}

void client_running_only(struct client *client)
{
	client->running_only = true;
}

void client_interrupt(struct client *client, const volatile sig_atomic_t *flag)
{
	transport_interrupt(client->transport, flag);
}

bool client_hub_runs(const struct client *client)
{
	return !client->hub;
}

const struct conf *client_conf(const struct client *client)
{
	return &client->conf;
}

const char *client_where(const struct client *client)
{
	return client->conf.url ? client->conf.url : client->conf.data;
}

void client_let_go(struct client *client)
{
	if (client->hub)
		client->local->close(client->hub);
	client->hub = NULL;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	client_let_go(client);
	transport_free(client->transport);
	conf_free(&client->conf);
	free(client->mistake);
	free(client);
}
