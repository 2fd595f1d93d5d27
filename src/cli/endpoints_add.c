/* grapnel endpoints add: makes an endpoint, from options, or from a JSON document that options change. */
#include <stdlib.h>
#include <string.h>

#include "cli/document.h"
#include "cli/endpoint.h"
#include "conf/option.h"

const struct args_option endpoints_add_run_options[] = {
    {"types", "PATTERN[,...]", "which events it gets: order.created, order.*, order.**, * (default: *); may be given several times"},
    {"uid", "TEXT", "your own id of it"},
    {"subscriber", "ID", "whose it is (id or uid); without, nobody's"},
    {"description", "TEXT", "what it is for"},
    {"secret", "whsec_...", "the secret that signs; without, the hub makes one"},
    {"header", "NAME=VALUE", "a header of every delivery; may be given several times"},
    {"metadata", "NAME=VALUE", "something to remember with it; may be given several times"},
    {"format", "FORMAT", "the form of deliveries, raw for one (see the API)"},
    {"timeout", "TIME", "the longest time an attempt may take, as in 10s"},
    {"max-in-flight", "N", "concurrent attempts"},
    {"ordered", NULL, "deliver one event after the other"},
    {"document", "FILE", "the rest from a JSON document as the API takes it, from a file or from the standard input (-)"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct path_filter texts[] = {
    {"uid", "uid"}, {"subscriber", "subscriber"}, {"description", "description"}, {"secret", "secret"}, {"format", "format"}, {0},
};

static int put_numbers(const struct command_run *run, json_t *doc)
{
	const char *timeout = args_value(run->args, "timeout"), *most = args_value(run->args, "max-in-flight"), *why;
	int64_t ms;
	char *end;

	if (timeout && option_parse_ms(timeout, &ms, &why) != 0)
		return command_misused(run, "--timeout cannot be \"%.40s\": %s; accepted: a number with a unit: ms, s, m", timeout, why);
	if (timeout)
		json_object_set_new(doc, "timeout_ms", json_integer(ms));
	if (!most)
		return EXIT_OK;
	long long number = strtoll(most, &end, 10);
	if (*end || end == most)
		return command_misused(run, "--max-in-flight cannot be \"%.40s\"; accepted: a number", most);
	json_object_set_new(doc, "max_in_flight", json_integer(number));
	return EXIT_OK;
}

static void put_types(const struct command_run *run, json_t *doc)
{
	const char *list;
	size_t at = 0;
	json_t *types = json_array();

	while ((list = args_next(run->args, "types", &at))) {
		while (*list) {
			size_t len = strcspn(list, ",");
			json_array_append_new(types, json_stringn(list, len));
			list += len + (list[len] == ',');
		}
	}
	if (json_array_size(types) > 0)
		json_object_set(doc, "event_types", types);
	else if (!json_object_get(doc, "event_types"))
		json_object_set_new(doc, "event_types", json_pack("[s]", "*"));
	json_decref(types);
}

static int put_options(const struct command_run *run, json_t *doc)
{
	if (run->args->words_len > 0)
		json_object_set_new(doc, "url", json_string(run->args->words[0]));
	for (const struct path_filter *text = texts; text->option; text++) {
		if (args_value(run->args, text->option))
			json_object_set_new(doc, text->name, json_string(args_value(run->args, text->option)));
	}
	if (args_value(run->args, "ordered"))
		json_object_set_new(doc, "ordered", json_true());
	put_types(run, doc);
	if (document_pairs(run, "header", "headers", doc) != EXIT_OK || document_pairs(run, "metadata", "metadata", doc) != EXIT_OK)
		return EXIT_USAGE;
	return put_numbers(run, doc);
}

int endpoints_add_run(const struct command_run *run)
{
	const char *file = args_value(run->args, "document");
	struct client *client = NULL;
	json_t *answer = NULL;
	int code = EXIT_USAGE;

	if (command_words(run, file ? 0 : 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	json_t *doc = file ? document_read(run, file) : json_object();
	if (!doc)
		return EXIT_USAGE;
	code = put_options(run, doc);
	if (code != EXIT_OK)
		goto out;
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	code = client_request_json(client, "POST", "/v1/endpoints", doc, &answer);
	if (code == EXIT_OK)
		thing_put(run, endpoint_columns, ENDPOINT_COLUMNS, answer);
out:
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	return code;
}
