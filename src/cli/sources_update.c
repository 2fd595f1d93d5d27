/* grapnel sources update: changes what options name, and leaves the rest; and what the commands that change sources share. */
#include <string.h>

#include "cli/document.h"
#include "cli/source.h"

const struct args_option sources_update_run_options[] = {
    {"uid", "TEXT", "your own id of it: it stands in the URL"},
    {"setting", "NAME=VALUE", "a setting of the scheme; may be given several times"},
    {"subscriber", "ID", "whose events they become (id or uid)"},
    {"event-type", "TEMPLATE", "the type of its events"},
    {"dedupe", "TEMPLATE", "what tells repetitions"},
    {"public-url", "URL", "what the provider calls, to the letter, where a proxy stands before the hub; some providers sign it"},
    {"description", "TEXT", "what it is for"},
    {"document", "FILE", "the rest from a JSON document as the API takes it (RFC 7396: null takes away), from a file or from the standard input (-)"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct path_filter texts[] = {
    {"uid", "uid"},       {"subscriber", "subscriber"}, {"event-type", "event_type"},
    {"dedupe", "dedupe"}, {"public-url", "public_url"}, {"description", "description"},
    {0},
};

void source_texts(const struct command_run *run, json_t *doc)
{
	for (const struct path_filter *one = texts; one->option; one++) {
		if (args_value(run->args, one->option))
			json_object_set_new(doc, one->name, json_string(args_value(run->args, one->option)));
	}
}

int source_merge(const struct command_run *run, json_t *doc)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;
	int code = command_words(run, 1, 1);
	struct client *client = code == EXIT_OK ? client_open(run, false, &code) : NULL;

	if (client) {
		path_make(&path, "sources", run->args->words[0], NULL);
		code = client_request_json(client, "PATCH", strbuf_text(&path), doc, &answer);
	}
	if (client && code == EXIT_OK)
		thing_put(run, source_columns, SOURCE_COLUMNS, answer);
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	strbuf_free(&path);
	return code;
}

int sources_update_run(const struct command_run *run)
{
	const char *file = args_value(run->args, "document");
	json_t *doc = file ? document_read(run, file) : json_object();

	if (!doc)
		return EXIT_USAGE;
	source_texts(run, doc);
	int code = document_pairs(run, "setting", "settings", doc);
	if (code == EXIT_OK && json_object_size(doc) == 0)
		code = command_misused(run, "nothing is to be changed: give an option, such as --event-type, or --document");
	if (code == EXIT_OK)
		return source_merge(run, doc);
	json_decref(doc);
	return code;
}
