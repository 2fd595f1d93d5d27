/* How commands reach the API. A hub that starts or stops holds the lock but does not answer: then socket and lock are tried in turn until a
 * deadline; the wait for the lock paces that. */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/mem.h"

enum { CLIENT_DEADLINE_US = 10 * 1000 * 1000, CLIENT_WAIT_LEAST_US = 100 * 1000, CLIENT_ANSWER_MAX_BYTES = 64 << 20 };

#define CLIENT_SOCKET "grapnel.sock"

struct client {
	const struct cli_local *local;
	struct conf conf;
	CURL *curl;
	void *hub; /* the store in this process; NULL: not opened */
};

/* What was asked, and the answer. */
struct exchange {
	const char *method;
	const char *path;
	const char *content_type; /* NULL: no body */
	struct slice body;
	int status;
	struct strbuf answer;
};

/* How one way to the hub ended. */
enum way { WAY_ANSWERED, WAY_NO_HUB, WAY_FAILED /* it was said why */ };

/* ---- Over the admin socket --------------------------------------------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t len, void *user)
{
	struct strbuf *answer = user;

	strbuf_append(answer, bytes, size * len);
	return answer->failed ? 0 : size * len;
}

static enum way socket_failed(const struct client *client, CURLcode code)
{
	long os_errno = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT && (os_errno == EACCES || os_errno == EPERM)) {
		command_say("%s/" CLIENT_SOCKET ": %s: this user may not speak to the hub", client->conf.data, strerror((int)os_errno));
		return WAY_FAILED;
	}
	if (code == CURLE_COULDNT_CONNECT)
		return WAY_NO_HUB;
	/* The request may have been carried out: it is not sent again. */
	command_say("the hub did not answer (%s); whether it did what was asked is not known", curl_easy_strerror(code));
	return WAY_FAILED;
}

static enum way perform(struct client *client, struct exchange *exchange, const char *socket_path, struct curl_slist *headers)
{
	char url[2048];
	CURL *curl = client->curl;

	if ((size_t)snprintf(url, sizeof url, "http://localhost%s", exchange->path) >= sizeof url) {
		command_say("the request is too long");
		return WAY_FAILED;
	}
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->answer);
	if (exchange->content_type) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.at);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
	}
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	if (code == CURLE_OK)
		code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return socket_failed(client, code);
	exchange->status = (int)status;
	return WAY_ANSWERED;
}

/* The socket is reached through a file descriptor of its folder: the path to a socket holds 107 bytes at most, that of a folder any number.
 */
static enum way ask_socket(struct client *client, struct exchange *exchange)
{
	char path[64], type[128];
	struct curl_slist *headers = NULL, *more;
	enum way way = WAY_FAILED;

	int folder = open(client->conf.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return WAY_NO_HUB;
	snprintf(path, sizeof path, "/proc/self/fd/%d/" CLIENT_SOCKET, folder);
	snprintf(type, sizeof type, "Content-Type: %s", exchange->content_type ? exchange->content_type : "");
	more = curl_slist_append(NULL, "Expect:");
	if (!more)
		goto out;
	headers = more;
	if (exchange->content_type) {
		more = curl_slist_append(headers, type);
		if (!more)
			goto out;
		headers = more;
	}
	way = perform(client, exchange, path, headers);
out:
	if (!more)
		command_say("memory is out");
	curl_slist_free_all(headers);
	close(folder);
	return way;
}

/* ---- In this process --------------------------------------------------------------------------------------------------- */

static void ask_own(struct client *client, struct exchange *exchange)
{
	struct http_request request = {.method = slice_of(exchange->method), .body = exchange->body, .local = true};
	struct http_response response = {.body = STRBUF_INIT(CLIENT_ANSWER_MAX_BYTES)};
	uint8_t lot[8];
	char digits[14];

	request.path = (struct slice){exchange->path, strcspn(exchange->path, "?")};
	if (exchange->path[request.path.len] == '?')
		request.query = slice_of(exchange->path + request.path.len + 1);
	if (exchange->content_type)
		request.headers[request.headers_len++] =
		    (struct http_header){SLICE_LITERAL("Content-Type"), slice_of(exchange->content_type)};
	codec_random(lot, sizeof lot);
	codec_base32(lot, sizeof lot, digits);
	snprintf(request.peer, sizeof request.peer, "command line");
	snprintf(request.id, sizeof request.id, "req_%s", digits);
	client->local->call(client->hub, &request, &response);
	exchange->status = response.status;
	strbuf_slice(&exchange->answer, (struct slice){strbuf_text(&response.body), response.body.len});
	http_response_free(&response);
}

/* ---- Either ------------------------------------------------------------------------------------------------------------ */

static int ask(struct client *client, struct exchange *exchange)
{
	const struct clock *clock = client->local->clock;
	int64_t deadline_us = clock_mono_us(clock) + CLIENT_DEADLINE_US;
	struct err err;

	while (!client->hub) {
		enum way way = ask_socket(client, exchange);
		if (way != WAY_NO_HUB)
			return way == WAY_ANSWERED ? EXIT_OK : EXIT_UNAVAILABLE;
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
		command_say("%s%s", err.detail,
			    held ? "; it does not answer on its admin socket: it may be starting or stopping, try again" : "");
		return err.code == ERR_UNAVAILABLE ? EXIT_UNAVAILABLE : EXIT_FAILED;
	}
	ask_own(client, exchange);
	return EXIT_OK;
}

/* Whether the problem's detail ends with what its only field says: then that need not be said again. */
static bool detail_says(const char *detail, const json_t *field)
{
	const char *what = json_string_value(json_object_get(field, "detail"));
	size_t detail_len = detail ? strlen(detail) : 0, what_len = what ? strlen(what) : 0;

	return what_len > 0 && what_len <= detail_len && strcmp(detail + detail_len - what_len, what) == 0;
}

/* "grapnel: detail (pointer: detail; …)" */
static void say_problem(const struct exchange *exchange, const json_t *problem)
{
	struct strbuf text = STRBUF_INIT(1 << 20);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	const json_t *fields = json_object_get(problem, "errors");

	if (detail || title)
		strbuf_puts(&text, detail ? detail : title);
	else
		strbuf_printf(&text, "the hub answered %s %s with the HTTP status %d", exchange->method, exchange->path, exchange->status);
	if (json_array_size(fields) == 1 && detail_says(detail, json_array_get(fields, 0)))
		fields = NULL;
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *field = json_array_get(fields, i);
		const char *pointer = json_string_value(json_object_get(field, "pointer"));
		const char *what = json_string_value(json_object_get(field, "detail"));
		strbuf_printf(&text, "%s%s: %s", i == 0 ? " (" : "; ", pointer ? pointer : "", what ? what : "");
	}
	if (json_array_size(fields) > 0)
		strbuf_putc(&text, ')');
	fputs("grapnel: ", stderr);
	command_put(strbuf_text(&text), stderr);
	fputc('\n', stderr);
	strbuf_free(&text);
}

/* Turns what came back into an exit code and the answer's JSON. */
static int judge(const struct exchange *exchange, json_t **answer)
{
	json_t *doc = NULL;

	if (exchange->answer.failed) {
		command_say("the answer is too large");
		return EXIT_FAILED;
	}
	if (exchange->answer.len > 0)
		doc = json_loadb(strbuf_text(&exchange->answer), exchange->answer.len, JSON_ALLOW_NUL, NULL);
	bool good = exchange->status >= 200 && exchange->status < 300;
	if (good && (doc || exchange->answer.len == 0)) {
		*answer = doc;
		return EXIT_OK;
	}
	if (good)
		command_say("the answer to %s %s is not JSON", exchange->method, exchange->path);
	else
		say_problem(exchange, doc);
	json_decref(doc);
	return exchange->status == 503 || exchange->status == 429 ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

int client_request(struct client *client, const char *method, const char *path, const char *content_type, struct slice body,
		   json_t **answer)
{
	struct exchange exchange = {.method = method, .path = path, .content_type = content_type, .body = body};

	*answer = NULL;
	exchange.answer = STRBUF_INIT(CLIENT_ANSWER_MAX_BYTES);
	int code = ask(client, &exchange);
	if (code == EXIT_OK)
		code = judge(&exchange, answer);
	strbuf_free(&exchange.answer);
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

struct client *client_open(const struct command_run *run, bool make, int *code)
{
	struct client *client = mem_new(struct client);
	struct err err = {0};

	client->local = run->local;
	*code = EXIT_USAGE;
	if (conf_load(&client->conf, run->args->conf_len, run->args->conf, NULL, &err) != 0) {
		command_say("%s", err.detail);
		goto out;
	}
	if (!make && access(client->conf.data, F_OK) != 0) {
		command_say("the data folder %s cannot be reached: %s; say with --data where the hub's is", client->conf.data,
			    strerror(errno));
		goto out;
	}
	if (make && access(client->conf.data, F_OK) != 0 && errno == ENOENT)
		command_say("there is no data folder %s yet: it is made now, with an empty database; another hub's is named with --data",
			    client->conf.data);
	*code = EXIT_UNAVAILABLE;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto out;
	client->curl = curl_easy_init();
	if (!client->curl) {
		command_say("libcurl does not start");
		goto out;
	}
	*code = EXIT_OK;
	return client;
out:
	client_close(client);
	return NULL;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	if (client->hub)
		client->local->close(client->hub);
	if (client->curl)
		curl_easy_cleanup(client->curl);
	conf_free(&client->conf);
	free(client);
}
