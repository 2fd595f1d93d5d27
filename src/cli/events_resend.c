/* grapnel events resend: an event once more, to all of its endpoints or to those that are named. */
#include "cli/thing.h"

const struct args_option events_resend_run_options[] = {
    {"endpoint", "ID", "to this endpoint alone (id or uid); may be given several times"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, "print what was done as JSON, one object a line"},
    {0},
};

static const struct path_filter owner[] = {{"subscriber", "subscriber"}, {0}};
static const struct column columns[] = {{"ENDPOINT", "endpoint"}, {"DELIVERY", "delivery"}, {"ACTION", "action"}};

static json_t *document(const struct command_run *run)
{
	json_t *doc = json_object(), *endpoints = json_array();
	const char *endpoint;
	size_t at = 0;

	while ((endpoint = args_next(run->args, "endpoint", &at)))
		json_array_append_new(endpoints, json_string(endpoint));
	if (json_array_size(endpoints) > 0)
		json_object_set(doc, "endpoints", endpoints);
	json_decref(endpoints);
	return doc;
}

static void put_answer(const struct command_run *run, const json_t *rows)
{
	struct table table = TABLE_INIT(columns);

	if (!args_value(run->args, "json")) {
		table_rows(&table, rows, stdout);
		return;
	}
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_line(json_array_get(rows, i), stdout);
}

int events_resend_run(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	json_t *doc = document(run);
	path_make(&path, "events", run->args->words[0], "resend");
	path_filters(&path, run, owner);
	code = client_request_json(client, "POST", strbuf_text(&path), doc, &answer);
	const json_t *rows = json_object_get(answer, "data");
	if (code == EXIT_OK && json_array_size(rows) > 0)
		put_answer(run, rows);
	if (code == EXIT_OK && json_array_size(rows) == 0) {
		command_say("no endpoint gets this event");
		code = EXIT_FAILED;
	}
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	strbuf_free(&path);
	return code;
}
