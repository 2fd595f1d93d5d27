/* grapnel endpoints verify: asks an endpoint, and waits for what comes of it. */
#include <poll.h>
#include <string.h>

#include "cli/endpoint.h"
#include "conf/option.h"

const struct args_option endpoints_verify_run_options[] = {
    {"wait", "TIME", "how long to wait for what comes of it, as in 1m (default 30s; 0s: not at all)"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

enum { LOOK_EVERY_MS = 100, WAIT_MS = 30000 };

static const struct column columns[] = {{"id", "id"}, {"verification", "verification.state"}, {"why", "verification.detail"}};

static bool state_is(const json_t *answer, const char *state)
{
	const char *text = json_string_value(json_at(answer, "verification.state"));
	return text && strcmp(text, state) == 0;
}

/* Looks until it is no more pending, or the time is over. */
static int wait_for_it(const struct command_run *run, struct client *client, const char *path, int64_t wait_ms, json_t **answer)
{
	int64_t until_us = clock_mono_us(run->local->clock) + wait_ms * 1000;
	int code = EXIT_OK;

	while (code == EXIT_OK && state_is(*answer, "pending") && client_hub_runs(client) && clock_mono_us(run->local->clock) < until_us) {
		poll(NULL, 0, LOOK_EVERY_MS);
		json_decref(*answer);
		code = client_get(client, path, answer);
	}
	return code;
}

/* What is left to say beside the state. */
static int judge(const struct client *client, const json_t *answer)
{
	if (state_is(answer, "verified"))
		return EXIT_OK;
	if (state_is(answer, "pending"))
		command_say(client_hub_runs(client) ? "it has not answered yet; what waits for it goes on waiting"
		                                    : "no hub runs: it is asked when one does");
	return EXIT_FAILED;
}

int endpoints_verify_run(const struct command_run *run)
{
	struct strbuf ask = STRBUF_INIT(PATH_MAX_BYTES), look = STRBUF_INIT(PATH_MAX_BYTES);
	const char *wait = args_value(run->args, "wait"), *why = "";
	int64_t wait_ms = WAIT_MS;
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (wait && option_parse_ms(wait, &wait_ms, &why) != 0)
		return command_misused(run, "--wait cannot be \"%.40s\": %s; accepted: a number with a unit: ms, s, m, h, d", wait, why);
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&ask, "endpoints", run->args->words[0], "verify");
	path_make(&look, "endpoints", run->args->words[0], NULL);
	path_filters(&ask, run, endpoint_owner);
	path_filters(&look, run, endpoint_owner);
	code = client_request(client, "POST", strbuf_text(&ask), NULL, (struct slice){NULL, 0}, &answer);
	if (code == EXIT_OK)
		code = wait_for_it(run, client, strbuf_text(&look), wait_ms, &answer);
	if (code == EXIT_OK) {
		thing_put(run, columns, sizeof columns / sizeof *columns, answer);
		code = judge(client, answer);
	}
	json_decref(answer);
	client_close(client);
	strbuf_free(&ask);
	strbuf_free(&look);
	return code;
}
