/* grapnel listen: shows events as they are published, and passes them to a program. It follows the event log, so that nothing is missed
 * while the hub is away; what was shown last is remembered by its id, so that nothing is shown twice. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/forward.h"
#include "cli/path.h"
#include "cli/table.h"
#include "model/pattern.h"

const struct args_option listen_run_options[] = {
    {"types", "PATTERN[,...]", "which events: order.created, order.*, order.**, * (default: *); may be given several times"},
    {"subscriber", "ID", "those of this subscriber (id or uid; * for all); without, those that have no subscriber"},
    {"since", "TIME", "begin with what was published since then: RFC 3339, or back from now, as in -1h"},
    {"forward", "URL", "pass each event to the program there, as it would be delivered"},
    {"secret", "whsec_...", "with --forward: the secret that signs (default: a new one, which is printed)"},
    {"json", NULL, "print each event as JSON, one object a line"},
    {0},
};

enum { PAGE_ROWS = 500, WAIT_MS = 20000, ANSWER_SLACK_MS = 15000, BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 3000, PACE_MS = 250 };

struct listener {
	const struct command_run *run;
	struct client *client;
	struct forward *forward; /* NULL: events are only shown */
	size_t patterns_len;
	struct slice *patterns;
	const char *subscriber; /* NULL: events without one; "*": all */
	bool json;
	/* where it stands in the log */
	char after[64];   /* "": not known yet, `since` counts */
	char last_id[64]; /* what was shown last; "": nothing */
	char last_time[64];
	/* the connection */
	bool connected; /* waiting for what comes; otherwise catching up */
	bool lost;      /* the hub did not answer; that was said */
	bool was_connected;
	int backoff_ms;
	/* for the end */
	int64_t shown, taken, not_taken, foreign, losses;
};

/* How a step ended. */
enum step { STEP_GOOD, STEP_LOST, STEP_OVER };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* Without SA_RESTART: a wait ends at once. */
static void take_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	interrupted = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- State, on the standard error ---------------------------------------------------------------------------------------- */

static void say_lost(struct listener *listener, const char *why)
{
	if (!listener->lost) {
		if (listener->was_connected)
			listener->losses++;
		command_say("%s: %s; trying again", listener->was_connected ? "lost" : "connecting", why);
	}
	listener->lost = true;
	listener->connected = false;
}

static void say_listening(const struct listener *listener)
{
	struct strbuf text = STRBUF_INIT(64 << 10);

	for (size_t i = 0; i < listener->patterns_len; i++) {
		strbuf_puts(&text, i > 0 ? " " : "");
		strbuf_slice(&text, listener->patterns[i]);
	}
	if (!listener->subscriber)
		strbuf_puts(&text, ", events without a subscriber");
	else if (strcmp(listener->subscriber, "*") == 0)
		strbuf_puts(&text, ", events of all subscribers");
	else
		strbuf_printf(&text, ", events of subscriber %s", listener->subscriber);
	command_say("listening%s: %s", listener->was_connected ? " again" : "", strbuf_text(&text));
	strbuf_free(&text);
}

static void say_end(const struct listener *listener)
{
	struct strbuf text = STRBUF_INIT(4096);

	strbuf_printf(&text, "%lld event%s", (long long)listener->shown, listener->shown == 1 ? "" : "s");
	if (listener->forward)
		strbuf_printf(&text, ", %lld taken by the program, %lld not", (long long)listener->taken, (long long)listener->not_taken);
	if (listener->foreign > 0)
		strbuf_printf(&text, ", %lld of subscribers not shown", (long long)listener->foreign);
	if (listener->losses > 0)
		strbuf_printf(&text, ", the hub was lost %lld time%s", (long long)listener->losses, listener->losses == 1 ? "" : "s");
	if (listener->last_time[0])
		strbuf_printf(&text, "; the last one is of %s", listener->last_time);
	command_say("%s", strbuf_text(&text));
	strbuf_free(&text);
}

/* ---- One event ----------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static bool is_wanted(const struct listener *listener, const json_t *event)
{
	const char *type = text_of(event, "type"), *id = text_of(event, "id");

	/* Ids sort as their events do. */
	if (!type || !id || strcmp(id, listener->last_id) <= 0)
		return false;
	for (size_t i = 0; i < listener->patterns_len; i++) {
		if (pattern_matches(listener->patterns[i], slice_of(type)))
			return true;
	}
	return false;
}

/* Whether an endpoint of this listener's subscriber would get it; the hub's filter saw to a named one. */
static bool is_foreign(struct listener *listener, const json_t *event)
{
	const char *subscriber = text_of(event, "subscriber");

	if (listener->subscriber || !subscriber)
		return false;
	if (listener->foreign++ == 0)
		command_say("an event of subscriber %s is not shown: --subscriber %s, or '*' for all", subscriber, subscriber);
	return true;
}

static void put_event(const struct listener *listener, json_t *event, const struct forward_result *result)
{
	static const char *const cells[] = {"time", "type", "id", "uid"};

	if (listener->json) {
		if (result)
			json_object_set_new(event, "forward",
			                    json_pack("{s:o, s:I, s:s*}", "status",
			                              result->status ? json_integer(result->status) : json_null(), "duration_ms",
			                              (json_int_t)result->duration_ms, "failure", result->why[0] ? result->why : NULL));
		json_line(event, stdout);
		return;
	}
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
		const char *cell = text_of(event, cells[i]);
		command_put(cell ? cell : "-", stdout);
		fputs("  ", stdout);
	}
	printf("%lld B", (long long)json_integer_value(json_object_get(event, "data_bytes")));
	if (result && result->why[0])
		printf("  -> failed: %s", result->why);
	else if (result)
		printf("  -> %d in %lld ms", result->status, (long long)result->duration_ms);
	putchar('\n');
}

/* The payload's bytes, and what the program said to them. */
static enum step pass_on(struct listener *listener, const json_t *event, struct forward_result *result)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	struct client_answer answer;
	enum step step = STEP_GOOD;

	path_make(&path, "events", text_of(event, "id"), "payload");
	struct client_ask ask = {.method = "GET", .path = strbuf_text(&path), .timeout_ms = ANSWER_SLACK_MS};
	int code = client_ask(listener->client, &ask, &answer);
	if (code != EXIT_OK || client_code(&answer) == EXIT_UNAVAILABLE) {
		say_lost(listener, code != EXIT_OK ? client_why(listener->client) : "the hub is not ready");
		step = STEP_LOST;
	} else if (client_code(&answer) != EXIT_OK) {
		*result = (struct forward_result){.why = "the payload is not there any more"};
	} else {
		forward_send(listener->forward, event, (struct slice){strbuf_text(&answer.body), answer.body.len}, result);
	}
	if (code == EXIT_OK)
		strbuf_free(&answer.body);
	strbuf_free(&path);
	return interrupted ? STEP_OVER : step;
}

static enum step show(struct listener *listener, json_t *event)
{
	struct forward_result result;

	if (listener->forward) {
		enum step step = pass_on(listener, event, &result);
		if (step != STEP_GOOD)
			return step;
		bool taken = result.status >= 200 && result.status < 300;
		listener->taken += taken;
		listener->not_taken += !taken;
	}
	put_event(listener, event, listener->forward ? &result : NULL);
	listener->shown++;
	snprintf(listener->last_id, sizeof listener->last_id, "%s", text_of(event, "id"));
	snprintf(listener->last_time, sizeof listener->last_time, "%s", text_of(event, "time") ? text_of(event, "time") : "");
	/* Whoever reads a pipe sees each event at once; and when nobody reads any more, it is over. */
	return fflush(stdout) == 0 ? STEP_GOOD : STEP_OVER;
}

/* ---- The log ------------------------------------------------------------------------------------------------------------- */

static void make_path(const struct listener *listener, struct strbuf *path)
{
	const char *since = args_value(listener->run->args, "since");
	char number[24];

	path_make(path, "events", NULL, NULL);
	path_param(path, "order", "asc");
	snprintf(number, sizeof number, "%d", PAGE_ROWS);
	path_param(path, "limit", number);
	snprintf(number, sizeof number, "%d", listener->connected ? WAIT_MS : 0);
	path_param(path, "wait_ms", number);
	/* The hub filters by one pattern; several are looked at here. */
	if (listener->patterns_len == 1)
		path_param(path, "type", listener->patterns[0].at);
	if (listener->subscriber && strcmp(listener->subscriber, "*") != 0)
		path_param(path, "subscriber", listener->subscriber);
	if (listener->after[0])
		path_param(path, "after", listener->after);
	else
		path_param(path, "since", since ? since : "-0s");
}

/* Asks for the next page; *code is that of the end, when it is over. */
static enum step ask(struct listener *listener, json_t **page, int *code)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES), why = STRBUF_INIT(1 << 20);
	struct client_answer answer;
	enum step step = STEP_GOOD;

	make_path(listener, &path);
	struct client_ask ask = {.method = "GET", .path = strbuf_text(&path), .timeout_ms = WAIT_MS + ANSWER_SLACK_MS};
	*code = client_ask(listener->client, &ask, &answer);
	if (*code != EXIT_OK) {
		if (!interrupted)
			say_lost(listener, client_why(listener->client));
		strbuf_free(&path);
		return STEP_LOST;
	}
	if (client_code(&answer) != EXIT_OK) {
		client_problem(&ask, &answer, &why);
		step = client_code(&answer) == EXIT_UNAVAILABLE || answer.status >= 500 ? STEP_LOST : STEP_OVER;
		*code = client_code(&answer);
		if (step == STEP_LOST)
			say_lost(listener, strbuf_text(&why));
		else
			command_say("%s", strbuf_text(&why));
	} else {
		*page = json_loadb(strbuf_text(&answer.body), answer.body.len, JSON_ALLOW_NUL, NULL);
	}
	strbuf_free(&answer.body);
	strbuf_free(&path);
	strbuf_free(&why);
	return step;
}

static size_t count_wanted(const struct listener *listener, const json_t *rows)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *event = json_array_get(rows, i);
		count += is_wanted(listener, event) && (listener->subscriber || !text_of(event, "subscriber"));
	}
	return count;
}

/* The hub answers (again): what there was meanwhile. */
static void say_caught_up(struct listener *listener, const json_t *rows)
{
	const char *since = args_value(listener->run->args, "since");
	size_t count = count_wanted(listener, rows);
	const char *more = json_array_size(rows) == PAGE_ROWS ? " or more" : "";

	if (listener->was_connected && listener->lost)
		command_say("connected again: replaying %zu%s missed", count, more);
	else if (!listener->was_connected && since && !listener->after[0])
		command_say("replaying %zu%s since %s", count, more, since);
	listener->lost = false;
}

static enum step show_page(struct listener *listener, const json_t *page)
{
	const json_t *rows = json_object_get(page, "data");
	const char *after = text_of(page, "after");

	if (!listener->connected)
		say_caught_up(listener, rows);
	for (size_t i = 0; i < json_array_size(rows) && !interrupted; i++) {
		json_t *event = json_array_get(rows, i);
		if (!is_wanted(listener, event) || is_foreign(listener, event))
			continue;
		enum step step = show(listener, event);
		if (step != STEP_GOOD)
			return step;
	}
	if (after && !interrupted)
		snprintf(listener->after, sizeof listener->after, "%s", after);
	/* A full page, or one whose search took too long, is not the end of the log. */
	bool all = json_array_size(rows) < PAGE_ROWS && !text_of(page, "searched_to");
	if (all && !listener->connected) {
		listener->connected = true;
		say_listening(listener);
		listener->was_connected = true;
	}
	return STEP_GOOD;
}

/* Waits a while; a signal ends it. */
static void pause_ms(int ms)
{
	if (!interrupted)
		poll(NULL, 0, ms);
}

static int follow(struct listener *listener)
{
	const struct clock *clock = listener->run->local->clock;
	int code = EXIT_OK;

	while (!interrupted) {
		json_t *page = NULL;
		int64_t begun_us = clock_mono_us(clock);
		bool waited = listener->connected;
		enum step step = ask(listener, &page, &code);
		if (step == STEP_GOOD)
			step = show_page(listener, page);
		bool nothing = json_array_size(json_object_get(page, "data")) == 0;
		json_decref(page);
		if (step == STEP_OVER)
			return interrupted ? EXIT_OK : code != EXIT_OK ? code : EXIT_FAILED;
		if (step == STEP_LOST) {
			pause_ms(listener->backoff_ms);
			listener->backoff_ms = listener->backoff_ms * 2 < BACKOFF_MAX_MS ? listener->backoff_ms * 2 : BACKOFF_MAX_MS;
			continue;
		}
		listener->backoff_ms = BACKOFF_FIRST_MS;
		/* A hub that lets too many wait already answers at once: it is asked again, but not at any pace. */
		if (waited && nothing && clock_mono_us(clock) - begun_us < PACE_MS * 1000)
			pause_ms(PACE_MS);
	}
	return EXIT_OK;
}

/* ---- The command --------------------------------------------------------------------------------------------------------- */

static int take_pattern(struct listener *listener, const char *text, size_t len)
{
	struct err err = {0};
	char *copy = mem_text_of((struct slice){text, len});

	listener->patterns = realloc(listener->patterns, (listener->patterns_len + 1) * sizeof *listener->patterns);
	if (!listener->patterns)
		abort();
	listener->patterns[listener->patterns_len++] = (struct slice){copy, len};
	if (pattern_check((struct slice){copy, len}, "--types", &err) == 0)
		return EXIT_OK;
	return command_misused(listener->run, "%s", err.detail);
}

static int take_patterns(struct listener *listener)
{
	const struct args *args = listener->run->args;
	const char *list;
	size_t at = 0;
	int code = EXIT_OK;

	while (code == EXIT_OK && (list = args_next(args, "types", &at))) {
		while (code == EXIT_OK && *list) {
			size_t len = strcspn(list, ",");
			code = take_pattern(listener, list, len);
			list += len + (list[len] == ',');
		}
	}
	for (int i = 0; i < args->words_len && code == EXIT_OK; i++)
		code = args_value(args, "types") ? take_pattern(listener, args->words[i], strlen(args->words[i]))
		                                 : command_words(listener->run, 0, 0);
	if (code == EXIT_OK && listener->patterns_len == 0)
		code = take_pattern(listener, "*", 1);
	return code;
}

static int take_forward(struct listener *listener)
{
	const struct args *args = listener->run->args;
	const char *url = args_value(args, "forward"), *secret = args_value(args, "secret");
	struct err err = {0};

	if (!url)
		return secret ? command_misused(listener->run, "--secret goes with --forward") : EXIT_OK;
	listener->forward = forward_new(url, secret, listener->run->local->clock, &interrupted, &err);
	if (listener->forward)
		return EXIT_OK;
	return command_misused(listener->run, "%s", err.detail);
}

int listen_run(const struct command_run *run)
{
	struct listener listener = {
	    .run = run,
	    .subscriber = args_value(run->args, "subscriber"),
	    .json = args_value(run->args, "json"),
	    .backoff_ms = BACKOFF_FIRST_MS,
	};

	take_signals();
	int code = take_patterns(&listener);
	if (code == EXIT_OK)
		code = take_forward(&listener);
	if (code == EXIT_OK)
		listener.client = client_open(run, false, &code);
	if (listener.client) {
		client_running_only(listener.client);
		client_interrupt(listener.client, &interrupted);
		command_say("connecting to %s", client_where(listener.client));
		if (listener.forward)
			command_say("passing events to %s, signed with %s", args_value(run->args, "forward"),
			            forward_secret(listener.forward));
		code = follow(&listener);
		say_end(&listener);
	}
	client_close(listener.client);
	forward_free(listener.forward);
	for (size_t i = 0; i < listener.patterns_len; i++)
		free((char *)(uintptr_t)listener.patterns[i].at);
	free(listener.patterns);
	return code;
}
