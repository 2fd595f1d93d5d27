/* grapnel sources add: makes a source, from options, or from a JSON document that options change. */
#include <string.h>

#include "cli/document.h"
#include "cli/source.h"

const struct args_option sources_add_run_options[] = {
    {"uid", "TEXT", "your own id of it: it stands in the URL"},
    {"secret", "TEXT", SOURCE_SECRET_HELP},
    {"secret-file", "FILE", SOURCE_SECRET_FILE_HELP},
    {"setting", "NAME=VALUE", "a setting of the scheme; may be given several times"},
    {"subscriber", "ID", "whose events they become (id or uid); without, nobody's"},
    {"event-type", "TEMPLATE", "the type of its events (default: {type}, as the scheme makes it)"},
    {"dedupe", "TEMPLATE", "what tells repetitions (default: {id}, as the scheme makes it)"},
    {"public-url", "URL", "what the provider calls, to the letter, where a proxy stands before the hub; some providers sign it"},
    {"description", "TEXT", "what it is for"},
    {"document", "FILE", "the rest from a JSON document as the API takes it, from a file or from the standard input (-)"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static int put_options(const struct command_run *run, json_t *doc)
{
	struct strbuf text = STRBUF_INIT(0);
	int code;

	if (run->args->words_len > 0)
		json_object_set_new(doc, "scheme", json_string(run->args->words[0]));
	source_texts(run, doc);
	const char *secret = source_secret(run, &text, &code);
	if (secret)
		json_object_set_new(doc, "secret", json_string(secret));
	strbuf_free(&text);
	return code == EXIT_OK ? document_pairs(run, "setting", "settings", doc) : code;
}

int sources_add_run(const struct command_run *run)
{
	const char *file = args_value(run->args, "document");
	struct client *client = NULL;
	json_t *answer = NULL;

	if (command_words(run, file ? 0 : 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	json_t *doc = file ? document_read(run, file) : json_object();
	if (!doc)
		return EXIT_USAGE;
	int code = put_options(run, doc);
	if (code != EXIT_OK)
		goto out;
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	code = client_request_json(client, "POST", "/v1/sources", doc, &answer);
	if (code == EXIT_OK)
		thing_put(run, source_columns, SOURCE_COLUMNS, answer);
out:
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	return code;
}
