/* Publishing a file of events in batches. A batch that the hub refuses is taken apart until each bad line stands alone; a batch that got no
 * answer is sent again under the same Idempotency-Key, so that nothing is published twice by one run. */
#include "cli/send_file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "json/scan.h"

enum { TRIES_MAX = 6, FIRST_WAIT_MS = 200, BODY_SLACK_BYTES = 1024, LOT_BYTES = 10, KEY_SIZE = 64 };

struct line {
	int64_t number; /* from 1 on */
	char *text;
	size_t len;
};

struct sender {
	const struct command_run *run;
	struct client *client;
	struct progress progress;
	char lot[(LOT_BYTES * 8 + 4) / 5 + 1]; /* of this run, for its keys */
	int64_t requests;
	bool json;
	bool from_pipe; /* the next line may take its time */
	/* the batch that is gathered */
	struct line *lines;
	size_t lines_len, lines_max;
	size_t bytes, bytes_max;
	/* what became of them */
	int64_t published, duplicates, refused;
};

/* ---- What became of lines ---------------------------------------------------------------------------------------------- */

static void put_line(const struct line *line, json_t *fate)
{
	json_t *object = json_pack("{s:I}", "line", (json_int_t)line->number);
	json_object_update(object, fate);
	json_line(object, stdout);
	json_decref(object);
}

static void refuse(struct sender *sender, const struct line *line, const char *code, const char *why)
{
	sender->refused++;
	progress_clear(&sender->progress);
	if (sender->json) {
		json_t *fate = json_pack("{s:{s:s, s:s}}", "error", "code", code, "detail", why);
		put_line(line, fate);
		json_decref(fate);
		return;
	}
	fprintf(stderr, "line %lld: ", (long long)line->number);
	command_put(why, stderr);
	fputc('\n', stderr);
}

/* An item of the hub's answer. */
static void take_fate(struct sender *sender, const struct line *line, json_t *fate)
{
	const json_t *error = json_object_get(fate, "error");
	const char *code = json_string_value(json_object_get(error, "code")), *why = json_string_value(json_object_get(error, "detail"));

	if (sender->json)
		put_line(line, fate);
	if (!json_is_string(json_object_get(fate, "id")) && sender->json) {
		sender->refused++;
		return;
	}
	if (!json_is_string(json_object_get(fate, "id"))) {
		refuse(sender, line, code ? code : "internal", why ? why : "the hub did not say what became of it");
		return;
	}
	if (json_is_true(json_object_get(fate, "duplicate")))
		sender->duplicates++;
	else
		sender->published++;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------------- */

static bool is_passing(const struct client_answer *answer)
{
	return answer->status == 503 || answer->status == 429;
}

/* Sends a body until there is an answer that is no "not now". */
static int ask(struct sender *sender, const struct strbuf *body, struct client_answer *answer)
{
	char key[KEY_SIZE];
	int wait_ms = FIRST_WAIT_MS;
	struct client_ask ask = {.method = "POST",
	                         .path = "/v1/events",
	                         .content_type = "application/x-ndjson",
	                         .body = {strbuf_text(body), body->len},
	                         .idempotency_key = key};

	/* Equal bytes, equal key: the hub tells a repetition from other lines by it. */
	snprintf(key, sizeof key, "grapnel-send-%s-%lld", sender->lot, (long long)sender->requests++);
	for (int tries = 1;; tries++) {
		int code = client_ask(sender->client, &ask, answer);
		if (code == EXIT_OK && !is_passing(answer))
			return EXIT_OK;
		if (tries == TRIES_MAX && code == EXIT_OK)
			return EXIT_OK; /* its problem tells why */
		if (tries == TRIES_MAX || (code != EXIT_OK && code != EXIT_UNAVAILABLE))
			return code;
		if (code == EXIT_OK)
			strbuf_free(&answer->body);
		poll(NULL, 0, wait_ms);
		wait_ms *= 2;
	}
}

/* Says why it ends here, and how to go on. */
static void say_stop(struct sender *sender, const struct line *line, const char *why)
{
	progress_clear(&sender->progress);
	command_say("%s", why);
	command_say(
	    "stopped at line %lld: those before it are done. Send the file again (lines with a uid are published once), or go on with "
	    "--from-line %lld",
	    (long long)line->number, (long long)line->number);
}

/* Whether it is the lines that are refused, not the caller or the request as such. */
static bool is_about_lines(const struct client_answer *answer, const json_t *problem)
{
	const char *code = json_string_value(json_object_get(problem, "code"));

	switch (answer->status) {
	case 400:
	case 404:
	case 409:
	case 413:
	case 422:
		return code && strcmp(code, "no_such_route") != 0;
	default:
		return false;
	}
}

/* "/12/type": the place 12, and what follows. -1: it names no place. */
static int64_t place_of(const char *pointer, const char **rest)
{
	char *end;

	if (!pointer || pointer[0] != '/' || pointer[1] < '0' || pointer[1] > '9')
		return -1;
	long long place = strtoll(pointer + 1, &end, 10);
	*rest = end;
	return *end == '\0' || *end == '/' ? place : -1;
}

/* Refuses the lines that the problem names; the others move together. Returns how many are left. */
static size_t refuse_named(struct sender *sender, struct line *lines, size_t len, const json_t *problem)
{
	const json_t *fields = json_object_get(problem, "errors");
	const char *code = json_string_value(json_object_get(problem, "code")), *rest = "";
	bool *bad = mem_alloc(len * sizeof *bad);
	size_t left = 0;

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *field = json_array_get(fields, i);
		const char *detail = json_string_value(json_object_get(field, "detail"));
		int64_t place = place_of(json_string_value(json_object_get(field, "pointer")), &rest);
		if (place < 0 || (size_t)place >= len || bad[place])
			continue;
		struct strbuf why = STRBUF_INIT(64 << 10);
		strbuf_printf(&why, "%s%s%s", rest, rest[0] ? ": " : "", detail ? detail : "");
		refuse(sender, &lines[place], code, strbuf_text(&why));
		strbuf_free(&why);
		bad[place] = true;
	}
	for (size_t i = 0; i < len; i++) {
		if (!bad[i])
			lines[left++] = lines[i];
	}
	free(bad);
	return left;
}

static int send_lines(struct sender *sender, struct line *lines, size_t len);

/* A batch was refused: its bad lines are found, the others are sent. */
static int take_apart(struct sender *sender, struct line *lines, size_t len, const struct client_answer *answer, const char *why)
{
	json_t *problem = json_loadb(strbuf_text(&answer->body), answer->body.len, 0, NULL);
	const char *code = json_string_value(json_object_get(problem, "code"));
	int result = EXIT_OK;

	if (!is_about_lines(answer, problem)) {
		say_stop(sender, &lines[0], why);
		result = client_code(answer);
		goto out;
	}
	if (len == 1) {
		refuse(sender, &lines[0], code, why);
		goto out;
	}
	size_t left = refuse_named(sender, lines, len, problem);
	if (left < len) {
		result = send_lines(sender, lines, left);
		goto out;
	}
	/* A batch too large for this hub: later ones are made smaller at once. */
	if (answer->status == 413 && sender->lines_max > len / 2)
		sender->lines_max = len / 2;
	result = send_lines(sender, lines, len / 2);
	if (result == EXIT_OK)
		result = send_lines(sender, lines + len / 2, len - len / 2);
out:
	json_decref(problem);
	return result;
}

static int take_answer(struct sender *sender, struct line *lines, size_t len, const struct client_answer *answer)
{
	json_t *doc = json_loadb(strbuf_text(&answer->body), answer->body.len, JSON_ALLOW_NUL, NULL);
	const json_t *fates = json_object_get(doc, "data");

	int code = json_array_size(fates) == len ? EXIT_OK : EXIT_FAILED;
	for (size_t i = 0; i < len && code == EXIT_OK; i++)
		take_fate(sender, &lines[i], json_array_get(fates, i));
	if (code != EXIT_OK)
		say_stop(sender, &lines[0], "the hub's answer does not say what became of each line");
	json_decref(doc);
	return code;
}

/* EXIT_OK: all of them have their fate. */
static int send_lines(struct sender *sender, struct line *lines, size_t len)
{
	struct strbuf body = STRBUF_INIT(512 << 20), why = STRBUF_INIT(1 << 20);
	struct client_answer answer;
	struct client_ask asked = {.method = "POST", .path = "/v1/events"};

	for (size_t i = 0; i < len; i++) {
		strbuf_append(&body, lines[i].text, lines[i].len);
		strbuf_putc(&body, '\n');
	}
	int code = len == 0 ? EXIT_OK : body.failed ? EXIT_FAILED : ask(sender, &body, &answer);
	if (len == 0)
		goto out;
	if (code != EXIT_OK) {
		say_stop(sender, &lines[0], body.failed ? "memory is out" : client_why(sender->client));
		goto out;
	}
	if (client_code(&answer) == EXIT_OK) {
		code = take_answer(sender, lines, len, &answer);
	} else {
		client_problem(&asked, &answer, &why);
		code = take_apart(sender, lines, len, &answer, strbuf_text(&why));
	}
	strbuf_free(&answer.body);
out:
	strbuf_free(&body);
	strbuf_free(&why);
	return code;
}

/* ---- The batch --------------------------------------------------------------------------------------------------------- */

static int flush(struct sender *sender)
{
	size_t len = sender->lines_len;

	if (len == 0)
		return EXIT_OK;
	int64_t last = sender->lines[len - 1].number;
	struct line *lines = mem_alloc(len * sizeof *lines); /* lines that are refused are taken out of it */
	memcpy(lines, sender->lines, len * sizeof *lines);
	int code = send_lines(sender, lines, len);
	for (size_t i = 0; i < len; i++)
		free(sender->lines[i].text);
	free(lines);
	sender->lines_len = sender->bytes = 0;
	if (sender->from_pipe)
		client_let_go(sender->client);
	if (code == EXIT_OK)
		progress_show(&sender->progress, last);
	return code;
}

static bool is_blank(struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (!memchr(" \t\r", line.at[i], 3))
			return false;
	}
	return true;
}

static int add(struct sender *sender, int64_t number, struct slice text)
{
	struct line line = {.number = number, .len = text.len};
	struct json_scan scan;
	struct slice value;
	int code = EXIT_OK;

	if (is_blank(text))
		return EXIT_OK;
	json_scan_init(&scan, text, JSON_DEPTH_MAX);
	if (json_value(&scan, &value) != 0 || json_end(&scan) != 0) {
		char why[160];
		snprintf(why, sizeof why, "it is no JSON: %s, at byte %zu", scan.why ? scan.why : "more follows",
		         (size_t)(scan.at - scan.begin));
		refuse(sender, &line, "unparsable", why);
		return EXIT_OK;
	}
	if (sender->lines_len >= sender->lines_max || (sender->lines_len > 0 && sender->bytes + text.len + 1 > sender->bytes_max))
		code = flush(sender);
	line.text = malloc(text.len + 1);
	if (!line.text) {
		command_say("memory is out at line %lld", (long long)number);
		return EXIT_FAILED;
	}
	memcpy(line.text, text.at, text.len);
	sender->lines[sender->lines_len++] = line;
	sender->bytes += text.len + 1;
	return code;
}

/* ---- The file ---------------------------------------------------------------------------------------------------------- */

static bool is_regular(FILE *file)
{
	struct stat status;
	return fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
}

static int64_t count_lines(FILE *file)
{
	int64_t lines = 0;
	int byte;

	while ((byte = getc(file)) != EOF)
		lines += byte == '\n';
	rewind(file);
	return lines;
}

static int read_lines(struct sender *sender, FILE *file, int64_t from)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int code = EXIT_OK;

	for (int64_t number = 1; code == EXIT_OK && (len = getline(&text, &size, file)) >= 0; number++) {
		if (len > 0 && text[len - 1] == '\n')
			len--;
		if (number >= from)
			code = add(sender, number, (struct slice){text, (size_t)len});
	}
	if (code == EXIT_OK && ferror(file)) {
		command_say("the file cannot be read on: %s", strerror(errno));
		code = EXIT_FAILED;
	}
	free(text);
	int flushed = code == EXIT_OK ? flush(sender) : EXIT_OK;
	return code == EXIT_OK ? flushed : code;
}

static int number_option(const struct command_run *run, const char *option, int64_t standard, int64_t *number)
{
	const char *text = args_value(run->args, option);
	char *end;

	*number = standard;
	if (!text)
		return EXIT_OK;
	*number = strtoll(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && *number > 0 && *number <= INT32_MAX)
		return EXIT_OK;
	return command_misused(run, "--%s cannot be \"%.40s\"; accepted: a number from 1 on", option, text);
}

static int send_all(struct sender *sender, FILE *file, int64_t from, int64_t batch)
{
	const struct conf *conf = client_conf(sender->client);
	uint8_t lot[LOT_BYTES];

	codec_random(lot, sizeof lot);
	codec_base32(lot, sizeof lot, sender->lot);
	sender->lines_max = (size_t)(batch > 0 ? batch : conf->limits_batch);
	sender->bytes_max = (size_t)conf->limits_request - BODY_SLACK_BYTES;
	sender->lines = mem_alloc(sender->lines_max * sizeof *sender->lines);
	sender->from_pipe = !is_regular(file);
	progress_begin(&sender->progress, sender->run->local->clock, "lines sent", sender->from_pipe ? 0 : count_lines(file));
	int code = read_lines(sender, file, from);
	progress_clear(&sender->progress);
	for (size_t i = 0; i < sender->lines_len; i++)
		free(sender->lines[i].text);
	free(sender->lines);
	fprintf(sender->json ? stderr : stdout, "%lld published, %lld duplicate%s, %lld refused\n", (long long)sender->published,
	        (long long)sender->duplicates, sender->duplicates == 1 ? "" : "s", (long long)sender->refused);
	return code == EXIT_OK && sender->refused > 0 ? EXIT_FAILED : code;
}

int send_file(const struct command_run *run, const char *path)
{
	struct sender sender = {.run = run, .json = args_value(run->args, "json")};
	int64_t from, batch;
	int code;

	if (number_option(run, "from-line", 1, &from) != EXIT_OK || number_option(run, "batch", 0, &batch) != EXIT_OK)
		return EXIT_USAGE;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file && errno == ENOENT && strchr("{[\"", path[0]))
		return command_misused(run, "--type is missing");
	if (!file && errno == ENOENT)
		return command_misused(run, "there is no file %.200s; to publish a payload, say --type", path);
	if (!file) {
		command_say("%s cannot be opened: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	sender.client = client_open(run, false, &code);
	if (sender.client)
		code = send_all(&sender, file, from, batch);
	client_close(sender.client);
	if (file != stdin)
		fclose(file);
	return code;
}
