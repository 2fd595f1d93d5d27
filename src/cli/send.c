/* grapnel send: publishes an event, or a file of them. */
#include <string.h>

#include "cli/client.h"
#include "cli/envelope.h"
#include "cli/send_file.h"
#include "cli/table.h"

const struct args_option send_run_options[] = {
    {"type", "TYPE", "the event's type, such as order.created"},
    {"data-file", "FILE", "the payload from a file, or from the standard input when it is -; otherwise it is the JSON argument"},
    {"subject", "TEXT", "what the event is about"},
    {"subscriber", "ID", "whose endpoints it reaches (id or uid; * for all); without, those that have no subscriber"},
    {"endpoint", "ID", "reach this endpoint alone, whatever its types"},
    {"uid", "TEXT", "your own id of the event: sent again with it, the event is published once"},
    {"ordering-key", "TEXT", "deliver events with the same key one after another"},
    {"attribute", "NAME=VALUE", "an attribute of the event; may be given several times"},
    {"deliver-at", "TIME", "not before: RFC 3339, or from now on, as in +10m"},
    {"expires-at", "TIME", "not after"},
    {"from-line", "N", "of a file: begin with this line"},
    {"batch", "N", "of a file: at most so many events in one request (default: limits.batch)"},
    {"json", NULL, "print the hub's answers as JSON, one object a line; of a file, with the line's number"},
    {0},
};

/* Of a file the lines say all themselves. */
static bool is_about_one_event(const char *option)
{
	return strcmp(option, "from-line") != 0 && strcmp(option, "batch") != 0 && strcmp(option, "json") != 0;
}

static int check_options(const struct command_run *run, bool file)
{
	const struct args *args = run->args;

	for (size_t i = 0; i < args->given_len; i++) {
		const char *option = args->given[i].option->name;
		if (file && is_about_one_event(option))
			return command_misused(run, "--%s needs --type and a payload; the lines of a file say all themselves", option);
		if (!file && !is_about_one_event(option) && strcmp(option, "json") != 0)
			return command_misused(run, "--%s is about a file of events", option);
	}
	return EXIT_OK;
}

static int put_published(const struct command_run *run, const json_t *published)
{
	const char *id = json_string_value(json_object_get(published, "id"));

	if (!id) {
		command_say("the hub's answer holds no event");
		return EXIT_FAILED;
	}
	if (args_value(run->args, "json")) {
		json_line(published, stdout);
		return EXIT_OK;
	}
	printf("%s deliveries=%lld%s\n", id, (long long)json_integer_value(json_object_get(published, "deliveries")),
	       json_is_true(json_object_get(published, "duplicate")) ? " duplicate" : "");
	return EXIT_OK;
}

static int send_one(const struct command_run *run)
{
	struct strbuf body = STRBUF_INIT(ENVELOPE_MAX_BYTES);
	struct client *client = NULL;
	json_t *answer = NULL;
	int code;

	code = envelope_put(run, &body);
	if (code != EXIT_OK)
		goto out;
	code = EXIT_FAILED;
	if (body.failed) {
		command_say("the event is too large");
		goto out;
	}
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	code = client_request(client, "POST", "/v1/events", "application/json", (struct slice){strbuf_text(&body), body.len}, &answer);
	if (code == EXIT_OK)
		code = put_published(run, answer);
out:
	client_close(client);
	json_decref(answer);
	strbuf_free(&body);
	return code;
}

int send_run(const struct command_run *run)
{
	const struct args *args = run->args;
	bool file = args->words_len == 1 && !args_value(args, "type") && !args_value(args, "data-file");

	if (command_words(run, 0, 1) != EXIT_OK || check_options(run, file) != EXIT_OK)
		return EXIT_USAGE;
	return file ? send_file(run, args->words[0]) : send_one(run);
}
